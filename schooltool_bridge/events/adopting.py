"""In a section of ours that a peer's is joined with, two assessments of one name become one.

The Moodle's stays, and the one made by hand goes, as when a person joins two (hand/joining.py).
So both are there for whoever takes the sections apart again, and no report of a day before
changes. What was entered by hand counts before what the Moodle says; where the two are worth
different points it keeps its percentage, and a person is asked. Source: RULES 1.4, 1.5, R66.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.stored_sentences import english
from schooltool_bridge.common.points import MAX_DECIMALS, decimal_text
from schooltool_bridge.events import adoption
from schooltool_bridge.history import cells
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.fold import item_state
from schooltool_bridge.store.model import (
    DELETED,
    assessment,
    assessment_history,
    grade,
    grade_history,
)
from schooltool_bridge.store.model_school import assessment_detail


def adopt(connection: Connection, actor: str, ours_id: int, theirs_id: int, now_unix_s: int) -> str:
    """Make a Moodle's assessment and ours one; return what a person should decide, or nothing.

    `actor` is who joined the sections.
    """
    author = Author(actor, now_unix_s, adoption.joined_mark(ours_id, theirs_id))
    ours, theirs = (_row(connection, item) for item in (ours_id, theirs_id))
    _state(connection, author, theirs_id, deleted=False)  # by hand, should the Moodle delete it
    before, after = Decimal(ours.points), Decimal(theirs.points)
    _carry_entries(connection, author, ours_id, theirs_id, before, after)
    if _described(ours) and not _described(theirs):
        values = {name: getattr(ours, name) for name in _DETAIL}
        connection.execute(
            sa.insert(assessment_detail).values(assessment_id=theirs_id, **values, **author.noted())
        )
        connection.execute(sa.update(assessment).where(assessment.c.id == theirs_id).values(values))
    _state(connection, author, ours_id, deleted=True)
    connection.execute(
        sa.update(assessment)
        .where(assessment.c.id == ours_id)
        .values(status=DELETED, effective_unix_s=now_unix_s, seq=-1)
    )
    for item in (theirs_id, ours_id):
        cells.refold_all(connection, item, ours.section_id)
    if before in (0, after):
        return ""
    return english(
        "“%(name)s” (id %(id)s, by hand) and the Moodle's of the same name are one now, but it was "
        "worth %(before)s points here and is worth %(after)s there. Grades entered by hand before "
        "that keep their percentage. Where the points themselves were meant, enter them again in "
        "the gradebook; dismiss this when it is right.",
        name=ours.name,
        id=ours_id,
        before=decimal_text(before),
        after=decimal_text(after),
    )


def _row(connection: Connection, assessment_id: int) -> sa.Row[Any]:
    return connection.execute(sa.select(assessment).where(assessment.c.id == assessment_id)).one()


def _state(connection: Connection, author: Author, assessment_id: int, *, deleted: bool) -> None:
    """Write by hand that an assessment stays as it stands, or is gone."""
    history = assessment_history
    rows = connection.execute(
        sa.select(history).where(history.c.assessment_id == assessment_id)
    ).all()
    stands = item_state(rows).row
    values = {name: getattr(stands, name) for name in _STATED}
    connection.execute(
        sa.insert(history).values(
            assessment_id=assessment_id,
            **values,
            deleted=deleted,
            **author.columns(author.position(rows, None)),
        )
    )


def _carry_entries(
    connection: Connection,
    author: Author,
    ours_id: int,
    theirs_id: int,
    before: Decimal,
    after: Decimal,
) -> None:
    """Let what was entered by hand in ours count in the Moodle's, where nothing by hand does."""
    by_hand = sa.and_(grade.c.authority == cells.MANUAL, grade.c.exists)
    there = set(
        connection.execute(
            sa.select(grade.c.person_id).where(grade.c.assessment_id == theirs_id, by_hand)
        ).scalars()
    )
    entries = {
        (theirs_id, row.person_id): row
        for row in connection.execute(
            sa.select(grade).where(grade.c.assessment_id == ours_id, by_hand)
        )
        if row.person_id not in there
    }
    if not entries:
        return
    ids = cells.make_all(connection, entries)
    at = author.position((), None)
    connection.execute(
        sa.insert(grade_history),
        [
            {
                "grade_id": ids[cell_key],
                "raw_points": _scaled(row.points, before, after),
                "excepted": row.excepted,
                "attempt": None,
                "deleted": False,
                **author.columns(at),
            }
            for cell_key, row in entries.items()
        ],
    )


def _scaled(points: str | None, before: Decimal, after: Decimal) -> str | None:
    """Keep the percentage of what was entered, in points of what it is worth now."""
    if points is None or before in (0, after):
        return points
    return decimal_text(round(Decimal(points) * after / before, MAX_DECIMALS))


def _described(row: sa.Row[Any]) -> bool:
    return any(getattr(row, name) not in (None, "") for name in _DETAIL)


# What the school itself says of an assessment (model_school.assessment_detail).
_DETAIL = (
    "label", "description", "category_id", "worksheet_id", "score_system_id", "due_day",
)  # fmt: skip
_STATED = (
    "section_id", "name", "points", "chapternum", "honors_required", "nonhonors_required",
    "extra_credit",
)  # fmt: skip
