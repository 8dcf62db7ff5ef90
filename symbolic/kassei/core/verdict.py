"""Verdicts, and the steps that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import sympy as sp

Truth = Literal["proved", "refuted", "conditional", "unknown"]


@dataclass(frozen=True)
class Step:
    """One step of an argument: a sentence's key in ``words/<lang>/steps.toml`` and what fills it.

    The values are SymPy objects or plain strings; the words layer turns them into text or LaTeX.
    """

    key: str
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known about one property, for every parameter value of the declared domain.

    ``condition`` (only when ``truth`` is ``conditional``) is the exact set of parameters for which
    the property holds, as a SymPy Boolean. ``witness`` (when refuted or conditional) maps names to
    exact numbers at which it fails. ``value`` is what a property with a value takes: an expression,
    a set, a list of ``{"when", "value"}`` or an enclosure ``{"lo", "hi", …}``, as plain JSON data.
    ``tree`` holds the findings on each part of the parameter domain, which a certificate lists.
    """

    truth: Truth
    condition: sp.Basic | None = None
    witness: Mapping[str, Any] | None = None
    value: Any = None
    method: str = ""
    steps: tuple[Step, ...] = ()
    tree: Any = field(default=None, compare=False, repr=False)
