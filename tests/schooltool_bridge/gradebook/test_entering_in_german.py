"""Entering where the comma parts numbers: what is shown can be typed again, what is stored stays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from mnet.language import speaking
from peers.changes import NotPossible
from peers.model import audit_entry
from schooltool_bridge.gradebook import marks
from schooltool_bridge.gradebook.marks import BadMark, Mark
from schooltool_bridge.gradebook.reading import read_tables
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import ScoreSystem, shown_mark
from schooltool_bridge.history.snapshot import Item
from schooltool_bridge.school import closing, final_marks, scores, states, years
from schooltool_bridge.school.written import day, number
from tests.helpers.school import GRADE, NOW, A, School

QUIZ = Item(1, "1", "Quiz", Decimal(20), False, "", False, False, None, NOW)
PERCENT = ScoreSystem(2, "Percent", "percent")


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    school.begin_term()
    school.push("new_grade", **GRADE)
    yield school
    school.database.close()


@pytest.fixture
def german() -> Iterator[None]:
    with speaking("de"):
        yield


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("text", "points"), [("17,5", "17.5"), ("1,125", "1.125"), ("12,000", "12"), ("17.5", "17.5")]
)
def test_a_comma_parts_whole_numbers_from_the_rest(text: str, points: str) -> None:
    assert marks.read(text, QUIZ, None) == Mark(Decimal(points))


@pytest.mark.usefixtures("german")
def test_a_point_before_three_digits_is_refused() -> None:
    with pytest.raises(BadMark, match="auf zwei Arten lesen; schreiben Sie es ohne den Punkt"):
        marks.read("1.000", QUIZ, None)
    with pytest.raises(NotPossible, match="ist keine Zahl"):
        number("1.000", "Das Gewicht")
    assert number("0,125", "Das Gewicht") == Decimal("0.125")
    assert number("0.5", "Das Gewicht") == Decimal("0.5")


def test_where_the_point_parts_numbers_a_comma_is_no_weight() -> None:
    with pytest.raises(NotPossible, match="no number"):
        number("0,5", "The weight")


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("system", [None, PERCENT])
def test_what_is_shown_can_be_typed_again(system: ScoreSystem | None) -> None:
    for points in ("0.125", "1.001", "17.5", "999"):
        shown = marks.written(Mark(Decimal(points)), QUIZ, system)
        assert "." not in shown
        assert marks.written(marks.read(shown, QUIZ, system), QUIZ, system) == shown


@pytest.mark.usefixtures("german")
def test_a_workbooks_numbers_are_read_as_the_numbers_that_they_are() -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["name", "points"])
    sheet.append(["Quiz", 1.125])
    file = io.BytesIO()
    book.save(file)
    (table,) = read_tables(file.getvalue())
    assert marks.points(table.rows[1].cell(1)) == Decimal("1.125")


def test_a_percentage_is_stored_alike_in_every_language(school: School) -> None:
    percent = school.read(lambda c: scores.find(c, "Percent").id)
    everything = sa.select(sa.column("id", sa.Integer)).select_from(sa.table("section"))
    section_id = school.read(lambda c: c.execute(everything).scalar_one())
    with speaking("de"), school.database.write() as connection:
        author = Author("anna", school.now)
        closing.close_section(connection, author, section_id, percent)
    (final,) = school.read(final_marks.finals)
    assert final.mark == "91.18 %"
    assert shown_mark(final.mark, final.percent) == "91.18 %"
    with speaking("de"):
        assert shown_mark(final.mark, final.percent) == "91,18 %"
        assert shown_mark("A.1", final.percent) == "A.1"
        school.push("new_grade", **GRADE | {"points_earned": 50})
        wanted = final_marks.of_section(section_id)
        (proposal,) = school.read(lambda c: final_marks.proposals(c, wanted))
    assert proposal.mark == "73.53 %"


def test_the_audit_trail_is_english_whatever_is_spoken(school: School) -> None:
    first, last = day("2026-10-01", ""), day("2027-07-31", "")
    with speaking("de"), school.database.write() as connection:
        years.add_year(
            connection, Author("anna", NOW), title="2026/27", first_day=first, last_day=last
        )
    details = school.read(lambda c: c.execute(sa.select(audit_entry.c.detail)).scalars().all())
    assert "1 Oct 2026 - 31 Jul 2027" in str(details)


def test_shipped_titles_are_said_and_a_schools_own_stay(school: School) -> None:
    with school.database.write() as connection:
        states.rename(connection, Author("anna", NOW), "wp", title="100% gone")
    with speaking("de"), school.database.write() as connection:
        said = {s.code: s.local_title for s in states.all_states(connection)}
        assert (said["a"], said["wp"]) == ("Aktiv", "100% gone")
        # What the form showed comes back and changes nothing.
        states.rename(connection, Author("anna", NOW), "a", title="Aktiv")
    stored = school.read(states.all_states)
    assert [s.title for s in stored if s.code == "a"] == ["Active"]
