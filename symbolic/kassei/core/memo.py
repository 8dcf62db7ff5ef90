"""Functions that remember what they found, and forget it together.

What SymPy has cached decides how many functions its next call enters, so what is remembered from an earlier question
must not spare it a call. An analysis therefore begins with nothing remembered, in whatever process it is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar

T = TypeVar("T")

SAME_HASHES = not sys.flags.hash_randomization
"""Whether ``PYTHONHASHSEED`` is 0, and so whether SymPy takes the same steps in every process."""

_remembering: list[_lru_cache_wrapper[Any]] = []


def memo(maxsize: int) -> Callable[[Callable[..., T]], _lru_cache_wrapper[T]]:
    """``lru_cache`` for what :func:`forget` empties."""

    def wrap(function: Callable[..., T]) -> _lru_cache_wrapper[T]:
        cached = lru_cache(maxsize=maxsize)(function)
        _remembering.append(cached)
        return cached

    return wrap


def forget() -> None:
    """Empty every :func:`memo`."""
    for cached in _remembering:
        cached.cache_clear()
