"""Functions beside one another: the page that compares up to three, and the data that choosers and scripts load.

Without a script the page shows one comparison in full. With one, each function is a file of its own, loaded as a
classic script (so that ``file://`` works too), and the choice is in the address behind ``#``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from kassei import cache
from kassei.core.activation import Activation
from kassei.core.derive import derive
from kassei.render import kept
from kassei.render.facts import ROWS, registered
from kassei.render.page.markup import heading
from kassei.render.page.writer import Writer
from kassei.render.panel import Drawn, defaults, drawing, frame, functions, position, sampled
from kassei.render.part import Part
from kassei.render.views import View
from kassei.text.templates import fill

SHOWN = ("relu", "gelu", "exponential")
"""What is compared before the reader chooses."""
STYLES = (("#000001", "-", 2.2), ("#000002", (0, (5, 2)), 2.0), ("#000003", (0, (1.5, 1.5)), 2.0))
VIEWS = {"f": View(x=(-5.0, 5.0), y=(-1.6, 5.2)), "slope": View(x=(-5.0, 5.0), y=(-0.35, 1.35))}


def compare_files(parts: Sequence[Part], lang: str) -> dict[str, str]:
    """The files of the comparison, by path below the docs folder."""
    return {
        "functions/catalogue.js": registered("/catalogue", [{"name": p.name, "title": p.heading} for p in parts]),
        "compare.md": compare_page(parts, lang),
    }


def compare_page(parts: Sequence[Part], lang: str) -> str:
    """The page, with one comparison that stands by itself."""
    w = Writer(lang)
    known = {p.name: p for p in parts}
    names = [n for n in SHOWN if n in known] or list(known)[:3]
    cells = [_facts(known[n]) for n in names]
    shown = [known[n] for n in names]
    drawings = kept.made(kept.slot("compare"), [p.entry_hash for p in shown], lambda: _drawings(shown))
    text = fill(
        "pages/compare.html.j2",
        names=names,
        titles=[escape(known[n].heading) for n in names],
        svgs=drawings,
        rows=[
            (
                key,
                Markup(f"<strong>{key}</strong> {escape(w.name(key))}" if key in SHORT else escape(w.name(key))),
                [Markup(c.get(key, "")) for c in cells],
            )
            for key in ROWS
        ],
        data=escape(json.dumps({"box": frame(VIEWS["f"]), "rows": ROWS}, ensure_ascii=False)),
        position=position(VIEWS["f"]),
        w=lambda key, **facts: escape(w.words(f"compare.{key}", **facts)),
        v="v",
    )
    block = re.sub(r"\s*\n\s*", " ", text).strip()
    front = "---\nhide:\n  - navigation\n  - toc\n---"
    return "\n\n".join([front, heading(w.words("compare.title"), "title", 1), w.words("compare.intro"), block, ""])


SHORT = ("R1", "R2", "R3")


def _facts(part: Part) -> dict[str, str]:
    text = part.files[f"functions/{part.name}/facts.js"]
    found: dict[str, str] = json.loads(text.split(" = ", 1)[1].rstrip(";\n"))
    return found


def _drawings(parts: Sequence[Part]) -> dict[str, str]:
    shown: list[Activation] = [cache.unpacked(p.entry).activation for p in parts]
    return {kind: _svg(shown, kind) for kind in VIEWS}


def _svg(shown: Sequence[Activation], kind: str) -> str:
    curves = []
    for k, f in enumerate(shown):
        cases = derive(f, with_limits=False).cases
        breaks = tuple(float(b.subs(f.defaults)) for case in cases for b in case.form.breaks)
        x, y = sampled(functions(f, defaults(f))[kind], breaks, VIEWS[kind].x, VIEWS[kind].y)
        colour, style, width = STYLES[k]
        curves.append(Drawn(kind=f"line-{k}", x=x, y=np.asarray(y), colour=colour, style=style, width=width))
    return drawing(curves, VIEWS[kind], f"compare-{kind}", f"compare-{kind}-title")
