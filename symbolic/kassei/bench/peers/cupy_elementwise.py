"""CuPy's ElementwiseKernel of the definition, computing in float32 for 16-bit inputs. Forward, on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from kassei.bench.candidate import Answer, Candidate, NotHere, Peer
from kassei.bench.case import Case
from kassei.bench.spell import ELEMENTARY, Language, spell


def language(inner: str) -> Language:
    """CUDA C++ with constants of the inner type."""

    def literal(value: sp.Expr) -> str:
        return f"({inner})({float(value)!r})"

    return Language(
        name="CUDA",
        calls={name: name for name in (*ELEMENTARY, "atan", "sqrt", "erf", "erfc")} | {"Abs": "fabs", "Pow": "pow"},
        where="({} ? {} : {})",
        largest=lambda x, y, _: f"max({x}, {y})",
        least=lambda x, y, _: f"min({x}, {y})",
        literal=literal,
        both="&&",
        either="||",
        negate="!",
        powers=False,
    )


def body(case: Case) -> str:
    """The kernel's statements: parameters and common parts as constants of the inner type, then the result."""
    inner = "double" if case.dtype == "float64" else "float"
    spelled = spell(case.activation, language(inner))
    lines = [f"const {inner} {case.activation.variable} = ({inner})given;"]
    lines += [f"const {inner} {name} = ({inner}){name}_given;" for name in case.parameters]
    lines += [f"const {inner} {part} = {text};" for part, text in spelled.parts]
    return "\n".join([*lines, f"result = (T)({spelled.result});"])


def build(case: Case) -> Sequence[Candidate]:
    """With a new output and with a given one."""
    if case.backward:
        raise NotHere("an ElementwiseKernel does not sum")
    import cupy

    inner = "float64" if case.dtype == "float64" else "float32"
    inputs = ", ".join(["T given", *(f"{inner} {name}_given" for name in case.parameters)])
    kernel = cupy.ElementwiseKernel(inputs, "T result", body(case), f"peer_{case.activation.name}")
    v = cupy.asarray(case.v)
    out = cupy.empty_like(v)
    values = [cupy.dtype(inner).type(x) for x in case.parameters.values()]

    def fresh() -> Any:
        return kernel(v, *values)

    def into() -> Any:
        return kernel(v, *values, out)

    def read(result: Any) -> Answer:
        return Answer(y=cupy.asnumpy(result))

    how = "cupy.ElementwiseKernel"
    return [
        Candidate(name="cupy_elementwise", output="fresh", run=fresh, read=read, how=how),
        Candidate(name="cupy_elementwise", output="preallocated", run=into, read=read, how=how),
    ]


peer = Peer(name="cupy_elementwise", needs=("cupy",), build=build, devices=("cuda",))
