"""The glossary: term pairs (``site/words/glossary.toml``), their page, and which labels and verdicts link to it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from kassei.text.resources import LANGUAGES, resource

if TYPE_CHECKING:
    from kassei.render.page.writer import Writer


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term in every language, what it means, what it explains on the pages, and its neighbours."""

    id: str
    name: Mapping[str, str]
    text: Mapping[str, str]
    properties: tuple[str, ...]
    labels: tuple[str, ...]
    see: tuple[str, ...]


@cache
def terms() -> Mapping[str, Term]:
    """Every term by its id, in the order of the file."""
    table = tomllib.loads((resource("site") / "words" / "glossary.toml").read_text(encoding="utf-8"))
    return {
        key: Term(
            id=key,
            name={lang: row[lang] for lang in LANGUAGES},
            text=row["text"],
            properties=tuple(row.get("properties", ())),
            labels=tuple(row.get("labels", ())),
            see=tuple(row.get("see", ())),
        )
        for key, row in table.items()
    }


@cache
def _by_property() -> Mapping[str, Term]:
    return {key: term for term in terms().values() for key in term.properties}


@cache
def _by_label() -> Mapping[str, Term]:
    return {key: term for term in terms().values() for key in term.labels}


def of_property(key: str) -> Term | None:
    """The term that explains a verdict."""
    return _by_property().get(key)


def of_label(key: str) -> Term | None:
    """The term that explains a label of the pages."""
    return _by_label().get(key)


def glossary_page(lang: str) -> str:
    """All terms, sorted by their names in this language, each with an anchor that is the same in all languages."""
    from kassei.render.page.markup import heading, one_block
    from kassei.render.page.writer import Writer

    w = Writer(lang)
    rows = []
    for term in sorted(terms().values(), key=lambda t: t.name["en"]):
        rows.append(_entry(w, term))
    body = one_block(f'<dl class="glossary">{Markup("").join(rows)}</dl>')
    return "\n\n".join([heading(w("glossary"), "title", 1), w("glossary_text"), body, ""])


def _entry(w: Writer, term: Term) -> Markup:
    others = Markup("").join(
        Markup(' <span class="small" lang="{}">{}</span>').format(lang, term.name[lang])
        for lang in LANGUAGES
        if lang != w.lang
    )
    see = Markup(w("glossary_between")).join(
        Markup('<a href="#{}">{}</a>').format(one, terms()[one].name[w.lang]) for one in term.see
    )
    return Markup('<dt id="{}"><dfn>{}</dfn>{}</dt><dd>{}{}</dd>').format(
        term.id,
        term.name[w.lang],
        others,
        term.text[w.lang],
        Markup('<br><span class="small">{} {}</span>').format(escape(w("glossary_see")), see) if term.see else "",
    )
