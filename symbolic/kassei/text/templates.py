"""Jinja templates: strict, so that a template uses exactly what it is given."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kassei.text.resources import resource


@cache
def environment() -> Environment:
    """The one Jinja environment; undefined names are errors and line breaks are kept as written."""
    return Environment(
        loader=FileSystemLoader(resource("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def fill(template: str, **fields: Any) -> str:
    """Render ``templates/<template>`` with ``fields``; a missing field raises ``UndefinedError``."""
    return environment().get_template(template).render(**fields)
