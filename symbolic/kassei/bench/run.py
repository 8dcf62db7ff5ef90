"""Cases in, documents out: build every candidate, check it, time all of them together, write down what was seen."""

from __future__ import annotations

import gc
import importlib.util
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kassei.bench import ours
from kassei.bench.candidate import Candidate, NotHere, Peer
from kassei.bench.case import Case
from kassei.bench.check import standing
from kassei.bench.clock import Method, Spread, device_slot, host_slot, nanoseconds, quietest, ratio, time_rounds
from kassei.bench.goal import Goal
from kassei.bench.machine import gpu, machine, versions

if TYPE_CHECKING:
    from kassei.core.activation import Activation

SCHEMA = 1
KIND = "speed"
PACKAGES = ("kassei", "numpy", "scipy", "sympy", "numexpr", "numba", "llvmlite", "torch", "jax", "jaxlib")
ON_A_GPU = ("cupy-cuda12x", "cupy-cuda13x", "triton")
QUIET = 0.1
"""Foreign cores up to which a row counts as measured on a quiet machine."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
DIGITS = 4


@cache
def known_peers() -> Mapping[str, Peer]:
    """Every peer by name."""
    from kassei.core.registry import discover

    return discover("kassei.bench.peers", "peer")


@contextmanager
def confined(threads: int) -> Iterator[None]:
    """Run on so many cores, and have libraries that are imported inside use as many threads.

    A library that has made its threads before keeps them, so one process measures one number of threads. Raises
    ``ValueError`` where there are fewer cores.
    """
    before = os.sched_getaffinity(0)
    if not 1 <= threads <= len(before):
        raise ValueError(f"threads must be from 1 to {len(before)}, the cores that this process may use")
    kept = {name: os.environ.get(name) for name in THREADS}
    os.sched_setaffinity(0, sorted(before)[:threads])
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    if (numba := sys.modules.get("numba")) is not None:
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def bench(
    functions: Sequence[Activation],
    targets: Sequence[str],
    peers: Sequence[str],
    *,
    sizes: Sequence[int],
    passes: Sequence[str],
    dtype: str,
    threads: int,
    rounds: int,
    command: str,
    step: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The document of ``kassei bench``: one row for each function, size, pass and device.

    ``passes`` are ``forward`` and ``both``; no peer stands for all of them. A target that runs on a GPU has rows of
    its own, with the peers that run there.
    """
    method = Method(rounds=rounds)
    rows = []
    with confined(threads):
        for f, size, pass_ in itertools.product(functions, sizes, passes):
            step(f.name)
            for device in dict.fromkeys(ours.devices_of(target)[0] for target in targets):
                case = Case(
                    activation=f,
                    size=size,
                    dtype=dtype,
                    pass_="forward_backward" if pass_ == "both" else "forward",
                    device=device,
                )
                mine = [target for target in targets if device in ours.devices_of(target)]
                known = known_peers()
                others = peers or [name for name in known if device in known[name].devices]
                rows.append(compare(case, mine, others, method))
    return record(rows, command=command, method=method, threads=threads)


def record(
    rows: Sequence[Mapping[str, Any]], *, command: str, method: Method, threads: int, table: str = ""
) -> dict[str, Any]:
    """The document: where, when, with what and how it was measured, and the rows."""
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "table": table,
        "date": time.strftime("%Y-%m-%d"),
        "command": command,
        "machine": machine(),
        "versions": versions(*PACKAGES, *ON_A_GPU),
        "threads": threads,
        "method": {
            "rounds": method.rounds,
            "slots": method.slots,
            "slot_s": method.slot_s,
            "seed": method.seed,
            "kept": "the quietest half of the rounds",
        },
        "rows": list(rows),
    }


