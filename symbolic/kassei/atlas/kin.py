"""Functions that are one another, for all parameters or at particular ones, and functions that are affine images.

At their defaults all pairs are compared: most are told apart by enclosures of values at a few inputs, or by profiles
that no scale, rate and shift make equal, and what is left is proved equal or listed as undecided. For all parameters
the search is by matching and finds what it finds; what it reports is proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations

import sympy as sp

from kassei.atlas.entry import Entry
from kassei.atlas.kept import Comparisons, identity
from kassei.core.activation import Activation
from kassei.core.effort import TROUBLE
from kassei.core.enclose import Undecided, ball
from kassei.core.kinship import (
    Equality,
    Image,
    Profile,
    affine_images,
    at_parameters,
    certainly_differ,
    generic_images,
    shortened,
    values_agree,
    values_at,
    where_equal,
)
from kassei.core.region import Fork, Region


@dataclass(frozen=True, kw_only=True)
class Relation:
    """``function`` is the image for the parameters that satisfy ``condition``; at its defaults alone if so marked."""

    function: str
    image: Image
    condition: sp.Basic = sp.true
    at_defaults: bool = False
    exceptions: tuple[sp.Expr, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Undecidable:
    """Two functions, at their defaults or one as a case of the other, of which it is open whether they are equal."""

    function: str
    other: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Kin:
    """All relations that were found: ``same`` functions, and ``affine`` images grouped in ``classes``.

    ``pairs`` counts the pairs compared at the defaults, ``apart`` those of them shown not to be affine images.
    """

    same: tuple[Relation, ...]
    affine: tuple[Relation, ...]
    classes: tuple[tuple[str, ...], ...]
    undecided: tuple[Undecidable, ...]
    pairs: int
    apart: int

    @property
    def unsettled(self) -> int:
        """How many pairs are open at the defaults."""
        return self.pairs - self.apart - sum(len(names) * (len(names) - 1) // 2 for names in self.classes)


class Gallery:
    """Functions to compare with."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: Mapping[str, Entry] = {e.name: e for e in entries}
        self.functions: Mapping[str, Activation] = {name: e.activation for name, e in self.entries.items()}
        self.compared = Comparisons()

    @cached_property
    def alone(self) -> tuple[Activation, ...]:
        """The functions without parameters, the plainest first."""
        return tuple(sorted((f for f in self.functions.values() if not f.parameters), key=plainness))

    @cached_property
    def families(self) -> tuple[Activation, ...]:
        """The functions with parameters, those with fewest first."""
        return tuple(
            sorted((f for f in self.functions.values() if f.parameters), key=lambda f: (len(f.parameters), f.name))
        )

    def profiles(self, f: Activation) -> tuple[tuple[Region, Profile], ...]:
        """The profiles of a function on the parts of its parameter domain."""
        return self.entries[f.name].profiles

    def at_defaults(self, f: Activation) -> Profile | None:
        """The profile of a function at its defaults."""
        return self.entries[f.name].at_defaults

    def parted_by_limits(self, f: str, g: str) -> bool:
        """Whether limits of value or slope at an end, where no parameter is in them, tell two functions apart."""
        for key, mine in self.entries[f].limits.items():
            theirs = self.entries[g].limits.get(key)
            if (
                isinstance(mine, sp.Expr)
                and isinstance(theirs, sp.Expr)
                and not (mine.free_symbols | theirs.free_symbols)
            ):
                infinite = (mine in INFINITE, theirs in INFINITE)
                if (mine != theirs) if any(infinite) else certainly_differ([ball(mine, {})], [ball(theirs, {})]):
                    return True
        return False


INFINITE = (sp.oo, -sp.oo)


def fixed(f: Activation) -> Activation:
    """A function with its parameters at their defaults."""
    if not f.parameters:
        return f
    at = f.defaults
    return replace(f, expr=f.expr.subs(at), partial=tuple(e.subs(at) for e in f.partial), parameters=())


