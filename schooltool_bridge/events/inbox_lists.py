"""What the inbox holds, for lists and for going through it in parts.

Source: RULES 1.3, R90.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from peers.model import peer
from schooltool_bridge.common.ids import key
from schooltool_bridge.events import inbox_counts
from schooltool_bridge.events.inbox import (
    _ENTRIES,
    DECLINED,
    HELD,
    OPEN,
    Entry,
    Waiting,
    _entry,
    _row,
)
from schooltool_bridge.store.model import inbox, inbox_wait


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
    connection: Connection, peer_id: int | None = None, *, among: Collection[str] = OPEN
) -> Mapping[tuple[int, str], int]:
    """Return how many events are open by peer's id and status; of one peer or all."""
    found = inbox_counts.counts(connection, peer_id)
    return {where: count for where, count in found.items() if where[1] in among}


def declined(connection: Connection, peer_id: int, keys: Iterable[str]) -> list[Waiting]:
    """Return a peer's events that are kept out and would wait for one of these."""
    found: dict[int, Waiting] = {}
    for some in in_parts(sorted({key(k) for k in keys})):
        waits = sa.select(inbox_wait.c.inbox_id).where(
            inbox_wait.c.peer_id == peer_id, inbox_wait.c.key.in_(some)
        )
        rows = connection.execute(
            sa.select(inbox).where(inbox.c.id.in_(waits), inbox.c.status == DECLINED)
        )
        found |= {row.id: _row(row) for row in rows}
    return list(found.values())
