"""Rigorous numbers: Arb balls for expressions, exact signs of constants, roots that have no closed form.

Everything here is about *constants* and *boxes*: an enclosure returned by :func:`ball` contains the true value for
every point of the box it was given, so a ball that excludes zero decides a sign for the whole box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from kassei.core.memo import memo

PRECISIONS = (64, 192, 640, 2304)
"""Bits tried, in this order, before a constant that still straddles zero is handed to algebra."""


class Unsettled(Exception):
    """There is no answer here: none was found, or it is not the same everywhere."""


class Undecided(Unsettled):
    """Something that could not be decided; the message says what, in SymPy's spelling.

    The first argument is the sentence, with a pair of braces for each of the others. It is put together when it is
    read: most are caught by who has another way left, and long expressions take long to print.
    """

    def __str__(self) -> str:
        """The sentence."""
        return str(self.args[0]).format(*self.args[1:]) if len(self.args) > 1 else super().__str__()


def rational(value: sp.Rational | Fraction | int) -> Any:
    """An exact rational as a ball of radius as small as the working precision allows."""
    q = value if isinstance(value, sp.Rational) else sp.Rational(value)
    return _quotient(int(q.p), int(q.q), ctx.prec)


@memo(8192)
def _quotient(top: int, bottom: int, prec: int) -> Any:
    with precision(prec):
        return arb(fmpq(top, bottom))


class RootConstant(sp.AtomicExpr):  # type: ignore[misc]
    """The only root of ``function`` in ``[lo, hi]``: a real constant without a closed form.

    ``function`` has opposite signs at the rational ends and one root between them; whoever builds the constant has
    proved that.
    """

    is_number = True
    is_real = True
    is_finite = True
    is_commutative = True
    is_comparable = True

    def __new__(cls, function: sp.Expr, variable: sp.Symbol, lo: sp.Rational, hi: sp.Rational) -> RootConstant:
        """Name the root; nothing is computed yet."""
        self = super().__new__(cls)
        self.function, self.variable, self.lo, self.hi = function, variable, sp.Rational(lo), sp.Rational(hi)
        return self  # type: ignore[no-any-return]

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._hashable_content()

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.function, self.variable, self.lo, self.hi)

    @property
    def is_positive(self) -> bool | None:
        """True or False where the bracket decides it."""
        return True if self.lo >= 0 else (False if self.hi <= 0 else None)

    @property
    def is_negative(self) -> bool | None:
        """True or False where the bracket decides it."""
        return True if self.hi <= 0 else (False if self.lo >= 0 else None)

    @property
    def is_zero(self) -> bool | None:
        """False where the bracket excludes zero."""
        return False if self.lo >= 0 or self.hi <= 0 else None

    def _sympystr(self, printer: Any) -> str:
        return _spelling(self)

    def _latex(self, printer: Any) -> str:
        return str(sp.latex(sp.Float(self._eval_evalf(64), 10)))

    def _eval_evalf(self, prec: int) -> sp.Float:
        lo, hi = self.bracket(prec + 8)
        return sp.Float((lo + hi) / 2, precision=prec)

    def bracket(self, prec: int) -> tuple[sp.Rational, sp.Rational]:
        """Rational ends around the root, about ``2**-prec`` apart relative to its size."""
        return _bracket(self, next((p for p in PRECISIONS if p >= prec), prec))

    def enclosure(self, prec: int) -> Any:
        """A ball of about ``prec`` bits around the root, found by bisection with exact sign tests."""
        return _enclosure(self, prec)


class ImplicitRoot(RootConstant):
    """The only root of ``function`` in ``(lo, hi)``, where function and ends depend on parameters.

    Whoever builds it has proved that there is one root for all parameters of the region it is used on. Replacing the
    last parameter by a number makes a ``RootConstant`` of it, or the root itself where that is a short rational.
    """

    is_number = False
    is_comparable = False

    def __new__(cls, function: sp.Expr, variable: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> ImplicitRoot:
        """Name the root; nothing is computed yet."""
        self = sp.AtomicExpr.__new__(cls)
        self.function, self.variable, self.lo, self.hi = function, variable, lo, hi
        return self  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """The parameters."""
        parts: set[sp.Symbol] = set().union(*(e.free_symbols for e in (self.function, self.lo, self.hi)))
        return parts - {self.variable}

    is_positive = is_negative = is_zero = None

    def _eval_subs(self, old: sp.Expr, new: sp.Expr) -> sp.Expr:
        if old not in self.free_symbols:
            return self
        function, lo, hi = (e.subs(old, new) for e in (self.function, self.lo, self.hi))
        there = ImplicitRoot(function, self.variable, lo, hi)
        if there.free_symbols:
            return there
        from kassei.core.roots import root_between

        return root_between(function, self.variable, lo, hi)

    def moved(self, x: sp.Symbol, forward: sp.Expr, back: Callable[[sp.Expr], sp.Expr]) -> ImplicitRoot:
        """The same root for ``x``, where this variable is ``forward``, an increasing expression in ``x``."""
        return ImplicitRoot(self.function.subs(self.variable, forward), x, back(self.lo), back(self.hi))

    def _latex(self, printer: Any) -> str:
        inside, x, lo, hi = (printer._print(e) for e in (self.function, self.variable, self.lo, self.hi))
        return rf"\operatorname{{root}}_{{{x} \in ({lo},\, {hi})}}\left({inside}\right)"

    def _eval_evalf(self, prec: int) -> None:
        return None

    def bracket(self, prec: int) -> tuple[sp.Rational, sp.Rational]:
        """There is none before the parameters have values."""
        raise Undecided("where {} = 0", self.function)

    enclosure = bracket


@memo(4096)
def _spelling(root: RootConstant) -> str:
    return f"root of {root.function} in [{root.lo}, {root.hi}]"


@memo(4096)
def _enclosure(root: RootConstant, prec: int) -> Any:
    lo, hi = root.bracket(prec)
    with precision(prec + 32):
        return rational(lo).union(rational(hi))


@memo(4096)
def _bracket(root: RootConstant, prec: int) -> tuple[sp.Rational, sp.Rational]:
    """Ends that straddle the root, about ``2**-prec`` apart relative to its size.

    Bisection to 64 bits, then Newton steps whose result is accepted only when signs at both ends confirm it.
    """
    f, x = root.function, root.variable
    low_sign = point_sign(f, x, root.lo, prec + 64)
    if prec > PRECISIONS[0]:
        lo, hi = _bracket(root, max(p for p in PRECISIONS if p < prec))
        if lo == hi:
            return lo, hi
        near = _newton(f, x, lo, hi, prec)
        if near is not None:
            step = max(abs(near), sp.Rational(1, 2**prec)) / sp.Integer(2) ** (prec - 4)
            a, b = near - step, near + step
            if root.lo <= a and b <= root.hi and _straddles(f, x, a, b, low_sign, prec + 64):
                return a, b
    else:
        lo, hi = root.lo, root.hi
    shift = prec + 8 + max(0, -_exponent(max(abs(lo), abs(hi))))
    unit = 2**shift
    a, b = int(sp.floor(lo * unit)), int(sp.ceiling(hi * unit))
    while b - a > 1 and b - a > (max(abs(a), abs(b)) >> prec):
        mid = (a + b) // 2
        s = point_sign(f, x, sp.Rational(mid, unit), prec + 64)
        if s == 0:
            return sp.Rational(mid, unit), sp.Rational(mid, unit)
        a, b = (mid, b) if s == low_sign else (a, mid)
    return max(lo, sp.Rational(a, unit)), min(hi, sp.Rational(b, unit))


def _exponent(value: sp.Rational) -> int:
    return int(value.p).bit_length() - int(value.q).bit_length() if value else 0


def _newton(f: sp.Expr, x: sp.Symbol, lo: sp.Rational, hi: sp.Rational, prec: int) -> sp.Rational | None:
    """An approximation to the root; it proves nothing and is checked by the caller."""
    slope = f.diff(x)
    with precision(prec + 64):
        at = rational((lo + hi) / 2)
        for _ in range(12):
            box = {x: at.mid()}
            step = ball(f, box) / ball(slope, box)
            if not step.is_finite():
                return None
            at = (at - step).mid()
            if step == 0 or abs(step) < abs(at) * arb(2) ** (-prec - 8):
                break
        return _fraction(at)


def _straddles(f: sp.Expr, x: sp.Symbol, a: sp.Rational, b: sp.Rational, low_sign: int, bits: int) -> bool:
    with precision(bits):
        return sign_of(ball(f, {x: rational(a)})) == low_sign and sign_of(ball(f, {x: rational(b)})) == -low_sign


class precision:  # noqa: N801 - used like a function
    """``with precision(bits):`` sets Arb's working precision and puts the old one back."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        self.saved = ctx.prec
        ctx.prec = self.bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self.saved


