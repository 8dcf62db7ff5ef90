"""The definition in interval arithmetic with ends, for tails: as a ball, ``[exp(1e30), exp(2e30)]`` holds 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import arb, ctx

from kassei.exact.balls import Evaluation, Jet, Unclear, Undefined
from kassei.exact.program import Program

BITS = 192
FAR = arb((1, 60))


class Span:
    """All numbers from ``lo`` to ``hi``; ends are exact balls and may be infinite."""

    def __init__(self, lo: Any, hi: Any) -> None:
        if lo.is_nan() or hi.is_nan():
            raise Unclear
        self.lo, self.hi = lo, hi

    @staticmethod
    def of(x: Any) -> Span:
        """Any number."""
        if isinstance(x, Span):
            return x
        ball = arb(x)
        return Span(ball.lower(), ball.upper())

    def __add__(self, other: Any) -> Span:
        o = Span.of(other)
        return Span((self.lo + o.lo).lower(), (self.hi + o.hi).upper())

    __radd__ = __add__

    def __neg__(self) -> Span:
        return Span(-self.hi, -self.lo)

    def __sub__(self, other: Any) -> Span:
        return self + (-Span.of(other))

    def __rsub__(self, other: Any) -> Span:
        return Span.of(other) + (-self)

    def __mul__(self, other: Any) -> Span:
        o = Span.of(other)
        ends = [_product(a, b) for a in (self.lo, self.hi) for b in (o.lo, o.hi)]
        return Span(_first(e.lower() for e in ends), -_first((-e).lower() for e in ends))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Span:
        o = Span.of(other)
        if o.contains(0):
            raise Unclear
        return self * Span((1 / o.hi).lower(), (1 / o.lo).upper())

    def __rtruediv__(self, other: Any) -> Span:
        return Span.of(other) / self

    def __gt__(self, y: float) -> bool:
        return bool(self.lo > y)

    def __lt__(self, y: float) -> bool:
        return bool(self.hi < y)

    def __le__(self, y: float) -> bool:
        return bool(self.hi <= y)

    def __eq__(self, y: object) -> bool:
        return bool(self.lo == y and self.hi == y)

    __hash__ = None  # type: ignore[assignment]

    def contains(self, y: float) -> bool:
        """Whether a number may lie inside."""
        return not (self.lo > y or self.hi < y)

    def _rising(self, name: str) -> Span:
        return Span(getattr(self.lo, name)().lower(), getattr(self.hi, name)().upper())

    def exp(self) -> Span:
        low, high = self.lo.exp().lower(), self.hi.exp().upper()
        if not low.is_finite():
            low = FAR.exp().lower() if self.lo > FAR else arb(0)
        if not high.is_finite():
            high = (-FAR).exp().upper() if self.hi < -FAR else arb.pos_inf()
        return Span(low if low > 0 else arb(0), high)

    def log(self) -> Span:
        return self._rising("log")

    def sqrt(self) -> Span:
        return self._rising("sqrt")

    def atan(self) -> Span:
        return self._rising("atan")

    def tanh(self) -> Span:
        return self._rising("tanh")

    def sinh(self) -> Span:
        return self._rising("sinh")

    def asinh(self) -> Span:
        return self._rising("asinh")

    def erf(self) -> Span:
        return self._rising("erf")

    def erfc(self) -> Span:
        return self._falling("erfc")

    def _falling(self, name: str) -> Span:
        return Span(getattr(self.hi, name)().lower(), getattr(self.lo, name)().upper())

    def cosh(self) -> Span:
        low, high = self.exp(), (-self).exp()
        both = (low + high) * arb(0.5)
        return Span(both.lo if both.lo > 1 else arb(1), both.hi)

    def sin(self) -> Span:
        return Span(arb(-1), arb(1))

    def cos(self) -> Span:
        return Span(arb(-1), arb(1))


def _product(a: Any, b: Any) -> Any:
    """An end times an end: 0 times infinity is 0, for an end that is infinite stands for finite numbers."""
    return arb(0) if a == 0 or b == 0 else a * b


def _first(values: Any) -> Any:
    out = None
    for x in values:
        if x.is_nan():
            raise Unclear
        out = x if out is None or x < out else out
    return out


class _SpanEvaluation(Evaluation):
    """``Unclear`` where a switch does not go one way on the whole interval."""

    def lift(self, x: Any) -> Any:
        return Span.of(x)


def enclosed(
    program: Program, quantity: str | None, lo: float, hi: float, params: Mapping[str, float]
) -> tuple[float, float] | None:
    """Float64 numbers around everything the definition (or its derivative) takes on ``[lo, hi]``; None: not found."""
    numbers = {program.variable: Span(arb(lo), arb(hi)), **{n: Span.of(x) for n, x in params.items()}}
    box = {n: Jet(x, Span.of(1) if n == quantity else None) for n, x in numbers.items()}
    saved, ctx.prec = ctx.prec, BITS
    try:
        out = _SpanEvaluation(program, box, {}, differs=quantity is not None).at(len(program.steps) - 1)
        found = out.x if quantity is None else Span.of(0) if out.d is None else out.d
        low, high = float(found.lo), float(found.hi)
        return _down(low), -_down(-high)
    except (Unclear, Undefined, AttributeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    finally:
        ctx.prec = saved


def _down(x: float) -> float:
    return x if x == 0 else x - abs(x) * 2.0**-50 - 2.0**-1070
