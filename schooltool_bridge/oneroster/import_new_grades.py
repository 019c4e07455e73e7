"""Grades of assessments that an import has just made: many at once, by the rules of hand/grades.py.

One by one each would be folded with a history that cannot be there yet, which takes minutes for a
school. Source: RULES 1.5, R66.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.cells import MANUAL
from schooltool_bridge.store.model import grade, grade_history

# The driver takes them one by one, so that only memory counts.
CELLS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class NewGrade:
    """An entry for a cell that is not there yet; points as they are stored."""

    item_id: int
    person_id: int
    points: str | None
    excepted: bool
    effective_unix_s: int


def write(connection: Connection, author: Author, new: Sequence[NewGrade]) -> None:
    """Write the cells, and the entry in the history of each, which says the same."""
    for part in in_parts(new, CELLS_AT_ONCE):
        connection.execute(
            sa.insert(grade),
            [
                {
                    "assessment_id": one.item_id,
                    "person_id": one.person_id,
                    "points": one.points,
                    "excepted": one.excepted,
                    "attempt": 0,
                    "exists": True,
                    "authority": MANUAL,
                    "effective_unix_s": one.effective_unix_s,
                    "seq": -1,
                    "recorded_unix_s": author.now_unix_s,
                }
                for one in part
            ],
        )
    for ids in in_parts(sorted({one.item_id for one in new})):
        connection.execute(_into_history(author, ids))


def _into_history(author: Author, item_ids: Sequence[int]) -> sa.Insert:
    """What these cells say, into their history."""
    columns = {
        "grade_id": grade.c.id,
        "raw_points": grade.c.points,
        "excepted": grade.c.excepted,
        "attempt": sa.null(),
        "deleted": sa.false(),
        **{name: sa.literal(value) for name, value in author.columns((0, -1)).items()},
        "effective_unix_s": grade.c.effective_unix_s,
    }
    rows = sa.select(*columns.values()).where(grade.c.assessment_id.in_(item_ids))
    return sa.insert(grade_history).from_select(list(columns), rows)
