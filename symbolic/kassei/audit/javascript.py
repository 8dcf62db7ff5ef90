"""An emitted JavaScript module as an object with the functions that the other modules have, run by QuickJS.

Numbers travel as decimals that read back unchanged. The module computes in float64, so that is what it is audited in.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from kassei.codegen.plan import outer

Array = np.ndarray[Any, Any]
CALL = """
const run = (quantity, v, given) => {
  const code = module.at(...given.map(Number));
  const f = code[quantity] ?? code.slopes[quantity];
  return JSON.stringify(v.map((x) => String(f(Number(x)))));
};
"""


class Module:
    """One emitted module; arguments as in Python, a parameter being one number."""

    def __init__(self, text: str) -> None:
        import quickjs

        names = re.findall(r"^export (?:const|function) (\w+)", text, re.MULTILINE)
        body = re.sub(r"^export ", "", text, flags=re.MULTILINE)
        self._engine = quickjs.Context()
        self._engine.eval(f"const module = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();{CALL}0")
        self._learned = re.findall(r"(\w+): slope_\w+", text)

    def _call(self, quantity: str, v: Array, params: tuple[Any, ...]) -> Array:
        if v.dtype != np.float64:
            raise TypeError(f"the module computes in float64, not {v.dtype}")
        values = [float(np.asarray(p).ravel()[0]) for p in params]
        given = json.dumps([quantity, [_text(x) for x in v.ravel().tolist()], [_text(x) for x in values]])
        found = json.loads(self._engine.eval(f"run(...{given})"))
        return np.array([float(y) for y in found], dtype=np.float64).reshape(v.shape)

    def forward(self, v: Array, *params: Any) -> Array:
        """f(v)."""
        return self._call("value", v, params)

    def grad_input(self, dy: Array, v: Array, *params: Any) -> Array:
        """Dy f'(v)."""
        return np.asarray(dy * self._call("slope", v, params))

    def grad_params(self, dy: Array, v: Array, *params: Any, axis: int = 0) -> dict[str, Array]:
        """By name, each input's own derivative: one channel per input."""
        del axis
        return {outer(name): np.asarray(dy * self._call(name, v, params)) for name in self._learned}


def _text(x: float) -> str:
    return repr(x).replace("inf", "Infinity").replace("nan", "NaN")
