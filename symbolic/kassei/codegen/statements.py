"""A program as Python statements on arrays, laid out as ``ruff format`` lays them out at any line length from 88 on.

A formatter joins what fits into a line and breaks what does not, so text is stable under every setting only if it
needs neither: each statement here fits into 88 columns by itself, and what is longer is cut into named steps. Sums are
cut from the left, so the order of operations, and with it every bit of the result, is that of the uncut expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from kassei.codegen import lower
from kassei.codegen.printer import NoRuleError, negated, negative, parted
from kassei.codegen.program import Case, Choice, Program

COLUMNS = 88
_LONG = 44
"""A term of this length becomes a step of its own, so that two of them and their operator fit into a line."""
_SUM, _PRODUCT, _SIGN, _ATOM = range(4)
_COMPARED: Mapping[type[sp.Basic], str] = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Eq: "==",
    sp.Ne: "!=",
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one target spells what statements need.

    ``functions`` maps SymPy heads to names, or to calls with ``{}`` for the argument; ``literal`` writes a number;
    ``where``, ``isnan`` and ``inf`` are the array library's; ``constant`` rounds a host constant, given by name, to the
    working type, and ``positive`` keeps one above 0 that is to stay there.
    """

    target: str
    functions: Mapping[type[sp.Basic], str]
    literal: Callable[[sp.Expr], str]
    where: str
    isnan: str
    inf: str
    constant: str
    positive: str = "{}"


def statements(program: Program, dialect: Dialect, *, indent: int) -> list[str]:
    """Assignments that leave each quantity in ``r0``, ``r1``, … in the program's order.

    The input and the parameters are read under their inner names; parameters in float64. Raises ``NoRuleError`` for
    a function that the dialect was not taught.
    """
    return _Writer(dialect, COLUMNS - indent).program(program)


def constant_statements(program: Program, dialect: Dialect, *, indent: int) -> list[str]:
    """The assignments of the constants alone."""
    return _Writer(dialect, COLUMNS - indent).constants(program)


def condition_statements(condition: sp.Basic, name: str, dialect: Dialect, *, indent: int) -> list[str]:
    """Assignments that leave a condition in the parameters in ``name``."""
    return _Writer(dialect, COLUMNS - indent).condition(condition, name)


