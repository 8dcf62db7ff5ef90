"""The sections about slopes: derivatives, the slope from the output, where pieces meet, conventions at kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from markupsafe import Markup, escape

from kassei.core.dossier import Dossier, Join
from kassei.render.page.formulas import formulas, reused, shown
from kassei.render.page.markup import heading, table
from kassei.render.page.writer import Writer
from kassei.render.study.special import evaluate, spelled


def derivatives(w: Writer, dossier: Dossier) -> str:
    """The derivatives in the input and the parameters, then what code needs to know of them."""
    known = {one.key: one for one in formulas(dossier)}
    v, out = str(dossier.activation.variable), []
    for key, label in ((f"df-d{v}", "first"), (f"d2f-d{v}2", "second")):
        out.append(shown(w, known[key], w.label(label)) if key in known else _missing(w, label))
    if dossier.facts.param_derivatives:
        out.append(heading(w("parameter_derivatives"), "parameter-derivatives", 3))
        out.append(w.terms_line("parameter_derivatives"))
        for p in dossier.facts.param_derivatives:
            key = f"df-d{p}"
            label = w("in_param", param=p)
            out.append(shown(w, known[key], label) if key in known else _missing(w, "in_param", param=p))
    for key, anchor, body in (
        ("study.reuse", "reuse", from_output(w, dossier)),
        ("joins", "joins", joins(w, dossier)),
        ("conventions", "conventions", conventions(w, dossier)),
    ):
        if body:
            out += [heading(w(key), anchor, 3), w.terms_line(key), body]
    return "\n\n".join(out)


def _missing(w: Writer, key: str, **facts: Any) -> str:
    return f"<p>{escape(w(key, **facts))}: {escape(w('unknown'))}</p>"


def from_output(w: Writer, dossier: Dossier) -> str:
    """The slope in terms of the output, where there is such a form."""
    parts = reused(dossier)
    if not parts:
        return ""
    f = dossier.activation
    whole = next((one for one in formulas(dossier) if one.key == f"df-d{f.variable}-in-f"), None)
    out = [w("study.reuse_text")]
    if whole is not None:
        return "\n\n".join([*out, shown(w, whole)])
    rows = [
        [w.math(sp.Interval.open(one.lo, one.hi)), w.math(one.form) if one.form is not None else w("unknown")]
        for one in parts
    ]
    return "\n\n".join([*out, table(rows, [w("study.interval"), w("study.slope_of")], caption=w("study.reuse"))])


def joins(w: Writer, dossier: Dossier) -> str:
    """Values and slopes on both sides of each break."""
    rows = []
    many = len(dossier.facts.joins) > 1
    for condition, found in dossier.facts.joins:
        for j in found:
            row = [
                w.math(x) if x is not None and x is not sp.nan else w("none")
                for x in (j.at, j.value, j.left, j.right, j.slope_left, j.slope_right)
            ]
            rows.append([w.math(condition), *row] if many else row)
    if not rows:
        return ""
    header = [w(k) for k in ("at", "value", "left", "right", "slope_left", "slope_right")]
    return table(rows, [w("when"), *header] if many else header, caption=w("joins"))


def kinks_at_defaults(dossier: Dossier) -> list[tuple[Join, sp.Expr, sp.Expr]]:
    """The breaks at which the one-sided slopes differ, with these slopes, at the default parameters."""
    f = dossier.activation
    out = []
    for condition, found in dossier.facts.joins:
        if condition.subs(f.defaults) != sp.true:
            continue
        for j in found:
            left, right = j.slope_left, j.slope_right
            if left is None or right is None or sp.nan in (left, right):
                continue
            left, right = left.subs(f.defaults), right.subs(f.defaults)
            if sp.simplify(left - right) != 0 or j.left != j.right:
                out.append((j, left, right))
    return out


def conventions(w: Writer, dossier: Dossier) -> str:
    """The slope that is used where there is none: by the emitted code, which is called, and by the frameworks."""
    f = dossier.activation
    kinks = kinks_at_defaults(dossier)
    places = [j.at.subs(f.defaults) for j, _, _ in kinks]
    if not places or not all(x.is_finite and x.is_number for x in places):
        return ""
    ours = evaluate(f, np.array([float(x) for x in places]), "grad_input")
    rows: list[list[Any]] = [
        [w("study.left_slope"), *(w.math(left) for _, left, _ in kinks)],
        [w("study.right_slope"), *(w.math(right) for _, _, right in kinks)],
        [Markup("<strong>{}</strong>").format(w("study.emitted")), *(spelled(y) for y in ours)],
    ]
    for one in f.frameworks:
        known = dict(one.kink)
        cells = [
            known.get(str(j.at), known.get(str(x), known.get("", "")))
            for (j, _, _), x in zip(kinks, places, strict=True)
        ]
        if any(cells):
            rows.append([one.name, *cells])
    header = [w("study.who"), *(Markup("v = {}").format(w.math(x)) for x in places)]
    return "\n\n".join([w("study.conventions_text"), table(rows, header, caption=w("conventions"))])
