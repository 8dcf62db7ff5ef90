"""Whether a candidate computes what the definition says, before it is timed.

A loose test: it tells a peer that computes another function, or NaN, from one that rounds. Accuracy is the audit's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import mpmath
import numpy as np
import sympy as sp

from kassei.bench.case import CHECKED, Case

if TYPE_CHECKING:
    from kassei.bench.candidate import Answer, Array
    from kassei.core.activation import Activation

Standing = Literal["same", "differs", "nan"]
TOLERANCE = {"float16": 2e-2, "bfloat16": 5e-2, "float32": 1e-4, "float64": 1e-9}
SUM_TOLERANCE = 20
"""A sum over all elements may be off by this many times the tolerance, relative to the sum of sizes."""
CHUNK = 1 << 20
DIGITS = 50


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The definition at the moderate points, and the sums for parameters over all inputs with the sums of sizes."""

    y: Array
    dv: Array
    da: Mapping[str, tuple[float, float]]


def textbook(activation: Activation) -> dict[str, sp.Expr]:
    """The definition and its derivatives as SymPy differentiates them: ``""`` is f, other names are df/dname."""
    plain = activation.expr.rewrite(sp.Piecewise)
    symbols = (activation.variable, *(p.symbol for p in activation.learned))
    return {"": activation.expr} | {s.name: sp.diff(plain, s) for s in symbols}


def arguments(activation: Activation) -> list[sp.Symbol]:
    """The variable and the parameters, in the order of signatures."""
    return [activation.variable, *(p.symbol for p in activation.parameters)]


@lru_cache(maxsize=4)
def expected(case: Case) -> Expected:
    """The values a candidate must give; derivatives are central differences of the definition at 50 digits."""
    f = case.activation
    exact = sp.lambdify(arguments(f), f.expr.rewrite(sp.Piecewise), "mpmath")
    few = min(case.size, CHECKED)
    y, dv = np.empty(few), np.empty(few)
    with mpmath.workdps(DIGITS):
        parameters = [mpmath.mpf(x) for x in case.parameters.values()]
        step = mpmath.mpf(10) ** -20
        for k in range(few):
            v = mpmath.mpf(float(case.v[k]))
            y[k] = exact(v, *parameters)
            slope = (exact(v + step, *parameters) - exact(v - step, *parameters)) / (2 * step)
            dv[k] = slope * mpmath.mpf(float(case.dy[k]))
    return Expected(y=y, dv=dv, da={n: _sum(case, n) for n in case.learned} if case.backward else {})


def _sum(case: Case, name: str) -> tuple[float, float]:
    """The sum of dy*df/da over all inputs and that of its sizes, in float64 from the textbook derivative."""
    f = case.activation
    slope: Callable[..., Any] = sp.lambdify(arguments(f), textbook(f)[name])
    total = sizes = 0.0
    with np.errstate(all="ignore"):
        for k in range(0, case.size, CHUNK):
            v, dy = (x[k : k + CHUNK].astype(np.float64) for x in (case.v, case.dy))
            terms = dy * slope(v, *case.parameters.values())
            terms = terms[np.isfinite(terms)]
            total += float(np.sum(terms))
            sizes += float(np.sum(np.abs(terms)))
    return total, sizes


def standing(case: Case, answer: Answer) -> Standing:
    """What a candidate's answer is worth: NaN anywhere, a value that differs, or the same function."""
    want = expected(case)
    pairs = [(answer.y, want.y)]
    if case.backward:
        if answer.dv is None or set(answer.da) != set(want.da):
            return "differs"
        pairs.append((answer.dv, want.dv))
    if any(_has_nan(given) for given, _ in pairs) or any(math.isnan(x) for x in answer.da.values()):
        return "nan"
    tolerance = TOLERANCE[case.dtype]
    for given, right in pairs:
        if given.shape != (case.size,):
            return "differs"
        near = given[: len(right)].astype(np.float64)
        if not np.all(np.abs(near - right) <= tolerance * (1 + np.abs(right))):
            return "differs"
    for name, (total, sizes) in want.da.items():
        if not abs(answer.da[name] - total) <= SUM_TOLERANCE * tolerance * (1 + sizes / math.sqrt(case.size)):
            return "differs"
    return "same"


def _has_nan(x: Array) -> bool:
    return any(bool(np.isnan(x[k : k + CHUNK]).any()) for k in range(0, len(x), CHUNK))
