"""What there is to do and what is new: for the office's first page and for people's own.

Only reads, by few statements. Source: RULES 1.8, R54, R60, R77.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.events import inbox_counts
from schooltool_bridge.history import identity, meaning, present
from schooltool_bridge.school import lookup, years
from schooltool_bridge.school.lookup import Wanted
from schooltool_bridge.school.years import Term
from schooltool_bridge.store import shipped_titles
from schooltool_bridge.store.model import (
    ACTIVE,
    assessment,
    enrolment_state,
    grade,
    person,
    section,
)

# A term that ends so soon, or has ended, is to be closed.
ENDS_SOON = timedelta(days=14)
MAX_LISTED = 10


@dataclass(frozen=True, slots=True)
class Change:
    """A student's state in a section, and since when."""

    person_id: int
    name: str
    section_id: int
    section: str
    state: str
    since_unix_s: int


@dataclass(frozen=True, slots=True)
class ToDecide:
    """What waits for the office."""

    conflicts: int
    held: int
    rejected: int
    # Withdrawals whose code nobody gave yet: some of them, and how many.
    without_code: list[Change]
    without_code_count: int
    ongoing_sections: int
    # Terms that end soon or have ended, and are not closed.
    ending_terms: list[Term]

    @property
    def is_nothing(self) -> bool:
        """Whether nothing waits."""
        return not (
            self.conflicts
            or self.held
            or self.rejected
            or self.without_code_count
            or self.ongoing_sections
            or self.ending_terms
        )


def to_decide(connection: Connection, day: date) -> ToDecide:
    """Return what waits for the office on a day."""
    waiting: Counter[str] = Counter()
    for (_peer, status), count in inbox_counts.counts(connection).items():
        waiting[status] += count
    without_code, count = _changes(connection, meaning.needs_code)
    return ToDecide(
        waiting["conflict"],
        waiting["held"],
        waiting["rejected"],
        without_code,
        count,
        lookup.find(connection, Wanted(ongoing=True), limit=0)[1],
        [
            t
            for t in years.all_terms(connection)
            if t.closed_unix_s is None and t.last_day - ENDS_SOON <= day
        ],
    )


def recent_people(connection: Connection) -> list[tuple[int, str, int]]:
    """Return who came last: id, name, when."""
    rows = connection.execute(
        sa.select(person)
        .where(person.c.merged_into_id.is_(None))
        .order_by(person.c.created_unix_s.desc(), person.c.id.desc())
        .limit(MAX_LISTED)
    )
    return [(r.id, _name(r), r.created_unix_s) for r in rows]


def changes_since(connection: Connection, since_unix_s: int, now_unix_s: int) -> list[Change]:
    """Return the latest changes of students' states, the last first."""
    return _changes(connection, lambda _code: sa.true(), since_unix_s, now_unix_s)[0]


def _changes(
    connection: Connection,
    which: Any,
    since_unix_s: int = 0,
    until_unix_s: int | None = None,
) -> tuple[list[Change], int]:
    now = present.enrolments(connection)
    joined = (
        now.join(section, section.c.id == now.c.section_id)
        .join(person, person.c.id == now.c.person_id)
        .join(enrolment_state, enrolment_state.c.code == now.c.code)
    )
    wanted = [
        now.c.role == STUDENT,
        section.c.status == ACTIVE,
        now.c.person_id.not_in(identity.MERGED),
        now.c.since_unix_s >= since_unix_s,
        which(now.c.code),
    ]
    if until_unix_s is not None:
        wanted.append(now.c.since_unix_s <= until_unix_s)
    total = connection.execute(
        sa.select(sa.func.count()).select_from(joined).where(*wanted)
    ).scalar_one()
    rows = connection.execute(
        sa.select(
            now.c.person_id, person.c.firstname, person.c.lastname, person.c.username,
            now.c.section_id, section.c.name, enrolment_state.c.title, now.c.since_unix_s,
        )
        .select_from(joined)
        .where(*wanted)
        .order_by(now.c.since_unix_s.desc(), now.c.id.desc())
        .limit(MAX_LISTED)
    )  # fmt: skip
    found = [
        Change(
            r.person_id,
            _name(r),
            r.section_id,
            r.name,
            shipped_titles.local_title(r.title),
            r.since_unix_s,
        )
        for r in rows
    ]
    return found, int(total)


@dataclass(frozen=True, slots=True)
class News:
    """What came to a section since a moment."""

    grades: int = 0
    assessments: int = 0
    students: int = 0


def news_of(
    connection: Connection, section_ids: Collection[int], since_unix_s: int
) -> dict[int, News]:
    """Return what is new in sections since a moment: grades, assessments, students."""
    counted = sa.func.count()
    ours = assessment.c.section_id.in_(section_ids)
    now = present.enrolments(connection)
    queries = (
        sa.select(assessment.c.section_id, counted)
        .join_from(grade, assessment, assessment.c.id == grade.c.assessment_id)
        .where(ours, grade.c.exists, grade.c.recorded_unix_s > since_unix_s)
        .group_by(assessment.c.section_id),
        sa.select(assessment.c.section_id, counted)
        .where(ours, assessment.c.status == ACTIVE, assessment.c.effective_unix_s > since_unix_s)
        .group_by(assessment.c.section_id),
        sa.select(now.c.section_id, counted)
        .join_from(now, enrolment_state, enrolment_state.c.code == now.c.code)
        .where(
            now.c.section_id.in_(section_ids),
            now.c.role == STUDENT,
            meaning.IS_ACTIVE,
            now.c.since_unix_s > since_unix_s,
        )
        .group_by(now.c.section_id),
    )
    grades, items, students = (
        Counter({r[0]: r[1] for r in connection.execute(query)}) for query in queries
    )
    return {i: News(grades[i], items[i], students[i]) for i in section_ids}


def _name(row: Any) -> str:
    name: str = f"{row.firstname} {row.lastname}".strip() or row.username
    return name
