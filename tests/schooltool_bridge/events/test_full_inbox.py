"""An event that is held costs the same however many are held, and the inbox has an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from schooltool_bridge.events import inbox, inbox_counts
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.inbox_lists import count_by_status, find_events
from schooltool_bridge.notices.facts import gather
from schooltool_bridge.notices.rules import Limits, standing
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, A, School

FEW, MANY = 40, 4_000
# Events that wait, their places and counts, as inbox.put would have written them.
_ROWS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
INSERT INTO inbox (peer_id, event, status, payload, digest, waiting_for, reason,
                   effective_unix_s, seq, received_unix_s)
SELECT :peer, 'new_enrolment', :status, '{}', randomblob(32), '[]', '', 1795000000, i, 1795000000
FROM n
"""
_WAITS = """
INSERT INTO inbox_wait (inbox_id, peer_id, key, event)
SELECT id, peer_id, :key || CASE :key WHEN 'user:p' THEN id ELSE '' END, event
FROM inbox WHERE status = :status
"""


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    yield school
    school.database.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """An inbox in which only so many events may wait."""
    monkeypatch.setattr(inbox, "MAX_WAITING", 5)
    return 5


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, School]]:
    """Schools in whose inbox few and many events wait for one section, conflict, were rejected."""
    made = {}
    for held in (FEW, MANY):
        folder = tmp_path_factory.mktemp("inbox")
        school = made[held] = School.open(f"sqlite:///{folder}/{held}.sqlite", A)
        peer_id = school.source(A).peer_id
        with school.database.write() as connection:
            for status in inbox.OPEN:
                many = min(held, inbox.MAX_REJECTED - 20) if status == inbox.REJECTED else held
                values = {"peer": peer_id, "status": status, "many": many}
                connection.execute(sa.text(_ROWS), values)
                for waited in ("section:5", "user:1", "user:p"):
                    values = {"status": status, "key": waited}
                    connection.execute(sa.text(_WAITS), values)
                inbox_counts.move(connection, peer_id, None, status, many)
    yield made
    for school in made.values():
        school.database.close()


def steps(school: School, push: Callable[[], object]) -> int:
    """How many instructions SQLite's machine runs: each row that it looks at takes some."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    def on_connect(connection: Any, _record: object) -> None:
        connection.set_progress_handler(count, 1)

    event.listen(school.database.engine, "connect", on_connect)
    school.database.engine.dispose()  # all connections are made anew
    push()
    event.remove(school.database.engine, "connect", on_connect)
    school.database.engine.dispose()
    return counted[0]


PUSHED: dict[str, Callable[[School], object]] = {
    "held": lambda s: s.push("new_enrolment", **{**PUPIL, "userid": "new"}),
    "held again without a time": lambda s: (
        s.push("new_enrolment", **{**PUPIL, "userid": "twice"}),
        s.push("end_enrolment", **{**PUPIL, "userid": "twice"}, timemodified=NOW),
        s.push("new_enrolment", **{**PUPIL, "userid": "twice"}),
    ),
    "rejected": lambda s: s.fault("new_grade", **{**GRADE, "points_earned": "many"}),
    "applied, and nothing waits for it": lambda s: s.push("new_section", idnumber=6, name="Art"),
    "waits for people": lambda s: s.push("new_grade", **{**GRADE, "userid": "77"}),
}


@pytest.mark.requirement("R89")
@pytest.mark.parametrize("name", PUSHED)
def test_an_event_costs_the_same_however_many_wait(name: str, filled: dict[int, School]) -> None:
    few, many = (steps(school, partial(PUSHED[name], school)) for school in filled.values())
    assert 0 < many <= few * 1.2


def test_looking_at_a_full_inbox_costs_the_same(filled: dict[int, School]) -> None:
    def look(school: School) -> Callable[[], None]:
        def looking() -> None:
            with school.database.read() as connection:
                assert len(find_events(connection, limit=20)) == 20
                gather(connection, NOW)
                count_by_status(connection)

        return looking

    few, many = (steps(school, look(school)) for school in filled.values())
    assert 0 < many <= few * 1.2


def test_counts_are_those_of_the_rows(filled: dict[int, School]) -> None:
    for school in filled.values():
        with school.database.read() as connection:
            counted = count_by_status(connection)
            rows: dict[tuple[int, str], int] = {}
            for entry in find_events(connection, limit=100_000):
                at = (entry.peer_id, entry.status)
                rows[at] = rows.get(at, 0) + 1
        assert counted == rows
        assert sum(rows.values()) > FEW


def pushed(school: School, *listed: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Push many in one call; returns their answers."""
    school.now += 1
    elements = [{"event": name, "data": data} for name, data in listed]
    with school.database.write() as connection:
        answers, _new, _names = events.receive_many(
            connection, school.source(A), elements, school.now
        )
    return answers


