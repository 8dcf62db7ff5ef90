"""A derivative taken by hand: the expression tree walked by the sum, product, quotient and chain rules, step by step.

Every step is compared with SymPy's derivative of the same expression: the difference is 0 after expansion, or at five
inputs to 30 digits. A step that is not is an error and never printed.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from kassei.core.algebra import tidy
from kassei.core.dossier import Dossier
from kassei.core.enclose import RootConstant
from kassei.render.study.reuse import case_at_defaults

DIGITS = 30
INNER = sp.Dummy("u", real=True)
"""The name of an inner function in a step."""
LONGEST = 60
"""Operations of a piece that is still worked out."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step: the derivative of ``of`` by ``rule``, from ``parts`` (expressions with their derivatives)."""

    rule: str
    of: sp.Expr
    parts: tuple[tuple[sp.Expr, sp.Expr], ...]
    result: sp.Expr


@dataclass(frozen=True, kw_only=True)
class Worked:
    """The steps for one piece, and the shorter spelling that its result has."""

    lo: sp.Expr
    hi: sp.Expr
    value: sp.Expr
    lines: tuple[Line, ...]
    tidy: sp.Expr


def worked(dossier: Dossier) -> Worked | None:
    """The piece with the most to do, worked out; ``None`` where every piece is a straight line or far too long."""
    case, v = case_at_defaults(dossier), dossier.activation.variable
    if case is None:
        return None
    pieces = [
        p for p in case.form.pieces if p.expr is not sp.nan and not p.expr.has(RootConstant) and p.expr.diff(v).has(v)
    ]
    pieces = [p for p in pieces if sp.count_ops(p.expr) <= LONGEST]
    if not pieces:
        return None
    piece = max(pieces, key=lambda p: sp.count_ops(p.expr))
    lines: list[Line] = []
    result = _derivative(piece.expr, v, lines)
    points = _inside(piece.lo, piece.hi, dossier)
    for line in lines:
        _confirm(line.result, line.of.diff(v), v, points, dossier)
    short = tidy(result)
    tidied = min((result, short, sp.factor_terms(short), sp.expand(result)), key=sp.count_ops)
    return Worked(lo=piece.lo, hi=piece.hi, value=piece.expr, lines=tuple(lines), tidy=tidied)


def _derivative(e: sp.Expr, v: sp.Symbol, lines: list[Line]) -> sp.Expr:
    """The derivative by the rules; what is needed first is worked out first. The same expression only once."""
    if not e.has(v):
        return sp.S.Zero
    slope = e.diff(v)
    if not slope.has(v):
        return slope
    for line in lines:
        if line.of == e:
            return line.result
    rule, parts, result = _by_rule(e, v, lines)
    if rule:
        lines.append(Line(rule=rule, of=e, parts=parts, result=result))
    return result


def _by_rule(e: sp.Expr, v: sp.Symbol, lines: list[Line]) -> tuple[str, tuple[tuple[sp.Expr, sp.Expr], ...], sp.Expr]:
    def d(part: sp.Expr) -> sp.Expr:
        return _derivative(part, v, lines)

    if e.is_Add:
        terms = [t for t in e.args if t.has(v)]
        pairs = tuple((t, d(t)) for t in terms)
        return "sum" if len(terms) > 1 else "", pairs, sp.Add(*(s for _, s in pairs))
    if e.is_Mul:
        constant, rest = e.as_independent(v, as_Add=False)
        top, bottom = sp.fraction(rest)
        if bottom.has(v):
            u, w = top, bottom
            du, dw = d(u), d(w)
            if constant != 1 and u == 1:
                return "quotient", ((constant, sp.S.Zero), (w, dw)), -constant * dw / w**2
            inner = (du * w - u * dw) / w**2
            return "quotient", ((constant * u, constant * du), (w, dw)), constant * inner
        if constant != 1:
            return "multiple", ((constant, sp.S.Zero), (rest, d(rest))), constant * d(rest)
        u, w = rest.args[0], sp.Mul(*rest.args[1:])
        du, dw = d(u), d(w)
        return "product", ((u, du), (w, dw)), du * w + u * dw
    if e.is_Pow and not e.exp.has(v) and e.exp.is_negative and e.exp == -1:
        dw = d(e.base)
        return "quotient", ((sp.S.One, sp.S.Zero), (e.base, dw)), -dw / e.base**2
    inner = e.base if e.is_Pow and e.base is not sp.E and not e.exp.has(v) else e.args[-1]
    outer = e.xreplace({inner: INNER}) if e.func is not sp.exp else sp.exp(INNER)
    if outer.has(v):  # both base and exponent move
        return "power", ((e.base, d(e.base)), (e.exp, d(e.exp))), e.diff(v)
    slope = outer.diff(INNER)
    if inner == v:
        return "known", ((outer, slope),), slope.xreplace({INNER: v})
    return "chain", ((outer, slope), (inner, d(inner))), slope.xreplace({INNER: inner}) * d(inner)


def _inside(lo: sp.Expr, hi: sp.Expr, dossier: Dossier) -> list[sp.Rational]:
    """Five rational inputs of an interval, at the default parameters."""
    low, high = (x.subs(dossier.activation.defaults) for x in (lo, hi))
    a = sp.Rational(-3) if not low.is_finite else sp.Rational(str(sp.N(low, 15)))
    b = sp.Rational(3) if not high.is_finite else sp.Rational(str(sp.N(high, 15)))
    if a >= b:
        a, b = (a, a + 6) if low.is_finite else (b - 6, b)
    return [a + (b - a) * sp.Rational(2 * k + 1, 11) for k in range(5)]


def _confirm(found: sp.Expr, known: sp.Expr, v: sp.Symbol, points: list[sp.Rational], dossier: Dossier) -> None:
    """Raise ``ArithmeticError`` where a step is not what SymPy's derivative is."""
    gap = sp.expand(found - known)
    if gap == 0:
        return
    for x in points:
        table = {**dossier.activation.defaults, v: x}
        left, right = (sp.N(e.subs(table), DIGITS) for e in (found, known))
        if left.is_finite and right.is_finite and abs(left - right) > 10 ** (8 - DIGITS) * (1 + abs(right)):
            raise ArithmeticError(f"{dossier.activation.name}: {found} is not the derivative {known} at {x}")
