"""The command ``kassei``: arguments in, documents, tables and files out.

Exit status: 0 done; 1 a requirement is refuted or conditional, or files have drifted; 2 bad input, with one message on
stderr and nothing written; 3 a requirement is unknown (and none is refuted or conditional); 130 interrupted.
Mathematics and rich are imported by the commands that use them, so that ``kassei --help`` stays quick.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from kassei.phrases import LANGUAGES, Phrases

if TYPE_CHECKING:
    from types import FrameType

    from kassei.core.activation import Activation
    from kassei.core.dossier import Dossier
    from kassei.core.verdict import Verdict

Answer = TypeVar("Answer")
SITE = Path("build") / "site"
_PROCESSES = os.cpu_count() or 1
DRIFTED, BAD_INPUT, UNKNOWN, INTERRUPTED = 1, 2, 3, 130
REMIND_S = 0.5
"""An interrupt that was lost is raised again after this many seconds."""


class BadInput(click.ClickException):
    """Something the user gave is wrong; its message is all that is printed."""

    exit_code = BAD_INPUT

    def show(self, file: Any = None) -> None:
        """Print the message on stderr."""
        click.echo(_words()("word.error", message=self.message), file=file, err=True)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # an ASCII locale must not turn a message into a traceback
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    words = Phrases(_language(arguments))
    _translate(kassei, words)
    try:
        with _interruptible(), kassei.make_context("kassei", arguments, obj=words) as context:
            status = kassei.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as left:
        status = left.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        exec("")  # an interrupt inside any exec or eval of text would have Python end by a signal; the next clears that
        status = INTERRUPTED
    except BrokenPipeError:  # the reader has gone, as in `kassei show gelu | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interrupt arrive: one that is raised inside a destructor, where Python prints it and goes on, comes again.

    Z3 and SymPy run many destructors; what an interrupt breaks inside them is not reported.
    """
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM), sys.unraisablehook

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        sys.unraisablehook = lambda _: None
        signal.setitimer(signal.ITIMER_REAL, REMIND_S)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGALRM):
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGALRM, before[1])
        sys.unraisablehook = before[2]


def _language(arguments: Sequence[str]) -> str:
    """The value of --lang, read before click so that help and refusals are in that language too."""
    for here, following in itertools.pairwise([*arguments, ""]):
        if here == "--":
            break
        given = following if here == "--lang" else here.removeprefix("--lang=") if here.startswith("--lang=") else ""
        if given in LANGUAGES:
            return given
    return "en"


def _words() -> Phrases:
    context = click.get_current_context(silent=True)
    found = context.find_object(Phrases) if context else None
    return found or Phrases(_language(sys.argv[1:]))


def _translate(command: click.Command, words: Phrases) -> None:
    """Fill in the help texts, which the code below leaves empty."""
    command.context_settings["max_content_width"] = 100 if words.lang == "en" else 56  # click counts wide signs as one
    command.help = words(f"help.{command.name}")
    command.short_help = re.split(r"(?<=。)|(?<=\.) ", command.help)[0]
    context = click.Context(command, info_name=command.name)
    for option in command.get_params(context):
        if isinstance(option, click.Option):
            name = option.opts[-1].lstrip("-")
            own = f"option.{command.name}_{name}"  # where an option of this command says something of its own
            option.help = words(own if own in words.english else f"option.{name}")
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _translate(child, words)


def _option(*names: str, **settings: Any) -> Callable[[Any], Any]:
    return click.option(*names, **settings)


_in_language = _option("--lang", type=click.Choice(LANGUAGES), default="en", expose_value=False)
_as_json = _option("--json", "as_json", is_flag=True)


def _seconds(context: click.Context, option: click.Parameter, given: float | None) -> float | None:
    """0 stands for no limit."""
    del context, option
    return math.inf if given == 0 else given


_limited = _option("--limit", type=click.FloatRange(min=0), metavar="SECONDS", callback=_seconds)


@click.group()
@_in_language
@click.version_option(package_name="kassei", prog_name="kassei", message="%(prog)s %(version)s")
def kassei() -> None:
    """Documented in words/cli.toml, as every command."""


# --- reading names ----------------------------------------------------------------------------------------------------


