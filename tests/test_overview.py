"""The pages about many functions say what was computed, and what the page *Bring your own* shows is what happens."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import own_page
import site_build
from kassei.core.verdict import Verdict
from kassei.library import catalogue
from kassei.render import changelog, slopes
from kassei.render.summary import GROUPS, bounded, group
from kassei.text.resources import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.xdist_group("site")


def page(name: str, lang: str = "en") -> str:
    base = site_build.built() / "site"
    path = (base if lang == "ja" else base / lang) / name / "index.html"
    return path.read_text(encoding="utf-8")


# --- facts of a row ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "truth", "condition"),
    [
        ("Interval.open(0, 1)", "proved", None),
        ("{0, 1}", "proved", None),
        ("Interval(0, oo)", "refuted", None),
        ("Interval.open(-oo, 0)", "refuted", None),
        ("Reals", "refuted", None),
        ({"inf": {"lo": "-1", "hi": "-1"}, "sup": "oo", "inf_attained": True, "sup_attained": False}, "refuted", None),
        ([{"when": "p", "value": "Reals"}, {"when": "q", "value": "Interval(0, 1)"}], "conditional", "q"),
        (None, "unknown", None),
    ],
)
def test_a_range_tells_whether_a_function_is_bounded(value: object, truth: str, condition: str | None) -> None:
    if isinstance(value, list):
        value = [{**row, "when": sp.Symbol(row["when"])} for row in value]
    found = bounded(Verdict(truth="unknown" if value is None else "proved", value=value))
    assert (truth, condition) == (found.truth, None if found.condition is None else str(found.condition))


def test_groups_of_the_menu() -> None:
    found = {d.activation.name: group(d) for d in site_build.dossiers()}
    assert set(found.values()) <= set(GROUPS)
    wanted = {"relu": "linear", "leaky_relu": "linear", "sigmoid": "bounded", "gelu": "below", "exponential": "joined"}
    assert wanted == {name: found[name] for name in wanted}


# --- the chain of slopes ----------------------------------------------------------------------------------------------


def test_products_of_slopes() -> None:
    """At −1 the Exponential form at a = 0 maps −1/n to −1/(n+1), so the product of n slopes is 1/(n+1)²."""
    found = slopes.products(catalogue["exponential"], -1.0)
    expected = [1 / (n + 1) ** 2 for n in range(slopes.DEPTH + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert set(slopes.products(catalogue["relu"], 1.0)) == {1.0}
    assert slopes.products(catalogue["relu"], -1.0)[1:] == (0.0,) * slopes.DEPTH
    sigmoid = slopes.products(catalogue["sigmoid"], 1.0)
    assert all(0 < b <= a / 4 for a, b in itertools.pairwise(sigmoid))


def test_the_requirements_page_shows_them() -> None:
    for lang in LANGUAGES:
        text = page("requirements", lang)
        assert text.count('<div class="pair">') == 1
        assert len(re.findall(r'<svg[^>]*aria-label="[^"]*sigmoid: [^"]*"', text)) == len(slopes.STARTS)
        assert "0.000384" in text  # 1/51², the Exponential form after 50 layers


# --- home, atlas, claims ----------------------------------------------------------------------------------------------


def test_the_home_page_counts_what_was_computed() -> None:
    text = page("")
    assert f"<strong>{len(site_build.NAMES)}</strong>" in text
    assert f"<strong>{sum(c['verdict'] == 'fails' for c in site_build.claims())}</strong>" in text


def test_the_atlas_for_a_phone_says_what_the_graph_says() -> None:
    text = page("atlas")
    graph = re.search(r'<svg class="atlas".*?</svg>', text, re.DOTALL)
    stack = re.search(r'<ul class="atlas-stack">.*?</ul>\s*(?=<h|</article|<p)', text, re.DOTALL)
    assert graph
    assert stack
    drawn = re.findall(r'<path class="edge (\w+)"', graph.group(0))
    listed = re.findall(r'<li class="(\w+)">', stack.group(0))
    assert sorted(drawn) == sorted(listed)


def test_claims_can_be_filtered_by_what_was_found() -> None:
    text = page("claims")
    rows = re.findall(r'<tr data-row(?:="")? data-v="(\w+)"', text)
    assert rows == [c["verdict"] for c in sorted(site_build.claims(), key=_as_listed)]
    for verdict in set(rows):
        assert re.search(rf'<span id="v={verdict}">{rows.count(verdict)}</span>', text)


def _as_listed(claim: dict[str, object]) -> int:
    order = [c["source"] for c in site_build.claims()]
    return order.index(claim["source"])


# --- bring your own ---------------------------------------------------------------------------------------------------


def test_the_outputs_on_the_page_are_what_the_commands_print(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    update = request.config.getoption("--update")
    wanted = {"show": 0, "check": 1, "check-after": 0, "emit": 0, "differs": 1}
    for name, (status, text) in own_page.outputs(tmp_path).items():
        assert status == wanted[Path(name).stem], name
        if update:
            (own_page.OWN / name).write_text(text, encoding="utf-8")
        assert (own_page.OWN / name).read_text(encoding="utf-8") == text, name


def test_the_python_example_prints_what_the_page_says(tmp_path: Path) -> None:
    shutil.copy(own_page.OWN / "my_unit.toml", tmp_path)
    done = subprocess.run(
        [sys.executable, str(own_page.OWN / "example.py")], cwd=tmp_path, text=True, capture_output=True, check=True
    )
    assert (own_page.OWN / "example.txt").read_text(encoding="utf-8") == done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one definition, the page's Makefile and a ``kassei`` on the path."""
    (tmp_path / "activations").mkdir()
    shutil.copy(own_page.OWN / "my_unit.toml", tmp_path / "activations")
    shutil.copy(own_page.OWN / "Makefile", tmp_path)
    command = tmp_path / "bin" / "kassei"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kassei "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def make(project: Path, goal: str) -> subprocess.CompletedProcess[str]:
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["make", goal], cwd=project, env={**os.environ, "PATH": path}, text=True, capture_output=True, check=False
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_makefile_emits_what_is_out_of_date(project: Path) -> None:
    done = make(project, "code")
    assert done.returncode == 0, done.stderr
    module = project / "generated" / "my_unit.py"
    assert "def forward" in module.read_text(encoding="utf-8")
    assert "kassei emit" not in make(project, "code").stdout
    assert make(project, "code-is-current").returncode == 0

    definition = project / "activations" / "my_unit.toml"
    definition.write_text(definition.read_text(encoding="utf-8").replace("tanh(v)", "atan(v)"), encoding="utf-8")
    os.utime(definition, (module.stat().st_mtime + 2, module.stat().st_mtime + 2))
    assert make(project, "code-is-current").returncode != 0
    assert "kassei emit" in make(project, "code").stdout
    assert make(project, "code-is-current").returncode == 0


