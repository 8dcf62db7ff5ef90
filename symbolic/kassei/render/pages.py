"""Pages as plain Markdown with HTML blocks: one dossier in, one page out, in either language."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from markupsafe import Markup, escape

from kassei import cache
from kassei.atlas import Entry, Readings
from kassei.claims.ledger import sources, subjects
from kassei.codegen import emit, known_targets
from kassei.core import certificate
from kassei.core.activation import Activation
from kassei.core.document import number
from kassei.core.dossier import Dossier
from kassei.core.enclose import RootConstant
from kassei.core.verdict import Step, Verdict
from kassei.library import out_of_scope
from kassei.render import plots
from kassei.text.latex import latex, mathml
from kassei.text.resources import resource
from kassei.text.templates import fill
from kassei.text.words import Words

Page = tuple[str, str]
BADGE = {
    "proved": "proved",
    "refuted": "refuted",
    "conditional": "conditional",
    "unknown": "unknown",
    "holds": "holds",
    "fails": "fails",
}
LABEL = {"unknown": "undecided"}
REQUIREMENTS = ("R1", "R2", "R3")
DEPTHS = (1, 5, 10, 50, 100)
FEATURED = "exponential"
RELATIVES = "<!-- relatives -->"
"""Where a function's page takes in its relatives, which are known when all functions are."""


