"""How near the end of a key or certificate is, in steps. Pure.

Source: manual/notices.md; RULES R16, R17.
"""

from __future__ import annotations

DAY_S = 24 * 3600
# Each step is a notice of its own, so that it is sent again at each.
STEPS_DAYS = (1, 7, 14)


def expiry_step(end_unix_s: int, now_unix_s: int) -> str | None:
    """Return which step an end has come to: expiry-14, expiry-7, expiry-1, expired; else None."""
    left_s = end_unix_s - now_unix_s
    if left_s <= 0:
        return "expired"
    return next((f"expiry-{days}" for days in STEPS_DAYS if left_s <= days * DAY_S), None)
