"""Intervals on the definition: growing boxes of inputs, to both infinities, split where an enclosure is too wide."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import sympy as sp
from flint import ctx

from kassei.core.activation import Activation
from kassei.verify.ask import enclosed, exact
from kassei.verify.interval import INF, WHOLE, Hole, Interval, Jet, Look, box, down, exactly, jet, up
from kassei.verify.interval import ONE as UNIT
from kassei.verify.read import Spelling, Stretch
from kassei.verify.report import Finding

REACH = 20
"""Growing boxes reach to 2**REACH on both sides; one more on each side reaches to infinity."""
DEPTH = 14
MAX_BOXES = 250
"""How many boxes one statement may be split into."""
MAX_LOOKS = 2000
"""How many boxes are looked at for one certificate; what comes after is left open."""
GRID = tuple(sp.Rational(k, 4) for k in range(-16, 17))
FAR = tuple(sp.Integer(s * 2**k) for k in (3, 5, 8, 12, 20) for s in (-1, 1))
CELLS = tuple(pairwise((-sp.oo, *sorted((*GRID, *FAR)), sp.oo)))
BENT = ("convex", "concave")
SLACK = sp.Rational(1, 2**20)
BITS = 96

Test = Callable[[Jet, Look], bool | None]
Point = Mapping[sp.Symbol, sp.Expr]
MIRRORED: Mapping[str, Callable[[Any, Any], Any]] = {
    "odd": lambda y, v: -y,
    "even": lambda y, v: y,
    "odd_part_half": lambda y, v: y - v,
}
"""What f(-v) is, from f(v) and v."""


def constant(x: sp.Expr) -> Interval:
    """A constant as a narrow interval."""
    if x.is_Rational:
        return exactly(x)
    if x in (sp.oo, -sp.oo):
        return Interval(INF, INF) if x is sp.oo else Interval(-INF, -INF)
    ball = enclosed(x)
    return Interval(down(ball), up(ball))


def environment(values: Point, radius: sp.Rational = sp.S.Zero) -> dict[sp.Symbol, Jet]:
    """Parameter values, or boxes around them, as jets."""
    if radius == 0:
        return {s: Jet(constant(x)) for s, x in values.items()}
    return {s: Jet(box(x - radius, x + radius)) for s, x in values.items()}


class Scan:
    """One definition looked at through intervals; counts what it looks at."""

    def __init__(self, activation: Activation) -> None:
        self.f = activation
        self.v = activation.variable
        self.boxes = 0
        self.undecided = 0
        self.parameter_boxes = 0

    def look(self, e: sp.Expr, x: sp.Symbol, at: Interval, env: Mapping[sp.Symbol, Jet]) -> tuple[Jet, Look] | None:
        """Value, slope and bend on a box; None where the expression is undefined on all of it."""
        self.boxes += 1
        look = Look({**env, x: Jet(at, UNIT)})
        saved, ctx.prec = ctx.prec, BITS
        try:
            return jet(e, look), look
        except Hole:
            return None
        finally:
            ctx.prec = saved

    def cover(
        self,
        e: sp.Expr,
        test: Test,
        env: Mapping[sp.Symbol, Jet] | None = None,
        cells: Sequence[tuple[sp.Expr, sp.Expr]] = CELLS,
        limit: int = MAX_BOXES,
        x: sp.Symbol | None = None,
        overlap: bool = False,
    ) -> tuple[bool | None, str, int]:
        """Whether a test holds on every cell: True, False with a box, or None with how many boxes stayed open.

        Boxes that overlap meet every kink inside: of two that only touch, neither sees a kink between them.
        """
        left, stuck = limit, 0
        if self.boxes > MAX_LOOKS:
            return None, "", len(cells)
        waiting = deque((lo, hi, 0) for lo, hi in cells)
        while waiting:
            lo, hi, depth = waiting.popleft()
            left -= 1
            more = SLACK if overlap else sp.S.Zero
            found = self.look(e, x or self.v, box(lo - more, hi + more), env or {})
            truth = None if found is None else test(*found)
            if truth is False:
                return False, f"[{lo}, {hi}]", stuck
            if truth is True:
                continue
            if found is None or depth >= DEPTH or left < len(waiting) or lo == -sp.oo or hi == sp.oo:
                stuck += 1
                continue
            middle = (lo + hi) / 2
            waiting += [(lo, middle, depth + 1), (middle, hi, depth + 1)]
        self.undecided += stuck
        return (True if stuck == 0 else None), "", stuck

    def said(self, before: Finding, result: tuple[bool | None, str, int], *, complete: bool = True) -> Finding:
        """What a cover means for a statement Z3 left open."""
        truth, where, stuck = result
        if truth is False:
            return Finding("contradicted", before.what, "intervals", where)
        if truth is True and complete:
            return Finding("confirmed", before.what, "intervals")
        return Finding("consistent", before.what, "intervals", f"{stuck} boxes undecided" if stuck else "")

    # yes or no, without parameters

    def everywhere(self, before: Finding, kind: str, *, continuous: bool) -> Finding:
        """Monotone or bent one way, by the enclosed slope or bend."""
        test = shape(kind)
        if test is None:
            return before
        joints = continuous and kind in ("nondecreasing", "strictly_increasing")
        return self.said(before, self.cover(self.f.expr, with_joints(test, joints), overlap=kind in BENT))

    def somewhere(self, before: Finding, kind: str, *, continuous: bool) -> Finding:
        """Where the opposite is certain on some box the failure is shown; where the property holds, it is not."""
        if kind in MIRRORED:
            return self.unmirrored(before, kind)
        test = shape(kind)
        if test is None:
            return before
        joints = continuous and kind in ("nondecreasing", "strictly_increasing")
        truth, where, _ = self.cover(self.f.expr, with_joints(test, joints), overlap=kind in BENT)
        if truth is None:
            return before
        return Finding("contradicted" if truth else "confirmed", before.what, "intervals", where)

    def unmirrored(self, before: Finding, kind: str) -> Finding:
        """A value that is certainly not the mirrored one."""
        for p in GRID:
            sides = [self.look(self.f.expr, self.v, exactly(x), {}) for x in (p, -p)]
            here, there = (None if s is None else s[0].x for s in sides)
            if here is not None and there is not None and (there - MIRRORED[kind](here, exactly(p))).apart:
                return Finding("confirmed", before.what, "intervals", f"{self.v} = {p}")
        return before

    def bent(self, before: Finding) -> Finding:
        """A bend that is certainly not 0 somewhere."""
        for lo, hi in CELLS[1:-1]:
            found = self.look(self.f.expr, self.v, box(lo, hi), {})
            if found is not None and not found[1].switched and (found[0].b.positive or found[0].b.negative):
                return Finding("confirmed", before.what, "intervals", f"[{lo}, {hi}]")
        return before

    def slope_not_one(self, before: Finding) -> Finding:
        """A slope that is certainly not 1 on a box of positive inputs."""
        for lo, hi in CELLS:
            if not lo.is_positive:
                continue
            found = self.look(self.f.expr, self.v, box(lo, hi), {})
            if found is not None and not found[1].switched:
                gap = found[0].d + -UNIT
                if gap.positive or gap.negative:
                    return Finding("confirmed", before.what, "intervals", f"[{lo}, {hi}]")
        return before

    def definition(self, kind: str, good: Sequence[Point]) -> Finding | None:
        """The definition's own slopes and bends, at exact parameters where the property is claimed and around them."""
        test = shape(kind)
        if test is None or not good or not self.f.parameters:
            return None
        for p in good[:4]:
            for radius in (sp.S.Zero, sp.Rational(1, 256)):
                if radius and not all(inside_domain(self.f, p, radius)):
                    continue
                self.parameter_boxes += bool(radius)
                weak = with_joints(test, True) if kind in ("nondecreasing", "strictly_increasing") else test
                truth, where, _ = self.cover(self.f.expr, weak, environment(p, radius), limit=60)
                if truth is False:
                    at = ", ".join(f"{s} = {x}" for s, x in p.items())
                    return Finding("contradicted", f"{kind}: holds", "intervals", f"{at}, {self.v} in {where}")
        return None

    # values

    def values_inside(self, before: Finding, parts: Sequence[Stretch], points: Sequence[Point]) -> Finding:
        """F's values at parameter points against the claimed image."""
        result: tuple[bool | None, str, int] = (None, "", 0)
        for p in points:
            ranges = [(constant(at(s.lo, p)), constant(at(s.hi, p)), s.lo_in, s.hi_in) for s in parts]
            result = self.cover(self.f.expr, within(ranges), environment(p), limit=120)
            if result[0] is False:
                return self.said(before, result)
        return self.said(before, result, complete=not self.f.parameters)

    def slopes_within(self, before: Finding, bound: sp.Expr, points: Sequence[Point], times: int = 1) -> Finding:
        """F's slopes (or bends) at parameter points against the claimed constant."""
        result: tuple[bool | None, str, int] = (None, "", 0)
        for p in points[:4]:
            limit = constant(at(bound, p))
            result = self.cover(self.f.expr, no_steeper(limit, times), environment(p), limit=120)
            if result[0] is False:
                return self.said(before, result)
        return self.said(before, result, complete=not self.f.parameters)

    def never_near(self, bound: sp.Expr, points: Sequence[Point], times: int) -> bool:
        """Whether at some parameter point all slopes (or bends) are certainly smaller than the claimed constant."""
        for p in points[:2]:
            less = constant(at(bound, p)) * exactly(sp.Rational(63, 64))
            if self.cover(self.f.expr, no_steeper(less, times), environment(p), limit=120)[0] is True:
                return True
        return False

    def bounded(self, before: Finding, points: Sequence[Point], times: int) -> Finding:
        """Slopes (or bends) that are said to have no bound and certainly have one."""

        def finite(j: Jet, look: Look) -> bool | None:
            x = j.d if times == 1 else j.b
            return True if look.defined and x.lo > -INF and x.hi < INF else None

        for p in points[:2]:
            if self.cover(self.f.expr, finite, environment(p), limit=120)[0] is True:
                return Finding("contradicted", before.what, "intervals", ", ".join(f"{s} = {x}" for s, x in p.items()))
        return before

    def level_inside(
        self, before: Finding, parts: Sequence[Stretch], level: sp.Expr, points: Sequence[Point]
    ) -> Finding:
        """On boxes away from the claimed set the slope is not the level; inside its intervals it is."""
        stuck = 0
        for p in points:
            goal = constant(level)
            sets = [(constant(at(s.lo, p)), constant(at(s.hi, p))) for s in parts]
            for lo, hi in CELLS:
                found = self.look(self.f.expr, self.v, box(lo, hi), environment(p))
                if found is None or found[1].switched:
                    stuck += 1
                    continue
                gap = found[0].d + -goal
                here = box(lo, hi)
                apart = all(here.hi < a.lo or here.lo > b.hi for a, b in sets)
                inner = any(here.lo > a.hi and here.hi < b.lo for a, b in sets)
                where = f"[{lo}, {hi}]"
                if (apart and gap.zero) or (inner and (gap.positive or gap.negative)):
                    return Finding("contradicted", before.what, "intervals", where)
                stuck += apart and not (gap.positive or gap.negative)
            for a, b in sets:
                spot = None if a.hi < b.lo else self.look(self.f.expr, self.v, Interval(a.lo, b.hi), environment(p))
                if spot is None or spot[1].switched:
                    continue
                gap = spot[0].d + -goal
                if gap.positive or gap.negative:
                    return Finding("contradicted", before.what, "intervals", str(parts))
        return Finding("consistent", before.what, "intervals", f"{stuck} boxes undecided" if stuck else "")

    # enclosed values

    def enclosure(self, value: Any, spelling: Spelling) -> tuple[Interval, bool]:
        """A number as the certificate encloses it, and whether it is what the root it names gives."""
        if not isinstance(value, dict):
            x = spelling.some(value)
            return constant(x), True
        claimed = box(sp.Rational(value["lo"]), sp.Rational(value["hi"]))
        if claimed.lo > claimed.hi:
            raise Elsewhere(f"{value['lo']} > {value['hi']}")
        env = {sp.Symbol(n, real=True): Jet(constant(spelling.some(x))) for n, x in value.get("at", {}).items()}
        if "root_of" not in value:
            return claimed, False
        x = self.v
        function = spelling.expr(value["root_of"])
        if function is None or not function.has(x):
            return claimed, False
        low, high = (self.enclosure(end, spelling)[0] if isinstance(end, dict) else end for end in value["root_in"])
        start = exact(low.hi) if isinstance(low, Interval) else spelling.some(low)
        stop = exact(high.lo) if isinstance(high, Interval) else spelling.some(high)
        bracket = self.root(function, x, start, stop, env)
        if bracket is None:
            return claimed, False
        root = bracket
        if "value_of" in value:
            name = sp.Symbol("root", real=True)
            if "root1" in value["value_of"]:
                return claimed, False
            found = self.look(spelling.some_with(value["value_of"], "root"), name, root, env)
            if found is None:
                return claimed, False
            root = found[0].x
        if root.hi < claimed.lo or root.lo > claimed.hi:
            raise Elsewhere(f"{value['lo']} … {value['hi']}")
        return claimed, True

    def root(self, e: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, env: Mapping[sp.Symbol, Jet]) -> Interval | None:
        """The root at which the sign changes between two rationals, by bisection; None where no signs are found.

        Raises ``Elsewhere`` where the sign is the same at both.
        """

        def sign(p: sp.Rational) -> int:
            found = self.look(e, x, exactly(p), env)
            return 0 if found is None else 1 if found[0].x.positive else -1 if found[0].x.negative else 0

        if not (lo.is_Rational and hi.is_Rational):
            return None
        first, last = sign(lo), sign(hi)
        if first * last > 0:
            raise Elsewhere(f"{e} has one sign at {lo} and {hi}")
        if first * last == 0:
            return None
        for _ in range(70):
            middle = (lo + hi) / 2
            s = sign(middle)
            if s == 0:
                break
            lo, hi = (middle, hi) if s == first else (lo, middle)
        return box(lo, hi)

    def where(self, value: Any, points: Sequence[Point], spelling: Spelling) -> Mapping[sp.Symbol, Jet]:
        """The parameters an enclosed value speaks of: those it names, else any at which it is claimed."""
        found = {s: spelling.some(x) for s in self.parameters if (x := named(value).get(s.name)) is not None}
        if not found:
            return environment(points[0]) if points else {s: Jet(WHOLE) for s in self.parameters}
        whole = next((p for p in points if all(p[s] == x for s, x in found.items())), None)
        others = {s: Jet(WHOLE) if whole is None else Jet(exactly(whole[s])) for s in self.parameters if s not in found}
        return {s: Jet(constant(x)) for s, x in found.items()} | others

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The parameters' symbols."""
        return tuple(p.symbol for p in self.f.parameters)

    def range(self, value: Mapping[str, Any], spelling: Spelling, points: Sequence[Point]) -> list[Finding]:
        """A range with an enclosed end: the end is what it says, and no box lies outside; to a tolerance."""
        what = "values lie in the range"
        try:
            low, _ = self.enclosure(value["inf"], spelling)
            high, _ = self.enclosure(value["sup"], spelling)
        except Elsewhere as wrong:
            return [Finding("contradicted", "the enclosed end", "intervals", str(wrong))]
        slack = exactly(SLACK)
        near = [(low + -slack, high + slack, True, True)]
        env = self.where(value, points, spelling)
        out = [self.said(Finding("consistent", what), self.cover(self.f.expr, within(near), env), complete=False)]
        for end, way in ((low, -1), (high, 1)):
            if end.lo.is_finite() and not self.touched(end, way):
                out.append(Finding("contradicted", "the end is approached", "intervals"))
        return out

    def touched(self, end: Interval, way: int) -> bool:
        """Whether boxes cannot exclude that values come near an end; without parameters only."""
        near = exactly(sp.Rational(1, 64))

        def away(j: Jet, look: Look) -> bool | None:
            gap = (end + -near) + -j.x if way > 0 else j.x + -(end + near)
            return True if gap.positive and look.defined else None

        return bool(self.f.parameters) or self.cover(self.f.expr, away, limit=120)[0] is not True

    def lipschitz(
        self, value: Mapping[str, Any], spelling: Spelling, points: Sequence[Point], times: int = 1
    ) -> list[Finding]:
        """A constant that is enclosed: it is what it says, and no slope (or bend) is certainly larger."""
        try:
            bound, _ = self.enclosure(value, spelling)
        except Elsewhere as wrong:
            return [Finding("contradicted", "the enclosed constant", "intervals", str(wrong))]
        env = self.where(value, points, spelling)
        slack = bound + exactly(SLACK)
        found = self.cover(self.f.expr, no_steeper(slack, times), env)
        out = [self.said(Finding("consistent", "sizes at most the constant"), found, complete=False)]
        less = bound + -exactly(sp.Rational(1, 64))
        if not self.f.parameters and self.cover(self.f.expr, no_steeper(less, times), env, limit=120)[0] is True:
            out.append(Finding("contradicted", "the constant is approached", "intervals"))
        return out

    def level_set(
        self, value: Mapping[str, Any], level: sp.Expr, spelling: Spelling, points: Sequence[Point]
    ) -> list[Finding]:
        """Isolated points with a slope, each enclosed: the slope crosses the level there and nowhere else is it met."""
        env = self.where(value, points, spelling)
        known: list[Interval] = []
        out = []
        for point in value["points"]:
            try:
                spot, _ = self.enclosure(point, spelling)
            except Elsewhere as wrong:
                return [Finding("contradicted", f"slope {level}", "intervals", str(wrong))]
            found = self.look(self.f.expr, self.v, spot, env)
            gap = None if found is None else found[0].d + -constant(level)
            if gap is not None and (gap.positive or gap.negative):
                return [Finding("contradicted", f"slope {level}", "intervals", str(point))]
            known.append(spot)
        stretches = [s for text in value["intervals"] for s in spelling.stretches(text)]
        sets = [*known, *(Interval(constant(at(s.lo, {})).lo, constant(at(s.hi, {})).hi) for s in stretches)]
        near = sp.Rational(1, 64)

        def apart(j: Jet, look: Look) -> bool | None:
            here = look.env[self.v].x
            if any(here.lo >= s.lo - exactly(near).hi and here.hi <= s.hi + exactly(near).hi for s in sets):
                return True
            gap = j.d + -constant(level)
            if gap.zero and not look.switched:
                return False
            return True if gap.positive or gap.negative else None

        what = f"slope {level} nowhere else"
        out.append(self.said(Finding("consistent", what), self.cover(self.f.expr, apart, env), complete=False))
        missing = self.crossings(level, sets, env)
        if missing:
            out.append(Finding("contradicted", what, "intervals", missing))
        return out

    def crossings(self, level: sp.Expr, sets: Sequence[Interval], env: Mapping[sp.Symbol, Jet]) -> str:
        """A cell on which the slope certainly crosses the level away from the known points."""
        signs: list[tuple[sp.Expr, int]] = []
        for p in GRID:
            found = self.look(self.f.expr, self.v, exactly(p), env)
            gap = None if found is None else found[0].d + -constant(level)
            signs.append((p, 0 if gap is None else 1 if gap.positive else -1 if gap.negative else 0))
        for (a, s), (b, t) in pairwise(signs):
            here = box(a, b)
            spot = self.look(self.f.expr, self.v, here, env)
            smooth = spot is not None and not spot[1].switched and spot[1].defined
            if smooth and s * t < 0 and all(here.hi < k.lo or here.lo > k.hi for k in sets):
                return f"[{a}, {b}]"
        return ""

    # witnesses and claims

    def witness(self, name: str, w: Mapping[str, Any], values: Point, spelling: Spelling) -> bool | None:
        """Whether a witness shows the failure: certainly, certainly not, or not to be told by intervals."""
        env = environment(values)

        def jets(p: Interval) -> tuple[Jet, Look] | None:
            return self.look(self.f.expr, self.v, p, env)

        points = [spelling.some(p).subs(dict(values)) for p in w.get("points", [])]
        seen = [jets(constant(p)) for p in points]
        good = [s[0] for s in seen if s is not None]
        if len(good) < len(seen):
            return None
        if name in ("nondecreasing", "strictly_increasing", "R1") and len(good) == 2:
            if points[0] >= points[1]:
                return False
            gap = good[0].x + -good[1].x
            return True if gap.positive else False if gap.negative else None
        if name in MIRRORED and len(good) == 2:
            gap = good[0].x - MIRRORED[name](good[1].x, constant(points[1]))
            return False if points[0] + points[1] != 0 else True if gap.apart else None
        if name in ("unit_slope_positive", "R3") and len(good) == 1:
            gap = good[0].d + -UNIT
            if points[0] <= 0 or (gap.zero and not seen[0][1].switched):  # type: ignore[index]
                return False
            told = spelling.expr(w["slope"]) if "slope" in w else None
            if told is not None:
                off = good[0].d + -constant(told.subs(dict(values)))
                if off.positive or off.negative:
                    return False
            return True if gap.positive or gap.negative else None
        if name in ("convex", "concave"):
            return self.unbent(name, w, good, spelling, env, values)
        if name in ("continuous", "R1") and "at" in w:
            return self.jumps(w, spelling, env, values)
        return None

    def unbent(
        self,
        name: str,
        w: Mapping[str, Any],
        good: Sequence[Jet],
        spelling: Spelling,
        env: Mapping[sp.Symbol, Jet],
        values: Point,
    ) -> bool | None:
        """A bend of the wrong sign at a point, or a second difference of the wrong sign around one."""
        way = 1 if name == "convex" else -1
        if len(good) == 1:
            bend = good[0].b if way > 0 else -good[0].b
            return True if bend.negative else False if bend.lo >= 0 else None
        if "at" not in w:
            return None
        middle = spelling.some(w["at"]).subs(dict(values))
        for bits in (2, 6, 12, 20, 30):
            h = sp.Rational(1, 2**bits)
            for shift in (0, -h / 2, h / 2):
                around = [self.look(self.f.expr, self.v, constant(middle + shift + k * h), env) for k in (-1, 0, 1)]
                seen = [s[0].x for s in around if s is not None]
                if len(seen) < 3:
                    return None
                gap = (seen[0] + seen[2]) + -(seen[1] + seen[1])
                if (gap if way > 0 else -gap).negative:
                    return True
        spot = constant(middle)
        near = self.look(self.f.expr, self.v, Interval(spot.lo - exactly(SLACK).hi, spot.hi + exactly(SLACK).hi), env)
        if near is not None and not near[1].switched:
            bend = near[0].b if way > 0 else -near[0].b
            return False if bend.lo >= 0 else None
        return None

    def jumps(
        self, w: Mapping[str, Any], spelling: Spelling, env: Mapping[sp.Symbol, Jet], values: Point
    ) -> bool | None:
        """Sides that differ at a point, as they are said to be: values beside it and at it."""
        middle = spelling.some(w["at"]).subs(dict(values))
        around = self.look(self.f.expr, self.v, constant(middle) + box(-SLACK, SLACK), env)
        if around is not None and around[1].defined and not around[1].switched:
            return False
        sides = []
        for key, step in (("left", -1), ("value", 0), ("right", 1)):
            told = spelling.expr(w[key])
            seen = self.look(self.f.expr, self.v, constant(middle + step * sp.Rational(1, 2**60)), env)
            if told is None or told in (sp.oo, -sp.oo) or seen is None:
                return None
            gap = seen[0].x + -constant(told)
            if gap.lo > exactly(SLACK).hi or gap.hi < -exactly(SLACK).hi:
                return False
            sides.append(told)
        differ = [constant(a) + -constant(b) for a, b in pairwise(sides)]
        return True if any(g.positive or g.negative for g in differ) else False if all(g.zero for g in differ) else None

    def signs(
        self,
        before: Finding,
        e: sp.Expr,
        x: sp.Symbol,
        nodes: Sequence[sp.Expr],
        signs: Sequence[int],
        points: Sequence[Point],
    ) -> Finding:
        """Signs of an expression between its zeros, on boxes at parameter points."""
        result: tuple[bool | None, str, int] = (None, "", 0)
        for p in points[:3]:
            env = environment(p)
            marks = [constant(at(n, p)) for n in nodes]

            def right(j: Jet, look: Look, marks: list[Interval] = marks) -> bool | None:
                here = look.env[x].x
                known = True
                for k, s in enumerate(signs):
                    if here.hi <= marks[k].lo or here.lo >= marks[k + 1].hi:
                        continue
                    inner = here.lo >= marks[k].hi and here.hi <= marks[k + 1].lo
                    good = j.x.positive if s > 0 else j.x.negative if s < 0 else j.x.zero
                    bad = j.x.negative if s > 0 else j.x.positive if s < 0 else j.x.positive or j.x.negative
                    if inner and bad and look.defined:
                        return False
                    known = known and good and look.defined
                return True if known else None

            result = self.cover(e, right, env, limit=80, x=x)
            if result[0] is False:
                return self.said(before, result)
        return self.said(before, result, complete=not self.f.parameters)

    def signs_between_roots(
        self, what: str, claim: Mapping[str, Any], x: sp.Symbol, read: Callable[[Any], sp.Expr]
    ) -> Finding:
        """The same where zeros have no closed form: each is enclosed first. Without parameters only."""
        if self.f.parameters:
            return Finding("consistent", what)
        marks = []
        for node in (claim["lo"], *claim["points"], claim["hi"]):
            if not isinstance(node, dict):
                marks.append(constant(read(node)))
                continue
            roots = node["roots"]
            (name,) = roots if len(roots) == 1 else ("",)
            if node["expr"] != name:
                return Finding("consistent", what)
            inner = sp.Symbol(roots[name]["variable"], real=True)
            spelling = Spelling(self.f)
            spelling.v = inner
            function = spelling.some(roots[name]["of"])
            low, high = (spelling.some(roots[name][k]) for k in ("lo", "hi"))
            try:
                root = self.root(function, inner, low, high, {})
            except Elsewhere as wrong:
                return Finding("contradicted", what, "intervals", str(wrong))
            if root is None:
                return Finding("consistent", what)
            marks.append(root)
        if isinstance(claim["expr"], dict):
            return Finding("consistent", what)
        e = read(claim["expr"])
        for k, s in enumerate(claim["signs"]):
            for lo, hi in CELLS:
                here = box(lo, hi)
                if here.lo < marks[k].hi or here.hi > marks[k + 1].lo:
                    continue
                found = self.look(e, x, here, {})
                if found is None:
                    continue
                value = found[0].x
                if value.negative if s > 0 else value.positive if s < 0 else value.positive or value.negative:
                    return Finding("contradicted", what, "intervals", f"[{lo}, {hi}]")
        return Finding("consistent", what, "intervals")


