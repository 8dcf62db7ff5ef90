"""The picture of a function page: curves that stand without a script, and what a script adds to them.

The block holds an SVG of f, f' and f'', sliders for the parameters, a position whose values are read out, a function
to compare with, the graph in words and a table. ``site/assets/plots.js`` redraws the curves in place, with the
function's own emitted JavaScript (:func:`script`).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from markupsafe import escape

from kassei.codegen import bend, emit
from kassei.codegen.plan import make_plan, outer
from kassei.core.activation import Activation
from kassei.core.document import number
from kassei.core.dossier import Dossier
from kassei.render import kept, plots
from kassei.render.exactly import AtDefaults, shown
from kassei.render.exactly import number as constant
from kassei.render.shape import describe
from kassei.render.views import Array, Slider, View, nice, slider, view, width
from kassei.text.templates import fill
from kassei.text.words import Words

INCHES = (5.0, 3.0)
BOX = (0.085, 0.095, 0.9, 0.885)
"""Left, bottom, width and height of the axes in parts of the figure."""
SCALE = 0.075
"""How much narrower the axes are where f' has a scale of its own at the right."""
UNITS = 72.0
KINDS = {
    "f": ("#000001", "-", 2.2),
    "slope": ("#000002", (0, (5, 2)), 1.8),
    "second": ("#000003", (0, (1.5, 1.5)), 1.6),
}
"""Colour, dashes and width of each curve: no curve is told by its colour alone."""
POINTS = 601


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One curve: its class in the SVG and its points, NaN where the pen is up."""

    kind: str
    x: Array
    y: Array
    colour: str
    style: Any
    width: float
    opacity: float = 1.0


def functions(f: Activation, params: Mapping[str, float]) -> dict[str, Any]:
    """f, f' and f'' as functions of arrays: the first two as they are emitted for NumPy."""
    code = plots.functions(f)
    given = {outer(name): value for name, value in params.items()}
    return {
        "f": lambda v: np.asarray(code["forward"](v, **given)),
        "slope": lambda v: np.asarray(code["grad_input"](np.ones_like(v), v, **given)),
        "second": lambda v: bend.curve(make_plan(f), v, params),
    }


def defaults(f: Activation) -> dict[str, float]:
    """The default parameters as numbers."""
    return {p.name: float(p.default) for p in f.parameters}


def sampled(
    curve: Any, breaks: Sequence[float], across: tuple[float, float], limits: tuple[float, float]
) -> tuple[Array, Array]:
    """Points of a curve from left to right; a jump is a gap, and a kink is a point of its own."""
    lo, hi = across
    inner = [b for b in breaks if lo < b < hi]
    ends = [e for b in inner for e in (np.nextafter(b, -np.inf), b, np.nextafter(b, np.inf))]
    x = np.unique(np.concatenate([np.linspace(lo, hi, POINTS), ends]))
    with np.errstate(all="ignore"):
        y = np.array(curve(x), dtype=np.float64)
    low, high = limits
    size = high - low
    y = np.where(np.isfinite(y), np.clip(y, low - 3 * size, high + 3 * size), np.nan)
    for b in inner:
        k = int(np.searchsorted(x, b))
        left, at, right = y[k - 1], y[k], y[k + 1]
        if not max(abs(left - at), abs(right - at)) <= 1e-6 * max(1.0, size):
            y[k] = np.nan
    return x, y


@lru_cache(maxsize=512)
def seen(f: Activation, breaks: tuple[float, ...]) -> View:
    """The axes of a function's plot: they hold for all positions of its sliders."""
    base = defaults(f)
    rows = [base]
    for p in f.parameters:
        s = slider(p)
        rows += [base | {p.name: s.value(round(s.steps * q))} for q in (0.3, 0.7)]
    made = [functions(f, row) for row in rows]
    half = width(made[0]["f"], made[0]["slope"], breaks)
    return view([m["f"] for m in made], [m["slope"] for m in made], half)


