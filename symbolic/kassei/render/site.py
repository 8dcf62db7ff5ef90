"""The site: Markdown written for both languages, built by MkDocs, put in place only when all of it succeeded."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kassei.cache import packed, unpacked
from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render import kept, search
from kassei.render.accuracy import accuracy_files
from kassei.render.changelog import FEED
from kassei.render.overview import overview
from kassei.render.pages import Part, navigation, pages, part
from kassei.render.safely import BadNameError, inside, replace, scratch, undisturbed
from kassei.render.speed import speed_files
from kassei.text.resources import LANGUAGES, PACKAGE, ROOT, resource
from kassei.text.words import Words

SELDOM = 200_000
"""New objects between two searches for garbage: formulas are many and live long."""
TAKEN = frozenset({"index", "readme"})
"""What MkDocs takes for the page of a whole folder."""

Progress = Callable[[int], AbstractContextManager[Callable[[str], None]]]
"""Given how many things there are to do, yields what is told the name of each."""


class SiteError(OSError):
    """A build that failed, with the page and the cause; the previous site is untouched."""


Parts = Mapping[str, Sequence[Part]]
"""What every function gives to the site, by language."""
Made = Mapping[str, Part]
"""What one function gives to the site, by language."""


@dataclass(frozen=True)
class Failed:
    """What kept a function's pages from being written."""

    why: str


def silent(total: int) -> AbstractContextManager[Callable[[str], None]]:
    """Progress that nobody looks at."""
    del total
    return nullcontext(lambda _: None)


def known_parts(functions: Iterable[Activation], first: Collection[str] = ()) -> dict[str, Made]:
    """What functions gave to an earlier site, where nothing has changed since.

    If some come ``first``, those alone are compared with what they were made from; the others are taken as they were.
    """
    found = {}
    for f in functions:
        made_from = kept.origin(f) if not first or f.name in first else kept.ANY
        found[f.name] = kept.find(_slot(f.name), made_from)
    return {name: made for name, made in found.items() if made is not None}


def _slot(name: str) -> str:
    return kept.slot("parts", name)


def parts_of(
    dossiers: Sequence[Dossier],
    *,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
    known: Mapping[str, Made] | None = None,
) -> Parts:
    """The pages of some functions, written in several processes; the result is the same.

    Raises ``SiteError`` with the function and the place where its pages failed.
    """
    made = list(_made(dossiers, processes, progress))
    for dossier, one in zip(dossiers, made, strict=True):
        kept.keep(_slot(dossier.activation.name), kept.origin(dossier.activation), one)
    return by_language({**(known or {}), **{d.activation.name: one for d, one in zip(dossiers, made, strict=True)}})


def by_language(made: Mapping[str, Made]) -> Parts:
    """The parts of functions in the order of their names."""
    return {lang: [made[name][lang] for name in sorted(made)] for lang in LANGUAGES}


def _made(dossiers: Sequence[Dossier], processes: int, progress: Callable[[str], None] | None) -> Iterator[Made]:
    with ExitStack() as stack:
        each: Iterator[Made | Failed]
        if processes > 1 and len(dossiers) > 1:
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(context.Pool(processes, _prepared))
            each = pool.imap(_parts_of_packed, map(packed, dossiers))
        else:
            each = map(_parts, dossiers)
        for dossier in dossiers:
            if progress:
                progress(dossier.activation.name)
            one = next(each)
            if isinstance(one, Failed):
                raise SiteError(f"functions/{dossier.activation.name}: {one.why}")
            yield one


