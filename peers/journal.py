"""The journal of calls: who called what, when, and how it ended. Append-only; no payloads.

Source: RULES R90.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import metadata
from mnet.exchange_parts import CallRecord
from mnet.faults import CannotOpen
from mnet.outcomes import OK, of_code
from mnet.prepared import Prepared

call_journal = sa.Table(
    "call_journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False),
    sa.Column("method", sa.String(200), nullable=False),
    # SHA-256 of the signed payload; the payload itself is kept only where an event waits.
    sa.Column("payload_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("correlation", sa.String(40), nullable=False),
    # An event's status (created, held, ...), "ok", "fault N", "unreachable" or "bad answer".
    sa.Column("outcome", sa.String(40), nullable=False),
    sa.Column("received_unix_s", sa.BigInteger, nullable=False),
    # in | out: who called whom.
    sa.Column("direction", sa.String(3), nullable=False, server_default="in"),
    # From the first byte read to the outcome; None for what was recorded before this column was.
    sa.Column("duration_ms", sa.Integer, nullable=True),
    # Why it failed, in a sentence without personal data; empty when it did not.
    sa.Column("reason", sa.String(400), nullable=False, server_default=""),
    sa.Index("ix_call_journal_peer_id_received", "peer_id", "received_unix_s"),
)

_INSERT = Prepared(
    sa.insert(call_journal).values(
        {c.name: sa.bindparam(f"new_{c.name}") for c in call_journal.c if c.name != "id"}
    )
)


def record(connection: Connection, call: CallRecord) -> None:
    """Write one call down, in the transaction that applies it."""
    method = call.method
    if not method.isprintable():  # what a caller wrote, and a terminal will show it
        method = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in method)
    _INSERT.run(
        connection,
        {
            "new_peer_id": call.peer_id,
            "new_method": method[:200],
            "new_payload_digest": hashlib.sha256(call.payload).digest(),
            "new_correlation": call.correlation,
            "new_outcome": call.outcome[:40],
            "new_received_unix_s": call.at_unix_s,
            "new_direction": call.direction,
            "new_duration_ms": call.duration_ms,
            "new_reason": call.reason[:400],
        },
    )


def came_in() -> sa.ColumnElement[bool]:
    """Say which calls a peer made; whoever sealed what nobody could open is not proven."""
    calls = call_journal.c
    return sa.and_(calls.direction == "in", calls.outcome != of_code(CannotOpen.code))


def last_contact(connection: Connection, peer_id: int) -> int | None:
    """Return when a peer last called us or answered us properly, in unix seconds."""
    proper = sa.or_(came_in(), call_journal.c.outcome == OK)
    latest = (
        sa.select(call_journal.c.received_unix_s)
        .where(call_journal.c.peer_id == peer_id, proper)
        .order_by(call_journal.c.received_unix_s.desc())
        .limit(1)
    )
    return connection.execute(latest).scalar()


def payload_digest(connection: Connection, call_id: int) -> bytes | None:
    """Return the SHA-256 of what was signed in a call; None when there is no such call."""
    digest = sa.select(call_journal.c.payload_digest).where(call_journal.c.id == call_id)
    return connection.execute(digest).scalar()
