"""Limits in a parameter: whether there is one, and whether convergence is uniform whatever the other parameters are."""

from __future__ import annotations

import pytest
import sympy as sp

from kassei.core.convergence import param_limits
from kassei.core.dossier import ParamLimit
from kassei.core.effort import work
from kassei.core.region import Region
from kassei.library import catalogue
from test_prover import definition

POSITIVE = {"domain": "(0, oo)", "default": 1}
REAL = {"domain": "Reals", "default": 1}


def approach(expr: str, parameters: dict[str, dict[str, object]], param: str, to: str) -> ParamLimit:
    f = definition(expr, parameters)
    with work():
        found = param_limits(f, Region.of(f.parameters))
    return next(one for one in found if (one.param, one.to) == (param, to))


@pytest.mark.parametrize(
    ("expr", "parameters", "convergence", "cases"),
    [
        ("a*tanh(b*v)", {"b": POSITIVE, "a": REAL}, "pointwise", ["a < 0", "Eq(a, 0)", "a > 0"]),
        ("a*b*tanh(v)", {"b": POSITIVE, "a": REAL}, "uniform", []),
        ("Max(0, a)*v*b/(1 + b)", {"b": POSITIVE, "a": REAL}, "pointwise", ["a > 0"]),
        ("tanh(v) + a**2*sigmoid(b*v)", {"b": POSITIVE, "a": POSITIVE}, "pointwise", []),
    ],
)
def test_uniform_means_for_all_values_of_the_others(
    expr: str, parameters: dict[str, dict[str, object]], convergence: str, cases: list[str]
) -> None:
    """As b goes to 0; where it depends on a, each case is argued on its own."""
    found = approach(expr, parameters, "b", "0+")
    assert found.convergence == convergence
    told = [str(step.facts["condition"]) for step in found.steps if step.key == "case"]
    assert set(cases) <= set(told), told


def test_a_distance_that_every_case_shares_is_given() -> None:
    f = catalogue["hardtanh"]
    with work():
        found = param_limits(f, Region.of(f.parameters))
    (one,) = (x for x in found if (x.param, x.to) == ("h", "0+"))
    assert one.convergence == "uniform"
    assert [step.key for step in one.steps].count("case") > 1
    h = sp.Symbol("h", real=True)
    for value in (sp.Rational(1, 3), 2):
        assert one.error.subs(h, value) == value


def test_a_limit_that_vanishes_only_after_simplifying_is_zero() -> None:
    """``cosh(log(2)/2)**2`` is 9/8, which SymPy does not see by itself."""
    found = approach("sigmoid(v)*(sigmoid(v) + sigmoid(v - b))", {"b": POSITIVE}, "b", "0+")
    assert found.convergence == "uniform"
    distance = sp.lambdify(sp.Symbol("b", real=True), found.error, "math")
    s = [1 / (1 + sp.exp(-sp.Rational(k, 200)).evalf(20)) for k in range(-2000, 2001)]
    farthest = max(abs(x * (x - y)) for x, y in zip(s[200:], s[:-200], strict=True))
    assert abs(distance(1.0) - farthest) < 1e-4


def test_the_sign_that_sympy_leaves_in_a_limit_is_decided() -> None:
    """``v**p`` grows beyond every bound for v > 1: SymPy answers ``oo*sign(log(v))``."""
    f = catalogue["repu"]
    with work():
        found = param_limits(f, Region.of(f.parameters))
    assert not next(one for one in found if one.to == "oo").exists
