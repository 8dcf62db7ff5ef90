"""The normal form: sorted breaks, one smooth expression per open interval, the value at each break.

Max, Min, Abs, sign, Heaviside and nested Piecewise are resolved here and nowhere else: every argument whose sign
they ask for is charted, its zeros become breaks, and between the zeros the switch is replaced by the branch that is
in force. Points where a piece is undefined (a pole, the edge of a logarithm) become breaks whose value is ``nan``.
Breaks at which nothing changes are taken out again, so that two spellings of a function reach one form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import sympy as sp

from kassei.core.algebra import factors, independent, inner_points, tidy, vanishes
from kassei.core.enclose import Undecided, ball, precision, rational, sign_of
from kassei.core.region import Fork, Region
from kassei.core.signs import Chart, chart, order, scale_away, sign

SWITCHES = (sp.Max, sp.Min, sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise)
MAX_PIECES = 64


@dataclass(frozen=True)
class Piece:
    """A smooth expression on the open interval ``(lo, hi)``; the ends may be expressions in the parameters.

    ``expr`` is ``nan`` where the function is undefined on the whole interval.
    """

    lo: sp.Expr
    hi: sp.Expr
    expr: sp.Expr


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
    expr = region.apply(expr)
    pieces = [q for p in _split(expr, v, -sp.oo, sp.oo, region) for q in _where_defined(p, v, region)]
    if len(pieces) > MAX_PIECES:
        raise Undecided(f"more than {MAX_PIECES} pieces")
    kept = [pieces[0]]
    values: list[sp.Expr] = []
    for piece in pieces[1:]:
        value = value_at(expr, v, piece.lo, region)
        last = kept[-1]
        if _joins_smoothly(last, piece, value, v, region):
            kept[-1] = Piece(last.lo, piece.hi, min(last.expr, piece.expr, key=sp.count_ops))
            continue
        kept.append(piece)
        values.append(value)
    return Form(v, tuple(kept), tuple(values))


def _joins_smoothly(left: Piece, right: Piece, value: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    if sp.nan in (left.expr, right.expr):
        return left.expr is right.expr and value is sp.nan
    if value is sp.nan:
        return False
    for base, _ in (*_needs(left.expr, v), *_needs(right.expr, v)):  # a root or a logarithm that ends here
        if sign(base.subs(v, right.lo), region) == 0:
            return False
    if not is_zero(left.expr - right.expr, v, region):
        return False
    here = _direct(left.expr, v, right.lo)
    return here is not None and sign(here - value, region) == 0


def _direct(expr: sp.Expr, v: sp.Symbol, at: sp.Expr) -> sp.Expr | None:
    value = expr.subs(v, at)
    return None if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo) else value


def _innermost(expr: sp.Expr) -> sp.Expr | None:
    """A switch whose own arguments contain no further switch."""
    for node in sp.postorder_traversal(expr):
        if isinstance(node, SWITCHES):
            return node
    return None


def _split(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> list[Piece]:
    """Resolve one switch on ``(lo, hi)`` and go on with what is left of the expression on each part."""
    switch = _innermost(expr)
    if switch is None:
        return [Piece(lo, hi, region.apply(expr))]
    cuts: list[sp.Expr] = []
    for question in _questions(switch):
        if v not in question.free_symbols:
            continue
        for point in _finite(chart(question, v, lo, hi, region)):
            cuts = _insert(cuts, point, region)
    out = []
    ends = [lo, *cuts, hi]
    for low, high in pairwise(ends):
        branch = _branch(switch, v, low, high, region)
        out += _split(_replace(expr, switch, branch), v, low, high, region)
    return out


def _replace(expr: sp.Expr, switch: sp.Expr, branch: sp.Expr) -> sp.Expr:
    return branch if expr == switch else expr.xreplace({switch: branch})


def _finite(flat: Chart) -> tuple[sp.Expr, ...]:
    if flat.periodic:
        raise Undecided("a switch with infinitely many breaks")
    return flat.points


def _insert(cuts: list[sp.Expr], point: sp.Expr, region: Region) -> list[sp.Expr]:
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
        raise Undecided(f"the sign of {question}")
    return flat.signs[0]


def _branch(switch: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Expr:
    """What a switch is on an interval inside which none of its questions changes sign."""

    def ask(question: sp.Expr) -> int:
        return _sign_between(question, v, lo, hi, region)

    return _resolve(switch, ask)


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
    raise Undecided(f"the condition {condition}")


def value_at(expr: sp.Expr, v: sp.Symbol, at: sp.Expr, region: Region) -> sp.Expr:
    """The exact value of any expression of the language at one point; ``nan`` where it is undefined or not real."""
    expr = region.apply(expr)
    at = region.apply(at)

    def ask(question: sp.Expr) -> int:
        return sign(question.subs(v, at), region)

    while (switch := _innermost(expr)) is not None:
        expr = _replace(expr, switch, _resolve(switch, ask))
        if expr is sp.nan:
            return sp.nan
    for base, need in _needs(expr, v):
        s = ask(base)
        if (need == "nonzero" and s == 0) or (need == "positive" and s <= 0) or (need == "nonnegative" and s < 0):
            return sp.nan
    value = expr.subs(v, at)
    if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
        return sp.nan
    return value


def _needs(expr: sp.Expr, v: sp.Symbol) -> list[tuple[sp.Expr, str]]:
    """What must hold for a smooth expression to be defined, as ``(expression, requirement)``."""
    out: list[tuple[sp.Expr, str]] = []
    for node in sp.preorder_traversal(expr):
        if node.is_Pow and node.args[0] is not sp.E:
            base, exponent = node.args
            if exponent.is_Integer:
                if exponent < 0 and base.free_symbols:
                    out.append((base, "nonzero"))
            elif base.free_symbols or exponent.free_symbols:
                out.append((base, "nonnegative" if exponent.is_Rational and exponent > 0 else "positive"))
        elif isinstance(node, sp.log):
            out.append((node.args[0], "positive"))
        elif isinstance(node, sp.asin | sp.acos):
            out += [(1 - node.args[0], "nonnegative"), (1 + node.args[0], "nonnegative")]
        elif isinstance(node, sp.atanh):
            out += [(1 - node.args[0], "positive"), (1 + node.args[0], "positive")]
        elif isinstance(node, sp.acosh):
            out.append((node.args[0] - 1, "nonnegative"))
        elif isinstance(node, sp.tan):
            out.append((sp.cos(node.args[0]), "nonzero"))
    return [(b, n) for b, n in dict.fromkeys(out) if b.free_symbols]


def _where_defined(piece: Piece, v: sp.Symbol, region: Region) -> list[Piece]:
    """Cut a piece where it is undefined or where its smoothness is in doubt (a root at zero)."""
    if piece.expr is sp.nan:
        return [piece]
    parts = [piece]
    for base, need in _needs(piece.expr, v):
        smaller: list[Piece] = []
        for part in parts:
            if part.expr is sp.nan:
                smaller.append(part)
                continue
            flat = chart(base, v, part.lo, part.hi, region)
            if flat.periodic:
                if need == "nonzero" or len(set(flat.signs)) > 1:
                    raise Undecided(f"a piece with infinitely many singular points: {piece.expr}")
                raise Undecided(f"where {base} vanishes")
            ends = [part.lo, *flat.points, part.hi]
            for k, s in enumerate(flat.signs):
                bad = (s == 0 and need in ("nonzero", "positive")) or (s < 0 and need != "nonzero")
                smaller.append(Piece(ends[k], ends[k + 1], sp.nan if bad else part.expr))
        parts = smaller
    return parts


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
    if vanishes(expr):
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
        raise Undecided(f"whether {expr} vanishes identically")
    shapes = list(table)
    plain_shapes = not any(s.free_symbols - {v} for s in shapes)
    if not plain_shapes or not independent(shapes, v, inner_points(-sp.oo, sp.oo, 10)):
        scaled = scale_away(expr, v, region)
        if scaled is not None:
            return sign(scaled.amplitude, region) == 0 or not _value_not_zero(scaled.shape, v)
        return _by_samples(expr, v, region)
    coefficients = sorted(table.values(), key=lambda c: len(c.free_symbols))
    for c in coefficients:
        try:
            if sign(c, region) != 0:
                return False
        except Fork:
            continue
    return all(sign(c, region) == 0 for c in coefficients)


def _value_not_zero(expr: sp.Expr, v: sp.Symbol) -> bool:
    for at in inner_points(-sp.oo, sp.oo, 10):
        for bits in (128, 1024):
            with precision(bits):
                if sign_of(ball(expr, {v: rational(at)})) in (1, -1):
                    return True
    return False


def _by_samples(expr: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    """Ask for the sign of the value at a few inputs; a fork there splits the parameters exactly."""
    for at in (sp.S.One, sp.Integer(-1), sp.Rational(1, 2), sp.Integer(2), sp.Integer(-3)):
        value = _direct(expr, v, at)
        if value is None:
            continue
        if sign(value, region) != 0:
            return False
    raise Undecided(f"whether {expr} vanishes identically")


def _witness(expr: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Expr:
    """A rational point of the interval, at the region's sample, where the expression is certainly not zero."""
    here = region.at_sample(expr)
    for at in inner_points(region.at_sample(lo), region.at_sample(hi), 10):
        for bits in (128, 1024):
            with precision(bits):
                if sign_of(ball(here, {v: rational(at)})) in (1, -1):
                    return at
    raise Undecided(f"a point where {expr} is not zero")


@lru_cache(maxsize=2000)
def smooth_derivative(expr: sp.Expr, v: sp.Symbol) -> sp.Expr:
    """The derivative of a smooth piece, in a short spelling."""
    return tidy(expr.diff(v))


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
        while (switch := _innermost(expr)) is not None:
            expr = _replace(expr, switch, _resolve(switch, ask))
            if expr is sp.nan:
                return 0
        for side, piece in ((-1, form.pieces[k]), (1, form.pieces[k + 1])):
            if piece.expr is not sp.nan and is_zero(expr - piece.expr, v, region):
                return side
    except (Fork, Undecided):
        return 0
    return 0
