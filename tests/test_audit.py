"""The audit: its reference against mpmath, its counts against planted errors, its shards against interrupts."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb

from exact import Exact
from functions import NAMES, SOURCES
from kassei.audit import shards as shards_module
from kassei.audit.jobs import emitted, in_process, job, run
from kassei.audit.measure import Counter, Tally, ball_error, joined
from kassei.audit.models import SURE, Model, Run, runs
from kassei.audit.points import default, hard_points, in_domain, parameter_grid, quantities, sample
from kassei.audit.rough import roughly
from kassei.audit.runners import Code
from kassei.audit.shards import ReferenceDisagrees, Shard, measure
from kassei.exact.balls import Point, at_infinity, at_point
from kassei.exact.formats import FORMATS
from kassei.exact.program import program
from kassei.library import catalogue
from kassei.render.accuracy import accuracy_files, audits

HALF, BRAIN, SINGLE, DOUBLE = (FORMATS[name] for name in ("float16", "bfloat16", "float32", "float64"))
OSCILLATING = ("gcu", "snake")
CURVED = ("celu", "mish", "polu", "repu", "silu", "softplus")


def defaults(name: str, dtype: str = "float32") -> dict[str, float]:
    return {p.name: default(p, FORMATS[dtype]) for p in catalogue[name].parameters}


def code_of(name: str, *changes: tuple[str, str]) -> Code:
    """The emitted NumPy module, with changes to its text."""
    code = emitted(catalogue[name], "numpy")
    ((file, text),) = code.files
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Code(name=name, target="numpy", main=file, files=((file, text),), outer=code.outer)


def shard_of(name: str, dtype: str, *, code: Code | None = None, **where: Any) -> Shard:
    return Shard(
        code=code or code_of(name), program=program(catalogue[name]), dtype=dtype, params=defaults(name, dtype), **where
    )


WRAPPED = """

_emitted = forward


def forward(v, *given, **settings):
    y = np.array(_emitted(v, *given, **settings))
