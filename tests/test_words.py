"""Words: both languages have the same keys and placeholders, and every step and method has its sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kassei.core.analysis import properties
from kassei.text.words import Words, templates

CORE = Path(__file__).resolve().parent.parent / "symbolic" / "kassei" / "core"


def test_japanese_lacks_nothing() -> None:
    assert Words("ja").missing() == ()


@pytest.mark.parametrize("key", [k for k in templates("en") if not k.startswith("cli")])
def test_both_languages_fill_in_the_same_facts(key: str) -> None:
    holes = {lang: set(re.findall(r"\{(\w+)", templates(lang)[key])) for lang in ("en", "ja")}
    assert holes["en"] == holes["ja"]


def test_every_step_has_a_sentence() -> None:
    """Step keys are found in the code; those built from parts are spelled out here."""
    keys = set()
    for path in CORE.rglob("*.py"):
        keys |= set(re.findall(r'Step\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
        keys |= set(re.findall(r'chart_step\("(\w+)"', path.read_text(encoding="utf-8")))
    keys |= {f"{n}{k}_{e}" for n in ("", "not_") for k in ("convex", "concave") for e in ("bend", "kink")}
    assert len(keys) > 40
    assert {k for k in keys if f"steps.{k}" not in templates("en")} == set()


def test_every_property_has_a_name() -> None:
    assert [p for p in properties() if f"properties.{p}" not in templates("en")] == []
