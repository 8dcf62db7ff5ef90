"""NumPy modules: branch-free, blocked, needing NumPy alone.

Every quantity is emitted twice. ``_fast_*`` are ufunc passes over a block that stays in the cache
(:mod:`kassei.codegen.ufuncs`), in the working type; they hold between bounds, and return False for a block that leaves
them. ``_wide_*`` distinguish every case in float64 and serve such blocks, and whatever has no branch-free spelling.
float32 is computed in float32 where the rounding estimate allows it, else in float64; float16 is a table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from kassei import __version__
from kassei.codegen import lower, rounding, ufuncs
from kassei.codegen.erfc import chebyshev_erfcx
from kassei.codegen.kit import literal as digits
from kassei.codegen.kit import polynomial
from kassei.codegen.plan import Plan, outer
from kassei.codegen.program import Case, Program, all_quantities, make_program
from kassei.codegen.statements import Dialect, condition_statements, constant_statements, statements
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import parameter_fields
from kassei.codegen.targets._python import (
    NUMPY,
    OWN,
    array_docstring,
    array_signatures,
    decimal,
    listed,
    literal,
    words,
)
from kassei.text.templates import fill

FUNCTIONS: dict[type[sp.Basic], str] = {
    **NUMPY,
    **OWN,
    sp.tanh: "np.tanh",
    sp.erf: "_erf",
    sp.erfc: "_erfc",
    lower.raw_erfc: "_erfc",
}
ENOUGH = 20.0
"""Up to this estimate float32 is computed in float32. More than in other targets: here a rounding is often counted in
numerator and denominator of the same quotient, where it cancels."""


DIALECT = Dialect(
    target="numpy",
    functions=FUNCTIONS,
    literal=literal("np"),
    where="np.where",
    isnan="np.isnan",
    inf="np.inf",
    constant="{}",
    positive="np.maximum({}, 5e-324)",
)


@dataclass(frozen=True, kw_only=True)
class Body:
    """The branch-free text of one case."""

    index: int
    lines: list[str]
    filled: str


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Some quantities computed together, as text."""

    name: str
    params: str
    wide_params: str
    constants: list[str]
    constants_tuple: str
    cases: list[str]
    bodies: list[Body]
    body_names: list[str]
    wide: list[str]
    results: str
    outputs: str
    single: str
    buffers: int


def _kernel(plan: Plan, name: str, quantities: tuple[str, ...]) -> Kernel:
    program = make_program(plan, quantities, ufuncs.spelled)
    general = make_program(plan, quantities)
    symbols = [str(s) for s in program.parameters]
    kept = [*(str(c.symbol) for c in program.constants), *symbols]
    bodies, buffers = [], 1
    flags: list[str] = []
    for k in range(len(program.cases)):
        try:
            block = _passes(program, k, plan, flags)
        except ufuncs.UnsupportedError:
            continue
        buffers = max(buffers, block.buffers)
        bodies.append(_body(k, block, [*kept, *(f"w{j}" for j in range(len(flags)))], len(quantities)))
    outputs = "".join({"value": "v", "slope": "s"}.get(q, "p") for q in quantities)
    f = plan.activation
    single = rounding.single(program, f, ENOUGH)
    if single == "never" and rounding.conditioned(program, f):
        single = "always"
    have = {b.index for b in bodies}
    names = [f"(_filled_{name}_{k}, _fast_{name}_{k})" if k in have else "None" for k in range(len(program.cases))]
    return Kernel(
        name=name,
        params=", ".join(symbols),
        wide_params=", ".join([str(program.variable), *symbols]),
        constants=[
            *constant_statements(program, replace(DIALECT, positive="{}"), indent=4),
            *(f"{c.symbol} = _nonzero({c.symbol})" for c in program.constants if c.positive),
            *(f"w{j} = float({flag})" for j, flag in enumerate(flags)),
        ],
        constants_tuple=listed([*kept, *(f"w{j}" for j in range(len(flags)))]),
        cases=_case_lines(program),
        bodies=bodies,
        body_names=names,
        wide=statements(general, DIALECT, indent=4),
        results=listed([f"r{j}" for j in range(len(quantities))]),
        outputs=f'"{outputs}"',
        single=f"_{single}",
        buffers=buffers,
    )


def _tail(real: str) -> dict[str, object]:
    """The kit's polynomial of the normal tail, highest power first."""
    data = polynomial("normal_tail", real)
    return {"real": real, "scale": data.scale, "coefficients": [digits(c, real) for c in data.coefficients[::-1]]}


def _passes(program: Program, k: int, plan: Plan, flags: list[str]) -> ufuncs.Block:
    """The passes of one case; ``flags`` collects what is asked of the constants once, before any block."""
    case = program.cases[k]
    block = ufuncs.Block()
    writer = ufuncs.Writer(program, case, block)
    writer.write([f"y{j}" for j in range(len(program.quantities))])
    low, high = rounding.natural(program, plan.activation)
    low, high = low and writer.keeps_nan and not writer.multiplied, high and not writer.multiplied
    out_low, out_high = rounding.kept_out(program, plan.activation)
    low, high = low or out_low, high or out_high
    known = {guard for operand, guard, _ in block.guards if operand == "v"}
    extra = []
    for side, fine, reduce, relation, n in (("low", low, "minimum", ">=", 0), ("high", high, "maximum", "<=", 1)):
        if not fine and not any(g.startswith(side) for g in known):
            extra += [f"if not np.{reduce}.reduce(v, axis=None) {relation} g_finite[{n}]:", "    return False"]
    shorter = [] if len(case.choices) > 1 else ufuncs.shortcuts(case.choices[0], case, program)
    free = [line for s in shorter if s.free for line in _shorter(s, program, case, block, flags)]
    bound = [line for s in shorter if not s.free for line in _shorter(s, program, case, block, flags)]
    block.lines[:0] = [*free, *extra, *bound]
    return block


