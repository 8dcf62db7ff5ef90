"""Exercises that fit a function, each with the answer the program has for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from kassei.core.dossier import Dossier, Join
from kassei.core.enclose import RootConstant
from kassei.render.once import once
from kassei.render.study.reuse import case_at_defaults
from kassei.text.latex import latex

LONGEST = 40
"""Operations of an answer that is still worth writing down."""
FINEST = 10**6
"""Denominators in it that are still worth calculating with."""
MOST = 3


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A question and its answer: keys of phrases, what fills them, and a formula."""

    kind: str
    answer: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    left: str = ""
    result: sp.Expr | None = None
    link: str = ""


@once
def exercises(dossier: Dossier) -> Sequence[Exercise]:
    """At most three, of different kinds; those that are particular to the function come first."""
    out: dict[str, Exercise] = {}
    for one in _all(dossier):
        out.setdefault(one.kind, one)
        if len(out) == MOST:
            break
    return tuple(out.values())


def _all(dossier: Dossier) -> Iterator[Exercise]:
    f, facts = dossier.activation, dossier.facts
    v = f.variable
    for j in joins_at_defaults(dossier):
        yield from _join(j, f.defaults)
    from kassei.render.page.formulas import in_output, reused

    whole = in_output(parts, v) if (parts := reused(dossier)) else None
    if whole is not None:
        yield Exercise(kind="reuse", answer="plain", left=rf"\frac{{df}}{{d{latex(v)}}}", result=whole)
    for one in facts.param_limits:
        if one.same_as and one.equals is not None:
            to = one.to.replace("-oo", "−∞").replace("oo", "∞")
            said = {"param": one.param, "to": to}
            yield Exercise(
                kind="limit", answer="plain", facts=said, left=f"f({latex(v)})", result=one.equals, link=one.same_as
            )
    for kind in ("odd", "even"):
        verdict = dossier.properties.get(kind)
        if verdict is not None and verdict.truth == "proved":
            mirrored = f.expr.subs(v, -v, simultaneous=True)
            right = f"{'-' if kind == 'odd' else ''}f({latex(v)})"
            if sp.count_ops(mirrored) <= LONGEST:
                left = f"f(-{latex(v)}) = {right}"
                yield Exercise(kind=kind, answer="mirror", left=left, result=mirrored)
    yield from _tangent(dossier)
    for end, to in (("neg_inf", "−∞"), ("pos_inf", "∞")):
        found = facts.limits.get(end)
        if isinstance(found, sp.Basic) and found.is_finite and not found.has(RootConstant):
            yield Exercise(kind="end", answer="plain", facts={"to": to}, left=r"\lim f", result=found)


def joins_at_defaults(dossier: Dossier) -> tuple[Join, ...]:
    """The breaks at the default parameters."""
    for condition, joins in dossier.facts.joins:
        if condition.subs(dossier.activation.defaults) == sp.true:
            return joins
    return ()


def _join(j: Join, defaults: Mapping[sp.Symbol, sp.Expr]) -> Iterator[Exercise]:
    parts = (j.at, j.left, j.value, j.right, j.slope_left, j.slope_right)
    if any(x is None or x is sp.nan for x in parts):
        return
    at, left, value, right, before, after = (x.subs(defaults) for x in parts if x is not None)
    if not (left == value == right):
        yield Exercise(kind="jump", answer="jump", facts={"at": at, "left": left, "value": value, "right": right})
    elif sp.simplify(before - after) != 0:
        yield Exercise(kind="kink", answer="kink", facts={"at": at, "left": before, "right": after})


def _tangent(dossier: Dossier) -> Iterator[Exercise]:
    """The tangent at the first of a few inputs that is inside a piece which is no straight line."""
    f = dossier.activation
    case = case_at_defaults(dossier)
    if case is None:
        return
    for at in (1, -1, 2, -2):
        for piece in case.form.pieces:
            lo, hi = (x.subs(f.defaults) for x in (piece.lo, piece.hi))
            if piece.expr is sp.nan or not (lo < at) or not (at < hi):
                continue
            expr = piece.expr.subs(f.defaults)
            slope = expr.diff(f.variable)
            if not slope.has(f.variable) or expr.has(RootConstant):
                continue
            value, rise = (_neat(e.subs(f.variable, at)) for e in (expr, slope))
            line = value + rise * (f.variable - at)
            plain = sp.count_ops(line) <= LONGEST and all(r.q <= FINEST for r in line.atoms(sp.Rational))
            if plain and value.is_finite and rise.is_finite:
                said = {"at": sp.Integer(at), "value": value, "slope": rise}
                yield Exercise(kind="tangent", answer="tangent", facts=said, left="y", result=line)
                return


def _neat(constant: sp.Expr) -> sp.Expr:
    """The shortest of a few spellings of a constant; none of them takes long to find."""
    joined = sp.together(constant)
    return min((constant, joined, sp.factor_terms(joined), sp.expand(constant)), key=sp.count_ops)
