"""The built site in a real browser: Debian's Chromium, driven by playwright; skipped where either is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import site_build
from browsing import CHROMIUM, chromium, serving
from kassei.bench.results import tables
from kassei.render.accuracy import audits

PAGES = (
    "",
    "catalogue/",
    "requirements/",
    "claims/",
    "atlas/",
    "open/",
    *(["accuracy/"] if audits() else []),
    *(["speed/"] if tables() else []),
    *(f"functions/{name}/" for name in site_build.NAMES),
)
pytestmark = [
    pytest.mark.xdist_group("site"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The address of the built site."""
    yield from serving(site_build.built() / "site")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium()


class Visit:
    """A page that was opened, with what it asked for and what it complained about."""

    def __init__(self, browser: Any, host: str, path: str, *, width: int = 1280, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda r: None if r.url.startswith((host, "data:")) else self.elsewhere.append(r.url))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.goto(host + path, wait_until="load")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()


def test_pages_fit_a_phone(browser: Any, host: str) -> None:
    """Every page in one of the languages, in turn; nothing is complained about."""
    for k, path in enumerate(PAGES):
        with Visit(browser, host, ("/", "/en/")[k % 2] + path, width=390, scheme="dark") as visit:
            assert visit.elsewhere == [], path
            assert visit.errors == [], path
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_language_switch_stays_on_the_page() -> None:
    """On every page; what the script adds to it is looked at in a browser with the catalogue."""
    site = site_build.built() / "site"
    for path in PAGES:
        for lang, other in (("", "en/"), ("en/", "")):
            here = site / lang / path
            text = (here / "index.html").read_text(encoding="utf-8")
            wanted = "ja" if lang else "en"
            (link,) = re.findall(rf'<a href="([^"]*)" hreflang="{wanted}" class="md-select__link">', text)
            assert (here / link).resolve() == (site / other / path).resolve(), path


def test_formulas_are_set_in_the_bundled_font(browser: Any, host: str) -> None:
    with Visit(browser, host, "/functions/exponential/") as visit:
        visit.page.wait_for_timeout(300)
        assert visit.page.evaluate("document.fonts.check('16px \"STIX Two Math\"')")
        assert visit.page.locator("math").first.evaluate("m => getComputedStyle(m).fontFamily").startswith('"STIX Two')


def test_arguments_unfold(browser: Any, host: str) -> None:
    with Visit(browser, host, "/en/functions/gelu/") as visit:
        first = visit.page.locator("details.why").first
        assert not first.locator("li").first.is_visible()
        first.locator("summary").click()
        assert first.locator("li").first.is_visible()


def test_the_site_works_from_files(browser: Any) -> None:
    path = Path(site_build.built() / "site" / "functions" / "relu" / "index.html")
    with Visit(browser, "file://", str(path)) as visit:
        assert "ReLU" in visit.page.title()
        assert visit.page.locator("svg.plot, figure svg").first.is_visible()
