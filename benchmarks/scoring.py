"""How an answer is compared with the facts of the open cases (cases/open.json).

Every fact is right, wrong or unknown. A verdict other than the truth's is wrong unless it is "unknown"; values are
compared numerically at several parameter values, conditions on a grid of parameter values that contains the ends of
the domains and the switching points.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp

Case = Mapping[str, Any]
Score = tuple[str, str]
VERDICTS = (
    "continuous",
    "nondecreasing",
    "not_affine",
    "unit_slope_positive",
    "convex",
    "concave",
    "odd",
    "even",
)
LIMITS = {
    "limit_neg_inf": "neg_inf",
    "limit_pos_inf": "pos_inf",
    "limit_slope_neg_inf": "slope_neg_inf",
    "limit_slope_pos_inf": "slope_pos_inf",
}
TOLERANCE = sp.Float("1e-12", 20)
SPREAD = (
    "-3",
    "-2",
    "-1",
    "-1/2",
    "-1/100",
    "0",
    "1/100",
    "1/4",
    "1/2",
    "99/100",
    "1",
    "101/100",
    "3/2",
    "2",
    "3",
    "5",
)
INPUTS = ("-97/10", "-223/100", "-71/100", "-3/1000", "7/1000", "63/100", "217/100", "911/100")
FEW_INPUTS = ("-97/10", "-223/100", "-71/100", "63/100", "217/100")
LIMIT_INPUTS = ("-7", "-3/2", "-1/3", "1/5", "2", "9")


def facts_of(case: Case) -> Iterator[tuple[str, str]]:
    """Every fact of a case as its name and its kind."""
    for key, want in case["truth"].items():
        if key == "param_limits":
            yield from ((f"{key}[{j}]", key) for j in range(len(want)))
        elif key == "param_derivatives":
            yield from ((f"{key}.{name}", key) for name in want)
        else:
            yield key, key


def score(case: Case, fact: str, document: Mapping[str, Any]) -> Score:
    """One fact of a case against a report in the form of ``kassei show --json``."""
    table = symbols(case)
    properties, limits = document.get("properties", {}), document.get("limits", {})
    kind = fact.split("[")[0].split(".")[0]
    want = case["truth"][kind]
    if kind in VERDICTS:
        return _verdict(case, want, properties.get(kind), table)
    if kind in LIMITS:
        return _number(case, want, limits.get(LIMITS[kind]), table)
    if kind == "param_limits":
        return _param_limit(case, want[int(fact.split("[")[1][:-1])], document.get("param_limits"), table)
    if kind == "derivative":
        return _number(case, want, document.get("derivative"), table, inputs(case, INPUTS))
    if kind == "param_derivatives":
        name = fact.split(".")[1]
        got = (document.get("param_derivatives") or {}).get(name)
        return _number(case, want[name], got, table, inputs(case, FEW_INPUTS))
    rule = {"lipschitz": _number, "smoothness": _smoothness, "range": _range, "kinks": _kinks}[kind]
    return rule(case, want, properties.get(kind), table)


def symbols(case: Case) -> dict[str, Any]:
    """The names of a case as SymPy objects."""
    names = [case["variable"], *case.get("parameters", {})]
    return {n: sp.Symbol(n, real=True) for n in names} | {"E": sp.E, "pi": sp.pi, "oo": sp.oo}


def inputs(case: Case, points: Sequence[str]) -> list[dict[str, sp.Rational]]:
    """Points of the variable as assignments."""
    return [{case["variable"]: sp.Rational(x)} for x in points]


def parse(text: Any, table: Mapping[str, Any]) -> Any:
    """A SymPy string in the symbols of a case."""
    return sp.sympify(str(text), locals=dict(table))


def exact(text: Any) -> sp.Rational:
    """A number as a quotient."""
    return sp.nsimplify(str(text), rational=True)


def grid(case: Case) -> list[dict[str, Any]]:
    """Parameter assignments: the defaults, the probes of the case and a spread over the domain."""
    axes: dict[str, list[Any]] = {}
    for name, p in case.get("parameters", {}).items():
        domain = p["domain"].strip()
        lo, hi, lo_in, hi_in = -sp.oo, sp.oo, False, False
        if domain != "Reals":
            lo_in, hi_in = domain[0] == "[", domain[-1] == "]"
            lo, hi = (sp.sympify(x) for x in domain[1:-1].split(","))
        inner = [x for x in map(sp.Rational, SPREAD) if (x > lo or (lo_in and x == lo))]
        inner = [x for x in inner if (x < hi or (hi_in and x == hi))]
        axes[name] = list(dict.fromkeys([exact(p["default"]), *inner]))
    rows = list(itertools.product(*axes.values()))
    if len(rows) > 60:
        rows = rows[:: max(1, len(rows) // 60)]
    base = {n: xs[0] for n, xs in axes.items()}
    probes = [{n: exact(x) for n, x in p.items()} for p in (case.get("probe") or {}).get("params", [])]
    return [base, *({**base, **p} for p in probes), *(dict(zip(axes, row, strict=True)) for row in rows)]


def at(expr: Any, table: Mapping[str, Any], params: Mapping[str, Any], **more: Any) -> Any:
    """An expression at fixed values."""
    return expr.subs({table[k]: x for k, x in {**params, **more}.items()}) if hasattr(expr, "subs") else expr


def close(a: Any, b: Any) -> bool:
    """Whether two numbers agree to the tolerance."""
    if a == b:
        return True
    try:
        a, b = sp.N(a, 30), sp.N(b, 30)
        return bool(a == b) if a.is_infinite or b.is_infinite else bool(abs(a - b) <= TOLERANCE * (1 + abs(b)))
    except (TypeError, AttributeError):
        return False


def holds(text: Any, table: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether a condition holds at fixed values."""
    found = at(parse(text, table), table, params)
    return bool(found) if found in (sp.true, sp.false) else bool(sp.simplify(found))


