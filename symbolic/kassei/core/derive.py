"""Derivation: normal forms, derivatives, one-sided values and slopes, limits. No proof search happens here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import sympy as sp

from kassei.core import limits
from kassei.core.activation import Activation
from kassei.core.convergence import param_limits
from kassei.core.dossier import Case, Facts, Join
from kassei.core.effort import TROUBLE, simplify
from kassei.core.enclose import Undecided
from kassei.core.pieces import BAD, Form, Piece, insert, slope_of, smooth_derivative, switch_side
from kassei.core.prove import Subject, edges
from kassei.core.region import (
    Fork,
    Leaf,
    Region,
    Tree,
    by_value,
    condition_where,
    explore,
    graft,
    leaves,
    tidy_condition,
    within,
)
from kassei.core.signs import order


def derive(activation: Activation, known: Mapping[str, Form] | None = None, *, with_limits: bool = True) -> Facts:
    """Everything that follows from the definition by calculus alone.

    ``known`` maps catalogue names to normal forms, to recognise what parameter limits equal. With
    ``with_limits=False`` the limits are left out (code targets need only forms and derivatives).
    """
    subject = Subject(activation)
    facts = calculus(subject)
    if not with_limits:
        return facts
    return replace(
        facts,
        joins=joins(subject),
        limits=MappingProxyType(limits_at_ends(subject)),
        param_limits=param_limits(activation, subject.region, known),
    )


def calculus(subject: Subject) -> Facts:
    """Normal forms and derivatives; what needs a limit is left unknown."""
    activation = subject.activation
    cases = _cases(subject)
    v = activation.variable
    return replace(
        Facts.unknown(activation),
        cases=cases,
        derivative=_found(lambda: _assemble(activation, cases, lambda e: smooth_derivative(e, v))),
        second_derivative=_found(
            lambda: _assemble(activation, cases, lambda e: smooth_derivative(smooth_derivative(e, v), v))
        ),
        param_derivatives=MappingProxyType(
            {
                p.name: _found(
                    lambda s=p.symbol: _assemble(activation, cases, lambda e: smooth_derivative(e, s), s)  # type: ignore[misc]
                )
                for p in activation.parameters
            }
        ),
    )


def _found(call: Callable[[], sp.Expr | None]) -> sp.Expr | None:
    """What ``call`` finds; None where it is left open or SymPy fails."""
    try:
        return call()
    except (Undecided, Fork, *TROUBLE):
        return None


def _cases(subject: Subject) -> tuple[Case, ...]:
    tree = subject.forms
    out = []
    for leaf in leaves(tree):
        if isinstance(leaf.answer, str):
            return ()
        condition = condition_where(tree, lambda form, here=leaf.answer: form is here)  # type: ignore[misc]
        out.append(Case(condition=condition, form=leaf.answer, region=leaf.region))
    return tuple(out)


def _assemble(
    activation: Activation,
    cases: tuple[Case, ...],
    derive_piece: Callable[[sp.Expr], sp.Expr],
    parameter: sp.Symbol | None = None,
) -> sp.Expr | None:
    """One expression in v (and the parameters) from what each piece becomes; None where there is no normal form.

    A case that fixes a parameter joins a neighbour whose expression already says the same. In the derivative by a
    parameter that a case fixes, on its own or in terms of others, what counts is the function on both sides of it.
    """
    general = [(c, _of_form(activation, c, derive_piece), [c.condition]) for c in cases if not c.region.fixed]
    if not general:
        return None
    alone: list[tuple[sp.Expr, list[sp.Basic]]] = []
    for case in (c for c in cases if c.region.fixed):
        expr = _of_form(activation, case, derive_piece, parameter)
        if parameter is not None and moves(case, parameter):
            beside = _from_both_sides(activation, case, cases, derive_piece, parameter)
            expr = expr if beside is None else beside
        for _, said, conditions in general:
            if specialises(said, expr, case):
                conditions.append(case.condition)
                break
        else:
            alone.append((expr, [case.condition]))
    distinct: dict[sp.Expr, list[sp.Basic]] = {}
    for expr, conditions in [*alone, *((said, conditions) for _, said, conditions in general)]:
        distinct.setdefault(expr, []).extend(conditions)
    branches = [(expr, tidy_condition(sp.Or(*conditions))) for expr, conditions in distinct.items()]
    if len(branches) == 1:
        return branches[0][0]
    return sp.Piecewise(*branches[:-1], (branches[-1][0], True))


STEPS_ASIDE = (sp.Rational(1, 2**20), sp.Rational(-1, 2**20))


def _from_both_sides(
    activation: Activation,
    case: Case,
    cases: tuple[Case, ...],
    derive_piece: Callable[[sp.Expr], sp.Expr],
    parameter: sp.Symbol,
) -> sp.Expr | None:
    """The derivative in a parameter that a case fixes, from the cases above and below it.

    None where the function in a neighbouring case does not become the one here; ``nan`` on the parts of the line on
    which the two sides have different derivatives.
    """
    v = activation.variable
    found: list[sp.Expr] = []
    for step in STEPS_ASIDE:
        neighbour = _beside(activation, case, cases, parameter, step)
        if neighbour is None:
            continue
        if moves(neighbour, parameter) or not specialises(_spelled(neighbour), _spelled(case), case):
            return None
        found.append(case.region.apply(_of_form(activation, neighbour, derive_piece)))
    if not found or found[0].has(*BAD) or found[-1].has(*BAD):
        return None
    if len(found) == 1 or simplify(sp.piecewise_fold(found[0] - found[1])) == 0:
        return found[0]
    cuts = _insert_all([c for one in found for c in _thresholds(one, v)], case.region)
    branches: list[tuple[sp.Expr, sp.Basic]] = []
    for low in [*reversed(cuts), -sp.oo]:
        first, second = (_above(one, v, low, case.region) for one in found)
        value = first if simplify(first - second) == 0 else sp.nan
        branches.append((value, sp.true if low == -sp.oo else v > low))
    return sp.Piecewise(*branches)


def _beside(
    activation: Activation, case: Case, cases: tuple[Case, ...], parameter: sp.Symbol, step: sp.Rational
) -> Case | None:
    """The case that holds a little above or below the sample of a case; None outside of the parameter's domain."""
    point = {p.symbol: case.region.at_sample(p.symbol) for p in activation.parameters}
    point[parameter] += step
    domain = next(p.domain for p in activation.parameters if p.symbol == parameter)
    if not within(point[parameter], domain):
        return None
    for other in cases:
        if other.condition.subs(point) == sp.true:
            return other
    raise Undecided("which case holds at {}", point)


