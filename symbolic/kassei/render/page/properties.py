"""The table of verdicts, each with its argument."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup, escape

from kassei.core.verdict import Verdict
from kassei.render.page.markup import table
from kassei.render.page.writer import Writer

REQUIREMENTS = ("R1", "R2", "R3")


def verdicts(w: Writer, verdicts: Mapping[str, Verdict]) -> str:
    """One row a statement."""
    rows = []
    for key, v in verdicts.items():
        label = (
            Markup(f"<strong>{key}</strong> {escape(w.name(key))}")
            if key in REQUIREMENTS
            else escape(w.name(key) if key != "domain" else w("domain"))
        )
        rows.append([label, w.verdict(v)])
    return table(rows, [w("statement"), w("verdict")])
