"""Calls that no key of ours opens: a line now and then, only for peers, and proof of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.keypair import generate
from mnet.once_per_period import OncePerPeriod
from peers import calls, journal
from peers.calls import Call
from schooltool_bridge.notices import facts
from tests.helpers.rig import OURS, START_UNIX_S, Rig, make_rig

MOODLE, OTHER = "http://moodle.example.org", "http://other.example.org"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = make_rig(tmp_path)
    with rig.app:
        yield rig


def failed(rig: Rig) -> list[Call]:
    with rig.app.database.read() as connection:
        return calls.find(connection, outcome=calls.ANY_FAILED, limit=1000)


def test_a_peer_that_seals_to_no_key_of_ours_is_seen_and_cannot_fill_anything(rig: Rig) -> None:
    lost = generate(OURS, "x", START_UNIX_S).certificate_pem
    peers = [rig.add(MOODLE), rig.add(OTHER)]
    for second in range(181):
        rig.clock.now = START_UNIX_S + second
        for peer in peers:
            body = peer.request(lost, "system/listServices", [])
            assert rig.fault(body) == (7023, "plain")
    rows = failed(rig)
    assert {(row.outcome, row.direction) for row in rows} == {("fault 7023", "in")}
    for wwwroot in (MOODLE, OTHER):
        mine = [row.at_unix_s for row in rows if row.peer == wwwroot]
        assert sorted(mine) == [START_UNIX_S + 60 * minute for minute in range(4)]
    assert all("fetch this site's key again" in row.reason for row in rows)
    assert "listServices" not in str(rows)


def test_a_stranger_s_leave_no_line_and_nobody_counts_as_heard_by_them(rig: Rig) -> None:
    lost = generate(OURS, "x", START_UNIX_S).certificate_pem
    peer = rig.add(MOODLE)
    stranger = peer.request(lost, "x", [], outer="http://stranger.example.org")
    assert rig.fault(stranger)[0] == 7020
    assert failed(rig) == []
    rig.fault(peer.request(lost, "x", []))
    assert len(failed(rig)) == 1
    with rig.app.database.read() as connection:
        assert journal.last_contact(connection, 1) is None
        assert facts.heard_unix_s(connection, 1, START_UNIX_S) is None
    rig.call(peer, "system/listServices")
    with rig.app.database.read() as connection:
        assert journal.last_contact(connection, 1) == START_UNIX_S
        assert facts.heard_unix_s(connection, 1, START_UNIX_S) == START_UNIX_S


def test_now_and_then_is_for_each_thing_by_itself_and_survives_a_clock_set_back() -> None:
    often = OncePerPeriod(60)
    assert [often.is_due("a", now) for now in (100, 159, 160, 161)] == [True, False, True, False]
    assert often.is_due("b", 161)
    assert often.is_due("a", 5)
    assert not often.is_due("a", 6)
