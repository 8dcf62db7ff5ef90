"""Taylor polynomials of the definition with proved remainders, over runs of neighbouring numbers.

Arb expands the definition about the middle of an interval, and once more about the whole interval as a ball; the
latter's next coefficient bounds the remainder (Lagrange). The polynomial is evaluated in float64 for millions of
inputs, and the rounding of that is added to the bound. An interval whose bound is above ``SURE`` of a unit in the last
place is cut in two; short ones are asked of :mod:`rough`, and what is left in the end of Arb, point by point.

Far out, plain interval arithmetic may show that the definition underflows, overflows or stays what it is. There are
also runs on which no interval method succeeds (``log(1 + exp(v))`` at 1e30); there a polynomial through exact values is
accepted when exact values at ``PROBES`` further points confirm it: a test and no proof, counted apart (``fitted``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_series, ctx

from kassei.audit.rough import roughly
from kassei.audit.span import enclosed
from kassei.exact.balls import Evaluation, Jet, Tie, Unclear, Undefined, at_point
from kassei.exact.formats import Format
from kassei.exact.program import Program

SURE = 2.0**-7
"""A fast reference is certain to this fraction of a unit in the last place."""
ORDER = 11
BITS = (128, 320)
FEW = 8
"""A run this short goes to Arb point by point."""
ROUGH_RUN = 4096
"""Runs up to this length are asked of :mod:`rough`."""
FAR = 32.0
"""Beyond this, and on an eighth of a binade at most, a polynomial may be fitted."""
NODES, PROBES = 4, 24
ROUND = 2.0**-53


@dataclass(frozen=True)
class Model:
    """``sum(c[k]*t**k)`` with ``t = (v - middle)*scale``."""

    middle: float
    scale: float
    coefficients: tuple[float, ...]
    proved: bool = True

    def __call__(self, v: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The polynomial at float64 points."""
        c = self.coefficients
        if len(c) == 1:
            return np.full(v.shape, c[0])
        t = v - self.middle
        t *= self.scale
        y = t * c[-1]
        for k in range(len(c) - 2, 0, -1):
            y += c[k]
            y *= t
        y += c[0]
        return y


@dataclass(frozen=True)
class Run:
    """Points ``start`` to ``stop`` (exclusive): by a model, by float64 values, or, with neither, to be asked of Arb.

    ``unsure`` are the places within the run whose float64 value is not certain.
    """

    start: int
    stop: int
    model: Model | None = None
    values: np.ndarray[Any, Any] | None = None
    unsure: tuple[int, ...] = ()


def runs(
    program: Program, quantity: str | None, values: np.ndarray[Any, Any], params: Mapping[str, float], form: Format
) -> Iterator[Run]:
    """Cut finite float64 points of one sign, sorted either way, into runs that are settled one way each."""
    waiting = [(0, len(values), False)]
    while waiting:
        i, j, tried = waiting.pop()
        if j - i <= FEW:
            if j > i:
                yield Run(i, j)
            continue
        ends = sorted((float(values[i]), float(values[j - 1])))
        model = _model(program, quantity, ends[0], ends[1], params, form)
        if model is not None:
            yield Run(i, j, model=model)
            continue
        if j - i <= ROUGH_RUN and not tried:
            rough = roughly(program, quantity, values[i:j], params, form)
            if rough is not None:
                y, e = rough
                unsure = np.flatnonzero(~(e <= SURE * units(y, e, form)))
                if len(unsure) <= (j - i) // 8:
                    yield Run(i, j, values=y, unsure=tuple(unsure.tolist()))
                    continue
            tried = rough is not None
        fitted = _fitted(program, quantity, values[i:j], params, form)
        if fitted is not None:
            yield Run(i, j, model=fitted)
            continue
        middle = (i + j) // 2
        waiting += [(middle, j, tried), (i, middle, tried)]


def units(y: np.ndarray[Any, Any], e: Any, form: Format) -> np.ndarray[Any, Any]:
    """The unit in the last place at ``max(0, abs(y) - e)``."""
    size = np.maximum(np.abs(y) - e, 2.0**form.least)
    power: np.ndarray[Any, Any] = (size.view(np.uint64) & np.uint64(0x7FF0000000000000)).view(np.float64)
    power *= 2.0**-form.mantissa
    return power


def _model(
    program: Program, quantity: str | None, lo: float, hi: float, params: Mapping[str, float], form: Format
) -> Model | None:
    middle = lo / 2 + hi / 2
    radius = max(hi - middle, middle - lo) * (1 + 2.0**-50)
    if radius == 0 or not np.isfinite(1 / radius):
        return None
    for bits in BITS:
        saved_bits, saved_cap = ctx.prec, ctx.cap
        ctx.prec, ctx.cap = bits, ORDER + 1
        try:
            return _expanded(program, quantity, middle, radius, params, form)
        except (Unclear, Undefined, Tie, ZeroDivisionError, ValueError, OverflowError):
            continue
        finally:
            ctx.prec, ctx.cap = saved_bits, saved_cap
    return _constant(program, quantity, lo, hi, params, form)


