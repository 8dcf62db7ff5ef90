"""Copying as many bytes as the case must read and write: the machine's speed at moving data.

``forward`` reads v and writes y: one copy. ``forward_backward`` reads v and dy, writes y and dv: two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kassei.bench.candidate import Candidate, Peer
from kassei.bench.case import Case


def build(case: Case) -> Sequence[Candidate]:
    """``copyto`` of NumPy, or of CuPy on the device."""
    library: Any = np
    if case.device == "cuda":
        import cupy

        library = cupy
    sources = [library.asarray(x) for x in ((case.v, case.dy) if case.backward else (case.v,))]
    pairs = [(library.ones_like(x), x) for x in sources]
    copyto = library.copyto

    def run() -> None:
        for to, source in pairs:
            copyto(to, source)

    how = f"{library.__name__}.copyto" + (" (y and dv)" if case.backward else "")
    return [Candidate(name="copy", output="preallocated", run=run, read=None, how=how)]


peer = Peer(name="copy", needs=("numpy",), build=build, devices=("cpu", "cuda"))
