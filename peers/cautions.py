"""What an admin is warned of about a site's address and certificate, for commands and pages. Pure.

Nothing is refused for it. Source: RULES R15, R20.
"""

from __future__ import annotations

from keys.rotation import judge_expiry
from mnet.language import N_, _

_EXPIRY = {
    "expired": [N_("Its certificate has ended. It goes on working until the site renews it.")],
    "soon": [N_("Its certificate ends within two weeks; a Moodle renews it by itself.")],
}


def of_certificate(not_after_unix_s: int | None, now_unix_s: int) -> list[str]:
    """Return what to say about a certificate's end; empty when all is well or nobody knows it."""
    return [_(text) for text in _EXPIRY.get(judge_expiry(not_after_unix_s, now_unix_s), [])]


def of_site(wwwroot: str, not_after_unix_s: int | None, now_unix_s: int) -> list[str]:
    """Return what to say before a site is added."""
    sentences = []
    if wwwroot.startswith("http://"):
        sentences.append(
            _(
                "The address is plain http: whoever sits on the way could have put in a key of "
                "their own. Compare the fingerprint with care, and use https if the site has it."
            )
        )
    return sentences + of_certificate(not_after_unix_s, now_unix_s)
