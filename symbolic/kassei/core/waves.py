"""Zeros that recur: of sinusoids, and of products with a sinusoid among their factors."""

from __future__ import annotations

import sympy as sp

from kassei.core.algebra import factored, factors
from kassei.core.enclose import RootConstant, Undecided
from kassei.core.region import Region
from kassei.core.signs import chart, sign, wave_parts

N = sp.Symbol("n", integer=True)
TRIGONOMETRIC = (sp.sin, sp.cos)


def recurring_zeros(gap: sp.Expr, v: sp.Symbol, lo: sp.Expr, hi: sp.Expr, region: Region) -> sp.Set | None:
    """The zeros of ``gap`` in ``(lo, hi)`` as a set, where sinusoids among its factors have infinitely many.

    None where no factor does, one is zero throughout, or one is neither a sinusoid nor free of sines and cosines.
    """
    if not gap.has(*TRIGONOMETRIC) or (lo != -sp.oo and hi != sp.oo):
        return None
    found: list[sp.Set] = []
    recurring = False
    for base, exponent in factors(region.apply(gap)):
        if v not in base.free_symbols:
            if sign(base, region) == 0:
                return None
            continue
        if exponent.is_negative:
            continue
        if base.has(*TRIGONOMETRIC):
            zeros = _of_wave(base, v, region)
            if zeros is None:
                return None
            recurring = recurring or zeros is not sp.S.EmptySet
            found.append(_inside(zeros, lo, hi))
            continue
        flat = chart(base, v, lo, hi, region)
        if any(p.has(RootConstant) for p in flat.points):
            raise Undecided("a set of the zeros of {}", gap)
        found.append(sp.FiniteSet(*flat.points))
    return sp.Union(*found, evaluate=len(found) < 2) if recurring else None


def _inside(zeros: sp.Set, lo: sp.Expr, hi: sp.Expr) -> sp.Set:
    if zeros is sp.S.EmptySet or (lo == -sp.oo and hi == sp.oo):
        return zeros
    return sp.Intersection(zeros, sp.Interval.open(lo, hi), evaluate=False)


def _of_wave(g: sp.Expr, v: sp.Symbol, region: Region) -> sp.Set | None:
    """The zeros of ``A + B cos(w v + p) + C sin(w v + p)`` on the whole line."""
    parts = wave_parts(g, v)
    if parts is None or parts[3] is None:
        return None
    a, b, c, angle = parts
    amplitude2 = sp.expand(b**2 + c**2)
    if sign(amplitude2, region) == 0:
        return None
    beyond = sign(factored(sp.expand(a**2 - amplitude2)), region)
    if beyond > 0:
        return sp.S.EmptySet
    rate, offset = sp.Poly(angle, v).all_coeffs()
    if sign(rate, region) == 0:
        return None
    bases, period = _angles(a, b, c, beyond, region)
    return sp.Union(
        *(sp.ImageSet(sp.Lambda(N, sp.expand((base + period * N - offset) / rate)), sp.S.Integers) for base in bases),
        evaluate=len(bases) < 2,
    )


def _angles(a: sp.Expr, b: sp.Expr, c: sp.Expr, beyond: int, region: Region) -> tuple[list[sp.Expr], sp.Expr]:
    """The angles at which ``a + b cos + c sin`` vanishes, up to a period."""
    sines, cosines = sign(c, region) != 0, sign(b, region) != 0
    if sign(a, region) == 0:
        if not (sines and cosines):
            return [sp.S.Zero if sines else sp.pi / 2], sp.pi
        return [sp.atan(-b / c)], sp.pi
    if beyond == 0:
        return [sp.atan2(sp.cancel(-c / a), sp.cancel(-b / a))], 2 * sp.pi
    if not sines:
        turn = sp.acos(sp.cancel(-a / b))
        return [turn, -turn], 2 * sp.pi
    if not cosines:
        turn = sp.asin(sp.cancel(-a / c))
        return [turn, sp.pi - turn], 2 * sp.pi
    lead, turn = sp.atan2(c, b), sp.acos(-a / sp.sqrt(sp.expand(b**2 + c**2)))
    return [lead + turn, lead - turn], 2 * sp.pi
