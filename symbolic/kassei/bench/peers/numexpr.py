"""numexpr: the definition as one expression, evaluated in blocks by its virtual machine. Forward only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from kassei.bench.candidate import Answer, Candidate, NotHere, Peer
from kassei.bench.case import Case
from kassei.bench.spell import ARC, ELEMENTARY, Language, decimal

CALLS = {name: ARC.get(name, name) for name in (*ELEMENTARY, "atan", "sqrt")} | {"Abs": "abs"}


def build(case: Case) -> Sequence[Candidate]:
    """With a new output and with ``out``; constants are passed as scalars of the dtype, which keeps it."""
    if case.backward:
        raise NotHere("no gradients")
    if case.dtype not in ("float32", "float64"):
        raise NotHere(f"no {case.dtype}")
    import numexpr

    v, f = case.v, case.activation
    constants: dict[str, Any] = {}

    def literal(value: sp.Expr) -> str:
        if value.is_Integer:
            return decimal(value)
        return next((name for name, known in constants.items() if known == v.dtype.type(value)), None) or _named(
            constants, v.dtype.type(float(value))
        )

    language = Language(
        name="numexpr",
        calls=CALLS,
        literal=literal,
        largest=lambda x, y, _: f"where({x} > {y}, {x}, {y})",
        least=lambda x, y, _: f"where({x} < {y}, {x}, {y})",
    )
    text = language.expr(f.expr)
    names = {str(f.variable): v} | {name: v.dtype.type(x) for name, x in case.parameters.items()} | constants
    out = np.empty_like(v)
    evaluate = numexpr.evaluate
    numexpr.set_num_threads(len(os.sched_getaffinity(0)))

    def fresh() -> Any:
        return evaluate(text, local_dict=names, global_dict={})

    def into() -> Any:
        return evaluate(text, local_dict=names, global_dict={}, out=out, casting="same_kind")

    def read(result: Any) -> Answer:
        return Answer(y=result)

    return [
        Candidate(name="numexpr", output="fresh", run=fresh, read=read, how=text),
        Candidate(name="numexpr", output="preallocated", run=into, read=read, how=text),
    ]


def _named(constants: dict[str, Any], value: Any) -> str:
    name = f"constant_{len(constants)}"
    constants[name] = value
    return name


peer = Peer(name="numexpr", needs=("numexpr",), build=build)
