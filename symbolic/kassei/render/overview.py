"""The pages that show the whole catalogue: the atlas of limits and kin, the open questions, and each page's relatives.

They are made from the entries that the functions' parts carry; nothing is analysed here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from markupsafe import Markup, escape

from kassei import cache
from kassei.atlas import CONSTANT, Atlas, Edge, Entry, Kind, LimitAtlas, Open, Relation, atlas
from kassei.atlas.document import asked, document
from kassei.core.enclose import RootConstant
from kassei.core.kinship import Image
from kassei.render import graph, kept
from kassei.render.beside import data_line
from kassei.render.page.markup import heading, one_block, table
from kassei.render.page.relations import RELATIVES
from kassei.render.page.writer import Writer
from kassei.render.part import Part


@lru_cache(maxsize=2)
def _atlas(entries: tuple[bytes, ...], processes: int) -> Atlas:
    return atlas([cache.unpacked(one) for one in entries], processes=processes)


def atlas_of(parts: Sequence[Part], processes: int = 1) -> Atlas:
    """The overview of the functions whose parts these are; made once for both languages."""
    return _atlas(tuple(p.entry for p in parts), processes)


def overview(files: Mapping[str, str], parts: Sequence[Part], lang: str, processes: int = 1) -> dict[str, str]:
    """The files of one language with the overview's pages, and each function's relatives on its page."""
    titles, entries = {p.name: p.heading for p in parts}, [p.entry_hash for p in parts]
    known: Untitled = kept.made(
        kept.slot("overview", lang), entries, lambda: _untitled(atlas_of(parts, processes), titles, lang)
    )
    page: str = kept.made(
        kept.slot("atlas.md", lang),
        [*entries, repr(titles).encode()],
        lambda: atlas_page(Names(lang, titles), atlas_of(parts, processes)),
    )
    out = dict(files)
    for p in parts:
        own, related = f"functions/{p.name}.md", known.related[p.name]
        if not related and "{#parameter-limits}" not in out[own]:  # nothing else stands in that section
            related = Writer(lang)("relations_none")
        out[own] = out[own].replace(RELATIVES, related)
    return {**out, **known.files, "atlas.md": page}


@dataclass(frozen=True)
class Untitled:
    """What a language's site has from the atlas whatever functions are titled: files, and their relatives by name."""

    files: Mapping[str, str]
    related: Mapping[str, str]


def _untitled(found: Atlas, names: Iterable[str], lang: str) -> Untitled:
    w = Names(lang, {})
    return Untitled(
        files={
            "atlas.json": json.dumps(document(found, lang), ensure_ascii=False, indent=1) + "\n",
            "open.md": open_page(w, found),
        },
        related={name: relatives(w, found, name) for name in names},
    )


class Names(Writer):
    """A writer that knows the functions' titles and links to their pages."""

    def __init__(self, lang: str, titles: Mapping[str, str]) -> None:
        super().__init__(lang)
        self.titles = titles

    def link(self, name: str) -> Markup:
        """A function's name as a link; pages are one folder below the root, or two for a function's own."""
        return Markup('<a href="{}{}/"><code>{}</code></a>').format("../functions/", name, name)

    def image(self, image: Image, v: sp.Symbol) -> Markup:
        """``scale*g(rate*v) + shift, a ≔ …`` with a link to g."""
        values = Markup("").join(
            Markup(", {} ≔ {}").format(self.math(sp.Symbol(name, real=True)), self.math(value))
            for name, value in image.values
        )
        shown = self.link(image.name)
        if not image.plain:
            scale = Markup("") if image.scale == 1 else Markup("−") if image.scale == -1 else self._factor(image.scale)
            shift = Markup("") if image.shift == 0 else self._summand(image.shift)
            shown = scale + shown + Markup("({})").format(self.math(image.rate * v)) + shift
        return Markup('<span class="image">{}</span>').format(shown + values)

    def _factor(self, value: sp.Expr) -> Markup:
        shown = self.math(value)
        return (Markup("({})").format(shown) if value.is_Add else shown) + Markup(" · ")

    def _summand(self, value: sp.Expr) -> Markup:
        if value.could_extract_minus_sign():
            return Markup(" − ") + self.math(-value)
        return Markup(" + ") + self.math(value)

    def condition(self, condition: sp.Basic) -> Markup:
        """For which parameters something holds; nothing where it holds for all."""
        return Markup("") if condition is sp.true else Markup("{} {}").format(self("condition"), self.math(condition))

    def points(self, points: Iterable[sp.Expr]) -> Markup:
        """Inputs, separated by commas."""
        return Markup(", ").join(self.math(x) for x in points)


# --- the atlas --------------------------------------------------------------------------------------------------------


