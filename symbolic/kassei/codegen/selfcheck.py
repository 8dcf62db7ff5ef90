"""A last look before anything is emitted: what was lowered, beside what the definition says.

No proof, and nothing is rewritten by it. It keeps what no rule of :mod:`kassei.codegen.lower` reaches from becoming
code that is silently wrong: a product whose factors overflow and vanish, a formula that is not the definition's. Digits
are not its business (``kassei audit`` measures them), so only gross differences count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kassei.codegen import rounding
from kassei.codegen.plan import CannotEmitError, Plan, Quantity, proved
from kassei.codegen.program import make_program
from kassei.core.activation import Activation
from kassei.exact.balls import at_point
from kassei.exact.formats import FORMATS
from kassei.exact.program import NoReferenceError
from kassei.exact.program import program as reference

POINTS = tuple(s * x for x in (1e-3, 0.3, 2.5, 12.5, 60.0, 104.0, 700.0, 760.0, 5e3, 1e6) for s in (1.0, -1.0))
ROWS = 4
"""Sets of parameters: the default one and some others, far out in their domains."""
GROSS = 1e-3
"""A difference of that much of the value, or of 1 where the value is smaller."""
FORM = FORMATS["float64"]
MOST = 1e290
"""Larger numbers overflow, and so may their terms."""


def check(plan: Plan) -> None:
    """Raise ``CannotEmitError`` where a quantity of the plan is grossly not what the definition says there."""
    found = proved("selfcheck", plan.activation, lambda: _complaint(plan))
    if found:
        raise CannotEmitError(f"{plan.activation.name}: {found}")


def _complaint(plan: Plan) -> str:
    activation = plan.activation
    try:
        steps = reference(activation)
    except NoReferenceError:
        return ""
    rows = rounding.rows(activation)[:ROWS]
    for quantity in (plan.value, plan.slope, *plan.param_slopes):
        name = {"value": None, "slope": steps.variable}.get(quantity.name, quantity.name)
        for row in rows:
            for x, got in zip(POINTS, _computed(plan, quantity, row), strict=True):
                want = at_point(steps, name, x, row, FORM)
                if len(want.values) != 1:
                    continue
                exact = float(want.values[0])
                huge = abs(exact) > MOST and not abs(got) < MOST
                if not (huge or abs(got - exact) <= GROSS * max(1.0, abs(exact))):
                    return _sentence(activation, quantity, row, x, float(got), exact)
    return ""


def _computed(plan: Plan, quantity: Quantity, row: dict[str, float]) -> Any:
    program = make_program(plan, (quantity.name,))
    return rounding.computed(program, row, np.array(POINTS))[0]


def _sentence(
    activation: Activation, quantity: Quantity, row: dict[str, float], x: float, got: float, want: float
) -> str:
    what = {"value": "f", "slope": "its slope"}.get(quantity.name, f"its derivative in {quantity.name}")
    where = ", ".join(f"{name} = {value:g}" for name, value in ((str(activation.variable), x), *row.items()))
    shown = "NaN" if math.isnan(got) else f"{got:.6g}"
    return (
        f"at {where} the code for {what} would give {shown} where the definition gives {want:.6g}. "
        "No rule keeps its terms from overflowing or cancelling there; codegen/lower.py is where to add one"
    )
