"""What the inbox holds, for lists and for going through it in parts.

Source: RULES 1.3, R90.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer
from schooltool_bridge.events import inbox_counts
from schooltool_bridge.events.inbox import _ENTRIES, HELD, OPEN, Entry, _entry
from schooltool_bridge.store.model import inbox


def find_events(
    connection: Connection,
    *,
    statuses: Iterable[str] = OPEN,
    peer_id: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Return events in these states, newest first: of one peer or all, older than one or all."""
    # Each peer's newest of each state come straight off the index.
    everyone = connection.execute(sa.select(peer.c.id)).scalars().all()
    each = []
    for of in everyone if peer_id is None else [peer_id]:
        for status in statuses:
            query = _ENTRIES.where(inbox.c.peer_id == of, inbox.c.status == status)
            if before_id is not None:
                query = query.where(inbox.c.id < before_id)
            rows = connection.execute(query.order_by(inbox.c.id.desc()).limit(limit))
            each.append([_entry(row) for row in rows])
    return list(heapq.merge(*each, key=lambda e: e.id, reverse=True))[:limit]


def held_ids(connection: Connection, peer_id: int, *, after_id: int, limit: int) -> list[int]:
    """Return the ids of a peer's held events that came after one of them.

    Those that came first, at most `limit`; in the order in which they happened.
    """
    mine = sa.and_(inbox.c.peer_id == peer_id, inbox.c.status == HELD, inbox.c.id > after_id)
    first = sa.select(inbox.c.id).where(mine).order_by(inbox.c.id).limit(limit)
    in_order = (inbox.c.effective_unix_s, inbox.c.seq, inbox.c.id)
    query = sa.select(inbox.c.id).where(inbox.c.id.in_(first)).order_by(*in_order)
    return list(connection.execute(query).scalars())


def held_after(connection: Connection, peer_id: int, after_id: int) -> int:
    """Count a peer's held events that came after one of them."""
    mine = sa.and_(inbox.c.peer_id == peer_id, inbox.c.status == HELD, inbox.c.id > after_id)
    return connection.execute(
        sa.select(sa.func.count()).select_from(inbox).where(mine)
    ).scalar_one()


def count_by_status(
    connection: Connection, peer_id: int | None = None
) -> Mapping[tuple[int, str], int]:
    """Return how many events are open by peer's id and status; of one peer or all."""
    found = inbox_counts.counts(connection, peer_id)
    return {where: count for where, count in found.items() if where[1] in OPEN}
