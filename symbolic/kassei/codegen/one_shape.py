"""Pieces of one shape as one formula with chosen operands: v/(1 - v) and v/(1 + v) take one division, not two.

Branch-free code computes every piece for every element. Where two pieces differ in operands only, it is enough to
choose those; each result is rounded as before. Inside its own piece a clamped input is the input.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from kassei.codegen import lower
from kassei.codegen.program import Border

CHOSEN = 2
"""So many choices of an operand, at most, for each call that is spared."""
_PLAIN = (sp.Add, sp.Mul, sp.Symbol, sp.Abs, lower.raw_product, lower.raw_damped, lower.raw_max, lower.raw_min)
Chosen = dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]


@dataclass(frozen=True, kw_only=True)
class OneFormula:
    """``expr`` is the left or the right piece by what the symbols of ``chosen`` stand for: (left, right).

    These may contain symbols that stand before them.
    """

    expr: sp.Expr
    chosen: Chosen


def one_formulas(
    quantities: Sequence[tuple[Sequence[sp.Expr], Sequence[Border]]],
    steps: Mapping[sp.Symbol, sp.Expr],
    variable: sp.Symbol,
) -> list[OneFormula | None]:
    """For each quantity (its parts and borders) the one formula, where that spares calls over all of them together."""
    whole = [[put(part, steps) for part in parts] for parts, _ in quantities]
    found = [
        _one_formula(parts, borders[0].at, variable) if len(borders) == 1 and borders[0].own is None else None
        for parts, (_, borders) in zip(whole, quantities, strict=True)
    ]
    after = [
        parts if one is None else [one.expr, *(x for pair in one.chosen.values() for x in pair)]
        for parts, one in zip(whole, found, strict=True)
    ]
    spared = len(_calls(e for parts in whole for e in parts)) - len(_calls(e for parts in after for e in parts))
    count = len({pair for one in found if one is not None for pair in one.chosen.values()})
    return found if spared > 0 and count <= CHOSEN * spared else [None] * len(found)


def _one_formula(parts: Sequence[sp.Expr], at: sp.Expr, variable: sp.Symbol) -> OneFormula | None:
    left, right = (
        put(part, {clamp(variable, at): variable})
        for part, clamp in zip(parts, (lower.raw_min, lower.raw_max), strict=True)
    )
    chosen: Chosen = {}
    expr = _aligned(left, right, chosen)
    if at == 0:
        signs = {(-variable, variable): sp.Abs(variable), (variable, -variable): -sp.Abs(variable)}
        known = {symbol: signs[pair] for symbol, pair in chosen.items() if pair in signs}
        left_over = {s: pair for s, pair in chosen.items() if s not in known}
        expr, chosen = put(expr, known), {s: (put(x, known), put(y, known)) for s, (x, y) in left_over.items()}
    return OneFormula(expr=expr, chosen=chosen)


def _calls(exprs: Iterable[sp.Expr]) -> set[sp.Expr]:
    """The divisions, roots and functions that some expressions take."""
    called = {x for e in exprs for x in sp.preorder_traversal(e) if x.args and not x.is_number}
    return {x for x in called if not isinstance(x, _PLAIN) and not (x.is_Pow and x.exp.is_Integer and x.exp > 0)}


def put(e: sp.Expr, values: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    """An expression with others in place of some of its own, where SymPy combines nothing: (1/t)**2 is no 1/t**2."""
    if e in values:
        return put(values[e], values)
    if not e.args or e.is_number:
        return e
    return e.func(*(put(a, values) for a in e.args), evaluate=False)


def _aligned(x: sp.Expr, y: sp.Expr, chosen: Chosen) -> sp.Expr:
    """One expression that is ``x`` or ``y`` by what its new symbols stand for."""
    if x == y:
        return x
    if (x.is_Mul or y.is_Mul) and not (x.is_number or y.is_number):
        return _matched(sp.Mul, x, y, chosen)
    if isinstance(x, lower.raw_damped) != isinstance(y, lower.raw_damped):
        pairs = (e.args if isinstance(e, lower.raw_damped) else (e, sp.S.One) for e in (x, y))
        return lower.raw_damped(*(_aligned(a, b, chosen) for a, b in zip(*pairs, strict=True)), evaluate=False)
    if x.is_Add and y.is_Add and len(x.args) == len(y.args):
        return _matched(sp.Add, x, y, chosen)
    if _alike(x, y) and len(x.args) == len(y.args) and x.args:
        return x.func(*(_aligned(a, b, chosen) for a, b in zip(x.args, y.args, strict=True)), evaluate=False)
    return _choice(x, y, chosen)


def _alike(x: sp.Expr, y: sp.Expr) -> bool:
    return x.func == y.func and not (x.is_Pow and x.exp != y.exp)


def _matched(head: type[sp.Basic], x: sp.Expr, y: sp.Expr, chosen: Chosen) -> sp.Expr:
    """Sums or products whose equal operands are taken together, then those of one head, then the rest."""
    ours, theirs = list(head.make_args(x)), list(head.make_args(y))
    found: list[sp.Expr] = []
    for fits in (operator.eq, lambda a, b: _alike(a, b) and _calls([a])):
        for a in list(ours):
            same = next((b for b in theirs if fits(a, b)), None)
            if same is not None:  # one for one: an operand may stand twice where SymPy combines nothing
                found.append(_aligned(a, same, chosen))
                ours.remove(a)
                theirs.remove(same)
    if len(ours) == len(theirs) and len(ours) > 1 and head is sp.Add:
        found += [_aligned(a, b, chosen) for a, b in zip(ours, theirs, strict=True)]
    elif ours or theirs:
        left, right = (head(*side, evaluate=False) if len(side) > 1 else head(*side) for side in (ours, theirs))
        found.append(_choice(left, right, chosen))
    return head(*found, evaluate=False) if len(found) > 1 else found[0]


def _choice(x: sp.Expr, y: sp.Expr, chosen: Chosen) -> sp.Symbol:
    """What ``x`` and ``y`` are by the border; a call of one that is alike a call of the other is made once."""
    theirs = _outermost(y)
    for a in _outermost(x):
        b = next((b for b in theirs if _alike(a, b)), None)
        if b is not None:
            theirs.remove(b)
            once = sp.Dummy(real=True)
            x, y = put(x, {a: once}), put(y, {b: once})
            x, y = (put(e, {once: _aligned(a, b, chosen)}) for e in (x, y))
    for symbol, pair in chosen.items():
        if pair == (x, y):
            return symbol
    symbol = sp.Dummy(real=True)
    chosen[symbol] = (x, y)
    return symbol


def _outermost(e: sp.Expr) -> list[sp.Expr]:
    """The calls of an expression that stand inside no other."""
    if e in _calls([e]):
        return [e]
    return list(dict.fromkeys(call for a in e.args for call in _outermost(a)))
