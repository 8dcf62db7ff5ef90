"""Audits as jobs: which shards there are, who runs them, what is kept of an interrupted run.

Shards run in this process, or on Dask's ``distributed``: a local cluster of single-threaded processes, or any
scheduler by its address. Each result is added to the job's state file before the next is waited for, so that an
interrupt costs what was in flight; a worker that is lost costs its shard, which the scheduler gives to another.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kassei import __version__, exact
from kassei.audit.measure import Tally, joined
from kassei.audit.points import chunks, default, hard_points, in_domain, parameter_grid, quantities, sample
from kassei.audit.runners import CannotAuditError, Code, main_file
from kassei.audit.shards import Shard, measure, quantity_name
from kassei.cache import GENERATION, folder
from kassei.codegen import emit
from kassei.codegen.plan import outer
from kassei.core.activation import Activation
from kassei.exact.formats import FORMATS
from kassei.exact.program import NoReferenceError, program

STRIDE = 64
"""Without ``exhaustive`` every 64th float32 is looked at, the hard points besides."""
SHARD = 1 << 22
"""Inputs of one shard of a dense range; of a list of points, which Arb judges one by one, ``LIST``."""
LIST = 2048
SAMPLE = {False: 1 << 13, True: 1 << 17}
"""Float64 inputs of each of the two samples, without and with ``exhaustive``."""
TOPIC = "kassei-audit"
FAILURES = 20
"""How many workers may die in a shard's hands before the shard is held to be what kills them."""
IN_FLIGHT = 6
"""Shards handed out per worker thread at a time."""
SOURCES = (Path(__file__).parent, Path(exact.__file__).parent)
"""Where the rules of an audit are."""
Measure = Callable[[Shard], dict[str, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One function, target, dtype and choice of parameters."""

    activation: Activation
    target: str
    dtype: str
    params: Mapping[str, float]
    shards: tuple[Shard, ...]
    key: str


def emitted(activation: Activation, target: str) -> Code:
    """A function's code for one target, ready to be run anywhere."""
    files = emit(activation, target)
    return Code(
        name=activation.name,
        target=target,
        main=main_file(files, activation.name, target),
        files=tuple(sorted(files.items())),
        outer={p.name: outer(p.name) for p in activation.parameters},
    )


def refused(code: Code, activation: Activation, dtype: str) -> str | None:
    """Why a module cannot be run on a dtype; None where it can."""
    import numpy as np

    form = FORMATS[dtype]
    params = {p.name: default(p, form) for p in activation.parameters}
    try:
        with np.errstate(all="ignore"):
            code.call(None, np.zeros(2, dtype=form.carrier), params, str(activation.variable), form)
    except (TypeError, NotImplementedError) as reason:
        return str(reason)
    return None


def choices(activation: Activation, dtype: str, chosen: Mapping[str, Sequence[float | None]]) -> list[dict[str, float]]:
    """The parameter values to audit: the grid, or every combination of the chosen ones (None: the default).

    Raises ``CannotAuditError`` for an unknown parameter or a value outside its domain.
    """
    form = FORMATS[dtype]
    for name in chosen:
        if name not in {p.name for p in activation.parameters}:
            known = ", ".join(p.name for p in activation.parameters) or "none"
            raise CannotAuditError(f"{activation.name} has no parameter {name!r}; it has {known}")
    if not chosen:
        return parameter_grid(activation, form)
    grid: list[dict[str, float]] = [{}]
    for p in activation.parameters:
        values = [default(p, form) if x is None else form.rounded(x) for x in chosen.get(p.name, (None,))]
        for x in values:
            if not in_domain(p, x):
                raise CannotAuditError(f"{p.name} = {x!r} lies outside its domain {p.domain}")
        grid = [one | {p.name: x} for one in grid for x in values]
    return grid


def job(activation: Activation, code: Code, dtype: str, params: Mapping[str, float], *, exhaustive: bool) -> Job:
    """The shards of one audit. 16-bit formats are always covered completely."""
    form = FORMATS[dtype]
    try:
        steps = program(activation)
    except NoReferenceError as reason:
        raise CannotAuditError(str(reason)) from None

    def shard(**where: Any) -> Shard:
        return Shard(code=code, program=steps, dtype=dtype, params=dict(params), **where)

    if form.bits == 16:
        shards = [shard(stop=1 << 16)]
    else:
        points = hard_points(activation, steps, params, form)
        shards = []
        if form.bits == 32:
            stride = 1 if exhaustive else STRIDE
            step = SHARD * stride
            shards = [shard(start=k, stop=k + step, stride=stride) for k in range(0, 1 << 32, step)]
        else:
            points = sorted({*points, *sample(form, SAMPLE[exhaustive])})
        if not (form.bits == 32 and exhaustive):
            shards += [shard(points=part) for part in chunks(points, LIST)]
    ask = (activation.digest, activation.source, code.target, code.files, dtype, sorted(params.items()), exhaustive)
    key = hashlib.sha256(repr((__version__, GENERATION, _sources(), *ask)).encode()).hexdigest()[:32]
    return Job(activation=activation, target=code.target, dtype=dtype, params=params, shards=tuple(shards), key=key)


def _sources() -> str:
    """The hash of the audit's own sources: a shard measured by other rules is not taken for one of these."""
    digest = hashlib.sha256()
    for path in sorted(path for root in SOURCES for path in root.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# --- state ------------------------------------------------------------------------------------------------------------


class State:
    """The finished shards of a job: a file to which each result is appended as one line.

    A line that a kill cut short is not JSON and is passed over. Where there is no folder, nothing is kept.
    """

    def __init__(self, key: str, root: Path | None, *, fresh: bool = False) -> None:
        self.path = None if root is None else root / f"{key}.jsonl"
        self.done: dict[str, Any] = {}
        if self.path is None:
            return
        if fresh:
            self.path.unlink(missing_ok=True)
        with suppress(OSError):
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError):
                    name, result = json.loads(line)
                    self.done[name] = result

    def keep(self, name: str, result: Any) -> None:
        """Add one more shard's result, on a line of its own even after a line that was cut short."""
        self.done[name] = result
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps([name, result])}\n")

    def forget(self) -> None:
        """The job is finished and reported."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def state_folder() -> Path | None:
    """Where unfinished audits are kept: in kassei's cache; None where that is off."""
    root = folder()
    return None if root is None else root.parent / f"{root.name}-audit"


# --- who runs shards --------------------------------------------------------------------------------------------------

Executor = Callable[[Sequence[Shard]], Iterator[tuple[int, dict[str, dict[str, Any]]]]]


def in_process(shards: Sequence[Shard]) -> Iterator[tuple[int, dict[str, dict[str, Any]]]]:
    """One after the other, here."""
    for k, shard in enumerate(shards):
        yield k, measure(shard)


def has_dask() -> bool:
    """Whether ``distributed`` is installed."""
    return importlib.util.find_spec("distributed") is not None


def full_name(shard: Shard) -> str:
    """A shard's name among those of all jobs."""
    params = ",".join(f"{n}={x!r}" for n, x in sorted(shard.params.items()))
    return f"{shard.program.name}/{shard.code.target}/{shard.dtype}/{params}/{shard.name}"


def on_worker(shard: Shard) -> dict[str, dict[str, Any]]:
    """Measure a shard in a Dask worker, which first tells the scheduler that it has begun."""
    from distributed import get_worker

    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    worker = get_worker()
    worker.log_event(TOPIC, {"shard": full_name(shard), "worker": worker.address})
    return measure(shard)


@contextmanager
def cluster(address: str | None, workers: int | None = None) -> Iterator[Any]:
    """A client of the scheduler at ``address``, or of a local cluster that ends with the block.

    Raises ``CannotAuditError`` where the scheduler does not answer or its workers have another kassei.
    """
    import dask
    from distributed import Client, LocalCluster

    quiet = {
        "distributed.scheduler.allowed-failures": FAILURES,
        "distributed.admin.low-level-log-length": 1 << 20,
        "distributed.worker.memory.terminate": False,
    }
    with dask.config.set(quiet):
        if address is None:
            count = workers or os.cpu_count() or 1
            settings = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "silence_logs": 50}
            with _uninterrupted():
                local = LocalCluster(n_workers=count, **settings)
            with local, Client(local) as client:
                yield client
            return
        try:
            client = Client(address, timeout=5)
        except (OSError, ValueError, TimeoutError) as reason:
            raise CannotAuditError(f"no scheduler answers at {address}: {reason}") from None
        with client:
            found = client.run(_version)
            if not found:
                raise CannotAuditError(f"the scheduler at {address} has no workers")
            other = {where: v for where, v in found.items() if v != __version__}
            if other:
                raise CannotAuditError(f"workers need kassei {__version__}; found {other}")
            yield client


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What starts here inherits that interrupts are ignored: Ctrl-C ends the workers through us, without tracebacks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _version() -> str:
    return __version__


