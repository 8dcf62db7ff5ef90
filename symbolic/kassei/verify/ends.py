"""Saturation and asymptotes: limits of the outer pieces by rewriting, and what the definition does far out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp
import z3

from kassei.verify.ask import Question
from kassei.verify.boxes import REACH, constant, environment
from kassei.verify.interval import INF, Interval, box
from kassei.verify.limits import Limit, end_limits
from kassei.verify.read import Case, Claimed
from kassei.verify.report import Finding
from kassei.verify.statement import INPUTS, Statements, ends, shown, tends, told

SIDES = (("neg_inf", -sp.oo), ("pos_inf", sp.oo))
FARTHEST = sp.Integer(2**REACH)


def saturation(r: Statements, c: Claimed) -> Iterator[Finding]:
    """On each side a level is kept from a point on and no earlier, or approached and not kept, or there is none."""
    yield from r.form
    for claimed, end, case, both in _sides(r, c):
        if not case.pieces:
            yield Finding("consistent", "a normal form with roots")
        elif claimed["kind"] == "hard":
            yield from _hard(r, claimed, case, both, end)
        elif claimed["kind"] == "soft":
            yield from _soft(r, claimed, case, both, end)
        elif claimed["kind"] == "none":
            yield _no_level(r, case, both, end)
        else:
            raise KeyError(claimed["kind"])


def _sides(r: Statements, c: Claimed) -> Iterator[tuple[Any, sp.Expr, Case, sp.Basic]]:
    """What is claimed of each side, for each part of the parameter domain on which one normal form holds."""
    for when, value in r.rows(c):
        for side, end in SIDES:
            for case in r.c.cases:
                both = sp.And(case.when, when)
                if both is not sp.false:
                    yield value[side], end, case, both


def _outer(case: Case, end: sp.Expr) -> sp.Expr | None:
    return case.pieces[0].expr if end == -sp.oo else case.pieces[-1].expr


def _hard(r: Statements, claimed: dict[str, Any], case: Case, when: sp.Basic, end: sp.Expr) -> Iterator[Finding]:
    level, start = r.spelling.some(claimed["level"]), r.spelling.some(claimed["from"])
    way = 1 if end == sp.oo else -1

    def beyond(q: Question, x: Any) -> Any:
        return z3.BoolVal(True) if start == -way * sp.oo else way * (x - q.value(start)) > 0

    def leaves(q: Question) -> Any:
        y, defined = q.defined(r.f.expr)
        return z3.And(beyond(q, q.symbol(r.v)), z3.Or(z3.Not(defined), y != q.value(level)))

    yield r.everywhere(f"{level} from {start} on", when, leaves)
    if start == -way * sp.oo:
        return

    def off_before(q: Question) -> Any:
        """A point of the piece before the start, or the value there, that is not at the level."""
        out = []
        for piece in case.pieces:
            edge = piece.lo if way > 0 else piece.hi
            next_to = piece.hi if way > 0 else piece.lo
            if next_to in (sp.oo, -sp.oo):
                continue
            here = q.value(next_to) == q.value(start)
            if piece.expr is None:
                out.append(here)
                continue
            for x in _inside(edge, next_to, way):
                y, defined = q.defined(piece.expr.xreplace({r.v: _at(r, q, x)}))
                out.append(z3.And(here, z3.Or(z3.Not(defined), y != q.value(level))))
        return z3.Or(*out)

    def off_near(q: Question) -> Any:
        y, defined = q.defined(r.f.expr)
        x = q.symbol(r.v)
        near = z3.And(way * (q.value(start) - x) >= 0, way * (q.value(start) - x) < z3.RatVal(1, 1000))
        return z3.And(near, z3.Or(z3.Not(defined), y != q.value(level)))

    yield r.somewhere(f"not {level} before {start}", when, off_before, off_near)


def _at(r: Statements, q: Question, x: sp.Expr) -> sp.Symbol:
    here = sp.Symbol(f"at {x}", real=True)
    q.side.append(q.symbol(here) == q.value(x))
    return here


def _inside(lo: sp.Expr, hi: sp.Expr, way: int) -> list[sp.Expr]:
    """Points certainly inside a piece, given by its far and its near end."""
    if lo in (sp.oo, -sp.oo):
        return [hi - way * sp.Rational(k, 2) for k in (1, 2, 5)]
    return [(lo + hi) / 2, lo + (hi - lo) / 3]


def _soft(r: Statements, claimed: dict[str, Any], case: Case, when: sp.Basic, end: sp.Expr) -> Iterator[Finding]:
    expr = _outer(case, end)
    if expr is None:
        yield Finding("contradicted" if when is sp.true else "consistent", "a level where f is undefined", "parser")
        return
    if isinstance(claimed["level"], dict):
        yield Finding("consistent", "an enclosed level")
        return
    level = r.spelling.some(claimed["level"])
    yield limit_is(r, f"level {level} at {end}", when, expr, end, level)
    piece = case.pieces[0] if end == -sp.oo else case.pieces[-1]

    def moves(q: Question) -> Any:
        """At a point of the piece, f is not at the level: an analytic piece is then constant on no part of it."""
        out = []
        for x in _spread(piece.lo, piece.hi):
            y, defined = q.defined(expr.xreplace({r.v: _at(r, q, x)}))
            out.append(z3.And(defined, y != q.value(level)))
        return z3.Or(*out)

    def moves_anywhere(q: Question) -> Any:
        y, defined = q.defined(expr)
        return z3.And(*ends(q, piece.lo, q.symbol(r.v), piece.hi), defined, y != q.value(level))

    found = r.somewhere(f"not kept at {end}", when, moves, moves_anywhere)
    if found.standing == "confirmed" and not r.analytic_inside(piece, when):
        found = Finding("consistent", found.what, found.engine)
    yield found


def _spread(lo: sp.Expr, hi: sp.Expr) -> list[sp.Expr]:
    """Points inside an outer piece."""
    if lo == -sp.oo and hi == sp.oo:
        return list(INPUTS)
    return [hi - x for x in INPUTS if x > 0] if lo == -sp.oo else [lo + x for x in INPUTS if x > 0]


def _no_level(r: Statements, case: Case, when: sp.Basic, end: sp.Expr) -> Finding:
    what = f"no level at {end}"
    expr = _outer(case, end)
    if expr is None:
        return Finding("confirmed", what, "parser")
    found = end_limits(expr, r.v, end)
    if _for_all(r, when, lambda q: z3.Or(*(told(q, k) for k in found if _infinite(k)))):
        return Finding("confirmed", what, "limits")
    for p, _ in r.tries(when):
        if any(not _infinite(k) and _for_one(r, p, lambda q, k=k: told(q, k)) for k in found):
            return Finding("contradicted", what, "limits", shown(p))
        tail = _tail(r, r.f.expr, end, p)
        if tail is not None and tail[0].lo > -INF and tail[0].hi < INF and (tail[1].lo >= 0 or tail[1].hi <= 0):
            return Finding("contradicted", what, "intervals", shown(p))  # monotone and bounded: there is a limit
    return Finding("consistent", what, "limits")


def _infinite(one: Limit) -> bool:
    return one.value in (sp.oo, -sp.oo)


def _for_all(r: Statements, when: sp.Basic, statement: Any) -> bool:
    return r.ask(when, lambda q: z3.Not(statement(q)))[0] == "none"


def _for_one(r: Statements, p: Any, statement: Any) -> bool:
    return r.ask(sp.true, lambda q: z3.Not(statement(q)), p)[0] == "none"


def _tail(r: Statements, expr: sp.Expr, end: sp.Expr, p: Any) -> tuple[Interval, Interval] | None:
    """Value and slope on the farthest box at a parameter point; None where they are not known."""
    far = box(FARTHEST, sp.oo) if end == sp.oo else box(-sp.oo, -FARTHEST)
    found = r.spots.look(expr, r.v, far, environment(p))
    if found is None or not found[1].defined or found[1].switched:
        return None
    return found[0].x, found[0].d


def pinned(when: sp.Basic) -> dict[sp.Symbol, sp.Expr]:
    """Parameters that a condition fixes."""
    parts = when.args if isinstance(when, sp.And) else (when,)
    return {p.lhs: p.rhs for p in parts if isinstance(p, sp.Eq) and p.lhs.is_Symbol and p.lhs not in p.rhs.free_symbols}


def limit_is(r: Statements, what: str, when: sp.Basic, expr: sp.Expr, end: sp.Expr, claimed: sp.Expr) -> Finding:
    """The limit of an expression towards an infinite end, for all parameters or at exact ones."""
    found = end_limits(sp.expand(expr.subs(pinned(when))), r.v, end) or end_limits(expr, r.v, end)
    if _for_all(r, when, lambda q: z3.Or(*(t for k in found for t in tends(q, k, claimed, False)))):
        return Finding("confirmed", what, "limits")

    def other(q: Question, k: Limit) -> Any:
        if k.value in (sp.oo, -sp.oo) or claimed in (sp.oo, -sp.oo):
            return told(q, k) if k.value != claimed else z3.BoolVal(False)
        return z3.And(told(q, k), q.value(k.value) != q.value(claimed))

    for p, _ in r.tries(when):
        if any(_for_one(r, p, lambda q, k=k: other(q, k)) for k in found):
            return Finding("contradicted", what, "limits", shown(p))
        tail = _tail(r, expr, end, p)
        if tail is not None and claimed not in (sp.oo, -sp.oo):
            goal = constant(claimed.subs(dict(p)))
            if goal.hi < tail[0].lo or goal.lo > tail[0].hi:
                return Finding("contradicted", what, "intervals", shown(p))
    return Finding("consistent", what, "limits")


def asymptotes(r: Statements, c: Claimed) -> Iterator[Finding]:
    """On each side f less the line tends to 0; or f/v, or what it leaves, has no finite limit."""
    yield from r.form
    for claimed, end, case, both in _sides(r, c):
        if not case.pieces:
            yield Finding("consistent", "a normal form with roots")
            continue
        expr = _outer(case, end)
        if claimed == "none":
            yield _no_line(r, expr, both, end)
        elif expr is None:
            yield Finding("consistent", "a line where f is undefined")
        else:
            line = r.spelling.some(claimed)
            if sp.Poly(line, r.v).degree() > 1:
                yield Finding("contradicted", f"line {line}", "parser", str(line))
                return
            yield limit_is(r, f"line {line} at {end}", both, expr - line, end, sp.S.Zero)


def _no_line(r: Statements, expr: sp.Expr | None, when: sp.Basic, end: sp.Expr) -> Finding:
    what = f"no line at {end}"
    if expr is None:
        return Finding("confirmed", what, "parser")
    steep = end_limits(sp.expand(expr / r.v), r.v, end)
    rest = [(k, end_limits(sp.expand(expr - k.value * r.v), r.v, end)) for k in steep if not _infinite(k)]

    def none(q: Question) -> Any:
        out = [told(q, k) for k in steep if _infinite(k)]
        out += [z3.And(told(q, k), told(q, m)) for k, more in rest for m in more if _infinite(m)]
        return z3.Or(*out)

    if _for_all(r, when, none):
        return Finding("confirmed", what, "limits")
    for p, _ in r.tries(when):
        for k, more in rest:
            for m in more:
                if not _infinite(m) and _for_one(r, p, lambda q, k=k, m=m: z3.And(told(q, k), told(q, m))):
                    return Finding("contradicted", what, "limits", shown(p))
    return Finding("consistent", what, "limits")
