"""What is to be asked after an answer: remembered, done once, put off while a peer is silent."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.slow_work import ForSite
from mnet.xmlrpc import FaultResponse, Value
from peers import store
from peers.registry import Peer
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import erasing
from schooltool_bridge.store.errands import (
    ENROLMENTS,
    FIRST_WAIT_S,
    LEASE_S,
    MAX_WAIT_S,
    PICTURE,
    SIGN_OFFS,
    Errand,
    Errands,
    Wanted,
    remember,
)
from schooltool_bridge.store.model_errands import errand
from tests.helpers.rig import SIS, Rig, make_rig

MOODLE, OTHER = "http://moodle.example.org", "http://other.example.org"


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    for wwwroot in (MOODLE, OTHER):
        made.add(wwwroot)
    yield made
    made.app.database.close()


def peer_of(rig: Rig, wwwroot: str = MOODLE) -> Peer:
    peer = rig.app.registry.find(wwwroot)
    assert peer is not None
    return peer


def left(rig: Rig) -> int:
    with rig.app.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(errand)).scalar_one()


def people(rig: Rig, count: int, wwwroot: str = MOODLE) -> list[int]:
    """Push new people one by one; each leaves the question where they are enrolled."""
    ids = []
    for n in range(count):
        data: dict[str, Value] = {
            "idnumber": f"{wwwroot} {n}", "username": f"{wwwroot[7:]}{n}",
            "firstname": "A", "lastname": "B",
        }  # fmt: skip
        answer = rig.call(rig.peers[wwwroot], SIS + "fetch_user", data)
        assert isinstance(answer, dict)
        ids.append(int(str(answer["id"])))
    return ids


@dataclass
class Asked:
    """What was asked, and how the peer answers: by a truth, or by raising."""

    done: list[Errand] = field(default_factory=list)
    answers: Callable[[Errand], bool] = lambda _errand: True

    def __call__(self, _peer: Peer, taken: Errand) -> bool:
        self.done.append(taken)
        return self.answers(taken)


def errands_of(rig: Rig, asked: Asked) -> Errands:
    """A process's errands, that ask nobody in truth."""
    return replace(
        rig.app.errands,
        kinds=dict.fromkeys([ENROLMENTS, PICTURE, *SIGN_OFFS], asked),
        _running=Counter(),
        _silent={},
        _lock=threading.Lock(),
    )


@pytest.mark.requirement("R27")
def test_what_is_to_be_asked_outlives_a_restart_and_is_gone_once_it_was_asked(rig: Rig) -> None:
    ids = people(rig, 3)
    asked = Asked()
    # Another process, which was told nothing, finds it.
    [work] = errands_of(rig, asked).due()
    assert isinstance(work, ForSite)
    assert work.who == peer_of(rig).id
    work()
    assert [e.person_id for e in asked.done] == ids
    assert asked.done[0].about == {"idnumber": f"{MOODLE} 0", "username": f"{MOODLE[7:]}0"}
    assert left(rig) == 0
    assert errands_of(rig, asked).due() == []


def test_several_processes_never_ask_the_same(rig: Rig) -> None:
    ids = people(rig, 12)
    asked, both = Asked(), threading.Barrier(4)

    def answers(_errand: Errand) -> bool:
        if len(asked.done) <= 4:
            both.wait(30)  # four are at it at the same moment
        return True

    asked.answers = answers
    processes = [errands_of(rig, asked) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(p.run, peer_of(rig).id) for p in processes]:
            future.result(60)
    assert Counter(e.person_id for e in asked.done) == Counter(ids)
    assert left(rig) == 0


def test_a_silent_peer_is_waited_for_longer_each_time_and_nothing_is_forgotten(rig: Rig) -> None:
    people(rig, 3)
    asked = Asked(answers=lambda _errand: False)
    errands, peer_id = errands_of(rig, asked), peer_of(rig).id
    waits = []
    for _ in range(10):
        errands.run(peer_id)
        before, waited = len(asked.done), 0
        while not errands.due():
            rig.clock.now += FIRST_WAIT_S
            waited += FIRST_WAIT_S
            assert len(asked.done) == before
        waits.append(waited)
    assert len(asked.done) == 10, "one a time, whoever else waits"
    assert waits == sorted(waits)
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert waits[-1] == MAX_WAIT_S
    assert left(rig) == 3
    asked.answers = lambda _errand: True
    rig.clock.now += MAX_WAIT_S
    errands.run(peer_id)
    assert left(rig) == 0


