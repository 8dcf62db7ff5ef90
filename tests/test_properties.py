"""Single properties on functions that have them, have them not, or have them for some parameters only.

Every row was worked out by hand.
"""

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy as sp

from kassei.core.document import verdict
from kassei.core.effort import MAX_WORK, work
from kassei.core.prove import Subject
from kassei.core.reading import parse_definition
from kassei.core.registry import discover

REAL = "a: Reals = 1"
CHECKS = discover("kassei.core.properties", "check")


@cache
def subject(expr: str, declared: str) -> Subject:
    """A function; ``declared`` lists parameters as ``name: domain = default``, divided by semicolons."""
    text = f'name = "case"\nvariable = "v"\nexpr = {json.dumps(expr)}\n'
    for one in filter(None, declared.split(";")):
        name, _, rest = one.partition(":")
        domain, _, default = rest.partition("=")
        text += f'[parameters.{name.strip()}]\ndomain = "{domain.strip()}"\ndefault = {default.strip()}\n'
    return Subject(parse_definition(text, "case.toml"))


def decided(key: str, expr: str, declared: str = "") -> dict[str, Any]:
    with work(2 * MAX_WORK):
        return verdict(CHECKS[key](subject(expr, declared)))


@pytest.mark.parametrize(
    ("key", "expr", "declared", "expected"),
    [
        ("odd_part_half", "Max(v, 0)", "", "proved"),
        ("odd_part_half", "v*sigmoid(v)", "", "proved"),
        ("odd_part_half", "softplus(v)", "", "proved"),
        ("odd_part_half", "v/2 + exp(-v**2)", "", "proved"),
        ("odd_part_half", "v", "", "refuted"),
        ("odd_part_half", "Piecewise((v, v > 0), (1, v >= 0), (0, True))", "", "proved"),
        ("odd_part_half", "1/v + v/2", "", "refuted"),
        ("odd_part_half", "1/v**2 + v/2", "", "unknown"),
        ("odd_part_half", "Max(v, a*v)", "a: Reals = 0", "Eq(a, 0)"),
        ("odd_part_half", "a*v + v**2", REAL, "Eq(a, 1/2)"),
        ("not_polynomial", "Max(v, 0)", "", "proved"),
        ("not_polynomial", "exp(v)", "", "proved"),
        ("not_polynomial", "v**2 + sin(v)", "", "proved"),
        ("not_polynomial", "cosh(v/3)", "", "proved"),
        ("not_polynomial", "v**4*log(1 + v**2)", "", "proved"),
        ("not_polynomial", "v*sqrt(v**2 + 1)", "", "proved"),
        ("not_polynomial", "Piecewise((sin(v), (v > 0) & (v < 1)), (v, True))", "", "proved"),
        ("not_polynomial", "Piecewise((v, v > 0), (1, v >= 0), (v, True))", "", "proved"),
        ("not_polynomial", "1/v", "", "proved"),
        ("not_polynomial", "v**3 - 2*v", "", "refuted"),
        ("not_polynomial", "(v**4 - 1)/(v**2 + 1)", "", "refuted"),
        ("not_polynomial", "sqrt(v**2)*sign(v)", "", "refuted"),
        ("not_polynomial", "sin(v)**2 + cos(v)**2 - 1", "", "unknown"),
        ("not_polynomial", "Max(v, a*v)", REAL, "Ne(a, 1)"),
        ("not_polynomial", "cosh(a*v)", REAL, "Ne(a, 0)"),
    ],
)
def test_what_holds_where(key: str, expr: str, declared: str, expected: str) -> None:
    """A verdict, or the exact condition under which the property holds."""
    found = decided(key, expr, declared)
    assert (found["condition"] or found["verdict"]) == expected


NONE = {"kind": "none"}


def soft(level: str) -> dict[str, str]:
    return {"kind": "soft", "level": level}


def hard(level: str, start: str) -> dict[str, str]:
    return {"kind": "hard", "level": level, "from": start}


def sides(neg: Any, pos: Any) -> dict[str, Any]:
    return {"neg_inf": neg, "pos_inf": pos}


