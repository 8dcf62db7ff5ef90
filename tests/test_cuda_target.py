"""Emitted CUDA modules are run whole on the host, against 50-digit values; kernels are compiled for a real GPU."""

from __future__ import annotations

import ctypes
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import sympy as sp

import cuda_fake
from cuda_fake import Array, Fake, array
from exact import Exact, ulps
from functions import NAMES, OTHERS, SOURCES, options
from kassei.codegen import emit
from kassei.codegen.plan import make_plan
from kassei.core.derive import derive
from kassei.library import catalogue

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import static_gate

pytestmark = pytest.mark.xdist_group("host")  # one worker compiles the kernels

DTYPES = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
ALSO = ("silu", "mish", "softplus", "hard_shrink", "pelu")
"""Beside the sources: sums that cancel, two kinks that move, two learned parameters in one launch."""
LEARNED = tuple(n for n in (*SOURCES, *ALSO) if catalogue[n].learned)
LAYOUTS = ("exponential", "pelu")
CASES = ("rational",)
"""Another formula for a < 0, so that the channels of one array may have several."""
FAR = ("1e-30", "1e-9", "1e-3", "0.3", "0.5", "1", "2.5", "5.5", "8", "12.5", "30", "87", "104", "700", "1e6", "1e30")
SPREAD = (-95.0, -5.0, 0.25, 4.0, 95.0)


class Device:
    """Modules of some functions and the fake they run on."""

    def __init__(self, fake: Fake, folder: Path) -> None:
        self.fake = fake
        self.folder = folder
        self.modules: dict[str, SimpleNamespace] = {}
        self.libraries: list[Any] = []

    def compile(self, names: tuple[str, ...], dtype: str, pattern: str, label: str = "") -> Any:
        """Make the matching kernels of these functions known."""
        for name in names:
            self.modules.setdefault(name, cuda_fake.module(name))
        library = cuda_fake.build(names, dtype, self.folder, pattern, label)
        for name in names:
            self.fake.know(self.modules[name].SOURCE[dtype], library)
        self.libraries.append(library)
        return library

    def blocks(self, order: int, workers: int) -> None:
        """In which order blocks run, and how many at once."""
        for library in self.libraries:
            ctypes.c_int.in_dll(library, "kassei_order").value = order
            ctypes.c_int.in_dll(library, "kassei_workers").value = workers


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """All kernels of two functions in float32 and float64, the flat ones of the rest."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed: the CUDA sources cannot be run on the host")
    made = Device(Fake(), tmp_path_factory.mktemp("cuda"))
    flat = "_(forward|grad_input|forward_backward)_flat|grad_params_columns"
    names = (*SOURCES, *ALSO)
    for dtype in DTYPES:
        whole = (*LAYOUTS, *CASES) if dtype == "float32" else ()
        some = names if dtype in ("float32", "float64") or options["slow"] else ("relu", "silu", "exponential", "gelu")
        made.compile(tuple(n for n in some if n not in whole), dtype, flat)
        if whole:
            made.compile(whole, dtype, "", "whole")
    with cuda_fake.installed(made.fake):
        yield made


def breaks(name: str) -> tuple[float, ...]:
    """Breaks at the default parameters."""
    facts = derive(catalogue[name], with_limits=False)
    return tuple(sorted({float(b.subs(catalogue[name].defaults)) for c in facts.cases for b in c.form.breaks}))


def hard_points(name: str, dtype: str) -> np.ndarray:
    """Breaks and their neighbours, zero, subnormals, tails, the largest numbers."""
    info, kind = ml_dtypes.finfo(DTYPES[dtype]), DTYPES[dtype].type
    points = [float(kind(float(s + p))) for p in FAR for s in ("", "-")]
    points += [
        0.0,
        -0.0,
        *(float(s) * float(x) for x in (info.smallest_subnormal, info.tiny, info.max) for s in (1, -1)),
    ]
    for b in breaks(name):
        at = kind(b)
        points += [float(at), *(float(np.nextafter(at, kind(end))) for end in (np.inf, -np.inf))]
    found = np.array(sorted({p for p in points if np.isfinite(p)}), dtype=np.float64).astype(DTYPES[dtype])
    # mpmath cannot hold exp(exp(1e6)), which some definitions ask for on the way to a moderate result
    return found if name in SOURCES else found[np.abs(found) <= 1000]


def parameter_grid(name: str, dtype: str) -> list[tuple[float, ...]]:
    """Defaults and, in float64 for the sources' functions, values far out (float32 is compared with that)."""
    axes = []
    for p in catalogue[name].parameters:
        inside = [x for x in SPREAD if p.domain.contains(x) and name in SOURCES and dtype == "float64"]
        axes.append(tuple(dict.fromkeys([float(p.default), *inside])))
    grid = list(itertools.product(*axes))
    domains = [p.domain for p in catalogue[name].parameters]
    pole = name == "rational"  # it has one for a < 0
    return [g for g in grid if all(map(lambda d, x: d.contains(x), domains, g)) and not (pole and g[0] < 0)]


