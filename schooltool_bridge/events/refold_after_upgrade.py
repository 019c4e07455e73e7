"""What is folded anew after an upgrade, where this version reads histories in another way.

What is folded is stored beside the histories, and is folded only when a new row comes; so whatever
a new version reads in another way is folded after its upgrade. No migration, which stays as it was
written: this runs when all migrations are done (migrations/env.py), by the functions of today.
Source: RULES 1.3 (times, dates of enrolments).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common import times
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.events import assessments, sections
from schooltool_bridge.history import cells, identity, links, roster_many, teacher_names
from schooltool_bridge.store.model import (
    assessment_history,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    person_history,
    section_history,
)

# Since these versions the dates of enrolments hold, and times far ahead are read at their arrival
# also in what is folded.
DATES_HOLD, TIMES_FOLDED = "0011", "0015"
# And with these it is kept whom a row of a section's history names.
TEACHERS_KEPT = "0026"


def refold(connection: Connection, before: str) -> None:
    """Fold anew what a store of version `before` had folded otherwise."""
    if before < DATES_HOLD:
        _refold_dates(connection)
    if before < TIMES_FOLDED:
        _refold_times(connection)
    if before < TEACHERS_KEPT:
        _keep_teachers(connection)


def _refold_dates(connection: Connection) -> None:
    """Let enrolments that came with dates before these held be what they are by them."""
    history = enrolment_history
    dated = sa.or_(history.c.timestart_unix_s > 0, history.c.timeend_unix_s > 0)
    _refold_memberships(
        connection, sa.select(history.c.section_id, history.c.person_id).where(dated)
    )


def _refold_times(connection: Connection) -> None:
    """Let everything be what it is where a time is none, such as one in milliseconds.

    Of a person only the position of the latest row: their names follow with the next event.
    """
    for link_id in _ids(connection, person_history, "link_id"):
        links.refold_position(connection, link_id)
    taught = _ids(connection, section_history, "section_id")
    for section_id in taught:
        sections.refold(connection, section_id)
    items = _ids(connection, assessment_history, "assessment_id")
    for assessment_id in items:
        assessments.refold(connection, assessment_id)
    is_meant = sa.or_(
        grade.c.assessment_id.in_(items),
        grade.c.id.in_(sa.select(grade_history.c.grade_id).where(_is_far_ahead(grade_history))),
    )
    graded = connection.execute(sa.select(grade.c.assessment_id, grade.c.person_id).where(is_meant))
    cells.refold_many(connection, [(row.assessment_id, row.person_id) for row in graded])
    history = enrolment_history
    beyond = sa.or_(
        _is_far_ahead(history),
        history.c.timestart_unix_s > times.LATEST_UNIX_S,
        history.c.timeend_unix_s > times.LATEST_UNIX_S,
    )
    _refold_memberships(
        connection, sa.select(history.c.section_id, history.c.person_id).where(beyond)
    )
    teachers = sa.select(enrolment.c.section_id, enrolment.c.person_id).where(
        enrolment.c.section_id.in_(taught), enrolment.c.role == TEACHER
    )
    _refold_memberships(connection, teachers)


def _keep_teachers(connection: Connection) -> None:
    """Keep whom sections' histories name, as far as it can be told: whoever has the number now."""
    of_teachers = sa.select(enrolment.c.section_id, enrolment.c.person_id)
    rows = connection.execute(of_teachers.where(enrolment.c.role == TEACHER)).all()
    merged = identity.rows_of(identity.roots(connection), {r.person_id for r in rows})
    # Each record for itself, so that what was merged can come apart.
    places = [(r.section_id, record) for r in rows for record in merged[r.person_id]]
    alone = {record: [record] for _section_id, record in places}
    named = teacher_names.teacher_rows(connection, places, alone)
    meant = {r.id: who for (_id, who), some in named.items() for r in some if r.names_person}
    teacher_names.keep(connection, meant)


def _refold_memberships(connection: Connection, memberships: sa.Select[Any]) -> None:
    roots = identity.roots(connection)
    rows = connection.execute(memberships.distinct()).all()
    wanted = {(r.section_id, roots.get(r.person_id, r.person_id)) for r in rows}
    roster_many.refold(connection, wanted)


def _ids(connection: Connection, history: sa.Table, column: str) -> list[int]:
    """Whose history has a time that is read at its arrival."""
    wanted = sa.select(history.c[column]).where(_is_far_ahead(history)).distinct()
    return sorted(i for i in connection.execute(wanted).scalars() if i is not None)


def _is_far_ahead(history: sa.Table) -> sa.ColumnElement[bool]:
    return history.c.effective_unix_s - history.c.recorded_unix_s > times.MAX_AHEAD_S
