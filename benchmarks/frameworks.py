"""What PyTorch and JAX compute beside the definitions: every ``[[framework]]`` entry of theirs, in float64.

Our side is the definition itself at 50 digits (mpmath), at the parameters that the entry gives. Compared are values
at zero, kinks and their neighbours, moderate inputs and large ones; recorded are the largest difference and where it
is, what NaN, both infinities and -0 give, and the slope that the framework's automatic differentiation uses at each
kink. A difference is recorded, not judged.

Run from the repository, where torch and jax are installed:
python benchmarks/frameworks.py --out benchmarks/results/frameworks.json
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import mpmath
import sympy as sp

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "symbolic"), str(ROOT / "tests")]

from recorded import machine, versions  # noqa: E402

from exact import DIGITS, Exact  # noqa: E402 - the tests' own arithmetic, independent of what is emitted
from kassei.core.activation import Activation, Framework  # noqa: E402
from kassei.core.derive import derive  # noqa: E402
from kassei.library import catalogue  # noqa: E402

FRAMEWORKS = ("PyTorch", "JAX")
MODERATE = tuple(k / 8 for k in range(-320, 321))
LARGE = tuple(s * x for x in (1e-300, 1e-30, 1e-9, 1e-3, 50.0, 88.0, 104.0, 709.0, 745.0, 1e4, 1e150) for s in (-1, 1))
Point = Callable[[float], tuple[float, float]]


def parsed(call: str) -> tuple[list[str], dict[str, Any]]:
    """The dotted name and the keyword arguments of a call such as ``jax.nn.gelu(approximate=False)``."""
    tree = ast.parse(call, mode="eval").body
    if not isinstance(tree, ast.Call):
        return call.split("."), {}
    return ast.unparse(tree.func).split("."), {k.arg: ast.literal_eval(k.value) for k in tree.keywords if k.arg}


def found(call: str) -> tuple[Any, dict[str, Any]]:
    """The framework's object and the keyword arguments."""
    path, keywords = parsed(call)
    depth = next(n for n in range(len(path) - 1, 0, -1) if _importable(".".join(path[:n])))
    value: Any = import_module(".".join(path[:depth]))
    for name in path[depth:]:
        value = getattr(value, name)
    return value, keywords


def _importable(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def torch_point(call: str) -> Point:
    """Value and slope at one input, by PyTorch."""
    import torch

    function, keywords = found(call)
    if isinstance(function, type):
        function, keywords = function(**keywords), {}
    if "weight" in keywords:
        keywords["weight"] = torch.tensor([keywords["weight"]], dtype=torch.float64)

    def point(v: float) -> tuple[float, float]:
        x = torch.tensor([v], dtype=torch.float64, requires_grad=True)
        y = function(x, **keywords)
        (slope,) = torch.autograd.grad(y.sum(), x) if y.requires_grad else (torch.zeros(1),)
        return float(y.detach()[0]), float(slope[0])

    return point


def jax_point(call: str) -> Point:
    """Value and slope at one input, by JAX."""
    import jax

    jax.config.update("jax_enable_x64", True)
    function, keywords = found(call)

    def value(v: Any) -> Any:
        return function(v, **keywords)

    both = jax.jit(jax.value_and_grad(value))

    def point(v: float) -> tuple[float, float]:
        y, slope = both(jax.numpy.float64(v))
        return float(y), float(slope)

    return point


POINT: dict[str, Callable[[str], Point]] = {"PyTorch": torch_point, "JAX": jax_point}


def kinks(f: Activation, values: dict[sp.Symbol, sp.Expr]) -> list[float]:
    """The breaks of the definition at given parameters where the one-sided slopes differ, or f jumps."""
    out = set()
    for condition, joins in derive(f).joins:
        if condition.subs(values) != sp.true:
            continue
        for j in joins:
            sides = [None if s is None else s.subs(values) for s in (j.slope_left, j.slope_right, j.left, j.right)]
            if sides[0] is None or sides[0] != sides[1] or sides[2] != sides[3]:
                out.add(float(j.at.subs(values)))
    return sorted(out)


def compared(f: Activation, one: Framework) -> dict[str, Any]:
    """One entry of the record."""
    values = {p.symbol: one.parameters.get(p.name, p.default) for p in f.parameters}
    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(str(sp.N(value, DIGITS))) for value in values.values()]
    exact, point = Exact(f), POINT[one.name](one.call)
    at = kinks(f, values)
    near = [math.nextafter(k, side) for k in at for side in (-math.inf, math.inf)]
    worst, where, relative, where_relative, not_finite = mpmath.mpf(0), 0.0, mpmath.mpf(0), 0.0, []
    with mpmath.workdps(60):
        for v in sorted({*MODERATE, *LARGE, *at, *near}):
            got, want = point(v)[0], exact.at(v, tuple(numbers))
            if not math.isfinite(got):
                if abs(want) < sys.float_info.max:
                    not_finite.append(v)
                continue
            error = abs(mpmath.mpf(got) - want)
            scaled = error / max(abs(want), mpmath.mpf(sys.float_info.min))
            if error > worst and abs(v) <= 50:
                worst, where = error, v
            if scaled > relative:
                relative, where_relative = scaled, v
    return {
        "function": f.name,
        "framework": one.name,
        "call": one.call,
        "parameters": {p.name: str(value) for p, value in zip(f.parameters, values.values(), strict=True)},
        "largest_difference": float(mpmath.nstr(worst, 3)),
        "at": where,
        "largest_relative_difference": float(mpmath.nstr(relative, 3)),
        "relative_at": where_relative,
        "not_finite_at": not_finite,
        "kink_slopes": {repr(k): spelled(point(k)[1]) for k in at},
        "special": {
            name: spelled(point(v)[0]) for name, v in (("nan", math.nan), ("inf", math.inf), ("neg_inf", -math.inf))
        },
        "special_slopes": {
            name: spelled(point(v)[1]) for name, v in (("nan", math.nan), ("inf", math.inf), ("neg_inf", -math.inf))
        },
        "neg_zero": spelled(point(-0.0)[0]),
    }


def spelled(value: float) -> str:
    """A number that JSON may not hold, as text."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "oo" if value > 0 else "-oo"
    return "-0" if value == 0 and math.copysign(1, value) < 0 else repr(value).removesuffix(".0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = [compared(f, one) for f in catalogue.values() for one in f.frameworks if one.name in FRAMEWORKS]
    report = {
        "date": time.strftime("%Y-%m-%d"),
        "command": "benchmarks/frameworks.py",
        "machine": machine(),
        "versions": versions("torch", "jax", "sympy", "mpmath"),
        "dtype": "float64",
        "digits": 50,
        "rows": rows,
    }
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(
            f"{row['function']:<20}{row['framework']:<9}{row['largest_difference']:>10.2e} at {row['at']:<9.4g}"
            f"relative {row['largest_relative_difference']:>9.2e} at {row['relative_at']:<9.3g}"
            f"kinks {row['kink_slopes']} special {row['special']} {row['not_finite_at'] or ''}"
        )


if __name__ == "__main__":
    main()
