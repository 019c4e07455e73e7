"""Import of enrolments: who is in which section as what, from when, until when.

All rows of one person in one class are read together (stays.py) and laid beside what imports said
before, so that whatever people here or a peer changed in between stays. An end is a withdrawal,
never a deletion. Source: RULES 1.6, R60, D.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from sys import intern
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from schooltool_bridge.common.days import ONE_DAY, first_moment, last_moment
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.hand.enrolments import State
from schooltool_bridge.history import identity, meaning, roster, roster_many
from schooltool_bridge.history.author import EARLIEST_UNIX_S, Author
from schooltool_bridge.oneroster import stays
from schooltool_bridge.oneroster.import_work import (
    ACTOR,
    NEW,
    SECTION,
    UNCHANGED,
    UPDATED,
    USER,
    Work,
)
from schooltool_bridge.oneroster.import_work import read as read_file
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.report import Record, Report
from schooltool_bridge.oneroster.stays import EarlierLine, Line, Stay
from schooltool_bridge.oneroster.tables import DELTA
from schooltool_bridge.store.model import enrolment, enrolment_history

ENROLLMENTS = "enrollments"


@dataclass(frozen=True, slots=True)
class _Membership:
    section_id: int
    person_id: int
    role: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file."""

    row: int
    class_id: str
    user_id: str
    role: str
    begin_unix_s: int | None
    last_unix_s: int | None
    is_taken_back: bool
    taken_back_unix_s: int | None

    @property
    def stay(self) -> Stay:
        """What it says of when somebody is there."""
        return Stay(
            self.row, self.begin_unix_s, self.last_unix_s, self.is_taken_back,
            self.taken_back_unix_s,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """A withdrawal that waits until the grades are there, which decide its code."""

    row: Row
    membership: _Membership
    at_unix_s: int


@dataclass(slots=True)
class _There:
    """What imports wrote of memberships before, in order, and which there are at all."""

    lines: dict[_Membership, list[EarlierLine]] = field(default_factory=dict)
    memberships: set[_Membership] = field(default_factory=set)


def read(package: Package, report: Report, author: Author, zone: ZoneInfo) -> list[Row]:
    """Read the file; nobody has to wait for that yet."""
    days = _Days(author.now_unix_s, zone)
    return [days.row(r) for r in read_file(package, report, ENROLLMENTS)]


def enrolments(work: Work, rows: Sequence[Row]) -> list[Ending]:
    """Take in who is where; return the withdrawals that are still to be written."""
    there = _read(work)
    roots = identity.roots(work.connection)
    by_membership: dict[_Membership, list[Row]] = defaultdict(list)
    for row in rows:
        membership = _membership(work, row, roots)
        if membership is not None:
            by_membership[membership].append(row)
    is_delta = work.report.modes.get(ENROLLMENTS) == DELTA
    endings: list[Ending] = []
    begun: list[tuple[Row, _Membership, Line]] = []
    for membership, some in by_membership.items():
        before = there.lines.get(membership, [])
        # Where a peer or people here put somebody, it is theirs to say more.
        is_others = not before and membership in there.memberships
        own_stays = [row.stay for row in some if not is_others]
        found = stays.found(own_stays, before, work.author.now_unix_s, is_delta=is_delta)
        own = {row.row: row for row in some}
        peer_client = {line.row for line in found.lines}
        for row in some:
            is_new = NEW if not before else UPDATED
            work.count(ENROLLMENTS, is_new if row.row in peer_client else UNCHANGED)
            if row.row in found.waiting:
                work.odd(ENROLLMENTS, row, "beginDate", _LATER)
        if peer_client:
            work.memberships.add((membership.section_id, membership.person_id))
        begun += [(own[line.row], membership, line) for line in found.lines if line.is_in]
        endings += [
            Ending(own[line.row], membership, line.at_unix_s)
            for line in found.lines
            if not line.is_in
        ]
    states = [_begin(membership, line) for _row, membership, line in begun]
    refused = set()
    for (row, membership, _line), problem in zip(
        begun, by_hand.set_all(work.connection, work.author, states), strict=True
    ):
        if problem is not None:
            work.refused(ENROLLMENTS, row, problem)
            refused.add(membership)
    return [e for e in endings if e.membership not in refused]


_LATER = "comes after an end that is still to come; taken in again then, it counts"


def end(work: Work, endings: Sequence[Ending]) -> None:
    """Write the withdrawals; without a grade their code is another than with one."""
    memberships = [(e.membership.section_id, e.membership.person_id) for e in endings]
    with_grade = roster_many.graded(work.connection, memberships)
    states = [
        State(
            *membership,
            ending.membership.role,
            meaning.WITHDRAWN if membership in with_grade else meaning.WITHDRAWN_NO_GRADE,
            effective_unix_s=ending.at_unix_s,
        )
        for ending, membership in zip(endings, memberships, strict=True)
    ]
    outcomes = by_hand.set_all(work.connection, work.author, states)
    for ending, problem in zip(endings, outcomes, strict=True):
        if problem is not None:
            work.refused(ENROLLMENTS, ending.row, problem)


def _membership(work: Work, row: Row, roots: Mapping[int, int]) -> _Membership | None:
    if row.role not in (STUDENT, TEACHER):
        work.odd(ENROLLMENTS, row, "role", f"{row.role!r} is neither student nor teacher; left out")
        work.count(ENROLLMENTS, UNCHANGED)
        return None
    section_id = work.ids.get(SECTION, row.class_id)
    person_id = work.ids.get(USER, row.user_id)
    if section_id is None or person_id is None:
        # Its class or user was left out, which is in the report, or is family.
        work.count(ENROLLMENTS, UNCHANGED)
        return None
    return _Membership(section_id, roots.get(person_id, person_id), row.role)


class _Days:
    """Reads from when until when; most rows say the same."""

    def __init__(self, now_unix_s: int, zone: ZoneInfo) -> None:
        self._now_unix_s = now_unix_s
        self._zone = zone
        self._firsts: dict[str, int | None] = {"": None}
        self._lasts: dict[str, int | None] = {"": None}

    def row(self, record: Record) -> Row:
        begins, ends = record["beginDate"], record["endDate"]
        if begins not in self._firsts:
            self._firsts[begins] = first_moment(date.fromisoformat(begins), self._zone)
        if ends not in self._lasts:
            self._lasts[ends] = last_moment(date.fromisoformat(ends) - ONE_DAY, self._zone)
        begin, last = self._firsts[begins], self._lasts[ends]
        if begin is not None:
            begin = max(begin, EARLIEST_UNIX_S)
        if last is not None:
            # Out on the day of their begin: there for a moment.
            last = max(last, EARLIEST_UNIX_S if begin is None else begin)
        return Row(
            record.row,
            intern(record["classSourcedId"]),
            intern(record["userSourcedId"]),
            intern(record["role"]),
            begin,
            last,
            record.is_ended,
            _moment(record["dateLastModified"], self._now_unix_s) if record.is_ended else None,
        )


def _moment(text: str, now_unix_s: int) -> int | None:
    """A time of the past in unix seconds; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
        found = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, OSError):
        return None
    return found if EARLIEST_UNIX_S <= found <= now_unix_s else None


def _begin(membership: _Membership, line: Line) -> State:
    """Say that somebody is there, since the begin that the file names."""
    return State(
        membership.section_id, membership.person_id, membership.role, meaning.ACTIVE,
        effective_unix_s=max(line.at_unix_s, EARLIEST_UNIX_S),
        timestart_unix_s=line.begin_unix_s,
        timeend_unix_s=line.until_unix_s,
    )  # fmt: skip


def _read(work: Work) -> _There:
    there = _There()
    for row in work.connection.execute(
        sa.select(enrolment.c.section_id, enrolment.c.person_id, enrolment.c.role)
    ):
        there.memberships.add(_Membership(*row))
    history = enrolment_history
    lines: dict[_Membership, list[EarlierLine]] = defaultdict(list)
    roots = identity.roots(work.connection)
    for row in work.connection.execute(
        roster.HISTORY.where(history.c.by_actor == ACTOR).order_by(
            history.c.effective_unix_s, history.c.seq, history.c.id
        )
    ):
        who = roots.get(row.person_id, row.person_id)
        lines[_Membership(row.section_id, who, row.role)].append(
            EarlierLine(
                row.effective_unix_s, bool(row.holds), row.timestart_unix_s,
                row.timeend_unix_s,
            )
        )  # fmt: skip
    there.lines = dict(lines)
    return there
