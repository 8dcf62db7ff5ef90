"""The page of the three requirements: what slopes do to depth, who satisfies them, in which reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from markupsafe import Markup, escape

from kassei.render import kept, slopes
from kassei.render.page.markup import figure, heading, one_block, table
from kassei.render.page.writer import Writer
from kassei.render.part import Part
from kassei.text.resources import resource

DEPTHS = (1, 5, 10, 50, 100)


def requirements_page(parts: Sequence[Part], lang: str) -> str:
    """The requirements explained, the product of slopes, and who satisfies them."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "requirements.md").read_text(encoding="utf-8")
    rows = [[_name(p), *(f"{p.summary.slope**n:.4g}" for n in DEPTHS)] for p in parts]
    everyone = table(rows, [w("chain_input"), *(w("depth", n=n) for n in DEPTHS)])
    return "\n\n".join(
        [
            heading(w("requirements"), "title", 1),
            prose,
            heading(w("chain"), "chain"),
            *_chains(w, parts),
            one_block(
                f'<details class="fold"><summary>{escape(w.words("overview.slopes.everyone"))}</summary>'
                f"<p>{escape(w('chain_text'))}</p>{everyone}</details>"
            ),
            heading(w("satisfy"), "satisfy"),
            w("readings_text"),
            table(
                [p.requirements_row for p in parts],
                [w("chain_input"), "R1", "R2", w("r3_positive"), w("r3_asymptotic"), w("r3_interval")],
                "facts readings",
            ),
            "",
        ]
    )


def _name(p: Part) -> Markup:
    return Markup('<a href="../functions/{}/">{}</a>').format(p.name, p.heading)


def _chains(w: Writer, parts: Sequence[Part]) -> list[str]:
    """One picture for each start, with what it shows in words, and one table for all."""
    shown = {p.name: p for name in slopes.SHOWN for p in parts if p.name == name and p.summary.chains}
    if not shown:
        return []
    out = [w.words("overview.slopes.text")]
    figures, rows = [], []
    for start in slopes.STARTS:
        chains = {name: p.summary.chains[start] for name, p in shown.items()}
        at = format(start, "g").replace("-", "−")
        said = ", ".join(f"{name}: {_number(values[-1])}" for name, values in chains.items())
        alt = w.words("overview.slopes.alt", start=at, depth=slopes.DEPTH, values=said)
        slug = f"slopes-{'plus' if start > 0 else 'minus'}"
        svg = kept.made(
            kept.slot(slug, w.lang),
            (repr((chains, alt)).encode(),),
            partial(slopes.picture, chains, slug, alt, {n: n for n in chains}),
        )
        gone = [name for name, values in chains.items() if values[-1] == 0]
        caption = w.words("overview.slopes.caption", start=at, depth=slopes.DEPTH)
        if gone:
            caption += w.words("overview.slopes.gone", names=", ".join(gone))
        figures.append(figure(svg, caption))
        rows += [[_name(shown[n]), at, *(_number(v[d]) for d in slopes.DEPTHS)] for n, v in chains.items()]
    out.append(one_block(f'<div class="pair">{"".join(figures)}</div>'))
    head = [w("chain_input"), w.words("overview.slopes.start"), *(w("depth", n=n) for n in slopes.DEPTHS)]
    out.append(table(rows, head))
    return [*out, w.words("overview.slopes.reading", **_facts(shown))]


def _facts(shown: Mapping[str, Part]) -> dict[str, str]:
    """Numbers of the picture that its text speaks of; nothing is said of a function that is not there."""
    return {
        f"{name}_{'plus' if start > 0 else 'minus'}": _number(shown[name].summary.chains[start][-1])
        if name in shown
        else "–"
        for name in slopes.SHOWN
        for start in slopes.STARTS
    }


def _number(value: float) -> str:
    """Three digits; powers of ten as people write them."""
    text = f"{value:.3g}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return f"{digits}×10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
