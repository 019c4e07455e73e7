"""Whom a peer's event means: ids, user names and links of several peers, and what is a conflict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peers import accounts
from peers.policy import BadPolicy, PeerPolicy
from tests.schooltool_bridge.school import (
    ANNA,
    GRADE,
    PUPIL,
    SECTION,
    TOM,
    A,
    B,
    School,
)


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def term(school: School) -> School:
    return school.begin_term()


def test_ids_of_two_peers_are_two_things(term: School) -> None:
    term.push("new_section", B, **{**SECTION, "name": "Theirs"})
    assert [(s["peer"], s["name"]) for s in term.sections()] == [(A, "Algebra"), (B, "Theirs")]
    assert term.status("new_grade", B, **GRADE) == "held"
    assert term.fault("delete_assessment", B, idnumber=7)[0] == 8404
    assert term.status("new_enrolment", B, **PUPIL) == "created"
    assert len(term.people()[0]["links"]) == 2


def test_a_person_of_two_peers_follows_the_first(term: School) -> None:
    assert (
        term.status("fetch_user", B, **{**ANNA, "username": "am", "firstname": "X"}) == "unchanged"
    )
    person = term.people()[0]
    assert (person["firstname"], person["username"]) == ("Anna", "anna")
    assert {link["username"] for link in person["links"]} == {"anna", "am"}
    assert len(term.people()) == 1


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


def test_a_rename_follows_the_link(term: School) -> None:
    assert term.status("fetch_user", **{**ANNA, "username": "anna2"}) == "updated"
    assert [p["username"] for p in term.people()] == ["anna2"]
    assert len(term.people()) == 1


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
