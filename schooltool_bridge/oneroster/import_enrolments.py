"""Import of enrolments: who is in which section as what, from when, until when.

What an import said before is compared with what the file says now, so that whatever people here
or a peer changed in between stays. An end is a withdrawal, never a deletion. Source: requirements
1.6, R60; field-notes D.2.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from schooltool_bridge import fold, identity, roster
from schooltool_bridge.fields import STUDENT, TEACHER
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.hand.author import EARLIEST_UNIX_S, Refused
from schooltool_bridge.model import enrolment, enrolment_history
from schooltool_bridge.oneroster.checking import Record
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
class Ending:
    """A withdrawal that waits until the grades are there, which decide its code."""

    record: Record
    place: _Place
    at_unix_s: int


@dataclass(slots=True)
class _Told:
    """What imports said of places before, and which places there are at all."""

    stays: dict[_Place, _Stay] = field(default_factory=dict)
    places: set[_Place] = field(default_factory=set)


def enrolments(work: Work) -> list[Ending]:
    """Take in who is where; return the withdrawals that are still to be written."""
    told = _read(work)
    endings = []
    for record in work.rows(ENROLLMENTS):
        place = _place(work, record)
        if place is None:
            continue
        stay = _stay(work, record)
        before = told.stays.get(place)
        is_gone = record.is_ended and (before is None or before.is_over)
        # Where a peer or people here put somebody, it is theirs to say more.
        is_others = before is None and place in told.places
        if before == stay or is_gone or is_others:
            work.count(ENROLLMENTS, UNCHANGED)
            continue
        work.places.add((place.section_id, place.person_id))
        try:
            if before is None or not stay.is_over:
                _begin(work, place, stay)
        except Refused as problem:
            work.refused(ENROLLMENTS, record, problem)
            continue
        if stay.is_over:
            at = min(stay.timeend_unix_s or work.author.now_unix_s, work.author.now_unix_s)
            endings.append(Ending(record, place, at))
        told.stays[place] = stay
        told.places.add(place)
        work.count(ENROLLMENTS, NEW if before is None else UPDATED)
    return endings


def end(work: Work, endings: list[Ending]) -> None:
    """Write the withdrawals; without a grade their code is another than with one."""
    for ending in endings:
        place = ending.place
        has_grade = roster.is_graded(work.connection, place.section_id, place.person_id)
        code = fold.WITHDRAWN if has_grade else fold.WITHDRAWN_NO_GRADE
        try:
            by_hand.set_state(
                work.connection, work.author, place.section_id, place.person_id, place.role, code,
                effective_unix_s=ending.at_unix_s,
            )  # fmt: skip
        except Refused as problem:
            work.refused(ENROLLMENTS, ending.record, problem)


def _place(work: Work, record: Record) -> _Place | None:
    role = record["role"]
    if role not in (STUDENT, TEACHER):
        work.odd(ENROLLMENTS, record, "role", "is neither student nor teacher; left out")
        work.count(ENROLLMENTS, UNCHANGED)
        return None
    section_id = work.ids.get(SECTION, record["classSourcedId"])
    person_id = work.ids.get(USER, record["userSourcedId"])
    if section_id is None or person_id is None:
        # Its class or user was refused, which is told there, or is family.
        work.count(ENROLLMENTS, UNCHANGED)
        return None
    return _Place(section_id, identity.root(work.connection, person_id), role)


def _stay(work: Work, record: Record) -> _Stay:
    begin, ends = record["beginDate"], record["endDate"]
    start = first_moment(date.fromisoformat(begin), work.zone) if begin else None
    until = last_moment(date.fromisoformat(ends) - ONE_DAY, work.zone) if ends else None
    is_over = record.is_ended or (until is not None and until < work.author.now_unix_s)
    if until is not None:
        # Open: the first second that is out, as Moodle's timeend. Over: the last that was in.
        until = max(until, start or until) if is_over else until + 1
    return _Stay(start, until, is_over)


def _begin(work: Work, place: _Place, stay: _Stay) -> None:
    """Write that somebody is there, since the begin that the file names."""
    now = work.author.now_unix_s
    start = stay.timestart_unix_s
    if start is None and stay.is_over and stay.timeend_unix_s is not None:
        start = stay.timeend_unix_s
    effective = None if start is None else max(min(start, now), EARLIEST_UNIX_S)
    by_hand.set_state(
        work.connection, work.author, place.section_id, place.person_id, place.role, "a",
        effective_unix_s=effective,
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
