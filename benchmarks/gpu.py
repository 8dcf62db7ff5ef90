"""Emitted CUDA modules on a real GPU: right at the hard points, and how fast beside the device's own copy and peers.

    python benchmarks/gpu.py [NAME …] [--dtype float32] [--size 26] [--out benchmarks/results/gpu.json]

Needs CuPy and an NVIDIA GPU; PyTorch and ``torch.compile`` are compared with where they are installed. Correctness
comes first: value, slope and parameter gradients against float64 arithmetic on the host (``numpy`` target, itself
compared with 50 digits in ``tests/``), at breaks, tails, subnormals and the largest numbers, for misaligned arrays,
many tail lengths and both layouts of channels, twice with the same bits. A wrong result ends the run with exit 1,
untimed.

Times are CUDA events around several launches on arrays of 2**size elements that no cache holds. Candidates take turns
in a random but fixed order; of each round the ratio to the copy that moved as many bytes is kept, and the median of
the ratios is given with the quartiles. ``share`` is the time of that copy over the time of the kernel: 1 is the speed
of light. Peers are given as their time over ours.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kassei.bench.machine import versions
from kassei.codegen import emit
from kassei.library import catalogue

NAMES = ("relu", "prelu", "elu", "exponential", "rational", "sigmoid", "tanh", "silu", "gelu", "mish", "softplus")
GOALS = {"forward": 0.97, "backward": 0.95}
"""Shares of the copy that float32 and 16-bit kernels are to reach."""
ACCESSES = {"forward": 2, "backward": 3, "forward_backward": 4}
ROUNDS, LAUNCHES = 15, 4
Run = Callable[[], Any]


def load(name: str, target: str) -> dict[str, Any]:
    """An emitted module, executed."""
    files = emit(catalogue[name], target)
    space: dict[str, Any] = {"__name__": f"{name}_{target}"}
    exec(compile(next(iter(files.values())), next(iter(files)), "exec"), space)
    return space


# --- correctness ------------------------------------------------------------------------------------------------------


def hard_points(dtype: np.dtype[Any]) -> np.ndarray:
    """Numbers of all magnitudes, crowded around 0 and in the tails."""
    info, rng = np.finfo(dtype), np.random.default_rng(0)
    size = np.exp2(rng.uniform(np.log2(float(info.smallest_subnormal)), np.log2(float(info.max)), 20_000))
    edges = [0.0, -0.0, *(s * float(x) for x in (info.smallest_subnormal, info.tiny, info.max) for s in (1, -1))]
    parts = [rng.normal(size=50_000) * 3, rng.uniform(-120, 120, 30_000), size, -size, edges]
    found = np.concatenate(parts)
    return found[np.abs(found) <= float(info.max)].astype(dtype)


def close(got: np.ndarray, want: np.ndarray, dtype: np.dtype[Any], units: float, *, slope: bool) -> str | None:
    """What is wrong with a result, or None; ``want`` is float64."""
    info = np.finfo(dtype)
    y = got.astype(np.float64)
    inside = np.abs(want) <= float(info.max) * (1 - float(info.eps))
    if (np.isnan(y) != np.isnan(want)).any():
        return f"{int((np.isnan(y) != np.isnan(want)).sum())} wrong NaN"
    if not np.isfinite(y[inside]).all():
        return f"{int((~np.isfinite(y[inside])).sum())} wrong infinities"
    place = np.exp2(np.floor(np.log2(np.maximum(np.abs(want), float(info.tiny)))) - info.nmant)
    allowed = units * place
    if slope:
        allowed = np.maximum(allowed, np.maximum(np.abs(want), 0.05) * 3e-7)
    off = np.abs(y - want) > allowed
    off &= inside
    if off.any():
        k = int(np.argmax(np.where(off, np.abs(y - want) / place, 0)))
        return f"{int(off.sum())} results off, the worst {y[k]!r} where {want[k]!r} is right"
    return None


def check(name: str, dtype: str, cupy: Any) -> list[str]:
    """Everything wrong with one function in one dtype."""
    ours, host = load(name, "cuda"), load(name, "numpy")
    kind = np.dtype(dtype)
    x = hard_points(kind)
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
        ones = np.ones_like(wide)
        wanted = {"forward": host["forward"](wide), "grad_input": host["grad_input"](ones, wide)}
    device = cupy.asarray(x)
    up = cupy.ones_like(device)
    found = {"forward": ours["forward"](device), "grad_input": ours["grad_input"](up, device)}
    units = {"float16": 0.51, "float32": 8.0 if name == "gelu" else 4.0, "float64": 16.0}[dtype]
    wrong = []
    for key, got in found.items():
        slope = key == "grad_input"
        say = close(cupy.asnumpy(got), np.asarray(wanted[key]), kind, max(units, 5.0) if slope else units, slope=slope)
        wrong += [f"{name} {dtype} {key}: {say}"] if say else []
    whole = cupy.asnumpy(found["forward"])
    for n in (*range(1, 40), 4095, 4096, 4097, 16_384, 50_001):
        for shift in (0, 1, 3):
            part = ours["forward"](device[shift : shift + n])
            if not np.array_equal(cupy.asnumpy(part), whole[shift : shift + n], equal_nan=True):
                wrong.append(
                    f"{name} {dtype}: {n} elements from {shift} on differ from the same elements of a whole array"
                )
    ends = cupy.asnumpy(ours["forward"](cupy.asarray(np.array([np.nan, np.inf, -np.inf], kind))))
    with np.errstate(all="ignore"):
        exact = np.asarray(host["forward"](np.array([np.nan, np.inf, -np.inf])))
    if not np.allclose(ends.astype(np.float64), exact.astype(kind).astype(np.float64), rtol=1e-3, equal_nan=True):
        wrong.append(f"{name} {dtype}: NaN and infinities give {ends}, not {exact}")
    return wrong + sums(name, dtype, cupy, ours, host)


def sums(name: str, dtype: str, cupy: Any, ours: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Parameter gradients in every layout, twice."""
    rng, wrong = np.random.default_rng(1), []
    for shape, axis in (((1_000_003,), None), ((32, 64, 3136), 1), ((7, 5, 49), 1), ((8192, 1024), 1), ((999, 3), 1)):
        v, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
        args = (cupy.asarray(dy), cupy.asarray(v))
        first, again = (ours["backward"](*args, axis=axis)[1] for _ in range(2))
        want = host["grad_params"](dy.astype(np.float64), v.astype(np.float64), axis=axis)
        for key, value in want.items():
            got, twice = cupy.asnumpy(first[key]), cupy.asnumpy(again[key])
            others = tuple(k for k in range(len(shape)) if k != axis) if axis is not None else None
            scale = np.abs(dy.astype(np.float64)).sum(axis=others)
            if not np.array_equal(got, twice):
                wrong.append(f"{name} {dtype} {shape}: d{key} differs between two runs")
            slack = float(np.finfo(dtype).eps) * (np.abs(value) + 1e-3 * scale)
            if not (np.abs(got.astype(np.float64) - value) <= slack).all():
                wrong.append(f"{name} {dtype} {shape}: d{key} is {got}, not {value}")
    return wrong


