"""Building the site: what bad input, failures, interrupts and edits do to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import site_build
from browsing import CHROMIUM, chromium, serving
from functions import small_catalogue
from kassei import cache
from kassei.core.dossier import Dossier
from kassei.core.reading import DefinitionError, load, parse_definition
from kassei.library import analyze
from kassei.render import safely
from kassei.render import site as building
from kassei.render.engine import Templates, put_back, set_aside
from kassei.render.site import SiteError, build, known_parts, parts_of
from kassei.text.resources import LANGUAGES

pytestmark = pytest.mark.xdist_group("site")

PLAIN = """
expr = "Max(v, 0)"
aliases = ["ALIAS"]
[title]
en = "TITLE en"
ja = "TITLE ja"
[summary]
en = "SUMMARY en"
ja = "SUMMARY ja"
[[reference]]
authors = "AUTHORS"
title = "WORK"
year = 2020
eq = "EQ"
doi = "10.1000/xyz"
url = "https://example.org/a"
note = "NOTE"
[[framework]]
name = "FRAMEWORK"
call = "CALL"
[framework.note]
en = "REMARK en"
ja = "REMARK ja"
"""
WORDS = ("TITLE", "SUMMARY", "AUTHORS", "WORK", "EQ", "NOTE", "FRAMEWORK", "CALL", "REMARK")
HOSTILE = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "[a](javascript:window.pwned=1) ![b](x) <javascript:window.pwned=1>",
    "{{ 7*7 }}{% raw %}${7*7}",
    'x\\" onmouseover=\\"window.pwned=1\\" autofocus onfocus=\'window.pwned=1\'',
    "$x^2$ \\\\frac{1}{2} \\\\(y\\\\) `code` | pipe | *em* __strong__",
    "\\u202Etfel ot thgir\\u2066 \\u200B",
    "{#pwn .x onclick=window.pwned=1}{: onclick=window.pwned=1}",
    "--- # heading === tab <!-- relatives --> -->]]>&lt;b&gt;",
    "</title></svg></details></table><iframe src=javascript:window.pwned=1>",
    "\\u2028window.pwned=1\\u2029//",
)


def hostile(text: str) -> str:
    """The plain definition with every word replaced by a hostile text."""
    out = PLAIN
    for word in WORDS:
        out = out.replace(word, f"{text} {word.lower()}")
    return out


def small_site(definition: str, out: Path) -> Path:
    """The site of one function alone."""
    dossier = analyze(parse_definition(definition, "mine.toml"), small_catalogue())
    return build(parts_of([dossier]), [], out, docs=out.parent / f"{out.name}-docs")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The site of a function with plain words, and of the same with all hostile words at once."""
    folder = tmp_path_factory.mktemp("hostile")
    return small_site(PLAIN, folder / "plain"), small_site(hostile(" ".join(HOSTILE)), folder / "hostile")


