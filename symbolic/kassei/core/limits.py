"""One-sided limits of smooth expressions, with parameters.

SymPy's ``limit`` is asked only about expressions without parameters, or with parameters replaced by symbols that
carry their sign, and never about anything piecewise. What it answers is compared with rigorous enclosures far out
before it is used: SymPy 1.14 has known wrong limits of exp and erf quotients (its issues 21480, 28327).
"""

from __future__ import annotations

import math

import sympy as sp

from kassei.core.algebra import plain, units
from kassei.core.effort import limit_at_infinity, remembered, simplify, spend
from kassei.core.enclose import Undecided, ball, precision, rational
from kassei.core.region import Region
from kassei.core.tails import tail_limit

BAD = (sp.nan, sp.zoo, sp.oo, -sp.oo)


class NoLimit(Exception):
    """The limit is shown not to exist: the expression oscillates."""


def limit(expr: sp.Expr, x: sp.Symbol, to: sp.Expr, side: str, region: Region) -> sp.Expr:
    """The limit of ``expr`` as ``x`` tends to ``to`` from ``side`` (``+``: from above, ``-``: from below).

    ``to`` may be infinite or an expression in the parameters; the result may be infinite. Raises ``NoLimit`` where
    there is none, ``Fork`` where it depends on the parameters and ``Undecided`` where it was not found.
    """
    spend()
    found = _limit(region.apply(sp.sympify(expr, strict=True)), x, to, side, region)
    if x in found.free_symbols or found.has(sp.nan, sp.zoo):
        raise Undecided("the limit of {}", expr)
    from kassei.core.signs import with_signs

    return with_signs(found, region)


def at_infinity(expr: sp.Expr, x: sp.Symbol, end: sp.Expr, region: Region) -> sp.Expr:
    """The limit at ``end``, which is ``oo`` or ``-oo``; raises what ``limit`` raises."""
    return limit(expr, x, end, "+" if end is -sp.oo else "-", region)


@remembered(8000)
def _limit(expr: sp.Expr, x: sp.Symbol, to: sp.Expr, side: str, region: Region) -> sp.Expr:
    if x not in expr.free_symbols:
        return expr
    if to not in (sp.oo, -sp.oo):
        direct = _substitute(expr, x, region.apply(to), region)
        if direct is not None:
            return direct
        blown = _log_blowup(expr, x, region.apply(to), region)
        if blown is not None:
            return blown
        shifted = expr.subs(x, region.apply(to) + (1 if side == "+" else -1) / x)
        return _at_infinity(sp.powsimp(sp.expand_power_exp(shifted)), x, region)
    return _at_infinity(expr if to is sp.oo else expr.subs(x, -x), x, region)


def _substitute(expr: sp.Expr, x: sp.Symbol, to: sp.Expr, region: Region) -> sp.Expr | None:
    """The value at a point where the expression is continuous; None where substitution says nothing."""
    try:
        value = expr.subs(x, to)
    except (ZeroDivisionError, ValueError):
        return None
    if value.has(*BAD) or value.has(sp.AccumBounds):
        return None
    from kassei.core.signs import sign

    for node in sp.preorder_traversal(expr):
        if node.is_Pow and node.args[0].has(x) and node.args[0] is not sp.E and not node.args[1].is_positive:
            exponent = node.args[1]
            if _zero(node.args[0], x, to, region) and (exponent.has(x) or sign(exponent, region) <= 0):
                return None
        if node.is_Pow and node.args[0].is_zero and x in node.args[1].free_symbols:
            return None  # 0**p as p moves is not continuous at 0
        if isinstance(node, sp.log) and _zero(node.args[0], x, to, region):
            return None
    from kassei.core.signs import zero_powers

    return zero_powers(value, region)


def _log_blowup(expr: sp.Expr, x: sp.Symbol, to: sp.Expr, region: Region) -> sp.Expr | None:
    """A sum with terms ``c*log(u)``, u tending to 0, beside terms that stay finite."""
    from kassei.core.signs import sign

    directions = set()
    rest = []
    for term in sp.Add.make_args(expr):
        constant, wave = term.as_independent(x, as_Add=False)
        if isinstance(wave, sp.log) and _zero(wave.args[0], x, to, region):
            directions.add(-sign(constant, region))
        else:
            rest.append(term)
    if len(directions) != 1 or _substitute(sp.Add(*rest), x, to, region) is None:
        return None
    return sp.oo * directions.pop()


def _zero(base: sp.Expr, x: sp.Symbol, to: sp.Expr, region: Region) -> bool:
    from kassei.core.signs import sign

    return sign(base.subs(x, to), region) == 0


