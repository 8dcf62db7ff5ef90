"""Inverses: f takes no value twice, and the claimed function undoes it on the claimed range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import sympy as sp
import z3

from kassei.verify.ask import Question
from kassei.verify.boxes import CELLS, GRID, constant, environment, shape, with_joints
from kassei.verify.interval import exactly
from kassei.verify.read import Claimed
from kassei.verify.report import Finding
from kassei.verify.statement import Point, Statements, member, shown

MANY = 10
"""At how many hostile parameter values inputs are compared."""
TRIPLES = tuple(map(sp.Rational, ("-8", "-3", "-1", "-1/2", "0", "1/2", "1", "3", "8")))


def inverse(r: Statements, c: Claimed) -> Iterator[Finding]:
    """Whether there is one, and the function that undoes f."""
    for when, value in r.rows(c):
        if value == "none":
            yield r.somewhere("f is not defined on R", when, r.gone, lambda q: z3.Not(q.defined(r.f.expr)[1]))
        elif value["exists"]:
            once = _once(r, when)
            yield once
            if value.get("expr") not in (None, "unknown"):
                yield from _undone(r, value, when, once)
        else:
            yield _twice(r, when)


def _same(r: Statements, q: Question) -> Any:
    """Two inputs with one value."""
    (a, da), (b, db) = r.f_at(q, r.v), r.f_at(q, r.v + r.h)
    return z3.And(q.symbol(r.h) > 0, da, db, a == b)


def _once(r: Statements, when: sp.Basic) -> Finding:
    what = "no value is taken twice"
    found = r.everywhere(what, when, lambda q: _same(r, q))
    if found.standing == "consistent":
        for p in (*r.at(when)[:3], *r.hostile_at(when)[:MANY]):
            turn = _turn(r, p)
            if turn and r.is_continuous:
                return Finding("contradicted", what, "intervals", ", ".join(filter(None, (shown(p), turn))))
    if found.standing == "consistent" and not r.f.parameters and r.is_continuous:
        for e in (r.f.expr, -r.f.expr):
            rises = shape("strictly_increasing")
            assert rises is not None
            if r.scan.cover(e, with_joints(rises, True))[0] is True:
                return Finding("confirmed", what, "intervals")
    return found


def _turn(r: Statements, p: Point) -> str:
    """Three inputs between which a continuous f rises and falls."""
    env = environment(p)
    seen = [(x, r.spots.look(r.f.expr, r.v, exactly(x), env)) for x in (*TRIPLES, *GRID[::4])]
    known = sorted(((x, s[0].x) for x, s in seen if s is not None and s[1].defined), key=lambda one: one[0])
    for (a, x), (b, y), (c, z) in combinations(known, 3):
        if ((y - x).positive and (y - z).positive) or ((x - y).positive and (z - y).positive):
            return f"{r.v} = {a}, {b}, {c}"
    return ""


def _twice(r: Statements, when: sp.Basic) -> Finding:
    """Two inputs have one value, or f is continuous, rises and falls."""
    what = "some value is taken twice"

    def equal(q: Question) -> Any:
        seen = [r.f_at(q, p) for p in r.candidates()]
        at = [q.value(p) for p in r.candidates()]
        pairs = combinations(range(len(seen)), 2)
        return z3.Or(*(z3.And(at[i] != at[j], seen[i][1], seen[j][1], seen[i][0] == seen[j][0]) for i, j in pairs))

    found = r.somewhere(what, when, equal, lambda q: _same(r, q))
    if found.standing != "consistent":
        return found

    def turns(q: Question) -> Any:
        seen = [r.f_at(q, p) for p in TRIPLES]
        defined = z3.And(*(d for _, d in seen))
        y = [a for a, _ in seen]
        ups = [z3.And(y[i] < y[j], y[j] > y[k]) for i, j, k in combinations(range(len(y)), 3)]
        downs = [z3.And(y[i] > y[j], y[j] < y[k]) for i, j, k in combinations(range(len(y)), 3)]
        return z3.And(defined, z3.Or(*ups, *downs))

    if r.ask(when, lambda q: z3.Not(z3.Or(equal(q), turns(q))))[0] == "none":
        whole = r.everywhere_quiet("continuous", when, r.torn)
        return Finding("confirmed" if whole.standing == "confirmed" else "consistent", what, "z3")
    if not r.f.parameters and r.is_continuous and (place := _turn(r, {})):
        return Finding("confirmed", what, "intervals", place)
    for p in (*r.at(when)[:2], *r.hostile_at(when)[:2]):
        if r.is_continuous and _strict(r, p):
            return Finding("contradicted", what, "intervals", shown(p))
    return found


def _strict(r: Statements, p: Point) -> bool:
    """Boxes show that f rises, or falls, everywhere at exact parameters."""
    rises = shape("strictly_increasing")
    assert rises is not None
    both = (r.f.expr, -r.f.expr)
    return any(r.scan.cover(e, with_joints(rises, True), environment(p), limit=60)[0] is True for e in both)


def _undone(r: Statements, value: Mapping[str, Any], when: sp.Basic, once: Finding) -> Iterator[Finding]:
    """The claimed function takes each value back to its input, and its domain is the range."""
    back = r.spelling.some(value["expr"])
    parts = r.spelling.stretches(value["domain"])
    y = sp.Symbol("y!", real=True)

    def astray(q: Question) -> Any:
        x, defined = q.defined(r.f.expr)
        q.side.append(q.symbol(y) == x)
        u, there = q.defined(back.xreplace({r.v: y}))
        return z3.And(defined, z3.Or(z3.Not(there), u != q.symbol(r.v)))

    def outside(q: Question) -> Any:
        x, defined = q.defined(r.f.expr)
        return z3.And(defined, z3.Not(member(q, x, parts)))

    def restored(q: Question) -> Any:
        """The other way round: f does not take what y goes back to to y."""
        there = q.defined(back.xreplace({r.v: y}))[1]
        x, defined = q.defined(r.f.expr.xreplace({r.v: back.xreplace({r.v: y})}))
        return z3.And(member(q, q.symbol(y), parts), z3.Or(z3.Not(there), z3.Not(defined), x != q.symbol(y)))

    held = r.everywhere(f"values lie in {value['domain']}", when, outside)
    if held.standing == "consistent":
        held = r.scan.values_inside(held, parts, r.at(when))
    what = f"{value['expr']} undoes f"
    found = r.everywhere(what, when, astray)
    sure = held.standing == once.standing == "confirmed"
    if found.standing == "consistent" and sure and r.ask(when, restored)[0] == "none":
        # f takes no value twice, so that f(g(f(v))) = f(v) shows g(f(v)) = v
        found = Finding("confirmed", what, "z3")
    if found.standing == "consistent" and (place := _astray_at(r, back, when)):
        found = Finding("contradicted", what, "intervals", place)
    yield found
    yield held
    yield r.everywhere_quiet("all values between, by continuity", when, r.torn)
    for part in parts:
        yield from r.reaches(part, when)


def _astray_at(r: Statements, back: sp.Expr, when: sp.Basic) -> str:
    """An input that is certainly not what the value there is taken back to."""
    for p in (*r.at(when)[:3], *r.hostile_at(when)[:MANY]):
        env = environment(p)
        for x in (*GRID[::2], *(e for e, _ in CELLS[1:] if abs(e) <= 256)):
            value = r.spots.look(r.f.expr, r.v, exactly(x), env)
            if value is None or not value[1].defined:
                continue
            again = r.spots.look(back, r.v, value[0].x, env)
            if again is None:
                return shown({**p, r.v: x})
            if again[1].defined and (again[0].x - constant(x)).apart:
                return shown({**p, r.v: x})
    return ""
