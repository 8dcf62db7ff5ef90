"""Emitted NumPy modules are run against 50-digit values of the definition; files of every target are compared."""

from __future__ import annotations

import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exact import Exact, ulps
from functions import EACH, NAMES, SOURCES, dossier, others
from kassei import load
from kassei.codegen import drift, emit, known_targets, write
from kassei.codegen.plan import CannotEmitError
from kassei.core.derive import derive
from kassei.library import catalogue
from layouts import fills_given_outputs, takes_any_shape_and_stride

DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
ULPS = {"numpy": 6.0, "cuda": 6.0}
"""Errors allowed per unit of conditioning: a square of a quotient doubles what its four roundings did."""
FAR = ("1e-30", "1e-9", "1e-3", "0.3", "0.5", "1", "2.5", "5.5", "8", "12.5", "30", "87", "104", "700", "1e6", "1e30")


@cache
def module(name: str) -> SimpleNamespace:
    """An emitted NumPy module, executed."""
    ((file, text),) = emit(catalogue[name], "numpy").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    return SimpleNamespace(**space)


@cache
def breaks(name: str) -> tuple[float, ...]:
    facts = derive(catalogue[name], with_limits=False)
    defaults = catalogue[name].defaults
    return tuple(sorted({float(b.subs(defaults)) for case in facts.cases for b in case.form.breaks}))


def hard_points(name: str, dtype: Any) -> np.ndarray:
    """Breaks and their neighbours, zero, subnormals, tails, the largest numbers."""
    info = np.finfo(dtype)
    with np.errstate(over="ignore"):
        points = [dtype(s + p) for p in FAR for s in ("", "-") if np.isfinite(dtype(p))]
    points += [dtype(0), info.smallest_subnormal, -info.smallest_subnormal, info.tiny, -info.tiny, info.max, info.min]
    for b in breaks(name):
        at = dtype(b)
        points += [at, np.nextafter(at, dtype(np.inf)), np.nextafter(at, dtype(-np.inf))]
    found = np.unique(np.array(points, dtype=dtype))
    # mpmath cannot hold exp(exp(1e6)), which some definitions ask for on the way to a moderate result
    return found if name in SOURCES else found[np.abs(found) <= 1000]


def parameter_grid(name: str) -> list[tuple[float, ...]]:
    """Defaults and, for the sources' functions, values far out in the domain; every dtype holds them exactly."""
    spread = (-200.0, -95.0, -50.0, -5.0, -0.5, 0.0, 0.0625, 0.25, 1.0, 4.0, 50.0, 95.0, 200.0)
    axes = []
    for p in catalogue[name].parameters:
        inside = [x for x in spread if p.domain.contains(x) and name in SOURCES]
        axes.append(tuple(dict.fromkeys([float(np.float32(float(p.default))), *inside])))
    return [
        g
        for g in itertools.product(*axes)
        if all(p.domain.contains(x) for p, x in zip(catalogue[name].parameters, g, strict=True))
    ]


def undefined(name: str, params: tuple[float, ...]) -> bool:
    """Whether the function has a pole at these parameters (Rational for a < 0)."""
    return name == "rational" and params[0] < 0


@cache
def wanted(name: str, v: float, params: tuple[float, ...], index: int | None) -> tuple[Any, float]:
    exact = Exact(catalogue[name])
    value = exact.at(v, params) if index is None else exact.derivative(v, params, index)
    return value, exact.condition(v, params, index)


def check(
    name: str, got: np.ndarray, points: np.ndarray, params: tuple[float, ...], index: int | None, allowed: float
) -> None:
    """Each value within ``allowed * (1 + condition)`` ulps of the exact one, plus one unit for the final rounding."""
    for at, y in zip(points.tolist(), got.tolist(), strict=True):
        if index is not None and at in breaks(name):
            continue
        want, condition = wanted(name, float(at), params, index)
        error = ulps(y, want, points.dtype.type)
        assert error <= 1 + allowed * (1 + condition), f"{name} {params} at {at!r}: {y!r}, exactly {want}, {error} ulp"


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*itertools.product(SOURCES, DTYPES), *others("float32")],
)
def test_numpy_code_is_as_accurate_as_the_function_allows(name: str, dtype: str) -> None:
    """Value, slope and parameter slopes at hard points, for parameters far out in their domains."""
    code, kind = module(name), DTYPES[dtype]
    points = hard_points(name, kind)
    ones = np.ones_like(points)
    for params in parameter_grid(name):
        if undefined(name, params):
            continue
        check(name, code.forward(points, *params), points, params, None, ULPS["numpy"])
        check(name, code.grad_input(ones, points, *params), points, params, 0, ULPS["numpy"])
        for k, p in enumerate(catalogue[name].parameters, start=1):
            if p.learned:
                each = np.array(
                    [code.grad_params(ones[i : i + 1], points[i : i + 1], *params)[p.name] for i in range(len(points))]
                )
                check(name, each, points, params, k, ULPS["numpy"])


