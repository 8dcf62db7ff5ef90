"""Values of functions that statements compare, and how they are compared.

A value is a number (an expression in the parameters, or an enclosure), a text such as ``uniform``, a list of cases
``{"when", "value"}``, other plain data of a dossier, or None where it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from kassei.claims.functions import Known, StatementError, constant
from kassei.claims.quantities import Enclosed, Number, compare
from kassei.claims.spelling import spelled
from kassei.claims.truth import FALSE, TRUE, UNKNOWN, Truth, conjunction, negation, when
from kassei.core.activation import Activation
from kassei.core.dossier import ParamLimit
from kassei.core.enclose import Undecided, number_sign
from kassei.core.expression import MAX_DIGITS, ExpressionError, parse
from kassei.core.pieces import Form, check_partial, normal_form, slope_of, value_at
from kassei.core.prove import edges, side_limit
from kassei.core.region import Region
from kassei.core.signs import chart, order

VALUES = (
    "range", "lipschitz", "slope_lipschitz", "smoothness", "kinks", "zeros", "unit_slope_set", "zero_slope_set",
)  # fmt: skip
ENDS = {"oo": "pos_inf", "-oo": "neg_inf"}
PARTS = {
    "mean": ("gaussian_moments", "mean"),
    "gain": ("gaussian_moments", "gain"),
    "slope_gain": ("slope_gaussian_moments", "gain"),
}
ORDERS = {"value": 0, "slope": 1, "bend": 2}
"""How often f is differentiated."""
SIDES = {"left": "-", "right": "+"}
DISCONTINUOUS = sp.Integer(-1)
"""What stands for it where smoothness is compared with an order."""

Value = Any
"""A number, a text, a list of cases ``{"when", "value"}``, plain data of a dossier, or None for unknown."""


# --- comparisons ------------------------------------------------------------------------------------------------------


def compared(known: Value, way: str, wanted: Value, region: Region) -> Truth:
    """A comparison on each part of the parameter domain on which a value is given."""
    if any(x is None or x == "unknown" or (isinstance(x, Mapping) and "at" in x) for x in (known, wanted)):
        return UNKNOWN  # "at": an enclosure at the defaults says nothing of other parameters
    if has_cases(known):
        found = [(sp.sympify(row["when"], strict=True), compared(row["value"], way, wanted, region)) for row in known]
        if any(truth.holds is None for _, truth in found):
            return UNKNOWN
        return when(sp.Or(*(sp.And(here, _condition(truth)) for here, truth in found)))
    if way == "!=":
        return negation(compared(known, "==", wanted, region))
    if way == "==" and str(known) == str(wanted):
        return TRUE
    try:
        a, b = number(known, region), number(wanted, region)
        if a is not None and b is not None:
            return compare(a, way, b, region)
        if way != "==":
            return UNKNOWN
        return _same_set(_set(known, region), _set(wanted, region), region)
    except Undecided:
        return UNKNOWN


def _condition(truth: Truth) -> Any:
    return truth.condition if truth.conditional else sp.true if truth.holds else sp.false


def has_cases(value: Value) -> bool:
    """Whether a value is given separately for parts of the parameter domain."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "when" in value[0]


Ends = tuple[Number, Number, bool, bool]
"""An interval: its ends and whether they belong to it."""


def _set(value: Value, region: Region) -> Ends | sp.Set | None:
    """The set that a dossier's value or a text means; None where it is none."""
    if isinstance(value, Mapping) and "inf_attained" in value:
        low, high = (number(value[key], region) for key in ("inf", "sup"))
        if low is None or high is None:
            raise Undecided("an end of a set that depends on the parameters")
        return low, high, value["inf_attained"], value["sup_attained"]
    if not isinstance(value, str) or not value.startswith(_SETS):
        return None
    found = spelled(value, (s for s, _ in region.domains))
    if isinstance(found, sp.Interval):
        return found.start, found.end, not found.left_open, not found.right_open
    return found if isinstance(found, sp.Set) else None


_SETS = ("Interval", "Union", "EmptySet", "{")


def _same_set(a: Ends | sp.Set | None, b: Ends | sp.Set | None, region: Region) -> Truth:
    """Whether two sets are one; what is no set is not the same as anything else."""
    if not isinstance(a, tuple) or not isinstance(b, tuple):
        return TRUE if a is not None and a == b else FALSE
    if a[2:] != b[2:]:
        return FALSE
    return conjunction(compare(x, "==", y, region) for x, y in zip(a[:2], b[:2], strict=True))


