"""How much rounding a program suffers: a first-order bound that decides in which precision a target computes.

Each node of a program is evaluated in float64 together with a bound of its rounding error in units of the working
type's roundoff u (2**-24 for float32): an operation adds one unit of its result, a function of our own as many units
as were measured for it over all float32 inputs (:mod:`kassei.codegen.kit`), and errors of arguments are carried on with
the derivative (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., ch. 3). That is done at a fixed
grid of inputs of all magnitudes, around the breaks, and for parameters at their defaults and far out in their domains.

The result is an estimate for choosing between two right programs, never a claim about all inputs: ``kassei audit``
measures what was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy as sp
from sympy.core.symbol import Str

from kassei.codegen import lower, ufuncs
from kassei.codegen.kit import errors, polynomial

if TYPE_CHECKING:
    from kassei.codegen.program import Case, Choice, Program
    from kassei.core.activation import Activation, Domain

Array = Any
Pair = tuple[Array, Array]

FLOOR = 0.05
"""Slopes that change sign are judged relative to max(abs(f'), FLOOR): near a zero no relative accuracy is possible."""
ALIGNED = 3.0
"""Near a zero of f' many roundings meet and hardly ever all with one sign: their sum is overestimated by this much."""
SMALLEST, HUGE = 2.0**-126, 3.4028235e38
"""The smallest normal float32 and the largest."""
FAR = 1e37
"""Beyond it only overflow is looked for: there reciprocals are subnormal, which the bound makes too much of."""
POWERS = (0.25, 0.5, 1.0)
"""Sizes of parameters with which products are exact: larger ones make them overflow, and what is subnormal has few
digits when it is divided by smaller ones."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A type of inputs and results."""

    bits: int
    smallest: float
    """Its smallest normal number: a smaller result's error is measured against it."""
    farthest: float
    """No input beyond it is looked at."""
    largest: float
    """No result beyond it is looked at."""
    nearest: Callable[[Array], Array]
    in_float32: bool = True
    """Whether what is computed in between is float32, so that it overflows; else it has the exponents of float64."""

    def beside(self, x: float) -> list[float]:
        """The numbers of this type next to one, and that one."""
        return [x * (1.0 + k * 2.0**-self.bits) for k in (-4, -2, -1, 0, 1, 2, 4)]


def _brain(x: Array) -> Array:
    """The nearest bfloat16, ties to even."""
    words = np.float32(x).view(np.uint32)
    return np.float64(((words + 0x7FFF + ((words >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32))


_SINGLE = Format(bits=24, smallest=SMALLEST, farthest=HUGE, largest=3.0e38, nearest=lambda x: np.float64(np.float32(x)))
FORMATS = {
    "float32": _SINGLE,
    "float64": replace(_SINGLE, in_float32=False),
    "bfloat16": Format(bits=8, smallest=SMALLEST, farthest=HUGE, largest=3.0e38, nearest=_brain),
    "float16": Format(
        bits=11, smallest=2.0**-14, farthest=65504.0, largest=65504.0, nearest=lambda x: np.float64(np.float16(x))
    ),
}
_VANISHING = (*lower.VANISHING, lower.raw_fine)
_UNITS = 4.0
"""Error of a library function in units of roundoff where nothing was measured: two units of the last place."""

_vector = np.vectorize
_erf, _erfc = _vector(math.erf, otypes=[float]), _vector(math.erfc, otypes=[float])


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _sech2(x: Array) -> Array:
    e = np.exp(-2.0 * np.abs(x))
    return 4.0 * e / (1.0 + e) ** 2


def _gate(x: Array) -> Array:
    e = np.exp(np.minimum(x, 300.0))
    n = e * (e + 2.0)
    return n / (n + 2.0)


def _cdf(x: Array) -> Array:
    return 0.5 * _erfc(-x / math.sqrt(2.0))


def _inside(x: Array) -> Array:
    """A factor of what vanishes at the ends faster than it grows."""
    return np.clip(x, -1e4, 1e4)


def _gauss(x: Array) -> Array:
    return np.exp(-x * x / 2.0)


_UNARY: dict[type[sp.Basic], tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    sp.exp: (np.exp, np.exp),
    sp.log: (np.log, lambda x: 1.0 / x),
    sp.sin: (np.sin, np.cos),
    sp.cos: (np.cos, np.sin),
    sp.tan: (np.tan, lambda x: 1.0 + np.tan(x) ** 2),
    sp.atan: (np.arctan, lambda x: 1.0 / (1.0 + x * x)),
    sp.asin: (np.arcsin, lambda x: 1.0 / np.sqrt(1.0 - x * x)),
    sp.acos: (np.arccos, lambda x: 1.0 / np.sqrt(1.0 - x * x)),
    sp.sinh: (np.sinh, np.cosh),
    sp.cosh: (np.cosh, np.sinh),
    sp.asinh: (np.arcsinh, lambda x: 1.0 / np.hypot(1.0, x)),
    sp.acosh: (np.arccosh, lambda x: 1.0 / np.sqrt(x * x - 1.0)),
    sp.atanh: (np.arctanh, lambda x: 1.0 / (1.0 - x * x)),
    sp.erf: (_erf, lambda x: 1.1284 * np.exp(-x * x)),
    sp.Abs: (np.abs, np.ones_like),
    lower.raw_erfc: (_erfc, lambda x: 1.1284 * np.exp(-x * x)),
    lower.raw_expm1: (np.expm1, np.exp),
    lower.raw_log1p: (np.log1p, lambda x: 1.0 / (1.0 + x)),
    lower.raw_tanh: (np.tanh, _sech2),
    lower.raw_sech2: (_sech2, lambda x: 2.0 * np.tanh(x) * _sech2(x)),
    lower.raw_sigmoid: (_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    lower.raw_softplus: (lambda x: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))), _sigmoid),
    lower.raw_tanh_softplus: (_gate, lambda x: _sigmoid(x) * (1.0 - _gate(x) ** 2)),
    lower.raw_tanh_softplus_slope: (lambda x: _sigmoid(x) * (1.0 - _gate(x) ** 2), lambda x: _sigmoid(x) * 2.0),
    lower.raw_swish_slope: (
        lambda x: _sigmoid(x) + _inside(x) * _sigmoid(x) * _sigmoid(-x),
        lambda x: _sigmoid(x) * _sigmoid(-x) * (2.0 - x * np.tanh(x / 2.0)),
    ),
    lower.raw_mish_slope: (
        lambda x: _gate(x) + _inside(x) * _sigmoid(x) * (1.0 - _gate(x) ** 2),
        lambda x: _sigmoid(x) * (2.0 + 2.0 * np.abs(x)),
    ),
    lower.raw_gelu_slope: (
        lambda x: _cdf(x) + 0.39895 * _inside(x) * _gauss(x),
        lambda x: 0.39895 * _gauss(x) * (2.0 - x * x),
    ),
    lower.raw_normal_cdf: (_cdf, lambda x: 0.39895 * _gauss(x)),
    lower.raw_gauss: (_gauss, lambda x: x * _gauss(x)),
    lower.raw_exp_neg_square: (lambda x: np.exp(-x * x), lambda x: 2.0 * x * np.exp(-x * x)),
}


def bounds(program: Program, activation: Activation, dtype: str = "float32") -> dict[str, float]:
    """The largest bound of each quantity over the grid, in units of 2**-24; ``inf`` where a value is not finite.

    Bounds of slopes that change sign are divided by ``ALIGNED``. Inputs and results are of the type given (one of
    ``FORMATS``), what is computed in between is float32. "float64" stands for float32 results of wider arithmetic.
    """
    found = _worst(program, activation, dtype=dtype)
    return {name: one.aligned for name, one in zip(program.quantities, found, strict=True)}


class Bound(NamedTuple):
    """The largest bound of one quantity: as it is, and with the allowance for errors of different signs."""

    plain: float
    aligned: float


@lru_cache(maxsize=512)
def _worst(
    program: Program, activation: Activation, *, powers: bool = False, dtype: str = "float32"
) -> tuple[Bound, ...]:
    """Over the grid, by quantity; ``powers`` looks at parameters that are powers of two only."""
    found = [_at(program, row, FORMATS[dtype]) for row in rows(activation, powers=powers)]
    return tuple(Bound(max(b.plain for b in each), max(b.aligned for b in each)) for each in zip(*found, strict=True))


def computed(program: Program, row: Mapping[str, float], points: Array) -> list[Array]:
    """Its quantities at some inputs, in float64 arithmetic, for one set of parameters by name."""
    scope, case = _scope(program, dict(row), points, FORMATS["float64"])
    with np.errstate(all="ignore"):
        return [_choose(choice, points, scope)[0] for choice in case.choices]


def single(program: Program, activation: Activation, enough: float) -> str:
    """When float32 may be computed in float32: ``always``, ``never``, or where parameters are ``powers`` of two.

    Those are ``POWERS`` and their opposites. The estimate decides, without its allowance for errors of different signs.
    """
    for answer, powers in (("always", False), ("powers", True)):
        if max(b.plain for b in _worst(program, activation, powers=powers)) <= enough:
            return answer
    return "never"


@lru_cache(maxsize=64)
def rows(activation: Activation, *, powers: bool = False) -> list[dict[str, float]]:
    """Parameters: each of its samples with the others as they come first, and all of them moved together."""
    names = [p.symbol.name for p in activation.parameters]
    samples = [_samples(p.domain, float(p.default), powers) for p in activation.parameters]
    first = [s[0] for s in samples]
    found = [[*first[:k], x, *first[k + 1 :]] for k, s in enumerate(samples) for x in s]
    longest = max((len(s) for s in samples), default=0)
    found += [
        [s[(j + shift * k) % len(s)] for k, s in enumerate(samples)] for shift in (0, 1, 2) for j in range(longest)
    ]
    return [dict(zip(names, row, strict=True)) for row in dict.fromkeys(map(tuple, found or [[]]))]


def _samples(domain: Domain, default: float, powers: bool) -> list[float]:
    """The default and some others, as float32 has them, far out included."""
    found = [default, 0.3, 1.7, 25.0, 0.0078125, -0.3, -1.7, -25.0]
    if powers:
        sizes = POWERS[::-1]
        return [x for x in (*sizes, *(-s for s in sizes)) if domain.contains(sp.Rational(x))] or [math.nan]
    inside = [x for x in found if domain.contains(sp.Rational(x)) and abs(x) <= HUGE]
    if len(inside) < 3 and domain.lo.is_finite and domain.hi.is_finite:
        lo, hi = float(domain.lo), float(domain.hi)
        inside += [lo + (hi - lo) * t for t in (0.1, 0.6)]
    return [float(np.float32(x)) for x in inside] or [math.copysign(HUGE, default)]


def _grid(breaks: list[float], kind: Format) -> Array:
    far = np.concatenate([np.exp(np.linspace(math.log(1e-37), math.log(FAR), 331)), [3e37, 8e37, 1.6e38, 2.9e38]])
    near = np.linspace(0.013, 30.0, 700)
    both = np.concatenate([far, near, -far, -near, [0.0]])
    around = [b + s * d for b in breaks for d in (0.0, 1e-6, 1e-3, 0.1) for s in (1.0, -1.0)]
    around += [x for b in breaks for x in kind.beside(b)]
    points = np.concatenate([both, around])
    return np.unique(kind.nearest(points[np.abs(points) <= kind.farthest]))


def conditioned(program: Program, activation: Activation) -> bool:
    """Whether a value without parameters is ill-conditioned, and the estimate is what its conditioning costs anyway.

    The relative condition number abs(v*f'/f) says what one unit in the input makes of the output. Where it exceeds
    ``ILL`` because of a polynomial in an exponential (the cubic of tanh-GELU), float32 inputs carry no more digits than
    float32 arithmetic keeps.
    """
    if activation.parameters or program.quantities != ("value",):
        return False
    steps = {s.symbol: s.expr for case in program.cases for s in case.steps}
    inside = [
        g.args[0] for e in (*steps.values(), *program.cases[0].choices[0].parts) for g in e.atoms(ufuncs.raw_guard)
    ]
    if not all(g.subs(steps).is_polynomial(program.variable) for g in inside):
        return False
    scope, case = _scope(program, {})
    points, h = scope[program.variable][0], 1e-7
    with np.errstate(all="ignore"):
        value, error = _choose(case.choices[0], points, scope)
        right, left = (_choose(c.choices[0], x, s)[0] for x in _beside(points, h) for s, c in [_scope(program, {}, x)])
        keep = ~scope[OUTSIDE][0] & (np.abs(value) > SMALLEST)
        condition = np.abs((right - left) / (2 * h * value))[keep]
        relative = (error / np.abs(value))[keep]
    worst = float(np.nanmax(condition, initial=0.0))
    return worst > ILL and bool(np.all(relative <= FLAT + PER_CONDITION * condition))


def _beside(points: Array, h: float) -> tuple[Array, Array]:
    return points * (1 + h), points * (1 - h)


ILL = 200.0
"""From this condition number on a function is ill-conditioned in float32."""
FLAT, PER_CONDITION = 20.0, 6.0
"""What is allowed then, without and per unit of conditioning."""


def natural(program: Program, activation: Activation) -> tuple[bool, bool]:
    """Whether the formulas give the limits at -inf and +inf by themselves (at the grid's parameters).

    Meant for programs whose parts are joined by sums or by masks of sign bits, where the outermost part decides.
    """
    found = [True, True]
    cases = {c.symbol for c in program.constants if len(c.options) > 1}
    for row in rows(activation):
        scope, case = _scope(program, row, np.array([-np.inf, np.inf]))
        with np.errstate(all="ignore"):
            for choice in case.choices:
                parts = [np.broadcast_to(_one(part, scope)[0], (2,)) for part in choice.parts]
                for k, part, limit in ((0, parts[0], choice.at_neg_inf), (1, parts[-1], choice.at_pos_inf)):
                    found[k] &= limit not in cases  # another limit for some parameters, perhaps not on the grid
                    want = None if limit is None else float(_one(limit, scope)[0])
                    same = want is None or part[k] == want or (np.isnan(want) and np.isnan(part[k]))
                    found[k] &= bool(same)
    return found[0], found[1]


def kept_out(program: Program, activation: Activation) -> tuple[bool, bool]:
    """Whether a guard of the program's spelling keeps out -inf and +inf (at the grid's parameters)."""
    found = [True, True]
    for row in rows(activation):
        scope, case = _scope(program, row, np.array([-np.inf, np.inf]))
        with np.errstate(all="ignore"):
            for part in {part for choice in case.choices for part in choice.parts}:
                _one(part, scope)
        found = [before and bool(out) for before, out in zip(found, scope[OUTSIDE][0], strict=True)]
    return found[0], found[1]


def _scope(
    program: Program, row: dict[str, float], points: Array | None = None, kind: Format = FORMATS["float32"]
) -> tuple[dict[sp.Symbol, Pair], Case]:
    """Parameters, constants, the input and all steps; and the case that holds."""
    with np.errstate(all="ignore"):
        scope: dict[sp.Symbol, Pair] = {}
        for symbol in program.parameters:
            scope[symbol] = _rounded(row[symbol.name.removeprefix("in_")])
        exact = {s: pair[0] for s, pair in scope.items()}
        for constant in program.constants:
            value = _number(
                next(e for c, e in constant.options if c is constant.options[-1][0] or _holds(c, exact)), exact
            )
            exact[constant.symbol] = max(value, 2.0**-149) if constant.positive else value
            scope[constant.symbol] = _rounded(exact[constant.symbol])
        case = next(c for c in program.cases if c is program.cases[-1] or _holds(c.condition, exact))
        if points is None:
            points = _grid(_borders(case, scope), kind)
        scope[program.variable] = (points, np.zeros_like(points))
        scope[OUTSIDE] = (np.zeros(points.shape, dtype=bool), np.float64(0.0))
        scope[SHORT] = (np.bool_(kind.bits < FORMATS["float32"].bits), np.float64(0.0))
        scope[REACH] = (np.float64(HUGE if kind.in_float32 else np.inf), np.float64(0.0))
        for step in case.steps:
            scope[step.symbol] = _one(step.expr, scope)
        return scope, case


def _borders(case: Case, scope: dict[sp.Symbol, Pair]) -> list[float]:
    return [float(_one(b.at, scope)[0]) for choice in case.choices for b in choice.borders]


OUTSIDE = sp.Symbol("outside")
"""In a scope: where a guard of the program's spelling does not hold."""
REACH = sp.Symbol("reach")
"""In a scope: the largest number that what is computed in between may be."""
SHORT = sp.Symbol("short")
"""In a scope: whether results have so few digits that a target does without what it does for the others."""


def _at(program: Program, row: dict[str, float], kind: Format) -> list[Bound]:
    scope, case = _scope(program, row, kind=kind)
    points = scope[program.variable][0]
    with np.errstate(all="ignore"):
        chosen = [_choose(choice, points, scope) for choice in case.choices]
        near = _zeros(program, row, scope, case, [value for value, _ in chosen])
        if near:
            found = kind.nearest(np.array([x for z in near for x in kind.beside(z)]))
            points = np.union1d(points, found[np.abs(found) <= kind.farthest])
            scope, case = _scope(program, row, points, kind)
            chosen = [_choose(choice, points, scope) for choice in case.choices]
        outside = scope[OUTSIDE][0]
        border = np.isin(points, _borders(case, scope))  # where the function may be undefined
        looked_at = [
            ~(outside | (border & np.isnan(value)))
            & ((np.abs(points) <= FAR) | ~(np.isfinite(error) & np.isfinite(value)))
            for value, error in chosen
        ]
        return [
            _judged(value, error, keep, kind, slope=name != "value")
            for name, (value, error), keep in zip(program.quantities, chosen, looked_at, strict=True)
        ]


STEPS = 12
"""Of false position."""


def _zeros(
    program: Program, row: dict[str, float], scope: dict[sp.Symbol, Pair], case: Case, found: list[Array]
) -> list[float]:
    """Where the value passes 0 between two points of the grid, by the rule of false position.

    ``found`` are the quantities at these points.
    """
    if "value" not in program.quantities:
        return []
    which = program.quantities.index("value")
    points, y, borders = scope[program.variable][0], found[which], np.array(_borders(case, scope))
    k = np.flatnonzero((y[:-1] * y[1:] < 0) & np.isfinite(y[:-1] * y[1:]))
    k = np.array([i for i in k if not ((points[i] <= borders) & (borders <= points[i + 1])).any()], dtype=int)
    k = k[np.argsort(np.abs(points[k]))][:MANY]
    if not k.size:
        return []
    lo, hi, below, above = points[k], points[k + 1], y[k], y[k + 1]
    for _ in range(STEPS):
        middle = (lo * above - hi * below) / (above - below)
        there, its_case = _scope(program, row, middle)
        new = _choose(its_case.choices[which], middle, there)[0]
        left = new * below > 0
        above = np.where(left, above / 2, new)  # the end that stays counts half: Illinois
        below = np.where(left, new, below / 2)
        lo, hi = np.where(left, middle, lo), np.where(left, hi, middle)
    return [float(x) for x in middle if np.isfinite(x)]


MANY = 8
"""Zeros that are looked for, the nearest to 0."""


def _judged(value: Array, error: Array, keep: Array, kind: Format, *, slope: bool) -> Bound:
    keep = keep & ~(np.abs(value) >= kind.largest)  # NaN is judged
    value, error = np.broadcast_arrays(value[keep], error[keep])
    if not value.size:
        return Bound(0.0, 0.0)
    if np.isnan(error).any() or np.isnan(value).any():
        return Bound(math.inf, math.inf)
    size = np.maximum(np.abs(value), kind.smallest)
    if slope and value.min() < 0 < value.max():
        size = np.maximum(size, FLOOR)
        return Bound(float(np.max(error / size)), float(np.max(error / ALIGNED / size)))
    worst = float(np.max(error / size))
    return Bound(worst, worst)


def _choose(choice: Choice, points: Array, scope: dict[sp.Symbol, Pair]) -> Pair:
    value, error = (np.broadcast_to(x, points.shape) for x in _one(choice.parts[0], scope))
    for border, part in zip(choice.borders, choice.parts[1:], strict=True):
        at = _one(border.at, scope)[0]
        right = points >= at if border.to_right else points > at
        other = _one(part, scope)
        value, error = np.where(right, other[0], value), np.where(right, other[1], error)
        if border.own is not None:
            value = np.where(points == at, _one(border.own, scope)[0], value)
            error = np.where(points == at, 0.0, error)
    for end, limit in ((points == -np.inf, choice.at_neg_inf), (points == np.inf, choice.at_pos_inf)):
        if limit is not None and end.any():
            value = np.where(end, _one(limit, scope)[0], value)
    return value, error


Values = frozenset[tuple[sp.Symbol, float]]
"""The parameters and constants that an expression speaks of."""


def _values(expr: sp.Basic, exact: dict[sp.Symbol, float]) -> Values:
    return frozenset((s, exact[s]) for s in expr.free_symbols if s in exact)


def _holds(condition: sp.Basic, exact: dict[sp.Symbol, float]) -> bool:
    return _holds_at(condition, _values(condition, exact))


@lru_cache(maxsize=4000)
def _holds_at(condition: sp.Basic, values: Values) -> bool:
    return bool(condition.subs({s: sp.Rational(x) for s, x in values if math.isfinite(x)}))


def _number(expr: sp.Expr, exact: dict[sp.Symbol, float]) -> float:
    return _number_at(expr, _values(expr, exact))


@lru_cache(maxsize=4000)
def _number_at(expr: sp.Expr, values: Values) -> float:
    try:
        given = {s: sp.Rational(x) if math.isfinite(x) else sp.Float(x) for s, x in values}
        return float(sp.N(_evaluated(expr).subs(given), 20))
    except TypeError:  # a function of our own
        return float(_one(expr, {s: (np.float64(x), np.float64(0.0)) for s, x in values})[0])


def _evaluated(expr: sp.Expr) -> sp.Expr:
    """SymPy's own functions in place of ours."""
    return expr.replace(lower.raw_max, sp.Max).replace(lower.raw_min, sp.Min)


def _rounded(value: float) -> Pair:
    """A constant in the working type: half a unit of the last place, nothing where float32 has it."""
    same = not math.isfinite(value) or float(np.float32(value)) == value
    return np.float64(value), np.float64(0.0 if same else abs(value))


def _reach(scope: dict[sp.Symbol, Pair]) -> float:
    return float(scope[REACH][0]) if REACH in scope else HUGE


def _one(expr: sp.Expr, scope: dict[sp.Symbol, Pair]) -> Pair:
    if expr.is_Symbol:
        return scope[expr]
    if expr.is_number:
        return _rounded(float(expr))
    value, error = _node(expr, scope)
    size = np.abs(value)
    if not isinstance(expr, (*_VANISHING, lower.raw_min, lower.raw_max)) and np.ndim(size):
        error = _subnormal(value, error) if _reach(scope) == HUGE else error
    return value, np.where((size > _reach(scope)) & np.isfinite(size), np.inf, error)  # it would have overflowed


def _node(expr: sp.Expr, scope: dict[sp.Symbol, Pair]) -> Pair:
    if isinstance(expr, ufuncs.raw_guard):
        return _guarded(expr.args[0], expr.args[1], scope)
    if isinstance(expr, lower.raw_fine):
        return _fine(expr, scope)
    if isinstance(expr, lower.raw_from_zero):
        (value, error), (u, _), (_, other) = (_one(a, scope) for a in expr.args)
        return value, np.where((np.abs(u) < 1e-30) & ~scope[SHORT][0], other, error)
    args = [_one(a, scope) for a in expr.args]
    if expr.is_Mul or isinstance(expr, lower.raw_product):
        args = _unlifted(expr.args, args)
    if isinstance(expr, ufuncs.raw_split):
        lead = (np.float32(args[0][0]).view(np.int32) & np.int32(-4096)).view(np.float32)
        return np.float64(lead), np.float64(0.0)
    if isinstance(expr, ufuncs.raw_tail_polynomial):
        coefficients = polynomial("normal_tail", "float32").coefficients[::-1]
        value, slope = np.polyval(coefficients, args[0][0]), np.polyval(np.polyder(coefficients), args[0][0])
        return value, np.abs(slope) * args[0][1] + 3.0 * np.abs(value)
    if isinstance(expr, ufuncs.raw_tail_scale):
        value = 1.0 / (1.0 + (polynomial("normal_tail", "float32").scale or 0.0) * args[0][0])
        return value, args[0][1] + 3.0 * value
    if isinstance(expr, ufuncs.raw_odds):
        (e, ee), c = args[0], args[1][0]
        return e / (c + e), c * ee / (c + e) ** 2 + 2.0 * e / (c + e)
    if isinstance(expr, ufuncs.raw_exact_product):
        return args[0][0] * args[1][0], np.float64(0.0)
    if isinstance(expr, ufuncs.raw_by_sign):
        (u, _), (right, er), (left, el) = args
        return np.where(u >= 0, right, left), np.where(u >= 0, er, el)
    if expr.is_Add:
        total, error = args[0]
        for value, more in args[1:]:
            total = total + value
            error = error + more + np.abs(total)
        return total, error
    if expr.is_Mul:
        return _product(args)
    if expr.is_Pow:
        return _power(expr, args)
    x, ex = args[0]
    if expr.func in _UNARY:
        f, derivative = _UNARY[expr.func]
        value, steep = f(x), np.abs(derivative(x))
        rounding = 0.0 if expr.func is sp.Abs else _units(expr.func)
        carried = np.where((ex == 0.0) | (steep == 0.0), 0.0, steep * ex)  # saturated, it may even have overflowed
        size = np.maximum(np.abs(value), FLOOR) if expr.func in lower.UNITS.values() else np.abs(value)
        return value, carried + rounding * size
    y, ey = args[1]
    if expr.func in (lower.raw_min, lower.raw_max):
        first = (x <= y) if expr.func is lower.raw_min else (x >= y)
        return np.where(first, x, y), np.where(first, ex, ey)
    if expr.func is lower.raw_product:
        return _product(args)
    if expr.func is lower.raw_atan2:
        (y, ey), (x, ex) = args
        h = np.hypot(x, y)
        value = np.arctan2(y, x)
        return value, (np.abs(y) / h * ex + np.abs(x) / h * ey) / h + _UNITS * np.abs(value)
    if expr.func is lower.raw_hypot:
        value = np.hypot(x, y)
        return value, np.where(value == 0.0, 0.0, (np.abs(x) * ex + np.abs(y) * ey) / value) + 2.0 * value
    if expr.func is lower.raw_damped:
        value = np.where(x == 0.0, 0.0, x * y)
        return value, np.where(x == 0.0, 0.0, np.abs(x) * ey + np.abs(y) * ex + np.abs(value))
    if expr.func is lower.raw_inverse:
        value = 1.0 / (x + y)
        return value, (ex + ey) * value**2 + 2.0 * np.abs(value)
    if expr.func in (lower.raw_share, lower.raw_harmonic):
        large = np.abs(x) >= np.abs(y)
        r = np.where(large, y / x, x / y)  # as targets do: right even if one of the two overflowed
        share, other = (np.where(side, 1.0, r) / (1.0 + r) for side in (large, ~large))
        if expr.func is lower.raw_harmonic:
            value = np.where(large, y, x) / (1.0 + r)
            return value, other**2 * ex + share**2 * ey + 3.0 * np.abs(value)
        inverse = 1.0 / np.abs(x + y)
        return share, np.abs(other) * inverse * ex + np.abs(share) * inverse * ey + 3.0 * np.abs(share)
    raise NotImplementedError(f"no rounding error is known for {expr.func.__name__}; add it to codegen/rounding.py")


def _fine(expr: sp.Expr, scope: dict[sp.Symbol, Pair]) -> Pair:
    """A function of k*w in which only w brings an error, and one rounding more for the correction."""
    inner, k, _, w = expr.args
    if scope[SHORT][0] or inner.is_Symbol:
        return _one(inner, scope)
    f, derivative = _UNARY[sp.exp if isinstance(inner, sp.exp) else inner.func]
    x = _one(inner.args[0], scope)[0]
    value, steep = f(x), np.abs(derivative(x))
    carried = steep * _subnormal(x, np.abs(_one(k, scope)[0]) * _one(w, scope)[1])
    size = np.maximum(np.abs(value), FLOOR) if inner.func in lower.UNITS.values() else np.abs(value)
    return value, np.where(value == 0.0, 0.0, carried + (_units(inner.func) + 1.0) * size)


def _unlifted(factors: tuple[sp.Basic, ...], args: list[Pair]) -> list[Pair]:
    """What vanishes loses its digits below the smallest normal number where it is only multiplied by constants.

    Targets compute products of it with what depends on the input in one go, so that only the result may be subnormal.
    """
    if sum(np.ndim(value) > 0 for value, _ in args) > 1:
        return args
    return [
        (value, _subnormal(value, error) if isinstance(factor, _VANISHING) else error)
        for factor, (value, error) in zip(factors, args, strict=True)
    ]


def _subnormal(value: Array, error: Array) -> Array:
    """The error of what float32 rounds to a subnormal number: half of the smallest one more."""
    size = np.abs(value)
    return np.where((size > 0) & (size < SMALLEST), error + SMALLEST, error)


def _guarded(inner: sp.Expr, name: Str, scope: dict[sp.Symbol, Pair]) -> Pair:
    value, error = _one(inner, scope)
    (lo, hi), _ = ufuncs.BOUNDS[name.name]
    scope[OUTSIDE] = (scope[OUTSIDE][0] | ~((value >= lo) & (value <= hi)), np.float64(0.0))
    return value, error


def _units(head: type[sp.Basic]) -> float:
    """Roundoffs of a library function, as they were measured over all float32 inputs."""
    return errors("float32").get(head.__name__.removeprefix("raw_"), _UNITS)


def _product(args: list[Pair]) -> Pair:
    value, error = args[0]
    rounded = not _power_of_two(value)
    for x, ex in args[1:]:
        error = np.abs(x) * error + np.abs(value) * ex
        value = value * x
        if not _power_of_two(x):
            error = error + (np.abs(value) if rounded else 0.0)
            rounded = True
    return value, error


def _power_of_two(value: Array) -> bool:
    """Whether a factor is one number, and multiplying by it is exact."""
    return bool(np.ndim(value) == 0 and math.frexp(abs(float(value)))[0] == 0.5)


def _power(expr: sp.Expr, args: list[Pair]) -> Pair:
    (x, ex), (n, en) = args
    base, exponent = expr.args
    if base is sp.E:
        value = np.exp(n)
        return value, np.where(value == 0.0, 0.0, value * (en + _units(sp.exp)))
    value = np.power(x, n)
    relative = np.where(x == 0.0, 0.0, ex / np.abs(x))
    if exponent.is_number:
        size = abs(float(exponent))
        steps = size - 1.0 if exponent.is_Integer and exponent > 0 else size if exponent.is_Integer else 1.0
        return value, np.abs(value) * (size * relative + max(steps, 1.0))
    return value, np.abs(value) * (np.abs(n) * relative + np.abs(np.log(np.abs(x))) * en + _UNITS)
