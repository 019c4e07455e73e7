"""Two assessments of a section are one: a Moodle's, and one made by hand under nearly its name.

A Moodle's takes over by itself only what has exactly its name (adoption.py); here a person says
that they are the same. The Moodle's stays. What was entered by hand goes over into it and wins
there, as after a taking over, and the one made by hand goes. Nothing is moved: a report of a day
before shows both as they were, and joining can be undone. Source: RULES 1.5, R65, R66, E36.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, _
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events.adoption import joined_mark
from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.cells import MANUAL
from schooltool_bridge.history.fold import position
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    grade,
    grade_history,
    section,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A student with an entry by hand in the one made here, and what the Moodle's holds."""

    person_id: int
    by_hand: Entry
    theirs: Entry | None

    @property
    def goes_over(self) -> bool:
        """Whether the entry counts from then on; one by hand in the Moodle's stays before it."""
        return self.theirs is None or self.theirs.authority != MANUAL


@dataclass(frozen=True, slots=True)
class Plan:
    """What joining two assessments would do."""

    ours: Item
    theirs: Item
    cells: Sequence[Cell]
    # Grades in the Moodle's that stay as they are.
    untouched: int
    # Whether what the school says of the one made here (category, sheet ...) goes over.
    with_detail: bool

    @property
    def digest(self) -> str:
        """Changes with everything that it would do."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def plan(snapshot: SectionSnapshot, ours_id: int, theirs_id: int) -> Plan:
    """Look what joining would do; raises Refused unless one is a Moodle's and the other is not."""
    items = {item.id: item for item in snapshot.items}
    for wanted in (ours_id, theirs_id):
        if wanted not in items:
            message = _("There is no assessment with id %(id)s in this section.", id=wanted)
            raise Refused("assessment", message)
    ours, theirs = items[ours_id], items[theirs_id]
    if ours.peer is not None or theirs.peer is None:
        message = _("Only one that was made by hand and one from a Moodle can be joined.")
        raise Refused("assessment", message)
    cells = [
        Cell(who, entry, snapshot.entries.get((theirs.id, who)))
        for (item_id, who), entry in sorted(snapshot.entries.items(), key=lambda e: e[0])
        if item_id == ours.id and entry.authority == MANUAL
    ]
    moved = {cell.person_id for cell in cells if cell.goes_over}
    untouched = [w for i, w in snapshot.entries if i == theirs.id and w not in moved]
    with_detail = _detail(ours) != Detail() == _detail(theirs)
    return Plan(ours, theirs, cells, len(untouched), with_detail)


def join(
    connection: Connection,
    author: Author,
    section_id: int,
    ours_id: int,
    theirs_id: int,
    *,
    shown: str | None = None,
) -> Plan:
    """Join them; `shown` is the digest of what a person agreed to. Raises Refused."""
    _wait(connection, section_id, theirs_id)
    done = plan(as_of.of_section(connection, section_id), ours_id, theirs_id)
    if shown not in (None, done.digest):
        message = _("Somebody changed this meanwhile; look at it again.")
        raise Refused("assessment", message)
    marked = replace(author, why=joined_mark(ours_id, theirs_id))
    assessments.keep_when_gone(connection, marked, theirs_id, keep=True)
    entries = [
        grades.Entry(theirs_id, c.person_id, c.by_hand.points, c.by_hand.excepted)
        for c in done.cells
        if c.goes_over
    ]
    grades.enter_all(connection, marked, entries)
    if done.with_detail:
        assessments.describe(connection, marked, theirs_id, _detail(done.ours))
    assessments.delete(connection, marked, ours_id)
    author.note(
        connection,
        N_("assessments joined"),
        f"assessment {theirs_id}",
        {"by hand": ours_id, "grades": len(entries), "why": author.why},
    )
    return done


def joined(connection: Connection, section_id: int, theirs_id: int) -> list[tuple[int, str]]:
    """Return what was joined into an assessment and is still: our id and its name."""
    history = assessment_history
    rows = connection.execute(
        sa.select(history).where(
            history.c.section_id == section_id,
            history.c.assessment_id.in_(
                sa.select(history.c.assessment_id).where(
                    history.c.section_id == section_id,
                    history.c.why.like(joined_mark("%", theirs_id)),
                    history.c.assessment_id != theirs_id,
                )
            ),
        )
    )
    latest = {row.assessment_id: row for row in sorted(rows, key=position)}
    return [
        (ours_id, row.name)
        for ours_id, row in sorted(latest.items())
        if row.deleted and row.why == joined_mark(ours_id, theirs_id)
    ]


def take_apart(
    connection: Connection, author: Author, section_id: int, ours_id: int, theirs_id: int
) -> int:
    """Undo a joining; return how many entries count no more in the Moodle's. Raises Refused.

    What was entered there by hand since then stays there.
    """
    _wait(connection, section_id, theirs_id)
    if ours_id not in [own_id for own_id, _name in joined(connection, section_id, theirs_id)]:
        message = _("These two are not joined (any more).")
        raise Refused("assessment", message)
    students = _went_over(connection, ours_id, theirs_id)
    marked = replace(author, why=f"taken apart: {ours_id} from {theirs_id}")
    released = grades.release_all(connection, marked, [(theirs_id, who) for who in students])
    assessments.keep_when_gone(connection, marked, theirs_id, keep=False)
    assessments.bring_back(connection, marked, ours_id)
    author.note(
        connection,
        N_("assessments taken apart"),
        f"assessment {theirs_id}",
        {"by hand": ours_id, "grades": released, "why": author.why},
    )
    return released


def _wait(connection: Connection, section_id: int, theirs_id: int) -> None:
    """Let neither the Moodle nor anybody here write meanwhile."""
    peer_id = connection.execute(
        sa.select(assessment.c.peer_id).where(assessment.c.id == theirs_id)
    ).scalar()
    if peer_id is not None:
        one_at_a_time(connection, peer_id)
    connection.execute(
        sa.select(section.c.id).where(section.c.id == section_id).with_for_update()
    )  # SQLite has one writer anyhow


def _went_over(connection: Connection, ours_id: int, theirs_id: int) -> list[int]:
    """The people whose last entry by hand is the one that went over."""
    rows = connection.execute(
        sa.select(grade_history, grade.c.person_id)
        .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
        .where(grade.c.assessment_id == theirs_id, grade_history.c.by_actor.is_not(None))
    )
    latest = {row.person_id: row for row in sorted(rows, key=position)}
    return [who for who, row in latest.items() if row.why == joined_mark(ours_id, theirs_id)]


def _detail(item: Item) -> Detail:
    return Detail(
        item.label, item.description, item.category_id, item.worksheet_id, item.score_system_id,
        item.due_day,
    )  # fmt: skip
