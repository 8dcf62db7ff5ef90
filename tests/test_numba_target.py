"""Emitted numba modules are run: at hard points against 50-digit values, on odd arguments, under threads."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features

from exact import ulps
from functions import EACH, SLOW, SOURCES, dossier, others
from kassei.codegen import emit, write
from kassei.library import catalogue
from layouts import fills_given_outputs, takes_any_shape_and_stride
from test_codegen import breaks, hard_points, parameter_grid, undefined, wanted

DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
ULPS = 8.0
"""Errors allowed per unit of conditioning: the kit's normal_cdf is within 7 units, all others within 4."""
RUN = ("exponential", "gelu", "sigmoid")
"""What ``make test`` compiles: numba takes a second or more for each kernel. ``--slow`` compiles the catalogue."""
QUICK = (("exponential", "float32"), ("exponential", "float64"), ("gelu", "float32"), ("sigmoid", "float16"))
FLOOR = 0.05
"""Where a slope changes its sign it is judged relative to this."""


@cache
def module(name: str) -> SimpleNamespace:
    """An emitted module, executed."""
    ((file, text),) = emit(catalogue[name], "numba").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    return SimpleNamespace(**space)


@pytest.mark.parametrize(
    ("name", "params", "points"),
    [
        ("softplus", (4.0,), (1.6e38, 2.9e38, -8e37)),
        ("softplus", (2.0**-7,), (-11742.0, -11900.0, 3e38)),
        ("isru", (4.0,), (2.9e38, -2.9e38, 1e-40)),
        ("log_cosh", (), (2.9e38, -2.9e38, 1e37)),
        ("soft_clipping", (25.0,), (-3.2133, 0.5, 2.9e38)),
    ],
)
def test_no_product_with_a_parameter_overflows_or_loses_digits(
    name: str, params: tuple[float, ...], points: tuple[float, ...]
) -> None:
    """Where float32 arithmetic would, float64 is taken: at inputs near the largest number, and in the tails."""
    code = module(name)
    exact = code.forward(np.array(points, np.float32).astype(np.float64), *params)
    got = code.forward(np.array(points, np.float32), *params)
    np.testing.assert_array_max_ulp(got, exact.astype(np.float32), 4)


def test_vectors_are_as_wide_as_the_processor_has_them_at_full_speed() -> None:
    """LLVM alone would take 256 bits; the loop over the elements is compiled on its own, so that it keeps its 512."""
    features = get_host_cpu_features()
    if not features.get("avx2"):
        pytest.skip("no AVX2 on this processor")
    code = module("sigmoid")
    v = np.zeros(5000, np.float32)
    code.forward_backward(v, v)
    widest = "zmm" if features.get("avx512vbmi2") else "ymm"
    (loop,) = code._all_row32.inspect_asm().values()
    assert f"vdivps\t%{widest}" in loop
    as_fast_as_memory = module("relu")
    as_fast_as_memory.forward(v)
    (loop,) = as_fast_as_memory._value_row32.inspect_asm().values()
    assert "%ymm" in loop
    assert "%zmm" not in loop


def check(name: str, got: Any, points: np.ndarray, params: tuple[float, ...], index: int | None) -> None:
    """Each value within the allowed units of the exact one; slopes near their zeros by their absolute error."""
    for at, y in zip(points.tolist(), np.asarray(got).tolist(), strict=True):
        if index is not None and at in breaks(name):
            continue
        want, condition = wanted(name, float(at), params, index)
        error = ulps(y, want, points.dtype.type)
        if error > 1 + ULPS * (1 + condition):
            floor = FLOOR * float(np.finfo(points.dtype).eps) * ULPS / 2
            assert index is not None, f"{name} {params} at {at!r}: {y!r}, exactly {want}, {error} ulp"
            assert abs(y - want) <= floor, f"slope {index} of {name} {params} at {at!r}: {y!r}, exactly {want}"


def agrees(name: str, dtype: str, grid: list[tuple[float, ...]]) -> None:
    """Value and all slopes, from every entry point, at the hard points."""
    code, kind = module(name), DTYPES[dtype]
    points = hard_points(name, kind)
    ones = np.ones_like(points)
    for params in grid:
        if undefined(name, params):
            continue
        y, dv, _ = code.forward_backward(ones, points, *params)
        check(name, y, points, params, None)
        check(name, dv, points, params, 0)
        check(name, code.forward(points, *params), points, params, None)
        check(name, code.grad_input(ones, points, *params), points, params, 0)
        for k, p in enumerate(catalogue[name].parameters, start=1):
            if p.learned:  # one channel per point: each sum has one term
                spread = [np.full(len(points), x) for x in params]
                check(name, code.grad_params(ones, points, *spread, axis=0)[p.name], points, params, k)


