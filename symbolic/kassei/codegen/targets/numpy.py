"""NumPy modules: branch-free, blocked, needing NumPy alone.

Every quantity is emitted twice. ``_fast_*`` are ufunc passes over a block that stays in the cache
(:mod:`kassei.codegen.ufuncs`), in the working type; they hold between bounds, and return False for a block that leaves
them. ``_wide_*`` distinguish every case in float64 and serve such blocks, and whatever has no branch-free spelling.
float32 is computed in float32 where the rounding estimate allows it, else in float64; float16 is a table.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import sympy as sp

from kassei import __version__
from kassei.codegen import lower, rounding, ufuncs
from kassei.codegen.erfc import chebyshev_erfcx
from kassei.codegen.kit import literal, polynomial
from kassei.codegen.plan import Plan, outer
from kassei.codegen.printer import double
from kassei.codegen.program import Program, all_quantities, make_program
from kassei.codegen.statements import COLUMNS, Dialect, condition_statements, constant_statements, statements
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import infinity_note, kink_note, parameter_fields
from kassei.text.templates import fill

FUNCTIONS: dict[type[sp.Basic], str] = {
    sp.exp: "np.exp",
    sp.log: "np.log",
    sp.sqrt: "np.sqrt",
    sp.Pow: "np.power",
    sp.Abs: "np.abs",
    sp.sign: "np.sign",
    sp.tanh: "np.tanh",
    sp.erfc: "_erfc",
    sp.sin: "np.sin",
    sp.cos: "np.cos",
    sp.tan: "np.tan",
    sp.atan: "np.arctan",
    sp.asin: "np.arcsin",
    sp.acos: "np.arccos",
    sp.sinh: "np.sinh",
    sp.cosh: "np.cosh",
    sp.asinh: "np.arcsinh",
    sp.acosh: "np.arccosh",
    sp.atanh: "np.arctanh",
    sp.erf: "_erf",
    lower.raw_expm1: "np.expm1",
    lower.raw_log1p: "np.log1p",
    lower.raw_tanh: "np.tanh",
    lower.raw_max: "np.maximum",
    lower.raw_min: "np.minimum",
    lower.raw_product: "np.multiply",
    lower.raw_hypot: "np.hypot",
    lower.raw_sigmoid: "_sigmoid",
    lower.raw_softplus: "_softplus",
    lower.raw_erfc: "_erfc",
    lower.raw_sech2: "_sech2",
    lower.raw_tanh_softplus: "_tanh_softplus",
    lower.raw_tanh_softplus_slope: "_tanh_softplus_slope",
    lower.raw_normal_cdf: "_normal_cdf",
    lower.raw_gauss: "_gauss",
    lower.raw_exp_neg_square: "_exp_neg_square",
    lower.raw_share: "_share",
    lower.raw_harmonic: "_harmonic",
    lower.raw_inverse: "_inverse",
    lower.raw_damped: "_damped",
}
ENOUGH = 20.0
"""Up to this estimate float32 is computed in float32. More than in other targets: here a rounding is often counted in
numerator and denominator of the same quotient, where it cancels."""


def _literal(value: sp.Expr) -> str:
    if value in (sp.oo, -sp.oo):
        return "np.inf" if value is sp.oo else "-np.inf"
    return "np.nan" if value is sp.nan else double(value).replace("e+", "e")


DIALECT = Dialect(
    target="numpy",
    functions=FUNCTIONS,
    literal=_literal,
    where="np.where",
    isnan="np.isnan",
    inf="np.inf",
    constant="{}",
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


def _tuple(items: list[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _kernel(plan: Plan, name: str, quantities: tuple[str, ...]) -> Kernel:
    program = make_program(plan, quantities, ufuncs.spelled)
    general = make_program(plan, quantities)
    symbols = [str(s) for s in program.parameters]
    kept = [*(str(c.symbol) for c in program.constants), *symbols]
    bodies, buffers = [], 1
    for k in range(len(program.cases)):
        try:
            block = _passes(program, k, plan)
        except ufuncs.UnsupportedError:
            continue
        buffers = max(buffers, block.buffers)
        bodies.append(_body(k, block, kept, len(quantities)))
    outputs = "".join({"value": "v", "slope": "s"}.get(q, "p") for q in quantities)
    f = plan.activation
    error = rounding.bound(program, f, aligned=1.0)
    powers = error if error <= ENOUGH else rounding.bound(program, f, powers=True, aligned=1.0)
    single = "_always" if error <= ENOUGH else "_powers" if powers <= ENOUGH else "_never"
    if single == "_never" and rounding.conditioned(program, plan.activation):
        single = "_always"
    have = {b.index for b in bodies}
    names = [f"(_filled_{name}_{k}, _fast_{name}_{k})" if k in have else "None" for k in range(len(program.cases))]
    return Kernel(
        name=name,
        params=", ".join(symbols),
        wide_params=", ".join([str(program.variable), *symbols]),
        constants=[
            *constant_statements(program, DIALECT, indent=4),
            *(f"{c.symbol} = _nonzero({c.symbol})" for c in program.constants if c.positive),
        ],
        constants_tuple=_tuple(kept),
        cases=_case_lines(program),
        bodies=bodies,
        body_names=names,
        wide=statements(general, DIALECT, indent=4),
        results=_tuple([f"r{j}" for j in range(len(quantities))]),
        outputs=f'"{outputs}"',
        single=single,
        buffers=buffers,
    )


def _tail(real: str) -> dict[str, object]:
    """The kit's polynomial of the normal tail, highest power first."""
    data = polynomial("normal_tail", real)
    return {"real": real, "scale": data.scale, "coefficients": [literal(c, real) for c in data.coefficients[::-1]]}