def _at_infinity(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr:
    """The limit as ``x`` goes to +oo."""
    from kassei.core.signs import scale_away, sign

    constant, rest = expr.as_independent(x, as_Add=False)
    if constant != 1 and not constant.is_number:
        s = sign(constant, region)
        if s == 0:
            return sp.S.Zero
        inner = _at_infinity(rest, x, region)
        return inner * s if inner in (sp.oo, -sp.oo) else sp.expand_mul(constant * inner, deep=False)
    for rule in (
        _rational_function,
        _power_sum,
        _root_sum,
        _exponential_function,
        _by_leading_term,
        _logarithmic_sum,
        _by_parts,
    ):
        found = rule(expr, x, region)
        if found is not None:
            return found
    if expr.is_Add:
        summed = _sum(expr, x, region)
        if summed is not None:
            return summed
    if expr.free_symbols - {x}:
        scaled = scale_away(expr, x, region)
        if scaled is not None:
            inner = _at_infinity(scaled.shape, x, region)
            if inner in (sp.oo, -sp.oo):
                return inner * sign(scaled.amplitude, region)
            return simplify(inner * scaled.amplitude)
    if expr.has(sp.sin, sp.cos):
        _oscillation(expr, x, region)
    return _checked(expr, x, region)


def _rational_function(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """Leading coefficients decide a quotient of polynomials."""
    from kassei.core.signs import sign

    if not expr.is_rational_function(x):
        return None
    top, bottom = sp.fraction(sp.cancel(sp.together(expr)))
    p, q = sp.Poly(top, x).terms(), sp.Poly(bottom, x).terms()
    while p and sign(p[0][1], region) == 0:
        p = p[1:]
    while q and sign(q[0][1], region) == 0:
        q = q[1:]
    if not q:
        raise Undecided("a denominator that vanishes: {}", bottom)
    if not p:
        return sp.S.Zero
    (m, a), (n, b) = (p[0][0][0], p[0][1]), (q[0][0][0], q[0][1])
    if m == n:
        return sp.cancel(a / b)
    return sp.S.Zero if m < n else sp.oo * sign(a / b, region)


def _power_sum(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """A sum of multiples of powers of ``x`` with exponents in the parameters: the largest exponent decides."""
    from kassei.core.signs import order, sign

    if any(x in node.free_symbols for node in expr.atoms(sp.Function)) and not expr.has(sp.log):
        return None
    y = sp.Dummy("x", positive=True)
    table: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(expr):
        exponent, constant = sp.S.Zero, sp.S.One
        for factor in sp.Mul.make_args(sp.powsimp(sp.powdenest(term.subs(x, y), force=True))):
            base, power = factor.as_base_exp()
            if base == y and y not in power.free_symbols:
                exponent += power
            elif y in factor.free_symbols:
                return None
            else:
                constant *= factor
        table[exponent] = table.get(exponent, sp.S.Zero) + constant
    while table:
        largest = next(iter(table))
        for other in table:
            largest = other if order(other, largest, region) > 0 else largest
        way, s = sign(largest, region), sign(table[largest], region)
        if s == 0:
            del table[largest]
        else:
            return sp.oo * s if way > 0 else table[largest] if way == 0 else sp.S.Zero
    return sp.S.Zero


def _root_sum(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """Polynomials plus multiples of square roots of polynomials: a root is its polynomial part plus what tends to 0."""
    if not any(p.args[1] == sp.Rational(1, 2) and x in p.free_symbols for p in expr.atoms(sp.Pow)):
        return None
    total = sp.S.Zero
    roots = False
    for term in sp.Add.make_args(sp.expand(expr)):
        factor, wave = term.as_independent(x, as_Add=False)
        if wave.is_Pow and wave.args[1] == sp.Rational(1, 2) and wave.args[0].is_polynomial(x):
            part = _polynomial_part(sp.Poly(wave.args[0], x), region)
            if part is None:
                return None
            roots = True
            total += factor * part
        elif term.is_polynomial(x):
            total += term
        else:
            return None
    return _rational_function(total, x, region) if roots else None


def _polynomial_part(p: sp.Poly, region: Region) -> sp.Expr | None:
    """The polynomial q with ``sqrt(p) - q -> 0`` as x goes to +oo; None for an odd degree."""
    from kassei.core.signs import sign, with_signs

    n, odd = divmod(p.degree(), 2)
    if odd or sign(p.LC(), region) <= 0:
        return None
    x = p.gen
    q = with_signs(sp.sqrt(p.LC()), region) * x**n
    for k in range(n - 1, -1, -1):  # what q**2 lacks at x**(n + k) is twice its leading term times the next one
        lacking = p.coeff_monomial(x ** (n + k)) - sp.Poly(sp.expand(q**2), x).coeff_monomial(x ** (n + k))
        q += sp.cancel(lacking / (2 * sp.Poly(q, x).LC())) * x**k
    return q


def _exponential_function(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """A rational function of ``x`` and exponentials of polynomials: the dominant exponential decides, then ``x``."""
    if not expr.has(sp.exp, sp.tanh, sp.sinh, sp.cosh):
        return None
    bare, back = units(plain(expr))
    growing: list[tuple[int, sp.Symbol, int]] = []
    for t, power in back.items():
        if x not in power.free_symbols:
            continue
        exponent = sp.expand(power.args[0])
        if not exponent.is_polynomial(x):
            return None
        p = sp.Poly(exponent, x)
        growing.append((p.degree(), t, sign_of_coefficient(p.LC(), region)))
    degrees = [d for d, _, _ in growing]
    if not growing or len(set(degrees)) < len(degrees) or any(s == 0 for _, _, s in growing):
        return None
    top, bottom = sp.fraction(sp.together(bare))
    symbols = (x, *(t for _, t, _ in growing))
    if not (top.is_polynomial(*symbols) and bottom.is_polynomial(*symbols)):
        return None
    for _, t, s in sorted(growing, reverse=True, key=lambda g: g[0]):
        p, q = sp.Poly(top, t), sp.Poly(bottom, t)
        pick = max if s > 0 else min
        (m,), (n,) = pick(p.monoms()), pick(q.monoms())
        top, bottom = p.coeff_monomial(t**m), q.coeff_monomial(t**n)
        if not (_leads(top, x, back, region) and _leads(bottom, x, back, region)):
            return None
        rate = s * (m - n)
        if rate < 0:
            return sp.S.Zero
        if rate > 0:
            return _grows(top.subs(back), bottom.subs(back), x, region)
    return _rational_function((top / bottom).subs(back), x, region)


def _leads(coefficient: sp.Expr, x: sp.Symbol, back: dict[sp.Expr, sp.Expr], region: Region) -> bool:
    """Whether a coefficient that was picked as the dominant one is not zero for any parameters of the region."""
    lead = sp.Poly(coefficient.subs(back), x).LC() if x in coefficient.free_symbols else coefficient.subs(back)
    if x in lead.free_symbols:  # another exponential stands in it: the next round looks at that
        return True
    return sign_of_coefficient(lead, region) != 0


def sign_of_coefficient(value: sp.Expr, region: Region) -> int:
    """The sign of a coefficient in the parameters."""
    from kassei.core.signs import sign

    return sign(value, region)


def _grows(top: sp.Expr, bottom: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """The infinity that a growing exponential times ``top / bottom`` tends to; both rational in ``x``."""
    if not (top.is_polynomial(x) and bottom.is_polynomial(x)):
        return None
    lead = sp.Poly(top, x).LC() / sp.Poly(bottom, x).LC()
    s = sign_of_coefficient(lead, region)
    return None if s == 0 else s * sp.oo


def _by_leading_term(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """The limit of the leading monomial of an expression without parameters."""
    del region
    if expr.free_symbols - {x}:
        return None
    try:
        return tail_limit(expr, x)
    except Undecided:
        return None


_ENDS = {sp.atan: sp.pi / 2, sp.tanh: sp.S.One, sp.erf: sp.S.One, sp.asinh: sp.oo, sp.sinh: sp.oo}
"""Odd continuous functions that increase, and what they tend to at +oo."""
_CONTINUOUS = (*_ENDS, sp.sin, sp.cos, sp.cosh, sp.asin, sp.acos)

_BOUNDED = (sp.sin, sp.cos, sp.tanh, sp.atan, sp.erf, sp.erfc)


def _by_parts(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """The limit of a product, a power or a continuous function from the limits of its parts; None if they clash."""
    try:
        if expr.is_Mul:
            bounded = [factor for factor in expr.args if isinstance(factor, _BOUNDED)]
            if bounded and _at_infinity(expr / sp.Mul(*bounded), x, region) == 0:
                return sp.S.Zero
            return _product([_at_infinity(factor, x, region) for factor in expr.args], region)
        if isinstance(expr, sp.exp):
            inner = _at_infinity(expr.args[0], x, region)
            return {sp.oo: sp.oo, -sp.oo: sp.S.Zero}.get(inner, sp.exp(inner))
        if expr.is_Pow and x not in expr.args[1].free_symbols:
            return _power(_at_infinity(expr.args[0], x, region), expr.args[1], region)
        if isinstance(expr, sp.erfc):
            rest = _by_parts(sp.erf(expr.args[0]), x, region)
            return None if rest is None else 1 - rest
        if isinstance(expr, _CONTINUOUS):
            inner = _at_infinity(expr.args[0], x, region)
            if inner not in (sp.oo, -sp.oo):
                return expr.func(inner)
            end = _ENDS.get(expr.func, sp.oo if isinstance(expr, sp.cosh) else None)
            return end if end is None or inner is sp.oo or isinstance(expr, sp.cosh) else -end
    except (Undecided, NoLimit):
        return None
    return None


def _product(parts: list[sp.Expr], region: Region) -> sp.Expr | None:
    from kassei.core.signs import sign

    infinite = [p for p in parts if p in (sp.oo, -sp.oo)]
    finite = sp.Mul(*(p for p in parts if p not in (sp.oo, -sp.oo)))
    if not infinite:
        return finite
    s = sign(finite, region)
    return None if s == 0 else s * sp.Mul(*infinite)


def _power(base: sp.Expr, exponent: sp.Expr, region: Region) -> sp.Expr | None:
    from kassei.core.signs import sign

    e = sign(exponent, region)
    if base is sp.oo:
        return sp.oo if e > 0 else sp.S.Zero if e < 0 else sp.S.One
    if base is -sp.oo:
        if not exponent.is_Integer:
            return None
        return sp.S.Zero if e < 0 else sp.S.NegativeInfinity**exponent
    s = sign(base, region)
    if s == 0:
        return sp.S.Zero if e > 0 else None
    return base**exponent if s > 0 or exponent.is_Integer else None


def _logarithmic_sum(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """A polynomial plus multiples of logarithms of rational functions: the polynomial wins, then the degrees."""
    if not expr.has(sp.log):
        return None
    polynomial, degree, constant = sp.S.Zero, sp.S.Zero, sp.S.Zero
    for term in sp.Add.make_args(sp.expand_mul(expr)):
        if term.is_polynomial(x):
            polynomial += term
            continue
        factor, wave = term.as_independent(x, as_Add=False)
        if not isinstance(wave, sp.log) or not wave.args[0].is_rational_function(x):
            return None
        top, bottom = (sp.Poly(e, x) for e in sp.fraction(sp.cancel(sp.together(wave.args[0]))))
        lead = top.LC() / bottom.LC()
        if sign_of_coefficient(lead, region) <= 0:
            return None
        degree += factor * (top.degree() - bottom.degree())
        constant += factor * sp.log(lead)
    p = sp.Poly(sp.expand(polynomial), x)
    while p.degree() > 0 and sign_of_coefficient(p.LC(), region) == 0:
        p = sp.Poly(p.as_expr() - p.LC() * x ** p.degree(), x)
    if p.degree() > 0:
        return sp.oo * sign_of_coefficient(p.LC(), region)
    s = sign_of_coefficient(degree, region)
    return sp.oo * s if s else p.as_expr() + constant


def _sum(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr | None:
    """A sum whose terms have limits that may be added, or one sinusoid beside them."""
    from kassei.core.signs import sign, sinusoid

    waves = [t for t in expr.args if t.has(sp.sin, sp.cos)]
    others = [t for t in expr.args if not t.has(sp.sin, sp.cos)]
    total: sp.Expr = sp.S.Zero
    infinite: set[sp.Expr] = set()
    try:
        for term in others:
            one = _at_infinity(term, x, region)
            if one in (sp.oo, -sp.oo):
                infinite.add(one)
            else:
                total += one
    except Undecided:
        return None
    if len(infinite) > 1:
        if waves:
            rest = _at_infinity(sp.Add(*others), x, region)
            infinite, total = ({rest}, sp.S.Zero) if rest in (sp.oo, -sp.oo) else (set(), rest)
        else:
            return None
    if waves:
        parts = sinusoid(sp.Add(*waves), x)
        if parts is None:
            return None
        a, b, c = parts
        if not infinite and sign(sp.expand(b**2 + c**2), region) != 0:
            raise NoLimit(str(expr))
        total += a
    return infinite.pop() if infinite else total


PHASES = 8
"""Points of one period at which a periodic part is frozen to look for two different limits."""


def _oscillation(expr: sp.Expr, x: sp.Symbol, region: Region) -> None:
    """Raise ``NoLimit`` where two sequences ``x0 + n*period`` lead to different limits."""
    from kassei.core.signs import sign

    limits = phase_limits(expr, x, region)
    for other in limits[1:]:
        if other != limits[0] and (sp.oo in (abs(limits[0]), abs(other)) or sign(limits[0] - other, region) != 0):
            raise NoLimit(str(expr))


def phase_limits(expr: sp.Expr, x: sp.Symbol, region: Region) -> list[sp.Expr]:
    """Limits along sequences ``x0 + n*period`` that go to +oo; those that were found.

    Along such a sequence every sinusoid keeps its value, so the limit is that of the expression with the value put
    in; all frequencies must be multiples of one.
    """
    from kassei.core.signs import sign

    waves = sorted(expr.atoms(sp.sin, sp.cos), key=str)
    rates = [sp.expand(w.args[0]).coeff(x, 1) for w in waves if x in w.free_symbols]
    if not rates or any(w.args[0].diff(x, 2) != 0 for w in waves) or sign(rates[0], region) == 0:
        return []
    ratios = [sp.cancel(r / rates[0]) for r in rates]
    if not all(r.is_Rational for r in ratios):
        return []
    base = rates[0] / math.lcm(*(int(r.q) for r in ratios))
    limits: list[sp.Expr] = []
    for k in range(PHASES):
        start = sp.Rational(2 * k, PHASES) * sp.pi / base
        frozen = expr.xreplace({w: w.func(sp.expand(w.args[0].subs(x, start))) for w in waves})
        try:
            limits.append(_limit(frozen, x, sp.oo, "-", region))
        except (NoLimit, Undecided):
            continue
    return limits


FAR = sp.Dummy("x", dummy_index=1, positive=True)
"""The input, large and positive, as SymPy is asked about it: one symbol, so that the same limit is found once."""


def _upright(expr: sp.Expr) -> tuple[sp.Expr, int]:
    """A product with each sum's sign chosen one way, and the sign that this takes out."""
    turned = [f.is_Add and f.could_extract_minus_sign() for f in sp.Mul.make_args(expr)]
    parts = (-f if turn else f for f, turn in zip(sp.Mul.make_args(expr), turned, strict=True))
    return (sp.Mul(*parts), -1) if sum(turned) % 2 else (sp.Mul(*parts), 1)


def _checked(expr: sp.Expr, x: sp.Symbol, region: Region) -> sp.Expr:
    """SymPy's limit at +oo, accepted only if enclosures at growing arguments agree with it."""
    from kassei.core.signs import assumptions, sign

    table = {s: d for s, d in assumptions(region).items() if s in expr.free_symbols and s != x}
    stand_in = FAR
    asked, flip = _upright(_friendly(expr.subs(table).subs(x, stand_in)))
    found = flip * limit_at_infinity(asked, stand_in)
    if found.has(sp.AccumBounds):  # its ends are not attained in general: sin(x)**2 + cos(x)**2
        raise Undecided("the limit of {}", expr)
    found = found.subs({d: s for s, d in table.items()})
    found = found.xreplace({mark: sign(mark.args[0], region) for mark in found.atoms(sp.sign)})
    if stand_in in found.free_symbols or found.has(sp.I):
        raise Undecided("the limit of {}", expr)
    here = {s: value for s, value in region.sample if s != x}
    if not _plausible(expr.subs(here), x, found.subs(here)):
        raise Undecided("the limit of {}: SymPy's {} does not agree with enclosures", expr, found)
    return found


def _friendly(expr: sp.Expr) -> sp.Expr:
    """A spelling that SymPy's limit handles well: exponentials for hyperbolic functions."""
    return plain(expr)


def _plausible(expr: sp.Expr, x: sp.Symbol, found: sp.Expr) -> bool:
    """Whether values at 2^6, 2^9 and 2^12 come nearer to the claimed limit (or grow past every bound)."""
    gaps = []
    try:
        for power in (6, 9, 12):
            with precision(4096 if power == 12 else 1024):
                value = ball(expr, {x: rational(2**power)})
                if found in (sp.oo, -sp.oo):
                    gaps.append(value if found is sp.oo else -value)
                else:
                    gaps.append(abs(value - ball(found, {})))
    except Undecided:
        return False
    if any(not g.is_finite() for g in gaps):
        return False
    if found in (sp.oo, -sp.oo):
        return bool(gaps[1] > gaps[0] and gaps[2] > gaps[1] and gaps[2] > 0)
    if all(float(g.abs_upper()) < 1e-200 for g in gaps):
        return True
    small = float(gaps[2].abs_upper())
    return small < 1e-15 or small < 0.7 * float(gaps[0].abs_lower())


__all__ = ["NoLimit", "limit", "phase_limits"]