def hooks() -> dict[str, dict[str, str]]:
    yaml = pytest.importorskip("yaml")
    return {h["id"]: h for h in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}


def test_the_hooks_of_the_example_exist() -> None:
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load((own_page.OWN / "pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [h["id"] for h in config["repos"][0]["hooks"]] == list(hooks())


def test_hooks_pass_and_fail_as_the_page_says(project: Path) -> None:
    """Each hook as pre-commit calls it: entry, arguments, files."""
    files = ["activations/my_unit.toml"]

    def run(name: str) -> int:
        one = hooks()[name]
        assert re.search(one["files"], files[0])
        command = [*one["entry"].split()[1:], *one.get("args", ()), *files]
        return own_page.kassei(command, project)[0]

    assert run("kassei-check") == 1  # R1 holds for a >= 0 only
    definition = project / files[0]
    text = definition.read_text(encoding="utf-8").replace('domain = "Reals"', own_page.LIMITED)
    definition.write_text(text, encoding="utf-8")
    assert run("kassei-check") == 0
    assert run("kassei-emit") == 1  # nothing has been emitted yet
    assert own_page.kassei(["emit", *files, "--target", "numpy", "--out", "generated"], project)[0] == 0
    assert run("kassei-emit") == 0


def test_the_interface_is_the_public_one() -> None:
    import kassei

    wanted = {f"api-{name.lower()}" for name in kassei.__all__ if not name.startswith("__")}
    for lang in LANGUAGES:
        assert wanted == set(re.findall(r'id="(api-[\w-]+)"', page("own", lang)))


# --- data beside the pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_about_many_functions_have_their_data_beside_them(lang: str) -> None:
    base = site_build.built() / "site" / ("" if lang == "ja" else lang)
    for name in ("catalogue", "requirements", "claims", "glossary"):
        data = json.loads((base / f"{name}.json").read_text(encoding="utf-8"))
        assert (data["schema"], data["kind"]) == (1, name)
        assert f'href="../{name}.json"' in page(name, lang)
    rows = json.loads((base / "catalogue.json").read_text(encoding="utf-8"))["functions"]
    assert [row["name"] for row in rows] == list(site_build.NAMES)
    for row, dossier in zip(rows, site_build.dossiers(), strict=True):
        assert {r: row["verdicts"][r] for r in ("R1", "R2", "R3")} == {
            r: v.truth for r, v in dossier.requirements.items()
        }
    claims = json.loads((base / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert [c["id"] for c in claims] == [c["id"] for c in site_build.claims()]
    chains = json.loads((base / "requirements.json").read_text(encoding="utf-8"))["products"]
    assert {(c["function"], c["start"]): c["by_depth"]["50"] for c in chains}["relu", 1.0] == 1.0


# --- changelog and feed -----------------------------------------------------------------------------------------------

SAMPLE = """\
# Changelog

## [Unreleased]

### Added

- A `<b>` that is *text*
  over two lines.
- Another.

## [1.2.0] - 2026-03-04

### Fixed

- A mistake.
"""


def test_a_changelog_becomes_a_page_and_a_feed() -> None:
    found = changelog.releases(SAMPLE)
    assert [(r.name, r.date) for r in found] == [("Unreleased", ""), ("1.2.0", "2026-03-04")]
    assert found[0].entries == (("Added", ("A `<b>` that is *text* over two lines.", "Another.")),)
    japanese = changelog.releases("## [1.0]\n\n### Fixed\n\n- 一つの行を\n  二つに kassei\n  で。\n")
    assert japanese[0].entries == (("Fixed", ("一つの行を二つに kassei で。",)),)
    text = changelog.changelog_page(found, "en")
    assert "<code>&lt;b&gt;</code> that is <em>text</em>" in text
    channel = ET.fromstring(changelog.feed(found, "en", "https://example.org/")).find("channel")
    assert channel is not None
    assert {"title", "link", "description", "language"} <= {child.tag for child in channel}
    items = channel.findall("item")
    assert [i.findtext("link") for i in items] == [
        "https://example.org/en/changelog/#v-unreleased",
        "https://example.org/en/changelog/#v-1-2-0",
    ]
    assert len({i.findtext("guid") for i in items}) == 2
    assert [i.findtext("pubDate") for i in items] == [None, "Wed, 04 Mar 2026 00:00:00 +0000"]
    assert parsedate_to_datetime(items[1].findtext("pubDate") or "").year == 2026
    assert "<code>&lt;b&gt;</code>" in (items[0].findtext("description") or "")


def test_the_site_has_the_project_s_changelog() -> None:
    base = site_build.built() / "site"
    found = changelog.releases((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    count = len(found)
    for folder in (base, base / "en"):
        channel = ET.parse(folder / "feed.xml").find("channel")
        assert channel is not None
        assert len(channel.findall("item")) == count
        text = (folder / "index.html").read_text(encoding="utf-8")
        assert re.search(r'<link rel="alternate " type="application/rss\+xml"[^>]*href="feed.xml">', text)


def test_both_changelogs_have_the_same_entries() -> None:
    """As many under each heading of each version, with the same code in the same order."""
    en, ja = (changelog.releases((ROOT / name).read_text(encoding="utf-8")) for name in changelog.FILES.values())
    assert [(r.name, r.date) for r in en] == [(r.name, r.date) for r in ja]
    for one, other in zip(en, ja, strict=True):
        assert [(kind, len(items)) for kind, items in one.entries] == [(k, len(i)) for k, i in other.entries]
        for (_, items), (_, theirs) in zip(one.entries, other.entries, strict=True):
            for item, their in zip(items, theirs, strict=True):
                assert sorted(re.findall(r"`[^`]+`", item)) == sorted(re.findall(r"`[^`]+`", their)), their


# --- languages --------------------------------------------------------------------------------------------------------


def test_heads_name_the_page_in_both_languages() -> None:
    for lang, up in (("ja", "../.."), ("en", "../../..")):
        found = re.findall(r'<link rel="alternate " hreflang="([\w-]+)" href="([^"]+)"', page("functions/relu", lang))
        goal = f"{up}/functions/relu/"
        assert found == [("ja", goal), ("en", f"{up}/en/functions/relu/"), ("x-default", goal)]


def test_a_known_address_gives_a_sitemap_with_languages(tmp_path: Path) -> None:
    """The theme's files with a page each: ``site_url`` is what a sitemap cannot do without."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# x\n", encoding="utf-8")
    (tmp_path / "docs" / "assets").mkdir()
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT}/site/mkdocs.base.yml\nsite_url: https://example.org/kassei/en/\n"
        f"theme:\n  language: en\n  custom_dir: {ROOT}/site/overrides\n",
        encoding="utf-8",
    )
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    subprocess.run([sys.executable, "-m", "mkdocs", "-q", "build"], cwd=tmp_path, env=quiet, check=True, timeout=120)
    tree = ET.parse(tmp_path / "site" / "sitemap.xml").getroot()
    names = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
    assert [e.text for e in tree.findall("s:url/s:loc", names)] == ["https://example.org/kassei/en/"]
    links = {e.get("hreflang"): e.get("href") for e in tree.findall("s:url/x:link", names)}
    assert links == {"ja": "https://example.org/kassei/", "en": "https://example.org/kassei/en/"}
    head = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<link rel="alternate " hreflang="ja" href="https://example.org/kassei/">' in head


def test_the_page_for_no_page_leads_on() -> None:
    for folder in ("", "en"):
        text = (site_build.built() / "site" / folder / "404.html").read_text(encoding="utf-8")
        article = text.split("<article")[1].split("</article>")[0]
        assert len(re.findall(r"<li><a href=", article)) >= 4
