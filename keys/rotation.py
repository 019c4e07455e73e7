"""When a key is renewed, what is kept of old ones, how a peer's expiry is judged.

Pure rules; time is an argument. Source: PROTOCOL.md section 2; RULES R20.
"""

from __future__ import annotations

from typing import Literal

# Renewed this long before the end, so that nobody ever meets an expired one of ours. Peers
# need no overlap: they learn the new key by fault 7025 with their next call.
RENEW_BEFORE_S = 2 * 24 * 3600
# A short-lived key (tests, a nervous admin) is renewed in the last tenth of its life.
RENEW_LAST_SHARE = 10
# Seven generations of 28 days: a Moodle that was silent for half a year still finds the way.
ARCHIVED_KEPT = 6
# A peer's certificate that ends within this time is pointed out.
SOON_S = 14 * 24 * 3600

Expiry = Literal["ok", "soon", "expired", "unknown"]


def is_due(created_unix_s: int, not_after_unix_s: int, now_unix_s: int) -> bool:
    """Tell whether our current key should be replaced now."""
    life_s = max(not_after_unix_s - created_unix_s, 0)
    return now_unix_s >= not_after_unix_s - min(RENEW_BEFORE_S, life_s // RENEW_LAST_SHARE)


def judge_expiry(not_after_unix_s: int | None, now_unix_s: int) -> Expiry:
    """Judge a peer's certificate, for warnings only: an expired one goes on working."""
    if not_after_unix_s is None:
        return "unknown"
    if not_after_unix_s <= now_unix_s:
        return "expired"
    return "soon" if not_after_unix_s - now_unix_s <= SOON_S else "ok"
