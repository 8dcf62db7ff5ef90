"""The normal form: sorted breaks, one smooth expression per open interval, the value at each break.

Max, Min, Abs, sign, Heaviside and nested Piecewise are resolved here and nowhere else: every argument whose sign
they ask for is charted, its zeros become breaks, and between the zeros the switch is replaced by the branch that is
in force. Points where a piece is undefined (a pole, the edge of a logarithm) become breaks whose value is ``nan``.
Breaks at which nothing changes are taken out again, so that two spellings of a function reach one form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise

import sympy as sp

from kassei.core.algebra import factors, independent, inner_points, tidy, vanishes
from kassei.core.enclose import Undecided, ball, precision, rational, sign_of
from kassei.core.memo import memo
from kassei.core.region import Fork, Region
from kassei.core.signs import Chart, chart, order, scale_away, sign, zero_powers

SWITCHES = (sp.Max, sp.Min, sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise)
MAX_PIECES = 64
BAD = (sp.nan, sp.zoo, sp.oo, -sp.oo)


@dataclass(frozen=True)
class Piece:
    """A smooth expression on the open interval ``(lo, hi)``; the ends may be expressions in the parameters.

    ``expr`` is ``nan`` where the function is undefined on the whole interval. ``free`` is the branch of the
    definition that is in force, before the region's fixed parameters were replaced: what a derivative in such a
    parameter is taken of. It is None where two branches meet in one expression.
    """

    lo: sp.Expr
    hi: sp.Expr
    expr: sp.Expr
    free: sp.Expr | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Form:
    """A function on R: ``pieces`` from left to right and, between neighbours, ``values`` at the breaks.

    A value is ``nan`` where the function is undefined at that break. ``source`` may keep the spelling it came from.
    """

    variable: sp.Symbol
    pieces: tuple[Piece, ...]
    values: tuple[sp.Expr, ...]
    source: sp.Expr | None = None

    @property
    def breaks(self) -> tuple[sp.Expr, ...]:
        """The points where neighbouring pieces meet, ascending."""
        return tuple(piece.hi for piece in self.pieces[:-1])

    @property
    def total(self) -> bool:
        """Whether the function is defined on all of R."""
        return sp.nan not in self.values and all(p.expr is not sp.nan for p in self.pieces)


def normal_form(expr: sp.Expr, v: sp.Symbol, region: Region) -> Form:
    """The normal form of ``expr`` on a region of parameters.

    Raises ``Fork`` where the form differs within the region and ``Undecided`` where a break or a sign is not found.
    """
    pieces = _split(Draft(expr), v, -sp.oo, sp.oo, region)
    if len(pieces) > MAX_PIECES:
        raise Undecided("more than {} pieces", MAX_PIECES)
    kept = [pieces[0]]
    values: list[sp.Expr] = []
    for piece in pieces[1:]:
        value = value_at(expr, v, piece.lo, region)
        last = kept[-1]
        if _joins_smoothly(last, piece, value, v, region):
            shorter = min(last.expr, piece.expr, key=sp.count_ops)
            kept[-1] = Piece(last.lo, piece.hi, shorter, last.free if last.free == piece.free else None)
            continue
        kept.append(piece)
        values.append(value)
    return Form(v, tuple(kept), tuple(values))


def _joins_smoothly(left: Piece, right: Piece, value: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    if sp.nan in (left.expr, right.expr):
        return left.expr is right.expr and value is sp.nan
    if value is sp.nan:
        return False
    for base, _ in (*_needs(left.expr), *_needs(right.expr)):  # a root or a logarithm that ends here
        if sign(base.subs(v, right.lo), region) == 0:
            return False
    if not is_zero(left.expr - right.expr, v, region):
        return False
    here = _direct(left.expr, v, right.lo)
    return here is not None and sign(here - value, region) == 0


def _direct(expr: sp.Expr, v: sp.Symbol, at: sp.Expr) -> sp.Expr | None:
    value = expr.subs(v, at)
    return None if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) else value


@dataclass(frozen=True)
class Draft:
    """A definition some of whose switches have been replaced by marks, each standing for the branch in force.

    Marks keep SymPy from evaluating on the way: with 0 in the place of ``Max(v, 0)`` the quotient in
    ``Max(v, 0)/(1 + a*Max(-v, 0))`` would be gone before anybody asked where it is defined. ``needs`` are the
    conditions of what has been looked at: the arguments of a Max, the conditions and the chosen value of a Piecewise.
    ``tied`` says that two branches were equal at the region's parameters, so that either could have been taken.
    """

    expr: sp.Expr
    marks: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    needs: tuple[tuple[sp.Expr, Need], ...] = ()
    tied: bool = False

    def plain(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` with the branches in the place of their marks."""
        return expr.xreplace(dict(self.marks))

    def switch(self) -> sp.Expr | None:
        """A switch whose own arguments contain no further switch."""
        for node in sp.postorder_traversal(self.expr):
            if isinstance(node, SWITCHES):
                return node
        return None

    def questions(self, switch: sp.Expr) -> list[sp.Expr]:
        """The expressions whose signs decide a switch."""
        return [self.plain(q) for q in _questions(switch)]

    def resolved(self, switch: sp.Expr, ask: Callable[[sp.Expr], int]) -> Draft:
        """The draft with one more switch replaced by its branch."""
        signs: list[int] = []

        def answer(question: sp.Expr) -> int:
            signs.append(ask(self.plain(question)))
            return signs[-1]

        branch = _resolve(switch, answer)
        seen = [*_questions(switch), branch] if isinstance(switch, sp.Piecewise) else switch.args
        found = [(self.plain(base), need) for e in seen if e is not sp.nan for base, need in _needs(e)]
        mark = Nowhere() if branch is sp.nan else sp.Dummy(real=True)
        marks = self.marks if branch is sp.nan else (*self.marks, (mark, self.plain(branch)))
        needs = tuple(dict.fromkeys((*self.needs, *found)))
        return Draft(self.expr.xreplace({switch: mark}), marks, needs, self.tied or 0 in signs)

    def nowhere(self, switch: sp.Expr) -> Draft:
        """The draft with a switch that has no value."""
        return replace(self, expr=self.expr.xreplace({switch: Nowhere()}))

    def all_needs(self) -> list[tuple[sp.Expr, Need]]:
        """Everything that must hold where no switch is left."""
        return list(dict.fromkeys((*self.needs, *((self.plain(base), need) for base, need in _needs(self.expr)))))


