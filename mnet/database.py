"""The one place where SQLite and PostgreSQL differ: engines, transactions, the shared MetaData.

Packages define their tables on `metadata`; migrations live in schooltool_bridge/migrations.
Nothing here knows what any table means. Functions elsewhere take a Connection and return plain
values, never live rows.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite as sqlite_dialect
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

# A running server sees what a command changed after at most this time.
REVISION_AGE_S = 0.2

# Works that share one commit; more would let the first wait too long.
BATCH = 32

# How long the first waits for those who are on their way (they are in the middle of their RSA).
GATHER_S = 0.003
GATHER_STEP_S = 0.0005

# Rows of one statement, and values that it looks for: far from what a database takes at most.
ROWS_AT_ONCE = 1000

# A writer waits this long for another process (a command beside a running server).
BUSY_TIMEOUT_MS = 30_000


T = TypeVar("T")


class _Job:
    """A work that waits for the writer's place."""

    __slots__ = ("is_leading", "problem", "result", "turn", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.problem: BaseException | None = None
        # Let go of when the work is done, or when it is this thread that runs what waits.
        self.turn = threading.Lock()
        self.turn.acquire()
        self.is_leading = False


class Prepared:
    """A statement on every call's way: compiled once, run straight by the driver.

    Rows come as the driver gives them: plain tuples, a boolean of SQLite as 0 or 1.
    """

    def __init__(self, statement: sa.sql.ClauseElement) -> None:
        """Keep the statement; it is compiled for a kind of database when it first runs there."""
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run with values for every bind parameter; return the driver's cursor."""
        name = connection.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            named = sqlite_dialect.dialect(paramstyle="named")
            dialect = named if name == "sqlite" else connection.dialect
            made = self._statement.compile(dialect=dialect)
            compiled = self._compiled[name] = (str(made), dict(made.params))
        text, constants = compiled
        driver: Any = connection.connection.dbapi_connection
        return driver.execute(text, {**constants, **values} if constants else values)


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
        self._jobs: deque[_Job] = deque()
        self._is_led = False
        self._coming = 0
        self._counting = threading.Lock()
        self._writing: Connection | None = None
        self._revision = ""
        self._revision_until = 0.0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection inside a read transaction; nothing it does is kept."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside a transaction that commits when the block ends."""
        with self._writer or nullcontext(), self.engine.connect() as connection:
            connection.begin()  # else commit() does nothing after raw statements (Prepared) only
            if self.is_sqlite:
                # Straight to the driver: this is on every call's way.
                connection.connection.cursor().execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
            if connection.info.pop(_BUMPED, None):
                self._revision_until = 0.0

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """As `write()`, for migrations: a SQLite table may be made anew while others refer to it.

        Raises RuntimeError, and keeps nothing, when a reference leads nowhere at the end.
        """
        if not self.is_sqlite:
            with self.write() as connection:
                yield connection
            return
        with self._writer or nullcontext(), self.engine.connect() as connection:
            raw = connection.connection.cursor()
            raw.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
            try:
                connection.begin()
                raw.execute("BEGIN IMMEDIATE")
                yield connection
                if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
                    raise RuntimeError(f"a reference from table {broken[0]} leads nowhere")
                connection.commit()
            finally:
                connection.rollback()
                raw.execute("PRAGMA foreign_keys=ON")

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Announce that the block will probably apply something, which is worth waiting for."""
        with self._counting:
            self._coming += 1
        try:
            yield
        finally:
            with self._counting:
                self._coming -= 1

    def apply(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own and return its result once that is durable.

        On SQLite, works that wait at the same time share one commit, and so one wait for the
        disk: whoever gets the writer's place first gives those announced as `coming` a moment to
        join, then runs all that queue. Another's failure makes `work` run a second time (the
        first was rolled back), so it has no effect but on the connection and its result.
        """
        if self._writer is None:
            with self.write() as connection:
                return work(connection)
        job = _Job(work)
        with self._counting:
            self._jobs.append(job)
            job.is_leading = not self._is_led
            self._is_led = True
        if not job.is_leading:
            job.turn.acquire()
        if job.is_leading:
            self._lead(job)
        if job.problem is not None:
            raise job.problem
        return cast("T", job.result)

    def _lead(self, leader: _Job) -> None:
        """Run what waits, the leader's own among it, then let the next lead."""
        batch = self._gather()
        with self._writer or nullcontext():
            self._run(batch)
        with self._counting:
            following = self._jobs[0] if self._jobs else None
            self._is_led = following is not None
        if following is not None:
            following.is_leading = True
            following.turn.release()
        for job in batch:
            if job is not leader:
                job.turn.release()

    def _gather(self) -> list[_Job]:
        until = time.monotonic() + GATHER_S
        while len(self._jobs) < min(self._coming, BATCH) and time.monotonic() < until:
            time.sleep(GATHER_STEP_S)
        return [self._jobs.popleft() for _ in range(min(len(self._jobs), BATCH))]

    def _run(self, batch: list[_Job]) -> None:
        # One connection for all batches: getting one from the pool takes as long as a statement.
        connection = self._writing = self._writing or self.engine.connect()
        try:
            if not self._run_together(connection, batch):
                self._run_one_by_one(connection, batch)
            if connection.info.pop(_BUMPED, None):
                self._revision_until = 0.0
        except Exception as problem:  # noqa: BLE001 - nothing of the batch was kept
            connection.invalidate()
            connection.close()
            self._writing = None
            for job in batch:
                job.problem = problem

    def _run_together(self, connection: Connection, batch: list[_Job]) -> bool:
        """Run all in one transaction; False when one failed and nothing was kept."""
        cursor = connection.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        for job in batch:
            try:
                job.result = job.work(connection)
            except BaseException as problem:  # noqa: BLE001 - goes to whoever waits for it
                job.problem = problem
                cursor.execute("ROLLBACK")
                return len(batch) == 1
        cursor.execute("COMMIT")
        return True

    def _run_one_by_one(self, connection: Connection, batch: list[_Job]) -> None:
        """Run all in one transaction, each behind a savepoint that a failure goes back to."""
        cursor = connection.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        for job in batch:
            cursor.execute("SAVEPOINT job")
            job.problem = None
            try:
                job.result = job.work(connection)
            except BaseException as problem:  # noqa: BLE001 - goes to whoever waits for it
                job.problem = problem
                cursor.execute("ROLLBACK TO job")
            cursor.execute("RELEASE job")
        cursor.execute("COMMIT")

    def revision(self) -> str:
        """Return the token of the store's configuration, at most a fraction of a second old.

        What this process changed itself shows at once.
        """
        now = time.monotonic()
        if now >= self._revision_until:
            with self.read() as connection:
                self._revision = read_revision(connection)
            self._revision_until = now + REVISION_AGE_S
        return self._revision

    def close(self) -> None:
        """Close every connection."""
        if self._writing is not None:
            self._writing.close()
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


def in_parts(some: Sequence[T], size: int = ROWS_AT_ONCE) -> Iterator[Sequence[T]]:
    """Cut a long list into parts that one statement takes."""
    return (some[start : start + size] for start in range(0, len(some), size))


def insert_all(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
) -> list[int]:
    """Insert rows, all with the same columns, by few statements; return their ids in order."""
    if not rows:
        return []
    if connection.dialect.name == "sqlite":
        # It gives each row the number after the last one's, and nobody else writes meanwhile.
        made = connection.execute(sa.insert(table).returning(table.c.id), rows)
        return sorted(made.scalars())
    ordered = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(connection.execute(ordered, rows).scalars())


def read_revision(connection: Connection) -> str:
    """Return the token of the store's configuration; empty when there is none yet."""
    row = connection.execute(_REVISION).first()
    return str(row[0]) if row else ""


def bump_revision(connection: Connection) -> None:
    """Say, in the transaction of the change, that configuration changed."""
    connection.info[_BUMPED] = True
    token = {"token": secrets.token_hex(16)}
    if not connection.execute(sa.update(store_revision).values(**token)).rowcount:
        connection.execute(sa.insert(store_revision).values(id=1, **token))


def one_at_a_time(connection: Connection, peer_id: int) -> None:
    """Let transactions about one peer's data follow each other (PostgreSQL; SQLite always does)."""
    if connection.dialect.name == "postgresql":
        connection.execute(_PEER_LOCK, {"peer_id": peer_id})


_BUMPED = "revision bumped"
_REVISION = sa.select(store_revision.c.token)
_PEER_LOCK = sa.text("SELECT pg_advisory_xact_lock(7020, :peer_id)")
