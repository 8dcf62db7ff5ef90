"""The definition in float64 with a running bound of its own error, for whole arrays.

Used where Taylor polynomials would need millions of intervals (sines far out). Each operation adds to the bound what
it may have rounded away; products and sums are charged their exact residual (Dekker's and Knuth's, zero where the
result is exact), functions of NumPy ``LIBM`` units, which is an assumption: the pointwise checks test it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flint import arb

from kassei.exact.balls import Evaluation, Jet, Unclear, Undefined
from kassei.exact.formats import Format
from kassei.exact.program import Program

U = 2.0**-53
FAR = 2.0**900
"""What is infinite and has the bound 0 is an exponential beyond float64, or a multiple of one: it is beyond this."""
NEAR = 2.0**-10
"""Such multiples have factors of at least this; a definition has fewer than 100 of them."""
LIBM = 4 * 2 * U
"""How far NumPy's functions may be off, relative: four units in the last place (measured: below 2)."""
TINY = 2.0**-1060
SPLIT = 2.0**27 + 1


class Rough:
    """An array and a bound of its absolute error."""

    def __init__(self, x: Any, e: Any) -> None:
        self.x, self.e = x, e

    @staticmethod
    def of(x: Any) -> Rough:
        """Any number as an array with a bound."""
        if isinstance(x, Rough):
            return x
        if isinstance(x, arb):
            near = float(x.mid())
            return Rough(np.float64(near), float(abs(x - arb(near)).abs_upper()) * (1 + 4 * U))
        return Rough(np.float64(x), 0.0)

    def __add__(self, other: Any) -> Rough:
        o = Rough.of(other)
        s = self.x + o.x
        b = s - self.x
        residual = np.where(np.isinf(s), 0.0, np.abs((self.x - (s - b)) + (o.x - b)))
        e = (self.e + o.e + residual) * (1 + 4 * U)
        beyond = self._beyond() & (o._beyond() | (o._size() < FAR / 2)) | o._beyond() & (self._size() < FAR / 2)
        return Rough(s, np.where(np.isinf(s), np.where(beyond, 0.0, np.inf), e))

    __radd__ = __add__

    def __neg__(self) -> Rough:
        return Rough(-self.x, self.e)

    def __sub__(self, other: Any) -> Rough:
        return self + (-Rough.of(other))

    def __rsub__(self, other: Any) -> Rough:
        return Rough.of(other) + (-self)

    def __mul__(self, other: Any) -> Rough:
        o = Rough.of(other)
        p = self.x * o.x
        residual = _residual(self.x, o.x, p)
        e = (np.abs(self.x) * o.e + np.abs(o.x) * self.e + self.e * o.e + residual) * (1 + 8 * U)
        beyond = self._beyond() & (np.abs(o.x) - o.e >= NEAR) | o._beyond() & (np.abs(self.x) - self.e >= NEAR)
        return Rough(p, np.where(beyond, 0.0, e))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Rough:
        o = Rough.of(other)
        q = self.x / o.x
        room = np.abs(o.x) - o.e
        e = (self.e + np.abs(q) * o.e) / room + np.abs(q) * (4 * U) + TINY
        e = np.where(o._beyond(), (np.abs(self.x) + self.e) / FAR + TINY, e)  # the quotient lies between 0 and this
        e = np.where(room > 0, e, np.inf)
        return Rough(q, np.where(self._beyond() & (room > 0) & (o._size() <= 1 / NEAR), 0.0, e))

    def __rtruediv__(self, other: Any) -> Rough:
        return Rough.of(other) / self

    def _beyond(self) -> Any:
        return np.isinf(self.x) & (np.asarray(self.e) == 0)

    def _size(self) -> Any:
        return np.abs(self.x) + self.e

    def _least(self) -> Any:
        return np.min(self.x - self.e)

    def _most(self) -> Any:
        return np.max(self.x + self.e)

    def __gt__(self, y: float) -> bool:
        return bool(self._least() > y)

    def __lt__(self, y: float) -> bool:
        return bool(self._most() < y)

    def __le__(self, y: float) -> bool:
        return bool(self._most() <= y)

    def __eq__(self, y: object) -> bool:
        return bool(np.all(self.x == y) and np.all(self.e == 0))

    __hash__ = None  # type: ignore[assignment]

    def contains(self, y: float) -> bool:
        """Whether a number may be among the values."""
        return bool(np.any(np.abs(self.x - y) <= self.e))

    def _through(self, y: Any, slope: Any) -> Rough:
        """A function's value where its slope is at most ``slope`` between the ends of the bound."""
        e = slope * self.e + np.abs(y) * LIBM + TINY
        return Rough(y, np.where(np.isnan(e), np.inf, e))

    def exp(self) -> Rough:
        y = np.exp(self.x)
        out = self._through(y, y * np.exp(np.minimum(self.e, 700.0)) * (1 + LIBM))
        return Rough(y, np.where(np.isinf(y) & (self.e < 1.0), 0.0, out.e))

    def log(self) -> Rough:
        low = self.x - self.e
        return self._through(np.log(self.x), np.where(low > 0, 1 / low, np.inf) * (1 + LIBM))

    def sqrt(self) -> Rough:
        low = self.x - self.e
        return self._through(np.sqrt(self.x), np.where(low > 0, 0.5 / np.sqrt(low), np.inf) * (1 + LIBM))

    def sin(self) -> Rough:
        return self._through(np.sin(self.x), 1.0)

    def cos(self) -> Rough:
        return self._through(np.cos(self.x), 1.0)

    def atan(self) -> Rough:
        return self._through(np.arctan(self.x), 1.0)

    def tanh(self) -> Rough:
        return self._through(np.tanh(self.x), 1.0)

    def asinh(self) -> Rough:
        return self._through(np.arcsinh(self.x), 1.0)

    def sinh(self) -> Rough:
        far = np.cosh(np.abs(self.x) + self.e) * (1 + LIBM)
        return self._through(np.sinh(self.x), far)

    def cosh(self) -> Rough:
        far = np.cosh(np.abs(self.x) + self.e) * (1 + LIBM)
        return self._through(np.cosh(self.x), far)

    def erf(self) -> Rough:
        return self._through(_each(math.erf, self.x), 1.13)

    def erfc(self) -> Rough:
        return self._through(_each(math.erfc, self.x), 1.13)


