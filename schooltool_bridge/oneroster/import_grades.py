"""Import of results, as entries by hand, written together.

All results of one cell are read together, in time; the latest counts. As with enrolments, what an
import said before is compared with what the file says now; an entry that a teacher made since
stays. A result without a student or a line item here is left out, and the report says so.
Source: RULES 1.5, R66, D.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from sys import intern
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.days import first_moment
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.hand import grades
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import EARLIEST_UNIX_S, Author
from schooltool_bridge.history.cells import CellKey
from schooltool_bridge.oneroster import import_new_grades
from schooltool_bridge.oneroster.import_new_grades import NewGrade
from schooltool_bridge.oneroster.import_work import (
    ACTOR,
    ASSESSMENT,
    NEW,
    UNCHANGED,
    UPDATED,
    USER,
    Work,
)
from schooltool_bridge.oneroster.import_work import read as read_file
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.report import Report
from schooltool_bridge.oneroster.tables import EXEMPT
from schooltool_bridge.store.model import enrolment, grade, grade_history

RESULTS = "results"
# Their people are looked for by one statement.
ENTRIES_AT_ONCE = 5_000
_GRADED = ("fully graded", "partially graded")
_UNGRADED = ("not submitted", "submitted")


_Stored = tuple[str | None, bool]  # points, excepted


@dataclass(frozen=True, slots=True)
class _Score:
    """What may stand in a cell, and why that is refused."""

    points: str | None
    excepted: bool
    refused: Refused | None = None

    @property
    def stored(self) -> _Stored:
        """As rows of a history have it."""
        return self.points, self.excepted


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the file."""

    row: int
    item_id: str
    user_id: str
    score: _Score
    effective_unix_s: int
    # The day is still to come.
    is_too_late: bool


def read(package: Package, report: Report, author: Author, zone: ZoneInfo) -> list[Result]:
    """Read the file; nobody has to wait for that yet."""
    before: dict[tuple[str, str], _Score] = {}
    days: dict[str, int] = {"": author.now_unix_s}
    found = []
    for record in read_file(package, report, RESULTS):
        if record.is_ended:
            report.odd("results.csv", record.row, "status", "is kept here; no grade is taken back")
            continue
        what, day = (record["score"], record["scoreStatus"]), record["scoreDate"]
        if what not in before:
            before[what] = _score_of(*what)
        if day not in days:
            days[day] = max(first_moment(date.fromisoformat(day), zone), EARLIEST_UNIX_S)
        odd = _odd(*what, day)
        if odd is not None:
            report.odd("results.csv", record.row, *odd)
        at = days[day]
        item_id, user_id = intern(record["lineItemSourcedId"]), intern(record["studentSourcedId"])
        found.append(Result(record.row, item_id, user_id, before[what], at, at > author.now_unix_s))
    return found


def _odd(score: str, status: str, day: str) -> tuple[str, str] | None:
    """What is unusual about a result: which column, and what to say."""
    if not score and status in ("", *_GRADED):
        return "score", "is empty; only numbers are kept here"
    if score and status in _UNGRADED:
        return "scoreStatus", f"says {status!r}, so the score was not taken"
    if not day:
        return "scoreDate", "is empty; the grade counts from now on"
    return None


def _score_of(score: str, status: str) -> _Score:
    points = Decimal(score) if score else None
    if status == EXEMPT:
        # Older packages must have a number; a nought stands for none there.
        points = points or None
    elif status in _UNGRADED:
        points = None
    try:
        return _Score(decimal_text(grades.worth(points)), status == EXEMPT)
    except Refused as problem:
        return _Score(None, status == EXEMPT, problem)


@dataclass(slots=True)
class _Cells:
    """What is known of the cells that the file is about, and what is to be written into them."""

    roots: Mapping[int, int]
    students: frozenset[tuple[int, int]]  # section and person
    # What imports wrote of each last, and for when.
    imported_before: dict[CellKey, tuple[_Stored, int]]
    # What stands there, whoever wrote it.
    stands: Mapping[CellKey, _Stored]
    new: dict[CellKey, NewGrade] = field(default_factory=dict)
    # Further entries of one cell come after its first.
    rounds: list[dict[CellKey, tuple[Result, Entry, str]]] = field(default_factory=list)

    @classmethod
    def read(cls, work: Work, results: Iterable[Result]) -> _Cells:
        meant = {work.ids.get(ASSESSMENT, item_id) for item_id in {r.item_id for r in results}}
        old = sorted(i for i in meant if i is not None and i not in work.new_items)
        roots = identity.roots(work.connection)
        students = sa.select(enrolment.c.section_id, enrolment.c.person_id)
        there = work.connection.execute(students.where(enrolment.c.role == STUDENT))
        return cls(
            roots,
            frozenset((row.section_id, row.person_id) for row in there),
            _imported_before(work.connection, roots, old),
            _stands(work.connection, old),
        )

    def add(self, cell_key: CellKey, result: Result, what: str, at_unix_s: int) -> None:
        """Put a row behind what is written into its cell already."""
        points = None if result.score.points is None else Decimal(result.score.points)
        entry = Entry(*cell_key, points, result.score.excepted, effective_unix_s=at_unix_s)
        for one in self.rounds:
            if cell_key not in one:
                one[cell_key] = result, entry, what
                return
        self.rounds.append({cell_key: (result, entry, what)})


