"""Conflicts about people, decided by a person: one person, or two; and what follows at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers import accounts, audit
from peers.audit import By
from peers.changes import set_policy
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events.inbox import CONFLICT
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.hand import people
from schooltool_bridge.hand.people import Names
from schooltool_bridge.hand.resolving import Decided
from schooltool_bridge.history.author import Author
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig

A, B = "http://moodle.example.org", "http://other.example.org"
ANNA: dict[str, Any] = {"idnumber": "1", "username": "anna", "firstname": "Anna", "lastname": "L"}
AUTHOR = Author("carl", START_UNIX_S + 60, "asked them")


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        yield made


@pytest.fixture
def peers(rig: Rig) -> tuple[FakePeer, FakePeer]:
    """Anna is known from A, and sits in Biology there."""
    both = rig.add(A), rig.add(B)
    push(rig, both[0], "fetch_user", **ANNA)
    push(rig, both[0], "new_section", idnumber="5", name="Biology")
    return both


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> Any:
    answer: Any = rig.call(peer, SIS + event, data)
    return answer["status"] if isinstance(answer, dict) else answer.code


def the_conflict(rig: Rig) -> int:
    with rig.app.database.read() as connection:
        (entry,) = find_events(connection, statuses=[CONFLICT])
    return entry.id


def decide(rig: Rig, **how: Any) -> Decided:
    return rig.app.resolving.decide(the_conflict(rig), author=AUTHOR, **how)


def waiting(rig: Rig) -> list[str]:
    with rig.app.database.read() as connection:
        return [e.event for e in find_events(connection)]


def known(rig: Rig) -> dict[str, Any]:
    """Each person's idnumber by user name, with that of the records merged into it."""
    with rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.people(connection)
    return {
        r["username"]: [r["idnumber"], *(m["idnumber"] for m in r.get("merged", []))] for r in rows
    }


def enrolled(rig: Rig) -> set[str]:
    with rig.app.database.read() as connection:
        return {str(r["person"]) for r in lists.enrolments(connection)}


def name_taken_over(rig: Rig, peer: FakePeer) -> None:
    """The peer says that the user name of number 1 is that of number 2 now."""
    push(rig, peer, "new_enrolment", sectionid="5", userid="2", role="student")
    assert push(rig, peer, "fetch_user", **{**ANNA, "idnumber": "2"}) == 8409
    assert sorted(waiting(rig)) == ["fetch_user", "new_enrolment"]


def test_another_number_under_a_known_name_is_the_same_person(rig: Rig, peers: Any) -> None:
    name_taken_over(rig, peers[0])
    done = decide(rig)
    assert (done.entry.status, done.released) == ("done", 1)
    assert waiting(rig) == []
    assert known(rig) == {"anna": ["1"]}
    assert enrolled(rig) == {"1"}
    # Neither name raises it again, and the school's number stays the school's.
    assert (
        push(rig, peers[0], "fetch_user", **{**ANNA, "idnumber": "2", "lastname": "M"}) == "updated"
    )
    assert push(rig, peers[0], "fetch_user", **{**ANNA, "lastname": "N"}) == "updated"
    assert (
        push(rig, peers[1], "fetch_user", **{**ANNA, "idnumber": "2", "username": "x"}) == "created"
    )
    assert known(rig) == {"anna": ["1"], "x": ["2"]}


@pytest.mark.requirement("R39b")
def test_another_number_under_a_known_name_is_somebody_else(rig: Rig, peers: Any) -> None:
    name_taken_over(rig, peers[0])
    decide(rig, keep_apart=True)
    assert waiting(rig) == []
    assert known(rig) == {"anna": ["1"], "anna.moodle.example.org": ["2"]}
    assert enrolled(rig) == {"2"}
    assert (
        push(rig, peers[0], "fetch_user", **{**ANNA, "idnumber": "2", "lastname": "M"}) == "updated"
    )
    # Who had the name before comes with another one.
    assert push(rig, peers[0], "fetch_user", **{**ANNA, "username": "anna1"}) == "updated"
    assert set(known(rig)) == {"anna1", "anna.moodle.example.org"}


def two_claim_a_name(rig: Rig, peer: FakePeer) -> None:
    push(
        rig, peer, "fetch_user", **{**ANNA, "idnumber": "2", "username": "tom", "firstname": "Tom"}
    )
    assert push(rig, peer, "fetch_user", **{**ANNA, "idnumber": "2"}) == 8409


@pytest.mark.requirement("R39b")
def test_two_known_people_claim_one_name_and_are_one(rig: Rig, peers: Any) -> None:
    two_claim_a_name(rig, peers[0])
    with pytest.raises(Refused, match="one of 2, 1"):
        decide(rig)
    decide(rig, kept_id=1)
    assert (waiting(rig), known(rig)) == ([], {"anna": ["1", "2"]})
    assert push(rig, peers[0], "fetch_user", **{**ANNA, "idnumber": "2", "lastname": "M"}) in (
        "updated",
        "unchanged",
    )


