"""CUDA modules for CuPy: RawKernel source strings, one translation unit per dtype, without any header.

A source is put together from five parts: storage (how 16 bytes of a dtype are read and written), the mathematical
functions that are used, the function's own formulas (a :mod:`program <kassei.codegen.program>` per kernel, straight
lines and selections, printed for each precision), the walks through memory and the kernels. Parameters never reach a
kernel: the constants that depend on them are evaluated in float64 on the host.

Three precisions: ``half`` is float32 arithmetic with the machine's fast approximations, for results of 16 bits;
``single`` is float32 arithmetic; ``double`` is float64 arithmetic, also for those float32 kernels whose rounding errors
float32 could not hold (``Program.errors``).
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.utilities.iterables import numbered_symbols

from kassei import __version__
from kassei.codegen import lower
from kassei.codegen.one_shape import OneFormula, one_formulas, put
from kassei.codegen.plan import Plan, inner, outer
from kassei.codegen.printer import LIBM, NoRuleError, double, parted
from kassei.codegen.program import SINGLE, Border, Case, Choice, Constant, Program, make_program, with_fine_products
from kassei.codegen.statements import Dialect, statements
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import infinity_note, kink_note, parameter_fields
from kassei.codegen.targets._python import NUMPY, literal, paragraph
from kassei.text.templates import fill

FUNCTIONS: dict[Any, str] = {
    sp.Abs: "abs",
    sp.exp: "exp",
    sp.log: "log",
    sp.sqrt: "sqrt",
    sp.Pow: "pow",
    **LIBM,
    sp.erf: "erf",
    lower.raw_expm1: "expm1",
    lower.raw_erfc: "erfc",
    lower.raw_tanh: "tanh",
    lower.raw_log1p: "log1p",
    lower.raw_sigmoid: "sigmoid",
    lower.raw_softplus: "softplus",
    lower.raw_sech2: "sech2",
    lower.raw_share: "share",
    lower.raw_harmonic: "harmonic",
    lower.raw_inverse: "inverse",
    lower.raw_tanh_softplus: "tanh_softplus",
    lower.raw_tanh_softplus_slope: "tanh_softplus_slope",
    lower.raw_swish_slope: "swish_slope",
    lower.raw_mish_slope: "mish_slope",
    lower.raw_gelu_slope: "gelu_slope",
    lower.raw_normal_cdf: "normal_cdf",
    lower.raw_gauss: "gauss",
    lower.raw_exp_neg_square: "exp_neg_square",
    lower.raw_hypot: "hypot",
    lower.raw_atan2: "atan2",
    lower.raw_max: "max",
    lower.raw_min: "min",
}
"""What the mathematical functions are called, without the precision that stands before."""
_OURS = frozenset(
    head
    for head, name in FUNCTIONS.items()
    if name not in (*LIBM.values(), "pow", "erf", "log", "log1p", "hypot", "atan2")
) | {sp.Add, sp.Mul, sp.Symbol, lower.raw_fine, lower.raw_from_zero, lower.raw_damped, lower.raw_product}
_LIFTED = frozenset(("exp", "sigmoid", "tanh_softplus", "tanh_softplus_slope", "sech2", "gauss", "exp_neg_square"))
_LIFTED_TAILS = frozenset(("normal_cdf", "erfc"))
_HOST: dict[Any, str] = {
    **NUMPY,
    lower.raw_positive: "_positive",
    lower.raw_low: "_low",
    lower.raw_sigmoid: "_sigmoid",
    lower.raw_softplus: "_softplus",
    lower.raw_sech2: "_sech2",
    lower.raw_erfc: "_erfc",
    sp.erf: "_erf",
}
"""Functions of parameters, which NumPy evaluates on the host."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """A way to compute: the C type and how its literals end."""

    name: str
    real: str

    @property
    def least(self) -> str:
        """The smallest number above 0."""
        return "4.9406564584124654e-324" if self.real == "double" else "1.40129846e-45f"

    def literal(self, value: sp.Expr) -> str:
        """A number that reads back as the nearest of this type."""
        if value is sp.nan:
            return f"({self.real})__longlong_as_double(0x7fffffffffffffffLL)"
        if value in (sp.oo, -sp.oo):
            return f"{'-' if value is -sp.oo else ''}KASSEI_INF"
        if self.real == "double":
            text = double(value)
        else:
            if abs(value) > sp.Rational(2) ** 128:
                return "KASSEI_INF" if value > 0 else "-KASSEI_INF"
            text = format(float(np.float32(float(sp.N(value, 40)))), ".9g")
        text = text if any(c in text for c in ".en") else f"{text}.0"
        return text if self.real == "double" else f"{text}f"


HALVES = Precision(name="half", real="float")
SINGLES = Precision(name="single", real="float")
DOUBLES = Precision(name="double", real="double")
WIDES = Precision(name="wide", real="double")
LIBRARY = 4.0
"""In place of ``SINGLE`` for values that call CUDA's own library, which errs by two units of the last place."""
WIDE = 2.0**15
"""Up to this bound ``wide`` has float32 results to four of their units: it has 13 bits more. Beyond it, ``double``."""
STEEP = 5.8
"""Like ``SINGLE``, for slopes, which may err by 3e-7 (5 units of 2**-24) or by 5 ulp (up to 10 of them)."""
DTYPES = ("float16", "bfloat16", "float32", "float64")
BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
FLIGHT = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 4}
"""Packs of 16 bytes that a thread has in flight."""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """What one kernel computes and the program it does it by."""

    name: str
    value: bool
    slope: bool
    sums: tuple[str, ...]
    program: Program
    short: Program
    """The program of 16-bit types."""

    @property
    def upstream(self) -> bool:
        """Whether it reads dy."""
        return self.slope or bool(self.sums)

    def precision(self, dtype: str) -> Precision:
        """What it computes in for one dtype."""
        if dtype == "float64":
            return DOUBLES
        if dtype == "float32":
            limit = {"value": SINGLE if self.program.heads <= _OURS else LIBRARY}
            if all(x <= limit.get(name, STEEP) for name, x in self.program.errors.items()):
                return SINGLES
        elif self.program.in_single(dtype):
            return HALVES
        return WIDES if self.program.in_double <= WIDE else DOUBLES

    def text(self, precision: Precision) -> Program:
        """What is printed in one precision."""
        return self.short if precision is HALVES else self.program


