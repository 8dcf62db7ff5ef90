"""The catalogue as a mapping, and analysis that knows it."""

from __future__ import annotations

import difflib
import functools
import math
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kassei import cache
from kassei.core.activation import Activation
from kassei.core.complaint import complaint
from kassei.core.reading import DefinitionError, load

if TYPE_CHECKING:
    from kassei.core.dossier import Dossier, Facts
    from kassei.core.pieces import Form
    from kassei.core.verdict import Verdict
    from kassei.workers import Answered

T = TypeVar("T")

FOLDER = Path(__file__).resolve().parent / "catalogue"
DEFAULT_LIMIT_S = 100.0
"""Processor seconds for the analysis of one function."""
OUT_OF_SCOPE = FOLDER.parent / "out_of_scope.toml"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Something called an activation function that the catalogue leaves out, and why; texts by language."""

    name: str
    title: Mapping[str, str]
    reason: Mapping[str, str]


@functools.cache
def out_of_scope() -> tuple[LeftOut, ...]:
    """What the catalogue leaves out because it is no function of one real variable, in the file's order."""
    with OUT_OF_SCOPE.open("rb") as file:
        return tuple(LeftOut(**entry) for entry in tomllib.load(file)["entry"])


class Catalogue(Mapping[str, Activation]):
    """The definition files of a folder by name, in alphabetical order, each read when it is first asked for.

    The names come from the file names, so that listing them reads no file. An unknown name raises ``KeyError`` with
    the names that look like it; a file that is not a definition of its own name raises ``DefinitionError``.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = Path(folder)
        self._read: dict[str, Activation] = {}

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self.folder.glob("*.toml"))}

    def __getitem__(self, name: str) -> Activation:
        if name not in self._read:
            if name not in self._paths:
                near = self.near(name)
                hint = f"did you mean {' / '.join(near)}?" if near else f"it has {', '.join(self)}"
                raise KeyError(f"{name!r} is not in the catalogue; {hint}")
            activation = load(self._paths[name])
            if activation.name != name:
                raise DefinitionError(self._paths[name], "name", complaint("name_not_stem", found=activation.name))
            self._read[name] = activation
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def find(self, name: str) -> Activation | None:
        """The activation of that name or alias, or None; capital letters, and ``-`` for ``_``, do not matter."""
        wanted = _folded(name)
        if wanted in self:
            return self[wanted]
        return next((f for f in self.values() if wanted in map(_folded, f.aliases)), None)

    def near(self, name: str) -> tuple[str, ...]:
        """The names and aliases that look like a name, likeliest first."""
        known = {_folded(n): n for f in self.values() for n in (*f.aliases, f.name)}
        return tuple(known[n] for n in difflib.get_close_matches(_folded(name), list(known), n=3, cutoff=0.6))

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """Normal forms of the functions without parameters, to recognise limits by."""
        from kassei.core.convergence import KnownForms

        return KnownForms(self)


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")


catalogue = Catalogue()


def analyze(activation: Activation, known: Catalogue | None = None) -> Dossier:
    """Derive and decide everything about one function; limits are compared with the catalogue's functions.

    Under ``PYTHONHASHSEED=0`` the dossier is the same to the last byte in every process, as the commands' dossiers are.
    """
    from kassei.core.document import speak_with
    from kassei.text.words import spoken

    speak_with(spoken)
    if known is not None:
        return _analysed(activation, known)
    found = cache.find(activation)
    if found is None:
        found = _analysed(activation, catalogue)
        cache.keep(found)
    return found


def _analysed(activation: Activation, known: Catalogue) -> Dossier:
    from kassei.core.analysis import analyze as analyse

    return analyse(activation, known.forms)


def analyze_all(
    activations: Iterable[Activation], *, jobs: int | None = None, seconds: float | None = None
) -> Iterator[Dossier]:
    """The dossiers of several functions, in their order, each as soon as it and those before it are done.

    What is not kept from an earlier run is analysed in ``jobs`` processes (as many as there are processors), each of
    which may use so many ``seconds`` of processor time (``DEFAULT_LIMIT_S`` of them; ``math.inf``: no limit). A
    dossier in which something was cut off is kept for those who give as many seconds.
    """
    functions = list(activations)
    cut = DEFAULT_LIMIT_S if seconds is None else seconds
    kept = {f: cache.find(f) or cache.find(f, cut) for f in functions}
    todo = [f for f, dossier in kept.items() if dossier is None]
    answers = _answers(todo, None, jobs, seconds)
    return _in_order(functions, kept, (_joined(f, next(answers), cut) for f in todo))


def _joined(activation: Activation, answered: Answered, cut: float) -> Dossier:
    from kassei.core.analysis import dossier

    joined = dossier(activation, answered.found)
    cache.keep(joined, None if answered.complete else cut)
    return joined


def require_all(activations: Iterable[Activation], *, seconds: float | None = None) -> Iterator[Mapping[str, Verdict]]:
    """R1, R2 and R3 of several functions, as :func:`analyze_all` finds them, without the rest."""
    functions = list(activations)
    kept = {f: cache.find(f) for f in functions}
    answers = _answers([f for f, dossier in kept.items() if dossier is None], ("R1", "R2", "R3"), None, seconds)
    known = {f: None if dossier is None else dossier.requirements for f, dossier in kept.items()}
    return _in_order(functions, known, (answered.found for answered in answers))


def _in_order(functions: Sequence[Activation], kept: Mapping[Activation, T | None], made: Iterator[T]) -> Iterator[T]:
    """What is kept, and where nothing is the next that is made, each as soon as it is there."""
    found = dict(kept)
    for f in functions:
        one = found[f]
        if one is None:
            one = found[f] = next(made)
        yield one


def _answers(
    functions: Sequence[Activation], wanted: tuple[str, ...] | None, jobs: int | None, seconds: float | None
) -> Iterator[Answered]:
    from kassei.core.document import speak_with
    from kassei.text.words import spoken

    speak_with(spoken)
    if not functions:
        return iter(())
    from kassei import workers

    limit = DEFAULT_LIMIT_S if seconds is None else None if math.isinf(seconds) else seconds
    jobs = min(jobs or os.cpu_count() or 1, len(functions))
    return workers.analyses(functions, catalogue.forms, wanted=wanted, jobs=jobs, seconds=limit)


@functools.cache
def facts(activation: Activation) -> Facts:
    """What derivation alone finds, with limits compared with the catalogue."""
    from kassei.core.derive import derive
    from kassei.core.effort import work

    with work():
        return derive(activation, catalogue.forms)
