"""Private keys at rest: written as PKCS#8, under a passphrase when there is one.

Source: issue of the key store; requirements R20.
"""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

OWNER_ONLY = 0o600


class CannotUnlock(Exception):
    """The private key cannot be read with this passphrase (or needs one): see the data folder."""

    def __init__(self) -> None:
        """Say it in the words of the docstring."""
        super().__init__(str(self.__doc__))


def to_pem(key: RSAPrivateKey, passphrase: bytes | None) -> str:
    """Write a private key, encrypted when there is a passphrase."""
    how: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode("ascii")


def from_pem(pem: str, passphrase: bytes | None) -> RSAPrivateKey:
    """Read a private key; raises CannotUnlock."""
    encrypted = "ENCRYPTED" in pem
    try:
        key = load_pem_private_key(pem.encode("ascii"), passphrase if encrypted else None)
    except (ValueError, TypeError):
        raise CannotUnlock from None
    if not isinstance(key, RSAPrivateKey):
        raise CannotUnlock
    return key


def too_open(path: Path) -> str | None:
    """Say what is wrong with the mode of a file that only its owner may read; None when fine."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return f"{path} can be read by others (mode {mode:o}); run: chmod 600 {path}"
    return None


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=OWNER_ONLY)
    path.chmod(OWNER_ONLY)
    path.write_bytes(data)
