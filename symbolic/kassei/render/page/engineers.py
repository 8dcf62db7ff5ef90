"""The section for kernel engineers: the emitted evaluation, special inputs, thresholds, measured errors and speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp
from markupsafe import Markup, escape

from kassei.bench.results import tables
from kassei.codegen.plan import CannotEmitError, Layout, Plan, inner, make_plan
from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render.measured import audits, ulps
from kassei.render.once import once
from kassei.render.page.formulas import in_output, reused
from kassei.render.page.markup import folded, heading, one_block, table
from kassei.render.page.writer import Writer
from kassei.render.study.special import DTYPES, QUANTITIES, SAMPLES, Threshold, at_special, special_inputs, thresholds

_special = once(at_special)
FEW = 4
"""Rows of measurements that are shown before anyone asks."""


@once
def _thresholds(activation: Activation) -> tuple[Threshold, ...]:
    return tuple(thresholds(activation))


def engineers(w: Writer, dossier: Dossier) -> str:
    """Six short parts; long tables are folded."""
    out = []
    for key, anchor, body in (
        ("study.stable", "stable", stable(w, dossier)),
        ("study.special", "special-values", special(w, dossier)),
        ("study.thresholds", "thresholds", where_it_ends(w, dossier)),
        ("study.error", "errors", error(w, dossier)),
        ("study.speed", "speed", speed(w, dossier)),
        ("study.saved", "saved", saved(w, dossier)),
    ):
        if body:
            out += [heading(w(key), anchor, 3), w.terms_line(key), body]
    return "\n\n".join(out)


# --- the emitted form -------------------------------------------------------------------------------------------------


def stable(w: Writer, dossier: Dossier) -> str:
    """The lowered formulas, piece by piece, and what their functions mean."""
    try:
        plan = make_plan(dossier.activation)
    except CannotEmitError:
        return ""
    rows, used = [], set[str]()
    for name, quantity in (("value_of", plan.value), ("slope_of", plan.slope)):
        for branch in layout_at_defaults(plan, quantity.layouts).branches:
            form = readable(branch.expr, plan, used)
            lo, hi = (original(x, plan) for x in (branch.lo, branch.hi))
            where = w.math(sp.Interval.open(lo, hi))
            rows.append([w(f"study.{name}"), where, w.math(form, large=True) if form is not sp.nan else w("none")])
    header = [w("study.quantity"), w("study.interval"), w("study.form")]
    out = [w("study.stable_text"), table(rows, header, caption=w("study.stable"))]
    if used:
        rows_of = [(short(n), f"stable.{n.removeprefix('raw_')}") for n in sorted(used)]
        known = [(name, w(key)) for name, key in rows_of if key in w.words.source]
        meanings = Markup("").join(Markup("<dt><code>{}</code></dt><dd>{}</dd>").format(*one) for one in known)
        out.append(one_block(f'<dl class="functions">{meanings}</dl>'))
    return "\n\n".join(out)


def layout_at_defaults(plan: Plan, layouts: tuple[Layout, ...]) -> Layout:
    """The case that holds at the default parameters; the last one stands for the rest."""
    defaults = {sp.Symbol(inner(p.name), real=True): p.default for p in plan.activation.parameters}
    return next((one for one in layouts if one.condition.subs(defaults) == sp.true), layouts[-1])


def original(e: sp.Expr, plan: Plan) -> sp.Expr:
    """An expression of a plan in the definition's own names."""
    f = plan.activation
    return e.xreplace({sp.Symbol(inner(s.name), real=True): s for s in (f.variable, *(p.symbol for p in f.parameters))})


def readable(e: sp.Expr, plan: Plan, used: set[str]) -> sp.Expr:
    """A lowered form with our functions under names that a reader can look up below it; ``used`` collects them."""

    def walk(node: sp.Basic) -> sp.Basic:
        if not node.args:
            return node
        args = [walk(a) for a in node.args]
        name = type(node).__name__
        if name == "raw_product":
            return sp.Mul(*args, evaluate=False)
        if name == "raw_quotient":
            return sp.Mul(args[0], sp.Pow(args[1], -1, evaluate=False), evaluate=False)
        if name == "raw_positive":
            return args[0]
        if name.startswith("raw_"):
            used.add(name)
            return sp.Function(short(name))(*args)
        return node.func(*args, evaluate=False) if node.is_Add or node.is_Mul else node.func(*args)

    return walk(original(e, plan))


def short(name: str) -> str:
    """``raw_log_sum`` as one writes it in a formula."""
    return name.removeprefix("raw_").replace("_", "")


# --- run --------------------------------------------------------------------------------------------------------------


