"""A curve in words, for who does not see it: only what the dossier proves, at the default parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import mpmath
import sympy as sp

from kassei.core.dossier import Dossier
from kassei.render.exactly import AtDefaults, fixed, number
from kassei.render.spelling import NAMES, read
from kassei.text.words import Words

Spot = tuple[mpmath.mpf, bool]
"""A number, and whether its decimal spelling is exact."""


def describe(dossier: Dossier, lang: str) -> list[str]:
    """Sentences on smoothness, course, symmetry, zeros, extrema, range and limits, as far as they are proved."""
    return [sentence for sentence in _Describer(dossier, lang).sentences() if sentence]


class _Describer:
    def __init__(self, dossier: Dossier, lang: str) -> None:
        self.dossier, self.at = dossier, AtDefaults(dossier)
        self.words = Words(lang)
        self.told: set[str] = set()

    def say(self, key: str, **facts: Any) -> str:
        return self.words(f"plots.{key}", v=str(self.at.variable), **facts)

    def sentences(self) -> list[str]:
        return [
            self._smooth(),
            self._course(),
            self._bend(),
            self._symmetry(),
            self._zeros(),
            self._extrema(),
            self._range(),
            self._limits(),
        ]

    def truth(self, name: str) -> bool | None:
        """Whether a property holds at the defaults; None where that is not known."""
        verdict = self.dossier.properties[name]
        if verdict.truth == "conditional":
            return None if verdict.condition is None else self.at.holds(verdict.condition)
        return {"proved": True, "refuted": False}.get(verdict.truth)

    def value(self, name: str) -> Any:
        """What a property with a value is at the defaults; None where that is not known."""
        verdict = self.dossier.properties[name]
        return None if verdict.truth != "proved" else self._chosen(verdict.value)

    def _chosen(self, value: Any) -> Any:
        if isinstance(value, list) and value and isinstance(value[0], Mapping) and "when" in value[0]:
            return next((row["value"] for row in value if self.at.holds(row["when"])), None)
        return value

    def _read(self, text: Any) -> sp.Basic | None:
        """A spelling as an expression or set at the defaults; None where it is beyond the reader."""
        if isinstance(text, sp.Basic):
            return text.subs(self.at.defaults)
        names = set(re.findall(r"[A-Za-z_]\w*", str(text))) - NAMES.keys()
        try:
            return read(str(text), {n: sp.Symbol(n, real=True) for n in names}).subs(
                {sp.Symbol(str(s), real=True): x for s, x in self.at.defaults.items()}
            )
        except (ValueError, SyntaxError, KeyError, AttributeError):
            return None

    def _spot(self, one: Any) -> Spot | None:
        """A point: an enclosure, or a constant."""
        if isinstance(one, Mapping):
            with mpmath.workdps(60):
                return (mpmath.mpf(one["lo"]) + mpmath.mpf(one["hi"])) / 2, False
        expr = self._read(one)
        if not isinstance(expr, sp.Expr) or not expr.is_number or not expr.is_finite:
            return None
        with mpmath.workdps(60):
            return number(expr), bool(expr.is_Rational and 10**4 % expr.q == 0)

    def _points(self, value: Any) -> list[Spot] | None:
        """The points of a finite set; None for every other set."""
        if isinstance(value, Mapping):
            spots = [self._spot(p) for p in value.get("points", [])] if not value.get("intervals") else [None]
        else:
            found = self._read(value)
            if found is sp.S.EmptySet:
                return []
            spots = [self._spot(p) for p in found] if isinstance(found, sp.FiniteSet) else [None]
        kept = [s for s in spots if s is not None]
        return sorted(kept, key=lambda s: s[0]) if len(kept) == len(spots) else None

    def _number(self, spot: Spot) -> str:
        x, exact = spot
        text = decimal(x)
        return text if exact else self.say("about", x=text)

    def _places(self, spots: list[Spot]) -> str:
        """``v = 0, 6`` or ``v ≈ 0.7518``."""
        sign = "=" if all(exact for _, exact in spots) else "≈"
        return f"{self.at.variable} {sign} {', '.join(decimal(x) for x, _ in spots)}"

    def _smooth(self) -> str:
        degree = self.value("smoothness")
        breaks = [(number(b), bool(b.is_Rational)) for b in self.at.breaks]
        exact = dict(zip(self.at.breaks, breaks, strict=True))
        jumps = [exact[b] for b in self.at.breaks if self.at.jumps(b)]
        corners = [exact[b] for b in self.at.breaks if not self.at.jumps(b) and self.at.sides(b) is not None]
        if jumps:
            return self.say("jumps", at=self._places(jumps))
        if degree == "0" and corners:
            return self.say("corners", at=self._places(corners))
        if degree == "oo":
            return self.say("smooth")
        if degree == "1":
            return self.say("smooth_once")
        return self.say("smooth_to", k=degree) if str(degree).isdigit() and degree != "0" else ""

    def _course(self) -> str:
        if self.truth("strictly_increasing"):
            return self.say("increasing")
        if self.truth("nondecreasing"):
            return self.say("nondecreasing")
        return self.say("not_monotone") if self.truth("nondecreasing") is False else ""

    def _bend(self) -> str:
        convex, concave = self.truth("convex"), self.truth("concave")
        if convex and concave:
            return self.say("straight")
        return self.say("convex") if convex else self.say("concave") if concave else ""

    def _symmetry(self) -> str:
        return self.say("odd") if self.truth("odd") else self.say("even") if self.truth("even") else ""

    def _zeros(self) -> str:
        value = self.value("zeros")
        if value is None:
            return ""
        spots = self._points(value)
        if spots is not None:
            return self.say("zeros", at=self._places(spots)) if spots else self.say("no_zeros")
        found = None if isinstance(value, Mapping) else self._read(value)
        if isinstance(found, sp.Interval):
            return self.say("zero_on", where=self._interval(found))
        if isinstance(found, sp.Union) and all(isinstance(p, sp.Interval | sp.FiniteSet) for p in found.args):
            return self.say("zero_on", where=self._joined(found))
        return self.say("many_zeros") if "ImageSet" in str(value) else ""

    def _joined(self, found: sp.Union) -> str:
        return ", ".join(
            self._interval(p) if isinstance(p, sp.Interval) else f"{self.at.variable} = {self._set(p)}"
            for p in found.args
        )

    def _set(self, found: sp.FiniteSet) -> str:
        return ", ".join(self._end(p) for p in found)

    def _end(self, x: sp.Expr) -> str:
        spot = self._spot(x)
        return str(x) if spot is None else self._number(spot)

    def _interval(self, one: sp.Interval) -> str:
        v = str(self.at.variable)
        low = "" if one.start == -sp.oo else f"{self._end(one.start)} {'<' if one.left_open else '≤'} "
        high = "" if one.end == sp.oo else f" {'<' if one.right_open else '≤'} {self._end(one.end)}"
        if not low and high:
            return f"{v}{high}"
        if low and not high:
            return f"{v} {'>' if one.left_open else '≥'} {self._end(one.start)}"
        return f"{low}{v}{high}" if low or high else self.say("everywhere")

    def _extrema(self) -> str:
        """Local extrema: zeros of f' and breaks are all known, so one point between two gives the sign of f'."""
        critical = self._points(self.value("zero_slope_set")) if self.value("zero_slope_set") is not None else None
        if critical is None or any(self.at.jumps(b) for b in self.at.breaks):
            return ""
        places = critical + [(number(b), bool(b.is_Rational)) for b in self.at.breaks]
        places = sorted({str(p[0]): p for p in places}.values(), key=lambda p: p[0])
        if not places or len(places) > 6:
            return ""
        cuts = [
            places[0][0] - 1,
            *((a[0] + b[0]) / 2 for a, b in pairwise(places)),
            places[-1][0] + 1,
        ]
        signs = [mpmath.sign(s) if abs(s := self.at.slope(sp.Float(str(c), 60))) > 1e-15 else 0 for c in cuts]
        found = []
        for (x, exact), left, right in zip(places, signs, signs[1:], strict=False):
            if left * right < 0:
                y = self.at.value(sp.Float(str(x), 60))
                kind = "maximum" if left > 0 else "minimum"
                found.append(self._extremum(kind, (x, exact), y))
        return self.words("plots.between").join(found)

    def _extremum(self, kind: str, at: Spot, y: mpmath.mpf) -> str:
        """A local extremum, or that of all values where the range is known to end with it."""
        end = self._end_of_range(kind)
        whole = end is not None and abs(end - y) < 1e-15
        if whole:
            self.told.add(kind)
        told = self._number((y, mpmath.nint(y * 10**4) == y * 10**4))
        return self.say(f"whole_{kind}" if whole else kind, at=self._places([at]), y=told)

    def _end_of_range(self, kind: str) -> mpmath.mpf | None:
        key = "inf" if kind == "minimum" else "sup"
        value = self.value("range")
        if isinstance(value, Mapping):
            spot = self._spot(value[key]) if value.get(f"{key}_attained") else None
        else:
            found = None if value is None else self._read(value)
            if not isinstance(found, sp.Interval):
                return None
            end, outside = (found.start, found.left_open) if key == "inf" else (found.end, found.right_open)
            spot = None if outside else self._spot(end)
        return None if spot is None else spot[0]

    def _range(self) -> str:
        value = self.value("range")
        if value is None:
            return ""
        if isinstance(value, Mapping):
            if "inf" not in value:
                return ""
            ends = [self._bound(value[e], value[f"{e}_attained"]) for e in ("inf", "sup")]
        else:
            found = self._read(value)
            if found is sp.S.Reals:
                return self.say("range_all")
            if not isinstance(found, sp.Interval):
                return self.say("range_values", values=self._set(found)) if isinstance(found, sp.FiniteSet) else ""
            ends = [(found.start, not found.left_open), (found.end, not found.right_open)]
            ends = [self._bound(e, attained) for e, attained in ends]
        (low, low_in), (high, high_in) = ends
        if low is None and high is None:
            return self.say("range_all")
        if high is None and "minimum" in self.told:
            return self.say("unbounded_above")
        if low is None and "maximum" in self.told:
            return self.say("unbounded_below")
        if high is None:
            return self.say("bounded_below" if low_in else "bounded_below_open", y=low)
        if low is None:
            return self.say("bounded_above" if high_in else "bounded_above_open", y=high)
        return self.say("bounded", low=low, high=high)

    def _bound(self, end: Any, attained: bool) -> tuple[str | None, bool]:
        if str(end) in ("oo", "-oo"):
            return None, False
        spot = self._spot(end)
        return (None, False) if spot is None else (self._number(spot), attained)

    def _limits(self) -> str:
        parts = []
        asymptotes = self.value("asymptotes")
        for key, sign in (("neg_inf", "−∞"), ("pos_inf", "∞")):
            limit = self._chosen(self.dossier.facts.limits[key])
            if limit is None:
                continue
            line = asymptotes.get(key) if isinstance(asymptotes, Mapping) else None
            parts.append(self._limit(limit, sign, line))
        return self.words("plots.between").join(p for p in parts if p)

    def _limit(self, limit: Any, to: str, line: Any) -> str:
        if isinstance(limit, str):
            return self.say("no_limit", to=to)
        limit = limit.subs(self.at.defaults)
        if limit in (sp.oo, -sp.oo):
            straight = None if line in (None, "none") else self._line(line)
            facts = {"to": to, "limit": "∞" if limit is sp.oo else "−∞"}
            return self.say("grows", **facts) if straight is None else self.say("along", **facts, line=straight)
        spot = self._spot(limit)
        return "" if spot is None else self.say("tends", to=to, limit=self._number(spot))

    def _line(self, text: Any) -> str | None:
        expr = self._read(text)
        v = sp.Symbol(str(self.at.variable), real=True)
        if not isinstance(expr, sp.Expr) or not expr.has(v):
            return None
        poly = sp.Poly(expr, v)
        if poly.degree() != 1:
            return None
        slope, start = (number(sp.N(c, 30)) for c in poly.all_coeffs())
        k = "" if slope == 1 else "−" if slope == -1 else decimal(slope)
        c = "" if start == 0 else f" {'+' if start > 0 else '−'} {decimal(abs(start))}"
        return f"y = {k}{v}{c}"


def decimal(x: mpmath.mpf) -> str:
    """Four significant digits without trailing zeros."""
    if x == 0:
        return "0"
    with mpmath.workdps(40):
        places = max(0, 3 - int(mpmath.floor(mpmath.log10(abs(x)))))
    if places > 8:
        return str(mpmath.nstr(x, 4)).replace("-", "−")
    text = fixed(x, places)
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
