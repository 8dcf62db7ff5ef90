"""Results as documents: one JSON object per function, target and dtype."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kassei.audit.jobs import SAMPLE, STRIDE, Job
from kassei.audit.measure import NOWHERE, Tally
from kassei.audit.points import quantities
from kassei.audit.shards import quantity_name
from kassei.exact.balls import at_point
from kassei.exact.formats import FORMATS, Format
from kassei.exact.program import Program

SCHEMA = 1
PACKAGES = {
    "numpy": (),
    "numba": ("numba", "llvmlite"),
    "torch": ("torch", "numba"),
    "jax": ("jax",),
    "javascript": ("quickjs-ng",),
    "cuda": ("cupy",),
}
DIGITS = 20


def document(
    jobs: Sequence[Job],
    tallies: Sequence[Mapping[str, Tally]],
    *,
    exhaustive: bool,
    command: str,
    date: str,
    seconds: float,
) -> dict[str, Any]:
    """The audit of one function, target and dtype over its parameter choices."""
    first = jobs[0]
    form = FORMATS[first.dtype]
    code = first.shards[0].code
    return {
        "schema": SCHEMA,
        "kind": "audit",
        "name": first.activation.name,
        "digest": first.activation.digest,
        "expr": first.activation.source,
        "target": first.target,
        "dtype": first.dtype,
        "code_sha256": hashlib.sha256(repr(code.files).encode()).hexdigest(),
        "coverage": coverage(form, exhaustive=exhaustive),
        "exhaustive": exhaustive or form.bits == 16,
        "results": [
            {
                "params": dict(one.params),
                "quantities": {
                    quantity_name(p, q): entry(p, q, one.params, form, found[quantity_name(p, q)])
                    for q in quantities(p)
                },
            }
            for one, found in zip(jobs, tallies, strict=True)
            for p in [one.shards[0].program]
        ],
        "versions": versions(first.target),
        "machine": machine(),
        "command": command,
        "date": date,
        "seconds": round(seconds, 2),
    }


def coverage(form: Format, *, exhaustive: bool) -> str:
    """What was looked at, in words for the file."""
    if form.bits == 16:
        return "all 65536 inputs"
    if form.bits == 32:
        return "all 2^32 inputs" if exhaustive else f"every {STRIDE}th input and the hard points"
    return f"hard points and {2 * SAMPLE[exhaustive]} inputs spread over all magnitudes"


def entry(p: Program, quantity: str | None, params: Mapping[str, float], form: Format, t: Tally) -> dict[str, Any]:
    """One quantity's figures."""
    judged = t.inputs - t.not_judged - t.undefined - t.wrong_nan - t.wrong_inf
    out: dict[str, Any] = {
        "inputs": t.inputs,
        "max_ulp": _short(t.max_ulp),
        "at": place(t.at, form),
        "got": None if t.at == NOWHERE else repr(t.got),
        "exact": exact(p, quantity, params, form, t.at),
        "mean_ulp": _short(t.sum_ulp / judged) if judged else None,
        "over_1_ulp": t.over_1,
        "over_4_ulp": t.over_4,
        "over_8_ulp": t.over_8,
        "wrong_nan": t.wrong_nan,
        "wrong_nan_at": place(t.wrong_nan_at, form),
        "wrong_inf": t.wrong_inf,
        "wrong_inf_at": place(t.wrong_inf_at, form),
        "undefined": t.undefined,
        "not_judged": t.not_judged,
        "judged_by": {k: getattr(t, k) for k in ("taylor", "fitted", "float64", "arb", "special")},
        "reference_checked_at": t.checked,
    }
    if quantity is not None:
        out["max_relative"] = _short(t.max_relative)
        out["max_relative_at"] = place(t.relative_at, form)
    return out


def _short(x: float) -> float:
    return float(f"{x:.6g}")


def place(pattern: int, form: Format) -> dict[str, str] | None:
    """An input, as its bit pattern and as a number; None where there is none."""
    if pattern == NOWHERE:
        return None
    return {"hex": f"0x{pattern:0{form.bits // 4}x}", "decimal": repr(form.value(pattern))}


def exact(p: Program, quantity: str | None, params: Mapping[str, float], form: Format, pattern: int) -> str | None:
    """The exact value there, to as many digits as Arb is sure of."""
    if pattern == NOWHERE or (pattern & ~form.sign) >= form.infinity:
        return None
    found = at_point(p, quantity, form.value(pattern), params, form)
    return " or ".join(ball.str(DIGITS, radius=False) for ball in found.values) or None


def versions(target: str) -> dict[str, str]:
    """What computed: kassei, Python, and the packages of target and reference."""
    out = {"python": platform.python_version()}
    for name in ("kassei", "numpy", "python-flint", *PACKAGES.get(target, ())):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = "not installed"
    return out


def machine() -> dict[str, Any]:
    """Where it ran, as far as results can depend on it."""
    return {"system": platform.system(), "architecture": platform.machine(), "processors": os.cpu_count()}
