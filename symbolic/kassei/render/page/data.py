"""The section with the page's data: the dossier as JSON, and the certificate."""

from __future__ import annotations

import json

from markupsafe import escape

from kassei.core.dossier import Dossier
from kassei.render.page.writer import Writer


def data(w: Writer, dossier: Dossier) -> str:
    """Links to the files, the definition's hash, and how to check the certificate."""
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
