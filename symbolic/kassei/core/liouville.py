r"""Functions that have no elementary antiderivative, by Liouville's theorem.

Let K be the field of f: rational functions of v, of the exponentials in f and of at most one logarithm, arc tangent or
error function, each a monomial over what comes before it (transcendental, and no new constants). If an antiderivative
of f lies in any field that is reached from K by algebraic functions, exponentials and logarithms, then

    f = w' + c1*u1'/u1 + … + cn*un'/un    with w, u1, …, un in K and constants c1, …, cn

(M. Rosenlicht, Integration in finite terms, 1972; M. Bronstein, Symbolic Integration I, 2005, section 5.5). Three
consequences are used, for every parameter value of a region. Nothing but polynomials is computed, and all that is asked
about them is that they do not vanish, so that nothing is lost where parameters are replaced by numbers.

* *Residues* (there, section 5.6). Let t be a generator on which no other depends, p a factor of the
  denominator of f as a polynomial in t that has no common zero with its own derivative p' and with the rest. Then w
  has no pole where p is zero, for w' would have one of order two there; so the residue of f is a sum of multiplicities
  times the c's, a constant. ``v*t/(1 + t)`` with t = exp(v) has the residue v at t = -1.
* *Degrees* (there, sections 5.9 and 6.3). Let f be a Laurent polynomial in an exponential t = exp(u). For the
  coefficient a of t**i, i not 0, there is b in the field without t with b' + i*u'*b = a. Where a and i*u' are
  polynomials in a further generator x so is b, and the degrees in x may leave none.
* *The leading coefficient* (there, section 5.8). Let f be a polynomial of degree n in a primitive generator t and a
  its leading coefficient. Then a - c*t' is a derivative for some constant c, plus (if n is 0) logarithmic derivatives.

Before these, integration by parts removes logarithms and error functions whose coefficients are polynomials in v.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.polys.fields import field as fraction_field

from kassei.core.algebra import factored, plain
from kassei.core.effort import TROUBLE, bounded
from kassei.core.enclose import Undecided
from kassei.core.region import Fork, Region
from kassei.core.signs import sign
from kassei.core.verdict import Step

MAX_OPS = 150
"""Expressions with more operations are left open."""
MAX_CALLS = 800_000
"""Function calls that building a field and one argument in it may take."""
MAX_PARTS = 4
"""How many times one function is integrated by parts."""
PRIMITIVES = (sp.log, sp.atan, sp.erf)

Element = Any
"""An element of a :class:`Field`: a quotient of polynomials in its generators and constants."""


class _Outside(Exception):
    """The expression does not lie in a field of the kind that is built here."""


class _Unknown(sp.Dummy):  # type: ignore[misc]
    """A constant of which nothing is known: what is shown with it holds for every constant."""


def not_elementary(expr: sp.Expr, v: sp.Symbol, region: Region) -> tuple[Step, ...] | None:
    """The steps that show that no antiderivative is elementary over the field of ``expr``; None where none are found.

    The statement is for every parameter value of the region; raises ``Fork`` where it is to be split first.
    """
    expr = _exponential(plain(region.apply(expr)), v)
    steps: list[Step] = []
    for _ in range(MAX_PARTS):
        if sp.count_ops(expr) > MAX_OPS:
            return None
        found = _shown(expr, v, region)
        if found is not None:
            return (*steps, *found)
        rest = _by_parts(expr, v, _Unknown(f"C{len(steps) + 1}"))
        if rest is None:
            return None
        expr, step = rest
        steps.append(step)
    return None


def _shown(expr: sp.Expr, v: sp.Symbol, region: Region) -> tuple[Step, ...] | None:
    def ask() -> tuple[Step, ...] | None:
        built = _field(expr, v, region)
        return _argument(built, built.read(expr), built.generators, region)

    try:
        return bounded(ask, f"an elementary antiderivative of {expr}", MAX_CALLS)
    except (_Outside, Undecided, *TROUBLE):
        return None


def _exponential(expr: sp.Expr, v: sp.Symbol) -> sp.Expr:
    """Sines and cosines of v written through exponentials."""
    table = {}
    for node in expr.atoms(sp.sin, sp.cos):
        if v in node.free_symbols:
            wave, back = sp.exp(sp.I * node.args[0]), sp.exp(-sp.I * node.args[0])
            table[node] = (wave + back) / 2 if isinstance(node, sp.cos) else (wave - back) / (2 * sp.I)
    return expr.xreplace(table)


def _by_parts(expr: sp.Expr, v: sp.Symbol, unknown: sp.Symbol) -> tuple[sp.Expr, Step] | None:
    """What is left of ``a*L**n + b`` when ``A*L**n``, A' = a, is taken from its integral: that of b - n*A*L**(n-1)*L'.

    An error function L is not elementary itself; what follows must then hold for b - A*L' + c*L' with any constant c; n
    is 1 then.
    """
    for node in sorted(expr.atoms(*PRIMITIVES), key=sp.default_sort_key):
        if v not in node.free_symbols:
            continue
        mark = sp.Dummy()
        bare = expr.xreplace({node: mark})
        if not bare.is_polynomial(mark):
            continue
        poly = sp.Poly(bare, mark)
        n, factor = poly.degree(), sp.expand(poly.LC())
        if not factor.is_polynomial(v) or (isinstance(node, sp.erf) and n > 1):
            continue
        whole = sp.Poly(factor, v).integrate(v).as_expr()
        lower = sp.Add(*(c * node**k for (k,), c in poly.terms() if k < n))
        rest = lower - n * whole * node ** (n - 1) * node.diff(v)
        slope = node.diff(v) * unknown if isinstance(node, sp.erf) else sp.S.Zero
        key = "not_elementary_parts_erf" if slope != 0 else "not_elementary_parts"
        step = Step(key, {"part": factor * node**n, "whole": whole * node**n, "rest": rest})
        return _exponential(plain(rest + slope), v), step
    return None


# --- the field ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """Generators, v first, with their derivatives; ``back`` says what generators and constants stand for.

    ``power`` maps functions in an expression to powers of generators; ``exponentials`` are the generators that are
    exponentials, the others are primitive: their derivatives do not contain them.
    """

    field: Any
    generators: tuple[sp.Symbol, ...]
    slopes: Mapping[sp.Symbol, Element]
    exponentials: frozenset[sp.Symbol]
    power: Mapping[sp.Expr, sp.Expr]
    constants: Mapping[sp.Expr, sp.Symbol]
    back: Mapping[sp.Symbol, sp.Expr]
    free: sp.Symbol

    def read(self, expr: sp.Expr) -> Element:
        """An expression as an element."""
        return self.field.from_expr(_lifted(expr.xreplace(dict(self.power)), self.generators, dict(self.constants)))

    def write(self, expr: sp.Expr) -> sp.Expr:
        """An expression in the generators as one in v, for a reader."""
        shown = expr.xreplace({**self.back, **{s: sp.Symbol(s.name) for s in self.unknown()}})
        return shown if not shown.free_symbols & set(self.back) else self.write(shown)

    def derivative(self, element: Element) -> Element:
        """The derivative with respect to v."""
        return _derivative(element, self.slopes, self.field)

    def tops(self, among: Iterable[sp.Symbol]) -> list[sp.Symbol]:
        """The generators on which none of the others depends, the last first."""
        names = list(among)
        return [t for t in reversed(names) if not any(self.depends(g, t) for g in names if g != t)]

    def depends(self, g: sp.Symbol, t: sp.Symbol) -> bool:
        """Whether the derivative of one generator contains another."""
        return t in self.slopes[g].as_expr().free_symbols

    def unknown(self) -> set[sp.Symbol]:
        """The constants of which nothing is known."""
        return {s for s in self.field.symbols if isinstance(s, _Unknown)}


def _derivative(element: Element, slopes: Mapping[sp.Symbol, Element], field: Any) -> Element:
    total = field.zero
    for g, slope in slopes.items():
        total += element.diff(field(g)) * slope
    return total


def _lifted(expr: sp.Expr, generators: Iterable[sp.Symbol], constants: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """``expr`` with a symbol for every constant that is no rational function of parameters; fills ``constants``."""
    known = set(generators)

    def visit(e: sp.Expr) -> sp.Expr:
        if e.is_Rational or e.is_Symbol:
            return e
        if e.is_Add or e.is_Mul:
            return e.func(*map(visit, e.args))
        if e.is_Pow and e.args[1].is_Integer and e.args[0] is not sp.E:
            return visit(e.args[0]) ** e.args[1]
        if e.free_symbols & known:
            raise _Outside
        return constants.setdefault(e, sp.Dummy(f"k{len(constants)}"))

    return visit(expr)


def _depth(expr: sp.Expr, v: sp.Symbol) -> int:
    """How deep functions of v are nested in an expression."""
    inner = max((_depth(e, v) for e in expr.args), default=0)
    return inner + (isinstance(expr, (sp.exp, *PRIMITIVES)) and v in expr.free_symbols)


def _field(expr: sp.Expr, v: sp.Symbol, region: Region) -> Field:
    """The field of an expression; raises ``_Outside`` where it is not shown to be a tower of monomials."""
    nodes = {n for n in expr.atoms(sp.exp, *PRIMITIVES) if v in n.free_symbols}
    for node in list(nodes):
        if isinstance(node, sp.erf):
            nodes.add(sp.exp(-sp.expand(node.args[0] ** 2)))
    primitives = [n for n in nodes if isinstance(n, PRIMITIVES)]
    if len(primitives) > 1:
        raise _Outside
    waves = {n: _terms(n.args[0], v) for n in nodes if isinstance(n, sp.exp)}
    families = _families(waves)
    power: dict[sp.Expr, sp.Expr] = {n: sp.Dummy(f"x{k}") for k, n in enumerate(primitives)}
    power.update(_powers(waves, families))
    ordered: list[tuple[int, str, sp.Symbol, sp.Expr]] = [(_depth(n, v), "", power[n], n) for n in primitives]
    ordered += [(_depth(f.wave, v), str(f.name), f.name, f.wave) for f in families]
    ordered.sort(key=lambda row: row[:2])
    generators = (v, *(name for *_, name, _ in ordered))
    constants: dict[sp.Expr, sp.Symbol] = {}
    inside = [_lifted(e.xreplace(power), generators, constants) for e in _insides(expr, ordered, v)]
    symbols = {*generators, *constants.values()}.union(*(e.free_symbols for e in inside))
    free = _Unknown("C")
    field = fraction_field([*generators, *sorted(symbols - set(generators), key=sp.default_sort_key), free], sp.QQ)[0]
    slopes: dict[sp.Symbol, Element] = {v: field.one}
    back = {name: node for *_, name, node in ordered} | {s: e for e, s in constants.items()}
    exponentials = frozenset(f.name for f in families)
    built = Field(field, generators, slopes, exponentials, power, constants, back, free)
    for *_, name, node in ordered:
        if isinstance(node, sp.exp):
            slopes[name] = field(name) * _derivative(built.read(node.args[0]), slopes, field)
        else:
            slopes[name] = _primitive_slope(node, built, region)
    _check_exponentials(families, built, region)
    return built


def _insides(expr: sp.Expr, ordered: list[tuple[int, str, sp.Symbol, sp.Expr]], v: sp.Symbol) -> Iterator[sp.Expr]:
    """Every expression whose constants the field must hold."""
    yield expr
    for *_, node in ordered:
        yield node.args[0]
        if isinstance(node, sp.erf):
            yield 2 / sp.sqrt(sp.pi)


def _terms(exponent: sp.Expr, v: sp.Symbol) -> dict[sp.Expr, sp.Expr]:
    """An exponent as a sum of coefficients times products that contain v, with 1 for the constant part."""
    table: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(exponent)):
        factor, rest = term.as_independent(v, as_Add=False)
        table[rest] = table.get(rest, sp.S.Zero) + factor
    return {rest: factor for rest, factor in table.items() if factor != 0}


@dataclass(frozen=True)
class Family:
    """Exponentials of rational multiples of one exponent, the powers of ``name`` = exp(rate*rest)."""

    name: sp.Symbol
    rest: sp.Expr
    rate: sp.Expr

    @property
    def wave(self) -> sp.Expr:
        """The exponential itself."""
        return sp.exp(self.rate * self.rest)


def _families(waves: Mapping[sp.Expr, Mapping[sp.Expr, sp.Expr]]) -> list[Family]:
    found: list[tuple[sp.Expr, sp.Expr, list[sp.Rational]]] = []
    for node in sorted(waves, key=sp.default_sort_key):
        for rest, factor in waves[node].items():
            if rest == 1:
                continue
            for known, rate, ratios in found:
                ratio = sp.cancel(factor / rate)
                if known == rest and ratio.is_Rational:
                    ratios.append(ratio)
                    break
            else:
                found.append((rest, factor, [sp.S.One]))
    out = []
    for k, (rest, rate, ratios) in enumerate(found):
        scale = sp.ilcm(1, *(r.q for r in ratios))
        unit = sp.Rational(sp.igcd(0, *(int(r * scale) for r in ratios)), scale)
        out.append(Family(sp.Dummy(f"t{k}"), rest, rate * unit))
    return out


def _powers(
    waves: Mapping[sp.Expr, Mapping[sp.Expr, sp.Expr]], families: list[Family]
) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    for node, terms in waves.items():
        product = sp.exp(terms.get(sp.S.One, sp.S.Zero))
        for rest, factor in terms.items():
            for family in families:
                ratio = sp.cancel(factor / family.rate)
                if family.rest == rest and ratio.is_Rational:
                    product *= family.name**ratio
                    break
        yield node, product


def _primitive_slope(node: sp.Expr, built: Field, region: Region) -> Element:
    """The derivative of a logarithm, arc tangent or error function that is no derivative in the field before it.

    A derivative has no simple pole with a residue other than 0. The integral of exp(-q**2), q linear in v, is not
    elementary (Liouville), so it does not lie in the field of exponentials before it.
    """
    inner = built.read(node.args[0])
    slope = _derivative(inner, built.slopes, built.field)
    if isinstance(node, sp.erf):
        linear = sp.Poly(node.args[0], built.generators[0]) if node.args[0].is_polynomial(built.generators[0]) else None
        if linear is None or linear.degree() != 1 or sign(linear.LC(), region) == 0:
            raise _Outside
        return built.read(2 / sp.sqrt(sp.pi) * sp.exp(-sp.expand(node.args[0] ** 2))) * slope
    out = slope / inner if isinstance(node, sp.log) else slope / (1 + inner**2)
    before = tuple(built.slopes)
    if not any(_residues(built, out, t, before, region, constant=False) for t in built.tops(before)):
        raise _Outside
    return out


def _check_exponentials(families: list[Family], built: Field, region: Region) -> None:
    """Exponentials of different exponents are independent: no integral combination has the derivative k'/k of a log.

    Such a k'/k has neither a polynomial part in v nor a Laurent term in an exponential nor a power of a primitive
    generator. Exponents are multiples of different products of generators, so a combination of them has one of these;
    exp(c*atan(v)) with a real c has residues that are imaginary and so not rational.
    """
    seen: dict[sp.Expr, list[sp.Expr]] = {}
    for family in families:
        product = sp.powsimp(family.rest.xreplace(dict(built.power)))
        degrees = product.as_powers_dict()
        v, *others = built.generators
        if not all(g in built.generators and e.is_Integer for g, e in degrees.items()):
            raise _Outside
        primitive = [g for g in others if g not in built.exponentials and g in degrees]
        if any(degrees[g] < 0 for g in primitive):
            raise _Outside
        if set(degrees) == {v} and degrees[v] < 0:
            raise _Outside
        imaginary = family.rate.has(sp.I)
        rate = sp.expand(family.rate / sp.I) if imaginary else family.rate
        if rate.has(sp.I) or sign(rate, region) == 0:
            raise _Outside
        if len(degrees) == 1 and primitive and degrees[primitive[0]] == 1 and (imaginary or family.rest != sp.atan(v)):
            raise _Outside
        seen.setdefault(product, []).append(sp.Integer(int(imaginary)))
    if any(len(kinds) != len(set(kinds)) for kinds in seen.values()):
        raise _Outside


# --- the arguments --------------------------------------------------------------------------------------------------


def _argument(built: Field, f: Element, among: tuple[sp.Symbol, ...], region: Region) -> tuple[Step, ...] | None:
    """An argument on an element of the field of some generators, which may contain unknown constants."""
    tops = built.tops(among)
    for t in tops:
        found = _residues(built, f, t, among, region, constant=True)
        if found is not None:
            return found
    for t in tops:
        rule = _by_degree if t in built.exponentials else _by_leading
        found = rule(built, f, t, among, region)
        if found is not None:
            return found
    return None


def _nonzero(poly: sp.Expr, built: Field, region: Region) -> bool:
    """Whether a polynomial in the generators is not the zero polynomial at any parameters and unknown constants."""
    if poly == 0:
        return False
    unknown = built.unknown()
    problem: Fork | Undecided | None = None
    constants = {s: e for s, e in built.back.items() if s not in built.generators}
    for factor in sp.Poly(poly, *built.generators).coeffs():
        if factor.free_symbols & unknown:
            continue
        value = sp.expand(factor.xreplace(constants))
        for part in (value.coeff(sp.I, 0), value.coeff(sp.I, 1)) if value.has(sp.I) else (value,):
            try:
                if sign(part, region) != 0:
                    return True
            except (Fork, Undecided) as why:
                problem = problem or why
    if problem is not None:
        raise problem
    return False


def _residues(
    built: Field, f: Element, t: sp.Symbol, among: tuple[sp.Symbol, ...], region: Region, *, constant: bool
) -> tuple[Step, ...] | None:
    """A simple pole whose residue is not constant (or, where a constant will do, is not 0)."""
    bottom = factored(f.denom.as_expr())
    slopes = {g: built.slopes[g] for g in among}
    scale = built.field.one
    for slope in slopes.values():
        scale = scale * slope.denom / scale.numer.gcd(slope.denom)
    if t in scale.as_expr().free_symbols:
        return None
    for p, times in bottom.as_powers_dict().items():
        if t not in p.free_symbols or times != 1:
            continue
        try:
            scaled = {g: s * scale for g, s in slopes.items()}
            found = _residue_at(built, f, t, built.field.from_expr(p), scale, scaled, region, constant=constant)
        except Undecided:
            continue
        if found is not None:
            return found
    return None


def _residue_at(
    built: Field,
    f: Element,
    t: sp.Symbol,
    p: Element,
    scale: Element,
    slopes: Mapping[sp.Symbol, Element],
    region: Region,
    *,
    constant: bool,
) -> tuple[Step, ...] | None:
    """The residue of f = A/(p*E) at the zeros of p is A/(E*p'): with y' for scale*y', N/M with N = scale*A.

    At a zero z of p in an extension of the field, (N/M)' vanishes exactly if p_t*M**2*(N/M)' does, where p_t*X(z)' is
    the derivative of X with t held fixed times p_t, less X_t times that of p.
    """
    fixed = {g: s for g, s in slopes.items() if g != t}
    field, x = built.field, built.field(t)
    top = field(f.numer) * scale
    below = field(f.denom) / p * _derivative(p, slopes, field)
    steep = p.diff(x)

    def along(element: Element) -> Element:
        return steep * _derivative(element, fixed, field) - element.diff(x) * _derivative(p, fixed, field)

    wanted = along(top) * below - top * along(below) if constant else top
    if any(set(e.denom.as_expr().free_symbols) for e in (top, below, wanted)):
        return None
    here = sp.Poly(p.as_expr(), t)
    rest = sp.Poly((steep * below).as_expr(), t)
    apart = here.resultant(rest) if rest.degree() > 0 else rest.as_expr() ** here.degree()
    left = sp.Poly(wanted.as_expr(), t)
    left = left.prem(here) if left.degree() >= here.degree() else left
    nonzero = (here.LC(), sp.sympify(apart, strict=True), left.as_expr())
    if not all(_nonzero(sp.expand(e), built, region) for e in nonzero):
        return None
    residue = (field(f.numer) / (field(f.denom) / p * built.derivative(p))).as_expr()
    if here.degree() == 1:
        residue = residue.subs(t, -here.nth(0) / here.nth(1))
    facts = {
        "pole": built.write(p.as_expr()),
        "residue": built.write(sp.cancel(residue)),
        "expr": built.write(f.as_expr()),
    }
    return (Step("not_elementary_residue", facts),)


def _laurent(element: Element, t: sp.Symbol, built: Field, *, negative: bool) -> dict[int, Element] | None:
    """The coefficients of a (Laurent) polynomial in one generator; None for anything else."""
    field = built.field
    bottom = sp.Poly(element.denom.as_expr(), t)
    terms = bottom.terms()
    if len(terms) != 1 or (bottom.degree() > 0 and not negative):
        return None
    ((shift,), below) = terms[0]
    top = sp.Poly(element.numer.as_expr(), t)
    return {n - shift: field.from_expr(c) / field.from_expr(below) for (n,), c in top.terms()}


def _by_degree(
    built: Field, f: Element, t: sp.Symbol, among: tuple[sp.Symbol, ...], region: Region
) -> tuple[Step, ...] | None:
    """A term a*t**i of a Laurent polynomial in t = exp(u) for which b' + i*u'*b = a has no solution.

    The term without t would be a derivative plus multiples of logarithmic derivatives in the field without t, to which
    t'/t = u' belongs: it is asked about in its turn.
    """
    table = _laurent(f, t, built, negative=True)
    if table is None:
        return None
    lower = [g for g in among if g != t]
    for i, a in table.items():
        if i == 0:
            continue
        rate = built.slopes[t] / built.field(t) * i
        for x in built.tops(lower):
            if _unsolvable(built, a, rate, x, region):
                facts = {
                    "wave": built.write(t**i),
                    "factor": built.write(a.as_expr()),
                    "rate": built.write(rate.as_expr()),
                    "name": built.write(x),
                    "expr": built.write(f.as_expr()),
                }
                return (Step("not_elementary_degree", facts),)
    if 0 not in table or not lower:
        return None
    found = _argument(built, table[0], tuple(lower), region)
    if found is None or len(table) == 1:
        return found
    facts = {"wave": built.write(t), "factor": built.write(table[0].as_expr()), "expr": built.write(f.as_expr())}
    return (Step("not_elementary_free", facts), *found)


def _unsolvable(built: Field, a: Element, rate: Element, x: sp.Symbol, region: Region) -> bool:
    """Whether b' + rate*b = a, a not 0, has no solution b in a field whose last generator is x.

    A pole of b, other than at x = 0 for an exponential x, would be one of higher order of b' and stay. So b is a
    polynomial in x, of a degree that is that of a less that of ``rate``, or a Laurent polynomial. If ``rate`` has only
    positive powers of an exponential x, the lowest power of b that is not 0 survives in b', and so stands in a.
    """
    wild = x in built.exponentials
    given, steep = (_laurent(e, x, built, negative=wild) for e in (a, rate))
    if given is None or steep is None:
        return False
    a_low, a_high, low, high = min(given), max(given), min(steep), max(steep)
    if not wild:
        fits = high >= 1 and a_high < high
    elif low >= 1:
        fits = a_high - high < min(0, a_low)
    elif high <= -1:
        fits, high = -a_low + low < min(0, -a_high), low
    else:
        return False
    return fits and all(_holds(e, built, region) for e in (steep[high], a))


def _holds(element: Element, built: Field, region: Region) -> bool:
    """Whether numerator and denominator of an element vanish at no parameters."""
    return all(_nonzero(e.as_expr(), built, region) for e in (element.numer, element.denom))


def _by_leading(
    built: Field, f: Element, t: sp.Symbol, among: tuple[sp.Symbol, ...], region: Region
) -> tuple[Step, ...] | None:
    """A leading coefficient a in a primitive t for which a - c*t' has no antiderivative, whatever c is."""
    table = _laurent(f, t, built, negative=False)
    if table is None or t == built.generators[0]:
        return None
    leading = table[max(table)]
    found = _argument(
        built, leading - built.field(built.free) * built.slopes[t], tuple(g for g in among if g != t), region
    )
    if found is None:
        return None
    facts = {"name": built.write(t), "factor": built.write(leading.as_expr()), "expr": built.write(f.as_expr())}
    return (Step("not_elementary_leading", facts), *found)