class Writer:
    """Words, mathematics and verdicts of one language as HTML."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.words = Words(lang)

    def __call__(self, key: str, **facts: Any) -> str:
        """A phrase of the pages, as text."""
        return self.words(f"pages.{key}", **facts)

    def name(self, key: str) -> str:
        """A property or requirement in words."""
        return self.words(f"properties.{key}")

    def math(self, value: Any, *, display: bool = False) -> Markup:
        """A formula as MathML; text that is no formula is escaped."""
        if isinstance(value, str):
            return Markup(f"<span>{escape(value)}</span>")
        return Markup(mathml(latex(value, self.lang), display=display))

    def sentence(self, step: Step) -> Markup:
        """A step of an argument with its formulas as MathML."""
        template = self.words.templates.get(f"steps.{step.key}") or self.words.source[f"steps.{step.key}"]
        facts = {name: self.fact(fact) for name, fact in step.facts.items()}
        parts = re.split(r"\{(\w+)\}", template)
        return Markup("").join(facts[p] if k % 2 else escape(p) for k, p in enumerate(parts))

    def fact(self, fact: Any) -> Markup:
        """One filled-in value: a formula, a nested sentence, a list of signs or points."""
        if isinstance(fact, Step):
            return Markup(str(self.sentence(fact)).rstrip(".。"))
        if isinstance(fact, tuple | list):
            shown = [self.fact(x) for x in fact]
            return Markup(", ").join(shown)
        if isinstance(fact, int) and not isinstance(fact, bool):
            return Markup({-1: "−", 0: "0", 1: "+"}.get(fact, str(fact)))
        if isinstance(fact, sp.Basic):
            return self.math(fact)
        if fact is None:
            return escape(self("none"))
        return escape(str(fact))

    def badge(self, truth: str) -> Markup:
        """A verdict as a coloured word."""
        return Markup(f'<span class="badge {BADGE[truth]}">{escape(self(LABEL.get(truth, truth)))}</span>')

    def verdict(self, v: Verdict) -> Markup:
        """Badge, condition, witness, value and, folded, the argument."""
        out = [self.badge(v.truth)]
        if v.condition is not None:
            out.append(Markup(f" {escape(self('condition'))} {self.math(v.condition)}"))
        if v.value is not None:
            out.append(Markup(" ") + self.value(v.value))
        if v.witness:
            out.append(
                Markup(f'<br><span class="small">{escape(self("witness"))}: {escape(self.witness(v.witness))}</span>')
            )
        if v.steps:
            items = "".join(f"<li>{self.sentence(s)}</li>" for s in v.steps)
            heading = f"{escape(self('show_evidence'))}: {escape(self.words(f'methods.{v.method}'))}"
            out.append(Markup(f'<details class="why"><summary>{heading}</summary><ol>{items}</ol></details>'))
        return Markup("").join(out)

    def witness(self, witness: Mapping[str, Any]) -> str:
        """Exact points and parameter values."""
        parts = []
        for key, value in witness.items():
            if isinstance(value, Mapping):
                parts += [f"{k} = {x}" for k, x in value.items()]
            elif key == "points":
                parts.append("v = " + ", ".join(map(str, value)))
            elif key in ("at", "undefined_at"):
                parts.append("v = " + (", ".join(map(str, value)) if isinstance(value, list) else str(value)))
            elif key in ("left", "right", "value"):
                parts.append(f"{self(key)} {value}")
            elif key in ("affine", "polynomial"):
                parts.append(f"f(v) = {value}")
            elif key == "slope":
                parts.append(f"f′(v) = {value}")
        return ", ".join(parts)

    def value(self, value: Any) -> Markup:
        """What a property is: a SymPy spelling, a list by cases, an enclosure, a list of points."""
        if isinstance(value, list) and value and isinstance(value[0], Mapping) and "when" in value[0]:
            rows = [
                f"<li>{self.value(row['value'])} {escape(self('when'))} {self.math(row['when'])}</li>" for row in value
            ]
            return Markup(f"<ul>{''.join(rows)}</ul>")
        if isinstance(value, list):
            return Markup(", ").join(self.value(x) for x in value) if value else escape(self("none"))
        if isinstance(value, Mapping):
            return self.parts(value)
        return escape(self("none")) if value == "none" else self.spelled(value)

    def parts(self, value: Mapping[str, Any]) -> Markup:
        """A value that has parts: one for each side, a level that is reached or not, an interval at a kink."""
        if "neg_inf" in value:
            return self.phrase("sides", neg=self.value(value["neg_inf"]), pos=self.value(value["pos_inf"]))
        if "gain" in value:
            return self.phrase("moments", **{key: self.value(one) for key, one in value.items()})
        if "exists" in value:
            key = "inverse_none" if not value["exists"] else "inverse_no_formula"
            known = value.get("expr") is not None
            shown = {part: self.value(one) for part, one in value.items() if part != "exists"} if known else {}
            return self.phrase("inverse" if known else key, **shown)
        if "elementary" in value:
            return self.phrase("antiderivative_none")
        if "kind" in value:
            name = "subgradient" if "at" in value else "saturation"
            shown = {key: self.value(one) for key, one in value.items() if key not in ("kind", "from")}
            return self.phrase(f"{name}_{value['kind']}", start=self.value(value.get("from", "none")), **shown)
        return self.enclosure(value)

    def phrase(self, key: str, **shown: Markup) -> Markup:
        """A template of the values' words, filled with what is typeset already."""
        template = self.words.templates.get(f"cli_value.{key}") or self.words.source[f"cli_value.{key}"]
        parts = re.split(r"\{(\w+)\}", template.replace("-oo", "−∞").replace("oo", "∞"))
        return Markup("").join(shown[p] if k % 2 else escape(p) for k, p in enumerate(parts))

    def spelled(self, text: Any) -> Markup:
        """One of our own SymPy spellings as mathematics."""
        if isinstance(text, sp.Basic):
            return self.math(text)
        if text == "discontinuous":
            return escape(self("discontinuous"))
        names = set(re.findall(r"[A-Za-z_]\w*", str(text)))
        from kassei.render.spelling import NAMES, read

        table = {n: sp.Symbol(n, real=True) for n in names if n not in NAMES}
        try:
            return self.math(read(str(text), table))
        except (ValueError, SyntaxError):  # a spelling that is no expression, such as "root of …"
            return Markup("<code>{}</code>").format(text)

    def enclosure(self, value: Mapping[str, Any]) -> Markup:
        """Enclosed numbers with what they are the root of."""
        if "lo" in value:
            shared = _common(value["lo"], value["hi"])
            text = f"{shared}…"
            if "at" in value:
                text += " (" + ", ".join(f"{name} = {number}" for name, number in value["at"].items()) + ")"
            if "root_of" not in value:
                return Markup(f'<span title="[{escape(value["lo"])}, {escape(value["hi"])}]">{escape(text)}</span>')
            return Markup(f'<span title="{escape(self("enclosed"))} {escape(value["root_of"])}">{escape(text)}</span>')
        if "inf" in value:
            left = "[" if value["inf_attained"] else "("
            right = "]" if value["sup_attained"] else ")"
            return Markup(f"{left}{self.value(value['inf'])}, {self.value(value['sup'])}{right}")
        points = [self.value(p) for p in value.get("points", [])]
        points += [self.spelled(p) for p in value.get("intervals", [])]
        return Markup("{") + Markup(", ").join(points) + Markup("}")

    def limit(self, value: Any) -> Markup:
        """A limit: a formula, none, unknown, or by cases."""
        if value is None:
            return escape(self("unknown"))
        if value == "none":
            return escape(self("none"))
        if isinstance(value, list):
            rows = [f"<li>{self.limit(r['value'])} {escape(self('when'))} {self.math(r['when'])}</li>" for r in value]
            return Markup(f"<ul>{''.join(rows)}</ul>")
        return self.math(value)


