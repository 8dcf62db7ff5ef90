"""The replay: every verdict of a certificate put to Z3, and to intervals on the definition where Z3 has no answer.

A statement is of one of three kinds. *Everywhere*: no parameters and inputs violate it; shown when Z3 finds none.
*Somewhere*: for all parameters some input violates; shown when no parameters satisfy it at all of a few candidate
inputs. *Ground*: it speaks of the parameters alone. Where Z3 leaves one open for all parameters it is asked again at
exact parameter values for a contradiction, and intervals look at the definition on boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from itertools import islice, product
from typing import Any

import sympy as sp
import z3

from kassei.core.activation import Domain
from kassei.core.expression import ExpressionError
from kassei.verify import boxes
from kassei.verify.ask import EFFORT, Beyond, Question
from kassei.verify.interval import Look, decided
from kassei.verify.limits import end_limits
from kassei.verify.read import BadCertificate, Case, Certificate, Claimed, Piece, Spelling, Stretch, Unread
from kassei.verify.report import Coverage, Finding, Outcome, Report

MAX_POINTS = 9
"""How many exact parameter values are looked at."""
MAX_PROBES = 24
"""How many exact inputs Z3 is asked about where it has no answer for all."""
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


def replay(certificate: Certificate, only: Collection[str] | None = None) -> Report:
    """Replay every verdict and every claim of a certificate; or only those named (``claim`` is all claims)."""
    return Replay(certificate).report(only)


class Replay:
    """One certificate being replayed."""

    def __init__(self, certificate: Certificate) -> None:
        self.c = certificate
        self.f = certificate.activation
        self.v = self.f.variable
        self.w = sp.Symbol(f"{self.v.name}!", real=True)
        self.h = sp.Symbol("h!", real=True)
        self.spelling = Spelling(self.f)
        self.scan = boxes.Scan(self.f)
        self.probes = MAX_PROBES
        self.rules: Mapping[str, Callable[[Claimed], Iterator[Finding]]] = {
            "domain": self.domain,
            "continuous": self.continuous,
            "nondecreasing": self.two_points,
            "strictly_increasing": self.two_points,
            "convex": self.two_points,
            "concave": self.two_points,
            "odd": self.two_points,
            "even": self.two_points,
            "not_affine": self.not_affine,
            "unit_slope_positive": self.unit_slope,
            "R1": self.first_requirement,
            "R2": self.not_affine,
            "R3": self.unit_slope,
            "smoothness": self.smoothness,
            "kinks": self.kinks,
            "range": self.range,
            "lipschitz": self.lipschitz,
            "unit_slope_set": lambda c: self.level_set(c, sp.S.One),
            "zero_slope_set": lambda c: self.level_set(c, sp.S.Zero),
        }

    def report(self, only: Collection[str] | None = None) -> Report:
        """All outcomes, or those named."""
        form = Outcome(name="normal_form", verdict="proved", findings=self.form)
        outcomes = [form, *(self.outcome(c) for c in self.c.verdicts if only is None or c.name in only)]
        self.probes = 0  # claims have their boxes
        claims = tuple(self.claims()) if only is None or "claim" in only else ()
        scan = self.scan
        coverage = Coverage(
            points=len(self.points),
            parameter_boxes=scan.parameter_boxes,
            boxes=scan.boxes,
            undecided=scan.undecided,
            reach=boxes.REACH,
        )
        return Report(
            name=self.f.name, digest=self.c.digest, outcomes=tuple(outcomes), claims=claims, coverage=coverage
        )

    def outcome(self, c: Claimed) -> Outcome:
        """One verdict."""
        if c.truth == "unknown" or c.name not in self.rules:
            return Outcome(name=c.name, verdict=c.truth)
        found: list[Finding] = []
        try:
            found += self.rules[c.name](c)
            found += self.witness(c)
        except TROUBLE as left:
            found.append(Finding("consistent", f"not replayed: {left}"))
        except (TypeError, KeyError, AttributeError, IndexError) as wrong:
            reason = f"{c.name}: {type(wrong).__name__}: {wrong}"
            raise BadCertificate("certificate_malformed", reason=reason) from wrong
        if not found:
            found.append(Finding("consistent", "no statement to replay"))
        found += self.on_boxes(c)
        return Outcome(name=c.name, verdict=c.truth, findings=tuple(found))

    # parameters

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Exact parameter values: the defaults, the samples of the cases, plain numbers of the domain."""
        if not self.f.parameters:
            return ({},)
        found: list[dict[sp.Symbol, sp.Expr]] = [dict(self.f.defaults)]
        for case in self.c.cases:
            found.append(dict(case.sample))
        for claimed in self.c.verdicts:
            for one in claimed.cases:
                found.append({sp.Symbol(n, real=True): self.spelling.some(x) for n, x in one["sample"].items()})
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
        return tuple(out[:MAX_POINTS])

    def at(self, condition: sp.Basic) -> list[Point]:
        """The parameter values that satisfy a condition."""
        return [p for p in self.points if decided(condition, Look(boxes.environment(p))) is True]

    # statements

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
        for p in self.at(condition):
            answer, q = self.ask(sp.true, violation, p)
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
        for p in self.at(condition):
            if self.ask(sp.true, statement, p)[0] == "none":
                return Finding("contradicted", what, "z3", shown(p))
        return Finding("consistent", what, "z3")

    def somewhere(self, what: str, condition: sp.Basic, at_candidates: Formula, anywhere: Formula | None) -> Finding:
        """For all parameters with the condition, some candidate satisfies; contradicted where nothing does."""
        if condition is sp.false:
            return Finding("confirmed", what, "z3")
        answer, _ = self.ask(condition, lambda q: z3.Not(at_candidates(q)))
        if answer == "none":
            return Finding("confirmed", what, "z3")
        for p in self.at(condition) if anywhere else ():
            assert anywhere is not None
            if self.ask(sp.true, anywhere, p)[0] == "none":
                return Finding("contradicted", what, "z3", shown(p))
        return Finding("consistent", what, "z3")

    # the normal form

    @cached_property
    def form(self) -> tuple[Finding, ...]:
        """The normal form of each case is the definition, and the cases cover the domain."""
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

    # values of f in formulas

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

    # properties that hold or not

    def two_points(self, c: Claimed) -> Iterator[Finding]:
        """Monotone, convex, odd and even: an inequality or equation between values of the definition."""
        yield self.both_ways(c, c.name, c.name)

    def both_ways(self, c: Claimed, what: str, kind: str) -> Finding:
        """What is said to hold holds wherever the condition does, and fails wherever it does not."""
        holds = self.everywhere(f"{what}: holds", c.condition, lambda q: self.broken(q, kind))
        if holds.standing == "consistent" and not self.f.parameters:
            holds = self.scan.everywhere(holds, kind, continuous=self.is_continuous)
        fails = self.somewhere(
            f"{what}: fails",
            sp.Not(c.condition),
            lambda q: z3.Or(*self.broken_at(q, kind)),
            lambda q: self.broken(q, kind),
        )
        if fails.standing == "consistent" and not self.f.parameters:
            fails = self.scan.somewhere(fails, kind, continuous=self.is_continuous)
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
        if kind in ("odd", "even"):
            a, da = self.f_at(q, v)
            b, db = self.f_at(q, -v)
            return z3.Or(z3.Not(da), z3.Not(db), b != (-a if kind == "odd" else a))
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
        if kind in ("odd", "even"):
            for p, (a, _) in zip(points, values, strict=True):
                b, _ = self.f_at(q, -p)
                out.append(b != (-a if kind == "odd" else a))
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

    def domain(self, c: Claimed) -> Iterator[Finding]:
        """F is defined at every input."""
        holds = self.everywhere("defined", c.condition, lambda q: z3.Not(q.defined(self.f.expr)[1]))
        fails = self.somewhere("undefined", sp.Not(c.condition), self.gone, lambda q: z3.Not(q.defined(self.f.expr)[1]))
        yield joined("domain", holds, fails)
        kept = _arguments(self.f.expr)
        for part in self.f.partial:
            if not _arguments(part) <= kept and not self.always(part, c.condition):
                yield Finding("consistent", f"{part} as written is not replayed")

    def always(self, part: sp.Expr, condition: sp.Basic) -> bool:
        """Whether Z3 confirms that a part of the formula is defined at every input."""
        return self.ask(condition, lambda q: z3.Not(q.defined(part)[1]))[0] == "none"

    def torn(self, q: Question) -> Any:
        """F is undefined, or conditions on their border allow two values at one input."""
        q.loose = [self.v]
        first, one = q.defined(self.f.expr)
        second, two = q.defined(self.f.expr)
        q.loose = None
        return z3.Or(z3.Not(one), z3.Not(two), first != second)

    def continuous(self, c: Claimed) -> Iterator[Finding]:
        """Branches that meet have one value; where it fails, a break has sides that differ."""
        holds = self.everywhere_quiet("continuous: holds", c.condition, self.torn)
        yield joined("continuous", holds, self.fails_at_breaks("continuous: fails", sp.Not(c.condition)))

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

    def first_requirement(self, c: Claimed) -> Iterator[Finding]:
        """R1 holds where f is continuous and never falls, and fails where one of them fails."""
        holds = [
            self.everywhere_quiet("continuous", c.condition, self.torn),
            self.everywhere("nondecreasing", c.condition, lambda q: self.broken(q, "nondecreasing")),
        ]
        outside = sp.Not(c.condition)
        fails = self.fails_at_breaks("R1 fails", outside)
        if fails.standing != "confirmed":
            same = Claimed(c.name, c.truth, c.condition, None, None, ())
            falls = self.both_ways(same, "R1: not nondecreasing", "nondecreasing")
            sure = falls.standing == "confirmed" or (falls.standing == "contradicted" and self.is_continuous)
            fails = falls if sure else Finding("consistent", "R1 fails", "z3")
        yield joined("R1", *holds, fails)

    def not_affine(self, c: Claimed) -> Iterator[Finding]:
        """Some value lies off the line through (0, f(0)) and (1, f(1)); or all lie on it."""

        def off(q: Question, point: sp.Expr) -> Any:
            (a, da), (b, db), (x, dx) = (self.f_at(q, p) for p in (sp.S.Zero, sp.S.One, point))
            return z3.Or(z3.Not(da), z3.Not(db), z3.Not(dx), x != a + q.value(point) * (b - a))

        def bent(q: Question) -> Any:
            return z3.Or(*(off(q, p) for p in (*self.candidates(), sp.Integer(2))))

        holds = self.somewhere("off a line", c.condition, bent, lambda q: off(q, self.v))
        if holds.standing == "consistent" and not self.f.parameters:
            holds = self.scan.bent(holds)
        fails = self.everywhere("on a line", sp.Not(c.condition), lambda q: off(q, self.v))
        yield joined(c.name, holds, fails)

    def unit_slope(self, c: Claimed) -> Iterator[Finding]:
        """On the pieces: the slope is 1 at every positive input, or is not at some input inside a piece."""
        found = []
        for case in self.c.cases:
            if not case.pieces:
                found.append(Finding("consistent", "no normal form to look at"))
                continue

            def differs(q: Question, case: Case = case) -> Any:
                return z3.Or(*self.inside_pieces(q, case, lambda e: e.diff(self.v) - 1, positive=True))

            def differs_at(q: Question, case: Case = case) -> Any:
                out = []
                points = [p for p in self.candidates() if not p.is_nonpositive]
                points += [(p.lo + p.hi) / 2 for p in case.pieces if (p.hi - p.lo).is_finite]
                for point in points:
                    s = sp.Symbol(f"at {point}", real=True)
                    q.side.append(q.symbol(s) == q.value(point))
                    out += self.inside_pieces(q, case, lambda e: e.diff(self.v) - 1, positive=True, at=s)
                return z3.Or(*out)

            holds = self.everywhere(f"{c.name}: slope 1", sp.And(case.when, c.condition), differs)
            if holds.standing == "consistent" and not self.f.parameters:
                other_way = self.scan.slope_not_one(holds)
                if other_way.standing == "confirmed":
                    holds = Finding("contradicted", holds.what, "intervals", other_way.where)
            found.append(holds)
            other = sp.And(case.when, sp.Not(c.condition))
            fails = self.somewhere(f"{c.name}: slope not 1", other, differs_at, differs)
            if fails.standing == "consistent" and not self.f.parameters:
                fails = self.scan.slope_not_one(fails)
            found.append(fails)
        yield joined(c.name, *found, *self.form)

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

    # properties with a value

    def rows(self, c: Claimed) -> Iterator[tuple[sp.Basic, Any]]:
        """The value of each part of the domain."""
        yield from c.value or ()

    def smoothness(self, c: Claimed) -> Iterator[Finding]:
        """Derivatives agree at every break up to the order, and not beyond; pieces are analytic."""
        yield from self.form
        for when, value in self.rows(c):
            for case in self.c.cases:
                both = sp.And(case.when, when)
                if both is sp.false:
                    continue
                if not case.pieces or not all(p.expr is None or analytic(p.expr) for p in case.pieces):
                    yield Finding("consistent", "smoothness of a piece with roots")
                    continue
                if value == "discontinuous":
                    yield self.ground("a jump", both, lambda q, k=case: z3.Not(self.meets(k, 0)(q)))  # type: ignore[misc]
                    continue
                order = 8 if value == "oo" else int(value)
                if value == "oo" and case.breaks:
                    yield self.ground("no kink of any order", both, self.meets(case, order))
                    yield from self.same_pieces(case, both)
                    continue
                yield self.ground(f"in C^{value}", both, self.meets(case, order))
                yield self.everywhere("defined", both, lambda q: z3.Not(q.defined(self.f.expr)[1]))
                if value != "oo":
                    above = order + 1
                    yield self.ground(
                        f"not in C^{above}",
                        both,
                        lambda q, k=case, n=above: z3.Not(self.meets(k, n)(q)),  # type: ignore[misc]
                    )

    def same_pieces(self, case: Case, when: sp.Basic) -> Iterator[Finding]:
        """Neighbouring pieces are the same function, so that a break is none."""
        first = case.pieces[0].expr
        for piece in case.pieces[1:]:
            if first is not None and piece.expr is not None:
                gap = first - piece.expr
                yield self.everywhere("one function on both sides", when, lambda q, e=gap: q.value(e) != 0)  # type: ignore[misc]

    def kinks(self, c: Claimed) -> Iterator[Finding]:
        """Listed breaks have sides that differ in value or slope; the others have not."""
        yield from self.form
        for when, value in self.rows(c):
            listed = [self.spelling.some(x) for x in value]
            for case in self.c.cases:
                both = sp.And(case.when, when)
                if both is sp.false:
                    continue
                if not all(p.expr is None or analytic(p.expr) for p in case.pieces):
                    yield Finding("consistent", "kinks of a piece with roots")
                    continue
                for at in dict.fromkeys((*case.breaks, *listed)):
                    if at not in case.breaks:
                        is_one = [lambda q, b=b, at=at: q.value(b) == q.value(at) for b in case.breaks]
                        yield self.ground(f"{at} is a break", both, lambda q, k=is_one: z3.Or(*(x(q) for x in k)))  # type: ignore[misc]
                    elif at in listed:
                        yield self.ground(f"kink at {at}", both, lambda q, a=at, k=case: z3.Not(self.meets(k, 1, a)(q)))  # type: ignore[misc]
                    else:
                        yield self.ground(f"no kink at {at}", both, self.meets(case, 1, at))

    def range(self, c: Claimed) -> Iterator[Finding]:
        """No value lies outside; the ends are attained or approached, and what lies between by continuity."""
        for when, value in self.rows(c):
            if isinstance(value, dict):
                yield from self.scan.range(value, self.spelling, self.at(when))
                continue
            parts = self.spelling.stretches(value)

            def outside(q: Question, parts: tuple[Stretch, ...] = parts) -> Any:
                y, defined = q.defined(self.f.expr)
                return z3.And(defined, z3.Not(member(q, y, parts)))

            inside_it = self.everywhere(f"values lie in {value}", when, outside)
            if inside_it.standing == "consistent":
                inside_it = self.scan.values_inside(inside_it, parts, self.at(when))
            yield inside_it
            for part in parts:
                yield from self.reaches(part, when)
            if len(parts) == 1 and parts[0].lo != parts[0].hi:
                whole = self.everywhere_quiet("values between the ends, by continuity", when, self.torn)
                yield Finding("consistent", whole.what) if whole.standing == "contradicted" else whole
            elif any(p.lo != p.hi for p in parts):
                yield Finding("consistent", "values between the ends")

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

    def approached(self, end: sp.Expr, times: int, sizes: bool = False) -> Formula:
        """A derivative of some piece tends to this value at an end of the piece (or takes it at a candidate)."""

        def formula(q: Question) -> Any:
            out = []
            for case in self.c.cases:
                here = []
                for piece in case.pieces:
                    if piece.expr is None:
                        continue
                    e = piece.expr.diff(self.v, times)
                    for at in (piece.lo, piece.hi):
                        if at not in (sp.oo, -sp.oo):
                            here += self.value_is(q, e, at, end, sizes)
                            continue
                        for found in end_limits(e, self.v, at):
                            here += tends(q, *found, end, sizes)
                    for at in self.turning(piece) if end not in (sp.oo, -sp.oo) else ():
                        here += self.value_is(q, e, at, end, sizes)
                out.append(z3.And(q.condition(case.when), z3.Or(*here) if here else z3.BoolVal(False)))
            return z3.Or(*out)

        return formula

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

    def lipschitz(self, c: Claimed) -> Iterator[Finding]:
        """No slope exceeds the constant, f is continuous, and some slope attains or approaches it."""
        yield from self.form
        for when, value in self.rows(c):
            if isinstance(value, dict):
                yield from self.scan.lipschitz(value, self.spelling, self.at(when))
                continue
            bound = self.spelling.some(value)
            if bound == sp.oo:
                yield from self.unbounded(when)
                continue

            def steep(q: Question, bound: sp.Expr = bound) -> Any:
                return z3.Or(*self.slopes(q, lambda s: z3.Or(s > q.value(bound), -s > q.value(bound))))

            def nearly(q: Question, bound: sp.Expr = bound) -> Any:
                less = q.value(bound * sp.Rational(999, 1000))
                return z3.Or(*self.slopes(q, lambda s: z3.Or(s > less, -s > less)))

            holds = self.everywhere(f"slopes at most {value}", when, steep)
            if holds.standing == "consistent":
                holds = self.scan.slopes_within(holds, bound, self.at(when))
            yield holds
            whole = self.everywhere_quiet("continuous", when, self.torn)
            yield whole
            yield self.somewhere(f"slope {value} is approached", when, self.approached(bound, 1, True), nearly)

    def unbounded(self, when: sp.Basic) -> Iterator[Finding]:
        """No Lipschitz constant: f is not continuous, or its slopes are not bounded."""
        for case in self.c.cases:
            both = sp.And(case.when, when)
            if both is sp.false:
                continue

            def steep(q: Question, case: Case = case) -> Any:
                large = z3.RealVal(1000)
                any_slope = z3.Or(*self.slopes(q, lambda s: z3.Or(s > large, -s > large)))
                return z3.Or(any_slope, z3.Not(self.meets(case, 0)(q)))

            def jump(q: Question, case: Case = case) -> Any:
                return z3.Or(z3.Not(self.meets(case, 0)(q)), self.approached(sp.oo, 1, True)(q))

            yield self.somewhere("no Lipschitz constant", both, jump, steep)

    def slopes(self, q: Question, test: Callable[[Any], Any]) -> list[Any]:
        """For each piece of each case: inside it the slope passes a test."""
        out = []
        v = q.symbol(self.v)
        for case in self.c.cases:
            for piece in case.pieces:
                if piece.expr is not None:
                    place = [q.condition(case.when), *ends(q, piece.lo, v, piece.hi)]
                    out.append(z3.And(*place, test(q.value(piece.expr.diff(self.v)))))
            if not case.pieces:
                raise Beyond("a normal form with roots")
        return out

    def level_set(self, c: Claimed, level: sp.Expr) -> Iterator[Finding]:
        """Inside the pieces the slope has the value exactly on the set; at breaks, where f' exists and has it."""
        yield from self.form
        for when, value in self.rows(c):
            if isinstance(value, dict):
                yield from self.scan.level_set(value, level, self.spelling, self.at(when))
                continue
            parts = self.spelling.stretches(value)
            for case in self.c.cases:
                both = sp.And(case.when, when)
                if both is sp.false:
                    continue

                def wrong(q: Question, case: Case = case, parts: tuple[Stretch, ...] = parts) -> Any:
                    v = q.symbol(self.v)
                    isin = member(q, v, parts)
                    out = []
                    for piece in case.pieces:
                        if piece.expr is None:
                            out.append(z3.And(*ends(q, piece.lo, v, piece.hi), isin))
                            continue
                        slope = q.value(piece.expr.diff(self.v))
                        out.append(z3.And(*ends(q, piece.lo, v, piece.hi), isin != (slope == q.value(level))))
                    return z3.Or(*out)

                inner = self.everywhere(f"slope {level} on {value}", both, wrong)
                if inner.standing == "consistent":
                    inner = self.scan.level_inside(inner, parts, level, self.at(both))
                yield inner
                for k, b in enumerate(case.breaks):

                    def agrees(
                        q: Question, k: int = k, b: sp.Expr = b, case: Case = case, parts: tuple[Stretch, ...] = parts
                    ) -> Any:
                        here = sp.Symbol(f"at {b}", real=True)
                        isin = member(q, q.value(b), parts)
                        smooth = self.meets(case, 1, b)(q)
                        left = case.pieces[k].expr
                        if left is None:
                            return isin == z3.BoolVal(False)
                        q.side.append(q.symbol(here) == q.value(b))
                        slope = q.value(left.diff(self.v).xreplace({self.v: here}))
                        return isin == z3.And(smooth, slope == q.value(level))

                    yield self.ground(f"slope {level} at {b}", both, agrees)

    # witnesses, claims, boxes

    def witness(self, c: Claimed) -> Iterator[Finding]:
        """The witness does what it is said to do, at its own parameters."""
        w = c.witness
        if not w or c.name == "domain":
            return
        values = {sp.Symbol(n, real=True): self.spelling.some(x) for n, x in w.get("parameters", {}).items()}
        if set(values) != set(self.c.symbols):
            yield Finding("contradicted", "witness without parameters", "", str(dict(w)))
            return
        where = ", ".join(
            [*(f"{s} = {x}" for s, x in values.items()), *(f"{k}: {x}" for k, x in w.items() if k != "parameters")]
        )
        if decided(c.condition, Look(boxes.environment(values))) is True:
            yield Finding("contradicted", "witness where the property holds", "intervals", where)
            return
        found = self.scan.witness(c.name, w, values, self.spelling)
        if found is None:
            found = self.witness_by_z3(c.name, w, values)
        standing = {True: "confirmed", False: "contradicted", None: "consistent"}[found]
        yield Finding(standing, "witness", "intervals", where)  # type: ignore[arg-type]

    def witness_by_z3(self, name: str, w: Mapping[str, Any], values: Point) -> bool | None:
        """The same in exact arithmetic, where intervals cannot tell equality."""
        q = Question(self.f, values)
        try:
            if "undefined_at" in w:
                for text in w["undefined_at"]:
                    if str(text).startswith("Interval"):
                        continue
                    point = self.spelling.some(text).subs(dict(values))
                    none = self.ask(sp.true, lambda q, p=point: self.f_at(q, p)[1], values)[0]  # type: ignore[misc]
                    some = self.ask(sp.true, lambda q, p=point: z3.Not(self.f_at(q, p)[1]), values)[0]  # type: ignore[misc]
                    if none != "none":
                        return False if some == "none" else None
                return True
            if "affine" in w:
                line = self.spelling.some(w["affine"])
                gap = self.ask(sp.true, lambda q: q.value(self.f.expr) != q.value(line), values)[0]
                return True if gap == "none" else False if gap == "found" else None
            points = [self.spelling.some(p) for p in w.get("points", [])]
            seen = [self.f_at(q, p)[0] for p in points]
            if name in ("nondecreasing", "strictly_increasing", "R1") and len(points) == 2:
                shows = seen[0] >= seen[1] if name == "strictly_increasing" else seen[0] > seen[1]
            elif name in ("odd", "even") and len(points) == 2:
                if points[0] + points[1] != 0:
                    return False
                shows = seen[0] != (-seen[1] if name == "odd" else seen[1])
            else:
                return None
        except TROUBLE:
            return None
        q.require(z3.Not(shows))
        if q.answer() == "none":
            return True
        q.asked = [shows]
        return False if q.answer() == "none" else None

    def claims(self) -> Iterator[Finding]:
        """The sign claims of the arguments, on their intervals; the same claim once."""
        done: set[str] = set()
        for c in self.c.verdicts:
            for case in c.cases:
                when = self.spelling.condition(case["when"])
                sample = {sp.Symbol(n, real=True): self.spelling.some(e) for n, e in case["sample"].items()}
                for claim in case["claims"]:
                    key = f"{case['when']} {claim}"
                    if key in done or len(done) >= MAX_CLAIMS:
                        continue
                    done.add(key)
                    try:
                        found = self.claim(claim, when, sample)
                    except TROUBLE as left:
                        found = Finding("consistent", f"not replayed: {left}")
                    if found is not None:
                        yield found

    def claim(self, claim: Mapping[str, Any], when: sp.Basic, sample: Point) -> Finding | None:
        """One machine-readable claim; a point at which something is not 0 is one for the case's sample."""
        kind = claim["kind"]
        x = sp.Symbol(claim.get("variable", self.v.name), real=True)
        read = self.reader(x)
        if kind == "sign":
            return self.sign_claim(claim, when, x, read)
        if kind == "nonzero_at":
            e, at = read(claim["expr"]), read(claim["at"])
            s = sp.Symbol(f"at {at}", real=True)

            def value(q: Question) -> Any:
                q.side.append(q.symbol(s) == q.value(at))
                return q.value(e.xreplace({x: s}))

            what = f"{claim['expr']} is not 0 at {at}"
            if self.ask(sp.true, lambda q: value(q) == 0, sample)[0] == "none":
                return Finding("confirmed", what, "z3")
            wrong = self.ask(sp.true, lambda q: value(q) != 0, sample)[0] == "none"
            return Finding("contradicted" if wrong else "consistent", what, "z3", shown(sample) if wrong else "")
        if kind == "identity":
            residual = read(claim["expr"])
            if residual == 0:
                return Finding("confirmed", "0 = 0", "parser")
            return self.everywhere(f"{claim['expr']} = 0", when, lambda q: q.value(residual) != 0)
        return None

    def reader(self, x: sp.Symbol) -> Callable[[Any], sp.Expr]:
        """Expressions in the parameters and this variable."""
        inner = Spelling(self.f)
        inner.v = x
        return inner.some

    def sign_claim(
        self, claim: Mapping[str, Any], when: sp.Basic, x: sp.Symbol, read: Callable[[Any], sp.Expr]
    ) -> Finding:
        """Between its listed zeros an expression has the listed signs."""
        what = f"signs of {claim['expr']} on ({claim['lo']}, {claim['hi']})"
        signs = claim["signs"]
        if claim["pattern"] in ("mixed", "nonnegative", "nonpositive"):
            return Finding("consistent", what)
        if any(isinstance(claim[key], dict) for key in ("expr", "lo", "hi")) or any(
            isinstance(p, dict) for p in claim["points"]
        ):
            return self.scan.signs_between_roots(what, claim, x, read)
        e = read(claim["expr"])
        nodes = [read(claim["lo"]), *map(read, claim["points"]), read(claim["hi"])]

        def wrong(q: Question) -> Any:
            at = q.symbol(x)
            value, defined = q.defined(e)
            out = []
            for k, s in enumerate(signs):
                test = {1: value > 0, 0: value == 0, -1: value < 0}[s]
                out.append(z3.And(*ends(q, nodes[k], at, nodes[k + 1]), z3.Or(z3.Not(defined), z3.Not(test))))
            for point in nodes[1:-1]:
                out.append(z3.And(at == q.value(point), value != 0))
            return z3.Or(*out)

        found = self.everywhere(what, when, wrong)
        if found.standing == "consistent" and x not in self.c.symbols:
            found = self.scan.signs(found, e, x, nodes, signs, self.at(when))
        return found

    def on_boxes(self, c: Claimed) -> Iterator[Finding]:
        """The definition itself on boxes, at exact parameter values and on boxes around them."""
        if c.name in ("nondecreasing", "strictly_increasing", "convex", "concave"):
            found = self.scan.definition(c.name, self.at(c.condition))
            if found is not None:
                yield found


