"""NumPy modules: vectorised, needing NumPy alone.

Inside, everything is computed in float64; float16 and float32 results are rounded once at the end, so their error is
that of the rounding wherever the float64 form is accurate.
"""

from __future__ import annotations

import sympy as sp

from kassei import __version__
from kassei.codegen import lower
from kassei.codegen.erfc import chebyshev_erfcx
from kassei.codegen.plan import Layout, Plan, Quantity, Selection, inner, outer
from kassei.codegen.printer import Printer, double
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import infinity_note, kink_note, parameter_fields
from kassei.text.templates import fill

FUNCTIONS = {
    sp.exp: "np.exp",
    sp.log: "np.log",
    sp.sqrt: "np.sqrt",
    sp.Pow: "np.power",
    sp.sin: "np.sin",
    sp.cos: "np.cos",
    sp.tan: "np.tan",
    sp.atan: "np.arctan",
    sp.asin: "np.arcsin",
    sp.acos: "np.arccos",
    sp.sinh: "np.sinh",
    sp.cosh: "np.cosh",
    sp.asinh: "np.arcsinh",
    sp.acosh: "np.arccosh",
    sp.atanh: "np.arctanh",
    sp.erf: "_erf",
    lower.raw_sigmoid: "_sigmoid",
    lower.raw_softplus: "_softplus",
    lower.raw_expm1: "np.expm1",
    lower.raw_erfc: "_erfc",
    lower.raw_tanh: "np.tanh",
    lower.raw_sech2: "_sech2",
    lower.raw_share: "_share",
    lower.raw_harmonic: "_harmonic",
    lower.raw_inverse: "_inverse",
    lower.raw_damped: "_damped",
    lower.raw_exp_harmonic: "_exp_harmonic",
    lower.raw_exp_product: "_exp_product",
    lower.raw_exp_first: "_exp_first",
    lower.raw_exp_second: "_exp_second",
}


def _literal(value: sp.Expr) -> str:
    if value is sp.oo:
        return "np.inf"
    if value is -sp.oo:
        return "-np.inf"
    if value is sp.nan:
        return "np.nan"
    return double(value)


printer = Printer(
    target="numpy",
    functions=FUNCTIONS,
    literal=_literal,
    both="&",
    either="|",
    negate="~",
    constants={"true": "True", "false": "False"},
)


def quantity_lines(q: Quantity, v: str) -> list[str]:
    """Statements that leave the quantity in ``out``."""
    lines: list[str] = []
    for k, layout in enumerate(q.layouts):
        lines += _layout_lines(layout, v, f"c{k}")
    last = f"c{len(q.layouts) - 1}"
    for k in range(len(q.layouts) - 2, -1, -1):
        lines.append(f"{last} = np.where({printer.condition(q.layouts[k].condition)}, c{k}, {last})")
    lines.append(f"out = np.where(np.isnan({v}), {v}, {last})")
    return lines


def _layout_lines(layout: Layout, v: str, name: str) -> list[str]:
    lines = []
    symbol = sp.Symbol("x", real=True)
    for j, branch in enumerate(layout.branches):
        inside = v
        if branch.expr.has(sp.Symbol(v, real=True)):
            if branch.lo != -sp.oo:
                inside = f"np.maximum({inside}, {printer.expr(branch.lo)})"
            if branch.hi != sp.oo:
                inside = f"np.minimum({inside}, {printer.expr(branch.hi)})"
        lines.append(f"x = {inside}") if inside != v else None
        expr = branch.expr.subs(sp.Symbol(v, real=True), symbol) if inside != v else branch.expr
        lines.append(f"{name}_{j} = {printer.expr(expr)}")
    lines.append(f"{name} = {name}_0")
    for j, joint in enumerate(layout.joints):
        sign = ">=" if joint.to_right else ">"
        lines.append(f"{name} = np.where({v} {sign} {printer.expr(joint.at)}, {name}_{j + 1}, {name})")
    for joint in layout.joints:
        if joint.own is not None:
            lines.append(f"{name} = np.where({v} == {printer.expr(joint.at)}, {printer.expr(joint.own)}, {name})")
    for where, selection in (("-np.inf", layout.at_neg_inf), ("np.inf", layout.at_pos_inf)):
        if selection is not None:
            lines.append(f"{name} = np.where({v} == {where}, {_selection(selection)}, {name})")
    return lines


def _selection(selection: Selection) -> str:
    text = printer.expr(selection.options[-1][1])
    for condition, value in reversed(selection.options[:-1]):
        text = f"np.where({printer.condition(condition)}, {printer.expr(value)}, {text})"
    return text


def emit(plan: Plan) -> dict[str, str]:
    """One module per function."""
    f = plan.activation
    v = str(f.variable)
    bodies = {"value": quantity_lines(plan.value, inner(v)), "slope": quantity_lines(plan.slope, inner(v))}
    params = {q.name: quantity_lines(q, inner(v)) for q in plan.param_slopes}
    text_of_all = "\n".join(line for lines in (*bodies.values(), *params.values()) for line in lines)
    used = {name for name in FUNCTIONS.values() if name.startswith("_") and f"{name}(" in text_of_all}
    if "_erf" in used:
        used.add("_erfc")
    text = fill(
        "code/numpy/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        source=f.source,
        v=outer(v),
        inner_names=[inner(v), *(inner(p.name) for p in f.parameters)],
        parameters=[parameter_fields(p) for p in f.parameters],
        learned=[outer(p.name) for p in f.learned],
        value=bodies["value"],
        slope=bodies["slope"],
        param_slopes={outer(name): lines for name, lines in params.items()},
        used=sorted(used),
        uses_odds=any(name.startswith("_exp_") for name in used),
        erfcx=[double(c) for c in chebyshev_erfcx()] if "_erfc" in used else [],
        kinks=kink_note(plan),
        at_infinity=infinity_note(plan),
    )
    return {f"{f.name}.py": text}


target = Target(name="numpy", needs="NumPy", emits="NAME.py", emit=emit)
