"""The expression language: SymPy's spelling of a formula, read by a Pratt parser that never evaluates code.

Binding, from loose to tight, is Python's and therefore SymPy's: comparisons, ``|``, ``&``, ``+ -``, ``* /``,
the signs ``+ - ~`` in front, ``**`` (to the right). So ``-v**2`` is ``-(v**2)`` and ``(v > 0) & (v < 1)`` needs its
parentheses. Numbers are exact (``0.1`` is 1/10), symbols are real, and every number the formula contains must be real.
SymPy simplifies as it builds: ``v/v`` is 1, as it is for ``sympify``.
"""

from __future__ import annotations

import difflib
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import mpmath
import sympy as sp

from kassei.core.complaint import Complaint, complaint

MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_PARTS = 1_000
MAX_ARGUMENTS = 32
MAX_DIGITS = 100
MAX_SIZE = 300
"""Constants lie between 1e-300 and 1e300 in size, or are 0: what a double holds, with room to spare."""
MAX_EXPONENT = 100
MAX_DENOMINATOR = 1_000_000
"""Constant exponents: SymPy 1.14 multiplies ``cosh(asin(v)**1000)`` out when it is asked for a sign."""


class ExpressionError(ValueError):
    """A text outside the language: a message, the column it is about and the line, both counted from 1."""

    def __init__(self, message: Complaint, column: int, line: int = 1) -> None:
        super().__init__(str(message))
        self.message = message
        self.column = column
        self.line = line

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" if self.line > 1 else f"column {self.column}"
        return f"{where}: {self.message}"


def parse(text: str, variable: object, parameters: Iterable[object] = ()) -> sp.Expr:
    """The SymPy expression a formula means.

    Args:
        text: The formula; line breaks are spaces.
        variable: The name of the variable (or its symbol).
        parameters: The names of the declared parameters (or their symbols).

    Returns:
        An expression in ``Symbol(name, real=True)`` and exact numbers. ``sigmoid(u)`` is ``1/(1 + exp(-u))``,
        ``softplus(u)`` is ``log(1 + exp(u))``, ``relu(u)`` is ``Max(0, u)``, ``cbrt(u)`` the real cube root
        ``sign(u)*Abs(u)**(1/3)`` (SymPy's own is not real for u < 0), ``Heaviside(u)`` is 1/2 at 0 unless a second
        argument says otherwise, as SymPy has it since 1.9.

    Raises:
        ExpressionError: For everything else, with the column it stands at and what is allowed.
    """
    return parse_with_partial(text, variable, parameters)[0]


def parse_with_partial(
    text: str, variable: object, parameters: Iterable[object] = ()
) -> tuple[sp.Expr, tuple[sp.Expr, ...]]:
    """What :func:`parse` returns, and the parts of the formula that need not be defined everywhere, as written.

    The parts are quotients, powers, roots, logarithms and the like, unevaluated: SymPy makes ``v`` of
    ``exp(log(v))`` and 1 of ``v/v``, and what is undefined in them would be forgotten.
    """
    reader = _Reader(text, str(variable), tuple(str(p) for p in parameters))
    return reader.whole(), tuple(dict.fromkeys(reader.partial))


def parse_constant(text: str) -> sp.Expr:
    """A finite real constant, such as ``1/3`` or ``sqrt(2)``. Raises ``ExpressionError``."""
    return _Reader(text, None, ()).whole()


def parse_interval(text: str) -> tuple[sp.Expr, sp.Expr, bool, bool]:
    """The ends of an interval such as ``(0, oo)`` or ``[1/8, 1/3]`` and whether each belongs to it.

    Raises ``ExpressionError`` for anything that is not a non-degenerate interval of real numbers.
    """
    stripped = text.strip()
    start = len(text) - len(text.lstrip())
    if len(stripped) < 2 or stripped[0] not in "([" or stripped[-1] not in ")]":
        raise ExpressionError(complaint("domain_syntax"), start + 1)
    return _Reader(" " * (start + 1) + stripped[1:-1], None, ()).ends(stripped[0] == "[", stripped[-1] == "]")


