"""Where to look: parameter values far out and at borders, inputs beside breaks, zeros and the edges of the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from kassei.core.activation import Activation, Parameter
from kassei.core.derive import derive
from kassei.exact.balls import at_point
from kassei.exact.formats import Format
from kassei.exact.program import Program

SPREAD = (-200.0, -95.0, -50.0, -5.0, -0.5, 0.0, 0.0625, 0.25, 1.0, 4.0, 50.0, 95.0, 200.0)
"""Values on both sides of where exponentials of a parameter leave a format (88.7 for float32, 11 for float16)."""
SCAN, CHANGES = 512, 64
"""Points of the coarse scan of one sign, and how many changes of kind are followed to neighbouring numbers."""
BESIDE = 3
FAR = (1e-30, 1e-9, 1e-3, 0.3, 0.5, 1, 2, 2.5, 3, 5.5, 6, 8, 12.5, 30, 87, 88.5, 89, 104, 700, 709.5, 745, 1e6, 1e30)
MIX = 0x9E3779B97F4A7C15
"""Steps of this odd number reach every bit pattern once, evenly: a sample without random numbers."""


def in_domain(p: Parameter, x: float) -> bool:
    """Whether a float lies in a parameter's domain, exactly."""
    return p.domain.contains(sp.Rational(*x.as_integer_ratio()))


def default(p: Parameter, form: Format) -> float:
    """The default value as the format holds it, moved into the domain where rounding leaves it."""
    narrow = form.rounded(float(p.default))
    return narrow if in_domain(p, narrow) else float(p.default)


def parameter_grid(activation: Activation, form: Format) -> list[dict[str, float]]:
    """The defaults; then each parameter over its domain, the others at their defaults; then all of them far out.

    Every value is a number of every format with 8 bits or more, so that no rounding of parameters is measured.
    """
    start = {p.name: default(p, form) for p in activation.parameters}
    grid = [start]
    axes = {p.name: _axis(p, form) for p in activation.parameters}
    grid += [start | {name: x} for name, axis in axes.items() for x in axis]
    if len(axes) > 1:
        grid += [
            {name: axis[k % len(axis)] for name, axis in axes.items()}
            for k in range(max(map(len, axes.values())))
            if all(axes.values())
        ]
    return [dict(pairs) for pairs in dict.fromkeys(tuple(g.items()) for g in grid)]


def _axis(p: Parameter, form: Format) -> list[float]:
    ends = [float(e) for e in (p.domain.lo, p.domain.hi) if e not in (sp.oo, -sp.oo)]
    near = [form.rounded(e + s * 2.0**-7) for e in ends for s in (-1, 1)]
    found = sorted({x for x in (*SPREAD, *map(form.rounded, ends), *near) if in_domain(p, x)})
    return [0.0 if x == 0 else x for x in found]


@lru_cache(maxsize=64)
def _breaks(activation: Activation) -> tuple[sp.Expr, ...]:
    cases = derive(activation, with_limits=False).cases
    return tuple(dict.fromkeys(b for case in cases for b in case.form.breaks))


def hard_points(activation: Activation, program: Program, params: Mapping[str, float], form: Format) -> list[int]:
    """Bit patterns beside breaks, parameters, zeros of value and derivatives, and where they leave the normal range."""
    at = [float(s * x) for x in FAR for s in (1, -1)]
    values = {p.symbol: sp.Rational(*params[p.name].as_integer_ratio()) for p in activation.parameters}
    for b in _breaks(activation):
        here = sp.N(b.subs(values), 30)
        if here.is_number and here.is_real:
            at.append(float(here))
    for x in params.values():
        with np.errstate(all="ignore"):
            guesses = (x, 2 * x, x / 2, float(np.exp(x)), float(np.exp(-x)), 1 / x if x else 0.0)
        at += [s * g for g in guesses for s in (1.0, -1.0) if np.isfinite(g)]
    middles = {int(k) for k in form.patterns(np.array(at, dtype=np.float64))}
    middles |= {0, 1, form.infinity - 1, form.least_normal, form.least_normal - 1}
    for quantity in quantities(program):
        for sign in (0, form.sign):
            middles |= set(_changes(program, quantity, params, form, sign))
    beside = {m + k for m in middles for k in range(-BESIDE, BESIDE + 1)}
    both = {k for m in beside for k in (m, m ^ form.sign)}
    specials = [0, form.sign, form.infinity, form.infinity | form.sign, form.infinity | 1 << (form.mantissa - 1)]
    inside = [k for k in both if 0 <= k < 2 * form.sign and (k & ~form.sign) < form.infinity]
    return sorted({*inside, *specials})


def quantities(program: Program) -> list[str | None]:
    """The value, the slope and the derivative in each learned parameter."""
    return [None, program.variable, *program.learned]


def _changes(
    program: Program, quantity: str | None, params: Mapping[str, float], form: Format, sign: int
) -> Iterable[int]:
    """Neighbouring patterns between which a quantity changes its kind, found by bisection from a coarse scan."""

    def kind(pattern: int) -> tuple[Any, ...]:
        here = at_point(program, quantity, form.value(sign | pattern), params, form)
        if len(here.values) != 1:
            return ("undefined" if here.undefined else len(here.values),)
        x = here.values[0]
        size = abs(x)
        return (
            bool(x > 0) - bool(x < 0),
            bool(size < form.smallest / 2),
            bool(size < 2.0**form.least),
            bool(size > form.biggest),
        )

    grid = [round(k * (form.infinity - 1) / SCAN) for k in range(SCAN + 1)]
    kinds = [kind(k) for k in grid]
    found = 0
    for lo, hi, below, above in zip(grid, grid[1:], kinds, kinds[1:], strict=False):
        if below == above:
            continue
        found += 1
        if found > CHANGES:
            return
        while hi - lo > 1:
            middle = (lo + hi) // 2
            lo, hi = (middle, hi) if kind(middle) == below else (lo, middle)
        yield lo | sign


def sample(form: Format, count: int) -> list[int]:
    """Finite bit patterns, evenly over all of them and again over magnitudes from 2**-40 to 2**12."""
    out = set()
    low, high = (int(form.patterns(np.array([x]))[0]) for x in (2.0**-40, 2.0**12))
    for k in range(count):
        mixed = (k * MIX + MIX // 3) % 2**64
        sign = form.sign if k % 2 else 0
        out.add(sign | mixed * form.infinity >> 64)
        out.add(sign | low + (mixed * (high - low) >> 64))
    return sorted(out)


def chunks(patterns: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """The patterns in pieces of one size."""
    return [tuple(patterns[k : k + size]) for k in range(0, len(patterns), size)]
