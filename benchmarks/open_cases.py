"""The open cases side by side: kassei, plain SymPy and (in an environment of its own) funcprops.

Case by case the columns take turns, so that what else the machine does falls on all of them. kassei is one
`kassei show --json` in a fresh process; a peer is a worker process that is asked for one fact after the other, each
within the limit, and is ended and started afresh when one takes longer (`timed_out`, which counts as unknown); facts
that are read off the same answer share its time-out. Seconds are processor seconds, which other work on the machine
does not change; the start of a peer's process is left out, kassei's is counted. Facts a peer has no question for are
`not_expressible` and counted apart. All answers are compared by the same rules (scoring.py).

Run from the repository: .venv/bin/python benchmarks/open_cases.py --funcprops-python ENV/bin/python --out FILE
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from recorded import machine, versions
from scoring import facts_of, score

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
RESULTS = ("right", "wrong", "unknown", "error", "not_expressible")


class Peer:
    """A worker process that answers one question a line."""

    def __init__(self, command: list[str], case: dict[str, Any]) -> None:
        self.command, self.case = command, case
        self.start()

    def start(self) -> None:
        """A fresh process that has read the case."""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self.lines), daemon=True).start()
        self.send({k: self.case.get(k, {}) for k in ("variable", "expr", "parameters")})
        first = self.lines.get(timeout=120)
        greeting = json.loads(first) if first else {"versions": {}, "same": {}}
        self.versions: dict[str, str] = greeting["versions"]
        self.same: dict[str, str] = greeting["same"]

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def send(self, message: dict[str, Any]) -> None:
        """One line to the process."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message, default=str) + "\n")
        self.process.stdin.flush()

    def ask(self, fact: str, want: Any) -> dict[str, Any]:
        """The answer to one fact; a process that was ended is replaced."""
        self.send({"fact": fact, "want": want})
        if line := self.lines.get():
            return dict(json.loads(line))
        self.process.wait()
        ended = self.process.returncode == -signal.SIGPROF
        self.start()
        return {"timed_out": True, "seconds": float(self.command[-1])} if ended else {"error": "the process died"}

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def by_peer(command: list[str], case: dict[str, Any]) -> tuple[list[dict[str, Any]], float, dict[str, str]]:
    """Every fact of a case as a peer answers it."""
    rows: list[dict[str, Any]] = []
    peer = Peer(command, case)
    for fact, kind in facts_of(case):
        want = case["truth"][kind]
        part = want[int(fact.split("[")[1][:-1])] if kind == "param_limits" else None
        twin = peer.same.get(fact, fact)
        again = any(r["fact"] == twin and r.get("why") == "timed_out" for r in rows)
        found = {"timed_out": True} if again else peer.ask(fact, part)
        row = {"fact": fact, "kind": kind, "seconds": round(found.pop("seconds", 0.0), 2)}
        if "answer" in found:
            try:
                result, why = score(case, fact, found["answer"])
            except RecursionError:
                result, why = "error", "an answer too large to read back"
            row |= {"result": result, "why": why} if why else {"result": result}
        else:
            (name,) = found
            row["result"] = "unknown" if name in ("unknown", "timed_out") else name
            row |= {"why": name if found[name] is True else str(found[name])} if name != "not_expressible" else {}
        rows.append(row)
    peer.stop()
    return rows, sum(r["seconds"] for r in rows), peer.versions


def by_kassei(case: dict[str, Any]) -> tuple[list[dict[str, Any]], float]:
    """Every fact of a case as `kassei show --json` has it."""
    command = [sys.executable, "-m", "kassei", "show", str(CASES / f"{case['id']}.toml"), "--json"]
    with tempfile.TemporaryFile() as file:
        process = subprocess.Popen(command, stdout=file)
        _, process.returncode, used = os.wait4(process.pid, 0)
        file.seek(0)
        text = file.read()
    document: dict[str, Any] = json.loads(text) if text else {}
    seconds = used.ru_utime + used.ru_stime
    rows = []
    for fact, kind in facts_of(case):
        result, why = score(case, fact, document) if document else ("error", "no answer")
        rows.append({"fact": fact, "kind": kind, "result": result} | ({"why": why} if why else {}))
    return rows, seconds