def kink(*parts: str) -> dict[str, str]:
    return dict(zip(("at", "left", "right", "interval", "kind"), parts, strict=True))


@pytest.mark.parametrize(
    ("key", "expr", "declared", "expected"),
    [
        ("zeros", "v**3 - v", "", "{-1, 0, 1}"),
        ("zeros", "exp(v)", "", "EmptySet"),
        ("zeros", "Max(v, 0)", "", "Interval(-oo, 0)"),
        (
            "zeros",
            "Piecewise((0, v > 0), (1, v >= 0), (0, True))",
            "",
            "Union(Interval.open(-oo, 0), Interval.open(0, oo))",
        ),
        ("zeros", "Piecewise((v - 1, v > 0), (v + 1, True))", "", "{-1, 1}"),
        ("zeros", "1/v", "", "EmptySet"),
        ("zeros", "v**2 + a", REAL, {"a < 0": "{-sqrt(-a), sqrt(-a)}", "Eq(a, 0)": "{0}", "a > 0": "EmptySet"}),
        ("fixed_points", "Max(v, 0)", "", "Interval(0, oo)"),
        ("fixed_points", "v + 1", "", "EmptySet"),
        ("fixed_points", "v*Abs(v)", "", "{-1, 0, 1}"),
        ("fixed_points", "a*v", REAL, {"Ne(a, 1)": "{0}", "Eq(a, 1)": "Reals"}),
        ("slope_lipschitz", "v**2", "", "2"),
        ("slope_lipschitz", "softplus(v)", "", "1/4"),
        ("slope_lipschitz", "tanh(v)", "", "4*sqrt(3)/9"),
        ("slope_lipschitz", "v*Abs(v)", "", "2"),
        ("slope_lipschitz", "v**3", "", "oo"),
        ("slope_lipschitz", "Abs(v)", "", "oo"),
        ("slope_lipschitz", "1/v", "", "oo"),
        ("slope_lipschitz", "a*v**2", REAL, "2*Abs(a)"),
        ("slope_lipschitz", "Max(v, a*v)", REAL, {"Ne(a, 1)": "oo", "Eq(a, 1)": "0"}),
        ("saturation", "Min(Max(v, 0), 6)", "", sides(hard("0", "0"), hard("6", "6"))),
        ("saturation", "tanh(v)", "", sides(soft("-1"), soft("1"))),
        ("saturation", "v + 1", "", sides(NONE, NONE)),
        ("saturation", "sin(v)", "", sides(NONE, NONE)),
        ("saturation", "sin(v)/v", "", sides(soft("0"), soft("0"))),
        (
            "saturation",
            "Piecewise((1, v < 0), (1, v > 2), (1, v > 0), (5, True))",
            "",
            sides(hard("1", "0"), hard("1", "0")),
        ),
        ("saturation", "2", "", sides(hard("2", "oo"), hard("2", "-oo"))),
        (
            "saturation",
            "Piecewise((v, v > 0), (a*v, True))",
            REAL,
            {"Eq(a, 0)": sides(hard("0", "0"), NONE), "Ne(a, 0)": sides(NONE, NONE)},
        ),
        ("asymptotes", "sqrt(v**2 + 1)", "", sides("-v", "v")),
        ("asymptotes", "v*atan(v)", "", sides("-pi*v/2 - 1", "pi*v/2 - 1")),
        ("asymptotes", "softplus(v)", "", sides("0", "v")),
        ("asymptotes", "v + sin(v)", "", sides("none", "none")),
        ("asymptotes", "log(1 + v**2)", "", sides("none", "none")),
        ("asymptotes", "v**2", "", sides("none", "none")),
        ("asymptotes", "Max(v, a*v)", "a: [0, 1] = 0", sides("a*v", "v")),
        ("asymptotes", "a*v**2", REAL, {"Ne(a, 0)": sides("none", "none"), "Eq(a, 0)": sides("0", "0")}),
        ("subgradients", "v**2", "", []),
        ("subgradients", "Abs(v)", "", [kink("0", "-1", "1", "Interval(-1, 1)", "convex")]),
        ("subgradients", "-Abs(v)", "", [kink("0", "1", "-1", "Interval(-1, 1)", "clarke")]),
        ("subgradients", "sqrt(Abs(v))", "", [kink("0", "-oo", "oo", "none", "none")]),
        ("subgradients", "Heaviside(v) + v", "", [kink("0", "none", "none", "none", "none")]),
        ("subgradients", "Piecewise((v, v >= 0), (1, True))", "", [kink("0", "none", "1", "none", "none")]),
        (
            "subgradients",
            "Piecewise((v, v > 0), (a*v, True))",
            REAL,
            {
                "a < 1": [kink("0", "a", "1", "Interval(a, 1)", "convex")],
                "Eq(a, 1)": [],
                "a > 1": [kink("0", "a", "1", "Interval(1, a)", "clarke")],
            },
        ),
    ],
)
def test_what_the_value_is(key: str, expr: str, declared: str, expected: Any) -> None:
    """A value, or one for each part of the parameter domain."""
    value = decided(key, expr, declared)["value"]
    if isinstance(expected, dict) and isinstance(value, list) and "when" in value[0]:
        value = {row["when"]: row["value"] for row in value}
    assert value == expected