# --- speed ------------------------------------------------------------------------------------------------------------


def timed(run: Run, cupy: Any) -> float:
    """Milliseconds of one launch, by events around several."""
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    start.record()
    for _ in range(LAUNCHES):
        run()
    end.record()
    end.synchronize()
    return float(cupy.cuda.get_elapsed_time(start, end)) / LAUNCHES


def copier(parts: int, n: int, dtype: str, cupy: Any) -> Run:
    """The device's copy of as many bytes as a kernel with so many accesses moves."""
    count = parts * n // 2
    source, into = (cupy.empty(count, dtype=dtype) for _ in range(2))
    size = source.nbytes
    memcpy = cupy.cuda.runtime.memcpyAsync
    kind = cupy.cuda.runtime.memcpyDeviceToDevice
    return lambda: memcpy(into.data.ptr, source.data.ptr, size, kind, cupy.cuda.get_current_stream().ptr)


def torch_peers(name: str, dtype: str, v: Any, dy: Any) -> dict[str, dict[str, Run]]:
    """PyTorch's own function, eager and compiled, on torch's copies of the same data."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch
    from torch.nn import functional

    if not torch.cuda.is_available():
        return {}
    x, g = torch.from_dlpack(v).clone(), torch.from_dlpack(dy).clone()
    weight = torch.full((1,), 0.25, dtype=x.dtype, device=x.device, requires_grad=True)
    scale = torch.zeros((), dtype=x.dtype, device=x.device, requires_grad=True)

    def exponential(t: Any) -> Any:
        return torch.where(t >= 0, t, torch.exp(scale) * t / (torch.exp(scale) - t))

    known: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {
        "relu": (functional.relu, ()),
        "prelu": (lambda t: functional.prelu(t, weight), (weight,)),
        "elu": (functional.elu, ()),
        "sigmoid": (torch.sigmoid, ()),
        "tanh": (torch.tanh, ()),
        "silu": (functional.silu, ()),
        "gelu": (functional.gelu, ()),
        "mish": (functional.mish, ()),
        "softplus": (functional.softplus, ()),
        "exponential": (exponential, (scale,)),
    }
    if name not in known:
        return {}
    eager, parameters = known[name]
    out: dict[str, dict[str, Run]] = {}
    for label, f in (("torch", eager), ("torch.compile", torch.compile(eager, dynamic=False))):

        def forward(f: Callable[[Any], Any] = f) -> Any:
            with torch.no_grad():
                return f(x)

        def both(f: Callable[[Any], Any] = f) -> Any:
            leaf = x.detach().requires_grad_()
            return torch.autograd.grad(f(leaf), (leaf, *parameters), g)

        for _ in range(3):
            forward()
            both()
        out[label] = {"forward": forward, "forward_backward": both}
    torch.cuda.synchronize()
    return out


def elementwise(name: str, dtype: str, v: Any, cupy: Any) -> dict[str, dict[str, Run]]:
    """CuPy's ElementwiseKernel for what it writes in one line."""
    real = "float" if dtype != "float64" else "double"
    known = {
        "relu": "y = (T)(x > (T)0 ? x : (T)0)",
        "silu": f"{real} u = ({real})x; y = (T)(u / (1 + exp(-u)))",
        "exponential": f"{real} u = ({real})x; y = (T)(u >= 0 ? u : u / (1 - u))",
    }
    if name not in known:
        return {}
    kernel = cupy.ElementwiseKernel("T x", "T y", known[name], f"peer_{name}")
    out = cupy.empty_like(v)
    return {"cupy.ElementwiseKernel": {"forward": lambda: kernel(v, out)}}


