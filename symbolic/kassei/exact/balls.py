"""The definition in Arb's ball arithmetic: at a point to any precision, and as a Taylor series on an interval.

A derivative is carried beside the value by the chain rule (a pair of value and tangent), in the input or in one
parameter, so no symbolic derivative is trusted either. Which branch a switch takes is decided by the sign of a ball;
where the ball holds zero, by exact rational arithmetic. At a tie (``v`` on a break) a derivative is evaluated on both
sides of the point, and either one-sided derivative counts as right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flint import arb, arb_series, ctx, fmpq

from kassei.exact.formats import Format
from kassei.exact.program import Program

PRECISIONS = (128, 320, 1280, 5120, 20480)
"""Bits tried one after the other; 1280 separate exp(v) - 1 from 0 at the smallest double."""
SURE = 2.0**-10
"""A pointwise reference is certain to this fraction of a unit in the last place."""
TERMS_BESIDE = 6
"""How many coefficients of a gap are asked for its sign beside a tie."""


class Unclear(Exception):
    """A ball that holds zero where a sign is asked for, or is not finite: more bits or a smaller interval may help."""


class Undefined(Exception):
    """The definition has no value here."""


class Tie(Exception):
    """A derivative was asked for exactly where two branches meet."""


@dataclass(frozen=True)
class Jet:
    """A value and its tangent (None where it does not depend on what is moved)."""

    x: Any
    d: Any = None


class Evaluation:
    """One evaluation of a program: ``box`` maps names to jets, ``exact`` to rationals where they are known.

    ``side`` is -1 or 1 for the limit from the left or right, 0 for the point itself. ``terms`` is 0 for numbers, else
    the number of series coefficients. ``differs`` says whether a tangent is wanted, so that ties matter.
    """

    def __init__(
        self,
        program: Program,
        box: Mapping[str, Jet],
        exact: Mapping[str, Any],
        *,
        terms: int = 0,
        side: int = 0,
        differs: bool = False,
    ) -> None:
        self.program, self.box, self.exact_box = program, box, exact
        self.terms, self.side, self.differs = terms, side, differs
        self.memo: dict[int, Jet] = {}
        self.rational: dict[int, Any] = {}

    # --- numbers ------------------------------------------------------------------------------------------------------

    def lift(self, x: Any) -> Any:
        return arb_series([x], self.terms) if self.terms else x

    def lead(self, x: Any) -> Any:
        return x[0] if self.terms else x

    def at(self, k: int) -> Jet:
        """The jet of step ``k``."""
        if k not in self.memo:
            op, *args = self.program.steps[k]
            self.memo[k] = getattr(self, f"do_{op}")(*args)
        return self.memo[k]

    def do_number(self, p: int, q: int) -> Jet:
        return Jet(self.lift(arb(fmpq(p, q))))

    def do_pi(self) -> Jet:
        return Jet(self.lift(arb.pi()))

    def do_e(self) -> Jet:
        return Jet(self.lift(arb(1).exp()))

    def do_name(self, name: str) -> Jet:
        return self.box[name]

    def do_add(self, *args: int) -> Jet:
        out = self.at(args[0])
        for k in args[1:]:
            out = _add(out, self.at(k))
        return out

    def do_mul(self, *args: int) -> Jet:
        out = self.at(args[0])
        for k in args[1:]:
            out = self.times(out, self.at(k))
        return out

    def times(self, a: Jet, b: Jet) -> Jet:
        parts = [t * x for t, x in ((a.d, b.x), (b.d, a.x)) if t is not None]
        return Jet(a.x * b.x, None if not parts else parts[0] if len(parts) == 1 else parts[0] + parts[1])

    def inverse(self, x: Any) -> Any:
        lead = self.lead(x)
        if lead.contains(0):
            raise Undefined if lead == 0 and not self.terms else Unclear
        return 1 / x

    def chain(self, a: Jet, value: Any, slope: Any) -> Jet:
        """``slope`` is called only where a tangent is carried."""
        return Jet(value, None if a.d is None else slope() * a.d)

    def do_pow(self, base: int, exponent: int) -> Jet:
        b, step = self.at(base), self.program.steps[exponent]
        if step[0] == "number" and step[2] == 1:
            return self.whole_power(b, step[1])
        e = self.at(exponent)
        lead = self.lead(b.x)
        if lead > 0:
            if step[0] == "number" and step[2] == 2:
                root = b.x.sqrt()
                out = self.chain(b, root, lambda: self.inverse(2 * root))
                return self.whole_power(out, step[1])
            log = self.chain(b, b.x.log(), lambda: self.inverse(b.x))
            return self.function_exp(self.times(log, e))
        if lead < 0:
            raise Undefined
        if self.is_zero(base, b) and self.lead(e.x) > 0:
            zero = b.x * 0
            if b.d is None or b.d == 0:
                return Jet(zero)
            if self.lead(e.x) > 1 and not self.terms:
                return Jet(zero, zero)
        raise Unclear

    def is_zero(self, k: int, jet: Jet) -> bool:
        """Whether a jet's value is exactly zero, and with it all coefficients of a series."""
        if self.terms:
            return all(c == 0 for c in jet.x.coeffs())
        return bool(jet.x == 0 or self.exact(k) == 0)

    def whole_power(self, b: Jet, n: int) -> Jet:
        if n == 1:
            return b
        if n < 0:
            up = self.whole_power(b, -n)
            inverse = self.inverse(up.x)
            return Jet(inverse, None if up.d is None else -(up.d * inverse * inverse))
        power = _power(b.x, n - 1)
        return Jet(power * b.x, None if b.d is None else n * power * b.d)

    # --- functions ----------------------------------------------------------------------------------------------------

    def function_exp(self, a: Jet) -> Jet:
        y = a.x.exp()
        return self.chain(a, y, lambda: y)

    def do_exp(self, k: int) -> Jet:
        return self.function_exp(self.at(k))

    def do_log(self, k: int) -> Jet:
        a = self.at(k)
        self.positive(a.x)
        return self.chain(a, a.x.log(), lambda: self.inverse(a.x))

    def positive(self, x: Any) -> None:
        lead = self.lead(x)
        if lead <= 0:
            raise Undefined
        if not lead > 0:
            raise Unclear

    def do_sin(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.sin(), lambda: a.x.cos())

    def do_cos(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.cos(), lambda: -a.x.sin())

    def do_tan(self, k: int) -> Jet:
        a = self.at(k)
        y = a.x.tan()
        return self.chain(a, y, lambda: 1 + y * y)

    def do_atan(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.atan(), lambda: self.inverse(1 + a.x * a.x))

    def do_asin(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.asin(), lambda: self.inverse(self.root(1 - a.x * a.x)))

    def do_acos(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.acos(), lambda: -self.inverse(self.root(1 - a.x * a.x)))

    def root(self, x: Any) -> Any:
        self.positive(x)
        return x.sqrt()

    def do_sinh(self, k: int) -> Jet:
        a = self.at(k)
        s, c = self.hyperbolic(a.x)
        return self.chain(a, s, lambda: c)

    def do_cosh(self, k: int) -> Jet:
        a = self.at(k)
        s, c = self.hyperbolic(a.x)
        return self.chain(a, c, lambda: s)

    def hyperbolic(self, x: Any) -> tuple[Any, Any]:
        """``sinh`` and ``cosh``; of a series by the addition formulas, so that nothing cancels at its centre."""
        if not self.terms:
            return x.sinh(), x.cosh()
        lead = x[0]
        up = (x - lead).exp()
        down = 1 / up
        s, c = (up - down) / 2, (up + down) / 2
        return lead.sinh() * c + lead.cosh() * s, lead.cosh() * c + lead.sinh() * s

    def tanh(self, x: Any) -> Any:
        if not self.terms:
            return x.tanh()
        lead = x[0]
        up = (2 * (x - lead)).exp()
        step = (up - 1) / (up + 1)
        return (lead.tanh() + step) / (1 + lead.tanh() * step)

    def do_tanh(self, k: int) -> Jet:
        a = self.at(k)
        y = self.tanh(a.x)

        def slope() -> Any:  # not 1 - y**2, which cancels in the tails; nor cosh there, which overflows
            lead = self.lead(a.x)
            if not (lead > 0 or lead < 0):
                return self.inverse(_power(self.hyperbolic(a.x)[1], 2))
            e = (-2 * a.x if lead > 0 else 2 * a.x).exp()
            return 4 * e * self.inverse(_power(1 + e, 2))

        return self.chain(a, y, slope)

    def do_asinh(self, k: int) -> Jet:
        return self.by_slope(k, "asinh", lambda x: self.inverse((1 + x * x).sqrt()))

    def do_acosh(self, k: int) -> Jet:
        return self.by_slope(k, "acosh", lambda x: self.inverse(self.root(x * x - 1)))

    def do_atanh(self, k: int) -> Jet:
        return self.by_slope(k, "atanh", lambda x: self.inverse(1 - x * x))

    def by_slope(self, k: int, name: str, slope: Any) -> Jet:
        """A function whose series is the integral of its slope's, from its value at the centre."""
        a = self.at(k)
        if not self.terms:
            return self.chain(a, getattr(a.x, name)(), lambda: slope(a.x))
        lead = getattr(a.x[0], name)()
        return self.chain(a, lead + (slope(a.x) * a.x.derivative()).integral(), lambda: slope(a.x))

    def do_erf(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.erf(), lambda: 2 / arb.pi().sqrt() * (-(a.x * a.x)).exp())

    def do_erfc(self, k: int) -> Jet:
        a = self.at(k)
        return self.chain(a, a.x.erfc(), lambda: -2 / arb.pi().sqrt() * (-(a.x * a.x)).exp())

    # --- switches -----------------------------------------------------------------------------------------------------

    def do_abs(self, k: int) -> Jet:
        a = self.at(k)
        sign = self.sign((k,))
        return a if sign > 0 else Jet(-a.x, None if a.d is None else -a.d) if sign < 0 else Jet(a.x * 0)

    def do_sign(self, k: int) -> Jet:
        return Jet(self.lift(arb(self.sign((k,)))))

    def do_max(self, *args: int) -> Jet:
        return self.extreme(args, 1)

    def do_min(self, *args: int) -> Jet:
        return self.extreme(args, -1)

    def extreme(self, args: tuple[int, ...], direction: int) -> Jet:
        best = args[0]
        for k in args[1:]:
            if self.sign((k, best)) * direction > 0:
                best = k
        return self.at(best)

    def do_piecewise(self, *args: int) -> Jet:
        for value, condition in zip(args[::2], args[1::2], strict=True):
            if self.holds(condition):
                return self.at(value)
        raise Undefined

    def holds(self, k: int) -> bool:
        op, *args = self.program.steps[k]
        if op in ("true", "false"):
            return bool(op == "true")
        if op == "and":
            return all(self.holds(j) for j in args)
        if op == "or":
            return any(self.holds(j) for j in args)
        if op == "not":
            return not self.holds(args[0])
        s = self.sign((args[0],))
        return {"gt": s > 0, "ge": s >= 0, "lt": s < 0, "le": s <= 0, "eq": s == 0, "ne": s != 0}[op]

    def sign(self, ends: tuple[int, ...]) -> int:
        """The sign of a step, or of the difference of two."""
        gap = self.at(ends[0]).x if len(ends) == 1 else self.at(ends[0]).x - self.at(ends[1]).x
        lead = self.lead(gap)
        if lead > 0 or lead < 0:
            return 1 if lead > 0 else -1
        if self.terms:
            if all(c == 0 for c in gap.coeffs()):
                return 0
            if self.side == 0:
                raise Unclear
        exact = [self.exact(k) for k in ends]
        if None in exact:
            if not lead == 0:
                raise Unclear
        else:
            difference = exact[0] - (exact[1] if len(exact) == 2 else 0)
            if difference != 0:
                return 1 if difference > 0 else -1
        if self.side == 0:
            if self.differs:
                raise Tie
            return 0
        return self.beside(ends)

    def beside(self, ends: tuple[int, ...]) -> int:
        """The sign right beside a tie: that of the gap's first coefficient which is not zero."""
        box = {n: Jet(arb_series([self.lead(j.x)], TERMS_BESIDE)) for n, j in self.box.items()}
        v = self.program.variable
        box[v] = Jet(arb_series([self.lead(self.box[v].x), 1], TERMS_BESIDE))
        there = (
            self if self.terms else Evaluation(self.program, box, self.exact_box, terms=TERMS_BESIDE, side=self.side)
        )
        gap = there.at(ends[0]).x
        if len(ends) == 2:
            gap = gap - there.at(ends[1]).x
        for k, c in enumerate(gap.coeffs()):
            if k and (c > 0 or c < 0):
                return -1 if bool(c > 0) == (self.side < 0 and k % 2 == 1) else 1
            if k and not c == 0:
                raise Unclear
        return 0

    # --- exact rationals ----------------------------------------------------------------------------------------------

    def exact(self, k: int) -> Any:
        """The exact rational value of a step at the point; None where it is not rational or not known to be."""
        if k not in self.rational:
            self.rational[k] = self._exact(*self.program.steps[k])
        return self.rational[k]

    def _exact(self, op: str, *args: Any) -> Any:
        if op == "number":
            return fmpq(*args)
        if op == "name":
            return self.exact_box.get(args[0])
        if op in ("add", "mul", "max", "min"):
            values = [self.exact(k) for k in args]
            if None in values:
                return None
            out = values[0]
            for x in values[1:]:
                out = out + x if op == "add" else out * x if op == "mul" else (max if op == "max" else min)(out, x)
            return out
        if op == "abs":
            x = self.exact(args[0])
            return None if x is None else abs(x)
        if op == "sign":
            x = self.exact(args[0])
            return None if x is None else fmpq((x > 0) - (x < 0))
        if op == "pow":
            base, exponent = self.exact(args[0]), self.exact(args[1])
            if base is None or exponent is None or exponent.q != 1 or abs(exponent.p) > 64:
                return fmpq(0) if base == 0 and exponent is not None and exponent > 0 else None
            if base == 0 and exponent < 0:
                raise Undefined
            return base ** int(exponent.p)
        if op == "exp":
            return fmpq(1) if self.exact(args[0]) == 0 else None
        if op in ("sin", "tan", "atan", "asin", "sinh", "tanh", "asinh", "atanh", "erf"):
            return fmpq(0) if self.exact(args[0]) == 0 else None
        if op == "piecewise":
            for value, condition in zip(args[::2], args[1::2], strict=True):
                if self.holds(condition):
                    return self.exact(value)
            raise Undefined
        return None


