"""The chain of slopes: what remains of a gradient that passes many layers, computed from the emitted code.

The layers are the function itself, again and again, with unit weights: the slope of ``f∘…∘f`` at an input is the
product of the slopes at what each layer is given.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np

from kassei.core.activation import Activation
from kassei.render import plots

SHOWN = ("sigmoid", "tanh", "relu", "exponential")
"""The functions of the picture: two that saturate, one that does not, and the one that this project began with."""
STARTS = (1.0, -1.0)
DEPTH = 50
DEPTHS = (1, 5, 10, 20, 50)
LOWEST = 1e-34
COLOURS = ("#000001", "#000002", "#000003", "#000005")
STYLES = ("-", "-", (0, (6, 3)), (0, (1, 2)))


def products(f: Activation, start: float, depth: int = DEPTH) -> tuple[float, ...]:
    """The product of the slopes of the first 0, 1, … layers, where the first is given ``start``."""
    code = plots.functions(f)
    x, product, out = np.float64(start), 1.0, [1.0]
    for _ in range(depth):
        product *= float(code["grad_input"](np.float64(1.0), x))
        x = code["forward"](x)
        out.append(product)
    return tuple(out)


def picture(chains: Mapping[str, Sequence[float]], slug: str, alt: str, labels: Mapping[str, str]) -> str:
    """The products against depth on a logarithmic axis, each curve named at its end; zeros are not drawn."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": slug, "font.size": 10}):
        drawing = Figure(figsize=(5, 3))
        canvas = FigureCanvasSVG(drawing)
        axes = drawing.add_axes((0.11, 0.11, 0.69, 0.85))
        drawing.patch.set_visible(False)
        axes.patch.set_visible(False)
        ends: list[tuple[float, str, str]] = []
        for k, (name, values) in enumerate(chains.items()):
            y = np.array([value if value > 0 else np.nan for value in values])
            axes.plot(range(len(values)), y, color=COLOURS[k], linestyle=STYLES[k], linewidth=2.2)
            known = [value for value in values if value > 0]
            ends.append((known[-1], labels[name], COLOURS[k]) if len(known) == len(values) else (0.0, "", ""))
        axes.set_yscale("log")
        axes.set_xlim(0, DEPTH)
        axes.set_ylim(LOWEST, 30)
        axes.set_yticks([10.0**k for k in range(-30, 1, 10)])
        axes.set_yticklabels(["10⁻³⁰", "10⁻²⁰", "10⁻¹⁰", "1"])
        axes.minorticks_off()
        axes.grid(visible=True, color="#000004", linewidth=0.6)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, colors="#000005")
        for height, text, colour in _apart([end for end in ends if end[1]]):
            axes.text(DEPTH + 1, height, text, color=colour, va="center")
        buffer = io.StringIO()
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return plots.clean(buffer.getvalue(), slug, alt)


def _apart(ends: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Labels far enough from each other on the logarithmic axis, from the top down."""
    out: list[tuple[float, str, str]] = []
    above = np.inf
    for height, text, colour in sorted(ends, key=lambda end: -end[0]):
        above = min(height, above / 10**2.6)
        out.append((above, text, colour))
    return out
