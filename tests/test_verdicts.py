"""Every verdict of the catalogue is checked by a second method: interval arithmetic on the definition (independent.py).

What is established: for a property that is claimed to hold at given parameter values, no box and no pair of points
certainly contradicts it, and its defining inequality is certified on at least 90 per cent of [-30, 30]; for one that is
claimed to fail, a certain counterexample exists (the witness, where the verdict carries one for these values). This is
a check, not a proof: the arguments for all inputs are the prover's.
"""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import pytest
import sympy as sp
from flint import arb

from functions import NAMES, OTHERS, SOURCES, dossier
from independent import Jet, box, exact, jet
from kassei.core.analysis import properties
from kassei.library import catalogue

CELLS = [(sp.Rational(k, 16), sp.Rational(k + 1, 16)) for k in range(-480, 480)]
GRID = [sp.Rational(k, 4) for k in range(-48, 49)] + [sp.Rational(s * 2**k) for k in range(4, 9) for s in (-1, 1)]
FINE = [sp.Rational(k, 4096) + sp.Rational(1, 8192) for k in range(-64, 64)]
UNSEEN = dict.fromkeys(("flatten_t_swish", "repu", "star_relu"), ("strictly_increasing",))
"""Refuted properties that the grids below cannot see: a constant stretch whose value no ball holds exactly."""
YES_NO = (
    "nondecreasing",
    "strictly_increasing",
    "continuous",
    "not_affine",
    "unit_slope_positive",
    "convex",
    "concave",
    "odd",
    "even",
)


def parameter_values(name: str) -> list[dict[sp.Symbol, sp.Rational]]:
    axes = []
    for p in catalogue[name].parameters:
        near = [
            p.default,
            *map(sp.Rational, ("-2", "-1", "-1/1000", "0", "1/1000", "1/8", "1/2", "1", "1001/1000", "2")),
        ]
        axes.append([(p.symbol, x) for x in dict.fromkeys(near) if p.domain.contains(x)])
    return [dict(row) for row in itertools.product(*axes)]


class At:
    """A catalogue function at fixed parameters."""

    def __init__(self, name: str, values: dict[sp.Symbol, sp.Rational]) -> None:
        f = catalogue[name]
        self.v, self.expr = f.variable, f.expr
        self.env = {s: Jet(exact(x), arb(0)) for s, x in values.items()}

    def over(self, cell: Any) -> Jet:
        """Value and slope enclosed on a box of inputs."""
        return jet(self.expr, {**self.env, self.v: Jet(cell, arb(1))})

    def __call__(self, at: sp.Rational) -> Any:
        """The enclosed value at an exact point."""
        return self.over(exact(at)).x


def claimed(name: str, key: str, values: dict[sp.Symbol, sp.Rational]) -> bool | None:
    v = dossier(name).properties[key]
    if v.truth == "conditional":
        return bool(v.condition.subs(values))
    return {"proved": True, "refuted": False}.get(v.truth)


def defined(name: str, values: dict[sp.Symbol, sp.Rational]) -> bool:
    v = dossier(name).domain
    return bool(v.condition.subs(values)) if v.truth == "conditional" else v.truth == "proved"


def certified(flags: list[bool]) -> None:
    assert sum(flags) >= 0.9 * len(flags)