def _functions(names: Sequence[str], words: Phrases) -> list[Activation]:
    """The activations of catalogue names and paths; all of them are read before anything is done."""
    from kassei.core.reading import DefinitionError

    if not names:
        raise BadInput(words("error.no_names"))
    try:
        return [_function(name, words) for name in names]
    except DefinitionError as error:
        place = error.place(words("word.key"), words("word.line"), words("word.column"))
        raise BadInput(f"{place}: {error.message.text(words.section('complaint'))}") from None


def _distinct(functions: list[Activation], words: Phrases) -> list[Activation]:
    """The functions, no two of which have one name."""
    for k, f in enumerate(functions):
        if f.name in {g.name for g in functions[:k]}:
            raise BadInput(words("error.same_name", name=f.name))
    return functions


def _named_or_all(names: Sequence[str], everything: bool, words: Phrases) -> list[Activation]:
    """The functions that are named, or the catalogue where ``--all`` is given; each once."""
    from kassei.library import catalogue

    if not names and not everything:
        raise BadInput(words("error.no_names_or_all"))
    if names and everything:
        raise BadInput(words("error.names_and_all"))
    return _distinct(_functions(tuple(catalogue) if everything else names, words), words)


@contextmanager
def _writing_to(out: Path, words: Phrases) -> Iterator[None]:
    """What the file system refuses as a sentence."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as reason:
        raise BadInput(words("error.not_written", path=out, reason=reason)) from None


def _write(files: Mapping[str, str], out: Path, words: Phrases) -> None:
    from kassei.codegen import write

    for path in write(files, out):
        click.echo(words("done.written", path=path))


def _function(name: str, words: Phrases) -> Activation:
    from kassei.core.reading import load
    from kassei.library import catalogue

    is_path = os.sep in name or name.endswith(".toml")
    if not is_path and (found := catalogue.find(name)):
        return found
    if is_path or Path(name).is_file():
        return load(name)
    near = catalogue.near(name)
    known = words("error.known_names", names=", ".join(catalogue))
    hint = words("error.did_you_mean", names=" / ".join(near)) if near else known
    raise BadInput(words("error.unknown_name", name=_printable(name), hint=hint))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _each(functions: Sequence[Activation], work: Callable[[Activation], Any], label: str) -> list[Any]:
    """One result for each function, with progress on a terminal."""
    from kassei.terminal import progress

    done = []
    with progress(label, len(functions)) as step:
        for f in functions:
            step(f.name)
            done.append(work(f))
    return done


def _print_json(document: Any) -> None:
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(document, ensure_ascii=not utf8, indent=2))


def _one_or_list(documents: list[Any]) -> Any:
    return documents[0] if len(documents) == 1 else documents


def _dossiers(functions: Sequence[Activation], words: Phrases, limit: float | None = None) -> list[Dossier]:
    """The dossiers of functions, with progress on a terminal."""
    from kassei.library import analyze_all

    return _collected(functions, analyze_all(functions, seconds=limit), words)


def _collected(functions: Sequence[Activation], answers: Iterable[Answer], words: Phrases) -> list[Answer]:
    from kassei.terminal import progress

    done = []
    with progress(words("progress.analysis"), len(functions)) as step:
        for f, answer in zip(functions, answers, strict=True):
            done.append(answer)
            step(f.name)
    return done


def _checked(f: Activation, found: Mapping[str, Verdict], lang: str) -> dict[str, Any]:
    from kassei.core.document import verdict

    keys = ("verdict", "condition", "witness", "method")
    decided = {name: verdict(one, lang) for name, one in found.items()}
    rows = {name: {key: one[key] for key in (*keys, "roots") if key in one} for name, one in decided.items()}
    return {"name": f.name, **rows}


# --- commands that answer ---------------------------------------------------------------------------------------------


@kassei.command("list")
@_as_json
@_in_language
@click.pass_obj
def list_(words: Phrases, as_json: bool) -> None:
    """Print the catalogue."""
    from kassei import terminal
    from kassei.library import catalogue

    functions = _functions(tuple(catalogue), words)
    checked = [_checked(d.activation, d.requirements, words.lang) for d in _dossiers(functions, words)]
    if as_json:
        _print_json([{**_entry(f), **one} for f, one in zip(functions, checked, strict=True)])
        return
    rows = [
        (
            f.name,
            f.heading(words.lang),
            ", ".join(p.name for p in f.parameters),
            *terminal.requirement_cells(one, words),
        )
        for f, one in zip(functions, checked, strict=True)
    ]
    headings = (words("list.name"), words("list.title"), words("list.parameters"), "R1", "R2", "R3")
    terminal.say(terminal.table(*headings, rows=rows))


def _entry(f: Activation) -> dict[str, Any]:
    parameters = {p.name: {"domain": str(p.domain), "default": _number(p.default)} for p in f.parameters}
    return {
        "name": f.name,
        "title": dict(f.title),
        "summary": dict(f.summary),
        "aliases": list(f.aliases),
        "parameters": parameters,
    }


def _number(value: Any) -> int | float | str:
    from kassei.core.document import number

    return number(value)


@kassei.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@_as_json
@_option("--steps", is_flag=True)
@_limited
@_in_language
@click.pass_obj
def show(words: Phrases, names: tuple[str, ...], as_json: bool, steps: bool, limit: float | None) -> None:
    """Print dossiers."""
    from kassei import terminal
    from kassei.core.activation import in_language

    functions = _functions(names, words)
    documents = [d.to_json(words.lang) for d in _dossiers(functions, words, limit)]
    if as_json:
        _print_json(_one_or_list(documents))
        return
    for k, (f, document) in enumerate(zip(functions, documents, strict=True)):
        about = {
            "title": f.heading(words.lang),
            "summary": in_language(f.summary, words.lang),
            "references": [terminal.reference_text(r, words.lang) for r in f.references],
        }
        terminal.say(*([""] if k else []), *terminal.dossier_blocks(document, about, words, steps=steps))


@kassei.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@_as_json
@_limited
@_in_language
@click.pass_obj
def check(words: Phrases, names: tuple[str, ...], as_json: bool, limit: float | None) -> int:
    """Decide R1, R2 and R3."""
    from kassei import terminal
    from kassei.library import require_all

    functions = _functions(names, words)
    decided = _collected(functions, require_all(functions, seconds=limit), words)
    checked = [_checked(f, one, words.lang) for f, one in zip(functions, decided, strict=True)]
    if as_json:
        _print_json(_one_or_list(checked))
    else:
        rows = [
            (f.name if k == 0 else "", name, terminal.verdict_cell(one[name], words), note)
            for f, one in zip(functions, checked, strict=True)
            for k, name in enumerate(("R1", "R2", "R3"))
            for note in [terminal.remark(one[name], str(f.variable), words) or words(f"requirement.{name}")]
        ]
        terminal.say(terminal.grid(rows, indent=0))
    found = {one[name]["verdict"] for one in checked for name in ("R1", "R2", "R3")}
    if found & {"refuted", "conditional"}:
        return DRIFTED
    return UNKNOWN if "unknown" in found else 0


@kassei.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@_as_json
@_in_language
@click.pass_obj
def claims(words: Phrases, ids: tuple[str, ...], as_json: bool) -> None:
    """Print the claims ledger."""
    from kassei import terminal

    chosen = _claims(ids, words)
    if as_json:
        _print_json(chosen)
        return
    for entry in chosen:
        terminal.say(*_claim_blocks(entry, words, evidence=bool(ids)))


def _claims(ids: Sequence[str] | None, words: Phrases) -> list[dict[str, Any]]:
    """The ledger's entries, decided."""
    from kassei.claims.ledger import claims as ledger
    from kassei.claims.ledger import decide_all
    from kassei.terminal import progress

    known = [claim.id for claim in ledger()]
    for name in ids or ():
        if name not in known:
            raise BadInput(words("error.unknown_claim", name=_printable(name), names=", ".join(known)))
    wanted = list(dict.fromkeys(ids or known))
    with progress(words("progress.claims"), len(wanted)) as step:
        return [decided.to_json() for decided in decide_all(ids=wanted, progress=step)]