def quartiles(values: list[float]) -> dict[str, float]:
    """The median and the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": round(middle, 4), "low": round(low, 4), "high": round(high, 4)}


def speed(name: str, dtype: str, n: int, cupy: Any) -> list[dict[str, Any]]:
    """Rows of one function: each kernel's share of the copy, and peers' times over ours."""
    ours = load(name, "cuda")
    rng = cupy.random.default_rng(0)
    v, dy = (rng.standard_normal(n, dtype=cupy.float32).astype(dtype) for _ in range(2))
    y = cupy.empty_like(v)
    runs: dict[str, dict[str, Run]] = {
        "kassei": {
            "forward": lambda: ours["forward"](v, out=y),
            "backward": lambda: ours["backward"](dy, v),
            "forward_backward": lambda: ours["forward_backward"](dy, v),
        },
        **torch_peers(name, dtype, v, dy),
        **elementwise(name, dtype, v, cupy),
    }
    rows, order = [], random.Random(0)
    for kernel, parts in ACCESSES.items():
        candidates = {label: found[kernel] for label, found in runs.items() if kernel in found}
        candidates["copy"] = copier(parts, n, dtype, cupy)
        for run in candidates.values():
            timed(run, cupy)
        rounds: list[dict[str, float]] = []
        for _ in range(ROUNDS):
            labels = sorted(candidates)
            order.shuffle(labels)
            rounds.append({label: timed(candidates[label], cupy) for label in labels})
        share = quartiles([r["copy"] / r["kassei"] for r in rounds])
        goal = GOALS.get(kernel) if dtype != "float64" else None
        rows.append(
            {
                "name": name,
                "dtype": dtype,
                "elements": n,
                "kernel": kernel,
                "milliseconds": quartiles([r["kassei"] for r in rounds]),
                "share_of_copy": share,
                "goal": goal,
                "reached": None if goal is None else share["median"] >= goal,
                "peers_over_ours": {
                    label: quartiles([r[label] / r["kassei"] for r in rounds])
                    for label in candidates
                    if label not in ("kassei", "copy")
                },
            }
        )
        del candidates
        cupy.get_default_memory_pool().free_all_blocks()
    return rows


def main() -> int:
    """The command line: 1 if a result is wrong, 2 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(NAMES))
    parser.add_argument("--dtype", action="append", choices=("float16", "float32", "float64"))
    parser.add_argument("--size", type=int, default=26, help="2**SIZE elements (26)")
    parser.add_argument("--only-check", action="store_true", help="correctness, no times")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if importlib.util.find_spec("cupy") is None:
        print("CuPy is not installed: this suite needs it and an NVIDIA GPU", file=sys.stderr)
        return 2
    import cupy

    try:
        device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    except cupy.cuda.runtime.CUDARuntimeError as missing:
        print(f"no NVIDIA GPU is present: {missing}", file=sys.stderr)
        return 2
    dtypes = options.dtype or ["float16", "float32", "float64"]
    wrong = [say for name in options.names for dtype in dtypes for say in check(name, dtype, cupy)]
    for say in wrong:
        print(f"WRONG  {say}")
    print(f"{len(options.names) * len(dtypes)} modules and dtypes checked on {device}, {len(wrong)} wrong")
    rows: list[dict[str, Any]] = []
    if not wrong and not options.only_check:
        for name in options.names:
            for dtype in dtypes:
                for row in speed(name, dtype, 2**options.size, cupy):
                    rows.append(row)
                    peers = ", ".join(f"{k} {x['median']:.2f}" for k, x in row["peers_over_ours"].items())
                    mark = "  misses its goal" if row["reached"] is False else ""
                    print(
                        f"{name:12s} {dtype:8s} {row['kernel']:17s} {row['milliseconds']['median']:8.3f} ms"
                        f"  {row['share_of_copy']['median']:.2f} of the copy{mark}  {peers}"
                    )
    if options.out:
        report = {
            "what": "emitted CUDA kernels on a GPU: correctness, share of the device's copy, peers' time over ours",
            "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
            "date": datetime.date.today().isoformat(),
            "device": device,
            "driver": cupy.cuda.runtime.driverGetVersion(),
            "versions": versions("cupy-cuda12x", "cupy-cuda13x", "torch", "numpy"),
            "wrong": wrong,
            "rows": rows,
        }
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
