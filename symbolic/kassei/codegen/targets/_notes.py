"""Sentences in the headers of generated files, the same for all targets."""

from __future__ import annotations

import re

import sympy as sp

from kassei.codegen.plan import Plan, outer
from kassei.codegen.printer import double
from kassei.core.activation import Parameter


def parameter_fields(p: Parameter) -> dict[str, str]:
    """What a module's header and checks say of one parameter."""
    checks = []
    for end, closed, sign in ((p.domain.lo, p.domain.lo_closed, ">"), (p.domain.hi, p.domain.hi_closed, "<")):
        if end not in (sp.oo, -sp.oo):
            checks.append(f"(value {sign}{'=' if closed else ''} {double(end)})")
    return {
        "name": outer(p.name),
        "default": double(p.default),
        "domain": str(p.domain),
        "inside": " & ".join(checks) if len(checks) > 1 else "".join(checks).removeprefix("(").removesuffix(")"),
        "shared": p.shared,
    }


def kink_note(plan: Plan) -> str:
    """Which slope is used at each break."""
    notes = []
    for layout in plan.slope.layouts:
        for joint in layout.joints:
            notes.append(f"at {joint.at} the slope of the {'right' if joint.to_right else 'left'} piece")
    return _outward("; ".join(dict.fromkeys(notes))) or "there is no break"


def infinity_note(plan: Plan) -> str:
    """What infinite inputs give."""
    ends = []
    for layout in plan.value.layouts:
        for label, selection in (("-inf", layout.at_neg_inf), ("+inf", layout.at_pos_inf)):
            if selection is None:
                ends.append(f"{label} has no proved limit")
                continue
            for condition, value in selection.options:
                where = "" if condition in (sp.true, True) else f" where {condition}"
                ends.append(f"{label} gives {value}{where}")
    return _outward("; ".join(dict.fromkeys(ends)))


def _outward(text: str) -> str:
    """Parameters under the names they have outside."""
    return re.sub(r"\bin_(\w+)", lambda found: outer(found[1]), text)
