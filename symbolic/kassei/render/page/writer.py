"""Words, mathematics and verdicts of one language as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from markupsafe import Markup, escape

from kassei.core.verdict import Step, Verdict
from kassei.render import glossary
from kassei.render.spelling import NAMES, read
from kassei.text.latex import latex, mathml
from kassei.text.resources import LANGUAGES
from kassei.text.words import Words

BADGE = {
    "proved": "proved",
    "refuted": "refuted",
    "conditional": "conditional",
    "unknown": "unknown",
    "holds": "holds",
    "fails": "fails",
}
LABEL = {"unknown": "undecided"}
HEAVIEST = 12_000
"""Letters of MathML that a formula of a page may have; a longer one is spelled, and cut."""
LONGEST = 400
"""Letters of a reason that a page shows."""


class Writer:
    """Words, mathematics and verdicts of one language as HTML."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.words = Words(lang)

    def __call__(self, key: str, **facts: Any) -> str:
        """A phrase of the pages, or of another section if the key names one, as text."""
        return self.words(key if "." in key else f"pages.{key}", **facts)

    def name(self, key: str) -> str:
        """A property or requirement in words."""
        return self.words(f"properties.{key}")

    def math(self, value: Any, *, display: bool = False, large: bool = False) -> Markup:
        """A formula as MathML, ``large`` with fractions of full size; text that is no formula is escaped."""
        if isinstance(value, str):
            return Markup(f"<span>{escape(value)}</span>")
        text = mathml(("\\displaystyle " if large else "") + latex(value, self.lang), display=display)
        if len(text) > HEAVIEST:
            return Markup('<span class="small">{} <code class="long">{} …</code></span>').format(
                self("too_long"), str(value)[:LONGEST]
            )
        return Markup(text)

    def sentence(self, step: Step) -> Markup:
        """A step of an argument with its formulas as MathML."""
        template = self.words.templates.get(f"steps.{step.key}") or self.words.source[f"steps.{step.key}"]
        facts = {
            name: self.left_open(fact) if name == "why" and isinstance(fact, str) else self.fact(fact)
            for name, fact in step.facts.items()
        }
        parts = re.split(r"\{(\w+)\}", template)
        return Markup("").join(facts[p] if k % 2 else escape(p) for k, p in enumerate(parts))

    def left_open(self, said: str) -> Markup:
        """What an argument left open, in this language; a formula of pages is cut, its data have it whole."""
        text = self.words.reason(said)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
        return Markup('<span class="long">{}</span>').format(shown)

    def term(self, text: Any, term: str) -> Markup:
        """A text as a link to its entry in the glossary; pages that use it are two folders below the root."""
        return Markup('<a class="term" href="../../glossary/#{}">{}</a>').format(term, text)

    def label(self, key: str, **facts: Any) -> Markup:
        """A phrase of the pages or of the study sections (``study.…``), linked where the glossary explains it."""
        text = self(key, **facts)
        term = glossary.of_label(key if "." in key else f"pages.{key}")
        return escape(text) if term is None else self.term(text, term.id)

    def property(self, key: str) -> Markup:
        """A property or requirement in words, linked to the term that explains it."""
        text = self("domain") if key == "domain" else self.name(key)
        term = glossary.of_property(key)
        return escape(text) if term is None else self.term(text, term.id)

    def terms_line(self, *labels: str) -> str:
        """The term pairs that explain a heading, as a line below it; empty where the glossary has none."""
        found = [glossary.of_label(key if "." in key else f"pages.{key}") for key in labels]
        pairs = {term.id: self.pair(term) for term in found if term is not None}
        if not pairs:
            return ""
        shown = Markup(" · ").join(pairs.values())
        return str(Markup('<p class="terms">{} {}</p>').format(self("term_pairs"), shown))

    def pair(self, term: glossary.Term) -> Markup:
        """A term with its counterpart in the other language, as a link."""
        others = [
            Markup(' = <span lang="{}">{}</span>').format(lang, term.name[lang])
            for lang in LANGUAGES
            if lang != self.lang and term.name[lang] != term.name[self.lang]
        ]
        text = Markup("{}{}").format(term.name[self.lang], Markup("").join(others))
        return self.term(text, term.id)

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

    def verdict(self, v: Verdict, after: Markup | None = None) -> Markup:
        """Badge, condition, witness, value and, folded, the argument with what comes ``after`` it."""
        out = [self.badge(v.truth)]
        if v.condition is not None:
            out.append(Markup(f" {escape(self('condition'))} {self.math(v.condition)}"))
        if v.value is not None:
            out.append(Markup(" ") + self.value(v.value))
        if v.witness:
            out.append(
                Markup(f'<br><span class="small">{self.label("witness")}: {escape(self.witness(v.witness))}</span>')
            )
        if v.steps or after:
            items = self.items(v.steps)
            said = escape(self("show_found" if v.truth == "unknown" else "show_evidence"))
            heading = f"{said}: {escape(self.words(f'methods.{v.method}'))}" if v.method else said
            steps = f"<ol>{items}</ol>" if items else ""
            out.append(Markup(f'<details class="why"><summary>{heading}</summary>{steps}{after or ""}</details>'))
        return Markup("").join(out)

    def items(self, steps: Sequence[Step]) -> Markup:
        """The steps of an argument; of one that is too long for a page its beginning, and how much is left."""
        out = Markup("")
        for k, step in enumerate(steps):
            if len(out) > HEAVIEST:
                rest = self("further_steps", count=len(steps) - k)
                return out + Markup('<li class="small">{}</li>').format(rest)
            out += Markup("<li>{}</li>").format(self.sentence(step))
        return out

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
        table = {n: sp.Symbol(n, real=True) for n in names if n not in NAMES}
        try:
            return self.math(read(str(text), table))
        except (ValueError, SyntaxError):  # a spelling that is no expression, such as "root of …"
            return Markup("<code>{}</code>").format(text)

    def enclosure(self, value: Mapping[str, Any]) -> Markup:
        """Enclosed numbers with what they are the root of."""
        if "lo" in value:
            shared = _common(value["lo"], value["hi"])
            some = any(c in "123456789" for c in shared)
            text = f"{shared}…" if some else f"[{float(value['lo']):.3g}, {float(value['hi']):.3g}]"
            text = text.replace("-", "−")
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
