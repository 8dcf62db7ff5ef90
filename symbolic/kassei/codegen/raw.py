"""Functions that survive to the printer: SymPy leaves them alone, differentiates them and knows their sign.

SymPy rewrites ``erfc(-u)`` to ``2 - erfc(u)`` and ``1/(1 + exp(-u))`` has no name in it, so the forms that keep their
digits are spelled with the classes below. Each class states its value, which is what the rewrite rules of
:mod:`kassei.codegen.lower` are tested against.
"""

from __future__ import annotations

from typing import Any

import sympy as sp


class Raw(sp.Function):
    """A real function of one real argument; ``meaning`` is its value in SymPy's own functions."""

    nargs = 1
    is_real = True
    is_finite = True

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        raise TypeError("a raw function states its meaning")

    def slope(self) -> sp.Expr:
        """The derivative in the argument, again in raw functions."""
        raise TypeError("a raw function states its slope")

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """SymPy's hook for the chain rule."""
        return self.slope()

    def _eval_evalf(self, prec: int) -> Any:
        return self.meaning(self.args[0])._eval_evalf(prec)


class raw_sigmoid(Raw):  # noqa: N801 - a function of mathematics is written small
    """``1/(1 + exp(-u))``, positive."""

    is_positive = True

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        return 1 / (1 + sp.exp(-u))

    def slope(self) -> sp.Expr:
        """``sigmoid(u)*sigmoid(-u)``: no ``1 - sigmoid(u)``, which is 0 in floats from u = 17 on."""
        return raw_sigmoid(self.args[0]) * raw_sigmoid(-self.args[0])


class raw_softplus(Raw):  # noqa: N801
    """``log(1 + exp(u))``, positive."""

    is_positive = True

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        return sp.log(1 + sp.exp(u))

    def slope(self) -> sp.Expr:
        """``sigmoid(u)``."""
        return raw_sigmoid(self.args[0])


class raw_expm1(Raw):  # noqa: N801
    """``exp(u) - 1``, of the sign of u."""

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        return sp.exp(u) - 1

    def slope(self) -> sp.Expr:
        """``exp(u)``."""
        return sp.exp(self.args[0])


class raw_log1p(Raw):  # noqa: N801
    """``log(1 + u)``, of the sign of u."""

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        return sp.log(1 + u)

    def slope(self) -> sp.Expr:
        """``1/(1 + u)``."""
        return 1 / (1 + self.args[0])


class raw_erfc(Raw):  # noqa: N801
    """``1 - erf(u)``, positive."""

    is_positive = True

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        return 1 - sp.erf(u)

    def slope(self) -> sp.Expr:
        """``-2/sqrt(pi)*exp(-u**2)``."""
        return -2 / sp.sqrt(sp.pi) * sp.exp(-(self.args[0] ** 2))


class raw_sech2(Raw):  # noqa: N801
    """``1 - tanh(u)**2``, positive."""

    is_positive = True

    @staticmethod
    def meaning(u: sp.Expr) -> sp.Expr:
        """The function in SymPy's own terms."""
        return 1 - sp.tanh(u) ** 2

    def slope(self) -> sp.Expr:
        """``-2*tanh(u)*sech2(u)``."""
        return -2 * sp.tanh(self.args[0]) * raw_sech2(self.args[0])


RAW: tuple[type[Raw], ...] = (raw_sigmoid, raw_softplus, raw_expm1, raw_log1p, raw_erfc, raw_sech2)


def meaning(expr: sp.Expr) -> sp.Expr:
    """``expr`` with every raw function replaced by what it means."""
    if not expr.args:
        return expr
    args = [meaning(a) for a in expr.args]
    if isinstance(expr, Raw):
        return expr.meaning(args[0])
    return expr.func(*args)