def slopes_in(module: SimpleNamespace, x: Array, params: tuple[float, ...]) -> dict[str, np.ndarray]:
    """The parameter slope at every point: one point per channel, dy = 1."""
    row = x.reshape(1, -1)
    return {
        k: np.asarray(g)
        for k, g in module.grad_params(array(np.ones(row.shape), x.dtype), row, *params, axis=1).items()
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*SOURCES, *ALSO])
def test_kernels_are_as_accurate_as_the_function_allows(device: Device, name: str, dtype: str) -> None:
    """Value, slope and parameter slopes at hard points, parameters far out, against the definition at 50 digits."""
    module, kind = device.modules[name], DTYPES[dtype].type
    points, exact = hard_points(name, dtype), Exact(catalogue[name])
    x, ones = array(points), array(np.ones_like(points))
    for params in parameter_grid(name, dtype):
        found = {None: module.forward(x, *params), 0: module.grad_input(ones, x, *params)}
        if catalogue[name].learned:
            inside = slopes_in(module, x, params)
            learned = [(k, p.name) for k, p in enumerate(catalogue[name].parameters, start=1) if p.learned]
            found |= {k: inside[n] for k, n in learned}
        for index, got in found.items():
            for at, y in zip(points.tolist(), np.asarray(got).tolist(), strict=True):
                if index is not None and at in breaks(name):
                    continue
                want = exact.at(at, params) if index is None else exact.derivative(at, params, index)
                error = ulps(y, want, kind)
                if error > 4:  # a condition number is dear, so it is asked for only where it matters
                    allowed = 1 + 4 * (1 + exact.condition(at, params, index))
                    assert error <= allowed, f"{name} {params} d{index} at {at!r}: {y!r}, exactly {want}, {error} ulp"


def unit(y: np.ndarray, bits: int, smallest: float) -> np.ndarray:
    """The last place of a type with so many bits at y."""
    return np.exp2(np.floor(np.log2(np.maximum(np.abs(y), smallest))) - (bits - 1))


BITS = {"float16": (11, 2.0**-14), "bfloat16": (8, 2.0**-126), "float32": (24, 2.0**-126)}
"""Digits and the smallest normal number."""


def worst(name: str, dtype: str, x: np.ndarray, got: Any, want: Any, *, slope: bool) -> tuple[float, str]:
    """The largest error, as a part of what the goal allows, and where it is; NaN and infinities are as they must be.

    The goal: float32 within 4 ulp (GELU 8), slopes within 5 ulp or 3e-7 of max(|f'|, 0.05); 16-bit types within half a
    unit and a tenth, for slopes of the larger of the unit at f' and at 0.05.
    """
    y, exact = np.asarray(got).astype(np.float64), np.asarray(want)
    bits, tiny = BITS[dtype]
    largest = float(ml_dtypes.finfo(DTYPES[dtype]).max)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(exact), err_msg=f"{name} {dtype}: NaN at other inputs")
    edge = largest + float(unit(np.float64(largest), bits, tiny)) / 2  # from here on it is rounded to infinity
    near = np.abs(np.abs(exact) / edge - 1) < 1e-6
    np.testing.assert_array_equal(
        np.isinf(y)[~near], (np.abs(exact) >= edge)[~near], err_msg=f"{name} {dtype}: infinite at other inputs"
    )
    inside = np.isfinite(y) & np.isfinite(exact) & (np.abs(exact) < edge)
    difference, size = np.abs(y - np.where(inside, exact, 0.0)), np.abs(np.where(inside, exact, 1.0))
    if dtype != "float32":
        error = difference / unit(np.maximum(size, 0.05) if slope else size, bits, tiny) / 0.6
    elif slope:
        error = np.minimum(difference / unit(size, bits, tiny) / 5, difference / np.maximum(size, 0.05) / 3e-7)
    else:
        error = difference / unit(size, bits, tiny) / (8 if name == "gelu" else 4)
    error = np.where(inside, error, 0.0)
    k = int(np.argmax(error))
    kind = "slope" if slope else "value"
    return float(error[k]), f"{name} {dtype} {kind} at {x[k]!r}: {y[k]!r}, exactly {exact[k]!r}"


def points_of(dtype: str) -> np.ndarray:
    """All inputs of a 16-bit type, many of float32."""
    if dtype != "float32":
        return np.arange(65536, dtype=np.uint16).view(DTYPES[dtype])
    rng = np.random.default_rng(0)
    size = np.exp2(rng.uniform(-149, 128, 1500)) * rng.choice([-1, 1], 1500)
    return np.concatenate([rng.normal(size=4000) * 5, rng.uniform(-110, 110, 3000), size]).astype(np.float32)


