"""f is an odd function."""

from __future__ import annotations

from kassei.core.properties._symmetry import mirrored
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 8


def check(subject: Subject) -> Verdict:
    r"""$f(-v) = -f(v)$ for every real $v$."""
    return subject.decide(mirrored(subject, -1), "identity")
