"""A section's history: everything in order, with old and new values, by whom and why, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schooltool_bridge.reports import history_lines, section_history
from schooltool_bridge.reports.section_history import KINDS, line_key_from
from tests.helpers.report_story import (
    ADA,
    BOB,
    TEACHER,
    ZONE,
    Counted,
    begin,
    by_hand,
    file_under_a_term,
    graded,
    item,
    on,
    person_id,
    section_id,
)
from tests.helpers.school import School

MOODLE = "http://moodle.example.org"
ShownLines = list[tuple[Any, ...]]


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = begin(database_url)
    graded(school, "quiz", ADA, 10, 5, attempt_num=1)
    graded(school, "quiz", ADA, 14, 6, attempt_num=2)
    by_hand(school, "quiz", ADA, "18", 7, "looked at again")
    graded(school, "quiz", ADA, None, 4)  # comes last, took effect first
    school.push("new_section", idnumber="algebra", name="Algebra II", teacheridnumber="later", timemodified=on(8))  # fmt: skip
    item(school, "quiz", "Quiz one", 25, 9)
    school.push("end_enrolment", sectionid="algebra", userid=BOB, timemodified=on(30))
    yield school
    school.database.close()


def lines(school: School, **asked: Any) -> list[history_lines.Line]:
    with school.database.read() as connection:
        where = section_id(school)
        return history_lines.read(
            connection, where, section_history.line_keys(connection, where, **asked), ZONE
        )


def shown_lines(found: list[history_lines.Line]) -> ShownLines:
    return [
        (line.kind, line.person.firstname if line.person else None, line.subject, line.before, line.after)
        for line in found
    ]  # fmt: skip


@pytest.mark.requirement("R72", "R73", "R74", "E37")
def test_everything_that_happened_stands_there_in_order(school: School) -> None:
    file_under_a_term(school, day=20)
    assert shown_lines(lines(school)) == [
        ("section", None, "name", "", "Algebra"),
        ("teacher", None, "teacher named by the section", "", f"Jane Smith ({TEACHER})"),
        ("enrolment", "Ada", "student", "", "Active"),
        ("assessment", None, "Quiz", "", "Quiz, 20 points"),
        ("assessment", None, "Essay", "", "Essay, 80 points"),
        ("grade", "Ada", "Quiz", "", "no grade"),
        ("grade", "Ada", "Quiz", "no grade", "10"),
        ("grade", "Ada", "Quiz", "10", "14"),
        ("grade", "Ada", "Quiz", "14", "18"),
        ("section", None, "name", "Algebra", "Algebra II"),
        ("teacher", None, "teacher named by the section", f"Jane Smith ({TEACHER})", "later"),
        ("assessment", None, "Quiz one", "Quiz, 20 points", "Quiz one, 25 points"),
        ("enrolment", "Bob", "student", "", "Active"),
        ("filing", None, "filed under", "", "2026/27, Autumn, MAT1"),
        ("weight", None, "c-quiz", "", "1"),
        ("weight", None, "c-essay", "", "3"),
        ("assessment", None, "Quiz one", "", "category c-quiz"),
        ("assessment", None, "Essay", "", "category c-essay"),
        ("enrolment", "Bob", "every role", "Active", "Ended"),
    ]


@pytest.mark.requirement("R72", "R73", "R74")
def test_each_line_says_when_by_whom_and_why(school: School) -> None:
    found = history_lines.as_json(lines(school, kinds=["grade"]))
    assert found[3] == {
        "took_effect": "2026-09-13T22:00:00Z", "recorded_at": "2026-09-13T22:01:00Z",
        "kind": "grade", "person": ADA, "subject": "Quiz", "before": "14", "after": "18",
        "attempt": None, "by": "head", "why": "looked at again",
    }  # fmt: skip
    assert [(line["by"], line["attempt"]) for line in found] == [
        (MOODLE, 1), (MOODLE, 1), (MOODLE, 2), ("head", None),
    ]  # fmt: skip


def test_it_is_read_by_person_and_by_kind(school: School) -> None:
    ada, bob, jane = (person_id(school, who) for who in (ADA, BOB, TEACHER))
    assert {line.kind for line in lines(school, person_id=ada)} == {"enrolment", "grade"}
    assert [line[4] for line in shown_lines(lines(school, person_id=bob))] == ["Active", "Ended"]
    assert [line[4] for line in shown_lines(lines(school, person_id=jane))] == [
        f"Jane Smith ({TEACHER})"
    ]
    for kind in KINDS:
        assert {line.kind for line in lines(school, kinds=[kind])} <= {kind}
    assert lines(school, kinds=[]) == []


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_hang_together(school: School, newest_first: bool) -> None:
    file_under_a_term(school, day=20)
    whole = lines(school, newest_first=newest_first)
    met: list[history_lines.Line] = []
    while True:
        after = line_key_from(str(met[-1].line_key)) if met else None
        some = lines(school, newest_first=newest_first, after=after, limit=4)
        assert len(some) <= 4
        met += some
        if not some:
            break
    assert met == whole
    if newest_first:
        assert met == lines(school)[::-1]


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.x", "1.2.3.4.5", "9" * 50 + ".1.1.1", "1.1.1.²"]
)
def test_a_place_that_is_none_is_not_read(text: str) -> None:
    assert line_key_from(text) is None


def test_the_number_of_statements_is_the_same_for_a_long_history(school: School) -> None:
    def count() -> int:
        with Counted(school) as counted:
            lines(school)
        return counted.count

    short = count()
    for day in range(10, 30):
        graded(school, "essay", ADA, day, day)
        graded(school, "essay", BOB, day, day)
    assert count() == short


def test_it_is_a_paper_too(school: School) -> None:
    paper = history_lines.paper_of(
        lines(school), name="Algebra", short="algebra", now_unix_s=on(40), zone=ZONE
    )
    row = next(r for r in paper.flat.rows if r[6] == "14 (attempt 2)")
    assert row[0] == "13 Sep 2026, 00:00"
    assert paper.filename("pdf") == "history-algebra.pdf"
