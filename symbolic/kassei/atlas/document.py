"""The overview as plain JSON data: what ``kassei atlas --json`` prints and the site offers for download."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from kassei.atlas import Atlas
from kassei.atlas.entry import Entry
from kassei.atlas.kin import Kin, Relation
from kassei.atlas.limits import CONSTANT, Edge, LimitAtlas
from kassei.atlas.readings import Reading, Readings
from kassei.core.document import plain, sentences
from kassei.core.kinship import Image
from kassei.core.prove import exact_or_enclosed
from kassei.core.region import Region

SCHEMA = 1


def document(atlas: Atlas, lang: str = "en", parts: Sequence[str] = ()) -> dict[str, Any]:
    """The overview, or some of its ``parts``; strings are SymPy spellings, ``steps`` sentences in ``lang``."""
    wanted = {name: make for name, make in PARTS.items() if name in parts or not parts}
    return {"schema": SCHEMA} | {name: make(atlas, lang) for name, make in wanted.items()}


def formula(name: str, image: Mapping[str, Any], variable: str) -> str:
    """``scale*g(rate*v, a=1) + shift`` on one line, from an edge or a relation of the document."""
    rate, scale, shift = (image.get(key, one) for key, one in (("rate", "1"), ("scale", "1"), ("shift", "0")))
    given = [variable if rate == "1" else _product(rate, variable)]
    given += [f"{key}={value}" for key, value in image.get("parameters", {}).items()]
    shown = _product(scale, f"{name}({', '.join(given)})")
    return shown if shift == "0" else f"{shown} - {shift[1:]}" if shift.startswith("-") else f"{shown} + {shift}"


def _product(factor: str, rest: str) -> str:
    if factor in ("1", "-1"):
        return rest if factor == "1" else f"-{rest}"
    return f"({factor})*{rest}" if " " in factor else f"{factor}*{rest}"


def _limits(atlas: Atlas, lang: str) -> dict[str, Any]:
    del lang
    found: LimitAtlas = atlas.limits
    parameters = {e.name: e.activation.parameters for e in atlas.entries}
    edges = [_edge(one, Region.of(parameters[one.source])) for one in found.limits]
    return {
        "functions": len(found.functions),
        "nodes": [
            {"name": name, "kind": "constant" if name == CONSTANT else "function", "layer": found.layers[name]}
            for name in found.nodes
        ],
        "without_edges": [name for name in found.functions if name not in found.nodes],
        "edges": [one for one in edges if one["target"] is not None],
        "unrecognised": [one for one in edges if one["target"] is None],
    }


def _edge(one: Edge, region: Region) -> dict[str, Any]:
    out: dict[str, Any] = {
        "source": one.source,
        "param": one.param,
        "to": one.to,
        "equals": str(one.equals),
        "target": one.target,
        "convergence": one.convergence,
        "on_bounded_sets": one.on_bounded_sets,
        "error": None if one.error is None else exact_or_enclosed(one.error, region),
    }
    if one.error is not None and one.error_when is not sp.true:
        out["error_when"] = str(one.error_when)
    if one.image is not None:
        out |= _image(one.image)
    if one.exceptions:
        out["except_at"] = [str(x) for x in one.exceptions]
    return out


def _image(image: Image) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if image.values:
        out["parameters"] = {name: str(value) for name, value in image.values}
    if not image.plain:
        out |= {"scale": str(image.scale), "rate": str(image.rate), "shift": str(image.shift)}
    return out


def _kin(atlas: Atlas, lang: str) -> dict[str, Any]:
    del lang
    found: Kin = atlas.kin
    return {
        "pairs": found.pairs,
        "apart": found.apart,
        "unsettled": found.unsettled,
        "same": [_relation(one) for one in found.same],
        "classes": [list(names) for names in found.classes],
        "affine": [_relation(one) for one in found.affine],
        "undecided": [{"function": one.function, "other": one.other, "why": one.why} for one in found.undecided],
    }


def _relation(one: Relation) -> dict[str, Any]:
    out: dict[str, Any] = {"function": one.function, "is": one.image.name, **_image(one.image)}
    out |= {"at_defaults": one.at_defaults, "condition": None if one.condition is sp.true else str(one.condition)}
    if one.exceptions:
        out["except_at"] = [str(x) for x in one.exceptions]
    return out


def _requirements(atlas: Atlas, lang: str) -> list[dict[str, Any]]:
    del lang
    return [requirements_row(one) for one in atlas.readings]


def requirements_row(one: Readings) -> dict[str, Any]:
    """The requirements of one function in all readings."""
    return {
        "name": one.function,
        **{name: _reading(reading) for name, reading in one.columns().items()},
        "slope_pos_inf": plain(one.slope_limit),
        "unit_slope_set": plain(one.where),
    }


def _reading(one: Reading) -> dict[str, Any]:
    return {"verdict": one.truth, "condition": None if one.condition is None else str(one.condition)}


def _open(atlas: Atlas, lang: str) -> dict[str, Any]:
    return {
        "asked": asked(atlas.entries),
        "unknown": dict(Counter(q.kind for e in atlas.entries for q in e.left_open)),
        "questions": [
            {"function": e.name, "kind": q.kind, "name": q.name, "steps": sentences(q.steps, lang)}
            for e in atlas.entries
            for q in e.left_open
        ],
    }


def asked(entries: tuple[Entry, ...]) -> Mapping[str, int]:
    """How many questions of each kind were asked."""
    total: Counter[str] = Counter()
    for e in entries:
        total.update(e.asked)
    return dict(total)


PARTS: Mapping[str, Callable[[Atlas, str], Any]] = {
    "limits": _limits,
    "kin": _kin,
    "requirements": _requirements,
    "open": _open,
}