def _prepared() -> None:
    """A process that writes pages: an interrupt is the parent's business, and garbage is rarely worth looking for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(SELDOM)


def _parts_of_packed(dossier: bytes) -> Made | Failed:
    from kassei.core.document import speak_with
    from kassei.text.words import spoken

    speak_with(spoken)
    return _parts(unpacked(dossier))


def _parts(dossier: Dossier) -> Made | Failed:
    try:
        return {lang: part(dossier, lang) for lang in LANGUAGES}
    except Exception as reason:  # whatever it is, the reader of the message wants the function and the place
        return Failed(told(reason))


def told(reason: BaseException) -> str:
    """An exception with the innermost place of ours that it went through."""
    ours = [s for s in traceback.extract_tb(reason.__traceback__) if Path(s.filename).is_relative_to(PACKAGE)]
    place = f"{Path(ours[-1].filename).relative_to(PACKAGE)}:{ours[-1].lineno} {ours[-1].name}: " if ours else ""
    return f"{place}{type(reason).__name__}: {reason}"


def build(
    parts: Parts,
    claims: Sequence[Mapping[str, Any]],
    out: Path,
    *,
    docs: Path | None = None,
    processes: int = 1,
    progress: Progress = silent,
) -> Path:
    """Build the bilingual site into ``out`` and return that folder.

    Pages are written beside ``out`` first; only when both languages have been built is the old site replaced.
    ``docs`` keeps the Markdown that the site is built from, one folder a language, for another site engine.
    Raises ``SiteError`` with the page and the cause, which may be in MkDocs' own words.
    """
    with begun(out) as site:
        return finish(site, parts, claims, docs=docs, processes=processes, progress=progress)


@dataclass(frozen=True)
class Begun:
    """A site that will be built: where it goes, where it is written first, and the engines, which load meanwhile."""

    out: Path
    work: Path
    engines: Mapping[str, Engine]


@contextmanager
def begun(out: Path) -> Iterator[Begun]:
    """A site to :func:`finish`; what was begun is gone afterwards. Raises ``OSError`` where nothing can be written."""
    import mkdocs  # noqa: F401 - the site extra; a missing one is reported before any work

    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch(out) as work, _engines(work) as engines:
        yield Begun(out, work, engines)


def finish(
    site: Begun,
    parts: Parts,
    claims: Sequence[Mapping[str, Any]],
    *,
    docs: Path | None = None,
    processes: int = 1,
    progress: Progress = silent,
) -> Path:
    """:func:`build` for what was begun before its parts were known."""
    work, out = site.work, site.out
    with ThreadPoolExecutor(len(LANGUAGES)) as writers:
        total, written = 0, []
        for lang in LANGUAGES:  # an engine begins as soon as its files stand, while those of the next are made
            files = _docs(parts[lang], claims, lang, processes)
            total += sum(name.endswith(".md") for name in files)
            written.append(writers.submit(_hand_over, work, lang, parts[lang], files, site.engines[lang]))
        for one in written:
            one.result()
    with progress(total) as step:
        _await_languages(work, site.engines, step)
    replace(work / "site", out)
    if docs is not None:
        docs.resolve().parent.mkdir(parents=True, exist_ok=True)
        own = shutil.copytree(work / "docs", work / "own")  # the engines gave some of these files a second name
        replace(own, docs.resolve())
    return out


def _docs(parts: Sequence[Part], claims: Sequence[Mapping[str, Any]], lang: str, processes: int) -> Mapping[str, str]:
    """The sources of one language by their names below its folder."""
    for p in parts:
        if p.name in TAKEN:
            raise SiteError(f"functions/{p.name}: a page of that name would be the page of the whole folder")
    try:
        files = overview(pages(parts, claims, lang), parts, lang, processes)
        return files | accuracy_files(parts, lang) | speed_files(parts, lang)
    except Exception as reason:
        raise SiteError(f"{lang}: {told(reason)}") from reason


def _hand_over(work: Path, lang: str, parts: Sequence[Part], files: Mapping[str, str], engine: Engine) -> None:
    """Write all that an engine reads, and let it begin."""
    folder = work / "docs" / lang
    for name, text in files.items():
        try:
            path = inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except (BadNameError, OSError, UnicodeEncodeError) as reason:
            raise SiteError(f"{lang}: {name[:200]}: {reason}") from reason
    shutil.copytree(resource("site") / "assets", folder / "assets", dirs_exist_ok=True)
    _configure(work, lang, parts)
    with suppress(BrokenPipeError):  # it has failed already and says why in its complaints
        assert engine.process.stdin is not None
        engine.process.stdin.write("now\n")
        engine.process.stdin.flush()


@dataclass(frozen=True)
class Engine:
    """MkDocs for one language, waiting for its files, and where it complains."""

    process: subprocess.Popen[str]
    complaints: IO[str]


@contextmanager
def _engines(work: Path) -> Iterator[Mapping[str, Engine]]:
    """MkDocs for every language, started before there is anything to build, for that takes a second."""
    running: dict[str, Engine] = {}
    try:
        for lang in LANGUAGES:
            complaints: IO[str] = (work / f"{lang}.log").open("w+", encoding="utf-8")
            running[lang] = Engine(_mkdocs(work, lang, complaints), complaints)
        yield running
    finally:
        with undisturbed():
            for engine in running.values():
                engine.process.kill()
                engine.process.wait()
                for pipe in (engine.process.stdin, engine.process.stdout, engine.complaints):
                    with suppress(BrokenPipeError):
                        if pipe is not None:
                            pipe.close()


def _await_languages(work: Path, engines: Mapping[str, Engine], step: Callable[[str], None]) -> None:
    """Wait until MkDocs has built all languages, each in a folder of its own, and put them together."""
    listeners = [threading.Thread(target=_listen, args=(one.process, step), daemon=True) for one in engines.values()]
    for listener in listeners:
        listener.start()
    try:
        for lang, engine in engines.items():
            if engine.process.wait():
                engine.complaints.seek(0)
                raise SiteError(f"mkdocs ({lang}): {engine.complaints.read().strip()}")
    finally:
        with undisturbed():
            for engine, listener in zip(engines.values(), listeners, strict=True):
                engine.process.kill()
                listener.join()
    (work / f"site-{ROOT}").rename(work / "site")
    for lang in LANGUAGES:
        if lang != ROOT:
            (work / f"site-{lang}").rename(work / "site" / lang)


def _listen(engine: subprocess.Popen[str], step: Callable[[str], None]) -> None:
    assert engine.stdout is not None
    with engine.stdout:
        for line in engine.stdout:
            step(line.strip())


def _configure(work: Path, lang: str, parts: Sequence[Part]) -> None:
    """Write what MkDocs reads beside the pages: its configuration, and what pages are also called."""
    import yaml  # comes with MkDocs

    known = work / "docs" / lang
    settings = {
        "INHERIT": str(resource("site") / "mkdocs.base.yml"),
        "docs_dir": str(known),
        "site_dir": str(work / f"site-{lang}"),
        "nav": navigation(parts, lang, lambda page: (known / page).is_file()),
        "extra": _said(lang, known),
        "theme": {"language": lang, "custom_dir": str(resource("site") / "overrides")},
    }
    _config(work, lang).write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    _names(work, lang).write_text(json.dumps(search.names(parts, lang)), encoding="utf-8")


def _config(work: Path, lang: str) -> Path:
    return work / f"mkdocs.{lang}.yml"


def _names(work: Path, lang: str) -> Path:
    return work / f"names.{lang}.json"


def _mkdocs(work: Path, lang: str, complaints: IO[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kassei.render.engine", str(_config(work, lang)), lang, str(_names(work, lang))]
    here = os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    quiet = {
        **os.environ,
        "PYTHONPATH": here,
        "SOURCE_DATE_EPOCH": "0",
        "NO_MKDOCS_2_WARNING": "1",
        "DISABLE_MKDOCS_2_WARNING": "true",
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=complaints, text=True, env=quiet)


def _said(lang: str, docs: Path) -> dict[str, Any]:
    """What the theme's templates say in a language: the page for addresses that lead nowhere, the feed's title."""
    say = Words(lang)
    out: dict[str, Any] = {"missing": {key: say(f"overview.missing.{key}") for key in ("title", "text")}}
    if (docs / FEED).is_file():
        out["feed"] = {"path": FEED, "title": say("overview.changelog.channel")}
    return out
