"""The timer: all candidates in every round, in random order; the quietest half of the rounds counts.

One visit is the best of a few short slots. A ratio is formed within a round and the median is taken over the rounds,
so drift of the machine's speed cancels; the quartiles beside it are the spread.
"""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kassei.bench import load

Slot = Callable[[Callable[[], Any], int], float]
"""Seconds of one call, given the call and how often it is made in one slot."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """How it is timed: rounds, slots of a visit, seconds of a slot, and how long other work is waited for."""

    rounds: int = 15
    slots: int = 4
    slot_s: float = 0.003
    patience_s: float = 0.1
    patience_of_all_s: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be timed."""
        if self.rounds < 1 or self.slots < 1 or self.slot_s <= 0:
            raise ValueError("rounds and slots are at least 1, and a slot lasts more than 0 s")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median and quartiles."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Those of some numbers, at least one."""
        q1, median, q3 = np.percentile(np.asarray(values, dtype=np.float64), [25, 50, 75])
        return cls(median=float(median), q1=float(q1), q3=float(q3))


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: seconds of a call by candidate, foreign cores seen (None: unknown), seconds waited."""

    seconds: Mapping[str, float]
    foreign: float | None = None
    waited_s: float = 0.0


def host_slot(run: Callable[[], Any], calls: int) -> float:
    """Seconds of a call by the wall clock."""
    begin = time.perf_counter_ns()
    for _ in range(calls):
        run()
    return (time.perf_counter_ns() - begin) * 1e-9 / calls


def device_slot() -> Slot:
    """The same by events of the CUDA device, on the default stream that CuPy and PyTorch share."""
    import cupy

    begin, end = cupy.cuda.Event(), cupy.cuda.Event()

    def slot(run: Callable[[], Any], calls: int) -> float:
        begin.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        return float(cupy.cuda.get_elapsed_time(begin, end)) * 1e-3 / calls

    return slot


def time_rounds(
    runs: Mapping[str, Callable[[], Any]],
    method: Method,
    slot: Slot = host_slot,
    step: Callable[[], None] = lambda: None,
) -> list[Round]:
    """Every candidate once in every round, in an order shuffled by the method's seed."""
    plans = {name: _visit_plan(run, method, slot) for name, run in runs.items()}
    order, shuffled = list(runs), random.Random(method.seed)
    left = method.patience_of_all_s
    rounds: list[Round] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(method.rounds):
            shuffled.shuffle(order)
            seconds, waited = {}, 0.0
            foreign_s = clock_s = 0.0
            known = True
            for name in order:
                paused = load.wait_until_quiet(min(method.patience_s, left))
                left, waited = max(0.0, left - paused), waited + paused
                before = load.now()
                slots, calls = plans[name]
                seconds[name] = min(slot(runs[name], calls) for _ in range(slots))
                after = load.now()
                spent = load.foreign_seconds(before, after)
                known = known and spent is not None
                foreign_s += spent or 0.0
                clock_s += after.clock - before.clock
            foreign = max(0.0, foreign_s / clock_s) if known and clock_s else None
            rounds.append(Round(seconds=seconds, foreign=foreign, waited_s=waited))
            step()
    finally:
        if collecting:
            gc.enable()
    return rounds


LONG_S, VERY_LONG_S = 0.05, 0.5


def _visit_plan(run: Callable[[], Any], method: Method, slot: Slot) -> tuple[int, int]:
    """Slots of a visit and calls of a slot: a call that is long in itself needs fewer of both."""
    once = min(slot(run, 1) for _ in range(2))
    slots = 1 if once > VERY_LONG_S else min(2, method.slots) if once > LONG_S else method.slots
    return slots, max(1, math.ceil(method.slot_s / max(once, 1e-9)))


def quietest(rounds: Sequence[Round]) -> list[Round]:
    """The half of the rounds, rounded up, in which other processes took least; earlier ones where that is equal."""
    ranked = sorted(range(len(rounds)), key=lambda k: (rounds[k].foreign or 0.0, k))
    return [rounds[k] for k in sorted(ranked[: (len(rounds) + 1) // 2])]


def ratio(rounds: Sequence[Round], peer: str, ours: str) -> Spread:
    """time(peer)/time(ours), paired within each round."""
    return Spread.of([r.seconds[peer] / r.seconds[ours] for r in rounds])


def nanoseconds(rounds: Sequence[Round], name: str, size: int) -> Spread:
    """Nanoseconds of one element."""
    return Spread.of([r.seconds[name] * 1e9 / size for r in rounds])
