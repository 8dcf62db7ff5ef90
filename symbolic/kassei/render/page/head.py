"""The head of a page: title, reading, other names, one sentence, and what is known at a glance."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.activation import in_language
from kassei.core.dossier import Dossier
from kassei.core.verdict import Verdict
from kassei.render.page.markup import one_block
from kassei.render.page.properties import REQUIREMENTS
from kassei.render.page.writer import Writer
from kassei.render.spelling import NAMES, read
from kassei.text.resources import resource

ENDS = {(True, True): "bounded", (True, False): "below", (False, True): "above", (False, False): "unbounded"}


@cache
def readings() -> Mapping[str, str]:
    """How the Japanese titles of the catalogue are read aloud."""
    found: dict[str, str] = tomllib.loads((resource("site") / "words" / "readings.toml").read_text(encoding="utf-8"))
    return found


def head(w: Writer, dossier: Dossier) -> str:
    """Everything between the title and the first section."""
    f = dossier.activation
    other = "en" if w.lang == "ja" else "ja"
    names = [*(t for t in (f.title.get(other, ""),) if t and t != f.heading(w.lang)), *f.aliases]
    lines = []
    if w.lang == "ja" and f.path is not None and (reading := readings().get(f.name)) and _of_catalogue(dossier):
        lines.append(Markup('<span class="reading">{}: {}</span>').format(w("study.reading"), reading))
    if names:
        lines.append(Markup("{}: {}").format(w.label("aliases"), " / ".join(names)))
    said = [Markup('<p class="names">{}</p>').format(Markup("<br>").join(lines))] if lines else []
    summary = escape(in_language(f.summary, w.lang))
    badges = Markup(" ").join(
        [
            *(Markup('<span class="tag">{}</span>').format(one) for one in glance(w, dossier)),
            *(
                Markup('<a class="tag" href="#requirements">{} {}</a>').format(
                    r, w.badge(dossier.requirements[r].truth)
                )
                for r in REQUIREMENTS
            ),
        ]
    )
    blocks = [f'<p class="lead">{summary}</p>', *said, f'<p class="glance">{badges}</p>']
    return "\n\n".join(one_block(block) for block in blocks)


def _of_catalogue(dossier: Dossier) -> bool:
    """Whether this is the catalogue's own function and not one of a user's that has its name."""
    from kassei.library import catalogue

    name = dossier.activation.name
    return name in catalogue and catalogue[name].digest == dossier.activation.digest


def glance(w: Writer, dossier: Dossier) -> list[Markup]:
    """Smoothness, boundedness, monotonicity and parameters, as far as they are settled for all parameters."""
    known, f = dossier.properties, dossier.activation
    out = []
    if (how := smoothness(known.get("smoothness"))) is not None:
        out.append(escape(w(f"study.badge_{how}")) if how != "order" else _order(w, known["smoothness"].value))
    if (kinks := known.get("kinks")) is not None and isinstance(kinks.value, list) and kinks.value and _plain(kinks):
        out.append(escape(w("study.badge_kinks", count=len(kinks.value))))
    if (ends := bounds(known.get("range"))) is not None:
        out.append(escape(w(f"study.badge_{ENDS[ends]}")))
    if (rises := known.get("nondecreasing")) is not None and rises.truth in ("proved", "refuted"):
        out.append(escape(w(f"study.badge_{'monotone' if rises.truth == 'proved' else 'not_monotone'}")))
    many = {"count": len(f.parameters), "learned": len(f.learned)}
    out.append(escape(w("study.badge_parameters", **many) if f.parameters else w("study.badge_no_parameters")))
    return out


def _order(w: Writer, order: Any) -> Markup:
    text = w("study.badge_order", order="\0")
    before, _, after = text.partition("^\0")
    return Markup("{}<sup>{}</sup>{}").format(before, order, after)


def _plain(v: Verdict) -> bool:
    return not any(isinstance(one, Mapping) and "when" in one for one in v.value)


def smoothness(v: Verdict | None) -> str | None:
    """The word for a smoothness that is the same for all parameters."""
    if v is None or v.truth != "proved" or not isinstance(v.value, str):
        return None
    return {"oo": "smooth", "discontinuous": "jump"}.get(v.value, "order")


def bounds(v: Verdict | None) -> tuple[bool, bool] | None:
    """Whether a range has a lower and an upper bound; ``None`` where it depends on parameters or is not known."""
    if v is None or v.truth != "proved":
        return None
    if isinstance(v.value, Mapping) and "inf" in v.value:
        return v.value["inf"] != "-oo", v.value["sup"] != "oo"
    if not isinstance(v.value, str | sp.Set):
        return None
    names = {s for s in _words(str(v.value)) if s not in NAMES}
    try:
        found = read(str(v.value), {n: sp.Symbol(n, real=True) for n in names})
    except (ValueError, SyntaxError, KeyError):
        return None
    if not isinstance(found, sp.Set) or found is sp.S.EmptySet:
        return None
    if found is sp.S.Reals:
        return False, False
    try:
        return bool(found.inf != -sp.oo), bool(found.sup != sp.oo)
    except NotImplementedError:
        return None


def _words(text: str) -> set[str]:
    import re

    return set(re.findall(r"[A-Za-z_]\w*", text))
