"""Import of a OneRoster package: judged first, then taken in as one transaction, or not at all.

A preview goes the same way and is rolled back, so that it cannot say anything else. Parts:
import_school.py, import_courses.py, import_classes.py,
import_people.py, import_enrolments.py, import_items.py, import_grades.py. Source: RULES 1.4, R10,
R47, D.2, E62-E64.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn
from zoneinfo import ZoneInfo

from mnet.database import Database
from mnet.language import N_
from mnet.settings import Settings
from peers import audit
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster import (
    import_classes,
    import_courses,
    import_enrolments,
    import_grades,
    import_items,
    import_people,
    import_school,
)
from schooltool_bridge.oneroster.checking import check
from schooltool_bridge.oneroster.import_work import ACTOR, UNCHANGED, Ids, Work, is_known, read
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.report import Record, Report
from schooltool_bridge.oneroster.tables import MANIFEST, SYSTEM_NAME

Progress = Callable[[str, int, int], None]  # what is done, how far, and of how much


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do; nothing was applied while the report has a problem."""

    report: Report
    # File to unchanged, updated, new, failed.
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    applied: bool = False
    # Moodles' events may wait for it (resolving.brought_by_hand): names, and memberships.
    names: Collection[Names] = ()
    memberships: Collection[tuple[int, int]] = ()


class _Undo(Exception):
    """Leaves the transaction so that nothing of it stays."""


def import_package(
    database: Database,
    settings: Settings,
    package: Package,
    *,
    preview: bool,
    actor: str,
    now_unix_s: int,
    progress: Progress | None = None,
) -> Imported:
    """Take a package in, all of it or nothing; raises OneRosterError when it cannot be read.

    `actor` is whom the audit trail names.
    """
    _report_reading(package, "checking", progress)
    with database.read() as connection:
        known = partial(is_known, Ids.load(connection))
        report = check(package, strict=False, known=known)
    if not report.ok:
        return Imported(report)
    author = Author(ACTOR, now_unix_s, f"OneRoster {report.version}")
    _report_reading(package, "reading", progress)
    # All that needs no look at the store, before anybody has to wait.
    rows = _Rows.read(package, report, author, settings.zone)
    work: Work | None = None
    try:
        with database.write() as connection:
            is_own = report.system == SYSTEM_NAME and report.system_code == settings.wwwroot
            work = Work(
                connection,
                rows.records,
                report,
                author,
                settings.zone,
                Ids.load(connection, is_own=is_own),
                is_own=is_own,
                actor=actor,
            )
            for name, count in report.left_out.items():
                work.counts[name][UNCHANGED] += count - report.left_out_after_reading[name]
            _take_in(work, rows, progress)
            if preview or not report.ok:
                _undo()
            audit.record(
                connection, actor=actor, action=N_("records imported"), subject="oneroster",
                detail={n: dict(c) for n, c in work.counts.items()}, now_unix_s=now_unix_s,
            )  # fmt: skip
    except _Undo:
        assert work is not None
        return Imported(report, work.counts)
    return Imported(
        report, work.counts, applied=True, names=work.names, memberships=work.memberships
    )


def _report_reading(package: Package, what: str, progress: Progress | None) -> None:
    if progress is not None:
        package.on_read = lambda name, done, total: (
            None if name == MANIFEST else progress(f"{what} {name}", done, total)
        )


def _undo() -> NoReturn:
    raise _Undo


@dataclass(frozen=True, slots=True)
class _Rows:
    """A package's rows; the files that may have very many are kept as small as can be."""

    records: Mapping[str, Sequence[Record]]
    stays: Sequence[import_enrolments.Row]
    results: Sequence[import_grades.Result]

    @classmethod
    def read(cls, package: Package, report: Report, author: Author, zone: ZoneInfo) -> _Rows:
        return cls(
            {name: list(read(package, report, name)) for name in _WHOLE},
            import_enrolments.read(package, report, author, zone),
            import_grades.read(package, report, author, zone),
        )


_WHOLE = (
    "academicSessions", "courses", "classes", "users", "roles", "categories", "lineItems"
)  # fmt: skip


def _take_in(work: Work, rows: _Rows, progress: Progress | None) -> None:
    endings: list[import_enrolments.Ending] = []
    steps: Sequence[Callable[[], None]] = (
        lambda: import_school.sessions(work),
        lambda: import_courses.courses(work),
        lambda: import_classes.classes(work),
        lambda: import_people.users(work),
        lambda: endings.extend(import_enrolments.enrolments(work, rows.stays)),
        lambda: import_items.categories(work),
        lambda: import_items.items(work),
        lambda: import_grades.results(work, rows.results),
        lambda: import_enrolments.end(work, endings),
        work.write,
    )
    for done, step in enumerate(steps, 1):
        step()
        if progress is not None:
            progress("writing", done, len(steps))
