"""When something happened by its sender's clock, and what of that is believed here.

A time lies between 1970 and 2200. One ahead of our clock took effect when we learnt it; among
what is said of one thing it keeps its place by the sender's clock, so that the same event again
is the same. One further ahead than a day is no time at all (stored before that was refused): it
is read at its arrival throughout. Pure, but for the condition in SQL. Source: RULES 1.3.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from mnet.stored_sentences import E_

DAY_S = 24 * 3600
# The last second of the year 2200, UTC.
LATEST_UNIX_S = 7_289_654_399
# How a Moodle writes an end that never comes.
NEVER_UNIX_S = 2**31 - 1
# A sender's clock may be so far ahead of ours.
MAX_AHEAD_S = DAY_S
_MS_PER_S = 1000
_WHOLE = re.compile(r"-?[0-9]{1,30}(\.0*)?")
_TOO_EARLY = E_("%(event)s: %(field)s lies before 1970.")
_TOO_LATE = E_("%(event)s: %(field)s lies after 2200.")
_MILLISECONDS = E_(
    "%(event)s: %(field)s lies after 2200; it looks like milliseconds, and is to be in seconds."
)


def says_nothing(value: object) -> bool:
    """Tell whether a sender's value stands for no time: missing, empty, or a zero."""
    return value in (None, [], False) or str(value).strip() in ("", "0", "0.0")


def beyond(value: object) -> str:
    """Return what is wrong with a sender's number of a time, a message for `english`."""
    text = str(value).strip()
    if not _WHOLE.fullmatch(text):
        return ""
    if text.startswith("-"):
        return _TOO_EARLY
    seconds = int(text.partition(".")[0])
    if seconds <= LATEST_UNIX_S:
        return ""
    return _TOO_LATE if seconds > LATEST_UNIX_S * _MS_PER_S else _MILLISECONDS


def known(unix_s: int | None) -> int | None:
    """Return a stored start or end, None for what is none: a zero, milliseconds, never."""
    if unix_s is None or unix_s == NEVER_UNIX_S or not 0 < unix_s <= LATEST_UNIX_S:
        return None
    return unix_s


def known_sql(column: sa.Column[int]) -> sa.ColumnElement[int | None]:
    """Return the same as `known` as a column."""
    is_known = sa.and_(column.between(1, LATEST_UNIX_S), column != NEVER_UNIX_S)
    return sa.case((is_known, column), else_=None)


def ordered(effective_unix_s: int, recorded_unix_s: int) -> int:
    """Return the time by which a row is put among others of its history."""
    if effective_unix_s - recorded_unix_s > MAX_AHEAD_S:
        return recorded_unix_s
    return effective_unix_s


def took_effect(row: Any) -> int:
    """Return when a row of a history took effect, in unix seconds: never before it was known.

    `row` has effective_unix_s, as its sender says, and recorded_unix_s, its first arrival.
    """
    sent: int = row.effective_unix_s
    arrived: int = row.recorded_unix_s
    return min(sent, arrived)


def in_effect_by(
    table: sa.FromClause, at_unix_s: int | sa.BindParameter[int]
) -> sa.ColumnElement[bool]:
    """Return the condition that a row of a history had taken effect by a moment."""
    return sa.or_(table.c.effective_unix_s <= at_unix_s, table.c.recorded_unix_s <= at_unix_s)


def took_effect_sql(table: sa.FromClause) -> sa.ColumnElement[int]:
    """Return the same as `took_effect` as a column."""
    sent, arrived = table.c.effective_unix_s, table.c.recorded_unix_s
    return sa.case((sent > arrived, arrived), else_=sent)


def ordered_sql(table: sa.FromClause) -> sa.ColumnElement[int]:
    """Return the same as `ordered` as a column."""
    sent, arrived = table.c.effective_unix_s, table.c.recorded_unix_s
    return sa.case((sent - arrived > MAX_AHEAD_S, arrived), else_=sent)
