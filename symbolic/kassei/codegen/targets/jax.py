"""JAX modules: one function with ``jax.custom_vjp`` per definition, and the array interface of the other targets.

Value and gradients are emitted in their stable forms; JAX differentiates neither. What a type is computed in is chosen
here, per program, from its rounding bound: float32 arithmetic where that is enough, float64 elsewhere. Float64 needs
no ``jax_enable_x64``: ``jax.enable_x64(True)`` around the emitted arithmetic is a property of the trace, and works
under jit, vmap and grad (seen with JAX 0.10.2).
"""

from __future__ import annotations

import sympy as sp

from kassei import __version__
from kassei.codegen import lower
from kassei.codegen.plan import Plan, inner, outer
from kassei.codegen.program import SINGLE, Program, all_quantities, make_program
from kassei.codegen.statements import COLUMNS, Dialect, statements
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import parameter_fields
from kassei.codegen.targets._python import NUMPY, OWN, literal, paragraph, signature, special_note
from kassei.text.templates import fill

FUNCTIONS: dict[type[sp.Basic], str] = {
    **{head: name.replace("np.", "jnp.") for head, name in NUMPY.items() if head not in (sp.sign, lower.raw_product)},
    **OWN,
    sp.erf: "jax.lax.erf",
    lower.raw_erfc: "jax.lax.erfc",
}
LOSSY: frozenset[type[sp.Basic]] = frozenset(
    {
        *(sp.sinh, sp.cosh, sp.Pow, sp.acosh, sp.atanh, sp.asin, sp.acos, sp.tan),
        *(lower.raw_erfc, lower.raw_normal_cdf, lower.raw_gauss, lower.raw_exp_neg_square, lower.raw_hypot),
        lower.raw_atan2,
        lower.raw_damped,
    }
)
"""Functions that float32 is not computed in float32 with.

XLA's float32 functions were measured on the CPU against float64 (JAX 0.10.2, 5 million inputs): exp 4.8 ulp, expm1 5.5,
tanh 4.7, erf 5.4, log1p 2.5, log 1.1, sin and cos 0.6, but sinh and cosh 24 and erfc 66. The functions of a square lose
as many bits as the square has above 1. ``raw_damped`` is there because XLA flushes subnormal numbers to 0 on the CPU,
and a factor that is subnormal may belong to a product that is not (SiLU at -88).
"""


DIALECT = Dialect(
    target="jax",
    functions=FUNCTIONS,
    literal=literal("jnp"),
    where="jnp.where",
    isnan="jnp.isnan",
    inf="jnp.inf",
    constant="jnp.asarray({}, dtype=real)",
    positive="jnp.maximum({}, jnp.finfo(real).tiny)",
)
INDENT = 8


def working_types(program: Program) -> dict[str, str]:
    """The type that results of each dtype are computed in."""
    half, brain = ("float32" if program.in_single(dtype) else "float64" for dtype in ("float16", "bfloat16"))
    brain = "float64" if lower.raw_damped in program.heads else brain  # it has the exponents of float32
    single = "float32" if program.error <= SINGLE and not program.heads & LOSSY else "float64"
    return {"float16": half, "bfloat16": brain, "float32": single, "float64": "float64"}


def precision_note(types: dict[str, dict[str, str]]) -> str:
    """What float32 results are computed in, and why."""
    wide = [name for name, chosen in types.items() if chosen["float32"] == "float64"]
    names = {"value": "the value", "slopes": "gradients"}
    if not wide:
        note = "float32 is computed in float32"
    else:
        both = " and ".join(names[name] for name in wide)
        note = f"For float32, {both} {'are' if len(wide) > 1 or wide == ['slopes'] else 'is'} computed in float64"
        note += ", which works with or without jax_enable_x64, because float32 arithmetic would lose digits"
    half, brain = types["value"]["float16"], types["value"]["bfloat16"]
    small = f"16-bit types are computed in {half}"
    if half != brain:
        small = f"Values of float16 are computed in {half}, of bfloat16 in {brain}"
    return (
        f"{note}. {small}. XLA flushes subnormal numbers to 0 on"
        " the CPU; its float32 functions err by up to 6 units in the last place there."
    )


