"""Cold processes, interleaved: every `kassei show NAME --json` and `kassei --help` beside `python -c "import sympy"`.

Importing SymPy is the peer because no analysis that uses it can be faster. Each round starts every command once, in
an order shuffled by a fixed seed; a ratio is the median over the rounds of (command / import in the same round).

Run from the repository: .venv/bin/python benchmarks/cold_start.py --rounds 5 --out benchmarks/results/cold_start.json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

from recorded import machine, versions

BIN = Path(sys.executable).parent
PEER = "import sympy"


def commands() -> dict[str, list[str]]:
    """What is timed, by name."""
    from kassei import catalogue

    kassei = str(BIN / "kassei")
    out = {PEER: [sys.executable, "-c", "import sympy"], "--help": [kassei, "--help"]}
    return out | {f"show {name}": [kassei, "show", name, "--json"] for name in catalogue}


def seconds(command: list[str]) -> float:
    """The wall time of one fresh process that finds nothing kept from an earlier one."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "KASSEI_CACHE": "off"})
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    timed = commands()
    order = random.Random(0)
    rounds: list[dict[str, float]] = []
    for _ in range(given.rounds):
        names = list(timed)
        order.shuffle(names)
        rounds.append({name: seconds(timed[name]) for name in names})
    rows = {
        name: {
            "median_s": round(statistics.median(r[name] for r in rounds), 3),
            "worst_s": round(max(r[name] for r in rounds), 3),
            "ratio": round(statistics.median(r[name] / r[PEER] for r in rounds), 2),
        }
        for name in timed
    }
    shows = [row["median_s"] for name, row in rows.items() if name.startswith("show ")]
    report = {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"benchmarks/cold_start.py --rounds {given.rounds}",
        "machine": machine(),
        "versions": versions("kassei", "sympy", "numpy"),
        "peer": PEER,
        "show_median_s": round(statistics.median(shows), 3),
        "show_worst_s": max(shows),
        "rows": rows,
    }
    text = json.dumps(report, indent=1) + "\n"
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    for name, row in rows.items():
        print(f"{name:<28}{row['median_s']:>8.3f} s {row['worst_s']:>8.3f} s {row['ratio']:>7.2f} x import sympy")


if __name__ == "__main__":
    main()
