"""What a plot shows, says and tabulates, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

from exact import Exact
from functions import FEW, NAMES, ON_SMALL_SITE, dossier
from kassei.codegen.bend import curve as bend
from kassei.codegen.plan import make_plan
from kassei.core.activation import Domain, Parameter
from kassei.core.reading import parse_definition
from kassei.library import analyze, catalogue
from kassei.render import facts, panel, plots
from kassei.render.exactly import AtDefaults, fixed, scientific, shown
from kassei.render.shape import describe
from kassei.render.views import nice, slider
from kassei.text.resources import LANGUAGES

HOSTILE = """
expr = "Max(v, 0)"
[title]
en = "<script>alert(1)</script> & \\"x\\""
ja = "</svg><img src=x onerror=alert(1)>"
"""


@pytest.mark.parametrize("name", [n for n in NAMES if catalogue[n].parameters])
def test_sliders_stay_in_the_domain_and_pass_through_the_default(name: str) -> None:
    """Every position is a short decimal inside the domain; the start is within a step of the default."""
    for p in catalogue[name].parameters:
        s = slider(p)
        values = [s.value(k) for k in range(s.steps + 1)]
        assert 40 <= s.steps <= 250
        assert all(p.domain.contains(sp.Rational(repr(x))) for x in values)
        assert values == sorted(set(values))
        assert all(len(repr(x)) <= 8 for x in values)
        gap = max(b - a for a, b in pairwise(values))
        assert abs(s.value(s.start) - s.default) <= gap


def test_sliders_of_all_kinds_of_domains() -> None:
    def made(domain: Domain, default: float) -> tuple[float, float, bool]:
        s = slider(Parameter(symbol=sp.Symbol("p"), domain=domain, default=sp.Rational(str(default))))
        return s.lo, s.hi, s.logarithmic

    assert made(Domain(), 0) == (-4, 4, False)
    assert made(Domain(), 30) == (-90, 150, False)
    assert made(Domain(lo=sp.S.Zero), 1) == (0.1, 10, True)
    assert made(Domain(lo=sp.S.Zero, lo_closed=True), 0.5) == (0, 4, False)
    assert made(Domain(hi=sp.S.Zero), -1) == (-4, -0.05, False)
    assert made(Domain(lo=sp.S.Zero, hi=sp.S.One), 0.5) == (0.01, 0.99, False)
    assert made(Domain(lo=-sp.S.One, hi=sp.S.One, lo_closed=True, hi_closed=True), 0) == (-1, 1, False)


def test_nice_numbers() -> None:
    assert [nice(x) for x in (0.025, 1, 1.99, 4.9, 5, 9.9, 10)] == [0.02, 1, 1, 2, 5, 5, 10]


@pytest.mark.parametrize("name", ON_SMALL_SITE)
def test_second_derivatives_of_the_picture_are_right(name: str) -> None:
    f = catalogue[name]
    exact, params = Exact(f), {p.name: float(p.default) for p in f.parameters}
    points = np.array([-3.3, -0.7, 0.2, 2.9])
    found = bend(make_plan(f), points, params)
    with mpmath.workdps(700):
        for at, y in zip(points.tolist(), np.broadcast_to(found, points.shape).tolist(), strict=True):
            h = mpmath.mpf(10) ** -90
            x, given = mpmath.mpf(at), [mpmath.mpf(p) for p in params.values()]
            want = (exact.value(x + h, *given) - 2 * exact.value(x, *given) + exact.value(x - h, *given)) / h**2
            assert abs(y - want) <= 1e-12 * max(1, abs(want)), (name, at)


@pytest.mark.parametrize("name", FEW)
def test_axes_suit_the_function(name: str) -> None:
    """Every break is inside, the curve is neither flat nor a handful of strokes, and it starts and ends in view."""
    d = dossier(name)
    breaks = tuple(float(b) for b in AtDefaults(d).breaks)
    view = panel.seen(d.activation, breaks)
    assert all(view.x[0] < b < view.x[1] for b in breaks)
    x = np.linspace(*view.x, 2001)
    y = np.asarray(plots.functions(d.activation)["forward"](x))
    inside = y[(y > view.y[0]) & (y < view.y[1])]
    assert inside.size > 0.4 * x.size
    assert np.ptp(inside) > 0.08 * (view.y[1] - view.y[0]) or np.ptp(y) == 0
    turns = np.count_nonzero(np.diff(np.sign(np.diff(y))))
    assert turns < 40


def test_jumps_are_gaps_and_kinks_are_exact() -> None:
    d = dossier("hard_shrink")
    breaks = tuple(float(b) for b in AtDefaults(d).breaks)
    view = panel.seen(d.activation, breaks)
    x, y = panel.sampled(panel.functions(d.activation, {"l": 0.5})["f"], breaks, view.x, view.y)
    for b in (-0.5, 0.5):
        k = int(np.searchsorted(x, b))
        assert np.isnan(y[k])
        assert not np.isnan(y[k - 1])
        assert not np.isnan(y[k + 1])
    d = dossier("relu6")
    x, y = panel.sampled(panel.functions(d.activation, {"n": 6.0})["f"], (0.0, 6.0), (-9.0, 9.0), (-1.0, 7.0))
    assert y[list(x).index(6.0)] == 6
    assert not np.isnan(y).any()


def test_digits_are_rounded_and_not_cut() -> None:
    assert [shown(mpmath.mpf(x)) for x in ("0.84134474", "-2", "0", "0.00012346", "-1.5e-7", "1e-12", "123456.7")] == [
        *("0.8413", "−2.0000", "0.0000", "1.235e−4", "−1.500e−7", "0.0000", "1.235e5")
    ]
    assert shown(mpmath.inf) == "∞"
    assert shown(mpmath.nan) == "—"
    assert fixed(mpmath.mpf("-0.00001"), 4) == "0.0000"
    assert fixed(mpmath.mpf("0.99996"), 4) == "1.0000"
    assert scientific(mpmath.mpf("9.9996e-5"), 3) == "1.000e-4"


def test_words_say_shape_zeros_and_extrema() -> None:
    said = " ".join(describe(dossier("gelu"), "en"))
    for part in ("smooth", "not monotone", "zero at v = 0", "smallest value is about −0.17, at v ≈ −0.7518", "y = v"):
        assert part in said
    said = "".join(describe(dossier("gelu"), "ja"))
    for part in ("なめらか", "単調ではありません", "零点は v = 0", "v ≈ −0.7518 で最小値 約 −0.17", "y = v"):
        assert part in said
    assert "kink at v = 0" in " ".join(describe(dossier("relu"), "en"))
    assert "jumps at v = −0.5, 0.5" in " ".join(describe(dossier("hard_shrink"), "en"))
    assert "It is odd" in " ".join(describe(dossier("siren"), "en"))
    assert "always increases" in " ".join(describe(dossier("exponential"), "en"))


@pytest.mark.parametrize("name", FEW)
def test_extrema_in_words_are_extrema(name: str) -> None:
    """Each number in a sentence about an extremum is compared with values beside it."""
    d = dossier(name)
    at = AtDefaults(d)
    for sentence in describe(d, "en"):
        for place in re.findall(r"(?:largest|smallest|maximum|minimum)[^.]*? at \w+ [=≈] (−?[\d.]+\d|−?\d+)", sentence):
            x = float(place.replace("−", "-"))
            low = "smallest" in sentence or "minimum" in sentence
            here, left, right = (float(at.value(t)) for t in (x, x - 0.05, x + 0.05))
            assert (here <= min(left, right)) if low else (here >= max(left, right)), (name, sentence)


@pytest.mark.parametrize("name", FEW)
def test_both_languages_say_the_same(name: str) -> None:
    ja, en = (describe(dossier(name), lang) for lang in ("ja", "en"))
    assert len(ja) == len(en) > 0
    for a, b in zip(ja, en, strict=True):
        # decimals: a language may spell a count or a zero as a word
        assert sorted(re.findall(r"\d+\.\d+", a)) == sorted(re.findall(r"\d+\.\d+", b)), (a, b)
        assert "[en]" not in a


class Read(HTMLParser):
    """The tags of a block; every one that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it, and that it is open."""
        self.tags.append(tag)
        if tag not in ("input", "path", "use", "rect", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The tag that was opened last."""
        if tag not in ("path", "use", "rect"):
            assert self.open.pop() == tag


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["gelu", "srelu", "siren"])
def test_a_panel_is_one_block_with_everything_in_it(name: str, lang: str) -> None:
    d = dossier(name)
    html = plots.panel(d, lang)
    assert "\n" not in html
    assert html == plots.panel(d, lang)
    read = Read()
    read.feed(html)
    assert read.open == []
    assert read.tags.count("table") == 1
    assert html.count('class="kp-slider"') == len(d.activation.parameters)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for label in re.findall(r'aria-labelledby="([^"]+)"', html):
        assert set(label.split()) <= set(ids)
    for kind in ("f", "slope", "second"):
        assert f'class="kp-curve kp-{kind}"' in html
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', html)
    assert len(rows) >= 21