def _thresholds(expr: sp.Expr, v: sp.Symbol) -> list[sp.Expr]:
    return [r.rhs if r.lhs == v else r.lhs for r in expr.atoms(sp.core.relational.Relational) if v in (r.lhs, r.rhs)]


def _insert_all(points: list[sp.Expr], region: Region) -> list[sp.Expr]:
    cuts: list[sp.Expr] = []
    for point in points:
        cuts = insert(cuts, point, region)
    return cuts


def _above(expr: sp.Expr, v: sp.Symbol, low: sp.Expr, region: Region) -> sp.Expr:
    """The branch of a Piecewise in ``v`` that holds right above a point."""
    if not isinstance(expr, sp.Piecewise):
        return expr
    for value, condition in expr.args:
        if condition == sp.true:
            return value
        if low != -sp.oo and order(_thresholds(condition, v)[0], low, region) <= 0:
            return value
    return sp.nan


def _spelled(case: Case) -> sp.Expr:
    return form_as_expression(case.form, case.form.variable)


def specialises(general: sp.Expr, fixed: sp.Expr, case: Case) -> bool:
    """Whether a general expression becomes ``fixed`` at the parameter values a case fixes, and has a meaning there."""
    apply = case.region.apply
    for relation in general.atoms(sp.core.relational.Relational):
        if any(apply(side).has(sp.nan, sp.zoo, sp.oo, -sp.oo) for side in relation.args):
            return False
    there = apply(general)
    if fixed is sp.nan:
        return bool(there.has(sp.nan, sp.zoo, sp.oo, -sp.oo))
    return bool(there == fixed or simplify(sp.piecewise_fold(there - fixed)) == 0)


def moves(case: Case, parameter: sp.Symbol | None) -> bool:
    """Whether changing a parameter leads out of a case, which fixes it on its own or in terms of others."""
    return any(parameter == s or parameter in e.free_symbols for s, e in case.region.fixed)


def param_slope(piece: Piece, case: Case, parameter: sp.Symbol) -> sp.Expr:
    """The derivative of a piece in a parameter that its case fixes; ``nan`` where no single branch is in force."""
    if piece.free is None:
        return sp.nan
    return case.region.apply(smooth_derivative(piece.free, parameter))


