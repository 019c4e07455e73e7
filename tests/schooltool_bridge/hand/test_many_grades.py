"""Many grades at once: a page or a spreadsheet is written by as many statements as one cell."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from mnet.database import Database
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import entering, grid, upload, upload_grades
from schooltool_bridge.gradebook.entering import Typed
from schooltool_bridge.gradebook.spreadsheet import Row, Table
from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import grade, grade_history
from tests.helpers.gradebooks import Book, make_book
from tests.helpers.migrated import fill
from tests.helpers.school import NOW

ZONE = ZoneInfo("Europe/Paris")
FEW, MANY = (2, 5), (10, 10)
CAROL = Author("carol", NOW + 60)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    fill(database)
    yield database
    database.close()


class Statements:
    """Counts what a connection asks the database to do; one for many rows counts as one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.count = 0

    def _one(self, *_arguments: Any) -> None:
        self.count += 1

    def __enter__(self) -> Self:
        event.listen(self._connection, "before_cursor_execute", self._one)
        return self

    def __exit__(self, *_exc: object) -> None:
        event.remove(self._connection, "before_cursor_execute", self._one)


def names(count: int, before: str) -> list[str]:
    return [f"{before}{n}" for n in range(count)]


def book_of(connection: Connection, size: tuple[int, int], before: str) -> Book:
    """A section of some students and items; `before` makes their names its own."""
    students, items = size
    return make_book(
        connection,
        NOW,
        dict.fromkeys(names(items, "Item "), 20),
        tuple(names(students, f"S{before}")),
    )


def spreadsheet(book: Book, mark: str) -> Table:
    rows = [
        ["id", *book.items],
        *([str(who), *[mark] * len(book.items)] for who in book.students.values()),
    ]
    return Table("", [Row(n, cells) for n, cells in enumerate(rows, 1)])


def uploaded(connection: Connection, book: Book, mark: str) -> int:
    plan = upload_grades.plan(connection, book.section_id, [spreadsheet(book, mark)])
    assert len(plan.changes) == len(book.students) * len(book.items)
    with Statements(connection) as asked:
        upload.write(connection, CAROL, plan, shown=plan.digest)
    return asked.count


def typed(connection: Connection, book: Book, mark: str) -> int:
    shown = grid.read(connection, book.section_id, ZONE)
    cells = [Typed(c.item_id, c.person_id, mark, c.text, c.token) for c in shown.cells]
    with Statements(connection) as asked:
        saved = entering.save(connection, CAROL, book.section_id, ZONE, cells)
    assert saved.written == len(cells)
    return asked.count


def released(connection: Connection, book: Book) -> int:
    shown = grid.read(connection, book.section_id, ZONE)
    places = [((c.item_id, c.person_id), c.token) for c in shown.cells]
    with Statements(connection) as asked:
        saved = entering.save(connection, CAROL, book.section_id, ZONE, [], places)
    assert saved.released == len(places)
    return asked.count


def test_ten_times_the_cells_take_no_more_statements(database: Database) -> None:
    counts = []
    for size, before in ((FEW, "f"), (MANY, "m")):
        with database.write() as connection:
            book = book_of(connection, size, before)
            counts.append(
                [
                    uploaded(connection, book, "7"),
                    uploaded(connection, book, "8"),
                    typed(connection, book, "9"),
                    released(connection, book),
                ]
            )
            worth = assessments.change
            with Statements(connection) as asked:
                item_id = book.items["Item 0"]
                worth(connection, CAROL, item_id, name="I", points=Decimal(9), extra_credit=False)
            counts[-1].append(asked.count)
    few, many = counts
    assert few == many
    assert max(few) <= 40


def test_many_at_once_leave_what_one_by_one_leaves(database: Database) -> None:
    stands = []
    for way, before in (("together", "t"), ("one by one", "o")):
        with database.write() as connection:
            book = book_of(connection, FEW, before)
            places = [(item, who) for item in book.items.values() for who in book.students.values()]
            first = [Entry(*p, Decimal(n)) for n, p in enumerate(places)]
            # Some again, some anew, one excused, one cleared.
            second = [*first[:3], Entry(*places[3], None, excepted=True), Entry(*places[4], None)]
            for entries in (first, second):
                if way == "together":
                    grades.enter_all(connection, CAROL, entries)
                else:
                    for e in entries:
                        grades.enter(
                            connection,
                            CAROL,
                            e.assessment_id,
                            e.person_id,
                            e.points,
                            excepted=e.excepted,
                        )
            assert grades.release_all(connection, CAROL, [places[0], places[0]]) == 1
            assert not grades.release(connection, CAROL, *places[0])
            stands.append(rows_with_cells(connection, book))
    assert stands[0] == stands[1]
    assert len(stands[0]) == 10 + 2 + 1


def rows_with_cells(connection: Connection, book: Book) -> list[tuple[Any, ...]]:
    """Every row of a section's history with its cell, in places instead of ids."""
    items, students = list(book.items.values()), list(book.students.values())
    rows = connection.execute(
        sa.select(grade_history, grade)
        .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
        .where(grade.c.assessment_id.in_(items))
    ).mappings()
    ids = (
        grade.c.id,
        grade_history.c.id,
        grade_history.c.grade_id,
        grade.c.assessment_id,
        grade.c.person_id,
    )
    return sorted(
        (
            items.index(r[grade.c.assessment_id]),
            students.index(r[grade.c.person_id]),
            *(str(r[c]) for c in (*grade_history.c, *grade.c) if c not in ids),
        )
        for r in rows
    )


def test_one_wrong_entry_keeps_all_from_being_written(database: Database) -> None:
    with database.write() as connection:
        book = book_of(connection, FEW, "w")
        item, who = next(iter(book.items.values())), next(iter(book.students.values()))
        for wrong, field in (
            (Entry(item, who, Decimal(-1)), "points"),
            (Entry(item, 10**6, Decimal(1)), "person"),
            (Entry(10**6, who, Decimal(1)), "assessment"),
        ):
            with pytest.raises(Refused) as refused:
                grades.enter_all(connection, CAROL, [Entry(item, who, Decimal(5)), wrong])
            assert refused.value.field == field
        assert rows_with_cells(connection, book) == []
