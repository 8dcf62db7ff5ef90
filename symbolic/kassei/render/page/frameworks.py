"""The section that says which frameworks ship the function, under which name."""

from __future__ import annotations

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.activation import in_language
from kassei.core.dossier import Dossier
from kassei.render.page.markup import table
from kassei.render.page.writer import Writer


def frameworks(w: Writer, dossier: Dossier) -> str:
    """Who ships the function: the call, its defaults, the slope at kinks, what NaN and the infinities give."""
    rows = []
    for one in dossier.activation.frameworks:
        defaults = [w.math(sp.Eq(sp.Symbol(name), value, evaluate=False)) for name, value in one.parameters.items()]
        edges = [f"f({at}) = {value}" for at, value in (("NaN", one.nan), ("−∞", one.neg_inf), ("∞", one.inf)) if value]
        slopes = [f"f′({at}) = {slope}" if at else slope for at, slope in one.kink]
        note = in_language(one.note, w.lang)
        rows.append(
            [
                one.name,
                Markup(f"<code>{escape(one.call)}</code>"),
                Markup(", ").join(defaults),
                ", ".join(slopes),
                "; ".join(edges),
                Markup(f'<span class="small">{escape(note)}</span>') if note else "",
            ]
        )
    keys = ("framework", "call", "default", "kink_slope", "edges", "prior")
    kept = [k for k in range(len(keys)) if k < 2 or any(row[k] for row in rows)]
    return (
        table([[row[k] for k in kept] for row in rows], [w(keys[k]) for k in kept], caption=w("frameworks"))
        if rows
        else ""
    )
