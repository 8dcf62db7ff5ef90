"""What stands in the place of the slope at a kink."""

from __future__ import annotations

from typing import Any

import sympy as sp

from kassei.core.activation import Activation
from kassei.core.enclose import RootConstant, Undecided
from kassei.core.pieces import Form
from kassei.core.properties._shared import curved
from kassei.core.prove import Edge, Finding, Subject, edges, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.signs import order
from kassei.core.verdict import Step, Verdict

ORDER = 22


def check(subject: Subject) -> Verdict:
    r"""At every kink the one-sided slopes and the set of subgradients between them.

    ``kind`` says what the interval is: ``convex``, the subdifferential of a convex f; ``clarke``, the generalised
    gradient in the sense of F. H. Clarke of a locally Lipschitz f, which is the former where f is convex; ``none``
    where f jumps or a slope is infinite, so that there is no such interval.
    """
    f = subject.activation
    return subject.evaluate(lambda form, region: subgradients(form, region, f), "one_sided_limits")


def subgradients(form: Form, region: Region, activation: Activation) -> Finding:
    """The pieces have continuous slopes up to the kink, so the limits of slopes are the two one-sided ones."""
    found: list[dict[str, Any]] = []
    steps: list[Step] = []
    for edge in edges(form, region):
        if not edge.differentiable(region):
            row, step = _at(edge, region)
            found.append(row)
            steps.append(step)
    if not found:
        return Finding(truth=True, value=[], steps=(Step("no_kinks"),))
    if all(row["kind"] == "clarke" for row in found) and _convex(form, region, activation):
        found = [{**row, "kind": "convex"} for row in found]
        steps.append(Step("subgradients_convex"))
    return Finding(truth=True, value=found, steps=tuple(steps))


def _convex(form: Form, region: Region, activation: Activation) -> bool:
    try:
        return curved(form, region, activation, 1).truth is True
    except Undecided:
        return False


def _at(edge: Edge, region: Region) -> tuple[dict[str, Any], Step]:
    at = exact_or_enclosed(edge.at, region)
    left, right = (
        _one_sided(edge.left, edge.slope_left, edge, region),
        _one_sided(edge.right, edge.slope_right, edge, region),
    )
    shown = {"at": at, "left": _shown(left, region), "right": _shown(right, region)}
    if left is None or right is None or {left, right} & {sp.oo, -sp.oo}:
        return {**shown, "interval": "none", "kind": "none"}, Step(
            "no_subgradients", {"at": edge.at, "left": left, "right": right}
        )
    low, high = (left, right) if order(left, right, region) <= 0 else (right, left)
    interval: Any = str(sp.Interval(low, high))
    if low.has(RootConstant) or high.has(RootConstant):
        ends = {"inf": exact_or_enclosed(low, region), "sup": exact_or_enclosed(high, region)}
        interval = {**ends, "inf_attained": True, "sup_attained": True}
    step = Step("subgradients", {"at": edge.at, "left": left, "right": right, "low": low, "high": high})
    return {**shown, "interval": interval, "kind": "clarke"}, step


def _one_sided(limit: sp.Expr | None, slope: sp.Expr | None, edge: Edge, region: Region) -> sp.Expr | None:
    """The one-sided derivative: the limit of the slope where f itself is continuous from that side."""
    if edge.value is sp.nan or limit is None or limit in (sp.oo, -sp.oo):
        return None
    return slope if order(limit, edge.value, region) == 0 else None


def _shown(slope: sp.Expr | None, region: Region) -> Any:
    return "none" if slope is None else exact_or_enclosed(slope, region)
