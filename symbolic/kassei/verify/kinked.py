"""Subgradients: what the pieces' slopes are on both sides of each kink, and the interval between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp
import z3

from kassei.verify.ask import Question
from kassei.verify.read import Case, Claimed
from kassei.verify.report import Finding
from kassei.verify.statement import Statements, analytic

KINDS = ("convex", "clarke", "none")


def subgradients(r: Statements, c: Claimed) -> Iterator[Finding]:
    """The kinks are those listed, with their one-sided slopes, and the interval lies between these."""
    yield from r.form
    for when, rows in r.rows(c):
        bent = any(row["kind"] == "convex" for row in rows)
        if bent:
            yield r.everywhere("f is convex", when, lambda q: r.broken(q, "convex"))
        elif any(row["kind"] == "clarke" for row in rows):
            yield _not_convex(r, when)
        for case in r.c.cases:
            both = sp.And(case.when, when)
            if both is sp.false:
                continue
            if not case.pieces or not all(p.expr is None or analytic(p.expr) for p in case.pieces):
                yield Finding("consistent", "kinks of a piece with roots")
                continue
            yield from _kinks(r, rows, case, both)


def _not_convex(r: Statements, when: sp.Basic) -> Finding:
    """Where the generalised gradient is claimed, f is not convex: else it were the subdifferential."""
    what = "f is not convex"
    found = r.somewhere(what, when, lambda q: z3.Or(*r.broken_at(q, "convex")), lambda q: r.broken(q, "convex"))
    if found.standing == "consistent" and not r.f.parameters:
        return r.scan.somewhere(found, "convex", continuous=r.is_continuous)
    return found


def _kinks(r: Statements, rows: list[Mapping[str, Any]], case: Case, when: sp.Basic) -> Iterator[Finding]:
    listed: list[tuple[sp.Expr, Mapping[str, Any]]] = []
    for row in rows:
        if isinstance(row["at"], dict):
            yield Finding("consistent", "a kink without closed form")
            return
        listed.append((r.spelling.some(row["at"]), row))
    for k, b in enumerate(case.breaks):
        same = [lambda q, at=at, b=b: q.value(at) == q.value(b) for at, _ in listed]

        def is_listed(q: Question, b: sp.Expr = b, same: list[Any] = same) -> Any:
            smooth = r.meets(case, 1, b)(q)
            return z3.Or(smooth, *(one(q) for one in same))

        yield r.ground(f"kink at {b} is listed", when, is_listed)
        for at, row in listed:

            def as_said(q: Question, at: sp.Expr = at, row: Mapping[str, Any] = row, k: int = k, b: sp.Expr = b) -> Any:
                bent = z3.Not(r.meets(case, 1, b)(q))
                return z3.Implies(q.value(at) == q.value(b), z3.And(bent, _as_said(r, row, case, k, b)(q)))

            yield r.ground(f"slopes at {at}", when, as_said)
    for at, _ in listed:

        def is_break(q: Question, at: sp.Expr = at) -> Any:
            return z3.Or(*(q.value(b) == q.value(at) for b in case.breaks))

        yield r.ground(f"{at} is a break", when, is_break)


def _as_said(r: Statements, row: Mapping[str, Any], case: Case, k: int, b: sp.Expr) -> Any:
    """The one-sided slopes at a break, and the interval between them, are those of the pieces."""
    if row["kind"] not in KINDS:
        raise KeyError(row["kind"])
    told = [r.spelling.expr(row[side]) for side in ("left", "right")]
    whole = None if row["interval"] == "none" else r.spelling.stretches(row["interval"])

    def formula(q: Question) -> Any:
        here = sp.Symbol(f"at {b}", real=True)
        q.side.append(q.symbol(here) == q.value(b))
        out = []
        for said, piece in zip(told, (case.pieces[k], case.pieces[k + 1]), strict=True):
            value = case.values[k]
            if piece.expr is None or value is None:
                out.append(z3.BoolVal(said is None))
                continue
            limit, one = q.defined(piece.expr.xreplace({r.v: here}))
            slope, two = q.defined(piece.expr.diff(r.v).xreplace({r.v: here}))
            q.count += 1
            unsaid = z3.Bool(f"side!{q.count}")  # where a side has no value at the break, nothing is said
            joins = limit == q.value(value)
            if said is None:
                right = z3.Not(joins)
            elif said in (sp.oo, -sp.oo):
                right = z3.And(joins, z3.Not(two))
                one, two = one, z3.BoolVal(True)
            else:
                right = z3.And(joins, slope == q.value(said))
            known = one if said is None else z3.And(one, two)
            out.append(z3.If(known, right, unsaid))
        ends = [s for s in told if s is not None and s not in (sp.oo, -sp.oo)]
        if whole is None:
            out.append(z3.BoolVal(row["kind"] == "none" and len(ends) < 2))
        elif len(ends) < 2 or row["kind"] == "none" or len(whole) != 1:
            out.append(z3.BoolVal(False))
        else:
            (lo, hi), (a, c) = map(q.value, (whole[0].lo, whole[0].hi)), map(q.value, ends)
            out.append(z3.And(lo == z3.If(a <= c, a, c), hi == z3.If(a <= c, c, a)))
        return z3.And(*out)

    return formula
