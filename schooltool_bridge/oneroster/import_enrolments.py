"""Import of enrolments: who is in which section as what, from when, until when.

What an import said before is compared with what the file says now, so that whatever people here
or a peer changed in between stays. An end is a withdrawal, never a deletion. Source: requirements
1.6, R60; field-notes D.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from sys import intern
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from schooltool_bridge import fold, identity, roster_many
from schooltool_bridge.fields import STUDENT, TEACHER
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.hand.author import EARLIEST_UNIX_S, Author
from schooltool_bridge.hand.enrolments import State
from schooltool_bridge.model import enrolment, enrolment_history
from schooltool_bridge.oneroster.checking import Record, Report
from schooltool_bridge.oneroster.days import ONE_DAY, first_moment, last_moment
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

ENROLLMENTS = "enrollments"


@dataclass(frozen=True, slots=True)
class _Place:
    section_id: int
    person_id: int
    role: str


@dataclass(frozen=True, slots=True)
class _Stay:
    """What a row says: from when, until when (both may be unknown), and whether it is over."""

    timestart_unix_s: int | None
    timeend_unix_s: int | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file."""

    row: int
    class_id: str
    user_id: str
    role: str
    is_ended: bool
    stay: _Stay


@dataclass(frozen=True, slots=True)
class Ending:
    """A withdrawal that waits until the grades are there, which decide its code."""

    row: Row
    place: _Place
    at_unix_s: int


@dataclass(slots=True)
class _Told:
    """What imports said of places before, and which places there are at all."""

    stays: dict[_Place, _Stay] = field(default_factory=dict)
    places: set[_Place] = field(default_factory=set)


def read(package: Package, report: Report, author: Author, zone: ZoneInfo) -> list[Row]:
    """Read the file; nobody has to wait for that yet."""
    stays = _Stays(author.now_unix_s, zone)
    return [
        Row(
            r.row,
            intern(r["classSourcedId"]),
            intern(r["userSourcedId"]),
            intern(r["role"]),
            r.is_ended,
            stays.of(r),
        )
        for r in read_file(package, report, ENROLLMENTS)
    ]


def enrolments(work: Work, rows: Sequence[Row]) -> list[Ending]:
    """Take in who is where; return the withdrawals that are still to be written."""
    told = _read(work)
    roots = identity.roots(work.connection)
    endings: list[Ending] = []
    begun: list[tuple[Row, _Place, str]] = []
    for row in rows:
        place = _place(work, row, roots)
        if place is None:
            continue
        stay, before = row.stay, told.stays.get(place)
        is_gone = row.is_ended and (before is None or before.is_over)
        # Where a peer or people here put somebody, it is theirs to say more.
        is_others = before is None and place in told.places
        if before == stay or is_gone or is_others:
            work.count(ENROLLMENTS, UNCHANGED)
            continue
        work.places.add((place.section_id, place.person_id))
        what = NEW if before is None else UPDATED
        if before is None or not stay.is_over:
            begun.append((row, place, what))
        else:
            work.count(ENROLLMENTS, what)
        if stay.is_over:
            at = min(stay.timeend_unix_s or work.author.now_unix_s, work.author.now_unix_s)
            endings.append(Ending(row, place, at))
        told.stays[place] = stay
        told.places.add(place)
    refused = set()
    states = [_begin(work, place, row.stay) for row, place, _what in begun]
    outcomes = by_hand.set_all(work.connection, work.author, states)
    for (row, _at, what), problem in zip(begun, outcomes, strict=True):
        if problem is None:
            work.count(ENROLLMENTS, what)
        else:
            work.refused(ENROLLMENTS, row, problem)
            refused.add(row.row)
    return [e for e in endings if e.row.row not in refused]


