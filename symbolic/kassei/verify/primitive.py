"""Antiderivatives: what is claimed is continuous, 0 at 0, and has f as its slope outside of finitely many points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp
import z3

from kassei.verify.ask import Question
from kassei.verify.boxes import GRID, environment
from kassei.verify.interval import exactly
from kassei.verify.read import Claimed
from kassei.verify.report import Finding
from kassei.verify.statement import Statements, shown

MANY = 10
"""At how many hostile parameter values inputs are compared."""


def antiderivative(r: Statements, c: Claimed) -> Iterator[Finding]:
    """Three statements about the claimed function; or f is not defined on R."""
    for when, value in r.rows(c):
        if value == "none":
            yield r.somewhere("f is not defined on R", when, r.gone, lambda q: z3.Not(q.defined(r.f.expr)[1]))
            continue
        whole = r.spelling.some(value)
        slope = sp.piecewise_fold(whole).diff(r.v) if whole.has(sp.Piecewise) else whole.diff(r.v)
        borders = [g.lhs - g.rhs for g in sorted(whole.atoms(sp.core.relational.Relational), key=str)]
        breaks = list(dict.fromkeys(b for case in r.c.cases for b in case.breaks))

        def off(q: Question, slope: sp.Expr = slope, borders: list[sp.Expr] = borders, breaks: Any = breaks) -> Any:
            """Away from borders and breaks the slope is not f."""
            v = q.symbol(r.v)
            apart = [q.value(b) != 0 for b in borders] + [v != q.value(b) for b in breaks]
            y, defined = q.defined(_in_exponentials(r.f.expr) if slope.has(sp.exp) else r.f.expr)
            s, too = q.defined(slope)
            return z3.And(*apart, defined, z3.Or(z3.Not(too), y != s))

        found = r.everywhere("its slope is f", when, off)
        if found.standing == "consistent":
            found = _compared(r, found, slope, [*borders], when)
        yield found
        yield _at_zero(r, whole, when)
        yield _joined(r, whole, when)


def _in_exponentials(e: sp.Expr) -> sp.Expr:
    return e.replace(sp.tanh, lambda u: 1 - 2 / (sp.exp(2 * u) + 1))


def _at_zero(r: Statements, whole: sp.Expr, when: sp.Basic) -> Finding:
    def is_zero(q: Question) -> Any:
        here = sp.Symbol("at 0", real=True)
        q.side.append(q.symbol(here) == 0)
        y, defined = q.defined(whole.xreplace({r.v: here}))
        return z3.And(defined, y == 0)

    found = r.ground("0 at 0", when, is_zero)
    if found.standing == "consistent":
        plain = whole.subs(r.v, 0)
        if sp.expand(plain) == 0:
            return Finding("confirmed", found.what, "parser")
        for p in r.at(when):
            y = r.scan.look(whole, r.v, exactly(0), environment(p))
            if y is not None and y[0].x.apart:
                return Finding("contradicted", found.what, "intervals", shown(p))
    return found


def _joined(r: Statements, whole: sp.Expr, when: sp.Basic) -> Finding:
    """It is defined everywhere, and where branches meet they have one value."""
    what = "continuous"

    def torn(q: Question) -> Any:
        q.loose = [r.v]
        first, one = q.defined(whole)
        second, two = q.defined(whole)
        q.loose = None
        return z3.Or(z3.Not(one), z3.Not(two), first != second)

    if r.ask(when, torn)[0] == "none":
        return Finding("confirmed", what, "z3")
    for p in r.at(when):
        for b in dict.fromkeys(b for case in r.c.cases for b in case.breaks):
            middle = b.subs(dict(p))
            if not middle.is_Rational:
                continue
            near = [
                r.scan.look(whole, r.v, exactly(middle + k * sp.Rational(1, 2**40)), environment(p)) for k in (-1, 1)
            ]
            if None not in near and _far(near[0][0].x, near[1][0].x):  # type: ignore[index]
                return Finding("contradicted", what, "intervals", shown({**p, r.v: b}))
    return Finding("consistent", what, "z3")


def _far(a: Any, b: Any) -> bool:
    gap = a - b
    slack = exactly(sp.Rational(1, 2**24))
    return bool(gap.lo > slack.hi or gap.hi < -slack.hi)


def _compared(r: Statements, before: Finding, slope: sp.Expr, borders: list[sp.Expr], when: sp.Basic) -> Finding:
    """Slope and definition at exact inputs away from borders."""
    breaks = {b for case in r.c.cases for b in case.breaks}
    for p in (*r.at(when)[:3], *r.hostile_at(when)[:MANY]):
        env = environment(p)
        known = {b.subs(dict(p)) for b in breaks} | {b.subs(dict(p)).subs(r.v, 0) for b in borders}
        for x in GRID:
            if x in known or any(b.subs(dict(p)).subs(r.v, x) == 0 for b in borders):
                continue
            y, s = (r.spots.look(e, r.v, exactly(x), env) for e in (r.f.expr, slope))
            if y is not None and s is not None and y[1].defined and s[1].defined and (y[0].x - s[0].x).apart:
                return Finding("contradicted", before.what, "intervals", shown({**p, r.v: x}))
    return before
