"""How far another site's clock is from ours, read between two moments of ours. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime


def of_date(date: str, asked_unix_s: float, answered_unix_s: float) -> float | None:
    """Read an HTTP Date as a clock's distance from ours in seconds; None when it is no date."""
    try:
        their_unix_s = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return distance_s(their_unix_s, asked_unix_s, answered_unix_s)


def distance_s(their_unix_s: float, asked_unix_s: float, answered_unix_s: float) -> float:
    """How far a clock in whole seconds, read between two moments, is ahead of ours; zero within."""
    if their_unix_s > answered_unix_s:
        return round(their_unix_s - answered_unix_s, 1)
    if their_unix_s + 1 < asked_unix_s:
        return round(their_unix_s + 1 - asked_unix_s, 1)
    return 0.0
