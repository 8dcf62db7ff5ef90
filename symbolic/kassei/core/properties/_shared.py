"""What several properties need: signs of a derivative on all pieces, joins, unions of intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import sympy as sp

from kassei.core.activation import Activation
from kassei.core.algebra import inner_points
from kassei.core.enclose import Undecided, ball, precision, rational, sign_of
from kassei.core.extent import Extent, tangled
from kassei.core.pieces import Form, Piece, nonzero_point, slope_of
from kassei.core.prove import Edge, Finding, edges, falling_pair
from kassei.core.region import Region, shorten
from kassei.core.signs import Chart, chart, layout, order
from kassei.core.verdict import Step

SEARCH = 64
"""How many inner points a search for a counterexample looks at."""


def undefined(form: Form) -> Finding:
    """Refuted because f is not defined on all of R."""
    where = undefined_at(form)
    return Finding(
        truth=False, witness={"undefined_at": where}, steps=(Step("undefined", {"where": ", ".join(where)}),)
    )


def undefined_at(form: Form) -> list[str]:
    """The breaks and intervals on which f is undefined."""
    out = [str(at) for at, value in zip(form.breaks, form.values, strict=True) if value is sp.nan]
    out += [str(sp.Interval.open(p.lo, p.hi)) for p in form.pieces if p.expr is sp.nan]
    return out


def sided_chart(piece: Piece, v: sp.Symbol, region: Region, times: int = 1) -> Chart:
    """The signs of a derivative of a piece along the piece."""
    return chart(slope_of(piece, v, times), v, piece.lo, piece.hi, region)


def chart_step(key: str, piece: Piece, v: sp.Symbol, flat: Chart, times: int = 1) -> Step:
    """The step that reads the signs of a derivative off its chart."""
    return Step(key, {"layout": layout(slope_of(piece, v, times), piece.lo, piece.hi, flat)})


def negative_somewhere(expr: sp.Expr, v: sp.Symbol, piece: Piece, region: Region) -> sp.Rational | None:
    """A rational point of a piece without parameters where a ball shows ``expr`` to be negative."""
    if region.apply(expr).free_symbols - {v}:
        return None
    for at in _spread(piece.lo, piece.hi):
        with precision(128):
            if sign_of(ball(expr, {v: rational(at)})) == -1:
                return at
    return None


def chart_or_negative_point(
    piece: Piece, v: sp.Symbol, region: Region, times: int, way: int = 1
) -> Chart | sp.Rational:
    """The signs of a derivative along a piece, or a rational point at which ``way`` times it is negative.

    The point is looked for first where a chart is dear. Raises ``Undecided`` where there is neither.
    """
    slope = slope_of(piece, v, times)
    dear = tangled(slope, v)
    at = negative_somewhere(way * slope, v, piece, region) if dear else None
    if at is not None:
        return at
    try:
        return sided_chart(piece, v, region, times)
    except Undecided:
        at = None if dear else negative_somewhere(way * slope, v, piece, region)
        if at is None:
            raise
        return at


def constant(piece: Piece, v: sp.Symbol, region: Region) -> bool:
    """Whether a piece has one value. Being analytic, a piece that has not is constant on no part of its interval."""
    return zero(Piece(piece.lo, piece.hi, slope_of(piece, v)), v, region)


def zero(piece: Piece, v: sp.Symbol, region: Region) -> bool:
    """Whether a piece vanishes identically; a point where it certainly does not is looked for first."""
    expr = region.apply(piece.expr)
    if expr.free_symbols == {v} and not piece.lo.free_symbols | piece.hi.free_symbols:
        try:
            with precision(128):
                signs = {sign_of(ball(expr, {v: rational(at)})) for at in inner_points(piece.lo, piece.hi, 2)}
        except Undecided:
            signs = set()
        if signs & {1, -1}:
            return False
    return nonzero_point(expr, v, piece.lo, piece.hi, region, located=False) is None


def _spread(lo: sp.Expr, hi: sp.Expr) -> list[sp.Rational]:
    """Rational points of an interval, reaching out to the far ends of unbounded ones."""
    if lo.free_symbols or hi.free_symbols:
        return []
    if lo != -sp.oo and hi != sp.oo:
        return inner_points(lo, hi, SEARCH)
    step = [sp.Rational(k, 4) for k in range(1, SEARCH)] + [sp.Integer(2**k) for k in range(5, 12)]
    if lo == -sp.oo and hi == sp.oo:
        return [sign * s for s in step for sign in (-1, 1)]
    anchor, way = (shorten(hi), -1) if lo == -sp.oo else (shorten(lo), 1)
    return [p for p in (anchor + way * s for s in step) if order(p, lo, Region()) > 0 and order(hi, p, Region()) > 0]


def on_both_sides(form: Form, ask: Callable[[Piece, sp.Expr], tuple[Any, Step]]) -> Finding:
    """What ``ask`` says of the first piece at -oo and of the last one at oo."""
    value: dict[str, Any] = {}
    steps: list[Step] = []
    for name, end, piece in (("neg_inf", -sp.oo, form.pieces[0]), ("pos_inf", sp.oo, form.pieces[-1])):
        value[name], step = ask(piece, end)
        steps.append(step)
    return Finding(truth=True, value=value, steps=tuple(steps))


def at_sample(piece: Piece, region: Region) -> tuple[sp.Expr, sp.Expr]:
    """The ends of a piece at the region's sample."""
    return region.at_sample(piece.lo), region.at_sample(piece.hi)


