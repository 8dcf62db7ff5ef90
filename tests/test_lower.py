"""Functions of our own know their derivatives: compared with SymPy's derivative of what they mean."""

from __future__ import annotations

import pytest
import sympy as sp

from kassei.codegen import lower

U = sp.Symbol("u", real=True)
GATE = sp.exp(U) * (sp.exp(U) + 2) / (sp.exp(U) * (sp.exp(U) + 2) + 2)
PHI = (1 + sp.erf(U / sp.sqrt(2))) / 2
MEANINGS: dict[type[sp.Basic], sp.Expr] = {
    lower.raw_sigmoid: 1 / (1 + sp.exp(-U)),
    lower.raw_softplus: sp.log(1 + sp.exp(U)),
    lower.raw_expm1: sp.exp(U) - 1,
    lower.raw_log1p: sp.log(1 + U),
    lower.raw_erfc: 1 - sp.erf(U),
    lower.raw_tanh: sp.tanh(U),
    lower.raw_sech2: 1 / sp.cosh(U) ** 2,
    lower.raw_tanh_softplus: GATE,
    lower.raw_tanh_softplus_slope: GATE.diff(U),
    lower.raw_normal_cdf: PHI,
    lower.raw_gauss: sp.exp(-(U**2) / 2),
    lower.raw_exp_neg_square: sp.exp(-(U**2)),
    lower.raw_swish_slope: (U / (1 + sp.exp(-U))).diff(U),
    lower.raw_mish_slope: (U * GATE).diff(U),
    lower.raw_gelu_slope: (U * PHI).diff(U),
    lower.raw_sech: 1 / sp.cosh(U),
    lower.raw_log_cosh: sp.log(sp.cosh(U)),
    lower.raw_tanh_gap: U - sp.tanh(U),
    lower.raw_arccot: sp.pi / 2 - sp.atan(U),
}


def meaning(expr: sp.Expr) -> sp.Expr:
    """The same without functions of our own."""
    for head, text in MEANINGS.items():
        expr = expr.replace(head, lambda x, text=text: text.subs(U, x))
    return expr


@pytest.mark.parametrize("head", MEANINGS, ids=lambda head: head.__name__)
def test_derivatives_are_those_of_what_is_meant(head: type[sp.Basic]) -> None:
    found, exact = meaning(head(U).diff(U)), MEANINGS[head].diff(U)
    for x in (sp.Rational(-7, 8), sp.Rational(3, 10), sp.Rational(29, 10)):
        assert abs(sp.N(found.subs(U, x) - exact.subs(U, x), 30)) < 1e-25


@pytest.mark.parametrize("gate", lower.UNITS, ids=lambda head: head.__name__)
def test_slopes_of_units_are_found_and_written_out(gate: type[sp.Basic]) -> None:
    """For any affine argument, also as one term of a sum; a target without the function gets the two terms."""
    b, w = sp.symbols("b w", real=True)
    for u, c in ((w, 1), (b * w, 1 / b), (2 * w - b, 3)):
        slope = lower.slope(c * u * gate(u) + w**2, w)
        assert slope.has(lower.UNITS[gate])
        written = lower.opened(slope)
        assert not written.has(*lower.UNITS.values())
        exact = (c * u * meaning(gate(u)) + w**2).diff(w)
        plain = meaning(written.replace(lower.raw_damped, sp.Mul).replace(lower.raw_product, sp.Mul))
        for at in ({b: sp.Rational(3, 2), w: sp.Rational(-6, 5)}, {b: -2, w: sp.Rational(7, 4)}):
            for one in (meaning(slope), plain):
                assert abs(sp.N((one - exact).subs(at), 30)) < 1e-25
    assert not lower.slope(w * gate(w**2), w).has(*lower.UNITS.values())
    assert not lower.slope(w * gate(b * w), b).has(*lower.UNITS.values())