@pytest.mark.parametrize(
    ("expr", "declared", "f", "slope"),
    [
        ("Max(v, 0)", "", ("sqrt(2)/(2*sqrt(pi))", "1/2", "sqrt(2)"), ("1/2", "1/2", "sqrt(2)")),
        ("v**3", "", ("0", "15", "sqrt(15)/15"), ("3", "27", "sqrt(3)/9")),
        ("exp(v)", "", ("exp(1/2)", "exp(2)", "exp(-1)"), ("exp(1/2)", "exp(2)", "exp(-1)")),
        ("exp(-v**2)", "", ("sqrt(3)/3", "sqrt(5)/5", "5**(1/4)"), ("0", "4*sqrt(5)/25", "5**(3/4)/2")),
        ("erf(v)", "", ("0", "2*asin(2/3)/pi", None), ("2*sqrt(3)/(3*sqrt(pi))", "4*sqrt(5)/(5*pi)", None)),
        ("v*(1 + erf(v/sqrt(2)))/2", "", ("1/(2*sqrt(pi))", "sqrt(3)/(6*pi) + 1/3", None), ("1/2", None, None)),
        ("exp(v**2/4)", "", ("sqrt(2)", "oo", "none"), ("0", "oo", "none")),
        ("exp(v**2)", "", ("none", "oo", "none"), ("none", "oo", "none")),
        ("1/v", "", ("none", "none", "none"), ("none", "none", "none")),
        ("sigmoid(v)", "", ("1/2", None, None), (None, None, None)),
        ("v*sigmoid(v)", "", (None, None, None), ("1/2", None, None)),
        ("Heaviside(v)", "", ("1/2", "1/2", "sqrt(2)"), ("0", "0", "none")),
        ("Max(v - a, 0)", REAL, (None, None, None), ("(1 - erf(sqrt(2)*a/2))/2", "(1 - erf(sqrt(2)*a/2))/2", None)),
        ("a*v", "a: (0, oo) = 2", ("0", "a**2", "1/a"), ("a", "a**2", "1/a")),
    ],
)
def test_gaussian_moments_with_closed_form(expr: str, declared: str, f: Any, slope: Any) -> None:
    """Mean, second moment and gain, worked out by hand (None: not looked at)."""
    for key, expected in (("gaussian_moments", f), ("slope_gaussian_moments", slope)):
        found = decided(key, expr, declared)["value"]
        for part, want in zip(("mean", "second_moment", "gain"), expected, strict=True):
            assert want is None or found[part] == want


