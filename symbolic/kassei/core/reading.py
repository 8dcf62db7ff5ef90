"""Definition files: TOML in, an :class:`Activation` out, or an error that says where and why."""

from __future__ import annotations

import difflib
import keyword
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import sympy as sp

from kassei.core.activation import Activation, Domain, Framework, Parameter, Reference
from kassei.core.complaint import Complaint, complaint
from kassei.core.expression import (
    BUILTINS,
    MAX_SIZE,
    ExpressionError,
    names,
    parse_constant,
    parse_interval,
    parse_with_partial,
    shown,
)

MAX_BYTES = 256 * 1024
"""A definition file may have this many bytes."""
MAX_PARAMETERS = 12
"""How many parameters one function may have."""
MAX_TEXT = 4_000
"""How long a title, a summary or a part of a reference may be."""
SLUG = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_ALIAS = re.compile(r"[^\s/\\]{1,60}\Z")
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "doi": re.compile(r"10\.[0-9]{4,9}/\S+\Z"),
    "arxiv": re.compile(r"([0-9]{4}\.[0-9]{4,5}|[a-z-]+(\.[A-Z]{2})?/[0-9]{7})(v[0-9]+)?\Z"),
    "url": re.compile(r"https?://[^\s\"'<>\\]+\Z"),
}
# Names that mean something to SymPy, which reads the strings of `kassei show --json` back, and the arguments that the
# emitted functions have beside the parameters.
_SYMPY_NAMES = frozenset(("I", "N", "O", "Q", "S"))
_ARGUMENTS = frozenset(("out", "dy", "axis"))

_KEYS = ("name", "variable", "expr", "parameters", "title", "summary", "aliases", "reference", "framework")
_PARAMETER_KEYS = ("domain", "default", "learned", "shared")
_REFERENCE_KEYS = ("authors", "title", "year", "doi", "arxiv", "url", "eq", "note", "unverified")
_FRAMEWORK_KEYS = ("name", "call", "parameters", "kink", "nan", "inf", "neg_inf", "note")
_FRAMEWORK_TABLES = ("parameters", "kink", "note")
_TYPES = (str, bool, int, Decimal, dict, list)


class DefinitionError(ValueError):
    """A definition that cannot be read; prints as one line ``file: key 'expr', column 12: …``.

    ``message`` is a :class:`Complaint`, so that it can be said in another language; ``column`` and ``line`` count
    from 1 and are None where the trouble is the key as a whole.
    """

    def __init__(
        self, path: Path | str, key: str, message: Complaint, column: int | None = None, line: int | None = None
    ) -> None:
        super().__init__(str(message))
        self.path = path
        self.key = key
        self.message = message
        self.column = column
        self.line = line

    def __str__(self) -> str:
        return f"{self.place()}: {self.message}"

    def place(self, key_word: str = "key", line_word: str = "line", column_word: str = "column") -> str:
        """Where, as ``file: key 'expr', column 12``; the words may be another language's."""
        inside = [f"{key_word} '{self.key}'"] if self.key else []
        if self.line is not None and (self.line > 1 or not self.key):
            inside.append(f"{line_word} {self.line}")
        if self.column is not None:
            inside.append(f"{column_word} {self.column}")
        path = shown(str(self.path), 4096)
        return f"{path}: {', '.join(inside)}" if inside else path


def load(path: Path | str) -> Activation:
    """Read a definition file.

    Args:
        path: A UTF-8 TOML file of at most 256 KiB, as the interface describes it.

    Returns:
        The activation, with ``path`` set.

    Raises:
        DefinitionError: If the file cannot be read or says something that is not a definition. Nothing is evaluated.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DefinitionError(path, "", complaint("file_missing")) from None
    except IsADirectoryError:
        raise DefinitionError(path, "", complaint("file_is_folder")) from None
    except (OSError, ValueError) as reason:  # ValueError: a NUL in the path
        text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise DefinitionError(path, "", complaint("file_unreadable", reason=text)) from None
    if len(data) > MAX_BYTES:
        raise DefinitionError(path, "", complaint("file_too_large", limit=MAX_BYTES))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise DefinitionError(path, "", complaint("file_not_utf8", position=reason.start)) from None
    return parse_definition(text, path)


def parse_definition(text: str, path: Path | str) -> Activation:
    """Read the text of a definition; ``path`` names it in errors and gives the default name. See :func:`load`."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as reason:
        raise _toml_error(path, str(reason)) from None
    except (ValueError, RecursionError, ArithmeticError) as reason:
        # an integer of thousands of digits, arrays nested a thousand deep, an exponent no Decimal holds
        raise DefinitionError(path, "", complaint("toml", reason=str(reason).split(";")[0])) from None
    return _Definition(Path(path), table).activation()


