"""The global Lipschitz constant of f."""

from __future__ import annotations

import sympy as sp

from kassei.core.extent import largest_slope
from kassei.core.pieces import Form, slope_of
from kassei.core.prove import Finding, Subject, edges, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 13


def check(subject: Subject) -> Verdict:
    r"""The least $L$ with $|f(u) - f(w)| \le L |u - w|$, or ``oo``."""
    return subject.evaluate(lipschitz, "monotone_parts")


def lipschitz(form: Form, region: Region) -> Finding:
    """A continuous piecewise smooth function has the supremum of its slopes' sizes as Lipschitz constant."""
    v = form.variable
    if not form.total:
        return Finding(truth=True, value="oo", steps=(Step("lipschitz_undefined"),))
    for edge in edges(form, region):
        if not edge.continuous(region):
            return Finding(truth=True, value="oo", steps=(Step("lipschitz_jump", {"at": edge.at}),))
    sizes: list[sp.Expr] = []
    steps: list[Step] = []
    for piece in form.pieces:
        slope = slope_of(piece, v)
        here, why = largest_slope(piece, v, 1, region)
        steps += [*why, Step("lipschitz_piece", {"lo": piece.lo, "hi": piece.hi, "slope": slope, "size": here})]
        if here is sp.oo:
            return Finding(truth=True, value="oo", steps=tuple(steps))
        sizes.append(here)
    return Finding(truth=True, value=exact_or_enclosed(sp.Max(*sizes), region), steps=tuple(steps))