def _verdict(case: Case, want: Any, got: Any, table: Mapping[str, Any]) -> Score:
    if not isinstance(got, dict) or got.get("verdict") in (None, "unknown"):
        return "unknown", ""
    if "rows" in got:
        return _rows(case, want, got["rows"], table)
    if want["verdict"] != got["verdict"]:
        return "wrong", f"want {want} got {got['verdict']} {got.get('condition')}"
    if got["verdict"] == "conditional" and want.get("condition"):
        for p in grid(case):
            try:
                if holds(want["condition"], table, p) != holds(got["condition"], table, p):
                    return "wrong", f"condition {got['condition']} vs {want['condition']} at {p}"
            except (TypeError, ValueError, SyntaxError, AttributeError) as trouble:
                return "wrong", f"unreadable condition {got.get('condition')!r}: {trouble}"
    return "right", ""


def _rows(case: Case, want: Any, rows: Sequence[Any], table: Mapping[str, Any]) -> Score:
    """An answer by cases (first that holds): unknown where any parameter value of the grid is left open."""
    answers = []
    for p in grid(case):
        truth = next((value for when, value in rows if holds(when, table, p)), "unknown")
        if truth == "unknown":
            return "unknown", f"open at {p}"
        right = holds(want["condition"], table, p) if want["verdict"] == "conditional" else want["verdict"] == "proved"
        answers.append((p, truth == "true", right))
    bad = next((p for p, truth, right in answers if truth != right), None)
    return ("right", "") if bad is None else ("wrong", f"want {want} got {rows} at {bad}")


def _value(x: Any) -> Any:
    return x.get("value") if isinstance(x, dict) and "value" in x else x


def blank(x: Any) -> bool:
    """Whether a report leaves a value open."""
    if isinstance(x, dict):
        return x.get("verdict") == "unknown" or ("value" in x and x["value"] in (None, "", "unknown"))
    return x in (None, "", "unknown")


def _defaults(case: Case) -> dict[str, Any]:
    return {n: exact(p["default"]) for n, p in case.get("parameters", {}).items()}


