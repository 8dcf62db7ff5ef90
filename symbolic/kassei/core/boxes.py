"""Charts by interval arithmetic: the zeros and signs of a parameter-free expression, wherever it is smooth.

The line is cut into boxes. Arb encloses the expression on each; where the enclosure excludes zero the sign is settled,
where that of the derivative does the expression is monotone and its signs at the ends settle how many zeros there are.
A zero at a short rational is found by evaluation and told from its neighbourhood by the first derivative that does not
vanish there. Beyond the last box the sign is that of the leading monomial (:mod:`kassei.core.tails`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import ctx

from kassei.core.enclose import RootConstant, Undecided, ball, number_sign, precision, rational, sign_of
from kassei.core.memo import memo
from kassei.core.tails import tail_sign

MAX_BOXES = 1500
"""Boxes that may be looked at for one chart."""
MAX_ZERO_ORDER = 6
BITS = (128, 512, 2048)
"""Working precisions; the next one is taken where a single point is not settled."""
SHORT = tuple(map(sp.Rational, ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "3", "-3")))
"""Inputs at which an exact zero is looked for."""


@dataclass(frozen=True)
class Span:
    """Signs on an interval: zeros in order, and the sign between them."""

    points: tuple[sp.Expr, ...]
    signs: tuple[int, ...]


@memo(2000)
def spans(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> Span:
    """The chart of ``g``, smooth on the open interval; the ends may be infinite.

    Raises ``Undecided`` where the boxes run out, an end is singular, or the sign near infinity is not found.
    """
    parts: list[Span] = []
    left: sp.Expr = lo
    right: sp.Expr = hi
    if hi is sp.oo:
        right, s = tail_sign(g, x)
        tail = Span((), (s,))
    if lo is -sp.oo:
        reach, s = tail_sign(g.subs(x, -x), x)
        left = -reach
        parts.append(Span((), (s,)))
    elif hi is sp.oo and number_sign(right - lo) <= 0:
        return tail
    if hi is not sp.oo and lo is -sp.oo and number_sign(hi - left) <= 0:
        return parts[0]
    with precision(BITS[0]):
        parts += _Boxes(g, x).cover(left, right)
    if hi is sp.oo:
        parts.append(tail)
    return _joined(parts)


def _joined(parts: list[Span]) -> Span:
    """Neighbouring intervals as one; a common end that is a zero is a part of its own, with no sign."""
    points: list[sp.Expr] = []
    signs: list[int] = []
    for part in parts:
        if not part.signs:
            points.extend(part.points)
            continue
        if signs and len(points) == len(signs) - 1:
            if signs[-1] != part.signs[0]:
                raise Undecided("signs that do not agree where two boxes meet")
            signs.extend(part.signs[1:])
        else:
            signs.extend(part.signs)
        points.extend(part.points)
    return Span(tuple(points), tuple(signs))


class _Boxes:
    """The boxes of one chart, counted."""

    def __init__(self, g: sp.Expr, x: sp.Symbol) -> None:
        self.x = x
        self.slopes = [g]
        self.left = MAX_BOXES

    def on(self, order: int, box: Any) -> Any:
        """The enclosure of a derivative of ``g`` on a box."""
        self.left -= 1
        if self.left < 0:
            raise Undecided("signs of {} within {} boxes", self.slopes[0], MAX_BOXES)
        while len(self.slopes) <= order:
            self.slopes.append(self.slopes[-1].diff(self.x))
        return ball(self.slopes[order], {self.x: box})

    def cover(self, lo: sp.Expr, hi: sp.Expr) -> list[Span]:
        """The chart on ``(lo, hi)`` in pieces; both ends are finite."""
        zeros = [z for z in SHORT if number_sign(z - lo) > 0 and number_sign(hi - z) > 0 and self._vanishes(z)]
        out: list[Span] = []
        at = lo
        inside = 0  # the sign just right of `at` where g vanishes there, else 0
        if self._vanishes(lo):
            at, inside = self._beside(lo, 1, hi)
            out.append(Span((), (inside,)))
        stop, last = hi, 0
        if self._vanishes(hi):
            stop, last = self._beside(hi, -1, lo)
        for z in sorted(zeros):
            before, s_before = self._beside(z, -1, at)
            after, s_after = self._beside(z, 1, stop)
            out += [*self._between(at, before), Span((), (s_before,)), Span((z,), ()), Span((), (s_after,))]
            at = after
        out += self._between(at, stop)
        if last:
            out.append(Span((), (last,)))
        return out

    def _vanishes(self, at: sp.Expr) -> bool:
        value = self.on(0, ball(at, {}))
        if not value.is_finite():
            raise Undecided("the value of {} at {}", self.slopes[0], at)
        return (sign_of(value) is None and number_sign(self.slopes[0].subs(self.x, at)) == 0) or value == 0

    def _beside(self, zero: sp.Expr, side: int, limit: sp.Expr) -> tuple[sp.Expr, int]:
        """A point beside a zero up to which there is no other, and the sign in between."""
        order = 1
        while number_sign(self.slopes_at(order, zero)) == 0:
            order += 1
            if order > MAX_ZERO_ORDER:
                raise Undecided("the order of the zero at {}", zero)
        width = (limit - zero) / 2
        for k in range(3, 40):
            step = sp.Rational(side, 2**k)
            if number_sign(abs(width) - abs(step)) < 0:
                continue
            end = zero + step
            s = sign_of(self.on(order, ball(zero, {}).union(ball(end, {}))))
            if s in (1, -1):
                return end, s if side > 0 or order % 2 == 0 else -s
        raise Undecided("the neighbourhood of {}", zero)

    def slopes_at(self, order: int, at: sp.Expr) -> sp.Expr:
        """A derivative of ``g`` at an exact point."""
        self.on(order, ball(at, {}))
        return self.slopes[order].subs(self.x, at)

    def _between(self, lo: sp.Expr, hi: sp.Expr) -> list[Span]:
        """The chart between two points, left to right; ``g`` does not vanish at either."""
        out: list[Span] = []
        todo = [(lo, hi)]
        while todo:
            low, high = todo.pop()
            if number_sign(high - low) <= 0:
                continue
            box = ball(low, {}).union(ball(high, {}))
            s = sign_of(self.on(0, box))
            if s in (1, -1):
                out.append(Span((), (s,)))
                continue
            slope = self.on(1, box)
            if sign_of(slope) in (1, -1):
                found = self._monotone(low, high)
                if found is not None:
                    out.append(found)
                    continue
            middle = _middle(low, high)
            value = self.on(0, rational(middle))
            s = sign_of(value + slope * (box - rational(middle)))  # the mean value theorem
            if s in (1, -1):
                out.append(Span((), (s,)))
                continue
            if sign_of(value) is None and ctx.prec < BITS[-1]:
                ctx.prec = next(bits for bits in BITS if bits > ctx.prec)
                todo.append((low, high))
                continue
            todo += [(middle, high), (low, middle)]
        return out

    def _monotone(self, low: sp.Expr, high: sp.Expr) -> Span | None:
        first, last = (sign_of(self.on(0, ball(e, {}))) for e in (low, high))
        if first not in (1, -1) or last not in (1, -1):
            return None
        if first == last:
            return Span((), (first,))
        if not (low.is_Rational and high.is_Rational):
            return None
        return Span((RootConstant(self.slopes[0], self.x, low, high),), (first, last))


def _middle(low: sp.Expr, high: sp.Expr) -> sp.Rational:
    """A short rational near the middle, off the points where zeros like to be."""
    with precision(64):
        a, b = (ball(e, {}) for e in (low, high))
        centre = (a + (b - a) * rational(sp.Rational(33, 64))).mid()
        man, exp = centre.man_exp()
    exact = sp.Rational(int(man)) * sp.Rational(2) ** int(exp)
    width = sp.Rational(1) * (high - low if (high - low).is_Rational else sp.Rational(str(sp.N(high - low, 6))))
    unit = sp.Rational(1)
    while unit > width / 64:
        unit /= 2
    short = sp.floor(exact / unit) * unit
    return sp.Rational(short)