def kernels(plan: Plan) -> tuple[Kernel, ...]:
    """All kernels of a function, their constants merged and named alike."""
    learned = tuple(q.name for q in plan.param_slopes)
    wanted: list[tuple[str, tuple[str, ...]]] = [("forward", ("value",)), ("grad_input", ("slope",))]
    if learned:
        wanted += [("grad_params", learned), ("backward", ("slope", *learned))]
    wanted.append(("forward_backward", ("value", "slope", *learned)))
    programs = [make_program(plan, quantities, with_fine_products) for _, quantities in wanted]
    names: dict[tuple[tuple[tuple[sp.Basic, sp.Expr], ...], bool], sp.Symbol] = {}
    out = []
    for (name, quantities), program in zip(wanted, programs, strict=True):
        short = _floored(program)
        rename = {}
        for constant in short.constants:
            rename[constant.symbol] = names.setdefault(
                (constant.options, constant.positive), sp.Symbol(f"k{len(names)}", real=True)
            )
        out.append(
            Kernel(
                name=name,
                value="value" in quantities,
                slope="slope" in quantities,
                sums=tuple(q for q in quantities if q in learned),
                program=_renamed(program, rename),
                short=_renamed(short, rename),
            )
        )
    return tuple(out)


def _floors(program: Program) -> frozenset[sp.Symbol]:
    """Constants that are the smallest number above 0."""
    return frozenset(c.symbol for c in program.constants if c.positive and c.options == ((sp.true, sp.S.Zero),))


