"""Algebra on smooth expressions: one spelling for each, factors, shapes under scaling, identities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import fmpq, fmpq_mpoly_ctx
from sympy.polys.rings import sring

from kassei.core.effort import simplify
from kassei.core.enclose import RootConstant, Undecided, ball, number_sign, precision, sign_of
from kassei.core.memo import memo

MAX_OPS = 900
"""Expressions with more operations than this are not handed to SymPy's factorisation."""
MAX_TERMS = 60
"""Sums with more terms than this are left unfactored."""
MAX_FACTOR_TERMS = 400
"""The same after expansion."""
MAX_DEGREE = 120
"""Polynomials of a higher total degree are left unfactored."""

_PLAIN = {
    sp.sinh: lambda u: (sp.exp(u) - sp.exp(-u)) / 2,
    sp.cosh: lambda u: (sp.exp(u) + sp.exp(-u)) / 2,
    sp.tanh: lambda u: (sp.exp(2 * u) - 1) / (sp.exp(2 * u) + 1),
    sp.erfc: lambda u: 1 - sp.erf(u),
    sp.tan: lambda u: sp.sin(u) / sp.cos(u),
}


def plain(expr: sp.Expr) -> sp.Expr:
    """The expression with hyperbolic functions and erfc written through exp and erf."""
    for head, rule in _PLAIN.items():
        if expr.has(head):
            expr = expr.replace(head, rule)
    return expr


@memo(20000)
def factors(expr: sp.Expr) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """``expr`` as a product of ``base ** exponent``; factors that are always positive (exponentials) are left out.

    The product of the signs is the sign of ``expr`` wherever it is defined. Raises ``Undecided`` beyond
    :data:`MAX_OPS`.
    """
    expr = plain(expr)
    if expr.is_Add or expr.is_Mul or expr.is_Pow:
        if sp.count_ops(expr) > MAX_OPS:
            raise Undecided("an expression of {} operations", sp.count_ops(expr))
        top, bottom = _fraction(expr)
        found: dict[sp.Expr, sp.Expr] = {}
        for part, side in ((top, 1), (bottom, -1)):
            for factor in sp.Mul.make_args(_factor(part)):
                base, exponent = factor.as_base_exp()
                if base is sp.E or base == 1:
                    continue
                found[base] = found.get(base, sp.S.Zero) + side * exponent
        return tuple((b, e) for b, e in found.items() if e != 0)
    return () if isinstance(expr, sp.exp) or expr == 1 else ((expr, sp.S.One),)


