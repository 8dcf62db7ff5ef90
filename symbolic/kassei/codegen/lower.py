"""From a formula to forms that neither overflow nor cancel, shared by all code targets.

A rewrite is applied only where its side condition is proved for the parameter domain and the interval of the piece.
The functions below are our own, because SymPy rewrites its own back (``erfc(-u)`` becomes ``2 - erfc(u)``); each knows
its derivative in stable terms, so a formula is lowered once and its gradients are taken afterwards.

==================  =========================  =============================================
function            meaning                    stable because
==================  =========================  =============================================
raw_sigmoid(u)      1/(1 + exp(-u))            exp is only taken of -abs(u)
raw_softplus(u)     log(1 + exp(u))            max(u, 0) + log1p(exp(-abs(u)))
raw_expm1(u)        exp(u) - 1                 no cancellation at 0
raw_erfc(u)         1 - erf(u)                 no cancellation in the tail
raw_sech2(u)        1 - tanh(u)**2             4e/(1 + e)**2 with e = exp(-2 abs(u))
raw_share(x, y)     x/(x + y)                  the smaller in size is divided by the larger
raw_harmonic(x, y)  x*y/(x + y)                small/(1 + small/large): right even if x or y overflowed
raw_inverse(x, y)   1/(x + y)                  0 where the sum overflows
raw_damped(d, g)    d*g                        0 where the vanishing factor d is 0, however large g is
raw_exp_first(u, y) exp(u)/(exp(u) + y), y > 0 through y*exp(-u/4)**4: exp(u) itself may over- or underflow
raw_exp_second(u,y) y/(exp(u) + y), y > 0      the same
raw_exp_harmonic    exp(u)*y/(exp(u) + y)      the same
raw_exp_product     the last two, multiplied   one square instead of a product that underflows
==================  =========================  =============================================
"""

from __future__ import annotations

from dataclasses import dataclass

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