"""


def spoilt(name: str, statement: str) -> Code:
    """An emitted module whose ``forward`` ends with a statement that spoils its result ``y``."""
    code = code_of(name)
    ((file, text),) = code.files
    return Code(
        name=name,
        target="numpy",
        main=file,
        files=((file, f"{text}{WRAPPED}    {statement}\n    return y\n"),),
        outer=code.outer,
    )


# --- the reference ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SOURCES, *CURVED, *OSCILLATING])
def test_the_pointwise_reference_agrees_with_mpmath(name: str) -> None:
    """Value and every derivative, at points away from kinks; mpmath evaluates the definition by another route."""
    exact, steps, params = Exact(catalogue[name]), program(catalogue[name]), defaults(name)
    for v in (-87.25, -12.5, -1.625, -3.0e-5, 1.0e-7, 0.3125, 2.25, 40.0):
        for index, quantity in enumerate([None, steps.variable, *steps.parameters]):
            (ball,) = at_point(steps, quantity, v, params, DOUBLE).values
            given = tuple(params.values())
            want = exact.at(v, given) if quantity is None else exact.derivative(v, given, index - 1)
            with mpmath.workdps(60):
                got = mpmath.mpf(ball.mid().str(40, radius=False))
                assert abs(got - want) <= 2.0**-60 * abs(want) + mpmath.mpf(2) ** -1080, (quantity, v)


@pytest.mark.parametrize("name", [*SOURCES, *CURVED, *OSCILLATING])
def test_the_fast_reference_keeps_its_bound(name: str) -> None:
    """Polynomials and float64 values against Arb, at inputs of every binade; every input belongs to one run."""
    steps, params = program(catalogue[name]), defaults(name)
    for sign in (0, SINGLE.sign):
        patterns = np.arange(sign + 7, sign + SINGLE.infinity, (1 << 15) + 1, dtype=np.uint64)
        v = SINGLE.values(patterns).astype(np.float64)
        for quantity in quantities(steps):
            settled = list(runs(steps, quantity, v, params, SINGLE))
            assert [r.start for r in settled] + [len(v)] == [0] + [r.stop for r in settled]
            for one in settled[:: max(1, len(settled) // 60)]:
                for k in {one.start, (one.start + one.stop) // 2, one.stop - 1} - {one.start + u for u in one.unsure}:
                    if one.model is None and one.values is None:
                        continue
                    have = one.values[k - one.start] if one.model is None else one.model(v[k : k + 1])[0]  # type: ignore[index]
                    (ball,) = at_point(steps, quantity, float(v[k]), params, SINGLE).values
                    if np.isinf(have):
                        assert abs(ball) > SINGLE.biggest
                    else:
                        assert abs(float((arb(float(have)) - ball) / SINGLE.unit(ball))) <= 1.5 * SURE


@pytest.mark.parametrize(("name", "params"), [("natural_exponential", {}), ("soft_exponential", {"a": 0.5})])
def test_what_overflows_is_judged_at_once(name: str, params: dict[str, float]) -> None:
    """exp(v) beyond every float32 is an infinity without a ball for each of millions of inputs."""
    asked, form = program(catalogue[name]), FORMATS["float32"]
    v = np.float64(np.float32(np.geomspace(1500, 3e38, 3000)))
    for quantity in (None, "v"):
        for one in runs(asked, quantity, v, params, form):
            assert one.values is not None
            assert not one.unsure
            assert (one.values[:: len(one.values) - 1 or 1] == np.inf).all()
    for far in (1500.0, 3e38):
        (ball,) = at_point(asked, None, far, params, form).values
        assert ball > form.biggest
    of_float64 = roughly(asked, None, v, params, FORMATS["float64"])
    assert of_float64 is not None
    assert np.isinf(of_float64[1]).all()  # what is beyond float64 says nothing of its last binade


def test_kinks_have_two_slopes_and_poles_no_value() -> None:
    relu, rational = program(catalogue["relu"]), program(catalogue["rational"])
    assert [float(b) for b in at_point(relu, "v", 0.0, {}, SINGLE).values] == [0.0, 1.0]
    assert [float(b) for b in at_point(relu, "v", SINGLE.smallest, {}, SINGLE).values] == [1.0]
    assert at_point(rational, None, -1.0, {"a": -1.0}, SINGLE).undefined
    three = at_point(program(catalogue["hard_sigmoid"]), None, -3.0, {}, SINGLE)
    assert [float(b) for b in three.values] == [0.0]  # v/6 + 1/2 is exactly 0 there, which no ball can tell


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("silu", 0, math.inf),
        ("exponential", -1, math.inf),
        ("symlog", -math.inf, math.inf),
        ("squareplus", 0, math.inf),
    ],
)
def test_infinite_inputs_are_judged_by_the_limit(name: str, below: float, above: float) -> None:
    steps = program(catalogue[name])
    assert at_infinity(steps, None, -1, defaults(name), SINGLE) == below
    assert at_infinity(steps, None, 1, defaults(name), SINGLE) == above


def test_an_oscillation_has_no_limit() -> None:
    assert at_infinity(program(catalogue["gcu"]), None, 1, {}, SINGLE) is None


def test_a_wrong_reference_stops_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A polynomial that is off by half a unit somewhere is caught by the comparison with Arb."""

    def wrong(*given: Any) -> Iterator[Run]:
        for one in runs(*given):
            m = one.model
            spoil = None if m is None else Model(m.middle, m.scale, (m.coefficients[0] * 1.0001, *m.coefficients[1:]))
            yield Run(one.start, one.stop, spoil, one.values, one.unsure)

    monkeypatch.setattr(shards_module, "runs", wrong)
    with pytest.raises(ReferenceDisagrees, match="silu, value"):
        measure(shard_of("silu", "float16", stop=1 << 16))


# --- what an error is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "got", "want", "kind", "ulps"),
    [
        (SINGLE, 1.0, "1", "", 0.0),
        (SINGLE, 1.0 + 2.0**-23, "1", "", 1.0),
        (SINGLE, 1.0 - 2.0**-24, "1", "", 0.5),
        (SINGLE, 0.0, "1e-45", "", 0.713625),
        (SINGLE, 0.0, "1e-80", "", 0.0),
        (SINGLE, math.nan, "1", "wrong_nan", 0.0),
        (SINGLE, math.inf, "1", "wrong_inf", 0.0),
        (SINGLE, -math.inf, "1e40", "wrong_inf", 0.0),
        (SINGLE, math.inf, "1e40", "", 0.0),
        (SINGLE, SINGLE.biggest, "1e40", "", 1.0),
        (SINGLE, 1e38, "1e40", "wrong_inf", 0.0),
        (HALF, 65504.0, "65520", "", 0.5),
        (BRAIN, 1.0, "1.0078125", "", 1.0),
    ],
)
def test_errors_are_counted_in_units_of_the_storage_type(
    form: Any, got: float, want: str, kind: str, ulps: float
) -> None:
    found, error, _ = ball_error(got, arb(want), form)
    assert (kind, pytest.approx(ulps, abs=1e-5)) == (found, error)


