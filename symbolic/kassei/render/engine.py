"""MkDocs for one language: ``python -m kassei.render.engine CONFIG LANG NAMES``.

The same pages as ``mkdocs build --strict``, but what Markdown makes of a page is kept (:mod:`kassei.render.kept`), so
that a page is converted again only when its source has changed, and so are compiled templates. The search index is the
one of :mod:`kassei.render.search`, which finds what pages are also called in the file ``NAMES``. Each page is a line on
standard output as soon as it is converted. MkDocs is loaded at once; the files are read when a line comes on standard
input, so that they can be written meanwhile. Files that only go along are not copied but linked.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from kassei import cache as store
from kassei.render import kept, search

LIBRARIES = ("mkdocs", "mkdocs-material", "markdown", "pymdown-extensions", "pygments")
LOADED = ("jinja2.ext", "material.plugins.search.plugin", "pymdownx.details", "pymdownx.superfences", "pymdownx.tabbed")
"""What MkDocs would load once it has read its configuration."""
TO_OTHERS = "]("
"""How a Markdown link to another page ends its text; a page without one does not depend on which others there are."""


class Warned(logging.Handler):
    """Counts what MkDocs complains about: a page that was complained about is not kept."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count."""
        del record
        self.count += 1


def main(config_file: str, lang: str, also: str) -> None:
    """Build one language; raises ``SystemExit`` with MkDocs' own message where it fails."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    for module in LOADED:
        importlib.import_module(module)
    if not sys.stdin.readline():  # who started this has given up
        return
    gc.disable()  # pages are converted and written, then the process ends
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        _index_nothing()
        config = load_config(config_file=config_file, strict=True)
        _remember_pages(lang, config)
        _remember_templates()
        _link_files(Path(config.docs_dir))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        config.plugins.on_shutdown()
        search.finish(Path(config.site_dir), json.loads(Path(also).read_text(encoding="utf-8")))
    except MkDocsException as reason:
        raise SystemExit(str(reason)) from None


BLOCK = re.compile(r"^<(div|table|figure|p|ul|ol|details|section|svg|math|noscript)\b[^\n]*</\1>$")
WITH_MARKDOWN = re.compile(r"<(?:div|details|section)\b[^>]*\bmarkdown=|</(?:div|details|section)>$")
"""A line that begins or ends HTML with Markdown in it; such elements are not nested."""
MARK = '<div id="kassei-block-{}"></div>'


def set_aside(source: str) -> tuple[str, list[str]]:
    """A page without its blocks of HTML, which stand in one line between empty ones, and those blocks.

    Markdown would parse each of them, most of a page, only to leave it as it is. A block that holds a heading stays,
    and so does what stands inside of HTML with Markdown in it (``markdown="1"``), where blocks are written anew.
    """
    blocks: list[str] = []
    lines, fenced, inside = source.split("\n"), False, False
    for k, line in enumerate(lines):
        fenced ^= line.lstrip().startswith("```")
        if not fenced and WITH_MARKDOWN.match(line):
            inside = not line.startswith("</")
        free = not (fenced or inside) and (k == 0 or not lines[k - 1]) and (k + 1 == len(lines) or not lines[k + 1])
        if free and BLOCK.match(line) and not re.search(r"<h[1-6]\b", line):
            lines[k] = MARK.format(len(blocks))
            blocks.append(line)
    return "\n".join(lines), blocks


def put_back(content: str, blocks: list[str]) -> str:
    """A converted page with its blocks of HTML."""
    return re.sub(r'<div id="kassei-block-(\d+)"></div>', lambda m: blocks[int(m.group(1))], content)


def _remember_pages(lang: str, config: Any) -> None:
    from mkdocs.structure.pages import Page

    pages: Any = Page
    convert: Callable[..., None] = pages.render
    own = Path(__file__).read_text(encoding="utf-8")
    engine = kept.digest(own, kept.versions(LIBRARIES), repr(config.markdown_extensions), repr(config.mdx_configs))
    warned = Warned()
    logging.getLogger("mkdocs").addHandler(warned)

    def render(page: Any, config: Any, files: Any) -> None:
        source = page.markdown
        others = " ".join(sorted(f.src_uri for f in files)) if TO_OTHERS in source else ""
        made_from, slot = kept.digest(engine, source, others), kept.slot("html", lang, page.file.src_uri)
        found = kept.find(slot, made_from)
        if found is None:
            before = warned.count
            page.markdown, blocks = set_aside(source)
            convert(page, config, files)
            page.markdown, page.content = source, put_back(page.content, blocks)
            links = {to.src_uri: anchors for to, anchors in (page.links_to_anchors or {}).items()}
            found = page.content, page.toc, page._title_from_render, page.present_anchor_ids, links
            if warned.count == before:
                kept.keep(slot, made_from, found)
        else:
            page.content, page.toc, page._title_from_render, page.present_anchor_ids, links = found
            page.links_to_anchors = {files.get_file_from_path(uri): anchors for uri, anchors in links.items()}
        print(page.file.src_uri, flush=True)

    pages.render = render


class Templates(BytecodeCache):
    """Compiled templates, found by their file and Jinja's version; Jinja compares what they were compiled from."""

    def __init__(self) -> None:
        self.version = kept.versions(["jinja2"])

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket, if its template was compiled before."""
        found = store.load(self._name(bucket))
        if isinstance(found, bytes):
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what a bucket holds."""
        store.save(self._name(bucket), bucket.bytecode_to_string())

    def _name(self, bucket: Bucket) -> str:
        return "template-" + kept.digest(bucket.key, self.version)[:32]


def _remember_templates() -> None:
    from mkdocs.theme import Theme

    themes: Any = Theme
    plain: Callable[[Theme], Any] = Theme.get_env

    def get_env(theme: Theme) -> Any:
        made = plain(theme)
        made.bytecode_cache = Templates()
        return made

    themes.get_env = get_env


def _link_files(docs: Path) -> None:
    """Give files of ours a second name where MkDocs would copy them, which takes most of the time of a small file.

    They were written for this build. Where files have one name each, or stand on another disk, they are copied.
    """
    from mkdocs import utils as module

    utils: Any = module
    copy = module.copy_file

    def copy_file(source: str, target: str) -> None:
        if Path(source).is_relative_to(docs):
            with suppress(OSError):
                os.link(source, target)
                return
        copy(source, target)

    utils.copy_file = copy_file


def _index_nothing() -> None:
    """Leave the theme's index empty: :mod:`kassei.render.search` writes its own from the built pages.

    The plugin would also look through every page for its own attributes; there are none.
    """
    from material.plugins.search.plugin import SearchIndex, SearchPlugin

    SearchIndex.add_entry_from_context = lambda index, page: None
    clean = SearchPlugin.on_page_context

    def on_page_context(plugin: Any, context: Any, *, page: Any, config: Any, nav: Any) -> None:
        if "data-search-" in page.content:
            clean(plugin, context, page=page, config=config, nav=nav)

    SearchPlugin.on_page_context = on_page_context


if __name__ == "__main__":
    main(*sys.argv[1:])