def _each(function: Callable[[float], float], x: Any) -> Any:
    return np.vectorize(function, otypes=[np.float64])(x)


def _residual(a: Any, b: Any, p: Any) -> Any:
    """``abs(a*b - p)`` exactly where nothing overflows or underflows on the way, else a bound."""
    c, d = SPLIT * a, SPLIT * b
    ah, bh = c - (c - a), d - (d - b)
    al, bl = a - ah, b - bh
    exact = np.abs(al * bl - (((p - ah * bh) - al * bh) - ah * bl))
    size = np.abs(p)
    return np.where(
        (size > 1e-250) & (size < 1e280) & np.isfinite(exact), exact, size * 2 * U + np.where(p == 0, TINY, TINY)
    )


class _RoughEvaluation(Evaluation):
    """Switches must go one way for the whole array; ``Unclear`` where they do not."""

    def lift(self, x: Any) -> Any:
        return Rough.of(x)


def roughly(
    program: Program, quantity: str | None, values: np.ndarray[Any, Any], params: Mapping[str, float], form: Format
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Values (or derivatives) at float64 points and bounds of their errors; None where branches differ among them.

    A value beyond all numbers of a format smaller than float64 may be given as an infinity.
    """
    numbers = {program.variable: Rough(values, 0.0), **{n: Rough.of(x) for n, x in params.items()}}
    box = {n: Jet(x, Rough.of(1.0) if n == quantity else None) for n, x in numbers.items()}
    try:
        with np.errstate(all="ignore"):
            out = _RoughEvaluation(program, box, {}, differs=quantity is not None).at(len(program.steps) - 1)
            found = out.x if quantity is None else Rough.of(0.0) if out.d is None else out.d
            x, e = np.broadcast_arrays(found.x, found.e, values)[:2]
    except (Unclear, Undefined, AttributeError, ValueError, ZeroDivisionError):
        return None
    wild = ~(np.isfinite(x) & np.isfinite(e))
    if form.biggest < FAR / 2:
        wild &= ~(np.isinf(x) & (e == 0))
    return np.where(wild, 0.0, x), np.where(wild, np.inf, e)
