"""The site while it is written: served on this machine, built again when a source changes, shown again by the browser.

Each build runs in a process of its own, so that it reads templates and words anew, and replaces the site only when it
has succeeded. It has two passes: the functions whose definitions changed and those that were looked at last come
first, with every other function as it was, so that an edit to a template is seen at once; then all the rest.

Definitions of the catalogue decide what kept answers are found by. Here the kept answers stay what they are while a
definition is edited, so that one function is analysed and not all of them: builds work on a copy of the cache that is
thrown away. What other functions become at the ends of their parameters is looked up again by the next whole build.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import multiprocessing.context
import multiprocessing.forkserver
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kassei import cache
from kassei.library import FOLDER
from kassei.render.safely import scratch, undisturbed
from kassei.text.resources import resource

LOOK_S = 0.25
"""How often the sources are looked at."""
STOP_S = 20
"""How long a build may take to clear up."""
LISTEN_S = 1.0
"""How long to wait before an interrupt is repeated."""
VIEWED = 2
"""How many of the function pages that were looked at last come first."""
PINNED = "KASSEI_SITE_GENERATION"
"""The variable by which a build is told to find answers as another process did."""
TICKET = "/.kassei-build"
RELOAD = f"""<script>
(() => {{
  let seen
  setInterval(async () => {{
    const now = await fetch("{TICKET}").then(r => r.text()).catch(() => seen)
    if (seen !== undefined && now !== seen) location.reload()
    seen = now
  }}, 500)
}})()
</script>"""
"""Added to pages on their way out; the built site has none of it."""

LOADED = [
    "kassei.cli",
    "kassei.claims.ledger",
    "kassei.render.site",
    "matplotlib.backends.backend_svg",
    "rich.progress",
]
"""What a build would spend a second and more on loading."""
Build = multiprocessing.context.ForkServerProcess
Sources = Mapping[Path, tuple[int, int]]
Run = Callable[[list[str]], object]
"""A module's function that carries out a command of kassei; other processes find it by its name."""


def sources(definitions: Sequence[Path]) -> Sources:
    """Every file that a page is made from, with what changes when it is edited."""
    folders = (FOLDER, resource("templates"), resource("site"))
    paths = [*(p for folder in folders for p in folder.rglob("*")), *definitions]
    found = {}
    for path in paths:
        try:
            state = path.stat()
        except OSError:  # an editor is just replacing it
            continue
        if not path.is_dir():
            found[path] = state.st_mtime_ns, state.st_size
    return found


def changed(before: Sources, after: Sources) -> set[Path]:
    """The files that were edited, added or removed."""
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}


