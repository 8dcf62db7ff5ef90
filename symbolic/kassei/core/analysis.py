"""The whole analysis of one definition."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kassei.core.activation import Activation
from kassei.core.derive import derive
from kassei.core.dossier import Dossier
from kassei.core.effort import MAX_WORK, work
from kassei.core.pieces import Form
from kassei.core.properties._shared import monotone, undefined_at
from kassei.core.properties.continuous import continuous
from kassei.core.properties.not_affine import not_affine
from kassei.core.properties.unit_slope_positive import unit_slope
from kassei.core.prove import Finding, Subject
from kassei.core.region import Region
from kassei.core.registry import discover
from kassei.core.verdict import Step, Verdict


def properties() -> tuple[str, ...]:
    """The names of all properties, in the interface's order."""
    orders = discover("kassei.core.properties", "ORDER")
    return tuple(sorted(orders, key=lambda name: orders[name]))


def analyze(activation: Activation, known: Mapping[str, Form] | None = None) -> Dossier:
    """Derive and decide everything about one function.

    ``known`` maps names to normal forms with which parameter limits are compared (see
    :func:`kassei.core.convergence.KnownForms`).
    """
    subject = Subject(activation)
    checks = discover("kassei.core.properties", "check")
    with work():
        decided = _requirements(subject)
    with work(fresh=False):
        domain, facts = domain_of(subject), derive(activation, known)
    with work(2 * MAX_WORK, fresh=False):
        verdicts = {name: checks[name](subject) for name in properties()}
    return Dossier(
        activation=activation,
        facts=facts,
        properties=MappingProxyType(verdicts),
        requirements=decided,
        domain=domain,
    )


def requirements(activation: Activation) -> Mapping[str, Verdict]:
    """R1, R2 and R3 alone, without the rest of the dossier."""
    with work():
        return _requirements(Subject(activation))


def _requirements(subject: Subject) -> Mapping[str, Verdict]:
    f = subject.activation
    return MappingProxyType(
        {
            "R1": subject.decide(lambda form, region: _r1(form, region, f), "slope_signs"),
            "R2": subject.decide(not_affine, "identity"),
            "R3": subject.decide(unit_slope, "identity"),
        }
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
