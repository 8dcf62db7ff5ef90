"""Statements about a definition and its normal form, put to Z3: everywhere, somewhere, or about parameters alone.

*Everywhere*: no parameters and inputs violate it; shown when Z3 finds none. *Somewhere*: for all parameters some input
violates; shown when no parameters satisfy it at all of a few candidate inputs. *Ground*: it speaks of the parameters
alone. Where Z3 leaves one open for all parameters it is asked again at exact parameter values for a contradiction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice, product
from typing import Any

import sympy as sp
import z3

from kassei.core.activation import Domain
from kassei.core.expression import ExpressionError
from kassei.verify import boxes
from kassei.verify.ask import EFFORT, Beyond, Question
from kassei.verify.boxes import MIRRORED
from kassei.verify.interval import Look, decided
from kassei.verify.limits import Limit, end_limits, rooted
from kassei.verify.read import Case, Certificate, Claimed, Piece, Spelling, Stretch, Unread
from kassei.verify.report import Finding

MAX_POINTS = 9
"""How many exact parameter values are looked at."""
MAX_HOSTILE = 32
"""How many more are tried where nothing is shown for all."""
MAX_ASKED = 8
"""At how many of these Z3 is asked about one statement."""
MAX_TRIED = 240
"""How often Z3 is asked at these for one certificate."""
LADDER = ("1", "1/2", "2", "3/2", "1/8", "8", "1/64", "64")
MAX_PROBES = 24
"""How many exact inputs Z3 is asked about where it has no answer for all."""
MAX_OPS = 30
"""Longer bends with roots are left to intervals: Z3 does not count all of its work on them."""
FIRST = 3
"""At how many of these Z3 is asked with its whole effort."""
PROBE_EFFORT = 20_000
INPUTS = tuple(map(sp.Rational, ("-3", "-1", "-1/2", "0", "1/2", "1", "3")))
Point = Mapping[sp.Symbol, sp.Expr]
Formula = Callable[[Question], Any]
TROUBLE = (
    Beyond,
    Unread,
    ExpressionError,
    ArithmeticError,
    NotImplementedError,
    sp.polys.polyerrors.BasePolynomialError,
)
SWITCHES = (sp.Piecewise, sp.sign)


class Statements:
    """One certificate and what may be asked about its definition."""

    def __init__(self, certificate: Certificate) -> None:
        self.c = certificate
        self.f = certificate.activation
        self.v = self.f.variable
        self.w = sp.Symbol(f"{self.v.name}!", real=True)
        self.h = sp.Symbol("h!", real=True)
        self.spelling = Spelling(self.f)
        self.scan = boxes.Scan(self.f)
        self.spots = boxes.Scan(self.f)
        """What is looked at beside what one statement needs, with a budget of its own."""
        self.probes = MAX_PROBES
        self.tried = 0
        self.looser = 0
        self.rows_at: dict[str, list[Any]] = {}
        self.integrals: dict[str, list[Any] | None] = {}

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Exact parameter values: the defaults, the samples of the cases, plain numbers of the domain."""
        return self.every_point[:MAX_POINTS]

    @cached_property
    def every_point(self) -> tuple[Point, ...]:
        """All of these, however many they are."""
        if not self.f.parameters:
            return ({},)
        found: list[dict[sp.Symbol, sp.Expr]] = [dict(self.f.defaults)]
        for case in self.c.cases:
            found.append(dict(case.sample))
        for claimed in self.c.verdicts:
            for one in claimed.cases:
                found.append(self.spelling.point(one["sample"]) or {})
        axes = []
        for p in self.f.parameters:
            plain = map(sp.Rational, ("1/2", "2", "0", "1", "-1", "-2", "1/8", "1/4", "-1/2", "1/3"))
            axes.append([(p.symbol, x) for x in (*plain,) if inside(x, p.domain)])
        found += [dict(row) for row in islice(product(*axes), 40)]
        out: list[Point] = []
        for one in found:
            right = set(one) == set(self.c.symbols) and all(x.is_Rational for x in one.values())
            if right and one not in out and all(inside(one[p.symbol], p.domain) for p in self.f.parameters):
                out.append(one)
        return tuple(out)

    def at(self, condition: sp.Basic) -> list[Point]:
        """The parameter values that satisfy a condition; where none of the points does, one of the rest."""

        def among(points: Iterable[Point]) -> Iterator[Point]:
            return (p for p in points if decided(condition, Look(boxes.environment(p))) is True)

        return list(among(self.points)) or list(islice(among(self.every_point[MAX_POINTS:]), 1))

    @cached_property
    def hostile(self) -> tuple[Point, ...]:
        """More parameter values: one parameter at a time at and beside its ends, beside constants, small and large.

        The constants are those of the definition and of the certificate's conditions; the other parameters are at
        their defaults, and all are small or large together.
        """
        constants = {x for c in self.conditions for x in c.atoms(sp.Rational)} | self.f.expr.atoms(sp.Rational)
        apart = sp.Rational(1, 8)
        axes: dict[sp.Symbol, list[sp.Rational]] = {}
        for p in self.f.parameters:
            ends = [x for x in (p.domain.lo, p.domain.hi) if x.is_Rational]
            near = [x + k * d for x in ends for k in (0, 1, -1) for d in (sp.Rational(1, 128), apart)]
            near += [
                x + k * d
                for x in sorted(constants, key=lambda x: (abs(x), x))
                for d in (sp.Rational(1, 128), apart)
                for k in (0, 1, -1)
            ]
            near += [s * x for x in (sp.Integer(0), *map(sp.Rational, LADDER)) for s in (1, -1)]
            axes[p.symbol] = [x for x in dict.fromkeys(near) if inside(x, p.domain)]
        rows = [{**self.f.defaults, s: x} for s, xs in axes.items() for x in xs]
        if len(axes) > 1:
            rows += [{s: xs[k % len(xs)] for s, xs in axes.items()} for k in range(12)]
            rows += [{s: xs[(k + 3 * n) % len(xs)] for n, (s, xs) in enumerate(axes.items())} for k in range(12)]
        good = [row for row in rows if all(x.is_Rational for x in row.values()) and row not in self.points]
        kept = [row for k, row in enumerate(good) if row not in good[:k]]
        stride = max(1, len(kept) // MAX_HOSTILE)
        return tuple(kept[::stride][:MAX_HOSTILE]) if self.f.parameters else ()

    @property
    def conditions(self) -> Iterator[sp.Basic]:
        """Every condition of a verdict or of a row of its value."""
        for c in self.c.verdicts:
            yield c.condition
            yield from (when for when, _ in c.value or ())

    def hostile_at(self, condition: sp.Basic) -> list[Point]:
        """The hostile parameter values that satisfy a condition."""
        return [p for p in self.hostile if decided(condition, Look(boxes.environment(p))) is True]

    def tries(self, condition: sp.Basic) -> Iterator[tuple[Point, int]]:
        """Exact parameter values at which a statement is asked again, each with the effort for it."""
        yield from ((p, EFFORT if k < FIRST else PROBE_EFFORT) for k, p in enumerate(self.at(condition)))
        more = self.hostile_at(condition)
        for p in more[:: max(1, len(more) // MAX_ASKED)]:
            self.tried += 1
            if self.tried > MAX_TRIED:
                return
            yield p, PROBE_EFFORT

    def ask(
        self, condition: sp.Basic, formula: Formula, fixed: Point | None = None, effort: int = EFFORT
    ) -> tuple[str, Question | None]:
        """Z3's answer to: are there parameters with this condition, and inputs, that satisfy the formula?"""
        q = Question(self.f, fixed)
        try:
            if condition is not sp.true:
                q.require(q.condition(condition))
            q.require(formula(q))
        except Beyond:
            return "unknown", None
        return q.answer(effort), q

    def everywhere(self, what: str, condition: sp.Basic, violation: Formula) -> Finding:
        """No parameters with the condition, and no inputs, violate."""
        if condition is sp.false:
            return Finding("confirmed", what, "z3")
        answer, q = self.ask(condition, violation)
        if answer == "none":
            return Finding("confirmed", what, "z3")
        if answer == "found" and q is not None:
            return Finding("contradicted", what, "z3", q.place([*self.c.symbols, self.v, self.h, self.w]))
        for p, effort in self.tries(condition):
            answer, q = self.ask(sp.true, violation, p, effort)
            if answer == "found" and q is not None:
                return Finding("contradicted", what, "z3", q.place([*self.c.symbols, self.v, self.h, self.w]))
        for p, c in product(self.at(condition)[:3], self.candidates()[:9]):
            for step in (sp.Rational(1, 2), sp.Integer(2)):
                self.probes -= 1
                if self.probes < 0:
                    return Finding("consistent", what, "z3")
                if self.ask(sp.true, self.spot(c, step, violation), p, PROBE_EFFORT)[0] == "none":
                    return Finding("contradicted", what, "z3", shown({**p, self.v: c, self.h: step}))
        return Finding("consistent", what, "z3")

    def spot(self, at: sp.Expr, step: sp.Expr, violation: Formula) -> Formula:
        """Exact inputs that are said not to violate: where that is impossible, they do."""

        def formula(q: Question) -> Any:
            broken = violation(q)
            return z3.And(q.symbol(self.v) == q.value(at), q.symbol(self.h) == q.value(step), z3.Not(broken))

        return formula

    def ground(self, what: str, condition: sp.Basic, statement: Formula) -> Finding:
        """A statement about the parameters alone holds wherever the condition does."""
        if condition is sp.false:
            return Finding("confirmed", what, "z3")
        answer, _ = self.ask(condition, lambda q: z3.Not(statement(q)))
        if answer == "none":
            return Finding("confirmed", what, "z3")
        for p, effort in self.tries(condition):
            if self.ask(sp.true, statement, p, effort)[0] == "none":
                return Finding("contradicted", what, "z3", shown(p))
        return Finding("consistent", what, "z3")

    def somewhere(self, what: str, condition: sp.Basic, at_candidates: Formula, anywhere: Formula | None) -> Finding:
        """For all parameters with the condition, some candidate satisfies; contradicted where nothing does."""
        if condition is sp.false:
            return Finding("confirmed", what, "z3")
        answer, _ = self.ask(condition, lambda q: z3.Not(at_candidates(q)))
        if answer == "none":
            return Finding("confirmed", what, "z3")
        for p, effort in self.tries(condition) if anywhere else ():
            assert anywhere is not None
            if self.ask(sp.true, anywhere, p, effort)[0] == "none":
                return Finding("contradicted", what, "z3", shown(p))
        return Finding("consistent", what, "z3")

    @cached_property
    def form(self) -> tuple[Finding, ...]:
        """The normal form of each case is the definition, and the cases cover the domain."""
        if not self.c.cases:
            return (Finding("consistent", "no normal form is claimed"),)
        out = [self.ground("the cases cover the domain", sp.true, self.some_case)]
        for case in self.c.cases:
            if not case.pieces:
                out.append(Finding("consistent", "a normal form with roots that have no closed form"))
                continue
            if len(case.pieces) == 1 and case.pieces[0].expr == self.f.expr:
                out.append(Finding("confirmed", "the formula itself", "parser"))
                continue
            try:
                out.append(self.everywhere("pieces and definition agree", case.when, self.off_form(case)))
            except TROUBLE as left:
                out.append(Finding("consistent", f"not replayed: {left}"))
        return tuple(out)

    def some_case(self, q: Question) -> Any:
        """The parameters satisfy one of the cases."""
        return z3.Or(*(q.condition(c.when) for c in self.c.cases))

    def off_form(self, case: Case) -> Formula:
        """At some input the definition is not what the case says."""

        def formula(q: Question) -> Any:
            value, defined = q.defined(self.f.expr)
            v, out = q.symbol(self.v), []
            for piece in case.pieces:
                inside_it = z3.And(*ends(q, piece.lo, v, piece.hi))
                if piece.expr is None:
                    out.append(z3.And(inside_it, defined))
                else:
                    there, too = q.defined(piece.expr)
                    out.append(z3.And(inside_it, z3.Or(z3.Not(defined), z3.Not(too), value != there)))
            for at, claimed in zip(case.breaks, case.values, strict=True):
                here = v == q.value(at)
                if claimed is None:
                    out.append(z3.And(here, defined))
                else:
                    out.append(z3.And(here, z3.Or(z3.Not(defined), value != q.value(claimed))))
            return z3.Or(*out)

        return formula

    def f_at(self, q: Question, point: sp.Expr) -> tuple[Any, Any]:
        """The definition at an input, and whether it is defined there."""
        if point == self.v:
            return q.defined(self.f.expr)
        if point.free_symbols & {self.v, self.h}:
            return q.defined(self.f.expr.xreplace({self.v: point}))
        s = sp.Symbol(f"at {point}", real=True)
        q.side.append(q.symbol(s) == q.value(point))
        return q.defined(self.f.expr.xreplace({self.v: s}))

    def candidates(self) -> list[sp.Expr]:
        """Inputs at which a failure is looked for: plain numbers, breaks, and points beside them."""
        found: list[sp.Expr] = list(INPUTS)
        for case in self.c.cases:
            for b in case.breaks:
                found += [b, b - sp.Rational(1, 2), b + sp.Rational(1, 2)]
        return list(dict.fromkeys(found))[:14]

    def gone(self, q: Question) -> Any:
        """F is undefined at some candidate."""
        return z3.Or(*(z3.Not(self.f_at(q, c)[1]) for c in self.candidates()))

    def both_ways(self, c: Claimed, what: str, kind: str) -> Finding:
        """What is said to hold holds wherever the condition does, and fails wherever it does not."""
        holds = self.everywhere(f"{what}: holds", c.condition, lambda q: self.broken(q, kind))
        if holds.standing == "consistent" and not self.f.parameters:
            holds = self.scan.everywhere(holds, kind, continuous=self.is_continuous)
        fails = Finding("consistent", f"{what}: fails")
        if c.condition is sp.false and not self.f.parameters:  # cheaper than exponentials at many inputs
            fails = self.scan.somewhere(fails, kind, continuous=self.is_continuous)
        if fails.standing == "consistent":
            fails = self.somewhere(
                fails.what,
                sp.Not(c.condition),
                lambda q: z3.Or(*self.broken_at(q, kind)),
                lambda q: self.broken(q, kind),
            )
        return joined(what, holds, fails, *(self.form if kind in ("convex", "concave") and self.kinked else ()))

    @cached_property
    def kinked(self) -> bool:
        """Whether failures may be read off the normal form's breaks."""
        return any(case.breaks for case in self.c.cases)

    @cached_property
    def is_continuous(self) -> bool:
        """Whether Z3 confirms that f is total and continuous for all parameters."""
        return self.ask(sp.true, self.torn)[0] == "none"

    def broken(self, q: Question, kind: str) -> Any:
        """Some inputs violate the property, or f is undefined at one of them."""
        v, h = self.v, self.h
        if kind in MIRRORED:
            a, da = self.f_at(q, v)
            b, db = self.f_at(q, -v)
            return z3.Or(z3.Not(da), z3.Not(db), b != MIRRORED[kind](a, q.symbol(v)))
        q.require(q.symbol(h) > 0)
        if kind in ("convex", "concave"):
            (a, da), (m, dm), (b, db) = (self.f_at(q, x) for x in (v - h, v, v + h))
            return z3.Or(z3.Not(da), z3.Not(dm), z3.Not(db), a + b < 2 * m if kind == "convex" else a + b > 2 * m)
        (a, da), (b, db) = self.f_at(q, v), self.f_at(q, v + h)
        return z3.Or(z3.Not(da), z3.Not(db), a > b if kind == "nondecreasing" else a >= b)

    def broken_at(self, q: Question, kind: str) -> list[Any]:
        """Violations at candidate inputs, one of which is to hold."""
        points = self.candidates()
        values = [self.f_at(q, p) for p in points]
        out = [z3.Not(d) for _, d in values]
        if kind in MIRRORED:
            for p, (a, _) in zip(points, values, strict=True):
                b, _ = self.f_at(q, -p)
                out.append(b != MIRRORED[kind](a, q.value(p)))
            return out
        at = [q.value(p) for p in points]
        for i, (a, _) in enumerate(values):
            for j, (b, _) in enumerate(values):
                if i == j or (points[j] - points[i]).is_negative:
                    continue
                if kind == "nondecreasing":
                    out.append(z3.And(at[i] < at[j], a > b))
                elif kind == "strictly_increasing":
                    out.append(z3.And(at[i] < at[j], a >= b))
        if kind in ("convex", "concave"):
            for middle in (*points[:7], sp.Rational(1, 4)):
                m, _ = self.f_at(q, middle)
                for step in (sp.Rational(1, 2), sp.S.One):
                    (a, _), (b, _) = self.f_at(q, middle - step), self.f_at(q, middle + step)
                    out.append(a + b < 2 * m if kind == "convex" else a + b > 2 * m)
            out += self.turns(q, 1 if kind == "convex" else -1)
        return out

    def turns(self, q: Question, way: int) -> list[Any]:
        """At a break between pieces the slope turns against the bend."""
        out = []
        for case in self.c.cases:
            for k, b in enumerate(case.breaks):
                sides = [case.pieces[k].expr, case.pieces[k + 1].expr]
                if None in sides:
                    continue
                here = sp.Symbol(f"at {b}", real=True)
                q.side.append(q.symbol(here) == q.value(b))
                seen = [q.defined(e.diff(self.v).xreplace({self.v: here})) for e in sides if e is not None]
                (left, one), (right, two) = seen
                out.append(z3.And(q.condition(case.when), one, two, way * left > way * right))
        return out

    def torn(self, q: Question) -> Any:
        """F is undefined, or conditions on their border allow two values at one input."""
        q.loose = [self.v]
        first, one = q.defined(self.f.expr)
        second, two = q.defined(self.f.expr)
        q.loose = None
        return z3.Or(z3.Not(one), z3.Not(two), first != second)

    def everywhere_quiet(self, what: str, condition: sp.Basic, violation: Formula) -> Finding:
        """As ``everywhere``, for a violation that is sufficient only: what is found is checked on the pieces."""
        found = self.everywhere(what, condition, violation)
        if found.standing == "confirmed":
            return found
        for case in self.c.cases:
            for p in self.at(sp.And(case.when, condition)):
                if case.pieces and self.ask(sp.true, self.meets(case, 0), p)[0] == "none":
                    return Finding("contradicted", what, "z3", shown(p))
        defined = self.everywhere("defined", condition, lambda q: z3.Not(q.defined(self.f.expr)[1]))
        meeting = [
            self.ground(what, sp.And(case.when, condition), self.meets(case, 0))
            for case in self.c.cases
            if case.pieces and not any(p.expr is not None and p.expr.has(*SWITCHES) for p in case.pieces)
        ]
        if len(meeting) < len(self.c.cases):
            return Finding("consistent", what, "z3")
        return joined(what, *meeting, defined, *self.form)

    def fails_at_breaks(self, what: str, condition: sp.Basic) -> Finding:
        """Wherever the condition holds, f is undefined somewhere or jumps at a break of its normal form."""
        if condition is sp.false:
            return Finding("confirmed", what, "z3")
        found = [
            self.ground(what, sp.And(case.when, condition), lambda q, case=case: z3.Not(self.meets(case, 0)(q)))  # type: ignore[misc]
            for case in self.c.cases
        ]
        return joined(what, *found, *self.form)

    def meets(self, case: Case, order: int, at: sp.Expr | None = None) -> Formula:
        """At every break (or one), derivatives up to an order agree from both sides and with the value."""

        def formula(q: Question) -> Any:
            out = []
            for k, b in enumerate(case.breaks):
                if at is not None and b != at:
                    continue
                left, right, value = case.pieces[k].expr, case.pieces[k + 1].expr, case.values[k]
                if left is None or right is None or value is None:
                    return z3.BoolVal(False)
                here = sp.Symbol(f"at {b}", real=True)
                q.side.append(q.symbol(here) == q.value(b))
                for times in range(order + 1):
                    sides = [q.defined(e.diff(self.v, times).xreplace({self.v: here})) for e in (left, right)]
                    (a, da), (c, dc) = sides
                    same = z3.And(a == c, a == q.value(value)) if times == 0 else a == c
                    q.count += 1  # where a side has no value at the break, nothing is said
                    out.append(z3.If(z3.And(da, dc), same, z3.Bool(f"side!{q.count}")))
            return z3.And(*out) if out else z3.BoolVal(True)

        return formula

    def inside_pieces(
        self,
        q: Question,
        case: Case,
        of: Callable[[sp.Expr], sp.Expr],
        *,
        positive: bool = False,
        at: sp.Symbol | None = None,
    ) -> list[Any]:
        """For each piece: the input lies inside and an expression of the piece does not vanish (or is undefined)."""
        x = q.symbol(at if at is not None else self.v)
        out = []
        for piece in case.pieces:
            place = [*ends(q, piece.lo, x, piece.hi), *([x > 0] if positive else [])]
            if piece.expr is None:
                out.append(z3.And(*place))
                continue
            e = of(piece.expr)
            value, defined = q.defined(e if at is None else e.xreplace({self.v: at}))
            out.append(z3.And(*place, z3.Or(z3.Not(defined), value != 0)))
        return out

    def rows(self, c: Claimed) -> Iterator[tuple[sp.Basic, Any]]:
        """The value of each part of the domain."""
        yield from c.value or ()

    def reaches(self, part: Stretch, when: sp.Basic) -> Iterator[Finding]:
        """Both ends of an image are attained or approached as said."""
        for end, closed, way in ((part.lo, part.lo_in, -1), (part.hi, part.hi_in, 1)):
            if part.lo == part.hi and way < 0:
                continue

            def attained(q: Question, end: sp.Expr = end) -> Any:
                seen = [self.f_at(q, p) for p in self.candidates()]
                return z3.Or(*(z3.And(d, x == q.value(end)) for x, d in seen))

            def near(q: Question, end: sp.Expr = end, way: int = way) -> Any:
                y, defined = q.defined(self.f.expr)
                return z3.And(defined, beyond(q, y, end, way))

            def exact(q: Question, end: sp.Expr = end) -> Any:
                y, defined = q.defined(self.f.expr)
                return z3.And(defined, y == q.value(end))

            if closed:
                yield self.somewhere(f"{end} is attained", when, attained, exact)
            else:
                yield self.somewhere(f"{end} is approached", when, self.approached(end, 0), near)

    def approached(self, end: sp.Expr, times: int, sizes: bool = False, only: sp.Expr | None = None) -> Formula:
        """A derivative of some piece tends to this value at an end of the piece (or takes it at a candidate)."""

        def formula(q: Question) -> Any:
            out = []
            for case in self.c.cases:
                here = []
                for piece in case.pieces:
                    if piece.expr is None:
                        continue
                    e = piece.expr.diff(self.v, times)
                    for at in (piece.lo, piece.hi) if only is None else ():
                        if at not in (sp.oo, -sp.oo):
                            here += self.value_is(q, e, at, end, sizes)
                            continue
                        for found in end_limits(e, self.v, at):
                            here += tends(q, found, end, sizes)
                    for at in self.turning(piece) if end not in (sp.oo, -sp.oo) else ():
                        if only in (None, at):
                            here += self.value_is(q, e, at, end, sizes)
                out.append(z3.And(q.condition(case.when), z3.Or(*here) if here else z3.BoolVal(False)))
            return z3.Or(*out)

        return formula

    def comes_near(self, what: str, when: sp.Basic, end: sp.Expr, times: int, anywhere: Formula) -> Finding:
        """The size of a derivative attains or approaches a constant: all candidates at once, then one by one."""
        found = self.somewhere(what, when, self.approached(end, times, True), anywhere)
        if found.standing != "consistent":
            return found
        candidates = dict.fromkeys(at for case in self.c.cases for piece in case.pieces for at in self.turning(piece))
        for at in candidates:
            if self.ask(when, lambda q, at=at: z3.Not(self.approached(end, times, True, at)(q)))[0] == "none":  # type: ignore[misc]
                return Finding("confirmed", what, "z3")
        return found

    def analytic_inside(self, piece: Piece, when: sp.Basic) -> bool:
        """Whether a piece is certainly analytic: no switch, and no root of what may be 0."""
        if piece.expr is None or analytic(piece.expr):
            return piece.expr is not None
        plain = piece.expr.replace(lambda e: e.is_Pow and e.args[1].is_Rational, lambda e: e.args[0])
        if not analytic(plain):
            return False
        bases = [
            e.args[0]
            for e in sorted(piece.expr.atoms(sp.Pow), key=str)
            if e.args[1].is_Rational and not e.args[1].is_Integer
        ]

        def rough(q: Question) -> Any:
            place = ends(q, piece.lo, q.symbol(self.v), piece.hi)
            return z3.And(*place, z3.Or(*(q.value(b) <= 0 for b in bases)))

        return self.ask(when, rough)[0] == "none"

    def turning(self, piece: Piece) -> list[sp.Expr]:
        """Inputs certainly inside a piece at which a value may be extreme: plain numbers and zeros of the claims."""
        near = [p - piece.lo for p in (*INPUTS, *self.zeros)], [piece.hi - p for p in (*INPUTS, *self.zeros)]
        inner = zip((*INPUTS, *self.zeros), *near, strict=True)
        return [p for p, a, b in inner if a.is_extended_positive and b.is_extended_positive]

    @cached_property
    def zeros(self) -> tuple[sp.Expr, ...]:
        """Zeros that the claims name in closed form."""
        found: list[sp.Expr] = []
        for c in self.c.verdicts:
            for case in c.cases:
                for claim in case["claims"]:
                    if claim["kind"] == "sign" and claim["variable"] == self.v.name:
                        found += [self.spelling.some(p) for p in claim["points"] if isinstance(p, str)]
        return tuple(dict.fromkeys(p for p in found if p not in INPUTS))[:6]

    def value_is(self, q: Question, e: sp.Expr, at: sp.Expr, end: sp.Expr, sizes: bool) -> list[Any]:
        """An expression, continued to a point, has this value; or, at a pole, is unbounded."""
        s = sp.Symbol(f"at {at}", real=True)
        q.side.append(q.symbol(s) == q.value(at))
        if end in (sp.oo, -sp.oo):
            top, bottom = sp.fraction(sp.together(e))
            if not sizes or not bottom.has(self.v):
                return []
            return [z3.And(q.value(bottom.xreplace({self.v: s})) == 0, q.value(top.xreplace({self.v: s})) != 0)]
        value, defined = q.defined(
            e.subs(self.v, at) if at.is_number and not at.is_Rational else e.xreplace({self.v: s})
        )
        found = z3.Or(value == q.value(end), -value == q.value(end)) if sizes else value == q.value(end)
        return [z3.And(defined, found)]

    def slopes(self, q: Question, test: Callable[[Any], Any], times: int = 1) -> list[Any]:
        """For each piece of each case: inside it the slope, or another derivative, passes a test."""
        out = []
        v = q.symbol(self.v)
        for case in self.c.cases:
            for piece in case.pieces:
                if piece.expr is not None:
                    place = [q.condition(case.when), *ends(q, piece.lo, v, piece.hi)]
                    e = piece.expr.diff(self.v, times)
                    if times > 1 and e.count_ops() > MAX_OPS and rooted(e):
                        raise Beyond("a long expression with roots")
                    out.append(z3.And(*place, test(q.value(e))))
            if not case.pieces:
                raise Beyond("a normal form with roots")
        return out


def inside(x: sp.Expr, d: Domain) -> bool:
    """Whether a rational lies in a domain."""
    return bool(d.contains(x))


def shown(p: Point) -> str:
    """Parameter values in words."""
    return ", ".join(f"{s} = {x}" for s, x in p.items())


def joined(what: str, *found: Finding) -> Finding:
    """Several findings as one: the worst of them."""
    for standing in ("contradicted", "consistent"):
        for one in found:
            if one.standing == standing:
                return Finding(one.standing, one.what, one.engine, one.where)
    return Finding("confirmed", what, "z3" if all(f.engine in ("z3", "parser") for f in found) else "intervals")


def ends(q: Question, lo: sp.Expr, x: Any, hi: sp.Expr) -> list[Any]:
    """``lo < x < hi``."""
    out = [] if lo == -sp.oo else [q.value(lo) < x]
    return out if hi == sp.oo else [*out, x < q.value(hi)]


def member(q: Question, x: Any, parts: tuple[Stretch, ...]) -> Any:
    """Whether a value lies in a union of intervals."""
    out = []
    for p in parts:
        here = [] if p.lo == -sp.oo else [x >= q.value(p.lo) if p.lo_in else x > q.value(p.lo)]
        here += [] if p.hi == sp.oo else [x <= q.value(p.hi) if p.hi_in else x < q.value(p.hi)]
        out.append(z3.And(*here))
    return z3.Or(*out)


def beyond(q: Question, y: Any, end: sp.Expr, way: int) -> Any:
    """A value comes near an end: within a thousandth of it, or beyond 1000 where it is infinite."""
    if end in (sp.oo, -sp.oo):
        return way * y > 1000
    e = q.value(end)
    size = z3.If(e >= 0, e, -e)
    return way * (e - y) < (1 + size) / 1000


def tends(q: Question, limit: Limit, end: sp.Expr, sizes: bool) -> list[Any]:
    """A limit is this value, and what it was read off is as it must be."""
    infinite = (sp.oo, -sp.oo)
    if limit.value in infinite or end in infinite:
        same = limit.value == end or (sizes and limit.value in infinite and end in infinite)
        return [told(q, limit)] if same else []
    value, goal = q.value(limit.value), q.value(end)
    return [z3.And(told(q, limit), z3.Or(value == goal, -value == goal) if sizes else value == goal)]


def told(q: Question, limit: Limit) -> Any:
    """The parameters are such that a limit is what was read off."""
    return z3.And(*(q.value(e) != 0 for e in limit.nonzero), *(q.value(e) > 0 for e in limit.positive))


def analytic(e: sp.Expr) -> bool:
    """Whether an expression is analytic wherever it is defined: no switch, no root."""
    if e.has(sp.Abs, sp.Max, sp.Min, sp.sign, sp.Piecewise, sp.asin, sp.acos, sp.acosh):
        return False
    return all(p.args[1].is_Integer or p.args[0] is sp.E or p.args[0].is_positive for p in e.atoms(sp.Pow))
