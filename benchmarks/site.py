"""How long the site takes to build, and how heavy its pages are; written to ``benchmarks/results/site.json``.

    python benchmarks/site.py            # dossiers must be known: build the site before

Everything but the proofs is made anew in a cache of its own for the cold build: dossiers, claims, comparisons and
lowered forms, whose rewrites stand on proved side conditions, are known. In another cache those side conditions are to
be proved as well, and in a third one emitted code is known too. Then nothing has changed; then the title of one
function has. Sizes are of the last build: what a first visit to a function page fetches, compressed.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kassei import cache
from kassei.library import FOLDER, catalogue
from kassei.render import kept as kept_parts
from kassei.text.resources import LANGUAGES, ROOT

RESULT = Path(__file__).resolve().parent / "results" / "site.json"
DOSSIERS = re.compile(r"[0-9a-f]{32}(-cut-\d+)?$|claim-|profiles-|stretches-|atlas-|comparisons-")
"""What is kept of dossiers, claims and comparisons of functions."""
PROOFS = re.compile(rf"{DOSSIERS.pattern}|[0-9a-f]{{32}}-(plan|second|reuse)-[0-9a-f]{{16}}$")
"""That, lowered forms, and slopes in terms of the output: all that was proved."""
AND_CODE = re.compile(rf"{DOSSIERS.pattern}|[0-9a-f]{{32}}-[a-z]+-[0-9a-f]{{16}}$")
"""That and emitted code: as after ``kassei emit --all``."""
EDITED = "gelu"
TEXT = (".html", ".css", ".js", ".json", ".svg")


def lend(known: Path, to: Path, what: re.Pattern[str]) -> None:
    """A cache that knows what it is told and nothing else."""
    here = to / cache.GENERATION
    here.mkdir(parents=True)
    for path in (known / cache.GENERATION).iterdir():
        if what.match(path.name):
            (here / path.name).write_bytes(path.read_bytes())


def build(out: Path, kept: Path) -> float:
    """Seconds of one ``kassei site build``, start of Python included."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "kassei", "site", "build", "--out", str(out)]
    subprocess.run(command, env={**os.environ, "KASSEI_CACHE": str(kept)}, check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - begin, 1)


def edited(out: Path, kept: Path) -> float:
    """Seconds after the title of one function was edited; the definition is put back."""
    path = FOLDER / f"{EDITED}.toml"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(before.replace('en = "', 'en = "Edited ', 1), encoding="utf-8")
        return build(out, kept)
    finally:
        path.write_text(before, encoding="utf-8")


def weight(page: Path) -> int:
    """Bytes of a page and all it names in its head and at its end, compressed as a server does."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r'<(?:link[^>]*rel="(?:stylesheet|icon)"[^>]*href|script[^>]*src)="([^"]+)"', text)
    named += re.findall(r'"(?:search)":\s*"([^"]+)"', text)
    found = {page, *((page.parent / name).resolve() for name in named)}
    styles = [p for p in found if p.suffix == ".css" and p.is_file()]
    for style in styles:
        fonts = re.findall(r"url\(\s*[\"']?([^\"')]+\.woff2)", style.read_text(encoding="utf-8"))
        found |= {(style.parent / name).resolve() for name in fonts}
    files = [p for p in found if p.is_file()]
    return sum(len(gzip.compress(p.read_bytes(), 6)) if p.suffix in TEXT else p.stat().st_size for p in files)


def main() -> None:
    """Measure and write the results."""
    known = cache.folder()
    if known is None or any(kept_parts.origin(f) is None for f in catalogue.values()):
        raise SystemExit("dossiers are missing: run `kassei site build` first")
    with tempfile.TemporaryDirectory() as scratch:
        kept, out, unlowered, emitted = (Path(scratch) / name for name in ("cache", "site", "unlowered", "emitted"))
        lend(known, kept, PROOFS)
        lend(known, unlowered, DOSSIERS)
        lend(known, emitted, AND_CODE)
        times = {
            "cold": build(out, kept),
            "cold_and_unlowered": build(out, unlowered),
            "cold_but_for_code": build(out, emitted),
            "unchanged": build(out, kept),
            "one_title_changed": edited(out, kept),
        }
        pages = {
            lang: {
                p.parent.name: weight(p) for p in (out / ("" if lang == ROOT else lang)).glob("functions/*/index.html")
            }
            for lang in LANGUAGES
        }
    heaviest = {lang: dict(sorted(mine.items(), key=lambda one: -one[1])[:5]) for lang, mine in pages.items()}
    document = {
        "schema": 1,
        "kind": "site",
        "functions": len(catalogue),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "seconds": times,
        "bytes_of_the_heaviest_pages": heaviest,
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
