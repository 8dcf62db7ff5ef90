"""The greatest size of a parameter-free expression on an interval, by branch and bound with Arb.

The line is cut into boxes. A box on which the size stays below a value that is attained elsewhere is dropped; the
boxes that are left close in on the places where the greatest size is taken. There a second derivative that keeps its
sign shows one critical point, so the place has a name (a root of the derivative) although it may have no closed form.
Beyond the boxes the leading monomial shows that the size stays below (:mod:`kassei.core.tails`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import arb, arb_series, ctx

from kassei.core.algebra import factors, plain
from kassei.core.boxes import SHORT
from kassei.core.effort import remembered
from kassei.core.enclose import RootConstant, Undecided, ball, number_sign, point_sign, precision, rational, sign_of
from kassei.core.pieces import is_zero
from kassei.core.region import Region
from kassei.core.tails import tail_limit, tail_sign

MAX_BOXES = 4000
"""Boxes that may be looked at."""
MAX_LEFT = 64
"""Boxes that may be left before the neighbourhood of the peak is looked at."""
BITS = 160
FAR = sp.Integer(2) ** 12
MAX_FACTOR_OPS = 400
"""Longer slopes are not factored to give their root a short name."""
PROBES = 65
"""Inputs tried for a first value to beat."""


@dataclass(frozen=True)
class Peak:
    """Where ``abs(g)`` is greatest, or the infinite end at which it tends to its supremum, and the value of ``g``."""

    at: sp.Expr
    value: sp.Expr

    @property
    def size(self) -> sp.Expr:
        """The supremum."""
        return number_sign(self.value) * self.value


class _Jet:
    """An expression as a straight-line program on power series: value, slope and bend on a box."""

    def __init__(self, g: sp.Expr, x: sp.Symbol) -> None:
        steps, (last,) = sp.cse(g, order="none")
        self.x, self.steps, self.last = x, steps, last
        self.left = MAX_BOXES

    def on(self, box: Any, length: int) -> Any:
        """Taylor coefficients at every point of the box; raises ``Undecided`` when the boxes are used up."""
        self.left -= 1
        if self.left < 0:
            raise Undecided("the greatest size within {} boxes", MAX_BOXES)
        before, ctx.cap = ctx.cap, length
        try:
            table: dict[sp.Symbol, Any] = {self.x: arb_series([box, 1])}
            for symbol, expr in self.steps:
                table[symbol] = _series(expr, table)
            found = _series(self.last, table)
            return [found[k] for k in range(length)] if isinstance(found, arb_series) else [found, *[arb(0)] * length]
        except (ValueError, ZeroDivisionError):  # a series that begins with a ball around zero has no inverse
            return [arb("nan")] * length
        finally:
            ctx.cap = before


def _series(expr: sp.Expr, table: dict[sp.Symbol, Any]) -> Any:
    if expr.is_Symbol:
        return table[expr]
    if not expr.free_symbols:
        return ball(expr, {})
    parts = [_series(part, table) for part in expr.args]
    if expr.is_Add:
        return sum(parts[1:], parts[0])
    if expr.is_Mul:
        out = parts[0]
        for part in parts[1:]:
            out = out * part
        return out
    if expr.is_Pow:
        base, exponent = expr.args
        if base is sp.E:
            return parts[1].exp()
        if exponent.is_Integer:
            return parts[0] ** int(exponent) if exponent > 0 else 1 / parts[0] ** int(-exponent)
        if exponent.is_Rational and exponent.q == 2:
            root = parts[0].sqrt()
            return root ** int(exponent.p) if exponent > 0 else 1 / root ** int(-exponent.p)
        return (parts[0].log() * parts[1]).exp()
    rule = _RULES.get(expr.func)
    if rule is None:
        raise Undecided("a power series of {}", expr.func)
    return rule(parts[0])


def _tanh(u: Any) -> Any:
    way = -1 if isinstance(u, arb_series) and u[0].mid() < 0 else 1
    return way * (1 - 2 / ((u * (2 * way)).exp() + 1))


_RULES: dict[Any, Callable[[Any], Any]] = {
    sp.exp: lambda u: u.exp(),
    sp.log: lambda u: u.log(),
    sp.sin: lambda u: u.sin(),
    sp.cos: lambda u: u.cos(),
    sp.tan: lambda u: u.tan(),
    sp.atan: lambda u: u.atan(),
    sp.asin: lambda u: u.asin(),
    sp.acos: lambda u: u.acos(),
    sp.erf: lambda u: u.erf(),
    sp.erfc: lambda u: u.erfc(),
    sp.tanh: _tanh,
    sp.sinh: lambda u: (u.exp() - (-u).exp()) / 2,
    sp.cosh: lambda u: (u.exp() + (-u).exp()) / 2,
}


@remembered(1000)
def peak(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> Peak:
    """Where the size of ``g``, smooth on the open interval ``(lo, hi)``, takes or approaches its supremum.

    Raises ``Undecided`` where that is a finite end, where there are several such places, or where it is not found.
    """
    even = lo == -hi and (is_zero(g.subs(x, -x) - g, x, Region()) or is_zero(g.subs(x, -x) + g, x, Region()))
    low = sp.S.Zero if even else lo
    with precision(BITS):
        jet = _Jet(g, x)
        level: sp.Expr = _probed(jet, low, hi)
        far = [Peak(end, _limit(g, x, end)) for end in (low, hi) if end in (sp.oo, -sp.oo)]
        above = [one for one in far if number_sign(one.size - level) > 0]
        for one in above:
            level = one.size if number_sign(one.size - level) > 0 else level
        right = hi if hi is not sp.oo else _far(g, x, level)
        left = low if low is not -sp.oo else -_far(g.subs(x, -x), x, level)
        boxes = _undominated(jet, left, right, level)
        if above and not boxes:
            return next(one for one in above if one.size == level)
        if above or not boxes:
            raise Undecided("a greatest size beside a limit")
        return _named(jet, g, boxes[0][0], boxes[-1][1], (low, hi), even)


def _limit(g: sp.Expr, x: sp.Symbol, end: sp.Expr) -> sp.Expr:
    found = tail_limit(g if end is sp.oo else g.subs(x, -x), x)
    if found in (sp.oo, -sp.oo):
        raise Undecided("an unbounded size")
    return found


def _far(g: sp.Expr, x: sp.Symbol, level: sp.Expr) -> sp.Rational:
    """A point beyond which the size of ``g`` stays below a level."""
    reaches = []
    for side in (level - g, level + g):
        reach, s = tail_sign(side, x)
        if s != 1:
            raise Undecided("a size that does not stay below its greatest value near infinity")
        reaches.append(reach)
    return max(reaches)


def _probed(jet: _Jet, lo: sp.Expr, hi: sp.Expr) -> sp.Rational:
    """A rational that the size of ``g`` certainly reaches inside the interval."""
    start = sp.Rational(-8) if lo is -sp.oo else lo
    stop = max(start, sp.Rational(-8)) + 16 if hi is sp.oo else hi
    if not (start.is_Rational and stop.is_Rational):
        raise Undecided("a peak between ends that are not rational")
    best = arb(0)
    for k in range(1, PROBES):
        value = abs(jet.on(rational(start + (stop - start) * sp.Rational(k, PROBES)), 1)[0])
        if value.is_finite() and value.lower() > best:
            best = value.lower()
    if not best > 0:
        raise Undecided("a value to compare with")
    man, exp = best.mid().man_exp()
    exact = sp.Rational(int(man)) * sp.Rational(2) ** int(exp)
    return exact * sp.Rational(1023, 1024)


def _undominated(jet: _Jet, lo: sp.Rational, hi: sp.Rational, level: sp.Expr) -> list[tuple[sp.Rational, sp.Rational]]:
    """Neighbouring boxes outside of which the size stays below the level, or below a value taken inside of them."""
    best = ball(level, {}).lower()
    boxes = [(lo, hi)]
    while True:
        kept: list[tuple[sp.Rational, sp.Rational]] = []
        for a, b in boxes:
            box = rational(a).union(rational(b))
            value, slope = jet.on(box, 2)[:2]
            middle = (a + b) / 2
            centre = jet.on(rational(middle), 1)[0]
            if centre.is_finite() and abs(centre).lower() > best:
                best = abs(centre).lower()
            nearer = centre + slope * (box - rational(middle))
            if abs(value) < best or abs(nearer) < best:
                continue
            kept += [(a, middle), (middle, b)]
        if not kept:
            return []
        width = kept[-1][1] - kept[0][0]
        if len(kept) <= MAX_LEFT and width < sp.Rational(1, 8):
            a, b = kept[0][0], kept[-1][1]
            slope, bend = jet.on(rational(a).union(rational(b)), 3)[1:3]
            if sign_of(bend) in (1, -1) or sign_of(slope) in (1, -1):
                return kept
        if len(kept) > 2 * MAX_BOXES:
            raise Undecided("a peak within the boxes")
        boxes = kept


def _named(jet: _Jet, g: sp.Expr, a: sp.Rational, b: sp.Rational, ends: tuple[sp.Expr, sp.Expr], even: bool) -> Peak:
    """The critical point in ``[a, b]``, which holds every peak."""
    x = jet.x
    value, _, bend = jet.on(rational(a).union(rational(b)), 3)[:3]
    s, way = sign_of(value), sign_of(bend)
    if s not in (1, -1):
        raise Undecided("the sign at a peak")
    slope = g.diff(x)
    if even and a == 0:
        if way == -s and number_sign(slope.subs(x, 0)) == 0:
            return Peak(sp.S.Zero, g.subs(x, 0))
        raise Undecided("a peak beside the axis of symmetry")
    if way != -s or a in ends or b in ends:
        raise Undecided("a greatest size at an end")
    for z in SHORT:
        if a < z < b and number_sign(slope.subs(x, z)) == 0:
            return Peak(z, g.subs(x, z))
    first, last = (sign_of(jet.on(rational(e), 2)[1]) for e in (a, b))
    if first != s or last != -s:
        raise Undecided("a critical point")
    root = RootConstant(_root_carrier(slope, x, a, b), x, a, b)
    return Peak(root, g.subs(x, root))


def _root_carrier(slope: sp.Expr, x: sp.Symbol, a: sp.Rational, b: sp.Rational) -> sp.Expr:
    """The factor of a slope to which its only root between ``a`` and ``b`` belongs, where that is shorter."""
    written = plain(slope)
    if sp.count_ops(written) > MAX_FACTOR_OPS:
        return slope
    for base, _ in factors(written):
        if x in base.free_symbols and point_sign(base, x, a) * point_sign(base, x, b) < 0:
            return base
    return slope
