"""One shard: a half-open range of bit patterns (or a list of them), measured in one process.

A shard is plain data. It carries the emitted text and the definition's program, so a worker needs no checkout and no
definition files; it needs kassei itself, of the same version, for the reference.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kassei.audit.measure import NOWHERE, Counter, Tally, ball_error
from kassei.audit.models import SURE, Run, runs
from kassei.audit.points import quantities
from kassei.audit.runners import Code
from kassei.exact.balls import Point, at_infinity, at_point
from kassei.exact.formats import FORMATS, Format
from kassei.exact.program import Program

CALL = 1 << 18
"""Inputs handed to the emitted code at once."""
BLOCK = 1 << 15
"""Inputs compared at once: float64 arrays of this length stay in the second-level cache."""
CHECKS = 12
"""Inputs of a shard and quantity at which the fast reference is compared with Arb on the definition as written."""


class ReferenceDisagrees(RuntimeError):
    """The fast reference and Arb disagree: a defect of the audit itself."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """What one task measures: patterns ``start``, ``start + stride``, … below ``stop``, or the listed ``points``."""

    code: Code
    program: Program
    dtype: str
    params: Mapping[str, float]
    start: int = 0
    stop: int = 0
    stride: int = 1
    points: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The range, as the key of its result."""
        if self.points:
            return f"points:{self.points[0]:x}-{self.points[-1]:x}:{len(self.points)}"
        return f"{self.start:x}-{self.stop:x}:{self.stride}"


def measure(shard: Shard) -> dict[str, dict[str, Any]]:
    """The tallies of a shard, by quantity, as plain data."""
    form = FORMATS[shard.dtype]
    with np.errstate(all="ignore"):
        return {
            quantity_name(shard.program, q): (_points if shard.points else _patterns)(shard, q, form).to_json()
            for q in quantities(shard.program)
        }


def quantity_name(program: Program, quantity: str | None) -> str:
    """``value``, ``slope`` or ``d/da``."""
    return "value" if quantity is None else "slope" if quantity == program.variable else f"d/d{quantity}"


def _call(shard: Shard, quantity: str | None, v: np.ndarray[Any, Any], form: Format) -> np.ndarray[Any, Any]:
    return shard.code.call(quantity, v, shard.params, shard.program.variable, form)


def _points(shard: Shard, quantity: str | None, form: Format) -> Tally:
    counter = Counter(form)
    patterns = np.array(shard.points, dtype=np.uint64)
    v = form.values(patterns)
    got = _call(shard, quantity, v, form).astype(np.float64)
    ends = _Ends(shard, quantity, form)
    for pattern, x, y in zip(shard.points, v.astype(np.float64).tolist(), got.tolist(), strict=True):
        if np.isfinite(x):
            counter.point(y, at_point(shard.program, quantity, x, shard.params, form), pattern)
            counter.add(arb=1)
        else:
            counter.special(y, ends(x), pattern)
    return counter.tally()


class _Ends:
    """What infinities and NaN give, asked once."""

    def __init__(self, shard: Shard, quantity: str | None, form: Format) -> None:
        self.ask = (shard.program, quantity, shard.params, form)
        self.known: dict[float, float | None] = {}

    def __call__(self, x: float) -> float | None:
        if np.isnan(x):
            return float("nan")
        if x not in self.known:
            program, quantity, params, form = self.ask
            self.known[x] = at_infinity(program, quantity, 1 if x > 0 else -1, params, form)
        return self.known[x]


def _patterns(shard: Shard, quantity: str | None, form: Format) -> Tally:
    counter = Counter(form)
    ends = _Ends(shard, quantity, form)
    for sign in (0, form.sign):
        first, last = max(shard.start, sign), min(shard.stop, sign + form.sign)
        first += (shard.start - first) % shard.stride
        numbers = range(first, min(last, sign | form.infinity), shard.stride)
        if len(numbers):
            _numbers(shard, quantity, form, numbers, counter)
        rest = range(
            numbers.stop + (first - numbers.stop) % shard.stride if len(numbers) else first, last, shard.stride
        )
        for k in range(0, len(rest), CALL):
            part = rest[k : k + CALL]
            v = form.values(np.arange(part.start, part.stop, part.step, dtype=np.uint64))
            got = _call(shard, quantity, v, form).astype(np.float64)
            _specials(v, got, part, ends, counter)
    return counter.tally()


