"""A bound on the seconds of one piece of work, for compilers that may take minutes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLong(BaseException):
    """Raised inside the work; a ``BaseException`` because compilers catch and rephrase every ``Exception``."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise ``TookTooLong`` in the work below after so many seconds; outside the main thread there is no bound."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    deadline = time.monotonic() + seconds
    before = signal.getsignal(signal.SIGALRM)

    def alarm(number: int, frame: FrameType | None) -> None:
        if time.monotonic() < deadline and callable(before):
            before(number, frame)  # somebody else's alarm
        else:
            raise TookTooLong

    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again every second, should it be raised in a destructor
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