SWITCHES = (sp.Piecewise, sp.sign)
MAX_CLAIMS = 40
"""How many claims of the arguments are replayed."""


def _arguments(e: sp.Expr) -> set[sp.Basic]:
    """What powers and logarithms are taken of."""
    return {b for node in e.atoms(sp.Pow, sp.log) for b in node.args[:1]}


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


def tends(q: Question, limit: sp.Expr, coefficient: sp.Expr, rising: sp.Expr, end: sp.Expr, sizes: bool) -> list[Any]:
    """A limit is this value, and what it was read off is as it must be."""
    infinite = (sp.oo, -sp.oo)
    if limit in infinite or end in infinite:
        same = limit == end or (sizes and limit in infinite and end in infinite)
        return [z3.And(q.value(coefficient) != 0, q.value(rising) > 0)] if same else []
    value, goal = q.value(limit), q.value(end)
    return [z3.And(q.value(coefficient) != 0, z3.Or(value == goal, -value == goal) if sizes else value == goal)]


def analytic(e: sp.Expr) -> bool:
    """Whether an expression is analytic wherever it is defined: no switch, no root."""
    if e.has(sp.Abs, sp.Max, sp.Min, sp.sign, sp.Piecewise, sp.asin, sp.acos, sp.acosh):
        return False
    return all(p.args[1].is_Integer or p.args[0] is sp.E or p.args[0].is_positive for p in e.atoms(sp.Pow))
