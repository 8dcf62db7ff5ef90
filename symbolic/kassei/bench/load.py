"""How busy the machine is with other work; unknown (None) where there is no /proc."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
TICK_S = 0.004
"""How often the timer looks again while it waits for other work to pause."""


@dataclass(frozen=True)
class Moment:
    """Processor seconds spent so far by everybody and by this process, and the clock."""

    everybody: float | None
    own: float
    clock: float


def now() -> Moment:
    """What the counters say at this moment."""
    return Moment(_everybody(), time.process_time(), time.perf_counter())


def foreign_seconds(before: Moment, after: Moment) -> float | None:
    """Processor seconds of other processes between two moments.

    The kernel counts everybody's in steps of 10 ms, so that over a short time it may be off by that much in either
    direction; sums over many stretches are meaningful.
    """
    if before.everybody is None or after.everybody is None:
        return None
    return (after.everybody - before.everybody) - (after.own - before.own)


def wait_until_quiet(patience_s: float) -> float:
    """Wait until nothing but this thread is running, at most so long; the seconds that were waited."""
    begin = time.perf_counter()
    while (running := _running()) is not None and running > 1:
        waited = time.perf_counter() - begin
        if waited >= patience_s:
            return waited
        time.sleep(TICK_S)
    return time.perf_counter() - begin


def _everybody() -> float | None:
    try:
        first = STAT.read_text(encoding="ascii").split("\n", 1)[0].split()
    except (OSError, UnicodeDecodeError):
        return None
    user, nice, system, _, _, irq, softirq, *steal = (int(x) for x in first[1:9])
    return (user + nice + system + irq + softirq + sum(steal)) / os.sysconf("SC_CLK_TCK")


def _running() -> int | None:
    try:
        text = STAT.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    for line in text.splitlines():
        if line.startswith("procs_running"):
            return int(line.split()[1])
    return None
