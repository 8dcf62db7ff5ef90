"""The page of measured speed, made from the result files alone; without them there is no page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from kassei.bench.results import FOLDER, tables
from kassei.render.page.markup import heading, one_block, table
from kassei.render.page.writer import Writer
from kassei.render.part import Part

GIVEN = "preallocated"


def speed_files(parts: Sequence[Part], lang: str, folder: Path = FOLDER) -> dict[str, str]:
    """The page and the data it links to, by path; nothing where nothing was measured."""
    found = tables(folder)
    if not found:
        return {}
    data = {f"speed/{name}": json.dumps(one, ensure_ascii=False, indent=1) + "\n" for name, one in found}
    return {"speed.md": _page(Speaker(lang, {p.name for p in parts}), found)} | data


class Speaker(Writer):
    """A writer with the words of this page, which knows the functions that have pages."""

    def __init__(self, lang: str, functions: set[str]) -> None:
        super().__init__(lang)
        self.functions = functions

    def say(self, key: str, **facts: Any) -> str:
        """A phrase of the page."""
        return self.words(f"speed.{key}", **facts)

    def known(self, key: str, otherwise: str) -> str:
        """A phrase that may be missing."""
        return self.say(key) if f"speed.{key}" in self.words.source else otherwise

    def who(self, name: str, output: str) -> str:
        """A peer or a target, and whether its output is given."""
        known = self.known(f"who.{name}", name)
        return f"{known} ({self.say(output)})" if name != "copy" else known

    def function(self, row: Mapping[str, Any]) -> Markup:
        """The function, as a link if it has a page, with its dtype where that is not float32."""
        name = row["function"]
        shown = Markup("<code>{}</code>").format(name)
        if name in self.functions:
            shown = Markup('<a href="../functions/{}/">{}</a>').format(name, shown)
        return shown if row["dtype"] == "float32" else shown + Markup("<br>{}").format(row["dtype"])


def _page(w: Speaker, found: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    goals = [goal for _, one in found for row in one["rows"] for goal in row.get("goals", ())]
    met, short = (sum(goal["met"] is state for goal in goals) for state in (True, False))
    out = [
        "---\nhide:\n  - navigation\n---",
        heading(w.say("title"), "title", 1),
        w.say("text"),
        w.say("reading"),
    ]
    if goals:
        out.append(w.say("score", goals=len(goals), met=met, short=short, unmeasured=len(goals) - met - short))
    for name, one in found:
        out += _section(w, name, one)
    return "\n\n".join([*out, ""])


def _section(w: Speaker, file: str, one: Mapping[str, Any]) -> list[str]:
    """One table: what it is, the figures, where they were measured, and who did not take part."""
    name = str(one["table"])
    title = w.known(f"table.{name}.title", name or file)
    anchor = file.removeprefix("speed_").removesuffix(".json").replace("_", "-")
    out = [heading(title, anchor)]
    if text := w.known(f"table.{name}.text", ""):
        out.append(text)
    rows = one["rows"]
    # one column for every peer, the first that some row has first
    columns = list(dict.fromkeys((p["peer"], p["output"]) for row in rows for p in row["peers"]))
    with_goals = any(row.get("goals") for row in rows)
    header = [w.say("function"), *([w.say("goal")] if with_goals else []), w.say("ours")]
    header += [w.who(*column) for column in columns]
    shown = [_row(w, row, target, columns, with_goals) for row in rows for target in _targets(row)]
    out.append(table(shown, header, "facts speed"))
    out.append(one_block(str(_provenance(w, file, one))))
    if absent := _absent(w, rows):
        out.append(one_block(str(absent)))
    return out


def _targets(row: Mapping[str, Any]) -> list[str]:
    """The targets of a row; a row that none could compute still has a line."""
    return list(dict.fromkeys(one["target"] for one in row["ours"])) or [""]


def _row(
    w: Speaker, row: Mapping[str, Any], target: str, columns: Sequence[tuple[str, str]], with_goals: bool
) -> list[Any]:
    mine = [one for one in row["ours"] if one["target"] == target]
    mine.sort(key=lambda one: one["output"] != GIVEN)
    lines = [Markup("{} {}{}").format(_figure(one["ns"]), w.say(one["output"]), _mark(w, one)) for one in mine]
    if len(_targets(row)) > 1:
        lines.insert(0, escape(w.known(f"who.{target}", target)))
    times = Markup("<br>").join(lines)
    first = w.function(row)
    if row["load"]["quiet"] is False:
        first += Markup('<br><span class="small">{}</span>').format(w.say("busy"))
    cells: list[Any] = [first]
    if with_goals:
        goals = [goal for goal in row.get("goals", ()) if goal["target"] == target or not target]
        cells.append(Markup("<br>").join(_goal(w, goal) for goal in goals))
    cells.append(times or w.say("unmeasured"))
    for column in columns:
        peers = [p for p in row["peers"] if (p["peer"], p["output"]) == column]
        cells.append(_ratio(w, peers[0], target, mine[0]["output"]) if peers and mine else "–")
    return cells


def _ratio(w: Speaker, peer: Mapping[str, Any], target: str, output: str) -> Markup:
    """A peer's time over ours with the quartiles, and below it its nanoseconds."""
    found = [r for r in peer["ratios"] if (r["target"], r["output"]) == (target, output)]
    text = Markup("{}{}").format(_figure(found[0]), _mark(w, peer)) if found else escape("–")
    spread = f"[{found[0]['q1']:.3g}, {found[0]['q3']:.3g}], " if found else ""
    return text + Markup('<br><span class="small">{}{} ns</span>').format(spread, _figure(peer["ns"]))


