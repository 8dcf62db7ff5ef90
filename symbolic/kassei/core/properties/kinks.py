"""The points where f is not differentiable."""

from __future__ import annotations

from kassei.core.pieces import Form
from kassei.core.prove import Finding, Subject, edges
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 11


def check(subject: Subject) -> Verdict:
    r"""The points at which $f'$ does not exist: jumps and corners."""
    return subject.evaluate(kinks, "one_sided_limits")


def kinks(form: Form, region: Region) -> Finding:
    """Only breaks can be kinks; each is one unless value and slopes meet."""
    found = []
    steps = []
    for edge in edges(form, region):
        facts = {"at": edge.at, "left": edge.slope_left, "right": edge.slope_right}
        if edge.differentiable(region):
            steps.append(Step("no_kink", facts))
        else:
            found.append(str(edge.at))
            steps.append(Step("kink", facts))
    if not form.breaks:
        steps.append(Step("no_breaks"))
    return Finding(truth=True, value=found, steps=tuple(steps))
