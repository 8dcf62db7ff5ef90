"""Zeros and fixed points: where the definition meets 0 or its input, by Z3, and by boxes that cover the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp
import z3

from kassei.verify.ask import Question
from kassei.verify.boxes import CELLS, Elsewhere, Test, at, constant, environment
from kassei.verify.interval import Interval, Jet, Look, box
from kassei.verify.read import Claimed, Stretch
from kassei.verify.report import Finding
from kassei.verify.statement import Point, Statements, member, shown


def meeting(r: Statements, c: Claimed, target: sp.Expr) -> Iterator[Finding]:
    """F equals the target on the claimed set and nowhere else."""
    for when, value in r.rows(c):
        if isinstance(value, dict):
            yield from _enclosed(r, value, target, when)
            continue
        parts = r.spelling.stretches(value)
        what = f"f is {target} exactly on {value}"

        def wrong(q: Question, parts: tuple[Stretch, ...] = parts) -> Any:
            y, defined = q.defined(r.f.expr)
            return z3.And(defined, member(q, q.symbol(r.v), parts) != (y == q.value(target)))

        found = r.everywhere(what, when, wrong)
        if found.standing == "consistent":
            found = _looked(r, found, parts, target, when)
        yield found


def _looked(r: Statements, before: Finding, parts: Sequence[Stretch], target: sp.Expr, when: sp.Basic) -> Finding:
    """The same on boxes: no zero of the difference away from the set, and at most one in a box around a point."""
    whole = False
    for p in r.at(when)[:3]:
        sets = [(constant(at(s.lo, p)), constant(at(s.hi, p))) for s in parts]
        for s, t in zip(parts, sets, strict=True):
            if s.lo == s.hi and (off := _value(r, target, t[0], p)) is not None and off.apart:
                return Finding("contradicted", before.what, "intervals", shown({**p, r.v: s.lo}))
        whole, place = _covered(r, sets, target, environment(p))
        if place:
            return Finding("contradicted", before.what, "intervals", ", ".join(filter(None, (shown(p), place))))
    points = [s.lo for s in parts if s.lo == s.hi]
    stretches = [s for s in parts if s.lo != s.hi]
    if r.f.parameters or not whole or stretches or not r.is_continuous:
        return Finding("consistent", before.what, "intervals")
    sure = [r.ground(before.what, when, lambda q, x=x: _meets_at(r, q, x, target)) for x in points]  # type: ignore[misc]
    standing = "confirmed" if all(s.standing == "confirmed" for s in sure) else "consistent"
    return Finding(standing, before.what, "intervals")  # type: ignore[arg-type]


def _meets_at(r: Statements, q: Question, x: sp.Expr, target: sp.Expr) -> Any:
    y, defined = r.f_at(q, x)
    return z3.And(defined, y == q.value(target.subs(r.v, x)))


def _value(r: Statements, target: sp.Expr, x: Interval, p: Point) -> Interval | None:
    found = r.scan.look(r.f.expr, r.v, x, environment(p))
    if found is None or not found[1].defined:
        return None
    return found[0].x - (x if target == r.v else constant(target))


def _covered(
    r: Statements, sets: Sequence[tuple[Interval, Interval]], target: sp.Expr, env: Mapping[sp.Symbol, Jet]
) -> tuple[bool, str]:
    """Whether boxes show that the difference vanishes in the sets only; and a place where that is certainly wrong."""
    gap = r.f.expr - target
    continuous = r.is_continuous
    test = _only(r.v, sets, continuous)
    truth, where, _ = r.scan.cover(gap, test, env)
    if truth is False:
        return False, where
    for lo, hi in CELLS if continuous else ():
        here = box(lo, hi)
        if lo == -sp.oo or hi == sp.oo or any(here.hi >= a.lo and here.lo <= b.hi for a, b in sets):
            continue
        ends = [r.scan.look(gap, r.v, constant(x), env) for x in (lo, hi)]
        a, b = (None if e is None else e[0].x for e in ends)
        if a is not None and b is not None and ((a.positive and b.negative) or (a.negative and b.positive)):
            return False, f"[{lo}, {hi}]"
    return truth is True, ""


def _only(v: sp.Symbol, sets: Sequence[tuple[Interval, Interval]], continuous: bool) -> Test:
    """The test that a difference does not vanish on a box outside of a union of closed intervals."""

    def test(j: Jet, look: Look) -> bool | None:
        here = look.env[v].x
        inside = any(here.lo > a.hi and here.hi < b.lo for a, b in sets)
        touched = [(a, b) for a, b in sets if here.hi >= a.lo and here.lo <= b.hi]
        if j.x.apart:
            return False if inside and look.defined else True if look.defined else None
        if j.x.zero and not look.switched and look.defined:
            return True if inside else None if touched else False
        if any(here.lo >= a.hi and here.hi <= b.lo for a, b in sets):
            return None
        one = len(touched) == 1 and (_is_point_of(here, *touched[0]) or _at_one_end(here, *touched[0]))
        falls = j.d.apart and look.defined and (continuous or not look.switched)
        return True if one and falls else None

    return test


def _is_point_of(here: Interval, lo: Interval, hi: Interval) -> bool:
    """A set that is one point, enclosed within the box."""
    return bool(lo == hi and here.lo <= lo.lo and hi.hi <= here.hi)


def _at_one_end(here: Interval, lo: Interval, hi: Interval) -> bool:
    """A box and a stretch have one point in common."""
    return bool(here.lo == hi.lo == hi.hi or here.hi == lo.lo == lo.hi)


def _enclosed(r: Statements, value: Mapping[str, Any], target: sp.Expr, when: sp.Basic) -> Iterator[Finding]:
    """Points without a closed form: the difference changes its sign in each, and vanishes nowhere else."""
    what = f"f is {target} at the enclosed points"
    env = r.scan.where(value, r.at(when), r.spelling)
    gap = r.f.expr - target
    sets: list[tuple[Interval, Interval]] = []
    sure = not r.f.parameters and r.is_continuous
    for point in value["points"]:
        try:
            spot, _ = r.scan.enclosure(point, r.spelling)
        except Elsewhere as wrong:
            yield Finding("contradicted", what, "intervals", str(wrong))
            return
        found = r.scan.look(gap, r.v, spot, env)
        if found is not None and found[0].x.apart:
            yield Finding("contradicted", what, "intervals", str(point))
            return
        sets.append((spot, spot))
        if isinstance(point, dict):
            ends = [r.scan.look(gap, r.v, Interval(x, x), env) for x in (spot.lo, spot.hi)]
            a, b = (None if e is None else e[0].x for e in ends)
            crossed = a is not None and b is not None and ((a.positive and b.negative) or (a.negative and b.positive))
            sure = sure and crossed
        else:
            x = r.spelling.some(point)
            held = r.ground(what, when, lambda q, x=x: _meets_at(r, q, x, target))  # type: ignore[misc]
            sure = sure and held.standing == "confirmed"
    stretches = [s for text in value["intervals"] for s in r.spelling.stretches(text)]
    sets += [(constant(at(s.lo, {})), constant(at(s.hi, {}))) for s in stretches]
    whole, place = _covered(r, sets, target, env)
    if place:
        yield Finding("contradicted", what, "intervals", place)
        return
    sure = sure and whole and not stretches
    yield Finding("confirmed" if sure else "consistent", what, "intervals")
