"""What every target's printer needs: the error for what it was not taught, and decimals."""

from __future__ import annotations

import sympy as sp


class NoRuleError(ValueError):
    """A target cannot express a function; the message names both and the place where a rule belongs."""


def double(value: sp.Expr) -> str:
    """The shortest decimal that reads back as the nearest double."""
    return repr(float(sp.N(value, 40)))
