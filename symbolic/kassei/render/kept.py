"""What a function gives to the site, and what MkDocs makes of a page, kept between builds in :mod:`kassei.cache`.

There is one slot for each function and page of a checkout, so that editing fills no disk. A slot says what it was made
from: the definition with its titles, the dossier's bytes, the sources of everything that writes, the words, the
results of measurements and the versions of the libraries. A value whose origin differs is made again.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kassei import cache as store
from kassei.text.resources import PACKAGE, resource

if TYPE_CHECKING:
    from kassei.core.activation import Activation

WRITERS = ("atlas", "audit", "bench", "claims", "codegen", "render", "text")
"""The packages that decide what a page says; the mathematics before them is what the cache itself is named by."""
BUILDERS = ("site.py", "engine.py", "kept.py", "serve.py", "safely.py")
"""Modules of ``render`` that put pages together and write no word of them."""
LIBRARIES = ("jinja2", "markupsafe", "math-core", "matplotlib", "numpy", "sympy")
ANY = "any"
"""The origin of whatever a slot holds."""
QUICK = 1
"""The level of compression."""


def hashed(roots: Iterable[Path], *, but: Iterable[str] = ()) -> str:
    """The hash of all files below some folders, by name and content."""
    found, left_out = hashlib.sha256(), set(but)
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.name not in left_out:
                found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def digest(*texts: str) -> str:
    """The hash of some texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def versions(names: Iterable[str]) -> str:
    """The installed versions of some distributions."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} -")
    return ", ".join(found)


@cache
def _writers() -> str:
    """The hash of what writes pages, taken once a process as the sources are read once."""
    from kassei.bench.results import FOLDER as RESULTS

    site = resource("site")
    roots = [*(PACKAGE / name for name in WRITERS), resource("templates"), site / "words", site / "pages", RESULTS]
    return hashed([root for root in roots if root.is_dir()], but=BUILDERS) + versions(LIBRARIES)


def origin(activation: Activation) -> str | None:
    """What the parts of a function are made from; None where its dossier is not kept, so that it must be made first."""
    from kassei.library import DEFAULT_LIMIT_S

    root = store.folder()
    if root is None:
        return None
    known = store.key(activation.bare)
    for name in (known, f"{known}-cut-{DEFAULT_LIMIT_S:g}"):
        try:
            dossier = (root / store.GENERATION / name).read_bytes()
        except OSError:
            continue
        told = " ".join([store.key(activation), hashlib.sha256(dossier).hexdigest(), _writers()])
        return hashlib.sha256(told.encode()).hexdigest()
    return None


def slot(*names: str) -> str:
    """Where something of this checkout is kept."""
    return "site-" + digest(str(PACKAGE), *names)[:32]


def find(name: str, made_from: str | None) -> Any:
    """What a slot holds, if it was made from the same; else None."""
    kept = store.load(name) if made_from else None
    if not isinstance(kept, tuple) or len(kept) != 2 or made_from not in (kept[0], ANY):
        return None
    try:
        return store.unpacked(zlib.decompress(kept[1]))
    except Exception:  # a damaged file is as good as none
        return None


def keep(name: str, made_from: str | None, value: Any) -> None:
    """Fill a slot."""
    if made_from and store.folder() is not None:
        store.save(name, (made_from, zlib.compress(store.packed(value), QUICK)))


def made(name: str, of: Iterable[bytes], work: Callable[[], Any]) -> Any:
    """What a slot holds if it was made by these sources of the same things, and else what ``work`` makes."""
    sources = hashlib.sha256(_writers().encode())
    for one in of:
        sources.update(hashlib.sha256(one).digest())
    found = find(name, sources.hexdigest())
    if found is None:
        found = work()
        keep(name, sources.hexdigest(), found)
    return found
