"""What the command line prints: JSON documents laid out for a reader, as rich objects or as plain text.

Only this module knows rich. On a terminal tables are coloured and wrapped to its width; into a pipe or a file goes
plain text, unwrapped, so that a formula stays on its line.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from kassei.phrases import Phrases

STYLES = {"proved": "green", "holds": "green", "refuted": "red", "fails": "red", "conditional": "yellow"}
PLAIN_WIDTH = 100_000


def say(*blocks: RenderableType, stream: TextIO | None = None) -> None:
    """Print blocks: styled on a terminal, else as plain lines without trailing spaces."""
    from rich.console import Console

    stream = sys.stdout if stream is None else stream
    if stream.isatty():
        _print(Console(file=stream, highlight=False, markup=False, emoji=False), blocks)
        return
    buffer = io.StringIO()
    _print(
        Console(file=buffer, width=PLAIN_WIDTH, color_system=None, highlight=False, markup=False, emoji=False), blocks
    )
    stream.write("".join(line.rstrip() + "\n" for line in buffer.getvalue().splitlines()))


def _print(console: Console, blocks: Iterable[RenderableType]) -> None:
    for block in blocks:
        console.print(block)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on stderr while it is a terminal; the yielded function names the next item."""
    if total < 2 or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[item]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, item="")
        done = -1

        def step(item: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done, item=item)

        yield step


# --- pieces of text ---------------------------------------------------------------------------------------------------


def table(*headings: str, rows: Iterable[Sequence[RenderableType]]) -> Table:
    """A table with a rule under its headings."""
    from rich import box
    from rich.table import Table

    out = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for heading in headings:
        out.add_column(heading, overflow="fold")
    for row in rows:
        out.add_row(*(_text(cell) for cell in row))
    return out


def grid(rows: Iterable[Sequence[RenderableType]], indent: int = 2) -> Table:
    """Aligned columns without lines."""
    from rich.table import Table

    out = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows = list(rows)
    out.add_column(width=max(0, indent - 2))
    columns = max((len(row) for row in rows), default=0)
    for k in range(columns):
        out.add_column(overflow="fold", no_wrap=k < columns - 1)
    for row in rows:
        out.add_row("", *(_text(cell) for cell in row))
    return out


def _text(cell: RenderableType) -> RenderableType:
    from rich.text import Text

    return Text(cell) if isinstance(cell, str) else cell


def styled(text: str, style: str) -> RenderableType:
    """A text in one style."""
    from rich.text import Text

    return Text(text, style=style)


def heading(text: str) -> RenderableType:
    """A section's heading, after an empty line."""
    from rich.text import Text

    return Text.assemble("\n", (text, "bold"))


def bullets(lines: Iterable[str], indent: int) -> Table:
    """Sentences, each with a bullet and a hanging indent."""
    return grid((("·", line) for line in lines), indent=indent)


def digits(lo: str, hi: str) -> str:
    """What two decimal strings agree on, with an ellipsis for the rest."""
    same = next((k for k, (a, b) in enumerate(zip(lo, hi, strict=False)) if a != b), min(len(lo), len(hi)))
    return lo if lo == hi else f"{lo[:same]}…"


def value_text(value: Any, words: Phrases, nothing: str = "word.none") -> str:
    """A value of the JSON document on one line: an expression, a list of cases, an enclosure, a set.

    ``nothing`` is the phrase for the value ``none``.
    """
    if value is None:
        return words("word.unknown")
    if isinstance(value, list):
        if value and all(isinstance(row, Mapping) and "when" in row for row in value):
            cases = (
                (value_text(row["value"], words, nothing), readable(row["when"], row.get("roots"))) for row in value
            )
            return "; ".join(words("word.case", value=one, when=when) for one, when in cases)
        return ", ".join(value_text(one, words, nothing) for one in value) or words("word.none")
    if isinstance(value, Mapping):
        return _mapping_text(value, words)
    return words(nothing) if value == "none" else str(value)


def limit_text(value: Any, words: Phrases) -> str:
    """A limit on one line."""
    return value_text(value, words, "word.no_limit")


