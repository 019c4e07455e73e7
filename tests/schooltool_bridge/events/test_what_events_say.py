"""What an event has to say: fields, shapes, its addressee; and what a policy takes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.events import receiving as events
from schooltool_bridge.store.model import person_link
from tests.helpers.school import ANNA, GRADE, NOW, QUIZ, SECTION, US, A, B, School


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def term(school: School) -> School:
    return school.begin_term()


@pytest.mark.requirement("R48", "R49")
@pytest.mark.parametrize(
    ("event", "data", "says"),
    [
        ("new_section", {"idnumber": 5}, "name is missing"),
        ("new_section", {"name": "x"}, "idnumber is missing"),
        ("new_section", {"name": "", "idnumber": 5}, "name is empty"),
        ("new_section", {"name": ["x"], "idnumber": 5}, "name must be a text"),
        ("new_section", {"name": "x" * 1334, "idnumber": 5}, "name is longer"),
        ("new_section", {"name": "a\x07b", "idnumber": 5}, "name holds control"),
        ("new_section", {"name": "x", "idnumber": True}, "idnumber must be"),
        ("new_enrolment", {"sectionid": 5, "userid": 1}, "role is missing"),
        ("new_enrolment", {"sectionid": 5, "userid": 1, "role": "janitor"}, "'janitor'"),
        ("new_assessment", {**QUIZ, "pointval": "NaN"}, "pointval must be a number"),
        ("new_assessment", {**QUIZ, "pointval": -1}, "pointval is below zero"),
        ("new_assessment", {**QUIZ, "pointval": 1e300}, "pointval"),
        ("new_assessment", {**QUIZ, "extra_credit": "maybe"}, "extra_credit must be a boolean"),
        ("new_grade", {**GRADE, "points_earned": True}, "points_earned must be a number"),
        ("new_grade", {**GRADE, "attempt_num": -1}, "attempt_num must be a whole"),
        ("new_grade", {**GRADE, "timemodified": "soon"}, "timemodified must be a whole"),
        ("fetch_user", {"username": "x"}, "firstname is missing"),
        ("fetch_user", {"firstname": "x", "lastname": "y"}, "idnumber is missing"),
        ("nonsense", {}, "There is no event"),
    ],
)
def test_a_malformed_event_names_its_field_and_changes_nothing(
    term: School, event: str, data: dict[str, Any], says: str
) -> None:
    before = term.counts()
    code, text = term.fault(event, **data)
    assert code == 8400
    assert says in text
    assert term.counts() == before
    assert [i["reason"] for i in term.inbox("rejected")] == [text]


@pytest.mark.requirement("R37", "R38")
def test_php_shapes_are_taken(term: School) -> None:
    assert (
        term.status("new_section", idnumber=6.0, name="Php", teacheridnumber="", extra=[1])
        == "created"
    )
    item = {**QUIZ, "idnumber": "8", "pointval": "10", "extra_credit": "1", "honors_required": "",
            "nonhonors_required": "true", "chapternum": 3}  # fmt: skip
    assert term.status("new_assessment", **item) == "created"
    assert term.status("new_grade", assessmentid="8", userid="1", points_earned="9.50", excepted="0",
                       attempt_num="1") == "created"  # fmt: skip
    assert term.grades()["8", "1"] == 9.5


def test_an_event_for_another_site_is_refused_and_then_none_without_addressee(term: School) -> None:
    assert term.fault("new_grade", **GRADE, to="http://elsewhere.example.org")[0] == 8400
    assert term.status("new_grade", **GRADE, to=US + "/") == "created"
    source = term.sources[A]
    term.sources[A] = type(source)(
        source.peer_id, A, US, source.policy, enabled=True, names_addressee=True
    )
    code, text = term.fault("new_grade", **GRADE)
    assert (code, "to is missing" in text) == (8400, True)


@pytest.mark.requirement("R39a")
@pytest.mark.parametrize(
    ("hashed", "algorithm", "kept"),
    [
        ("5f4dcc3b5aa765d61d8327deb882cf99", "md5", True),
        ("$2y$10$" + "a" * 53, "bcrypt", True),
        ("$6$rounds=10000$salt$" + "a" * 86, "", True),
        ("hunter2", "plain", False),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "bcrypt", False),
    ],
)
def test_a_password_hash_is_wrapped_or_left(
    school: School, hashed: str, algorithm: str, kept: bool
) -> None:
    fields = {"password_hash": hashed, "password_hash_algorithm": algorithm}
    school.push("fetch_user", **ANNA, **fields)
    with school.database.read() as connection:
        wrapped = connection.execute(sa.select(person_link.c.password_wrapped)).scalar()
        everything = str(connection.execute(sa.text("SELECT * FROM person_history")).all())
    assert (wrapped or "").startswith("$argon2id$") == kept
    assert hashed not in everything
    assert school.people()[0]["can_login"] is False


@pytest.mark.requirement("E2")
def test_one_bad_event_of_many_never_spoils_the_others(school: School) -> None:
    pushed = [
        {"event": "fetch_user", "data": ANNA},
        {"event": "new_section", "data": {}},
        "junk",
        {"event": "nonsense", "data": {}},
        {"event": "new_section", "data": SECTION},
    ]
    with school.database.write() as connection:
        results, people, _names = events.receive_many(connection, school.source(A), pushed, NOW)
    assert [r["status"] for r in results] == ["created", "failed", "failed", "failed", "created"]
    assert [r.get("fault") for r in results] == [None, 8400, 8400, 8400, None]
    assert [p.username for p in people] == ["anna"]


@pytest.mark.parametrize("switch", ["accept_people", "accept_grades"])
def test_a_policy_switches_events_off(tmp_path: Any, switch: str) -> None:
    school = School.open(f"sqlite:///{tmp_path}/s.sqlite", A, **{switch: False})
    event, data = ("fetch_user", ANNA) if switch == "accept_people" else ("new_grade", GRADE)
    code, text = school.fault(event, **data)
    assert (code, switch in text) == (8403, True)
    assert school.inbox() == []
    school.database.close()
