"""Coefficients for erfc in double precision, fitted here and nowhere copied from.

With x >= 0 and t = (x - 15/4)/(x + 15/4), the function (1 + 2x) exp(x**2) erfc(x) is smooth on -1 <= t < 1; it is
interpolated in Chebyshev points at 60 digits. The truncation error is below one unit of double precision (see
tests/test_codegen.py, which measures the emitted code against mpmath).
"""

from __future__ import annotations

from functools import cache

import mpmath
import sympy as sp

DEGREE = 30


@cache
def chebyshev_erfcx(degree: int = DEGREE) -> tuple[sp.Float, ...]:
    """Chebyshev coefficients of (1 + 2x) erfcx(x) in t, constant term first (already halved)."""
    with mpmath.workdps(60):
        n = degree + 1
        nodes = [mpmath.cos(mpmath.pi * (mpmath.mpf(k) + mpmath.mpf(1) / 2) / n) for k in range(n)]
        values = [_scaled(t) for t in nodes]
        out = []
        for j in range(n):
            total = mpmath.fsum(
                values[k] * mpmath.cos(mpmath.pi * j * (mpmath.mpf(k) + mpmath.mpf(1) / 2) / n) for k in range(n)
            )
            out.append(sp.Float(mpmath.nstr(total * (1 if j == 0 else 2) / n, 40), 40))
    return tuple(out)


def _scaled(t: mpmath.mpf) -> mpmath.mpf:
    x = mpmath.mpf(15) / 4 * (1 + t) / (1 - t)
    if x > 1000:  # asymptotic: x*erfcx(x) -> 1/sqrt(pi)
        square = x * x
        series = mpmath.nsum(lambda k: (-1) ** int(k) * mpmath.fac2(2 * int(k) - 1) / (2 * square) ** int(k), [0, 20])
        return (1 + 2 * x) * series / (x * mpmath.sqrt(mpmath.pi))
    return (1 + 2 * x) * mpmath.exp(x * x) * mpmath.erfc(x)