def _split(draft: Draft, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> list[Piece]:
    """Resolve one switch on ``(lo, hi)`` and go on with what is left of the expression on each part."""
    switch = draft.switch()
    if switch is None:
        expr = draft.plain(draft.expr)
        return _where_defined(Piece(lo, hi, expr, None if draft.tied else expr), draft.all_needs(), v, region)
    cuts: list[sp.Expr] = []
    for question in draft.questions(switch):
        for part in _where_defined(Piece(lo, hi, question), _needs(question), v, region):
            for end in (part.lo, part.hi):
                if end not in (lo, hi):
                    cuts = insert(cuts, end, region)
            if part.expr is not sp.nan and v in question.free_symbols:
                for point in _finite(chart(question, v, part.lo, part.hi, region)):
                    cuts = insert(cuts, point, region)
    out = []
    for low, high in pairwise([lo, *cuts, hi]):
        if any(
            part.expr is sp.nan
            for q in draft.questions(switch)
            for part in _where_defined(Piece(low, high, q), _needs(q), v, region)
        ):
            rest = draft.nowhere(switch)
        else:
            rest = draft.resolved(switch, lambda q, low=low, high=high: _sign_between(q, v, low, high, region))  # type: ignore[misc]
        out += _split(rest, v, low, high, region)
    return out


class Nowhere(sp.Dummy):  # type: ignore[misc]
    """Stands for a part that is undefined at the region's parameters; what contains it is undefined too."""

    def __new__(cls) -> Nowhere:
        """A new one each time, so that two of them never cancel."""
        return super().__new__(cls, "nowhere", real=True)  # type: ignore[no-any-return]


def undefined(
    expr: sp.Expr, needs: list[tuple[sp.Expr, Need]], v: sp.Symbol, region: Region, at: sp.Expr | None = None
) -> bool:
    """Whether a smooth expression is undefined at one input, or for every input (``v/a`` at ``a = 0``).

    The definition is asked, not what is left after substitution: SymPy makes ``1/(1 + 1/a)`` at 0 a 0.
    """
    if expr.atoms(Nowhere):
        return True
    for base, need in needs:
        if base.atoms(Nowhere):
            return True
        here = region.apply(base) if at is None else region.apply(base).subs(v, at)
        if here.has(*BAD):
            return True
        if v in here.free_symbols:
            continue
        power = need if at is None or need.exponent is None else replace(need, exponent=need.exponent.subs(v, at))
        if not power.met(sign(here, region), region):
            return True
    return False


def _finite(flat: Chart) -> tuple[sp.Expr, ...]:
    if flat.periodic:
        raise Undecided("a switch with infinitely many breaks")
    return flat.points


def insert(cuts: list[sp.Expr], point: sp.Expr, region: Region) -> list[sp.Expr]:
    """Ascending points with one more, unless it is there already."""
    for k, cut in enumerate(cuts):
        s = order(point, cut, region)
        if s == 0:
            return cuts
        if s < 0:
            return [*cuts[:k], point, *cuts[k:]]
    return [*cuts, point]


def _questions(switch: sp.Expr) -> list[sp.Expr]:
    """The expressions whose signs decide a switch."""
    if isinstance(switch, sp.Max | sp.Min):
        args = list(switch.args)
        return [args[i] - args[j] for i in range(len(args)) for j in range(i)]
    if isinstance(switch, sp.Piecewise):
        return [r.lhs - r.rhs for _, c in switch.args for r in sorted(c.atoms(sp.core.relational.Relational), key=str)]
    return [switch.args[0]]


def _sign_between(question: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> int:
    """The sign of a question on an interval inside which it has no zero."""
    if v not in question.free_symbols:
        return sign(question, region)
    flat = chart(question, v, lo, hi, region)
    if flat.points or flat.periodic:
        raise Undecided("the sign of {}", question)
    return flat.signs[0]


def _resolve(switch: sp.Expr, ask: Callable[[sp.Expr], int]) -> sp.Expr:
    if isinstance(switch, sp.Max | sp.Min):
        best = switch.args[0]
        wanted = 1 if isinstance(switch, sp.Max) else -1
        for other in switch.args[1:]:
            if ask(other - best) == wanted:
                best = other
        return best
    if isinstance(switch, sp.Piecewise):
        for value, condition in switch.args:
            if _true(condition, ask):
                return value
        return sp.nan
    s = ask(switch.args[0])
    if isinstance(switch, sp.Abs):
        return s * switch.args[0]
    if isinstance(switch, sp.sign):
        return sp.Integer(s)
    return sp.Rational(1 + s, 2)


def _true(condition: sp.Basic, ask: Callable[[sp.Expr], int]) -> bool:
    if condition in (sp.true, sp.false):
        return condition is sp.true
    if isinstance(condition, sp.And):
        return all(_true(c, ask) for c in condition.args)
    if isinstance(condition, sp.Or):
        return any(_true(c, ask) for c in condition.args)
    if isinstance(condition, sp.Not):
        return not _true(condition.args[0], ask)
    s = ask(condition.lhs - condition.rhs)
    allowed = {
        sp.StrictLessThan: (-1,),
        sp.LessThan: (-1, 0),
        sp.StrictGreaterThan: (1,),
        sp.GreaterThan: (0, 1),
        sp.Eq: (0,),
        sp.Ne: (-1, 1),
    }
    for kind, signs in allowed.items():
        if isinstance(condition, kind):
            return s in signs
    raise Undecided("the condition {}", condition)


def value_at(expr: sp.Expr, v: sp.Symbol, at: sp.Expr, region: Region) -> sp.Expr:
    """The exact value of any expression of the language at one point; ``nan`` where it is undefined or not real."""
    at = region.apply(at)

    def ask(question: sp.Expr) -> int:
        return sign(question.subs(v, at), region)

    draft = Draft(expr)
    while (switch := draft.switch()) is not None:
        if any(undefined(q, _needs(q), v, region, at) for q in draft.questions(switch)):
            draft = draft.nowhere(switch)
        else:
            draft = draft.resolved(switch, ask)
    if undefined(draft.expr, draft.all_needs(), v, region, at):
        return sp.nan
    value = zero_powers(region.apply(draft.plain(draft.expr)).subs(v, at), region)
    return sp.nan if value.has(*BAD, sp.I) else value


@dataclass(frozen=True)
class Need:
    """What a base must satisfy: not vanish, be >= 0, be > 0, or be what a power with ``exponent`` allows."""

    signs: frozenset[int]
    exponent: sp.Expr | None = None

    def met(self, s: int, region: Region) -> bool:
        """Whether a base of this sign is allowed; ``Undecided`` for powers of negative numbers in general."""
        if self.exponent is None or s > 0:
            return s in self.signs
        exponent = region.apply(self.exponent)
        if s < 0:
            if exponent.is_Integer:
                return True
            if exponent.is_Rational:
                return False
            raise Undecided("a negative number to the power {}, which may be an integer", exponent)
        return sign(exponent, region) >= 0


NONZERO, NONNEGATIVE, POSITIVE = Need(frozenset({-1, 1})), Need(frozenset({0, 1})), Need(frozenset({1}))


def _needs(expr: sp.Expr) -> list[tuple[sp.Expr, Need]]:
    """What must hold for a smooth expression to be defined: expressions, and what each must satisfy."""
    out: list[tuple[sp.Expr, Need]] = []
    for node in sp.preorder_traversal(expr):
        if node.is_Pow and node.args[0] is not sp.E:
            base, exponent = node.args
            if exponent.is_Integer:
                if exponent < 0 and base.free_symbols:
                    out.append((base, NONZERO))
            elif base.free_symbols or exponent.free_symbols:
                if exponent.is_Rational:
                    out.append((base, NONNEGATIVE if exponent > 0 else POSITIVE))
                else:
                    out.append((base, Need(frozenset({1}), exponent)))
        elif isinstance(node, sp.log):
            out.append((node.args[0], POSITIVE))
        elif isinstance(node, sp.asin | sp.acos):
            out += [(1 - node.args[0], NONNEGATIVE), (1 + node.args[0], NONNEGATIVE)]
        elif isinstance(node, sp.atanh):
            out += [(1 - node.args[0], POSITIVE), (1 + node.args[0], POSITIVE)]
        elif isinstance(node, sp.acosh):
            out.append((node.args[0] - 1, NONNEGATIVE))
        elif isinstance(node, sp.tan):
            out.append((sp.cos(node.args[0]), NONZERO))
    return [(b, n) for b, n in dict.fromkeys(out) if b.free_symbols or n.exponent is not None]


def _where_defined(piece: Piece, needs: list[tuple[sp.Expr, Need]], v: sp.Symbol, region: Region) -> list[Piece]:
    """Cut a piece where it is undefined or where its smoothness is in doubt (a root at zero)."""
    if undefined(piece.expr, needs, v, region):
        return [replace(piece, expr=sp.nan)]
    parts = [piece]
    for base, need in needs:
        smaller: list[Piece] = []
        for part in parts:
            if part.expr is sp.nan:
                smaller.append(part)
                continue
            flat = chart(base, v, part.lo, part.hi, region)
            if flat.periodic:
                if need == NONZERO or len(set(flat.signs)) > 1:
                    raise Undecided("a piece with infinitely many singular points: {}", piece.expr)
                raise Undecided("where {} vanishes", base)
            ends = [part.lo, *flat.points, part.hi]
            for k, s in enumerate(flat.signs):
                met = s > 0 or need.met(s, region)
                smaller.append(replace(part, lo=ends[k], hi=ends[k + 1], expr=part.expr if met else sp.nan))
        parts = smaller
    return [q for p in parts for q in _at_fixed(p, v, region)]


def _at_fixed(piece: Piece, v: sp.Symbol, region: Region) -> list[Piece]:
    """A piece with the region's fixed parameters put in, cut where that brings a switch to light.

    ``sqrt(v**2 + a)`` is smooth until ``a`` is 0, where SymPy makes it ``Abs(v)``.
    """
    if piece.expr is sp.nan:
        return [piece]
    there = zero_powers(region.apply(piece.expr), region)
    if any(s.has(v) for s in there.atoms(*SWITCHES)):
        return [replace(q, free=piece.free) for q in _split(Draft(there), v, piece.lo, piece.hi, region)]
    return [replace(piece, expr=there)]


def check_partial(expr: sp.Expr, partial: tuple[sp.Expr, ...], v: sp.Symbol, region: Region) -> None:
    """Raise ``Undecided`` where a part of the formula as written is undefined and ``expr`` no longer shows it.

    A part whose condition still stands in ``expr`` is looked after by the normal form; of the others, each must be
    defined for every input.
    """
    kept = {b for base, _ in _needs(expr) for b in _bases(base)}
    for part in partial:
        gone = any(set(_bases(base)) - kept for base, _ in _needs(part))
        if gone and any(q.expr is sp.nan for q in _cut_where_defined(part, v, region)):
            raise Undecided("the formula as written contains {}, which is not defined everywhere", part)


def _cut_where_defined(part: sp.Expr, v: sp.Symbol, region: Region) -> list[Piece]:
    pieces = _split(Draft(part), v, -sp.oo, sp.oo, region)
    for one in pieces[1:]:
        if value_at(part, v, one.lo, region) is sp.nan:
            return [replace(one, expr=sp.nan)]
    return pieces


def defined_between(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> bool:
    """Whether an expression is defined at every point of an open interval."""
    pieces = _split(Draft(expr), v, lo, hi, region)
    meets = (value_at(expr, v, one.lo, region) for one in pieces[1:])
    return all(p.expr is not sp.nan for p in pieces) and all(x is not sp.nan for x in meets)


def _bases(base: sp.Expr) -> tuple[sp.Expr, ...]:
    """The factors of a base up to constants and powers: what may stand in its place after evaluation."""
    return tuple(
        f.as_base_exp()[0] for f in sp.Mul.make_args(sp.factor_terms(base)) if f.free_symbols and not f.is_positive
    )


def is_zero(expr: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    """Whether a smooth expression vanishes identically in ``v``, for the parameters of the region.

    "Yes" is shown by algebra, "no" by a value that is not zero or by linear independence.
    """
    return nonzero_point(expr, v, -sp.oo, sp.oo, region, located=False) is None


def nonzero_point(
    expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region, *, located: bool = True
) -> sp.Expr | None:
    """A point of ``(lo, hi)`` at which an analytic expression is not zero; None if it vanishes identically.

    With ``located=False`` any object but None may stand for "not identically zero".
    """
    expr = region.apply(expr)
    if v not in expr.free_symbols:
        return None if sign(expr, region) == 0 else (_some_point(lo, hi, region) if located else v)
    if not _value_not_zero(region.at_sample(expr), v) and vanishes(expr):  # algebra is dear, a value is cheap
        return None
    rest = sp.S.One
    for base, exponent in factors(expr):
        if v in base.free_symbols:
            rest *= base**exponent
        elif exponent > 0 and sign(base, region) == 0:
            return None
    if _coefficients_vanish(rest, v, region):
        return None
    if not located:
        return v
    return _witness(rest, v, lo, hi, region)


def _some_point(lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Expr:
    low, high = region.at_sample(lo), region.at_sample(hi)
    return inner_points(low, high, 1)[0]


def _coefficients_vanish(expr: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    """Whether a sum of parameter-free functions with parameter coefficients is identically zero."""
    top, _ = sp.fraction(sp.together(expr))
    table: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(top)):
        constant, wave = term.as_independent(v, as_Add=False)
        table[wave] = table.get(wave, sp.S.Zero) + constant
    if not expr.free_symbols - {v}:
        if _value_not_zero(expr, v):
            return False
        raise Undecided("whether {} vanishes identically", expr)
    shapes = list(table)
    plain_shapes = not any(s.free_symbols - {v} for s in shapes)
    if not plain_shapes or not independent(shapes, v, inner_points(-sp.oo, sp.oo, 10)):
        if _rational_value_not_zero(expr, v, region):
            return False
        scaled = scale_away(expr, v, region)
        if scaled is not None:
            return sign(scaled.amplitude, region) == 0 or not _value_not_zero(scaled.shape, v)
        return _by_coefficients(expr, v, region)
    coefficients = sorted(table.values(), key=lambda c: len(c.free_symbols))
    for c in coefficients:
        try:
            if sign(c, region) != 0:
                return False
        except Fork:
            continue
    return all(sign(c, region) == 0 for c in coefficients)


def _value_not_zero(expr: sp.Expr, v: sp.Symbol) -> bool:
    try:
        for at in inner_points(-sp.oo, sp.oo, 10):
            for bits in (128, 1024):
                with precision(bits):
                    if sign_of(ball(expr, {v: rational(at)})) in (1, -1):
                        return True
    except Undecided:
        return False
    return False


def _rational_value_not_zero(expr: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    """Whether a value that is rational in the parameters is not 0 on the whole region, seen without splitting it."""
    for at in map(sp.Integer, (0, 1, -1)):
        value = _direct(expr, v, at)
        if value is None or not value.is_rational_function(*value.free_symbols):
            continue
        with suppress(Fork, Undecided):
            if sign(value, region) != 0:
                return True
    return False


TAYLOR = 4
"""Derivatives at 0 that are looked at before values elsewhere."""
MAX_TAYLOR_OPS = 2000
"""Expressions with more operations are not differentiated for that."""


def _by_coefficients(expr: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    """Whether one of the Taylor coefficients at 0, or of a few values, is not 0 on the whole region.

    Where none is, the parameters are split at the plainest of the conditions that came up.
    """
    forks: list[Fork] = []
    for value in _taylor_and_values(expr, v):
        try:
            if sign(value, region) != 0:
                return False
        except Fork as fork:
            forks.append(fork)
        except Undecided:
            continue
    if forks:
        raise min(forks, key=lambda f: (len(f.expr.free_symbols), not f.expr.is_polynomial(), sp.count_ops(f.expr)))
    raise Undecided("whether {} vanishes identically", expr)


def _taylor_and_values(expr: sp.Expr, v: sp.Symbol) -> Iterator[sp.Expr]:
    slope = expr
    for _ in range(TAYLOR + 1):
        value = _direct(slope, v, sp.S.Zero)
        if value is None:
            break
        yield value
        if sp.count_ops(slope) > MAX_TAYLOR_OPS:
            break
        slope = slope.diff(v)
    for at in map(sp.Rational, ("1", "-1", "1/2", "2", "-3")):
        value = _direct(expr, v, at)
        if value is not None:
            yield value


def _witness(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Expr:
    """A rational point of the interval, at the region's sample, where the expression is certainly not zero."""
    here = region.at_sample(expr)
    for at in inner_points(region.at_sample(lo), region.at_sample(hi), 10):
        for bits in (128, 1024):
            with precision(bits):
                if sign_of(ball(here, {v: rational(at)})) in (1, -1):
                    return at
    raise Undecided("a point where {} is not zero", expr)


@memo(2000)
def smooth_derivative(expr: sp.Expr, v: sp.Symbol) -> sp.Expr:
    """The derivative of a smooth piece, in a short spelling."""
    return tidy(expr.diff(v))


def slope_of(piece: Piece, v: sp.Symbol, times: int = 1) -> sp.Expr:
    """The derivative of a piece, taken ``times`` times; ``nan`` where the piece is undefined."""
    expr = piece.expr
    for _ in range(times):
        expr = expr if expr is sp.nan else smooth_derivative(expr, v)
    return expr


def switch_side(expr: sp.Expr, form: Form, k: int, region: Region) -> int:
    """Which neighbour the definition itself uses at break ``k``: -1 the left piece, 1 the right one, 0 neither.

    This is the side whose slope is the definition's own convention at a kink: ``Max(0, v)`` gives the left one at 0
    (slope 0), ``Piecewise((v, v >= 0), …)`` the right one.
    """
    v, at = form.variable, form.breaks[k]
    expr = region.apply(expr)

    def ask(question: sp.Expr) -> int:
        return sign(question.subs(v, at), region)

    try:
        draft = Draft(expr)
        while (switch := draft.switch()) is not None:
            draft = draft.resolved(switch, ask)
        if draft.expr.atoms(Nowhere):
            return 0
        expr = region.apply(draft.plain(draft.expr))
        for side, piece in ((-1, form.pieces[k]), (1, form.pieces[k + 1])):
            if piece.expr is not sp.nan and is_zero(expr - piece.expr, v, region):
                return side
    except (Fork, Undecided):
        return 0
    return 0
