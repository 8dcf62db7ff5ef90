"""A certificate's JSON as values; every expression goes through the definition language's own parser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from kassei.core.activation import Activation, Domain, Parameter
from kassei.core.expression import ExpressionError, parse, parse_constant, parse_interval, parse_with_partial

SCHEMA = 1
TRUTHS = ("proved", "refuted", "conditional", "unknown")
MAX_BYTES = 16 * 1024 * 1024


class BadCertificate(ValueError):
    """Not a certificate, or one whose parts do not belong together; ``key`` names the sentence that says so."""

    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(f"{key}: {', '.join(f'{k}={v}' for k, v in facts.items())}")
        self.key = key
        self.facts = facts


@dataclass(frozen=True)
class Stretch:
    """An interval (or a point) whose ends are expressions in the parameters."""

    lo: sp.Expr
    lo_in: bool
    hi: sp.Expr
    hi_in: bool


@dataclass(frozen=True)
class Piece:
    """One smooth expression on an open interval; None where f is undefined."""

    lo: sp.Expr
    hi: sp.Expr
    expr: sp.Expr | None


@dataclass(frozen=True)
class Case:
    """The normal form that is claimed where ``when`` holds."""

    when: sp.Basic
    pieces: tuple[Piece, ...]
    values: tuple[sp.Expr | None, ...]
    sample: Mapping[sp.Symbol, sp.Expr]

    @property
    def breaks(self) -> tuple[sp.Expr, ...]:
        """Where the pieces meet."""
        return tuple(p.hi for p in self.pieces[:-1])


@dataclass(frozen=True)
class Claimed:
    """One verdict as the certificate has it."""

    name: str
    truth: str
    condition: sp.Basic
    value: Any
    witness: Mapping[str, Any] | None
    cases: tuple[Mapping[str, Any], ...]
    unread: tuple[str, ...] = ()
    """Conditions that the replay cannot read back: what is claimed there is not replayed."""
    roots: tuple[Mapping[str, Any], ...] = ()
    """Numbers without a closed form that the conditions speak of: which roots they are, and enclosures."""


@dataclass(frozen=True)
class Certificate:
    """A certificate whose definition has been parsed again and whose digest is that of the definition."""

    activation: Activation
    digest: str
    cases: tuple[Case, ...]
    verdicts: tuple[Claimed, ...]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The parameters."""
        return tuple(p.symbol for p in self.activation.parameters)


def read(text: str) -> Certificate:
    """The certificate that a file's text is; raises ``BadCertificate``."""
    if len(text) > MAX_BYTES:
        raise BadCertificate("certificate_too_large", limit=MAX_BYTES)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise BadCertificate("certificate_not_json") from None
    if not isinstance(data, dict) or "certificate" not in data:
        raise BadCertificate("certificate_not_one")
    if data["certificate"] != SCHEMA:
        raise BadCertificate("certificate_schema", found=data["certificate"], wanted=SCHEMA)
    try:
        return _certificate(data)
    except BadCertificate:
        raise
    except ExpressionError as error:
        raise BadCertificate("certificate_expression", reason=error) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise BadCertificate("certificate_malformed", reason=f"{type(error).__name__}: {error}") from None


def _certificate(data: Mapping[str, Any]) -> Certificate:
    activation = _activation(data["definition"])
    if activation.digest != data["digest"]:
        raise BadCertificate("certificate_digest", found=data["digest"], wanted=activation.digest)
    spelling = Spelling(activation)
    verdicts = [spelling.claimed(n, v) for part in ("requirements", "properties") for n, v in data[part].items()]
    return Certificate(activation, activation.digest, tuple(map(spelling.case, data["cases"])), tuple(verdicts))


def _activation(d: Mapping[str, Any]) -> Activation:
    parameters = []
    for name, p in d["parameters"].items():
        domain = Domain()
        if p["domain"] != "Reals":
            lo, hi, lo_closed, hi_closed = parse_interval(p["domain"])
            domain = Domain(lo=lo, hi=hi, lo_closed=lo_closed, hi_closed=hi_closed)
        default = parse_constant(p["default"])
        one = Parameter(
            symbol=sp.Symbol(name, real=True),
            domain=domain,
            default=default,
            learned=bool(p["learned"]),
            shared=p["shared"],
        )
        parameters.append(one)
    variable = sp.Symbol(d["variable"], real=True)
    expr, partial = parse_with_partial(d["expr"], variable, [p.symbol for p in parameters])
    return Activation(
        name=str(d["name"]),
        variable=variable,
        source=d["expr"],
        expr=expr,
        parameters=tuple(parameters),
        partial=partial,
    )


