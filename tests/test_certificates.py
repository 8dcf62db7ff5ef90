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

NOT_REPLAYED = {
    *("odd_part_half", "zeros", "fixed_points", "slope_lipschitz", "saturation", "asymptotes", "subgradients"),
    *("not_polynomial", "gaussian_moments", "slope_gaussian_moments", "antiderivative", "inverse"),
}
"""What the replay was not taught to check; it says so."""
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
    assert found.coverage.points
    if name in SOURCES:
        assert found.count("confirmed") > found.count("consistent")
    claimed = json.loads(text(name))
    assert {o.name for o in found.outcomes} == {"normal_form", *claimed["requirements"], *claimed["properties"]}


@pytest.mark.parametrize("name", ["relu", "prelu", "elu", "exponential", "sigmoid", "tanh", "temperature"])
def test_verdicts_in_reach_of_z3_are_confirmed_completely(name: str) -> None:
    weak = {o.name for o in report(name).outcomes if o.standing != "confirmed"}
    assert weak == NOT_REPLAYED


@pytest.mark.parametrize("name", ["relu", "gelu", "prelu"])
def test_a_certificate_is_the_same_bytes_each_time(name: str) -> None:
    again = certificate.text(analyze(catalogue[name]))
    assert again == text(name)
    assert replay(read(again)).to_json() == report(name).to_json()


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
    ("prelu", "normal_form", inside("cases", 0, "when", new="a > 2")),
    ("elu", "claim", claim("nondecreasing", signs=[-1])),
    ("gelu", "claim", claim("convex", signs=[1], points=[], pattern="positive")),
]


@pytest.mark.parametrize(
    ("name", "of", "tamper"), TAMPERED, ids=[f"{n}-{o}-{k}" for k, (n, o, _) in enumerate(TAMPERED)]
)
def test_a_tampered_certificate_is_contradicted(name: str, of: str, tamper: Tamper) -> None:
    data = json.loads(text(name))
    tamper(data)
    assert of in {where for where, _ in replay(read(json.dumps(data)), {of}).contradictions}
    assert replay(read(text(name)), {of}).contradictions == ()


def test_each_kind_of_verdict_has_a_tampering_that_is_caught() -> None:
    data = json.loads(text("relu"))
    assert {of for _, of, _ in TAMPERED} | NOT_REPLAYED >= {*data["requirements"], *data["properties"]}


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
