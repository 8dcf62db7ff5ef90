"""From questions about one normal form to verdicts for the whole parameter domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import sympy as sp

from kassei.core import limits
from kassei.core.activation import Activation
from kassei.core.algebra import tidy
from kassei.core.effort import TROUBLE
from kassei.core.enclose import RootConstant, Undecided, decimal_enclosure, number_sign
from kassei.core.pieces import SWITCHES, Form, Piece, check_partial, normal_form, slope_of, value_at
from kassei.core.region import (
    MAX_LEAVES,
    Leaf,
    Region,
    Split,
    Tree,
    condition_where,
    explore,
    graft,
    leaves,
    relation,
    tidy_condition,
)
from kassei.core.signs import order
from kassei.core.verdict import Step, Truth, Verdict

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer to one question on one region; ``truth`` is None where it stayed open."""

    truth: bool | None
    value: Any = None
    witness: Mapping[str, Any] | None = None
    steps: tuple[Step, ...] = ()


def open_finding(why: str) -> Finding:
    """A finding that says what was left open."""
    return Finding(truth=None, steps=(Step("open", {"why": why}),))


Question = Callable[[Form, Region], Finding]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One break seen from both sides; a slope is None where there is none (no limit, or no value to meet)."""

    at: sp.Expr
    value: sp.Expr
    left: sp.Expr | None
    right: sp.Expr | None
    slope_left: sp.Expr | None
    slope_right: sp.Expr | None

    def continuous(self, region: Region) -> bool:
        """Whether both one-sided limits exist, are finite and equal the value."""
        if self.value is sp.nan or self.left is None or self.right is None:
            return False
        if {self.left, self.right} & {sp.oo, -sp.oo}:
            return False
        return order(self.left, self.value, region) == 0 and order(self.right, self.value, region) == 0

    def differentiable(self, region: Region) -> bool:
        """Whether f has a finite derivative at the break.

        A slope that has a limit from one side is the one-sided derivative there; where it has none, f may have a
        derivative all the same (``v**2*sin(1/v)``), and ``Undecided`` is raised.
        """
        if not self.continuous(region):
            return False
        if self.slope_left is None or self.slope_right is None:
            raise Undecided("the derivative at {}, where the slope has no limit", self.at)
        if {self.slope_left, self.slope_right} & {sp.oo, -sp.oo}:
            return False
        return order(self.slope_left, self.slope_right, region) == 0


def side_limit(expr: sp.Expr, v: sp.Symbol, at: sp.Expr, side: str, region: Region) -> sp.Expr | None:
    """A one-sided limit; None where there is none."""
    if expr is sp.nan:
        return None
    try:
        return limits.limit(expr, v, at, side, region)
    except limits.NoLimit:
        return None


def edges(form: Form, region: Region) -> tuple[Edge, ...]:
    """Every break with its value, one-sided limits and one-sided slopes."""
    v = form.variable
    out = []
    for k, at in enumerate(form.breaks):
        before, after = form.pieces[k], form.pieces[k + 1]
        out.append(
            Edge(
                at=at,
                value=form.values[k],
                left=side_limit(before.expr, v, at, "-", region),
                right=side_limit(after.expr, v, at, "+", region),
                slope_left=side_limit(slope_of(before, v), v, at, "-", region),
                slope_right=side_limit(slope_of(after, v), v, at, "+", region),
            )
        )
    return tuple(out)


@dataclass(frozen=True)
class Subject:
    """A function under examination: its definition and its normal forms."""

    activation: Activation

    @cached_property
    def region(self) -> Region:
        """The declared parameter domain."""
        return Region.of(self.activation.parameters)

    @cached_property
    def forms(self) -> Tree[Form | str]:
        """The normal form on each part of the parameter domain (a string says why there is none)."""
        f = self.activation

        def ask(region: Region) -> Form | str:
            check_partial(f.expr, f.partial, f.variable, region)
            return normal_form(f.expr, f.variable, region)

        return explore(self.region, ask, lambda why: why)

    def ask(self, question: Question) -> Tree[Finding]:
        """Put a question to every normal form, splitting further where its answer depends on the parameters."""
        budget = [max(MAX_LEAVES, 2 * sum(1 for _ in leaves(self.forms)))]

        def grow(leaf: Leaf[Form | str]) -> Tree[Finding]:
            form = leaf.answer
            if isinstance(form, str):
                return Leaf(leaf.region, open_finding(form))
            return explore(
                leaf.region, lambda region: question(self.form_on(form, region), region), open_finding, budget
            )

        return graft(self.forms, grow)

    def form_on(self, form: Form, region: Region) -> Form:
        """A form on a part of its region that may fix a parameter, which may bring a switch to light."""
        there = _fixed(form, region)
        if any(s.has(form.variable) for p in there.pieces for s in p.expr.atoms(*SWITCHES)):
            return normal_form(self.activation.expr, form.variable, region)
        return there

    def decide(self, question: Question, method: str) -> Verdict:
        """The verdict on a yes-or-no question."""
        return verdict_of(self.ask(question), method, self.activation)

    def evaluate(self, question: Question, method: str) -> Verdict:
        """The verdict on a property that has a value."""
        return value_of(self.ask(question), method, self.activation)


def _fixed(form: Form, region: Region) -> Form:
    if not region.fixed:
        return form
    apply = region.apply
    pieces = tuple(Piece(apply(p.lo), apply(p.hi), apply(p.expr), p.free) for p in form.pieces)
    return Form(form.variable, pieces, tuple(apply(x) for x in form.values), form.source)


def located(tree: Tree[T]) -> Iterator[tuple[sp.Basic, Leaf[T]]]:
    """Every leaf with the condition under which it is reached."""

    def walk(node: Tree[T], path: tuple[sp.Basic, ...]) -> Iterator[tuple[sp.Basic, Leaf[T]]]:
        if isinstance(node, Split):
            everywhere = frozenset(s for s, _ in node.branches)
            for s, branch in node.branches:
                here = path if len(everywhere) == 1 else (*path, relation(node.expr, frozenset({s})))
                yield from walk(branch, here)
        else:
            yield tidy_condition(sp.And(*path)), node

    yield from walk(tree, ())


def _all_steps(tree: Tree[Finding], wanted: Callable[[Finding], bool] = lambda _: True) -> tuple[Step, ...]:
    if isinstance(tree, Leaf):
        return tree.answer.steps
    out: list[Step] = []
    seen: set[int] = set()
    for path, leaf in located(tree):
        if not wanted(leaf.answer) or id(leaf.answer) in seen:
            continue
        seen.add(id(leaf.answer))
        out.append(Step("case", {"condition": path}))
        out.extend(leaf.answer.steps)
    return tuple(out)


def verdict_of(tree: Tree[Finding], method: str, activation: Activation) -> Verdict:
    """Join the findings: all true, all false, exactly when, or open."""
    found = [leaf.answer for leaf in leaves(tree)]
    truths = {f.truth for f in found}
    if None in truths:
        return Verdict(truth="unknown", method=method, steps=_all_steps(tree), tree=tree)
    truth: Truth = "proved" if truths == {True} else "refuted" if truths == {False} else "conditional"
    condition = condition_where(tree, lambda f: f.truth is True) if truth == "conditional" else None
    witness = None
    for leaf in leaves(tree):
        if leaf.answer.truth is False and leaf.answer.witness is not None:
            witness = with_parameters(leaf.answer.witness, leaf.region, activation)
            break
    steps = _all_steps(tree)
    return Verdict(truth=truth, condition=condition, witness=witness, method=method, steps=steps, tree=tree)


def with_parameters(witness: Mapping[str, Any], region: Region, activation: Activation) -> dict[str, Any]:
    """A witness with the parameter values at which it was found."""
    if not activation.parameters:
        return dict(witness)
    values = {p.name: str(region.at_sample(p.symbol)) for p in activation.parameters}
    return {**witness, "parameters": values}


def _generalised(tree: Tree[Finding]) -> Tree[Finding]:
    """The values as JSON spells them; at a fixed parameter like those beside it where both say the same there."""
    general = [leaf.answer.value for leaf in leaves(tree) if not leaf.region.fixed]

    def grow(leaf: Leaf[Finding]) -> Leaf[Finding]:
        here, region = leaf.answer.value, leaf.region
        same = (value for value in general if region.fixed and _says(value, here, region))
        return Leaf(region, replace(leaf.answer, value=_spelled(next(same, here))))

    return graft(tree, grow)


def _says(general: Any, here: Any, region: Region) -> bool:
    """Whether a general value becomes the one at a fixed parameter; SymPy refuses some that have no meaning there."""
    try:
        return bool(_applied(general, region) == here)
    except (Undecided, *TROUBLE):
        return False


def _applied(value: Any, region: Region) -> Any:
    if isinstance(value, Mapping):
        return {key: _applied(part, region) for key, part in value.items()}
    return region.apply(value) if isinstance(value, sp.Expr) else value


def _spelled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _spelled(part) for key, part in value.items()}
    return str(value) if isinstance(value, sp.Expr) else value


def value_of(tree: Tree[Finding], method: str, activation: Activation) -> Verdict:
    """A property with a value: one value, or one for each part of the parameter domain."""
    steps = _all_steps(tree)
    if any(leaf.answer.truth is None for leaf in leaves(tree)):
        return Verdict(truth="unknown", method=method, steps=steps, tree=tree)
    tree = _generalised(tree)
    values: list[Any] = []
    for leaf in leaves(tree):
        if leaf.answer.value not in values:
            values.append(leaf.answer.value)
    value: Any
    if len(values) == 1:
        value = values[0]
    else:
        value = [
            {"when": condition_where(tree, lambda f, x=x: f.value == x), "value": x}  # type: ignore[misc]
            for x in values
        ]
    return Verdict(truth="proved", value=value, method=method, steps=steps, tree=tree)


def exact_or_enclosed(value: sp.Expr, region: Region) -> Any:
    """A real value as the JSON shows it: SymPy's spelling, or an enclosure where it has no closed form.

    An enclosure that depends on parameters is given at the region's sample (the defaults, where they lie in the
    region) and says so. ``value_of`` says which expression of the root it is, where it is not the root itself.
    """
    roots = sorted(value.atoms(RootConstant), key=str)
    if not roots:
        return str(value)
    root = roots[0]
    out: dict[str, Any] = {**decimal_enclosure(region.at_sample(value)), **_origin(root, region)}
    if value != root:
        names = {r: sp.Symbol("root" if len(roots) == 1 else f"root{k}") for k, r in enumerate(roots, start=1)}
        out["value_of"] = str(value.xreplace(names))
    free = sorted(value.free_symbols, key=str)
    if free:
        out["at"] = {str(s): str(region.at_sample(s)) for s in free}
    return out


def root_enclosure(root: RootConstant) -> dict[str, Any]:
    """A root without a closed form as the JSON shows it."""
    return {**decimal_enclosure(root), **_origin(root, Region())}


def _origin(root: RootConstant, region: Region) -> dict[str, Any]:
    ends = [exact_or_enclosed(end, region) for end in (root.lo, root.hi)]
    return {"root_of": str(tidy(root.function)), "root_in": ends}


def value_here(activation: Activation, at: sp.Expr, region: Region) -> sp.Expr:
    """F at an exact point and at the region's sample of parameters."""
    expr = region.at_sample(activation.expr)
    return value_at(expr, activation.variable, at, Region())


def falling_pair(activation: Activation, candidates: list[sp.Expr], region: Region) -> tuple[sp.Expr, sp.Expr] | None:
    """Two neighbouring candidates u < w with f(u) > f(w), decided exactly at the region's sample."""
    known = [(x, value_here(activation, x, region)) for x in candidates]
    known = [(x, y) for x, y in known if y is not sp.nan]
    for (a, fa), (b, fb) in pairwise(known):
        if number_sign(fa - fb) > 0:
            return a, b
    return None
