"""The global Lipschitz constant of the slope f'."""

from __future__ import annotations

import sympy as sp

from kassei.core.algebra import shorter
from kassei.core.extent import largest_slope
from kassei.core.pieces import Form, slope_of
from kassei.core.prove import Finding, Subject, edges, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 19


def check(subject: Subject) -> Verdict:
    r"""The least $L$ with $|f'(u) - f'(w)| \le L |u - w|$, or ``oo`` (also where $f'$ does not exist everywhere)."""
    return subject.evaluate(slope_lipschitz, "monotone_parts")


def slope_lipschitz(form: Form, region: Region) -> Finding:
    """A continuous, piecewise smooth slope has the supremum of the sizes of f'' as Lipschitz constant."""
    v = form.variable
    if not form.total:
        return Finding(truth=True, value="oo", steps=(Step("slope_lipschitz_undefined"),))
    for edge in edges(form, region):
        if not edge.differentiable(region):
            return Finding(truth=True, value="oo", steps=(Step("slope_lipschitz_kink", {"at": edge.at}),))
    sizes: list[sp.Expr] = []
    steps: list[Step] = []
    for piece in form.pieces:
        bend = slope_of(piece, v, 2)
        here, why = largest_slope(piece, v, 2, region)
        steps += [*why, Step("slope_lipschitz_piece", {"lo": piece.lo, "hi": piece.hi, "bend": bend, "size": here})]
        if here is sp.oo:
            return Finding(truth=True, value="oo", steps=tuple(steps))
        if here != 0:
            sizes.append(shorter(here))
    value = sp.Max(*sizes) if sizes else sp.S.Zero
    return Finding(truth=True, value=exact_or_enclosed(value, region), steps=tuple(steps))