def _claim_blocks(entry: Mapping[str, Any], words: Phrases, *, evidence: bool) -> Iterable[Any]:
    from kassei import terminal

    def said(texts: Mapping[str, str]) -> str:
        return texts.get(words.lang) or texts["en"]

    yield terminal.grid([(entry["id"], terminal.verdict_cell(entry, words), said(entry["statement"]))], indent=0)
    notes = []
    if entry.get("condition"):
        notes.append(words("claims.condition", condition=terminal.readable(entry["condition"])))
    if entry.get("corrected"):
        notes.append(words("claims.corrected", text=said(entry["corrected"])))
    if evidence:
        notes += [entry["formal"], *(one if isinstance(one, str) else said(one) for one in entry["evidence"])]
    if notes:
        yield terminal.bullets(notes, indent=6)


@kassei.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_option("--part", "parts", multiple=True, type=click.Choice(["limits", "kin", "requirements", "open"]))
@_as_json
@_in_language
@click.pass_obj
def atlas(words: Phrases, names: tuple[str, ...], parts: tuple[str, ...], as_json: bool) -> None:
    """Print what is known over many functions at once."""
    from kassei import terminal
    from kassei.atlas import Entry
    from kassei.atlas import atlas as overview
    from kassei.atlas.document import document
    from kassei.library import catalogue

    functions = _distinct(_functions(names or tuple(catalogue), words), words)
    found = document(
        overview([Entry.of(d) for d in _dossiers(functions, words)], processes=_PROCESSES), words.lang, parts
    )
    if as_json:
        _print_json(found)
        return
    terminal.say(*terminal.atlas_blocks(found, words))


