"""The odd part of f is v/2: what ReLU, SiLU, GELU and softplus share."""

from __future__ import annotations

from kassei.core.properties._symmetry import vanishing
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 16


def check(subject: Subject) -> Verdict:
    r"""$f(v) - f(-v) = v$ for every real $v$: the odd part of $f$ is $v/2$."""
    f = subject.activation
    v = f.variable
    return subject.decide(vanishing(v, f.expr - f.expr.subs(v, -v) - v), "identity")
