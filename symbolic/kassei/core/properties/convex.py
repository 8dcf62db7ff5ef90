"""f is convex on R."""

from __future__ import annotations

from kassei.core.properties._shared import curved
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 6


def check(subject: Subject) -> Verdict:
    r"""$f(tu + (1-t)w) \le tf(u) + (1-t)f(w)$ for $0 \le t \le 1$."""
    return subject.decide(lambda form, region: curved(form, region, subject.activation, 1), "bend_signs")
