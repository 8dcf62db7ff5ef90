"""Folders that are replaced whole: a build that ends in any way leaves the old one or the new one."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AT_FDCWD = -100
EXCHANGE = 2
"""Linux's ``RENAME_EXCHANGE``: two names change places in one step."""
LONGEST = 255
"""Bytes of a file name that every file system in use takes."""


class BadNameError(ValueError):
    """A path that would lie outside its folder, or that no file can have."""


def inside(folder: Path, name: str) -> Path:
    """The path of a file below a folder; raises ``BadNameError`` for one that leaves it or cannot be written."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
        raise BadNameError(f"{name!r} is no path below the site")
    if any(len(part.encode()) > LONGEST for part in parts):
        raise BadNameError(f"{name[:40]}… is longer than a file name can be")
    return folder.joinpath(*parts)


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A folder beside another that is gone afterwards; what killed processes left there is removed too."""
    prefix = f".{beside.name}-"
    for left in beside.parent.glob(f"{prefix}*-*"):
        owner = left.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=beside.parent))
    try:
        yield made
    finally:
        with undisturbed():
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no interrupt, nor the command line's reminder of one, break off what clears up after it; they come later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def replace(new: Path, old: Path) -> None:
    """Put one folder in the place of another; where the system can, in a single step."""
    if not old.exists():
        new.rename(old)
        return
    if _exchange(new, old):
        shutil.rmtree(new, ignore_errors=True)
        return
    aside = old.with_name(f".{old.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        aside.rename(old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), EXCHANGE) == 0)
