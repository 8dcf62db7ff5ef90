"""The slope written with the output: what a backward pass needs when it has kept f(v) and not v.

Value and slope of a piece are written as quotients of polynomials in one or two generators (the input, one exponential
of it, one square root); the generators are eliminated by resultants. What is left is a relation between value and
slope, and where it is linear in the slope it is solved. A form is returned only after it was put back: the difference
to the slope is identically 0. For the sigmoid that gives f·(1 − f), for ELU f + α.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sympy as sp

from kassei.core.algebra import tidy
from kassei.core.dossier import Case, Dossier
from kassei.core.effort import TROUBLE, bounded
from kassei.core.enclose import RootConstant, Undecided
from kassei.remember import about


class Output(sp.Symbol):  # type: ignore[misc]
    """A symbol that no parameter is, even if it has the same name; the same in every process."""


OUTPUT = Output("f", real=True)
"""Stands for the output."""
STEPS = 400_000
"""Functions that an elimination may enter; a count and no time, so that every machine finds the same forms."""
LARGEST = 120
"""Operations of a formula that is still tried."""
HYPERBOLIC = {
    sp.tanh: lambda u: 1 - 2 / (sp.exp(2 * u) + 1),
    sp.sinh: lambda u: (sp.exp(u) - sp.exp(-u)) / 2,
    sp.cosh: lambda u: (sp.exp(u) + sp.exp(-u)) / 2,
}
INVERSE = {sp.log: sp.exp, sp.atan: sp.tan, sp.asinh: sp.sinh}
"""An outermost function and what undoes it."""


@dataclass(frozen=True, kw_only=True)
class Reused:
    """One piece: its slope in terms of :data:`OUTPUT`, or ``None`` where none was found."""

    lo: sp.Expr
    hi: sp.Expr
    value: sp.Expr
    slope: sp.Expr
    form: sp.Expr | None


def case_at_defaults(dossier: Dossier) -> Case | None:
    """The normal form that holds for the default parameters."""
    f = dossier.activation
    for case in dossier.facts.cases:
        if case.condition.subs(f.defaults) == sp.true:
            return case
    return None


def reuse(dossier: Dossier) -> tuple[Reused, ...]:
    """One entry a piece; empty where no piece with a varying slope has such a form. Kept between runs."""
    return about(dossier.activation, "reuse", (Path(__file__),), lambda: _found(dossier))


def _found(dossier: Dossier) -> tuple[Reused, ...]:
    case = case_at_defaults(dossier)
    if case is None:
        return ()
    v = dossier.activation.variable
    found = []
    for piece in case.form.pieces:
        if piece.expr is sp.nan or piece.expr.has(RootConstant):
            return ()
        form = in_output(piece.expr, v)
        found.append(Reused(lo=piece.lo, hi=piece.hi, value=piece.expr, slope=piece.expr.diff(v), form=form))
    return tuple(found) if any(one.form is not None and one.form.has(OUTPUT) for one in found) else ()


def in_output(value: sp.Expr, v: sp.Symbol) -> sp.Expr | None:
    """The slope of a smooth expression in terms of its value; ``None`` where none was found and shown."""
    if sp.count_ops(value) > LARGEST:
        return None
    try:
        return bounded(lambda: _eliminated(value, v), f"the slope of {value} in terms of its value", STEPS)
    except (Undecided, *TROUBLE):
        return None


def _eliminated(value: sp.Expr, v: sp.Symbol) -> sp.Expr | None:
    slope = tidy(value.diff(v))
    if not slope.has(v):
        return slope
    level, undone = _peeled(value, v)
    found = _algebraic(level, value.diff(v), v)
    if found is None:
        return None
    z, solved = found
    return _shortest(solved.xreplace({z: undone}))


def _peeled(value: sp.Expr, v: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """``value`` as h(level), h being an outermost logarithm or the like; and the level in terms of the output."""
    shift, rest = value.as_independent(v, as_Add=True)
    scale, wave = rest.as_independent(v, as_Add=False)
    if type(wave) in INVERSE and len(wave.args) == 1:
        return wave.args[0], INVERSE[type(wave)]((OUTPUT - shift) / scale)
    return value, OUTPUT


def _algebraic(level: sp.Expr, slope: sp.Expr, v: sp.Symbol) -> tuple[sp.Dummy, sp.Expr] | None:
    """The slope as a quotient of polynomials in the level: eliminate, solve, and put back."""
    generators = _Generators(level, slope, v)
    if not generators.known:
        return None
    z, g = sp.Dummy("z"), sp.Dummy("g")
    top, bottom = sp.fraction(sp.together(generators.level))
    top_s, bottom_s = sp.fraction(sp.together(generators.slope))
    first, second = sp.expand(top - z * bottom), sp.expand(top_s - g * bottom_s)
    if generators.root is not None:
        s, square = generators.root
        relation = sp.expand(sp.numer(sp.together(s**2 - square)))
        first = sp.resultant(first, relation, s) if first.has(s) else first
        second = sp.resultant(second, relation, s) if second.has(s) else second
    t = generators.generator
    if not first.has(t) or max(sp.degree(first, t), sp.degree(second, t)) > 8:
        return None
    rest = sp.resultant(first, second, t) if second.has(t) else second
    for factor, _ in sp.factor_list(rest)[1]:
        if sp.degree(factor, g) != 1:
            continue
        solved = -factor.subs(g, 0) / factor.coeff(g, 1) if factor.is_Add else None
        solved = sp.solve(factor, g)[0] if solved is None or solved.has(g) else solved
        if generators.same(solved.subs(z, generators.level), generators.slope):
            return z, solved
    return None


class _Generators:
    """Level and slope over one generator: the input or an exponential, and perhaps one square root."""

    def __init__(self, level: sp.Expr, slope: sp.Expr, v: sp.Symbol) -> None:
        for head, spelled in HYPERBOLIC.items():
            level, slope = level.replace(head, spelled), slope.replace(head, spelled)
        self.known, self.root, self.generator = False, None, v
        waves = sorted((e for e in (level + slope).atoms(sp.exp) if e.has(v)), key=sp.default_sort_key)
        roots = {
            p.base for e in (level, slope) for p in e.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2 and p.has(v)
        }
        if waves:
            rates = [sp.expand(e.args[0]).coeff(v, 1) for e in waves]
            shares = [sp.cancel(r / rates[0]) for r in rates]
            linear = all(not sp.expand(e.args[0] - r * v).has(v) for e, r in zip(waves, rates, strict=True))
            if roots or not linear or not all(q.is_Rational for q in shares):
                return
            t = sp.Dummy("t", positive=True)
            whole = sp.ilcm(1, *(q.q for q in shares))
            table = {
                e: t ** (q * whole) * sp.exp(sp.expand(e.args[0] - r * v))
                for e, q, r in zip(waves, shares, rates, strict=True)
            }
            level, slope, self.generator = level.xreplace(table), slope.xreplace(table), t
        elif roots:
            if len(roots) > 1:
                return
            (square,) = roots
            s = sp.Dummy("s", positive=True)
            level, slope = (
                e.replace(lambda p: p.is_Pow and p.base == square and p.exp.is_Rational, lambda p: s ** (2 * p.exp))
                for e in (level, slope)
            )
            self.root = (s, square)
        if waves and (level.has(v) or slope.has(v)):
            return
        over = [self.generator, *([self.root[0]] if self.root else [])]
        self.known = all(e.is_rational_function(*over) for e in (level, slope))
        self.level, self.slope = level, slope

    def same(self, a: sp.Expr, b: sp.Expr) -> bool:
        """Whether two quotients are identically equal."""
        gap = sp.expand(sp.numer(sp.together(a - b)))
        if self.root is not None:
            s, square = self.root
            gap = sp.numer(sp.together(sp.rem(gap, s**2 - square, s)))
        return bool(sp.expand(gap) == 0)


def _shortest(form: sp.Expr) -> sp.Expr:
    """The shortest of a few spellings."""
    spellings = [form, sp.factor(form), sp.expand(form), sp.cancel(form), sp.collect(sp.expand(form), OUTPUT)]
    return min(spellings, key=lambda e: (sp.count_ops(e), sp.default_sort_key(e)))