def _passes(program: Program, k: int, plan: Plan) -> ufuncs.Block:
    case = program.cases[k]
    block = ufuncs.Block()
    writer = ufuncs.Writer(program, case, block)
    writer.write([f"y{j}" for j in range(len(program.quantities))])
    low, high, _ = rounding.natural(program, plan.activation)
    low, high = low and writer.keeps_nan and not writer.multiplied, high and not writer.multiplied
    known = {guard for operand, guard in block.guards if operand == "v"}
    extra = []
    for side, fine, reduce, relation, n in (("low", low, "minimum", ">=", 0), ("high", high, "maximum", "<=", 1)):
        if not fine and not any(g.startswith(side) for g in known):
            extra += [f"if not np.{reduce}.reduce(v, axis=None) {relation} g_finite[{n}]:", "    return False"]
    block.lines[:0] = extra
    return block


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
        if f"n{j}" in _words(text):
            lead.append(f"n{j} = t.real({value!r})".replace("e+", "e"))
    for j, symbol in enumerate(kept):
        if symbol in _words(text):
            lead.append(f"{symbol} = c[{j}]")
    for j in range(len(block.filled)):
        lead.append(f"f{j} = f[{j}]")
    for j in range(count):
        lead.append(f"y{j} = r[{j}]")
    filled = [repr(block.numbers[int(x[1:])]) if x.startswith("n") else f"c[{kept.index(x)}]" for x in block.filled]
    return Body(index=k, lines=[*lead, *block.lines], filled=_tuple(filled))


def _words(text: str) -> set[str]:
    return set("".join(ch if ch.isalnum() or ch == "_" else " " for ch in text).split())


def _case_lines(program: Program) -> list[str]:
    """The number of the case that holds; None where parameters of one array lie in several."""
    if len(program.cases) == 1:
        return ["return 0"]
    lines = []
    for k, case in enumerate(program.cases[:-1]):
        lines += condition_statements(case.condition, f"c{k}", DIALECT, indent=4)
        lines += [f"if np.all(c{k}):", f"    return {k}", f"if np.any(c{k}):", "    return None"]
    return [*lines, f"return {len(program.cases) - 1}"]


def _header(name: str, arguments: list[str]) -> list[str]:
    line = f"def {name}({', '.join(arguments)}):"
    if len(line) <= COLUMNS:
        return [line]
    inside = f"    {', '.join(arguments)}"
    if len(inside) <= COLUMNS:
        return [f"def {name}(", inside, "):"]
    return [f"def {name}(", *(f"    {a}," for a in arguments), "):"]


def _doc(plan: Plan) -> str:
    f = plan.activation
    paragraphs = [
        f"{f.name}: value and gradients, vectorised; needs NumPy alone.",
        f"{outer(str(f.variable))} -> {f.source}",
        "Inputs are float16, float32 or float64 arrays of any shape and stride; the result has the shape and dtype of"
        f" the input. NaN stays NaN. Infinite inputs: {infinity_note(plan)}. At a break of the slope:"
        f" {kink_note(plan)}."
        " A zero may lose its sign.",
    ]
    if f.parameters:
        paragraphs.append(
            "A parameter is a number (shared by the layer), an array that broadcasts against the input, or, with"
            " ``axis``, a one-dimensional array that lies along that axis (one value per channel)."
        )
        paragraphs += [f"``{outer(p.name)}``: {p.domain}, default {double(p.default)}." for p in f.parameters]
    wrapped = [textwrap.fill(p, COLUMNS, break_long_words=False, break_on_hyphens=False) for p in paragraphs]
    return "\n\n".join(wrapped).replace("\\", "\\\\")


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
    tail = ["*", "axis=None"]
    text = fill(
        "code/numpy/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        doc=_doc(plan),
        v=v,
        kernels=kernels,
        parameters=parameters,
        signature=", ".join([*names, "shape", "axis"]),
        call=", ".join([*names, "*_channels(inputs.shape, axis)"]),
        given="{" + ", ".join(f'"{outer(n)}": {outer(n)}' for n in learned) + "}",
        learned=learned,
        learned_indices=_tuple([str(k) for k, p in enumerate(f.parameters) if p.learned]),
        headers={
            "forward": _header("forward", [v, *defaults, *tail, "out=None"]),
            "grad_input": _header("grad_input", ["dy", v, *defaults, *tail, "out=None"]),
            "grad_params": _header("grad_params", ["dy", v, *defaults, *tail]),
            "backward": _header("backward", ["dy", v, *defaults, *tail]),
            "forward_backward": _header("forward_backward", ["dy", v, *defaults, *tail]),
        },
        used=sorted(used),
        tail=[_tail(real) for real in ("float32", "float64")] if "_NORMAL_TAIL[" in fast else [],
        erfcx=[double(c).replace("e+", "e") for c in chebyshev_erfcx()] if {"_erfc", "_normal_cdf"} & used else [],
        bounds={
            name: str(pair).replace("e+", "e") for name, pair in ufuncs.BOUNDS.items() if f"_{name.upper()}[" in fast
        },
    )
    return {f"{f.name}.py": text}


target = Target(name="numpy", needs="NumPy", emits="NAME.py", emit=emit)
