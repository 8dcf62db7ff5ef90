"""The training example runs on a few pictures; it reads CIFAR archives of the official format, and nothing else."""

from __future__ import annotations

import importlib
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
together = pytest.mark.xdist_group("torch")  # beside the tests that compile the same kernels


@pytest.fixture(scope="module")
def train() -> Iterator[Any]:
    """The example's module, imported as it is run."""
    before, names = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(EXAMPLES))
    yield importlib.import_module("train")
    sys.path[:] = before
    for name in set(sys.modules) - names:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(EXAMPLES)):
            del sys.modules[name]


def old_pickle(array: np.ndarray, labels: list[int], key: bytes) -> bytes:
    """A batch as Python 2 wrote it, protocol 2: byte strings, and the module's name of NumPy 1."""

    def string(text: bytes) -> bytes:
        return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text

    def number(n: int) -> bytes:
        return b"J" + struct.pack("<i", n)

    shape = b"".join(map(number, array.shape))
    dtype = (
        b"cnumpy\ndtype\n" + string(b"u1") + number(0) + number(1) + b"\x87R"
        b"(" + number(3) + string(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    )
    data = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85" + string(b"b") + b"\x87R"
        b"(" + number(1) + b"(" + shape + b"t" + dtype + b"\x89" + string(array.tobytes()) + b"tb"
    )
    found = b"](" + b"".join(map(number, labels)) + b"e"
    return b"\x80\x02}(" + string(b"data") + data + string(key) + found + string(b"batch_label") + string(b"x") + b"u."


def pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=(count, 3072), dtype=np.uint8)


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def cifar10(path: Path) -> Path:
    """Five batches of eight pictures and a test batch, as in cifar-10-python.tar.gz."""
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    labels = [list(range(k, k + 8)) for k in (0, 1, 2, 0, 1, 2)]
    files = {
        f"cifar-10-batches-py/{name}": old_pickle(pictures(8, k), labels[k], b"labels") for k, name in enumerate(names)
    }
    return archive(path / "cifar-10-python.tar.gz", files)


def test_cifar_archives_are_read_in_their_official_format(train: Any, tmp_path: Path) -> None:
    """Pixels land where the format says (planes of red, green, blue; rows first), labels beside them."""
    found = train.data.cifar("cifar10", cifar10(tmp_path))
    assert tuple(found.train.shape) == (40, 3, 32, 32)
    assert found.train_labels.tolist()[:8] == list(range(8))
    raw = pictures(8, 1)
    assert found.train[8, 2, 3, 4].item() == pytest.approx(raw[0, 2 * 1024 + 3 * 32 + 4] / 255)
    assert tuple(found.test.shape) == (8, 3, 32, 32)
    files = {
        f"cifar-100-python/{name}": old_pickle(pictures(4, k), [99, 0, 5, 7], b"fine_labels")
        for k, name in enumerate(("train", "test"))
    }
    hundred = train.data.cifar("cifar100", archive(tmp_path / "cifar-100-python.tar.gz", files))
    assert hundred.classes == 100
    assert hundred.test_labels.tolist() == [99, 0, 5, 7]


def test_archives_that_ask_for_more_than_arrays_are_refused(train: Any, tmp_path: Path) -> None:
    """A pickle that would call something raises before it is called; so do wrong files, shapes and labels."""
    mark = tmp_path / "called"

    class Hostile:
        def __reduce__(self) -> Any:
            return Path.touch, (mark,)

    def refuse(message: str, files: dict[str, bytes]) -> None:
        with pytest.raises(ValueError, match=message):
            train.data.cifar("cifar100", archive(tmp_path / "a.tar.gz", files))

    refuse("only arrays are read", {"cifar-100-python/train": pickle.dumps({b"data": Hostile()})})
    assert not mark.exists()
    refuse("no file cifar-100-python/train", {"train": b""})
    refuse("no dictionary", {"cifar-100-python/train": pickle.dumps([1])})
    short = old_pickle(pictures(2, 0)[:, :100].copy(), [0, 1], b"fine_labels")
    refuse("3072 columns", {"cifar-100-python/train": short})
    refuse("labels below 100", {"cifar-100-python/train": old_pickle(pictures(2, 0), [0, 100], b"fine_labels")})
    assert train.main(["--data", "cifar10", "--archive", str(tmp_path / "none.tar.gz")]) == 2


def test_pictures_are_varied_within_their_frame(train: Any) -> None:
    """Shifted by whole pixels, mirrored only where that keeps the meaning, the same for the same seed."""
    torch = train.torch
    x = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    some = train.data.Pictures("x", x, torch.zeros(64), x, torch.zeros(64), 10, shift=2, flip=True)
    one = train.data.varied(x, some, torch.Generator().manual_seed(2))
    assert one.shape == x.shape
    torch.testing.assert_close(one, train.data.varied(x, some, torch.Generator().manual_seed(2)), rtol=0, atol=0)
    spot = torch.zeros(64, 1, 8, 8)
    spot[:, :, 4, 4] = 1.0
    moved = train.data.varied(spot, train.data.Pictures("x", *(spot,) * 4, 10, 1, False), torch.Generator())
    places = {divmod(int(i), 8) for i in moved.flatten(1).argmax(1)}
    assert places == {(4 + i, 4 + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


@together
def test_a_tiny_training_is_repeatable(train: Any, tmp_path: Path) -> None:
    """Two runs write the same bytes; parameters have moved from the paper's starts; the table names every function."""
    given = ["--epochs", "1", "--limit", "200", "--seeds", "1", "--channels", "4", "--activations"]
    given += ["relu", "rational", "exponential", "--code", str(tmp_path / "code")]
    for out in ("one", "two"):
        command = [sys.executable, train.__file__, *given, "--out", str(tmp_path / out)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    for file in ("digits.json", "digits.md"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    runs = json.loads((tmp_path / "one" / "digits.json").read_text())["runs"]
    assert [run["activation"] for run in runs] == ["relu", "rational", "exponential"]
    learned = {run["activation"]: run["a"] for run in runs}
    assert learned["relu"] is None
    for name, start in (("rational", 1.0), ("exponential", 0.0)):
        assert all(0 < abs(a - start) < 0.1 for a in learned[name])
    assert all(f"| {title} |" in printed for title in ("ReLU", "Rational", "Exponential"))
    assert train.main(["--data", "cifar10", "--archive", str(cifar10(tmp_path)), *given, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "cifar10.md").exists()


@together
def test_the_pole_is_shown(train: Any, tmp_path: Path) -> None:
    """Without the guard an a goes below 0 and the function has a pole; with it none does."""
    given = ["--pole", "--epochs", "2", "--limit", "600", "--channels", "4"]
    assert train.main([*given, "--code", str(tmp_path / "code"), "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "digits-pole.json").read_text())
    assert found["around"]["h"][3] == "nan"
    assert max(abs(h) for h in found["around"]["h"] if not isinstance(h, str)) > 100
    with_guard, without = found["runs"]
    assert (with_guard["guard"], with_guard["steps_below_0"], without["guard"]) == (True, 0, False)
    assert with_guard["lowest_a"] >= 0 > without["lowest_a"]


def test_published_tables_are_what_the_data_says(train: Any) -> None:
    """The Markdown beside each result is made from it."""
    results = EXAMPLES / "results"
    assert (results / "digits.md").read_text() == train.table.comparison(
        json.loads((results / "digits.json").read_text())
    )
    assert (results / "digits-pole.md").read_text() == train.table.pole(
        json.loads((results / "digits-pole.json").read_text())
    )
