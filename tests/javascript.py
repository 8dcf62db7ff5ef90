"""Emitted JavaScript, run: by QuickJS in this process, or by a page of a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import quickjs

from kassei.codegen import emit
from kassei.library import catalogue

CALL = """
(name, quantity, points, params) => {
  const code = modules[name].at(...params.map(Number));
  const f = code[quantity] ?? code.slopes[quantity];
  return points.map((x) => f(Number(x))).map((y) => (Object.is(y, -0) ? "-0" : String(y)));
}
"""
"""Numbers travel as decimals, which read back unchanged, for JSON knows no NaN."""


def source(name: str) -> str:
    """The emitted module of a catalogue function."""
    ((_, text),) = emit(catalogue[name], "javascript").items()
    return text


def script(text: str) -> str:
    """A module as an expression that is the object of what it exports."""
    names = re.findall(r"^export (?:const|function) (\w+)", text, re.MULTILINE)
    body = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"(() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})()"


@cache
def context() -> Any:
    """One engine for all modules of this process."""
    engine = quickjs.Context()
    engine.eval(f"var modules = {{}}; var call = {CALL}")
    return engine


@cache
def load(name: str) -> None:
    context().eval(f"modules[{json.dumps(name)}] = {script(source(name))}; 0")


def call(name: str, quantity: str, points: Sequence[float], params: Sequence[float] = ()) -> list[float]:
    """One quantity of one function at many inputs, by QuickJS."""
    load(name)
    given = json.dumps([name, quantity, [text(x) for x in points], [text(x) for x in params]])
    return [float(y) for y in json.loads(context().eval(f"JSON.stringify(call(...{given}))"))]


def text(x: float) -> str:
    """A number as JavaScript reads it back."""
    return repr(float(x)).replace("inf", "Infinity").replace("nan", "NaN")