@pytest.mark.parametrize(
    ("expr", "breaks"),
    [
        ("softplus(v)", [0]),
        ("v*tanh(softplus(v))", [0]),
        ("sin(v)*v", [0]),
        ("v**2*tanh(v)", [0]),
        ("sqrt(v**2 + 1)*cos(3*v)", [0]),
        ("v**2*tanh(v) - v*exp(-v**2/2 - v)", [0]),
        ("Min(Max(v + 3, 0), 6)*v/6", [-3, 3]),
        ("Piecewise((v, v > sqrt(2)), (exp(v), True))", ["1.41421356237309504880168872421"]),
        ("Piecewise((v**2*exp(-v), v > 1), (v*exp(v**2/8), True))", [1]),
        ("atan(v) + log(1 + v**2)", [0]),
        ("(erf(v) + v)**2*exp(-v**2/3)", [0]),
    ],
)
def test_gaussian_moments_agree_with_quadrature(expr: str, breaks: list[Any]) -> None:
    """Closed forms and enclosures against mpmath's quadrature of the definition."""
    f = subject(expr, "").activation
    for key, g in (("gaussian_moments", f.expr), ("slope_gaussian_moments", f.expr.diff(f.variable))):
        value = decided(key, expr)["value"]
        for part, power in (("mean", 1), ("second_moment", 2)):
            want = quadrature(g, f.variable, power, breaks)
            assert abs(midpoint(value[part]) - want) < 1e-9 * (1 + abs(want)), (key, part)


def midpoint(value: Any) -> Any:
    if isinstance(value, dict):
        assert sp.Rational(value["hi"]) - sp.Rational(value["lo"]) < sp.Rational(1, 10**18)
        return mpmath.mpf(value["lo"])
    return mpmath.mpf(str(sp.sympify(value).evalf(30)))


def quadrature(g: sp.Expr, v: sp.Symbol, power: int, breaks: list[Any]) -> Any:
    """E g(v)**power for a standard normal v, by mpmath."""
    at = sp.lambdify(v, g, "mpmath")
    with mpmath.workdps(25):
        nodes = [mpmath.mpf(x) for x in (-30, -8, -3, *breaks, 3, 8, 30)]
        return mpmath.quad(lambda x: at(x) ** power * mpmath.npdf(x), sorted(set(nodes)))


@pytest.mark.parametrize(
    ("expr", "at"),
    [
        ("Max(v, 0)", {}),
        ("tanh(v)", {}),
        ("v*(1 + erf(v/sqrt(2)))/2", {}),
        ("Piecewise((v, v > 0), (a*(exp(v) - 1), True))", {"a": 3}),
        ("v**3*exp(-v**2/2) + v", {}),
        ("exp(-v**2 + v)", {}),
        ("v*erf(a*v)", {"a": -2}),
        ("v**2*exp(a*v)", {"a": -2}),
        ("v**2*exp(a*v)", {"a": 0}),
        ("Max(v - a, 0)", {"a": -2}),
        ("Max(v - a, 0)", {"a": 2}),
        ("Min(Max(v, -2), 1)*v + Heaviside(v - 1)", {}),
        ("1/(1 + exp(-a*v))", {"a": 2}),
        ("v/(1 + Abs(v))", {}),
        ("v*atan(v)", {}),
        ("cbrt(v)", {}),
        ("v*(atan(v)/pi + 1/2)", {}),
        ("v - tanh(v)", {}),
        ("a*sin(a*v) + Max(v, 0)", {"a": -2}),
        ("v + sin((a**2 + 1)*v)**2/(a**2 + 1)", {"a": 2}),
        ("v/sqrt(1 + (a**2 + 1)*v**2)", {"a": 2}),
        ("v + sqrt(v**2 + a**2 + 1)", {"a": 2}),
        ("v**2*sqrt(v**2 + 2*v + 5) + (v - 1)/sqrt(v**2 + 2*v + 5)", {}),
        ("(v + 2)*(1 + erf((v - a)/2))", {"a": 2}),
        ("v*erf(v*(1 - a))*(1 - a)", {"a": -2}),
        ("Piecewise((v, v >= 0), ((1 - v)**(-a) - 1, True))", {"a": 3}),
        ("Piecewise((v, v >= 0), ((1 - v)**(-a) - 1, True))", {"a": 1}),
        ("Max(v, 0)**(a**2 + 1)", {"a": 2}),
    ],
)
def test_antiderivatives_agree_with_quadrature(expr: str, at: dict[str, int]) -> None:
    """F(x) is the integral of f from 0 to x, by mpmath, on both sides."""
    declared = "; ".join(f"{name}: Reals = 1" for name in at)
    value = decided("antiderivative", expr, declared)["value"]
    f = subject(expr, declared).activation
    symbols = {str(s): s for s in (f.variable, *(p.symbol for p in f.parameters))}
    values = {symbols[name]: sp.Integer(x) for name, x in at.items()}
    if isinstance(value, list):
        (value,) = [row["value"] for row in value if bool(sp.sympify(row["when"], locals=symbols).subs(values))]
    whole = sp.lambdify(f.variable, sp.sympify(value, locals=symbols).subs(values), "mpmath")
    here = sp.lambdify(f.variable, f.expr.subs(values), "mpmath")
    assert abs(whole(mpmath.mpf(0))) < 1e-14
    for x in (-5, -2, -1, 1, 2, 5):
        want = mpmath.quad(here, list(range(0, x + 1) if x > 0 else range(0, x - 1, -1)))
        assert abs(whole(mpmath.mpf(x)) - want) < 1e-8 * (1 + abs(want)), x


