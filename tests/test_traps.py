"""Formulas that have fooled the prover or SymPy once, each with what is true of it, worked out by hand."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from kassei.core.dossier import Dossier
from kassei.core.effort import bounded
from kassei.core.enclose import Undecided
from kassei.core.reading import parse_definition
from kassei.core.region import Region, tidy_condition
from kassei.core.signs import scale_away
from kassei.library import analyze

Declared = dict[str, tuple[str, str]]
REAL: Declared = {"a": ("Reals", "1")}
TWO: Declared = {"a": ("Reals", "1"), "b": ("Reals", "2")}


def dossier(expr: str, declared: Declared) -> Dossier:
    text = f'name = "trap"\nvariable = "v"\nexpr = {json.dumps(expr)}\n'
    for name, (domain, default) in declared.items():
        text += f'[parameters.{name}]\ndomain = "{domain}"\ndefault = {default}\n'
    return analysed(text)


@functools.cache
def analysed(text: str) -> Dossier:
    return analyze(parse_definition(text, "trap.toml"))


def where(verdict: Any) -> str:
    return verdict.truth if verdict.condition is None else str(verdict.condition)


@pytest.mark.parametrize(
    ("expr", "declared", "defined"),
    [
        ("v/a", REAL, "Ne(a, 0)"),
        ("log(a)*v", REAL, "a > 0"),
        ("sqrt(a)*v", REAL, "a >= 0"),
        ("Max(v/a, 0)", REAL, "Ne(a, 0)"),
        ("v/(1 + 1/a)", {"a": ("(-1, oo)", "1")}, "Ne(a, 0)"),
        ("Max(v, 0)/(1 + a*Max(-v, 0))", REAL, "a >= 0"),
        ("(Max(v, 0) - v)/(v - 2)", {}, "refuted"),
        ("Max(v, 0)*Piecewise((1/(v + 3), v < 1), (0, True))", {}, "refuted"),
        ("Max(log(v), 0)", {}, "refuted"),
        ("Piecewise((log(v), v > 1), (0, True))", {}, "proved"),
        ("Piecewise((v/a, Ne(a, 0)), (v, True))", REAL, "proved"),
        ("log(1 + a*v**2)", REAL, "a >= 0"),
        ("Max(v, 1/a)", {"a": ("[0, oo)", "1")}, "a > 0"),
        ("a*v/b", {"a": ("Reals", "1"), "b": ("[0, 1]", "1")}, "b > 0"),
    ],
)
def test_where_a_formula_is_undefined(expr: str, declared: Declared, defined: str) -> None:
    assert where(dossier(expr, declared).domain) == defined


@pytest.mark.parametrize(
    "expr", ["exp(log(v))", "sqrt(v)**2", "sin(asin(v))", "tanh(atanh(v))", "v/v", "v*(v + 1)/(v + 1)", "v + 0/(v - 1)"]
)
def test_what_sympy_simplifies_away_is_not_forgotten(expr: str) -> None:
    """As written these are undefined somewhere; nothing is claimed of them."""
    found = dossier(expr, {})
    assert {v.truth for v in (found.domain, *found.properties.values(), *found.requirements.values())} == {"unknown"}


@pytest.mark.parametrize(
    "expr", ["log(exp(v))", "sqrt(v**2)", "v**2/exp(v)", "exp(-log(1 + exp(-v)))", "1/(1 + v**2)**2"]
)
def test_what_is_defined_everywhere_stays_so(expr: str) -> None:
    assert dossier(expr, {}).domain.truth == "proved"


@pytest.mark.parametrize(
    ("expr", "declared", "param", "at", "value"),
    [
        ("Piecewise((a*v, v >= 0), (b*v, True))", TWO, "b", {"a": "1/7", "b": "1/7", "v": 1}, 0),
        ("Piecewise((a*v, v >= 0), (b*v, True))", TWO, "b", {"a": "1/7", "b": "1/7", "v": -3}, -3),
        ("Piecewise((a*v, v < 0), (b*v**2 + 2*v, True))", TWO, "a", {"a": 2, "b": 0, "v": -300}, -300),
        ("Max(Min(v, b), a)", TWO, "b", {"a": 1, "b": 1, "v": 0}, 0),
        ("Max(a*v, b)", TWO, "a", {"a": 0, "b": -1, "v": 5}, 5),
        ("Max(a*v, b)", TWO, "a", {"a": 0, "b": 1, "v": 5}, 0),
        ("Max(v, a*v)", REAL, "a", {"a": 1, "v": 3}, sp.nan),
        ("Max(a, Min(b, v))", TWO, "a", {"a": 2, "b": 2, "v": -3}, 1),
        ("Max(a, Min(b, v))", TWO, "a", {"a": 2, "b": 2, "v": 3}, sp.nan),
        ("v + Max(a, b)", TWO, "b", {"a": 1, "b": 1, "v": 3}, sp.nan),
        ("v + Abs(a)", REAL, "a", {"a": 0, "v": 3}, sp.nan),
        ("v + a*Abs(a)", REAL, "a", {"a": 0, "v": 3}, 0),
        ("v + Abs(a)", {"a": ("[0, oo)", "1")}, "a", {"a": 0, "v": 3}, 1),
        ("Max(v, 0)**a", {"a": ("(0, oo)", "2")}, "a", {"a": 2, "v": -1}, 0),
        ("Min(exp(v), a)", REAL, "a", {"a": 0, "v": 1}, 1),
    ],
)
def test_derivatives_in_parameters_where_a_case_changes(
    expr: str, declared: Declared, param: str, at: dict[str, Any], value: int
) -> None:
    found = dossier(expr, declared).facts.param_derivatives[param]
    assert found is not None
    values = {sp.Symbol(name, real=True): sp.Rational(x) for name, x in at.items()}
    assert found.subs(values) == value


@pytest.mark.parametrize("expr", ["Piecewise((v, a > 0), (2*v, True))", "v*sign(a)", "tanh(v/a)", "atan(v/a)"])
def test_a_limit_at_zero_needs_both_sides(expr: str) -> None:
    (at_zero,) = [one for one in dossier(expr, REAL).to_json()["param_limits"] if one["to"] == "0"]
    assert (at_zero["equals"], at_zero["is"]) == ("none", None)


def test_powers_of_zero_have_a_value() -> None:
    found = dossier("Max(v, 0)**p", {"p": ("(0, oo)", "2")}).to_json()
    assert found["properties"]["range"]["value"] == "Interval(0, oo)"
    assert found["limits"]["neg_inf"] == "0"
    assert found["properties"]["convex"]["condition"] == "p >= 1"
    at_zero = sp.sympify(found["param_limits"][0]["equals"])
    assert [at_zero.subs("v", x) for x in (-1, 0, 2)] == [0, 0, 1]


def test_an_oscillating_slope_says_nothing_of_the_derivative() -> None:
    """v**2*sin(1/v) has the derivative 0 at 0, although its slope has no limit there."""
    kinks = dossier("Piecewise((v**2*sin(1/v), Ne(v, 0)), (0, True))", {}).properties["kinks"]
    assert kinks.truth == "unknown" or kinks.value == []


def test_an_enclosure_belongs_to_its_case() -> None:
    """The maximum of v*sigmoid(b*v) for b < 0 is positive; b = 2, the default, is not in that case."""
    (case,) = [
        row["value"]
        for row in dossier("v*sigmoid(b*v)", {"b": ("Reals", "2")}).to_json()["properties"]["range"]["value"]
        if row["when"] == "b < 0"
    ]
    b = sp.Rational(case["sup"]["at"]["b"])
    assert b < 0
    assert sp.Rational(case["sup"]["lo"]) > 0
    top = max(float(x / (1 + sp.exp(-b * x))) for x in (k / sp.Integer(64) for k in range(0, 640)))
    assert float(sp.Rational(case["sup"]["lo"])) == pytest.approx(top, rel=1e-3)


@pytest.mark.parametrize(
    ("expr", "declared"),
    [
        pytest.param("sigmoid(1000000*v)", {}, marks=pytest.mark.only_slow),  # half a minute
        ("v*sigmoid(1.702*v)", {}),
        ("v - a*exp(-(v - 1000)**2)", {"a": ("(0, oo)", "1")}),
        ("v + exp(-10000*(v - 1000)**2)", {}),
        ("v*cos(a) + v**3", {"a": ("[0, 3]", "1")}),
        ("sin(v + a)", {"a": ("[0, 4]", "1")}),
        ("b*v*sigmoid(v)", {"b": ("[1, 2]", "1.5")}),
        ("Max(a*exp(v) - 1, b)", TWO),
        ("Piecewise((v*sigmoid(v), v > a), (0, True))", REAL),
        pytest.param("asin(a*tanh(v))", {"a": ("[-1, 1]", "0.5")}, marks=pytest.mark.only_slow),  # half a minute
        ("Abs(v)**a*v", {"a": ("(-1, oo)", "1")}),
    ],
)
def test_analysis_ends_and_is_data(expr: str, declared: Declared) -> None:
    json.dumps(dossier(expr, declared).to_json())


def test_the_budget_counts_calls() -> None:
    def forever() -> int:
        while True:
            sp.Symbol("x").has(sp.Integer(2))

    with pytest.raises(Undecided):
        bounded(forever, "nothing", limit=1000)
    assert bounded(lambda: 3, "three") == 3


def test_loading_a_module_costs_nothing_of_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SymPy loads modules when it first needs them: the first call of a process would run out of what a later has."""
    (tmp_path / "loaded_late.py").write_text("def f():\n    return 1\n\n\nx = [f() for _ in range(1000)]\n")
    monkeypatch.syspath_prepend(tmp_path)

    def first() -> int:
        import loaded_late

        return sum(loaded_late.f() for _ in range(20))

    assert bounded(first, "a sum", limit=100) == 20
    with pytest.raises(Undecided):
        bounded(lambda: sum(map(len, [sp.Symbol("x").args] * 9)) + first(), "a sum", limit=15)


