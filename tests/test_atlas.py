"""The overview of a catalogue: limits between functions, who is who, R3 in three readings, what is left open."""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations

import mpmath
import pytest
import sympy as sp

import site_build
from functions import dossier
from kassei.atlas import CONSTANT, Atlas, Edge, Entry, LimitAtlas, Reading, Relation, atlas
from kassei.atlas.document import document, formula
from kassei.core.activation import Activation
from kassei.core.kinship import Image, where_equal
from kassei.core.reading import parse_definition
from kassei.core.region import points_of
from kassei.library import analyze, catalogue
from kassei.render import graph
from kassei.render.overview import KINDS, overview
from kassei.render.pages import pages
from kassei.text.resources import LANGUAGES
from kassei.text.words import Words

pytestmark = pytest.mark.xdist_group("site")

MORE = ("lecun_tanh", "relu6", "smooth_step", "swish")
"""What the small site lacks: a stretched function, a clipped one, a limit but for one input, a mirrored limit."""
INPUTS = tuple(map(sp.Rational, ("-33/10", "-7/5", "-3/10", "2/5", "11/10", "29/10")))


@cache
def found() -> Atlas:
    return atlas([Entry.of(d) for d in (*site_build.dossiers(), *map(dossier, MORE))])


def functions() -> dict[str, Activation]:
    return {e.name: e.activation for e in found().entries}


def value(expr: sp.Expr) -> mpmath.mpf:
    return mpmath.mpf(sp.N(expr, 30))


def of(image: Image, at: dict[sp.Symbol, sp.Expr], v: sp.Expr) -> mpmath.mpf:
    """The image's value by nothing but substitution."""
    g = functions()[image.name]
    inner = {p.symbol: dict(image.values)[p.name].subs(at) for p in g.parameters}
    scale, rate, shift = (e.subs(at) for e in (image.scale, image.rate, image.shift))
    return value(scale * g.expr.subs(inner).subs(g.variable, rate * v) + shift)


def near(a: mpmath.mpf, b: mpmath.mpf) -> bool:
    return bool(abs(a - b) < mpmath.mpf(10) ** -20 * (1 + abs(a)))


def parameter_points(f: Activation, left_out: str = "") -> list[dict[sp.Symbol, sp.Expr]]:
    """A few points of the parameter domain, the defaults first."""
    kept = [p for p in f.parameters if p.name != left_out]
    columns = [[p.default, *list(points_of(p.domain))[:5]] for p in kept]
    rows = zip(*columns, strict=False) if columns else [()]
    return [{p.symbol: x for p, x in zip(kept, row, strict=True)} for row in rows]


def test_a_recognised_limit_has_the_values_of_the_limit() -> None:
    edges = [e for e in found().limits.edges if e.image is not None]
    assert len(edges) > 15
    for edge in edges:
        f = functions()[edge.source]
        for at in parameter_points(f, edge.param):
            for v in (x for x in INPUTS if x not in edge.exceptions):
                there = value(edge.equals.subs(at).subs(f.variable, v))
                assert edge.image is not None
                assert near(there, of(edge.image, at, v)), (edge.source, edge.param, edge.to, at, v)


def test_known_limits_lead_where_they_should() -> None:
    edges = {(e["source"], e["param"], e["to"]): e for e in document(found())["limits"]["edges"]}
    expected = {
        ("exponential", "a", "-oo"): "relu(v)",
        ("exponential", "a", "oo"): "identity(v)",
        ("hardtanh", "l", "0-"): "relu6(v, n=h)",
        ("rrelu", "r", "1/8+"): "leaky_relu(v, c=1/8)",
        ("swish", "beta", "-oo"): "-relu(-v)",
        ("swish", "beta", "0"): "1/2*identity(v)",
        ("smooth_step", "a", "0+"): "step(v)",
    }
    assert {key: formula(edges[key]["target"], edges[key], "v") for key in expected} == expected
    assert edges["smooth_step", "a", "0+"]["except_at"] == ["0"]
    assert (edges["siren", "w", "0+"]["target"], edges["siren", "w", "0+"]["equals"]) == (CONSTANT, "0")


def test_every_limit_is_an_edge_or_keeps_its_formula() -> None:
    limits = found().limits
    there = [(e.name, one.param, one.to) for e in found().entries for one in e.param_limits if one.equals is not None]
    assert [(e.source, e.param, e.to) for e in limits.limits] == there
    assert {e.target for e in limits.edges} - {CONSTANT} <= set(functions())


def relations() -> tuple[Relation, ...]:
    return (*found().kin.same, *found().kin.affine)


