"""Plots in a real browser: read-outs against 50-digit values, speed, keyboard, comparison, no script, files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import mpmath
import pytest

import site_build
from exact import Exact
from kassei.library import catalogue
from kassei.render.exactly import fixed, scientific
from test_site_browser import Visit, browser, host  # noqa: F401 - fixtures

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("site"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
READ = (
    "exponential",
    "gelu",
    "prelu",
    "rational",
    "elu",
    "sigmoid",
    "temperature",
    "hardtanh",
    "pelu",
    "siren",
    "silu",
)
ASK = """
([k, v]) => {
  const plot = document.querySelector("kassei-plot");
  const move = (input, value) => {
    input.value = String(value);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const values = {};
  for (const label of plot.querySelectorAll(".kp-slider")) {
    const input = label.querySelector("input");
    if (k !== null) move(input, Math.round(Number(input.max) * k));
    values[input.dataset.name] = label.querySelector("output").dataset.value;
  }
  const position = plot.querySelector(".kp-position input");
  move(position, Number(position.min) + v * (Number(position.max) - Number(position.min)));
  const read = {};
  for (const kind of ["f", "slope", "second"]) read[kind] = plot.querySelector(`.kp-read .kp-${kind} b`)?.textContent;
  return { values, v: position.value, told: plot.querySelector(".kp-v b").textContent, read };
}
"""


def ready(visit: Visit) -> None:
    visit.page.wait_for_selector(".kp-ready", timeout=5000)


def agrees(text: str, want: Any) -> bool:
    """Whether a read-out is the exact value rounded to as many digits as it shows."""
    plain = text.replace("−", "-")
    if "e" in plain:
        return plain == scientific(want, len(plain.split("e")[0].split(".")[1]))
    return plain == fixed(want, len(plain.split(".")[1]))


@pytest.mark.parametrize("name", READ)
def test_read_outs_are_the_exact_values_to_the_digits_shown(browser: Any, host: str, name: str) -> None:  # noqa: F811
    """At five positions of the sliders and six inputs each: f, f' and f''."""
    exact, seen = Exact(catalogue[name]), 0
    with Visit(browser, host, f"/en/functions/{name}/") as visit:
        ready(visit)
        visit.page.locator('[data-show="second"]').check()
        for k in (None, 0.0, 0.31, 0.77, 1.0):
            for part in (0.0, 0.234, 0.462, 0.531, 0.688, 0.97):
                found = visit.page.evaluate(ASK, [k, part])
                v, params = float(found["v"]), tuple(float(x) for x in found["values"].values())
                assert float(found["told"].replace("−", "-")) == v
                if name == "rational" and params[0] < 0:
                    continue  # it has a pole then, and the plot a gap
                assert agrees(found["read"]["f"], exact.at(v, params)), (params, v, found)
                if re.fullmatch(r"[\d.e−]+", found["read"]["slope"]):
                    assert agrees(found["read"]["slope"], exact.derivative(v, params, 0)), (params, v, found)
                if re.fullmatch(r"[\d.e−]+", found["read"]["second"]) and v != 0:
                    assert agrees(found["read"]["second"], second(exact, v, params)), (params, v, found)
                seen += 1
        assert visit.errors == []
    assert seen >= 12


def second(exact: Exact, v: float, params: tuple[float, ...]) -> Any:
    with mpmath.workdps(700):
        x, given, h = mpmath.mpf(v), [mpmath.mpf(p) for p in params], mpmath.mpf(10) ** -90
        up, at, down = (exact.value(x + k * h, *given) for k in (1, 0, -1))
        return (up - 2 * at + down) / h**2


def test_everything_works_from_the_keyboard(browser: Any, host: str) -> None:  # noqa: F811
    with Visit(browser, host, "/en/functions/exponential/") as visit:
        ready(visit)
        curve = visit.page.locator(".kp-curve.kp-f path").first
        before = curve.get_attribute("d")
        slider = visit.page.get_by_role("slider", name="a", exact=True)
        slider.focus()
        for _ in range(3):
            visit.page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "a = 0.15"
        assert curve.get_attribute("d") != before
        position = visit.page.get_by_role("slider", name="input v")
        position.focus()
        told = position.get_attribute("aria-valuetext")
        visit.page.keyboard.press("ArrowLeft")
        assert position.get_attribute("aria-valuetext") != told
        assert visit.page.locator(".kp-read .kp-f b").text_content() in (position.get_attribute("aria-valuetext") or "")
        visit.page.get_by_role("button", name="Back to the defaults").press("Enter")
        assert slider.get_attribute("aria-valuetext") == "a = 0"


def test_values_follow_the_pointer(browser: Any, host: str) -> None:  # noqa: F811
    with Visit(browser, host, "/en/functions/relu/") as visit:
        ready(visit)
        visit.page.locator(".kp-figure svg").scroll_into_view_if_needed()
        box = visit.page.locator(".kp-figure svg").bounding_box()
        visit.page.mouse.move(box["x"] + box["width"] * (0.085 + 0.9 * 0.8), box["y"] + box["height"] / 2)
        assert visit.page.locator(".kp-v b").text_content() in ("2.98", "3", "3.02")
        visit.page.locator(".kp-position input").evaluate(
            "(i) => { i.value = 0; i.dispatchEvent(new Event('input')); }"
        )
        assert visit.page.locator(".kp-read .kp-slope b").text_content() == "left 0.0000 right 1.0000"


@pytest.mark.alone
def test_a_step_of_a_slider_takes_less_than_four_milliseconds(browser: Any, host: str) -> None:  # noqa: F811
    """Script and layout of one step, the median of 60 after 60 others; measured 1.4 to 3 ms on two shared cores."""
    with Visit(browser, host, "/en/functions/pelu/") as visit:
        ready(visit)
        times = visit.page.evaluate(
            """() => {
              const input = document.querySelector(".kp-slider input"), all = [];
              for (let k = 0; k < 120; k++) {
                const begin = performance.now();
                input.value = String(10 + (k % 60));
                input.dispatchEvent(new Event("input"));
                document.querySelector(".kp-figure svg").getBoundingClientRect();
                all.push(performance.now() - begin);
              }
              return all.slice(60).sort((a, b) => a - b);
            }"""
        )
        print(f"slider step: median {times[30]:.2f} ms, 90% {times[54]:.2f} ms")
        assert times[30] < 4


def test_the_picture_without_a_script_is_that_with_one(browser: Any, host: str) -> None:  # noqa: F811
    """The curve drawn at build time and the one that a script draws at the same values differ by less than a pixel."""
    with Visit(browser, host, "/en/functions/hard_shrink/") as visit:
        ready(visit)
        far = visit.page.evaluate(
            """() => {
              const plot = document.querySelector("kassei-plot"), worst = {};
              for (const kind of ["f", "slope"]) {
                const path = plot.querySelector(`.kp-curve.kp-${kind} path`), n = 60;
                const old = path.cloneNode();
                path.parentNode.append(old);
                plot.redraw();
                worst[kind] = 0;
                for (let k = 0; k <= n; k++) {
                  const a = old.getPointAtLength((old.getTotalLength() * k) / n);
                  const b = path.getPointAtLength((path.getTotalLength() * k) / n);
                  worst[kind] = Math.max(worst[kind], Math.hypot(a.x - b.x, a.y - b.y));
                }
                old.remove();
              }
              return worst;
            }"""
        )
        assert max(far.values()) < 1.5, far


def test_a_second_function_is_laid_over(browser: Any, host: str) -> None:  # noqa: F811
    with Visit(browser, host, "/en/functions/relu/") as visit:
        ready(visit)
        select = visit.page.locator(".kp-compare select")
        select.focus()
        visit.page.wait_for_function("document.querySelector('.kp-compare select').options.length > 1")
        assert select.locator("option").count() == len(site_build.NAMES)  # all others, and none
        select.select_option("gelu")
        visit.page.wait_for_selector(".kp-other-f path")
        assert "compare/#f=relu,gelu" in (visit.page.locator(".kp-link").get_attribute("href") or "")
        select.select_option("")
        assert visit.page.locator(".kp-other").count() == 0
        assert visit.errors == []


def test_plots_work_from_files(browser: Any) -> None:  # noqa: F811
    """Functions are classic scripts, which file:// allows; the comparison too."""
    folder = site_build.built() / "site" / "en"
    with Visit(browser, "file://", str(Path(folder / "functions" / "elu" / "index.html"))) as visit:
        ready(visit)
        assert visit.page.locator(".kp-read .kp-f b").text_content() == "1.0000"
        visit.page.locator(".kp-compare select").focus()
        visit.page.wait_for_function("document.querySelector('.kp-compare select').options.length > 1")
    with Visit(browser, "file://", f"{folder / 'compare' / 'index.html'}#f=elu,tanh&elu.alpha=2.04") as visit:
        ready(visit)
        assert visit.page.locator(".kp-lines path").count() == 4


def test_without_a_script_picture_words_and_table_remain(browser: Any, host: str) -> None:  # noqa: F811
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for prefix in ("/", "/en/"):
        page.goto(f"{host}{prefix}functions/exponential/")
        assert page.locator(".kp-curve.kp-f path").first.is_visible()
        assert page.locator(".kp-words").is_visible()
        assert not page.locator(".kp-controls").is_visible()
        assert page.locator(".kp noscript").count() == 1
        assert not page.locator(".kp-curve.kp-second path").is_visible()
        page.locator('[data-show="second"]').check()
        assert page.locator(".kp-curve.kp-second path").is_visible()
        page.goto(f"{host}{prefix}compare/")
        assert page.locator(".kp-pair .kp-curve path").first.is_visible()
        assert page.locator(".kp-facts tbody tr").count() > 10
        page.goto(f"{host}{prefix}")
        assert page.locator(".kp-hero .kp-curve.kp-f path").is_visible()
    context.close()


def test_the_comparison_is_in_the_address(browser: Any, host: str) -> None:  # noqa: F811
    with Visit(browser, host, "/en/compare/#f=elu,gelu&elu.alpha=2.04&x=2") as visit:
        ready(visit)
        assert [s.input_value() for s in visit.page.locator(".kp-choice select").all()] == ["elu", "gelu", ""]
        assert visit.page.locator(".kp-own-sliders output").first.text_content() == "2.04"
        assert visit.page.locator(".kp-facts thead th").count() == 3
        visit.page.locator(".kp-choice select").nth(2).select_option("tanh")
        visit.page.wait_for_function("location.hash.includes('tanh')")
        assert visit.page.evaluate("location.hash") == "#f=elu,gelu,tanh&elu.alpha=2.04&x=2"
        visit.page.wait_for_function("document.querySelectorAll('.kp-facts thead th').length === 4")
        assert visit.page.locator(".kp-values div").count() == 3
        assert visit.errors == []
        shared = visit.page.url
    with Visit(browser, host, shared.removeprefix(host)) as visit:
        ready(visit)
        assert visit.page.locator(".kp-lines path").count() == 6
    with Visit(browser, host, "/compare/#f=nothing,<b>") as visit:
        ready(visit)
        assert visit.page.locator(".kp-lines path").count() == 6  # what is not known gives the usual choice
        assert visit.errors == []


def test_verdicts_of_the_comparison_are_those_of_the_dossiers(browser: Any, host: str) -> None:  # noqa: F811
    by_name = {d.activation.name: d for d in site_build.dossiers()}
    with Visit(browser, host, "/en/compare/#f=relu,tanh,step") as visit:
        ready(visit)
        for key in ("R1", "R2", "R3", "continuous", "convex", "odd"):
            badges = visit.page.locator(f'tr[data-key="{key}"] td .badge')
            classes = [(b.get_attribute("class") or "").removeprefix("badge ") for b in badges.all()]
            want = [{**by_name[n].requirements, **by_name[n].properties}[key].truth for n in ("relu", "tanh", "step")]
            assert classes == want, key


def test_the_home_page_s_picture_moves(browser: Any, host: str) -> None:  # noqa: F811
    with Visit(browser, host, "/en/") as visit:
        visit.page.wait_for_selector("kassei-hero.kp-ready")
        curve = visit.page.locator(".kp-hero .kp-f path")
        slider = visit.page.locator(".kp-hero input[type=range]")
        slider.focus()
        visit.page.keyboard.press("Home")
        left = curve.get_attribute("d")
        visit.page.keyboard.press("End")
        assert curve.get_attribute("d") != left
        assert visit.page.locator(".kp-hero output").text_content() == "6"
        assert visit.errors == []


def test_nothing_moves_for_who_does_not_want_it(browser: Any, host: str) -> None:  # noqa: F811
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{host}/en/")
    page.wait_for_selector("kassei-hero.kp-ready")
    page.locator(".kp-hero").scroll_into_view_if_needed()
    page.wait_for_timeout(2000)
    assert page.locator(".kp-hero output").text_content() == "0"
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.kp-hero output').textContent !== '0'")
    context.close()
