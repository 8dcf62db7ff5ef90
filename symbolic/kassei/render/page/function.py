"""One function's page: its sections in reading order."""

from __future__ import annotations

from markupsafe import Markup, escape

from kassei.core.dossier import Dossier
from kassei.render.page.code import code
from kassei.render.page.data import data
from kassei.render.page.definition import definition, limits
from kassei.render.page.derivatives import derivatives, joins
from kassei.render.page.frameworks import frameworks
from kassei.render.page.markup import heading
from kassei.render.page.picture import picture
from kassei.render.page.properties import REQUIREMENTS, verdicts
from kassei.render.page.references import references
from kassei.render.page.relations import param_limits
from kassei.render.page.writer import Writer
from kassei.text.templates import fill

RELATIVES = "<!-- relatives -->"
"""Where a function's page takes in its relatives, which are known when all functions are."""


def function_page(dossier: Dossier, lang: str) -> str:
    """The page of one function."""
    w, f = Writer(lang), dossier.activation
    other = "en" if lang == "ja" else "ja"
    titles = [t for t in (f.title.get(other, ""),) if t and t != f.heading(lang)]
    return fill(
        "pages/activation.md.j2",
        title=heading(f.heading(lang), "title", 1),
        other_title=escape(" / ".join([*titles, *f.aliases])),
        summary=escape(f.summary.get(lang) or f.summary.get("en") or ""),
        badges=Markup(" ").join(Markup(f"{r} ") + w.badge(dossier.requirements[r].truth) for r in REQUIREMENTS),
        sections=[
            _section(w, "definition", "definition", definition(w, dossier)),
            _section(w, "plots", "plots", picture(w, dossier)),
            _section(w, "derivatives", "derivatives", derivatives(w, dossier)),
            _section(w, "joins", "joins", joins(w, dossier)),
            _section(w, "limits", "limits", limits(w, dossier)),
            _section(w, "param_limits", "parameter-limits", param_limits(w, dossier)),
            RELATIVES,
            _section(w, "requirements_section", "requirements", verdicts(w, dossier.requirements)),
            _section(
                w,
                "properties",
                "properties",
                verdicts(
                    w,
                    {"domain": dossier.domain, **dossier.properties}
                    if dossier.domain.truth != "proved"
                    else dossier.properties,
                ),
            ),
            _section(w, "code", "code", code(w, dossier)),
            _section(w, "frameworks", "frameworks", frameworks(w, dossier)),
            _section(w, "references", "references", references(w, dossier)),
            _section(w, "data", "data", data(w, dossier)),
        ],
    )


def _section(w: Writer, key: str, anchor: str, body: str) -> str:
    return "" if not body else f"{heading(w(key), anchor)}\n\n{body}\n"
