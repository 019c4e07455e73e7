"""Passwords as they are kept: argon2id hashes, made and compared; and which are everybody's.

No table and no account here. Used for admins and for the school's people alike; how long a
password must be is decided by whoever keeps it. Source: RULES 1.8 (admin), R39a.
"""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

# How many of the passwords of known leaks nobody may choose, the most frequent first.
COMMONEST = 10_000

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """Return what is kept of a password; takes some 50 ms on purpose."""
    return _HASHER.hash(password)


def is_common(password: str) -> bool:
    """Tell whether a password is one of the COMMONEST, in whatever case."""
    return password.casefold() in _commonest()


def fits(stored: str | None, password: str) -> bool:
    """Tell whether a password is the one that was kept; None, for nobody's, takes as long."""
    try:
        _HASHER.verify(_nobodys_hash() if stored is None else stored, password)
    except VerificationError:
        return False
    return stored is not None


@cache
def _commonest() -> frozenset[str]:
    # Read where a password is chosen, since it takes a moment and half a megabyte.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    return frozenset(FREQUENCY_LISTS["passwords"][:COMMONEST])


@cache
def _nobodys_hash() -> str:
    """Verified against when nobody has the name, so that both refusals take the same time."""
    return _HASHER.hash(secrets.token_hex())
