"""The store as a whole: its schema's version, backup and restore, moving to another database.

A backup is always one SQLite file, whatever the school's database is, so that it can be
restored into either. Source: RULES 1.8 (database); manual/operating.md.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# Every package's tables, so that `metadata` is whole.
import keys.store
import peers.accounts
import peers.audit
import peers.journal
import peers.model
import peers.sign_on
import schooltool_bridge.store.model
import schooltool_bridge.store.model_access
import schooltool_bridge.store.model_joining
import schooltool_bridge.store.model_linking
import schooltool_bridge.store.model_notices
import schooltool_bridge.store.model_people
import schooltool_bridge.store.model_reports
import schooltool_bridge.store.model_school
import schooltool_bridge.store.model_sync
from keys.protect import OWNER_ONLY
from mnet.database import Database, bump_revision, metadata
from mnet.engines import is_sqlite
from mnet.language import N_
from mnet.refusal import Refusal
from schooltool_bridge.store.model_guards import guards_off, guards_on

TABLES_OF = (
    keys.store,
    peers.accounts,
    peers.model,
    peers.sign_on,
    peers.journal,
    schooltool_bridge.store.model,
    schooltool_bridge.store.model_access,
    schooltool_bridge.store.model_people,
    schooltool_bridge.store.model_reports,
    schooltool_bridge.store.model_school,
    schooltool_bridge.store.model_notices,
    schooltool_bridge.store.model_joining,
    schooltool_bridge.store.model_sync,
    schooltool_bridge.store.model_linking,
)
ROWS_AT_ONCE = 1000
# The latest of migrations/versions, written here so that a command need not load Alembic.
HEAD = "0028"
Progress = Callable[[str, int, int], None]  # table, rows done, rows in all


class StorageError(Refusal):
    """The store cannot be used or moved; the text says why and what to do."""


def schema(database: Database) -> str | None:
    """Return the store's schema version; None when it is empty."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return None
        return connection.execute(sa.select(_VERSION.c.version_num)).scalar()


def require_current(database: Database) -> None:
    """Raise StorageError unless the store has the schema that this program needs."""
    found = schema(database)
    if found != HEAD:
        raise StorageError(
            "The database is empty; run: mnet-peer database upgrade."
            if found is None
            else "The database is from another version of this program; "
            "run: mnet-peer database upgrade (it backs up first)."
        )


def upgrade(database: Database) -> None:
    """Bring the schema up to date; making the file first with a mode that keeps others out."""
    from alembic import command  # noqa: PLC0415 - takes a third of a second to load
    from alembic.config import Config  # noqa: PLC0415 - the same

    if database.file is not None and not database.file.exists():
        database.file.touch(mode=OWNER_ONLY)
    with database.rebuild() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def upgrade_safely(database: Database, home: Path) -> Path | None:
    """Bring the schema up to date after a backup into the data folder; return that file."""
    found = schema(database)
    if found == HEAD:
        return None
    saved = _back_up(database, home, HEAD) if found is not None else None
    upgrade(database)
    return saved


def _back_up(database: Database, home: Path, before: str) -> Path:
    """Back up what is there now into the data folder; return that file."""
    folder = home / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = f"before-{before}-{time.strftime('%Y%m%dT%H%M%S')}"
    saved, number = folder / f"{stem}.sqlite", 1
    while saved.exists():
        number += 1
        saved = folder / f"{stem}-{number}.sqlite"
    backup(database, saved)
    return saved


def backup(database: Database, file: Path, progress: Progress | None = None) -> None:
    """Write a consistent copy into a new file (mode 0600) while the server goes on."""
    if file.exists():
        raise StorageError(f"{file} exists already; choose another name or remove it.")
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    try:
        part.touch(mode=OWNER_ONLY)
        if database.file is not None:
            _copy_file(database.file, part)
        else:
            target = Database(f"sqlite:///{part}")
            try:
                copy(database, target, progress)
            finally:
                target.close()  # brings what lies in its write-ahead log into the file
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def restore(
    database: Database, file: Path, home: Path, actor: str, progress: Progress | None = None
) -> Path | None:
    """Replace the store's content by a backup's, once a copy of it lies in the data folder.

    Returns that copy; None when there was nothing in the store. The trail that came with the
    backup says who replaced everything, in the same transaction. Raises StorageError, then
    nothing is changed.
    The caller makes a new key afterwards: calls that came between backup and now are no longer
    remembered, and under a new key none of them can come again.
    """
    if not file.exists():
        raise StorageError(f"There is no file {file}.")
    with tempfile.TemporaryDirectory() as folder:
        # A copy is upgraded and read, so that the backup itself stays as it is.
        working = Path(folder) / "backup.sqlite"
        source = Database(f"sqlite:///{working}")
        try:
            _copy_file(file, working)
            if schema(source) is None:
                raise StorageError(f"{file} is no backup of this program.")
            upgrade(source)
            saved = _back_up(database, home, "restore") if schema(database) is not None else None
            copied = saved.name if saved else None
            detail = {"file": file.name, "copy of what was there": copied}

            def note(writing: Connection) -> None:
                peers.audit.record(
                    writing,
                    actor=actor,
                    action=N_("everything replaced from a backup"),
                    subject="database",
                    detail=detail,
                    now_unix_s=int(time.time()),
                )

            copy(source, database, progress, note)
        except sqlite3.DatabaseError as problem:
            raise StorageError(f"{file} is no backup of this program: {problem}.") from None
        finally:
            source.close()
    return saved


def copy(
    source: Database,
    target: Database,
    progress: Progress | None = None,
    note: Callable[[Connection], None] = lambda _writing: None,
) -> None:
    """Replace all content of `target` by that of `source`, in one transaction with `note`'s."""
    if schema(target) != HEAD:
        upgrade(target)
    with source.read() as reading, target.write() as writing:
        if not source.is_sqlite:
            reading.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        guards_off(writing)
        _defer_references(writing)
        for table in reversed(metadata.sorted_tables):
            writing.execute(sa.delete(table))
        for table in metadata.sorted_tables:
            _copy_table(reading, writing, table, progress)
        _set_sequences(writing)
        note(writing)
        guards_on(writing)
        bump_revision(writing)


def _copy_table(
    reading: Connection, writing: Connection, table: sa.Table, progress: Progress | None
) -> None:
    total = reading.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    done = 0
    rows = reading.execution_options(yield_per=ROWS_AT_ONCE).execute(sa.select(table)).mappings()
    for part in rows.partitions(ROWS_AT_ONCE):
        writing.execute(sa.insert(table), [dict(row) for row in part])
        done += len(part)
        if progress:
            progress(table.name, done, total)


def _defer_references(connection: Connection) -> None:
    if is_sqlite(connection):
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    else:
        connection.execute(sa.text("SET CONSTRAINTS ALL DEFERRED"))


def _set_sequences(connection: Connection) -> None:
    """Let PostgreSQL's counters go on after the highest id that was copied."""
    if is_sqlite(connection):
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            connection.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our own names
                    f"COALESCE(MAX({column.name}), 0) + 1, false) FROM {table.name}"
                )
            )


def _copy_file(source: Path, target: Path) -> None:
    reading, writing = sqlite3.connect(source), sqlite3.connect(target)
    try:
        reading.backup(writing)
    finally:
        reading.close()
        writing.close()


# Alembic's own table.
_VERSION = sa.table("alembic_version", sa.column("version_num"))