def tally(cases: list[dict[str, Any]], column: str) -> dict[str, Any]:
    """Counts of a column over all cases, and its times."""
    rows = [r for c in cases for r in c["columns"][column]["facts"]]
    seconds = [c["columns"][column]["seconds"] for c in cases]
    kinds: dict[str, Counter[str]] = {}
    for r in rows:
        kinds.setdefault(r["kind"], Counter())[r["result"]] += 1
    counts = Counter(r["result"] for r in rows)
    return {
        "facts": len(rows),
        **{r: counts[r] for r in RESULTS},
        "timed_out": sum(r.get("why") == "timed_out" for r in rows),
        "median_s": round(statistics.median(seconds), 2),
        "worst_s": round(max(seconds), 2),
        "total_s": round(sum(seconds), 1),
        "by_kind": {k: dict(c) for k, c in sorted(kinds.items())},
    }


def show(name: str, columns: dict[str, Any]) -> None:
    """Print the counts of one case."""
    for column, found in columns.items():
        counts = Counter(r["result"] for r in found["facts"])
        words = ", ".join(f"{r} {counts[r]}" for r in RESULTS if counts[r])
        print(f"{name:<20}{column:<14}{found['seconds']:>8.1f} s  {words}", flush=True)
        for r in found["facts"]:
            if r["result"] == "wrong" and column == "kassei":
                print(f"    {r['fact']}: {r['why']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--funcprops-python", help="the python of an environment that has funcprops; else no column")
    parser.add_argument("--limit", type=float, default=60, help="processor seconds for one question to a peer")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    cases = json.loads((CASES / "open.json").read_text(encoding="utf-8"))
    peers = {"plain SymPy": [sys.executable, str(HERE / "drivers" / "plain_sympy.py"), str(given.limit)]}
    if given.funcprops_python:
        peers["funcprops"] = [given.funcprops_python, str(HERE / "drivers" / "with_funcprops.py"), str(given.limit)]
    else:
        print("funcprops: column skipped, no --funcprops-python given", file=sys.stderr)
    columns_versions: dict[str, Any] = {"kassei": versions("kassei", "sympy", "z3-solver")}
    done: list[dict[str, Any]] = []
    report: dict[str, Any] = {}

    def columns_of(case: dict[str, Any]) -> dict[str, Any]:
        rows, seconds = by_kassei(case)
        columns: dict[str, Any] = {"kassei": {"seconds": round(seconds, 2), "facts": rows}}
        for name, command in peers.items():
            rows, seconds, columns_versions[name] = by_peer(command, case)
            columns[name] = {"seconds": round(seconds, 2), "facts": rows}
        return columns

    chosen = [c for c in cases if given.only in c["id"]]
    with ThreadPoolExecutor(given.jobs) as pool:
        answers = pool.map(columns_of, chosen)
        for case, columns in zip(chosen, answers, strict=True):
            done.append({"id": case["id"], "columns": columns})
            show(case["id"], columns)
            report |= {
                "date": time.strftime("%Y-%m-%d"),
                "command": "benchmarks/open_cases.py --funcprops-python ENV/bin/python"
                f" --limit {given.limit:g} --jobs {given.jobs}",
                "machine": machine(),
                "versions": columns_versions,
                "limit_s": given.limit,
                "summary": {name: tally(done, name) for name in ("kassei", *peers)},
                "cases": done,
            }
            if given.out:
                with tempfile.NamedTemporaryFile("w", dir=given.out.parent, delete=False, encoding="utf-8") as file:
                    file.write(json.dumps(report, indent=1) + "\n")
                Path(file.name).chmod(0o644)
                Path(file.name).replace(given.out)
    for name, row in report["summary"].items():
        print(name, {k: x for k, x in row.items() if k != "by_kind"})


if __name__ == "__main__":
    main()