def reaches_its_goal(module: SimpleNamespace, name: str, dtype: str, params: tuple[float, ...] = ()) -> None:
    """Value and slope against the float64 kernels, which are compared with 50 digits elsewhere.

    Approximations of the device err as documented at most.
    """
    x = points_of(dtype)
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
        ones, wide_ones = array(np.ones_like(x)), array(np.ones_like(wide))
        for slope, got, want in (
            (False, module.forward(array(x), *params), module.forward(array(wide), *params)),
            (True, module.grad_input(ones, array(x), *params), module.grad_input(wide_ones, array(wide), *params)),
        ):
            error, where = worst(name, dtype, x, got, want, slope=slope)
            assert error <= 1, f"{where}, for {params}: {error} of what is allowed"


@pytest.mark.parametrize("name", [*SOURCES, *ALSO])
def test_float32_reaches_its_goal(device: Device, name: str) -> None:
    """Value within 4 ulp (GELU 8), slopes within 5 ulp or 3e-7 of max(|f'|, 0.05), no wrong NaN or infinity.

    tanh-GELU and others whose float32 forms would lose digits are computed in float64.
    """
    reaches_its_goal(device.modules[name], name, "float32")


def test_exponential_holds_for_all_parameters(device: Device) -> None:
    """S1 eq. (6) in float32 for a from -200 to 200: value and both partials within 8 ulp, no wrong NaN or infinity."""
    module, rng = device.modules["exponential"], np.random.default_rng(1)
    size = np.exp2(rng.uniform(-149, 128, 300)) * rng.choice([-1, 1], 300)
    points = np.concatenate([rng.uniform(-120, 120, 500), size]).astype(np.float32)
    x, wide = array(points), array(points, np.float64)
    ones, wide_ones = array(np.ones_like(x)), array(np.ones_like(wide))
    for a in np.linspace(-200, 200, 41):
        with np.errstate(all="ignore"):
            for got, want in (
                (module.forward(x, a), module.forward(wide, a)),
                (module.grad_input(ones, x, a), module.grad_input(wide_ones, wide, a)),
                (slopes_in(module, x, (a,))["a"], slopes_in(module, wide, (a,))["a"]),
            ):
                y, exact = np.asarray(got).astype(np.float64), np.asarray(want)
                held = np.abs(exact) < 3.4e38
                assert np.isfinite(y[held]).all()
                assert (np.abs(y - exact)[held] <= 8 * unit(exact[held], 24, 2.0**-126)).all(), f"a = {a}"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["relu", "silu", "exponential", "gelu"])
def test_every_16_bit_input(device: Device, name: str, dtype: str) -> None:
    """All 65 536 inputs: within 0.6 units of the last place of the float64 value; NaN where the input is."""
    reaches_its_goal(device.modules[name], name, dtype)


def some_parameters(name: str) -> list[tuple[float, ...]]:
    """The defaults, and some others that float32 has."""
    parameters = catalogue[name].parameters
    rng, found = np.random.default_rng(len(name)), [tuple(float(np.float32(float(p.default))) for p in parameters)]
    for _ in range(3 if parameters else 0):
        row = []
        for p in parameters:
            inside = [x for x in (0.3, 2.7, 25.0, -1.3, -0.4, 0.06, 0.9, -20.0, 5.5, 0.0) if p.domain.contains(x)]
            row.append(float(np.float32(rng.choice(inside))) if inside else float(p.default))
        found.append(tuple(row))
    return found


SHORT_OF_IT = {
    "e_swish": "the slope of 1.5*v*sigmoid(v) misses 3e-7 by a hundredth",
    "erf_relu": "erf(v) has few digits where v is subnormal, and a large a shows them",
}


@pytest.mark.only_slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_whole_catalogue_reaches_its_goal(device: Device, dtype: str) -> None:
    """Every function, at its defaults and at other parameters: all 16-bit inputs, many of float32."""
    flat = "_(forward|grad_input)_flat"
    for k in range(0, len(OTHERS), 10):
        names = OTHERS[k : k + 10]
        for kind in (dtype, "float64"):
            device.compile(names, kind, flat, f"goal{k}{dtype}")
        for name in names:
            if name in SHORT_OF_IT and dtype == "float32":
                continue
            for params in some_parameters(name):
                reaches_its_goal(device.modules[name], name, dtype, params)


MIXED = (2.0, 1.5, 0.75, 3.0, -2.0, -1.5, -0.5, -4.0, 1.0, -1.0, 2.0, 0.5, -3.0, -0.25, 0.5, 5.0)
"""Four positive, four negative, then signs that change within 16 bytes."""


