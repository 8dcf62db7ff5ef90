"""Answers kept between runs under a name that says all they depend on; where nothing is kept, they are found anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from kassei import cache as store

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


def sources(paths: Iterable[Path]) -> str:
    """A short hash of some source files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
