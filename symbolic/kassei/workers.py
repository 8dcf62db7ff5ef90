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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

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

    @property
    def stage(self) -> str | None:
        """What is being worked on."""
        return next((name for name in self.wanted if name not in self.found), None)

    def ended(self, code: int) -> None:
        """The process ended: if within a stage, leave that open, and all the others when no time is left."""
        stage = self.stage
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


class _Fork:
    """A process that decides nothing and forks, for each analysis, one that does; in a process group of their own.

    So every analysis starts from one state, whatever was analysed, unpacked or printed before it: how many functions a
    call of SymPy enters depends on what the parts of an expression, and numbers most of all, were asked already.
    """

    def __init__(self, activations: Sequence[Activation], known: Mapping[str, Form] | None) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        given = (theirs, self.connection, activations, known)
        self.process = multiprocessing.get_context("fork").Process(target=_serve, args=given, daemon=True)
        with _forking():
            self.process.start()
        theirs.close()
        with suppress(OSError):  # it may have done so itself, and begun or ended
            os.setpgid(self.process.pid or 0, self.process.pid or 0)

    def begin(self, one: _Analysis) -> None:
        """Go on with the first stage that has no answer."""
        with suppress(OSError):  # it has died, as the next answer will show
            self.connection.send_bytes(packed((one.place, one.wanted, one.found, one.left)))

    def hear(self, one: _Analysis) -> bool:
        """Take an answer; True at the end of the process that was to give one."""
        try:
            told = unpacked(self.connection.recv_bytes())
        except (EOFError, OSError):
            self.process.join()
            told = self.process.exitcode or 0
        if isinstance(told, int):
            one.ended(told)
            return True
        name, one.found[name], one.left = told
        return False

    def end(self) -> None:
        """Kill it and what it forked."""
        self.connection.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        self.process.join()


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
    ended: dict[int, Answered] = {}
    idle = [_Fork(activations, known) for _ in range(min(jobs, len(waiting)))]
    running: dict[Connection, tuple[_Fork, _Analysis]] = {}
    place = 0
    try:
        while waiting or running or ended:
            while waiting and idle:
                fork, one = idle.pop(), waiting.popleft()
                running[fork.connection] = fork, one
                fork.begin(one)
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                fork, one = running[connection]
                if not fork.hear(one):
                    continue
                del running[connection]
                if one.stage is None:
                    ended[one.place] = Answered(found=one.found, complete=one.complete)
                else:
                    waiting.appendleft(one)
                if fork.process.is_alive():
                    idle.append(fork)
                else:
                    fork.end()
                    idle.append(_Fork(activations, known))
            while place in ended:
                yield ended.pop(place)
                place += 1
    finally:
        for fork in (*idle, *(fork for fork, _ in running.values())):
            fork.end()


def _slice(left: float) -> float:
    return left / 2


@contextmanager
def _forking() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside the thread of a progress bar
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)  # JAX says so where it was imported before
        yield


def _serve(
    theirs: Connection, ours: Connection, activations: Sequence[Activation], known: Mapping[str, Form] | None
) -> None:
    """The process that forks: what each fork tells goes on to ``theirs``, and at its end its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours.close()
    try:
        os.setpgid(0, 0)
        while True:
            place, wanted, found, left = unpacked(theirs.recv_bytes())
            answers, told = multiprocessing.Pipe(duplex=False)
            with _forking():
                child = os.fork()
            if not child:
                answers.close()
                _work(told, activations[place], known, wanted, found, left)
            told.close()
            with suppress(EOFError), answers:
                while True:
                    theirs.send_bytes(answers.recv_bytes())
            _, status = os.waitpid(child, 0)
            theirs.send_bytes(packed(os.waitstatus_to_exitcode(status)))
    finally:
        os._exit(0)  # whoever asked has gone; nothing of theirs is flushed or closed twice


def _work(
    told: Connection,
    activation: Activation,
    known: Mapping[str, Form] | None,
    wanted: tuple[str, ...],
    given: Mapping[str, Any],
    left: float | None,
) -> NoReturn:
    """The process of one analysis tells answers as it finds them; the timer of a stage ends it, inside C code too."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY_BYTES, resource.RLIM_INFINITY))
    code = 1

    def again(now: float | None) -> None:
        if now is not None:
            signal.setitimer(signal.ITIMER_PROF, max(_slice(now), 1e-3))

    def tell(name: str, answer: Any) -> None:
        now = None if left is None else left - time.process_time()
        told.send_bytes(packed((name, answer, now)))
        again(now)

    try:
        again(left)
        decide(activation, known, wanted=wanted, given=given, done=tell)
        code = 0
    finally:
        os._exit(code)


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
