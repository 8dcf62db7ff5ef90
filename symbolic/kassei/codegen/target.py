"""What a code target is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kassei.codegen.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of code: what it needs at run time and how a plan becomes files.

    ``emit`` maps a plan to file names and texts; it must be a pure function of the plan.
    """

    name: str
    needs: str
    emits: str
    emit: Callable[[Plan], Mapping[str, str]]
