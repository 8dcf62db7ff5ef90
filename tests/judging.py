"""Compares the document of an analysis with facts that are known by construction (random_functions.py).

A statement about all parameters is compared at many of their values: at every value where the construction turns, where
the reported conditions turn, beside those and between them. Between two such values neither side changes, so for one
parameter agreement there is agreement everywhere, as far as the reported conditions' ends are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import sympy as sp

from random_functions import YES_NO, Facts, Sample, Stretch, merged

Result = Literal["right", "wrong", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One fact of one function: what was found of it, and for a wrong one where and how it differs."""

    fact: str
    result: Result
    detail: str = ""


class Open(Exception):
    """The report does not say."""


@cache
def parsed(text: str) -> Any:
    """A SymPy string of a report, in real symbols."""
    names = {n: sp.Symbol(n, real=True) for n in ("a", "b", "c", "alpha", "v")}
    out = sp.sympify(text, locals=names)
    return sp.FiniteSet(*out) if isinstance(out, set) else out


def judge(sample: Sample, document: Mapping[str, Any], limit: int = 40) -> list[Judged]:
    """Every fact of a sample against a report."""
    probes = [(p, sample.facts(p)) for p in sample.probes(ends_of(document), limit)]
    keys = list(dict.fromkeys(k for _, facts in probes for k in facts))
    return [_fact(key, [(p, facts) for p, facts in probes if key in facts], document) for key in keys]


def _fact(key: str, probes: list[tuple[dict[sp.Symbol, Any], Facts]], document: Mapping[str, Any]) -> Judged:
    compared = 0
    for values, facts in probes:
        try:
            got = reported(key, values, document)
        except Open:
            continue
        compared += 1
        if not same(key, got, facts[key]):
            at = ", ".join(f"{n} = {x}" for n, x in values.items())
            return Judged(fact=key, result="wrong", detail=f"truth {facts[key]}, reported {got} {at and f'at {at}'}")
    return Judged(fact=key, result="right" if compared else "unknown")


def reported(key: str, values: Mapping[sp.Symbol, Any], document: Mapping[str, Any]) -> Any:
    """What a report says of a fact at fixed parameters; raises :class:`Open` where it says nothing."""
    if key == "domain" or key in YES_NO:
        verdict = document["domain"] if key == "domain" else document["properties"][key]
        if verdict["verdict"] == "unknown":
            raise Open
        if verdict["verdict"] == "conditional":
            return holds(verdict["condition"], values)
        return verdict["verdict"] == "proved"
    if key.startswith("limits."):
        return fixed(document["limits"][key.removeprefix("limits.")], values)
    found = document["properties"][key]
    if found["verdict"] == "unknown":
        raise Open
    return fixed(found["value"], values)


def holds(condition: str, values: Mapping[sp.Symbol, Any]) -> bool:
    """Whether a condition holds at exact values."""
    at = parsed(condition).subs(values)
    if at not in (sp.true, sp.false):
        at = sp.simplify(at)
    assert at in (sp.true, sp.false), (condition, values)
    return bool(at)


