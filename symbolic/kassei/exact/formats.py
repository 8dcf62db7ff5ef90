"""The four storage formats: bit patterns as values, spacing, overflow.

A bfloat16 value is carried in a float32 array, which holds it exactly; NumPy itself has no such type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb


@dataclass(frozen=True, kw_only=True)
class Format:
    """An IEEE 754 binary format: ``mantissa`` stored bits, ``least`` and ``most`` the exponents of normal numbers."""

    name: str
    bits: int
    mantissa: int
    least: int
    most: int

    @property
    def smallest(self) -> float:
        """The smallest subnormal, which is the least unit in the last place."""
        return 2.0 ** (self.least - self.mantissa)

    @property
    def biggest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0**-self.mantissa) * 2.0**self.most

    @property
    def infinity(self) -> int:
        """The bit pattern of +infinity; patterns above it, without the sign, are NaN."""
        return ((1 << (self.bits - 1 - self.mantissa)) - 1) << self.mantissa

    @property
    def least_normal(self) -> int:
        """The bit pattern of the smallest normal number."""
        return 1 << self.mantissa

    @property
    def sign(self) -> int:
        """The sign bit."""
        return 1 << (self.bits - 1)

    @property
    def carrier(self) -> Any:
        """The NumPy type whose arrays hold the values."""
        return {"float16": np.float16, "float64": np.float64}.get(self.name, np.float32)

    def values(self, patterns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The numbers of an array of bit patterns (unsigned, of any width), in the carrier type."""
        if self.name == "bfloat16":
            return (patterns.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return patterns.astype(f"u{self.bits // 8}").view(self.carrier)

    def patterns(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The bit patterns of numbers of this format, as uint64; float64 numbers are rounded to it first."""
        with np.errstate(all="ignore"):
            if self.name == "bfloat16":
                wide = values.astype(np.float32).view(np.uint32).astype(np.uint64)
                return (wide + np.uint64(0x7FFF) + ((wide >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)
            return values.astype(self.carrier).view(f"u{self.bits // 8}").astype(np.uint64)

    def rounded(self, value: float) -> float:
        """A float64 number rounded to this format."""
        return float(self.values(self.patterns(np.array([value], dtype=np.float64)))[0])

    def value(self, pattern: int) -> float:
        """The number of one bit pattern."""
        return float(self.values(np.array([pattern], dtype=np.uint64))[0])

    def unit(self, size: Any) -> Any:
        """The unit in the last place at a ball's magnitude, as an exact ball."""
        exponent = max(_exponent(size), self.least)
        return arb((1, exponent - self.mantissa))


def _exponent(size: Any) -> int:
    """``floor(log2(abs(x)))`` of a ball's midpoint; far below every format for zero."""
    man, exp = size.mid().man_exp()
    return abs(int(man)).bit_length() + int(exp) - 1 if man else -(10**9)


FORMATS = {
    f.name: f
    for f in (
        Format(name="float16", bits=16, mantissa=10, least=-14, most=15),
        Format(name="bfloat16", bits=16, mantissa=7, least=-126, most=127),
        Format(name="float32", bits=32, mantissa=23, least=-126, most=127),
        Format(name="float64", bits=64, mantissa=52, least=-1022, most=1023),
    )
}
