"""Two records of one person: merged, pushed to meanwhile, and apart again as if it never was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pytest
import sqlalchemy as sa

from peers import accounts
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import merging
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.reports import progress
from schooltool_bridge.store.model import person_link
from tests.helpers.school import ANNA, PUPIL, SECTION, TOM, A, B, School

# Anna at the other Moodle, where nobody filled in her idnumber.
AGAIN: dict[str, Any] = {**ANNA, "idnumber": "b1", "username": "annab"}


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def twice(school: School) -> School:
    """Anna of A and Anna of B, each with a section, a quiz and a grade."""
    school.begin_term()
    school.push("new_grade", assessmentid=7, userid=1, points_earned=62, timemodified=100)
    school.push("fetch_user", B, **AGAIN)
    school.push("new_section", B, **{**SECTION, "idnumber": 8, "name": "Botany"})
    school.push("new_enrolment", B, **{**PUPIL, "sectionid": "8", "userid": "b1"})
    school.push("new_assessment", B, sectionid=8, idnumber=9, name="Leaf", pointval=10)
    school.push("new_grade", B, assessmentid=9, userid="b1", points_earned=5, timemodified=100)
    return school


def author(school: School) -> Author:
    school.now += 1
    return Author("carl", school.now, "same birthday")


def merge(school: School, kept: int = 1, merged: int = 2) -> None:
    with school.database.write() as connection:
        merging.merge(connection, author(school), kept, merged)


def undo(school: School, merged: int = 2) -> None:
    with school.database.write() as connection:
        merging.undo(connection, author(school), merged)


def without_trail(school: School) -> dict[str, Any]:
    """What holds, but for the trail of the merge itself."""
    return {name: value for name, value in school.dump().items() if name != "history"}


@pytest.mark.requirement("R39b")
def test_a_merged_person_has_all_and_apart_again_each_has_its_own(twice: School) -> None:
    before = without_trail(twice)
    merge(twice)
    (one,) = twice.people()
    assert (one["idnumber"], len(one["links"])) == ("1", 2)
    assert [m["idnumber"] for m in one["merged"]] == ["b1"]
    assert twice.enrolments() == {("5", "1", "student"): "a", ("8", "1", "student"): "a"}
    assert twice.enrolments(at=twice.now) == twice.enrolments()
    assert twice.grades("8") == {("9", "1"): 5}
    with twice.database.read() as connection:
        assert {find_person(connection, text) for text in ("1", "b1", "2")} == {1}
    undo(twice)
    assert without_trail(twice) == before


def test_what_comes_meanwhile_stays_with_the_link_it_came_by(twice: School) -> None:
    twice.push("new_enrolment", B, sectionid="8", userid="1", role="student")
    merge(twice)
    assert (
        twice.status("new_grade", B, assessmentid=9, userid="b1", points_earned=5, timemodified=100)
        == "unchanged"
    )
    # The same word about the other record is news to that record alone.
    assert (
        twice.status("new_grade", B, assessmentid=9, userid="1", points_earned=9, timemodified=90)
        == "unchanged"
    )
    assert twice.grades("8") == {("9", "1"): 5}
    assert twice.status("new_grade", B, assessmentid=9, userid="b1", points_earned=7) == "updated"
    assert twice.grades("8") == {("9", "1"): 7}
    twice.push("end_enrolment", B, sectionid="8", userid="b1")
    assert twice.enrolments()["8", "1", "student"] == "w"
    undo(twice)
    assert twice.grades("8") == {("9", "1"): 9, ("9", "b1"): 7}
    assert twice.enrolments()["8", "1", "student"] == "a"
    assert twice.enrolments()["8", "b1", "student"] == "w"


def test_a_new_link_of_somebody_with_several_records_is_folded_with_the_others(
    twice: School,
) -> None:
    merge(twice)
    assert (
        twice.status("new_grade", B, assessmentid=9, userid="1", points_earned=8, timemodified=200)
        == "updated"
    )
    assert twice.grades("8") == {("9", "1"): 8}
    with twice.database.read() as connection:
        assert connection.execute(sa.select(person_link.c.is_several)).scalars().all() == [True] * 3
    undo(twice)
    assert twice.grades("8") == {("9", "1"): 8, ("9", "b1"): 5}
    with twice.database.read() as connection:
        assert not any(connection.execute(sa.select(person_link.c.is_several)).scalars())


def test_a_section_that_names_one_record_as_its_teacher_has_the_person(school: School) -> None:
    school.push("fetch_user", **ANNA)
    school.push("fetch_user", B, **AGAIN)
    school.push("new_section", B, **SECTION, teacheridnumber="b1")
    merge(school)
    assert school.sections()[0]["teachers"] == ["1"]
    assert school.enrolments(at=school.now) == {("5", "1", "teacher"): "a"}
    undo(school)
    assert school.sections()[0]["teachers"] == ["b1"]
    assert school.enrolments() == school.enrolments(at=school.now) == {("5", "b1", "teacher"): "a"}


def test_whom_a_section_named_while_merged_teaches_it_apart_again(school: School) -> None:
    school.push("fetch_user", **ANNA)
    school.push("fetch_user", **TOM)
    merge(school)
    school.push("new_section", **SECTION, teacheridnumber=TOM["idnumber"])
    undo(school)
    assert (
        school.enrolments()
        == school.enrolments(at=school.now)
        == {("5", TOM["idnumber"], "teacher"): "a"}
    )


def test_who_no_longer_teaches_by_the_other_record_is_on_no_pupils_report(school: School) -> None:
    school.begin_term()
    school.push("fetch_user", **TOM)
    school.push("fetch_user", **{**TOM, "idnumber": "t2", "username": "tommy"})
    school.push("new_enrolment", sectionid="5", userid="9", role="teacher")
    school.push("new_enrolment", sectionid="5", userid="t2", role="student")
    merge(school, kept=2, merged=3)
    school.push("end_enrolment", sectionid="5", userid="t2")
    assert school.enrolments()["5", "9", "teacher"] == "wn"
    report = school.read(lambda c: progress.read(c, 1, None, school.now, UTC))
    assert [line.teachers for line in report.sections] == [[]]


def test_both_records_may_send_their_names_while_merged(twice: School) -> None:
    merge(twice)
    twice.push("fetch_user", B, **{**AGAIN, "lastname": "Married", "username": "anna"})
    twice.push("fetch_user", **{**ANNA, "username": "anna2"})
    assert [p["username"] for p in twice.people()] == ["anna2"]
    undo(twice)
    assert {p["lastname"] for p in twice.people()} == {ANNA["lastname"], "Married"}


def test_what_cannot_be_merged_is_refused_with_a_reason(twice: School) -> None:
    twice.push("fetch_user", **TOM)
    with pytest.raises(Refused, match="itself"):
        merge(twice, 1, 1)
    with pytest.raises(Refused, match="nobody with id 99"):
        merge(twice, 1, 99)
    merge(twice, 1, 2)
    with pytest.raises(Refused, match="merged into the person with id 1"):
        merge(twice, 3, 2)
    with pytest.raises(Refused, match="merged into the person with id 1"):
        merge(twice, 2, 1)
    with twice.database.write() as connection:
        accounts.add(connection, "tom", "long enough", one_time=True, now_unix_s=1)
    with pytest.raises(Refused, match="admin rights"):
        merge(twice, 1, 3)
    with pytest.raises(Refused, match="not merged"):
        undo(twice, 1)


def test_a_chain_of_merges_comes_apart_at_any_place(twice: School) -> None:
    before = without_trail(twice)
    twice.push("fetch_user", **TOM)
    merge(twice, 1, 2)
    merge(twice, 3, 1)
    assert [p["idnumber"] for p in twice.people()] == ["9"]
    assert twice.enrolments() == {("5", "9", "student"): "a", ("8", "9", "student"): "a"}
    undo(twice, 2)
    assert twice.enrolments() == {("5", "9", "student"): "a", ("8", "b1", "student"): "a"}
    undo(twice, 1)
    assert without_trail(twice)["enrolments"] == before["enrolments"]
    assert without_trail(twice)["grades"] == before["grades"]
