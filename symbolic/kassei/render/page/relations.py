"""The section about what a function becomes as a parameter goes to an end of its domain."""

from __future__ import annotations

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.dossier import Dossier
from kassei.core.enclose import RootConstant
from kassei.render.page.markup import heading, table
from kassei.render.page.writer import Writer

RELATIVES = "<!-- relatives -->"
"""Where a function's page takes in its relatives, which are known when all functions are."""


def relations(w: Writer, dossier: Dossier) -> str:
    """What the function becomes as a parameter moves, and the place for its relatives in the catalogue."""
    limits = param_limits(w, dossier)
    first = [heading(w("param_limits"), "parameter-limits", 3), limits] if limits else []
    return "\n\n".join([*first, RELATIVES])


def param_limits(w: Writer, dossier: Dossier) -> str:
    """One row for each parameter and end: the limit, and how f converges to it."""
    rows = []
    for one in dossier.facts.param_limits:
        to = one.to.replace("-oo", "−∞").replace("oo", "∞")
        arrow = Markup(f"{w.math(sp.Symbol(one.param))} → {escape(to)}")
        if one.equals is None:
            rows.append([arrow, w("none") if not one.exists else w("unknown"), ""])
            continue
        becomes = w.math(one.equals)
        if one.same_as:
            link = Markup(f'<a href="../{escape(one.same_as)}/"><code>{escape(one.same_as)}</code></a>')
            becomes = becomes + Markup("<br>") + _with_link(w("same_as", name="\0"), link)
        elif one.nearly:
            link = Markup(f'<a href="../{escape(one.nearly)}/"><code>{escape(one.nearly)}</code></a>')
            becomes = (
                becomes
                + Markup("<br>")
                + _with_link(w("nearly", name="\0", at=", ".join(map(str, one.exceptions))), link)
            )
        how = w.label({"uniform": "uniform", "pointwise": "pointwise"}.get(one.convergence, "convergence_unknown"))
        if one.error is not None and not one.error.has(RootConstant) and one.error != 0:
            where = "" if one.error_when is sp.true else Markup(f" ({w.math(one.error_when)})")
            how += Markup(f"<br>{escape(w('error'))}: {w.math(one.error)}") + where
        if one.convergence == "pointwise" and one.on_bounded_sets != "unknown":
            how += Markup("<br>") + escape(w("bounded" if one.on_bounded_sets == "uniform" else "not_bounded"))
        if one.steps:
            items = "".join(f"<li>{w.sentence(s)}</li>" for s in one.steps)
            how += Markup(
                f'<details class="why"><summary>{escape(w("show_evidence"))}</summary><ol>{items}</ol></details>'
            )
        rows.append([arrow, becomes, how])
    if not rows:
        return ""
    return table(rows, [w.label("parameter"), w("becomes"), w("convergence")], caption=w("param_limits"))


def _with_link(text: str, link: Markup) -> Markup:
    before, _, after = text.partition("\0")
    return escape(before) + link + escape(after)