def _constant(
    program: Program, quantity: str | None, lo: float, hi: float, params: Mapping[str, float], form: Format
) -> Model | None:
    """A tail in which the definition hardly changes, underflows or is beyond every number of the format."""
    found = enclosed(program, quantity, lo, hi, params)
    if found is None:
        return None
    low, high = found
    if abs(low) >= 2.0 ** (form.most + 1) and (low > 0) == (high > 0) and abs(high) >= 2.0 ** (form.most + 1):
        return Model(0.0, 0.0, (np.inf if low > 0 else -np.inf,))
    middle = low / 2 + high / 2
    if not np.isfinite(middle):
        return None
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    unit = 2.0 ** (max(np.frexp(least)[1] - 1, form.least) - form.mantissa) if least > 0 else form.smallest
    return Model(0.0, 0.0, (middle,)) if (high - low) <= SURE * unit else None


def _fitted(
    program: Program, quantity: str | None, values: np.ndarray[Any, Any], params: Mapping[str, float], form: Format
) -> Model | None:
    """A polynomial through ``NODES`` exact values that ``PROBES`` others confirm."""
    ends = sorted((abs(float(values[0])), abs(float(values[-1]))))
    if ends[0] < FAR or ends[1] > 1.13 * ends[0] or len(values) < 2 * PROBES:
        return None
    last = len(values) - 1
    nodes = [round(last * (0.5 - 0.5 * np.cos(np.pi * (k + 0.5) / NODES))) for k in range(NODES)]
    exact = _numbers(program, quantity, values[nodes], params, form)
    if exact is None:
        return None
    middle = float(values[0] / 2 + values[-1] / 2)
    scale = 2 / abs(float(values[-1] - values[0]))
    t = (values[nodes] - middle) * scale
    size = np.max(np.abs(exact[0])) or 1.0
    c = np.linalg.solve(np.vander(t, increasing=True), exact[0] / size) * size
    model = Model(middle, scale, tuple(c.tolist()), proved=False)
    probes = sorted({0, last, *((k * 2654435761 + 97) % last for k in range(1, PROBES - 1))})
    asked = _numbers(program, quantity, values[probes], params, form)
    if asked is None or not np.all(np.abs(model(values[probes]) - asked[0]) <= SURE / 2 * asked[1]):
        return None
    return model


def _numbers(
    program: Program, quantity: str | None, points: np.ndarray[Any, Any], params: Mapping[str, float], form: Format
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Exact values and units in the last place; None where one is not known, two-sided or beyond the format."""
    values, sizes = [], []
    for v in points.tolist():
        here = at_point(program, quantity, v, params, form)
        if len(here.values) != 1 or not abs(here.values[0]) <= form.biggest:
            return None
        values.append(float(here.values[0].mid()))
        sizes.append(float(form.unit(here.values[0])))
    return np.array(values), np.array(sizes)


def _expanded(
    program: Program, quantity: str | None, middle: float, radius: float, params: Mapping[str, float], form: Format
) -> Model:
    around = _series(program, quantity, arb(middle, radius), params)
    scale = arb(1)
    tails = []
    for c in around:
        tails.append(float((c * scale).abs_upper()) * (1 + 1e-12) if c.is_finite() else np.inf)
        scale = scale * radius
    if not min(tails[1:]) < np.inf:
        raise Unclear
    centre = _series(program, quantity, arb(middle), params)
    scale = arb(1)
    c, error = [], 0.0
    for coefficient in centre:
        scaled = coefficient * scale
        scale = scale * radius
        if not scaled.is_finite():
            raise Unclear
        near = float(scaled.mid())
        c.append(near)
        error += float(scaled.rad().upper()) * (1 + 1e-12)
    size = np.abs(c)
    for degree in range(ORDER):
        total = float(size[: degree + 1].sum())
        bound = error + tails[degree + 1] + (5 * degree + 8) * ROUND * total
        least = abs(c[0]) - (total - abs(c[0])) - bound
        unit = (
            2.0 ** (max(np.frexp(max(least, 0.0))[1] - 1, form.least) - form.mantissa) if least > 0 else form.smallest
        )
        if bound <= SURE * unit:
            return Model(middle, 1 / radius, tuple(c[: degree + 1]))
    raise Unclear


def _series(program: Program, quantity: str | None, centre: Any, params: Mapping[str, float]) -> list[Any]:
    terms = ORDER + 1
    numbers = {n: arb_series([arb(x)], terms) for n, x in params.items()}
    numbers[program.variable] = arb_series([centre, 1], terms)
    one = arb_series([arb(1)], terms)
    box = {n: Jet(x, one if n == quantity else None) for n, x in numbers.items()}
    run = Evaluation(program, box, {}, terms=terms, differs=quantity is not None)
    out = run.at(len(program.steps) - 1)
    found = out.x if quantity is None else arb_series([arb(0)], terms) if out.d is None else out.d
    coefficients = list(found.coeffs())[:terms]
    return coefficients + [arb(0)] * (terms - len(coefficients))
