"""Curves as SVG: drawn by matplotlib from the emitted code, coloured and lettered by the page they stand in.

Text stays text (``svg.fonttype: none``), so Japanese is drawn with the reader's own fonts. Curves are drawn in
sentinel colours that are then replaced by CSS variables, so dark mode works without a second picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from kassei.codegen import emit
from kassei.core.activation import Activation
from kassei.core.dossier import Dossier

SPAN = 5.0
POINTS = 401
_COLOURS = {
    "#000001": "var(--plot-a)",
    "#000002": "var(--plot-b)",
    "#000003": "var(--plot-c)",
    "#000004": "var(--plot-grid)",
    "#000005": "currentColor",
}


@lru_cache(maxsize=256)
def functions(activation: Activation) -> dict[str, Callable[..., Any]]:
    """The emitted NumPy module of a function, loaded: what is plotted is what is shipped."""
    ((name, text),) = emit(activation, "numpy").items()
    space: dict[str, Any] = {}
    exec(compile(text, name, "exec"), space)  # our own output, not a user's text
    return space


def inputs(breaks: Sequence[float]) -> np.ndarray[Any, Any]:
    """Inputs for a curve, with points on both sides of each break so that kinks and jumps are drawn where they are."""
    grid = list(np.linspace(-SPAN, SPAN, POINTS))
    for b in breaks:
        if -SPAN < b < SPAN:
            grid += [b - 1e-9, b, b + 1e-9]
    return np.unique(np.array(grid))


def curve(activation: Activation, kind: str, breaks: Sequence[float], **params: float) -> tuple[Any, Any]:
    """Points of f or f′; a jump is a gap."""
    v = inputs(breaks)
    code = functions(activation)
    y = code["forward"](v, **params) if kind == "f" else code["grad_input"](np.ones_like(v), v, **params)
    y = np.where(np.abs(y) > 1e6, np.nan, y)
    for b in breaks:
        near = np.abs(v - b) < 1e-8
        if near.sum() >= 2:
            ends = y[near]
            if np.nanmax(ends) - np.nanmin(ends) > 1e-6 or np.isnan(ends).any():
                y[np.argmin(np.abs(v - b))] = np.nan
    return v, y


def figure(
    curves: Sequence[tuple[Any, Any, str, str, float]], slug: str, alt: str, ylim: tuple[float, float] | None = None
) -> str:
    """An inline SVG of curves ``(x, y, colour, line style, opacity)``."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": slug, "font.size": 10, "path.simplify_threshold": 0.2}
    ):
        drawing = Figure(figsize=(5, 3))
        canvas = FigureCanvasSVG(drawing)
        axes = drawing.add_axes((0.09, 0.1, 0.88, 0.86))
        drawing.patch.set_visible(False)  # the page shows through, in the dark too
        axes.patch.set_visible(False)
        for x, y, colour, style, opacity in curves:
            axes.plot(x, y, color=colour, linestyle=style, linewidth=2, alpha=opacity)
        axes.set_xlim(-SPAN, SPAN)
        axes.set_ylim(*(ylim or _limits(curves)))
        axes.grid(visible=True, color="#000004", linewidth=0.6)
        axes.axhline(0, color="#000005", linewidth=0.8)
        axes.axvline(0, color="#000005", linewidth=0.8)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, colors="#000005")
        import io

        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return clean(buffer.getvalue(), slug, alt)


def _limits(curves: Sequence[tuple[Any, Any, str, str, float]]) -> tuple[float, float]:
    values = np.concatenate([y[np.isfinite(y)] for _, y, *_ in curves])
    low, high = max(float(values.min()), -6.0), min(float(values.max()), 6.0)
    pad = max(0.06 * (high - low), 0.1)
    return low - pad, high + pad


def clean(svg: str, slug: str, alt: str) -> str:
    """Only the drawing: no prolog, metadata or fonts; ids of this page only; theme colours; a text alternative."""
    from markupsafe import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r"font:\s*([\d.]+)px[^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"\s*<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r"xmlns:\w+=\"[^\"]*\"", "", body)
    used = set(re.findall(r"(?:href=\"#|url\(#)([\w.-]+)", body))
    body = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{slug}-{m.group(1)}"' if m.group(1) in used else "", body)
    body = re.sub(r"(href=\"#|url\(#)([\w.-]+)", rf"\g<1>{slug}-\2", body)
    for sentinel, colour in _COLOURS.items():
        body = body.replace(sentinel, colour)
    body = re.sub(r"(\d+\.\d{2})\d+", r"\1", body)
    body = re.sub(
        r'<svg[^>]*viewBox="([^"]*)"[^>]*>',
        rf'<svg xmlns="http://www.w3.org/2000/svg" viewBox="\1" role="img" aria-label="{escape(alt)}">',
        body,
        count=1,
        flags=re.DOTALL,
    )
    return re.sub(r"\n\s*", "\n", body).strip()


def thumbnail(activation: Activation, breaks: Sequence[float], alt: str) -> str:
    """A small curve without lettering."""
    from markupsafe import escape

    v, y = curve(activation, "f", breaks)
    keep = slice(None, None, 8)
    xs, ys = v[keep], np.where((y[keep] < -2.4) | (y[keep] > 5.4), np.nan, y[keep])
    path, pen = [], False
    for x, value in zip(xs, ys, strict=True):
        if not np.isfinite(value):
            pen = False
            continue
        path.append(f"{'L' if pen else 'M'}{(x + SPAN) * 10:.1f} {(5.5 - value) * 7.5:.1f}")
        pen = True
    return (
        f'<svg class="thumb" viewBox="0 0 100 60" role="img" aria-label="{escape(alt)}">'
        '<line x1="0" y1="41.25" x2="100" y2="41.25"/><line x1="50" y1="0" x2="50" y2="60"/>'
        f'<path d="{"".join(path)}"/></svg>'
    )


def panel(dossier: Dossier, lang: str) -> str:
    """The picture of a function page, with everything that belongs to it: one block of HTML on one line."""
    from kassei.render import panel as module

    return module.panel(dossier, lang)


def hero(dossier: Dossier, lang: str) -> str:
    """The moving picture of the home page: one block of HTML on one line."""
    from kassei.render import hero as module

    return module.hero(dossier, lang)
