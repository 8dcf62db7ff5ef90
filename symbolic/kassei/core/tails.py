"""Expressions near infinity: sums of monomials with enclosed coefficients that hold on a whole tail.

On ``x >= reach`` a smooth expression is written as a sum of ``c * x**p * log(x)**l * exp(q(x))``. A coefficient is an
exact constant, or a ball that contains it for every ``x`` of the tail. Sums, products, powers and elementary functions
of such sums are again such sums: what is small against the leading monomial goes through Taylor's formula with the
remainder enclosed. So the sign on the whole tail, and the limit, are read off the leading monomial, with proof.

The scale is that of G. H. Hardy, *Orders of Infinity* (1910), with one exponential; what decays faster still is
enclosed by ``exp(-8*x)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

import sympy as sp
from flint import arb

from kassei.core.algebra import plain, units
from kassei.core.enclose import Undecided, ball, number_sign, precision, rational, sign_of

ORDER = 4
"""Terms of each Taylor expansion."""
MAX_MONOMIALS = 24
"""Longer sums are folded into an enclosed coefficient."""
MAX_POWER = 12
SUPER = 8
"""What decays faster than every monomial is enclosed by ``exp(-SUPER*x)``."""
BITS = 192
REACHES = tuple(sp.Integer(2) ** k for k in (3, 4, 5, 6, 7, 9, 12))
"""Where a tail may begin, tried in turn."""

Coefficient = Any  # an exact SymPy constant, or an Arb ball
Exponent = tuple[tuple[sp.Rational, sp.Expr], ...]  # (power of x, coefficient), highest power first
Key = tuple[Exponent, sp.Rational, int]
Model = dict[Key, Coefficient]
ONE: Key = ((), sp.S.Zero, 0)


def _enclosed(c: Coefficient) -> Any:
    return ball(c, {}) if isinstance(c, sp.Expr) else c


def _plus(a: Coefficient, b: Coefficient) -> Coefficient:
    return a + b if isinstance(a, sp.Expr) and isinstance(b, sp.Expr) else _enclosed(a) + _enclosed(b)


def _times(a: Coefficient, b: Coefficient) -> Coefficient:
    return a * b if isinstance(a, sp.Expr) and isinstance(b, sp.Expr) else _enclosed(a) * _enclosed(b)


def _sign(c: Coefficient) -> int:
    """The sign of a coefficient that may vary in its ball; ``Undecided`` where it may vanish."""
    if isinstance(c, sp.Expr):
        return number_sign(c)
    s = sign_of(c)
    if s is None:
        raise Undecided("the sign of a leading coefficient")
    return s


def _merge(a: Exponent, b: Exponent) -> Exponent:
    table = dict(a)
    for power, c in b:
        table[power] = table.get(power, sp.S.Zero) + c
    kept = [(power, c) for power, c in table.items() if number_sign(c) != 0]
    return tuple(sorted(kept, key=lambda item: -item[0]))


def _collect(model: Model, key: Key, coefficient: Coefficient) -> None:
    """Add a monomial to a sum; a coefficient that comes to zero leaves it."""
    total = _plus(model[key], coefficient) if key in model else coefficient
    if isinstance(total, sp.Expr) and number_sign(total) == 0:
        model.pop(key, None)
    else:
        model[key] = total


def _join(a: Key, b: Key) -> Key:
    return _merge(a[0], b[0]), a[1] + b[1], a[2] + b[2]


def _opposite(key: Key) -> Key:
    return tuple((power, -c) for power, c in key[0]), -key[1], -key[2]


def _growth(key: Key) -> int:
    """1 for a monomial that tends to infinity, 0 for a constant, -1 for one that tends to 0."""
    exponent, power, logs = key
    if exponent:
        return number_sign(exponent[0][1])
    if power != 0:
        return 1 if power > 0 else -1
    return (logs > 0) - (logs < 0)


def _dominance(a: Key, b: Key) -> int:
    return _growth(_join(a, _opposite(b)))


TINY: Model = {(((sp.S.One, -sp.Integer(SUPER)),), sp.S.Zero, 0): arb(0).union(arb(1))}


@dataclass(frozen=True)
class Tail:
    """The inputs ``x >= reach``."""

    x: sp.Symbol
    reach: sp.Rational
    tiny: frozenset[sp.Symbol] = frozenset()
    """Symbols for exponentials that fall faster than every monomial: between 0 and ``exp(-SUPER*x)``."""

    def model(self, expr: sp.Expr) -> Model:
        """The sum of monomials for an expression in ``x`` alone; ``Undecided`` where none is found on this tail."""
        if not expr.free_symbols & {self.x, *self.tiny}:
            if expr.free_symbols or not expr.is_finite:
                raise Undecided("{} near infinity", expr)
            return {ONE: expr} if number_sign(expr) != 0 else {}
        if expr == self.x:
            return {((), sp.S.One, 0): sp.S.One}
        if expr in self.tiny:
            return dict(TINY)
        if expr.is_Add:
            total: Model = {}
            for term in expr.args:
                total = self._add(total, self.model(term))
            return total
        if expr.is_Mul:
            product: Model = {ONE: sp.S.One}
            for factor in expr.args:
                product = self._multiply(product, self.model(factor))
            return product
        if isinstance(expr, sp.exp):
            return self._exp(self.model(expr.args[0]))
        if expr.is_Pow:
            base, exponent = expr.args
            if exponent.is_Rational:
                return self._power(self.model(base), exponent)
            return self._exp(self._multiply(self.model(exponent), self._log(self.model(base))))
        if isinstance(expr, sp.log):
            return self._log(self.model(expr.args[0]))
        if len(expr.args) == 1:
            return self._function(expr.func, self.model(expr.args[0]))
        raise Undecided("{} near infinity", expr)

    def leading(self, model: Model) -> tuple[Key, Coefficient]:
        """The monomial that dominates, its coefficient certainly not 0."""
        if not model:
            raise Undecided("a leading term: all that was expanded cancels")
        key = self._sorted(model)[0]
        if _sign(model[key]) == 0:
            raise Undecided("a leading coefficient that vanishes")
        return key, model[key]

    def enclosure(self, model: Model) -> Any:
        """A ball that contains the sum for every ``x`` of the tail; no monomial may grow."""
        total = arb(0)
        for key, c in model.items():
            size = arb(1) if key == ONE else self._largest(key).union(arb(0))
            total += _enclosed(c) * size
        return total

    def sign(self, model: Model) -> int:
        """The sign of the sum for every ``x`` of the tail; 0 for an empty sum."""
        if not model:
            return 0
        key, c = self.leading(model)
        rest = self._relative(model, key, c)
        if not abs(self.enclosure(rest)) < 1:
            raise Undecided("a leading term that does not dominate yet")
        return _sign(c)

    def _sorted(self, model: Model) -> list[Key]:
        return sorted(model, key=cmp_to_key(_dominance), reverse=True)

    def _relative(self, model: Model, key: Key, c: Coefficient) -> Model:
        """The other monomials divided by one of them."""
        back = _opposite(key)
        inverse = 1 / c
        return {_join(other, back): _times(d, inverse) for other, d in model.items() if other != key}

    def _largest(self, key: Key) -> Any:
        """The supremum of a decaying monomial on the tail, which is its value at the beginning of it."""
        exponent, power, logs = key
        if _growth(key) >= 0:
            raise Undecided("a bound for what does not decay")
        r = rational(self.reach)
        rate = rational(max(power, 0)) + (arb(logs) / r.log() if logs > 0 else 0)
        if exponent:
            top, lead = exponent[0]
            steep = _enclosed(lead) * rational(top)
            for lower, c in exponent[1:]:
                if number_sign(c) > 0:
                    steep += _enclosed(c) * rational(lower) * self._at_reach(lower - top)
            rate += steep * self._at_reach(top)
            falls = steep < 0 and rate <= 0
        else:
            falls = (rational(power) + (arb(logs) / r.log() if logs > 0 else 0)) <= 0
        if not falls:
            raise Undecided("a bound for what does not decay yet")
        grown = arb(0)
        for lower, c in exponent:
            grown += _enclosed(c) * self._at_reach(lower)
        return grown.exp() * self._at_reach(power) * r.log() ** logs

    def _at_reach(self, power: sp.Rational) -> Any:
        return (rational(self.reach).log() * rational(power)).exp()

    def _add(self, a: Model, b: Model) -> Model:
        out = dict(a)
        for key, c in b.items():
            _collect(out, key, c)
        return self._folded(out)

    def _multiply(self, a: Model, b: Model) -> Model:
        out: Model = {}
        for key, c in a.items():
            for other, d in b.items():
                _collect(out, _join(key, other), _times(c, d))
        return self._folded(out)

    def _folded(self, model: Model) -> Model:
        """A sum of at most ``MAX_MONOMIALS``: what is left over becomes a ball on the largest of it."""
        if len(model) <= MAX_MONOMIALS:
            return model
        ordered = self._sorted(model)
        kept = {key: model[key] for key in ordered[: MAX_MONOMIALS - 1]}
        first, *others = ordered[MAX_MONOMIALS - 1 :]
        back = _opposite(first)
        rest = {_join(key, back): model[key] for key in others}
        kept[first] = _enclosed(model[first]) + self.enclosure(rest)
        return kept

    def _scaled(self, model: Model, c: Coefficient) -> Model:
        return {key: _times(d, c) for key, d in model.items()}

    def _series(self, delta: Model, terms: list[sp.Expr], remainder: Any) -> Model:
        """``sum terms[k] * delta**k``, and ``remainder * delta**len(terms)``."""
        out: Model = {}
        power: Model = {ONE: sp.S.One}
        for c in terms:
            if number_sign(c) != 0:
                out = self._add(out, self._scaled(power, c))
            power = self._multiply(power, delta)
        return self._add(out, self._scaled(power, remainder))

    def _power(self, base: Model, exponent: sp.Rational) -> Model:
        if exponent.is_Integer and 0 <= exponent <= MAX_POWER:
            out: Model = {ONE: sp.S.One}
            for _ in range(int(exponent)):
                out = self._multiply(out, base)
            return out
        key, c = self.leading(base)
        if not exponent.is_Integer and _sign(c) < 0:
            raise Undecided("a power of a negative number")
        if key[2] and not exponent.is_Integer:
            raise Undecided("a power of a logarithm")
        delta = self._relative(base, key, c)
        small = self.enclosure(delta)
        if not abs(small) < 1:
            raise Undecided("a leading term that does not dominate yet")
        terms = [sp.binomial(exponent, k) for k in range(ORDER)]
        slope = _real_power(1 + small.union(arb(0)), exponent - ORDER)
        series = self._series(delta, terms, rational(sp.binomial(exponent, ORDER)) * slope)
        lead: Key = (tuple((p, q * exponent) for p, q in key[0]), key[1] * exponent, int(key[2] * exponent))
        factor = c**exponent if isinstance(c, sp.Expr) else _real_power(c, exponent)
        return {_join(k, lead): _times(d, factor) for k, d in series.items()}

    def _exp(self, inner: Model) -> Model:
        polynomial: Exponent = ()
        constant: sp.Expr = sp.S.Zero
        delta: Model = {}
        for key, c in inner.items():
            if key == ONE and isinstance(c, sp.Expr):
                constant = c
            elif _growth(key) > 0:
                if key[0] or key[2] or not isinstance(c, sp.Expr):
                    return self._super(inner)
                polynomial = _merge(polynomial, ((key[1], c),))
            else:
                delta[key] = c
        small = self.enclosure(delta)
        terms = [1 / sp.factorial(k) for k in range(ORDER)]
        series = self._series(delta, terms, small.exp().union(arb(1)) / int(sp.factorial(ORDER)))
        lead: Key = (polynomial, sp.S.Zero, 0)
        return {_join(k, lead): _times(d, sp.exp(constant)) for k, d in series.items()}

    def _super(self, inner: Model) -> Model:
        """The exponential of what falls faster than any polynomial rises: between 0 and ``exp(-SUPER*x)``."""
        line: Model = {((), sp.S.One, 0): sp.Integer(SUPER)}
        if self.sign(self._add(inner, line)) >= 0:
            raise Undecided("an exponential that grows beyond the scale")
        return dict(TINY)

    def tamed(self, expr: sp.Expr) -> tuple[Tail, sp.Expr]:
        """The tail and the expression with exponentials that leave the scale replaced by tiny symbols.

        A growing one becomes the reciprocal of a tiny symbol, and the quotient is multiplied out.
        """
        bare, back = units(expr)
        found: dict[sp.Expr, sp.Expr] = {}
        tiny = set()
        for t, power in back.items():
            if self.x not in power.free_symbols:
                continue
            inner = self.model(power.args[0]) if not power.args[0].is_polynomial(self.x) else {}
            keys = [key for key in self._sorted(inner)[:1] if key[0] and _growth(key) > 0]
            if not keys:
                continue
            symbol = sp.Dummy("tiny", positive=True)
            way = _sign(inner[keys[0]])
            self._super(self._scaled(inner, -sp.Integer(way)))
            found[t] = symbol if way < 0 else 1 / symbol
            tiny.add(symbol)
        if not tiny:
            return self, expr
        return Tail(self.x, self.reach, frozenset(tiny)), sp.together(bare.xreplace(found)).xreplace(
            {t: p for t, p in back.items() if t not in found}
        )

    def _log(self, inner: Model) -> Model:
        key, c = self.leading(inner)
        if _sign(c) < 0 or key[2]:
            raise Undecided("the logarithm of a negative number or of a logarithm")
        delta = self._relative(inner, key, c)
        small = self.enclosure(delta)
        if not abs(small) < 1:
            raise Undecided("a leading term that does not dominate yet")
        terms = [sp.S.Zero, *(sp.Rational((-1) ** (k + 1), k) for k in range(1, ORDER))]
        rest = arb((-1) ** (ORDER + 1)) / ORDER / (1 + small.union(arb(0))) ** ORDER
        out = self._series(delta, terms, rest)
        level = sp.log(c) if isinstance(c, sp.Expr) else c.log()
        if not (isinstance(level, sp.Expr) and number_sign(level) == 0):
            out = self._add(out, {ONE: level})
        for power, q in key[0]:
            out = self._add(out, {((), power, 0): q})
        return self._add(out, {((), sp.S.Zero, 1): key[1]}) if key[1] != 0 else out

    def _function(self, head: Any, inner: Model) -> Model:
        key = self._sorted(inner)[0] if inner else ONE
        if _growth(key) > 0:
            rule = _FAR.get(head)
            if rule is None:
                raise Undecided("{} near infinity", head)
            s = _sign(inner[key])
            return rule(self, inner, s)
        level = inner.get(ONE, sp.S.Zero)
        if not isinstance(level, sp.Expr):
            raise Undecided("a level that is only enclosed")
        delta = {k: c for k, c in inner.items() if k != ONE}
        y = sp.Dummy("y")
        slopes = [head(y)]
        for _ in range(ORDER):
            slopes.append(slopes[-1].diff(y))
        terms = [f.subs(y, level) / sp.factorial(k) for k, f in enumerate(slopes[:-1])]
        if any(not t.is_finite for t in terms):
            raise Undecided("{} at {}", head, level)
        reach = self.enclosure(delta).union(arb(0)) + _enclosed(level)
        return self._series(delta, terms, ball(slopes[-1], {y: reach}) / int(sp.factorial(ORDER)))

    def far_erf(self, inner: Model, s: int) -> Model:
        """``erf(u) = 1 - exp(-u**2)/(u*sqrt(pi)) * (1 - [0, 1]/(2*u**2))`` for u > 0 (Abramowitz and Stegun 7.1.23)."""
        u = self._scaled(inner, sp.Integer(s))
        inverse = self._power(u, sp.Integer(-1))
        tail = self._exp(self._scaled(self._multiply(u, u), sp.Integer(-1)))
        correction = self._scaled(self._multiply(inverse, inverse), arb(0).union(arb(-1)) / 2)
        factor = self._multiply(self._multiply(tail, inverse), self._add({ONE: sp.S.One}, correction))
        return self._add({ONE: sp.Integer(s)}, self._scaled(factor, -s / sp.sqrt(sp.pi)))

    def far_atan(self, inner: Model, s: int) -> Model:
        """``atan(u) = pi/2 - atan(1/u)`` for u > 0."""
        inverse = self._power(self._scaled(inner, sp.Integer(s)), sp.Integer(-1))
        out = self._add({ONE: sp.pi / 2}, self._scaled(self._function(sp.atan, inverse), -sp.S.One))
        return self._scaled(out, sp.Integer(s))

    def far_asinh(self, inner: Model, s: int) -> Model:
        """``asinh(u) = log(u + sqrt(u**2 + 1))`` for u > 0."""
        u = self._scaled(inner, sp.Integer(s))
        root = self._power(self._add(self._multiply(u, u), {ONE: sp.S.One}), sp.Rational(1, 2))
        return self._scaled(self._log(self._add(u, root)), sp.Integer(s))

    def far_wave(self, inner: Model, s: int) -> Model:
        """A sine or cosine of something that grows lies between -1 and 1."""
        del inner, s
        return {ONE: arb(-1).union(arb(1))}


_FAR: dict[Any, Callable[[Tail, Model, int], Model]] = {
    sp.erf: Tail.far_erf,
    sp.atan: Tail.far_atan,
    sp.asinh: Tail.far_asinh,
    sp.sin: Tail.far_wave,
    sp.cos: Tail.far_wave,
}


def _real_power(base: Any, exponent: sp.Rational) -> Any:
    if exponent.is_Integer:
        return base ** int(exponent)
    if not base > 0:
        raise Undecided("a power of what may not be positive")
    return (base.log() * rational(exponent)).exp()


def tail_sign(expr: sp.Expr, x: sp.Symbol, reaches: tuple[sp.Rational, ...] = REACHES) -> tuple[sp.Rational, int]:
    """``(R, s)``: ``expr`` has the sign ``s`` for every ``x >= R``. Raises ``Undecided`` where none is found."""
    expr = plain(expr)
    left: Undecided | None = None
    for reach in reaches:
        try:
            with precision(BITS):
                tail, there = Tail(x, reach).tamed(expr)
                return reach, tail.sign(tail.model(there))
        except Undecided as problem:
            left = problem
    raise Undecided("the sign of {} near infinity: {}", expr, left)


def tail_limit(expr: sp.Expr, x: sp.Symbol, reaches: tuple[sp.Rational, ...] = REACHES[1::3]) -> sp.Expr:
    """The limit as ``x`` goes to +oo, which may be infinite. Raises ``Undecided`` where none is found."""
    expr = plain(expr)
    left: Undecided | None = None
    for reach in reaches:
        try:
            with precision(BITS):
                tail, there = Tail(x, reach).tamed(expr)
                model = tail.model(there)
                if not model:
                    return sp.S.Zero
                key = tail._sorted(model)[0]
                growth = _growth(key)
                if growth < 0:
                    return sp.S.Zero
                if growth > 0:
                    return sp.oo * _sign(tail.leading(model)[1])
                if isinstance(model[key], sp.Expr):
                    return model[key]
                left = Undecided("a level that is only enclosed")
        except Undecided as problem:
            left = problem
    raise Undecided("the limit of {}: {}", expr, left)
