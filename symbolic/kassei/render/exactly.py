"""A function at its defaults to fifty digits, from its definition and derivative; and how digits are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import sympy as sp

from kassei.core.dossier import Dossier, Join
from kassei.core.enclose import RootConstant

DIGITS = 50
DECIMALS = 4
SMALL, TINY, LARGE = 1e-3, 1e-9, 1e5
"""From ``TINY`` to ``SMALL`` and from ``LARGE`` on, numbers are shown with a power of ten."""


class AtDefaults:
    """Values, slopes and joins of one function at its defaults."""

    def __init__(self, dossier: Dossier) -> None:
        f = dossier.activation
        self.dossier = dossier
        self.defaults: Mapping[sp.Symbol, sp.Expr] = f.defaults
        self.variable = f.variable
        self._value = self._evaluated(f.expr)
        slope = dossier.facts.derivative
        self._slope = None if slope is None else self._evaluated(slope)
        self.joins: tuple[Join, ...] = self._joins()

    def _evaluated(self, expr: sp.Expr) -> Callable[[Any], Any]:
        fixed = expr.subs(self.defaults).rewrite([sp.Heaviside, sp.sign], sp.Piecewise)
        roots = {root: sp.Float((sum(root.bracket(200))) / 2, DIGITS) for root in fixed.atoms(RootConstant)}
        return sp.lambdify(self.variable, fixed.xreplace(roots), "mpmath")  # type: ignore[no-any-return]

    def holds(self, condition: Any) -> bool:
        """Whether a condition in the parameters is true at the defaults."""
        return bool(sp.sympify(condition, strict=True).subs(self.defaults) == sp.true)

    def _joins(self) -> tuple[Join, ...]:
        return next((joins for when, joins in self.dossier.facts.joins if self.holds(when)), ())

    @property
    def breaks(self) -> list[sp.Expr]:
        """Where the formula changes, from left to right."""
        found = {j.at.subs(self.defaults) for j in self.joins}
        return sorted((b for b in found if b.is_number and b.is_finite), key=lambda b: float(b))

    def value(self, v: sp.Expr | float) -> mpmath.mpf:
        """f(v); NaN where it is undefined."""
        return self._at(self._value, v)

    def slope(self, v: sp.Expr | float) -> mpmath.mpf:
        """f'(v); NaN where it is not known."""
        return mpmath.nan if self._slope is None else self._at(self._slope, v)

    def _at(self, function: Callable[[Any], Any], v: sp.Expr | float) -> mpmath.mpf:
        with mpmath.workdps(DIGITS + 30):
            try:
                found = function(number(v))
                return mpmath.mpf(found) if not isinstance(found, mpmath.mpc) else mpmath.nan
            except (ZeroDivisionError, ValueError, OverflowError, TypeError):
                return mpmath.nan

    def sides(self, v: sp.Expr) -> tuple[sp.Expr | None, sp.Expr | None] | None:
        """The slopes on both sides of a break where they differ; None elsewhere."""
        for j in self.joins:
            if j.at.subs(self.defaults) == v:
                left, right = (None if s is None else s.subs(self.defaults) for s in (j.slope_left, j.slope_right))
                return None if left == right and left is not None else (left, right)
        return None

    def jumps(self, v: sp.Expr) -> bool:
        """Whether f jumps at a break."""
        for j in self.joins:
            if j.at.subs(self.defaults) == v:
                ends = {sp.simplify(x.subs(self.defaults)) for x in (j.left, j.right, j.value) if x is not None}
                return len(ends) > 1
        return False


def number(x: sp.Expr | float) -> mpmath.mpf:
    """A constant to the working precision; a float exactly as it is."""
    if isinstance(x, float | int):
        return mpmath.mpf(x)
    if x.is_Rational:
        return mpmath.mpf(int(x.p)) / int(x.q)
    return mpmath.mpf(sp.N(x, mpmath.mp.dps + 5)._to_mpmath(mpmath.mp.prec + 20))


def shown(y: mpmath.mpf) -> str:
    """A number with four decimals, or with a power of ten where it is small or large."""
    if mpmath.isnan(y):
        return "—"
    if mpmath.isinf(y):
        return "∞" if y > 0 else "−∞"
    size = abs(y)
    if TINY <= size < SMALL or size >= LARGE:
        mantissa, _, exponent = scientific(y, DECIMALS - 1).partition("e")
        return f"{mantissa}e{exponent}".replace("-", "−")
    return fixed(y, DECIMALS).replace("-", "−")


def fixed(y: mpmath.mpf, decimals: int) -> str:
    """Rounded to some decimals, halves away from zero; a zero has no sign."""
    with mpmath.workdps(DIGITS + 30):
        whole = int(mpmath.floor(abs(y) * mpmath.mpf(10) ** decimals + mpmath.mpf(1) / 2))
    text = str(whole).rjust(decimals + 1, "0")
    body = f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text
    return f"-{body}" if y < 0 and whole else body


def scientific(y: mpmath.mpf, decimals: int) -> str:
    """``1.234e-6`` as JavaScript's ``toExponential`` writes it, less the plus sign."""
    if y == 0:
        return f"{fixed(y, decimals)}e0"
    with mpmath.workdps(DIGITS + 30):
        exponent = int(mpmath.floor(mpmath.log10(abs(y))))
        mantissa = fixed(y / mpmath.mpf(10) ** exponent, decimals)
        if mantissa.lstrip("-").startswith("10"):
            exponent += 1
            mantissa = fixed(y / mpmath.mpf(10) ** exponent, decimals)
    return f"{mantissa}e{exponent}"
