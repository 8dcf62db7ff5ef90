"""JavaScript modules: value, slope, second derivative and parameter slopes in float64, without dependencies.

``at(a, …)`` computes what depends on the parameters alone, once, and returns functions of one number; the functions
that all targets share (``forward``, ``grad_input``, …) are loops over it. Functions that JavaScript lacks are the
kit's (:mod:`kassei.codegen.kit`), in its float64 coefficients; the others are the engine's own.
"""

from __future__ import annotations

import json
import re

import sympy as sp

from kassei import __version__
from kassei.codegen import kit, lower
from kassei.codegen.bend import NAME as SECOND
from kassei.codegen.bend import with_bend
from kassei.codegen.plan import Plan, inner, outer
from kassei.codegen.printer import NoRuleError, double, negated, negative, parted
from kassei.codegen.program import Case, Choice, Program, make_program
from kassei.codegen.target import Target
from kassei.codegen.targets._notes import parameter_fields
from kassei.codegen.targets._python import paragraph, special_note
from kassei.text.templates import fill

FUNCTIONS: dict[type[sp.Basic], str] = {
    sp.exp: "Math.exp",
    sp.log: "Math.log",
    sp.sqrt: "Math.sqrt",
    sp.Pow: "Math.pow",
    sp.Abs: "Math.abs",
    sp.sin: "Math.sin",
    sp.cos: "Math.cos",
    sp.tan: "Math.tan",
    sp.atan: "Math.atan",
    sp.asin: "Math.asin",
    sp.acos: "Math.acos",
    sp.sinh: "Math.sinh",
    sp.cosh: "Math.cosh",
    sp.asinh: "Math.asinh",
    sp.acosh: "Math.acosh",
    sp.atanh: "Math.atanh",
    sp.erf: "erf",
    lower.raw_expm1: "Math.expm1",
    lower.raw_log1p: "Math.log1p",
    lower.raw_tanh: "Math.tanh",
    lower.raw_min: "Math.min",
    lower.raw_max: "Math.max",
    lower.raw_hypot: "Math.hypot",
    lower.raw_atan2: "Math.atan2",
    lower.raw_erfc: "erfc",
    lower.raw_sigmoid: "sigmoid",
    lower.raw_softplus: "softplus",
    lower.raw_sech2: "sech2",
    lower.raw_tanh_softplus: "tanhSoftplus",
    lower.raw_tanh_softplus_slope: "tanhSoftplusSlope",
    lower.raw_normal_cdf: "normalCdf",
    lower.raw_gauss: "gauss",
    lower.raw_exp_neg_square: "expNegSquare",
    lower.raw_share: "share",
    lower.raw_harmonic: "harmonic",
    lower.raw_inverse: "inverse",
    lower.raw_damped: "damped",
}
CALLS: dict[str, tuple[str, ...]] = {
    "expNegSquare": (),
    "gauss": ("expNegSquare",),
    "erfcTail": ("expNegSquare",),
    "erfc": ("erfcTail",),
    "erf": ("erfcTail",),
    "normalCdf": ("gauss",),
}
"""What the functions of the template call."""
_TAKEN = (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends"
    " false finally for function if implements import in instanceof interface let new null package private protected"
    " public return static super switch this throw true try typeof undefined var void while with yield"
    " at each forward grad_input grad_params backward forward_backward second_derivative parameter breaks slope second"
    " dy DIGEST VERSION PARAMETERS Math Number Object Array Infinity NaN"
)
RESERVED = frozenset(_TAKEN.split())
"""Names that a parameter must not have in the module: the language's own and the module's."""


def spelled(name: str) -> str:
    """The name of the variable or of a parameter in signatures."""
    name = outer(name)
    return f"{name}_" if name in RESERVED or name in FUNCTIONS.values() or name in CALLS else name


def _literal(value: sp.Expr) -> str:
    if value in (sp.oo, -sp.oo):
        return "Infinity" if value is sp.oo else "-Infinity"
    if value is sp.nan:
        return "NaN"
    text = double(value).removesuffix(".0")
    return f"({text})" if text.startswith("-") else text


COMPARED = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Eq: "===",
    sp.Ne: "!==",
}


