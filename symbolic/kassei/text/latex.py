"""Mathematics for people: LaTeX with the words of a language, and MathML made from it at build time."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from kassei.core.enclose import RootConstant

OTHERWISE = {"en": r"\text{otherwise}", "ja": r"\text{それ以外}"}


class Latex(LatexPrinter):  # type: ignore[misc]
    """SymPy's LaTeX printer with our conventions: cases in the page's language, e to a power, short enclosures."""

    def __init__(self, lang: str = "en") -> None:
        super().__init__({"ln_notation": False})
        self.lang = lang

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        rows = []
        for value, condition in expr.args:
            where = OTHERWISE[self.lang] if condition is sp.true else self._print(condition)
            rows.append(rf"\displaystyle {self._print(value)} & {where}")
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def _print_RootConstant(self, expr: RootConstant) -> str:
        lo, hi = expr.bracket(64)
        digits = str(sp.Float((lo + hi) / 2, 8)) + r"\ldots"
        return rf"\left({digits}\right)" if hi < 0 else digits  # "- -2.4" would be read as one number

    def _print_Max(self, expr: sp.Max, exp: str | None = None) -> str:
        return self._extreme(r"\max", expr, exp)

    def _print_Min(self, expr: sp.Min, exp: str | None = None) -> str:
        return self._extreme(r"\min", expr, exp)

    def _extreme(self, name: str, expr: sp.Expr, exp: str | None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return f"{name}{power}(" + ", ".join(self._print(a) for a in expr.args) + ")"

    def _print_Reals(self, expr: Any) -> str:
        return r"\mathbb{R}"

    def _print_EmptySet(self, expr: Any) -> str:
        return r"\emptyset"

    def _print_Dummy(self, expr: sp.Dummy) -> str:
        return str(expr.name)


@cache
def _printer(lang: str) -> Latex:
    return Latex(lang)


def latex(expr: sp.Basic, lang: str = "en") -> str:
    """An expression, set or condition as LaTeX."""
    return _latex(expr, lang if isinstance(expr, sp.Basic) and expr.has(sp.Piecewise) else "")


@lru_cache(maxsize=8192, typed=True)
def _latex(expr: sp.Basic, lang: str) -> str:
    """A page says the same formulas again and again, and only cases differ by language."""
    return str(_printer(lang or "en").doprint(expr))


@lru_cache(maxsize=4096)
def mathml(source: str, *, display: bool = False) -> str:
    """LaTeX as MathML. Needs the ``site`` extra (math-core)."""
    from math_core import LatexToMathML

    return str(LatexToMathML().convert_with_local_state(source, displaystyle=display))
