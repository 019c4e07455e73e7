"""A long push is applied in parts: others' calls go between, and cut off it is whole when resent."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet import settings, xmlrpc
from mnet.batching import Batches, Long, Slow, Step, Steps
from mnet.database import Database, Outcome
from mnet.envelope import SignedMessage
from mnet.exchange import Answer
from mnet.faults import BadSignature
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from mnet.xmlrpc import FaultResponse, Value
from peers import calls
from schooltool_bridge.events import methods as services
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.inbox_lists import count_by_status
from schooltool_bridge.store.model import section, section_history
from tests.helpers.pushing import answered, register
from tests.helpers.rig import SIS, FakePeer, Rig, make_rig
from tests.helpers.site import Site

A, B = "http://moodle.example.org", "http://other.example.org"
PART, ALL = 3, 30


@pytest.fixture
def rig(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(events, "PART_EVENTS", PART)
    rig = make_rig(tmp_path, database_url)
    rig.add(A)
    rig.add(B)
    yield rig
    rig.app.database.close()


def sections(count: int, prefix: str = "s") -> list[Value]:
    return [
        {"event": "new_section", "data": {"idnumber": f"{prefix}{n}", "name": "N", "to": ""}}
        for n in range(count)
    ]


def read(peer: FakePeer, answer: Answer) -> Any:
    signed = peer.open(answer.body)
    assert isinstance(signed, SignedMessage)
    response = xmlrpc.read_response(signed.payload)
    return response if isinstance(response, FaultResponse) else response.value


class PushInParts:
    """A long push that a test takes on part by part."""

    def __init__(self, rig: Rig, body: bytes) -> None:
        self.rig = rig
        self.steps: Steps[Answer] = rig.app.exchange.steps(body)
        self.answer: Answer | None = None
        self._step: Step | None = None
        self._go(lambda: next(self.steps))

    def _go(self, go: Any) -> None:
        try:
            self._step = go()
            while isinstance(self._step, Long | Slow):
                self._step = next(self.steps)
        except StopIteration as end:
            self.answer = end.value

    def part(self) -> None:
        """Apply the next part."""
        assert self._step is not None
        assert not isinstance(self._step, Long | Slow)
        [outcome] = self.rig.app.database.apply_all([self._step])
        self._go(outcome.resume(self.steps))

    def fail(self) -> None:
        """The next part finds the store broken."""
        self._go(lambda: self.steps.throw(RuntimeError("the disk is gone")))

    def end(self) -> Any:
        while self.answer is None:
            self.part()
        return read(self.rig.peers[A], self.answer)


def known(rig: Rig) -> int:
    with rig.app.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(section)).scalar_one()


def push_of(rig: Rig, count: int = ALL) -> bytes:
    return rig.peers[A].request(rig.pem, SIS + "push_events", [sections(count)])


@pytest.mark.requirement("R5", "R6")
def test_another_peers_calls_go_between_the_parts(rig: Rig) -> None:
    push_in_parts = PushInParts(rig, push_of(rig))
    push_in_parts.part()
    assert known(rig) == PART
    answer: Any = rig.call(rig.peers[B], SIS + "new_section", {"idnumber": "1", "name": "B"})
    assert answer["status"] == "created"
    assert push_in_parts.answer is None
    push_in_parts.part()
    assert known(rig) == 2 * PART + 1
    results = push_in_parts.end()
    assert [r["status"] for r in results] == ["created"] * ALL
    assert known(rig) == ALL + 1


def test_an_envelope_counts_as_seen_from_the_first_part_on(rig: Rig) -> None:
    body = push_of(rig)
    push_in_parts = PushInParts(rig, body)
    push_in_parts.part()
    assert rig.fault(body)[0] == BadSignature.code
    assert known(rig) == PART
    assert len(push_in_parts.end()) == ALL
    assert rig.fault(body)[0] == BadSignature.code


@pytest.mark.requirement("R5", "R6")
def test_a_failure_says_what_stays_and_the_same_events_sent_again_are_whole(rig: Rig) -> None:
    push_in_parts = PushInParts(rig, push_of(rig))
    push_in_parts.part()
    push_in_parts.part()
    push_in_parts.fail()
    fault = push_in_parts.end()
    assert fault.code == 8503
    assert f"first {2 * PART} of {ALL} events" in fault.text
    assert "send all of it again" in fault.text
    with rig.app.database.read() as connection:
        assert [c.outcome for c in calls.find(connection)] == ["fault 8503"]
    assert known(rig) == 2 * PART
    again = PushInParts(rig, push_of(rig)).end()
    expected = ["unchanged"] * 2 * PART + ["created"] * (ALL - 2 * PART)
    assert [r["status"] for r in again] == expected
    assert known(rig) == ALL
    with rig.app.database.read() as connection:
        rows = sa.select(sa.func.count()).select_from(section_history)
        assert connection.execute(rows).scalar_one() == ALL


def test_one_bad_event_never_spoils_a_later_part(rig: Rig) -> None:
    listed = sections(ALL)
    listed[0] = "junk"
    listed[PART] = {"event": "new_section", "data": {}}
    body = rig.peers[A].request(rig.pem, SIS + "push_events", [listed])
    results = PushInParts(rig, body).end()
    assert [r["status"] for r in results].count("created") == ALL - 2
    assert [n for n, r in enumerate(results) if r["status"] == "failed"] == [0, PART]


def test_who_was_named_as_addressee_in_one_part_has_to_be_in_the_next(rig: Rig) -> None:
    listed: list[Any] = sections(ALL)
    listed[1]["data"]["to"] = rig.app.site.wwwroot
    body = rig.peers[A].request(rig.pem, SIS + "push_events", [listed])
    statuses = [r["status"] for r in PushInParts(rig, body).end()]
    assert statuses == ["created"] * 2 + ["failed"] * (ALL - 2)


def test_what_one_call_frees_comes_in_parts_before_its_answer(rig: Rig) -> None:
    for number in range(ALL):
        name = f"p{number}"
        rig.call(
            rig.peers[A],
            SIS + "fetch_user",
            {"idnumber": name, "username": name, "firstname": "F", "lastname": "L"},
        )
        held: Any = rig.call(
            rig.peers[A],
            SIS + "new_enrolment",
            {"sectionid": "s0", "userid": name, "role": "student"},
        )
        assert held["status"] == "held"
    body = rig.peers[A].request(rig.pem, SIS + "new_section", [{"idnumber": "s0", "name": "N"}])
    push_in_parts = PushInParts(rig, body)
    parts = 0
    while push_in_parts.answer is None:
        push_in_parts.part()
        parts += 1
    assert parts == ALL // PART + 1
    assert read(rig.peers[A], push_in_parts.answer)["status"] == "created"
    with rig.app.database.read() as connection:
        assert count_by_status(connection) == {}


def test_long_pushes_go_on_in_turn_in_one_thread(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "TOGETHER_EVENTS", PART)
    works: list[Callable[[], object]] = []
    workers = Workers(16)
    monkeypatch.setattr(workers, "submit", works.append)
    ended: list[str] = []
    batches = Batches[str, Answer](
        rig.app.database, workers, lambda some: ended.extend(w for w, _a in some), 1, SlowWork()
    )
    apply_all = rig.app.database.apply_all
    ahead: list[int] = []

    def noting(some: Sequence[Callable[[sa.Connection], object]]) -> list[Outcome]:
        outcomes = apply_all(some)
        with rig.app.database.read() as connection:
            names = connection.execute(sa.select(section.c.idnumber)).scalars().all()
        ahead.append(sum(1 if name.startswith("a") else -1 for name in names))
        # Others' calls come between, in a thread of their own.
        if len(ahead) == 2:
            batches.submit("short", rig.app.exchange.steps(short))
            works.pop()()
        return outcomes

    short = rig.peers[B].request(rig.pem, SIS + "server_info", [])
    for wwwroot, prefix in ((A, "a"), (B, "b")):
        body = rig.peers[wwwroot].request(rig.pem, SIS + "push_events", [sections(ALL, prefix)])
        batches.submit(prefix, rig.app.exchange.steps(body))
    monkeypatch.setattr(rig.app.database, "apply_all", noting)
    while works:
        works.pop(0)()
    assert ended == ["short", "a", "b"]
    assert {abs(more) for more in ahead} == {0, PART}


SENT = 900


@pytest.mark.requirement("R5", "R6")
def test_a_server_killed_in_the_middle_of_a_push_has_it_whole_when_it_comes_again(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path / "home")
    with site:
        peer = register(site)
        pem = site.certificate()
        lost: list[BaseException] = []

        def send() -> None:
            try:
                post(site, peer.request(pem, SIS + "push_events", [sections(SENT)]))
            except (urllib.error.URLError, OSError) as problem:
                lost.append(problem)

        sending = threading.Thread(target=send)
        sending.start()
        while not (done := stored(site)):
            time.sleep(0.01)
        # Others are answered while it goes on.
        other = answered(peer, site.post(peer.request(pem, SIS + "server_info", [])))
        assert other["wwwroot"] == site.wwwroot
        assert sending.is_alive()
        site.stop(kill=True)
        sending.join()
        done = stored(site)
        assert lost
        assert 0 < done < SENT
        assert done % events.PART_EVENTS == 0
        site.serve()
        again = answered(peer, post(site, peer.request(pem, SIS + "push_events", [sections(SENT)])))
    statuses = [r["status"] for r in again]
    assert statuses == ["unchanged"] * done + ["created"] * (SENT - done)
    assert stored(site) == SENT


def post(site: Site, body: bytes) -> bytes:
    request = urllib.request.Request(
        site.wwwroot + "/mnet/xmlrpc/server.php", body, {"Content-Type": "text/xml"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        data: bytes = answer.read()
        return data


def stored(site: Site) -> int:
    database = Database(settings.read(site.home).database)
    with database.read() as connection:
        rows = sa.select(sa.func.count()).select_from(section)
        count: int = connection.execute(rows).scalar_one()
    database.close()
    return count