def falling_in(activation: Activation, piece: Piece, flat: Chart, region: Region) -> tuple[sp.Expr, sp.Expr] | None:
    """Rational u < w in a piece with f(u) > f(w), from a segment where the slope is negative."""
    lo, hi = at_sample(piece, region)
    if flat.periodic:
        points = sorted(_spread(lo, hi))
        return falling_pair(activation, list(points), region)
    nodes = [lo, *(region.at_sample(p) for p in flat.points), hi]
    for k, s in enumerate(flat.signs):
        if s < 0:
            return falling_pair(activation, sorted(inner_points(nodes[k], nodes[k + 1], 3)), region)
    return None


def falling_across(activation: Activation, edge: Edge, region: Region) -> tuple[sp.Expr, sp.Expr] | None:
    """Rational u < w around a break with f(u) > f(w)."""
    at = region.at_sample(edge.at)
    exact = at.is_Rational
    for k in range(1, 60):
        near = sp.Rational(1, 2**k)
        middle = at if exact else shorten(at)
        candidates = [middle - near, middle, middle + near] if exact else [middle - near, middle + near]
        pair = falling_pair(activation, candidates, region)
        if pair is not None:
            return pair
    return None


def pair_witness(pair: tuple[sp.Expr, sp.Expr] | None) -> dict[str, Any] | None:
    """Two points as JSON shows them."""
    return None if pair is None else {"points": [str(pair[0]), str(pair[1])]}


def monotone(form: Form, region: Region, activation: Activation, *, strictly: bool) -> Finding:
    """Whether f never falls (or always rises), on every piece and across every break."""
    v = form.variable
    steps: list[Step] = []
    open_one: Undecided | None = None
    for piece in form.pieces:
        if piece.expr is sp.nan:
            continue
        try:
            flat = chart_or_negative_point(piece, v, region, 1)
        except Undecided as left:
            open_one = left
            continue
        if not isinstance(flat, Chart):
            near = [flat - sp.Rational(1, 2**k) for k in (30, 40)] + [flat]
            pair = falling_pair(activation, sorted(near), region)
            facts = {"at": flat, "slope": slope_of(piece, v)}
            return Finding(truth=False, witness=pair_witness(pair), steps=(Step("slope_negative_at", facts),))
        if not flat.never_negative:
            steps = [*flat.why, chart_step("slope_negative", piece, v, flat)]
            pair = falling_in(activation, piece, flat, region)
            return Finding(truth=False, witness=pair_witness(pair), steps=tuple(steps))
        steps += [*flat.why, chart_step("slope_nonnegative", piece, v, flat)]
        if strictly and flat.identically_zero:
            lo, hi = at_sample(piece, region)
            points = [str(p) for p in sorted(inner_points(lo, hi, 2))]
            return Finding(
                truth=False, witness={"points": points}, steps=(*steps, chart_step("slope_zero", piece, v, flat))
            )
    for edge in edges(form, region):
        finding = _across(edge, region, activation)
        if finding is not None:
            return finding
        steps.append(Step("join_rises", edge_facts(edge)))
    if open_one is not None:
        raise open_one
    if not form.total:
        return undefined(form)
    return Finding(truth=True, steps=(*steps, Step("strictly_joined" if strictly else "joined")))


def _across(edge: Edge, region: Region, activation: Activation) -> Finding | None:
    """A fall at a break, if there is one."""
    if edge.left is None and edge.right is None:
        return None
    chain = [x for x in (edge.left, None if edge.value is sp.nan else edge.value, edge.right) if x is not None]
    for a, b in pairwise(chain):
        if order(a, b, region) > 0:
            pair = falling_across(activation, edge, region)
            return Finding(truth=False, witness=pair_witness(pair), steps=(Step("join_falls", edge_facts(edge)),))
    return None


def edge_facts(edge: Edge) -> dict[str, Any]:
    """A break as a step shows it."""
    return {"at": edge.at, "left": edge.left, "value": edge.value, "right": edge.right}


