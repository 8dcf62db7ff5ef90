"""How the module of each target is loaded from its text and called on NumPy arrays.

A new target that offers ``forward``, ``grad_input`` and ``grad_params`` on NumPy arrays needs one line in ``RUNNERS``.
The derivative in a parameter is asked for with one channel per input, which gives each input's own derivative.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kassei.audit import javascript
from kassei.exact.formats import Format

Array = np.ndarray[Any, Any]


class CannotAuditError(ValueError):
    """Something that cannot be audited, and why."""


@dataclass(frozen=True, kw_only=True)
class Runner:
    """One target: what must be importable, and how arrays go in and come out.

    The value is the module's ``forward``, or the function that bears the activation's name. ``into`` makes the
    target's array of a NumPy one (of ``form``'s carrier), ``back`` undoes it. Where there is no ``grad_input``,
    ``differentiate`` asks the framework.
    """

    needs: tuple[str, ...]
    extra: str = ""
    into: Callable[[Array, Format], Any]
    back: Callable[[Any, Format], Array]
    differentiate: Callable[[Any, Any, tuple[Any, ...], int], Any] | None = None
    ready: Callable[[], bool] = lambda: True


def _plain(v: Array, form: Format) -> Array:
    if form.name != "bfloat16":
        return v
    if importlib.util.find_spec("ml_dtypes") is None:
        raise TypeError("NumPy arrays have no bfloat16 without the package ml_dtypes")
    import ml_dtypes

    return v.astype(ml_dtypes.bfloat16)


def _from_plain(y: Any, form: Format) -> Array:
    return np.asarray(y).astype(form.carrier, copy=False)


def _to_torch(v: Array, form: Format) -> Any:
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(v))
    return tensor.to(torch.bfloat16) if form.name == "bfloat16" else tensor


def _from_torch(y: Any, form: Format) -> Array:
    import torch

    y = y.detach()
    return np.asarray((y.to(torch.float32) if form.name == "bfloat16" else y).numpy()).astype(form.carrier, copy=False)


def _torch_gradient(forward: Any, v: Any, params: tuple[Any, ...], index: int) -> Any:
    import torch

    arguments = [v, *params]
    moved = arguments[index] = arguments[index].detach().clone().requires_grad_(True)
    axis = {"axis": 0} if index else {}
    y = forward(*arguments, **axis)
    return torch.autograd.grad(y, moved, torch.ones_like(y))[0]


def _to_jax(v: Array, form: Format) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    array = jnp.asarray(v)
    return array.astype(jnp.bfloat16) if form.name == "bfloat16" else array


def _jax_gradient(forward: Any, v: Any, params: tuple[Any, ...], index: int) -> Any:
    import jax
    import jax.numpy as jnp

    arguments = [v, *params]
    axis = {"axis": 0} if index else {}

    def moved(x: Any) -> Any:
        given = list(arguments)
        given[index] = x
        return forward(*given, **axis)

    y, back = jax.vjp(moved, arguments[index])
    return back(jnp.ones_like(y))[0]


def _to_cupy(v: Array, form: Format) -> Any:
    import cupy

    if form.name == "bfloat16":
        import ml_dtypes

        return cupy.asarray(v.astype(ml_dtypes.bfloat16))
    return cupy.asarray(v)


def _from_cupy(y: Any, form: Format) -> Array:
    return np.asarray(y.get()).astype(form.carrier, copy=False)


def _has_gpu() -> bool:
    try:
        import cupy

        return bool(cupy.cuda.runtime.getDeviceCount() > 0)
    except Exception:  # no driver, no device, or a CuPy that does not fit either: each raises something else
        return False


RUNNERS: Mapping[str, Runner] = {
    "numpy": Runner(needs=("numpy",), into=_plain, back=_from_plain),
    "numba": Runner(needs=("numba",), extra="numba", into=_plain, back=_from_plain),
    "cuda": Runner(needs=("cupy",), into=_to_cupy, back=_from_cupy, ready=_has_gpu),
    "torch": Runner(needs=("torch",), into=_to_torch, back=_from_torch, differentiate=_torch_gradient),
    "javascript": Runner(needs=("quickjs",), extra="javascript", into=_plain, back=_from_plain),
    "jax": Runner(needs=("jax",), into=_to_jax, back=_from_plain, differentiate=_jax_gradient),
}


def missing(target: str) -> str | None:
    """What this machine lacks to run a target; None where nothing."""
    runner = RUNNERS[target]
    for module in runner.needs:
        if importlib.util.find_spec(module) is None:
            return module
    return None if runner.ready() else "a GPU"


@lru_cache(maxsize=64)
def _module(files: tuple[tuple[str, str], ...], main: str) -> Any:
    """The emitted module, imported from a folder of its own (numba and torch want source files)."""
    if main.endswith(".mjs"):
        return javascript.Module(dict(files)[main])
    folder = Path(tempfile.mkdtemp(prefix="kassei-audit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    digest = hashlib.sha256(repr(files).encode()).hexdigest()[:16]
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
        sys.modules.pop(Path(name).stem, None)  # a sibling of other text that was audited before
    sys.path.insert(0, str(folder))  # for siblings, which a module may import as late as its first call
    spec = importlib.util.spec_from_file_location(f"kassei_audited_{digest}_{Path(main).stem}", folder / main)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main_file(files: Mapping[str, str], name: str, target: str) -> str:
    """The emitted file that offers the functions."""
    for candidate in (f"{name}_{target}.py", f"{name}.py", f"{name}_{target}.mjs"):
        if candidate in files:
            return candidate
    modules = [n for n in sorted(files) if n.endswith(".py")]
    if len(modules) != 1:
        raise CannotAuditError(f"{target} emits {', '.join(sorted(files))}: which of them is the module?")
    return modules[0]


@dataclass(frozen=True, kw_only=True)
class Code:
    """Emitted code on its way to a worker: its files and the names its parameters have in it."""

    name: str
    target: str
    main: str
    files: tuple[tuple[str, str], ...]
    outer: Mapping[str, str]

    def call(self, quantity: str | None, v: Array, params: Mapping[str, float], variable: str, form: Format) -> Array:
        """Value (None), slope (the variable's name) or derivative in a parameter of each input."""
        runner, module = RUNNERS[self.target], _module(self.files, self.main)
        x = runner.into(v, form)
        forward = getattr(module, "forward", None) or getattr(module, self.name)
        names = list(params)
        if quantity is None:
            return runner.back(forward(x, *params.values()), form)
        index = 0 if quantity == variable else 1 + names.index(quantity)
        given: list[Any] = list(params.values())
        if index:
            given[index - 1] = runner.into(np.full(v.shape, params[quantity], dtype=v.dtype), form)
        if runner.differentiate is not None and not hasattr(module, "grad_input"):
            return runner.back(runner.differentiate(forward, x, tuple(given), index), form)
        ones = runner.into(np.ones_like(v), form)
        if index == 0:
            return runner.back(module.grad_input(ones, x, *given), form)
        return runner.back(module.grad_params(ones, x, *given, axis=0)[self.outer[quantity]], form)
