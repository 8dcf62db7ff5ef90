"""What the commands on the page *Bring your own* print, so that the page can keep it as text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from kassei.render.own import SHOWN, commands
from kassei.text.resources import LANGUAGES, resource

OWN = resource("site") / "own"
LIMITED = 'domain = "[0, oo)"'


def kassei(arguments: list[str], folder: Path) -> tuple[int, str]:
    """Exit status and everything that one command prints."""
    kept = {"KASSEI_CACHE": str(folder.parent / ".kassei-cache")}  # both languages ask the same questions
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **kept}
    done = subprocess.run(
        [sys.executable, "-m", "kassei", *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def outputs(folder: Path) -> dict[str, tuple[int, str]]:
    """Exit status and output of every command of the page, by the file below ``site/own`` that keeps the output."""
    out: dict[str, tuple[int, str]] = {}
    for lang in LANGUAGES:
        here = folder / lang
        (here / "activations").mkdir(parents=True)
        shutil.copy(OWN / "my_unit.toml", here)
        for name, command in commands(lang).items():
            text = (OWN / "my_unit.toml").read_text(encoding="utf-8")
            if name in ("check-after", "differs"):
                text = text.replace('domain = "Reals"', LIMITED)
            for path in (here / "my_unit.toml", here / "activations" / "my_unit.toml"):
                path.write_text(text, encoding="utf-8")
            status, printed = kassei(command.split(" | ")[0].split()[1:], here)
            if "head" in command:
                printed = "".join(printed.splitlines(keepends=True)[:SHOWN])
            out[f"{lang}/{name}.txt"] = status, printed
    return out
