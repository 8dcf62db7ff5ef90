"""Functions put together at random, whose truth is known by construction, against what the prover says of them.

Nothing may be wrong; what is left open is bounded, so that silence does not pass for care. The nightly run with other
seeds and many more functions is benchmarks/random_functions.py.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import sympy as sp

from judging import judge
from kassei.core.reading import parse_definition
from kassei.library import analyze
from random_functions import SHAPES, YES_NO, A, Branch, Declared, Form, Piece, Sample, first_match, sample

SEED = 24
COUNT = 200
BATCH = 5
DEAREST = (9, 10)
"""Two of the three places in fourteen that hold windows in parameters, most of the cost; the nightly run has all."""
INDICES = [k for k in range(2 * COUNT) if k % 14 not in DEAREST][:COUNT]
PROBES = 12
ELU = Form((sp.S.Zero,), (Piece(shape=SHAPES["exp"], c=1, d=-1), Piece(m=1)), (sp.S.Zero,))


def document(made: Sample) -> dict[str, Any]:
    return analyze(parse_definition(made.toml, "random.toml")).to_json()


@pytest.mark.parametrize("first", range(0, COUNT, BATCH))
def test_nothing_is_claimed_wrongly(first: int) -> None:
    """Every fact of these functions is right or left open, and few are left open."""
    judged = []
    for index in INDICES[first : first + BATCH]:
        made = sample(SEED, index)
        found = judge(made, document(made), PROBES)
        wrong = [(j.fact, j.detail) for j in found if j.result == "wrong"]
        assert wrong == [], made.toml
        judged += found
    assert sum(j.result == "unknown" for j in judged) <= 0.2 * len(judged)


def test_a_seed_gives_the_same_functions() -> None:
    assert [sample(SEED, k).toml for k in range(50)] == [sample(SEED, k).toml for k in range(50)]
    assert len({sample(SEED, k).toml for k in range(50)}) > 45


@pytest.mark.parametrize("first", range(0, COUNT, 50))
def test_a_spelling_means_its_construction(first: int) -> None:
    """The formula, evaluated as it is written, has the values of the pieces it was made from, at the breaks too."""
    for index in range(first, first + 50):
        made = sample(SEED, index)
        if made.form is None:
            continue
        f = parse_definition(made.toml, "random.toml")
        for values in made.probes(limit=3):
            form = made.form(values)
            for x in (
                sp.Rational(-17, 5),
                sp.Rational(2, 7),
                *form.breaks,
                *(b + sp.Rational(1, 10**7) for b in form.breaks),
            ):
                found = f.expr.subs({**values, f.variable: x})
                assert abs(sp.N(found - form(x), 30)) < 1e-25 * (1 + abs(sp.N(found))), (made.toml, values, x)


OPPOSITE = {"proved": "refuted", "refuted": "proved"}


def test_a_wrong_verdict_is_noticed() -> None:
    """A report that says the opposite of a fact is judged wrong, for that fact and no other."""
    made = Sample(kind="elu", expr="Piecewise((v, v > 0), (exp(v) - 1, True))", form=lambda values: ELU)
    report = document(made)
    for key in YES_NO:
        turned = copy.deepcopy(report)
        turned["properties"][key]["verdict"] = OPPOSITE[report["properties"][key]["verdict"]]
        assert [j.fact for j in judge(made, turned) if j.result == "wrong"] == [key]
    assert [j.fact for j in judge(made, report) if j.result != "right"] == []


def test_a_condition_that_is_off_by_little_is_noticed() -> None:
    """The ends of a reported condition are among the parameter values at which it is compared."""
    prelu = [Branch(Piece(m=1), 0), Branch(Piece(m=A))]
    made = Sample(
        kind="prelu",
        expr="Piecewise((v, v > 0), (a*v, True))",
        form=lambda values: first_match(prelu, values),
        parameters=(Declared(name="a", domain="Reals", default="0.5"),),
    )
    report = document(made)
    assert not [j for j in judge(made, report) if j.result == "wrong"]
    for off in ("a >= 1/1000000000", "a > 0", "(a >= 0) & Ne(a, 1/7)", "(a >= 0) | (a < -1000)"):
        report["properties"]["nondecreasing"]["condition"] = off
        assert [j.fact for j in judge(made, report) if j.result == "wrong"] == ["nondecreasing"]