class Spelling:
    """Strings of one certificate as SymPy objects."""

    def __init__(self, activation: Activation) -> None:
        self.v = activation.variable
        self.names = [p.symbol for p in activation.parameters]

    def expr(self, text: Any, *more: str) -> sp.Expr | None:
        """An expression, an infinity, or None for ``nan`` and ``none``."""
        if isinstance(text, dict):
            raise Unread(str(text.get("expr", text)))
        text = str(text).strip()
        if text in ("nan", "none"):
            return None
        if text in ("oo", "-oo"):
            return sp.oo if text == "oo" else -sp.oo
        return parse(text, self.v, [*self.names, *(sp.Symbol(m) for m in more)])

    def condition(self, holder: Mapping[str, Any], key: str = "when") -> sp.Basic:
        """A condition on the parameters; the roots without a closed form that it names stand beside it."""
        text = holder[key]
        if text is None or text == "True":
            return sp.true
        if text == "False":
            return sp.false
        roots = {sp.Symbol(n, real=True): enclosed_root(row) for n, row in holder.get("roots", {}).items()}
        one = parse(f"Piecewise((1, {text}), (0, True))", self.v, [*self.names, *roots]).xreplace(roots)
        if one in (sp.S.One, sp.S.Zero):
            return sp.true if one == 1 else sp.false
        return one.args[0][1]

    def case(self, c: Mapping[str, Any]) -> Case:
        """One normal form; pieces between roots without a closed form are left out of the replay."""
        try:
            pieces = tuple(Piece(self.some(p["lo"]), self.some(p["hi"]), self.expr(p["expr"])) for p in c["pieces"])
            values = tuple(self.expr(x) for x in c["values"])
        except Unread:
            pieces, values = (), ()
        return Case(self.condition(c), pieces, values, self.point(c["sample"]) or {})

    def some(self, text: Any) -> sp.Expr:
        """An expression that must be there."""
        found = self.expr(text)
        if found is None:
            raise Unread(str(text))
        return found

    def point(self, values: Mapping[str, Any]) -> dict[sp.Symbol, sp.Expr] | None:
        """Parameter values; None where one is a root without a closed form."""
        try:
            return {sp.Symbol(n, real=True): self.some(x) for n, x in values.items()}
        except (Unread, ExpressionError):
            if any(isinstance(x, dict) for x in values.values()):
                return None
            raise

    def some_with(self, text: str, name: str) -> sp.Expr:
        """An expression in one more symbol."""
        return parse(text, self.v, [*self.names, sp.Symbol(name, real=True)])

    def claimed(self, name: str, v: Mapping[str, Any]) -> Claimed:
        """One verdict; its condition is true where it is proved and false where it is refuted."""
        truth = v["verdict"]
        if truth not in TRUTHS:
            raise BadCertificate("certificate_malformed", reason=f"verdict {truth}")
        if (v["condition"] is not None) != (truth == "conditional"):
            raise BadCertificate("certificate_malformed", reason=f"{name}: condition of a verdict {truth}")
        always = {"proved": sp.true, "refuted": sp.false}.get(truth, sp.true)
        unread: list[str] = []
        try:
            condition = self.condition(v, "condition") if truth == "conditional" else always
        except Unread as left:
            condition = sp.false
            unread.append(str(left))
        value = v.get("value")
        if isinstance(value, list) and value and isinstance(value[0], dict) and "when" in value[0]:
            rows = []
            for row in value:
                try:
                    rows.append((self.condition(row), row["value"]))
                except Unread as left:
                    unread.append(str(left))
            value = rows
        elif value is not None:
            value = [(sp.true, value)]
        holders = [v, *(row for row in v.get("value") or () if isinstance(row, dict))]
        roots = {str(row): row for holder in holders for row in holder.get("roots", {}).values()}
        cases = tuple(v["cases"])
        return Claimed(name, truth, condition, value, v["witness"], cases, tuple(unread), tuple(roots.values()))

    def stretches(self, text: str) -> tuple[Stretch, ...]:
        """A set in SymPy's spelling as intervals and points."""
        text = text.strip()
        if text == "EmptySet":
            return ()
        if text == "Reals":
            return (Stretch(-sp.oo, False, sp.oo, False),)
        if text.startswith("{"):
            points = [self.some(p) for p in split(text[1:-1])]
            return tuple(Stretch(p, True, p, True) for p in points)
        match = re.fullmatch(r"(Interval|Union)(\.open|\.Lopen|\.Ropen)?\((.*)\)", text)
        if match is None:
            raise Unread(text)
        kind, ends, inside = match.groups()
        parts = split(inside)
        if kind == "Union":
            return tuple(s for p in parts for s in self.stretches(p))
        lo, hi = map(self.some, parts)
        lo_in = ends not in (".open", ".Lopen") and lo != -sp.oo
        return (Stretch(lo, lo_in, hi, ends not in (".open", ".Ropen") and hi != sp.oo),)


class EnclosedRoot(sp.AtomicExpr):  # type: ignore[misc]
    """A number of which only an interval is told."""

    is_number = True
    is_real = True
    is_finite = True
    is_commutative = True
    is_comparable = True

    def __new__(cls, lo: sp.Rational, hi: sp.Rational) -> EnclosedRoot:
        """The number between two rationals."""
        self = super().__new__(cls)
        self.lo, self.hi = lo, hi
        return self  # type: ignore[no-any-return]

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.lo, self.hi)

    def _sympystr(self, printer: Any) -> str:
        del printer
        return f"[{self.lo}, {self.hi}]"

    def _eval_evalf(self, prec: int) -> sp.Float:
        return sp.Float((self.lo + self.hi) / 2, precision=prec)


def enclosed_root(row: Mapping[str, Any]) -> EnclosedRoot:
    """The number that a row of a table of roots encloses."""
    return EnclosedRoot(sp.Rational(row["lo"]), sp.Rational(row["hi"]))


class Unread(ValueError):
    """A part that the replay cannot read back, such as a root without a closed form."""


def split(text: str) -> list[str]:
    """The parts of a text between the commas that stand in no bracket."""
    out, depth, start = [], 0, 0
    for k, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            out.append(text[start:k])
            start = k + 1
    return [*out, text[start:]]
