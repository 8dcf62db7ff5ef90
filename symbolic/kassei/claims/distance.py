"""The largest difference of two functions on the whole line, exactly or enclosed.

An exact supremum is looked for where the difference has parameters or is rational. Otherwise it is enclosed: beyond a
reach R the leading terms show that the difference stays below half of a value it takes, and inside boxes are halved,
the one with the largest bound first, until the largest bound and the largest value found agree.
"""

from __future__ import annotations

import heapq
from typing import Any

import sympy as sp
from flint import arb

from kassei.claims.quantities import Enclosed, Number, bounds, exactly
from kassei.core.algebra import inner_points
from kassei.core.enclose import Undecided, ball, precision, rational
from kassei.core.extent import largest_size
from kassei.core.pieces import Piece, is_zero, normal_form, smooth_derivative
from kassei.core.region import Region
from kassei.core.tails import tail_sign

BITS = 128
MAX_BOXES = 4000
TIGHT = sp.Rational(1, 10**7)
"""How far, relative to it, the bounds of an enclosed supremum may be apart."""
PROBES = 24


def largest_gap(gap: sp.Expr, v: sp.Symbol, region: Region) -> Number:
    """``sup |gap|``. Raises ``Undecided`` and ``Fork``."""
    form = normal_form(gap, v, region)
    if not form.total:
        raise Undecided("a difference that is undefined somewhere")
    sizes: list[Number] = [sp.Abs(value) for value in form.values]
    for piece in form.pieces:
        if is_zero(piece.expr, v, region):
            continue
        if piece.expr.free_symbols - {v} or piece.expr.is_rational_function(v):
            sizes.append(largest_size(piece.expr, v, piece.lo, piece.hi, region)[0])
        else:
            sizes.append(_enclosed(piece, v))
    return _largest(sizes)


def _largest(sizes: list[Number]) -> Number:
    if not any(isinstance(x, Enclosed) for x in sizes):
        return sp.Max(*sizes) if sizes else sp.S.Zero
    known = [bounds(x) for x in sizes]
    return Enclosed(max(low for low, _ in known), max(high for _, high in known))


def _enclosed(piece: Piece, v: sp.Symbol) -> Enclosed:
    expr, slope = piece.expr, smooth_derivative(piece.expr, v)
    with precision(BITS):
        seen = max(_size_at(expr, v, at) for at in inner_points(piece.lo, piece.hi, PROBES))
        if seen == 0:
            raise Undecided(f"a value of {expr} that is not 0")
        low = _reach(expr, v, -1, seen / 2) if piece.lo is -sp.oo else piece.lo
        high = _reach(expr, v, 1, seen / 2) if piece.hi is sp.oo else piece.hi
        return _on_boxes(expr, slope, v, ball(low, {}), ball(high, {}), seen)


def _size_at(expr: sp.Expr, v: sp.Symbol, at: Any) -> sp.Rational:
    """A lower bound of the size of a value."""
    value = abs(ball(expr, {v: at if isinstance(at, arb) else rational(at)}))
    return max(exactly(value.lower()), sp.S.Zero) if value.is_finite() else sp.S.Zero


def _reach(expr: sp.Expr, v: sp.Symbol, way: int, level: sp.Rational) -> sp.Rational:
    """A point beyond which, towards one end, ``|expr| < level``."""
    there = expr if way > 0 else expr.subs(v, -v)
    found = [tail_sign(level - s * there, v) for s in (1, -1)]
    if any(s <= 0 for _, s in found):
        raise Undecided(f"whether {expr} is bounded")
    return way * max(reach for reach, _ in found)


def _on_boxes(expr: sp.Expr, slope: sp.Expr, v: sp.Symbol, low: Any, high: Any, seen: sp.Rational) -> Enclosed:
    """Halve the box with the largest bound until that bound and the largest value seen agree."""
    queue = [(-_upper(expr, slope, v, low, high), 0, low, high)]
    for count in range(1, MAX_BOXES, 2):
        bound, _, a, b = heapq.heappop(queue)
        if -bound <= seen * (1 + TIGHT):
            return Enclosed(seen, max(-bound, seen))
        middle = ((a + b) / 2).mid()
        seen = max(seen, _size_at(expr, v, middle))
        heapq.heappush(queue, (-_upper(expr, slope, v, a, middle), count, a, middle))
        heapq.heappush(queue, (-_upper(expr, slope, v, middle, b), count + 1, middle, b))
    raise Undecided(f"the largest size of {expr}: the boxes run out")


def _upper(expr: sp.Expr, slope: sp.Expr, v: sp.Symbol, a: Any, b: Any) -> sp.Expr:
    """A bound of ``|expr|`` on a box: of its enclosure, or of the value in the middle and the slope's enclosure."""
    box = a.union(b)
    middle = box.mid()
    known = [abs(ball(expr, {v: box})), abs(ball(expr, {v: middle}) + ball(slope, {v: box}) * (box - middle))]
    return min((exactly(x.upper()) for x in known if x.is_finite()), default=sp.oo)