NOT_ELEMENTARY = {"elementary": False}


@pytest.mark.parametrize(
    ("expr", "declared", "expected"),
    [
        ("v/(1 + exp(-v))", "", NOT_ELEMENTARY),
        ("softplus(v)", "", NOT_ELEMENTARY),
        ("exp(v**2)", "", NOT_ELEMENTARY),
        ("Piecewise((v, v > 0), (v*tanh(v), True))", "", NOT_ELEMENTARY),
        ("(a - 2)*v/(1 + exp(v)) + v", REAL, {"Ne(a, 2)": NOT_ELEMENTARY, "Eq(a, 2)": "v**2/2"}),
        ("v*exp(-exp(a*v))", REAL, {"Ne(a, 0)": NOT_ELEMENTARY, "Eq(a, 0)": "v**2*exp(-1)/2"}),
        ("1/v", "", "none"),
        ("v*(1 + exp(-v))**Rational(-3, 2)", "", "unknown"),
        ("1/(exp(a*v) + exp(v))", REAL, "unknown"),
    ],
)
def test_what_has_no_elementary_antiderivative(expr: str, declared: str, expected: Any) -> None:
    """The last two are left open: no field is built for a root, nor for exponentials that one a makes dependent."""
    found = decided("antiderivative", expr, declared)
    value = found.get("value") or found["verdict"]
    assert ({row["when"]: row["value"] for row in value} if isinstance(value, list) else value) == expected


@pytest.mark.parametrize(
    ("expr", "declared", "expected"),
    [
        ("v*Abs(v)", "", "Piecewise((sqrt(v), v >= 0), (-sqrt(-v), True)) on Reals"),
        ("softplus(v)", "", "log(exp(v) - 1) on Interval.open(0, oo)"),
        ("v/(1 + Abs(v))", "", "Piecewise((-v/(v - 1), v >= 0), (v/(v + 1), True)) on Interval.open(-1, 1)"),
        ("2 - 3*v", "", "2/3 - v/3 on Reals"),
        ("v + exp(v)", "", "no formula"),
        ("Piecewise((v + 1, v > 0), (v, True))", "", "no formula"),
        ("tanh(v - a**2 + a)", REAL, "a**2 - a + log((-v - 1)/(v - 1))/2 on Interval.open(-1, 1)"),
        ("cosh(v)", "", "no inverse"),
        ("Max(v, 0)", "", "no inverse"),
        ("Heaviside(v)", "", "no inverse"),
        ("1/v", "", "none"),
        ("Piecewise((v - 1, v > 0), (v, True))", "", "unknown"),
        (
            "Piecewise((v, v > 0), (a*v, True))",
            REAL,
            {"a <= 0": "no inverse", "a > 0": "Piecewise((v, v >= 0), (v/a, True)) on Reals"},
        ),
        ("exp(-a*v)", REAL, {"Ne(a, 0)": "-log(v)/a on Interval.open(0, oo)", "Eq(a, 0)": "no inverse"}),
    ],
)
def test_inverses(expr: str, declared: str, expected: Any) -> None:
    found = decided("inverse", expr, declared)
    value = found.get("value", found["verdict"])
    if isinstance(value, list):
        assert {row["when"]: inverse_text(row["value"]) for row in value} == expected
    else:
        assert inverse_text(value) == expected


