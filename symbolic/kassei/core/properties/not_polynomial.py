"""f is no polynomial: exactly then one hidden layer of a continuous f approximates every continuous function.

M. Leshno, V. Y. Lin, A. Pinkus, S. Schocken, Multilayer feedforward networks with a nonpolynomial activation function
can approximate any function (1993). R2 (not affine) is only necessary for that.
"""

from __future__ import annotations

import sympy as sp

from kassei.core import limits
from kassei.core.enclose import Undecided
from kassei.core.pieces import Form, Piece, nonzero_point, slope_of
from kassei.core.properties._shared import constant
from kassei.core.prove import Finding, Subject, edges
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 23
MAX_ORDER = 3
"""Derivatives whose growth is looked at."""


def check(subject: Subject) -> Verdict:
    r"""There is no polynomial $p$ with $f(v) = p(v)$ for every real $v$."""
    return subject.decide(not_polynomial, "polynomial_growth")


def not_polynomial(form: Form, region: Region) -> Finding:
    """Two pieces that differ, a value off the polynomial, or an end at which no polynomial behaves like f."""
    v = form.variable
    if not form.total:
        return Finding(truth=True, steps=(Step("undefined_not_polynomial"),))
    exprs = [sp.cancel(region.apply(p.expr)) if _rational(region.apply(p.expr), v) else None for p in form.pieces]
    plain = [(p, e) for p, e in zip(form.pieces, exprs, strict=True) if e is not None and e.is_polynomial(v)]
    for (piece, one), (other, two) in ((plain[0], after) for after in plain[1:]):
        if nonzero_point(one - two, v, other.lo, other.hi, region, located=False) is not None:
            facts = {"lo": piece.lo, "hi": piece.hi, "lo2": other.lo, "hi2": other.hi, "left": one, "right": two}
            return Finding(truth=True, steps=(Step("polynomials_differ", facts),))
    left: Undecided | None = None
    for piece in form.pieces:
        if any(piece is p for p, _ in plain):
            continue
        try:
            step = _unlike(piece, v, region)
        except Undecided as problem:
            left = problem
            continue
        if step is not None:
            return Finding(truth=True, steps=(step,))
        if plain and nonzero_point(piece.expr - plain[0][1], v, piece.lo, piece.hi, region, located=False) is not None:
            facts = {"lo": plain[0][0].lo, "hi": plain[0][0].hi, "lo2": piece.lo, "hi2": piece.hi}
            return Finding(
                truth=True, steps=(Step("polynomials_differ", {**facts, "left": plain[0][1], "right": piece.expr}),)
            )
    if left is not None or len(plain) < len(form.pieces):
        raise left or Undecided("whether f is a polynomial")
    for edge in edges(form, region):
        if not edge.continuous(region):
            return Finding(truth=True, steps=(Step("jump_not_polynomial", {"at": edge.at}),))
    whole = sp.expand(plain[0][1])
    return Finding(truth=False, witness={"polynomial": str(whole)}, steps=(Step("polynomial", {"expr": whole}),))


def _rational(expr: sp.Expr, v: sp.Symbol) -> bool:
    return bool(expr.is_rational_function(v))


def _unlike(piece: Piece, v: sp.Symbol, region: Region) -> Step | None:
    """What shows at an infinite end that a piece is no polynomial; None where nothing does.

    A derivative of a polynomial is a polynomial: constant if its limit at an infinity is finite, and never without a
    limit there. A polynomial p of degree n that is not 0 has v p'/p -> n, and p/v**n has a finite limit that is not 0.
    """
    if constant(piece, v, region):
        return None
    ends = [(e, s) for e, s, finite in ((-sp.oo, "+", piece.lo), (sp.oo, "-", piece.hi)) if e == finite]
    left: Undecided | None = None
    for times in (0, None, *range(1, MAX_ORDER + 1)):
        for end, side in ends:
            try:
                step = _growth(piece, v, end, side, region) if times is None else _levels(piece, v, times, end, region)
            except Undecided as problem:
                left = problem
                continue
            if step is not None:
                return step
    if left is not None:
        raise left
    return None


def _levels(piece: Piece, v: sp.Symbol, times: int, end: sp.Expr, region: Region) -> Step | None:
    expr = slope_of(piece, v, times)
    facts = {"times": times, "expr": expr, "end": end}
    try:
        found = limits.at_infinity(expr, v, end, region)
    except limits.NoLimit:
        return Step("oscillates_like_no_polynomial", facts)
    if found in (sp.oo, -sp.oo) or constant(Piece(piece.lo, piece.hi, expr), v, region):
        return None
    return Step("levels_off_like_no_polynomial", {**facts, "limit": found})


def _growth(piece: Piece, v: sp.Symbol, end: sp.Expr, side: str, region: Region) -> Step | None:
    facts = {"expr": piece.expr, "end": end}
    try:
        degree = limits.limit(v * slope_of(piece, v) / piece.expr, v, end, side, region)
        if degree in (sp.oo, -sp.oo) or (degree.is_Rational and not (degree.is_Integer and degree >= 0)):
            return Step("grows_like_no_polynomial", {**facts, "limit": degree})
        if not degree.is_Integer:
            return None
        lead = limits.limit(piece.expr / v**degree, v, end, side, region)
    except limits.NoLimit:
        return None
    if lead in (sp.oo, -sp.oo, 0):
        return Step("leads_like_no_polynomial", {**facts, "degree": degree, "limit": lead})
    return None
