"""Our own SymPy spellings (values of verdicts) back as objects, for typesetting. Never given a user's text."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import sympy as sp

NAMES = {
    name: getattr(sp, name)
    for name in (
        [
            "Interval",
            "FiniteSet",
            "Union",
            "Piecewise",
            "EmptySet",
            "Reals",
            "Max",
            "Min",
            "Abs",
            "exp",
            "log",
            "sqrt",
            "erf",
            "sin",
            "cos",
            "tanh",
            "atan",
            "asin",
            "acos",
            "asinh",
            "sinh",
            "cosh",
            "tan",
            "erfc",
            "pi",
            "E",
            "oo",
            "Rational",
            "ImageSet",
            "Lambda",
            "Integers",
        ]
    )
}


def read(text: str, symbols: Mapping[str, sp.Symbol]) -> sp.Basic:
    """A number, expression or set from the spelling that ``str`` gave it.

    The text is walked as a syntax tree; only the names above and ``symbols`` mean anything.
    """
    return _value(ast.parse(text.strip(), mode="eval").body, symbols)


def _value(node: ast.expr, symbols: Mapping[str, sp.Symbol]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return sp.true if node.value else sp.false
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return sp.Integer(node.value)
    if isinstance(node, ast.Name):
        return symbols[node.id] if node.id in symbols else _known(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, symbols)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, symbols), _value(node.right, symbols)
        rules: dict[type[ast.operator], Any] = {
            ast.Add: lambda: left + right,
            ast.Sub: lambda: left - right,
            ast.Mult: lambda: left * right,
            ast.Div: lambda: left / right,
            ast.Pow: lambda: left**right,
        }
        return rules[type(node.op)]()
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = _value(node.left, symbols), _value(node.comparators[0], symbols)
        relations: dict[type[ast.cmpop], Any] = {ast.Lt: sp.Lt, ast.LtE: sp.Le, ast.Gt: sp.Gt, ast.GtE: sp.Ge}
        return relations[type(node.ops[0])](left, right)
    if isinstance(node, ast.Tuple):
        return tuple(_value(e, symbols) for e in node.elts)
    if isinstance(node, ast.Set):
        return sp.FiniteSet(*(_value(e, symbols) for e in node.elts))
    if isinstance(node, ast.Call):
        args = [_value(a, symbols) for a in node.args]
        if (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "Interval"
        ):
            return {"open": sp.Interval.open, "Lopen": sp.Interval.Lopen, "Ropen": sp.Interval.Ropen}[node.func.attr](
                *args
            )
        if isinstance(node.func, ast.Name):
            return _known(node.func.id)(*args)
    raise ValueError(f"{ast.dump(node)} is not part of a verdict's spelling")


def _known(name: str) -> Any:
    if name not in NAMES:
        raise ValueError(f"{name!r} is not part of a verdict's spelling")
    return {"EmptySet": sp.S.EmptySet, "Reals": sp.S.Reals, "Integers": sp.S.Integers}.get(name, NAMES[name])
