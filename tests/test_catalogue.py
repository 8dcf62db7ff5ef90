"""The catalogue: complete, bilingual, and saying what the sources say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from kassei.core.activation import Activation
from kassei.core.reading import DefinitionError
from kassei.library import FOLDER, Catalogue, catalogue

v = sp.Symbol("v", real=True)

# What the five sources print, as functions of v > 0 and of v < 0 at the defaults; values at a few exact points.
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

with (Path(__file__).parent / "cases" / "printed.toml").open("rb") as file:
    ELSEWHERE = tomllib.load(file)


def macros(x: sp.Symbol) -> dict[str, Any]:
    """The abbreviations of printed.toml."""
    return {
        "s": lambda t: 1 / (1 + sp.exp(-t)),
        "sp": lambda t: sp.log(1 + sp.exp(t)),
        "PW": lambda a, b: sp.Piecewise((a, x >= 0), (b, True)),
    }


each_activation = pytest.mark.parametrize("f", catalogue.values(), ids=list(catalogue))


def test_every_function_has_a_printed_formula() -> None:
    assert not set(PRINTED) & set(ELSEWHERE)
    assert {*PRINTED, *ELSEWHERE} == set(catalogue)
    assert len(catalogue) >= 100


@pytest.mark.parametrize("name", PRINTED)
def test_a_definition_agrees_with_the_sources(name: str) -> None:
    f = catalogue[name]
    at_defaults = f.expr.subs(f.defaults)
    for points, printed in zip(((1, sp.Rational(7, 3)), (-1, sp.Rational(-7, 3))), PRINTED[f.name], strict=True):
        for at in points:
            difference = at_defaults.subs(f.variable, at) - printed.subs(v, at)
            assert sp.simplify(difference.rewrite(sp.exp)) == 0 or abs(difference.evalf(40)) < 1e-35


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_definition_agrees_with_what_is_printed_elsewhere(name: str) -> None:
    """At the defaults and at other parameters, by SymPy's own reading of the printed formula."""
    f = catalogue[name]
    letters = {ours: letter for letter, ours in ELSEWHERE[name].get("letters", {}).items()}
    x, symbols = sp.Symbol("x", real=True), {p.name: sp.Symbol(p.name, real=True) for p in f.parameters}
    known: dict[str, sp.Expr] = {letters.get(ours, ours): symbol for ours, symbol in symbols.items()}
    known |= {letter: sp.Rational(value) for letter, value in ELSEWHERE[name].get("values", {}).items()}
    printed = sp.sympify(ELSEWHERE[name]["formula"], locals={"x": x, **macros(x), **known}, rational=True)
    for shift in (0, sp.Rational(1, 16)):
        moved = {p: p.default + shift for p in f.parameters if p.symbol in printed.free_symbols}
        values = f.defaults | {p.symbol: value for p, value in moved.items() if p.domain.contains(value)}
        for at in map(sp.Rational, ("-3", "-7/3", "-1", "-1/4", "1/8", "2/3", "1", "17/5")):
            difference = f.expr.subs({**values, f.variable: at}) - printed.subs({**values, x: at})
            assert abs(difference.evalf(40)) < 1e-30, (values, at)


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
