"""Exact decisions about polynomial conditions in the parameters, by Z3's real arithmetic.

Transcendental atoms become fresh variables of which only true bounds are told (``exp(a)`` is positive), so "no
solution" is always right; a solution is only ever used after it has been checked exactly.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from kassei.core.activation import Domain
from kassei.core.enclose import Undecided, ball, precision
from kassei.core.memo import memo

EFFORT = 2_000_000
"""Z3 resource units (its ``rlimit``): counted work, the same on every machine."""

Domains = tuple[tuple[sp.Symbol, Domain], ...]
Facts = tuple[tuple[sp.Expr, int], ...]


class _Translator:
    """SymPy expressions as Z3 terms, with side conditions for the atoms it abstracts."""

    def __init__(self, z3: Any) -> None:
        self.z3 = z3
        self.ctx = z3.Context()  # of its own: what an earlier question left behind may lead to another solution
        self.atoms: dict[sp.Expr, Any] = {}
        self.side: list[Any] = []
        self.exact = True

    def term(self, e: sp.Expr) -> Any:
        z3 = self.z3
        if e.is_Rational:
            return z3.RatVal(int(e.p), int(e.q), self.ctx)
        if e.is_Add:
            return z3.Sum([self.term(a) for a in e.args])
        if e.is_Mul:
            return z3.Product([self.term(a) for a in e.args])
        if e.is_Pow and e.args[1].is_Integer and e.args[0] is not sp.E:
            base = self.term(e.args[0])
            n = int(e.args[1])
            if n < 0:
                inverse = self._fresh(e)
                power = z3.Product([base] * -n)
                self.side.append(inverse * power == 1)
                return inverse
            return z3.Product([base] * n)
        return self._fresh(e)

    def _fresh(self, e: sp.Expr) -> Any:
        if e in self.atoms:
            return self.atoms[e]
        z3 = self.z3
        x = self.atoms[e] = z3.Real(f"x{len(self.atoms)}", self.ctx)
        if e.is_Symbol:
            return x
        if e.is_Pow and e.args[1].is_Integer:
            return x
        if e.is_Pow and e.args[1].is_Rational and e.args[0] is not sp.E:
            p, q = int(e.args[1].p), int(e.args[1].q)
            root = z3.Real(f"r{len(self.atoms)}", self.ctx)
            self.side += [root >= 0, z3.Product([root] * q) == self.term(e.args[0])]
            self.side.append(x == z3.Product([root] * p) if p > 0 else x * z3.Product([root] * -p) == 1)
            return x
        if e.is_number:
            self.exact = False
            with precision(128):
                b = ball(e, {})
                lo, hi = _rational(b.lower()), _rational(b.upper())
            low, high = (z3.RatVal(int(end.p), int(end.q), self.ctx) for end in (lo, hi))
            self.side += [x >= low, x <= high]
            return x
        self.exact = False
        if isinstance(e, sp.exp):
            self.side.append(x > 0)
        elif isinstance(e, sp.sin | sp.cos | sp.tanh | sp.erf):
            self.side += [x >= -1, x <= 1]
        elif isinstance(e, sp.Abs):
            self.side.append(x >= 0)
        return x


def _rational(exact: Any) -> sp.Rational:
    man, exp = exact.mid().man_exp()
    return sp.Rational(int(man)) * sp.Rational(2) ** int(exp)


def _solver(domains: Domains, facts: Facts) -> tuple[Any, _Translator]:
    import z3

    t = _Translator(z3)
    s = z3.SolverFor("QF_NRA", t.ctx)
    s.set("rlimit", EFFORT)
    s.set("ctrl_c", False)  # an interrupt belongs to Python
    s.set("random_seed", 0)
    zero = z3.RealVal(0, t.ctx)
    for symbol, domain in domains:
        x = t.term(symbol)
        for end, closed, upper in ((domain.lo, domain.lo_closed, False), (domain.hi, domain.hi_closed, True)):
            if end in (sp.oo, -sp.oo):
                continue
            e = t.term(end)
            left, right = (x, e) if upper else (e, x)
            s.add(left <= right if closed else left < right)
    for expr, sign in facts:
        v = t.term(sp.expand(expr) if expr.is_polynomial(*expr.free_symbols) else expr)
        s.add({-1: v < zero, 0: v == zero, 1: v > zero, 2: v >= zero}[sign])
    s.add(*t.side)
    return s, t


@memo(4096)
def impossible(domains: Domains, facts: Facts) -> bool:
    """Whether no parameter values satisfy the facts; False also when the effort does not suffice."""
    import z3

    s, _ = _solver(domains, facts)
    return bool(s.check() == z3.unsat)


@memo(4096)
def solve(domains: Domains, facts: Facts) -> dict[sp.Symbol, sp.Expr] | None:
    """A candidate point, to be checked by the caller; None if there is provably none.

    Raises ``Undecided`` when the effort does not suffice.
    """
    import z3

    s, t = _solver(domains, facts)
    answer = s.check()
    if answer == z3.unsat:
        return None
    if answer != z3.sat:
        raise Undecided("whether {} can hold", facts)
    model = s.model()
    out: dict[sp.Symbol, sp.Expr] = {}
    for symbol, _ in domains:
        value = model.eval(t.atoms[symbol], model_completion=True)
        if z3.is_algebraic_value(value):
            value = value.approx(60)
        out[symbol] = sp.Rational(value.numerator_as_long(), value.denominator_as_long())
    return out
