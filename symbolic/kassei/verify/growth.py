"""No polynomial: a kink of some order, or an end at which f grows too slowly for what it is.

A polynomial is smooth. One with a bounded slope on a half line is affine, one with a bounded bend there of degree at
most 2, and one that is bounded there constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp
import z3

from kassei.verify.ask import Question
from kassei.verify.boxes import CELLS, GRID, environment
from kassei.verify.interval import INF, box, exactly
from kassei.verify.limits import end_limits
from kassei.verify.read import Case, Claimed
from kassei.verify.report import Finding
from kassei.verify.statement import Statements, ends, shown, told

MAX_ORDER = 8
TIMES = (1, 2)


def not_polynomial(r: Statements, c: Claimed) -> Iterator[Finding]:
    """It holds where the condition does; elsewhere all pieces are one polynomial."""
    yield from r.form
    for case in r.c.cases:
        both = sp.And(case.when, c.condition)
        if both is not sp.false:
            yield _none(r, case, both)
        other = sp.And(case.when, sp.Not(c.condition))
        if other is not sp.false:
            yield from _one(r, case, other)


def _none(r: Statements, case: Case, when: sp.Basic) -> Finding:
    what = "no polynomial"
    if not case.pieces:
        return _by_boxes(r, Finding("consistent", what))

    def rough(q: Question) -> Any:
        """F is undefined, or a derivative jumps at a break."""
        return z3.Not(r.meets(case, MAX_ORDER)(q))

    def slow(q: Question) -> Any:
        """A derivative has a finite limit at an end, and a higher one does not vanish identically."""
        out = []
        for piece in (case.pieces[0], case.pieces[-1]):
            for end in (x for x in (piece.lo, piece.hi) if x in (sp.oo, -sp.oo)):
                for times in TIMES:
                    if piece.expr is None:
                        continue
                    e = piece.expr.diff(r.v, times)
                    finite = [k for k in end_limits(e, r.v, end) if k.value not in (sp.oo, -sp.oo)]
                    out.append(z3.And(z3.Or(*(told(q, k) for k in finite)), _moves(r, q, case, times)))
        return z3.Or(*out)

    for one in (rough, slow):
        if r.ask(when, lambda q, one=one: z3.Not(one(q)))[0] == "none":  # type: ignore[misc]
            return Finding("confirmed", what, "z3")
    for p, _ in r.tries(when):
        if _polynomial_at(r, case, p):
            return Finding("contradicted", what, "z3", shown(p))
    return _by_boxes(r, Finding("consistent", what, "z3"))


def _moves(r: Statements, q: Question, case: Case, times: int) -> Any:
    """A derivative of an outer piece takes two values at candidates of that piece."""
    out = []
    for piece in (case.pieces[0], case.pieces[-1]):
        if piece.expr is None:
            continue
        e = piece.expr.diff(r.v, times)
        points = [p for p in r.candidates() if _within(p, piece.lo, piece.hi)] or _beside(piece.lo, piece.hi)
        values = []
        for p in points[:7]:
            here = sp.Symbol(f"at {p}", real=True)
            q.side.append(q.symbol(here) == q.value(p))
            values.append(q.defined(e.xreplace({r.v: here})))
        first, given = values[0]
        out.append(z3.Or(*(z3.And(given, d, y != first) for y, d in values[1:])))
    return z3.Or(*out)


def _within(p: sp.Expr, lo: sp.Expr, hi: sp.Expr) -> bool:
    return bool((p - lo).is_extended_positive and (hi - p).is_extended_positive)


def _beside(lo: sp.Expr, hi: sp.Expr) -> list[sp.Expr]:
    return [lo + k for k in (1, 2, 3)] if hi == sp.oo else [hi - k for k in (1, 2, 3)]


def _polynomial_at(r: Statements, case: Case, p: Any) -> bool:
    """At a parameter point f is certainly one polynomial."""
    exprs = [None if k.expr is None else sp.cancel(k.expr.subs(dict(p))) for k in case.pieces]
    first = exprs[0]
    if first is None or not first.is_polynomial(r.v):
        return False
    same = all(e is not None and sp.cancel(e - first) == 0 for e in exprs)
    return same and r.ask(sp.true, lambda q: z3.Not(r.meets(case, 0)(q)), p)[0] == "none"


def _by_boxes(r: Statements, before: Finding) -> Finding:
    """Slopes, or bends, bounded on a half line, and another derivative that is not the same at two inputs."""
    if r.f.parameters or not r.is_continuous:
        return before
    env = environment({})
    for times in TIMES:
        seen = [r.scan.look(r.f.expr, r.v, exactly(x), env) for x in GRID]
        values = [(s[0].d if times == 1 else s[0].b) for s in seen if s is not None and not s[1].switched]
        if not any((a - b).apart for a in values[:1] for b in values[1:]):
            continue
        for half in ([k for k in CELLS if k[0] >= 0], [k for k in CELLS if k[1] <= 0]):
            looks = [r.scan.look(r.f.expr, r.v, box(*k), env) for k in half]
            jets = [(s[0].d if times == 1 else s[0].b) for s in looks if s is not None and s[1].defined]
            if len(jets) == len(half) and all(j.lo > -INF and j.hi < INF for j in jets):
                return Finding("confirmed", before.what, "intervals")
    return before


def _one(r: Statements, case: Case, when: sp.Basic) -> Iterator[Finding]:
    """All pieces are the first, which is a polynomial."""
    what = "one polynomial"
    first = case.pieces[0].expr if case.pieces else None
    if first is None:
        yield Finding("contradicted" if case.pieces else "consistent", what, "parser", "undefined")
        return
    plain = sp.cancel(first)
    if not plain.is_polynomial(r.v):
        wrong = _none(r, case, when)
        yield Finding("contradicted" if wrong.standing == "confirmed" else "consistent", what, wrong.engine)
        return
    for piece in case.pieces[1:]:
        if piece.expr is None:
            yield Finding("contradicted", what, "parser", "undefined")
            return

        def differs(q: Question, lo: sp.Expr = piece.lo, hi: sp.Expr = piece.hi, e: sp.Expr = piece.expr) -> Any:
            return z3.And(*ends(q, lo, q.symbol(r.v), hi), q.value(e) != q.value(plain))

        yield r.everywhere(what, when, differs)
    yield r.everywhere_quiet("continuous", when, r.torn)
