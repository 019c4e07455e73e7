"""Cells of the gradebook, folded from their whole history into what holds now.

For everything but the everyday grade from a peer (grades.py), which needs no look at a history: an
entry by hand, a change of an assessment's points, people who are one person under several rows.
Source: requirements 1.4, 1.5, R66, R72.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer
from peers.policy import PeerPolicy
from schooltool_bridge import fold, identity, roster
from schooltool_bridge.fields import decimal_text
from schooltool_bridge.model import assessment, grade, grade_history

PEER, MANUAL = "peer", "manual"


def make(connection: Connection, assessment_id: int, person_id: int) -> int:
    """Return the cell of just this row of a person, which is made when it is not there yet."""
    found = connection.execute(
        sa.select(grade.c.id).where(
            grade.c.assessment_id == assessment_id, grade.c.person_id == person_id
        )
    ).scalar()
    if found is not None:
        return int(found)
    added = connection.execute(
        sa.insert(grade).values(
            assessment_id=assessment_id, person_id=person_id, excepted=False, attempt=0,
            exists=False, authority=PEER, effective_unix_s=-1, seq=-1, recorded_unix_s=0,
        )
    )  # fmt: skip
    assert added.inserted_primary_key is not None
    return int(added.inserted_primary_key[0])


def refold(connection: Connection, assessment_id: int, person_id: int) -> int:
    """Fold a person's cell anew, from every row that this person has; return the cell's id.

    What the grade says of an enrolment is folded with it.
    """
    root = identity.root(connection, person_id)
    cell_id = refold_cell(connection, assessment_id, root)
    home = sa.select(assessment.c.section_id).where(assessment.c.id == assessment_id)
    roster.refold(connection, connection.execute(home).scalar_one(), root)
    return cell_id


def refold_cell(connection: Connection, assessment_id: int, person_id: int) -> int:
    """As `refold`, and leave the enrolment to the caller."""
    item = connection.execute(
        sa.select(assessment.c.points, peer.c.policy)
        .select_from(assessment.outerjoin(peer, peer.c.id == assessment.c.peer_id))
        .where(assessment.c.id == assessment_id)
    ).one()
    everybody = identity.everybody(connection, person_id)
    rows = history(connection, assessment_id, everybody)
    out_of_range = PeerPolicy.from_stored(item.policy or {}).out_of_range
    values = as_stored(fold.cell(rows), Decimal(item.points), out_of_range)
    last = fold.latest(rows)
    cell_id = make(connection, assessment_id, everybody[0])
    connection.execute(
        sa.update(grade)
        .where(grade.c.id == cell_id)
        .values(
            values
            | {
                "effective_unix_s": last.effective_unix_s if last else -1,
                "seq": last.seq if last else -1,
            }
        )
    )
    return cell_id


def refold_all(connection: Connection, assessment_id: int, former_section_id: int) -> None:
    """Fold every cell of an assessment anew: its points or its section changed."""
    holders = connection.execute(
        sa.select(grade.c.person_id).where(grade.c.assessment_id == assessment_id)
    ).scalars()
    for root in {identity.root(connection, holder) for holder in holders.all()}:
        refold(connection, assessment_id, root)
        roster.refold(connection, former_section_id, root)


def as_stored(cell: fold.Cell, maximum: Decimal, out_of_range: str) -> dict[str, object]:
    """What the row of a cell says: what counts, and the peer's value beside it."""
    counting, told = cell.counting, cell.by_peer
    by_peer = fold.within(told.raw_points if told else None, maximum, out_of_range)
    by_hand = cell.by_hand
    return {
        "points": decimal_text(by_hand.raw_points if by_hand else by_peer),
        "excepted": counting.excepted if counting else False,
        "attempt": (counting.attempt or 0) if counting else 0,
        "exists": counting is not None,
        "recorded_unix_s": counting.recorded_unix_s if counting else 0,
        "authority": MANUAL if by_hand else PEER,
        "peer_points": decimal_text(by_peer) if by_hand else None,
        "peer_excepted": told.excepted if by_hand and told else None,
    }


def history(
    connection: Connection, assessment_id: int, people: Iterable[int]
) -> list[fold.GradeRow]:
    """Return all that was ever told of the cells of these rows of people."""
    rows = connection.execute(
        sa.select(grade_history)
        .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
        .where(grade.c.assessment_id == assessment_id, grade.c.person_id.in_(list(people)))
    )
    return [row_of(r) for r in rows]


def row_of(row: sa.Row[Any]) -> fold.GradeRow:
    """Read a row of grade_history."""
    return fold.GradeRow(
        row.id,
        row.effective_unix_s,
        row.seq,
        row.recorded_unix_s,
        None if row.raw_points is None else Decimal(row.raw_points),
        row.excepted,
        row.attempt,
        row.deleted,
        row.by_actor,
    )
