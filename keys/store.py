"""Our key pairs in the database, and the table of envelopes seen (replays.py).

No rules, no cryptography. Source: PROTOCOL.md section 2 (key history).
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keys.rotation import ARCHIVED_KEPT
from mnet.database import bump_revision, metadata

CURRENT, ARCHIVED = "current", "archived"

key_pair = sa.Table(
    "key_pair",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("certificate_pem", sa.Text, nullable=False),
    sa.Column("private_key_pem", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("not_after_unix_s", sa.BigInteger, nullable=False),
    # Ids are never given twice: an envelope's digest belongs to one key pair for ever.
    sqlite_autoincrement=True,
)

# Envelopes that were accepted under our current key (section 7).
seen_envelope = sa.Table(
    "seen_envelope",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("key_pair_id", sa.Integer, nullable=False),
    sa.Column("seen_unix_s", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key pair's row; the private half may be encrypted."""

    id: int
    certificate_pem: str
    private_key_pem: str
    fingerprint: str
    state: str
    created_unix_s: int
    not_after_unix_s: int


def all_keys(connection: Connection) -> list[StoredKey]:
    """Return the current key first, then the archived ones, newest first."""
    rows = connection.execute(sa.select(key_pair).order_by(key_pair.c.id.desc())).mappings()
    found = [StoredKey(**row) for row in rows]
    return sorted(found, key=lambda k: k.state != CURRENT)


def install(
    connection: Connection,
    *,
    certificate_pem: str,
    private_key_pem: str,
    fingerprint: str,
    created_unix_s: int,
    not_after_unix_s: int,
    replaces: int | None = None,
) -> bool:
    """Make a key pair the current one; the former goes to the archive, the oldest of that out.

    Envelopes under a key that is no longer current are never executed, so their digests go.
    With `replaces`, does nothing and returns False when that key is not the current one any
    more: of two processes that find it due, one renews it.
    """
    # On PostgreSQL, a second rotation waits here for the first, and then sees its key.
    connection.execute(sa.select(key_pair.c.id).order_by(key_pair.c.id).with_for_update()).all()
    if replaces is not None and not is_current(connection, replaces):
        return False
    connection.execute(
        sa.update(key_pair).where(key_pair.c.state == CURRENT).values(state=ARCHIVED)
    )
    connection.execute(sa.delete(seen_envelope))
    connection.execute(
        sa.insert(key_pair).values(
            certificate_pem=certificate_pem,
            private_key_pem=private_key_pem,
            fingerprint=fingerprint,
            state=CURRENT,
            created_unix_s=created_unix_s,
            not_after_unix_s=not_after_unix_s,
        )
    )
    newest = (
        sa.select(key_pair.c.id)
        .where(key_pair.c.state == ARCHIVED)
        .order_by(key_pair.c.id.desc())
        .limit(ARCHIVED_KEPT)
    )
    old = sa.and_(key_pair.c.state == ARCHIVED, key_pair.c.id.not_in(newest))
    connection.execute(sa.delete(key_pair).where(old))
    bump_revision(connection)
    return True


def is_current(connection: Connection, key_pair_id: int) -> bool:
    """Tell whether a key pair is the current one, inside the transaction that relies on it."""
    return connection.execute(_CURRENT, {"id": key_pair_id}).first() is not None


_CURRENT = sa.select(key_pair.c.id).where(
    key_pair.c.id == sa.bindparam("id"), key_pair.c.state == CURRENT
)
