"""The promise: a new activation function is one TOML file. Verdicts, code, relations and pages follow from it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from kassei.codegen import TARGETS, emit
from kassei.library import FOLDER, Catalogue, analyze
from kassei.render.pages import pages, part
from kassei.text.resources import LANGUAGES

MY_UNIT = """
expr = "v/(1 + b*Abs(v))"

[parameters.b]
domain = "(0, oo)"
default = 1.0
learned = true

[title]
en = "My unit"
ja = "自作ユニット"

[summary]
en = "A rational curve that saturates at 1/b on both sides."
ja = "両側で 1/b に漸近する有理関数です。"
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A copy of the catalogue with one more file in it."""
    folder = tmp_path_factory.mktemp("catalogue")
    for path in FOLDER.glob("*.toml"):
        shutil.copy(path, folder)
    (folder / "my_unit.toml").write_text(MY_UNIT, encoding="utf-8")
    return Catalogue(folder)


def test_the_new_function_is_in_the_catalogue(mine: Catalogue) -> None:
    assert "my_unit" in mine
    assert len(mine) == len(list(FOLDER.glob("*.toml"))) + 1


def test_its_verdicts_follow(mine: Catalogue) -> None:
    dossier = analyze(mine["my_unit"], mine)
    assert {name: v.truth for name, v in dossier.requirements.items()} == {
        "R1": "proved",
        "R2": "proved",
        "R3": "refuted",
    }
    document = dossier.to_json()
    assert document["properties"]["odd"]["verdict"] == "proved"
    assert document["properties"]["lipschitz"]["value"] == "1"
    assert document["properties"]["smoothness"]["value"] == "1"
    assert document["limits"]["pos_inf"] == "1/b"
    assert {(one["to"], one["is"]) for one in document["param_limits"]} >= {("0+", "identity")}


def test_its_code_follows_for_every_target(mine: Catalogue, tmp_path: Path) -> None:
    assert TARGETS
    for target in TARGETS:
        files = emit(mine["my_unit"], target)
        assert files
        assert all(mine["my_unit"].digest in text for text in files.values())
    (tmp_path / "my_unit.py").write_text(emit(mine["my_unit"], "numpy")["my_unit.py"], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("emitted_my_unit", tmp_path / "my_unit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    v = np.array([-4.0, -0.5, 0.0, 0.5, 4.0])
    np.testing.assert_allclose(module.forward(v, 2.0), v / (1 + 2 * np.abs(v)), rtol=1e-15)
    np.testing.assert_allclose(module.grad_input(np.ones(5), v, 2.0), 1 / (1 + 2 * np.abs(v)) ** 2, rtol=1e-14)


def test_its_pages_follow_in_every_language(mine: Catalogue) -> None:
    dossier = analyze(mine["my_unit"], mine)
    for lang in LANGUAGES:
        files = pages([part(dossier, lang)], [], lang)
        assert mine["my_unit"].heading(lang) in files["functions/my_unit.md"]
        assert "functions/my_unit" in files["catalogue.md"]
        assert {"functions/my_unit/function.json", "functions/my_unit/my_unit.py"} <= set(files)
        for requirement in ("R1", "R2", "R3"):
            assert requirement in files["functions/my_unit.md"]
