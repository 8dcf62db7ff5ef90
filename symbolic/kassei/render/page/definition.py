"""The section that defines: formula, parameters, and where f goes."""

from __future__ import annotations

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render.page.markup import one_block, table
from kassei.render.page.writer import Writer
from kassei.text.latex import latex, mathml


def defining_equation(f: Activation, lang: str) -> str:
    """``f(v) = …`` in LaTeX."""
    return f"{latex(sp.Function('f')(f.variable), lang)} = {latex(f.expr, lang)}"


def definition(w: Writer, dossier: Dossier) -> str:
    """The formula, how it was written, and the parameters."""
    f = dossier.activation
    shown = Markup(f'<div class="formula">{mathml(defining_equation(f, w.lang), display=True)}</div>')
    out = [one_block(str(shown)), f"<p><code>{escape(f.source)}</code></p>"]
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
        out.append(table(rows, [w("parameter"), w("domain"), w("default"), w("kind")]))
    return "\n\n".join(out)


def limits(w: Writer, dossier: Dossier) -> str:
    """Where f and its slope go at both ends."""
    keys = (
        ("limit_neg", "neg_inf"),
        ("limit_pos", "pos_inf"),
        ("limit_slope_neg", "slope_neg_inf"),
        ("limit_slope_pos", "slope_pos_inf"),
    )
    return table([[w(label), w.limit(dossier.facts.limits[key])] for label, key in keys])