@pytest.mark.parametrize(("name", "dtype"), QUICK)
def test_numba_code_is_as_accurate_as_the_function_allows(name: str, dtype: str) -> None:
    """Value and slopes at hard points, for parameters far out in their domains."""
    agrees(name, dtype, parameter_grid(name)[::2])


@pytest.mark.only_slow
@pytest.mark.parametrize(("name", "dtype"), [*itertools.product(SOURCES, DTYPES), *others("float32")])
def test_numba_code_of_the_whole_catalogue(name: str, dtype: str) -> None:
    """The sources' functions with all their parameters and dtypes, all others in float32 at their defaults."""
    agrees(name, dtype, parameter_grid(name))


@pytest.mark.parametrize("name", RUN)
def test_special_inputs_are_as_documented(name: str) -> None:
    """NaN stays NaN, infinities give the proved limits; inputs stay as they were and nothing warns."""
    code = module(name)
    limits = dossier(name).facts.limits
    for dtype in ("float32", "float64") if name == "exponential" else ("float32",):
        kind = DTYPES[dtype]
        x = np.array([np.nan, np.inf, -np.inf, 0.0], dtype=kind)
        kept = x.copy()
        y, dv, _ = code.forward_backward(np.ones_like(x), x)
        assert np.isnan(y[0])
        assert np.isnan(dv[0])
        assert np.isfinite(dv[1:]).all()
        np.testing.assert_array_equal(x, kept)
        for got, end in ((y[1], "pos_inf"), (y[2], "neg_inf")):
            want = kind(float(limits[end].subs(catalogue[name].defaults)))
            assert got == want or abs(got - want) <= np.spacing(abs(want))


@pytest.mark.parametrize("name", ["gelu", "exponential"])
def test_any_shape_and_stride(name: str) -> None:
    takes_any_shape_and_stride(module(name))


def test_outputs_of_backward_passes_may_be_given() -> None:
    fills_given_outputs(module("exponential"))


def test_numbers_are_tested_though_they_were_seen() -> None:
    code = module("rational")
    x = np.array([-1.0, 2.0], np.float32)
    first = code.forward(x, 0.5)
    np.testing.assert_array_equal(code.forward(x, 0.5), first)
    np.testing.assert_array_equal(code.forward(x, np.float64(0.5)), first)
    for _ in range(2):
        with pytest.raises(ValueError, match="domain"):
            code.forward(x, float("nan"))
        with pytest.raises(ValueError, match="domain"):
            code.forward(x, float("inf"))
    with pytest.raises(ValueError, match="axis"):
        code.forward(x, 0.5, axis=3)


