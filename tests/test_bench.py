"""The machinery of ``kassei bench``: peers compute what they should, rounds and ratios are formed as described.

Nothing here is timed; where a clock is needed, a made-up one stands in.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kassei.bench import check, clock, limit, load, ours, results
from kassei.bench.candidate import Answer, Candidate, NotHere, Peer
from kassei.bench.case import Case
from kassei.bench.goal import Goal
from kassei.bench.machine import machine
from kassei.bench.peers import _torch, cupy_elementwise, hand_numpy, jax_jit, torch_out
from kassei.bench.run import compare, confined, known_peers, record
from kassei.core.reading import parse_definition
from kassei.library import catalogue
from kassei.render.speed import speed_files
from kassei.text.resources import LANGUAGES
from kassei.text.words import templates

ROOT = Path(__file__).resolve().parent.parent
QUICK = clock.Method(rounds=1, slots=1, slot_s=1e-6, patience_of_all_s=0.0)
SAMPLE = ("exponential", "hard_swish", "mish", "pelu", "prelu", "relu", "silu")
ON_THE_CPU = tuple(name for name, peer in known_peers().items() if "cpu" in peer.devices)


def case(name: str, *, backward: bool = False, size: int = 300, dtype: str = "float64") -> Case:
    return Case(activation=catalogue[name], size=size, dtype=dtype, pass_="forward_backward" if backward else "forward")


def standings(one: Case, build: Callable[[Case], Sequence[Candidate]]) -> dict[str, str]:
    """What each candidate computes, by name and output."""
    with np.errstate(all="ignore"):
        found = build(one)
        return {f"{c.name} {c.output}": check.standing(one, c.read(c.run())) for c in found if c.read is not None}


# --- peers ------------------------------------------------------------------------------------------------------------


def test_a_peer_has_its_file_s_name() -> None:
    assert {name: name for name in known_peers()} == {name: peer.name for name, peer in known_peers().items()}


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.parametrize("peer", [p for p in ON_THE_CPU if p not in ("copy", "torch_compile")])
def test_a_peer_computes_the_definition(peer: str, name: str, backward: bool) -> None:
    for module in known_peers()[peer].needs:
        pytest.importorskip(module)
    for dtype in ("float32", "float64"):
        try:
            found = standings(case(name, backward=backward, dtype=dtype), known_peers()[peer].build)
        except NotHere:
            assert peer in ("hand_numpy", "numexpr", "torch_out"), f"{peer} can express {name}"
            continue
        assert found
        assert set(found.values()) == {"same"}, found


@pytest.mark.only_slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's compiler uses what PyTorch deprecates
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "both"])
def test_the_compiled_peer_computes_the_definition(backward: bool) -> None:
    pytest.importorskip("torch")
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs a C++ compiler")
    found = standings(case("exponential", backward=backward), known_peers()["torch_compile"].build)
    assert found == {"torch_compile fresh": "same"}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", sorted(hand_numpy.FORMS))
def test_forms_by_hand_compute_the_definition(name: str, dtype: str) -> None:
    backward = name in hand_numpy.GRADIENTS and dtype == "float32"
    for one in {case(name, dtype=dtype), case(name, dtype=dtype, backward=backward)}:
        assert standings(one, hand_numpy.build) == {"hand_numpy fresh": "same"}


@pytest.mark.parametrize("name", sorted({*_torch.BUILT_IN, *torch_out.INTO}))
def test_what_pytorch_ships_computes_the_definition(name: str) -> None:
    pytest.importorskip("torch")
    assert set(standings(case(name), known_peers()["torch_eager"].build).values()) == {"same"}
    assert _torch.prepared(case(name)).how == _torch.BUILT_IN[name]
    if name in torch_out.INTO:
        assert standings(case(name), torch_out.build) == {"torch_out preallocated": "same"}


@pytest.mark.parametrize("name", sorted(jax_jit.BUILT_IN))
def test_what_jax_ships_computes_the_definition(name: str) -> None:
    pytest.importorskip("jax")
    assert standings(case(name, dtype="float32"), jax_jit.build) == {"jax_jit fresh": "same"}


def test_a_function_of_the_user_s_is_not_taken_for_one_of_the_same_name() -> None:
    """A file may call itself ``silu`` and mean something else; then nothing built in stands for it."""
    pytest.importorskip("torch")
    own = parse_definition('name = "silu"\nexpr = "v*sigmoid(2*v)"\n', "silu.toml")
    one = Case(activation=own, size=100, dtype="float64")
    assert _torch.prepared(one).how == "composition"
    assert standings(one, known_peers()["torch_eager"].build) == {"torch_eager fresh": "same"}
    with pytest.raises(NotHere):
        hand_numpy.build(one)


def test_a_composition_spells_most_of_the_catalogue() -> None:
    """Whatever PyTorch can say of the catalogue is what the definition says."""
    torch = pytest.importorskip("torch")
    from kassei.bench.spell import spell

    wrong, unspelled = {}, []
    for name, f in catalogue.items():
        one = case(name, size=40)
        try:
            text = spell(f, _torch.LANGUAGE, one.fixed).function("f", [str(f.variable), *one.parameters])
        except NotHere:
            unspelled.append(name)
            continue
        space: dict[str, Any] = {"torch": torch}
        exec(text, space)
        parameters = [torch.tensor(x, dtype=torch.float64) for x in one.parameters.values()]
        y = torch.as_tensor(space["f"](torch.from_numpy(one.v), *parameters), dtype=torch.float64)
        found = check.standing(one, Answer(y=y.expand(one.size).numpy()))
        if found != "same":
            wrong[name] = found
    assert wrong == {}
    assert len(unspelled) < len(catalogue) / 10, unspelled


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ runs the body of the CUDA peer on the host")
@pytest.mark.parametrize("name", ["exponential", "gelu", "hard_swish", "mish", "selu"])
def test_the_cuda_peer_s_kernel_computes_the_definition(name: str, tmp_path: Path) -> None:
    one = case(name, dtype="float32")
    parameters = "".join(f", float {p}_given" for p in one.parameters)
    source = f"""#include <algorithm>
