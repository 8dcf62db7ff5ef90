"""The replay: every verdict of a certificate put to Z3, and to intervals on the definition where Z3 has no answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import sympy as sp
import z3

from kassei.verify import boxes, growth, hostile, inverse, kinked, levels, moments, primitive
from kassei.verify import ends as far
from kassei.verify.ask import Question
from kassei.verify.boxes import MIRRORED, Elsewhere
from kassei.verify.interval import Look, decided
from kassei.verify.read import BadCertificate, Case, Certificate, Claimed, Spelling, Stretch
from kassei.verify.report import Coverage, Finding, Outcome, Report
from kassei.verify.statement import TROUBLE, Point, Statements, analytic, ends, joined, member, shown

MAX_CLAIMS = 40
"""How many claims of the arguments are replayed."""
KINDS = {1: "slope", 2: "bend"}
Rule = Callable[[Claimed], Iterator[Finding]]


def replay(certificate: Certificate, only: Collection[str] | None = None) -> Report:
    """Replay every verdict and every claim of a certificate; or only those named (``claim`` is all claims)."""
    return Replay(certificate).report(only)


class Replay(Statements):
    """One certificate being replayed."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(certificate)
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
            "slope_lipschitz": self.slope_lipschitz,
            "odd_part_half": self.two_points,
            "zeros": lambda c: levels.meeting(self, c, sp.S.Zero),
            "fixed_points": lambda c: levels.meeting(self, c, self.v),
            "saturation": lambda c: far.saturation(self, c),
            "asymptotes": lambda c: far.asymptotes(self, c),
            "subgradients": lambda c: kinked.subgradients(self, c),
            "not_polynomial": lambda c: growth.not_polynomial(self, c),
            "gaussian_moments": lambda c: moments.gaussian(self, c, 0),
            "slope_gaussian_moments": lambda c: moments.gaussian(self, c, 1),
            "antiderivative": lambda c: primitive.antiderivative(self, c),
            "inverse": lambda c: inverse.inverse(self, c),
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
        found: list[Finding] = [Finding("consistent", f"not replayed: {text}") for text in c.unread]
        found += self.roots(c)
        if c.truth == "conditional" and c.unread:
            return Outcome(name=c.name, verdict=c.truth, findings=tuple(found))
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
        if c.value is not None and not c.unread and all(when is not sp.true for when, _ in c.value):
            found.append(
                self.ground(
                    "the rows cover the domain", sp.true, lambda q: z3.Or(*(q.condition(w) for w, _ in c.value))
                )
            )
        found += self.on_boxes(c)
        with suppress(*TROUBLE):
            found += hostile.tried(self, c)
        return Outcome(name=c.name, verdict=c.truth, findings=tuple(found))

    def roots(self, c: Claimed) -> Iterator[Finding]:
        """The numbers that conditions speak of are the roots they are said to be."""
        for row in c.roots:
            what = f"a root of {row['root_of']}"
            try:
                _, sure = self.scan.enclosure(row, self.spelling)
            except Elsewhere as wrong:
                yield Finding("contradicted", what, "intervals", str(wrong))
            except TROUBLE as left:
                yield Finding("consistent", f"not replayed: {left}")
            else:
                yield Finding("confirmed" if sure else "consistent", what, "intervals")

    def two_points(self, c: Claimed) -> Iterator[Finding]:
        """Monotone, convex, odd and even: an inequality or equation between values of the definition."""
        yield self.both_ways(c, c.name, c.name)

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

    def continuous(self, c: Claimed) -> Iterator[Finding]:
        """Branches that meet have one value; where it fails, a break has sides that differ."""
        holds = self.everywhere_quiet("continuous: holds", c.condition, self.torn)
        yield joined("continuous", holds, self.fails_at_breaks("continuous: fails", sp.Not(c.condition)))

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
                for b in case.breaks:

                    def as_listed(
                        q: Question, b: sp.Expr = b, case: Case = case, listed: list[sp.Expr] = listed
                    ) -> Any:
                        named = z3.Or(*(q.value(at) == q.value(b) for at in listed))
                        return named == z3.Not(self.meets(case, 1, b)(q))

                    yield self.ground(f"kink at {b} or not", both, as_listed)
                for at in listed:

                    def is_break(q: Question, at: sp.Expr = at, case: Case = case) -> Any:
                        return z3.Or(*(q.value(b) == q.value(at) for b in case.breaks))

                    yield self.ground(f"{at} is a break", both, is_break)

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

    def lipschitz(self, c: Claimed) -> Iterator[Finding]:
        """No slope exceeds the constant, f is continuous, and some slope attains or approaches it."""
        yield from self.steepness(c, 1)

    def slope_lipschitz(self, c: Claimed) -> Iterator[Finding]:
        """No bend exceeds the constant, f' is continuous, and some bend attains or approaches it."""
        yield from self.steepness(c, 2)

    def steepness(self, c: Claimed, times: int) -> Iterator[Finding]:
        """The supremum of a derivative's sizes, where the one before it is continuous."""
        yield from self.form
        for when, value in self.rows(c):
            if isinstance(value, dict):
                yield from self.scan.lipschitz(value, self.spelling, self.at(when), times)
                continue
            bound = self.spelling.some(value)
            if bound == sp.oo:
                yield from self.unbounded(when, times)
                continue

            def steep(q: Question, bound: sp.Expr = bound) -> Any:
                return z3.Or(*self.slopes(q, lambda s: z3.Or(s > q.value(bound), -s > q.value(bound)), times))

            def nearly(q: Question, bound: sp.Expr = bound) -> Any:
                less = q.value(bound * sp.Rational(999, 1000))
                return z3.Or(*self.slopes(q, lambda s: z3.Or(s > less, -s > less), times))

            holds = self.everywhere(f"{KINDS[times]} at most {value}", when, steep)
            if holds.standing == "consistent":
                holds = self.scan.slopes_within(holds, bound, self.at(when), times)
            yield holds
            yield self.everywhere_quiet("continuous", when, self.torn)
            for case in self.c.cases if times > 1 else ():
                both = sp.And(case.when, when)
                if both is not sp.false:
                    yield self.ground("no kink", both, self.meets(case, times - 1))
            found = self.comes_near(f"{KINDS[times]} of {value} approached", when, bound, times, nearly)
            if found.standing == "consistent" and self.scan.never_near(bound, self.at(when), times):
                found = Finding("contradicted", found.what, "intervals")
            yield found

    def unbounded(self, when: sp.Basic, times: int) -> Iterator[Finding]:
        """No constant: the derivative before is not continuous, or this one is not bounded."""
        for case in self.c.cases:
            both = sp.And(case.when, when)
            if both is sp.false:
                continue

            def steep(q: Question, case: Case = case) -> Any:
                large = z3.RealVal(1000)
                any_slope = z3.Or(*self.slopes(q, lambda s: z3.Or(s > large, -s > large), times))
                return z3.Or(any_slope, z3.Not(self.meets(case, times - 1)(q)))

            def jump(q: Question, case: Case = case) -> Any:
                return z3.Or(z3.Not(self.meets(case, times - 1)(q)), self.approached(sp.oo, times, True)(q))

            found = self.somewhere("no Lipschitz constant", both, jump, steep)
            smooth = [self.ground("no kink", both, self.meets(case, k)) for k in range(times)]
            if found.standing == "consistent" and all(one.standing == "confirmed" for one in smooth):
                found = self.scan.bounded(found, self.at(both), times)
            yield found

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
            if "affine" in w or "polynomial" in w:
                line = self.spelling.some(w["affine"] if "affine" in w else w["polynomial"])
                if not line.is_polynomial(self.v) or (name != "not_polynomial" and sp.degree(line, self.v) > 1):
                    return False
                gap = self.ask(sp.true, lambda q: q.value(self.f.expr) != q.value(line), values)[0]
                return True if gap == "none" else False if gap == "found" else None
            points = [self.spelling.some(p) for p in w.get("points", [])]
            seen = [self.f_at(q, p)[0] for p in points]
            if name in ("nondecreasing", "strictly_increasing", "R1") and len(points) == 2:
                shows = seen[0] >= seen[1] if name == "strictly_increasing" else seen[0] > seen[1]
            elif name in MIRRORED and len(points) == 2:
                if points[0] + points[1] != 0:
                    return False
                shows = seen[0] != MIRRORED[name](seen[1], q.value(points[1]))
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
                sample = self.spelling.point(case["sample"])
                if sample is None:
                    yield Finding("consistent", f"not replayed: {case['when']}")
                    continue
                when = self.spelling.condition(case)
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


def _arguments(e: sp.Expr) -> set[sp.Basic]:
    """What powers and logarithms are taken of."""
    return {b for node in e.atoms(sp.Pow, sp.log) for b in node.args[:1]}
