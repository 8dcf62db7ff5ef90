"""PyTorch modules: an ``autograd.Function`` and an ``nn.Module`` over the kernels of the numba and cuda targets.

One emission gives three files: ``NAME_torch.py`` imports ``NAME_numba.py`` on the CPU and ``NAME_cuda.py`` on the GPU,
each when it is first needed. Kernels stay in the files of their own targets, so there is one text of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from kassei import __version__, codegen
from kassei.codegen.plan import Plan, inner, outer
from kassei.codegen.printer import double
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import parameter_fields
from kassei.codegen.targets._python import decimal, listed, paragraph, signature, special_note
from kassei.core.activation import Parameter
from kassei.text.templates import fill

SIBLINGS = ("numba", "cuda")
"""The targets whose modules are imported by the emitted one."""
MARGIN = 1e-3
"""How far inside an open end of its domain ``project_`` puts a parameter."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The closed range that a learned parameter is kept in."""

    low: sp.Expr
    high: sp.Expr

    @property
    def text(self) -> str:
        """A Python tuple."""
        return f"({_number(self.low)}, {_number(self.high)})"


def _number(value: sp.Expr) -> str:
    if value in (sp.oo, -sp.oo):
        return 'float("inf")' if value is sp.oo else '-float("inf")'
    return decimal(value)


def class_name(name: str) -> str:
    """The name of the module class: ``gelu_tanh`` is ``GeluTanh``."""
    return "".join(word.capitalize() for word in name.split("_"))


def pole_free(plan: Plan) -> dict[str, sp.Set]:
    """For a function that is undefined somewhere for some parameters: where each learned one alone may go.

    Only conditions in one parameter are read; a condition that joins several leaves them alone.
    """
    bad = sp.Or(
        *(
            layout.condition
            for layout in plan.value.layouts
            if any(j.own is sp.nan for j in layout.joints) or any(b.expr is sp.nan for b in layout.branches)
        )
    )
    symbols = bad.free_symbols
    if len(symbols) != 1:
        return {}
    (symbol,) = symbols
    names = {inner(p.name): p.name for p in plan.activation.learned}
    return {names[symbol.name]: sp.Not(bad).as_set()} if symbol.name in names else {}


def ends(p: Parameter, free: sp.Set) -> Ends | None:
    """The range of a parameter, its declared domain and the pole-free set together; open ends are moved inwards."""
    domain = sp.Interval(p.domain.lo, p.domain.hi, not p.domain.lo_closed, not p.domain.hi_closed)
    both = domain.intersect(free)
    if not isinstance(both, sp.Interval) or both == sp.S.Reals:
        return None
    margin = sp.Float(MARGIN)
    low = both.start + margin if both.left_open and both.start != -sp.oo else both.start
    high = both.end - margin if both.right_open and both.end != sp.oo else both.end
    return Ends(low=low, high=high)


def emit(plan: Plan) -> dict[str, str]:
    """The module, and those of the kernels."""
    f = plan.activation
    v = outer(str(f.variable))
    parameters = [parameter_fields(p) for p in f.parameters]
    learned = [outer(p.name) for p in f.learned]
    names = [p["name"] for p in parameters]
    defaults = [f"{p['name']}={p['default']}" for p in parameters]
    free = pole_free(plan)
    found = {outer(p.name): ends(p, free.get(p.name, sp.S.Reals)) for p in f.learned}
    bounds = {name: e for name, e in found.items() if e is not None}
    cls = class_name(f.name)
    slots = [2 + names.index(n) for n in learned]
    text = fill(
        "code/torch/activation.py.j2",
        version=__version__,
        name=f.name,
        class_name=cls,
        digest=f.digest,
        source_lines=paragraph(f"{v} -> {f.source}", 86).splitlines(),
        title=f"{f.name} for PyTorch: a function, an autograd.Function and an nn.Module.",
        summary=paragraph(
            f"It needs PyTorch and, beside this file, {f.name}_numba.py (numba) for tensors on the CPU and"
            f" {f.name}_cuda.py (CuPy) for tensors on an NVIDIA GPU, which run on torch's stream and in torch's memory."
            " The kernels are operators of torch.library, so torch.compile keeps them whole (fullgraph=True)."
        ),
        special=paragraph(special_note(plan)),
        ranges=[
            paragraph(
                f"``{p['name']}``: {p['domain']}, default {p['default']}"
                f"{'' if p['name'] in learned else '; not learned, no gradient'}."
            )
            for p in parameters
        ],
        pole=_pole(free, cls),
        v=v,
        parameters=parameters,
        learned=learned,
        publics=["DIGEST", cls, f"{cls}Function", f.name],  # as ruff sorts: constants, classes, functions
        bounds={name: e.text for name, e in bounds.items()},
        gradient_slots=listed([0, *slots]),
        learned_slots=listed(slots),
        signature=signature(f.name, [v, *defaults, *(["*", "axis=None"] if names else [])]),
        init_signature=_init(names, learned, defaults),
        module_summary=f"{cls}: {f.name} as a layer.",
        module_doc=_module_doc(names, learned, bounds, bool(free)),
        extra_repr=_extra_repr(names, learned),
    )
    kernels = [codegen.emit(f, name) for name in SIBLINGS]
    return {f"{f.name}_torch.py": text, **{file: body for files in kernels for file, body in files.items()}}


