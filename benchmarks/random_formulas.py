"""Random formulas as users write them, emitted and run, beside their definitions in Arb's ball arithmetic.

Each formula joins functions of the field (gates, ramps, bells, logarithms, roots) in v and at most one parameter.
Value, slope and the parameter's derivative are computed in float32 and float64 at inputs of all sizes and at several
parameters. Per formula the worst of these is reported:

- ``wrong``: NaN or infinity for a finite number, or an error of more than a thousandth of it (of 1/20 for a small
  slope);
- ``digits``: an error of more than 20 units in the last place for each unit of conditioning;
- ``refused``: no code was emitted, and the message says why; ``crash``: an exception; otherwise ``good``.

Run from the repository: .venv/bin/python benchmarks/random_formulas.py --count 300 --seed 1 --target numpy --out FILE
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from recorded import machine, versions

INSIDE = (*("v", "a*v", "v - a", "v + a", "v/a", "2*v", "v - 1", "v/3", "-v", "v**2", "a*v**2", "Abs(v)", "v*Abs(v)"),)
GATES = (
    *("sigmoid({u})", "tanh({u})", "(1 + erf({u}))/2", "erf({u})", "atan({u})", "erfc({u})", "1 - tanh({u})**2"),
    *("({u})/(1 + Abs({u}))", "({u})/sqrt(1 + ({u})**2)", "1/(1 + exp({u}))", "1/(1 + ({u})**2)", "exp(-({u})**2)"),
    *("exp(-Abs({u}))", "1/cosh({u})", "tanh(log(1 + exp({u})))", "log(1 + exp(-Abs({u})))", "1 - exp(-Abs({u}))"),
    *("Min(1, Max(0, {u}))", "exp({u})/(1 + exp({u}))", "1 - 1/(1 + exp({u}))", "(exp({u}) - 1)/(exp({u}) + 1)"),
    "(exp({u}) - exp(-({u})))/(exp({u}) + exp(-({u})))",
)
GROWING = (
    *("log(1 + exp({u}))", "log(1 + ({u})**2)", "sqrt(1 + ({u})**2)", "sqrt(1 + ({u})**2) - 1", "asinh({u})"),
    *(
        "sqrt(({u})**2 + a**2) - a",
        "Max({u}, 0)",
        "Min({u}, 0)",
        "{u}",
        "Abs({u})",
        "log(cosh({u}))",
        "({u}) - tanh({u})",
    ),
    *("sign({u})*log(1 + Abs({u}))", "({u})**2/(1 + Abs({u}))", "sqrt(Abs({u}))", "({u}) + sqrt(({u})**2 + 1)"),
    *("log(2 + ({u})**2)", "log((1 + exp({u}))/2)", "sqrt(({u})**2 + 1) - Abs({u})", "log(1 + Abs({u}))"),
    *("({u}) - log(1 + Abs({u}))", "Piecewise((exp({u}) - 1, v < 0), ({u}, True))", "log(1 + exp({u})) - log(2)"),
)
DOMAINS = {"(0, oo)": 0.5, "[0, 1]": 0.5, "Reals": 0.5, "(0, 1)": 0.5, "[1, oo)": 1.5}
PARAMETERS = (0.3125, 1.0, 3.0, -2.0, 25.0, 0.0)
SIZES = (1e-30, 1e-9, 1e-3, 0.3, 0.5, 1.0, 2.5, 5.5, 8.0, 12.5, 30.0, 60.0, 87.0, 91.0, 104.0, 120.0, 700.0, 760.0)
FAR = (1e4, 1e6, 1e12)
UNITS, GROSS, FLOOR, UNCLEAR = 20.0, 1e-3, 0.05, 1e11


def formula(seed: int, index: int) -> tuple[str, str]:
    """An expression, and its definition file."""
    r = random.Random(f"{seed} {index}")

    def some(kind: tuple[str, ...]) -> str:
        return "(" + r.choice(kind).format(u=r.choice(INSIDE)) + ")"

    shapes = (
        lambda: f"v*{some(GATES)}",
        lambda: f"{some(GROWING)}*{some(GATES)}",
        lambda: f"{some(GROWING)} - {some(GROWING)}",
        lambda: f"Piecewise(({some(GATES)}, v < 0), ({some(GROWING)}, True))",
        lambda: f"Piecewise(({some(GROWING)}, v <= {r.choice(('0', 'a', '-1', '-a'))}), ({some(GROWING)}, True))",
        lambda: f"v*{some(GATES)}*{some(GATES)}",
        lambda: f"{some(GROWING)}/(1 + {r.choice(('exp(-v)', 'exp(v)', 'v**2', 'Abs(v)', 'exp(-a*v)'))})",
        lambda: f"a*{some(GATES)} + {some(GROWING)}",
        lambda: f"{r.choice(('tanh', 'sigmoid', 'atan', 'erf'))}({some(GROWING)})",
        lambda: f"v*{some(GATES)}/(1 + {some(GATES)}**2)",
    )
    expr, domain = r.choice(shapes)(), r.choice(tuple(DOMAINS))
    domain = "(0, oo)" if "/a" in expr and domain in ("[0, 1]", "Reals") else domain
    text = f'name = "formula_{index}"\nexpr = "{expr}"\n'
    if re.search(r"\ba\b", expr):
        text += f'[parameters.a]\ndomain = "{domain}"\ndefault = {DOMAINS[domain]}\nlearned = true\nshared = "layer"\n'
    return expr, text


def points(kind: Any) -> Any:
    """Numbers of all sizes and neighbours of 1/2 and 1."""
    found = [kind(s * x) for x in (*SIZES, *FAR) for s in (1.0, -1.0)] + [kind(0)]
    found += [np.nextafter(kind(b), kind(e)) for b in (0.5, 1, -0.5, -1, 1.5) for e in (np.inf, -np.inf)]
    return np.unique(np.array(found, dtype=kind))


def asked(steps: Any, name: str | None, x: float, row: dict[str, float], form: Any) -> float | None:
    """What the definition gives; None where it is not settled or not one number."""
    from kassei.exact.balls import at_point

    found = at_point(steps, name, x, row, form).values
    return float(found[0]) if len(found) == 1 else None


def condition(steps: Any, name: str | None, x: float, row: dict[str, float], want: float) -> float:
    """How much a relative change of the input or the parameter makes of the result."""
    from kassei.exact.formats import FORMATS

    worst, h = 0.0, 1e-6
    for s in (h, -h):
        for moved, there in ((x * (1 + s), row), *((x, {n: y * (1 + s)}) for n, y in row.items())):
            y = asked(steps, name, moved, there, FORMATS["float64"])
            worst = max(worst, UNCLEAR if y is None or want == 0 else abs(y - want) / abs(want) / h)
    return worst


def compare(code: dict[str, Any], activation: Any, row: dict[str, float], form: Any) -> list[tuple[str, str]]:
    """What is ``wrong``, and where ``digits`` are lost, of one parameter value in one type."""
    from kassei.exact.program import program

    steps, kind, values = program(activation), np.dtype(form.name).type, tuple(row.values())
    x = points(kind)
    ones, info = np.ones_like(x), np.finfo(kind)
    got = {None: code["forward"](x, *values), "v": code["grad_input"](ones, x, *values)}
    for p in row:
        each = [code["grad_params"](ones[:1], x[k : k + 1], *values)[p] for k in range(len(x))]
        got[p] = np.array(each)
    found = []
    for name, results in got.items():
        for at, y in zip(x.tolist(), np.asarray(results).tolist(), strict=True):
            want = asked(steps, name, at, row, form)
            if want is None or (
                abs(want) > 0.99 * float(info.max) and abs(y) > 0.99 * float(info.max) and y * want > 0
            ):
                continue
            size = max(abs(want), FLOOR if name else 0.0)
            off = abs(y - want) if np.isfinite(y) else np.inf
            if off <= UNITS * max(size * float(info.eps), float(info.smallest_subnormal)):
                continue
            cost = condition(steps, name, at, row, want) if np.isfinite(y) else 0.0
            if cost < UNCLEAR and not off <= UNITS * (1 + cost) * size * float(info.eps):
                where = f"{name or 'value'} {form.name} at {at!r} {row}: {y!r} for {want!r}"
                found.append(("wrong" if off > GROSS * size else "digits", where))
    return found


def examine(seed: int, target: str, index: int) -> dict[str, Any]:
    """One formula: emitted, run and compared."""
    from kassei.codegen import emit
    from kassei.codegen.plan import CannotEmitError
    from kassei.core.reading import parse_definition
    from kassei.exact.formats import FORMATS

    warnings.simplefilter("ignore")
    expr, text = formula(seed, index)
    row: dict[str, Any] = {"index": index, "formula": expr}
    try:
        activation = parse_definition(text, "random.toml")
        ((file, module),) = emit(activation, target).items()
        code: dict[str, Any] = {"__name__": "formula"}
        exec(compile(module, file, "exec"), code)
        parameters = [{}]
        if activation.parameters:
            p = activation.parameters[0]
            inside = [x for x in PARAMETERS if p.domain.contains(sp.Rational(x))]
            parameters = [{p.name: x} for x in dict.fromkeys([float(p.default), *inside])]
        found = [
            w for one in parameters for f in ("float32", "float64") for w in compare(code, activation, one, FORMATS[f])
        ]
    except CannotEmitError as reason:
        return row | {"result": "refused", "detail": str(reason)}
    except Exception:
        return row | {"result": "crash", "detail": traceback.format_exc(limit=-3)}
    worst = next((one for one in found if one[0] == "wrong"), found[0] if found else ("good", ""))
    return row | {"result": worst[0], "detail": worst[1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=("numpy", "numba"), default="numpy")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.jobs) as pool:
        rows = list(pool.map(partial(examine, given.seed, given.target), range(given.count)))
    counts = Counter(dict.fromkeys(("good", "digits", "wrong", "refused", "crash"), 0))
    counts.update(r["result"] for r in rows)
    for row in rows:
        if row["result"] != "good":
            print(f"{row['index']} {row['formula']}\n  {row['result']}: {row['detail']}")
    print(f"seed {given.seed}, {given.target}: " + ", ".join(f"{k} {n}" for k, n in counts.items()))
    if given.out:
        report = {
            "date": time.strftime("%Y-%m-%d"),
            "command": f"benchmarks/random_formulas.py --count {given.count} --seed {given.seed}"
            f" --target {given.target}",
            "machine": machine(),
            "versions": versions("kassei", "sympy", "numpy", "numba", "python-flint"),
            "counts": dict(counts),
            "not_good": [r for r in rows if r["result"] != "good"],
        }
        given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(bool(counts["crash"]))


if __name__ == "__main__":
    sys.exit(main())