def names(text: str) -> tuple[str, ...]:
    """The names that occur in a formula, in order and without repetition; reading stops where the text is refused."""
    found: list[str] = []
    try:
        found += [token.text for token in _tokens(text) if token.kind == "name"]
    except ExpressionError:
        return tuple(dict.fromkeys(found or re.findall(_NAME, text)))
    return tuple(dict.fromkeys(found))


# --- tokens -----------------------------------------------------------------------------------------------------------

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(rf"(?P<space>[ \t\r\n]+)|(?P<number>{_NUMBER})|(?P<name>{_NAME})|(?P<op>\*\*|<=|>=|[-+*/<>&|~(),])")
_REFUSED = re.compile(r"==|!=|:=|//|&&|\|\||['\"`]|.", re.DOTALL)

_ASCII_REFUSALS = {
    "^": "caret",
    "=": "assignment",
    ":=": "assignment",
    "==": "equality",
    "!=": "inequality",
    "[": "indexing",
    "]": "indexing",
    "{": "braces",
    "}": "braces",
    ";": "separator",
    ":": "separator",
    "//": "operator",
    "%": "operator",
    "@": "operator",
    "!": "operator",
}

_LOOKALIKES = {
    **dict.fromkeys("×∗⋅·✕∙•", "*"),
    **dict.fromkeys("−–—‐‑‒―", "-"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("“”‘’„", "no quotes"),
    "≤": "<=",
    "≥": ">=",
    "≦": "<=",
    "≧": ">=",
    "≠": "Ne(a, b)",
    "√": "sqrt(…)",
    "∛": "cbrt(…)",
    "∞": "oo",
    "∧": "&",
    "∨": "|",
    "¬": "~",
    "、": ",",
    "。": ".",
    "∣": "Abs(…)",
}


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, op or end
    text: str
    at: int


def shown(text: str, limit: int = 24) -> str:
    """A quotation that is safe on a terminal: what cannot be printed is named by its code point."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in cut)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    before = ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (text.startswith(("==", "&&", "||", "//"), at)):
            _refuse_character(text, at, before)
        kind = match.lastgroup
        if kind != "space":
            if kind == "number":
                tail = re.match(r"[0-9_.]+", text[match.end() :])
                if tail:
                    raise _error(text, at, complaint("number_malformed", found=shown(match[0] + tail[0])))
            before = match[0]
            yield _Token(str(kind), match[0], at)
        at = match.end()
    yield _Token("end", "", len(text))


def _error(text: str, at: int, message: Complaint) -> ExpressionError:
    """An error at an offset: lines and columns are counted as an editor does."""
    start = text.rfind("\n", 0, at) + 1
    return ExpressionError(message, at - start + 1, text.count("\n", 0, at) + 1)


def _refuse_character(text: str, at: int, before: str) -> NoReturn:
    match = _REFUSED.match(text, at)
    found = match[0] if match else text[at]
    if found in _ASCII_REFUSALS:
        raise _error(text, at, complaint(_ASCII_REFUSALS[found], found=found))
    if found in ("&&", "||"):
        raise _error(text, at, complaint("word", found=found, instead=complaint("use_logic")))
    if found == ".":
        raise _error(text, at, complaint("attribute", found=f"'{shown(before)}'"))
    if found in "'\"`":
        end = text.find(found, at + 1)
        raise _error(text, at, complaint("text_literal", found=shown(text[at : end + 1 if end > 0 else None])))
    kind = unicodedata.name(found, "a control character" if not found.isprintable() else "an unnamed character").lower()
    instead = _LOOKALIKES.get(found) or _plain_spelling(found)
    key = "lookalike" if instead else "unknown_character"
    raise _error(text, at, complaint(key, found=shown(found), kind=kind, instead=instead))


def _plain_spelling(char: str) -> str | None:
    """The ASCII spelling of a full-width form, a superscript, a Greek letter or an odd space."""
    name = unicodedata.name(char, "")
    if "SUPERSCRIPT" in name:
        return "**" + unicodedata.normalize("NFKC", char).replace("−", "-")
    if name.startswith("GREEK SMALL LETTER "):
        return name.removeprefix("GREEK SMALL LETTER ").split()[0].lower().replace("lamda", "lam")
    plain = unicodedata.normalize("NFKC", char)
    if plain.isspace():
        return "a plain space"
    return plain if char != plain and plain.isascii() and plain.isprintable() else None


# --- functions --------------------------------------------------------------------------------------------------------


def _heaviside(u: sp.Expr, at_zero: sp.Expr = sp.S.Half) -> sp.Expr:
    return sp.Piecewise((0, u < 0), (at_zero, sp.Eq(u, 0)), (1, True))


def _cbrt(u: sp.Expr) -> sp.Expr:
    return sp.sign(u) * sp.Pow(sp.Abs(u), sp.Rational(1, 3))


def _extreme(kind: Any) -> Callable[..., sp.Expr]:
    """``Max`` or ``Min``, left as written where it is nested.

    SymPy 1.14 compares every two arguments, and with it every two arguments of what is inside: ``relu(2*u - 1)``
    nested 8 deep takes 2 seconds, 10 deep half a minute.
    """

    def build(*args: sp.Expr) -> sp.Expr:
        inside = sum(len(arg.atoms(sp.Max, sp.Min)) for arg in args)
        return kind(*args, evaluate=inside <= 2) if len(args) > 1 else args[0]

    return build


_ONE, _ONE_OR_TWO, _SOME = (1, 1, "one_argument"), (1, 2, "one_or_two_arguments"), (1, MAX_ARGUMENTS, "some_arguments")
_PLAIN = (  # those of SymPy, whose names they keep
    *("exp", "log", "sqrt", "sin", "cos", "tan", "atan", "asin", "acos", "sinh", "cosh", "tanh", "asinh", "acosh"),
    *("atanh", "erf", "erfc", "Abs", "sign"),
)
_PARTIAL = ("log", "asin", "acos", "acosh", "atanh", "tan")
_BUILDERS: dict[str, tuple[tuple[int, int, str], Callable[..., Any]]] = {
    **{name: (_ONE, getattr(sp, name)) for name in _PLAIN},
    "Max": (_SOME, _extreme(sp.Max)),
    "Min": (_SOME, _extreme(sp.Min)),
    "Heaviside": (_ONE_OR_TWO, _heaviside),
    "cbrt": (_ONE, _cbrt),
    "sigmoid": (_ONE, lambda u: 1 / (1 + sp.exp(-u))),
    "softplus": (_ONE, lambda u: sp.log(1 + sp.exp(u))),
    "relu": (_ONE, lambda u: _extreme(sp.Max)(sp.S.Zero, u)),
}
FUNCTIONS = ("Piecewise", "Rational", "Eq", "Ne", *_BUILDERS)
CONSTANTS: dict[str, sp.Expr] = {"pi": sp.pi, "E": sp.E, "oo": sp.oo}
_INFINITE = (sp.oo, -sp.oo)
BUILTINS = frozenset({*FUNCTIONS, *CONSTANTS, "True", "False"})

_OTHER_SPELLINGS = {
    "ln": "log",
    "arctan": "atan",
    "arcsin": "asin",
    "arccos": "acos",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "pow": "a**b",
    "power": "a**b",
    "maximum": "Max",
    "minimum": "Min",
    "fabs": "Abs",
    "sgn": "sign",
    "expit": "sigmoid",
    "logistic": "sigmoid",
    "where": "Piecewise((a, condition), (b, True))",
    "select": "Piecewise((a, condition), (b, True))",
    "log1p": "log(1 + v)",
    "expm1": "exp(v) - 1",
    "square": "v**2",
    "logcosh": "log(cosh(v))",
    "And": "(a > 0) & (v < 1)",
    "Or": "(a > 0) | (v < 1)",
    "Not": "~(a > 0)",
    "Symbol": "the bare name",
    "Integer": "the number itself",
    "Float": "the number itself",
    "e": "E",
    "inf": "oo",
    "infinity": "oo",
    "Inf": "oo",
    "true": "True",
    "false": "False",
}
_LOGIC_WORDS = ("and", "or", "not")
_BRANCH_WORDS = ("if", "else", "elif", "for", "while")
_COMPARISONS: dict[str, Callable[..., Any]] = {"<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge}
_COMPARE, _OR, _AND, _SUM, _PRODUCT, _PREFIX, _POWER = 10, 20, 30, 40, 50, 60, 70
_BINDING = {
    **dict.fromkeys(_COMPARISONS, _COMPARE),
    "|": _OR,
    "&": _AND,
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "**": _POWER,
}


# --- constants --------------------------------------------------------------------------------------------------------

_MP = mpmath.mp.clone()
_NUMERIC: dict[Any, Callable[..., Any]] = {
    **{getattr(sp, n): getattr(_MP, n) for n in _PLAIN if n not in ("Abs", "sqrt")},
    sp.Abs: _MP.fabs,
    sp.Add: lambda *xs: _MP.fsum(xs),
    sp.Mul: lambda *xs: _MP.fprod(xs),
    sp.Pow: _MP.power,
}


def _approximate(value: sp.Basic) -> Any:
    """A constant in 15 digits, complex where it is not real; None where it is no sum of the functions above.

    Its parts have been through here before, so that no exponent is large enough to be slow.
    """
    if value.is_Rational:
        return _MP.mpf(value.p) / value.q
    if value in (sp.pi, sp.E):
        return +getattr(_MP, "pi" if value is sp.pi else "e")
    numeric = _NUMERIC.get(value.func)
    parts = [_approximate(arg) for arg in value.args]
    return None if numeric is None or None in parts else numeric(*parts)


def _check_constant(value: sp.Expr) -> Complaint | None:
    """Why a constant is refused, if it is."""
    found = shown(str(value), 40) if value.count_ops() < 50 else "…"
    try:
        near = _approximate(value)
    except (ZeroDivisionError, ValueError):
        return complaint("not_a_number", found=found)
    except OverflowError:  # mpmath 1.3, erfc(1e300)
        return complaint("number_too_large", limit=MAX_SIZE)
    if near is None:
        return None
    if isinstance(near, _MP.mpc):
        if abs(near.imag) > abs(near) * 1e-9:
            return complaint("not_real", found=found)
        near = near.real
    if not _MP.isfinite(near):
        return complaint("not_a_number", found=found)
    if near and not value.is_Add and abs(_MP.mag(near)) > MAX_SIZE * 10 / 3:
        return complaint("number_too_large", limit=MAX_SIZE)
    return None


# --- the parser -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A parsed part: its SymPy object, whether it is a condition, and where it begins."""

    value: sp.Basic
    condition: bool
    at: int


class _Reader:
    """One pass over one text, with one token of lookahead."""

    def __init__(self, text: str, variable: str | None, parameters: tuple[str, ...]) -> None:
        if len(text) > MAX_LENGTH:
            raise ExpressionError(complaint("too_long", length=len(text), limit=MAX_LENGTH), 1)
        self.text = text
        self.variable = variable
        self.symbols = {name: sp.Symbol(name, real=True) for name in (*parameters, *([variable] if variable else []))}
        self.tokens = _tokens(text)
        self.token = _Token("op", "", 0)
        self.depth = 0
        self.parts = 0
        self.partial: list[sp.Expr] = []
        self.advance()

    # entry points

    def whole(self) -> sp.Expr:
        """The text as one finite value."""
        if self.token.kind == "end":
            self.refuse(self.token.at, "empty")
        node = self.expression()
        if self.token.kind != "end":
            self.refuse_leftover(complaint("operator_or_end"))
        value = self.finite(node)
        for power in value.atoms(sp.Pow):
            self.check_exponent(power.exp, node.at)
        return value

    def ends(self, lo_closed: bool, hi_closed: bool) -> tuple[sp.Expr, sp.Expr, bool, bool]:
        """The text as the two ends of an interval."""
        if self.token.kind == "end":
            self.refuse(0, "domain_syntax")
        low = self.value_of(self.expression())
        if self.token.text != ",":
            self.refuse(self.token.at, "domain_syntax")
        self.advance()
        high = self.value_of(self.expression())
        if self.token.kind != "end":
            self.refuse(self.token.at, "domain_syntax")
        if (low in _INFINITE and lo_closed) or (high in _INFINITE and hi_closed):
            left = "(" if low in _INFINITE or not lo_closed else "["
            right = ")" if high in _INFINITE or not hi_closed else "]"
            self.refuse(0, "domain_closed_at_infinity", instead=f"{left}{low}, {high}{right}")
        found = f"{'[' if lo_closed else '('}{low}, {high}{']' if hi_closed else ')'}"
        if lo_closed and hi_closed and low == high:
            self.refuse(0, "domain_point", found=found)
        if sp.Lt(low, high) is not sp.true:
            self.refuse(0, "domain_empty", found=found)
        return low, high, lo_closed, hi_closed

    # tokens and refusals

    def advance(self) -> _Token:
        """Step over the current token and return it."""
        token = self.token
        self.token = next(self.tokens, _Token("end", "", len(self.text)))
        self.parts += token.kind != "op"
        if self.parts > MAX_PARTS:
            self.refuse(token.at, "too_many_parts", limit=MAX_PARTS)
        return token

    def refuse(self, at: int, key: str, **facts: Any) -> NoReturn:
        """Raise what is wrong at an offset."""
        raise _error(self.text, at, complaint(key, **facts))

    def refuse_leftover(self, wanted: Complaint) -> NoReturn:
        """Raise for a token that cannot follow what has been read."""
        token = self.token
        if token.kind == "end":
            self.refuse(token.at, "ends_early", wanted=wanted)
        if token.kind == "name" and keyword.iskeyword(token.text):
            self.refuse_word(token)
        if token.kind in ("name", "number") or token.text == "(":
            self.refuse(token.at, "implicit_product", found=shown(token.text))
        self.refuse(token.at, "unexpected", found=token.text, wanted=wanted)

    def refuse_word(self, token: _Token) -> NoReturn:
        """Raise for a word of Python's grammar."""
        hint = "use_logic" if token.text in _LOGIC_WORDS else "use_piecewise" if token.text in _BRANCH_WORDS else None
        self.refuse(token.at, "word", found=token.text, instead=complaint(hint or "no_python"))

    def expect(self, text: str) -> None:
        """Step over a bracket or comma that must come now."""
        if self.token.text != text:
            self.refuse_leftover(complaint("bracket", found=text))
        self.advance()

    # the grammar

    def expression(self, binding: int = 0) -> _Node:
        """What follows, up to an operator that binds no tighter than ``binding``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse(self.token.at, "too_deep", limit=MAX_DEPTH)
        left = self.prefix()
        while self.token.kind == "op" and _BINDING.get(self.token.text, -1) > binding:
            operator = self.advance()
            strength = _BINDING[operator.text]
            # ** groups to the right and takes a sign after it: 2**-v
            right = self.expression(_PREFIX - 1 if operator.text == "**" else strength)
            left = self.combine(operator, left, right)
            if operator.text in _COMPARISONS and self.token.text in _COMPARISONS:
                self.refuse(self.token.at, "chained")
        self.depth -= 1
        return left

    def prefix(self) -> _Node:
        """A number, a name, a call, a parenthesis or a sign in front of one."""
        token = self.token
        if token.kind == "number":
            self.advance()
            return _Node(self.number(token), False, token.at)
        if token.kind == "name":
            return self.name()
        if token.text == "(":
            self.advance()
            node = self.expression()
            self.expect(")")
            return _Node(node.value, node.condition, token.at)
        if token.text in ("+", "-", "~"):
            self.advance()
            operand = self.expression(_PREFIX)
            if token.text == "~":
                return self.built(token.at, sp.Not, self.condition_of(operand), condition=True)
            value = self.value_of(operand)
            sign = sp.S.NegativeOne if token.text == "-" else sp.S.One
            return self.built(token.at, sp.Mul, sign, value, infinite=True)
        wanted = complaint("value")
        if token.kind == "end":
            self.refuse(token.at, "ends_early", wanted=wanted)
        return self.refuse(token.at, "unexpected", found=token.text, wanted=wanted)

    def number(self, token: _Token) -> sp.Rational:
        """A literal, exactly."""
        mantissa, _, exponent = token.text.lower().partition("e")
        if len(mantissa) > MAX_DIGITS + 1:
            self.refuse(token.at, "number_too_long", limit=MAX_DIGITS)
        if exponent and (len(exponent) > 5 or abs(int(exponent)) > MAX_SIZE):
            self.refuse(token.at, "number_too_large", limit=MAX_SIZE)
        return sp.Rational(token.text)

    def name(self) -> _Node:
        """A symbol, a constant, True, False or a call."""
        token = self.advance()
        name, called = token.text, self.token.text == "("
        if name in self.symbols:
            if called:
                what = complaint("the_variable" if name == self.variable else "a_parameter")
                self.refuse(token.at, "not_a_function", name=name, what=what)
            return _Node(self.symbols[name], False, token.at)
        if name in ("True", "False"):
            return _Node(sp.true if name == "True" else sp.false, True, token.at)
        if name in CONSTANTS:
            if called:
                self.refuse(token.at, "not_a_function", name=name, what=complaint("a_constant"))
            return _Node(CONSTANTS[name], False, token.at)
        if name in FUNCTIONS:
            if not called:
                self.refuse(token.at, "function_without_call", name=name)
            return self.call(token)
        if keyword.iskeyword(name):
            self.refuse_word(token)
        return self.refuse_name(token, called)

    def refuse_name(self, token: _Token, called: bool) -> NoReturn:
        """Raise for a name that is neither declared nor part of the language."""
        name = shown(token.text)
        other = _OTHER_SPELLINGS.get(token.text)
        if called:
            near = _near(token.text, FUNCTIONS)
            if other:
                hint = complaint("write_instead", instead=other)
            elif near:
                hint = complaint("did_you_mean", names=near)
            else:
                hint = complaint("allowed_functions", names=" ".join(FUNCTIONS))
            self.refuse(token.at, "unknown_function", name=name, hint=hint)
        if self.variable is None:
            self.refuse(token.at, "not_constant", name=name)
        near = other or _near(token.text, [*self.symbols, *CONSTANTS, *FUNCTIONS])
        self.refuse(token.at, "undeclared", name=name, hint=complaint("near_name", names=near) if near else "")

    def call(self, token: _Token) -> _Node:
        """The arguments of a listed function, and its value."""
        self.advance()
        if token.text == "Piecewise":
            return self.piecewise(token)
        arguments: list[_Node] = []
        if self.token.text != ")":
            arguments.append(self.expression())
            while self.token.text == ",":
                self.advance()
                arguments.append(self.expression())
        self.expect(")")
        if token.text in ("Eq", "Ne", "Rational"):
            self.count(token, arguments, (2, 2, "two_arguments"))
            if token.text == "Rational":
                return self.rational(token, arguments)
            kind = sp.Eq if token.text == "Eq" else sp.Ne
            return self.built(token.at, kind, *map(self.value_of, arguments), condition=True)
        arity, build = _BUILDERS[token.text]
        self.count(token, arguments, arity)
        values = [self.value_of(node) for node in arguments]
        if token.text == "sqrt":
            self.note(sp.Pow, values[0], sp.S.Half)
        elif token.text in _PARTIAL:
            self.note(getattr(sp, token.text), values[0])
        return self.built(token.at, build, *values)

    def note(self, kind: Any, *args: sp.Expr) -> None:
        """Remember a part that need not be defined everywhere, if its argument can vary."""
        if any(a.free_symbols for a in args):
            self.partial.append(kind(*args, evaluate=False))

    def count(self, token: _Token, arguments: list[_Node], arity: tuple[int, int, str]) -> None:
        """Refuse a wrong number of arguments."""
        least, most, wanted = arity
        if len(arguments) > MAX_ARGUMENTS:
            self.refuse(token.at, "too_many_arguments", name=token.text, limit=MAX_ARGUMENTS)
        if not least <= len(arguments) <= most:
            self.refuse(token.at, "argument_count", name=token.text, wanted=complaint(wanted), found=len(arguments))

    def rational(self, token: _Token, arguments: list[_Node]) -> _Node:
        """``Rational(p, q)``."""
        p, q = map(self.value_of, arguments)
        if not (p.is_Rational and q.is_Rational) or q == 0:
            self.refuse(token.at, "rational_arguments")
        return self.built(token.at, sp.Rational, p, q)

    def piecewise(self, token: _Token) -> _Node:
        """``Piecewise((value, condition), …)`` after its opening parenthesis."""
        branches: list[tuple[sp.Expr, sp.Basic]] = []
        closed = False
        while True:
            at = self.token.at
            if self.token.text == ")" and not branches:
                self.refuse(token.at, "branches")
            if self.token.text != "(":
                self.refuse(at, "branch_not_pair")
            if closed:
                self.refuse(at, "unreachable_branch")
            if len(branches) == MAX_ARGUMENTS:
                self.refuse(at, "too_many_arguments", name="Piecewise", limit=MAX_ARGUMENTS)
            self.advance()
            value = self.finite(self.expression())
            if self.token.text != ",":
                self.refuse(at, "branch_not_pair")
            self.advance()
            closed = self.token.text == "True"
            branches.append((value, self.condition_of(self.expression())))
            if self.token.text == ",":
                self.refuse(self.token.at, "branch_not_pair")
            self.expect(")")
            if self.token.text != ",":
                break
            self.advance()
        self.expect(")")
        if not self.covers([condition for _, condition in branches]):
            self.refuse(token.at, "no_default_branch")
        return self.built(token.at, sp.Piecewise, *branches)

    def covers(self, conditions: list[sp.Basic]) -> bool:
        """Whether one of the conditions always holds, as far as SymPy's ``Or`` sees it."""
        return sp.true in conditions or sp.Or(*conditions) is sp.true

    def combine(self, operator: _Token, left: _Node, right: _Node) -> _Node:
        """Two operands and what stands between them."""
        op = operator.text
        if op in ("&", "|"):
            if not (left.condition and right.condition):
                self.refuse(operator.at, "join_needs_parentheses", found=op)
            return self.built(left.at, sp.And if op == "&" else sp.Or, left.value, right.value, condition=True)
        a, b = self.value_of(left), self.value_of(right)
        if op in _COMPARISONS:
            return self.built(left.at, _COMPARISONS[op], a, b, condition=True)
        if a in _INFINITE or b in _INFINITE:
            self.refuse(left.at if a in _INFINITE else right.at, "infinite")
        if op == "**":
            self.check_power(left.at, a, b)
            if not (b.is_Integer and b >= 0):
                self.note(sp.Pow, a, b)
            return self.built(left.at, sp.Pow, a, b)
        if op == "/":
            if b == 0:
                self.refuse(right.at, "not_a_number", found=shown(f"{self.text[left.at : self.token.at].strip()}"))
            self.note(sp.Pow, b, sp.S.NegativeOne)
            return self.built(left.at, lambda x, y: x / y, a, b)
        if op == "-":
            return self.built(left.at, lambda x, y: x - y, a, b)
        return self.built(left.at, sp.Add if op == "+" else sp.Mul, a, b)

    def check_power(self, at: int, base: sp.Expr, exponent: sp.Expr) -> None:
        """Refuse a power before SymPy would multiply it out, or one that is not real."""
        if not base.free_symbols and exponent.free_symbols and not base.is_positive:
            self.refuse(at, "negative_base")
        if not exponent.is_Rational:
            return
        if base == 0 and exponent < 0:
            self.refuse(at, "not_a_number", found=f"0**({exponent})")
        for factor in sp.Mul.make_args(base):
            root, inner = factor.as_base_exp()
            total = exponent * inner if inner.is_Rational else exponent
            self.check_exponent(total, at)
            if root.is_Rational and max(abs(root.p), root.q).bit_length() * abs(total) > MAX_SIZE * 4:
                self.refuse(at, "number_too_large", limit=MAX_SIZE)

    def check_exponent(self, exponent: sp.Expr, at: int) -> None:
        """Refuse a constant exponent that no later stage could work with."""
        if exponent.is_Rational and (abs(exponent) > MAX_EXPONENT or exponent.q > MAX_DENOMINATOR):
            self.refuse(at, "exponent_too_large", found=shown(str(exponent)), limit=MAX_EXPONENT)

    # values

    def value_of(self, node: _Node) -> sp.Expr:
        """A node that must be a value; it may be oo."""
        if node.condition:
            self.refuse(node.at, "condition_misplaced")
        return node.value

    def finite(self, node: _Node) -> sp.Expr:
        """A node that must be a finite value."""
        value = self.value_of(node)
        if value in _INFINITE:
            self.refuse(node.at, "infinite")
        return value

    def condition_of(self, node: _Node) -> sp.Basic:
        """A node that must be a condition."""
        if not node.condition:
            self.refuse(node.at, "value_misplaced")
        return node.value

    def built(
        self, at: int, build: Callable[..., Any], *args: Any, condition: bool = False, infinite: bool = False
    ) -> _Node:
        """What SymPy makes of the operands, refused if it is not real and finite."""
        try:
            value = build(*args)
        except (TypeError, ValueError, ArithmeticError, NotImplementedError, AttributeError, RecursionError) as reason:
            self.refuse(at, "beyond_sympy", found=shown(str(reason), 120))
        if condition:
            return _Node(value, True, at)
        if not infinite and value.has(sp.oo, -sp.oo):
            self.refuse(at, "infinite")
        if value.has(sp.nan, sp.zoo, sp.AccumBounds):
            self.refuse(at, "not_a_number", found=shown(self.text[at : self.token.at].strip(), 40))
        if value.has(sp.I):
            self.refuse(at, "not_real", found=shown(self.text[at : self.token.at].strip(), 40))
        if not value.free_symbols and value not in _INFINITE and (wrong := _check_constant(value)):
            raise _error(self.text, at, wrong)
        return _Node(value, False, at)


def _near(name: str, known: Iterable[str]) -> str:
    """The known names that look like a name, capital letters aside, joined by "or"."""
    by_lower: dict[str, list[str]] = {}
    for one in known:
        by_lower.setdefault(one.lower(), []).append(one)
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=2, cutoff=0.7)
    return " / ".join(one for key in close for one in by_lower[key])
