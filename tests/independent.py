"""A second opinion on verdicts: interval arithmetic on the definition itself, sharing no code with the prover.

A small evaluator carries balls (python-flint's Arb) through the SymPy expression as it was defined, Piecewise, Max and
Abs included, together with the derivative in v (automatic differentiation on intervals). On a box where a switch is
undecided both branches are enclosed. Whatever is certain here is certain for every point of the box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

ctx.prec = 128


@dataclass(frozen=True)
class Jet:
    """An enclosure of a value and of its derivative in v; ``d`` is None where a switch makes it meaningless."""

    x: Any
    d: Any


def exact(value: sp.Rational) -> Any:
    q = sp.Rational(value)
    return arb(fmpq(int(q.p), int(q.q)))


def box(lo: sp.Rational, hi: sp.Rational) -> Any:
    return exact(lo).union(exact(hi))


_RULES = {
    sp.exp: (lambda b: b.exp(), lambda b: b.exp()),
    sp.log: (lambda b: b.log(), lambda b: 1 / b),
    sp.tanh: (lambda b: b.tanh(), lambda b: 1 - b.tanh() * b.tanh()),
    sp.erf: (lambda b: b.erf(), lambda b: (-b * b).exp() * 2 / arb.pi().sqrt()),
    sp.sin: (lambda b: b.sin(), lambda b: b.cos()),
    sp.cos: (lambda b: b.cos(), lambda b: -b.sin()),
    sp.atan: (lambda b: b.atan(), lambda b: 1 / (1 + b * b)),
    sp.cosh: (lambda b: b.cosh(), lambda b: b.sinh()),
    sp.sinh: (lambda b: b.sinh(), lambda b: b.cosh()),
}


def jet(e: sp.Expr, env: Mapping[sp.Symbol, Jet]) -> Jet:
    """Enclose an expression and its derivative."""
    zero = arb(0)
    if e.is_Rational:
        return Jet(exact(e), zero)
    if e.is_Symbol:
        return env[e]
    if e is sp.pi:
        return Jet(arb.pi(), zero)
    if e is sp.E:
        return Jet(arb(1).exp(), zero)
    if e.is_Add:
        parts = [jet(a, env) for a in e.args]
        return Jet(sum((p.x for p in parts), zero), sum((p.d for p in parts), zero))
    if e.is_Mul:
        out = Jet(arb(1), zero)
        for p in (jet(a, env) for a in e.args):
            out = Jet(out.x * p.x, out.d * p.x + out.x * p.d)
        return out
    if isinstance(e, sp.Pow):
        base, n = jet(e.args[0], env), e.args[1]
        if n.is_Integer:
            power = base.x ** int(n)
            return Jet(power, int(n) * base.x ** (int(n) - 1) * base.d)
        if not (n.is_Rational and n.q == 2):
            power = jet(n, env)
            if base.x.is_zero() and power.x > 1:
                return Jet(zero, zero)
            value = (power.x * base.x.log()).exp()
            return Jet(value, value * (power.d * base.x.log() + power.x * base.d / base.x))
        root = base.x.sqrt()
        return Jet(root ** int(n.p), exact(n) * root ** (int(n.p) - 2) * base.d)
    if type(e) in _RULES:
        inside = jet(e.args[0], env)
        value, slope = _RULES[type(e)]
        return Jet(value(inside.x), slope(inside.x) * inside.d)
    if isinstance(e, sp.Abs):
        u = jet(e.args[0], env)
        return u if u.x >= 0 else Jet(-u.x, -u.d) if u.x <= 0 else Jet(abs(u.x), u.d.union(-u.d))
    if isinstance(e, sp.Max | sp.Min):
        parts = [jet(a, env) for a in e.args]
        best = parts[0]
        for p in parts[1:]:
            first, second = (best, p) if isinstance(e, sp.Max) else (p, best)
            best = best if first.x >= second.x else p if first.x <= second.x else both(best, p, isinstance(e, sp.Max))
        return best
    if isinstance(e, sp.sign):
        inside = jet(e.args[0], env).x
        at_zero = arb(0) if inside.is_zero() else arb(-1).union(arb(1))
        return Jet(arb(1) if inside > 0 else arb(-1) if inside < 0 else at_zero, zero)
    assert isinstance(e, sp.Piecewise), e
    out: Jet | None = None
    for value, condition in e.args:
        truth = decided(condition, env)
        if truth is False:
            continue
        here = jet(value, env)
        out = here if out is None else Jet(out.x.union(here.x), out.d.union(here.d))
        if truth is True:
            break
    assert out is not None
    return out


def both(a: Jet, b: Jet, larger: bool) -> Jet:
    return Jet(a.x.max(b.x) if larger else a.x.min(b.x), a.d.union(b.d))


def decided(c: sp.Basic, env: Mapping[sp.Symbol, Jet]) -> bool | None:
    """A condition on the whole box: True, False or neither."""
    if c in (sp.true, sp.false):
        return c is sp.true
    if isinstance(c, sp.And | sp.Or):
        truths = [decided(a, env) for a in c.args]
        strong = isinstance(c, sp.Or)
        return strong if strong in truths else None if None in truths else not strong
    assert isinstance(c, sp.Ge | sp.Gt | sp.Le | sp.Lt), c
    gap = jet(c.lhs - c.rhs if isinstance(c, sp.Ge | sp.Gt) else c.rhs - c.lhs, env).x
    if isinstance(c, sp.Ge | sp.Le):
        return True if gap >= 0 else False if gap < 0 else None
    return True if gap > 0 else False if gap <= 0 else None
