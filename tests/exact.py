"""50-digit values of a definition and its derivatives, by mpmath from the definition itself, not lowered forms."""

from __future__ import annotations

import mpmath
import numpy as np
import sympy as sp

from kassei.core.activation import Activation

DIGITS = 400


class Exact:
    """Values, slopes and parameter slopes of one function to 50 digits, and their condition numbers."""

    def __init__(self, activation: Activation) -> None:
        self.f = activation
        self.symbols = (activation.variable, *(p.symbol for p in activation.parameters))
        real = activation.expr.rewrite(sp.Piecewise)
        self.value = sp.lambdify(self.symbols, real, "mpmath")

    def at(self, v: float, params: tuple[float, ...]) -> mpmath.mpf:
        """f(v)."""
        with mpmath.workdps(DIGITS):  # so many that exp(v) - 1 keeps 50 digits at the smallest double
            return mpmath.mpf(self.value(mpmath.mpf(v), *map(mpmath.mpf, params)))

    def derivative(self, v: float, params: tuple[float, ...], index: int) -> mpmath.mpf:
        """The derivative in argument ``index`` (0 is v) by a central difference that is exact to 50 digits.

        The step is 1e-150 of the argument's size, so neither a break beside a subnormal nor truncation disturbs the
        digits compared; the point must not be a break.
        """
        with mpmath.workdps(1100):
            args = [mpmath.mpf(v), *map(mpmath.mpf, params)]
            step = max(abs(args[index]), mpmath.mpf(10) ** -330) * mpmath.mpf(10) ** -150
            up, down = list(args), list(args)
            up[index] += step
            down[index] -= step
            return (self.value(*up) - self.value(*down)) / (2 * step)

    def condition(self, v: float, params: tuple[float, ...], index: int | None = None) -> float:
        """How much relative rounding of the arguments moves the result, relative to the result."""
        with mpmath.workdps(1100):
            base = self.at(v, params) if index is None else self.derivative(v, params, index)
            if base == 0:
                return 0.0
            worst = mpmath.mpf(0)
            for k in range(len(params) + 1):
                args = [v, *params]
                if args[k] == 0:
                    continue
                moved = list(args)
                moved[k] = mpmath.mpf(args[k]) * (1 + mpmath.mpf(10) ** -15)
                there = (
                    self.at(moved[0], tuple(moved[1:]))
                    if index is None
                    else self.derivative(moved[0], tuple(moved[1:]), index)
                )
                worst += abs(there - base) / abs(base) * mpmath.mpf(10) ** 15
            return float(min(worst, mpmath.mpf(10) ** 12))


def ulps(got: float, want: mpmath.mpf, dtype: type[np.floating]) -> float:
    """The error in units in the last place of ``dtype`` at the exact value; subnormal spacing below the normals."""
    info = np.finfo(dtype)
    if mpmath.isnan(want):
        return 0.0 if np.isnan(got) else float("inf")
    biggest = mpmath.mpf(float(info.max))
    if abs(want) > biggest:
        return 0.0 if np.isinf(got) and (got > 0) == (want > 0) else (abs(mpmath.mpf(got)) < biggest * 0.999) * 1e9
    if not np.isfinite(got):
        near = abs(want) > biggest * mpmath.mpf("0.999999")
        return 0.0 if near and (got > 0) == (want > 0) else float("inf")
    size = max(abs(want), mpmath.mpf(float(info.tiny)))
    unit = mpmath.mpf(2) ** (mpmath.floor(mpmath.log(size, 2)) - info.nmant)
    return float(abs(mpmath.mpf(float(got)) - want) / unit)
