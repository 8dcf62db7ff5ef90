"""Formal statements of claims: a small language over the dossiers of the catalogue.

A statement is made of atoms joined by ``and``, ``or`` and ``not``:

* ``continuous(relu)`` and every other yes-or-no property of a dossier, ``R1(relu)`` … ``R3(relu)``;
* ``range(sigmoid) == "Interval.open(0, 1)"``; likewise ``lipschitz``, ``smoothness``, ``kinks``,
  ``unit_slope_set``, ``zero_slope_set``;
* ``limit(sigmoid, "oo") == "1"`` and ``slope_limit(sigmoid, "oo") == "0"``, at ``"oo"`` or ``"-oo"``;
* ``value(relu, "-1") == "0"``, ``left_slope(relu, "0")``, ``right_slope(relu, "0")``;
* ``becomes(exponential, "a", "-oo") == "relu"``, ``convergence(exponential, "a", "-oo") == "uniform"``,
  ``distance(exponential, "a", "-oo") == "exp(a)"``, ``bounded_convergence(…)``;
* ``same("tanh(v)", "2*sigmoid(2*v) - 1")``: two formulas are one function, for every parameter value; ``a`` is any
  real, other parameters are positive;
* ``derivative(exponential) == "…"``, ``param_derivative(exponential, "a") == "…"``: identity of functions;
* ``uses(sigmoid, "exp")``: whether the formula cannot be written without a function;
* ``procedure("name")``: a computation of :mod:`kassei.claims.procedures`.

Nothing is evaluated as Python: the syntax tree is walked and every name must be in a table.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import sympy as sp

from kassei.claims.truth import FALSE, TRUE, UNKNOWN, Truth, conjunction, disjunction, negation, when
from kassei.core.activation import Domain
from kassei.core.dossier import Dossier, ParamLimit
from kassei.core.enclose import Undecided
from kassei.core.expression import ExpressionError, names, parse
from kassei.core.pieces import is_zero, normal_form, value_at
from kassei.core.region import Fork, Region, condition_where, explore
from kassei.core.verdict import Verdict
from kassei.library import Catalogue, analyze, catalogue

PROPERTIES = (
    "continuous", "nondecreasing", "strictly_increasing", "not_affine", "unit_slope_positive", "convex", "concave",
    "odd", "even",
)  # fmt: skip
VALUES = ("range", "lipschitz", "smoothness", "kinks", "unit_slope_set", "zero_slope_set")


class StatementError(ValueError):
    """A formal statement that is not part of the language."""


class Judge:
    """Evaluates statements over a catalogue; every dossier is computed once. ``log`` collects what was found."""

    def __init__(self, functions: Catalogue = catalogue) -> None:
        self.functions = functions
        self.log: list[tuple[str, str]] = []
        self._dossiers: dict[str, Dossier] = {}

    def dossier(self, name: str) -> Dossier:
        """The dossier of a catalogue function."""
        if name not in self._dossiers:
            self._dossiers[name] = analyze(self.functions[name])
        return self._dossiers[name]

    def decide(self, statement: str) -> Truth:
        """The truth of a statement. Raises ``StatementError`` for anything outside the language."""
        try:
            tree = ast.parse(" ".join(statement.split()), mode="eval").body
        except SyntaxError as problem:
            raise StatementError(f"{statement!r} is not a statement: {problem.msg}") from problem
        return self._truth(tree)

    def _truth(self, node: ast.expr) -> Truth:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(v) for v in node.values]
            return conjunction(parts) if isinstance(node.op, ast.And) else disjunction(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return negation(self._truth(node.operand))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            found = self._compare(node.left, node.comparators[0])
            return found if isinstance(node.ops[0], ast.Eq) else negation(found)
        if isinstance(node, ast.Call):
            return self._atom(node)
        raise StatementError(f"{ast.unparse(node)!r} is not a statement")

    def _call(self, node: ast.expr) -> tuple[str, list[str]]:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
            raise StatementError(f"{ast.unparse(node)!r} is not an atom")
        arguments = []
        for a in node.args:
            if isinstance(a, ast.Name):
                arguments.append(a.id)
            elif isinstance(a, ast.Constant) and isinstance(a.value, str):
                arguments.append(a.value)
            else:
                raise StatementError(f"{ast.unparse(a)!r} is neither a name nor a text")
        return node.func.id, arguments

    def _atom(self, node: ast.Call) -> Truth:
        head, arguments = self._call(node)
        if head in PROPERTIES or head in ("R1", "R2", "R3"):
            d = self.dossier(arguments[0])
            v = d.requirements[head] if head in d.requirements else d.properties[head]
            self.log.append((ast.unparse(node), _told(v)))
            return _of_verdict(v)
        rules: Mapping[str, Callable[..., Truth]] = {
            "same": self._same,
            "uses": self._uses,
            "procedure": self._procedure,
        }
        if head not in rules:
            raise StatementError(f"{head!r} is not known")
        found = rules[head](*arguments)
        if head != "procedure":
            self.log.append((ast.unparse(node), str(found.holds)))
        return found

    def _compare(self, left: ast.expr, right: ast.expr) -> Truth:
        head, arguments = self._call(left)
        if not isinstance(right, ast.Constant) or not isinstance(right.value, str):
            raise StatementError(f"{ast.unparse(right)!r} must be a text")
        wanted = right.value
        if head in ("derivative", "param_derivative"):
            return self._derivative(ast.unparse(left), arguments, wanted)
        found = self._value(head, arguments)
        self.log.append((ast.unparse(left), "unknown" if found is None else _plain(found)))
        if found is None:
            return UNKNOWN
        if isinstance(found, list) and found and isinstance(found[0], dict):
            matching = [sp.sympify(row["when"], strict=True) for row in found if _equal(row["value"], wanted)]
            return when(sp.Or(*matching)) if matching else FALSE
        return TRUE if _equal(found, wanted) else FALSE

    def _value(self, head: str, arguments: list[str]) -> Any:
        d = self.dossier(arguments[0])
        if head in VALUES:
            return d.properties[head].value
        if head in ("limit", "slope_limit"):
            key = {"oo": "pos_inf", "-oo": "neg_inf"}[arguments[1]]
            return d.facts.limits[key if head == "limit" else f"slope_{key}"]
        if head == "value":
            f = d.activation
            return value_at(f.expr, f.variable, sp.Rational(arguments[1]), Region.of(f.parameters))
        if head in ("left_slope", "right_slope"):
            at = sp.Rational(arguments[1])
            joins = [j for _, js in d.facts.joins for j in js if j.at == at]
            return (joins[0].slope_left if head == "left_slope" else joins[0].slope_right) if joins else None
        one = self._param_limit(d, arguments[1], arguments[2])
        rules: Mapping[str, Callable[[ParamLimit], Any]] = {
            "becomes": lambda p: p.same_as or (f"{p.nearly} except" if p.nearly else p.equals),
            "convergence": lambda p: p.convergence,
            "bounded_convergence": lambda p: p.on_bounded_sets,
            "distance": lambda p: p.error,
        }
        if head not in rules:
            raise StatementError(f"{head!r} is not known")
        return rules[head](one)

    def _param_limit(self, d: Dossier, param: str, to: str) -> ParamLimit:
        for one in d.facts.param_limits:
            if one.param == param and one.to == to:
                return one
        raise StatementError(f"{d.activation.name} has no limit {param} -> {to}")

    def _derivative(self, shown: str, arguments: list[str], wanted: str) -> Truth:
        f = self.dossier(arguments[0]).activation
        facts = self.dossier(arguments[0]).facts
        found = facts.derivative if len(arguments) == 1 else facts.param_derivatives[arguments[1]]
        self.log.append((shown, str(found)))
        if found is None:
            return UNKNOWN
        target = parse(wanted, f.variable, tuple(p.symbol for p in f.parameters))
        return self._identical(found - target, f.variable, Region.of(f.parameters))

    def _same(self, left: str, right: str) -> Truth:
        known = dict.fromkeys([*names(left), *names(right)])
        v = sp.Symbol("v", real=True)
        params = [n for n in known if n not in ("v",) and n in ("a", "k", "c", "alpha", "p", "q", "r", "s")]
        try:
            gap = parse(left, "v", params) - parse(right, "v", params)
        except ExpressionError as problem:
            raise StatementError(str(problem)) from problem
        domains = tuple(
            (sp.Symbol(n, real=True), Domain() if n in ("a", "p", "q", "r", "s") else Domain(lo=sp.S.Zero))
            for n in params
        )
        region = Region(domains=domains, sample=tuple((s, sp.S.One) for s, _ in domains))
        return self._identical(gap, v, region)

    def _identical(self, gap: sp.Expr, v: sp.Symbol, region: Region) -> Truth:
        def ask(r: Region) -> bool | None:
            form = normal_form(gap, v, r)
            if not all(is_zero(p.expr, v, r) for p in form.pieces if p.expr is not sp.nan):
                return False
            return all(x is sp.nan or r.apply(x) == 0 or sp.simplify(x) == 0 for x in form.values)

        tree = explore(region, ask, lambda _: None)
        try:
            if condition_where(tree, lambda a: a is None) is not sp.false:
                return UNKNOWN
            return when(condition_where(tree, lambda a: a is True))
        except (Undecided, Fork):
            return UNKNOWN

    def _uses(self, name: str, function: str) -> Truth:
        """Whether exponentials remain in every form: no piece of the normal form is a rational function."""
        if function != "exp":
            raise StatementError("only uses(NAME, exp) is known")
        f = self.dossier(name).activation
        expressions = [p.expr for case in self.dossier(name).facts.cases for p in case.form.pieces]
        return TRUE if any(not e.is_rational_function(f.variable) for e in expressions) else FALSE

    def _procedure(self, name: str) -> Truth:
        from kassei.claims.procedures import PROCEDURES

        if name not in PROCEDURES:
            raise StatementError(f"there is no procedure {name!r}")
        truth, found = PROCEDURES[name]()
        self.log.extend((f"procedure({name!r})", text) for text in found)
        return truth

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The functions statements may speak of."""
        return tuple(self.functions)


def _of_verdict(v: Verdict) -> Truth:
    if v.truth == "conditional":
        return when(v.condition)
    return {"proved": TRUE, "refuted": FALSE, "unknown": UNKNOWN}[v.truth]


def _told(v: Verdict) -> str:
    out = str(v.truth)
    if v.condition is not None:
        out += f" exactly when {v.condition}"
    if v.witness:
        out += ", witness " + ", ".join(f"{k} = {x}" for k, x in v.witness.items())
    return out


def _plain(value: Any) -> str:
    if isinstance(value, dict) and "lo" in value:
        return f"between {value['lo']} and {value['hi']}"
    if isinstance(value, dict) and "points" in value:
        return "; ".join([*(_plain(p) for p in value["points"]), *map(str, value["intervals"])])
    return str(value)


def _equal(found: Any, wanted: str) -> bool:
    return str(found) == wanted