@pytest.mark.parametrize(("shape", "axis"), [((3, 16, 64), 1), ((2, 16, 5), 1), ((37, 16), 1), ((300, 13), 1)], ids=str)
def test_channels_may_have_different_cases(device: Device, shape: tuple[int, ...], axis: int) -> None:
    """Each channel gives what it gives alone, whichever formulas its neighbours need; so do the sums."""
    module, rng = device.modules["rational"], np.random.default_rng(5)
    a = np.array(MIXED[: shape[axis]])
    x, dy = array(rng.normal(size=shape) * 3, np.float32), array(rng.normal(size=shape), np.float32)
    y, dx, sums = module.forward_backward(dy, x, a, axis=axis)
    np.testing.assert_array_equal(np.asarray(module.forward(x, a, axis=axis)), np.asarray(y))
    np.testing.assert_array_equal(np.asarray(module.backward(dy, x, a, axis=axis)[0]), np.asarray(dx))
    for c, one in enumerate(a.tolist()):
        mine = (slice(None), c)
        part, up = array(np.ascontiguousarray(x[mine])), array(np.ascontiguousarray(dy[mine]))
        alone = module.forward_backward(up, part, one)
        np.testing.assert_array_equal(np.asarray(y)[mine], np.asarray(alone[0]))
        np.testing.assert_array_equal(np.asarray(dx)[mine], np.asarray(alone[1]))
        want = float(np.asarray(alone[2]["a"]))
        size = float(np.abs(np.asarray(alone[0])).sum() + abs(want))
        assert abs(float(np.asarray(sums["a"])[c]) - want) <= 1e-4 * size


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*SOURCES, *ALSO])
def test_infinities_give_the_limits(device: Device, name: str, dtype: str) -> None:
    """NaN stays NaN; an infinity gives the proved limit."""
    module, kind = device.modules[name], DTYPES[dtype].type
    y = np.asarray(module.forward(array([np.nan, np.inf, -np.inf], kind)))
    slope = np.asarray(module.grad_input(array(np.ones(3), kind), array([np.nan, np.inf, -np.inf], kind)))
    assert np.isnan(y[0])
    assert np.isnan(slope[0])
    plan = make_plan(catalogue[name])
    values = {p.symbol.name: p.default for p in catalogue[name].parameters}
    for quantity, found in ((plan.value, y), (plan.slope, slope)):
        (layout,) = (c for c in quantity.layouts if _at_defaults(c.condition, values) == sp.true)
        for got, limit in ((found[1], layout.at_pos_inf), (found[2], layout.at_neg_inf)):
            if limit is None:
                continue
            options = [e for c, e in limit.options if _at_defaults(c, values) == sp.true] or [limit.options[-1][1]]
            want = kind(float(_at_defaults(options[0], values)))
            assert got == want or abs(got - want) <= np.spacing(abs(want)) or np.isnan(want)


def _at_defaults(e: sp.Basic, values: dict[str, Any]) -> sp.Basic:
    """An expression in inner names at the default parameters."""
    return sp.S(e).subs({s: values[s.name.removeprefix("in_")] for s in sp.S(e).free_symbols})


# --- sums -------------------------------------------------------------------------------------------------------------

SHAPES = (
    *(((4, 3, 5), axis) for axis in (None, 0, 1, 2)),
    *(((2, 8, 64), axis) for axis in (None, 1, 2)),
    *(((37, 64), axis) for axis in (0, 1)),
    ((1500, 3), 1),
    ((3, 2, 5000), 1),
    ((20_011,), None),
    ((1,), 0),
)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_parameter_gradients_are_summed_as_eq_10_says(
    device: Device, name: str, shape: tuple[int, ...], axis: int | None
) -> None:
    """Per layer and per channel, in every layout, in one launch, the same bits whatever the order of the blocks."""
    module, rng = device.modules[name], np.random.default_rng(2)
    x, dy = array(rng.normal(size=shape) * 2, np.float32), array(rng.normal(size=shape), np.float32)
    parameters = catalogue[name].parameters
    params = [float(p.default) if axis is None else rng.uniform(0.5, 2.0, shape[axis]) for p in parameters]
    results = []
    try:
        for order, workers in ((0, 1), (1, 1), (7, 3)):
            device.blocks(order, workers)
            device.fake.launches.clear()
            dx, sums = module.backward(dy, x, *params, axis=axis)
            assert len(device.fake.launches) == 1
            y, dx_too, sums_too = module.forward_backward(dy, x, *params, axis=axis)
            alone = module.grad_params(dy, x, *params, axis=axis)
            assert len(device.fake.launches) == 3
            results.append([dx, *sums.values(), y, dx_too, *sums_too.values(), *alone.values()])
    finally:
        device.blocks(0, 1)
    for again in results[1:]:
        for first, second in zip(results[0], again, strict=True):
            np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
    # each element as a channel of its own gives its slope; those are summed here
    line = array(np.asarray(x).reshape(1, -1), np.float64)
    spread = [
        np.broadcast_to(v, shape).ravel()
        if axis is None
        else np.broadcast_to(v.reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape).ravel()
        for v in map(np.asarray, params)
    ]
    each = module.grad_params(array(np.ones_like(line)), line, *spread, axis=1)
    others = None if axis is None else tuple(k for k in range(len(shape)) if k != axis)
    learned = [p.name for p in parameters if p.learned]
    for k, key in enumerate(learned):
        terms = np.asarray(each[key]).reshape(shape) * np.asarray(dy)
        want, scale = terms.sum(axis=others), np.abs(terms).sum(axis=others)
        for row in (results[0][1 + k], results[0][k - len(learned)]):
            assert (np.abs(np.asarray(row) - want) <= 1e-6 * scale).all()


