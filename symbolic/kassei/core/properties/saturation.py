"""Whether f levels off on either side, and whether it reaches its level."""

from __future__ import annotations

from typing import Any

import sympy as sp

from kassei.core import limits
from kassei.core.pieces import Form, Piece
from kassei.core.properties._shared import constant, on_both_sides
from kassei.core.prove import Finding, Subject, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.signs import sign
from kassei.core.verdict import Step, Verdict

ORDER = 20


def check(subject: Subject) -> Verdict:
    r"""On each side: ``hard`` (constant from a point on), ``soft`` (a finite limit without that) or ``none``."""
    return subject.evaluate(saturation, "limits")


def saturation(form: Form, region: Region) -> Finding:
    """A piece that is not constant is analytic, so it is constant on no part of its interval."""
    return on_both_sides(form, lambda piece, end: _side(form, region, piece, end))


def _side(form: Form, region: Region, piece: Piece, end: sp.Expr) -> tuple[dict[str, Any], Step]:
    v = form.variable
    if piece.expr is sp.nan:
        return {"kind": "none"}, Step("undefined_piece", {"lo": piece.lo, "hi": piece.hi})
    flat = constant(piece, v, region)
    try:
        level = limits.at_infinity(piece.expr, v, end, region)
    except limits.NoLimit:
        return {"kind": "none"}, Step("oscillates", {"end": end})
    if level in (sp.oo, -sp.oo):
        return {"kind": "none"}, Step("unbounded_side", {"end": end, "limit": level})
    facts = {"end": end, "level": level}
    if not flat:
        return {"kind": "soft", "level": exact_or_enclosed(level, region)}, Step("saturates_softly", facts)
    start = _start(form, region, end, level)
    value = {"kind": "hard", "level": exact_or_enclosed(level, region), "from": exact_or_enclosed(start, region)}
    return value, Step("saturates_hard", {**facts, "start": start})


def _start(form: Form, region: Region, end: sp.Expr, level: sp.Expr) -> sp.Expr:
    """Where the constant part begins: break after break as long as f stays at its level."""
    v = form.variable
    pieces, values = (form.pieces, form.values) if end is -sp.oo else (form.pieces[::-1], form.values[::-1])
    ends = [p.hi if end is -sp.oo else p.lo for p in pieces]
    for k, (value, beyond) in enumerate(zip(values, pieces[1:], strict=True)):
        if value is sp.nan or beyond.expr is sp.nan or sign(value - level, region) != 0:
            return ends[k]
        if not constant(beyond, v, region):
            return ends[k]
        side = "-" if end is -sp.oo else "+"
        if sign(limits.limit(beyond.expr, v, beyond.hi if side == "-" else beyond.lo, side, region) - level, region):
            return ends[k]
    return ends[-1]
