"""Words as data: ``site/words/<lang>/*.toml``, one file per topic, merged into one table of templates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from kassei.text.resources import resource

if TYPE_CHECKING:
    from kassei.core.verdict import Step

SOURCE = "en"
UNTRANSLATED = " [en]"


class Words:
    """The templates of one language by dotted key; English is the source and stands in, marked, for what is missing."""

    def __init__(self, lang: str = SOURCE) -> None:
        self.lang = lang
        self.templates = templates(lang)
        self.source = templates(SOURCE)

    def __call__(self, key: str, /, **facts: Any) -> str:
        """The text of a key, filled with facts as plain text; ``KeyError`` if English lacks it too."""
        plain = {name: self.plain(fact) for name, fact in facts.items()}
        if key in self.templates:
            return self.templates[key].format(**plain)
        return self.source[key].format(**plain) + UNTRANSLATED

    def sentence(self, step: Step, math: str = "plain") -> str:
        """A step of an argument as a sentence; formulas in SymPy's spelling (``math="plain"``)."""
        if math != "plain":
            raise ValueError(f"math is 'plain', not {math!r}")
        facts = {n: self.reason(x) if n == "why" and isinstance(x, str) else x for n, x in step.facts.items()}
        return self(f"steps.{step.key}", **facts)

    def reason(self, said: str) -> str:
        """What the prover left open, in this language: its English sentence is matched and filled in again.

        What is matched by no sentence, a formula for instance, stays as it is.
        """
        if self.lang == SOURCE:
            return said
        for key, pattern in _reasons():
            if (found := pattern.fullmatch(said)) and key in self.templates:
                return self.templates[key].format(**{n: self.reason(part) for n, part in found.groupdict().items()})
        return said

    def plain(self, fact: Any) -> str:
        """A fact as text: a formula in SymPy's spelling, a step as a clause, several joined by commas."""
        if fact is None:
            return self("pages.none")
        if hasattr(fact, "key") and hasattr(fact, "facts"):
            return self.sentence(fact).removesuffix(".").removesuffix("。")
        if isinstance(fact, Iterable) and not isinstance(fact, str) and type(fact).__module__ == "builtins":
            return ", ".join(self.plain(one) for one in fact)
        return _spelled(fact) if hasattr(fact, "free_symbols") else str(fact)

    def missing(self) -> tuple[str, ...]:
        """The keys that English has and this language has not."""
        return tuple(sorted(self.source.keys() - self.templates.keys()))


@lru_cache(maxsize=8192, typed=True)
def _spelled(formula: Any) -> str:
    """A formula in SymPy's spelling; arguments say the same formulas again and again."""
    return str(formula)


@cache
def _reasons() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The English sentences of what is left open, as patterns; those with more words of their own come first."""
    found = {key: text for key, text in templates(SOURCE).items() if key.startswith("reasons.")}
    own = {key: re.sub(r"\{\w+\}", "", text) for key, text in found.items()}
    order = sorted(found, key=lambda key: (-len(own[key]), key))
    return tuple((key, re.compile(re.sub(r"\\\{(\w)\\\}", r"(?P<\1>.+)", re.escape(found[key])))) for key in order)


@cache
def _words(lang: str) -> Words:
    return Words(lang)


def spoken(step: Step, lang: str) -> str:
    """A step of an argument as a sentence of a language, formulas in SymPy's spelling."""
    return _words(lang).sentence(step)


@cache
def templates(lang: str) -> Mapping[str, str]:
    """All templates of a language; ``ValueError`` where two files have the same key."""
    merged: dict[str, str] = {}
    for path in sorted((resource("site") / "words" / lang).glob("*.toml")):
        for key, text in flat(tomllib.loads(path.read_text(encoding="utf-8"))).items():
            if key in merged:
                raise ValueError(f"{path}: {key!r} is defined in another file too")
            merged[key] = text
    return merged


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted keys."""
    out: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            out.update(flat(value, f"{prefix}{key}."))
        else:
            out[f"{prefix}{key}"] = str(value)
    return out
