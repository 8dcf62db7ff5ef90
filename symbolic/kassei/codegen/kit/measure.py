"""How far the kit's functions err, as data: float32 at all 2**32 inputs, float64 at a sample against mpmath.

    python -m kassei.codegen.kit.measure            # everything, into errors.json (some ten minutes on two cores)
    python -m kassei.codegen.kit.measure exp log1p  # print these only; with --write they go into the file
    python -m kassei.codegen.kit.measure --every 4096 exp   # float32 at every 4096th input only; `inputs` says so

float32 is compared with the kit's own float64 functions, whose error was measured just before and is below 2**-49; so
the figures hold to 2**-25 of a unit of float32. Functions of two arguments (``x`` times a function of u) are measured
at x = u, the case of the gated units. Errors are given in units in the last place of the exact result (``ulp``; below
the normal numbers the spacing of subnormals) and relative to the result in units of roundoff (``roundoffs``; relative
to the smallest normal number below it; slopes that change their sign: to max(abs(slope), 0.05), in both columns).
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np

from kassei.codegen import kit

BLOCK = 4096
SWEEP = '''
@numba.njit(fastmath={"contract"}, error_model="numpy", parallel=True)
def sweep_NAME(first, count, step):
    """Per block of inputs: largest error in ulp, where, in roundoffs, and how many are wrongly NaN, inf or finite."""
    blocks = (count + BLOCK - 1) // BLOCK
    found = np.zeros((blocks, 4))
    for b in numba.prange(blocks):
        x = np.empty(BLOCK, np.float32)
        got = np.empty(BLOCK, np.float32)
        want = np.empty(BLOCK, np.float64)
        n = min(BLOCK, count - b * BLOCK)
        start = first + b * BLOCK * step
        for k in range(n):
            x[k] = _I32(start + k * step).view(_R32)
        for k in range(n):
            got[k] = CALL32
        for k in range(n):
            want[k] = CALL64
        for k in range(n):
            w = want[k]
            g = np.float64(got[k])
            if np.isnan(w):
                found[b, 3] += 0.0 if np.isnan(g) else 1.0
                continue
            if np.isinf(g) or np.isnan(g):  # right from where the type rounds to inf
                right = np.isinf(g) and abs(w) >= 3.4028235677973366e38 and (g > 0) == (w > 0)
                found[b, 3] += 0.0 if right else 1.0
                continue
            size = max(abs(w), FLOOR32)
            unit = _I64(_R64(size).view(_I64) & _I64(0x7FF0000000000000)).view(_R64) * 2.0**-23
            error = abs(g - w)
            if error > found[b, 0] * unit:
                found[b, 0] = error / unit
                found[b, 1] = np.float64(x[k])
            found[b, 2] = max(found[b, 2], error / size * 2.0**24)
    return found


@numba.njit(error_model="numpy")
def each64_NAME(x, out):
    for k in range(x.size):
        out[k] = AT64
'''


def compiled(names: list[str]) -> SimpleNamespace:
    """A module with the kit's text and the loops that measure it."""
    import numba

    text = kit.HEADER + kit.numba_source(set(names), "float32") + "\n\n" + kit.numba_source(set(names), "float64")
    for name in names:
        twice = name.endswith("_times")
        text += (
            SWEEP.replace("sweep_NAME", f"sweep{name}")
            .replace("each64_NAME", f"each64{name}")
            .replace("CALL32", f"{name}32(x[k], x[k])" if twice else f"{name}32(x[k])")
            .replace(
                "CALL64", f"{name}64(np.float64(x[k]), np.float64(x[k]))" if twice else f"{name}64(np.float64(x[k]))"
            )
            .replace("FLOOR32", repr(FLOOR if name in FLOORED else 2.0**-126))
            .replace("AT64", f"{name}64(x[k], x[k])" if twice else f"{name}64(x[k])")
        )
    space: dict[str, Any] = {"np": np, "numba": numba, "math": math, "BLOCK": BLOCK, "__name__": "kit_measured"}
    exec(compile(text, "<kit>", "exec"), space)
    return SimpleNamespace(**space)


