"""The section with the publications."""

from __future__ import annotations

from markupsafe import escape

from kassei.core.dossier import Dossier
from kassei.render.page.markup import one_block
from kassei.render.page.writer import Writer


def references(w: Writer, dossier: Dossier) -> str:
    """Where the formula was published, and what of that is not yet verified."""
    rows = []
    for r in dossier.activation.references:
        parts = [
            str(escape(r.authors)),
            f"<cite>{escape(r.title)}</cite>" if r.title else "",
            str(r.year or ""),
            str(escape(r.eq)),
        ]
        if r.doi:
            parts.append(f'<a href="https://doi.org/{escape(r.doi)}">doi:{escape(r.doi)}</a>')
        if r.arxiv:
            parts.append(f'<a href="https://arxiv.org/abs/{escape(r.arxiv)}">arXiv:{escape(r.arxiv)}</a>')
        if r.url.startswith(("https://", "http://")):
            parts.append(f'<a href="{escape(r.url)}">{escape(r.url)}</a>')
        if r.unverified:
            parts.append(f'<span class="small">{escape(w("unverified"))}</span>')
        if note := r.remark(w.lang):
            parts.append(f'<span class="small">{escape(note)}</span>')
        rows.append("<li>" + ", ".join(p for p in parts if p) + "</li>")
    return one_block(f"<ul>{''.join(rows)}</ul>") if rows else ""