class raw_expm1(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(u) - 1."""

    nargs = 1

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


class raw_exp_harmonic(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(u)*y/(exp(u) + y) for positive y."""

    nargs = 2


class raw_exp_product(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(u)*(y/(exp(u) + y))**2 for positive y."""

    nargs = 2


class raw_exp_first(sp.Function):  # type: ignore[misc]  # noqa: N801
    """exp(u)/(exp(u) + y) for positive y."""

    nargs = 2


class raw_exp_second(sp.Function):  # type: ignore[misc]  # noqa: N801
    """y/(exp(u) + y) for positive y."""

    nargs = 2


_VANISHING = (sp.exp, raw_sigmoid, raw_erfc, raw_sech2)


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
    out = _bottom_up(expr, place)
    return _pairs(out)


def slope(lowered: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The derivative of a lowered form, itself in stable terms."""
    return _pairs(sp.expand_mul(lowered.diff(symbol), deep=False))


def finish(lowered: sp.Expr, place: Place) -> sp.Expr:
    """Guard products of a vanishing and a growing factor; done last, because guards hide structure."""
    if not lowered.args or isinstance(lowered, sp.Rational):
        return lowered
    lowered = lowered.func(*(finish(a, place) for a in lowered.args))
    if isinstance(lowered, raw_harmonic):
        first, second = lowered.args
        if isinstance(second, sp.exp):
            first, second = second, first
        if isinstance(first, sp.exp) and place.positive(second):
            return raw_exp_harmonic(first.args[0], second)
    if isinstance(lowered, raw_share):
        first, second = lowered.args
        if isinstance(first, sp.exp) and place.positive(second):
            return raw_exp_first(first.args[0], second)
        if isinstance(second, sp.exp) and place.positive(first):
            return raw_exp_second(second.args[0], first)
    if not lowered.is_Mul:
        return lowered
    for factor in lowered.args:
        if isinstance(factor, raw_exp_harmonic) and raw_exp_second(*factor.args) in lowered.args:
            used = (factor, raw_exp_second(*factor.args))
            return sp.Mul(*(a for a in lowered.args if a not in used), raw_exp_product(*factor.args))
    vanishing, growing, rest = [], [], []
    for factor in lowered.args:
        base = factor.args[0] if factor.is_Pow and factor.args[1].is_positive and factor.args[0] is not sp.E else factor
        if isinstance(base, _VANISHING):
            vanishing.append(factor)
        elif factor.free_symbols and not isinstance(base, raw_damped):
            growing.append(factor)
        else:
            rest.append(factor)
    if not vanishing or not growing:
        return lowered
    small = [n for n in rest if n.is_number and abs(n) < 1]
    growing, rest = [*small, *growing], [n for n in rest if n not in small]
    return sp.Mul(*rest, raw_damped(sp.Mul(*vanishing), sp.Mul(*growing), evaluate=False), evaluate=False)


def _bottom_up(expr: sp.Expr, place: Place) -> sp.Expr:
    if not expr.args:
        return expr
    if expr.is_Mul or expr.is_Pow:
        swapped = _quotient(expr, place)
        if swapped is not None:
            return swapped
    expr = _rebuilt(expr, [_bottom_up(a, place) for a in expr.args])
    if isinstance(expr, sp.tanh):
        return raw_tanh(expr.args[0])
    if isinstance(expr, sp.erfc):
        return raw_erfc(expr.args[0])
    if isinstance(expr, sp.log):
        inside = _one_plus_exp(expr.args[0])
        if inside is not None:
            return raw_softplus(inside)
    if expr.is_Add:
        return _sum(expr)
    return expr


def _rebuilt(expr: sp.Expr, args: list[sp.Expr]) -> sp.Expr:
    return expr if list(expr.args) == args else expr.func(*args)


def _one_plus_exp(expr: sp.Expr) -> sp.Expr | None:
    """U for ``1 + exp(u)`` (also spelled ``raw_expm1(u) + 2``)."""
    rest = expr - 1
    if isinstance(rest, sp.exp):
        return rest.args[0]
    rest = expr - 2
    return rest.args[0] if isinstance(rest, raw_expm1) else None


def _sum(expr: sp.Add) -> sp.Expr:
    """exp(u) - 1, 1 + erf(u), 1 + tanh(u) and their multiples, term by term."""
    terms = list(expr.args)
    for term in terms:
        factor, wave = term.as_coeff_Mul()
        rest = expr - term
        if rest == 0 or not rest.is_number:
            continue
        if isinstance(wave, sp.exp) and rest == -factor:
            return factor * raw_expm1(wave.args[0])
        if isinstance(wave, sp.erf) and rest == factor:
            return factor * raw_erfc(-wave.args[0])
        if isinstance(wave, sp.erf) and rest == -factor:
            return -factor * raw_erfc(wave.args[0])
        if isinstance(wave, raw_tanh) and rest == factor:
            return 2 * factor * raw_sigmoid(2 * wave.args[0])
        if isinstance(wave, raw_tanh) and rest == -factor:
            return -2 * factor * raw_sigmoid(-2 * wave.args[0])
    return expr


def _quotient(expr: sp.Expr, place: Place) -> sp.Expr | None:
    """A quotient with a denominator of two terms, or 1 + exp(u)."""
    factors = dict(expr.as_powers_dict())
    for base, exponent in list(factors.items()):
        if not (exponent.is_Integer and exponent.is_negative and base.is_Add):
            continue
        count = -int(exponent)
        joined_top, joined_bottom = sp.fraction(sp.together(base))
        u = _one_plus_exp(base)
        rest = sp.Mul(*(b**e for b, e in factors.items() if b != base))
        if u is not None:
            return _sigmoids(rest, u, count, place)
        if joined_bottom != 1 and joined_top.is_Add:
            return _bottom_up(rest * joined_bottom**count / joined_top**count, place)
        if len(base.args) != 2:
            continue
        x, y = base.args
        if place.positive(-x) and place.positive(-y):
            return sp.S.NegativeOne**count * _shares(rest, -x, -y, count, place)
        return _shares(rest, x, y, count, place)
    return None


def _sigmoids(rest: sp.Expr, u: sp.Expr, count: int, place: Place) -> sp.Expr:
    """rest/(1 + exp(u))**count, taking exp(u) out of rest as far as it goes."""
    out = sp.S.One
    for _ in range(count):
        lifted = sp.powsimp(rest * sp.exp(-u))
        if rest.has(sp.exp(u)) and sp.count_ops(lifted) < sp.count_ops(rest):
            rest, out = lifted, out * raw_sigmoid(u)
        else:
            out *= raw_sigmoid(-u)
    return _bottom_up(rest, place) * out


def _shares(rest: sp.Expr, x: sp.Expr, y: sp.Expr, count: int, place: Place) -> sp.Expr:
    """rest/(x + y)**count: numerator factors x and y are paired with denominators."""
    numeric, x_core = x.as_coeff_Mul()
    numeric_y, y_core = y.as_coeff_Mul()
    i, j = _times_inside(rest, x_core), _times_inside(rest, y_core)
    out = sp.S.One
    left = count
    while left and i and j:  # x*y/(x + y)
        out *= raw_harmonic(x, y) / (numeric * numeric_y)
        rest = rest / (x_core * y_core)
        left, i, j = left - 1, i - 1, j - 1
    while left and i:
        out *= raw_share(x, y) / numeric
        rest = rest / x_core
        left, i = left - 1, i - 1
    while left and j:
        out *= raw_share(y, x) / numeric_y
        rest = rest / y_core
        left, j = left - 1, j - 1
    return _bottom_up(rest, place) * out * raw_inverse(x, y) ** left


def _times_inside(rest: sp.Expr, core: sp.Expr) -> int:
    """How often a factor with symbols divides a product."""
    if not core.free_symbols:
        return 0
    base, exponent = core.as_base_exp() if not isinstance(core, sp.exp) else (core, sp.S.One)
    have = rest.as_powers_dict().get(base, sp.S.Zero)
    return max(0, int(have // exponent)) if have.is_Integer and exponent.is_Integer and exponent > 0 else 0


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
            return _pairs(expr / share / core * raw_harmonic(x, y) / numeric)
        if isinstance(core, sp.exp) and expr.has(core) and powers.get(share, sp.S.Zero) > 0 and _holds(expr, core):
            return _pairs(expr / share / core * raw_harmonic(x, y) / numeric)
    return expr


def _holds(expr: sp.Expr, core: sp.Expr) -> bool:
    return any(factor == core for factor in sp.Mul.make_args(expr))
