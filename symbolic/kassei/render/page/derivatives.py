"""The sections about slopes: derivatives, and the points where pieces meet."""

from __future__ import annotations

from typing import Any

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.dossier import Dossier
from kassei.render.page.markup import table
from kassei.render.page.writer import Writer
from kassei.text.latex import latex, mathml


def derivatives(w: Writer, dossier: Dossier) -> str:
    """The derivatives in the input and in each parameter."""
    facts = dossier.facts
    v = latex(dossier.activation.variable)
    rows: list[list[Any]] = []
    for label, left, expr in [
        (w("first"), rf"\frac{{df}}{{d{v}}}", facts.derivative),
        (w("second"), rf"\frac{{d^2 f}}{{d{v}^2}}", facts.second_derivative),
        *(
            (w("in_param", param=n), rf"\frac{{\partial f}}{{\partial {latex(sp.Symbol(n))}}}", e)
            for n, e in facts.param_derivatives.items()
        ),
    ]:
        shown = (
            escape(w("unknown")) if expr is None else Markup(mathml(f"{left} = {latex(expr, w.lang)}", display=True))
        )
        rows.append([label, shown])
    return table(rows)


def joins(w: Writer, dossier: Dossier) -> str:
    """Values and slopes on both sides of each break."""
    rows = []
    many = len(dossier.facts.joins) > 1
    for condition, joins in dossier.facts.joins:
        for j in joins:
            row = [
                w.math(x) if x is not None and x is not sp.nan else w("none")
                for x in (j.at, j.value, j.left, j.right, j.slope_left, j.slope_right)
            ]
            rows.append([w.math(condition), *row] if many else row)
    if not rows:
        return ""
    header = [w(k) for k in ("at", "value", "left", "right", "slope_left", "slope_right")]
    return table(rows, [w("when"), *header] if many else header)