class Printer:
    """Expressions of a program as JavaScript, parenthesised where precedence could matter."""

    def bare(self, e: sp.Expr) -> str:
        """An expression without parentheses around all of it."""
        text = self.expr(e)
        return text[1:-1] if text.startswith("(") and _closes_last(text) else text

    def expr(self, e: sp.Expr) -> str:
        """An expression. Raises ``NoRuleError`` for a function that was not taught."""
        if e.is_number:
            return _literal(e)
        if e.is_Symbol:
            return str(e)
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, lower.raw_product):
            return f"({self.expr(e.args[0])}*{self.expr(e.args[1])})"
        return self._call(e.func, ", ".join(self.bare(a) for a in e.args))

    def _call(self, head: type[sp.Basic], arguments: str) -> str:
        if head not in FUNCTIONS:
            where = "codegen/targets/javascript.py"
            raise NoRuleError(f"javascript has no rule for {head.__name__!r}; add it to `FUNCTIONS` in {where}")
        return f"{FUNCTIONS[head]}({arguments})"

    def _sum(self, e: sp.Add) -> str:
        text = self.expr(e.args[0])
        for term in e.args[1:]:
            text += f" - {self.expr(negated(term))}" if negative(term) else f" + {self.expr(term)}"
        return f"({text})"

    def _product(self, e: sp.Mul) -> str:
        number, factors = parted(e)
        top = [self.expr(base) for base, below in factors if below is None]
        bottom = [self._power(base, below) for base, below in factors if below is not None]
        if number == -1 and top:
            top[0] = f"-{top[0]}"
        elif number != 1 or not top:
            top.insert(0, _literal(number))
        return f"({'/'.join(['*'.join(top), *bottom])})"

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        if base is sp.E:
            return self._call(sp.exp, self.bare(exponent))
        if exponent.is_Integer and 1 <= exponent <= 8:
            text = self.expr(base)
            return text if exponent == 1 else f"({'*'.join([text] * int(exponent))})"
        if exponent.is_number and exponent.is_negative:
            return f"(1/{self._power(base, -exponent)})"
        if exponent == sp.Rational(1, 2):
            return self._call(sp.sqrt, self.bare(base))
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= 9:
            return f"({self._power(base, sp.Integer(exponent.p // 2))}*{self._call(sp.sqrt, self.bare(base))})"
        return self._call(sp.Pow, f"{self.bare(base)}, {self.bare(exponent)}")

    def condition(self, c: sp.Basic) -> str:
        """A Boolean in the parameters, in parentheses where it is not a word."""
        if c is sp.true or c is sp.false:
            return "true" if c is sp.true else "false"
        if isinstance(c, sp.And | sp.Or):
            return f"({(' && ' if isinstance(c, sp.And) else ' || ').join(self.condition(a) for a in c.args)})"
        if isinstance(c, sp.Not):
            return f"!{self.condition(c.args[0])}"
        for kind, sign in COMPARED.items():
            if isinstance(c, kind):
                return f"({self.expr(c.lhs)} {sign} {self.expr(c.rhs)})"
        raise NoRuleError(f"javascript has no rule for the condition {c}")


def _closes_last(text: str) -> bool:
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return k == len(text) - 1
    return False


PRINTER = Printer()


def _body(program: Program) -> list[str]:
    """Statements that return the function of the input, in the scope where the parameters are numbers."""
    lines = []
    for constant in program.constants:
        text = PRINTER.bare(constant.options[-1][1])
        for condition, value in reversed(constant.options[:-1]):
            text = f"{PRINTER.condition(condition)} ? {PRINTER.expr(value)} : {text}"
        lines.append(f"const {constant.symbol} = {f'Math.max({text}, 5e-324)' if constant.positive else text};")
    v = str(program.variable)
    for case in program.cases[:-1]:
        lines += [
            f"if {_parenthesised(PRINTER.condition(case.condition))} {{",
            *(f"  {line}" for line in _case(case, v)),
            "}",
        ]
    return lines + _case(program.cases[-1], v)


def _parenthesised(condition: str) -> str:
    return condition if condition.startswith("(") else f"({condition})"


