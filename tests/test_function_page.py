"""A function's page: what it says beyond the dossier is checked against definition and dossier; ids, terms, words."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import markdown
import numpy as np
import pytest
import sympy as sp

from functions import FEW, ON_SMALL_SITE, dossier
from kassei.codegen import TARGETS, lower
from kassei.core.analysis import properties
from kassei.core.certificate import certificate
from kassei.library import catalogue
from kassei.render import glossary, replays
from kassei.render.page.data import function_data
from kassei.render.page.formulas import formulas, in_output, reused
from kassei.render.page.function import function_page
from kassei.render.page.head import bounds, readings
from kassei.render.study.exercises import exercises
from kassei.render.study.reuse import OUTPUT, reuse
from kassei.render.study.rules import worked
from kassei.render.study.special import at_special, evaluate, spelled, thresholds
from kassei.render.study.values import values_by_hand
from kassei.text.resources import LANGUAGES
from kassei.text.words import Words, templates

CORE = Path(__file__).resolve().parent.parent / "symbolic" / "kassei" / "core"
each_name = pytest.mark.parametrize("name", FEW)
each_small = pytest.mark.parametrize("name", sorted(ON_SMALL_SITE))
each_language = pytest.mark.parametrize("lang", LANGUAGES)
pytestmark = pytest.mark.xdist_group("site")


@cache
def page(name: str, lang: str) -> str:
    """The page as Markdown."""
    return function_page(dossier(name), lang)


@cache
def html(name: str, lang: str) -> str:
    """The page as HTML, made by the site's extensions."""
    extensions = ["attr_list", "md_in_html", "tables", "toc", "pymdownx.superfences", "pymdownx.tabbed"]
    return markdown.markdown(page(name, lang), extensions=extensions)


def close(a: sp.Expr, b: sp.Expr) -> bool:
    """Whether two constants agree to 25 digits."""
    a, b = sp.N(a, 40), sp.N(b, 40)
    return bool(abs(a - b) <= sp.Float("1e-25") * (1 + abs(b)))


def inside(lo: sp.Expr, hi: sp.Expr, defaults: dict[sp.Symbol, sp.Rational]) -> list[sp.Rational]:
    """Inputs inside of an interval, at the default parameters."""
    low, high = (x.subs(defaults) for x in (lo, hi))
    candidates = [sp.Rational(k, 7) for k in range(-29, 30, 4)]
    return [x for x in candidates if low < x < high]


# --- the slope from the output ----------------------------------------------------------------------------------------


@each_name
def test_the_slope_written_with_the_output_is_the_slope(name: str) -> None:
    f = dossier(name).activation
    for part in reuse(dossier(name)):
        if part.form is None:
            continue
        assert part.form.free_symbols <= {OUTPUT, *(p.symbol for p in f.parameters)}, "the input is still in it"
        for x in inside(part.lo, part.hi, f.defaults):
            at = {**f.defaults, f.variable: x}
            assert close(part.form.subs(OUTPUT, part.value).subs(at), part.slope.subs(at))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("sigmoid", OUTPUT * (1 - OUTPUT)),
        ("tanh", 1 - OUTPUT**2),
        ("softplus", 1 - sp.exp(-sp.Symbol("b", real=True) * OUTPUT)),
    ],
)
def test_forms_that_every_textbook_has_are_found(name: str, form: sp.Expr) -> None:
    found = in_output(reused(dossier(name)), catalogue[name].variable)
    assert found is not None
    assert sp.simplify(found - form) == 0


def test_no_form_is_claimed_for_a_function_that_takes_a_value_with_two_slopes() -> None:
    assert reuse(dossier("silu")) == ()


# --- the worked derivative --------------------------------------------------------------------------------------------


@each_name
def test_a_worked_derivative_ends_at_the_dossier_s(name: str) -> None:
    found, d = worked(dossier(name)), dossier(name)
    if found is None or d.facts.derivative is None:
        return
    f = d.activation
    points = inside(found.lo, found.hi, f.defaults)
    assert points
    for x in points:
        at = {**f.defaults, f.variable: x}
        assert close(found.tidy.subs(at), d.facts.derivative.subs(at))
    for line in found.lines:
        at = {**f.defaults, f.variable: points[0]}
        assert close(line.result.subs(at), line.of.diff(f.variable).subs(at))


