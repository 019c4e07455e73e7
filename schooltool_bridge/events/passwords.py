"""Password hashes that a Moodle sends: recognised, wrapped in argon2id, never kept bare.

Keeping one lets nobody in; signing on is a right of its own. Source: RULES R39a.
"""

from __future__ import annotations

import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# The kinds that a Moodle has used: plain and salted md5, bcrypt, SHA-512 crypt.
KINDS = {
    "md5": re.compile(r"[0-9a-fA-F]{32}(:.{1,100})?"),
    "bcrypt": re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"),
    "sha512crypt": re.compile(r"\$6\$(rounds=\d{1,9}\$)?[^$]{1,16}\$[./A-Za-z0-9]{86}"),
}
# OWASP's second choice for argon2id: 19 MiB, two passes, some 20 ms.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def is_known(hashed: str | None, algorithm: str | None) -> bool:
    """Tell whether a hash is of a kind that Moodles make."""
    kinds = [KINDS[algorithm]] if algorithm in KINDS else [] if algorithm else KINDS.values()
    return bool(hashed) and any(kind.fullmatch(hashed or "") for kind in kinds)


def wrap_if_new(wrapped: str | None, hashed: str | None, algorithm: str | None) -> str | None:
    """Return the new wrapping of a hash; None when there is nothing new or nothing to keep."""
    if not hashed or not is_known(hashed, algorithm):
        return None
    if wrapped:
        try:
            _HASHER.verify(wrapped, hashed)
        except (VerifyMismatchError, InvalidHashError):
            pass
        else:
            return None
    return _HASHER.hash(hashed)