def number(value: Value, region: Region) -> Number | None:
    """The number that a dossier's value or a text means; None where it is none."""
    if isinstance(value, sp.Expr | Enclosed):
        return value
    if isinstance(value, Mapping) and "lo" in value and "at" not in value:
        return Enclosed(sp.Rational(value["lo"]), sp.Rational(value["hi"]))
    if not isinstance(value, str):
        return None
    if value in ("oo", "-oo", "discontinuous"):
        return {"oo": sp.oo, "-oo": -sp.oo, "discontinuous": DISCONTINUOUS}[value]
    if value.startswith((*_SETS, "[")) or value in _WORDS:
        return None
    try:
        return parse(value, "v", [s for s, _ in region.domains])
    except ExpressionError:
        symbols = [s for s, _ in region.domains]
        found = spelled(value, symbols) if len(value) > MAX_DIGITS else None  # longer than one may write
        return found if isinstance(found, sp.Expr) else None


_WORDS = ("none", "unknown", "uniform", "pointwise", "soft", "hard")


def joined(a: Region, b: Region) -> Region:
    """The parameters of two regions; a name that both have ranges over the first one's domain."""
    known = dict(a.domains)
    more = [(s, d) for s, d in b.domains if s not in known]
    sample = dict(b.sample) | dict(a.sample)
    return Region(domains=(*a.domains, *more), sample=tuple(sample.items()))


# --- of functions -----------------------------------------------------------------------------------------------------


def _moment(head: str, f: Known) -> Value:
    name, part = PARTS[head]
    return _part(f.verdict(name).value, part)


def _part(value: Value, *path: str) -> Value:
    """One entry of a value that is a table, in each of its cases."""
    if value is None:
        return None
    if has_cases(value):
        return [{**row, "value": _part(row["value"], *path)} for row in value]
    for name in path:
        value = value[name]
    return value


def _limit(head: str, f: Known, end: str) -> Value:
    key = ENDS[end]
    return f.facts.limits[key if head == "limit" else f"slope_{key}"]


def _param_limit(head: str, f: Known, param: str, to: str) -> Value:
    rules: Mapping[str, Callable[[ParamLimit], Any]] = {
        "becomes": lambda p: p.same_as or (f"{p.nearly} except" if p.nearly else p.equals),
        "convergence": lambda p: p.convergence,
        "bounded_convergence": lambda p: p.on_bounded_sets,
        "distance": lambda p: p.error,
    }
    for one in f.facts.param_limits:
        if one.param == param and one.to == to:
            return rules[head](one)
    raise StatementError(f"{f.activation.name} has no limit {param} -> {to}")


def _extreme(head: str, f: Known) -> Value:
    """An end of the range that is attained."""
    value = f.verdict("range").value
    if has_cases(value):
        return [{**row, "value": _end(head, row["value"], f)} for row in value]
    return _end(head, value, f)


def _end(head: str, value: Value, f: Known) -> Value:
    key = "inf" if head == "minimum" else "sup"
    if isinstance(value, Mapping):
        return value[key] if value[f"{key}_attained"] else "none"
    if value is None:
        return None
    found = spelled(value, (p.symbol for p in f.activation.parameters))
    end = found.inf if key == "inf" else found.sup
    attained = not (found.left_open if key == "inf" else found.right_open) if found.is_Interval else end in found
    return end if attained and end not in (sp.oo, -sp.oo) else "none"


def _argmin(f: Known) -> Value:
    """Where a function without parameters is least: the one point, of those without a slope or with slope 0."""
    if f.activation.parameters or _extreme("minimum", f) in (None, "none"):
        return None
    v = f.activation.variable
    form = normal_form(f.activation.expr, v, Region())
    known: list[tuple[sp.Expr | None, sp.Expr]] = list(zip(form.breaks, form.values, strict=True))
    for piece in form.pieces:
        flat = chart(slope_of(piece, v), v, piece.lo, piece.hi, Region())
        if 0 in flat.signs:
            known.append((None, piece.expr))  # it is constant, and least at no single point
        else:
            known += [(x, piece.expr.subs(v, x)) for x in flat.points]
    for k, (x, y) in enumerate(known):
        if all(n == k or number_sign(y - other) < 0 for n, (_, other) in enumerate(known)):
            return x
    return None


