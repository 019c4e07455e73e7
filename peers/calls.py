"""Looking at the journal of calls: found by peer, method, outcome and time; counted by hour.

Every question goes along the index of one peer's calls by time, newest first, so that a million
rows answer as fast as a thousand. Writes nothing. Source: RULES R16, R90.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.outcomes import BAD_ANSWER, FAULT, UNREACHABLE
from peers.journal import call_journal
from peers.model import peer

HOURS = 24
HOUR_S = 3600
# Outcomes to search for besides an exact one.
ANY_OK, ANY_FAILED = "ok", "failed"
MAX_LIMIT = 1_000
# What a page asks about "the last ..." is looked for among so many of a peer's newest calls; a
# peer that fails never is not read to its beginning for that.
LOOK_BACK_CALLS = 100_000
# Whoever calls once calls again: the methods of so many calls are the methods of a peer.
METHODS_LOOK_BACK_CALLS = 10_000

CHANGES = ("created", "updated")


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it was recorded; nothing personal is in it."""

    id: int
    peer_id: int
    # The peer's wwwroot, also of a deleted one.
    peer: str
    # "in": the peer called us; "out": we called the peer.
    direction: str
    # As it stood on the wire, so anything at all.
    method: str
    # An event's status, "ok", "fault N", "unreachable" or "bad answer".
    outcome: str
    # Why it failed, wholly or in part; else empty.
    reason: str
    # Stands in the log lines of the same call.
    correlation: str
    # None for what was recorded before durations were.
    duration_ms: int | None
    at_unix_s: int


def is_failure(outcome: str) -> bool:
    """Tell whether an outcome is that of a call that failed."""
    return outcome.startswith(FAULT) or outcome in (UNREACHABLE, BAD_ANSWER)


def find(
    connection: Connection,
    *,
    peer_id: int | None = None,
    method: str | None = None,
    outcome: str | None = None,
    direction: str | None = None,
    since_unix_s: int | None = None,
    until_unix_s: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Call]:
    """Return calls, newest first; of all peers unless one is named.

    `method` is a whole name or its last segment; `outcome` is "failed" (some of a call's events
    count too), "ok" (the opposite), or an exact one such as "fault 8400". From `since_unix_s` on,
    before `until_unix_s`. `before_id` continues behind that call, for the next page.
    """
    table = call_journal
    wanted: list[sa.ColumnElement[bool]] = []
    if method is not None:
        wanted.append(_is_method(method))
    if outcome is not None:
        wanted.append(_is_outcome(outcome))
    if direction is not None:
        wanted.append(table.c.direction == direction)
    if since_unix_s is not None:
        wanted.append(table.c.received_unix_s >= since_unix_s)
    if until_unix_s is not None:
        wanted.append(table.c.received_unix_s < until_unix_s)
    if before_id is not None:
        behind = one(connection, before_id)
        if behind is None:
            return []
        at = behind.at_unix_s
        wanted.append(table.c.received_unix_s <= at)  # as the index has it
        wanted.append(sa.or_(table.c.received_unix_s < at, table.c.id < before_id))
    limit = max(0, min(limit, MAX_LIMIT))
    # A school has a handful of peers, and each one's newest calls come straight off the index.
    everyone = connection.execute(sa.select(peer.c.id)).scalars().all()
    ids = everyone if peer_id is None else [peer_id]
    each = [_newest(connection, of, wanted, limit) for of in ids]
    merged = heapq.merge(*each, key=lambda c: (c.at_unix_s, c.id), reverse=True)
    return list(merged)[:limit]


def one(connection: Connection, call_id: int) -> Call | None:
    """Return one call."""
    row = connection.execute(_SELECT.where(call_journal.c.id == call_id)).first()
    return Call(*row) if row else None


def methods(connection: Connection, peer_id: int) -> list[str]:
    """Return the names of the methods in a peer's newest calls, sorted; to choose one from."""
    newest = _mine(peer_id, call_journal.c.method).limit(METHODS_LOOK_BACK_CALLS).subquery()
    return sorted(connection.execute(sa.select(newest.c.method).distinct()).scalars())


