"""The emitted modules as candidates: written to a folder, imported, and called as a user calls them."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from kassei.bench.candidate import Answer, Candidate, NotHere
from kassei.bench.case import Case, Device
from kassei.codegen import emit, write

if TYPE_CHECKING:
    from kassei.core.activation import Activation

ARRAYS: Mapping[str, str] = {"numpy": "numpy", "numba": "numpy", "cuda": "cupy", "jax": "jax.numpy", "torch": "torch"}
"""What a target's functions take."""


def devices_of(target: str) -> tuple[Device, ...]:
    """Where a target's code runs; it is timed on the first unless another target brings in the second."""
    return {"cuda": ("cuda",), "torch": ("cpu", "cuda")}.get(target, ("cpu",))  # type: ignore[return-value]


def candidates(case: Case, target: str) -> Sequence[Candidate]:
    """The emitted module with new outputs, and with given ones where its functions take ``out``.

    Raises ``NotHere`` where the target cannot express the function or its library is not installed.
    """
    if target not in ARRAYS:
        raise NotHere(f"the target {target!r} cannot be timed yet: name its arrays in bench/ours.py")
    library = _library(ARRAYS[target])
    module = _module(case.activation, target)
    if target == "torch":
        return [_in_torch(case, getattr(module, case.activation.name))]
    v, dy = (library.asarray(x) for x in (case.v, case.dy))
    parameters = tuple(case.parameters.values())
    call = _call(module, case, v, dy, parameters)
    fresh = _compiled(module, case, v, dy, parameters) if target == "jax" else call
    made = [Candidate(name=target, output="fresh", run=fresh, read=_reader(case), how=target, ours=True)]
    function = getattr(module, "forward_backward" if case.backward else "forward", None)
    if function is not None and _takes(function, "out"):
        given = (dy, v) if case.backward else (v,)
        out = tuple(library.empty_like(v) for _ in range(2)) if case.backward else library.empty_like(v)

        def into() -> Any:
            return function(*given, *parameters, out=out)

        made.append(Candidate(name=target, output="preallocated", run=into, read=_reader(case), how=target, ours=True))
    return made


def _in_torch(case: Case, function: Callable[..., Any]) -> Candidate:
    """As the peer that is composed of PyTorch's own calls: recorded and differentiated by autograd."""
    import torch

    from kassei.bench.peers import _torch

    threads = len(os.sched_getaffinity(0))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    v, dy = (torch.from_numpy(x).to(case.device) for x in (case.v, case.dy))
    parameters = tuple(
        torch.tensor(x, dtype=v.dtype, device=case.device) if name in case.learned else x
        for name, x in case.parameters.items()
    )
    prepared = _torch.Prepared(function=function, how="torch", v=v, dy=dy, parameters=parameters)
    run = _torch.call(case, function, prepared)
    return Candidate(name="torch", output="fresh", run=run, read=partial(_torch.read, case), how="torch", ours=True)


def _call(module: ModuleType, case: Case, v: Any, dy: Any, parameters: tuple[float, ...]) -> Callable[[], Any]:
    """The fused pass where the module has one, else its two halves."""
    forward = module.forward
    if not case.backward:
        return lambda: forward(v, *parameters)
    if hasattr(module, "forward_backward"):
        both = module.forward_backward
        return lambda: both(dy, v, *parameters)
    backward = module.backward
    return lambda: (forward(v, *parameters), *backward(dy, v, *parameters))


def _takes(function: Callable[..., Any], name: str) -> bool:
    return name in inspect.signature(function).parameters


def _reader(case: Case) -> Callable[[Any], Answer]:
    def read(result: Any) -> Answer:
        if not case.backward:
            return Answer(y=_host(result))
        y, dv, da = result
        return Answer(y=_host(y), dv=_host(dv), da={name: float(x) for name, x in da.items()})

    return read


def _host(x: Any) -> Any:
    return x.get() if hasattr(x, "get") else np.asarray(x)  # CuPy's arrays are fetched


def _compiled(module: ModuleType, case: Case, v: Any, dy: Any, parameters: tuple[float, ...]) -> Callable[[], Any]:
    """Under jit, as JAX functions are used, and waited for."""
    import jax

    function = module.forward_backward if case.backward else module.forward
    arrays = tuple(jax.numpy.asarray(x, dtype=case.dtype) for x in parameters)
    compiled, wait = jax.jit(function), jax.block_until_ready
    if case.backward:
        return lambda: wait(compiled(dy, v, *arrays))
    return lambda: wait(compiled(v, *arrays))


def _library(name: str) -> ModuleType:
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        raise NotHere(f"needs {name.partition('.')[0]}")
    return importlib.import_module(name)


@lru_cache(maxsize=256)
def _module(activation: Activation, target: str) -> ModuleType:
    """One import for each function and target, so that what it compiles is compiled once."""
    from kassei.codegen.plan import CannotEmitError
    from kassei.codegen.printer import NoRuleError

    try:
        files = emit(activation, target)
    except KeyError as unknown:
        raise NotHere(str(unknown.args[0])) from None
    except (CannotEmitError, NoRuleError) as reason:
        raise NotHere(str(reason)) from None
    folder = Path(_scratch().name) / target
    paths = [path for path in write(files, folder) if path.suffix == ".py"]
    stems = (f"{activation.name}_{target}", activation.name)
    main = min((path for path in paths if path.stem in stems), key=lambda path: stems.index(path.stem))
    name = f"kassei_bench_{target}_{activation.digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, main)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # a module may import another file of its target, now or when first called
    try:
        spec.loader.exec_module(module)
    except ImportError as missing:
        del sys.modules[name]
        raise NotHere(f"needs {missing.name}") from None
    return module


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that stays while this process lives: compilers read their sources again."""
    return tempfile.TemporaryDirectory(prefix="kassei-bench-")
