"""What is timed: a call with everything prepared, and a way to read its answer outside the timing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kassei.bench.case import Case

    Array = NDArray[np.floating[Any]]

Output = Literal["preallocated", "fresh"]
"""Whether a call writes into arrays that exist, or makes new ones each time."""


class NotHere(Exception):
    """A candidate that this case or this machine has not got; the message is the reason that is recorded."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call computed, as NumPy arrays: the value; with gradients also dy*df/dv and the summed da by name."""

    y: Array
    dv: Array | None = None
    da: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to compute a case.

    ``run`` computes it once, on a device without waiting for it; ``read`` takes what ``run`` returned. A candidate
    that moves bytes and computes nothing has no ``read``. ``how`` says which call or formula it is.
    """

    name: str
    output: Output
    run: Callable[[], Any]
    read: Callable[[Any], Answer] | None
    how: str = ""
    ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A library or a habit that emitted code is compared with.

    ``needs`` are the modules it imports; ``devices`` where it runs. ``build`` gives its candidates for a case and
    raises ``NotHere`` where it cannot express the case.
    """

    name: str
    needs: tuple[str, ...]
    build: Callable[[Case], Sequence[Candidate]]
    devices: tuple[str, ...] = ("cpu",)
