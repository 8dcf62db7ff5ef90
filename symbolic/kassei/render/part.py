"""What one function gives to the site: its page and files, and its rows on the pages that show all functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from kassei import cache
from kassei.atlas import Entry, Readings
from kassei.core import certificate
from kassei.core.dossier import Dossier
from kassei.core.verdict import Verdict
from kassei.render import facts, panel
from kassei.render.featured import FEATURED, featured
from kassei.render.once import once
from kassei.render.page.code import code_files
from kassei.render.page.data import function_data
from kassei.render.page.function import function_page
from kassei.render.page.properties import REQUIREMENTS
from kassei.render.page.writer import Writer
from kassei.render.summary import Summary, summary

LONG = 30
"""Characters of a condition that is folded in a table of many functions."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one function gives to the site in one language: text alone, so that any process can make it.

    ``files`` are by path below the docs folder; the summary, the row and the ``featured`` block go into the pages that
    show many functions. ``entry`` is what the pages about the whole catalogue are computed from, packed and the same in
    every language; ``entry_hash`` is the same for the same entry, as its bytes are not: they tell what is one object.
    """

    name: str
    heading: str
    files: Mapping[str, str]
    summary: Summary
    requirements_row: tuple[str, ...]
    featured: str
    entry: bytes
    entry_hash: bytes


def part(dossier: Dossier, lang: str) -> Part:
    """One function's page, files and rows."""
    w, f = Writer(lang), dossier.activation
    title = f.heading(lang)
    link = Markup(f'<a href="../functions/{f.name}/">{escape(title)}</a>')
    cells = [short(w, dossier.requirements[r]) for r in REQUIREMENTS]
    home = f"functions/{f.name}"
    entry = _entry(dossier)
    files = {
        f"{home}.md": function_page(dossier, lang),
        f"{home}/function.json": function_data(dossier, lang),
        f"{home}/certificate.json": _certificate(dossier),
        f"{home}/plot.js": panel.script(dossier, lang),
        f"{home}/facts.js": facts.facts_file(dossier, lang),
    }
    return Part(
        name=f.name,
        heading=title,
        files=files | {f"{home}/{file}": text for file, text in code_files(dossier).items()},
        summary=summary(dossier, lang),
        requirements_row=(link, *cells, *readings(w, entry.readings)),
        featured=featured(w, dossier) if f.name == FEATURED else "",
        entry=_packed(entry),
        entry_hash=_hash(entry),
    )


_entry = once(Entry.of)
_packed: Callable[[Entry], bytes] = once(cache.packed)
_hash: Callable[[Entry], bytes] = once(lambda entry: hashlib.sha256(repr(entry).encode()).digest())
_certificate = once(certificate.text)


def short(w: Writer, v: Verdict) -> Markup:
    """A verdict as a badge with its condition."""
    out = w.badge(v.truth)
    if v.condition is not None and len(str(v.condition)) > LONG:
        shown = Markup('<details class="why"><summary>{}</summary><div>{}</div></details>')
        out += shown.format(w("condition"), w.math(v.condition))
    elif v.condition is not None:
        out += Markup(f"<br>{w.math(v.condition)}")
    return out


def readings(w: Writer, found: Readings) -> tuple[Markup, Markup]:
    """R3 in the two readings beside the requirement: what the slope tends to, and where it is 1."""
    tends, whole, bounded = found.asymptotic, found.interval, found.bounded
    first = short(w, Verdict(truth=tends.truth, condition=tends.condition))
    if found.slope_limit is not None:
        first += _folded(w, w("slope_tends"), found.slope_limit, w.limit(found.slope_limit))
    second = short(w, Verdict(truth=whole.truth, condition=whole.condition))
    if bounded.truth in ("proved", "conditional"):
        second += Markup("<br>{}").format(w("bounded_only"))
        if bounded.condition is not None:
            second += Markup(" {} {}").format(w("condition"), w.math(bounded.condition))
    if whole.truth in ("proved", "conditional") and found.where is not None:
        second += _folded(w, w("unit_slope_where"), found.where, w.value(found.where))
    return first, second


def _folded(w: Writer, label: str, value: Any, shown: Markup) -> Markup:
    """A value with its label; one by cases, or with enclosed points, only for who asks."""
    if not isinstance(value, list | Mapping):
        return Markup("<br>{} {}").format(label, shown)
    return Markup('<details class="why"><summary>{} {}</summary>{}</details>').format(label, w("by_cases"), shown)
