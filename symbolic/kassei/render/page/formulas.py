"""The formulas of a page: each with a permanent id, the same in every build and language, and an anchor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render.once import once
from kassei.render.page.markup import fenced, folded, one_block, tabs
from kassei.render.page.writer import Writer
from kassei.render.study.reuse import OUTPUT, Reused, reuse
from kassei.text.latex import latex, mathml


@dataclass(frozen=True, kw_only=True)
class Formula:
    """``left = expr``; ``left`` is LaTeX, ``key`` the last part of the id."""

    name: str
    key: str
    left: str
    expr: sp.Expr

    @property
    def id(self) -> str:
        """Such as ``kassei:gelu:df-dv``; it depends on nothing but the names in the definition."""
        return f"kassei:{self.name}:{self.key}"

    @property
    def anchor(self) -> str:
        """Where it stands on the function's page."""
        return f"formula-{self.key}"

    def latex(self, lang: str) -> str:
        """The equation."""
        return f"{self.left} = {latex(self.expr, lang)}"


def definition_of(f: Activation) -> Formula:
    """The equation that defines."""
    return Formula(name=f.name, key="f", left=latex(sp.Function("f")(f.variable)), expr=f.expr)


def formulas(dossier: Dossier) -> tuple[Formula, ...]:
    """The definition and every derivative that is known, and the slope in terms of the output."""
    f, facts = dossier.activation, dossier.facts
    v, x = str(f.variable), latex(f.variable)
    found = [definition_of(f)]
    if facts.derivative is not None:
        found.append(Formula(name=f.name, key=f"df-d{v}", left=rf"\frac{{df}}{{d{x}}}", expr=facts.derivative))
    if facts.second_derivative is not None:
        left = rf"\frac{{d^2 f}}{{d{x}^2}}"
        found.append(Formula(name=f.name, key=f"d2f-d{v}2", left=left, expr=facts.second_derivative))
    for p, expr in facts.param_derivatives.items():
        if expr is not None:
            left = rf"\frac{{\partial f}}{{\partial {latex(sp.Symbol(p))}}}"
            found.append(Formula(name=f.name, key=f"df-d{p}", left=left, expr=expr))
    parts = reused(dossier)
    if parts and (whole := in_output(parts, f.variable)) is not None:
        found.append(Formula(name=f.name, key=f"df-d{v}-in-f", left=rf"\frac{{df}}{{d{x}}}", expr=whole))
    return tuple(found)


reused = once(reuse)
"""The slope in terms of the output, found once for both languages."""


def in_output(parts: tuple[Reused, ...], v: sp.Symbol) -> sp.Expr | None:
    """The forms of all pieces as one expression; ``None`` where a piece has none."""
    if any(one.form is None for one in parts):
        return None
    if len({one.form for one in parts}) == 1:
        return parts[0].form
    rows = [(one.form, v < one.hi if k < len(parts) - 1 else True) for k, one in enumerate(parts)]
    return sp.Piecewise(*rows, evaluate=False)


def shown(w: Writer, formula: Formula, label: Markup | str = "") -> str:
    """A formula in display style, with its id as a link to itself."""
    head = Markup('<span class="entry-name">{}</span> ').format(label) if label else Markup("")
    body = Markup(
        '<div class="entry" id="{}"><p class="entry-head">{}<a class="fid" href="#{}">{}</a></p>'
        '<div class="formula" tabindex="0">{}</div></div>'
    ).format(formula.anchor, head, formula.anchor, formula.id, Markup(mathml(formula.latex(w.lang), display=True)))
    return one_block(str(body))


def to_copy(w: Writer, shown: Iterable[Formula]) -> str:
    """The same formulas as LaTeX, SymPy and MathML, folded; Material puts a copy button on each."""
    rows = list(shown)
    return folded(
        w("study.copy"),
        tabs(
            [
                ("LaTeX", fenced("\n".join(one.latex(w.lang) for one in rows))),
                ("SymPy", fenced("\n".join(f"{one.key.replace('-', '_')} = {sympy_text(one)}" for one in rows))),
                ("MathML", fenced("\n".join(mathml(one.latex(w.lang), display=True) for one in rows))),
            ]
        ),
        "more copy",
    )


def sympy_text(formula: Formula) -> str:
    """SymPy's spelling; the output is called f."""
    return str(formula.expr.xreplace({OUTPUT: sp.Symbol("f", real=True)}))


def id_list(found: Iterable[Formula]) -> Markup:
    """The ids as links, for the foot of the page."""
    return Markup(", ").join(
        Markup('<a href="#{}"><code>{}</code></a>').format(one.anchor, escape(one.id)) for one in found
    )