def test_relations_hold_exactly_where_they_say() -> None:
    """At points of the condition values agree; at points outside of it some value differs, or has no meaning."""
    assert len(relations()) > 10
    for one in relations():
        f = functions()[one.function]
        for at in parameter_points(f)[: 1 if one.at_defaults else None]:
            gaps = []
            for v in INPUTS:
                try:
                    gaps.append(near(value(f.expr.subs(at).subs(f.variable, v)), of(one.image, at, v)))
                except (TypeError, ValueError):
                    gaps.append(False)
            assert all(gaps) == (one.condition.subs(at) == sp.true), (one.function, one.image, at)


def test_known_relations_are_found() -> None:
    kin = document(found())["kin"]
    same = {(one["function"], formula(one["is"], one, "v")): one["at_defaults"] for one in kin["same"]}
    assert same[("leaky_relu", "prelu(v, a=c)")] is False
    assert same[("silu", "swish(v, beta=1)")] is False
    assert same[("pelu", "elu(v, alpha=1)")] is True
    assert same[("relu6", "hardtanh(v, l=0, h=n)")] is False
    affine = {one["function"]: formula(one["is"], one, "v") for one in kin["affine"]}
    assert affine["sigmoid"] == "1/2*tanh(1/2*v) + 1/2"
    assert affine["lecun_tanh"] == "17159/10000*tanh(2/3*v)"
    assert affine["swish"] == "1/beta*silu(beta*v)"
    assert next(one["condition"] for one in kin["affine"] if one["function"] == "swish") == "Ne(beta, 0)"


def test_every_pair_is_kin_or_apart_or_undecided() -> None:
    kin = found().kin
    related = sum(len(list(combinations(names, 2))) for names in kin.classes)
    assert kin.pairs == len(list(combinations(functions(), 2)))
    assert kin.apart == kin.pairs - related
    assert (kin.unsettled, kin.undecided) == (0, ())


def test_a_pair_that_cannot_be_compared_is_listed() -> None:
    """Without a normal form at the defaults nothing tells a function from the others."""
    wave = parse_definition('expr = "Max(sin(v), 0)"', "wave.toml")
    entries = [*(e for e in found().entries if e.name in ("relu", "tanh")), Entry.of(analyze(wave))]
    kin = atlas(entries).kin
    assert (kin.pairs, kin.apart, kin.unsettled) == (3, 1, 2)
    assert {(one.function, one.other) for one in kin.undecided} == {("wave", "relu"), ("wave", "tanh")}


@pytest.mark.parametrize(
    ("name", "image", "truth"),
    [
        ("tanh", Image(name="sigmoid", scale=sp.Integer(2), rate=sp.Integer(2), shift=sp.Integer(-1)), "proved"),
        ("tanh", Image(name="sigmoid", scale=sp.Integer(2), rate=sp.Integer(2)), "refuted"),
        ("gelu", Image(name="gelu_tanh"), "refuted"),
        ("silu", Image(name="quick_gelu"), "refuted"),
        ("relu", Image(name="prelu", values=(("a", sp.Rational(1, 10**12)),)), "refuted"),
        ("relu", Image(name="leaky_relu", values=(("c", sp.Integer(1)),)), "refuted"),
    ],
)
def test_equality_is_proved_or_refuted(name: str, image: Image, truth: str) -> None:
    assert where_equal(catalogue[name], catalogue[image.name], image).truth == truth


def test_an_imaginary_parameter_is_no_parameter() -> None:
    """SymPy makes exp(log(a)) an a, for negative a too: the difference alone would say that the two are equal."""
    a = sp.Symbol("a", real=True)
    line = parse_definition('expr = "a*v"\n[parameters.a]\ndomain = "Reals"\ndefault = 1', "line.toml")
    steep = parse_definition('expr = "exp(b)*v"\n[parameters.b]\ndomain = "Reals"\ndefault = 0', "steep.toml")
    equal = where_equal(line, steep, Image(name="steep", values=(("b", sp.log(a)),)))
    assert (equal.truth, equal.condition) == ("conditional", a > 0)


def test_two_that_differ_at_one_input_are_told_apart() -> None:
    left = parse_definition('expr = "Piecewise((1, v > 0), (0, True))"', "left.toml")
    equal = where_equal(left, catalogue["step"], Image(name="step"))
    assert (equal.truth, equal.exceptions) == ("proved", (0,))


def readings() -> dict[str, dict[str, Reading]]:
    return {one.function: dict(one.columns()) for one in found().readings}


