"""What the emitted NumPy module does at special inputs, and from where on it overflows or levels off: run, not said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kassei.core.activation import Activation
from kassei.render import plots

DTYPES = (np.float32, np.float64)
SAMPLES = 4096
"""Numbers of one side that are looked at, evenly spread over all bit patterns, before bisection."""
QUANTITIES: tuple[tuple[str, str], ...] = (("value", "forward"), ("slope", "grad_input"))


def special_inputs(real: Any) -> dict[str, Any]:
    """NaN, infinities, zeros, the smallest subnormal and the largest finite number of a type, by their names."""
    info = np.finfo(real)
    return {
        "nan": real(np.nan),
        "inf": real(np.inf),
        "neg_inf": real(-np.inf),
        "zero": real(0.0),
        "neg_zero": real(-0.0),
        "subnormal": info.smallest_subnormal,
        "neg_subnormal": real(-info.smallest_subnormal),
        "max": info.max,
        "neg_max": info.min,
    }


def evaluate(activation: Activation, v: np.ndarray[Any, Any], function: str) -> np.ndarray[Any, Any]:
    """Value or slope by the emitted NumPy module, at the default parameters."""
    code: dict[str, Callable[..., Any]] = plots.functions(activation)
    with np.errstate(all="ignore"):
        found: Any = code["forward"](v) if function == "forward" else code["grad_input"](np.ones_like(v), v)
    return np.asarray(found)


def at_special(activation: Activation) -> dict[str, dict[tuple[str, str], str]]:
    """What comes out at each special input: name of the input to (type, quantity) to the number."""
    out: dict[str, dict[tuple[str, str], str]] = {}
    for real in DTYPES:
        inputs = special_inputs(real)
        for quantity, function in QUANTITIES:
            found = evaluate(activation, np.array(list(inputs.values()), dtype=real), function)
            for name, y in zip(inputs, found, strict=True):
                out.setdefault(name, {})[np.dtype(real).name, quantity] = spelled(y)
    return out


def spelled(y: Any) -> str:
    """A number in few digits, with its sign also where it is 0."""
    if np.isnan(y):
        return "NaN"
    if np.isinf(y):
        return "∞" if y > 0 else "−∞"
    if y == 0:
        return "−0" if np.signbit(y) else "0"
    text = f"{float(y):.6g}"
    return text.replace("-", "−")


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """From ``start`` outwards the module gives ``level``: the number at the end of the type's range."""

    dtype: str
    quantity: str
    side: Literal["pos", "neg"]
    start: float
    level: float

    @property
    def kind(self) -> str:
        """Overflow to an infinity, underflow to 0, or levelling off."""
        return "overflow" if np.isinf(self.level) else "zero" if self.level == 0 else "level"


def thresholds(activation: Activation) -> Iterator[Threshold]:
    """Where value and slope stop changing, each type, each side; nothing where they never do or always have.

    Looked for on :data:`SAMPLES` numbers of a side and then, between two of them, by bisection on bit patterns.
    """
    for real in DTYPES:
        integer = np.int32 if real is np.float32 else np.int64
        last = int(np.array(np.finfo(real).max).view(integer))
        bits = np.unique(np.linspace(0, last, SAMPLES).astype(integer))
        for quantity, function in QUANTITIES:
            for side, sign in (("pos", 1), ("neg", -1)):

                def at(pattern: Any, sign: int = sign, function: str = function, real: Any = real) -> Any:
                    return evaluate(activation, (sign * np.atleast_1d(pattern).view(real)).astype(real), function)

                y = at(bits)
                same = y == y[-1]
                # a straight line has its largest number at the end and nowhere else; a step has its level everywhere
                if not np.isfinite(y[0]) or not same[-2] or same[1:].all():
                    continue
                k = int(np.flatnonzero(~same)[-1])
                low, high = int(bits[k]), int(bits[k + 1])
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if at(integer(middle))[0] == y[-1] else (middle, high)
                start = sign * float(np.array(high, dtype=integer).view(real))
                yield Threshold(
                    dtype=np.dtype(real).name,
                    quantity=quantity,
                    side="pos" if side == "pos" else "neg",
                    start=start,
                    level=float(y[-1]),
                )
