"""Where f returns its input."""

from __future__ import annotations

from kassei.core.properties._level_sets import meets
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 18


def check(subject: Subject) -> Verdict:
    r"""$\{v : f(v) = v\}$."""
    return subject.evaluate(meets(subject.activation.variable), "value_signs")
