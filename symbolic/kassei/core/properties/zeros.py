"""Where f is exactly 0."""

from __future__ import annotations

import sympy as sp

from kassei.core.properties._level_sets import meets
from kassei.core.prove import Subject
from kassei.core.verdict import Verdict

ORDER = 17


def check(subject: Subject) -> Verdict:
    r"""$\{v : f(v) = 0\}$."""
    return subject.evaluate(meets(sp.S.Zero), "value_signs")
