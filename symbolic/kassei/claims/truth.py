"""What a formal statement can turn out to be, and how statements combine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp


@dataclass(frozen=True)
class Truth:
    """True, False, true exactly under a condition in the parameters, or unknown (``holds`` is None)."""

    holds: bool | None
    condition: sp.Basic | None = None

    @property
    def conditional(self) -> bool:
        """Whether it is true for some parameters and false for others."""
        return self.condition is not None


TRUE, FALSE, UNKNOWN = Truth(True), Truth(False), Truth(None)


def when(condition: sp.Basic) -> Truth:
    """True exactly under a condition."""
    if condition in (sp.true, True):
        return TRUE
    return FALSE if condition in (sp.false, False) else Truth(True, condition)


def negation(a: Truth) -> Truth:
    """Not."""
    if a.conditional:
        return when(sp.Not(a.condition))
    return a if a.holds is None else Truth(not a.holds)


def conjunction(parts: Iterable[Truth]) -> Truth:
    """And: one plain falsehood decides, then one open part."""
    parts = list(parts)
    if any(p.holds is False for p in parts):
        return FALSE
    if any(p.holds is None for p in parts):
        return UNKNOWN
    conditions = [p.condition for p in parts if p.condition is not None]
    return when(sp.And(*conditions)) if conditions else TRUE


def disjunction(parts: Iterable[Truth]) -> Truth:
    """Or."""
    return negation(conjunction(negation(p) for p in parts))