def drawing(curves: Sequence[Drawn], shown_in: View, slug: str, name: str) -> str:
    """An inline SVG; ``name`` is a list of ids that label it. It is kept: matplotlib takes half a second to load."""
    points = [part for curve in curves for part in (repr(curve).encode(), curve.x.tobytes(), curve.y.tobytes())]
    svg: str = kept.made(
        kept.slot("drawing", slug),
        [repr((shown_in, name)).encode(), *points],
        lambda: _drawing(curves, shown_in, slug, name),
    )
    return svg


def _drawing(curves: Sequence[Drawn], shown_in: View, slug: str, name: str) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    options = {"svg.fonttype": "none", "svg.hashsalt": slug, "font.size": 9.5, "path.simplify_threshold": 0.1}
    with mpl.rc_context(options):
        figure = Figure(figsize=INCHES)
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_axes(box(shown_in))
        figure.patch.set_visible(False)
        axes.patch.set_visible(False)
        axes.set_xlim(*shown_in.x)
        axes.set_ylim(*shown_in.y)
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.grid(visible=True, color="#000004", linewidth=0.6)
        axes.axhline(0, color="#000005", linewidth=0.7, alpha=0.6)
        axes.axvline(0, color="#000005", linewidth=0.7, alpha=0.6)
        for curve in curves:
            (line,) = axes.plot(
                curve.x,
                curve.y,
                color=curve.colour,
                linestyle=curve.style,
                linewidth=curve.width,
                alpha=curve.opacity,
                solid_joinstyle="round",
                dash_capstyle="butt",
            )
            line.set_gid(f"kp-{curve.kind}")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, colors="#000005", pad=3)
        if shown_in.slope is not None:
            right = axes.twinx()
            right.set_ylim(*shown_in.slope)
            right.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
            right.tick_params(length=0, colors="#000002", pad=3)
            for spine in right.spines.values():
                spine.set_visible(False)
        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = re.sub(r'<g id="kp-([\w-]+)">', r'<g class="kp-curve kp-\1">', buffer.getvalue())
    svg = plots.clean(text, slug, "")
    return svg.replace('aria-label=""', f'aria-labelledby="{name}"', 1)


def box(shown_in: View) -> tuple[float, float, float, float]:
    """The axes in parts of the figure: left, bottom, width, height."""
    left, bottom, w, h = BOX
    return left, bottom, w if shown_in.slope is None else w - SCALE, h


def frame(shown_in: View) -> tuple[float, float, float, float]:
    """The axes in the SVG's units: left, top, width, height."""
    wide, high = INCHES[0] * UNITS, INCHES[1] * UNITS
    left, bottom, w, h = box(shown_in)
    return tuple(round(x, 3) for x in (left * wide, (1 - bottom - h) * high, w * wide, h * high))  # type: ignore[return-value]


@lru_cache(maxsize=8)
def _picture(f: Activation, breaks: tuple[float, ...]) -> str:
    """The SVG of one function, the same in every language."""
    shown_in = seen(f, breaks)
    made = functions(f, defaults(f))
    curves = []
    for kind in reversed(KINDS):
        colour, style, size = KINDS[kind]
        x, y = sampled(made[kind], breaks, shown_in.x, shown_in.of(kind))
        low, high = shown_in.of(kind)
        y = shown_in.y[0] + (y - low) * (shown_in.y[1] - shown_in.y[0]) / (high - low)
        curves.append(Drawn(kind=kind, x=x, y=y, colour=colour, style=style, width=size))
    slug = f"{f.name}-main"
    return drawing(curves, shown_in, slug, f"{slug}-title {slug}-words")


def panel(dossier: Dossier, lang: str, *, root: str = "../../") -> str:
    """The block of a function page, on one line; ``root`` leads from the page to the language's home."""
    f, w, at = dossier.activation, Words(lang), AtDefaults(dossier)
    breaks = tuple(float(b) for b in at.breaks)
    shown_in = seen(f, breaks)
    values = ", ".join(f"{p.name} = {number(p.default)}" for p in f.parameters)
    text = fill(
        "pages/panel.html.j2",
        name=f.name,
        slug=f"{f.name}-main",
        v=str(f.variable),
        svg=_picture(f, breaks),
        title=escape(w("plots.title", name=f.heading(lang))),
        at_defaults=escape(w("plots.at_defaults", values=values)) if values else "",
        words=escape(w("plots.between").join(describe(dossier, lang))),
        data=escape(json.dumps(plot_data(f, shown_in, w), ensure_ascii=False)),
        sliders=[slider_fields(slider(p)) for p in f.parameters],
        table=_table(at, shown_in),
        table_title=escape(w("plots.table", values=values) if values else w("plots.table_plain")),
        position=position(shown_in),
        own_axis=escape(w("plots.own_axis")) if shown_in.slope is not None else "",
        root=root,
        w=lambda key, **facts: escape(w(f"plots.{key}", **facts)),
    )
    return re.sub(r"\s*\n\s*", " ", text).strip()


