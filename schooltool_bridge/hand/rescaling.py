"""A Moodle's assessment of another worth took over one made here: what was meant by its grades.

Until somebody says so, what was entered by hand before keeps its percentage (fold.entered). That
can be said to be right; or the points themselves were meant, which are then entered anew, so that
a report of a day before the decision stays as it was. Source: RULES 1.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.events import assessments
from schooltool_bridge.hand import grades
from schooltool_bridge.history import cells, fold, identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import assessment_history, grade


@dataclass(frozen=True, slots=True)
class Cell:
    """A student's entry by hand from before: as it was then, and by its percentage."""

    person_id: int
    points: Decimal
    by_percentage: Decimal
    excepted: bool


@dataclass(frozen=True, slots=True)
class Question:
    """An assessment that was worth something else before its peer's took it over."""

    assessment_id: int
    name: str
    before: Decimal
    now: Decimal
    cells: Sequence[Cell]


def question(connection: Connection, peer_id: int, idnumber: str) -> Question | None:
    """Return what is to be decided about a peer's assessment; None when there is nothing."""
    found = assessments.find(connection, peer_id, idnumber)
    if found is None:
        return None
    mine = sa.select(assessment_history).where(assessment_history.c.assessment_id == found.id)
    rows = connection.execute(mine).all()
    taken, holds = fold.takings_over(rows), fold.item_state(rows)
    now = Decimal(holds.row.points)
    if not taken or not holds.is_peers or taken[-1].points in (0, now):
        return None
    return Question(
        found.id, holds.row.name, taken[-1].points, now, _cells(connection, found.id, taken, now)
    )


def keep_points(connection: Connection, author: Author, asked: Question) -> int:
    """Enter the points of before anew, as points of what it is worth now; return how many."""
    return grades.enter_all(
        connection,
        author,
        [grades.Entry(asked.assessment_id, c.person_id, c.points, c.excepted) for c in asked.cells],
    )


def _cells(
    connection: Connection, assessment_id: int, taken: Sequence[fold.TakenOver], now: Decimal
) -> list[Cell]:
    into = identity.roots(connection)
    rows = connection.execute(
        sa.select(grade.c.person_id).where(grade.c.assessment_id == assessment_id)
    )
    cell_keys = {(assessment_id, into.get(who, who)) for who in rows.scalars()}
    found = []
    for (_item, who), cell_history in sorted(cells.histories(connection, cell_keys, into).items()):
        by_hand = fold.cell(cell_history).by_hand
        if by_hand is None or by_hand.recorded_unix_s >= taken[-1].recorded_unix_s:
            continue
        points = fold.entered(by_hand, taken[-1].points, taken[:-1])
        by_percentage = fold.entered(by_hand, now, taken)
        if points is not None and by_percentage is not None:
            found.append(Cell(who, points, by_percentage, by_hand.excepted))
    return found
