"""Enrolments by hand: who is in a section as what, withdrawals with their code and note.

Any state may follow any. Source: requirements 1.6, R52-R56, R60.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from schooltool_bridge import identity, roster
from schooltool_bridge.fields import STUDENT, TEACHER
from schooltool_bridge.hand.author import Author, Refused, note
from schooltool_bridge.model import enrolment_history, enrolment_state, person, section


def set_state(
    connection: Connection,
    author: Author,
    section_id: int,
    person_id: int,
    role: str,
    code: str,
    *,
    text: str = "",
    effective_unix_s: int | None = None,
    timestart_unix_s: int | None = None,
    timeend_unix_s: int | None = None,
) -> None:
    """Write what somebody is in a section from a moment on (now), with a note; raises Refused.

    The same state again with another note changes the note alone.
    """
    if role not in (STUDENT, TEACHER):
        raise Refused("role", _("The role is student or teacher."))
    known = connection.execute(
        sa.select(enrolment_state.c.code).where(enrolment_state.c.code == code)
    ).scalar()
    if known is None:
        raise Refused("code", _("There is no enrolment state %(code)s.", code=repr(code)))
    _must_be_there(connection, section_id, person_id)
    if timeend_unix_s is not None and timeend_unix_s < (timestart_unix_s or timeend_unix_s):
        raise Refused("timeend", _("The enrolment would end before it begins."))
    rows = roster.rows_of(connection, section_id, person_id)
    taught = roster.teacher_rows(connection, section_id, person_id)
    at = author.place([*rows, *taught], effective_unix_s)
    connection.execute(
        sa.insert(enrolment_history).values(
            section_id=section_id,
            person_id=person_id,
            role=role,
            code=code,
            note=note(text),
            timestart_unix_s=timestart_unix_s,
            timeend_unix_s=timeend_unix_s,
            **author.columns(at),
        )
    )
    roster.refold(connection, section_id, person_id)


def _must_be_there(connection: Connection, section_id: int, person_id: int) -> None:
    there = connection.execute(sa.select(section.c.id).where(section.c.id == section_id)).scalar()
    if there is None:
        raise Refused("section", _("There is no section with id %(id)s.", id=section_id))
    who = connection.execute(sa.select(person.c.id).where(person.c.id == person_id)).scalar()
    if who is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    root = identity.root(connection, person_id)
    if root != person_id:
        raise Refused(
            "person", _("This person was merged into the one with id %(id)s; use that.", id=root)
        )
