"""Pieces of one shape as one formula: the same values, fewer calls."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from kassei.codegen import lower, rounding
from kassei.codegen.one_shape import one_formulas
from kassei.codegen.plan import Plan, make_plan
from kassei.codegen.program import Border, all_quantities, make_program, with_fine_products
from kassei.library import catalogue

v, k = sp.Symbol("v", real=True), sp.Symbol("k", real=True)
LEFT, RIGHT = lower.raw_min(v, 0), lower.raw_max(v, 0)
AT_0 = Border(at=sp.S.Zero, to_right=True)


def of(left: sp.Expr, right: sp.Expr, border: Border = AT_0) -> object:
    (found,) = one_formulas([([left, right], [border])], {}, v)
    return found


def test_mirrored_pieces_take_the_size_of_the_input() -> None:
    one = of(LEFT / (1 - LEFT), RIGHT / (1 + RIGHT))
    assert (one.expr, one.chosen) == (v / (1 + sp.Abs(v)), {})


def test_factors_are_chosen() -> None:
    one = of(k * lower.raw_tanh(LEFT), lower.raw_tanh(RIGHT))
    ((symbol, pair),) = one.chosen.items()
    assert (sp.Mul(*one.expr.args), pair) == (symbol * lower.raw_tanh(v), (k, 1))


def test_an_operand_that_stands_twice_is_taken_twice() -> None:
    twice = sp.Mul(v, v, lower.raw_tanh(LEFT), evaluate=False)
    one = of(twice, sp.Mul(v, k, lower.raw_tanh(RIGHT), evaluate=False))
    ((symbol, pair),) = one.chosen.items()
    assert (sp.Mul(*one.expr.args), pair) == (v * symbol * lower.raw_tanh(v), (v, k))


def test_a_call_inside_different_formulas_is_made_once() -> None:
    one = of(1 / (1 - LEFT) / 2, sp.S.Half + RIGHT / (1 + RIGHT) / 2)
    texts = [one.expr, *(e for pair in one.chosen.values() for e in pair)]
    calls = {x for e in texts for x in sp.preorder_traversal(e) if x.is_Pow}
    assert calls == {1 / (1 + sp.Abs(v))}


def test_a_quotient_keeps_its_power_outside() -> None:
    """1/t**2 overflows where (1/t)**2 does not."""
    left, right = (
        sp.Pow(sp.Pow(t, -1, evaluate=False), 2, evaluate=False) for t in (sp.Add(1, -LEFT), sp.Add(1, RIGHT))
    )
    one = of(left, right)
    assert one.expr.exp == 2
    assert one.expr.base.exp == -1


def test_nothing_is_chosen_where_nothing_is_spared() -> None:
    assert of(lower.raw_expm1(LEFT), RIGHT) is None
    assert of(lower.raw_expm1(LEFT), lower.raw_tanh(RIGHT)) is None
    assert of(LEFT / (1 - LEFT), RIGHT / (1 + RIGHT), Border(at=sp.S.Zero, to_right=True, own=sp.nan)) is None


def test_calls_that_another_quantity_makes_anyway_are_not_spared() -> None:
    value = [lower.raw_tanh(LEFT), k * lower.raw_tanh(RIGHT)]
    kept_apart = Border(at=sp.S.Zero, to_right=True, own=sp.S.Zero)
    assert of(*value) is not None
    assert one_formulas([(value, [AT_0]), (value, [kept_apart])], {}, v) == [None, None]


@pytest.mark.parametrize("name", ["softsign", "temperature", "penalized_tanh", "elliott", "symlog", "hexpo", "lalu"])
def test_the_same_values(name: str) -> None:
    plan = make_plan(catalogue[name])
    compared = sum(the_same(plan, quantities) for quantities in (("value",), ("slope",), all_quantities(plan)))
    assert compared


def the_same(plan: Plan, quantities: tuple[str, ...]) -> int:
    """Compares every quantity that has one formula with its pieces; returns how often."""
    program, compared = make_program(plan, quantities, with_fine_products), 0
    points = np.concatenate([-np.geomspace(1e-6, 50, 80), [0.0], np.geomspace(1e-6, 50, 80)])
    for row in rounding.rows(plan.activation):
        scope, case = rounding._scope(program, row, points)
        steps = {s.symbol: s.expr for s in case.steps}
        pieces = [(choice.parts, choice.borders) for choice in case.choices]
        for choice, one in zip(case.choices, one_formulas(pieces, steps, program.variable), strict=True):
            if one is None:
                continue
            here = dict(scope)
            right = points >= 0 if choice.borders[0].to_right else points > 0
            with np.errstate(all="ignore"):
                for symbol, (x, y) in one.chosen.items():
                    values = [np.broadcast_to(rounding._one(e, here)[0], points.shape) for e in (x, y)]
                    here[symbol] = (np.where(right, values[1], values[0]), np.zeros_like(points))
                got = rounding._one(one.expr, here)[0]
                want = rounding._choose(choice, points, scope)[0]
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=0)
            compared += 1
    return compared
