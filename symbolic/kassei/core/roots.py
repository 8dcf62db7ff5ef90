"""Rational brackets for roots that have no closed form."""

from __future__ import annotations

import sympy as sp

from kassei.core.algebra import inner_points
from kassei.core.enclose import RootConstant, Undecided, number_sign, point_sign
from kassei.core.region import shorten


def root_between(h: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> sp.Expr:
    """The only root of ``h``, free of parameters, in ``(lo, hi)``, where its sign changes; an end may be infinite."""
    low, high = _rational_bracket(h, x, lo, hi)
    return low if low == high else RootConstant(h, x, *_short_bracket(h, x, low, high))


def _short_bracket(h: sp.Expr, x: sp.Symbol, low: sp.Rational, high: sp.Rational) -> tuple[sp.Rational, sp.Rational]:
    """A bracket with short ends inside a given one."""
    inner_low, inner_high = RootConstant(h, x, low, high).bracket(40)
    for bits in range(6, 36):
        unit = sp.Rational(1, 2**bits)
        a, b = sp.floor(inner_low / unit) * unit, sp.ceiling(inner_high / unit) * unit
        if low < a and b < high and point_sign(h, x, a) * point_sign(h, x, b) < 0:
            return a, b
    return inner_low, inner_high


def _rational_bracket(h: sp.Expr, x: sp.Symbol, lo: sp.Expr, hi: sp.Expr) -> tuple[sp.Rational, sp.Rational]:
    """Rational points with opposite signs inside ``(lo, hi)``; equal if one of them is the root itself."""
    (middle,) = inner_points(lo, hi, 1)
    s_mid = point_sign(h, x, middle)
    if s_mid == 0:
        return middle, middle

    def towards(end: sp.Expr, k: int) -> sp.Rational:
        if end is sp.oo:
            return middle + 2**k
        if end is -sp.oo:
            return middle - 2**k
        if end.is_Rational:
            return end + (middle - end) / 2**k
        near = _shorten_more(end, k + 8)
        return near + (middle - near) / 2**k

    for k in range(1, 200):
        for end in (lo, hi):
            probe = towards(end, k)
            if end not in (sp.oo, -sp.oo) and number_sign(probe - end) * number_sign(middle - end) <= 0:
                continue
            s = point_sign(h, x, probe)
            if s == 0:
                return probe, probe
            if s != s_mid:
                return (probe, middle) if probe < middle else (middle, probe)
    raise Undecided("a bracket for the root of {}", h)


def _shorten_more(value: sp.Expr, bits: int) -> sp.Rational:
    """A rational within ``2**-bits`` of a constant."""
    if value.is_Rational:
        return sp.Rational(value)
    digits = int(bits * 0.302) + 12
    return sp.Rational(str(sp.N(value, digits))) if bits > 40 else shorten(value)
