"""The comparisons that take longest, found by several processes before the overview asks for them.

Each is about two functions and about nothing else, so it does not matter which process finds it, or when.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Mapping
from typing import Any

from kassei.atlas.kin import Gallery, cases_of
from kassei.atlas.limits import edges_of
from kassei.cache import packed, unpacked

_gallery: Gallery | None = None
"""What one of the processes compares with."""


def compare_ahead(gallery: Gallery, processes: int) -> None:
    """Compare every function with the families, and its limits with all that they could be."""
    entries = packed(tuple(gallery.entries.values()))
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _begin, (entries,)) as pool:
        for found in pool.imap_unordered(_compared, gallery.entries):
            gallery.compared.learn(unpacked(found))


def _begin(entries: bytes) -> None:
    """Load the functions; an interrupt is the parent's business."""
    global _gallery
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _gallery = Gallery(unpacked(entries))


def _compared(name: str) -> bytes:
    assert _gallery is not None
    entry = _gallery.entries[name]
    edges_of(entry, _gallery)
    for _ in cases_of(entry.activation, _gallery):
        pass
    found: Mapping[tuple[str, ...], Any] = _gallery.compared.learnt()
    return packed(found)
