"""What the pages about many functions say of one: verdicts, a few facts beside them, and a small curve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from kassei.core.activation import Activation
from kassei.core.dossier import Dossier
from kassei.core.verdict import Verdict
from kassei.render import plots
from kassei.render.page.picture import breaks_at_defaults
from kassei.render.page.writer import Writer
from kassei.render.slopes import SHOWN, STARTS, products

REQUIREMENTS = ("R1", "R2", "R3")
GROUPS = ("linear", "bounded", "below", "joined", "others")
"""How the menu groups the functions, by what they are at their default parameters."""
UNBOUNDED = re.compile(r"\boo\b|\bReals\b")
TOP, BOTTOM = 5.4, -2.4
"""What of a curve its thumbnail shows."""
SHORT = 22
"""Letters of a condition that still stands in a cell of a table."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One function in a row.

    ``smooth`` are the largest k with f in C^k (infinity as ``oo``), one for each case of the parameters;
    ``conditions`` are those that are short enough for a row, as MathML; ``path`` is the curve in a box of 100 by 60;
    ``slope`` is that at the input 1; ``chains`` are the products of slopes of those in the picture. Text and numbers
    alone, so that any process can make it.
    """

    name: str
    title: str
    names: tuple[str, ...]
    truths: Mapping[str, str]
    conditions: Mapping[str, str]
    smooth: tuple[str, ...]
    parameters: tuple[str, ...]
    frameworks: tuple[str, ...]
    year: int | None
    group: str
    path: str
    slope: float
    chains: Mapping[float, tuple[float, ...]]


def summary(dossier: Dossier, lang: str) -> Summary:
    """What is said of one function on the pages about many."""
    w, f, found = Writer(lang), dossier.activation, dossier.properties
    smooth = _orders(found["smoothness"])
    verdicts = {name: dossier.requirements[name] for name in REQUIREMENTS} | {
        "bounded": bounded(found["range"]),
        "smooth": _smooth(found["smoothness"]),
        "convex": found["convex"],
    }
    years = [r.year for r in f.references if r.year]
    return Summary(
        name=f.name,
        title=f.heading(lang),
        names=tuple(other_names(f)),
        truths={key: v.truth for key, v in verdicts.items()},
        conditions={
            key: str(w.math(v.condition))
            for key, v in verdicts.items()
            if v.condition is not None and len(str(v.condition)) <= SHORT
        },
        smooth=smooth,
        parameters=tuple(p.name for p in f.parameters),
        frameworks=tuple(dict.fromkeys(one.name for one in f.frameworks)),
        year=min(years, default=None),
        group=group(dossier),
        path=path(f, breaks_at_defaults(dossier)),
        slope=float(plots.functions(f)["grad_input"](np.float64(1.0), np.float64(1.0))),
        chains={start: products(f, start) for start in STARTS} if f.name in SHOWN else {},
    )


def _cases(v: Verdict) -> list[tuple[Any, Any]]:
    """The value of a verdict as pairs of a condition and a value; none where it is not known."""
    if v.value is None:
        return []
    if isinstance(v.value, list) and all(isinstance(x, Mapping) and "when" in x for x in v.value):
        return [(x["when"], x["value"]) for x in v.value]
    return [(sp.true, v.value)]


def _ends(value: Any) -> tuple[bool, bool]:
    """Whether a range has a lower and an upper bound."""
    if isinstance(value, Mapping):
        return value["inf"] != "-oo", value["sup"] != "oo"
    text = str(value)
    if not UNBOUNDED.search(text):
        return True, True
    return not re.search(r"-oo\b|\bReals\b", text), not re.search(r"(?<!-)\boo\b|\bReals\b", text)


def _joined(cases: list[tuple[Any, bool]]) -> Verdict:
    """A statement that is true or false case by case as one verdict."""
    if not cases:
        return Verdict(truth="unknown")
    if len({truth for _, truth in cases}) == 1:
        return Verdict(truth="proved" if cases[0][1] else "refuted")
    return Verdict(truth="conditional", condition=sp.Or(*(when for when, truth in cases if truth)))


def bounded(values: Verdict) -> Verdict:
    """Whether the range, as it was found, has two finite ends, for which parameters."""
    return _joined([(when, all(_ends(value))) for when, value in _cases(values)])


def _orders(smoothness: Verdict) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for _, value in _cases(smoothness)))


def _smooth(smoothness: Verdict) -> Verdict:
    return _joined([(when, str(value) == "oo") for when, value in _cases(smoothness)])


def _at_defaults(f: Activation, v: Verdict) -> Any:
    """The value of a property at the default parameters."""
    for when, value in _cases(v):
        if when is sp.true or sp.simplify(when.subs(f.defaults)) is sp.true:
            return value
    return None


def group(dossier: Dossier) -> str:
    """Where the menu puts a function: by its pieces, its range and its joins at the default parameters."""
    f, second = dossier.activation, dossier.facts.second_derivative
    if second is not None and all(part == 0 for part in _parts(second)):
        return "linear"
    values = _at_defaults(f, dossier.properties["range"])
    lower, upper = (False, False) if values is None else _ends(values)
    if lower and upper:
        return "bounded"
    if not lower:
        return "others"
    return "below" if str(_at_defaults(f, dossier.properties["smoothness"])) == "oo" else "joined"


def _parts(expr: sp.Expr) -> list[sp.Expr]:
    return [value for value, _ in expr.args if value is not sp.nan] if isinstance(expr, sp.Piecewise) else [expr]


def path(f: Activation, breaks: list[float]) -> str:
    """The curve as path data; it leaves the box where the function does, and a jump is a gap."""
    v, y = plots.curve(f, "f", breaks)
    near = np.isin(v, [x for b in breaks for x in (b - 1e-9, b, b + 1e-9)])
    keep = near | (np.arange(len(v)) % 10 == 0) | np.isnan(y)
    out, pen = [], False
    for x, value in zip(v[keep], y[keep], strict=True):
        if not np.isfinite(value) or not BOTTOM <= value <= TOP:
            pen = False
            continue
        out.append(f"{'L' if pen else 'M'}{(x + plots.SPAN) * 10:.3g} {(TOP + 0.1 - value) * 7.5:.3g}")
        pen = True
    return "".join(dict.fromkeys(out))


def other_names(f: Activation) -> list[str]:
    """What a function is also called: its slug, its aliases, its titles and their parts, the frameworks' calls."""
    out: list[str] = [f.name, *f.aliases]
    for title in f.title.values():
        out += [title, re.sub(r"\s*[(（][^()（）]*[)）]", "", title), *re.findall(r"[(（]([^()（）]+)[)）]", title)]
    for one in f.frameworks:
        words = [w for w in re.findall(r"[A-Za-z_]\w*", one.call.split("(")[0]) if w != "ACT2FN"]
        out += words[-1:]
    return list(dict.fromkeys(name for name in out if name))
