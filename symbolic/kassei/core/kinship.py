"""Whether one function is another at particular parameters, or ``scale*g(rate*v) + shift``: matched, then proved.

Matching only proposes. A *profile* lists what two spellings of one function share (the breaks, and value and
derivatives of each piece at one end of it); equating two profiles gives equations for the parameters, or for scale,
rate and shift. What solves them is put into the definition, and :func:`where_equal` decides on the normal form of the
difference for which parameters it vanishes for every input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.core.cache import clear_cache

from kassei.core.activation import Activation
from kassei.core.effort import TROUBLE, bounded, simplify, work
from kassei.core.enclose import Undecided, ball, number_sign, precision, rational, sign_of
from kassei.core.memo import memo
from kassei.core.pieces import BAD, Form, Piece, check_partial, is_zero, normal_form, value_at
from kassei.core.prove import Subject
from kassei.core.region import Fork, Leaf, Region, condition_where, explore, graft, leaves, within
from kassei.core.signs import order, sign
from kassei.core.verdict import Truth

DERIVATIVES = 4
"""How many derivatives of a piece are compared."""
PROOF_WORK = 200
"""Units of work that one proof of equality may take."""
PROFILE_WORK = 300
MAX_SOLUTIONS = 6
PLAIN = tuple(map(sp.Rational, ("1", "0", "-1", "2", "1/2")))
"""Numbers tried in an equation that is not rational."""
MAX_NARROWINGS = 6
MAX_SHORTENED = 40
"""Operations in a number that is still simplified."""
SOLVE_CALLS = 120_000
"""Function calls of SymPy's ``solve`` for one small system."""
MAX_SOLVED = 60
"""Operations in an equation that is still handed to it."""
PROBES = tuple(map(sp.Rational, ("-37/10", "-131/100", "-31/100", "27/100", "157/100", "43/10")))


@dataclass(frozen=True, kw_only=True)
class Image:
    """``scale*g(rate*v) + shift`` for the function ``g`` of this name, its parameters at ``values``."""

    name: str
    values: tuple[tuple[str, sp.Expr], ...] = ()
    scale: sp.Expr = sp.S.One
    rate: sp.Expr = sp.S.One
    shift: sp.Expr = sp.S.Zero

    @property
    def plain(self) -> bool:
        """Whether the function itself is meant, neither stretched nor moved."""
        return bool(self.scale == 1 and self.rate == 1 and self.shift == 0)

    def of(self, inner: sp.Expr, v: sp.Symbol) -> sp.Expr:
        """The image of an expression in ``v``."""
        return self.scale * self.at_rate(inner, v) + self.shift

    def at_rate(self, inner: sp.Expr, v: sp.Symbol) -> sp.Expr:
        """An expression at ``rate*v``."""
        return inner if self.rate == 1 else inner.subs(v, self.rate * v)


@dataclass(frozen=True, kw_only=True)
class Equality:
    """For which parameters a function is an image: always, never, exactly where ``condition`` holds, or left open.

    ``exceptions`` are the inputs at which the two differ all the same.
    """

    truth: Truth
    condition: sp.Basic = sp.true
    exceptions: tuple[sp.Expr, ...] = ()
    why: str = ""


# --- proving ----------------------------------------------------------------------------------------------------------


def where_equal(target: Activation, pattern: Activation, image: Image) -> Equality:
    """For which parameters of ``target`` it equals the image for every input, shown on the normal form of the gap."""
    v = target.variable
    inner, values = _renamed(pattern, v)
    fixed = tuple((values[name], value) for name, value in image.values)

    def ask(region: Region) -> tuple[sp.Expr, ...] | None:
        if not _allowed(pattern, image, region):
            return None
        here = replace(region, fixed=(*fixed, *region.fixed))
        check_partial(target.expr, target.partial, v, here)
        check_partial(image.of(inner.expr, v), tuple(image.at_rate(part, v) for part in inner.partial), v, here)
        return _differences(target.expr - image.of(inner.expr, v), v, here)

    def give_up(why: str) -> str:
        return why

    with work(PROOF_WORK):
        tree = explore(Region.of(target.parameters), ask, give_up)
    found = [leaf.answer for leaf in leaves(tree)]
    why = next((one for one in found if isinstance(one, str)), None)
    if why is not None:
        return Equality(truth="unknown", why=why)
    exceptions = {one for one in found if one is not None}
    if not exceptions:
        return Equality(truth="refuted")
    if len(exceptions) > 1:
        exceptions = {()} if () in exceptions else exceptions
    at = min(exceptions, key=lambda e: (len(e), str(e)))
    condition = condition_where(tree, lambda answer: answer == at)
    return Equality(
        truth="proved" if condition is sp.true else "conditional", condition=condition, exceptions=tuple(at)
    )