def test_arrays_and_points_are_judged_alike() -> None:
    """The fast comparison and the one with balls give the same tally, beyond the largest number too."""
    top = SINGLE.biggest
    got = np.array([1.0, 1.5, top, np.inf, -np.inf, np.nan, 0.0, 2.0**-149, np.inf, 1e38, top, -3.0])
    want = np.array([1.0 + 2.0**-30, 1.25, 1e39, 1e39, 1e39, 1.0, 1e-46, 0.0, 3.0, np.inf, top * 1.0000001, -3.0000005])
    whole, single = Counter(SINGLE), Counter(SINGLE)
    with np.errstate(all="ignore"):
        whole.array(got, want, lambda k: k)
    for k, (y, x) in enumerate(zip(got.tolist(), want.tolist(), strict=True)):
        single.point(y, Point(values=(arb(x if math.isfinite(x) else 1e300),)), k)
    a, b = whole.tally(), single.tally()
    assert (a.wrong_nan, a.wrong_inf, a.at, a.wrong_nan_at, a.wrong_inf_at) == (1, 3, 1, 5, 4)
    for name in (
        "inputs",
        "over_1",
        "over_4",
        "over_8",
        "wrong_nan",
        "wrong_inf",
        "at",
        "wrong_nan_at",
        "wrong_inf_at",
    ):
        assert getattr(a, name) == getattr(b, name)
    assert a.sum_ulp == pytest.approx(b.sum_ulp)
    assert a.max_ulp == pytest.approx(b.max_ulp)


def test_joining_keeps_the_first_of_equal_maxima() -> None:
    one, two = Tally(inputs=2, max_ulp=1.5, at=7, wrong_nan=1, wrong_nan_at=9), Tally(inputs=3, max_ulp=1.5, at=8)
    assert joined([one, two]) == Tally(inputs=5, max_ulp=1.5, at=7, wrong_nan=1, wrong_nan_at=9)
    assert joined([Tally(inputs=1), two]).at == 8


# --- planted errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("y[v == np.float32(1.5)] = np.nan", {"wrong_nan": 1, "wrong_nan_at": 0x3FC00000}),
        ("y[v == np.float32(1.5)] = np.inf", {"wrong_inf": 1, "wrong_inf_at": 0x3FC00000}),
        ("y[v == np.float32(1.5)] *= np.float32(1.001)", {"at": 0x3FC00000, "over_8": 1}),
    ],
)
def test_one_wrong_value_among_thousands_is_found_where_it_is(statement: str, wrong: dict[str, int]) -> None:
    where = {"start": 0x3F800000, "stop": 0x40000000, "stride": 64}
    found = measure(shard_of("silu", "float32", code=spoilt("silu", statement), **where))["value"]
    clean = measure(shard_of("silu", "float32", **where))["value"]
    assert clean["inputs"] == found["inputs"] == 1 << 17
    assert wrong == {key: found[key] for key in wrong}
    assert clean["max_ulp"] < 4
    assert clean["wrong_nan"] == clean["wrong_inf"] == 0


def test_a_lost_nan_and_a_wrong_limit_are_found() -> None:
    code = spoilt("silu", "y[~np.isfinite(v)] = 1")
    found = measure(shard_of("silu", "float16", code=code, stop=1 << 16))["value"]
    assert (found["wrong_nan"], found["wrong_inf"]) == (2 * 1023, 1)
    assert (found["at"], found["got"]) == (0xFC00, 1.0)


@pytest.mark.parametrize(
    "name", [n if n in (*SOURCES, "gcu", "mish") else pytest.param(n, marks=pytest.mark.only_slow) for n in NAMES]
)
def test_every_function_can_be_audited(name: str) -> None:
    """All 65536 halves: each is judged, or the function is undefined there, or it oscillates at infinity."""
    found = measure(shard_of(name, "float16", stop=1 << 16))
    for quantity, t in found.items():
        judged = t["taylor"] + t["fitted"] + t["float64"] + t["arb"] + t["special"] + t["not_judged"]
        assert (quantity, judged) == (quantity, 1 << 16) == (quantity, t["inputs"])
        assert t["not_judged"] <= 2
        assert t["checked"] >= 8 or t["arb"] > 60000


