"""Making our key pairs: RSA with a self-signed certificate that every Moodle accepts.

Source: PROTOCOL.md section 2 (subject, sizes); RULES R20.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keys.certificate import load
from mnet import moments
from mnet.letters import nfc
from mnet.protocol import SUBJECT_CHARS, BadWwwroot
from mnet.stored_sentences import english

KEY_BITS = 2048
DEFAULT_DAYS = 28  # a Moodle's own default
# A peer whose clock is a little slow should not see a certificate of tomorrow.
BACKDATED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key with the certificate that carries its public half."""

    private_key: rsa.RSAPrivateKey
    certificate_pem: str
    fingerprint: str
    created_unix_s: int
    not_after_unix_s: int


def generate(wwwroot: str, name: str, now_unix_s: int, days: int = DEFAULT_DAYS) -> KeyPair:
    """Make a key pair for `wwwroot` that is valid for `days` (takes a tenth of a second).

    The subject's CN is the wwwroot's first 64 characters: Moodle compares exactly these. Raises
    BadWwwroot when they would end in a slash, which no Moodle accepts.
    """
    subject_name = wwwroot[:SUBJECT_CHARS]
    if subject_name.endswith("/"):
        raise BadWwwroot(english("The address has a slash as its 64th character; choose another."))
    key = new_private_key()
    now = moments.local(now_unix_s, UTC)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _organisation(name)),
            x509.NameAttribute(NameOID.COMMON_NAME, subject_name),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    loaded = load(certificate.public_bytes(Encoding.PEM).decode("ascii"))
    assert loaded.not_after_unix_s is not None
    return KeyPair(key, loaded.pem, loaded.fingerprint, now_unix_s, loaded.not_after_unix_s)


def new_private_key() -> rsa.RSAPrivateKey:
    """Make a private key; nearly all the time that a key pair takes goes here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _organisation(name: str) -> str:
    printable = "".join(c for c in nfc(name) if c.isprintable())
    return printable.strip()[:64] or "School"
