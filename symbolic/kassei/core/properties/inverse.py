"""The inverse function, where f is strictly monotone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import sympy as sp

from kassei.core.activation import Activation
from kassei.core.algebra import plain, tidy, units, vanishes
from kassei.core.effort import TROUBLE
from kassei.core.enclose import RootConstant, Undecided, number_sign
from kassei.core.integrate import defined_within
from kassei.core.pieces import SWITCHES, Form, Piece, defined_between, nonzero_point
from kassei.core.properties._shared import Stretch, as_one_set, constant, monotone
from kassei.core.prove import Finding, Subject, edges, side_limit
from kassei.core.region import Fork, Region
from kassei.core.signs import order, sign, with_signs
from kassei.core.verdict import Step, Verdict

ORDER = 27
MAX_CANDIDATES = 6
"""Candidates that are tried for one piece."""
_UNDONE = {sp.exp: sp.log, sp.log: sp.exp, sp.sinh: sp.asinh, sp.asinh: sp.sinh, sp.atan: sp.tan, sp.tan: sp.atan}


def check(subject: Subject) -> Verdict:
    r"""Whether $f$ has an inverse on its range and, where one is found in closed form, that function of $v$.

    The value is ``none`` where f is not defined on R.
    ``expr`` is null where f is strictly monotone and no closed form was found; that says nothing on whether one exists.
    """
    f = subject.activation
    return subject.evaluate(lambda form, region: inverse(form, region, f), "composition")


def inverse(form: Form, region: Region, activation: Activation) -> Finding:
    """A strictly monotone function has an inverse; a continuous one that is not takes some value twice."""
    if not form.total:
        return Finding(truth=True, value="none", steps=(Step("inverse_undefined"),))
    v = form.variable
    for piece in form.pieces:
        if constant(piece, v, region):
            return _none(Step("inverse_constant", {"lo": piece.lo, "hi": piece.hi}))
    way = 0
    for turn in (1, -1):
        if monotone(_turned(form, turn), region, replace(activation, expr=turn * activation.expr), strictly=True).truth:
            way = turn
            break
    joined = all(edge.continuous(region) for edge in edges(form, region))
    if way == 0:
        if not joined:
            raise Undecided("whether a function that jumps and is not monotone takes a value twice")
        return _none(Step("inverse_not_monotone"))
    ends = [
        side_limit(form.pieces[0].expr, v, -sp.oo, "+", region),
        side_limit(form.pieces[-1].expr, v, sp.oo, "-", region),
    ]
    low, high = ends[::way]
    if not joined or low is None or high is None:
        return Finding(truth=True, value={"exists": True, "expr": None}, steps=(Step("inverse_without_formula"),))
    parts = [_of_piece(p, v, region) for p in form.pieces]
    if any(p is None for p in parts) or low.has(RootConstant) or high.has(RootConstant):
        return Finding(truth=True, value={"exists": True, "expr": None}, steps=(Step("inverse_without_formula"),))
    exprs = [p for p in parts if p is not None]
    steps = [
        Step("inverse_piece", {"lo": p.lo, "hi": p.hi, "expr": g}) for p, g in zip(form.pieces, exprs, strict=True)
    ]
    joints = list(zip(form.breaks, form.values, strict=True))[::way]
    upward = exprs[::way]
    branches: list[tuple[sp.Expr, Any]] = [(upward[0], True)]
    for (at, height), g in zip(joints, upward[1:], strict=True):
        meets = _value(g, v, height, at, region)
        branches.insert(0, (g, v >= height if meets else v > height))
        if not meets and not _value(branches[1][0], v, height, at, region):
            return Finding(truth=True, value={"exists": True, "expr": None}, steps=(Step("inverse_without_formula"),))
    expr = branches[0][0] if len(branches) == 1 else sp.Piecewise(*branches)
    domain = str(as_one_set([Stretch(low, False, high, False)]))
    value: Any = {"exists": True, "expr": expr, "domain": domain}
    return Finding(truth=True, value=value, steps=tuple(steps))


def _none(step: Step) -> Finding:
    return Finding(truth=True, value={"exists": False}, steps=(step,))


def _turned(form: Form, turn: int) -> Form:
    pieces = tuple(replace(p, expr=turn * p.expr) for p in form.pieces)
    return replace(form, pieces=pieces, values=tuple(turn * x for x in form.values))


def _value(g: sp.Expr, v: sp.Symbol, value: sp.Expr, at: sp.Expr, region: Region) -> bool:
    """Whether a branch of the inverse takes a value at a break back to it."""
    back = g.subs(v, value)
    try:
        return not back.has(sp.nan, sp.zoo, sp.oo) and sign(back - at, region) == 0
    except Undecided:
        return False


def _of_piece(piece: Piece, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """A function g with g(f(v)) = v on the piece; None where none is found."""
    y = sp.Dummy("y", real=True)
    expr = region.apply(piece.expr)
    ends = [side_limit(expr, v, piece.lo, "+", region), side_limit(expr, v, piece.hi, "-", region)]
    if None in ends:
        return None
    low, high = ends if order(ends[1], ends[0], region) > 0 else ends[::-1]
    for candidate in islice(_solutions(expr, y, v), MAX_CANDIDATES):
        try:
            g = with_signs(tidy(candidate), region)
            if g.has(sp.I, sp.nan, sp.zoo, *SWITCHES) or not defined_within(g, y, low, high, region):
                continue
            if _undoes(g, y, piece, v, region):
                return g.xreplace({y: v})
        except Fork as fork:
            if fork.expr.is_number:  # a candidate that is not real: (-1)**(1/3)
                continue
            raise
        except (Undecided, *TROUBLE):
            continue
    return None


def _undoes(g: sp.Expr, y: sp.Symbol, piece: Piece, v: sp.Symbol, region: Region) -> bool:
    """Whether g(f(v)) = v on the piece: at one point or in the limit at one end, and its derivative is 1 throughout."""
    side = _sided(piece, v, region)
    both = g.subs(y, piece.expr.subs(v, side)).subs(side, v)
    if nonzero_point(both.diff(v) - 1, v, piece.lo, piece.hi, region, located=False) is not None:
        return False
    for at, side in ((piece.lo, "+"), (piece.hi, "-")):
        if at not in (sp.oo, -sp.oo):
            gap = side_limit(both - v, v, at, side, region)
            return gap is not None and sign(gap, region) == 0
    point = sp.S.Zero if piece.lo is -sp.oo and piece.hi is sp.oo else None
    return point is not None and _zero((both - v).subs(v, point), region)


def _zero(gap: sp.Expr, region: Region) -> bool:
    """Whether an expression in the parameters is 0.

    One that is defined on the whole interval of its only parameter and has no slope is a number: one value is enough.
    """
    symbols = gap.free_symbols
    if len(symbols) == 1 and not region.facts and not gap.has(*SWITCHES):
        (symbol,) = symbols
        domain = region.domain(symbol)
        if vanishes(gap.diff(symbol)) and defined_between(gap, symbol, domain.lo, domain.hi, Region()):
            at = sp.S.Zero if domain.contains(sp.S.Zero) else region.at_sample(symbol)
            return number_sign(gap.subs(symbol, at)) == 0
    return sign(gap, region) == 0


def _sided(piece: Piece, v: sp.Symbol, region: Region) -> sp.Expr:
    """A stand-in for v of which SymPy knows the sign, where the piece lies on one side of 0: sqrt(v**2) is then v."""
    if order(piece.lo, sp.S.Zero, region) >= 0:
        return sp.Dummy("v", positive=True)
    return sp.Dummy("v", negative=True) if order(piece.hi, sp.S.Zero, region) <= 0 else v


def _solutions(expr: sp.Expr, y: sp.Expr, v: sp.Symbol) -> Iterator[sp.Expr]:
    """Candidates for v with expr = y, nothing of which is proved."""
    if expr == v:
        yield y
        return
    for as_sum in (True, False):
        fixed, moving = expr.as_independent(v, as_Add=as_sum)
        if (expr.is_Add if as_sum else expr.is_Mul) and fixed != (0 if as_sum else 1):
            yield from _solutions(moving, y - fixed if as_sum else y / fixed, v)
            return
    if expr.func in _UNDONE:
        yield from _solutions(expr.args[0], _UNDONE[expr.func](y), v)
        return
    if expr.is_Pow and expr.args[1].is_Rational:
        n = expr.args[1]
        yield from _solutions(expr.args[0], y ** (1 / n), v)
        yield from _solutions(expr.args[0], -((-y) ** (1 / n)), v)
        yield from _solutions(expr.args[0], -(y ** (1 / n)), v)
    yield from _roots(expr, y, v)
    bare, back = units(plain(expr))
    moving = [(t, e) for t, e in back.items() if v in e.free_symbols]
    if len(moving) == 1 and v not in bare.free_symbols:
        ((t, power),) = moving
        for found in _roots(bare, y, t):
            yield from _solutions(power.args[0], sp.log(found.subs(back)), v)


def _roots(expr: sp.Expr, y: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """The roots of a quotient of polynomials minus y, where that is of degree 1 or 2."""
    top, bottom = sp.fraction(sp.together(expr))
    if not (top.is_polynomial(x) and bottom.is_polynomial(x)):
        return
    p = sp.Poly(sp.expand(top - y * bottom), x)
    if p.degree() == 1:
        a, b = p.all_coeffs()
        yield sp.cancel(-b / a)
    elif p.degree() == 2:
        a, b, c = p.all_coeffs()
        for s in (1, -1):
            yield (-b + s * sp.sqrt(sp.expand(b**2 - 4 * a * c))) / (2 * a)
