"""Moments as a calendar can say them, whatever number of seconds was stored or sent. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo

# Every zone can say these days whole; a calendar's very first and last not in each.
FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 30)
_FIRST = datetime.combine(FIRST_DAY, time.min)
_LAST = datetime.combine(LAST_DAY, time(23, 59, 59))


def exact(unix_s: float, zone: tzinfo) -> datetime | None:
    """Return a moment in a zone's own time; None where no calendar reaches."""
    try:
        return datetime.fromtimestamp(unix_s, zone)
    except (ValueError, OverflowError, OSError):
        return None


def local(unix_s: float, zone: tzinfo) -> datetime:
    """Return a moment in a zone's own time, at the calendar's nearer end where it is beyond."""
    return exact(unix_s, zone) or (_FIRST if unix_s < 0 else _LAST).replace(tzinfo=zone)
