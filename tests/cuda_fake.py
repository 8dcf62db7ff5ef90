"""CuPy on the host: arrays are NumPy's, a RawKernel is its own source compiled by g++ (``cuda_host.h``).

So whole emitted modules run here, their Python and their kernels. Units are compiled in few calls of the compiler, many
functions of one dtype at a time; :class:`Fake` is what modules import as ``cupy``.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from kassei.codegen import emit
from kassei.library import catalogue

SHIM = Path(__file__).with_name("cuda_host.h")
FLAGS = (
    *("-O1", "-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-pthread"),
    *("-Wall", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-function", "-Wno-maybe-uninitialized"),
)
_C_TYPES: dict[type, Any] = {
    np.float32: ctypes.c_float,
    np.float64: ctypes.c_double,
    np.int32: ctypes.c_int,
    np.int64: ctypes.c_longlong,
    np.uint64: ctypes.c_ulonglong,
}


class Array(np.ndarray[Any, Any]):
    """A NumPy array that says where it lies as CuPy's do."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"data": (self.ctypes.data, False)}

    def get(self) -> np.ndarray:
        """A plain copy."""
        return np.array(self)


def array(x: Any, dtype: Any = None) -> Array:
    """An array on the device that is none."""
    return np.array(x, dtype=dtype).view(Array)


def signature(source: str) -> dict[str, str]:
    """Kernels of a unit and their parameters as written."""
    found = re.findall(r'extern "C" __global__ void __launch_bounds__\([\w, ]+\) (\w+)\((.*?)\) \{', source, re.S)
    return {name: " ".join(parameters.split()) for name, parameters in found}


def drivers(source: str) -> str:
    """For each kernel an entry point that launches it on the host."""
    out = []
    for name, parameters in signature(source).items():
        names = [p.split()[-1] for p in parameters.split(",")]
        out.append(
            f'extern "C" int host_{name}(unsigned int gx, unsigned int gy, {parameters}) {{'
            f" return kassei_launch(gx, gy, 256, [=] {{ {name}({', '.join(names)}); }}); }}"
        )
    return "\n".join(out)


def only(source: str, pattern: str) -> str:
    """A unit without the kernels whose names do not match: what nobody launches need not be compiled."""

    def keep(match: re.Match[str]) -> str:
        return match.group(0) if re.search(pattern, match.group(1)) else ""

    return re.sub(
        r'extern "C" __global__ void __launch_bounds__\([\w, ]+\) (\w+)\(.*?^\}\n', keep, source, flags=re.S | re.M
    )


def compile_units(sources: dict[str, str], folder: Path, label: str) -> Any:
    """One library of many units, each in a namespace of its own (macros are the unit's own)."""
    parts = [f'#include "{SHIM}"']
    for name, text in sources.items():
        macros = sorted(set(re.findall(r"^#define (KASSEI_\w+)", text, re.M)) - {"KASSEI_INLINE", "KASSEI_METHOD"})
        parts.append(f"namespace unit_{name} {{\n{text}\n{drivers(text)}\n}}")
        parts += [f"#undef {m}" for m in macros]
    path = folder / f"{label}.cpp"
    path.write_text("\n".join(parts))
    done = subprocess.run(
        ["g++", *FLAGS, "-o", path.with_suffix(".so"), path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:6000]
    return ctypes.CDLL(str(path.with_suffix(".so")))


class Fake(ModuleType):
    """What an emitted module sees as ``cupy``."""

    def __init__(self) -> None:
        super().__init__("cupy")
        self.ndarray = Array
        self.libraries: dict[str, Any] = {}
        self.launches: list[str] = []
        self.grid: tuple[int, int] | None = None
        self.cuda = SimpleNamespace(
            get_current_stream=lambda: SimpleNamespace(ptr=0), Device=lambda: SimpleNamespace(id=0)
        )

    def know(self, source: str, library: Any) -> None:
        """Kernels of this source are in this library."""
        self.libraries[hashlib.sha256(source.encode()).hexdigest()] = library

    def empty(self, shape: Any, dtype: Any) -> Array:
        """Memory that holds no zeros, so that nobody relies on them."""
        out = np.empty(shape, dtype).view(Array)
        out.view(Array).reshape(-1).view(np.uint8)[:] = 0x7B
        return out

    def empty_like(self, x: Array) -> Array:
        """Like another, and no zeros either."""
        return self.empty(x.shape, x.dtype)

    def zeros(self, shape: Any, dtype: Any) -> Array:
        """Zeros."""
        return np.zeros(shape, dtype).view(Array)

    def asarray(self, x: Any) -> Array:
        """The same memory as a device's."""
        return np.asarray(x).view(Array)

    def ascontiguousarray(self, x: Array) -> Array:
        """The same array, or a copy in C order."""
        return x if x.flags.c_contiguous else np.array(x, order="C").view(Array)

    def may_share_memory(self, a: Array, b: Array) -> bool:
        """Whether bounds overlap."""
        return bool(np.may_share_memory(a, b))

    def RawKernel(self, source: str, name: str) -> Any:  # noqa: N802
        """A kernel that runs on the host."""
        library = self.libraries[hashlib.sha256(source.encode()).hexdigest()]

        def launch(grid: tuple[int, int], block: tuple[int, int], arguments: tuple[Any, ...]) -> None:
            assert block == (256, 1)
            self.launches.append(name)
            self.grid = grid
            converted = [
                ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else _C_TYPES[type(a)](a) for a in arguments
            ]
            expected = len(signature(source)[name].split(","))
            assert len(converted) == expected, f"{name} takes {expected} arguments, not {len(converted)}"
            status = getattr(library, f"host_{name}")(ctypes.c_uint(grid[0]), ctypes.c_uint(grid[1]), *converted)
            library.kassei_error.restype = ctypes.c_char_p
            assert status == 0, f"{name}: {library.kassei_error().decode()}"

        return launch


@contextmanager
def installed(fake: Fake) -> Iterator[Fake]:
    """``import cupy`` gives the fake."""
    before = sys.modules.get("cupy")
    sys.modules["cupy"] = fake
    try:
        yield fake
    finally:
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before


def module(name: str) -> SimpleNamespace:
    """An emitted CUDA module, executed (it imports CuPy when it is first used)."""
    ((file, text),) = emit(catalogue[name], "cuda").items()
    space: dict[str, Any] = {"__name__": file.removesuffix(".py")}
    exec(compile(text, file, "exec"), space)
    return SimpleNamespace(**space)


def build(names: Iterable[str], dtype: str, folder: Path, pattern: str = "", label: str = "", before: str = "") -> Any:
    """The library of some functions in one dtype, with those of their kernels whose names match.

    ``before`` stands before each unit.
    """
    units = {n: before + only(module(n).SOURCE[dtype], pattern) for n in names}
    return compile_units(units, folder, f"{dtype}{label}")
