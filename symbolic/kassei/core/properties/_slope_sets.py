"""The set on which the slope has one value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kassei.core.enclose import RootConstant
from kassei.core.pieces import Form
from kassei.core.properties._shared import Stretch, as_one_set, slope_level_set
from kassei.core.prove import Finding, exact_or_enclosed
from kassei.core.region import Region


def level_set(level: int) -> Callable[[Form, Region], Finding]:
    """The question where f' equals ``level``."""

    def ask(form: Form, region: Region) -> Finding:
        where, steps = slope_level_set(form, region, level)
        return Finding(truth=True, value=_shown(where, region), steps=steps)

    return ask


def _shown(where: list[Stretch], region: Region) -> Any:
    if not any(s.lo.has(RootConstant) or s.hi.has(RootConstant) for s in where):
        return str(as_one_set(where))
    points = [s for s in where if s.lo == s.hi]
    return {
        "points": [exact_or_enclosed(s.lo, region) for s in points],
        "intervals": [str(s.as_set()) for s in where if s not in points],
    }
