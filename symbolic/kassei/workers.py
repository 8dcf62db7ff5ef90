"""Analyses in processes of their own, several at a time, each of which is cut off where it takes too long.

The prover counts its work, and what it counts decides every verdict that is found. What no count sees (a call that
stays inside a C library, memory that fills up) ends here: the stage of the analysis in which it happens is left open,
and a new process goes on with the next one. Limits are processor seconds, which other programs do not use up.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from kassei.cache import packed, unpacked
from kassei.core.activation import Activation
from kassei.core.analysis import cut_off, decide, stages
from kassei.core.pieces import Form
from kassei.core.verdict import Step

LEAST_S = 0.5
"""With less than this left, no further stage is begun."""
MEMORY_BYTES = 6 * 2**30
"""What a process may allocate beyond what it has when it starts."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The answers of the wanted stages; ``complete`` where none was cut off."""

    found: Mapping[str, Any]
    complete: bool


@dataclass(kw_only=True)
class _Analysis:
    """One function on its way."""

    place: int
    activation: Activation
    wanted: tuple[str, ...]
    left: float | None
    found: dict[str, Any] = field(default_factory=dict)
    complete: bool = True
    process: BaseProcess | None = None

    @property
    def stage(self) -> str | None:
        """What is being worked on."""
        return next((name for name in self.wanted if name not in self.found), None)

    def start(self, known: Mapping[str, Form] | None) -> Connection:
        """A process that goes on with the first stage that has no answer."""
        ours, theirs = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("fork")
        given = (theirs, ours, self.activation, known, self.wanted, dict(self.found), self.left)
        self.process = context.Process(target=_work, args=given, daemon=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside the thread of a progress bar
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)  # JAX says so where it was imported before
            self.process.start()
        theirs.close()
        return ours

    def hear(self, message: bytes) -> None:
        """Take an answer."""
        name, answer, left = unpacked(message)
        self.found[name] = answer
        self.left = left

    def give_up(self) -> None:
        """The process ended within a stage: leave that open, and all the others when no time is left."""
        assert self.process is not None
        self.process.join()
        stage, code = self.stage, self.process.exitcode or 0
        if stage is None:
            return
        self.complete = False
        if code == -signal.SIGPROF and self.left is not None:
            slice_s = _slice(self.left)
            why = Step("cut_off", {"stage": stage, "seconds": f"{slice_s:.1f}"})
            self.left -= slice_s
        else:
            reason = signal.Signals(-code).name if code < 0 else f"exit {code}"
            why = Step("ended_early", {"stage": stage, "reason": reason})
        self.found[stage] = cut_off(self.activation, stage, why)
        while self.stage is not None and self.left is not None and self.left < LEAST_S:
            self.found[self.stage] = cut_off(self.activation, self.stage, why)


def analyses(
    activations: Sequence[Activation],
    known: Mapping[str, Form] | None = None,
    *,
    wanted: tuple[str, ...] | None = None,
    jobs: int = 1,
    seconds: float | None = None,
) -> Iterator[Answered]:
    """The answers for each function, in their order, worked out by ``jobs`` processes at a time.

    ``seconds`` of processor time are given to each function, half of what is left to a stage; None: no limit. A stage
    that is cut off, or whose process dies, is ``unknown`` and says why.
    """
    wanted = stages() if wanted is None else wanted
    waiting = deque(_Analysis(place=k, activation=f, wanted=wanted, left=seconds) for k, f in enumerate(activations))
    running: dict[Connection, _Analysis] = {}
    ended: dict[int, Answered] = {}
    place = 0
    try:
        while waiting or running or ended:
            while waiting and len(running) < jobs:
                one = waiting.popleft()
                running[one.start(known)] = one
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                one = running[connection]
                try:
                    one.hear(connection.recv_bytes())
                except EOFError:
                    del running[connection]
                    connection.close()
                    one.give_up()
                    if one.stage is None:
                        ended[one.place] = Answered(found=one.found, complete=one.complete)
                    else:
                        running[one.start(known)] = one
            while place in ended:
                yield ended.pop(place)
                place += 1
    finally:
        for connection, one in running.items():
            connection.close()
            if one.process is not None:
                one.process.kill()
                one.process.join()


def _slice(left: float) -> float:
    return left / 2


def _work(
    theirs: Connection,
    ours: Connection,
    activation: Activation,
    known: Mapping[str, Form] | None,
    wanted: tuple[str, ...],
    given: Mapping[str, Any],
    left: float | None,
) -> None:
    """The process: answers go out as they are found; the timer of a stage ends it, inside C code too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    ours.close()
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY_BYTES, resource.RLIM_INFINITY))
    code = 1

    def again(now: float | None) -> None:
        if now is not None:
            signal.setitimer(signal.ITIMER_PROF, max(_slice(now), 1e-3))

    def tell(name: str, answer: Any) -> None:
        now = None if left is None else left - time.process_time()
        theirs.send_bytes(packed((name, answer, now)))
        again(now)

    try:
        again(left)
        decide(activation, known, wanted=wanted, given=given, done=tell)
        code = 0
    finally:
        os._exit(code)  # nothing of the parent's is flushed or closed twice


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