def fill_up(school: School) -> None:
    for number in range(inbox.MAX_WAITING):
        assert school.status("new_grade", **{**GRADE, "userid": number}) == "held"


@pytest.mark.requirement("R89")
@pytest.mark.usefixtures("small")
def test_a_full_inbox_takes_what_can_be_applied_and_nothing_else(school: School) -> None:
    fill_up(school)
    code, text = school.fault("new_enrolment", **PUPIL)
    assert (code, "mnet-peer inbox list" in text, "send this again" in text) == (8503, True, True)
    answers = pushed(
        school,
        ("new_enrolment", PUPIL),
        ("fetch_user", ANNA),
        # It would be applied, and wait for its teacher: then it is not applied at all.
        ("new_section", {**SECTION, "teacheridnumber": "unknown"}),
        ("new_grade", {**GRADE, "points_earned": "many"}),
        ("new_section", {**SECTION, "idnumber": 6}),
    )
    assert [a.get("fault", a["status"]) for a in answers] == [
        8503,
        "created",
        8503,
        8400,
        "created",
    ]
    assert [s["idnumber"] for s in school.sections()] == ["6"]
    assert len(school.inbox()) == inbox.MAX_WAITING + 1  # and the one that was rejected


@pytest.mark.usefixtures("small")
def test_a_full_inbox_empties_itself_when_what_is_waited_for_comes(school: School) -> None:
    fill_up(school)
    with school.database.read() as connection:
        stands = [n.key for n in standing(gather(connection, school.now), school.now, Limits())]
    assert f"inbox-full {A}" in stands
    people = [("fetch_user", {**ANNA, "idnumber": n, "username": f"p{n}"}) for n in range(3)]
    answers = pushed(school, *people, ("new_section", SECTION), ("new_assessment", QUIZ))
    assert [a["status"] for a in answers] == ["created"] * 5
    assert school.grades() == {("7", str(n)): 62 for n in range(3)}
    assert school.status("new_enrolment", **{**PUPIL, "userid": "new"}) == "held"
    with school.database.read() as connection:
        stands = [n.key for n in standing(gather(connection, school.now), school.now, Limits())]
    assert f"inbox-full {A}" not in stands


@pytest.mark.usefixtures("small")
def test_conflicts_wait_too(school: School) -> None:
    school.push("fetch_user", **ANNA)
    for number in range(2, 2 + inbox.MAX_WAITING):
        assert school.fault("fetch_user", **{**ANNA, "idnumber": number})[0] == 8409
    assert school.fault("fetch_user", **{**ANNA, "idnumber": 99})[0] == 8503
    assert school.fault("new_grade", **GRADE)[0] == 8503


def test_what_one_event_frees_is_applied_in_parts(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PART_EVENTS", 4)
    people = range(10)
    for number in people:
        school.push("fetch_user", **{**ANNA, "idnumber": number, "username": f"p{number}"})
        # Each waits for the section, and half of them for another part of it, for good.
        part: dict[str, Any] = {"segment": 2} if number % 2 else {}
        school.push("new_enrolment", **{**PUPIL, "userid": number}, **part)
        school.push("new_assessment", **{**QUIZ, "idnumber": number, "name": f"Q{number}"})
    with school.database.write() as connection:
        received = events.receive(connection, school.source(A), "new_section", SECTION, school.now)
    left, tried = received.left, received.tried
    parts = [tried]
    while left:
        with school.database.write() as connection:
            came = events.come_again(connection, school.source(A), left)
        left = came.left
        parts.append(came.tried)
    assert max(parts) <= 4
    assert sum(parts) == len(people) * 2
    assert len(school.enrolments()) == len(people) // 2
    assert school.counts()["assessment"] == len(people)
    assert len(school.inbox()) == len(people) // 2