def inverse_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not value["exists"]:
        return "no inverse"
    return "no formula" if value["expr"] is None else f"{value['expr']} on {value['domain']}"


@pytest.mark.parametrize(
    "expr",
    [
        "tanh(v)",
        "sigmoid(3*v - 1)",
        "v*Abs(v)",
        "softplus(v)",
        "v/(1 + Abs(v))",
        "exp(-2*v) + 1",
        "cbrt(v)",
        "Max(v, 2*v - 1)",
    ],
)
def test_inverses_undo_the_function(expr: str) -> None:
    """g(f(x)) = x to 12 digits on both sides of every break."""
    f = subject(expr, "").activation
    g = sp.sympify(decided("inverse", expr)["value"]["expr"], locals={"v": f.variable})
    there, back = (sp.lambdify(f.variable, e, "mpmath") for e in (f.expr, g))
    for x in ("-3", "-1", "-0.25", "0.25", "1", "2.5"):
        assert abs(back(there(mpmath.mpf(x))) - mpmath.mpf(x)) < 1e-10


def test_zeros_without_closed_form_are_enclosed() -> None:
    """exp(v) - 2 - v vanishes at two points: both are bracketed to 22 digits and more."""
    low, high = decided("zeros", "exp(v) - 2 - v")["value"]["points"]
    assert [row["lo"][:20] for row in (low, high)] == ["-1.84140566043696063", "1.146193220620582585"]
    assert all(sp.Rational(row["lo"]) < sp.Rational(row["hi"]) for row in (low, high))


def test_infinitely_many_zeros_of_no_sinusoid_are_left_open() -> None:
    assert decided("zeros", "exp(v) - cos(v)")["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("key", "expr", "declared", "expected"),
    [
        ("zeros", "sin(v)", "", "ImageSet(Lambda(n, pi*n), Integers)"),
        ("zeros", "v*cos(v)", "", "Union({0}, ImageSet(Lambda(n, pi*n + pi/2), Integers))"),
        ("fixed_points", "v + sin(v)**2", "", "ImageSet(Lambda(n, pi*n), Integers)"),
        ("zero_slope_set", "v + sin(2*v)/2", "", "ImageSet(Lambda(n, pi*n + pi/2), Integers)"),
        ("unit_slope_set", "sin(a*v)", "a: (0, 1) = 0.5", "EmptySet"),
        ("zeros", "1 + 2*sin(v)", "", ("-pi/6", "7*pi/6", "11*pi/6")),
        ("zeros", "sin(v) - cos(v)", "", ("pi/4", "5*pi/4", "-3*pi/4")),
        ("zeros", "3*cos(v) + 4*sin(v) + 5", "", ("-pi/2 - acos(4/5)", "3*pi/2 - acos(4/5)")),
    ],
)
def test_zeros_that_recur_are_sets(key: str, expr: str, declared: str, expected: str | tuple[str, ...]) -> None:
    """The set as it is spelled, or some of its members."""
    value = decided(key, expr, declared)["value"]
    if isinstance(expected, str):
        assert value == expected
        return
    found = sp.sympify(value)
    for member in map(sp.sympify, expected):
        parts = found.args if isinstance(found, sp.Union) else (found,)
        near = [part.lamda(k) for part in parts for k in range(-3, 4)]
        assert any(abs(sp.N(x - member, 30)) < 1e-20 for x in near), member


def matching(value: Any, at: dict[sp.Symbol, sp.Rational]) -> Any:
    """The value that holds for some parameters; named roots in a condition stand for their enclosures."""
    if not isinstance(value, list):
        return value
    symbols = {str(s): s for s in at}
    for row in value:
        roots = {name: sp.Rational(root["lo"]) for name, root in row.get("roots", {}).items()}
        if bool(sp.sympify(row["when"], locals=symbols).subs({**at, **{sp.Symbol(n): r for n, r in roots.items()}})):
            return row["value"]
    raise AssertionError(f"no case for {at}")


