"""The record of calls: what stands in it for calls both ways, how it is searched, the commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet import outcomes, xmlrpc
from mnet.call_errors import CallError, CannotReach
from mnet.database import Database
from mnet.exchange_parts import CallRecord
from mnet.faults import BadXmlRpc, Conflict, Malformed, NotFound
from mnet.xmlrpc import Dialect, FaultResponse
from peers import calls, journal
from peers.calls import Call
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.school import School
from tests.helpers.site import Refused, Site

MOODLE = "http://moodle.example.org"
OTHER = "http://other.example.org"
PERSON: dict[str, Any] = {"idnumber": "4711", "username": "ada", "firstname": "A", "lastname": "L"}
DAY = START_UNIX_S - START_UNIX_S % 86_400


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = make_rig(tmp_path)
    yield rig
    rig.app.database.close()


def recorded(rig: Rig) -> list[Call]:
    with rig.app.database.read() as connection:
        return calls.find(connection)


def test_a_call_of_a_peer_is_recorded_with_how_long_it_took(rig: Rig) -> None:
    moodle = rig.add(MOODLE)
    rig.call(moodle, SIS + "fetch_user", PERSON)
    (call,) = recorded(rig)
    assert (call.peer, call.direction, call.method) == (MOODLE, "in", SIS + "fetch_user")
    assert (call.outcome, call.reason) == ("created", "")
    assert call.duration_ms is not None
    assert 0 < call.duration_ms < 10_000
    assert call.at_unix_s == START_UNIX_S
    assert len(call.correlation) == 12


def test_a_refused_call_is_recorded_with_a_reason_that_names_nobody(rig: Rig) -> None:
    moodle = rig.add(MOODLE)
    rig.call(moodle, SIS + "new_section", {"name": "x"})
    rig.call(moodle, SIS + "delete_section", {"idnumber": "o'brien\"s 4711"})
    rig.call(moodle, "enrol/mnet/enrol.php/nothing")
    rig.call(
        moodle, SIS + "new_grade", {"assessmentid": "1", "userid": "2", "points_earned": "eins"}
    )
    found = [(c.outcome, c.reason) for c in recorded(rig)]
    assert found == [
        ("fault 8400", "new_grade: points_earned must be a number."),
        ("fault 7012", "No such method is offered by this site."),
        ("fault 8404", "delete_section: there is no section …."),
        ("fault 8400", "new_section: idnumber is missing."),
    ]


def test_a_call_that_may_come_again_is_recorded_each_time_and_still_not_remembered(
    rig: Rig,
) -> None:
    moodle = rig.add(MOODLE)
    with rig.app.database.write() as connection:
        from peers import store

        store.set_services(connection, 1, publish=["schooltool"], subscribe=["schooltool"])
    body = moodle.request(rig.pem, SIS + "fetch_user", [{"idnumber": "4711"}])

    def unreachable(*_args: Any, **_more: Any) -> bytes:
        raise CannotReach("No connection.")

    rig.app.peer_client.outbound = replace(rig.app.outbound, post=unreachable)
    assert rig.fault(body) == (8503, "sealed and signed")
    rig.clock.now += 1
    assert rig.fault(body) == (8503, "sealed and signed")
    told = [(c.direction, c.outcome, c.reason) for c in recorded(rig) if c.direction == "in"]
    assert (
        told
        == [
            (
                "in",
                "fault 8503",
                "Your site could not be asked about idnumber …; send it again later.",
            )
        ]
        * 2
    )
    out = [c for c in recorded(rig) if c.direction == "out"]
    assert [(c.method, c.outcome) for c in out] == [("system/listMethods", "unreachable")] * 2


def test_many_events_in_one_call_tell_what_changed_and_how_many_failed(rig: Rig) -> None:
    moodle = rig.add(MOODLE)
    events: list[Any] = [
        {"event": "fetch_user", "data": PERSON},
        {"event": "new_section", "data": {"name": "4711"}},
        {"event": "delete_section", "data": {"idnumber": "4711"}},
        {"event": "new_section", "data": {"idnumber": "1"}},
    ]
    rig.call(moodle, SIS + "push_events", events)
    (call,) = recorded(rig)
    assert call.outcome == "created"
    assert call.reason == "Of 4 events failed 2 with fault 8400, 1 with fault 8404."


def ask(rig: Rig, answer: Callable[[FakePeer], bytes]) -> Any:
    peer = rig.app.registry.find(MOODLE)
    assert peer is not None
    fake = rig.peers[MOODLE]
    outbound = replace(rig.app.outbound, post=lambda *_a, **_k: answer(fake))
    return outbound.call(peer, "local/schooltool/lib.php/get_user", [{"username": "ada"}])


def says(rig: Rig, payload: bytes) -> Callable[[FakePeer], bytes]:
    return lambda moodle: moodle.seal(moodle.sign(payload), rig.pem)


def test_calls_that_we_make_are_recorded_with_how_they_ended(rig: Rig) -> None:
    rig.add(MOODLE)
    fault = xmlrpc.write_fault(7012, "Ada Lovelace 4711 is unknown")
    assert ask(rig, says(rig, xmlrpc.write_response("yes", Dialect.PHPXMLRPC))) == "yes"

    def silent(_moodle: FakePeer) -> bytes:
        raise CannotReach("http://x/?token=4711 answered with HTTP status 500.")

    captured = says(rig, xmlrpc.write_response("yes", None))(rig.peers[MOODLE])
    assert ask(rig, lambda _moodle: captured) == "yes"
    for answer in (
        says(rig, fault),
        lambda _m: fault,
        silent,
        lambda _m: b"<html>",
        lambda _m: captured,
    ):
        with pytest.raises(CallError):
            ask(rig, answer)
    found = recorded(rig)
    assert {c.direction for c in found} == {"out"}
    assert {c.method for c in found} == {"local/schooltool/lib.php/get_user"}
    assert all(c.duration_ms is not None for c in found)
    told = [(c.outcome, c.reason.partition(".")[0]) for c in found]
    assert told[0] == ("bad answer", "The answer was seen before; somebody replayed it")
    assert told[1][0] == "bad answer"
    assert "web page" in told[1][1]
    assert told[2] == ("unreachable", "http://x/?… answered with HTTP status 500")
    assert told[3][1].startswith("The peer answered with fault 7012 without signing it")
    assert told[4][1].startswith("The peer answered with fault 7012 (No such method")
    assert told[5:] == [("ok", "")] * 2
    assert not any("Ada" in c.reason or "4711" in c.reason for c in found)


def test_a_call_repeated_because_of_a_new_key_is_recorded_once(rig: Rig) -> None:
    from keys.keypair import generate

    rig.add(MOODLE)
    new = generate(MOODLE, "x", START_UNIX_S)
    answers = iter([xmlrpc.write_fault(7025, new.certificate_pem), b""])

    def answer(moodle: FakePeer) -> bytes:
        announced = next(answers)
        if announced:
            sealed = says(rig, announced)(moodle)
            moodle.pair = new
            return sealed
        return says(rig, xmlrpc.write_response("yes", None))(moodle)

    assert ask(rig, answer) == "yes"
    assert [(c.outcome, c.direction) for c in recorded(rig)] == [("ok", "out")]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Malformed("new_enrolment: role 'o\\'neill' is neither."), "new_enrolment: role … is neither."),
        (NotFound("Your site's get_user does not know idnumber '4711'."),
         "Your site's get_user does not know idnumber …."),
        (NotFound(f"x {'it' + chr(39) + 's ada'!r} y"), "x … y"),
        (NotFound(f"x {'both ' + chr(39) + ' and ' + chr(34) + ' ada'!r} y"), "x … y"),
        (Conflict("fetch_user: username 'ada"), "fetch_user: username …"),
        (Malformed("mail to ada@example.org now"), "mail to … now"),
        (BadXmlRpc("47114711471147114711 is beyond 64 bits."),
         "The signed payload is not a valid XML-RPC call."),
        (Malformed("x" * 1000), "x" * 400),
        (Malformed("a\x1b[2Jb"), "a [2Jb"),
    ],
)  # fmt: skip
def test_a_reason_quotes_nothing_that_a_sender_wrote(fault: Any, reason: str) -> None:
    assert outcomes.of_fault(fault) == (f"fault {fault.code}", reason)


def test_a_method_that_would_move_the_cursor_is_written_harmlessly(rig: Rig) -> None:
    moodle = rig.add(MOODLE)
    assert isinstance(rig.call(moodle, "x/\x9b2J/y"), FaultResponse)
    assert recorded(rig)[0].method == "x/\N{REPLACEMENT CHARACTER}2J/y"


def note(school: School, n: int, peer: str | None = None, **said: Any) -> None:
    values: dict[str, Any] = {
        "method": "a/b.php/new_grade",
        "outcome": "updated",
        "direction": "in",
        "reason": "",
        "duration_ms": 3,
    } | said
    with school.database.write() as connection:
        journal.record(
            connection,
            CallRecord(
                peer_id=school.source(peer).peer_id,
                payload=b"x",
                correlation=f"c{n}",
                at_unix_s=values.pop("at", DAY + n),
                **values,
            ),
        )


def test_calls_are_found_by_everything_that_they_have(database_url: str) -> None:
    school = School.open(database_url, MOODLE, OTHER)
    note(school, 1)
    note(school, 2, outcome="fault 8400", reason="x is missing.")
    note(school, 3, method="new_grade", outcome="unchanged")
    note(school, 4, OTHER, direction="out", outcome="unreachable", method="system/listServices")
    note(school, 5, outcome="created", reason="Of 2 events failed 1 with fault 8400.")
    note(school, 6, direction="out", outcome="ok", method="x/other_new_grade")
    # Recorded late, by another process: by time it stands between the others.
    note(school, 7, OTHER, at=DAY + 3)
    moodle, other = school.source(MOODLE).peer_id, school.source(OTHER).peer_id

    with school.database.read() as connection:

        def found(**wanted: Any) -> list[str]:
            return [c.correlation for c in calls.find(connection, **wanted)]

        assert found() == ["c6", "c5", "c4", "c7", "c3", "c2", "c1"]
        assert found(peer_id=moodle) == ["c6", "c5", "c3", "c2", "c1"]
        assert found(method="new_grade") == ["c5", "c7", "c3", "c2", "c1"]
        assert found(method="a/b.php/new_grade", peer_id=moodle) == ["c5", "c2", "c1"]
        assert found(method="new%grade") == []
        assert found(outcome="failed") == ["c5", "c4", "c2"]
        assert found(outcome="ok") == ["c6", "c7", "c3", "c1"]
        assert found(outcome="fault 8400") == ["c2"]
        assert found(direction="out") == ["c6", "c4"]
        assert found(since_unix_s=DAY + 3, until_unix_s=DAY + 5) == ["c4", "c7", "c3"]
        assert found(limit=2) == ["c6", "c5"]
        pages, last = [], None
        for _page in range(4):
            page = calls.find(connection, limit=2, before_id=last)
            pages += [c.correlation for c in page]
            last = page[-1].id
        assert pages == found()
        assert calls.find(connection, before_id=last) == []
        assert calls.find(connection, before_id=99) == []

        assert calls.one(connection, 4) == Call(
            4, other, OTHER, "out", "system/listServices", "unreachable", "", "c4", 3, DAY + 4
        )
        assert calls.one(connection, 99) is None
        assert calls.methods(connection, moodle) == [
            "a/b.php/new_grade",
            "new_grade",
            "x/other_new_grade",
        ]
    school.database.close()


def test_a_peers_day_is_counted_by_the_hour(database_url: str) -> None:
    school = School.open(database_url, MOODLE, OTHER)
    note(school, 1, at=DAY - 1)
    note(school, 2, at=DAY)
    note(school, 3, at=DAY + 3599, outcome="fault 8503", reason="again")
    note(school, 4, at=DAY + 3600, direction="out", outcome="bad answer")
    note(school, 5, at=DAY + 86_399)
    note(school, 6, at=DAY + 86_400)
    note(school, 7, OTHER, at=DAY)
    moodle = school.source(MOODLE).peer_id
    with school.database.read() as connection:
        hours = calls.counts_by_hour(connection, moodle, DAY)
        assert len(hours) == 24
        assert {n: h for n, h in enumerate(hours) if h != (0, 0, 0)} == {
            0: (2, 0, 1),
            1: (0, 1, 1),
            23: (1, 0, 0),
        }
    school.database.close()


def test_the_last_contact_change_and_error_of_a_peer(database_url: str) -> None:
    school = School.open(database_url, MOODLE)
    peer_id = school.source(MOODLE).peer_id

    def last() -> tuple[Any, ...]:
        with school.database.read() as connection:
            change = calls.last_change(connection, peer_id)
            error = calls.last_error(connection, peer_id)
            contact = journal.last_contact(connection, peer_id)
        return contact, change and change.correlation, error and error.correlation

    assert last() == (None, None, None)
    note(school, 1, direction="out", outcome="unreachable", reason="No connection.")
    assert last() == (None, None, "c1")
    note(school, 2, outcome="created")
    note(school, 3, outcome="unchanged")
    note(school, 4, outcome="fault 8409", reason="who is meant?")
    assert last() == (DAY + 4, "c2", "c4")
    note(school, 5, direction="out", outcome="fault 7020", reason="unsigned")
    assert last() == (DAY + 4, "c2", "c5")
    note(school, 6, direction="out", outcome="ok")
    assert last() == (DAY + 6, "c2", "c5")
    school.database.close()


def test_no_question_reads_the_whole_journal(tmp_path: Path) -> None:
    """Every statement goes by an index or by the newest rows, however many calls there are."""
    school = School.open(f"sqlite:///{tmp_path / 'school.sqlite'}", MOODLE, OTHER)
    questions: dict[str, Callable[[sa.Connection], object]] = {
        "newest": calls.find,
        "of one": lambda c: calls.find(c, peer_id=1),
        "a late page": lambda c: calls.find(c, before_id=1000),
        "contact": lambda c: journal.last_contact(c, 1),
        "hours": lambda c: calls.counts_by_hour(c, 1, DAY),
        "methods": lambda c: calls.methods(c, 1),
        "error": lambda c: calls.last_error(c, 1),
        "change": lambda c: calls.last_change(c, 1),
    }
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: object) -> None:
        asked.append((statement, values))

    with school.database.read() as connection:
        for name, question in questions.items():
            asked.clear()
            sa.event.listen(school.database.engine, "before_cursor_execute", note)
            question(connection)
            sa.event.remove(school.database.engine, "before_cursor_execute", note)
            assert asked, name
            for statement, values in asked:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
                steps = [str(row[-1]) for row in plan]
                whole = [step for step in steps if re.fullmatch(r"SCAN call_journal", step)]
                assert not whole or "LIMIT" in statement, (name, steps)
                # Only what was cut to the newest rows before may be sorted.
                is_cut = steps[0].startswith("CO-ROUTINE")
                assert is_cut or "TEMP B-TREE FOR ORDER BY" not in str(steps), (name, steps)
    school.database.close()


def test_the_commands_list_and_show_calls(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    assert site.run("calls", "list") == []
    assert "no such calls" in site.text("calls", "list")
    fake = FakePeer(MOODLE)
    (tmp_path / "c.pem").write_text(fake.pair.certificate_pem)
    site.run("peer", "add", MOODLE, "--certificate", str(tmp_path / "c.pem"), "--yes")
    database = Database(f"sqlite:///{site.home / 'mnet-peer.sqlite'}")
    with database.write() as connection:
        for outcome, reason in (("created", ""), ("fault 8400", "x is missing.")):
            called = CallRecord(
                peer_id=1, method=SIS + "new_grade", payload=b"", correlation="c",
                outcome=outcome, at_unix_s=START_UNIX_S, duration_ms=7, reason=reason,
            )  # fmt: skip
            journal.record(connection, called)
    database.close()
    row = {
        "id": "2", "peer": MOODLE, "direction": "in", "method": SIS + "new_grade",
        "outcome": "fault 8400", "reason": "x is missing.", "correlation": "c", "duration_ms": 7,
        "at": "2026-11-18T11:06:40Z",
    }  # fmt: skip
    listed = site.run("calls", "list")
    assert [r["id"] for r in listed] == ["2", "1"]
    assert listed[0] == row
    assert json.dumps(site.run("calls", "show", "2")) == json.dumps(row)
    assert site.run("calls", "list", "--failed") == [row]
    assert len(site.run("calls", "list", "--limit", "1")) == 1
    assert len(site.run("calls", "list", "--peer", MOODLE, "--method", "new_grade")) == 2
    assert site.run("calls", "list", "--method", "get_user") == []
    assert "x is missing." in site.text("calls", "list")
    assert "reason: -" in site.text("calls", "show", "1")
    for wrong in (["show", "3"], ["list", "--peer", OTHER]):
        with pytest.raises(Refused) as refused:
            site.text("calls", *wrong)
        assert refused.value.status == 1
        assert "see: mnet-peer" in refused.value.stderr
