"""Random functions whose truth is known by construction: a seeded generator that shares no code with the prover.

A function is put together from pieces ``c*g(s*v + t) + m*v + d`` whose shape g is known completely (values, limits,
where its slope rises and falls), so that every fact follows from the numbers that were chosen. Coefficients and breaks
may be expressions in parameters; the truth is then a function of the parameters, and it is asked at rational values
that contain every value where a coefficient changes sign and the neighbours of such values. What is written down is a
disguise: the same function in another spelling.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import sympy as sp

U = sp.Symbol("u", real=True)
V = sp.Symbol("v", real=True)
A, B = sp.symbols("a b", real=True)
oo = sp.oo
Facts = dict[str, Any]
Values = Mapping[sp.Symbol, sp.Expr]
CATALOGUE = Path(__file__).parents[1] / "symbolic" / "kassei" / "catalogue"
YES_NO = (
    "continuous",
    "nondecreasing",
    "strictly_increasing",
    "not_affine",
    "unit_slope_positive",
    "convex",
    "concave",
    "odd",
    "even",
)


def sgn(x: Any) -> int:
    """The sign of an exact real number; differences below 1e-40 of constants this simple are zero."""
    x = sp.sympify(x)
    if x.is_Rational or x.is_infinite:
        return int(sp.sign(x))
    near = x.evalf(60, maxn=200)
    return 0 if abs(near) < sp.Float("1e-40", 20) else (1 if near > 0 else -1)


def least(values: Iterable[Any]) -> Any:
    """The smallest of some exact numbers."""
    out, *rest = list(values)
    for x in rest:
        out = x if differs(x, out) < 0 else out
    return out


def differs(x: Any, y: Any) -> int:
    """The sign of x - y, infinities included."""
    return 0 if x == y else sgn(x) if x in (oo, -oo) else -sgn(y) if y in (oo, -oo) else sgn(x - y)


# --- shapes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A smooth function of u with everything that is known of it.

    ``bend`` says how the slope runs: ``flat`` (u itself), ``rising`` (convex), ``peak`` (rising before 0, falling
    after), ``valley`` (the reverse), or ``wave`` (none of them; then ``slopes`` are its least and largest slope, both
    attained, and ``reach`` its least and largest value if they are).
    ``ends`` are the slope k and the height q of the asymptote k*u + q at -oo and at oo; nan where there is none.
    Each text of ``texts`` is one spelling.
    """

    name: str
    expr: sp.Expr
    texts: tuple[str, ...]
    ends: tuple[tuple[Any, Any], tuple[Any, Any]]
    bend: str
    odd: bool = False
    slopes: tuple[Any, Any] | None = None
    reach: tuple[Any, Any] | None = None

    @property
    def slope(self) -> sp.Expr:
        """The derivative."""
        return sp.diff(self.expr, U)


