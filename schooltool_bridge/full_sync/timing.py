"""When a full sync is due by itself. Pure. Source: RULES 1.10."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from schooltool_bridge.common.days import local

# The hours are counted from a time of this day, so that those of every day are the same.
_FROM = datetime(2000, 1, 1)  # noqa: DTZ001 - by the school's clock, whatever that is


def last_due(now_unix_s: int, every_hours: int, at: str, zone: tzinfo) -> int:
    """Return the last moment (unix seconds) at which a sync was due, by the school's clock.

    Every so many hours (1 or more), counted from a time of day (03:00). Where the clock is set
    forward or back, a day has one all the same.
    """
    of_day = time.fromisoformat(at)
    begin = _FROM.replace(hour=of_day.hour, minute=of_day.minute, second=of_day.second)
    here = local(now_unix_s, zone).replace(tzinfo=None, fold=0)
    every = timedelta(hours=every_hours)
    found = begin + (here - begin) // every * every
    return int(found.replace(tzinfo=zone).timestamp())
