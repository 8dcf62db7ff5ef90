"""The page of measured errors, made from the files that ``kassei audit`` wrote; without them there is no page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from kassei.bench.results import FOLDER
from kassei.render.measured import TYPES, audits, ulps
from kassei.render.page.markup import heading, one_block, table
from kassei.render.part import Part
from kassei.render.speed import Speaker


def accuracy_files(parts: Sequence[Part], lang: str, folder: Path = FOLDER) -> dict[str, str]:
    """The page and the data it links to, by path; nothing where nothing was measured."""
    found = audits(folder)
    if not found:
        return {}
    data = {f"accuracy/{name}": json.dumps(one, ensure_ascii=False, indent=1) + "\n" for name, one in found}
    return {"accuracy.md": _page(_Speaker(lang, {p.name for p in parts}), found)} | data


class _Speaker(Speaker):
    """A writer with the words of this page."""

    def say(self, key: str, **facts: Any) -> str:
        """A phrase of the page."""
        return self.words(f"accuracy.{key}", **facts)


def _page(w: _Speaker, found: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    out = ["---\nhide:\n  - navigation\n---", heading(w.say("title"), "title", 1), w.say("text"), w.say("reading")]
    for dtype in TYPES:
        mine = [(name, one) for name, one in found if one["dtype"] == dtype]
        if mine:
            rows = [row for name, one in mine for row in _rows(w, name, one)]
            header = [w.say(k) for k in ("function", "target", "parameters", "value", "slopes", "wrong", "inputs")]
            out += [heading(dtype, dtype), table(rows, header, "facts speed")]
    versions = {f"{k} {v}" for _, one in found for k, v in one["versions"].items()}
    dates = sorted(one["date"][:10] for _, one in found)
    line = w.say("measured", first=dates[0], last=dates[-1], versions=", ".join(sorted(versions)))
    out.append(one_block(str(Markup('<p class="small">{}</p>').format(line))))
    return "\n\n".join([*out, ""])


def _rows(w: _Speaker, file: str, one: Mapping[str, Any]) -> list[list[Any]]:
    rows = []
    for k, result in enumerate(one["results"]):
        quantities = result["quantities"]
        slopes = {name: q for name, q in quantities.items() if name != "value"}
        wrong = sum(q["wrong_nan"] + q["wrong_inf"] for q in quantities.values())
        inputs = max(q["inputs"] for q in quantities.values())
        link = Markup('<br><a class="small" href="{}" download>{}</a>').format(file, w.say("data")) if k == 0 else ""
        rows.append(
            [
                w.function({"function": one["name"], "dtype": "float32"}) + Markup(link),
                one["target"],
                ", ".join(f"{name} = {value}" for name, value in result["params"].items()) or "–",
                _largest(quantities["value"]),
                Markup("<br>").join(Markup("{}: {}").format(escape(name), _relative(q)) for name, q in slopes.items()),
                str(wrong),
                w.say("all", inputs=f"{inputs:,}") if one["exhaustive"] else f"{inputs:,}",
            ]
        )
    return rows


def _largest(q: Mapping[str, Any]) -> Markup:
    at = q["at"]["decimal"] if q["at"] else "–"
    return Markup('{}<br><span class="small">{}</span>').format(ulps(q["max_ulp"]), at)


def _relative(q: Mapping[str, Any]) -> str:
    text = ulps(q["max_ulp"])
    return f"{text} ({q['max_relative']:.1e})" if q.get("max_relative") is not None else text
