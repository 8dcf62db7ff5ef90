"""Where the slope is exactly 0."""

from __future__ import annotations

from kassei.core.properties._level_sets import slope_level
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 15


def check(subject: Subject) -> Verdict:
    r"""$\{v : f'(v) = 0\}$."""
    return subject.evaluate(slope_level(0), "slope_signs")
