"""Random formulas as users write them, emitted and run: nothing is grossly wrong, refused without need, or a crash.

More of them, with other seeds and for numba, are the business of benchmarks/random_formulas.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from random_formulas import examine

SEED, COUNT, BATCH = 2, 48, 4


@pytest.mark.parametrize("first", range(0, COUNT, BATCH))
def test_random_formulas_are_emitted_and_right(first: int) -> None:
    rows = [examine(SEED, "numpy", index) for index in range(first, first + BATCH)]
    assert not [row for row in rows if row["result"] not in ("good", "digits")]
