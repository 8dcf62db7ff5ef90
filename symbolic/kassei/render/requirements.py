"""The page of the three requirements: who satisfies them, in which reading, and what slopes do to depth."""

from __future__ import annotations

from collections.abc import Sequence

from kassei.render.page.markup import heading, table
from kassei.render.page.writer import Writer
from kassei.render.part import DEPTHS, Part
from kassei.text.resources import resource


def requirements_page(parts: Sequence[Part], lang: str) -> str:
    """The requirements explained, who satisfies them, and the product of slopes."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "requirements.md").read_text(encoding="utf-8")
    return "\n\n".join(
        [
            heading(w("requirements"), "title", 1),
            prose,
            heading(w("satisfy"), "satisfy"),
            w("readings_text"),
            table(
                [p.requirements_row for p in parts],
                [w("chain_input"), "R1", "R2", w("r3_positive"), w("r3_asymptotic"), w("r3_interval")],
            ),
            heading(w("chain"), "chain"),
            w("chain_text"),
            table([p.chain_row for p in parts], [w("chain_input"), *(w("depth", n=n) for n in DEPTHS)]),
            "",
        ]
    )
