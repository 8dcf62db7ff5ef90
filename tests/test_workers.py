"""Analyses in processes of their own: the same answers, and an end whatever happens inside."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kassei import cache, catalogue, workers
from kassei.core import certificate
from kassei.core.analysis import decide, dossier, properties, stages
from kassei.core.dossier import Dossier
from kassei.core.properties import range as range_module
from kassei.library import analyze_all
from kassei.render.pages import part
from kassei.verify import read

RELU = catalogue["relu"]


def analysed(seconds: float) -> Dossier:
    (one,) = analyze_all([RELU], seconds=seconds)
    return one


def stay_in_c(_: Any) -> Any:
    """No Python function is entered: what counts calls does not see it."""
    return sum(range(10**14))


def fill_memory(_: Any) -> Any:
    return [bytes(2**28) for _ in range(10**6)]


def die(_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KASSEI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", ["exponential", "gelu", "prelu"])
def test_a_process_of_its_own_says_what_this_one_says(name: str) -> None:
    (answered,) = workers.analyses([catalogue[name]], catalogue.forms)
    assert answered.complete
    assert tuple(answered.found) == stages()
    here = dossier(catalogue[name], decide(catalogue[name], catalogue.forms))
    assert dossier(catalogue[name], answered.found).to_json() == here.to_json()


@pytest.mark.parametrize(
    ("trouble", "step", "says"),
    [
        (stay_in_c, "cut_off", {"stage": "range"}),
        (fill_memory, "ended_early", {"stage": "range", "reason": "exit 1"}),
        (die, "ended_early", {"stage": "range", "reason": "SIGSEGV"}),
    ],
)
def test_a_question_that_does_not_end_is_left_open_and_the_others_are_not(
    trouble: Callable[[Any], Any], step: str, says: dict[str, str], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_module, "check", trouble)
    found = analysed(seconds=6)
    assert {name for name in properties() if found.properties[name].truth == "unknown"} == {"range"}
    (why,) = found.properties["range"].steps
    assert why.key == step
    assert says.items() <= why.facts.items()
    assert cache.find(RELU) is None, "what was cut off is kept for those who give as many seconds"
    assert getattr(cache.find(RELU, 6), "properties", None) is not None
    assert cache.find(RELU, 7) is None
    monkeypatch.undo()
    assert found.to_json("ja")["properties"]["range"]["verdict"] == "unknown"


def test_where_nothing_comes_to_its_end_everything_is_open_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "decide", lambda *_, **__: stay_in_c(None))
    found = analysed(seconds=1)
    assert {v.truth for v in (*found.properties.values(), *found.requirements.values())} == {"unknown"}
    assert found.facts.derivative is None
    assert all(value is None for value in found.facts.limits.values())
    document = found.to_json()
    assert "processor time" in document["properties"]["convex"]["steps"][0]
    assert all(part(found, lang).files for lang in ("en", "ja"))
    assert read(certificate.text(found)).activation.name == "relu"


def test_a_function_that_hangs_does_not_hold_up_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come in the order of the questions, whichever process is quicker."""

    def only_tanh(subject: Any) -> Any:
        return stay_in_c(subject) if subject.activation.name == "tanh" else check(subject)

    check = range_module.check
    monkeypatch.setattr(range_module, "check", only_tanh)
    names = ("tanh", "relu", "sigmoid")
    found = list(analyze_all([catalogue[name] for name in names], jobs=2, seconds=3))
    assert [d.activation.name for d in found] == list(names)
    assert [d.properties["range"].truth for d in found] == ["unknown", "proved", "proved"]


def test_no_process_outlives_who_asked() -> None:
    answers = workers.analyses([RELU, catalogue["gelu"]], jobs=2)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    states = {Path(f"/proc/{child}/stat").read_text(encoding="ascii").split()[2] for child in children}
    assert states <= {"Z"}
