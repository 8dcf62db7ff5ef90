"""What an activation function is: frozen values, read from a definition file and never changed after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import sympy as sp

Shared = Literal["layer", "channel"]


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A non-empty interval of real numbers; ``closed`` ends are always finite."""

    lo: sp.Expr = sp.S.NegativeInfinity
    hi: sp.Expr = sp.S.Infinity
    lo_closed: bool = False
    hi_closed: bool = False

    def as_set(self) -> sp.Interval:
        """The interval as a SymPy set."""
        return sp.Interval(self.lo, self.hi, not self.lo_closed, not self.hi_closed)

    def contains(self, value: sp.Expr) -> bool:
        """Whether a real constant lies in the interval."""
        return bool(self.as_set().contains(value))

    def __str__(self) -> str:
        """The interface's spelling, such as ``Reals``, ``(0, oo)`` or ``[0, 1]``."""
        if self.lo == -sp.oo and self.hi == sp.oo:
            return "Reals"
        return f"{'[' if self.lo_closed else '('}{self.lo}, {self.hi}{']' if self.hi_closed else ')'}"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of an activation function.

    ``learned`` parameters are trained by gradient descent, so code targets emit their gradient;
    ``shared`` says what eq. (10) of Enomoto, Kakuda and Miura sums over.
    """

    symbol: sp.Symbol
    domain: Domain
    default: sp.Rational
    learned: bool = False
    shared: Shared = "layer"

    @property
    def name(self) -> str:
        """The name as written in the definition."""
        return str(self.symbol.name)


def in_language(texts: Mapping[str, str], lang: str) -> str:
    """What is said in a language, or in English where nothing is said in it; empty where neither is."""
    return texts.get(lang) or texts.get("en", "")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Where a formula was published; only what is known is filled in.

    ``note`` maps a language to a remark; the empty language is every one. ``unverified``: nobody has yet compared the
    identifiers with the publication itself.
    """

    authors: str = ""
    title: str = ""
    year: int | None = None
    doi: str = ""
    arxiv: str = ""
    url: str = ""
    eq: str = ""
    note: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    unverified: bool = False

    def remark(self, lang: str) -> str:
        """The note in a language, or in English where there is none in it."""
        return self.note.get("") or in_language(self.note, lang)


@dataclass(frozen=True, kw_only=True)
class Framework:
    """How a framework ships the function: what it is called there, its defaults, and what it does at the edges.

    ``parameters`` maps our parameters to the framework's defaults. ``kink`` is the slope it uses where there is no
    derivative: pairs of a point and a slope, the point empty where one slope serves all. ``nan``, ``inf`` and
    ``neg_inf`` are its values there. What is neither documented nor measured is empty.
    """

    name: str
    call: str
    parameters: Mapping[str, sp.Expr] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    kink: tuple[tuple[str, str], ...] = ()
    nan: str = ""
    inf: str = ""
    neg_inf: str = ""
    note: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True, kw_only=True)
class Activation:
    """One definition: a real function of one real variable, with parameters.

    ``source`` is the formula as it was written, ``expr`` the SymPy expression it means, in real
    symbols and exact numbers; ``partial`` are the parts of it, unevaluated, that need not be defined
    everywhere. ``title`` and ``summary`` map a language (``en``, ``ja``) to a text.
    """

    name: str
    variable: sp.Symbol
    source: str
    expr: sp.Expr
    parameters: tuple[Parameter, ...] = ()
    partial: tuple[sp.Expr, ...] = ()
    title: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    summary: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    aliases: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    frameworks: tuple[Framework, ...] = ()
    path: Path | None = field(default=None, compare=False, repr=False)

    @property
    def bare(self) -> Activation:
        """The same function without what is only said of it: no titles, references, other names or file."""
        said: dict[str, Any] = {"title": {}, "summary": {}, "aliases": (), "references": (), "frameworks": ()}
        return replace(self, **said, path=None)

    @property
    def learned(self) -> tuple[Parameter, ...]:
        """The parameters that are trained."""
        return tuple(p for p in self.parameters if p.learned)

    @property
    def defaults(self) -> dict[sp.Symbol, sp.Rational]:
        """The default value of every parameter."""
        return {p.symbol: p.default for p in self.parameters}

    @property
    def digest(self) -> str:
        """SHA-256 of what the function *is* (formula, variable, parameters), in hexadecimal."""
        meaning = {
            "name": self.name,
            "variable": self.variable.name,
            "expr": self.source,
            "parameters": {p.name: [str(p.domain), str(p.default), p.learned, p.shared] for p in self.parameters},
        }
        text = json.dumps(meaning, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def heading(self, lang: str) -> str:
        """The title in a language, falling back to English and then to the name."""
        return in_language(self.title, lang) or self.name
