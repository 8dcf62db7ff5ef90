"""One function's page: its sections in reading order."""

from __future__ import annotations

from kassei.core.dossier import Dossier
from kassei.render.page.code import code
from kassei.render.page.data import data
from kassei.render.page.definition import definition
from kassei.render.page.derivatives import derivatives
from kassei.render.page.engineers import engineers
from kassei.render.page.frameworks import frameworks
from kassei.render.page.head import head
from kassei.render.page.markup import heading
from kassei.render.page.picture import picture
from kassei.render.page.properties import properties
from kassei.render.page.references import references
from kassei.render.page.relations import relations
from kassei.render.page.students import students
from kassei.render.page.writer import Writer
from kassei.text.templates import fill


def function_page(dossier: Dossier, lang: str) -> str:
    """The page of one function."""
    w = Writer(lang)
    return fill(
        "pages/activation.md.j2",
        title=heading(dossier.activation.heading(lang), "title", 1),
        head=head(w, dossier),
        sections=[
            section(w, "definition", "definition", definition(w, dossier)),
            section(w, "plots", "plots", picture(w, dossier)),
            section(w, "derivatives", "derivatives", derivatives(w, dossier)),
            section(w, "properties", "properties", properties(w, dossier)),
            section(w, "relations", "relations", relations(w, dossier)),
            section(w, "study.students", "students", students(w, dossier)),
            section(w, "study.engineers", "engineers", engineers(w, dossier)),
            section(w, "code", "code", code(w, dossier)),
            section(w, "frameworks", "frameworks", frameworks(w, dossier)),
            section(w, "references", "references", references(w, dossier)),
            section(w, "data", "data", data(w, dossier)),
        ],
    )


def section(w: Writer, key: str, anchor: str, body: str) -> str:
    """A heading, the terms that explain it, and what stands below; nothing where there is nothing to say."""
    if not body:
        return ""
    return "\n\n".join([one for one in (heading(w(key), anchor), w.terms_line(key), body) if one]) + "\n"
