"""Progress report, transcript and section report: exact answers as of any day, in every form."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.history.averages import HUNDRED
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.reports import over_time, progress, section_report, transcript
from schooltool_bridge.reports.charts import distribution
from schooltool_bridge.reports.kinds import failing
from schooltool_bridge.reports.paper import Column, Table, csv_bytes
from schooltool_bridge.reports.pdf import make_pdf
from schooltool_bridge.store.model import person
from tests.helpers.report_story import (
    ADA,
    BOB,
    CLEO,
    DAY_S,
    ZONE,
    Counted,
    begin,
    by_hand,
    enrol,
    file_under_a_term,
    final,
    graded,
    item,
    on,
    percent_on,
    person_id,
    progress_on,
    section_id,
    transcript_of,
)
from tests.helpers.school import School


@pytest.mark.requirement("R69")
def test_a_grade_corrected_later_and_one_that_came_late_count_from_their_own_day(
    school: School,
) -> None:
    graded(school, "quiz", ADA, 10, 5)
    graded(school, "quiz", ADA, 16, 15)
    assert [percent_on(school, ADA, d) for d in (4, 5, 14, 15, None)] == [None, 50, 50, 80, 80]
    graded(school, "essay", ADA, 40, 7)  # arrives last, took effect on day 7
    graded(school, "quiz", ADA, 0, 3)  # older than what holds
    assert [percent_on(school, ADA, d) for d in (3, 5, 7, 15, None)] == [0, 50, 50, 56, 56]
    assert percent_on(school, ADA, -1) == "not there"


def test_the_json_of_a_progress_report_is_exactly_what_scripts_rely_on(school: School) -> None:
    graded(school, "quiz", ADA, 12.5, 5, excepted=True)
    assert progress_on(school, ADA, 6) == {
        "person": ADA,
        "at": "2026-09-12T22:00:00Z",
        "sections": [
            {
                "section": "algebra", "name": "Algebra", "code": "a", "percent": None,
                "course": None, "year": None, "term": None,
                "assessments": [
                    {"assessment": "quiz", "name": "Quiz", "points": 12.5, "max": 20, "excepted": True, "authority": "peer", "extra_credit": False, "hidden": False},
                    {"assessment": "essay", "name": "Essay", "points": None, "max": 80, "excepted": False, "authority": "peer", "extra_credit": False, "hidden": False},
                ],
            }
        ],
    }  # fmt: skip


@pytest.mark.requirement("R75", "R76")
def test_excused_extra_credit_cleared_and_above_the_maximum(school: School) -> None:
    item(school, "bonus", "Bonus", 10, 3, extra_credit=True)
    graded(school, "quiz", ADA, 22, 4)
    assert percent_on(school, ADA, 4) == 110
    graded(school, "bonus", ADA, 5, 5)
    assert percent_on(school, ADA, 5) == 135
    graded(school, "quiz", ADA, 22, 6, excepted=True)
    graded(school, "essay", ADA, 40, 6)
    assert percent_on(school, ADA, 6) == 56.25  # (40 + 5) of 80
    graded(school, "bonus", ADA, None, 7)
    assert [percent_on(school, ADA, d) for d in (6, 7)] == [56.25, 50]


def test_an_entry_by_hand_wins_and_is_told_apart(school: School) -> None:
    graded(school, "quiz", ADA, 10, 4)
    by_hand(school, "quiz", ADA, "18", 6, "looked at again")
    graded(school, "quiz", ADA, 11, 8)
    firsts = [progress_on(school, ADA, d)["sections"][0]["assessments"][0] for d in (5, 7, 9)]
    cells = [(a["points"], a["authority"]) for a in firsts]
    assert cells == [(10, "peer"), (18, "manual"), (18, "manual")]


@pytest.mark.parametrize("day", [7, 400])
def test_a_moment_still_to_come_is_shown_as_the_moment_of_asking(
    school: School, day: float
) -> None:
    graded(school, "quiz", ADA, 10, 5)
    asked, now = on(day), on(6)
    with school.database.read() as connection:
        who, where = find_person(connection, ADA), section_id(school)
        made: list[Any] = [
            progress.read(connection, who, asked, now, ZONE),
            transcript.read(connection, who, now, asked),
            section_report.read(connection, where, asked, now, ZONE),
            failing.read(
                connection, below=Decimal(60), term_id=None, at_unix_s=asked, now_unix_s=now
            ),
        ]
        assert progress.read(connection, who, on(5.5), now, ZONE).at_unix_s == on(5.5)
    assert [found.at_unix_s for found in made] == [now] * 4


@pytest.mark.requirement("R69")
def test_weights_count_from_their_day_and_a_section_is_filed_without_losing_anything(
    school: School,
) -> None:
    graded(school, "quiz", ADA, 10, 4)  # 50 %
    graded(school, "essay", ADA, 80, 4)  # 100 %
    file_under_a_term(school, day=20)
    school.now = on(20)
    assert percent_on(school, ADA, 19) == 90
    assert percent_on(school, ADA, 20) == 87.5  # (50 * 1 + 100 * 3) / 4


@pytest.mark.requirement("E18")
def test_what_was_due_before_a_student_came_is_marked_and_does_not_count(school: School) -> None:
    item(school, "exam", "Exam", 50, 12)
    graded(school, "exam", BOB, 25, 13)
    with school.database.read() as connection:
        found = progress.read(connection, person_id(school, BOB), None, school.now, ZONE)
    lines = found.sections[0].items
    assert [(line.item.name, line.is_before) for line in lines] == [
        ("Quiz", True), ("Essay", True), ("Exam", False),
    ]  # fmt: skip
    assert found.sections[0].percent == 50
    assert [t.full_name for t in found.sections[0].teachers] == ["Jane Smith"]
    assert "before enrolment" in str(progress.paper_of(found, ZONE).tables[1].rows[0])


@pytest.mark.requirement("R58")
def test_a_course_that_has_not_begun_is_seen_with_the_day_on_which_it_will(school: School) -> None:
    enrol(school, "fall", ADA, 1, timestart=on(60))
    with school.database.read() as connection:
        ada = person_id(school, ADA)
        early = progress.read(connection, ada, on(30), on(61), ZONE)
        late = progress.read(connection, ada, on(61), on(61), ZONE)
    starts = {s.snapshot.idnumber: s.starts for s in early.sections}
    assert starts["algebra"] is None
    assert str(starts["fall"]) == "2026-11-05"  # an hour back: summer time has ended
    assert [s.starts for s in late.sections] == [None, None]


@pytest.mark.requirement("R70", "R71")
def test_a_withdrawal_keeps_its_grades_and_says_which_it_was(school: School) -> None:
    graded(school, "quiz", ADA, 10, 5)
    school.push("end_enrolment", sectionid="algebra", userid=ADA, timemodified=on(20))
    school.push("end_enrolment", sectionid="algebra", userid=BOB, timemodified=on(21))
    assert [progress_on(school, ADA, d)["sections"][0]["code"] for d in (19, 20)] == ["a", "w"]
    assert percent_on(school, ADA, None) == 50
    assert transcript.as_json(transcript_of(school, ADA)) == {
        "person": ADA,
        "sections": [
            {
                "section": "algebra", "name": "Algebra", "role": "student", "code": "w",
                "title": "Withdrawn (code to be given)", "since": "2026-09-26T22:00:00Z",
                "note": "", "percent": 50, "course": None, "year": None, "term": None,
                "final_mark": None, "grade_points": None, "credits": None,
            }
        ],
        "grade_point_averages": [], "credits_earned": None, "credits_attempted": None,
    }  # fmt: skip
    assert [(t.state.code, t.percent) for t in transcript_of(school, BOB).taken] == [("wn", None)]


@pytest.mark.requirement("R70", "R71")
def test_a_transcript_has_the_latest_final_mark_and_the_credits_that_it_earned(
    school: School,
) -> None:
    graded(school, "quiz", ADA, 10, 5)
    enrol(school, "fall", ADA, 6)
    file_under_a_term(school)
    final(school, ADA, "F", "40", day=30)
    final(school, ADA, "A", "95", day=31)
    final(school, BOB, "F", "40", day=30)
    graded(school, "quiz", ADA, 0, 40)  # what comes after the closing changes no mark
    taken = transcript_of(school, ADA)
    found = [(t.snapshot.idnumber, t.mark, t.percent, t.credits) for t in taken.taken]
    assert found == [("algebra", "A", 95, 2), ("fall", "\N{EN DASH}", None, None)]
    made: Any = transcript.as_json(taken)
    told, other = made["sections"]
    added = ("course", "year", "term", "final_mark", "credits")
    assert [told[key] for key in added] == ["MAT1", "2026/27", "Autumn", "A", 2]
    assert [other[key] for key in added] == [None] * 5
    (shown,) = [s for s in progress_on(school, ADA, None)["sections"] if s["section"] == "algebra"]
    assert [shown[key] for key in added[:3]] == ["MAT1", "2026/27", "Autumn"]
    assert [t.title for t in transcript.paper_of(taken, ZONE).tables] == [
        "2026/27, Autumn",
        "Ongoing",
    ]
    assert [t.credits for t in transcript_of(school, BOB).taken] == [0]


def test_a_person_merged_into_another_shows_once_with_all_grades(school: School) -> None:
    enrol(school, "algebra", CLEO, 1)
    graded(school, "quiz", ADA, 10, 5)
    graded(school, "essay", CLEO, 60, 6)
    with school.database.write() as connection:
        kept, gone = (find_person(connection, who) for who in (ADA, CLEO))
        connection.execute(sa.update(person).where(person.c.id == gone).values(merged_into_id=kept))
    for who in (ADA, CLEO):
        assert progress_on(school, who, None)["person"] == ADA
        assert percent_on(school, who, None) == 70
    assert len(transcript_of(school, ADA).taken) == 1
    with school.database.read() as connection:
        found = section_report.read(connection, section_id(school), None, school.now, ZONE)
    assert [s.person.full_name for s in found.students] == ["Bob Boole", "Ada Lovelace"]


@pytest.mark.requirement("R70", "R71")
def test_a_section_report_its_roster_and_its_gradebook(school: School) -> None:
    graded(school, "quiz", ADA, 10, 5)
    graded(school, "quiz", BOB, 20, 12)
    by_hand(school, "essay", BOB, "40", 13, "on paper")
    enrol(school, "algebra", CLEO, 1)
    school.push("end_enrolment", sectionid="algebra", userid=CLEO, timemodified=on(14))
    with school.database.read() as connection:
        found = section_report.read(connection, section_id(school), None, school.now, ZONE)
    paper = section_report.report_of(found, ZONE)
    assert [[str(c) for c in row] for row in paper.tables[0].rows] == [
        ["Boole, Bob", "100 %", "50 %", "60 %"],
        ["Cantor, Cleo (Withdrawn - No Grade)", "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}"],
        ["Lovelace, Ada", "50 %", "\N{EN DASH}", "50 %"],
        ["Class average", "75 %", "50 %", "55 %"],
    ]
    assert dict(paper.facts)["Median"] == "55 %"
    book = section_report.gradebook_of(found, ZONE).tables[0].rows
    assert book == [["Boole, Bob", "20", "40*", "60 %"], ["Lovelace, Ada", "10", "", "50 %"]]
    roster = section_report.roster_of(found, ZONE).tables[0].rows
    assert [(r[0], r[1], r[3]) for r in roster] == [
        (1, "Boole, Bob", "Active"), (2, "Lovelace, Ada", "Active"),
        (3, "Cantor, Cleo", "Withdrawn - No Grade"),
    ]  # fmt: skip


def grow(school: School, students: int, items: int) -> None:
    for n in range(items):
        item(school, f"more{n}", f"More {n}", 10, 3)
    for n in range(students):
        who = f"5{n:05}"
        school.push("fetch_user", idnumber=who, username=f"u{n}", firstname="P", lastname=str(n))
        for where in ("algebra", "fall"):
            enrol(school, where, who, 1)
        graded(school, "quiz", who, 7, 4)
    for n in range(items):
        graded(school, f"more{n}", ADA, 5, 4)


@pytest.mark.requirement("R69")
def test_the_number_of_statements_does_not_grow_with_the_data(school: School) -> None:
    ids = (person_id(school, ADA), section_id(school))
    asked: dict[str, Callable[[Connection], object]] = {
        "progress": lambda c: progress.read(c, ids[0], on(30), school.now, ZONE),
        "transcript": lambda c: transcript.read(c, ids[0], school.now),
        "section": lambda c: section_report.read(c, ids[1], on(30), school.now, ZONE),
        "over time": lambda c: over_time.pictures(c, ids[0], on(30), ZONE),
    }

    def counts() -> dict[str, int]:
        found = {}
        for name, ask in asked.items():
            with school.database.read() as connection, Counted(school) as counted:
                ask(connection)
            found[name] = counted.count
        return found

    grow(school, 2, 2)
    small = counts()
    grow(school, 20, 20)
    enrol(school, "fall", ADA, 2)
    assert counts() == small
    assert max(small.values()) <= 20


def test_weeks_are_drawn_as_they_stood(school: School) -> None:
    graded(school, "quiz", ADA, 10, 8)
    graded(school, "quiz", ADA, 20, 15)
    with school.database.read() as connection:
        drawn = over_time.pictures(connection, person_id(school, ADA), on(16), ZONE)
    assert [p.title for p in drawn] == ["Algebra"]
    assert "<desc>20 Sep 2026: 50 %; 23 Sep 2026: 100 %</desc>" in drawn[0].svg


def test_a_class_is_drawn_with_its_numbers() -> None:
    drawn = distribution([HUNDRED, HUNDRED * 2, HUNDRED / 3])
    assert "<desc>30-39 %: 1; 100+ %: 2</desc>" in drawn


def test_a_csv_is_no_formula_and_reads_back() -> None:
    cells: list[Any] = ["=1+1", "@x", "-", 'a "b", c\nd', -5, HUNDRED, None, "ok", "\tx"]
    made = csv_bytes(Table("", [Column(str(n)) for n in range(len(cells))], [cells]))
    read = list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline="")))
    assert read[1] == ["'=1+1", "'@x", "'-", 'a "b", c\nd', "-5", "100", "", "ok", "'\tx"]
    assert made.count(b"\r\n") == 2


def test_a_pdf_is_the_same_bytes_each_time_on_the_paper_that_was_chosen(tmp_path: Path) -> None:
    school = begin(f"sqlite:///{tmp_path / 'school.sqlite'}")
    item(school, "odd", '#panic("x") *not* $bold$ "', 10, 3)
    for n in range(120):
        item(school, f"i{n}", "W" * 90, 10, 3)
    graded(school, "quiz", ADA, 10, 5)
    with school.database.read() as connection:
        ada = person_id(school, ADA)
        found = progress.read(connection, ada, on(30), school.now, ZONE)
        paper = progress.paper_of(found, ZONE, over_time.pictures(connection, ada, on(30), ZONE))
    school.database.close()
    made = {size: make_pdf(paper, school="Hill School", size=size) for size in ("a4", "letter")}
    assert make_pdf(paper, school="Hill School") == made["a4"]
    for size, box in (("a4", b"595.2756 841.8898"), ("letter", b"612 792")):
        body = made[size]
        assert body.startswith(b"%PDF-")
        pages = body.count(b"/MediaBox[0 0 ")
        assert body.count(b"/MediaBox[0 0 " + box) == pages >= 3
        assert b"CreationDate" not in body
        # Its outline, tagged heads of tables, and what our template would have made of markup.
        for part in (b"/Title(Sections)", b"/Title(Algebra)", b"/TH", b"/Lang"):
            assert part in body
        assert b"/Title(Progress report: Ada Lovelace)" in body


def test_the_ends_of_weeks_are_sundays_by_the_schools_clock() -> None:
    ends = over_time.week_ends(on(16.5), ZONE, weeks=3)
    assert ends == [on(7) - 1, on(14) - 1, on(16.5)]
    assert over_time.week_ends(10**15, ZONE) == [10**15]
    assert ends[1] - ends[0] == DAY_S * 7
