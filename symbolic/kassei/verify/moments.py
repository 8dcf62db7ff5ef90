"""Gaussian moments by quadrature: Taylor series with enclosed remainders on boxes, and a bound on the tails."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import sympy as sp
import z3
from flint import arb, arb_series, ctx, fmpq

from kassei.verify.ask import Question, enclosed
from kassei.verify.boxes import at, constant, environment
from kassei.verify.ends import pinned
from kassei.verify.interval import INF, Interval, box, down, exactly, up
from kassei.verify.read import Claimed
from kassei.verify.report import Finding
from kassei.verify.series import BITS, REACH, Series, integrals
from kassei.verify.statement import TROUBLE, Point, Statements, shown

MAX_AT = 2
"""At how many parameter points the integrals are taken."""
GENTLE = 2**16
"""No slope far out is larger where the tails are bounded by Z3."""
MAX_DENOMINATOR = 1000
MAX_OPS = 60
DEGREE = 4
"""The degree of an even part whose mean is read off."""
NAMES = ("mean", "second_moment")


def gaussian(r: Statements, c: Claimed, times: int) -> Iterator[Finding]:
    """The expectations of f (or of its slope) and of its square are those that integrals give; the gain undoes it."""
    for when, value in r.rows(c):
        if all(value[name] == "none" for name in NAMES):
            yield r.somewhere("f is not defined on R", when, r.gone, lambda q: z3.Not(q.defined(r.f.expr)[1]))
            continue
        named = next((v["at"] for v in value.values() if isinstance(v, dict) and "at" in v), None)
        points = [*r.at(when)[:MAX_AT], *r.hostile_at(when)[:1]]
        if named is not None:
            points = [{s: r.spelling.some(named[s.name]) for s in r.c.symbols}]
        shown_for_all = [name for k, name in enumerate(NAMES, start=1) if _mirrored(r, when, value[name], times, k)]
        for name in shown_for_all:
            yield Finding("confirmed", f"{name}: a polynomial even part", "z3")
        for p in points:
            yield from _at_point(r, value, p, times, shown_for_all)
        if not points:
            yield Finding("consistent", "no parameters to look at")


def _mirrored(r: Statements, when: sp.Basic, value: Any, times: int, power: int) -> bool:
    """Whether ``g(v)**power + g(-v)**power`` is a polynomial in abs(v) almost everywhere, with twice the claimed mean.

    g is f or its slope. The polynomial through five inputs is a guess; that it is right everywhere, Z3 shows.
    """
    if isinstance(value, dict) or value in ("none", "oo"):
        return False
    f = r.f.expr.subs(pinned(when))
    g = f.rewrite(sp.Piecewise).diff(r.v) if times else f
    seen = [sp.sympify(sum(g.subs(r.v, s * x) ** power for s in (1, -1)), strict=True) for x in range(1, DEGREE + 3)]
    here = next(iter(r.at(when)), None)
    if here is None or any(y.count_ops() > MAX_OPS or y.has(sp.Piecewise, sp.nan, sp.zoo, sp.oo) for y in seen):
        return False
    *seen, last = seen
    trial = sp.interpolate([sp.N(y.subs(dict(here)), 30) for y in seen], sp.Integer(DEGREE + 2))
    if not abs(trial - sp.N(last.subs(dict(here)), 30)) < 1e-12:
        return False
    if not any(y.atoms(sp.Function) or y.has(sp.E) for y in seen):
        guess = sp.Poly(sp.expand(sp.interpolate(seen, r.v)), r.v)
    else:
        near = sp.Poly(sp.interpolate([sp.N(y.subs(dict(here)), 30) for y in seen], r.v), r.v)
        terms = {n: sp.Rational(str(sp.N(c, 20))).limit_denominator(MAX_DENOMINATOR) for (n,), c in near.terms()}
        guess = sp.Poly({(n,): c for n, c in terms.items() if c} or {(0,): 0}, r.v)
    size = [_absolute(n) for (n,), _ in guess.terms()]
    if sp.simplify(sum(c * m for (_, c), m in zip(guess.terms(), size, strict=True)) / 2 - r.spelling.some(value)) != 0:
        return False
    breaks = list(dict.fromkeys(s * b for case in r.c.cases for b in case.breaks for s in (1, -1)))

    def differs(q: Question) -> Any:
        """By symmetry positive inputs will do."""
        v = q.symbol(r.v)
        apart = [v != q.value(b) for b in breaks]
        (a, da), (b, db) = (q.defined(g.xreplace({r.v: x})) for x in (r.v, -r.v))
        total = z3.Product([a] * power) + z3.Product([b] * power)
        return z3.And(v > 0, *apart, z3.Or(z3.Not(da), z3.Not(db), total != q.value(guess.as_expr())))

    with suppress(*TROUBLE):
        return r.ask(when, differs)[0] == "none"
    return False


def _absolute(n: int) -> sp.Expr:
    """The mean of ``abs(v)**n`` for a standard normal v."""
    return sp.sqrt(2) ** n * sp.gamma(sp.Rational(n + 1, 2)) / sp.sqrt(sp.pi)


def _at_point(
    r: Statements, value: Mapping[str, Any], p: Point, times: int, known: Collection[str]
) -> Iterator[Finding]:
    key = shown(p)
    if key not in r.integrals:
        r.integrals[key] = all_moments(r, p)
    kept = r.integrals[key]
    found, sure = ([], False) if kept is None else (kept[:-1], kept[-1][times])
    for k, name in enumerate(NAMES):
        if name in known:
            continue
        what, where = f"{name} of f{chr(39) * times}", shown(p)
        if not found or value[name] in ("none", "oo"):
            diverges = bool(found)
            yield Finding("contradicted" if diverges else "consistent", what, "series", where)
            continue
        yield _compared(r, what, value[name], found[2 * times + k], p, sure)
    yield _gain(r, value, p, found[4 + times] if sure else None)


def _ball(r: Statements, value: Any, p: Point) -> tuple[Interval, Interval]:
    """Lower and upper end of a claimed value at exact parameters."""
    if isinstance(value, dict):
        return exactly(sp.Rational(value["lo"])), exactly(sp.Rational(value["hi"]))
    inner = constant(at(r.spelling.some(value), p))
    return inner, inner


def _compared(r: Statements, what: str, value: Any, found: Interval, p: Point, sure: bool) -> Finding:
    low, high = _ball(r, value, p)
    where = shown(p)
    if found.hi < low.lo or found.lo > high.hi:
        return Finding("contradicted", what, "series", where)
    within = isinstance(value, dict) and found.lo >= low.hi and found.hi <= high.lo
    exact = sure and within and set(value.get("at", {})) == {s.name for s in r.c.symbols}
    return Finding("confirmed" if exact else "consistent", what, "series", where)


def _gain(r: Statements, value: Mapping[str, Any], p: Point, exact: Interval | None) -> Finding:
    """The gain is one over the root of the claimed second moment."""
    what = "gain"
    second, gain = value["second_moment"], value["gain"]
    if gain == "none" or second in ("none", "oo"):
        zero = second not in ("none", "oo") and constant(at(r.spelling.some(second), p)).zero
        right = gain == "none" and (second in ("none", "oo") or zero)
        return Finding("confirmed" if right else "contradicted", what, "intervals", shown(p))
    if isinstance(gain, str) and isinstance(second, str):
        product = at(r.spelling.some(gain), p) ** 2 * at(r.spelling.some(second), p)
        if sp.cancel(product) == 1:
            return Finding("confirmed", what, "parser")
    (a, b), (c, d) = _ball(r, gain, p), _ball(r, second, p)
    if isinstance(gain, dict) and exact is not None and exact.lo >= a.hi and exact.hi <= b.lo:
        return Finding("confirmed", what, "series", shown(p))
    one = Interval(a.lo, b.hi) * Interval(a.lo, b.hi) * Interval(c.lo, d.hi)
    off = one.lo > 1 or one.hi < 1 or a.hi < 0
    return Finding("contradicted" if off else "consistent", what, "intervals", shown(p))


def all_moments(r: Statements, p: Point) -> list[Any] | None:
    """Enclosures of E f, E f**2, E f', E f'**2 and both gains at a point, and whether they rest on no claim."""
    saved, ctx.prec = ctx.prec, BITS
    try:
        tails = _tails(r, p)
        if tails is None:
            return None
        scale = 1 / (2 * arb.pi()).sqrt()

        def weights(t: Series, f: Series) -> list[Series]:
            phi = (-(t * t) / 2).exp() * arb_series([scale])
            slope = f.derivative()
            return [f * phi, f * f * phi, slope * phi, slope * slope * phi]

        def bound(a: fmpq, b: fmpq) -> list[Any] | None:
            here = box(_rational(a), _rational(b))
            found = r.scan.look(r.f.expr, r.v, here, environment(p))
            if found is None:
                return None
            out = []
            for x in (found[0].x, found[0].d):
                if x.lo == -INF or x.hi == INF:
                    return None
                size = (x.hi if x.hi > -x.lo else -x.lo).upper()
                out += [arb(0, (size * arb(b - a)).upper()), arb(0, (size * size * arb(b - a)).upper())]
            return out

        inner = integrals(r.f.expr, r.v, p, weights, bound, fmpq(-REACH), fmpq(REACH))
        if inner is None:
            return None
        found = [x + y for x, y in zip(inner, tails[:-1], strict=True)]
        found += [1 / x.sqrt() if x > 0 else arb(0, INF) for x in found[1::2]]
        return [*(Interval(down(x), up(x)) for x in found), tails[-1]]
    finally:
        ctx.prec = saved


def _rational(x: fmpq) -> sp.Rational:
    return sp.Rational(int(x.p), int(x.q))


def _tails(r: Statements, p: Point) -> list[Any] | None:
    """Balls around 0 that hold what lies beyond, by bounds on sizes there; and whether these rest on no claim.

    The integral of t**k exp(-(R + t)**2/2) is at most exp(-R**2/2) k!/R**(k + 1).
    """
    out: list[Any] = [arb(0)] * 4
    sure = [True, True]
    weight = (-(arb(REACH) ** 2) / 2).exp()
    for way in (1, -1):
        found = _growth(r, p, way)
        if found is None:
            return None
        sizes, known = found
        sure = [a and b for a, b in zip(sure, known, strict=True)]
        for k, (a, b) in enumerate(sizes):
            first = weight * (a / REACH + b / REACH**2)
            second = 2 * weight * (a * a / REACH + 2 * b * b / REACH**3)
            out[2 * k] += arb(0, first.upper())
            out[2 * k + 1] += arb(0, second.upper())
    return [*out, sure]


def _growth(r: Statements, p: Point, way: int) -> tuple[list[tuple[Any, Any]], tuple[bool, bool]] | None:
    """For f and its slope: at most ``a + b*t`` in size at the distance t beyond the end; whether without a claim."""
    edge = r.scan.look(r.f.expr, r.v, exactly(sp.Integer(way * REACH)), environment(p))
    far = box(sp.Integer(REACH), sp.oo) if way > 0 else box(-sp.oo, sp.Integer(-REACH))
    tail = r.scan.look(r.f.expr, r.v, far, environment(p))
    if edge is None or tail is None or not tail[1].defined:
        return None
    claimed = _claimed_slope(r, p)
    values, slopes, bends = (_size(x) for x in (tail[0].x, tail[0].d, tail[0].b))
    if slopes is None and _gentle(r, p, way):
        slopes = arb(GENTLE)
    steep = slopes if slopes is not None else claimed
    here, there = _size(edge[0].x), _size(edge[0].d)
    if steep is None and bends is not None and there is not None and not tail[1].switched:
        return None if values is None else ([(values, arb(0)), (there, bends)], (True, True))
    if steep is None or here is None:
        return None
    return [(values, arb(0)) if values is not None else (here, steep), (steep, arb(0))], (
        values is not None or slopes is not None,
        slopes is not None,
    )


def _gentle(r: Statements, p: Point, way: int) -> bool:
    """Whether Z3 shows that no slope beyond the end is large."""

    def steep(q: Question) -> Any:
        far = way * q.symbol(r.v) >= REACH
        return z3.And(far, z3.Or(*r.slopes(q, lambda s: z3.Or(s > GENTLE, -s > GENTLE))))

    with suppress(*TROUBLE):
        return r.ask(sp.true, steep, p)[0] == "none" and r.is_continuous
    return False


def _size(x: Interval) -> Any:
    """The largest size; None where there is none."""
    if x.lo == -INF or x.hi == INF:
        return None
    return x.hi if x.hi > -x.lo else -x.lo


def _claimed_slope(r: Statements, p: Point) -> Any:
    """The Lipschitz constant that the certificate claims: if that is wrong, so is the certificate."""
    for c in r.c.verdicts:
        if c.name != "lipschitz" or c.truth != "proved":
            continue
        for when, value in r.rows(c):
            if isinstance(value, dict) or p not in r.at(when):
                continue
            bound = r.spelling.some(value)
            return None if bound == sp.oo else up(enclosed(at(bound, p)))
        for _, value in r.rows(c):
            if isinstance(value, dict) and "hi" in value:
                same = {n: str(x) for n, x in value.get("at", {}).items()} == {s.name: str(x) for s, x in p.items()}
                return exactly(sp.Rational(value["hi"])).hi if same else None
    return None
