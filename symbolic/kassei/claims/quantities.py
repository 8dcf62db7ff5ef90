"""Real numbers that statements compare: exact expressions, rigorous enclosures, and rounding to binary32."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from typing import Any, TypeAlias

import sympy as sp

from kassei.claims.truth import FALSE, TRUE, UNKNOWN, Truth, conjunction, disjunction, when
from kassei.core.enclose import PRECISIONS, Undecided, ball, precision
from kassei.core.region import Fork, Region, condition_where, explore
from kassei.core.signs import sign, with_signs

FRACTION_BITS, LEAST_EXPONENT, GREATEST_EXPONENT = 23, -126, 127
"""IEEE 754 binary32, which frameworks call float32."""
SHORT, LONG = 10, 60
"""A rational number of at most so many characters needs no digits beside it; of a longer number only they are shown."""


@dataclass(frozen=True)
class Enclosed:
    """A real number of which only these bounds are known."""

    lo: sp.Rational
    hi: sp.Rational

    def __str__(self) -> str:
        """Its bounds in decimals, rounded outwards."""
        return f"between {_digits(self.lo, ROUND_FLOOR)} and {_digits(self.hi, ROUND_CEILING)}"


Number: TypeAlias = sp.Expr | Enclosed
Test = Callable[[int], bool]
"""What a sign must satisfy."""

TESTS: dict[str, Test] = {
    "==": lambda s: s == 0,
    "!=": lambda s: s != 0,
    "<": lambda s: s < 0,
    "<=": lambda s: s <= 0,
    ">": lambda s: s > 0,
    ">=": lambda s: s >= 0,
}

_LARGER, _SMALLER = (sp.Max, sp.Abs), (sp.Min,)
_OF_ALL: dict[str, tuple[type, ...]] = {"<": _LARGER, "<=": _LARGER, ">": _SMALLER, ">=": _SMALLER}
"""Which extreme of several numbers satisfies an inequality exactly if all of them do."""


def compare(a: Number, way: str, b: Number, region: Region) -> Truth:
    """Whether ``a way b``, for the parameters of a region: exactly where both are expressions."""
    test = TESTS[way]
    if isinstance(a, Enclosed) or isinstance(b, Enclosed):
        return _by_bounds(bounds(a), bounds(b), test)
    if a is sp.nan or b is sp.nan:
        return TRUE if way == "!=" else FALSE
    if way in _OF_ALL and isinstance(a, sp.Max | sp.Min | sp.Abs):
        parts = (a.args[0], -a.args[0]) if isinstance(a, sp.Abs) else a.args  # the size is the larger of both
        join = conjunction if isinstance(a, _OF_ALL[way]) else disjunction
        return join([compare(part, way, b, region) for part in parts])
    if a in (sp.oo, -sp.oo) or b in (sp.oo, -sp.oo):
        return TRUE if test(_order(a, b)) else FALSE
    tree = explore(region, lambda r: test(sign(with_signs(a - b, r), r)), lambda _: None)
    try:
        if condition_where(tree, lambda found: found is None) is not sp.false:
            return UNKNOWN
        return when(condition_where(tree, lambda found: found is True))
    except (Undecided, Fork):
        return UNKNOWN


def _order(a: sp.Expr, b: sp.Expr) -> int:
    if a == b:
        return 0
    return 1 if a is sp.oo or b is -sp.oo else -1


def _by_bounds(a: tuple[sp.Expr, sp.Expr], b: tuple[sp.Expr, sp.Expr], test: Test) -> Truth:
    signs = {s for s, there in ((-1, a[0] < b[1]), (0, a[0] <= b[1] and b[0] <= a[1]), (1, a[1] > b[0])) if there}
    found = {test(s) for s in signs}
    return UNKNOWN if len(found) > 1 else (TRUE if found.pop() else FALSE)


def bounds(x: Number, bits: int = PRECISIONS[1]) -> tuple[sp.Expr, sp.Expr]:
    """Rational (or infinite) numbers around a real constant. ``Undecided`` for anything else."""
    if isinstance(x, Enclosed):
        return x.lo, x.hi
    if x in (sp.oo, -sp.oo) or x.is_Rational:
        return x, x
    if x.free_symbols:
        raise Undecided(f"bounds of {x}, which has parameters")
    with precision(bits):
        found = ball(x, {})
        if not found.is_finite():
            raise Undecided(f"bounds of {x}")
        return exactly(found.lower()), exactly(found.upper())


def exactly(point: Any) -> sp.Rational:
    """The rational number that a ball of radius 0 is."""
    man, exp = point.man_exp()
    return sp.Rational(int(man)) * sp.Rational(2) ** int(exp)


def about(text: str) -> tuple[sp.Rational, sp.Rational]:
    """What rounds to a decimal as it is written: half a unit of its last digit on either side."""
    written = Decimal(text)
    half = sp.Rational(1, 2) * sp.Rational(10) ** int(written.as_tuple().exponent)
    middle = sp.Rational(text)
    return middle - half, middle + half


def combine(way: type, a: Number, b: Number) -> Number:
    """The sum, difference, product or quotient of two numbers."""
    rules: dict[type, Callable[[Any, Any], Any]] = {
        ast.Add: lambda x, y: x + y,
        ast.Sub: lambda x, y: x - y,
        ast.Mult: lambda x, y: x * y,
        ast.Div: lambda x, y: x / y,
    }
    if not isinstance(a, Enclosed) and not isinstance(b, Enclosed):
        return rules[way](a, b)
    (p, q), (r, s) = bounds(a), bounds(b)
    if way is ast.Div and r <= 0 <= s:
        raise Undecided("a quotient whose denominator may be 0")
    ends = [rules[way](x, y) for x in (p, q) for y in (r, s)]
    return Enclosed(min(ends), max(ends))


def size(a: Number) -> Number:
    """The absolute value."""
    if not isinstance(a, Enclosed):
        return sp.Abs(a)
    if a.lo >= 0:
        return a
    return Enclosed(-a.hi, -a.lo) if a.hi <= 0 else Enclosed(sp.S.Zero, max(-a.lo, a.hi))


def float32(x: Number, *, flush: bool = False) -> sp.Expr:
    """The binary32 number nearest to a real number, ties to even: what a correctly rounded result is.

    With ``flush``, results below the least normal number become 0, as arithmetic with "flush to zero" has it.
    """
    if x in (sp.oo, -sp.oo):
        return x
    for bits in PRECISIONS:
        low, high = bounds(x, bits)
        near = _nearest(low, flush)
        if near == _nearest(high, flush):
            return near
        if isinstance(x, Enclosed):
            break
    raise Undecided(f"the rounding of {x}")


def _nearest(q: sp.Rational, flush: bool) -> sp.Expr:
    if q == 0:
        return sp.S.Zero
    exact = abs(Fraction(int(q.p), int(q.q)))
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    if exact < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, LEAST_EXPONENT) - FRACTION_BITS)
    near = round(exact / unit) * unit  # Python rounds a Fraction to the nearest integer, ties to even
    if near >= Fraction(2) ** (GREATEST_EXPONENT + 1):
        return sp.oo if q > 0 else -sp.oo
    if flush and near < Fraction(2) ** LEAST_EXPONENT:
        return sp.S.Zero
    return (1 if q > 0 else -1) * sp.Rational(near.numerator, near.denominator)


def told(x: Any) -> str:
    """A value as evidence shows it: exactly where that is short, and in digits where it is no short rational number."""
    exact = str(x)
    if not isinstance(x, sp.Expr) or x.free_symbols or (x.is_Rational and len(exact) <= SHORT):
        return exact
    try:
        low, _ = bounds(x)
    except Undecided:
        return exact
    digits = f"{sp.N(low, 12)}…" if low.is_finite else exact
    return digits if len(exact) > LONG else f"{exact} = {digits}"


def _digits(q: sp.Rational, way: str) -> str:
    with localcontext() as c:
        c.prec, c.rounding = 15, way
        return str(Decimal(int(q.p)) / Decimal(int(q.q)))
