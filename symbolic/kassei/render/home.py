"""The home page: what this is, the function that turns from ReLU into the identity, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from kassei.render.catalogue import ALL_THREE
from kassei.render.page.markup import heading, one_block
from kassei.render.page.writer import Writer
from kassei.render.part import Part

WAYS = {"browse": "catalogue/", "compare": "compare/", "check": "claims/", "own": "own/"}
SHOWCASE = ("relu", "gelu", "silu", "sigmoid", "tanh", "softplus", "elu", "mish", "hard_swish", "exponential")
"""Curves that the home page shows of the catalogue, as far as they are in it."""


def home_page(
    parts: Sequence[Part], claims: Sequence[Mapping[str, Any]], lang: str, *, known: Sequence[str] = ()
) -> str:
    """The first screen and a little below it; ``known`` are the pages there are."""
    w = Writer(lang)
    front = Markup('<div class="front"><div class="front-words">{}</div><div class="front-picture">{}</div>{}</div>')
    words = Markup('<h1 id="title">{}</h1><p class="lead">{}</p>').format(w("tagline"), w.words("overview.home.lead"))
    picture = Markup("".join(p.featured for p in parts))
    return "\n\n".join(
        [
            "---\nhide:\n  - navigation\n  - toc\n---",
            one_block(str(front.format(words, picture, _ways(w, known)))),
            heading(w.words("overview.home.numbers"), "numbers"),
            one_block(str(_numbers(w, parts, claims))),
            heading(w.words("overview.home.look"), "look"),
            one_block(str(_curves(w, parts))),
            heading(w("own"), "own"),
            w("own_text"),
            OWN_FUNCTION,
            f'<p><a href="own/">{escape(w.words("overview.home.own_more"))}</a></p>',
            "",
        ]
    )


OWN_FUNCTION = """\
```console
$ kassei new my_unit
$ kassei show my_unit.toml
$ kassei check my_unit.toml
$ kassei emit my_unit.toml --target numpy --out generated
```
"""


def _ways(w: Writer, known: Sequence[str]) -> Markup:
    ways = [(key, to) for key, to in WAYS.items() if not known or to.rstrip("/") + ".md" in known]
    items = Markup("").join(
        Markup('<li><a href="{}"><strong>{}</strong><span>{}</span></a></li>').format(
            to, w.words(f"overview.home.{key}"), w.words(f"overview.home.{key}_text")
        )
        for key, to in ways
    )
    return Markup('<ul class="ways">{}</ul>').format(items)


def _numbers(w: Writer, parts: Sequence[Part], claims: Sequence[Mapping[str, Any]]) -> Markup:
    """What was computed, counted."""
    fails = sum(1 for c in claims if c["verdict"] == "fails")
    all_three = sum(1 for p in parts if all(p.summary.truths[r] == "proved" for r in ("R1", "R2", "R3")))
    facts = [
        (len(parts), "functions", "catalogue/"),
        (all_three, "all_three", f"catalogue/#{ALL_THREE}"),
        (len(claims), "claims", "claims/"),
        (fails, "fails", "claims/#v=fails"),
    ]
    items = Markup("").join(
        Markup('<li><a href="{}"><strong>{}</strong> {}</a></li>').format(to, count, w.words(f"overview.home.n_{key}"))
        for count, key, to in facts
    )
    return Markup('<ul class="numbers">{}</ul>').format(items)


def _curves(w: Writer, parts: Sequence[Part]) -> Markup:
    found = {p.name: p for p in parts}
    items = Markup("").join(
        Markup(
            '<li><a href="functions/{}/"><svg class="thumb" viewBox="0 0 100 60" aria-hidden="true">'
            '<path class="axes" d="M0 41.25H100M50 0V60"/><path d="{}"/></svg><span>{}</span></a></li>'
        ).format(name, found[name].summary.path, found[name].heading)
        for name in SHOWCASE
        if name in found
    )
    return Markup('<ul class="multiples">{}</ul><p><a href="catalogue/">{}</a></p>').format(items, w("browse"))
