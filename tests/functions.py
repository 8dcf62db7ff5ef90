"""The catalogue as the tests walk through it.

``SOURCES`` are the functions of the five sources: every check runs on them, at parameters far out in their domains.
``OTHERS`` are all the rest: fewer parameter values and dtypes, so that the suite stays quick. Tests of one function
run in one worker (conftest.py), where its analysis and its emitted code are made once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kassei import cache as store
from kassei.core.dossier import Dossier
from kassei.library import Catalogue, analyze, catalogue

SOURCES = (
    *("elu", "exponential", "gelu", "gelu_tanh", "identity", "leaky_relu", "prelu", "rational", "relu", "rrelu"),
    *("sigmoid", "step", "tanh", "temperature"),
)
NAMES = tuple(catalogue)
OTHERS = tuple(name for name in NAMES if name not in SOURCES)
ON_SMALL_SITE = (*SOURCES, "hard_shrink", "hardtanh", "pelu", "siren", "silu")
"""The sources' functions, one that jumps, one with two kinks that move, one with two learned parameters, one without
limits, one with enclosed values: what the pages have to show."""


SLOW = ("acon_c", "richards", "smu", "srelu", "triple_state_sigmoid")
"""Functions whose analysis takes more than seven seconds of one core; it is tested under ``pytest --slow``."""
EACH = tuple(pytest.param(n, marks=pytest.mark.only_slow) if n in SLOW else n for n in NAMES)
"""All names; those of ``SLOW`` run under ``pytest --slow``."""
FEW = tuple(n if n in ON_SMALL_SITE else pytest.param(n, marks=pytest.mark.only_slow) for n in NAMES)
"""All names; those that are not on the small site run under ``pytest --slow``."""
LEARNED = tuple(p for n, p in zip(NAMES, FEW, strict=True) if catalogue[n].learned)
"""As ``FEW``, of those with learned parameters."""
options = {"slow": False}


def others(dtype: str) -> list[Any]:
    """``OTHERS`` with a dtype; those of ``SLOW`` run under ``pytest --slow``."""
    marks = {n: pytest.mark.only_slow if n in SLOW else () for n in OTHERS}
    return [pytest.param(n, dtype, marks=mark) for n, mark in marks.items()]


@cache
def dossier(name: str) -> Dossier:
    """The analysis of one function, once a process."""
    if name in SLOW and not options["slow"]:
        pytest.skip("its analysis takes more than seven seconds: pytest --slow")
    found = analyze(catalogue[name])
    keep_for_the_site(found)
    return found


def keep_for_the_site(found: Dossier) -> None:
    """Put an analysis where ``make site`` finds it, if ``KASSEI_KEEP`` names a folder; no test reads it there."""
    folder = os.environ.get("KASSEI_KEEP")
    if folder:
        reads = os.environ.get("KASSEI_CACHE", "")
        os.environ["KASSEI_CACHE"] = folder
        try:
            store.keep(found)
        finally:
            os.environ["KASSEI_CACHE"] = reads


@cache
def small_catalogue() -> Catalogue:
    """A folder with some of the definitions."""
    folder = Path(tempfile.mkdtemp(prefix="kassei-catalogue-"))
    for name in ON_SMALL_SITE:
        shutil.copy(catalogue.folder / f"{name}.toml", folder)
    return Catalogue(folder)
