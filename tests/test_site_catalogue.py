"""The catalogue and the ledger as a reader uses them: sorted, filtered, by keyboard, shared, without JavaScript."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

import site_build
from browsing import CHROMIUM, chromium, serving

pytestmark = [
    pytest.mark.xdist_group("site"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    yield from serving(site_build.built() / "site")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    one = browser.new_page(viewport={"width": 1280, "height": 900})
    yield one
    one.close()


def shown(page: Any) -> list[str]:
    return list(
        page.eval_on_selector_all("#functions tbody tr:not([hidden]) th code", "a => a.map(c => c.textContent)")
    )


def truths(requirement: str, *wanted: str) -> set[str]:
    return {d.activation.name for d in site_build.dossiers() if d.requirements[requirement].truth in wanted}


def test_filters_keep_the_functions_that_fit(page: Any, host: str) -> None:
    page.goto(f"{host}/en/catalogue/")
    assert set(shown(page)) == set(site_build.NAMES)
    page.select_option("select[name=r3]", "proved")
    assert set(shown(page)) == truths("R3", "proved")
    page.select_option("select[name=r1]", "proved")
    both = truths("R3", "proved") & truths("R1", "proved")
    assert set(shown(page)) == both
    assert page.locator(".filters output").inner_text() == f"{len(both)} of {len(site_build.NAMES)}"
    assert page.locator(".multiples li:not([hidden])").count() == len(both)
    page.locator(".filters button[type=reset]").click()
    page.wait_for_function("n => document.querySelectorAll('#functions tbody tr:not([hidden])').length === n", arg=19)
    page.locator("input[name=q]").fill("ガウス")
    assert set(shown(page)) == {"gelu"}


def test_the_address_keeps_the_choice(browser: Any, page: Any, host: str) -> None:
    page.goto(f"{host}/en/catalogue/")
    page.select_option("select[name=fw]", "pytorch")
    page.locator("#functions th button").last.click()
    chosen, address = shown(page), page.evaluate("location.href")
    assert "#fw=pytorch&sort=" in address
    other = browser.new_page()
    other.goto(address)
    assert shown(other) == chosen
    assert other.locator("select[name=fw]").input_value() == "pytorch"
    assert other.locator("#functions th[aria-sort=ascending]").count() == 1
    other.close()


def test_columns_are_sorted_by_keyboard(page: Any, host: str) -> None:
    page.goto(f"{host}/en/catalogue/")
    head = page.locator("#functions thead th").last
    head.locator("button").focus()
    page.keyboard.press("Enter")
    years = [r.year for name in shown(page) for r in [min_year(name)] if r is not None and r.year]
    assert head.get_attribute("aria-sort") == "ascending"
    assert years == sorted(years)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") is None
    assert shown(page) == sorted(site_build.NAMES)


def min_year(name: str) -> Any:
    references = next(d for d in site_build.dossiers() if d.activation.name == name).activation.references
    dated = [r for r in references if r.year]
    return min(dated, key=lambda r: r.year, default=None)


def test_without_scripts_everything_is_there_and_nothing_pretends(browser: Any, host: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{host}/catalogue/")
    assert page.locator("#functions tbody tr").count() == len(site_build.NAMES)
    assert page.locator("#functions svg path").count() == 2 * len(site_build.NAMES)
    assert not page.locator("form.filters").is_visible()
    assert page.locator("#functions th button").count() == 0
    page.goto(f"{host}/claims/")
    assert page.locator("tr[data-row]").count() == len(site_build.claims())
    assert not page.locator("form.filters").is_visible()
    context.close()


def test_the_ledger_shows_what_does_not_hold(page: Any, host: str) -> None:
    page.goto(f"{host}/en/claims/#v=fails")
    wanted = [c["id"] for c in site_build.claims() if c["verdict"] == "fails"]
    seen = page.eval_on_selector_all("tr[data-row]:not([hidden]) .claim-id", "a => a.map(c => c.textContent)")
    assert sorted(wanted) == sorted(seen)
    headings = page.locator("article h2[id^=s], article h2[id=m]")
    for k in range(headings.count()):
        source = headings.nth(k).get_attribute("id")
        has = any(c["source"].lower() == source for c in site_build.claims() if c["verdict"] == "fails")
        assert headings.nth(k).is_visible() == has, source
    page.select_option("select[name=v]", "")
    assert page.locator("tr[data-row]:not([hidden])").count() == len(site_build.claims())


def test_a_phone_has_no_sideways_scrolling(browser: Any, host: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for path in ("", "catalogue/", "requirements/", "atlas/", "claims/", "own/", "changelog/"):
        page.goto(f"{host}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.close()


def test_the_language_switch_keeps_the_heading(page: Any, host: str) -> None:
    page.goto(f"{host}/requirements/#chain")
    link = page.locator('.md-select__link[hreflang="en"]')
    assert link.evaluate("a => a.href") == f"{host}/en/requirements/#chain"
    page.evaluate("location.hash = 'satisfy'")
    page.wait_for_timeout(50)
    assert link.evaluate("a => a.href") == f"{host}/en/requirements/#satisfy"


def test_the_catalogue_page_is_light() -> None:
    text = (site_build.built() / "site" / "catalogue" / "index.html").read_bytes()
    assert len(gzip.compress(text)) / len(site_build.NAMES) < 1200