def test_one_that_fails_again_and_again_lets_the_others_go_first(rig: Rig) -> None:
    bad, *good = people(rig, 4)
    asked = Asked(answers=lambda e: e.person_id != bad)
    errands, peer_id = errands_of(rig, asked), peer_of(rig).id
    errands.run(peer_id)
    rig.clock.now += FIRST_WAIT_S
    errands.run(peer_id)
    assert {e.person_id for e in asked.done} == {bad, *good}
    assert left(rig) == 1


def test_a_bug_in_one_kind_is_no_end_of_the_others(rig: Rig) -> None:
    people(rig, 2)

    def breaks(taken: Errand) -> bool:
        if taken.tries == 0:
            raise ZeroDivisionError
        return True

    errands = errands_of(rig, asked := Asked(answers=breaks))
    for _ in range(6):
        errands.run(peer_of(rig).id)
        rig.clock.now += MAX_WAIT_S
    assert left(rig) == 0
    assert len(asked.done) == 4


def test_whoever_was_killed_lets_go_after_a_while(rig: Rig) -> None:
    people(rig, 1)
    killed = errands_of(rig, Asked(answers=_killed))
    with pytest.raises(KeyboardInterrupt):
        killed.run(peer_of(rig).id)
    asked = Asked()
    other = errands_of(rig, asked)
    assert other.due() == []
    rig.clock.now += LEASE_S
    [work] = other.due()
    work()
    assert len(asked.done) == 1
    assert left(rig) == 0


def _killed(_errand: Errand) -> bool:
    raise KeyboardInterrupt


def test_a_clock_that_is_set_back_holds_nothing_up(rig: Rig) -> None:
    people(rig, 1)
    errands = errands_of(rig, asked := Asked(answers=lambda _errand: False))
    errands.run(peer_of(rig).id)
    rig.clock.now -= 100 * 24 * 3600
    asked.answers = lambda _errand: True
    [work] = errands.due()
    work()
    assert left(rig) == 0


def test_what_is_wanted_anew_meanwhile_is_done_once_more(rig: Rig) -> None:
    [person_id] = people(rig, 1)
    peer_id = peer_of(rig).id

    def want(version: str) -> None:
        with rig.app.database.write() as connection:
            wanted = Wanted(PICTURE, person_id, {"username": "u", "version": version})
            remember(connection, peer_id, [wanted], int(rig.clock()))

    def answers(taken: Errand) -> bool:
        if taken.about.get("version") == "old":
            want("newer")
        return True

    want("old")
    errands_of(rig, asked := Asked(answers=answers)).run(peer_id)
    told = [e.about["version"] for e in asked.done if e.kind == PICTURE]
    assert told == ["old", "newer"]
    assert left(rig) == 0


def test_a_peer_that_is_off_is_asked_once_it_is_on_and_a_removed_one_never(rig: Rig) -> None:
    people(rig, 1)
    errands = errands_of(rig, asked := Asked())
    states = {store.DISABLED: 1, store.ENABLED: 0}
    for state, remaining in states.items():
        with rig.app.database.write() as connection:
            store.set_state(connection, peer_of(rig).id, state)
        for work in errands.due():
            work()
        assert left(rig) == remaining
    people(rig, 1, OTHER)
    with rig.app.database.write() as connection:
        store.set_state(connection, peer_of(rig, OTHER).id, store.DELETED)
    assert errands.due() == []
    assert left(rig) == 0
    assert len(asked.done) == 1


@pytest.mark.requirement("R27")
def test_people_whose_enrolments_come_in_the_same_push_are_not_asked_about(rig: Rig) -> None:
    def new(idnumber: str, **more: Value) -> dict[str, Value]:
        data = {"username": f"u{idnumber}", "firstname": "A", "lastname": "B", **more}
        return {"event": "fetch_user", "data": {"idnumber": idnumber, **data}}

    def enrols(userid: Value) -> dict[str, Value]:
        data: dict[str, Any] = {"sectionid": "s", "userid": userid, "role": "student"}
        return {"event": "new_enrolment", "data": data}

    push: list[Value] = [
        enrols("1"),
        new("1"),
        new("2"),
        # As a number, in capitals, before the section is there, by Moodle's own id.
        enrols(3),
        new("3"),
        new("x4"),
        enrols("X4"),
        new("", moodleid="5"),
        enrols("#5"),
    ]
    results = rig.call(rig.peers[MOODLE], SIS + "push_events", push)
    assert not isinstance(results, FaultResponse)
    errands_of(rig, asked := Asked()).run(peer_of(rig).id)
    assert [e.about["idnumber"] for e in asked.done] == ["2"]


def test_who_is_erased_is_asked_about_no_more(rig: Rig) -> None:
    [person_id] = people(rig, 1)
    with rig.app.database.write() as connection:
        erasing.erase(connection, Author("anna", int(rig.clock()), "wanted"), person_id)
    assert left(rig) == 0
