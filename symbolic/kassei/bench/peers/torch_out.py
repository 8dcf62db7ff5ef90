"""PyTorch's kernels that write into a given tensor, for the built-ins that have one. Forward only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from kassei.bench.candidate import Candidate, NotHere, Peer
from kassei.bench.case import Case
from kassei.bench.peers import _torch

INTO = {
    "elu": "nn.elu(v, alpha, 1.0, 1.0, out=out)",
    "gelu": "nn.gelu(v, out=out)",
    "gelu_tanh": "nn.gelu(v, approximate='tanh', out=out)",
    "hard_sigmoid": "nn.hardsigmoid(v, out=out)",
    "hard_swish": "nn.hardswish(v, out=out)",
    "leaky_relu": "nn.leaky_relu(v, c, out=out)",
    "mish": "nn.mish(v, out=out)",
    "relu": "torch.clamp(v, min=0.0, out=out)",
    "selu": "nn.elu(v, alpha, lam, 1.0, out=out)",
    "sigmoid": "torch.sigmoid(v, out=out)",
    "silu": "nn.silu(v, out=out)",
    "softplus": "nn.softplus(v, b, 20.0, out=out)",
    "tanh": "torch.tanh(v, out=out)",
}
"""``nn`` is the binding below ``torch.nn.functional``, which does not pass ``out`` on."""


def build(case: Case) -> Sequence[Candidate]:
    """One candidate, writing into one tensor."""
    name = case.activation.name
    if case.backward:
        raise NotHere("autograd does not write into given tensors")
    import torch

    p = _torch.prepared(case)
    if name not in INTO or p.how == "composition":
        raise NotHere("PyTorch has no such kernel with out=")
    arguments = ", ".join([str(case.activation.variable), *case.parameters, "out"])
    space: dict[str, Any] = {"torch": torch, "nn": torch._C._nn}
    function = eval(f"lambda {arguments}: {INTO[name]}", space)
    out = torch.empty_like(p.v)

    def run() -> Any:
        with torch.inference_mode():
            return function(p.v, *p.parameters, out)

    return [
        Candidate(name="torch_out", output="preallocated", run=run, read=partial(_torch.read, case), how=INTO[name])
    ]


peer = Peer(name="torch_out", needs=("torch",), build=build, devices=("cpu", "cuda"))
