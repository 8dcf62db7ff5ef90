"""Emitted code is run: NumPy modules here, CUDA sources on the host; both against 50-digit values of the definition."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess
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
from functions import NAMES, OTHERS, SOURCES, dossier
from kassei.codegen import drift, emit, known_targets, write
from kassei.core.derive import derive
from kassei.library import catalogue

DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
ULPS = {"numpy": 6.0, "cuda": 6.0}
"""Errors allowed per unit of conditioning: a square of a quotient doubles what its four roundings did."""
FAR = ("1e-30", "1e-9", "1e-3", "0.3", "0.5", "1", "2.5", "5.5", "8", "12.5", "30", "87", "104", "700", "1e6", "1e30")


LOSES = {
    "a difference of nearly equal numbers near 0": (
        "bendable_linear_unit",
        "bent_identity",
        "log_cosh",
        "polu",
        "slu",
        "tanhshrink",
    ),
    "log(1 + u) or 1 - (1 + u)**p for tiny u": ("aranda_ordaz", "gish", "logish", "nlrelu", "smish", "symlog"),
    "two terms that cancel far out": ("acon_c", "soft_clipping", "soft_root_sign"),
    "an exponential that overflows far out": ("aria2", "eanaf", "richards"),
}
"""Why the emitted code of some functions is less accurate than it could be: forms that lowering does not know yet."""


def known_loss(name: str) -> tuple[pytest.MarkDecorator, ...]:
    """The expected failure of a function in ``LOSES``; one that stops failing is to be taken out."""
    reasons = [reason for reason, names in LOSES.items() if name in names]
    return tuple(pytest.mark.xfail(strict=True, reason=reason) for reason in reasons)


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
    [*itertools.product(SOURCES, DTYPES), *(pytest.param(n, "float32", marks=known_loss(n)) for n in OTHERS)],
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
    """Scalars, empty, non-contiguous, read-only and overlapping arrays; the input is never changed."""
    code = module(name)
    base = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
    kept = base.copy()
    want = code.forward(base)
    assert want.dtype == base.dtype
    assert want.shape == base.shape
    np.testing.assert_array_equal(code.forward(base.T), want.T)
    np.testing.assert_array_equal(code.forward(base[:, ::2]), want[:, ::2])
    frozen = base.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(code.forward(frozen), want)
    assert code.forward(np.empty((0,), dtype=np.float64)).shape == (0,)
    assert np.shape(code.forward(np.float64(0.5))) == ()
    np.testing.assert_array_equal(base, kept)
    shifted = np.concatenate([base.ravel(), base.ravel()[:1]])
    expected = code.forward(shifted[:-1])
    code.forward(shifted[:-1], out=shifted[1:])
    np.testing.assert_array_equal(shifted[1:], expected)
    assert code.forward(base, out=base) is base


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


# --- CUDA -------------------------------------------------------------------------------------------------------------


def cuda_sources(name: str) -> dict[str, str]:
    ((file, text),) = emit(catalogue[name], "cuda").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    return dict(space["SOURCE"])


on_the_host = pytest.mark.xdist_group("host")  # one worker compiles the kernels


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Kernels compiled for this machine by g++, one library per dtype: of all functions in float64, else of SOURCES."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed: the CUDA sources cannot be run on the host")
    folder = tmp_path_factory.mktemp("cuda")
    shim = Path(__file__).with_name("cuda_host.h")
    jobs, libraries = [], {}
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        parts = [f'#include "{shim}"']
        for name in NAMES if dtype == "float64" else SOURCES:
            parts.append(f"namespace n_{name} {{\n{cuda_sources(name)[dtype]}\n{driver(name)}\n}}")
        path = folder / f"{dtype}.cpp"
        path.write_text("\n".join(parts))
        libraries[dtype] = folder / f"{dtype}.so"
        flags = [
            "-O1",
            "-std=c++17",
            "-shared",
            "-fPIC",
            "-ffp-contract=off",
            "-pthread",
            "-Wall",
            "-Werror",
            "-Wdouble-promotion",
        ]
        jobs.append(subprocess.Popen(["g++", *flags, "-o", libraries[dtype], path], stderr=subprocess.PIPE, text=True))
    for job in jobs:
        _, errors = job.communicate()
        assert job.returncode == 0, errors[:4000]
    return {dtype: ctypes.CDLL(str(path)) for dtype, path in libraries.items()}


def driver(name: str) -> str:
    """C entry points that launch the kernels of one function on the host."""
    f = catalogue[name]
    declared = "".join(f"const kassei_real* at_{p.name}, int step_{p.name}, " for p in f.parameters)
    passed = "".join(f"at_{p.name}, step_{p.name}, " for p in f.parameters)
    sizes = "long long n, long long inner, long long channels"
    out = [
        f'extern "C" void host_{name}_forward(const kassei_store* x, kassei_store* y, {declared}{sizes}) {{'
        f" kassei_launch(2, 1, 4, [=] {{ kassei_{name}_forward(x, y, {passed}n, inner, channels); }}); }}",
        f'extern "C" void host_{name}_grad_input(const kassei_store* dy, const kassei_store* x, kassei_store* dx, '
        f"{declared}{sizes}) {{ kassei_launch(2, 1, 4, [=] {{ kassei_{name}_grad_input(dy, x, dx, {passed}n, inner, "
        f"channels); }}); }}",
    ]
    for p in f.learned:
        out.append(
            f'extern "C" void host_{name}_partial_{p.name}(const kassei_store* dy, const kassei_store* x, '
            f"double* sums, double* total, int slices, {declared}{sizes}) {{ "
            f"kassei_launch(slices, (unsigned)channels, 8, [=] {{ "
            f"kassei_{name}_partial_{p.name}(dy, x, sums, {passed}n, inner, channels); }}); "
            f"kassei_launch((unsigned)((channels + 7) / 8), 1, 8, "
            f"[=] {{ kassei_{name}_total(sums, total, slices, channels); }}); }}"
        )
    return "\n".join(out)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def to_storage(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "bfloat16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return np.ascontiguousarray(values.astype(DTYPES[dtype]))


def from_storage(stored: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored


def parameter_arguments(
    name: str, params: tuple[Any, ...], dtype: str, channels: int = 1
) -> tuple[list[Any], list[np.ndarray]]:
    real = np.float64 if dtype == "float64" else np.float32
    arrays = [np.atleast_1d(np.asarray(p, dtype=real)) for p in params]
    arguments: list[Any] = []
    for array in arrays:
        arguments += [pointer(array), ctypes.c_int(0 if array.size == 1 else 1)]
    return arguments, arrays


def sizes(n: int, inner: int = 1, channels: int = 1) -> list[Any]:
    return [ctypes.c_longlong(n), ctypes.c_longlong(inner), ctypes.c_longlong(channels)]


@on_the_host
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", SOURCES)
def test_cuda_code_is_as_accurate_as_the_function_allows(host: dict[str, Any], name: str, dtype: str) -> None:
    """The kernels themselves, run on the host: value, slope and parameter slopes at hard points."""
    library = host[dtype]
    points = hard_points(name, DTYPES[dtype])
    ones = np.ones_like(points)
    for params in parameter_grid(name):
        if undefined(name, params):
            continue
        arguments, kept = parameter_arguments(name, params, dtype)
        y, dx = np.empty_like(points), np.empty_like(points)
        getattr(library, f"host_{name}_forward")(pointer(points), pointer(y), *arguments, *sizes(len(points)))
        check(name, y, points, params, None, ULPS["cuda"])
        getattr(library, f"host_{name}_grad_input")(
            pointer(ones), pointer(points), pointer(dx), *arguments, *sizes(len(points))
        )
        check(name, dx, points, params, 0, ULPS["cuda"])
        for k, p in enumerate(catalogue[name].parameters, start=1):
            if p.learned:  # one channel per point gives the slope at each point
                partial, total = np.zeros(len(points)), np.zeros(len(points))
                getattr(library, f"host_{name}_partial_{p.name}")(
                    pointer(ones),
                    pointer(points),
                    pointer(partial),
                    pointer(total),
                    ctypes.c_int(1),
                    *arguments,
                    *sizes(len(points), 1, len(points)),
                )
                with np.errstate(over="ignore"):
                    check(name, total.astype(points.dtype), points, params, k, ULPS["cuda"])
        del kept


@on_the_host
def test_cuda_code_gives_what_numpy_code_gives(host: dict[str, Any]) -> None:
    """The other functions at their defaults: the same forms as in NumPy (checked above), so nearly the same doubles."""
    library = host["float64"]
    points = np.concatenate([np.linspace(-12, 12, 193), [1e-300, -1e-300, 1e-9, -1e-9, 100.0, -100.0, 1e5, -1e5]])
    for name in OTHERS:
        params = tuple(float(p.default) for p in catalogue[name].parameters)
        arguments, kept = parameter_arguments(name, params, "float64")
        rtol = 1e-10 if any(name in names for names in LOSES.values()) else 1e-13  # the last bits of log and exp differ
        y, dx, ones = np.empty_like(points), np.empty_like(points), np.ones_like(points)
        getattr(library, f"host_{name}_forward")(pointer(points), pointer(y), *arguments, *sizes(len(points)))
        np.testing.assert_allclose(y, module(name).forward(points, *params), rtol=rtol, atol=1e-300, err_msg=name)
        getattr(library, f"host_{name}_grad_input")(
            pointer(ones), pointer(points), pointer(dx), *arguments, *sizes(len(points))
        )
        want = module(name).grad_input(ones, points, *params)
        np.testing.assert_allclose(dx, want, rtol=10 * rtol, atol=1e-15, err_msg=name)
        del kept


@on_the_host
@pytest.mark.parametrize("name", [n for n in SOURCES if catalogue[n].learned])
def test_cuda_sums_agree_with_numpy(host: dict[str, Any], name: str) -> None:
    """Layer and channel sums of eq. (10), in both layouts, several slices, twice the same bits."""
    rng = np.random.default_rng(1)
    v, dy = rng.normal(size=(5, 3, 7)), rng.normal(size=(5, 3, 7))
    (p,) = catalogue[name].learned
    for axis, inner, channels, values in (
        (None, 1, 1, 0.5),
        (1, 7, 3, np.array([0.5, 1.0, 2.0])),
        (2, 1, 7, np.linspace(0.5, 2, 7)),
    ):
        arguments, kept = parameter_arguments(name, (values,), "float64")
        results = []
        for _ in range(2):
            partial, total = np.zeros(channels * 3), np.zeros(channels)
            getattr(host["float64"], f"host_{name}_partial_{p.name}")(
                pointer(dy),
                pointer(v),
                pointer(partial),
                pointer(total),
                ctypes.c_int(3),
                *arguments,
                *sizes(v.size, inner, channels),
            )
            results.append(total)
        np.testing.assert_array_equal(results[0], results[1])
        want = module(name).grad_params(dy, v, values, axis=axis)[p.name]
        np.testing.assert_allclose(results[0].reshape(np.shape(want)), want, rtol=1e-12)
        del kept


@on_the_host
@pytest.mark.parametrize("name", ["relu", "exponential"])
def test_bfloat16_is_rounded_to_nearest(host: dict[str, Any], name: str) -> None:
    """All 65 536 bfloat16 inputs: the kernel's result is the float32 result rounded to nearest even."""
    bits = np.arange(65536, dtype=np.uint16)
    y = np.empty_like(bits)
    params = tuple(float(p.default) for p in catalogue[name].parameters)
    arguments, kept = parameter_arguments(name, params, "bfloat16")
    getattr(host["bfloat16"], f"host_{name}_forward")(pointer(bits), pointer(y), *arguments, *sizes(len(bits)))
    inputs = from_storage(bits, "bfloat16")
    single = np.empty_like(inputs)
    getattr(host["float32"], f"host_{name}_forward")(pointer(inputs), pointer(single), *arguments, *sizes(len(bits)))
    got = from_storage(y, "bfloat16")
    number = ~np.isnan(inputs)
    assert np.isnan(got[~number]).all()
    raw = single.view(np.uint32)
    want = (((raw + 0x7FFF + ((raw >> 16) & 1)) >> 16).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(got[number], want[number])
    del kept


@on_the_host
def test_float16_conversion_is_exact(host: dict[str, Any]) -> None:
    """The identity's float16 kernel returns every one of the 65 536 inputs (NaN as NaN)."""
    bits = np.arange(65536, dtype=np.uint16)
    y = np.empty_like(bits)
    host["float16"].host_identity_forward(pointer(bits), pointer(y), *sizes(len(bits)))
    number = ~np.isnan(bits.view(np.float16))
    np.testing.assert_array_equal(y[number], bits[number])
    assert np.isnan(y.view(np.float16)[~number]).all()


def nvrtc() -> Any:
    """NVRTC from the nvidia-cuda-nvrtc wheel, or None."""
    import importlib.util

    for package in ("nvidia.cu13", "nvidia.cuda_nvrtc"):
        try:
            spec = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for root in spec.submodule_search_locations or [] if spec else []:
            found = sorted(Path(root).glob("lib/libnvrtc.so.*"))
            found = [p for p in found if "builtins" not in p.name]
            if found:
                return ctypes.CDLL(str(found[0]))
    return None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_kernel_compiles_for_a_real_gpu(dtype: str, tmp_path: Path) -> None:
    """NVRTC (or nvcc) compiles all kernels for sm_90; float kernels contain no double arithmetic but the sums."""
    library = nvrtc()
    if library is None and shutil.which("nvcc") is None:
        pytest.skip("neither the nvidia-cuda-nvrtc wheel nor nvcc is installed")
    together = {name: cuda_sources(name)[dtype] for name in SOURCES}
    if dtype == "float32":  # all the rest as one program: starting the compiler takes longer than compiling
        together["others"] = "\n".join(f"namespace n_{name} {{\n{cuda_sources(name)[dtype]}\n}}" for name in OTHERS)
    for name, text in together.items():
        if library is not None:
            program = ctypes.c_void_p()
            assert library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"k.cu", 0, None, None) == 0
            options = (ctypes.c_char_p * 2)(b"--gpu-architecture=sm_90", b"--std=c++17")
            status = library.nvrtcCompileProgram(program, 2, options)
            size = ctypes.c_size_t()
            library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            library.nvrtcGetProgramLog(program, log)
            assert status == 0, f"{name} {dtype}: {log.value.decode()}"
            library.nvrtcGetCUBINSize(program, ctypes.byref(size))
            assert size.value > 0
            library.nvrtcDestroyProgram(ctypes.byref(program))
        else:
            path = tmp_path / f"{name}.cu"
            path.write_text(text)
            done = subprocess.run(
                ["nvcc", "-arch=sm_90", "-cubin", "-Werror", "all-warnings", "-o", tmp_path / "k.cubin", path],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SOURCES)
