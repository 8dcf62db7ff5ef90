"""A program as NumPy ufunc calls with ``out=``: branch-free passes over a block that stays in the cache.

Functions of our own are spelled in NumPy's (:func:`spelled`), so that what they share is found: SiLU and its slope
take one exponential. Such a spelling holds between bounds that are checked once a block (``raw_guard``); a block that
leaves them is computed in float64 with every case distinguished. Pieces are joined by adding them where all but one
vanish, else by masks made of sign bits: comparisons with ``where`` mispredict and cost twenty times a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp
from sympy.core.symbol import Str

from kassei.codegen import lower
from kassei.codegen.printer import negated, negative, parted
from kassei.codegen.program import Case, Choice, Program

UNARY: Mapping[type[sp.Basic], str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.atan: "arctan",
    sp.asin: "arcsin",
    sp.acos: "arccos",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.asinh: "arcsinh",
    sp.acosh: "arccosh",
    sp.atanh: "arctanh",
    sp.Abs: "absolute",
    lower.raw_expm1: "expm1",
    lower.raw_log1p: "log1p",
    lower.raw_tanh: "tanh",
}
BINARY: Mapping[type[sp.Basic], str] = {
    lower.raw_max: "maximum",
    lower.raw_min: "minimum",
    lower.raw_product: "multiply",
    lower.raw_hypot: "hypot",
    lower.raw_atan2: "arctan2",
}


class UnsupportedError(Exception):
    """A head without a branch-free spelling; the float64 path with all its cases serves it."""


class raw_guard(sp.Function):  # type: ignore[misc]  # noqa: N801
    """Its first argument, where that lies between the bounds of a name; elsewhere the spelling does not hold."""

    nargs = 2


class raw_split(sp.Function):  # type: ignore[misc]  # noqa: N801
    """A number's leading digits: so few of them that their square is exact."""

    nargs = 1


class raw_exact_product(sp.Function):  # type: ignore[misc]  # noqa: N801
    """x*y, known to be exact."""

    nargs = 2


