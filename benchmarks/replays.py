"""Replay the certificates of the catalogue with the engines of ``kassei verify`` and keep what they said, as data.

    python benchmarks/replays.py [NAME ...]

Each function gets ``benchmarks/results/replay/NAME.json``: the hash of what the certificate claims, and for each
verdict whether it was confirmed, and by which engine. A page shows an outcome only beside the claims it was made for.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from importlib.metadata import version

from kassei.core import certificate
from kassei.core.document import speak_with
from kassei.library import analyze, catalogue
from kassei.render.replays import ENGINES, FOLDER, SCHEMA, fingerprint
from kassei.text.words import spoken
from kassei.verify import Report, read, replay


def main() -> None:
    """Replay what has no outcome yet, or the functions that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further function after this long")
    arguments = parser.parse_args()
    speak_with(spoken)
    FOLDER.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for name in arguments.names or catalogue:
        if time.monotonic() - began > arguments.seconds:
            break
        text = certificate.text(analyze(catalogue[name]))
        path = FOLDER / f"{name}.json"
        claims = fingerprint(json.loads(text))
        if path.exists() and json.loads(path.read_text(encoding="utf-8"))["claims"] == claims and not arguments.names:
            continue
        document = {
            "schema": SCHEMA,
            "kind": "replay",
            "name": name,
            "claims": claims,
            "versions": {engine: version(engine) for engine in ENGINES},
            "verdicts": outcomes(replay(read(text))),
        }
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)


def outcomes(report: Report) -> dict[str, object]:
    """Standing of each verdict, and how many of its statements each engine confirmed."""
    return {
        one.name: {
            "standing": one.standing,
            "engines": dict(sorted(Counter(f.engine for f in one.findings if f.standing == "confirmed").items())),
            "statements": len(one.findings),
        }
        for one in report.outcomes
    }


if __name__ == "__main__":
    main()
