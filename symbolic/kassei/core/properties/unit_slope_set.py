"""Where the slope is exactly 1."""

from __future__ import annotations

from kassei.core.properties._level_sets import slope_level
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 14


def check(subject: Subject) -> Verdict:
    r"""$\{v : f'(v) = 1\}$."""
    return subject.evaluate(slope_level(1), "slope_signs")