def violations(key: str, f: At) -> bool:
    """Whether the grid certainly contradicts the property."""
    if key in ("nondecreasing", "strictly_increasing"):
        points = sorted(GRID)
        values = [f(p) for p in points]
        falls = any(b < a for a, b in itertools.pairwise(values))
        flat = any((b - a).is_zero() for a, b in itertools.pairwise(values))
        return falls or (key == "strictly_increasing" and flat)
    if key == "continuous":
        near = sp.Rational(1, 2**60)
        return any(abs(f(p + step) - f(p)) > 0.001 * (1 + abs(f(p))) for p in GRID for step in (-near, near))
    if key == "not_affine":
        a, b = f(sp.S.Zero), f(sp.S.One) - f(sp.S.Zero)
        return all((f(p) - a - b * exact(p)).contains(0) for p in GRID)
    if key == "unit_slope_positive":
        return any(not f.over(exact(p)).d.contains(1) for p in GRID if p > 0)
    if key in ("convex", "concave"):
        way = 1 if key == "convex" else -1
        points = sorted(GRID)
        pairs = [*itertools.combinations(points[::3], 2), *itertools.pairwise(points), *itertools.pairwise(FINE)]
        middle = [(p, q, (p + q) / 2) for p, q in pairs]
        return any((f(p) + f(q) - 2 * f(m)) * way < 0 for p, q, m in middle)
    sign = -1 if key == "odd" else 1
    return any(not (f(-p) - sign * f(p)).contains(0) for p in GRID)


@pytest.mark.parametrize("key", YES_NO)
@pytest.mark.parametrize("name", SOURCES)
def test_interval_arithmetic_agrees(name: str, key: str) -> None:
    """At parameter values on both sides of every switch: claimed and not contradicted, or refuted and contradicted."""
    asked = 0
    for values in parameter_values(name):
        if not defined(name, values):
            continue
        want = claimed(name, key, values)
        assert want is not None, f"{name}: {key} is open"
        f = At(name, values)
        if want:
            assert not violations(key, f), (name, key, values)
        else:
            assert violations(key, f), (name, key, values)
        asked += 1
    assert asked


@pytest.mark.parametrize("name", SOURCES)
def test_slopes_are_certified_on_cells(name: str) -> None:
    """Where f is said never to fall, the enclosed slope is certainly >= 0 on nearly every cell, negative on none."""
    for values in parameter_values(name):
        if not defined(name, values) or not claimed(name, "nondecreasing", values):
            continue
        slopes = [At(name, values).over(box(lo, hi)).d for lo, hi in CELLS]
        assert not any(d < 0 for d in slopes)
        if name != "rational" or all(x > sp.Rational(1, 100) for x in values.values()):
            certified([bool(d >= 0) for d in slopes])  # a**2/(a - v)**2 drowns in a*v/(a - v)**2 for tiny a


@pytest.mark.parametrize("name", SOURCES)
def test_lipschitz_constants_bound_and_are_approached(name: str) -> None:
    for values in parameter_values(name):
        if not defined(name, values):
            continue
        value: Any = dossier(name).properties["lipschitz"].value
        if isinstance(value, list):
            (value,) = [row["value"] for row in value if bool(sp.sympify(row["when"]).subs(values))]
        if value == "oo":
            assert not claimed(name, "continuous", values)
            continue
        bound = (
            sp.Rational(value["hi"])
            if isinstance(value, dict)
            else sp.sympify(value, locals={str(s): s for s in values}).subs(values)
        )
        limit = float(bound) * (1 + 1e-12)
        sizes = [abs(At(name, values).over(exact(p + sp.Rational(1, 1000))).d) for p in GRID]
        assert not any(s > limit for s in sizes)
        fine = [abs(At(name, values).over(exact(sp.Rational(k, 64))).d) for k in range(-256, 257)]
        assert max(float(s.upper()) for s in (*sizes, *fine)) >= 0.97 * float(bound)


@pytest.mark.parametrize("name", SOURCES)
def test_witnesses_hold_in_exact_arithmetic(name: str) -> None:
    """A pair that shows a fall does fall; both are rational points as printed."""
    for key in ("nondecreasing", "strictly_increasing"):
        witness = dossier(name).properties[key].witness
        if not witness or "points" not in witness:
            continue
        u, w = map(sp.Rational, witness["points"])
        values = {p.symbol: sp.Rational(witness["parameters"][p.name]) for p in catalogue[name].parameters}
        f = At(name, values)
        assert u < w
        gap = f(u) - f(w)
        assert gap > 0 if key == "nondecreasing" else gap >= 0