def kin_of(entries: Sequence[Entry], gallery: Gallery | None = None) -> Kin:
    """Who is who among the functions of an overview."""
    functions = [e.activation for e in entries]
    gallery = gallery or Gallery(entries)
    undecided: list[Undecidable] = []
    same = _same(functions, gallery, undecided)
    classes, affine, open_pairs, apart = _affine(functions, gallery)
    related = {(one.function, one.image.name) for one in (*same, *affine)}
    undecided = [one for one in (*undecided, *open_pairs) if (one.function, one.other) not in related]
    return Kin(
        same=tuple(same),
        affine=tuple(affine),
        classes=tuple(classes),
        undecided=tuple(dict.fromkeys(undecided)),
        pairs=len(functions) * (len(functions) - 1) // 2,
        apart=apart,
    )


# --- the same function ------------------------------------------------------------------------------------------------


def _same(functions: Sequence[Activation], gallery: Gallery, undecided: list[Undecidable]) -> list[Relation]:
    found: dict[tuple[str, str], Relation] = {}
    for f in functions:
        for g, relation, left_open in cases_of(f, gallery):
            undecided += left_open
            if relation is not None:
                found[f.name, g.name] = relation
    for f, g in combinations(gallery.alone, 2):
        if not certainly_differ(values_at(f, {}), values_at(g, {})):
            relation = _proved(f, g, Image(name=g.name), undecided)
            if relation is not None:
                found[f.name, g.name] = relation
    return [one for one in found.values() if not _implied(one, found)]


def cases_of(f: Activation, gallery: Gallery) -> Iterator[tuple[Activation, Relation | None, Sequence[Undecidable]]]:
    """What ``f`` is as a case of each family, and what was left open on the way."""
    for g in gallery.families:
        if f.name != g.name and not gallery.parted_by_limits(f.name, g.name):
            yield g, *gallery.compared(("case", identity(f), identity(g)), partial(_decided, f, g, gallery))


def _decided(f: Activation, g: Activation, gallery: Gallery) -> tuple[Relation | None, list[Undecidable]]:
    """What ``f`` is as a case of the family ``g``, and what was left open on the way."""
    undecided: list[Undecidable] = []
    return _case_of(f, g, gallery, undecided), undecided


def _case_of(f: Activation, g: Activation, gallery: Gallery, undecided: list[Undecidable]) -> Relation | None:
    """``f`` as a case of the family ``g``, for all of its parameters or else at its defaults."""
    for image in _members(f, gallery.profiles(f), g, gallery):
        relation = _proved(f, g, image, undecided)
        if relation is not None and not _isolated(relation.condition):
            return relation
    there = gallery.at_defaults(f)
    if not f.parameters or there is None:
        return None
    at = fixed(f)
    for image in _members(at, ((Region(), there),), g, gallery):
        relation = _proved(at, g, image, undecided)
        if relation is not None:
            return replace(relation, at_defaults=True)
    return None


def _members(
    f: Activation, known: Sequence[tuple[Region, Profile]], g: Activation, gallery: Gallery
) -> Iterator[Image]:
    """Members of the family ``g`` that ``f`` could be; the search ends where SymPy fails."""
    with suppress(Undecided, Fork, *TROUBLE):
        yield from at_parameters(f, known, g, gallery.profiles(g))


def _proved(f: Activation, g: Activation, image: Image, undecided: list[Undecidable]) -> Relation | None:
    try:
        equal = where_equal(f, g, image)
    except (Undecided, Fork, *TROUBLE) as left:
        equal = Equality(truth="unknown", why=str(left))
    if equal.truth == "unknown":
        undecided.append(Undecidable(function=f.name, other=g.name, why=equal.why))
    if equal.truth not in ("proved", "conditional"):
        return None
    return Relation(function=f.name, image=image, condition=equal.condition, exceptions=equal.exceptions)


def _isolated(condition: sp.Basic) -> bool:
    """Whether a condition asks for equality: so special that a third function explains it."""
    return bool(condition.atoms(sp.Eq))


def _implied(one: Relation, found: Mapping[tuple[str, str], Relation]) -> bool:
    """Whether a relation only repeats what holds the other way round, or for more parameters."""
    back = found.get((one.image.name, one.function))
    if back is None:
        return False
    rank = (one.at_defaults, one.condition is not sp.true, len(one.image.values), one.function)
    rank_back = (back.at_defaults, back.condition is not sp.true, len(back.image.values), back.function)
    return rank > rank_back


