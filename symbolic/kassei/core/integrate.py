"""Antiderivatives of smooth pieces: rules for exponential polynomials, error functions and rational functions first.

Then powers of linear terms are integrated one by one, and error functions and arc tangents by parts.

SymPy is asked only where these do not apply, and by counted calls. Whatever is found is accepted only if it is defined
on the whole piece and its derivative is the piece, by the prover's own test for zero.
"""

from __future__ import annotations

import sympy as sp
from sympy.integrals.rationaltools import ratint

from kassei.core.algebra import plain, tidy, units
from kassei.core.effort import TROUBLE, bounded
from kassei.core.enclose import Undecided
from kassei.core.gauss import Term, terms
from kassei.core.pieces import Piece, defined_between, nonzero_point, normal_form
from kassei.core.region import Region
from kassei.core.signs import assumptions, chart, order, sign, with_signs

MAX_RATIONAL, MAX_CALLS = 100_000, 250_000
"""Function calls that SymPy may take for one integral, of a rational function and of any other."""
MAX_OPS = 40
"""Expressions with more operations are not handed to SymPy's integration."""
ELEMENTARY = (sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.atan, sp.asin, sp.asinh, sp.erf, sp.tanh, sp.sinh, sp.cosh)


def antiderivative(piece: Piece, v: sp.Symbol, region: Region) -> sp.Expr:
    """An expression whose derivative is the piece on its interval; raises ``Undecided`` where none is found."""
    expr = region.apply(piece.expr)
    for rule in (*RULES, _piecemeal):
        found = rule(expr, v, region)
        if found is None:
            continue
        real = _real(found, piece, v, region)
        if real is not None and _confirmed(real, piece, v, region):
            return real
    raise Undecided("an antiderivative of {}", expr)


def _confirmed(found: sp.Expr, piece: Piece, v: sp.Symbol, region: Region) -> bool:
    """Whether a candidate is defined throughout the piece and has it as its derivative."""
    foreign = [f for f in found.atoms(sp.Function) if not isinstance(f, ELEMENTARY)]
    if foreign or found.has(sp.I, sp.Integral, sp.RootSum, sp.Piecewise):
        return False
    if not defined_within(found, v, piece.lo, piece.hi, region):
        return False
    return nonzero_point(found.diff(v) - piece.expr, v, piece.lo, piece.hi, region, located=False) is None