def _mapping_text(value: Mapping[str, Any], words: Phrases) -> str:
    shown = {key: value_text(one, words) for key, one in value.items()}
    if "lo" in value and "hi" in value:
        at = "".join(f", {name} = {number}" for name, number in value.get("at", {}).items())
        return digits(value["lo"], value["hi"]) + (f" ({at[2:]})" if at else "")
    if "inf" in value:
        left = "[" if value["inf_attained"] else "("
        right = "]" if value["sup_attained"] else ")"
        return f"{left}{shown['inf']}, {shown['sup']}{right}"
    if "neg_inf" in value:
        return words("value.sides", neg=shown["neg_inf"], pos=shown["pos_inf"])
    if "gain" in value:
        return words("value.moments", **shown)
    if "exists" in value:
        return words(f"value.{inverse_key(value)}", **shown)
    if "elementary" in value:
        return words("value.antiderivative_none")
    if "kind" in value:
        name = "subgradient" if "at" in value else "saturation"
        parts = {key: one for key, one in shown.items() if key != "from"}
        return words(f"value.{name}_{value['kind']}", start=shown.get("from"), **parts)
    if "points" in value:
        points = "{" + ", ".join(value_text(point, words) for point in value["points"]) + "}"
        return " ∪ ".join([points] * bool(value["points"]) + value["intervals"])
    return ", ".join(f"{key}: {one}" for key, one in shown.items())


def inverse_key(value: Mapping[str, Any]) -> str:
    """Which phrase says whether there is an inverse."""
    if not value["exists"]:
        return "inverse_none"
    return "inverse_no_formula" if value["expr"] is None else "inverse"


