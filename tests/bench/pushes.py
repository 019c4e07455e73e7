"""make bench: what an event in a push_events of 250 costs, in pairs of RSA operations.

A whole call each time, from the sealed bytes to the sealed answer, in this process. What counts is
the processor's time of our own process, set against a signature and a decryption just before and
after, so that the ratio holds when the machine's speed drifts. Beside it: the statements of an
event, and the time by the clock, in which a database server works as well.

    python -m tests.bench.pushes [sqlite] [postgresql]
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mnet import envelope, xmlrpc
from tests.bench.floor import Statements, each_store, pair_s
from tests.helpers.rig import OURS, SIS, FakePeer, Rig, make_rig

EVENTS = 250
ROUNDS = 3
TEACHERS = 10
Event = tuple[str, dict[str, Any]]


class Cost(NamedTuple):
    """What an event of one push cost."""

    pairs: float
    clock_ms: float
    statements: float


def user(n: int, **more: Any) -> Event:
    names = {"idnumber": f"u{n}", "username": f"user{n}", "firstname": "Ada", "lastname": f"L{n}"}
    return "fetch_user", {**names, "email": f"u{n}@example.org", "moodleid": 100 + n, **more}


def section(n: int) -> Event:
    named = {"idnumber": f"s{n}", "name": f"Section {n}", "moodleid": 100 + n}
    return "new_section", {**named, "teacheridnumber": f"u{n % TEACHERS}"}


def enrolment(of: int, n: int, event: str = "new_enrolment", **more: Any) -> Event:
    return event, {"sectionid": f"s{of}", "userid": f"u{n}", "role": "student", **more}


def assessment(of: int, n: int) -> Event:
    named = {"idnumber": f"a{n}", "name": f"Quiz {n}", "moodleid": 100 + n, "pointval": 10}
    return "new_assessment", {"sectionid": f"s{of}", **named}


def grade(item: int, n: int, points: int) -> Event:
    return "new_grade", {"assessmentid": f"a{item}", "userid": f"u{n}", "points_earned": points}


def steps(number: int) -> Iterator[tuple[str, list[Event], int]]:
    """The pushes of one round, each with what it is, and how often it is sent."""
    first = number * EVENTS
    those = range(first, first + EVENTS)
    yield "person", [user(n) for n in those], 2
    yield "person of another name", [user(n, lastname="M") for n in those], 1
    yield "section", [section(n) for n in those], 2
    yield "student", [enrolment(first, n) for n in those], 2
    yield "student of many sections", [enrolment(n, first + n % 25) for n in those], 2
    yield "assessment", [assessment(first, n) for n in those], 2
    yield "grade", [grade(first + n % 5, n, n % 10) for n in those], 2
    yield "grade, another one", [grade(first + n % 5, n, 10 - n % 10) for n in those], 1
    yield "student, suspended", [enrolment(first, n, status="suspended") for n in those], 1
    yield "student, ended", [enrolment(first, n, "end_enrolment") for n in those], 2


class Bench:
    """One store, into which everything is pushed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.rig: Rig = make_rig(folder, url)
        self.peer: FakePeer = self.rig.add("http://moodle.example.org")
        self.statements = Statements(self.rig.app.database)
        self.costs: dict[str, list[Cost]] = defaultdict(list)
        self._sent = 0

    def run(self) -> None:
        for number in range(ROUNDS):
            for what, events, times in steps(number):
                self.rig.clock.now += 60
                told = [self._told(event, data) for event, data in events]
                for again in range(times):
                    answers = self._push(f"{what}, unchanged" if again else what, told)
                    assert len(answers) == EVENTS
                    statuses = {a["status"] for a in answers}
                    assert statuses == ({"unchanged"} if again else statuses - {"held", "failed"})
        self.rig.app.database.close()

    def _told(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        self._sent += 1
        when = {"timemodified": int(self.rig.clock.now), "seq": self._sent, "to": OURS}
        return {"event": event, "data": {**data, **when}}

    def _push(self, what: str, told: list[Any]) -> list[Any]:
        key = self.peer.pair.private_key
        body = self.peer.request(
            self.rig.pem, SIS + "push_events", [told], timestamp=int(self.rig.clock.now)
        )
        before_s, self.statements.count = pair_s(key), 0
        clock, began = time.perf_counter(), time.process_time()
        answer = self.rig.answer(body)
        took_s, clock_s = time.process_time() - began, time.perf_counter() - clock
        floor_s = (before_s + pair_s(key)) / 2
        cost = Cost(
            took_s / EVENTS / floor_s, clock_s / EVENTS * 1000, self.statements.count / EVENTS
        )
        self.costs[what].append(cost)
        signed = self.peer.open(answer)
        assert isinstance(signed, envelope.SignedMessage)
        response = xmlrpc.read_response(signed.payload)
        assert isinstance(response, xmlrpc.MethodResponse), response
        results: Any = response.value
        return list(results)


def measure(title: str, folder: Path, url: str = "") -> None:
    folder.mkdir()
    bench = Bench(folder, url)
    bench.run()
    print(f"{title}: an event of a push of {EVENTS}, median of {ROUNDS} (lowest to highest)")
    for what, costs in bench.costs.items():
        pairs, clock_ms, statements = zip(*costs, strict=True)
        print(
            f"  {what:36} {statistics.median(pairs):6.2f} ({min(pairs):.2f} to {max(pairs):.2f}) "
            f"RSA pairs, {statistics.median(clock_ms):6.2f} ms by the clock, "
            f"{statistics.median(statements):5.1f} statements"
        )


if __name__ == "__main__":
    each_store(measure)
