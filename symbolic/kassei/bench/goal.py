"""A figure that was aimed at, and whether a measured row reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Goal:
    """time(peer)/time(ours) of a target shall be at least so much, against the fastest of some peers.

    Against ``copy`` alone this is the share of the machine's copy speed.
    """

    target: str
    against: tuple[str, ...]
    at_least: float

    def reached(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The goal beside the figure of a row.

        Our time is that with given outputs where the target has them. Of the peers the fastest that computes the
        same counts, or the fastest of all where none does. Without a measurement, or with code of ours that does
        not compute the function, ``met`` is null.
        """
        goal: dict[str, Any] = {"target": self.target, "against": list(self.against), "at_least": self.at_least}
        ours = [one for one in row["ours"] if one["target"] == self.target]
        ours.sort(key=lambda one: one["output"] != "preallocated")
        peers = [one for one in row["peers"] if one["peer"] in self.against]
        peers = [one for one in peers if one["check"] in ("same", "copy")] or peers
        if not ours or not peers:
            return goal | {"output": None, "peer": None, "median": None, "q1": None, "q3": None, "met": None}
        output = ours[0]["output"]
        ratios = [(ratio, one) for one in peers for ratio in one["ratios"] if _is(ratio, self.target, output)]
        ratio, peer = min(ratios, key=lambda pair: float(pair[0]["median"]))
        right = ours[0]["check"] == "same"
        return goal | {
            "output": output,
            "peer": peer["peer"],
            "peer_output": peer["output"],
            "peer_check": peer["check"],
            **{key: ratio[key] for key in ("median", "q1", "q3")},
            "met": ratio["median"] >= self.at_least if right else None,
        }


def _is(ratio: Mapping[str, Any], target: str, output: str) -> bool:
    return bool(ratio["target"] == target and ratio["output"] == output)