# --- affine images ----------------------------------------------------------------------------------------------------


def _affine(
    functions: Sequence[Activation], gallery: Gallery
) -> tuple[list[tuple[str, ...]], list[Relation], list[Undecidable], int]:
    """Classes of functions that at their defaults are affine images, each member with what it is of the first.

    Being an affine image is an equivalence, so each function is compared with one of each class only.
    """
    classes: list[list[Activation]] = []
    relations: list[Relation] = []
    told_apart: set[frozenset[str]] = set()
    left_open: dict[tuple[str, str], str] = {}
    for f in sorted(functions, key=plainness):
        for members in classes:
            first = members[0]
            key = ("image", identity(f), identity(first))
            relation, why = gallery.compared(key, partial(_image_or_why, f, first, gallery))
            if why is not None:
                left_open[f.name, first.name] = why
                continue
            if relation is not None:
                members.append(f)
                relations.append(relation)
                break
            told_apart.add(frozenset((f.name, first.name)))
        else:
            classes.append([f])
    home = {f.name: tuple(g.name for g in members) for members in classes for f in members}
    undecided = {
        frozenset((f, g)): Undecidable(function=f, other=g, why=why)
        for (one, other), why in left_open.items()
        if not any(frozenset((f, g)) in told_apart for f in home[one] for g in home[other]) and home[one] != home[other]
        for f in home[one]
        for g in home[other]
    }
    pairs = len(functions) * (len(functions) - 1) // 2
    related = sum(len(members) * (len(members) - 1) // 2 for members in classes)
    named = [tuple(f.name for f in members) for members in classes if len(members) > 1]
    return named, relations, list(undecided.values()), pairs - related - len(undecided)


def plainness(f: Activation) -> tuple[int, int, str]:
    """What a function is preferred by when one is to stand for others: few parameters, a short formula."""
    return (len(f.parameters), int(sp.count_ops(f.expr)), f.name)


def _image_or_why(f: Activation, first: Activation, gallery: Gallery) -> tuple[Relation | None, str | None]:
    """What ``f`` is of ``first``, or why that is open."""
    try:
        return _image_of(f, first, gallery), None
    except (Undecided, Fork, *TROUBLE) as left:
        return None, str(left)


def _image_of(f: Activation, first: Activation, gallery: Gallery) -> Relation | None:
    """What ``f`` at its defaults is of ``first`` at its own; None where it is shown to be no affine image."""
    mine, theirs = gallery.at_defaults(f), gallery.at_defaults(first)
    if mine is None or theirs is None:
        raise Undecided("the normal form at the defaults")
    here, there = fixed(f), fixed(first)
    for image in affine_images(mine, theirs, first.name, Region()):
        inner = there.expr.xreplace({there.variable: here.variable})
        if certainly_differ(values_at(here, {}), values_at(replace(here, expr=image.of(inner, here.variable)), {})):
            continue
        image = shortened(image)
        equal = where_equal(here, there, image)
        if equal.truth == "unknown":
            raise Undecided(equal.why)
        if equal.truth == "proved" and not equal.exceptions:
            whole = next(_for_all_parameters(f, first, gallery), None) if f.parameters else None
            values = tuple((p.name, p.default) for p in first.parameters)
            return whole or Relation(
                function=f.name, image=replace(image, values=values), at_defaults=bool(f.parameters)
            )
    return None


def _for_all_parameters(f: Activation, first: Activation, gallery: Gallery) -> Iterator[Relation]:
    """The same with the parameters of ``f`` as they come, where matching finds it."""
    theirs = gallery.at_defaults(first)
    if theirs is None:
        return
    values = tuple((p.name, p.default) for p in first.parameters)
    for region, mine in gallery.profiles(f):
        if region.fixed:
            continue
        try:
            for found in generic_images(mine, theirs, first.name, region):
                if not values_agree(f, fixed(first), found, region):
                    continue
                image = shortened(replace(found, values=values))
                equal = where_equal(f, first, image)
                if equal.truth in ("proved", "conditional") and not equal.exceptions and not _isolated(equal.condition):
                    yield Relation(function=f.name, image=image, condition=equal.condition)
        except (Undecided, Fork, *TROUBLE):
            continue
