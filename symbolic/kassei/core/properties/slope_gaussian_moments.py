"""Mean and second moment of f' for a standard normal input, and the gain for the backward pass."""

from __future__ import annotations

from kassei.core.properties._gaussian import moments
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 25


def check(subject: Subject) -> Verdict:
    r"""$E f'(v)$, $E f'(v)^2$ and $1/\sqrt{E f'(v)^2}$ for $v \sim N(0, 1)$; kinks, a null set, do not count.

    The gain keeps the second moment of a gradient that passes f at 1. A value without a closed form is enclosed, at
    the parameters under ``at``.
    """
    return subject.evaluate(moments(subject, 1), "gaussian")