@pytest.mark.parametrize("name", NAMES)
def test_special_inputs_are_as_documented(name: str) -> None:
    """NaN stays NaN; an infinity gives the proved limit; nothing warns (warnings are errors here)."""
    code = module(name)
    limits = dossier(name).facts.limits
    for dtype in DTYPES.values():
        y = code.forward(np.array([np.nan, np.inf, -np.inf], dtype=dtype))
        assert np.isnan(y[0])
        for got, key in ((y[1], "pos_inf"), (y[2], "neg_inf")):
            limit = limits[key]
            if isinstance(limit, list):
                rows = [r["value"] for r in limit if bool(r["when"].subs(catalogue[name].defaults))]
                assert len(rows) == 1
                limit = rows[0]
            if limit is None or limit == "none":  # not found, or an oscillation: NaN or a value, and no warning
                continue
            want = dtype(float(limit.subs(catalogue[name].defaults)))
            assert got == want or abs(got - want) <= np.spacing(abs(want))


@pytest.mark.parametrize("name", NAMES)
def test_any_shape_and_stride(name: str) -> None:
    takes_any_shape_and_stride(module(name))


SHORTCUTS = {
    "prelu": (-2.0, -1e-30, -0.0, 0.0, 1e-40, 0.25, 1.0, 1.5, 1e30),
    "leaky_relu": (0.0, 0.01, 0.99),
    "exponential": (-90.0, -3.0, -1e-300, -0.0, 0.0, 1e-17, 3.0, 90.0),
    "rational": (1e-40, 0.3, 1.0, 4.0, 1e30),
}


