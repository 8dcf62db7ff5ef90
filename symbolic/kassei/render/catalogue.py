"""The page of all functions."""

from __future__ import annotations

from collections.abc import Sequence

from kassei.library import out_of_scope
from kassei.render.page.markup import heading, table
from kassei.render.page.properties import REQUIREMENTS
from kassei.render.page.writer import Writer
from kassei.render.part import Part


def catalogue_page(parts: Sequence[Part], lang: str) -> str:
    """All functions with their curves and the three requirements, and what is left out."""
    w = Writer(lang)
    left_out = [[one[lang] for one in (entry.title, entry.reason)] for entry in out_of_scope()]
    return "\n\n".join(
        [
            heading(w("catalogue"), "title", 1),
            table([p.catalogue_row for p in parts], [w("chain_input"), "", *REQUIREMENTS]),
            heading(w("out_of_scope"), "out-of-scope"),
            w("out_of_scope_text"),
            table(left_out, [w("chain_input"), w("reason")]),
            "",
        ]
    )