def test_a_step_that_is_wrong_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from kassei.render.study import rules

    right = rules._by_rule

    def wrong(*arguments: object) -> object:
        rule, parts, result = right(*arguments)  # type: ignore[arg-type]
        return rule, parts, 2 * result

    monkeypatch.setattr(rules, "_by_rule", wrong)
    with pytest.raises(ArithmeticError, match="is not the derivative"):
        rules.worked(dossier("sigmoid"))


# --- values, exercises, special inputs --------------------------------------------------------------------------------


@each_name
def test_values_by_hand_are_the_definition_s(name: str) -> None:
    f = dossier(name).activation
    for row in values_by_hand(dossier(name)):
        exact = f.expr.subs({**f.defaults, f.variable: row.at})
        if row.decimal is not None:
            shown = sp.Float(row.decimal.replace("−", "-"), 20)
            assert abs(shown - exact) <= sp.Float("6e-7") * abs(exact)
        if row.exact is not None:
            assert close(row.exact, exact)


@each_name
def test_exercises_are_few_and_a_tangent_touches(name: str) -> None:
    found = exercises(dossier(name))
    assert len(found) <= 3
    f = dossier(name).activation
    for one in found:
        if one.kind == "tangent":
            at, line = one.facts["at"], one.result
            assert line is not None
            assert close(line.subs(f.variable, at), f.expr.subs(f.defaults).subs(f.variable, at))
            slope = f.expr.subs(f.defaults).diff(f.variable).subs(f.variable, at)
            assert close(line.diff(f.variable), slope)


def test_exercises_differ_from_function_to_function() -> None:
    kinds = {
        tuple(e.kind for e in exercises(dossier(name))) for name in ("relu", "tanh", "step", "gelu", "exponential")
    }
    assert len(kinds) >= 4


@each_small
def test_a_threshold_is_where_the_result_changes(name: str) -> None:
    f = dossier(name).activation
    for one in thresholds(f):
        real = np.dtype(one.dtype).type
        at = np.array([one.start, np.nextafter(real(one.start), real(0))], dtype=real)
        function = "forward" if one.quantity == "value" else "grad_input"
        outside, within = evaluate(f, at, function)
        assert outside == one.level
        assert within != one.level


def test_special_inputs_are_what_the_module_returns() -> None:
    found = at_special(catalogue["relu"])
    assert found["nan"]["float32", "value"] == "NaN"
    assert found["inf"]["float64", "value"] == "∞"
    assert found["neg_inf"]["float64", "value"] in ("0", "−0")
    assert spelled(np.float32(-0.0)) == "−0"


def test_what_a_target_needs_is_said_in_both_languages() -> None:
    assert {f"study.needs_{target}" for target in TARGETS} <= set(templates("ja"))


def test_every_function_of_the_lowered_forms_is_explained() -> None:
    heads = {name.removeprefix("raw_") for name in vars(lower) if name.startswith("raw_")}
    assert heads == {key.removeprefix("stable.") for key in templates("en") if key.startswith("stable.")}


# --- ids, data, language ----------------------------------------------------------------------------------------------


@each_small
def test_formulas_have_ids_that_do_not_depend_on_the_language(name: str) -> None:
    ids = [one.id for one in formulas(dossier(name))]
    assert len(ids) == len(set(ids))
    assert ids[0] == f"kassei:{name}:f"
    for lang in LANGUAGES:
        anchors = re.findall(r'<div class="entry" id="([^"]+)"', page(name, lang))
        assert anchors == [one.anchor for one in formulas(dossier(name))]
        data = json.loads(function_data(dossier(name), lang))
        assert list(data["formulas"]) == ids
        assert [data["formulas"][i]["anchor"] for i in ids] == [f"#{a}" for a in anchors]


@each_small
def test_headings_have_the_same_ids_in_both_languages(name: str) -> None:
    found = {lang: re.findall(r"^#+ .*\{#([\w-]+)\}$", page(name, lang), flags=re.M) for lang in LANGUAGES}
    assert found["ja"] == found["en"]
    assert all(i.isascii() for i in found["ja"])
    order = ["definition", "plots", "derivatives", "properties", "relations", "students", "engineers", "code"]
    assert [i for i in found["ja"] if i in order] == order


@each_small
def test_tables_say_what_they_are_and_what_their_headers_are_for(name: str) -> None:
    for table in re.findall(r"<table>.*?</table>", page(name, "ja"), flags=re.S):
        assert re.match(r"<table[^>]*>\s*<caption", table), table[:200]
        assert not re.findall(r"<th(?!ead| scope=)", table)


