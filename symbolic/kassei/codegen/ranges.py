"""How large and how small a value can be: enclosures of magnitudes, as powers of two.

They decide two things and nothing else: whether the terms of a sum share a sign (then nothing cancels), and whether
an intermediate value can leave the range of a float although the result does not. The figures are those of float32;
the same questions have the same answers in float64 and bfloat16, whose ranges differ only in size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from kassei.codegen.raw import raw_erfc, raw_expm1, raw_log1p, raw_sech2, raw_sigmoid, raw_softplus
from kassei.core.activation import Domain

LARGEST = 128.0
"""Inputs are below 2**128 in size (float32)."""
SMALLEST = -149.0
"""Inputs other than 0 are at least 2**-149 in size (float32)."""
OVER, UNDER = 128.01, -155.0
"""Beyond these a float32 may have overflowed, or lost its digits; the slack keeps halved inputs out."""
_LOG2E = math.log2(math.e)
_ODD_NEAR_ZERO = (sp.tanh, sp.atan, sp.erf, sp.sin, sp.asin, sp.asinh, sp.atanh, sp.tan, sp.sinh)


@dataclass(frozen=True)
class Range:
    """Values ``x`` with ``2**small <= abs(x) <= 2**big``, or 0, of the signs that are possible."""

    small: float
    big: float
    negative: bool
    positive: bool

    @property
    def lo(self) -> float:
        """A lower bound of the value."""
        return -_two(self.big) if self.negative else _two(self.small) if self.positive else 0.0

    @property
    def hi(self) -> float:
        """An upper bound of the value."""
        return _two(self.big) if self.positive else -_two(self.small) if self.negative else 0.0

    @property
    def signed(self) -> bool:
        """Whether the value never has both signs."""
        return not (self.negative and self.positive)

    @property
    def over(self) -> bool:
        """Whether a float of it may be infinite."""
        return self.big > OVER

    @property
    def under(self) -> bool:
        """Whether a float of it may have lost its digits in underflow."""
        return self.small < UNDER


def _two(power: float) -> float:
    if power > 1023:
        return math.inf
    return 0.0 if power < -1070 else 2.0**power


def _log2(x: float) -> float:
    return math.inf if math.isinf(x) else math.log2(x) if x > 0 else -math.inf


ANY = Range(-math.inf, math.inf, True, True)


def of_interval(lo: float, hi: float, *, least: float = SMALLEST) -> Range:
    """The range of values in an interval; ``least`` is the smallest power of two of one that is not 0."""
    big = min(_log2(max(abs(lo), abs(hi))), math.inf)
    inner = 0.0 if lo <= 0 <= hi else min(abs(lo), abs(hi))
    return Range(max(_log2(inner), least), big, lo < 0, hi > 0)


def of_domain(domain: Domain) -> Range:
    """The range of the floats of an interval."""
    lo, hi = (max(-(2.0**128), min(2.0**128, float(end))) for end in (domain.lo, domain.hi))
    return of_interval(lo, hi)


@dataclass
class Ranges:
    """Enclosures of every expression in some symbols of known ranges."""

    symbols: Mapping[sp.Symbol, Range]
    _seen: dict[sp.Expr, Range] = field(default_factory=dict)

    def __call__(self, expr: sp.Expr) -> Range:
        """The range of an expression."""
        if expr not in self._seen:
            self._seen[expr] = self._find(expr)
        return self._seen[expr]

    def same_sign(self, expr: sp.Expr) -> bool:
        """Whether no two terms of a sum differ in sign, so that nothing cancels."""
        parts = [self(t) for t in sp.Add.make_args(expr)]
        return not any(p.negative for p in parts) or not any(p.positive for p in parts)

    def _find(self, expr: sp.Expr) -> Range:
        if expr.is_number:
            if not expr.is_finite:
                return ANY
            value = sp.N(expr, 30)
            size = float(sp.log(abs(value), 2)) if value != 0 else -math.inf
            return Range(size, size, bool(value < 0), bool(value > 0))
        if expr.is_Symbol:
            return self.symbols[expr]
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul:
            parts = [self(a) for a in expr.args]
            return _product(parts)
        if expr.is_Pow and expr.base is not sp.E:
            return self._power(expr)
        return self._function(expr)

    def _sum(self, expr: sp.Add) -> Range:
        parts = [self(a) for a in expr.args]
        top = max(p.big for p in parts)
        big = top if math.isinf(top) else top + math.log2(sum(2.0 ** max(p.big - top, -60) for p in parts))
        small = max(p.small for p in parts)
        lo, hi = sum(p.lo for p in parts), sum(p.hi for p in parts)
        if not self.same_sign(expr) and not math.isinf(lo) and not math.isinf(hi):
            exact = of_interval(lo, hi, least=small)
            return Range(max(min(exact.small, exact.big), small), exact.big, exact.negative, exact.positive)
        return Range(small, big, any(p.negative for p in parts), any(p.positive for p in parts))

    def _power(self, expr: sp.Pow) -> Range:
        base, exponent = self(expr.base), expr.exp
        if not exponent.is_Rational:
            power = self(exponent)
            reach = max(abs(base.big), abs(base.small)) * _two(power.big)
            return Range(-reach, reach, False, True)
        k = float(exponent)
        small, big = (k * base.small, k * base.big) if k > 0 else (k * base.big, k * base.small)
        if exponent.is_Integer and exponent % 2:
            return Range(small, big, base.negative, base.positive)
        return Range(small, big, False, True)

    def _function(self, expr: sp.Expr) -> Range:
        u = self(expr.args[0])
        kind = expr.func
        if kind is sp.exp:
            return Range(u.lo * _LOG2E, u.hi * _LOG2E, False, True)
        if kind is raw_sigmoid:
            return Range(min(u.lo, 0.0) * _LOG2E - 1, min(0.0, u.hi * _LOG2E), False, True)
        if kind is raw_softplus:
            return Range(min(u.lo, 0.0) * _LOG2E - 1, max(0.0, u.big + 1), False, True)
        if kind in (raw_erfc, raw_sech2):
            far = u.hi if kind is raw_erfc else max(abs(u.lo), abs(u.hi))
            decay = max(far, 0.0) ** 2 * _LOG2E + _log2(1 + max(far, 0)) + 1 if kind is raw_erfc else 2 * far * _LOG2E
            return Range(-decay, 1.0, False, True)
        if kind is raw_expm1:
            return Range(min(u.small, 0.0) - 1, max(u.hi, 1.0) * _LOG2E if u.positive else 0.0, u.negative, u.positive)
        if kind is raw_log1p:
            return Range(min(u.small, 0.0) - 1, max(u.big, 0.0) if u.signed and u.positive else math.inf, u.negative,
                         u.positive)
        if kind in _ODD_NEAR_ZERO:
            bounded = {sp.tanh: 0.0, sp.atan: 0.7, sp.erf: 0.2, sp.sin: 0.0, sp.asin: 0.7}
            ends = {sp.sinh: max(abs(u.lo), abs(u.hi)) * _LOG2E, sp.asinh: max(u.big, 8.0)}
            odd = kind in (sp.sin, sp.tan)
            return Range(min(u.small, 0.0) - 1, min(bounded.get(kind, ends.get(kind, math.inf)), math.inf),
                         u.negative or odd, u.positive or odd)
        if kind is sp.cos:
            return Range(-30.0, 0.0, True, True)
        if kind is sp.acos:
            return Range(-30.0, 1.7, False, True)
        if kind is sp.cosh:
            return Range(0.0, max(abs(u.lo), abs(u.hi)) * _LOG2E, False, True)
        if kind is sp.log:
            return Range(-30.0, 10.0 if math.isinf(u.big) or math.isinf(u.small) else
                         max(_log2(max(abs(u.big), abs(u.small), 1.0)), 0.0), u.small < 0, u.big > 0)
        if kind is sp.acosh:
            return Range(-30.0, 10.0, False, True)
        return ANY


def _product(parts: list[Range]) -> Range:
    small, big = sum(p.small for p in parts), sum(p.big for p in parts)
    if math.isnan(small):
        small = -math.inf
    if math.isnan(big):
        big = math.inf
    negative, positive = False, True
    for p in parts:
        negative, positive = (
            (negative and p.positive) or (positive and p.negative),
            (negative and p.negative) or (positive and p.positive),
        )
    return Range(small, big, negative, positive)


product = _product
