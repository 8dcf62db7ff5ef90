"""Who satisfies R1, R2 and R3, the last in three readings.

R3 asks for slope 1 in the active region and is silent on where that is. Three readings are decided: slope 1 at every
v > 0, finitely many points excepted (the requirement as kassei takes it); *asymptotically*, the slope tends to 1 as v
goes to +oo; and *on an interval*, the slope is 1 throughout some interval, however short. Beside the last stands
whether all such intervals are bounded, as those of S-shaped and clipped functions are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from kassei.atlas.kept import remembered
from kassei.core.dossier import Case, Dossier
from kassei.core.effort import work
from kassei.core.pieces import is_zero
from kassei.core.region import (
    Leaf,
    Region,
    Tree,
    condition_where,
    explore,
    leaves,
    tidy_condition,
)
from kassei.core.signs import sign
from kassei.core.verdict import Truth, Verdict

READING_WORK = 300


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A verdict without its argument: for all parameters, for none, exactly where ``condition`` holds, or unknown."""

    truth: Truth
    condition: sp.Basic | None = None


@dataclass(frozen=True, kw_only=True)
class Readings:
    """The requirements of one function, R3 in three readings.

    ``slope_limit`` is the limit of the slope as v goes to +oo (as in a dossier: an expression, cases, ``none`` or
    None); ``where`` is where the slope is 1.
    """

    function: str
    r1: Reading
    r2: Reading
    r3: Reading
    asymptotic: Reading
    slope_limit: Any
    interval: Reading
    bounded: Reading
    where: Any

    def columns(self) -> Mapping[str, Reading]:
        """The verdicts by name, in the order of a table."""
        return {
            "R1": self.r1,
            "R2": self.r2,
            "R3": self.r3,
            "R3_asymptotic": self.asymptotic,
            "R3_interval": self.interval,
            "R3_bounded": self.bounded,
        }


def readings_of(dossier: Dossier) -> Readings:
    """The requirements of one function as its dossier has them, and R3 in the other readings."""
    f, facts = dossier.activation, dossier.facts
    one, two, three = (_short(dossier.requirements[r]) for r in ("R1", "R2", "R3"))
    slope_limit = facts.limits.get("slope_pos_inf")
    interval, bounded = remembered("stretches", (f,), lambda: _stretches(facts.cases), repr(facts.cases))
    return Readings(
        function=f.name,
        r1=one,
        r2=two,
        r3=three,
        asymptotic=tends_to_one(slope_limit, Region.of(f.parameters)),
        slope_limit=slope_limit,
        interval=interval,
        bounded=bounded,
        where=dossier.properties["unit_slope_set"].value,
    )


def _short(v: Verdict) -> Reading:
    return Reading(truth=v.truth, condition=v.condition)


def tends_to_one(limit: Any, region: Region) -> Reading:
    """Whether a limit of the slope, as a dossier has it, is 1; a limit that does not exist is not."""
    rows = limit if isinstance(limit, list) else [{"when": sp.true, "value": limit}]
    parts: list[Part] = []
    for row in rows:
        value = row["value"]
        if value is None:
            return Reading(truth="unknown")
        if value == "none" or value in (sp.oo, -sp.oo):
            parts.append((row["when"], Leaf(region, False)))
            continue
        with work(READING_WORK):
            tree = explore(region, lambda r, value=value: sign(value - 1, r) == 0, lambda _: None)  # type: ignore[misc]
        parts.append((row["when"], tree))
    return _joined(parts)


def _stretches(cases: Sequence[Case]) -> tuple[Reading, Reading]:
    """R3 on some interval, and on a bounded one."""
    return (
        _of_stretches(cases, lambda found: bool(found)),
        _of_stretches(cases, lambda found: bool(found) and not {sp.oo, -sp.oo} & set(found)),
    )


def _of_stretches(cases: Sequence[Case], test: Callable[[tuple[sp.Expr, ...]], bool]) -> Reading:
    """What holds of the ends of the pieces on which the slope is 1 identically."""
    parts: list[Part] = []
    for case in cases:

        def ask(region: Region, case: Case = case) -> bool:
            v = case.form.variable
            flat = [p for p in case.form.pieces if p.expr is not sp.nan and is_zero(p.expr.diff(v) - 1, v, region)]
            return test(tuple(end for p in flat for end in (p.lo, p.hi)))

        with work(READING_WORK):
            parts.append((case.condition, explore(case.region, ask, lambda _: None)))
    return _joined(parts)


Part = tuple[sp.Basic, Tree[bool | None]]
"""A condition and what was found where it holds."""


def _joined(parts: Sequence[Part]) -> Reading:
    """One reading from those of parts of the parameter domain, which together are all of it."""
    answers = {leaf.answer for _, tree in parts for leaf in leaves(tree)}
    if None in answers or not answers:
        return Reading(truth="unknown")
    if len(answers) == 1:
        return Reading(truth="proved" if True in answers else "refuted")
    inside = [sp.And(when, condition_where(tree, lambda answer: answer is True)) for when, tree in parts]
    return Reading(truth="conditional", condition=tidy_condition(sp.Or(*inside)))
