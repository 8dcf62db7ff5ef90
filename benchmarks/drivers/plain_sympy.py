"""Plain SymPy as a competent user would ask it: one question a line on stdin, one answer a line on stdout.

The first line is a case; then each line is the name of a fact. Answers have the form of ``kassei show --json``:
a verdict, or a value as a SymPy string. SIGPROF ends the process when one answer takes more processor seconds than the
first argument says. What SymPy declines with NotImplementedError is unknown.

Choices made in SymPy's favour: parameters carry the assumptions their domain allows; Max, Min and Abs are folded into
one Piecewise, whose pieces are asked about one by one; switching points are looked at with one-sided limits, because
``continuous_domain`` and ``is_increasing`` of SymPy 1.14 do not look at jumps; identities are tried with ``simplify``
and refuted at rational points.
"""

from __future__ import annotations

import itertools
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.calculus.util import continuous_domain, function_range, is_convex

ASSUMPTIONS = {"(0, oo)": {"positive": True}, "[0, oo)": {"nonnegative": True}, "(-oo, 0)": {"negative": True}}
POINTS = [sp.Rational(p, q) for p, q in ((-7, 1), (-3, 2), (-1, 3), (1, 5), (1, 1), (5, 2), (9, 1))]
HELPERS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "softplus": lambda u: sp.log(1 + sp.exp(u)),
    "relu": lambda u: sp.Max(0, u),
    "cbrt": lambda u: sp.sign(u) * sp.Abs(u) ** sp.Rational(1, 3),
}


class Unknown(Exception):
    """SymPy does not say."""


