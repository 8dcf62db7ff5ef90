"""Intervals with exact ends, outward rounded by Arb, and their jets: value, slope and bend of an expression on a box.

Ends may be infinite, so that a box reaches to infinity; ``nonzero`` says that no value is 0 though 0 may be an end, as
for ``exp`` towards the left. Every switch of the language is enclosed by all branches that the box meets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from kassei.verify.read import EnclosedRoot

INF = arb("inf")
NIL = arb(0)


@dataclass(frozen=True)
class Interval:
    """All reals between two exact ends."""

    lo: Any
    hi: Any
    nonzero: bool = False

    @property
    def positive(self) -> bool:
        """Whether every value is > 0."""
        return bool(self.lo > 0 or (self.nonzero and self.lo >= 0))

    @property
    def negative(self) -> bool:
        """Whether every value is < 0."""
        return bool(self.hi < 0 or (self.nonzero and self.hi <= 0))

    @property
    def zero(self) -> bool:
        """Whether every value is 0."""
        return bool(self.lo == 0 and self.hi == 0)

    @property
    def apart(self) -> bool:
        """Whether no value is 0."""
        return self.positive or self.negative

    def __neg__(self) -> Interval:
        return Interval(-self.hi, -self.lo, self.nonzero)

    def __add__(self, other: Interval) -> Interval:
        lo, hi = _plus(self.lo, other.lo, -1), _plus(self.hi, other.hi, 1)
        keep = (self.positive and other.lo >= 0) or (other.positive and self.lo >= 0)
        keep = keep or (self.negative and other.hi <= 0) or (other.negative and self.hi <= 0)
        return Interval(lo, hi, bool(keep))

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        if self.zero or other.zero:
            return ZERO
        if self.lo >= 0 and other.lo >= 0:
            sure = (self.nonzero or self.lo > 0) and (other.nonzero or other.lo > 0)
            return Interval(_times(self.lo, other.lo, -1), _times(self.hi, other.hi, 1), bool(sure))
        products = [(_times(a, b, -1), _times(a, b, 1)) for a in (self.lo, self.hi) for b in (other.lo, other.hi)]
        lo, hi = products[0]
        for low, high in products[1:]:
            lo, hi = (low if low < lo else lo), (high if high > hi else hi)
        sure = (self.nonzero or _apart(self)) and (other.nonzero or _apart(other))
        return Interval(lo, hi, sure)

    def union(self, other: Interval) -> Interval:
        """The interval that spans both."""
        lo = self.lo if self.lo <= other.lo else other.lo
        hi = self.hi if self.hi >= other.hi else other.hi
        same = (self.positive and other.positive) or (self.negative and other.negative)
        return Interval(lo, hi, same)


def _apart(x: Interval) -> bool:
    return bool(x.lo > 0 or x.hi < 0)


def _infinite(x: Any) -> bool:
    return bool(x == INF or x == -INF)


def down(x: Any) -> Any:
    """The lower end of a ball."""
    if x.is_finite():
        return x.lower()
    return x if _infinite(x) else -INF


def up(x: Any) -> Any:
    """The upper end of a ball."""
    if x.is_finite():
        return x.upper()
    return x if _infinite(x) else INF


def _plus(a: Any, b: Any, way: int) -> Any:
    if _infinite(a):
        return a
    if _infinite(b):
        return b
    return (a + b).upper() if way > 0 else (a + b).lower()


def _times(a: Any, b: Any, way: int) -> Any:
    if a == 0 or b == 0:
        return NIL
    if _infinite(a) or _infinite(b):
        return INF if (a > 0) == (b > 0) else -INF
    return (a * b).upper() if way > 0 else (a * b).lower()


ZERO = Interval(NIL, NIL)
WHOLE = Interval(-INF, INF)


@lru_cache(maxsize=10_000)
def exactly(value: sp.Rational | int) -> Interval:
    """A rational as a narrow interval, the same at every working precision."""
    q = sp.Rational(value)
    saved, ctx.prec = ctx.prec, 128
    ball = arb(fmpq(int(q.p), int(q.q)))
    found = Interval(ball.lower(), ball.upper(), bool(q != 0))
    ctx.prec = saved
    return found


def box(lo: sp.Expr, hi: sp.Expr) -> Interval:
    """The interval between two rationals or infinities."""
    low = -INF if lo == -sp.oo else exactly(lo).lo
    high = INF if hi == sp.oo else exactly(hi).hi
    return Interval(low, high, bool(low > 0 or high < 0))


ONE = exactly(1)
TWO = exactly(2)


class Hole(Exception):
    """The expression is undefined on the whole box."""


@dataclass
class Look:
    """What evaluation met: whether all was certainly defined, and whether a switch stayed open."""

    env: Mapping[sp.Symbol, Jet]
    defined: bool = True
    switched: bool = False


@dataclass(frozen=True)
class Jet:
    """An expression's value and its first two derivatives on a box of inputs."""

    x: Interval
    d: Interval = field(default=ZERO)
    b: Interval = field(default=ZERO)

    def union(self, other: Jet) -> Jet:
        """Whatever either of them allows."""
        return Jet(self.x.union(other.x), self.d.union(other.d), self.b.union(other.b))

    def __add__(self, o: Jet) -> Jet:
        return Jet(self.x + o.x, self.d + o.d, self.b + o.b)

    def __mul__(self, o: Jet) -> Jet:
        if self.d.zero and self.b.zero:
            return Jet(self.x * o.x, self.x * o.d, self.x * o.b)
        return Jet(self.x * o.x, self.d * o.x + self.x * o.d, self.b * o.x + TWO * (self.d * o.d) + self.x * o.b)

    def through(self, x: Interval, d: Interval, b: Interval) -> Jet:
        """The jet of a function of this one: its value and derivatives at the value."""
        if self.d.zero and self.b.zero:
            return Jet(x)
        return Jet(x, d * self.d, b * square(self.d) + d * self.b)