def test_cuda_module_runs_on_a_gpu(name: str) -> None:
    """Where CuPy and a GPU are present, the RawKernels give what the NumPy module gives."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("no NVIDIA GPU is present")
    ((file, text),) = emit(catalogue[name], "cuda").items()
    space: dict[str, Any] = {}
    exec(compile(text, file, "exec"), space)
    rng = np.random.default_rng(2)
    v, dy = rng.normal(size=(4, 3, 5)) * 3, rng.normal(size=(4, 3, 5))
    for dtype, tolerance in ((np.float16, 2e-3), (np.float32, 3e-6), (np.float64, 1e-13)):
        x, g = v.astype(dtype), dy.astype(dtype)
        np.testing.assert_allclose(
            cupy.asnumpy(space["forward"](cupy.asarray(x))), module(name).forward(x), rtol=tolerance, atol=tolerance
        )
        dx, dp = space["backward"](cupy.asarray(g), cupy.asarray(x))
        want_dx, want_dp = module(name).backward(g, x)
        np.testing.assert_allclose(cupy.asnumpy(dx), want_dx, rtol=tolerance, atol=tolerance)
        for key, value in want_dp.items():
            np.testing.assert_allclose(cupy.asnumpy(dp[key]), value, rtol=20 * tolerance, atol=20 * tolerance)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", sorted(known_targets()))
@pytest.mark.parametrize("name", SOURCES)
def test_emitted_files_are_reviewed(name: str, target: str, golden: Any) -> None:
    """Golden copies show a reviewer what changed; running them above shows that it is right."""
    for file, text in emit(catalogue[name], target).items():
        assert catalogue[name].digest in "\n".join(text.splitlines()[:3])
        golden(f"{target}/{file}.txt", text)


@pytest.mark.parametrize("target", sorted(known_targets()))
def test_drift_is_found(target: str, tmp_path: Path) -> None:
    files = emit(catalogue["exponential"], target)
    assert drift(files, tmp_path) == sorted(files)
    write(files, tmp_path)
    assert drift(files, tmp_path) == []
    (changed,) = files
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