# --- where to look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_parameters_lie_in_their_domains_and_in_the_format(name: str) -> None:
    grid = parameter_grid(catalogue[name], SINGLE)
    assert grid[0] == defaults(name)
    for params in grid:
        for p in catalogue[name].parameters:
            assert in_domain(p, params[p.name])
            assert SINGLE.rounded(params[p.name]) == params[p.name]


def test_hard_points_hold_the_borders() -> None:
    """Kinks, zeros of the slope, the first subnormal result, and their neighbours."""
    steps, f = program(catalogue["silu"]), catalogue["silu"]
    points = hard_points(f, steps, {}, SINGLE)
    values = {SINGLE.value(k) for k in points}
    zero = np.float32(-1.2784645)  # of the slope
    assert {float(zero), float(np.nextafter(zero, np.float32(0))), 0.0, math.inf, -math.inf} <= values
    assert min(v for v in values if math.isfinite(v)) == -SINGLE.biggest
    low = [v for v in values if -95 < v < -85]  # v*exp(v) becomes subnormal at -91.9
    assert any(abs(v * math.exp(v)) < 2.0**-126 for v in low)
    assert any(abs(v * math.exp(v)) > 2.0**-126 for v in low)


def test_the_sample_is_spread_over_all_magnitudes() -> None:
    points = np.array(sample(DOUBLE, 2048), dtype=np.uint64)
    v = DOUBLE.values(points)
    assert np.isfinite(v).all()
    assert abs(np.mean(v < 0) - 0.5) < 0.02
    exponents = np.unique(np.frexp(v[v != 0])[1])
    assert len(exponents) > 1000
    assert np.mean((np.abs(v) > 2.0**-40) & (np.abs(v) < 2.0**12)) > 0.5


# --- interrupts -------------------------------------------------------------------------------------------------------


def prelu_job() -> Any:
    f = catalogue["prelu"]
    whole = job(f, emitted(f, "numpy"), "float32", {"a": 0.25}, exhaustive=False)
    return type(whole)(
        **{
            **whole.__dict__,
            "shards": tuple(
                shard_of("prelu", "float32", start=k, stop=k + (1 << 22), stride=16) for k in range(0, 1 << 26, 1 << 22)
            ),
        }
    )


def test_an_interrupted_audit_goes_on_where_it_stopped(tmp_path: Path) -> None:
    one, begun = prelu_job(), []

    def watched(stop_after: int) -> Any:
        def execute(shards: Sequence[Shard]) -> Iterator[Any]:
            for k, answer in in_process(shards):
                if len(begun) == stop_after:
                    raise KeyboardInterrupt
                begun.append(shards[k].name)
                yield k, answer

        return execute

    whole = run([one], in_process)
    with pytest.raises(KeyboardInterrupt):
        run([one], watched(5), states=tmp_path)
    assert len(begun) == 5
    assert run([one], watched(-1), states=tmp_path) == whole
    assert sorted(begun) == sorted(shard.name for shard in one.shards)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-40])  # killed while it wrote: that shard is measured again
    begun.clear()
    assert run([one], watched(-1), states=tmp_path) == whole
    assert len(begun) == 1


def test_other_code_has_another_state() -> None:
    f = catalogue["prelu"]
    keys = {
        job(f, code, dtype, {"a": a}, exhaustive=False).key
        for code in (code_of("prelu"), code_of("prelu", ("DIGEST", "DIGESTED")))
        for dtype, a in (("float16", 0.25), ("bfloat16", 0.25), ("float16", 0.5))
    }
    assert len(keys) == 6


KILL = """
import json, os, signal, sys, time
from kassei.audit import jobs as r
sys.path.insert(0, {tests!r})
import test_audit

def main():
    one = test_audit.prelu_job()
    with r.cluster(None, 2) as client:
        executor = r.on_cluster(client)
        delivered, killed = [], []
        def deadly(shards):
            for k, answer in executor(shards):
                if not killed:
                    delivered.append(r.full_name(shards[k]))
                    open = [e for _, e in client.get_events(r.TOPIC) if e["shard"] not in delivered]
                    if open:
                        killed.append(open[-1]["worker"])
                        os.kill(client.run(os.getpid, workers=killed)[killed[0]], signal.SIGKILL)
                yield k, answer
        (found,) = r.run([one], deadly)
        events = [event for _, event in client.get_events(r.TOPIC)]
    found = {{q: t.to_json() for q, t in found.items()}}
    print(json.dumps({{"found": found, "events": events, "killed": killed, "delivered": delivered}}))

if __name__ == "__main__":
    main()
"""


