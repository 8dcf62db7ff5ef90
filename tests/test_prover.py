"""The prover against truths worked out by hand, and against functions whose truth is known by construction."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from kassei.core.reading import parse_definition
from kassei.library import analyze

CASES = json.loads((Path(__file__).parent / "cases" / "open.json").read_text(encoding="utf-8"))
VERDICTS = ("continuous", "nondecreasing", "not_affine", "unit_slope_positive", "convex", "concave", "odd", "even")


def definition(expr: str, parameters: dict[str, dict[str, Any]] | None = None, variable: str = "v") -> Any:
    text = f'name = "case"\nvariable = "{variable}"\nexpr = {json.dumps(expr)}\n'
    for name, p in (parameters or {}).items():
        text += f'[parameters.{name}]\ndomain = "{p["domain"]}"\ndefault = {float(p["default"])!r}\n'
    return parse_definition(text, "case.toml")


def values(case: dict[str, Any]) -> list[dict[sp.Symbol, sp.Rational]]:
    """Parameter values: a spread over each domain, and the probes of the case."""
    out: list[dict[sp.Symbol, sp.Rational]] = [{}]
    for name, p in case.get("parameters", {}).items():
        f = definition("v*" + name, {name: p})
        inside = [
            x
            for x in map(sp.Rational, ("-2", "-1", "-1/2", "0", "1/4", "1/2", "99/100", "1", "3/2", "2"))
            if f.parameters[0].domain.contains(x)
        ]
        out = [{**row, sp.Symbol(name, real=True): x} for row in out for x in inside]
    base = {
        sp.Symbol(n, real=True): sp.nsimplify(str(p["default"]), rational=True)
        for n, p in case.get("parameters", {}).items()
    }
    for probe in case.get("probe", {}).get("params", []):
        out.append({**base, **{sp.Symbol(n, real=True): sp.Rational(sp.sympify(x)) for n, x in probe.items()}})
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_verdicts_agree_with_hand_worked_truth(case: dict[str, Any]) -> None:
    """Every verdict is the true one, and conditions agree at values on both sides of every switch."""
    dossier = analyze(definition(case["expr"], case.get("parameters"), case["variable"]))
    for key in VERDICTS:
        truth = case["truth"].get(key)
        if truth is None:
            continue
        found = dossier.properties[key]
        assert found.truth == truth["verdict"], key
        if found.truth == "conditional":
            names = {p.name: p.symbol for p in dossier.activation.parameters}
            want = sp.sympify(truth["condition"], locals=names)
            for row in values(case):
                assert bool(want.subs(row)) == bool(found.condition.subs(row)), (key, row)


def rising(rng: random.Random, at: int) -> str:
    """A strictly increasing formula with value 0 at ``at``."""
    scale = sp.Rational(rng.randint(1, 9), rng.randint(1, 9))
    return rng.choice(
        [
            f"({scale})*(v - ({at}))",
            f"({scale})*(exp(v - ({at})) - 1)",
            f"tanh(({scale})*(v - ({at})))",
            f"({scale})*(v - ({at}))**3 + (v - ({at}))",
            f"atan(v - ({at}))*({scale})",
            f"sinh(v - ({at}))",
            f"({scale})*(v - ({at}) + sin(v - ({at}))/2)",
        ]
    )


@pytest.mark.parametrize("seed", [s if s % 2 else pytest.param(s, marks=pytest.mark.only_slow) for s in range(120)])
def test_monotone_by_construction(seed: int) -> None:
    """Rising pieces joined without, with an upward or with a downward jump of a chosen size."""
    rng = random.Random(seed)
    at = rng.randint(-3, 3)
    kind = rng.choice(["join", "up", "down"])
    size = sp.Rational(1, 10 ** rng.randint(0, 9))
    lift = {"join": sp.S.Zero, "up": size, "down": -size}[kind]
    expr = f"Piecewise(({rising(rng, at)} + ({lift}), v > {at}), ({rising(rng, at)}, True))"
    d = analyze(definition(expr))
    want = {"join": ("proved", "proved"), "up": ("refuted", "proved"), "down": ("refuted", "refuted")}[kind]
    assert (d.properties["continuous"].truth, d.properties["nondecreasing"].truth) == want, expr
    if kind == "down":
        u, w = map(sp.Rational, d.properties["nondecreasing"].witness["points"])
        f = d.activation
        assert u < w
        assert (f.expr.subs(f.variable, u) - f.expr.subs(f.variable, w)).evalf(50) > 0


@pytest.mark.parametrize("seed", range(60))
def test_dips_of_chosen_depth_are_found(seed: int) -> None:
    """v**3/3 - e**2 v + … falls between -e and e, however small e is; without the term it never falls."""
    rng = random.Random(1000 + seed)
    centre, depth = rng.randint(-4, 4), sp.Rational(1, 10 ** rng.randint(1, 8))
    dips = rng.random() < 0.5
    u = f"(v - ({centre}))"
    expr = f"{u}**3/3 {'-' if dips else '+'} ({depth})**2*{u}"
    d = analyze(definition(expr))
    assert d.properties["nondecreasing"].truth == ("refuted" if dips else "proved")
    assert d.properties["strictly_increasing"].truth == ("refuted" if dips else "proved")


@pytest.mark.parametrize("seed", [s if s % 2 else pytest.param(s, marks=pytest.mark.only_slow) for s in range(30)])
def test_parameter_windows_are_exact(seed: int) -> None:
    """p*v + a*sin(q*v) is monotone exactly for |a| <= p/q."""
    rng = random.Random(2000 + seed)
    p, q = sp.Rational(rng.randint(1, 9), rng.randint(1, 9)), rng.randint(1, 5)
    d = analyze(definition(f"({p})*v + a*sin({q}*v)", {"a": {"domain": "Reals", "default": 0}}))
    found = d.properties["nondecreasing"]
    edge = p / q
    assert found.truth == "conditional"
    a = sp.Symbol("a", real=True)
    for x, inside in (
        (edge, True),
        (-edge, True),
        (edge + sp.Rational(1, 10**9), False),
        (-edge - sp.Rational(1, 10**9), False),
        (0, True),
    ):
        assert bool(found.condition.subs(a, x)) is inside


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Max(v, 0) + Min(v, 0)", "v"),
        ("log(exp(v))", "v"),
        ("sinh(asinh(v))", "v"),
        ("sqrt(v**2)", "Abs(v)"),
        ("tanh(v)", "2*sigmoid(2*v) - 1"),
        ("v*Abs(v)", "Piecewise((v**2, v > 0), (-v**2, True))"),
        ("relu(v) - relu(-v)", "v"),
    ],
)
def test_two_spellings_reach_one_form(left: str, right: str) -> None:
    d = analyze(definition(f"({left}) - ({right})"))
    assert d.properties["range"].value == "{0}"
    assert d.properties["not_affine"].truth == "refuted"


@pytest.mark.parametrize(
    ("expr", "where"),
    [
        ("log(v)", ["0", "Interval.open(-oo, 0)"]),
        ("1/v", ["0"]),
        ("sqrt(v)", ["Interval.open(-oo, 0)"]),
        ("1/(v**2 - 4)", ["-2", "2"]),
    ],
)
def test_undefined_inputs_are_reported(expr: str, where: list[str]) -> None:
    d = analyze(definition(expr))
    assert d.domain.truth == "refuted"
    assert d.domain.witness["undefined_at"] == where
    assert d.properties["continuous"].truth == "refuted"


@pytest.mark.parametrize(
    "expr",
    [
        "tan(v)",
        "sin(v)/v",
        "v**v",
        "exp(exp(v))",
        "Max(0, cos(v))",
        "v*sin(1/v)",
        "sin(v**2)",
        "v*cos(v)",
        "exp(v + 1)",
    ],
)
def test_nothing_escapes(expr: str) -> None:
    """Functions beyond the engine give verdicts or unknown, never an exception."""
    d = analyze(definition(expr))
    assert {v.truth for v in d.properties.values()} <= {"proved", "refuted", "conditional", "unknown"}
    json.dumps(d.to_json())
