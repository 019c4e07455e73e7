"""A number whose first owner is gone, given to somebody or something else: by Moodle's own ids.

Pupil A (Moodle's user 42, number 1) was deleted there, pupil B (user 43) has the number 1 now; the
same of user names that stand for numbers, of courses' and of grade items' numbers. What is told of
the second one never lands at the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.events import reading
from schooltool_bridge.events import receiving as events
from schooltool_bridge.hand import deciding
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import grade
from schooltool_bridge.store.model_linking import section_decision
from tests.helpers.school import ANNA, GRADE, PUPIL, QUIZ, SECTION, A, B, School

A_42: dict[str, Any] = {**ANNA, "moodleid": 42}
B_43: dict[str, Any] = {
    "idnumber": 1,
    "username": "ben",
    "firstname": "Ben",
    "lastname": "New",
    "moodleid": 43,
}  # fmt: skip - one person
THERE: dict[str, Any] = {"sectionmoodleid": 3}
ITEM: dict[str, Any] = {"assessmentmoodleid": 8}


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def term(school: School) -> School:
    """Anna (42) sits in Algebra (3), which has a quiz (8), and has a grade; she is gone by now."""
    school.push("fetch_user", **A_42)
    school.push("new_section", **SECTION, moodleid=3)
    school.push("new_enrolment", **PUPIL, usermoodleid=42, **THERE)
    school.push("new_assessment", **QUIZ, moodleid=8, **THERE)
    school.push("new_grade", **GRADE, usermoodleid=42, **ITEM)
    assert school.grades() == {("7", "1"): 62}
    return school


def told_of_ben(term: School) -> None:
    """He is enrolled and graded, under the number that Anna had."""
    enrolled = {**PUPIL, "usermoodleid": 43, **THERE}
    assert term.push("new_enrolment", **enrolled) | {"message": "", "id": ""} == {
        "status": "held",
        "id": "",
        "message": "",
        "waiting_for": ["user:#43"],
    }  # fmt: skip - an answer
    graded = {**GRADE, "usermoodleid": 43, "points_earned": 3, **ITEM}
    assert term.status("new_grade", **graded) == "held"
    assert term.status("end_enrolment", **PUPIL, usermoodleid=43, timemodified=term.now + 5) == "held"  # fmt: skip
    assert term.status("delete_grade", assessmentid=7, userid=1, usermoodleid=43, timemodified=9) == "held"  # fmt: skip


@pytest.mark.requirement("1.3", "R39", "R39b")
def test_what_is_told_of_whoever_has_the_number_now_never_lands_at_its_first_owner(
    term: School,
) -> None:
    before = term.counts()
    assert term.fault("fetch_user", **B_43)[0] == 8409
    told_of_ben(term)
    assert term.grades() == {("7", "1"): 62}
    assert term.enrolments() == {("5", "1", "student"): "a"}
    assert term.counts() == before
    # What still comes of the first one is hers.
    assert term.status("new_grade", **{**GRADE, "points_earned": 60}, usermoodleid=42) == "updated"


@pytest.mark.requirement("1.3", "R39", "R89")
def test_once_a_person_has_decided_it_is_his(term: School) -> None:
    assert term.fault("fetch_user", **B_43)[0] == 8409
    graded = {**GRADE, "usermoodleid": 43, "points_earned": 3}
    assert term.status("new_enrolment", **PUPIL, usermoodleid=43) == "held"
    assert term.status("new_grade", **graded) == "held"
    conflict = next(int(i["id"]) for i in term.inbox() if i["status"] == "conflict")
    with term.database.write() as connection:
        source = term.source(None)
        user = reading.read_user(source, B_43)
        deciding.keep_apart(connection, Author("admin", term.now), source, user)
        events.retry(connection, source, conflict)
    assert term.inbox() == []
    assert sorted(term.read(points)) == ["3", "62"]
    assert term.status("new_grade", **graded) == "unchanged"


def points(connection: Connection) -> list[str]:
    return list(connection.execute(sa.select(grade.c.points)).scalars())


@pytest.mark.requirement("1.3", "R39")
def test_a_user_name_that_stands_for_a_number_is_given_again(school: School) -> None:
    named = {**A_42, "idnumber": "anna"}
    school.push("fetch_user", **named)
    school.push("new_section", **SECTION, moodleid=3)
    school.push("new_enrolment", **{**PUPIL, "userid": "anna"}, usermoodleid=42)
    again = {**B_43, "idnumber": "anna", "username": "anna"}
    assert school.fault("fetch_user", **again)[0] == 8409
    assert school.status("end_enrolment", sectionid=5, userid="Anna", usermoodleid=43, timemodified=school.now) == "held"  # fmt: skip
    assert school.enrolments() == {("5", "anna", "student"): "a"}


@pytest.mark.requirement("1.3", "R39")
def test_a_number_that_another_peer_brought_is_theirs_once_we_know_who_has_it(
    school: School,
) -> None:
    school.push("fetch_user", B, **ANNA)
    school.push("new_section", **SECTION, moodleid=3)
    # The Moodle's own word for her comes with the enrolment, and is kept.
    assert school.status("new_enrolment", **PUPIL, usermoodleid=42) == "created"
    assert school.status("end_enrolment", **PUPIL, usermoodleid=43, timemodified=school.now) == "held"  # fmt: skip
    assert school.status("end_enrolment", **PUPIL, usermoodleid=42) == "updated"


@pytest.mark.requirement("1.3", "R39")
def test_moodles_own_id_finds_whom_a_corrected_number_means(term: School) -> None:
    """Also where the number itself was not taken yet, as somebody else has it."""
    term.push("fetch_user", **B_43 | {"idnumber": 2})
    corrected = {**GRADE, "userid": 99, "usermoodleid": 43, "points_earned": 3}
    assert term.status("new_enrolment", **{**PUPIL, "userid": 99}, usermoodleid=43) == "created"
    assert term.status("new_grade", **corrected) == "created"
    assert term.grades() == {("7", "1"): 62, ("7", "2"): 3}


@pytest.mark.requirement("1.3", "R40")
def test_a_courses_number_given_again_is_another_section(term: School) -> None:
    """Last year's course was deleted, this year's has its number."""
    term.push("delete_section", idnumber="#3")
    again = {**SECTION, "name": "Algebra, new"}
    answer = term.push("new_section", **again, moodleid=4)
    assert answer["status"] == "created"
    assert {s["idnumber"]: s["name"] for s in term.sections()} == {"#3": "Algebra", "5": "Algebra, new"}  # fmt: skip
    assert term.enrolments() == {("#3", "1", "student"): "a"}
    assert term.grades("5") == {}
    assert term.grades("#3") == {("7", "1"): 62}
    # Its item brought the idnumber along.
    told = {**QUIZ, "sectionmoodleid": 4}
    assert term.status("new_assessment", **told, moodleid=9) == "created"
    assert term.status("new_enrolment", **PUPIL, usermoodleid=42, sectionmoodleid=4) == "created"
    assert term.status("new_grade", **{**GRADE, "points_earned": 4}, assessmentmoodleid=9) == "created"  # fmt: skip
    # What was on its way of the former one reaches that one.
    ended = {**PUPIL, "usermoodleid": 42, "sectionmoodleid": 3}
    assert term.status("end_enrolment", **ended) == "updated"
    assert term.status("new_grade", **{**GRADE, "points_earned": 61}, assessmentmoodleid=8) == "updated"  # fmt: skip
    assert term.enrolments() == {("#3", "1", "student"): "w", ("5", "1", "student"): "a"}
    assert (term.grades("#3"), term.grades("5")) == ({("#8", "1"): 61}, {("7", "1"): 4})


@pytest.mark.requirement("1.3", "R40", "R89")
def test_what_comes_before_the_new_section_waits_for_it(term: School) -> None:
    told = {**PUPIL, "usermoodleid": 42, "sectionmoodleid": 4}
    assert term.push("new_enrolment", **told)["waiting_for"] == ["section:#4"]
    quiz = {**QUIZ, "sectionmoodleid": 4}
    assert term.status("new_assessment", **quiz, moodleid=9) == "held"
    graded: dict[str, Any] = {**GRADE, "points_earned": 4, "assessmentmoodleid": 9}
    assert term.push("new_grade", **graded)["waiting_for"] == ["assessment:7"]
    assert term.grades() == {("#8", "1"): 62}
    term.push("new_section", **{**SECTION, "name": "Algebra, new"}, moodleid=4)
    assert term.inbox() == []
    assert term.enrolments() == {("#3", "1", "student"): "a", ("5", "1", "student"): "a"}
    assert (term.grades("#3"), term.grades("5")) == ({("#8", "1"): 62}, {("7", "1"): 4})


@pytest.mark.requirement("1.3", "R40")
def test_an_older_word_of_the_former_course_takes_no_number_back(term: School) -> None:
    late = {**SECTION, "name": "Algebra of old", "moodleid": 3, "timemodified": 5}
    term.push("new_section", **{**SECTION, "name": "Algebra, new"}, moodleid=4)
    assert term.status("new_section", **late) == "unchanged"
    assert {s["idnumber"]: s["name"] for s in term.sections()} == {"#3": "Algebra", "5": "Algebra, new"}  # fmt: skip
    # One that is not known at all goes by Moodle's own id.
    assert term.status("new_section", **late | {"moodleid": 2}) == "created"
    assert {s["idnumber"] for s in term.sections()} == {"#2", "#3", "5"}
    # A deletion that names both means the course of that id.
    assert term.status("delete_section", idnumber=5, moodleid=3) == "updated"
    assert {s["idnumber"]: s["status"] for s in term.sections()}["5"] == "active"


@pytest.mark.requirement("1.3", "R61")
def test_an_items_number_given_again_in_its_own_section_is_another_item(term: School) -> None:
    term.push("delete_assessment", idnumber="#8")
    essay = {**QUIZ, "name": "Essay", "pointval": 10}
    assert term.status("new_assessment", **essay, moodleid=9) == "created"
    graded: dict[str, Any] = {**GRADE, "points_earned": 4, "assessmentmoodleid": 9}
    assert term.status("new_grade", **graded) == "created"
    late: dict[str, Any] = {"assessmentid": 7, "userid": 1, "assessmentmoodleid": 8}
    assert term.status("delete_grade", **late) == "updated"
    assert term.grades() == {("7", "1"): 4}
    # A deletion that names both means the item of that id.
    assert term.status("delete_assessment", idnumber=7, moodleid=8) == "unchanged"
    assert term.grades() == {("7", "1"): 4}


@pytest.mark.requirement("1.3", "R41")
def test_a_teachers_number_given_again(school: School) -> None:
    school.push("fetch_user", **A_42)
    school.push("new_section", **SECTION, moodleid=3, teacheridnumber=1, teachermoodleid=42)
    assert school.enrolments() == {("5", "1", "teacher"): "a"}
    other = {**SECTION, "idnumber": 6, "name": "Latin"}
    answer = school.push("new_section", **other, moodleid=4, teacheridnumber=1, teachermoodleid=43)
    assert answer["status"] == "created"
    assert school.enrolments() == {("5", "1", "teacher"): "a"}
    assert [i["waiting_for"] for i in school.inbox()] == [["user:#43"]]


@pytest.mark.requirement("1.3")
def test_moodles_own_ids_are_read_like_all_others(term: School) -> None:
    code, text = term.fault("new_grade", **GRADE, usermoodleid="4\t2")
    assert (code, "usermoodleid" in text) == (8400, True)
    said_nothing: tuple[Any, ...] = ("", None, [])
    for nothing in said_nothing:
        assert term.status("new_grade", **GRADE, usermoodleid=nothing, assessmentmoodleid=nothing) == "unchanged"  # fmt: skip


@pytest.mark.requirement("1.12", "R40")
def test_who_kept_a_course_out_kept_out_no_other_that_has_its_number_now(school: School) -> None:
    declined = {
        "peer_id": school.source(None).peer_id,
        "idnumber": "5",
        "moodle_id": "3",
        "name": "Old",
        "decision": "declined",
        "recorded_unix_s": 1,
        "by_actor": "admin",
        "why": "",
    }  # fmt: skip - a row
    with school.database.write() as connection:
        connection.execute(sa.insert(section_decision), declined)
    school.push("fetch_user", **A_42)
    again: dict[str, Any] = {"usermoodleid": 42, "sectionmoodleid": 4}
    assert school.status("new_enrolment", **PUPIL, sectionmoodleid=3) == "skipped"
    assert school.status("new_enrolment", **PUPIL, **again) == "held"
    assert school.status("new_section", **SECTION, moodleid=3) == "skipped"
    assert school.status("new_section", **SECTION, moodleid=4) == "created"
    assert school.enrolments() == {("5", "1", "student"): "a"}


def test_two_that_say_that_they_are_one_stop_nothing(school: School) -> None:
    school.push("new_section", **SECTION, moodleid=3)
    first = {**QUIZ, "sectionid": SECTION["idnumber"]}
    school.push("new_assessment", **{**first, "idnumber": "#8", "name": "Eight"})
    school.push("new_assessment", **{**first, "idnumber": "a", "name": "A"})
    # A contradiction: Moodle's 8 stands here by its own id already.
    school.push("new_assessment", **{**first, "idnumber": "a", "name": "A"}, moodleid=8)
    told = school.push("new_assessment", **{**first, "idnumber": "a", "name": "B"}, moodleid=9)
    assert told["status"] == "created"
    again = school.push("new_assessment", **{**first, "idnumber": "a", "name": "B"}, moodleid=9)
    assert again == {**told, "status": "unchanged"}
    for name, number in (("One", "#3"), ("Other", "c")):
        school.push("new_section", idnumber=number, name=name)
    school.push("new_section", idnumber="c", name="Other", moodleid=3)
    assert school.push("new_section", idnumber="c", name="Third", moodleid=4)["status"] == "created"


def test_an_older_word_takes_no_number_from_whoever_has_it(school: School) -> None:
    """It once broke the whole push for good."""
    who: dict[str, Any] = {"firstname": "A", "lastname": "B"}
    first = school.push("fetch_user", idnumber="u4", **who)
    school.push("fetch_user", idnumber="#15", **who)
    late: dict[str, Any] = {**who, "moodleid": 15, "timemodified": school.now - 100}
    school.push("fetch_user", idnumber="u5", **late)
    school.push("fetch_user", idnumber="u4", **{**late, "firstname": "C"})
    assert school.push("fetch_user", idnumber="u4", **who)["id"] == first["id"]
    assert school.push("fetch_user", idnumber="u5", **who)["id"] != first["id"]
