"""The part of a form where somebody says that a certificate is the other site's own.

They paste what that site shows, which is compared here, or tick that they compared it themselves.
Source: manual/peers.md.
"""

from __future__ import annotations

from keys.certificate import BadCertificate
from mnet.language import _
from mnet.stored_sentences import localized
from peers import typed
from peers.web.view import View

MAX_PASTED_CHARS = 20_000


def why_not(view: View, fingerprint: str) -> str:
    """Say why a certificate with this SHA-256 (plain hex) cannot be believed; empty when it can."""
    pasted = view.text("seen_there", limit=MAX_PASTED_CHARS)
    if not pasted:
        if view.ticked("compared"):
            return ""
        return _("Please compare the fingerprint first: paste the other one, or tick the box.")
    try:
        is_same = typed.fingerprint(pasted) == fingerprint
    except BadCertificate as problem:
        return localized(str(problem))
    if is_same:
        return ""
    return _(
        "These are not the same: what you pasted has another fingerprint than what the site gave "
        "out. Do not go on before you know why."
    )
