"""What the PyTorch peers share: the function PyTorch ships, or else the definition composed of its calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kassei.bench.candidate import Answer
from kassei.bench.case import Case
from kassei.bench.spell import ELEMENTARY, Language, spell


def _clamped(bound: str) -> Callable[[str, str, bool], str]:
    plain = "torch.maximum" if bound == "min" else "torch.minimum"
    return lambda x, y, number: f"torch.clamp({x}, {bound}={y})" if number else f"{plain}({x}, {y})"


LANGUAGE = Language(
    name="PyTorch",
    calls={name: f"torch.{name}" for name in (*ELEMENTARY, "atan", "sqrt", "erf", "erfc")}
    | {"Abs": "torch.abs", "sign": "torch.sign"},
    where="torch.where({}, {}, {})",
    largest=_clamped("min"),
    least=_clamped("max"),
)
BUILT_IN: Mapping[str, str] = {
    "elu": "F.elu(v, alpha)",
    "gelu": "F.gelu(v)",
    "gelu_tanh": "F.gelu(v, approximate='tanh')",
    "hard_sigmoid": "F.hardsigmoid(v)",
    "hard_swish": "F.hardswish(v)",
    "leaky_relu": "F.leaky_relu(v, c)",
    "log_sigmoid": "F.logsigmoid(v)",
    "mish": "F.mish(v)",
    "prelu": "F.prelu(v, a.reshape(1))",
    "relu": "F.relu(v)",
    "relu6": "F.relu6(v)",
    "selu": "F.selu(v)",
    "sigmoid": "torch.sigmoid(v)",
    "silu": "F.silu(v)",
    "softplus": "F.softplus(v, b)",
    "softsign": "F.softsign(v)",
    "tanh": "torch.tanh(v)",
}
"""By the catalogue's names; whether it computes the same is checked before it is timed."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A function of tensors, its source, and tensors for v, dy and the parameters in order."""

    function: Callable[..., Any]
    how: str
    v: Any
    dy: Any
    parameters: tuple[Any, ...]


def prepared(case: Case) -> Prepared:
    """Learned parameters are tensors, as in a module; the others are numbers. ``NotHere`` if it is inexpressible."""
    import torch

    threads = len(os.sched_getaffinity(0))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    f = case.activation
    names = [str(f.variable), *case.parameters]
    if f.name in BUILT_IN and _is_the_catalogue_s(case):
        how = BUILT_IN[f.name]
        text = f"def f({', '.join(names)}):\n    return {how}\n"
    else:
        text = spell(f, LANGUAGE, case.fixed).function("f", names)
        how = "composition"
    space: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    exec(compile(text, f"<{f.name}>", "exec"), space)
    v, dy = (torch.from_numpy(x).to(case.device) for x in (case.v, case.dy))
    parameters = tuple(
        torch.tensor(x, dtype=v.dtype, device=case.device) if name in case.learned or "reshape" in how else x
        for name, x in case.parameters.items()
    )
    return Prepared(function=space["f"], how=how, v=v, dy=dy, parameters=parameters)


def _is_the_catalogue_s(case: Case) -> bool:
    from kassei.library import catalogue

    known = catalogue.find(case.activation.name)
    return known is not None and known.digest == case.activation.digest


def call(case: Case, function: Callable[..., Any], p: Prepared) -> Callable[[], Any]:
    """What is timed: the value without recording, or the value and what autograd gives."""
    import torch

    if not case.backward:

        def forward() -> Any:
            with torch.inference_mode():
                return function(p.v, *p.parameters)

        return forward
    v = p.v.detach().requires_grad_()
    parameters = [
        x.detach().requires_grad_() if name in case.learned else x
        for name, x in zip(case.parameters, p.parameters, strict=True)
    ]
    wanted = [v, *(x for name, x in zip(case.parameters, parameters, strict=True) if name in case.learned)]
    grad = torch.autograd.grad

    def both() -> Any:
        y = function(v, *parameters)
        return y, *grad(y, wanted, p.dy)

    return both


def read(case: Case, result: Any) -> Answer:
    """Tensors as arrays."""
    if not case.backward:
        return Answer(y=result.detach().cpu().numpy())
    y, dv, *da = (x.detach().cpu().numpy() for x in result)
    return Answer(y=y, dv=dv, da={name: float(x) for name, x in zip(case.learned, da, strict=True)})
