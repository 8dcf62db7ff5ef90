"""What a plot shows: the part of the plane that suits a function, and the values its sliders run through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kassei.core.activation import Parameter

Array = np.ndarray[Any, Any]
Curve = Callable[[Array], Array]

WIDTHS = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0)
USUAL = 5.0
"""Half the width of a plot where nothing asks for another one."""
WAVES = 14
"""More turning points than this in the usual width are looked at closer."""
STEEP = 1.2
"""Curves are cut off at this many half widths, so that what grows fast does not flatten the rest."""
OWN_SCALE = 6.0
"""Slopes of waves that reach this many times as far as the values get a scale of their own, at the right."""
STEPS = 160
"""About so many positions a linear slider has; a logarithmic one has 40 a decade."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The limits of the axes; ``slope`` are those of f' and f'' where they have a scale of their own."""

    x: tuple[float, float]
    y: tuple[float, float]
    slope: tuple[float, float] | None = None

    def of(self, kind: str) -> tuple[float, float]:
        """The vertical limits for ``f``, ``slope`` or ``second``."""
        return self.y if kind == "f" or self.slope is None else self.slope


@dataclass(frozen=True, kw_only=True)
class Slider:
    """A parameter's values: ``lo + k*step``, or three significant digits of ``lo*(hi/lo)**(k/steps)``.

    ``start`` is the position next to the default, which need not be one of the values.
    """

    name: str
    lo: float
    hi: float
    steps: int
    logarithmic: bool
    default: float

    def value(self, k: int) -> float:
        """The value at a position, a short decimal."""
        if self.logarithmic:
            return float(f"{self.lo * (self.hi / self.lo) ** (k / self.steps):.3g}")
        return float(f"{self.lo + k * (self.hi - self.lo) / self.steps:.6g}")

    @property
    def start(self) -> int:
        """The position whose value is nearest to the default."""
        return min(range(self.steps + 1), key=lambda k: abs(self.value(k) - self.default))


def nice(x: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above x."""
    power = 10.0 ** math.floor(math.log10(x) + 1e-9)
    return max(m * power for m in (1, 2, 5) if m * power <= x * (1 + 1e-9))


def slider(p: Parameter) -> Slider:
    """The slider of a parameter: around its default, inside its domain, on round numbers."""
    default = float(p.default)
    lo, hi = float(p.domain.lo), float(p.domain.hi)
    if lo == 0 and not p.domain.lo_closed and math.isinf(hi):
        middle = 10.0 ** round(math.log10(default), 1)
        first, last = float(f"{middle / 10:.1g}"), float(f"{middle * 10:.1g}")
        steps = round(40 * math.log10(last / first))
        return Slider(name=p.name, lo=first, hi=last, steps=steps, logarithmic=True, default=default)
    size = max(abs(default), 1.0)
    step = nice((hi - lo) / 80 if math.isfinite(hi - lo) else 8 * size / STEPS)
    low = lo if math.isfinite(lo) else (default - 4 * size if abs(default) > 2 else -4 * size)
    high = hi if math.isfinite(hi) else (default + 4 * size if abs(default) > 2 else 4 * size)
    if math.isfinite(lo) and math.isfinite(hi):  # ends that are no multiples of a step are kept
        inset = 0.0 if p.domain.lo_closed else step
        outset = 0.0 if p.domain.hi_closed else step
        steps = max(1, round((high - outset - low - inset) / step))
        return Slider(name=p.name, lo=low + inset, hi=high - outset, steps=steps, logarithmic=False, default=default)
    first, last = math.ceil(low / step - 1e-9) * step, math.floor(high / step + 1e-9) * step
    if first == lo and not p.domain.lo_closed:
        first += step
    if last == hi and not p.domain.hi_closed:
        last -= step
    steps = round((last - first) / step)
    return Slider(name=p.name, lo=round(first, 9), hi=round(last, 9), steps=steps, logarithmic=False, default=default)


def width(value: Curve, slope: Curve, breaks: Sequence[float]) -> float:
    """Half the width of the plot: the breaks and nearly all of the bending are in it, and not too many waves."""
    far = np.geomspace(1e-3, 1000.0, 1500)
    need = USUAL
    if breaks:
        need = max(need, 1.4 * max(map(abs, breaks)))
    with np.errstate(all="ignore"):
        inside = np.linspace(-USUAL, USUAL, 8001)
        rises = np.sign(slope(inside))
        turns = int(np.count_nonzero(np.diff(rises[rises != 0])))
        if turns > WAVES:
            return next(w for w in WIDTHS if w >= USUAL * WAVES / turns * 0.5)
        for side in (far, -far):
            angle = np.arctan(slope(side))
            moved = np.abs(np.diff(np.where(np.isfinite(angle), angle, 0.0)))
            if moved[far[1:] > need].sum() > 0.2:  # bends far out: a shifted step, a late kink
                total = np.cumsum(moved)
                need = max(need, 1.25 * float(far[1 + int(np.searchsorted(total, 0.985 * total[-1]))]))
    return next((w for w in WIDTHS if w >= need), WIDTHS[-1])


def view(curves: Sequence[Curve], slopes: Sequence[Curve], half: float) -> View:
    """Limits for some values and slopes over ``[-half, half]``; the first value and slope are shown by default."""
    x = np.linspace(-half, half, 801)
    with np.errstate(all="ignore"):
        main = _finite(curves[0](x))
        values = [_finite(c(x)) for c in curves]
        first = _finite(slopes[0](x))
    size = float(np.max(np.abs(main))) if main.size else 1.0
    cap = size if size <= 1.6 * half or half < 1 else STEEP * half
    extent = max(float(np.ptp(np.clip(main, -cap, cap))) if main.size else 1.0, 0.5)
    steep = np.clip(first, *np.quantile(first, (0.01, 0.99))) if first.size else first
    if half < USUAL and steep.size and float(np.ptp(steep)) > OWN_SCALE * extent:
        return View(x=(-half, half), y=_padded(_cut(values, cap)), slope=_padded(steep))
    steep = np.clip(steep, -min(cap, 1.5 * extent), max(min(cap, 1.5 * extent), 1.0))
    return View(x=(-half, half), y=_padded(np.concatenate([_cut(values, cap), steep])))


def _cut(values: Sequence[Array], cap: float) -> Array:
    """All values, cut off at ``cap``, and zero."""
    return np.concatenate([*(np.clip(v, -cap, cap) for v in values), [0.0]])


def _padded(shown: Array) -> tuple[float, float]:
    low, high = float(shown.min()), float(shown.max())
    pad = 0.07 * max(high - low, 0.5)
    return round(low - pad, 4), round(high + pad, 4)


def _finite(y: Array) -> Array:
    return y[np.isfinite(y)]