@kassei.command()
@click.argument("paths", metavar="CERT...", nargs=-1, type=click.Path(path_type=Path))
@_as_json
@_in_language
@click.pass_obj
def verify(words: Phrases, paths: tuple[Path, ...], as_json: bool) -> int:
    """Replay certificates with other engines than the prover's."""
    from kassei import terminal
    from kassei.verify import BadCertificate, read, replay
    from kassei.verify.report import STANDINGS

    if not paths:
        raise BadInput(words("error.no_certificates"))
    try:
        certificates = [read(_certificate_text(path, words)) for path in paths]
        with terminal.progress(words("progress.verify"), len(paths)) as step:
            reports = []
            for path, one in zip(paths, certificates, strict=True):
                step(path.name)
                reports.append(replay(one))
    except BadCertificate as wrong:
        raise BadInput(words(f"error.{wrong.key}", **{k: _printable(str(v)) for k, v in wrong.facts.items()})) from None
    if as_json:
        _print_json(_one_or_list([report.to_json() for report in reports]))
    else:
        for report in reports:
            counts = {s: report.count(s) for s in STANDINGS}
            terminal.say(words("verify.function", name=report.name, **counts))
            rows = [
                (o.name, terminal.styled(words(f"verify.{o.standing}"), o.standing), weak.what, weak.where)
                for o in report.outcomes
                if o.standing in ("consistent", "contradicted")
                for weak in [next(f for f in o.findings if f.standing == o.standing)]
            ]
            rows += [
                (words("verify.claim"), terminal.styled(words("verify.contradicted"), "contradicted"), f.what, f.where)
                for f in report.claims
                if f.standing == "contradicted"
            ]
            if rows:
                terminal.say(terminal.grid(rows))
            c = report.coverage
            facts = {"points": c.points, "parameter_boxes": c.parameter_boxes, "boxes": c.boxes, "reach": c.reach}
            done = {s: report.claim_count(s) for s in ("confirmed", "consistent")}
            terminal.say(words("verify.coverage", undecided=c.undecided, **facts, **done))
        count = sum(len(report.contradictions) for report in reports)
        terminal.say(words("verify.wrong", count=count) if count else words("verify.right", count=len(reports)))
    return DRIFTED if any(report.contradictions for report in reports) else 0


def _certificate_text(path: Path, words: Phrases) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(words("error.certificate_not_json")) from None
    except OSError as reason:
        raise BadInput(words("error.not_read", path=path, reason=reason.strerror or reason)) from None


# --- commands that write ----------------------------------------------------------------------------------------------


@kassei.command()
@_as_json
@_in_language
@click.pass_obj
def targets(words: Phrases, as_json: bool) -> None:
    """Print the code targets."""
    from kassei import terminal
    from kassei.codegen import TARGETS

    rows = [(t.name, t.emits, t.needs) for t in TARGETS.values()]
    if as_json:
        _print_json([{"name": name, "emits": emits, "needs": needs} for name, emits, needs in rows])
        return
    headings = (words("list.target"), words("list.emits"), words("list.needs"))
    terminal.say(terminal.table(*headings, rows=rows))


