"""The page for who brings a function: commands with their outputs, a project that uses them, and the Python interface.

The outputs are text below ``site/own``, which ``tests/test_overview.py`` compares with what the commands print now; so
a build runs none of them. The interface is read off the docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from markupsafe import Markup, escape

from kassei.render.page.markup import heading, one_block
from kassei.render.page.writer import Writer
from kassei.text.resources import resource

SHOWN = 22
"""Lines of ``kassei show`` on the page; the rest is the arguments."""


def commands(lang: str) -> dict[str, str]:
    """What is typed, by the name of the file that keeps what is printed."""
    said = "" if lang == "en" else f" --lang {lang}"
    return {
        "show": f"kassei show my_unit.toml{said} | head -n {SHOWN}",
        "check": f"kassei check my_unit.toml{said}",
        "check-after": f"kassei check my_unit.toml{said}",
        "emit": f"kassei emit my_unit.toml --target numpy --out generated{said}",
        "differs": f"kassei emit activations/my_unit.toml --target numpy --out generated --check{said}",
    }


def own_page(lang: str) -> str:
    """The page in one language."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "own.md").read_text(encoding="utf-8")
    texts = {
        "definition": _fence("toml", _file("my_unit.toml"), "my_unit.toml"),
        "makefile": _fence("make", _file("Makefile"), "Makefile"),
        "hooks": _fence("yaml", _file("pre-commit-config.yaml"), ".pre-commit-config.yaml"),
        "python": _fence("python", _file("example.py")) + "\n\n" + _fence("text", _file("example.txt")),
        "api": api(w),
    }
    for name, command in commands(lang).items():
        texts[name] = _fence("console", f"$ {command}\n{_file(f'{lang}/{name}.txt')}")
    for name, text in texts.items():
        prose = prose.replace(f"<!-- {name} -->", text)
    return "\n\n".join([heading(w.words("overview.own.title"), "title", 1), prose])


def _file(name: str) -> str:
    return (resource("site") / "own" / name).read_text(encoding="utf-8")


def _fence(language: str, text: str, title: str = "") -> str:
    head = f'``` {{ .{language} title="{title}" }}' if title else f"```{language}"
    return f"{head}\n{text.rstrip()}\n```"


def api(w: Writer) -> str:
    """Every public name with its signature and docstring; a class with its public methods and properties."""
    package = import_module(__name__.partition(".")[0])  # the names are its promise, whatever layer they come from
    rows = [_entry(w, name, getattr(package, name)) for name in package.__all__ if not name.startswith("__")]
    return one_block('<div class="api">') + "\n" + "\n".join(rows) + "\n</div>"


def _entry(w: Writer, name: str, value: Any) -> str:
    """One name as a list item that opens."""
    kind = w.words(f"overview.own.{'class' if inspect.isclass(value) else 'function' if callable(value) else 'value'}")
    shown = value if inspect.isclass(value) or callable(value) else type(value)
    parts = [_doc(shown)]
    if not inspect.isfunction(value):
        parts += [_member(member, one) for member, one in _members(shown)]
    head = Markup('<code>kassei.{}</code> <span class="small">{}</span>').format(_signed(name, value), kind)
    said = escape(w.words(f"overview.own.about_{name}"))
    body = Markup("").join(parts)
    return str(
        Markup('<details class="api-entry" id="api-{}"><summary>{}<br>{}</summary>{}</details>').format(
            name.lower(), head, said, body
        )
    ).replace("\n\n", "\n&#32;\n")


def _signed(name: str, value: Any) -> str:
    if not inspect.isfunction(value):
        return name
    return name + _signature(value)


def _signature(value: Any) -> str:
    """A signature as its source has it: annotations are kept as text, which is shown without quotes."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(value)))


def _doc(value: Any) -> Markup:
    return Markup('<pre class="doc" lang="en">{}</pre>').format(inspect.getdoc(value) or "")


def _members(cls: Any) -> Sequence[tuple[str, Any]]:
    """Public methods and properties, in the order of the source."""
    return [
        (name, one)
        for name, one in vars(cls).items()
        if not name.startswith("_") and (isinstance(one, property | staticmethod) or inspect.isfunction(one))
    ]


def _member(name: str, value: Any) -> Markup:
    signature = "" if isinstance(value, property) else _signature(value).replace("self, ", "")
    return Markup("<p><code>.{}{}</code></p>{}").format(name, signature.replace("(self)", "()"), _doc(value))
