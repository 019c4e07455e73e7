"""Who holds which place in a section now, folded from everything that was told.

Enrolments, sections (which name their teacher) and grades (which tell what a withdrawal was)
all lead here. Source: requirements 1.6, R46, R54, R55.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge import identity
from schooltool_bridge.fields import OWN_ID, STUDENT, TEACHER, key
from schooltool_bridge.fold import (
    EnrolmentRow,
    EnrolmentState,
    GradeRow,
    TeacherRow,
    enrolment_state,
)
from schooltool_bridge.model import (
    assessment,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    person,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.model import enrolment_state as states

ROLES = (STUDENT, TEACHER)
SUSPENDED = "s"
# Whether a state leaves somebody in their place: whatever the school calls active, and suspended
# in Moodle. An ending without a code has none.
HOLDS = sa.func.coalesce(
    sa.or_(states.c.meaning == "active", states.c.code == SUSPENDED), sa.false()
).label("holds")


def refold(
    connection: Connection, section_id: int, person_id: int, *, afresh: bool = False
) -> None:
    """Fold a person's history in a section anew into what holds now.

    `afresh`: what was folded from rows that are not this person's (any more) goes away.
    """
    person_id = identity.root(connection, person_id)
    rows = rows_of(connection, section_id, person_id)
    taught = teacher_rows(connection, section_id, person_id)
    has_grade = None
    for role in ROLES:
        if has_grade is None and any(r.code is None for r in rows):
            has_grade = is_graded(connection, section_id, person_id)
        state = enrolment_state(
            rows, taught if role == TEACHER else (), role=role, has_grade=bool(has_grade)
        )
        if state is not None:
            _store(connection, section_id, person_id, role, state)
        elif afresh:
            connection.execute(sa.delete(enrolment).where(_place(section_id, person_id, role)))


def _place(section_id: int, person_id: int, role: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        enrolment.c.section_id == section_id,
        enrolment.c.person_id == person_id,
        enrolment.c.role == role,
    )


def _store(
    connection: Connection, section_id: int, person_id: int, role: str, state: EnrolmentState
) -> None:
    values = {"code": state.code, "since_unix_s": state.since_unix_s, "note": state.note}
    mine = _place(section_id, person_id, role)
    if not connection.execute(sa.update(enrolment).where(mine).values(values)).rowcount:
        connection.execute(
            sa.insert(enrolment).values(
                section_id=section_id, person_id=person_id, role=role, **values
            )
        )


def rows_of(
    connection: Connection, section_id: int, person_id: int, of: Collection[int] = ()
) -> list[EnrolmentRow]:
    """Return a person's history in a section; `of` gives their rows where those are known."""
    history = enrolment_history
    rows = connection.execute(
        sa.select(
            history.c.id,
            history.c.effective_unix_s,
            history.c.seq,
            history.c.recorded_unix_s,
            history.c.role,
            history.c.code,
            history.c.note,
            history.c.by_actor,
            HOLDS,
        )
        .select_from(history.outerjoin(states, states.c.code == history.c.code))
        .where(
            history.c.section_id == section_id,
            history.c.person_id.in_(of or identity.everybody(connection, person_id)),
        )
    )
    return [EnrolmentRow(*row) for row in rows]


def teacher_rows(
    connection: Connection, section_id: int, person_id: int, of: Collection[int] = ()
) -> list[TeacherRow]:
    """Return the section's rows that name a teacher, telling whether it is this person.

    `of` gives the person's rows where those are known.
    """
    history = section_history
    rows = connection.execute(
        sa.select(
            history.c.id,
            history.c.effective_unix_s,
            history.c.seq,
            history.c.recorded_unix_s,
            history.c.teacheridnumber,
        ).where(history.c.section_id == section_id, history.c.teacheridnumber != "")
    ).all()
    if not rows:
        return []
    names = names_at(connection, section_id, of or identity.everybody(connection, person_id))
    return [
        TeacherRow(
            r.id, r.effective_unix_s, r.seq, r.recorded_unix_s, key(r.teacheridnumber) in names
        )
        for r in rows
    ]


def names_at(connection: Connection, section_id: int, everybody: Collection[int]) -> set[str]:
    """Return what a section's peer may call these rows of a person, in the form compared."""
    peer_id = sa.select(section.c.peer_id).where(section.c.id == section_id).scalar_subquery()
    linked = connection.execute(
        sa.select(person_link.c.idnumber_key, person_link.c.moodle_id).where(
            person_link.c.person_id.in_(everybody), person_link.c.peer_id == peer_id
        )
    ).all()
    # The peer may call somebody else so, who was kept apart.
    other = sa.select(person_link.c.id).where(
        person_link.c.idnumber_key == person.c.idnumber_key,
        person_link.c.peer_id == peer_id,
        person_link.c.kept_apart,
        person_link.c.person_id.not_in(everybody),
    )
    own = connection.execute(
        sa.select(person.c.idnumber_key).where(person.c.id.in_(everybody), ~other.exists())
    )
    names = set(own.scalars())
    for row in linked:
        names |= {row.idnumber_key, OWN_ID + row.moodle_id if row.moodle_id else None}
    return {n for n in names if n}


def is_graded(connection: Connection, section_id: int, person_id: int) -> bool:
    """Tell whether a person has a grade in a section now."""
    found = (
        sa.select(grade.c.id)
        .join_from(grade, assessment, assessment.c.id == grade.c.assessment_id)
        .where(
            assessment.c.section_id == section_id,
            # All that a person's rows were told is folded into the cells of this one.
            grade.c.person_id == identity.root(connection, person_id),
            grade.c.points.is_not(None),
            assessment.c.status == "active",  # a deleted one shows in no gradebook either
        )
    )
    return connection.execute(found.limit(1)).first() is not None


def grade_rows(connection: Connection, grade_id: int) -> list[GradeRow]:
    """Return the history of one cell of the gradebook."""
    history = grade_history
    rows = connection.execute(sa.select(history).where(history.c.grade_id == grade_id))
    return [
        GradeRow(
            r.id,
            r.effective_unix_s,
            r.seq,
            r.recorded_unix_s,
            None if r.raw_points is None else Decimal(r.raw_points),
            r.excepted,
            r.attempt,
            r.deleted,
            r.by_actor,
        )
        for r in rows
    ]


class Now(NamedTuple):
    """What a person is in a section now; `holds`: they are in their place."""

    id: int
    code: str
    since_unix_s: int
    holds: bool


def current(connection: Connection, section_id: int, person_id: int) -> dict[str, Now]:
    """Return what a person is in a section, by role."""
    rows = connection.execute(
        sa.select(
            enrolment.c.role, enrolment.c.id, enrolment.c.code, enrolment.c.since_unix_s, HOLDS
        )
        .join_from(enrolment, states, states.c.code == enrolment.c.code)
        .where(
            enrolment.c.section_id == section_id,
            enrolment.c.person_id == identity.root(connection, person_id),
        )
    )
    return {role: Now(*what) for role, *what in rows}
