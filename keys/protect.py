"""Private keys at rest: written as PKCS#8, under a passphrase when there is one; secret files.

No database: where a key lies is store's business. Source: RULES R20.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mnet.refusal import Refusal
from mnet.settings import PASSPHRASE_FILE
from mnet.stored_sentences import english

OWNER_ONLY = 0o600

_ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----"


class CannotUnlock(Refusal):
    """The private key in the store cannot be read; restore a backup of the store."""

    def __init__(self) -> None:
        """Say it in the words of the docstring."""
        super().__init__(str(self.__doc__).format(file=PASSPHRASE_FILE))


class NoPassphrase(CannotUnlock):
    """The private key is locked; put its passphrase into the data folder's file {file}."""


class WrongPassphrase(CannotUnlock):
    """The data folder's file {file} has not this key's passphrase; bring the right one back."""


def to_pem(key: RSAPrivateKey, passphrase: bytes | None) -> str:
    """Write a private key, encrypted when there is a passphrase."""
    how: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode("ascii")


def from_pem(pem: str, passphrase: bytes | None) -> RSAPrivateKey:
    """Read a private key; raises CannotUnlock (NoPassphrase, WrongPassphrase)."""
    encrypted = pem.lstrip().startswith(_ENCRYPTED)
    if encrypted and not passphrase:
        raise NoPassphrase
    try:
        key = load_pem_private_key(pem.encode("ascii"), passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise (WrongPassphrase if encrypted else CannotUnlock) from None
    if not isinstance(key, RSAPrivateKey):
        raise CannotUnlock
    return key


def too_open(path: Path) -> str | None:
    """Say what is wrong with the mode of a file that only its owner may read; None when fine."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        octal = f"{mode:o}"
        return english(
            "%(path)s can be read by others (mode %(mode)s); run: chmod 600 %(path)s",
            path=path,
            mode=octal,
        )
    return None


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read: whole or not at all, never open in between."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
