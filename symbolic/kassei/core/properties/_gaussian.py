"""Mean and second moment of f or of its slope where the input is standard normal, and the gain that undoes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from flint import arb

from kassei.core import gauss, limits
from kassei.core.algebra import tidy
from kassei.core.enclose import Undecided, ball, decimals, number_sign, precision, rational
from kassei.core.pieces import Form, Piece, slope_of
from kassei.core.properties._shared import zero
from kassei.core.properties._symmetry import vanishing
from kassei.core.prove import Finding, Subject, edges
from kassei.core.region import Region
from kassei.core.signs import sign, with_signs
from kassei.core.verdict import Step

FAR = 40
"""Where a closed form is compared with an integral whose tails have no bound."""


def moments(subject: Subject, times: int) -> Callable[[Form, Region], Finding]:
    """The question of E g, E g**2 and 1/sqrt(E g**2), where g is f (``times`` 0) or f' outside the kinks (1)."""

    def ask(form: Form, region: Region) -> Finding:
        v = form.variable
        if not form.total:
            nothing = dict.fromkeys(("mean", "second_moment", "gain"), "none")
            return Finding(truth=True, value=nothing, steps=(Step("gauss_undefined"),))
        pieces = tuple(Piece(p.lo, p.hi, slope_of(p, v, times)) for p in form.pieces)
        steps: list[Step] = []
        mean = _mean(subject, form, pieces, times, region, steps)
        if all(zero(p, v, region) for p in pieces):
            second: Any = sp.S.Zero
        else:
            second = _expectation(pieces, v, 2, region, steps)
        value = {
            "mean": _shown(mean, region),
            "second_moment": _shown(second, region),
            "gain": _shown(_gain(second, region), region),
        }
        return Finding(truth=True, value=value, steps=tuple(steps))

    return ask


def _mean(
    subject: Subject, form: Form, pieces: tuple[Piece, ...], times: int, region: Region, steps: list[Step]
) -> Any:
    found = _expectation(pieces, form.variable, 1, region, steps)
    if isinstance(found, sp.Expr):
        return found
    level = _mirrored_level(subject, form, times, region)
    if level is None or not found.overlaps(ball(region.at_sample(level), {})):
        return found
    steps[-1] = Step("gauss_mirrored" if times == 0 else "gauss_mirrored_slope", {"level": 2 * level, "value": level})
    return level


def _expectation(pieces: tuple[Piece, ...], v: sp.Symbol, power: int, region: Region, steps: list[Step]) -> Any:
    """E g**power: an expression, ``oo``, ``nan`` where there is none, or a ball at the region's sample."""
    exact = _closed(pieces, v, power, region)
    here = tuple(Piece(region.at_sample(p.lo), region.at_sample(p.hi), region.at_sample(p.expr)) for p in pieces)
    facts: dict[str, Any] = {"power": sp.Integer(power)}
    try:
        found = gauss.enclosed(here, v, power)
    except Undecided:
        if exact is None:
            end = _heavy_end(pieces, v, power, region)
            steps.append(Step("gauss_diverges", {**facts, "end": end}))
            return sp.oo if power == 2 else sp.nan
        with precision(gauss.BITS):
            far = gauss.inside(here, v, power, FAR)
            gap = abs(far - ball(region.at_sample(exact), {}))
            if not gap < (1 + abs(far)) * rational(sp.Rational(1, 10**12)):
                raise
        steps.append(Step("gauss_closed", {**facts, "value": exact}))
        return exact
    if exact is None:
        steps.append(Step("gauss_enclosed", {**facts, "shown": decimals(found)["lo"]}))
        return found
    with precision(gauss.BITS):
        if not found.overlaps(ball(region.at_sample(exact), {})):
            raise Undecided("the expectation: the closed form {} lies outside of its enclosure", exact)
    steps.append(Step("gauss_closed", {**facts, "value": exact}))
    return exact


