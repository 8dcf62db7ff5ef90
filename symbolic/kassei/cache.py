"""Dossiers, and decisions on claims, kept between runs and found by what they were made from.

The key is the function itself, every source file of the mathematics, the functions of the catalogue (limits are
compared with them) and the versions of the libraries that decide; so an upgrade never finds an old answer, and a
changed title or command finds all that was known. What was found under a hash seed other than 0 is not found under 0,
where every run finds the same. Files are written whole under another name and then renamed, so two processes may fill
one cache at once. A cache that cannot be read or written is as good as none. ``KASSEI_CACHE`` names another folder, or
is ``off``.
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import os
import pickle
import platform
import shutil
import sys
import tempfile
import tomllib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kassei.core.memo import SAME_HASHES

if TYPE_CHECKING:
    from kassei.core.activation import Activation
    from kassei.core.dossier import Dossier

PACKAGE = Path(__file__).resolve().parent
LIBRARIES = ("sympy", "mpmath", "python-flint", "z3-solver")
SAID = ("title", "summary", "aliases", "reference", "framework")
"""What a definition file says of a function without deciding anything about it."""
KEPT = 2
"""How many generations of answers are kept: this one and the one before."""


def _frozen(table: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(table)


copyreg.pickle(MappingProxyType, lambda table: (_frozen, (dict(table),)))


def packed(value: Any) -> bytes:
    """A definition, a dossier or a decision as bytes from which :func:`unpacked` makes expressions spelled as they are.

    Left to itself SymPy evaluates an expression again from its parts, and distributes the 1/2 of ``(v + 1)/2``; of
    infinitely many zeros in an interval it keeps one.
    """
    if "sympy" not in sys.modules:  # then there is none of its expressions, and loading it takes a second
        return pickle.dumps(value)
    import sympy as sp

    sets = (sp.Union, sp.FiniteSet, sp.Intersection, sp.Complement)
    literal = (sp.Pow, sp.Function, sp.Max, sp.Min, sp.Piecewise, sp.Rel, *sets)

    class Packer(pickle.Pickler):
        def reducer_override(self, part: Any) -> Any:
            if isinstance(part, sp.Add | sp.Mul):
                return _joined, (type(part), part.args)
            if isinstance(part, literal) and part.args:
                return _literal, (type(part), part.args)
            return NotImplemented

    buffer = io.BytesIO()
    Packer(buffer).dump(value)
    return buffer.getvalue()


def _joined(head: Any, parts: tuple[Any, ...]) -> Any:
    return head._from_args(parts)


def _literal(head: Any, parts: tuple[Any, ...]) -> Any:
    return head(*parts, evaluate=False)


def unpacked(kept: bytes) -> Any:
    """What :func:`packed` made bytes of."""
    return pickle.loads(kept)


def folder() -> Path | None:
    """Where dossiers are kept; None where they are not."""
    named = os.environ.get("KASSEI_CACHE", "")
    if named == "off":
        return None
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kassei"


def _generation() -> str:
    """The hash of what decides: the sources of the mathematics, the catalogue, the libraries and Python."""
    digest = hashlib.sha256()
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\n".encode())
    digest.update(platform.python_version().encode())
    decides = [*PACKAGE.glob("core/**/*.py"), *(PACKAGE / f"{name}.py" for name in ("cache", "library", "workers"))]
    for path in sorted(decides):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for path in sorted(PACKAGE.glob("catalogue/*.toml")):
        digest.update(path.name.encode() + b"\0" + _meant(path.read_text(encoding="utf-8")).encode() + b"\0")
    return digest.hexdigest()[:32]


def _meant(definition: str) -> str:
    """A definition file without what it says of its function; a broken one as it is."""
    try:
        table = tomllib.loads(definition)
    except tomllib.TOMLDecodeError:
        return definition
    return repr(sorted((name, value) for name, value in table.items() if name not in SAID))


def key(activation: Activation) -> str:
    """The hash of a definition with everything in it, titles and references too, but not where its file is."""
    return hashlib.sha256(repr(activation).encode()).hexdigest()[:32]


HASHED = "-hashed"
"""How the names of files end that a process with another hash seed than 0 wrote."""
GENERATION = _generation()
"""Taken when this module is loaded, so that sources edited under a running program are not mistaken for its own."""


def find(activation: Activation, cut: float | None = None) -> Dossier | None:
    """The dossier of a definition, if it was kept by this generation; one that was cut off at ``cut``, if there is."""
    kept = load(_name(activation, cut))
    known = getattr(kept, "activation", None) == activation.bare
    return replace(kept, activation=activation) if known else None


def keep(dossier: Dossier, cut: float | None = None) -> None:
    """Keep a dossier for the next run; nothing happens where the folder cannot be written.

    One in which something was cut off after ``cut`` seconds is found again only by who gives as many.
    """
    save(_name(dossier.activation, cut), replace(dossier, activation=dossier.activation.bare))


def _name(activation: Activation, cut: float | None) -> str:
    return key(activation.bare) + ("" if cut is None else f"-cut-{cut:g}")


def load(name: str) -> Any:
    """What was kept under a name by this generation; None where there is nothing."""
    root = folder()
    if root is None:
        return None
    for ending in ("",) if SAME_HASHES else ("", HASHED):
        try:
            return unpacked((root / GENERATION / f"{name}{ending}").read_bytes())
        except Exception:  # a file from elsewhere may fail in any way; the work is then simply done
            continue
    return None


def save(name: str, value: Any) -> None:
    """Keep a value under a name; nothing happens where the folder cannot be written."""
    root = folder()
    if root is None:
        return
    here = root / GENERATION
    try:
        fresh = not here.exists()
        here.mkdir(parents=True, exist_ok=True)
        if fresh:
            _forget(root)
        handle, written = tempfile.mkstemp(dir=here, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(packed(value))
            Path(written).replace(here / (name if SAME_HASHES else name + HASHED))
        except BaseException:
            Path(written).unlink(missing_ok=True)
            raise
    except (OSError, pickle.PicklingError, RecursionError):
        return


def _forget(root: Path) -> None:
    """Remove all generations but the newest."""
    known = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime_ns, reverse=True)
    for old in known[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
