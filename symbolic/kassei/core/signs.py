"""The sign of an expression, everywhere: for parameters on a region, for an input along an interval.

:func:`sign` answers for parameters and forks the region where the answer changes. :func:`chart` lays out the signs
of a smooth expression along an open interval: its zeros in order and the sign between them. A chart is an
argument, not a sample. It rests on

* factorisation, and exact root isolation for polynomials;
* substitution of a single exponential, which turns exponential polynomials into polynomials;
* scaling, which removes a parameter that only stretches the axes;
* comparison of two terms through their logarithm or their powers;
* the derivative: between zeros of g' the function g is monotone, so its signs follow from its values at those
  zeros and its limits at the ends (and g may be divided by a positive function first, to make g' simpler);
* interval arithmetic on boxes and the leading monomial beyond them, for expressions without parameters;
* the amplitude of a sinusoid on an unbounded interval.

What none of these reaches raises ``Undecided``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial as partial_of

import sympy as sp

from kassei.core import limits
from kassei.core.algebra import Scaled, factored, factors, rates, rescale, vanishes
from kassei.core.boxes import spans
from kassei.core.effort import bounded, remembered, simplify, spend
from kassei.core.enclose import (
    ImplicitRoot,
    RootConstant,
    Undecided,
    ball,
    number_sign,
    point_sign,
    precision,
    rational,
    sign_of,
)
from kassei.core.memo import memo
from kassei.core.region import Fork, Region
from kassei.core.roots import root_between
from kassei.core.solver import impossible
from kassei.core.verdict import Step

MAX_DEPTH = 12
"""How many derivatives one chart may stand on."""
MAX_WILD_DEPTH = 4
"""The same where derivatives need not become simpler: exponents that are not polynomials, roots, logarithms."""
BOXES = 5
"""Units of work that a chart by boxes costs."""
SCALE_PLACES = tuple((sp.Rational(a), sp.Rational(b)) for a, b in (("1/2", "3/2"), ("-1/2", "-3/2"), ("-1/2", "1/2")))
"""Pairs of inputs whose values are compared before a shape is looked for."""
BESIDE = sp.Rational(1, 97)
OPS_A_UNIT = 10
"""Operations of an expression that is differentiated, for one unit of work."""
MAX_SUM_OPS = 260
"""A factor with more operations is not differentiated again."""


@dataclass(frozen=True)
class Chart:
    """Signs along an open interval: ``signs[i]`` holds between ``points[i-1]`` and ``points[i]``.

    ``points`` are the zeros; a sign 0 means identically zero. ``periodic`` marks infinitely many zeros:
    ``points`` is then empty and ``signs`` lists the signs that are attained on sub-intervals.
    """

    points: tuple[sp.Expr, ...]
    signs: tuple[int, ...]
    periodic: bool = False
    why: tuple[Step, ...] = field(default=(), compare=False)

    @property
    def never_negative(self) -> bool:
        """Whether the expression is >= 0 on the whole interval."""
        return -1 not in self.signs

    @property
    def never_positive(self) -> bool:
        """Whether the expression is <= 0 on the whole interval."""
        return 1 not in self.signs

    @property
    def identically_zero(self) -> bool:
        """Whether the expression vanishes on the whole interval."""
        return self.signs == (0,)


def sign(expr: sp.Expr, region: Region) -> int:
    """The sign of an expression in the parameters, the same on the whole region.

    Raises ``Fork`` where the region must be split first and ``Undecided`` where nothing settles it.
    """
    expr = region.apply(sp.sympify(expr, strict=True))
    if not expr.free_symbols:
        return number_sign(expr)
    if expr.has(ImplicitRoot):
        raise Undecided("the sign of {}", expr)
    total = 1
    undecided: Exception | None = None
    parts = factors(_short_arguments(expr))
    for base, exponent in parts:
        if exponent.is_Integer and exponent % 2 == 0 and exponent < 0:
            continue
        try:
            s = _factor_sign(base, region)
        except (Fork, Undecided) as problem:
            if undecided is None or isinstance(undecided, Undecided):
                undecided = problem
            continue
        if not exponent.is_Integer and s < 0:
            raise Undecided("a power of {}, which is negative", base)
        if exponent.is_Integer and exponent % 2 == 0:
            s = abs(s)
        if s == 0:
            return 0
        total *= s
    if undecided is not None:
        raise undecided
    return total


def _short_arguments(expr: sp.Expr) -> sp.Expr:
    """``expr`` with quotients inside functions reduced: ``exp(-(a - 1)**2/(a**2 - 2*a + 1))`` is ``exp(-1)``."""
    table = {}
    for node in expr.atoms(sp.Function):
        inner = node.args[0]
        if isinstance(node, sp.log) and isinstance(inner, sp.exp):
            table[node] = inner.args[0]
            continue
        symbols = inner.free_symbols
        if symbols and inner.is_rational_function(*symbols) and not inner.is_polynomial(*symbols):
            table[node] = node.func(sp.cancel(inner))
    return expr.xreplace(table) if table else expr


def zero_powers(expr: sp.Expr, region: Region) -> sp.Expr:
    """``expr`` with every power of 0 replaced: 0 for a positive exponent, 1 for 0, ``nan`` for a negative one.

    SymPy leaves ``0**p`` standing, and takes 1 for it where ``p`` is later replaced by 0.
    """
    powers = [node for node in expr.atoms(sp.Pow) if node.args[0].is_zero]
    worth = {1: sp.S.Zero, 0: sp.S.One, -1: sp.nan}
    return expr.xreplace({node: worth[sign(node.args[1], region)] for node in powers}) if powers else expr


@memo(20000)
def _assumed(domain_sign: int, closed: bool, name: str) -> sp.Dummy:
    """One symbol for each name and sign, the same in every process; SymPy numbers its own from a million up."""
    known = {1: {"nonnegative": True} if closed else {"positive": True}}
    known[-1] = {"nonpositive": True} if closed else {"negative": True}
    return sp.Dummy(name, dummy_index=0, real=True, **known.get(domain_sign, {}))


def assumptions(region: Region) -> dict[sp.Symbol, sp.Expr]:
    """Stand-ins that carry to SymPy what the region knows of each symbol's sign (and no more)."""
    table = {}
    for symbol, domain in region.domains:
        if domain.lo != -sp.oo and number_sign(domain.lo) >= 0:
            low = number_sign(domain.lo)
            table[symbol] = _assumed(1, domain.lo_closed and low == 0, symbol.name)
        elif domain.hi != sp.oo and number_sign(domain.hi) <= 0:
            high = number_sign(domain.hi)
            table[symbol] = _assumed(-1, domain.hi_closed and high == 0, symbol.name)
        else:
            table[symbol] = _assumed(0, False, symbol.name)
    return table


