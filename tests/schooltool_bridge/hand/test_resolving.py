"""Resolving the inbox by hand: what a retry leads to, who may, and its entry in the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnet.faults import NotFound, SwitchedOff
from peers import audit, changes, store
from peers.audit import By
from schooltool_bridge.events import inbox
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.hand import resolving
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig

MOODLE = "http://moodle.example.org"
WHO = By("carl", START_UNIX_S + 60)
PUPIL = {"sectionid": "5", "userid": "1", "role": "student"}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        yield made


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    return rig.add(MOODLE)


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> Any:
    return rig.call(peer, SIS + event, data)


def school(rig: Rig, peer: FakePeer) -> None:
    push(rig, peer, "fetch_user", idnumber="1", username="ada", firstname="Ada", lastname="L")
    push(rig, peer, "new_section", idnumber="5", name="Biology")


def policy(rig: Rig, **values: str) -> None:
    with rig.app.database.write() as connection:
        stored = store.find(connection, MOODLE)
        assert stored is not None
        changes.set_policy(connection, By("anna", START_UNIX_S), stored.id, values=values)


def peer_id(rig: Rig) -> int:
    found = rig.app.registry.find(MOODLE)
    assert found is not None
    return found.id


def waiting(rig: Rig) -> list[tuple[int, str, str]]:
    with rig.app.database.read() as connection:
        return [(e.id, e.event, e.status) for e in reversed(find_events(connection))]


def trail(rig: Rig) -> list[tuple[str, str, str, dict[str, object]]]:
    with rig.app.database.read() as connection:
        entries = audit.entries(connection, subject=MOODLE)
    return [(e.actor, e.action, e.subject, dict(e.detail)) for e in entries if e.actor == "carl"]


def test_what_is_applied_at_last_takes_along_what_waited_for_it(rig: Rig, moodle: FakePeer) -> None:
    school(rig, moodle)
    push(rig, moodle, "end_enrolment", sectionid="5", userid="1", timemodified=START_UNIX_S + 9)
    push(
        rig, moodle, "new_enrolment", **PUPIL | {"role": "pupil"}, timemodified=START_UNIX_S
    )  # a role not known here
    (ending, *_), (starting, *_) = waiting(rig)
    still = rig.app.resolving.retry(starting, author=WHO)
    assert (still.entry.status, still.released) == ("rejected", 0)
    assert "pupil" in still.entry.reason
    policy(rig, roles="pupil=student")
    done = rig.app.resolving.retry(starting, author=WHO)
    assert (done.entry.status, done.released) == ("done", 1)
    assert waiting(rig) == []
    with rig.app.database.read() as connection:
        ended = inbox.one(connection, ending)
    assert ended is not None
    assert ended.status == "done"
    told = [detail["status"] for _who, action, _peer, detail in trail(rig)]
    assert told == ["done", "rejected"]


def test_all_that_a_peer_has_held_is_tried_again_a_bounded_number_at_a_time(
    rig: Rig, moodle: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving, "MAX_AT_ONCE", 2)
    push(rig, moodle, "new_enrolment", **PUPIL, timemodified=START_UNIX_S)
    for missing in ("8", "9"):
        push(rig, moodle, "new_enrolment", **PUPIL | {"sectionid": missing})
    policy(rig, accept_enrolments="no")
    school(rig, moodle)
    assert len(waiting(rig)) == 3, "switched off, so that what came could release nothing"
    policy(rig, accept_enrolments="yes")
    first = rig.app.resolving.retry_held(peer_id(rig), author=WHO)
    assert (first.by_status, first.left) == ({"done": 1, "held": 1}, 1)
    second = rig.app.resolving.retry_held(peer_id(rig), after_id=first.last_id, author=WHO)
    assert (second.by_status, second.left) == ({"held": 1}, 0)
    over = rig.app.resolving.retry_held(peer_id(rig), after_id=second.last_id, author=WHO)
    assert (over.by_status, over.left, over.last_id) == ({}, 0, second.last_id)
    assert trail(rig) == [
        ("carl", "held events retried", MOODLE, {"held": 1}),
        ("carl", "held events retried", MOODLE, {"done": 1, "held": 1}),
    ]


def test_held_events_of_other_peers_stay_as_they_are(rig: Rig, moodle: FakePeer) -> None:
    other = rig.add("http://other.example.org")
    push(rig, other, "new_enrolment", **PUPIL)
    school(rig, moodle)
    assert rig.app.resolving.retry_held(peer_id(rig), author=WHO).by_status == {}
    assert [status for *_rest, status in waiting(rig)] == ["held"]
    assert trail(rig) == []


@pytest.mark.parametrize("state", [store.DISABLED, store.DELETED, "policy"])
def test_nothing_of_a_peer_that_may_not_send_it_is_applied(
    rig: Rig, moodle: FakePeer, state: str
) -> None:
    push(rig, moodle, "new_enrolment", **PUPIL)
    ((number, *_),) = waiting(rig)
    known = peer_id(rig)
    if state == "policy":
        policy(rig, accept_enrolments="no")
    else:
        with rig.app.database.write() as connection:
            store.set_state(connection, known, state)
    remedy = {store.DISABLED: "enable it", store.DELETED: "add it again", "policy": "allow it"}
    with pytest.raises((NotFound, SwitchedOff), match=remedy[state]):
        rig.app.resolving.retry(number, author=WHO)
    if state != "policy":
        with pytest.raises((NotFound, SwitchedOff), match=remedy[state]):
            rig.app.resolving.retry_held(known, author=WHO)
    assert trail(rig) == []
    assert [status for *_rest, status in waiting(rig)] == ["held"]
    # Taking it out of the way is always possible.
    assert rig.app.resolving.dismiss(number, author=WHO).event == "new_enrolment"
    assert waiting(rig) == []


def test_an_event_is_settled_once(rig: Rig, moodle: FakePeer) -> None:
    push(rig, moodle, "new_enrolment", **PUPIL)
    ((number, *_),) = waiting(rig)
    rig.app.resolving.dismiss(number, author=WHO)
    for settle in (rig.app.resolving.dismiss, rig.app.resolving.retry):
        with pytest.raises(NotFound, match=f"no open event {number}"):
            settle(number, author=WHO)
    assert trail(rig) == [
        ("carl", "event dismissed", MOODLE, {"event": "new_enrolment", "id": number, "was": "held"})
    ]
