"""The dossier: everything the program knows about one function, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import sympy as sp

from kassei.core.activation import Activation
from kassei.core.pieces import Form
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

Convergence = Literal["uniform", "pointwise", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """The normal form that holds where ``condition``, a Boolean in the parameters, does."""

    condition: sp.Basic
    form: Form
    region: Region


@dataclass(frozen=True, kw_only=True)
class Join:
    """One break: value there, one-sided limits of f and one-sided slopes (``None``: not known)."""

    at: sp.Expr
    value: sp.Expr
    left: sp.Expr | None
    right: sp.Expr | None
    slope_left: sp.Expr | None
    slope_right: sp.Expr | None


@dataclass(frozen=True, kw_only=True)
class ParamLimit:
    """What f becomes, for every v, as one parameter goes to one end of its domain.

    ``equals`` is ``None`` when there is no limit (``exists`` is then False) or it was not found. ``error`` is the
    sup-norm distance to the limit where that is uniform and known in closed form, for the parameters that satisfy
    ``error_when``. ``same_as`` is the catalogue's name
    of the limit; ``nearly`` names a function that differs from it only at the points in ``exceptions``.
    """

    param: str
    to: str
    equals: sp.Expr | None
    exists: bool = True
    same_as: str | None = None
    nearly: str | None = None
    exceptions: tuple[sp.Expr, ...] = ()
    convergence: Convergence = "unknown"
    error: sp.Expr | None = None
    error_when: sp.Basic = sp.true
    on_bounded_sets: Convergence = "unknown"
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What derivation finds: no claim in it needs a proof search.

    ``cases`` split the parameter domain; nearly always there is one, with condition ``true``.
    ``derivative``, ``second_derivative`` and ``param_derivatives`` are expressions in v; at a kink they take
    the slope of the side their condition names. ``limits`` has the keys ``neg_inf``, ``pos_inf``,
    ``slope_neg_inf`` and ``slope_pos_inf``; a value is a SymPy expression, the string ``"none"``, ``None`` for
    unknown, or a list of ``{"when": Boolean, "value": …}``.
    """

    activation: Activation
    cases: tuple[Case, ...]
    joins: tuple[tuple[sp.Basic, tuple[Join, ...]], ...]
    derivative: sp.Expr | None
    second_derivative: sp.Expr | None
    param_derivatives: Mapping[str, sp.Expr | None]
    limits: Mapping[str, Any]
    param_limits: tuple[ParamLimit, ...]

    @classmethod
    def unknown(cls, activation: Activation) -> Facts:
        """Nothing found yet."""
        return cls(
            activation=activation,
            cases=(),
            joins=(),
            derivative=None,
            second_derivative=None,
            param_derivatives=MappingProxyType({p.name: None for p in activation.parameters}),
            limits=MappingProxyType(dict.fromkeys(("neg_inf", "pos_inf", "slope_neg_inf", "slope_pos_inf"))),
            param_limits=(),
        )


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """Definition, facts and verdicts; ``properties`` and ``requirements`` are in the interface's order."""

    activation: Activation
    facts: Facts
    properties: Mapping[str, Verdict]
    requirements: Mapping[str, Verdict]
    domain: Verdict

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        """The document of ``kassei show --json`` (schema 1); ``lang`` chooses the language of the steps."""
        from kassei.core.document import document

        return document(self, lang)
