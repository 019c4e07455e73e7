"""What every part of an import shares: the package's rows, known ids, counts, problems.

Rows are read before the transaction, and what they lead to is written together, so that others
wait little for their turn to write. Knows no file in particular. The importer's own ids stay with
what they meant, so that the same file again changes nothing. Source: RULES 1.4, E63.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster.checking import records
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.report import Record, Report
from schooltool_bridge.oneroster.tables import (
    ABSENT,
    COURSE_OF_SECTION,
    NO_CATEGORY,
    ONGOING_TERM,
    ONGOING_YEAR,
    SYSTEM_NAME,
    TABLES,
)
from schooltool_bridge.store.model_people import imported_id
from schooltool_bridge.store.model_school import course, school_year, term

# Whoever wrote rows by hand under this name was an import.
ACTOR = "import"
UNCHANGED, UPDATED, NEW, FAILED = "unchanged", "updated", "new", "failed"
OUTCOMES = (UNCHANGED, UPDATED, NEW, FAILED)
USER, COURSE, SECTION, TERM, YEAR = "user", "course", "section", "term", "year"
CATEGORY, ASSESSMENT = "category", "assessment"
_KINDS = {
    "users": (USER,),
    "courses": (COURSE,),
    "classes": (SECTION,),
    "academicSessions": (TERM, YEAR),
    "categories": (CATEGORY,),
    "lineItems": (ASSESSMENT,),
}
# People may remove these as long as nothing is filed there.
_REMOVABLE = {COURSE: course, TERM: term, YEAR: school_year}
# What is not kept here need not be there.
_NOT_KEPT = ("orgs", "userProfiles")


@dataclass(slots=True)
class Ids:
    """What the ids of imported files stand for here.

    What is to be made has a number below zero until it has an id of ours.
    """

    own: dict[str, dict[str, int]]
    # Known ids of what somebody removed since: it comes anew.
    removed: set[tuple[str, str]]
    # New ones and those with another meaning, to be written.
    changed: set[tuple[str, str]] = field(default_factory=set)
    promised: int = 0
    # Of a package that we made ourselves: what is found here by it was not imported.
    is_own: bool = False

    @classmethod
    def load(cls, connection: Connection, *, is_own: bool = False) -> Ids:
        """Read all that is known."""
        own: dict[str, dict[str, int]] = defaultdict(dict)
        removed: set[tuple[str, str]] = set()
        there = {
            kind: set(connection.execute(sa.select(table.c.id)).scalars())
            for kind, table in _REMOVABLE.items()
        }
        for row in connection.execute(sa.select(imported_id)):
            if row.kind in there and row.own_id not in there[row.kind]:
                removed.add((row.kind, row.sourced_id))
            else:
                own[row.kind][row.sourced_id] = row.own_id
        return cls(own, removed, is_own=is_own)

    def get(self, kind: str, sourced_id: str) -> int | None:
        """Our id of an imported thing, when there is one."""
        return self.own[kind].get(sourced_id)

    def remember(self, kind: str, sourced_id: str, own_id: int) -> None:
        """Remember what an imported id stands for."""
        if self.own[kind].get(sourced_id) != own_id:
            self.own[kind][sourced_id] = own_id
            if own_id < 0 or not self.is_own:
                self.changed.add((kind, sourced_id))

    def promise(self, kind: str, sourced_id: str) -> int:
        """Remember that an imported id stands for something that is to be made."""
        self.promised -= 1
        self.remember(kind, sourced_id, self.promised)
        return self.promised

    def fulfil(self, kind: str, made: Mapping[int, int]) -> None:
        """Say what became of promises: our ids; those that are not named were not made."""
        own = self.own[kind]
        for sourced_id in [s for s, own_id in own.items() if own_id < 0]:
            if own[sourced_id] in made:
                own[sourced_id] = made[own[sourced_id]]
            else:
                del own[sourced_id]
                self.changed.discard((kind, sourced_id))

    def write(self, connection: Connection) -> None:
        """Write what was to be remembered."""
        rows = [
            {"of_kind": kind, "sourced": sourced_id, "own": self.own[kind][sourced_id]}
            for kind, sourced_id in sorted(self.changed)
        ]
        changed = [r for r in rows if (r["of_kind"], r["sourced"]) in self.removed]
        new = [r for r in rows if (r["of_kind"], r["sourced"]) not in self.removed]
        if changed:
            connection.execute(_MEANS_NOW, changed)
        if new:
            connection.execute(_MEANS, new)
        self.changed.clear()


_MEANS = sa.insert(imported_id).values(
    kind=sa.bindparam("of_kind"), sourced_id=sa.bindparam("sourced"), own_id=sa.bindparam("own")
)
_MEANS_NOW = (
    sa.update(imported_id)
    .where(
        imported_id.c.kind == sa.bindparam("of_kind"),
        imported_id.c.sourced_id == sa.bindparam("sourced"),
    )
    .values(own_id=sa.bindparam("own"))
)


def is_known(ids: Ids, report: Report, target: str, sourced_id: str) -> bool:
    """Tell whether an id that is not in the package is known all the same (see checking.Known)."""
    if target in _NOT_KEPT or is_stand_in(report, sourced_id):
        return True
    return any(ids.get(kind, sourced_id) is not None for kind in _KINDS.get(target, ()))


def is_stand_in(report: Report, sourced_id: str) -> bool:
    """Tell whether an id is what our own export writes for "none"."""
    return report.system == SYSTEM_NAME and (
        sourced_id in (ONGOING_YEAR, ONGOING_TERM, NO_CATEGORY)
        or sourced_id.startswith((COURSE_OF_SECTION, "period-of-"))
    )


def read(package: Package, report: Report, name: str) -> Iterator[Record]:
    """Read a file's rows; none when it is absent."""
    if report.modes.get(name, ABSENT) != ABSENT:
        # Its oddities were reported when it was checked.
        yield from records(package, TABLES[report.version][name], Report(), strict=False)


