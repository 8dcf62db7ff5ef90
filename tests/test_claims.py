"""The claims ledger: complete, in both languages, decided by the program, with corrections that hold."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from kassei.claims import ledger
from kassei.claims.distance import largest_gap
from kassei.claims.functions import VARIABLE, formula, together
from kassei.claims.ledger import Decision, LedgerError, claims, decide, decide_all, sources, subjects
from kassei.claims.quantities import bounds, float32
from kassei.claims.statements import Judge, StatementError
from kassei.library import catalogue

SOURCES = {"S0": 8, "S1": 10, "S2": 9, "S3": 11, "S4": 8}
MISTAKES = (2, 5, 1, 3, 3, 5, 6, 6, 4, 2, 2, 1, 3, 7, 2, 2, 2, 6, 2, 2, 10, 6)
"""How many claims there are on each of the subjects M1, M2, …."""
IDS = [f"{source}.{k}" for source, count in SOURCES.items() for k in range(1, count + 1)]
IDS += [f"M{subject}.{k}" for subject, count in enumerate(MISTAKES, start=1) for k in range(1, count + 1)]


@cache
def judge() -> Judge:
    return Judge()


@cache
def decisions() -> dict[str, Decision]:
    return {claim.id: decide(claim, judge()) for claim in claims()}


def test_every_claim_of_the_sources_is_there_once() -> None:
    assert [c.id for c in claims()] == IDS
    assert list(sources()) == [*SOURCES, "M"]
    assert list(subjects()) == [f"M{k}" for k in range(1, len(MISTAKES) + 1)]
    assert all(set(text) == {"en", "ja"} for text in (*sources().values(), *subjects().values()))


@pytest.mark.parametrize("name", IDS)
def test_each_claim_is_decided_and_corrected(name: str) -> None:
    """Decided; worded in both languages; what does not hold as written has a correction that the program proves."""
    d = decisions()[name]
    assert d.verdict != "unknown"
    assert d.evidence
    for texts in (d.claim.statement, d.claim.corrected):
        assert set(texts) in ({"en", "ja"}, set())
    if d.verdict != "holds":
        assert set(d.claim.corrected) == {"en", "ja"}
        assert d.corrected_truth is not None
        assert d.corrected_truth.holds is True
        assert d.corrected_truth.condition is None


@pytest.mark.parametrize("name", IDS)
def test_a_negated_statement_flips(name: str) -> None:
    """No statement is decided the same whatever it says."""
    d = decisions()[name]
    flipped = judge().decide(f"not ({d.claim.formal})")
    if d.truth.conditional:
        assert flipped.conditional
        assert flipped.condition != d.truth.condition
    else:
        assert flipped.holds is (not d.truth.holds)


def test_the_ledger_is_reviewed(golden: Any) -> None:
    lines = [
        f"{name}: {d.verdict}" + (f" ({d.truth.condition})" if d.truth.conditional else "")
        for name, d in decisions().items()
    ]
    golden("claims.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "wrong",
    [
        *("__import__('os')", "continuous(relu", "relu", "nothing(relu)", "range(relu) == 1", "continuous(1)"),
        *("continuous(nothing)", "continuous(relu, tanh)", 'continuous("w**2")', 'continuous("import os")'),
        *('continuous(elu(beta="1"))', 'continuous(elu(alpha="-1"))', 'continuous(formula("b*v", b="oo"))'),
        *('lipschitz(relu) < about("1")', 'value(relu, "x") == "1"', 'shipped(relu, "nobody", "kink") == "0"'),
        *("minimum(relu) == minimum", 'procedure("nothing")', 'limit(relu, "oo") in "1"', 'slope(relu, "1") == 1'),
    ],
)
def test_statements_outside_the_language_are_refused(wrong: str) -> None:
    with pytest.raises(StatementError):
        Judge().decide(wrong)


def test_an_unknown_claim_is_named() -> None:
    with pytest.raises(LedgerError, match=r"S9\.9"):
        decide_all(["S9.9"])


@pytest.mark.parametrize(
    ("statement", "truth"),
    [
        ('lipschitz(gelu) == about("1.1289")', True),
        ('lipschitz(gelu) == about("1.1288")', False),
        ('lipschitz(gelu) == slope(gelu, "sqrt(2)")', True),
        ('lipschitz(gelu) > slope(gelu, "7/5")', True),
        ('value(exponential(a="0"), "-1") == "-1/2"', True),
        ('smoothness(step) >= "0"', False),
        ('smoothness(gelu) >= "7"', True),
        ('slope(relu, "0") == "none"', True),
        ('bend("Piecewise((v**2, v > 0), (-v**2, True))", "0") == "none"', True),
        ('slope("Piecewise((v + 1, v > 0), (v, True))", "0") == "none"', True),
        ('left_slope("Piecewise((v + 1, v > 0), (v, True))", "0") == "1"', True),
        ('jump("Piecewise((v + 1, v > 0), (v, True))", "0") == "1"', True),
        ('minimum(sigmoid) == "none"', True),
        ('range("a + v**2") == "Interval(a, oo)"', True),
        ('range("a + v**2") == "Interval.open(a, oo)"', False),
        ("above(softplus, relu) and not above(relu, softplus)", True),
        ('above("v**2", "0*v")', False),
        ('piecewise_linear("Max(a*v, v)") and not piecewise_linear("Max(v**2, v)")', True),
        ('largest_gap(relu, identity) == "oo"', True),
        ('largest_gap(sigmoid, hard_sigmoid) > "0.05" and largest_gap(sigmoid, hard_sigmoid) < "0.07"', True),
        ('value(relu, "2") - value(relu, "1/2") == "3/2" and size(value(identity, "-2")) == "2"', True),
        ('same("exp(log(v))", "v")', None),
        ('same("sqrt(-1 - v**2)", "v")', None),
        ('value("exp(log(v))", "-1") == "-1"', None),
        ('exactly(R2(prelu), "Ne(a, 2)")', None),
        ('exactly(continuous(relu), "a > 0")', None),
        ('gain(softplus) == about("1.04")', None),
    ],
)
def test_statements_are_true_false_or_open(statement: str, truth: bool | None) -> None:
    found = judge().decide(statement)
    assert found.condition is None
    assert found.holds is truth
    assert judge().decide(f"not ({statement})").holds is (None if truth is None else not truth)


@pytest.mark.parametrize(
    ("statement", "condition"),
    [
        ('slope_limit(prelu, "-oo") == "0"', "Eq(a, 0)"),
        ('slope_limit(prelu, "-oo") < "1"', "a < 1"),
        ('smoothness(elu) >= "1"', "Eq(alpha, 1)"),
        ('minimum("a + v**2") <= "0"', "a <= 0"),
        ('same("Max(a*v, v)", "Piecewise((v, v > 0), (a*v, True))")', "a <= 1"),
        ('lipschitz(prelu) <= "1"', "(a >= -1) & (a <= 1)"),
        ('gain(prelu) > "1"', "(a > -1) & (a < 1)"),
    ],
)
def test_statements_are_true_exactly_under_their_condition(statement: str, condition: str) -> None:
    found = judge().decide(statement)
    assert found.condition is not None
    wanted = sp.sympify(condition, locals={str(s): s for s in found.condition.free_symbols})
    assert found.condition.as_set() == wanted.as_set()


def test_binary32_is_rounded_as_numpy_rounds() -> None:
    """At every power of two, between neighbours, at exact ties, below the normal numbers and beyond the largest."""
    tie = Fraction(2) ** -24
    exact = [m * Fraction(2) ** e for e in range(-152, 129) for m in (1, Fraction(3, 2), 1 + tie, 1 + 3 * tie)]
    for x in [*exact, *(-x for x in exact)]:
        near = float32(sp.Rational(x.numerator, x.denominator))
        with np.errstate(over="ignore"):
            wanted = np.float32(float(x))  # exact in a double, so that it is rounded once
        assert float(near) == float(wanted)
    assert float32(sp.pi) == sp.Rational(float(np.float32(math.pi)))
    assert float32(sp.Rational(1, 2**127), flush=True) == 0
    assert float32(sp.Rational(1, 2**126), flush=True) != 0


@pytest.mark.parametrize(
    ("f", "g"), [("gelu", "gelu_tanh"), ("gelu", "quick_gelu"), ("sigmoid", "hard_sigmoid"), ("hard_tanh_like", "tanh")]
)
def test_the_largest_difference_is_enclosed(f: str, g: str) -> None:
    """The bounds are close, no value on a fine grid is above them, and the grid comes near."""
    given = {"hard_tanh_like": formula("Max(-1, Min(1, v))")}
    first, second = (given.get(name) or catalogue[name] for name in (f, g))
    gap, region = together(first, second)
    low, high = bounds(largest_gap(gap, VARIABLE, region))
    seen = max(abs(sp.lambdify(VARIABLE, gap, "mpmath")(mpmath.mpf(k) / 64)) for k in range(-512, 513))
    assert low <= high <= low * (1 + sp.Rational(1, 10**6))
    assert low * (1 - sp.Rational(1, 1000)) <= seen <= high


def test_decisions_are_kept_between_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found again as they were, and made anew where the claim or the program has changed."""
    monkeypatch.setenv("KASSEI_CACHE", str(tmp_path))
    wanted = ["M9.1", "S1.7", "M6.2"]
    fresh = decide_all(wanted)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "decide", None)
        again = decide_all(wanted)
        assert [d.to_json() for d in again] == [d.to_json() for d in fresh]
        patched.setattr(ledger, "kept_as", lambda claim: f"other-{claim.id}")
        with pytest.raises(TypeError):
            decide_all(wanted)


def test_what_a_claim_says_is_part_of_its_key() -> None:
    assert len({ledger.kept_as(claim) for claim in claims()}) == len(claims())