def with_signs(expr: sp.Expr, region: Region) -> sp.Expr:
    """``expr`` as SymPy writes it once it knows the signs of the parameters: ``sqrt(a)*sqrt(1/a)`` is 1."""
    table = {s: d for s, d in assumptions(region).items() if s in expr.free_symbols}
    return expr.subs(table).subs({d: s for s, d in table.items()}) if table else expr


def _factor_sign(expr: sp.Expr, region: Region) -> int:
    symbols = sorted(expr.free_symbols, key=str)
    if not symbols:
        return number_sign(expr)
    assumed = expr.subs(assumptions(region))
    if assumed.is_positive:
        return 1
    if assumed.is_negative:
        return -1
    if len(symbols) == 1:
        return _lone_sign(expr, symbols[0], region)
    level = _exponential_level(expr) or _logarithmic_level(expr)
    if level is not None:
        return sign(level, region)
    if len(symbols) == 2:
        by_ratio = _ratio_sign(expr, symbols, region)
        if by_ratio is not None:
            return by_ratio
    here = number_sign(region.at_sample(expr))
    open_signs = [s for s in (-1, 0, 1) if s == here or not impossible(region.domains, (*region.facts, (expr, s)))]
    if len(open_signs) == 1:
        return here
    raise Fork(expr)


def _ratio_sign(expr: sp.Expr, symbols: list[sp.Symbol], region: Region) -> int | None:
    """The sign of what depends on the ratio of two parameters alone, up to a power of one of them; None for others."""
    from kassei.core.pieces import defined_between

    first, second = symbols
    if expr.is_polynomial(*symbols):
        return None
    way = _known_sign(second, region)
    if way == 0:
        return None
    r = sp.Dummy("r", real=True)
    swapped = sp.expand_log(expr.subs(first, r * second), force=False)
    outer, shape = factored(sp.powsimp(sp.expand(swapped))).as_independent(r, as_Add=False)
    if second in shape.free_symbols:
        return None
    lo, hi = -sp.oo, sp.oo
    one = _known_sign(first, region)
    if one:
        lo, hi = (sp.S.Zero, sp.oo) if one == way else (-sp.oo, sp.S.Zero)
    for fact, s in region.facts:
        if fact.is_polynomial(*symbols) and s in (-1, 1):
            ratio = sp.expand(fact.subs(first, r * second) / second)
            if ratio.free_symbols == {r} and sp.degree(ratio, r) == 1:
                slope, level = sp.Poly(ratio, r).all_coeffs()
                at, up = -level / slope, s * way * number_sign(slope)
                lo, hi = (max(lo, at), hi) if up > 0 else (lo, min(hi, at))
    if not defined_between(shape, r, lo, hi, Region()):
        return None
    flat = chart(shape, r, lo, hi, Region())
    if flat.periodic:
        return None
    if flat.points:
        raise Fork(first - flat.points[0] * second)
    return flat.signs[0] * sign(outer, region)


def _known_sign(symbol: sp.Symbol, region: Region) -> int:
    """1 or -1 where the interval of a symbol is on one side of zero, else 0."""
    stand_in = assumptions(region).get(symbol)
    return 0 if stand_in is None else 1 if stand_in.is_positive else -1 if stand_in.is_negative else 0


def _exponential_level(expr: sp.Expr) -> sp.Expr | None:
    """``u - log(c)`` or its negative for ``expr`` equal to ``p*exp(u) + q`` with numbers of opposite signs."""
    constant, rest = expr.as_independent(*expr.free_symbols, as_Add=True)
    factor, wave = rest.as_independent(*expr.free_symbols, as_Add=False)
    if not isinstance(wave, sp.exp) or not constant.is_number or not factor.is_number or constant == 0:
        return None
    side = number_sign(factor)
    if side * number_sign(constant) >= 0:
        return None
    return side * (wave.args[0] - sp.log(-constant / factor))


def _logarithmic_level(expr: sp.Expr) -> sp.Expr | None:
    """A difference of products with the sign of a sum of logarithms and a number: ``a - b`` for ``log(a) - log(b)``."""
    above, below = sp.S.One, sp.S.One
    found = False
    for term in sp.Add.make_args(expr):
        factor, wave = term.as_coeff_Mul()
        if isinstance(wave, sp.log) and wave.free_symbols and factor.is_Rational:
            found = True
            base, power = wave.args[0], factor
        elif not term.free_symbols:
            base, power = sp.exp(abs(term)), sp.Integer(number_sign(term))
        else:
            return None
        if power > 0:
            above *= base**power
        else:
            below *= base**-power
    return above - below if found else None