def test_a_killed_worker_costs_its_shard_and_nothing_else(tmp_path: Path) -> None:
    """SIGKILL to one of two workers in the middle: same results, and only what that worker still held ran again."""
    pytest.importorskip("distributed", reason="the extra kassei[audit] is not installed")
    script = tmp_path / "kill.py"
    script.write_text(KILL.format(tests=str(Path(__file__).parent)), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    (whole,) = run([prelu_job()], in_process)
    assert {q: t.to_json() for q, t in whole.items()} == answer["found"]
    begun = [event["shard"] for event in answer["events"]]
    assert len(set(begun)) == len(prelu_job().shards)
    again = {name for name in begun if begun.count(name) > 1}
    held = {event["shard"] for event in answer["events"] if event["worker"] in answer["killed"]}
    assert again
    assert again <= held - set(answer["delivered"])
    assert len(begun) == len(set(begun)) + len(again)


# --- the command ------------------------------------------------------------------------------------------------------


def kassei(*arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kassei", "audit", *arguments],
        env={**os.environ, "KASSEI_CACHE": str(cache) if cache else "off"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("silv", "--target", "numpy"), "did you mean silu"),
        (("silu", "--target", "fortran"), "unknown target 'fortran'"),
        (("silu", "--target", "numpy", "--dtype", "float8"), "float8"),
        (("silu", "--target", "numpy", "--set", "a=1"), "no parameter 'a'"),
        (("prelu", "--target", "numpy", "--set", "a"), "is not a setting"),
        (("rational", "--target", "numpy", "--set", "a=nan"), "is not a setting"),
        (("elu", "--target", "numpy", "--dtype", "float16", "--set", "alpha=-1"), "outside its domain"),
        (("silu", "--target", "numpy", "--dtype", "float16", "--out", "/proc/none"), "cannot write"),
        (("silu", "--target", "numpy", "--dtype", "float16", "--scheduler", "tcp://127.0.0.1:9"), "no scheduler"),
        ((), "Missing option"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    done = kassei(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    """Piped, it is silent on stderr; the file holds the documented keys; two runs differ in date and seconds only."""
    given = ("prelu", "--target", "numpy", "--dtype", "float16", "--set", "a=0.25,-200", "--json")
    one = kassei(*given, "--out", str(tmp_path / "new" / "one.json"), cache=tmp_path / "cache")
    assert (one.returncode, one.stderr.count("\n")) == (0, 1)
    document = json.loads(one.stdout)
    assert json.loads((tmp_path / "new" / "one.json").read_text(encoding="utf-8")) == document
    assert (document["schema"], document["dtype"], document["exhaustive"]) == (1, "float16", True)
    assert [r["params"] for r in document["results"]] == [{"a": 0.25}, {"a": -200.0}]
    for result in document["results"]:
        assert list(result["quantities"]) == ["value", "slope", "d/da"]
        for found in result["quantities"].values():
            assert found["inputs"] == 65536
            assert found["max_ulp"] <= 0.5
            assert found["wrong_nan"] == found["wrong_inf"] == 0
    assert not list((tmp_path / "cache-audit").iterdir())  # nothing is left to resume
    again = json.loads(kassei(*given).stdout)
    for one_of in (document, again):
        for key in ("date", "seconds", "command"):
            del one_of[key]
    assert again == document


def test_results_become_a_page(tmp_path: Path) -> None:
    """The page shows the figures of the file, in both languages, and without files there is no page."""
    assert accuracy_files([], "en", tmp_path) == {}
    (tmp_path / "audit").mkdir()
    done = kassei("prelu", "--target", "numpy", "--dtype", "float16", "--out", str(tmp_path / "audit"))
    assert done.returncode == 0, done.stderr
    ((name, document),) = audits(tmp_path)
    worst = document["results"][0]["quantities"]["value"]["max_ulp"]
    for lang, title in (("en", "Accuracy"), ("ja", "精度")):
        files = accuracy_files([], lang, tmp_path)
        assert set(files) == {"accuracy.md", f"accuracy/{name}"}
        assert title in files["accuracy.md"]
        assert f"{worst:.3g}" in files["accuracy.md"]
    (tmp_path / "audit" / "other.json").write_text("{}")
    with pytest.raises(ValueError, match=r"other\.json"):
        audits(tmp_path)
