"""Expectations under the standard normal distribution: closed forms, and rigorous enclosures.

A closed form is found for sums of ``c * v**n * exp(quadratic)`` on any intervals (moments of a truncated normal
distribution) and, on the whole line, for such terms with factors ``erf(p*v)``: the product of the density with an
exponential of a quadratic is a normal density again, and Stein's identity E[v g] = E[g'] lowers the power of v until
E[erf(p v) erf(q v)] = (2/pi) asin(2 p q / sqrt((1 + 2 p**2) (1 + 2 q**2))) is left.

An enclosure adds Arb's rigorous integrals over the pieces inside [-R, R] and a bound on the rest: where the k-th
derivative of the outermost piece is bounded, Taylor's formula at R bounds the function by a polynomial.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy as sp
from flint import acb, arb

from kassei.core.algebra import plain
from kassei.core.effort import TROUBLE, spend
from kassei.core.enclose import Undecided, ball, number_sign, precision, rational
from kassei.core.extent import greatest, largest_size
from kassei.core.pieces import Piece, smooth_derivative
from kassei.core.region import Region
from kassei.core.signs import sign

BITS = 128
TAIL = 12
"""The least R; exp(-R**2/2) is then 5e-32."""
MAX_EVALUATIONS = 30_000
"""Evaluations of an integrand for one piece."""
INTEGRAL = 10
"""Units of work that one integral counts."""
MAX_OPS = 250
"""Expressions with more operations are not expanded in search of a closed form."""
MAX_TAYLOR = 2
"""Derivatives that are tried for a bound on the tails."""

Term = tuple[int, sp.Expr, sp.Expr, tuple[sp.Expr, ...]]
"""``v**n * exp(c*v**2 + d*v) * erf(p*v)…`` as (n, c, d, (p, …))."""


# --- closed forms ---------------------------------------------------------------------------------------------------


def closed(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Expr | None:
    """The integral of ``expr`` times the standard normal density over ``(lo, hi)``; None where no rule applies."""
    table = terms(region.apply(expr), v)
    if table is None:
        return None
    whole = lo == -sp.oo and hi == sp.oo
    total = sp.S.Zero
    for (n, c, d, rates), factor in table.items():
        if sign(1 - 2 * c, region) <= 0:
            return None
        if not rates:
            part: sp.Expr | None = _truncated(n, c, d, lo, hi)
        else:
            part = _with_erf(n, c, rates) if whole and d == 0 else None
        if part is None:
            return None
        total += factor * part
    return total


def terms(expr: sp.Expr, v: sp.Symbol) -> dict[Term, sp.Expr] | None:
    """A sum of multiples of :data:`Term`, with its coefficients; None for anything else."""
    expr = plain(expr)
    if sp.count_ops(expr) > MAX_OPS or not all(_allowed(node, v) for node in sp.preorder_traversal(expr)):
        return None
    table: dict[Term, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(expr)):
        found = _term(term, v)
        if found is None:
            return None
        key, factor = found
        table[key] = table.get(key, sp.S.Zero) + factor
    return table


def _allowed(node: sp.Expr, v: sp.Symbol) -> bool:
    if v not in node.free_symbols or node == v or node.is_Add or node.is_Mul:
        return True
    if isinstance(node, sp.exp | sp.erf):
        return bool(
            node.args[0].is_polynomial(v) and sp.degree(node.args[0], v) <= (2 if isinstance(node, sp.exp) else 1)
        )
    return bool(node.is_Pow and node.args[1].is_Integer and node.args[1] > 0)


def _term(term: sp.Expr, v: sp.Symbol) -> tuple[Term, sp.Expr] | None:
    factor, power, exponent = sp.S.One, 0, sp.S.Zero
    rates: list[sp.Expr] = []
    for part in sp.Mul.make_args(term):
        if v not in part.free_symbols:
            factor *= part
            continue
        if isinstance(part, sp.exp):
            exponent += part.args[0]
            continue
        base, times = part.as_base_exp()
        if base == v:
            power += int(times)
        elif isinstance(base, sp.erf):
            rate = base.args[0].coeff(v, 1)
            if sp.expand(base.args[0] - rate * v) != 0:
                return None
            rates += [rate] * int(times)
        else:
            return None
    q = sp.Poly(exponent, v)
    c, d, constant = (q.coeff_monomial(v**k) for k in (2, 1, 0))
    return (power, c, d, tuple(sorted(rates, key=sp.default_sort_key))), factor * sp.exp(constant)


def _truncated(n: int, c: sp.Expr, d: sp.Expr, lo: sp.Expr, hi: sp.Expr) -> sp.Expr:
    """The integral of ``v**n exp(c v**2 + d v)`` times the density: v is m + s*u for a standard normal u."""
    s = 1 / sp.sqrt(1 - 2 * c)
    m = d * s**2
    a, b = (end if end in (sp.oo, -sp.oo) else (end - m) / s for end in (lo, hi))
    parts = [_below(b) - _below(a), _density(a) - _density(b)]
    for k in range(2, n + 1):
        parts.append((k - 1) * parts[k - 2] + _edge(a, k - 1) - _edge(b, k - 1))
    terms = (sp.binomial(n, k) * m ** (n - k) * s**k * parts[k] for k in range(n + 1))
    return s * sp.exp(d**2 * s**2 / 2) * sp.Add(*terms)


def _density(x: sp.Expr) -> sp.Expr:
    return sp.S.Zero if x in (sp.oo, -sp.oo) else sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


def _below(x: sp.Expr) -> sp.Expr:
    return {sp.oo: sp.S.One, -sp.oo: sp.S.Zero}.get(x, (1 + sp.erf(x / sp.sqrt(2))) / 2)


def _edge(x: sp.Expr, k: int) -> sp.Expr:
    return sp.S.Zero if x in (sp.oo, -sp.oo) else x**k * _density(x)


def _with_erf(n: int, c: sp.Expr, rates: tuple[sp.Expr, ...]) -> sp.Expr | None:
    """E[v**n exp(c v**2) erf(p v)…] on the whole line; None for more than two factors erf that stay together."""
    s = 1 / sp.sqrt(1 - 2 * c)
    rates = tuple(p * s for p in rates)
    if (n + len(rates)) % 2:
        return sp.S.Zero
    if n == 0:
        if not rates:
            return s
        if len(rates) != 2:
            return None
        p, q = rates
        return s * 2 / sp.pi * sp.asin(2 * p * q / sp.sqrt((1 + 2 * p**2) * (1 + 2 * q**2)))
    total = sp.S.Zero
    if n >= 2:
        lower = _with_erf(n - 2, sp.S.Zero, rates)
        if lower is None:
            return None
        total += (n - 1) * lower
    for k, p in enumerate(rates):
        lower = _with_erf(n - 1, -(p**2), rates[:k] + rates[k + 1 :])
        if lower is None:
            return None
        total += 2 * p / sp.sqrt(sp.pi) * lower
    return s ** (n + 1) * total


# --- enclosures -----------------------------------------------------------------------------------------------------


def enclosed(pieces: tuple[Piece, ...], v: sp.Symbol, power: int) -> Any:
    """A ball around E[g**power] for ``g`` given by pieces without parameters; ``Undecided`` where none is found."""
    with precision(BITS):
        radius = _radius(pieces, TAIL)
        tails = _tail(pieces[0], v, -radius, power) + _tail(pieces[-1], v, radius, power)
        total = inside(pieces, v, power, TAIL) + tails / (2 * arb.pi()).sqrt()
    if not bool(total.rad() <= (1 + abs(total.mid())) * arb(2) ** -60):
        raise Undecided("a narrow enclosure of an integral")
    return total


def inside(pieces: tuple[Piece, ...], v: sp.Symbol, power: int, least: int) -> Any:
    """The same without the tails: the integral over [-R, R], with R >= ``least`` beyond every break."""
    with precision(BITS):
        radius = _radius(pieces, least)
        ends = [arb(-radius), *(ball(p.hi, {}) for p in pieces[:-1]), arb(radius)]
        parts = (_compact(p.expr, v, ends[k], ends[k + 1], power) for k, p in enumerate(pieces))
        return sum(parts, arb(0)) / (2 * arb.pi()).sqrt()


def _radius(pieces: tuple[Piece, ...], least: int) -> int:
    return max([least, *(int(abs(sp.ceiling(sp.N(p.hi)))) + 2 for p in pieces[:-1])])


def _compact(expr: sp.Expr, v: sp.Symbol, low: Any, high: Any, power: int) -> Any:
    """The integral over an interval: between the midpoints of its ends, and what may lie between these and the ends."""
    spend(INTEGRAL)
    value_at = complex_function(expr, v)

    def weighted(z: Any, analytic: bool) -> Any:
        return value_at(z, analytic) ** power * (-z * z / 2).exp()

    small = arb(2) ** (20 - BITS)
    a, b = acb(low.mid()), acb(high.mid())
    value = acb.integral(weighted, a, b, rel_tol=small, abs_tol=small, eval_limit=MAX_EVALUATIONS)
    if not value.is_finite():
        raise Undecided("the integral of {}", expr)
    slack = arb(0)
    for end in (low, high):
        if end.rad() > 0:
            slack += end.rad() * abs(ball(expr, {v: end}) ** power)
    return value.real + arb(0, slack.upper())


def _tail(piece: Piece, v: sp.Symbol, start: int, power: int) -> Any:
    """A ball around 0 that contains the integral beyond ``start``, from a polynomial bound in the distance t to it.

    The integral of t**k exp(-(R + t)**2/2) is at most exp(-R**2/2) k! / R**(k + 1).
    """
    bound = _taylor(piece, v, start)
    product = [arb(1)]
    for _ in range(power):
        product = [
            sum((a * bound[k - i] for i, a in enumerate(product) if 0 <= k - i < len(bound)), arb(0))
            for k in range(len(product) + len(bound) - 1)
        ]
    r = arb(abs(start))
    size = sum((c * math.factorial(k) / r ** (k + 1) for k, c in enumerate(product)), arb(0)) * (-r * r / 2).exp()
    return arb(0, size.upper())


def _taylor(piece: Piece, v: sp.Symbol, start: int) -> list[Any]:
    """Coefficients of a polynomial in the distance to ``start`` that bounds the size of a piece from there on."""
    found = envelope(piece.expr, v, start)
    if found is not None:
        size, n = found
        return [size * math.comb(n, k) / arb(abs(start)) ** k for k in range(n + 1)]
    expr = piece.expr
    coefficients: list[Any] = []
    for times in range(MAX_TAYLOR + 1):
        try:
            top = greatest(expr, v, piece.lo, piece.hi)
            most = largest_size(expr, v, piece.lo, piece.hi, Region())[0] if top is None else top.size
        except (Undecided, *TROUBLE):
            most = sp.oo
        if most is not sp.oo:
            return [*coefficients, ball(most, {}).upper() / math.factorial(times)]
        coefficients.append(abs(ball(expr, {v: arb(start)})).upper() / math.factorial(times))
        expr = smooth_derivative(expr, v)
    raise Undecided("a bound on the growth of {}", piece.expr)


def envelope(expr: sp.Expr, v: sp.Symbol, start: int) -> tuple[Any, int] | None:
    """(c, n) with ``|expr| <= c*(v/start)**n`` from ``start`` outwards, read off the expression; None where it is not.

    ``v/start`` is at least 1 there, so that exponents may be enlarged.
    """
    if v not in expr.free_symbols:
        return abs(ball(expr, {})).upper(), 0
    if expr == v:
        return arb(abs(start)), 1
    if isinstance(expr, sp.exp):
        return _decaying(expr.args[0], v, start)
    if expr.func in _BOUNDED:
        return _BOUNDED[expr.func], 0
    if isinstance(expr, sp.log):
        return _log_of_exponentials(expr.args[0], v, start)
    if not (expr.is_Add or expr.is_Mul or expr.is_Pow):
        return None
    if expr.is_Pow and not expr.args[1].is_Rational:
        return None
    if expr.is_Pow and expr.args[1] < 0:
        least = _least(expr.args[0], v, start)
        return None if least is None or not least > 0 else ((1 / least ** rational(-expr.args[1])).upper(), 0)
    if expr.is_Pow:
        found, power = envelope(expr.args[0], v, start), expr.args[1]
        return None if found is None else ((found[0] ** rational(power)).upper(), int(sp.ceiling(found[1] * power)))
    parts = []
    for arg in expr.args:
        part = envelope(arg, v, start)
        if part is None:
            return None
        parts.append(part)
    sizes, exponents = zip(*parts, strict=True)
    if expr.is_Add:
        return sum(sizes, arb(0)).upper(), max(exponents)
    return reduce(operator.mul, sizes).upper(), sum(exponents)


def _log_of_exponentials(total: sp.Expr, v: sp.Symbol, start: int) -> tuple[Any, int] | None:
    """The envelope of the logarithm of a sum of ``c*exp(p)`` with positive numbers c: ``|log(sum c)| + sum |p|``."""
    weight, found, growth = sp.S.Zero, arb(0), 0
    for term in sp.Add.make_args(total):
        c, wave = term.as_independent(v, as_Add=False)
        if not c.is_number or number_sign(c) <= 0 or not (wave == 1 or isinstance(wave, sp.exp)):
            return None
        weight += c
        part = envelope(wave.args[0], v, start) if wave != 1 else None
        if part is not None:
            found, growth = found + part[0], max(growth, part[1])
        elif wave != 1:
            return None
    return (found + abs(ball(sp.log(weight), {}))).upper(), growth


_BOUNDED: dict[Any, Any] = {
    sp.sin: arb(1),
    sp.cos: arb(1),
    sp.tanh: arb(1),
    sp.erf: arb(1),
    sp.erfc: arb(2),
    sp.atan: arb(2),
}


def _decaying(exponent: sp.Expr, v: sp.Symbol, start: int) -> tuple[Any, int] | None:
    """The size at ``start`` of an exponential whose exponent, a polynomial, falls from there outwards."""
    if not exponent.is_polynomial(v):
        return None
    t = sp.Dummy("t")
    shifted = sp.Poly(sp.expand(exponent.subs(v, start + (t if start > 0 else -t))), t)
    if any(number_sign(c) > 0 for c in shifted.all_coeffs()[:-1]):
        return None
    return ball(shifted.nth(0), {}).exp().upper(), 0


def _least(expr: sp.Expr, v: sp.Symbol, start: int) -> Any:
    """A number that an expression is not below from ``start`` outwards; None where none is read off."""
    if v not in expr.free_symbols:
        return ball(expr, {}).lower()
    if isinstance(expr, sp.exp) or (expr.is_Pow and expr.args[1].is_Integer and expr.args[1] % 2 == 0):
        return arb(0)
    if not expr.is_Add:
        return None
    parts = [_least(arg, v, start) for arg in expr.args]
    return None if any(p is None for p in parts) else sum(parts, arb(0)).lower()


def complex_function(expr: sp.Expr, v: sp.Symbol) -> Callable[[Any, bool], Any]:
    """``expr`` as a function of a complex box: not finite where its flag asks for it to be analytic and it is not.

    Constants are enclosed once, at the precision that is set here.
    """
    if expr == v:
        return lambda z, analytic: z
    if v not in expr.free_symbols:
        constant = acb(ball(expr, {}))
        return lambda z, analytic: constant
    if expr.is_Add or expr.is_Mul:
        parts = [complex_function(arg, v) for arg in expr.args]
        join = operator.add if expr.is_Add else operator.mul
        return lambda z, analytic: reduce(join, [part(z, analytic) for part in parts])
    inner = complex_function(expr.args[0], v)
    if expr.is_Pow and not isinstance(expr, sp.exp):
        return _power(inner, expr.args[1], v)
    if expr.func in _ENTIRE:
        rule = _ENTIRE[expr.func]
        return lambda z, analytic: rule(inner(z, analytic))
    if expr.func in _BRANCHED:
        branched = _BRANCHED[expr.func]
        return lambda z, analytic: branched(inner(z, analytic), analytic)
    raise Undecided("an integral with {}", expr.func)


def _power(base: Callable[[Any, bool], Any], exponent: sp.Expr, v: sp.Symbol) -> Callable[[Any, bool], Any]:
    if exponent.is_Integer:
        n = int(exponent)
        return lambda z, analytic: base(z, analytic) ** n
    if exponent.is_Rational and exponent.q == 2:
        p = int(exponent.p)
        return lambda z, analytic: base(z, analytic).sqrt(analytic=analytic) ** p
    rise = complex_function(exponent, v)
    return lambda z, analytic: (base(z, analytic).log(analytic=analytic) * rise(z, analytic)).exp()


_ENTIRE: dict[Any, Callable[[Any], Any]] = {
    sp.exp: lambda z: z.exp(),
    sp.sin: lambda z: z.sin(),
    sp.cos: lambda z: z.cos(),
    sp.tan: lambda z: z.tan(),
    sp.sinh: lambda z: z.sinh(),
    sp.cosh: lambda z: z.cosh(),
    sp.tanh: lambda z: z.tanh(),
    sp.erf: lambda z: z.erf(),
    sp.erfc: lambda z: z.erfc(),
}
"""Meromorphic functions: a pole makes the enclosure infinite."""
_I = acb(0, 1)
_BRANCHED: dict[Any, Callable[[Any, bool], Any]] = {
    sp.log: lambda z, analytic: z.log(analytic=analytic),
    sp.atan: lambda z, analytic: ((1 + _I * z).log(analytic=analytic) - (1 - _I * z).log(analytic=analytic)) / (2 * _I),
    sp.asinh: lambda z, analytic: (z + (z * z + 1).sqrt(analytic=analytic)).log(analytic=analytic),
}
"""Functions with branch cuts: the real line is none for them inside a piece."""
