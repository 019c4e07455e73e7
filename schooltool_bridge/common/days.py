"""Days of the school's own clock: of a moment, from when until when, and how moments are shown.

The one home: senders once could say any second at all, and what is stored stays. So everything is
clamped to what a calendar can say, and nothing raises for a number. Pure. Source: RULES 1.8 (a day
is one of the school's zone).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from mnet import language
from mnet.moments import FIRST_DAY, LAST_DAY, exact, local

__all__ = [
    "FIRST_DAY", "LAST_DAY", "ONE_DAY", "day_of", "day_text", "first_moment", "iso", "last_moment",
    "local", "moment_text",
]  # fmt: skip

ONE_DAY = timedelta(days=1)


def day_of(unix_s: float, zone: tzinfo) -> date:
    """Return the day in which a moment falls, the calendar's first or last for one beyond it."""
    return _clamped(local(unix_s, zone).date())


def first_moment(day: date, zone: tzinfo) -> int:
    """Return when a day begins, in unix seconds."""
    return int(datetime.combine(_clamped(day), time(), zone).timestamp())


def last_moment(day: date, zone: tzinfo) -> int:
    """Return the last second of a day."""
    return int(datetime.combine(_clamped(day) + ONE_DAY, time(), zone).timestamp()) - 1


def _clamped(day: date) -> date:
    return min(max(day, FIRST_DAY), LAST_DAY)


def iso(unix_s: float) -> str:
    """A moment as ISO 8601 in UTC; the bare seconds where that has no date."""
    found = exact(unix_s, UTC)
    return str(int(unix_s)) if found is None else found.isoformat().replace("+00:00", "Z")


def day_text(unix_s: float, zone: tzinfo) -> str:
    """Write a moment's day as people read it: 21 Nov 2026; what has none as it is stored."""
    return _text(unix_s, zone, language.day)


def moment_text(unix_s: float, zone: tzinfo) -> str:
    """Write a moment as people read it: 21 Nov 2026, 09:14; what has no date as it is stored."""
    return _text(unix_s, zone, language.moment)


def _text(unix_s: float, zone: tzinfo, write: Callable[[datetime], str]) -> str:
    # A certificate without an end says 9999-12-31 in UTC, which is no day east of there.
    found = exact(unix_s, zone)
    return iso(int(unix_s)) if found is None else write(found)
