"""What is known about the parameters, and how a question is split where its answer depends on them.

A question is an ordinary function of a :class:`Region`. Where it needs the sign of an expression that is not the
same on the whole region it raises :class:`Fork`; :func:`explore` then splits the region into the parts where the
expression is negative, zero and positive and asks again on each. Answers therefore come with the exact condition
under which they hold. Each region carries a sample, a point that satisfies every condition, so none is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cmp_to_key
from itertools import groupby, islice, product
from typing import Any, Generic, TypeVar

import sympy as sp

from kassei.core.activation import Domain, Parameter
from kassei.core.effort import TROUBLE, trouble
from kassei.core.enclose import Undecided, Unsettled, number_sign

T = TypeVar("T")

MAX_LEAVES = 60
"""How many regions one question may be split into."""
MAX_SAMPLES = 60
"""How many points are tried before a region's sample is left to the solver."""


class Fork(Unsettled):
    """The answer depends on the sign of ``expr``, which is not settled by the region."""

    def __init__(self, expr: sp.Expr) -> None:
        super().__init__(expr)
        self.expr = expr


@dataclass(frozen=True)
class Region:
    """Parameter values: an interval for each free symbol, fixed symbols, further signs, and one sample."""

    domains: tuple[tuple[sp.Symbol, Domain], ...] = ()
    fixed: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    facts: tuple[tuple[sp.Expr, int], ...] = ()
    sample: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    @staticmethod
    def of(parameters: tuple[Parameter, ...]) -> Region:
        """The whole declared domain; the sample is the point of defaults."""
        return Region(
            domains=tuple((p.symbol, p.domain) for p in parameters),
            sample=tuple((p.symbol, p.default) for p in parameters),
        )

    def domain(self, symbol: sp.Symbol) -> Domain:
        """The interval of one free symbol."""
        for known, domain in self.domains:
            if known == symbol:
                return domain
        raise Undecided("the domain of {}", symbol)

    def apply(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` with every fixed symbol replaced."""
        for symbol, value in self.fixed:
            if symbol in expr.free_symbols:
                expr = expr.subs(symbol, value)
        return expr

    def at_sample(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` at the region's sample."""
        return self.apply(expr).subs(dict(self.sample))

    def with_symbol(self, symbol: sp.Symbol, domain: Domain) -> Region:
        """The region with one more free symbol, such as the input itself."""
        wider = replace(self, domains=(*self.domains, (symbol, domain)))
        found = _find_sample(wider)
        if found is None:
            raise Undecided("a point with {} in {}", symbol, domain)
        return found

    def assume(self, expr: sp.Expr, sign: int) -> Region | None:
        """The part where ``expr`` has this sign; None where that is empty.

        Raises ``Undecided`` when neither emptiness nor a point of the part can be shown.
        """
        expr = self.apply(expr)
        symbols = sorted(expr.free_symbols, key=str)
        if not symbols:
            return self if number_sign(expr) == sign else None
        if len(symbols) == 1 and (expr - symbols[0]).is_number:
            return self._cut(symbols[0], symbols[0] - expr, sign)
        if sign == 0:
            for symbol in symbols:
                slope = expr.diff(symbol)
                if slope.is_number and slope != 0:
                    return self._fix(symbol, _linear_root(expr, symbol, slope))
            for symbol in symbols:
                slope = sp.factor_terms(expr.diff(symbol))
                if symbol not in slope.free_symbols and self._never_zero(slope):
                    return self._fix(symbol, _linear_root(expr, symbol, slope))
        return _find_sample(replace(self, facts=(*self.facts, (expr, sign))))

    def _never_zero(self, expr: sp.Expr) -> bool:
        from kassei.core.signs import sign

        try:
            return sign(expr, self) != 0
        except (Fork, Undecided):
            return False

    def _cut(self, symbol: sp.Symbol, at: sp.Expr, sign: int) -> Region | None:
        """Where ``symbol`` lies below, at or above a constant."""
        old = self.domain(symbol)
        below, above = _order(at, old.hi), _order(old.lo, at)  # at < hi, lo < at
        if sign == 0:
            inside = (below < 0 or (below == 0 and old.hi_closed)) and (above < 0 or (above == 0 and old.lo_closed))
            return self._fix(symbol, at) if inside else None
        if sign < 0:
            if above > 0 or (above == 0):
                return None
            new = old if below > 0 else replace(old, hi=at, hi_closed=False)
        else:
            if below > 0 or (below == 0):
                return None
            new = old if above > 0 else replace(old, lo=at, lo_closed=False)
        if new is old:
            return self
        return _find_sample(replace(self, domains=tuple((s, new if s == symbol else d) for s, d in self.domains)))

    def _fix(self, symbol: sp.Symbol, value: sp.Expr) -> Region | None:
        """Where ``symbol`` equals an expression in the others; its interval becomes facts about them."""
        domain = self.domain(symbol)
        facts = []
        for expr, closed in ((value - domain.lo, domain.lo_closed), (domain.hi - value, domain.hi_closed)):
            if expr.free_symbols and not expr.has(sp.oo, -sp.oo):
                facts.append((expr, 2 if closed else 1))
        fixed = (*((s, e.subs(symbol, value)) for s, e in self.fixed), (symbol, value))
        old = ((e.subs(symbol, value), s) for e, s in self.facts)
        return _find_sample(
            replace(
                self,
                domains=tuple((s, d) for s, d in self.domains if s != symbol),
                fixed=fixed,
                facts=(*old, *facts),
            )
        )


def _linear_root(expr: sp.Expr, symbol: sp.Symbol, slope: sp.Expr) -> sp.Expr:
    return sp.expand(-expr.subs(symbol, 0) / slope)


def _order(a: sp.Expr, b: sp.Expr) -> int:
    """The sign of ``a - b`` for constants that may be infinite."""
    if a == b:
        return 0
    if a in (sp.oo, -sp.oo):
        return 1 if a is sp.oo else -1
    if b in (sp.oo, -sp.oo):
        return -1 if b is sp.oo else 1
    return number_sign(a - b)


def within(value: sp.Expr, domain: Domain) -> bool:
    """Whether a real constant lies in an interval whose ends may be any constants."""
    low, high = _order(value, domain.lo), _order(value, domain.hi)
    return (low > 0 or (low == 0 and domain.lo_closed)) and (high < 0 or (high == 0 and domain.hi_closed))


def points_of(domain: Domain) -> Iterator[sp.Rational]:
    """Short rational points of an interval, the plainest first; a single point if it is one."""
    plain = [1, sp.Rational(1, 2), 2, sp.Rational(-1, 2), -1, -2, 3, -3, sp.Rational(1, 4), sp.Rational(-1, 4), 5, -5]
    plain += [10, -10, sp.Rational(1, 10), sp.Rational(-1, 10), 0]
    seen = set()
    for value in map(sp.Rational, plain):
        if within(value, domain):
            seen.add(value)
            yield value
    lo, hi = domain.lo, domain.hi
    if lo != -sp.oo and hi != sp.oo:
        inner = [lo + (hi - lo) * q for q in map(sp.Rational, ("1/2", "1/4", "3/4", "1/16", "15/16"))]
    elif lo != -sp.oo:
        inner = [lo + q for q in map(sp.Rational, ("1", "1/8", "8", "1/1000", "1000"))]
    else:
        inner = [hi - q for q in map(sp.Rational, ("1", "1/8", "8", "1/1000", "1000"))] if hi != sp.oo else []
    for value in inner:
        short = shorten(value)
        if short not in seen and within(short, domain):
            seen.add(short)
            yield short
    if domain.lo_closed and lo not in seen:
        yield lo
    if domain.hi_closed and hi not in seen and hi != lo:
        yield hi


def shorten(value: sp.Expr) -> sp.Rational:
    """A rational near a constant: itself when rational, else 40 correct bits."""
    if value.is_Rational:
        return sp.Rational(value)
    return sp.Rational(sp.floor(sp.N(value * 2**40, 40)), 2**40)


def holds(sign: int, wanted: int) -> bool:
    """Whether a sign satisfies a fact; 2 stands for ``>= 0``."""
    return sign >= 0 if wanted == 2 else sign == wanted


def _satisfies(region: Region, point: dict[sp.Symbol, sp.Expr]) -> bool:
    newest_first = reversed(region.facts)  # it is the newest that an old sample is most likely to miss
    return all(holds(number_sign(sp.sympify(e, strict=True).subs(point)), s) for e, s in newest_first)


def _find_sample(region: Region) -> Region | None:
    """The region with a verified sample, None if it is empty; raises ``Undecided`` otherwise."""
    symbols = [s for s, _ in region.domains]
    old = dict(region.sample)
    if all(not e.free_symbols for e, _ in region.facts) and not _satisfies(region, {}):
        return None
    candidates: list[list[sp.Expr]] = []
    for symbol, domain in region.domains:
        values = list(points_of(domain))
        if symbol in old and within(old[symbol], domain):
            values.insert(0, old[symbol])
        candidates.append(values)
    for chosen in islice(product(*candidates), MAX_SAMPLES):
        point = dict(zip(symbols, chosen, strict=True))
        try:
            if _satisfies(region, point):
                return replace(region, sample=tuple(point.items()))
        except Undecided:
            continue
    from kassei.core.solver import solve

    answer = solve(region.domains, region.facts)
    if answer is None:
        return None
    if _satisfies(region, answer) and all(within(answer[s], d) for s, d in region.domains):
        return replace(region, sample=tuple(answer.items()))
    told = [f"{e} {'<' if s < 0 else '>' if s > 0 else '='} 0" for e, s in region.facts]
    raise Undecided("whether parameters satisfy {}", ", ".join(told))


@dataclass(frozen=True)
class Leaf(Generic[T]):
    """An answer and the region it holds on."""

    region: Region
    answer: T


@dataclass(frozen=True)
class Split(Generic[T]):
    """Answers that depend on the sign of ``expr``: the branches for -1, 0 and 1 that are not empty."""

    expr: sp.Expr
    branches: tuple[tuple[int, Tree[T]], ...]


Tree = Leaf[T] | Split[T]


def explore(
    region: Region, question: Callable[[Region], T], give_up: Callable[[str], T], budget: list[int] | None = None
) -> Tree[T]:
    """Answer ``question`` on every part of ``region``.

    ``give_up`` makes the answer for a part on which nothing could be decided (budget spent, or a sign that no
    engine settles); it receives the reason. ``budget`` counts down the regions still to be asked about, and may be
    shared between several calls.
    """
    budget = [MAX_LEAVES] if budget is None else budget

    def visit(part: Region) -> Tree[T]:
        budget[0] -= 1
        if budget[0] < 0:
            return Leaf(part, give_up(f"more than {MAX_LEAVES} cases"))
        try:
            return Leaf(part, question(part))
        except Undecided as left:
            return Leaf(part, give_up(str(left)))
        except TROUBLE as problem:
            return Leaf(part, give_up(trouble(problem)))
        except Fork as fork:
            branches: list[tuple[int, Tree[T]]] = []
            try:
                parts = [(s, part.assume(fork.expr, s)) for s in (-1, 0, 1)]
            except Undecided as left:
                return Leaf(part, give_up(str(left)))
            except TROUBLE as problem:
                return Leaf(part, give_up(trouble(problem)))
            for sign, smaller in parts:
                if smaller is not None:
                    branches.append((sign, visit(smaller)))
            if len(branches) == 1 and parts[0][1] is part:
                return Leaf(part, give_up(f"sign of {fork.expr}"))
            return Split(fork.expr, tuple(branches))

    return visit(region)


def leaves(tree: Tree[T]) -> Iterator[Leaf[T]]:
    """Every leaf, in order."""
    if isinstance(tree, Leaf):
        yield tree
    else:
        for _, branch in tree.branches:
            yield from leaves(branch)


def graft(tree: Tree[T], grow: Callable[[Leaf[T]], Tree[Any]]) -> Tree[Any]:
    """Replace every leaf by a tree."""
    if isinstance(tree, Leaf):
        return grow(tree)
    return Split(tree.expr, tuple((s, graft(b, grow)) for s, b in tree.branches))


def condition_where(tree: Tree[T], test: Callable[[T], bool]) -> sp.Basic:
    """The exact Boolean in the parameters under which the answer passes ``test``.

    Exact relative to the declared domain: what the domain already says is not repeated.
    """
    if isinstance(tree, Leaf):
        return sp.true if test(tree.answer) else sp.false
    inner = {s: condition_where(b, test) for s, b in tree.branches}
    return _join(tree.expr, inner)


def relation(expr: sp.Expr, signs: frozenset[int]) -> sp.Basic:
    """``expr``'s sign lies in ``signs``, solved for a lone symbol where that is plain."""
    lhs, rhs = readable(expr)
    flip = {
        frozenset({-1}): sp.StrictLessThan,
        frozenset({0}): sp.Eq,
        frozenset({1}): sp.StrictGreaterThan,
        frozenset({-1, 0}): sp.LessThan,
        frozenset({0, 1}): sp.GreaterThan,
        frozenset({-1, 1}): sp.Ne,
    }
    return flip[signs](lhs, rhs)


def readable(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """``(lhs, rhs)`` with the sign of ``lhs - rhs`` equal to that of ``expr``: ``c - t`` becomes ``(c, t)``."""
    content, primitive = sp.expand(expr).as_content_primitive()
    expr = primitive if content.is_positive else sp.expand(expr)
    (constant, rest) = expr.as_coeff_Add()
    factor, symbol = rest.as_coeff_Mul()
    if symbol.is_Symbol and constant != 0:
        return (symbol, -constant / factor) if factor > 0 else (-constant / factor, symbol)
    terms = sp.Add.make_args(expr)
    positive = [t for t in terms if not t.could_extract_minus_sign()]
    negative = [-t for t in terms if t.could_extract_minus_sign()]
    lone = [t for t in positive if t.is_Symbol]
    if lone and len(terms) > 1:
        chosen = sorted(lone, key=str)[0]
        return chosen, sp.expand(chosen - expr)
    return sp.Add(*positive), sp.Add(*negative)


def _join(expr: sp.Expr, inner: dict[int, sp.Basic]) -> sp.Basic:
    groups: dict[sp.Basic, set[int]] = {}
    for sign, condition in inner.items():
        groups.setdefault(condition, set()).add(sign)
    # Equalities absorb into a neighbour: at the boundary value the neighbour's condition may simplify to it.
    everywhere = set(inner)
    parts = []
    for condition, signs in groups.items():
        if condition is sp.false:
            continue
        if signs == everywhere:
            return condition
        if len(everywhere) == 2 and 0 in everywhere and signs != {0}:
            here = relation(expr, frozenset(signs))
        elif len(everywhere) == 2 and 0 in everywhere:
            here = relation(expr, frozenset({0}))
        else:
            here = relation(expr, frozenset(signs))
        parts.append(sp.And(here, condition))
    return tidy_condition(sp.Or(*parts))


def tidy_condition(condition: sp.Basic) -> sp.Basic:
    """Shorten a condition in one symbol by writing it as a union of intervals."""
    symbols = condition.free_symbols
    if len(symbols) != 1 or not isinstance(condition, sp.Or | sp.And):
        return condition
    (symbol,) = symbols
    try:
        covered = _covered(condition, symbol)
        short = covered.as_relational(symbol)
    except (NotImplementedError, ValueError, TypeError, AttributeError):
        return condition
    finite = short.subs(symbol, symbol)
    drop = {symbol < sp.oo, -sp.oo < symbol, symbol > -sp.oo, sp.oo > symbol}
    return _without(finite, drop)


def _covered(condition: sp.Basic, symbol: sp.Symbol) -> sp.Set:
    """The numbers that satisfy a condition: by the order of its thresholds where they are plain, else by SymPy."""
    relations = condition.atoms(sp.core.relational.Relational)
    try:
        thresholds = {r: _threshold(r.lhs - r.rhs, symbol) for r in relations}
        edges = _ordered([at for at, _ in thresholds.values()])
    except Undecided:
        return condition.as_set()
    where = {
        r: (next(k for k, e in enumerate(edges) if number_sign(at - e) == 0), s) for r, (at, s) in thresholds.items()
    }

    def holds(cell: int) -> bool:
        """Whether the condition is true at the edge k (cell 2 k + 1) or between two edges (2 k)."""
        beside = {r: s * ((cell > 2 * k + 1) - (cell < 2 * k + 1)) for r, (k, s) in where.items()}
        return bool(condition.xreplace({r: r.func(sp.Integer(side), 0) for r, side in beside.items()}) == sp.true)

    parts: list[sp.Set] = []
    cells = range(2 * len(edges) + 1)
    for inside, run in groupby(cells, holds):
        if inside:
            members = list(run)
            first, last = members[0], members[-1]
            lo = -sp.oo if first == 0 else edges[(first - 1) // 2]
            hi = sp.oo if last == cells[-1] else edges[last // 2]
            parts.append(sp.Interval(lo, hi, first % 2 == 0, last % 2 == 0))
    return sp.Union(*parts)


def _threshold(gap: sp.Expr, symbol: sp.Symbol) -> tuple[sp.Expr, int]:
    """``(at, s)`` for ``slope*(symbol - at)`` with a constant slope of the sign s; raises ``Undecided``."""
    gap = sp.expand(gap)
    level, rest = gap.as_independent(symbol, as_Add=True)
    slope = rest / symbol
    if slope == 0 or slope.free_symbols or not (slope.is_number and level.is_number):
        raise Undecided("where {} changes its sign", gap)
    return sp.expand(-level / slope), number_sign(slope)


def _ordered(values: list[sp.Expr]) -> list[sp.Expr]:
    """Constants in increasing order, each once."""
    out: list[sp.Expr] = []

    def compare(a: sp.Expr, b: sp.Expr) -> int:
        return number_sign(a - b)

    for value in sorted(values, key=cmp_to_key(compare)):
        if not out or number_sign(value - out[-1]) != 0:
            out.append(value)
    return out


def _without(condition: sp.Basic, drop: set[sp.Basic]) -> sp.Basic:
    if condition in drop:
        return sp.true
    if isinstance(condition, sp.core.relational.Relational) and condition.lhs.is_number:
        return condition.reversed
    if isinstance(condition, sp.And | sp.Or):
        return condition.func(*(_without(a, drop) for a in condition.args))
    return condition


def by_value(tree: Tree[Any]) -> Any:
    """One value if all leaves agree, else ``[{"when", "value"}, …]`` whose conditions split the domain."""
    values: list[Any] = []
    for leaf in leaves(tree):
        if leaf.answer not in values:
            values.append(leaf.answer)
    if len(values) == 1:
        return values[0]
    return [{"when": condition_where(tree, lambda answer, v=v: answer == v), "value": v} for v in values]  # type: ignore[misc]
