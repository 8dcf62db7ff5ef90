"""A definition as a list of instructions, which travels to workers and is evaluated in any arithmetic.

It is read off the definition's own expression; nothing is rewritten, and nothing of :mod:`kassei.codegen` is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from kassei.core.activation import Activation

UNARY = {
    **{f: f.__name__ for f in (sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.atan, sp.asin, sp.acos, sp.sinh, sp.cosh)},
    **{f: f.__name__ for f in (sp.tanh, sp.asinh, sp.acosh, sp.atanh, sp.erf, sp.erfc)},
    **{sp.Abs: "abs", sp.sign: "sign"},
}
RELATIONS = {
    **{sp.StrictGreaterThan: "gt", sp.GreaterThan: "ge", sp.StrictLessThan: "lt", sp.LessThan: "le"},
    **{sp.Eq: "eq", sp.Ne: "ne"},
}


class NoReferenceError(ValueError):
    """A definition with a function that is not known here."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """``steps[k]`` is an operation followed by the indices (or the number, or the name) it works on; the last is f.

    ``variable`` and ``parameters`` are the names that steps ``("name", …)`` refer to.
    """

    name: str
    variable: str
    parameters: tuple[str, ...]
    learned: tuple[str, ...]
    steps: tuple[tuple[Any, ...], ...]


def program(activation: Activation) -> Program:
    """The program of a definition. Raises ``NoReferenceError`` on a function it was not taught."""
    steps: list[tuple[Any, ...]] = []
    known: dict[Any, int] = {}

    def step(key: Any, *parts: Any) -> int:
        known[key] = len(steps)
        steps.append(parts)
        return known[key]

    def read(e: Any) -> int:
        if e in known:
            return known[e]
        if isinstance(
            e, sp.logic.boolalg.BooleanFunction | sp.logic.boolalg.BooleanAtom | sp.core.relational.Relational
        ):
            return step(e, *_condition(e, read))
        if e.is_Rational:
            return step(e, "number", int(e.p), int(e.q))
        if e.is_Symbol:
            return step(e, "name", str(e.name))
        if e is sp.pi or e is sp.E:
            return step(e, "pi" if e is sp.pi else "e")
        if e.is_Add or e.is_Mul:
            return step(e, "add" if e.is_Add else "mul", *(read(a) for a in e.args))
        if isinstance(e, sp.exp):
            return step(e, "exp", read(e.args[0]))
        if e.is_Pow:
            return step(e, "pow", read(e.args[0]), read(e.args[1]))
        if isinstance(e, sp.Max | sp.Min):
            return step(e, "max" if isinstance(e, sp.Max) else "min", *(read(a) for a in e.args))
        if isinstance(e, sp.Piecewise):
            return step(e, "piecewise", *(k for pair in e.args for k in (read(pair[0]), read(pair[1]))))
        if e.func in UNARY:
            return step(e, UNARY[e.func], read(e.args[0]))
        raise NoReferenceError(f"{activation.name}: there is no rule for {e.func}; add it in exact/program.py")

    read(activation.expr)
    return Program(
        name=activation.name,
        variable=str(activation.variable.name),
        parameters=tuple(p.name for p in activation.parameters),
        learned=tuple(p.name for p in activation.learned),
        steps=tuple(steps),
    )


def _condition(e: Any, read: Any) -> tuple[Any, ...]:
    if e in (sp.true, sp.false):
        return ("true",) if e == sp.true else ("false",)
    if isinstance(e, sp.And | sp.Or | sp.Not):
        return (type(e).__name__.lower(), *(read(a) for a in sorted(e.args, key=sp.default_sort_key)))
    for kind, name in RELATIONS.items():
        if isinstance(e, kind):
            return (name, read(e.lhs - e.rhs))
    raise NoReferenceError(f"there is no rule for the condition {e}; add it in exact/program.py")
