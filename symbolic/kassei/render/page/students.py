"""The section for students: why the function exists, values to check, one derivative worked out, exercises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.dossier import Dossier
from kassei.render.once import once
from kassei.render.page.markup import folded, heading, one_block, table
from kassei.render.page.writer import Writer
from kassei.render.study.exercises import Exercise, exercises
from kassei.render.study.rules import INNER, Line, worked
from kassei.render.study.values import VALUES, Row, values_by_hand
from kassei.text.latex import latex, mathml

_worked = once(worked)


@once
def _values(dossier: Dossier) -> tuple[Row, ...]:
    return tuple(values_by_hand(dossier))


def students(w: Writer, dossier: Dossier) -> str:
    """Four short parts; what takes room is folded."""
    out = [w("study.students_text")]
    for key, anchor, body in (
        ("study.why", "why", why(w, dossier)),
        ("study.values", "values", values(w, dossier)),
        ("study.worked", "worked", steps(w, dossier)),
        ("study.exercise", "exercises", tasks(w, dossier)),
    ):
        if body:
            out += [heading(w(key), anchor, 3), w.terms_line(key), body]
    return "\n\n".join(out)


# --- why --------------------------------------------------------------------------------------------------------------


def why(w: Writer, dossier: Dossier) -> str:
    """What follows from the verdicts that are proved for all parameters."""
    items = Markup("").join(Markup("<li>{}</li>").format(one) for one in reasons(w, dossier))
    return one_block(f"<ul>{items}</ul>") if items else ""


def reasons(w: Writer, dossier: Dossier) -> Iterator[Markup]:
    """What the verdicts mean for a network."""
    known, limits = dossier.properties, dossier.facts.limits
    for r in ("R1", "R2", "R3"):
        if dossier.requirements[r].truth == "proved":
            yield Markup("{}: {}").format(w.label(f"study.requirement_{r}"), w(f"study.why_{r}"))
    flat = known.get("zero_slope_set")
    if (
        flat is not None
        and flat.truth == "proved"
        and isinstance(flat.value, str)
        and flat.value.startswith("Interval")
    ):
        yield filled(w("study.why_dead", where="\0"), w.value(flat.value))
    flat_here = flat is not None and isinstance(flat.value, str) and "oo" in flat.value
    for end in ("neg", "pos"):
        if limits.get(f"slope_{end}_inf") == 0 and not flat_here:
            yield escape(w(f"study.why_vanishing_{end}"))
    if limits.get("slope_pos_inf") == 1 and dossier.requirements["R3"].truth != "proved":
        yield escape(w("study.why_slope_one"))
    smooth = known.get("smoothness")
    if smooth is not None and smooth.value == "oo" and smooth.truth == "proved":
        yield escape(w("study.why_smooth"))
    for key in ("odd", "even"):
        if key in known and known[key].truth == "proved":
            yield escape(w(f"study.why_{key}"))
    for one in dossier.facts.param_limits:
        if one.same_as and any(p.name == one.param for p in dossier.activation.learned):
            link = Markup('<a href="../{}/"><code>{}</code></a>').format(one.same_as, one.same_as)
            text = w("study.why_limit", param=one.param, to=ends(one.to), name="\0")
            yield filled(text, link)


def ends(to: str) -> str:
    """The end of a domain as one writes it."""
    return to.replace("-oo", "−∞").replace("oo", "∞")


def filled(text: str, *shown: Markup) -> Markup:
    """A text with typeset parts in the places marked by NUL."""
    parts = text.split("\0")
    out = escape(parts[0])
    for one, rest in zip(shown, parts[1:], strict=True):
        out += one + escape(rest)
    return out


# --- values -----------------------------------------------------------------------------------------------------------


def values(w: Writer, dossier: Dossier) -> str:
    """F at −2 … 2, exact and rounded, and its slope."""
    rows = []
    for row in _values(dossier):
        slope: Any = row.slope if row.slope is not None else w("none")
        if row.sides is not None:
            slope = w("study.sides", left=row.sides[0], right=row.sides[1])
        exact = w.math(row.exact, large=True) if row.exact is not None else "–"
        rows.append([str(row.at).replace("-", "−"), exact, row.decimal or w("none"), slope])
    header = ["v", w("study.exact"), w("study.decimal"), w("study.slope")]
    assert len(rows) == len(VALUES)
    return "\n\n".join([w("study.values_text"), table(rows, header, "facts values", w("study.values"))])


# --- one derivative ---------------------------------------------------------------------------------------------------


def steps(w: Writer, dossier: Dossier) -> str:
    """The derivative of one piece, rule by rule, folded."""
    found = _worked(dossier)
    if found is None:
        return ""
    whole = found.lo == -sp.oo and found.hi == sp.oo
    where = w.math(sp.Interval.open(found.lo, found.hi))
    text = escape(w("study.worked_text_whole")) if whole else filled(w("study.worked_text", where="\0"), where)
    v = latex(dossier.activation.variable)
    items = Markup("").join(
        Markup("<li>{}{}</li>").format(w.label(f"study.rule_{line.rule}"), _line(w, line, v)) for line in found.lines
    )
    last = _display(rf"\frac{{df}}{{d{v}}} = {_tex(w, found.tidy)}")
    result = Markup("<li>{}{}</li>").format(w("study.result"), last)
    body = one_block(str(Markup('<ol class="steps">{}{}</ol>').format(items, result)))
    lead = one_block(f"<p>{text}</p>" + str(_display(f"f = {_tex(w, found.value)}")))
    return "\n\n".join([lead, folded(w("study.steps", count=len(found.lines) + 1), body)])


def _line(w: Writer, line: Line, v: str) -> Markup:
    """One step: what is differentiated, the parts that the rule needs, and the result."""
    of = _tex(w, line.of)
    parts = []
    names = ("u", "w") if line.rule in ("product", "quotient") else ()
    for k, (part, slope) in enumerate(line.parts):
        if line.rule == "chain":
            left = ("g(u)", "g'(u)") if k == 0 else ("u", "u'")
            parts.append(rf"{left[0]} = {_tex(w, part)},\quad {left[1]} = {_tex(w, slope)}")
        elif names:
            parts.append(rf"{names[k]} = {_tex(w, part)},\quad {names[k]}' = {_tex(w, slope)}")
    shown = Markup("").join(_display(one) for one in parts)
    return shown + _display(rf"\frac{{d}}{{d{v}}}\left({of}\right) = {_tex(w, line.result)}")


def _tex(w: Writer, e: sp.Expr) -> str:
    return latex(e.xreplace({INNER: sp.Symbol("u", real=True)}), w.lang)


def _display(source: str) -> Markup:
    return Markup('<div class="formula" tabindex="0">{}</div>').format(Markup(mathml(source, display=True)))


# --- exercises --------------------------------------------------------------------------------------------------------


def tasks(w: Writer, dossier: Dossier) -> str:
    """Questions that fit the function, each with its answer folded."""
    out = []
    for k, one in enumerate(exercises(dossier), start=1):
        question = _said(w, f"study.exercise_{one.kind}", one)
        answer = [Markup("<p>{}</p>").format(_said(w, f"study.answer_{one.answer}", one))]
        if one.result is not None:
            answer.append(_display(_equation(w, one)))
        if one.link:
            answer.append(Markup('<p><a href="../{}/"><code>{}</code></a></p>').format(one.link, one.link))
        body = one_block(f"<div>{Markup('').join(answer)}</div>")  # inside of a fold only one block is left as it is
        out.append(f"<p><strong>{k}.</strong> {question}</p>\n\n{folded(w('study.answer'), body)}")
    return "\n\n".join(out)


def _said(w: Writer, key: str, one: Exercise) -> Markup:
    """A phrase with its mathematics typeset, in whatever order the language has it."""
    parts = re.split(r"\{(\w+)\}", w.words.templates.get(key) or w.words.source[key])
    return Markup("").join(w.fact(one.facts[p]) if k % 2 else escape(p) for k, p in enumerate(parts))


def _equation(w: Writer, one: Exercise) -> str:
    left = f"{one.left} = " if one.left else ""
    return left + latex(one.result, w.lang)
