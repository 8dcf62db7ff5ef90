"""What a replay says: one outcome for each verdict, and their counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Standing = Literal["confirmed", "consistent", "contradicted", "unreplayed", "open"]
STANDINGS: tuple[Standing, ...] = ("confirmed", "consistent", "contradicted", "unreplayed", "open")


@dataclass(frozen=True)
class Finding:
    """One statement replayed: by which engine, and for what or where."""

    standing: Standing
    what: str
    engine: str = ""
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One verdict replayed.

    ``open`` stands for a verdict that was ``unknown``: nothing was claimed. ``unreplayed`` stands for one that the
    replay was not taught to check.
    """

    name: str
    verdict: str
    findings: tuple[Finding, ...] = ()

    @property
    def standing(self) -> Standing:
        """Contradicted if one statement is; confirmed only if all are."""
        found = {f.standing for f in self.findings}
        if "contradicted" in found:
            return "contradicted"
        if self.verdict == "unknown":
            return "open"
        if not found:
            return "unreplayed"
        return "confirmed" if found == {"confirmed"} else "consistent"


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the intervals looked at."""

    points: int = 0
    parameter_boxes: int = 0
    boxes: int = 0
    undecided: int = 0
    reach: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """The replay of one certificate."""

    name: str
    digest: str
    outcomes: tuple[Outcome, ...]
    claims: tuple[Finding, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)

    def count(self, standing: Standing) -> int:
        """How many verdicts have this standing; the normal form is no verdict."""
        return sum(1 for o in self.outcomes if o.standing == standing and o.name != "normal_form")

    def claim_count(self, standing: Standing) -> int:
        """How many claims of the arguments have this standing."""
        return sum(1 for c in self.claims if c.standing == standing)

    @property
    def contradictions(self) -> tuple[tuple[str, Finding], ...]:
        """Every contradiction with the verdict or the claim it belongs to."""
        found = [(o.name, f) for o in self.outcomes for f in o.findings if f.standing == "contradicted"]
        return (*found, *(("claim", c) for c in self.claims if c.standing == "contradicted"))

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        c = self.coverage
        return {
            "name": self.name,
            "digest": self.digest,
            "summary": {s: self.count(s) for s in STANDINGS},
            "claims": {s: self.claim_count(s) for s in STANDINGS if s != "open"},
            "coverage": {
                "parameter_points": c.points,
                "parameter_boxes": c.parameter_boxes,
                "boxes": c.boxes,
                "undecided": c.undecided,
                "reach": c.reach,
            },
            "verdicts": {
                o.name: {"verdict": o.verdict, "standing": o.standing, "replay": _rows(o.findings)}
                for o in self.outcomes
            },
            "contradictions": [{"of": name, "what": f.what, "where": f.where} for name, f in self.contradictions],
        }


def _rows(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [{"standing": f.standing, "what": f.what, "engine": f.engine, "where": f.where} for f in findings]
