"""Comparisons of functions kept between runs, each found by the definitions it compares and by the sources that decide.

One changed function is compared anew with all others; what was found about the others is found again. Titles and
references decide nothing (:attr:`Activation.bare`). Where nothing is kept (:mod:`kassei.cache`) all is computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from kassei import cache as store
from kassei import remember
from kassei.core.activation import Activation

T = TypeVar("T")


@cache
def generation() -> str:
    """The hash of this package's sources; the mathematics is hashed by the cache itself."""
    return remember.sources(tuple(Path(__file__).parent.glob("*.py")))


def remembered(what: str, functions: tuple[Activation, ...], work: Callable[[], T], known: str = "") -> T:
    """One answer about some functions, and about what else is ``known`` of them, kept in a file of its own."""
    told = hashlib.sha256(" ".join([*map(identity, functions), known]).encode()).hexdigest()[:32]
    return remember.remembered(f"{what}-{told}-{generation()}", work)


@cache
def identity(activation: Activation) -> str:
    """What a function is called here: a hash of all that decides about it."""
    return store.key(activation.bare)


class Comparisons:
    """Many small answers in one file: read when it is first asked for, written by :meth:`save` where it has grown."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Any] | None = None
        self._new: dict[tuple[str, ...], Any] = {}

    def __call__(self, key: tuple[str, ...], work: Callable[[], T]) -> T:
        """The answer to a question; ``work`` finds it where it is not known."""
        if key not in self.known:
            self.learn({key: work()})
        answer: T = self.known[key]
        return answer

    @property
    def known(self) -> dict[tuple[str, ...], Any]:
        """All answers there are."""
        if self._known is None:
            kept = store.load(self._name)
            self._known = kept if isinstance(kept, dict) else {}
        return self._known

    def learn(self, answers: Mapping[tuple[str, ...], Any]) -> None:
        """Take answers that were found now, here or by another process."""
        self._new.update(answers)
        self.known.update(answers)

    def learnt(self) -> dict[tuple[str, ...], Any]:
        """What was found since this was asked last."""
        new, self._new = self._new, {}
        return new

    @property
    def _name(self) -> str:
        return f"comparisons-{generation()}"

    def save(self) -> None:
        """Keep what is known for the next run."""
        if self.learnt():
            store.save(self._name, self._known)