def _common(lo: str, hi: str) -> str:
    """The digits two decimals share, at most twelve of them."""
    shared = ""
    for a, b in zip(lo, hi, strict=False):
        if a != b:
            break
        shared += a
    return shared[: 14 if "." in shared else len(shared)]


def heading(text: str, anchor: str, level: int = 2) -> str:
    """A Markdown heading with an ASCII id; the text is shown as it is, whatever it contains."""
    return f"{'#' * level} {plain_markdown(text)} {{#{anchor}}}"


def plain_markdown(text: str) -> str:
    """A text that Markdown and HTML show as it is."""
    return "".join(c if c.isalnum() or c in " ,、。" else f"&#{ord(c)};" for c in " ".join(text.split()))


def table(rows: Sequence[Sequence[Any]], header: Sequence[str] | None = None, kind: str = "facts") -> str:
    """An HTML table; cells are escaped unless they are markup already."""
    head = "".join(f"<th>{escape(h)}</th>" for h in header) if header else ""
    out = [f'<div class="{kind}"><table>', f"<thead><tr>{head}</tr></thead>" if header else "", "<tbody>"]
    for row in rows:
        cells = "".join(
            f"<{'th' if k == 0 else 'td'}>{escape(c)}</{'th' if k == 0 else 'td'}>" for k, c in enumerate(row)
        )
        out.append(f"<tr>{cells}</tr>")
    return one_block("".join([*out, "</tbody></table></div>"]))


def one_block(html: str) -> str:
    """HTML on one line, so that Markdown takes it as a single block."""
    return re.sub(r"\s*\n\s*", " ", html)


def breaks_at_defaults(dossier: Dossier) -> list[float]:
    """The breaks of the function at its default parameters, as numbers."""
    f = dossier.activation
    out: set[float] = set()
    for case in dossier.facts.cases:
        for b in case.form.breaks:
            at = b.subs(f.defaults)
            if at.is_number and at.is_finite:
                out.add(float(at))
    return sorted(out)


def function_page(dossier: Dossier, lang: str) -> str:
    """The page of one function."""
    w, f = Writer(lang), dossier.activation
    other = "en" if lang == "ja" else "ja"
    titles = [t for t in (f.title.get(other, ""),) if t and t != f.heading(lang)]
    return fill(
        "pages/activation.md.j2",
        title=heading(f.heading(lang), "title", 1),
        other_title=escape(" / ".join([*titles, *f.aliases])),
        summary=escape(f.summary.get(lang) or f.summary.get("en") or ""),
        badges=Markup(" ").join(Markup(f"{r} ") + w.badge(dossier.requirements[r].truth) for r in REQUIREMENTS),
        sections=[
            _section(w, "definition", "definition", _definition(w, dossier)),
            _section(w, "plots", "plots", _plots(w, dossier)),
            _section(w, "derivatives", "derivatives", _derivatives(w, dossier)),
            _section(w, "joins", "joins", _joins(w, dossier)),
            _section(w, "limits", "limits", _limits(w, dossier)),
            _section(w, "param_limits", "parameter-limits", _param_limits(w, dossier)),
            RELATIVES,
            _section(w, "requirements_section", "requirements", _verdicts(w, dossier.requirements)),
            _section(
                w,
                "properties",
                "properties",
                _verdicts(
                    w,
                    {"domain": dossier.domain, **dossier.properties}
                    if dossier.domain.truth != "proved"
                    else dossier.properties,
                ),
            ),
            _section(w, "code", "code", _code(w, dossier)),
            _section(w, "frameworks", "frameworks", _frameworks(w, dossier)),
            _section(w, "references", "references", _references(w, dossier)),
            _section(w, "data", "data", _data(w, dossier)),
        ],
    )


def _section(w: Writer, key: str, anchor: str, body: str) -> str:
    return "" if not body else f"{heading(w(key), anchor)}\n\n{body}\n"


OWN_FUNCTION = """\
```console
$ kassei new my_function
$ kassei show my_function.toml
$ kassei check my_function.toml
$ kassei emit my_function.toml --target numpy --out build/code
```
"""


