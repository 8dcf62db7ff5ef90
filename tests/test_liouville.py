"""No elementary antiderivative: shown where there is none, never claimed where there is one.

The second half is the guard: functions that are derivatives of elementary functions by construction, in towers of
exponentials, logarithms, arc tangents and error functions. A summand without an elementary antiderivative is added to
each, so that none of them escapes by lying outside of what is examined.
"""

from __future__ import annotations

import random

import pytest
import sympy as sp
from sympy.integrals.risch import NonElementaryIntegral, risch_integrate

from kassei.core.algebra import plain
from kassei.core.liouville import not_elementary
from kassei.core.region import Region
from kassei.library import catalogue

V = sp.Symbol("v", real=True)
E = sp.exp(V)


def shown(f: sp.Expr) -> bool:
    return not_elementary(f, V, Region()) is not None


@pytest.mark.parametrize(
    "f",
    [
        V / (1 + E),
        E / (1 + V**2),
        sp.exp(V**2),
        sp.exp(-(V**2)),
        sp.cos(V**2),
        sp.sin(E),
        sp.exp(E),
        V * sp.exp(-sp.exp(-V)),
        V * sp.tanh(E),
        sp.log(1 + E),
        sp.log(1 + sp.exp(-E)),
        sp.log(1 + E) * sp.log(2 + E) / (1 + V**2),
        V**2 * sp.log(sp.cosh(V)),
        sp.log(1 + E) * sp.tanh(E),
        sp.log(1 + E) ** 2,
        1 / (1 + sp.log(1 + V**2) ** 2),
        V / (1 + sp.exp(sp.atan(V))),
        (V + sp.cos(V)) / (1 + E),
        V * sp.erf(sp.log(1 + E)),
        V * sp.tanh(V * sp.erf(V)),
    ],
    ids=str,
)
def test_classical_functions_have_none(f: sp.Expr) -> None:
    """Each was worked out by hand; products of two logarithms lie outside of the fields that are built."""
    assert shown(f) == (len(f.atoms(sp.log)) < 2)


@pytest.mark.parametrize(
    "f",
    [
        E * (1 / V - 1 / V**2),
        V * E / (V + 1) ** 2,
        sp.exp(V**2) * (2 * V**2 + 1),
        sp.exp(V + E),
        (1 + V * E) * sp.exp(E),
        sp.log(V) ** 2 / V,
        sp.log(V) / V,
        sp.log(V),
        sp.tanh(V) ** 2,
        V / sp.cosh(V) ** 2,
        V * sp.sin(V),
        1 / (1 + E),
        E / (1 + E) / sp.log(1 + E),
        E / (1 + E) * sp.log(1 + E) ** 3,
        sp.exp(sp.atan(V)) / (1 + V**2),
        sp.exp(-(sp.log(1 + E) ** 2)) * E / (1 + E) * sp.log(1 + E),
        sp.erf(V) * sp.exp(-(V**2)),
        sp.exp(V * sp.erf(V)) * (sp.erf(V) + 2 * V * sp.exp(-(V**2)) / sp.sqrt(sp.pi)),
    ],
    ids=str,
)
def test_what_looks_alike_and_is_elementary_is_not_claimed(f: sp.Expr) -> None:
    assert not shown(f)


IN_CATALOGUE = (
    *("aptx", "cloglog", "colu", "e_swish", "eanaf", "gelu_tanh", "gish", "golu", "lisht", "log_cosh", "log_sigmoid"),
    *("logish", "loglogish", "mish", "quick_gelu", "silu", "smish", "soft_clipping", "soft_root_sign", "softplus"),
    *("swish", "tanhexp", "tanhsoft"),
)
BEYOND_RISCH = ("coslu", "phish", "serf", "sinlu", "swat")
"""Trigonometric functions, error functions and exp(atan(v)): SymPy's Risch algorithm does not take them."""


@pytest.mark.parametrize("name", IN_CATALOGUE)
def test_the_risch_algorithm_agrees_at_the_defaults(name: str) -> None:
    f = catalogue[name]
    expr = plain(f.expr.subs(f.defaults))
    assert not_elementary(expr, f.variable, Region())
    x = sp.Symbol("x")
    assert risch_integrate(expr.subs(f.variable, x), x).has(NonElementaryIntegral)


@pytest.mark.parametrize("name", BEYOND_RISCH)
def test_the_others_of_the_catalogue_have_none(name: str) -> None:
    f = catalogue[name]
    assert not_elementary(f.expr, f.variable, Region.of(f.parameters))


@pytest.mark.parametrize("name", ["aranda_ordaz", "richards"])
def test_a_power_whose_exponent_decides_is_left_open(name: str) -> None:
    """Rational exponents give elementary antiderivatives, others do not."""
    f = catalogue[name]
    assert not_elementary(f.expr, f.variable, Region.of(f.parameters)) is None


TOWERS = {
    "rational": (V, V**2 + 1, 1 / (V**2 + 1)),
    "exponential": (V, E, 1 / (1 + E), V**2 + E),
    "two exponentials": (V, E, sp.exp(V**2), 1 / (2 + E)),
    "waves": (V, sp.sin(V), E, 1 / (2 + sp.cos(V))),
    "tower": (V, E, sp.exp(-E), 1 / (1 + sp.exp(E))),
    "logarithm": (V, E, sp.log(1 + E), 1 / (1 + E)),
    "logarithm of a tower": (V, E, sp.log(2 + sp.exp(-E))),
    "arc tangent": (V, sp.atan(V), sp.exp(sp.atan(V)), E),
    "error function": (V, sp.erf(V), sp.exp(-(V**2)), E),
    "error function in an exponent": (V, sp.exp(V * sp.erf(V)), 1 / (1 + V**2)),
}
ROWS = [(name, seed) for name in TOWERS for seed in range(5)]


def composed(name: str, seed: int) -> sp.Expr:
    """A sum of two products of a tower's functions, and often the logarithm or arc tangent of one."""
    draw = random.Random(f"{name} {seed}")
    parts = TOWERS[name]
    whole = sp.Add(*(draw.randint(1, 5) * draw.choice(parts) * draw.choice(parts) for _ in range(2)))
    if seed % 2:
        inner = draw.choice(parts) + draw.randint(2, 5)
        whole += draw.choice((sp.atan, lambda u: sp.log(u**2 + 1)))(inner)
    return whole


@pytest.mark.parametrize(("name", "seed"), ROWS)
def test_derivatives_of_elementary_functions_are_never_claimed(name: str, seed: int) -> None:
    f = composed(name, seed).diff(V)
    for spelling in (f, sp.expand(f), sp.together(f)):
        assert not shown(spelling)


SUMMANDS = {
    "tower": V / (7 + sp.exp(-E)),
    "logarithm": V * sp.log(1 + E) / (7 + E),
    "logarithm of a tower": V * sp.log(2 + sp.exp(-E)) / (7 + sp.exp(-E)),
    "error function in an exponent": V / (7 + sp.exp(V * sp.erf(V))),
}


@pytest.mark.parametrize("name", TOWERS)
def test_a_summand_without_one_is_seen_among_them(name: str) -> None:
    """v/(7 + exp(v)) and its like have none, so neither has a sum with a derivative of an elementary function."""
    other = SUMMANDS.get(name, V / (7 + E))
    assert shown(other)
    seen = [shown(composed(name, seed).diff(V) + other) for seed in range(5)]
    assert sum(seen) >= 3
