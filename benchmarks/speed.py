"""Speed of emitted code beside its peers: every table of the page *Speed*, each with its goals.

    .venv/bin/python benchmarks/speed.py                  all tables, about ten minutes on two cores
    .venv/bin/python benchmarks/speed.py compiled_forward one of them
    .venv/bin/python benchmarks/speed.py --list           their names

Each table becomes ``results/speed_TABLE.json``; tables that need a GPU run where there is one. Tables with different
numbers of threads run in processes of their own, because libraries make their threads once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kassei.bench.case import Case, Device, Pass
from kassei.bench.clock import Method
from kassei.bench.goal import Goal
from kassei.bench.machine import gpu
from kassei.bench.run import compare, confined, record
from kassei.codegen import write_file
from kassei.library import catalogue

RESULTS = Path(__file__).resolve().parent / "results"
COMPILED = ("torch_eager", "torch_out", "torch_compile", "jax_jit")
FUNCTIONS = (
    *("exponential", "rational", "prelu", "leaky_relu", "elu", "selu", "gelu", "gelu_tanh", "hard_swish"),
    *("sigmoid", "silu", "softplus", "mish", "tanh", "relu"),
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What one table times. ``goals`` are by function; those under ``""`` hold for every function without its own."""

    name: str
    targets: tuple[str, ...]
    peers: tuple[str, ...]
    functions: tuple[str, ...]
    size: int
    pass_: Pass = "forward"
    dtypes: tuple[str, ...] = ("float32",)
    threads: int = 1
    rounds: int = 15
    device: Device = "cpu"
    goals: Mapping[str, tuple[Goal, ...]] = field(default_factory=dict)


def beside(target: str, against: Sequence[str], least: Mapping[str, float]) -> dict[str, tuple[Goal, ...]]:
    """One goal a function, all against the same peers."""
    return {name: (Goal(target=target, against=tuple(against), at_least=x),) for name, x in least.items()}


TABLES = (
    Table(
        name="numpy_lambdify",
        targets=("numpy",),
        peers=("lambdify", "hand_numpy", "numexpr", "copy"),
        functions=FUNCTIONS,
        size=10**6,
        goals=beside(
            "numpy",
            ["lambdify"],
            {
                **dict.fromkeys(("exponential", "rational", "prelu"), 15),
                **dict.fromkeys(("leaky_relu", "elu", "selu"), 8),
                **{"gelu": 9, "gelu_tanh": 50, "hard_swish": 3, "sigmoid": 1.8},
                **dict.fromkeys(("silu", "softplus", "mish", "tanh"), 0.8),
            },
        ),
    ),
    Table(
        name="numpy_half",
        targets=("numpy",),
        peers=("hand_numpy", "lambdify", "copy"),
        functions=("exponential", "silu", "gelu_tanh", "mish"),
        size=10**6,
        dtypes=("float16",),
        rounds=9,
        goals=beside("numpy", ["hand_numpy"], {"": 12}),
    ),
    Table(
        name="small",
        targets=("numpy", "numba"),
        peers=("lambdify", "hand_numpy", "torch_eager", "torch_out", "jax_jit", "copy"),
        functions=("exponential", "prelu", "relu", "silu", "gelu"),
        size=10**4,
    ),
    Table(
        name="numpy_backward",
        targets=("numpy",),
        peers=("torch_eager", "jax_jit", "lambdify", "hand_numpy", "copy"),
        functions=("exponential",),
        size=10**7,
        pass_="forward_backward",
        threads=2,
        rounds=9,
        goals={
            "exponential": (
                Goal(target="numpy", against=("torch_eager",), at_least=30),
                Goal(target="numpy", against=("jax_jit",), at_least=5),
            )
        },
    ),
    Table(
        name="compiled_forward",
        targets=("numba",),
        peers=(*COMPILED, "copy"),
        functions=FUNCTIONS,
        size=10**6,
        threads=2,
        goals=beside(
            "numba",
            COMPILED,
            {
                **{"silu": 1.2, "sigmoid": 1.2, "elu": 1.6, "exponential": 1.5, "softplus": 2.5, "tanh": 2, "mish": 9},
                **{"gelu": 0.9, "relu": 1, "leaky_relu": 1, "prelu": 1},
            },
        ),
    ),
    Table(
        name="compiled_backward",
        targets=("numba",),
        peers=(*COMPILED, "copy"),
        functions=("silu", "gelu", "mish", "exponential"),
        size=10**6,
        pass_="forward_backward",
        threads=2,
        goals=beside("numba", COMPILED, {"silu": 3, "gelu": 2, "mish": 15, "exponential": 6}),
    ),
    Table(
        name="compiled_large",
        targets=("numba",),
        peers=("copy",),
        functions=FUNCTIONS,
        size=5 * 10**7,
        threads=2,
        rounds=11,
        goals=beside("numba", ["copy"], {"": 0.9, "gelu": 0.75}),
    ),
    Table(
        name="gpu_forward",
        targets=("cuda",),
        peers=("torch_eager", "torch_out", "torch_compile", "cupy_elementwise", "copy"),
        functions=FUNCTIONS,
        size=2**27,
        dtypes=("float32", "float16"),
        device="cuda",
        rounds=9,
        goals={
            "": (
                Goal(target="cuda", against=("copy",), at_least=0.97),
                Goal(target="cuda", against=("torch_eager",), at_least=1),
                Goal(target="cuda", against=("torch_compile",), at_least=1),
            )
        },
    ),
    Table(
        name="gpu_backward",
        targets=("cuda",),
        peers=("torch_eager", "torch_compile", "copy"),
        functions=("exponential", "rational", "prelu", "silu", "gelu", "mish"),
        size=2**27,
        pass_="forward_backward",
        dtypes=("float32", "float16"),
        device="cuda",
        rounds=9,
        goals={
            "": (Goal(target="cuda", against=("copy",), at_least=0.95),),
            "prelu": (
                Goal(target="cuda", against=("copy",), at_least=0.95),
                Goal(target="cuda", against=("torch_eager",), at_least=1.6),
            ),
            "exponential": (
                Goal(target="cuda", against=("copy",), at_least=0.95),
                Goal(target="cuda", against=("torch_eager",), at_least=7),
                Goal(target="cuda", against=("torch_compile",), at_least=1.3),
            ),
        },
    ),
)


