"""The section that defines: formula, parameters, and where f goes."""

from __future__ import annotations

from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render.page.formulas import definition_of, formulas, shown, to_copy
from kassei.render.page.markup import heading, table
from kassei.render.page.writer import Writer


def defining_equation(f: Activation, lang: str) -> str:
    """``f(v) = …`` in LaTeX."""
    return definition_of(f).latex(lang)


def definition(w: Writer, dossier: Dossier) -> str:
    """The formula, the parameters, the limits at both ends, and everything to copy."""
    f = dossier.activation
    out = [shown(w, definition_of(f))]
    if f.parameters:
        rows = [
            [
                w.math(p.symbol),
                w.math(p.domain.as_set()),
                w.math(p.default),
                w("learned", shared=w(p.shared)) if p.learned else w("fixed"),
            ]
            for p in f.parameters
        ]
        header = [w.label("parameter"), w.label("domain"), w.label("default"), w("kind")]
        out.append(table(rows, header, caption=w("parameters")))
    out += [
        heading(w("limits"), "limits", 3),
        w.terms_line("limits"),
        limits(w, dossier),
        to_copy(w, formulas(dossier)),
    ]
    return "\n\n".join(out)


def limits(w: Writer, dossier: Dossier) -> str:
    """Where f and its slope go at both ends: two columns, two rows."""
    known = dossier.facts.limits
    rows = [
        [w(f"study.{name}"), w.limit(known[f"{prefix}neg_inf"]), w.limit(known[f"{prefix}pos_inf"])]
        for name, prefix in (("value_of", ""), ("slope_of", "slope_"))
    ]
    return table(rows, ["", "v → −∞", "v → +∞"], caption=w("limits"))