_FUNCTIONS: dict[Any, Callable[[Any], Any]] = {
    sp.exp: lambda b: b.exp(),
    sp.log: lambda b: b.log(),
    sp.sin: lambda b: b.sin(),
    sp.cos: lambda b: b.cos(),
    sp.tan: lambda b: b.tan(),
    sp.atan: lambda b: b.atan(),
    sp.asin: lambda b: b.asin(),
    sp.acos: lambda b: b.acos(),
    sp.sinh: lambda b: b.sinh(),
    sp.cosh: lambda b: b.cosh(),
    sp.tanh: lambda b: b.tanh(),
    sp.asinh: lambda b: b.asinh(),
    sp.acosh: lambda b: b.acosh(),
    sp.atanh: lambda b: b.atanh(),
    sp.erf: lambda b: b.erf(),
    sp.erfc: lambda b: b.erfc(),
    sp.Abs: lambda b: abs(b),
}


def ball(expr: sp.Expr, box: Mapping[sp.Symbol, Any]) -> Any:
    """Enclose ``expr`` over a box of balls, at Arb's working precision.

    Not finite (NaN or unbounded) where the expression is undefined or unbounded somewhere on the box. Raises
    ``Undecided`` on a function it was not taught.
    """
    if expr.is_Rational:
        return rational(expr)
    if expr.is_Symbol:
        return box[expr]
    if isinstance(expr, RootConstant):
        return expr.enclosure(ctx.prec)
    if expr is sp.pi:
        return arb.pi()
    if expr is sp.E:
        return arb(1).exp()
    if expr.is_Add:
        total = arb(0)
        for arg in expr.args:
            total = total + ball(arg, box)
        return total
    if expr.is_Mul:
        product = arb(1)
        for arg in expr.args:
            product = product * ball(arg, box)
        return product
    if expr.is_Pow:
        return _power(expr, box)
    if isinstance(expr, sp.Max | sp.Min):
        values = [ball(arg, box) for arg in expr.args]
        out = values[0]
        for value in values[1:]:
            out = out.max(value) if isinstance(expr, sp.Max) else out.min(value)
        return out
    if isinstance(expr, sp.Heaviside | sp.sign):
        inner = ball(expr.args[0], box)
        low, high = (0, 1) if isinstance(expr, sp.Heaviside) else (-1, 1)
        if inner > 0:
            return arb(high)
        if inner < 0:
            return arb(low)
        return arb(low).union(arb(high))
    if isinstance(expr, sp.Piecewise):
        return _first_true(expr, box)
    rule = _FUNCTIONS.get(expr.func)
    if rule is not None:
        return rule(ball(expr.args[0], box))
    if expr.is_number and expr.is_algebraic and expr.is_real:  # an algebraic root object: SymPy isolates it exactly
        digits = int(ctx.prec * 0.30103) + 5
        near = sp.Rational(str(sp.N(expr, digits)))
        slack = (abs(near) + 1) / sp.Integer(10) ** (digits - 3)
        return rational(near - slack).union(rational(near + slack))
    raise Undecided("no enclosure is known for {}", expr.func)


