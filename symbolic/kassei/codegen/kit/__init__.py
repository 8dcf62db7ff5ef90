"""Elementary functions of our own, as text for emitted modules and as data for every target.

The polynomials are fitted by :mod:`kassei.codegen.kit.fit` and stand in ``coefficients.toml``; what the functions that
use them err is measured by :mod:`kassei.codegen.kit.measure` and stands in ``errors.json``. This is the one place that
describes the algorithms; a target spells them in its own language.

Notation: ``n`` is the nearest integer to ``u*log2_e``, ``r = (u - n*ln2_high) - n*ln2_low`` (the first product and
difference are exact, fused or not), ``q`` the polynomial ``exp``.

``exp(u)``
    ``(1 + (r + r*r*q(r)))*2**n``. The power of two is multiplied in two factors that are normal numbers, so a
    subnormal result is rounded once; u is clamped to where the result is 0 or inf anyway.
``expm1(u)``
    ``t = r + r*r*q(r)``, then t where n = 0 and ``2**n*t + (2**n - 1)`` elsewhere.
``log(x)``, ``log1p(x)``
    x (or 1 + x) is ``2**n*(1 + f)`` with 1 + f in [sqrt(1/2), sqrt(2)); ``log1p`` finds f as
    ``x*2**-n + (2**-n - 1)``, which keeps the digits of x. float32: ``log(1 + f) = f + f*f*P(f)`` with ``log1p``.
    float64: ``f - s*(f - z*P(z))`` with ``s = f/(2 + f)``, ``z = s*s`` and ``atanh``. The result is
    ``n*ln2_high + (log(1 + f) + n*ln2_low)``.
``softplus(u)``
    ``max(u, 0) + log1p(e)`` with ``e = exp(-abs(u))``; float32 takes ``log1p(e) = e + e*e*P(e)`` with ``log1p_unit``.
``tanh(u)``
    ``t/(t + 2)`` with ``t = expm1(2*abs(u))``, and the sign of u.
``sech2(u)``
    ``4*e/(1 + e)**2`` with ``e = exp(-2*abs(u))``.
``sigmoid(u)``
    ``e/(1 + e)`` or ``1/(1 + e)`` by the sign of u, with ``e = exp(-abs(u))``. Exponentials that fall are computed
    times 2**32 (2**64 for float64), so they are normal numbers wherever a product with them can be one; ``x*f(u)``
    (names ending in ``_times``) takes that factor back last, so nothing is lost in the tail. ``x*sigmoid(u)`` itself
    is ``x/(1 + exp(-u))``, both terms of the sum scaled where the exponential may overflow.
    ``sigmoid_pair`` is for programs that need sigmoid(-u) as well: both share ``exp(-abs(u))`` and ``1/(1 + e)``.
``tanh_softplus(u)``
    ``n/(n + 2)`` with ``n = e*e + 2*e``, both divided by exp(2u) where u > 0.
``swish_slope(u)``, ``mish_slope(u)``, ``gelu_slope(u)``
    The slopes of x*sigmoid(x), x*tanh_softplus(x) and x*normal_cdf(x) at x = u. Each changes its sign at one u < 0,
    where the sum of its two terms would lose all digits. With ``e = exp(-abs(u))`` and ``a = abs(u)``:
    ``e*((1 - a) + e)/(1 + e)**2`` for u < 0 and 1 minus that for u >= 0, where ``1 - a`` is exact near the zero; a
    cubic polynomial in e whose coefficients are 4 + 4u, 6 + 4u, 4, 1 (u < 0) or the reverse of it, over
    ``(n + 2)**2``; and ``gauss(a)*(root - a)*P(s)`` with ``gelu_slope``, ``s = 1/(1 + scale*a)`` and the zero in two
    parts. All errors are relative to max(abs(slope), 0.05).
``gauss(u)``, ``exp_neg_square(u)``
    ``u = h + l`` with so few digits in h that ``h*h`` is exact (12 bits for float32, 26 for float64), then
    ``exp(-h*h/2 - l*(u + h)/2)`` with the second part subtracted from r.
``normal_cdf(u)``
    ``a = abs(u)``, ``s = 1/(1 + scale*a)``, tail ``gauss(a)*(s*P(s))`` with ``normal_tail``; 1 - tail where u > 0.
``erfc(u)``
    the same with ``exp_neg_square`` and ``erfc_tail``; 2 - tail where u < 0.
``erf(u)``
    ``u + u*P(u*u)`` with ``erf`` where abs(u) < 1, else 1 - tail with the sign of u.
"""