class _Writer:
    """Collects statements while expressions are printed."""

    def __init__(self, dialect: Dialect, columns: int) -> None:
        self.dialect = dialect
        self.columns = columns
        self.lines: list[str] = []
        self.known: dict[str, str] = {}
        self.count = 0
        self.chosen: list[str] = []

    def program(self, program: Program) -> list[str]:
        """Constants, then the cases, then the choice among the cases."""
        self.constants(program)
        results = self._cases(program)
        for j in range(len(program.quantities)):
            name = results[-1][j]
            for chosen, row in zip(reversed(self.chosen), reversed(results[:-1]), strict=True):
                name = self._step(f"{self.dialect.where}({chosen}, {row[j]}, {name})")
            self._assign(f"r{j}", name)
        return self.lines

    def constants(self, program: Program) -> list[str]:
        """The constants, each under its symbol's name."""
        for constant in program.constants:
            text = self._selected(constant.options)
            name = text if text.isidentifier() else self._step(text)
            rounded = self.dialect.constant.format(name)
            if constant.positive:
                rounded = self.dialect.positive.format(rounded)
            self._assign(str(constant.symbol), rounded)
        return self.lines

    def condition(self, condition: sp.Basic, name: str) -> list[str]:
        """A condition under a name."""
        self._assign(name, self._logic(condition))
        return self.lines

    def _cases(self, program: Program) -> list[list[str]]:
        """The quantities of each case. An input that belongs to another case is 0 there, away from that case's poles.

        Values would be selected anyway; what it saves are derivatives of unselected poles, which are NaN.
        """
        if len(program.cases) == 1:
            return [self._case(program.cases[0], program.variable)]
        v = str(program.variable)
        self.chosen = [self._step(self._logic(case.condition)) for case in program.cases[:-1]]
        rest = self.chosen[0] if len(self.chosen) == 1 else self._step(" | ".join(self.chosen))
        self._assign("given", v)
        results = []
        for k, case in enumerate(program.cases):
            inside = f"{self.chosen[k]}, given, 0.0" if case is not program.cases[-1] else f"{rest}, 0.0, given"
            self._assign(v, f"{self.dialect.where}({inside})")
            results.append(self._case(case, program.variable))
        return results

    def _selected(self, options: tuple[tuple[sp.Basic, sp.Expr], ...]) -> str:
        text = self._short(options[-1][1])
        for condition, expr in reversed(options[:-1]):
            choice = f"{self.dialect.where}({self._condition(condition)}, {self._short(expr)}, {text})"
            text = self._step(choice)
        return text

    def _case(self, case: Case, variable: sp.Symbol) -> list[str]:
        self.known.clear()  # steps of another case have the same names
        for step in case.steps:
            self._assign(str(step.symbol), self._text(step.expr)[0])
        return [self._choice(choice, str(variable)) for choice in case.choices]

    def _choice(self, choice: Choice, v: str) -> str:
        where = self.dialect.where
        parts = [self._short(part) for part in choice.parts]
        name = parts[0]
        for border, part in zip(choice.borders, parts[1:], strict=True):
            sign = ">=" if border.to_right else ">"
            name = self._step(f"{where}({v} {sign} {self._short(border.at)}, {part}, {name})")
        for border in choice.borders:
            if border.own is not None:
                name = self._step(f"{where}({v} == {self._short(border.at)}, {self._short(border.own)}, {name})")
        for end, value in ((f"-{self.dialect.inf}", choice.at_neg_inf), (self.dialect.inf, choice.at_pos_inf)):
            if value is not None:
                name = self._step(f"{where}({v} == {end}, {self._short(value)}, {name})")
        if not choice.keeps_nan:
            name = self._step(f"{where}({self.dialect.isnan}({v}), {v}, {name})")
        return name

    def _assign(self, name: str, text: str) -> None:
        line = f"{name} = {text}"
        if len(line) > self.columns:
            raise AssertionError(f"a statement of {len(line)} columns: {line}")
        self.lines.append(line)

    def _step(self, text: str) -> str:
        if text not in self.known:
            name = f"s{self.count}"
            self.count += 1
            self._assign(name, text)
            self.known[text] = name
        return self.known[text]

    def _short(self, e: sp.Expr) -> str:
        """An expression as an argument: a name, a number, or a short call."""
        text, _ = self._text(e)
        return text if len(text) <= 24 else self._step(text)

    def _text(self, e: sp.Expr) -> tuple[str, int]:
        """Text that fits into a line, and how tightly its outermost operation binds."""
        text, level = self._raw(e)
        return (text, level) if len(text) <= _LONG else (self._step(text), _ATOM)

    def _within(self, e: sp.Expr, level: int) -> str:
        text, have = self._text(e)
        return text if have >= level else f"({text})"

    def _raw(self, e: sp.Expr) -> tuple[str, int]:
        if e.is_number:
            text = self.dialect.literal(e)
            return text, _SIGN if text.startswith("-") else _ATOM
        if e.is_Symbol:
            return str(e), _ATOM
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, lower.raw_product):
            return f"{self._within(e.args[0], _PRODUCT)} * {self._within(e.args[1], _SIGN)}", _PRODUCT
        return self._call(e.func, [self._text(a)[0] for a in e.args]), _ATOM

    def _call(self, head: type[sp.Basic], arguments: list[str]) -> str:
        if head not in self.dialect.functions:
            where = f"codegen/targets/{self.dialect.target}.py"
            raise NoRuleError(
                f"{self.dialect.target} has no rule for {head.__name__!r}; add it to `FUNCTIONS` in {where}"
            )
        if sum(map(len, arguments)) > _LONG:
            arguments = [a if a.isidentifier() else self._step(a) for a in arguments]
        name = self.dialect.functions[head]
        return name.format(*arguments) if "{" in name else f"{name}({', '.join(arguments)})"

    def _sum(self, e: sp.Add) -> tuple[str, int]:
        text = ""
        for term in e.args:
            if text and negative(term):
                more = f" - {self._within(negated(term), _PRODUCT)}"
            else:
                more = f" + {self._within(term, _PRODUCT)}" if text else self._within(term, _PRODUCT)
            if len(text) + len(more) > self.columns - 8:
                text = self._step(text)
            text += more
        return text, _SUM

    def _product(self, e: sp.Mul) -> tuple[str, int]:
        top, bottom = [], []
        constant, factors = parted(e)
        for factor, below in factors:
            if below is None:
                top.append(self._within(factor, _SIGN))
            else:
                bottom.append(self._tight(*self._power(factor, below)))
        level = _PRODUCT
        if constant == -1 and top:
            top[0] = f"-({top[0]})" if top[0].startswith("-") else f"-{top[0]}"
            level = _PRODUCT if len(top) + len(bottom) > 1 else _SIGN
        elif constant != 1 or not top:
            top.insert(0, self._within(constant, _SIGN))
        text = top[0]
        for sign, factor in (*(("*", t) for t in top[1:]), *(("/", b) for b in bottom)):
            if len(text) + len(factor) + 3 > self.columns - 8:
                text = self._step(text)
            text = f"{text} {sign} {factor}"
        return text, level

    def _tight(self, text: str, level: int) -> str:
        return text if level == _ATOM else f"({text})"

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> tuple[str, int]:
        if base is sp.E:
            return self._call(sp.exp, [self._text(exponent)[0]]), _ATOM
        if exponent == 1:
            return self._text(base)
        if exponent.is_Integer and 2 <= exponent <= 8:
            return " * ".join([self._name(base)] * int(exponent)), _PRODUCT
        if exponent.is_number and exponent.is_negative:
            below = self._tight(*self._power(base, -exponent))
            return f"{self.dialect.literal(sp.S.One)} / {below}", _PRODUCT
        if exponent == sp.Rational(1, 2):
            return self._call(sp.sqrt, [self._text(base)[0]]), _ATOM
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= 9:
            whole = self._tight(*self._power(base, sp.Integer(exponent.p // 2)))
            return f"{whole} * {self._call(sp.sqrt, [self._name(base)])}", _PRODUCT
        return self._call(sp.Pow, [self._text(base)[0], self._text(exponent)[0]]), _ATOM

    def _name(self, e: sp.Expr) -> str:
        text, _ = self._text(e)
        return text if text.isidentifier() else self._step(text)

    def _condition(self, c: sp.Basic) -> str:
        text = self._logic(c)
        return text if len(text) <= 30 else self._step(text)

    def _logic(self, c: sp.Basic) -> str:
        if c is sp.true or c is sp.false:
            return "True" if c is sp.true else "False"
        if isinstance(c, sp.And | sp.Or):
            sign = "&" if isinstance(c, sp.And) else "|"
            text = ""
            for part in c.args:
                more = f"({self._logic(part)})"
                if text and len(text) + len(more) + 3 > self.columns - 8:
                    text = self._step(text)
                text = f"{text} {sign} {more}" if text else more
            return text
        if isinstance(c, sp.Not):
            return f"~({self._logic(c.args[0])})"
        for kind, sign in _COMPARED.items():
            if isinstance(c, kind):
                return f"{self._short(c.lhs)} {sign} {self._short(c.rhs)}"
        raise NoRuleError(f"{self.dialect.target} has no rule for the condition {c}")
