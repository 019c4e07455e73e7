"""Calls that one thread takes together: none spoils another, waits for another, or comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from mnet import envelope, xmlrpc
from mnet.batching import SPARE_WORKERS, Batches
from mnet.exchange import Answer
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from mnet.xmlrpc import FaultResponse, Value
from schooltool_bridge.events import kinds
from schooltool_bridge.events.applied import Applied, Source
from schooltool_bridge.events.fields import SectionEvent
from schooltool_bridge.server.app import WORKER_THREADS
from tests.helpers.rig import SIS, FakePeer, Rig, make_rig

MOODLE = "http://moodle.example.org"


class Later(Workers):
    """Works that a test runs itself, one by one."""

    def __init__(self) -> None:
        super().__init__(WORKER_THREADS)
        self.works: list[Callable[[], object]] = []

    def submit(self, work: Callable[[], object]) -> None:
        self.works.append(work)


@pytest.fixture
def own(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    rig = make_rig(tmp_path, database_url)
    rig.add(MOODLE)
    yield rig
    rig.app.database.close()


class Calls:
    """Sends calls of a peer all at once."""

    def __init__(self, rig: Rig, threads: int = 1) -> None:
        self.rig = rig
        self.peer: FakePeer = rig.peers[MOODLE]
        self.later = Later()
        self.answers: dict[str, Answer | None] = {}
        # How many answers each word to the reactor brought.
        self.sent: list[int] = []
        self.left: set[str] = set()
        self.batches = Batches[str, Answer](
            rig.app.database,
            self.later,
            self._send,
            threads,
            SlowWork(self.later),
            self.left.__contains__,
        )

    def _send(self, ended: list[tuple[str, Answer | None]]) -> None:
        self.sent.append(len(ended))
        self.answers.update(ended)

    def request(self, method: str, *params: Value) -> bytes:
        return self.peer.request(self.rig.pem, method, list(params))

    def submit(self, who: str, body: bytes) -> None:
        self.batches.submit(who, self.rig.app.exchange.steps(body))

    def status(self, who: str) -> object:
        """The status that an answer tells, or its fault's code."""
        answer = self.answers[who]
        assert answer is not None
        signed = self.peer.open(answer.body)
        assert isinstance(signed, envelope.SignedMessage)
        response = xmlrpc.read_response(signed.payload)
        if isinstance(response, FaultResponse):
            return response.code
        return response.value["status"] if isinstance(response.value, dict) else response.value


def section(idnumber: str) -> dict[str, Value]:
    return {"idnumber": idnumber, "name": "Section", "segment": 1}


def test_those_that_wait_share_a_commit_and_a_word_to_the_reactor(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    calls = Calls(rig)
    for n in "123":
        calls.submit(n, calls.request(SIS + "new_section", section(n)))
    [work] = calls.later.works
    work()
    assert [calls.status(n) for n in "123"] == ["created"] * 3
    assert calls.sent == [3]
    rig.app.database.close()


def test_threads_on_several_processors_share_what_comes(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    calls = Calls(rig, threads=3)
    for n in "1234":
        calls.submit(n, calls.request(SIS + "new_section", section(n)))
    first, *_others = calls.later.works
    first()
    assert calls.sent == [2, 1, 1]
    rig.app.database.close()


def test_however_many_calls_wait_workers_are_left_to_the_slow(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    calls = Calls(rig, threads=1000)
    for n in range(2 * WORKER_THREADS):
        calls.submit(str(n), b"not opened in this test")
    assert len(calls.later.works) == WORKER_THREADS - SPARE_WORKERS
    rig.app.database.close()


def test_the_same_envelope_twice_among_those_that_wait_is_applied_once(own: Rig) -> None:
    calls = Calls(own)
    twin = calls.request(SIS + "new_section", section("1"))
    calls.submit("first", twin)
    calls.submit("other", calls.request(SIS + "new_section", section("2")))
    calls.submit("again", twin)
    calls.later.works.pop()()
    assert calls.status("first") == "created"
    assert calls.status("other") == "created"
    assert calls.status("again") == 710


def test_a_call_that_fails_is_undone_alone(own: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(own)
    kind = kinds.BY_NAME["new_section"]

    def fail_on_two(
        connection: Connection, source: Source, event: SectionEvent, now: int
    ) -> Applied:
        applied: Applied = kind.apply(connection, source, event, now)
        if event.idnumber == "2":
            raise ZeroDivisionError
        return applied

    monkeypatch.setitem(kinds.BY_NAME, kind.name, replace(kind, apply=fail_on_two))
    failing = calls.request(SIS + "new_section", section("2"))
    calls.submit("1", calls.request(SIS + "new_section", section("1")))
    calls.submit("2", failing)
    calls.submit("not ours", calls.request(SIS + "no_such_method"))
    calls.submit("3", calls.request(SIS + "new_section", section("3")))
    calls.later.works.pop(0)()
    assert calls.status("1") == calls.status("3") == "created"
    assert calls.status("not ours") == 7012
    for work in calls.later.works:  # it goes on alone, to be recorded
        work()
    assert calls.status("2") == 8503
    monkeypatch.undo()
    # It left no trace: the very same message may come again.
    calls.submit("2", failing)
    calls.later.works.pop()()
    assert calls.status("2") == "created"


def test_a_call_that_asks_its_peer_back_holds_up_no_other(
    own: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(own)
    asked: list[object] = []

    def get_user(_peer: object, wanted: dict[str, str]) -> dict[str, Value]:
        asked.append(wanted)
        return {"idnumber": "7", "username": "u", "firstname": "A", "lastname": "B"}

    monkeypatch.setattr(
        type(own.app.peer_client), "get_user", lambda _self, *given: get_user(*given)
    )
    calls.submit("slow", calls.request(SIS + "fetch_user", {"idnumber": "7"}))
    calls.submit("quick", calls.request(SIS + "new_section", section("1")))
    calls.submit(
        "named",
        calls.request(
            SIS + "fetch_user",
            {"idnumber": "8", "username": "v", "firstname": "C", "lastname": "D"},
        ),
    )
    calls.later.works.pop(0)()
    assert asked == []
    assert calls.status("quick") == calls.status("named") == "created"
    assert "slow" not in calls.answers
    [goes_on_alone] = calls.later.works
    goes_on_alone()
    assert asked == [{"idnumber": "7"}]
    assert calls.status("slow") == "created"


def test_a_look_for_a_new_key_holds_up_no_other(own: Rig) -> None:
    calls = Calls(own)
    looked: list[object] = []
    own.app.registry.ask_for_key = looked.append
    impostor = FakePeer(MOODLE)
    calls.submit("forged", impostor.request(own.pem, SIS + "new_section", [section("1")]))
    calls.submit("true", calls.request(SIS + "new_section", section("2")))
    calls.later.works.pop(0)()
    assert looked == []
    assert calls.status("true") == "created"
    [goes_on_alone] = calls.later.works
    goes_on_alone()
    assert len(looked) == 1
    assert calls.status("forged") == 710


def test_a_request_that_breaks_down_ends_without_an_answer_and_alone(
    own: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(own)
    count = own.app.metrics.count

    def fail_once(*_given: object) -> None:
        monkeypatch.setattr(own.app.metrics, "count", count)
        raise ZeroDivisionError

    monkeypatch.setattr(own.app.metrics, "count", fail_once)
    calls.submit("broken", calls.request(SIS + "new_section", section("1")))
    calls.submit("whole", calls.request(SIS + "new_section", section("2")))
    calls.later.works.pop(0)()
    assert calls.answers["broken"] is None
    assert calls.status("whole") == "created"
