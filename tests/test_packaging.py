"""The wheel: complete, installable without the checkout, and working from there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("hatchling", reason="hatchling builds the wheel; it comes with the extra 'dev'")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("kassei-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel alone in it; its dependencies are lent by this one, without a network."""
    folder = tmp_path_factory.mktemp("fresh") / "env"
    venv.create(folder, with_pip=False)
    inside = folder / "bin" / "python"
    (site_packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)
    lent = [p for p in sys.path if p.endswith("site-packages") and Path(p).is_dir()]
    (site_packages / "zz_lent.pth").write_text("\n".join(lent) + "\n", encoding="utf-8")
    return inside


def run(python: Path, *arguments: str, cwd: Path) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(python), *arguments], cwd=cwd, env=clean, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_holds_every_source_file(wheel: Path) -> None:
    """Python, catalogue, templates, site sources and the changelogs, compared in both directions."""
    expected = {"kassei/CHANGELOG.md", "kassei/CHANGELOG.ja.md"}
    for source, inside in (("symbolic/kassei", "kassei"), ("templates", "kassei/templates"), ("site", "kassei/site")):
        for path in (ROOT / source).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected.add(f"{inside}/{path.relative_to(ROOT / source)}")
    found = {name for name in files_of(wheel) if not name.split("/")[0].endswith(".dist-info")}
    assert expected == found
    assert {"kassei/py.typed", "kassei/catalogue/gelu.toml", "kassei/site/words/ja/cli.toml"} <= found


def test_the_import_name_symbolic_stays_free(wheel: Path) -> None:
    assert not [name for name in files_of(wheel) if name.startswith("symbolic/")]


def test_the_installed_package_is_the_wheel_s(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import kassei; print(kassei.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(python.parent.parent)


def test_the_installed_command_reads_proves_and_emits(python: Path, tmp_path: Path) -> None:
    assert "R1" in run(python, "-m", "kassei", "show", "relu", cwd=tmp_path)
    for target in ("numpy", "cuda"):
        out = ("--target", target, "--out", str(tmp_path / target))
        run(python, "-m", "kassei", "emit", "exponential", *out, cwd=tmp_path)
        assert list((tmp_path / target).iterdir())


def test_versions_agree() -> None:
    import tomllib

    from kassei import __version__

    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == __version__
