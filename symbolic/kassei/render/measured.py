"""The committed measurements of errors, as ``kassei audit`` wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kassei.audit.report import SCHEMA
from kassei.bench.results import FOLDER

TYPES = ("float16", "bfloat16", "float32", "float64")


def audits(folder: Path = FOLDER) -> list[tuple[str, dict[str, Any]]]:
    """File name and document of every audit; raises ``ValueError`` naming a file that is none."""
    found = []
    for path in sorted((folder / "audit").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if (document.get("schema"), document.get("kind")) != (SCHEMA, "audit"):
            raise ValueError(f"{path} is no result of kassei audit in schema {SCHEMA}")
        found.append((path.name, document))
    return sorted(found, key=lambda one: (TYPES.index(one[1]["dtype"]), one[1]["target"], one[1]["name"]))


def ulps(error: float) -> str:
    """An error in units in the last place, with three digits; one that nobody would notice is not written out."""
    return "< 0.001" if 0 < error < 0.001 else f"{error:.3g}"
