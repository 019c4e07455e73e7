"""The one place that loads certificates: peers' and our own.

Takes what PHP makes (serial number 0, signed with SHA-1, perhaps expired), since a certificate
here only carries a key and a name: nothing is believed because a certificate says so. Strangers
send us these (a plain keyswap), so every step is linear in the text, and only BadCertificate
comes out. No database, no files, no clock.
Source: PROTOCOL.md section 2 (keys and certificates).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.utils import CryptographyDeprecationWarning

from keys import der
from mnet.protocol import SUBJECT_CHARS
from mnet.refusal import Refusal
from mnet.stored_sentences import english

MAX_PEM_CHARS = 16 * 1024
MIN_KEY_BITS = 2048
MAX_KEY_BITS = 8192  # a larger one only serves to keep us busy
PEM_COLUMNS = 64  # what Moodle's own check of a certificate demands of every line

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


class BadCertificate(Refusal, ValueError):
    """The certificate cannot be used."""


class NotACertificate(BadCertificate):
    """It is not exactly one certificate in PEM form."""

    def __init__(self) -> None:
        """Say what it should be."""
        super().__init__(
            english(
                "This is not exactly one certificate in PEM form (-----BEGIN CERTIFICATE----- ...)."
            )
        )


class UnfitKey(BadCertificate):
    """The certificate's key is no RSA key of a usable size."""


class NotRsa(UnfitKey):
    """The certificate's key is no usable RSA key."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            english("The certificate's key is no usable RSA key; make an RSA key on that site.")
        )


class KeySize(UnfitKey):
    """The certificate's key is too short to be safe or too long to be sane."""


class WrongSubject(BadCertificate):
    """The certificate names another site."""


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A certificate's key, name and end."""

    pem: str
    fingerprint: str
    common_name: str
    alternative_name: str | None
    not_after_unix_s: int | None
    public_key: RSAPublicKey


def load(text: str, *, min_bits: int = MIN_KEY_BITS) -> PeerCertificate:
    """Read one PEM certificate.

    Raises NotACertificate, UnfitKey (NotRsa, KeySize) or WrongSubject (when it has not exactly
    one CN).
    """
    data = _decode(text)
    name, alternative, not_after, key = _parse(data)
    if not isinstance(key, RSAPublicKey):
        raise NotRsa
    if not min_bits <= key.key_size <= MAX_KEY_BITS:
        raise KeySize(
            english(
                "The certificate's key has %(count)s bits and must have %(least)s to %(most)s; "
                "make a new key on that site.",
                count=key.key_size,
                least=min_bits,
                most=MAX_KEY_BITS,
            )
        )
    _must_seal(key)
    return PeerCertificate(
        to_pem(data), hashlib.sha256(data).hexdigest(), name, alternative, not_after, key
    )


def check_subject(certificate: PeerCertificate, wwwroot: str) -> None:
    """Check that a certificate names a site, as Moodle does; raises WrongSubject.

    The common name is the wwwroot's first 64 characters, less a slash at their end (Moodle's
    own generator drops it). A subject attribute subjectAltName, where there is one, is the
    whole wwwroot.
    """
    start = wwwroot[:SUBJECT_CHARS]
    if is_of_before(certificate, wwwroot):
        raise WrongSubject(
            english(
                "The certificate belongs to %(named)s, as it did before the site moved to https. "
                "First let it make a new one; a Moodle does under Site administration > Networking "
                "> Settings: Delete key.",
                named=repr(certificate.common_name),
            )
        )
    if certificate.common_name not in (start, start.removesuffix("/")):
        raise WrongSubject(
            english(
                "The certificate belongs to %(named)s, not to %(wanted)s. Is the address exactly "
                "the site's own (http or https, with or without www)?",
                named=repr(certificate.common_name),
                wanted=repr(start),
            )
        )
    if certificate.alternative_name not in (None, wwwroot):
        raise WrongSubject(
            english(
                "The certificate belongs to %(named)s, not to %(wanted)s.",
                named=repr(certificate.alternative_name),
                wanted=repr(wwwroot),
            )
        )


def is_of_before(certificate: PeerCertificate, wwwroot: str) -> bool:
    """Tell whether a certificate names a site as it was before it moved from http to https."""
    host = wwwroot.removeprefix("https://")
    before = ("http://" + host)[:SUBJECT_CHARS]
    return host != wwwroot and certificate.common_name in (before, before.removesuffix("/"))


def to_pem(data: bytes) -> str:
    """Write a DER certificate as Moodle wants it: 64 columns, LF, a final newline."""
    body = base64.b64encode(data).decode("ascii")
    lines = [body[i : i + PEM_COLUMNS] for i in range(0, len(body), PEM_COLUMNS)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _must_seal(key: RSAPublicKey) -> None:
    """See that something can be sealed to a key: not with a modulus that is even, for one."""
    try:
        key.encrypt(b"", PKCS1v15())
    except ValueError:
        raise NotRsa from None


def _decode(text: str) -> bytes:
    # No regular expression: one with two kinds of optional white space takes cubic time.
    block = text.strip() if len(text) <= MAX_PEM_CHARS else ""
    if not (block.startswith(_BEGIN) and block.endswith(_END)):
        raise NotACertificate
    body = block[len(_BEGIN) : -len(_END)]
    if not body[:1].isspace():
        raise NotACertificate
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotACertificate from None


def _parse(data: bytes) -> tuple[str, str | None, int | None, object]:
    """Return common name, alternative name, end and key."""
    try:
        with warnings.catch_warnings():
            # Serial number 0: every certificate that PHP makes. One day this will raise, and
            # the walk below takes over, as it does for whatever else the library is strict about.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            warnings.simplefilter("ignore", UserWarning)
            certificate = x509.load_der_x509_certificate(data)
            names = {
                oid: [str(a.value) for a in certificate.subject if a.oid.dotted_string == oid]
                for oid in (der.COMMON_NAME, der.SUBJECT_ALT_NAME)
            }
            end: datetime | None = certificate.not_valid_after_utc
            key: object = certificate.public_key()
    except UnsupportedAlgorithm:
        raise NotRsa from None
    except (ValueError, TypeError, x509.InvalidVersion):
        walked = _walk(data)
        names, end = walked.subject, walked.not_after
        try:
            key = load_der_public_key(walked.public_key)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise NotRsa from None
    common, alternative = names[der.COMMON_NAME], names[der.SUBJECT_ALT_NAME]
    if len(common) != 1 or len(alternative) > 1:
        raise WrongSubject(english("The certificate must name exactly one site (one CN)."))
    not_after = int(end.replace(tzinfo=UTC).timestamp()) if end else None
    return common[0], alternative[0] if alternative else None, not_after, key


def _walk(data: bytes) -> der.Walked:
    try:
        return der.walk(data)
    except der.BadDer:
        raise NotACertificate from None
