"""What one peer brings lets another peer's events come again: people belong to the school."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.exchange import Answer
from peers import store
from peers.audit import By
from peers.changes import set_policy
from schooltool_bridge.cli import lists
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.store.model import person_link
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig

A, B = "http://moodle.example.org", "http://other.example.org"
ADA: dict[str, Any] = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}
PUPIL: dict[str, Any] = {"sectionid": "5", "userid": "1", "role": "student"}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        made.add(A)
        made.add(B)
        yield made


def push(rig: Rig, peer: str, event: str, **data: Any) -> None:
    call(rig, peer, event, data)


def call(rig: Rig, peer: str, method: str, parameter: Any) -> None:
    """Call as a peer, and do what the server does after its answer."""
    fake: FakePeer = rig.peers[peer]
    answer: Answer = rig.app.exchange.answer(fake.request(rig.pem, SIS + method, [parameter]))
    for work in answer.afterwards:
        work()


def killed_after(rig: Rig, peer: str, event: str, **data: Any) -> None:
    """Push to a process that ends with its answer, before it does anything else."""
    rig.call(rig.peers[peer], SIS + event, data)


def waiting(rig: Rig) -> list[tuple[str, str, str]]:
    with rig.app.database.read() as connection:
        return [(e.wwwroot, e.event, e.status) for e in find_events(connection)]


def enrolled(rig: Rig) -> list[tuple[str, str]]:
    with rig.app.database.read() as connection:
        rows = lists.enrolments(connection)
    return [(str(r["person"]), str(r["code"])) for r in rows]


def test_what_waits_for_a_person_is_applied_when_another_peer_brings_them(rig: Rig) -> None:
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL)
    assert waiting(rig) == [(B, "new_enrolment", "held")]
    push(rig, A, "fetch_user", **ADA)
    assert waiting(rig) == []
    assert enrolled(rig) == [("1", "a")]


def test_many_events_at_once_free_other_peers_events_as_well(rig: Rig) -> None:
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL)
    bob = {**ADA, "idnumber": "2", "username": "bob"}
    pushed = [{"event": "fetch_user", "data": who} for who in (bob, ADA)]
    call(rig, A, "push_events", pushed)
    assert enrolled(rig) == [("1", "a")]


def test_an_idnumber_that_a_known_person_gets_frees_other_peers_events(rig: Rig) -> None:
    push(rig, A, "fetch_user", **{**ADA, "idnumber": "#42"})
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL)
    push(rig, A, "fetch_user", **ADA, moodleid=42)
    assert enrolled(rig) == [("1", "a")]


def test_a_person_who_appears_by_an_event_that_is_retried_frees_other_peers_events(
    rig: Rig,
) -> None:
    push(rig, A, "fetch_user", **ADA)
    push(rig, A, "fetch_user", **{**ADA, "idnumber": "2"})
    assert waiting(rig) == [(A, "fetch_user", "conflict")]
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL | {"userid": "2"})
    # Whoever had the name is called otherwise now, by which the first one comes again.
    push(rig, A, "fetch_user", **{**ADA, "username": "ada.l"})
    assert waiting(rig) == []
    assert enrolled(rig) == [("2", "a")]


def test_nothing_of_a_peer_that_is_switched_off_comes_again(rig: Rig) -> None:
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL)
    disabled(rig)
    push(rig, A, "fetch_user", **ADA)
    assert waiting(rig) == [(B, "new_enrolment", "held")]


def disabled(rig: Rig) -> None:
    found = rig.app.registry.find(B)
    assert found is not None
    with rig.app.database.write() as connection:
        store.set_state(connection, found.id, store.DISABLED)


def test_a_retry_by_hand_frees_other_peers_events(rig: Rig) -> None:
    # Two of one name, until the one by hand gives it up without anybody noticing.
    push(rig, A, "fetch_user", **ADA)
    push(rig, A, "fetch_user", **{**ADA, "idnumber": "2"})
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL | {"userid": "2"})
    with rig.app.database.write() as connection:
        links = sa.update(person_link).values(username="ada.l", username_key="ada.l")
        connection.execute(links)
        conflict = find_events(connection, statuses=["conflict"])[0]
    done = rig.app.resolving.retry(conflict.id, author=By("carl", START_UNIX_S))
    assert done.entry.status == "done"
    assert waiting(rig) == []
    assert enrolled(rig) == [("2", "a")]


def test_what_a_killed_process_left_waiting_comes_when_the_next_one_looks(rig: Rig) -> None:
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL)
    push(rig, B, "new_enrolment", **PUPIL | {"userid": "2"})
    killed_after(rig, A, "fetch_user", **ADA)
    assert waiting(rig) == [(B, "new_enrolment", "held")] * 2
    rig.app.resolving.release_missed()
    assert waiting(rig) == [(B, "new_enrolment", "held")], "nobody brought number 2"
    assert enrolled(rig) == [("1", "a")]


def test_a_conflict_that_a_killed_process_left_is_looked_at_and_frees_others(rig: Rig) -> None:
    found = rig.app.registry.find(B)
    assert found is not None
    with rig.app.database.write() as connection:
        by_name: dict[str, Any] = {"match_username": "yes"}
        set_policy(connection, By("x", 1), found.id, values=by_name)
    push(rig, A, "fetch_user", **ADA)
    push(rig, A, "new_section", idnumber="5", name="Biology")
    push(rig, A, "new_enrolment", **PUPIL | {"userid": "2"})
    push(rig, B, "fetch_user", **{**ADA, "idnumber": "2"})
    killed_after(rig, A, "fetch_user", **{**ADA, "username": "ada.l"})
    assert sorted(waiting(rig)) == [(A, "new_enrolment", "held"), (B, "fetch_user", "conflict")]
    rig.app.resolving.release_missed()
    assert waiting(rig) == []
    assert enrolled(rig) == [("2", "a")]


def test_nothing_of_a_peer_that_is_switched_off_is_looked_at(rig: Rig) -> None:
    push(rig, B, "new_section", idnumber="5", name="Biology")
    push(rig, B, "new_enrolment", **PUPIL)
    killed_after(rig, A, "fetch_user", **ADA)
    disabled(rig)
    rig.app.resolving.release_missed()
    assert waiting(rig) == [(B, "new_enrolment", "held")]
