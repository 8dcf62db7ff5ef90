"""Small pieces of Markdown and HTML: headings, tables, figures, each escaped and on lines Markdown leaves alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import escape


def heading(text: str, anchor: str, level: int = 2) -> str:
    """A Markdown heading with an ASCII id; the text is shown as it is, whatever it contains."""
    return f"{'#' * level} {plain_markdown(text)} {{#{anchor}}}"


def plain_markdown(text: str) -> str:
    """A text that Markdown and HTML show as it is."""
    return "".join(c if c.isalnum() or c in " ,、。" else f"&#{ord(c)};" for c in " ".join(text.split()))


def table(rows: Sequence[Sequence[Any]], header: Sequence[str] | None = None, kind: str = "facts") -> str:
    """An HTML table; cells are escaped unless they are markup already."""
    head = "".join(f"<th>{escape(h)}</th>" for h in header) if header else ""
    out = [f'<div class="{kind}"><table>', f"<thead><tr>{head}</tr></thead>" if header else "", "<tbody>"]
    for row in rows:
        cells = "".join(
            f"<{'th' if k == 0 else 'td'}>{escape(c)}</{'th' if k == 0 else 'td'}>" for k, c in enumerate(row)
        )
        out.append(f"<tr>{cells}</tr>")
    return one_block("".join([*out, "</tbody></table></div>"]))


def one_block(html: str) -> str:
    """HTML on one line, so that Markdown takes it as a single block."""
    return re.sub(r"\s*\n\s*", " ", html)


def figure(svg: str, caption: str) -> str:
    """A picture with its caption."""
    return one_block(f'<figure class="plot">{svg}<figcaption>{escape(caption)}</figcaption></figure>')
