"""The kit: its polynomials are what its own script fits, its text computes what it says, its data belong together."""

from __future__ import annotations

import math
import re
from typing import Any

import mpmath
import numpy as np
import pytest

from kassei.codegen import kit
from kassei.codegen.kit import fit, measure

REALS = ("float32", "float64")
ULP = {"exp": 1.0, "expm1": 2.1, "log": 1.5, "log1p": 1.5, "tanh": 2.5, "sigmoid": 2.5, "softplus": 2.0, "erf": 1.6}
"""Errors promised in units in the last place; what is not named here: 7, and 8.1 for the slope of the gate."""


@pytest.mark.parametrize("name", ["exp", "log1p", "atanh", "erf"])
def test_the_script_finds_the_coefficients_again(name: str) -> None:
    """Same program, same bytes."""
    assert fit.main([name]) == 0


def test_a_changed_coefficient_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    other = tmp_path / "coefficients.toml"
    last = kit.polynomial("exp", "float32").coefficients[-1]
    other.write_text(fit.FILE.read_text().replace(last.hex(), math.nextafter(last, 1).hex()))
    monkeypatch.setattr(fit, "FILE", other)
    assert fit.main(["exp"]) == 1


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", ["exp", "erf", "normal_tail", "erfc_tail"])
def test_coefficients_are_exact_and_errors_below_roundoff(name: str, real: str) -> None:
    row = kit.polynomial(name, real)
    kind = np.float32 if real == "float32" else np.float64
    assert all(float(kind(c)) == c for c in row.coefficients)
    assert 0 < row.error < kit.ROUNDOFF[real]
    assert row.interval[0] < row.interval[1]


@pytest.mark.parametrize("real", REALS)
def test_the_short_part_of_log_2_is_short(real: str) -> None:
    """Its product with every k in use is exact, and both parts together are log(2) beyond the type's precision."""
    high, low = kit.constant("ln2_high", real), kit.constant("ln2_low", real)
    kind = np.float32 if real == "float32" else np.float64
    for k in (150.0, 151.0, 149.0) if real == "float32" else (1023.0, 1075.0, 1085.0):
        assert mpmath.mpf(float(kind(k) * kind(high))) == mpmath.mpf(k) * mpmath.mpf(high)
    with mpmath.workdps(40):
        assert abs(mpmath.mpf(high) + mpmath.mpf(low) - mpmath.log(2)) < kit.ROUNDOFF[real] ** 1.5


@pytest.mark.parametrize("real", REALS)
def test_literals_read_back(real: str) -> None:
    kind = np.float32 if real == "float32" else np.float64
    rng = np.random.default_rng(3)
    for x in [*rng.normal(size=200), 1e-45, 1.5 * 2.0**23 + 127]:
        value = float(kind(x))
        assert float(kind(float(kit.literal(value, real)))) == value


def test_needs_are_complete() -> None:
    """What a function calls is named, and every function comes after what it calls."""
    for real in REALS:
        text = kit.numba_source(set(kit.NEEDS), real)
        parts = {p.split("(")[0].strip()[:-2]: p for p in text.split("\ndef ")[1:]}
        assert set(parts) == set(kit.NEEDS)
        seen: set[str] = set()
        for name, part in parts.items():
            body = part.split(":\n", 1)[1]
            called = {w[:-2] for w in re.findall(r"\b_\w+(?=\()", body)} & set(kit.NEEDS)
            assert called <= seen
            assert called <= kit.closure({name})
            seen.add(name)


def test_measured_errors_cover_the_kit() -> None:
    for real in REALS:
        found = kit.errors(real)
        assert set(found) == {name[1:] for name in kit.PUBLIC}
        assert all(0.5 <= x < 9 for x in found.values())


@pytest.mark.parametrize("name", ["exp", "sigmoid_times"])
def test_functions_err_as_little_as_promised(name: str) -> None:
    """float32 at every 2**16th input against float64, float64 at hard inputs against mpmath; no wrong NaN or inf."""
    module = measure.compiled([f"_{name}"])
    for row in (
        measure.float32_errors(module, f"_{name}", 2**16),
        measure.float64_errors(module, f"_{name}"),
    ):
        assert row["wrong"] == 0
        assert row["ulp"] <= ULP.get(name, 4.0)


@pytest.mark.only_slow
@pytest.mark.parametrize("name", [name[1:] for name in kit.PUBLIC])
def test_every_function_errs_as_little_as_promised(name: str) -> None:
    """The same for the whole kit."""
    module = measure.compiled([f"_{name}"])
    single = measure.float32_errors(module, f"_{name}", 2**12)
    double = measure.float64_errors(module, f"_{name}")
    assert single["wrong"] == double["wrong"] == 0
    assert max(single["ulp"], double["ulp"]) <= ULP.get(name, 8.1 if "slope" in name else 7.0)
