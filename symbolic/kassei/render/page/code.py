"""The section with the emitted code, and the files that it offers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup

from kassei.codegen import emit, known_targets
from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.render.page.markup import fenced, one_block, opened, plain_markdown, tabs
from kassei.render.page.writer import Writer

LABELS = {
    "numpy": "NumPy",
    "numba": "numba",
    "cuda": "CUDA (CuPy)",
    "torch": "PyTorch",
    "jax": "JAX",
    "javascript": "JavaScript",
}
"""Targets in the order of the pages."""
SHOWN = ("numpy",)
"""Whose text stands on the page, folded; the others are offered as files, so that a page stays light."""
COLOURED = 35_000
"""Letters up to which a text is coloured: every colour is a tag, and a page weighs at most 200 KB with all it needs."""
LANGUAGES = {".py": "python", ".js": "javascript", ".mjs": "javascript", ".cu": "cuda", ".h": "c"}


@lru_cache(maxsize=16)
def emitted(activation: Activation, target: str) -> Mapping[str, str]:
    """The files of one target; both languages and every section read the same."""
    return emit(activation, target)


def code(w: Writer, dossier: Dossier) -> str:
    """One tab a target: what it needs, the command that makes it, the file."""
    name = dossier.activation.name
    pages = []
    for target in targets():
        files = emitted(dossier.activation, target)
        # a PyTorch module comes with two others that have their own tab
        own = {file: text for file, text in files.items() if len(files) == 1 or target in file}
        known = known_targets()[target]
        needs = w(f"study.needs_{target}") if f"study.needs_{target}" in w.words.source else known.needs
        body = [plain_markdown(w("study.code_needs", needs=needs))]  # an indented <p> would stand in another
        body.append(fenced(f"kassei emit {name} --target {target} --out build/code", "console"))
        for file, text in own.items():
            size = f"{len(text.encode()) / 1000:.0f}"
            link = Markup('<a class="get" href="{}" download>{}: {}</a> <span class="small">{} KB</span>')
            body.append(one_block(str(link.format(file, w("download"), file, size))))
            if target in SHOWN:
                known_as = next((kind for end, kind in LANGUAGES.items() if file.endswith(end)), "text")
                language = known_as if len(text) <= COLOURED else "text"
                body.append(opened(w("study.code_show", name=file, size=size), fenced(text, language)))
        pages.append((LABELS.get(target, target), "\n\n".join(body)))
    return "\n\n".join([w("study.code_text"), tabs(pages)])


def targets() -> list[str]:
    """Every target: those we have labels for first."""
    known = known_targets()
    return [*(t for t in LABELS if t in known), *sorted(t for t in known if t not in LABELS)]


def code_files(dossier: Dossier) -> dict[str, str]:
    """The files that the page offers for download."""
    return {name: text for target in targets() for name, text in emitted(dossier.activation, target).items()}
