"""Formal statements of claims: a small language over the dossiers of the catalogue.

A statement is made of atoms joined by ``and``, ``or`` and ``not``. A function in it is a name of the catalogue
(``relu``, for all its parameters), that name with parameters fixed (``elu(alpha="1")``, ``selu(lam="default",
alpha="default")``), a formula in ``v`` (``"v**2"``; in it ``a``, ``p``, ``q``, ``r`` and ``s`` are any reals, and
``k``, ``c`` and ``alpha`` are positive) or ``formula("v*sigmoid(b*v)", b="[0, oo)")``.

Atoms:

* ``continuous(relu)`` and every other yes-or-no property of a dossier, ``R1(relu)`` … ``R3(relu)``;
* ``same(relu, "Max(0, v)")``: one function, for every parameter value; ``above(softplus, relu)``: the first is larger
  everywhere; ``piecewise_linear(hardtanh)``;
* ``derivative(exponential) == "…"``, ``param_derivative(exponential, "a") == "…"``: identity of functions;
* ``uses(sigmoid, exp)``: whether the formula cannot be written without a function;
* ``exactly(R2(prelu), "Ne(a, 1)")``: the parameters for which a statement is true are those;
* ``procedure("name")``: a computation of :mod:`kassei.claims.procedures`;
* comparisons ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` of a value with a text, with another value, or with
  ``about("1.0998")``, which is whatever rounds to that decimal.

Values:

* ``range(sigmoid)``, ``lipschitz``, ``slope_lipschitz``, ``smoothness``, ``kinks``, ``zeros``, ``unit_slope_set``,
  ``zero_slope_set``; ``minimum(silu)`` and ``maximum``, ``none`` where it is not attained, and ``argmin(silu)``;
* ``limit(sigmoid, "oo")`` and ``slope_limit(sigmoid, "oo")``, at ``"oo"`` or ``"-oo"``; ``saturation(elu, "-oo")`` is
  ``none``, ``soft`` or ``hard``; ``asymptote(gelu, "oo")``;
* ``value(relu, "-1")``, ``slope`` and ``bend`` (the second derivative), ``none`` where there is none; each of them from
  one side, as in ``left_slope(relu, "0")`` and ``right_value(step, "0")``; ``jump(step, "0")``;
  ``subgradients(relu, "0")``;
* ``mean(gelu)``, ``gain(gelu)`` and ``slope_gain(gelu)`` under N(0, 1);
* ``becomes(exponential, "a", "-oo")``, ``convergence(…)``, ``distance(…)``, ``bounded_convergence(…)``;
* ``largest_gap(gelu, gelu_tanh)``, the supremum of the size of the difference;
* ``shipped(relu, "PyTorch", "kink")``: what a definition records of a framework;
* ``float32(VALUE)``, rounded to the nearest binary32 number, ``flushed(VALUE)`` with subnormal results made 0;
  ``size(VALUE)``; sums, differences, products and quotients of values.

Nothing is evaluated as Python: the syntax tree is walked and every name must be in a table.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import sympy as sp

from kassei.claims.distance import largest_gap
from kassei.claims.functions import (
    VARIABLE,
    Known,
    StatementError,
    at_parameters,
    constant,
    formula,
    together,
)
from kassei.claims.quantities import Number, about, combine, float32, size, told
from kassei.claims.spelling import spelled
from kassei.claims.truth import FALSE, TRUE, UNKNOWN, Truth, conjunction, disjunction, negation, when
from kassei.claims.values import RULES, Value, compared, joined, number
from kassei.core.analysis import REQUIREMENTS
from kassei.core.effort import work
from kassei.core.enclose import Undecided
from kassei.core.expression import parse
from kassei.core.pieces import Form, check_partial, is_zero, normal_form, slope_of
from kassei.core.region import Fork, Region, condition_where, explore
from kassei.core.signs import chart, sign
from kassei.core.verdict import Verdict
from kassei.library import Catalogue, catalogue

PROPERTIES = (
    "continuous", "nondecreasing", "strictly_increasing", "not_affine", "unit_slope_positive", "convex", "concave",
    "odd", "even", "odd_part_half", "not_polynomial",
)  # fmt: skip


class Judge:
    """Evaluates statements over a catalogue; nothing is found twice. ``log`` collects what was found."""

    def __init__(self, functions: Catalogue = catalogue) -> None:
        self.functions = functions
        self.log: list[tuple[str, str]] = []
        self._known: dict[str, Known] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The functions statements may speak of by name."""
        return tuple(self.functions)

    def decide(self, statement: str) -> Truth:
        """The truth of a statement. Raises ``StatementError`` for anything outside the language."""
        try:
            tree = ast.parse(" ".join(statement.split()), mode="eval").body
        except SyntaxError as problem:
            raise StatementError(f"{statement!r} is not a statement: {problem.msg}") from problem
        return self._truth(tree)

    # --- statements -------------------------------------------------------------------------------------------------

    def _truth(self, node: ast.expr) -> Truth:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(v) for v in node.values]
            return conjunction(parts) if isinstance(node.op, ast.And) else disjunction(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return negation(self._truth(node.operand))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            return self._compare(node.left, _COMPARISONS[type(node.ops[0])], node.comparators[0])
        if isinstance(node, ast.Call):
            return self._atom(node)
        raise StatementError(f"{ast.unparse(node)!r} is not a statement")

    def _atom(self, node: ast.Call) -> Truth:
        head = _head(node)
        if head in PROPERTIES or head in REQUIREMENTS:
            v = self._function(*_arguments(node, 1)).verdict(head)
            self.log.append((ast.unparse(node), _told(v)))
            return _of_verdict(v)
        if head == "exactly":
            statement, condition = _arguments(node, 2)
            return _exactly(self._truth(statement), _text(condition))
        if head == "procedure":
            return self._procedure(_text(*_arguments(node, 1)))
        rules: Mapping[str, Callable[[ast.Call], Truth]] = {
            "same": lambda n: _same(*map(self._function, _arguments(n, 2))),
            "above": lambda n: _above(*map(self._function, _arguments(n, 2))),
            "piecewise_linear": lambda n: _piecewise_linear(self._function(*_arguments(n, 1))),
            "uses": self._uses,
        }
        if head not in rules:
            raise StatementError(f"{head!r} is not known")
        found = rules[head](node)
        self.log.append((ast.unparse(node), _shown(found)))
        return found

    def _function(self, node: ast.expr) -> Known:
        """The function that a name, a formula, or a name with parameters stands for."""
        key = ast.unparse(node)
        if key not in self._known:
            self._known[key] = self._find(node)
        return self._known[key]

    def _find(self, node: ast.expr) -> Known:
        if isinstance(node, ast.Name):
            if node.id not in self.functions:
                raise StatementError(f"{node.id!r} is not in the catalogue")
            return Known(self.functions[node.id])
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return Known(formula(node.value))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.keywords:
            given = {str(k.arg): _text(k.value) for k in node.keywords}
            if node.func.id == "formula" and len(node.args) == 1:
                return Known(formula(_text(node.args[0]), given))
            if node.func.id in self.functions and not node.args:
                return Known(at_parameters(self.functions[node.func.id], given))
        raise StatementError(f"{ast.unparse(node)!r} is not a function")

    def _uses(self, node: ast.Call) -> Truth:
        """Whether exponentials remain in every form: no piece of the normal form is a rational function."""
        name, function = _arguments(node, 2)
        if ast.unparse(function).strip("'") != "exp":
            raise StatementError("only uses(NAME, exp) is known")
        f = self._function(name)
        expressions = [p.expr for case in f.facts.cases for p in case.form.pieces]
        return TRUE if any(not e.is_rational_function(f.activation.variable) for e in expressions) else FALSE

    def _procedure(self, name: str) -> Truth:
        from kassei.claims.procedures import PROCEDURES

        if name not in PROCEDURES:
            raise StatementError(f"there is no procedure {name!r}")
        truth, found = PROCEDURES[name]()
        self.log.extend((f"procedure({name!r})", text) for text in found)
        return truth

    # --- comparisons ------------------------------------------------------------------------------------------------

    def _compare(self, left: ast.expr, way: str, right: ast.expr) -> Truth:
        if isinstance(left, ast.Call) and _head(left) in ("derivative", "param_derivative"):
            found = self._derivative(left, _text(right))
            return negation(found) if way == "!=" else found
        known = self._value(left)
        region = self._region(left)
        self._note(left, known)
        if isinstance(right, ast.Call) and _head(right) == "about":
            low, high = about(_text(*_arguments(right, 1)))
            inside = [compared(known, w, end, region) for w, end in ((">=", low), ("<=", high))]
            if way not in ("==", "!="):
                raise StatementError("about(…) is compared by == or !=")
            return conjunction(inside) if way == "==" else negation(conjunction(inside))
        wanted: Value
        if isinstance(right, ast.Constant) and isinstance(right.value, str):
            wanted = right.value
        elif isinstance(right, ast.Call | ast.BinOp):
            wanted = self._value(right)
            self._note(right, wanted)
            region = joined(region, self._region(right))
        else:
            raise StatementError(f"{ast.unparse(right)!r} must be a text or a value")
        return compared(known, way, wanted, region)

    def _note(self, node: ast.expr, found: Value) -> None:
        exact = number(found, self._region(node)) if isinstance(found, str) else None
        self.log.append((ast.unparse(node), "unknown" if found is None else _plain(found if exact is None else exact)))

    def _region(self, node: ast.expr) -> Region:
        """The parameters of every function that a value names."""
        if isinstance(node, ast.BinOp):
            return joined(self._region(node.left), self._region(node.right))
        if not isinstance(node, ast.Call) or not node.args:
            return Region()
        if _head(node) in ("float32", "flushed", "size"):
            return self._region(node.args[0])
        if _head(node) == "largest_gap":
            return together(*(self._function(a).activation for a in node.args))[1]
        return self._function(node.args[0]).region

    def _derivative(self, node: ast.Call, wanted: str) -> Truth:
        known = self._function(node.args[0])
        f, facts = known.activation, known.facts
        by = [_text(a) for a in node.args[1:]]
        found = facts.derivative if not by else facts.param_derivatives[by[0]]
        self.log.append((ast.unparse(node), str(found)))
        if found is None:
            return UNKNOWN
        target = parse(wanted, f.variable, tuple(p.symbol for p in f.parameters))
        return _identical(found - target, f.variable, known.region)

    # --- values -----------------------------------------------------------------------------------------------------

    def _value(self, node: ast.expr) -> Value:
        try:
            return self._evaluated(node)
        except (Undecided, Fork):
            return None

    def _evaluated(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return constant(node.value)
        if isinstance(node, ast.BinOp) and type(node.op) in (ast.Add, ast.Sub, ast.Mult, ast.Div):
            return combine(type(node.op), self._number(node.left), self._number(node.right))
        if not isinstance(node, ast.Call):
            raise StatementError(f"{ast.unparse(node)!r} is not a value")
        head = _head(node)
        if head in ("float32", "flushed"):
            return float32(self._number(*_arguments(node, 1)), flush=head == "flushed")
        if head == "size":
            return size(self._number(*_arguments(node, 1)))
        if head == "largest_gap":
            with work():
                gap, region = together(*(self._function(a).activation for a in _arguments(node, 2)))
                return largest_gap(gap, VARIABLE, region)
        if not node.args or head not in RULES:
            raise StatementError(f"{head!r} is not known")
        first, *rest = node.args
        return RULES[head](head, self._function(first), *map(_text, rest))

    def _number(self, node: ast.expr) -> Number:
        found = number(self._value(node), self._region(node))
        if found is None:
            raise Undecided(f"the number {ast.unparse(node)}")
        return found


# --- reading ----------------------------------------------------------------------------------------------------------

_COMPARISONS: dict[type, str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


def _head(node: ast.Call) -> str:
    if not isinstance(node.func, ast.Name):
        raise StatementError(f"{ast.unparse(node)!r} is not an atom")
    return node.func.id


def _arguments(node: ast.Call, count: int) -> list[ast.expr]:
    if len(node.args) != count or node.keywords:
        raise StatementError(f"{ast.unparse(node)!r} has other arguments than {_head(node)} takes")
    return node.args


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise StatementError(f"{ast.unparse(node)!r} is neither a name nor a text")


# --- truths -----------------------------------------------------------------------------------------------------------


def _of_verdict(v: Verdict) -> Truth:
    if v.truth == "conditional":
        return when(v.condition)
    return {"proved": TRUE, "refuted": FALSE, "unknown": UNKNOWN}[v.truth]


def _everywhere(region: Region, ask: Callable[[Region], bool | None]) -> Truth:
    """A question put to a region: true exactly where it is answered by yes."""
    with work():
        tree = explore(region, ask, lambda _: None)
    try:
        if condition_where(tree, lambda a: a is None) is not sp.false:
            return UNKNOWN
        return when(condition_where(tree, lambda a: a is True))
    except (Undecided, Fork):
        return UNKNOWN


def _identical(gap: sp.Expr, v: sp.Symbol, region: Region) -> Truth:
    return _everywhere(region, lambda r: _vanishes(normal_form(gap, v, r), r))


def _vanishes(form: Form, region: Region) -> bool:
    if not form.total:
        raise Undecided("a difference that is undefined somewhere")
    if not all(is_zero(p.expr, form.variable, region) for p in form.pieces):
        return False
    return all(region.apply(x) == 0 or sp.simplify(x) == 0 for x in form.values)


def _gap(f: Known, g: Known) -> tuple[Region, Callable[[Region], Form]]:
    """The difference of two functions as a normal form; ``Undecided`` where one of them is undefined somewhere."""
    gap, region = together(f.activation, g.activation)

    def form(r: Region) -> Form:
        for one in (f.activation, g.activation):
            check_partial(one.expr, one.partial, one.variable, r)
        return normal_form(gap, VARIABLE, r)

    return region, form


def _same(f: Known, g: Known) -> Truth:
    region, form = _gap(f, g)
    return _everywhere(region, lambda r: _vanishes(form(r), r))


def _above(f: Known, g: Known) -> Truth:
    region, form = _gap(f, g)

    def ask(r: Region) -> bool:
        found = form(r)
        if not found.total:
            raise Undecided("a difference that is undefined somewhere")
        inside = (chart(p.expr, VARIABLE, p.lo, p.hi, r) for p in found.pieces)
        return all(sign(x, r) > 0 for x in found.values) and all(set(c.signs) == {1} and not c.points for c in inside)

    return _everywhere(region, ask)


def _piecewise_linear(f: Known) -> Truth:
    def ask(form: Form, region: Region) -> bool:
        v = form.variable
        return form.total and all(is_zero(slope_of(p, v, 2), v, region) for p in form.pieces)

    return _of_verdict(f.holds(ask))


def _exactly(found: Truth, condition: str) -> Truth:
    """Whether a statement is true for the parameters that satisfy a condition, and for no others."""
    if found.condition is None:
        return UNKNOWN
    wanted = spelled(condition, found.condition.free_symbols)
    if wanted == found.condition:
        return TRUE
    if wanted.free_symbols == found.condition.free_symbols and len(wanted.free_symbols) == 1:
        return TRUE if wanted.as_set() == found.condition.as_set() else UNKNOWN
    return UNKNOWN


# --- evidence ---------------------------------------------------------------------------------------------------------


def _told(v: Verdict) -> str:
    out = str(v.truth)
    if v.condition is not None:
        out += f" exactly when {v.condition}"
    if v.witness:
        out += ", witness " + ", ".join(f"{k} = {x}" for k, x in v.witness.items())
    return out


def _shown(found: Truth) -> str:
    return f"exactly when {found.condition}" if found.conditional else str(found.holds)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping) and "lo" in value:
        return f"between {value['lo']} and {value['hi']}"
    if isinstance(value, Mapping) and "points" in value:
        return "; ".join([*(_plain(p) for p in value["points"]), *map(str, value["intervals"])])
    return told(value)
