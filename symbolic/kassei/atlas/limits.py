"""Which function tends to which: a directed graph over the functions of an overview, from their parameter limits.

A limit is recognised as a constant, as a function of the overview, as a member of a family at particular parameters,
or as ``scale*g(rate*v) + shift``; each is proved on the normal form (:mod:`kassei.core.kinship`). What is recognised
as nothing keeps its formula and has no edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from graphlib import CycleError, TopologicalSorter

import sympy as sp

from kassei.atlas.entry import Entry
from kassei.atlas.kept import identity
from kassei.atlas.kin import Gallery, plainness
from kassei.core.activation import Activation
from kassei.core.dossier import Convergence, ParamLimit
from kassei.core.effort import TROUBLE
from kassei.core.enclose import Undecided
from kassei.core.kinship import (
    Image,
    Profile,
    at_parameters,
    generic_images,
    profiles,
    shortened,
    values_agree,
    where_equal,
)
from kassei.core.region import Fork, Region

CONSTANT = "constant"
"""The node of the constant functions; the value stands at the edge."""
SINKS = ("identity", "relu", "step")
"""Where families end; an affine image of these is preferred to a member of a family."""


Known = Sequence[tuple[Region, Profile]]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One limit: what ``source`` becomes as ``param`` goes ``to`` an end (or to 0).

    ``target`` is a function's name, ``constant``, or None where the limit is none of these; ``image`` says how the
    limit is made of the target, ``exceptions`` at which inputs it differs.
    """

    source: str
    param: str
    to: str
    equals: sp.Expr
    target: str | None
    image: Image | None
    exceptions: tuple[sp.Expr, ...]
    convergence: Convergence
    on_bounded_sets: Convergence
    error: sp.Expr | None
    error_when: sp.Basic


@dataclass(frozen=True, kw_only=True)
class LimitAtlas:
    """All limits that exist, those with a target as edges of a graph; ``functions`` is the whole overview."""

    functions: tuple[str, ...]
    limits: tuple[Edge, ...]

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The limits that lead to a node."""
        return tuple(e for e in self.limits if e.target is not None)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Everything that an edge touches, in alphabetical order, constants last."""
        touched = {name for e in self.edges for name in (e.source, e.target) if name is not None}
        return (*sorted(touched - {CONSTANT}), *([CONSTANT] if CONSTANT in touched else []))

    @cached_property
    def layers(self) -> dict[str, int]:
        """The length of the longest path from each node to a sink; what closes a circle is passed over."""
        ahead: dict[str, set[str]] = {name: set() for name in self.nodes}
        for edge in sorted(self.edges, key=lambda e: (e.source, str(e.target))):
            if edge.target is None or edge.target == edge.source:
                continue
            ahead[edge.source].add(edge.target)
            try:
                tuple(TopologicalSorter(ahead).static_order())
            except CycleError:
                ahead[edge.source].remove(edge.target)
        depth: dict[str, int] = {}
        for name in TopologicalSorter(ahead).static_order():
            depth[name] = max((depth[other] + 1 for other in ahead[name]), default=0)
        return depth


def limit_atlas(entries: Sequence[Entry], gallery: Gallery | None = None) -> LimitAtlas:
    """The limits of all parameters of the functions of an overview."""
    gallery = gallery or Gallery(entries)
    limits = [edge for e in entries for edge in edges_of(e, gallery)]
    return LimitAtlas(functions=tuple(e.name for e in entries), limits=tuple(limits))


def edges_of(entry: Entry, gallery: Gallery) -> list[Edge]:
    """The limits of one function's parameters."""
    return [_edge(entry.activation, one, one.equals, gallery) for one in entry.param_limits if one.equals is not None]


def _edge(f: Activation, one: ParamLimit, equals: sp.Expr, gallery: Gallery) -> Edge:
    target, image, exceptions = _recognised(f, one, equals, gallery)
    return Edge(
        source=f.name,
        param=one.param,
        to=one.to,
        equals=equals,
        target=target,
        image=image,
        exceptions=exceptions,
        convergence=one.convergence,
        on_bounded_sets=one.on_bounded_sets,
        error=one.error,
        error_when=one.error_when,
    )


def _recognised(
    f: Activation, one: ParamLimit, equals: sp.Expr, gallery: Gallery
) -> tuple[str | None, Image | None, tuple[sp.Expr, ...]]:
    name = one.same_as or one.nearly
    if name is not None and name in gallery.functions:
        return name, Image(name=name), one.exceptions
    if f.variable not in equals.free_symbols:
        return CONSTANT, None, ()
    left = tuple(p for p in f.parameters if p.name != one.param and p.symbol in equals.free_symbols)
    limit = Activation(name=f.name, variable=f.variable, source=str(equals), expr=equals, parameters=left)
    try:
        for image in _proposals(limit, gallery):
            equal = where_equal(limit, gallery.functions[image.name], image)
            if equal.truth == "proved":
                return image.name, image, equal.exceptions
    except (Undecided, Fork, *TROUBLE):
        pass
    return None, None, ()


def _proposals(limit: Activation, gallery: Gallery) -> Iterator[Image]:
    """What a limit could be, the plainest first; not the family it comes from."""
    known = gallery.compared(("profiles", identity(limit)), lambda: profiles(limit))
    families = [g for g in gallery.families if g.name != limit.name]
    single = [g for g in families if len(g.parameters) == 1]
    double = [g for g in families if len(g.parameters) == 2]
    several = [g for g in families if len(g.parameters) > 2]
    yield from _images(limit, known, [g for g in gallery.alone if g.name in SINKS], gallery)
    yield from _members(limit, known, single, gallery)
    yield from _members(limit, known, double, gallery)
    yield from _images(limit, known, [g for g in gallery.alone if g.name not in SINKS], gallery)
    yield from _members(limit, known, single, gallery, mirrored=True)
    yield from _members(limit, known, several, gallery)


def _members(
    limit: Activation, known: Known, families: Sequence[Activation], gallery: Gallery, *, mirrored: bool = False
) -> list[Image]:
    """Members of families, those at the plainest parameters first."""
    found = []
    for g in families:
        key = ("mirrored member" if mirrored else "member", identity(limit), identity(g))
        found += gallery.compared(key, partial(_proposed, limit, known, g, gallery, mirrored))
    return sorted(
        found,
        key=lambda image: (
            sum(int(sp.count_ops(value)) for _, value in image.values),
            plainness(gallery.functions[image.name]),
        ),
    )


def _proposed(limit: Activation, known: Known, g: Activation, gallery: Gallery, mirrored: bool) -> list[Image]:
    return list(at_parameters(limit, known, g, gallery.profiles(g), mirrored=mirrored))


def _images(limit: Activation, known: Known, patterns: Sequence[Activation], gallery: Gallery) -> Iterator[Image]:
    """Affine images of functions without parameters."""
    for g in patterns:
        yield from gallery.compared(("image of", identity(limit), identity(g)), partial(_of, limit, known, g, gallery))


def _of(limit: Activation, known: Known, g: Activation, gallery: Gallery) -> list[Image]:
    theirs, found = gallery.at_defaults(g), []
    for region, mine in known:
        if theirs is None or len(mine) != len(theirs):
            continue
        with suppress(Undecided, Fork, *TROUBLE):
            for image in generic_images(mine, theirs, g.name, region):
                if values_agree(limit, g, image, region):
                    found.append(shortened(image))
    return found