def defined_within(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> bool:
    """Whether an expression is shown to be defined at every point of an open interval."""
    try:
        form = normal_form(expr, v, region)
    except Undecided:  # outside of the interval it may have no form: v**a for negative v
        return defined_between(expr, v, lo, hi, region)
    for at, value in zip(form.breaks, form.values, strict=True):
        if value is sp.nan and order(at, lo, region) > 0 and order(hi, at, region) > 0:
            return False
    for part in form.pieces:
        if part.expr is sp.nan and order(part.hi, lo, region) > 0 and order(hi, part.lo, region) > 0:
            return False
    return True


def _real(found: sp.Expr, piece: Piece, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """The same up to a constant with log(-u) for log(u) where u is negative; None where a sign changes."""
    table = {}
    for node in found.atoms(sp.log):
        if v not in node.free_symbols:
            continue
        flat = chart(node.args[0], v, piece.lo, piece.hi, region)
        if flat.points or flat.periodic:
            return None
        if flat.signs[0] < 0:
            table[node] = sp.log(sp.expand(-node.args[0]))
    return found.xreplace(table)


def _sum_of_terms(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    table = terms(expr, v)
    if table is None:
        return None
    total = sp.S.Zero
    for term, factor in table.items():
        part = _term(term, v, region)
        if part is None:
            return None
        total += factor * part
    return min(sp.expand(total), total, key=sp.count_ops)


def _term(term: Term, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """An antiderivative of ``v**n exp(c v**2 + d v)``, or of ``v**n erf(p v)``."""
    n, c, d, rates = term
    bent, steep = sign(c, region), sign(d, region)
    if rates:
        if len(rates) > 1 or bent or steep:
            return None
        (p,) = rates
        if sign(p, region) == 0:
            return sp.S.Zero
        rest = _bells(n + 1, -(p**2), sp.S.Zero, p, v)[n + 1]
        return (v ** (n + 1) * sp.erf(p * v) - 2 * p / sp.sqrt(sp.pi) * rest) / (n + 1)
    if bent > 0:
        return None
    if bent == 0 and steep == 0:
        return v ** (n + 1) / (n + 1)
    if bent == 0:
        wave = sp.exp(c * v**2 + d * v)
        parts = [wave / d]
        for k in range(1, n + 1):
            parts.append(v**k * wave / d - k / d * parts[k - 1])
        return parts[n]
    return _bells(n, c, d, with_signs(sp.sqrt(-c), region), v)[n]


def _bells(n: int, c: sp.Expr, d: sp.Expr, s: sp.Expr, v: sp.Symbol) -> list[sp.Expr]:
    """Antiderivatives of ``v**k exp(c v**2 + d v)`` for k up to n, where s is either root of -c, not 0."""
    wave = sp.exp(c * v**2 + d * v)
    parts = [sp.sqrt(sp.pi) / (2 * s) * sp.exp(-(d**2) / (4 * c)) * sp.erf(s * v - d / (2 * s))]
    for k in range(1, n + 1):
        before = (k - 1) * parts[k - 2] if k > 1 else sp.S.Zero
        parts.append((v ** (k - 1) * wave - d * parts[k - 1] - before) / (2 * c))
    return parts


def _rational(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    del region
    return _by_sympy(expr, v) if expr.is_rational_function(v) else None


def _of_one_exponential(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """A rational function of one exponential t = exp(k v): the integral of R(t)/(k t)."""
    bare, back = units(plain(expr))
    moving = [(t, e) for t, e in back.items() if v in e.free_symbols]
    if len(moving) != 1 or v in bare.free_symbols or not bare.is_rational_function(moving[0][0]):
        return None
    ((t, power),) = moving
    rate = power.args[0].coeff(v, 1)
    if sp.expand(power.args[0] - rate * v) != 0 or sign(rate, region) == 0:
        return None
    inner = _by_sympy(sp.cancel(sp.together(bare / (rate * t))), t)
    if inner is None:
        return None
    alone = inner.replace(sp.log, lambda u: rate * v if u == t else sp.log(u))
    return alone.subs(back)


def _asked(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """SymPy's answer, where functions are taken of polynomials of degree 1 or 2 only and stand in no denominator."""
    del region
    if sp.count_ops(expr) > MAX_OPS or expr.is_rational_function(v):
        return None
    if sp.fraction(sp.together(plain(expr)))[1].has(sp.exp):
        return None
    inside = [node.args[0] for node in expr.atoms(sp.Function) if v in node.free_symbols]
    if any(not e.is_polynomial(v) or sp.degree(e, v) > 2 for e in inside):
        return None
    return _by_sympy(expr, v)


def _of_one_root(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """A polynomial in v, r and 1/r of degree at least -1, where r is the root of one positive quadratic q.

    What is odd in r is P/r with a polynomial P = Q'*q + Q*q'/2 + c, and its integral Q*r + c times that of 1/r.
    """
    nodes = [n for n in expr.atoms(sp.Pow) if v in n.free_symbols and n.args[1].is_Rational and n.args[1].q == 2]
    bases = {n.args[0] for n in nodes}
    if len(bases) != 1 or expr.atoms(sp.Function):
        return None
    (base,) = bases
    r = sp.Dummy()
    bare = sp.expand(expr.xreplace({n: r ** n.args[1].p for n in nodes}) * r)
    if not base.is_polynomial(v) or sp.degree(base, v) != 2 or not bare.is_polynomial(v, r):
        return None
    q = sp.Poly(base, v)
    a, b, c = q.all_coeffs()
    floor = sp.cancel(c - b**2 / (4 * a))
    if sign(a, region) <= 0 or sign(floor, region) <= 0:
        return None
    odd, even = sp.Poly(0, v), sp.Poly(0, v)
    for (n, k), factor in sp.Poly(bare, v, r).terms():
        part = sp.Poly(factor * v**n, v) * q ** (k // 2)
        odd, even = (odd, even + part) if k % 2 else (odd + part, even)
    found = sp.Poly(0, v)
    while odd.degree() > 0:
        step = sp.Poly(odd.LC() / (a * odd.degree()) * v ** (odd.degree() - 1), v)
        found += step
        rest = odd - step.diff(v) * q - step * sp.Poly(a * v + b / 2, v)
        odd = sp.Poly([sp.cancel(x) for x in rest.all_coeffs()], v)
    steep = with_signs(sp.sqrt(a), region)
    inner = (v + b / (2 * a)) * steep / with_signs(sp.sqrt(floor), region)
    return even.integrate(v).as_expr() + found.as_expr() * sp.sqrt(base) + odd.as_expr() / steep * sp.asinh(inner)


RULES = (_sum_of_terms, _of_one_exponential, _rational, _of_one_root, _asked)


def _piecemeal(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """Powers of linear terms one by one, error functions and arc tangents by parts, the rest by the other rules."""
    done, rest = sp.S.Zero, sp.S.Zero
    for term in sp.Add.make_args(sp.expand(expr)):
        part = _power(term, v, region)
        if part is None:
            rest += term
        else:
            done += part
    for node in sorted(rest.atoms(sp.erf, sp.atan), key=sp.default_sort_key):
        factor = sp.expand(rest).coeff(node, 1)
        if v not in node.free_symbols or factor == 0 or not factor.is_polynomial(v):
            continue
        part = _of_error_function(factor, node, v, region) if isinstance(node, sp.erf) else None
        if part is not None:
            done, rest = done + part, sp.expand(rest - factor * node)
            continue
        whole = sp.Poly(factor, v).integrate(v).as_expr()
        done, rest = done + whole * node, sp.expand(rest - factor * node) - whole * node.diff(v)
    if sp.expand(rest) == 0:
        return done
    for rule in (*RULES, _signed):
        found = rule(rest, v, region)
        if found is not None and not found.has(sp.Piecewise):
            return done + found
    return None


def _power(term: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """An antiderivative of ``c*(k*v + d)**q``; None for anything else."""
    factor, power = term.as_independent(v, as_Add=False)
    base, q = power.as_base_exp()
    if power == 1:
        return factor * v
    if v in q.free_symbols or not base.is_polynomial(v) or sp.degree(base, v) != 1:
        return None
    rate = sp.Poly(base, v).LC()
    if sign(rate, region) == 0:
        return None
    if sign(q + 1, region) == 0:
        return factor / rate * sp.log(base)
    return factor / rate * base ** (q + 1) / (q + 1)


def _of_error_function(factor: sp.Expr, node: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """An antiderivative of a polynomial times ``erf(p*v + q)``, by parts and in the variable u = p*v + q."""
    inner = node.args[0]
    if not inner.is_polynomial(v) or sp.degree(inner, v) != 1:
        return None
    p, q = sp.Poly(inner, v).all_coeffs()
    if sign(p, region) == 0:
        return None
    u = sp.Dummy()
    terms = sp.Poly(sp.expand(factor.subs(v, (u - q) / p) / p), u).terms()
    parts = (c * _term((n, sp.S.Zero, sp.S.Zero, (sp.S.One,)), u, region) for (n,), c in terms)
    return sp.Add(*parts).subs(u, inner)


def _signed(expr: sp.Expr, v: sp.Symbol, region: Region) -> sp.Expr | None:
    """SymPy's answer where it knows the signs of the parameters, and so asks for no cases."""
    table = {s: d for s, d in assumptions(region).items() if s in expr.free_symbols}
    found = _asked(expr.xreplace(table), v, region)
    return None if found is None else found.xreplace({d: s for s, d in table.items()})


def _by_sympy(expr: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    constants = {e: sp.Dummy(positive=True) for e in expr.atoms(sp.exp) if x not in e.free_symbols}
    factor, asked = sp.factor_terms(expr.xreplace(constants)).as_independent(x, as_Add=False)
    method, limit = (ratint, MAX_RATIONAL) if asked.is_rational_function(x) else (sp.integrate, MAX_CALLS)
    try:
        found = bounded(lambda: method(asked, x), f"the integral of {expr}", limit)
    except (Undecided, *TROUBLE):
        return None
    return None if found.has(sp.Integral) else tidy((factor * found).xreplace({d: e for e, d in constants.items()}))