def _shorter(
    shortcut: ufuncs.Shortcut, program: Program, case: Case, whole: ufuncs.Block, flags: list[str]
) -> list[str]:
    """The passes of a shortcut, behind a flag that says whether they are all there is to do."""
    block = ufuncs.Block(numbers=whole.numbers, filled=whole.filled)
    choice = replace(case.choices[0], parts=(shortcut.value,), borders=())
    ufuncs.Writer(program, replace(case, choices=(choice,)), block).write(["y0"])
    whole.buffers = max(whole.buffers, block.buffers)
    flags.append(" and ".join(f"np.all({condition})" for condition in shortcut.when))
    return [f"if w{len(flags) - 1}:", *(f"    {line}" for line in [*block.lines, "return True"])]


def _body(k: int, block: ufuncs.Block, kept: list[str], count: int) -> Body:
    text = "\n".join(block.lines)
    lead = []
    for name in ufuncs.BOUNDS:
        if f"g_{name}[" in text:
            lead.append(f"g_{name} = _{name.upper()}[t.side]")
    if ".view(i)" in text:
        lead.append("i = t.i")
    if ", s, out=" in text:
        lead.append("s = t.s")
    if ", h, out=" in text:
        lead.append("h = t.h")
    for j, value in enumerate(block.numbers):
        if f"n{j}" in words(text):
            lead.append(f"n{j} = t.real({value!r})".replace("e+", "e"))
    for j, symbol in enumerate(kept):
        if symbol in words(text):
            lead.append(f"{symbol} = c[{j}]")
    for j in range(len(block.filled)):
        lead.append(f"f{j} = f[{j}]")
    for j in range(count):
        lead.append(f"y{j} = r[{j}]")
    filled = [repr(block.numbers[int(x[1:])]) if x.startswith("n") else f"c[{kept.index(x)}]" for x in block.filled]
    return Body(index=k, lines=[*lead, *block.lines], filled=listed(filled))


def _case_lines(program: Program) -> list[str]:
    """The number of the case that holds; None where parameters of one array lie in several."""
    if len(program.cases) == 1:
        return ["return 0"]
    lines = []
    for k, case in enumerate(program.cases[:-1]):
        lines += condition_statements(case.condition, f"c{k}", DIALECT, indent=4)
        lines += [f"if np.all(c{k}):", f"    return {k}", f"if np.any(c{k}):", "    return None"]
    return [*lines, f"return {len(program.cases) - 1}"]


def emit(plan: Plan) -> dict[str, str]:
    """One module per function."""
    f = plan.activation
    learned = [q.name for q in plan.param_slopes]
    wanted: dict[str, tuple[str, ...]] = {"value": ("value",), "slope": ("slope",), "all": all_quantities(plan)}
    if learned:
        wanted["backward"] = all_quantities(plan)[1:]
    kernels = [_kernel(plan, name, quantities) for name, quantities in wanted.items()]
    text_of_all = "\n".join(line for k in kernels for line in k.wide)
    used = {name for name in FUNCTIONS.values() if name.startswith("_") and f"{name}(" in text_of_all}
    if "_erf" in used:
        used.add("_erfc")
    fast = "\n".join(line for k in kernels for b in k.bodies for line in b.lines)
    parameters = [parameter_fields(p) for p in f.parameters]
    names = [p["name"] for p in parameters]
    defaults = [f"{p['name']}={p['default']}" for p in parameters]
    v = outer(str(f.variable))
    text = fill(
        "code/numpy/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        doc=array_docstring(plan, f"{f.name}: value and gradients, vectorised; needs NumPy alone."),
        v=v,
        kernels=kernels,
        parameters=parameters,
        signature=", ".join([*names, "shape", "axis"]),
        call=", ".join([*names, "*_channels(inputs.shape, axis)"]),
        given="{" + ", ".join(f'"{outer(n)}": {outer(n)}' for n in learned) + "}",
        learned=learned,
        learned_indices=listed([str(k) for k, p in enumerate(f.parameters) if p.learned]),
        headers=array_signatures(v, defaults, ("forward", "grad_input", "backward", "forward_backward")),
        used=sorted(used),
        powers=rounding.POWERS,
        tail=[_tail(real) for real in ("float32", "float64")] if "_NORMAL_TAIL[" in fast else [],
        erfcx=[decimal(c) for c in chebyshev_erfcx()] if {"_erfc", "_normal_cdf"} & used else [],
        bounds={
            name: str(pair).replace("e+", "e") for name, pair in ufuncs.BOUNDS.items() if f"_{name.upper()}[" in fast
        },
    )
    return {f"{f.name}.py": text}


target = Target(name="numpy", needs="NumPy", emits="NAME.py", emit=emit)
