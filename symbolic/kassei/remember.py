"""Answers kept between runs under a name that says all they depend on; where nothing is kept, they are found anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kassei import cache as store

if TYPE_CHECKING:
    from kassei.core.activation import Activation

T = TypeVar("T")


def remembered(name: str, work: Callable[[], T]) -> T:
    """What was kept under a name, and else what ``work`` finds; what it raises is not kept."""
    kept = store.load(name)
    if isinstance(kept, tuple) and len(kept) == 1:
        answer: T = kept[0]
        return answer
    answer = work()
    store.save(name, (answer,))
    return answer


def about(activation: Activation, what: str, decided_by: tuple[Path, ...], work: Callable[[], T]) -> T:
    """What was proved of a function, found by its definition and by the sources that decide.

    The mathematics is hashed by the cache itself; titles and references decide nothing (:attr:`Activation.bare`).
    """
    return remembered(f"{store.key(activation.bare)}-{what}-{sources(decided_by)}", work)


@cache
def sources(paths: tuple[Path, ...]) -> str:
    """A short hash of some source files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
