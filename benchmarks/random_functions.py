"""Random functions whose truth is known by construction, analysed in worker processes and compared with that truth.

Every fact is right, wrong or unknown; a function that needs more processor time than the limit is a `hang`, an
exception a `crash`. Seconds are processor seconds, which other work on the machine does not change.
Exits 1 if anything is wrong, hangs or crashes, and prints each such function with its definition.

Run from the repository: .venv/bin/python benchmarks/random_functions.py --count 2000 --seed 1 --jobs 2 --out FILE
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from recorded import machine, versions

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]


def examine(seed: int, index: int) -> dict[str, Any]:
    """Analyse one function and judge every fact of it."""
    from judging import judge
    from kassei.core.reading import parse_definition
    from kassei.library import analyze
    from random_functions import sample

    made = sample(seed, index)
    row: dict[str, Any] = {"index": index, "kind": made.kind, "definition": made.toml}
    begin = time.process_time()
    try:
        document = analyze(parse_definition(made.toml, "random.toml")).to_json()
        row["seconds"] = round(time.process_time() - begin, 2)
        judged = judge(made, document)
    except Exception:
        return row | {"crash": traceback.format_exc(limit=-4)}
    row["facts"] = [(j.fact, j.result, j.detail) for j in judged]
    return row


def serve(connection: Any, limit: float) -> None:
    """A worker: examines what it is sent until it is sent None; SIGPROF ends it when one takes too much time."""
    while (job := connection.recv()) is not None:
        signal.setitimer(signal.ITIMER_PROF, limit)
        row = examine(*job)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send(row)


class Worker:
    """A process that can be ended when a function takes too long."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.start()

    def start(self) -> None:
        """A fresh process."""
        spawn = multiprocessing.get_context("spawn")
        self.connection, other = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(other, self.limit), daemon=True)
        self.process.start()
        other.close()

    def ask(self, seed: int, index: int) -> dict[str, Any]:
        """The row of one function; a process that is ended or dies is replaced."""
        self.connection.send((seed, index))
        try:
            return dict(self.connection.recv())
        except (EOFError, ConnectionError):
            self.process.join()
            hang = self.process.exitcode == -signal.SIGPROF
        self.start()
        from random_functions import sample

        made = sample(seed, index)
        row = {"index": index, "kind": made.kind, "definition": made.toml, "seconds": self.limit}
        return row | ({"hang": True} if hang else {"crash": "the process died"})


def run(seed: int, indices: list[int], jobs: int, limit: float) -> list[dict[str, Any]]:
    """Examine functions in parallel; progress goes to a terminal."""
    rows: list[dict[str, Any]] = []
    waiting = iter(indices)
    lock = threading.Lock()

    def loop() -> None:
        worker = Worker(limit)
        while True:
            with lock:
                index = next(waiting, None)
            if index is None:
                worker.connection.send(None)
                return
            row = worker.ask(seed, index)
            with lock:
                rows.append(row)
                complain(seed, row)
                if sys.stderr.isatty():
                    print(f"\r{len(rows)} of {len(indices)}", end="", file=sys.stderr, flush=True)

    threads = [threading.Thread(target=loop) for _ in range(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(rows, key=lambda r: int(r["index"]))


def complain(seed: int, row: dict[str, Any]) -> None:
    """Print what is wrong with one function, and its definition."""
    wrong = [f"{fact}: {detail}" for fact, result, detail in row.get("facts", ()) if result == "wrong"]
    trouble = [*wrong, *(k for k in ("hang",) if k in row), *([row["crash"]] if "crash" in row else [])]
    if trouble:
        print(f"seed {seed} index {row['index']} ({row['kind']}, {row.get('seconds')} s)", *trouble, sep="\n  ")
        print("  " + row["definition"].replace("\n", "\n  "), flush=True)


def summary(seed: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by fact, and times."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for fact, result, _ in row.get("facts", ()):
            counts.setdefault(fact, Counter(right=0, wrong=0, unknown=0))[result] += 1
    seconds = sorted(r["seconds"] for r in rows if "seconds" in r)
    total = sum(counts.values(), Counter())
    return {
        "seed": seed,
        "functions": len(rows),
        "facts": sum(total.values()),
        "right": total["right"],
        "wrong": total["wrong"],
        "unknown": total["unknown"],
        "hang": sum("hang" in r for r in rows),
        "crash": sum("crash" in r for r in rows),
        "median_s": seconds[len(seconds) // 2],
        "worst_s": seconds[-1],
        "total_s": round(sum(seconds)),
        "over_20_s": sum(s > 20 for s in seconds),
        "by_fact": {fact: dict(c) for fact, c in sorted(counts.items())},
        "wrong_functions": [
            {"index": r["index"], "definition": r["definition"], "facts": bad}
            for r in rows
            if (bad := [f"{fact}: {detail}" for fact, result, detail in r.get("facts", ()) if result == "wrong"])
        ],
        "slowest": [
            {"index": r["index"], "seconds": r["seconds"], "definition": r["definition"]}
            for r in sorted(rows, key=lambda r: -r.get("seconds", 0))[:5]
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--first", type=int, default=0, help="the first index")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--limit", type=float, default=120, help="processor seconds until a function counts as hanging")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for seed in given.seed:
        rows = run(seed, list(range(given.first, given.first + given.count)), given.jobs, given.limit)
        runs.append(summary(seed, rows))
        keys = ("functions", "facts", "right", "wrong", "unknown", "hang", "crash", "median_s", "worst_s")
        print(f"seed {seed}: " + ", ".join(f"{k} {runs[-1][k]}" for k in keys), flush=True)
        if given.out:
            report = {
                "date": time.strftime("%Y-%m-%d"),
                "command": f"benchmarks/random_functions.py --first {given.first} --count {given.count}"
                f" --limit {given.limit:g} --seed {' '.join(map(str, given.seed))}",
                "machine": machine(),
                "versions": versions("kassei", "sympy"),
                "runs": runs,
            }
            given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(any(r[k] for r in runs for k in ("wrong", "hang", "crash")))


if __name__ == "__main__":
    sys.exit(main())
