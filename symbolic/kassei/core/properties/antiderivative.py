"""A continuous antiderivative of f in closed form, or why there is none among the elementary functions."""

from __future__ import annotations

import sympy as sp

from kassei.core.algebra import tidy
from kassei.core.enclose import RootConstant, Undecided
from kassei.core.integrate import antiderivative
from kassei.core.liouville import not_elementary
from kassei.core.pieces import Form, Piece
from kassei.core.prove import Finding, Subject, side_limit
from kassei.core.region import Region
from kassei.core.signs import order
from kassei.core.verdict import Step, Verdict

ORDER = 26


def check(subject: Subject) -> Verdict:
    r"""A continuous $F$ with $F(0) = 0$ and $F' = f$ outside the breaks; ``none`` where f is not defined on R.

    ``{"elementary": false}`` says that no such $F$ is made from the functions in $f$ by algebraic functions,
    exponentials and logarithms: it is shown for one piece, and so none is on R.
    """
    return subject.evaluate(whole, "differentiation")


def whole(form: Form, region: Region) -> Finding:
    """An antiderivative of every piece, and constants that join them."""
    v = form.variable
    if not form.total:
        return Finding(truth=True, value="none", steps=(Step("antiderivative_undefined"),))
    try:
        found = [antiderivative(p, v, region) for p in form.pieces]
    except Undecided as left:
        return _without_elementary(form, region, left)
    ends = [(_end(f, p, v, "+", region), _end(f, p, v, "-", region)) for f, p in zip(found, form.pieces, strict=True)]
    start = next(k for k, p in enumerate(form.pieces) if order(p.hi, sp.S.Zero, region) > 0)
    first = form.pieces[start]
    at_zero = order(first.lo, sp.S.Zero, region) == 0
    constants = {start: -_known(ends[start][0] if at_zero else region.apply(found[start]).subs(v, 0))}
    for k in range(start + 1, len(found)):
        constants[k] = _known(ends[k - 1][1]) + constants[k - 1] - _known(ends[k][0])
    for k in reversed(range(start)):
        constants[k] = _known(ends[k + 1][0]) + constants[k + 1] - _known(ends[k][1])
    exprs = [tidy(f + sp.expand(constants[k])) for k, f in enumerate(found)]
    pairs = list(zip(exprs, form.pieces, strict=True))
    value = sp.Piecewise(*((e, v >= p.lo) for e, p in reversed(pairs[1:])), (exprs[0], True))
    if value.has(RootConstant, sp.oo, sp.nan, sp.zoo):
        raise Undecided("an antiderivative in closed form")
    steps = tuple(Step("antiderivative", {"lo": p.lo, "hi": p.hi, "expr": e, "slope": p.expr}) for e, p in pairs)
    return Finding(truth=True, value=value, steps=(*steps, Step("antiderivative_joined")))


def _without_elementary(form: Form, region: Region, left: Undecided) -> Finding:
    """A piece that is shown to have no elementary antiderivative; raises what was left open where there is none."""
    for piece in form.pieces:
        steps = not_elementary(piece.expr, form.variable, region)
        if steps is not None:
            start = Step("not_elementary_piece", {"lo": piece.lo, "hi": piece.hi, "expr": piece.expr})
            return Finding(truth=True, value={"elementary": False}, steps=(start, *steps, Step("not_elementary")))
    raise left


def _end(expr: sp.Expr, piece: Piece, v: sp.Symbol, side: str, region: Region) -> sp.Expr | None:
    at = piece.lo if side == "+" else piece.hi
    return None if at in (sp.oo, -sp.oo) else side_limit(expr, v, at, side, region)


def _known(end: sp.Expr | None) -> sp.Expr:
    if end is None or end in (sp.oo, -sp.oo):
        raise Undecided("the antiderivative at a break")
    return end