def _toml_error(path: Path | str, reason: str) -> DefinitionError:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", reason, re.DOTALL)
    said = complaint("toml", reason=shown(match[1] if match and match[2] else reason, 200))
    if match is None or match[2] is None:
        return DefinitionError(path, "", said)
    return DefinitionError(path, "", said, column=int(match[3]), line=int(match[2]))


def _type_name(kind: type) -> Complaint:
    return complaint(f"type_{kind.__name__}" if kind in _TYPES else "type_date")


class _Definition:
    """The checks, key by key; every method raises ``DefinitionError`` at the key it reads."""

    def __init__(self, path: Path, table: dict[str, Any]) -> None:
        self.path = path
        self.table = table

    def activation(self) -> Activation:
        """The whole definition."""
        table = self.table
        self.known(table, _KEYS, "")
        if "expr" not in table:
            self.refuse("expr", "expr_missing")
        source: str = self.of_type(table["expr"], str, "expr")
        declared = self.of_type(table.get("parameters", {}), dict, "parameters")
        if len(declared) > MAX_PARAMETERS:
            self.refuse("parameters", "too_many_parameters", found=len(declared), limit=MAX_PARAMETERS)
        variable = self.variable(source, declared)
        parameters = tuple(self.parameter(name, body, variable) for name, body in declared.items())
        expr, partial = self.read("expr", lambda: parse_with_partial(source, variable, [p.name for p in parameters]))
        return Activation(
            name=self.name(),
            variable=sp.Symbol(variable, real=True),
            source=" ".join(source.split()),
            expr=expr,
            partial=partial,
            parameters=parameters,
            title=self.translations("title"),
            summary=self.translations("summary"),
            aliases=self.aliases(),
            references=self.references(),
            frameworks=self.frameworks(parameters),
            path=self.path,
        )

    # refusals

    def refuse(self, key: str, message: str, **facts: Any) -> NoReturn:
        """Raise at a key."""
        raise DefinitionError(self.path, key, complaint(message, **facts))

    def read(self, key: str, parsed: Callable[[], Any]) -> Any:
        """What a parser returns; its refusals are raised at a key."""
        try:
            return parsed()
        except ExpressionError as error:
            raise DefinitionError(self.path, key, error.message, error.column, error.line) from None

    def known(self, table: Mapping[str, Any], allowed: Iterable[str], prefix: str) -> None:
        """Refuse keys that mean nothing, naming the one that may have been meant."""
        allowed = tuple(allowed)
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.6)
                hint = complaint("did_you_mean", names=near[0]) if near else None
                hint = hint or complaint("allowed_keys", names=", ".join(allowed))
                self.refuse(prefix + shown(key, 40), "unknown_key", hint=hint)

    def of_type(self, value: Any, kind: type, key: str) -> Any:
        """The value, if it is of one TOML type."""
        if type(value) is not kind:
            self.refuse(key, "wrong_type", wanted=_type_name(kind), found=_type_name(type(value)))
        return value

    def text(self, value: Any, key: str, *, limit: int = MAX_TEXT, lines: bool = False) -> str:
        """A text without control characters, on one line unless ``lines``."""
        text: str = self.of_type(value, str, key)
        if len(text) > limit:
            self.refuse(key, "text_too_long", length=len(text), limit=limit)
        if not lines and "\n" in text:
            self.refuse(key, "one_line")
        if any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in text):
            self.refuse(key, "control_character")
        return text.strip()

    # keys

    def name(self) -> str:
        """``name``, or the file's stem."""
        given = "name" in self.table
        found = self.text(self.table["name"], "name", limit=200) if given else self.path.stem
        if not SLUG.match(found):
            self.refuse("name", "name_not_slug" if given else "stem_not_slug", found=shown(found, 60))
        if keyword.iskeyword(found):
            self.refuse("name", "name_is_keyword", found=found)
        return found

    def variable(self, source: str, declared: Mapping[str, Any]) -> str:
        """``variable``, or whichever of v and x the formula uses without declaring it."""
        if "variable" not in self.table:
            used = names(source)
            return next((name for name in ("v", "x") if name in used and name not in declared), "v")
        found = self.text(self.table["variable"], "variable", limit=200)
        self.symbol(found, "variable")
        return found

    def symbol(self, name: str, key: str) -> None:
        """Refuse what cannot be the name of a variable or a parameter."""
        found = shown(name, 60)
        if not _IDENTIFIER.match(name):
            self.refuse(key, "symbol_malformed", found=found)
        for taken, message in (
            (BUILTINS, "symbol_is_builtin"),
            (_SYMPY_NAMES, "symbol_is_sympy"),
            (_ARGUMENTS, "symbol_is_argument"),
            (frozenset(keyword.kwlist), "symbol_is_keyword"),
        ):
            if name in taken:
                self.refuse(key, message, found=found)

    def parameter(self, name: str, body: Any, variable: str) -> Parameter:
        """One table ``[parameters.NAME]``."""
        key = f"parameters.{shown(name, 60)}"
        self.symbol(name, key)
        if name == variable:
            self.refuse(key, "parameter_is_variable", found=name)
        body = self.of_type(body, dict, key)
        self.known(body, _PARAMETER_KEYS, f"{key}.")
        domain = self.domain(body.get("domain", "Reals"), f"{key}.domain")
        learned: bool = self.of_type(body.get("learned", False), bool, f"{key}.learned")
        shared = self.of_type(body.get("shared", "layer"), str, f"{key}.shared")
        if shared not in ("layer", "channel"):
            self.refuse(f"{key}.shared", "shared_value", found=shown(shared))
        return Parameter(
            symbol=sp.Symbol(name, real=True),
            domain=domain,
            default=self.default(body, domain, f"{key}.default"),
            learned=learned,
            shared=shared,
        )

    def domain(self, value: Any, key: str) -> Domain:
        """``domain``: all of R, or an interval."""
        text: str = self.of_type(value, str, key)
        if text.strip() == "Reals":
            return Domain()
        lo, hi, lo_closed, hi_closed = self.read(key, lambda: parse_interval(text))
        return Domain(lo=lo, hi=hi, lo_closed=lo_closed, hi_closed=hi_closed)

    def default(self, body: Mapping[str, Any], domain: Domain, key: str) -> sp.Rational:
        """``default``: a number of the domain, exactly as written."""
        if "default" not in body:
            self.refuse(key, "default_missing", instead=_some_value(domain))
        number = self.number(body["default"], domain, key)
        if not number.is_Rational:
            self.refuse(key, "default_not_rational", found=number)
        return number

    def number(self, value: Any, domain: Domain, key: str) -> sp.Expr:
        """A constant of a domain, exactly as written."""
        if type(value) is str:
            number = self.read(key, lambda: parse_constant(value))
        elif type(value) is int or type(value) is Decimal:
            number = self.rational(value, key)
        else:
            self.refuse(key, "wrong_type", wanted=_type_name(Decimal), found=_type_name(type(value)))
        if not domain.contains(number):
            self.refuse(key, "default_outside", found=shown(str(value), 60), domain=domain)
        return number

    def rational(self, value: int | Decimal, key: str) -> sp.Rational:
        """A TOML number, exactly; refused where a double could not come near it."""
        number = Decimal(value)
        if not number.is_finite():
            self.refuse(key, "number_not_finite", found=value)
        if number and abs(number.adjusted()) > MAX_SIZE:
            self.refuse(key, "number_too_large", limit=MAX_SIZE)
        return sp.Rational(*number.as_integer_ratio())

    def translations(self, key: str, value: Any = None) -> Mapping[str, str]:
        """``title``, ``summary`` or a ``note``: a table from language to text."""
        table = self.of_type(self.table.get(key, {}) if value is None else value, dict, key)
        for lang in table:
            if not _LANGUAGE.match(lang):
                self.refuse(f"{key}.{shown(lang)}", "language_tag")
        lines = key == "summary"
        return MappingProxyType({lang: self.text(table[lang], f"{key}.{lang}", lines=lines) for lang in table})

    def aliases(self) -> tuple[str, ...]:
        """``aliases``: other names it is found under."""
        found = self.of_type(self.table.get("aliases", []), list, "aliases")
        for k, alias in enumerate(found):
            text = self.of_type(alias, str, f"aliases[{k}]")
            if not _ALIAS.match(text) or not text.isprintable() or text.startswith("-"):
                self.refuse(f"aliases[{k}]", "alias_malformed", found=shown(text))
        return tuple(found)

    def references(self) -> tuple[Reference, ...]:
        """The ``[[reference]]`` tables, in order."""
        rows = self.of_type(self.table.get("reference", []), list, "reference")
        return tuple(self.reference(row, f"reference[{k}]") for k, row in enumerate(rows))

    def reference(self, row: Any, key: str) -> Reference:
        """One ``[[reference]]`` table."""
        row = self.of_type(row, dict, key)
        self.known(row, _REFERENCE_KEYS, f"{key}.")
        unverified: bool = self.of_type(row.get("unverified", False), bool, f"{key}.unverified")
        others = ("year", "unverified", "note")
        texts = {name: self.text(row[name], f"{key}.{name}") for name in row if name not in others}
        for name, shape in _SHAPES.items():
            if name in texts and not shape.match(texts[name]):
                self.refuse(f"{key}.{name}", f"reference_{name}", found=shown(texts[name], 60))
        year: int | None = self.of_type(row["year"], int, f"{key}.year") if "year" in row else None
        if year is not None and not 1600 <= year <= 2200:
            self.refuse(f"{key}.year", "reference_year", found=year)
        return Reference(year=year, unverified=unverified, note=self.note(row.get("note", {}), f"{key}.note"), **texts)

    def note(self, value: Any, key: str) -> Mapping[str, str]:
        """A reference's ``note``: one text for all languages, or a table from language to text."""
        if type(value) is str:
            return MappingProxyType({"": self.text(value, key)})
        return self.translations(key, value)

    def frameworks(self, parameters: tuple[Parameter, ...]) -> tuple[Framework, ...]:
        """The ``[[framework]]`` tables, in order."""
        rows = self.of_type(self.table.get("framework", []), list, "framework")
        return tuple(self.framework(row, f"framework[{k}]", parameters) for k, row in enumerate(rows))

    def framework(self, row: Any, key: str, parameters: tuple[Parameter, ...]) -> Framework:
        """One ``[[framework]]`` table; its parameters are ours, with the framework's defaults."""
        row = self.of_type(row, dict, key)
        self.known(row, _FRAMEWORK_KEYS, f"{key}.")
        for name in ("name", "call"):
            if not row.get(name, ""):
                self.refuse(f"{key}.{name}", "framework_incomplete")
        texts = {name: self.text(row[name], f"{key}.{name}") for name in row if name not in _FRAMEWORK_TABLES}
        declared = {p.name: p for p in parameters}
        given = self.of_type(row.get("parameters", {}), dict, f"{key}.parameters")
        for name in given:
            if name not in declared:
                names = ", ".join(declared)
                hint = complaint("declared_parameters", names=names) if names else complaint("no_parameters")
                self.refuse(f"{key}.parameters.{shown(name, 40)}", "framework_parameter", found=shown(name), hint=hint)
        return Framework(
            parameters=MappingProxyType(
                {
                    name: self.number(value, declared[name].domain, f"{key}.parameters.{name}")
                    for name, value in given.items()
                }
            ),
            kink=self.kink(row.get("kink", {}), f"{key}.kink"),
            note=self.translations(f"{key}.note", row.get("note", {})),
            **texts,
        )

    def kink(self, value: Any, key: str) -> tuple[tuple[str, str], ...]:
        """``kink``: the slope at every kink, or a table from kinks to slopes; all are constants or parameters."""
        table = {"": value} if type(value) is str else self.of_type(value, dict, key)
        return tuple((at, self.text(slope, f"{key}.{shown(at, 40)}".rstrip("."))) for at, slope in table.items())


def _some_value(domain: Domain) -> str:
    """A simple number inside a domain, as TOML would have it."""
    candidates = [sp.Integer(0), sp.Integer(1), sp.Integer(-1), sp.Rational(1, 2), sp.Rational(-1, 2)]
    if domain.lo.is_finite and domain.hi.is_finite:
        middle = (domain.lo + domain.hi) / 2
        near = sp.Rational(str(middle.evalf(15)))
        candidates += [middle] if middle.is_Rational else [near.limit_denominator(10**k) for k in (1, 2, 4, 8, 15)]
    elif domain.lo.is_finite:
        candidates.append(sp.ceiling(domain.lo) + 1)
    elif domain.hi.is_finite:
        candidates.append(sp.floor(domain.hi) - 1)
    inside = next((c for c in candidates if domain.contains(c)), candidates[-1])
    return f"{inside}.0" if inside.is_Integer else f'"{inside}"'
