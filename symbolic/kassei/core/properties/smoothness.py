"""The largest k with f in C^k(R)."""

from __future__ import annotations

import sympy as sp

from kassei.core.enclose import Undecided
from kassei.core.pieces import Form, slope_of
from kassei.core.prove import Finding, Subject, edges, side_limit
from kassei.core.region import Region
from kassei.core.signs import order
from kassei.core.verdict import Step, Verdict

ORDER = 10
MAX_ORDER = 12
"""Derivatives compared at a break before the question is left open."""


def check(subject: Subject) -> Verdict:
    r"""``discontinuous``, ``0``, ``1``, … or ``oo``: the largest $k$ with $f \in C^k(\mathbb{R})$."""
    return subject.evaluate(smoothness, "one_sided_limits")


def smoothness(form: Form, region: Region) -> Finding:
    """Pieces are analytic inside; at each break one-sided derivatives are compared, order by order."""
    steps = [Step("pieces_smooth", {"count": len(form.pieces)})]
    if not form.total:
        return Finding(truth=True, value="discontinuous", steps=tuple(steps))
    least: int | None = None
    for k, edge in enumerate(edges(form, region)):
        if not edge.continuous(region):
            return Finding(truth=True, value="discontinuous", steps=(*steps, Step("smooth_jump", {"at": edge.at})))
        smooth = _order_at(form, k, region)
        steps.append(Step("smooth_to", {"at": edge.at, "order": smooth}))
        least = smooth if least is None else min(least, smooth)
    return Finding(truth=True, value="oo" if least is None else str(least), steps=tuple(steps))


def _order_at(form: Form, k: int, region: Region) -> int:
    v = form.variable
    at = form.breaks[k]
    for times in range(1, MAX_ORDER + 1):
        left = side_limit(slope_of(form.pieces[k], v, times), v, at, "-", region)
        right = side_limit(slope_of(form.pieces[k + 1], v, times), v, at, "+", region)
        if left is None or right is None or {left, right} & {sp.oo, -sp.oo} or order(left, right, region) != 0:
            return times - 1
    raise Undecided("derivatives beyond order {} at {}", MAX_ORDER, at)
