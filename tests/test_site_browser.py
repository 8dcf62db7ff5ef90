"""The built site in a real browser: Debian's Chromium, driven by playwright; skipped where either is missing."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import site_build
from kassei.bench.results import tables
from kassei.render.accuracy import audits

CHROMIUM = shutil.which("chromium")
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server that takes it calmly when the browser closes a page halfway through a file."""

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The address of the built site."""
    handler = functools.partial(Quiet, directory=str(site_build.built() / "site"))
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as p:
        one = p.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield one
        one.close()


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


@pytest.mark.parametrize("prefix", ["/", "/en/"])
def test_pages_ask_nobody_and_fit_a_phone(browser: Any, host: str, prefix: str) -> None:
    for path in PAGES:
        with Visit(browser, host, prefix + path, width=390, scheme="dark") as visit:
            assert visit.elsewhere == [], path
            assert visit.errors == [], path
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_language_switch_stays_on_the_page(browser: Any, host: str) -> None:
    for path in PAGES:
        with Visit(browser, host, f"/{path}") as visit:
            link = visit.page.locator('.md-select__link[hreflang="en"]')
            assert link.evaluate("a => a.href") == f"{host}/en/{path}"
        with Visit(browser, host, f"/en/{path}") as visit:
            link = visit.page.locator('.md-select__link[hreflang="ja"]')
            assert link.evaluate("a => a.href") == f"{host}/{path}"


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
