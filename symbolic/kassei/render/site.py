"""The site: Markdown written for both languages, built by MkDocs, put in place only when all of it succeeded."""

from __future__ import annotations

import functools
import http.server
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kassei.cache import packed, unpacked
from kassei.core.dossier import Dossier
from kassei.render import search
from kassei.render.accuracy import accuracy_files
from kassei.render.changelog import FEED
from kassei.render.overview import overview
from kassei.render.pages import Part, navigation, pages, part
from kassei.render.speed import speed_files
from kassei.text.resources import LANGUAGES, ROOT, resource
from kassei.text.words import Words


class SiteError(OSError):
    """A build that failed; the previous site is untouched."""


Parts = Mapping[str, Sequence[Part]]
"""What every function gives to the site, by language."""


def parts_of(
    dossiers: Sequence[Dossier], *, processes: int = 1, progress: Callable[[str], None] | None = None
) -> Parts:
    """The pages of some functions, written in several processes; the result is the same."""
    made: list[Mapping[str, Part]] = []
    with ExitStack() as stack:
        if processes > 1:
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(context.Pool(processes, signal.signal, (signal.SIGINT, signal.SIG_IGN)))
            each: Iterator[Mapping[str, Part]] = pool.imap(_parts_of_packed, map(packed, dossiers))
        else:
            each = map(_parts, dossiers)
        for dossier in dossiers:
            if progress:
                progress(dossier.activation.name)
            made.append(next(each))
    return {lang: [one[lang] for one in made] for lang in LANGUAGES}


def _parts_of_packed(dossier: bytes) -> Mapping[str, Part]:
    from kassei.core.document import speak_with
    from kassei.text.words import spoken

    speak_with(spoken)
    return _parts(unpacked(dossier))


def _parts(dossier: Dossier) -> Mapping[str, Part]:
    return {lang: part(dossier, lang) for lang in LANGUAGES}


def build(
    parts: Parts,
    claims: Sequence[Mapping[str, Any]],
    out: Path,
    *,
    docs: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Build the bilingual site into ``out`` and return that folder.

    Pages are written beside ``out`` first; only when both languages have been built is the old site replaced.
    ``docs`` keeps the Markdown that the site is built from, one folder a language, for another site engine.
    Raises ``SiteError`` with MkDocs' own words.
    """
    import mkdocs  # noqa: F401 - the site extra; a missing one is reported before any work

    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=out.parent) as scratch:
        work = Path(scratch)
        for lang in LANGUAGES:
            if progress:
                progress(lang)
            _write_docs(work / "docs" / lang, parts[lang], claims, lang)
        for lang in sorted(LANGUAGES, key=lambda x: x != ROOT):  # building the root empties its folder, others included
            _mkdocs(work, lang, parts[lang])
            search.finish(work / "site" if lang == ROOT else work / "site" / lang, search.names(parts[lang], lang))
        _replace(work / "site", out)
        if docs is not None:
            docs.resolve().parent.mkdir(parents=True, exist_ok=True)
            _replace(work / "docs", docs.resolve())
    return out


def _write_docs(folder: Path, parts: Sequence[Part], claims: Sequence[Mapping[str, Any]], lang: str) -> None:
    files = overview(pages(parts, claims, lang), parts, lang) | accuracy_files(parts, lang) | speed_files(parts, lang)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(resource("site") / "assets", folder / "assets", dirs_exist_ok=True)


def _mkdocs(work: Path, lang: str, parts: Sequence[Part]) -> None:
    config = work / f"mkdocs.{lang}.yml"
    site_dir = work / "site" if lang == ROOT else work / "site" / lang
    known = work / "docs" / lang
    config.write_text(
        "\n".join(
            f"{key}: {json.dumps(value, ensure_ascii=False)}"
            for key, value in {
                "INHERIT": str(resource("site") / "mkdocs.base.yml"),
                "docs_dir": str(work / "docs" / lang),
                "site_dir": str(site_dir),
                "nav": navigation(parts, lang, lambda page: (known / page).is_file()),
                "extra": _said(lang, known),
                "theme": {"language": lang, "custom_dir": str(resource("site") / "overrides")},
            }.items()
        )
        + "\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(config)]
    quiet = {**os.environ, "SOURCE_DATE_EPOCH": "0", "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    if done.returncode:
        raise SiteError(f"mkdocs ({lang}): {(done.stderr or done.stdout).strip()}")


def _said(lang: str, docs: Path) -> dict[str, Any]:
    """What the theme's templates say in a language: the page for addresses that lead nowhere, the feed's title."""
    say = Words(lang)
    out: dict[str, Any] = {"missing": {key: say(f"overview.missing.{key}") for key in ("title", "text")}}
    if (docs / FEED).is_file():
        out["feed"] = {"path": FEED, "title": say("overview.changelog.channel")}
    return out


def _replace(new: Path, old: Path) -> None:
    """Put the new site in the place of the old one."""
    aside = old.with_name(f".{old.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if old.exists():
        old.rename(aside)
    new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)


def serve(folder: Path, *, port: int = 8000) -> None:
    """Serve a built site on this machine until interrupted."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{port}/")
        server.serve_forever()
