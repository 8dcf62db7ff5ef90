"""The second derivative as a quantity of a plan, for targets that draw it.

It is the slope of the lowered slope, so it stands in the same stable terms. A break belongs to the side that the slope
there is taken from, whether or not there is a second derivative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from kassei.codegen import lower
from kassei.codegen import plan as planning
from kassei.codegen.lower import Place
from kassei.codegen.plan import Branch, Layout, Plan, Quantity, Selection
from kassei.core import limits
from kassei.core.dossier import Case
from kassei.core.effort import work
from kassei.core.pieces import Piece, smooth_derivative
from kassei.core.region import Leaf, Region, Tree, condition_where, explore, leaves

NAME = "second"
Array = np.ndarray[Any, Any]


@cache
def with_bend(plan: Plan) -> Plan:
    """The plan with the second derivative, called ``second``, as one more quantity behind the parameters' slopes."""
    layouts = planning.proved(NAME, plan.activation, lambda: _layouts(plan))
    return replace(plan, param_slopes=(*plan.param_slopes, Quantity(name=NAME, layouts=layouts)))


def _layouts(plan: Plan) -> tuple[Layout, ...]:
    activation = planning.renamed(plan.activation)
    with work(planning.PLAN_WORK):
        cases = planning.general_cases(activation)
        return tuple(_layout(case, slope) for case, slope in zip(cases, plan.slope.layouts, strict=True))


def _layout(case: Case, slope: Layout) -> Layout:
    pieces, v = case.form.pieces, case.form.variable
    return replace(
        slope,
        branches=tuple(_branch(piece, v, case) for piece in pieces),
        at_neg_inf=_at_infinity(pieces[0], v, -sp.oo, case),
        at_pos_inf=_at_infinity(pieces[-1], v, sp.oo, case),
    )


def _branch(piece: Piece, v: sp.Symbol, case: Case) -> Branch:
    if piece.expr is sp.nan:
        return Branch(lo=piece.lo, hi=piece.hi, expr=sp.nan)
    place = Place(v, piece.lo, piece.hi, case.region)
    slope = lower.slope(lower.lower(piece.expr, place), v)
    return Branch(lo=piece.lo, hi=piece.hi, expr=lower.finish(lower.slope(slope, v), place))


def _at_infinity(piece: Piece, v: sp.Symbol, end: sp.Expr, case: Case) -> Selection | None:
    """The proved limit of the second derivative, by cases; None where there is none or it was not found."""
    if piece.expr is sp.nan:
        return None
    expr = smooth_derivative(smooth_derivative(piece.expr, v), v)
    side = "+" if end is -sp.oo else "-"

    def ask(r: Region) -> sp.Expr | None:
        try:
            return limits.limit(expr, v, end, side, r)
        except limits.NoLimit:
            return None

    tree: Tree[sp.Expr | None] = explore(case.region, ask, lambda _: None)
    if isinstance(tree, Leaf):
        return None if tree.answer is None else Selection(options=((sp.true, tree.answer),))
    answers = list(dict.fromkeys(leaf.answer for leaf in leaves(tree)))
    options = [
        (condition_where(tree, lambda a, x=answer: a == x), sp.nan if answer is None else answer)  # type: ignore[misc]
        for answer in answers
    ]
    return Selection(options=tuple(options))


def curve(plan: Plan, points: Array, params: Mapping[str, float]) -> Array:
    """The second derivative at some inputs, in float64, for parameters by name."""
    from kassei.codegen import rounding
    from kassei.codegen.program import make_program

    program = make_program(with_bend(plan), (NAME,))
    scope, case = rounding._scope(program, dict(params), points)
    with np.errstate(all="ignore"):
        return np.asarray(rounding._choose(case.choices[0], points, scope)[0])
