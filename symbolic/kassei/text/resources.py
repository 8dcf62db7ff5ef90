"""Where the files that are not Python are: inside an installed package, or in the checkout beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


LANGUAGES = ("en", "ja")
ROOT = "ja"
"""The language at the root of the site; the others are in a folder of their name."""


@cache
def resource(name: str) -> Path:
    """The folder ``templates`` or ``site``.

    A wheel carries both inside the package; an editable install or a checkout has them two levels up.
    Raises ``FileNotFoundError`` naming both places.
    """
    inside, checkout = PACKAGE / name, PACKAGE.parent.parent / name
    for folder in (inside, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"kassei's {name!r} folder is neither at {inside} nor at {checkout}")
