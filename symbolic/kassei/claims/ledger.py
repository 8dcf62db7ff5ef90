"""Claims as data, and their decisions."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from kassei import cache as store
from kassei.claims.statements import Judge
from kassei.claims.truth import Truth
from kassei.library import Catalogue, catalogue

FOLDER = Path(__file__).resolve().parent
Outcome = Literal["holds", "conditional", "fails", "unknown"]


class LedgerError(KeyError):
    """An unknown claim."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim: where it was said, in words of both languages, and formally.

    ``corrected`` is the nearest statement that holds, ``corrected_formal`` the same formally; both are empty for a
    claim that holds as written.
    """

    id: str
    source: str
    statement: Mapping[str, str]
    formal: str
    corrected: Mapping[str, str]
    corrected_formal: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the program found about one claim."""

    claim: Claim
    truth: Truth
    corrected_truth: Truth | None
    evidence: tuple[tuple[str, str], ...]

    @property
    def verdict(self) -> Outcome:
        """holds, conditional, fails or unknown."""
        if self.truth.holds is None:
            return "unknown"
        if self.truth.conditional:
            return "conditional"
        return "holds" if self.truth.holds else "fails"

    def to_json(self) -> dict[str, Any]:
        """The object of ``kassei claims --json``."""
        c = self.claim
        return {
            "id": c.id,
            "source": c.source,
            "statement": dict(c.statement),
            "formal": c.formal,
            "verdict": self.verdict,
            "condition": None if self.truth.condition is None else str(self.truth.condition),
            "corrected": dict(c.corrected) or None,
            "corrected_formal": c.corrected_formal or None,
            "evidence": [f"{what}: {found}" for what, found in self.evidence],
        }


@cache
def _files() -> Mapping[str, dict[str, Any]]:
    """What the files say, by source: the documents S0, S1, … first."""
    paths = sorted(FOLDER.glob("*.toml"), key=lambda path: (not path.stem.startswith("S"), path.stem))
    return MappingProxyType({path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in paths})


@cache
def sources() -> Mapping[str, Mapping[str, str]]:
    """The titles of the sources by id."""
    return MappingProxyType({name: file["source"] for name, file in _files().items()})


@cache
def subjects() -> Mapping[str, Mapping[str, str]]:
    """What the claims of a source are about, where it says so: ``M3`` is the subject of M3.1 and M3.2."""
    found = {f"{name}{k}": text for name, file in _files().items() for k, text in file.get("subject", {}).items()}
    return MappingProxyType(found)


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim, in the sources' order."""
    out = []
    for source, file in _files().items():
        for row in file["claim"]:
            corrected = {lang: row[f"corrected_{lang}"] for lang in ("en", "ja") if f"corrected_{lang}" in row}
            out.append(
                Claim(
                    id=row["id"],
                    source=source,
                    statement=MappingProxyType({"en": row["en"], "ja": row["ja"]}),
                    formal=" ".join(row["formal"].split()),
                    corrected=MappingProxyType(corrected),
                    corrected_formal=" ".join(row.get("corrected_formal", "").split()),
                )
            )
    return tuple(out)


def decide(claim: Claim, judge: Judge) -> Decision:
    """Evaluate one claim, and its correction where it has one."""
    judge.log.clear()
    truth = judge.decide(claim.formal)
    corrected = judge.decide(claim.corrected_formal) if claim.corrected_formal else None
    return Decision(claim=claim, truth=truth, corrected_truth=corrected, evidence=tuple(dict.fromkeys(judge.log)))


def decide_all(
    ids: Iterable[str] | None = None,
    functions: Catalogue = catalogue,
    *,
    progress: Callable[[str], None] | None = None,
) -> tuple[Decision, ...]:
    """Decide the claims with these ids, or all. Raises ``LedgerError`` for an id that does not exist.

    What was found over the catalogue is kept between runs, as dossiers are.
    """
    known = {c.id: c for c in claims()}
    wanted = list(known) if ids is None else list(ids)
    for one in wanted:
        if one not in known:
            raise LedgerError(f"there is no claim {one!r}; known are {', '.join(known)}")
    judge = Judge(functions)
    out = []
    for one in wanted:
        if progress:
            progress(one)
        out.append(_kept(known[one], judge) if functions is catalogue else decide(known[one], judge))
    return tuple(out)


def _kept(claim: Claim, judge: Judge) -> Decision:
    """A decision of an earlier run of the same program on the same claim, or a new one."""
    key = kept_as(claim)
    found = store.load(key)
    if isinstance(found, Decision) and found.claim == claim:
        return found
    decision = decide(claim, judge)
    store.save(key, decision)
    return decision


def kept_as(claim: Claim) -> str:
    """The key of a decision: everything in the claim, and the modules that decide claims."""
    digest = hashlib.sha256(repr(claim).encode())
    for path in sorted(FOLDER.glob("*.py")):
        digest.update(path.read_bytes())
    return f"claim-{digest.hexdigest()[:32]}"
