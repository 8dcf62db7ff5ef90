"""Searching the built site in Chromium, through the box that readers use: where queries in both languages lead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import site_build
from browsing import CHROMIUM, chromium, serving

pytestmark = [
    pytest.mark.xdist_group("site"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

JAPANESE = {
    "丸め誤差": "accuracy/",
    "ガウス誤差": "functions/gelu/",
    "しぐもいど": "functions/sigmoid/",
    "シグモイド": "functions/sigmoid/",
    "ＲｅＬＵ": "functions/relu/",
    "導関数": "glossary/",
    "silu": "functions/silu/",
    "swish": "functions/silu/",
    "恒等関数": "functions/identity/",
    "双曲線正接": "functions/tanh/",
    "勾配消失": "requirements/",
    "三つの要求仕様": "requirements/",
    "よくある誤り": "claims/",
    "定義ファイル": "own/",
    "更新履歴": "changelog/",
}
ENGLISH = {
    "rounding error": "accuracy/",
    "gaussian error": "functions/gelu/",
    "derivative": "glossary/",
    "gelu tanh": "functions/gelu_tanh/",
    "swish": "functions/silu/",
    "SiLU": "functions/silu/",
    "leaky relu": "functions/leaky_relu/",
    "LeakyReLU": "functions/leaky_relu/",
    "logistic": "functions/sigmoid/",
    "clipped": "functions/hardtanh/",
    "identity": "functions/identity/",
    "vanishing gradient": "requirements/",
    "does not hold": "claims/",
    "makefile": "own/",
    "シグモイド": "functions/sigmoid/",
}


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    yield from serving(site_build.built() / "site")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium()


def results(page: Any, query: str) -> list[str]:
    """The pages that a query finds, in their order, relative to the root of the language."""
    page.locator(".md-search__input").fill(query)
    page.locator(".md-search__input").press("End")
    page.wait_for_function(
        "q => { const e = document.querySelector('.md-search-result__list');"
        " return e.children.length && document.querySelector('.md-search__input').value === q }",
        arg=query,
    )
    page.wait_for_timeout(250)
    found = page.eval_on_selector_all(
        ".md-search-result__item > a:first-child", "links => links.map(a => a.href.split('#')[0])"
    )
    base = page.evaluate("new URL(JSON.parse(document.getElementById('__config').textContent).base, location).href")
    return [str(link)[len(base.rstrip("/")) + 1 :] for link in found]


@pytest.mark.parametrize(("prefix", "queries"), [("/", JAPANESE), ("/en/", ENGLISH)], ids=["ja", "en"])
def test_queries_lead_where_they_should(browser: Any, host: str, prefix: str, queries: dict[str, str]) -> None:
    assert len(queries) == 15
    page = browser.new_page()
    page.goto(f"{host}{prefix}functions/relu/")
    page.locator(".md-search__input").focus()
    wrong = {}
    for query, goal in queries.items():
        found = results(page, query)
        if goal not in found[:2]:
            wrong[query] = found[:4]
    page.close()
    assert wrong == {}


def test_the_index_is_asked_for_with_the_first_query(browser: Any, host: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.goto(f"{host}/functions/relu/", wait_until="networkidle")
    assert [u for u in asked if u.endswith("search_index.js")] == []
    stub = [u for u in asked if u.endswith("search_index.json")]
    assert len(json.loads(page.request.get(stub[0]).text())["docs"]) == 0
    page.locator(".md-search__input").focus()
    assert "functions/tanh/" in results(page, "tanh")[:1]
    assert all(u.startswith(host) for u in asked)
    page.close()


def test_what_is_found_is_marked_and_nothing_is_markup(browser: Any, host: str) -> None:
    page = browser.new_page()
    page.goto(f"{host}/en/")
    page.locator(".md-search__input").focus()
    results(page, "sigmoid")
    assert page.locator(".md-search-result__item mark").first.inner_text().lower() == "sigmoid"
    page.locator(".md-search__input").fill("<img src=x onerror=alert(1)>")
    page.wait_for_timeout(400)
    assert page.locator(".md-search-result__list img").count() == 0
    page.close()


def test_search_works_from_a_file(browser: Any) -> None:
    """There are no workers for pages opened as files; the same script then runs in the page."""
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto((site_build.built() / "site" / "functions" / "relu" / "index.html").as_uri())
    page.locator(".md-search__input").focus()
    page.locator(".md-search__input").fill("しぐもいど")
    page.locator(".md-search__input").press("End")
    page.wait_for_selector(".md-search-result__item > a")
    first = page.locator(".md-search-result__item > a").first
    assert "functions/sigmoid/" in first.get_attribute("href")
    first.click()
    page.wait_for_url("**/functions/sigmoid/index.html*")
    assert errors == []
    page.close()
