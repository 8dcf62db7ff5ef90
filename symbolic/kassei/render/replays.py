"""What ``kassei verify`` said of the certificates, from the files that ``benchmarks/replays.py`` wrote.

An outcome belongs to the claims it was made for: if a verdict of the function has changed since, there is none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kassei.bench.results import FOLDER as RESULTS

FOLDER = RESULTS / "replay"
SCHEMA = 1
ENGINES = ("kassei", "z3-solver", "sympy", "python-flint")
MADE_WITH = ("kassei", "engines")
"""What of a certificate says who made it and not what it claims."""


def fingerprint(certificate: Mapping[str, Any]) -> str:
    """SHA-256 of what a certificate claims, without the versions of the engines that made it."""
    claims = {key: value for key, value in certificate.items() if key not in MADE_WITH}
    return hashlib.sha256(json.dumps(claims, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def outcomes(name: str, certificate: Mapping[str, Any], folder: Path = FOLDER) -> Mapping[str, Mapping[str, Any]]:
    """The outcome of every verdict by its name; nothing where these claims have not been replayed."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    if (document.get("schema"), document.get("kind")) != (SCHEMA, "replay"):
        raise ValueError(f"{path} is no result of benchmarks/replays.py in schema {SCHEMA}")
    found: Mapping[str, Mapping[str, Any]] = document["verdicts"]
    return found if document["claims"] == fingerprint(certificate) else {}
