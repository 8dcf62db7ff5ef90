"""kassei: one definition of an activation function in; derivatives, proofs, code and pages out.

The names below are loaded on first use, so that ``import kassei`` and ``kassei --help`` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kassei.codegen import emit
    from kassei.core.activation import Activation
    from kassei.core.dossier import Dossier
    from kassei.core.reading import load
    from kassei.library import analyze, catalogue

__version__ = "0.1.0"
__all__ = ["Activation", "Dossier", "__version__", "analyze", "catalogue", "emit", "load"]

_HOME = {
    "Activation": "kassei.core.activation",
    "Dossier": "kassei.core.dossier",
    "analyze": "kassei.library",
    "catalogue": "kassei.library",
    "emit": "kassei.codegen",
    "load": "kassei.core.reading",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'kassei' has no attribute {name!r}")