def atlas_page(w: Names, found: Atlas) -> str:
    """The limits as a graph and as a table, and the functions that are one another."""
    limits, kin = found.limits, found.kin
    links = {name: f"../functions/{name}/" for name in limits.nodes if name != CONSTANT}
    titles = {**w.titles, CONSTANT: w("constant_function")}
    v = {e.name: e.activation.variable for e in found.entries}
    counts = {
        "functions": len(limits.functions),
        "nodes": len([n for n in limits.nodes if n != CONSTANT]),
        "edges": len(limits.edges),
        "without": len([n for n in limits.functions if n not in limits.nodes]),
    }
    out = [
        "---\nhide:\n  - navigation\n---",
        heading(w("atlas"), "title", 1),
        w("atlas_text", **counts),
        data_line(w, "atlas.json"),
        heading(w("limit_graph"), "graph"),
        w("limit_graph_text"),
    ]
    if limits.edges:
        drawing = graph.svg(limits, w("limit_graph_alt", **counts), links, titles)
        legend = Markup(" ").join(
            Markup('<span class="edge-key {}">{}</span>').format(kind, w(word))
            for kind, word in (
                ("uniform", "uniform"),
                ("pointwise", "pointwise"),
                ("unknown", "convergence_unknown"),
            )
        )
        out.append(one_block(f'<figure class="atlas">{drawing}<figcaption>{legend}</figcaption></figure>'))
        out.append(one_block(str(_stack(w, limits, titles))))
    rows = [_edge_row(w, edge, v[edge.source]) for edge in limits.edges]
    header = [w("chain_input"), w("parameter"), w("becomes"), w("convergence")]
    out += [heading(w("limit_table"), "limits", 3), table(rows, header)]
    rest = [edge for edge in limits.limits if edge.target is None]
    if rest:
        out += [
            heading(w("limit_others"), "others", 3),
            w("limit_others_text"),
            table([_edge_row(w, edge, v[edge.source]) for edge in rest], header),
        ]
    out += [
        heading(w("same_functions"), "same"),
        w("same_functions_text"),
        table([_relation_row(w, one, v[one.function]) for one in kin.same], [w("chain_input"), w("is"), w("when")]),
        heading(w("affine_kin"), "affine"),
        w("affine_kin_text", pairs=kin.pairs, apart=kin.apart, undecided=kin.unsettled),
    ]
    for names in kin.classes:
        rows = [_relation_row(w, one, v[one.function]) for one in kin.affine if one.function in names]
        out.append(table(rows, [w("affine_class", name=names[0]), w("is"), w("when")]))
    if kin.undecided:
        out += [
            heading(w("kin_undecided"), "undecided", 3),
            table(
                [
                    [w.link(one.function), w.link(one.other), Markup("<code>{}</code>").format(one.why)]
                    for one in kin.undecided
                ]
            ),
        ]
    return "\n\n".join([*out, ""])


def _stack(w: Names, limits: LimitAtlas, titles: Mapping[str, str]) -> Markup:
    """The same graph for a narrow screen: what leads to each function, one below the other."""
    drawn = graph.lines(limits)
    into = Counter(line.target for line in drawn)
    cards = []
    for target in sorted(into, key=lambda name: (-into[name], name)):
        lines = Markup("").join(
            Markup('<li class="{}"><span>{}</span> <span class="label">{}</span></li>').format(
                line.convergence, w.link(line.source), line.label
            )
            for line in sorted(drawn, key=lambda line: (line.source, line.label))
            if line.target == target
        )
        head = titles[target] if target == CONSTANT else w.link(target)
        cards.append(Markup("<li><p>→ {}</p><ul>{}</ul></li>").format(head, lines))
    return Markup('<ul class="atlas-stack">{}</ul>').format(Markup("").join(cards))


def _edge_row(w: Names, edge: Edge, v: sp.Symbol) -> list[Any]:
    return [w.link(edge.source), _arrow(w, edge), _becomes(w, edge, v), _convergence(w, edge)]


def _arrow(w: Names, edge: Edge) -> Markup:
    return w.math(sp.Symbol(edge.param, real=True)) + Markup(" → {}").format(graph.ends(edge.to))


def _becomes(w: Names, edge: Edge, v: sp.Symbol) -> Markup:
    if edge.image is None:
        return w.math(edge.equals)
    shown = w.image(edge.image, v)
    if edge.exceptions:
        shown += Markup(" ({})").format(w("except_at", at="\0")).replace("\0", w.points(edge.exceptions))
    return shown


def _convergence(w: Names, edge: Edge) -> Markup:
    out = escape(_how(w, edge))
    if edge.error is not None and edge.error != 0 and not edge.error.has(RootConstant):
        out += Markup("<br>{}: {}").format(w("error"), w.math(edge.error))
        if edge.error_when is not sp.true:
            out += Markup(" ({})").format(w.math(edge.error_when))
    if edge.convergence == "pointwise" and edge.on_bounded_sets != "unknown":
        out += Markup("<br>{}").format(w("bounded" if edge.on_bounded_sets == "uniform" else "not_bounded"))
    return out


