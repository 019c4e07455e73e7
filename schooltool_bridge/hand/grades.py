"""Grades by hand: an entry wins over the peer's until it is released; both are kept.

Source: requirements 1.5, R66, R72, R75, R77.
"""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from schooltool_bridge import cells, identity
from schooltool_bridge.fields import MAX_DECIMALS, MAX_POINTS, decimal_text
from schooltool_bridge.fold import GradeRow, latest
from schooltool_bridge.hand.author import Author, Refused
from schooltool_bridge.model import assessment, enrolment, grade_history, person
from schooltool_bridge.sections import ACTIVE


def enter(
    connection: Connection,
    author: Author,
    assessment_id: int,
    person_id: int,
    points: Decimal | None,
    *,
    excepted: bool = False,
    effective_unix_s: int | None = None,
) -> bool:
    """Write a grade by hand; points None says that there is none. Raises Refused.

    More than the assessment is worth is extra credit; less than nothing is refused. Returns
    False when just this was written there already.
    """
    if points is not None:
        if not points.is_finite():
            raise Refused("points", _("Points are a number."))
        if points < 0:
            raise Refused("points", _("Points are not below zero."))
        if points > MAX_POINTS:
            raise Refused("points", _("Points are at most %(most)s.", most=MAX_POINTS))
        points = round(points, MAX_DECIMALS)
    _must_fit(connection, assessment_id, person_id)
    return _write(
        connection,
        author,
        assessment_id,
        person_id,
        points,
        excepted=excepted,
        released=False,
        effective_unix_s=effective_unix_s,
    )  # fmt: skip - an entry


def release(connection: Connection, author: Author, assessment_id: int, person_id: int) -> bool:
    """Take an entry by hand back, so that the peer's value counts; False when there is none."""
    return _write(
        connection,
        author,
        assessment_id,
        person_id,
        None,
        excepted=False,
        released=True,
        effective_unix_s=None,
    )  # fmt: skip - no entry


def _write(
    connection: Connection,
    author: Author,
    assessment_id: int,
    person_id: int,
    points: Decimal | None,
    *,
    excepted: bool,
    released: bool,
    effective_unix_s: int | None,
) -> bool:
    everybody = identity.everybody(connection, person_id)
    cell_id = cells.make(connection, assessment_id, everybody[0])
    rows = cells.history(connection, assessment_id, everybody)
    by_hand = [r for r in rows if r.by_actor is not None]
    now = latest(by_hand)
    is_open = now is not None and not now.deleted
    if released and not is_open:
        return False
    if is_open and _says(now, points, excepted=excepted, released=released):
        return False
    at = author.place(by_hand, effective_unix_s)
    connection.execute(
        sa.insert(grade_history).values(
            grade_id=cell_id,
            raw_points=decimal_text(points),
            excepted=excepted,
            attempt=None,
            deleted=released,
            **author.columns(at),
        )
    )
    cells.refold(connection, assessment_id, person_id)
    return True


def _says(row: GradeRow | None, points: Decimal | None, *, excepted: bool, released: bool) -> bool:
    said = (points, excepted, released)
    return row is not None and (row.raw_points, row.excepted, row.deleted) == said


def _must_fit(connection: Connection, assessment_id: int, person_id: int) -> None:
    """See that the assessment is there and the person is or was a student of its section."""
    item = connection.execute(
        sa.select(assessment.c.section_id, assessment.c.status).where(
            assessment.c.id == assessment_id
        )
    ).first()
    if item is None or item.status != ACTIVE:
        raise Refused("assessment", _("There is no assessment with id %(id)s.", id=assessment_id))
    if connection.execute(sa.select(person.c.id).where(person.c.id == person_id)).scalar() is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    root = identity.root(connection, person_id)
    if root != person_id:
        raise Refused(
            "person", _("This person was merged into the one with id %(id)s; use that.", id=root)
        )
    is_student = connection.execute(
        sa.select(enrolment.c.id).where(
            enrolment.c.section_id == item.section_id,
            enrolment.c.person_id == person_id,
            enrolment.c.role == "student",
        )
    ).first()
    if is_student is None:
        raise Refused(
            "person",
            _("This person never was a student of the section; enrol them first."),
        )