def _of_form(
    activation: Activation,
    case: Case,
    derive_piece: Callable[[sp.Expr], sp.Expr],
    parameter: sp.Symbol | None = None,
) -> sp.Expr:
    v = activation.variable
    form = case.form
    branches: list[tuple[sp.Expr, sp.Basic]] = []
    for k in range(len(form.pieces) - 1, -1, -1):
        piece = form.pieces[k]
        if piece.expr is sp.nan:
            value = sp.nan
        elif parameter is not None and moves(case, parameter):
            value = param_slope(piece, case, parameter)
        else:
            value = derive_piece(piece.expr)
        if k == 0:
            branches.append((value, sp.true))
            continue
        closed = switch_side(activation.expr, form, k - 1, case.region) >= 0
        branches.append((value, (v >= piece.lo) if closed else (v > piece.lo)))
    merged: list[tuple[sp.Expr, sp.Basic]] = []
    for value, condition in branches:
        if merged and merged[-1][0] == value:
            merged[-1] = (value, condition)
        else:
            merged.append((value, condition))
    return sp.Piecewise(*merged)


def joins(subject: Subject) -> tuple[tuple[sp.Basic, tuple[Join, ...]], ...]:
    """Values, one-sided limits and slopes at every break, with the condition under which they are these."""

    def ask(form: Form | str, region: Region) -> tuple[Join, ...]:
        if isinstance(form, str):
            return ()
        return tuple(
            Join(at=e.at, value=e.value, left=e.left, right=e.right, slope_left=e.slope_left, slope_right=e.slope_right)
            for e in edges(subject.form_on(form, region), region)
        )

    tree = graft(
        subject.forms,
        lambda leaf: explore(leaf.region, lambda region: ask(leaf.answer, region), lambda _: ()),
    )
    out = []
    for answer in dict.fromkeys(leaf.answer for leaf in leaves(tree)):
        out.append((condition_where(tree, lambda a, here=answer: a == here), answer))  # type: ignore[misc]
    return tuple(out)


def limits_at_ends(subject: Subject) -> dict[str, Any]:
    """The limits of f and of its slope at -oo and oo, by the keys of ``Facts.limits``."""
    v = subject.activation.variable

    def at(end: sp.Expr, times: int) -> Any:
        def ask(form: Form | str, region: Region) -> sp.Expr | str | None:
            if isinstance(form, str):
                return None
            piece = form.pieces[0] if end is -sp.oo else form.pieces[-1]
            if piece.expr is sp.nan:
                return "none"
            try:
                return limits.at_infinity(slope_of(piece, v, times), v, end, region)
            except limits.NoLimit:
                return "none"

        tree: Tree[sp.Expr | str | None] = graft(
            subject.forms,
            lambda leaf: explore(leaf.region, lambda region: ask(leaf.answer, region), lambda _: None),
        )
        if any(leaf.answer is None for leaf in leaves(tree)):
            return None
        return by_value(_generalised(tree))

    return {
        "neg_inf": at(-sp.oo, 0),
        "pos_inf": at(sp.oo, 0),
        "slope_neg_inf": at(-sp.oo, 1),
        "slope_pos_inf": at(sp.oo, 1),
    }


def _generalised(tree: Tree[Any]) -> Tree[Any]:
    """Leaves at a fixed parameter take the general answer of a neighbour where it says the same there."""
    general = [leaf.answer for leaf in leaves(tree) if not leaf.region.fixed and isinstance(leaf.answer, sp.Expr)]

    def grow(leaf: Leaf[Any]) -> Tree[Any]:
        if not isinstance(leaf.answer, sp.Expr):
            return leaf
        for other in general:
            if other.has(sp.oo, -sp.oo, sp.zoo):
                continue
            try:
                if leaf.region.apply(other) == leaf.answer:
                    return Leaf(leaf.region, other)
            except (ZeroDivisionError, ValueError):
                continue
        return leaf

    return graft(tree, grow)


def form_as_expression(form: Form, v: sp.Symbol) -> sp.Expr:
    """A normal form as one Piecewise; values at breaks are left to the piece on the right."""
    pieces = list(reversed(form.pieces))
    return sp.Piecewise(*((p.expr, v >= p.lo) for p in pieces[:-1]), (pieces[-1].expr, True))
