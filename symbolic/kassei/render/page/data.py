"""The foot of a page: its data as JSON, the certificate, the ids of its formulas, and how each number was made."""

from __future__ import annotations

import json
from importlib.metadata import version

from markupsafe import Markup, escape

from kassei.core.dossier import Dossier
from kassei.render.page.formulas import Formula, formulas, id_list, sympy_text
from kassei.render.page.markup import one_block, table
from kassei.render.page.writer import Writer

HOW = ("verdicts", "decimals", "special", "measured")


def data(w: Writer, dossier: Dossier) -> str:
    """Links to the files, how to check the certificate, and the page's provenance."""
    f = dossier.activation
    how = Markup("").join(Markup("<li>{}</li>").format(w(f"study.how_{one}")) for one in HOW)
    rows = [
        [w("study.footer_ids"), id_list(formulas(dossier))],
        [w("study.footer_hash"), Markup('<code class="long">{}</code>').format(f.digest)],
        [w("study.footer_made"), f"kassei {version('kassei')}"],
        [w("study.footer_how"), Markup("<ul>{}</ul>").format(how)],
    ]
    link = '<a href="function.json" download>function.json</a>'
    proof = '<a href="certificate.json" download>certificate.json</a>'
    return "\n\n".join(
        [
            f"<p>{escape(w('data_text'))} {link}</p>",
            one_block(
                f'<p id="certificate">{escape(w("certificate_text"))} {proof}<br>{escape(w("check_again"))}'
                f" <code>kassei verify certificate.json</code></p>"
            ),
            table(rows, caption=w("data")),
        ]
    )


def function_data(dossier: Dossier, lang: str) -> str:
    """The dossier as JSON, steps in the page's language, with every formula of the page by its permanent id."""
    document = dossier.to_json(lang)
    document["kassei"] = version("kassei")
    document["formulas"] = {one.id: described(one, lang) for one in formulas(dossier)}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def described(one: Formula, lang: str) -> dict[str, str]:
    """A formula as data: where it stands, as SymPy and as LaTeX spell it."""
    return {"anchor": f"#{one.anchor}", "sympy": sympy_text(one), "latex": one.latex(lang)}
