"""Cells of the gradebook, folded from their whole history into what holds now.

For everything but the everyday grade from a peer (grades.py), which needs no look at a history: an
entry by hand, a change of an assessment's points, people who are one person under several rows.
Source: RULES 1.4, 1.5, R66, R72.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.history import fold, identity, joined, roster
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    enrolment_history,
    grade,
    grade_history,
)

PEER, MANUAL = "peer", "manual"
CellKey = tuple[int, int]  # assessment, person


def refold(connection: Connection, assessment_id: int, person_id: int) -> None:
    """Fold a person's cell anew, from every row that this person has.

    What the grade says of an enrolment is folded with it.
    """
    refold_many(connection, [(assessment_id, person_id)])


def refold_many(connection: Connection, cell_keys: Iterable[CellKey]) -> None:
    """As `refold` for many cells (assessment, person), by as many statements as for one.

    More only for people whom a peer took out of the section, each once: which withdrawal that
    was depends on whether there is a grade.
    """
    wanted = set(cell_keys)
    if not wanted:
        return
    homes = _refold_cells(connection, wanted)
    refold_endings(connection, {(homes[item], who) for item, who in wanted})


def refold_cell(connection: Connection, assessment_id: int, person_id: int) -> None:
    """As `refold`, and leave the enrolment to the caller."""
    _refold_cells(connection, {(assessment_id, person_id)})


def refold_all(connection: Connection, assessment_id: int, former_section_id: int) -> None:
    """Fold every cell of an assessment anew: its points or its section changed."""
    holders = connection.execute(
        sa.select(grade.c.person_id).where(grade.c.assessment_id == assessment_id)
    ).scalars()
    people = holders.all()
    refold_many(connection, [(assessment_id, who) for who in people])
    refold_endings(connection, {(former_section_id, who) for who in people})


def refold_endings(connection: Connection, of: Collection[tuple[int, int]]) -> None:
    """Fold enrolments (section, person) anew in which a peer's ending waits for what grades say."""
    if not of:
        return
    into = identity.roots(connection)
    wanted = {(section_id, into.get(who, who)) for section_id, who in of}
    # In a section of ours what ended somebody's enrolment may be the joined section's word.
    homes = joined.homes(connection, {section_id for section_id, _who in wanted})
    parts = {section_id for section_id, _who in wanted} | homes.keys()
    ended = connection.execute(
        sa.select(enrolment_history.c.section_id, enrolment_history.c.person_id).where(
            enrolment_history.c.section_id.in_(parts),
            enrolment_history.c.person_id.in_(rows_of_people(into, (who for _s, who in wanted))),
            enrolment_history.c.code.is_(None),
        )
    ).all()
    endings = {(s, into.get(row, row)) for s, row in ended}
    endings |= {(homes.get(s, s), who) for s, who in endings}
    for section_id, who in sorted(wanted & endings):
        roster.refold(connection, section_id, who)


def rows_of_people(into: Mapping[int, int], people: Iterable[int]) -> list[int]:
    """Return every row of these people, by what identity.roots says."""
    wanted = {into.get(who, who) for who in people}
    return sorted(wanted | {row for row, root in into.items() if root in wanted})


def _refold_cells(connection: Connection, cell_keys: Collection[CellKey]) -> dict[int, int]:
    """Fold cells anew; return the section of each assessment."""
    into = identity.roots(connection)
    wanted = sorted({(item, into.get(who, who)) for item, who in cell_keys})
    items = worths(connection, {item for item, _who in wanted})
    ids = make_all(connection, wanted)
    rows_of = histories(connection, wanted, into)
    connection.execute(
        _STORE, [{"cell": ids[p], **_now(items[p[0]], rows_of.get(p, []))} for p in wanted]
    )
    return {item: row.section_id for item, row in items.items()}


@dataclass(frozen=True, slots=True)
class Worth:
    """An assessment, as far as its cells depend on it: what it is worth, and was by hand."""

    section_id: int
    points: Decimal
    taken: Sequence[fold.TakenOver]


def _now(item: Worth, rows: Sequence[fold.GradeRow]) -> dict[str, object]:
    """The columns of a cell, folded from its history."""
    last = max(map(fold.position, rows), default=None)
    values = as_stored(fold.cell(rows), item.points, item.taken) | {
        "effective_unix_s": last[0] if last else -1,
        "seq": last[1] if last else -1,
    }
    return {f"new_{name}": value for name, value in values.items()}