def _floored(program: Program) -> Program:
    """The program with c + k*v, kept above 0, as a sum with a constant that is: results of 16 bits are the same.

    Where c is not 0 so is the sum; where it is, k*v is 0 or at least 2**-133, to which the floor 2**-149 adds less than
    such a result has digits.
    """
    constants = {c.symbol: c for c in program.constants}
    floors = _floors(program)
    added: dict[sp.Symbol, Constant] = {}
    names = numbered_symbols("k", start=len(constants), real=True)

    def kept(whole: sp.Expr, steps: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
        total, floor = whole.args
        if floor not in floors or len(total.args) != 2 or not total.is_Add:
            return whole
        moving = [a for a in total.args if a not in constants]
        factors = sp.Mul.make_args(moving[0].replace(lower.raw_product, sp.Mul)) if len(moving) == 1 else ()
        straight = [f for f in factors if f not in constants and not f.is_number]
        if [steps.get(f) for f in straight] != [lower.raw_min(program.variable, sp.S.Zero)]:
            return whole
        low = next(a for a in total.args if a in constants)
        if low not in added:
            added[low] = replace(constants[low], symbol=next(names), positive=True)
        return sp.Add(added[low].symbol, moving[0], evaluate=False)

    def new(e: sp.Expr, steps: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
        return e.xreplace({m: kept(m, steps) for m in e.atoms(lower.raw_max)})

    cases = tuple(
        replace(
            case,
            steps=tuple(replace(s, expr=new(s.expr, steps)) for s in case.steps),
            choices=tuple(replace(c, parts=tuple(new(p, steps) for p in c.parts)) for c in case.choices),
        )
        for case in program.cases
        for steps in [{s.symbol: s.expr for s in case.steps}]
    )
    return replace(program, cases=cases, constants=(*program.constants, *added.values())) if added else program


def _renamed(program: Program, rename: dict[sp.Symbol, sp.Symbol]) -> Program:
    def new(e: Any) -> Any:
        return None if e is None else e.xreplace(rename)

    cases = tuple(
        replace(
            case,
            steps=tuple(replace(s, expr=new(s.expr)) for s in case.steps),
            choices=tuple(
                replace(
                    c,
                    parts=tuple(map(new, c.parts)),
                    borders=tuple(replace(b, at=new(b.at), own=new(b.own)) for b in c.borders),
                    at_neg_inf=new(c.at_neg_inf),
                    at_pos_inf=new(c.at_pos_inf),
                )
                for c in case.choices
            ),
        )
        for case in program.cases
    )
    constants = tuple(replace(c, symbol=rename[c.symbol]) for c in program.constants)
    return replace(program, cases=cases, constants=constants)


# --- printing ---------------------------------------------------------------------------------------------------------

_LONG = 72
_AT_INFINITY: dict[Any, dict[Any, sp.Expr]] = {
    sp.exp: {-sp.oo: sp.S.Zero, sp.oo: sp.oo},
    lower.raw_expm1: {-sp.oo: sp.S.NegativeOne, sp.oo: sp.oo},
    lower.raw_sigmoid: {-sp.oo: sp.S.Zero, sp.oo: sp.S.One},
    lower.raw_softplus: {-sp.oo: sp.S.Zero, sp.oo: sp.oo},
    lower.raw_tanh: {-sp.oo: sp.S.NegativeOne, sp.oo: sp.S.One},
    lower.raw_tanh_softplus: {-sp.oo: sp.S.Zero, sp.oo: sp.S.One},
    lower.raw_normal_cdf: {-sp.oo: sp.S.Zero, sp.oo: sp.S.One},
    lower.raw_sech2: {-sp.oo: sp.S.Zero, sp.oo: sp.S.Zero},
    **{head: {-sp.oo: sp.S.Zero, sp.oo: sp.S.One} for head in lower.UNITS.values()},
}
"""What the library gives at infinite arguments; ``tests/test_cuda_target.py`` runs every emitted function there."""


class _Writer:
    """Prints one case as C statements; what is long becomes a step of its own."""

    def __init__(self, precision: Precision, program: Program, case: Case) -> None:
        self.precision = precision
        self.variable = program.variable
        self.local = {s.symbol: s.expr for s in case.steps}
        self.constants = {c.symbol: c.options[0][1] for c in program.constants if len(c.options) == 1}
        self.floors = _floors(program)
        self.lines: list[str] = []
        self.count = 0

    def step(self, text: str) -> str:
        name = f"s{self.count}"
        self.count += 1
        self.lines.append(f"const {self.precision.real} {name} = {text};")
        return name

    def case(self, case: Case, results: list[str]) -> list[str]:
        """Steps and choices; a step that nothing uses is not printed."""
        for s in case.steps:
            self.lines.append(f"const {self.precision.real} {s.symbol} = {self.bare(s.expr)};")
        pieces = [self._joined_parts(choice) for choice in case.choices]
        formulas = one_formulas(pieces, self.local, self.variable)
        for choice, (parts, borders), one, result in zip(case.choices, pieces, formulas, results, strict=True):
            self.lines.append(f"{result} = {self.choice(choice, parts, borders, one)};")
        return _without_unused(self.lines)

    def choice(self, choice: Choice, parts: list[sp.Expr], borders: list[Border], one: OneFormula | None) -> str:
        """Selections that leave the quantity in one name; those that select what is there anyway are left out."""
        v = str(self.variable)
        first, last = parts[0], parts[-1]
        if one is not None:
            parts, borders = [self._chosen(one, borders[0])], []
        text = self.atom(parts[0])
        for border, (before, part) in zip(borders, pairwise(parts), strict=True):
            if part == before:
                continue
            sign = ">=" if border.to_right else ">"
            text = self.step(f"{v} {sign} {self.atom(border.at)} ? {self.atom(part)} : {text}")
        for border in borders:
            if border.own is not None:
                text = self.step(f"{v} == {self.atom(border.at)} ? {self.atom(border.own)} : {text}")
        ends = (
            ("-KASSEI_INF", first, -sp.oo, choice.at_neg_inf),
            ("KASSEI_INF", last, sp.oo, choice.at_pos_inf),
        )
        for end, part, where, value in ends:
            if value is not None and self._far(part, where) != self._known(value):
                text = self.step(f"{v} == {end} ? {self.atom(value)} : {text}")
        if not (choice.keeps_nan or first.free_symbols & {*self.local, self.variable}):
            text = self.step(f"{v} != {v} ? {v} : {text}")
        return text

    def _chosen(self, one: OneFormula, border: Border) -> sp.Expr:
        """The one formula of two pieces, its operands chosen."""
        test = f"{self.variable} {'>=' if border.to_right else '>'} {self.atom(border.at)}"
        names: dict[sp.Symbol, sp.Symbol] = {}
        for symbol, pair in one.chosen.items():
            left, right = (self.atom(put(side, names)) for side in pair)
            names[symbol] = sp.Symbol(self.step(f"{test} ? {right} : {left}"), real=True)
        return put(one.expr, names)

    def _joined_parts(self, choice: Choice) -> tuple[list[sp.Expr], list[Border]]:
        """Parts and borders without a constant part that its neighbour, clamped to the border, equals beyond it."""
        parts, borders = list(choice.parts), list(choice.borders)
        k = 0
        while k < len(borders):
            at, own = borders[k].at, borders[k].own
            left, right = parts[k], parts[k + 1]
            if own is None and self._held(right, at, lower.raw_max) == left:
                del parts[k], borders[k]
            elif own is None and self._held(left, at, lower.raw_min) == right:
                del parts[k + 1], borders[k]
            else:
                k += 1
        for k, part in enumerate(parts):  # inside its own piece a clamped input is the input
            step = self.local.get(part)
            if step is None or len(parts) == 1:
                continue
            clamps = set()
            while isinstance(step, lower.raw_max | lower.raw_min):
                clamps.add((step.func, step.args[1]))
                step = step.args[0]
            inside = {(lower.raw_max, borders[k - 1].at)} if k else set()
            inside |= {(lower.raw_min, borders[k].at)} if k < len(borders) else set()
            if step == self.variable and clamps <= inside:
                parts[k] = self.variable
        return parts, borders

    def _held(self, part: sp.Expr, at: sp.Expr, clamp: type[sp.Function]) -> sp.Expr | None:
        """What a part is beyond ``at`` if its input is clamped there, and nothing else depends on the input."""
        if not part.free_symbols & {*self.local, self.variable}:
            return None
        whole = self._whole(part)
        held = clamp(self.variable, at)
        mark = sp.Dummy()
        marked = whole.xreplace({held: mark})
        return None if marked.has(self.variable) else marked.xreplace({mark: at})

    def _whole(self, e: sp.Expr) -> sp.Expr:
        """An expression with its steps put in."""
        while e.free_symbols & set(self.local):
            e = e.xreplace(self.local)
        return e

    def _known(self, e: sp.Expr) -> sp.Expr:
        """A constant by what it is, where it has one option."""
        return e.xreplace(self.constants)

    def _far(self, e: sp.Expr, end: sp.Expr) -> sp.Expr | None:
        """What the printed code gives at an infinite input, where that is plain to see."""
        if e == self.variable:
            return end
        if not e.free_symbols & {*self.local, self.variable}:
            return self._known(e)
        clamp = lower.raw_min if end is sp.oo else lower.raw_max
        for held in self._whole(e).atoms(clamp):
            if held.args[0] == self.variable and (value := self._held(e, held.args[1], clamp)) is not None:
                return self._known(value)
        if e in self.local:
            return self._far(self.local[e], end)
        if isinstance(e, lower.raw_fine | lower.raw_from_zero):
            return self._far(e.args[0], end)
        if e.func in (lower.raw_max, lower.raw_min):
            first = self._far(e.args[0], end)
            if first not in (sp.oo, -sp.oo) or e.args[1] in (sp.oo, -sp.oo) or e.args[1].has(self.variable):
                return None
            stays = (first is sp.oo) == (e.func is lower.raw_max)
            return first if stays else self._known(e.args[1])
        if e.func in _AT_INFINITY and len(e.args) == 1:
            first = self._far(e.args[0], end)
            return _AT_INFINITY[e.func].get(first)
        if e.is_Mul:
            moving = [a for a in e.args if a.free_symbols & {*self.local, self.variable}]
            fixed = sp.Mul(*(a for a in e.args if a not in moving))
            first = self._far(moving[0], end) if len(moving) == 1 else None
            if first is None or (first in (sp.oo, -sp.oo) and not (fixed.is_number and fixed != 0)):
                return None
            return first * self._known(fixed)
        if isinstance(e, lower.raw_damped):
            found = [self._far(a, end) for a in e.args]
            return found[1] if found[0] == 1 else None
        return None

    def atom(self, e: sp.Expr) -> str:
        """A name or a literal."""
        if e.is_Symbol or e.is_number:
            return self.expr(e)
        return self.step(self.bare(e))

    def bare(self, e: sp.Expr) -> str:
        """An expression without the parentheses around it."""
        text = self.expr(e)
        return text[1:-1] if text.startswith("(") and _closes(text) else text

    def expr(self, e: sp.Expr) -> str:
        text = self.raw(e)
        return text if len(text) <= _LONG else self.step(text[1:-1] if text[0] == "(" and _closes(text) else text)

    def raw(self, e: sp.Expr) -> str:
        if e.is_number:
            text = self.precision.literal(e)
            return f"({text})" if text.startswith("-") else text
        if e.is_Symbol:
            return self.precision.least if e in self.floors else str(e)
        if e.is_Add:
            return self.joined([self.expr(a) for a in e.args], "+")
        if e.is_Mul:
            return self.product(e)
        if isinstance(e, lower.raw_product):
            return self.joined([self.expr(a) for a in e.args], "*")
        if isinstance(e, lower.raw_damped):
            return self.damped(*e.args)
        if isinstance(e, lower.raw_fine):
            return self.fine(e)
        if isinstance(e, lower.raw_from_zero):
            return self.from_zero(*e.args)
        if e.is_Pow:
            return self.power(*e.args)
        return self.call(e.func, [self.bare(a) for a in e.args])

    def joined(self, terms: list[str], sign: str) -> str:
        text = terms[0]
        for term in terms[1:]:
            if len(text) + len(term) > _LONG:
                text = self.step(text)
            text = f"{text} {sign} {term}"
        return f"({text})"

    def call(self, head: type[sp.Basic], arguments: list[str]) -> str:
        if head not in FUNCTIONS:
            where = "codegen/targets/cuda.py"
            raise NoRuleError(f"cuda has no rule for {head.__name__!r}; add it to `FUNCTIONS` in {where}")
        name = self.named(FUNCTIONS[head])
        if len(name) + sum(map(len, arguments)) > _LONG:
            arguments = [a if a.isidentifier() else self.step(a) for a in arguments]
        return f"{name}({', '.join(arguments)})"

    def named(self, name: str) -> str:
        """The function of this precision; wide takes from double what it has not of its own."""
        own = f"{self.precision.name}_{name}"
        return f"double_{name}" if self.precision is WIDES and own not in _library() else own

    def product(self, e: sp.Mul) -> str:
        top, bottom = [], []
        constant, factors = parted(e)
        for factor, below in factors:
            if below is None:
                top.append(self.expr(factor))
            else:
                bottom.append(self.power(factor, below))
        if constant == -1 and top:
            top[0] = f"-{top[0]}"
        elif constant != 1 or not top:
            top.insert(0, self.raw(constant))
        text = self.joined(top, "*") if len(top) > 1 else top[0]
        if not bottom:
            return text if text.startswith("(") else f"({text})"
        return self.over(text, self.joined(bottom, "*") if len(bottom) > 1 else bottom[0])

    def over(self, top: str, below: str) -> str:
        def plain(text: str) -> str:
            return text[1:-1] if text.startswith("(") and _closes(text) else text

        name = self.named("over")
        if len(top) + len(below) > _LONG:
            top = top if top.isidentifier() else self.step(plain(top))
        return f"{name}({plain(top)}, {plain(below)})"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        if base is sp.E:
            return self.call(sp.exp, [self.bare(exponent)])
        if exponent == 1:
            return self.expr(base)
        if exponent.is_number and exponent.is_negative:
            return self.over(self.precision.literal(sp.S.One), self.power(base, -exponent))
        if exponent.is_Integer and exponent <= 16:
            return self.whole(self.atom(base), int(exponent))
        if exponent == sp.Rational(1, 2):
            return self.call(sp.sqrt, [self.bare(base)])
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= 9:
            name = self.atom(base)
            return self.joined([self.whole(name, int(exponent.p // 2)), self.call(sp.sqrt, [name])], "*")
        return self.call(sp.Pow, [self.bare(base), self.bare(exponent)])

    def whole(self, name: str, exponent: int) -> str:
        """A power by squaring."""
        if exponent == 1:
            return name
        half = self.whole(name, exponent // 2)
        half = half if half.isidentifier() else self.step(half[1:-1])
        return f"({half} * {half}{f' * {name}' if exponent % 2 else ''})"

    def fine(self, e: sp.Expr) -> str:
        """A function of a product; in float32 what the product has lost moves the result."""
        inner = e.args[0]
        if self.precision is not SINGLES or inner.is_Symbol:
            return self.expr(inner)
        if isinstance(inner, lower.raw_swish_slope):
            return self.step(f"single_swish_slope_near({self.atom(inner.args[0])}, {self.lost(e)})")
        return self.mended(e, self.step(self.bare(inner)))

    def from_zero(self, whole: sp.Expr, u: sp.Expr, line: sp.Expr) -> str:
        """In float32 a line where u is small; other types have the exponents of float64, or few digits."""
        if self.precision is not SINGLES:
            return self.expr(whole)
        return self.step(f"fabsf({self.atom(u)}) < 1e-30f ? {self.atom(line)} : {self.atom(whole)}")

    def mended(self, e: sp.Expr, value: str, *, guarded: bool = True) -> str:
        """The value of such a function with what is missing; infinite where it overflowed.

        Without a guard it is no number where the product overflows and the value is 0.
        """
        finite = f"kassei_min({value}, 3.4028234e38f)" if e.args[0].func in (sp.exp, lower.raw_expm1) else value
        finite += " + 1.0f" if isinstance(e.args[0], lower.raw_expm1) else ""
        return f"fmaf({self.lost(e, guarded=guarded)}, {finite}, {value})"

    def lost(self, e: sp.Expr, *, guarded: bool = True) -> str:
        """By how much of itself a function of k*w falls short because k and k*w are rounded; of expm1, its exp.

        With u the product, d what it lacks (at most 2**-24 of it): exp(u + d) is exp(u)*(1 + d); where abs(u) is large
        enough for d to matter sigmoid(u) and softplus(-abs(u)) move like exp(-abs(u)), sech(u)**2 like its square.
        Where the product overflows the function has reached its limit.
        """
        inner, k, low, w = e.args
        u = self.atom(inner.args[0] if not isinstance(inner, lower.raw_softplus) else k * w)
        rest = f"fmaf({self.atom(k)}, {self.atom(w)}, -{u})"
        if low != 0:
            rest = f"fmaf({self.atom(low)}, {self.atom(w)}, {rest})"
        d = self.step(rest)
        holds = f"fabsf({d}) < 1.0f"
        if isinstance(inner, lower.raw_sigmoid):
            return self.step(f"{u} < 0.0f && {holds} ? {d} : 0.0f")
        moved = self.step(f"{holds} ? {d} : 0.0f") if guarded else d
        if isinstance(inner, lower.raw_softplus):
            return self.step(f"{u} < 0.0f ? {moved} : -{moved}")
        if isinstance(inner, lower.raw_sech2):
            return self.step(f"{u} < 0.0f ? 2.0f * {moved} : -2.0f * {moved}")
        return moved

    def damped(self, vanishing: sp.Expr, growing: sp.Expr) -> str:
        """A product whose first factors may be subnormal: they are computed times a power of two, taken back last."""
        factors, backs, tested = [], [], ""
        every = sp.Mul.make_args(vanishing)
        for given in every:
            fine = isinstance(given, lower.raw_fine) and not given.args[0].is_Symbol
            factor = given.args[0] if fine else given
            base, exponent = factor.args if factor.is_Pow and factor.args[0] is not sp.E else (factor, sp.S.One)
            name = FUNCTIONS.get(base.func, "")
            lifts = _LIFTED | (_LIFTED_TAILS if self.precision is SINGLES else frozenset(("normal_cdf",)))
            if isinstance(base, lower.raw_softplus) and isinstance(-base.args[0], sp.Abs):
                lifts |= {name}
            if exponent == 1 and name in lifts and self.precision in (SINGLES, DOUBLES):
                back = f"b{self.count}"
                self.lines.append(f"{self.precision.real} {back};")
                value = self.step(f"{self.precision.name}_lift_{name}({self.bare(base.args[0])}, {back})")
                backs.append(back)
            else:
                value = self.expr(factor)
            if fine and self.precision is SINGLES:
                value = value if value.isidentifier() else self.step(value)
                if len(every) == 1 and isinstance(base, lower.raw_softplus | lower.raw_sech2):
                    tested = value
                value = self.step(self.mended(given, value, guarded=not tested))
            factors.append(value)
        small = self.joined(factors, "*") if len(factors) > 1 else factors[0]
        small = small if small.isidentifier() else self.step(small[1:-1] if _closes(small) else small)
        rest = self.expr(growing)
        text = " * ".join([small, rest, *backs])
        if not tested and self.untested(growing, backs):
            return f"({text})"
        zero = self.precision.literal(sp.S.Zero)
        return self.step(f"{tested or small} == {zero} ? {zero} : {text}")

    def untested(self, growing: sp.Expr, backs: list[str]) -> bool:
        """Whether what grows is a number, or its infinities are chosen afterwards."""
        return growing == self.variable or (growing.is_Symbol and growing not in self.local and not backs)


def _without_unused(lines: list[str]) -> list[str]:
    """Statements whose name occurs later on."""
    kept: list[str] = []
    needed: set[str] = set()
    for line in reversed(lines):
        declared = re.match(r"(?:const )?(?:float|double) (\w+)( = |;)", line)
        if declared and declared.group(1) not in needed:
            continue
        kept.append(line)
        needed |= set(re.findall(r"[A-Za-z_]\w*", line))
    return kept[::-1]


def _closes(text: str) -> bool:
    """Whether the first parenthesis closes at the end."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return k == len(text) - 1
    return False


def body(kernel: Kernel, precision: Precision) -> list[str]:
    """The statements of ``at(v, y, s, p)``."""
    results = [
        {"value": "y", "slope": "s"}.get(q, f"p[{kernel.sums.index(q)}]" if q in kernel.sums else "")
        for q in kernel.program.quantities
    ]
    program = kernel.text(precision)
    if len(program.cases) == 1:
        return _Writer(precision, program, program.cases[0]).case(program.cases[0], results)
    chosen = "(fixed < 0 ? which : fixed)"
    lines: list[str] = []
    for k, case in enumerate(program.cases):
        head = (
            f"if ({chosen} == {k}) {{"
            if k == 0
            else "} else {"
            if k == len(program.cases) - 1
            else f"}} else if ({chosen} == {k}) {{"
        )
        lines.append(head)
        lines += [f"    {line}" for line in _Writer(precision, program, case).case(case, results)]
    lines.append("}")
    return lines


@cache
def _kit() -> dict[str, Any]:
    """Coefficients as C literals, ``f`` for float32 and ``d`` for float64."""
    data = tomllib.loads(files("kassei.codegen.kit").joinpath("coefficients.toml").read_text(encoding="utf-8"))
    out: dict[str, Any] = {}
    for key, kind, precision in (("f", "float32", SINGLES), ("d", "float64", DOUBLES)):

        def literals(values: list[Any], spell: Precision = precision) -> list[str]:
            return [spell.literal(sp.Float(c, 30)) for c in values]

        def fitted(name: str, degree: int | None = None, kind: str = kind) -> list[Any]:
            entry = data[name][kind]
            found = [float.fromhex(c) for c in entry["coefficients"]]
            return found if degree is None else _economised(found, *entry["interval"], degree=degree)

        constants = data["constants"][kind]
        out[key] = dict(zip(constants, literals([float.fromhex(c) for c in constants.values()]), strict=True))
        for tail in ("normal", "erfc"):
            (out[key][f"{tail}_scale"],) = literals([data[f"{tail}_tail"][kind]["scale"]])
            out[key][f"{tail}_tail"] = literals(fitted(f"{tail}_tail"))
            out[key][f"{tail}_tail_short"] = literals(fitted(f"{tail}_tail", 6 if key == "f" else 10))
        out[key]["gelu_slope"] = literals(fitted("gelu_slope"))
        out[key]["exp"] = literals(fitted("exp"))
        if key == "f":
            out[key]["log1p_unit"] = literals(fitted("log1p_unit"))
            out[key]["gelu_slope_short"] = literals(fitted("gelu_slope", 6))
            for name, f, hi in (("atan", mpmath.atan, 1), ("erf", mpmath.erf, 0.25)):
                out[key][name] = literals(_chebyshev(_over_root(f), 0, hi, degree=7 if name == "atan" else 4))
            for name, factor in (("half_log2_e", -0.5), ("minus_log2_e", -1.0)):
                with mpmath.workdps(40):
                    whole = factor / mpmath.log(2)
                    high = float(np.float32(float(whole)))
                    out[key][name], out[key][f"{name}_low"] = literals([high, whole - high])
        else:
            out[key]["exp_short"] = literals(fitted("exp", 5))
            out[key]["log1p_unit"] = literals(_chebyshev(lambda e: mpmath.log1p(e) / e, 0, 1, degree=11))
    return out


def _over_root(f: Callable[[mpmath.mpf], mpmath.mpf]) -> Callable[[mpmath.mpf], mpmath.mpf]:
    """f(x)/x as a function of x**2, for an odd f."""

    def of_square(z: mpmath.mpf) -> mpmath.mpf:
        x = mpmath.sqrt(z)
        return f(x) / x if x else mpmath.diff(f, 0)

    return of_square


def _chebyshev(f: Callable[[mpmath.mpf], mpmath.mpf], lo: float, hi: float, *, degree: int) -> list[float]:
    """The polynomial through f at Chebyshev points, lowest power first, at 40 digits: the same on every machine."""
    with mpmath.workdps(40):
        return [float(c) for c in reversed(mpmath.chebyfit(f, [mpmath.mpf(lo), mpmath.mpf(hi)], degree + 1))]


def _economised(coefficients: list[float], lo: float, hi: float, *, degree: int) -> list[float]:
    """A polynomial of lower degree, for results of fewer digits."""
    return _chebyshev(lambda x: mpmath.polyval(coefficients[::-1], x), lo, hi, degree=degree)


_CALLS = re.compile(r"\b((?:half|single|double|wide)_\w+)\(")


@cache
def _library() -> dict[str, tuple[str, frozenset[str]]]:
    """Each mathematical function's text and the functions it calls, in the order of the file."""
    text = fill("code/cuda/functions.cu.j2", **_kit())
    out: dict[str, tuple[str, frozenset[str]]] = {}
    pattern = re.compile(r"^((?://[^\n]*\n)*KASSEI_INLINE \w+ (\w+)\(.*?\) \{(?:[^\n]*\}|.*?^\})\n)", re.M | re.S)
    for match in pattern.finditer(text):
        whole, name = match.groups()
        whole = "".join(line + "\n" for line in whole.splitlines() if not line.startswith("// ----"))
        out[name] = (whole, frozenset(_CALLS.findall(whole)) - {name})
    return out


def used_functions(text: str) -> str:
    """The part of the library that a text calls, and what that part calls itself, in the order in which C wants it."""
    library = _library()
    placed: dict[str, str] = {}

    def place(name: str) -> None:
        if name not in library:
            raise NoRuleError(f"cuda has no function {name!r}; add it to templates/code/cuda/functions.cu.j2")
        if name not in placed:
            for other in sorted(library[name][1]):
                place(other)
            placed[name] = library[name][0]

    for name in sorted(set(_CALLS.findall(text))):
        place(name)
    return "\n".join(placed.values())


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that sources are put together from."""

    common: str
    storage: dict[str, str]
    formulas: dict[str, str]
    walks: str


def parts(plan: Plan) -> Parts:
    """The parts of the sources of one function."""
    f = plan.activation
    all_kernels = kernels(plan)
    names = constant_names(plan)
    storage, formulas = {}, {}
    for dtype in DTYPES:
        width = 16 // BYTES[dtype]
        storage[dtype] = fill("code/cuda/storage.cu.j2", dtype=dtype, width=width, flight=FLIGHT[dtype])
        storage[dtype] += fill("code/cuda/memory.cu.j2", dtype=dtype)
        storage[dtype] += fill("code/cuda/convert.cu.j2", dtype=dtype)
        bodies: list[dict[str, Any]] = [
            {"kernel": k, "real": k.precision(dtype).real, "lines": body(k, k.precision(dtype))} for k in all_kernels
        ]
        text = fill(
            "code/cuda/formulas.cu.j2",
            bodies=bodies,
            v=inner(str(f.variable)),
            constants=[n for n in names if n != "which"],
            which="which" in names,
            infinity=any("KASSEI_INF" in line for b in bodies for line in b["lines"]),
        )
        formulas[dtype] = used_functions(text) + "\n" + text
    shape = {"channels": bool(f.parameters), "cases": len(all_kernels[0].program.cases)}
    walks = fill("code/cuda/walks.cu.j2", sums=bool(f.learned), **shape)
    walks += fill("code/cuda/kernels.cu.j2", name=f.name, kernels=all_kernels, constants=names, **shape)
    head = fill("code/cuda/head.cu.j2", version=__version__, name=f.name, digest=f.digest)
    return Parts(common=head, storage=storage, formulas=formulas, walks=walks)


def constant_names(plan: Plan) -> list[str]:
    """What kernels are passed: constants, parameters that occur as they are, and which case it is."""
    all_kernels = kernels(plan)
    symbols: set[str] = set()
    for program in {p: None for k in all_kernels for p in (k.program, k.short)}:
        for case in program.cases:
            exprs = [s.expr for s in case.steps]
            for c in case.choices:
                exprs += [*c.parts, *(b.at for b in c.borders), *(b.own for b in c.borders if b.own is not None)]
                exprs += [e for e in (c.at_neg_inf, c.at_pos_inf) if e is not None]
            local = {s.symbol for s in case.steps} | {program.variable} | _floors(program)
            symbols |= {s.name for e in exprs for s in e.free_symbols - local}
    own = [p.name for p in all_kernels[0].program.parameters if p.name in symbols]
    counted = sorted((s for s in symbols if s not in own), key=lambda s: int(s[1:]))
    cases = all_kernels[0].program.cases
    return [*own, *counted, *(["which"] if len(cases) > 1 else [])]


def sources(plan: Plan) -> dict[str, str]:
    """The translation unit of each dtype, as the emitted module puts it together."""
    made = parts(plan)
    return {d: made.common + made.storage[d] + made.formulas[d] + made.walks for d in DTYPES}


def _host_constants(plan: Plan) -> list[str]:
    """Statements that leave every constant under its name, from float64 arrays of the parameters."""
    all_kernels = kernels(plan)
    merged: dict[str, Constant] = {}
    for k in all_kernels:
        for c in k.short.constants:
            merged.setdefault(c.symbol.name, c)
    wanted = set(constant_names(plan))
    first = all_kernels[0].program
    cases = first.cases
    chosen = [c for n, c in sorted(merged.items(), key=lambda item: int(item[0][1:])) if n in wanted]
    if len(cases) > 1:
        options = tuple((case.condition, sp.Integer(k)) for k, case in enumerate(cases))
        chosen.append(Constant(symbol=sp.Symbol("which", real=True), options=options))
    empty = replace(
        first, quantities=(), constants=tuple(chosen), cases=(Case(condition=sp.true, steps=(), choices=()),)
    )
    return statements(empty, _DIALECT, indent=8)


_DIALECT = Dialect(
    target="cuda",
    functions=_HOST,
    literal=literal("np"),
    where="np.where",
    isnan="np.isnan",
    inf="np.inf",
    constant="{}",
    positive="_positive({})",
)


def listed(before: str, items: list[str], after: str) -> str:
    """A bracketed list as ``ruff format`` lays it out: in one line of 88 columns, else one item a line."""
    trailing = "," if before.endswith("= (") and len(items) == 1 else ""
    line = f"{before}{', '.join(items)}{trailing}{after}"
    return line if len(line) <= 88 else "\n".join([before, *(f"    {item}," for item in items), after])


def _notes(plan: Plan, wide: dict[str, list[str]]) -> list[str]:
    """What the module's header says of precision, infinities and breaks."""
    text = "float64 is computed in float64, all else in float32"
    kinds = wide["float32"]
    text += f", but {', '.join(kinds)} of float32 in float64" if kinds else ""
    for kind in ("float16", "bfloat16"):
        text += f" and {', '.join(wide[kind])} of {kind} in float64" if wide[kind] else ""
    text += f". Infinite inputs: {infinity_note(plan)}. At a break of the slope: {kink_note(plan)}."
    return paragraph(text).splitlines()


def emit(plan: Plan) -> dict[str, str]:
    """One Python module per function, with the sources of all dtypes inside."""
    f = plan.activation
    lines = _host_constants(plan)
    names = constant_names(plan)
    all_kernels = kernels(plan)
    wide = {d: [k.name for k in all_kernels if k.precision(d).real == "double"] for d in DTYPES}
    parameters = [parameter_fields(p) | {"inner": inner(p.name)} for p in f.parameters]
    outside = [p["name"] for p in parameters]
    text = fill(
        "code/cuda/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        formula=textwrap.wrap(f"{outer(str(f.variable))} -> {f.source}", 86, break_long_words=False),
        v=outer(str(f.variable)),
        parameters=parameters,
        defaults=[f"{p['name']}={p['default']}" for p in parameters],
        given=listed("parameters = (", outside, ")").replace("\n", "\n    "),
        learned=[outer(p.name) for p in f.learned],
        learned_quoted=[f'"{outer(p.name)}"' for p in f.learned],
        made=parts(plan),
        wide={d: [] if d == "float64" else kinds for d, kinds in wide.items()},
        constants=lines,
        constant_names=names,
        which="which" in names,
        used_inside=set(re.findall(r"\w+", " ".join([*lines, *names]))),
        uses={n.removeprefix("_") for n in re.findall(r"\b(_[a-z]\w+)\(", "\n".join(lines))},
        notes=_notes(plan, wide),
        flight=FLIGHT,
        listed=listed,
    )
    return {f"{f.name}_cuda.py": text}


target = Target(name="cuda", needs="CuPy and an NVIDIA GPU", emits="NAME_cuda.py", emit=emit)
