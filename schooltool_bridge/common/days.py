"""Days of the school's own clock, and the format's ends of time, which exclude their day.

Pure. Source: RULES 1.8 (a day is one of the school's zone); OneRoster: endDate is the first
day that does not belong any more.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
# Senders may claim any second at all; a school's records lie between these.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 30)


def day_of(unix_s: int, zone: ZoneInfo) -> date:
    """Return the day in which a moment falls, kept within sane years."""
    try:
        found = datetime.fromtimestamp(unix_s, UTC).astimezone(zone).date()
    except (ValueError, OverflowError, OSError):
        return LATEST if unix_s > 0 else EARLIEST
    return min(max(found, EARLIEST), LATEST)


def first_moment(day: date, zone: ZoneInfo) -> int:
    """Return when a day begins, in unix seconds."""
    return int(datetime.combine(day, time(), zone).timestamp())


def last_moment(day: date, zone: ZoneInfo) -> int:
    """Return the last second of a day."""
    return first_moment(day + ONE_DAY, zone) - 1


def iso(unix_s: int) -> str:
    """A moment as ISO 8601 in UTC; the bare seconds where that has no date."""
    try:
        return datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(unix_s)
