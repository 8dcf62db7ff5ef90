"""How far a smooth expression reaches on an interval: infimum, supremum, and whether they are attained."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import sympy as sp

from kassei.core import limits
from kassei.core.algebra import factored, plain
from kassei.core.effort import remembered, spend
from kassei.core.enclose import Undecided
from kassei.core.peaks import Peak, peak
from kassei.core.pieces import Piece, slope_of, smooth_derivative
from kassei.core.region import Fork, Region
from kassei.core.signs import chart, layout, order, sign, sinusoid
from kassei.core.verdict import Step

MAX_EXACT_OPS = 20
"""Expressions with more operations have no extremum in closed form, as a rule: boxes are tried first."""
PEAK = 10
"""Units of work that a search by boxes costs."""


@dataclass(frozen=True)
class Extent:
    """The image of an interval under a continuous function: an interval with these ends."""

    inf: sp.Expr
    inf_attained: bool
    sup: sp.Expr
    sup_attained: bool
    why: tuple[Step, ...] = field(default=(), compare=False)

    def as_set(self) -> sp.Set:
        """The image as a SymPy set."""
        if self.inf == self.sup:
            return sp.FiniteSet(self.inf)
        return sp.Interval(self.inf, self.sup, not self.inf_attained, not self.sup_attained)


@remembered(4000)
def extent(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> Extent:
    """The image of ``(lo, hi)`` under an expression that is smooth there.

    Raises ``Fork`` where it depends on the parameters in a way that changes which end is which, and ``Undecided``.
    """
    expr = region.apply(expr)
    if v not in expr.free_symbols:
        return Extent(expr, True, expr, True)
    ends = _ends(expr, v, lo, hi, region)
    if None in ends and {sp.oo, -sp.oo} <= _swings(expr, v, lo, hi, region):
        facts = {"expr": expr, "low": -sp.oo, "high": sp.oo, "lo": lo, "hi": hi}
        return Extent(-sp.oo, False, sp.oo, False, (Step("range_swings", facts),))
    if set(ends) == {sp.oo, -sp.oo}:
        why = (Step("range_ends", {"expr": expr, "low": ends[0], "high": ends[1], "lo": lo, "hi": hi}),)
        return Extent(-sp.oo, False, sp.oo, False, why)
    if expr.has(sp.sin, sp.cos) and (lo == -sp.oo or hi == sp.oo):
        parts = sinusoid(expr, v)
        if parts is not None:
            middle, b, c = parts
            width = sp.sqrt(factored(sp.expand(b**2 + c**2)))
            return Extent(middle - width, True, middle + width, True, (Step("range_sinusoid", {"expr": expr}),))
    slope = smooth_derivative(expr, v)
    flat = chart(slope, v, lo, hi, region)
    if (flat.periodic and len(set(flat.signs)) > 1) or None in ends:
        raise Undecided("the range of {}", expr)
    nodes: list[tuple[sp.Expr, bool]] = [(_known(ends[0]), False)]
    nodes += [(region.apply(expr.subs(v, p)), True) for p in flat.points]
    nodes.append((_known(ends[1]), False))
    signs = (flat.signs[0],) if flat.periodic else flat.signs
    lows = [n for k, n in enumerate(nodes) if _turns(signs, k, 1)]
    highs = [n for k, n in enumerate(nodes) if _turns(signs, k, -1)]
    inf, inf_attained = extreme(lows, -1, region)
    sup, sup_attained = extreme(highs, 1, region)
    facts = {"expr": expr, "layout": layout(slope, lo, hi, flat)}
    return Extent(inf, inf_attained, sup, sup_attained, (*flat.why, Step("range_monotone_parts", facts)))


def _ends(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> list[sp.Expr | None]:
    """The limits at both ends; None where there is none."""
    out: list[sp.Expr | None] = []
    for end, side in ((lo, "+"), (hi, "-")):
        try:
            out.append(limits.limit(expr, v, end, side, region))
        except limits.NoLimit:
            out.append(None)
    return out


def _swings(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> set[sp.Expr]:
    """Limits along sequences that go to an infinite end."""
    out = set(limits.phase_limits(expr, v, region)) if hi is sp.oo else set()
    return out | set(limits.phase_limits(expr.subs(v, -v), v, region)) if lo is -sp.oo else out


def _known(end: sp.Expr | None) -> sp.Expr:
    assert end is not None
    return end


def _turns(signs: tuple[int, ...], k: int, rising: int) -> bool:
    """Whether node ``k`` is where the function stops moving against ``rising`` and starts moving along it."""
    before = signs[k - 1] if k > 0 else -rising
    after = signs[k] if k < len(signs) else rising
    return before != rising and after != -rising


def extreme(nodes: Iterable[tuple[sp.Expr, bool]], way: int, region: Region) -> tuple[sp.Expr, bool]:
    """The least (``way`` -1) or greatest (1) of values that are attained or only approached."""
    best: tuple[sp.Expr, bool] | None = None
    for value, attained in nodes:
        if best is None:
            best = (value, attained)
            continue
        try:
            s = order(value, best[0], region)
        except Undecided:
            if attained and best[1]:  # the same to every precision tried: either will do, both are attained
                continue
            raise
        if s == way:
            best = (value, attained)
        elif s == 0:
            best = (best[0], best[1] or attained)
    if best is None:
        raise Undecided("an extreme value of nothing")
    return best


def largest_slope(piece: Piece, v: sp.Symbol, times: int, region: Region) -> tuple[sp.Expr, tuple[Step, ...]]:
    """The supremum of the size of a derivative on a piece, as an expression in the parameters that splits them little.

    Boxes take the derivative as differentiation leaves it, which encloses well; algebra takes a short spelling.
    """
    slope, lo, hi = region.apply(slope_of(piece, v, times)), piece.lo, piece.hi
    bare = not slope.free_symbols - {v}
    top = greatest(region.apply(piece.expr).diff(v, times), v, lo, hi) if bare and tangled(slope, v) else None
    if top is not None:
        facts = {"expr": slope, "at": top.at, "value": top.size, "lo": lo, "hi": hi}
        return top.size, (Step("size_approached" if top.at in (sp.oo, -sp.oo) else "size_peak", facts),)
    return largest_size(plain(slope) if times > 1 else slope, v, lo, hi, region)


def greatest(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> Peak | None:
    """Where the size of an expression is greatest, by boxes; None with parameters or where the boxes do not tell."""
    if expr.free_symbols - {v} or lo.free_symbols or hi.free_symbols:
        return None
    with suppress(Undecided):
        spend(PEAK)
        return peak(expr, v, lo, hi)
    return None


def tangled(expr: sp.Expr, v: sp.Symbol) -> bool:
    """Whether an extremum in closed form is not to be expected: functions inside functions, or a long expression."""
    if expr.has(sp.sin, sp.cos):
        return False
    moving = [node for node in expr.atoms(sp.Function) if v in node.free_symbols]
    nested = any(inner.has(v) for node in moving for inner in node.args[0].atoms(sp.Function))
    return nested or sp.count_ops(expr) > MAX_EXACT_OPS


def largest_size(
    expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region
) -> tuple[sp.Expr, tuple[Step, ...]]:
    """The supremum of ``abs(expr)`` on ``(lo, hi)``, as an expression in the parameters that splits them little."""
    expr = region.apply(expr)
    constant, rest = sp.factor_terms(expr).as_independent(v, as_Add=False)
    if constant.free_symbols and rest != 1:
        if sign(constant**2, region) == 0:
            return sp.S.Zero, ()
        inner, why = largest_size(rest, v, lo, hi, region)
        return (sp.oo if inner is sp.oo else size(constant, region) * inner), why
    if v not in expr.free_symbols:
        return size(expr, region), ()
    if expr.has(sp.sin, sp.cos) and (lo == -sp.oo or hi == sp.oo):
        parts = sinusoid(expr, v)
        if parts is not None:
            middle, b, c = parts
            width = sp.sqrt(factored(sp.expand(b**2 + c**2)))
            return size(middle, region) + width, (Step("range_sinusoid", {"expr": expr}),)
    if expr.has(sp.sin, sp.cos) and {sp.oo, -sp.oo} & _swings(expr, v, lo, hi, region):
        return sp.oo, (Step("size_swings", {"expr": expr}),)
    reach = extent(expr, v, lo, hi, region)
    if reach.inf is -sp.oo or reach.sup is sp.oo:
        return sp.oo, reach.why
    try:
        larger = order(reach.sup + reach.inf, sp.S.Zero, region)
    except Undecided:  # equal to every precision tried, as for an odd function: the larger of the two, unevaluated
        return sp.Max(reach.sup, -reach.inf, evaluate=False), reach.why
    return (reach.sup if larger >= 0 else -reach.inf), reach.why


def size(expr: sp.Expr, region: Region) -> sp.Expr:
    """``abs(expr)``, without the bars where the sign is known on the whole region."""
    try:
        s = sign(expr, region)
    except (Fork, Undecided):
        return sp.Abs(expr)
    return s * expr