def square(u: Interval) -> Interval:
    """The squares of an interval."""
    return whole_power(u, 2)


def whole_power(u: Interval, n: int) -> Interval:
    """``u**n`` for n >= 0."""
    if n == 0:
        return ONE
    if n % 2 == 0 and u.lo < 0:
        if u.hi <= 0:
            return whole_power(-u, n)
        top = u.hi if u.hi > -u.lo else -u.lo
        return Interval(NIL, _raise(top, n, 1), u.nonzero)
    return Interval(_raise(u.lo, n, -1), _raise(u.hi, n, 1), u.nonzero or _apart(u))


def _raise(a: Any, n: int, way: int) -> Any:
    if _infinite(a):
        return INF if a > 0 or n % 2 == 0 else -INF
    return (a**n).upper() if way > 0 else (a**n).lower()


def inverse(u: Interval, look: Look) -> Interval:
    """``1/u``; anything where u may be 0."""
    if u.zero:
        raise Hole
    if u.positive or u.negative:
        if u.negative:
            return -inverse(-u, look)
        lo = NIL if _infinite(u.hi) else (1 / u.hi).lower()
        hi = INF if u.lo == 0 else (1 / u.lo).upper()
        return Interval(lo, hi, True)
    look.defined = False
    return WHOLE


_AT_INFINITY: dict[str, tuple[Any, Any]] = {
    "exp": (NIL, INF),
    "log": (-INF, INF),
    "sqrt": (NIL, INF),
    "tanh": (arb(-1), arb(1)),
    "erf": (arb(-1), arb(1)),
    "sinh": (-INF, INF),
    "asinh": (-INF, INF),
    "atan": ((-arb.pi() / 2).lower(), (arb.pi() / 2).upper()),
}


def rising(name: str, u: Interval) -> Interval:
    """An increasing function of an interval, by its values at the ends."""
    low, high = _AT_INFINITY[name]

    def at(a: Any, way: int) -> Any:
        if _infinite(a):
            return high if a > 0 else low
        found = getattr(a, name)()
        if not found.is_finite():
            return high if way > 0 else low
        return up(found) if way > 0 else down(found)

    lo, hi = at(u.lo, -1), at(u.hi, 1)
    if name == "exp" and lo < 0:
        lo = NIL
    odd = name not in ("exp", "log")
    return Interval(lo, hi, name == "exp" or (odd and (u.nonzero or _apart(u))))


def _exp(u: Jet, look: Look) -> Jet:
    e = rising("exp", u.x)
    return u.through(e, e, e)


def _log(u: Jet, look: Look) -> Jet:
    if not u.x.positive:
        if u.x.hi <= 0:
            raise Hole
        look.defined = False
        return Jet(WHOLE, WHOLE, WHOLE)
    inner = u.x
    value = Interval(
        -INF if inner.lo == 0 else down(inner.lo.log()), INF if _infinite(inner.hi) else up(inner.hi.log())
    )
    slope = inverse(inner, look)
    return u.through(value, slope, -square(slope))


