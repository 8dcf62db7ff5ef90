"""What the targets whose modules are Python have in common: signatures, docstrings, literals and NumPy's names."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence

import sympy as sp

from kassei.codegen import lower
from kassei.codegen.plan import Plan, outer
from kassei.codegen.printer import double
from kassei.codegen.statements import COLUMNS
from kassei.codegen.targets._notes import infinity_note, kink_note
from kassei.codegen.ufuncs import BINARY, UNARY

NUMPY: Mapping[type[sp.Basic], str] = {
    **{head: f"np.{name}" for head, name in (*UNARY.items(), *BINARY.items())},
    sp.Abs: "np.abs",
    sp.sign: "np.sign",
    sp.sqrt: "np.sqrt",
    sp.Pow: "np.power",
}
"""Functions that NumPy has."""


def literal(library: str) -> Callable[[sp.Expr], str]:
    """How numbers are written where infinity and NaN are a library's (``np.inf``)."""

    def written(value: sp.Expr) -> str:
        if value in (sp.oo, -sp.oo):
            return f"{library}.inf" if value is sp.oo else f"-{library}.inf"
        return f"{library}.nan" if value is sp.nan else decimal(value)

    return written


def decimal(value: sp.Expr) -> str:
    """The shortest decimal of a double, as ``ruff format`` writes it."""
    return double(value).replace("e+", "e")


def listed(items: Iterable[object]) -> str:
    """A Python tuple."""
    texts = [str(item) for item in items]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def words(lines: str | Iterable[str]) -> set[str]:
    """The names and numbers that occur in a text."""
    return set(re.findall(r"\w+", lines if isinstance(lines, str) else "\n".join(lines)))


def paragraph(text: str, width: int = COLUMNS) -> str:
    """Text in lines of at most 88 columns, as docstrings and comments are laid out."""
    return textwrap.fill(text, width=width, break_long_words=False, break_on_hyphens=False)


def signature(name: str, arguments: Sequence[str]) -> list[str]:
    """The first lines of a definition, as ``ruff format`` lays them out."""
    line = f"def {name}({', '.join(arguments)}):"
    if len(line) <= COLUMNS:
        return [line]
    inside = f"    {', '.join(arguments)}"
    if len(inside) <= COLUMNS:
        return [f"def {name}(", inside, "):"]
    return [f"def {name}(", *(f"    {a}," for a in arguments), "):"]


def array_signatures(v: str, defaults: Sequence[str], into: Iterable[str]) -> dict[str, list[str]]:
    """The five functions of a module on arrays; those named in ``into`` take ``out``."""
    filled = set(into)
    names = ("forward", "grad_input", "grad_params", "backward", "forward_backward")
    return {
        name: signature(
            name,
            [*([] if name == "forward" else ["dy"]), v, *defaults, "*", "axis=None", *["out=None"] * (name in filled)],
        )
        for name in names
    }


def special_note(plan: Plan) -> str:
    """What NaN, the infinities and the breaks give."""
    return f"NaN stays NaN. Infinite inputs: {infinity_note(plan)}. At a break of the slope: {kink_note(plan)}."


def array_docstring(plan: Plan, title: str, *more: str) -> str:
    """The docstring of a module on arrays: what it is, inputs, what else there is to say, parameters."""
    f = plan.activation
    paragraphs = [
        title,
        f"{outer(str(f.variable))} -> {f.source}",
        "Inputs are float16, float32 or float64 arrays of any shape and stride; the result has the shape and dtype of"
        f" the input. {special_note(plan)} A zero may lose its sign.",
        *more,
    ]
    if f.parameters:
        paragraphs.append(
            "A parameter is a number (shared by the layer), an array that broadcasts against the input, or, with"
            " ``axis``, a one-dimensional array that lies along that axis (one value per channel)."
        )
        paragraphs += [f"``{outer(p.name)}``: {p.domain}, default {double(p.default)}." for p in f.parameters]
    return "\n\n".join(map(paragraph, paragraphs)).replace("\\", "\\\\")


def raw_names(heads: Iterable[type[sp.Basic]]) -> dict[type[sp.Basic], str]:
    """Functions of a library that every module brings along: ``raw_sigmoid`` is ``_sigmoid``."""
    return {head: head.__name__.removeprefix("raw") for head in heads}


OWN = raw_names(
    (
        *(lower.raw_sigmoid, lower.raw_softplus, lower.raw_sech2, lower.raw_normal_cdf, lower.raw_gauss),
        *(lower.raw_tanh_softplus, lower.raw_tanh_softplus_slope, lower.raw_exp_neg_square),
        *(lower.raw_share, lower.raw_harmonic, lower.raw_inverse, lower.raw_damped),
    )
)
