"""What people type or paste of a site: its address, the fingerprint of its certificate. Pure.

Source: manual/peers.md.
"""

from __future__ import annotations

import re

from keys.certificate import BadCertificate, load
from mnet.language import _
from mnet.protocol import check_wwwroot

_PEM = "-----BEGIN CERTIFICATE-----"
_SHA256 = re.compile("[0-9a-f]{64}")
_BETWEEN = str.maketrans("", "", ": \t\r\n")


def wwwroot(text: str) -> str:
    """Return the wwwroot that is meant, with https:// where no scheme was typed.

    Raises BadWwwroot.
    """
    address = text.strip()
    return check_wwwroot(address if "://" in address else "https://" + address)


def fingerprint(text: str) -> str:
    """Return a certificate's SHA-256 in plain hex, by what somebody pasted.

    It may be written in any way, with the words that openssl puts before it, or be the certificate
    itself. Raises BadCertificate when it is neither.
    """
    if _PEM in text:
        return load(text).fingerprint
    plain = text.rpartition("=")[2].translate(_BETWEEN).lower()
    if not _SHA256.fullmatch(plain):
        raise BadCertificate(
            _("This is no SHA-256 fingerprint (64 digits from 0 to 9 and A to F) or certificate.")
        )
    return plain


def as_openssl_prints(plain: str) -> str:
    """Return a fingerprint in pairs of capitals, as `openssl x509 -fingerprint` prints it."""
    return ":".join(plain[i : i + 2] for i in range(0, len(plain), 2)).upper()
