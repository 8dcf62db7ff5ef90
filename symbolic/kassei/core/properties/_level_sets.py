"""The set on which f, or its slope, has a given value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from kassei.core.enclose import RootConstant, Undecided
from kassei.core.pieces import Form, Piece, slope_of
from kassei.core.properties._shared import Stretch, as_one_set, union
from kassei.core.prove import Finding, edges, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.signs import chart, layout, order, sign
from kassei.core.verdict import Step
from kassei.core.waves import recurring_zeros

ARCS = (sp.asin, sp.acos, sp.acosh, sp.atanh)
"""Not compared with v: the factors of such a difference took SymPy 50 s for asin(a*tanh(v)), which no budget counts."""


@dataclass(kw_only=True)
class _Level:
    """What is found piece by piece: stretches, points that recur, and why."""

    region: Region
    stretches: list[Stretch] = field(default_factory=list)
    recurring: list[sp.Set] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def zeros(self, gap: sp.Expr, v: sp.Symbol, piece: Piece, key: str, facts: dict[str, Any]) -> None:
        """Where ``gap`` vanishes inside a piece; the step ``key`` says so."""
        waves = recurring_zeros(gap, v, piece.lo, piece.hi, self.region)
        if waves is not None:
            self.recurring.append(waves)
            facts |= {"expr": gap, "lo": piece.lo, "hi": piece.hi, "set": waves}
            self.steps.append(Step("recurring_zeros", facts))
            return
        flat = chart(gap, v, piece.lo, piece.hi, self.region)
        if flat.identically_zero:
            self.stretches.append(Stretch(piece.lo, False, piece.hi, False))
        elif flat.periodic:
            raise Undecided("infinitely many zeros of {}", gap)
        else:
            self.stretches += [Stretch(p, True, p, True) for p in flat.points]
        self.steps += [*flat.why, Step(key, facts | {"layout": layout(gap, piece.lo, piece.hi, flat)})]

    def at(self, place: sp.Expr) -> None:
        """One more point."""
        self.stretches.append(Stretch(place, True, place, True))

    def finding(self) -> Finding:
        """The whole set as JSON shows it."""
        where = union(self.stretches, self.region)
        closed = not any(s.lo.has(RootConstant) or s.hi.has(RootConstant) for s in where)
        value: Any
        if self.recurring and not closed:
            raise Undecided("a set with points that recur and points without closed form")
        if self.recurring:
            sets = [*([as_one_set(where)] if where else []), *self.recurring]
            value = str(sets[0] if len(sets) == 1 else sp.Union(*sets, evaluate=False))
        elif closed:
            value = str(as_one_set(where))
        else:
            points = [s for s in where if s.lo == s.hi]
            value = {
                "points": [exact_or_enclosed(s.lo, self.region) for s in points],
                "intervals": [str(s.as_set()) for s in where if s not in points],
            }
        return Finding(truth=True, value=value, steps=tuple(self.steps))


def slope_level(level: int) -> Callable[[Form, Region], Finding]:
    """The question where f' exists and equals ``level``."""

    def ask(form: Form, region: Region) -> Finding:
        v, found = form.variable, _Level(region=region)
        for piece in form.pieces:
            if piece.expr is not sp.nan:
                found.zeros(slope_of(piece, v) - level, v, piece, "slope_level", {"level": sp.Integer(level)})
        for edge in edges(form, region):
            steep = edge.slope_left
            if edge.differentiable(region) and steep is not None and order(steep, sp.Integer(level), region) == 0:
                found.at(edge.at)
        return found.finding()

    return ask


def meets(target: sp.Expr) -> Callable[[Form, Region], Finding]:
    """The question where f(v) equals ``target``, a polynomial in v: the zeros of their difference."""

    def ask(form: Form, region: Region) -> Finding:
        v, found = form.variable, _Level(region=region)
        for piece in form.pieces:
            if piece.expr is sp.nan:
                continue
            gap = piece.expr - target
            if target.free_symbols and piece.expr.has(*ARCS):
                raise Undecided("signs of {}", gap)
            found.zeros(gap, v, piece, "value_level", {"target": target})
        for at, value in zip(form.breaks, form.values, strict=True):
            if value is not sp.nan and sign(value - target.subs(v, at), region) == 0:
                found.at(at)
                found.steps.append(Step("value_level_at", {"at": at, "value": value}))
        return found.finding()

    return ask
