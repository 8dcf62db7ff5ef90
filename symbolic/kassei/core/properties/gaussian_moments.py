"""Mean and second moment of f for a standard normal input, and the gain for the forward pass."""

from __future__ import annotations

from kassei.core.properties._gaussian import moments
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 24


def check(subject: Subject) -> Verdict:
    r"""$E f(v)$, $E f(v)^2$ and $1/\sqrt{E f(v)^2}$ for $v \sim N(0, 1)$.

    The gain keeps the second moment of a layer's output at 1; for ReLU it is the factor sqrt(2) of He et al. (2015).
    A value without a closed form is enclosed, at the parameters under ``at``.
    """
    return subject.evaluate(moments(subject, 0), "gaussian")