def curved(form: Form, region: Region, activation: Activation, way: int) -> Finding:
    """Convex (``way`` 1) or concave (-1): continuous, f'' of that sign on each piece, slopes that turn that way."""
    v = form.variable
    kind = "convex" if way > 0 else "concave"
    if not form.total:
        return undefined(form)
    steps: list[Step] = []
    seen = edges(form, region)
    for edge in seen:
        if not edge.continuous(region):
            return Finding(
                truth=False,
                witness={"at": str(region.at_sample(edge.at))},
                steps=(Step("jump_not_convex", edge_facts(edge)),),
            )
    open_one: Undecided | None = None
    for piece in form.pieces:
        bend = slope_of(piece, v, 2)
        try:
            flat = chart_or_negative_point(piece, v, region, 2, way)
        except Undecided as left:
            open_one = left
            continue
        if not isinstance(flat, Chart):
            facts = {"at": flat, "bend": bend}
            return Finding(truth=False, witness={"points": [str(flat)]}, steps=(Step(f"not_{kind}_at", facts),))
        if -way in flat.signs:
            steps = [*flat.why, chart_step(f"not_{kind}_bend", piece, v, flat, 2)]
            point = _segment_point(piece, flat, -way, region, bend)
            return Finding(truth=False, witness={"points": point}, steps=tuple(steps))
        steps += [*flat.why, chart_step(f"{kind}_bend", piece, v, flat, 2)]
    for edge in seen:
        if edge.slope_left is None or edge.slope_right is None:
            raise Undecided("the slopes at {}", edge.at)
        if order(edge.slope_right, edge.slope_left, region) * way < 0:
            facts = {"at": edge.at, "left": edge.slope_left, "right": edge.slope_right}
            witness = {"at": str(region.at_sample(edge.at))}
            return Finding(truth=False, witness=witness, steps=(Step(f"not_{kind}_kink", facts),))
        steps.append(Step(f"{kind}_kink", {"at": edge.at, "left": edge.slope_left, "right": edge.slope_right}))
    if open_one is not None:
        raise open_one
    return Finding(truth=True, steps=tuple(steps))


def _segment_point(piece: Piece, flat: Chart, wanted: int, region: Region, expr: sp.Expr) -> list[str]:
    """A point at which ``expr`` has the wanted sign at the region's sample."""
    lo, hi = at_sample(piece, region)
    if flat.periodic:
        (v,) = region.at_sample(expr).free_symbols or (sp.Symbol("v"),)
        for at in _spread(lo, hi):
            with precision(128):
                if sign_of(ball(region.at_sample(expr), {v: rational(at)})) == wanted:
                    return [str(at)]
        raise Undecided("a point where {} has the sign {}", expr, wanted)
    nodes = [lo, *(region.at_sample(p) for p in flat.points), hi]
    for k, s in enumerate(flat.signs):
        if s == wanted:
            return [str(inner_points(nodes[k], nodes[k + 1], 1)[0])]
    return []


@dataclass(frozen=True)
class Stretch:
    """An interval with constant or parametric ends, as a value that can be sorted and joined."""

    lo: sp.Expr
    lo_in: bool
    hi: sp.Expr
    hi_in: bool

    @staticmethod
    def of(extent: Extent) -> Stretch:
        """The image described by an extent."""
        return Stretch(extent.inf, extent.inf_attained, extent.sup, extent.sup_attained)

    def as_set(self) -> sp.Set:
        """As a SymPy set."""
        return (
            sp.FiniteSet(self.lo)
            if self.lo == self.hi
            else sp.Interval(self.lo, self.hi, not self.lo_in, not self.hi_in)
        )


def union(stretches: list[Stretch], region: Region) -> list[Stretch]:
    """Sorted disjoint intervals with the same union; forks where the order depends on the parameters."""
    out: list[Stretch] = []
    for one in stretches:
        out = _add(out, one, region)
    return out


def _add(sorted_ones: list[Stretch], new: Stretch, region: Region) -> list[Stretch]:
    before: list[Stretch] = []
    after: list[Stretch] = []
    for old in sorted_ones:
        if _apart(old, new, region):
            before.append(old)
        elif _apart(new, old, region):
            after.append(old)
        else:
            new = _hull(old, new, region)
    return [*before, new, *after]


def _apart(a: Stretch, b: Stretch, region: Region) -> bool:
    """Whether ``a`` lies wholly below ``b`` with a gap, if only of one point."""
    s = order(a.hi, b.lo, region)
    return s < 0 or (s == 0 and not (a.hi_in or b.lo_in))


def _hull(a: Stretch, b: Stretch, region: Region) -> Stretch:
    low, high = order(a.lo, b.lo, region), order(a.hi, b.hi, region)
    first = a if low < 0 else b if low > 0 else replace(a, lo_in=a.lo_in or b.lo_in)
    last = a if high > 0 else b if high < 0 else replace(a, hi_in=a.hi_in or b.hi_in)
    return Stretch(first.lo, first.lo_in, last.hi, last.hi_in)


def as_one_set(stretches: list[Stretch]) -> sp.Set:
    """The union as a SymPy set."""
    if not stretches:
        return sp.S.EmptySet
    if stretches == [Stretch(-sp.oo, False, sp.oo, False)]:
        return sp.S.Reals
    return sp.Union(*(s.as_set() for s in stretches))
