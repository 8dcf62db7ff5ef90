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


def table(
    rows: Sequence[Sequence[Any]], header: Sequence[Any] | None = None, kind: str = "facts", caption: str = ""
) -> str:
    """An HTML table; cells are escaped unless they are markup already. Its caption is for who cannot see the heading.

    The first cell of a row is its header, and says so to a screen reader.
    """
    head = "".join(f'<th scope="col">{escape(h)}</th>' if h else "<td></td>" for h in header) if header else ""
    said = f'<caption class="unseen">{escape(caption)}</caption>' if caption else ""
    out = [f'<div class="{kind}"><table>{said}', f"<thead><tr>{head}</tr></thead>" if header else "", "<tbody>"]
    for row in rows:
        cells = "".join(
            f'<th scope="row">{escape(c)}</th>' if k == 0 else f"<td>{escape(c)}</td>" for k, c in enumerate(row)
        )
        out.append(f"<tr>{cells}</tr>")
    return one_block("".join([*out, "</tbody></table></div>"]))


def folded(summary: Any, body: str, kind: str = "more") -> str:
    """Something that opens when it is asked for; ``body`` is HTML, or Markdown between blank lines."""
    head = f'<details class="{kind}" markdown="1"><summary markdown="0">{escape(summary)}</summary>'
    return f"{head}\n\n{body}\n\n</details>"


def fenced(text: str, language: str = "text") -> str:
    """A text as a code block with Material's copy button; its fence is longer than any inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def tabs(pages: Sequence[tuple[str, str]]) -> str:
    """Blocks of Markdown as tabs, by their labels."""
    shown = []
    for label, body in pages:
        inner = "\n".join(f"    {line}".rstrip() for line in body.splitlines())
        shown.append(f'=== "{label}"\n\n{inner}')
    return "\n\n".join(shown)


def one_block(html: str) -> str:
    """HTML on one line, so that Markdown takes it as a single block."""
    return re.sub(r"\s*\n\s*", " ", html)


def figure(svg: str, caption: str) -> str:
    """A picture with its caption."""
    return one_block(f'<figure class="plot">{svg}<figcaption>{escape(caption)}</figcaption></figure>')


def opened(title: str, body: str) -> str:
    """Something folded inside a tab, where a block of HTML would be taken for a paragraph."""
    inside = "\n".join(f"    {line}".rstrip() for line in body.splitlines())
    return f'??? more "{plain_markdown(title)}"\n\n{inside}'
