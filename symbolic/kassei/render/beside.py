"""The data of pages about many functions, as JSON beside them: what their tables say, in the page's language."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from kassei.render.glossary import terms
from kassei.render.page.writer import Writer
from kassei.render.part import Part
from kassei.render.slopes import DEPTHS

SCHEMA = 1


def data_files(parts: Sequence[Part], claims: Sequence[Mapping[str, Any]], lang: str) -> dict[str, str]:
    """One file for each page whose tables are not in ``atlas.json``; the last digits of slopes are the code's."""
    rows = [p.summary for p in parts]
    found: dict[str, Any] = {
        "catalogue": {
            "functions": [
                {
                    "name": row.name,
                    "title": row.title,
                    "names": list(row.names),
                    "verdicts": dict(row.truths),
                    "smooth": list(row.smooth),
                    "parameters": list(row.parameters),
                    "frameworks": list(row.frameworks),
                    "year": row.year,
                }
                for row in rows
            ]
        },
        "claims": {"claims": list(claims)},
        "requirements": {
            "slope_at_1": {row.name: _finite(row.slope) for row in rows},
            "products": [
                {"function": row.name, "start": start, "by_depth": {str(d): _finite(values[d]) for d in DEPTHS}}
                for row in rows
                for start, values in row.chains.items()
            ],
        },
        "glossary": {
            "terms": [
                {"id": term.id, "name": dict(term.name), "text": term.text[lang], "see": list(term.see)}
                for term in terms().values()
            ]
        },
    }
    return {
        f"{name}.json": json.dumps({"schema": SCHEMA, "kind": name, **data}, ensure_ascii=False, indent=1) + "\n"
        for name, data in found.items()
    }


def _finite(value: float) -> float | str:
    """A number as JSON has it; what is none of its numbers by its name."""
    return value if math.isfinite(value) else str(value)


def data_line(w: Writer, *names: str) -> str:
    """The line that leads from a page to its data."""
    shown = Markup(", ").join(Markup('<a href="../{}" download>{}</a>').format(name, name) for name in names)
    return str(Markup('<p class="data">{} {}</p>').format(w("atlas_data"), shown))
