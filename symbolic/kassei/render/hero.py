"""The moving picture of the home page: one function between the two limits of its parameter."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import sympy as sp
from markupsafe import escape

from kassei.core.dossier import Dossier, ParamLimit
from kassei.library import catalogue
from kassei.render.exactly import AtDefaults
from kassei.render.panel import Drawn, defaults, drawing, frame, functions, plot_data, sampled, slider_fields
from kassei.render.views import Array, Slider, View
from kassei.text.templates import fill
from kassei.text.words import Words

REACH = 6.0
"""The slider goes this far to both sides of 0."""
FAMILY = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)
HALF = 5.0
VIEW = View(x=(-HALF, HALF), y=(-3.2, 5.2))


def hero(dossier: Dossier, lang: str) -> str:
    """The block of the home page, on one line: a family of curves, and one that follows the slider.

    The function has one parameter on all of R, and its limits at both ends are functions of the catalogue.
    """
    f, w, at = dossier.activation, Words(lang), AtDefaults(dossier)
    (p,) = f.parameters
    left, right = _limit(dossier, "-oo"), _limit(dossier, "oo")
    names = [catalogue[str(one.same_as)].heading(lang) for one in (left, right)]
    breaks = tuple(float(b) for b in at.breaks)
    curves = [_limit_curve(one, at.variable, f"limit-{k}") for k, one in enumerate((left, right))]
    for k, value in enumerate(FAMILY):
        x, y = sampled(functions(f, {p.name: value})["f"], breaks, VIEW.x, VIEW.y)
        curves.append(Drawn(kind=f"family-{k}", x=x, y=y, colour="#000001", style="-", width=1.1, opacity=0.38))
    x, y = sampled(functions(f, defaults(f))["f"], breaks, VIEW.x, VIEW.y)
    curves.append(Drawn(kind="f", x=x, y=y, colour="#000001", style="-", width=3.0))
    slug = f"{f.name}-hero"
    title = w("plots.hero_title", name=f.heading(lang), p=p.name, left=names[0], right=names[1])
    values = ", ".join(format(a, "g").replace("-", "−") for a in FAMILY)
    bar = Slider(name=p.name, lo=-REACH, hi=REACH, steps=240, logarithmic=False, default=float(p.default))
    text = fill(
        "pages/hero.html.j2",
        name=f.name,
        slug=slug,
        p=p.name,
        v=str(f.variable),
        svg=drawing(curves, VIEW, slug, f"{slug}-title"),
        title=escape(title),
        ends=[
            escape(w(f"plots.hero_{side}", p=p.name, name=n)) for side, n in zip(("left", "right"), names, strict=True)
        ],
        slider=slider_fields(replace(bar, default=float(p.default))),
        family=escape(w("plots.hero_family", p=p.name, values=values)),
        data=escape(json.dumps(plot_data(f, VIEW, w) | {"box": frame(VIEW)}, ensure_ascii=False)),
        w=lambda key, **facts: escape(w(f"plots.{key}", **facts)),
    )
    return re.sub(r"\s*\n\s*", " ", text).strip()


def _limit(dossier: Dossier, to: str) -> ParamLimit:
    return next(one for one in dossier.facts.param_limits if one.to == to and one.same_as is not None)


def _limit_curve(one: ParamLimit, v: sp.Symbol, kind: str) -> Drawn:
    """What the function becomes, dotted."""
    x = np.linspace(-HALF, HALF, 11)
    values: Array = np.array([float(one.equals.subs(v, sp.Rational(str(t)))) for t in x])  # type: ignore[union-attr]
    return Drawn(kind=kind, x=x, y=values, colour="#000005", style=(0, (1, 2)), width=1.4, opacity=0.8)
