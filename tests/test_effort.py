"""Counted work: the same steps, and so the same answers to the last byte, in every process that hashes alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sympy as sp

from functions import SLOW
from kassei.core import convergence, memo
from kassei.core.algebra import factored
from kassei.core.effort import bounded, counted, numbered
from kassei.core.enclose import Undecided
from kassei.core.pieces import Form
from kassei.core.region import Region
from kassei.library import catalogue

x = sp.Symbol("x", real=True)

COUNTS = """
import json, sys
from kassei.core import effort
from kassei.library import analyze, catalogue

counts, plainly = [], effort.counted

def counted(call, limit):
    counts.append(None)
    found, steps = plainly(call, int(1.1 * limit))
    counts[-1] = steps / limit
    if steps > limit:
        raise effort._Spent
    return found, steps

effort.counted = counted
document = analyze(catalogue[sys.argv[1]]).to_json()
print(json.dumps([counts, document]))
"""


def analysed(name: str, **environment: str) -> tuple[list[float | None], object]:
    """The share of its budget that each call of SymPy took in a new process (None: far more), and what was found."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTS, name],
        env={**os.environ, "KASSEI_CACHE": "off", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    counts, document = json.loads(done.stdout)
    return counts, document


@pytest.mark.parametrize("name", ["pelu", *(pytest.param(n, marks=pytest.mark.only_slow) for n in SLOW)])
def test_another_process_takes_the_same_steps(name: str) -> None:
    """SymPy draws random numbers, numbers its symbols from a random number up, and hashes objects by their address."""
    first, second = (analysed(name, PYTHONHASHSEED="0") for _ in range(2))
    assert first == second
    assert any(first[0])
    assert not any(share and share > 0.9 for share in first[0]), "budgets lie where no call of the catalogue ends"


def test_comparisons_are_not_counted() -> None:
    """A dictionary compares keys as often as their hashes happen to meet."""

    class Key:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return self.number % 8

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Key) and self.same(other)

        def same(self, other: Key) -> bool:
            return self.number == other.number

    def found(step: int) -> int:
        return len({Key(1): 0, Key(1 + step): 0})

    met, apart = counted(lambda: found(8), 100), counted(lambda: found(1), 100)
    assert met == apart


def test_a_budget_that_runs_out_while_a_generator_is_closed_is_used_up() -> None:
    """Python reports what is raised there and goes on."""
    begun = []

    def step() -> None:
        begun.append(None)

    def generator() -> Iterator[None]:
        try:
            yield
        finally:
            step()

    def call(steps: int) -> None:
        one = generator()
        next(one)
        del one
        for _ in range(steps):
            step()

    for steps in (100, 0):
        begun.clear()
        with pytest.raises(Undecided):
            bounded(lambda n=steps: call(n), "an answer", 3)  # type: ignore[misc]
        assert len(begun) < 3


def test_symbols_are_numbered_by_the_text_alone() -> None:
    def made(text: str) -> list[sp.Dummy]:
        with numbered(text):
            return [sp.Dummy("t"), sp.Dummy("t")]

    outside = sp.Dummy("t")
    assert made("a") == made("a")
    assert len({*made("a"), *made("b"), outside, sp.Dummy("t")}) == 6


def test_nothing_is_remembered_from_one_analysis_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    factored(x**2 - 1)
    assert factored.cache_info().currsize
    memo.forget()
    assert not factored.cache_info().currsize
    made, plainly = [], convergence.normal_form

    def normal_form(expr: sp.Expr, v: sp.Symbol, region: Region) -> Form:
        made.append(expr)
        return plainly(expr, v, region)

    monkeypatch.setattr(convergence, "normal_form", normal_form)
    known, rounds = convergence.KnownForms(catalogue), []
    for _ in range(2):
        memo.forget()
        made.clear()
        convergence.param_limits(catalogue["exponential"], Region.of(catalogue["exponential"].parameters), known)
        rounds.append(list(made))
    assert catalogue["relu"].expr in rounds[0]
    assert rounds[0] == rounds[1], "the forms that limits were compared with are found again by the next analysis"
