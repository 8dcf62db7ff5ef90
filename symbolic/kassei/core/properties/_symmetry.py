"""Identities between f(v) and f(-v): one residual that must vanish on its whole normal form."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from kassei.core.enclose import Undecided
from kassei.core.pieces import Form, nonzero_point, normal_form
from kassei.core.prove import Finding, Subject
from kassei.core.region import Region
from kassei.core.signs import order, sign
from kassei.core.verdict import Step


def mirrored(subject: Subject, parity: int) -> Callable[[Form, Region], Finding]:
    """The question whether f(-v) = parity * f(v) for every v."""
    f = subject.activation
    return vanishing(f.variable, f.expr.subs(f.variable, -f.variable) - parity * f.expr)


def vanishing(v: sp.Symbol, residual: sp.Expr) -> Callable[[Form, Region], Finding]:
    """The question whether an expression made of f(v), f(-v) and v is 0 for every v.

    A point where it is defined and not 0 refutes it, whatever else is undefined; it is proved only where f is defined
    on all of R.
    """

    def ask(form: Form, region: Region) -> Finding:
        both = normal_form(residual, v, region)
        facts = {"residual": _positive_side(both, region)}
        for piece in both.pieces:
            if piece.expr is sp.nan:
                continue
            at = nonzero_point(piece.expr, v, piece.lo, piece.hi, region)
            if at is not None:
                return Finding(
                    truth=False, witness={"points": [str(-at), str(at)]}, steps=(Step("not_symmetric", {"at": at}),)
                )
        for at, value in zip(both.breaks, both.values, strict=True):
            if value is not sp.nan and sign(value, region) != 0:
                here = region.at_sample(at)
                return Finding(
                    truth=False, witness={"points": [str(-here), str(here)]}, steps=(Step("not_symmetric", {"at": at}),)
                )
        if not form.total:
            raise Undecided("f is not defined on all of R")
        return Finding(truth=True, steps=(Step("symmetric", facts),))

    return ask


def _positive_side(both: Form, region: Region) -> sp.Expr:
    for piece in both.pieces:
        if order(piece.hi, sp.S.Zero, region) > 0:
            return piece.expr
    return both.pieces[-1].expr
