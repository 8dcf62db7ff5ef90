"""What every target's printer needs: the error for what it was not taught, decimals, and how products split."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp


class NoRuleError(ValueError):
    """A target cannot express a function; the message names both and the place where a rule belongs."""


LIBM: Mapping[type[sp.Basic], str] = {
    head: head.__name__
    for head in (
        *(sp.sin, sp.cos, sp.tan, sp.atan, sp.asin, sp.acos),
        *(sp.sinh, sp.cosh, sp.asinh, sp.acosh, sp.atanh),
    )
}
"""Functions that are called in C's library what they are called in SymPy."""


def double(value: sp.Expr) -> str:
    """The shortest decimal that reads back as the nearest double."""
    return repr(float(sp.N(value, 40)))


def parted(product: sp.Mul) -> tuple[sp.Expr, list[tuple[sp.Expr, sp.Expr | None]]]:
    """The number in front; and the other factors in their order, those below the bar as base and positive exponent."""
    number: sp.Expr = sp.S.One
    factors: list[tuple[sp.Expr, sp.Expr | None]] = []
    for factor in product.args:
        if factor.is_number:
            number *= factor
        elif factor.is_Pow and factor.base is not sp.E and factor.exp.is_number and factor.exp.is_negative:
            factors.append((factor.base, -factor.exp))
        else:
            factors.append((factor, None))
    return number, factors


def negative(term: sp.Expr) -> bool:
    """Whether a term of a sum is subtracted."""
    number = term.args[0] if term.is_Mul else term
    return bool(number.is_number and number.is_negative)


def negated(term: sp.Expr) -> sp.Expr:
    """A negative term without its sign."""
    if term.is_number:
        return -term
    first, *rest = term.args
    if first == -1:
        return rest[0] if len(rest) == 1 else sp.Mul(*rest, evaluate=False)
    return sp.Mul(-first, *rest, evaluate=False)
