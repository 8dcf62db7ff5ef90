"""``kassei audit``: errors of emitted code, in units in the last place, against a reference that is itself checked.

**What is measured.** The module that :func:`kassei.codegen.emit` gives for a target is executed from its text, and its
value, its slope (``grad_input`` with ``dy = 1``) and its derivative in every learned parameter (``grad_params`` with
one channel per input, so that nothing is summed) are compared, input by input. float16 and bfloat16: all 65536 inputs.
float32: every 64th and the hard points, or all 2**32 with ``exhaustive``. float64: hard points and a deterministic
sample of all magnitudes. Hard points lie beside breaks, beside the parameters and what they scale, beside every sign
change of value and derivatives, and beside the places where these become subnormal, vanish or overflow. Parameters are
numbers of the storage type, so no rounding of a parameter is measured: the defaults, then each over its domain.

**What makes the reference trustworthy.**

1. It starts from the definition's own expression (:mod:`.program`) and shares nothing with the code generator: not the
   lowering, not the normal form, not its derivatives. Derivatives come from carrying tangents through the definition.
2. At a point (:mod:`.balls`) it is Arb's ball arithmetic, at rising precision until the ball is narrower than 2**-10
   of a unit. Comparisons that a ball leaves open are decided by exact rationals. At a kink either one-sided slope is
   right. Every float64 input and every hard point is judged so.
3. For the millions of 16- and 32-bit inputs (:mod:`.models`) Arb expands the definition into Taylor polynomials whose
   remainder it proves on an interval; the bound includes the rounding of their evaluation and is below 2**-7 of a
   unit, else the interval is cut. Tails are enclosed by intervals with ends (:mod:`.span`). Where no interval works
   (oscillations far out) the definition is evaluated in float64 with a running error bound (:mod:`.rough`), or a
   polynomial through exact values is tested at others, and what is still uncertain is asked of Arb point by point.
   ``judged_by`` in the results counts each kind: ``taylor`` and ``arb`` are proofs as far as Arb is right, ``float64``
   assumes that NumPy's functions are within 4 units, ``fitted`` is a test.
4. In every shard and for every quantity the fast reference is compared with Arb, on the definition as written, at the
   worst input and at ``shards.CHECKS`` others; a disagreement stops the audit. The worst error that is reported is
   Arb's. The tests compare Arb's answers with mpmath, and plant wrong code to see it found.

**What an error is.** ``abs(got - exact)/unit``, the unit being the spacing of the storage type at the exact value
(subnormal spacing below the normal numbers). Infinity stands for the next power of two: beyond the largest number an
error of up to 8 units is a rounding error, more is ``wrong_inf``. ``wrong_nan`` counts NaN where there is a value, and
a value where there is none (NaN inputs, poles). An infinite input must give what the definition tends to. Signs of
zeros are not judged. Derivatives also have their error relative to ``max(abs(f'), 0.05)``.

**The document** (``schema`` 1), one per function, target and dtype: ``name, digest, expr, target, dtype, code_sha256,
coverage, exhaustive, versions, machine, command, date, seconds`` and ``results``, a list of ``{"params": {name: value},
"quantities": {"value" | "slope" | "d/da": …}}``, each with ``inputs, max_ulp, at {hex, decimal}, got, exact, mean_ulp,
over_1_ulp, over_4_ulp, over_8_ulp, wrong_nan, wrong_nan_at, wrong_inf, wrong_inf_at, undefined, not_judged, judged_by,
reference_checked_at`` and, for derivatives, ``max_relative, max_relative_at``. The same machine and code give the same
document but for ``date`` and ``seconds``, whatever the number of workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kassei.audit.jobs import (
    Job,
    choices,
    cluster,
    emitted,
    forget,
    has_dask,
    in_process,
    job,
    on_cluster,
    refused,
    run,
    starts,
    state_folder,
)
from kassei.audit.report import document
from kassei.audit.runners import RUNNERS, CannotAuditError, missing
from kassei.core.activation import Activation
from kassei.exact.formats import FORMATS

__all__ = ["Audit", "CannotAuditError", "NeedsExtra", "file_name", "finish", "perform", "prepare"]
SMALL = 24
"""Up to this many shards of 16-bit formats or lists are measured in this process."""


class NeedsExtra(CannotAuditError):
    """A package that is not installed: ``extra`` of kassei brings ``module``."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(module)
        self.extra, self.module = extra, module


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What is to be measured: groups of jobs, each of which becomes one document, and what was left out and why."""

    groups: tuple[tuple[Job, ...], ...]
    left_out: tuple[str, ...]
    exhaustive: bool

    @property
    def jobs(self) -> list[Job]:
        """All jobs, in order."""
        return [one for group in self.groups for one in group]

    @property
    def count(self) -> int:
        """How many shards there are."""
        return sum(len(one.shards) for one in self.jobs)

    @property
    def small(self) -> bool:
        """Whether this process alone does it in seconds."""
        return self.count <= SMALL and all(shard.stop <= 1 << 16 for one in self.jobs for shard in one.shards)


def prepare(
    functions: Sequence[Activation],
    target: str,
    dtypes: Sequence[str] = (),
    *,
    chosen: Mapping[str, Sequence[float | None]] | None = None,
    exhaustive: bool = False,
) -> Audit:
    """Emit the code, try it, and cut the work into shards.

    Without ``dtypes`` all that the target has; those it has not are named in ``left_out``. ``chosen`` maps parameters
    to values (None: the default) instead of the grid. Raises ``CannotAuditError`` for a target or dtype that cannot be
    run here and for parameters that do not exist or lie outside their domain.
    """
    if target not in RUNNERS:
        raise CannotAuditError(f"the audit cannot run target {target!r}; add it to RUNNERS in audit/runners.py")
    lacking = missing(target)
    if lacking is not None:
        extra = RUNNERS[target].extra
        raise NeedsExtra(extra, lacking) if extra else CannotAuditError(f"target {target} needs {lacking}")
    groups, left_out = [], []
    for f in functions:
        code = emitted(f, target)
        for dtype in dtypes or tuple(FORMATS):
            reason = refused(code, f, dtype)
            if reason is not None:
                sentence = f"target {target} has no {dtype} for {f.name}: {reason}"
                if dtypes:
                    raise CannotAuditError(sentence)
                left_out.append(sentence)
                continue
            grid = choices(f, dtype, chosen or {})
            groups.append(tuple(job(f, code, dtype, params, exhaustive=exhaustive) for params in grid))
    return Audit(groups=tuple(groups), left_out=tuple(left_out), exhaustive=exhaustive)


def perform(
    audit: Audit,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    command: str = "",
    step: Callable[[str], None] = lambda _: None,
    lost: Callable[[int], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Measure everything and give the documents.

    Small audits run in this process; others need ``distributed`` (``NeedsExtra`` where it is not installed). ``lost``
    hears how many shards ran again because their worker was lost. Interrupted, it leaves its finished shards in
    ``state_folder()``, from which the same call goes on unless ``fresh``.
    """
    begun, states = time.perf_counter(), state_folder()
    here = audit.small and scheduler is None
    if not here and not has_dask():
        raise NeedsExtra("audit", "distributed")
    with nullcontext() if here else cluster(scheduler, workers) as client:
        executor = in_process if here else on_cluster(client)
        before = 0 if here else len(starts(client))
        tallies = run(audit.jobs, executor, states=states, fresh=fresh, step=step)
        if not here:
            names = starts(client)[before:]
            lost(len(names) - len(set(names)))
    seconds = time.perf_counter() - begun
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    out, place = [], 0
    for group in audit.groups:
        found = tallies[place : place + len(group)]
        place += len(group)
        out.append(document(group, found, exhaustive=audit.exhaustive, command=command, date=date, seconds=seconds))
    return out


def finish(audit: Audit) -> None:
    """Remove what was kept for resuming, once the documents are written."""
    forget(audit.jobs, state_folder())


def file_name(document: Mapping[str, Any]) -> Path:
    """The name of a document's file in a folder."""
    return Path(f"{document['name']}.{document['target']}.{document['dtype']}.json")