class Elsewhere(Exception):
    """An enclosed number does not enclose what it is said to."""


def named(value: Any) -> Mapping[str, Any]:
    """The parameter values that the enclosures inside a value are given at, all of them at one place."""
    if isinstance(value, dict):
        inside = value.values() if "at" not in value else ()
        return {**value.get("at", {}), **{n: x for v in inside for n, x in named(v).items()}}
    return {n: x for v in value for n, x in named(v).items()} if isinstance(value, list) else {}


def at(e: sp.Expr, p: Point) -> sp.Expr:
    """An end at exact parameter values."""
    return e if e in (sp.oo, -sp.oo) else e.subs(dict(p))


def inside_domain(f: Activation, p: Point, radius: sp.Rational) -> list[bool]:
    """For each parameter whether a box around its value lies in the domain."""
    return [bool(q.domain.contains(p[q.symbol] + k * radius)) for q in f.parameters for k in (-1, 1)]


def shape(kind: str) -> Test | None:
    """The test of a slope or a bend on a box."""

    def rises(j: Jet, look: Look) -> bool | None:
        if j.d.negative and not look.switched:
            return False
        return True if j.d.lo >= 0 and look.defined else None

    def strictly(j: Jet, look: Look) -> bool | None:
        if (j.d.negative or j.d.zero) and not look.switched:
            return False
        return True if j.d.positive and look.defined else None

    def bends(way: int) -> Test:
        def test(j: Jet, look: Look) -> bool | None:
            b = j.b if way > 0 else -j.b
            if b.negative and not look.switched:
                return False
            return True if b.lo >= 0 and look.defined and not look.switched else None

        return test

    tests = {"nondecreasing": rises, "strictly_increasing": strictly, "convex": bends(1), "concave": bends(-1)}
    return tests.get(kind)