def _local(head: str, f: Known, at: str) -> Value:
    """A value, slope or second derivative at a point, from one side or from both."""
    side, _, what = head.rpartition("_")
    point = constant(at)
    if not side and what == "value":
        here = f.activation
        check_partial(here.expr, here.partial, here.variable, f.region)
        return value_at(here.expr, here.variable, point, f.region)

    def ask(form: Form, region: Region) -> Any:
        ends = {
            way: side_limit(
                slope_of(_beside(form, point, way, region), form.variable, ORDERS[what]),
                form.variable,
                point,
                way,
                region,
            )
            for way in ("-", "+")
        }
        if side:
            found = ends[SIDES[side]]
            return "none" if found is None else found
        if None in ends.values() or not _meets(form, point, region, ORDERS[what]):
            return "none"
        return ends["+"] if order(ends["-"], ends["+"], region) == 0 else "none"

    return f.evaluate(ask)


def _beside(form: Form, at: sp.Expr, way: str, region: Region) -> Any:
    """The piece on one side of a point."""
    for piece in form.pieces:
        s = order(piece.hi, at, region)
        if s > 0 or (s == 0 and way == "-"):
            return piece
    raise Undecided(f"the piece beside {at}")


def _meets(form: Form, at: sp.Expr, region: Region, times: int) -> bool:
    """Whether f and its derivatives below an order are continuous at a point."""
    for k, where in enumerate(form.breaks):
        if order(where, at, region) != 0:
            continue
        edge = edges(form, region)[k]
        if not edge.continuous(region):
            return False
        for n in range(1, times):
            v = form.variable
            left, right = (side_limit(slope_of(form.pieces[k + i], v, n), v, at, "-+"[i], region) for i in (0, 1))
            if left is None or right is None or order(left, right, region) != 0:
                return False
    return True


def _at_break(f: Known, at: str) -> Value:
    """By how much a function jumps at a point."""
    point = constant(at)

    def ask(form: Form, region: Region) -> Any:
        for edge in edges(form, region):
            if order(edge.at, point, region) == 0:
                return _difference(edge.right, edge.left)
        return sp.S.Zero

    return f.evaluate(ask)


def _difference(a: sp.Expr | None, b: sp.Expr | None) -> Any:
    if a is None or b is None or {a, b} & {sp.oo, -sp.oo, sp.nan}:
        return "none"
    return sp.simplify(a - b)


def _subgradients(value: Value, at: str) -> Value:
    if value is None or has_cases(value):
        return None
    return next((row["interval"] for row in value if row["at"] == at), "none")


def _shipped(f: Activation, framework: str, what: str) -> Value:
    """What a definition records of a framework: a default parameter, the slope at its kink, or a value at an edge."""
    for one in f.frameworks:
        if one.name == framework:
            if what in one.parameters:
                return one.parameters[what]
            if what == "kink":
                return next((slope for at, slope in one.kink if at == ""), None)
            return getattr(one, what, None) or None
    raise StatementError(f"{f.name} records nothing of {framework}")


LOCAL = (*ORDERS, *(f"{side}_{what}" for side in SIDES for what in ORDERS))
RULES: Mapping[str, Callable[..., Value]] = {
    **dict.fromkeys(VALUES, lambda head, f: f.verdict(head).value),
    **dict.fromkeys(PARTS, _moment),
    **dict.fromkeys(LOCAL, _local),
    **dict.fromkeys(("minimum", "maximum"), _extreme),
    **dict.fromkeys(("limit", "slope_limit"), _limit),
    **dict.fromkeys(("becomes", "convergence", "bounded_convergence", "distance"), _param_limit),
    "argmin": lambda _, f: _argmin(f),
    "jump": lambda _, f, at: _at_break(f, at),
    "saturation": lambda _, f, end: _part(f.verdict("saturation").value, ENDS[end], "kind"),
    "asymptote": lambda _, f, end: _part(f.verdict("asymptotes").value, ENDS[end]),
    "subgradients": lambda _, f, at: _subgradients(f.verdict("subgradients").value, at),
    "shipped": lambda _, f, framework, what: _shipped(f.activation, framework, what),
}
"""The values a statement may ask of a function: each takes its own name, the function and the texts that follow."""
