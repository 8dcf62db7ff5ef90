"""Claims about a procedure: executed or computed exactly as they say. Each returns the truth and what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from kassei.claims.truth import FALSE, TRUE, Truth
from kassei.core import limits
from kassei.core.activation import Domain
from kassei.core.extent import largest_size
from kassei.core.region import Region
from kassei.core.signs import sign

Found = tuple[Truth, list[str]]


def composition_of_affine_maps() -> Found:
    """p*(r*v + s) + q is affine again; by induction so is any depth."""
    v, p, q, r, s = sp.symbols("v p q r s", real=True)
    twice = sp.expand(p * (r * v + s) + q)
    return (TRUE if sp.diff(twice, v, 2) == 0 else FALSE), [f"(p*v + q) after (r*v + s) = {twice}; second derivative 0"]


def product_of_bounded_slopes() -> Found:
    """At most q**n = exp(n*log(q)) with 0 <= q < 1."""
    q, n = sp.Symbol("q", real=True), sp.Symbol("n", real=True)
    region = Region(domains=((q, Domain(lo=sp.S.Zero, hi=sp.S.One)),), sample=((q, sp.Rational(1, 2)),))
    falls = sign(sp.log(q), region) < 0
    end = limits.limit(sp.exp(-n), n, sp.oo, "-", Region())
    return (TRUE if falls and end == 0 else FALSE), ["q**n = exp(n*log(q)), log(q) < 0 on (0, 1), exp(-n) tends to 0"]


def product_of_factors_below_one() -> Found:
    """Factors below 1 that are not bounded away from 1: 1 - 1/(k + 1)**2 for k = 1, 2, … has the product 1/2."""
    k, n = sp.symbols("k n", integer=True, positive=True)
    partial = (n + 2) / (2 * (n + 1))
    factor = 1 - 1 / (k + 1) ** 2
    step = sp.simplify(partial / partial.subs(n, n - 1) - factor.subs(k, n))
    start = sp.simplify(partial.subs(n, 1) - factor.subs(k, 1))
    x = sp.Symbol("x", real=True)
    end = limits.limit(partial.subs(n, x), x, sp.oo, "-", Region())
    counterexample = step == 0 and start == 0 and end == sp.Rational(1, 2)
    told = "factors 1 - 1/(k + 1)**2 < 1 have the partial products (n + 2)/(2*(n + 1)), which tend to 1/2"
    return (FALSE if counterexample else TRUE), [told]


def numerical_derivative_as_written() -> Found:
    """``(f(x+h) - f(x-h))/2*h`` as Python reads it, on a function with a known slope, in exact numbers."""
    x, h = sp.symbols("x h", real=True)
    written = sp.expand(((x + h) ** 2 - (x - h) ** 2) / 2 * h)
    as_meant = sp.expand(((x + h) ** 2 - (x - h) ** 2) / (2 * h))
    step = 1e-4
    run = ((3.0 + step) ** 2 - (3.0 - step) ** 2) / 2 * step
    told = f"for f = x**2 (slope 2*x) the line gives {written}, with parentheses {as_meant}; run at x = 3: {run:.3g}"
    return (TRUE if sp.simplify(written - 2 * x) == 0 else FALSE), [told]


def numerical_derivative_with_parentheses() -> Found:
    """The central difference of a cubic differs from the slope by h**2 times a constant only."""
    x, h = sp.symbols("x h", real=True)
    gap = sp.simplify(((x + h) ** 3 - (x - h) ** 3) / (2 * h) - 3 * x**2)
    return (TRUE if gap.subs(h, 0) == 0 else FALSE), [f"for f = x**3 the central difference is off by {gap}"]


def update_sign(way: int) -> Found:
    """One step on an exact example: E = (h(v; a) - y)**2/2 with the Exponential form, v = -1, y = -1, a = 0."""
    a, v, y = sp.Symbol("a", real=True), sp.Integer(-1), sp.Integer(-1)
    h = sp.exp(a) * v / (sp.exp(a) - v)
    error = (h - y) ** 2 / 2
    gradient = error.diff(a).subs(a, 0)
    rate = sp.Rational(1, 10)
    before, after = error.subs(a, 0), error.subs(a, way * rate * gradient)
    lower = sp.simplify(after - before).is_negative
    told = f"E before {before}, after a := a {'+' if way > 0 else '-'} 1/10 dE/da: {sp.N(after, 8)}"
    return (TRUE if lower else FALSE), [told]


TABLE_1 = {"exponential": ("-2.11", "-2.03", "-1.66"), "rational": ("0.118", "0.103", "0.206")}
"""a after training on CIFAR-10, three layers, from Table 1 of Enomoto, Kakuda and Miura."""


def table_1_agrees(tolerance: sp.Rational = sp.S.Half) -> Found:
    """exp(a) of the Exponential against a of the Rational: their ratio within ``tolerance`` of 1, layer by layer."""
    told, within = [], True
    for layer, (a, r) in enumerate(zip(TABLE_1["exponential"], TABLE_1["rational"], strict=True), start=1):
        ratio = sp.exp(sp.Rational(a)) / sp.Rational(r)
        near = sign(ratio - 1 + tolerance, Region()) > 0 and sign(1 + tolerance - ratio, Region()) > 0
        within &= near
        told.append(f"conv{layer}: exp({a}) = {sp.N(sp.exp(sp.Rational(a)), 3)} against {r}, ratio {sp.N(ratio, 3)}")
    return (TRUE if within else FALSE), told


def eq_4_small_k() -> Found:
    """k*v/(k - v) at every v < 0 as k tends to 0."""
    k, v = sp.Symbol("k", real=True), sp.Symbol("v", real=True)
    region = Region(domains=((v, Domain(hi=sp.S.Zero)),), sample=((v, sp.Integer(-1)),))
    end = limits.limit(k * v / (k - v), k, sp.S.Zero, "+", region)
    return (TRUE if end == 0 else FALSE), [f"k*v/(k - v) tends to {end} as k -> 0+, for every v < 0"]


def eq_4_large_k() -> Found:
    """k*v/(k - v) at every v < 0 as k tends to infinity."""
    k, v = sp.Symbol("k", real=True), sp.Symbol("v", real=True)
    region = Region(domains=((v, Domain(hi=sp.S.Zero)),), sample=((v, sp.Integer(-1)),))
    end = limits.limit(k * v / (k - v), k, sp.oo, "-", region)
    return (TRUE if end == v else FALSE), [f"k*v/(k - v) tends to {end} as k -> oo, for every v < 0"]


def temperature_near_sigmoid() -> Found:
    """With equal slopes at 0 (k = 1) the distance to the sigmoid is bounded by an enclosed maximum below 4/25."""
    v = sp.Symbol("v", real=True)
    gap = 1 - 1 / (2 * (1 + v / 2)) - 1 / (1 + sp.exp(-v))
    far, _ = largest_size(gap, v, sp.S.Zero, sp.oo, Region())
    near = sign(sp.Rational(4, 25) - far, Region()) > 0
    return (TRUE if near else FALSE), [
        f"k = 1 has the sigmoid's slope 1/4 at 0; largest distance {sp.N(far, 6)}, by symmetry on both sides"
    ]


def squares_miss_the_cube() -> Found:
    """One hidden layer of v**2 units gives quadratics; a third difference bounds their distance to v**3 on [-1, 1].

    The weights 1, -3, 3, -1 at 1, 1/3, -1/3, -1 annihilate quadratics, so that the distance is at least the size of
    their sum for v**3 divided by the sum of their sizes.
    """
    v, p, q, r, s = sp.symbols("v p q r s", real=True)
    unit = p * (q * v + r) ** 2 + s
    weights = {sp.S.One: 1, sp.Rational(1, 3): -3, sp.Rational(-1, 3): 3, sp.Integer(-1): -1}

    def difference(f: sp.Expr) -> sp.Expr:
        return sp.expand(sum(weight * f.subs(v, at) for at, weight in weights.items()))

    quadratic = difference(unit) == 0
    bound = abs(difference(v**3)) / sum(map(abs, weights.values()))
    third = sp.expand(sp.diff(unit, v, 3))
    told = [
        f"p*(q*v + r)**2 + s has the third derivative {third} in v, and so has every sum of such units",
        f"f(1) - 3*f(1/3) + 3*f(-1/3) - f(-1) is {difference(unit)} for them and {difference(v**3)} for v**3, "
        f"so that they differ by {bound} or more at one of the four points",
    ]
    return (TRUE if quadratic and bound >= sp.Rational(2, 9) else FALSE), told


def one_relu_unit_misses_the_square() -> Found:
    """p*Max(0, q*v + r) + s is monotone; a monotone g differs from v**2 by 1/2 or more at -1, 0 or 1.

    With e the largest difference, a non-decreasing g has 1 - e <= g(-1) <= g(0) <= e; a non-increasing one likewise at
    0 and 1.
    """
    v, p, q, r, s, e = sp.symbols("v p q r s e", real=True)
    off, on = (sp.diff(branch, v) for branch in (s, p * (q * v + r) + s))
    monotone = sp.expand(off * on).is_nonnegative  # no two slopes of opposite signs
    least = sp.solve(sp.Eq(1 - e, e), e)
    told = [
        f"p*Max(0, q*v + r) + s has the slopes {off} and {on}, so that it rises nowhere or falls nowhere",
        f"1 - e <= g(-1) <= g(0) <= e or 1 - e <= g(1) <= g(0) <= e, with e the largest difference: e >= {least[0]}",
    ]
    return (TRUE if monotone and least == [sp.S.Half] else FALSE), told


PROCEDURES: Mapping[str, Callable[[], Found]] = {
    "composition_of_affine_maps": composition_of_affine_maps,
    "product_of_bounded_slopes": product_of_bounded_slopes,
    "product_of_factors_below_one": product_of_factors_below_one,
    "numerical_derivative_as_written": numerical_derivative_as_written,
    "numerical_derivative_with_parentheses": numerical_derivative_with_parentheses,
    "update_added": lambda: update_sign(1),
    "update_subtracted": lambda: update_sign(-1),
    "table_1_agrees": table_1_agrees,
    "eq_4_small_k": eq_4_small_k,
    "eq_4_large_k": eq_4_large_k,
    "temperature_near_sigmoid": temperature_near_sigmoid,
    "squares_miss_the_cube": squares_miss_the_cube,
    "one_relu_unit_misses_the_square": one_relu_unit_misses_the_square,
}
