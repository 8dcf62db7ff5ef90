"""Statements put to Z3: is there a counterexample? Inputs and parameters are real variables, effort is counted.

Switches become cases and quotients products. An exponential is a variable ``t`` for each monomial of its exponent, of
which is told what holds of exponentials: ``t > 0``, ``t >= 1 + x``, monotone and convex in ``x``, and nothing else; so
"no counterexample" is always right. A counterexample is right as it stands only where nothing of this kind occurs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import sympy as sp
import z3
from flint import arb, ctx, fmpq

from kassei.core.activation import Activation
from kassei.verify.read import EnclosedRoot

EFFORT = 400_000
"""Z3 resource units for one statement; counted work, the same on every machine."""

MAX_POWER = 8
"""Z3 does not count its work on polynomials of high degree: 4 minutes within one unit were seen."""

EXTREME = 128
"""Constants beyond these powers of 2, as exp(1000), are left to intervals: Z3 does not count work on their digits."""

Answer = Literal["none", "found", "unknown"]
_ODD = (sp.tanh, sp.erf, sp.atan, sp.asinh, sp.sinh)


class Beyond(Exception):
    """An expression that has no translation."""


class Question:
    """Real variables for the parameters in their domains, and what is assumed; asked for a counterexample once."""

    def __init__(self, activation: Activation, fixed: Mapping[sp.Symbol, sp.Expr] | None = None) -> None:
        self.f = activation
        self.fixed = dict(fixed or {})
        self.reals: dict[sp.Basic, Any] = {}
        self.side: list[Any] = []
        self.asked: list[Any] = []
        self.exact = True
        self.guards: list[Any] = []
        self.needs: list[Any] = []
        self.loose: list[Any] | None = None
        self.exponentials: list[tuple[Any, Any, Any]] = []
        self.odd: dict[Any, list[tuple[Any, Any]]] = {}
        self.units: dict[sp.Expr, list[sp.Rational]] = {}
        self.count = 0
        self.cache: dict[sp.Basic, Any] = {}
        self.model: Any = None
        for p in activation.parameters:
            x = self.symbol(p.symbol)
            if p.symbol in self.fixed:
                self.side.append(x == self.value(self.fixed[p.symbol]))
                continue
            d = p.domain
            if d.lo != -sp.oo:
                self.side.append(x >= self.value(d.lo) if d.lo_closed else x > self.value(d.lo))
            if d.hi != sp.oo:
                self.side.append(x <= self.value(d.hi) if d.hi_closed else x < self.value(d.hi))

    def symbol(self, s: sp.Symbol) -> Any:
        """The real variable of a symbol."""
        if s not in self.reals:
            self.reals[s] = z3.Real(s.name)
        return self.reals[s]

    def fresh(self, what: str = "x") -> Any:
        """A real variable that stands for nothing else."""
        self.count += 1
        return z3.Real(f"{what}!{self.count}")

    def require(self, *conditions: Any) -> Question:
        """What the counterexample must satisfy."""
        self.asked.extend(conditions)
        return self

    # values

    def value(self, e: sp.Expr) -> Any:
        """An expression that is assumed to be defined: what it needs is dropped."""
        saved, self.needs = self.needs, []
        found = self.term(e)
        self.needs = saved
        return found

    def defined(self, e: sp.Expr) -> tuple[Any, Any]:
        """The value of an expression and the condition that it is defined."""
        saved, self.needs = self.needs, []
        found = self.term(e)
        needs, self.needs = self.needs, saved
        return found, z3.And(*needs) if needs else z3.BoolVal(True)

    def need(self, condition: Any) -> None:
        """Note that something must hold for the value to exist, where its branch is taken."""
        self.needs.append(z3.Implies(z3.And(*self.guards), condition) if self.guards else condition)

    def term(self, e: sp.Expr) -> Any:
        """An expression as a Z3 term."""
        if e.is_Rational:
            return z3.RatVal(int(e.p), int(e.q))
        if e.is_Symbol:
            return self.symbol(e)
        if e.is_Add:
            return z3.Sum([self.term(a) for a in e.args])
        if e.is_Mul:
            return self.product(e)
        if e.is_Pow or isinstance(e, sp.exp):
            return self.power(e)
        if isinstance(e, sp.Abs):
            x = self.term(e.args[0])
            return z3.If(x >= 0, x, -x)
        if isinstance(e, sp.Max | sp.Min):
            out = self.term(e.args[0])
            for a in e.args[1:]:
                x = self.term(a)
                out = z3.If(x > out if isinstance(e, sp.Max) else x < out, x, out)
            return out
        if isinstance(e, sp.sign):
            return self.sign(self.term(e.args[0]))
        if isinstance(e, sp.Piecewise):
            return self.piecewise(e)
        if e.is_number:
            return self.number(e)
        return self.function(e)

    def sign(self, x: Any) -> Any:
        """The sign of a term; in loose mode any sign at 0."""
        out = z3.If(x > 0, z3.RealVal(1), z3.If(x < 0, z3.RealVal(-1), z3.RealVal(0)))
        if self.loose is None:
            return out
        any_sign = self.fresh("s")
        self.side.append(z3.Or(any_sign == 1, any_sign == 0, any_sign == -1))
        return z3.If(x == 0, any_sign, out)

    def product(self, e: sp.Expr) -> Any:
        """A product as a quotient of two products."""
        top, bottom = [], []
        for a in e.args:
            base, n = (a.base, a.exp) if a.is_Pow and a.base is not sp.E else (a, sp.S.One)
            if n.is_Integer and n < 0 and not base.is_number:
                bottom.append(self.term(base ** (-n)))
            else:
                top.append(self.term(a))
        out = z3.Product(top) if top else z3.RealVal(1)
        return self.quotient(out, z3.Product(bottom)) if bottom else out

    def quotient(self, top: Any, bottom: Any) -> Any:
        """A quotient, where the denominator is not 0."""
        self.need(bottom != 0)
        q = self.fresh("q")
        self.side.append(z3.Implies(bottom != 0, q * bottom == top))
        return q

    def power(self, e: sp.Expr) -> Any:
        """Whole powers, roots of small order and exponentials."""
        if isinstance(e, sp.exp) or e.args[0] is sp.E:
            return self.exponential(e.args[0] if isinstance(e, sp.exp) and len(e.args) == 1 else e.args[-1])
        base, n = e.args
        if n.is_Integer:
            x = self.term(base)
            out = z3.Product([x] * abs(int(n)))
            return out if n > 0 else self.quotient(z3.RealVal(1), out)
        if e.is_number and not (base.is_Rational and n.is_Rational and n.q <= 6):
            return self.number(e)
        if n.is_Rational and n.q <= 6:
            x, r = self.term(base), self.fresh("r")
            self.need(x >= 0 if n > 0 else x > 0)
            self.side.append(z3.Implies(x >= 0, z3.And(r >= 0, z3.Product([r] * int(n.q)) == x)))
            out = z3.Product([r] * abs(int(n.p)))
            return out if n > 0 else self.quotient(z3.RealVal(1), out)
        raise Beyond(str(e))

    def number(self, e: sp.Expr) -> Any:
        """A constant by a narrow enclosure."""
        if e not in self.cache:
            saved, ctx.prec = ctx.prec, 160
            try:
                ball = enclosed(e)
            finally:
                ctx.prec = saved
            if ball != 0 and not (2**-EXTREME < abs(ball) < 2**EXTREME):
                raise Beyond(str(e))
            x = self.fresh("c")
            self.side += [x >= rational(ball.lower()), x <= rational(ball.upper())]
            self.exact = False
            self.cache[e] = x
        return self.cache[e]

    def exponential(self, exponent: sp.Expr) -> Any:
        """An exponential as a product of powers of the exponentials of its exponent's monomials."""
        out: list[Any] = []
        below: list[Any] = []
        given: list[Any] = []
        for part in sp.Add.make_args(sp.expand(exponent)):
            if part.is_number:
                out.append(self.number(sp.exp(part)))
                continue
            c, rest = part.as_coeff_Mul()
            if not c.is_Rational:
                raise Beyond(str(exponent))
            if isinstance(rest, sp.log) and c.is_Integer:
                x = self.term(rest.args[0])
                self.need(x > 0)
                given.append(x > 0)
                (out if c > 0 else below).extend([x] * abs(int(c)))
                continue
            unit = self.unit(rest, c)
            (out if c > 0 else below).extend([self.base(unit * rest)] * abs(int(c / unit)))
        top = z3.Product(out) if out else z3.RealVal(1)
        if not below:
            return top
        q = self.fresh("e")
        known = z3.And(q * z3.Product(below) == top, q > 0)
        self.side.append(z3.Implies(z3.And(*given), known) if given else known)
        return q

    def unit(self, rest: sp.Expr, c: sp.Rational) -> sp.Rational:
        """What part of an exponent is a variable: ``exp(851*v/500)`` is one, and no power 851."""
        if abs(c.p) <= MAX_POWER:
            return sp.Rational(1, c.q)
        known = self.units.setdefault(rest, [])
        for u in known:
            if (c / u).is_Integer and abs(c / u) <= MAX_POWER:
                return u
        known.append(abs(c))
        return known[-1]

    def base(self, monomial: sp.Expr) -> Any:
        """The exponential of one monomial."""
        key = sp.Function("exp!")(monomial)
        if key not in self.cache:
            self.exact = False
            t, x = self.fresh("t"), self.term(monomial)
            self.cache[key] = t
            self.pair(x, t, z3.BoolVal(True))
        return self.cache[key]

    def pair(self, x: Any, t: Any, given: Any) -> None:
        """Tell what holds of ``t = exp(x)`` beside 1 = exp(0) and the other exponentials, wherever ``given`` does."""
        yes = z3.BoolVal(True)
        for y, s, too in [(z3.RealVal(0), z3.RealVal(1), yes), *self.exponentials]:
            order = z3.And((x < y) == (t < s), (x == y) == (t == s))
            above = z3.And(t >= s * (1 + x - y), s >= t * (1 + y - x))
            apart = z3.Implies(x != y, z3.And(t > s * (1 + x - y), s > t * (1 + y - x)))
            self.side.append(z3.Implies(z3.And(given, too), z3.And(t > 0, order, above, apart)))
        self.exponentials.append((x, t, given))

    def function(self, e: sp.Expr) -> Any:
        """Logarithms and odd increasing functions as variables that keep the order."""
        u = e.args[0]
        if isinstance(e, sp.erfc):
            return 1 - self.function(sp.erf(u))
        if isinstance(e, sp.cosh):
            return (self.term(sp.exp(u)) + self.term(sp.exp(-u))) / 2
        if isinstance(e, sp.log):
            key = e
            x = self.term(u)
            self.need(x > 0)
            if key not in self.cache:
                self.exact = False
                self.cache[key] = self.fresh("l")
                self.pair(self.cache[key], x, x > 0)
            return self.cache[key]
        if isinstance(e, sp.tanh) and u.has(sp.log):
            return self.term(1 - 2 / (sp.exp(2 * u) + 1))
        kind = next((k for k in _ODD if isinstance(e, k)), None)
        if kind is None:
            raise Beyond(str(e))
        if u.could_extract_minus_sign():
            return -self.function(kind(-u, evaluate=False))
        key = sp.Function(f"{kind.__name__}!")(u)
        if key not in self.cache:
            self.exact = False
            x, out = self.term(u), self.fresh("h")
            self.cache[key] = out
            if kind in (sp.tanh, sp.erf):
                self.side += [out > -1, out < 1]
            known = self.odd.setdefault(kind, [(z3.RealVal(0), z3.RealVal(0))])
            for y, s in list(known):
                for way in (1, -1):
                    self.side += [(x < way * y) == (out < way * s), (x == way * y) == (out == way * s)]
            known.append((x, out))
        return self.cache[key]

    def piecewise(self, e: sp.Piecewise) -> Any:
        """The first branch whose condition holds."""
        values: list[tuple[Any, Any]] = []
        before: list[Any] = []
        depth = len(self.guards)
        for value, condition in e.args:
            c = self.condition(condition)
            self.guards.append(z3.And(c, *(z3.Not(b) for b in before)))
            values.append((c, self.term(value)))
            self.guards.pop()
            before.append(c)
        assert depth == len(self.guards)
        self.need(z3.Or(*before))
        out = values[-1][1]
        for c, x in reversed(values[:-1]):
            out = z3.If(c, x, out)
        return out

    def condition(self, c: sp.Basic) -> Any:
        """A condition; where ``loose`` is set, one on its border may go either way."""
        if c in (sp.true, sp.false):
            return z3.BoolVal(c is sp.true)
        if isinstance(c, sp.And):
            return z3.And(*map(self.condition, c.args))
        if isinstance(c, sp.Or):
            return z3.Or(*map(self.condition, c.args))
        if isinstance(c, sp.Not):
            return z3.Not(self.condition(c.args[0]))
        if isinstance(c, sp.ITE):
            test, yes, no = map(self.condition, c.args)
            return z3.If(test, yes, no)
        if not isinstance(c, sp.core.relational.Relational):
            raise Beyond(str(c))
        x, y = self.term(c.lhs), self.term(c.rhs)
        kinds: list[tuple[Any, Any]] = [(sp.Eq, x == y), (sp.Ne, x != y), (sp.Lt, x < y), (sp.Le, x <= y)]
        kinds += [(sp.Gt, x > y), (sp.Ge, x >= y)]
        out = next((o for k, o in kinds if isinstance(c, k)), None)
        if out is None:
            raise Beyond(str(c))
        if self.loose is None or not c.free_symbols & set(self.loose):
            return out
        self.count += 1
        either = z3.Bool(f"b!{self.count}")
        self.side.append(z3.Or(x == y, either == out))
        return either

    # answers

    def answer(self, effort: int = EFFORT) -> Answer:
        """Whether no values satisfy everything; ``found`` only where the translation was exact."""
        s = z3.SolverFor("QF_NRA")
        s.set("rlimit", effort)
        s.set("random_seed", 0)
        s.set("ctrl_c", False)
        s.add(*self.side, *self.asked)
        found = s.check()
        if found == z3.unsat:
            return "none"
        self.model = s.model() if found == z3.sat else None
        return "found" if found == z3.sat and self.exact else "unknown"

    def place(self, symbols: Iterable[sp.Symbol]) -> str:
        """The counterexample in words."""
        assert self.model is not None
        return ", ".join(f"{s} = {self.model.eval(self.reals[s])}" for s in symbols if s in self.reals)