class Asked:
    """One function and the questions about it."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.v = sp.Symbol(case["variable"], real=True)
        self.parameters = {
            n: sp.Symbol(n, **ASSUMPTIONS.get(p["domain"], {"real": True})) for n, p in case["parameters"].items()
        }
        self.defaults = {self.parameters[n]: sp.nsimplify(p["default"]) for n, p in case["parameters"].items()}
        names = {**HELPERS, **self.parameters, str(self.v): self.v}
        self.f = sp.sympify(case["expr"], locals=names, rational=True)
        folded = sp.piecewise_fold(self.f.rewrite(sp.Piecewise)) if self.f.has(sp.Max, sp.Min, sp.Abs) else self.f
        self.folded = sp.piecewise_fold(folded)
        self.slope = sp.diff(self.folded, self.v)

    def pieces(self) -> list[tuple[sp.Expr, sp.Set]]:
        """The expressions and the sets they hold on, from left to right where SymPy can tell."""
        if not isinstance(self.folded, sp.Piecewise):
            return [(self.folded, sp.S.Reals)]
        return list(self.folded.as_expr_set_pairs(sp.S.Reals))

    def switches(self) -> list[sp.Expr]:
        """The points where a condition changes."""
        ends = {e for _, where in self.pieces() for e in where.boundary}
        return sorted(ends, key=sp.default_sort_key)

    def equal(self, a: sp.Expr, b: sp.Expr) -> bool:
        """Whether two constants are the same for all parameters."""
        gap = sp.simplify(a - b)
        if gap == 0:
            return True
        if gap.is_zero is False or not gap.free_symbols:
            return False
        raise Unknown(f"{gap} = 0 depends on the parameters")

    def side(self, times: int, b: sp.Expr, side: str) -> sp.Expr:
        """A one-sided limit of f or a derivative, on the piece that meets the point there."""
        for expr, where in self.pieces():
            if (where.sup if side == "-" else where.inf) == b:
                found = sp.limit(sp.diff(expr, self.v, times), self.v, b, side)
                if not found.has(sp.Limit):
                    return found
        raise Unknown

    def continuous(self) -> bool:
        """No singularity on any piece, and one-sided limits meet at every switching point."""
        for expr, where in self.pieces():
            if not where.is_subset(continuous_domain(expr, self.v, where)):
                return False
        for b in self.switches():
            value = self.folded.subs(self.v, b)
            if not all(self.equal(self.side(0, b, side), value) for side in "-+"):
                return False
        return True

    def nondecreasing(self) -> bool:
        """SymPy's is_increasing on every piece, once the function is known to have no jump."""
        if not all(self.truth(sp.is_increasing(expr, where, self.v)) for expr, where in self.pieces()):
            return False
        if self.switches() and not self.continuous():
            raise Unknown("is_increasing looks at the slope only")
        return True

    @staticmethod
    def truth(answer: Any) -> bool:
        """A yes or no of SymPy's."""
        if answer is None:
            raise Unknown
        return bool(answer)

    def identity(self, residual: sp.Expr, zero: Callable[[sp.Rational], bool] = lambda x: True) -> bool:
        """Whether an expression vanishes: by simplify, or refuted at a rational point and the default parameters."""
        if sp.simplify(residual) == 0:
            return True
        at = residual.subs(self.defaults)
        if any(zero(x) and abs(sp.N(at.subs(self.v, x))) > 1e-9 for x in POINTS):
            if self.parameters:
                raise Unknown("refuted at the default parameters only")
            return False
        raise Unknown

    def not_affine(self) -> bool:
        """Whether f is the line through its values at 0 and 1."""
        f = self.folded
        line = f.subs(self.v, 0) + (f.subs(self.v, 1) - f.subs(self.v, 0)) * self.v
        return not self.identity(f - line)

    def unit_slope_positive(self) -> bool:
        """The slope minus 1 vanishes for positive inputs."""
        positive = sp.Symbol("p", positive=True)
        residual = (self.slope - 1).subs(self.v, positive)
        return self.identity(sp.piecewise_fold(residual).subs(positive, self.v), lambda x: x > 0)

    def bends(self, way: int) -> bool:
        """SymPy's is_convex on every piece, no jump, and slopes that do not fall at switching points."""
        if not all(self.truth(is_convex(way * expr, self.v, domain=where)) for expr, where in self.pieces()):
            return False
        if not self.continuous():
            return False
        for b in self.switches():
            turn = sp.simplify(way * (self.side(1, b, "+") - self.side(1, b, "-")))
            if not self.truth(turn.is_nonnegative):
                return False
        return True

    def convex(self) -> bool:
        """No piece and no switching point bends down."""
        return self.bends(1)

    def concave(self) -> bool:
        """No piece and no switching point bends up."""
        return self.bends(-1)

    def odd(self) -> bool:
        """f(-v) + f(v) vanishes."""
        return self.identity(self.f.subs(self.v, -self.v) + self.f)

    def even(self) -> bool:
        """f(-v) - f(v) vanishes."""
        return self.identity(self.f.subs(self.v, -self.v) - self.f)

    def end(self, times: int, at: sp.Expr) -> str:
        """A limit of the function or its slope as text, on the piece that reaches out there."""
        reach = self.folded
        if isinstance(reach, sp.Piecewise):
            reach = next((expr for expr, when in reach.args if when.subs(self.v, at) == sp.true), reach)
        found = sp.limit(sp.diff(reach, self.v, times), self.v, at)
        if isinstance(found, sp.AccumBounds):
            return "none"
        if found.has(sp.Limit, sp.nan):
            raise Unknown
        return str(found)

    def range(self) -> str:
        """SymPy's function_range of every piece, together."""
        return str(sp.Union(*(function_range(expr, self.v, where) for expr, where in self.pieces())))

    def lipschitz(self) -> str:
        """The largest size of the slope, by function_range on every piece."""
        if not self.continuous():
            return "oo"
        parts = [function_range(sp.diff(expr, self.v), self.v, where) for expr, where in self.pieces()]
        return str(sp.Max(*(sp.Abs(e) for part in parts for e in (part.inf, part.sup))))

    def kinks(self) -> list[str]:
        """Switching points at which the one-sided slopes or values differ."""
        out = []
        for b in self.switches():
            value = self.folded.subs(self.v, b)
            meets = all(self.equal(self.side(0, b, side), value) for side in "-+")
            slopes = [self.side(1, b, side) for side in "-+"]
            if not meets or not self.equal(*slopes):
                out.append(str(b))
        return out

    def smoothness(self) -> str:
        """The first derivative whose one-sided limits differ at a switching point, up to the sixth."""
        if not self.continuous():
            return "discontinuous"
        for k in range(1, 7):
            for b in self.switches():
                left, right = (self.side(k, b, side) for side in "-+")
                if not self.equal(left, right):
                    return str(k - 1)
        if self.switches():
            raise Unknown
        return "oo"

    def param_limits(self, wanted: dict[str, str]) -> list[dict[str, str]]:
        """The limit in one parameter."""
        to = wanted["to"]
        side = "-" if to.endswith("-") or to in ("oo", "+oo") else "+"
        found = sp.limit(self.f, self.parameters[wanted["param"]], sp.sympify(to.rstrip("+-")), side)
        if found.has(sp.Limit):
            raise Unknown
        return [{"param": wanted["param"], "to": to, "equals": str(found)}]

    def answer(self, fact: str, want: Any) -> dict[str, Any]:
        """A fact as the part of a report that holds it."""
        kind, _, which = fact.replace("[", ".").partition(".")
        ends = {"neg": -sp.oo, "pos": sp.oo}
        if kind.startswith("limit_"):
            name = kind.removeprefix("limit_")
            side = "neg" if "neg" in name else "pos"
            return {"limits": {name: self.end(int("slope" in name), ends[side])}}
        if kind == "param_limits":
            return {kind: self.param_limits(want)}
        if kind == "derivative":
            return {kind: str(self.slope)}
        if kind == "param_derivatives":
            return {kind: {which: str(sp.diff(self.folded, self.parameters[which]))}}
        found = getattr(self, kind)()
        if isinstance(found, bool):
            return {"properties": {kind: {"verdict": "proved" if found else "refuted"}}}
        return {"properties": {kind: {"verdict": "proved", "value": found}}}


def main() -> None:
    limit = float(sys.argv[1])
    case = json.loads(sys.stdin.readline())
    asked = Asked(case)
    print(json.dumps({"versions": {"sympy": sp.__version__}, "same": {}}), flush=True)
    for line in sys.stdin:
        begin = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limit)
        question = json.loads(line)
        try:
            out: dict[str, Any] = {"answer": asked.answer(question["fact"], question["want"])}
        except (NotImplementedError, Unknown) as reason:
            out = {"unknown": str(reason)[:200]}
        except Exception:
            last = list(itertools.islice(reversed(traceback.format_exc().splitlines()), 1))
            out = {"error": last[0][:200]}
        print(json.dumps(out | {"seconds": time.process_time() - begin}), flush=True)


if __name__ == "__main__":
    main()