def defining_equation(f: Activation, lang: str) -> str:
    """``f(v) = …`` in LaTeX."""
    return f"{latex(sp.Function('f')(f.variable), lang)} = {latex(f.expr, lang)}"


def _definition(w: Writer, dossier: Dossier) -> str:
    f = dossier.activation
    shown = Markup(f'<div class="formula">{mathml(defining_equation(f, w.lang), display=True)}</div>')
    out = [one_block(str(shown)), f"<p><code>{escape(f.source)}</code></p>"]
    if f.parameters:
        rows = [
            [
                w.math(p.symbol),
                w.math(p.domain.as_set()),
                w.math(p.default),
                w("learned", shared=w(p.shared)) if p.learned else w("fixed"),
            ]
            for p in f.parameters
        ]
        out.append(table(rows, [w("parameter"), w("domain"), w("default"), w("kind")]))
    return "\n\n".join(out)


def _plots(w: Writer, dossier: Dossier) -> str:
    f = dossier.activation
    breaks = breaks_at_defaults(dossier)
    x, y = plots.curve(f, "f", breaks)
    x2, y2 = plots.curve(f, "slope", breaks)
    title = f.heading(w.lang)
    values = ", ".join(f"{p.name} = {number(p.default)}" for p in f.parameters)
    defaults = w("plot_defaults", values=values) if values else ""
    svg = plots.figure(
        [(x, y, "#000001", "-", 1), (x2, y2, "#000002", "--", 1)], f"{f.name}-main", w("plot_alt", name=title)
    )
    out = [_figure(svg, w("plot_caption", defaults=defaults))]
    for p in f.parameters:
        family = family_values(p)
        if len(family) < 2:
            continue
        curves = []
        for k, value in enumerate(family):
            xs, ys = plots.curve(f, "f", breaks, **{p.name: value})
            curves.append((xs, ys, "#000001", "-", 0.3 + 0.7 * k / (len(family) - 1)))
        text = ", ".join(format(x, ".3g") for x in family)
        out.append(
            _figure(
                plots.figure(curves, f"{f.name}-{p.name}", w("plot_alt", name=title)),
                w("family_caption", param=p.name, values=text),
            )
        )
    return "\n\n".join(out)


def family_values(p: Any) -> list[float]:
    """A few values of a parameter across its domain."""
    candidates = [-4.0, -2.0, -1.0, -0.5, 0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0]
    inside = [c for c in candidates if p.domain.contains(c)]
    if len(inside) < 3 and p.domain.lo.is_finite and p.domain.hi.is_finite:
        lo, hi = float(p.domain.lo), float(p.domain.hi)
        return (
            [lo, (lo + hi) / 2, hi]
            if p.domain.lo_closed and p.domain.hi_closed
            else [lo + (hi - lo) * q for q in (0.1, 0.5, 0.9)]
        )
    if not p.domain.lo.is_finite:
        inside = [c for c in inside if c in (-4.0, -1.0, 0.0, 1.0, 4.0)]
    return inside[:6]


def _figure(svg: str, caption: str) -> str:
    return one_block(f'<figure class="plot">{svg}<figcaption>{escape(caption)}</figcaption></figure>')


def _derivatives(w: Writer, dossier: Dossier) -> str:
    facts = dossier.facts
    v = latex(dossier.activation.variable)
    rows: list[list[Any]] = []
    for label, left, expr in [
        (w("first"), rf"\frac{{df}}{{d{v}}}", facts.derivative),
        (w("second"), rf"\frac{{d^2 f}}{{d{v}^2}}", facts.second_derivative),
        *(
            (w("in_param", param=n), rf"\frac{{\partial f}}{{\partial {latex(sp.Symbol(n))}}}", e)
            for n, e in facts.param_derivatives.items()
        ),
    ]:
        shown = (
            escape(w("unknown")) if expr is None else Markup(mathml(f"{left} = {latex(expr, w.lang)}", display=True))
        )
        rows.append([label, shown])
    return table(rows)


def _joins(w: Writer, dossier: Dossier) -> str:
    rows = []
    many = len(dossier.facts.joins) > 1
    for condition, joins in dossier.facts.joins:
        for j in joins:
            row = [
                w.math(x) if x is not None and x is not sp.nan else w("none")
                for x in (j.at, j.value, j.left, j.right, j.slope_left, j.slope_right)
            ]
            rows.append([w.math(condition), *row] if many else row)
    if not rows:
        return ""
    header = [w(k) for k in ("at", "value", "left", "right", "slope_left", "slope_right")]
    return table(rows, [w("when"), *header] if many else header)


