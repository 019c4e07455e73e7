"""Import of a OneRoster package: judged first, then taken in as one transaction, or not at all.

A preview goes the same way and is rolled back, so that it cannot say anything else. Parts:
import_school.py, import_people.py, import_enrolments.py, import_grades.py. Source: requirements
1.4, R10, R47; field-notes D.2, E62-E64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from mnet.database import Database
from mnet.exchange import Site
from mnet.language import N_
from mnet.settings import Settings
from peers import audit
from peers.registry import Registry
from schooltool_bridge import inbox, people, waking
from schooltool_bridge.applying import user_key
from schooltool_bridge.fields import key
from schooltool_bridge.hand.author import Author
from schooltool_bridge.hand.people import Names
from schooltool_bridge.oneroster import (
    import_enrolments,
    import_grades,
    import_people,
    import_school,
)
from schooltool_bridge.oneroster.checking import Report, check
from schooltool_bridge.oneroster.import_work import ACTOR, Ids, Work, is_known
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.tables import SYSTEM_NAME


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do; nothing was applied while the report has a problem."""

    report: Report
    # File to unchanged, updated, new, failed.
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    applied: bool = False
    # Names of people that it wrote or gave up.
    names: tuple[Names, ...] = ()


# Brought by no peer.
_BY_HAND = 0


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
) -> Imported:
    """Take a package in, all of it or nothing; raises OneRosterError when it cannot be read.

    `actor` is whom the audit trail names.
    """
    with database.read() as connection:
        known = partial(is_known, Ids.load(connection))
        report = check(package, strict=False, known=known)
    if not report.ok:
        return Imported(report)
    work: Work | None = None
    try:
        with database.write() as connection:
            work = Work(
                connection,
                package,
                report,
                Author(ACTOR, now_unix_s, f"OneRoster {report.version}"),
                settings.zone,
                Ids.load(connection),
                is_own=report.system == SYSTEM_NAME and report.system_code == settings.wwwroot,
                actor=actor,
            )
            _take_in(work)
            if preview or not report.ok:
                _undo()
            audit.record(
                connection, actor=actor, action=N_("records imported"), subject="oneroster",
                detail={n: dict(c) for n, c in work.counts.items()}, now_unix_s=now_unix_s,
            )  # fmt: skip
    except _Undo:
        assert work is not None
        return Imported(report, work.counts)
    return Imported(report, work.counts, applied=True, names=tuple(work.names))


def let_in_what_waited(database: Database, registry: Registry, site: Site, done: Imported) -> int:
    """Let come again what Moodles told of people whom an import brought, as after entries by hand.

    Each Moodle's events come in a turn of their own. Returns how many events left the inbox.
    """
    keys = [user_key(key(names.idnumber)) for names in done.names if names.idnumber]
    keys += [people.username_key(names.username) for names in done.names]
    before = _open_events(database)
    waking.wake_others(database, registry, site, _BY_HAND, dict.fromkeys(keys))
    return before - _open_events(database)


def _open_events(database: Database) -> int:
    with database.read() as connection:
        return sum(inbox.counts(connection).values())


def _undo() -> NoReturn:
    raise _Undo


def _take_in(work: Work) -> None:
    import_school.sessions(work)
    import_school.courses(work)
    import_school.classes(work)
    import_people.users(work)
    endings = import_enrolments.enrolments(work)
    import_grades.categories(work)
    import_grades.items(work)
    import_grades.results(work)
    import_enrolments.end(work, endings)
