"""A definition as a user of some library would write it: its formula, call by call, with common parts named once.

This is the peers' side: no form is made stable here. What a library cannot express raises ``NotHere``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import sympy as sp

from kassei.bench.candidate import NotHere
from kassei.core.activation import Activation

SIGNS = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Eq: "==",
    sp.Ne: "!=",
}
ELEMENTARY = ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "asin", "acos")
ARC = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}


def decimal(value: sp.Expr) -> str:
    """An integer as it is, any other constant as the nearest double."""
    return f"({value})" if value.is_Integer and value < 0 else str(value) if value.is_Integer else f"({float(value)!r})"


@dataclass(frozen=True, kw_only=True)
class Language:
    """How a library spells calls. ``calls`` maps SymPy's names; ``where`` takes condition, then, else."""

    name: str
    calls: Mapping[str, str]
    where: str = "where({}, {}, {})"
    largest: Callable[[str, str, bool], str] = field(default=lambda x, y, _: f"maximum({x}, {y})")
    least: Callable[[str, str, bool], str] = field(default=lambda x, y, _: f"minimum({x}, {y})")
    literal: Callable[[sp.Expr], str] = decimal
    both: str = "&"
    either: str = "|"
    negate: str = "~"
    powers: bool = True

    def expr(self, e: sp.Basic) -> str:
        """An expression, in parentheses wherever precedence could matter."""
        if e.is_number:
            return self.literal(sp.sympify(e, strict=True))
        if e.is_Symbol:
            return str(e)
        if e.is_Add:
            return "(" + " + ".join(self.expr(a) for a in e.args) + ")"
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, sp.Piecewise):
            return self._switch(e)
        if isinstance(e, sp.Max | sp.Min):
            return self._extreme(e)
        return f"{self._call(e)}({', '.join(self.expr(a) for a in e.args)})"

    def _call(self, e: sp.Basic) -> str:
        name = e.func.__name__
        if name not in self.calls:
            raise NotHere(f"{self.name} has no {name}")
        return self.calls[name]

    def _product(self, e: sp.Expr) -> str:
        numbers, rest = [a for a in e.args if a.is_number], [a for a in e.args if not a.is_number]
        constant = sp.Mul(*numbers)
        top = [] if constant == 1 else [self.literal(constant)]
        bottom = []
        for a in rest:
            if a.is_Pow and a.exp.is_number and a.exp.is_negative:
                bottom.append(self._power(a.base, -a.exp))
            else:
                top.append(self.expr(a))
        return "(" + "/".join(["*".join(top) or self.literal(sp.S.One), *bottom]) + ")"

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        b = self.expr(base)
        if exponent == 1:
            return b
        if exponent == sp.Rational(1, 2):
            return f"{self.calls['sqrt']}({b})"
        if exponent.is_number and exponent.is_negative:
            return f"({self.literal(sp.S.One)}/{self._power(base, -exponent)})"
        if exponent.is_Integer and (exponent <= 3 or not self.powers):
            return "(" + "*".join([b] * int(exponent)) + ")"
        return f"({b}**{self.expr(exponent)})" if self.powers else f"{self.calls['Pow']}({b}, {self.expr(exponent)})"

    def _switch(self, e: sp.Piecewise) -> str:
        *first, (last, condition) = e.args
        if condition is not sp.true:
            raise NotHere("a formula that is not defined everywhere")
        text = self.expr(last)
        for value, condition in reversed(first):
            text = self.where.format(self.condition(condition), self.expr(value), text)
        return text

    def _extreme(self, e: sp.Max | sp.Min) -> str:
        join = self.largest if isinstance(e, sp.Max) else self.least
        parts = sorted(e.args, key=lambda a: (not a.is_number, sp.default_sort_key(a)))
        text = self.expr(parts[-1])
        for a in reversed(parts[:-1]):
            text = join(text, self.expr(a), bool(a.is_number))
        return text

    def condition(self, c: sp.Basic) -> str:
        """A comparison, or several."""
        if isinstance(c, sp.And | sp.Or):
            sign = self.both if isinstance(c, sp.And) else self.either
            return "(" + f" {sign} ".join(self.condition(a) for a in c.args) + ")"
        if isinstance(c, sp.Not):
            return f"({self.negate}{self.condition(c.args[0])})"
        for kind, sign in SIGNS.items():
            if isinstance(c, kind):
                return f"({self.expr(c.lhs)} {sign} {self.expr(c.rhs)})"
        raise NotHere(f"{self.name} has no {c}")


@dataclass(frozen=True)
class Spelled:
    """Named common parts, in order, and the result."""

    parts: tuple[tuple[str, str], ...]
    result: str

    def function(self, name: str, arguments: list[str]) -> str:
        """A Python function of that name."""
        lines = [f"    {part} = {text}" for part, text in self.parts]
        return "\n".join([f"def {name}({', '.join(arguments)}):", *lines, f"    return {self.result}", ""])


def spell(
    activation: Activation, language: Language, fixed: Mapping[sp.Symbol, sp.Rational] = MappingProxyType({})
) -> Spelled:
    """The definition in a language, common parts of it named and constants in their places."""
    parts, (result,) = sp.cse(activation.expr.subs(fixed), symbols=sp.numbered_symbols("part_"))
    constants: dict[sp.Symbol, sp.Expr] = {}
    named = []
    for symbol, part in parts:
        if (known := part.subs(constants)).is_number:
            constants[symbol] = known
        else:
            named.append((str(symbol), language.expr(known)))
    return Spelled(tuple(named), language.expr(result.subs(constants)))
