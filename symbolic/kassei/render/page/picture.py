"""The section with the curves of f and f′, and of f for a few values of each parameter."""

from __future__ import annotations

from typing import Any

from kassei.core.document import number
from kassei.core.dossier import Dossier
from kassei.render import plots
from kassei.render.page.markup import figure
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
    """F beside f′, then f for values across each parameter's domain."""
    f = dossier.activation
    breaks = breaks_at_defaults(dossier)
    x, y = plots.curve(f, "f", breaks)
    x2, y2 = plots.curve(f, "slope", breaks)
    title = f.heading(w.lang)
    values = ", ".join(f"{p.name} = {number(p.default)}" for p in f.parameters)
    defaults = w("plot_defaults", values=values) if values else ""
    svg = plots.figure(
        [(x, y, "#000001", "-", 1), (x2, y2, "#000002", "--", 1)], f"{f.name}-main", w("plot_alt", name=title)
    )
    out = [figure(svg, w("plot_caption", defaults=defaults))]
    for p in f.parameters:
        family = family_values(p)
        if len(family) < 2:
            continue
        curves = []
        for k, value in enumerate(family):
            xs, ys = plots.curve(f, "f", breaks, **{p.name: value})
            curves.append((xs, ys, "#000001", "-", 0.3 + 0.7 * k / (len(family) - 1)))
        text = ", ".join(format(x, ".3g") for x in family)
        out.append(
            figure(
                plots.figure(curves, f"{f.name}-{p.name}", w("plot_alt", name=title)),
                w("family_caption", param=p.name, values=text),
            )
        )
    return "\n\n".join(out)


def family_values(p: Any) -> list[float]:
    """A few values of a parameter across its domain."""
    candidates = [-4.0, -2.0, -1.0, -0.5, 0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0]
    inside = [c for c in candidates if p.domain.contains(c)]
    if len(inside) < 3 and p.domain.lo.is_finite and p.domain.hi.is_finite:
        lo, hi = float(p.domain.lo), float(p.domain.hi)
        return (
            [lo, (lo + hi) / 2, hi]
            if p.domain.lo_closed and p.domain.hi_closed
            else [lo + (hi - lo) * q for q in (0.1, 0.5, 0.9)]
        )
    if not p.domain.lo.is_finite:
        inside = [c for c in inside if c in (-4.0, -1.0, 0.0, 1.0, 4.0)]
    return inside[:6]
