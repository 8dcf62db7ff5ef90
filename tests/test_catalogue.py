"""The catalogue: complete, bilingual, and saying what the sources say."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy as sp

from kassei.core.activation import Activation
from kassei.core.reading import DefinitionError
from kassei.library import FOLDER, Catalogue, catalogue

v = sp.Symbol("v", real=True)

# What the sources print, as functions of v > 0 and of v < 0 at the defaults; values at a few exact points.
PRINTED = {
    "identity": (v, v),
    "step": (sp.Integer(1), sp.Integer(0)),
    "sigmoid": (1 / (1 + sp.exp(-v)),) * 2,
    "tanh": ((sp.exp(v) - sp.exp(-v)) / (sp.exp(v) + sp.exp(-v)),) * 2,
    "relu": (v, sp.Integer(0)),
    "leaky_relu": (v, v / 100),
    "prelu": (v, v / 4),
    "rrelu": (v, sp.Rational(11, 48) * v),
    "elu": (v, sp.exp(v) - 1),
    "gelu": (v * (1 + sp.erf(v / sp.sqrt(2))) / 2,) * 2,
    "gelu_tanh": (v / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (v + sp.Rational(44715, 10**6) * v**3))),) * 2,
    "temperature": ((2 - 1 / (1 + v / 2)) / 2, 1 / (1 - v / 2) / 2),
    "rational": (v, v / (1 - v)),
    "exponential": (v, v / (1 - v)),
}

each_activation = pytest.mark.parametrize("f", catalogue.values(), ids=list(catalogue))


def test_the_catalogue_is_exactly_what_the_sources_treat() -> None:
    assert set(PRINTED) == set(catalogue)
    assert len(catalogue) == 14


@each_activation
def test_a_definition_agrees_with_the_printed_formula(f: Activation) -> None:
    at_defaults = f.expr.subs(f.defaults)
    for points, printed in zip(((1, sp.Rational(7, 3)), (-1, sp.Rational(-7, 3))), PRINTED[f.name], strict=True):
        for at in points:
            difference = at_defaults.subs(f.variable, at) - printed.subs(v, at)
            assert sp.simplify(difference.rewrite(sp.exp)) == 0 or abs(difference.evalf(40)) < 1e-35


@each_activation
def test_a_definition_speaks_both_languages(f: Activation) -> None:
    assert set(f.title) == set(f.summary) == {"en", "ja"}
    assert all(f.title.values())
    assert any("ぁ" <= c <= "ヿ" for c in f.summary["ja"])
    assert f.summary["ja"].endswith("。")
    assert f.summary["en"].endswith(".")


@each_activation
def test_a_definition_credits_a_source(f: Activation) -> None:
    assert f.references
    assert all(r.authors and r.title for r in f.references)


@each_activation
def test_a_file_is_named_like_its_function(f: Activation) -> None:
    assert f.path == FOLDER / f"{f.name}.toml"
    assert str(f.variable) == "v"


def test_the_exponential_form_credits_its_prior_publication() -> None:
    assert {r.arxiv for r in catalogue["exponential"].references} == {"", "2111.14349"}


def test_names_and_aliases_are_all_different() -> None:
    known = [n for f in catalogue.values() for n in (f.name, *f.aliases)]
    assert len(known) == len(set(known))
    for f in catalogue.values():
        for alias in f.aliases:
            assert catalogue.find(alias) is f
    assert catalogue.find("GELU-new") is catalogue["gelu_tanh"]
    assert catalogue.find("no such") is None


def test_an_unknown_name_is_refused_with_the_near_ones() -> None:
    with pytest.raises(KeyError, match="relu"):
        catalogue["relo"]
    assert "relo" not in catalogue


def test_a_catalogue_reads_any_folder(tmp_path: Path) -> None:
    (tmp_path / "cube.toml").write_text('expr = "v**3"', encoding="utf-8")
    (tmp_path / "other.toml").write_text('name = "another"\nexpr = "v"', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a definition", encoding="utf-8")
    mine = Catalogue(tmp_path)
    assert list(mine) == ["cube", "other"]
    assert mine["cube"].expr == v**3
    with pytest.raises(DefinitionError, match=r"another\.toml"):
        mine["other"]