class Desk:
    """What the server and the builder tell each other."""

    def __init__(self) -> None:
        self.builds = 0
        self.viewed: list[str] = []

    def look(self, path: str) -> None:
        """Note that a page was asked for."""
        found = re.search(r"/functions/([a-z0-9_]+)/(?:index\.html)?$", path)
        if found:
            name = found.group(1)
            self.viewed = [name, *(other for other in self.viewed if other != name)][:VIEWED]


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serves the built site, tells the desk what is looked at, and lets pages ask whether they were built again."""

    def __init__(self, *arguments: Any, desk: Desk, **settings: Any) -> None:
        self.desk = desk
        super().__init__(*arguments, **settings)

    def do_GET(self) -> None:
        """Answer with a page, a file or the number of the last build."""
        path = self.path.partition("?")[0]
        if path == TICKET:
            self._answer(str(self.desk.builds).encode(), "text/plain")
            return
        page = Path(self.translate_path(path))
        page = page / "index.html" if page.is_dir() and path.endswith("/") else page
        if page.suffix != ".html" or not page.is_file():
            super().do_GET()
            return
        self.desk.look(path)
        body = page.read_bytes().replace(b"</body>", RELOAD.encode() + b"</body>")
        self._answer(body, "text/html; charset=utf-8")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        for key, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")):
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Builder:
    """Builds the site in processes of their own, which find the answers this process found when it started.

    They are forked from one that has loaded the libraries and read no template, word or definition yet.
    """

    def __init__(self, out: Path, work: Path, run: Run, command: Sequence[str]) -> None:
        self.out, self.run, self.command = out, run, ["site", "build", *command, "--out", str(out)]
        kept = work / "cache"
        _lend(cache.folder(), kept)
        os.environ.update({"KASSEI_CACHE": str(kept), PINNED: cache.GENERATION})
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(LOADED)
        multiprocessing.forkserver.ensure_running()
        self.running: Build | None = None

    def start(self, first: Sequence[str] = ()) -> None:
        """Begin a build, of the first functions alone if there are any; no interrupt comes between it and its name."""
        only = [part for name in first for part in ("--first", name)]
        with undisturbed():
            self.running = self.context.Process(target=_build, args=(self.run, [*self.command, *only]))
            self.running.start()

    def ended(self) -> int | None:
        """The exit status of the last build, once."""
        if self.running is None or self.running.exitcode is None:
            return None
        status, self.running = self.running.exitcode, None
        return status

    def stop(self) -> None:
        """End a build as an interrupt would, so that it leaves nothing behind; one that just begins may not listen."""
        end = time.monotonic() + STOP_S
        while self.running is not None and self.running.exitcode is None and self.running.pid is not None:
            if time.monotonic() > end:
                self.running.kill()
            else:
                os.kill(self.running.pid, signal.SIGINT)
            self.running.join(LISTEN_S)
        self.running = None


def _build(run: Run, arguments: list[str]) -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        run(arguments)


def _lend(known: Path | None, to: Path) -> None:
    """A second folder with the answers of this generation in it, without a copy of their bytes."""
    (to / cache.GENERATION).mkdir(parents=True)
    if known is None or not (known / cache.GENERATION).is_dir():
        return
    for path in (known / cache.GENERATION).iterdir():
        if path.name.startswith("."):
            continue
        try:
            os.link(path, to / cache.GENERATION / path.name)
        except OSError:  # another file system: the answer is found again
            return


def serve(
    out: Path,
    *,
    port: int,
    definitions: Sequence[Path],
    run: Run,
    command: Sequence[str],
    say: Callable[[str, Mapping[str, Any]], None],
) -> None:
    """Build, serve and build again until interrupted.

    ``run`` carries out commands; ``command`` are the names and options of ``kassei site build``; ``say`` is told a
    key of words and what to fill in.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    desk = Desk()
    handler = functools.partial(Pages, desk=desk, directory=str(out))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server, scratch(out) as work:
        builder = Builder(out, work, run, command)
        _serve(server, builder, desk, definitions, say)


def _serve(
    server: http.server.ThreadingHTTPServer,
    builder: Builder,
    desk: Desk,
    definitions: Sequence[Path],
    say: Callable[[str, Mapping[str, Any]], None],
) -> None:
    known = sources(definitions)
    first_pass, began, listening = False, time.monotonic(), False
    try:
        builder.start()
        while True:
            time.sleep(LOOK_S)
            now = sources(definitions)
            edited = changed(known, now)
            if edited:
                known = now
                builder.stop()
                say("serve.changed", {"files": ", ".join(sorted(path.name for path in edited))})
                first = {p.stem for p in edited if p.suffix == ".toml" and (p.parent == FOLDER or p in definitions)}
                builder.start(sorted({*first, *desk.viewed}))
                first_pass, began = bool(first or desk.viewed), time.monotonic()
            elif (status := builder.ended()) is not None:
                if status == 0:
                    desk.builds += 1
                    say("serve.built", {"seconds": f"{time.monotonic() - began:.1f}"})
                if not listening and builder.out.is_dir():
                    threading.Thread(target=server.serve_forever, daemon=True).start()
                    listening = True
                    say("serve.at", {"address": f"http://127.0.0.1:{server.server_port}/"})
                if first_pass and status == 0:
                    builder.start()
                first_pass = False
    finally:
        with undisturbed():
            builder.stop()
        if listening:
            server.shutdown()