class Numbered(Protocol):
    """A row of a file, as far as its number goes."""

    @property
    def row(self) -> int:
        """Its number; the header is row 1."""
        ...


@dataclass(slots=True)
class Work:
    """One import on its way, inside one transaction."""

    connection: Connection
    # Of each file that is read as a whole.
    records: Mapping[str, Sequence[Record]]
    report: Report
    author: Author
    zone: ZoneInfo
    ids: Ids
    # The package was written by this very site, so that its ids are our own.
    is_own: bool
    # Whom the audit trail names.
    actor: str
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # The section of each assessment that this import made, which has no grades yet.
    new_items: dict[int, int] = field(default_factory=dict)
    # Moodles' events may wait for it: names of people that were written or given up, and members
    # (section, person).
    names: list[Names] = field(default_factory=list)
    memberships: set[tuple[int, int]] = field(default_factory=set)
    # For the audit trail, in order.
    notes: list[audit.Note] = field(default_factory=list)
    # What users of the file are called, by their ids there.
    _names: dict[str, str] = field(default_factory=dict)

    def rows(self, name: str) -> Sequence[Record]:
        """Give a file's rows; none when it is absent."""
        return self.records.get(name, ())

    def lasting(self, name: str) -> Iterator[Record]:
        """Give the rows that are not taken back; those that are stay here, and are reported."""
        for record in self.rows(name):
            if record.is_ended:
                self.odd(name, record, "status", "is kept here; only enrolments are ended")
                self.count(name, UNCHANGED)
            else:
                yield record

    def note(self, action: str, subject: str, detail: Mapping[str, object]) -> None:
        """Put what changed the school's order into the audit trail."""
        self.notes.append((action, subject, detail))

    def write(self) -> None:
        """Write what the parts left to be written together."""
        self.ids.write(self.connection)
        audit.record_all(
            self.connection, actor=self.actor, notes=self.notes,
            now_unix_s=self.author.now_unix_s,
        )  # fmt: skip
        self.notes.clear()

    def count(self, name: str, what: str) -> None:
        """Count what became of a row."""
        self.counts[name][what] += 1

    def refused(self, name: str, record: Numbered, problem: Refused) -> None:
        """A row contradicts what is here, so that nothing of the package may be taken in."""
        self.count(name, FAILED)
        column = _COLUMNS.get(problem.field, "")
        self.report.wrong(f"{name}.csv", record.row, column, str(problem))

    def called(self, user_id: str) -> str:
        """A user of the file as a message names them."""
        if not self._names:
            self._names.update(
                (r["sourcedId"], f"{r['givenName']} {r['familyName']}") for r in self.rows("users")
            )
        name = self._names.get(user_id, "").strip()
        return f"{name} ({user_id})" if name else user_id

    def leave_out(self, name: str, record: Numbered, problem: Refused) -> None:
        """A row cannot hold, as the records themselves say; the others are taken in."""
        column = _COLUMNS.get(problem.field, "")
        sentence = str(problem).rstrip(".")
        self.odd(name, record, column, f"{sentence}; this row is left out")
        self.count(name, UNCHANGED)

    def odd(self, name: str, record: Numbered, column: str, message: str) -> None:
        """Something was understood in a way that somebody should know of."""
        self.report.odd(f"{name}.csv", record.row, column, message)

    def own_id(self, sourced_id: str, prefix: str) -> int | None:
        """The number in an id that this very site wrote."""
        if not self.is_own or not sourced_id.startswith(prefix):
            return None
        number = sourced_id.removeprefix(prefix)
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None  # noqa: PLR2004 - below 2**31


# Where a field of a form comes from in a file.
_COLUMNS = {
    "username": "username",
    "firstname": "givenName",
    "lastname": "familyName",
    "idnumber": "identifier",
    "email": "email",
    "name": "title",
    "points": "score",
    "effective": "scoreDate",
    "person": "studentSourcedId",
}


def latest(rows: Iterable[Any]) -> Any:
    """The row that was written last; None when there is none."""
    return max(rows, key=lambda row: row.id, default=None)
