"""Transactions, on SQLite or PostgreSQL (engines.py), and the shared MetaData.

Packages define their tables on `metadata`; migrations live in schooltool_bridge/migrations.
Nothing here knows what any table means. Functions elsewhere take a Connection and return plain
values, never live rows.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url

from mnet.engines import (
    BUSY_TIMEOUT_MS,
    begin,
    check_open,
    driver_of,
    is_sqlite,
    is_sqlite_url,
    postgres_engine,
    sqlite_engine,
)
from mnet.store_errors import busy, wrapped

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

# Rows of one statement, and values that it looks for: far from what a database takes at most.
ROWS_AT_ONCE = 1000

# Who waited this long for writers of this process waits the less for those of others.
LONG_WAIT_MS = 1_000


T = TypeVar("T")


@dataclass(slots=True)
class Outcome:
    """What came of a work: its result, or why nothing of it was kept."""

    result: Any = None
    problem: Exception | None = None

    def resume(self, generator: Generator[T, Any, Any]) -> Callable[[], T]:
        """Return what goes on with a generator that waits for this; once.

        The problem is dropped here: it knows the frames that it came through, which know this, and
        a circle keeps every byte of a call until somebody looks for circles.
        """
        problem, self.problem = self.problem, None
        if problem is not None:
            return partial(generator.throw, problem)
        return partial(generator.send, self.result)


_Batch: TypeAlias = list[tuple[Callable[[Connection], object], Outcome]]


class Database:
    """One engine with short transactions.

    `write()` gives a transaction that commits when its block ends and rolls back when it raises.
    SQLite has one writer at a time, so writers of this process queue on a lock and the
    transaction begins IMMEDIATE: no deadlock by upgrading a read, no SQLITE_BUSY half way.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        """Open the database at `url` (sqlite:///FILE or postgresql+psycopg://...); no I/O yet."""
        # Shared with the engine, which must not keep this object alive.
        self._clock = [clock]
        self.url = make_url(url)
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.is_sqlite = is_sqlite_url(self.url)
        self.engine: Engine = (
            sqlite_engine(self.url) if self.is_sqlite else postgres_engine(self.url)
        )
        self.engine.update_execution_options(clock=self._clock)
        self._driver_error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        self._writer = threading.Lock() if self.is_sqlite else None
        self._writing: Connection | None = None
        self._revision = ""
        self._revision_until = 0.0

    @property
    def clock(self) -> Callable[[], float]:
        """Gives unix seconds: what `now_unix_s` says on its connections."""
        return self._clock[0]

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self._clock[0] = clock

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection inside a read transaction; nothing it does is kept."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except self._driver_error as problem:
            raise wrapped(problem, self.engine.dialect) from problem

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside a transaction that commits when the block ends.

        Whatever fails, the COMMIT too, nothing is kept and the connection is as before.
        """
        try:
            with self._as_writer() as left_ms, self.engine.connect() as connection:
                connection.begin()  # else commit() does nothing after raw statements only
                if self.is_sqlite:
                    begin(driver_of(connection), left_ms)
                yield connection
                _commit(connection)
                if connection.info.pop(_BUMPED, None):
                    self._revision_until = 0.0
        except self._driver_error as problem:
            raise wrapped(problem, self.engine.dialect) from problem

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """As `write()`, for migrations: a SQLite table may be made anew while others refer to it.

        Raises RuntimeError, and keeps nothing, when a reference leads nowhere at the end.
        """
        if not self.is_sqlite:
            with self.write() as connection:
                yield connection
            return
        with self._as_writer(), self.engine.connect() as connection:
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

    @property
    def works_per_commit(self) -> int:
        """How many works share a commit; on PostgreSQL transactions run beside each other."""
        return BATCH if self.is_sqlite else 1

    def apply(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is durable."""
        [outcome] = self.apply_all([work])
        problem, outcome.problem = outcome.problem, None
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # as in Outcome.tell: no circle
        return cast("T", outcome.result)

    def apply_all(self, works: Sequence[Callable[[Connection], object]]) -> list[Outcome]:
        """Run each of the works, and return what came of them once that is durable.

        On SQLite they share one commit, and so one wait for the disk. A failure is its own work's
        alone, but makes the others run a second time (the first was rolled back), so a work has
        no effect but on the connection and its result.
        """
        outcomes = [Outcome() for _ in works]
        batch = list(zip(works, outcomes, strict=True))
        if self._writer is None:
            for work, outcome in batch:
                try:
                    with self.write() as connection:
                        outcome.result = work(connection)
                except Exception as problem:  # noqa: BLE001 - goes to whoever waits for it
                    outcome.problem = problem
        else:
            try:
                with self._as_writer() as left_ms:
                    self._run(batch, left_ms)
            except Exception as problem:  # noqa: BLE001 - nothing of the batch was kept
                for _work, outcome in batch:
                    outcome.problem = problem
            for outcome in outcomes:
                if outcome.problem is not None:
                    outcome.problem = wrapped(outcome.problem, self.engine.dialect)
        return outcomes

    @contextmanager
    def _as_writer(self) -> Iterator[int]:
        """Wait for this process's other writers; give how long others may be waited for, in ms."""
        if self._writer is None:
            yield BUSY_TIMEOUT_MS
            return
        left_ms = BUSY_TIMEOUT_MS
        if not self._writer.acquire(blocking=False):
            started_s = time.monotonic()
            if not self._writer.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
                raise busy(self.engine.dialect)
            waited_ms = round((time.monotonic() - started_s) * 1000)
            if waited_ms > LONG_WAIT_MS:
                left_ms = max(1, BUSY_TIMEOUT_MS - waited_ms)
        try:
            yield left_ms
        finally:
            self._writer.release()

    def _run(self, batch: _Batch, left_ms: int) -> None:
        try:
            # One connection for all batches: getting one from the pool takes long.
            self._writing = self._writing or self.engine.connect()
            if not self._run_in_one(self._writing, batch, left_ms):
                self._run_one_by_one(self._writing, batch)
            if self._writing.info.pop(_BUMPED, None):
                self._revision_until = 0.0
        except Exception:
            if self._writing is not None:
                self._writing.invalidate()  # which rolls back, whatever state it is in
                self._writing.close()
                self._writing = None
            raise

    def _run_in_one(self, connection: Connection, batch: _Batch, left_ms: int) -> bool:
        """Run all in one transaction; False when one failed and nothing was kept."""
        driver = driver_of(connection)
        begin(driver, left_ms)
        for work, outcome in batch:
            try:
                outcome.result = work(connection)
            except Exception as problem:  # noqa: BLE001 - goes to whoever waits for it
                outcome.problem = problem
                if driver.in_transaction:  # a full disk may have ended it already
                    driver.execute("ROLLBACK")
                return len(batch) == 1
        driver.execute("COMMIT")
        return True

    def _run_one_by_one(self, connection: Connection, batch: _Batch) -> None:
        """Run all in one transaction, each behind a savepoint that a failure goes back to."""
        driver = driver_of(connection)
        begin(driver, BUSY_TIMEOUT_MS)
        for work, outcome in batch:
            driver.execute("SAVEPOINT job")
            outcome.problem = None
            try:
                outcome.result = work(connection)
            except Exception as problem:
                outcome.problem = problem
                if not driver.in_transaction:
                    raise  # SQLite ended it by itself, and with it what the others did
                driver.execute("ROLLBACK TO job")
            driver.execute("RELEASE job")
        driver.execute("COMMIT")

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
        """Close every connection that nobody is at work on.

        One amid a write ends with the process: rolled back from here, the rest of that write
        would be kept without its beginning.
        """
        if self._writer is not None and self._writer.acquire(blocking=False):
            try:
                if self._writing is not None:
                    self._writing.close()
                    self._writing = None
            finally:
                self._writer.release()
        self.engine.dispose()

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for a server database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None


