"""A plan as straight-line code, the same for every target: constants, shared steps, one choice per quantity.

A ``Program`` computes one or more quantities of one function together (``value``, ``slope``, then parameters by
name), so that what they share is computed once. It reads:

1. **Constants** depend on the parameters alone. They are evaluated once per parameter value, in float64 on the host
   where there is one, and rounded to the working type afterwards; a target never evaluates them per element. A
   constant has options by a condition in the parameters, the last of which stands for the rest: regimes are chosen
   per parameter, never per element.
2. **Cases** split the parameter domain where the function has another shape (nearly always there is one). Each has
   **steps**, assignments in order over the input ``v``, earlier steps and constants. Inputs of a piece with ends are
   clamped to it first (``raw_max``, ``raw_min``), so every expression is finite wherever it is evaluated and a target
   may evaluate all of them and select.
3. A **choice** per quantity: its parts from left to right, the joints between them, and values at the infinities.
   ``None`` there: the steps give the limit by themselves, or no limit is proved.

Comparisons with NaN are false, so NaN falls to the first part; ``Choice.keeps_nan`` says whether that part is then NaN
by itself. ``raw_min`` and ``raw_max`` propagate NaN.

``errors`` estimate the rounding of each quantity, in units of the working type's roundoff (2**-24 for float32), by
:mod:`kassei.codegen.rounding`; slopes that change sign are judged relative to max(abs(f'), 0.05). A target computes
float32 in float32 arithmetic where they are at most ``SINGLE``, in float64 elsewhere; or it has both, and takes float32
arithmetic for parameters that are powers of two, so that products with them are exact (softplus at b = 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import sympy as sp

from kassei.codegen import lower
from kassei.codegen.plan import Layout, Plan, Selection, inner
from kassei.core.activation import Activation

SINGLE = 7.5
"""Up to this bound float32 is computed in float32."""
HALF: Mapping[str, float] = {"float16": 512.0, "bfloat16": 4096.0}
"""Up to this bound a 16-bit type is computed in float32: an eighth of half a unit of its own, in units of float32."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A number that depends on the parameters, and on constants before it, alone.

    ``options`` are tried in order, the last without its condition. They may contain ``Abs``, ``raw_max`` and
    ``raw_min``. ``positive``: more than 0 whatever the parameters are, and to be kept so when it is rounded to the
    working type (at least that type's smallest subnormal number).
    """

    symbol: sp.Symbol
    options: tuple[tuple[sp.Basic, sp.Expr], ...]
    positive: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """``symbol = expr``, per element."""

    symbol: sp.Symbol
    expr: sp.Expr


@dataclass(frozen=True, kw_only=True)
class Border:
    """A break: a number or a constant's symbol; who owns it; a value of its own where neither side does."""

    at: sp.Expr
    to_right: bool
    own: sp.Expr | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One quantity: ``parts[k + 1]`` from ``borders[k]`` on."""

    parts: tuple[sp.Expr, ...]
    borders: tuple[Border, ...]
    at_neg_inf: sp.Expr | None
    at_pos_inf: sp.Expr | None
    keeps_nan: bool


@dataclass(frozen=True, kw_only=True)
class Case:
    """Steps and choices where ``condition`` holds; the last case stands for the rest."""

    condition: sp.Basic
    steps: tuple[Step, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """All a target prints for some quantities; ``variable`` is the input's symbol, parameters are inner names."""

    quantities: tuple[str, ...]
    variable: sp.Symbol
    parameters: tuple[sp.Symbol, ...]
    constants: tuple[Constant, ...]
    cases: tuple[Case, ...]
    activation: Activation

    @cached_property
    def errors(self) -> Mapping[str, float]:
        """By quantity; see the module."""
        return self._bounds("float32")

    @property
    def error(self) -> float:
        """The largest of them."""
        return max(self.errors.values())

    @cached_property
    def in_double(self) -> float:
        """The largest bound for float32 results of float64 arithmetic, as far as that is a question of conditioning.

        Still in units of 2**-24: a target that computes with b bits more errs 2**b times less.
        """
        return max(self._bounds("float64").values())

    def in_single(self, dtype: str) -> bool:
        """Whether float32 is exact enough for a 16-bit type, over its own inputs and to its own digits."""
        return max(self._bounds(dtype).values()) <= HALF[dtype]

    def _bounds(self, dtype: str) -> Mapping[str, float]:
        from kassei.codegen.rounding import bounds

        return bounds(self, self.activation, dtype)

    @property
    def heads(self) -> frozenset[type[sp.Basic]]:
        """The functions that steps and parts call, for the parts of a target's library that are needed."""
        found: set[type[sp.Basic]] = set()
        for case in self.cases:
            for expr in (*(s.expr for s in case.steps), *(p for c in case.choices for p in c.parts)):
                found |= {e.func for e in sp.preorder_traversal(expr) if e.args and not e.is_number}
        return frozenset(found)


@cache
def make_program(
    plan: Plan, quantities: tuple[str, ...], spelling: Callable[[sp.Expr, sp.Symbol], sp.Expr] | None = None
) -> Program:
    """The program of some quantities: ``value``, ``slope`` or names of learned parameters.

    ``spelling`` rewrites each part of the plan in heads of a target's own before what is shared is looked for; it is
    given the part and its variable, and is :func:`plain` where nothing else is said.
    """
    known = {q.name: q for q in (plan.value, plan.slope, *plan.param_slopes)}
    chosen = [known[name] for name in quantities]
    variable = sp.Symbol(inner(str(plan.activation.variable)), real=True)
    parameters = tuple(sp.Symbol(inner(p.name), real=True) for p in plan.activation.parameters)
    maker = _Maker(variable, parameters, spelling)
    cases = tuple(
        maker.case(chosen[0].layouts[k].condition, [q.layouts[k] for q in chosen])
        for k in range(len(chosen[0].layouts))
    )
    return Program(
        quantities=quantities,
        variable=variable,
        parameters=parameters,
        constants=tuple(maker.constants),
        cases=cases,
        activation=plan.activation,
    )


def plain(expr: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """The spelling of a target that has no functions of its own for slopes of units."""
    return with_units(lower.opened(expr), variable)


def with_units(expr: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """The spelling of a target that has them."""
    return expr.replace(lower.raw_reach, lower.reached).replace(lower.raw_soft_ramp, lower.ramped)


def with_fine_products(expr: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """The same, for a target that has a fused multiply-add to find what a product has lost."""
    return lower.fine(with_units(expr, variable), variable)


def all_quantities(plan: Plan) -> tuple[str, ...]:
    """Value, slope and every learned parameter, in the order in which targets compute them."""
    return ("value", "slope", *(q.name for q in plan.param_slopes))


def _divided(expr: sp.Expr) -> sp.Expr:
    """Quotients as products with a power of -1 that nothing else shares."""
    if not expr.args or not expr.has(lower.raw_quotient):
        return expr
    args = [_divided(a) for a in expr.args]
    if isinstance(expr, lower.raw_quotient):
        return sp.Mul(args[0], sp.Pow(args[1], -1, evaluate=False), evaluate=False)
    return expr.func(*args, evaluate=False)


def _reaches(layout: Layout) -> list[tuple[sp.Expr, sp.Expr]]:
    """For each branch the interval over which it and its neighbours have one formula: it is computed once for them."""
    found = [(b.lo, b.hi) for b in layout.branches]
    for k in range(1, len(found)):
        if layout.branches[k].expr == layout.branches[k - 1].expr:
            found[k] = (found[k - 1][0], found[k][1])
    for k in range(len(found) - 1, 0, -1):
        if layout.branches[k].expr == layout.branches[k - 1].expr:
            found[k - 1] = found[k]
    return found


class _Maker:
    """Collects constants while cases are laid out."""

    def __init__(
        self,
        variable: sp.Symbol,
        parameters: tuple[sp.Symbol, ...],
        spelling: Callable[[sp.Expr, sp.Symbol], sp.Expr] | None,
    ) -> None:
        self.variable = variable
        self.spelling = spelling
        self.fixed = set(parameters)
        self.constants: list[Constant] = []
        self.known: dict[tuple[tuple[tuple[sp.Basic, sp.Expr], ...], bool], sp.Symbol] = {}

    def case(self, condition: sp.Basic, layouts: list[Layout]) -> Case:
        """One case of the parameter domain, for several quantities."""
        steps: list[Step] = []
        clamped: dict[tuple[sp.Expr, sp.Expr], sp.Symbol] = {}
        spelled: list[sp.Expr] = []
        for layout in layouts:
            for branch, (lo, hi) in zip(layout.branches, _reaches(layout), strict=True):
                expr = (self.spelling or plain)(branch.expr, self.variable)
                if expr.has(self.variable):
                    expr = expr.xreplace({self.variable: self._inside(lo, hi, clamped, steps)})
                spelled.append(self._lifted(expr))
        names = (sp.Symbol(f"t{i}", real=True) for i in itertools.count())
        shared, parts = sp.cse(spelled, symbols=names, order="none")
        steps += [Step(symbol=symbol, expr=_divided(expr)) for symbol, expr in shared]
        parts = [_divided(part) for part in parts]
        choices, at = [], 0
        for layout in layouts:
            mine = parts[at : at + len(layout.branches)]
            at += len(layout.branches)
            choices.append(self._choice(layout, mine))
        return Case(condition=condition, steps=tuple(steps), choices=tuple(choices))

    def _inside(
        self, lo: sp.Expr, hi: sp.Expr, clamped: dict[tuple[sp.Expr, sp.Expr], sp.Symbol], steps: list[Step]
    ) -> sp.Symbol:
        if (lo, hi) == (-sp.oo, sp.oo):
            return self.variable
        if (lo, hi) not in clamped:
            expr: sp.Expr = self.variable
            if lo != -sp.oo:
                expr = lower.raw_max(expr, self._constant(lo))
            if hi != sp.oo:
                expr = lower.raw_min(expr, self._constant(hi))
            clamped[lo, hi] = sp.Symbol(f"x{len(clamped)}", real=True)
            steps.append(Step(symbol=clamped[lo, hi], expr=expr))
        return clamped[lo, hi]

    def _constant(self, expr: sp.Expr) -> sp.Expr:
        """An expression in the parameters as one symbol; numbers, bare parameters and constants stay."""
        if isinstance(expr, lower.raw_positive):
            return self._chosen(((sp.true, expr.args[0]),), positive=True)
        if expr.is_number or expr.is_Symbol:
            return expr
        expr = expr.replace(lambda e: isinstance(e, lower.raw_positive), self._constant)
        if expr.has(sp.Piecewise):
            expr = sp.piecewise_fold(expr)
            return self._chosen(tuple((c, e) for e, c in expr.args))
        return self._chosen(((sp.true, expr),))

    def _chosen(self, options: tuple[tuple[sp.Basic, sp.Expr], ...], *, positive: bool = False) -> sp.Symbol:
        if (options, positive) not in self.known:
            self.known[options, positive] = sp.Symbol(f"k{len(self.constants)}", real=True)
            name = self.known[options, positive]
            self.constants.append(Constant(symbol=name, options=options, positive=positive))
            self.fixed.add(name)
        return self.known[options, positive]

    def _selected(self, selection: Selection | None) -> sp.Expr | None:
        if selection is None:
            return None
        if len(selection.options) == 1:
            return self._constant(selection.options[0][1])
        return self._chosen(tuple(selection.options))

    def _moves(self, expr: sp.Expr) -> bool:
        return bool(expr.free_symbols - self.fixed)

    def _lifted(self, expr: sp.Expr) -> sp.Expr:
        """The expression with whatever depends on the parameters alone as constants."""
        if not expr.args or (expr.is_number and not isinstance(expr, lower.raw_positive)):
            return expr
        if not self._moves(expr):
            return self._constant(expr)
        if expr.is_Add or expr.is_Mul:
            fixed = [a for a in expr.args if not self._moves(a)]
            if any(a.free_symbols for a in fixed):
                moving = [self._lifted(a) for a in expr.args if self._moves(a)]
                return expr.func(self._constant(expr.func(*fixed)), *moving, evaluate=False)
        args = [self._lifted(a) for a in expr.args]
        return expr if list(expr.args) == args else expr.func(*args, evaluate=False)

    def _choice(self, layout: Layout, parts: list[sp.Expr]) -> Choice:
        borders = tuple(
            Border(
                at=self._constant(j.at),
                to_right=j.to_right,
                own=None if j.own is None else self._constant(j.own),
            )
            for j in layout.joints
        )
        merged_parts, merged_borders = [parts[0]], []
        for border, part in zip(borders, parts[1:], strict=True):
            if part == merged_parts[-1] and border.own is None:
                continue
            merged_parts.append(part)
            merged_borders.append(border)
        return Choice(
            parts=tuple(merged_parts),
            borders=tuple(merged_borders),
            at_neg_inf=self._selected(layout.at_neg_inf),
            at_pos_inf=self._selected(layout.at_pos_inf),
            keeps_nan=self._moves(merged_parts[0]),
        )
