"""What somebody who is signed in as a person may see and do: their own, what they teach, students.

Only looks, and asks anew each time, so that a role or an enrolment that ended closes its pages
at once. What an admin account may stands in peers/web/roles.py. Source: RULES 1.7, R58, R77.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import now_unix_s
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import identity, meaning, present
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.store.model import ACTIVE, enrolment, enrolment_state, section
from schooltool_bridge.store.model_people import staff_role

COUNSELOR = "counselor"


@dataclass(frozen=True, slots=True)
class Teaching:
    """A section that somebody teaches, or taught."""

    section_id: int
    name: str
    # They are there now, and so is the section.
    is_current: bool
    # When they ceased to teach it, and so until when they see it; None: all of it.
    until_unix_s: int | None


def teaching(connection: Connection, session: PersonSession) -> dict[int, Teaching]:
    """Return the sections that somebody teaches or taught, by our ids, in the order of names."""
    return {t.section_id: t for t in taught_by(connection, session.person_id)}


def taught_by(connection: Connection, person_id: int) -> list[Teaching]:
    """Return the sections that a person teaches or taught, in the order of names.

    A section that is deleted is a former one, and still seen whole.
    """
    now = present.enrolments(connection)
    rows = connection.execute(
        sa.select(
            section.c.id,
            section.c.name,
            section.c.status,
            now.c.since_unix_s,
            meaning.IS_ACTIVE.label("is_there"),
        )
        .select_from(
            now.join(section, section.c.id == now.c.section_id).join(
                enrolment_state, enrolment_state.c.code == now.c.code
            )
        )
        .where(
            now.c.person_id == identity.root(connection, person_id),
            now.c.role == TEACHER,
            meaning.was_there(now.c.code),
        )
        .order_by(section.c.name, section.c.id)
    )
    return [
        Teaching(
            r.id,
            r.name,
            bool(r.is_there) and r.status == ACTIVE,
            None if r.is_there else r.since_unix_s,
        )
        for r in rows
    ]


def may_grade(connection: Connection, session: PersonSession, section_id: int) -> bool:
    """Tell whether somebody may enter grades in a section: a teacher active there, while it is."""
    asked = {
        "now_unix_s": now_unix_s(connection),
        "section_id": section_id,
        "person_id": identity.root(connection, session.person_id),
    }
    return connection.execute(_may_grade(), asked).first() is not None


@cache  # asked before every page of a section
def _may_grade() -> sa.Select[tuple[int]]:
    now = present.enrolments_then()
    joined = now.join(section, section.c.id == now.c.section_id).join(
        enrolment_state, enrolment_state.c.code == now.c.code
    )
    return (
        sa.select(now.c.id)
        .select_from(joined)
        .where(
            now.c.section_id == sa.bindparam("section_id"),
            now.c.person_id == sa.bindparam("person_id"),
            now.c.role == TEACHER,
            meaning.IS_ACTIVE,
            section.c.status == ACTIVE,
        )
    )


def actor_of(session: PersonSession) -> str:
    """Return how what a person writes is signed: by our id, so that erasing them leaves no name."""
    return f"person {session.person_id}"


def staff_role_of(connection: Connection, session: PersonSession) -> str:
    """Return counselor or principal, or nothing; one row of a merged person is enough."""
    everybody = identity.everybody(connection, session.person_id)
    held = sa.select(staff_role.c.role).where(staff_role.c.person_id.in_(everybody))
    return connection.execute(held.order_by(staff_role.c.role.desc())).scalar() or ""


def may_enrol(connection: Connection, session: PersonSession) -> bool:
    """Tell whether somebody enters states and notes of students and enrols them: a counselor."""
    return staff_role_of(connection, session) == COUNSELOR


def student_seen(connection: Connection, session: PersonSession, person_id: int) -> int | None:
    """Return whom an id means when this person may look at that student; None for nobody.

    Counselors and principals see everybody who is or ever was somewhere as a student.
    """
    if not staff_role_of(connection, session):
        return None
    is_student = was_student(connection, person_id)
    return identity.root(connection, person_id) if is_student else None


def was_student(connection: Connection, person_id: int) -> bool:
    """Tell whether somebody is or ever was somewhere as a student."""
    everybody = identity.everybody(connection, person_id)
    as_student = (enrolment.c.person_id.in_(everybody), enrolment.c.role == STUDENT)
    return connection.execute(sa.select(enrolment.c.id).where(*as_student)).first() is not None


@dataclass(frozen=True, slots=True)
class Bar:
    """What somebody has pages about."""

    is_student: bool
    teaching: tuple[Teaching, ...]
    staff_role: str

    @property
    def enrols(self) -> bool:
        """Whether they enter states and notes of students, and enrol them."""
        return self.staff_role == COUNSELOR

    @property
    def teaches(self) -> list[Teaching]:
        """The sections of now."""
        return [t for t in self.teaching if t.is_current]

    @property
    def taught(self) -> list[Teaching]:
        """The former sections."""
        return [t for t in self.teaching if not t.is_current]


def bar_of(connection: Connection, session: PersonSession) -> Bar:
    """Return what somebody has pages about."""
    return Bar(
        was_student(connection, session.person_id),
        tuple(teaching(connection, session).values()),
        staff_role_of(connection, session),
    )
