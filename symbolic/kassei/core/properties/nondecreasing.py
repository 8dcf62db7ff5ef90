"""f never decreases (the second half of R1)."""

from __future__ import annotations

from kassei.core.properties._shared import monotone
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 2


def check(subject: Subject) -> Verdict:
    r"""$u < w$ implies $f(u) \le f(w)$."""
    return subject.decide(
        lambda form, region: monotone(form, region, subject.activation, strictly=False), "slope_signs"
    )
