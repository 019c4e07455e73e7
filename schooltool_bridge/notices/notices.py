"""The stored notices: opened when something begins to need a hand, ended when it is over.

One open row a key. What comes back is a new row, so that somebody is told again. Severity,
remedy and link follow from the key (rules.py). Source: manual/notices.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.settings import Settings
from schooltool_bridge.notices.expiry import DAY_S
from schooltool_bridge.notices.rules import ORDER, Limits, Notice, notice
from schooltool_bridge.store.model_notices import notice as table
from schooltool_bridge.store.site_memory import one_writer

# Longer than a school year, then what is over goes.
KEPT_S = 400 * 24 * 3600
MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice with its row: since when, when it was sent, when it ended."""

    id: int
    notice: Notice
    since_unix_s: int
    sent_unix_s: int | None
    ended_unix_s: int | None


def limits_of(settings: Settings) -> Limits:
    """Return the limits that a school set."""
    return Limits(
        silent_s=settings.silent_hours * 3600,
        held=settings.held_limit,
        backup_s=settings.backup_days * DAY_S,
        zone=settings.zone,
    )


def refresh(
    connection: Connection, standing: Sequence[Notice], now_unix_s: int
) -> tuple[list[Notice], list[Notice]]:
    """Bring the rows up to what stands now; return the new notices and those that ended."""
    one_writer(connection)
    rows = connection.execute(sa.select(table).where(table.c.ended_unix_s.is_(None))).all()
    by_key = {row.key: row for row in rows}
    new = []
    for one in standing:
        row = by_key.pop(one.key, None)
        values = {"subject": one.subject, "text": one.text}
        if row is None:
            new.append(one)
            connection.execute(
                sa.insert(table).values(key=one.key, since_unix_s=now_unix_s, **values)
            )
        elif row.text != one.text:
            connection.execute(sa.update(table).where(table.c.id == row.id).values(values))
    for row in by_key.values():
        # Not before it began, whatever the clock does.
        ended_unix_s = max(now_unix_s, row.since_unix_s)
        connection.execute(
            sa.update(table).where(table.c.id == row.id).values(ended_unix_s=ended_unix_s)
        )
    connection.execute(sa.delete(table).where(table.c.ended_unix_s < now_unix_s - KEPT_S))
    return new, [stored_notice(row).notice for row in by_key.values()]


def open_notices(connection: Connection) -> list[StoredNotice]:
    """Return the notices that are open, the most urgent first, then the oldest."""
    rows = connection.execute(
        sa.select(table).where(table.c.ended_unix_s.is_(None)).order_by(table.c.id)
    )
    return sorted(
        (stored_notice(row) for row in rows), key=lambda k: ORDER.index(k.notice.severity)
    )


def latest_notices(connection: Connection) -> list[StoredNotice]:
    """Return the latest notices, open and over, newest first; at most a thousand."""
    rows = connection.execute(sa.select(table).order_by(table.c.id.desc()).limit(MAX_LISTED))
    return [stored_notice(row) for row in rows]


def stored_notice(row: sa.Row[Any]) -> StoredNotice:
    """Return a row of the table as a notice."""
    kind = row.key.partition(" ")[0]
    return StoredNotice(
        row.id,
        notice(kind, row.subject, row.text),
        row.since_unix_s,
        row.told_unix_s,
        row.ended_unix_s,
    )
