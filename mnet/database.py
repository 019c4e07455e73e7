"""The one place where SQLite and PostgreSQL differ: engines, transactions, the shared MetaData.

Packages define their tables on `metadata`; migrations live in schooltool_bridge/migrations.
Nothing here knows what any table means. Functions elsewhere take a Connection and return plain
values, never live rows.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row whose token changes with every change of configuration (a peer, a key, a service), so
# that a running server sees at once what a command did. Random, so that it also differs after
# an older store was restored.
store_revision = sa.Table(
    "store_revision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("token", sa.String(32), nullable=False),
)

# A writer waits this long for another process (a command beside a running server).
BUSY_TIMEOUT_MS = 30_000


class Database:
    """One engine with short transactions.

    `write()` gives a transaction that commits when its block ends and rolls back when it raises.
    SQLite has one writer at a time, so writers of this process queue on a lock and the
    transaction begins IMMEDIATE: no deadlock by upgrading a read, no SQLITE_BUSY half way.
    """

    def __init__(self, url: str) -> None:
        """Open the database at `url` (sqlite:///FILE or postgresql+psycopg://...); no I/O yet."""
        self.url = make_url(url)
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine: Engine = (
            _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url)
        )
        self._writer = threading.Lock() if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection inside a read transaction; nothing it does is kept."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside a transaction that commits when the block ends."""
        with self._writer or nullcontext(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for a server database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None


def _sqlite_engine(url: sa.URL) -> Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # an acknowledged event survives a power cut
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgres_engine(url: sa.URL) -> Engine:
    return sa.create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo only what the block did when it raises; the transaction around it goes on."""
    with connection.begin_nested():
        yield


def read_revision(connection: Connection) -> str:
    """Return the token of the store's configuration; empty when there is none yet."""
    row = connection.execute(_REVISION).first()
    return str(row[0]) if row else ""


def bump_revision(connection: Connection) -> None:
    """Say, in the transaction of the change, that configuration changed."""
    token = {"token": secrets.token_hex(16)}
    if not connection.execute(sa.update(store_revision).values(**token)).rowcount:
        connection.execute(sa.insert(store_revision).values(id=1, **token))


def one_at_a_time(connection: Connection, peer_id: int) -> None:
    """Let transactions about one peer's data follow each other (PostgreSQL; SQLite always does)."""
    if connection.dialect.name == "postgresql":
        connection.execute(_PEER_LOCK, {"peer_id": peer_id})


_REVISION = sa.select(store_revision.c.token)
_PEER_LOCK = sa.text("SELECT pg_advisory_xact_lock(7020, :peer_id)")