from __future__ import annotations

import json
import struct
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kassei.text.templates import fill

HERE = Path(__file__).parent
ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}

NEEDS: Mapping[str, tuple[str, ...]] = {
    "_cap": (),
    "_floor": (),
    "_power": (),
    "_reduced": (),
    "_fall": ("_cap", "_power", "_reduced"),
    "_normal_fall": ("_cap", "_power"),
    "_square_fall": ("_cap", "_power"),
    "_log1p_core": (),
    "_normal_tail": ("_cap", "_normal_fall"),
    "_erfc_tail": ("_cap", "_square_fall"),
    "_exp": ("_power", "_reduced"),
    "_exp_times": ("_power", "_reduced"),
    "_expm1": ("_cap", "_floor", "_power", "_reduced"),
    "_log": ("_log1p_core",),
    "_log1p": ("_log1p_core",),
    "_tanh": ("_cap", "_power", "_reduced"),
    "_sech2": ("_fall",),
    "_sech2_times": ("_fall",),
    "_sigmoid": ("_fall",),
    "_sigmoid_times": ("_cap", "_power", "_reduced"),
    "_sigmoid_pair": ("_fall",),
    "_sigmoid_pair_times": ("_fall",),
    "_softplus": ("_fall", "_floor", "_log1p_core"),
    "_tanh_softplus": ("_fall",),
    "_tanh_softplus_times": ("_fall",),
    "_tanh_softplus_slope": ("_fall",),
    "_tanh_softplus_slope_times": ("_fall",),
    "_swish_slope": ("_fall",),
    "_mish_slope": ("_cap", "_fall"),
    "_gelu_slope": ("_cap", "_normal_fall"),
    "_gauss": ("_normal_fall",),
    "_gauss_times": ("_normal_fall",),
    "_exp_neg_square": ("_square_fall",),
    "_exp_neg_square_times": ("_square_fall",),
    "_normal_cdf": ("_normal_tail",),
    "_normal_cdf_times": ("_normal_tail",),
    "_erfc": ("_erfc_tail",),
    "_erfc_times": ("_erfc_tail",),
    "_erf": ("_erfc_tail",),
}
"""Every function of the numba text and what it calls; a name ending in ``_times`` is x times the function of u."""

PUBLIC = tuple(NEEDS)[10:]
"""Those a program may call, the helpers left out."""


@dataclass(frozen=True, kw_only=True)
class Polynomial:
    """Coefficients, lowest power first, exact in their type; ``scale`` is that of ``s = 1/(1 + scale*a)``."""

    coefficients: tuple[float, ...]
    interval: tuple[float, float]
    error: float
    scale: float | None


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((HERE / "coefficients.toml").read_text(encoding="utf-8"))


@cache
def polynomial(name: str, real: str) -> Polynomial:
    """One polynomial of ``coefficients.toml``. Raises ``KeyError`` where there is none of this name for the type."""
    row = _data()[name][real]
    return Polynomial(
        coefficients=tuple(float.fromhex(c) for c in row["coefficients"]),
        interval=(row["interval"][0], row["interval"][1]),
        error=row["error"],
        scale=row.get("scale"),
    )


def constant(name: str, real: str) -> float:
    """``log2_e``, ``ln2``, ``ln2_high`` or ``ln2_low``, exact in the type."""
    return float.fromhex(_data()["constants"][real][name])


@cache
def errors(real: str) -> Mapping[str, float]:
    """The largest relative error of each function in units of roundoff (2**-24 or 2**-53), as it was measured.

    Keys are names without underscore and suffix (``exp``, ``sigmoid_times``); results that are subnormal are judged
    against the smallest normal number. float32: all inputs. float64: a sample that crowds where errors are large.
    """
    data = json.loads((HERE / "errors.json").read_text(encoding="utf-8"))
    return {name: row["roundoffs"] for name, row in data["functions"][real].items()}


def literal(value: float, real: str) -> str:
    """The shortest decimal that Python reads as a float which the type rounds to ``value``."""
    if real == "float64":
        return repr(value).replace("e+", "e")
    for digits in range(1, 18):
        text = repr(float(f"{value:.{digits}g}")).replace("e+", "e")
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return text
    raise ValueError(f"{value!r} is no float32")


