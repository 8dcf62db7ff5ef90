"""From a formula to forms that neither overflow nor cancel, shared by all code targets.

A rewrite is applied only where its side condition is proved for the parameter domain and the interval of the piece.
The functions below are our own, because SymPy rewrites its own back (``erfc(-u)`` becomes ``2 - erfc(u)``); each knows
its derivative in stable terms, so a formula is lowered once and its gradients are taken afterwards.

==================  =========================  =============================================
function            meaning                    stable because
==================  =========================  =============================================
raw_sigmoid(u)      1/(1 + exp(-u))            exp is only taken of -abs(u)
raw_softplus(u)     log(1 + exp(u))            max(u, 0) + log1p(exp(-abs(u)))
raw_soft_ramp(w, k) softplus(k*w)/k            max(w, 0) + softplus(-abs(k*w))/k
raw_expm1(u)        exp(u) - 1                 no cancellation at 0
raw_erfc(u)         1 - erf(u)                 no cancellation in the tail
raw_sech2(u)        1 - tanh(u)**2             4e/(1 + e)**2 with e = exp(-2 abs(u))
raw_share(x, y)     x/(x + y)                  the smaller in size is divided by the larger
raw_harmonic(x, y)  x*y/(x + y)                small/(1 + small/large): right even if x or y overflowed
raw_inverse(x, y)   1/(x + y)                  0 where the sum overflows
raw_damped(d, g)    d*g                        0 where the vanishing factor d is 0, however large g is, and without
                                               losing digits where d alone would be subnormal and d*g is not
raw_log1p(u)        log(1 + u)                 no digit of a small u is lost
raw_tanh_softplus(u) tanh(log(1 + exp(u)))     n/(n + 2) with n = e(e + 2), e = exp(u)
raw_tanh_softplus_slope(u)                     its derivative, 4e(1 + e)/(n + 2)**2
raw_swish_slope(u)  (u*sigmoid(u))'            its zero is that of one factor, so nothing cancels
raw_mish_slope(u)   (u*raw_tanh_softplus(u))'  the same
raw_gelu_slope(u)   (u*raw_normal_cdf(u))'     the same; that factor has its own polynomial
raw_normal_cdf(u)   (1 + erf(u/sqrt(2)))/2     the tail has its own polynomial; u**2 is squared exactly
raw_gauss(u)        exp(-u**2/2)               the same square
raw_exp_neg_square(u) exp(-u**2)               the same square
raw_hypot(x, y)     sqrt(x**2 + y**2)          the larger in size is taken out of the root
raw_atan2(y, x)     the angle of (x, y)        pi/2 - atan(u) is that of (u, 1): nothing cancels for large u
raw_max, raw_min    of two                     NaN stays NaN
raw_unit(x, y)      x/hypot(x, y)              its derivative y**2/h**3 is not a difference
raw_log_cosh(u)     log(cosh(u))               spelled apart on both sides of abs(u) = 1
raw_tanh_gap(u)     u - tanh(u)                a series where abs(u) <= 1/2
raw_atan_gap(u), raw_asinh_gap(u), raw_sin_gap(u), raw_log_gap(u), raw_exp_gap(u)
                    u less atan, asinh, sin    the same; and u - log(1 + u), exp(u) - 1 - u
raw_exp_lag(u)      u*exp(u) - (exp(u) - 1)    the same; what (exp(a*v) - 1)/a has for a derivative in a
raw_product(x, y)   x*y                        kept apart: x*y does not overflow where merging factors would
raw_fine(F, k, l, w) F(k*w)                    what k and the product lose is made good in the result
raw_from_zero(y, u, w) y = c*expm1(u)          w = c*u where u is so small that it may have lost digits
raw_positive(c)     c > 0, of parameters only  rounded to the working type, but never to 0
==================  =========================  =============================================

Sums of two terms x + y that are divided by, one of them free of the input (``exp(a)`` or any positive ``c``), become
plain arithmetic on constants that neither overflow nor vanish: with A = min(c, 1) and C = 1/max(c, 1),
c*y/(c + y) is A*(y/(A + C*y)), whatever c is (S1 eqs. (5), (6) and their derivatives are of this kind).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce

import numpy as np
import sympy as sp

from kassei.core.enclose import Undecided
from kassei.core.region import Fork, Region
from kassei.core.signs import chart


class raw_sigmoid(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1/(1 + exp(-u))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """s(u) s(-u), without cancellation."""
        return raw_sigmoid(self.args[0]) * raw_sigmoid(-self.args[0])


class raw_softplus(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(1 + exp(u))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The sigmoid."""
        return raw_sigmoid(self.args[0])