def _lone_sign(expr: sp.Expr, symbol: sp.Symbol, region: Region) -> int:
    domain = region.domain(symbol)
    if domain.lo == domain.hi:
        return number_sign(expr.subs(symbol, domain.lo))
    if (expr - symbol).is_number:
        root = symbol - expr
        if _splits(domain, root):
            raise Fork(expr)
        return number_sign(region.at_sample(expr))
    flat = chart(expr, symbol, domain.lo, domain.hi, Region())
    if flat.periodic:
        raise Undecided("sign of {}", expr)
    if flat.points:
        raise Fork(symbol - flat.points[0])
    inside = flat.signs[0]
    for end, closed in ((domain.lo, domain.lo_closed), (domain.hi, domain.hi_closed)):
        if closed and number_sign(expr.subs(symbol, end)) != inside:
            raise Fork(symbol - end)
    return inside


def _splits(domain: object, root: sp.Expr) -> bool:
    from kassei.core.activation import Domain
    from kassei.core.region import within

    assert isinstance(domain, Domain)
    return within(root, domain)


SHORT_ROOTS = tuple(map(sp.Rational, ("0", "1", "-1", "2", "-2", "1/2", "-1/2")))


def order(a: sp.Expr, b: sp.Expr, region: Region) -> int:
    """The sign of ``a - b``; either may be infinite, or a root that is known by the interval it lies in."""
    if a == b:
        return 0
    if a in (sp.oo, -sp.oo):
        return 1 if a is sp.oo else -1
    if b in (sp.oo, -sp.oo):
        return -1 if b is sp.oo else 1
    if isinstance(a, ImplicitRoot) or isinstance(b, ImplicitRoot):
        (a_lo, a_hi), (b_lo, b_hi) = ((e.lo, e.hi) if isinstance(e, ImplicitRoot) else (e, e) for e in (a, b))
        if order(a_hi, b_lo, region) <= 0:
            return -1
        if order(a_lo, b_hi, region) >= 0:
            return 1
        raise Undecided("the order of {} and {}", a, b)
    return sign(a - b, region)


def chart(expr: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int = 0) -> Chart:
    """Lay out the signs of ``expr`` along ``(lo, hi)``, on which it must be smooth.

    The interval must not be empty on the region. Raises ``Fork`` and ``Undecided`` as :func:`sign` does.
    """
    spend()
    return _chart(region.apply(sp.sympify(expr, strict=True)), x, lo, hi, region, depth)


@remembered(8000)
def _chart(expr: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int) -> Chart:
    if x not in expr.free_symbols:
        return Chart((), (sign(expr, region),))
    if expr.has(sp.sin, sp.cos) and (lo == -sp.oo or hi == sp.oo) and sinusoid(expr, x) is not None:
        return _atomic(expr, x, lo, hi, region, depth)
    levelled = _by_level(expr, x, lo, hi, region, depth)
    if levelled is not None:
        return levelled
    if not _bare(expr, x, lo, hi):
        return _product(expr, x, lo, hi, region, depth)
    try:
        return _product(expr, x, lo, hi, region, depth, quick=True)
    except Undecided:
        try:
            flat = _by_boxes(expr, x, lo, hi)
            step = Step("sign", {"layout": layout(expr, lo, hi, flat), "reason": Step("why_boxes")})
            return replace(flat, why=(step,))
        except Undecided:
            return _product(expr, x, lo, hi, region, depth)


def _by_level(expr: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int) -> Chart | None:
    """The chart of ``A*S + B`` with a shape S free of parameters, on which only its height depends; None for others.

    Its slope is A times that of S, so the critical points are numbers and the signs there linear in A and B.
    """
    moving = expr.has(RootConstant) or expr.free_symbols - {x}
    if depth or not moving or not {lo, hi} <= {-sp.oo, sp.S.Zero, sp.oo}:
        return None
    if expr.is_rational_function(x) or _exponents(expr, x) is not None:
        return None  # roots in closed form
    scaled = _unmixed(expr, x, region) if _mixed(expr, x) else Scaled(sp.S.One, sp.S.One, expr)
    if scaled is None:
        return None
    amplitude, shape = sp.factor_terms(scaled.shape).as_independent(x, as_Add=False)
    if not (shape.free_symbols - {x} or shape.has(RootConstant)):
        return None  # no level: a shape and its amplitude
    slope = factored(shape.diff(x))
    _, wave = slope.as_independent(x, as_Add=False)
    if wave.free_symbols - {x} or wave.has(RootConstant):
        return None
    try:
        flat = _monotone_parts(shape, slope, x, lo, hi, region, depth)
    except Undecided:
        return None
    flat = _rescaled(flat, Scaled(amplitude, scaled.rate, shape), x, region)
    facts = {"layout": layout(expr, lo, hi, flat), "reason": Step("why_level")}
    return replace(flat, why=(*flat.why, Step("sign", facts)))


def _unmixed(expr: sp.Expr, x: sp.Symbol, region: Region) -> Scaled | None:
    """``expr`` through a positive multiple of ``x`` that takes the parameters out of functions, if there is one."""
    for rate in rates(expr, x):
        if _mixed(_short_arguments(expr.subs(x, x / rate)), x):
            continue
        try:
            s = sign(rate, region)
        except Undecided:
            continue
        if s:
            return Scaled(sp.S.One, s * rate, _short_arguments(expr.subs(x, x / (s * rate))))
    return None


def _rescaled(inside: Chart, scaled: Scaled, x: sp.Symbol, region: Region) -> Chart:
    """The chart of an expression from that of its shape."""
    flip = sign(scaled.amplitude, region)
    points = tuple(_moved(p, x, scaled.rate * x, lambda e: simplify(e / scaled.rate)) for p in inside.points)
    return Chart(points, tuple(s * flip for s in inside.signs), inside.periodic, inside.why)


