"""f always increases."""

from __future__ import annotations

from kassei.core.properties._shared import monotone
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 3


def check(subject: Subject) -> Verdict:
    r"""$u < w$ implies $f(u) < f(w)$.

    A piece is analytic, so a slope that is never negative and not identically zero has isolated zeros only.
    """
    return subject.decide(lambda form, region: monotone(form, region, subject.activation, strictly=True), "slope_signs")
