"""Stores with the schema of today, copied from one that the migrations made once a process.

A PostgreSQL database is copied where it is made (tests/conftest.py).
To migrate takes longer than most tests that need a store; that it works, test_migrations shows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from keys.protect import OWNER_ONLY
from mnet.database import Database
from schooltool_bridge.store import storage


def fill(database: Database) -> None:
    """Do what storage.upgrade does; an SQLite file that is not there yet becomes a copy."""
    if database.file is None or database.file.exists():
        if storage.schema(database) != storage.HEAD:
            storage.upgrade(database)
        return
    database.file.touch(mode=OWNER_ONLY)
    database.file.write_bytes(_migrated_file())


@cache
def _migrated_file() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.sqlite"
        database = Database(f"sqlite:///{file}")
        storage.upgrade(database)
        database.close()  # brings what lies in its write-ahead log into the file
        assert [p.name for p in Path(folder).iterdir()] == [file.name]
        return file.read_bytes()
