"""The headline of the home page, from the dossier it is about: the Exponential form from ReLU to the identity."""

from __future__ import annotations

from markupsafe import escape

from kassei.core.dossier import Dossier
from kassei.render import plots
from kassei.render.page.definition import defining_equation
from kassei.render.page.markup import figure, heading, one_block
from kassei.render.page.picture import breaks_at_defaults
from kassei.render.page.relations import param_limits
from kassei.render.page.writer import Writer
from kassei.text.latex import mathml

FEATURED = "exponential"


def featured(w: Writer, dossier: Dossier) -> str:
    """The home page's headline: the Exponential form between ReLU and the identity."""
    f = dossier.activation
    breaks = breaks_at_defaults(dossier)
    curves = []
    values = (-4.0, -1.0, 0.0, 1.0, 4.0)
    for k, a in enumerate(values):
        x, y = plots.curve(f, "f", breaks, a=a)
        curves.append((x, y, "#000001", "-", 0.3 + 0.7 * k / 4))
    text = ", ".join(format(a, "g") for a in values)
    ways = {"functions/exponential/": "read_more", "catalogue/": "browse", "claims/": "check_claims"}
    actions = [f'<a href="{to}">{escape(w(key))}</a>' for to, key in ways.items()]
    blocks = [
        heading(w("headline"), "headline"),
        w("headline_text", param="a"),
        one_block(f'<div class="formula">{mathml(defining_equation(f, w.lang), display=True)}</div>'),
        figure(
            plots.figure(curves, "home-exponential", w("plot_alt", name=f.heading(w.lang))),
            w("family_caption", param="a", values=text),
        ),
        param_limits(w, dossier).replace('href="../', 'href="functions/'),
        f'<p class="actions">{" ".join(actions)}</p>',
    ]
    return "\n\n".join(blocks)
