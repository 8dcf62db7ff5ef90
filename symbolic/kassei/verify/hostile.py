"""Verdicts tried at hostile parameter values: the definition at exact inputs, by intervals, for a contradiction.

Nothing is confirmed here. Values, slopes and bends at one row of inputs serve all verdicts, so that each is tried at
the ends of the domain, beside the constants of the definition and of the conditions, and far out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import sympy as sp
import z3

from kassei.verify.boxes import BENT, CELLS, MIRRORED, at, constant, environment, no_steeper, shape
from kassei.verify.interval import Interval, Jet, Look, decided, exactly
from kassei.verify.read import Claimed, Stretch, Unread
from kassei.verify.report import Finding
from kassei.verify.statement import Point, Statements, shown

INPUTS = tuple(sp.Rational(k, 4) for k in (*range(-16, 17), -128, -64, -32, -24, 24, 32, 64, 128))
MAX_COVERED = 3
"""At how many parameter values a failure that is claimed is looked for on boxes."""
Row = Sequence[tuple[sp.Rational, Jet, Look]]
Test = Callable[[Statements, Claimed, Row, Point], str]


def tried(r: Statements, c: Claimed) -> Iterator[Finding]:
    """A contradiction at a hostile point, or nothing."""
    where = [*r.points, *r.hostile]
    covered = 0
    for p in where:
        holds = decided(c.condition, Look(environment(p)))
        place = ""
        if c.value is not None:
            place = _valued(r, c, p)
        elif holds is True and c.name in HOLDS:
            place = HOLDS[c.name](r, c, row(r, p), p)
        elif holds is False and c.name in FAILS:
            place = FAILS[c.name](r, c, row(r, p), p)
        elif holds is False and c.name in SHAPES and covered < MAX_COVERED:
            covered += 1
            place = f"{c.name} there" if _has_shape(r, c.name, p) else ""
        if place:
            yield Finding("contradicted", f"{c.name}: tried", "intervals", ", ".join(filter(None, (shown(p), place))))
            return


def row(r: Statements, p: Point) -> Row:
    """The definition at all inputs, once for each point; inputs where it is undefined are left out."""
    key = shown(p)
    if key not in r.rows_at:
        env = environment(p)
        seen = [(x, r.spots.look(r.f.expr, r.v, exactly(x), env)) for x in sorted(INPUTS)]
        r.rows_at[key] = [(x, *s) for x, s in seen if s is not None and s[1].defined]
    found: Row = r.rows_at[key]
    return found


# properties that hold or not

SHAPES = ("nondecreasing", "strictly_increasing", "convex", "concave")


def _has_shape(r: Statements, kind: str, p: Point) -> bool:
    """Boxes in the pieces, and the joints, show at exact parameters that a property holds which is said not to."""
    test = shape(kind)
    case = next((k for k in r.c.cases if decided(k.when, Look(environment(p))) is True), None)
    if test is None or case is None or not case.pieces or not r.is_continuous:
        return False
    if any(one.standing != "confirmed" for one in r.form):
        return False
    if kind in BENT and r.kinked:
        turned = r.ask(sp.true, lambda q: z3.Or(*r.turns(q, 1 if kind == "convex" else -1)), p)[0]
        if turned != "none":
            return False
    for piece in case.pieces:
        lo, hi = at(piece.lo, p), at(piece.hi, p)
        if piece.expr is None or any(x.is_finite and not x.is_Rational for x in (lo, hi)):
            return False
        cells = [(max(a, lo), min(b, hi)) for a, b in CELLS if a < hi and b > lo]
        if r.spots.cover(piece.expr, test, environment(p), cells, limit=80)[0] is not True:
            return False
    return True


def _falls(r: Statements, c: Claimed, seen: Row, p: Point) -> str:
    strict = c.name == "strictly_increasing"
    for (x, a, _), (y, b, _) in pairwise(seen):
        gap = a.x - b.x
        if gap.positive or (strict and gap.zero):
            return f"{r.v} = {x}, {y}"
    return ""


def _sides(r: Statements, p: Point) -> Iterator[tuple[sp.Expr, Interval, Interval]]:
    """The slopes of the pieces on both sides of each break."""
    case = next((k for k in r.c.cases if decided(k.when, Look(environment(p))) is True), None)
    if case is None or any(one.standing != "confirmed" for one in r.form):
        return
    for k, b in enumerate(case.breaks):
        sides = []
        for piece in case.pieces[k : k + 2]:
            found = None if piece.expr is None else r.spots.look(piece.expr, r.v, constant(at(b, p)), environment(p))
            if found is not None and found[1].defined and not found[1].switched:
                sides.append(found[0].d)
        if len(sides) == 2:
            yield b, sides[0], sides[1]


def _turns(way: int) -> Test:
    def test(r: Statements, c: Claimed, seen: Row, p: Point) -> str:
        for (x, a, _), (y, b, _), (z, d, _) in zip(seen, seen[1:], seen[2:], strict=False):
            rise = (b.x - a.x) * exactly(z - y) - (d.x - b.x) * exactly(y - x)
            if rise.positive if way > 0 else rise.negative:
                return f"{r.v} = {x}, {y}, {z}"
        for b, left, right in _sides(r, p):
            if (left - right).positive if way > 0 else (left - right).negative:
                return f"{r.v} = {b}"
        for x, a, look in seen:
            if not look.switched and (a.b.negative if way > 0 else a.b.positive):
                return f"{r.v} = {x}"
        return ""

    return test


def _mirror(r: Statements, c: Claimed, seen: Row, p: Point) -> str:
    values = {x: j.x for x, j, _ in seen}
    for x, y in values.items():
        if -x in values and (values[-x] - MIRRORED[c.name](y, exactly(x))).apart:
            return f"{r.v} = {x}"
    return ""


def _unit(r: Statements, c: Claimed, seen: Row, p: Point) -> str:
    for x, j, look in seen:
        if x > 0 and not look.switched and (j.d - exactly(1)).apart:
            return f"{r.v} = {x}"
    return ""


def _off_line(r: Statements, c: Claimed, seen: Row, p: Point) -> str:
    values = {x: j.x for x, j, _ in seen}
    if not {sp.S.Zero, sp.S.One} <= set(values):
        return ""
    start, rise = values[sp.S.Zero], values[sp.S.One] - values[sp.S.Zero]
    return next((f"{r.v} = {x}" for x, y in values.items() if (y - start - exactly(x) * rise).apart), "")


FAILS: Mapping[str, Test] = {"not_affine": _off_line, "R2": _off_line}
HOLDS: Mapping[str, Test] = {
    "nondecreasing": _falls,
    "strictly_increasing": _falls,
    "R1": _falls,
    "convex": _turns(1),
    "concave": _turns(-1),
    "odd": _mirror,
    "even": _mirror,
    "odd_part_half": _mirror,
    "unit_slope_positive": _unit,
    "R3": _unit,
}


# properties with a value


def _valued(r: Statements, c: Claimed, p: Point) -> str:
    """The value that is claimed at these parameters, against what is seen there."""
    if c.name not in VALUES:
        return ""
    for when, value in r.rows(c):
        if decided(when, Look(environment(p))) is not True or isinstance(value, dict):
            continue
        try:
            return VALUES[c.name](r, value, row(r, p), p)
        except Unread:
            return ""
    return ""


def _stretches(r: Statements, value: Any, p: Point) -> list[tuple[Interval, Interval, Stretch]]:
    return [(constant(at(s.lo, p)), constant(at(s.hi, p)), s) for s in r.spelling.stretches(value)]


def _outside(r: Statements, value: Any, seen: Row, p: Point) -> str:
    sets = _stretches(r, value, p)
    for x, j, _ in seen:
        if all(j.x.hi < lo.lo or j.x.lo > hi.hi for lo, hi, _ in sets):
            return f"{r.v} = {x}"
    return ""


def _steep(times: int) -> Callable[[Statements, Any, Row, Point], str]:
    def test(r: Statements, value: Any, seen: Row, p: Point) -> str:
        bound = constant(at(r.spelling.some(value), p))
        for x, j, look in seen:
            size = j.d if times == 1 else j.b
            if not look.switched and (size.lo > bound.hi or -size.hi > bound.hi):
                return f"{r.v} = {x}"
        for (x, a, _), (y, b, _) in pairwise(seen):
            rise = b.x - a.x if times == 1 else None
            reach = bound * exactly(y - x) if bound.hi.is_finite() else None
            if rise is not None and reach is not None and (rise.lo > reach.hi or -rise.hi > reach.hi):
                return f"{r.v} = {x}, {y}"
        if bound.hi.is_finite() and bound.lo > 0 and r.looser < MAX_COVERED:
            r.looser += 1
            less = bound * exactly(sp.Rational(7, 8))
            smooth = r.spots.cover(r.f.expr, no_steeper(less, times), environment(p), limit=60)[0] is True
            return "never attained" if smooth and r.is_continuous and times == 1 else ""
        return ""

    return test


def _level(
    of: Callable[[Interval, Jet], Interval], *, slope: bool = False
) -> Callable[[Statements, Any, Row, Point], str]:
    def test(r: Statements, value: Any, seen: Row, p: Point) -> str:
        sets = _stretches(r, value, p)
        kinks = {at(b, p) for case in r.c.cases for b in case.breaks}
        for x, j, look in seen:
            if slope and (look.switched or x in kinks):
                continue
            here, gap = exactly(x), of(exactly(x), j)
            inside = any(here.lo > lo.hi and here.hi < hi.lo for lo, hi, _ in sets)
            apart = all(here.hi < lo.lo or here.lo > hi.hi for lo, hi, _ in sets)
            if (inside and gap.apart) or (apart and gap.zero):
                return f"{r.v} = {x}"
        for lo, hi, s in sets:
            if s.lo == s.hi and not (slope and at(s.lo, p) in kinks):
                found = r.spots.look(r.f.expr, r.v, Interval(lo.lo, hi.hi), environment(p))
                known = found is not None and found[1].defined and not (slope and found[1].switched)
                if found is not None and known and of(lo, found[0]).apart:
                    return f"{r.v} = {s.lo}"
        if not r.is_continuous or slope:
            return ""
        for (x, a, _), (y, b, _) in pairwise(seen):
            first, last = of(exactly(x), a), of(exactly(y), b)
            crossed = (first.positive and last.negative) or (first.negative and last.positive)
            between = all(exactly(y).hi < lo.lo or exactly(x).lo > hi.hi for lo, hi, _ in sets)
            if crossed and between:
                return f"{r.v} in [{x}, {y}]"
        return ""

    return test


VALUES: Mapping[str, Callable[[Statements, Any, Row, Point], str]] = {
    "range": _outside,
    "lipschitz": _steep(1),
    "slope_lipschitz": _steep(2),
    "zeros": _level(lambda x, j: j.x),
    "fixed_points": _level(lambda x, j: j.x - x),
    "unit_slope_set": _level(lambda x, j: j.d - exactly(1), slope=True),
    "zero_slope_set": _level(lambda x, j: j.d, slope=True),
}
