"""Pages as plain Markdown with HTML blocks: every file of one language, and its menu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import escape

from kassei.render.catalogue import catalogue_page
from kassei.render.home import home_page
from kassei.render.ledger import claims_page
from kassei.render.page.function import RELATIVES, function_page
from kassei.render.page.markup import heading, one_block, table
from kassei.render.page.writer import Writer
from kassei.render.part import Part, part
from kassei.render.requirements import requirements_page

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
        "index.md": home_page(parts, lang),
        "catalogue.md": catalogue_page(parts, lang),
        "requirements.md": requirements_page(parts, lang),
        "claims.md": claims_page(claims, lang),
    }
    for p in parts:
        out |= p.files
    return out


def navigation(parts: Sequence[Part], lang: str) -> list[Any]:
    """The menu."""
    w = Writer(lang)
    return [
        {w("home"): "index.md"},
        {w("catalogue"): "catalogue.md"},
        {w("requirements"): "requirements.md"},
        {w("claims"): "claims.md"},
        {w("atlas"): "atlas.md"},
        {w("open"): "open.md"},
        {w("functions"): [{str(escape(p.heading)): f"functions/{p.name}.md"} for p in parts]},
    ]
