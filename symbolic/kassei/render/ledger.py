"""The page of the claims ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from kassei.claims.ledger import sources, subjects
from kassei.render.page.markup import heading, one_block, table
from kassei.render.page.writer import BADGE, Writer
from kassei.text.resources import resource

VERDICTS = ("holds", "conditional", "fails", "unknown")


def claims_page(claims: Sequence[Mapping[str, Any]], lang: str) -> str:
    """The claims ledger, source by source, and by subject where a source has them."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "claims.md").read_text(encoding="utf-8")
    out = [
        heading(w("claims"), "title", 1),
        prose,
        one_block(str(_counts(w, claims))),
        one_block(str(_filters(w, claims))),
    ]
    for source in dict.fromkeys(c["source"] for c in claims):
        out.append(heading(_source(source, lang), source.lower()))
        mine = [c for c in claims if c["source"] == source]
        for subject in dict.fromkeys(map(_subject, mine)):
            if subject in subjects():
                out.append(heading(subjects()[subject][lang], subject.lower(), 3))
            rows = Markup("").join(_claim_row(w, c) for c in mine if _subject(c) == subject)
            head = Markup('<thead><tr><td></td><th scope="col">{}</th><th scope="col">{}</th></tr></thead>')
            shown = Markup('<div class="facts claims"><table>{}<tbody>{}</tbody></table></div>')
            out.append(one_block(str(shown.format(head.format(w("claim"), w("verdict")), rows))))
    return "\n\n".join(out) + "\n"


def _say(w: Writer, key: str) -> str:
    return w.words(f"overview.claims.{key}")


def _source(source: str, lang: str) -> str:
    title = sources().get(source, {}).get(lang)
    return f"{source}: {title}" if title else source


def _label(w: Writer, verdict: str) -> str:
    return w({"conditional": "by_condition", "unknown": "undecided"}.get(verdict, verdict))


def _counts(w: Writer, claims: Sequence[Mapping[str, Any]]) -> str:
    """How many claims of each source hold."""
    counted = Counter((c["source"], c["verdict"]) for c in claims)
    used = [v for v in VERDICTS if any(c["verdict"] == v for c in claims)]
    rows: list[list[Any]] = []
    for source in dict.fromkeys(c["source"] for c in claims):
        link = Markup('<a href="#{}">{}</a>').format(source.lower(), _source(source, w.lang))
        rows.append([link, *(counted[source, v] or "–" for v in used)])
    totals = [sum(counted[s, v] for s in dict.fromkeys(c["source"] for c in claims)) for v in used]
    cells = [Markup('<span id="v={}">{}</span>').format(v, total) for v, total in zip(used, totals, strict=True)]
    rows.append([Markup("<strong>{}</strong>").format(w.words("overview.claims.all")), *cells])
    return table(rows, [w("source"), *(_label(w, v) for v in used)], "facts counts")


def _filters(w: Writer, claims: Sequence[Mapping[str, Any]]) -> Markup:
    """A form that the script makes visible."""
    say = partial(_say, w)
    counted = Counter(c["verdict"] for c in claims)
    options = Markup("").join(
        Markup('<option value="{}">{} ({})</option>').format(v, _label(w, v), counted[v])
        for v in VERDICTS
        if counted[v]
    )
    chosen = Markup("").join(
        Markup('<option value="{}">{}</option>').format(s.lower(), _source(s, w.lang))
        for s in dict.fromkeys(c["source"] for c in claims)
    )
    return Markup(
        '<form class="filters" hidden data-sections>'
        '<label>{}<input type="search" name="q" autocomplete="off" spellcheck="false"></label>'
        '<label>{}<select name="v" autocomplete="off"><option value="">{}</option>{}</select></label>'
        '<label class="wide">{}<select name="s" autocomplete="off"><option value="">{}</option>{}</select></label>'
        '<p class="filters-end"><output aria-live="polite" data-text="{}"></output><button type="reset">{}</button></p>'
        "</form>"
    ).format(
        say("text"),
        w("verdict"),
        say("any"),
        options,
        w("source"),
        say("any"),
        chosen,
        w.words("overview.claims.count", shown="{n}", all="{all}"),
        say("reset"),
    )


def _subject(claim: Mapping[str, Any]) -> str:
    return str(claim["id"]).rpartition(".")[0]


def _claim_row(w: Writer, c: Mapping[str, Any]) -> Markup:
    """What is claimed, and what was found."""
    lang = w.lang
    result = Markup('<span class="badge {}">{}</span>').format(BADGE[c["verdict"]], _label(w, c["verdict"]))
    if c.get("condition"):
        result += Markup("<br>{} <code>{}</code>").format(w("condition"), str(c["condition"]))
    corrected = (c.get("corrected") or {}).get(lang)
    if corrected:
        result += Markup('<p class="corrected"><strong>{}</strong> {}</p>').format(w("corrected"), corrected)
    evidence = [_evidence(e, lang) for e in c.get("evidence") or []]
    if evidence:
        items = Markup("").join(Markup('<li lang="en">{}</li>').format(e) for e in evidence)  # the program's notation
        result += Markup('<details class="why"><summary>{}</summary><ol>{}</ol></details>').format(w("evidence"), items)
    anchor = c["id"].replace(".", "-")
    return Markup(
        '<tr data-row data-v="{}" data-s="{}"><th scope="row"><a class="claim-id" id="{}" href="#{}">{}</a></th>'
        "<td>{}<br><code>{}</code></td><td>{}</td></tr>"
    ).format(c["verdict"], c["source"].lower(), anchor, anchor, c["id"], c["statement"][lang], c["formal"], result)


def _evidence(e: Any, lang: str) -> str:
    if isinstance(e, Mapping):
        text = e.get("text", e)
        return str(text.get(lang) or text.get("en")) if isinstance(text, Mapping) else str(text)
    return str(e)