def _limits(w: Writer, dossier: Dossier) -> str:
    keys = (
        ("limit_neg", "neg_inf"),
        ("limit_pos", "pos_inf"),
        ("limit_slope_neg", "slope_neg_inf"),
        ("limit_slope_pos", "slope_pos_inf"),
    )
    return table([[w(label), w.limit(dossier.facts.limits[key])] for label, key in keys])


def _param_limits(w: Writer, dossier: Dossier) -> str:
    rows = []
    for one in dossier.facts.param_limits:
        to = one.to.replace("-oo", "−∞").replace("oo", "∞")
        arrow = Markup(f"{w.math(sp.Symbol(one.param))} → {escape(to)}")
        if one.equals is None:
            rows.append([arrow, w("none") if not one.exists else w("unknown"), ""])
            continue
        becomes = w.math(one.equals)
        if one.same_as:
            link = Markup(f'<a href="../{escape(one.same_as)}/"><code>{escape(one.same_as)}</code></a>')
            becomes = becomes + Markup("<br>") + _with_link(w("same_as", name="\0"), link)
        elif one.nearly:
            link = Markup(f'<a href="../{escape(one.nearly)}/"><code>{escape(one.nearly)}</code></a>')
            becomes = (
                becomes
                + Markup("<br>")
                + _with_link(w("nearly", name="\0", at=", ".join(map(str, one.exceptions))), link)
            )
        how = escape(w({"uniform": "uniform", "pointwise": "pointwise"}.get(one.convergence, "convergence_unknown")))
        if one.error is not None and not one.error.has(RootConstant) and one.error != 0:
            where = "" if one.error_when is sp.true else Markup(f" ({w.math(one.error_when)})")
            how += Markup(f"<br>{escape(w('error'))}: {w.math(one.error)}") + where
        if one.convergence == "pointwise" and one.on_bounded_sets != "unknown":
            how += Markup("<br>") + escape(w("bounded" if one.on_bounded_sets == "uniform" else "not_bounded"))
        if one.steps:
            items = "".join(f"<li>{w.sentence(s)}</li>" for s in one.steps)
            how += Markup(
                f'<details class="why"><summary>{escape(w("show_evidence"))}</summary><ol>{items}</ol></details>'
            )
        rows.append([arrow, becomes, how])
    return table(rows, [w("parameter"), w("becomes"), w("convergence")]) if rows else ""


def _with_link(text: str, link: Markup) -> Markup:
    before, _, after = text.partition("\0")
    return escape(before) + link + escape(after)


def _verdicts(w: Writer, verdicts: Mapping[str, Verdict]) -> str:
    rows = []
    for key, v in verdicts.items():
        label = (
            Markup(f"<strong>{key}</strong> {escape(w.name(key))}")
            if key in REQUIREMENTS
            else escape(w.name(key) if key != "domain" else w("domain"))
        )
        rows.append([label, w.verdict(v)])
    return table(rows, [w("statement"), w("verdict")])


LABELS = {"numpy": "NumPy", "numba": "numba", "cuda": "CUDA (CuPy)", "torch": "PyTorch", "jax": "JAX"}
"""Targets in the order of the pages; NumPy's module is shown, the others are offered."""


def _code(w: Writer, dossier: Dossier) -> str:
    shown, offered = [], []
    for target in _targets():
        label = LABELS.get(target, target)
        for name, text in emit(dossier.activation, target).items():
            link = f'<a href="{name}" download>{escape(w("download"))}: {name}</a>'
            if target == "numpy":
                fence = f"```python\n{text}```\n\n{link}"
                shown.append(f'=== "{label}"\n\n' + "\n".join(f"    {line}".rstrip() for line in fence.splitlines()))
            elif target in name:  # a PyTorch module comes with two others that have their own line
                offered.append(f"<li>{escape(label)}: {link}</li>")
    return "\n\n".join([*shown, f"<ul>{''.join(offered)}</ul>"])


def _targets() -> list[str]:
    known = known_targets()
    return [*(t for t in LABELS if t in known), *sorted(t for t in known if t not in LABELS)]


def code_files(dossier: Dossier) -> dict[str, str]:
    """The files that the page offers for download."""
    return {name: text for target in _targets() for name, text in emit(dossier.activation, target).items()}


