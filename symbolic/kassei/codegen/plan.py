"""What every target emits, before any spelling: for each quantity, cases, pieces, breaks and limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar

import sympy as sp

from kassei.codegen import lower
from kassei.codegen.lower import Place
from kassei.core import limits
from kassei.core.activation import Activation
from kassei.core.derive import derive, form_as_expression, moves, param_slope, specialises
from kassei.core.dossier import Case
from kassei.core.effort import work
from kassei.core.pieces import Form, Piece, smooth_derivative, switch_side, value_at
from kassei.core.region import Leaf, Region, Tree, condition_where, explore, leaves
from kassei.remember import about

T = TypeVar("T")

LOWERING = tuple(Path(__file__).with_name(f"{name}.py") for name in ("lower", "plan", "bend"))
"""The sources that decide about a plan."""
PLAN_WORK = 50_000
"""Units of work for one plan: side conditions of rewrites, and the limits of every quantity at both infinities."""


class CannotEmitError(ValueError):
    """A function that cannot be emitted, and why."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One piece of one quantity: its interval and a stable expression that is finite on the closed interval."""

    lo: sp.Expr
    hi: sp.Expr
    expr: sp.Expr


@dataclass(frozen=True, kw_only=True)
class Joint:
    """A break: whether it belongs to the right piece, and a value of its own where it belongs to neither."""

    at: sp.Expr
    to_right: bool
    own: sp.Expr | None = None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Alternatives by a condition in the parameters; the last one stands for the rest."""

    options: tuple[tuple[sp.Basic, sp.Expr], ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A quantity where ``condition`` holds: branches from left to right, joints between them, values at infinity."""

    condition: sp.Basic
    branches: tuple[Branch, ...]
    joints: tuple[Joint, ...]
    at_neg_inf: Selection | None
    at_pos_inf: Selection | None


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """The value, the slope, or the derivative in one parameter."""

    name: str
    layouts: tuple[Layout, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a target prints."""

    activation: Activation
    value: Quantity
    slope: Quantity
    param_slopes: tuple[Quantity, ...]


def inner(name: str) -> str:
    """The name a variable or parameter has inside generated functions, where it can collide with nothing."""
    return f"in_{name}"


_TAKEN = {
    *("np", "numpy", "cupy", "shape", "axis", "out", "dy", "dx", "y", "given", "wide", "dtype", "inner", "channels"),
    *("parameters", "partial", "total", "slices", "arguments", "name", "value", "values", "inputs", "sums"),
}


def outer(name: str) -> str:
    """The name it has in signatures: its own, with an underscore where the module needs that name itself."""
    return f"{name}_" if name in _TAKEN else name


def renamed(activation: Activation) -> Activation:
    """The same function in inner names; signatures keep the definition's own."""
    names = {
        s: sp.Symbol(inner(s.name), real=True)
        for s in (activation.variable, *(p.symbol for p in activation.parameters))
    }
    return replace(
        activation,
        variable=names[activation.variable],
        expr=activation.expr.xreplace(names),
        partial=tuple(part.xreplace(names) for part in activation.partial),
        parameters=tuple(replace(p, symbol=names[p.symbol]) for p in activation.parameters),
    )


def make_plan(activation: Activation) -> Plan:
    """Lower a function and its derivatives, once, whatever it is titled.

    Raises ``CannotEmitError`` where there is no normal form.
    """
    return _plan(activation.bare)


def proved(what: str, activation: Activation, work: Callable[[], T]) -> T:
    """A part of a plan, kept between runs: its rewrites stand on side conditions that need not be proved again."""
    return about(activation, what, LOWERING, work)


@cache
def _plan(activation: Activation) -> Plan:
    return proved("plan", activation, lambda: _lowered(activation))


def _lowered(activation: Activation) -> Plan:
    original, activation = activation, renamed(activation)
    with work(PLAN_WORK):  # all of it: what SymPy still remembers of other functions decides how many calls it takes
        cases = general_cases(activation)
        if not cases:
            raise CannotEmitError(f"{activation.name}: no normal form was found, so no code can be emitted")
        return Plan(
            activation=original,
            value=_quantity(activation, cases, "value", None),
            slope=_quantity(activation, cases, "slope", activation.variable),
            param_slopes=tuple(
                _quantity(activation, cases, p.name.removeprefix("in_"), p.symbol) for p in activation.learned
            ),
        )


@lru_cache(maxsize=8)
def general_cases(activation: Activation) -> tuple[Case, ...]:
    """The cases of a renamed function that its code distinguishes; empty where no normal form was found.

    Those at single parameter values that a neighbour covers are left out, equal ones joined. At such a value (PReLU at
    a = 1) the function may have fewer breaks, but its derivative in the parameter is still the general one.
    """
    cases = derive(activation, with_limits=False).cases
    general = sorted((c for c in cases if not c.region.fixed), key=lambda c: not c.form.total)
    grown: list[list[Case]] = [[c] for c in general]
    alone: list[list[Case]] = []
    for case in cases:
        if not case.region.fixed:
            continue
        home = next((g for g in grown if _covers(g[0], case, activation)), None)
        if home is None:
            alone.append([case])
        else:
            home.append(case)
    joined: list[list[Case]] = []
    for group in grown:
        twin = next((g for g in joined if g[0].form.pieces == group[0].form.pieces), None)
        if twin is None:
            joined.append(group)
        else:
            twin.extend(group)
    out = []
    for group in [*joined, *alone]:
        condition = sp.simplify(sp.Or(*(c.condition for c in group))) if len(group) > 1 else group[0].condition
        general_ones = [c for c in group if not c.region.fixed]
        # a form that serves several regions is lowered, and has its limits found, for the whole domain
        region = group[0].region if len(general_ones) < 2 else Region.of(activation.parameters)
        out.append(Case(condition=condition, form=group[0].form, region=region))
    if len(out) == 1:
        return (Case(condition=sp.true, form=out[0].form, region=out[0].region),)
    return tuple(out)


def _covers(general: Case, case: Case, activation: Activation) -> bool:
    """Whether the code of a general case is right at the parameter values that another one fixes.

    Breaks that meet there need a look of their own: code asks them from left to right, and the last one decides.
    """
    v, form, apply = activation.variable, general.form, case.region.apply
    if not specialises(form_as_expression(form, v), form_as_expression(case.form, v), case):
        return False
    breaks = [apply(b) for b in form.breaks]
    for k, at in enumerate(breaks):
        if k == 0 or not _equal(breaks[k - 1], at):
            given, met = apply(form.pieces[k].expr), False
        else:
            met = True
        joint = _joint_of_value(form, k)
        if joint.own is not None:
            given = apply(joint.own)
        elif joint.to_right:
            given = apply(form.pieces[k + 1].expr)
        last = k + 1 == len(breaks) or not _equal(at, breaks[k + 1])
        if met and last and not _equal(given.subs(v, at), value_at(activation.expr, v, at, case.region)):
            return False
    return True


def _quantity(activation: Activation, cases: tuple[Case, ...], name: str, wrt: sp.Symbol | None) -> Quantity:
    return Quantity(name=name, layouts=tuple(_layout(activation, c, wrt) for c in cases))


def _layout(activation: Activation, case: Case, wrt: sp.Symbol | None) -> Layout:
    form, region, v = case.form, case.region, case.form.variable
    branches = tuple(_branch(p, v, case, wrt) for p in form.pieces)
    joints = tuple(_joint(activation, form, k, region, branches, wrt) for k in range(len(form.values)))
    return Layout(
        condition=case.condition,
        branches=branches,
        joints=joints,
        at_neg_inf=_at_infinity(form.pieces[0], v, -sp.oo, case, wrt),
        at_pos_inf=_at_infinity(form.pieces[-1], v, sp.oo, case, wrt),
    )


def _branch(piece: Piece, v: sp.Symbol, case: Case, wrt: sp.Symbol | None) -> Branch:
    if piece.expr is sp.nan:
        return Branch(lo=piece.lo, hi=piece.hi, expr=sp.nan)
    place = Place(v, piece.lo, piece.hi, case.region)
    if wrt is not None and moves(case, wrt):
        lowered = lower.lower(param_slope(piece, case, wrt), place)
    else:
        lowered = lower.lower(piece.expr, place)
        lowered = lowered if wrt is None else lower.slope(lowered, wrt)
    return Branch(lo=piece.lo, hi=piece.hi, expr=lower.finish(lowered, place))


def _joint(
    activation: Activation, form: Form, k: int, region: Region, branches: tuple[Branch, ...], wrt: sp.Symbol | None
) -> Joint:
    """At a kink a slope is that of the side the definition itself uses (0 for ``Max(0, v)`` at 0)."""
    if wrt is not None:
        return Joint(at=form.breaks[k], to_right=switch_side(activation.expr, form, k, region) > 0)
    return _joint_of_value(form, k)


def _joint_of_value(form: Form, k: int) -> Joint:
    at, value, v = form.breaks[k], form.values[k], form.variable
    for piece, right in ((form.pieces[k + 1], True), (form.pieces[k], False)):
        if piece.expr is not sp.nan and value is not sp.nan and _equal(piece.expr.subs(v, at), value):
            return Joint(at=at, to_right=right)
    return Joint(at=at, to_right=True, own=value)


def _equal(a: sp.Expr, b: sp.Expr) -> bool:
    return bool(a == b or sp.simplify(a - b) == 0)


def _at_infinity(piece: Piece, v: sp.Symbol, end: sp.Expr, case: Case, wrt: sp.Symbol | None) -> Selection | None:
    """The proved limit at an infinity, by cases in the parameters; None where there is none or it was not found."""
    if piece.expr is sp.nan:
        return None
    if wrt is None:
        expr = piece.expr
    else:
        expr = param_slope(piece, case, wrt) if moves(case, wrt) else smooth_derivative(piece.expr, wrt)
    if expr is sp.nan:
        return None
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