def with_joints(test: Test, continuous: bool) -> Test:
    """A test of slopes on boxes in which a switch is open says something only where f is continuous."""

    def joined(j: Jet, look: Look) -> bool | None:
        truth = test(j, look)
        return None if look.switched and not continuous and truth is True else truth

    return joined


def within(ranges: Sequence[tuple[Interval, Interval, bool, bool]]) -> Test:
    """The test that values lie in a union of intervals with enclosed ends."""

    def test(j: Jet, look: Look) -> bool | None:
        x = j.x
        for lo, hi, lo_in, hi_in in ranges:
            above = x.lo > lo.hi or (x.lo == lo.hi and (lo_in or x.nonzero & bool(lo.lo == 0)))
            below = x.hi < hi.lo or (x.hi == hi.lo and (hi_in or x.nonzero & bool(hi.lo == 0)))
            above = above or bool(lo.lo == -INF)
            below = below or bool(hi.lo == INF)
            if above and below and look.defined:
                return True
        outside = all(x.hi < lo.lo or x.lo > hi.hi for lo, hi, _, _ in ranges)
        return False if outside else None

    return test


def no_steeper(bound: Interval, times: int = 1) -> Test:
    """The test that slopes (or bends) are at most a constant in size."""

    def test(j: Jet, look: Look) -> bool | None:
        x = j.d if times == 1 else j.b
        if x.hi <= bound.lo and -x.lo <= bound.lo and look.defined:
            return True
        if not look.switched and look.defined and (x.lo > bound.hi or -x.hi > bound.hi):
            return False
        return None

    return test