def test_r3_has_three_readings() -> None:
    columns = ("R3", "R3_asymptotic", "R3_interval", "R3_bounded")
    expected = {
        "relu": ("proved", "proved", "proved", "refuted"),
        "silu": ("refuted", "proved", "refuted", "refuted"),
        "gelu": ("refuted", "proved", "refuted", "refuted"),
        "hardtanh": ("refuted", "refuted", "proved", "proved"),
        "relu6": ("refuted", "refuted", "proved", "proved"),
        "sigmoid": ("refuted", "refuted", "refuted", "refuted"),
        "siren": ("refuted", "refuted", "refuted", "refuted"),
        "pelu": ("conditional", "conditional", "conditional", "refuted"),
        "swish": ("refuted", "conditional", "refuted", "refuted"),
    }
    found_here = {name: tuple(readings()[name][c].truth for c in columns) for name in expected}
    assert found_here == expected
    assert str(readings()["swish"]["R3_asymptotic"].condition) == "beta > 0"


def test_slope_one_far_to_the_left_is_not_bounded() -> None:
    mirrored = Entry.of(analyze(parse_definition('expr = "Min(v, 0)"', "mirrored.toml")))
    columns = mirrored.readings.columns()
    assert [columns[c].truth for c in ("R3", "R3_interval", "R3_bounded")] == ["refuted", "proved", "refuted"]


def test_slope_one_at_every_positive_input_is_slope_one_on_an_interval_and_in_the_end() -> None:
    for name, columns in readings().items():
        if columns["R3"].truth == "proved":
            assert {columns["R3_asymptotic"].truth, columns["R3_interval"].truth} <= {"proved", "unknown"}, name
            assert columns["R3_bounded"].truth != "proved", name


def test_open_questions_are_the_unknown_verdicts() -> None:
    for d in site_build.dossiers():
        entry = Entry.of(d)
        verdicts = {**d.requirements, **d.properties, "domain": d.domain}
        unknown = {name for name, v in verdicts.items() if v.truth == "unknown"}
        kinds = ("requirement", "property", "domain")
        assert {q.name for q in entry.left_open if q.kind in kinds} == unknown
        assert all(q.steps for q in entry.left_open if q.kind in kinds)
        assert entry.asked["property"] == len(d.properties)


def edge(source: str, target: str) -> Edge:
    return Edge(
        source=source,
        param="a",
        to="oo",
        equals=sp.Symbol("v"),
        target=target,
        image=Image(name=target),
        exceptions=(),
        convergence="uniform",
        on_bounded_sets="uniform",
        error=None,
        error_when=sp.true,
    )


def test_layers_are_the_longest_paths_and_circles_end() -> None:
    chain = LimitAtlas(functions=("a", "b", "c"), limits=(edge("a", "b"), edge("b", "c"), edge("a", "c")))
    assert chain.layers == {"c": 0, "b": 1, "a": 2}
    circle = LimitAtlas(functions=("a", "b"), limits=(edge("a", "b"), edge("b", "a"), edge("a", "a")))
    assert sorted(circle.layers.values()) == [0, 1]
    assert graph.svg(circle, "", {}, {}).count("<path") == 1


def test_sinks_are_identity_relu_and_step() -> None:
    layers = found().limits.layers
    assert {layers[name] for name in ("identity", "relu", "step", CONSTANT)} == {0}
    assert layers["exponential"] > 0


def test_the_drawing_names_every_node_once_and_no_two_at_one_place() -> None:
    limits = found().limits
    drawing = graph.svg(limits, "alt", {name: f"../{name}/" for name in limits.nodes if name != CONSTANT}, {})
    nodes = re.findall(r'<text class="node" x="([\d.]+)" y="([\d.]+)">(\w+)</text>', drawing)
    assert sorted(name for *_, name in nodes) == sorted(limits.nodes)
    assert len({(x, y) for x, y, _ in nodes}) == len(nodes)
    labels = re.findall(r'<text class="label" x="([\d.]+)" y="([\d.]+)">', drawing)
    assert len({y for _, y in labels}) == len(labels) == drawing.count("<path")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_empty_catalogue_has_its_pages(lang: str) -> None:
    files = overview(pages([], [], lang), [], lang)
    assert Words(lang)("pages.open_none") in files["open.md"]
    assert "<svg" not in files["atlas.md"]
    assert document(atlas([]))["open"]["questions"] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_pages_say_what_was_found(lang: str) -> None:
    home = site_build.built() / "site" / ("" if lang == "ja" else lang)
    limits, opened, relu = (
        (home / path / "index.html").read_text(encoding="utf-8") for path in ("atlas", "open", "functions/relu")
    )
    assert 'class="atlas"' in limits
    assert "functions/prelu/" in limits
    left = [q for d in site_build.dossiers() for q in Entry.of(d).left_open]
    assert left
    assert str(len(left)) in opened
    assert {q.kind for q in left} <= set(KINDS)
    part = relu.split('id="relatives"')[1].split("<h2")[0]
    assert 'href="../exponential/"' in part
    assert "<!-- relatives -->" not in relu
