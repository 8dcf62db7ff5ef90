"""PyTorch, eager: the built-in where there is one, else the composition; gradients by autograd. New outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kassei.bench.candidate import Candidate, Peer
from kassei.bench.case import Case
from kassei.bench.peers import _torch


def build(case: Case) -> Sequence[Candidate]:
    """One candidate."""
    p = _torch.prepared(case)
    run = _torch.call(case, p.function, p)
    return [Candidate(name="torch_eager", output="fresh", run=run, read=partial(_torch.read, case), how=p.how)]


peer = Peer(name="torch_eager", needs=("torch",), build=build, devices=("cpu", "cuda"))