def _case(case: Case, v: str) -> list[str]:
    (choice,) = case.choices
    early = _early(choice, v)
    steps = [f"const {step.symbol} = {PRINTER.bare(step.expr)};" for step in case.steps]
    text = _parts(choice, v)
    if not early and not steps:
        return [f"return ({v}) => {text};"]
    return [f"return ({v}) => {{", *(f"  {line}" for line in (*early, *steps, f"return {text};")), "};"]


def _early(choice: Choice, v: str) -> list[str]:
    """Inputs that are answered before anything is computed: NaN, the infinities, breaks with a value of their own."""
    lines = [] if choice.keeps_nan else [f"if ({v} !== {v}) return {v};"]
    for end, value in (("-Infinity", choice.at_neg_inf), ("Infinity", choice.at_pos_inf)):
        if value is not None:
            lines.append(f"if ({v} === {end}) return {PRINTER.bare(value)};")
    for border in choice.borders:
        if border.own is not None:
            lines.append(f"if ({v} === {PRINTER.bare(border.at)}) return {PRINTER.bare(border.own)};")
    return lines


def _parts(choice: Choice, v: str) -> str:
    text = PRINTER.bare(choice.parts[0])
    for border, part in zip(choice.borders, choice.parts[1:], strict=True):
        sign = ">=" if border.to_right else ">"
        text = f"{v} {sign} {PRINTER.expr(border.at)} ? {PRINTER.bare(part)} : {text}"
    return text


def _joints(plan: Plan) -> list[str]:
    """Statements that return the breaks of the function from left to right."""
    lines = []
    for layout in plan.value.layouts:
        result = f"return [{', '.join(PRINTER.bare(joint.at) for joint in layout.joints)}];"
        last = layout is plan.value.layouts[-1]
        lines.append(result if last else f"if {_parenthesised(PRINTER.condition(layout.condition))} {result}")
    return lines


def emit(plan: Plan) -> dict[str, str]:
    """One module per function."""
    f = plan.activation
    full = with_bend(plan)
    v = spelled(str(f.variable))
    quantities = {"value": "value", "slope": "slope", SECOND: SECOND}
    programs = {name: make_program(full, (name,)) for name in quantities}
    learned = {q.name: make_program(plan, (q.name,)) for q in plan.param_slopes}
    bodies = {name: _body(program) for name, program in (programs | learned).items()}
    joints = _joints(plan)
    words = set(re.findall(r"\w+", "\n".join(line for body in (*bodies.values(), joints) for line in body)))
    used = words & {*FUNCTIONS.values(), *CALLS}
    for name in [*used]:
        used |= _called(name)
    parameters = [
        {
            **fields,
            "name": spelled(p.name),
            "inner": inner(p.name),
            "key": p.name,
            "inside": _inside(fields["inside"], spelled(p.name)),
        }
        for p, fields in ((p, parameter_fields(p)) for p in f.parameters)
    ]
    text = fill(
        "code/javascript/activation.mjs.j2",
        version=__version__,
        name=f.name,
        digest=f.digest,
        source_lines=paragraph(f"{v} -> {f.source}", 100).splitlines(),
        v=v,
        parameters=parameters,
        names=[p["name"] for p in parameters],
        given=[
            f"{p['name']} = {_literal(q.default).strip('()')}" for p, q in zip(parameters, f.parameters, strict=True)
        ],
        learned=[{"key": name, "name": spelled(name), "lines": bodies[name]} for name in learned],
        bodies={name: bodies[name] for name in quantities},
        joints=joints,
        used=used,
        scale=json.dumps(kit.polynomial("erfc_tail", "float64").scale),
        normal_scale=json.dumps(kit.polynomial("normal_tail", "float64").scale),
        polynomials={
            name: [double(sp.Float(c, 20)) for c in kit.polynomial(name, "float64").coefficients]
            for name in ("erf", "erfc_tail", "normal_tail")
        },
        special=paragraph(special_note(plan), 100).splitlines(),
    )
    return {f"{f.name}_javascript.mjs": text}


def _called(name: str) -> set[str]:
    return {name, *(c for called in CALLS.get(name, ()) for c in _called(called))}


def _inside(test: str, name: str) -> str:
    return re.sub(r"\bvalue\b", name, test.replace(" & ", " && ")) if test else "true"


target = Target(name="javascript", needs="nothing: an ES module", emits="NAME_javascript.mjs", emit=emit)