def _fraction(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Numerator (expanded) and denominator, with exponentials of commensurable exponents in one generator."""
    bare, back = units(expr)
    top, bottom = sp.fraction(sp.together(bare))
    return sp.expand(top).subs(back), bottom.subs(back)


def units(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """``expr`` with every exponential written as a power of one positive symbol per family of exponents.

    Exponents with a rational ratio form a family: ``exp(-2*q)`` and ``exp(q)`` become ``t**-2`` and ``t``. SymPy's
    polynomial routines otherwise take each exponential, and each summand of an exponent, as a generator of its own.
    Returns the new expression and the way back.
    """
    families: list[tuple[sp.Expr, dict[sp.Expr, sp.Rational]]] = []
    pieces: dict[sp.Expr, list[sp.Expr]] = {}
    for node in sorted(expr.atoms(sp.exp), key=sp.default_sort_key):
        exponent = sp.expand(node.args[0])
        constant, rest = exponent.as_independent(*exponent.free_symbols, as_Add=True)
        pieces[node] = [e for e in (constant, rest) if e != 0]
        for e in pieces[node]:
            for rep, members in families:
                ratio = sp.cancel(e / rep)
                if ratio.is_Rational:
                    members[e] = ratio
                    break
            else:
                families.append((e, {e: sp.S.One}))
    power: dict[sp.Expr, sp.Expr] = {}
    back: dict[sp.Expr, sp.Expr] = {}
    for k, (rep, members) in enumerate(families):
        scale = sp.ilcm(1, *(r.q for r in members.values()))
        common = sp.igcd(0, *(int(r * scale) for r in members.values()))
        unit = sp.Rational(common, scale)
        t = sp.Dummy(f"t{k}", positive=True)
        back[t] = sp.exp(rep * unit)
        for e, r in members.items():
            power[e] = t ** (r / unit)
    bare = expr.xreplace({node: sp.Mul(*(power[e] for e in parts)) for node, parts in pieces.items()})
    return bare, back


def _factor(part: sp.Expr) -> sp.Expr:
    bare, back = units(part)
    bare = sp.expand(bare) if bare.is_Add else bare
    if len(sp.Add.make_args(bare)) > MAX_TERMS:
        return bare.subs(back)
    return factored(bare).subs(back)


@memo(20000)
def factored(expr: sp.Expr) -> sp.Expr:
    """``expr`` as a quotient of products of irreducible polynomials in its generators; unchanged where too large.

    The polynomials are factored by FLINT: SymPy's multivariate factorisation takes minutes where FLINT takes
    milliseconds, and its dense representation makes a list of ``n`` zeros of ``x**n``.
    """
    top, bottom = sp.fraction(sp.together(expr))
    return _irreducible(top) / _irreducible(bottom)


def _irreducible(expr: sp.Expr) -> sp.Expr:
    if expr.is_number or expr.is_Symbol:
        return expr
    if expr.is_Mul:
        return sp.Mul(*map(_irreducible, expr.args))
    if expr.is_Pow and expr.args[1].is_Integer:
        return _irreducible(expr.args[0]) ** expr.args[1]
    if not expr.is_Add or sp.count_ops(expr) > MAX_OPS or _high_powers(expr):
        return expr
    try:
        ring, element = sring(expr, domain=sp.QQ)
    except (sp.polys.polyerrors.PolynomialError, sp.CoercionFailed):
        return expr
    if not element:
        return sp.S.Zero
    if len(element) > MAX_FACTOR_TERMS or max(map(sum, element.monoms())) > MAX_DEGREE:
        return expr
    generators = tuple(f"x{k}" for k in range(ring.ngens))
    context = fmpq_mpoly_ctx.get(generators, "lex")
    content, parts = context.from_dict(
        {m: fmpq(int(c.numerator), int(c.denominator)) for m, c in element.items()}
    ).factor()
    out = _rational(content)
    for part, times in parts:
        out *= sp.Add(*(_term(c, m, ring.symbols) for m, c in part.terms())) ** int(times)
    return out


def _high_powers(expr: sp.Expr) -> bool:
    """Whether expansion would reach degrees that are not worth it."""
    return any(abs(e.args[1]) > MAX_DEGREE for e in expr.atoms(sp.Pow) if e.args[1].is_Integer)


def _rational(value: Any) -> sp.Rational:
    return sp.Rational(int(value.p), int(value.q))


def _term(coefficient: Any, monomial: Sequence[int], symbols: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Mul(_rational(coefficient), *(s ** int(k) for s, k in zip(symbols, monomial, strict=True) if k))


def shorter(value: sp.Expr) -> sp.Expr:
    """A constant with roots taken out of its denominators, where that is shorter."""
    if not value.is_number or value.is_Rational or value.has(RootConstant):
        return value
    return min((value, sp.radsimp(sp.expand(value))), key=sp.count_ops)


@memo(20000)
def tidy(expr: sp.Expr) -> sp.Expr:
    """A short equal form, for people and for further differentiation."""
    if expr.is_number or expr.is_Symbol:
        return expr
    if sp.count_ops(expr) > MAX_OPS:
        return expr
    candidates = [expr]
    for attempt in (factored, lambda e: sp.together(sp.powsimp(e)), sp.factor_terms):
        try:
            candidates.append(attempt(expr))
        except sp.polys.polyerrors.PolynomialError:
            continue
    return shortest(candidates)


def shortest(spellings: list[sp.Expr]) -> sp.Expr:
    """The spelling with the fewest operations; among equals the one with the fewest letters, the first of those."""
    sizes = [sp.count_ops(e) for e in spellings]
    best = list(dict.fromkeys(e for e, size in zip(spellings, sizes, strict=True) if size == min(sizes)))
    return best[0] if len(best) == 1 else min(best, key=lambda e: len(str(e)))


@dataclass(frozen=True)
class Scaled:
    """``expr(x) = amplitude * shape(rate * x)``."""

    amplitude: sp.Expr
    rate: sp.Expr
    shape: sp.Expr


@memo(5000)
def rates(expr: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, ...]:
    """Parameter expressions s for which the scale ``s*x`` may make ``expr`` free of parameters."""
    found: list[sp.Expr] = []
    for node in sp.preorder_traversal(expr):
        inside = node.args[0] if isinstance(node, sp.Function) else None
        if node.is_Pow and node.args[0].has(x):
            inside = node.args[0]
        elif isinstance(node, sp.exp) or (node.is_Pow and node.args[0] is sp.E):
            inside = node.args[-1]
        for e in (inside, node if node.is_Add else None):
            if e is None or not e.has(x) or not e.is_polynomial(x):
                continue
            terms = [(m[0], c) for m, c in sp.Poly(e, x).terms()]
            if len(terms) == 1 and not node.is_Add:
                n, c = terms[0]
                found.append(c if n == 1 else sp.powdenest(sp.root(c, n), force=False))
            elif len(terms) > 1:
                (m, b), (n, a) = terms[0], terms[-1]
                ratio = sp.cancel(b / a)
                found.append(ratio if m - n == 1 else sp.root(ratio, m - n))
    unique = [s for s in dict.fromkeys(found) if s.free_symbols and x not in s.free_symbols]
    return tuple(unique)


def rescale(expr: sp.Expr, x: sp.Symbol, rate: sp.Expr) -> Scaled:
    """Write ``expr`` through ``rate * x``, with as few parameters in the shape as this leaves; ``rate`` is positive."""
    swapped = expr.subs(x, x / rate)
    product = sp.S.One
    shape = sp.S.One
    for base, exponent in factored(sp.powsimp(sp.expand(swapped))).as_powers_dict().items():
        factor = sp.powsimp(base**exponent)
        if x not in factor.free_symbols:
            product *= factor
            continue
        content, rest = factor.as_independent(x, as_Add=False)
        rest = simplify(rest) if rest.free_symbols - {x} else rest
        outer, rest = rest.as_independent(x, as_Add=False)
        product *= content * outer
        shape *= rest
    return Scaled(sp.powsimp(product), rate, shape)


def vanishes(expr: sp.Expr) -> bool:
    """Whether an expression is shown to be identically zero by algebra; False proves nothing."""
    if expr == 0:
        return True
    expr = plain(expr)
    top, _ = _fraction(expr)
    if top == 0 or sp.expand(sp.powsimp(sp.expand(top))) == 0:
        return True
    if sp.count_ops(top) < 120:
        return bool(simplify(top) == 0)
    return False


def independent(parts: list[sp.Expr], x: sp.Symbol, inside: list[sp.Rational]) -> bool:
    """Whether functions of ``x`` are linearly independent, shown by a determinant of values that is not zero."""
    n = len(parts)
    if n > len(inside):
        return False
    rows = []
    with precision(256):
        from flint import arb_mat

        for at in inside[:n]:
            from kassei.core.enclose import rational

            rows.append([ball(p, {x: rational(at)}) for p in parts])
        return sign_of(arb_mat(n, n, [v for row in rows for v in row]).det()) in (1, -1)


def inner_points(lo: sp.Expr, hi: sp.Expr, count: int) -> list[sp.Rational]:
    """Distinct rational points strictly inside an interval with constant ends."""
    if lo == -sp.oo and hi == sp.oo:
        base = ["-1", "1/2", "3/2", "-2", "5/2", "-7/3", "1/5", "3", "-1/7", "4"]
        return [sp.Rational(b) for b in base[:count]]
    if lo == -sp.oo:
        anchor = sp.floor(hi * 8) / 8
        points = [anchor - sp.Rational(k + 1, 2) for k in range(count)]
    elif hi == sp.oo:
        anchor = sp.ceiling(lo * 8) / 8
        points = [anchor + sp.Rational(k + 1, 2) for k in range(count)]
    else:
        step = (hi - lo) / (count + 1)
        points = [short_near(lo + step * (k + 1), step / 3) for k in range(count)]
    return [
        p
        for p in dict.fromkeys(points)
        if lo == -sp.oo or number_sign(p - lo) > 0
        if hi == sp.oo or number_sign(hi - p) > 0
    ]


def short_near(target: sp.Expr, slack: sp.Expr) -> sp.Rational:
    """A rational with a small denominator within ``slack`` of a constant."""
    for bits in range(0, 80, 1):
        short = sp.Rational(sp.floor(target * 2**bits + sp.Rational(1, 2)), 2**bits)
        if number_sign(slack - abs(short - target)) >= 0:
            return short
    raise Undecided("a rational number near {}", target)
