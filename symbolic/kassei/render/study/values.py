"""Values to check by hand: f at a few whole numbers, exact and rounded once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from kassei.core.dossier import Dossier, Join

VALUES = (-2, -1, 0, 1, 2)
DIGITS = 7
LONGEST = 14
"""Operations of an exact value that is still shown."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One input; ``None`` where there is no such number, ``sides`` where only one-sided slopes exist."""

    at: int
    exact: sp.Expr | None
    decimal: str | None
    slope: str | None
    sides: tuple[str, str] | None


def values_by_hand(dossier: Dossier) -> Iterator[Row]:
    """One row for each of :data:`VALUES`, at the default parameters."""
    f = dossier.activation
    breaks: dict[sp.Expr, Join] = {}
    for condition, joins in dossier.facts.joins:
        if condition.subs(f.defaults) == sp.true:
            breaks |= {j.at.subs(f.defaults): j for j in joins}
    for x in VALUES:
        table = {**f.defaults, f.variable: sp.Integer(x)}
        exact = f.expr.subs(table)
        known = exact.is_finite and exact.is_real and exact.is_number
        exact = sp.nsimplify(exact) if known and exact.is_Rational else exact
        join, sides = breaks.get(sp.Integer(x)), None
        slope = None if dossier.facts.derivative is None else decimal(dossier.facts.derivative.subs(table))
        if join is not None:
            both = [None if s is None else decimal(s.subs(f.defaults)) for s in (join.slope_left, join.slope_right)]
            slope = both[0]
            if both[0] != both[1]:
                sides, slope = (both[0] or "–", both[1] or "–"), None
        yield Row(
            at=x,
            exact=exact if known and sp.count_ops(exact) <= LONGEST else None,
            decimal=decimal(exact),
            slope=slope,
            sides=sides,
        )


def decimal(value: sp.Expr) -> str | None:
    """A constant to seven digits, rounded once; ``None`` where it is no real number."""
    if not value.is_number or value.has(sp.nan, sp.oo, sp.zoo):
        return None
    number = sp.N(value, 30)
    if not number.is_real:
        return None
    if number == 0 or value.is_Integer:
        return str(int(number)).replace("-", "−")
    text = f"{number:.{DIGITS}g}" if value.is_Rational else str(sp.Float(number, DIGITS))
    text = text.rstrip("0").rstrip(".") if value.is_Rational and "e" not in text and "." in text else text
    return text.replace("-", "−")