def closure(names: set[str]) -> set[str]:
    """The names with everything they call. Raises ``KeyError`` for a name that is not in ``NEEDS``."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += NEEDS[name]
    return found


@cache
def _fields(real: str) -> Mapping[str, Any]:
    single = real == "float32"
    mantissa, bias = (23, 127) if single else (52, 1023)
    magic = 1.5 * 2.0**mantissa + bias
    away = 32 if single else 64  # exponentials that fall are computed times 2**away

    def lit(value: float) -> str:
        return literal(value, real)

    def poly(name: str) -> list[str]:
        return [lit(c) for c in polynomial(name, real).coefficients] if real in _data()[name] else []

    def bits(value: float) -> int:
        return int(
            struct.unpack("i", struct.pack("f", value))[0] if single else struct.unpack("q", struct.pack("d", value))[0]
        )

    normal, erfc = polynomial("normal_tail", real), polynomial("erfc_tail", real)
    return {
        "n": "32" if single else "64",
        "r": "_R32" if single else "_R64",
        "i": "_I32" if single else "_I64",
        "mantissa": mantissa,
        "bias": bias,
        "magic": lit(magic),
        "magic_half": lit(magic - 1),
        "away": away,
        "magic_away": lit(magic + away),
        "back": lit(2.0**-away),
        "log2_e": lit(constant("log2_e", real)),
        "ln2_high": lit(constant("ln2_high", real)),
        "ln2_low": lit(constant("ln2_low", real)),
        "mask": -(1 << (12 if single else 27)),
        "log2_root_e": lit(constant("log2_e", real) / 2),
        "ln4_high": lit(constant("ln2_high", real) * 2),
        "ln4_low": lit(constant("ln2_low", real) * 2),
        "exp_half": [lit(c * 0.5 ** (k + 2)) for k, c in enumerate(polynomial("exp", real).coefficients)],
        "fall_end": lit(109.0 if single else 752.0),
        "fall_half": lit(54.5 if single else 376.0),
        "exp_times_end": lit(144.0 if single else 1300.0),
        "sigmoid_one": lit(80.0 if single else 700.0),
        "sigmoid_far": lit(60.0 if single else 600.0),
        "sigmoid_scale": lit(2.0**-86 if single else 2.0**-866),
        "magic_sigmoid": lit(magic - (86 if single else 866)),
        "exp_zero": lit(-104.0 if single else -746.0),
        "exp_inf": lit(89.0 if single else 710.0),
        "expm1_one": lit(-18.0 if single else -40.0),
        "tanh_end": lit(10.0 if single else 20.0),
        "normal_end": lit(14.75 if single else 38.75),
        "normal_scale": lit(normal.scale or 0.0),
        "gelu_root": lit(constant("gelu_root", real)),
        "gelu_root_low": lit(constant("gelu_root_low", real)),
        "erfc_end": lit(10.4375 if single else 27.375),
        "erfc_scale": lit(erfc.scale or 0.0),
        "tiny": lit(2.0**-126 if single else 2.0**-1022),
        "lift": lit(2.0**32 if single else 2.0**64),
        "lifted": lit(32.0 if single else 64.0),
        "log1p_far": lit(2.0**40 if single else 2.0**80),
        "lower": lit(2.0**-32 if single else 2.0**-64),
        "lowered": lit(32.0 if single else 64.0),
        "root_half": bits(0.5**0.5),
        "fraction": (1 << mantissa) - 1,
        **{
            name: poly(name)
            for name in ("exp", "log1p", "log1p_unit", "atanh", "erf", "normal_tail", "erfc_tail", "gelu_slope")
        },
    }


def numba_source(names: set[str], real: str) -> str:
    """The text of some functions and of all they call, for ``real`` ("float32" or "float64").

    Names carry an underscore and no suffix (``_exp``); in the text they end in 32 or 64. The text expects ``math``,
    ``np``, the aliases ``_R32, _I32, _R64, _I64`` of NumPy's scalar types and the decorator ``_inline`` (see
    ``HEADER``). Raises ``KeyError`` for an unknown name.
    """
    return fill("code/numba/kit.py.j2", used=closure(names), **_fields(real)).lstrip("\n")


HEADER = """\
_R32, _I32, _R64, _I64 = np.float32, np.int32, np.float64, np.int64
_inline = numba.njit(fastmath={"contract"}, error_model="numpy", forceinline=True)
"""
"""What must precede the text. Products and sums may be fused: whatever has to be exact is exact either way."""