def value_at(name: str, key: str, values: dict[sp.Symbol, sp.Rational]) -> Any:
    """The value of a property at given parameters."""
    value: Any = dossier(name).properties[key].value
    if isinstance(value, list) and value and "when" in value[0]:
        (value,) = [row["value"] for row in value if bool(sp.sympify(row["when"]).subs(values))]
    return value


def number(value: Any, values: dict[sp.Symbol, sp.Rational]) -> Any:
    """An exact value as a ball."""
    if isinstance(value, dict):
        return exact(sp.Rational(value["lo"])).union(exact(sp.Rational(value["hi"])))
    return jet(sp.sympify(value, locals={str(s): s for s in values}).subs(values), {}).x


def test_nothing_is_open() -> None:
    assert {(n, k) for n in SOURCES for k, v in dossier(n).properties.items() if v.truth == "unknown"} == set()


def moves(point: Any, values: dict[sp.Symbol, sp.Rational]) -> bool:
    """Whether a point is enclosed for other parameters than these, as the other fixed point of ELU for alpha > 1."""
    here = {str(s): x for s, x in values.items()}
    return isinstance(point, dict) and any(here[n] != sp.Rational(x) for n, x in point.get("at", {}).items())


@pytest.mark.parametrize("key", ["zeros", "fixed_points"])
@pytest.mark.parametrize("name", SOURCES)
def test_level_sets_agree_with_interval_arithmetic(name: str, key: str) -> None:
    """What is listed is met; at nearly every point of a grid outside of it f certainly differs from its target."""
    for values in parameter_values(name):
        if not defined(name, values):
            continue
        f, value = At(name, values), value_at(name, key, values)
        if isinstance(value, dict):
            if any(moves(p, values) for p in value["points"]):
                continue
            balls = [number(p, values) for p in value["points"]]
            intervals = [sp.sympify(i).subs(values) for i in value["intervals"]]
        else:
            read = sp.sympify(value, locals={str(s): s for s in values})
            found = (sp.FiniteSet(*read) if isinstance(read, set) else read).subs(values)
            parts = found.args if isinstance(found, sp.Union) else [found]
            balls = [jet(p, {}).x for part in parts if isinstance(part, sp.FiniteSet) for p in part]
            intervals = [part for part in parts if isinstance(part, sp.Interval)]

        def gap(x: Any, f: At = f) -> Any:
            return f.over(x).x - (x if key == "fixed_points" else 0)

        assert all(gap(b).contains(0) for b in balls)
        inside = [p for p in GRID if any(i.contains(p) == sp.true for i in intervals)]
        assert all(gap(exact(p)).contains(0) for p in inside)
        middles = [(lo + hi) / 2 for lo, hi in CELLS[320:640]]
        free = [p for p in middles if not any(i.contains(p) == sp.true for i in intervals)]
        certified([not gap(exact(p)).contains(0) for p in free] or [True])


@pytest.mark.parametrize("name", SOURCES)
def test_ends_agree_with_values_far_out(name: str) -> None:
    """The function comes nearer to its asymptote and to its level, and stays at a level that it is said to reach."""
    for values in parameter_values(name):
        if not defined(name, values):
            continue
        f = At(name, values)
        lines, levels = value_at(name, "asymptotes", values), value_at(name, "saturation", values)
        for side, way in (("neg_inf", -1), ("pos_inf", 1)):
            line = sp.sympify(lines[side], locals={str(s): s for s in (*values, f.v)}).subs(values)
            gaps = [abs(f(p) - jet(line.subs(f.v, p), {}).x) for p in (way * sp.Integer(2**k) for k in (6, 14))]
            assert not gaps[1] > gaps[0]
            assert gaps[1] < 0.01
            kind = levels[side]["kind"]
            if kind == "none":
                assert abs(f(way * sp.Integer(2**40))) > 2**20
                continue
            level = number(levels[side]["level"], values)
            assert abs(f(way * sp.Integer(2**14)) - level) < 0.01
            if kind == "hard":
                start = sp.Rational(levels[side]["from"])
                assert all((f(start + way * sp.Rational(k, 8)) - level).contains(0) for k in range(1, 80))
            else:
                assert abs(f(way * sp.Integer(8)) - level) > 0


