"""What is computed over many functions at once, from their dossiers and never by analysing one again.

The limit atlas, who is who, the requirements in all readings, and what is left open: see :class:`Atlas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kassei.atlas.ahead import compare_ahead
from kassei.atlas.entry import Entry, Kind, Open
from kassei.atlas.kept import remembered
from kassei.atlas.kin import Gallery, Kin, Relation, kin_of
from kassei.atlas.limits import CONSTANT, Edge, LimitAtlas, limit_atlas
from kassei.atlas.readings import Reading, Readings

__all__ = [
    "CONSTANT",
    "Atlas",
    "Edge",
    "Entry",
    "Gallery",
    "Kin",
    "Kind",
    "LimitAtlas",
    "Open",
    "Reading",
    "Readings",
    "Relation",
    "atlas",
]


MANY = 40
"""Functions from which on other processes save more time than they take to start."""


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """The overview of a catalogue."""

    entries: tuple[Entry, ...]
    limits: LimitAtlas
    kin: Kin

    @property
    def readings(self) -> tuple[Readings, ...]:
        """The requirements of each function in all readings."""
        return tuple(e.readings for e in self.entries)


def atlas(entries: Sequence[Entry], *, processes: int = 1) -> Atlas:
    """The overview of some functions; of none at all it is empty. Several processes find the same, sooner."""
    known = [
        [(x.param, x.to, x.equals, x.same_as, x.nearly, x.convergence, x.error) for x in e.param_limits]
        for e in entries
    ]
    limits, kin = remembered(
        "atlas", tuple(e.activation for e in entries), lambda: _compared(entries, processes), str(known)
    )
    return Atlas(entries=tuple(entries), limits=limits, kin=kin)


def _compared(entries: Sequence[Entry], processes: int) -> tuple[LimitAtlas, Kin]:
    gallery = Gallery(entries)
    if processes > 1 and len(entries) >= MANY and not gallery.compared.known:
        compare_ahead(gallery, processes)
    found = limit_atlas(entries, gallery), kin_of(entries, gallery)
    gallery.compared.save()
    return found