def test_every_function_of_the_catalogue_has_a_reading() -> None:
    assert set(readings()) == set(catalogue)
    for name, reading in readings().items():
        assert re.fullmatch("[ぁ-ゖァ-ヶー・、]+", reading), (name, reading)
    assert readings()["gelu"] in page("gelu", "ja")
    assert readings()["gelu"] not in page("gelu", "en")


def test_a_user_s_function_with_a_catalogue_s_name_does_not_get_its_reading() -> None:
    from kassei.core.reading import parse_definition
    from kassei.library import analyze

    mine = analyze(parse_definition('name = "gelu"\nexpr = "2*v"', "gelu.toml"))
    assert readings()["gelu"] not in function_page(mine, "ja")


def test_bounds_of_a_range() -> None:
    assert bounds(dossier("tanh").properties["range"]) == (True, True)
    assert bounds(dossier("relu").properties["range"]) == (True, False)
    assert bounds(dossier("identity").properties["range"]) == (False, False)


# --- glossary ---------------------------------------------------------------------------------------------------------


def test_terms_are_pairs_with_ascii_ids_and_neighbours_that_exist() -> None:
    for term in glossary.terms().values():
        assert re.fullmatch("[a-z]+(-[a-z]+)*", term.id)
        assert all(term.name[lang] and term.text[lang] for lang in LANGUAGES)
        assert set(term.see) <= set(glossary.terms())
        assert {f"{label}" for label in term.labels} <= set(templates("en")), term.id


def test_every_property_is_explained() -> None:
    assert [p for p in (*properties(), "R1", "R2", "R3", "domain") if glossary.of_property(p) is None] == []


def test_every_linked_term_exists_and_every_term_is_used() -> None:
    names = ("exponential", "gelu", "hardtanh", "tanh", "softplus", "pelu", "relu")
    linked = {t for n in names for lang in LANGUAGES for t in re.findall(r"glossary/#([\w-]+)", page(n, lang))}
    assert linked - set(glossary.terms()) == set()
    assert set(glossary.terms()) - linked - {"domain"} == set()


@each_language
def test_the_glossary_page_has_every_term(lang: str) -> None:
    shown = re.findall(r'<dt id="([\w-]+)">', glossary.glossary_page(lang))
    assert sorted(shown) == sorted(glossary.terms())


# --- what is left open, in Japanese -----------------------------------------------------------------------------------


def said_by_the_prover() -> set[str]:
    """Every sentence with which the prover leaves something open."""
    found = set()
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Undecided" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def test_what_the_prover_leaves_open_is_said_in_japanese() -> None:
    sentences = said_by_the_prover()
    assert len(sentences) > 60
    for text in sentences:
        holes = iter("xyz")
        filled = re.sub(r"\{\}", lambda _, holes=holes: next(holes), text)  # type: ignore[misc]
        assert re.search("[ぁ-ん一-龠]", Words("ja").reason(filled)), text


def test_a_reason_within_a_reason_is_translated_too() -> None:
    found = Words("ja").reason("the limit of exp(v): SymPy failed with TypeError")
    assert found == "exp(v) の極限 (SymPy が TypeError で失敗しました)"
    assert Words("en").reason("the limit of exp(v)") == "the limit of exp(v)"


# --- proofs -----------------------------------------------------------------------------------------------------------


@each_small
def test_every_verdict_opens_a_proof_and_says_how_it_was_checked_again(name: str) -> None:
    d = dossier(name)
    part = page(name, "en").split("{#properties}")[1].split("\n## ")[0]
    shown = part.count('<p class="second">')
    assert shown == len(d.requirements) + len(d.properties) + (d.domain.truth != "proved")


@each_small
def test_committed_replays_are_of_these_claims_and_contradict_nothing(name: str) -> None:
    found = replays.outcomes(name, json.loads(json.dumps(certificate(dossier(name)))))
    assert found, f"python benchmarks/replays.py {name}"
    assert "contradicted" not in {one["standing"] for one in found.values()}


def test_a_replay_of_other_claims_is_not_shown(tmp_path: Path) -> None:
    claims = certificate(dossier("relu"))
    document = {"schema": 1, "kind": "replay", "name": "relu", "verdicts": {"odd": {"standing": "confirmed"}}}
    (tmp_path / "relu.json").write_text(json.dumps({**document, "claims": replays.fingerprint(claims)}))
    assert replays.outcomes("relu", claims, tmp_path)
    (tmp_path / "relu.json").write_text(json.dumps({**document, "claims": "other"}))
    assert replays.outcomes("relu", claims, tmp_path) == {}
