"""Dossiers kept between runs: the same answer, spelled the same, and never an old one."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from kassei import cache, catalogue, codegen
from kassei.codegen import bend, plan, program
from kassei.library import analyze, analyze_all

NAMES = ("gelu", "prelu", "sine_relu", "temperature", "vlu")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KASSEI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_dossier_says_the_same_in_the_same_words(name: str, kept: Path) -> None:
    """Pickled expressions are built again; (v + 1)/2 must not come back as v/2 + 1/2."""
    fresh = analyze(catalogue[name])
    found = cache.find(catalogue[name])
    assert kept.exists()
    assert found is not None
    assert found is not fresh
    for lang in ("en", "ja"):
        assert json.dumps(found.to_json(lang)) == json.dumps(fresh.to_json(lang))


def test_other_definitions_and_other_generations_are_not_found(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analyze(catalogue["relu"])
    assert kept.exists()
    assert cache.find(catalogue["relu"]) is not None
    assert cache.find(catalogue["tanh"]) is None
    monkeypatch.setattr(cache, "GENERATION", "another")
    assert cache.find(catalogue["relu"]) is None


def test_what_is_only_said_of_a_function_changes_no_answer(kept: Path) -> None:
    relu = catalogue["relu"]
    analyze(relu)
    told = replace(relu, title={"en": "Ramp"}, references=(), aliases=("ramp",), path=kept / "relu.toml")
    found = cache.find(told)
    assert found is not None
    assert found.activation is told
    assert found.to_json()["title"] == {"en": "Ramp"}
    assert cache.find(replace(relu, expr=relu.expr + 1)) is None


def test_what_other_hashes_found_is_not_found_where_every_run_finds_the_same(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for same in (False, True):
        monkeypatch.setattr(cache, "SAME_HASHES", same)
        cache.save("answer", same)
    assert cache.load("answer") is True
    monkeypatch.setattr(cache, "SAME_HASHES", False)
    assert cache.load("answer") is True, "what every run finds is as good as what this one would find"
    next(kept.glob("*/answer")).unlink()
    assert cache.load("answer") is False
    monkeypatch.setattr(cache, "SAME_HASHES", True)
    assert cache.load("answer") is None


@pytest.mark.parametrize("name", ["prelu", "mish", "exponential"])
def test_code_from_a_kept_plan_is_the_same(name: str, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowering is not done again when only a target or a template has changed, and nothing is spelled otherwise."""
    makers = (plan._plan, bend.with_bend, program.make_program)

    def emitted(generation: str) -> dict[str, dict[str, str]]:
        for maker in makers:
            maker.cache_clear()
        monkeypatch.setattr(codegen, "_generation", lambda: generation)
        return {target: codegen.emit(catalogue[name], target) for target in sorted(codegen.known_targets())}

    fresh = emitted("before")
    monkeypatch.setattr(plan.lower, "lower", lambda *_: pytest.fail("lowered again"))
    assert list(kept.rglob(f"*-{bend.NAME}-*")), "the second derivative is kept too"
    assert emitted("after") == fresh


def test_only_what_decides_makes_a_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("core", "catalogue"):
        shutil.copytree(cache.PACKAGE / name, tmp_path / name)
    for path in cache.PACKAGE.glob("*.py"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(cache, "PACKAGE", tmp_path)
    assert cache._generation() == cache.GENERATION
    for name in ("cli.py", "phrases.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    definition = tmp_path / "catalogue" / "relu.toml"
    text = definition.read_text(encoding="utf-8")
    definition.write_text(text + '\n[[reference]]\ntitle = "Another"\n', encoding="utf-8")
    assert cache._generation() == cache.GENERATION
    definition.write_text(text.replace("Max(0, v)", "Max(0, 2*v)"), encoding="utf-8")
    assert text != definition.read_text(encoding="utf-8")
    assert cache._generation() != cache.GENERATION


def test_a_broken_file_is_no_answer(kept: Path) -> None:
    analyze(catalogue["relu"])
    (file,) = (kept / cache.GENERATION).iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert cache.find(catalogue["relu"]) is None
    assert analyze(catalogue["relu"]).requirements["R1"].truth == "proved"
    assert cache.find(catalogue["relu"]) is not None


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("KASSEI_CACHE", str(tmp_path / "file" / "below"))
    assert analyze(catalogue["relu"]).requirements["R1"].truth == "proved"


def test_two_may_write_at_once(kept: Path) -> None:
    dossier = analyze(catalogue["relu"])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cache.keep, [dossier] * 20))
    assert [p.name for p in (kept / cache.GENERATION).iterdir()] == [cache.key(catalogue["relu"].bare)]
    assert cache.find(catalogue["relu"]) is not None


def test_several_processes_answer_as_one_does(kept: Path) -> None:
    functions = [catalogue[name] for name in NAMES]
    together = [d.to_json() for d in analyze_all(functions, jobs=2)]
    assert [d["name"] for d in together] == list(NAMES)
    for path in (kept / cache.GENERATION).iterdir():
        path.unlink()
    assert together == [analyze(f).to_json() for f in functions]