def _figure(figures: Mapping[str, float]) -> str:
    return f"{figures['median']:.3g}"


def _mark(w: Speaker, one: Mapping[str, Any]) -> Markup:
    if one["check"] in ("same", "copy"):
        return Markup("")
    return Markup(' <span class="badge fails">{}</span>').format(w.say(f"check_{one['check']}"))


def _goal(w: Speaker, goal: Mapping[str, Any]) -> Markup:
    """What was aimed at, what was reached, and whether that is enough."""
    many = len(goal["against"]) > 1
    against = w.say("fastest") if many else w.known(f"who.{goal['against'][0]}", goal["against"][0])
    aim = w.say("at_least", figure=f"{goal['at_least']:g}", against=against)
    truth, word = {True: ("holds", "met"), False: ("fails", "short"), None: ("unknown", "unmeasured")}[goal["met"]]
    figure = "" if goal["median"] is None else f"{goal['median']:.3g}"
    if many and figure:
        figure += f" ({w.known('who.' + goal['peer'], goal['peer'])})"
    return Markup('{} <span class="badge {}">{}</span><br><span class="small">{}</span>').format(
        figure, truth, w.say(word), aim
    )


def _provenance(w: Speaker, file: str, one: Mapping[str, Any]) -> Markup:
    """Where, when, with what and how busy the machine was; the command and the data."""
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    loads = [row["load"]["foreign_cores"] for row in one["rows"] if row["load"]["foreign_cores"] is not None]
    machine = one["machine"]
    facts = w.say(
        "measured",
        date=one["date"],
        processor=", ".join([machine["processor"], *([machine["gpu"]] if "gpu" in machine else [])]),
        cores=machine["cores"],
        system=machine["system"],
        threads=one["threads"],
        rounds=one["method"]["rounds"],
        load=f"{max(loads):.2f}" if loads else w.say("load_unknown"),
    )
    return Markup('<p class="small">{} <code>{}</code><br>{}<br><a href="{}" download>{}</a></p>').format(
        facts, one["command"], versions, file, file
    )


def _absent(w: Speaker, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Who did not take part and why, folded."""
    seen: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for one in row["skipped"]:
            seen.setdefault((one["name"], one["reason"]), []).append(row["function"])
    if not seen:
        return Markup("")
    items = Markup("").join(
        Markup("<li>{}: <code>{}</code> ({})</li>").format(
            w.known(f"who.{name}", name), reason, ", ".join(dict.fromkeys(functions))
        )
        for (name, reason), functions in seen.items()
    )
    return Markup('<details class="why"><summary>{}</summary><ul>{}</ul></details>').format(w.say("absent"), items)
