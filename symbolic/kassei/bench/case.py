"""One case to be timed: function, pass, size, dtype, device; its inputs are the same for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from sympy import Rational, Symbol

    from kassei.bench.candidate import Array
    from kassei.core.activation import Activation

Pass = Literal["forward", "forward_backward"]
Device = Literal["cpu", "cuda"]
SPREAD = 2.0
"""Inputs are normal with this standard deviation."""
CHECKED = 64
"""The first inputs are these many moderate points, where every candidate is compared with the definition."""
REACH = 6.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is computed, and on how many elements.

    ``forward`` is f(v); ``forward_backward`` is that, dy*f'(v) and, for every learned parameter, the sum of dy*df/da
    over all elements. Parameters have their default values and are shared by the layer.
    """

    activation: Activation
    size: int
    dtype: str = "float32"
    pass_: Pass = "forward"
    device: Device = "cpu"
    seed: int = 0

    @property
    def parameters(self) -> dict[str, float]:
        """Every parameter's value."""
        return {p.name: float(p.default) for p in self.activation.parameters}

    @property
    def learned(self) -> tuple[str, ...]:
        """The names of the parameters whose gradient belongs to ``forward_backward``."""
        return tuple(p.name for p in self.activation.learned)

    @property
    def fixed(self) -> dict[Symbol, Rational]:
        """The other parameters with their exact values, which a user writes into the formula."""
        return {p.symbol: p.default for p in self.activation.parameters if not p.learned}

    @property
    def v(self) -> Array:
        """The inputs: moderate points first, then N(0, 2²)."""
        return _inputs(self.size, self.dtype, self.seed)[0]

    @property
    def dy(self) -> Array:
        """The gradient that arrives from above: N(0, 1)."""
        return _inputs(self.size, self.dtype, self.seed)[1]

    @property
    def backward(self) -> bool:
        """Whether gradients belong to the case."""
        return self.pass_ == "forward_backward"


@lru_cache(maxsize=1)
def _inputs(size: int, dtype: str, seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    made: list[Any] = []
    for scale in (SPREAD, 1.0):
        x = random.standard_normal(size, dtype=np.float32)
        x *= np.float32(scale)
        made.append(x.astype(dtype))
    few = min(size, CHECKED)
    made[0][:few] = np.linspace(-REACH, REACH, CHECKED)[:few] + 1 / 97  # beside the breaks that formulas have
    return made[0], made[1]
