"""Grades by hand: an entry wins over the peer's until it is released; both are kept.

A whole page or spreadsheet is written by as many statements as one cell, so that nothing else
waits long for its turn to write. Source: RULES 1.5, R66, R72, R75, R77.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from schooltool_bridge.common.points import MAX_DECIMALS, MAX_POINTS, decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import cells, identity
from schooltool_bridge.history.author import Author, must_be_somebody
from schooltool_bridge.history.fold import GradeRow, entered, latest
from schooltool_bridge.store.model import ACTIVE, assessment, enrolment, grade_history, person


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written into one cell; points None says that there is no grade."""

    assessment_id: int
    person_id: int
    points: Decimal | None
    excepted: bool = False
    # Takes the entry by hand back.
    released: bool = False
    # Since when it holds (now).
    effective_unix_s: int | None = None


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
    entry = Entry(
        assessment_id, person_id, points, excepted, effective_unix_s=effective_unix_s
    )  # fmt: skip
    return enter_all(connection, author, [entry]) == 1


def enter_all(
    connection: Connection,
    author: Author,
    entries: Sequence[Entry],
    refused: Callable[[Entry, Refused], None] | None = None,
) -> int:
    """Write many grades by hand as `enter` does each; return how many were written.

    At most one entry a cell. Raises Refused, then nothing was written; or tells `refused` of each
    that is left out, and writes the others.
    """
    if not entries:
        return 0
    there = _There.read(connection, entries)
    fitting = []
    for entry in entries:
        try:
            there.must_fit(entry)
            author.position((), entry.effective_unix_s)
            fitting.append(replace(entry, points=worth(entry.points)))
        except Refused as problem:
            if refused is None:
                raise
            refused(entry, problem)
    return _write(connection, author, fitting, there.roots)


def release(connection: Connection, author: Author, assessment_id: int, person_id: int) -> bool:
    """Take an entry by hand back, so that the peer's value counts; False when there is none."""
    return release_all(connection, author, [(assessment_id, person_id)]) == 1


def release_all(connection: Connection, author: Author, cell_keys: Iterable[cells.CellKey]) -> int:
    """Release many cells (assessment, person); return how many had an entry by hand."""
    entries = [Entry(*cell_key, None, released=True) for cell_key in cell_keys]
    if not entries:
        return 0
    return _write(connection, author, entries, identity.roots(connection))


def worth(points: Decimal | None) -> Decimal | None:
    """Read the points of an entry; raises Refused."""
    if points is None:
        return None
    if not points.is_finite():
        raise Refused("points", _("Points are a number."))
    if points < 0:
        raise Refused("points", _("Points are not below zero."))
    if points > MAX_POINTS:
        raise Refused("points", _("Points are at most %(most)s.", most=MAX_POINTS))
    return round(points, MAX_DECIMALS)


def _write(
    connection: Connection,
    author: Author,
    entries: Sequence[Entry],
    roots: Mapping[int, int],
) -> int:
    """Write what does not hold already: the history first, from which the cells are folded."""
    by_cell = {(e.assessment_id, roots.get(e.person_id, e.person_id)): e for e in entries}
    histories = cells.histories(connection, by_cell, roots)
    items = cells.worths(connection, {item for item, _who in by_cell})
    rows: dict[cells.CellKey, dict[str, object]] = {}
    for cell_key, entry in by_cell.items():
        by_hand = [r for r in histories.get(cell_key, ()) if r.by_actor is not None]
        if _is_so_already(latest(by_hand), entry, items[cell_key[0]]):
            continue
        rows[cell_key] = {
            "raw_points": decimal_text(entry.points),
            "excepted": entry.excepted,
            "attempt": None,
            "deleted": entry.released,
            **author.columns(author.position(by_hand, entry.effective_unix_s)),
        }
    if not rows:
        return 0
    ids = cells.make_all(connection, rows)
    connection.execute(
        sa.insert(grade_history),
        [{"grade_id": ids[cell_key], **row} for cell_key, row in rows.items()],
    )
    cells.refold_many(connection, rows)
    return len(rows)


def _is_so_already(now: GradeRow | None, entry: Entry, item: cells.Worth) -> bool:
    """Tell whether the open entry is just this; where none is open, a release changes nothing."""
    if now is None or now.deleted:
        return entry.released
    wanted = (entry.points, entry.excepted, entry.released)
    return (entered(now, item.points, item.taken), now.excepted, now.deleted) == wanted


@dataclass(frozen=True, slots=True)
class _There:
    """The assessments and people whom entries name, as far as they are there."""

    # The section of each.
    assessments: Mapping[int, int]
    people: frozenset[int]
    roots: Mapping[int, int]
    # Section and person.
    students: frozenset[tuple[int, int]]

    @classmethod
    def read(cls, connection: Connection, entries: Iterable[Entry]) -> _There:
        wanted = {e.person_id for e in entries}
        items = connection.execute(
            sa.select(assessment.c.id, assessment.c.section_id).where(
                assessment.c.id.in_({e.assessment_id for e in entries}),
                assessment.c.status == ACTIVE,
            )
        )
        homes = {row.id: row.section_id for row in items}
        people = connection.execute(sa.select(person.c.id).where(person.c.id.in_(wanted)))
        students = connection.execute(
            sa.select(enrolment.c.section_id, enrolment.c.person_id).where(
                enrolment.c.section_id.in_(set(homes.values())),
                enrolment.c.person_id.in_(wanted),
                enrolment.c.role == STUDENT,
            )
        )
        return cls(
            homes,
            frozenset(people.scalars()),
            identity.roots(connection),
            frozenset((row.section_id, row.person_id) for row in students),
        )

    def must_fit(self, entry: Entry) -> None:
        """See that the assessment is there and the person is or was a student of its section."""
        home = self.assessments.get(entry.assessment_id)
        if home is None:
            raise Refused(
                "assessment", _("There is no assessment with id %(id)s.", id=entry.assessment_id)
            )
        must_be_somebody(entry.person_id, self.people, self.roots)
        if (home, entry.person_id) not in self.students:
            raise Refused(
                "person", _("This person never was a student of the section; enrol them first.")
            )
