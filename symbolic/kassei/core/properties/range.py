"""The exact range, with open and closed ends."""

from __future__ import annotations

from typing import Any

import sympy as sp

from kassei.core.enclose import RootConstant, Undecided
from kassei.core.extent import extent
from kassei.core.pieces import Form
from kassei.core.properties._shared import Stretch, as_one_set, union
from kassei.core.prove import Finding, Subject, exact_or_enclosed
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 12


def check(subject: Subject) -> Verdict:
    r"""$\{f(v) : v \in \mathbb{R}\}$."""
    return subject.evaluate(range_of, "monotone_parts")


def range_of(form: Form, region: Region) -> Finding:
    """The union of the images of the pieces and of the values at the breaks."""
    v = form.variable
    parts: list[Stretch] = []
    steps: list[Step] = []
    for piece in form.pieces:
        if piece.expr is sp.nan:
            continue
        reach = extent(piece.expr, v, piece.lo, piece.hi, region)
        parts.append(Stretch.of(reach))
        steps += [*reach.why, Step("range_piece", {"lo": piece.lo, "hi": piece.hi, "image": reach.as_set()})]
    parts += [Stretch(x, True, x, True) for x in form.values if x is not sp.nan]
    whole = union(parts, region)
    return Finding(truth=True, value=_shown(whole, region), steps=tuple(steps))


def _shown(whole: list[Stretch], region: Region) -> Any:
    ends = [end for part in whole for end in (part.lo, part.hi)]
    if not any(end.has(RootConstant) for end in ends):
        return str(as_one_set(whole))
    if len(whole) != 1:
        raise Undecided("a range of several intervals, one with an end that has no closed form")
    (one,) = whole
    return {
        "inf": exact_or_enclosed(one.lo, region),
        "sup": exact_or_enclosed(one.hi, region),
        "inf_attained": one.lo_in,
        "sup_attained": one.hi_in,
    }
