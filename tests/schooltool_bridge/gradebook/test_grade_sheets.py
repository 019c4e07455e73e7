"""Grade sheets as schools have them: a Moodle's own export, our gradebook's CSV, lists by hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet.language import speaking
from schooltool_bridge.gradebook import (
    grid,
    templates,
    upload,
    upload_assessments,
    upload_grades,
)
from schooltool_bridge.gradebook.number_format import shown
from schooltool_bridge.gradebook.reading import read_tables
from schooltool_bridge.gradebook.upload import Plan
from schooltool_bridge.hand import assessments, enrolments, people
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports.paper import csv_bytes
from schooltool_bridge.reports.section_report import gradebook_of, read
from tests.helpers.gradebooks import system_id
from tests.helpers.school import School
from tests.schooltool_bridge.oneroster.packages import taken_in

SHEETS = Path(__file__).with_name("grade_sheets")
PACKAGE = Path(__file__).parents[1] / "oneroster/field_cases/18-19-section-for-them.zip"
SECTION = 1
LANGUAGES = ("en", "de")


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    made = School.open(database_url)
    made.now += 100
    assert taken_in(made, PACKAGE).applied
    yield made
    made.database.close()


def plan(school: School, data: bytes) -> Plan:
    return school.read(lambda c: upload_grades.plan(c, SECTION, read_tables(data)))


def written(school: School, data: bytes) -> Plan:
    school.now += 1
    with school.database.write() as connection:
        made = upload_grades.plan(connection, SECTION, read_tables(data))
        upload.write(connection, Author("clerk", school.now), made, shown=made.digest)
    return made


def marks(school: School) -> dict[tuple[str, str], float]:
    with school.database.read() as connection:
        then = grid.section_of(connection, SECTION)
    names = {str(item.id): item.name for item in then.items}
    return {(who, names[item]): p for (item, who), p in school.grades("ALG-1").items()}


def problem_lines(made: Plan) -> list[str]:
    return [f"{p.location}: {p.text}" for p in made.problems]


MOODLES = {
    ("N100", "Checkpoint 1"): 18, ("N100", "Test 3"): 9.5, ("N200", "Essay: My Summer"): 77,
}  # fmt: skip


@pytest.mark.requirement("R63")
def test_a_moodles_own_grade_export_goes_in_as_it_is(school: School) -> None:
    data = (SHEETS / "18-moodle-grade-export.csv").read_bytes()
    made = written(school, data)
    assert (problem_lines(made), marks(school)) == ([], MOODLES)
    aside = [
        "First name", "Last name", "Institution", "Department", "Email address",
        "Course total (Real)", "Last downloaded from this course",
    ]  # fmt: skip
    assert made.ignored == aside
    assert written(school, data).counts == {"new": 0, "changed": 0, "unchanged": 3, "failed": 0}


def test_its_percentages_letters_and_feedback_are_left_aside(school: School) -> None:
    kinds = ("Percentage", "Letter", "Real", "Feedback")
    heads = "\t".join(
        ["ID-Nummer", *(f"Quiz: Checkpoint 1 ({k})" for k in kinds), "Homework total (Real)"]
    )
    made = written(school, f"{heads}\nN100\t90,00 %\tA\t18,00\tgood\t18,00\n".encode())
    assert (problem_lines(made), marks(school)) == ([], {("N100", "Checkpoint 1"): 18})
    assert len(made.ignored) == 4


def test_a_dash_leaves_what_is_there(school: School) -> None:
    data = (SHEETS / "19-dash-for-no-grade.csv").read_bytes()
    assert written(school, data).counts["new"] == 2
    before = marks(school)
    assert written(school, b"idnumber,Checkpoint 1,Test 3\nN100,-,\xe2\x80\x93\n").changes == []
    assert marks(school) == before


@pytest.mark.requirement("R63")
def test_an_id_is_read_as_its_cell_shows_it(school: School) -> None:
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        for number in ("00412", "412"):
            who = people.add(connection, author, Names(f"u{number}", "A", number, number))
            enrolments.set_state(connection, author, SECTION, who, "student", "a")
    written(school, (SHEETS / "24-id-shown-with-leading-zeros.xlsx").read_bytes())
    assert marks(school) == {("00412", "Checkpoint 1"): 18}


def workbook(*rows: list[Any], formats: dict[str, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    for place, code in (formats or {}).items():
        book.active[place].number_format = code
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


@pytest.mark.parametrize("language", LANGUAGES)
def test_computed_numbers_are_read_as_they_are_shown(school: School, language: str) -> None:
    data = workbook(
        ["idnumber", "Checkpoint 1", "Essay: My Summer", "Test 3"],
        ["N100", 1 / 3, 200 / 3, 1.125],
        formats={"C2": "0.00"},
    )
    with speaking(language):
        assert problem_lines(written(school, data)) == []
    assert marks(school) == {
        ("N100", "Checkpoint 1"): 0.3333333333, ("N100", "Essay: My Summer"): 66.67,
        ("N100", "Test 3"): 1.125,
    }  # fmt: skip
    csv = b"idnumber;Checkpoint 1\nN200;0.3333333333333333\n"
    with speaking(language):
        assert problem_lines(plan(school, csv)) == []


@pytest.mark.requirement("R63")
@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["18,5", "1.000"], None),  # beside a decimal comma it is a thousand
        (["18.5", "1,000"], None),
        (["18.5", "1.000"], 1),
        (["18,5", "1,000"], 1),
        (["3", "1.000"], None),
        (["0.125", "1.250"], Decimal("1.25")),
        (["18,5", "7.25"], Decimal("7.25")),
    ],
)
@pytest.mark.parametrize("as_workbook", [False, True])
def test_what_can_be_read_in_two_ways_is_read_alike_in_every_language(
    school: School, cells: list[str], expected: Decimal | None, *, as_workbook: bool
) -> None:
    rows = [["idnumber", "Checkpoint 1"], ["N100", cells[0]], ["N200", cells[1]]]
    data = "\n".join(";".join(row) for row in rows).encode()
    if as_workbook:
        rows[1][1] = cells[0]
        data = workbook(*rows)
    for language in LANGUAGES:
        with speaking(language):
            made = plan(school, data)
        assert [e.points for e in made.entries][1:] == ([] if expected is None else [expected])
        assert made.failed == (expected is None), language


@pytest.mark.requirement("R63")
def test_two_people_in_one_row_are_an_error(school: School) -> None:
    data = b"idnumber,username,Checkpoint 1\nN100,bob.ray,18\nN200,bob.ray,3\nN100,,1\n"
    made = plan(school, data)
    assert problem_lines(made) == [
        "Row 2, column B: The idnumber is that of Ann Lee, and the username that of Bob Ray."
    ]
    assert [e.points for e in made.entries] == [3, 1]


@pytest.mark.requirement("R63")
@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_gradebook_goes_in_again_and_changes_nothing(school: School, language: str) -> None:
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        letters = Detail(score_system_id=system_id(connection, "Letter grades"))
        for name, detail in (("=Sum: of (all)", Detail()), ("Letters", letters)):
            assessments.add(connection, author, SECTION, name, Decimal(8), detail=detail)
    data = b"username,Checkpoint 1,Test 3,Letters,=Sum: of (all)\nann.lee,1.125,EX,A,7\nbob.ray,2.5,,,\n"
    written(school, data)
    before = marks(school)
    with speaking(language), school.database.read() as connection:
        report = read(connection, SECTION, None, school.now, UTC)
        paper = gradebook_of(report, UTC)
        made = upload_grades.plan(connection, SECTION, read_tables(csv_bytes(paper.flat)))
    assert problem_lines(made) == []
    assert (made.changes, made.unchanged) == ([], 5)
    assert marks(school) == before


@pytest.mark.requirement("R63")
def test_a_template_that_comes_back_as_it_was_changes_nothing(school: School) -> None:
    with school.database.write() as connection:
        author = Author("clerk", school.now)
        assessments.add(connection, author, SECTION, "=1+1", Decimal("2.5"))
        who = people.add(connection, author, Names("=cmd", "=A", "B\u0085", "007"))
        enrolments.set_state(connection, author, SECTION, who, "student", "a")
    with school.database.read() as connection:
        (grades,) = read_tables(templates.grades(connection, SECTION))
        listed = read_tables(templates.assessments(connection, SECTION))
        again = upload_assessments.plan(connection, SECTION, listed)
        filled = upload_grades.plan(connection, SECTION, [grades])
    assert grades.rows[0].cells == [
        "idnumber", "username", "Name", "Checkpoint 1", "Essay: My Summer", "Test 3", "=1+1",
    ]  # fmt: skip
    assert ["007", "=cmd"] in [list(row.cells[:2]) for row in grades.rows]
    assert (problem_lines(again), again.changes, again.unchanged) == ([], [], 4)
    assert (problem_lines(filled), filled.changes) == ([], [])


@pytest.mark.parametrize(
    ("value", "code", "text", "is_number"),
    [
        ("412", "00000", "00412", True),
        ("412", "General", "412", True),
        ("0.333333333333", "General", "0.3333333333", True),
        ("0.333333333333", "0.00", "0.33", True),
        ("0.125", "0.0#", "0.13", True),
        ("2.5", "0.0##", "2.5", True),
        ("2", "#.##", "2", True),
        ("1234.5", "#,##0.00", "1234.50", True),
        ("0.855", "0.0%", "85.5%", True),
        ("0.855", "0%", "86%", True),
        ("412", '"N"00000', "N00412", False),
        ("412", '0" pts";-0', "412 pts", False),
        ("-3", "0;[Red](0)", "(3)", False),
        ("-3", "0.0", "-3.0", True),
        ("18", "0.00_);[Red]\\(0.00\\)", "18.00", True),
        ("12", "0.0E+00", "12", True),
        ("0.5", "# ?/?", "0.5", True),
        ("0", "0;-0;", "0", True),
        ("-3", "0;-0", "-3", True),
        ("5", '[>3]"many";0', "5", True),
        ("412123", "000-000", "412123", True),
        ("12000", "0,", "12000", True),
    ],
)
def test_a_number_is_written_as_its_cell_shows_it(
    value: str, code: str, text: str, *, is_number: bool
) -> None:
    assert shown(Decimal(value), code) == (text, is_number)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9), st.text('0#?,.%;-()"\\_*[]E@ Rd/', max_size=20))  # fmt: skip
def test_whatever_the_format_a_number_is_shown(value: Decimal, code: str) -> None:
    text, is_number = shown(value, code)
    if is_number:
        assert Decimal(text.removesuffix("%")).is_finite()
