"""R2: f is not one single affine function on all of R."""

from __future__ import annotations

from typing import Any

import sympy as sp

from kassei.core.pieces import Form, nonzero_point, slope_of
from kassei.core.prove import Finding, Subject, edges
from kassei.core.region import Region
from kassei.core.signs import order
from kassei.core.verdict import Step, Verdict

ORDER = 4


def check(subject: Subject) -> Verdict:
    r"""There are no $p, q$ with $f(v) = p v + q$ for every real $v$."""
    return subject.decide(not_affine, "identity")


def not_affine(form: Form, region: Region) -> Finding:
    """A piece that bends, two pieces with different slopes, or a value off the line breaks global linearity."""
    v = form.variable
    if not form.total:
        return Finding(truth=True, steps=(Step("undefined_not_affine"),))
    slopes: list[sp.Expr] = []
    for piece in form.pieces:
        bend = slope_of(piece, v, 2)
        at = nonzero_point(bend, v, piece.lo, piece.hi, region)
        if at is not None:
            facts: dict[str, Any] = {"lo": piece.lo, "hi": piece.hi, "bend": bend, "at": at}
            return Finding(truth=True, steps=(Step("bends", facts),))
        slopes.append(region.apply(slope_of(piece, v)).subs(v, 0))
    for k, slope in enumerate(slopes[1:]):
        if order(slope, slopes[0], region) != 0:
            facts = {"left": slopes[0], "right": slope, "at": form.breaks[k]}
            return Finding(truth=True, steps=(Step("slopes_differ", facts),))
    for edge in edges(form, region):
        if not edge.continuous(region):
            return Finding(truth=True, steps=(Step("jump_not_affine", {"at": edge.at}),))
    start = form.pieces[0].expr
    line = sp.expand(region.apply(start))
    return Finding(truth=False, witness={"affine": str(line)}, steps=(Step("affine", {"line": line}),))