def readable(condition: str, roots: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """A condition with ``Eq(a, 0)`` as ``a = 0``, ``Ne(a, 1)`` as ``a ≠ 1`` and named roots as rounded decimals."""
    for name, root in (roots or {}).items():
        condition = re.sub(rf"\b{name}\b", f"{float(root['lo']):.6g}…", condition)
    return re.sub(
        r"\b(Eq|Ne)\(([^(),]+), ([^(),]+)\)", lambda m: f"{m[2]} {'=' if m[1] == 'Eq' else '≠'} {m[3]}", condition
    )


def verdict_cell(verdict: Mapping[str, Any], words: Phrases) -> RenderableType:
    """The verdict as a coloured word."""
    truth = verdict["verdict"]
    return styled(words(f"verdict.{truth}"), STYLES.get(truth, "magenta"))


def remark(verdict: Mapping[str, Any], variable: str, words: Phrases) -> str:
    """What stands beside a verdict: its value, its condition, its counterexample."""
    parts = []
    if "value" in verdict:
        parts.append(value_text(verdict["value"], words))
    if verdict.get("condition") is not None:
        parts.append(words("word.exactly_when", condition=readable(verdict["condition"], verdict.get("roots"))))
    if verdict.get("witness"):
        parts.append(words("word.fails_at", where=witness_text(verdict["witness"], variable, words)))
    return "; ".join(parts)


def witness_text(witness: Mapping[str, Any], variable: str, words: Phrases) -> str:
    """A counterexample as assignments: the inputs, the parameters and what is found there."""
    parts = []
    for key, value in witness.items():
        if isinstance(value, Mapping):
            parts += [f"{name} = {number}" for name, number in value.items()]
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        known = words.section("witness")
        parts.append(known[key].format(v=variable, value=shown) if key in known else f"{key} = {shown}")
    return "; ".join(parts)


# --- documents --------------------------------------------------------------------------------------------------------


def dossier_blocks(
    document: Mapping[str, Any], about: Mapping[str, Any], words: Phrases, *, steps: bool
) -> Iterator[RenderableType]:
    """``kassei show``: one dossier. ``about`` has the title, summary and references in the reader's language."""
    v = document["variable"]
    yield styled(f"{document['name']}: {about['title']}", "bold")
    if about["summary"]:
        yield _text(about["summary"])
    yield _text("")
    yield grid([(f"f({v}) =", document["expr"])])
    yield from _parameters(document, words)
    yield from _domain(document, words)
    yield heading(words("show.derivatives"))
    first = [(f"df/d{v}", document["derivative"])]
    parameters = [(f"df/d{name}", expr) for name, expr in document["param_derivatives"].items()]
    yield grid([*first, (f"d²f/d{v}²", document["second_derivative"]), *parameters])
    yield heading(words("show.limits"))
    limits = document["limits"]
    yield grid(
        (
            f"{v} → {end}",
            f"f → {limit_text(limits[key], words)}",
            f"f′ → {limit_text(limits[f'slope_{key}'], words)}",
        )
        for end, key in (("-oo", "neg_inf"), ("oo", "pos_inf"))
    )
    yield from _joins(document, words)
    yield from _param_limits(document, words)
    yield heading(words("show.requirements"))
    for name, verdict in document["requirements"].items():
        yield grid([(name, verdict_cell(verdict, words), words(f"requirement.{name}"))])
        if note := remark(verdict, v, words):
            yield grid([(note,)], indent=6)
        yield bullets(verdict["steps"], indent=6)
    yield heading(words("show.properties"))
    if steps:
        for name, verdict in document["properties"].items():
            yield grid([_property_row(name, verdict, v, words)])
            yield bullets(verdict["steps"], indent=6)
    else:
        yield grid(_property_row(name, verdict, v, words) for name, verdict in document["properties"].items())
    if about["references"]:
        yield heading(words("show.references"))
        yield bullets(about["references"], indent=2)


def _property_row(name: str, verdict: Mapping[str, Any], v: str, words: Phrases) -> tuple[RenderableType, ...]:
    return (words(f"property.{name}"), verdict_cell(verdict, words), remark(verdict, v, words))


def _parameters(document: Mapping[str, Any], words: Phrases) -> Iterator[RenderableType]:
    rows = []
    for name, parameter in document["parameters"].items():
        domain = parameter["domain"]
        rows.append(
            (
                f"{name} ∈ {'R' if domain == 'Reals' else domain}",
                words("show.default", value=parameter["default"]),
                words(f"show.learned_{parameter['shared']}" if parameter["learned"] else "show.fixed"),
            )
        )
    if rows:
        yield grid(rows)


def _domain(document: Mapping[str, Any], words: Phrases) -> Iterator[RenderableType]:
    domain = document["domain"]
    if domain["verdict"] in ("refuted", "conditional"):
        where = value_text(domain.get("undefined_at"), words)
        condition = domain["condition"]
        key = "show.undefined" if condition is None else "show.defined_when"
        yield grid([(styled(words(key, where=where, condition=readable(str(condition))), "yellow"),)])


def _joins(document: Mapping[str, Any], words: Phrases) -> Iterator[RenderableType]:
    v = document["variable"]
    rows = []
    for case in document.get("joins", []):
        for join in case["at"]:
            when = "" if case["when"] == "True" else words("word.when", when=readable(case["when"]))
            known = {key: limit_text(value, words) for key, value in join.items()}
            rows.append((f"{v} = {join['at']}", words("show.join", **known), when))
    if rows:
        yield heading(words("show.joins"))
        yield grid(rows)


def _param_limits(document: Mapping[str, Any], words: Phrases) -> Iterator[RenderableType]:
    rows = []
    for limit in document["param_limits"]:
        equals = limit_text(limit["equals"], words)
        if limit["is"]:
            equals += f"  = {limit['is']}"
        rows.append((f"{limit['param']} → {limit['to']}", f"f → {equals}"))
        if limit["equals"] not in ("none", "unknown"):
            kind = words(f"show.convergence_{limit['convergence']}")
            if limit["error"] is not None:
                kind += words("show.error", error=value_text(limit["error"], words))
                if "error_when" in limit:
                    kind += " " + words("word.when", when=readable(limit["error_when"]))
            if limit["convergence"] == "pointwise" and limit.get("on_bounded_sets") == "uniform":
                kind += words("show.on_bounded_sets")
            if "is_except" in limit:
                points = ", ".join(limit["is_except"]["at"])
                kind += words("show.is_except", name=limit["is_except"]["name"], at=points)
            rows.append(("", kind))
    if rows:
        yield heading(words("show.param_limits"))
        yield grid(rows)


def atlas_blocks(document: Mapping[str, Any], words: Phrases) -> Iterator[RenderableType]:
    """``kassei atlas``: the parts that the document has."""
    if (limits := document.get("limits")) is not None:
        yield heading(words("atlas.limits"))
        yield grid(_limit_row(one, words) for one in (*limits["edges"], *limits["unrecognised"]))
        yield _text(words("atlas.without", count=len(limits["without_edges"]), functions=limits["functions"]))
    if (kin := document.get("kin")) is not None:
        yield heading(words("atlas.same"))
        yield grid(_relation_row(one, words) for one in kin["same"])
        yield heading(words("atlas.affine"))
        yield grid(_relation_row(one, words) for one in kin["affine"])
        yield _text(words("atlas.pairs", undecided=kin["unsettled"], pairs=kin["pairs"], apart=kin["apart"]))
        yield bullets((f"{one['function']}, {one['other']}: {one['why']}" for one in kin["undecided"]), indent=2)
    if (rows := document.get("requirements")) is not None:
        keys = ("R1", "R2", "R3", "R3_asymptotic", "R3_interval", "R3_bounded")
        yield heading(words("atlas.requirements"))
        yield table(
            words("list.name"),
            *(words(f"atlas.{key}") for key in keys),
            rows=((one["name"], *(_reading_cell(one[key], words) for key in keys)) for one in rows),
        )
    if (left := document.get("open")) is not None:
        yield heading(words("atlas.open"))
        counted: dict[tuple[str, str], int] = {}
        for one in left["questions"]:
            kind = one["kind"]
            label = words(f"property.{one['name']}") if kind == "property" else words(f"atlas.{kind}")
            key = (label, one["name"] if kind in ("requirement", "limit") else "")
            counted[key] = counted.get(key, 0) + 1
        yield grid((*key, str(count)) for key, count in sorted(counted.items(), key=lambda row: (-row[1], row[0])))
        total = sum(left["asked"].values())
        yield _text(words("atlas.open_of", count=len(left["questions"]), total=total))


def _limit_row(one: Mapping[str, Any], words: Phrases) -> tuple[RenderableType, ...]:
    from kassei.atlas.document import formula

    known = one["target"] not in (None, "constant")
    becomes = formula(one["target"], one, "v") if known else one["equals"]
    notes = [words(f"show.convergence_{one['convergence']}")]
    if "except_at" in one:
        notes.append(words("atlas.except_at", at=", ".join(one["except_at"])))
    return (one["source"], f"{one['param']} → {one['to']}", becomes, "; ".join(notes))


def _relation_row(one: Mapping[str, Any], words: Phrases) -> tuple[RenderableType, ...]:
    from kassei.atlas.document import formula

    note = words("atlas.at_defaults") if one["at_defaults"] else ""
    if one["condition"] is not None:
        note = words("word.exactly_when", condition=readable(one["condition"]))
    return (f"{one['function']}(v)", "=", formula(one["is"], one, "v"), note)


def _reading_cell(reading: Mapping[str, Any], words: Phrases) -> RenderableType:
    from rich.text import Text

    cell = Text(words(f"verdict.{reading['verdict']}"), style=STYLES.get(reading["verdict"], "magenta"))
    return cell if reading["condition"] is None else cell.append(f" ({readable(reading['condition'])})")


def bench_blocks(document: Mapping[str, Any], words: Phrases) -> Iterable[RenderableType]:
    """One table for each timed case: nanoseconds of an element, and the peers' times over ours."""
    for row in document["rows"]:
        facts = {key: row[key] for key in ("function", "dtype", "device")}
        parameters = "".join(f", {name} = {value:g}" for name, value in row["parameters"].items())
        title = words(f"bench.{row['pass']}", size=f"{row['size']:,}", **facts) + parameters
        yield heading(title)
        columns = [f"{one['target']} ({words('bench.' + one['output'])})" for one in row["ours"]]
        headings = [words(f"bench.{key}") for key in ("who", "output", "ns")]
        cells = [
            (
                one["target"],
                words(f"bench.{one['output']}"),
                _spread(one["ns"]),
                *[""] * len(columns),
                _mark(one, words),
            )
            for one in row["ours"]
        ]
        cells += [
            (
                one["peer"],
                words(f"bench.{one['output']}"),
                _spread(one["ns"]),
                *(_spread(ratio) for ratio in one["ratios"]),
                _mark(one, words),
            )
            for one in sorted(row["peers"], key=lambda one: float(one["ns"]["median"]))
        ]
        ratios = [words("bench.ratio", name=name) for name in columns]
        yield table(*headings, *ratios, words("bench.check"), rows=cells)
        notes = [words("bench.skipped", name=one["name"], reason=one["reason"]) for one in row["skipped"]]
        if row["load"]["quiet"] is False:
            notes.append(words("bench.busy", cores=f"{row['load']['foreign_cores']:.2f}"))
        if notes:
            yield bullets(notes, indent=2)
    yield heading(words("bench.method", threads=document["threads"], rounds=document["method"]["rounds"]))


def audit_blocks(document: Mapping[str, Any], words: Phrases) -> Iterable[RenderableType]:
    """One audit: what was looked at, and a row for each choice of parameters and quantity."""
    facts = {key: document[key] for key in ("name", "target", "dtype", "coverage", "seconds")}
    yield heading(words("audit.heading", **facts))
    rows = []
    for result in document["results"]:
        params = ", ".join(f"{name} = {x:g}" for name, x in result["params"].items())
        for k, (quantity, found) in enumerate(result["quantities"].items()):
            wrong = found["wrong_nan"] + found["wrong_inf"]
            at = found["at"]
            left = found["undefined"] + found["not_judged"]
            rows.append(
                (
                    "" if k else params or "-",
                    quantity,
                    f"{found['max_ulp']:.2f}",
                    f"{at['decimal']} ({at['hex']})" if at else "-",
                    "-" if found["mean_ulp"] is None else f"{found['mean_ulp']:.3f}",
                    "/".join(str(found[f"over_{n}_ulp"]) for n in (1, 4, 8)),
                    "" if "max_relative" not in found else f"{found['max_relative']:.1e}",
                    styled(f"{found['wrong_nan']}/{found['wrong_inf']}", "refuted" if wrong else "proved"),
                    str(found["inputs"]) + (f" ({left})" if left else ""),
                )
            )
    names = ("params", "quantity", "max", "at", "mean", "over", "relative", "wrong", "inputs")
    yield table(*(words(f"audit.{name}") for name in names), rows=rows)


def _spread(figures: Mapping[str, float]) -> str:
    return f"{figures['median']:.3g} [{figures['q1']:.3g}, {figures['q3']:.3g}]"


def _mark(one: Mapping[str, Any], words: Phrases) -> RenderableType:
    good = one["check"] in ("same", "copy")
    return styled(words(f"bench.check_{one['check']}"), "green" if good else "red")


def reference_text(reference: Any, lang: str) -> str:
    """One reference on one line."""
    lead = ", ".join(part for part in (reference.authors, reference.title) if part)
    ids = [
        f"({reference.year})" if reference.year else "",
        reference.eq,
        f"doi:{reference.doi}" if reference.doi else "",
        f"arXiv:{reference.arxiv}" if reference.arxiv else "",
        reference.url,
    ]
    note = reference.remark(lang)
    return " ".join([lead, *(part for part in ids if part)]) + (f" — {note}" if note else "")


def requirement_cells(checked: Mapping[str, Any], words: Phrases) -> list[RenderableType]:
    """R1, R2 and R3 as cells: the verdict, and under a conditional one its condition."""
    from rich.text import Text

    cells: list[RenderableType] = []
    for name in ("R1", "R2", "R3"):
        verdict = checked[name]
        cell = Text(words(f"verdict.{verdict['verdict']}"), style=STYLES.get(verdict["verdict"], "magenta"))
        if verdict["condition"] is not None:
            cell.append(f" ({readable(verdict['condition'], verdict.get('roots'))})")
        cells.append(cell)
    return cells