def float32_errors(module: SimpleNamespace, name: str, every: int = 1) -> dict[str, Any]:
    """All inputs (every so many) of one float32 function. Bit patterns are counted from -2**31."""
    inputs, worst, where, relative, wrong = 0, 0.0, 0.0, 0.0, 0.0
    chunk = 2**26
    for first in range(-(2**31), 2**31, chunk * every if every < 64 else 2**32):
        count = min(chunk, (2**31 - first + every - 1) // every)
        found = getattr(module, f"sweep{name}")(first, count, every)
        top = int(np.argmax(found[:, 0]))
        if found[top, 0] > worst:
            worst, where = float(found[top, 0]), float(found[top, 1])
        relative = max(relative, float(found[:, 2].max()))
        wrong += float(found[:, 3].sum())
        inputs += count
    return {
        "ulp": round(worst, 3),
        "at": where,
        "roundoffs": round(relative, 3),
        "wrong": int(wrong),
        "inputs": inputs,
    }


# --- float64 ----------------------------------------------------------------------------------------------------------

EXACT: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "_exp": mpmath.exp,
    "_expm1": mpmath.expm1,
    "_log": mpmath.log,
    "_log1p": mpmath.log1p,
    "_tanh": mpmath.tanh,
    "_sech2": lambda u: mpmath.sech(u) ** 2,
    "_sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "_softplus": lambda u: mpmath.log1p(mpmath.exp(u)),
    "_tanh_softplus": lambda u: _gate(mpmath.exp(u)),
    "_tanh_softplus_slope": lambda u: _gate_slope(mpmath.exp(u)),
    "_swish_slope": lambda u: 1 / (1 + mpmath.exp(-u)) + u * mpmath.exp(-u) / (1 + mpmath.exp(-u)) ** 2,
    "_mish_slope": lambda u: _gate(mpmath.exp(u)) + u * _gate_slope(mpmath.exp(u)),
    "_gelu_slope": lambda u: mpmath.erfc(-u / mpmath.sqrt(2)) / 2 + u * mpmath.npdf(u),
    "_gauss": lambda u: mpmath.exp(-u * u / 2),
    "_exp_neg_square": lambda u: mpmath.exp(-u * u),
    "_normal_cdf": lambda u: mpmath.erfc(-u / mpmath.sqrt(2)) / 2,
    "_erfc": mpmath.erfc,
    "_erf": mpmath.erf,
}
"""What each function is, by mpmath."""


FLOORED = frozenset(("_swish_slope", "_mish_slope", "_gelu_slope"))
"""Functions that change their sign: judged relative to max(abs(f), 0.05)."""
FLOOR = 0.05


def _plain(name: str) -> str:
    return name.removesuffix("_times").removesuffix("_pair")


def _gate(e: mpmath.mpf) -> mpmath.mpf:
    return e * (e + 2) / (e * (e + 2) + 2)


def _gate_slope(e: mpmath.mpf) -> mpmath.mpf:
    return 4 * e * (1 + e) / (e * (e + 2) + 2) ** 2


def exact(name: str, u: float) -> mpmath.mpf:
    """The value of a function (times u where its name ends so), to 40 digits after any cancellation."""
    x = mpmath.mpf(u)
    value = EXACT[_plain(name)](x)
    return value * x if name.endswith("_times") else value


def hard_inputs(name: str) -> np.ndarray[Any, Any]:
    """Inputs of every magnitude, dense where |u| is moderate, beside multiples of log(2)/2 and where results vanish."""
    rng = np.random.default_rng(20261121)
    parts = [
        rng.uniform(-1, 1, 400),
        rng.uniform(-3, 3, 500),
        rng.uniform(-40, 40, 400),
        rng.uniform(-750, 750, 300),
        rng.choice([-1.0, 1.0], 300) * 10.0 ** rng.uniform(-320, 308, 300),
        rng.choice([-1.0, 1.0], 400) * 10.0 ** rng.uniform(-18, 3, 400),
        np.arange(-60, 60) * (math.log(2) / 2) * (1 + 1e-13 * rng.uniform(-1, 1, 120)),
        np.arange(-120, 121) / 8.0,
        -1.0 + 10.0 ** rng.uniform(-15, 0, 60),
        np.array([0.0, -0.0, 5e-324, -5e-324, 2.3e-308, 1e308, -1e308, 709.78, -708.4, -745.13, -38.4, 26.5]),
    ]
    found = np.concatenate(parts)
    return found[found > 0] if name == "_log" else found[found > -1] if name == "_log1p" else found


