"""The audit trail: who did what to which peer or account, and what happened to peers' keys.

Append-only; every entry is written in the transaction of the change it tells of, so that
neither is there without the other. Decides nothing and knows no page or command.
Source: RULES R22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_
from peers.model import audit_entry

COMMAND_LINE = N_("command line")
SERVER = N_("server")
# One page of the trail at most, however much a caller asks for.
MAX_ENTRIES = 500
# Details are short facts (a fingerprint, a list of services); a longer text is cut here.
MAX_DETAIL_CHARS = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done."""

    id: int
    at_unix_s: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something, and when."""

    # An admin's user name, COMMAND_LINE or SERVER.
    actor: str
    now_unix_s: int

    def note(
        self, connection: Connection, action: str, subject: str, detail: Mapping[str, object]
    ) -> None:
        """Write what was done to what into the trail, as `record`."""
        record(
            connection,
            actor=self.actor,
            action=action,
            subject=subject,
            detail=detail,
            now_unix_s=self.now_unix_s,
        )


# What was done, to what, and how.
Note = tuple[str, str, Mapping[str, object]]


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, object],
    now_unix_s: int,
) -> None:
    """Write one entry in the caller's transaction.

    `actor` is an admin's user name, COMMAND_LINE or SERVER; `action` such as "peer added";
    `subject` a peer's wwwroot or an account's name; `detail` takes what JSON can say and never a
    secret. Texts that are too long for the trail are cut.
    """
    record_all(connection, actor=actor, notes=[(action, subject, detail)], now_unix_s=now_unix_s)


def record_all(
    connection: Connection, *, actor: str, notes: Sequence[Note], now_unix_s: int
) -> None:
    """As `record` for many at once, in their order."""
    rows = [
        {
            "at_unix_s": now_unix_s,
            "actor": actor[:100],
            "action": action[:60],
            "subject": subject[:255],
            "detail": {name: _plain(value) for name, value in detail.items()},
        }
        for action, subject, detail in notes
    ]
    if rows:
        connection.execute(sa.insert(audit_entry), rows)


def entries(
    connection: Connection,
    *,
    subject: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Return the trail, newest first: of one subject or all, older than an entry or from the top.

    At most MAX_ENTRIES at a time; the next page begins before the last one's id.
    """
    query = sa.select(audit_entry).order_by(audit_entry.c.id.desc())
    if subject is not None:
        query = query.where(audit_entry.c.subject == subject)
    if before_id is not None:
        query = query.where(audit_entry.c.id < before_id)
    rows = connection.execute(query.limit(max(0, min(limit, MAX_ENTRIES)))).mappings()
    return [Entry(**row) for row in rows]


def _plain(value: object) -> object:
    """Return `value` as JSON keeps it."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(inner) for inner in value)
    return str(value)[:MAX_DETAIL_CHARS]
