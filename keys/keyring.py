"""Our keys at one moment: the current pair and the archived ones, loaded and ready.

Opening takes one path whatever is wrong with a message, so that no answer and no time tells bad
padding from a wrong key. No database, no clock. Source: PROTOCOL.md sections 2, 3.3 and 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1

from keys import protect
from keys.store import CURRENT, StoredKey
from mnet.refusal import Refusal

# What RC4 takes; PHP's openssl_seal makes 16, its openssl_open reads the others too.
RC4_KEY_BYTES = frozenset({5, 7, 8, 10, 16, 20, 24, 32})
DEFAULT_KEY_BYTES = 16

_PADDING = PKCS1v15()
_SHA1 = SHA1()  # noqa: S303 - the protocol's signature; no peer takes another
T = TypeVar("T")


class NoKey(Refusal):
    """There is no key pair yet; make one with: mnet-peer key rotate."""

    def __init__(self) -> None:
        """Say it in the words of the docstring."""
        super().__init__(str(self.__doc__))


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key pair, ready for use."""

    id: int
    certificate_pem: str
    fingerprint: str
    created_unix_s: int
    not_after_unix_s: int
    private_key: RSAPrivateKey
    # Big-endian, as wrapped keys are, to compare them without arithmetic.
    modulus: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = self.private_key.public_key().public_numbers().n
        object.__setattr__(self, "modulus", n.to_bytes((n.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True, slots=True)
class Opened(Generic[T]):
    """Which key opened a message, and what came out."""

    key_id: int
    is_current: bool
    result: T


@dataclass(frozen=True, slots=True)
class Keyring:
    """Our current key pair and the archived ones, newest first."""

    current: LoadedKey
    archived: tuple[LoadedKey, ...]
    random: Callable[[int], bytes]

    @classmethod
    def load(
        cls,
        stored: Iterable[StoredKey],
        passphrase: bytes | None,
        random: Callable[[int], bytes],
        before: Keyring | None = None,
    ) -> Keyring:
        """Load stored keys; those of `before` are taken from there (loading takes a while).

        Raises NoKey or protect.CannotUnlock.
        """
        # By fingerprint too: a store restored from a backup may give an id a second time.
        known = (
            {(k.id, k.fingerprint): k for k in (before.current, *before.archived)} if before else {}
        )
        current: LoadedKey | None = None
        archived: list[LoadedKey] = []
        for row in stored:
            key = known.get((row.id, row.fingerprint)) or LoadedKey(
                row.id,
                row.certificate_pem,
                row.fingerprint,
                row.created_unix_s,
                row.not_after_unix_s,
                protect.from_pem(row.private_key_pem, passphrase),
            )
            if row.state == CURRENT:
                current = key
            else:
                archived.append(key)
        if current is None:
            raise NoKey
        return cls(current, tuple(archived), random)

    @property
    def certificate_pem(self) -> str:
        """The certificate that we give out."""
        return self.current.certificate_pem

    def open(self, wrapped: bytes, opens: Callable[[bytes], T | None]) -> Opened[T] | None:
        """Unwrap a session key and open what it locks; None when no key of ours fits.

        `opens` tries a session key and returns None when the result is noise. The current key
        is tried first; only when it does not fit are the archived ones tried, and then all.
        """
        result = opens(self._unwrap(self.current, wrapped))
        if result is not None:
            return Opened(self.current.id, is_current=True, result=result)
        found: Opened[T] | None = None
        for key in self.archived:
            result = opens(self._unwrap(key, wrapped))
            if result is not None and found is None:
                found = Opened(key.id, is_current=False, result=result)
        return found

    def sign(self, data: bytes, key_id: int | None = None) -> bytes:
        """Sign bytes with the current key, or with the one of `key_id`; KeyError if not here."""
        key = self.current
        if key_id is not None:
            key = {k.id: k for k in (*self.archived, self.current)}[key_id]
        return key.private_key.sign(data, _PADDING, _SHA1)

    def _unwrap(self, key: LoadedKey, wrapped: bytes) -> bytes:
        """Return a session key, whatever happens: a random one when there is none in there."""
        instead = self.random(DEFAULT_KEY_BYTES)
        size = len(key.modulus)
        if len(wrapped) != size or wrapped >= key.modulus:
            # The library would refuse these at once; so they cost as much as any other.
            wrapped = bytes(size - 1) + b"\x02"
        try:
            session_key = key.private_key.decrypt(wrapped, _PADDING)
        except ValueError:
            return instead
        return session_key if len(session_key) in RC4_KEY_BYTES else instead
