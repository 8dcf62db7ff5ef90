"""Shared fixtures and the ``--update`` option, which rewrites golden files instead of comparing with them."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import functions

os.environ["KASSEI_CACHE"] = "off"  # every test sees the program think; tests of the cache have folders of their own
GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files from what the program does now")
    parser.addoption("--slow", action="store_true", help="also analyse the functions that take seconds each")


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(200_000)  # formulas and tests are many and live long: garbage is rarely worth looking for
    functions.options["slow"] = bool(config.getoption("--slow"))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one function go to one worker, where its analysis and its code are made once."""
    for item in items:
        if item.get_closest_marker("only_slow") and not functions.options["slow"]:
            item.add_marker(pytest.mark.skip(reason="seconds for each function: pytest --slow"))
        if item.get_closest_marker("alone") and "PYTEST_XDIST_WORKER" in os.environ:
            item.add_marker(pytest.mark.skip(reason="measures time and needs the machine for itself: make alone"))
        name = getattr(item, "callspec", None) and item.callspec.params.get("name")
        if name and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(name)))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a golden file, or rewrite the file under ``--update``."""

    def check(name: str, actual: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: run pytest --update and review what it wrote"
        assert path.read_text(encoding="utf-8") == actual

    return check
