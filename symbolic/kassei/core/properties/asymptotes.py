"""The lines that f approaches at both ends."""

from __future__ import annotations

import sympy as sp

from kassei.core import limits
from kassei.core.algebra import factored
from kassei.core.enclose import RootConstant, Undecided
from kassei.core.pieces import Form, Piece, slope_of
from kassei.core.properties._shared import on_both_sides
from kassei.core.prove import Finding, Subject
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 21


def check(subject: Subject) -> Verdict:
    r"""On each side the line $m v + c$ with $f(v) - (m v + c) \to 0$, or ``none``."""
    return subject.evaluate(asymptotes, "limits")


def asymptotes(form: Form, region: Region) -> Finding:
    """Only m = lim f/v and c = lim (f - m v) can do; where f' has a finite limit, that is m."""

    def side(piece: Piece, end: sp.Expr) -> tuple[sp.Expr | str, Step]:
        line, step = _line(piece, form.variable, end, region)
        return "none" if line is None else line, step

    return on_both_sides(form, side)


def _line(piece: Piece, v: sp.Symbol, end: sp.Expr, region: Region) -> tuple[sp.Expr | None, Step]:
    expr = region.apply(piece.expr)
    if expr is sp.nan:
        return None, Step("undefined_piece", {"lo": piece.lo, "hi": piece.hi})
    if expr.is_polynomial(v) and sp.degree(expr, v) <= 1:
        line = sp.expand(expr)
        return line, Step("asymptote_itself", {"end": end, "line": line})
    m = _steepness(piece, v, end, region)
    if m is None or m in (sp.oo, -sp.oo):
        return None, Step("asymptote_no_slope", {"end": end, "limit": m})
    c = _limit(expr if m == 0 else factored(expr - m * v), v, end, region)
    if c is None or c in (sp.oo, -sp.oo):
        return None, Step("asymptote_no_offset", {"end": end, "slope": m, "limit": c})
    line = sp.collect(sp.expand(m * v), v) + c
    if line.has(RootConstant):
        raise Undecided("a closed form for the line {}", line)
    return line, Step("asymptote", {"end": end, "slope": m, "offset": c, "line": line})


def _steepness(piece: Piece, v: sp.Symbol, end: sp.Expr, region: Region) -> sp.Expr | None:
    """The limit of f/v, which is that of f' where f' has one."""
    try:
        found = _limit(slope_of(piece, v), v, end, region)
    except Undecided:
        found = None
    return _limit(piece.expr / v, v, end, region) if found is None else found


def _limit(expr: sp.Expr, v: sp.Symbol, end: sp.Expr, region: Region) -> sp.Expr | None:
    """A limit, maybe infinite; None where there is none."""
    try:
        return limits.at_infinity(expr, v, end, region)
    except limits.NoLimit:
        return None
