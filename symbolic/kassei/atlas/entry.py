"""What an overview needs of one dossier: small, and without the trees that certificates are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kassei.atlas.kept import remembered
from kassei.atlas.readings import Readings, readings_of
from kassei.core.activation import Activation
from kassei.core.dossier import Dossier, ParamLimit
from kassei.core.kinship import Profile, profile_at, profiles
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

Kind = Literal["requirement", "property", "domain", "limit", "param_limit", "convergence", "derivative"]


@dataclass(frozen=True, kw_only=True)
class Open:
    """One question that a dossier leaves open: of which kind and about what, and what is known of why."""

    kind: Kind
    name: str
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One function of an overview, as its dossier knows it; ``asked`` counts the questions of each kind.

    The activation is without its titles, so that a new title changes no entry. ``profiles`` are those on the parts of
    the parameter domain, ``at_defaults`` is the one at the defaults (None where there is none): what other functions
    are compared with.
    """

    activation: Activation
    limits: Mapping[str, Any]
    param_limits: tuple[ParamLimit, ...]
    readings: Readings
    profiles: tuple[tuple[Region, Profile], ...]
    at_defaults: Profile | None
    asked: Mapping[Kind, int]
    left_open: tuple[Open, ...]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.activation.name

    @staticmethod
    def of(dossier: Dossier) -> Entry:
        """The entry of a dossier."""
        f, facts = dossier.activation.bare, dossier.facts
        known, at_defaults = remembered("profiles", (f,), lambda: _profiles(f))
        return Entry(
            activation=f,
            limits=dict(facts.limits),
            param_limits=facts.param_limits,
            readings=readings_of(dossier),
            profiles=known,
            at_defaults=at_defaults,
            asked={
                "requirement": len(dossier.requirements),
                "property": len(dossier.properties),
                "domain": 1,
                "limit": len(facts.limits),
                "param_limit": len(facts.param_limits),
                "convergence": sum(one.equals is not None for one in facts.param_limits),
                "derivative": 2 + len(facts.param_derivatives),
            },
            left_open=tuple(_open(dossier)),
        )


def _profiles(f: Activation) -> tuple[tuple[tuple[Region, Profile], ...], Profile | None]:
    known = profiles(f)
    return known, known[0][1] if known and not f.parameters else profile_at(f, f.defaults)


def _open(dossier: Dossier) -> list[Open]:
    facts = dossier.facts
    verdicts: list[tuple[Kind, str, Verdict]] = [("domain", "domain", dossier.domain)]
    verdicts += [("requirement", name, v) for name, v in dossier.requirements.items()]
    verdicts += [("property", name, v) for name, v in dossier.properties.items()]
    out = [Open(kind=kind, name=name, steps=v.steps) for kind, name, v in verdicts if v.truth == "unknown"]
    out += [Open(kind="limit", name=name) for name, value in facts.limits.items() if value is None]
    for one in facts.param_limits:
        name = f"{one.param} -> {one.to}"
        if one.equals is None and one.exists:
            out.append(Open(kind="param_limit", name=name, steps=one.steps))
        elif one.equals is not None and one.convergence == "unknown":
            out.append(Open(kind="convergence", name=name, steps=one.steps))
    derivatives = {"first": facts.derivative, "second": facts.second_derivative, **facts.param_derivatives}
    out += [Open(kind="derivative", name=name) for name, expr in derivatives.items() if expr is None]
    return out