@memo(2000)
def _renamed(pattern: Activation, v: sp.Symbol) -> tuple[Activation, dict[str, sp.Symbol]]:
    """The pattern in another function's variable, with parameters that are nobody else's."""
    own = {p.name: sp.Symbol(f"{pattern.name}.{p.name}", real=True) for p in pattern.parameters}
    table = {p.symbol: own[p.name] for p in pattern.parameters} | {pattern.variable: v}
    partial = tuple(e.xreplace(table) for e in pattern.partial)
    return replace(pattern, variable=v, expr=pattern.expr.xreplace(table), partial=partial), own


def _allowed(pattern: Activation, image: Image, region: Region) -> bool:
    """Whether scale, rate and shift are real numbers and the pattern's parameters lie in their domains.

    SymPy makes ``exp(log(a))`` an ``a``, so the difference of two functions no longer shows that ``a > 0`` is needed.
    """
    for part in (image.scale, image.rate, image.shift, *(value for _, value in image.values)):
        if value_at(part, pattern.variable, sp.S.Zero, region) is sp.nan:
            return False
    values = dict(image.values)
    for p in pattern.parameters:
        low, high = order(values[p.name], p.domain.lo, region), order(values[p.name], p.domain.hi, region)
        if low < 0 or high > 0 or (low == 0 and not p.domain.lo_closed) or (high == 0 and not p.domain.hi_closed):
            return False
    return True


def _differences(gap: sp.Expr, v: sp.Symbol, region: Region) -> tuple[sp.Expr, ...] | None:
    """The isolated inputs at which ``gap`` is not 0; None where it differs from 0 on an interval."""
    form = normal_form(gap, v, region)
    for piece in form.pieces:
        if piece.expr is sp.nan:
            raise Undecided("whether two functions are undefined at the same inputs")
        if not is_zero(piece.expr, v, region):
            return None
    if sp.nan in form.values:
        raise Undecided("whether two functions are undefined at the same inputs")
    return tuple(x for x, y in zip(form.breaks, form.values, strict=True) if sign(y, region) != 0)


# --- profiles ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One piece: where it begins and ends, and value and derivatives at its end nearest to 0 (``None``: no value)."""

    lo: sp.Expr
    hi: sp.Expr
    jet: tuple[sp.Expr | None, ...]

    monomial: bool
    """Whether the piece is a constant plus at most one power of the distance from that end."""


Profile = tuple[Stretch, ...]


def profiles(activation: Activation) -> tuple[tuple[Region, Profile], ...]:
    """The profile of a function on each part of its parameter domain; parts without one are left out."""

    def grow(leaf: Leaf[Form | str]) -> object:
        form = leaf.answer
        if isinstance(form, str):
            return Leaf(leaf.region, None)
        return explore(leaf.region, lambda region: _profile(form, region), lambda _: None)

    with work(PROFILE_WORK):
        tree = graft(Subject(activation).forms, grow)  # type: ignore[arg-type]
    return tuple((leaf.region, leaf.answer) for leaf in leaves(tree) if leaf.answer is not None)


def profile_at(activation: Activation, values: dict[sp.Symbol, sp.Expr]) -> Profile | None:
    """The profile at given parameters; None where there is none."""
    region = Region(fixed=tuple(values.items()))
    try:
        with work(PROFILE_WORK):
            return _profile(normal_form(activation.expr, activation.variable, region), region)
    except (Undecided, Fork, *TROUBLE):
        return None


def _profile(form: Form, region: Region) -> Profile:
    """The profile of a normal form. Raises ``Undecided`` where a break may be one of the spelling alone."""
    for left, right in pairwise(form.pieces):
        if sp.nan not in (left.expr, right.expr) and is_zero(left.expr - right.expr, form.variable, region):
            raise Undecided("whether {} has a break at {}", left.expr, left.hi)
    return tuple(_stretch(piece, form.variable, region) for piece in form.pieces)


