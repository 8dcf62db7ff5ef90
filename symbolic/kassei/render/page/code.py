"""The section with the emitted code, and the files that it offers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import escape

from kassei.codegen import emit, known_targets
from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render.page.writer import Writer

LABELS = {"numpy": "NumPy", "numba": "numba", "cuda": "CUDA (CuPy)", "torch": "PyTorch", "jax": "JAX"}
"""Targets in the order of the pages; NumPy's module is shown, the others are offered."""


@lru_cache(maxsize=16)
def emitted(activation: Activation, target: str) -> Mapping[str, str]:
    """The files of one target; both languages and every section read the same."""
    return emit(activation, target)


def code(w: Writer, dossier: Dossier) -> str:
    """NumPy's module to read, and every target's to take along."""
    shown, offered = [], []
    for target in _targets():
        label = LABELS.get(target, target)
        for name, text in emitted(dossier.activation, target).items():
            link = f'<a href="{name}" download>{escape(w("download"))}: {name}</a>'
            if target == "numpy":
                fence = f"```python\n{text}```\n\n{link}"
                shown.append(f'=== "{label}"\n\n' + "\n".join(f"    {line}".rstrip() for line in fence.splitlines()))
            elif target in name:  # a PyTorch module comes with two others that have their own line
                offered.append(f"<li>{escape(label)}: {link}</li>")
    return "\n\n".join([*shown, f"<ul>{''.join(offered)}</ul>"])


def _targets() -> list[str]:
    known = known_targets()
    return [*(t for t in LABELS if t in known), *sorted(t for t in known if t not in LABELS)]


def code_files(dossier: Dossier) -> dict[str, str]:
    """The files that the page offers for download."""
    return {name: text for target in _targets() for name, text in emitted(dossier.activation, target).items()}