def _relation_row(w: Names, one: Relation, v: sp.Symbol) -> list[Any]:
    shown = w.image(one.image, v)
    if one.exceptions:
        shown += Markup(" ({})").format(w("except_at", at="\0")).replace("\0", w.points(one.exceptions))
    return [w.link(one.function), shown, escape(w("at_defaults")) if one.at_defaults else w.condition(one.condition)]


# --- on a function's page ---------------------------------------------------------------------------------------------


def relatives(w: Names, found: Atlas, name: str) -> str:
    """What a function is related to: the same function, affine images, and families that it is the limit of."""
    v = next(e.activation.variable for e in found.entries if e.name == name)
    rows: list[list[Any]] = []
    for one in (*found.kin.same, *found.kin.affine):
        if name in (one.function, one.image.name):
            kind = "relative_same" if one.image.plain else "relative_affine"
            shown = w.link(one.function) + Markup(" = ") + w.image(one.image, v)
            rows.append([w(kind), shown, _when(w, one)])
    for edge in found.limits.edges:
        if edge.target == name and edge.source != name:
            shown = w.link(edge.source) + Markup(", ") + _arrow(w, edge)
            rows.append([w("relative_limit"), shown + Markup(": ") + _becomes(w, edge, v), _how(w, edge)])
    unique = list({str(row): row for row in rows}.values())
    if not unique:
        return ""
    body = table(unique).replace('href="../functions/', 'href="../')
    return f"{heading(w('relatives'), 'relatives', 3)}\n\n{body}\n"


def _how(w: Names, edge: Edge) -> str:
    return w({"uniform": "uniform", "pointwise": "pointwise"}.get(edge.convergence, "convergence_unknown"))


def _when(w: Names, one: Relation) -> Markup:
    return escape(w("at_defaults")) if one.at_defaults else w.condition(one.condition)


# --- open questions ---------------------------------------------------------------------------------------------------

LONG = 300
"""Letters of a reason that are still shown without being asked for."""
KINDS: tuple[Kind, ...] = ("requirement", "property", "domain", "limit", "param_limit", "convergence", "derivative")


def open_page(w: Names, found: Atlas) -> str:
    """Every question that the analysis left open, grouped by what was asked."""
    questions = [(q, e) for e in found.entries for q in e.left_open]
    total = sum(asked(found.entries).values())
    out = [
        heading(w("open"), "title", 1),
        w("open_text", count=len(questions), total=total, share=_share(len(questions), total)),
        data_line(w, "atlas.json"),
    ]
    if not questions:
        return "\n\n".join([*out, w("open_none"), ""])
    groups: list[tuple[Kind, str, list[tuple[Open, Entry]]]] = []
    for kind in KINDS:
        asked_so = [row for row in questions if row[0].kind == kind]
        names = Counter(_group(q) for q, _ in asked_so)
        groups += [
            (kind, name, [row for row in asked_so if _group(row[0]) == name])
            for name in sorted(names, key=lambda n: (-names[n], n))
        ]
    counted = asked(found.entries)
    rows = []
    for kind, name, members in groups:
        of = len(found.entries) if kind in ("requirement", "property", "domain", "limit") else counted[kind]
        label = Markup('<a href="#{}">{}</a>').format(_anchor(kind, name), _question(w, kind, name))
        rows.append([label, len(members), of, _share(len(members), of)])
    out.append(table(rows, [w("question"), w("left_open"), w("asked"), w("share")]))
    for kind, name, members in groups:
        out.append(heading(_question(w, kind, name), _anchor(kind, name)))
        out.append(
            table([[w.link(e.name) + _about(w, q), _why(w, q)] for q, e in members], [w("chain_input"), w("reason")])
        )
    return "\n\n".join([*out, ""])


def _group(q: Open) -> str:
    """Questions about parameters are grouped by kind, the others by what they ask."""
    return "" if q.kind in ("param_limit", "convergence", "derivative") else q.name


def _anchor(kind: Kind, name: str) -> str:
    return f"{kind}-{name}".strip("-").replace("_", "-").lower()


LIMITS = {
    "neg_inf": "limit_neg",
    "pos_inf": "limit_pos",
    "slope_neg_inf": "limit_slope_neg",
    "slope_pos_inf": "limit_slope_pos",
}


def _question(w: Names, kind: Kind, name: str) -> str:
    if kind in ("property", "requirement"):
        return w.name(name)
    if kind == "limit":
        return w(LIMITS[name])
    return w(f"open_{kind}")


def _about(w: Names, q: Open) -> Markup:
    return Markup("<br>{}").format(graph.ends(q.name.replace("->", "→"))) if _group(q) == "" else Markup("")


def _why(w: Names, q: Open) -> Markup:
    if not q.steps:
        return escape(w("open_no_reason"))
    items = Markup("").join(Markup("<li>{}</li>").format(w.sentence(s)) for s in q.steps)
    if len(items) < LONG and len(q.steps) == 1:
        return w.sentence(q.steps[0])
    return Markup('<details class="why"><summary>{}</summary><ol>{}</ol></details>').format(w("show_found"), items)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "0 %"