def _power(expr: sp.Pow, box: Mapping[sp.Symbol, Any]) -> Any:
    base, exponent = expr.args
    if base is sp.E:
        return ball(exponent, box).exp()
    b = ball(base, box)
    if exponent.is_Integer:
        return b ** int(exponent)
    if exponent.is_Rational and exponent.q == 2:
        root = arb(0) if b == 0 else b.sqrt()
        return root ** int(exponent.p)
    if exponent.is_Rational and b == 0:
        return arb(0) if exponent > 0 else arb("nan")
    if b > 0:
        return (b.log() * ball(exponent, box)).exp()
    if b >= 0 and exponent.is_positive:  # touches zero: the power is increasing in the base
        top = (b.upper().log() * ball(exponent, box)).exp()
        return top.union(arb(0))
    return arb("nan")


def _first_true(expr: sp.Piecewise, box: Mapping[sp.Symbol, Any]) -> Any:
    out = None
    for value, condition in expr.args:
        holds = condition_truth(condition, box)
        if holds is False:
            continue
        here = ball(value, box)
        out = here if out is None else out.union(here)
        if holds is True:
            break
    if out is None:
        return arb("nan")
    return out


def condition_truth(condition: sp.Basic, box: Mapping[sp.Symbol, Any]) -> bool | None:
    """Whether a Boolean holds on the whole box (True), nowhere on it (False), or neither is shown (None)."""
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, sp.And | sp.Or):
        truths = [condition_truth(arg, box) for arg in condition.args]
        strong = isinstance(condition, sp.Or)
        if strong in truths:
            return strong
        return None if None in truths else not strong
    if isinstance(condition, sp.Not):
        inner = condition_truth(condition.args[0], box)
        return None if inner is None else not inner
    gap = ball(condition.lhs - condition.rhs, box)
    if isinstance(condition, sp.Eq | sp.Ne):
        equal = False if (gap > 0 or gap < 0) else (True if gap == 0 else None)
        return equal if isinstance(condition, sp.Eq) or equal is None else not equal
    upward = isinstance(condition, sp.StrictGreaterThan | sp.GreaterThan)
    gap = gap if upward else -gap
    strict = isinstance(condition, sp.StrictGreaterThan | sp.StrictLessThan)
    if gap > 0 or (not strict and gap >= 0):
        return True
    if gap < 0 or (strict and gap <= 0):
        return False
    return None


