"""The table of verdicts: each opens its proof, the certificate, and how it was checked a second time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from kassei.core.certificate import certificate
from kassei.core.dossier import Dossier
from kassei.core.verdict import Verdict
from kassei.render.once import once
from kassei.render.page.markup import heading, table
from kassei.render.page.writer import Writer
from kassei.render.replays import outcomes

REQUIREMENTS = ("R1", "R2", "R3")


@once
def _checked(dossier: Dossier) -> Mapping[str, Mapping[str, Any]]:
    return outcomes(dossier.activation.name, certificate(dossier))


def properties(w: Writer, dossier: Dossier) -> str:
    """The three requirements, then everything else that was asked."""
    checked = _checked(dossier)
    domain = {"domain": dossier.domain} if dossier.domain.truth != "proved" else {}
    return "\n\n".join(
        [
            heading(w("requirements_section"), "requirements", 3),
            w.terms_line("requirements_section"),
            verdicts(w, dossier.requirements, checked, "requirements", w("requirements_section")),
            heading(w("all_verdicts"), "verdicts", 3),
            verdicts(w, {**domain, **dossier.properties}, checked, "properties", w("properties")),
        ]
    )


def verdicts(
    w: Writer,
    found: Mapping[str, Verdict],
    checked: Mapping[str, Mapping[str, Any]],
    section: str,
    caption: str,
) -> str:
    """One row a statement."""
    rows = []
    for key, v in found.items():
        label = w.property(key)
        if key in REQUIREMENTS:
            label = Markup("<strong>{}</strong> {}").format(key, label)
        rows.append([label, w.verdict(v, second_look(w, key, v, checked.get(key), section))])
    return table(rows, [w("statement"), w.label("verdict")], "facts verdicts", caption)


def second_look(w: Writer, key: str, v: Verdict, outcome: Mapping[str, Any] | None, section: str) -> Markup:
    """Where the verdict stands in the certificate, and what the replay by other engines said of it."""
    standing = "open" if v.truth == "unknown" else outcome["standing"] if outcome else "none"
    facts: dict[str, Any] = {}
    if outcome and standing in ("confirmed", "consistent"):
        engines = {name: count for name, count in outcome["engines"].items() if name}
        facts = {
            "statements": outcome["statements"],
            "confirmed": sum(outcome["engines"].values()),
            "engines": ", ".join(engine(w, name) for name in engines) or w("none"),
        }
    said = w(
        f"study.second_{standing}" if standing in ("confirmed", "consistent", "open") else "study.second_none", **facts
    )
    return Markup(
        '<p class="second">{}: {}<br><span class="small">{} <a href="certificate.json" download>{}</a></span></p>'
    ).format(w.label("study.second_check"), said, w("study.in_certificate"), f"{section}.{key}")


def engine(w: Writer, name: str) -> str:
    """An engine of the replay in words."""
    known = f"study.engine_{name}"
    return w(known) if known in w.words.source else str(escape(name))
