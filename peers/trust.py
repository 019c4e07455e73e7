"""When a peer's new key is believed: one table, and nothing else decides. Pure.

A key is believed when the known key announced it, when it was fetched over verified TLS and the
peer's policy takes that for proof, or when an admin confirmed it; never because somebody sent
one. Source: PROTOCOL.md section 6 (new keys); RULES R20.
"""

from __future__ import annotations

from enum import Enum

from mnet.protocol import KeyCame


class Trust(Enum):
    """What becomes of a new key."""

    BELIEVE = "believe"
    # Put on offer: an admin compares the fingerprint (`peer accept-key`).
    WAIT = "wait"
    IGNORE = "ignore"


def judge(came: KeyCame, *, trusts_tls: bool) -> Trust:
    """Decide about a new key of a known peer that is usable and names the peer.

    `trusts_tls` is the peer's policy trust_tls_key, which counts only for what came over
    verified TLS.
    """
    return _TABLE[came, trusts_tls]


_TABLE = {
    # (how it came, the policy takes verified TLS for proof): what becomes of it
    (KeyCame.PROVEN, True): Trust.BELIEVE,
    (KeyCame.PROVEN, False): Trust.BELIEVE,
    (KeyCame.VERIFIED_TLS, True): Trust.BELIEVE,
    (KeyCame.VERIFIED_TLS, False): Trust.WAIT,
    (KeyCame.UNPROVEN, True): Trust.WAIT,
    (KeyCame.UNPROVEN, False): Trust.WAIT,
    (KeyCame.KEYSWAP, True): Trust.WAIT,
    (KeyCame.KEYSWAP, False): Trust.WAIT,
    (KeyCame.STRANGER, True): Trust.IGNORE,
    (KeyCame.STRANGER, False): Trust.IGNORE,
    (KeyCame.ADMIN, True): Trust.BELIEVE,
    (KeyCame.ADMIN, False): Trust.BELIEVE,
}
