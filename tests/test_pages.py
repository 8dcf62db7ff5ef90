"""The pages: one for every function in both languages, built from the dossiers, the same bytes each time."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

import site_build
from kassei.claims.ledger import claims, sources, subjects
from kassei.codegen import TARGETS, emit
from kassei.core.reading import parse_definition
from kassei.library import analyze, catalogue, out_of_scope
from kassei.render.pages import function_page
from kassei.text.resources import LANGUAGES
from kassei.text.words import Words

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.xdist_group("site")


class Seen(HTMLParser):
    """What a page contains: heading ids, counts of elements, links, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.counts: dict[str, int] = {}
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        have = {name: value or "" for name, value in attrs}
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if "id" in have:
            self.ids.append(have["id"])
        if re.fullmatch("h[1-6]", tag) and "id" in have:
            self.headings.append(have["id"])
        if tag == "a" and "href" in have:
            self.links.append(have["href"])
        if tag == "link" and have.get("rel", "") in ("stylesheet", "icon", "preload", "preconnect"):
            self.loads.append(have["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in have:
            self.loads.append(have["src"])


@cache
def seen(path: Path) -> Seen:
    """What is on a page of the built site, which does not change."""
    parser = Seen()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def site() -> Path:
    return site_build.built() / "site"


def folder(lang: str) -> Path:
    return site() if lang == "ja" else site() / lang


def page_names(lang: str) -> set[str]:
    base = folder(lang)
    found = {str(p.relative_to(base)) for p in base.rglob("index.html")}
    return {name for name in found if lang != "ja" or not name.startswith("en/")}


def digests(base: Path) -> dict[str, str]:
    return {
        str(p.relative_to(base)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(base.rglob("*"))
        if p.is_file()
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_page_a_function_and_no_page_without_one(lang: str) -> None:
    functions = {Path(name).parent.name for name in page_names(lang) if name.startswith("functions/")}
    assert functions == set(site_build.NAMES)


def test_both_languages_have_the_same_pages() -> None:
    assert page_names("ja") == page_names("en")
    assert {"index.html", "catalogue/index.html", "requirements/index.html", "claims/index.html"} <= page_names("ja")


def test_both_languages_have_the_same_headings_figures_and_formulas() -> None:
    for name in sorted(page_names("ja")):
        ja, en = seen(folder("ja") / name), seen(folder("en") / name)
        assert ja.headings == en.headings, name
        for tag in ("svg", "math", "table", "figure", "details", "pre"):
            assert ja.counts.get(tag, 0) == en.counts.get(tag, 0), (name, tag)


def test_ids_are_unique() -> None:
    for lang in LANGUAGES:
        for name in page_names(lang):
            ids = seen(folder(lang) / name).ids
            assert len(ids) == len(set(ids)), (lang, name, [i for i in ids if ids.count(i) > 1][:5])


def test_every_link_inside_the_site_leads_somewhere() -> None:
    broken = []
    for path in site().rglob("index.html"):
        for link in seen(path).links:
            if re.match(r"[a-z]+:", link):
                continue
            target, _, fragment = link.partition("#")
            goal = (path.parent / target).resolve() if target else path
            goal = goal / "index.html" if goal.is_dir() else goal
            if not goal.is_file() or (fragment and goal.suffix == ".html" and fragment not in seen(goal).ids):
                broken.append((str(path.relative_to(site())), link))
    assert broken == []


def test_pages_load_nothing_from_elsewhere() -> None:
    for path in [*site().rglob("*.html"), *site().rglob("*.css")]:
        if path.suffix == ".css":
            urls = re.findall(r"url\(\s*[\"']?([^\"')]+)", path.read_text(encoding="utf-8"))
            assert not [u for u in urls if re.match(r"(https?:)?//", u)], path
        else:
            assert not [u for u in seen(path).loads if re.match(r"(https?:)?//", u)], path


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_claims_page_has_every_claim_under_its_source_and_subject(lang: str) -> None:
    path = folder(lang) / "claims" / "index.html"
    wanted = [c.id.replace(".", "-") for c in claims()]
    assert [i for i in seen(path).ids if i in set(wanted)] == wanted
    text = html.unescape(path.read_text(encoding="utf-8"))
    for title in (*sources().values(), *subjects().values()):
        assert title[lang] in text


@pytest.mark.parametrize("name", site_build.NAMES)
def test_a_page_has_its_data_and_every_target_s_code(name: str) -> None:
    for lang in LANGUAGES:
        home = folder(lang) / "functions" / name
        document = json.loads((home / "function.json").read_text(encoding="utf-8"))
        assert document["name"] == name
        page = (home / "index.html").read_text(encoding="utf-8")
        assert catalogue[name].heading(lang) in page
        assert catalogue[name].digest in page
        for target in TARGETS:
            assert set(emit(catalogue[name], target)) <= {p.name for p in home.iterdir()}


def test_verdicts_on_the_page_are_the_dossier_s() -> None:
    """Each requirement's badge on a function's page, read back from the HTML, is the verdict."""
    for dossier in site_build.dossiers():
        page = (folder("en") / "functions" / dossier.activation.name / "index.html").read_text(encoding="utf-8")
        part = page.split('id="requirements"')[1].split("<h3")[0]
        shown = re.findall(r'<span class="badge (\w+)">', part)
        assert shown == [v.truth for v in dossier.requirements.values()], dossier.activation.name


def test_a_page_says_who_ships_the_function() -> None:
    for lang in LANGUAGES:
        page = (folder(lang) / "functions" / "hardtanh" / "index.html").read_text(encoding="utf-8")
        part = page.split('id="frameworks"')[1].split("<h2")[0]
        for one in catalogue["hardtanh"].frameworks:
            assert f"<code>{one.call}</code>" in part
        assert 'id="frameworks"' not in (folder(lang) / "functions" / "siren" / "index.html").read_text(
            encoding="utf-8"
        )


def test_the_catalogue_page_names_what_is_left_out() -> None:
    for lang in LANGUAGES:
        page = (folder(lang) / "catalogue" / "index.html").read_text(encoding="utf-8")
        for entry in out_of_scope():
            assert entry.reason[lang] in page


def test_an_unverified_identifier_is_marked() -> None:
    page = (folder("en") / "functions" / "siren" / "index.html").read_text(encoding="utf-8")
    assert Words("en")("pages.unverified") in page
    assert Words("en")("pages.unverified") not in (folder("en") / "functions" / "silu" / "index.html").read_text(
        encoding="utf-8"
    )


def test_the_headline_on_the_home_page_comes_from_the_program() -> None:
    page = (folder("en") / "index.html").read_text(encoding="utf-8")
    assert 'href="functions/relu/"' in page
    assert 'href="functions/identity/"' in page


def test_two_builds_have_the_same_bytes() -> None:
    other = site_build.fresh_build()
    assert digests(site_build.built() / "docs") == digests(other / "docs")
    assert digests(site()) == digests(other / "site")
    shutil.rmtree(other)


HOSTILE = """
expr = "Max(v, 0)"
[title]
en = "<script>alert(1)</script> & `x` | {{ y }}"
ja = "<img src=x onerror=alert(1)> *強調* [a](javascript:alert(1))"
[summary]
en = "a <b>bold</b> claim with $x$ and | pipes"
ja = "</details><script>"
[[reference]]
authors = "<i>A</i>"
title = "\\"><script>alert(2)</script>"
"""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_definition_s_words_are_text(lang: str) -> None:
    import markdown

    page = function_page(analyze(parse_definition(HOSTILE, "hostile.toml")), lang)
    html = markdown.markdown(page, extensions=["attr_list", "md_in_html", "tables", "toc"])
    parser = Seen()
    parser.feed(html)
    assert not {"script", "img", "b", "i"} & set(parser.counts)
    assert not [link for link in parser.links if link.startswith("javascript:")]


@pytest.mark.only_slow
def test_the_committed_configurations_build_the_kept_markdown(tmp_path: Path) -> None:
    """``mkdocs build`` with the two files at the root gives the pages that ``kassei site build`` gave."""
    for name in ("mkdocs.yml", "mkdocs.en.yml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "site", tmp_path / "site")
    shutil.copytree(site_build.built() / "docs", tmp_path / "build" / "docs")
    for name in ("mkdocs.yml", "mkdocs.en.yml"):
        subprocess.run(
            [sys.executable, "-m", "mkdocs", "-q", "build", "-f", name], cwd=tmp_path, check=True, timeout=300
        )
    found = tmp_path / "build" / "site"
    assert {str(p.relative_to(found)) for p in found.rglob("index.html")} == {
        str(p.relative_to(site())) for p in site().rglob("index.html")
    }


def test_formulas_are_mathml_and_complete() -> None:
    """A formula that could not be rendered would leave TeX commands behind."""
    for path in site().rglob("index.html"):
        text = re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
        assert not re.search(r"\\(frac|left|right|begin|operatorname|mathrm)", text), path