def on_cluster(client: Any) -> Executor:
    """Shards go out a few at a time and come back in any order."""
    return partial(_spread, client)


def _spread(client: Any, shards: Sequence[Shard]) -> Iterator[tuple[int, dict[str, dict[str, Any]]]]:
    from distributed import as_completed

    waiting = iter(range(len(shards)))
    places: dict[str, int] = {}

    def submit(k: int) -> Any:
        future = client.submit(on_worker, shards[k], key=f"{TOPIC}-{os.getpid()}-{id(shards)}-{k}", pure=False)
        places[future.key] = k
        return future

    threads = max(1, sum(client.nthreads().values()))
    begun = [submit(k) for _, k in zip(range(IN_FLIGHT * threads), waiting, strict=False)]
    if not begun:
        return
    queue = as_completed(begun, with_results=True)
    for future, result in queue:
        following = next(waiting, None)
        if following is not None:
            queue.add(submit(following))
        yield places.pop(future.key), result
        future.release()


def starts(client: Any) -> list[str]:
    """The shards that workers began, in order; one that stands here twice ran again because its worker was lost."""
    return [event["shard"] for _, event in client.get_events(TOPIC)]


# --- all of it --------------------------------------------------------------------------------------------------------


def run(
    jobs: Sequence[Job],
    executor: Executor,
    *,
    states: Path | None = None,
    fresh: bool = False,
    step: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Tally]]:
    """The tallies of each job by quantity.

    ``states`` is the folder of unfinished work; ``fresh`` ignores what it has.
    """
    kept = [State(j.key, states, fresh=fresh) for j in jobs]
    wanted = [(j, shard) for j, one in enumerate(jobs) for shard in one.shards if shard.name not in kept[j].done]
    for _ in range(sum(len(one.shards) for one in jobs) - len(wanted)):
        step("")
    for k, result in executor([shard for _, shard in wanted]):
        j, shard = wanted[k]
        kept[j].keep(shard.name, result)
        step(f"{jobs[j].activation.name} {jobs[j].target} {jobs[j].dtype}")
    out = []
    for one, state in zip(jobs, kept, strict=True):
        names = [quantity_name(one.shards[0].program, q) for q in quantities(one.shards[0].program)]
        out.append({n: joined(Tally(**state.done[shard.name][n]) for shard in one.shards) for n in names})
    return out


def forget(jobs: Sequence[Job], states: Path | None) -> None:
    """Remove the state of jobs whose results are written."""
    for one in jobs:
        State(one.key, states, fresh=True).forget()