def _frameworks(w: Writer, dossier: Dossier) -> str:
    """Who ships the function: the call, its defaults, the slope at kinks, what NaN and the infinities give."""
    rows = []
    for one in dossier.activation.frameworks:
        defaults = [w.math(sp.Eq(sp.Symbol(name), value, evaluate=False)) for name, value in one.parameters.items()]
        edges = [f"f({at}) = {value}" for at, value in (("NaN", one.nan), ("−∞", one.neg_inf), ("∞", one.inf)) if value]
        slopes = [f"f′({at}) = {slope}" if at else slope for at, slope in one.kink]
        note = one.note.get(w.lang) or one.note.get("en", "")
        rows.append(
            [
                one.name,
                Markup(f"<code>{escape(one.call)}</code>"),
                Markup(", ").join(defaults),
                ", ".join(slopes),
                "; ".join(edges),
                Markup(f'<span class="small">{escape(note)}</span>') if note else "",
            ]
        )
    keys = ("framework", "call", "default", "kink_slope", "edges", "prior")
    kept = [k for k in range(len(keys)) if k < 2 or any(row[k] for row in rows)]
    return table([[row[k] for k in kept] for row in rows], [w(keys[k]) for k in kept]) if rows else ""


def _references(w: Writer, dossier: Dossier) -> str:
    rows = []
    for r in dossier.activation.references:
        parts = [
            str(escape(r.authors)),
            f"<cite>{escape(r.title)}</cite>" if r.title else "",
            str(r.year or ""),
            str(escape(r.eq)),
        ]
        if r.doi:
            parts.append(f'<a href="https://doi.org/{escape(r.doi)}">doi:{escape(r.doi)}</a>')
        if r.arxiv:
            parts.append(f'<a href="https://arxiv.org/abs/{escape(r.arxiv)}">arXiv:{escape(r.arxiv)}</a>')
        if r.url.startswith(("https://", "http://")):
            parts.append(f'<a href="{escape(r.url)}">{escape(r.url)}</a>')
        if r.unverified:
            parts.append(f'<span class="small">{escape(w("unverified"))}</span>')
        if r.note:
            parts.append(f'<span class="small">{escape(r.note)}</span>')
        rows.append("<li>" + ", ".join(p for p in parts if p) + "</li>")
    return one_block(f"<ul>{''.join(rows)}</ul>") if rows else ""


def _data(w: Writer, dossier: Dossier) -> str:
    f = dossier.activation
    link = '<a href="function.json" download>function.json</a>'
    proof = '<a href="certificate.json" download>certificate.json</a>'
    return (
        f'<p>{escape(w("data_text"))} {link}<br><span class="small">sha256 {f.digest}</span></p>\n'
        f'<p id="certificate">{escape(w("certificate_text"))} {proof}<br>{escape(w("check_again"))}'
        f" <code>kassei verify certificate.json</code></p>"
    )