def compare(
    case: Case,
    targets: Sequence[str],
    peers: Sequence[str],
    method: Method,
    *,
    goals: Sequence[Goal] = (),
    step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Time the emitted code of some targets beside some peers, all in the same rounds; one row of a document.

    Who cannot take part is listed under ``skipped`` with the reason. ``step`` is called after every round.
    Raises ``KeyError`` for a peer that is not known.
    """
    skipped: list[dict[str, str]] = []
    found: list[Candidate] = []
    with np.errstate(all="ignore"):  # textbook forms overflow; what they give is checked
        for name, build in _builders(case, targets, peers).items():
            try:
                found += build(case)
            except NotHere as reason:
                skipped.append({"name": name, "reason": str(reason)})
        keys = {f"{one.name} {one.output}": one for one in found}
        seen = {key: _seen(case, one) for key, one in keys.items()}
        slot = device_slot() if case.device == "cuda" and found else host_slot
        rounds = time_rounds({key: one.run for key, one in keys.items()}, method, slot, step) if found else []
    kept = quietest(rounds)
    mine = {key: one for key, one in keys.items() if one.ours}
    row: dict[str, Any] = {
        "function": case.activation.name,
        "digest": case.activation.digest,
        "parameters": case.parameters,
        "pass": case.pass_,
        "dtype": case.dtype,
        "size": case.size,
        "device": case.device,
        "rounds": {"timed": len(rounds), "kept": len(kept)},
        "load": _load(kept),
        "ours": [
            {"target": one.name, "output": one.output, **seen[key], "ns": _figures(nanoseconds(kept, key, case.size))}
            for key, one in mine.items()
        ],
        "peers": [
            {
                "peer": one.name,
                "output": one.output,
                "how": one.how,
                **seen[key],
                "ns": _figures(nanoseconds(kept, key, case.size)),
                "ratios": [
                    {"target": other.name, "output": other.output, **_figures(ratio(kept, key, to))}
                    for to, other in mine.items()
                ],
            }
            for key, one in keys.items()
            if not one.ours
        ],
        "skipped": skipped,
    }
    del found, keys, mine
    gc.collect()
    return row | ({"goals": [goal.reached(row) for goal in goals]} if goals else {})


def _builders(
    case: Case, targets: Sequence[str], peers: Sequence[str]
) -> dict[str, Callable[[Case], Sequence[Candidate]]]:
    """What makes the candidates, by name: targets of the case's device first, then peers."""
    known = known_peers()
    mine = {target: partial(_emitted, target=target) for target in targets}
    return {**mine, **{name: partial(_built, peer=known[name]) for name in peers}}


def _emitted(case: Case, target: str) -> Sequence[Candidate]:
    if case.device not in ours.devices_of(target):
        raise NotHere(f"does not run on {case.device}")
    if case.device == "cuda" and not gpu():
        raise NotHere("there is no GPU that CuPy can use")
    return ours.candidates(case, target)


def _built(case: Case, peer: Peer) -> Sequence[Candidate]:
    if case.device not in peer.devices:
        raise NotHere(f"does not run on {case.device}")
    for module in peer.needs:
        if importlib.util.find_spec(module) is None:
            raise NotHere(f"needs {module}")
    if case.device == "cuda":
        if not gpu():
            raise NotHere("there is no GPU that CuPy can use")
        if "torch" in peer.needs and not _torch_sees_it():
            raise NotHere("this PyTorch has no CUDA")
    return peer.build(case)


def _torch_sees_it() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _seen(case: Case, one: Candidate) -> dict[str, str]:
    """Whether a candidate computes the case, and the dtype of what it gives."""
    result = one.run()
    if one.read is None:
        return {"check": "copy", "gives": case.dtype}
    answer = one.read(result)
    return {"check": standing(case, answer), "gives": str(answer.y.dtype)}


def _load(kept: Sequence[Any]) -> dict[str, Any]:
    """Cores that other processes took in the rounds that count, and how long was waited for them to pause."""
    foreign = [r.foreign for r in kept if r.foreign is not None]
    if not foreign:
        return {"foreign_cores": None, "worst": None, "waited_s": 0.0, "quiet": None}
    median = statistics.median(foreign)
    return {
        "foreign_cores": round(median, 3),
        "worst": round(max(foreign), 3),
        "waited_s": round(sum(r.waited_s for r in kept), 3),
        "quiet": median <= QUIET,
    }


def _figures(spread: Spread) -> dict[str, float]:
    return {name: float(f"{getattr(spread, name):.{DIGITS}g}") for name in ("median", "q1", "q3")}
