"""What is wrong with an input, as a key and its facts: English is written here, other languages mirror the keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        # the expression language
        "empty": "the expression is empty; write a formula such as Max(0, v)",
        "too_long": "{length} characters; at most {limit} are read",
        "too_deep": "nested more than {limit} deep",
        "too_many_parts": "more than {limit} numbers, names and operations",
        "too_many_arguments": "{name} has more than {limit} arguments",
        "number_too_long": "a number of more than {limit} digits",
        "number_too_large": "a constant outside 1e-{limit} to 1e{limit} in size",
        "exponent_too_large": "the constant exponent {found} is larger than {limit} in size,"
        " or has more than 6 decimals",
        "number_malformed": "'{found}' is not a number; write 12, 0.5 or 1e-3",
        "unknown_character": "'{found}' ({kind}) is not part of the language",
        "lookalike": "'{found}' ({kind}) is not part of the language; write {instead}",
        "text_literal": "text in quotes ({found}) is not part of the language",
        "caret": "'^' is not part of the language; a power is written **",
        "assignment": "'=' is not part of the language; equality is written Eq(a, b)",
        "equality": "'==' is not part of the language; write Eq(a, b)",
        "inequality": "'!=' is not part of the language; write Ne(a, b)",
        "operator": "the operator '{found}' is not part of the language; allowed are + - * / **",
        "attribute": "'.' after {found}: attributes and modules are not part of the language; write exp(v), "
        "not np.exp(v)",
        "indexing": "'[': indexing and lists are not part of the language",
        "braces": "'{found}': braces are not part of the language; group with ( )",
        "separator": "'{found}': one expression only; statements are not part of the language",
        "word": "the word '{found}' is not part of the language; {instead}",
        "use_piecewise": "write Piecewise((value, condition), (value, True))",
        "use_logic": "write & | ~ with a parenthesis around each comparison",
        "no_python": "only formulas are read, no Python",
        "implicit_product": "'{found}' follows a value; for a product write *",
        "unexpected": "'{found}' stands where {wanted} is expected",
        "ends_early": "the expression ends where {wanted} is expected",
        "value": "a value",
        "operator_or_end": "an operator or the end",
        "bracket": "'{found}'",
        "unknown_function": "'{name}' is not a function of the language; {hint}",
        "function_without_call": "'{name}' is a function and needs its argument in parentheses: {name}(…)",
        "not_a_function": "'{name}' is {what}, not a function; for a product write {name}*(…)",
        "the_variable": "the variable",
        "a_parameter": "a parameter",
        "a_constant": "a constant",
        "did_you_mean": "did you mean {names}?",
        "write_instead": "write {instead}",
        "allowed_functions": "allowed are {names}",
        "undeclared": "'{name}' is not declared{hint}; a parameter needs its table:\n"
        "[parameters.{name}]\n"
        'domain = "Reals"\n'
        "default = 0.0",
        "near_name": " (did you mean {names}?)",
        "not_constant": "'{name}' stands where only constants are allowed",
        "argument_count": "{name} takes {wanted}, not {found}",
        "one_argument": "one argument",
        "two_arguments": "two arguments",
        "one_or_two_arguments": "one or two arguments",
        "some_arguments": "at least one argument",
        "branches": "Piecewise takes pairs (value, condition); the last condition is True",
        "branch_not_pair": "a branch of Piecewise is a pair (value, condition)",
        "no_default_branch": "the branches do not cover every case; end with (value, True)",
        "unreachable_branch": "this branch is never reached: the one before it has the condition True",
        "condition_misplaced": "a condition stands where a value is expected; conditions belong inside Piecewise",
        "value_misplaced": "a value stands where a condition is expected; write a comparison such as v >= 0",
        "chained": "comparisons are not chained; write (a < v) & (v < b)",
        "join_needs_parentheses": "'{found}' joins conditions; put a parenthesis around each: (v > 0) & (v < 1)",
        "rational_arguments": "Rational(p, q) takes two rational numbers, q not 0",
        "not_real": "this is not a real number: {found}",
        "not_a_number": "this has no value (a division by zero or a pole): {found}",
        "infinite": "oo is not a number to calculate with; it may end a domain or stand in a comparison",
        "negative_base": "a negative or zero constant has no real power with a variable exponent",
        "beyond_sympy": "SymPy cannot build this: {found}",
        "domain_syntax": 'a domain is "Reals" or an interval such as "(0, oo)", "[0, 1]" or "[1/8, 1/3]"',
        "domain_closed_at_infinity": "an infinite end is open: write '{instead}'",
        "domain_empty": "the interval {found} holds no number; its left end must be smaller than its right end",
        "domain_point": "the interval {found} holds a single number; write that number into the formula instead",
        # the definition file
        "file_missing": "there is no such file",
        "file_is_folder": "this is a folder, not a definition file",
        "file_unreadable": "the file cannot be read: {reason}",
        "file_too_large": "more than {limit} bytes; a definition file is small",
        "file_not_utf8": "not UTF-8 text (byte {position})",
        "toml": "not TOML: {reason}",
        "unknown_key": "unknown key; {hint}",
        "allowed_keys": "allowed are {names}",
        "wrong_type": "{wanted} is expected, not {found}",
        "too_many_parameters": "{found} parameters; at most {limit} are read",
        "type_str": "text in quotes",
        "type_bool": "true or false",
        "type_int": "an integer",
        "type_Decimal": "a number",
        "type_dict": "a table",
        "type_list": "an array",
        "type_date": "a date or time",
        "expr_missing": 'missing; a definition needs expr, for instance expr = "Max(0, v)"',
        "stem_not_slug": "the file's stem '{found}' cannot be its name: lower-case letters, digits and _, beginning "
        "with a letter; rename the file or set name",
        "name_not_slug": "'{found}' is not a name: lower-case letters, digits and _, beginning with a letter",
        "name_is_keyword": "'{found}' is a Python keyword, and code is emitted under this name",
        "name_not_stem": "the catalogue keeps '{found}' in {found}.toml",
        "symbol_malformed": "'{found}' is not a name: ASCII letters, digits and _, beginning with a letter",
        "symbol_is_keyword": "'{found}' is a Python keyword",
        "symbol_is_builtin": "'{found}' already means something in the expression language",
        "symbol_is_sympy": "'{found}' means something else to SymPy, which reads the results",
        "symbol_is_argument": "'{found}' is the name of an argument of the emitted functions",
        "parameter_is_variable": "'{found}' is the variable; a parameter needs a name of its own",
        "default_missing": "missing; a parameter needs a default inside its domain, for instance default = {instead}",
        "default_outside": "{found} lies outside the domain {domain}",
        "default_not_rational": 'a default is a rational number such as 0.25, 1 or "11/48", not {found}',
        "number_not_finite": "{found} is not a finite number",
        "shared_value": '\'{found}\' is not known; allowed are "layer" and "channel"',
        "language_tag": "a language tag such as en or ja is expected",
        "control_character": "control characters are not allowed in a text",
        "one_line": "this text is one line",
        "text_too_long": "{length} characters; at most {limit} are read",
        "reference_doi": "'{found}' is not a DOI; it begins with 10., for instance 10.3390/electronics11131980",
        "reference_arxiv": "'{found}' is not an arXiv identifier such as 1606.08415",
        "reference_url": "'{found}' is not a web address beginning with https:// or http://",
        "reference_year": "{found} is not a year between 1600 and 2200",
        "framework_incomplete": "missing; an entry of [[framework]] gives the framework's name and the call",
        "framework_parameter": "the function has no parameter '{found}'; {hint}",
        "declared_parameters": "it has {names}",
        "no_parameters": "it has none",
        "alias_malformed": "'{found}' is not a name that can be typed on a command line",
    }
)


@dataclass(frozen=True)
class Complaint:
    """A key of :data:`ENGLISH` and what fills it; a fact may itself be a complaint (a hint inside a message)."""

    key: str
    facts: Mapping[str, Any]

    def text(self, sentences: Mapping[str, str] = ENGLISH) -> str:
        """The message, from a table with the same keys in any language; what it lacks is said in English."""
        template = sentences.get(self.key, ENGLISH[self.key])
        facts = {k: v.text(sentences) if isinstance(v, Complaint) else v for k, v in self.facts.items()}
        return template.format(**facts)

    def __str__(self) -> str:
        return self.text()


def complaint(key: str, /, **facts: Any) -> Complaint:
    """A complaint; an unknown key raises ``KeyError`` when it is written out."""
    return Complaint(key, MappingProxyType(facts))
