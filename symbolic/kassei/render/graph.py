"""The limit atlas as one static SVG: layers from left to right, the sinks at the right, one line of text an edge.

The longest path to a sink gives a node its column. Every line of text has a row of its own, so that no edge runs
through a name: an edge leaves at the row of its label, and what passes from a far column passes in that row. Colours
come from the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from kassei.atlas import Edge, LimitAtlas

ROW, TOP = 17, 14
"""Height of a line of text, and of the margin above and below."""
NAME, LABEL = 6.7, 6.2
"""Width of a letter of a name and of a label, at the size the style sheet gives them."""
GUTTER = 76
SINK_GAP = 30


@dataclass(frozen=True)
class Line:
    """The edges from one node to another as one line, with what stands at its start."""

    source: str
    target: str
    label: str
    convergence: str


def lines(atlas: LimitAtlas) -> tuple[Line, ...]:
    """Edges between the same two nodes drawn as one, which looks like the weakest; none that closes a circle."""
    rank, layers = ("uniform", "pointwise", "unknown"), atlas.layers
    grouped: dict[tuple[str, str], list[Edge]] = {}
    for edge in atlas.edges:
        if edge.target is not None and layers[edge.source] > layers[edge.target]:
            grouped.setdefault((edge.source, edge.target), []).append(edge)
    out = []
    for (source, target), edges in grouped.items():
        label = ", ".join(f"{e.param} → {ends(e.to)}" for e in edges)
        out.append(Line(source, target, label, max((e.convergence for e in edges), key=rank.index)))
    return tuple(out)


def ends(to: str) -> str:
    """An end of a parameter's domain with the sign for infinity."""
    return to.replace("-oo", "−∞").replace("oo", "∞").replace("-", "−")


def svg(atlas: LimitAtlas, alt: str, links: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """The drawing: ``links`` are the addresses of the nodes, ``titles`` what they are called."""
    drawn = lines(atlas)
    layers = atlas.layers
    depth = max(layers.values(), default=0)
    sources = _ordered(drawn, layers)
    rows = _rows(sources, drawn)
    left, width = _columns(drawn, layers, depth)
    height_of = {name: min(rows[line] for line in drawn if line.source == name) for name in sources}
    sinks = _spread(
        {name: _middle([rows[line] for line in drawn if line.target == name]) for name in layers if layers[name] == 0}
    )
    y = height_of | sinks
    height = 2 * TOP + max([*rows.values(), *sinks.values(), 0.0])
    body = [_edge(line, rows[line], layers, left, y) for line in drawn]
    body += [_node(name, left[layers[name]], y[name], links.get(name), titles.get(name, name)) for name in y]
    return (
        f'<svg class="atlas" viewBox="0 0 {width:.0f} {height:.0f}" role="group" aria-label="{escape(alt)}">'
        + "".join(body)
        + "</svg>"
    )


def _ordered(drawn: Sequence[Line], layers: Mapping[str, int]) -> list[str]:
    """The nodes that are no sinks, from top to bottom: each near what it leads to."""
    into = {name: sum(line.target == name for line in drawn) for name in layers if layers[name] == 0}
    place = {name: float(k) for k, name in enumerate(sorted(into, key=lambda n: (-into[n], n)))}
    for name in sorted((n for n in layers if layers[n]), key=lambda n: (layers[n], n)):
        goals = [place[line.target] for line in drawn if line.source == name]
        place[name] = sum(goals) / len(goals) + 0.01 * layers[name]
    return sorted((n for n in layers if layers[n]), key=lambda n: (place[n], n))


def _rows(sources: Sequence[str], drawn: Sequence[Line]) -> dict[Line, float]:
    out: dict[Line, float] = {}
    for name in sources:
        for line in (one for one in drawn if one.source == name):
            out[line] = TOP + ROW * len(out)
    return out


def _middle(heights: Sequence[float]) -> float:
    return sum(heights) / len(heights) if heights else TOP


def _spread(wanted: Mapping[str, float]) -> dict[str, float]:
    """Heights near the ones wanted, far enough from each other."""
    out: dict[str, float] = {}
    above = float(TOP - SINK_GAP)
    for name in sorted(wanted, key=lambda n: (wanted[n], n)):
        above = out[name] = max(wanted[name], above + SINK_GAP)
    return out


def _columns(drawn: Sequence[Line], layers: Mapping[str, int], depth: int) -> tuple[dict[int, float], float]:
    """Where each layer begins, the deepest at the left, and the width of the whole."""
    at, left = 2.0, {}
    for layer in range(depth, -1, -1):
        left[layer] = at
        names = [name for name in layers if layers[name] == layer]
        at += max((NAME * len(name) for name in names), default=0) + 8
        if layer:
            at += max(LABEL * len(line.label) for line in drawn if layers[line.source] == layer) + GUTTER
    return left, at


def _edge(
    line: Line, row: float, layers: Mapping[str, int], left: Mapping[int, float], y: Mapping[str, float]
) -> Markup:
    """The label in the row after the names of its column, and the curve from there to the target's name."""
    layer, goal = layers[line.source], layers[line.target]
    names = max(NAME * len(name) for name in layers if layers[name] == layer)
    text = left[layer] + names + 8
    start = text + LABEL * len(line.label) + 2
    bend, end = left[goal] - GUTTER + 6, left[goal] - 4
    flat = max(start, bend)
    half = (flat + end) / 2
    down = y[line.target]
    path = f"M{start:.1f} {row:.1f}H{flat:.1f}C{half:.1f} {row:.1f} {half:.1f} {down:.1f} {end:.1f} {down:.1f}"
    return Markup('<path class="edge {}" d="{}"/><text class="label" x="{:.1f}" y="{:.1f}">{}</text>').format(
        line.convergence, path, text, row + 4, line.label
    )


def _node(name: str, x: float, y: float, link: str | None, title: str) -> Markup:
    text = Markup('<text class="node" x="{:.1f}" y="{:.1f}">{}</text>').format(
        x, y + 4, title if link is None else name
    )
    if link is None:
        return text
    return Markup('<a href="{}"><title>{}</title>{}</a>').format(link, title, text)
