"""Certificates: the same bytes each time, replayed without contradiction, and contradicted once they are tampered with.

A tampered certificate is the real one with one thing changed, so the unchanged one beside it shows that nothing else
is at fault.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from functions import NAMES, SOURCES, dossier
from kassei.core import certificate
from kassei.library import analyze, catalogue
from kassei.verify import BadCertificate, Report, read, replay

INTEGRALS = {"gaussian_moments", "slope_gaussian_moments"}
"""What quadrature looks at for exact parameters: it shows that an enclosure is right, and of no closed form."""
ROOT = Path(__file__).resolve().parent.parent
Tamper = Callable[[dict[str, Any]], None]


@cache
def text(name: str) -> str:
    return certificate.text(dossier(name))


@cache
def report(name: str) -> Report:
    return replay(read(text(name)))


@pytest.mark.parametrize("name", [n if n in SOURCES else pytest.param(n, marks=pytest.mark.only_slow) for n in NAMES])
def test_every_certificate_is_replayed_without_contradiction(name: str) -> None:
    found = report(name)
    assert found.contradictions == ()
    assert found.count("unreplayed") == 0
    assert found.coverage.points
    if name in SOURCES:
        assert found.count("confirmed") > found.count("consistent")
    claimed = json.loads(text(name))
    assert {o.name for o in found.outcomes} == {"normal_form", *claimed["requirements"], *claimed["properties"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_certificate_can_be_read_back(name: str) -> None:
    assert {c.name for c in read(text(name)).verdicts if c.unread} == set()


@pytest.mark.parametrize("name", ["flatten_t_swish", "hexpo"])
def test_points_and_conditions_with_roots_are_replayed(name: str) -> None:
    """Roots in conditions were not read; of two points that move with a parameter each, only one parameter was set."""
    (found,) = replay(read(text(name)), {"fixed_points"}).outcomes[1:]
    assert found.standing == "consistent"
    assert not [f for f in found.findings if "not replayed" in f.what]


@pytest.mark.parametrize("name", ["relu", "prelu", "leaky_relu", "rrelu", "identity", "step", "sigmoid"])
def test_every_verdict_on_these_is_confirmed(name: str) -> None:
    assert {o.name for o in report(name).outcomes if o.standing != "confirmed"} == set()


@pytest.mark.parametrize(
    ("name", "moving"), [("elu", {"fixed_points"}), ("exponential", set()), ("temperature", set())]
)
def test_only_integrals_and_moving_points_are_looked_at_without_being_shown(name: str, moving: set[str]) -> None:
    assert {o.name for o in report(name).outcomes if o.standing == "consistent"} == INTEGRALS | moving


@pytest.mark.parametrize("name", ["relu", "elu"])
def test_a_certificate_is_the_same_bytes_each_time(name: str) -> None:
    again = certificate.text(analyze(catalogue[name]))
    assert again == text(name)
    assert replay(read(again)).to_json() == report(name).to_json()


def test_a_power_of_zero_with_a_parameter_for_its_exponent_may_be_zero() -> None:
    """``v**(p + 1)`` at 0 was taken for a number that is not 0, and the antiderivative of repu for wrong."""
    (found,) = replay(read(text("repu")), {"antiderivative"}).outcomes[1:]
    assert found.standing == "consistent"


def verdict(key: str, truth: str, condition: str | None = None) -> Tamper:
    """Another verdict for a property, and the requirements left as they are."""

    def change(data: dict[str, Any]) -> None:
        part = "requirements" if key in data["requirements"] else "properties"
        data[part][key].update(verdict=truth, condition=condition)
        if truth == "proved":
            data[part][key]["witness"] = None

    return change


def value(key: str, new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        assert data["properties"][key]["value"] != new
        data["properties"][key]["value"] = new

    return change


def witness(key: str, **new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        assert data["properties"][key]["witness"]
        data["properties"][key]["witness"].update(new)

    return change


def inside(*path: Any, new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        at: Any = data
        for step in path[:-1]:
            at = at[step]
        assert at[path[-1]] != new
        at[path[-1]] = new

    return change


def enclosure(key: str, end: str, **new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        data["properties"][key]["value"][end].update(new)

    return change


def claim(key: str, **new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        for case in data["properties"][key]["cases"]:
            for one in case["claims"]:
                if one["kind"] == "sign":
                    one.update(new)

    return change


def moment(key: str, which: str, **new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        data["properties"][key]["value"][which].update(new)

    return change


def rows(key: str, *parts: tuple[str, Any]) -> Tamper:
    return value(key, [{"when": when, "value": new} for when, new in parts])


def root_in_row(row: int, **new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        data["properties"]["fixed_points"]["value"][row]["roots"]["root_1"].update(new)

    return change


def one_kink(key: str, **new: Any) -> Tamper:
    def change(data: dict[str, Any]) -> None:
        data["properties"][key]["value"][0]["value"][0].update(new)

    return change


CLIPPED = "Piecewise((v**2/2, v >= 0), (Min(alpha, 32)*(-v + exp(v) - 1), True))"
CLIPPED_BACK = "Piecewise((v, v >= 0), (log(1 + v/Min(alpha, 32)), True))"
AT_BOTH = "(-alpha*exp(1/2)*erf(sqrt(2)/2) - alpha + alpha*exp(1/2) + sqrt(2)/sqrt(pi))*Max(1, 1/(8*alpha))/2"
AT_ALPHA_1 = "Piecewise((v, v >= 0), (log(1 + v), True))"
FTS = ("flatten_t_swish", "fixed_points")
TAMPERED: list[tuple[str, str, Tamper]] = [
    ("elu", "domain", verdict("domain", "refuted")),
    ("rational", "domain", verdict("domain", "proved")),
    ("relu", "continuous", verdict("continuous", "refuted")),
    ("step", "continuous", verdict("continuous", "proved")),
    ("rational", "continuous", verdict("continuous", "conditional", "a > 1")),
    ("gelu", "nondecreasing", verdict("nondecreasing", "proved")),
    ("relu", "nondecreasing", verdict("nondecreasing", "refuted")),
    ("sigmoid", "nondecreasing", verdict("nondecreasing", "refuted")),
    ("elu", "nondecreasing", verdict("nondecreasing", "refuted")),
    ("prelu", "nondecreasing", verdict("nondecreasing", "conditional", "a <= 0")),
    ("prelu", "nondecreasing", verdict("nondecreasing", "conditional", "a >= 1/2")),
    ("prelu", "R1", verdict("R1", "proved")),
    ("prelu", "R2", verdict("R2", "proved")),
    ("gelu", "R3", verdict("R3", "proved")),
    ("relu", "strictly_increasing", verdict("strictly_increasing", "proved")),
    ("tanh", "strictly_increasing", verdict("strictly_increasing", "refuted")),
    ("prelu", "convex", verdict("convex", "conditional", "a <= 2")),
    ("gelu", "convex", verdict("convex", "proved")),
    ("exponential", "convex", verdict("convex", "refuted")),
    ("relu", "concave", verdict("concave", "proved")),
    ("identity", "concave", verdict("concave", "refuted")),
    ("tanh", "odd", verdict("odd", "refuted")),
    ("gelu", "odd", verdict("odd", "proved")),
    ("prelu", "even", verdict("even", "conditional", "a <= -1")),
    ("identity", "not_affine", verdict("not_affine", "proved")),
    ("relu", "not_affine", verdict("not_affine", "refuted")),
    ("sigmoid", "unit_slope_positive", verdict("unit_slope_positive", "proved")),
    ("exponential", "unit_slope_positive", verdict("unit_slope_positive", "refuted")),
    ("relu", "smoothness", value("smoothness", "1")),
    ("exponential", "smoothness", value("smoothness", "0")),
    ("step", "smoothness", value("smoothness", "0")),
    ("relu", "smoothness", value("smoothness", "discontinuous")),
    ("relu", "kinks", value("kinks", [])),
    ("relu", "kinks", value("kinks", ["0", "1"])),
    ("exponential", "kinks", value("kinks", ["0"])),
    ("relu", "range", value("range", "Interval(-1, oo)")),
    ("relu", "range", value("range", "Interval(1, oo)")),
    ("relu", "range", value("range", "Interval.open(0, oo)")),
    ("sigmoid", "range", value("range", "Interval.open(0, 2)")),
    ("tanh", "range", value("range", "Interval.open(-1/2, 1)")),
    ("elu", "range", value("range", "Interval.open(-2*alpha, oo)")),
    ("elu", "range", value("range", "Interval.open(-alpha/2, oo)")),
    ("gelu", "range", enclosure("range", "inf", lo="-0.16", hi="-0.15")),
    ("gelu", "range", inside("properties", "range", "value", "inf", new="-1/10")),
    ("relu", "lipschitz", value("lipschitz", "2")),
    ("elu", "lipschitz", value("lipschitz", "1")),
    ("sigmoid", "lipschitz", value("lipschitz", "1/2")),
    ("temperature", "lipschitz", value("lipschitz", "1/(8*k)")),
    ("step", "lipschitz", value("lipschitz", "1")),
    ("tanh", "lipschitz", value("lipschitz", "oo")),
    ("gelu", "lipschitz", value("lipschitz", "1")),
    ("relu", "unit_slope_set", value("unit_slope_set", "Interval.open(1, oo)")),
    ("exponential", "unit_slope_set", value("unit_slope_set", "Interval.open(0, oo)")),
    ("tanh", "unit_slope_set", value("unit_slope_set", "EmptySet")),
    ("gelu", "unit_slope_set", inside("properties", "unit_slope_set", "value", "points", new=[])),
    ("relu", "zero_slope_set", value("zero_slope_set", "EmptySet")),
    ("prelu", "nondecreasing", witness("nondecreasing", points=["1", "2"])),
    ("prelu", "nondecreasing", witness("nondecreasing", parameters={"a": "1"})),
    ("gelu", "convex", witness("convex", points=["0"])),
    ("relu", "odd", witness("odd", points=["0", "0"])),
    ("step", "continuous", witness("continuous", at="1")),
    ("step", "continuous", witness("continuous", right="2")),
    ("sigmoid", "unit_slope_positive", witness("unit_slope_positive", points=["-1"])),
    ("identity", "not_affine", witness("not_affine", affine="v + 1")),
    ("elu", "normal_form", inside("cases", 0, "pieces", 0, "expr", new="alpha*exp(v)")),
    ("relu", "normal_form", inside("cases", 0, "pieces", 0, "hi", new="1")),
    ("relu", "odd_part_half", verdict("odd_part_half", "refuted")),
    ("gelu", "odd_part_half", verdict("odd_part_half", "refuted")),
    ("tanh", "odd_part_half", verdict("odd_part_half", "proved")),
    ("elu", "odd_part_half", verdict("odd_part_half", "proved")),
    ("prelu", "odd_part_half", verdict("odd_part_half", "conditional", "a < 1")),
    ("tanh", "odd_part_half", witness("odd_part_half", points=["0", "0"])),
    ("relu", "zeros", value("zeros", "{0}")),
    ("relu", "zeros", value("zeros", "Interval(-oo, 1)")),
    ("gelu", "zeros", value("zeros", "EmptySet")),
    ("gelu", "zeros", value("zeros", "{0, 1}")),
    ("sigmoid", "zeros", value("zeros", "{0}")),
    ("rational", "zeros", value("zeros", "{0}")),
    ("tanh", "fixed_points", value("fixed_points", "EmptySet")),
    ("tanh", "fixed_points", value("fixed_points", "{0, 2}")),
    ("relu", "fixed_points", value("fixed_points", "{0}")),
    ("prelu", "fixed_points", value("fixed_points", "Interval(0, oo)")),
    ("relu", "slope_lipschitz", value("slope_lipschitz", "1")),
    ("gelu", "slope_lipschitz", value("slope_lipschitz", "oo")),
    ("gelu", "slope_lipschitz", value("slope_lipschitz", "1/2")),
    ("gelu", "slope_lipschitz", value("slope_lipschitz", "2")),
    ("elu", "slope_lipschitz", value("slope_lipschitz", "oo")),
    ("temperature", "slope_lipschitz", value("slope_lipschitz", "1/10")),
    ("relu", "saturation", inside("properties", "saturation", "value", "neg_inf", "level", new="-1")),
    ("relu", "saturation", inside("properties", "saturation", "value", "neg_inf", "from", new="-1")),
    ("relu", "saturation", inside("properties", "saturation", "value", "neg_inf", "from", new="1")),
    ("relu", "saturation", inside("properties", "saturation", "value", "neg_inf", "kind", new="soft")),
    ("relu", "saturation", inside("properties", "saturation", "value", "pos_inf", new={"kind": "soft", "level": "1"})),
    ("sigmoid", "saturation", inside("properties", "saturation", "value", "pos_inf", new={"kind": "none"})),
    ("elu", "saturation", inside("properties", "saturation", "value", "neg_inf", "level", new="-1")),
    ("tanh", "saturation", inside("properties", "saturation", "value", "pos_inf", "level", new="2")),
    ("relu", "asymptotes", inside("properties", "asymptotes", "value", "pos_inf", new="v + 1")),
    ("relu", "asymptotes", inside("properties", "asymptotes", "value", "neg_inf", new="none")),
    ("elu", "asymptotes", inside("properties", "asymptotes", "value", "neg_inf", new="-1")),
    ("gelu", "asymptotes", inside("properties", "asymptotes", "value", "pos_inf", new="2*v")),
    ("tanh", "asymptotes", inside("properties", "asymptotes", "value", "pos_inf", new="none")),
    ("prelu", "asymptotes", inside("properties", "asymptotes", "value", "neg_inf", new="v/4")),
    ("relu", "subgradients", value("subgradients", [])),
    ("relu", "subgradients", inside("properties", "subgradients", "value", 0, "left", new="1/2")),
    ("relu", "subgradients", inside("properties", "subgradients", "value", 0, "interval", new="Interval(0, 2)")),
    ("relu", "subgradients", inside("properties", "subgradients", "value", 0, "kind", new="clarke")),
    ("relu", "subgradients", inside("properties", "subgradients", "value", 0, "at", new="1")),
    ("step", "subgradients", inside("properties", "subgradients", "value", 0, "left", new="0")),
    ("elu", "subgradients", value("subgradients", [])),
    ("relu", "not_polynomial", verdict("not_polynomial", "refuted")),
    ("gelu", "not_polynomial", verdict("not_polynomial", "refuted")),
    ("identity", "not_polynomial", verdict("not_polynomial", "proved")),
    ("prelu", "not_polynomial", verdict("not_polynomial", "proved")),
    ("prelu", "not_polynomial", verdict("not_polynomial", "conditional", "a > 2")),
    ("identity", "not_polynomial", witness("not_polynomial", polynomial="v + 1")),
    ("relu", "gaussian_moments", inside("properties", "gaussian_moments", "value", "mean", new="2/5")),
    ("gelu", "gaussian_moments", inside("properties", "gaussian_moments", "value", "second_moment", new="3/7")),
    ("gelu", "gaussian_moments", inside("properties", "gaussian_moments", "value", "gain", new="3/2")),
    ("elu", "gaussian_moments", inside("properties", "gaussian_moments", "value", "mean", new="4/25")),
    ("sigmoid", "gaussian_moments", moment("gaussian_moments", "second_moment", lo="0.30", hi="0.31")),
    ("relu", "gaussian_moments", inside("properties", "gaussian_moments", "value", "second_moment", new="oo")),
    ("relu", "slope_gaussian_moments", inside("properties", "slope_gaussian_moments", "value", "mean", new="1/3")),
    ("step", "slope_gaussian_moments", inside("properties", "slope_gaussian_moments", "value", "mean", new="1")),
    ("tanh", "slope_gaussian_moments", moment("slope_gaussian_moments", "mean", lo="0.70", hi="0.71")),
    ("relu", "antiderivative", value("antiderivative", "Piecewise((v**2, v >= 0), (0, True))")),
    ("relu", "antiderivative", value("antiderivative", "Piecewise((v**2/2, v >= 0), (1, True))")),
    ("gelu", "antiderivative", value("antiderivative", "v**2/2")),
    ("sigmoid", "antiderivative", value("antiderivative", "v + log(1 + exp(-v))")),
    ("elu", "antiderivative", value("antiderivative", "Piecewise((v**2/2, v >= 0), (-v + exp(v) - 1, True))")),
    ("relu", "antiderivative", value("antiderivative", "none")),
    ("relu", "inverse", value("inverse", {"exists": True, "expr": None})),
    ("gelu", "inverse", value("inverse", {"exists": True, "expr": None})),
    ("sigmoid", "inverse", value("inverse", {"exists": False})),
    ("sigmoid", "inverse", inside("properties", "inverse", "value", "expr", new="log(-1 + 1/v)")),
    ("sigmoid", "inverse", inside("properties", "inverse", "value", "domain", new="Interval.open(0, 2)")),
    ("elu", "inverse", inside("properties", "inverse", "value", "expr", new=AT_ALPHA_1)),
    ("prelu", "inverse", value("inverse", {"exists": False})),
    ("identity", "inverse", value("inverse", "none")),
    ("prelu", "normal_form", inside("cases", 0, "when", new="a > 2")),
    ("elu", "claim", claim("nondecreasing", signs=[-1])),
    ("gelu", "claim", claim("convex", signs=[1], points=[], pattern="positive")),
    # true at the defaults, or over a part of the domain only: what hostile parameter values are for
    ("elu", "convex", verdict("convex", "proved")),
    ("elu", "convex", verdict("convex", "conditional", "alpha <= 8")),
    ("elu", "convex", verdict("convex", "conditional", "alpha < 65/64")),
    ("elu", "convex", verdict("convex", "conditional", "alpha <= 1/2")),
    ("elu", "concave", verdict("concave", "conditional", "alpha > 4")),
    ("elu", "odd", verdict("odd", "conditional", "alpha > 16")),
    ("elu", "even", verdict("even", "conditional", "alpha < 1/16")),
    ("elu", "nondecreasing", verdict("nondecreasing", "conditional", "alpha < 32")),
    ("elu", "strictly_increasing", verdict("strictly_increasing", "conditional", "alpha > 1/32")),
    ("elu", "continuous", verdict("continuous", "conditional", "alpha < 32")),
    ("elu", "unit_slope_positive", verdict("unit_slope_positive", "conditional", "alpha < 32")),
    ("elu", "R1", verdict("R1", "conditional", "alpha < 32")),
    ("elu", "R2", verdict("R2", "conditional", "alpha < 32")),
    ("elu", "R3", verdict("R3", "conditional", "alpha < 32")),
    ("elu", "not_affine", verdict("not_affine", "conditional", "alpha < 32")),
    ("elu", "not_polynomial", verdict("not_polynomial", "conditional", "alpha < 32")),
    ("elu", "odd_part_half", verdict("odd_part_half", "conditional", "alpha > 16")),
    ("elu", "domain", verdict("domain", "conditional", "alpha < 32")),
    ("elu", "smoothness", value("smoothness", "0")),
    ("elu", "smoothness", value("smoothness", "1")),
    ("elu", "smoothness", rows("smoothness", ("alpha < 1", "0"), ("Eq(alpha, 1)", "1"))),
    ("elu", "kinks", value("kinks", ["0"])),
    ("elu", "kinks", value("kinks", [])),
    ("elu", "lipschitz", value("lipschitz", "Max(1, alpha/2)")),
    ("elu", "lipschitz", value("lipschitz", "Max(1, alpha, 1/(8*alpha))")),
    ("elu", "range", value("range", "Interval.open(-Max(alpha, 1/4), oo)")),
    ("elu", "unit_slope_set", value("unit_slope_set", "Interval.open(0, oo)")),
    ("elu", "zero_slope_set", rows("zero_slope_set", ("alpha <= 32", "EmptySet"), ("alpha > 32", "{-1}"))),
    ("elu", "zeros", rows("zeros", ("alpha <= 32", "{0}"), ("alpha > 32", "{0, -1}"))),
    ("rational", "fixed_points", value("fixed_points", "Interval(-1/16, oo)")),
    ("elu", "slope_lipschitz", rows("slope_lipschitz", ("alpha < 8", "oo"), ("alpha >= 8", "alpha"))),
    ("elu", "saturation", inside("properties", "saturation", "value", "neg_inf", "level", new="-Min(alpha, 32)")),
    ("elu", "asymptotes", inside("properties", "asymptotes", "value", "neg_inf", new="-Min(alpha, 32)")),
    ("elu", "subgradients", one_kink("subgradients", right="Min(1, 2*alpha)", interval="Interval(alpha, 1)")),
    ("elu", "antiderivative", value("antiderivative", CLIPPED)),
    ("elu", "inverse", inside("properties", "inverse", "value", "expr", new=CLIPPED_BACK)),
    ("elu", "gaussian_moments", inside("properties", "gaussian_moments", "value", "mean", new=AT_BOTH)),
    ("elu", "slope_gaussian_moments", inside("properties", "slope_gaussian_moments", "value", "mean", new="19/25")),
    # conditions that speak of a root without a closed form
    ("flatten_t_swish", "fixed_points", root_in_row(2, lo="1.2", hi="1.21")),
    ("flatten_t_swish", "fixed_points", root_in_row(2, root_of="v + log(v - 1) - 1")),
    (*FTS, inside("properties", "fixed_points", "value", 4, "when", new="T > root_1/(exp(root_1) + 2)")),
    (*FTS, inside("properties", "fixed_points", "value", 2, "value", "points", new=["1"])),
    # two points, each of which moves with a parameter of its own
    ("hexpo", "fixed_points", inside("properties", "fixed_points", "value", 3, "value", "points", 0, new="-1")),
]


@pytest.mark.parametrize(
    ("name", "of", "tamper"), TAMPERED, ids=[f"{n}-{o}-{k}" for k, (n, o, _) in enumerate(TAMPERED)]
)
def test_a_tampered_certificate_is_contradicted(name: str, of: str, tamper: Tamper) -> None:
    data = json.loads(text(name))
    tamper(data)
    assert of in {where for where, _ in replay(read(json.dumps(data)), {of}).contradictions}
    assert of not in {where for where, _ in report(name).contradictions}


def test_each_kind_of_verdict_has_a_tampering_that_is_caught() -> None:
    data = json.loads(text("relu"))
    assert {of for _, of, _ in TAMPERED} >= {*data["requirements"], *data["properties"]}


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("certificate_schema", inside("certificate", new=99)),
        ("certificate_digest", inside("definition", "expr", new="v")),
        ("certificate_digest", inside("digest", new="0")),
        ("certificate_expression", inside("cases", 0, "pieces", 0, "expr", new="__import__(1)")),
        ("certificate_malformed", inside("properties", "odd", "verdict", new="perhaps")),
        ("certificate_malformed", inside("cases", new=[{}])),
    ],
)
def test_what_is_no_certificate_is_refused(key: str, change: Tamper) -> None:
    data = copy.deepcopy(json.loads(text("relu")))
    change(data)
    with pytest.raises(BadCertificate) as refused:
        read(json.dumps(data))
    assert refused.value.key == key


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kassei", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def test_the_commands_write_replay_and_refuse(tmp_path: Path) -> None:
    done = run("certify", "relu", "--out", "c", cwd=tmp_path)
    path = tmp_path / "c" / "relu.certificate.json"
    assert (done.returncode, path.read_text(encoding="utf-8")) == (0, text("relu"))
    assert run("verify", str(path), cwd=tmp_path).returncode == 0
    found = json.loads(run("verify", str(path), "--json", cwd=tmp_path).stdout)
    assert found == report("relu").to_json()
    assert "確認" in run("verify", str(path), "--lang", "ja", cwd=tmp_path).stdout
    data = json.loads(text("relu"))
    data["properties"]["convex"]["verdict"] = "refuted"
    path.write_text(json.dumps(data), encoding="utf-8")
    wrong = run("verify", str(path), cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (1, "")
    path.write_text("{", encoding="utf-8")
    refused = run("verify", str(path), cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Traceback" not in refused.stderr
    assert run("verify", str(tmp_path / "none.json"), cwd=tmp_path).returncode == 2