def enclosed(e: sp.Expr) -> Any:
    """A ball around a constant."""
    if e.is_Rational:
        return arb(fmpq(int(e.p), int(e.q)))
    if e in (sp.pi, sp.E):
        return arb.pi() if e is sp.pi else arb(1).exp()
    if isinstance(e, EnclosedRoot):
        return enclosed(e.lo).union(enclosed(e.hi))
    if not e.args:
        raise Beyond(str(e))
    parts = [enclosed(a) for a in e.args]
    if e.is_Add:
        return sum(parts, arb(0))
    if e.is_Mul:
        out = arb(1)
        for p in parts:
            out = out * p
        return out
    if isinstance(e, sp.exp):
        return parts[0].exp()
    if e.is_Pow:
        if e.args[0] is sp.E:
            return parts[1].exp()
        if e.args[1].is_Integer:
            return parts[0] ** int(e.args[1])
        return parts[0].sqrt() ** int(e.args[1].p) if e.args[1].q == 2 else (parts[0].log() * parts[1]).exp()
    if isinstance(e, sp.Abs):
        return abs(parts[0])
    if isinstance(e, sp.Max | sp.Min):
        out = parts[0]
        for p in parts[1:]:
            out = out.max(p) if isinstance(e, sp.Max) else out.min(p)
        return out
    method = getattr(parts[0], type(e).__name__, None)
    if method is None:
        raise Beyond(str(e))
    found = method()
    if not found.is_finite():
        raise Beyond(str(e))
    return found


def exact(end: Any) -> sp.Rational:
    """The number that an exact end is."""
    man, exp = end.mid().man_exp()
    return sp.Rational(int(man)) * sp.Rational(2) ** int(exp)


def rational(end: Any) -> Any:
    """An exact end as a Z3 number."""
    q = exact(end)
    return z3.RatVal(int(q.p), int(q.q))
