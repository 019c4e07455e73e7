"""Grade scales with points: the usual ones, own ones, and averages and totals on a transcript."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from peers.changes import NotPossible
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import ScoreSystem
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.reports import transcript
from schooltool_bridge.reports.grade_points import Pointed, averages
from schooltool_bridge.school import scores
from schooltool_bridge.school.labels import School as Labels
from schooltool_bridge.school.usual_scales import USUAL
from schooltool_bridge.store.model_reports import final_mark
from tests.helpers.report_story import (
    ADA,
    ZONE,
    begin,
    enrol,
    file_under_a_term,
    on,
    person_id,
    section_id,
)
from tests.helpers.school import School
from tests.helpers.site import Refused, Site

AMERICAN = "A to F with plus and minus"


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = begin(database_url)
    enrol(school, "fall", ADA, 1)
    school.now = on(50)
    yield school
    school.database.close()


def add_usual(school: School, title: str) -> int:
    with school.database.write() as connection:
        return scores.add_usual(connection, Author("head", school.now), title)


def mark(
    school: School, what: str, system_id: int, words: str, day: float, code: str = "a"
) -> None:
    where, who = section_id(school, what), person_id(school, ADA)
    with school.database.write() as connection:
        connection.execute(
            sa.insert(final_mark).values(
                section_id=where, person_id=who, percent="90", mark=words, code=code,
                score_system_id=system_id, recorded_unix_s=on(day), by_actor="head",
            )
        )  # fmt: skip


def told(school: School, day: float | None = None) -> Any:
    with school.database.read() as connection:
        at = None if day is None else on(day)
        found = transcript.read(connection, find_person(connection, ADA), school.now, at)
        return {
            **transcript.as_json(found),
            "facts": dict(transcript.paper_of(found, ZONE).facts),
        }


@pytest.mark.parametrize("title", USUAL)
def test_every_usual_scale_is_whole_and_reads_what_it_writes(title: str) -> None:
    found = USUAL[title]
    scores.check(found)
    system = ScoreSystem(1, title, "values", found)
    assert all(system.mark(s.percent) == s.score == system.mark(s.from_percent) for s in found)
    assert all(s.points is not None for s in found)
    assert {s.passes for s in found} == {True, False}


@pytest.mark.parametrize(
    ("title", "percent", "written", "passes"),
    [
        ("Grades 1 to 6", 50, "4", True), ("Grades 1 to 6", 49, "5", False),
        ("Grades 6 to 1", 56, "4", True), ("Grades 6 to 1", 54, "3.5", False),
        ("Points 15 to 0", 95, "15", True), ("Points 15 to 0", 44, "4", False),
        ("Points 20 to 0", 50, "10", True), ("Points 20 to 0", 47, "9", False),
        (AMERICAN, 87, "B+", True), (AMERICAN, 59, "F", False),
    ],
)  # fmt: skip
def test_a_percentage_is_written_as_schools_do(
    title: str, percent: int, written: str, passes: bool
) -> None:
    system = ScoreSystem(1, title, "values", USUAL[title])
    assert system.mark(Decimal(percent)) == written
    assert next(s.passes for s in system.scores if s.score == written) is passes


def test_an_average_goes_by_credits_and_mixes_no_scales() -> None:
    def pointed(system: str, points: str, worth: int | None) -> Pointed:
        return Pointed(system, Decimal(points), None if worth is None else Decimal(worth))

    found = averages(
        [
            pointed("B", "4", 3), pointed("B", "1", 1), pointed("B", "0", None),
            pointed("A", "2", None), pointed("A", "3", None),
        ]
    )  # fmt: skip
    assert [(a.system, str(a.value), a.marks) for a in found] == [
        ("A", "2.50", 2),
        ("B", "3.25", 2),
    ]
    assert averages([]) == []


@pytest.mark.requirement("R70", "R71")
def test_a_transcript_has_its_average_and_totals_as_of_any_day(school: School) -> None:
    file_under_a_term(school)
    american = add_usual(school, AMERICAN)
    mark(school, "algebra", american, "B+", 30)
    assert told(school)["facts"] == {"ID number": ADA, "Credits": "2", f"Grade point average ({AMERICAN})": "3.3"}  # fmt: skip
    mark(school, "algebra", american, "F", 40)
    after = told(school)
    assert after["grade_point_averages"] == [{"score_system": AMERICAN, "average": 0, "marks": 1}]
    assert (after["credits_earned"], after["credits_attempted"]) == (0, 2)
    assert after["facts"]["Credits"] == "0 of 2"
    assert after["sections"][0]["grade_points"] == 0
    then = told(school, 35)
    assert then["grade_point_averages"][0]["average"] == 3.3
    assert then["credits_earned"] == 2
    assert told(school, 29)["grade_point_averages"] == []


def test_what_was_left_and_marks_without_points_count_for_nothing(school: School) -> None:
    with school.database.read() as connection:
        letters = scores.find(connection, "Letter grades").id
    mark(school, "algebra", letters, "A", 30)
    mark(school, "fall", add_usual(school, AMERICAN), "A", 30, code="w")
    found = told(school)
    assert (found["grade_point_averages"], found["credits_earned"]) == ([], None)
    assert set(found["facts"]) == {"ID number"}


@pytest.mark.requirement("R70")
def test_another_scale_today_changes_nothing_of_yesterday(school: School) -> None:
    american = add_usual(school, AMERICAN)
    mark(school, "algebra", american, "B", 30)
    before = told(school, 35)
    own = scores.read_scores("B; 90; 50; pass; 9\nF; 20; 0; fail; 1")
    with school.database.write() as connection:
        scores.set_hidden(connection, Author("head", school.now), american, hidden=True)
        scores.add(connection, Author("head", school.now), title="Ours", scores=own)
    assert told(school, 35) == before
    assert before["grade_point_averages"][0]["average"] == 3
    with pytest.raises(NotPossible):
        add_usual(school, AMERICAN)


def test_points_are_read_and_kept_and_stand_at_every_score_or_at_none(school: School) -> None:
    read = scores.read_scores("Good; 90; 50; pass; 1.5\nPoor; 20; 0; fail; 0")
    with school.database.write() as connection:
        made = scores.add(connection, Author("head", school.now), title="Ours", scores=read)
    with school.database.read() as connection:
        assert Labels(connection).systems[made].scores == read
    for text, words in (
        ("Good; 90; 50; pass; 1\nPoor; 20; 0; fail", "every score, or to none"),
        ("Good; 90; 50; pass; much\nPoor; 20; 0; fail; 0", "the grade points"),
        ("Good; 90; 50; pass; 1; 2", "Line 1 must be"),
    ):
        with school.database.write() as connection, pytest.raises(NotPossible, match=words):
            scores.add(
                connection, Author("head", 1), title="Other", scores=scores.read_scores(text)
            )


def test_scales_are_added_and_hidden_by_commands(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    made = site.run("scale", "add", "grades 1 to 6")
    assert (made["title"], made["scores"][0]["points"], made["hidden"]) == (
        "Grades 1 to 6",
        1,
        False,
    )
    file = tmp_path / "scores.txt"
    file.write_text("Yes; 100; 50; pass\nNo; 0; 0; fail\n")
    assert site.run("scale", "add", "Done", "--scores", str(file))["scores"][1]["score"] == "No"
    assert site.run("scale", "hide", "done")["hidden"]
    assert not site.run("scale", "offer", "Done")["hidden"]
    assert [s["title"] for s in site.run("scale", "list")][-2:] == ["Grades 1 to 6", "Done"]
    assert "Yes No" in site.text("scale", "list")
    for arguments, words in (
        (("add", "Grades 1 to 6"), "Grades 1 to 6"),
        (("add", "Grades 7 to 9"), "There is no usual scale"),
        (("hide", "Nothing"), "There is no score system"),
    ):
        with pytest.raises(Refused, match=words):
            site.text("scale", *arguments)
