"""What both languages share of a function: computed for the first that asks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


def once(work: Callable[[V], T]) -> Callable[[V], T]:
    """A function that remembers its answer about the value it was last asked about: that very value, not an equal."""
    last: list[tuple[V, T]] = []

    @functools.wraps(work)
    def answer(value: V) -> T:
        if not last or last[0][0] is not value:
            last[:] = [(value, work(value))]
        return last[0][1]

    return answer
