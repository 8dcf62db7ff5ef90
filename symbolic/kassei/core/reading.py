"""Definition files: TOML in, an :class:`Activation` out, one clear message for anything that is wrong."""

from __future__ import annotations

import difflib
import keyword
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sympy as sp

from kassei.core.activation import Activation, Domain, Parameter, Reference
from kassei.core.expression import BUILTINS, ExpressionError, parse, parse_constant, parse_interval

MAX_BYTES = 200_000
"""A definition file may have this many bytes."""
MAX_PARAMETERS = 12
"""How many parameters one function may have."""
_SLUG = re.compile(r"[a-z][a-z0-9_]*\Z")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_KEYS = {"name", "variable", "expr", "parameters", "title", "summary", "aliases", "reference"}
_PARAMETER_KEYS = {"domain", "default", "learned", "shared"}
_REFERENCE_KEYS = {"authors", "title", "year", "doi", "arxiv", "url", "eq", "note"}
_LANGUAGES = {"en", "ja"}


class DefinitionError(ValueError):
    """A definition that cannot be read; prints as one line ``file: key 'expr', column 12: …``."""

    def __init__(self, path: Path | str, key: str, message: str, column: int | None = None) -> None:
        where = f"key {key!r}" if key else ""
        if column is not None:
            where += f", column {column}"
        super().__init__(": ".join(part for part in (str(path), where, message) if part))
        self.path, self.key, self.message, self.column = path, key, message, column