#include <cmath>
using namespace std;
using T = float;
static void at(T given, T& result{parameters}) {{ {cupy_elementwise.body(one)} }}
extern "C" void all(long n, const T* v, T* y{parameters}) {{
  for (long k = 0; k < n; k++) at(v[k], y[k]{"".join(f", {p}_given" for p in one.parameters)});
}}
"""
    (tmp_path / "peer.cpp").write_text(source, encoding="utf-8")
    command = ["g++", "-O1", "-shared", "-fPIC", "-o", str(tmp_path / "peer.so"), str(tmp_path / "peer.cpp")]
    subprocess.run(command, check=True, capture_output=True, timeout=100)
    y = np.empty_like(one.v)
    pointers = [x.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for x in (one.v, y)]
    values = [ctypes.c_float(x) for x in one.parameters.values()]
    ctypes.CDLL(str(tmp_path / "peer.so")).all(ctypes.c_long(one.size), *pointers, *values)
    assert check.standing(one, Answer(y=y)) == "same"


def test_the_copy_moves_both_arrays_of_a_backward_pass() -> None:
    forward, backward = (known_peers()["copy"].build(case("relu", backward=b))[0] for b in (False, True))
    assert forward.read is None
    assert (forward.how, backward.how) == ("numpy.copyto", "numpy.copyto (y and dv)")


# --- the check --------------------------------------------------------------------------------------------------------


def right_answer(one: Case) -> Answer:
    (fresh, *_) = known_peers()["hand_numpy"].build(one)
    assert fresh.read is not None
    return fresh.read(fresh.run())


def test_another_value_is_seen() -> None:
    one = case("exponential", backward=True)
    right = right_answer(one)
    assert right.dv is not None
    assert check.standing(one, right) == "same"
    assert check.standing(one, replace(right, y=right.y + 0.01)) == "differs"
    assert check.standing(one, replace(right, dv=-right.dv)) == "differs"
    assert check.standing(one, replace(right, dv=None)) == "differs"
    assert check.standing(one, replace(right, da={"a": right.da["a"] * 1.5})) == "differs"
    assert check.standing(one, replace(right, da={})) == "differs"
    assert check.standing(one, replace(right, y=right.y[:-1])) == "differs"


def test_nan_anywhere_is_seen() -> None:
    one = case("exponential", backward=True)
    right = right_answer(one)
    spoiled = right.y.copy()
    spoiled[-1] = np.nan  # far from the points that are compared
    assert check.standing(one, replace(right, y=spoiled)) == "nan"
    assert check.standing(one, replace(right, da={"a": float("nan")})) == "nan"


def test_inputs_are_the_same_each_time_and_moderate_first() -> None:
    first = case("relu", size=1000, dtype="float32").v.copy()
    assert case("relu", size=10).v.shape == (10,)  # another size in between
    again = case("relu", size=1000, dtype="float32").v
    assert np.array_equal(first, again)
    assert np.abs(first[: check.CHECKED]).max() < 6.1
    assert 1.8 < first.std() < 2.4


# --- rounds and ratios ------------------------------------------------------------------------------------------------


def made_up(rounds: int, seed: int = 0) -> tuple[list[str], list[clock.Round]]:
    """The order of visits, and the rounds, by a clock that says what the candidate says."""
    visits: list[str] = []

    def says(name: str, seconds: float) -> Callable[[], float]:
        def run() -> float:
            visits.append(name)
            return seconds

        return run

    runs = {name: says(name, x) for name, x in (("ours", 0.5), ("peer", 1.5), ("copy", 0.25))}
    method = clock.Method(rounds=rounds, slots=1, patience_of_all_s=0.0, seed=seed)
    found = clock.time_rounds(runs, method, lambda run, calls: run())
    return visits[6:], found  # two calls of each find out how long it takes


def test_every_round_visits_every_candidate_once() -> None:
    visits, rounds = made_up(20)
    assert len(rounds) == 20
    for k in range(20):
        assert sorted(visits[3 * k : 3 * k + 3]) == ["copy", "ours", "peer"]
    assert len({tuple(visits[3 * k : 3 * k + 3]) for k in range(20)}) > 2, "the order must change"
    assert visits == made_up(20)[0]
    assert visits != made_up(20, seed=1)[0]


def test_a_visit_is_the_best_of_its_slots() -> None:
    answers = iter([3.0, 3.0, 9.0, 2.0, 5.0, 7.0])  # two to find out how long a call takes, then four slots
    method = clock.Method(rounds=1, slots=4, slot_s=1e-3, patience_of_all_s=0.0)
    slot: clock.Slot = lambda run, calls: next(answers) * 1e-3  # noqa: E731
    (only,) = clock.time_rounds({"it": lambda: None}, method, slot)
    assert only.seconds == {"it": 2.0e-3}


def test_short_calls_are_repeated_and_long_ones_are_not() -> None:
    seen: dict[float, list[int]] = {1e-6: [], 0.1: [], 2.0: []}
    for once, calls_seen in seen.items():

        def slot(run: Any, calls: int, once: float = once, calls_seen: list[int] = calls_seen) -> float:
            calls_seen.append(calls)
            return once

        clock.time_rounds({"it": lambda: None}, clock.Method(rounds=1, patience_of_all_s=0.0), slot)
    assert seen == {1e-6: [1, 1, *[3000] * 4], 0.1: [1, 1, 1, 1], 2.0: [1, 1, 1]}


def test_the_quietest_half_of_the_rounds_counts() -> None:
    rounds = [clock.Round(seconds={"x": float(k)}, foreign=f) for k, f in enumerate([0.5, 0.0, 0.9, 0.1, 0.2])]
    assert [r.seconds["x"] for r in clock.quietest(rounds)] == [1.0, 3.0, 4.0]
    unknown = [clock.Round(seconds={"x": float(k)}) for k in range(4)]
    assert [r.seconds["x"] for r in clock.quietest(unknown)] == [0.0, 1.0]


def test_a_ratio_is_formed_within_a_round() -> None:
    """The machine slows down eightfold on the way; the ratio is 3 in every round."""
    rounds = [clock.Round(seconds={"ours": 2.0**k, "peer": 3 * 2.0**k}) for k in range(4)]
    assert clock.ratio(rounds, "peer", "ours") == clock.Spread(median=3.0, q1=3.0, q3=3.0)
    assert clock.nanoseconds(rounds[:1], "ours", 10**9) == clock.Spread(median=1.0, q1=1.0, q3=1.0)
    assert clock.Spread.of([1, 2, 3, 4, 5]) == clock.Spread(median=3.0, q1=2.0, q3=4.0)


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"slots": 0}, {"slot_s": 0.0}])
def test_a_method_that_times_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        clock.Method(**wrong)


def test_the_timer_waits_for_other_work_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(load, "STAT", stat)
    assert (load.now().everybody, load.wait_until_quiet(0.0)) == (None, pytest.approx(0, abs=1))
    stat.write_text("cpu 100 20 30 400 5 6 7 8 0 0\nprocs_running 3\n", encoding="ascii")
    assert load.wait_until_quiet(0.02) >= 0.02
    assert load.now().everybody == pytest.approx((100 + 20 + 30 + 6 + 7 + 8) / os.sysconf("SC_CLK_TCK"))
    looks = []
    monkeypatch.setattr(load, "_running", lambda: looks.append(1) or max(1, 4 - len(looks)))
    load.wait_until_quiet(60.0)
    assert len(looks) == 3


def test_foreign_seconds_are_everybody_s_without_our_own() -> None:
    before, after = load.Moment(10.0, 3.0, 0.0), load.Moment(14.0, 4.5, 2.0)
    assert load.foreign_seconds(before, after) == 2.5
    assert load.foreign_seconds(load.Moment(None, 0.0, 0.0), after) is None


# --- goals ------------------------------------------------------------------------------------------------------------


def row(ours_check: str = "same", **peers: tuple[str, float]) -> dict[str, Any]:
    def ratios(x: float) -> list[dict[str, Any]]:
        outputs = (("fresh", 0.5 * x), ("preallocated", x))
        return [{"target": "numpy", "output": o, "median": y, "q1": y, "q3": y} for o, y in outputs]

    return {
        "ours": [{"target": "numpy", "output": o, "check": ours_check} for o in ("fresh", "preallocated")],
        "peers": [{"peer": n, "output": "fresh", "check": c, "ratios": ratios(x)} for n, (c, x) in peers.items()],
    }


def test_a_goal_is_judged_against_the_fastest_peer_that_is_right() -> None:
    goal = Goal(target="numpy", against=("a", "b", "c"), at_least=2)
    found = goal.reached(row(a=("same", 4.0), b=("same", 3.0), c=("nan", 1.0), d=("same", 0.1)))
    assert (found["peer"], found["median"], found["met"], found["output"]) == ("b", 3.0, True, "preallocated")
    assert goal.reached(row(a=("same", 1.9)))["met"] is False
    only_wrong = goal.reached(row(c=("nan", 5.0)))
    assert (only_wrong["peer_check"], only_wrong["met"]) == ("nan", True)


def test_a_goal_without_a_measurement_is_neither_met_nor_missed() -> None:
    goal = Goal(target="numpy", against=("a",), at_least=2)
    assert goal.reached(row(b=("same", 9.0)))["met"] is None
    assert goal.reached({"ours": [], "peers": row(a=("same", 9.0))["peers"]})["met"] is None
    assert goal.reached(row("differs", a=("same", 9.0)))["met"] is None


# --- a whole row ------------------------------------------------------------------------------------------------------


def test_a_row_says_who_computed_what_and_who_did_not_take_part() -> None:
    found = compare(case("prelu", backward=True), ["numpy"], ["lambdify", "numexpr", "copy"], QUICK)
    assert [one["check"] for one in found["ours"]] == ["same"] * len(found["ours"])
    assert {one["peer"]: one["check"] for one in found["peers"]} == {"lambdify": "same", "copy": "copy"}
    assert found["skipped"] == [{"name": "numexpr", "reason": "no gradients"}]
    for peer in found["peers"]:
        assert [(r["target"], r["output"]) for r in peer["ratios"]] == [
            (one["target"], one["output"]) for one in found["ours"]
        ]
    assert json.loads(json.dumps(found)) == found


def test_both_kinds_of_output_are_timed_and_labelled() -> None:
    found = compare(case("silu", size=64, dtype="float32"), ["numpy"], ["lambdify"], QUICK)
    assert {one["output"] for one in found["ours"]} == {"fresh", "preallocated"}


def test_a_module_may_import_another_file_of_its_target_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "relu_a.py": "VALUE = 3\n",
        "relu_sibling.py": "def forward():\n    import relu_a\n    return relu_a.VALUE\n",
    }
    monkeypatch.setattr(ours, "emit", lambda activation, target: files)
    assert ours._module.__wrapped__(catalogue["relu"], "sibling").forward() == 3


def test_a_wrong_peer_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(one: Case) -> list[Candidate]:
        return [
            Candidate(name=name, output="fresh", run=lambda y=y: y, read=lambda y: Answer(y=y))
            for name, y in (("wrong", np.cos(one.v)), ("nan", one.v * np.nan))
        ]

    peers = {"wrong": Peer(name="wrong", needs=(), build=build)}
    monkeypatch.setattr("kassei.bench.run.known_peers", lambda: peers)
    found = compare(case("relu"), ["numpy"], ["wrong"], QUICK)
    assert {one["peer"]: one["check"] for one in found["peers"]} == {"wrong": "differs", "nan": "nan"}


def test_what_is_not_here_is_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = {"gone": Peer(name="gone", needs=("no_such_module",), build=lambda _: [])}
    monkeypatch.setattr("kassei.bench.run.known_peers", lambda: peers)
    found = compare(case("relu"), ["numpy", "cuda", "nonesuch"], ["gone"], QUICK)
    assert {one["name"]: one["reason"] for one in found["skipped"]} == {
        "gone": "needs no_such_module",
        "cuda": "does not run on cpu",
        "nonesuch": "the target 'nonesuch' cannot be timed yet: name its arrays in bench/ours.py",
    }


def test_without_a_gpu_nothing_is_timed_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kassei.bench.run.gpu", lambda: "")
    found = compare(replace(case("relu"), device="cuda"), ["cuda"], ["copy", "lambdify"], QUICK)
    assert (found["ours"], found["peers"], found["rounds"]) == ([], [], {"timed": 0, "kept": 0})
    assert {one["name"] for one in found["skipped"]} == {"cuda", "copy", "lambdify"}


def fake_cupy() -> ModuleType:
    """NumPy under CuPy's name, on a device whose every slot takes 2 ms."""

    class Event:
        def record(self) -> None:
            pass

        def synchronize(self) -> None:
            pass

    device = SimpleNamespace(
        Event=Event,
        get_elapsed_time=lambda begin, end: 2.0,
        runtime=SimpleNamespace(getDeviceCount=lambda: 1, getDeviceProperties=lambda k: {"name": b"Made up"}),
    )
    module = ModuleType("cupy")
    names = {name: getattr(np, name) for name in ("asarray", "ones_like", "empty_like", "copyto")}
    vars(module).update(names, asnumpy=np.asarray, cuda=device, dtype=np.dtype)

    def kernel(*signature: str) -> Callable[..., Any]:
        return lambda v, *out: np.maximum(v, 0, out=out[0] if out else None)

    vars(module)["ElementwiseKernel"] = kernel
    module.__spec__ = ModuleSpec("cupy", None)
    return module


