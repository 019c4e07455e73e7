"""The gradebook's rules: what a mark means, what the page holds, what is written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mnet.database import Database
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import entering, grid, marks
from schooltool_bridge.gradebook.entering import Typed, Unreadable
from schooltool_bridge.gradebook.marks import BadMark, Mark
from schooltool_bridge.hand import assessments, enrolments, grades, worksheets
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import Score, ScoreSystem
from schooltool_bridge.history.snapshot import Item
from schooltool_bridge.store.model_school import category, category_weight
from tests.helpers.gradebooks import Book, make_book, system_id
from tests.helpers.migrated import fill
from tests.helpers.school import NOW

ZONE = ZoneInfo("Europe/Paris")
LETTERS = ScoreSystem(
    1, "Letters", "values",
    [
        Score("A", Decimal(95), Decimal(90), passes=True),
        Score("B", Decimal(85), Decimal(80), passes=True),
        Score("F", Decimal(50), Decimal(0), passes=False),
    ],
)  # fmt: skip
PERCENT = ScoreSystem(2, "Percent", "percent")
POINTS = ScoreSystem(3, "Points", "points")


def item(points: str = "20") -> Item:
    return Item(1, "1", "Quiz", Decimal(points), False, "", False, False, None, NOW)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    fill(database)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("text", "system", "points"),
    [
        ("18", None, "18"), (" 17.5 ", POINTS, "17.5"), ("17,5", POINTS, "17.5"), ("0", None, "0"),
        ("25", None, "25"), ("85%", None, "17"), ("85 %", POINTS, "17"), ("85", PERCENT, "17"),
        ("110", PERCENT, "22"), ("a", LETTERS, "19"), ("B", LETTERS, "17"), ("72%", LETTERS, "14.4"),
        ("0012", None, "12"),
    ],
)  # fmt: skip
def test_a_mark_is_read_by_its_score_system(
    text: str, system: ScoreSystem | None, points: str
) -> None:
    assert marks.read(text, item(), system) == Mark(Decimal(points))


@pytest.mark.requirement("R75", "R76", "E41")
@pytest.mark.parametrize("text", ["EX", "ex", " Excused ", "excepted"])
def test_ex_excuses_and_nothing_is_no_grade(text: str) -> None:
    assert marks.read(text, item(), LETTERS) == Mark(None, is_excused=True)
    assert marks.read("  ", item(), LETTERS) == marks.NO_GRADE
    assert marks.written(Mark(None, is_excused=True), item(), LETTERS) == "EX"
    assert marks.written(marks.NO_GRADE, item(), None) == ""


@pytest.mark.parametrize(
    ("text", "system", "said"),
    [
        ("-1", None, "below zero"), ("−1", PERCENT, "below zero"), ("-1%", LETTERS, "below zero"),
        ("abc", None, "no number"), ("1e3", None, "no number"), ("nan", None, "no number"),
        ("١٢", None, "no number"), ("=1", None, "no number"), ("1_0", None, "no number"),
        ("1,000", None, "two ways"), ("9999999999", None, "at most"), ("G", LETTERS, "none of A, B, F, EX"),
        ("18", LETTERS, "none of A"), ("%", PERCENT, "no number"), ("x" * 900, None, "x…"),
    ],
)  # fmt: skip
def test_what_is_no_mark_is_refused(text: str, system: ScoreSystem | None, said: str) -> None:
    with pytest.raises(BadMark) as refused:
        marks.read(text, item(), system)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 120


@given(
    st.decimals(0, 10**6, places=4), st.integers(1, 1000), st.sampled_from([None, PERCENT, LETTERS])
)
def test_what_is_shown_can_be_typed_again_and_is_shown_alike(
    points: Decimal, worth: int, system: ScoreSystem | None
) -> None:
    quiz = item(str(worth))
    shown = marks.written(Mark(points), quiz, system)
    assert marks.written(marks.read(shown, quiz, system), quiz, system) == shown


def weigh(database: Database, book: Book, **weights: str) -> None:
    with database.write() as connection:
        for title, weight in weights.items():
            category_id = connection.execute(
                sa.select(category.c.id).where(category.c.title == title)
            ).scalar_one()
            connection.execute(
                sa.insert(category_weight).values(
                    section_id=book.section_id, category_id=category_id, weight=weight,
                    effective_unix_s=NOW, recorded_unix_s=NOW, by_actor="head",
                )
            )  # fmt: skip


def enter(database: Database, book: Book, now: int, **typed: Any) -> entering.Saved:
    """Type into cells (Ada_Quiz="18") as a page would that was loaded just now."""
    with database.write() as connection:
        page = grid.read(connection, book.section_id, ZONE, everybody=True)
        shown = {(c.item_id, c.person_id): c for c in page.cells}
        cells = []
        for name, text in typed.items():
            who, what = name.split("_")
            place = book.items[what], book.students[who]
            cells.append(Typed(*place, text, shown[place].text, shown[place].token))
        return entering.save(connection, Author("head", now), book.section_id, ZONE, cells)


@pytest.mark.requirement("R75", "R76", "E42")
def test_the_percentage_honours_weights_extra_credit_and_excuses(database: Database) -> None:
    with database.write() as connection:
        titles = dict(connection.execute(sa.select(category.c.title, category.c.id)).all())
        exam, homework = Detail(category_id=titles["Exam"]), Detail(category_id=titles["Homework"])
        book = make_book(
            connection, NOW, {"Exam": (50, exam), "Work": (10, homework), "More": (10, homework)}
        )
        assessments.change(
            connection, Author("head", NOW), book.items["More"],
            name="More", points=Decimal(10), extra_credit=True,
        )  # fmt: skip
    enter(
        database,
        book,
        NOW + 1,
        Ada_Exam="40",
        Ada_Work="5",
        Ada_More="2",
        Bo_Exam="EX",
        Bo_Work="9",
    )
    assert percents(database, book) == {"Ada LAda": "78.33 %", "Bo LBo": "90 %"}
    weigh(database, book, Exam="3", Homework="1")
    assert percents(database, book) == {"Ada LAda": "77.5 %", "Bo LBo": "90 %"}


def percents(database: Database, book: Book) -> dict[str, str]:
    with database.read() as connection:
        page = grid.read(connection, book.section_id, ZONE)
    return {row.name: row.percent for row in page.rows}


def test_a_page_asks_the_same_number_of_questions_however_much_there_is(
    database: Database,
) -> None:
    with database.write() as connection:
        small = make_book(connection, NOW, {"Quiz": 10}, students=("Zoe",))
        large = make_book(
            connection, NOW, {f"Item {n}": 10 for n in range(12)},
            students=tuple(f"S{n}" for n in range(15)),
        )  # fmt: skip
        worksheets.add(connection, Author("head", NOW), large.section_id, "Term 1")
    for n in range(15):
        enter(database, large, NOW + n, **{f"S{n}_Item {i}": str(n % 10) for i in range(12)})
    asked: dict[int, int] = {}
    with database.read() as connection:
        for section_id in (small.section_id, large.section_id):

            def note(*_anything: Any, section_id: int = section_id) -> None:
                asked[section_id] = asked.get(section_id, 0) + 1

            sa.event.listen(connection, "before_cursor_execute", note)
            page = grid.read(connection, section_id, ZONE, everybody=True)
            sa.event.remove(connection, "before_cursor_execute", note)
    assert len(list(page.cells)) == 180
    assert asked[small.section_id] == asked[large.section_id] < 25


@pytest.mark.requirement("E18")
def test_an_item_due_before_a_student_came_is_marked(database: Database) -> None:
    with database.write() as connection:
        book = make_book(connection, NOW - 30 * 86400, {"Quiz": 20}, students=("Ada",))
        late = make_book(connection, NOW, {}, students=("Late",)).students["Late"]
        enrolments.set_state(connection, Author("head", NOW), book.section_id, late, "student", "a")
        page = grid.read(connection, book.section_id, ZONE)
    assert {row.name: row.cells[0].is_before for row in page.rows} == {
        "Ada LAda": False, "Late LLate": True,
    }  # fmt: skip


def test_a_worksheet_shows_its_items_and_one_gathers_the_rest(database: Database) -> None:
    with database.write() as connection:
        author = Author("head", NOW)
        book = make_book(connection, NOW, {"Quiz": 20, "Essay": 20})
        terms = [worksheets.add(connection, author, book.section_id, f"Term {n}") for n in (1, 2)]
        assessments.describe(connection, author, book.items["Quiz"], Detail(worksheet_id=terms[1]))
        assert worksheets.move(connection, author, terms[1], later=False)
        assert not worksheets.move(connection, author, terms[1], later=False)
        worksheets.rename(connection, author, terms[1], "Winter")
        with pytest.raises(Refused, match="already"):
            worksheets.rename(connection, author, terms[0], "wINTER")
        pages = {
            sheet: grid.read(connection, book.section_id, ZONE, sheet_id=sheet)
            for sheet in (None, *terms, grid.NO_SHEET)
        }
    assert [s.title for s in pages[None].sheets] == ["Winter", "Term 1", "On no sheet"]
    named = {s: [c.item.name for c in page.columns] for s, page in pages.items()}
    assert named == {None: ["Quiz", "Essay"], terms[0]: [], terms[1]: ["Quiz"], 0: ["Essay"]}


def test_emptying_a_cell_says_no_grade_and_letters_stay_what_they_were(database: Database) -> None:
    with database.write() as connection:
        letters = Detail(score_system_id=system_id(connection, "Letter grades"))
        book = make_book(connection, NOW, {"Quiz": (20, letters)}, students=("Ada",))
        place = book.items["Quiz"], book.students["Ada"]
        grades.enter(connection, Author("head", NOW), *place, Decimal(19))
    assert enter(database, book, NOW + 1, Ada_Quiz="A").written == 0, "shown as A, typed nothing"
    assert enter(database, book, NOW + 2, Ada_Quiz="c").written == 1
    assert entry(database, book).points == 15
    assert enter(database, book, NOW + 3, Ada_Quiz="").written == 1
    assert (entry(database, book).points, entry(database, book).authority) == (None, "manual")
    with pytest.raises(Unreadable, match="Ada LAda, Quiz: “Z” is none of A, B, C, D, F, EX"):
        enter(database, book, NOW + 4, Ada_Quiz="Z")


def entry(database: Database, book: Book) -> Any:
    with database.read() as connection:
        then = grid.section_of(connection, book.section_id)
    return then.entries[book.items["Quiz"], book.students["Ada"]]


def test_a_cell_is_not_written_when_its_item_is_marked_otherwise_by_now(
    database: Database,
) -> None:
    with database.write() as connection:
        book = make_book(connection, NOW, {"Quiz": 20}, students=("Ada",))
        page = grid.read(connection, book.section_id, ZONE)
        (cell,) = page.cells
        percent = Detail(score_system_id=system_id(connection, "Percent"))
        assessments.describe(connection, Author("head", NOW), book.items["Quiz"], percent)
        typed = Typed(cell.item_id, cell.person_id, "15", cell.text, cell.token)
        saved = entering.save(connection, Author("head", NOW), book.section_id, ZONE, [typed])
    assert saved.written == 0
    assert "somebody else changed it meanwhile, it is empty now; “15” was not written" in (
        saved.conflicts[0].sentence
    )
