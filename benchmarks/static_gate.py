"""What the emitted CUDA kernels cost, without a GPU: machine code for sm_90 against the budget of memory-bound work.

    python benchmarks/static_gate.py [NAME …] [--all] [--out benchmarks/results/cuda_static.json]

Every kernel is compiled by NVRTC (nvidia-cuda-nvrtc) to PTX and by ptxas (nvidia-cuda-nvcc) to machine code, which
nvdisasm (nvidia-cuda-nvdisasm) lists. Counted are the instructions of the innermost loops that read 16 bytes at a time,
per element (of several, one for each case of a function, the most costly counts); registers, spills and the width of
the reads. The budget is the number of instructions that an H200 can issue in the time in which it moves the bytes of
one element: 132 SMs, 128 lanes each, 1.98 GHz, 4.3 TB/s. Instructions count for what they occupy: 1 for float32 and
integers, 2 for float64, 8 for the special function unit (16 lanes) and for conversions from and to float64 (16 lanes).
Both sides of a branch are counted.

The goal is at most 0.7 of the budget for float32 and 16-bit types, 16-byte reads, no spills. What misses it is listed
in the results, and :func:`shortfalls` names it; ``tests/test_cuda_target.py`` fails when a kernel gets worse.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from kassei.bench.machine import versions
from kassei.codegen.plan import make_plan
from kassei.codegen.targets import cuda
from kassei.library import catalogue

ARCHITECTURE = "sm_90"
SMS, LANES, HERTZ, BANDWIDTH = 132, 128, 1.98e9, 4.3e12
GOAL = 0.7
RESULTS = Path(__file__).parent / "results" / "cuda_static.json"
ACCESSES = {"forward": 2, "grad_input": 3, "grad_params": 2, "backward": 3, "forward_backward": 4}
"""How often each kernel touches memory per element."""
PACKAGES = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvcc", "nvidia-cuda-nvdisasm")


class Unavailable(RuntimeError):
    """The compiler's wheels are not installed."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One kernel's figures; ``share`` is instructions (or the special unit's work) over the budget.

    A function with several cases has a loop for each (and, for a pack of channels with different cases, one for all):
    ``share`` and what stands before it are of the most costly, ``least`` is the share of the cheapest.
    """

    name: str
    dtype: str
    kernel: str
    registers: int
    spills: int
    stack: int
    reads: int
    instructions: float
    special: float
    slots: float
    share: float
    least: float
    loops: int
    calls: int


def root() -> Path:
    """Where the wheels have put their tools."""
    spec = find_spec("nvidia.cu13") if find_spec("nvidia") else None
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "bin" / "ptxas").exists() and (Path(place) / "bin" / "nvdisasm").exists():
            return Path(place)
    raise Unavailable("nvidia-cuda-nvrtc, nvidia-cuda-nvcc and nvidia-cuda-nvdisasm are not installed")


def nvrtc() -> Any:
    """NVRTC, loaded from its wheel."""
    found = [p for p in sorted(root().glob("lib/libnvrtc.so.*")) if "builtins" not in p.name]
    if not found:
        raise Unavailable("nvidia-cuda-nvrtc is not installed")
    return ctypes.CDLL(str(found[0]))


def ptx(library: Any, source: str, name: str) -> str:
    """PTX of one translation unit; raises ``ValueError`` with the compiler's log."""
    program = ctypes.c_void_p()
    size = ctypes.c_size_t()
    created = library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
    assert created == 0, f"nvrtcCreateProgram returned {created}"
    options = [f"--gpu-architecture=compute_{ARCHITECTURE.removeprefix('sm_')}".encode(), b"--std=c++17"]
    status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    if status:
        raise ValueError(f"{name}: {log.value.decode()}")
    library.nvrtcGetPTXSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    library.nvrtcGetPTX(program, text)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return text.value.decode()


def machine_code(text: str) -> tuple[str, str]:
    """What ptxas says of registers and spills, and the listing."""
    tools = root() / "bin"
    with tempfile.TemporaryDirectory() as folder:
        source, cubin = Path(folder) / "k.ptx", Path(folder) / "k.cubin"
        source.write_text(text)
        command = [tools / "ptxas", "-v", f"-arch={ARCHITECTURE}", "-o", cubin, source]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        listing = subprocess.run([tools / "nvdisasm", "-c", "-plr", cubin], capture_output=True, text=True, check=False)
        if listing.returncode:
            listing = subprocess.run([tools / "nvdisasm", "-c", cubin], capture_output=True, text=True, check=True)
        return done.stderr, listing.stdout


_LINE = re.compile(r"^\s*/\*([0-9a-f]+)\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)([^;]*);")
_LABEL = re.compile(r"^(\.L\S+):")


def functions(listing: str) -> dict[str, list[str]]:
    """The lines of each kernel."""
    out: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in listing.splitlines():
        head = re.match(r"^\s*\.section\s+\.text\.(\w+)", line)
        if head:
            current = out.setdefault(head.group(1), [])
        elif re.match(r"^\s*\.section", line):
            current = None
        elif current is not None:
            current.append(line)
    return out


class Loop(NamedTuple):
    """Instructions between a label and a branch back to it, and which these are."""

    first: int
    last: int
    code: list[tuple[str, str]]


def loops(lines: list[str]) -> list[Loop]:
    """All loops of a kernel."""
    labels: dict[str, int] = {}
    code: list[tuple[str, str]] = []
    found = []
    for line in lines:
        label = _LABEL.match(line)
        if label:
            labels[label.group(1)] = len(code)
        parsed = _LINE.match(line)
        if not parsed:
            continue
        opcode, rest = parsed.group(2), parsed.group(3)
        code.append((opcode, rest))
        if opcode.startswith("BRA"):
            to = re.search(r"(\.L\S+?)\)?`?\s*$", rest.replace("`(", " "))
            if to and to.group(1).rstrip(")") in labels:
                first = labels[to.group(1).rstrip(")")]
                found.append(Loop(first, len(code) - 1, code[first:]))
    return found


def weight(opcode: str) -> float:
    """Issue slots of one instruction."""
    if opcode.startswith(("MUFU", "I2F", "F2I")):
        return 1.0
    if opcode.startswith(("DFMA", "DADD", "DMUL", "DSETP")):
        return 2.0
    return 1.0


def special(opcode: str) -> float:
    """Work of the unit with 16 lanes: functions and conversions from and to float64, in issue slots."""
    return 8.0 if opcode.startswith(("MUFU", "F2F.F64", "F2F.F32.F64", "F2I", "I2F", "FRND")) else 0.0


def main_loops(lines: list[str]) -> list[Loop]:
    """The innermost loops that read 16 bytes at once: one for each case of a function, and for packs of several."""
    wide = [loop for loop in loops(lines) if any(o.startswith("LDG") and ".128" in o for o, _ in loop.code)]
    return [
        loop
        for loop in wide
        if not any(loop.first <= other.first and other.last <= loop.last and other != loop for other in wide)
    ]


def figures(name: str, dtype: str, library: Any) -> list[Figure]:
    """Every kernel of one function and dtype."""
    source = cuda.sources(make_plan(catalogue[name]))[dtype]
    log, listing = machine_code(ptx(library, source, f"{name}.cu"))
    usage: dict[str, tuple[int, int, int]] = {}
    current, stack, spills = "", 0, 0
    for line in log.splitlines():
        if m := re.search(r"Compiling entry function '(\w+)'", line):
            current, stack, spills = m.group(1), 0, 0
        if m := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            stack, spills = int(m.group(1)), int(m.group(2)) + int(m.group(3))
        if (m := re.search(r"Used (\d+) registers", line)) and current:
            usage[current] = (int(m.group(1)), spills, stack)
            current = ""
    width = 16 // cuda.BYTES[dtype]
    out = []
    for entry, lines in functions(listing).items():
        kernel = entry.removeprefix(f"kassei_{name}_")
        kind = kernel.rsplit("_", 1)[0]
        arrays = 1 if kind == "forward" else 2
        found = []
        for loop in main_loops(lines) or [Loop(0, 0, [])]:
            ops = [o for o, _ in loop.code]
            wide = [o for o in ops if o.startswith("LDG") and ".128" in o]
            narrow = [o for o in ops if o.startswith("LDG") and ".128" not in o]
            elements = max(1, len(wide) // arrays) * width
            issued, unit = sum(map(weight, ops)) / elements, sum(map(special, ops)) / elements
            found.append((max(issued, unit), unit, len(ops) / elements, bool(wide and not narrow), ops))
        slots, unit, instructions, _, ops = max(found)
        budget = SMS * LANES * HERTZ * ACCESSES[kind] * cuda.BYTES[dtype] / BANDWIDTH
        registers, spilled, frame = usage[entry]
        out.append(
            Figure(
                name=name,
                dtype=dtype,
                kernel=kernel,
                registers=registers,
                spills=spilled,
                stack=frame,
                reads=128 if all(whole for *_, whole, _ in found) else 0,
                instructions=round(instructions, 2),
                special=round(unit, 2),
                slots=round(slots, 2),
                share=round(slots / budget, 3),
                least=round(min(found)[0] / budget, 3),
                loops=len(found),
                calls=sum(o.startswith("CALL") for o in ops),
            )
        )
    return out


def shortfalls(found: Iterable[Figure]) -> list[str]:
    """Kernels of float32 and 16-bit types that miss the goal, and how."""
    out = []
    for f in found:
        if f.dtype == "float64":
            continue
        misses = []
        if f.share > GOAL:
            misses.append(f"{f.share:.2f} of the budget")
        if f.reads != 128:
            misses.append("reads of less than 16 bytes")
        if f.spills:
            misses.append(f"{f.spills} bytes of spills")
        if misses:
            out.append(f"{f.name} {f.dtype} {f.kernel}: {', '.join(misses)}")
    return out


def measure(names: Iterable[str], dtypes: Iterable[str] = cuda.DTYPES, *, jobs: int = 2) -> list[Figure]:
    """Figures of functions, in their order; compilers run side by side."""
    library = nvrtc()
    pairs = [(n, d) for n in names for d in dtypes]
    with ThreadPoolExecutor(jobs) as pool:
        return [f for found in pool.map(lambda p: figures(*p, library), pairs) for f in found]


def main() -> int:
    """The command line; exit 1 where a kernel misses the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--all", action="store_true", help="the whole catalogue")
    parser.add_argument("--dtype", action="append", choices=cuda.DTYPES)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    names = list(catalogue) if options.all else options.names or ["relu", "silu", "gelu", "exponential"]
    found = measure(names, options.dtype or cuda.DTYPES)
    print(f"{'kernel':58s} {'regs':>4s} {'spill':>5s} {'instr':>6s} {'slots':>6s} {'share':>6s}")
    for f in found:
        mark = "" if f.dtype == "float64" or not shortfalls([f]) else "  <-"
        print(
            f"{f.name + ' ' + f.dtype + ' ' + f.kernel:58s} {f.registers:4d} {f.spills:5d} {f.instructions:6.1f}"
            f" {f.slots:6.1f} {f.share:6.2f}{mark}"
        )
    missed = shortfalls(found)
    print(f"{len(found)} kernels, {len(missed)} miss the goal")
    if options.out:
        report = {
            "what": "machine code of the emitted CUDA kernels against the budget of memory-bound work",
            "command": " ".join(["python", "benchmarks/static_gate.py", *sys.argv[1:]]),
            "date": datetime.date.today().isoformat(),
            "versions": versions(*PACKAGES),
            "architecture": ARCHITECTURE,
            "budget": {"sms": SMS, "lanes": LANES, "hertz": HERTZ, "bytes_per_second": BANDWIDTH, "goal": GOAL},
            "shortfalls": missed,
            "kernels": [asdict(f) for f in found],
        }
        rows = ",\n".join(json.dumps(row) for row in report.pop("kernels"))
        head = json.dumps(report, indent=1).removesuffix("\n}")
        options.out.write_text(f'{head},\n "kernels": [\n{rows}\n ]\n}}\n', encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    if shutil.which("python3") is None:  # pragma: no cover
        sys.exit(2)
    sys.exit(main())