def _stretch(piece: Piece, v: sp.Symbol, region: Region) -> Stretch:
    lo, hi, expr = (region.apply(e) for e in (piece.lo, piece.hi, piece.expr))
    if expr is sp.nan:
        raise Undecided("a function that is undefined on an interval")
    anchor = lo if order(lo, sp.S.Zero, region) > 0 else hi if order(hi, sp.S.Zero, region) < 0 else sp.S.Zero
    jet: list[sp.Expr | None] = []
    slope = expr
    for _ in range(DERIVATIVES + 1):
        value = slope.subs(v, anchor)
        jet.append(None if value.has(*BAD, sp.I) else value)
        slope = slope.diff(v)
    powers = [(n, x) for n, x in enumerate(jet) if n and x != 0]
    monomial = len(powers) < 2 and None not in jet
    if monomial:
        taylor = sum((x * (v - anchor) ** n / sp.factorial(n) for n, x in enumerate(jet)), sp.S.Zero)
        monomial = sp.expand(expr - taylor) == 0
    return Stretch(lo=lo, hi=hi, jet=tuple(jet), monomial=monomial)


def shortened(image: Image) -> Image:
    """An image in short spellings.

    Only for one whose values agree: on the rates between functions that have nothing to do with each other, such as
    quotients of sums of ``exp(80)``, SymPy 1.14 over python-flint 0.9 dies of a floating-point exception.
    """
    scale, rate, shift = (_short(e) for e in (image.scale, image.rate, image.shift))
    return replace(image, scale=scale, rate=rate, shift=shift)


def _short(value: sp.Expr) -> sp.Expr:
    return value if value.is_Atom or sp.count_ops(value) > MAX_SHORTENED else simplify(value)


# --- matching parameters ----------------------------------------------------------------------------------------------


def at_parameters(
    target: Activation,
    known: Sequence[tuple[Region, Profile]],
    pattern: Activation,
    pattern_known: Sequence[tuple[Region, Profile]],
    *,
    mirrored: bool = False,
) -> Iterator[Image]:
    """Proposals for parameters of ``pattern`` at which it could be ``target``, or ``-pattern(-v)`` if ``mirrored``."""
    sign_of_image = -sp.S.One if mirrored else sp.S.One
    _, own = _renamed(pattern, target.variable)
    seen: set[Image] = set()
    for here, wanted in known:
        for there, offered in pattern_known:
            if here.fixed or len(wanted) != len(offered):  # what holds at one point of a domain is not looked for
                continue
            table = {p.symbol: own[p.name] for p in pattern.parameters}
            equations = _equations(wanted, _mirror(offered) if mirrored else offered, table)
            if equations is None or not _plausible(equations, here):
                continue
            start = {own[str(s.name)]: e.xreplace(table) for s, e in there.fixed}
            for found in _solutions(equations, start, sorted(own.values(), key=str), here):
                values = tuple((p.name, found.get(own[p.name], p.default)) for p in pattern.parameters)
                if any(value.free_symbols & set(own.values()) for _, value in values):
                    continue
                image = Image(name=pattern.name, values=values, scale=sign_of_image, rate=sign_of_image)
                if image not in seen and values_agree(target, pattern, image, here):
                    seen.add(image)
                    yield image


def _mirror(profile: Profile) -> Profile:
    """The profile of ``-f(-v)``."""
    return tuple(
        Stretch(
            lo=-s.hi,
            hi=-s.lo,
            jet=tuple(None if x is None else x * (-1) ** (n + 1) for n, x in enumerate(s.jet)),
            monomial=s.monomial,
        )
        for s in reversed(profile)
    )


def _equations(wanted: Profile, offered: Profile, table: dict[sp.Symbol, sp.Symbol]) -> list[sp.Expr] | None:
    """Expressions that vanish where two profiles agree; None where they cannot."""
    pairs = [(s.hi, t.hi) for s, t in zip(wanted[:-1], offered[:-1], strict=True)]
    for s, t in zip(wanted, offered, strict=True):
        for x, y in zip(s.jet, t.jet, strict=True):
            if (x is None) != (y is None):
                return None
            if x is not None and y is not None:
                pairs.append((x, y))
    out = []
    for x, y in pairs:
        gap = x - y.xreplace(table)
        if gap == 0:
            continue
        if not gap.free_symbols and abs(gap.evalf(20)) > 1e-9:
            return None
        out.append(gap)
    return list(dict.fromkeys(out))


def _plausible(equations: list[sp.Expr], region: Region) -> bool:
    """Whether no equation without unknowns is plainly false at the region's sample."""
    sampled = dict(region.sample)
    for gap in equations:
        here = gap.subs(sampled)
        if here.is_number and not _nearly_zero(here):
            return False
    return True