@pytest.mark.parametrize(
    ("key", "expr", "declared", "level"),
    [
        ("fixed_points", "Piecewise((v, v >= 0), (a*(exp(v) - 1), True))", "a: (0, oo) = 2", None),
        ("zero_slope_set", "((1 + a)*v + (1 - a)*v*erf(b*(1 - a)*v))/2", "a: [0, 1) = 0.25; b: (0, oo) = 1", 0),
        ("unit_slope_set", "((1 + a)*v + (1 - a)*v*erf(b*(1 - a)*v))/2", "a: [0, 1) = 0.25; b: (0, oo) = 1", 1),
        ("zero_slope_set", "v*sigmoid(v) + a*v", "a: Reals = 0.05", 0),
        ("zeros", "Max(0, v)*sigmoid(v) + a", "a: Reals = 0.1", None),
    ],
)
def test_points_that_move_are_as_many_as_counted(key: str, expr: str, declared: str, level: int | None) -> None:
    """Beside the defaults too: as many as the sign changes that a fine grid sees."""
    f = subject(expr, declared).activation
    v = f.variable
    found = decided(key, expr, declared)
    assert found["verdict"] == "proved"
    gap = f.expr.diff(v) - level if level is not None else f.expr - (v if key == "fixed_points" else 0)
    for k in range(12):
        at = {
            p.symbol: next(
                x for x in (p.default + sp.Rational((7 * k) % 12 - 5, 6 + j), p.default) if p.domain.contains(x)
            )
            for j, p in enumerate(f.parameters)
        }
        value = matching(found["value"], at)
        here = sp.lambdify(v, gap.subs(at), "mpmath")
        signs = [sp.sign(here(mpmath.mpf(x) / 16 + mpmath.mpf("0.0137"))) for x in range(-640, 640)]
        flips = sum(1 for one, other in itertools.pairwise(signs) if one * other < 0)
        points = value["points"] if isinstance(value, dict) else [*sp.sympify(value)] if value != "Reals" else []
        if isinstance(value, dict) or isinstance(sp.sympify(value), sp.FiniteSet | sp.sets.sets.EmptySet):
            assert flips == len(points), (at, value)


@pytest.mark.parametrize(
    ("expr", "times"),
    [
        ("v*tanh(exp(v))", 2),
        ("v*log(2 - exp(-exp(v)))", 2),
        ("log(1 + exp(v))*tanh(exp(v))", 1),
        ("v*tanh(v*erfc(-v/sqrt(2))/2)", 2),
        ("v*tanh(softplus(v))", 2),
        ("v*exp(-exp(-v))", 2),
        ("exp(-exp(v)) - atan(exp(v))", 1),
    ],
)
def test_the_greatest_size_is_what_a_fine_grid_sees(expr: str, times: int) -> None:
    found = decided("lipschitz" if times == 1 else "slope_lipschitz", expr)
    value = found["value"]
    low = mpmath.mpf(value["lo"]) if isinstance(value, dict) else mpmath.mpf(str(sp.sympify(value).evalf(30)))
    f = subject(expr, "").activation
    slope = sp.lambdify(f.variable, f.expr.diff(f.variable, times), "mpmath")
    seen = max(abs(slope(mpmath.mpf(x) / 64)) for x in range(-640, 640))
    assert found["verdict"] == "proved"
    assert seen <= low + mpmath.mpf("1e-15")
    assert seen > low * (1 - mpmath.mpf("1e-3"))


def test_a_condition_with_a_root_names_and_encloses_it() -> None:
    found = decided("nondecreasing", "v*sigmoid(v) + a*v", "a: Reals = 0")
    a = sp.Symbol("a", real=True)
    condition = sp.sympify(found["condition"], locals={"a": a})
    assert {str(s) for s in condition.free_symbols} == {"a", *found["roots"]}
    lows = {sp.Symbol(name): sp.Rational(root["lo"]) for name, root in found["roots"].items()}
    assert all(
        sp.Rational(root["hi"]) - sp.Rational(root["lo"]) < sp.Rational("1e-19") for root in found["roots"].values()
    )
    assert bool(condition.subs({**lows, a: sp.Rational("0.0999")}))  # the least slope of SiLU is -0.09984
    assert not bool(condition.subs({**lows, a: sp.Rational("0.0998")}))