class raw_tail_polynomial(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The kit's polynomial of the normal tail, in Horner's form."""

    nargs = 1


class raw_tail_scale(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1/(1 + scale*a) with the scale of the kit's polynomial."""

    nargs = 1


class raw_odds(sp.Function):  # type: ignore[misc]  # noqa: N801
    """e/(c + e) for e > 0; its own head because the roundings of e above and below the bar cancel."""

    nargs = 2


class raw_by_sign(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The second argument where the first is >= 0, the third where it is negative."""

    nargs = 3


BOUNDS: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "normal": ((-87.0, 88.0), (-708.0, 709.0)),
    "twice": ((-87.0, 43.0), (-708.0, 354.0)),
    "tail": ((-12.5, 12.5), (-37.0, 37.0)),
    "finite": ((-3e38, 3e38), (-1.7e308, 1.7e308)),
}
"""By name: from where to where, in float32 and in float64. Between them no exponential is subnormal or overflows."""


def _guard(u: sp.Expr, name: str) -> sp.Expr:
    return raw_guard(u, Str(name))


def spelled(expr: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """The same in heads that are one ufunc each, as far as there are such; :class:`Writer` refuses the others."""
    if isinstance(expr, lower.raw_max) and isinstance(expr.args[1], lower.raw_positive):
        # the constant of a sum is made NaN where it is 0, which sends the whole to the general way
        low = [a for a in sp.Add.make_args(expr.args[0]) if not a.has(variable)]
        rest = [a for a in sp.Add.make_args(expr.args[0]) if a.has(variable)]
        return sp.Add(lower.raw_positive(sp.Add(*low)), *(spelled(a, variable) for a in rest), evaluate=False)
    if not expr.has(variable) or expr.is_Symbol:
        return expr
    if expr.func in lower.UNITS.values():
        return spelled(lower.opened(expr), variable)
    if isinstance(expr, lower.raw_soft_ramp):
        w, k = expr.args
        return _softplus(k * spelled(w, variable)) / k
    args = [spelled(a, variable) for a in expr.args]
    head = expr.func
    if head in _SPELLED:
        return _SPELLED[head](*args)
    if head is sp.exp:
        return sp.exp(_guard(args[0], "normal"))
    return head(*args, evaluate=False) if expr.is_Add or expr.is_Mul or expr.is_Pow else head(*args)


def _sigmoid(u: sp.Expr) -> sp.Expr:
    if u.could_extract_minus_sign():
        return 1 / (1 + sp.exp(_guard(-u, "normal")))
    return raw_odds(sp.exp(_guard(u, "normal")), sp.S.One)


def _softplus(u: sp.Expr) -> sp.Expr:
    return lower.raw_max(u, lower.raw_log1p(sp.exp(_guard(u, "normal"))))


def _gate_terms(u: sp.Expr, bounds: str) -> tuple[sp.Expr, sp.Expr]:
    e = sp.exp(_guard(u, bounds))
    return e, lower.raw_product(e, e + 2)


def _gate(u: sp.Expr) -> sp.Expr:
    _, n = _gate_terms(u, "twice")
    return raw_odds(n, sp.Integer(2))


def _gate_slope(u: sp.Expr) -> sp.Expr:
    e, n = _gate_terms(u, "twice")
    w = 2 / (n + 2)
    return lower.raw_product(lower.raw_product(e, w), lower.raw_product(1 + e, w))


def _sech2(u: sp.Expr) -> sp.Expr:
    e = sp.exp(_guard(-2 * sp.Abs(u), "normal"))
    w = 2 / (1 + e)
    return lower.raw_product(e, lower.raw_product(w, w))


def _gauss(u: sp.Expr, half: sp.Rational) -> sp.Expr:
    inside = _guard(u, "tail")
    lead = raw_split(inside)
    rest = lower.raw_product(inside - lead, inside + lead)
    return lower.raw_product(sp.exp(-half * raw_exact_product(lead, lead)), sp.exp(-half * rest))


def _tail(u: sp.Expr) -> sp.Expr:
    """Phi(-abs(u)) with the kit's polynomial."""
    s = raw_tail_scale(sp.Abs(u))
    return lower.raw_product(_gauss(u, sp.S.Half), lower.raw_product(s, raw_tail_polynomial(s)))


def _normal_cdf(u: sp.Expr) -> sp.Expr:
    tail = _tail(u)
    return raw_by_sign(u, 1 - tail, tail)


def _damped(vanishing: sp.Expr, growing: sp.Expr) -> sp.Expr:
    if isinstance(vanishing, raw_by_sign) and growing == vanishing.args[0]:  # u*Phi(u) without a choice
        u, _, tail = vanishing.args
        return lower.raw_max(u, sp.S.Zero) - lower.raw_product(sp.Abs(u), tail)
    return lower.raw_product(growing, vanishing)


_SPELLED: dict[type[sp.Basic], Callable[..., sp.Expr]] = {
    lower.raw_reach: lambda y, u: lower.raw_product(y, sp.exp(-lower.raw_max(u, sp.S.Zero))),
    lower.raw_sigmoid: _sigmoid,
    lower.raw_softplus: _softplus,
    lower.raw_tanh_softplus: _gate,
    lower.raw_tanh_softplus_slope: _gate_slope,
    lower.raw_sech2: _sech2,
    lower.raw_gauss: lambda u: _gauss(u, sp.S.Half),
    lower.raw_exp_neg_square: lambda u: _gauss(u, sp.S.One),
    lower.raw_normal_cdf: _normal_cdf,
    lower.raw_damped: _damped,
}


@dataclass
class Block:
    """What the text of one case needs: how many buffers, which typed numbers and which filled arrays."""

    lines: list[str] = field(default_factory=list)
    buffers: int = 0
    numbers: list[float] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    guards: set[tuple[str, str, sp.Expr]] = field(default_factory=set)
    """What was asked already: of which buffer, which bound, and of what it held, for buffers are used again."""


Operand = str
_BUFFER = "b["


class Writer:
    """Ufunc calls for one case of a program; buffers are given back after their last use."""

    def __init__(self, program: Program, case: Case, block: Block) -> None:
        self.program = program
        self.case = case
        self.block = block
        self.free: list[str] = []
        self.names: dict[sp.Symbol, Operand] = {program.variable: "v"}
        self.left: dict[sp.Symbol, int] = {}
        self.owner: dict[Operand, sp.Symbol] = {}
        self.fixed = {c.symbol for c in program.constants} | set(program.parameters)
        blends = [_blend(choice, case, program) for choice in case.choices]
        self.multiplied = any(b.added is not None and program.variable in sp.Mul.make_args(b.added) for b in blends)
        """Whether a sum of parts is multiplied by the input, which an infinity would make NaN."""
        self.keeps_nan = all(
            any(s not in self.fixed for s in b.added.free_symbols)
            if b.added is not None
            else all(any(s not in self.fixed for s in part.free_symbols) for part in b.parts)
            for b in blends
        )
        self.blends = blends
        for expr in (*(s.expr for s in case.steps), *(e for b in blends for e in b.exprs)):
            for symbol in _occurrences(expr):
                self.left[symbol] = self.left.get(symbol, 0) + 1

    def write(self, outs: list[str]) -> None:
        """All steps and choices; ``outs[j]`` names the array of quantity j."""
        for step in self.case.steps:
            if not self.left.get(step.symbol):
                continue
            operand = self._value(step.expr)
            self.names[step.symbol] = operand
            if operand in self.owner:  # another name for something known
                self.names[step.symbol] = operand = self._op("copyto", operand)
            if operand.startswith(_BUFFER):
                self.owner[operand] = step.symbol
        for blend, out in zip(self.blends, outs, strict=True):
            self._finish(blend, out)

    def _finish(self, blend: Blend, out: str) -> None:
        operand = self._blended(blend)
        symbol = self.owner.get(operand)
        if symbol is not None and self.left[symbol] == 1:
            del self.owner[operand]  # its last use
        last = self.block.lines[-1] if self.block.lines else ""
        marker = f"out={operand})"
        if operand.startswith(_BUFFER) and operand not in self.owner and last.endswith(marker):
            self.block.lines[-1] = last.removesuffix(marker) + f"out={out})"
            self._release(operand)
        elif operand.startswith(_BUFFER) and operand not in self.owner and last.endswith(f"out={operand}.view(i))"):
            self.block.lines[-1] = last.removesuffix(f"out={operand}.view(i))") + f"out={out}.view(i))"
            self._release(operand)
        else:
            self.block.lines.append(f"np.copyto({out}, {operand})")
            self._done(operand)

    def _blended(self, blend: Blend) -> Operand:
        if blend.added is not None:
            return self._value(blend.added)
        result = self._value(blend.parts[0])
        for at, to_right, part in blend.borders_and_parts():
            other = self._value(part)
            edge = self._value(at)
            # the sign bit of v - at says that it is the left part, that of at - v the right
            # of a border that may be 0, the sign of that 0 matters: -0 - 0 is -0, but -0 is not left of 0
            signed = edge if at.is_number else f"-(0.0 - {edge})" if to_right else f"{edge} + 0.0"
            mask = self._take()
            self.block.lines.append(
                f"np.subtract({'v' if to_right else signed}, {signed if to_right else 'v'}, out={mask})"
            )
            if to_right and at == 0:
                self.block.lines[-1] = f"np.add(v, {edge}, out={mask})"
            self.block.lines.append(f"np.right_shift({mask}.view(i), s, out={mask}.view(i))")
            one, two = (result, other) if to_right else (other, result)  # where the mask is set, where it is not
            target = self._masked(mask, one, two)
            self._release(mask)
            for used in (result, other, edge):
                self._done(used)
            result = target
        return result

    def _take(self) -> Operand:
        if self.free:
            return self.free.pop()
        self.block.buffers += 1
        return f"b[{self.block.buffers - 1}]"

    def _release(self, operand: Operand) -> None:
        if operand.startswith(_BUFFER) and operand not in self.owner and operand not in self.free:
            self.free.append(operand)

    def _done(self, operand: Operand) -> None:
        """One use of an operand is over."""
        symbol = self.owner.get(operand)
        if symbol is None:
            self._release(operand)
            return
        self.left[symbol] -= 1
        if self.left[symbol] == 0:
            del self.owner[operand]
            self._release(operand)

    def _op(self, name: str, *operands: Operand) -> Operand:
        for operand in operands:
            self._done(operand)
        target = self._take()
        if name == "copyto":
            self.block.lines.append(f"np.copyto({target}, {operands[0]})")
        else:
            self.block.lines.append(f"np.{name}({', '.join(operands)}, out={target})")
        return target

    def _number(self, value: float) -> Operand:
        if value not in self.block.numbers:
            self.block.numbers.append(value)
        return f"n{self.block.numbers.index(value)}"

    def _fill(self, operand: Operand) -> Operand:
        """A constant as an array: minimum and maximum are four times as fast with two arrays."""
        if operand not in self.block.filled:
            self.block.filled.append(operand)
        return f"f{self.block.filled.index(operand)}"

    def _value(self, e: sp.Expr) -> Operand:
        if e.is_number:
            return self._number(float(sp.N(e, 25)))
        if e.is_Symbol:
            return str(e) if e in self.fixed else self.names[e]
        if e.is_Add:
            return self._sum(list(e.args))
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, raw_guard):
            operand = self._value(e.args[0])
            self._guarded(operand, e.args[1].name, e.args[0])
            return operand
        if isinstance(e, raw_split):
            operand = self._value(e.args[0])
            self._done(operand)
            target = self._take()
            self.block.lines.append(f"np.bitwise_and({operand}.view(i), h, out={target}.view(i))")
            return target
        if isinstance(e, raw_by_sign):
            return self._by_sign(*e.args)
        if e.func in UNARY:
            return self._op(UNARY[e.func], self._value(e.args[0]))
        if isinstance(e, raw_tail_scale):
            scaled = self._op("multiply", self._value(e.args[0]), "_NORMAL_TAIL_SCALE[t.side]")
            return self._op("divide", self._number(1.0), self._op("add", self._number(1.0), scaled))
        if isinstance(e, raw_odds):
            x = self._value(e.args[0])
            below = self._shared("add", self._number(float(e.args[1])), x)
            return self._op("divide", x, below)
        if isinstance(e, raw_tail_polynomial):
            return self._horner(self._value(e.args[0]))
        if isinstance(e, raw_exact_product):
            return self._op("multiply", *(self._value(a) for a in e.args))
        if e.func in BINARY:
            operands = [self._value(a) for a in e.args]
            if e.func in (lower.raw_max, lower.raw_min):
                operands = [self._fill(o) if self._constant(a) else o for o, a in zip(operands, e.args, strict=True)]
            return self._op(BINARY[e.func], *operands)
        raise UnsupportedError(e.func.__name__)

    def _constant(self, e: sp.Expr) -> bool:
        return bool(e.is_number or e in self.fixed)

    def _guarded(self, operand: Operand, name: str, expr: sp.Expr) -> None:
        low, high = True, True
        inside = expr if expr.is_Symbol else None
        definition = next((s.expr for s in self.case.steps if s.symbol == inside), expr)
        if isinstance(definition, lower.raw_min) and definition.args[1] == 0 and name != "finite":
            high = False
        if isinstance(definition, lower.raw_max) and definition.args[1] == 0 and name != "finite":
            low = False
        if definition.is_Mul and definition.args[0].is_negative and isinstance(definition.args[1], sp.Abs):
            high = False
        if isinstance(definition, sp.Abs):
            low = False
        for side, wanted in (("low", low), ("high", high)):
            if wanted and (operand, f"{side} {name}", expr) not in self.block.guards:
                self.block.guards.add((operand, f"{side} {name}", expr))
                reduce, relation, k = ("minimum", ">=", 0) if side == "low" else ("maximum", "<=", 1)
                self.block.lines.append(f"if not np.{reduce}.reduce({operand}, axis=None) {relation} g_{name}[{k}]:")
                self.block.lines.append("    return False")

    def _by_sign(self, u: sp.Expr, right: sp.Expr, left: sp.Expr) -> Operand:
        one, two, sign = self._value(left), self._value(right), self._value(u)
        mask = self._take()
        self.block.lines.append(f"np.right_shift({sign}.view(i), s, out={mask}.view(i))")
        target = self._masked(mask, one, two)
        self._release(mask)
        for used in (one, two, sign):
            self._done(used)
        return target

    def _masked(self, mask: Operand, one: Operand, two: Operand) -> Operand:
        """The first where the mask's bits are set, else the second."""
        target = self._take()
        if one.startswith(_BUFFER) or two.startswith(_BUFFER) or "v" in (one, two):
            self.block.lines.append(f"np.bitwise_xor({_bits(one)}, {_bits(two)}, out={target}.view(i))")
            self.block.lines.append(f"np.bitwise_and({target}.view(i), {mask}.view(i), out={target}.view(i))")
        else:
            self.block.lines.append(f"d = {_bits(one)} ^ {_bits(two)}")
            self.block.lines.append(f"np.bitwise_and({mask}.view(i), d, out={target}.view(i))")
        self.block.lines.append(f"np.bitwise_xor({target}.view(i), {_bits(two)}, out={target}.view(i))")
        return target

    def _sum(self, terms: list[sp.Expr]) -> Operand:
        terms = sorted(terms, key=negative)  # start with a term that is added
        result = self._value(terms[0])
        for term in terms[1:]:
            if negative(term):
                result = self._op("subtract", result, self._value(negated(term)))
            else:
                result = self._op("add", result, self._value(term))
        return result

    def _product(self, e: sp.Mul) -> Operand:
        constant, factors = parted(e)
        top = [factor for factor, below in factors if below is None]
        bottom = [factor if below == 1 else factor**below for factor, below in factors if below is not None]
        flipped = constant == -1 and bool(top)
        if not top:
            result = self._number(float(constant))
        else:
            result = self._value(top[0])
            for factor in top[1:]:
                result = self._op("multiply", result, self._value(factor))
            if not flipped and constant != 1:
                result = self._op("multiply", result, self._number(float(sp.N(constant, 25))))
        for factor in bottom:
            result = self._op("divide", result, self._value(factor))
        return self._op("negative", result) if flipped else result

    def _horner(self, x: Operand) -> Operand:
        target = self._take()
        self.block.lines += [
            f"np.multiply({x}, _NORMAL_TAIL[t.side][0], out={target})",
            "for a in _NORMAL_TAIL[t.side][1:-1]:",
            f"    np.add({target}, a, out={target})",
            f"    np.multiply({target}, {x}, out={target})",
            f"np.add({target}, _NORMAL_TAIL[t.side][-1], out={target})",
        ]
        self._done(x)
        return target

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Operand:
        if base is sp.E:
            return self._op("exp", self._value(exponent))
        if exponent == sp.S.Half:
            return self._op("sqrt", self._value(base))
        if exponent.is_Integer and exponent > 1:
            x = self._value(base)
            result = self._shared("multiply", x, x)
            for _ in range(int(exponent) - 2):
                result = self._shared("multiply", result, x)
            self._done(x)
            return result
        if exponent.is_Integer and exponent < 0:
            below = base if exponent == -1 else base ** (-exponent)
            return self._op("divide", self._number(1.0), self._value(below))
        raise UnsupportedError(f"power {exponent}")

    def _shared(self, name: str, first: Operand, second: Operand) -> Operand:
        """An operation that leaves its second operand in use."""
        if first != second:
            self._done(first)
        target = self._take()
        self.block.lines.append(f"np.{name}({first}, {second}, out={target})")
        return target


def _bits(operand: Operand) -> str:
    return f"{operand}.view(i)"


def _occurrences(expr: sp.Expr) -> list[sp.Symbol]:
    if expr.is_Symbol:
        return [expr]
    found: list[sp.Symbol] = []
    if expr.is_Pow and expr.base is not sp.E and expr.exp.is_Integer:
        return _occurrences(expr.base)
    for a in expr.args:
        found += _occurrences(a)
    return found


@dataclass(frozen=True)
class Blend:
    """How the parts of a choice are joined: one sum, or from left to right by masks."""

    added: sp.Expr | None
    parts: tuple[sp.Expr, ...]
    borders: tuple[tuple[sp.Expr, bool], ...]

    @property
    def exprs(self) -> tuple[sp.Expr, ...]:
        """What is computed."""
        return (self.added,) if self.added is not None else (*self.parts, *(at for at, _ in self.borders))

    def borders_and_parts(self) -> list[tuple[sp.Expr, bool, sp.Expr]]:
        """Every border with the part to its right."""
        return [(at, right, part) for (at, right), part in zip(self.borders, self.parts[1:], strict=True)]


def _blend(choice: Choice, case: Case, program: Program) -> Blend:
    if any(b.own is not None for b in choice.borders) or any(p is sp.nan for p in choice.parts):
        raise UnsupportedError("a value of its own at a break")
    borders = tuple((b.at, b.to_right) for b in choice.borders)
    if not borders:
        return Blend(choice.parts[0], choice.parts, borders)
    return Blend(_sum_of_parts(choice, case, program), choice.parts, borders)


def _sum_of_parts(choice: Choice, case: Case, program: Program) -> sp.Expr | None:
    """The parts added up, where each is at its own clamped input and all but the chosen one are then exactly 0.

    A part that is constant belongs to a piece where its neighbour, clamped to their border, has that value already.
    """
    steps = {s.symbol: s.expr for s in case.steps}
    clamps = {s for s, e in steps.items() if isinstance(e, lower.raw_min | lower.raw_max)}

    def full(expr: sp.Expr) -> sp.Expr:
        for _ in range(len(steps)):
            inner = {s: steps[s] for s in expr.free_symbols & steps.keys() - clamps}
            if not inner:
                break
            expr = expr.xreplace(inner)
        return expr

    whole = [full(p) for p in choice.parts]
    found = _added(whole, choice, clamps, program, list(choice.parts))
    if found is not None:
        return found
    divided = [_without(w, clamps) for w in whole]
    rest = [d for d in divided if d is not None]
    if len(rest) < len(whole):
        return None
    found = _added(rest, choice, clamps, program, rest)
    return None if found is None else sp.Mul(program.variable, found, evaluate=False)  # inf*0: a guard keeps it out


@dataclass(frozen=True)
class Shortcut:
    """Fewer passes for some constants: what must hold of them, and the value then; ``free`` of the bounds at inf."""

    when: tuple[str, ...]
    value: sp.Expr
    free: bool


def shortcuts(choice: Choice, case: Case, program: Program) -> list[Shortcut]:
    """Two pieces that meet at 0, the right of which is the input itself, for constants that let one form serve both.

    ``k*v`` on the left is the larger of k*v and v where k <= 1 and the smaller where k >= 1 (k other than 0, so an
    infinity gives its limit); ``c*v/d(v)`` with d(0) = c = 1 is v/d(min(v, 0)) on both sides.
    """
    v = program.variable
    steps = {s.symbol: s.expr for s in case.steps}
    if len(choice.parts) != 2 or choice.borders[0].at != 0 or choice.borders[0].own is not None:
        return []
    left, right = choice.parts
    below, above = (next((s for s, e in steps.items() if e == head(v, sp.S.Zero)), None) for head in _CLAMPS)
    if below is None or right != above or below not in left.free_symbols:
        return []
    while left.is_Symbol and left in steps and left != below:
        left = steps[left]
    moving = [
        f for f in _factors(left) if f.free_symbols - {c.symbol for c in program.constants} - {*program.parameters}
    ]
    c = sp.Mul(*(f for f in _factors(left) if f not in moving))
    if moving == [below]:
        both = lower.raw_product(c, v) if c.is_Symbol else c * v
        found = [Shortcut((f"{c} <= 1.0", f"{c} != 0.0"), lower.raw_max(v, both), free=True)]
        return [*found, Shortcut((f"{c} >= 1.0",), lower.raw_min(v, both), free=True)] if c.is_Symbol else []
    if len(moving) == 2 and below in moving and c.is_Symbol:
        (below_bar,) = (f for f in moving if f != below)
        if below_bar.is_Pow and below_bar.exp == -1:
            start = below_bar.base.xreplace({below: sp.S.Zero})
            if start.is_Symbol:
                when = (f"{c} == 1.0", f"{start} == 1.0")
                return [Shortcut(when, sp.Mul(v, below_bar, evaluate=False), free=False)]
    return []


_CLAMPS = (lower.raw_min, lower.raw_max)


def _factors(product: sp.Expr) -> list[sp.Expr]:
    """Factors of a product, also of one whose parts are kept apart."""
    if product.is_Mul or isinstance(product, lower.raw_product):
        return [factor for part in product.args for factor in _factors(part)]
    return [product]


def _without(expr: sp.Expr, clamps: set[sp.Symbol]) -> sp.Expr | None:
    """A part divided by its own input, where that is a factor of it: hard_swish is v times a clamped line."""
    if expr == 0:
        return expr
    for factor in sp.Mul.make_args(expr):
        if factor in clamps:
            return sp.Mul(*(f for f in sp.Mul.make_args(expr) if f != factor), evaluate=False)
    return None


def _added(
    whole: list[sp.Expr],
    choice: Choice,
    clamps: set[sp.Symbol],
    program: Program,
    parts: list[sp.Expr],
) -> sp.Expr | None:
    fixed = {c.symbol for c in program.constants} | set(program.parameters)
    moving = [bool(w.free_symbols - fixed) for w in whole]
    first: dict[object, sp.Symbol] = {}  # a constant that is told from its equal only by being made NaN where it is 0
    one = {c.symbol: first.setdefault(c.options, c.symbol) for c in program.constants}

    def value(k: int, at: sp.Expr) -> sp.Expr:
        at_border = dict.fromkeys(whole[k].free_symbols & (clamps | {program.variable}), at)
        return whole[k].xreplace(at_border).xreplace(one)

    values = [(value(k, b.at), value(k + 1, b.at)) for k, b in enumerate(choice.borders)]
    if any(left != right for left, right in values):
        return None
    for anchor in range(len(whole)):
        others = [k for k in range(len(whole)) if k != anchor and moving[k]]
        if not moving[anchor] and others:
            continue
        between = {j for k in others for j in range(min(k, anchor), max(k, anchor))}
        if all(values[j][0] == 0 for j in between):
            return sp.Add(parts[anchor], *(parts[k] for k in others), evaluate=False)
    return None