def _pole(free: dict[str, sp.Set], cls: str) -> dict[str, str] | None:
    if not free:
        return None
    ((name, kept),) = free.items()
    return {
        "note": paragraph(
            f"Outside {name} in {_set(kept)} the function has a pole. ``{cls}`` refuses such values with a ValueError"
            " (not under torch.compile, which reads no values); ``project_`` moves them back after a step. The function"
            " itself takes every value of the domain, as its definition does."
        )
    }


def _set(kept: sp.Set) -> str:
    if isinstance(kept, sp.Interval):
        left, right = "(" if kept.left_open else "[", ")" if kept.right_open else "]"
        return f"{left}{kept.start}, {kept.end}{right}"
    return str(kept)


def _range(name: str, e: Ends) -> str:
    low, high = ("-inf" if e.low == -sp.oo else double(e.low)), ("inf" if e.high == sp.oo else double(e.high))
    return f"{name} in [{low}, {high}]"


def _init(names: list[str], learned: list[str], defaults: list[str]) -> list[str]:
    if not names:
        return []
    arguments = ["self", *(["num_parameters=1"] if learned else []), *defaults]
    if learned:
        arguments += ["*", "channel_dim=1", "device=None", "dtype=None"]
    line = f"def __init__({', '.join(arguments)}):"
    if len(line) + 4 <= 88:
        return [line]
    return ["def __init__(", *(f"    {a}," for a in arguments), "):"]


def _module_doc(names: list[str], learned: list[str], bounds: dict[str, Ends], pole: bool) -> list[str]:
    """What the class docstring says after its first line."""
    if not names:
        return []
    out = []
    if learned:
        out += _wrapped(
            f"``num_parameters`` is 1 (one value of {' and '.join(learned)} shared by the layer) or the number of"
            " channels along ``channel_dim``. Other arguments are where learned parameters start, and what the others"
            " are."
        )
    if bounds:
        what = "range without a pole" if pole else "domain"
        out += _wrapped(
            f"Training may carry a parameter out of its {what}; that raises ValueError. ``project_``, called after each"
            f" step, keeps {' and '.join(_range(name, e) for name, e in bounds.items())}."
        )
    return out


def _wrapped(text: str) -> list[str]:
    return ["", *paragraph(text, 84).splitlines()]


def _extra_repr(names: list[str], learned: list[str]) -> str:
    if learned:
        fixed = "".join(f", {n}={{self.{n}}}" for n in names if n not in learned)
        return f'f"num_parameters={{self.num_parameters}}{fixed}"'
    return 'f"' + ", ".join(f"{n}={{self.{n}}}" for n in names) + '"'


target = Target(
    name="torch",
    needs="PyTorch, numba; CuPy for tensors on an NVIDIA GPU",
    emits="NAME_torch.py, NAME_numba.py, NAME_cuda.py",
    emit=emit,
)