def results(work: Work, rows: Sequence[Result]) -> None:
    """Take in the results as entries by hand."""
    cells = _Cells.read(work, rows)
    by_cell: dict[CellKey, Result | list[Result]] = {}  # a list costs much where most are alone
    for result in rows:
        item_id = work.ids.get(ASSESSMENT, result.item_id)
        known = work.ids.get(USER, result.user_id)
        why = None if item_id is None or known is None else _why_left_out(result)
        if why is not None:
            _leave_out(work, result, why)
        elif item_id is None or known is None:
            work.count(RESULTS, UNCHANGED)  # the item or student was left out, as reported
        else:
            cell_key = item_id, cells.roots.get(known, known)
            before = by_cell.setdefault(cell_key, result)
            if isinstance(before, list):
                before.append(result)
            elif before is not result:
                by_cell[cell_key] = [before, result]
    for cell_key, some in by_cell.items():
        each = sorted(some, key=lambda r: r.effective_unix_s) if isinstance(some, list) else [some]
        _take(work, cells, cell_key, each)
    import_new_grades.write(work.connection, work.author, list(cells.new.values()))
    for entries in cells.rounds:
        _write(work, entries)


def _why_left_out(result: Result) -> Refused | None:
    if result.score.refused is not None:
        return result.score.refused
    return _TOO_LATE if result.is_too_late else None


def _take(work: Work, cells: _Cells, cell_key: CellKey, each: Sequence[Result]) -> None:
    """Take in all results of one cell; the last of them counts."""
    last = each[-1]
    wanted = last.score.stored
    if cell_key[0] not in work.new_items:
        for _earlier in each[:-1]:
            work.count(RESULTS, UNCHANGED)
    if cell_key in cells.imported_before:
        before, at_unix_s = cells.imported_before[cell_key]
        if before == wanted:
            work.count(RESULTS, UNCHANGED)
        else:
            cells.add(cell_key, last, UPDATED, max(at_unix_s, last.effective_unix_s))
    elif wanted in (_NOTHING, cells.stands.get(cell_key)):
        work.count(RESULTS, UNCHANGED)
    elif cell_key[0] not in work.new_items:
        cells.add(cell_key, last, NEW, last.effective_unix_s)
    elif (work.new_items[cell_key[0]], cell_key[1]) not in cells.students:
        for result in each:
            _leave_out(work, result, _NO_STUDENT)
    else:
        _take_new(work, cells, cell_key, each)


def _take_new(work: Work, cells: _Cells, cell_key: CellKey, each: Sequence[Result]) -> None:
    """Write a cell of a new assessment: the first result at once, what came of it behind."""
    first, *more = each
    cells.new[cell_key] = NewGrade(*cell_key, *first.score.stored, first.effective_unix_s)
    work.count(RESULTS, NEW)
    before = first.score.stored
    for result in more:
        if result.score.stored == before:
            work.count(RESULTS, UNCHANGED)
        else:
            cells.add(cell_key, result, NEW, result.effective_unix_s)
            before = result.score.stored


_NOTHING: _Stored = (None, False)
_TOO_LATE = Refused("effective", "This day is still to come")
_NO_STUDENT = Refused("person", "This person never was a student of the section")


def _leave_out(work: Work, result: Result, problem: Refused) -> None:
    """Leave a result out, and say whose it is."""
    who = work.called(result.user_id)
    named = Refused(problem.field, f"{who}: {problem}")
    work.leave_out(RESULTS, result, named)


def _write(work: Work, entries: Mapping[CellKey, tuple[Result, Entry, str]]) -> None:
    """Write entries of which each has a cell of its own, those of one assessment together."""
    refused: set[CellKey] = set()

    def refuse(entry: Entry, problem: Refused) -> None:
        cell_key = entry.assessment_id, entry.person_id
        refused.add(cell_key)
        _leave_out(work, entries[cell_key][0], problem)

    for part in in_parts(sorted(entries), ENTRIES_AT_ONCE):
        wanted = [entries[cell_key][1] for cell_key in part]
        grades.enter_all(work.connection, work.author, wanted, refuse)
    for cell_key, (_result, _entry, what) in entries.items():
        if cell_key not in refused:
            work.count(RESULTS, what)


def _stands(
    connection: Connection, item_ids: Sequence[int]
) -> dict[CellKey, tuple[str | None, bool]]:
    found: dict[CellKey, tuple[str | None, bool]] = {}
    for part in in_parts(item_ids):
        for item_id, person_id, points, excepted in connection.execute(
            sa.select(
                grade.c.assessment_id, grade.c.person_id, grade.c.points, grade.c.excepted
            ).where(grade.c.assessment_id.in_(part), grade.c.exists)
        ):
            found[item_id, person_id] = points, excepted
    return found


def _imported_before(
    connection: Connection, roots: Mapping[int, int], item_ids: Sequence[int]
) -> dict[CellKey, tuple[_Stored, int]]:
    found: dict[CellKey, tuple[_Stored, int]] = {}
    history = grade_history
    for part in in_parts(item_ids):
        for item_id, person_id, points, excepted, at_unix_s in connection.execute(
            sa.select(
                grade.c.assessment_id, grade.c.person_id, history.c.raw_points,
                history.c.excepted, history.c.effective_unix_s,
            )
            .join_from(history, grade, grade.c.id == history.c.grade_id)
            .where(grade.c.assessment_id.in_(part), history.c.by_actor == ACTOR)
            .order_by(history.c.effective_unix_s, history.c.seq, history.c.id)
        ):  # fmt: skip
            found[item_id, roots.get(person_id, person_id)] = (points, excepted), at_unix_s
    return found
