"""The JSON document of a dossier: the contract of ``kassei show --json``, schema 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import sympy as sp

from kassei.core.activation import Framework, Reference
from kassei.core.dossier import Dossier, ParamLimit
from kassei.core.enclose import RootConstant
from kassei.core.prove import exact_or_enclosed, root_enclosure
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

SCHEMA = 1


def document(dossier: Dossier, lang: str = "en") -> dict[str, Any]:
    """The dossier as plain JSON data; strings are SymPy spellings, ``steps`` sentences in ``lang``."""
    f, facts = dossier.activation, dossier.facts
    out: dict[str, Any] = {
        "schema": SCHEMA,
        "name": f.name,
        "variable": str(f.variable),
        "expr": f.source,
        "digest": f.digest,
        "title": dict(f.title),
        "references": [reference(r) for r in f.references],
        "frameworks": [framework(one) for one in f.frameworks],
        "parameters": {
            p.name: {
                "domain": str(p.domain),
                "default": number(p.default),
                "learned": p.learned,
                "shared": p.shared,
            }
            for p in f.parameters
        },
        "domain": _domain(dossier.domain, lang),
        "derivative": text(facts.derivative),
        "param_derivatives": {name: text(e) for name, e in facts.param_derivatives.items()},
        "second_derivative": text(facts.second_derivative),
        "limits": {name: plain(value) for name, value in facts.limits.items()},
        "joins": [
            {"when": str(condition), "at": [_join(j) for j in joins]} for condition, joins in facts.joins if joins
        ],
        "param_limits": [_param_limit(one, dossier, lang) for one in facts.param_limits],
        "properties": {name: verdict(v, lang) for name, v in dossier.properties.items()},
        "requirements": {name: verdict(v, lang) for name, v in dossier.requirements.items()},
    }
    return out


def reference(r: Reference) -> dict[str, Any]:
    """What is known of a publication."""
    known = {f.name: getattr(r, f.name) for f in fields(r)}
    known["note"] = r.note.get("") or dict(r.note)
    return {key: value for key, value in known.items() if value}


def framework(one: Framework) -> dict[str, Any]:
    """How a framework ships the function, as far as that is known."""
    known: dict[str, Any] = {"name": one.name, "call": one.call}
    if one.parameters:
        known["parameters"] = {name: number(value) for name, value in one.parameters.items()}
    if one.kink:
        known["kink"] = one.kink[0][1] if one.kink[0][0] == "" else dict(one.kink)
    known |= {key: value for key in ("nan", "inf", "neg_inf") if (value := getattr(one, key))}
    return known | ({"note": dict(one.note)} if one.note else {})


def text(expr: sp.Expr | None) -> str:
    """A SymPy spelling, or ``unknown``."""
    return "unknown" if expr is None else str(expr)


def number(value: sp.Expr) -> int | float | str:
    """A constant as JSON writes it: a number where a double holds its decimal spelling, else SymPy's spelling."""
    if value.is_Integer:
        return int(value)
    if not value.is_Rational:
        return str(value)
    near = float(value)
    return near if sp.Rational(repr(near)) == value else str(value)


def plain(value: Any) -> Any:
    """Limits and other values as JSON data."""
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return [plain(row) for row in value]
    if isinstance(value, dict):
        return _row(value, plain)
    if isinstance(value, sp.Basic):
        return in_text(value)
    return value


@lru_cache(maxsize=4000)
def in_text(expr: sp.Basic) -> str:
    """An expression in SymPy's spelling; a certificate has the same ones again and again."""
    return str(expr)


def _join(join: Any) -> dict[str, str]:
    names = ("at", "value", "left", "right", "slope_left", "slope_right")
    return {n: "none" if getattr(join, n) is None else str(getattr(join, n)) for n in names}


def _domain(v: Verdict, lang: str) -> dict[str, Any]:
    out = verdict(v, lang)
    witness = dict(v.witness or {})
    if v.truth in ("refuted", "conditional"):
        out["undefined_at"] = v.value if v.value is not None else witness.get("undefined_at", [])
    return out


def verdict(v: Verdict, lang: str = "en") -> dict[str, Any]:
    """One verdict as JSON data."""
    condition, roots = (None, {}) if v.condition is None else spelled(v.condition)
    out: dict[str, Any] = {
        "verdict": v.truth,
        "condition": condition,
        "witness": None if v.witness is None else plain(dict(v.witness)),
        "method": v.method,
        "steps": sentences(v.steps, lang),
    }
    if roots:
        out["roots"] = roots
    if v.value is not None:
        out["value"] = _parts(v.value)
    return out


def _row(value: Mapping[str, Any], part: Callable[[Any], Any]) -> dict[str, Any]:
    """A table as JSON data; roots in its condition are enclosed beside it."""
    out = {key: part(one) for key, one in value.items()}
    if isinstance(value.get("when"), sp.Basic):
        out["when"], roots = spelled(value["when"])
        out |= {"roots": roots} if roots else {}
    return out


def spelled(condition: sp.Basic) -> tuple[str, dict[str, Any]]:
    """A condition as SymPy spells it; roots without closed form get names, and enclosures by these names."""
    roots = sorted(condition.atoms(RootConstant), key=str)
    names = {root: sp.Symbol(f"root_{k}") for k, root in enumerate(roots, start=1)}  # `root` is a function to SymPy
    return str(condition.xreplace(names)), {str(name): root_enclosure(root) for root, name in names.items()}


def _parts(value: Any) -> Any:
    """A value as JSON data; a part that there is not stays null."""
    if isinstance(value, list):
        return [_parts(row) for row in value]
    if isinstance(value, dict):
        return _row(value, _parts)
    return None if value is None else plain(value)


def sentences(steps: tuple[Step, ...], lang: str) -> list[str]:
    """Steps as sentences of a language, by the speaker that :func:`speak_with` has set."""
    return [_speakers[-1](step, lang) for step in steps]


def _bare(step: Step, lang: str) -> str:
    del lang
    return f"{step.key}: " + ", ".join(f"{k}={v}" for k, v in step.facts.items())


_speakers: list[Callable[[Step, str], str]] = [_bare]


def speak_with(speaker: Callable[[Step, str], str]) -> None:
    """Set how a step becomes a sentence of a language: the words belong to a layer that core must not import."""
    _speakers[:] = [speaker]


def _param_limit(one: ParamLimit, dossier: Dossier, lang: str) -> dict[str, Any]:
    f = dossier.activation
    out: dict[str, Any] = {
        "param": one.param,
        "to": one.to,
        "equals": "none" if not one.exists else text(one.equals),
        "is": one.same_as,
        "convergence": one.convergence,
        "error": None if one.error is None else exact_or_enclosed(one.error, Region.of(f.parameters)),
        "on_bounded_sets": one.on_bounded_sets,
        "steps": sentences(one.steps, lang),
    }
    if one.error is not None and one.error_when is not sp.true:
        out["error_when"] = str(one.error_when)
    if one.nearly:
        out["is_except"] = {"name": one.nearly, "at": [str(x) for x in one.exceptions]}
    return out
