"""Export of everything as a OneRoster package: which files, in which order, and the manifest.

One moment for all files, so that every reference resolves while peers go on pushing. What the
rows say is in export_roster.py and export_grades.py. Source: RULES 1.8, D.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.engines import is_sqlite
from mnet.settings import Settings
from schooltool_bridge.common.days import day_of
from schooltool_bridge.history import identity
from schooltool_bridge.oneroster import export_grades, export_roster
from schooltool_bridge.oneroster.export_roster import Reading, Row
from schooltool_bridge.oneroster.tables import (
    ABSENT,
    BULK,
    MANIFEST_TABLE,
    MANIFEST_VERSION,
    SYSTEM_NAME,
    TABLES,
    files_of,
)
from schooltool_bridge.oneroster.writing import package
from schooltool_bridge.store.model import assessment, enrolment, grade, person, person_link, section

Progress = Callable[[str, int, int], None]  # file, rows done, rows in all
# How often a progress bar moves.
ROWS_A_STEP = 2000


@dataclass(frozen=True, slots=True)
class _File:
    rows: Callable[[Reading], Iterator[Row]]
    # The table that has about as many rows, to show how far it is; none: it is a short one.
    about: sa.Table | None = None


_FILES: Mapping[str, _File] = {
    "orgs": _File(export_roster.orgs),
    "academicSessions": _File(export_roster.sessions),
    "courses": _File(export_roster.courses, section),
    "classes": _File(export_roster.classes, section),
    "users": _File(export_roster.users, person),
    "userProfiles": _File(export_roster.profiles, person_link),
    "roles": _File(export_roster.roles, person),
    "enrollments": _File(export_roster.enrolments, enrolment),
    "categories": _File(export_grades.categories),
    "lineItems": _File(export_grades.items, assessment),
    "results": _File(export_grades.results, grade),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows of each file, and which grades a reader may miss or mind."""

    rows: Mapping[str, int]
    # Their student is not in the section's enrolments, so the format has no place for them.
    grades_left_out: int
    # Extra credit: more than the assessment is worth. Written as they are.
    grades_beyond_worth: int


def export(
    database: Database,
    settings: Settings,
    target: Path,
    version: str,
    now_unix_s: int,
    progress: Progress | None = None,
) -> Exported:
    """Write everything to `target`, a new folder or .zip; raises OneRosterError.

    A file without rows is not there, and the manifest says so.
    """
    counts: dict[str, int] = {}
    with package(target) as folder, database.read() as connection:
        _hold_still(connection)
        today = day_of(now_unix_s, settings.zone)
        roots = identity.roots(connection)
        reading = Reading(connection, version, settings.name, settings.zone, today, roots)
        for name, table in TABLES[version].items():
            if name in _FILES:
                header = [*table.header, *export_grades.extensions(reading, name)]
                rows = _shown(reading, name, progress)
                counts[name] = folder.write(table.file, header, rows)
        minded = export_grades.left_out(reading), export_grades.beyond_worth(reading)
        folder.write(
            MANIFEST_TABLE.file,
            MANIFEST_TABLE.header,
            _manifest(version, settings.wwwroot, {name for name, count in counts.items() if count}),
        )
    return Exported(counts, *minded)


def _hold_still(connection: Connection) -> None:
    """See the store as it is at this moment in every statement that follows."""
    if is_sqlite(connection):
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _shown(reading: Reading, name: str, progress: Progress | None) -> Iterable[Row]:
    """A file's rows, telling on the way how far it is."""
    file = _FILES[name]
    rows = file.rows(reading)
    if progress is None or file.about is None:
        return rows
    total = sa.select(sa.func.count()).select_from(file.about)
    return _counted(rows, name, reading.connection.execute(total).scalar_one(), progress)


def _counted(rows: Iterable[Row], name: str, total: int, progress: Progress) -> Iterator[Row]:
    done = 0
    for done, row in enumerate(rows, 1):
        if done % ROWS_A_STEP == 0:
            progress(name, done, max(total, done))
        yield row
    progress(name, done, done)


def _manifest(version: str, wwwroot: str, written: Collection[str]) -> Iterator[Row]:
    values = {"manifest.version": MANIFEST_VERSION, "oneroster.version": version}
    values |= {f"file.{name}": BULK if name in written else ABSENT for name in files_of(version)}
    values |= {"source.systemName": SYSTEM_NAME, "source.systemCode": wwwroot}
    return ({"propertyName": name, "value": value} for name, value in values.items())