def _nearly_zero(value: sp.Expr) -> bool:
    try:
        return bool(abs(complex(value.evalf(20))) < 1e-9)
    except (TypeError, ValueError, OverflowError):
        return True


def _solutions(
    equations: list[sp.Expr], found: dict[sp.Symbol, sp.Expr], unknown: list[sp.Symbol], region: Region
) -> Iterator[dict[sp.Symbol, sp.Expr]]:
    """Values for the unknowns, one at a time from the shortest equation; they are proposals, to be proved."""
    pending = [e for e in (gap.subs(found) for gap in equations) if e != 0]
    open_ = [s for s in unknown if s not in found]
    if not _plausible(pending, region):
        return
    pending = sorted((e for e in pending if e.free_symbols & set(open_)), key=lambda e: (sp.count_ops(e), str(e)))
    if not pending:
        yield found
        return
    alone = [e for e in pending if len(e.free_symbols & set(open_)) == 1]
    chosen = alone[:1] or pending[: len(open_)]
    if sum(sp.count_ops(e) for e in chosen) > MAX_SOLVED:
        return
    symbols = [s for s in open_ if any(s in e.free_symbols for e in chosen)]
    answers = _by_hand(chosen, symbols)
    if answers is None:
        clear_cache()  # SymPy's own: what it has seen before must not decide whether the budget is enough
        try:
            answers = bounded(lambda: sp.solve(chosen, symbols, dict=True), f"solutions of {chosen}", SOLVE_CALLS)
        except (Undecided, *TROUBLE):
            return
    for answer in answers[:MAX_SOLUTIONS]:
        if answer and not any(value.has(sp.I, *BAD) for value in answer.values()):
            yield from _solutions(pending, {**found, **answer}, unknown, region)


def _by_hand(equations: list[sp.Expr], symbols: list[sp.Symbol]) -> list[dict[sp.Symbol, sp.Expr]] | None:
    """Solutions of one equation in one unknown: of a rational one of degree 1 or 2, or plain numbers; else None."""
    if len(equations) != 1 or len(symbols) != 1:
        return None
    (equation,), (x,) = equations, symbols
    if not equation.is_rational_function(x):
        plain = [{x: n} for n in PLAIN if equation.free_symbols == {x} and _vanishes(equation.subs(x, n))]
        return plain or None
    top = sp.Poly(sp.fraction(sp.together(equation))[0], x)
    if top.degree() == 1:
        return [{x: sp.expand(-top.nth(0) / top.nth(1))}]
    if top.degree() != 2:
        return None
    half, root = -top.nth(1) / (2 * top.nth(2)), sp.sqrt(top.nth(1) ** 2 - 4 * top.nth(2) * top.nth(0))
    return [{x: sp.expand(half + s * root / (2 * top.nth(2)))} for s in (1, -1)]


def _vanishes(value: sp.Expr) -> bool:
    return bool(value.is_number and not value.has(*BAD) and _nearly_zero(value))


def values_agree(target: Activation, pattern: Activation, image: Image, region: Region) -> bool:
    """Whether the two have nearly the same values at a few inputs, at the region's sample and a little beside it."""
    v = target.variable
    inner, own = _renamed(pattern, v)
    fill = {own[name]: value for name, value in image.values} or {own[p.name]: p.default for p in pattern.parameters}
    gap = target.expr - image.of(inner.expr, v).subs(fill)
    for sample in (dict(region.sample), _beside(region)):
        here = region.apply(gap).subs(sample)
        if not all(_nearly_zero(here.subs(v, x)) for x in PROBES[1:-1]):
            return False
    return True


def _beside(region: Region) -> dict[sp.Symbol, sp.Expr]:
    """A point near the sample with nothing special about it, as far as the domains go."""
    out = {}
    for k, (symbol, value) in enumerate(sorted(region.sample, key=lambda row: str(row[0]))):
        near = [value + s * sp.Rational(1, 17 + 2 * k) for s in (1, -1)] + [value * sp.Rational(99, 100), value]
        domain = dict(region.domains).get(symbol)
        out[symbol] = next(x for x in near if domain is None or x == value or within(x, domain))
    return out


# --- matching scale, rate and shift -----------------------------------------------------------------------------------