def make_all(connection: Connection, cell_keys: Collection[CellKey]) -> dict[CellKey, int]:
    """Return the cells of just these rows of people; what is not there yet is made."""
    found = _ids(connection, cell_keys)
    missing = [cell_key for cell_key in cell_keys if cell_key not in found]
    if not missing:
        return found
    empty = {
        "excepted": False, "attempt": 0, "exists": False, "authority": PEER,
        "effective_unix_s": -1, "seq": -1, "recorded_unix_s": 0,
    }  # fmt: skip
    connection.execute(
        sa.insert(grade),
        [{"assessment_id": item, "person_id": who, **empty} for item, who in missing],
    )
    return _ids(connection, cell_keys)


def _ids(connection: Connection, cell_keys: Collection[CellKey]) -> dict[CellKey, int]:
    rows = connection.execute(
        sa.select(grade.c.id, grade.c.assessment_id, grade.c.person_id).where(
            grade.c.assessment_id.in_({item for item, _who in cell_keys}),
            grade.c.person_id.in_({who for _item, who in cell_keys}),
        )
    )
    return {(row.assessment_id, row.person_id): row.id for row in rows}


def histories(
    connection: Connection, cell_keys: Collection[CellKey], into: Mapping[int, int]
) -> dict[CellKey, list[fold.GradeRow]]:
    """Return the whole history of cells, of all rows of each person (identity.roots)."""
    rows = connection.execute(
        _HISTORY.where(
            grade.c.assessment_id.in_({item for item, _who in cell_keys}),
            grade.c.person_id.in_(rows_of_people(into, (who for _item, who in cell_keys))),
        )
    )
    found: dict[CellKey, list[fold.GradeRow]] = defaultdict(list)
    for row in rows:
        found[row.assessment_id, into.get(row.person_id, row.person_id)].append(row_of(row))
    return found


def worths(connection: Connection, wanted: Collection[int]) -> dict[int, Worth]:
    """Return what assessments are worth, and were before a peer's took them over."""
    history = assessment_history
    by_hand = sa.select(history.c.assessment_id).where(
        history.c.assessment_id.in_(wanted), history.c.by_actor.is_not(None)
    )
    histories: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(sa.select(history).where(history.c.assessment_id.in_(by_hand))):
        histories[row.assessment_id].append(row)
    columns = (assessment.c.id, assessment.c.section_id, assessment.c.points)
    rows = connection.execute(sa.select(*columns).where(assessment.c.id.in_(wanted)))
    return {
        r.id: Worth(r.section_id, Decimal(r.points), fold.takings_over(histories.get(r.id, ())))
        for r in rows
    }


def as_stored(
    cell: fold.Cell, maximum: Decimal, taken: Sequence[fold.TakenOver]
) -> dict[str, object]:
    """What the row of a cell says: what counts, and the peer's value beside it."""
    counting, peer_row = cell.counting, cell.by_peer
    by_peer = fold.within(peer_row, maximum)
    by_hand = cell.by_hand
    return {
        "points": decimal_text(fold.entered(by_hand, maximum, taken) if by_hand else by_peer),
        "excepted": counting.excepted if counting else False,
        "attempt": (counting.attempt or 0) if counting else 0,
        "exists": counting is not None,
        "recorded_unix_s": counting.recorded_unix_s if counting else 0,
        "authority": MANUAL if by_hand else PEER,
        "peer_points": decimal_text(by_peer) if by_hand else None,
        "peer_excepted": peer_row.excepted if by_hand and peer_row else None,
        "hidden": cell.hidden,
    }


def history(
    connection: Connection, assessment_id: int, people: Iterable[int]
) -> list[fold.GradeRow]:
    """Return the whole history of the cells of these rows of people."""
    theirs = grade.c.person_id.in_(list(people))
    rows = connection.execute(_HISTORY.where(grade.c.assessment_id == assessment_id, theirs))
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
        row.is_clamped,
        row.hidden,
    )


_HISTORY: sa.Select[Any] = sa.select(
    grade_history, grade.c.assessment_id, grade.c.person_id
).join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
_STORE = (
    sa.update(grade)
    .where(grade.c.id == sa.bindparam("cell"))
    .values(
        {
            name: sa.bindparam(f"new_{name}")
            for name in (
                "points", "excepted", "attempt", "exists", "recorded_unix_s", "authority",
                "peer_points", "peer_excepted", "hidden", "effective_unix_s", "seq",
            )
        }
    )
)  # fmt: skip