def _tanh(u: Jet, look: Look) -> Jet:
    t = rising("tanh", u.x)
    slope = square(inverse(cosh(u.x), look))
    return u.through(t, slope, -(TWO * t * slope))


def cosh(u: Interval) -> Interval:
    """The hyperbolic cosine of an interval."""
    size = magnitude(u)
    half = Interval(exactly(sp.Rational(1, 2)).lo, exactly(sp.Rational(1, 2)).hi)
    found = half * (rising("exp", size) + rising("exp", -size))
    low = found.lo if found.lo > 1 else arb(1)
    return Interval(low, found.hi, True)


def magnitude(u: Interval) -> Interval:
    """The sizes of an interval's values."""
    if u.lo >= 0:
        return u
    if u.hi <= 0:
        return -u
    return Interval(NIL, u.hi if u.hi > -u.lo else -u.lo, u.nonzero)


def _erf(u: Jet, look: Look) -> Jet:
    scale = Interval(down(2 / arb.pi().sqrt()), up(2 / arb.pi().sqrt()), True)
    slope = scale * rising("exp", -square(u.x))
    return u.through(rising("erf", u.x), slope, -(TWO * u.x * slope))


def _atan(u: Jet, look: Look) -> Jet:
    slope = inverse(ONE + square(u.x), look)
    return u.through(rising("atan", u.x), slope, -(TWO * u.x * square(slope)))


def _asinh(u: Jet, look: Look) -> Jet:
    under = inverse(ONE + square(u.x), look)
    root = rising("sqrt", under)
    return u.through(rising("asinh", u.x), root, -(u.x * under * root))


def _sinh(u: Jet, look: Look) -> Jet:
    s = rising("sinh", u.x)
    return u.through(s, cosh(u.x), s)


def _cosh(u: Jet, look: Look) -> Jet:
    c = cosh(u.x)
    return u.through(c, rising("sinh", u.x), c)


def _wave(u: Jet, name: str) -> Jet:
    def of(kind: str) -> Interval:
        if _infinite(u.x.lo) or _infinite(u.x.hi):
            return Interval(arb(-1), arb(1))
        found = getattr(u.x.lo.union(u.x.hi), kind)()
        return Interval(max(down(found), arb(-1)), min(up(found), arb(1)))

    sine, cosine = of("sin"), of("cos")
    return u.through(sine, cosine, -sine) if name == "sin" else u.through(cosine, -sine, -cosine)


_RULES: dict[Any, Callable[[Jet, Look], Jet]] = {
    sp.exp: _exp,
    sp.log: _log,
    sp.tanh: _tanh,
    sp.erf: _erf,
    sp.erfc: lambda u, look: Jet(ONE) + Jet(-ONE) * _erf(u, look),
    sp.atan: _atan,
    sp.asinh: _asinh,
    sp.sinh: _sinh,
    sp.cosh: _cosh,
    sp.sin: lambda u, look: _wave(u, "sin"),
    sp.cos: lambda u, look: _wave(u, "cos"),
}


def jet(e: sp.Expr, look: Look) -> Jet:
    """Enclose an expression and its first two derivatives in the input; raises ``Hole`` where it is undefined."""
    if e.is_Rational:
        return Jet(exactly(e))
    if e.is_Symbol:
        return look.env[e]
    if e in (sp.pi, sp.E):
        ball = arb.pi() if e is sp.pi else arb(1).exp()
        return Jet(Interval(ball.lower(), ball.upper(), True))
    if isinstance(e, EnclosedRoot):
        return Jet(box(e.lo, e.hi))
    if e.is_Add:
        out = Jet(ZERO)
        for a in e.args:
            out = out + jet(a, look)
        return out
    if e.is_Mul:
        out = Jet(ONE)
        for a in e.args:
            out = out * jet(a, look)
        return out
    if e.is_Pow:
        return _power(e, look)
    if isinstance(e, sp.Abs):
        u = jet(e.args[0], look)
        return _larger(u, Jet(-u.x, -u.d, -u.b), look)
    if isinstance(e, sp.Max | sp.Min):
        parts = [jet(a, look) for a in e.args]
        flip = isinstance(e, sp.Min)
        parts = [Jet(-p.x, -p.d, -p.b) for p in parts] if flip else parts
        best = parts[0]
        for p in parts[1:]:
            best = _larger(best, p, look)
        return Jet(-best.x, -best.d, -best.b) if flip else best
    if isinstance(e, sp.sign):
        inner = jet(e.args[0], look).x
        if inner.positive or inner.negative or inner.zero:
            return Jet(ONE if inner.positive else -ONE if inner.negative else ZERO)
        look.switched = True
        return Jet(Interval(arb(-1), arb(1)))
    if isinstance(e, sp.Piecewise):
        return _piecewise(e, look)
    rule = _RULES.get(e.func)
    if rule is None:
        look.defined = False
        return Jet(WHOLE, WHOLE, WHOLE)
    return rule(jet(e.args[0], look), look)