def elements(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Every element of a page with the names of its attributes, in order, as a browser's parser sees them."""
    html5lib = pytest.importorskip("html5lib")
    tree = html5lib.parse(path.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    return [(str(e.tag), tuple(sorted(map(str, e.attrib)))) for e in tree.iter() if isinstance(e.tag, str)]


def test_hostile_words_make_no_element_and_no_attribute(sites: tuple[Path, Path]) -> None:
    plain, bad = sites
    for path in sorted(plain.rglob("*.html")):
        name = path.relative_to(plain)
        assert elements(bad / name) == elements(path), name


def test_hostile_words_are_shown_as_they_are(sites: tuple[Path, Path]) -> None:
    html5lib = pytest.importorskip("html5lib")
    for prefix in ("", "en/"):
        page = (sites[1] / prefix / "functions/mine/index.html").read_text(encoding="utf-8")
        text = "".join(html5lib.parse(page, namespaceHTMLElements=False).itertext())
        for one in HOSTILE:
            shown = " ".join(json.loads(f'"{one}"').split()) if "\\u20" not in one else ""
            assert shown in " ".join(text.split()), one


def test_hostile_words_stay_words_in_data(sites: tuple[Path, Path]) -> None:
    for path in sites[1].rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    for path in sites[1].rglob("*.xml"):
        import xml.etree.ElementTree as ET

        ET.fromstring(path.read_text(encoding="utf-8"))
    for path in sites[1].rglob("*.html"):
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", path.read_text(encoding="utf-8"), re.S):
            assert "pwned" not in script.replace("\\u003c", "<").split("</", 1)[0] or json.loads(script), path


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_hostile_words_do_nothing_in_a_browser(sites: tuple[Path, Path]) -> None:
    serving_it, browsers = serving(sites[1]), chromium()
    host, browser = next(serving_it), next(browsers)
    for page in ("", "functions/mine/", "catalogue/", "en/functions/mine/", "en/catalogue/", "requirements/", "atlas/"):
        view = browser.new_page()
        view.goto(f"{host}/{page}", wait_until="networkidle")
        for field in view.locator("article :is(a, [title], svg, input, button)").all()[:20]:
            if field.is_visible():
                field.hover(timeout=2000, force=True)
        view.wait_for_timeout(100)
        assert view.evaluate("window.pwned") is None, page
        assert view.locator("a[href^='javascript:'], [onclick], [onerror], [onmouseover], iframe").count() == 0, page
        view.close()
    browsers.close()
    serving_it.close()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", "x\\y", "A", "x y", "x.y", "", "x" * 300])
def test_a_name_that_is_no_slug_is_refused(name: str) -> None:
    with pytest.raises(DefinitionError):
        parse_definition(f"name = {json.dumps(name)}\nexpr = 'v'\n", "mine.toml")


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/../b", "a/./b", "\0", "a\\b", "x" * 300])
def test_no_file_is_written_outside_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(safely.BadNameError):
        safely.inside(tmp_path, name)


@pytest.mark.parametrize("name", ["con", "nul", "aux", "com1"])
def test_names_that_another_system_keeps_for_itself_have_pages(name: str, tmp_path: Path) -> None:
    """They are folders here; only a copy to that system would need another name."""
    dossier = analyze(parse_definition(f"name = '{name}'\nexpr = 'v'\n", "mine.toml"), small_catalogue())
    assert f"functions/{name}.md" in parts_of([dossier])["en"][0].files
    assert safely.inside(tmp_path, f"functions/{name}.md") == tmp_path / "functions" / f"{name}.md"


@pytest.mark.parametrize("name", ["index", "readme"])
def test_a_name_that_can_have_no_page_is_named_and_nothing_is_lost(name: str, tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "index.html").write_text("old", encoding="utf-8")
    dossier = analyze(parse_definition(f"name = '{name}'\nexpr = 'v'\n", "mine.toml"), small_catalogue())
    with pytest.raises(SiteError, match=name[:20]):
        build(parts_of([dossier]), [], out)
    assert [p.name for p in tmp_path.iterdir()] == ["site"]
    assert (out / "index.html").read_text(encoding="utf-8") == "old"


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one() -> Dossier:
    return site_build.dossiers()[0]


def test_a_function_that_fails_is_named_with_the_place(one: Dossier, monkeypatch: pytest.MonkeyPatch) -> None:
    from kassei.render.page import function

    def fails(*_: object, **__: object) -> str:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(function, "fill", fails)
    with pytest.raises(SiteError, match=rf"functions/{one.activation.name}: render/.*ZeroDivisionError: by nothing"):
        parts_of([one])


def test_a_page_that_fails_is_named_and_the_old_site_stays(
    one: Dossier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MkDocs stops at the warning; nothing is left beside the old site."""
    out = tmp_path / "site"
    out.mkdir()
    (out / "index.html").write_text("old", encoding="utf-8")
    broken = parts_of([one])
    name = f"functions/{one.activation.name}.md"
    for lang in LANGUAGES:
        files = broken[lang][0].files
        assert isinstance(files, dict)
        files[name] += "\n\n[nowhere](../nowhere.md)\n"
    with pytest.raises(SiteError, match=re.escape(name)):
        build(broken, [], out)
    assert [p.name for p in tmp_path.iterdir()] == ["site"]
    assert (out / "index.html").read_text(encoding="utf-8") == "old"


def test_folders_change_places_and_an_interrupt_leaves_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for exchanges in (True, False):
        old, new = tmp_path / "old", tmp_path / "new"
        for folder in (old, new):
            folder.mkdir()
            (folder / "name").write_text(folder.name, encoding="utf-8")
        if not exchanges:
            monkeypatch.setattr(safely, "_exchange", lambda *_: False)
        safely.replace(new, old)
        assert (old / "name").read_text(encoding="utf-8") == "new"
        assert [p.name for p in tmp_path.iterdir()] == ["old"]
        shutil.rmtree(old)


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, mine = tmp_path / f".site-{dead.pid}-abc", tmp_path / f".site-{os.getpid()}-abc"
    left.mkdir()
    mine.mkdir()
    with safely.scratch(tmp_path / "site") as work:
        assert work.is_dir()
        assert not left.exists()
        assert mine.exists()
    assert not work.exists()


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_html_blocks_are_set_aside_and_come_back() -> None:
    source = "# T {#t}\n\n<p>a *b*</p>\n\n```\n\n<p>code</p>\n\n```\n\n<p>x</p> y\n"
    shorter, blocks = set_aside(source)
    assert blocks == ["<p>a *b*</p>"]
    assert put_back(shorter, blocks) == source
    with_markdown_inside = f'<div markdown="1">\n\n*c*\n\n<p>d</p>\n\n</div>\n\n{source}'
    shorter, blocks = set_aside(with_markdown_inside)
    assert blocks == ["<p>a *b*</p>"]
    assert put_back(shorter, blocks) == with_markdown_inside


def test_the_kept_pages_are_those_of_plain_mkdocs(tmp_path: Path) -> None:
    """With and without the cache, and by MkDocs itself: the same articles."""
    import yaml

    docs = site_build.built() / "docs" / "en"
    base = building.resource("site")
    config = {
        "INHERIT": str(base / "mkdocs.base.yml"),
        "docs_dir": str(docs),
        "site_dir": str(tmp_path / "plain"),
        "theme": {"language": "en", "custom_dir": str(base / "overrides")},
    }
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", str(tmp_path / "mkdocs.yml")]
    subprocess.run(command, check=True, timeout=300)
    for path in sorted((tmp_path / "plain").rglob("index.html")):
        name = path.relative_to(tmp_path / "plain")
        ours = (site_build.built() / "site" / "en" / name).read_text(encoding="utf-8")
        articles = [re.search(r"<article.*?</article>", text, re.S) for text in (path.read_text("utf-8"), ours)]
        assert articles[0] is not None
        assert articles[1] is not None
        assert articles[0].group(0) == articles[1].group(0), name


def test_no_file_of_a_site_is_also_another(sites: tuple[Path, Path], tmp_path: Path) -> None:
    """Files are linked while a site is built; whoever edits the kept Markdown's data must not change the site."""
    alone = build(parts_of([analyze(parse_definition(PLAIN, "mine.toml"))]), [], tmp_path / "alone")
    beside = sites[0].parent / f"{sites[0].name}-docs"
    for folder in (sites[0], beside, alone):
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert len(files) > 20
        assert [path for path in files if path.stat().st_nlink != 1] == []
    name = Path("functions", "mine", "function.json")
    assert (beside / "ja" / name).read_bytes() == (sites[0] / name).read_bytes() == (alone / name).read_bytes()


def test_compiled_templates_are_kept_and_a_damaged_one_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jinja2

    monkeypatch.setenv("KASSEI_CACHE", str(tmp_path))

    def rendered(source: str) -> str:
        loader = jinja2.DictLoader({"page": source})
        made = jinja2.Environment(loader=loader, bytecode_cache=Templates(), autoescape=True)
        return made.get_template("page").render(x=2)

    def kept() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("template-*")}

    assert rendered("{{ x + 1 }}") == "3"
    (first,) = kept().items()
    assert rendered("{{ x + 1 }}") == "3"
    assert kept() == dict([first])
    assert rendered("{{ x + 2 }}") == "4"
    assert kept().keys() == {first[0]}
    assert kept()[first[0]] != first[1]
    first[0].write_bytes(cache.packed(b"damaged"))
    assert rendered("{{ x + 3 }}") == "5"


def test_parts_are_found_again_until_something_they_are_made_from_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setenv("KASSEI_CACHE", str(tmp_path))
    f = parse_definition("expr = 'Max(v, 0)'\n", "mine.toml")
    assert known_parts([f]) == {}
    made = parts_of([analyze(f)])
    known = known_parts([f])
    assert dict(known["mine"]) == {lang: made[lang][0] for lang in LANGUAGES}
    told = replace(f, title={"en": "Other"})
    assert known_parts([told]) == {}
    assert set(known_parts([told], first=["another"])) == {"mine"}
    monkeypatch.setattr(cache, "GENERATION", "another")
    assert known_parts([f]) == {}


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """An environment in which the catalogue has two functions, so that a whole build takes seconds."""
    package = tmp_path / "source" / "symbolic" / "kassei"
    root = cache.PACKAGE.parent.parent
    shutil.copytree(cache.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("templates", "site"):
        shutil.copytree(root / name, tmp_path / "source" / name)
    for path in root.glob("CHANGELOG*.md"):
        shutil.copy(path, tmp_path / "source")
    for path in (package / "catalogue").glob("*.toml"):
        if path.stem not in ("relu", "identity", "exponential"):
            path.unlink()
    for path in (package / "claims").glob("*.toml"):
        path.write_text("claim = []\n" + path.read_text(encoding="utf-8").split("[[claim]]")[0], encoding="utf-8")
    inside = str(tmp_path / "source" / "symbolic")
    return {**os.environ, "PYTHONPATH": inside, "KASSEI_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}


def test_an_interrupted_build_leaves_nothing(alone: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out" / "site"
    out.mkdir(parents=True)
    (out / "index.html").write_text("old", encoding="utf-8")
    command = [sys.executable, "-m", "kassei", "site", "build", "--out", str(out)]
    running = subprocess.Popen(command, env=alone, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not list(out.parent.glob(".site-*")) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130, complaint
    assert [p.name for p in out.parent.iterdir()] == ["site"]
    assert (out / "index.html").read_text(encoding="utf-8") == "old"


def wait_for(found: Any, seconds: float) -> float:
    """The seconds until something is found."""
    begin = time.monotonic()
    while not found():
        assert time.monotonic() - begin < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - begin


@pytest.fixture
def served(alone: dict[str, str], tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The sources of a site that is being served, with a function of one's own, and its address."""
    mine = tmp_path / "mine.toml"
    mine.write_text("expr = 'Max(v, 0)/2'\n[title]\nen = 'Mine'\n", encoding="utf-8")
    command = [sys.executable, "-m", "kassei", "site", "serve", str(mine), "--out", str(tmp_path / "site")]
    log = (tmp_path / "log").open("w+", encoding="utf-8")
    running = subprocess.Popen([*command, "--port", "8765"], env=alone, cwd=tmp_path, stderr=log)
    try:
        wait_for(lambda: "127.0.0.1" in (tmp_path / "log").read_text(encoding="utf-8") or running.poll(), 200)
        assert running.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
        yield tmp_path, "http://127.0.0.1:8765"
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(30)
        log.close()
    assert not list(tmp_path.glob(".site-*"))


@pytest.mark.alone
def test_an_edit_is_shown_within_seconds(served: tuple[Path, str]) -> None:
    """To a definition of one's own and to a template."""
    folder, host = served

    def shows(text: str) -> bool:
        with urllib.request.urlopen(f"{host}/en/functions/mine/", timeout=10) as answer:
            return text in answer.read().decode()

    assert shows("Mine")
    wait_for(lambda: (folder / "log").read_text(encoding="utf-8").count("built in") >= 1, 60)
    mine = folder / "mine.toml"
    mine.write_text(mine.read_text(encoding="utf-8").replace("Mine", "Mine edited"), encoding="utf-8")
    assert wait_for(lambda: shows("Mine edited"), 30) < 5
    template = folder / "source" / "templates" / "pages" / "activation.md.j2"
    template.write_text(template.read_text(encoding="utf-8") + "\n\n<p>template edited</p>\n", encoding="utf-8")
    assert wait_for(lambda: shows("template edited"), 30) < 5
    mine.write_text("expr = 'Max(v, '\n", encoding="utf-8")
    wait_for(lambda: "mine.toml" in (folder / "log").read_text(encoding="utf-8").rpartition("changed:")[2], 30)
    assert shows("template edited")  # a broken definition leaves the site as it was


def test_a_broken_definition_is_refused_before_anything(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("expr = 'Max(v, '\n", encoding="utf-8")
    with pytest.raises(DefinitionError):
        load(bad)
    command = [sys.executable, "-m", "kassei", "site", "build", str(bad), "--out", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "bad.toml" in done.stderr
    assert not (tmp_path / "site").exists()
