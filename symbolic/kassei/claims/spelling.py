"""Sets and conditions as SymPy spells them, read without evaluating text."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp

from kassei.core.enclose import Undecided

CONSTANTS = {
    "oo": sp.oo,
    "pi": sp.pi,
    "E": sp.E,
    "EmptySet": sp.S.EmptySet,
    "Reals": sp.S.Reals,
    "Integers": sp.S.Integers,
}
CALLS: dict[str, Callable[..., Any]] = {
    "Eq": sp.Eq,
    "Ne": sp.Ne,
    "Interval": sp.Interval,
    "Interval.open": sp.Interval.open,
    "Interval.Lopen": sp.Interval.Lopen,
    "Interval.Ropen": sp.Interval.Ropen,
    **{
        head.__name__: head
        for head in (
            *(sp.Union, sp.FiniteSet, sp.Max, sp.Min, sp.Abs, sp.exp, sp.log, sp.sqrt, sp.sign),
            *(sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh),
            *(sp.atanh, sp.erf, sp.erfc, sp.LambertW),
        )
    },
}
OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def spelled(text: str, symbols: Iterable[sp.Symbol]) -> Any:
    """The SymPy object with this spelling; raises ``Undecided`` on anything that is not known."""
    names = {**CONSTANTS, **{str(s): s for s in symbols}}
    try:
        return _read(ast.parse(text.strip(), mode="eval").body, names)
    except (SyntaxError, KeyError, TypeError, ValueError) as problem:
        raise Undecided(f"what {text} means") from problem


def _read(node: ast.AST, names: dict[str, Any]) -> Any:
    def inner(part: ast.AST) -> Any:
        return _read(part, names)

    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return sp.true if node.value else sp.false
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return sp.Integer(node.value)
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](inner(node.operand))
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](inner(node.left), inner(node.right))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return OPERATORS[type(node.ops[0])](inner(node.left), inner(node.comparators[0]))
    if isinstance(node, ast.Set):
        return sp.FiniteSet(*map(inner, node.elts))
    if isinstance(node, ast.Call) and not node.keywords:
        return CALLS[ast.unparse(node.func)](*map(inner, node.args))
    raise KeyError(ast.unparse(node))
