"""Each rule of the events, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from schooltool_bridge.events import receiving as events
from schooltool_bridge.store.model import HISTORY_TABLES
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, TOM, A, B, School


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def term(school: School) -> School:
    return school.begin_term()


@pytest.mark.requirement("R8", "R37", "R38", "R59", "R60", "R61", "R62", "R67", "R68")
def test_the_specifications_five_calls(term: School) -> None:
    answer = term.push("new_grade", **GRADE)
    assert answer["status"] == "created"
    assert isinstance(answer["id"], str)
    assert term.grades() == {("7", "1"): 62}
    assert term.enrolments() == {("5", "1", "student"): "a"}
    person = term.people()[0]
    assert (person["idnumber"], person["can_login"], person["origin"]) == ("1", False, A)
    assert person["links"] == [{"peer": A, "username": "anna"}]


@pytest.mark.requirement("R39e")
def test_a_repeated_event_changes_nothing(term: School) -> None:
    term.push("new_grade", **GRADE)
    before = term.counts()
    for event, data in (
        ("fetch_user", ANNA),
        ("new_section", SECTION),
        ("new_enrolment", PUPIL),
        ("new_assessment", QUIZ),
        ("new_grade", GRADE),
    ):
        assert term.status(event, **data) == "unchanged"
    assert term.counts() == before


@pytest.mark.requirement("R89")
def test_what_comes_too_early_is_held_and_applied_in_order(school: School) -> None:
    early = school.push("new_grade", **GRADE, timemodified=NOW, seq=5)
    assert early["status"] == "held"
    assert early["waiting_for"] == ["assessment:7", "user:1"]
    assert (
        school.status("new_grade", **{**GRADE, "points_earned": 60}, timemodified=NOW, seq=4)
        == "held"
    )
    assert school.status("new_grade", **GRADE, timemodified=NOW, seq=5) == "held"
    assert school.status("new_enrolment", **PUPIL) == "held"
    assert school.status("new_assessment", **QUIZ) == "held"
    assert len(school.inbox("held")) == 4
    school.push("fetch_user", **ANNA)
    school.push("new_section", **SECTION)
    assert school.inbox() == []
    assert school.grades() == {("7", "1"): 62}
    assert school.enrolments() == {("5", "1", "student"): "a"}


def test_an_older_event_goes_into_the_history_and_changes_nothing(term: School) -> None:
    assert term.status("new_grade", **GRADE, timemodified=NOW + 10) == "created"
    assert (
        term.status("new_grade", **{**GRADE, "points_earned": 5}, timemodified=NOW) == "unchanged"
    )
    assert term.grades() == {("7", "1"): 62}
    assert term.status("fetch_user", **{**ANNA, "firstname": "Old"}, timemodified=5) == "unchanged"
    assert term.people()[0]["firstname"] == "Anna"


@pytest.mark.requirement("R91")
def test_without_a_time_the_later_arrival_wins(term: School) -> None:
    term.push("new_grade", **GRADE, timemodified=NOW + 10**4)
    assert term.status("new_grade", **{**GRADE, "points_earned": 5}) == "updated"
    assert term.grades() == {("7", "1"): 5}


def test_the_running_number_breaks_ties(term: School) -> None:
    term.push("new_grade", **GRADE, timemodified=NOW, seq=2)
    assert (
        term.status("new_grade", **{**GRADE, "points_earned": 1}, timemodified=NOW, seq=1)
        == "unchanged"
    )
    assert (
        term.status("new_grade", **{**GRADE, "points_earned": 3}, timemodified=NOW, seq=3)
        == "updated"
    )
    assert term.grades() == {("7", "1"): 3}


@pytest.mark.requirement("R54", "R55", "R69")
def test_as_of_goes_by_when_it_took_effect(term: School) -> None:
    term.now = NOW + 1000
    term.push("new_grade", **{**GRADE, "points_earned": 70}, timemodified=NOW + 200)
    term.push("new_grade", **GRADE, timemodified=NOW + 150)
    assert term.grades(at=NOW + 100) == {}
    assert term.grades(at=NOW + 150) == {("7", "1"): 62}
    assert term.grades(at=NOW + 200) == {("7", "1"): 70}
    term.push("end_enrolment", sectionid=5, userid=1, timemodified=NOW + 300)
    assert term.enrolments(at=NOW + 299) == {("5", "1", "student"): "a"}
    assert term.enrolments(at=NOW + 300) == {("5", "1", "student"): "w"}


@pytest.mark.requirement("E40")
@pytest.mark.parametrize("given", [None, "", []])
def test_an_empty_grade_clears_and_a_missing_one_is_refused(term: School, given: object) -> None:
    term.push("new_grade", **GRADE)
    assert term.status("new_grade", **{**GRADE, "points_earned": given}) == "updated"
    assert term.grades() == {("7", "1"): None}
    code, text = term.fault("new_grade", assessmentid=7, userid=1)
    assert code == 8400
    assert "points_earned is missing" in text


@pytest.mark.requirement("R72", "R73", "R74")
def test_the_highest_attempt_counts_and_the_latest_of_equals(term: School) -> None:
    for attempt, points in ((2, 50), (1, 60), (2, 55), ("3", "40.50")):
        term.push("new_grade", **{**GRADE, "attempt_num": attempt, "points_earned": points})
    assert term.grades() == {("7", "1"): 40.5}
    assert term.status("delete_grade", assessmentid=7, userid=1, attempt_num=3) == "updated"
    assert term.grades() == {("7", "1"): 55}
    assert term.status("delete_grade", assessmentid=7, userid=1) == "updated"
    assert term.grades() == {}
    term.push("new_grade", **GRADE)
    assert term.grades() == {("7", "1"): 62}


@pytest.mark.requirement("E43")
@pytest.mark.parametrize(
    ("policy", "points", "kept"),
    [("accept", 99, 99), ("accept", -3, -3), ("clamp", 99, 68), ("clamp", -3, 0), ("clamp", 5, 5)],
)
def test_points_out_of_range_follow_the_policy(
    tmp_path: Any, policy: str, points: int, kept: int
) -> None:
    school = School.open(f"sqlite:///{tmp_path}/s.sqlite", A, out_of_range=policy)
    school.push_all([("fetch_user", ANNA), ("new_section", SECTION), ("new_assessment", QUIZ)])
    school.push("new_grade", **{**GRADE, "points_earned": points})
    assert school.grades() == {("7", "1"): kept}
    school.push("new_assessment", **{**QUIZ, "pointval": 200})
    assert school.grades() == {("7", "1"): max(points, 0) if policy == "clamp" else points}
    school.database.close()


@pytest.mark.requirement("E43")
def test_points_out_of_range_are_refused_when_the_policy_says_so(tmp_path: Any) -> None:
    school = School.open(f"sqlite:///{tmp_path}/s.sqlite", A, out_of_range="reject")
    school.push_all([("fetch_user", ANNA), ("new_section", SECTION), ("new_assessment", QUIZ)])
    assert school.fault("new_grade", **{**GRADE, "points_earned": 69})[0] == 8400
    assert school.grades() == {}
    assert [i["status"] for i in school.inbox()] == ["rejected"]
    school.database.close()


@pytest.mark.requirement("R51", "R52", "R56", "R57", "E44")
def test_an_ending_is_a_withdrawal_with_or_without_a_grade(term: School) -> None:
    assert term.status("end_enrolment", **PUPIL) == "updated"
    assert term.enrolments() == {("5", "1", "student"): "wn"}
    assert term.status("end_enrolment", **PUPIL) == "unchanged"
    assert term.status("new_enrolment", **PUPIL) == "updated"
    assert term.enrolments() == {("5", "1", "student"): "a"}
    term.push("new_grade", **GRADE)
    term.push("end_enrolment", sectionid=5, userid=1)
    assert term.enrolments() == {("5", "1", "student"): "w"}
    assert "withdrawn" in str(term.push("new_grade", **{**GRADE, "points_earned": 1})["message"])
    assert term.grades() == {("7", "1"): 1}
    assert term.status("new_enrolment", **PUPIL, status=1) == "updated"
    assert term.enrolments() == {("5", "1", "student"): "s"}


def test_an_ending_without_a_role_ends_every_role(term: School) -> None:
    term.push("new_enrolment", **{**PUPIL, "role": "Teacher"})
    term.push("end_enrolment", sectionid=5, userid=1)
    assert set(term.enrolments().values()) == {"wn"}


def test_endings_and_deletions_of_the_unseen_wait_with_a_time_and_fail_without(
    school: School,
) -> None:
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("end_enrolment", {"sectionid": 5, "userid": 1}),
        ("delete_section", {"idnumber": 5}),
        ("delete_assessment", {"idnumber": 7}),
        ("delete_grade", {"assessmentid": 7, "userid": 1}),
    )
    for event, data in cases:
        assert school.fault(event, **data)[0] == 8404
        assert school.status(event, **data, timemodified=NOW + 50) == "held"
    school.push("fetch_user", **ANNA)
    for event, data in (
        ("new_section", SECTION),
        ("new_enrolment", PUPIL),
        ("new_assessment", QUIZ),
        ("new_grade", GRADE),
    ):
        school.push(event, **data, timemodified=NOW)
    assert school.inbox("held") == []
    assert school.enrolments() == {("5", "1", "student"): "wn"}
    assert school.sections()[0]["status"] == "deleted"
    assert school.grades() == {}


def test_an_ending_of_a_known_person_never_enrolled_waits_for_the_enrolment(term: School) -> None:
    term.push("fetch_user", **TOM)
    answer = term.push("end_enrolment", sectionid=5, userid=9, timemodified=NOW + 9)
    assert answer["waiting_for"] == ["enrolment:5/9"]
    term.push("new_enrolment", sectionid=5, userid=9, role="student", timemodified=NOW)
    assert term.enrolments()["5", "9", "student"] == "wn"


def test_a_deleted_section_comes_back_with_its_history(term: School) -> None:
    term.push("new_grade", **GRADE)
    assert term.status("delete_section", idnumber=5) == "updated"
    assert term.sections()[0]["status"] == "deleted"
    assert term.status("new_section", **SECTION) == "updated"
    assert term.sections()[0]["status"] == "active"
    assert term.grades() == {("7", "1"): 62}


@pytest.mark.requirement("R40", "R44", "R46")
def test_a_teacher_is_attached_on_arrival_and_replaced(school: School) -> None:
    answer = school.push("new_section", **SECTION, teacheridnumber=9)
    assert answer["status"] == "created"
    assert "9" in str(answer["message"])
    assert school.sections()[0]["teachers"] == []
    assert [i["waiting_for"] for i in school.inbox("held")] == [["user:9"]]
    school.push("fetch_user", **TOM)
    assert school.sections()[0]["teachers"] == ["9"]
    assert school.inbox() == []
    school.push("fetch_user", **ANNA)
    school.push("new_section", **SECTION, teacheridnumber=1)
    assert school.sections()[0]["teachers"] == ["1"]
    assert school.enrolments() == {("5", "9", "teacher"): "w", ("5", "1", "teacher"): "a"}
    school.push("new_enrolment", sectionid=5, userid=9, role="teacher")
    school.push("new_section", **{**SECTION, "name": "Geometry"})
    assert school.sections()[0]["teachers"] == ["9", "1"]


@pytest.mark.requirement("R45")
def test_segments_are_parts_of_one_section(school: School) -> None:
    school.push("new_section", **SECTION)
    school.push("new_section", **{**SECTION, "segment": 10, "name": "Spring"})
    school.push("new_section", **{**SECTION, "segment": 9, "name": "Winter"})
    school.push("new_section", idnumber=5, name="Renamed")
    assert [(s["segment"], s["name"]) for s in school.sections()] == [
        ("1", "Algebra"),
        ("9", "Winter"),
        ("10", "Renamed"),
    ]
    school.push("fetch_user", **ANNA)
    school.push("new_enrolment", **PUPIL, segment=9)
    school.push("new_enrolment", **PUPIL)
    assert school.counts()["enrolment"] == 2


@pytest.mark.requirement("R54", "R55")
def test_history_cannot_be_changed_or_deleted(term: School) -> None:
    term.push("new_grade", **GRADE)
    term.push("end_enrolment", **PUPIL)
    for table in HISTORY_TABLES:
        for statement in (sa.delete(table), sa.update(table).values(effective_unix_s=1)):
            with (
                pytest.raises(DBAPIError, match="append-only"),
                term.database.write() as connection,
            ):
                connection.execute(statement)
    assert term.grades() == {("7", "1"): 62}


def test_an_event_of_the_inbox_can_be_retried_or_dismissed(school: School) -> None:
    school.push("new_enrolment", **PUPIL)
    school.push("new_assessment", **QUIZ)
    first, second = (int(i["id"]) for i in school.inbox())
    with school.database.write() as connection:
        assert events.retry(connection, school.source(A), first)[0] == "held"
        events.dismiss(connection, second)
    assert [int(i["id"]) for i in school.inbox()] == [first]
    school.push("new_section", **SECTION)
    assert school.counts()["assessment"] == 0
