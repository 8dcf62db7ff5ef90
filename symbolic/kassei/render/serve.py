"""The site while it is written: served on this machine, built again when a source changes, shown again by the browser.

Each build runs in a process of its own, so that it reads templates and words anew, and replaces the site only when it
has succeeded. It has two passes: the functions whose definitions changed and those that were looked at last come
first, with every other function as it was, so that an edit to a template is seen at once; then all the rest.

Definitions of the catalogue decide what kept answers are found by. Here the kept answers stay what they are while a
definition is edited, so that one function is analysed and not all of them: builds work on a copy of the cache that is
thrown away. What other functions become at the ends of their parameters is looked up again by the next whole build.
"""

from __future__ import annotations

import functools
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kassei import cache
from kassei.library import FOLDER
from kassei.render.safely import scratch
from kassei.text.resources import resource

LOOK_S = 0.25
"""How often the sources are looked at."""
STOP_S = 5
"""How long a build may take to clear up."""
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

Sources = Mapping[Path, tuple[int, int]]


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
    """Builds the site in processes of their own, which find the answers this process found when it started."""

    def __init__(self, out: Path, work: Path, command: Sequence[str]) -> None:
        self.out, self.command = out, [sys.executable, "-m", "kassei", "site", "build", *command, "--out", str(out)]
        kept = work / "cache"
        _lend(cache.folder(), kept)
        package = str(Path(cache.__file__).resolve().parent.parent)
        here = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = {**os.environ, "KASSEI_CACHE": str(kept), PINNED: cache.GENERATION, "PYTHONPATH": here}

    def start(self, first: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Begin a build, of the first functions alone if there are any."""
        only = [part for name in first for part in ("--first", name)]
        return subprocess.Popen([*self.command, *only], env=self.environment, stdout=subprocess.DEVNULL)


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
    command: Sequence[str],
    say: Callable[[str, Mapping[str, Any]], None],
) -> None:
    """Build, serve and build again until interrupted.

    ``command`` are the names and options of ``kassei site build``; ``say`` is told a key of words and what to fill in.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    desk = Desk()
    handler = functools.partial(Pages, desk=desk, directory=str(out))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server, scratch(out) as work:
        builder = Builder(out, work, command)
        _serve(server, builder, desk, definitions, say)


def _serve(
    server: http.server.ThreadingHTTPServer,
    builder: Builder,
    desk: Desk,
    definitions: Sequence[Path],
    say: Callable[[str, Mapping[str, Any]], None],
) -> None:
    known = sources(definitions)
    running: subprocess.Popen[bytes] | None = builder.start()
    first_pass, began, listening = False, time.monotonic(), False
    try:
        while True:
            time.sleep(LOOK_S)
            now = sources(definitions)
            edited = changed(known, now)
            if edited:
                known = now
                _stop(running)
                say("serve.changed", {"files": ", ".join(sorted(path.name for path in edited))})
                first = {p.stem for p in edited if p.suffix == ".toml" and (p.parent == FOLDER or p in definitions)}
                running = builder.start(sorted({*first, *desk.viewed}))
                first_pass, began = bool(first or desk.viewed), time.monotonic()
            elif running is not None and running.poll() is not None:
                if running.returncode == 0:
                    desk.builds += 1
                    say("serve.built", {"seconds": f"{time.monotonic() - began:.1f}"})
                if not listening and builder.out.is_dir():
                    threading.Thread(target=server.serve_forever, daemon=True).start()
                    listening = True
                    say("serve.at", {"address": f"http://127.0.0.1:{server.server_port}/"})
                running = builder.start() if first_pass and running.returncode == 0 else None
                first_pass = False
    finally:
        _stop(running)
        if listening:
            server.shutdown()


def _stop(running: subprocess.Popen[bytes] | None) -> None:
    """End a build as an interrupt would, so that it leaves nothing behind."""
    if running is None or running.poll() is not None:
        return
    running.send_signal(signal.SIGINT)
    try:
        running.wait(STOP_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
