"""Pictures to train on: the digits that ship with scikit-learn, or CIFAR-10/100 from a local archive."""

from __future__ import annotations

import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

CIFAR = {
    "cifar10": ("cifar-10-batches-py", tuple(f"data_batch_{k}" for k in range(1, 6)), "test_batch", b"labels", 10),
    "cifar100": ("cifar-100-python", ("train",), "test", b"fine_labels", 100),
}
"""Folder, training files, test file, the key of the labels, and how many there are, in the official archives."""


@dataclass(frozen=True)
class Pictures:
    """Pictures (count, channels, height, width) with values in [0, 1], labels, and how they may be varied."""

    name: str
    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    classes: int
    shift: int
    flip: bool

    def limited(self, count: int | None) -> Pictures:
        """The first ``count`` pictures of each part."""
        if count is None:
            return self
        parts = {key: getattr(self, key)[:count] for key in ("train", "train_labels", "test", "test_labels")}
        return Pictures(**{**self.__dict__, **parts})


def digits() -> Pictures:
    """1797 handwritten digits of 8 by 8 pixels; every fifth is kept for the test. A mirrored digit is another sign."""
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures = torch.from_numpy(found.images.astype(np.float32) / 16)[:, None]
    labels = torch.from_numpy(found.target.astype(np.int64))
    test = torch.arange(len(labels)) % 5 == 4
    return Pictures("digits", pictures[~test], labels[~test], pictures[test], labels[test], 10, shift=1, flip=False)


def cifar(name: str, archive: Path) -> Pictures:
    """CIFAR-10 or CIFAR-100 from the "python version" archive of its authors, read in place.

    Raises ``ValueError`` where the archive is not of that format. Nothing in it is executed or written to disk.
    """
    folder, train_files, test_file, key, classes = CIFAR[name]
    with tarfile.open(archive, "r:*") as tar:
        parts = {}
        for file in (*train_files, test_file):
            try:
                member = tar.extractfile(f"{folder}/{file}")
            except KeyError:
                member = None
            if member is None:
                raise ValueError(f"{archive} has no file {folder}/{file}: it is not the python version of {name}")
            parts[file] = _batch(_Restricted(member).load(), key, f"{archive}: {folder}/{file}", classes)
    pictures, labels = zip(*(parts[file] for file in train_files), strict=True)
    test, test_labels = parts[test_file]
    return Pictures(name, torch.cat(pictures), torch.cat(labels), test, test_labels, classes, shift=4, flip=True)


def _batch(content: Any, key: bytes, where: str, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    if not isinstance(content, dict) or not {b"data", key} <= content.keys():
        raise ValueError(f"{where} is no dictionary with {key!r} and b'data'")
    data, labels = content[b"data"], np.asarray(content[key])
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        raise ValueError(f"{where}: b'data' is no array of uint8 with 3072 columns")
    if labels.shape != data.shape[:1] or labels.dtype.kind != "i" or not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(f"{where}: {key!r} is no list of {len(data)} labels below {classes}")
    pictures = torch.from_numpy(data.reshape(-1, 3, 32, 32).astype(np.float32) / 255)
    return pictures, torch.from_numpy(labels.astype(np.int64))


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # its module has moved between NumPy 1 and 2; archives name the old one
_ALLOWED = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Restricted(pickle.Unpickler):
    """Reads dictionaries, lists, numbers, bytes and NumPy arrays; a pickle that names anything else is refused."""

    def __init__(self, stream: io.BufferedReader | BinaryIO | Any) -> None:
        super().__init__(stream, encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        """Only what an array is made of."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ValueError(f"the archive asks for {module}.{name}; only arrays are read from it") from None


def varied(batch: torch.Tensor, pictures: Pictures, generator: torch.Generator) -> torch.Tensor:
    """A random crop of the padded pictures, a left-right flip where it keeps the meaning, brightness and contrast."""
    n, _, height, width = batch.shape
    if pictures.shift:
        padded = torch.nn.functional.pad(batch, (pictures.shift,) * 4)
        top, left = torch.randint(0, 2 * pictures.shift + 1, (2, n), generator=generator)
        rows = top[:, None, None] + torch.arange(height)[:, None]
        columns = left[:, None, None] + torch.arange(width)
        batch = padded[torch.arange(n)[:, None, None], :, rows, columns].permute(0, 3, 1, 2)
    if pictures.flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        batch = torch.where(mirrored[:, None, None, None], batch.flip(3), batch)
    brightness = (torch.rand(n, 1, 1, 1, generator=generator) - 0.5) * 0.2
    contrast = 0.8 + torch.rand(n, 1, 1, 1, generator=generator) * 0.4
    mean = batch.mean(dim=(1, 2, 3), keepdim=True)
    return ((batch - mean) * contrast + mean + brightness).contiguous()
