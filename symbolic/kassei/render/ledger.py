"""The page of the claims ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from kassei.claims.ledger import sources, subjects
from kassei.render.page.markup import heading, table
from kassei.render.page.writer import BADGE, Writer
from kassei.text.resources import resource


def claims_page(claims: Sequence[Mapping[str, Any]], lang: str) -> str:
    """The claims ledger, source by source, and by subject where a source has them."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "claims.md").read_text(encoding="utf-8")
    out = [heading(w("claims"), "title", 1), prose]
    for source in dict.fromkeys(c["source"] for c in claims):
        title = sources().get(source, {}).get(lang)
        out.append(heading(f"{source}: {title}" if title else source, source.lower()))
        mine = [c for c in claims if c["source"] == source]
        for subject in dict.fromkeys(map(_subject, mine)):
            if subject in subjects():
                out.append(heading(subjects()[subject][lang], subject.lower(), 3))
            rows = [_claim_row(w, c) for c in mine if _subject(c) == subject]
            out.append(table(rows, ["", w("claim"), w("verdict")], "facts claims"))
    return "\n\n".join(out) + "\n"


def _subject(claim: Mapping[str, Any]) -> str:
    return str(claim["id"]).rpartition(".")[0]


def _claim_row(w: Writer, c: Mapping[str, Any]) -> list[Markup]:
    """What is claimed, and what was found."""
    lang = w.lang
    label = {"conditional": "by_condition", "unknown": "undecided"}.get(c["verdict"], c["verdict"])
    result = Markup(f'<span class="badge {BADGE[c["verdict"]]}">{escape(w(label))}</span>')
    if c.get("condition"):
        result += Markup(f"<br>{escape(w('condition'))} <code>{escape(str(c['condition']))}</code>")
    corrected = (c.get("corrected") or {}).get(lang)
    if corrected:
        result += Markup(f"<br>{escape(w('corrected'))}: {escape(corrected)}")
    evidence = [_evidence(e, lang) for e in c.get("evidence") or []]
    if evidence:
        items = "".join(f"<li>{escape(e)}</li>" for e in evidence)
        result += Markup(f'<details class="why"><summary>{escape(w("evidence"))}</summary><ol>{items}</ol></details>')
    return [
        Markup(f'<span class="claim-id" id="{escape(c["id"].replace(".", "-"))}">{escape(c["id"])}</span>'),
        escape(c["statement"][lang]) + Markup(f"<br><code>{escape(c['formal'])}</code>"),
        result,
    ]


def _evidence(e: Any, lang: str) -> str:
    if isinstance(e, Mapping):
        text = e.get("text", e)
        return str(text.get(lang) or text.get("en")) if isinstance(text, Mapping) else str(text)
    return str(e)
