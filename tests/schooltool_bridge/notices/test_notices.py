"""Which notices stand, told from facts; how they are kept."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from keys.certificate import load
from mnet.database import Database
from mnet.exchange_parts import CallRecord
from mnet.protocol import KeyCame
from peers import journal, store
from peers.model import peer_check
from peers.verify_rules import Step, not_tried
from schooltool_bridge.events import inbox
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices import tls_dates
from schooltool_bridge.notices.notices import latest_notices, open_notices, refresh
from schooltool_bridge.notices.rules import (
    KINDS,
    Check,
    Clock,
    Facts,
    LastSync,
    Limits,
    PeerFacts,
    moment,
    notice,
    standing,
)
from schooltool_bridge.store.model_notices import notice as notice_table
from tests.helpers.migrated import fill
from tests.helpers.rig import OURS, SIS, START_UNIX_S, FakePeer, Rig, make_rig

NOW = START_UNIX_S
HOUR, DAY = 3600, 24 * 3600
PEER = "https://moodle.example.org"
FINE = PeerFacts(
    PEER,
    enabled=True,
    since_unix_s=NOW - 100 * DAY,
    heard_unix_s=NOW - HOUR,
    key_not_after_unix_s=NOW + 20 * DAY,
    tls_not_after_unix_s=NOW + 60 * DAY,
)


def kinds(facts: Facts, now: int = NOW, limits: Limits | None = None) -> list[str]:
    return [n.key.split(" ")[0] for n in standing(facts, now, limits or Limits())]


@pytest.mark.parametrize(
    ("what", "changed", "expected"),
    [
        ("all is well", {}, []),
        ("heard a day ago, less a second", {"heard_unix_s": NOW - DAY + 1}, []),
        ("heard a day ago", {"heard_unix_s": NOW - DAY}, ["silent"]),
        ("never heard, but new", {"heard_unix_s": None, "since_unix_s": NOW - DAY + 1}, []),
        ("never heard for a day", {"heard_unix_s": None, "since_unix_s": NOW - DAY}, ["silent"]),
        ("heard in our future: a clock was set back", {"heard_unix_s": NOW + DAY}, []),
        ("long silent before its new key came", {"heard_unix_s": NOW - 9 * DAY, "since_unix_s": NOW - HOUR}, []),
        ("key ends in 14 days and a second", {"key_not_after_unix_s": NOW + 14 * DAY + 1}, []),
        ("key ends in 14 days", {"key_not_after_unix_s": NOW + 14 * DAY}, ["key-expiry-14"]),
        ("key ends in 7 days and a second", {"key_not_after_unix_s": NOW + 7 * DAY + 1}, ["key-expiry-14"]),
        ("key ends in 7 days", {"key_not_after_unix_s": NOW + 7 * DAY}, ["key-expiry-7"]),
        ("key ends in a day", {"key_not_after_unix_s": NOW + DAY}, ["key-expiry-1"]),
        ("key ends in a second", {"key_not_after_unix_s": NOW + 1}, ["key-expiry-1"]),
        ("key ends now", {"key_not_after_unix_s": NOW}, ["key-expired"]),
        ("key without an end", {"key_not_after_unix_s": None}, []),
        ("TLS ends in 14 days and a second", {"tls_not_after_unix_s": NOW + 14 * DAY + 1}, []),
        ("TLS ends in 14 days", {"tls_not_after_unix_s": NOW + 14 * DAY}, ["tls-expiry-14"]),
        ("TLS ends in 7 days", {"tls_not_after_unix_s": NOW + 7 * DAY}, ["tls-expiry-7"]),
        ("TLS ends in a day", {"tls_not_after_unix_s": NOW + DAY}, ["tls-expiry-1"]),
        ("TLS has ended", {"tls_not_after_unix_s": NOW}, ["tls-expired"]),
        ("TLS not looked at, or plain http", {"tls_not_after_unix_s": None}, []),
        ("a new key waits", {"has_offered_key": True}, ["key-offered"]),
        ("20 held", {"held": 20, "held_since_unix_s": NOW}, []),
        ("21 held", {"held": 21, "held_since_unix_s": NOW}, ["held-many"]),
        ("one held for a day", {"held": 1, "held_since_unix_s": NOW - DAY}, []),
        ("one held for longer", {"held": 1, "held_since_unix_s": NOW - DAY - 1}, ["held-long"]),
        ("1000 held for long", {"held": 1000, "held_since_unix_s": NOW - 2 * DAY}, ["held-many", "held-long"]),
        ("one conflict", {"conflicts": 1}, ["conflict"]),
        ("20 rejected", {"rejected": 20}, []),
        ("21 rejected", {"rejected": 21}, ["rejected-many"]),
        ("verified", {"check": Check(NOW - HOUR, ok=True)}, []),
        ("new sections wait", {"new_sections": 2}, ["sections-wait"]),
        ("a sync waits", {"sync": LastSync(NOW - HOUR, waits=True)}, ["sync-waits"]),
        ("a sync failed", {"sync": LastSync(NOW - HOUR, failed=True)}, ["sync-failed"]),
        ("a sync is done", {"sync": LastSync(NOW - HOUR)}, []),
        ("verifying failed", {"check": Check(NOW - HOUR, ok=False, failing=("TLS",))}, ["check-failed"]),
        ("its clock is ahead", {"clock": Clock(NOW - HOUR, 40 * HOUR)}, ["clocks-differ"]),
        ("its clock was ahead, a day ago", {"clock": Clock(NOW - DAY, 40 * HOUR)}, []),
        ("switched off: nobody expects it to work", {"enabled": False, "heard_unix_s": None, "tls_not_after_unix_s": NOW, "key_not_after_unix_s": NOW, "check": Check(NOW, ok=False)}, ["switched-off"]),
        ("switched off with a conflict", {"enabled": False, "conflicts": 1}, ["conflict", "switched-off"]),
        ("the most urgent first", {"conflicts": 1, "tls_not_after_unix_s": NOW}, ["tls-expired", "conflict"]),
    ],
)  # fmt: skip
def test_what_needs_a_hand_about_a_peer(
    what: str, changed: dict[str, Any], expected: list[str]
) -> None:
    assert kinds(Facts(peers=(replace(FINE, **changed),))) == expected, what


@pytest.mark.parametrize("how", [{"waits": True}, {"failed": True}])
def test_a_full_sync_that_needs_a_hand_is_one_click_away(how: dict[str, bool]) -> None:
    facts = Facts(peers=(replace(FINE, sync=LastSync(NOW - HOUR, run_id=7, **how)),))
    (found,) = standing(facts, NOW, Limits())
    assert found.link_path == "/admin/syncs/7"


@pytest.mark.parametrize(
    ("what", "facts", "expected"),
    [
        ("no peers", Facts(), []),
        ("our key ends in 15 days", Facts(our_key_not_after_unix_s=NOW + 15 * DAY), []),
        ("our key ends in 14 days", Facts(our_key_not_after_unix_s=NOW + 14 * DAY), ["own-key-expiry-14"]),
        ("our key ends in 7 days", Facts(our_key_not_after_unix_s=NOW + 7 * DAY), ["own-key-expiry-7"]),
        ("our key ends in a day", Facts(our_key_not_after_unix_s=NOW + DAY), ["own-key-expiry-1"]),
        ("our key has ended", Facts(our_key_not_after_unix_s=NOW), ["own-key-expired"]),
        ("strangers wait", Facts(strangers=3), ["strangers"]),
    ],
)  # fmt: skip
def test_what_needs_a_hand_about_ourselves(what: str, facts: Facts, expected: list[str]) -> None:
    assert kinds(facts) == expected, what


def test_our_own_key_is_only_told_when_it_did_not_renew_itself() -> None:
    told = {
        days: standing(Facts(our_key_not_after_unix_s=NOW + days * DAY), NOW, Limits())[0].severity
        for days in (14, 7, 1, 0)
    }
    assert told == {14: "info", 7: "info", 1: "urgent", 0: "urgent"}


def test_limits_are_the_schools() -> None:
    limits = Limits(silent_s=2 * HOUR, held=0)
    peer = replace(FINE, heard_unix_s=NOW - 2 * HOUR, held=1, held_since_unix_s=NOW)
    assert kinds(Facts(peers=(peer,)), limits=limits) == ["held-many", "silent"]


def test_a_notice_says_what_to_do_and_where_by_the_schools_clock() -> None:
    peer = replace(FINE, heard_unix_s=1_794_909_600)
    (found,) = standing(Facts(peers=(peer,)), NOW, Limits(zone=ZoneInfo("Pacific/Auckland")))
    assert found.key == f"silent {PEER}"
    assert found.text == f"Nothing was heard from {PEER} since 17 Nov 2026, 23:00."
    assert found.remedy.endswith(f"mnet-peer peer verify {PEER}")
    assert found.link_path == "/admin/peer?wwwroot=https%3A%2F%2Fmoodle.example.org"


def test_an_end_that_is_beyond_the_calendar_is_told_all_the_same() -> None:
    end_unix_s = 253_402_300_799  # 9999-12-31 23:59:59 UTC
    assert moment(end_unix_s, ZoneInfo("UTC")) == "31 Dec 9999, 23:59"
    assert moment(end_unix_s, ZoneInfo("Pacific/Auckland")) == "9999-12-31T23:59:59Z"


def test_every_kind_that_calls_for_a_hand_says_what_to_do() -> None:
    assert not [kind for kind, of_kind in KINDS.items() if not of_kind.remedy]


@pytest.fixture
def database(database_url: str) -> Database:
    made = Database(database_url)
    fill(made)
    return made


def keep(database: Database, now: int, *kinds_: str) -> tuple[list[str], list[str]]:
    found = [notice(kind, PEER, f"{kind} at {now}") for kind in kinds_]
    with database.write() as connection:
        new, ended = refresh(connection, found, now)
    return [n.key for n in new], [n.key for n in ended]


def test_a_notice_is_opened_once_ended_and_new_when_it_comes_back(database: Database) -> None:
    key = f"silent {PEER}"
    assert keep(database, NOW, "silent") == ([key], [])
    assert keep(database, NOW + 600, "silent") == ([], [])
    with database.read() as connection:
        (one,) = open_notices(connection)
    assert (one.since_unix_s, one.notice.text) == (NOW, f"silent at {NOW + 600}")
    assert keep(database, NOW + 1200) == ([], [key])
    assert keep(database, NOW + 1800, "silent") == ([key], [])
    with database.read() as connection:
        rows = [(k.since_unix_s, k.ended_unix_s) for k in latest_notices(connection)]
    assert rows == [(NOW + 1800, None), (NOW, NOW + 1200)]
    database.close()


def test_each_step_towards_the_end_of_a_key_is_a_new_notice(database: Database) -> None:
    for days, kind in ((14, "key-expiry-14"), (7, "key-expiry-7"), (1, "key-expiry-1")):
        peer = replace(FINE, heard_unix_s=NOW + 30 * DAY, key_not_after_unix_s=NOW + 14 * DAY)
        at = NOW + (14 - days) * DAY
        with database.write() as connection:
            new, _ended = refresh(connection, standing(Facts(peers=(peer,)), at, Limits()), at)
        assert [n.key for n in new] == [f"{kind} {PEER}"]
    with database.read() as connection:
        assert [k.notice.key for k in open_notices(connection)] == [f"key-expiry-1 {PEER}"]
    database.close()


def test_a_clock_that_jumps_back_ends_nothing_before_it_began(database: Database) -> None:
    keep(database, NOW, "silent")
    keep(database, NOW - DAY)
    with database.read() as connection:
        (one,) = latest_notices(connection)
    assert one.ended_unix_s == NOW
    database.close()


def test_what_is_long_over_goes(database: Database) -> None:
    keep(database, NOW, "silent")
    keep(database, NOW + 1)
    keep(database, NOW + 500 * DAY, "conflict")
    with database.read() as connection:
        assert [k.notice.key for k in latest_notices(connection)] == [f"conflict {PEER}"]
    database.close()


def test_a_kind_that_this_program_does_not_know_any_more_is_shown_and_ended(
    database: Database,
) -> None:
    with database.write() as connection:
        connection.execute(
            sa.insert(notice_table).values(key="gone x", subject="x", text="?", since_unix_s=NOW)
        )
    with database.read() as connection:
        assert open_notices(connection)[0].notice.severity == "info"
    assert keep(database, NOW) == ([], ["gone x"])
    database.close()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return make_rig(tmp_path)


def facts_of(rig: Rig, now: int = NOW) -> PeerFacts:
    with rig.app.database.read() as connection:
        (peer,) = notices_facts.gather(connection, now).peers
    return peer


def test_facts_come_from_what_really_happened(rig: Rig) -> None:
    peer = rig.add(PEER)
    assert facts_of(rig).heard_unix_s is None
    rig.clock.now += HOUR
    rig.call(
        peer,
        SIS + "new_enrolment",
        {"sectionid": "1", "userid": "2", "role": "student"},
        timestamp=NOW + HOUR,
    )
    found = facts_of(rig, NOW + HOUR)
    assert (found.heard_unix_s, found.held, found.held_since_unix_s) == (NOW + HOUR, 1, NOW + HOUR)
    assert found.key_not_after_unix_s == load(peer.pair.certificate_pem).not_after_unix_s
    with rig.app.database.read() as connection:
        ours = notices_facts.gather(connection, NOW).our_key_not_after_unix_s
    assert ours == rig.app.custody.keyring().current.not_after_unix_s
    assert OURS not in found.wwwroot


def test_a_call_of_ours_counts_as_hearing_only_when_it_was_answered(rig: Rig) -> None:
    rig.add(PEER)

    def call(at: int, outcome: str, reason: str) -> None:
        with rig.app.database.write() as connection:
            called = CallRecord(
                peer_id=1, method="system/listMethods", payload=b"", correlation="",
                outcome=outcome, at_unix_s=at, direction="out", reason=reason,
            )  # fmt: skip
            journal.record(connection, called)

    call(NOW + 1, "ok", "")
    call(NOW + 2, "unreachable", "No connection.")
    call(NOW + 3, "fault 8404", "")
    assert facts_of(rig).heard_unix_s == NOW + 1
    call(NOW + 400 * DAY, "ok", "")  # written while the clock was a year ahead
    assert facts_of(rig).heard_unix_s == NOW + 1
    with rig.app.database.read() as connection:
        assert notices_facts.calls_between(connection, 1, NOW, NOW + DAY) == notices_facts.Calls(
            0, 3, 2
        )


def test_a_verification_that_went_well_counts_as_hearing(rig: Rig) -> None:
    rig.add(PEER)
    steps = [{"name": "DNS", "ok": True}, {"name": "TLS", "ok": False, "detail": "<script>"}, "odd"]
    with rig.app.database.write() as connection:
        connection.execute(
            sa.insert(peer_check).values(peer_id=1, at_unix_s=NOW + 5, ok=False, steps=steps)
        )
    found = facts_of(rig)
    assert (found.heard_unix_s, found.check) == (None, Check(NOW + 5, ok=False, failing=("TLS",)))
    with rig.app.database.write() as connection:
        connection.execute(sa.update(peer_check).values(ok=True, steps=[]))
    assert facts_of(rig).heard_unix_s == NOW + 5


@pytest.mark.parametrize("says_so_itself", [True, False])
def test_only_steps_that_were_tried_are_told_as_failed(rig: Rig, says_so_itself: bool) -> None:
    rig.add(PEER)
    failed = Step("TCP", ok=False, detail="Nothing answers there.")
    kept = [Step("DNS", ok=True, detail="192.0.2.1"), failed]
    kept += [not_tried(name, failed) for name in ("TLS", "HTTP", "keyswap")]
    steps = [asdict(step) for step in kept]
    if not says_so_itself:  # as they were kept before
        for step in steps:
            del step["was_tried"]
    with rig.app.database.write() as connection:
        connection.execute(
            sa.insert(peer_check).values(peer_id=1, at_unix_s=NOW, ok=False, steps=steps)
        )
    assert facts_of(rig).check == Check(NOW, ok=False, failing=("TCP",))


def test_deleted_peers_need_no_hand_and_offered_keys_do(rig: Rig) -> None:
    rig.add(PEER)
    other = FakePeer(PEER)
    rig.app.registry.take_key(
        rig.app.registry.all()[0], other.pair.certificate_pem, came=KeyCame.KEYSWAP
    )
    assert facts_of(rig).has_offered_key
    with rig.app.database.write() as connection:
        store.set_state(connection, 1, store.DELETED)
        assert notices_facts.gather(connection, NOW).peers == ()


def test_a_tls_date_belongs_to_the_address_at_which_it_was_seen(rig: Rig) -> None:
    rig.add(PEER)
    for wwwroot, end in ((PEER, NOW + DAY), (PEER, None)):
        with rig.app.database.write() as connection:
            tls_dates.remember_date(connection, 1, wwwroot, not_after_unix_s=end, now_unix_s=NOW)
        assert facts_of(rig).tls_not_after_unix_s == NOW + DAY
    with rig.app.database.write() as connection:
        store.set_columns(connection, 1, wwwroot="https://moved.example.org")
    assert facts_of(rig).tls_not_after_unix_s is None


def test_a_thousand_events_held_are_one_notice(rig: Rig) -> None:
    rig.add(PEER)
    with rig.app.database.write() as connection:
        for number in range(1000):
            inbox.put(
                connection, peer_id=1, event="new_grade", status=inbox.HELD, data={"n": number},
                waiting_for=["user:1"], reason="", position=(NOW, number), now_unix_s=NOW,
            )  # fmt: skip
    (found,) = standing(Facts(peers=(facts_of(rig),)), NOW, Limits())
    assert found.text == f"1000 events of {PEER} are held."