def _larger(p: Jet, q: Jet, look: Look) -> Jet:
    if p.x.lo >= q.x.hi:
        return p
    if q.x.lo >= p.x.hi:
        return q
    look.switched = True
    lo = p.x.lo if p.x.lo >= q.x.lo else q.x.lo
    hi = p.x.hi if p.x.hi >= q.x.hi else q.x.hi
    return Jet(Interval(lo, hi, p.x.nonzero and q.x.nonzero), p.d.union(q.d), p.b.union(q.b))


def _power(e: sp.Pow, look: Look) -> Jet:
    base, n = e.args
    if base is sp.E:
        return _exp(jet(n, look), look)
    u = jet(base, look)
    if n.is_Integer:
        k = int(n)
        if k >= 0:
            return u.through(
                whole_power(u.x, k),
                exactly(k) * whole_power(u.x, max(k - 1, 0)),
                exactly(k * (k - 1)) * whole_power(u.x, max(k - 2, 0)),
            )
        one = inverse(u.x, look)
        power = whole_power(one, -k)
        return u.through(power, exactly(k) * power * one, exactly(k * (k - 1)) * power * square(one))
    if u.x.positive:
        return _exp(jet(n, look) * _log(u, look), look)
    if u.x.hi < 0:
        raise Hole
    power_by = jet(n, look).x
    grows = bool(n.is_positive) or power_by.positive
    look.defined = look.defined and bool(u.x.lo >= 0) and grows
    top = rising("exp", rising("log", Interval(u.x.hi, u.x.hi)) * power_by) if u.x.hi > 0 else ZERO
    value = Interval(NIL, top.hi) if grows else Interval(NIL, INF, power_by.negative)
    return Jet(value, WHOLE, WHOLE)


def _piecewise(e: sp.Piecewise, look: Look) -> Jet:
    out: Jet | None = None
    for value, condition in e.args:
        truth = decided(condition, look)
        if truth is False:
            continue
        inner = Look(look.env)
        try:
            here = jet(value, inner)
        except Hole:
            if truth is True and out is None:
                raise
            here = Jet(WHOLE, WHOLE, WHOLE)
            look.defined = False
        look.defined = look.defined and inner.defined
        look.switched = look.switched or inner.switched
        out = here if out is None else out.union(here)
        if truth is True:
            break
        look.switched = True
    if out is None:
        raise Hole
    return out


def decided(c: sp.Basic, look: Look) -> bool | None:
    """A condition on the whole box: True, False, or None where it is not the same or not known."""
    if c in (sp.true, sp.false):
        return c is sp.true
    if isinstance(c, sp.And | sp.Or):
        truths = [decided(a, look) for a in c.args]
        strong = isinstance(c, sp.Or)
        return strong if strong in truths else None if None in truths else not strong
    if isinstance(c, sp.Not):
        inner = decided(c.args[0], look)
        return None if inner is None else not inner
    if not isinstance(c, sp.core.relational.Relational):
        return None
    try:
        gap = jet(c.lhs - c.rhs, look).x
    except Hole:
        return None
    if isinstance(c, sp.Eq | sp.Ne):
        equal = True if gap.zero else False if gap.positive or gap.negative else None
        return equal if equal is None or isinstance(c, sp.Eq) else not equal
    if isinstance(c, sp.Lt | sp.Le):
        gap = -gap
    if isinstance(c, sp.Ge | sp.Le):
        return True if gap.lo >= 0 else False if gap.negative else None
    return True if gap.positive else False if gap.hi <= 0 else None