@pytest.mark.parametrize("name", SOURCES)
def test_moments_agree_with_quadrature(name: str) -> None:
    """Mean and second moment of f and f', at the defaults, against mpmath's quadrature of the definition."""
    f = catalogue[name]
    values = f.defaults
    for key, g in (("gaussian_moments", f.expr), ("slope_gaussian_moments", f.expr.diff(f.variable))):
        found = value_at(name, key, values)
        at = sp.lambdify(f.variable, g.subs(values), "mpmath")
        with mpmath.workdps(25):
            for part, power in (("mean", 1), ("second_moment", 2)):
                nodes = [-30, -8, -3, 0, 3, 8, 30]
                want = mpmath.quad(lambda x, at=at, power=power: at(x) ** power * mpmath.npdf(x), nodes)
                ball = number(found[part], values)
                assert abs(mpmath.mpf(ball.mid().str(30, radius=False)) - want) < 1e-15


def shown(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict) and "when" in value[0]:
        return "; ".join(f"{shown(r['value'])} where {r['when']}" for r in value)
    if isinstance(value, dict) and "lo" in value:
        return f"{value['lo'][:16]}…"
    if isinstance(value, dict) and "inf" in value:
        left, right = "[" if value["inf_attained"] else "(", "]" if value["sup_attained"] else ")"
        return f"{left}{shown(value['inf'])}, {shown(value['sup'])}{right}"
    if isinstance(value, dict) and "points" not in value:
        return ", ".join(f"{k} {shown(x)}" for k, x in value.items())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return " and ".join(map(shown, value))
    if isinstance(value, dict):
        return "{" + ", ".join([*map(shown, value["points"]), *value["intervals"]]) + "}"
    return str(value)


@pytest.mark.parametrize("name", NAMES)
def test_all_verdicts_are_reviewed(name: str, golden: Any) -> None:
    """The golden table: one line a verdict, for a reviewer to read."""
    d = dossier(name).to_json()
    lines = []
    for key, v in {"domain": d["domain"], **d["requirements"], **d["properties"]}.items():
        text = v["verdict"] if v["condition"] is None else f"{v['verdict']} {v['condition']}"
        lines.append(f'{key} = "{text}: {shown(v["value"])}"' if "value" in v else f'{key} = "{text}"')
    for one in d["param_limits"]:
        lines.append(f'"{one["param"]} -> {one["to"]}" = "{one["equals"]} {one["is"] or ""} {one["convergence"]}"')
    golden(f"verdicts/{name}.toml", "\n".join([*lines, ""]))


@pytest.mark.parametrize("name", SOURCES)
def test_every_requirement_of_the_sources_functions_is_decided(name: str) -> None:
    assert [r for r, v in dossier(name).requirements.items() if v.truth == "unknown"] == []
    assert set(dossier(name).properties) == set(properties())


@pytest.mark.parametrize("name", OTHERS)
def test_interval_arithmetic_agrees_at_the_defaults(name: str) -> None:
    """The other functions, at their defaults: what is claimed is not contradicted, what is refuted is contradicted.

    Grid points see no fall of less than an enclosure's width, so a refutation may also rest on its exact witness.
    """
    values = catalogue[name].defaults
    if not defined(name, values):
        return
    f = At(name, values)
    for key in YES_NO:
        want = claimed(name, key, values)
        if want is None:
            continue
        seen = violations(key, f)
        assert not (want and seen), (name, key)
        assert want or seen or key in UNSEEN.get(name, ()), (name, key)