one = sp.S.One
half = sp.Rational(1, 2)
SHAPES = {
    s.name: s
    for s in (
        Shape(
            name="line",
            expr=U,
            texts=("{u}", "{u}", "log(exp({u}))", "(Max({u}, 0) + Min({u}, 0))", "(relu({u}) - relu(-{u}))"),
            ends=((1, 0), (1, 0)),
            bend="flat",
            odd=True,
        ),
        Shape(
            name="tanh",
            expr=sp.tanh(U),
            texts=(
                "tanh({u})",
                "(2*sigmoid(2*{u}) - 1)",
                "(1 - 2/(1 + exp(2*{u})))",
                "(exp(2*{u}) - 1)/(exp(2*{u}) + 1)",
            ),
            ends=((0, -1), (0, 1)),
            bend="peak",
            odd=True,
        ),
        Shape(
            name="atan",
            expr=sp.atan(U),
            texts=("atan({u})", "-atan(-{u})"),
            ends=((0, -sp.pi / 2), (0, sp.pi / 2)),
            bend="peak",
            odd=True,
        ),
        Shape(
            name="erf",
            expr=sp.erf(U),
            texts=("erf({u})", "(1 - erfc({u}))"),
            ends=((0, -1), (0, 1)),
            bend="peak",
            odd=True,
        ),
        Shape(
            name="isr",
            expr=U / sp.sqrt(1 + U**2),
            texts=("{u}/sqrt(1 + {u}**2)", "{u}*(1 + {u}**2)**(-1/2)"),
            ends=((0, -1), (0, 1)),
            bend="peak",
            odd=True,
        ),
        Shape(
            name="asinh",
            expr=sp.asinh(U),
            texts=("asinh({u})",),
            ends=((0, -oo), (0, oo)),
            bend="peak",
            odd=True,
        ),
        Shape(
            name="softplus",
            expr=sp.log(1 + sp.exp(U)),
            texts=("softplus({u})", "log(1 + exp({u}))", "-log(sigmoid(-{u}))", "({u} + log(1 + exp(-{u})))"),
            ends=((0, 0), (1, 0)),
            bend="rising",
        ),
        Shape(
            name="exp",
            expr=sp.exp(U),
            texts=("exp({u})", "1/exp(-{u})", "(exp({u}/2))**2"),
            ends=((0, 0), (oo, oo)),
            bend="rising",
        ),
        Shape(
            name="squareplus",
            expr=U + sp.sqrt(1 + U**2),
            texts=("({u} + sqrt({u}**2 + 1))", "1/(sqrt({u}**2 + 1) - {u})"),
            ends=((0, 0), (2, 0)),
            bend="rising",
        ),
        Shape(
            name="cube",
            expr=U**3,
            texts=("{u}**3", "{u}*{u}**2", "{u}*Abs({u})**2"),
            ends=((oo, -oo), (oo, oo)),
            bend="valley",
            odd=True,
        ),
        Shape(
            name="sinh",
            expr=sp.sinh(U),
            texts=("sinh({u})", "(exp({u}) - exp(-{u}))/2"),
            ends=((oo, -oo), (oo, oo)),
            bend="valley",
            odd=True,
        ),
        Shape(
            name="sin",
            expr=sp.sin(U),
            texts=("sin({u})", "-sin(-{u})"),
            ends=((sp.nan, sp.nan), (sp.nan, sp.nan)),
            bend="wave",
            odd=True,
            slopes=(-one, one),
            reach=(-one, one),
        ),
        Shape(
            name="bell",
            expr=sp.exp(-(U**2)),
            texts=("exp(-{u}**2)", "1/exp({u}**2)"),
            ends=((0, 0), (0, 0)),
            bend="wave",
            slopes=(-sp.sqrt(2 / sp.E), sp.sqrt(2 / sp.E)),
        ),
        Shape(
            name="witch",
            expr=1 / (1 + U**2),
            texts=("1/(1 + {u}**2)", "(1 + {u}**2)**(-1)"),
            ends=((0, 0), (0, 0)),
            bend="wave",
            slopes=(-3 * sp.sqrt(3) / 8, 3 * sp.sqrt(3) / 8),
        ),
        Shape(
            name="logwell",
            expr=sp.log(1 + U**2),
            texts=("log(1 + {u}**2)", "-log(1/({u}**2 + 1))"),
            ends=((0, oo), (0, oo)),
            bend="wave",
            slopes=(-one, one),
        ),
        Shape(
            name="gelu",
            expr=U * (1 + sp.erf(U / sp.sqrt(2))) / 2,
            texts=("{u}*(1 + erf({u}/sqrt(2)))/2", "{u}*erfc(-{u}/sqrt(2))/2"),
            ends=((0, 0), (1, 0)),
            bend="wave",
            slopes=(  # the slope is Phi(u) + u*phi(u), extreme where (2 - u**2)*phi(u) = 0
                (1 - sp.erf(1)) / 2 - 1 / sp.sqrt(sp.pi) / sp.E,
                (1 + sp.erf(1)) / 2 + 1 / sp.sqrt(sp.pi) / sp.E,
            ),
        ),
    )
}
MONOTONE = ("tanh", "atan", "erf", "isr", "asinh", "softplus", "exp", "squareplus", "cube", "sinh")
WAVES = ("sin", "bell", "witch", "logwell", "gelu")
LINE = SHAPES["line"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """``c*g(s*v + t) + m*v + d`` with coefficients that may hold parameters."""

    shape: Shape = LINE
    c: Any = sp.S.Zero
    s: Any = sp.S.One
    t: Any = sp.S.Zero
    m: Any = sp.S.Zero
    d: Any = sp.S.Zero

    def at_values(self, values: Values) -> Piece:
        """The piece at fixed parameters, an affine one as m*v + d."""
        c, s, t, m, d = (sp.sympify(x).subs(values) for x in (self.c, self.s, self.t, self.m, self.d))
        if c == 0 or s == 0:
            return Piece(m=m, d=d + (c * self.shape.expr.subs(U, t) if c != 0 else 0))
        if self.shape is LINE:
            return Piece(m=m + c * s, d=d + c * t)
        if self.shape.odd and sgn(s) < 0:
            c, s, t = -c, -s, -t
        return Piece(shape=self.shape, c=c, s=s, t=t, m=m, d=d)

    @property
    def flat(self) -> bool:
        """Whether the piece, at fixed parameters, is m*v + d."""
        return self.c == 0

    def expr(self, v: Any = V) -> sp.Expr:
        """The piece as SymPy reads it."""
        inside = sp.sympify(self.s * v + self.t)
        return (self.c * self.shape.expr.subs(U, inside) if self.c != 0 else 0) + self.m * v + self.d

    def slope_at(self, v: Any) -> Any:
        """The slope at a point or its limit at an end of the line."""
        if v in (oo, -oo):
            return self.end(1 if v is oo else -1)[0]
        return self.m + (0 if self.flat else self.c * self.s * self.shape.slope.subs(U, self.s * v + self.t))

    def end(self, side: int) -> tuple[Any, Any]:
        """Slope and value at -oo (side -1) or oo; nan where there is no limit."""
        if self.flat:
            return self.m, self.d if self.m == 0 else sgn(self.m) * side * oo
        k, q = self.shape.ends[(side * sgn(self.s) + 1) // 2]
        if k is sp.nan:
            return sp.nan, sp.nan if self.m == 0 else sgn(self.m) * side * oo
        slope = sgn(self.c * self.s) * oo if k == oo else self.m + self.c * self.s * k
        if sgn(slope) != 0:
            return slope, sgn(slope) * side * oo
        return sp.S.Zero, sgn(self.c) * q if q in (oo, -oo) else self.c * (q + k * self.t) + self.d

    def value_at(self, v: Any) -> Any:
        """The value at a point or the limit at an end of the line."""
        return self.end(1 if v is oo else -1)[1] if v in (oo, -oo) else self.expr(v)

    def slopes(self, lo: Any, hi: Any) -> tuple[Any, Any, Any]:
        """Infimum and supremum of the slope on the open interval, and where inside an extreme one is attained."""
        if self.flat:
            return self.m, self.m, None
        if self.shape.bend == "wave":
            a, b = sorted((self.c * self.s * x for x in self.shape.slopes or ()), key=sp.N)
            return a + self.m, b + self.m, None
        found = [self.slope_at(lo), self.slope_at(hi)]
        middle = -self.t / self.s
        inside = self.shape.bend in ("peak", "valley") and differs(lo, middle) < 0 < differs(hi, middle)
        if inside:
            found.append(self.slope_at(middle))
        low = least(found)
        return low, -least([-x for x in found]), middle if inside else None

    def bending(self, lo: Any, hi: Any) -> int | None:
        """1 convex, -1 concave, 0 affine, None neither."""
        if self.flat:
            return 0
        if self.shape.bend == "rising":
            return sgn(self.c)
        if self.shape.bend == "wave":
            return None
        middle = -self.t / self.s
        way = sgn(self.c) * (1 if self.shape.bend == "peak" else -1)
        before = differs(hi, middle) <= 0
        if not before and differs(lo, middle) < 0:
            return None
        return way if before == (sgn(self.s) > 0) else -way

    def level(self, lo: Any, hi: Any, value: int) -> list[tuple[Any, Any]] | None:
        """Where in the open interval the slope is ``value``; None if that is not known."""
        low, high, extreme = self.slopes(lo, hi)
        if self.flat:
            return [(lo, hi)] if differs(low, value) == 0 else []
        below, above = differs(low, value), differs(high, value)
        if below > 0 or above < 0:
            return []
        if self.shape.bend == "wave":
            return None
        at_middle = None if extreme is None else differs(self.slope_at(extreme), value)
        if at_middle == 0:
            return [(extreme, extreme)]
        return [] if below == 0 or above == 0 else None

    def image(self, lo: Any, hi: Any) -> tuple[Any, Any, bool, bool] | None:
        """The image of the open interval as lower end, upper end and whether each is attained; None if not known."""
        if self.flat and self.m == 0:
            return self.d, self.d, True, True
        low, high, _ = self.slopes(lo, hi)
        a, b = self.value_at(lo), self.value_at(hi)
        if {a, b} == {oo, -oo}:
            return -oo, oo, False, False
        if self.shape.reach and self.m == 0 and (lo, hi) == (-oo, oo):
            ends = sorted((self.c * x + self.d for x in self.shape.reach), key=sp.N)
            return ends[0], ends[1], True, True
        if sgn(low) < 0 < sgn(high):
            return None
        return (a, b, False, False) if sgn(high) > 0 else (b, a, False, False)

    def moved(self, scale: Any, shift: Any, times: Any, slope: Any, height: Any) -> Piece:
        """``times*f(scale*v + shift) + slope*v + height``."""
        return Piece(
            shape=self.shape,
            c=times * self.c,
            s=self.s * scale,
            t=self.s * shift + self.t,
            m=times * self.m * scale + slope,
            d=times * (self.m * shift + self.d) + height,
        )


# --- forms and their facts --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A function at fixed parameters: breaks, one piece for each open interval, the value at each break."""

    breaks: tuple[Any, ...]
    pieces: tuple[Piece, ...]
    values: tuple[Any, ...]

    @staticmethod
    def of(breaks: Sequence[Any], pieces: Sequence[Piece], values: Sequence[Any]) -> Form:
        """Breaks at which nothing happens are left out."""
        out_b: list[Any] = []
        out_p, out_v = [pieces[0]], []
        for b, p, x in zip(breaks, pieces[1:], values, strict=True):
            if p == out_p[-1] and differs(x, p.expr(b)) == 0:
                continue
            out_b.append(b)
            out_p.append(p)
            out_v.append(x)
        return Form(tuple(out_b), tuple(out_p), tuple(out_v))

    def stretches(self) -> list[tuple[Any, Any, Piece]]:
        """Every open interval between breaks with its piece."""
        ends = (-oo, *self.breaks, oo)
        return [(lo, hi, p) for (lo, hi), p in zip(pairwise(ends), self.pieces, strict=True)]

    def __call__(self, x: Any) -> Any:
        """The value at an exact point."""
        for b, value in zip(self.breaks, self.values, strict=True):
            if differs(x, b) == 0:
                return value
        return next(p for lo, hi, p in self.stretches() if differs(lo, x) < 0 < differs(hi, x)).expr(x)

    def facts(self) -> Facts:
        """Everything that follows; what does not follow is left out."""
        parts = self.stretches()
        slopes = [p.slopes(lo, hi) for lo, hi, p in parts]
        joins = [
            (b, p.expr(b), x, q.expr(b), p.slope_at(b), q.slope_at(b))
            for b, (p, q), x in zip(self.breaks, pairwise(self.pieces), self.values, strict=True)
        ]
        meets = [differs(left, x) == 0 == differs(right, x) for _, left, x, right, _, _ in joins]
        smooth = [ok and differs(k, n) == 0 for ok, (*_, k, n) in zip(meets, joins, strict=True)]
        rises = all(differs(left, x) <= 0 <= differs(right, x) for _, left, x, right, _, _ in joins)
        never_falls = rises and all(sgn(low) >= 0 for low, _, _ in slopes)
        bends = [p.bending(lo, hi) for lo, hi, p in parts]
        out: Facts = {
            "domain": True,
            "continuous": all(meets),
            "nondecreasing": never_falls,
            "strictly_increasing": never_falls and not any(p.flat and p.m == 0 for p in self.pieces),
            "not_affine": len(parts) > 1 or not self.pieces[0].flat,
            "unit_slope_positive": all(p.flat and p.m == 1 for _, hi, p in parts if sgn(hi) > 0),
            "kinks": [b for (b, *_), ok in zip(joins, smooth, strict=True) if not ok],
            "lipschitz": oo if not all(meets) else -least(x for a, b, _ in slopes for x in (a, -b)),
        }
        for key, way in (("convex", 1), ("concave", -1)):
            turns = all(differs(n, k) * way >= 0 for *_, k, n in joins)
            out[key] = all(meets) and turns and all(b in (0, way) for b in bends)
        for key, side in (("neg_inf", -1), ("pos_inf", 1)):
            slope, value = self.pieces[0 if side < 0 else -1].end(side)
            out[f"limits.{key}"], out[f"limits.slope_{key}"] = (
                "none" if value is sp.nan else value,
                "none" if slope is sp.nan else slope,
            )
        out |= self._smoothness(joins, meets, smooth) | self._symmetry() | self._sets(joins, smooth)
        return out

    def _smoothness(self, joins: list[Any], meets: list[bool], smooth: list[bool]) -> Facts:
        if not all(meets):
            return {"smoothness": "discontinuous"}
        if not all(smooth):
            return {"smoothness": "0"}
        orders = []
        for (b, *_), p, q in zip(joins, self.pieces, self.pieces[1:], strict=False):
            for k in (2, 3, 4, 5):
                if sgn(sp.diff(p.expr() - q.expr(), V, k).subs(V, b)) != 0:
                    orders.append(k - 1)
                    break
            else:
                return {}
        return {"smoothness": str(min(orders)) if orders else "oo"}

    def _symmetry(self) -> Facts:
        out: Facts = {}
        points = [sp.Rational(1, 3), one, sp.Rational(7, 3), sp.Integer(11), *(abs(b) for b in self.breaks)]
        points += [abs(b) + sp.Rational(1, 7) for b in self.breaks] + [
            abs(p.t / p.s) + sp.Rational(2, 5) for p in self.pieces if not p.flat
        ]
        for key, parity in (("odd", -1), ("even", 1)):
            mirrored = Form(
                tuple(-b for b in reversed(self.breaks)),
                tuple(p.moved(-one, 0, parity, 0, 0).at_values({}) for p in reversed(self.pieces)),
                tuple(parity * x for x in reversed(self.values)),
            )
            if mirrored == self:
                out[key] = True
            elif any(abs((self(-x) - parity * self(x)).evalf(60, maxn=200)) > 1e-30 for x in points):
                out[key] = False
        return out

    def _sets(self, joins: list[Any], smooth: list[bool]) -> Facts:
        out: Facts = {}
        images = [p.image(lo, hi) for lo, hi, p in self.stretches()]
        if all(i is not None for i in images):
            out["range"] = merged([*images, *((x, x, True, True) for x in self.values)])
        for key, level in (("zero_slope_set", 0), ("unit_slope_set", 1)):
            found = [p.level(lo, hi, level) for lo, hi, p in self.stretches()]
            if any(f is None for f in found):
                continue
            parts = [(a, b, a == b, a == b) for f in found for a, b in f or ()]
            parts += [
                (b, b, True, True)
                for (b, *_, k, _), ok in zip(joins, smooth, strict=True)
                if ok and differs(k, level) == 0
            ]
            out[key] = merged(parts)
        return out


Stretch = tuple[Any, Any, bool, bool]


def merged(parts: Iterable[Stretch]) -> list[Stretch]:
    """A union of intervals, each as its ends and whether they belong to it, in order and not touching."""
    out: list[Stretch] = []
    for lo, hi, lo_in, hi_in in sorted(parts, key=lambda p: (sp.N(p[0], 40), not p[2], sp.N(p[1], 40))):
        if out:
            a, b, a_in, b_in = out[-1]
            gap = differs(lo, b)
            if gap < 0 or (gap == 0 and (b_in or lo_in)):
                far = differs(hi, b)
                keep = (hi, hi_in) if far > 0 else (b, b_in or hi_in) if far == 0 else (b, b_in)
                a_in = a_in or (differs(lo, a) == 0 and lo_in)
                out[-1] = (a, keep[0], a_in, keep[1])
                continue
        out.append((lo, hi, lo_in, hi_in))
    return out


# --- samples ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A parameter: its domain as text, and whether a value lies in it."""

    name: str
    domain: str
    default: str

    def has(self, x: sp.Expr) -> bool:
        """Whether a value lies in the domain."""
        if self.domain == "Reals":
            return True
        lo, hi = (sp.sympify(part) for part in self.domain[1:-1].split(","))
        above, below = differs(x, lo), differs(hi, x)
        return (above > 0 or (above == 0 and self.domain[0] == "[")) and (
            below > 0 or (below == 0 and self.domain[-1] == "]")
        )


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A definition as text, and what it means at any admissible rational values of its parameters.

    ``form`` is the whole function; where it is not known piece by piece, ``known`` are the facts there are.
    """

    kind: str
    expr: str
    form: Callable[[Values], Form] | None = None
    known: Callable[[Values], Facts] | None = None
    parameters: tuple[Declared, ...] = ()
    turning: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def facts(self, values: Values) -> Facts:
        """Everything that is known at fixed parameters."""
        return self.form(values).facts() if self.form else self.known(values) if self.known else {}

    @property
    def toml(self) -> str:
        """The definition file."""
        rows = ['name = "random"', 'variable = "v"', f'expr = "{self.expr}"']
        for p in self.parameters:
            rows += [f"[parameters.{p.name}]", f'domain = "{p.domain}"', f"default = {p.default}"]
        return "\n".join(rows) + "\n"

    def probes(self, extra: Mapping[str, Iterable[Any]] | None = None, limit: int = 40) -> list[dict[sp.Symbol, Any]]:
        """Parameter values: the default, a spread, every turning value, its neighbours and what lies between."""
        rows = []
        for p in self.parameters:
            turning = [sp.Rational(x) for x in (*self.turning.get(p.name, ()), *(extra or {}).get(p.name, ()))]
            near = [x + e for x in turning for e in (0, sp.Rational(1, 10**6), -sp.Rational(1, 10**6))]
            spread = map(sp.Rational, ("-3", "-1", "-1/2", "0", "1/2", "1", "2", "5"))
            nodes = sorted({*turning, *(sp.Integer(x) for x in (-100, 100))})
            between = [(x + y) / 2 for x, y in pairwise(nodes)]
            wanted = [sp.Rational(p.default), *near, *between, *spread]
            rows.append([(sp.Symbol(p.name, real=True), x) for x in dict.fromkeys(wanted) if p.has(x)])
        every = [dict(row) for row in product(*rows)]
        if len(every) > limit:
            every = [every[0], *random.Random(self.expr).sample(every[1:], limit - 1)]
        return every


@dataclass(frozen=True)
class Branch:
    """A piece on an interval that may depend on parameters."""

    piece: Piece
    lo: Any = -oo
    hi: Any = oo
    lo_in: bool = False
    hi_in: bool = False

    def at_values(self, values: Values) -> Branch:
        """The branch at fixed parameters."""
        return replace(
            self,
            piece=self.piece.at_values(values),
            lo=sp.sympify(self.lo).subs(values),
            hi=sp.sympify(self.hi).subs(values),
        )

    def has(self, x: Any) -> bool:
        """Whether a point lies in the interval."""
        above, below = differs(x, self.lo), differs(self.hi, x)
        return (above > 0 or (above == 0 and self.lo_in)) and (below > 0 or (below == 0 and self.hi_in))


def first_match(branches: Sequence[Branch], values: Values) -> Form:
    """What a Piecewise means at fixed parameters: the first branch whose interval holds v."""
    fixed = [b.at_values(values) for b in branches]
    ends = {x for b in fixed for x in (b.lo, b.hi) if x not in (oo, -oo)}
    breaks: list[Any] = []
    for x in sorted(ends, key=lambda x: sp.N(x, 40)):
        if not breaks or differs(x, breaks[-1]) != 0:
            breaks.append(x)

    def owner(x: Any) -> Piece:
        return next(b.piece for b in fixed if b.has(x))

    inner = [middle(lo, hi) for lo, hi in pairwise((-oo, *breaks, oo))]
    return Form.of(breaks, [owner(x) for x in inner], [owner(b).expr(b) for b in breaks])


def middle(lo: Any, hi: Any) -> Any:
    """A point inside an open interval."""
    if lo == -oo:
        return sp.S.Zero if hi == oo else hi - 1
    return lo + 1 if hi == oo else (lo + hi) / 2


class Dice:
    """Random choices, and the many spellings of one thing."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def pick(self, *options: Any) -> Any:
        """One of the options."""
        return self.random.choice(options)

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self.random.random() < p

    def rational(self, top: int = 5, *, positive: bool = False) -> sp.Rational:
        """A small rational number that is not 0."""
        x = sp.Rational(self.random.randint(1, top), self.random.choice((1, 1, 2, 3, 4)))
        return x if positive or self.chance(0.5) else -x

    def text(self, p: Piece) -> str:
        """One spelling of a piece."""
        terms = []
        if p.c != 0:
            inside = self.linear(p.s, p.t)
            shape = self.random.choice(p.shape.texts).replace("{u}", f"({inside})")
            terms.append(shape if p.c == 1 else f"({p.c})*({shape})" if self.chance(0.7) else f"({shape})*({p.c})")
        if p.m != 0 or p.d != 0 or not terms:
            terms.append(self.linear(p.m, p.d))
        if self.chance(0.3):
            terms.reverse()
        return " + ".join(f"({x})" for x in terms) if len(terms) > 1 else terms[0]

    def linear(self, m: Any, d: Any) -> str:
        """One spelling of m*v + d."""
        if m == 0:
            return f"{d}"
        line = "v" if m == 1 else f"({m})*v"
        if d == 0:
            return line
        if self.chance(0.2) and m != 1:
            return f"({m})*(v + ({sp.sympify(d) / m}))" if sp.sympify(m).is_Rational else f"({d}) + {line}"
        return f"{line} + ({d})" if self.chance(0.7) else f"({d}) + {line}"

    def below(self, b: Any, closed: bool) -> str:
        """``v < b`` or ``v <= b`` in one of many spellings."""
        sign, turned = ("<=", ">=") if closed else ("<", ">")
        other = ">" if closed else ">="
        k = self.rational(positive=True)
        return self.pick(
            f"v {sign} {b}",
            f"v {sign} {b}",
            f"({b}) {turned} v",
            f"~(v {other} {b})",
            f"v - ({b}) {sign} 0",
            f"({k})*v {sign} ({k})*({b})",
            f"-v {turned} -({b})",
            f"-v + ({b}) {turned} 0",
        )

    def above(self, b: Any, closed: bool) -> str:
        """``v > b`` or ``v >= b`` in one of many spellings."""
        return f"~({self.below(b, not closed)})" if self.chance(0.3) else f"v {'>=' if closed else '>'} {b}"

    def condition(self, b: Branch) -> str:
        """One spelling of "v lies in the interval of the branch"."""
        if b.lo == b.hi:
            return f"Eq(v, {b.lo})" if self.chance(0.6) else f"(v >= {b.lo}) & (v <= {b.lo})"
        parts = [] if b.lo == -oo else [f"({self.above(b.lo, b.lo_in)})"]
        parts += [] if b.hi == oo else [f"({self.below(b.hi, b.hi_in)})"]
        if self.chance(0.3):
            parts.reverse()
        return " & ".join(parts) or "True"

    def piecewise(self, branches: Sequence[Branch]) -> str:
        """One spelling of a first-match list of branches: nested, with a redundant branch, or as it is."""
        rows = [(self.text(b.piece), self.condition(b)) for b in branches]
        rows[-1] = (rows[-1][0], "True")
        if self.chance(0.2) and len(rows) > 1:
            again = self.random.randrange(len(rows) - 1)
            rows.insert(again + 1, (f"{rows[-1][0]} + 1", rows[again][1]))  # never reached: the row before takes it all
        if self.chance(0.25) and len(rows) > 2:
            tail = ", ".join(f"({x}, {c})" for x, c in rows[1:])
            return f"Piecewise(({rows[0][0]}, {rows[0][1]}), (Piecewise({tail}), True))"
        return f"Piecewise({', '.join(f'({x}, {c})' for x, c in rows)})"

    def disguised(self, text: str) -> str:
        """The same function with something around it that changes nothing."""
        return self.pick(
            f"-(-({text}))",
            f"({text}) + sin(v)**2 + cos(v)**2 - 1",
            f"({text}) + log(exp(v)) - v",
            f"({text})*(1 + v**2)/(v**2 + 1)",
            f"({text})*exp(v)*exp(-v)",
            f"Max({text}, ({text}) - 1)",
            f"Min({text}, ({text}) + 1/1000)",
            f"Piecewise(({text}, v**2 + 1 > 0), (0, True))",
            f"Piecewise(({text}, v < 3), ({text}, True))",
            f"2*({text}) - ({text})",
            f"({text}) + v - v",
            f"({text} + Abs({text}))/2 + ({text} - Abs({text}))/2",
            f"({text})*Heaviside(v - 1, 1) + ({text})*(1 - Heaviside(v - 1, 1))",
        )


# --- kinds ------------------------------------------------------------------------------------------------------------

TINY = (sp.S.One, sp.Rational(1, 10), sp.Rational(1, 1000), sp.Rational(1, 10**6))


def single(dice: Dice, kind: str, piece: Piece, parameters: tuple[Declared, ...] = (), turning: Any = None) -> Sample:
    """One piece on the whole line."""
    return Sample(
        kind=kind,
        expr=dice.text(piece),
        form=lambda values: first_match([Branch(piece)], values),
        parameters=parameters,
        turning=turning or {},
    )


def smooth(dice: Dice) -> Sample:
    """A shape, scaled and shifted, with or without a line added."""
    shape = SHAPES[dice.pick(*MONOTONE)]
    t, d = (dice.pick(0, 0, dice.rational()) for _ in range(2))
    m = dice.pick(0, 0, dice.rational(3))
    return single(dice, "smooth", Piece(shape=shape, c=dice.rational(), s=dice.rational(3), t=t, m=m, d=d))


def monotone_piece(dice: Dice, anchor: sp.Rational, value: Any) -> Piece:
    """A piece that takes a given value at a given place; mostly rising."""
    if dice.chance(0.45):
        m = dice.pick(0, 1, 1, dice.rational(4, positive=True), -dice.rational(2, positive=True))
        return Piece(m=m, d=value - m * anchor)
    shape = SHAPES[dice.pick(*(n for n in MONOTONE if n not in ("cube", "sinh")), "cube")]
    s = dice.pick(1, dice.rational(2, positive=True))
    c = dice.rational(3, positive=True) * (1 if dice.chance(0.8) else -1)
    at_zero = shape.expr.subs(U, 0)
    return Piece(shape=shape, c=c, s=s, t=-s * anchor, d=value - c * at_zero)


def joined(dice: Dice) -> Sample:
    """Two or three pieces that meet, or miss each other by a chosen jump, or leave one point aside."""
    b = dice.pick(sp.S.Zero, sp.S.Zero, dice.rational(), sp.Integer(1000))
    first = monotone_piece(dice, b, sp.Rational(dice.random.randint(-2, 2)))
    meet = first.at_values({}).expr(b)
    jump = dice.pick(0, 0, 0, *TINY, *(-x for x in TINY))
    second = monotone_piece(dice, b, meet + jump)
    closed = dice.chance(0.5)
    branches = [Branch(first, -oo, b, False, closed), Branch(second, b, oo, not closed, False)]
    if dice.chance(0.3):
        further = b + dice.rational(3, positive=True)
        third = monotone_piece(dice, further, second.at_values({}).expr(further) + dice.pick(0, 0, *TINY))
        branches[1] = Branch(second, b, further, not closed, dice.chance(0.5))
        branches.append(Branch(third, further, oo, not branches[1].hi_in, False))
    if dice.chance(0.15):
        branches.insert(0, Branch(Piece(d=meet + dice.pick(0, jump / 2, *TINY)), b, b, True, True))
        if dice.chance(0.4):
            return piecewise_sample(dice, "isolated", branches)
        shuffled = branches
    else:
        shuffled = branches
        if dice.chance(0.4):
            dice.random.shuffle(shuffled)
    return piecewise_sample(dice, "joined", shuffled)


def piecewise_sample(
    dice: Dice, kind: str, branches: list[Branch], parameters: tuple[Declared, ...] = (), turning: Any = None
) -> Sample:
    """A sample that is a list of branches; the last of them is written as what is left."""
    covered = [*branches[:-1], Branch(branches[-1].piece)]
    text = dice.piecewise(branches)
    if len(branches) == 2 and not parameters and dice.chance(0.2):
        left, right = sorted(branches, key=lambda b: b.lo == -oo, reverse=True)
        step = f"Heaviside(v - ({left.hi}), {0 if left.hi_in else 1})"
        text = f"({dice.text(left.piece)})*(1 - {step}) + ({dice.text(right.piece)})*{step}"
    return Sample(
        kind=kind,
        expr=text,
        form=lambda values: first_match(covered, values),
        parameters=parameters,
        turning=turning or {},
    )


def dip(dice: Dice) -> Sample:
    """A rising line that falls for a moment, by a chosen and possibly tiny depth, near or far."""
    place = dice.pick(sp.S.Zero, dice.rational(), sp.Integer(1000), sp.Integer(-1000), sp.Rational(1, 1000))
    depth = dice.pick(*TINY) * dice.pick(1, 1, 1, 0, -1)
    width = dice.pick(*TINY)
    m = dice.rational(3, positive=True)
    start, end = m * place, m * place - depth
    branches = [
        Branch(Piece(m=m), -oo, place, False, dice.chance(0.5)),
        Branch(Piece(m=-depth / width, d=start + depth / width * place), place, place + width, True, dice.chance(0.5)),
        Branch(Piece(m=m, d=end - m * (place + width)), place + width, oo, True, False),
    ]
    return piecewise_sample(dice, "dip", branches)


def wave(dice: Dice) -> Sample:
    """A line and a wave whose slope window is known: the line's slope is at the edge of the window or beside it."""
    shape = SHAPES[dice.pick(*WAVES)]
    c, s = dice.rational(3), dice.rational(3)
    low = least(c * s * x for x in shape.slopes or ())
    if low.is_Rational:
        edge = -low + dice.pick(0, 0, *TINY, *(-x for x in TINY))
    else:
        edge = sp.Rational(str(sp.N(-low, 9))) + dice.pick(1, -1) * dice.pick(*TINY)
    m = dice.pick(edge, edge, -edge, 0)
    return single(dice, "wave", Piece(shape=shape, c=c, s=s, t=dice.pick(0, dice.rational()), m=m, d=dice.pick(0, 1)))


def lines(dice: Dice) -> Sample:
    """Max and Min of lines, nested; or lines and bends added up."""
    if dice.chance(0.5):
        return hinges(dice, ())
    return nest(dice, ())


HINGES = (
    "relu({u})",
    "Max({u}, 0)",
    "({u} + Abs({u}))/2",
    "({u} + sqrt({u}**2))/2",
    "{u}*Heaviside({u})",
    "-Min(-{u}, 0)",
    "Piecewise(({u}, {u} > 0), (0, True))",
    "({u} - Min({u}, 0))",
)


def hinges(dice: Dice, parameters: tuple[Declared, ...], turning: Any = None) -> Sample:
    """m*v + d + sum of k*relu(v - b)."""
    m, d = dice.pick(0, 1, dice.rational(2)), dice.pick(0, dice.rational(2))
    if parameters:
        slopes, turning = windows(dice, parameters)
        m = slopes[0]
        bends = [(slopes[1], dice.pick(0, 0, A, -A))]
    else:
        bends = [(dice.pick(-m, 1, dice.rational(2)), dice.rational(3)) for _ in range(dice.pick(1, 2, 2, 3))]
    terms = [dice.linear(m, d)]
    for k, b in bends:
        terms.append(f"({k})*({dice.pick(*HINGES).replace('{u}', f'({dice.linear(1, -b)})')})")

    def form(values: Values) -> Form:
        at = sorted(((sp.sympify(b).subs(values), sp.sympify(k).subs(values)) for k, b in bends), key=lambda x: x[0])
        slope, height = sp.sympify(m).subs(values), sp.sympify(d).subs(values)
        pieces, breaks = [Piece(m=slope, d=height)], []
        for b, k in at:
            slope, height = slope + k, height - k * b
            pieces.append(Piece(m=slope, d=height))
            breaks.append(b)
        distinct = [i for i, b in enumerate(breaks) if i + 1 == len(breaks) or breaks[i + 1] != b]
        pieces = [pieces[0], *(pieces[i + 1] for i in distinct)]
        breaks = [breaks[i] for i in distinct]
        return Form.of(breaks, pieces, [p.expr(b) for p, b in zip(pieces, breaks, strict=False)])

    return Sample(kind="hinges", expr=" + ".join(terms), form=form, parameters=parameters, turning=turning or {})


def nest(dice: Dice, parameters: tuple[Declared, ...], turning: Any = None) -> Sample:
    """Max and Min of lines, nested up to two deep."""
    slopes: tuple[Any, ...] = ()
    if parameters:
        slopes, turning = windows(dice, parameters)

    def tree(depth: int) -> tuple[str, Any]:
        if depth == 0 or dice.chance(0.2):
            m, d = dice.pick(0, 1, dice.rational(2), *slopes), dice.pick(0, dice.rational(3))
            return f"({dice.linear(m, d)})", (m, d)
        word = dice.pick("Max", "Min")
        parts = [tree(depth - 1) for _ in range(dice.pick(2, 2, 3))]
        return f"{word}({', '.join(text for text, _ in parts)})", (word, [p for _, p in parts])

    text, plan = tree(2)

    def leaves(node: Any) -> list[Any]:
        return [x for part in node[1] for x in leaves(part)] if isinstance(node[0], str) else [node]

    def form(values: Values) -> Form:
        def chosen(node: Any, x: Any) -> Piece:
            if not isinstance(node[0], str):
                return Piece(m=sp.sympify(node[0]).subs(values), d=sp.sympify(node[1]).subs(values))
            return (max if node[0] == "Max" else min)(
                (chosen(part, x) for part in node[1]), key=lambda p: sp.N(p.expr(x), 40)
            )

        flat = {chosen(leaf, 0) for leaf in leaves(plan)}
        breaks = sorted({(q.d - p.d) / (p.m - q.m) for p in flat for q in flat if p.m != q.m}, key=sp.N)
        inner = [middle(lo, hi) for lo, hi in pairwise((-oo, *breaks, oo))]
        return Form.of(breaks, [chosen(plan, x) for x in inner], [chosen(plan, b).expr(b) for b in breaks])

    return Sample(kind="nest", expr=text, form=form, parameters=parameters, turning=turning or {})


DOMAINS = (
    ("Reals", "1/2"),
    ("Reals", "2"),
    ("[0, oo)", "1"),
    ("(0, oo)", "1/2"),
    ("[-1, 1]", "1/2"),
    ("(-2, 3)", "1"),
    ("(-oo, 1]", "-1"),
)


def declare(dice: Dice, names: str = "a") -> tuple[Declared, ...]:
    out = []
    for name in names:
        domain, default = dice.pick(*DOMAINS)
        out.append(Declared(name=name, domain=domain, default={"1/2": "0.5"}.get(default, default)))
    return tuple(out)


def windows(dice: Dice, parameters: tuple[Declared, ...]) -> tuple[tuple[Any, Any], dict[str, tuple[Any, ...]]]:
    """Two coefficients in the parameters and the values at which they change sign or pass 1."""
    r, q = dice.rational(2), dice.rational(2)
    polynomials = (
        (A, (0, 1, -1)),
        (A - r, (r, r + 1, r - 1)),
        (r - A, (r, r - 1)),
        (A**2 - r**2, (r, -r)),
        ((A - r) * (A - q), (r, q)),
        (1 - A**2, (1, -1, 0)),
        (A**2, (0, 1, -1)),
        (1 + A * r, (-1 / r, 0)),
        (sp.exp(A), (0,)),
        (sp.exp(A) - 1, (0,)),
    )
    first, second = dice.pick(*polynomials), dice.pick(*polynomials)
    turning = {"a": (*first[1], *second[1])}
    coefficients = [first[0], second[0]]
    if len(parameters) > 1:
        coefficients[1] = dice.pick(B, A * B, B - A, A + B, 1 - A * B, B**2)
        turning["b"] = (0, 1, -1, *turning["a"])
    return (coefficients[0], coefficients[1]), turning


def windowed(dice: Dice) -> Sample:
    """Slopes, jumps and breaks that are expressions in the parameters."""
    parameters = declare(dice, dice.pick("a", "a", "ab"))
    (p, q), turning = windows(dice, parameters)
    how = dice.pick("pieces", "pieces", "jump", "shape", "shape", "wave", "hinges", "nest", "break")
    if how == "hinges":
        return hinges(dice, parameters)
    if how == "nest":
        return nest(dice, parameters[:1])
    if how == "shape":
        shape = SHAPES[dice.pick(*MONOTONE)]
        slope = shape.slope.subs(U, 0)
        piece = Piece(shape=shape, c=dice.pick(p, 1), s=dice.pick(1, 1, 2), m=dice.pick(q, 1, 0), d=dice.pick(0, 1))
        if slope.is_Rational and slope != 0:
            turning["a"] = (*turning["a"], *(-1 / slope / k for k in (1, 2)))
        return single(dice, "smooth window", piece, parameters, turning)
    if how == "wave":
        piece = Piece(shape=SHAPES["sin"], c=p, s=dice.pick(1, 2, q), m=dice.pick(1, 2))
        turning = {n: (*x, sp.Rational(1, 2), -sp.Rational(1, 2), 2, -2, 1, -1) for n, x in turning.items()}
        return single(dice, "sine window", piece, parameters, turning)
    if how == "break":
        b = dice.pick(A, -A, 2 * A - 1, A**2, sp.exp(A))
        left, right = Piece(m=dice.pick(1, 0, sp.Rational(1, 2))), Piece(m=dice.pick(1, 2), d=dice.pick(0, -b, 1))
        turning["a"] = (*turning["a"], 0, sp.Rational(1, 2), 1, -1)
        closed = dice.chance(0.5)
        branches = [Branch(left, -oo, b, False, closed), Branch(right, b, oo, not closed, False)]
        if dice.chance(0.5):
            branches.reverse()
        return piecewise_sample(dice, "moving break", branches, parameters[:1], turning)
    b = dice.pick(sp.S.Zero, sp.S.Zero, dice.rational(2))
    left = Piece(m=p, d=-p * b if b else 0)
    right = monotone_piece(dice, b, q if how == "jump" else sp.S.Zero)
    if how == "pieces" and dice.chance(0.5):
        right = Piece(m=q, d=-q * b if b else 0)
    closed = dice.chance(0.5)
    branches = [Branch(left, -oo, b, False, closed), Branch(right, b, oo, not closed, False)]
    if dice.chance(0.5):
        branches.reverse()
    used = tuple(x for x in parameters if any(x.name in str((y.piece.m, y.piece.d)) for y in branches))
    return piecewise_sample(dice, f"window in {how}", branches, used, turning)


@cache
def catalogue_text(name: str) -> str:
    return str(tomllib.loads((CATALOGUE / f"{name}.toml").read_text(encoding="utf-8"))["expr"])


def catalogue_parts() -> dict[str, tuple[list[Branch], tuple[Declared, ...], dict[str, tuple[Any, ...]]]]:
    """Catalogue functions as pieces, worked out by hand."""
    real = (Declared(name="a", domain="Reals", default="0.5"),)
    some = (Declared(name="c", domain="[0, 1)", default="0.5"),)
    rate = (Declared(name="alpha", domain="(0, oo)", default="1"),)
    identity = Piece(m=one)
    c, alpha = sp.symbols("c alpha", real=True)
    right = Branch(identity, sp.S.Zero, oo, False, False)
    return {
        "relu": ([right, Branch(Piece())], (), {}),
        "identity": ([Branch(identity)], (), {}),
        "prelu": ([right, Branch(Piece(m=A))], real, {"a": (0, 1, -1)}),
        "leaky_relu": ([right, Branch(Piece(m=c))], some, {"c": (0,)}),
        "elu": ([right, Branch(Piece(shape=SHAPES["exp"], c=alpha, d=-alpha))], rate, {"alpha": (1,)}),
        "sigmoid": ([Branch(Piece(shape=SHAPES["tanh"], c=half, s=half, d=half))], (), {}),
        "tanh": ([Branch(Piece(shape=SHAPES["tanh"], c=one))], (), {}),
        "step": ([Branch(Piece(), -oo, sp.S.Zero, False, False), Branch(Piece(d=one))], (), {}),
        "gelu": ([Branch(Piece(shape=SHAPES["gelu"], c=one))], (), {}),
    }


def mutation(dice: Dice) -> Sample:
    """A catalogue function, scaled, turned over, shifted, with a line added, or composed with an affine map."""
    parts = catalogue_parts()
    name = dice.pick(*parts)
    branches, parameters, turning = parts[name]
    times, scale = (dice.pick(1, -1, dice.rational(3)) for _ in range(2))
    shift, slope, height = (dice.pick(0, 0, dice.rational(2)) for _ in range(3))
    turned = []
    for b in branches:
        ends = [(x - shift) / scale if x not in (oo, -oo) else x * sgn(scale) for x in (b.lo, b.hi)]
        inside = [b.lo_in, b.hi_in]
        if sgn(scale) < 0:
            ends, inside = ends[::-1], inside[::-1]
        turned.append(Branch(b.piece.moved(scale, shift, times, slope, height), *ends, *inside))
    inner = re.sub(r"\bv\b", f"({dice.linear(scale, shift)})", catalogue_text(name))
    text = f"({times})*({inner}) + ({dice.linear(slope, height)})"
    more = {
        n: (*x, *(y for y in (-sp.Rational(slope) / (times * scale), 1 / sp.Rational(times * scale)) if times))
        for n, x in turning.items()
    }
    return Sample(
        kind=f"mutated {name}",
        expr=text,
        form=lambda values: first_match(turned, values),
        parameters=parameters,
        turning=more,
    )


def defined_where(test: Callable[[Values], bool], more: Callable[[Values], Facts]) -> Callable[[Values], Facts]:
    """Where ``test`` fails the function is undefined somewhere, and nothing that speaks of the whole line holds."""
    nothing = {k: False for k in YES_NO if k != "unit_slope_positive"} | {"domain": False}
    whole = {"domain": True, "continuous": True}
    return lambda values: whole | more(values) if test(values) else {**nothing, "not_affine": True}


def partial(dice: Dice) -> Sample:
    """Logarithms, roots and quotients: undefined somewhere, for some parameters, or nowhere."""
    s, t = dice.rational(3), dice.pick(0, dice.rational(3))
    u = f"({dice.linear(s, t)})"
    p = dice.rational(3)
    real = (Declared(name="a", domain=dice.pick("Reals", "Reals", "[-1, 2]"), default="1"),)
    above = (Declared(name="a", domain="[0, oo)", default="1"),)
    bent = {"not_affine": True, "unit_slope_positive": False}
    even = {**bent, "nondecreasing": False, "strictly_increasing": False, "odd": False, "even": t == 0}
    never: Callable[[Values], bool] = lambda values: False  # noqa: E731
    always: Callable[[Values], bool] = lambda values: True  # noqa: E731
    rows: list[tuple[str, tuple[Declared, ...], Callable[[Values], bool], Facts, tuple[Any, ...]]] = [
        (f"log{u}", (), never, {}, ()),
        (f"1/{u}", (), never, {}, ()),
        (f"sqrt{u}", (), never, {}, ()),
        (f"{u}/{u} + v", (), never, {}, ()),
        (f"exp(log{u})", (), never, {}, ()),
        (f"{u}**2/{u}", (), never, {}, ()),
        (f"v + 0*log{u}", (), never, {}, ()),
        (f"Max(v, 1/{u})", (), never, {}, ()),
        (f"sqrt({u})**2", (), never, {}, ()),
        (f"log{u} - log{u} + v", (), never, {}, ()),
        (f"tanh(1/{u})", (), never, {}, ()),
        (f"Piecewise((1/{u}, v > {-t / s - 1}), (0, True))", (), never, {}, ()),
        (f"Piecewise((1/{u}, v > {-t / s + 1}), (0, True))", (), always, {"continuous": False}, ()),
        (f"1/({u}**2 + a)", real, lambda w: sgn(w[A]) > 0, even, (0,)),
        (f"log({u}**2 + a)", real, lambda w: sgn(w[A]) > 0, even, (0,)),
        (f"sqrt({u}**2 + a)", real, lambda w: sgn(w[A]) >= 0, {"nondecreasing": False, "even": t == 0}, (0,)),
        (f"log(a + exp({u}))", real, lambda w: sgn(w[A]) >= 0, {}, (0,)),
        (f"1/(a + exp({u}))", real, lambda w: sgn(w[A]) >= 0, {"nondecreasing": bool(s < 0), **bent}, (0,)),
        (f"1/(a + tanh({u}))", real, lambda w: abs(w[A]) >= 1, bent, (1, -1)),
        (f"log(a - atan({u})**2)", real, lambda w: differs(w[A], sp.pi**2 / 4) >= 0, even, ("5/2", "247/100")),
        (f"asin(a*tanh({u}))", real, lambda w: abs(w[A]) <= 1, {}, (1, -1)),
        (f"sqrt(1 + a*sin({u}))", real, lambda w: abs(w[A]) <= 1, {"unit_slope_positive": False}, (1, -1)),
        (f"Max(v, 0)/(1 + a*Max(-v, 0)) + {p}", real, lambda w: sgn(w[A]) >= 0, {"nondecreasing": True}, (0,)),
        ("Piecewise((v, v >= 0), (a*v/(a - v), True))", real, lambda w: sgn(w[A]) >= 0, {"nondecreasing": True}, (0,)),
        (f"v/(a - {p})", real, lambda w: w[A] != p, {"not_affine": False}, (p,)),
        (f"{u} + log(a)", above, lambda w: sgn(w[A]) > 0, {"not_affine": False, "nondecreasing": bool(s > 0)}, (0,)),
        (f"sqrt(a - {abs(p)})*{u}", above, lambda w: differs(w[A], abs(p)) >= 0, {"not_affine": False}, (abs(p),)),
    ]
    text, parameters, test, facts, turning = dice.pick(*rows)
    return Sample(
        kind="partial",
        expr=text,
        known=defined_where(test, lambda values: facts),
        parameters=parameters,
        turning={"a": turning} if turning else {},
    )


KINDS = (
    smooth,
    smooth,
    joined,
    joined,
    joined,
    dip,
    wave,
    lines,
    lines,
    windowed,
    windowed,
    windowed,
    mutation,
    partial,
)


def sample(seed: int, index: int) -> Sample:
    """The index-th random function of a seed, always the same."""
    dice = Dice(f"{seed}/{index}")
    made = KINDS[index % len(KINDS)](dice)
    if made.kind != "partial" and dice.chance(0.25):
        made = replace(made, expr=dice.disguised(made.expr), kind=f"{made.kind}, disguised")
    return made
