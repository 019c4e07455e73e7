"""make bench: how long an import of a school keeps everybody else from writing.

A school of 2,000 students is exported and taken in by an empty site, then once more as it is, then
with every grade another one. What counts is the processor's time inside the transaction: SQLite
has one writer, and as long as it is this one no push of a Moodle is applied.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.settings import Settings
from schooltool_bridge.oneroster.export import export
from schooltool_bridge.oneroster.importing import import_package
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.store import storage
from tests.bench.seeded import DAY_S, NOW, Size, seed

SCHOOL = Size(students=2_000, sections=200, items=5, sections_of_a_student=5)
# After the last of its grades.
LATER = NOW + 200 * DAY_S
_ROWS_SHOWN = ("users", "classes", "enrollments", "lineItems", "results")


class Watched(Database):
    """A store that adds up how long it was written, in seconds of the processor."""

    held_s = 0.0
    statements = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            began = time.process_time()
            yield connection
            self.held_s += time.process_time() - began

    def count(self, *_arguments: object) -> None:
        self.statements += 1


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        there = seed(folder / "there.sqlite", SCHOOL)
        out = folder / "out"
        export(there, Settings(folder, "http://sis.example.org", "School"), out, "1.1", LATER)
        there.close()
        database = Watched(f"sqlite:///{folder / 'here.sqlite'}")
        storage.upgrade(database)
        sa.event.listen(database.engine, "before_cursor_execute", database.count)
        for number, what in enumerate(("into an empty site", "the same again"), 1):
            _import(database, folder, out, what, LATER + number)
        _grade_anew(out / "results.csv")
        _import(database, folder, out, "every grade another one", LATER + 3)
        database.close()


def _import(database: Watched, folder: Path, out: Path, what: str, now_unix_s: int) -> None:
    database.held_s, database.statements = 0.0, 0
    began = time.process_time()
    settings = Settings(folder, "http://new.example.org", "New")
    with Package(out) as package:
        done = import_package(
            database, settings, package, preview=False, actor="bench", now_unix_s=now_unix_s
        )
    assert done.applied, done.report.problems[:5]
    all_s = time.process_time() - began
    print(
        f"{what:24} {all_s:6.1f} s in all, {database.held_s:6.1f} s of them as the only writer, "
        f"{database.statements:,} statements: "
        + ", ".join(f"{done.report.rows[name]:,} {name}" for name in _ROWS_SHOWN)
    )


def _grade_anew(file: Path) -> None:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["score"] = str((int(row["score"]) + 1) % 11)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
