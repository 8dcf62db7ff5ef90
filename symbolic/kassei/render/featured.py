"""The headline of the home page, from the dossier it is about: the Exponential form from ReLU to the identity."""

from __future__ import annotations

from markupsafe import Markup

from kassei.core.dossier import Dossier
from kassei.render import plots
from kassei.render.page.definition import defining_equation
from kassei.render.page.markup import one_block
from kassei.render.page.writer import LABEL, Writer
from kassei.text.latex import mathml

FEATURED, FAMILY = "exponential", "a"


def featured(w: Writer, dossier: Dossier) -> str:
    """The home page's picture: the Exponential form between ReLU and the identity."""
    f = dossier.activation
    drawing = plots.hero(dossier, w.lang)
    said = Markup('<p class="front-says">{}<br>{} · <a href="functions/{}/">{}</a></p>').format(
        w.words("overview.home.picture", param=FAMILY), _ends(w, dossier), f.name, w("read_more")
    )
    formula = f'<div class="formula">{mathml(defining_equation(f, w.lang), display=True)}</div>'
    return one_block(f"{formula}{drawing}{said}")


def _ends(w: Writer, dossier: Dossier) -> Markup:
    """What the function becomes at the ends of its parameter, and whether R3 holds on the way."""
    shown = [
        Markup('{} → {}: <a href="functions/{}/">{}</a> ({})').format(
            one.param,
            one.to.replace("-oo", "−∞").replace("oo", "∞"),
            one.same_as,
            one.same_as,
            w({"uniform": "uniform", "pointwise": "pointwise"}.get(one.convergence, "convergence_unknown")),
        )
        for one in dossier.facts.param_limits
        if one.param == FAMILY and one.same_as
    ]
    shown += [
        Markup("{}: {}").format(w.name(name), w(LABEL.get(v.truth, v.truth)))
        for name, v in dossier.requirements.items()
        if name == "R3"
    ]
    return Markup(" · ").join(shown)