@kassei.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@_option("--all", "everything", is_flag=True)
@_option("--target", required=True)
@_option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@_option("--check", is_flag=True)
@_in_language
@click.pass_obj
def emit(words: Phrases, names: tuple[str, ...], everything: bool, target: str, out: Path, check: bool) -> int:
    """Write code."""
    from kassei.codegen import TARGETS, drift

    if target not in TARGETS:
        raise BadInput(words("error.unknown_target", name=_printable(target), names=", ".join(TARGETS)))
    functions = _named_or_all(names, everything, words)
    emitted = _each(functions, _emitter(target, words), words("progress.emit"))
    files = {name: text for one in emitted for name, text in one.items()}
    with _writing_to(out, words):
        if check:
            return _report_drift(drift(files, out), len(files), out, words)
        _write(files, out, words)
    return 0


def _emitter(target: str, words: Phrases) -> Callable[[Activation], Mapping[str, str]]:
    from kassei.codegen import emit as emitted
    from kassei.codegen.plan import CannotEmitError
    from kassei.codegen.printer import NoRuleError

    def work(f: Activation) -> Mapping[str, str]:
        try:
            return emitted(f, target)
        except (CannotEmitError, NoRuleError) as reason:
            raise BadInput(words("error.cannot_emit", name=f.name, target=target, reason=reason)) from None

    return work


def _report_drift(names: Sequence[str], count: int, out: Path, words: Phrases) -> int:
    for name in names:
        click.echo(words("error.drift", path=out / name), err=True)
    if not names:
        click.echo(words("done.unchanged", count=count, folder=out))
    return DRIFTED if names else 0


