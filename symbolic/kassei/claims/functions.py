"""The functions that a statement speaks of, and what is known of them.

A function of the catalogue is known by its dossier where an earlier run has kept one. Otherwise, and for a formula in
the claim itself or a function at fixed parameters, only what the statement needs is found: a dossier takes up to 20
seconds (phish), its range a few hundredths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

import sympy as sp

from kassei.cache import find
from kassei.core.activation import Activation, Domain, Parameter
from kassei.core.analysis import REQUIREMENTS, decide
from kassei.core.dossier import Dossier, Facts
from kassei.core.effort import work
from kassei.core.expression import (
    BUILTINS,
    ExpressionError,
    names,
    parse_constant,
    parse_interval,
    parse_with_partial,
)
from kassei.core.pieces import Form
from kassei.core.prove import Finding, Subject
from kassei.core.region import Region, points_of
from kassei.core.verdict import Verdict
from kassei.library import facts

VARIABLE = sp.Symbol("v", real=True)
REALS = Domain()
POSITIVE = Domain(lo=sp.S.Zero)
USUAL = dict.fromkeys(("a", "p", "q", "r", "s"), REALS) | dict.fromkeys(("k", "c", "alpha"), POSITIVE)
"""What the parameters of a formula range over where the claim does not say."""


class StatementError(ValueError):
    """A formal statement that is not part of the language."""


@dataclass(frozen=True)
class Known:
    """A function and what can be asked of it: its dossier where one is kept, else each question by itself."""

    activation: Activation

    @cached_property
    def dossier(self) -> Dossier | None:
        """The whole analysis, if an earlier run kept it."""
        return find(self.activation) if self.activation.path else None

    def verdict(self, name: str) -> Verdict:
        """The verdict on a property or a requirement."""
        if self.dossier is None:
            return _verdict(self.activation, name)
        return self.dossier.requirements[name] if name in REQUIREMENTS else self.dossier.properties[name]

    @cached_property
    def facts(self) -> Facts:
        """Derivatives and limits."""
        return facts(self.activation) if self.dossier is None else self.dossier.facts

    @cached_property
    def region(self) -> Region:
        """The declared parameter domain."""
        return Region.of(self.activation.parameters)

    def evaluate(self, ask: Callable[[Form, Region], Any]) -> Any:
        """What is found on each normal form: one value, one for each part of the parameter domain, or None."""
        with work():
            subject = Subject(self.activation)
            found = subject.evaluate(lambda form, region: Finding(truth=True, value=ask(form, region)), "definition")
        return None if found.truth == "unknown" else found.value

    def holds(self, ask: Callable[[Form, Region], bool]) -> Verdict:
        """The verdict on a question that is put to each normal form."""
        with work():
            return Subject(self.activation).decide(lambda form, region: Finding(truth=ask(form, region)), "definition")


@cache
def _verdict(activation: Activation, name: str) -> Verdict:
    found: Verdict = decide(activation, wanted=(name,))[name]
    return found


def formula(text: str, domains: Mapping[str, str] = MappingProxyType({})) -> Activation:
    """A function given by a formula in ``v``; ``domains`` says what its other names range over."""
    ranges = {**USUAL, **{name: _domain(interval) for name, interval in domains.items()}}
    free = [n for n in names(text) if n != "v" and n not in BUILTINS]
    if unknown := [n for n in free if n not in ranges]:
        raise StatementError(f"{text!r} has the unknown name {unknown[0]!r}; say what it ranges over")
    parameters = tuple(
        Parameter(symbol=sp.Symbol(n, real=True), domain=ranges[n], default=next(points_of(ranges[n]))) for n in free
    )
    try:
        expr, partial = parse_with_partial(text, "v", free)
    except ExpressionError as problem:
        raise StatementError(str(problem)) from problem
    return Activation(name=text, variable=VARIABLE, source=text, expr=expr, parameters=parameters, partial=partial)


def at_parameters(f: Activation, given: Mapping[str, str]) -> Activation:
    """A function of the catalogue with some parameters fixed; ``default`` stands for the definition's own value."""
    known = {p.name: p for p in f.parameters}
    values = {}
    for name, text in given.items():
        if name not in known:
            raise StatementError(f"{f.name} has no parameter {name!r}")
        value = known[name].default if text == "default" else constant(text)
        if not known[name].domain.contains(value):
            raise StatementError(f"{name} = {text} lies outside of the domain of {f.name}")
        values[known[name].symbol] = value
    return Activation(
        name=f"{f.name}({', '.join(f'{n}={t}' for n, t in given.items())})",
        variable=f.variable,
        source=f.source,
        expr=f.expr.subs(values),
        parameters=tuple(p for p in f.parameters if p.name not in given),
        partial=tuple(part.subs(values) for part in f.partial),
    )


def together(f: Activation, g: Activation) -> tuple[sp.Expr, Region]:
    """The difference of two functions, and the region of the parameters of both.

    A name that both have is one parameter, and ranges over the first one's domain.
    """
    parameters = {p.name: p for p in (*g.parameters, *f.parameters)}
    gap = f.expr.subs(f.variable, VARIABLE) - g.expr.subs(g.variable, VARIABLE)
    return gap, Region.of(tuple(parameters.values()))


def constant(text: str) -> sp.Expr:
    """A real constant, or one of the infinities."""
    if text in ("oo", "-oo"):
        return sp.oo if text == "oo" else -sp.oo
    try:
        return parse_constant(text)
    except ExpressionError as problem:
        raise StatementError(f"{text!r} is not a constant: {problem}") from problem


def _domain(text: str) -> Domain:
    try:
        lo, hi, lo_closed, hi_closed = parse_interval(text)
    except ExpressionError as problem:
        raise StatementError(f"{text!r} is not an interval: {problem}") from problem
    return Domain(lo=lo, hi=hi, lo_closed=lo_closed, hi_closed=hi_closed)
