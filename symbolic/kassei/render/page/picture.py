"""The section with the curves of f and its derivatives."""

from __future__ import annotations

from kassei.core.dossier import Dossier
from kassei.render import plots
from kassei.render.page.writer import Writer


def breaks_at_defaults(dossier: Dossier) -> list[float]:
    """The breaks of the function at its default parameters, as numbers."""
    f = dossier.activation
    out: set[float] = set()
    for case in dossier.facts.cases:
        for b in case.form.breaks:
            at = b.subs(f.defaults)
            if at.is_number and at.is_finite:
                out.add(float(at))
    return sorted(out)


def picture(w: Writer, dossier: Dossier) -> str:
    """The curves with their sliders, in words and as a table."""
    return plots.panel(dossier, w.lang)
