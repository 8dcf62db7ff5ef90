"""SymPy's lambdify of the definition as it is printed, for NumPy; gradients from SymPy's derivatives and ``np.sum``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from kassei.bench.candidate import Answer, Candidate, Peer
from kassei.bench.case import Case
from kassei.bench.check import arguments, textbook


def build(case: Case) -> Sequence[Candidate]:
    """The function, and with gradients the functions; parameters are scalars of the input's dtype."""
    f, v, dy = case.activation, case.v, case.dy
    scalars = [v.dtype.type(x) for x in case.parameters.values()]
    formulas = textbook(f)
    made = {name: sp.lambdify(arguments(f), e) for name, e in formulas.items() if case.backward or not name}
    value, slope = made[""], made.get(f.variable.name)

    def forward() -> Any:
        return value(v, *scalars)

    def both() -> Any:
        assert slope is not None
        da = {name: np.sum(dy * made[name](v, *scalars)) for name in case.learned}
        return value(v, *scalars), dy * slope(v, *scalars), da

    def read(result: Any) -> Answer:
        if not case.backward:
            return Answer(y=_full(result, v))
        y, dv, da = result
        return Answer(y=_full(y, v), dv=_full(dv, v), da={name: float(x) for name, x in da.items()})

    return [
        Candidate(
            name="lambdify",
            output="fresh",
            run=both if case.backward else forward,
            read=read,
            how=str(f.source),
        )
    ]


def _full(x: Any, v: Any) -> Any:
    return np.broadcast_to(np.asarray(x), v.shape)


peer = Peer(name="lambdify", needs=("numpy",), build=build)
