"""The backups of a site: made into the data folder, kept so many, and when the last one was made.

A backup is a whole SQLite file (storage.py). One written elsewhere, by a command, counts as well.
Source: manual/operating.md.
"""

from __future__ import annotations

import string
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from mnet.database import Database
from schooltool_bridge.store import storage
from schooltool_bridge.store.site_memory import one_writer, recall, remember

FOLDER = "backups"
SUFFIX = ".sqlite"
# Of these only so many are kept; what was saved before an upgrade or a restoring stays.
MADE = "backup-"
# Of a name that a page gives out.
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}._-")
_LAST = "backup made"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in the data folder."""

    name: str
    size_bytes: int
    made_unix_s: int


def last_unix_s(connection: Connection) -> int | None:
    """Return when the last backup was made, wherever it lies; None when there was none."""
    at = (recall(connection, _LAST) or {}).get("at_unix_s")
    return at if isinstance(at, int) else None


def note(database: Database, now_unix_s: int) -> None:
    """Keep that a backup was made."""
    with database.write() as connection:
        one_writer(connection)
        remember(connection, _LAST, {"at_unix_s": now_unix_s})


def make(
    database: Database,
    home: Path,
    now_unix_s: int,
    kept: int,
    progress: storage.Progress | None = None,
) -> Path:
    """Make a backup in the data folder, and remove the oldest beyond `kept`; return its file.

    Raises storage.StorageError or OSError; then nothing is removed.
    """
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = f"{MADE}{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now_unix_s))}"
    file, number = folder / f"{stem}{SUFFIX}", 1
    while file.exists():
        number += 1
        file = folder / f"{stem}-{number}{SUFFIX}"
    storage.backup(database, file, progress)
    note(database, now_unix_s)
    of_these = [backup for backup in listed(home) if backup.name.startswith(MADE)]
    for old in of_these[kept:]:
        (folder / old.name).unlink(missing_ok=True)
    return file


def listed(home: Path) -> list[Backup]:
    """Return the backups in the data folder, newest first."""
    found = []
    for file in (home / FOLDER).glob(f"*{SUFFIX}"):
        if file.is_file() and not file.is_symlink() and set(file.name) <= _PLAIN:
            seen = file.stat()
            found.append(Backup(file.name, seen.st_size, int(seen.st_mtime)))
    return sorted(found, key=lambda b: (b.made_unix_s, b.name), reverse=True)


def file_of(home: Path, name: str) -> Path | None:
    """Return a backup's file by its name; None for any other name."""
    return next((home / FOLDER / b.name for b in listed(home) if b.name == name), None)