def function_data(dossier: Dossier, lang: str) -> str:
    """The dossier as JSON, steps in the page's language."""
    return json.dumps(dossier.to_json(lang), ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one function gives to the site in one language: text alone, so that any process can make it.

    ``files`` are by path below the docs folder; the rows and the ``featured`` block go into the pages that show all
    functions. ``entry`` is what the pages about the whole catalogue are computed from, packed and the same in every
    language.
    """

    name: str
    heading: str
    files: Mapping[str, str]
    catalogue_row: tuple[str, ...]
    requirements_row: tuple[str, ...]
    chain_row: tuple[str, ...]
    featured: str
    entry: bytes


def part(dossier: Dossier, lang: str) -> Part:
    """One function's page, files and rows."""
    w, f = Writer(lang), dossier.activation
    title = f.heading(lang)
    thumb = Markup(plots.thumbnail(f, breaks_at_defaults(dossier), w("thumb_alt", name=title)))
    link = Markup(f'<a href="../functions/{f.name}/">{escape(title)}</a>')
    cells = [_short(w, dossier.requirements[r]) for r in REQUIREMENTS]
    slope = float(plots.functions(f)["grad_input"](np.float64(1.0), np.float64(1.0)))
    home = f"functions/{f.name}"
    entry = Entry.of(dossier)
    files = {
        f"{home}.md": function_page(dossier, lang),
        f"{home}/function.json": function_data(dossier, lang),
        f"{home}/certificate.json": certificate.text(dossier),
    }
    return Part(
        name=f.name,
        heading=title,
        files=files | {f"{home}/{file}": text for file, text in code_files(dossier).items()},
        catalogue_row=(link + Markup(f"<br><code>{escape(f.name)}</code>"), thumb, *cells),
        requirements_row=(link, *cells, *_readings(w, entry.readings)),
        chain_row=(title, *(f"{slope**n:.4g}" for n in DEPTHS)),
        featured=_featured(w, dossier) if f.name == FEATURED else "",
        entry=cache.packed(entry),
    )


def catalogue_page(parts: Sequence[Part], lang: str) -> str:
    """All functions with their curves and the three requirements, and what is left out."""
    w = Writer(lang)
    left_out = [[one[lang] for one in (entry.title, entry.reason)] for entry in out_of_scope()]
    return "\n\n".join(
        [
            heading(w("catalogue"), "title", 1),
            table([p.catalogue_row for p in parts], [w("chain_input"), "", *REQUIREMENTS]),
            heading(w("out_of_scope"), "out-of-scope"),
            w("out_of_scope_text"),
            table(left_out, [w("chain_input"), w("reason")]),
            "",
        ]
    )


def _short(w: Writer, v: Verdict) -> Markup:
    out = w.badge(v.truth)
    if v.condition is not None:
        out += Markup(f"<br>{w.math(v.condition)}")
    return out


def _readings(w: Writer, found: Readings) -> tuple[Markup, Markup]:
    """R3 in the two readings beside the requirement: what the slope tends to, and where it is 1."""
    tends, whole, bounded = found.asymptotic, found.interval, found.bounded
    first = _short(w, Verdict(truth=tends.truth, condition=tends.condition))
    if found.slope_limit is not None:
        first += _folded(w, w("slope_tends"), found.slope_limit, w.limit(found.slope_limit))
    second = _short(w, Verdict(truth=whole.truth, condition=whole.condition))
    if bounded.truth in ("proved", "conditional"):
        second += Markup("<br>{}").format(w("bounded_only"))
        if bounded.condition is not None:
            second += Markup(" {} {}").format(w("condition"), w.math(bounded.condition))
    if whole.truth in ("proved", "conditional") and found.where is not None:
        second += _folded(w, w("unit_slope_where"), found.where, w.value(found.where))
    return first, second


def _folded(w: Writer, label: str, value: Any, shown: Markup) -> Markup:
    """A value with its label; one by cases, or with enclosed points, only for who asks."""
    if not isinstance(value, list | Mapping):
        return Markup("<br>{} {}").format(label, shown)
    return Markup('<details class="why"><summary>{} {}</summary>{}</details>').format(label, w("by_cases"), shown)


def requirements_page(parts: Sequence[Part], lang: str) -> str:
    """The requirements explained, who satisfies them, and the product of slopes."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "requirements.md").read_text(encoding="utf-8")
    return "\n\n".join(
        [
            heading(w("requirements"), "title", 1),
            prose,
            heading(w("satisfy"), "satisfy"),
            w("readings_text"),
            table(
                [p.requirements_row for p in parts],
                [w("chain_input"), "R1", "R2", w("r3_positive"), w("r3_asymptotic"), w("r3_interval")],
            ),
            heading(w("chain"), "chain"),
            w("chain_text"),
            table([p.chain_row for p in parts], [w("chain_input"), *(w("depth", n=n) for n in DEPTHS)]),
            "",
        ]
    )


def claims_page(claims: Sequence[Mapping[str, Any]], lang: str) -> str:
    """The claims ledger, source by source, and by subject where a source has them."""
    w = Writer(lang)
    prose = (resource("site") / "pages" / lang / "claims.md").read_text(encoding="utf-8")
    out = [heading(w("claims"), "title", 1), prose]
    for source in dict.fromkeys(c["source"] for c in claims):
        title = sources().get(source, {}).get(lang)
        out.append(heading(f"{source}: {title}" if title else source, source.lower()))
        mine = [c for c in claims if c["source"] == source]
        for subject in dict.fromkeys(map(_subject, mine)):
            if subject in subjects():
                out.append(heading(subjects()[subject][lang], subject.lower(), 3))
            rows = [_claim_row(w, c) for c in mine if _subject(c) == subject]
            out.append(table(rows, ["", w("claim"), w("verdict")], "facts claims"))
    return "\n\n".join(out) + "\n"


def _subject(claim: Mapping[str, Any]) -> str:
    return str(claim["id"]).rpartition(".")[0]


def _claim_row(w: Writer, c: Mapping[str, Any]) -> list[Markup]:
    """What is claimed, and what was found."""
    lang = w.lang
    label = {"conditional": "by_condition", "unknown": "undecided"}.get(c["verdict"], c["verdict"])
    result = Markup(f'<span class="badge {BADGE[c["verdict"]]}">{escape(w(label))}</span>')
    if c.get("condition"):
        result += Markup(f"<br>{escape(w('condition'))} <code>{escape(str(c['condition']))}</code>")
    corrected = (c.get("corrected") or {}).get(lang)
    if corrected:
        result += Markup(f"<br>{escape(w('corrected'))}: {escape(corrected)}")
    evidence = [_evidence(e, lang) for e in c.get("evidence") or []]
    if evidence:
        items = "".join(f"<li>{escape(e)}</li>" for e in evidence)
        result += Markup(f'<details class="why"><summary>{escape(w("evidence"))}</summary><ol>{items}</ol></details>')
    return [
        Markup(f'<span class="claim-id" id="{escape(c["id"].replace(".", "-"))}">{escape(c["id"])}</span>'),
        escape(c["statement"][lang]) + Markup(f"<br><code>{escape(c['formal'])}</code>"),
        result,
    ]


def _evidence(e: Any, lang: str) -> str:
    if isinstance(e, Mapping):
        text = e.get("text", e)
        return str(text.get(lang) or text.get("en")) if isinstance(text, Mapping) else str(text)
    return str(e)


def home_page(parts: Sequence[Part], lang: str) -> str:
    """What this is, its headline from the dossier of the Exponential form, and where to go on."""
    w = Writer(lang)
    out = [
        "---",
        "hide:",
        "  - navigation",
        "  - toc",
        "---",
        "",
        heading(w("tagline"), "title", 1),
        f'<p class="lead">{escape(w("intro"))}</p>',
    ]
    out += [p.featured for p in parts if p.featured]
    out += [
        heading(w("own"), "own"),
        w("own_text"),
        OWN_FUNCTION,
        "",
    ]
    return "\n\n".join(out)


def _featured(w: Writer, dossier: Dossier) -> str:
    """The home page's headline: the Exponential form between ReLU and the identity."""
    f = dossier.activation
    breaks = breaks_at_defaults(dossier)
    curves = []
    values = (-4.0, -1.0, 0.0, 1.0, 4.0)
    for k, a in enumerate(values):
        x, y = plots.curve(f, "f", breaks, a=a)
        curves.append((x, y, "#000001", "-", 0.3 + 0.7 * k / 4))
    text = ", ".join(format(a, "g") for a in values)
    ways = {"functions/exponential/": "read_more", "catalogue/": "browse", "claims/": "check_claims"}
    actions = [f'<a href="{to}">{escape(w(key))}</a>' for to, key in ways.items()]
    blocks = [
        heading(w("headline"), "headline"),
        w("headline_text", param="a"),
        one_block(f'<div class="formula">{mathml(defining_equation(f, w.lang), display=True)}</div>'),
        _figure(
            plots.figure(curves, "home-exponential", w("plot_alt", name=f.heading(w.lang))),
            w("family_caption", param="a", values=text),
        ),
        _param_limits(w, dossier).replace('href="../', 'href="functions/'),
        f'<p class="actions">{" ".join(actions)}</p>',
    ]
    return "\n\n".join(blocks)


def pages(parts: Sequence[Part], claims: Sequence[Mapping[str, Any]], lang: str) -> dict[str, str]:
    """Every file of one language, by its path below the docs folder."""
    out = {
        "index.md": home_page(parts, lang),
        "catalogue.md": catalogue_page(parts, lang),
        "requirements.md": requirements_page(parts, lang),
        "claims.md": claims_page(claims, lang),
    }
    for p in parts:
        out |= p.files
    return out


def navigation(parts: Sequence[Part], lang: str) -> list[Any]:
    """The menu."""
    w = Writer(lang)
    return [
        {w("home"): "index.md"},
        {w("catalogue"): "catalogue.md"},
        {w("requirements"): "requirements.md"},
        {w("claims"): "claims.md"},
        {w("atlas"): "atlas.md"},
        {w("open"): "open.md"},
        {w("functions"): [{str(escape(p.heading)): f"functions/{p.name}.md"} for p in parts]},
    ]