def special(w: Writer, dossier: Dossier) -> str:
    """What came out at NaN, the infinities, zeros, subnormals and the largest numbers."""
    found = _special(dossier.activation)
    kinds = [(dtype.__name__, quantity) for dtype in DTYPES for quantity, _ in QUANTITIES]
    names = {"value": w("study.value_of"), "slope": w("study.slope_of")}
    header = [w("study.input"), *(f"{names[quantity]}, {dtype}" for dtype, quantity in kinds)]
    rows = [[w(f"study.input_{name}"), *(found[name][kind] for kind in kinds)] for name in special_inputs(DTYPES[0])]
    return "\n\n".join([w("study.special_text"), table(rows, header, "facts numbers", w("study.special"))])


def where_it_ends(w: Writer, dossier: Dossier) -> str:
    """Overflow, underflow and levelling off, as found by search."""
    rows = []
    for one in _thresholds(dossier.activation):
        name = w("study.value_of" if one.quantity == "value" else "study.slope_of")
        level = {"overflow": "∞" if one.level > 0 else "−∞", "zero": "0"}.get(one.kind, f"{one.level:.9g}")
        start = f"{one.start:.9g}".replace("-", "−")
        rows.append([f"{name}, {one.dtype}", start, level.replace("-", "−"), w(f"study.kind_{one.kind}")])
    if not rows:
        return w("study.thresholds_none", samples=f"{SAMPLES:,}")
    header = [w("study.quantity"), w("study.from"), w("study.gives"), ""]
    text = w("study.thresholds_text", samples=f"{SAMPLES:,}")
    body = table(rows, header, "facts numbers", w("study.thresholds"))
    return "\n\n".join([text, body if len(rows) <= FEW else folded(w("study.thresholds"), body)])


# --- measured ---------------------------------------------------------------------------------------------------------


def error(w: Writer, dossier: Dossier) -> str:
    """The committed audits of this very definition."""
    f = dossier.activation
    rows = []
    for file, one in audits():
        if (one["name"], one["digest"]) != (f.name, f.digest):
            continue
        for result in one["results"]:
            where = ", ".join(f"{k} = {x}" for k, x in result["params"].items())
            q = result["quantities"]
            slopes = [_ulps(w, q[name], name) for name in q if name != "value"]
            count = f"{q['value']['inputs']:,}"
            link = Markup('<a href="../../accuracy/{}" download>{}</a>').format(
                file, f"{one['target']}, {one['dtype']}"
            )
            label = link + Markup('<br><span class="small">{}</span>').format(where) if where else link
            inputs = w("study.every_input", count=count) if one["exhaustive"] else count
            rows.append([label, _ulps(w, q["value"]), Markup("<br>").join(slopes), inputs])
    if not rows:
        command = f"kassei audit {f.name} --target numpy --dtype float32"
        return one_block(f"<p>{escape(w('study.error_none'))} <code>{escape(command)}</code></p>")
    header = [w("study.error_row"), w("study.largest"), w("study.largest_slope"), w("study.inputs")]
    return "\n\n".join([w("study.error_text"), table(rows, header, "facts numbers", w("study.error"))])


def _ulps(w: Writer, q: Mapping[str, Any], name: str = "") -> Markup:
    at = f"{float(q['at']['decimal']):.6g}".replace("-", "−") if q["at"] else "–"
    figure = ulps(q["max_ulp"])
    label = f"{name}: " if name and name != "slope" else ""
    return Markup('{}{} ulp <span class="small">{}</span>').format(label, figure, w("study.at_input", at=at))


def speed(w: Writer, dossier: Dossier) -> str:
    """The committed timings of this very definition."""
    rows = list(_timings(w, dossier))
    if not rows:
        return w("study.speed_none")
    text = Markup('<p>{} <a href="../../speed/">{}</a></p>').format(w("study.speed_text"), w.words("speed.title"))
    header = [w("study.pass"), w("study.type"), w("study.size"), w("study.ours"), "ns"]
    body = table(rows, header, "facts numbers", w("study.speed"))
    return "\n\n".join([one_block(str(text)), body if len(rows) <= FEW else folded(w("study.speed"), body)])


def _timings(w: Writer, dossier: Dossier) -> Iterator[list[Any]]:
    f = dossier.activation
    for _, one in tables():
        for row in one["rows"]:
            if (row["function"], row["digest"]) != (f.name, f.digest):
                continue
            for ours in row["ours"]:
                label = f"study.pass_{row['pass']}"
                named = w(label) if label in w.words.source else row["pass"]
                figure = f"{ours['ns']['median']:.3g}"
                yield [
                    named,
                    row["dtype"],
                    f"{row['size']:,}",
                    f"{ours['target']} ({w('speed.' + ours['output'])})",
                    figure,
                ]


def saved(w: Writer, dossier: Dossier) -> str:
    """What the backward pass needs."""
    f, parts = dossier.activation, reused(dossier)
    if parts and (whole := in_output(parts, f.variable)) is not None:
        out = [w("study.saved_output_sides" if whole.has(sp.Piecewise) else "study.saved_output")]
    else:
        out = [w("study.saved_input")]
    if f.learned and out[0] != w("study.saved_input"):
        out.append(w("study.saved_parameters", names=", ".join(p.name for p in f.learned)))
    return " ".join(out) if w.lang == "en" else "".join(out)
