"""How many events are in the inbox in which state, stored beside it instead of counted anew.

Each event that comes or changes its state moves the count in its own transaction, so that holding
one costs the same however many are held. Called by inbox.py alone. Source: RULES 1.3, R89.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.store.model import inbox_count


def move(
    connection: Connection, peer_id: int, before: str | None, after: str | None, events: int = 1
) -> None:
    """Count events out of one state and into another; None: they were, or are, not there."""
    if before == after:
        return
    if before is not None:
        _add(connection, peer_id, before, -events)
    if after is not None:
        _add(connection, peer_id, after, events)


def counts(connection: Connection, peer_id: int | None = None) -> Mapping[tuple[int, str], int]:
    """Return how many events there are by peer's id and status, of one peer or all."""
    query, values = (_ALL, {}) if peer_id is None else (_OF_PEER, {"peer": peer_id})
    return {(of, status): count for of, status, count in connection.execute(query, values)}


def _add(connection: Connection, peer_id: int, status: str, events: int) -> None:
    values = {"peer": peer_id, "in_status": status, "more": events}
    if not connection.execute(_MOVE, values).rowcount:
        connection.execute(_FIRST, values)


# Made once: they are on the way of every event that is held.
_TABLE = inbox_count
_ALL = sa.select(_TABLE.c.peer_id, _TABLE.c.status, _TABLE.c.events).where(_TABLE.c.events > 0)
_OF_PEER = _ALL.where(_TABLE.c.peer_id == sa.bindparam("peer"))
_MOVE = (
    sa.update(_TABLE)
    .where(_TABLE.c.peer_id == sa.bindparam("peer"), _TABLE.c.status == sa.bindparam("in_status"))
    .values(events=_TABLE.c.events + sa.bindparam("more"))
)
_FIRST = sa.insert(_TABLE).values(
    peer_id=sa.bindparam("peer"),
    status=sa.bindparam("in_status"),
    events=sa.bindparam("more"),
)