def _sizes(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[int, ...]:
    """Counts of elements, as 1000000 or 1e6."""
    del context, option
    sizes = [int(float(text)) if re.fullmatch(r"[1-9]\d*(\.\d+)?(e\d)?", text) else 0 for text in given]
    if not all(sizes):
        raise BadInput(_words()("error.bad_size", size=_printable(given[sizes.index(0)])))
    return tuple(sizes)


@kassei.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@_option("--target", "targets", multiple=True, default=("numpy",))
@_option("--peer", "peers", multiple=True)
@_option("--size", "sizes", multiple=True, default=("1e6",), callback=_sizes, metavar="N")
@_option("--pass", "passes", multiple=True, type=click.Choice(["forward", "both"]), default=("forward",))
@_option("--dtype", type=click.Choice(["float16", "float32", "float64"]), default="float32")
@_option("--threads", type=click.IntRange(min=1), default=len(os.sched_getaffinity(0)))
@_option("--rounds", type=click.IntRange(min=1), default=15)
@_option("--out", type=click.Path(path_type=Path, dir_okay=False))
@_as_json
@_in_language
@click.pass_obj
def bench(
    words: Phrases,
    names: tuple[str, ...],
    targets: tuple[str, ...],
    peers: tuple[str, ...],
    sizes: tuple[int, ...],
    passes: tuple[str, ...],
    dtype: str,
    threads: int,
    rounds: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Time emitted code beside its peers."""
    from kassei import terminal
    from kassei.bench.run import bench as timed
    from kassei.bench.run import known_peers
    from kassei.codegen import TARGETS, write_file

    for given, known, error in ((targets, TARGETS, "unknown_target"), (peers, known_peers(), "unknown_peer")):
        for name in given:
            if name not in known:
                raise BadInput(words(f"error.{error}", name=_printable(name), names=", ".join(known)))
    functions = _distinct(_functions(names, words), words)
    if threads > (cores := len(os.sched_getaffinity(0))):
        raise BadInput(words("error.too_many_threads", cores=cores))
    with terminal.progress(words("progress.bench"), len(functions) * len(sizes) * len(passes)) as step:
        try:
            document = timed(
                functions,
                targets,
                peers,
                sizes=sizes,
                passes=passes,
                dtype=dtype,
                threads=threads,
                rounds=rounds,
                command=" ".join(["kassei", *sys.argv[1:]]),
                step=step,
            )
        except MemoryError:
            raise BadInput(words("error.no_memory", size=f"{max(sizes):,}")) from None
    if out is not None:
        with _writing_to(out, words):
            out.parent.mkdir(parents=True, exist_ok=True)
            write_file(out, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        click.echo(words("done.written", path=out), err=as_json)
    if as_json:
        _print_json(document)
    else:
        terminal.say(*terminal.bench_blocks(document, words))


def _settings(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, list[float | None]]:
    """``a=0.75``, ``a=-5,0,200`` or ``a=default``, by parameter; None stands for the default."""
    del context, option
    out: dict[str, list[float | None]] = {}
    for text in given:
        name, _, values = text.partition("=")
        try:
            numbers = [None if x == "default" else float(x) for x in values.split(",")]
        except ValueError:
            numbers = []
        if not name or not numbers or not all(x is None or math.isfinite(x) for x in numbers):
            raise BadInput(_words()("error.bad_setting", setting=_printable(text)))
        out.setdefault(name, []).extend(numbers)
    return out


@kassei.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@_option("--target", required=True)
@_option("--dtype", "dtypes", multiple=True, type=click.Choice(["float16", "bfloat16", "float32", "float64"]))
@_option("--set", "chosen", multiple=True, metavar="A=X[,Y...]", callback=_settings)
@_option("--exhaustive", is_flag=True)
@_option("--scheduler", metavar="ADDR")
@_option("--workers", type=click.IntRange(min=1))
@_option("--resume/--fresh", default=True)
@_option("--out", type=click.Path(path_type=Path))
@_as_json
@_in_language
@click.pass_obj
def audit(
    words: Phrases,
    names: tuple[str, ...],
    target: str,
    dtypes: tuple[str, ...],
    chosen: dict[str, list[float | None]],
    exhaustive: bool,
    scheduler: str | None,
    workers: int | None,
    resume: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure the error of emitted code."""
    from kassei import audit as audits
    from kassei import terminal
    from kassei.codegen import TARGETS
    from kassei.codegen.plan import CannotEmitError
    from kassei.codegen.printer import NoRuleError

    if target not in TARGETS:
        raise BadInput(words("error.unknown_target", name=_printable(target), names=", ".join(TARGETS)))
    functions = _distinct(_functions(names, words), words)
    if out is not None:
        with _writing_to(out, words):
            _try_to_write(out)
    try:
        one = audits.prepare(functions, target, dtypes, chosen=chosen, exhaustive=exhaustive)
        for sentence in one.left_out:
            click.echo(words("audit.left_out", reason=sentence), err=True)
        with terminal.progress(words("progress.audit"), one.count) as step:
            documents = audits.perform(
                one,
                scheduler=scheduler,
                workers=workers,
                fresh=not resume,
                command=" ".join(["kassei", *sys.argv[1:]]),
                step=step,
                lost=lambda count: click.echo(words("audit.lost", count=count), err=True) if count else None,
            )
    except audits.NeedsExtra as lacking:
        raise BadInput(words("error.needs_extra", extra=lacking.extra, module=lacking.module)) from None
    except (audits.CannotAuditError, CannotEmitError, NoRuleError) as reason:
        raise BadInput(words("error.cannot_audit", reason=reason)) from None
    except KeyboardInterrupt:
        click.echo(words("audit.interrupted"), err=True)
        raise
    if out is not None:
        with _writing_to(out, words):
            files = {audits.file_name(d).name: d for d in documents}
            if out.suffix == ".json":
                files, out = {out.name: _one_or_list(documents)}, out.parent
            texts = {name: json.dumps(d, ensure_ascii=False, indent=1) + "\n" for name, d in files.items()}
            _write_quietly(texts, out, words, as_json)
    if as_json:
        _print_json(_one_or_list(documents))
    else:
        for k, document in enumerate(documents):
            terminal.say(*([""] if k else []), *terminal.audit_blocks(document, words))
    audits.finish(one)


def _try_to_write(out: Path) -> None:
    """Fail before hours of work, not after: a folder is made, and a file in it comes and goes."""
    folder = out.parent if out.suffix == ".json" else out
    if out.suffix == ".json" and out.is_dir():
        raise IsADirectoryError(f"{out} is a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _write_quietly(files: Mapping[str, str], out: Path, words: Phrases, as_json: bool) -> None:
    from kassei.codegen import write

    for path in write(files, out):
        click.echo(words("done.written", path=path), err=as_json)


@kassei.command()
@click.argument("names", metavar="NAME...", nargs=-1)
@_option("--all", "everything", is_flag=True)
@_option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@_limited
@_in_language
@click.pass_obj
def certify(words: Phrases, names: tuple[str, ...], everything: bool, out: Path, limit: float | None) -> None:
    """Write certificates."""
    from kassei.core import certificate

    dossiers = _dossiers(_named_or_all(names, everything, words), words, limit)
    with _writing_to(out, words):
        _write({f"{d.activation.name}.certificate.json": certificate.text(d) for d in dossiers}, out, words)


@kassei.group()
@_in_language
def site() -> None:
    """Build or serve the documentation site."""


_to_folder = _option("--out", type=click.Path(path_type=Path, file_okay=False), default=SITE)


@site.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_to_folder
@_option("--docs", type=click.Path(path_type=Path, file_okay=False))
@_option("--first", metavar="NAME", multiple=True)
@_in_language
@click.pass_obj
def build(words: Phrases, names: tuple[str, ...], out: Path, docs: Path | None, first: tuple[str, ...]) -> None:
    """Build the site."""
    index = _build_site(names, out, words, docs, first)
    click.echo(words("done.site", path=index.parent, index=index))


@site.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_to_folder
@_option("--port", type=click.IntRange(1, 65535), default=8000)
@_in_language
@click.pass_obj
def serve(words: Phrases, names: tuple[str, ...], out: Path, port: int) -> None:
    """Build the site, serve it, and build it again when its sources change."""
    _need_site(words)
    definitions = [f.path for f in _functions(names, words) if f.path] if names else []
    from kassei.render.serve import serve as serve_site

    def say(key: str, facts: Mapping[str, Any]) -> None:
        click.echo(words(key, **facts), err=True)

    try:
        command = [*names, "--lang", words.lang]
        serve_site(out, port=port, definitions=definitions, run=main, command=command, say=say)
    except OSError as reason:
        raise BadInput(words("error.not_served", port=port, reason=reason.strerror or reason)) from None


def _need_site(words: Phrases) -> None:
    for module in ("mkdocs", "material", "math_core", "matplotlib"):
        if importlib.util.find_spec(module) is None:
            raise BadInput(words("error.needs_extra", extra="site", module=module))


def _build_site(
    names: Sequence[str], out: Path, words: Phrases, docs: Path | None = None, first: Sequence[str] = ()
) -> Path:
    """The path of the built home page; the site holds the catalogue and the functions that are named beside it."""
    from kassei.library import catalogue
    from kassei.terminal import progress

    _need_site(words)
    from kassei import cache
    from kassei.render.serve import PINNED
    from kassei.render.site import begun, finish, known_parts, parts_of

    functions = _distinct(_functions([*catalogue, *names], words), words)
    cache.GENERATION = os.environ.get(PINNED, cache.GENERATION)
    try:
        with begun(out) as site:
            known = known_parts(functions, first)
            dossiers = _dossiers([f for f in functions if f.name not in known], words)
            with progress(words("progress.pages"), len(dossiers)) as step:
                parts = parts_of(dossiers, processes=min(_PROCESSES, len(dossiers)), progress=step, known=known)
            claims = _claims(None, words)
            show = partial(progress, words("progress.site"))
            return finish(site, parts, claims, docs=docs, processes=_PROCESSES, progress=show) / "index.html"
    except OSError as reason:
        raise BadInput(words("error.site_failed", reason=reason)) from None


@kassei.command()
@click.argument("name", metavar="NAME")
@_option("--stdout", is_flag=True)
@_in_language
@click.pass_obj
def new(words: Phrases, name: str, stdout: bool) -> None:
    """Write a definition file to start from."""
    from kassei.core.reading import SLUG

    slug = name.removesuffix(".toml")
    if not SLUG.match(slug):
        raise BadInput(words("error.bad_slug", name=_printable(name)))
    text = words("new.text", name=slug).lstrip("\n")
    if stdout:
        click.echo(text, nl=False)
        return
    path = Path(f"{slug}.toml")
    try:
        _create(path, text)
    except FileExistsError:
        raise BadInput(words("error.exists", path=path)) from None
    except OSError as reason:
        raise BadInput(words("error.not_written", path=path, reason=reason.strerror or reason)) from None
    click.echo(words("done.new", path=path))


def _create(path: Path, text: str) -> None:
    """Write a new file at once; ``FileExistsError`` if there is one, which is left as it is."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
