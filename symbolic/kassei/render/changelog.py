"""The changelog as a page, and as a feed: read from the files of both languages, in the wheel or in the checkout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from kassei.render.page.markup import heading
from kassei.render.page.writer import Writer
from kassei.text.resources import PACKAGE, ROOT

FEED = "feed.xml"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
"""The headings of Keep a Changelog."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One version: its name, its date where it has one, and its entries in Markdown under each heading."""

    name: str
    date: str
    entries: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def anchor(self) -> str:
        """The id of its heading."""
        return "v-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


FILES = {"en": "CHANGELOG.md", "ja": "CHANGELOG.ja.md"}


@cache
def changelog(lang: str) -> Path | None:
    """Where the file of a language is, if it is anywhere."""
    for folder in (PACKAGE, PACKAGE.parent.parent):
        if (path := folder / FILES[lang]).is_file():
            return path
    return None


def releases(text: str) -> list[Release]:
    """The versions of a changelog, as it lists them."""
    out = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        name, date = (
            re.fullmatch(r"\[?([^\]]+?)\]?(?:\s+-\s+(\d{4}-\d\d-\d\d))?", head.strip()) or _bad(head)
        ).groups()
        entries = []
        for section in re.split(r"^### ", body, flags=re.MULTILINE)[1:]:
            kind, _, rest = section.partition("\n")
            items = re.split(r"^- ", rest, flags=re.MULTILINE)[1:]
            entries.append((kind.strip(), tuple(map(_joined, items))))
        out.append(Release(name=name, date=date or "", entries=tuple(entries)))
    return out


def _joined(item: str) -> str:
    """An entry on one line; between two Japanese characters a line ends without a space."""
    return " ".join(re.sub(r"(?<=[\u3000-\uffef])\n\s*(?=[\u3000-\uffef])", "", item).split())


def _bad(head: str) -> re.Match[str]:
    raise ValueError(f"the changelog: {head!r} is no version")


def changelog_files(lang: str) -> dict[str, str]:
    """The page and the feed of one language; nothing where there is no changelog."""
    path = changelog(lang)
    if path is None:
        return {}
    found = releases(path.read_text(encoding="utf-8"))
    return {"changelog.md": changelog_page(found, lang), FEED: feed(found, lang)}


def changelog_page(found: list[Release], lang: str) -> str:
    """All versions."""
    w = Writer(lang)
    out = [heading(w.words("overview.changelog.title"), "title", 1), w.words("overview.changelog.text")]
    out.append(f'<p><a href="../{FEED}">{escape(w.words("overview.changelog.feed"))}</a></p>')
    for release in found:
        name = w.words("overview.changelog.unreleased") if release.name == "Unreleased" else release.name
        out.append(heading(f"{name} {release.date}".strip(), release.anchor))
        for kind, items in release.entries:
            out.append(heading(_kind(w, kind), f"{release.anchor}-{kind.lower()}", 3))
            shown = "".join(f"<li>{_inline(item)}</li>" for item in items)
            out.append(f'<ul class="changes">{shown}</ul>')
    return "\n\n".join([*out, ""])


def _kind(w: Writer, kind: str) -> str:
    return w.words(f"overview.changelog.{kind.lower()}") if kind in KINDS else kind


def _inline(markdown: str) -> str:
    """Code and emphasis of an entry as HTML, everything else as text."""
    out = []
    for k, part in enumerate(re.split(r"`([^`]+)`", markdown)):
        text = str(escape(part))
        out.append(f"<code>{text}</code>" if k % 2 else re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text))
    return "".join(out)


def feed(found: list[Release], lang: str, root: str = "") -> str:
    """The versions as RSS 2.0; ``root`` is where the site is, with a slash at its end, or empty where nobody knows."""
    w = Writer(lang)
    home = f"{root}{'' if lang == ROOT else lang + '/'}" or "./"
    items = []
    for release in found:
        name = w.words("overview.changelog.unreleased") if release.name == "Unreleased" else release.name
        body = "".join(
            f"<h3>{escape(_kind(w, kind))}</h3><ul>{''.join(f'<li>{_inline(i)}</li>' for i in entries)}</ul>"
            for kind, entries in release.entries
        )
        when = ""
        if release.date:
            day = datetime.fromisoformat(release.date).replace(tzinfo=UTC)
            when = f"<pubDate>{format_datetime(day)}</pubDate>"
        items.append(
            Markup(
                "<item><title>kassei {}</title><link>{}changelog/#{}</link>"
                '<guid isPermaLink="false">kassei:{}:{}</guid>{}<description>{}</description></item>'
            ).format(name, home, release.anchor, lang, release.anchor, Markup(when), body)
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{escape(w.words('overview.changelog.channel'))}</title><link>{home}</link>"
        f"<description>{escape(w.words('overview.changelog.text'))}</description><language>{lang}</language>\n"
        + "\n".join(map(str, items))
        + "\n</channel></rss>\n"
    )