def body(program: Program, key: str, plan: Plan) -> list[str]:
    """The statements of one program, from its arguments to ``r0``, ``r1``, …; NaN for parameters outside."""
    v = plan.activation.variable
    lines = [f"real = _{key.upper()}_IN[{outer(str(v))}.dtype.name]", f"{inner(str(v))} = {outer(str(v))}.astype(real)"]
    lines += [f'{inner(p.name)} = {outer(p.name)}.astype("float64")' for p in plan.activation.parameters]
    lines += statements(program, DIALECT, indent=INDENT)
    for p in plan.activation.parameters:
        inside = parameter_fields(p)["inside"].replace("value", inner(p.name))
        if inside:
            lines.append(f"inside = {inside}")
            lines += [f"r{k} = jnp.where(inside, r{k}, jnp.nan)" for k in range(len(program.quantities))]
    return lines


def emit(plan: Plan) -> dict[str, str]:
    """One module per function."""
    f = plan.activation
    v = outer(str(f.variable))
    learned = [outer(q.name) for q in plan.param_slopes]
    programs = {"value": make_program(plan, ("value",)), "slopes": make_program(plan, all_quantities(plan)[1:])}
    lines = {key: body(program, key, plan) for key, program in programs.items()}
    types = {key: working_types(program) for key, program in programs.items()}
    text_of_all = "\n".join(line for part in lines.values() for line in part)
    used = {name for name in FUNCTIONS.values() if name.startswith("_") and f"{name}(" in text_of_all}
    parameters = [parameter_fields(p) for p in f.parameters]
    for fields in parameters:
        fields["inside"] = fields["inside"] or "np.isfinite(value)"
    given = [v, *(f"{p['name']}={p['default']}" for p in parameters), "*", "axis=None"]
    publics = {
        f.name: given,
        "forward": given,
        **{name: ["dy", *given] for name in ("grad_input", "grad_params", "backward", "forward_backward")},
    }
    pulled = {name: f"g{k}" for k, name in enumerate(learned)}
    text = fill(
        "code/jax/activation.py.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        source_lines=paragraph(f"{v} -> {f.source}", COLUMNS - 2).splitlines(),
        v=v,
        parameters=parameters,
        learned=learned,
        pulled=list(pulled.values()),
        returned=[pulled.get(p["name"], "None") for p in parameters],
        signatures={name: signature(name, arguments) for name, arguments in publics.items()},
        publics=sorted(["DIGEST", *publics]),
        lines=lines,
        types=types,
        used=sorted(used),
        title=f"{f.name}: value and gradients for JAX; needs JAX alone.",
        summary=paragraph(
            f"``{f.name}({', '.join([v, *(p['name'] for p in parameters)])})`` works under jit, vmap, grad and"
            " value_and_grad, for float16, bfloat16, float32 and float64 arrays of any shape; the result has the shape"
            " and dtype of the input. Its gradients are emitted in stable forms of their own (``jax.custom_vjp``)."
            " Reverse mode may be repeated: it then differentiates those forms. Forward mode (jvp, jacfwd, hessian) is"
            " refused by JAX with a TypeError."
        ),
        ranges=[
            paragraph(
                f"``{p['name']}``: {p['domain']}, default {p['default']}"
                f"{'' if p['name'] in learned else '; not learned, so its gradient is 0'}."
            )
            for p in parameters
        ],
        special=paragraph(special_note(plan)),
        precision=paragraph(precision_note(types)),
    )
    return {f"{f.name}_jax.py": text}


target = Target(name="jax", needs="JAX", emits="NAME_jax.py", emit=emit)