def _bare(expr: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> bool:
    return not (expr.free_symbols - {x} or lo.free_symbols or hi.free_symbols)


def _product(
    expr: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int, *, quick: bool = False
) -> Chart:
    """The chart of a product from those of its factors; ``quick`` leaves out chains of derivatives."""
    charts = []
    total = 1
    left: Undecided | None = None
    for base, exponent in factors(expr):
        if x not in base.free_symbols:
            s = sign(base, region)
            if s == 0:
                return Chart((), (0,))
            total *= s if exponent.is_Integer and exponent % 2 else 1
            continue
        try:
            one = _atomic(base, x, lo, hi, region, depth, quick=quick)
        except Undecided as problem:
            if quick:
                raise
            left = problem
            continue
        if not exponent.is_Integer or exponent % 2 == 0:
            one = replace(one, signs=tuple(abs(s) for s in one.signs))
        charts.append(one)
    if left is not None:
        raise left
    out = Chart((), (total,))
    for one in charts:
        out = replace(_times(out, one, region), why=(*out.why, *one.why))
    return out


def _times(a: Chart, b: Chart, region: Region) -> Chart:
    if a.periodic or b.periodic:
        plain_one, wavy = (b, a) if a.periodic else (a, b)
        if len(plain_one.signs) == 1 and not plain_one.periodic:
            return Chart((), tuple(s * plain_one.signs[0] for s in wavy.signs), True)
        if len(set(wavy.signs)) == 1 and not plain_one.periodic:
            return Chart((), tuple(sorted({s * wavy.signs[0] for s in plain_one.signs})), True)
        raise Undecided("a product with infinitely many zeros")
    points: list[sp.Expr] = []
    signs = [a.signs[0] * b.signs[0]]
    i = j = 0
    while i < len(a.points) or j < len(b.points):
        if i == len(a.points):
            step = 1
        elif j == len(b.points):
            step = -1
        else:
            step = order(a.points[i], b.points[j], region)
        points.append(a.points[i] if step <= 0 else b.points[j])
        i += step <= 0
        j += step >= 0
        signs.append(a.signs[i] * b.signs[j])
    return Chart(tuple(points), tuple(signs))


def _single(root: sp.Expr, before: int, after: int, lo: sp.Expr, hi: sp.Expr, region: Region) -> Chart:
    if order(root, lo, region) <= 0:
        return Chart((), (after,))
    if order(root, hi, region) >= 0:
        return Chart((), (before,))
    return Chart((root,), (before, after))


def _atomic(
    g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int, *, quick: bool = False
) -> Chart:
    """Chart of one factor, with the step that justifies it appended to those it stands on."""
    flat, reason = _atomic_with_reason(g, x, lo, hi, region, depth, quick)
    step = Step("sign", {"layout": layout(g, lo, hi, flat), "reason": Step(f"why_{reason}")})
    return replace(flat, why=(*flat.why, step))


def layout(expr: sp.Expr, lo: sp.Expr, hi: sp.Expr, flat: Chart) -> Step:
    """What a chart says, as a step: the sign throughout, or zeros and signs."""
    facts = {"expr": expr, "lo": lo, "hi": hi, "zeros": flat.points, "signs": flat.signs}
    if flat.periodic:
        kind = "mixed" if len(set(flat.signs)) > 1 else {1: "nonnegative", -1: "nonpositive"}[flat.signs[0]]
    elif flat.points:
        kind = "zeros"
    else:
        kind = {1: "positive", 0: "zero", -1: "negative"}[flat.signs[0]]
    return Step(f"layout_{kind}", facts)


def _atomic_with_reason(
    g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int, quick: bool
) -> tuple[Chart, str]:
    if g == x or g.is_polynomial(x):
        return _polynomial(sp.Poly(g, x), x, lo, hi, region, depth), "polynomial"
    same = _terms_agree(g, x, lo, hi, region)
    if same:
        return Chart((), (same,)), "terms"
    if g.is_Function and len(g.args) == 1:
        inner = _through_function(g, x, lo, hi, region, depth)
        if inner is not None:
            return inner, "function"
    if g.has(sp.sin, sp.cos):
        return _sinusoid(g, x, lo, hi, region), "sinusoid"
    if g.free_symbols - {x}:
        scaled = scale_away(g, x, region, partly={lo, hi} <= {-sp.oo, sp.S.Zero, sp.oo})
        if scaled is not None:
            low, high = _times_end(lo, scaled.rate), _times_end(hi, scaled.rate)
            inside = chart(scaled.shape, x, low, high, region, depth)
            flat = _rescaled(inside, scaled, x, region)
            return flat, "scaling" if not scaled.shape.free_symbols - {x} else "scaling_partly"
    by_exp = _one_exponential(g, x, lo, hi, region, depth)
    if by_exp is not None:
        return by_exp, "exponential"
    if depth >= MAX_DEPTH or sp.count_ops(g) > MAX_SUM_OPS:
        raise Undecided("signs of {}", g)
    by_power = _one_power(g, x, lo, hi, region)
    if by_power is not None:
        return by_power, "power"
    groups = _groups(g, x)
    if len(groups) == 2:
        compared = _two_terms(groups, x, lo, hi, region, depth)
        if compared is not None:
            return compared, "two_terms"
    bare = _bare(g, x, lo, hi)
    tame = all(_log_of(t) is not None and sp.expand(_log_of(t)).is_polynomial(x) for t in groups)
    if bare and not tame:
        try:
            return _by_boxes(g, x, lo, hi), "boxes"
        except Undecided:
            if quick:
                raise
            return _by_derivative(g, groups, x, lo, hi, region, depth), "derivative"
    try:
        return _by_derivative(g, groups, x, lo, hi, region, depth), "derivative"
    except Undecided:
        if not bare:
            raise
        return _by_boxes(g, x, lo, hi), "boxes"


def _by_boxes(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> Chart:
    spend(BOXES)
    found = spans(g, x, lo, hi)
    return Chart(found.points, found.signs)


def scale_away(expr: sp.Expr, x: sp.Symbol, region: Region, *, partly: bool = False) -> Scaled | None:
    """``expr`` as a parameter-free shape of a positive multiple of ``x``, if it is one.

    ``partly`` also takes a shape that has fewer parameters than the expression, where none is free of them.
    """
    all_of_them = expr.free_symbols - {x}
    partial = None
    for rate in rates(expr, x):
        try:
            s = sign(rate, region)
        except Undecided:
            continue
        if s == 0:
            continue
        positive = rate if s > 0 else -rate
        kept = _kept(expr, x, positive, region)
        useful = partly and partial is None and kept < all_of_them
        if kept and not useful:
            continue
        try:
            scaled = bounded(partial_of(rescale, expr, x, positive), "the scale", units=0)
        except Undecided:  # what multiplies out to that much is no shape of a multiple of x
            continue
        left = scaled.shape.free_symbols - {x}
        if not left:
            return scaled
        if useful and left < all_of_them:
            partial = scaled
    return partial


def _kept(expr: sp.Expr, x: sp.Symbol, rate: sp.Expr, region: Region) -> set[sp.Symbol]:
    """Parameters that stay in the shape of ``expr`` in ``rate * x``: the quotient of two of its values moves with them.

    Two values at the sample and beside it show that; a parameter that is not in the set may stay all the same.
    """
    here = dict(region.sample)
    parameters = expr.free_symbols - {x}
    kept: set[sp.Symbol] = set()
    for parameter in parameters if parameters <= here.keys() else ():
        for near, far in SCALE_PLACES:
            quotients = []
            for at in (here, {**here, parameter: here[parameter] + BESIDE}):
                with suppress(Undecided), precision(128):
                    box = {symbol: rational(value) for symbol, value in at.items()}
                    width = ball(rate, box)
                    top, bottom = (ball(expr, {**box, x: rational(place) / width}) for place in (near, far))
                    quotients.append(top / bottom)
            if len(quotients) == 2 and not quotients[0].overlaps(quotients[1]):
                kept.add(parameter)
                break
    return kept


def _mixed(expr: sp.Expr, x: sp.Symbol) -> bool:
    """Whether a function or a power is taken of something that has both ``x`` and parameters in it."""
    return any(x in node.free_symbols and node.free_symbols - {x} for node in expr.atoms(sp.Function, sp.exp))


def _times_end(end: sp.Expr, rate: sp.Expr) -> sp.Expr:
    return end if end in (sp.oo, -sp.oo) else simplify(end * rate)


_MONOTONE_ODD = (sp.atan, sp.erf, sp.asinh, sp.asin, sp.atanh)


def _through_function(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int) -> Chart | None:
    """A function whose sign is that of its argument, or of its argument minus 1."""
    inside = g.args[0]
    if isinstance(g, _MONOTONE_ODD):
        return chart(inside, x, lo, hi, region, depth)
    if isinstance(g, sp.log):
        return chart(inside - 1, x, lo, hi, region, depth)
    return None


def _terms_agree(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> int:
    """1 or -1 if every term of a sum has that strict sign on the interval by inspection, else 0."""
    side = 1 if lo != -sp.oo and _known(lo, region, 1) else (-1 if hi != sp.oo and _known(hi, region, -1) else 0)
    stand_in = (
        sp.Dummy("x", positive=True) if side > 0 else sp.Dummy("x", negative=True) if side else sp.Dummy("x", real=True)
    )
    table = assumptions(region)
    table[x] = stand_in
    quick = g.subs(table)
    if quick.is_positive:
        return 1
    if quick.is_negative:
        return -1
    return 0


def _known(end: sp.Expr, region: Region, wanted: int) -> bool:
    """Whether an end is known, without forking, to lie on one side of zero (or at it)."""
    try:
        s = sign(end, region)
    except (Fork, Undecided):
        return False
    return s == wanted or s == 0


def _polynomial(p: sp.Poly, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int) -> Chart:
    coefficients = p.all_coeffs()
    degree = p.degree()
    if degree == 0:
        return Chart((), (sign(coefficients[0], region),))
    lead = sign(coefficients[0], region)
    if lead == 0:
        rest = sp.expand(p.as_expr() - coefficients[0] * x**degree)
        return chart(rest, x, lo, hi, region, depth)
    if degree == 1:
        root = sp.cancel(-coefficients[1] / coefficients[0])
        return _single(root, -lead, lead, lo, hi, region)
    if all(c.is_Rational for c in coefficients):
        roots = sp.real_roots(p, multiple=False) if degree > 2 else _quadratic_roots(coefficients)
        return _from_roots(roots, lead, lo, hi, region)
    if degree == 2:
        a, b, c = coefficients
        gap = sp.expand(b * b - 4 * a * c)
        s = sign(gap, region)
        if s < 0:
            return Chart((), (lead,))
        if s == 0:
            return _from_roots([(sp.cancel(-b / (2 * a)), 2)], lead, lo, hi, region)
        width = sp.sqrt(gap)
        two = [(simplify((-b - width) / (2 * a)), 1), (simplify((-b + width) / (2 * a)), 1)]
        return _from_roots(two if lead > 0 else two[::-1], lead, lo, hi, region)
    if (degree % 2 == 0 and all(c == 0 for c in coefficients[1:-1])) or len(p.terms()) == 2:
        pure = _pure_power(p, x, lead, lo, hi, region)
        if pure is not None:
            return pure
    return _by_derivative(p.as_expr(), {sp.S.One: p.as_expr()}, x, lo, hi, region, depth)


def _quadratic_roots(coefficients: list[sp.Expr]) -> list[tuple[sp.Expr, int]]:
    a, b, c = coefficients
    gap = b * b - 4 * a * c
    if gap < 0:
        return []
    if gap == 0:
        return [(-b / (2 * a), 2)]
    roots = [(-b - sp.sqrt(gap)) / (2 * a), (-b + sp.sqrt(gap)) / (2 * a)]
    return [(sp.expand(r), 1) for r in (roots if a > 0 else roots[::-1])]


def _pure_power(p: sp.Poly, x: sp.Symbol, lead: int, lo: sp.Expr, hi: sp.Expr, region: Region) -> Chart | None:
    """``a x^n + c``."""
    terms = p.terms()
    if len(terms) != 2 or terms[1][0][0] != 0:
        return None
    n, a, c = terms[0][0][0], terms[0][1], terms[1][1]
    s = sign(-c / a, region)
    if n % 2:
        base = sp.root(sp.cancel(-c / a), n) if s >= 0 else -sp.root(sp.cancel(c / a), n)
        return _from_roots([(base, 1 if s else n)], lead, lo, hi, region)
    if s < 0:
        return Chart((), (lead,))
    base = sp.root(sp.cancel(-c / a), n)
    return _from_roots([(sp.S.Zero, n)] if s == 0 else [(-base, 1), (base, 1)], lead, lo, hi, region)


def _from_roots(roots: list[tuple[sp.Expr, int]], lead: int, lo: sp.Expr, hi: sp.Expr, region: Region) -> Chart:
    signs = [lead]
    for _, multiplicity in reversed(roots):
        signs.append(signs[-1] * (-1 if multiplicity % 2 else 1))
    signs.reverse()
    first = 0
    while first < len(roots) and order(roots[first][0], lo, region) <= 0:
        first += 1
    last = len(roots)
    while last > first and order(roots[last - 1][0], hi, region) >= 0:
        last -= 1
    return Chart(tuple(r for r, _ in roots[first:last]), tuple(signs[first : last + 1]))


def _exponents(g: sp.Expr, x: sp.Symbol) -> dict[sp.Expr, sp.Expr] | None:
    """Each exponential of ``g`` and its exponent; None if ``x`` occurs anywhere else but in linear exponents."""
    found = {}
    dummy = sp.Dummy("e")
    bare = g
    for node in g.atoms(sp.exp):
        if not node.has(x):
            continue
        if not node.args[0].is_polynomial(x) or sp.degree(node.args[0], x) != 1:
            return None
        found[node] = node.args[0]
        bare = bare.subs(node, dummy)
    return found if found and not bare.has(x) else None


def _one_exponential(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int) -> Chart | None:
    """A polynomial in one exponential: chart it in ``t = exp(unit * x)``."""
    found = _exponents(g, x)
    if found is None:
        return None
    slopes = {node: sp.Poly(e, x).all_coeffs() for node, e in found.items()}
    first = next(iter(slopes.values()))[0]
    ratios = {node: sp.cancel(c[0] / first) for node, c in slopes.items()}
    if not all(r.is_Rational for r in ratios.values()):
        return None
    scale = sp.ilcm(1, *(r.q for r in ratios.values()))
    common = sp.igcd(0, *(int(r * scale) for r in ratios.values()))
    unit = first * sp.Rational(common, scale)
    if sign(unit, region) < 0:
        unit = -unit
    t = sp.Dummy("t", positive=True)
    swapped = g
    for node, (slope, constant) in ((n, c) for n, c in slopes.items()):
        swapped = swapped.subs(node, t ** sp.cancel(slope / unit) * sp.exp(constant))
    top, _ = sp.fraction(sp.together(swapped))
    top = sp.expand(top)
    if not top.is_polynomial(t):
        return None
    low = sp.S.Zero if lo == -sp.oo else sp.exp(unit * lo)
    high = sp.oo if hi == sp.oo else sp.exp(unit * hi)
    inside = chart(top, t, low, high, region, depth)
    points = tuple(_moved(p, x, sp.exp(unit * x), lambda e: _logarithm(e) / unit) for p in inside.points)
    return Chart(points, inside.signs, inside.periodic, inside.why)


def _logarithm(e: sp.Expr) -> sp.Expr:
    return -sp.oo if e == 0 else sp.expand_log(sp.log(e), force=False)


def _moved(root: sp.Expr, x: sp.Symbol, forward: sp.Expr, back: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """A root of a chart in ``forward`` as a root in ``x``; ``back`` takes a place from one to the other."""
    if isinstance(root, ImplicitRoot):
        return root.moved(x, forward, lambda e: e if e in (sp.oo, -sp.oo) else back(e))
    return back(root)


def _one_power(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> Chart | None:
    """``A*u**q + B`` with a positive u that is linear in ``x``: it changes sign where ``u = (-B/A)**(1/q)`` at most."""
    level, wave = g.as_independent(x, as_Add=True)
    factor, power = wave.as_independent(x, as_Add=False)
    if level == 0 or not power.is_Pow:
        return None
    base, exponent = power.args
    if x in exponent.free_symbols or not base.is_polynomial(x) or sp.degree(base, x) != 1:
        return None
    way, s_level, q = sign(factor, region), sign(level, region), sign(exponent, region)
    if way * s_level >= 0 or q == 0:
        return None
    flat = chart(base, x, lo, hi, region)
    if flat.points or flat.signs != (1,):
        return None
    slope, constant = sp.Poly(base, x).all_coeffs()
    root = with_signs(((-level / factor) ** (1 / exponent) - constant) / slope, region)
    after = way * q * sign(slope, region)
    return _single(root, -after, after, lo, hi, region)


def _groups(g: sp.Expr, x: sp.Symbol) -> dict[sp.Expr, sp.Expr]:
    """A sum as ``{T: P}`` with g = sum of P*T: P polynomial in x, T a product of exponentials, powers and functions."""
    out: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(sp.powsimp(sp.expand(g)))):
        polynomial, rest = sp.S.One, sp.S.One
        for factor in sp.Mul.make_args(term):
            if factor.is_polynomial(x):
                polynomial *= factor
            else:
                rest *= factor
        rest = sp.powsimp(rest)
        out[rest] = out.get(rest, sp.S.Zero) + polynomial
    return {t: sp.expand(p) for t, p in out.items() if sp.expand(p) != 0}


def _log_of(t: sp.Expr) -> sp.Expr | None:
    """The logarithm of a product of exponentials, as an exponent; None for anything else."""
    total = sp.S.Zero
    for factor in sp.Mul.make_args(t):
        if isinstance(factor, sp.exp):
            total += factor.args[0]
        elif factor != 1:
            return None
    return total


def _two_terms(
    groups: dict[sp.Expr, sp.Expr], x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int
) -> Chart | None:
    """The sign of P1*T1 + P2*T2 with T1, T2 > 0, by comparing the terms where P1 and P2 have opposite signs."""
    (t1, p1), (t2, p2) = groups.items()
    l1, l2 = _log_of(t1), _log_of(t2)
    if l1 is not None and l2 is not None:
        gap = sp.log(sp.Abs(p2)) - sp.log(sp.Abs(p1)) + l2 - l1
        slope = sp.together(p2.diff(x) / p2 - p1.diff(x) / p1 + sp.expand(l2 - l1).diff(x))

        def compare(low: sp.Expr, high: sp.Expr, s2: int) -> Chart:
            smooth = sp.log(s2 * p2) - sp.log(-s2 * p1) + sp.expand(l2 - l1)
            return _monotone_parts(smooth, slope, x, low, high, region, depth)

        del gap
    else:
        power = _common_power(t1, t2)
        if power is None:
            return None
        difference = factored(sp.expand(sp.powsimp((p2 * t2) ** power)) - sp.expand(sp.powsimp((p1 * t1) ** power)))
        if sp.powsimp(t1**power).atoms(sp.Pow) and any(
            not e.args[1].is_Integer for e in difference.atoms(sp.Pow) if e.has(x)
        ):
            return None

        def compare(low: sp.Expr, high: sp.Expr, s2: int) -> Chart:
            return chart(difference, x, low, high, region, depth + 1)

        if power % 2:
            return None
    first = chart(p1, x, lo, hi, region, depth + 1)
    second = chart(p2, x, lo, hi, region, depth + 1)
    points: list[sp.Expr] = []
    out: list[int] = []
    why = (*first.why, *second.why)
    for low, high, s1, s2, both in _overlay(first, second, lo, hi, region):
        if s1 * s2 >= 0:
            part = Chart((), (s1 or s2,))
        else:
            inner = compare(low, high, s2)
            why += inner.why
            part = Chart(inner.points, tuple(s * s2 for s in inner.signs))
        if not out:
            out.append(part.signs[0])
        elif both:  # P1 and P2 vanish together
            points.append(low)
            out.append(part.signs[0])
        elif part.signs[0] != out[-1]:  # where one of them vanishes the other term alone gives the sign
            raise Undecided("signs of {}", p1 * t1 + p2 * t2)
        points.extend(part.points)
        out.extend(part.signs[1:])
    return Chart(tuple(points), tuple(out), why=why)


def _common_power(t1: sp.Expr, t2: sp.Expr) -> int | None:
    """The power that makes products of rational powers rational; None if there are other factors."""
    q = 1
    for t in (t1, t2):
        for factor in sp.Mul.make_args(t):
            base, exponent = factor.as_base_exp()
            if factor == 1:
                continue
            if not exponent.is_Rational or base is sp.E:
                return None
            q = int(sp.ilcm(q, exponent.q))
    return q


def _overlay(
    a: Chart, b: Chart, lo: sp.Expr, hi: sp.Expr, region: Region
) -> list[tuple[sp.Expr, sp.Expr, int, int, bool]]:
    """The segments of two charts together: ``(low, high, sign of a, sign of b, both vanish at low)``."""
    if a.periodic or b.periodic:
        raise Undecided("infinitely many zeros")
    out = []
    i = j = 0
    low, both = lo, False
    while i < len(a.points) or j < len(b.points):
        if i == len(a.points):
            step = 1
        elif j == len(b.points):
            step = -1
        else:
            step = order(a.points[i], b.points[j], region)
        point = a.points[i] if step <= 0 else b.points[j]
        out.append((low, point, a.signs[i], b.signs[j], both))
        low, both = point, step == 0
        i += step <= 0
        j += step >= 0
    out.append((low, hi, a.signs[i], b.signs[j], both))
    return out


def _by_derivative(
    g: sp.Expr, groups: dict[sp.Expr, sp.Expr], x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int
) -> Chart:
    """Divide by a positive factor if that helps, then read the signs off the monotone parts."""
    tame = all(_log_of(t) is not None and sp.expand(_log_of(t)).is_polynomial(x) for t in groups)
    allowed = MAX_DEPTH if tame else MAX_WILD_DEPTH
    if depth >= allowed:
        raise Undecided("signs of {} within {} derivatives", g, allowed)
    spend(sp.count_ops(g) // OPS_A_UNIT)
    options = []
    for t in groups:
        if _log_of(t) is None:
            continue
        h = sp.Add(*(sp.powsimp(p * other / t) for other, p in groups.items()))
        slope = sp.powsimp(sp.expand(h.diff(x)))
        options.append((len(sp.Add.make_args(slope)), sp.count_ops(slope), h, slope))
    if not options:
        slope = g.diff(x)
        options.append((0, sp.count_ops(slope), g, slope))
    left: Undecided | None = None
    breadth = 2 if depth < 2 else 1
    for _, _, h, slope in sorted(options, key=lambda o: o[:2])[:breadth]:
        try:
            return _monotone_parts(h, slope, x, lo, hi, region, depth)
        except Undecided as problem:
            left = problem
    raise left or Undecided("signs of {}", g)


def _monotone_parts(
    h: sp.Expr, slope: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, depth: int
) -> Chart:
    """The chart of ``h`` from the chart of its derivative."""
    flow = chart(slope, x, lo, hi, region, depth + 1)
    if flow.periodic:
        raise Undecided("signs of {}: its slope changes sign infinitely often", h)
    nodes = [lo, *flow.points, hi]
    at = [_end_sign(h, x, lo, "+", region)]
    at += [sign(h.subs(x, p), region) for p in flow.points]
    at.append(_end_sign(h, x, hi, "-", region))
    points: list[sp.Expr] = []
    signs: list[int] = []

    def push(root: sp.Expr | None, s: int) -> None:
        if signs and root is None and signs[-1] == s:
            return
        if signs:
            if root is None:
                raise Undecided("signs of {}", h)
            points.append(root)
        signs.append(s)

    for k, direction in enumerate(flow.signs):
        low, high, s_low, s_high = nodes[k], nodes[k + 1], at[k], at[k + 1]
        touch = low if k > 0 and s_low == 0 else None
        if direction == 0:
            push(touch, s_low)
        elif s_low * direction >= 0 and (s_low == direction or s_low == 0):
            push(touch, direction)
        elif s_high * direction <= 0:
            push(touch, -direction)
        else:
            push(touch, -direction)
            push(_only_root(h, x, low, high, region), direction)
    return Chart(tuple(points), tuple(signs), why=flow.why)


def _end_sign(h: sp.Expr, x: sp.Symbol, end: sp.Expr, side: str, region: Region) -> int:
    """The sign of the limit of ``h`` at an end of the interval."""
    value = limits.limit(h, x, end, side, region)
    if value in (sp.oo, -sp.oo):
        return 1 if value is sp.oo else -1
    return sign(value, region)


def _only_root(h: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Expr:
    """The root of a function that is monotone on ``(lo, hi)`` and changes sign there."""
    h = region.apply(h)
    level, wave = h.as_independent(x, as_Add=True)
    factor, node = wave.as_independent(x, as_Add=False)
    if isinstance(node, sp.log) and node.args[0].is_polynomial(x) and sp.degree(node.args[0], x) == 1:
        slope, offset = sp.Poly(node.args[0], x).all_coeffs()
        return simplify((sp.exp(-level / factor) - offset) / slope)
    if h.is_polynomial(x) and sp.degree(h, x) == 1:
        slope, level = sp.Poly(h, x).all_coeffs()
        return sp.cancel(-level / slope)
    if h.free_symbols - {x}:
        for guess in SHORT_ROOTS:
            value = h.subs(x, guess)
            if (
                _zero_at_sample(value, region)
                and vanishes(value)
                and order(guess, lo, region) > 0
                and order(hi, guess, region) > 0
            ):
                return guess
        return ImplicitRoot(h, x, lo, hi)
    for guess in SHORT_ROOTS:
        if order(guess, lo, region) > 0 and order(hi, guess, region) > 0 and _is_root(h, x, guess):
            return guess
    if (lo.free_symbols or hi.free_symbols) and region.facts:
        raise Undecided("where {} = 0 between {} and {}", h, lo, hi)
    # Without further facts the parameters form a box. The root moves continuously with the ends and the roots of h
    # are isolated, so it is one number for all of them.
    return root_between(h, x, region.at_sample(lo), region.at_sample(hi))


def _zero_at_sample(value: sp.Expr, region: Region) -> bool:
    """Whether an enclosure at the sample leaves it open that ``value`` is zero: algebra is dear, a value is cheap."""
    with suppress(Undecided), precision(128):
        return sign_of(ball(region.at_sample(value), {})) not in (1, -1)
    return True


def _is_root(h: sp.Expr, x: sp.Symbol, guess: sp.Rational) -> bool:
    try:
        return point_sign(h, x, guess) == 0
    except Undecided:
        return False


def _sinusoid(g: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> Chart:
    """``A + B cos(wx) + C sin(wx)`` on an unbounded interval: compare A with the amplitude."""
    parts = sinusoid(g, x)
    if parts is None or (lo != -sp.oo and hi != sp.oo):
        raise Undecided("signs of {}", g)
    a, b, c = parts
    amplitude2 = sp.expand(b**2 + c**2)
    if sign(amplitude2, region) == 0:
        return Chart((), (sign(a, region),))
    gap = sign(factored(sp.expand(a**2 - amplitude2)), region)
    s = sign(a, region) if gap >= 0 else 0
    if gap > 0:
        return Chart((), (s,))
    return Chart((), (s,) if gap == 0 else (-1, 1), True)


def sinusoid(g: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """``(A, B, C)``, free of ``x``, with ``g = A + B cos(wx + p) + C sin(wx + p)`` for one w; None if it is not so."""
    parts = wave_parts(g, x)
    return None if parts is None else parts[:3]


def wave_parts(g: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr, sp.Expr, sp.Expr | None] | None:
    """The same with the angle ``w x + p``, which is None for a constant."""
    from sympy.simplify.fu import TR8

    flat = sp.expand(TR8(sp.expand(g)))
    a = b = c = sp.S.Zero
    angle: sp.Expr | None = None
    for term in sp.Add.make_args(flat):
        if not term.has(x):
            a += term
            continue
        coefficient, wave = term.as_independent(x, as_Add=False)
        if not isinstance(wave, sp.sin | sp.cos):
            return None
        inside = wave.args[0]
        if not inside.is_polynomial(x) or sp.degree(inside, x) != 1:
            return None
        if angle is None:
            angle = inside
        if vanishes(inside + angle) and not vanishes(inside - angle):
            coefficient = -coefficient if isinstance(wave, sp.sin) else coefficient
        elif not vanishes(inside - angle):
            return None
        if isinstance(wave, sp.cos):
            b += coefficient
        else:
            c += coefficient
    return a, b, c, angle


def sign_changes(flat: Chart) -> tuple[sp.Expr, ...]:
    """The zeros of a chart at which the sign changes."""
    return tuple(p for i, p in enumerate(flat.points) if flat.signs[i] != flat.signs[i + 1])