def end(work: Work, endings: Sequence[Ending]) -> None:
    """Write the withdrawals; without a grade their code is another than with one."""
    places = [(e.place.section_id, e.place.person_id) for e in endings]
    with_grade = roster_many.graded(work.connection, places)
    states = [
        State(
            *place,
            ending.place.role,
            fold.WITHDRAWN if place in with_grade else fold.WITHDRAWN_NO_GRADE,
            effective_unix_s=ending.at_unix_s,
        )
        for ending, place in zip(endings, places, strict=True)
    ]
    outcomes = by_hand.set_all(work.connection, work.author, states)
    for ending, problem in zip(endings, outcomes, strict=True):
        if problem is not None:
            work.refused(ENROLLMENTS, ending.row, problem)


def _place(work: Work, row: Row, roots: Mapping[int, int]) -> _Place | None:
    if row.role not in (STUDENT, TEACHER):
        work.odd(ENROLLMENTS, row, "role", "is neither student nor teacher; left out")
        work.count(ENROLLMENTS, UNCHANGED)
        return None
    section_id = work.ids.get(SECTION, row.class_id)
    person_id = work.ids.get(USER, row.user_id)
    if section_id is None or person_id is None:
        # Its class or user was refused, which is told there, or is family.
        work.count(ENROLLMENTS, UNCHANGED)
        return None
    return _Place(section_id, roots.get(person_id, person_id), row.role)


class _Stays:
    """Reads from when until when; most rows say the same."""

    def __init__(self, now_unix_s: int, zone: ZoneInfo) -> None:
        self._now_unix_s = now_unix_s
        self._zone = zone
        self._known: dict[tuple[str, str, bool], _Stay] = {}

    def of(self, record: Record) -> _Stay:
        said = record["beginDate"], record["endDate"], record.is_ended
        if said not in self._known:
            self._known[said] = self._read(*said)
        return self._known[said]

    def _read(self, begin: str, ends: str, is_ended: bool) -> _Stay:  # noqa: FBT001 - as a row has it
        start = first_moment(date.fromisoformat(begin), self._zone) if begin else None
        until = last_moment(date.fromisoformat(ends) - ONE_DAY, self._zone) if ends else None
        is_over = is_ended or (until is not None and until < self._now_unix_s)
        if until is not None:
            # Open: the first second that is out, as Moodle's timeend. Over: the last that was in.
            until = max(until, start or until) if is_over else until + 1
        return _Stay(start, until, is_over)


def _begin(work: Work, place: _Place, stay: _Stay) -> State:
    """Say that somebody is there, since the begin that the file names."""
    now = work.author.now_unix_s
    start = stay.timestart_unix_s
    if start is None and stay.is_over and stay.timeend_unix_s is not None:
        start = stay.timeend_unix_s
    return State(
        place.section_id, place.person_id, place.role, fold.ACTIVE,
        effective_unix_s=None if start is None else max(min(start, now), EARLIEST_UNIX_S),
        timestart_unix_s=stay.timestart_unix_s,
        timeend_unix_s=None if stay.is_over else stay.timeend_unix_s,
    )  # fmt: skip


def _read(work: Work) -> _Told:
    told = _Told()
    for row in work.connection.execute(
        sa.select(enrolment.c.section_id, enrolment.c.person_id, enrolment.c.role)
    ):
        told.places.add(_Place(*row))
    history = enrolment_history
    rows: dict[_Place, list[Any]] = defaultdict(list)
    roots = identity.roots(work.connection)
    for row in work.connection.execute(
        sa.select(history).where(history.c.by_actor == ACTOR).order_by(history.c.id)
    ):
        who = roots.get(row.person_id, row.person_id)
        rows[_Place(row.section_id, who, row.role)].append(row)
    told.stays = {place: _said(some) for place, some in rows.items()}
    return told


def _said(rows: list[Any]) -> _Stay:
    """The last that imports said of a place, as a row of a file would."""
    began = [r for r in rows if r.code == fold.ACTIVE][-1]
    if rows[-1] is began:
        return _Stay(began.timestart_unix_s, began.timeend_unix_s, is_over=False)
    return _Stay(began.timestart_unix_s, rows[-1].effective_unix_s, is_over=True)
