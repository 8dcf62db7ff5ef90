"""The certificate of a dossier: every verdict with the cases, pieces and claims its argument rests on, as plain JSON.

Nothing in it needs the prover to be read: expressions are spelled in the definition language, roots without a closed
form by their function and bracket. :mod:`kassei.verify` replays it with other engines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import sympy as sp

from kassei.core.document import in_text, plain, spelled
from kassei.core.dossier import Dossier
from kassei.core.enclose import RootConstant
from kassei.core.pieces import Form
from kassei.core.prove import located
from kassei.core.region import Region
from kassei.core.verdict import Step, Verdict

SCHEMA = 1
ENGINES = ("sympy", "python-flint", "z3-solver")


def certificate(dossier: Dossier) -> dict[str, Any]:
    """Definition, normal forms and verdicts with their claims; the same dossier gives the same bytes."""
    f = dossier.activation
    verdicts = {"domain": dossier.domain, **dossier.properties}
    return {
        "certificate": SCHEMA,
        "kassei": version("kassei"),
        "engines": {name: version(name) for name in ENGINES},
        "digest": f.digest,
        "definition": {
            "name": f.name,
            "variable": f.variable.name,
            "expr": f.source,
            "parameters": {
                p.name: {
                    "domain": str(p.domain),
                    "default": str(p.default),
                    "learned": p.learned,
                    "shared": p.shared,
                }
                for p in f.parameters
            },
        },
        "cases": [
            {**_condition("when", case.condition), **_region(case.region), **_form(case.form)}
            for case in dossier.facts.cases
        ],
        "requirements": {name: _verdict(v, f.variable, f.defaults) for name, v in dossier.requirements.items()},
        "properties": {name: _verdict(v, f.variable, f.defaults) for name, v in verdicts.items()},
    }


def text(dossier: Dossier) -> str:
    """The certificate as a file has it."""
    return json.dumps(certificate(dossier), ensure_ascii=False, indent=1) + "\n"


def _region(region: Region) -> dict[str, Any]:
    return {
        "fixed": {str(s): spell(e) for s, e in region.fixed},
        "sample": {str(s): spell(region.at_sample(s)) for s in dict([*region.sample, *region.fixed])},
    }


def _form(form: Form) -> dict[str, Any]:
    return {
        "pieces": [{"lo": spell(p.lo), "hi": spell(p.hi), "expr": spell(p.expr)} for p in form.pieces],
        "values": [spell(x) for x in form.values],
    }


def spell(value: Any) -> Any:
    """An expression as a string, or with its roots listed beside it where it has such."""
    if value is None:
        return "none"
    if not isinstance(value, sp.Basic):
        return str(value)
    roots = sorted(value.atoms(RootConstant), key=str)
    if not roots:
        return in_text(value)
    names = {r: sp.Symbol(f"root{k}") for k, r in enumerate(roots, start=1)}
    return {
        "expr": str(value.xreplace(names)),
        "roots": {
            str(n): {"of": str(r.function), "variable": str(r.variable), "lo": str(r.lo), "hi": str(r.hi)}
            for r, n in names.items()
        },
    }


def _condition(name: str, condition: sp.Basic) -> dict[str, Any]:
    """A condition under its name, and the roots it speaks of beside it."""
    text, roots = spelled(condition)
    return {name: text, "roots": roots} if roots else {name: text}


def _verdict(v: Verdict, variable: sp.Symbol, parameters: Mapping[sp.Symbol, Any]) -> dict[str, Any]:
    return {
        "verdict": v.truth,
        **({"condition": None} if v.condition is None else _condition("condition", v.condition)),
        "value": None if v.value is None else plain(v.value),
        "witness": None if v.witness is None else plain(dict(v.witness)),
        "method": v.method,
        "cases": [
            {
                **_condition("when", when),
                **_region(leaf.region),
                "truth": leaf.answer.truth,
                "value": None if leaf.answer.value is None else plain(leaf.answer.value),
                "witness": None if leaf.answer.witness is None else plain(dict(leaf.answer.witness)),
                "claims": list(_claims(leaf.answer.steps, variable, parameters)),
            }
            for when, leaf in located(v.tree)
        ],
    }


def _claims(
    steps: tuple[Step, ...], variable: sp.Symbol, parameters: Mapping[sp.Symbol, Any]
) -> Iterator[dict[str, Any]]:
    """The checkable statements among the steps, each once."""
    seen: set[str] = set()
    for step in steps:
        for claim in _of_step(step, variable, parameters, "derivative"):
            key = json.dumps(claim, sort_keys=True)
            if key not in seen:
                seen.add(key)
                yield claim


def _of_step(
    step: Step, variable: sp.Symbol, parameters: Mapping[sp.Symbol, Any], engine: str
) -> Iterator[dict[str, Any]]:
    facts = step.facts
    if step.key == "sign":
        engine = facts["reason"].key.removeprefix("why_")
    if step.key.startswith("layout_"):
        other = sorted(facts["expr"].free_symbols - set(parameters) - {variable}, key=str)
        yield {
            "kind": "sign",
            "engine": engine,
            "variable": str(other[0] if other else variable),
            **{name: spell(facts[name]) for name in ("expr", "lo", "hi")},
            "points": [spell(p) for p in facts["zeros"]],
            "signs": list(facts["signs"]),
            "pattern": step.key.removeprefix("layout_"),
        }
    elif step.key.startswith("join_"):
        yield {"kind": "join", **{name: spell(facts[name]) for name in ("at", "left", "value", "right")}}
    elif step.key == "bends":
        yield {"kind": "nonzero_at", "variable": str(variable), "expr": spell(facts["bend"]), "at": spell(facts["at"])}
    elif step.key == "symmetric":
        yield {"kind": "identity", "expr": spell(facts["residual"])}
    elif step.key == "lipschitz_piece":
        yield {"kind": "size", **{name: spell(facts[name]) for name in ("slope", "lo", "hi", "size")}}
    elif step.key == "range_piece":
        yield {"kind": "image", **{name: spell(facts[name]) for name in ("lo", "hi", "image")}}
    for fact in facts.values():
        if isinstance(fact, Step):
            yield from _of_step(fact, variable, parameters, engine)