def test_two_known_people_claim_one_name_and_are_two(rig: Rig, peers: Any) -> None:
    two_claim_a_name(rig, peers[0])
    decide(rig, keep_apart=True)
    assert waiting(rig) == []
    assert sorted(known(rig).values()) == [["1"], ["2"]]
    assert (
        push(rig, peers[0], "fetch_user", **{**ANNA, "idnumber": "2", "lastname": "M"}) == "updated"
    )


def number_of_somebody_else(rig: Rig, peer: FakePeer) -> None:
    """B knew Otto without a number; now it gives him the one that is Anna's at the school."""
    otto = {"idnumber": "#7", "username": "otto", "firstname": "Otto", "lastname": "O"}
    push(rig, peer, "fetch_user", **otto)
    assert push(rig, peer, "fetch_user", **{**otto, "idnumber": "1", "moodleid": 7}) == 8409


def test_a_number_of_somebody_else_is_the_peers_own_when_they_are_two(rig: Rig, peers: Any) -> None:
    number_of_somebody_else(rig, peers[1])
    decide(rig, keep_apart=True)
    assert waiting(rig) == []
    assert known(rig) == {"anna": ["1"], "otto": [None]}
    # Whatever B says of number 1 is about Otto from now on, also who teaches.
    push(rig, peers[1], "new_section", idnumber="8", name="Ours", teacheridnumber="1")
    push(rig, peers[1], "new_enrolment", sectionid="8", userid="1", role="student")
    assert enrolled(rig) == {"2"}
    with rig.app.database.read() as connection:
        then = lists.enrolments(connection, at_unix_s=START_UNIX_S + 600)
    assert {str(r["person"]) for r in then} == {"2"}
    assert (
        push(
            rig, peers[1], "fetch_user", idnumber="1", username="otto", firstname="O", lastname="P"
        )
        == "updated"
    )


def test_a_number_of_somebody_else_makes_them_one(rig: Rig, peers: Any) -> None:
    number_of_somebody_else(rig, peers[1])
    decide(rig, kept_id=1)
    assert (waiting(rig), known(rig)) == ([], {"anna": ["1", None]})


def test_a_changed_number_of_a_known_account_can_be_either(rig: Rig, peers: Any) -> None:
    push(rig, peers[0], "fetch_user", **{**ANNA, "moodleid": 42})
    assert push(rig, peers[0], "fetch_user", **{**ANNA, "idnumber": "3"}) == 8409
    decide(rig, keep_apart=True)
    assert waiting(rig) == []
    assert sorted(known(rig).values()) == [["1"], ["3"]]
    # The old number still is the first one's.
    push(rig, peers[0], "new_enrolment", sectionid="5", userid="1", role="student")
    assert enrolled(rig) == {"1"}


def test_a_name_matched_by_policy_is_never_an_admins(rig: Rig, peers: Any) -> None:
    with rig.app.database.write() as connection:
        accounts.add(connection, "boss", "long enough", one_time=True, now_unix_s=1)
        set_policy(connection, By("x", 1), 1, values={"match_username": "yes"})
    boss = {**ANNA, "idnumber": "4", "username": "boss"}
    assert push(rig, peers[0], "fetch_user", **boss) == 8409
    with pytest.raises(Refused, match="Nobody here"):
        decide(rig)
    decide(rig, keep_apart=True)
    assert waiting(rig) == []
    assert known(rig)["boss.moodle.example.org"] == ["4"]


def test_a_name_of_somebody_with_another_number_by_policy(rig: Rig, peers: Any) -> None:
    with rig.app.database.write() as connection:
        set_policy(connection, By("x", 1), 2, values={"match_username": "yes"})
    assert push(rig, peers[1], "fetch_user", **{**ANNA, "idnumber": "2"}) == 8409
    decide(rig)
    assert known(rig) == {"anna": ["1"]}
    push(rig, peers[1], "new_section", idnumber="8", name="Ours")
    push(rig, peers[1], "new_enrolment", sectionid="8", userid="2", role="student")
    assert enrolled(rig) == {"1"}


@pytest.mark.requirement("R39b")
def test_renaming_by_hand_lets_the_event_come_again(rig: Rig, peers: Any) -> None:
    number_of_somebody_else(rig, peers[1])
    with rig.app.database.write() as connection:
        people.change(connection, AUTHOR, 1, Names("anna", "Anna", "L", idnumber="10"))
    rig.app.resolving.retry(the_conflict(rig), author=Author("carl", START_UNIX_S))
    assert (waiting(rig), known(rig)) == ([], {"anna": ["10"], "otto": ["1"]})


def test_a_decision_is_in_the_audit_trail_and_only_for_conflicts(rig: Rig, peers: Any) -> None:
    name_taken_over(rig, peers[0])
    with rig.app.database.read() as connection:
        held = next(e.id for e in find_events(connection) if e.event == "new_enrolment")
    with pytest.raises(Refused, match="no conflict about people"):
        rig.app.resolving.decide(held, author=AUTHOR)
    decide(rig)
    with rig.app.database.read() as connection:
        first = audit.entries(connection)[0]
    assert (first.actor, first.action, first.detail["decision"]) == (
        "carl",
        "conflict decided",
        "one person",
    )
