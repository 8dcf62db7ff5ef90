"""The claims ledger: complete, in both languages, decided by the program, with corrections that hold."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from kassei.claims.ledger import Decision, LedgerError, claims, decide_all, sources
from kassei.claims.statements import Judge, StatementError

SOURCES = {"S0": 8, "S1": 10, "S2": 9, "S3": 11, "S4": 8}
IDS = [f"{source}.{k}" for source, count in SOURCES.items() for k in range(1, count + 1)]


@cache
def decisions() -> dict[str, Decision]:
    return {d.claim.id: d for d in decide_all()}


def test_every_claim_of_the_sources_is_there_once() -> None:
    assert [c.id for c in claims()] == IDS
    assert set(sources()) == set(SOURCES)


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
    judge = Judge()
    flipped = judge.decide(f"not ({d.claim.formal})")
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
    "wrong", ["__import__('os')", "continuous(relu", "relu", "nothing(relu)", "range(relu) == 1", "continuous(1)"]
)
def test_statements_outside_the_language_are_refused(wrong: str) -> None:
    with pytest.raises(StatementError):
        Judge().decide(wrong)


def test_an_unknown_claim_is_named() -> None:
    with pytest.raises(LedgerError, match=r"S9\.9"):
        decide_all(["S9.9"])