def float64_errors(module: SimpleNamespace, name: str) -> dict[str, Any]:
    """One float64 function at the hard inputs, against mpmath at 60 digits."""
    x = hard_inputs(name)
    got = np.empty_like(x)
    getattr(module, f"each64{name}")(x, got)
    worst, where, relative, wrong = 0.0, 0.0, 0.0, 0
    biggest = mpmath.mpf(sys.float_info.max)
    with mpmath.workdps(60):
        for u, g in zip(x.tolist(), got.tolist(), strict=True):
            base = _plain(name)
            far = abs(u) > 2000 and base not in {"_log", "_log1p"}  # mpmath need not build exp(1e308)
            want = exact(name, u) if not far else _beyond(name, u)
            if abs(want) > biggest or not math.isfinite(g):
                wrong += not (
                    math.isinf(g) and abs(want) > biggest * (1 + mpmath.mpf(2) ** -54) and (g > 0) == (want > 0)
                )
                continue
            size = max(abs(want), mpmath.mpf(FLOOR if name in FLOORED else sys.float_info.min))
            unit = mpmath.mpf(2) ** (mpmath.floor(mpmath.log(size, 2)) - 52)
            error = abs(mpmath.mpf(g) - want)
            if error / unit > worst:
                worst, where = float(error / unit), u
            relative = max(relative, float(error / size * mpmath.mpf(2) ** 53))
    return {"ulp": round(worst, 3), "at": where, "roundoffs": round(relative, 3), "wrong": wrong, "inputs": len(x)}


def _beyond(name: str, u: float) -> mpmath.mpf:
    """Values for abs(u) > 2000, where all of these are at their limits to float64 and beyond."""
    base = _plain(name)
    limits = {
        "_exp": (0, mpmath.inf),
        "_expm1": (-1, mpmath.inf),
        "_tanh": (-1, 1),
        "_erf": (-1, 1),
        "_erfc": (2, 0),
        "_softplus": (0, mpmath.mpf(u)),
        "_sigmoid": (0, 1),
        "_tanh_softplus": (0, 1),
        "_normal_cdf": (0, 1),
        **dict.fromkeys(FLOORED, (0, 1)),
    }
    value = mpmath.mpf(limits.get(base, (0, 0))[u > 0])
    return value * mpmath.mpf(u) if name.endswith("_times") else value


# --- the command ------------------------------------------------------------------------------------------------------


def machine() -> dict[str, str]:
    """Where it was measured."""
    import llvmlite  # type: ignore[import-untyped]
    import numba

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "cpu": str(llvmlite.binding.get_host_cpu_name()),
        "fma": str(bool(llvmlite.binding.get_host_cpu_features().get("fma", False)) and not numba.config.CPU_FEATURES),
        "numba": numba.__version__,
        "command": "python -m kassei.codegen.kit.measure",
    }


def rows(names: list[str], every: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, name and figures, one function at a time."""
    for name in names:
        module = compiled([name])
        yield "float64", name, float64_errors(module, name)
        yield "float32", name, float32_errors(module, name, every)


def main(arguments: list[str]) -> int:
    """Measure and print; what was measured at all inputs goes into the file, and the rest of it stays."""
    every, write = 1, not any(a != "--write" for a in arguments)
    if "--every" in arguments:
        at = arguments.index("--every")
        every, arguments = int(arguments[at + 1]), arguments[:at] + arguments[at + 2 :]
    if "--write" in arguments:
        write, arguments = True, [a for a in arguments if a != "--write"]
    names = [f"_{a}" for a in arguments] or sorted(kit.PUBLIC)
    path = kit.HERE / "errors.json"
    data = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"functions": {}}
    found = data["functions"]
    for real, name, row in rows(names, every):
        found.setdefault(real, {})[name.removeprefix("_")] = row
        print(f"{real} {name:28s} {row}", file=sys.stderr, flush=True)
        if write:
            text = json.dumps({"measured": machine(), "functions": found}, indent=1, sort_keys=True) + "\n"
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    started = time.monotonic()
    status = main(sys.argv[1:])
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    raise SystemExit(status)
