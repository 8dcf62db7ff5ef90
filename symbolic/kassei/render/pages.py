"""Pages as plain Markdown with HTML blocks: every file of one language, and its menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import escape

from kassei.render.beside import data_files, data_line
from kassei.render.catalogue import catalogue_page
from kassei.render.changelog import changelog_files
from kassei.render.compare import compare_files
from kassei.render.glossary import glossary_page
from kassei.render.home import home_page
from kassei.render.ledger import claims_page
from kassei.render.own import own_page
from kassei.render.page.function import function_page
from kassei.render.page.markup import heading, one_block, table
from kassei.render.page.relations import RELATIVES
from kassei.render.page.writer import Writer
from kassei.render.part import Part, part
from kassei.render.requirements import requirements_page
from kassei.render.summary import GROUPS

__all__ = [
    "RELATIVES",
    "Part",
    "Writer",
    "function_page",
    "heading",
    "navigation",
    "one_block",
    "pages",
    "part",
    "table",
]


def pages(parts: Sequence[Part], claims: Sequence[Mapping[str, Any]], lang: str) -> dict[str, str]:
    """Every file of one language, by its path below the docs folder."""
    out = {
        "catalogue.md": catalogue_page(parts, lang),
        "requirements.md": requirements_page(parts, lang),
        "claims.md": claims_page(claims, lang),
        "own.md": own_page(lang),
        **changelog_files(lang),
        "glossary.md": glossary_page(lang),
        **compare_files(parts, lang),
    }
    w = Writer(lang)
    for name, data in DATA.items():
        out[f"{name}.md"] += f"\n{data_line(w, *data)}\n"
    out |= data_files(parts, claims, lang)
    for p in parts:
        out |= p.files
    return out | {"index.md": home_page(parts, claims, lang, known=tuple(out))}


DATA = {
    "catalogue": ("catalogue.json",),
    "requirements": ("requirements.json", "atlas.json"),
    "claims": ("claims.json",),
    "glossary": ("glossary.json",),
}
"""Where the data of pages about many functions is."""
SECTIONS = {
    "functions": ("catalogue", "compare"),
    "relations": ("requirements", "atlas", "claims", "open"),
    "measured": ("accuracy", "speed"),
    "use": ("own", "glossary", "changelog"),
}
"""The tabs of the menu and their pages, as far as there are such pages; the functions follow those of the first."""


def navigation(parts: Sequence[Part], lang: str, known: Callable[[str], bool] = lambda page: True) -> list[Any]:
    """The menu: the home page and a few sections. ``known`` says which pages there are.

    The functions are grouped by what they are at their default parameters: the menu of a page has the names of its own
    group and the titles of the others (``navigation.prune``), not all of them.
    """
    w = Writer(lang)
    out: list[Any] = [{w("home"): "index.md"}]
    for section, names in SECTIONS.items():
        pages = [{w.words(f"overview.menu.{name}"): f"{name}.md"} for name in names if known(f"{name}.md")]
        if section == "functions":
            pages += _groups(w, parts)
        if pages:
            out.append({w.words(f"overview.menu.{section}"): pages})
    return out


def _groups(w: Writer, parts: Sequence[Part]) -> list[Any]:
    grouped = {group: [p for p in parts if p.summary.group == group] for group in GROUPS}
    return [
        {w.words(f"overview.group.{group}"): [{str(escape(p.heading)): f"functions/{p.name}.md"} for p in members]}
        for group, members in grouped.items()
        if members
    ]
