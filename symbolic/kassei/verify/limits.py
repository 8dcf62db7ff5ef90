"""Limits at the ends of a piece, by rewriting only: a rational function of the input and of vanishing quantities.

Towards an infinite end the input is ``x -> oo``. What grows or vanishes faster than every power of x is written with
symbols for what vanishes so; what is 1 up to a vanishing part is a symbol that tends to 1. A logarithm, a root or a
bounded function is then a sum of such terms, and the limit is read off leading terms. Nothing is said of what is of
another kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp

PARTS = 12
"""An exponential is this power of its symbol, so that its fractional powers are whole powers too."""
MAX_OPS = 400
MAX_OPS_ROOTED = 30
"""Longer expressions are not rewritten: roots become polynomials in many symbols."""
MAX_SIGNS = 3
"""How many expressions in the parameters may be taken with either sign."""


@dataclass(frozen=True)
class Limit:
    """What a limit is where some expressions in the parameters are not 0 and others are positive."""

    value: sp.Expr
    nonzero: tuple[sp.Expr, ...]
    positive: tuple[sp.Expr, ...]


class _Other(Exception):
    """Not of the kind that is rewritten here."""


class _Sign(Exception):
    """The sign of an expression in the parameters is needed."""

    def __init__(self, of: sp.Expr) -> None:
        self.of = of


def rooted(e: sp.Expr) -> bool:
    """Whether an expression has roots."""
    return any(p.args[1].is_Rational and not p.args[1].is_Integer for p in e.atoms(sp.Pow))


def end_limits(expr: sp.Expr, v: sp.Symbol, end: sp.Expr) -> list[Limit]:
    """What a limit towards an infinite end may be; nothing where the expression is of another kind."""
    if expr.count_ops() > (MAX_OPS_ROOTED if rooted(expr) else MAX_OPS):
        return []
    x = sp.Dummy("x", positive=True)
    there = expr.xreplace({v: x if end is sp.oo else -x})
    there = there.rewrite(sp.erf).replace(sp.tanh, lambda u: 1 - 2 / (sp.exp(2 * u) + 1))
    there = there.replace(sp.sinh, lambda u: (sp.exp(u) - sp.exp(-u)) / 2)
    there = there.replace(sp.cosh, lambda u: (sp.exp(u) + sp.exp(-u)) / 2)
    there = there.replace(sp.asinh, lambda u: sp.log(u + sp.sqrt(u**2 + 1)))
    return list(_signed(there, x, {}))


def _signed(expr: sp.Expr, x: sp.Symbol, known: dict[sp.Expr, int]) -> Iterator[Limit]:
    """The limits for each choice of the signs that are needed."""
    try:
        reading = _Reading(x, known)
        found = reading.limit(reading.read(expr))
    except _Sign as open_one:
        if len(known) < MAX_SIGNS:
            for s in (1, -1):
                yield from _signed(expr, x, {**known, open_one.of: s})
        return
    except (_Other, sp.polys.polyerrors.BasePolynomialError, NotImplementedError):
        return
    assumed = tuple(s * e for e, s in known.items())
    for one in found:
        yield Limit(one.value, one.nonzero, (*assumed, *one.positive))


class _Reading:
    """One expression rewritten with symbols for what vanishes, under known signs."""

    def __init__(self, x: sp.Symbol, known: dict[sp.Expr, int]) -> None:
        self.x = x
        self.known = known
        self.exponentials: dict[sp.Symbol, sp.Expr] = {}
        """Each symbol s with what grows: ``s**PARTS`` is the exponential of its negative."""
        self.huge: set[sp.Symbol] = set()
        """Symbols of the same kind whose exponent is no polynomial."""
        self.tiny: set[sp.Symbol] = set()
        """Symbols of any sign that vanish faster than every power of x."""
        self.near_one: set[sp.Symbol] = set()
        self.swinging: set[sp.Symbol] = set()
        """Symbols for what is bounded and has no limit."""

    def sign(self, e: sp.Expr) -> int:
        """The sign of an expression in the parameters, known or asked for."""
        if e.is_positive or e.is_negative:
            return 1 if e.is_positive else -1
        if e == 0 or not e.free_symbols:
            raise _Other
        if e not in self.known:
            raise _Sign(e)
        return self.known[e]

    def new_tiny(self) -> sp.Symbol:
        out = sp.Dummy("tiny")
        self.tiny.add(out)
        return out

    def new_one(self) -> sp.Symbol:
        out = sp.Dummy("one")
        self.near_one.add(out)
        return out

    # the parts of a read expression

    def ones(self, e: sp.Expr) -> sp.Expr:
        """What a coefficient tends to."""
        return sp.cancel(sp.sympify(e, strict=True).subs(dict.fromkeys(self.near_one, 1)))

    def parts(self, e: sp.Expr) -> tuple[dict[sp.Symbol, int], sp.Expr, sp.Expr, bool]:
        """``e = m * (p + vanishing)/(q + vanishing)``: powers of exponentials, polynomials in x, and whether exact."""
        powers: dict[sp.Symbol, int] = {}
        bare: list[sp.Expr] = []
        exact = True
        fast = [*self.exponentials, *self.huge]
        for way, side in zip((1, -1), sp.fraction(sp.together(e)), strict=True):
            symbols = [s for s in (*fast, *self.tiny) if side.has(s)]
            p = sp.Poly(sp.expand(side), self.x, *symbols)
            terms = p.terms()
            least = [min(m[k + 1] for m, _ in terms) if s in fast else 0 for k, s in enumerate(symbols)]
            for s, n in zip(symbols, least, strict=True):
                powers[s] = powers.get(s, 0) + way * n
            kept = [(m[0], c) for m, c in terms if list(m[1:]) == least]
            exact = exact and len(kept) == len(terms)
            bare.append(sp.Add(*(c * self.x**n for n, c in kept)))
        return {s: n for s, n in powers.items() if n}, bare[0], bare[1], exact

    def lead(self, p: sp.Expr) -> tuple[int, sp.Expr]:
        """Degree and leading coefficient in x."""
        poly = sp.Poly(p, self.x)
        if poly.LC().free_symbols & self.swinging:
            raise _Other
        return int(poly.degree()), self.ones(poly.LC())

    def growth(self, powers: dict[sp.Symbol, int]) -> int:
        """1 where a product of exponentials grows, -1 where it vanishes, 0 where there is none."""
        signs = {n > 0 for n in powers.values()}
        if len(signs) > 1:
            raise _Other
        return 0 if not signs else -1 if signs.pop() else 1

    def limit(self, e: sp.Expr) -> list[Limit]:
        """The limit of what was read."""
        powers, p, q, _ = self.parts(e)
        if q == 0:
            raise _Other
        n, below = self.lead(q)
        if p == 0:
            if any(k < 0 for k in powers.values()):
                raise _Other
            return [Limit(sp.S.Zero, (below,), ())]
        way = self.growth(powers)
        m, above = self.lead(p)
        if way < 0 or (way == 0 and m < n):
            return [Limit(sp.S.Zero, (below,), ())]
        ratio = sp.cancel(above / below)
        if way == 0 and m == n:
            return [Limit(ratio, (below,), ())]
        return [Limit(sp.oo, (below,), (ratio,)), Limit(-sp.oo, (below,), (-ratio,))]

    # reading

    def read(self, e: sp.Expr) -> sp.Expr:
        """An expression with its fast functions as symbols."""
        if e == self.x or not e.has(self.x):
            return e
        if e.is_Add or e.is_Mul:
            return e.func(*(self.read(a) for a in e.args))
        if isinstance(e, sp.exp) or (e.is_Pow and e.args[0] is sp.E):
            return self.exponential(self.read(e.args[-1]))
        if e.is_Pow and e.args[1].is_Integer:
            return self.read(e.args[0]) ** e.args[1]
        if e.is_Pow and e.args[1].is_Rational and e.args[1].q == 2:
            return self.root(self.read(e.args[0])) ** e.args[1].p
        if e.is_Pow and not e.args[1].has(self.x):
            return self.exponential(e.args[1] * self.logarithm(self.read(e.args[0])))
        if isinstance(e, sp.sin | sp.cos):
            out = sp.Dummy("swing")
            self.swinging.add(out)
            return out
        rules: dict[type, Callable[[sp.Expr], sp.Expr]] = {
            sp.log: self.logarithm,
            sp.erf: self.error_function,
            sp.atan: self.arc,
        }
        if e.func not in rules:
            raise _Other
        return rules[e.func](self.read(e.args[0]))

    def apart(self, e: sp.Expr) -> tuple[sp.Expr, sp.Expr, bool]:
        """``p + q``, up to what vanishes fast: a polynomial in x and what vanishes slowly; and whether exact."""
        powers, p, q, exact = self.parts(e)
        if powers:
            if self.growth(powers) < 0:
                return sp.S.Zero, sp.S.Zero, False
            raise _Other
        if (p.free_symbols | q.free_symbols) & self.swinging:
            raise _Other
        if (p.free_symbols | q.free_symbols) & self.near_one:
            (n, above), (m, below) = self.lead(p), self.lead(q)
            if n < m:
                return sp.S.Zero, p / q, exact
            if n > m:
                raise _Other
            return sp.cancel(above / below), p / q - above / below, exact
        whole, rest = sp.div(sp.Poly(p, self.x), sp.Poly(q, self.x))
        return whole.as_expr(), rest.as_expr() / q, exact

    def exponential(self, e: sp.Expr) -> sp.Expr:
        """The exponential of what was read."""
        powers, p, q, _ = self.parts(e)
        if p != 0 and self.growth(powers) > 0:
            s = sp.Dummy("huge", positive=True)
            self.huge.add(s)
            return s ** -self.sign(sp.cancel(self.lead(p)[1] / self.lead(q)[1]))
        whole, slow, exact = self.apart(e)
        constant = whole.subs(self.x, 0)
        out = sp.exp(constant) * (1 if slow == 0 else self.new_one()) * (1 if exact else 1 + self.new_tiny())
        exponent = sp.expand(whole - constant)
        if exponent == 0:
            return out
        for s, b in self.exponentials.items():
            n = sp.cancel(PARTS * exponent / b)
            if n.is_Integer:
                return out * s ** (-n)
            if n.is_Rational:
                raise _Other
        way = self.sign(self.lead(exponent)[1])
        s = sp.Dummy("fast", positive=True)
        self.exponentials[s] = way * exponent
        return out * s ** (-way * PARTS)

    def logarithm(self, e: sp.Expr) -> sp.Expr:
        """The logarithm of what was read."""
        powers, p, q, exact = self.parts(e)
        if p == 0 or any(s not in self.exponentials for s in powers) or p.free_symbols & self.swinging:
            raise _Other
        (n, above), (m, below) = self.lead(p), self.lead(q)
        level = sp.cancel(above / below)
        if n != m or self.sign(level) < 0:
            raise _Other
        out = sp.Add(*(-k * self.exponentials[s] / PARTS for s, k in powers.items())) + sp.log(level)
        gap = sp.cancel(p / (level * q)) - 1
        out += 0 if gap == 0 else gap * self.new_one()
        return out if exact else out + self.new_tiny()

    def root(self, e: sp.Expr) -> sp.Expr:
        """The square root of what was read."""
        powers, p, q, exact = self.parts(e)
        if p == 0 or p.free_symbols & self.swinging:
            raise _Other
        (n, above), (m, below) = self.lead(p), self.lead(q)
        level = sp.cancel(above / below)
        if (n - m) % 2 or any(k % 2 for k in powers.values()) or self.sign(level) < 0:
            raise _Other
        whole = sp.sqrt(level) * self.x ** ((n - m) // 2)
        gap = sp.cancel(p / q - level * self.x ** (n - m))
        out = whole + (0 if gap == 0 else gap / (2 * whole) * self.new_one())
        return sp.Mul(*(s ** (k // 2) for s, k in powers.items())) * out * (1 if exact else 1 + self.new_tiny())

    def toward(self, e: sp.Expr) -> tuple[int, int]:
        """How fast what was read grows (2: faster than every power, 1) or vanishes (-1, -2), and its sign."""
        powers, p, q, _ = self.parts(e)
        if p == 0:
            return -2, 1
        way = self.growth(powers)
        (n, above), (m, below) = self.lead(p), self.lead(q)
        if way < 0:
            return -2, 1
        if way == 0 and n <= m:
            return (-1, 1) if n < m else (0, 1)
        return way + 1, self.sign(sp.cancel(above / below))

    def error_function(self, e: sp.Expr) -> sp.Expr:
        """``erf`` is 1 up to what vanishes fast."""
        rate, s = self.toward(e)
        if rate > 0:
            return s * (1 + self.new_tiny())
        if rate == -2:
            return self.new_tiny()
        raise _Other

    def arc(self, e: sp.Expr) -> sp.Expr:
        """``atan(u)`` is pi/2 less about 1/u."""
        rate, s = self.toward(e)
        if rate == 2:
            return s * sp.pi / 2 + self.new_tiny()
        if rate == 1:
            return s * sp.pi / 2 - self.new_one() / e
        if rate == -2:
            return self.new_tiny()
        if rate == -1:
            return e * self.new_one()
        raise _Other
