"""Which envelopes were seen, so that a replay is refused. Source: PROTOCOL.md section 7."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from keys.store import CURRENT, key_pair, seen_envelope
from mnet.engines import POSTGRESQL, SQLITE, kind_of
from mnet.prepared import Prepared


def remember(connection: Connection, digest: bytes, key_pair_id: int, now_unix_s: int) -> bool:
    """Note an envelope that the current key opened.

    False when it was noted before (also by a parallel transaction), or when the key was retired
    in the meantime: what a rotation forgot must not run a second time.
    """
    if not connection.in_transaction():
        # What goes straight to the driver begins no transaction that SQLAlchemy knows of, and
        # its commit() would do nothing: the note must last also when it is all that was written.
        connection.begin()
    insert = _REMEMBER[kind_of(connection)]
    values = {"new_digest": digest, "key_id": key_pair_id, "now": now_unix_s}
    return bool(insert.run(connection, values).rowcount == 1)


def is_seen(connection: Connection, digest: bytes) -> bool:
    """Tell whether an envelope was noted."""
    return connection.execute(_SEEN, {"digest": digest}).first() is not None


_IF_CURRENT = sa.select(
    sa.bindparam("new_digest", type_=sa.LargeBinary),
    key_pair.c.id,
    sa.bindparam("now", type_=sa.BigInteger),
).where(key_pair.c.id == sa.bindparam("key_id"), key_pair.c.state == CURRENT)
_COLUMNS = ["digest", "key_pair_id", "seen_unix_s"]
_REMEMBER = {
    # SQLite's parser needs the WHERE, which is there, to tell the ON of the upsert from a join's.
    SQLITE: Prepared(
        sqlite.insert(seen_envelope).from_select(_COLUMNS, _IF_CURRENT).on_conflict_do_nothing()
    ),
    # The shared lock makes a rotation wait for us, or us for it.
    POSTGRESQL: Prepared(
        postgresql.insert(seen_envelope)
        .from_select(_COLUMNS, _IF_CURRENT.with_for_update(read=True))
        .on_conflict_do_nothing()
    ),
}
_SEEN = sa.select(seen_envelope.c.digest).where(seen_envelope.c.digest == sa.bindparam("digest"))