def test_a_device_is_timed_by_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a GPU, with NumPy in its place; no kernel runs."""
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy())
    one = replace(case("relu", dtype="float32"), device="cuda")
    found = compare(one, [], ["copy", "cupy_elementwise", "lambdify"], clock.Method(rounds=2, slot_s=0.02))
    assert machine()["gpu"] == "Made up"
    assert [(p["peer"], p["output"], p["check"]) for p in found["peers"]] == [
        ("copy", "preallocated", "copy"),
        ("cupy_elementwise", "fresh", "same"),
        ("cupy_elementwise", "preallocated", "same"),
    ]
    calls = 10  # of 2 ms, to fill a slot of 20 ms
    assert {p["ns"]["median"] for p in found["peers"]} == {float(f"{2e-3 / calls / one.size * 1e9:.4g}")}
    assert [p["name"] for p in found["skipped"]] == ["lambdify"]


def test_threads_are_confined_and_set_free() -> None:
    before, name = os.sched_getaffinity(0), "OMP_NUM_THREADS"
    kept = os.environ.get(name)
    with confined(1):
        assert (len(os.sched_getaffinity(0)), os.environ[name]) == (1, "1")
    assert (os.sched_getaffinity(0), os.environ.get(name)) == (before, kept)
    with pytest.raises(ValueError, match="cores"), confined(len(before) + 1):
        pass


def test_a_bound_on_seconds_stops_the_work_and_leaves_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(limit.TookTooLong), limit.within(0.05):
        time.sleep(30)
    with limit.within(30):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


# --- the command ------------------------------------------------------------------------------------------------------


def kassei(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kassei", "bench", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def test_the_command_times_a_file_and_writes_the_document(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('expr = "Piecewise((v, v > 0), (v/3, True))"\n', encoding="utf-8")
    quick = ("--size", "1e2", "--rounds", "1", "--threads", "1", "--peer", "lambdify")
    done = kassei("own.toml", *quick, "--pass", "both", "--json", "--out", "made/own.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "made" / "own.json").read_text(encoding="utf-8"))
    assert (document["schema"], document["kind"], document["threads"]) == (1, "speed", 1)
    assert document["command"].startswith("kassei bench own.toml --size 1e2")
    assert {"numpy", "sympy", "python"} <= set(document["versions"])
    (only,) = document["rows"]
    assert (only["function"], only["pass"], only["size"]) == ("own", "forward_backward", 100)
    table = kassei("own.toml", *quick, cwd=tmp_path)
    assert "lambdify" in table.stdout
    assert "own, forward, 100 elements, float32, cpu" in table.stdout


BAD = (
    *(("relu", "--size", "many"), ("relu", "--size", "0"), ("relu", "--peer", "x"), ("relu", "--target", "x")),
    *(("relu", "--threads", "4096"), ("nonesuch",), ()),
)


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_is_one_message(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = kassei(*arguments, "--out", "x.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


# --- results and their page -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def speed() -> ModuleType:
    """``benchmarks/speed.py``."""
    spec = importlib.util.spec_from_file_location("benchmarks_speed", ROOT / "benchmarks" / "speed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_table_names_what_exists(speed: ModuleType) -> None:
    for table in speed.TABLES:
        assert set(table.functions) <= set(catalogue), table.name
        assert set(table.peers) <= set(known_peers()), table.name
        assert set(table.goals) - {""} <= set(table.functions), table.name
        for goals in table.goals.values():
            for goal in goals:
                assert goal.target in table.targets
                assert set(goal.against) <= set(table.peers)


def test_every_table_has_its_words_and_its_place(speed: ModuleType) -> None:
    names = [table.name for table in speed.TABLES]
    assert sorted(names) == sorted(results.ORDER)
    for lang in LANGUAGES:
        assert {f"speed.table.{name}.{part}" for name in names for part in ("title", "text")} <= set(templates(lang))
        assert {f"speed.who.{name}" for name in known_peers()} <= set(templates(lang))


@pytest.fixture
def measured(speed: ModuleType, tmp_path: Path) -> Path:
    """A folder with a small table, and with another kind of result that does not concern the page."""
    (table,) = (t for t in speed.TABLES if t.name == "numpy_lambdify")
    document = speed.run(replace(table, functions=("relu", "prelu"), size=200, rounds=1))
    document["rows"][0]["peers"][0]["check"] = "nan"
    document["rows"][0]["peers"][0]["how"] = document["command"] = "<script>alert(1)</script>"
    (tmp_path / "speed_numpy_lambdify.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "frameworks.json").write_text("[]", encoding="utf-8")
    return tmp_path


def test_a_table_runs_with_its_goals(speed: ModuleType, measured: Path) -> None:
    ((name, document),) = results.tables(measured)
    assert (name, document["table"]) == ("speed_numpy_lambdify.json", "numpy_lambdify")
    relu, prelu = document["rows"]
    assert "goals" not in relu
    (goal,) = prelu["goals"]
    assert (goal["at_least"], goal["against"]) == (15, ["lambdify"])
    assert goal["met"] is (goal["median"] >= 15)


def test_the_page_shows_the_committed_figures_in_both_languages(measured: Path) -> None:
    pages = {lang: speed_files([], lang, measured) for lang in LANGUAGES}
    (_, document), *_ = results.tables(measured)
    goal = document["rows"][1]["goals"][0]
    for lang, files in pages.items():
        assert set(files) == {"speed.md", "speed/speed_numpy_lambdify.json"}
        assert json.loads(files["speed/speed_numpy_lambdify.json"]) == document
        page = files["speed.md"]
        assert f"{goal['median']:.3g}" in page
        assert f">{templates(lang)['speed.check_nan']}</span>" in page
        assert "{#numpy-lambdify}" in page
        assert "<script>" not in page
        for peer in document["rows"][1]["peers"]:
            assert f"{peer['ratios'][1]['median']:.3g}" in page


def test_without_results_there_is_no_page(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        assert results.tables(folder) == []
        assert speed_files([], "en", folder) == {}


def test_a_result_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "speed_x.json").write_text('{"schema": 2, "kind": "speed"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"speed_x\.json"):
        results.tables(tmp_path)


def test_the_committed_results_are_documents_of_this_schema(speed: ModuleType) -> None:
    """Whatever was measured last: its tables exist, and a goal beside a figure says what the figure says."""
    for name, document in results.tables():
        assert name == f"speed_{document['table']}.json"
        assert document["table"] in {table.name for table in speed.TABLES}
        for one in document["rows"]:
            for goal in one.get("goals", ()):
                assert goal["met"] in ({None} if goal["median"] is None else {None, goal["median"] >= goal["at_least"]})


def test_a_document_says_where_it_was_made() -> None:
    document = record([], command="x", method=QUICK, threads=2, table="t")
    assert {"date", "machine", "versions", "method", "rows", "threads"} <= set(document)
    assert document["machine"]["cores"] == os.cpu_count()
