"""f is defined and continuous on all of R (the first half of R1)."""

from __future__ import annotations

from kassei.core.pieces import Form
from kassei.core.properties._shared import edge_facts, undefined
from kassei.core.prove import Finding, Subject, edges
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

ORDER = 1


def check(subject: Subject) -> Verdict:
    r"""$f$ is continuous at every real $v$."""
    return subject.decide(continuous, "one_sided_limits")


def continuous(form: Form, region: Region) -> Finding:
    """Each piece is an elementary expression without a singularity inside, so only the breaks need a look."""
    if not form.total:
        return undefined(form)
    steps = [Step("pieces_smooth", {"count": len(form.pieces)})]
    for edge in edges(form, region):
        if not edge.continuous(region):
            witness = {"at": str(region.at_sample(edge.at))}
            for name in ("left", "value", "right"):
                side = getattr(edge, name)
                witness[name] = "none" if side is None else str(region.at_sample(side))
            return Finding(truth=False, witness=witness, steps=(*steps, Step("join_jumps", edge_facts(edge))))
        steps.append(Step("join_meets", edge_facts(edge)))
    return Finding(truth=True, steps=tuple(steps))
