"""The command line's own words: read without SymPy, so that ``kassei --help`` stays quick."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from kassei.text.resources import LANGUAGES as LANGUAGES

UNTRANSLATED = " [en]"


class Phrases:
    """``site/words/<lang>/cli.toml`` as templates: ``[cli_show] join`` is the key ``show.join``.

    Where a language lacks a key, the English stands in with a mark.
    """

    def __init__(self, lang: str = "en") -> None:
        self.lang = lang
        self.templates = _templates(lang)
        self.english = _templates("en")

    def __call__(self, key: str, **facts: Any) -> str:
        """The phrase of a key, filled; ``KeyError`` if no language has it."""
        if key in self.templates:
            return self.templates[key].format(**facts)
        return self.english[key].format(**facts) + UNTRANSLATED

    def section(self, name: str) -> Mapping[str, str]:
        """The templates of one table."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): text for key, text in self.templates.items() if key.startswith(prefix)}


@cache
def _templates(lang: str) -> Mapping[str, str]:
    from kassei.text.resources import resource

    path = resource("site") / "words" / lang / "cli.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {f"{name.removeprefix('cli_')}.{key}": text for name, table in tables.items() for key, text in table.items()}
