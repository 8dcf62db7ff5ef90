"""Limits at the ends of a piece, by rewriting only: a rational function of the input and of vanishing quantities."""

from __future__ import annotations

import sympy as sp

Limit = tuple[sp.Expr, sp.Expr, sp.Expr]


def end_limits(expr: sp.Expr, v: sp.Symbol, end: sp.Expr) -> list[Limit]:
    """What a limit towards an infinite end may be, each with what must not be 0 and what must be > 0 for it.

    Exponentials that vanish there faster than any power, and what separates ``tanh`` or ``erf`` from its limit, are
    put to 0 in numerator and denominator; what is left is a quotient of polynomials, read off its leading terms.
    Nothing where the expression is of another kind.
    """
    way = 1 if end is sp.oo else -1
    expr = expr.rewrite(sp.erf).replace(sp.tanh, lambda u: 1 - 2 / (sp.exp(2 * u) + 1))
    swaps: dict[sp.Expr, sp.Expr] = {}
    small = sp.Dummy("small", positive=True)
    for node in expr.atoms(sp.exp, sp.erf):
        if not node.has(v):
            continue
        inner = node.args[0]
        if not inner.is_polynomial(v):
            return []
        top = sp.Poly(inner, v)
        lead = top.LC() * way ** top.degree()
        if lead.free_symbols or not (lead.is_positive or lead.is_negative):
            return []
        if isinstance(node, sp.erf):
            swaps[node] = 1 if lead.is_positive else -1
        elif lead.is_positive and len([n for n in expr.atoms(sp.exp) if n.has(v)]) > 1:
            return []
        else:
            swaps[node] = 1 / small if lead.is_positive else small
    top, bottom = sp.fraction(sp.together(expr.xreplace(swaps)))
    top, bottom = sp.expand(top), sp.expand(bottom)
    if any(not part.is_polynomial(v, small) for part in (top, bottom)):
        return []
    above, below = top.subs(small, 0), bottom.subs(small, 0)
    if below == 0:
        return []
    p, q = sp.Poly(above, v), sp.Poly(below, v)
    if p.is_zero:
        return [(sp.S.Zero, q.LC(), sp.S.One)]
    gap = p.degree() - q.degree()
    if gap < 0:
        return [(sp.S.Zero, q.LC(), sp.S.One)]
    ratio = p.LC() / q.LC()
    if gap == 0:
        return [(sp.cancel(ratio), q.LC(), sp.S.One)]
    rising = ratio * way**gap
    return [(sp.oo, q.LC(), rising), (-sp.oo, q.LC(), -rising)]