def _specials(
    v: np.ndarray[Any, Any], got: np.ndarray[Any, Any], patterns: range, ends: _Ends, counter: Counter
) -> None:
    """Infinities one by one; NaN, of which there are millions, at once."""
    for k in np.flatnonzero(np.isinf(v)).tolist():
        counter.special(float(got[k]), ends(float(v[k])), patterns[k])
    nan = np.isnan(v)
    count = int(np.count_nonzero(nan))
    counter.add(inputs=count, special=count)
    wrong = nan & ~np.isnan(got)
    if wrong.any():
        counter.wrong("wrong_nan", int(np.count_nonzero(wrong)), patterns[int(np.argmax(wrong))])


def _numbers(shard: Shard, quantity: str | None, form: Format, patterns: range, counter: Counter) -> None:
    """Finite inputs of one sign."""
    v = form.values(np.arange(patterns.start, patterns.stop, patterns.step, dtype=np.uint64))
    wide = v.astype(np.float64)
    settled = list(runs(shard.program, quantity, wide, shard.params, form))
    got = np.empty(v.shape, dtype=v.dtype)
    for k in range(0, len(v), CALL):
        got[k : k + CALL] = _call(shard, quantity, v[k : k + CALL], form)
    before = dict(counter.sums)
    for run in settled:
        _run(shard, quantity, form, run, wide, got, patterns, counter)
    _check(shard, quantity, form, settled, wide, got, patterns, counter, before)


def _run(
    shard: Shard,
    quantity: str | None,
    form: Format,
    run: Run,
    wide: np.ndarray[Any, Any],
    got: np.ndarray[Any, Any],
    patterns: range,
    counter: Counter,
) -> None:
    alone = (
        range(run.start, run.stop) if run.model is None and run.values is None else [run.start + k for k in run.unsure]
    )
    for k in alone:
        counter.point(float(got[k]), _exact(shard, quantity, form, float(wide[k])), patterns[k])
        counter.add(arb=1)
    if run.model is not None:
        counter.add(**{"taylor" if run.model.proved else "fitted": run.stop - run.start})
        for i in range(run.start, run.stop, BLOCK):
            j = min(i + BLOCK, run.stop)
            counter.array(got[i:j].astype(np.float64), run.model(wide[i:j]), lambda k, i=i: patterns[i + k])
    elif run.values is not None:
        sure = np.ones(run.stop - run.start, dtype=bool)
        sure[list(run.unsure)] = False
        places = np.flatnonzero(sure)
        if len(places):
            counter.add(float64=len(places))
            here = got[run.start : run.stop][places].astype(np.float64)
            counter.array(here, run.values[places], lambda k: patterns[run.start + int(places[k])])


def _exact(shard: Shard, quantity: str | None, form: Format, v: float) -> Point:
    return at_point(shard.program, quantity, v, shard.params, form)


def _check(
    shard: Shard,
    quantity: str | None,
    form: Format,
    settled: list[Run],
    wide: np.ndarray[Any, Any],
    got: np.ndarray[Any, Any],
    patterns: range,
    counter: Counter,
    before: Mapping[str, Any],
) -> None:
    """Compare the reference with Arb at the worst input and at some others; the worst error is then Arb's."""
    starts = [run.start for run in settled]
    chosen = {(k * 0x9E3779B1 + 0x7F4A7C15) % len(patterns) for k in range(CHECKS)}
    worst = counter.sums.get("at", NOWHERE)
    fresh = worst != before.get("at", NOWHERE) and worst in patterns
    if fresh:
        chosen.add(patterns.index(worst))
    for k in sorted(chosen):
        run = settled[bisect.bisect_right(starts, k) - 1]
        if run.model is not None:
            have = float(run.model(wide[k : k + 1])[0])
        elif run.values is not None and k - run.start not in run.unsure:
            have = float(run.values[k - run.start])
        else:
            continue
        want = _exact(shard, quantity, form, float(wide[k]))
        if not want.known:
            continue
        counter.add(checked=1)
        error = min((_distance(have, ball, form) for ball in want.values), default=np.inf)
        if not error <= 2 * SURE:
            raise ReferenceDisagrees(
                f"{shard.program.name}, {quantity_name(shard.program, quantity)}, {dict(shard.params)}, {shard.dtype}, "
                f"at {patterns[k]:#x}: the fast reference is {have!r}, Arb gives {want.values or 'no value'}"
            )
        if fresh and patterns[k] == worst:
            _, exact, _ = min(ball_error(float(got[k]), ball, form) for ball in want.values)
            counter.sums["max_ulp"] = exact


def _distance(have: float, ball: Any, form: Format) -> float:
    if np.isinf(have):
        return 0.0 if bool(abs(ball) > form.biggest) and (have > 0) == bool(ball > 0) else np.inf
    return ball_error(have, ball, form)[1]