def _pick(x: Any, table: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    if isinstance(x, list) and x and isinstance(x[0], dict) and "when" in x[0]:
        return next((_pick(row["value"], table, params) for row in x if holds(row["when"], table, params)), None)
    return x


def _at_default_only(x: Any) -> bool:
    if isinstance(x, list):
        return any(_at_default_only(row.get("value")) for row in x if isinstance(row, dict))
    return isinstance(x, dict) and ("decimal" in x or "lo" in x or "inf" in x)


def _inside(enclosure: Mapping[str, str], x: Any) -> bool:
    lo, hi = sp.Float(enclosure["lo"], 36), sp.Float(enclosure["hi"], 36)
    slack = sp.Float("1e-17")
    return bool(lo - slack <= x <= hi + slack and hi - lo <= TOLERANCE * (1 + abs(x)))


def _same(want: Any, got: Any, table: Mapping[str, Any], p: Mapping[str, Any], more: Mapping[str, Any]) -> bool | None:
    """Whether two scalar values agree at one point; None if there is nothing to compare."""
    if isinstance(want, dict) and "decimal" in want:
        x = sp.Float(want["decimal"], 36)
        if isinstance(got, dict) and "lo" in got:
            return _inside(got, x)
        return bool(abs(sp.N(at(parse(got, table), table, p, **more), 36) - x) <= TOLERANCE * (1 + abs(x)))
    x = at(parse(want, table), table, p, **more)
    if isinstance(got, dict) and "lo" in got:
        return _inside(got, sp.N(x, 36))
    if x in (sp.nan, sp.zoo) or getattr(x, "free_symbols", None):
        return None
    return close(at(parse(got, table), table, p, **more), x)


def _number(
    case: Case, want: Any, got: Any, table: Mapping[str, Any], points: Sequence[Mapping[str, Any]] = ({},)
) -> Score:
    if blank(got):
        return "unknown", ""
    got = _value(got)
    for p in [_defaults(case)] if _at_default_only(want) or _at_default_only(got) else grid(case)[:25]:
        w, g = _pick(want, table, p), _pick(got, table, p)
        if w is None:
            continue
        if "none" in (str(w), str(g)):
            if str(w) != str(g):
                return "wrong", f"want {w} got {g} at {p}"
            continue
        for more in points:
            try:
                same = _same(w, g, table, p, more)
            except (TypeError, ValueError, SyntaxError, AttributeError) as trouble:
                return "wrong", f"unreadable {g!r} (want {w!r}): {trouble}"
            if same is False:
                return "wrong", f"want {w} got {g} at {p} {dict(more)}"
    return "right", ""


def _smoothness(case: Case, want: Any, got: Any, table: Mapping[str, Any]) -> Score:
    if blank(got):
        return "unknown", ""
    for p in grid(case)[:25]:
        w, g = _pick(want, table, p), str(_pick(_value(got), table, p))
        g = str(at(parse(g, table), table, p)) if "Piecewise" in g else g
        if w is not None and g != str(w):
            return "wrong", f"smoothness want {w} got {g} at {p}"
    return "right", ""


def _ends(x: Any, table: Mapping[str, Any], p: Mapping[str, Any]) -> tuple[Any, ...]:
    if isinstance(x, dict) and "inf" in x:
        ends = [
            (sp.Float(e["lo"], 36) + sp.Float(e["hi"], 36)) / 2
            if isinstance(e, dict)
            else sp.N(at(parse(e, table), table, p), 36)
            for e in (x["inf"], x["sup"])
        ]
        return (*ends, x.get("inf_attained"), x.get("sup_attained"), None)
    s = at(parse(x, table), table, p)
    held = [bool(s.contains(e) == True) if e.is_finite else False for e in (s.inf, s.sup)]  # noqa: E712
    return (sp.N(s.inf, 36), sp.N(s.sup, 36), *held, s)


def _range(case: Case, want: Any, got: Any, table: Mapping[str, Any]) -> Score:
    if blank(got):
        return "unknown", ""
    got = _value(got)
    for p in [_defaults(case)] if _at_default_only(want) or _at_default_only(got) else grid(case)[:12]:
        w_, g_ = _pick(want, table, p), _pick(got, table, p)
        if w_ is None:
            continue
        try:
            w, g = _ends(w_, table, p), _ends(g_, table, p)
        except (TypeError, ValueError, SyntaxError, AttributeError, NotImplementedError) as trouble:
            return "wrong", f"unreadable range {g_!r} (want {w_!r}): {trouble}"
        if any(not close(b, a) for a, b in zip(w[:2], g[:2], strict=True)):
            return "wrong", f"range want {w_} got {g_} at {p}"
        if any(a is not None and b is not None and a != b for a, b in zip(w[2:4], g[2:4], strict=True)):
            return "wrong", f"range ends want {w_} got {g_} at {p}"
        if w[4] is not None and g[4] is not None and isinstance(w[4], sp.Union) != isinstance(g[4], sp.Union):
            return "wrong", f"range gaps want {w_} got {g_} at {p}"
    return "right", ""


def _kinks(case: Case, want: Any, got: Any, table: Mapping[str, Any]) -> Score:
    if blank(got) and not (isinstance(got, dict) and got.get("value") == []):
        return "unknown", ""
    for p in grid(case)[:12]:
        w_, g_ = _pick(want, table, p), _pick(_value(got), table, p)
        if w_ is None:
            continue
        try:
            w, g = (sorted({sp.N(at(parse(x, table), table, p), 25) for x in xs}) for xs in (w_, g_))
        except (TypeError, ValueError, SyntaxError, AttributeError) as trouble:
            return "wrong", f"unreadable kinks {g_!r}: {trouble}"
        if len(w) != len(g) or any(not close(y, x) for x, y in zip(w, g, strict=True)):
            return "wrong", f"kinks want {w_} got {g_} at {p}"
    return "right", ""


def _param_limit(case: Case, want: Any, got: Any, table: Mapping[str, Any]) -> Score:
    def end(text: Any) -> str:
        return str(text).replace("+oo", "oo").rstrip("+-")

    for one in got or []:
        if one.get("param") == want["param"] and end(one.get("to", "")) == end(want["to"]):
            return _number(case, want["equals"], one.get("equals"), table, inputs(case, LIMIT_INPUTS))
    return "unknown", "absent"
