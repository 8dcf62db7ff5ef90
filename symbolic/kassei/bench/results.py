"""The measured tables that lie in the checkout; a wheel carries none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kassei.bench.run import KIND, SCHEMA
from kassei.text.resources import PACKAGE

FOLDER = PACKAGE.parent.parent / "benchmarks" / "results"
ORDER = (
    *("numpy_lambdify", "numpy_backward", "numpy_half", "compiled_forward", "compiled_backward", "compiled_large"),
    *("small", "gpu_forward", "gpu_backward"),
)
"""Tables in the order of the page; others come after them."""


def tables(folder: Path = FOLDER) -> Sequence[tuple[str, dict[str, Any]]]:
    """File name and document of every ``speed_*.json``; none where the folder does not exist.

    Raises ``ValueError`` naming a file that is not such a document.
    """
    found = []
    for path in sorted(folder.glob("speed_*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or (document.get("schema"), document.get("kind")) != (SCHEMA, KIND):
            raise ValueError(f"{path} is no result of kassei bench in schema {SCHEMA}")
        found.append((path.name, document))
    return sorted(found, key=lambda one: (_place(str(one[1]["table"])), one[0]))


def _place(table: str) -> int:
    return ORDER.index(table) if table in ORDER else len(ORDER)
