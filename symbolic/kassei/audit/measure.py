"""Errors against a reference, counted: what one shard finds and how shards are joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from flint import arb

from kassei.audit.models import units
from kassei.exact.balls import Point
from kassei.exact.formats import Format

FLOOR = 0.05
"""A derivative's error is also given relative to ``max(abs(f'), FLOOR)``, since ulps say nothing near its zeros."""
NEAR_OVERFLOW = 8.0
"""Infinity stands for the next power of two; a number and infinity this few units apart are a rounding error."""
NOWHERE = -1


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts and worst places of one quantity. Places are bit patterns of inputs; ``-1`` is none.

    ``taylor``, ``fitted``, ``float64``, ``arb`` and ``special`` count the inputs by what judged them.
    """

    inputs: int = 0
    max_ulp: float = 0.0
    at: int = NOWHERE
    got: float = 0.0
    sum_ulp: float = 0.0
    over_1: int = 0
    over_4: int = 0
    over_8: int = 0
    wrong_nan: int = 0
    wrong_nan_at: int = NOWHERE
    wrong_inf: int = 0
    wrong_inf_at: int = NOWHERE
    max_relative: float = 0.0
    relative_at: int = NOWHERE
    undefined: int = 0
    not_judged: int = 0
    taylor: int = 0
    fitted: int = 0
    float64: int = 0
    arb: int = 0
    special: int = 0
    checked: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain data, from which ``Tally(**data)`` is this again."""
        return asdict(self)


ADDED = (
    *("inputs", "sum_ulp", "over_1", "over_4", "over_8", "wrong_nan", "wrong_inf", "undefined", "not_judged"),
    *("taylor", "fitted", "float64", "arb", "special", "checked"),
)


def joined(tallies: Iterable[Tally]) -> Tally:
    """Sums and maxima in the order given, so that the result does not depend on which shard ended first."""
    out = Tally()
    for t in tallies:
        changes: dict[str, Any] = {name: getattr(out, name) + getattr(t, name) for name in ADDED}
        if t.max_ulp > out.max_ulp:
            changes |= {"max_ulp": t.max_ulp, "at": t.at, "got": t.got}
        if t.max_relative > out.max_relative:
            changes |= {"max_relative": t.max_relative, "relative_at": t.relative_at}
        for place in ("wrong_nan_at", "wrong_inf_at"):
            if getattr(out, place) == NOWHERE:
                changes[place] = getattr(t, place)
        out = replace(out, **changes)
    return out


@dataclass
class Counter:
    """Collects one shard's errors; :meth:`tally` is what it found."""

    form: Format
    sums: dict[str, Any] = field(default_factory=dict)

    def add(self, **numbers: Any) -> None:
        """Add to counts."""
        for name, n in numbers.items():
            self.sums[name] = self.sums.get(name, 0) + n

    def worst(self, error: float, relative: float, relative_at: int, at: int, got: float) -> None:
        """A candidate for the largest errors."""
        if error > self.sums.get("max_ulp", 0.0):
            self.sums |= {"max_ulp": error, "at": at, "got": got}
        if relative > self.sums.get("max_relative", 0.0):
            self.sums |= {"max_relative": relative, "relative_at": relative_at}

    def wrong(self, kind: str, count: int, at: int) -> None:
        """NaN or infinity where it must not be, or the other way round."""
        self.add(**{kind: count})
        self.sums.setdefault(f"{kind}_at", at)

    def tally(self) -> Tally:
        """What was found."""
        return Tally(**self.sums)

    # --- arrays -------------------------------------------------------------------------------------------------------

    def array(self, got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], patterns: Any) -> None:
        """Errors of float64 arrays (formats up to float32); ``patterns(k)`` is the bit pattern of place ``k``."""
        form = self.form
        size = units(want, 0.0, form)
        gap = got - want
        np.abs(gap, out=gap)
        error = gap / size
        top = float(np.max(error))
        if not top < np.inf or np.max(np.abs(want)) > form.biggest:
            gap, error = self.beyond(got, want, size, gap, error, patterns)
            top = float(np.max(error))
        self.add(inputs=len(got), sum_ulp=float(np.sum(error)))
        if top > 1:
            self.add(**{f"over_{n}": int(np.count_nonzero(error > n)) for n in (1, 4, 8)})
        np.abs(want, out=size)
        np.maximum(size, FLOOR, out=size)
        gap /= size
        k = int(np.argmax(error))
        j = int(np.argmax(gap))
        self.worst(top, float(gap[j]), patterns(j), patterns(k), float(got[k]))

    def beyond(
        self,
        got: np.ndarray[Any, Any],
        want: np.ndarray[Any, Any],
        size: np.ndarray[Any, Any],
        gap: np.ndarray[Any, Any],
        error: np.ndarray[Any, Any],
        patterns: Any,
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The errors where numbers meet infinity; those that are wrong altogether are counted apart and set to 0."""
        form = self.form
        edge = 2.0 ** (form.most + 1)
        unit = np.minimum(np.where(np.isfinite(size), size, np.inf), edge / 2 * 2.0**-form.mantissa)
        gap = np.abs(np.clip(got, -edge, edge) - np.clip(want, -edge, edge))
        with np.errstate(all="ignore"):
            error = gap / unit
        nan = np.isnan(got)
        overflow = np.abs(want) >= form.biggest + edge * 2.0 ** -(form.mantissa + 2)
        infinite = (np.isinf(got) != overflow) & ~nan
        infinite |= np.isinf(got) & (np.sign(got) != np.sign(want))
        infinite &= error > NEAR_OVERFLOW
        for kind, mask in (("wrong_nan", nan), ("wrong_inf", infinite)):
            if mask.any():
                self.wrong(kind, int(np.count_nonzero(mask)), patterns(int(np.argmax(mask))))
        aside = nan | infinite
        return np.where(aside | (overflow & np.isinf(got)), 0.0, gap), np.where(aside, 0.0, error)

    # --- single points ------------------------------------------------------------------------------------------------

    def point(self, got: float, want: Point, pattern: int) -> None:
        """The error at one point, judged by balls."""
        self.add(inputs=1)
        if want.undefined:
            self.add(undefined=1)
            if np.isfinite(got):
                self.wrong("wrong_nan", 1, pattern)
            return
        if not want.values:
            self.add(not_judged=1)
            return
        kind, error, relative = min(
            (ball_error(got, ball, self.form) for ball in want.values), key=lambda found: (bool(found[0]), found[1])
        )
        if kind:
            self.wrong(kind, 1, pattern)
            return
        self.add(sum_ulp=error, over_1=int(error > 1), over_4=int(error > 4), over_8=int(error > 8))
        self.worst(error, relative, pattern, pattern, got)

    def special(self, got: float, want: float | None, pattern: int) -> None:
        """A NaN or infinite input: ``want`` is the number of the format it must give, NaN, or None if not known."""
        self.add(inputs=1)
        if want is None:
            self.add(not_judged=1)
            return
        self.add(special=1)
        if np.isnan(got) or np.isnan(want):
            if not (np.isnan(got) and np.isnan(want)):
                self.wrong("wrong_nan", 1, pattern)
        elif np.isinf(want):
            if got != want:
                self.wrong("wrong_inf", 1, pattern)
        else:
            kind, error, relative = ball_error(got, arb(want), self.form)
            if kind:
                self.wrong(kind, 1, pattern)
            else:
                self.add(sum_ulp=error, over_1=int(error > 1), over_4=int(error > 4), over_8=int(error > 8))
                self.worst(error, relative, pattern, pattern, got)


def ball_error(got: float, want: Any, form: Format) -> tuple[str, float, float]:
    """``(kind, ulps, relative)``: ``kind`` is empty, ``wrong_nan`` or ``wrong_inf``."""
    if np.isnan(got):
        return "wrong_nan", 0.0, 0.0
    edge = arb((1, form.most + 1))
    overflow = bool(abs(want) >= arb(form.biggest) + arb((1, form.most - form.mantissa - 1)))
    if overflow and np.isinf(got) and (got > 0) == bool(want > 0):
        return "", 0.0, 0.0
    near = edge * (1 if want > 0 else -1) if abs(want) > edge else want
    value = edge * (1 if got > 0 else -1) if np.isinf(got) else arb(got)
    gap = abs(value - near)
    error = (
        float((gap / form.unit(near)).mid()) if not abs(near) >= edge else float((gap / (form.unit(edge) / 2)).mid())
    )
    opposite = bool(np.isinf(got)) and (got > 0) != bool(want > 0)
    if (bool(np.isinf(got)) != overflow or opposite) and error > NEAR_OVERFLOW:
        return "wrong_inf", 0.0, 0.0
    return "", error, float((gap / max(abs(near), arb(FLOOR))).mid())
