"""Sign-offs that are still to be sent to peers: errands, for as long as the sessions could last.

Each is remembered in the transaction that ends the sessions, so that neither a restart nor a full
queue forgets it, and goes away in the one that makes it untrue: the same person is there again in
the same browser, and telling it late would end that. Source: RULES 1.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.store.model_errands import errand


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """Somebody of ours at a peer: what ends it over there (kill_child)."""

    peer_id: int
    # As the peer calls the person.
    username: str
    agent_sha1: str


def remember(connection: Connection, kind: str, ends: Mapping[Visit, int]) -> None:
    """Remember sign-offs that are to be sent, and until when (Unix s) the sessions could last."""
    peer_ids = {visit.peer_id for visit in ends}
    table, left = errand.c, dict(ends)
    mine = sa.select(table.id, table.peer_id, table.about).where(
        table.peer_id.in_(peer_ids), table.kind == kind
    )
    for row in connection.execute(mine).all():
        until_unix_s = left.pop(Visit(row.peer_id, **row.about), None)
        if until_unix_s is not None:
            again = {"version": table.version + 1, "tries": 0, "due_unix_s": 0}
            connection.execute(
                sa.update(errand)
                .where(table.id == row.id)
                .values(until_unix_s=until_unix_s, **again)
            )
    rows = [
        {
            "peer_id": visit.peer_id,
            "kind": kind,
            "person_id": None,
            "about": {"username": visit.username, "agent_sha1": visit.agent_sha1},
            "version": 0,
            "tries": 0,
            # At once.
            "due_unix_s": 0,
            "taken_until_unix_s": 0,
            "until_unix_s": until_unix_s,
        }
        for visit, until_unix_s in sorted(left.items())
    ]
    if rows:
        connection.execute(sa.insert(errand), rows)


def is_left(connection: Connection, kind: str, visit: Visit) -> bool:
    """Tell whether a sign-off of a visit is still to be sent to a peer."""
    mine = sa.select(errand.c.id).where(*_about(kind, visit)).limit(1)
    return connection.execute(mine).first() is not None


def forget(connection: Connection, kind: str, visit: Visit) -> None:
    """Forget a sign-off that was sent, or is true no more."""
    connection.execute(sa.delete(errand).where(*_about(kind, visit)))


def _about(kind: str, visit: Visit) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        errand.c.peer_id == visit.peer_id,
        errand.c.kind == kind,
        errand.c.about["username"].as_string() == visit.username,
        errand.c.about["agent_sha1"].as_string() == visit.agent_sha1,
    )
