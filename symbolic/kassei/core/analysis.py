"""The whole analysis of one definition, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

from kassei.core.activation import Activation
from kassei.core.convergence import open_limits, param_limits
from kassei.core.derive import calculus, joins, limits_at_ends
from kassei.core.dossier import Dossier, Facts
from kassei.core.effort import MAX_WORK, PROPERTY_WORK, REQUIREMENT_WORK, empty_caches, numbered, work
from kassei.core.pieces import Form
from kassei.core.properties._shared import monotone, undefined_at
from kassei.core.properties.continuous import continuous
from kassei.core.properties.not_affine import not_affine
from kassei.core.properties.unit_slope_positive import unit_slope
from kassei.core.prove import Finding, Subject
from kassei.core.region import Leaf, Region
from kassei.core.registry import discover
from kassei.core.verdict import Step, Verdict

REQUIREMENTS = ("R1", "R2", "R3")
FACTS = ("derivation", "joins", "limits", "param_limits")
"""The parts of the facts, each a stage of its own."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


@cache
def properties() -> tuple[str, ...]:
    """The names of all properties, in the interface's order."""
    orders = discover("kassei.core.properties", "ORDER")
    return tuple(sorted(orders, key=lambda name: orders[name]))


@cache
def stages() -> tuple[str, ...]:
    """Every stage of an analysis, in the order in which they are done."""
    return (*REQUIREMENTS, "domain", *FACTS, *properties())


def analyze(activation: Activation, known: Mapping[str, Form] | None = None) -> Dossier:
    """Derive and decide everything about one function.

    ``known`` maps names to normal forms with which parameter limits are compared (see
    :func:`kassei.core.convergence.KnownForms`).
    """
    return dossier(activation, decide(activation, known))


def decide(
    activation: Activation,
    known: Mapping[str, Form] | None = None,
    *,
    wanted: tuple[str, ...] | None = None,
    given: Mapping[str, Any] = NOTHING,
    done: Callable[[str, Any], None] = lambda name, answer: None,
) -> dict[str, Any]:
    """The answers of the wanted stages (all of them, if none are named), those given among them.

    ``done`` hears of each as soon as it is there, in the order of :func:`stages`. In an interpreter with a fixed hash
    seed (as the command line's is) the answers are the same to the last byte every time.
    """
    with numbered(f"{activation.bare!r} {len(given)}"):
        return _decided(activation, known, wanted, dict(given), done)


def _decided(
    activation: Activation,
    known: Mapping[str, Form] | None,
    wanted: tuple[str, ...] | None,
    found: dict[str, Any],
    done: Callable[[str, Any], None],
) -> dict[str, Any]:
    empty_caches()
    subject = Subject(activation)
    checks = discover("kassei.core.properties", "check")

    def take(units: int, asked: Mapping[str, Callable[[], Any]]) -> None:
        for name, ask in asked.items():
            if name not in found and (wanted is None or name in wanted):
                with work(units, fresh=False):
                    found[name] = ask()
                done(name, found[name])

    def requirement(question: Callable[[Form, Region], Finding], method: str) -> Callable[[], Verdict]:
        return lambda: subject.decide(question, method)

    take(
        REQUIREMENT_WORK,
        {
            "R1": requirement(lambda form, region: _r1(form, region, activation), "slope_signs"),
            "R2": requirement(not_affine, "identity"),
            "R3": requirement(unit_slope, "identity"),
        },
    )
    take(
        MAX_WORK,
        {
            "domain": lambda: domain_of(subject),
            "derivation": lambda: calculus(subject),
            "joins": lambda: joins(subject),
            "limits": lambda: limits_at_ends(subject),
            "param_limits": lambda: param_limits(activation, subject.region, known),
        },
    )
    take(PROPERTY_WORK, {name: lambda check=checks[name]: check(subject) for name in properties()})  # type: ignore[misc]
    return found


def cut_off(activation: Activation, name: str, why: Step) -> Any:
    """The answer of a stage that did not come to its end: open, and ``why``."""
    if name == "derivation":
        return Facts.unknown(activation)
    if name == "joins":
        return ()
    if name == "limits":
        return Facts.unknown(activation).limits
    if name == "param_limits":
        return open_limits(activation, why)
    nowhere = Leaf(Region.of(activation.parameters), Finding(truth=None, steps=(why,)))
    return Verdict(truth="unknown", method="none", steps=(why,), tree=nowhere)


def dossier(activation: Activation, found: Mapping[str, Any]) -> Dossier:
    """The answers of all stages as one value."""
    joined = {"joins": found["joins"], "limits": MappingProxyType(dict(found["limits"]))}
    return Dossier(
        activation=activation,
        facts=replace(found["derivation"], **joined, param_limits=found["param_limits"]),
        properties=MappingProxyType({name: found[name] for name in properties()}),
        requirements=MappingProxyType({name: found[name] for name in REQUIREMENTS}),
        domain=found["domain"],
    )


def _r1(form: Form, region: Region, activation: Activation) -> Finding:
    """Continuous and never decreasing."""
    first = continuous(form, region)
    if first.truth is False:
        return first
    second = monotone(form, region, activation, strictly=False)
    return Finding(truth=second.truth, witness=second.witness, steps=(*first.steps, *second.steps))


def domain_of(subject: Subject) -> Verdict:
    """For which parameters f is defined on all of R, and where it is not."""

    def ask(form: Form, region: Region) -> Finding:
        if form.total:
            return Finding(truth=True, steps=(Step("defined"),))
        where = undefined_at(form)
        return Finding(
            truth=False, witness={"undefined_at": where}, steps=(Step("undefined", {"where": ", ".join(where)}),)
        )

    return subject.decide(ask, "singularities")
