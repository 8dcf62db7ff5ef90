"""One built site of a part of the catalogue for all tests of a process: analysed once, built once."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from functions import ON_SMALL_SITE, small_catalogue
from kassei.claims.ledger import decide_all
from kassei.core.dossier import Dossier
from kassei.library import analyze
from kassei.render.site import build, parts_of

NAMES = tuple(sorted(ON_SMALL_SITE))


@cache
def dossiers() -> tuple[Dossier, ...]:
    small = small_catalogue()
    return tuple(analyze(small[name], small) for name in NAMES)


@cache
def claims() -> list[dict[str, Any]]:
    return [decided.to_json() for decided in decide_all()]


def fresh_build() -> Path:
    """A folder with ``site`` and ``docs`` in it."""
    folder = Path(tempfile.mkdtemp(prefix="kassei-site-"))
    build(parts_of(dossiers()), claims(), folder / "site", docs=folder / "docs")
    return folder


@cache
def built() -> Path:
    """The small site; with ``KASSEI_BUILT`` the one whose ``site`` and ``docs`` are in that folder."""
    given = os.environ.get("KASSEI_BUILT")
    return Path(given) if given else fresh_build()