def run(table: Table) -> dict[str, Any]:
    """The document of one table; a line for every row on stderr."""
    method = Method(rounds=table.rounds)
    rows = []
    for dtype in table.dtypes:
        for name in table.functions:
            begin = time.perf_counter()
            case = Case(
                activation=catalogue[name],
                size=table.size,
                dtype=dtype,
                pass_=table.pass_,
                device=table.device,
            )
            goals = table.goals.get(name, table.goals.get("", ()))
            row = compare(case, table.targets, table.peers, method, goals=goals)
            rows.append(row)
            print(line(table, row, time.perf_counter() - begin), file=sys.stderr)
    command = f"benchmarks/speed.py {table.name}"
    return record(rows, command=command, method=method, threads=table.threads, table=table.name)


def line(table: Table, row: Mapping[str, Any], seconds: float) -> str:
    """What a row found, for who watches."""
    shown = [f"{table.name:<18}{row['function']:<12}{seconds:5.1f} s"]
    shown += [f"{one['target']} {one['output']} {one['ns']['median']:.3g} ns" for one in row["ours"]]
    for goal in row.get("goals", ()):
        state = {True: "met", False: "SHORT", None: "not measured"}[goal["met"]]
        figure = "-" if goal["median"] is None else f"{goal['median']:.3g} ({goal['peer']})"
        shown.append(f"{figure} of {goal['at_least']}: {state}")
    shown += [f"{one['peer']} gives {one['check']}" for one in row["peers"] if one["check"] not in ("same", "copy")]
    shown += [f"without {one['name']}" for one in row["skipped"]]
    if row["load"]["quiet"] is False:
        shown.append(f"BUSY {row['load']['foreign_cores']:.2f}")
    return "  ".join(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [table.name for table in TABLES]
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="all that this machine can run, if none is given")
    parser.add_argument("--list", action="store_true", help="print the names of the tables")
    parser.add_argument("--function", action="append", help="only this function, for a trial; may be given again")
    parser.add_argument("--rounds", type=int, help="other than the table's, for a trial")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    given = parser.parse_args()
    if given.list:
        print("\n".join(names))
        return
    if unknown := [name for name in given.tables if name not in names]:
        parser.error(f"no table {unknown[0]!r}; there are {', '.join(names)}")
    here = [table for table in TABLES if table.device == "cpu" or gpu()]
    chosen = [table for table in TABLES if table.name in given.tables] if given.tables else here
    groups = {table.threads: [t for t in chosen if t.threads == table.threads] for table in chosen}
    if len(groups) > 1:
        rest = [*(f"--function={name}" for name in given.function or ()), f"--out={given.out}"]
        rest += [f"--rounds={given.rounds}"] if given.rounds else []
        for tables in groups.values():
            subprocess.run([sys.executable, __file__, *(t.name for t in tables), *rest], check=True)
        return
    for threads, tables in groups.items():
        if threads > (cores := len(os.sched_getaffinity(0))):
            parser.error(f"{tables[0].name} needs {threads} cores, and there are {cores}")
        with confined(threads):
            for table in tables:
                kept = tuple(name for name in table.functions if not given.function or name in given.function)
                document = run(replace(table, functions=kept, rounds=given.rounds or table.rounds))
                given.out.mkdir(parents=True, exist_ok=True)
                text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
                write_file(given.out / f"speed_{table.name}.json", text)


if __name__ == "__main__":
    main()
