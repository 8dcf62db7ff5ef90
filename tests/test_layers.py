"""The order of the layers: each imports itself and those before it, and heavy modules only where they are used."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "symbolic" / "kassei"
LAYERS = (
    *("core", "exact", "text", "cache", "remember", "workers", "library", "atlas", "verify", "codegen"),
    *("audit", "bench", "claims", "render", "phrases", "terminal", "cli"),
)
OUTSIDE = ("__init__", "__main__")  # the door: loads any layer, and only when asked
MODULES = sorted(PACKAGE.rglob("*.py"))

each_module = pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(PACKAGE)) for p in MODULES])


def layer_of(path: Path) -> str:
    """The first part of a module's path inside the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[int, str]]:
    """Line and full name of every import of kassei, wherever in the file it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written in full"
            if node.module == "kassei":
                names = [alias.name for alias in node.names if alias.name != "__version__"]
                found += [(node.lineno, f"kassei.{name}") for name in names]
            else:
                found.append((node.lineno, str(node.module)))
    return [(line, name) for line, name in found if name.split(".")[0] == "kassei"]


def test_every_module_belongs_to_a_layer() -> None:
    assert {layer_of(path) for path in MODULES} == {*LAYERS, *OUTSIDE}


@each_module
def test_a_layer_imports_only_itself_and_those_before_it(path: Path) -> None:
    if layer_of(path) in OUTSIDE:
        return
    allowed = LAYERS[: LAYERS.index(layer_of(path)) + 1]
    for line, name in imports(path):
        assert name.split(".")[1] in allowed, f"{path}:{line}: {layer_of(path)} may not import {name}"


VERIFY_READS = ("core.activation", "core.expression", "verify")
"""What the replay of certificates may share with the prover: what a definition is, and its parser."""


@each_module
def test_the_replay_imports_no_prover(path: Path) -> None:
    if layer_of(path) != "verify":
        return
    for line, name in imports(path):
        inside = name.removeprefix("kassei.")
        assert any(inside == m or inside.startswith(f"{m}.") for m in VERIFY_READS), f"{path}:{line}: {name}"


def test_the_replay_loads_no_prover() -> None:
    """Neither directly nor through what it imports."""
    code = "import sys, kassei.verify; print(sorted(m for m in sys.modules if m.startswith('kassei.core.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str([f"kassei.core.{m}" for m in ("activation", "complaint", "expression")])


def test_the_walk_sees_imports() -> None:
    names = {name for _, name in imports(PACKAGE / "cli.py")}
    assert {"kassei.phrases", "kassei.library", "kassei.codegen"} <= names


@pytest.mark.parametrize("module", ["kassei", "kassei.cli"])
def test_the_door_opens_without_mathematics(module: str) -> None:
    """``import kassei`` and ``kassei --help`` load neither SymPy nor NumPy nor rich."""
    code = f"import sys, {module}; print([m for m in ('sympy', 'numpy', 'rich', 'jinja2', 'z3') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_tests_of_one_group_go_to_one_worker(request: pytest.FixtureRequest) -> None:
    """pytest-xdist writes the group behind the name; where it does not, it drops all groups in silence."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process has no groups")
    grouped = [item.nodeid for item in request.session.items if item.get_closest_marker("xdist_group")]
    assert grouped
    assert all("@" in name for name in grouped)