def _closed(pieces: tuple[Piece, ...], v: sp.Symbol, power: int, region: Region) -> sp.Expr | None:
    total = sp.S.Zero
    for p in pieces:
        part = gauss.closed(p.expr**power, v, p.lo, p.hi, region)
        if part is None:
            return None
        total += part
    return tidy(sp.expand(total))


def _heavy_end(pieces: tuple[Piece, ...], v: sp.Symbol, power: int, region: Region) -> sp.Expr:
    """An end towards which the integrand does not fall below a positive number, so that the integral diverges."""
    for piece, end, side in ((pieces[0], -sp.oo, "+"), (pieces[-1], sp.oo, "-")):
        if _surely_light(region.at_sample(piece.expr), v, -FAR if end is -sp.oo else FAR, power):
            continue
        try:
            weighted = limits.limit(sp.powsimp(piece.expr**power * sp.exp(-(v**2) / 2)), v, end, side, region)
        except limits.NoLimit:
            continue
        if weighted in (sp.oo, -sp.oo) or sign(weighted, region) != 0:
            return end
    raise Undecided("a bound on the growth of f")


def _surely_light(expr: sp.Expr, v: sp.Symbol, at: int, power: int) -> bool:
    """Whether the integrand is tiny far out, so that a proof of the opposite need not be tried."""
    with precision(gauss.BITS):
        return bool(abs(ball(expr, {v: arb(at)})) ** power * (-(arb(at) ** 2) / 2).exp() < 1e-30)


def _mirrored_level(subject: Subject, form: Form, times: int, region: Region) -> sp.Expr | None:
    """The constant that the even part of g is: half of f(v) + f(-v), or of the slope of f(v) - f(-v)."""
    f, v = subject.activation, form.variable
    way = 1 if times == 0 else -1
    here = region.at_sample(f.expr)

    def both(x: sp.Rational) -> Any:
        return (ball(here, {v: rational(x)}) + way * ball(here, {v: rational(-x)})) / rational(x**times)

    with precision(gauss.BITS):
        probes = [both(sp.Rational(x)) for x in ("1/2", "1", "3")]
        if not all(p.overlaps(probes[0]) for p in probes):
            return None
    level = _at_zero(form, times, region)
    if level is None:
        return None
    residual = f.expr + way * f.expr.subs(v, -v) - level * v**times
    try:
        return level / 2 if vanishing(v, residual)(form, region).truth else None
    except Undecided:
        return None


def _at_zero(form: Form, times: int, region: Region) -> sp.Expr | None:
    """The sum of the limits of g at 0 from both sides."""
    for edge in edges(form, region):
        if edge.at == 0:
            left, right = (edge.left, edge.right) if times == 0 else (edge.slope_left, edge.slope_right)
            return None if left is None or right is None else left + right
    for p in form.pieces:
        at_zero = Piece(p.lo, p.hi, slope_of(p, form.variable, times)).expr.subs(form.variable, 0)
        if number_sign(region.at_sample(p.lo)) < 0 < number_sign(region.at_sample(p.hi)):
            return 2 * at_zero
    return None


def _gain(second: Any, region: Region) -> Any:
    if second in (0, sp.oo):
        return sp.nan
    if isinstance(second, sp.Expr):
        return with_signs(1 / sp.sqrt(second), region)
    with precision(gauss.BITS):
        if not second > 0:
            raise Undecided("whether the second moment is positive")
        return 1 / second.sqrt()


def _shown(value: Any, region: Region) -> Any:
    if value is sp.nan:
        return "none"
    if isinstance(value, sp.Expr):
        return value
    out: dict[str, Any] = dict(decimals(value))
    if region.sample or region.fixed:
        names = [s for s, _ in (*region.sample, *region.fixed)]
        out["at"] = {str(s): str(region.at_sample(s)) for s in sorted(dict.fromkeys(names), key=str)}
    return out