def fixed(value: Any, values: Mapping[sp.Symbol, Any]) -> Any:
    """A reported value at fixed parameters; an enclosure that was made for other parameters says nothing."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "when" in value[0]:
        rows = [row["value"] for row in value if holds(row["when"], values)]
        assert len(rows) == 1, f"{len(rows)} cases of {value} apply at {dict(values)}"
        return fixed(rows[0], values)
    if isinstance(value, list):
        return [fixed(x, values) for x in value]
    if isinstance(value, dict):
        at = {sp.Symbol(n, real=True): sp.Rational(str(x)) for n, x in value.get("at", {}).items()}
        if "lo" in value:
            if at != dict(values):
                raise Open
            return sp.Float(value["lo"], 30) / 2 + sp.Float(value["hi"], 30) / 2
        return {k: x if isinstance(x, bool) else fixed(x, values) for k, x in value.items()}
    if value in ("unknown", None):
        raise Open
    if value in ("none", "discontinuous"):
        return value
    return parsed(str(value)).subs(values)


def close(x: Any, y: Any) -> bool:
    """Whether two real numbers agree to 15 digits, or are the same infinity."""
    x, y = sp.sympify(x), sp.sympify(y)
    if x.is_infinite or y.is_infinite or x is sp.nan or y is sp.nan:
        return bool(x == y)
    if x.is_Rational and y.is_Rational:
        return bool(x == y)
    return bool(abs(x.evalf(40, maxn=200) - y.evalf(40, maxn=200)) <= sp.Float("1e-15") * (1 + abs(y.evalf(20))))


def same(key: str, got: Any, want: Any) -> bool:
    """Whether a reported fact is the true one."""
    if isinstance(want, bool):
        return got is want
    if key == "smoothness" or want == "none" or got in ("none", "discontinuous"):
        return str(got) == str(want)
    if key == "kinks":
        found = sorted(got, key=sp.N)
        return len(found) == len(want) and all(close(x, y) for x, y in zip(found, want, strict=True))
    if key in ("range", "zero_slope_set", "unit_slope_set"):
        found = stretches(got)
        return len(found) == len(want) and all(_same_stretch(x, y) for x, y in zip(found, want, strict=True))
    return close(got, want)


def _same_stretch(x: Stretch, y: Stretch) -> bool:
    return close(x[0], y[0]) and close(x[1], y[1]) and x[2:] == y[2:]


def stretches(found: Any) -> list[Stretch]:
    """A reported set as intervals in order."""
    if isinstance(found, dict) and "inf" in found:
        return [(found["inf"], found["sup"], found["inf_attained"], found["sup_attained"])]
    if isinstance(found, dict):
        return merged(
            [*((x, x, True, True) for x in found["points"]), *(s for i in found["intervals"] for s in _of(i))]
        )
    return merged(_of(found))


def _of(found: sp.Set) -> Iterator[Stretch]:
    if isinstance(found, sp.Union):
        for part in found.args:
            yield from _of(part)
    elif isinstance(found, sp.FiniteSet):
        yield from ((x, x, True, True) for x in found)
    elif found is sp.S.Reals:
        yield (-sp.oo, sp.oo, False, False)
    elif found is not sp.S.EmptySet:
        assert isinstance(found, sp.Interval), found
        yield (found.start, found.end, not found.left_open, not found.right_open)


def ends_of(document: Mapping[str, Any]) -> dict[str, list[sp.Rational]]:
    """Where the reported conditions in one parameter turn: exact rational ends, and 12 digits of others."""
    out: dict[str, list[sp.Rational]] = {}
    for text in sorted(set(_conditions(document))):
        condition = parsed(text)
        if not isinstance(condition, sp.logic.boolalg.Boolean):
            continue
        for relation in condition.atoms(sp.core.relational.Relational):
            names = relation.free_symbols
            if len(names) != 1:
                continue
            (name,) = names
            for x in _roots(relation.lhs - relation.rhs, name):
                if x not in out.setdefault(name.name, []):
                    out[name.name].append(x)
    return out


@cache
def _roots(expr: sp.Expr, name: sp.Symbol) -> tuple[sp.Rational, ...]:
    try:
        found = sp.real_roots(expr, name) if expr.is_polynomial(name) else sp.solve(expr, name)
    except (NotImplementedError, ValueError):
        return ()
    real = [x for x in found if x.is_real]
    return tuple(dict.fromkeys(x if x.is_Rational else sp.Rational(str(sp.N(x, 12))) for x in real))


def _conditions(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in ("condition", "when") and isinstance(value, str):
                yield value
            elif key not in ("steps", "joins", "param_limits"):
                yield from _conditions(value)
    elif isinstance(part, list):
        for value in part:
            yield from _conditions(value)