def plot_data(f: Activation, shown_in: View, w: Words) -> dict[str, Any]:
    """What the script must know of a plot."""
    return {
        "x": shown_in.x,
        "y": shown_in.y,
        "slope": shown_in.slope,
        "box": frame(shown_in),
        "words": {key: w(f"plots.{key}") for key in ("left", "right")},
        "failed": w("plots.cannot_load", name="{name}"),
    }


def position(shown_in: View) -> dict[str, str]:
    """The slider of the input: short decimals, zero among them."""
    lo, hi = shown_in.x
    step = nice((hi - lo) / 400)
    left, _, w, _ = box(shown_in)
    return {
        "lo": f"{lo:g}",
        "hi": f"{hi:g}",
        "step": f"{step:g}",
        "start": f"{_start(hi, step):g}",
        "left": f"{100 * left:g}%",
        "right": f"{100 * (1 - left - w):g}%",
    }


def _start(hi: float, step: float) -> float:
    return round(hi / 5 / step) * step


def slider_fields(s: Slider) -> dict[str, str]:
    """A slider as attributes."""
    exact = repr(s.default).removesuffix(".0")
    return {
        "name": s.name,
        "lo": repr(s.lo),
        "hi": repr(s.hi),
        "steps": str(s.steps),
        "scale": "log" if s.logarithmic else "linear",
        "default": exact,
        "shown": short(s.default),
        "start": str(s.start),
    }


def short(x: float) -> str:
    """A parameter's value as it is shown: six significant digits, and a mark where there are more."""
    text = f"{x:.6g}"
    return (text if float(text) == x else f"{text}…").replace("-", "−")


def _table(at: AtDefaults, shown_in: View) -> list[tuple[str, str, str]]:
    """v, f and f' at 21 inputs and at the breaks; two slopes where the sides differ."""
    lo, hi = (sp.Rational(str(x)) for x in shown_in.x)
    inputs = {lo + (hi - lo) * k / 20 for k in range(21)}
    inputs |= {b for b in at.breaks if lo < b < hi}
    rows = []
    for v in sorted(inputs, key=float):
        sides = at.sides(v)
        y = shown(at.value(v))
        if at.jumps(v):
            slope = "—"
        elif sides is not None:
            slope = " | ".join("—" if s is None else shown(_number(s)) for s in sides)
        else:
            slope = shown(at.slope(v))
        rows.append((_input(v), y, slope))
    return rows


def _number(x: sp.Expr) -> Any:
    return constant(x) if x.is_finite else constant(float(x))


def _input(v: sp.Expr) -> str:
    return short(float(v))


def script(dossier: Dossier, lang: str) -> str:
    """The classic script beside a function's page: its emitted module, registered under its name.

    Classic, for browsers load no modules from ``file://``.
    """
    f, at = dossier.activation, AtDefaults(dossier)
    ((_, module),) = emit(f, "javascript").items()
    names = ["at"]
    body = re.sub(r"^export ", "", module, flags=re.MULTILINE)
    about = {
        "title": f.heading(lang),
        "parameters": [slider_fields(slider(p)) for p in f.parameters],
        "view": seen(f, tuple(float(b) for b in at.breaks)).x,
    }
    told = json.dumps(about, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "").replace("\u2029", "")
    return (
        f"(globalThis.kassei ??= {{}})[{json.dumps(f.name)}] = (() => {{\n{body}\n"
        f"return {{ ...{told}, {', '.join(names)} }};\n}})();\n"
    )
