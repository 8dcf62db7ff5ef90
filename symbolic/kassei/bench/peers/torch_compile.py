"""torch.compile of what the eager peer runs: one fused kernel forward, and one backward with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kassei.bench.candidate import Candidate, NotHere, Peer
from kassei.bench.case import Case
from kassei.bench.limit import TookTooLong, within
from kassei.bench.peers import _torch

LIMIT_S = 60.0
"""Seconds that one compilation may take."""


def build(case: Case) -> Sequence[Candidate]:
    """Compiled here, outside the timing, for this shape."""
    import torch

    p = _torch.prepared(case)
    run = _torch.call(case, torch.compile(p.function, dynamic=False, fullgraph=True), p)
    try:
        with within(LIMIT_S):
            run()
            run()
    except TookTooLong:
        raise NotHere(f"not compiled within {LIMIT_S:g} s") from None
    except Exception as reason:  # of many kinds: no C++ compiler, an operation without a rule
        first = " ".join(str(reason).split())[:200]
        raise NotHere(f"torch.compile: {first}") from None
    return [Candidate(name="torch_compile", output="fresh", run=run, read=partial(_torch.read, case), how=p.how)]


peer = Peer(name="torch_compile", needs=("torch",), build=build, devices=("cpu", "cuda"))
