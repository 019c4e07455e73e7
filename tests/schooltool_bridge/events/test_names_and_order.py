"""What a peer calls its things, told late, twice, in part or by former names: the same store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet.faults import Malformed
from schooltool_bridge.events import fields
from tests.helpers.school import NOW, School
from tests.schooltool_bridge.events.test_order import Event, store_after

Data = dict[str, Any]
A, B = "http://moodle.example.org", "http://other.example.org"
NAMED: Data = {"firstname": "A", "lastname": "B"}
ANNA: Data = {"idnumber": 1, "username": "anna", **NAMED}
TOM: Data = {"idnumber": 9, "username": "tom", **NAMED}
SECTION: Data = {"idnumber": 5, "name": "Algebra", "segment": 1}
PUPIL: Data = {"sectionid": "5", "userid": "1", "role": "student"}
QUIZ: Data = {"sectionid": "5", "idnumber": 7, "name": "Quiz", "pointval": 68}
GRADE: Data = {"assessmentid": 7, "userid": 1, "points_earned": 62}
PLAIN_SECTION: Event = ("new_section", {"idnumber": 5, "name": "S", "segment": 1})

TERMS: dict[str, list[Event]] = {
    "the idnumber stands only in the older event": [
        ("fetch_user", {"idnumber": 1, "username": "a", **NAMED}),
        ("fetch_user", {"username": "a", **NAMED}),
    ],
    "the username stands only in older events": [
        ("fetch_user", {"idnumber": 1, "username": "a", **NAMED}),
        ("fetch_user", {"idnumber": 1, "username": "b", **NAMED}),
        ("fetch_user", {"idnumber": 1, **NAMED}),
    ],
    "a teacher whom only the section names is ended": [
        ("fetch_user", {"idnumber": 9, "username": "t", **NAMED}),
        PLAIN_SECTION,
        ("new_section", {"idnumber": 5, "name": "S", "segment": 1, "teacheridnumber": 9}),
        ("end_enrolment", {"sectionid": 5, "userid": 9, "role": "teacher"}),
    ],
    "a person gets a real idnumber": [
        ("fetch_user", {"idnumber": "#42", "username": "a", **NAMED}),
        PLAIN_SECTION,
        ("new_enrolment", {"sectionid": 5, "userid": "#42", "role": "student"}),
        ("fetch_user", {"idnumber": 1, "moodleid": 42, "username": "a", **NAMED}),
    ],
    "a section gets a real idnumber": [
        ("fetch_user", {"idnumber": 1, "username": "a", **NAMED}),
        ("new_section", {"idnumber": "#3", "name": "S"}),
        ("new_enrolment", {"sectionid": "#3", "userid": 1, "role": "student"}),
        ("new_section", {"idnumber": 5, "moodleid": 3, "name": "S"}),
    ],
    "an assessment gets a real idnumber": [
        ("fetch_user", {"idnumber": 1, "username": "a", **NAMED}),
        PLAIN_SECTION,
        ("new_assessment", {**QUIZ, "idnumber": "#7"}),
        ("new_grade", {**GRADE, "assessmentid": "#7"}),
        ("new_assessment", {**QUIZ, "moodleid": 7}),
    ],
    "an ending of every role before the second role": [
        ("fetch_user", {"idnumber": 1, "username": "a", **NAMED}),
        PLAIN_SECTION,
        ("new_enrolment", PUPIL),
        ("end_enrolment", {"sectionid": 5, "userid": 1}),
    ],
}


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    school = School.open(f"sqlite:///{tmp_path / 's.sqlite'}", A, B, match_username=True)
    yield school
    school.database.close()


@pytest.mark.parametrize("name", TERMS)
def test_repeated_in_any_order_it_is_the_same_store(name: str) -> None:
    told = TERMS[name]
    term = [(e, {**d, "timemodified": NOW + n, "seq": n}) for n, (e, d) in enumerate(told)]
    expected = store_after(term)
    assert expected["waiting"] == []
    assert store_after([*term, *term]) == expected
    for order in itertools.permutations(term):
        assert store_after(list(order)) == expected


def test_a_teacher_named_by_the_section_and_enrolled_stays_when_another_is_named(
    school: School,
) -> None:
    school.push_all([("fetch_user", TOM), ("fetch_user", ANNA)])
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("new_enrolment", sectionid=5, userid=9, role="teacher")
    school.push("new_section", **SECTION, teacheridnumber=1)
    assert school.enrolments()["5", "9", "teacher"] == "a"


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("end_enrolment", {"sectionid": 77, "userid": 1}),
        ("end_enrolment", {"sectionid": 5, "userid": 1}),
        ("delete_grade", {"assessmentid": 7, "userid": 1}),
    ],
)
def test_a_refused_event_leaves_no_link_to_another_peers_person(
    school: School, event: str, data: Data
) -> None:
    school.push("fetch_user", A, **ANNA)
    school.push("new_section", B, **SECTION)
    school.push("new_assessment", B, **QUIZ)
    before = school.counts()
    assert school.fault(event, B, **data)[0] == 8404
    assert school.counts() == before


def test_an_enrolment_by_idnumber_completes_the_link_found_by_username(school: School) -> None:
    school.push("fetch_user", A, **ANNA)
    school.push("fetch_user", B, username="anna", **NAMED)
    school.push("new_section", B, **SECTION)
    school.push("new_enrolment", B, **PUPIL)
    school.push("fetch_user", B, **ANNA)  # no conflict with itself
    assert [link["peer"] for link in school.people()[0]["links"]] == [A, B]


def test_as_of_an_assessment_stands_where_it_stood_then(school: School) -> None:
    other = {**SECTION, "idnumber": 6}
    for event, data in (
        ("fetch_user", ANNA),
        ("new_section", SECTION),
        ("new_section", other),
        ("new_assessment", QUIZ),
        ("new_grade", GRADE),
    ):
        school.push(event, **data, timemodified=NOW)
    school.push("new_assessment", **{**QUIZ, "sectionid": 6}, timemodified=NOW + 10)
    assert school.grades("5", at=NOW + 5) == {("7", "1"): 62}
    assert school.grades("6", at=NOW + 5) == {}
    assert (school.grades("5"), school.grades("6")) == ({}, {("7", "1"): 62})


def test_a_repeated_grade_is_unchanged_though_its_points_would_be_refused_now(
    tmp_path: Path,
) -> None:
    school = School.open(f"sqlite:///{tmp_path / 'r.sqlite'}", A, out_of_range="reject")
    for event, data in (
        ("fetch_user", ANNA),
        ("new_section", SECTION),
        ("new_assessment", QUIZ),
        ("new_grade", GRADE),
    ):
        school.push(event, **data, timemodified=NOW)
    school.push("new_assessment", **{**QUIZ, "pointval": 10}, timemodified=NOW + 1)
    assert school.status("new_grade", **GRADE, timemodified=NOW) == "unchanged"
    school.database.close()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3)
)
FIELD_NAMES = st.sampled_from(
    ["idnumber", "username", "firstname", "lastname", "email", "name", "segment", "sectionid",
     "userid", "role", "status", "suspended", "timestart", "assessmentid", "points_earned",
     "pointval", "excepted", "attempt_num", "timemodified", "seq", "to", "moodleid",
     "password_hash", "chapternum", "extra_credit", "anything"]
)  # fmt: skip


@given(data=st.dictionaries(FIELD_NAMES, VALUES) | VALUES)
def test_whatever_is_sent_reading_it_gives_an_event_or_malformed(data: object) -> None:
    readers: tuple[Callable[[fields.Fields], object], ...] = (
        fields.user,
        lambda f: fields.section(f, deleted=False),
        lambda f: fields.enrolment(f, {}, ended=False),
        lambda f: fields.assessment(f, deleted=False),
        lambda f: fields.grade(f, deleted=False),
        lambda f: fields.grade(f, deleted=True),
    )
    for reader in readers:
        with suppress(Malformed):
            reader(fields.Fields("event", data))


@pytest.mark.parametrize("given_points", ["1_000", "١٢", "1,5", "0x10", "", "1e9999", "NaN"])
def test_only_plain_numbers_are_points(given_points: str) -> None:
    data = {**QUIZ, "pointval": given_points}
    with pytest.raises(Malformed, match="pointval"):
        fields.assessment(fields.Fields("new_assessment", data), deleted=False)