def counts_by_hour(
    connection: Connection, peer_id: int, day_start_unix_s: int
) -> list[tuple[int, int, int]]:
    """Return for each of the 24 hours from a moment on how many calls came in, went out, failed."""
    table = call_journal
    hour = ((table.c.received_unix_s - day_start_unix_s) // HOUR_S).label("hour")
    rows = connection.execute(
        sa.select(hour, *_COUNTS)
        .where(*_between(peer_id, day_start_unix_s, day_start_unix_s + HOURS * HOUR_S))
        .group_by(hour)
    )
    found = {int(row[0]): (int(row[1]), int(row[2]), int(row[3])) for row in rows}
    return [found.get(n, (0, 0, 0)) for n in range(HOURS)]


def last_change(connection: Connection, peer_id: int) -> Call | None:
    """Return the peer's last call that created or updated something here."""
    looked = _looked_through(peer_id)
    return _first_of(connection, looked, looked.c.outcome.in_(CHANGES))


def last_error(connection: Connection, peer_id: int) -> Call | None:
    """Return the last call to or from a peer that failed, wholly or in part."""
    looked = _looked_through(peer_id)
    return _first_of(connection, looked, failed(looked.c))


def failed(columns: Any) -> sa.ColumnElement[bool]:
    """Return the condition that a call failed, or some of its events did.

    `columns` are the journal's or a subquery's.
    """
    return sa.or_(
        columns.outcome.startswith(FAULT),
        columns.outcome.in_((UNREACHABLE, BAD_ANSWER)),
        columns.reason != "",
    )


def _looked_through(peer_id: int) -> sa.Subquery:
    table = call_journal
    newest = _mine(peer_id, table.c.id, table.c.outcome, table.c.reason, table.c.received_unix_s)
    return newest.limit(LOOK_BACK_CALLS).subquery()


def _first_of(
    connection: Connection, looked: sa.Subquery, wanted: sa.ColumnElement[bool]
) -> Call | None:
    newest = (looked.c.received_unix_s.desc(), looked.c.id.desc())
    found = connection.execute(sa.select(looked.c.id).where(wanted).order_by(*newest).limit(1))
    call_id = found.scalar()
    return None if call_id is None else one(connection, call_id)


def _newest(
    connection: Connection, peer_id: int, wanted: list[sa.ColumnElement[bool]], limit: int
) -> list[Call]:
    rows = connection.execute(
        _SELECT.where(call_journal.c.peer_id == peer_id, *wanted).order_by(*_NEWEST).limit(limit)
    )
    return [Call(*row) for row in rows]


def _mine(peer_id: int, *columns: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(*columns).where(call_journal.c.peer_id == peer_id).order_by(*_NEWEST)


def _between(peer_id: int, since_unix_s: int, until_unix_s: int) -> list[sa.ColumnElement[bool]]:
    table = call_journal
    return [
        table.c.peer_id == peer_id,
        table.c.received_unix_s >= since_unix_s,
        table.c.received_unix_s < until_unix_s,
    ]


def _is_method(method: str) -> sa.ColumnElement[bool]:
    column = call_journal.c.method
    if "/" in method:
        return column == method
    return sa.or_(column == method, column.endswith("/" + method, autoescape=True))


def _is_outcome(outcome: str) -> sa.ColumnElement[bool]:
    if outcome == ANY_FAILED:
        return failed(call_journal.c)
    if outcome == ANY_OK:
        return sa.not_(failed(call_journal.c))
    return call_journal.c.outcome == outcome


_COUNTS = (
    sa.func.sum(sa.case((call_journal.c.direction == "in", 1), else_=0)),
    sa.func.sum(sa.case((call_journal.c.direction == "out", 1), else_=0)),
    sa.func.sum(sa.case((failed(call_journal.c), 1), else_=0)),
)
_NEWEST = (call_journal.c.received_unix_s.desc(), call_journal.c.id.desc())
_SELECT: sa.Select[Any] = sa.select(
    call_journal.c.id,
    call_journal.c.peer_id,
    peer.c.wwwroot,
    call_journal.c.direction,
    call_journal.c.method,
    call_journal.c.outcome,
    call_journal.c.reason,
    call_journal.c.correlation,
    call_journal.c.duration_ms,
    call_journal.c.received_unix_s,
).select_from(call_journal.join(peer, peer.c.id == call_journal.c.peer_id))