def _add(a: Jet, b: Jet) -> Jet:
    d = b.d if a.d is None else a.d if b.d is None else a.d + b.d
    return Jet(a.x + b.x, d)


def _power(x: Any, n: int) -> Any:
    """A whole power, at least 0, by squaring."""
    out, square = None, x
    while n:
        if n & 1:
            out = square if out is None else out * square
        n >>= 1
        if n:
            square = square * square
    return x * 0 + 1 if out is None else out


# --- at a point -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """What is right at a point: ``values`` are balls, any of which is right; ``undefined``: there is none.

    Neither: it was not found to the precision asked for.
    """

    values: tuple[Any, ...] = ()
    undefined: bool = False

    @property
    def known(self) -> bool:
        """Whether the reference has an answer."""
        return self.undefined or bool(self.values)


def at_point(program: Program, quantity: str | None, v: Any, params: Mapping[str, float], form: Format) -> Point:
    """The exact value (``quantity`` None) or derivative (in the name ``quantity``) of the definition at ``v``.

    ``v`` is a finite number of the format, or an exact ball far beyond it (:func:`at_infinity`). Each ball is certain
    to ``SURE`` of a unit in the last place.
    """
    sides: tuple[int, ...] = (0,)
    found: list[Any] = []
    for bits in PRECISIONS:
        saved, ctx.prec = ctx.prec, bits
        try:
            found = []
            for side in sides:
                x = _once(program, quantity, v, params, side)
                unit = form.unit(x)
                if not x.is_finite() or not x.rad() <= SURE * unit:
                    raise Unclear
                found.append(x)
            return Point(values=tuple(found))
        except Tie:
            sides = (-1, 1)
        except Undefined:
            return Point(undefined=True)
        except (Unclear, ZeroDivisionError, ValueError):
            pass
        finally:
            ctx.prec = saved
    return Point()


def _once(program: Program, quantity: str | None, v: Any, params: Mapping[str, float], side: int) -> Any:
    numbers = {program.variable: v, **params}
    exact = {n: _rational(x) for n, x in numbers.items() if isinstance(x, float)}
    box = {n: Jet(arb(x), arb(1) if n == quantity else None) for n, x in numbers.items()}
    run = Evaluation(program, box, exact, side=side, differs=quantity is not None)
    last = len(program.steps) - 1
    out = run.at(last)
    if quantity is None:
        if not out.x.is_finite() or out.x.contains(0):
            whole = run.exact(last)
            return out.x if whole is None else arb(whole)
        return out.x
    return arb(0) if out.d is None else out.d


def _rational(x: float) -> Any:
    return fmpq(*x.as_integer_ratio())


def at_infinity(
    program: Program, quantity: str | None, sign: int, params: Mapping[str, float], form: Format
) -> float | None:
    """What an infinite input must give, judged by the definition at ``±2**(2**1100)``; None where that is not settled.

    There even a logarithm is beyond every format. Where cancellation hides the value at that distance, the
    definition at ``±2**3000`` and ``±2**4000`` is asked and the two must round alike; not where it oscillates.
    """
    oscillates = any(step[0] in ("sin", "cos", "tan") for step in program.steps)
    answers = []
    for exponent in (2**1100, 3000, 4000):
        here = at_point(program, quantity, arb((sign, exponent)), params, form)
        if len(here.values) != 1:
            if exponent > 4000 and not oscillates:
                continue
            return None
        answers.append(_nearest(here.values[0], form))
        if exponent > 4000:
            return answers[0]
    return answers[0] if answers[0] == answers[1] else None


def _nearest(x: Any, form: Format) -> float:
    edge = arb(form.biggest) + form.unit(arb(form.biggest)) / 2
    if abs(x) >= edge:
        return float("inf") if x > 0 else float("-inf")
    return form.rounded(float(x.mid()))
