"""R3: the slope is 1 at every positive input, finitely many points excepted."""

from __future__ import annotations

import sympy as sp

from kassei.core.pieces import Form, nonzero_point, slope_of
from kassei.core.prove import Finding, Subject
from kassei.core.region import Region
from kassei.core.signs import order
from kassei.core.verdict import Step, Verdict

ORDER = 5


def check(subject: Subject) -> Verdict:
    r"""$f'(v) = 1$ for every $v > 0$ outside a finite set."""
    return subject.decide(unit_slope, "identity")


def unit_slope(form: Form, region: Region) -> Finding:
    """On each piece that meets the positive inputs, f' - 1 vanishes identically or at isolated points only."""
    v = form.variable
    steps = []
    for piece in form.pieces:
        if order(piece.hi, sp.S.Zero, region) <= 0:
            continue
        low = piece.lo if order(piece.lo, sp.S.Zero, region) > 0 else sp.S.Zero
        facts = {"lo": low, "hi": piece.hi}
        if piece.expr is sp.nan:
            return Finding(truth=False, steps=(Step("undefined_piece", facts),))
        slope = slope_of(piece, v)
        at = nonzero_point(slope - 1, v, low, piece.hi, region)
        if at is not None:
            here = region.at_sample(slope).subs(v, at)
            witness = {"points": [str(at)], "slope": str(here)}
            return Finding(
                truth=False, witness=witness, steps=(Step("slope_not_one", {**facts, "slope": slope, "at": at}),)
            )
        steps.append(Step("slope_one", facts))
    return Finding(truth=True, steps=tuple(steps))