def _commit(connection: Connection) -> None:
    check_open(connection)
    try:
        connection.commit()
    except Exception:
        # Nobody rolls back for us: SQLAlchemy and its pool take the transaction for ended.
        connection.invalidate()
        raise


def now_unix_s(connection: Connection) -> int:
    """Return the time by the clock of a connection's database, for what depends on the day."""
    (clock,) = connection.get_execution_options()["clock"]
    return int(clock())


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo only what the block did when it raises; the transaction around it goes on."""
    nested = connection.begin_nested()
    try:
        yield
    except BaseException:
        # With a full disk SQLite has undone all of it already: what is wrong is what it said then.
        with suppress(sa.exc.SQLAlchemyError):
            nested.rollback()
        raise
    nested.commit()


def in_parts(some: Sequence[T], size: int = ROWS_AT_ONCE) -> Iterator[Sequence[T]]:
    """Cut a long list into parts that one statement takes."""
    return (some[start : start + size] for start in range(0, len(some), size))


def insert_one(
    connection: Connection, insert: sa.Insert, row: Mapping[str, object] | None = None
) -> int:
    """Insert one row, into a table whose key is one number; return that number."""
    made = connection.execute(insert, row)
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def insert_all(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
) -> list[int]:
    """Insert rows, all with the same columns, by few statements; return their ids in order."""
    if not rows:
        return []
    if is_sqlite(connection):
        # It gives each row the number after the last one's, and nobody else writes meanwhile.
        return sorted(connection.execute(sa.insert(table).returning(table.c.id), rows).scalars())
    ordered = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(connection.execute(ordered, rows).scalars())


def read_revision(connection: Connection) -> str:
    """Return the token of the store's configuration; empty when there is none yet."""
    return str(connection.execute(_REVISION).scalar() or "")


def bump_revision(connection: Connection) -> None:
    """Say, in the transaction of the change, that configuration changed."""
    connection.info[_BUMPED] = True
    token = {"token": secrets.token_hex(16)}
    if not connection.execute(sa.update(store_revision).values(**token)).rowcount:
        connection.execute(sa.insert(store_revision).values(id=1, **token))


def one_at_a_time(connection: Connection, peer_id: int) -> None:
    """Let transactions about one peer's data follow each other (PostgreSQL; SQLite always does)."""
    if not is_sqlite(connection):
        connection.execute(_PEER_LOCK, {"peer_id": peer_id})


_BUMPED = "revision bumped"
_REVISION = sa.select(store_revision.c.token)
_PEER_LOCK = sa.text("SELECT pg_advisory_xact_lock(7020, :peer_id)")