def load(path: Path | str) -> Activation:
    """Read one definition file.

    Raises ``DefinitionError`` for anything wrong with the file or its contents.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise DefinitionError(path, "", "this is a folder, not a definition file")
        data = path.read_bytes()
    except OSError as problem:
        raise DefinitionError(path, "", f"cannot be read ({problem.strerror or problem})") from problem
    if len(data) > MAX_BYTES:
        raise DefinitionError(path, "", f"has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise DefinitionError(path, "", f"is not UTF-8 text (byte {problem.start})") from problem
    return parse_definition(text, path)


def parse_definition(text: str, path: Path | str) -> Activation:
    """Read the text of a definition file; ``path`` names it in messages and gives the default name."""
    return _Definition(text, Path(path)).read()


class _Definition:
    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        try:
            self.data = tomllib.loads(text, parse_float=str)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
            raise DefinitionError(path, "", f"is not TOML: {problem}") from problem

    def fail(self, key: str, message: str, column: int | None = None) -> DefinitionError:
        return DefinitionError(self.path, key, message, column)

    def read(self) -> Activation:
        self.only(self.data, _KEYS, "")
        if "expr" not in self.data:
            raise self.fail("expr", "is missing: a definition needs a formula")
        source = self.text(self.data, "expr", "expr")
        name = self.name()
        tables = self.table("parameters")
        if len(tables) > MAX_PARAMETERS:
            raise self.fail("parameters", f"has {len(tables)} entries; at most {MAX_PARAMETERS} are read")
        names = [self.symbol_name(n, f"parameters.{n}") for n in tables]
        variable = self.variable(source, names)
        symbols = {n: sp.Symbol(n, real=True) for n in (variable, *names)}
        try:
            expr = parse(source, variable, names)
        except ExpressionError as problem:
            raise self.fail("expr", str(problem.message), problem.column) from problem
        except RecursionError as problem:
            raise self.fail("expr", "is nested too deep") from problem
        return Activation(
            name=name,
            variable=symbols[variable],
            source=" ".join(source.split()),
            expr=expr,
            parameters=tuple(self.parameter(n, tables[n], symbols[n]) for n in names),
            title=self.words("title"),
            summary=self.words("summary"),
            aliases=self.aliases(),
            references=self.references(),
            path=self.path,
        )

    def only(self, table: Mapping[str, Any], allowed: set[str], prefix: str) -> None:
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, sorted(allowed), 1)
                hint = f" (did you mean {near[0]!r}?)" if near else f"; known are {', '.join(sorted(allowed))}"
                raise self.fail(prefix + key, f"is not a key of a definition{hint}")

    def text(self, table: Mapping[str, Any], key: str, shown: str) -> str:
        value = table[key]
        if not isinstance(value, str):
            raise self.fail(shown, f"must be text in quotes, not {_kind(value)}")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, f"must be a table, not {_kind(value)}")
        return value

    def name(self) -> str:
        if "name" in self.data:
            name = self.text(self.data, "name", "name")
            if not _SLUG.match(name):
                raise self.fail("name", f"{name!r} must be a slug: a small letter, then small letters, digits and _")
            return name
        stem = self.path.stem
        if not _SLUG.match(stem):
            raise self.fail("name", f"is missing, and the file's name {stem!r} is no slug: add name = \"my_function\"")
        return stem

    def symbol_name(self, name: str, key: str) -> str:
        if not _NAME.match(name) or keyword.iskeyword(name):
            raise self.fail(key, f"{name!r} cannot be a name: use a letter, then letters, digits and _")
        if name in BUILTINS:
            raise self.fail(key, f"{name!r} is a function or constant of the language and cannot be a name")
        return name

    def variable(self, source: str, parameters: list[str]) -> str:
        if "variable" in self.data:
            name = self.symbol_name(self.text(self.data, "variable", "variable"), "variable")
        else:
            used = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", source))
            free = [n for n in ("v", "x") if n not in parameters]
            name = next((n for n in free if n in used), free[0] if free else "v")
        if name in parameters:
            raise self.fail(f"parameters.{name}", f"a parameter cannot be named like the variable {name!r}")
        return name

    def parameter(self, name: str, table: Any, symbol: sp.Symbol) -> Parameter:
        key = f"parameters.{name}"
        if not isinstance(table, dict):
            raise self.fail(key, f"must be a table, not {_kind(table)}")
        self.only(table, _PARAMETER_KEYS, f"{key}.")
        domain = self.domain(table.get("domain", "Reals"), f"{key}.domain")
        default = self.default(table, key, domain)
        learned = table.get("learned", False)
        if not isinstance(learned, bool):
            raise self.fail(f"{key}.learned", f"must be true or false, not {_kind(learned)}")
        shared = table.get("shared", "layer")
        if shared not in ("layer", "channel"):
            raise self.fail(f"{key}.shared", f"must be \"layer\" or \"channel\", not {shared!r}")
        return Parameter(symbol=symbol, domain=domain, default=default, learned=learned, shared=shared)

    def domain(self, text: Any, key: str) -> Domain:
        if not isinstance(text, str):
            raise self.fail(key, f"must be text such as \"Reals\" or \"(0, oo)\", not {_kind(text)}")
        if text.strip() == "Reals":
            return Domain()
        try:
            lo, hi, lo_closed, hi_closed = parse_interval(text)
        except ExpressionError as problem:
            raise self.fail(key, str(problem.message), problem.column) from problem
        return Domain(lo=lo, hi=hi, lo_closed=lo_closed, hi_closed=hi_closed)

    def default(self, table: Mapping[str, Any], key: str, domain: Domain) -> sp.Rational:
        shown = f"{key}.default"
        if "default" not in table:
            raise self.fail(shown, "is missing: say which value stands where none is given, such as default = 1.0")
        value = table["default"]
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.fail(shown, f"must be a number, not {_kind(value)}")
        try:
            number = parse_constant(str(value))
        except ExpressionError as problem:
            raise self.fail(shown, f"{value!r} is not a number: {problem.message}") from problem
        if not number.is_Rational:
            raise self.fail(shown, f"{value!r} must be a rational number")
        if not domain.contains(number):
            raise self.fail(shown, f"{value} lies outside the domain {domain}")
        return sp.Rational(number)

    def words(self, key: str) -> Mapping[str, str]:
        table = self.table(key)
        self.only(table, _LANGUAGES, f"{key}.")
        return MappingProxyType({lang: self.text(table, lang, f"{key}.{lang}").strip() for lang in table})

    def aliases(self) -> tuple[str, ...]:
        value = self.data.get("aliases", [])
        if not isinstance(value, list) or any(not isinstance(a, str) for a in value):
            raise self.fail("aliases", "must be a list of texts")
        return tuple(value)

    def references(self) -> tuple[Reference, ...]:
        rows = self.data.get("reference", [])
        if not isinstance(rows, list) or any(not isinstance(r, dict) for r in rows):
            raise self.fail("reference", "must be written as [[reference]] tables")
        out = []
        for k, row in enumerate(rows):
            self.only(row, _REFERENCE_KEYS, f"reference[{k}].")
            if "year" in row and (isinstance(row["year"], bool) or not isinstance(row["year"], int)):
                raise self.fail(f"reference[{k}].year", f"must be a whole number, not {_kind(row['year'])}")
            fields = {key: self.text(row, key, f"reference[{k}].{key}") for key in row if key != "year"}
            out.append(Reference(year=row.get("year"), **fields))
        return tuple(out)


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", str: "text", list: "a list", dict: "a table"}
    return names.get(type(value), type(value).__name__)