def test_wrong_arguments_are_refused() -> None:
    """Integers, other dtypes, shapes that do not fit and parameters outside their domain."""
    code = module("rational")
    x = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(TypeError, match="float16, float32 or float64"):
        code.forward(np.arange(3))
    with pytest.raises(TypeError, match="real numbers"):
        code.forward(x, 1j)
    with pytest.raises(ValueError, match="out must be an array"):
        code.forward(x, out=np.zeros((3, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="out must be writeable"):
        code.forward(x, out=np.broadcast_to(np.float32(0), (2, 3)))
    with pytest.raises(ValueError, match="dy has shape"):
        code.grad_input(x[:1], x)
    with pytest.raises(ValueError, match="does not broadcast"):
        code.forward(x, np.full((5, 7), 1.0))
    with pytest.raises(ValueError, match="values for"):
        code.forward(x, np.full(5, 1.0), axis=0)
    with pytest.raises(ValueError, match="out of range"):
        code.forward(x, axis=2)
    with pytest.raises(ValueError, match="outside its domain"):
        module("elu").forward(x, -7.0)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((3, 4, 5), "float32"),
        ((2, 3, 300), "float32"),
        ((70, 129), "float32"),
        *(pytest.param((70, 129), dtype, marks=pytest.mark.only_slow) for dtype in ("float16", "float64")),
    ],
)
def test_parameters_per_channel_and_broadcast(shape: tuple[int, ...], dtype: str) -> None:
    """Each channel is what it is alone, in both layouts; gradients have the parameter's shape."""
    code = module("exponential")
    rng = np.random.default_rng(0)
    kind = DTYPES[dtype]
    v, dy = rng.normal(size=shape).astype(kind), rng.normal(size=shape).astype(kind)
    tolerance = 4 * float(np.finfo(kind).eps)
    channels = shape[1]
    values = np.linspace(-2.0, 2.0, channels)
    y, dv, grads = code.forward_backward(dy, v, values, axis=1)
    assert grads["a"].shape == (channels,)
    for c in range(0, channels, 1 + channels // 7):
        y_c, dv_c, one = code.forward_backward(dy[:, c], v[:, c], float(values[c]))
        np.testing.assert_allclose(y[:, c], y_c, rtol=tolerance)
        np.testing.assert_allclose(dv[:, c], dv_c, rtol=tolerance)
        np.testing.assert_allclose(grads["a"][c], one["a"], rtol=8 * tolerance, atol=tolerance)
    along = values.reshape(1, channels, *(1,) * (len(shape) - 2))
    spread = code.grad_params(dy, v, along)["a"]
    assert spread.shape == along.shape
    np.testing.assert_array_equal(spread.ravel(), grads["a"])
    whole = code.grad_params(dy, v, 0.5)["a"]
    assert np.ndim(whole) == 0
    by_channel = code.grad_params(dy, v, 0.5, axis=1)["a"].astype(np.float64)
    np.testing.assert_allclose(by_channel.sum(), float(whole), rtol=8 * tolerance, atol=8 * tolerance)
    each = rng.normal(size=shape)
    full = code.forward(v, each)
    flat = [code.forward(x, float(a)) for x, a in zip(v.ravel()[:40], each.ravel()[:40], strict=True)]
    np.testing.assert_allclose(full.ravel()[:40], flat, rtol=tolerance)
    assert code.grad_params(dy, v, each)["a"].shape == shape


def test_sums_do_not_depend_on_threads() -> None:
    """Parameter gradients are bitwise the same for one thread and for two, and so are all other results."""
    code = module("exponential")
    rng = np.random.default_rng(1)
    v, dy = rng.normal(size=(2, 300_001)).astype(np.float32)
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            results.append(code.forward_backward(dy, v, 0.3))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert results[0][2]["a"] == results[1][2]["a"]
    exact = code.forward_backward(dy.astype(np.float64), v.astype(np.float64), np.float64(np.float32(0.3)))[2]["a"]
    np.testing.assert_allclose(results[0][2]["a"], exact, rtol=1e-6)


def test_many_threads_at_once() -> None:
    """Python threads that call at the same time get what one of them gets alone."""
    code = module("sigmoid")
    x = np.linspace(-20, 20, 100_000, dtype=np.float32)
    want = code.forward(x)
    wrong: list[int] = []

    def call(k: int) -> None:
        for _ in range(20):
            if not np.array_equal(code.forward(x), want):
                wrong.append(k)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@pytest.mark.parametrize("name", ["sigmoid", "exponential"])
def test_half_precision_by_table_is_half_precision_by_computation(name: str) -> None:
    """Above and below the size from which float16 is looked up, results are the same."""
    code = module(name)
    x = np.resize(np.linspace(-9, 9, 5000).astype(np.float16), 20_000)
    dy = np.ones_like(x)
    y, dv, grads = code.forward_backward(dy, x)
    few = [code.forward_backward(dy[:5000], x[:5000])[k] for k in range(2)]
    np.testing.assert_array_equal(y[:5000], few[0])
    np.testing.assert_allclose(dv[:5000], few[1], rtol=1e-3)
    for key, value in grads.items():
        exact = code.grad_params(dy.astype(np.float64), x.astype(np.float64))[key]
        assert value == np.float16(exact)


@pytest.mark.parametrize("name", SOURCES)
def test_emitted_text_needs_no_formatter(name: str, tmp_path: Path) -> None:
    """Ruff finds nothing and changes nothing, at its own line length and at this project's."""
    write(emit(catalogue[name], "numba"), tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    settings = Path(__file__).resolve().parent.parent / "pyproject.toml"
    for arguments in (
        ["format", "--isolated", "--check"],
        ["format", "--config", settings, "--check"],
        ["check", "--isolated"],
        ["check", "--config", settings],
    ):
        done = subprocess.run([*ruff, *arguments, tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_a_module_on_disk_needs_numba_and_numpy_alone(tmp_path: Path) -> None:
    """It runs without kassei, and what it compiled is kept beside it, for each name that it is imported under."""
    folder = tmp_path / "emitted"
    write(emit(catalogue["relu"], "numba"), folder)
    code = "print(relu_numba.forward(np.float32([-1, 2, np.nan]))[1])\n"
    code += "print([m for m in ('kassei', 'sympy', 'jinja2') if m in sys.modules])"
    for home, load in ((folder, "import relu_numba"), (tmp_path, "from emitted import relu_numba")):
        command = [sys.executable, "-c", f"import sys, numpy as np\n{load}\n{code}"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
        assert done.stdout.split("\n")[:2] == ["2.0", "[]"], done.stderr
    assert list(folder.rglob("*.nbi"))


@pytest.mark.parametrize("name", EACH)
def test_every_function_reaches_numba(name: str) -> None:
    """The whole catalogue is emitted and is valid Python; running it is for ``--slow``."""
    if name in SLOW:
        pytest.skip("its analysis takes more than seven seconds: see --slow")
    for file, text in emit(catalogue[name], "numba").items():
        compile(text, file, "exec")