def test_counters_return_to_zero(device: Device) -> None:
    """The last block leaves every counter as it was, so the next launch needs no clearing."""
    module = device.modules["exponential"]
    x = array(np.linspace(-3, 3, 9000).reshape(3, 6, 500), np.float32)
    for axis in (None, 0, 1, 2):
        module.backward(x, x, axis=axis)
    (counters,) = module._tickets.values()
    assert not np.asarray(counters).any()


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_misaligned_arrays(device: Device, shift: int) -> None:
    """Arrays that begin anywhere give what aligned ones give; no 16-byte access is misaligned (the host would say)."""
    module, rng = device.modules["exponential"], np.random.default_rng(3)
    base, up = (rng.normal(size=9001 + 8).astype(np.float32) for _ in range(2))
    for n, shape, axis in ((9001, (9001,), None), (9000, (5, 3, 600), 1), (8960, (70, 128), 1)):
        x, dy = (array(b[shift : shift + n].reshape(shape)) for b in (base, up))
        moved = [np.empty(n + 4, np.float32).view(Array)[shift : shift + n].reshape(shape) for _ in range(2)]
        moved[0][...], moved[1][...] = x, dy
        aligned, astray = (
            module.forward_backward(dy, x, axis=axis),
            module.forward_backward(moved[1], moved[0], axis=axis),
        )
        for one, other in zip(aligned[:2], astray[:2], strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        np.testing.assert_allclose(np.asarray(aligned[2]["a"]), np.asarray(astray[2]["a"]), rtol=1e-5, atol=1e-5)


def test_long_rows_are_walked_in_parts(device: Device, tmp_path: Path) -> None:
    """Rows of more packs than are counted in 32 bits: with parts of 3 packs, results are those of whole rows."""
    library = cuda_fake.build(("exponential",), "float32", tmp_path, "_rows", before="#define KASSEI_LONGEST 3ll\n")
    fake, module = Fake(), cuda_fake.module("exponential")
    fake.know(module.SOURCE["float32"], library)
    rng = np.random.default_rng(11)
    for shape in ((2, 5, 4100), (3, 4, 36), (7, 3, 10), (1, 2, 12), (1, 3, 16 * 1024)):
        x, dy = (array(rng.normal(size=shape).astype(np.float32)) for _ in range(2))
        a = array(rng.normal(size=shape[1]).astype(np.float32))
        whole = device.modules["exponential"].forward_backward(dy, x, a, axis=1)
        with cuda_fake.installed(fake):
            parts = module.forward_backward(dy, x, a, axis=1)
        for one, other in zip(whole[:2], parts[:2], strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        np.testing.assert_allclose(np.asarray(whole[2]["a"]), np.asarray(parts[2]["a"]), rtol=1e-6, atol=1e-6)


def test_quotients_of_indices_are_exact(tmp_path: Path) -> None:
    """Division by a reciprocal that is corrected, at all magnitudes and around multiples of the divisor."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed: the CUDA sources cannot be run on the host")
    text = cuda_fake.only(cuda_fake.module("exponential").SOURCE["float32"], "^$")
    text += 'extern "C" long long quotient(long long a, long long b) { return kassei_quotient(a, b); }'
    quotient = cuda_fake.compile_units({"walks": text}, tmp_path, "walks").quotient
    quotient.restype, quotient.argtypes = ctypes.c_longlong, [ctypes.c_longlong, ctypes.c_longlong]
    rng = np.random.default_rng(12)
    for high, low in rng.integers(0, 60, (20000, 2)):
        b = int(rng.integers(1, 2 ** int(low) + 1))
        a = int(rng.integers(0, 2 ** int(high) + 1))
        multiple = a // b * b
        for x in (a, multiple, multiple + 1, multiple + b - 1, max(multiple - 1, 0)):
            assert quotient(x, b) == x // b, (x, b)


# --- indices beyond 2**31 ---------------------------------------------------------------------------------------------

ACCESS = np.dtype([("at", np.uint64), ("bytes", np.uint32), ("kind", np.uint32)])
BASE = 1 << 44


def imagined(
    device: Device, walk: str, grid: tuple[int, int], sizes: tuple[int, ...], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Elements read and written by some blocks of the float32 forward kernel on arrays that do not exist."""
    library = device.libraries[-1]
    library = next(lib for lib in device.libraries if hasattr(lib, "host_kassei_exponential_forward_rows"))
    distance = 1 << 40
    few = ctypes.c_longlong.in_dll(library, "kassei_few")
    few.value = 3
    library.kassei_imagine(ctypes.c_uint64(BASE), ctypes.c_uint64(BASE + 2 * distance))
    names = device.modules["exponential"]._constants((np.float64(0.0),), np.float32)
    table = np.array([names], np.float32)
    pointers = [0, BASE, BASE + distance, 0, 0, 0, 0, 0]
    arguments: list[Any] = [ctypes.c_void_p(p) for p in pointers] + [ctypes.c_longlong(s) for s in sizes]
    if walk == "flat":
        arguments += [ctypes.c_float(c) for c in table[0]]
    else:
        arguments += [ctypes.c_void_p(table.ctypes.data), ctypes.c_int(0)]
    launch = getattr(library, f"host_kassei_exponential_forward_{walk}")
    try:
        assert launch(ctypes.c_uint(grid[0]), ctypes.c_uint(grid[1]), *arguments) == 0
        library.kassei_accesses.restype = ctypes.c_size_t
        found = np.empty(library.kassei_accesses(), ACCESS)
        library.kassei_recorded(ctypes.c_void_p(found.ctypes.data))
    finally:
        few.value = 0
        library.kassei_imagine(ctypes.c_uint64(0), ctypes.c_uint64(0))
    out = []
    for kind, start in ((0, BASE), (1, BASE + distance)):
        mine = found[found["kind"] == kind]
        first = ((mine["at"] - np.uint64(start)) // np.uint64(4)).astype(np.int64)
        spread = [first[mine["bytes"] == 4], *(first[mine["bytes"] == 16] + k for k in range(4))]
        elements = np.concatenate(spread)
        assert len(np.unique(elements)) == len(elements), "an element is touched twice"
        assert elements.min() >= 0
        assert elements.max() < n
        out.append(np.sort(elements))
    return out[0], out[1]


def test_indices_beyond_32_bits(device: Device) -> None:
    """First, middle and last blocks of arrays of more than 2**31 (and 2**33) elements touch what is theirs alone."""
    tile = 256 * 4 * 4
    for n in (2**31 + 5003, 2**33 + 1):
        blocks = -(-n // tile)
        read, written = imagined(device, "flat", (blocks, 1), (n,), n)
        np.testing.assert_array_equal(read, written)
        middle = (blocks - 1) // 2
        rest = n - n % tile
        want = [np.arange(b * tile, (b + 1) * tile) for b in (0, middle)]
        tail = np.arange(rest, n)
        owner = (tail - rest) // 256
        want.append(tail[np.isin(owner, (0, middle, blocks - 1))])
        if blocks * tile == n:
            want.append(np.arange((blocks - 1) * tile, n))
        np.testing.assert_array_equal(read, np.sort(np.concatenate(want)))
    outer, channels, inner = 3, 5, 2**28 + 4
    n, slices = outer * channels * inner, 2**18
    read, written = imagined(device, "rows", (slices, channels), (outer, channels, inner), n)
    np.testing.assert_array_equal(read, written)
    assert n > 2**31
    middle = (slices * channels - 1) // 2
    want = []
    for number in (0, middle, slices * channels - 1):
        share, channel = number % slices, number // slices
        packs = np.concatenate(
            [
                np.arange(m, min(m + 256, outer * inner // 4))
                for m in range(share * 256, outer * inner // 4, slices * 256)
            ]
        )
        row, along = packs // (inner // 4), packs % (inner // 4)
        first = ((row * channels + channel) * (inner // 4) + along) * 4
        want += [first + k for k in range(4)]
    np.testing.assert_array_equal(read, np.sort(np.concatenate(want)))
    rows, channels = 2**22 + 3, 1024
    n, strips = rows * channels, 65535
    read, written = imagined(device, "columns", (8, strips), (rows, channels, 32), n)
    np.testing.assert_array_equal(read, written)
    want = []
    for number in (0, (8 * strips - 1) // 2, 8 * strips - 1):
        group, strip = number % 8, number // 8
        lines = np.concatenate([np.arange(r, min(r + 8, rows)) for r in range(strip * 8, rows, strips * 8)])
        want.append((lines[:, None] * channels + group * 128 + np.arange(128)).ravel())
    np.testing.assert_array_equal(read, np.sort(np.concatenate(want)))


# --- the Python of a module -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exponential", "relu"])
def test_any_shape_and_stride(device: Device, name: str) -> None:
    """Scalars, empty, transposed and strided arrays, ``out`` that overlaps; the input is never changed."""
    module = device.modules[name]
    base = array(np.linspace(-3, 3, 48).reshape(2, 4, 6), np.float32)
    kept = np.array(base)
    want = np.asarray(module.forward(base))
    assert want.dtype == np.float32
    for turn in itertools.permutations(range(3)):
        np.testing.assert_array_equal(np.asarray(module.forward(base.transpose(turn))), want.transpose(turn))
    np.testing.assert_array_equal(np.asarray(module.forward(base[:, ::-2])), want[:, ::-2])
    assert module.forward(array(0.5, np.float32)).shape == ()
    assert module.forward(array(np.empty((0, 3)), np.float32)).shape == (0, 3)
    _, empty = module.backward(*[array(np.empty((0, 3)), np.float32)] * 2, axis=1)
    assert all((np.asarray(g) == np.zeros(3)).all() for g in empty.values())
    np.testing.assert_array_equal(base, kept)
    line = array(np.concatenate([kept.ravel(), [0]]), np.float32)
    given = module.forward(line[:-1], out=line[1:])
    np.testing.assert_array_equal(np.asarray(line[1:]), want.ravel())
    assert given.base is line
    place = array(kept)
    assert module.forward(place, out=place) is place
    np.testing.assert_array_equal(place, want)
    strided = array(np.zeros((2, 4, 12)), np.float32)
    module.forward(base, out=strided[..., ::2])
    np.testing.assert_array_equal(strided[..., ::2], want)
    dy = array(np.cos(kept), np.float32)
    slope = np.asarray(module.grad_input(dy, base))
    up = array(dy)
    np.testing.assert_array_equal(np.asarray(module.grad_input(up, base, out=up)), slope)


def test_memory_order_is_kept(device: Device) -> None:
    """A channels-last array passed as (N, C, H, W) is not copied: its channels lie along the columns."""
    module = device.modules["exponential"]
    last = array(np.linspace(-2, 2, 2 * 3 * 5 * 8).reshape(2, 3, 5, 8), np.float32)
    first = last.transpose(0, 3, 1, 2)
    a = np.linspace(-1, 1, 8)
    device.fake.launches.clear()
    y = module.forward(first, a, axis=1)
    assert device.fake.launches == ["kassei_exponential_forward_columns"]
    plain = array(np.ascontiguousarray(first))
    np.testing.assert_array_equal(np.asarray(y), np.asarray(module.forward(plain, a, axis=1)))
    assert device.fake.launches[-1] == "kassei_exponential_forward_rows"


def test_wrong_arguments_are_refused(device: Device) -> None:
    """Other arrays and dtypes, shapes and axes that do not fit, parameters outside their domain."""
    module = device.modules["exponential"]
    x = array(np.zeros((2, 3)), np.float32)
    with pytest.raises(TypeError, match=r"v must be a cupy\.ndarray, not ndarray"):
        module.forward(np.zeros(3, np.float32))
    with pytest.raises(TypeError, match="float16, bfloat16, float32 or float64, not int64"):
        module.forward(array([1, 2]))
    with pytest.raises(ValueError, match=r"dy is \(3,\) float32; it must be \(2, 3\) float32"):
        module.grad_input(x[0], x)
    with pytest.raises(TypeError, match="out must be a cupy"):
        module.forward(x, out=np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"out must be an array of shape \(2, 3\)"):
        module.forward(x, out=array(np.zeros((3, 2)), np.float32))
    with pytest.raises(ValueError, match="axis 2 is out of range for 2 dimensions"):
        module.forward(x, axis=2)
    with pytest.raises(TypeError, match="axis must be an integer"):
        module.forward(x, axis=0.5)
    with pytest.raises(ValueError, match=r"a has shape \(5,\) for 3 channels"):
        module.forward(x, np.zeros(5), axis=1)
    with pytest.raises(ValueError, match="needs axis"):
        module.forward(x, np.zeros(3))
    with pytest.raises(ValueError, match="a lies outside its domain"):
        module.forward(x, np.nan)
    with pytest.raises(TypeError, match="a must be real numbers"):
        module.forward(x, "0.5")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in SOURCES else [pytest.mark.only_slow]) for n in NAMES]
)
def test_emitted_modules_pass_ruff(name: str, tmp_path: Path) -> None:
    """As emitted: checked and formatted, at ruff's own line length and at this project's; no line is excused."""
    ((file, text),) = emit(catalogue[name], "cuda").items()
    assert "noqa" not in text
    assert "fmt:" not in text
    (tmp_path / file).write_text(text, encoding="utf-8")
    ruff = Path(sys.prefix) / "bin" / "ruff"
    for command in (("check",), ("format", "--check"), ("format", "--check", "--line-length", "120")):
        done = subprocess.run(
            [ruff, *command, "--isolated", tmp_path / file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert max(len(line) for line in text.splitlines()) <= 120


@pytest.mark.only_slow
def test_the_rest_of_the_catalogue_runs(device: Device) -> None:
    """Every function's value and slope in float64, against 50 digits between -12 and 12."""
    device.compile(OTHERS, "float64", "_(forward|grad_input)_flat", "rest")
    points = np.array([-11.5, -3.25, -1.125, -0.375, 0.0625, 0.6875, 1.75, 4.5, 11.5])
    for name in OTHERS:
        module, exact = device.modules[name], Exact(catalogue[name])
        params = tuple(float(p.default) for p in catalogue[name].parameters)
        y = np.asarray(module.forward(array(points)))
        slope = np.asarray(module.grad_input(array(np.ones(9)), array(points)))
        for k, at in enumerate(points.tolist()):
            for got, want, index in (
                (y[k], exact.at(at, params), None),
                (slope[k], exact.derivative(at, params, 0), 0),
            ):
                error = ulps(float(got), want, np.float64)
                allowed = 1 + 16 * (1 + exact.condition(at, params, index))
                if index == 0:  # near a zero of a slope, or in its tail, the size of its terms counts
                    allowed = max(allowed, 16 * np.spacing(0.05) / np.spacing(abs(float(want))))
                assert error <= allowed, f"{name} d{index} at {at}: {got!r}, exactly {want}"


# --- the host itself --------------------------------------------------------------------------------------------------

CULPRITS = """
typedef float kassei_store;
extern "C" __global__ void __launch_bounds__(256) kassei_diverges(int n) {
    if ((int)threadIdx.x < n) __syncthreads();
}
extern "C" __global__ void __launch_bounds__(256) kassei_shuffles(double* out, int n) {
    double x = threadIdx.x;
    if ((int)threadIdx.x < n) x = __shfl_down_sync(0xffffffffu, x, 1);
    out[threadIdx.x] = x;
}
extern "C" __global__ void __launch_bounds__(256) kassei_astray(const float* p, int n) {
    if (threadIdx.x == 0) kassei_read(p + n, 0);
}
"""


def test_the_host_finds_what_a_gpu_would_not_forgive(tmp_path: Path) -> None:
    """Barriers that not all reach, shuffles of a part of a warp, misaligned reads."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed: the CUDA sources cannot be run on the host")
    library = cuda_fake.compile_units({"culprits": CULPRITS}, tmp_path, "culprits")
    library.kassei_error.restype = ctypes.c_char_p
    one = ctypes.c_uint(1)
    assert library.host_kassei_diverges(one, one, 256) == 0
    assert library.host_kassei_diverges(one, one, 255) == 1
    assert b"barrier" in library.kassei_error()
    out = np.zeros(256)
    assert library.host_kassei_shuffles(one, one, ctypes.c_void_p(out.ctypes.data), 256) == 0
    np.testing.assert_array_equal(out, [t if t % 32 == 31 else t + 1 for t in range(256)])
    assert library.host_kassei_shuffles(one, one, ctypes.c_void_p(out.ctypes.data), 40) == 1
    data = np.zeros(64, np.float32)
    start = (-data.ctypes.data // 4) % 4
    assert library.host_kassei_astray(one, one, ctypes.c_void_p(data.ctypes.data), start) == 0
    assert library.host_kassei_astray(one, one, ctypes.c_void_p(data.ctypes.data), start + 1) == 1
    assert b"not aligned" in library.kassei_error()


# --- a real GPU's compiler, and a real GPU ----------------------------------------------------------------------------

GATED = ("relu", "silu", "exponential")
RECORDED = sorted({r["name"] for r in json.loads(static_gate.RESULTS.read_text(encoding="utf-8"))["kernels"]})


@pytest.mark.parametrize("dtype", ["float16", "float32", pytest.param("bfloat16", marks=pytest.mark.only_slow)])
@pytest.mark.parametrize(
    "name", [*GATED, *(pytest.param(n, marks=pytest.mark.only_slow) for n in RECORDED if n not in GATED)]
)
def test_no_kernel_costs_more_than_recorded(name: str, dtype: str) -> None:
    """NVRTC and ptxas compile every kernel for sm_90; its work per element, reads and spills are as recorded or better.

    The command in ``benchmarks/results/cuda_static.json`` records them anew.
    """
    try:
        found = static_gate.measure([name], [dtype])
    except static_gate.Unavailable as missing:
        pytest.skip(f"{missing}")
    report = json.loads(static_gate.RESULTS.read_text(encoding="utf-8"))
    recorded = {(r["name"], r["dtype"], r["kernel"]): r for r in report["kernels"]}
    assert found
    for f in found:
        before = recorded[f.name, f.dtype, f.kernel]
        known = f.share <= max(static_gate.GOAL, before["share"] * 1.03)
        assert known, f"{f.name} {f.dtype} {f.kernel}: {f.share} of the budget, {before['share']} when it was recorded"
        assert f.reads == 128 or before["reads"] != 128, (
            f"{f.name} {f.dtype} {f.kernel} reads less than 16 bytes at once"
        )
        assert f.spills <= before["spills"], f"{f.name} {f.dtype} {f.kernel} spills {f.spills} bytes"


@pytest.mark.parametrize("name", ["exponential", "gelu"])
def test_a_module_runs_on_a_gpu(name: str) -> None:
    """Where CuPy and a GPU are present, the float32 kernels give what the float64 kernels give."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    if not hasattr(cupy.cuda, "runtime"):
        pytest.skip("only a stand-in for CuPy is here")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("no NVIDIA GPU is present")
    module = cuda_fake.module(name)
    rng = np.random.default_rng(2)
    v, dy = rng.normal(size=(7, 64, 40)) * 3, rng.normal(size=(7, 64, 40))
    for axis in (None, 1, 2):
        want = module.forward_backward(cupy.asarray(dy), cupy.asarray(v), axis=axis)
        got = module.forward_backward(cupy.asarray(dy, cupy.float32), cupy.asarray(v, cupy.float32), axis=axis)
        for one, other in zip(got[:2], want[:2], strict=True):
            np.testing.assert_allclose(one.get(), other.get(), rtol=1e-5, atol=1e-6)
        for key, value in want[2].items():
            np.testing.assert_allclose(got[2][key].get(), value.get(), rtol=1e-4, atol=1e-3)
