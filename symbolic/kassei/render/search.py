"""The index of the site's search, read off the built pages: no formulas, code, plots or arguments, but other names.

MkDocs' search plugin writes an index of everything, several megabytes for the whole catalogue, and the theme asks for
it on every page. Here it becomes an empty list, and ``search_index.js`` beside it holds what ``assets/search.js`` looks
through; the worker asks for that with the first query. Opened as a file, where a page may not ask for JSON, the theme
loads the same script.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kassei.render import kept
from kassei.text.words import templates

if TYPE_CHECKING:  # MkDocs' processes write indices and need no mathematics
    from kassei.render.part import Part

INDEX = "search/search_index"
UNREAD = re.compile(
    r"<(math|svg|pre|script|style|template|dialog)\b.*?</\1>"
    r'|<details class="(?:why|data)".*?</details>'
    r"|<(\w+)\b[^>]*\bdata-search-exclude\b.*?</\2>",
    re.DOTALL,
)
"""What nobody looks for: formulas, drawings, code and the steps of arguments."""
HEADING = re.compile(r'<(h[1-6]|dt)\b[^>]*\bid="([^"]+)"[^>]*>(.*?)</\1>', re.DOTALL)
"""What begins a section: a heading, or a term of a glossary."""
TERM = re.compile(r"<dfn>(.*?)</dfn>(.*)", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
LONGEST = 1500
"""Letters of a section that are looked through: long tables repeat what their pages say."""
HAND_WRITTEN = 1.5
"""How much more a hit in the text weighs on a page that is not one of many of its kind."""

Section = tuple[str, str, str]
Entry = tuple[str, str, Sequence[str], float, Sequence[Section]]
"""What is looked through of one page: its address, title, other names, weight and sections."""
Kept = tuple[str, Entry]
"""An entry after the hash of what it was made from."""


def names(parts: Sequence[Part], lang: str) -> dict[str, Sequence[str]]:
    """What the pages are also called, by their addresses: functions by all their names, others as the words say."""
    prefix = "overview.also."
    said = {key.removeprefix(prefix): text for key, text in templates(lang).items() if key.startswith(prefix)}
    functions: dict[str, Sequence[str]] = {f"functions/{p.name}/": p.summary.names for p in parts}
    return functions | {f"{page}/": text.split(", ") for page, text in said.items()}


def finish(folder: Path, also: Mapping[str, Sequence[str]], *, without: Sequence[str] = ()) -> None:
    """Write the index of one built language; ``also`` is what a page is also called, by its address.

    ``without`` are folders below that belong to another language.
    """
    stock = folder / f"{INDEX}.json"
    config = json.loads(stock.read_text(encoding="utf-8"))["config"]
    slot, own = kept.slot("search", folder.name), kept.digest(Path(__file__).read_text(encoding="utf-8"))
    known: dict[str, Kept] = kept.find(slot, own) or {}
    found = [_entry(path, folder, also, known) for path in sorted(_pages(folder, without))]
    now = {one[1][0]: one for one in found if one is not None}
    if now != known:
        kept.keep(slot, own, now)
    pages = [one for _, one in now.values()]
    script = "var __index=" + json.dumps({"config": config, "docs": [], "pages": pages}, ensure_ascii=False)
    stock.with_suffix(".js").write_text(script.replace("\u2028", " ").replace("\u2029", " ") + "\n", encoding="utf-8")
    stock.write_text(json.dumps({"config": config, "docs": []}, separators=(",", ":")) + "\n", encoding="utf-8")


def _pages(folder: Path, without: Sequence[str]) -> list[Path]:
    return [p for p in folder.rglob("index.html") if p.relative_to(folder).parts[0] not in without]


def _entry(path: Path, folder: Path, also: Mapping[str, Sequence[str]], known: Mapping[str, Kept]) -> Kept | None:
    """The entry of one page with the hash of what it was made from; the known one where that is the same."""
    location = path.parent.relative_to(folder).as_posix() + "/"
    location = "" if location == "./" else location
    text = path.read_text(encoding="utf-8")
    begin = text.find("<article")
    if begin < 0:
        return None
    article, names = text[text.index(">", begin) + 1 : text.index("</article>", begin)], also.get(location, ())
    made_from = kept.digest(article, *names)
    if location in known and known[location][0] == made_from:
        return known[location]
    title, parts = sections(article)
    weight = 1.0 if location.startswith("functions/") else HAND_WRITTEN
    return made_from, (location, title, list(names), weight, parts)


def sections(article: str) -> tuple[str, list[Section]]:
    """The title of a page, and its sections as anchor, heading and text; what precedes the first has neither."""
    read = UNREAD.sub(" ", article)
    marks = list(HEADING.finditer(read))
    title, out = "", []
    if not marks or read[: marks[0].start()].strip():
        out.append(("", "", plain(read[: marks[0].start()] if marks else read)))
    for k, mark in enumerate(marks):
        body = read[mark.end() : marks[k + 1].start() if k + 1 < len(marks) else len(read)]
        if mark.group(1) == "h1" and not title:
            title = plain(mark.group(3))
            out.append(("", "", plain(body)))
        elif term := TERM.search(mark.group(3)):
            out.append((mark.group(2), plain(term.group(1)), plain(f"{term.group(2)} {body}")))
        else:
            out.append((mark.group(2), plain(mark.group(3)), plain(body)))
    return title, [one for one in out if one[1] or one[2]]


def plain(part: str) -> str:
    """HTML as text, cut after a while."""
    return " ".join(html.unescape(TAG.sub(" ", part)).split())[:LONGEST]