def test_multiplying_out_does_not_go_on_for_ever() -> None:
    """With x/rate in place of x, where the rate is a sum: minutes, before it was counted."""
    text = 'name = "wide"\nvariable = "v"\nexpr = "v"\n'
    text += "".join(f'[parameters.{name}]\ndomain = "(0, oo)"\ndefault = {k}\n' for k, name in enumerate("abc", 1))
    f = parse_definition(text, "wide.toml")
    v, (a, b, c), other = f.variable, (p.symbol for p in f.parameters), sp.Symbol("other", positive=True)
    wide = (sp.exp(v * (a**2 + b + c)) + (v * (a + b) + 1) * sp.exp(v * a) + other * sp.exp(v * b) + v**2 + 1) ** 12
    assert scale_away(wide, v, Region.of(f.parameters)) is None


@pytest.mark.parametrize(
    ("expr", "end"),
    [
        ("sin(v)**2", "none"),
        ("exp(sin(v))", "none"),
        ("v*sin(v)", "none"),
        ("sin(v)*cos(2*v)", "none"),
        ("tanh(v) + sin(v)**2 + cos(v)**2", "2"),
        ("sin(v)*exp(-v)", "0"),
        ("sin(v)/(1 + v**2)", "0"),
    ],
)
def test_an_oscillation_has_a_limit_only_where_it_dies_out(expr: str, end: str) -> None:
    """SymPy 1.14 answers with AccumBounds, whose ends need not be attained."""
    assert dossier(expr, {}).to_json()["limits"]["pos_inf"] == end


