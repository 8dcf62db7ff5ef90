"""Who satisfies R1, R2 and R3, the last in three readings.

R3 asks for slope 1 in the active region and is silent on where that is. Three readings are decided: slope 1 at every
v > 0, finitely many points excepted (the requirement as kassei takes it); *asymptotically*, the slope tends to 1 as v
goes to +oo; and *on an interval*, the slope is 1 throughout some interval, however short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from kassei.atlas.entry import Entry
from kassei.core.dossier import Case
from kassei.core.effort import work
from kassei.core.pieces import is_zero
from kassei.core.prove import slope_of
from kassei.core.region import (
    Leaf,
    Region,
    Tree,
    condition_where,
    explore,
    leaves,
    relation,
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
    None); ``unbounded`` says whether an interval of slope 1 reaches to +oo; ``where`` is where the slope is 1.
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


def readings_of(entries: Sequence[Entry]) -> tuple[Readings, ...]:
    """One line for each function of an overview."""
    return tuple(_readings(e) for e in entries)


def _readings(e: Entry) -> Readings:
    one, two, three = (_short(e.requirements[r]) for r in ("R1", "R2", "R3"))
    slope_limit = e.limits.get("slope_pos_inf")
    return Readings(
        function=e.name,
        r1=one,
        r2=two,
        r3=three,
        asymptotic=tends_to_one(slope_limit, Region.of(e.activation.parameters)),
        slope_limit=slope_limit,
        interval=_of_stretches(e.cases, lambda found: bool(found)),
        bounded=_of_stretches(e.cases, lambda found: bool(found) and sp.oo not in found),
        where=e.unit_slope_set.value,
    )


def _short(v: Verdict) -> Reading:
    return Reading(truth=v.truth, condition=v.condition)


def _joined(conditions: Sequence[sp.Basic | None]) -> Reading:
    """True where one of the conditions holds, which together are exact; None among them is a part left open."""
    if None in conditions:
        return Reading(truth="unknown")
    return _reading(tidy_condition(sp.Or(*conditions)))


def _reading(condition: sp.Basic) -> Reading:
    if condition is sp.true:
        return Reading(truth="proved")
    return Reading(truth="refuted") if condition is sp.false else Reading(truth="conditional", condition=condition)


def tends_to_one(limit: Any, region: Region) -> Reading:
    """Whether a limit of the slope, as a dossier has it, is 1; a limit that does not exist is not."""
    rows = limit if isinstance(limit, list) else [{"when": sp.true, "value": limit}]
    return _joined([_where_one(row["value"], row["when"], region) for row in rows])


def _where_one(value: Any, when: sp.Basic, region: Region) -> sp.Basic | None:
    if value is None:
        return None
    if value == "none" or value in (sp.oo, -sp.oo):
        return sp.false
    with work(READING_WORK):
        tree: Tree[bool | None] = explore(region, lambda r: sign(value - 1, r) == 0, lambda _: None)
    if any(leaf.answer is None for leaf in leaves(tree)):
        return None
    return sp.And(when, condition_where(tree, lambda answer: answer is True))


def _of_stretches(cases: Sequence[Case], test: Callable[[tuple[sp.Expr, ...]], bool]) -> Reading:
    """What holds of the right ends of the pieces on which the slope is 1 identically."""
    if not cases:
        return Reading(truth="unknown")
    conditions: list[sp.Basic | None] = []
    for case in cases:

        def ask(region: Region, case: Case = case) -> tuple[sp.Expr, ...]:
            v = case.form.variable
            flat = [p for p in case.form.pieces if p.expr is not sp.nan and is_zero(slope_of(p, v) - 1, v, region)]
            return tuple(p.hi for p in flat)

        with work(READING_WORK):
            tree: Tree[tuple[sp.Expr, ...] | None] = explore(case.region, ask, lambda _: None)
        if any(leaf.answer is None for leaf in leaves(tree)):
            conditions.append(None)
            continue
        inside = condition_where(tree, lambda found: found is not None and test(found))
        conditions.append(sp.And(case.condition, inside))
    return _joined(conditions)
