"""A function's verdicts as cells of a comparison, in a script of its own that a page loads when it is asked for it."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from kassei.core.dossier import Dossier
from kassei.core.verdict import Verdict
from kassei.render.page.writer import Writer

ROWS = (
    *("R1", "R2", "R3", "continuous", "smoothness", "kinks", "nondecreasing", "strictly_increasing", "convex"),
    *("concave", "odd", "even", "range", "zeros", "lipschitz", "saturation", "asymptotes"),
)


def facts_file(dossier: Dossier, lang: str) -> str:
    """The script with a function's verdicts, one cell for each row."""
    w = Writer(lang)
    verdicts = {**dossier.requirements, **dossier.properties}
    cells = {key: str(_cell(w, verdicts[key])) for key in ROWS if key in verdicts}
    return registered(f"{dossier.activation.name}/facts", cells)


def _cell(w: Writer, v: Verdict) -> Markup:
    """A verdict without its argument."""
    out = [] if v.truth == "proved" and v.value is not None else [w.badge(v.truth)]
    if v.condition is not None:
        out.append(Markup("<br>") + w.math(v.condition))
    if v.value is not None:
        out.append(w.value(v.value))
    return Markup(" ").join(out)


def registered(name: str, data: Any) -> str:
    """A classic script that puts data where the pages' scripts look for it."""
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", " ").replace("\u2029", " ")
    return f"(globalThis.kassei ??= {{}})[{json.dumps(name)}] = {text};\n"