def test_a_root_that_becomes_an_absolute_value_is_a_kink() -> None:
    found = dossier("v + sqrt(v**2 + a)", {"a": ("[0, oo)", "1")}).to_json()
    kinks = {case["when"]: case["value"] for case in found["properties"]["kinks"]["value"]}
    assert kinks["Eq(a, 0)"] == ["0"]
    assert kinks["a > 0"] == []
    assert "Dirac" not in found["second_derivative"]
    assert found["limits"]["slope_pos_inf"] == "2"


def test_the_distance_to_a_limit_says_from_where_on_it_holds() -> None:
    limits = dossier("Piecewise((v, a >= b), (2*v, True))", TWO).to_json()["param_limits"]
    last = next(one for one in limits if (one["param"], one["to"]) == ("b", "oo"))
    assert (last["error"], last["error_when"]) == ("0", "a < b")


@pytest.mark.parametrize(
    ("key", "expr", "zero_at"),
    [
        ("zeros", "a*sin(v)", "Eq(a, 0)"),
        ("zero_slope_set", "a*sin(v)", "Eq(a, 0)"),
        ("fixed_points", "v + (a - 1)*cos(v)", "Eq(a, 1)"),
        ("unit_slope_set", "v + (a**2 - a)*sin(v)", "Eq(a, 0) | Eq(a, 1)"),
        ("zeros", "(a - 2)*v*cos(v)", "Eq(a, 2)"),
        ("zeros", "a*(exp(v) - 1 - v/2)", "Eq(a, 0)"),
    ],
)
def test_a_factor_that_a_parameter_makes_zero_makes_everything_zero(key: str, expr: str, zero_at: str) -> None:
    """A factor without the input was passed over where zeros recur."""
    found = dossier(expr, {"a": ("Reals", "5")}).properties[key].value
    (row,) = [row for row in found if row["value"] == "Reals"]
    a = sp.Symbol("a", real=True)
    assert all(
        bool(row["when"].subs(a, x)) == bool(sp.sympify(zero_at, locals={"a": a}).subs(a, x))
        for x in map(sp.Rational, ("-1", "0", "1/2", "1", "3/2", "2", "5"))
    )


