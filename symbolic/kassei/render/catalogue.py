"""The page of all functions: a table to sort and to filter, the same curves as small multiples, and what is left out.

Everything stands in the page; ``assets/tables.js`` adds what a reader may do with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from markupsafe import Markup, escape

from kassei.library import out_of_scope
from kassei.render.page.markup import heading, one_block, table
from kassei.render.page.writer import LABEL, Writer
from kassei.render.part import Part
from kassei.render.summary import REQUIREMENTS, Summary

VERDICTS = (*REQUIREMENTS, "bounded", "smooth", "convex")
TRUTHS = ("proved", "conditional", "refuted", "unknown")
SIGNS = {"proved": "✓", "refuted": "✗", "conditional": "◐", "unknown": "?"}
ORDER = {truth: k for k, truth in enumerate(TRUTHS)}
ALL_THREE = "&".join(f"{name.lower()}=proved" for name in REQUIREMENTS)
"""The choice of those that meet all requirements, as the address has it."""
POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def catalogue_page(parts: Sequence[Part], lang: str) -> str:
    """All functions with their curves and verdicts, and what is left out."""
    w = Writer(lang)
    rows = [p.summary for p in parts]
    left_out = [[one[lang] for one in (entry.title, entry.reason)] for entry in out_of_scope()]
    return "\n\n".join(
        [
            "---\nhide:\n  - navigation\n  - toc\n---",
            heading(w("catalogue"), "title", 1),
            w.words("overview.catalogue.text", count=len(rows)),
            one_block(str(_legend(w))),
            one_block(str(_filters(w, rows))),
            one_block(str(_table(w, rows))),
            heading(w.words("overview.catalogue.curves"), "curves"),
            one_block(str(_curves(w, rows))),
            heading(w("out_of_scope"), "out-of-scope"),
            w("out_of_scope_text"),
            table(left_out, [w("chain_input"), w("reason")]),
            "",
        ]
    )


def sign(w: Writer, truth: str) -> Markup:
    """A verdict as one letter, with its word for who does not see it."""
    word = w(LABEL.get(truth, truth))
    return Markup('<span class="sign {}" title="{}" role="img" aria-label="{}">{}</span>').format(
        truth, word, word, SIGNS[truth]
    )


def _legend(w: Writer) -> Markup:
    shown = Markup(" ").join(
        Markup("<span>{} {}</span>").format(
            Markup('<span class="sign {}" aria-hidden="true">{}</span>').format(truth, SIGNS[truth]),
            w(LABEL.get(truth, truth)),
        )
        for truth in TRUTHS
    )
    return Markup('<p class="legend" id="{}">{}</p>').format(ALL_THREE, shown)


def _say(w: Writer, key: str) -> str:
    return w.words(f"overview.catalogue.{key}")


def _label(w: Writer, key: str) -> str:
    return key if key in REQUIREMENTS else w.words(f"overview.catalogue.{key}")


def _filters(w: Writer, rows: Sequence[Summary]) -> Markup:
    """A form that the script makes visible; without it there is nothing it could do."""
    say = partial(_say, w)
    fields = [
        Markup('<label>{}<input type="search" name="q" autocomplete="off" spellcheck="false"></label>').format(
            say("name")
        )
    ]
    truths = [(truth, w(LABEL.get(truth, truth))) for truth in TRUTHS]
    for key in VERDICTS:
        used = {row.truths[key] for row in rows}
        fields.append(_select(_label(w, key), key.lower(), say("any"), [t for t in truths if t[0] in used]))
    counts = sorted({len(row.parameters) for row in rows})
    fields.append(_select(say("parameters"), "p", say("any"), [(str(n), str(n)) for n in counts]))
    names = sorted({name for row in rows for name in row.frameworks}, key=str.lower)
    shipped = [("+", say("shipped")), ("-", say("not_shipped")), *((n.lower(), n) for n in names)]
    fields.append(_select(say("frameworks"), "fw", say("any"), shipped))
    decades = sorted({row.year // 10 * 10 for row in rows if row.year})
    years = [(str(d), w.words("overview.catalogue.decade", first=d, last=d + 9)) for d in decades]
    fields.append(_select(say("year"), "y", say("any"), years))
    return Markup(
        '<form class="filters" hidden data-for="functions">{}<p class="filters-end">'
        '<output aria-live="polite" data-text="{}"></output><button type="reset">{}</button></p></form>'
    ).format(Markup("").join(fields), w.words("overview.catalogue.count", shown="{n}", all="{all}"), say("reset"))


def _select(label: str, name: str, anything: str, options: Iterable[tuple[str, str]]) -> Markup:
    shown = Markup("").join(Markup('<option value="{}">{}</option>').format(value, text) for value, text in options)
    return Markup(
        '<label>{}<select name="{}" autocomplete="off"><option value="">{}</option>{}</select></label>'
    ).format(label, name, anything, shown)


def _table(w: Writer, rows: Sequence[Summary]) -> Markup:
    say = partial(_say, w)
    heads = [Markup('<th scope="col" data-sort="text">{}</th>').format(say("function"))]
    heads.append(Markup('<th scope="col" class="curve">{}</th>').format(say("curve")))
    for key in VERDICTS:
        heads.append(Markup('<th scope="col" data-sort="number">{}</th>').format(_label(w, key)))
    heads.append(Markup('<th scope="col" data-sort="number">{}</th>').format(say("parameters")))
    heads.append(Markup('<th scope="col" data-sort="number">{}</th>').format(say("frameworks")))
    heads.append(Markup('<th scope="col" data-sort="number">{}</th>').format(say("year")))
    body = Markup("").join(_row(w, row) for row in rows)
    return Markup(
        '<div class="catalogue"><table id="functions"><caption class="hush">{}</caption>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(w("catalogue"), Markup("").join(heads), body)


def _row(w: Writer, row: Summary) -> Markup:
    data = {key.lower(): row.truths[key] for key in VERDICTS}
    data |= {"p": str(len(row.parameters)), "fw": " ".join(row.frameworks).lower(), "y": str(row.year or "")}
    attributes = Markup("").join(Markup(' data-{}="{}"').format(key, value) for key, value in data.items())
    say = partial(_say, w)
    cells = [
        Markup('<th scope="row"><a href="../functions/{}/">{}</a> <code>{}</code></th>').format(
            row.name, row.title, row.name
        ),
        Markup('<td class="curve">{}</td>').format(_curve(row)),
    ]
    for key in VERDICTS:
        cells.append(_verdict(w, key, row))
    cells.append(
        Markup('<td data-label="{}" data-value="{}">{}</td>').format(
            say("parameters"), len(row.parameters), ", ".join(row.parameters) or "–"
        )
    )
    cells.append(
        Markup('<td data-label="{}" data-value="{}" class="words">{}</td>').format(
            say("frameworks"), -len(row.frameworks), ", ".join(row.frameworks) or "–"
        )
    )
    cells.append(
        Markup('<td data-label="{}" data-value="{}">{}</td>').format(say("year"), row.year or 9999, row.year or "–")
    )
    names = " ".join((row.title, *row.names))
    return Markup('<tr data-names="{}"{}>{}</tr>').format(names, attributes, Markup("").join(cells))


def _verdict(w: Writer, key: str, row: Summary) -> Markup:
    truth = row.truths[key]
    shown, value = sign(w, truth), ORDER[truth]
    if key == "smooth" and row.smooth:
        known = [("∞" if k == "oo" else k) for k in row.smooth]
        shown += Markup(" {}").format(" / ".join(_class(w, k) for k in known))
        value = -min(99 if k == "∞" else -1 if k == "discontinuous" else int(k) for k in known)
    elif key in row.conditions:
        shown += Markup(" " + row.conditions[key])
    return Markup('<td data-label="{}" data-value="{}">{}</td>').format(_label(w, key), value, shown)


def _class(w: Writer, order: str) -> str:
    return w("discontinuous") if order == "discontinuous" else "C" + order.translate(POWERS)


def _curve(row: Summary) -> Markup:
    """The curve as a symbol of its own, so that the small multiples draw the same one."""
    return Markup(
        '<svg class="thumb" viewBox="0 0 100 60" aria-hidden="true"><path class="axes" d="M0 41.25H100M50 0V60"/>'
        '<path id="curve-{}" d="{}"/></svg>'
    ).format(row.name, row.path)


def _curves(w: Writer, rows: Sequence[Summary]) -> Markup:
    items = Markup("").join(
        Markup(
            '<li data-name="{}"><a href="../functions/{}/"><svg class="thumb" viewBox="0 0 100 60" aria-hidden="true">'
            '<path class="axes" d="M0 41.25H100M50 0V60"/><use href="#curve-{}"/></svg><span>{}</span></a></li>'
        ).format(row.name, row.name, row.name, row.title)
        for row in rows
    )
    note = w.words("overview.catalogue.curves_text")
    return Markup('<p>{}</p><ul class="multiples" data-follows="functions">{}</ul>').format(escape(note), items)
