"""The rows of an export that say who is where: orgs, sessions, courses, classes, users, enrolments.

Only reads, as streams, each table in a number of statements that grows by parts only. People who
were merged are one. Source: RULES D.2, D.3 (mapping), 1.4, 1.6, R41-R43.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer
from schooltool_bridge.common import times
from schooltool_bridge.common.days import ONE_DAY, day_of
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import fold, identity, joined, meaning, present
from schooltool_bridge.history.fold_enrolments import held_dates
from schooltool_bridge.history.meaning import HOLDS, Meaning
from schooltool_bridge.oneroster.tables import (
    COURSE_OF_SECTION,
    NO,
    ONGOING_TERM,
    ONGOING_YEAR,
    V1_1,
    YES,
)
from schooltool_bridge.store.model import (
    ACTIVE,
    assessment,
    assessment_history,
    enrolment,
    enrolment_history,
    enrolment_state,
    grade,
    person,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.store.model_people import staff_role
from schooltool_bridge.store.model_school import course, school_year, term

Row = dict[str, str]
SCHOOL = "org-school"
# A school's records lie between these.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 30)
# A part of some thousand rows; what a part holds is the most that is in memory at once.
SECTIONS_AT_ONCE = 100
ROWS_AT_ONCE = 1000
# Not there yet, or there by mistake: no place in a roster.
# 1.1 has no word of its own for these.
STAFF_IN_1_1 = "administrator"


@dataclass(frozen=True, slots=True)
class Reading:
    """What every file's rows are made from."""

    connection: Connection
    version: str
    name: str
    zone: ZoneInfo
    today: date
    roots: dict[int, int] = field(default_factory=dict)

    def stream(self, wanted: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
        """Read rows a part at a time."""
        yield from self.connection.execution_options(yield_per=ROWS_AT_ONCE).execute(wanted)

    def day(self, unix_s: int) -> date:
        """The school's day of a moment, kept within the years that readers take for sane."""
        return min(max(day_of(unix_s, self.zone), EARLIEST), LATEST)


def orgs(reading: Reading) -> Iterator[Row]:
    """The one school."""
    yield {"sourcedId": SCHOOL, "name": reading.name, "type": "school"}


# The sections that stand in a package: those that are there, as people see them.
SHOWN = sa.and_(section.c.status == ACTIVE, joined.is_shown(section.c.id))


def sessions(reading: Reading) -> Iterator[Row]:
    """Years and their terms; then a year and a term for whatever is not filed under one."""
    years = {r.id: r for r in reading.stream(sa.select(school_year).order_by(school_year.c.id))}
    for year in years.values():
        yield _session(f"year-{year.id}", year.title, "schoolYear", (year.first_day, year.last_day))
    for row in reading.stream(sa.select(term).order_by(term.c.id)):
        year = years[row.school_year_id]
        yield from _term(
            reading.version,
            f"term-{row.id}", row.title, (row.first_day, row.last_day),
            f"year-{year.id}", year.last_day,
        )  # fmt: skip
    unfiled = sa.select(section.c.id).where(SHOWN, section.c.term_id.is_(None))
    if reading.connection.execute(unfiled.limit(1)).first() is not None:
        days = _all_days(reading)
        yield _session(ONGOING_YEAR, "Ongoing", "schoolYear", days)
        yield from _term(reading.version, ONGOING_TERM, "Ongoing", days, ONGOING_YEAR, days[1])


def period_of(term_id: str) -> str:
    """The grading period that stands for a whole term; 1.1 wants one for every item."""
    return f"period-of-{term_id}"


def _term(
    version: str, term_id: str, title: str, days: tuple[date, date], year_id: str, year_end: date
) -> Iterator[Row]:
    of_year = {"parentSourcedId": year_id, "schoolYear": f"{year_end.year:04}"}
    yield _session(term_id, title, "term", days) | of_year
    if version == V1_1:
        period = _session(period_of(term_id), title, "gradingPeriod", days)
        yield period | of_year | {"parentSourcedId": term_id}


def _session(sourced_id: str, title: str, kind: str, days: tuple[date, date]) -> Row:
    first, last = days
    return {
        "sourcedId": sourced_id,
        "title": title,
        "type": kind,
        "startDate": first.isoformat(),
        "endDate": (last + ONE_DAY).isoformat(),
        "schoolYear": f"{last.year:04}",
    }  # fmt: skip


def _all_days(reading: Reading) -> tuple[date, date]:
    """From the first day of which anything is known to the last, today at least."""
    found = [reading.today]
    for column in (
        times.took_effect_sql(section_history),
        times.took_effect_sql(enrolment_history),
        times.known_sql(enrolment_history.c.timestart_unix_s),
        times.known_sql(enrolment_history.c.timeend_unix_s),
        times.took_effect_sql(assessment_history),
    ):
        found += [reading.day(s) for s in _ends(reading, sa.select(column))]
    known = sa.select(times.took_effect_sql(grade)).where(grade.c.exists)
    found += [reading.day(s) for s in _ends(reading, known)]
    found += _ends(reading, sa.select(assessment.c.due_day))
    return min(found), max(found)


def _ends(reading: Reading, wanted: sa.Select[Any]) -> list[Any]:
    values = wanted.subquery().c[0]
    row = reading.connection.execute(sa.select(sa.func.min(values), sa.func.max(values))).one()
    return [value for value in row if value is not None]


def courses(reading: Reading) -> Iterator[Row]:
    """The catalogue; then a course for each section that is under none, as every class has one."""
    for row in reading.stream(sa.select(course).order_by(course.c.id)):
        yield {
            "sourcedId": f"course-{row.id}",
            "title": row.title,
            "courseCode": row.code,
            "orgSourcedId": SCHOOL,
        }
    without_course = section.c.course_id.is_(None)
    for row in reading.stream(
        sa.select(section.c.id, section.c.name).where(SHOWN, without_course).order_by(section.c.id)
    ):
        yield {
            "sourcedId": f"{COURSE_OF_SECTION}{row.id}",
            "title": row.name,
            "orgSourcedId": SCHOOL,
        }


def classes(reading: Reading) -> Iterator[Row]:
    """The sections that are there now."""
    for row in reading.stream(sa.select(section).where(SHOWN).order_by(section.c.id)):
        yield {
            "sourcedId": f"class-{row.id}",
            "title": row.name,
            "courseSourcedId": f"course-{row.course_id}"
            if row.course_id
            else f"{COURSE_OF_SECTION}{row.id}",
            "classCode": row.idnumber or "",
            "classType": "scheduled",
            "schoolSourcedId": SCHOOL,
            "termSourcedIds": term_of(row.term_id),
        }


def term_of(term_id: int | None) -> str:
    """The session of a section that is filed under a term, or under none."""
    return f"term-{term_id}" if term_id else ONGOING_TERM


def users(reading: Reading) -> Iterator[Row]:
    """Everybody, each person once."""
    held = _roles(reading)
    for row in reading.stream(_people()):
        user = {
            "sourcedId": f"user-{row.id}",
            "enabledUser": YES,
            "username": row.username,
            "givenName": row.firstname or row.username,
            "familyName": row.lastname or row.username,
            "identifier": row.idnumber or "",
            "email": row.email,
        }
        if reading.version == V1_1:
            role = held.get(row.id, [STUDENT])[0]
            yield user | {
                "orgSourcedIds": SCHOOL,
                "role": role if role in (STUDENT, TEACHER) else STAFF_IN_1_1,
            }
        else:
            yield user | {"primaryOrgSourcedId": SCHOOL}


def roles(reading: Reading) -> Iterator[Row]:
    """What everybody is at the school: the first of their roles is the primary one."""
    held = _roles(reading)
    for row in reading.stream(_people()):
        for number, role in enumerate(held.get(row.id, [STUDENT])):
            yield {
                "sourcedId": f"role-{row.id}-{role}",
                "userSourcedId": f"user-{row.id}",
                "roleType": "secondary" if number else "primary",
                "role": role,
                "orgSourcedId": SCHOOL,
            }


def profiles(reading: Reading) -> Iterator[Row]:
    """What people are called at the Moodles of the network; never a password."""
    for row in reading.stream(
        sa.select(
            person_link.c.id, person_link.c.person_id, person_link.c.username,
            peer.c.wwwroot, peer.c.name, peer.c.application,
        )
        .join_from(person_link, peer, peer.c.id == person_link.c.peer_id)
        .where(person_link.c.username.is_not(None))
        .order_by(person_link.c.id)
    ):  # fmt: skip
        yield {
            "sourcedId": f"profile-{row.id}",
            "userSourcedId": f"user-{reading.roots.get(row.person_id, row.person_id)}",
            "profileType": row.application,
            "vendorId": row.wwwroot,
            "description": row.name,
            "credentialType": "MNet",
            "username": row.username,
        }


def _people() -> sa.Select[Any]:
    return sa.select(person).where(person.c.merged_into_id.is_(None)).order_by(person.c.id)


def _roles(reading: Reading) -> dict[int, list[str]]:
    """The roles of all who are more than, or other than, a student; the weightiest first."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in reading.stream(sa.select(staff_role).order_by(staff_role.c.person_id)):
        found[reading.roots.get(row.person_id, row.person_id)].append(row.role)
    teachers = _in_role(TEACHER)
    for (person_id,) in reading.stream(teachers):
        found[person_id].append(TEACHER)
    several = sa.or_(
        enrolment.c.person_id.in_(teachers),
        enrolment.c.person_id.in_(sa.select(staff_role.c.person_id)),
    )
    for (person_id,) in reading.stream(_in_role(STUDENT).where(several)):
        found[person_id].append(STUDENT)
    return {who: list(dict.fromkeys(held)) for who, held in found.items()}


def _in_role(role: str) -> sa.Select[tuple[int]]:
    return (
        sa.select(enrolment.c.person_id)
        .where(enrolment.c.role == role, enrolment.c.person_id.not_in(identity.MERGED))
        .distinct()
    )


def is_there(now: sa.Subquery) -> sa.ColumnElement[bool]:
    """Whether an enrolment (present.py) has a place in the roster."""
    return sa.and_(meaning.was_there(now.c.code), now.c.person_id.not_in(identity.MERGED))


def enrolments(reading: Reading) -> Iterator[Row]:
    """Who is or was in each section, teachers too, a part of the sections at a time."""
    means = meaning.of_all(reading.connection)
    ids = list(
        reading.connection.execute(
            sa.select(section.c.id).where(SHOWN).order_by(section.c.id)
        ).scalars()
    )
    for start in range(0, len(ids), SECTIONS_AT_ONCE):
        part = ids[start : start + SECTIONS_AT_ONCE]
        spells = _times(reading, part)
        now = present.enrolments(reading.connection)
        rows = reading.connection.execute(
            sa.select(now)
            .where(now.c.section_id.in_(part), is_there(now))
            .order_by(now.c.section_id, now.c.id)
        ).all()
        teaching = [r for r in rows if r.role == TEACHER and means[r.code].is_active]
        first = {
            r.section_id: r.id
            for r in sorted(teaching, key=lambda r: (r.since_unix_s, r.id), reverse=True)
        }
        for row in rows:
            spent = spells.get((row.section_id, row.person_id, row.role), _Times())
            yield {
                "sourcedId": f"enrollment-{row.id}",
                "classSourcedId": f"class-{row.section_id}",
                "schoolSourcedId": SCHOOL,
                "userSourcedId": f"user-{row.person_id}",
                "role": row.role,
                "primary": YES if first.get(row.section_id) == row.id else NO,
                **_dates(reading, row, spent, means[row.code]),
            }


@dataclass(slots=True)
class _Times:
    """When somebody first came, and until when it was meant."""

    came_unix_s: int | None = None
    until_unix_s: int | None = None


def _times(reading: Reading, part: list[int]) -> dict[tuple[int, int, str], _Times]:
    history = enrolment_history
    homes = joined.homes(reading.connection, part)
    rows = reading.connection.execute(
        sa.select(history)
        .join_from(history, enrolment_state, enrolment_state.c.code == history.c.code)
        .where(history.c.section_id.in_([*part, *homes]), HOLDS)
    ).all()
    found: dict[tuple[int, int, str], _Times] = defaultdict(_Times)
    for row in sorted(rows, key=fold.position):
        who = reading.roots.get(row.person_id, row.person_id)
        spent = found[homes.get(row.section_id, row.section_id), who, row.role]
        begins, ends = times.known(row.timestart_unix_s), times.known(row.timeend_unix_s)
        if row.by_actor is None:
            begins, ends = held_dates(row)
        came = begins or times.took_effect(row)
        spent.came_unix_s = came if spent.came_unix_s is None else min(came, spent.came_unix_s)
        spent.until_unix_s = ends
    return found


def _dates(reading: Reading, row: sa.Row[Any], spent: _Times, means: Meaning) -> Row:
    """Begin and end; a teacher whom only the section named may have no known begin."""
    came = spent.came_unix_s
    if came is None and means.is_active:
        came = row.since_unix_s
    begin = reading.day(came) if came is not None else None
    end = None
    if means.is_over:  # since the first second that is out
        end = reading.day(row.since_unix_s - 1) + ONE_DAY
    elif not means.is_active:
        end = reading.day(row.since_unix_s) + ONE_DAY
    elif spent.until_unix_s is not None:
        end = reading.day(spent.until_unix_s - 1) + ONE_DAY
    if begin is not None and end is not None:
        begin = min(begin, end - ONE_DAY)
    return {
        "beginDate": begin.isoformat() if begin else "",
        "endDate": end.isoformat() if end else "",
    }
