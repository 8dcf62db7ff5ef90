"""What a function becomes as one parameter goes to an end of its domain, and whether uniformly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, reduce
from types import MappingProxyType
from typing import Any, TypeVar

import sympy as sp

from kassei.core import limits
from kassei.core.activation import Activation, Domain, Parameter
from kassei.core.dossier import Convergence, ParamLimit
from kassei.core.effort import TROUBLE, remembered, simplify, trouble, work
from kassei.core.enclose import Undecided, number_sign
from kassei.core.extent import largest_size
from kassei.core.pieces import Form, check_partial, is_zero, normal_form
from kassei.core.prove import located
from kassei.core.region import Fork, Leaf, Region, Tree, condition_where, explore, leaves, relation, tidy_condition
from kassei.core.signs import order, sign
from kassei.core.verdict import Step

T = TypeVar("T")
MAX_NARROWINGS = 40
MAX_CASES = 12
"""Parts of the domain of the other parameters on which it is asked whether convergence is uniform."""


def param_limits(
    activation: Activation, region: Region, known: Mapping[str, Form] | None = None
) -> tuple[ParamLimit, ...]:
    """One entry for each end of each parameter's domain, and for 0 where that lies inside.

    ``known`` maps catalogue names to the normal forms that limits are compared with.
    """
    out = []
    for p in activation.parameters:
        for to, label in _targets(p):
            with work(fresh=False):
                out.append(_param_limit(activation, p, to, label, region, known or {}))
    return tuple(out)


def open_limits(activation: Activation, why: Step) -> tuple[ParamLimit, ...]:
    """The same entries with nothing found, and why."""
    return tuple(
        ParamLimit(param=p.name, to=label, equals=None, steps=(why,))
        for p in activation.parameters
        for _, label in _targets(p)
    )


def _targets(p: Parameter) -> list[tuple[sp.Expr, str]]:
    domain = p.domain
    low = (domain.lo, "-oo" if domain.lo == -sp.oo else f"{domain.lo}+")
    high = (domain.hi, "oo" if domain.hi == sp.oo else f"{domain.hi}-")
    inside = [(sp.S.Zero, "0")] if _interior(domain, sp.S.Zero) else []
    return [low, *inside, high]


def _interior(domain: Domain, value: sp.Expr) -> bool:
    above = domain.lo == -sp.oo or number_sign(value - domain.lo) > 0
    return above and (domain.hi == sp.oo or number_sign(domain.hi - value) > 0)


def _param_limit(
    activation: Activation, p: Parameter, to: sp.Expr, label: str, region: Region, known: Mapping[str, Form]
) -> ParamLimit:
    sides = ["+", "-"] if label == "0" else ["-" if to == p.domain.hi else "+"]
    found = []
    for side in sides:
        try:
            found.append(_for_all_others(activation, p, to, side, region, known, label))
        except (Undecided, limits.NoLimit, Fork, *TROUBLE) as left:
            why = trouble(left) if isinstance(left, TROUBLE) else str(left)
            return ParamLimit(param=p.name, to=label, equals=None, steps=(Step("limit_open", {"why": why}),))
    if len(found) == 2:
        left_one, right_one = found
        if (
            left_one.equals is None
            or right_one.equals is None
            or not _same(left_one.equals, right_one.equals, activation.variable, region)
        ):
            steps = (Step("limit_sides_differ", {"param": p.name, "to": to}),)
            return ParamLimit(param=p.name, to=label, equals=None, exists=False, steps=steps)
        return _weaker(left_one, right_one)
    return found[0]


_RANK: Mapping[Convergence, int] = MappingProxyType({"uniform": 0, "pointwise": 1, "unknown": 2})
"""The weaker the higher."""


def _weaker(a: ParamLimit, b: ParamLimit) -> ParamLimit:
    """What holds from both sides."""
    weak = max(a, b, key=lambda one: _RANK[one.convergence])
    bounded = max(a.on_bounded_sets, b.on_bounded_sets, key=_RANK.__getitem__)
    if (a.error, a.error_when) != (b.error, b.error_when):
        weak = replace(weak, error=None, error_when=sp.true)
    return replace(weak, on_bounded_sets=bounded)


def _for_all_others(
    activation: Activation, p: Parameter, to: sp.Expr, side: str, region: Region, known: Mapping[str, Form], label: str
) -> ParamLimit:
    """The limit from one side where it is one expression (or none at all) whatever the other parameters are."""
    tree = explore(
        region,
        lambda r: _one_sided(activation, p, to, side, r, known, label),
        lambda why: Undecided(why),
    )
    found: list[tuple[ParamLimit, Region]] = []
    for leaf in leaves(tree):
        answer = leaf.answer
        if isinstance(answer, Undecided):
            raise answer
        assert isinstance(answer, ParamLimit)
        found.append((answer, leaf.region))
    ones = [one for one, _ in found]
    if any(one.exists is not ones[0].exists for one in ones):
        raise Undecided("a limit that exists for some values of the other parameters only")
    if not ones[0].exists or len(ones) == 1:
        return ones[0]
    for candidate in ones:
        if all(_equal(candidate, one, activation.variable, r) for one, r in found):
            weak = replace(reduce(_weaker, ones), equals=candidate.equals, steps=tuple(_told(tree)))
            named = replace(weak, same_as=candidate.same_as, nearly=candidate.nearly, exceptions=candidate.exceptions)
            alike = len({(one.same_as, one.nearly, one.exceptions) for one in ones}) == 1
            if alike or sp.sympify(candidate.equals, strict=True).free_symbols <= {activation.variable}:
                return named
            # with other parameters in the limit, the name may hold for a part of them only
            return replace(weak, same_as=None, nearly=None, exceptions=())
    raise Undecided("a limit that is not one expression in the other parameters")


def _told(tree: Tree[Any]) -> Iterator[Step]:
    """The argument of every case."""
    for condition, leaf in located(tree):
        if isinstance(leaf.answer, ParamLimit):
            yield Step("case", {"condition": condition})
            yield from leaf.answer.steps


def _equal(a: ParamLimit, b: ParamLimit, v: sp.Symbol, region: Region) -> bool:
    return a.equals is not None and b.equals is not None and _same(a.equals, b.equals, v, region)


def _same(a: sp.Expr, b: sp.Expr, v: sp.Symbol, region: Region) -> bool:
    if a == b:
        return True
    try:
        return same_form(normal_form(a, v, region), normal_form(b, v, region))
    except (Undecided, Fork):
        return False


def eventually(
    region: Region,
    ends: list[tuple[sp.Symbol, sp.Expr, str]],
    question: Callable[[Region], T],
    settled: list[sp.Basic] | None = None,
) -> T:
    """Answer a question for parameters close enough to their ends, in the order given.

    A split on a parameter that is on its way is settled by the side it ends up on; others are passed on. What was
    settled is appended to ``settled``: the answer holds where all of it does.
    """
    for _ in range(MAX_NARROWINGS):
        try:
            return question(region)
        except Fork as fork:
            region, s = _narrow(region, ends, fork)
            if settled is not None:
                settled.append(relation(fork.expr, frozenset({s})))
    raise Undecided("more than {} comparisons", MAX_NARROWINGS)


def _narrow(region: Region, ends: list[tuple[sp.Symbol, sp.Expr, str]], fork: Fork) -> tuple[Region, int]:
    for symbol, to, side in ends:
        if symbol not in fork.expr.free_symbols:
            continue
        s = eventual_sign(fork.expr, symbol, to, side, region)
        smaller = region.assume(fork.expr, s)
        if smaller is None:
            raise Undecided("whether {} keeps its sign", fork.expr)
        return smaller, s
    raise fork


def eventual_sign(expr: sp.Expr, symbol: sp.Symbol, to: sp.Expr, side: str, region: Region) -> int:
    """The sign of ``expr`` for all values of ``symbol`` close enough to an end."""
    value = limits.limit(expr, symbol, to, side, region)
    if value in (sp.oo, -sp.oo):
        return 1 if value is sp.oo else -1
    s = sign(value, region)
    if s:
        return s
    from kassei.core.signs import chart

    domain = region.domain(symbol)
    flat = chart(expr, symbol, domain.lo, domain.hi, region)
    if flat.periodic:
        raise Undecided("the sign of {}", expr)
    return flat.signs[-1] if side == "-" else flat.signs[0]


def _near(region: Region, p: sp.Symbol, to: sp.Expr, side: str) -> Region:
    """The region cut down to one side of an interior target."""
    if to in (sp.oo, -sp.oo):
        return region
    smaller = region.assume(p - to, 1 if side == "+" else -1)
    if smaller is None:
        raise Undecided("values of {} near {}", p, to)
    return smaller


def _one_sided(
    activation: Activation, p: Parameter, to: sp.Expr, side: str, region: Region, known: Mapping[str, Form], label: str
) -> ParamLimit:
    v, symbol = activation.variable, p.symbol
    near = _near(region, symbol, to, side)
    end = [(symbol, to, side)]

    def form_of(r: Region) -> tuple[Form, Region]:
        check_partial(activation.expr, activation.partial, v, r)
        return normal_form(activation.expr, v, r), r

    settled: list[sp.Basic] = []
    form, near = eventually(near, end, form_of, settled)
    if any(piece.expr is sp.nan for piece in form.pieces):
        raise Undecided("{} is undefined on an interval on the way", activation.name)
    breaks = [eventually(near, end, lambda r, b=b: limits.limit(b, symbol, to, side, r)) for b in form.breaks]  # type: ignore[misc]
    with_v = near.with_symbol(v, Domain())
    if _diverges(form, breaks, v, end, with_v):
        steps = (Step("limit_none", {"param": p.name, "to": to}),)
        return ParamLimit(param=p.name, to=label, equals=None, exists=False, steps=steps)
    tree = explore(
        with_v,
        lambda r: eventually(r, end, lambda s: _pointwise(form, breaks, v, symbol, to, side, s)),
        lambda why: Undecided(why),
    )
    equals = _assemble(tree, v, near)
    if equals is None:
        steps = (Step("limit_none", {"param": p.name, "to": to}),)
        return ParamLimit(param=p.name, to=label, equals=None, exists=False, steps=steps)
    name, exceptions = _recognise(equals, v, near, known)
    shown = (_spelled(known[name], v) if name and not exceptions else None) or equals
    found = ParamLimit(
        param=p.name,
        to=label,
        equals=shown,
        same_as=name if not exceptions else None,
        nearly=name if exceptions else None,
        exceptions=exceptions,
    )
    found = _approached(found, activation.expr - equals, v, near, end, settled)
    return replace(found, steps=(Step("limit_pointwise", {"param": p.name, "to": to, "equals": shown}), *found.steps))


def _diverges(
    form: Form, breaks: list[sp.Expr], v: sp.Symbol, ends: list[tuple[sp.Symbol, sp.Expr, str]], region: Region
) -> bool:
    """Whether there is certainly no finite limit at one of a few inputs; one is enough for there to be none."""
    symbol, to, side = ends[0]
    for at in (sp.S.One, sp.Integer(-1), sp.Rational(1, 2)):
        here = region.assume(v - at, 0)
        if here is None:
            continue
        try:
            value = eventually(here, ends, lambda r: _pointwise(form, breaks, v, symbol, to, side, r))
        except limits.NoLimit:
            return True
        except (Fork, Undecided):
            continue
        if value in (sp.oo, -sp.oo):
            return True
    return False


def _pointwise(
    form: Form, breaks: list[sp.Expr], v: sp.Symbol, p: sp.Symbol, to: sp.Expr, side: str, region: Region
) -> sp.Expr:
    """The limit of f(v) at one generic input of the region."""
    index = 0
    for k, where in enumerate(breaks):
        s = order(v, where, region)
        if s < 0:
            break
        if s == 0:
            actual = form.breaks[k]
            ahead = eventual_sign(where - actual, p, to, side, region) if actual != where else 0
            if ahead == 0 and form.values[k] is sp.nan:
                raise Undecided("the value at {}", actual)
            if ahead == 0:
                return limits.limit(form.values[k], p, to, side, region)
            if ahead < 0:
                break
        index = k + 1
    expr = form.pieces[index].expr
    fixed = dict(region.fixed)
    if v in fixed:
        expr = expr.subs(v, fixed[v])
    return limits.limit(expr, p, to, side, region)


def _assemble(tree: Tree[sp.Expr | Undecided], v: sp.Symbol, region: Region) -> sp.Expr | None:
    """One expression in v from the limits found on parts of the line; None if some value diverges."""
    parts = []
    for leaf in leaves(tree):
        if isinstance(leaf.answer, Undecided):
            raise leaf.answer
        value = leaf.answer
        if value.has(sp.oo, -sp.oo, sp.nan, sp.zoo):
            return None
        parts.append(value)
    distinct = list(dict.fromkeys(simplify(x) for x in parts))
    if len(distinct) == 1:
        return distinct[0]
    branches = []
    for value in dict.fromkeys(parts):
        condition = condition_where(tree, lambda answer, x=value: answer == x)  # type: ignore[misc]
        branches.append((value, condition))
    branches.sort(key=lambda b: (isinstance(b[1], sp.Eq), str(b[1])))
    merged = _absorb_points(branches, v)
    return sp.Piecewise(*merged[:-1], (merged[-1][0], True))


def _absorb_points(branches: list[tuple[sp.Expr, sp.Basic]], v: sp.Symbol) -> list[tuple[sp.Expr, sp.Basic]]:
    """Let an inequality take in an isolated point at which its expression has the same value."""
    points = [(e, c) for e, c in branches if isinstance(c, sp.Eq) and v in (c.lhs, c.rhs)]
    others = [(e, c) for e, c in branches if (e, c) not in points]
    kept = []
    for e, c in points:
        at = c.rhs if c.lhs == v else c.lhs
        for k, (expr, condition) in enumerate(others):
            touches = isinstance(condition, sp.StrictGreaterThan | sp.StrictLessThan) and at in condition.args
            if touches and simplify(expr.subs(v, at) - e.subs(v, at)) == 0:
                weak = sp.GreaterThan if isinstance(condition, sp.StrictGreaterThan) else sp.LessThan
                others[k] = (expr, weak(*condition.args))
                break
        else:
            kept.append((e, c))
    return [*kept, *others]


def same_form(a: Form, b: Form) -> bool:
    """Whether two parameter-free normal forms are the same function."""
    return differences(a, b) == ()


def differences(a: Form, b: Form) -> tuple[sp.Expr, ...] | None:
    """The breaks at which two forms of the same shape have other values; None if they differ on an interval."""
    if len(a.pieces) != len(b.pieces):
        return None
    region = Region()
    try:
        for p, q in zip(a.pieces, b.pieces, strict=True):
            if p.hi not in (q.hi,) and order(p.hi, q.hi, region) != 0:
                return None
            if sp.nan in (p.expr, q.expr):
                if p.expr is not q.expr:
                    return None
            elif not is_zero(p.expr - q.expr, a.variable, region):
                return None
        return tuple(
            x for x, s, t in zip(a.breaks, a.values, b.values, strict=True) if s is not t and order(s, t, region) != 0
        )
    except (Undecided, Fork):
        return None


def _recognise(
    equals: sp.Expr, v: sp.Symbol, region: Region, known: Mapping[str, Form]
) -> tuple[str | None, tuple[sp.Expr, ...]]:
    if equals.free_symbols - {v}:
        return None, ()
    try:
        form = normal_form(equals, v, Region())
    except (Undecided, Fork):
        return None, ()
    near: tuple[str, tuple[sp.Expr, ...]] | None = None
    for name, other in known.like(equals, v) if isinstance(known, KnownForms) else known.items():
        off = differences(form, _with_variable(other, v))
        if off == ():
            return name, ()
        if off and near is None:
            near = (name, off)
    return near if near is not None else (None, ())


def _with_variable(form: Form, v: sp.Symbol) -> Form:
    if form.variable == v:
        return form
    pieces = tuple(replace(p, expr=p.expr.subs(form.variable, v)) for p in form.pieces)
    return replace(form, variable=v, pieces=pieces)


def _spelled(form: Form, v: sp.Symbol) -> sp.Expr | None:
    return None if form.source is None else form.source.subs(form.variable, v)


def _approached(
    found: ParamLimit,
    gap: sp.Expr,
    v: sp.Symbol,
    region: Region,
    ends: list[tuple[sp.Symbol, sp.Expr, str]],
    settled: list[sp.Basic],
) -> ParamLimit:
    """A limit with how f comes near it for all values of the other parameters, case by case where that depends on them.

    ``gap`` is f minus the limit.
    """

    def ask(part: Region) -> ParamLimit:
        here = list(settled)
        convergence, error, why = _uniformity(gap, v, part, ends, here)
        bounded: Convergence = "uniform" if convergence == "uniform" else "unknown"
        if convergence == "pointwise":
            bounded = _on_bounded_sets(gap, v, part, ends)
        when = tidy_condition(sp.And(*here)) if error is not None else sp.true
        return replace(found, convergence=convergence, error=error, error_when=when, on_bounded_sets=bounded, steps=why)

    tree = explore(
        region, ask, lambda why: replace(found, steps=(Step("limit_uniformity_open", {"why": why}),)), [MAX_CASES]
    )
    if isinstance(tree, Leaf):
        return tree.answer
    return replace(reduce(_weaker, (leaf.answer for leaf in leaves(tree))), steps=tuple(_told(tree)))


def _uniformity(
    gap: sp.Expr,
    v: sp.Symbol,
    region: Region,
    ends: list[tuple[sp.Symbol, sp.Expr, str]],
    settled: list[sp.Basic],
) -> tuple[Convergence, sp.Expr | None, tuple[Step, ...]]:
    """Whether sup |gap| tends to 0, with the supremum in closed form where it does; raises ``Fork``."""
    try:
        distance, where = eventually(region, ends, lambda r: _distance(gap, v, -sp.oo, sp.oo, r), settled)
        symbol, to, side = ends[0]
        if distance is sp.oo:
            return "pointwise", None, (Step("limit_unbounded_gap", {"gap": where}),)
        end, vanishes = eventually(
            region, ends, lambda r: _whether_zero(_limit_of_largest(distance, symbol, to, side, r), r)
        )
    except (Undecided, limits.NoLimit) as left:
        return "unknown", None, (Step("limit_uniformity_open", {"why": str(left)}),)
    facts = {"gap": where, "error": distance, "param": str(symbol), "to": to, "end": end}
    if vanishes:
        return "uniform", distance, (Step("limit_uniform", facts),)
    return "pointwise", None, (Step("limit_not_uniform", facts),)


def _whether_zero(end: sp.Expr, region: Region) -> tuple[sp.Expr, bool]:
    """A limit, spelled 0 where it is 0 for all parameters of the region, and whether it is; else it is 0 for none."""
    vanishes = end is not sp.oo and end.is_zero is not False and sign(end, region) == 0
    return (sp.S.Zero if vanishes else end), vanishes


def _limit_of_largest(distance: sp.Expr, p: sp.Symbol, to: sp.Expr, side: str, region: Region) -> sp.Expr:
    """The limit of an expression that may be a Max or an absolute value: both are continuous."""
    if isinstance(distance, sp.Max):
        parts = [_limit_of_largest(a, p, to, side, region) for a in distance.args]
        return sp.oo if sp.oo in parts else sp.Max(*parts)
    if isinstance(distance, sp.Abs):
        return sp.Abs(limits.limit(distance.args[0], p, to, side, region))
    return limits.limit(distance, p, to, side, region)


def _distance(gap: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> tuple[sp.Expr, sp.Expr]:
    """``(sup |gap|, the piece it comes from)`` on an interval."""
    form = normal_form(gap, v, region)
    sizes: list[sp.Expr] = []
    worst = sp.S.Zero
    for piece in form.pieces:
        low = piece.lo if order(piece.lo, lo, region) >= 0 else lo
        high = piece.hi if order(piece.hi, hi, region) <= 0 else hi
        if order(low, high, region) >= 0:
            continue
        here, _ = largest_size(piece.expr, v, low, high, region)
        if here is sp.oo:
            return sp.oo, piece.expr
        if here != 0:
            worst = piece.expr
        sizes.append(here)
    for at, value in zip(form.breaks, form.values, strict=True):
        if order(at, lo, region) >= 0 and order(at, hi, region) <= 0:
            sizes.append(sp.Abs(value) if value.free_symbols else abs(value))
    distinct: list[sp.Expr] = []
    for one in sizes:
        if one != 0 and one not in distinct:
            distinct.append(one)
    if sp.nan in distinct:
        raise Undecided("the distance: the function is undefined somewhere on the way")
    return (sp.Max(*distinct) if distinct else sp.S.Zero), worst


def _on_bounded_sets(
    gap: sp.Expr, v: sp.Symbol, region: Region, ends: list[tuple[sp.Symbol, sp.Expr, str]]
) -> Convergence:
    """Whether sup |gap| over [-M, M] tends to 0 for every M (it is enough for large M)."""
    bound = sp.Symbol("M", positive=True)
    try:
        wider = region.with_symbol(bound, Domain(lo=sp.S.Zero))
        order_of_ends = [*ends, (bound, sp.oo, "-")]
        distance, _ = eventually(wider, order_of_ends, lambda r: _distance(gap, v, -bound, bound, r))
        symbol, to, side = ends[0]
        end = eventually(wider, order_of_ends, lambda r: _limit_of_largest(distance, symbol, to, side, r))
    except (Undecided, Fork, limits.NoLimit):
        return "unknown"
    if end == 0:
        return "uniform"
    return "pointwise" if not end.free_symbols and number_sign(end) != 0 else "unknown"


class KnownForms(Mapping[str, Form]):
    """Normal forms of the functions without parameters, each made when it is first asked for, to compare limits with.

    A function without a normal form is there by name and raises ``KeyError``.
    """

    def __init__(self, functions: Mapping[str, Activation]) -> None:
        self._functions = functions

    @cached_property
    def _alone(self) -> dict[str, Activation]:
        return {name: f for name, f in self._functions.items() if not f.parameters}

    def __getitem__(self, name: str) -> Form:
        try:
            return _form(self._alone[name])
        except (Undecided, Fork):
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._alone)

    def __len__(self) -> int:
        return len(self._alone)

    def like(self, expr: sp.Expr, v: sp.Symbol) -> Iterator[tuple[str, Form]]:
        """Those with nearly the values of an expression at a few points: only they can be the same function."""
        wanted = [_probe(expr, v, at) for at in _PROBES]
        for name, f in self._alone.items():
            if all(_close(_probe(f.expr, f.variable, at), value) for at, value in zip(_PROBES, wanted, strict=True)):
                with suppress(KeyError):
                    yield name, self[name]


@remembered(400)
def _form(f: Activation) -> Form:
    return replace(normal_form(f.expr, f.variable, Region()), source=f.expr)


_PROBES = (sp.Rational(-141, 100), sp.Rational(-31, 100), sp.Rational(27, 100), sp.Rational(157, 100))


def _probe(expr: sp.Expr, v: sp.Symbol, at: sp.Rational) -> complex | None:
    try:
        return complex(expr.subs(v, at).evalf(15))
    except (TypeError, ValueError, OverflowError):
        return None


def _close(a: complex | None, b: complex | None) -> bool:
    return a is None or b is None or not abs(a - b) > 1e-6 * (1 + abs(a))
