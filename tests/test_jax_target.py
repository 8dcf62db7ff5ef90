"""Emitted JAX modules are run: at hard points against 50-digit values, under transformations, on odd arguments."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from exact import ulps
from functions import EACH, NAMES, SOURCES
from kassei.codegen import emit, write
from kassei.library import catalogue
from test_codegen import breaks, hard_points, parameter_grid, undefined, wanted

DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
ULPS = 12.0
"""Per unit of conditioning: XLA's float32 functions err by up to 6 units on the CPU, and a form may call two."""
FLUSHED = float(np.finfo(np.float32).tiny)
"""XLA takes subnormal numbers for 0 on the CPU; float16 has its own among float32's normal ones."""


@cache
def module(name: str) -> SimpleNamespace:
    """An emitted module, executed."""
    ((file, text),) = emit(catalogue[name], "jax").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    return SimpleNamespace(**space)


def reached(points: np.ndarray) -> np.ndarray:
    """Without what XLA takes for 0 on the CPU: inputs that are subnormal or have a subnormal reciprocal."""
    tiny = float(np.finfo(np.float64 if points.dtype == np.float64 else np.float32).tiny)
    size = np.abs(points.astype(np.float64))
    return points[(size == 0) | ((size >= tiny) & (size < 0.25 / tiny))]


def check(name: str, got: Any, points: np.ndarray, params: tuple[float, ...], index: int | None) -> None:
    """Each value within the allowed units of the exact one, or both below what XLA takes for 0."""
    for at, y in zip(points.tolist(), np.asarray(got).tolist(), strict=True):
        if index is not None and at in breaks(name):
            continue
        want, condition = wanted(name, float(at), params, index)
        error = ulps(y, want, points.dtype.type)
        if error > 1 + ULPS * (1 + condition):
            assert abs(mpmath.mpf(y) - want) <= FLUSHED, (
                f"{name} {params} at {at!r}: {y!r}, exactly {want}, {error} ulp"
            )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SOURCES)
def test_jax_code_is_as_accurate_as_the_function_allows(name: str, dtype: str) -> None:
    """Value, slope and parameter slopes at hard points, for parameters far out in their domains, jit included."""
    f = catalogue[name]
    with jax.enable_x64(dtype == "float64"):
        code, points = module(name), reached(hard_points(name, DTYPES[dtype]))
        ones = np.ones_like(points)
        for params in parameter_grid(name)[::3]:
            if undefined(name, params):
                continue
            each = [np.full(points.shape, p, dtype=np.float64 if dtype == "float64" else np.float32) for p in params]
            y, dv, grads = code.forward_backward(ones, points, *each)
            assert (y.dtype, dv.dtype) == (points.dtype, points.dtype)
            check(name, y, points, params, None)
            check(name, dv, points, params, 0)
            for k, p in enumerate(f.parameters, start=1):
                if p.learned:
                    check(name, grads[p.name].astype(dtype), points, params, k)


@pytest.mark.parametrize("name", EACH)
def test_every_function_is_emitted_and_fits_the_line(name: str) -> None:
    """The module compiles, carries its digest, and has no line that a formatter would break."""
    ((file, text),) = emit(catalogue[name], "jax").items()
    compile(text, file, "exec")
    assert catalogue[name].digest in text.splitlines()[1]
    assert max(map(len, text.splitlines())) <= 88


@pytest.mark.only_slow
@pytest.mark.parametrize("name", NAMES)
def test_every_function_agrees_with_its_numpy_module(name: str) -> None:
    """Value and gradients at ordinary inputs, in float64; the NumPy module has been compared with exact values."""
    ((file, text),) = emit(catalogue[name], "numpy").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    v = np.linspace(-4, 4, 82)
    with jax.enable_x64(True):
        y, dv, grads = module(name).forward_backward(np.ones_like(v), v)
    np.testing.assert_allclose(y, space["forward"](v), rtol=1e-11, atol=1e-13)
    want, want_grads = space["backward"](np.ones_like(v), v)
    np.testing.assert_allclose(dv, want, rtol=1e-10, atol=1e-12)
    assert sorted(grads) == sorted(want_grads)
    for key, value in want_grads.items():
        np.testing.assert_allclose(grads[key], value, rtol=1e-9, atol=1e-11)


