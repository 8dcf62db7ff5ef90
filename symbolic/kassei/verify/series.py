"""Taylor series of an expression at a point or on a whole box, by Arb: rigorous quadrature without antiderivatives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from flint import arb, arb_series, ctx, fmpq

from kassei.verify.ask import enclosed

ORDER = 24
"""How many Taylor coefficients are taken; the last one, on the whole box, bounds what is left out."""
BITS = 192
REACH = 16
"""The weight of a standard normal beyond is below 2**-180."""
WIDTH = fmpq(1, 4)
NARROW = fmpq(1, 2**36)
"""A box on which a switch stays open is split down to this width, and then bounded."""
MAX_BOXES = 1200


class Open(Exception):
    """A switch is not the same on the whole box, or the expression is not known to be smooth there."""


Series = Any
"""A truncated power series with balls as coefficients."""


class Taylor:
    """One expression in one variable, at exact parameter values, as a function from series to series."""

    def __init__(self, e: sp.Expr, x: sp.Symbol, values: Mapping[sp.Symbol, sp.Expr]) -> None:
        self.x = x
        self.e = e.subs(dict(values))
        self.constants: dict[sp.Expr, Any] = {}

    def at(self, t: Series) -> Series:
        """The series of the expression where the input is this series; raises ``Open``."""
        return self.read(self.e, t)

    def read(self, e: sp.Expr, t: Series) -> Series:
        """One node of the expression."""
        if e == self.x:
            return t
        if not e.has(self.x):
            if e not in self.constants:
                self.constants[e] = enclosed(e)
            return arb_series([self.constants[e]])
        if e.is_Add or e.is_Mul:
            out = self.read(e.args[0], t)
            for a in e.args[1:]:
                out = out + self.read(a, t) if e.is_Add else out * self.read(a, t)
            return out
        if isinstance(e, sp.Piecewise):
            return self.branch(e, t)
        if isinstance(e, sp.Max | sp.Min):
            return self.largest(e, t)
        if e.is_Pow and e.args[0] is not sp.E:
            return self.power(self.read(e.args[0], t), e.args[1], t)
        u = self.read(e.args[-1], t)
        if isinstance(e, sp.Abs | sp.sign):
            s = side(u)
            return arb_series([s]) if isinstance(e, sp.sign) else s * u
        rule = _RULES.get(sp.exp if e.is_Pow else e.func)
        if rule is None:
            raise Open
        return rule(u)

    def power(self, base: Series, n: sp.Expr, t: Series) -> Series:
        """A power: whole, a square root, or of a positive base."""
        if n.is_Integer:
            out = base
            for _ in range(abs(int(n)) - 1):
                out = out * base
            return out if n > 0 else 1 / _apart(out)
        if side(base) < 0:
            raise Open
        if n == sp.Rational(1, 2):
            return base.sqrt()
        return (self.read(n, t) * base.log()).exp()

    def branch(self, e: sp.Piecewise, t: Series) -> Series:
        """The branch that is taken on the whole box."""
        for value, condition in e.args:
            if self.holds(condition, t):
                return self.read(value, t)
        raise Open

    def largest(self, e: sp.Expr, t: Series) -> Series:
        """The part that is the largest (or smallest) on the whole box."""
        parts = [self.read(a, t) for a in e.args]
        way = 1 if isinstance(e, sp.Max) else -1
        best = parts[0]
        for p in parts[1:]:
            if not is_zero(p - best):
                best = p if side(way * (p - best)) > 0 else best
        return best

    def holds(self, c: sp.Basic, t: Series) -> bool:
        """A condition that is the same on the box but for its ends."""
        if c in (sp.true, sp.false):
            return c is sp.true
        if isinstance(c, sp.And | sp.Or):
            return (all if isinstance(c, sp.And) else any)([self.holds(a, t) for a in c.args])
        if isinstance(c, sp.Not):
            return not self.holds(c.args[0], t)
        if not isinstance(c, sp.core.relational.Relational):
            raise Open
        gap = self.read(c.lhs - c.rhs, t)
        if is_zero(gap):
            return isinstance(c, sp.Eq | sp.Ge | sp.Le)
        s = side(gap)
        if isinstance(c, sp.Eq | sp.Ne):
            return isinstance(c, sp.Ne)
        return s > 0 if isinstance(c, sp.Gt | sp.Ge) else s < 0


def _first(u: Series) -> Any:
    return u.coeffs()[0] if u.length() else arb(0)


def is_zero(u: Series) -> bool:
    """Whether a series is exactly 0."""
    return all(c == 0 for c in u.coeffs())


def side(u: Series) -> int:
    """The sign of the values on the box, but for its ends; raises ``Open``."""
    value = _first(u)
    if not value.is_finite():
        raise Open
    low, high = value.lower(), value.upper()
    if low >= 0 and high > 0:
        return 1
    if high <= 0 and low < 0:
        return -1
    raise Open


def _apart(u: Series) -> Series:
    if _first(u).contains(0):
        raise Open
    return u


def _log(u: Series) -> Series:
    if not _first(u).lower() > 0:
        raise Open
    return u.log()


def _tanh(u: Series) -> Series:
    return 1 - 2 / ((2 * u).exp() + 1)


def _asinh(u: Series) -> Series:
    root = (u * u + 1).sqrt()
    if _first(u).upper() < 0:
        return -(root - u).log()
    return _log(u + root)


_RULES: dict[Any, Callable[[Series], Series]] = {
    sp.exp: lambda u: u.exp(),
    sp.log: _log,
    sp.tanh: _tanh,
    sp.erf: lambda u: u.erf(),
    sp.erfc: lambda u: 1 - u.erf(),
    sp.sin: lambda u: u.sin(),
    sp.cos: lambda u: u.cos(),
    sp.atan: lambda u: u.atan(),
    sp.sinh: lambda u: (u.exp() - (-u).exp()) / 2,
    sp.cosh: lambda u: (u.exp() + (-u).exp()) / 2,
    sp.asinh: _asinh,
}


def integrals(
    e: sp.Expr,
    x: sp.Symbol,
    values: Mapping[sp.Symbol, sp.Expr],
    weights: Callable[[Series, Series], list[Series]],
    bound: Callable[[Any, Any], list[Any] | None],
    lo: fmpq,
    hi: fmpq,
) -> list[Any] | None:
    """Enclosures of integrals between two rationals; None where some box is not enclosed.

    Args:
        e: The expression in ``x``.
        x: The variable.
        values: Exact values of everything else in it.
        weights: From the series of the input and of the expression to those of the integrands.
        bound: Balls around the integrands on a narrow box given by its ends, where a switch stays open.
        lo: Where the integrals begin.
        hi: Where they end.
    """
    saved = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = BITS, ORDER + 2
    try:
        f = Taylor(e, x, values)
        total: list[Any] = []
        cuts = int((hi - lo) / WIDTH) + 1
        step = (hi - lo) / cuts
        waiting = deque((lo + k * step, lo + (k + 1) * step) for k in range(cuts))
        left = MAX_BOXES
        while waiting:
            a, b = waiting.popleft()
            left -= 1
            if left < 0:
                return None
            found = _box(f, weights, a, b)
            if found is None and b - a <= NARROW:
                found = bound(a, b)
                if found is None:
                    return None
            if found is None:
                waiting += [(a, (a + b) / 2), ((a + b) / 2, b)]
                continue
            total = [p + q for p, q in zip(total, found, strict=True)] if total else found
        return total
    except Open:
        return None
    finally:
        ctx.prec, ctx.cap = saved


def _box(f: Taylor, weights: Callable[[Series, Series], list[Series]], a: fmpq, b: fmpq) -> list[Any] | None:
    """The integrals over one box, to the last order; None where they are not known well enough."""
    middle, radius = (a + b) / 2, (b - a) / 2
    r = arb(radius)
    near = arb_series([arb(middle), 1])
    wide = arb_series([arb(middle) + arb(0, r.upper()), 1])
    try:
        exact, rough = weights(near, f.at(near)), weights(wide, f.at(wide))
    except (Open, ZeroDivisionError, ValueError):
        return None
    out = []
    for p, q in zip(exact, rough, strict=True):
        coefficients = [*p.coeffs()[:ORDER], *[arb(0)] * (ORDER - p.length())]
        last = q.coeffs()[ORDER] if q.length() > ORDER else arb(0)
        value = sum((2 * c * r ** (k + 1) / (k + 1) for k, c in enumerate(coefficients) if k % 2 == 0), arb(0))
        rest = 2 * abs(last).upper() * r ** (ORDER + 1) / (ORDER + 1)
        value += arb(0, rest.upper())
        if not value.is_finite() or value.rad() > r * (1 + abs(value)) * arb(2) ** -88:
            return None
        out.append(value)
    return out
