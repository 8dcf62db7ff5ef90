"""The catalogue as a mapping, and analysis that knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kassei.core.activation import Activation
from kassei.core.reading import load

if TYPE_CHECKING:
    from kassei.core.dossier import Dossier, Facts
    from kassei.core.pieces import Form

FOLDER = Path(__file__).resolve().parent / "catalogue"


class Catalogue(Mapping[str, Activation]):
    """The definition files of a folder by name, in alphabetical order, each read when it is first asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = Path(folder)
        self._read: dict[str, Activation] = {}

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self.folder.glob("*.toml"))}

    def __getitem__(self, name: str) -> Activation:
        if name not in self._read:
            self._read[name] = load(self._paths[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """Normal forms of the functions without parameters, to recognise limits by."""
        from kassei.core.convergence import known_forms

        return known_forms(self)


catalogue = Catalogue()


def analyze(activation: Activation, known: Catalogue | None = None) -> Dossier:
    """Derive and decide everything about one function; limits are compared with the catalogue's functions."""
    from kassei.core.analysis import analyze as analyse

    return analyse(activation, (catalogue if known is None else known).forms)


@cache
def facts(activation: Activation) -> Facts:
    """What derivation alone finds, with limits compared with the catalogue."""
    from kassei.core.derive import derive

    return derive(activation, catalogue.forms)
