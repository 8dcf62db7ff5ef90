"""The set on which f, or its slope, has a given value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from kassei.core.enclose import RootConstant, Undecided
from kassei.core.pieces import Form
from kassei.core.properties._shared import Stretch, as_one_set, slope_level_set, union, vanishing
from kassei.core.prove import Finding, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.signs import chart, layout, sign
from kassei.core.verdict import Step

ARCS = (sp.asin, sp.acos, sp.acosh, sp.atanh)
"""Not compared with v: the factors of such a difference took SymPy 50 s for asin(a*tanh(v)), which no budget counts."""


def slope_level(level: int) -> Callable[[Form, Region], Finding]:
    """The question where f' equals ``level``."""

    def ask(form: Form, region: Region) -> Finding:
        where, steps = slope_level_set(form, region, level)
        return Finding(truth=True, value=_shown(where, region), steps=steps)

    return ask


def meets(target: sp.Expr) -> Callable[[Form, Region], Finding]:
    """The question where f(v) equals ``target``, a polynomial in v: the zeros of their difference."""

    def ask(form: Form, region: Region) -> Finding:
        v = form.variable
        found: list[Stretch] = []
        steps: list[Step] = []
        for piece in form.pieces:
            if piece.expr is sp.nan:
                continue
            gap = piece.expr - target
            if target.free_symbols and piece.expr.has(*ARCS):
                raise Undecided(f"signs of {gap}")
            flat = chart(gap, v, piece.lo, piece.hi, region)
            found += vanishing(flat, piece, f"infinitely many points where f is {target}")
            facts = {"target": target, "layout": layout(gap, piece.lo, piece.hi, flat)}
            steps += [*flat.why, Step("value_level", facts)]
        for at, value in zip(form.breaks, form.values, strict=True):
            if value is not sp.nan and sign(value - target.subs(v, at), region) == 0:
                found.append(Stretch(at, True, at, True))
                steps.append(Step("value_level_at", {"at": at, "value": value}))
        return Finding(truth=True, value=_shown(union(found, region), region), steps=tuple(steps))

    return ask


def _shown(where: list[Stretch], region: Region) -> Any:
    if not any(s.lo.has(RootConstant) or s.hi.has(RootConstant) for s in where):
        return str(as_one_set(where))
    points = [s for s in where if s.lo == s.hi]
    return {
        "points": [exact_or_enclosed(s.lo, region) for s in points],
        "intervals": [str(s.as_set()) for s in where if s not in points],
    }