@pytest.mark.parametrize(
    ("condition", "short"),
    [
        ("(a > -2) & (3*a + sqrt(46) < 2) & (4*a + sqrt(89) < 3)", "(a > -2) & (a < 3/4 - sqrt(89)/4)"),
        ("(sqrt(2)*a < 1) | Eq(2*a, sqrt(2))", "a <= sqrt(2)/2"),
        ("Ne(a, 1) & (a >= 1)", "a > 1"),
        ("(a < 1) | (a > 1)", "Ne(a, 1)"),
        ("(1 - a > 0) & (a < 1) & (2 >= 2*a)", "a < 1"),
        ("(a**2 < 2) & (a > 0)", "(a > 0) & (a < sqrt(2))"),
        ("(pi*a > 1) & (a < 1/pi)", "False"),
    ],
)
def test_conditions_are_shortened_by_the_order_of_their_thresholds(condition: str, short: str) -> None:
    """SymPy solved each inequality again for every case: minutes for a function with a few kinks that move."""
    a = sp.Symbol("a", real=True)
    given, wanted = (sp.S(sp.sympify(text, locals={"a": a})) for text in (condition, short))
    found = tidy_condition(given) if given not in (sp.true, sp.false) else given
    points = [sp.Rational(k, 16) for k in range(-48, 49)] + [
        sp.sqrt(2) / 2,
        1 / sp.pi,
        sp.Rational(3, 4) - sp.sqrt(89) / 4,
    ]
    assert all(found.subs(a, x) == wanted.subs(a, x) == given.subs(a, x) for x in points)
    assert len(found.atoms(sp.core.relational.Relational)) <= len(wanted.atoms(sp.core.relational.Relational))
