"""The one discovery rule: a package's modules, each exposing one agreed attribute."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def discover(package: str, attribute: str) -> Mapping[str, Any]:
    """Map every module name in ``package`` to its ``attribute``, sorted by name.

    Modules whose name begins with an underscore are helpers and are skipped. Raises
    ``AttributeError`` naming the module that lacks the attribute.
    """
    found = {}
    path = importlib.import_module(package).__path__
    for info in sorted(pkgutil.iter_modules(path), key=lambda m: m.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package}.{info.name}")
        if not hasattr(module, attribute):
            raise AttributeError(f"{module.__name__} must define {attribute!r}: every module of {package} does")
        found[info.name] = getattr(module, attribute)
    return MappingProxyType(found)