def sign_of(value: Any) -> int | None:
    """The sign of a ball, or None when it straddles zero or is not finite."""
    if value > 0:
        return 1
    if value < 0:
        return -1
    if value == 0:
        return 0
    return None


def point_sign(expr: sp.Expr, variable: sp.Symbol, at: sp.Expr, prec: int = 64) -> int:
    """The exact sign of ``expr`` at one constant; raises ``Undecided`` when algebra cannot settle a zero."""
    with precision(prec):
        found = sign_of(ball(expr, {variable: ball(at, {})}))
    return number_sign(expr.subs(variable, at)) if found is None else found


@memo(20000)
def number_sign(value: sp.Expr) -> int:
    """The exact sign of a real constant.

    Balls of growing precision decide every non-zero constant in practice; a zero must be shown by algebra.
    Raises ``Undecided`` when neither settles it or the constant is not a real number.
    """
    if value is sp.oo or value is -sp.oo:
        return 1 if value is sp.oo else -1
    if value.is_Rational:
        return int(bool(value > 0)) - int(bool(value < 0))
    if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) or value.free_symbols:
        raise Undecided("sign of {}", value)
    for bits in PRECISIONS:
        with precision(bits):
            found = sign_of(ball(value, {}))
        if found is not None:
            return found
    if _is_zero(value):
        return 0
    raise Undecided("whether {} is zero", value)


def _is_zero(value: sp.Expr) -> bool:
    roots = value.atoms(RootConstant)
    if len(roots) == 1:
        return _divisible(value, next(iter(roots)))
    if value.is_zero:
        return True
    from kassei.core.effort import simplify

    if sp.expand(value) == 0 or simplify(value) == 0:
        return True
    try:
        return bool(sp.minimal_polynomial(value, sp.Dummy()).is_Symbol)
    except (NotImplementedError, sp.polys.polyerrors.NotAlgebraic, ValueError):
        return False


def _divisible(value: sp.Expr, root: RootConstant) -> bool:
    """Whether an expression vanishes at a root because it contains the root's function as a factor."""
    x = root.variable
    back = value.xreplace({root: x})
    quotient = sp.cancel(sp.together(back) / sp.together(root.function))
    bottom = sp.fraction(quotient)[1]
    with precision(256):
        return sign_of(ball(bottom.subs(x, root), {})) not in (0, None)


def decimal_enclosure(value: sp.Expr, digits: int = 24) -> dict[str, str]:
    """``{"lo", "hi"}``: decimal strings around a real constant, agreeing to at least ``digits - 2`` digits."""
    bits = 64 + int(digits * 3.33)
    with precision(2 * bits):
        return decimals(ball(value, {}), digits)


def decimals(enclosed: Any, digits: int = 24) -> dict[str, str]:
    """``{"lo", "hi"}``: decimal strings around a ball, of ``digits`` digits or as many as its radius leaves and one."""
    with precision(64 + int(digits * 8)):
        mid = _fraction(enclosed.mid())
        radius = _fraction(enclosed.rad().upper())
    size = abs(mid) if mid else sp.Integer(1)
    places = digits - 1 - sp.floor(sp.log(size, 10).evalf(20)) if mid else digits
    step = sp.Rational(10) ** (-int(places))
    lo = sp.floor((mid - radius) / step) * step
    hi = sp.ceiling((mid + radius) / step) * step
    return {"lo": _decimal(lo, int(places)), "hi": _decimal(hi, int(places))}


def _fraction(exact: Any) -> sp.Rational:
    man, exp = exact.man_exp()
    return sp.Rational(int(man)) * sp.Rational(2) ** int(exp)


def _decimal(value: sp.Rational, places: int) -> str:
    from decimal import Decimal, localcontext

    with localcontext() as c:
        c.prec = max(60, places + 40)
        return format((Decimal(int(value.p)) / Decimal(int(value.q))).quantize(Decimal(1).scaleb(-places)), "f")