def affine_images(wanted: Profile, offered: Profile, name: str, region: Region) -> Iterator[Image]:
    """Proposals for ``scale*g(rate*v) + shift``, from the profile of the function sought and that of ``g``.

    With constant profiles the proposals are complete: where none is made there is no such image.
    Raises ``Undecided`` (or ``Fork``) where a number in a profile is not told from 0.
    """
    if len(wanted) != len(offered):
        return
    for way in (1, -1):
        turned = offered if way > 0 else _mirror(offered)
        found = _affine(wanted, turned, region)
        if found is None:
            continue
        scale, rate, shift = found
        yield Image(name=name, scale=way * scale, rate=way * rate, shift=shift)


def generic_images(wanted: Profile, offered: Profile, name: str, region: Region) -> Iterator[Image]:
    """The proposals that hold where parameters have no special sign, on the side of the region's sample."""
    for _ in range(MAX_NARROWINGS):
        try:
            yield from affine_images(wanted, offered, name, region)
            return
        except Fork as fork:
            smaller = region.assume(fork.expr, number_sign(region.at_sample(fork.expr)) or 1)
            if smaller is None:
                return
            region = smaller


def _affine(wanted: Profile, offered: Profile, region: Region) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """``scale``, ``rate > 0`` and ``shift`` that make one profile of the other; None where there are none."""
    values: list[tuple[sp.Expr, sp.Expr]] = []
    ratios: list[list[tuple[int, sp.Expr]]] = []
    for s, t in zip(wanted, offered, strict=True):
        here: list[tuple[int, sp.Expr]] = []
        for n, (x, y) in enumerate(zip(s.jet, t.jet, strict=True)):
            if (x is None) != (y is None):
                return None
            if x is None or y is None:
                continue
            if n == 0:
                values.append((x, y))
                continue
            zeros = _sign(x, region) == 0, _sign(y, region) == 0
            if zeros[0] != zeros[1]:
                return None
            if not zeros[0]:
                here.append((n, x / y))
        ratios.append(here)
    if not values:
        raise Undecided("a value to compare")
    rate = _rate(wanted, offered, ratios, region)
    if rate is None:
        return None
    first = next((row[0] for row in ratios if row), None)
    if first is not None:
        scale = first[1] / rate ** first[0]
    else:
        steps = [(x - a, y - b) for (a, b), (x, y) in pairwise(values)]
        found = next(((x, y) for x, y in steps if _sign(y, region) != 0), None)
        if found is None:
            return None
        scale = found[0] / found[1]
    return scale, rate, values[0][0] - scale * values[0][1]


def _rate(wanted: Profile, offered: Profile, ratios: list[list[tuple[int, sp.Expr]]], region: Region) -> sp.Expr | None:
    """The one positive rate that could fit; 1 where the function has no scale of its own; None where none fits.

    ``ratios`` are those of the derivatives that do not vanish, piece by piece, each with its order.
    """
    for s, t in zip(wanted[:-1], offered[:-1], strict=True):
        signs = _sign(s.hi, region), _sign(t.hi, region)
        if signs[0] != signs[1]:
            return None
        if signs[0]:
            return t.hi / s.hi
    for row in ratios:
        for (m, first), (n, second) in pairwise(row):
            power = second / first
            if _sign(power, region) <= 0:
                return None
            return power ** sp.Rational(1, n - m)
    if not all(s.monomial for s in wanted):
        raise Undecided("the rate at which two functions run")
    return sp.S.One


def _sign(value: sp.Expr, region: Region) -> int:
    value = region.apply(value)
    return sign(value, region) if value.free_symbols else number_sign(value)


# --- numbers ----------------------------------------------------------------------------------------------------------

Balls = list[Any]
"""Arb balls around the values at the probes; None where one was not found."""


def values_at(
    activation: Activation, values: dict[sp.Symbol, sp.Expr], points: Sequence[sp.Rational] = PROBES
) -> Balls:
    """Balls around the function's values at a few inputs, its parameters being given; None where one is not found."""
    out = []
    with precision(192):
        box = {s: ball(x, {}) for s, x in values.items()}
        for at in points:
            try:
                value = ball(activation.expr, {**box, activation.variable: rational(at)})
            except (Undecided, *TROUBLE):
                value = None
            out.append(value if value is not None and value.is_finite() else None)
    return out


def certainly_differ(a: Balls, b: Balls) -> bool:
    """Whether two lists of balls, at the same inputs, exclude that the values are equal."""
    with precision(192):
        return any(x is not None and y is not None and sign_of(x - y) in (1, -1) for x, y in zip(a, b, strict=True))
