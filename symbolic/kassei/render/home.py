"""The home page."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import escape

from kassei.render.page.markup import heading
from kassei.render.page.writer import Writer
from kassei.render.part import Part

OWN_FUNCTION = """\
```console
$ kassei new my_function
$ kassei show my_function.toml
$ kassei check my_function.toml
$ kassei emit my_function.toml --target numpy --out build/code
```
"""


def home_page(parts: Sequence[Part], lang: str) -> str:
    """What this is, its headline from the dossier of the Exponential form, and where to go on."""
    w = Writer(lang)
    out = [
        "---",
        "hide:",
        "  - navigation",
        "  - toc",
        "---",
        "",
        heading(w("tagline"), "title", 1),
        f'<p class="lead">{escape(w("intro"))}</p>',
    ]
    out += [p.featured for p in parts if p.featured]
    out += [
        heading(w("own"), "own"),
        w("own_text"),
        OWN_FUNCTION,
        "",
    ]
    return "\n\n".join(out)
