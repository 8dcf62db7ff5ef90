"""Code generation: one lowering stage, one module per target."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassei.codegen.target import Target
    from kassei.core.activation import Activation


@cache
def known_targets() -> Mapping[str, Target]:
    """Every code target by name."""
    from kassei.core.registry import discover

    return discover("kassei.codegen.targets", "target")


def __getattr__(name: str) -> Mapping[str, Target]:
    if name == "TARGETS":
        return known_targets()
    raise AttributeError(f"module 'kassei.codegen' has no attribute {name!r}")


def emit(activation: Activation, target: str = "numpy") -> dict[str, str]:
    """The files of one function for one target: file name to text.

    What was emitted before is kept (:mod:`kassei.cache`), found by the definition and by every source that decides
    about the text. Raises ``KeyError`` for an unknown target and ``CannotEmitError`` or ``NoRuleError`` for a function
    the target cannot express.
    """
    from kassei import cache as kept

    activation = activation.bare  # emitted code speaks of no title
    name = f"{kept.key(activation)}-{target}-{_generation()}"
    files = kept.load(name) if target.isidentifier() else None
    if isinstance(files, dict):
        return files
    from kassei.codegen.plan import make_plan
    from kassei.codegen.selfcheck import check

    known = known_targets()
    if target not in known:
        raise KeyError(f"unknown target {target!r}; known are {', '.join(sorted(known))}")
    plan = make_plan(activation)
    check(plan)
    files = dict(known[target].emit(plan))
    kept.save(name, files)
    return files


@cache
def _generation() -> str:
    """The hash of the code generator and its templates; the mathematics is hashed by the cache itself."""
    from kassei.text.resources import resource

    digest = hashlib.sha256()
    for root in (Path(__file__).parent, resource("templates") / "code"):
        for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".j2", ".toml", ".json")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def write(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write files into a folder, each at once: a killed run leaves the old or the new file, never half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_file(folder / name, text) for name, text in sorted(files.items())]


def write_file(path: Path, text: str) -> Path:
    """Replace one file atomically."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def drift(files: Mapping[str, str], folder: Path) -> list[str]:
    """The names of files that differ from what would be written, or are missing."""
    return [
        name
        for name, text in sorted(files.items())
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