def test_modules_pass_ruff_as_emitted(tmp_path: Path) -> None:
    """Under ruff's own defaults and under 120 columns: no statement is left to be joined or broken."""
    for name in (*SOURCES, "pelu", "silu", "mish", "siren"):
        write(emit(catalogue[name], "jax"), tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check"], ["format", "--check"], ["format", "--check", "--line-length", "120"]):
        done = subprocess.run([*ruff, *command, "--isolated", tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_gradients_under_transformations() -> None:
    """Jit, vmap, grad and value_and_grad give what the functions called by hand give."""
    code = module("exponential")
    v, a = jnp.linspace(-3, 3, 12, dtype=jnp.float32).reshape(3, 4), jnp.float32(0.5)

    def loss(v: Any, a: Any) -> Any:
        return (code.exponential(v, a) ** 2).sum()

    y, dv, grads = code.forward_backward(2 * code.exponential(v, a), v, a)
    value, (by_v, by_a) = jax.value_and_grad(loss, argnums=(0, 1))(v, a)
    np.testing.assert_allclose(value, (y**2).sum(), rtol=1e-6)
    np.testing.assert_array_equal(by_v, dv)
    np.testing.assert_array_equal(by_a, grads["a"])
    fast, (fast_v, fast_a) = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(v, a)
    np.testing.assert_allclose(fast, value, rtol=1e-6)
    np.testing.assert_allclose(fast_v, by_v, rtol=1e-6)
    np.testing.assert_allclose(fast_a, by_a, rtol=1e-6)
    rows = jax.vmap(code.exponential, in_axes=(0, 0))(v, jnp.array([0.5, 0.0, -1.0]))
    np.testing.assert_array_equal(rows[1], code.exponential(v[1], 0.0))
    per_row = jax.vmap(jax.grad(loss, argnums=1), in_axes=(0, None))(v, a)
    np.testing.assert_allclose(per_row.sum(), by_a, rtol=1e-5)
    assert jax.grad(loss, argnums=1)(v, a).shape == ()


def test_parameters_per_channel_are_summed_per_channel() -> None:
    """A channel's gradient is what that channel alone gives, by ``axis`` or by broadcasting."""
    code = module("exponential")
    rng = np.random.default_rng(1)
    v, dy = rng.normal(size=(3, 4, 5)).astype(np.float32), rng.normal(size=(3, 4, 5)).astype(np.float32)
    a = np.linspace(-1, 1, 4, dtype=np.float32)
    dv, grads = code.backward(dy, v, a, axis=1)
    assert grads["a"].shape == (4,)
    for c in range(4):
        one, of_one = code.backward(dy[:, c], v[:, c], a[c])
        np.testing.assert_allclose(dv[:, c], one, rtol=1e-6)
        np.testing.assert_allclose(grads["a"][c], of_one["a"], rtol=1e-5)
    by_jax = jax.grad(lambda a: (code.exponential(v, a, axis=1) * dy).sum())(jnp.asarray(a))
    np.testing.assert_array_equal(by_jax, grads["a"])
    spread = jax.grad(lambda a: (code.exponential(v, a) * dy).sum())(jnp.asarray(a).reshape(4, 1))
    np.testing.assert_array_equal(spread.ravel(), grads["a"])
    np.testing.assert_allclose(code.grad_params(dy, v, 0.5, axis=1)["a"].sum(), code.grad_params(dy, v, 0.5)["a"], 1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ["exponential", "gelu", "prelu", "rational"])
def test_dtypes_and_special_inputs(name: str, dtype: str) -> None:
    """The result has the input's dtype, with x64 off or on; NaN stays NaN, infinities give limits, 0 gives 0."""
    code = module(name)
    low = {"exponential": -1.0, "gelu": 0.0, "prelu": -np.inf, "rational": -1.0}[name]
    with jax.enable_x64(dtype == "float64"):
        y = code.forward(jnp.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype=dtype))
        assert y.dtype.name == dtype
        np.testing.assert_array_equal(np.asarray(y, dtype=np.float64), [np.nan, np.inf, low, 0.0, 0.0])
        ones = jnp.ones((3,), dtype=dtype)
        dv = code.grad_input(ones, jnp.array([np.nan, np.inf, 2.0], dtype=dtype))
        assert dv.dtype.name == dtype
        assert np.isnan(np.asarray(dv, dtype=np.float64)[0])
        np.testing.assert_allclose(np.asarray(dv, dtype=np.float64)[1], 1.0)
    for shape in ((), (0,), (2, 0, 3)):
        assert code.forward(jnp.zeros(shape)).shape == shape


def test_subnormal_factors_do_not_spoil_a_normal_result() -> None:
    """GELU's and SiLU's tails are right where the factor beside v has left the normal float32 numbers."""
    got = np.asarray(module("silu").forward(np.float32([-88.5, -89.5, -90.0])), dtype=np.float64)
    want = [float(mpmath.mpf(v) / (1 + mpmath.exp(-mpmath.mpf(v)))) for v in (-88.5, -89.5, -90.0)]
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_wrong_arguments_are_refused() -> None:
    """Integers, shapes that do not fit, parameters outside their domain, forward mode."""
    code = module("pelu")
    x = jnp.zeros((2, 3), dtype=jnp.float32)
    with pytest.raises(TypeError, match="float16, bfloat16, float32 or float64"):
        code.forward(jnp.arange(3))
    with pytest.raises(ValueError, match="dy is float32"):
        code.backward(x[:1], x)
    with pytest.raises(ValueError, match="does not broadcast"):
        code.forward(x, jnp.ones((5, 7)))
    with pytest.raises(ValueError, match="values for 3 channels"):
        code.forward(x, jnp.ones(2), axis=1)
    with pytest.raises(ValueError, match="out of range"):
        code.forward(x, jnp.ones(2), axis=2)
    with pytest.raises(ValueError, match="outside its domain"):
        code.forward(x, -1.0)
    with pytest.raises(TypeError, match="real numbers"):
        code.forward(x, np.ones(3, dtype=complex))
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda v: code.pelu(v), (x,), (x,))


def test_a_traced_parameter_outside_its_domain_gives_nan() -> None:
    """Values under a trace cannot be refused, so they are made visible."""
    code = module("pelu")
    v = jnp.array([-2.0, -1.0, 1.0])
    assert np.isnan(jax.jit(code.pelu)(v, -1.0)).all()
    assert np.isnan(jax.jit(jax.grad(lambda a: code.pelu(v, a).sum()))(-1.0))
    assert np.isfinite(jax.jit(code.pelu)(v, 1.0)).all()


@pytest.mark.parametrize("name", ["exponential", "rational", "gelu", "silu", "mish", "sigmoid", "elu", "softplus"])
def test_reverse_mode_repeats(name: str) -> None:
    """Grad of grad differentiates the emitted slope; compared with exact second differences of the definition."""
    code, f = module(name), catalogue[name]
    with jax.enable_x64(True):
        points = jnp.array([-6.0, -2.5, -0.75, 0.5, 3.0])
        got = jax.vmap(jax.grad(jax.grad(code.__dict__[name])))(points)
    slope = f.derivative if hasattr(f, "derivative") else f.expr.diff(f.variable)
    second = slope.subs({p.symbol: p.default for p in f.parameters}).diff(f.variable)
    want = [float(second.subs(f.variable, float(v)).evalf(30)) for v in points]
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-14)


def test_sums_keep_their_digits() -> None:
    """A parameter gradient over a million inputs is summed in float64 and rounded once, jax_enable_x64 or not."""
    rng = np.random.default_rng(3)
    v, dy = rng.normal(size=10**6).astype(np.float32), rng.normal(size=10**6).astype(np.float32)
    got = module("prelu").grad_params(dy, v, np.float32(0.25))["a"]
    want = np.sum(dy.astype(np.float64) * np.minimum(v, 0).astype(np.float64))
    np.testing.assert_allclose(got, want, rtol=1e-7)
