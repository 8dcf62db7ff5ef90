"""Lowered expressions as source text. A printer raises on anything it was not taught."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp

from kassei.codegen import lower


class NoRuleError(ValueError):
    """A target cannot express a function; the message names both and the place where a rule belongs."""


@dataclass(frozen=True, kw_only=True)
class Printer:
    """How one target spells numbers, calls and comparisons.

    ``functions`` maps SymPy heads to names; ``literal`` writes a real constant so that it reads back unchanged in
    the target's type; ``both`` and ``either`` join two conditions.
    """

    target: str
    functions: Mapping[type[sp.Basic], str]
    literal: Callable[[sp.Expr], str]
    both: str
    either: str
    negate: str
    equal: str = "=="
    constants: Mapping[str, str] = field(default_factory=dict)

    def number(self, value: sp.Expr) -> str:
        """A real constant."""
        return self.literal(value)

    def expr(self, e: sp.Expr) -> str:
        """An expression, fully parenthesised where precedence could matter."""
        if e.is_number:
            return self.number(e)
        if e.is_Symbol:
            return str(e)
        if e.is_Add:
            return "(" + " + ".join(self.expr(a) for a in e.args).replace("+ -", "- ") + ")"
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, lower.raw_damped) or e.func in self.functions:
            return f"{self._name(e)}({', '.join(self.expr(a) for a in e.args)})"
        raise self._no_rule(e)

    def _name(self, e: sp.Expr) -> str:
        if e.func not in self.functions:
            raise self._no_rule(e)
        return self.functions[e.func]

    def _no_rule(self, e: sp.Expr) -> NoRuleError:
        where = f"codegen/targets/{self.target}.py"
        return NoRuleError(f"{self.target} has no rule for {e.func.__name__!r}; add it to `functions` in {where}")

    def _product(self, e: sp.Mul) -> str:
        top, bottom = [], []
        constant = sp.S.One
        for factor in e.args:
            if factor.is_number:
                constant *= factor
            elif (
                factor.is_Pow and factor.args[0] is not sp.E and factor.args[1].is_negative and factor.args[1].is_number
            ):
                bottom.append(self._power(factor.args[0], -factor.args[1]))
            else:
                top.append(self.expr(factor))
        if constant == -1 and top:
            top[0] = f"-{top[0]}"
        elif constant != 1 or not top:
            top.insert(0, self.number(constant))
        text = "*".join(top)
        for factor in bottom:
            text = f"{text}/{factor}"
        return f"({text})"

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        if base is sp.E:
            return f"{self.functions[sp.exp]}({self.expr(exponent)})"
        b = self.expr(base)
        if exponent.is_Integer and 1 <= exponent <= 8:
            return b if exponent == 1 else "(" + "*".join([b] * int(exponent)) + ")"
        if exponent.is_negative and exponent.is_number:
            return f"({self.number(sp.S.One)}/{self._power(base, -exponent)})"
        if exponent == sp.Rational(1, 2):
            return f"{self.functions[sp.sqrt]}({b})"
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= 9:
            return f"({self._power(base, sp.Integer(exponent.p // 2))}*{self.functions[sp.sqrt]}({b}))"
        return f"{self.functions[sp.Pow]}({b}, {self.expr(exponent)})"

    def condition(self, c: sp.Basic) -> str:
        """A Boolean in the parameters."""
        if c is sp.true or c is sp.false:
            return self.constants["true" if c is sp.true else "false"]
        if isinstance(c, sp.And | sp.Or):
            sign = self.both if isinstance(c, sp.And) else self.either
            return "(" + f" {sign} ".join(self.condition(a) for a in c.args) + ")"
        if isinstance(c, sp.Not):
            return f"{self.negate}{self.condition(c.args[0])}"
        signs = {
            sp.StrictLessThan: "<",
            sp.LessThan: "<=",
            sp.StrictGreaterThan: ">",
            sp.GreaterThan: ">=",
            sp.Eq: "==",
            sp.Ne: "!=",
        }
        for kind, sign in signs.items():
            if isinstance(c, kind):
                return f"({self.expr(c.lhs)} {sign} {self.expr(c.rhs)})"
        raise NoRuleError(f"{self.target} has no rule for the condition {c}")


def double(value: sp.Expr) -> str:
    """The shortest decimal that reads back as the nearest double."""
    return repr(float(sp.N(value, 40)))
