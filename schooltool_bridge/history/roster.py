"""Who is in a section now, as what and in which state: folded from its whole history.

Enrolments, sections (which name their teacher) and grades (which tell what a withdrawal was)
all lead here. Source: RULES 1.6, R46, R54, R55.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import database
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import identity, joined, meaning, present, teacher_names
from schooltool_bridge.history.fold import EnrolmentRow, GradeRow, TeacherRow
from schooltool_bridge.history.fold_enrolments import Timeline, row_of, timeline
from schooltool_bridge.history.meaning import HOLDS, IS_LEFT
from schooltool_bridge.store.model import (
    assessment,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    section,
)
from schooltool_bridge.store.model import enrolment_state as states

ROLES = (STUDENT, TEACHER)
# All that is folded of an enrolment's history (fold_enrolments.row_of).
HISTORY: sa.Select[Any] = sa.select(enrolment_history, HOLDS, IS_LEFT).select_from(
    enrolment_history.outerjoin(states, states.c.code == enrolment_history.c.code)
)


def refold(
    connection: Connection, section_id: int, person_id: int, *, afresh: bool = False
) -> None:
    """Fold a person's history in a section anew into what holds now.

    With it what they are in our section that a peer's is joined with. `afresh`: what was folded
    from rows that are not this person's (any more) goes away.
    """
    person_id = identity.root(connection, person_id)
    whole = joined.whole(connection, section_id)
    if whole.home_id != section_id:
        _refold(connection, section_id, [section_id], person_id, afresh=afresh)
    _refold(connection, whole.home_id, whole.parts, person_id, afresh=afresh)


def _refold(
    connection: Connection, section_id: int, parts: Sequence[int], person_id: int, *, afresh: bool
) -> None:
    """Fold a person's history in the parts of a section into what they are in it."""
    everybody = identity.everybody(connection, person_id)
    rows = [row for part in parts for row in rows_of(connection, part, person_id, everybody)]
    taught = [row for part in parts for row in teacher_rows(connection, part, person_id, everybody)]
    has_grade = None
    for role in ROLES:
        if has_grade is None and any(r.code is None for r in rows):
            has_grade = is_graded(connection, section_id, person_id)
        found = timeline(
            rows, taught if role == TEACHER else (), role=role, has_grade=bool(has_grade)
        )
        values = stored(found)
        if values is not None:
            _store(connection, section_id, person_id, role, values)
        elif afresh:
            connection.execute(sa.delete(enrolment).where(_membership(section_id, person_id, role)))


def stored(found: Timeline) -> dict[str, object] | None:
    """Return the columns of an enrolment: what it is, and what comes of itself; None: nothing."""
    # At most two states come by the dates alone after the last row.
    state, coming = found.from_moment(found.last_row_unix_s)
    if state is None:
        return None
    following: list[tuple[str | None, int | None]] = [(s.code, s.since_unix_s) for s in coming]
    following += [(None, None)] * (2 - len(following))
    (next_code, next_unix_s), (last_code, last_unix_s) = following
    return {
        "code": state.code, "since_unix_s": state.since_unix_s, "note": state.note,
        "next_code": next_code, "next_unix_s": next_unix_s,
        "last_code": last_code, "last_unix_s": last_unix_s,
    }  # fmt: skip


def _membership(section_id: int, person_id: int, role: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        enrolment.c.section_id == section_id,
        enrolment.c.person_id == person_id,
        enrolment.c.role == role,
    )


def _store(
    connection: Connection, section_id: int, person_id: int, role: str, values: dict[str, object]
) -> None:
    mine = _membership(section_id, person_id, role)
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
        HISTORY.where(
            history.c.section_id == section_id,
            history.c.person_id.in_(of or identity.everybody(connection, person_id)),
        )
    )
    return [row_of(row) for row in rows]


def teacher_rows(
    connection: Connection, section_id: int, person_id: int, of: Collection[int] = ()
) -> list[TeacherRow]:
    """Return the section's rows that name a teacher, telling whether it is this person.

    `of` gives the person's rows where those are known.
    """
    of_person = {person_id: of or identity.everybody(connection, person_id)}
    membership = section_id, person_id
    found = teacher_names.teacher_rows(connection, [membership], of_person)
    return found.get(membership, [])


def names_at(connection: Connection, section_id: int, everybody: Collection[int]) -> set[str]:
    """Return what a section's peer may call these rows of a person, in the form compared."""
    peer_id = connection.execute(sa.select(section.c.peer_id).where(section.c.id == section_id))
    return teacher_names.names(connection, peer_id.scalar(), [everybody])[0].names


def is_graded(connection: Connection, section_id: int, person_id: int) -> bool:
    """Tell whether a person has a grade in a section now."""
    found = (
        sa.select(grade.c.id)
        .join_from(grade, assessment, assessment.c.id == grade.c.assessment_id)
        .where(
            assessment.c.section_id == section_id,
            # The history of all of a person's rows is folded into the cells of this one.
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
            r.is_clamped,
            r.hidden,
        )
        for r in rows
    ]


class Now(NamedTuple):
    """What a person is in a section now; `holds`: they are enrolled."""

    id: int
    code: str
    since_unix_s: int
    holds: bool
    # What comes of itself (model.enrolment): codes, and from when.
    coming: tuple[tuple[str, int], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether its date has come, and nobody ended it."""
        return meaning.is_over(self.code)

    @property
    def starts_unix_s(self) -> int | None:
        """When it begins, while that is still to come."""
        return self.coming[0][1] if meaning.is_coming(self.code) and self.coming else None


def current(connection: Connection, section_id: int, person_id: int) -> dict[str, Now]:
    """Return what a person is in a section, by role; in a peer's own as the peer says."""
    table, now_unix_s = present.as_peers_say(connection), database.now_unix_s(connection)
    mine = sa.and_(
        table.c.section_id == section_id,
        table.c.person_id == identity.root(connection, person_id),
    )
    rows = connection.execute(currents(connection).where(mine))
    return {r.role: now_of(r, now_unix_s) for r in rows}


def currents(connection: Connection) -> sa.Select[Any]:
    """Return what reads enrolments as they are now, for `now_of`, in the order of the roles.

    Of `present.as_peers_say`.
    """
    table = present.as_peers_say(connection)
    return (
        sa.select(table, HOLDS)
        .join_from(table, states, states.c.code == table.c.code)
        .order_by(table.c.role)
    )


def now_of(row: sa.Row[Any], now_unix_s: int) -> Now:
    """Read a row of `currents`."""
    dated = ((row.next_code, row.next_unix_s), (row.last_code, row.last_unix_s))
    coming = tuple(d for d in dated if d[1] is not None and d[1] > now_unix_s)
    return Now(row.id, row.code, row.since_unix_s, bool(row.holds), coming)