@pytest.mark.parametrize("name", SHORTCUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shortcuts_for_some_parameters_change_nothing(name: str, dtype: type) -> None:
    """Fewer passes where constants allow it: the same values, infinities included, also where channels differ."""
    code = module(name)
    huge = float(np.finfo(dtype).max)
    ends = [np.nan, np.inf, -np.inf, huge, -huge, 0.0, -0.0, 1e-40, -1e-40, 1.0, -1.0, 1e-3, -1e-3, 50.0, -50.0]
    v = np.array([*ends, *np.random.default_rng(0).normal(0, 3, 500)]).astype(dtype)
    with np.errstate(all="ignore"):
        wants, near = [], 2e-6 if dtype is np.float32 else 4e-15
        for a in SHORTCUTS[name]:
            (want,) = code._wide_value(v.astype(np.float64), np.float64(a))
            wants.append(want.astype(dtype))
            for part in (v, v[:3], v[3:]):  # without infinities and NaN too, which no bound then keeps out
                start = 0 if len(part) == 3 else len(v) - len(part)
                np.testing.assert_allclose(code.forward(part, a), wants[-1][start : start + len(part)], rtol=near)
        together = code.forward(np.tile(v, (len(wants), 1)), np.array(SHORTCUTS[name]), axis=0)
        np.testing.assert_allclose(together, np.array(wants), rtol=near)


def test_outputs_of_backward_passes_may_be_given() -> None:
    fills_given_outputs(module("exponential"))


@pytest.mark.parametrize("name", ["relu_squared", "hard_swish", "exponential", "squareplus"])
@pytest.mark.parametrize("big", [1e20, 3e38, np.inf])
def test_an_input_may_be_overwritten_though_float32_overflows(name: str, big: float) -> None:
    """A block that is computed again in float64 is read again: nothing may have been written over it."""
    code = module(name)
    v = np.linspace(-3, 3, 50).astype(np.float32)
    v[[7, 9, 11]] = -big, big, np.nan
    want = code.forward(v)
    assert code.forward(v, out=v) is v
    np.testing.assert_array_equal(v, want)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments_are_refused(name: str) -> None:
    """Integers, other dtypes, shapes that do not fit and parameters outside their domain."""
    code = module(name)
    x = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(TypeError, match="float16, float32 or float64"):
        code.forward(np.arange(3))
    with pytest.raises(ValueError, match="out must be"):
        code.forward(x, out=np.zeros((3, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="dy has shape"):
        code.grad_input(x[:1], x)
    for p in catalogue[name].parameters:
        with pytest.raises(ValueError, match="does not broadcast"):
            code.forward(x, **{p.name: np.full((5, 7), float(p.default))})
        if not p.domain.contains(-7):
            with pytest.raises(ValueError, match="outside its domain"):
                code.forward(x, **{p.name: -7.0})


@pytest.mark.parametrize("name", [n for n in SOURCES if catalogue[n].learned])
def test_parameter_gradients_are_summed_as_eq_10_says(name: str) -> None:
    """Per layer one sum over everything; per channel one sum over all other axes."""
    code = module(name)
    rng = np.random.default_rng(0)
    v, dy = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    (p,) = catalogue[name].learned
    whole = code.grad_params(dy, v)[p.name]
    assert np.ndim(whole) == 0
    per_channel = code.grad_params(dy, v, axis=1)[p.name]
    assert per_channel.shape == (4,)
    np.testing.assert_allclose(per_channel.sum(), whole, rtol=1e-12)
    values = np.linspace(0.25, 2.0, 4)
    got = code.backward(dy, v, values, axis=1)
    for c in range(4):
        one = code.backward(dy[:, c], v[:, c], float(values[c]))
        np.testing.assert_array_equal(got[0][:, c], one[0])
        np.testing.assert_allclose(got[1][p.name][c], one[1][p.name], rtol=1e-12)
    spread = code.grad_params(dy, v, values.reshape(1, 4, 1))[p.name]
    assert spread.shape == (1, 4, 1)
    np.testing.assert_allclose(spread.ravel(), got[1][p.name], rtol=1e-12)


@pytest.mark.parametrize("name", ["exponential", "gelu", "relu6"])
def test_many_threads_at_once(name: str) -> None:
    """Calls from several threads share nothing that is written while another reads it."""
    code = module(name)
    rng = np.random.default_rng(3)
    inputs = [rng.normal(size=70_000 + 17 * k).astype(dtype) for k in range(4) for dtype in (np.float16, np.float32)]
    want = [code.forward(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for got, expected in zip(pool.map(code.forward, inputs), want, strict=True):
                np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["exponential", "silu"])
def test_large_arrays_are_computed_by_threads_like_small_ones(name: str) -> None:
    """From 2**23 elements on blocks are spread over threads; the values are the same, and sums repeat."""
    code = module(name)
    v = np.random.default_rng(4).normal(size=(1 << 23) + 5).astype(np.float32)
    whole, pieces = code.forward(v), np.concatenate([code.forward(part) for part in np.array_split(v, 9)])
    np.testing.assert_array_equal(whole, pieces)
    first, second = code.backward(v, v), code.backward(v, v)
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1] == second[1]


@settings(max_examples=60, deadline=None)
@given(
    data=hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        elements={"allow_nan": True, "allow_infinity": True, "allow_subnormal": True},
    ),
    name=st.sampled_from(SOURCES),
)
def test_any_array_goes_through(data: np.ndarray, name: str) -> None:
    """No exception, no warning, same shape and dtype, NaN exactly where the input is NaN."""
    y = np.asarray(module(name).forward(data))
    assert y.shape == data.shape
    assert y.dtype == data.dtype
    np.testing.assert_array_equal(np.isnan(y), np.isnan(data))


# --- files ------------------------------------------------------------------------------------------------------------


HARD: tuple[tuple[str, dict[str, tuple[str, float]], tuple[float, ...]], ...] = (
    ("v/sqrt(1 + a*v**2)", {"a": ("[0, oo)", 0.0)}, (2.0, -3.0, 1e-30)),
    ("log((1 + exp(v - b))/(1 + exp(v)))", {"b": ("(0, oo)", 50.0)}, (100.0, 45.0, -20.0)),
    ("log((1 + exp(v - 50))/(1 + exp(v)))", {}, (100.0, 45.0, -20.0)),
    ("v*tanh(2)", {}, (1.5, -1e-9)),
    ("Piecewise((v, v >= 0), (exp(1/2)*v/(exp(2) - v), True))", {}, (-3.0, -1e9, 2.0)),
    ("(v + sqrt(v**2 + a**2))/2", {"a": ("(0, oo)", 2.0)}, (3.0, -3.0, -1e30)),
    ("(v + sqrt(v**2 + b))/2", {"b": ("(0, oo)", 2.0)}, (-6e4, -1e100, 1.7e308)),
    ("v*exp(v - b)/(a + exp(v - b))", {"a": ("(0, oo)", 1.0), "b": ("Reals", 2.0)}, (-700.0, 720.0, 0.5)),
    ("v*exp(v)/(a + exp(v))", {"a": ("(0, oo)", 3.0)}, (720.0, -40.0, 1.0)),
    ("log(a + exp(v))", {"a": ("(0, oo)", 3.0)}, (720.0, -40.0, 1.0)),
    ("5*v*exp(v)/(2 + exp(v))", {}, (720.0, 1e4, -40.0)),
    ("v*(exp(v) - 1)/(exp(v) + 1)", {}, (1e4, 720.0, 1e-9)),
    ("log((1 + exp(v))/2)", {}, (720.0, 1e-12, -50.0)),
    ("(exp(v) - exp(-v))/(exp(v) + exp(-v))", {}, (360.0, 1e-9, -720.0)),
    ("v/cosh(v)", {}, (-400.0, 3.0)),
    ("log(exp(v) + exp(-v))", {}, (720.0, 0.1)),
    ("v*exp(-exp(-v))", {}, (-720.0, 2.0)),
    ("sqrt(1 + v**2) - 1", {}, (1e-9, 1e160)),
    ("v*(1 + v/(1 + Abs(v)))", {}, (-1e12, 4.0)),
    ("2/(1 + exp(-2*v)) - 1", {}, (1e-20, 30.0)),
    ("v*tanh(exp(v))", {}, (800.0, 709.5, 2.0, -3.0)),
    ("log(1 + exp(v))*tanh(exp(v))", {}, (800.0, 2.0, -3.0)),
    ("v/(v/2 + exp(-v/3))", {}, (3000.0, 2200.0, -5.0)),
    ("v*(1 + v/sqrt(1 + v**2))/2", {}, (-1e30, -1e9, 3.0)),
    ("v + v**2/sqrt(1 + v**2)", {}, (-1e30, -1e9, 3.0)),
    ("v/sqrt(1 + 3*v**2)", {}, (1e200, -1e160, 0.5)),
    ("log(1 + exp(b*v))/b", {"b": ("(0, oo)", 3.0)}, (1.7e308, -200.0, 1.0)),
    ("log(1 + exp(b*v))/b", {"b": ("(0, oo)", 0.001)}, (1.7e308, -7e5, 1.0)),
    ("Max(0, Min(1, v/6 + 1/2))", {}, (-2.9999999999, 2.0)),
    ("((1 + a)*v + (1 - a)*v*erf(2*(1 - a)*v))/2", {"a": ("[0, 1)", 0.0)}, (-8.0, -3.0, 2.0)),
    ("Piecewise((v, v >= 0), (b*v/(b - v), True))", {"b": ("(-oo, 0)", -1e200)}, (-1e-30, -3.0, -1.7e308)),
    ("Piecewise((v, v >= 0), (b*v/(b - v), True))", {"b": ("(-oo, 0)", -1e-200)}, (-1e-260, -3.0, -1.7e308)),
    ("Piecewise((0, v <= -a), (v**2 + 2*a*v + a**2, True))", {"a": ("[0, oo)", 0.0)}, (-2.0, 1e-9, 3.0)),
    ("Piecewise((0, v <= 2), (v**2 - (b + 1)*v + 2*b - 2, True))", {"b": ("Reals", 1.0)}, (-2.0, 2.5, 3.0)),
    ("log(cosh(v))", {}, (1e-170, 0.3, 0.5000001, -1.0, 800.0)),
    ("Piecewise((1 - tanh(v)**2, v < 0), (1 + v, True))", {}, (-30.0, -300.0, 2.0)),
    ("v + 3*v**2*(1 - tanh(v)**2)", {}, (30.0, -30.0, 1e-9)),
    ("sqrt(v**2 + a**2) - a", {"a": ("(0, oo)", 2.0)}, (1e-30, -1e-9, 3.0, 1e200)),
    ("v + sqrt(v**4 + b**2) - b", {"b": ("Reals", 2.0)}, (1e-9, -0.5, 30.0)),
    ("tanh(v)*(sqrt(v**2 + b**2) - b)", {"b": ("Reals", -3.0)}, (1e-9, -0.5, 30.0)),
    ("tanh(log(1 + exp(a*v)) - log(2))", {"a": ("(0, oo)", 3.0)}, (1e-30, -1e-9, 2.0)),
    ("Piecewise((erfc(-v), v < 0), (1 + 2*v/sqrt(pi), True))", {}, (-8.0, -26.0, 0.5)),
    ("Max(v, 0)*(1 + erf(-v))/2", {}, (8.0, 26.0, 0.5)),
    ("v*(1 - exp(-v*Abs(v)))", {}, (1e-9, -1e-30, 4.0)),
    ("log(1 + exp(v)) - v", {}, (40.0, 700.0, -3.0)),
    ("v*(exp(v - a) - 1)", {"a": ("[0, 1]", 0.0)}, (1e-30, -1e-12, 2.0)),
    ("exp(v) - 1 + 3*v", {}, (1e-12, -1e-30, 2.0)),
    ("a*exp(v) - a + a*v", {"a": ("Reals", 0.3)}, (1e-12, -1e-30, 2.0)),
    ("v*exp(v) - v", {}, (1e-12, -1e-30, 2.0)),
    ("v/(1 + v**2) - v", {}, (1e-12, -1e-30, 2.0)),
    ("v - v/(1 + Abs(v))", {}, (1e-12, -1e-30, 2.0)),
    ("1/cosh(v) - 1", {}, (1e-9, 30.0, -0.5)),
    ("cosh(v/3) - 1 + v", {}, (1e-9, 30.0, -0.5)),
    ("1 - cos(v)", {}, (1e-9, 3.0, -0.5)),
    ("sqrt((v - 1)**2 + 1) - Abs(v - 1)", {}, (1e20, -1e20, 1.5)),
    ("v**2/sqrt(1 + (3*v)**2)", {}, (1e20, -1e200, 1.5)),
    ("sigmoid(v/a - tanh(v/a))", {"a": ("(0, oo)", 3.0)}, (-700.0, 1e-9, 5.0)),
    ("log(1 + Abs(v - a))/(1 + exp(v))", {"a": ("[0, 1]", 0.5)}, (-700.0, 0.75, 30.0)),
    ("2*v - (v - log(1 + Abs(v)))", {}, (1e-9, 1e-30, -2.0)),
    ("v - log(1 + Abs(v))", {}, (1e-9, 1e-160, 0.25, 0.26, 1e9, -2.0)),
    ("v - atan(v)", {}, (1e-9, -1e-90, 0.25, 0.26, -1.0, 1e9)),
    ("v - asinh(v)", {}, (1e-9, -1e-90, 0.25, 0.26, -1.0, 1e300)),
    ("v - sin(v)", {}, (1e-9, -1e-90, 0.5, 0.51, -1.0, 1e9)),
    ("exp(v) - 1 - v", {}, (1e-9, -1e-90, 0.5, 0.51, -0.6, -1.0, 300.0, -1e9)),
    ("a*v - tanh(a*v) + v**3", {"a": ("(0, oo)", 0.3)}, (1e-9, -1e-90, 1.0, -1e9)),
    ("asinh(v*Abs(v))/cosh(v + a)", {"a": ("Reals", 1.5)}, (600.0, -600.0, 710.0)),
    ("(1 + exp(v))/(2 + exp(v))", {}, (760.0, -760.0, 1e6, 0.5)),
    ("(exp(v) - 2)/(exp(v) + 1)", {}, (760.0, -760.0, 1e6, 0.5)),
    ("v*(exp(v) + a)/(exp(v) + 1)", {"a": ("(0, oo)", 2.0)}, (760.0, -760.0, 1e6, 0.5)),
    ("v*exp(v)/(1 + exp(2*v))", {}, (760.0, 700.0, -700.0, 0.5)),
    ("(1 + exp(v))**2/(1 + exp(2*v))", {}, (760.0, 700.0, -700.0, 0.5)),
    ("exp(2*v)/(1 + exp(v))**2", {}, (760.0, 400.0, -300.0, 0.5)),
    ("v*exp(v)/(1 + exp(v) + exp(2*v))", {}, (760.0, 700.0, -700.0, 0.5)),
    ("sigmoid(log(1 + exp(v - 1)))", {}, (760.0, -760.0, 1e6, 0.5)),
    ("sinh(v)/(1 + cosh(v))", {}, (760.0, -1e6, 1e-9, 0.5)),
    ("v*cosh(v)/(1 + cosh(v))", {}, (760.0, -1e6, 1e-9, 0.5)),
    ("sinh(v)/cosh(v)**2", {}, (700.0, -1e6, 1e-9, 0.5)),
    ("log(cosh(v))/(1 + exp(-a*v))", {"a": ("(0, oo)", 0.5)}, (760.0, -300.0, 0.5)),
    ("exp(v)*(1 - tanh(v))", {}, (300.0, 760.0, -700.0, 0.5)),
    ("v*exp(v)*(1 - sigmoid(v))", {}, (760.0, -700.0, 0.5)),
    ("exp(v)*(1 - tanh(v)**2)", {}, (300.0, -200.0, 0.5)),
    ("v*exp(v)*exp(-v**2)", {}, (760.0, 20.0, -20.0, 0.5)),
    ("(1 + erf(v))*exp(-v)", {}, (-760.0, -20.0, 700.0, 0.5)),
    ("log((1 + exp(2*v))/(1 + exp(v)))", {}, (760.0, 400.0, -300.0, 0.5)),
    ("(exp(a*v) - 1)/a", {"a": ("(0, oo)", 0.3)}, (1e-9, 700.0, -3.0)),
)
"""Formulas as users write them, which an earlier form of the generator turned into NaN, inf, 0 or an exception."""


@pytest.mark.parametrize(("expr", "parameters", "points"), HARD, ids=[row[0] for row in HARD])
def test_formulas_of_users(
    expr: str, parameters: dict[str, tuple[str, float]], points: tuple[float, ...], tmp_path: Path
) -> None:
    """Value and slope in float64, within 10 ulps per unit of conditioning."""
    tables = "".join(f'[parameters.{n}]\ndomain = "{d}"\ndefault = {x}\n' for n, (d, x) in parameters.items())
    (tmp_path / "mine.toml").write_text(f'expr = "{expr}"\n{tables}')
    activation = load(tmp_path / "mine.toml")
    ((file, text),) = emit(activation, "numpy").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    exact = Exact(activation)
    params = tuple(x for _, x in parameters.values())
    x = np.array(points)
    for got, index in ((space["forward"](x), None), (space["grad_input"](np.ones_like(x), x), 0)):
        for at, y in zip(points, got, strict=True):
            want = exact.at(at, params) if index is None else exact.derivative(at, params, index)
            allowed = 10 * (1 + exact.condition(at, params, index))
            assert ulps(y, want, np.float64) <= allowed, f"{expr} at {at}: {y!r}, exactly {want}"


@pytest.mark.parametrize(
    ("expr", "at"),
    [("v*tanh(exp(v))*exp(-v)", "v = -760"), ("(exp(v/3) - exp(-v))/(exp(pi*v) + exp(-v))", "v = 760")],
)
def test_what_no_rule_reaches_is_an_error(expr: str, at: str, tmp_path: Path) -> None:
    """Not code that says NaN or 0 where the definition has a value."""
    (tmp_path / "mine.toml").write_text(f'expr = "{expr}"\n')
    with pytest.raises(CannotEmitError, match=rf"mine: at {at} the code for f .*codegen/lower\.py is where to add one"):
        emit(load(tmp_path / "mine.toml"), "numpy")


@pytest.mark.parametrize("a", [1e-6, 0.3, 5.0, 40.0])
def test_the_derivative_in_a_growth_rate_keeps_its_digits(a: float, tmp_path: Path) -> None:
    """(u*exp(u) - expm1(u))/a**2 with u = a*v: it cancels at 0 and is inf - inf where u is large."""
    table = '[parameters.a]\ndomain = "(0, oo)"\ndefault = 1\nlearned = true\nshared = "layer"\n'
    (tmp_path / "mine.toml").write_text(f'expr = "(exp(a*v) - 1)/a"\n{table}')
    activation = load(tmp_path / "mine.toml")
    (text,) = emit(activation, "numpy").values()
    space: dict[str, Any] = {}
    exec(compile(text, "mine.py", "exec"), space)
    exact = Exact(activation)
    for u in (1e-12, -1e-3, 0.3, -0.5, 0.5, 0.51, -0.51, 1.0, 1.5, -3.0, 30.0, -700.0):
        v = u / a
        got = space["grad_params"](np.ones(1), np.array([v]), a)["a"]
        allowed = 10 * (1 + exact.condition(v, (a,), 1))
        assert ulps(got, exact.derivative(v, (a,), 1), np.float64) <= allowed, f"u = {u}"
    assert space["grad_params"](np.ones(1), np.array([1e5 / a]), a)["a"] == np.inf


@pytest.mark.parametrize("target", ["numpy", "numba", "jax"])
def test_a_break_at_minus_zero_is_a_break_at_zero(target: str, tmp_path: Path) -> None:
    """-a is -0 for a = 0, and v <= -0 holds for v = 0; to v - 0 as to -0 - v the sign of a zero matters."""
    table = '[parameters.a]\ndomain = "[0, 5]"\ndefault = 0.0\n'
    for expr, want in (("Piecewise((1, v <= -a), (3, True))", 1.0), ("Piecewise((1, v < a), (3, True))", 3.0)):
        (tmp_path / "mine.toml").write_text(f'expr = "{expr}"\n{table}')
        (text,) = emit(load(tmp_path / "mine.toml"), target).values()
        space: dict[str, Any] = {"__name__": "mine"}
        exec(compile(text, "mine.py", "exec"), space)
        for a in (0.0, -0.0):
            got = np.asarray(space["forward"](np.array([0.0, -0.0, -1.0, 1.0], np.float32), a))
            np.testing.assert_array_equal(got, [want, want, 1.0, 3.0])


@pytest.mark.parametrize("target", ["numpy", "numba", "jax"])
def test_a_point_where_two_breaks_meet_has_the_value_of_the_definition(target: str, tmp_path: Path) -> None:
    """At a = 1 the second break, which owns its right side, comes to where the first owns its left."""
    table = '[parameters.a]\ndomain = "[0, 5]"\ndefault = 1.0\n'
    (tmp_path / "mine.toml").write_text(
        f'expr = "Piecewise((v, v <= -1), (sign(v + a)*log(1 + Abs(v + a)), True))"\n{table}'
    )
    (text,) = emit(load(tmp_path / "mine.toml"), target).values()
    space: dict[str, Any] = {"__name__": "mine"}
    exec(compile(text, "mine.py", "exec"), space)
    for a, want in ((1.0, -1.0), (0.5, -1.0), (3.0, -1.0)):
        got = np.asarray(space["forward"](np.array([-1.0, -2.0, 0.0], np.float32), a))
        np.testing.assert_allclose(got, [want, -2.0, np.log1p(a)], rtol=1e-6)


@pytest.mark.parametrize("at", [600.0, 690.0, -600.0])
def test_a_buffer_that_is_used_again_is_asked_again(at: float, tmp_path: Path) -> None:
    """Both sides need exp(2*abs(v + a)), one after the other in one buffer: the second overflowed unasked."""
    table = '[parameters.a]\ndomain = "Reals"\ndefault = 0.5\nlearned = true\nshared = "layer"\n'
    (tmp_path / "mine.toml").write_text(f'expr = "asinh(v*Abs(v))/cosh(v + a)"\n{table}')
    activation = load(tmp_path / "mine.toml")
    (text,) = emit(activation, "numpy").values()
    space: dict[str, Any] = {}
    exec(compile(text, "mine.py", "exec"), space)
    x = np.array([at])
    y, dx, da = space["forward_backward"](np.ones(1), x, 0.5)
    exact = Exact(activation)
    assert ulps(y[0], exact.at(at, (0.5,)), np.float64) < 3000
    assert ulps(dx[0], exact.derivative(at, (0.5,), 0), np.float64) < 3000
    assert ulps(da["a"], exact.derivative(at, (0.5,), 1), np.float64) < 3000


@pytest.mark.parametrize(
    ("expr", "a", "lo", "hi"),
    [
        ("Piecewise((1, v >= a/2), (0, v <= -a/2), (-2*v**3/a**3 + 3*v/(2*a) + 1/2, True))", 2.0, -1.0, 1.0),
        ("Piecewise((1, v >= a/2), (0, v <= -a/2), (-2*v**3/a**3 + 3*v/(2*a) + 1/2, True))", 2e60, -1e60, 1e60),
        ("Piecewise((0, v <= -2), (v**2/4 + v + 1, v <= 0), (1 + v, True))", None, -2.0, 0.0),
    ],
)
def test_nothing_cancels_next_to_a_border(expr: str, a: float | None, lo: float, hi: float, tmp_path: Path) -> None:
    """A polynomial that is 0 there is a product over its zeros: its digits are good however near the border is."""
    table = '[parameters.a]\ndomain = "(0, oo)"\ndefault = 2\n' if a else ""
    (tmp_path / "mine.toml").write_text(f'expr = "{expr}"\n{table}')
    activation = load(tmp_path / "mine.toml")
    (text,) = emit(activation, "numpy").values()
    space: dict[str, Any] = {}
    exec(compile(text, "mine.py", "exec"), space)
    params = (a,) if a else ()
    x = np.array([lo * (1 - t) for t in (1e-15, 1e-12, 1e-8, 1e-3, 0.4)] + [hi * (1 - 1e-12) for _ in [0] if hi])
    exact = Exact(activation)
    slope = space["grad_input"](np.ones_like(x), x, *params)
    for at, y, s in zip(x, space["forward"](x, *params), slope, strict=True):
        assert ulps(y, exact.at(at, params), np.float64) <= 8, f"value at {at}"
        assert ulps(s, exact.derivative(at, params, 0), np.float64) <= 8, f"slope at {at}"


@pytest.mark.parametrize("target", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("expr", "at", "want"),
    [
        ("v*(1/2 + atan(v)/pi)", (-1e300, -1e17, -1e5), (-1 / np.pi, -1 / np.pi, -0.31830988617318034)),
        ("2*v - 4*v*atan(3*v)/pi", (1e200, 1e17, -1e17), (4 / (3 * np.pi), 4 / (3 * np.pi), -4e17)),
        ("pi/2 - atan(v)", (1e160, 1e17, 4.0), (1e-160, 1e-17, np.arctan(0.25))),
    ],
)
def test_what_is_left_of_a_right_angle(
    target: str, expr: str, at: tuple[float, ...], want: tuple[float, ...], tmp_path: Path
) -> None:
    """pi/2 - atan(u) is no difference: CALU was 0 from -1e17 on, where its limit is -1/pi."""
    (tmp_path / "mine.toml").write_text(f'expr = "{expr}"\n')
    (text,) = emit(load(tmp_path / "mine.toml"), target).values()
    space: dict[str, Any] = {"__name__": "mine"}
    exec(compile(text, "mine.py", "exec"), space)
    np.testing.assert_allclose(space["forward"](np.array(at)), want, rtol=4e-15)


@pytest.mark.parametrize("name", NAMES)
def test_no_number_gives_nan(name: str) -> None:
    """Value and slope at numbers of every size, subnormal ones and the largest included, at the default parameters."""
    code = module(name)
    for kind in (np.float32, np.float64):
        info = np.finfo(kind)
        sizes = 10.0 ** np.arange(-44 if kind == np.float32 else -323, 38 if kind == np.float32 else 307, 3.0)
        sizes = np.concatenate([sizes, [88.5, 89.0, 104.0, 709.5, 710.5, 746.0, 2131.0], [float(info.max) / 32]])
        x = np.concatenate([sizes, -sizes, [0.0, -0.0]]).astype(kind)
        for what, y in (("value", code.forward(x)), ("slope", code.grad_input(np.ones_like(x), x))):
            assert not np.isnan(y).any(), f"{what} at {x[np.isnan(y)]}"


@pytest.mark.parametrize("target", sorted(known_targets()))
@pytest.mark.parametrize("name", ["exponential", "gelu", "prelu"])
def test_emitted_files_are_reviewed(name: str, target: str, golden: Any) -> None:
    """Golden copies show a reviewer what changed; running them above shows that it is right."""
    for file, text in emit(catalogue[name], target).items():
        assert catalogue[name].digest in "\n".join(text.splitlines()[:5])
        if target == "numpy" or target in file:  # the PyTorch target writes those of two others too
            golden(f"{target}/{file}.txt", text)


@pytest.mark.parametrize("name", EACH)
def test_emitted_modules_pass_ruff(name: str, tmp_path: Path) -> None:
    """As emitted, under the formatter's and the linter's own settings."""
    write(emit(catalogue[name], "numpy"), tmp_path)
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *arguments, "--isolated", "--no-cache", tmp_path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("target", sorted(known_targets()))
def test_drift_is_found(target: str, tmp_path: Path) -> None:
    files = emit(catalogue["exponential"], target)
    assert drift(files, tmp_path) == sorted(files)
    write(files, tmp_path)
    assert drift(files, tmp_path) == []
    changed = sorted(files)[0]
    (tmp_path / changed).write_text(files[changed] + "# touched\n")
    assert drift(files, tmp_path) == [changed]


def test_emitted_numpy_needs_numpy_alone(tmp_path: Path) -> None:
    """A generated module imports nothing but NumPy."""
    write(emit(catalogue["gelu"], "numpy"), tmp_path)
    text = (tmp_path / "gelu.py").read_text()
    imports = [line for line in text.splitlines() if line.lstrip().startswith(("import ", "from "))]
    assert imports == [
        *("import math", "import os", "import threading", "from concurrent.futures import ThreadPoolExecutor"),
        "import numpy as np",
    ]
