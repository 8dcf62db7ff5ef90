"""The emitted modules as candidates: written to a folder, imported, and called as a user calls them."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
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


def device_of(target: str) -> Device:
    """Where a target's code runs."""
    return "cuda" if target == "cuda" else "cpu"


def candidates(case: Case, target: str) -> Sequence[Candidate]:
    """The emitted module with new outputs, and with given ones where its functions take ``out``.

    Raises ``NotHere`` where the target cannot express the function or its library is not installed.
    """
    if target not in ARRAYS:
        raise NotHere(f"the target {target!r} cannot be timed yet: name its arrays in bench/ours.py")
    library = _library(ARRAYS[target])
    module = _module(case.activation, target)
    v, dy = (_array(library, x) for x in (case.v, case.dy))
    parameters = tuple(case.parameters.values())
    call = _call(module, case, v, dy, parameters)
    fresh = _compiled(module, case, v, dy, parameters) if target == "jax" else call
    made = [Candidate(name=target, output="fresh", run=fresh, read=_reader(case), how=target, ours=True)]
    if not case.backward and _takes(module.forward, "out"):
        forward, out = module.forward, library.empty_like(v)

        def into() -> Any:
            return forward(v, *parameters, out=out)

        made.append(Candidate(name=target, output="preallocated", run=into, read=_reader(case), how=target, ours=True))
    elif case.backward and hasattr(module, "forward_backward") and _takes(module.forward_backward, "out"):
        both, outs = module.forward_backward, (library.empty_like(v), library.empty_like(v))

        def into_both() -> Any:
            return both(dy, v, *parameters, out=outs)

        made.append(
            Candidate(name=target, output="preallocated", run=into_both, read=_reader(case), how=target, ours=True)
        )
    return made


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
    if hasattr(x, "get"):  # CuPy
        return x.get()
    return x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)


def _array(library: ModuleType, x: Any) -> Any:
    return library.from_numpy(x) if library.__name__ == "torch" else library.asarray(x)


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
    main = min(paths, key=lambda path: (activation.name not in path.stem, len(path.stem)))
    name = f"kassei_bench_{target}_{activation.digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, main)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(folder))  # a module may import a second file of its target
    try:
        spec.loader.exec_module(module)
    except ImportError as missing:
        del sys.modules[name]
        raise NotHere(f"needs {missing.name}") from None
    finally:
        sys.path.remove(str(folder))
    return module


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that stays while this process lives: compilers read their sources again."""
    return tempfile.TemporaryDirectory(prefix="kassei-bench-")
