"""Numba modules: compiled, SIMD and parallel kernels that need numba and NumPy alone.

Each quantity, or each group of them that is wanted together, is a loop over a block of at most 4096 elements, compiled
when it is first called. exp, log1p, tanh and their kin are the kit's (:mod:`kassei.codegen.kit`), whose text is part of
the module, so LLVM turns the whole loop into vector instructions. What depends on parameters alone is computed before
the loop, in float64. float32 is computed in float32 where the rounding estimate allows it, else in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from kassei import __version__
from kassei.codegen import kit, lower, rounding
from kassei.codegen.plan import Plan, outer
from kassei.codegen.printer import LIBM
from kassei.codegen.program import Case, Program, all_quantities, make_program, with_units
from kassei.codegen.statements import COLUMNS, Dialect, condition_statements, constant_statements, statements
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import parameter_fields
from kassei.codegen.targets._python import array_docstring, array_signatures, listed, words
from kassei.text.templates import fill

ENOUGH = 16.0
"""Up to this estimate float32 is computed in float32: it is a bound, and what is measured is about half of it. Slopes
that change sign are hardly ever within it; near their zeros only float64 keeps 3e-7 of max(abs(f'), 0.05)."""

KIT: dict[type[sp.Basic], str] = {
    sp.exp: "_exp",
    sp.log: "_log",
    sp.erf: "_erf",
    lower.raw_expm1: "_expm1",
    lower.raw_log1p: "_log1p",
    lower.raw_tanh: "_tanh",
    lower.raw_sech2: "_sech2",
    lower.raw_sigmoid: "_sigmoid",
    lower.raw_softplus: "_softplus",
    lower.raw_tanh_softplus: "_tanh_softplus",
    lower.raw_tanh_softplus_slope: "_tanh_softplus_slope",
    lower.raw_swish_slope: "_swish_slope",
    lower.raw_mish_slope: "_mish_slope",
    lower.raw_gelu_slope: "_gelu_slope",
    lower.raw_normal_cdf: "_normal_cdf",
    lower.raw_gauss: "_gauss",
    lower.raw_exp_neg_square: "_exp_neg_square",
    lower.raw_erfc: "_erfc",
}
MATH: dict[type[sp.Basic], str] = {**LIBM, sp.Pow: "pow", lower.raw_atan2: "atan2"}
"""Rare in activation functions: the C library's, in float64, one element after the other."""
OWN: dict[type[sp.Basic], str] = {
    lower.raw_max: "_max",
    lower.raw_min: "_min",
    lower.raw_damped: "_damped",
    lower.raw_share: "_share",
    lower.raw_harmonic: "_harmonic",
    lower.raw_inverse: "_inverse",
    lower.raw_hypot: "_hypot",
}
PAIR = sp.Function("sigmoid_pair", nargs=1)
TIMES: dict[type[sp.Basic], type[sp.Basic]] = {
    head: sp.Function(f"times_{name[1:]}", nargs=2)
    for head, name in KIT.items()
    if head in lower.VANISHING and f"{name}_times" in kit.NEEDS
}
"""For each function that may vanish, x times it: one head of two arguments, the function's and x."""
TIMES[PAIR] = sp.Function("times_sigmoid_pair", nargs=2)


THREADS = (
    "Large arrays are computed by numba's threads (``numba.set_num_threads``). Every function may be called from"
    " several Python threads at once: one of them then has numba's threads, the others go on alone. Sums for"
    " parameters are taken in a fixed order, so they do not depend on the number of threads. The first call of a"
    " function compiles it, which takes a second or two; the result is kept on disk."
)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One case of the parameter domain: its number and the statements for one element."""

    index: int
    suffix: str
    lines: list[str]
    returns: str


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Some quantities that are computed together, in arithmetic of one type."""

    name: str
    bits: str
    real: str
    variable: str
    value: str
    slope: str
    sums: list[str]
    results: list[str]
    kept: list[str]
    branches: list[Branch]
    wide: bool

    @property
    def arrays(self) -> list[str]:
        """The arrays that a block reads and writes, in the order of its arguments."""
        have = (("dy", bool(self.slope or self.sums)), ("v", True), ("y", bool(self.value)), ("dv", bool(self.slope)))
        return [name for name, wanted in have if wanted]


@dataclass(frozen=True, kw_only=True)
class Group:
    """What the host must know of some quantities: their constants, cases and precision."""

    name: str
    parameters: list[str]
    kept: list[str]
    constants: list[str]
    cases: list[str]
    positive: list[int]
    single: str
    outputs: str


def _literal(real: str, value: sp.Expr) -> str:
    if value in (sp.oo, -sp.oo):
        text = f"_INF{real[-2:]}"
        return text if value is sp.oo else f"-{text}"
    if value is sp.nan:
        return f"_NAN{real[-2:]}"
    number = float(sp.N(value, 40))
    if real == "float64":
        return kit.literal(number, real)
    with np.errstate(all="ignore"):
        single = float(np.float32(number))
    if not np.isfinite(single):
        return f"_INF{real[-2:]}" if single > 0 else f"-_INF{real[-2:]}"
    text = kit.literal(abs(single), real)
    return f"-_R32({text})" if single < 0 or (single == 0 and number < 0) else f"_R32({text})"


def _dialect(real: str) -> Dialect:
    bits = real[-2:]
    names = {head: f"{name}{bits}" for head, name in (*KIT.items(), *OWN.items())}
    names |= {head: f"_{name}{bits}" for head, name in MATH.items()}
    names |= {PAIR: f"_sigmoid_pair{bits}"}
    names |= {times: f"{KIT.get(head, '_sigmoid_pair')}_times{bits}" for head, times in TIMES.items()}
    return Dialect(
        target="numba",
        functions={**names, sp.sqrt: "math.sqrt", sp.Abs: "abs"},
        literal=lambda value: _literal(real, value),
        where=f"_where{bits}",
        isnan="math.isnan",
        inf=f"_INF{bits}",
        constant="{}",
    )


DIALECTS: Mapping[str, Dialect] = {real: _dialect(real) for real in ("float32", "float64")}


def _paired(case: Case) -> Case:
    """The same case with heads that share their work: sigmoid(u) beside sigmoid(-u) or the slope of u*sigmoid(u)."""
    exprs = [*(s.expr for s in case.steps), *(p for c in case.choices for p in c.parts)]
    taken = {e.args[0] for expr in exprs for e in expr.atoms(lower.raw_sigmoid)}
    beside = {e.args[0] for expr in exprs for e in expr.atoms(lower.raw_swish_slope)}
    shared = {lower.raw_sigmoid(u): PAIR(u) for u in taken if -u in taken or u in beside}
    if not shared:
        return case
    return replace(
        case,
        steps=tuple(replace(s, expr=s.expr.xreplace(shared)) for s in case.steps),
        choices=tuple(replace(c, parts=tuple(p.xreplace(shared) for p in c.parts)) for c in case.choices),
    )


def fused(case: Case) -> Case:
    """The same case with each vanishing factor and what it damps as one function; steps without use are left out."""
    case = _paired(case)
    inside = {step.symbol: step.expr for step in case.steps}

    def opened(expr: sp.Expr) -> sp.Expr:
        while expr.is_Symbol and expr in inside:
            below = inside[expr]
            if not (below.is_Symbol or below.is_Mul or below.is_Pow or below.func in TIMES):
                return expr
            expr = below
        return expr

    def factors(expr: sp.Expr) -> list[sp.Expr] | None:
        """The vanishing functions whose product an expression is; None where something else is in it."""
        expr = opened(expr)
        if expr.func in TIMES:
            return [expr]
        if expr.is_Mul or (expr.is_Pow and expr.args[1].is_Integer and 1 < expr.args[1] <= 4):
            found: list[sp.Expr] = []
            for part in expr.args if expr.is_Mul else [expr.args[0]] * int(expr.args[1]):
                more = factors(part)
                if more is None:
                    return None
                found += more
            return found
        return None

    def rewritten(expr: sp.Expr) -> sp.Expr:
        if not expr.args or expr.is_number:
            return expr
        if isinstance(expr, lower.raw_damped):
            found = factors(expr.args[0])
            if found is not None:
                out = rewritten(expr.args[1])
                for factor in found:
                    out = TIMES[factor.func](rewritten(factor.args[0]), out)
                return out
        args = [rewritten(a) for a in expr.args]
        return expr if args == list(expr.args) else expr.func(*args, evaluate=False)

    # x/d where the program has x*(1/d): the reciprocal of a subnormal d is inf, and 0*inf is NaN
    below = {s.symbol: sp.Symbol(f"d_{s.symbol}", real=True) for s in case.steps if s.expr.is_Pow and s.expr.exp == -1}
    divided = {t: sp.Pow(d, -1, evaluate=False) for t, d in below.items()}
    choices = tuple(replace(c, parts=tuple(rewritten(p).xreplace(divided) for p in c.parts)) for c in case.choices)
    steps = [
        replace(s, symbol=below[s.symbol], expr=rewritten(s.expr.base).xreplace(divided))
        if s.symbol in below
        else replace(s, expr=rewritten(s.expr).xreplace(divided))
        for s in case.steps
    ]
    needed: set[sp.Symbol] = set().union(*(p.free_symbols for c in choices for p in c.parts))
    kept = []
    for step in reversed(steps):
        if step.symbol in needed:
            kept.append(step)
            needed |= step.expr.free_symbols
    return replace(case, steps=tuple(reversed(kept)), choices=choices)


def _prepared(plan: Plan, quantities: tuple[str, ...]) -> Program:
    """The program with fused factors and without selects that its formulas do not need."""
    program = make_program(plan, quantities, with_units)
    low, high = rounding.natural(program, plan.activation)
    cases = []
    for case in program.cases:
        choices = tuple(
            replace(c, at_neg_inf=None if low else c.at_neg_inf, at_pos_inf=None if high else c.at_pos_inf)
            for c in case.choices
        )
        cases.append(fused(replace(case, choices=choices)))
    return replace(program, cases=tuple(cases))


def _lines(program: Program, case: Case, real: str) -> list[str]:
    return statements(replace(program, cases=(case,), constants=()), DIALECTS[real], indent=4)


def _branch(k: int, suffix: str, lines: list[str], count: int) -> Branch:
    """The lines without the last assignments, whose right sides are returned."""
    last = [line.split(" = ", 1) for line in lines[-count:]]
    short = sum(len(text) for _, text in last) + 2 * count < COLUMNS - 12
    kept = [f"{name} = {text}" for name, text in last if count > 1 and not (short or text.isidentifier())]
    if count == 1 and len(lines) > 1 and lines[-2].startswith(f"{last[0][1]} = "):
        return Branch(index=k, suffix=suffix, lines=lines[:-2], returns=lines[-2].split(" = ", 1)[1])
    returns = [text if count == 1 or short or text.isidentifier() else name for name, text in last]
    return Branch(index=k, suffix=suffix, lines=[*lines[:-count], *kept], returns=", ".join(returns))


def _kernel(name: str, program: Program, real: str) -> Kernel:
    several = len(program.cases) > 1
    branches = [
        _branch(k, f"_{k}" if several else "", _lines(program, case, real), len(program.quantities))
        for k, case in enumerate(program.cases)
    ]
    called = words([line for b in branches for line in (*b.lines, b.returns)])
    where = {q: f"r{k}" for k, q in enumerate(program.quantities)}
    return Kernel(
        name=name,
        bits=real[-2:],
        real=f"_R{real[-2:]}",
        variable=str(program.variable),
        value=where.get("value", ""),
        slope=where.get("slope", ""),
        sums=[r for q, r in where.items() if q not in ("value", "slope")],
        results=list(where.values()),
        kept=[s if s in called else "" for s in _kept(program)],
        branches=branches,
        wide=any(f"{name}{real[-2:]}" in called for name in kit.NEEDS),
    )


def _kept(program: Program) -> list[str]:
    return [*(str(c.symbol) for c in program.constants), *(str(p) for p in program.parameters)]


def _group(name: str, program: Program, plan: Plan) -> Group:
    dialect = DIALECTS["float64"]
    plain = make_program(plan, program.quantities, with_units)
    cases: list[str] = []
    for k, case in reversed(list(enumerate(program.cases[:-1]))):
        cases += [*condition_statements(case.condition, f"c{k}", dialect, indent=8), f"if c{k}:", f"    case = {k}"]
    return Group(
        name=name,
        parameters=[str(p) for p in program.parameters],
        kept=_kept(program),
        constants=constant_statements(program, dialect, indent=8),
        cases=[f"case = {len(program.cases) - 1}", *cases],
        positive=[k for k, c in enumerate(program.constants) if c.positive],
        single=rounding.single(plain, plan.activation, ENOUGH),
        outputs=", ".join(program.quantities),
    )


def _library(names: set[str], real: str) -> tuple[str, set[str]]:
    """The kit's text for what is called, and the rest that the template has to write."""
    bits = real[-2:]
    wanted = {name for name in kit.NEEDS if f"{name}{bits}" in names}
    return (kit.numba_source(wanted, real) if wanted else ""), {
        name for name in (*OWN.values(), "_where") if f"{name}{bits}" in names
    }


def emit(plan: Plan) -> dict[str, str]:
    """One module per function. Raises ``NoRuleError`` for a function that the target was not taught."""
    f = plan.activation
    learned = [q.name for q in plan.param_slopes]
    wanted: dict[str, tuple[str, ...]] = {"value": ("value",), "slope": ("slope",)}
    if learned:
        wanted["backward"] = all_quantities(plan)[1:]
    wanted["all"] = all_quantities(plan)
    programs = {name: _prepared(plan, quantities) for name, quantities in wanted.items()}
    groups = [_group(name, program, plan) for name, program in programs.items()]
    kernels = []
    for group, (name, program) in zip(groups, programs.items(), strict=True):
        if group.single != "never":
            kernels.append(_kernel(name, program, "float32"))
        kernels.append(_kernel(name, program, "float64"))
    called = words([line for k in kernels for b in k.branches for line in (*b.lines, b.returns)])
    called |= words([line for g in groups for line in (*g.constants, *g.cases)])
    libraries = {real[-2:]: _library(called, real) for real in DIALECTS}
    parameters = [
        {**fields, "test": fields["inside"] or "np.isfinite(value)"} for fields in map(parameter_fields, f.parameters)
    ]
    defaults = [f"{p['name']}={p['default']}" for p in parameters]
    v = outer(str(f.variable))
    text = fill(
        "code/numba/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        doc=array_docstring(
            plan, f"{f.name}: value and gradients, compiled by numba; needs numba and NumPy alone.", THREADS
        ),
        v=v,
        header=kit.HEADER,
        libraries={bits: library for bits, (library, _) in libraries.items()},
        own={bits: names for bits, (_, names) in libraries.items()},
        math={bits: sorted(n for n in MATH.values() if f"_{n}{bits}" in called) for bits in libraries},
        special={name for name in ("_INF32", "_INF64", "_NAN32", "_NAN64") if name in called},
        kernels=kernels,
        groups=groups,
        powers=rounding.POWERS,
        wide=any(k.wide for k in kernels),
        parameters=parameters,
        names=[p["name"] for p in parameters],
        given=listed([p["name"] for p in parameters]),
        learned=learned,
        learned_names=listed([f'"{outer(name)}"' for name in learned]),
        learned_indices=listed([str(k) for k, p in enumerate(f.parameters) if p.learned]),
        headers=array_signatures(v, defaults, ("forward", "grad_input", "backward", "forward_backward")),
    )
    return {f"{f.name}_numba.py": text}


target = Target(name="numba", needs="numba and NumPy", emits="NAME_numba.py", emit=emit)
