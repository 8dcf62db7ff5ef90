"""Who ships what: the entries of the definitions, and the record that benchmarks/frameworks.py has measured of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from kassei.core.activation import Framework
from kassei.library import OUT_OF_SCOPE, catalogue, out_of_scope

RECORD = json.loads(
    (Path(__file__).parent.parent / "benchmarks" / "results" / "frameworks.json").read_text(encoding="utf-8")
)
ENTRIES = {(f.name, one.name, one.call): one for f in catalogue.values() for one in f.frameworks}
MEASURED = {(row["function"], row["framework"], row["call"]): row for row in RECORD["rows"]}
KNOWN = {"Flax", "JAX", "Keras", "ONNX", "PyTorch", "TensorFlow", "Transformers"}


def test_every_entry_is_of_a_known_framework_and_is_there_once() -> None:
    assert {name for _, name, _ in ENTRIES} == KNOWN
    assert len(ENTRIES) == sum(len(f.frameworks) for f in catalogue.values())


def test_the_record_covers_every_pytorch_and_jax_entry_and_nothing_else() -> None:
    assert set(MEASURED) == {key for key in ENTRIES if key[1] in ("PyTorch", "JAX")}
    assert {"date", "command", "versions"} <= set(RECORD)


@pytest.mark.parametrize("key", MEASURED, ids=["-".join(key[:2]) for key in MEASURED])
def test_what_a_definition_says_of_kinks_and_special_inputs_was_measured(key: tuple[str, str, str]) -> None:
    one, row = ENTRIES[key], MEASURED[key]
    assert {"nan": one.nan, "inf": one.inf, "neg_inf": one.neg_inf} == row["special"]
    assert slopes(one, row) == {float(at): float(slope) for at, slope in row["kink_slopes"].items()}


def slopes(one: Framework, row: dict[str, Any]) -> dict[float, float]:
    said = dict(one.kink)
    return {
        float(at): float(sp.Rational(said.get(at.removesuffix(".0"), said.get("", "nan")))) for at in row["kink_slopes"]
    }


@pytest.mark.parametrize("key", MEASURED, ids=["-".join(key[:2]) for key in MEASURED])
def test_the_record_was_made_at_the_parameters_that_the_entry_gives(key: tuple[str, str, str]) -> None:
    f = catalogue[key[0]]
    values = {p.name: ENTRIES[key].parameters.get(p.name, p.default) for p in f.parameters}
    assert {name: str(value) for name, value in values.items()} == MEASURED[key]["parameters"]


def test_the_frameworks_compute_what_is_defined() -> None:
    """Within what float64 rounding and the frameworks' documented shortcuts explain, at |v| <= 50."""
    off = {key: row["largest_difference"] for key, row in MEASURED.items() if not row["largest_difference"] < 2e-14}
    assert set(off) == {("softplus", "PyTorch", "torch.nn.functional.softplus")}  # its threshold of 20
    assert max(off.values()) < 3e-9


def test_what_is_left_out_is_named_with_a_reason_in_both_languages() -> None:
    entries = out_of_scope()
    assert len({entry.name for entry in entries}) == len(entries) >= 8
    assert OUT_OF_SCOPE.parent != catalogue.folder
    for entry in entries:
        assert entry.name not in catalogue
        assert set(entry.title) == set(entry.reason) == {"en", "ja"}
        assert entry.reason["en"].endswith(".")
        assert entry.reason["ja"].endswith("。")