class raw_soft_ramp(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(1 + exp(k*w))/k for k > 0 that does not move."""

    nargs = 2


class raw_expm1(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(u) - 1."""

    nargs = 1

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """0 at 0."""
        return sp.S.Zero if u == 0 else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """exp(u), not expm1(u) + 1."""
        return sp.exp(self.args[0])


class raw_erfc(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1 - erf(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-2/sqrt(pi) exp(-u**2)."""
        return -2 / sp.sqrt(sp.pi) * sp.exp(-(self.args[0] ** 2))


class raw_tanh(sp.Function):  # type: ignore[misc]  # noqa: N801
    """tanh(u)."""

    nargs = 1

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """0 at 0."""
        return sp.S.Zero if u == 0 else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """1 - tanh(u)**2 as its own function."""
        return raw_sech2(self.args[0])


class raw_sech2(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1/cosh(u)**2."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-2 tanh(u) sech(u)**2."""
        return -2 * raw_tanh(self.args[0]) * raw_sech2(self.args[0])


class raw_share(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x/(x + y) where the sum is not 0."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """y/(x + y)**2 or -x/(x + y)**2."""
        x, y = self.args
        if argindex == 1:
            return raw_share(y, x) * raw_inverse(x, y)
        return -raw_share(x, y) * raw_inverse(x, y)


class raw_harmonic(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x*y/(x + y) where the sum is not 0."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The other's share, squared."""
        x, y = self.args
        return raw_share(y, x) ** 2 if argindex == 1 else raw_share(x, y) ** 2


class raw_inverse(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1/(x + y) where the sum is not 0."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-1/(x + y)**2."""
        return -(raw_inverse(*self.args) ** 2)


class raw_damped(sp.Function):  # type: ignore[misc]  # noqa: N801
    """A factor that may underflow to 0 times one that may overflow."""

    nargs = 2

    @classmethod
    def eval(cls, x: sp.Expr, y: sp.Expr) -> sp.Expr | None:
        """0 where a factor is."""
        return sp.S.Zero if 0 in (x, y) else None


class raw_log1p(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(1 + u) for u > -1."""

    nargs = 1

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """0 at 0."""
        return sp.S.Zero if u == 0 else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """1/(1 + u)."""
        return 1 / (1 + self.args[0])


class raw_tanh_softplus(sp.Function):  # type: ignore[misc]  # noqa: N801
    """tanh(log(1 + exp(u)))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Its own function: 1 - t**2 would cancel."""
        return raw_tanh_softplus_slope(self.args[0])


class raw_tanh_softplus_slope(sp.Function):  # type: ignore[misc]  # noqa: N801
    """4e(1 + e)/(n + 2)**2 with n = e(e + 2), e = exp(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """t'(u) (s(-u) - 2 s(u) t(u)) with the sigmoid s and t(u) = tanh(log(1 + exp(u)))."""
        u = self.args[0]
        return self * (raw_sigmoid(-u) - 2 * raw_sigmoid(u) * raw_tanh_softplus(u))


class raw_normal_cdf(sp.Function):  # type: ignore[misc]  # noqa: N801
    """Phi(u), the standard normal distribution function."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The density."""
        return raw_gauss(self.args[0]) / sp.sqrt(2 * sp.pi)


class raw_gauss(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(-u**2/2)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-u exp(-u**2/2)."""
        return -self.args[0] * raw_gauss(self.args[0])


class raw_exp_neg_square(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(-u**2)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-2u exp(-u**2)."""
        return -2 * self.args[0] * raw_exp_neg_square(self.args[0])


class raw_swish_slope(sp.Function):  # type: ignore[misc]  # noqa: N801
    """s(u) + u s'(u) with the sigmoid s."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """s'(u) (2 - u tanh(u/2))."""
        u = self.args[0]
        return raw_sigmoid(u) * raw_sigmoid(-u) * (2 - u * raw_tanh(u / 2))


class raw_gelu_slope(sp.Function):  # type: ignore[misc]  # noqa: N801
    """Phi(u) + u phi(u) with the standard normal distribution function and density."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """phi(u) (2 - u**2)."""
        u = self.args[0]
        return raw_gauss(u) * (2 - u**2) / sp.sqrt(2 * sp.pi)


class raw_mish_slope(sp.Function):  # type: ignore[misc]  # noqa: N801
    """t(u) + u t'(u) with t(u) = tanh(log(1 + exp(u)))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """2 t'(u) + u t''(u)."""
        u, moving = self.args[0], raw_tanh_softplus_slope(self.args[0])
        return 2 * moving + u * moving.fdiff()


class raw_hypot(sp.Function):  # type: ignore[misc]  # noqa: N801
    """sqrt(x**2 + y**2)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """One of them over the root."""
        return self.args[argindex - 1] / raw_hypot(*self.args)


class raw_product(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x*y, not to be merged with other factors."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The other factor."""
        return self.args[2 - argindex]

    @classmethod
    def eval(cls, x: sp.Expr, y: sp.Expr) -> sp.Expr | None:
        """0 where a factor is; signs go outside."""
        if 0 in (x, y):
            return sp.S.Zero
        if x.is_Rational and y.is_Rational:
            return x * y
        for one, other, swap in ((x, y, False), (y, x, True)):
            if _with_minus(one):
                return -(cls(other, -one) if swap else cls(-one, other))
        return None


class raw_quotient(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x/y, divided once: 1/y alone could overflow. A program spells it as a quotient again."""

    nargs = 2

    @classmethod
    def eval(cls, x: sp.Expr, y: sp.Expr) -> sp.Expr | None:
        """0 where the first is; signs go outside."""
        if x == 0:
            return sp.S.Zero
        return -cls(-x, y) if _with_minus(x) else None


def _with_minus(expr: sp.Expr) -> bool:
    """Whether a sign is to go outside; of sums that are not in SymPy's own order both signs may look like that."""
    return not expr.is_number and expr.could_extract_minus_sign() and not (-expr).could_extract_minus_sign()


class raw_reach(sp.Function):  # type: ignore[misc]  # noqa: N801
    """y*exp(-max(u, 0)) for u of parameters only, also where the exponential alone would be subnormal."""

    nargs = 2


class raw_positive(sp.Function):  # type: ignore[misc]  # noqa: N801
    """A positive constant that is not to become 0 when it is rounded to the working type."""

    nargs = 1


class raw_low(sp.Function):  # type: ignore[misc]  # noqa: N801
    """What float32 leaves of a constant: c - float32(c)."""

    nargs = 1

    @classmethod
    def eval(cls, c: sp.Expr) -> sp.Expr | None:
        """A number's is a number."""
        return c - sp.Rational(float(np.float32(float(sp.N(c, 40))))) if c.is_number else None


class raw_fine(sp.Function):  # type: ignore[misc]  # noqa: N801
    """``raw_fine(F(k*w), k, raw_low(k), w)`` is F(k*w) as if neither k nor the product were rounded."""

    nargs = 4


class raw_from_zero(sp.Function):  # type: ignore[misc]  # noqa: N801
    """``raw_from_zero(c*expm1(u), u, c*u)`` is the first, or the last where u may be subnormal and c*u is not."""

    nargs = 3


class raw_log_sum(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(exp(x) + exp(y))."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The sigmoid of the difference."""
        x, y = self.args
        return raw_sigmoid(x - y) if argindex == 1 else raw_sigmoid(y - x)


class raw_log_mean(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(1 + k*(exp(u) - 1)) for a number 0 < k < 1."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The share of k*exp(u), a sigmoid; k does not move."""
        u, k = self.args
        return raw_sigmoid(u + sp.log(k / (1 - k))) if argindex == 1 else sp.nan


class raw_sech(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1/cosh(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-sech(u) tanh(u)."""
        return -raw_sech(self.args[0]) * raw_tanh(self.args[0])


class raw_root_sum(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x + hypot(x, y)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Itself or y, over the root."""
        return (raw_root_sum(*self.args) if argindex == 1 else self.args[1]) / raw_hypot(*self.args)


class raw_arccot(sp.Function):  # type: ignore[misc]  # noqa: N801
    """pi/2 - atan(u), between 0 and pi."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """-1/(1 + u**2)."""
        return -1 / (1 + self.args[0] ** 2)


class raw_atan2(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The angle of the point (x, y), as ``atan2(y, x)`` of every library."""

    nargs = 2


class raw_soft_step(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log((1 + exp(w + s))/(1 + exp(w))) for s >= 0 that does not move."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """sigmoid(w + s) - sigmoid(w) as a product; or the sigmoid."""
        w, s = self.args
        if argindex == 2:
            return raw_sigmoid(w + s)
        return _less_one(-s) * -raw_sigmoid(w + s) * raw_sigmoid(-w)


def _less_one(u: sp.Expr) -> sp.Expr:
    """exp(u) - 1."""
    return sp.exp(u) - 1 if u.is_number else raw_expm1(u)


class raw_root_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """hypot(x, y) - y for y >= 0."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """X or minus itself, over the root."""
        return raw_unit(*self.args) if argindex == 1 else -raw_root_gap(*self.args) / raw_hypot(*self.args)


class raw_unit(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x/hypot(x, y)."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """y**2/h**3 or -x*y/h**3."""
        x, y = self.args
        return (y**2 if argindex == 1 else -x * y) * raw_hypot(x, y) ** -3


class raw_log_cosh(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(cosh(u))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The tangent."""
        return raw_tanh(self.args[0])


class raw_tanh_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """u - tanh(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """tanh(u)**2."""
        return raw_tanh(self.args[0]) ** 2


class raw_atan_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """u - atan(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """u**2/(1 + u**2)."""
        return raw_unit(self.args[0], sp.S.One) ** 2


class raw_asinh_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """u - asinh(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """1 - 1/hypot(u, 1)."""
        return raw_root_gap(self.args[0], sp.S.One) / raw_hypot(self.args[0], sp.S.One)


class raw_sin_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """u - sin(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """1 - cos(u)."""
        return 2 * sp.sin(self.args[0] / 2) ** 2


class raw_log_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """u - log(1 + u) for u > -1."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """u/(1 + u)."""
        return raw_share(self.args[0], sp.S.One)


class raw_exp_gap(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(u) - 1 - u."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """exp(u) - 1."""
        return raw_expm1(self.args[0])


class raw_exp_lag(sp.Function):  # type: ignore[misc]  # noqa: N801
    """u*exp(u) - (exp(u) - 1), which is 1 + (u - 1)*exp(u)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """u*exp(u)."""
        return self.args[0] * sp.exp(self.args[0])


class raw_max(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The larger of two; NaN if either is."""

    nargs = 2


class raw_min(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The smaller of two; NaN if either is."""

    nargs = 2


SHORT = 8
"""Bits of a number that every type has exactly."""
VANISHING = (
    sp.exp,
    raw_sigmoid,
    raw_tanh_softplus,
    raw_tanh_softplus_slope,
    raw_normal_cdf,
    raw_gauss,
    raw_exp_neg_square,
    raw_erfc,
    raw_sech2,
)
"""Heads that may come as close to 0 as they like; the first argument of ``raw_damped`` is a product of them."""


UNITS: Mapping[type[sp.Basic], type[sp.Basic]] = {
    raw_sigmoid: raw_swish_slope,
    raw_normal_cdf: raw_gelu_slope,
    raw_tanh_softplus: raw_mish_slope,
}
"""Gates g with a head for the slope of u*g(u)."""


@dataclass(frozen=True)
class Place:
    """Where a piece lives: side conditions of rewrites are decided here."""

    variable: sp.Symbol
    lo: sp.Expr
    hi: sp.Expr
    region: Region

    def positive(self, expr: sp.Expr) -> bool:
        """Whether an expression is shown to be >= 0 on the whole interval (0 at isolated points at most)."""
        try:
            flat = chart(expr, self.variable, self.lo, self.hi, self.region)
        except (Fork, Undecided):
            return False
        return flat.signs == (1,)


def lower(expr: sp.Expr, place: Place) -> sp.Expr:
    """A stable form of one smooth piece."""
    out = _bottom_up(_hyperbolic(expr), place)
    return _pairs(out)


def _hyperbolic(expr: sp.Expr) -> sp.Expr:
    """exp(u) + exp(-u) and exp(u) - exp(-u) as 2*cosh(u) and 2*sinh(u), and their quotient as tanh(u)."""
    if not expr.args:
        return expr
    expr = _rebuilt(expr, [_hyperbolic(a) for a in expr.args])
    if expr.is_Add and len(expr.args) == 2:
        (k, x), (n, y) = (a.as_coeff_Mul() for a in expr.args)
        if isinstance(x, sp.exp) and isinstance(y, sp.exp) and x.args[0] == -y.args[0] and abs(k) == abs(n):
            u = x.args[0]
            return 2 * k * (sp.cosh(u) if k == n else sp.sinh(u))
    if expr.is_Mul:
        for wave in expr.args:
            if isinstance(wave, sp.sinh) and 1 / sp.cosh(wave.args[0]) in expr.args:
                return expr / wave * sp.cosh(wave.args[0]) * sp.tanh(wave.args[0])
    return expr


def slope(lowered: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The derivative of a lowered form, itself in stable terms."""
    units = [_unit_slope(term, symbol) for term in sp.Add.make_args(lowered)]
    if any(unit is not None for unit in units):
        rest = sp.Add(*(t for t, unit in zip(sp.Add.make_args(lowered), units, strict=True) if unit is None))
        return sp.Add(*(unit for unit in units if unit is not None), slope(rest, symbol))
    out = _lag(_pairs(sp.expand_mul(lowered.diff(symbol), deep=False)))
    return _common((_gap(out) if out.is_Add else None) or out)


def _lag(expr: sp.Expr) -> sp.Expr:
    """c*u*exp(u) - c*expm1(u), which would cancel at 0 and be inf - inf where u is large."""
    for term in sp.Add.make_args(expr):
        for wave, others in _apart(term):
            u = wave.args[0] if isinstance(wave, raw_expm1) else None
            if u is not None and -others * u * sp.exp(u) in sp.Add.make_args(expr):
                return _lag(_sum_of(expr, term, -others * u * sp.exp(u)) - others * raw_exp_lag(u))
    return expr


def _unit_slope(term: sp.Expr, symbol: sp.Symbol) -> sp.Expr | None:
    """The slope of c*u*g(u) for a gate g, where c and the slope of u do not move."""
    for gate in sp.Mul.make_args(term):
        if gate.func in UNITS:
            u = gate.args[0]
            c, inside = term / gate / u, u.diff(symbol)
            if c.has(symbol) and u.is_Add and (term / gate).is_polynomial(symbol):
                c = sp.cancel(c)
            if inside != 0 and not c.has(symbol) and not inside.has(symbol):
                return c * inside * UNITS[gate.func](u)
    return None


def opened(expr: sp.Expr) -> sp.Expr:
    """The same with slopes of units written out, for a target that has no function of its own for them."""
    if not expr.has(*UNITS.values()):
        return expr
    for gate, head in UNITS.items():
        expr = expr.replace(head, lambda u, gate=gate: _written_out(gate)(u))
    return expr


@cache
def _written_out(gate: type[sp.Basic]) -> sp.Lambda:
    u = sp.Symbol("in_u", real=True)
    place = Place(u, -sp.oo, sp.oo, Region())
    return sp.Lambda(u, finish(_common((u * gate(u)).diff(u)), place))


def _common(expr: sp.Expr) -> sp.Expr:
    """``s + v*s*r`` as ``s*(1 + v*r)``: what all terms share is taken out, for it costs a rounding in each."""
    if not expr.is_Add:
        return expr
    first, *others = (t.as_powers_dict() for t in expr.args)
    shared = [b for b in first if isinstance(b, VANISHING) and all(b in o for o in others)]
    for base in shared:
        power = min(p[base] for p in (first, *others))
        if not power.is_Integer or power < 1:
            continue
        inside = sp.Add(*(t / base**power for t in expr.args))
        return sp.Mul(base**power, inside, evaluate=False)
    return expr


def finish(lowered: sp.Expr, place: Place) -> sp.Expr:
    """Guard products of a vanishing and a growing factor; done last, because guards hide structure."""
    if not lowered.args or isinstance(lowered, sp.Rational):
        return lowered
    square = (_squared(lowered, place) or _bell_squared(lowered, place)) if lowered.is_Mul else None
    if square is not None:
        return sp.Mul(*(finish(a, place) for a in square[0]), square[1])
    apart = None
    if lowered.is_Mul:
        share = _share_of_root(lowered)
        if share is not None:
            return finish(share[0], place) * share[1]
        lowered = _over_hypotenuse(lowered, place)
        apart = _ramp_apart(lowered, place) or _unit_apart(lowered, place)
    elif lowered.is_Add:
        apart = _from_zero(lowered, place) or _from_border(lowered, place)
    if apart is not None:
        return apart
    if lowered.is_Pow and isinstance(lowered.base, tuple(_PAIRED)) and lowered.exp.is_Integer and lowered.exp > 1:
        once = finish(lowered.base, place)
        return reduce(raw_product, [once] * int(lowered.exp))
    if lowered.is_Pow and lowered.exp.is_Integer and lowered.exp < -1 and lowered.base.has(place.variable):
        once = 1 / finish(lowered.base, place)  # the power alone could overflow
        return reduce(raw_product, [once] * int(-lowered.exp))
    lowered = lowered.func(*(finish(a, place) for a in lowered.args))
    if isinstance(lowered, raw_unit):
        return raw_quotient(lowered.args[0], raw_hypot(*lowered.args))
    if isinstance(lowered, raw_log_sum):
        x, y = lowered.args
        return raw_max(x, y) + raw_softplus(-sp.Abs(x - y))
    if isinstance(lowered, raw_log_mean):
        u, k = lowered.args
        below = raw_log1p(k * raw_expm1(raw_min(u, sp.S.Zero)))
        return raw_max(u, sp.S.Zero) + below + raw_log1p((1 - k) * raw_expm1(-raw_max(u, sp.S.Zero)))
    if isinstance(lowered, raw_soft_step):
        return _soft_step(*lowered.args)
    if isinstance(lowered, raw_sech):
        size = sp.Abs(lowered.args[0])
        return 2 * sp.exp(-size) * raw_sigmoid(2 * size)
    if isinstance(lowered, raw_root_sum):
        x, y = lowered.args
        return 2 * raw_max(x, sp.S.Zero) + raw_product(y, _rest_of_root_sum(x, y))
    if isinstance(lowered, raw_arccot):
        return raw_atan2(sp.S.One, lowered.args[0])
    if isinstance(lowered, raw_root_gap):
        x, y = lowered.args
        low = y if y.is_number else raw_positive(y)
        return raw_product(x, raw_quotient(x, raw_hypot(x, y) + low))
    if isinstance(lowered, raw_log_cosh):
        return _log_cosh(lowered.args[0])
    if lowered.func in _SPELLED_GAPS:
        return _SPELLED_GAPS[lowered.func](lowered.args[0])
    for head, spelled in _PAIRED.items():
        if isinstance(lowered, head):
            pair = _balanced(lowered.args[0], lowered.args[1], place)
            return lowered if pair is None else spelled(pair)
    return _guarded(_merged(lowered, place)) if lowered.is_Mul else lowered


def _rest_of_root_sum(x: sp.Expr, y: sp.Expr) -> sp.Expr:
    """y/(hypot(x, y) + abs(x)), whose denominator could overflow."""
    return raw_quotient(y / 2, raw_hypot(x, y) / 2 + sp.Abs(x) / 2)


def _share_of_root(product: sp.Mul) -> tuple[sp.Expr, sp.Expr] | None:
    """(x + hypot(x, y))/hypot(x, y) as a sum of two quotients that cannot overflow, behind the other factors."""
    for root in product.args:
        if isinstance(root, raw_root_sum) and 1 / raw_hypot(*root.args) in product.args:
            x, y = root.args
            h = raw_hypot(x, y)
            share = 2 * raw_quotient(raw_max(x, sp.S.Zero), h)
            return product / root * h, share + raw_product(raw_quotient(y, h), _rest_of_root_sum(x, y))
    return None


def _ramp_apart(product: sp.Mul, place: Place) -> sp.Expr | None:
    """softplus(k*w)/k for k > 0 as one function: k*w may overflow where the result does not."""
    for wave in product.args:
        if not isinstance(wave, raw_softplus):
            continue
        k, w = wave.args[0].as_independent(place.variable, as_Add=False)
        rest = product / wave
        if (
            k == 1
            or rest.has(place.variable)
            or not w.has(place.variable)
            or sp.count_ops(rest * k) >= sp.count_ops(rest)
        ):
            continue
        k, w = (-k, -w) if k.could_extract_minus_sign() else (k, w)
        if place.positive(k):
            return rest * k * raw_soft_ramp(finish(w, place), k)
    return None


def _over_hypotenuse(product: sp.Mul, place: Place) -> sp.Expr:
    """v**m/h**n with a hypotenuse h of k*v as (v/h)**m/h**(n - m): the powers alone could overflow."""
    v, powers = place.variable, product.as_powers_dict()
    m = powers.get(v, sp.S.Zero)
    for h, n in powers.items():
        if isinstance(h, raw_hypot) and n.is_Integer and -n >= m and m.is_Integer and m > 1 and h.args[0].has(v):
            rest = sp.Mul(*(b**e for b, e in powers.items() if b not in (v, h)))
            return rest * reduce(raw_product, [raw_quotient(v, h)] * int(m)) * h ** (n + m)
    return product


def _unit_apart(product: sp.Mul, place: Place) -> sp.Expr | None:
    """x/h/k with x = k*w as w/h."""
    for unit in product.args:
        if isinstance(unit, raw_unit):
            k, w = unit.args[0].as_independent(place.variable, as_Add=False)
            rest = product / unit
            if k != 1 and sp.count_ops(rest * k) < sp.count_ops(rest):
                return finish(rest * k, place) * raw_quotient(w, raw_hypot(*unit.args))
    return None


def ramped(w: sp.Expr, k: sp.Expr) -> sp.Expr:
    """``raw_soft_ramp`` with its two parts added, of which only the one that stays small has the product."""
    return raw_max(w, sp.S.Zero) + raw_softplus(-sp.Abs(k * w)) / k


FINE = (sp.exp, raw_sigmoid, raw_softplus, raw_expm1, raw_sech2, raw_swish_slope)
"""Heads in which an argument's relative error weighs as much as the argument is large."""


def fine(expr: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """Products k*v inside such heads as :class:`raw_fine`; those with a power of two are exact anyway."""
    if not expr.has(variable) or not expr.args:
        return expr
    expr = _rebuilt(expr, [fine(a, variable) for a in expr.args])
    found = [f for f in expr.args if isinstance(f, raw_fine)] if expr.is_Mul else []
    rest = sp.Mul(*(f for f in expr.args if f not in found))
    if len(found) == 1 and not rest.has(variable):
        inner, k, _, w = found[0].args
        if isinstance(inner, raw_softplus):
            return raw_damped(found[0], rest)
        return raw_from_zero(expr, inner.args[0], rest * k * w) if isinstance(inner, raw_expm1) else expr
    if not isinstance(expr, FINE) or expr.has(raw_fine):
        return expr
    inside = expr.args[0]
    if isinstance(expr, raw_softplus):
        if not isinstance(-inside, sp.Abs):
            return expr
        inside = (-inside).args[0]
    k, w = inside.as_independent(variable, as_Add=False)
    return expr if w not in (variable, sp.Abs(variable)) or _power_of_two(k) else raw_fine(expr, k, raw_low(k), w)


def _from_zero(line: sp.Add, place: Place) -> sp.Expr | None:
    """c*v + d as c*(v + d/c) where that quotient is a short number: nothing is rounded near the zero."""
    d, moving = line.as_coeff_Add()
    c, v = moving.as_coeff_Mul()
    if v != place.variable or d == 0 or not (c.is_Rational and d.is_Rational):
        return None
    shift = d / c
    short = shift.q.bit_count() == 1 and max(abs(shift.p), shift.q).bit_length() <= SHORT
    return raw_product(v + shift, c) if short and not _power_of_two(c) else None


def _from_border(total: sp.Add, place: Place) -> sp.Expr | None:
    """A polynomial that is 0 at a border of its piece as a product over its zeros: nothing cancels next to the border.

    c*(v - r)*(v - s)*... is c*r*s*... times (v - r)/r, (v - s)/s, ...; powers of r alone could overflow.
    """
    v = place.variable
    borders = [b for b in (place.lo, place.hi) if b.is_finite and b != 0 and not b.has(v)]
    if not borders or not total.is_polynomial(v) or sp.degree(total, v) < 2:
        return None
    if not any(sp.cancel(total.subs(v, b)) == 0 for b in borders):
        return None
    constant, factors = sp.factor_list(total, v)
    out = sp.S.One
    for factor, power in factors:
        slope, rest = sp.Poly(factor, v).all_coeffs() if sp.degree(factor, v) == 1 else (factor, sp.S.Zero)
        zero = -rest / slope
        if zero.has(v) or not (place.positive(zero) or place.positive(-zero)):
            return None
        once = raw_product(v - zero, 1 / zero)
        out = reduce(raw_product, [once] * power, *([] if out == 1 else [out]))
        constant *= (-rest) ** power
    return sp.cancel(constant) * out


def _power_of_two(c: sp.Expr) -> bool:
    """Whether a factor is one, of either sign, so that products with it are exact."""
    return bool(c.is_Rational) and abs(c.p).bit_count() == c.q.bit_count() == 1


def _merged(product: sp.Mul, place: Place) -> sp.Expr:
    """Exponentials as one: exp(u)*exp(-exp(u)) is 0, not inf*0, where exp(u) overflows.

    Beside another exponential a bell is one of them, and so is what vanishes of gates where it grows:
    sigmoid(w) = exp(min(w, 0))*sigmoid(abs(w)), sech(w)**2 = exp(-2*abs(w))*(2*sigmoid(2*abs(w)))**2.
    """
    v = place.variable
    towers = [f for f in product.args if isinstance(f, sp.exp) and f.has(v)]
    if not towers:
        return product
    height, heights, others = sp.Add(*(t.args[0] for t in towers)), [], []
    for factor in product.args:
        if factor in towers:
            continue
        gate, n = factor.as_base_exp() if factor.is_Pow else (factor, sp.S.One)
        w = gate.args[0] if gate.args else gate
        if isinstance(gate, raw_gauss | raw_exp_neg_square) and w.is_polynomial(v) and height.is_polynomial(v):
            heights.append(n * _exponent(gate))
        elif isinstance(gate, raw_sigmoid) and n.is_positive and _opposed(height, w, place):
            heights.append(n * raw_min(w, sp.S.Zero))
            others.append(raw_sigmoid(sp.Abs(w)) ** n)
        elif isinstance(gate, raw_sech2) and n.is_positive and w.is_polynomial(v) and height.is_polynomial(v):
            heights.append(-2 * n * sp.Abs(w))
            others.append((2 * raw_sigmoid(2 * sp.Abs(w))) ** (2 * n))
        else:
            others.append(factor)
    if len(towers) + len(heights) < 2 or (len(towers) == 1 and place.positive(-height)):
        return product
    return sp.Mul(*others, sp.exp(sp.Add(height, *heights)))


def _opposed(u: sp.Expr, w: sp.Expr, place: Place) -> bool:
    """Whether exp(u) is known to grow where sigmoid(w) vanishes."""
    share = sp.cancel(u / w)
    if share.is_Rational:
        return bool(share < 0)
    return place.positive(-u.diff(place.variable) * w.diff(place.variable))


@dataclass(frozen=True)
class _Balance:
    """c and y of a sum c + y, with A = min(c, 1), C = 1/max(c, 1), what becomes of C*y, and A + C*y.

    The sum is kept above 0, for A may vanish and y be 0. Where c is negative, A is max(c, -1) and C 1/max(-c, 1); the
    sum, which is 0 at a pole, is C*(c + y) then: c + y itself, with no other rounding, cannot overflow.
    """

    low: sp.Expr
    high: sp.Expr
    y: sp.Expr
    scaled: sp.Expr
    below: sp.Expr
    first: bool
    """Whether c is the first argument."""
    plain: tuple[sp.Expr, sp.Expr] | None = None
    """c and c + y, where c is negative."""


def _above_zero(low: sp.Expr, scaled: sp.Expr) -> sp.Expr:
    total = low + scaled
    return total if low.is_number else raw_max(total, raw_positive(sp.S.Zero))


def _balanced(x: sp.Expr, y: sp.Expr, place: Place) -> _Balance | None:
    """The sum x + y of a constant and something positive, so that nothing of it overflows; None where it is none."""
    v = place.variable
    first = not x.has(v)
    c, y = (x, y) if first else (y, x)
    if c.has(v) or not y.has(v) or not place.positive(y):
        return None
    if not place.positive(c):
        if y.has(sp.exp) or not place.positive(-c):
            return None
        low, high = raw_max(c, sp.S.NegativeOne), 1 / raw_max(-c, sp.S.One)
        return _Balance(low, high, y, high * y, raw_product(c + y, high), first, plain=(c, c + y))
    if isinstance(c, sp.exp) and not c.is_number:
        u = c.args[0]
        low, high = sp.exp(raw_min(u, sp.S.Zero)), sp.exp(-raw_max(u, sp.S.Zero))
        negative = y.could_extract_minus_sign()
        scaled = -raw_reach(-y, u) if negative else raw_reach(y, u)
        return _Balance(low, high, y, scaled, _above_zero(low, scaled), first)
    if c.is_number:
        small, large = (c, sp.S.One) if c < 1 else (sp.S.One, c)
        return _Balance(small, 1 / large, y, y / large, small + y / large, first)
    low, high = raw_min(c, sp.S.One), 1 / raw_max(c, sp.S.One)
    if y.has(sp.exp):  # where y overflows the quotients have reached their limits
        y = raw_min(y, sp.Integer(2) ** 1000)
    return _Balance(low, high, y, high * y, _above_zero(low, high * y), first)


_FAR, _SCALE = sp.Integer(60), sp.Integer(2) ** 64


def reached(y: sp.Expr, u: sp.Expr) -> sp.Expr:
    """``raw_reach`` in products: from exp(60) on it is (y*2**-64)*(exp(-u)*2**64), for exp(-u) alone vanishes."""
    scale = sp.Piecewise((_SCALE, u > _FAR), (sp.S.One, True))
    return raw_product(raw_product(y, 1 / scale), sp.exp(-raw_max(u, sp.S.Zero)) * scale)


def _spell_share(b: _Balance) -> sp.Expr:
    if b.plain is not None:
        c, total = b.plain
        return raw_quotient(c if b.first else b.y, total)
    return raw_quotient(b.low if b.first else b.scaled, b.below)


_PAIRED: dict[type[sp.Function], Callable[[_Balance], sp.Expr]] = {
    raw_harmonic: lambda b: raw_product(b.low, raw_quotient(b.y, b.below)),
    raw_share: _spell_share,
    raw_inverse: lambda b: raw_quotient(b.high, b.below) if b.plain is None else 1 / b.plain[1],
}


def _guarded(lowered: sp.Mul) -> sp.Expr:
    """A product with its vanishing factors apart from the growing ones.

    An exponential vanishes on one side and grows on the other. What vanishes there is a function of an exponential
    itself: such factors stand outside, so that 0 times an exponential that has overflowed is 0.
    """
    inside, outside, growing, rest = [], [], [], []
    for factor in lowered.args:
        base = factor.args[0] if factor.is_Pow and factor.args[1].is_positive and factor.args[0] is not sp.E else factor
        vanishing = isinstance(base, VANISHING) or _far(base)
        if (vanishing or isinstance(base, raw_share | raw_inverse)) and any(a.has(sp.exp) for a in base.args):
            outside.append(factor)
        elif vanishing:
            inside.append(factor)
        elif factor.free_symbols and not isinstance(base, raw_damped):
            growing.append(factor)
        else:
            rest.append(factor)
    if outside and not any(isinstance(f, sp.exp) for f in inside):
        flat = [f for f in outside if not isinstance(f, raw_share | raw_inverse)]
        growing += [f for f in outside if f not in flat]
        inside, outside = inside + flat, []
    fast = [f for f in inside if isinstance(f, raw_erfc | raw_normal_cdf)]
    if fast and any(isinstance(f, sp.exp) for f in inside):  # it vanishes however an exponential of a line grows
        inside = [f for f in inside if f not in fast]
        outside += fast
    if not (inside or outside) or not (growing or outside):
        return lowered
    small = [n for n in rest if n.is_number and n.is_comparable and abs(n) < 1]
    growing, rest = [*small, *growing], [n for n in rest if n not in small]
    out = sp.Mul(*inside)
    if growing:
        out = raw_damped(out, sp.Mul(*growing), evaluate=False)
    if outside:
        out = raw_damped(sp.Mul(*outside), out, evaluate=False)
    return sp.Mul(*rest, out, evaluate=False)


_TERMS = 18


def _series(s: sp.Expr, coefficient: Callable[[int], sp.Expr]) -> sp.Expr:
    """The sum of coefficient(n)*s**(2*n) for n from 1 on, of abs(s) <= 1/2 and terms that fall like (2*s/pi)**(2*n)."""
    square, total = s * s, sp.S.Zero
    for n in range(_TERMS, 0, -1):
        rest = sp.Mul(square, total, evaluate=False) if total else sp.S.Zero
        total = sp.Add(coefficient(n), rest, evaluate=False) if total else coefficient(n)
    return raw_product(square, total)


def _log_cosh(u: sp.Expr) -> sp.Expr:
    """The series of log(cosh(s)) at s = min(abs(u), 1/2), and what it grows by from there to abs(u).

    With d = abs(u) - s that is d + log1p(sigmoid(-1)*expm1(-2*d)). The series alternates, so what is left out is below
    the first term left out, 2**-60 of the sum.
    """
    size = sp.Abs(u)
    s, d = raw_min(size, sp.S.Half), raw_max(size - sp.S.Half, sp.S.Zero)

    def coefficient(n: int) -> sp.Expr:
        return sp.bernoulli(2 * n) * sp.Integer(2) ** (2 * n - 1) * (sp.Integer(4) ** n - 1) / (n * sp.factorial(2 * n))

    return _series(s, coefficient) + d + raw_log1p(raw_expm1(-2 * d) / (1 + sp.E))


def _clamped(u: sp.Expr, size: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """What of u lies between -size and size, and the rest: exactly 0 there, in whatever order sums are taken."""
    return raw_max(raw_min(u, size), -size), raw_max(u - size, sp.S.Zero) + raw_min(u + size, sp.S.Zero)


def _tanh_coefficient(n: int) -> sp.Expr:
    """Of s**(2*n + 1) in s - tanh(s)."""
    return -sp.bernoulli(2 * n + 2) * 4 ** (n + 1) * (sp.Integer(4) ** (n + 1) - 1) / sp.factorial(2 * n + 2)


def _tanh_gap(u: sp.Expr) -> sp.Expr:
    """The series of s - tanh(s) at s = clamp(u, -1/2, 1/2), and what u - tanh(u) grows by from there to u.

    With d = u - s that is d - (1 - tanh(u)*tanh(s))*tanh(d). The series alternates and its terms fall by more than
    (2/pi)**2/4 each, so what is left out is below the first term left out, 2**-58 of the sum.
    """
    s, d = _clamped(u, sp.S.Half)
    near = raw_product(s, _series(s, _tanh_coefficient))
    return near + d - raw_product(1 - raw_product(raw_tanh(u), raw_tanh(s)), raw_tanh(d))


def _atan_gap(u: sp.Expr) -> sp.Expr:
    """The same of atan, with s = clamp(u, -1/4, 1/4), and d - atan(d/(1 + u*s))."""
    s, d = _clamped(u, sp.Rational(1, 4))
    near = raw_product(s, _series(s, lambda n: sp.Rational((-1) ** (n + 1), 2 * n + 1)))
    return near + d - sp.atan(raw_quotient(d, 1 + raw_product(u, s)))


def _asinh_gap(u: sp.Expr) -> sp.Expr:
    """The same of asinh, with s = clamp(u, -1/4, 1/4), and d - asinh(u*hypot(s, 1) - s*hypot(u, 1))."""
    s, d = _clamped(u, sp.Rational(1, 4))

    def coefficient(n: int) -> sp.Expr:
        return sp.S.NegativeOne ** (n + 1) * sp.binomial(2 * n, n) / (sp.Integer(4) ** n * (2 * n + 1))

    between = raw_product(u, raw_hypot(s, sp.S.One)) - raw_product(s, raw_hypot(u, sp.S.One))
    return raw_product(s, _series(s, coefficient)) + d - sp.asinh(between)


def _sin_gap(u: sp.Expr) -> sp.Expr:
    """The same of sin, with s = clamp(u, -1/2, 1/2), and d - 2*cos((u + s)/2)*sin(d/2)."""
    s, d = _clamped(u, sp.S.Half)
    near = raw_product(s, _series(s, lambda n: sp.S.NegativeOne ** (n + 1) / sp.factorial(2 * n + 1)))
    return near + d - 2 * raw_product(sp.cos(u / 2 + s / 2), sp.sin(d / 2))


def _log_gap(u: sp.Expr) -> sp.Expr:
    """With s = clamp(u, -1/4, 1/4), t = s/(2 + s): s - 2*atanh(t) is s*t less a series; then d - log1p(d/(1 + s))."""
    s, d = _clamped(u, sp.Rational(1, 4))
    t = raw_quotient(s, 2 + s)
    near = raw_product(t, s - _series(t, lambda n: sp.Rational(2, 2 * n + 1)))
    return near + d - raw_log1p(raw_quotient(d, 1 + s))


def _exp_gap_near(s: sp.Expr) -> sp.Expr:
    """exp(s) - 1 - s for abs(s) <= 1/2: with t = tanh(s/2) it is (s*t - 2*(s/2 - t))/(1 - t)."""
    t = raw_tanh(s / 2)
    half = raw_product(s / 2, _series(s / 2, _tanh_coefficient))
    return raw_quotient(raw_product(s, t) - 2 * half, 1 - t)


def _exp_gap(u: sp.Expr) -> sp.Expr:
    """With s = clamp(u, -1/2, 1/2): what it is there, and exp(s)*expm1(d) - d from there."""
    s, d = _clamped(u, sp.S.Half)
    return _exp_gap_near(s) + raw_product(sp.exp(s), raw_expm1(d)) - d


def _exp_lag(u: sp.Expr) -> sp.Expr:
    """exp(s)*(exp(-s) - 1 + s) with s = clamp(u, -1/2, 1/2), and what it grows by from there.

    Above that is exp(1/2)*((u - 1)*expm1(d) + d) with d = u - 1/2; below, with d = u + 1/2,
    -3/2*exp(-1/2)*expm1(log(1 - 2*d/3) + d). Both are exactly 0 between.
    """
    s, _ = _clamped(u, sp.S.Half)
    above, below = raw_max(u - sp.S.Half, sp.S.Zero), raw_min(u + sp.S.Half, sp.S.Zero)
    right = raw_product(u - 1, raw_expm1(above)) + above
    left = raw_expm1(raw_log1p(-2 * below / 3) + below)
    near = raw_product(sp.exp(s), _exp_gap_near(-s))
    return near + raw_product(right, sp.exp(sp.S.Half)) - raw_product(left, 3 * sp.exp(-sp.S.Half) / 2)


_SPELLED_GAPS: dict[type[sp.Function], Callable[[sp.Expr], sp.Expr]] = {
    raw_tanh_gap: _tanh_gap,
    raw_atan_gap: _atan_gap,
    raw_asinh_gap: _asinh_gap,
    raw_sin_gap: _sin_gap,
    raw_log_gap: _log_gap,
    raw_exp_gap: _exp_gap,
    raw_exp_lag: _exp_lag,
}
_GAPS: dict[type[sp.Function], tuple[type[sp.Function], int]] = {
    raw_tanh: (raw_tanh_gap, 1),
    sp.atan: (raw_atan_gap, 1),
    sp.asinh: (raw_asinh_gap, 1),
    sp.sin: (raw_sin_gap, 1),
    raw_log1p: (raw_log_gap, 1),
    raw_expm1: (raw_exp_gap, -1),
}
"""By function f: the head of its gap, and whether that is u - f(u) or f(u) - u."""


def _soft_step(w: sp.Expr, s: sp.Expr) -> sp.Expr:
    """The first 30 of s by log1p, which keeps small results; the rest as a difference of softpluses."""
    near, rest = (sp.Min(s, 30), sp.Max(s - 30, 0)) if s.is_number else (raw_min(s, 30), raw_max(s - 30, 0))
    first = raw_log1p(_less_one(near) * raw_sigmoid(w))
    if rest == 0:
        return first
    u = w + s
    tails = raw_log1p(sp.exp(-sp.Abs(u))) - raw_log1p(sp.exp(-sp.Abs(u - rest)))
    return first + raw_min(raw_max(u, sp.S.Zero), rest) + tails


def _far(factor: sp.Expr) -> bool:
    """A power of a reciprocal, which is 0 where the sum is large."""
    return isinstance(factor, raw_product) and isinstance(factor.args[1], raw_inverse)


def _squared(lowered: sp.Mul, place: Place) -> tuple[list[sp.Expr], sp.Expr] | None:
    """c*y**2/(c + y)**2, which is harmonic(c, y)*share(y, c), as one square, and the other factors.

    It is (sqrt(A*C)*y/(A + C*y))**2, where no factor over- or underflows unless the result does.
    """
    for factor in lowered.args:
        pair = _balanced(factor.args[0], factor.args[1], place) if isinstance(factor, raw_harmonic) else None
        if pair is None:
            continue
        c, y = factor.args if pair.first else factor.args[::-1]
        if isinstance(c, sp.exp) and raw_share(y, c) in lowered.args:
            rest = [a for a in lowered.args if a not in (factor, raw_share(y, c))]
            return rest, raw_product(sp.exp(-sp.Abs(c.args[0]) / 2), raw_quotient(pair.y, pair.below)) ** 2
    return None


def _bell_squared(lowered: sp.Mul, place: Place) -> tuple[list[sp.Expr], sp.Expr] | None:
    """v**2*sigmoid(k*v)*sigmoid(-k*v) as one square, and the other factors.

    It is (v*exp(-abs(k*v)/2)*sigmoid(abs(k*v)))**2, where nothing is subnormal unless the result is.
    """
    v, square = place.variable, place.variable**2
    for wave in lowered.args:
        if not isinstance(wave, raw_sigmoid) or square not in lowered.args:
            continue
        k, w = wave.args[0].as_independent(v, as_Add=False)
        mirrored = raw_sigmoid(-wave.args[0])
        if w == v and mirrored in lowered.args:
            size = sp.Abs(k) * sp.Abs(v)
            once = raw_product(v, raw_product(sp.exp(-size / 2), raw_sigmoid(size)))
            return [a for a in lowered.args if a not in (wave, mirrored, square)], once**2
    return None


def _bottom_up(expr: sp.Expr, place: Place) -> sp.Expr:
    if not expr.args or expr.is_number:  # a number is a constant of the program: our own heads have no numerical value
        return expr
    if expr.is_Pow and isinstance(expr.base, sp.cosh) and expr.exp.is_Integer and expr.exp < 0:
        return raw_sech(_bottom_up(expr.base.args[0], place)) ** -expr.exp
    if expr.is_Mul or expr.is_Pow:
        swapped = _quotient(expr, place)
        if swapped is not None:
            return swapped
        power = (_power_of_sum(expr, place) or _root_of_squares(expr, place)) if expr.is_Pow else None
        if power is not None:
            return power
    if isinstance(expr, sp.log):
        factor, wave = expr.args[0].as_coeff_Mul()
        if isinstance(wave, sp.cosh) and factor.is_positive:
            return sp.log(factor) + raw_log_cosh(_bottom_up(wave.args[0], place))
    if isinstance(expr, sp.log):
        ratio = _ratio_of_softpluses(expr, place)
        if ratio is not None:
            return ratio
    if expr.is_Add:
        conjugate = _conjugate(expr, place)
        if conjugate is not None:
            return _bottom_up(conjugate, place)
    expr = _rebuilt(expr, [_bottom_up(a, place) for a in expr.args])
    if isinstance(expr, sp.tanh):
        inside = expr.args[0]
        return raw_tanh_softplus(inside.args[0]) if isinstance(inside, raw_softplus) else raw_tanh(inside)
    if isinstance(expr, sp.erfc):
        return _complement(expr.args[0])
    if isinstance(expr, sp.exp):
        return _bell(expr)
    if isinstance(expr, sp.log):
        return _logarithm(expr, place)
    if expr.is_Add:
        expr = _sum(expr)
        rules = (_two_sigmoids, _with_erf, _gap, _turned, _one_plus_unit) if expr.is_Add else ()
        return next((found for rule in rules if (found := rule(expr)) is not None), expr)
    if expr.is_Mul:
        expr = _gate_of(expr)
    return _unit(expr, place) if expr.is_Mul else expr


def _gate_of(expr: sp.Mul) -> sp.Expr:
    """exp(u)*sigmoid(-u) as sigmoid(u)."""
    for wave in expr.args:
        gate = raw_sigmoid(-wave.args[0]) if isinstance(wave, sp.exp) else None
        if gate in expr.args:
            product = sp.Mul(*(f for f in expr.args if f not in (wave, gate)), raw_sigmoid(wave.args[0]))
            return _gate_of(product) if product.is_Mul else product
    return expr


def _unit(expr: sp.Mul, place: Place) -> sp.Expr:
    """v**m/hypot(k*v**m, c), beside whatever it is multiplied by."""
    power = expr.as_powers_dict().get(place.variable, sp.S.Zero)
    for factor in expr.args:
        if factor.is_Pow and factor.exp == -1 and isinstance(factor.base, raw_hypot) and power.is_Integer and power > 0:
            x, y = factor.base.args
            k, w = x.as_independent(place.variable, as_Add=False)
            base, m = w.as_base_exp()
            if base == place.variable and m.is_Integer and m <= power and (k.is_nonzero or place.positive(k)):
                return expr / factor / w * raw_unit(x, y) / k
    return expr


def _one_plus_unit(expr: sp.Add) -> sp.Expr | None:
    """C + c*x/h with the hypotenuse h of x and y as c*(x + h)/h, where x + h is a function of its own."""
    plain = expr.replace(raw_unit, lambda x, y: x / raw_hypot(x, y))
    for term in plain.args:
        for h in (f.base for f in sp.Mul.make_args(term) if f.is_Pow and f.exp == -1 and isinstance(f.base, raw_hypot)):
            x, y = h.args
            for c in plain.args:
                for side in (x, -x):
                    if c is not term and c * side == term * h:
                        return _sum_of(plain, term, c) + c * raw_root_sum(side, y) / h
    return None


def _sum_of(expr: sp.Add, *without: sp.Expr) -> sp.Expr:
    return sp.Add(*(t for t in expr.args if t not in without))


def _gap(expr: sp.Add) -> sp.Expr | None:
    """c*u - c*f(u) for a function f that is u to first order at 0.

    Not beside another multiple of u, next to which it does not matter what has cancelled.
    """
    for term in expr.args:
        for wave, others in _apart(term):
            c, inside = -others, None
            if isinstance(wave, raw_tanh_softplus):
                inside, head, sign = raw_softplus(wave.args[0]), raw_tanh_gap, 1
            elif wave.func in _GAPS:
                inside, (head, sign) = wave.args[0], _GAPS[wave.func]
            if inside is None:
                continue
            lines = sp.Add.make_args(sp.expand_mul(c * inside))
            beside = [t / inside for t in expr.args if t != term and t not in lines]
            moving = inside.free_symbols
            if all(line in expr.args for line in lines) and all(b.free_symbols & moving for b in beside):
                return _sum_of(expr, term, *lines) + sign * c * head(inside)
    return None


def _turned(expr: sp.Add) -> sp.Expr | None:
    """c*atan(u) + c*pi/2 and c*atan(u) - c*pi/2: what is left of a right angle where u is large."""
    for term in expr.args:
        c, wave = term.as_independent(sp.atan, as_Add=False)
        if not isinstance(wave, sp.atan):
            continue
        for other in expr.args:
            if 2 * other == c * sp.pi:
                return _sum_of(expr, term, other) + c * raw_arccot(-wave.args[0])
            if 2 * other == -c * sp.pi:
                return _sum_of(expr, term, other) - c * raw_arccot(wave.args[0])
    return None


def _complement(u: sp.Expr) -> sp.Expr:
    """erfc(u); 2*Phi(-sqrt(2)*u) where that argument is free of roots, as for GELU: a rounded one costs the tail."""
    w = -sp.sqrt(2) * u
    return raw_erfc(u) if w.has(sp.sqrt(2)) else 2 * raw_normal_cdf(w)


def _bell(expr: sp.Expr) -> sp.Expr:
    """exp(-w**2/2) and exp(-w**2)."""
    factor, square = expr.args[0].as_coeff_Mul()
    if factor.is_negative and square.is_Pow and square.exp == 2:
        for head, root in ((raw_gauss, sp.sqrt(-2 * factor)), (raw_exp_neg_square, sp.sqrt(-factor))):
            if root.is_Rational:
                return head(root * square.base)
    return expr


def _logarithm(expr: sp.Expr, place: Place) -> sp.Expr:
    """log(1 + exp(u)) and log(1 + u)."""
    inside = _one_plus_exp(expr.args[0])
    if inside is not None:
        return raw_softplus(inside)
    start = _from_one(expr.args[0])
    if start is not None:
        k, wave = start.as_coeff_Mul()
        return raw_log_mean(wave.args[0], k) if 0 < k < 1 else raw_log1p(start)
    found = _constant_plus_exp(expr.args[0], place)
    if found is not None and found[0].is_number:
        return sp.log(found[0]) + raw_softplus(found[1])
    if found is not None:
        return raw_log_sum(sp.log(found[0]), sp.log(found[0]) + found[1])
    rest = expr.args[0] - 1
    if rest.is_Add and not isinstance(_sum(rest), sp.Add):
        return raw_log1p(_sum(rest))
    whole = not expr.args[0].is_Add or (rest.is_Add and any(t.is_number for t in rest.args))
    return expr if whole else raw_log1p(rest)


def _from_one(expr: sp.Expr) -> sp.Expr | None:
    """``k*expm1(u)`` for ``c + k*exp(u)`` with numbers c + k = 1: what it differs from 1 by."""
    if not expr.is_Add or len(expr.args) != 2:
        return None
    for c, wave in (expr.args, expr.args[::-1]):
        k, tower = wave.as_coeff_Mul()
        height = _exponent(tower)
        if c.is_number and height is not None and c + k == 1:
            return k * raw_expm1(height)
    return None


def _exponent(tower: sp.Expr) -> sp.Expr | None:
    """U for exp(u), which may be spelled as a bell."""
    if isinstance(tower, sp.exp):
        return tower.args[0]
    if isinstance(tower, raw_gauss):
        return -(tower.args[0] ** 2) / 2
    return -(tower.args[0] ** 2) if isinstance(tower, raw_exp_neg_square) else None


def _rebuilt(expr: sp.Expr, args: list[sp.Expr]) -> sp.Expr:
    return expr if list(expr.args) == args else expr.func(*args)


def _one_plus_exp(expr: sp.Expr) -> sp.Expr | None:
    """U for ``1 + exp(u)`` (also spelled ``raw_expm1(u) + 2``)."""
    rest = expr - 1
    if isinstance(rest, sp.exp):
        return rest.args[0]
    rest = expr - 2
    return rest.args[0] if isinstance(rest, raw_expm1) else None


def _constant_plus_exp(expr: sp.Expr, place: Place) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """C and u with ``expr = c*(1 + exp(u))``, for a number c > 0 and a positive multiple of an exponential."""
    if not expr.is_Add or len(expr.args) != 2:
        return None
    for c, wave in (expr.args, expr.args[::-1]):
        if c.has(place.variable) or not (c.is_positive if c.is_number else place.positive(c)):
            continue
        factor, tower = wave.as_independent(place.variable, as_Add=False)
        if isinstance(tower, sp.exp) and place.positive(factor):
            return c, tower.args[0] + sp.log(factor / c), tower
    return None


def _power_of_sum(expr: sp.Pow, place: Place) -> sp.Expr | None:
    """(1 + exp(u))**p and (1 + w)**p for w >= 0 as exp(p*log(1 + ...)), for exponents that are no integers."""
    base, p = expr.base, expr.exp
    if base is sp.E or not base.is_Add or p.is_Integer or p == sp.S.Half or p.has(place.variable):
        return None
    found = _constant_plus_exp(base, place)
    if found is not None and found[0] == 1:
        return sp.exp(p * raw_softplus(_bottom_up(found[1], place)))
    rest = base - 1
    if not p.is_number and not rest.is_Add and rest.has(place.variable) and place.positive(rest):
        return sp.exp(p * raw_log1p(_bottom_up(rest, place)))
    return None


def _root_of_squares(expr: sp.Pow, place: Place) -> sp.Expr | None:
    """(k*x**(2*m) + c)**(n/2) for positive k and c as a power of a hypotenuse: the square alone could overflow."""
    base, twice = expr.base, 2 * expr.exp
    if not (base.is_Add and len(base.args) == 2 and twice.is_Integer and twice.is_odd):
        return None
    for c, square in (base.args, base.args[::-1]):
        k, rest = square.as_independent(place.variable, as_Add=False)
        if c.has(place.variable) or not (rest.is_Pow and rest.exp.is_Integer and rest.exp.is_even and rest.exp > 0):
            continue
        if place.positive(c) and place.positive(k):
            inside = _bottom_up(rest.base ** (rest.exp / 2), place)
            return raw_hypot(_root(k, place) * inside, _root(c, place)) ** twice
    return None


def _square_root(expr: sp.Expr, place: Place) -> sp.Expr | None:
    """W for k**2*w**2 with k and w as they are written down."""
    factors = sp.Mul.make_args(expr)
    if not expr.has(place.variable) or any(expr.is_Add for expr in factors):
        return None
    k, square = expr.as_independent(place.variable, as_Add=False)
    if not (square.is_Pow and square.exp.is_Integer and square.exp.is_even and place.positive(k)):
        return None
    return _root(k, place) * square.base ** (square.exp / 2)


def _root(square: sp.Expr, place: Place) -> sp.Expr:
    """A root for a hypotenuse, where its sign does not matter: a for a**2, whose derivative is no sign."""
    return sp.sqrt(square).replace(lambda e: isinstance(e, sp.Abs), lambda e: e.args[0])


def _ratio_of_softpluses(expr: sp.Expr, place: Place) -> sp.Expr | None:
    """log((1 + exp(u))/(1 + exp(w))) where u - w does not move: log1p(expm1(u - w)*sigmoid(w))."""
    top, bottom = sp.fraction(sp.together(expr.args[0]))
    u, w = _one_plus_exp(top), _one_plus_exp(bottom)
    if u is None or w is None:
        return None
    step = sp.expand(u - w)
    u, w = _bottom_up(u, place), _bottom_up(w, place)
    if step.has(place.variable):
        return raw_softplus(u) - raw_softplus(w)
    if place.positive(step):
        return raw_soft_step(w, step)
    if place.positive(-step):
        return -raw_soft_step(u, -step)
    return raw_softplus(u) - raw_softplus(w)


def _conjugate(expr: sp.Add, place: Place) -> sp.Expr | None:
    """c*sqrt(1 + w) - c as c*w/(sqrt(1 + w) + 1), beside whatever else is added; for w >= 0 (or sqrt(k**2 + w) - k)."""
    for root in expr.args:
        factor = next((f for f in sp.Mul.make_args(root) if f.is_Pow and f.exp == sp.S.Half and f.base.is_Add), None)
        if factor is None:
            continue
        c, whole = root / factor, expr - root
        others = [t for t in expr.args if t != root] + ([whole] if whole.is_Add else [])
        for rule in (_with_moving, _with_fixed):
            for other in others:
                together = rule(factor, -other / c, place)
                if together is not None:
                    return expr - root - other + c * together
    return None


def _with_moving(root: sp.Expr, k: sp.Expr, place: Place) -> sp.Expr | None:
    """sqrt(k**2 + w) - k where only k moves."""
    w = sp.expand(root.base - k**2)
    if not k.has(place.variable) or w.has(place.variable) or not (w.is_positive or place.positive(w)):
        return None
    return raw_root_sum(_bottom_up(-k, place), sp.sqrt(w))


def _with_fixed(root: sp.Expr, k: sp.Expr, place: Place) -> sp.Expr | None:
    """sqrt(k**2 + w) - k where only w moves."""
    if k.has(place.variable) or k.is_nonpositive:
        return None
    square, positive = _square_root(root.base - k**2, place), k.is_positive or place.positive(k)
    if square is not None:
        return raw_root_gap(square, k) if positive else raw_root_sum(-k, square)
    w = sp.expand(root.base - k**2)
    if positive and not w.is_Add and (w.is_nonnegative or place.positive(w)):
        return w / (root + k)
    return None


def _with_erf(expr: sp.Add) -> sp.Expr | None:
    """a*erf(u)*x + b*x as (b - a)*x + a*erfc(-u)*x, if b - a is shorter than b: nothing cancels where erf(u) is -1."""
    for wave in expr.atoms(sp.erf):
        inside = [t for t in expr.args if wave in sp.Mul.make_args(t)]
        outside = sp.Add(*(t for t in expr.args if not t.has(wave)))
        if len(inside) != 1 or outside == 0:
            continue
        a = sp.Mul(*(f for f in sp.Mul.make_args(inside[0]) if f != wave))
        rest = sp.factor(outside - a)
        if sp.count_ops(rest) < sp.count_ops(outside):
            return rest + a * _complement(-wave.args[0])
    return None


def _two_sigmoids(expr: sp.Add) -> sp.Expr | None:
    """a*s(u)*x + b*x as (a + b)*s(u)*x + b*s(-u)*x, where a + b is shorter than a: nothing cancels where s(u) is 1."""
    for wave in expr.atoms(raw_sigmoid):
        inside = [t for t in expr.args if wave in sp.Mul.make_args(t)]
        outside = [t for t in expr.args if not t.has(wave)]
        if len(inside) != 1 or len(outside) != 1:
            continue
        a = sp.Mul(*(f for f in sp.Mul.make_args(inside[0]) if f != wave))
        both = sp.factor(a + outside[0])
        if sp.count_ops(both) < sp.count_ops(a):
            return both * wave + outside[0] * raw_sigmoid(-wave.args[0])
    return None


def _sum(expr: sp.Add) -> sp.Expr:
    """c*exp(u) - c, c*erf(u) + c, c*tanh(u) + c and their like, two terms at a time."""
    for term in expr.args:
        for wave, c in _apart(term):
            if wave.is_number or wave.is_Symbol:
                continue
            for partner, both in _with_partner(wave):
                other = c * partner
                if other != term and other in expr.args:
                    rest = _sum_of(expr, term, other) + c * both
                    return _sum(rest) if rest.is_Add else rest
    return expr


def _apart(term: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Each factor of a term, and the others; not by division, for ``exp(v - b)*exp(b - v)`` is no 1 to SymPy."""
    factors = sp.Mul.make_args(term)
    return [(f, sp.Mul(*factors[:k], *factors[k + 1 :])) for k, f in enumerate(factors)]


def _with_partner(wave: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """What a function may meet in a sum so that it cancels, and the two together without that."""
    less, more, u = sp.S.NegativeOne, sp.S.One, wave.args[0]
    height = _exponent(wave)
    if height is not None:
        return [(less, raw_expm1(height))]
    if isinstance(wave, raw_share):
        x, y = wave.args
        return [(less, -raw_share(y, x)), (-x / y, -x / y * wave)]
    if isinstance(wave, raw_harmonic):
        x, y = wave.args
        return [(-x, -x * raw_share(x, y)), (-y, -y * raw_share(y, x))]
    if isinstance(wave, raw_inverse):
        x, y = wave.args
        return [(-1 / x, -raw_share(y, x) / x), (-1 / y, -raw_share(x, y) / y)]
    if isinstance(wave, raw_sigmoid):
        return [(less, -raw_sigmoid(-u)), (-sp.S.Half, raw_tanh(u / 2) / 2)]
    if isinstance(wave, raw_softplus):
        return [(-sp.log(2), raw_log_mean(u, sp.S.Half)), (-u, raw_softplus(-u))]
    if isinstance(wave, raw_log1p) and _exponent(u) is not None:
        return [(-sp.log(2), raw_log_mean(_exponent(u), sp.S.Half))]
    if isinstance(wave, raw_log_mean) and wave.args[1] == sp.S.Half:
        return [(-u, raw_log_mean(-u, sp.S.Half))]
    if isinstance(wave, sp.erf):
        return [(more, _complement(-u)), (less, -_complement(u))]
    if isinstance(wave, raw_erfc):
        return [(-2 * more, -raw_erfc(-u)), (less, -sp.erf(u))]
    if isinstance(wave, raw_normal_cdf):
        return [(less, -raw_normal_cdf(-u))]
    if isinstance(wave, raw_tanh_softplus):
        return [(less, -2 * raw_sigmoid(-2 * raw_softplus(u)))]
    if isinstance(wave, raw_tanh):
        return [(more, 2 * raw_sigmoid(2 * u)), (less, -2 * raw_sigmoid(-2 * u))]
    if isinstance(wave, raw_sech2):
        return [(less, -(raw_tanh(u) ** 2))]
    if isinstance(wave, raw_sech):
        square = raw_tanh(u / 2) ** 2
        return [(less, -2 * square / (1 + square))]
    if isinstance(wave, sp.cosh):
        return [(less, 2 * sp.sinh(u / 2) ** 2)]
    if isinstance(wave, sp.cos):
        return [(less, -2 * sp.sin(u / 2) ** 2)]
    if not wave.is_Pow:
        return []
    if isinstance(wave.base, raw_tanh) and wave.exp == 2:
        return [(less, -raw_sech2(wave.base.args[0]))]
    if isinstance(wave.base, raw_hypot) and wave.exp == -1:
        x, y = wave.base.args
        return [(-1 / y, -raw_root_gap(x, y) / y * wave)] if y.is_number else []
    near = _near_one(wave)
    if near is not None:
        return [(less, raw_expm1(near))]
    ones = [pair for pair in _with_partner(wave.base) if abs(pair[0]) == 1] if wave.exp == 2 and wave.base.args else []
    return [(less, both * (wave.base - one)) for one, both in ones]


def _near_one(power: sp.Pow) -> sp.Expr | None:
    """p*log1p(w) for (1 + w)**p with p < 0 or no whole number."""
    rest = power.base - 1
    short = power.base.is_Add and not any(t.is_number for t in sp.Add.make_args(rest))
    return power.exp * raw_log1p(rest) if short and not (power.exp.is_Integer and power.exp > 0) else None


def _quotient(expr: sp.Expr, place: Place) -> sp.Expr | None:
    """A quotient with a denominator of two terms, or of exponentials."""
    found = _quotient_of_two(expr, place)
    stable = found is not None and not any(_grows(f, place.variable) for f in sp.Mul.make_args(found))
    if stable and not expr.has(sp.cosh, sp.sinh):
        return found
    return (_in_gates(expr, place) if expr.has(sp.exp, sp.cosh, sp.sinh) else None) or found


def _grows(factor: sp.Expr, variable: sp.Symbol) -> bool:
    """Whether a factor of a quotient may overflow where the quotient does not, or both parts of one do."""
    base = factor.base if factor.is_Pow and factor.base is not sp.E else factor
    if isinstance(base, raw_share | raw_harmonic | raw_inverse):
        rest = [_inside_quotient(a, lambda f: sp.S.One if isinstance(f, sp.exp | raw_expm1) else f) for a in base.args]
        return base.has(sp.exp, raw_expm1) and not any(r.has(variable) for r in rest)
    return bool(_towers(factor, variable))


def _towers(expr: sp.Expr, variable: sp.Symbol) -> list[sp.Expr]:
    """The exponentials that sums, products and powers of whole numbers are made of; not those inside functions."""
    if not expr.has(variable):
        return []
    if isinstance(expr, sp.exp):
        return [expr]
    if expr.is_Add or expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer):
        return [tower for a in expr.args for tower in _towers(a, variable)]
    return []


def _in_gates(expr: sp.Expr, place: Place) -> sp.Expr | None:
    """A quotient of polynomials in E = exp(u), where a denominator is a sum, in s = sigmoid(u) and t = sigmoid(-u).

    E is s/t, so that p(E)*t**n is a homogeneous polynomial in s and t for p of degree n, none of whose terms overflows;
    (E + 1)*t is 1 and (E - 1)*t is tanh(u/2).
    """
    v = place.variable
    groups = _commensurate(expr, v)
    if len(groups) > 1:
        return sp.Mul(*(_bottom_up(group, place) for group in groups))
    plain = _inside_quotient(expr, _without_hyperbolic)
    factors = [f.as_base_exp() if f.is_Pow and f.exp.is_Integer else (f, sp.S.One) for f in sp.Mul.make_args(plain)]
    towers = list(dict.fromkeys(_towers(plain, v)))
    if not any(n.is_negative and _towers(base, v) for base, n in factors):
        return None
    shares = [sp.cancel(tower.args[0] / towers[0].args[0]) for tower in towers]
    if not all(share.is_Rational for share in shares):
        return None
    step = reduce(sp.gcd, [abs(share) for share in shares])
    e = sp.Dummy("E", positive=True)
    powers = {tower: e ** (share / step) for tower, share in zip(towers, shares, strict=True)}
    rest, found = sp.S.One, {e: 0}
    for base, n in factors:
        if not _towers(base, v):
            rest *= base**n
            continue
        for part, sign in zip(
            sp.fraction(sp.together(_inside_quotient(base, lambda f: powers.get(f, f)))), (1, -1), strict=True
        ):
            constant, polynomials = sp.factor_list(part, e)
            rest *= constant ** (sign * n)
            for polynomial, times in polynomials:
                found[polynomial] = found.get(polynomial, 0) + sign * int(n) * times
    u = _bottom_up(towers[0].args[0] * step, place)
    s, t, out, degree = raw_sigmoid(u), raw_sigmoid(-u), sp.S.One, 0
    for polynomial, n in found.items():
        coefficients = sp.Poly(polynomial, e).all_coeffs()
        if any(_towers(c, v) for c in coefficients):
            return None
        size = len(coefficients) - 1
        degree += n * size
        if size == 0:
            rest *= polynomial**n
        elif polynomial == e:
            out *= s**n if n >= 0 else (1 + sp.exp(-u)) ** -n
        elif polynomial == e - 1:
            out *= raw_tanh(u / 2) ** n
        elif polynomial != e + 1:
            out *= sp.Add(*(c * s ** (size - k) * t**k for k, c in enumerate(coefficients))) ** n
    out *= t**-degree if degree <= 0 else (1 + sp.exp(u)) ** degree
    return _bottom_up(rest, place) * out


def _commensurate(product: sp.Expr, variable: sp.Symbol) -> list[sp.Expr]:
    """Factors apart whose exponentials are no whole powers of one another; those without any are with the first."""
    groups: list[tuple[sp.Expr, sp.Expr]] = []
    rest = sp.S.One
    for factor in sp.Mul.make_args(product):
        towers = _towers(_inside_quotient(factor, _without_hyperbolic), variable)
        if not towers:
            rest *= factor
            continue
        u = towers[0].args[0]
        k = next((k for k, (height, _) in enumerate(groups) if sp.cancel(u / height).is_Rational), len(groups))
        groups[k : k + 1] = [(u, groups[k][1] * factor if k < len(groups) else factor)]
    parts = [part for _, part in groups]
    return [parts[0] * rest, *parts[1:]] if parts else [rest]


def _inside_quotient(expr: sp.Expr, swap: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """With others for the functions that sums, products and powers of whole numbers are made of."""
    whole = expr.is_Pow and expr.exp.is_Integer and expr.base is not sp.E
    if expr.is_Add or expr.is_Mul or whole:
        return expr.func(*(_inside_quotient(a, swap) for a in expr.args))
    return swap(expr)


def _without_hyperbolic(f: sp.Expr) -> sp.Expr:
    if isinstance(f, sp.cosh | sp.sinh):
        x = f.args[0]
        return (sp.exp(x) + (1 if isinstance(f, sp.cosh) else -1) * sp.exp(-x)) / 2
    return f


def _quotient_of_two(expr: sp.Expr, place: Place) -> sp.Expr | None:
    """A quotient with a denominator of two terms, or 1 + exp(u)."""
    factors = dict(expr.as_powers_dict())
    for base, exponent in list(factors.items()):
        if not (exponent.is_Integer and exponent.is_negative and base.is_Add) or base.is_number:
            continue
        count = -int(exponent)
        joined_top, joined_bottom = sp.fraction(sp.together(base))
        u = _one_plus_exp(base)
        rest = sp.Mul(*(b**e for b, e in factors.items() if b != base))
        if u is not None:
            return _sigmoids(rest, u, count, place)
        scaled = _constant_plus_exp(base, place)
        if scaled is not None and (scaled[0].is_number or not _times_inside(rest, scaled[0])):
            c, u, tower = scaled
            return _sigmoids(rest / c**count, u, count, place, tower)
        if joined_bottom != 1 and joined_top.is_Add:
            return _bottom_up(rest * joined_bottom**count / joined_top**count, place)
        if len(base.args) != 2:
            continue
        x, y = base.args
        if place.positive(-x) and place.positive(-y):
            return sp.S.NegativeOne**count * _shares(rest, -x, -y, count, place)
        return _shares(rest, x, y, count, place)
    return None


def _sigmoids(rest: sp.Expr, u: sp.Expr, count: int, place: Place, tower: sp.Expr | None = None) -> sp.Expr:
    """rest/(1 + exp(u))**count, taking exp(u) out of rest as far as it goes."""
    out, inside = sp.S.One, _bottom_up(u, place)
    tower = sp.exp(u) if tower is None else tower
    scale = sp.exp(u - tower.args[0])  # exp(u) is scale*tower
    less = sp.Add(tower, -1)
    for _ in range(count):
        factors = list(sp.Mul.make_args(rest))
        lifted = sp.powsimp(rest / tower)
        if scale == 1 and less in factors:
            factors.remove(less)
            rest, out = sp.Mul(*factors), out * raw_tanh(inside / 2)
        elif scale == 1 and -less in factors:
            factors.remove(-less)
            rest, out = -sp.Mul(*factors), out * raw_tanh(inside / 2)
        elif tower in factors:
            factors.remove(tower)
            rest, out = sp.Mul(*factors) / scale, out * raw_sigmoid(inside)
        elif rest.has(tower) and sp.count_ops(lifted) < sp.count_ops(rest):
            rest, out = lifted / scale, out * raw_sigmoid(inside)
        else:
            out *= raw_sigmoid(-inside)
    return _bottom_up(rest, place) * out


def _shares(rest: sp.Expr, x: sp.Expr, y: sp.Expr, count: int, place: Place) -> sp.Expr:
    """rest/(x + y)**count: numerator factors x and y are paired with denominators."""
    numeric, x_core = x.as_coeff_Mul()
    numeric_y, y_core = y.as_coeff_Mul()
    i, j = _times_inside(rest, x_core), _times_inside(rest, y_core)
    out = sp.S.One
    x, y = _bottom_up(x, place), _bottom_up(y, place)
    left = count
    while left and i and j:  # x*y/(x + y)
        out *= raw_harmonic(x, y) / (numeric * numeric_y)
        rest = _over(_over(rest, x_core), y_core)
        left, i, j = left - 1, i - 1, j - 1
    while left and i:
        out *= raw_share(x, y) / numeric
        rest = _over(rest, x_core)
        left, i = left - 1, i - 1
    while left and j:
        out *= raw_share(y, x) / numeric_y
        rest = _over(rest, y_core)
        left, j = left - 1, j - 1
    return _bottom_up(rest, place) * out * raw_inverse(x, y) ** left


def _over(product: sp.Expr, core: sp.Expr) -> sp.Expr:
    """The quotient; SymPy does not cancel ``exp(v - b)`` against ``exp(b - v)``."""
    for factor in sp.Mul.make_args(core):
        have = list(sp.Mul.make_args(product))
        if factor in have:
            have.remove(factor)
            product = sp.Mul(*have)
        else:
            product = product / factor
    return product


def _times_inside(rest: sp.Expr, core: sp.Expr) -> int:
    """How often a product with symbols divides another."""
    if not core.free_symbols:
        return 0
    have = _powers(rest)
    return min(max(0, have.get(base, 0) // needed) if needed > 0 else 0 for base, needed in _powers(core).items())


def _powers(product: sp.Expr) -> dict[sp.Expr, int]:
    """Bases and whole exponents of a product; exponentials are bases of their own."""
    out: dict[sp.Expr, int] = {}
    for factor in sp.Mul.make_args(product):
        whole = factor.is_Pow and not isinstance(factor, sp.exp) and factor.exp.is_Integer
        base, exponent = (factor.base, int(factor.exp)) if whole else (factor, 1)
        out[base] = out.get(base, 0) + exponent
    return out


def _pairs(expr: sp.Expr) -> sp.Expr:
    """X * share(y, x) is harmonic(x, y): no factor is left that could overflow on its own."""
    if not expr.args:
        return expr
    expr = _rebuilt(expr, [_pairs(a) for a in expr.args])
    if not expr.is_Mul:
        return expr
    for share in sorted(expr.atoms(raw_share), key=sp.default_sort_key):
        y, x = share.args
        powers = expr.as_powers_dict()
        numeric, core = x.as_coeff_Mul()
        have = powers.get(core, sp.S.Zero)
        if have.is_Integer and have > 0 and powers.get(share, sp.S.Zero) > 0 and core.free_symbols:
            return _pairs(_over(expr / share, core) * raw_harmonic(x, y) / numeric)
        if isinstance(core, sp.exp) and expr.has(core) and powers.get(share, sp.S.Zero) > 0 and _holds(expr, core):
            return _pairs(_over(expr / share, core) * raw_harmonic(x, y) / numeric)
    return expr


def _holds(expr: sp.Expr, core: sp.Expr) -> bool:
    return any(factor == core for factor in sp.Mul.make_args(expr))
