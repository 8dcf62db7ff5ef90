"""Definition files: what is read, and where and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kassei.core.document import document
from kassei.core.reading import MAX_BYTES, DefinitionError, load, parse_definition
from kassei.library import analyze

FULL = """
name = "bent_relu"
variable = "x"
expr = "Max(a*x, b*x)"
aliases = ["brelu"]

[parameters.a]
domain = "(0, oo)"
default = 0.1
learned = true
shared = "channel"

[parameters.b]
domain = "[1/8, 1/3]"
default = "11/48"

[title]
en = "Bent <b>ReLU</b>"
ja = "曲がった ReLU"

[summary]
en = '''
Two
lines'''

[[reference]]
authors = "A. Author"
title = "On bends"
year = 2020
doi = "10.1000/xyz"
arxiv = "2001.00001v2"
url = "https://example.org/a"
eq = "(1)"
note = "n"
unverified = true

[[framework]]
name = "PyTorch"
call = "torch.nn.functional.bent"
parameters = { a = 0.5, b = "1/3" }
kink = { "0" = "a" }
nan = "nan"
neg_inf = "-oo"
note = { en = "Since 2.0.", ja = "2.0 以降。" }

[[framework]]
name = "ONNX"
call = "Bent"
kink = "0"
"""

A = "[parameters.a]\n"
SHIPPED = '[[framework]]\nname = "x"\ncall = "y"\n'

# definition, key of the refusal, column (None: the key as a whole), a part of what it says
REFUSALS = [
    ("", "expr", None, "needs expr"),
    ("expr = 1", "expr", None, "text in quotes is expected, not an integer"),
    ('expr = "v*(1 + b)"', "expr", 8, "[parameters.b]"),
    ('expr = "foo(v)"', "expr", 1, "'foo'"),
    ("expr = '''v\n + w'''", "expr", 4, "[parameters.w]"),
    ('expr = "v"\nname = "Relu"', "name", None, "lower-case"),
    ('expr = "v"\nname = "class"', "name", None, "keyword"),
    ('expr = "v"\nname = "../../etc"', "name", None, "lower-case"),
    ('expr = "v"\nnmae = "x"', "nmae", None, "did you mean name?"),
    ('expr = "v"\ncolour = 1', "colour", None, "allowed are name"),
    ('expr = "v"\nvariable = "exp"', "variable", None, "already means"),
    ('expr = "v"\nvariable = "lambda"', "variable", None, "keyword"),
    ('expr = "v"\nvariable = "I"', "variable", None, "SymPy"),
    ('expr = "v"\nvariable = "α"', "variable", None, "ASCII"),
    ('expr = "v"\nparameters = 1', "parameters", None, "a table"),
    (f'expr = "a*v"\n{A}', "parameters.a.default", None, "default = 0.0"),
    (f'expr = "a*v"\n{A}domain = "(5, oo)"', "parameters.a.default", None, "default = 6.0"),
    (f'expr = "a*v"\n{A}domain = "(0, 1)"\ndefault = 1', "parameters.a.default", None, "outside the domain (0, 1)"),
    (f'expr = "a*v"\n{A}default = nan', "parameters.a.default", None, "finite"),
    (f'expr = "a*v"\n{A}default = 1e999', "parameters.a.default", None, "1e300"),
    (f'expr = "a*v"\n{A}default = "sqrt(2)"', "parameters.a.default", None, "rational"),
    (f'expr = "a*v"\n{A}default = "1/0"', "parameters.a.default", 3, "no value"),
    (f'expr = "a*v"\n{A}default = true', "parameters.a.default", None, "a number is expected"),
    (f'expr = "a*v"\n{A}default = 1\ndomain = "(1, 0)"', "parameters.a.domain", 1, "holds no number"),
    (f'expr = "a*v"\n{A}default = 1\ndomain = "[0, oo]"', "parameters.a.domain", 1, "[0, oo)"),
    (f'expr = "a*v"\n{A}default = 1\ndomain = "(0, b)"', "parameters.a.domain", 5, "only constants"),
    (f'expr = "a*v"\n{A}default = 1\ndomain = "Integers"', "parameters.a.domain", 1, "Reals"),
    (f'expr = "a*v"\n{A}default = 1\ndomain = 3', "parameters.a.domain", None, "text in quotes"),
    (f'expr = "a*v"\n{A}default = 1\nlearned = 1', "parameters.a.learned", None, "true or false"),
    (f'expr = "a*v"\n{A}default = 1\nshared = "batch"', "parameters.a.shared", None, "channel"),
    (f'expr = "a*v"\n{A}default = 1\ndefualt = 2', "parameters.a.defualt", None, "did you mean default?"),
    ('expr = "v"\n[parameters.v]\ndefault = 1', "parameters.v", None, "is the variable"),
    ('expr = "v"\n[parameters.tanh]\ndefault = 1', "parameters.tanh", None, "already means"),
    ('expr = "v"\n[parameters.out]\ndefault = 1', "parameters.out", None, "argument"),
    ('expr = "v"\n[parameters."a b"]\ndefault = 1', "parameters.a b", None, "ASCII"),
    ('expr = "v"\ntitle = "x"', "title", None, "a table"),
    ('expr = "v"\n[title]\nenglish_uk = "x"', "title.english_uk", None, "language tag"),
    ('expr = "v"\n[title]\nen = "a\\u001b[31m"', "title.en", None, "control characters"),
    ('expr = "v"\n[title]\nen = "a\\nb"', "title.en", None, "one line"),
    ('expr = "v"\naliases = "x"', "aliases", None, "an array"),
    ('expr = "v"\naliases = ["--help"]', "aliases[0]", None, "command line"),
    ('expr = "v"\n[reference]\ntitle = "x"', "reference", None, "an array"),
    ('expr = "v"\n[[reference]]\ntitel = "x"', "reference[0].titel", None, "did you mean title?"),
    ('expr = "v"\n[[reference]]\nyear = "2020"', "reference[0].year", None, "an integer"),
    ('expr = "v"\n[[reference]]\nurl = "javascript:alert(1)"', "reference[0].url", None, "https://"),
    ('expr = "v"\n[[reference]]\ndoi = "https://doi.org/10.1/x"', "reference[0].doi", None, "10."),
    ('expr = "v"\n[[reference]]\narxiv = "arXiv"', "reference[0].arxiv", None, "arXiv identifier"),
    ('expr = "v"\n[[reference]]\nunverified = "yes"', "reference[0].unverified", None, "true or false"),
    ('expr = "v"\n[framework]\nname = "x"', "framework", None, "an array"),
    (f'expr = "v"\n{SHIPPED}cal = "y"', "framework[0].cal", None, "did you mean call?"),
    ('expr = "v"\n[[framework]]\ncall = "y"', "framework[0].name", None, "the framework's name and the call"),
    ('expr = "v"\n[[framework]]\nname = "x"\ncall = ""', "framework[0].call", None, "missing"),
    (f'expr = "v"\n{SHIPPED}nan = 0', "framework[0].nan", None, "text in quotes"),
    (f'expr = "v"\n{SHIPPED}note = "x"', "framework[0].note", None, "a table"),
    (f'expr = "v"\n{SHIPPED}note = {{ english_uk = "x" }}', "framework[0].note.english_uk", None, "language tag"),
    (f'expr = "v"\n{SHIPPED}kink = 0', "framework[0].kink", None, "a table is expected, not an integer"),
    (f'expr = "v"\n{SHIPPED}kink = {{ 0 = 1 }}', "framework[0].kink.0", None, "text in quotes"),
    (f'expr = "v"\n{SHIPPED}parameters = 1', "framework[0].parameters", None, "a table"),
    (f'expr = "v"\n{SHIPPED}parameters = {{ a = 1 }}', "framework[0].parameters.a", None, "it has none"),
    (f'expr = "a*v"\n{A}default = 1\n{SHIPPED}parameters.b = 1', "framework[0].parameters.b", None, "it has a"),
    (f'expr = "a*v"\n{A}default = 1\n{SHIPPED}parameters.a = "w"', "framework[0].parameters.a", 1, "constants"),
    (
        f'expr = "a*v"\n{A}domain = "(0, 2)"\ndefault = 1\n{SHIPPED}parameters.a = 2',
        "framework[0].parameters.a",
        None,
        "outside the domain (0, 2)",
    ),
    ("expr = v", "", 8, "not TOML"),
    ('expr = "v', "", None, "end of document"),
    ("a = " + "[" * 3000, "", None, "not TOML"),
    ("a = " + "9" * 5000, "", None, "not TOML"),
]


def refused(text: str) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text, "mine.toml")
    return caught.value


@pytest.mark.parametrize(("text", "key", "column", "part"), REFUSALS, ids=[repr(r[0])[:50] for r in REFUSALS])
def test_a_refusal_names_file_key_and_column(text: str, key: str, column: int | None, part: str) -> None:
    error = refused(text)
    assert error.key == key
    assert error.column == column
    assert part in str(error.message)
    place = f"mine.toml: key '{key}'" if key else "mine.toml"
    assert str(error).startswith(place)


def test_a_refusal_in_an_expression_reads_as_one_sentence() -> None:
    assert str(refused('expr = "v^2"')) == (
        "mine.toml: key 'expr', column 2: '^' is not part of the language; a power is written **"
    )


def test_every_field_of_a_full_definition_arrives() -> None:
    f = parse_definition(FULL, "elsewhere.toml")
    x, a, b = (sp.Symbol(n, real=True) for n in "xab")
    assert (f.name, f.variable, f.expr, f.source) == ("bent_relu", x, sp.Max(a * x, b * x), "Max(a*x, b*x)")
    first, second = f.parameters
    assert (first.symbol, str(first.domain), first.default) == (a, "(0, oo)", sp.Rational(1, 10))
    assert (first.learned, first.shared) == (True, "channel")
    assert (second.symbol, str(second.domain), second.default) == (b, "[1/8, 1/3]", sp.Rational(11, 48))
    assert (second.learned, second.shared) == (False, "layer")
    assert f.title == {"en": "Bent <b>ReLU</b>", "ja": "曲がった ReLU"}
    assert f.summary == {"en": "Two\nlines"}
    assert f.aliases == ("brelu",)
    (reference,) = f.references
    assert (reference.year, reference.doi, reference.arxiv) == (2020, "10.1000/xyz", "2001.00001v2")
    assert reference.unverified
    torch, onnx = f.frameworks
    assert (torch.name, torch.call) == ("PyTorch", "torch.nn.functional.bent")
    assert torch.parameters == {"a": sp.Rational(1, 2), "b": sp.Rational(1, 3)}
    assert (torch.kink, torch.nan, torch.inf, torch.neg_inf) == ((("0", "a"),), "nan", "", "-oo")
    assert torch.note == {"en": "Since 2.0.", "ja": "2.0 以降。"}
    assert (onnx.name, onnx.kink, dict(onnx.parameters), dict(onnx.note)) == ("ONNX", (("", "0"),), {}, {})


def test_the_document_says_who_ships_the_function() -> None:
    known = document(analyze(parse_definition(FULL, "elsewhere.toml")))
    assert known["references"][0]["unverified"] is True
    assert known["frameworks"] == [
        {
            "name": "PyTorch",
            "call": "torch.nn.functional.bent",
            "parameters": {"a": 0.5, "b": "1/3"},
            "kink": {"0": "a"},
            "nan": "nan",
            "neg_inf": "-oo",
            "note": {"en": "Since 2.0.", "ja": "2.0 以降。"},
        },
        {"name": "ONNX", "call": "Bent", "kink": "0"},
    ]


def test_only_the_formula_is_required(tmp_path: Path) -> None:
    path = tmp_path / "my_function.toml"
    path.write_text('expr = "x**3"', encoding="utf-8-sig")
    f = load(path)
    assert (f.name, str(f.variable), f.parameters, f.path) == ("my_function", "x", (), path)


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ('expr = "v + 1"', "v"),
        ('expr = "x + 1"', "x"),
        ('expr = "1"', "v"),
        ('expr = "x*v"\n[parameters.v]\ndefault = 1', "x"),
        ('expr = "x*v"\n[parameters.x]\ndefault = 1', "v"),
    ],
)
def test_the_variable_is_v_or_x_unless_it_is_named(text: str, variable: str) -> None:
    assert str(parse_definition(text, "f.toml").variable) == variable


@pytest.mark.parametrize(
    ("written", "value"),
    [("0.1", "1/10"), ("1", "1"), ("-2.50", "-5/2"), ("1e-3", "1/1000"), ("1_000.5", "2001/2"), ('"1/3"', "1/3")],
)
def test_a_default_is_the_number_that_is_written(written: str, value: str) -> None:
    f = parse_definition(f'expr = "a*v"\n{A}default = {written}', "f.toml")
    assert f.parameters[0].default == sp.Rational(value)


@pytest.mark.parametrize("stem", ["my function", "1st", "Relu", "関数", "a-b"])
def test_a_stem_that_cannot_be_a_name_is_an_error_that_says_so(stem: str) -> None:
    with pytest.raises(DefinitionError, match="stem"):
        parse_definition('expr = "v"', f"{stem}.toml")
    assert parse_definition('expr = "v"\nname = "good"', f"{stem}.toml").name == "good"


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes('expr = "v"  # é'.encode("latin-1"))
    (tmp_path / "large.toml").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "folder.toml").mkdir()
    for name, part in (
        ("latin", "not UTF-8"),
        ("large", "more than"),
        ("folder", "folder"),
        ("absent", "no such file"),
        ("nul\x00", "null"),
    ):
        with pytest.raises(DefinitionError, match=part):
            load(tmp_path / f"{name}.toml")


def test_a_definition_is_a_frozen_hashable_value() -> None:
    f, g = parse_definition(FULL, "a.toml"), parse_definition(FULL, "b.toml")
    assert f == g
    assert f.digest == g.digest
    assert f.digest != parse_definition(FULL.replace("0.1", "0.2"), "a.toml").digest
    with pytest.raises(AttributeError):
        f.name = "other"  # type: ignore[misc]


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.text(max_size=60),
        st.dictionaries(
            st.sampled_from(
                ["expr", "name", "variable", "title", "aliases", "parameters", "reference", "framework", "x"]
            ),
            st.sampled_from(['"v"', '"a*v"', "1", "true", "[]", "{}", '{en = "x"}', "{a = {default = 1}}", "[{}]"]),
        ).map(lambda d: "\n".join(f"{k} = {value}" for k, value in d.items())),
    )
)
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        said = f"f.toml: {parse_definition(text, 'f.toml').name}"
    except DefinitionError as error:
        said = str(error)
    assert said.startswith("f.toml: ")
