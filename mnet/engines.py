"""The two kinds of databases: which one it is, and how connections are made and found broken.

Whoever does something in another way on one of them asks here which it is, and nobody asks
SQLAlchemy (tests/test_layers.py). What differs stands where it is done.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from mnet.folding import SQLITE_NAME, folded

SQLITE, POSTGRESQL = "sqlite", "postgresql"

# A writer waits this long for others, in this process and in another one (a command beside a
# running server). Twice is less than the 60 s after which a Moodle gives up.
BUSY_TIMEOUT_MS = 15_000
# A database server that does not answer; the system's own time would be minutes.
CONNECT_TIMEOUT_S = 10

# SQLite's log is written back into the database at this size (16 MB). A page that a thousand calls
# change, such as an index's last, is then written back once for all of them.
CHECKPOINT_PAGES = 4_000


def is_sqlite(connection: Connection) -> bool:
    """Tell whether a connection is to a SQLite file; else it is to a PostgreSQL server."""
    return kind_of(connection) == SQLITE


def is_sqlite_url(url: str | sa.URL) -> bool:
    """Tell whether an address, as settings give it, is of a SQLite file."""
    return sa.make_url(url).get_backend_name() == SQLITE


def kind_of(connection: Connection) -> str:
    """Return SQLITE or POSTGRESQL, for tables with an entry for each."""
    return connection.dialect.name


def sqlite_engine(url: sa.URL) -> Engine:
    """Return the engine for a file."""
    wait = {"timeout": BUSY_TIMEOUT_MS / 1000}
    engine = sa.create_engine(url, connect_args=wait, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # an acknowledged event survives a power cut
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function(SQLITE_NAME, 1, _folded, deterministic=True)

    return engine


def _folded(text: object) -> str | None:
    return folded(text) if isinstance(text, str) else None


def postgres_engine(url: sa.URL) -> Engine:
    """Return the engine for a server."""
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    engine = sa.create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=BUSY_TIMEOUT_MS / 1000,
        pool_pre_ping=True,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        connection.commit()

    return engine


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection."""
    return connection.connection.dbapi_connection


def begin(driver: Any, left_ms: int) -> None:
    """Begin a transaction that writes, straight in SQLite's driver: it is on every call's way."""
    if left_ms == BUSY_TIMEOUT_MS:
        driver.execute("BEGIN IMMEDIATE")
        return
    driver.execute(f"PRAGMA busy_timeout={left_ms}")
    try:
        driver.execute("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def check_open(connection: Connection) -> None:
    """Raise the driver's error when the transaction was ended by a failure that somebody caught.

    Both drivers' commit() would say that all is well then.
    """
    driver = driver_of(connection)
    if is_sqlite(connection):
        is_open = driver.in_transaction
    else:
        is_open = driver.info.transaction_status.name != "INERROR"
    if not is_open:
        error = connection.dialect.loaded_dbapi.OperationalError
        raise error("the transaction was ended before its time")