def test_the_table_is_right_at_a_kink_and_elsewhere() -> None:
    rows = {a: (b, c) for a, b, c in panel._table(AtDefaults(dossier("prelu")), panel.seen(catalogue["prelu"], (0.0,)))}
    assert rows["0"] == ("0.0000", "0.2500 | 1.0000")
    assert rows["−2"] == ("−0.5000", "0.2500")
    rows = {a: (b, c) for a, b, c in panel._table(AtDefaults(dossier("gelu")), panel.seen(catalogue["gelu"], ()))}
    assert rows["1"] == ("0.8413", "1.0833")
    assert rows["−5"] == ("−1.433e−6", "−7.147e−6")


def test_a_definition_s_words_are_text_in_plots_and_scripts() -> None:
    d = analyze(parse_definition(HOSTILE, "hostile.toml"))
    for lang in LANGUAGES:
        html = plots.panel(d, lang)
        assert "<script" not in html
        assert "<img" not in html
        script, data = panel.script(d, lang), facts.facts_file(d, lang)
        assert "<script" not in script
        assert "<img" not in script
        assert "<" not in data


def test_the_plots_script_is_small() -> None:
    import gzip

    for file, limit in (("plots.js", 9000), ("plots.css", 3000)):
        text = (Path(__file__).parent.parent / "site" / "assets" / file).read_bytes()
        assert len(gzip.compress(text)) < limit
    assert len(gzip.compress(panel.script(dossier("gelu"), "en").encode())) < 4000
