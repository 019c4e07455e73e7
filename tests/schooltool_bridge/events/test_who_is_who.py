"""Whom a peer's event means: ids, user names and links of several peers, and what is a conflict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peers import accounts
from peers.policy import BadPolicy, PeerPolicy
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.people import person_story
from tests.helpers.school import ANNA, GRADE, PUPIL, QUIZ, SECTION, TOM, A, B, School


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def term(school: School) -> School:
    return school.begin_term()


@pytest.mark.requirement("R19")
def test_ids_of_two_peers_are_two_things(term: School) -> None:
    term.push("new_section", B, **{**SECTION, "name": "Theirs"})
    assert [(s["peer"], s["name"]) for s in term.sections()] == [(A, "Algebra"), (B, "Theirs")]
    assert term.status("new_grade", B, **GRADE) == "held"
    assert term.fault("delete_assessment", B, idnumber=7)[0] == 8404
    assert term.status("new_enrolment", B, **PUPIL) == "created"
    assert len(term.people()[0]["links"]) == 2


@pytest.mark.requirement("R39", "R39c")
def test_a_person_of_two_peers_follows_the_first(term: School) -> None:
    assert (
        term.status("fetch_user", B, **{**ANNA, "username": "am", "firstname": "X"}) == "unchanged"
    )
    person = term.people()[0]
    assert (person["firstname"], person["username"]) == ("Anna", "anna")
    assert {link["username"] for link in person["links"]} == {"anna", "am"}
    assert len(term.people()) == 1


@pytest.mark.requirement("R39b")
def test_the_same_username_of_somebody_else_gets_a_suffix(term: School) -> None:
    other = {**ANNA, "idnumber": 2}
    assert term.status("fetch_user", B, **other) == "created"
    assert {p["username"] for p in term.people()} == {"anna", "anna.other.example.org"}


def test_a_username_is_matched_only_when_the_policy_says_so(tmp_path: Any) -> None:
    school = School.open(f"sqlite:///{tmp_path}/s.sqlite", A, B, match_username=True)
    school.push("fetch_user", A, username="Anna", firstname="A", lastname="B")
    assert school.status("fetch_user", B, **ANNA) in ("updated", "unchanged")
    assert [p["idnumber"] for p in school.people()] == ["1"]
    assert school.fault("fetch_user", B, **{**ANNA, "idnumber": 2, "username": "anna"})[0] == 8409
    with school.database.write() as connection:
        accounts.add(connection, "boss", "long enough", one_time=True, now_unix_s=1)
    assert school.fault("fetch_user", A, **{**ANNA, "idnumber": 3, "username": "BOSS"})[0] == 8409
    school.database.close()


def test_an_admins_name_is_never_given_to_a_pushed_person(term: School) -> None:
    with term.database.write() as connection:
        accounts.add(connection, "admin", "long enough", one_time=True, now_unix_s=1)
    term.push("fetch_user", **{**TOM, "username": "Admin"})
    assert "Admin.moodle.example.org" in {p["username"] for p in term.people()}


@pytest.mark.requirement("R39e", "E7")
def test_a_rename_follows_the_link(term: School) -> None:
    assert term.status("fetch_user", **{**ANNA, "username": "anna2"}) == "updated"
    assert [p["username"] for p in term.people()] == ["anna2"]
    assert len(term.people()) == 1


@pytest.mark.requirement("R39d")
def test_a_policy_says_which_fields_are_names(tmp_path: Any) -> None:
    school = School.open(
        f"sqlite:///{tmp_path}/s.sqlite", A, names="firstname=alternatename, email="
    )
    told = {**ANNA, "alternatename": "Änne", "email": "a@x.org"}
    assert school.status("fetch_user", **told) == "created"
    school.push("fetch_user", **{**TOM, "alternatename": ""})
    assert {(p["firstname"], p["email"]) for p in school.people()} == {("Änne", ""), ("Tom", "")}
    for wrong in ("username=x", "firstname=", "email", "lastname=password", "lastname=a b"):
        with pytest.raises(BadPolicy, match="names is firstname"):
            PeerPolicy.from_stored({"names": wrong})
    school.database.close()


def test_the_link_alone_finds_a_person_by_username(term: School) -> None:
    assert term.status("fetch_user", username="ANNA", firstname="Anna", lastname="B") == "updated"
    assert len(term.people()) == 1


@pytest.mark.requirement("R39b", "E2")
def test_two_people_claiming_one_username_at_one_peer_is_a_conflict(term: School) -> None:
    before = term.counts()
    code, _text = term.fault("fetch_user", **{**TOM, "username": "anna"})
    assert code == 8409
    assert term.counts() == before
    assert [i["status"] for i in term.inbox()] == ["conflict"]
    # The name becomes free, and the conflict settles itself.
    term.push("fetch_user", **{**ANNA, "username": "anna2"})
    assert term.inbox() == []
    assert {p["username"] for p in term.people()} == {"anna", "anna2"}


def test_a_moodles_own_id_is_its_own_and_moves_to_the_real_one(school: School) -> None:
    school.push("fetch_user", **{**ANNA, "idnumber": "#42"})
    assert school.people()[0]["idnumber"] is None
    school.push("new_section", idnumber="#3", name="Algebra")
    school.push("new_enrolment", sectionid="#3", userid="#42", role="student")
    school.push("fetch_user", **{**ANNA, "moodleid": 42})
    school.push("new_section", idnumber=5, name="Algebra", moodleid=3)
    assert school.enrolments() == {("5", "1", "student"): "a"}
    assert len(school.people()) == 1
    assert school.status("new_enrolment", B, sectionid="x", userid="#42", role="student") == "held"


ANNA_42: dict[str, Any] = {**ANNA, "moodleid": 42}
NEW: dict[str, Any] = {"username": "anna", "firstname": "New", "lastname": "Pupil"}


def names(school: School) -> dict[str | None, tuple[str, list[str | None]]]:
    """First name, and what the peers call them, by our idnumber."""
    return {
        p["idnumber"]: (p["firstname"], [link["username"] for link in p["links"]])
        for p in school.people()
    }


@pytest.mark.requirement("R39")
def test_a_corrected_idnumber_is_an_update_when_moodles_own_id_says_so(term: School) -> None:
    term.push("fetch_user", **ANNA_42)
    term.push("new_grade", **GRADE)
    assert term.status("fetch_user", **{**ANNA_42, "idnumber": "1b"}) == "updated"
    assert names(term) == {"1b": ("Anna", ["anna"])}
    assert term.status("fetch_user", **{**ANNA_42, "idnumber": "1b"}) == "unchanged"
    assert term.enrolments() == {("5", "1b", "student"): "a"}
    assert term.status("new_grade", **{**GRADE, "userid": "1b"}) == "unchanged"
    # And the name together with it.
    changed = {**ANNA_42, "idnumber": "1c", "username": "anna2"}
    assert term.status("fetch_user", **changed) == "updated"
    assert names(term) == {"1c": ("Anna", ["anna2"])}
    # What it was before is free.
    assert term.status("fetch_user", **{**TOM, "idnumber": "1"}) == "created"
    assert term.inbox() == []


@pytest.mark.requirement("R39")
def test_without_moodles_own_id_or_with_another_it_is_no_correction(term: School) -> None:
    term.push("fetch_user", **ANNA_42)
    before = term.counts()
    for more in ({}, {"moodleid": None}, {"moodleid": 43, "idnumber": 1}):
        code, _text = term.fault("fetch_user", **{**ANNA, "idnumber": "2", **more})
        assert code == 8409, more
    assert term.counts() == before
    assert names(term) == {"1": ("Anna", ["anna"])}


@pytest.mark.requirement("R39")
def test_a_number_that_somebody_else_has_is_never_taken(term: School) -> None:
    term.push("fetch_user", **ANNA_42)
    term.push("fetch_user", **{**TOM, "moodleid": 43})
    assert term.fault("fetch_user", **{**ANNA_42, "idnumber": 9})[0] == 8409  # there
    term.push("fetch_user", B, **{**TOM, "idnumber": 77})
    assert term.fault("fetch_user", **{**ANNA_42, "idnumber": 77})[0] == 8409  # here
    assert set(names(term)) == {"1", "9", "77"}
    # An older word says nothing of what stands now.
    told = {**ANNA_42, "idnumber": 9, "timemodified": 5}
    assert term.status("fetch_user", **told) == "unchanged"


def test_moodles_own_id_is_learnt_by_an_event_that_says_nothing_else(term: School) -> None:
    assert term.status("fetch_user", **ANNA_42) == "unchanged"
    assert term.status("fetch_user", **{**ANNA_42, "idnumber": "2"}) == "updated"
    timed = {**TOM, "timemodified": 100}
    term.push("fetch_user", **timed)
    assert term.status("fetch_user", **timed, moodleid=43) == "unchanged"
    assert term.status("new_enrolment", **{**PUPIL, "userid": "#43"}) == "created"


@pytest.mark.requirement("R39b")
def test_a_name_given_again_never_speaks_of_the_one_who_had_it(term: School) -> None:
    term.push("fetch_user", **ANNA_42)
    assert term.status("fetch_user", **NEW, idnumber=2, moodleid=43) == "created"
    assert names(term) == {"1": ("Anna", [None]), "2": ("New", ["anna"])}
    # A landing tells the user name alone.
    assert term.status("fetch_user", **NEW) == "unchanged"
    term.push("new_enrolment", **{**PUPIL, "userid": 2})
    term.push("new_grade", **{**GRADE, "userid": 2, "points_earned": 3})
    assert term.grades() == {("7", "2"): 3}
    # Whoever had it may come back under another one.
    assert term.status("fetch_user", **{**ANNA_42, "username": "anna.old"}) == "updated"
    assert names(term)["1"] == ("Anna", ["anna.old"])
    # Told too late, that she has it is old.
    late = {**NEW, "idnumber": 3, "moodleid": 44, "timemodified": 7}
    assert term.status("fetch_user", **late) == "created"
    assert names(term)["3"] == ("New", [None])


def test_an_id_number_given_again_waits_for_a_person(term: School) -> None:
    term.push("fetch_user", **ANNA_42)
    assert term.fault("fetch_user", **{**NEW, "username": "n"}, idnumber=1, moodleid=43)[0] == 8409
    assert names(term) == {"1": ("Anna", ["anna"])}


def test_who_is_matched_by_policy_is_nobody_with_another_id_of_moodles(tmp_path: Any) -> None:
    school = School.open(f"sqlite:///{tmp_path}/s.sqlite", A, match_username=True)
    school.push("fetch_user", **{**ANNA_42, "idnumber": ""})
    assert school.status("fetch_user", **NEW, moodleid=43) == "created"
    assert {p["firstname"] for p in school.people()} == {"Anna", "New"}
    school.database.close()


@pytest.mark.requirement("R39")
def test_a_landing_says_nothing_of_the_idnumber(term: School) -> None:
    term.push("fetch_user", **ANNA_42)
    landed = {name: ANNA[name] for name in ("username", "firstname", "lastname")}
    history = term.counts()["person_history"]
    for _time in range(3):
        assert term.status("fetch_user", **landed) == "unchanged"
    assert term.counts()["person_history"] == history
    term.push("fetch_user", **{**landed, "firstname": "Änne"})
    person_id = term.read(lambda c: find_person(c, "1"))
    told = [line.what for line in term.read(lambda c: person_story.story(c, person_id))]
    assert told[0] == "First name “Anna” became “Änne”."
    assert not [what for what in told if "taken away" in what]
    assert term.people()[0]["idnumber"] == "1"


@pytest.mark.requirement("R39")
def test_a_teacher_whose_number_is_corrected_still_teaches(school: School) -> None:
    school.push("fetch_user", **ANNA_42)
    school.push("new_section", **SECTION, teacheridnumber=1)
    then = school.now
    school.push("fetch_user", **{**ANNA_42, "idnumber": "1b"})
    school.push("new_section", **{**SECTION, "name": "Algebra II"}, teacheridnumber="1b")
    for at in (None, then, school.now):
        assert school.enrolments(at=at) == {("5", "1b", "teacher"): "a"}, at
    school.push("fetch_user", **TOM)
    school.push("new_section", **SECTION, teacheridnumber=9)
    assert school.enrolments() == school.enrolments(at=school.now)
    assert school.enrolments()[("5", "1b", "teacher")] == "w"


@pytest.mark.requirement("R39")
def test_corrected_numbers_of_sections_and_assessments_move_them(term: School) -> None:
    term.push("new_section", **SECTION, moodleid=3)
    term.push("new_assessment", **QUIZ, moodleid=8)
    term.push("new_grade", **GRADE)
    assert term.status("new_section", **{**SECTION, "idnumber": "5b"}, moodleid=3) == "unchanged"
    quiz = {**QUIZ, "sectionid": "5b", "idnumber": "7b"}
    assert term.status("new_assessment", **quiz, moodleid=8) == "unchanged"
    assert [s["idnumber"] for s in term.sections()] == ["5b"]
    assert term.grades("5b") == {("7b", "1"): 62}
    # An older word of the former number is of the same one, and changes nothing.
    old = {**SECTION, "moodleid": 3, "timemodified": 9}
    assert term.status("new_section", **old) == "unchanged"
    assert term.status("new_assessment", **{**quiz, "idnumber": 7}, moodleid=8, timemodified=9) == "unchanged"  # fmt: skip
    assert [s["idnumber"] for s in term.sections()] == ["5b"]
    assert term.status("delete_section", idnumber="5c", moodleid=3) == "updated"


@pytest.mark.requirement("R61")
@pytest.mark.parametrize("is_known", [True, False])
def test_an_idnumber_that_a_copied_courses_item_has_now_is_another_item(
    term: School, is_known: bool
) -> None:
    term.push("new_section", **SECTION, moodleid=3)
    term.push("new_assessment", **QUIZ, moodleid=8)
    term.push("new_grade", **GRADE)
    term.push("new_section", **{**SECTION, "idnumber": 6, "name": "Algebra, again"}, moodleid=4)
    copied = {**QUIZ, "sectionid": 6}
    if is_known:
        term.push("new_assessment", **{**copied, "idnumber": "#9"}, moodleid=9)
        term.push("new_grade", **{**GRADE, "assessmentid": "#9", "points_earned": 5})
    term.push("delete_section", idnumber=5)
    assert term.status("new_assessment", **copied, moodleid=9) == ("unchanged" if is_known else "created")  # fmt: skip
    assert term.grades("5") == {("#8", "1"): 62}
    assert term.grades("6") == ({("7", "1"): 5} if is_known else {})
    # Restored under its idnumber in its own section, it is the same one.
    assert term.status("new_assessment", **copied, moodleid=10) == "unchanged"
    assert len(term.grades("6")) == is_known


@pytest.mark.requirement("R61", "R89")
def test_grades_of_an_item_whose_section_is_not_there_yet_reach_no_former_one(term: School) -> None:
    term.push("new_section", **SECTION, moodleid=3)
    term.push("new_assessment", **QUIZ, moodleid=8)
    term.push("new_grade", **GRADE)
    term.push("delete_section", idnumber=5)
    copied = {**QUIZ, "sectionid": 6}
    assert term.status("new_assessment", **copied, moodleid=9) == "held"
    assert term.status("new_grade", **{**GRADE, "points_earned": 5}) == "held"
    term.push("new_section", **{**SECTION, "idnumber": 6}, moodleid=4)
    assert term.grades("5") == {("#8", "1"): 62}
    assert term.grades("6") == {("7", "1"): 5}
