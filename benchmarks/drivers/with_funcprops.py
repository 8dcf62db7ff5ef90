"""Questions to funcprops (GPL-3.0-only), no part of this project: this file runs in an environment of its own.

The first line on stdin is a case; then each line is the name of a fact, answered by one line on stdout in the form of
``kassei show --json``. An answer by cases of the parameters is passed on as ``rows`` of condition and truth. Facts for
which funcprops has no question are ``not expressible``. SIGPROF ends the process when one answer takes more processor
seconds than the first argument says.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from typing import Any

import funcprops as fp
import sympy as sp

HELPERS = {
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "softplus": lambda u: sp.log(1 + sp.exp(u)),
    "relu": lambda u: sp.Max(0, u),
    "cbrt": lambda u: sp.sign(u) * sp.Abs(u) ** sp.Rational(1, 3),
}
RISES = {"strictly_increasing", "nondecreasing", "constant"}
LABELS = {  # which labels of a classification mean yes; any other label except unknown means no
    "nondecreasing": RISES,
    "convex": {"strongly_convex", "strictly_convex", "convex", "affine", "constant"},
    "concave": {"strongly_concave", "strictly_concave", "concave", "affine", "constant"},
    "odd": {"odd", "both"},
    "even": {"even", "both"},
    "continuous": {"continuous"},
}
LEFT_OPEN = {  # labels that answer another question than the one asked
    "convex": {"quasiconvex", "quasiconcave", "pseudoconvex", "pseudoconcave", "log_convex", "log_concave"},
    "concave": {"quasiconvex", "quasiconcave", "pseudoconvex", "pseudoconcave", "log_convex", "log_concave"},
    "odd": {"central"},
    "even": {"central"},
}


SAME = {"convex": "not_affine", "concave": "not_affine", "even": "odd"}  # facts read off one and the same answer


class Unknown(Exception):
    """funcprops does not say."""


class NotExpressible(Exception):
    """funcprops has no such question."""


class Asked:
    """One function and the questions about it."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.v = sp.Symbol(case["variable"], real=True)
        self.parameters = {n: sp.Symbol(n, real=True) for n in case["parameters"]}
        names = {**HELPERS, **self.parameters, str(self.v): self.v}
        self.f = sp.sympify(case["expr"], locals=names, rational=True)
        self.given: Any = True
        for n, p in case["parameters"].items():
            if p["domain"] != "Reals":
                lo, hi = (sp.sympify(x) for x in p["domain"][1:-1].split(","))
                ends = sp.Interval(lo, hi, p["domain"][0] == "(", p["domain"][-1] == ")")
                self.given = sp.And(self.given, ends.as_relational(self.parameters[n]))

    def rows(self, answer: Any) -> list[tuple[str, str]]:
        """A classification as rows of condition and label."""
        if hasattr(answer, "as_piecewise"):
            answer = answer.as_piecewise()
        if isinstance(answer, sp.Piecewise):
            return [(str(when), self.label(value)) for value, when in answer.args]
        return [("True", self.label(answer))]

    @staticmethod
    def label(x: Any) -> str:
        """The name of a class."""
        return str(getattr(x, "value", x)).lower()

    def verdict(self, kind: str, answer: Any) -> dict[str, Any]:
        """A classification as a verdict on one property."""
        out = []
        for when, label in self.rows(answer):
            open_ = label == "unknown" or label in LEFT_OPEN.get(kind, ())
            out.append((when, "unknown" if open_ else "true" if label in LABELS[kind] else "false"))
        return self.verdict_of(kind, out)

    @staticmethod
    def verdict_of(kind: str, rows: list[tuple[str, str]]) -> dict[str, Any]:
        """Rows of condition and truth as a verdict."""
        if all(truth == "unknown" for _, truth in rows):
            raise Unknown
        return {"properties": {kind: {"verdict": "by cases", "rows": rows}}}

    def value(self, kind: str, answer: Any) -> dict[str, Any]:
        """A value as text."""
        if isinstance(answer, fp.TruthValue) or "Unknown" in type(answer).__name__ or "unknown" in str(answer).lower():
            raise Unknown
        return {"properties": {kind: {"verdict": "proved", "value": str(answer)}}}

    def end(self, expr: sp.Expr, name: str) -> dict[str, Any]:
        """A limit at an end of the line, by boundary_behavior."""
        behavior = fp.boundary_behavior(expr, self.v, assumptions=self.given)
        at = -sp.oo if "neg" in name else sp.oo
        (found,) = [x for x in behavior.limits if x.endpoint == at]
        if not found.certified or found.value is None or sp.sympify(found.value).has(sp.Limit):
            raise Unknown
        value = sp.sympify(found.value)
        return {"limits": {name: "none" if isinstance(value, sp.AccumBounds) else str(value)}}

    def answer(self, fact: str) -> dict[str, Any]:
        """A fact as the part of a report that holds it."""
        f, v, given = self.f, self.v, {"assumptions": self.given}
        if fact.startswith("limit_"):
            return self.end(sp.diff(f, v) if "slope" in fact else f, fact.removeprefix("limit_"))
        if fact == "nondecreasing":
            return self.verdict(fact, fp.monotonicity(f, v, **given))
        if fact == "continuous":
            return self.verdict(fact, fp.continuous(f, v, **given))
        if fact in ("convex", "concave"):
            return self.verdict(fact, fp.convexity(f, v, **given))
        if fact == "not_affine":
            rows = [
                (when, "unknown" if label == "unknown" else "false" if label in ("affine", "constant") else "true")
                for when, label in self.rows(fp.convexity(f, v, **given))
            ]
            return self.verdict_of(fact, rows)
        if fact in ("odd", "even"):
            return self.verdict(fact, fp.symmetry(f, v, **given))
        if fact == "lipschitz":
            return self.value(fact, fp.lipschitz(f, v, **given))
        if fact == "smoothness":
            found = fp.smoothness(f, v, **given)
            return self.value(fact, "discontinuous" if str(found) == "-1" else found)
        if fact == "range":
            y = sp.Symbol("y_", real=True)
            found = fp.range(f, v, y, **given)
            if "Unknown" in type(found).__name__ or found.free_symbols - {y}:
                raise Unknown(str(found)[:200])  # a relation between y and parameters is not a set by cases
            return self.value(fact, sp.sympify(found).as_set())
        raise NotExpressible(fact)


def main() -> None:
    limit = float(sys.argv[1])
    asked = Asked(json.loads(sys.stdin.readline()))
    from importlib.metadata import version

    versions = {p: version(p) for p in ("funcprops", "semialg", "sympy")}
    print(json.dumps({"versions": versions, "same": SAME}), flush=True)
    for line in sys.stdin:
        begin = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            out: dict[str, Any] = {"answer": asked.answer(json.loads(line)["fact"])}
        except NotExpressible:
            out = {"not_expressible": True}
        except (NotImplementedError, Unknown) as reason:
            out = {"unknown": str(reason)[:200]}
        except Exception:
            out = {"error": traceback.format_exc().splitlines()[-1][:200]}
        print(json.dumps(out | {"seconds": time.process_time() - begin}), flush=True)


if __name__ == "__main__":
    main()
