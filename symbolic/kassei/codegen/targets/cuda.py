"""CUDA modules for CuPy: RawKernel source strings, one translation unit per dtype, without any header.

float16 and bfloat16 are stored in 16 bits and computed in float32; float32 is computed in float32 throughout (every
literal and every function is typed), float64 in float64. Branches are real branches: what is not taken is not
evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from kassei import __version__
from kassei.codegen import lower
from kassei.codegen.plan import Layout, Plan, Quantity, Selection, inner, outer
from kassei.codegen.printer import Printer, double
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import infinity_note, kink_note, parameter_fields
from kassei.text.templates import fill

_C_NAMES = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sqrt: "sqrt",
    sp.Pow: "pow",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.atan: "atan",
    sp.asin: "asin",
    sp.acos: "acos",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.asinh: "asinh",
    sp.acosh: "acosh",
    sp.atanh: "atanh",
    sp.erf: "erf",
    lower.raw_expm1: "expm1",
    lower.raw_erfc: "erfc",
    lower.raw_tanh: "tanh",
}
_OWN = {
    lower.raw_sigmoid: "kassei_sigmoid",
    lower.raw_softplus: "kassei_softplus",
    lower.raw_sech2: "kassei_sech2",
    lower.raw_share: "kassei_share",
    lower.raw_harmonic: "kassei_harmonic",
    lower.raw_inverse: "kassei_inverse",
    lower.raw_damped: "kassei_damped",
    lower.raw_exp_harmonic: "kassei_exp_harmonic",
    lower.raw_exp_product: "kassei_exp_product",
    lower.raw_exp_first: "kassei_exp_first",
    lower.raw_exp_second: "kassei_exp_second",
}


@dataclass(frozen=True, kw_only=True)
class Precision:
    """A storage type and the type its arithmetic is done in."""

    dtype: str
    storage: str
    real: str

    @property
    def suffix(self) -> str:
        """What a literal and a library function carry."""
        return "f" if self.real == "float" else ""


PRECISIONS = (
    Precision(dtype="float16", storage="unsigned short", real="float"),
    Precision(dtype="bfloat16", storage="unsigned short", real="float"),
    Precision(dtype="float32", storage="float", real="float"),
    Precision(dtype="float64", storage="double", real="double"),
)


def _single(value: sp.Expr) -> str:
    """A float literal that reads back as the nearest float32."""
    if abs(value) > sp.Rational(2) ** 128:
        return "KASSEI_INF" if value > 0 else "(-KASSEI_INF)"
    text = format(float(sp.N(value, 40)), ".9g")
    return f"{text if any(c in text for c in '.en') else text + '.0'}f"


def _double(value: sp.Expr) -> str:
    text = double(value)
    return text if any(c in text for c in ".en") else f"{text}.0"


def printer_for(precision: Precision) -> Printer:
    """The C printer of one precision."""

    def literal(value: sp.Expr) -> str:
        if value is sp.nan:
            return "KASSEI_NAN"
        if value in (sp.oo, -sp.oo):
            return "KASSEI_INF" if value is sp.oo else "(-KASSEI_INF)"
        text = _single(value) if precision.suffix else _double(value)
        return f"({text})" if text.startswith("-") else text

    return Printer(
        target="cuda",
        functions={**{k: n + precision.suffix for k, n in _C_NAMES.items()}, **_OWN},
        literal=literal,
        both="&&",
        either="||",
        negate="!",
        constants={"true": "true", "false": "false"},
    )


def _quantity(q: Quantity, v: str, printer: Printer) -> list[str]:
    lines = [f"if ({v} != {v}) return {v};"]
    for k, layout in enumerate(q.layouts):
        last = k == len(q.layouts) - 1
        body = _layout(layout, v, printer)
        if last:
            lines += body
        else:
            lines.append(f"if ({printer.condition(layout.condition)}) {{")
            lines += [f"    {line}" for line in body]
            lines.append("}")
    return lines


def _layout(layout: Layout, v: str, printer: Printer) -> list[str]:
    lines = []
    for where, selection in (("-KASSEI_INF", layout.at_neg_inf), ("KASSEI_INF", layout.at_pos_inf)):
        if selection is not None:
            lines.append(f"if ({v} == {where}) return {_selection(selection, printer)};")
    for joint in layout.joints:
        if joint.own is not None:
            lines.append(f"if ({v} == {printer.expr(joint.at)}) return {printer.expr(joint.own)};")
    for k in range(len(layout.joints) - 1, -1, -1):
        joint = layout.joints[k]
        sign = ">=" if joint.to_right else ">"
        lines.append(f"if ({v} {sign} {printer.expr(joint.at)}) return {printer.expr(layout.branches[k + 1].expr)};")
    lines.append(f"return {printer.expr(layout.branches[0].expr)};")
    return lines


def _selection(selection: Selection, printer: Printer) -> str:
    text = printer.expr(selection.options[-1][1])
    for condition, value in reversed(selection.options[:-1]):
        text = f"({printer.condition(condition)} ? {printer.expr(value)} : {text})"
    return text


def source(plan: Plan, precision: Precision) -> str:
    """The translation unit of one dtype."""
    f = plan.activation
    printer = printer_for(precision)
    v = inner(str(f.variable))
    functions = {
        "value": _quantity(plan.value, v, printer),
        "slope": _quantity(plan.slope, v, printer),
        **{f"slope_in_{outer(q.name)}": _quantity(q, v, printer) for q in plan.param_slopes},
    }
    text = "\n".join(line for lines in functions.values() for line in lines)
    used = {name for name in _OWN.values() if f"{name}(" in text}
    return fill(
        "code/cuda/kernels.cu.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        formula=f.source,
        v=outer(str(f.variable)),
        inner_v=v,
        inner_parameters=[inner(p.name) for p in f.parameters],
        parameters=[outer(p.name) for p in f.parameters],
        learned=[outer(p.name) for p in f.learned],
        functions=functions,
        used=sorted(used),
        uses_odds=any(name.startswith("kassei_exp_") for name in used),
        dtype=precision.dtype,
        storage=precision.storage,
        real=precision.real,
        s=precision.suffix,
    )


def emit(plan: Plan) -> dict[str, str]:
    """One Python module per function, with the sources of all dtypes inside."""
    f = plan.activation
    text = fill(
        "code/cuda/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        source=f.source,
        v=outer(str(f.variable)),
        parameters=[parameter_fields(p) for p in f.parameters],
        learned=[outer(p.name) for p in f.learned],
        sources={p.dtype: source(plan, p) for p in PRECISIONS},
        kinks=kink_note(plan),
        at_infinity=infinity_note(plan),
    )
    return {f"{f.name}_cuda.py": text}


target = Target(name="cuda", needs="CuPy and an NVIDIA GPU", emits="NAME_cuda.py", emit=emit)
