"""Marks and scopes: what a peer's whole lists left out, and with which scope they are compared.

A mark on an enrolment says that it ended by absence; on anything else that it is missing there.
Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.full_sync import walking
from schooltool_bridge.history import joined
from schooltool_bridge.store.model_sync import sync_mark, sync_scope


def marked(
    connection: Connection, peer_id: int, entity: str, things: Collection[int] | None = None
) -> dict[int, int]:
    """Return what is marked as missing at a peer, with when (unix seconds): of these, or all."""
    mine = (sync_mark.c.peer_id == peer_id, sync_mark.c.entity == entity)
    query = sa.select(sync_mark.c.thing_id, sync_mark.c.missing_unix_s).where(*mine)
    if things is None:
        return {r.thing_id: r.missing_unix_s for r in connection.execute(query)}
    found: dict[int, int] = {}
    for part in in_parts(sorted(things)):
        rows = connection.execute(query.where(sync_mark.c.thing_id.in_(part)))
        found.update({r.thing_id: r.missing_unix_s for r in rows})
    return found


def missing_since(connection: Connection, entity: str, things: Collection[int]) -> dict[int, int]:
    """Return which of these are missing at the peers that brought them, since when (unix seconds).

    Not for enrolments: those that are missing ended.
    """
    found: dict[int, int] = {}
    query = sa.select(sync_mark.c.thing_id, sync_mark.c.missing_unix_s)
    # What a peer does not list any more of one that is joined with ours, ours shows.
    homes = joined.homes(connection, things) if entity == walking.SECTIONS else {}
    for part in in_parts(sorted({*things, *homes})):
        mine = (sync_mark.c.entity == entity, sync_mark.c.thing_id.in_(part))
        rows = connection.execute(query.where(*mine))
        found.update({homes.get(r.thing_id, r.thing_id): r.missing_unix_s for r in rows})
    return found


def mark(
    connection: Connection, peer_id: int, entity: str, things: Sequence[int], taken_unix_s: int
) -> None:
    """Mark things as missing at a peer since a list was taken; those marked stay as they are."""
    known = marked(connection, peer_id, entity, things)
    rows = [
        {"peer_id": peer_id, "entity": entity, "thing_id": i, "missing_unix_s": taken_unix_s}
        for i in things
        if i not in known
    ]
    if rows:
        connection.execute(sa.insert(sync_mark), rows)


def unmark(connection: Connection, peer_id: int, entity: str, things: Collection[int]) -> None:
    """Delete marks: these things are listed again."""
    for part in in_parts(sorted(things)):
        mine = (sync_mark.c.peer_id == peer_id, sync_mark.c.entity == entity)
        connection.execute(sa.delete(sync_mark).where(*mine, sync_mark.c.thing_id.in_(part)))


def scope_of(connection: Connection, peer_id: int, entity: str) -> str | None:
    """Return the scope with which a walk is compared; None before the first whole one."""
    mine = (sync_scope.c.peer_id == peer_id, sync_scope.c.entity == entity)
    found: str | None = connection.execute(sa.select(sync_scope.c.scope).where(*mine)).scalar()
    return found


def set_scope(connection: Connection, peer_id: int, entity: str, scope: str) -> None:
    """Keep the scope with which the next walks are compared."""
    mine = (sync_scope.c.peer_id == peer_id, sync_scope.c.entity == entity)
    if not connection.execute(sa.update(sync_scope).where(*mine).values(scope=scope)).rowcount:
        values = {"peer_id": peer_id, "entity": entity, "scope": scope}
        connection.execute(sa.insert(sync_scope).values(values))
