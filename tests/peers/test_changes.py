"""What an admin may change about peers, each with its entry in the trail; and by command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from keys.certificate import WrongSubject, load
from keys.keypair import generate
from mnet.protocol import BadWwwroot
from peers import audit, changes, store
from peers.audit import By
from peers.policy import BadPolicy
from peers.store import PendingPeer, StoredPeer
from tests.helpers.rig import OURS, START_UNIX_S, Rig, make_rig
from tests.helpers.site import Refused, Site

MOODLE = "http://www.moodle.example.org"
MOVED = "https://moodle.example.org"
NOW = START_UNIX_S + 5
OLGA = By("olga", NOW)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = make_rig(tmp_path)
    yield rig
    rig.app.database.close()


@pytest.fixture
def connection(rig: Rig) -> Iterator[Connection]:
    with rig.app.database.write() as connection:
        yield connection


def add(connection: Connection, wwwroot: str = MOODLE, **changed: Any) -> int:
    values: dict[str, Any] = {
        "wwwroot": wwwroot,
        "our_wwwroot": OURS,
        "name": "Moodle",
        "application": "moodle",
        "certificate": load(generate(wwwroot, "x", START_UNIX_S).certificate_pem),
        "origin": "keyswap",
    }
    return changes.add_peer(connection, OLGA, **{**values, **changed})


def peer_of(connection: Connection, peer_id: int) -> StoredPeer:
    found = store.by_id(connection, peer_id)
    assert found is not None
    return found


def actions(connection: Connection) -> list[str]:
    """What the trail says was done, oldest first."""
    return [entry.action for entry in reversed(audit.entries(connection))]


def test_every_change_is_made_and_told(connection: Connection) -> None:
    peer_id = add(connection, label="test", state=store.DISABLED)
    changes.set_enabled(connection, OLGA, peer_id, enabled=True)
    changes.set_services(connection, OLGA, peer_id, publish=["schooltool"])
    changes.set_policy(connection, OLGA, peer_id, values={"tls": "none"})
    changes.set_label(connection, OLGA, peer_id, label="production")
    changes.add_alias(connection, OLGA, peer_id, wwwroot=MOVED, our_wwwroot=OURS)
    changes.remove_alias(connection, OLGA, peer_id, wwwroot=MOVED)
    peer = peer_of(connection, peer_id)
    assert (peer.state, peer.label, peer.aliases) == ("enabled", "production", ())
    assert (set(peer.published), dict(peer.policy)) == ({"schooltool"}, {"tls": "none"})
    changes.remove_peer(connection, OLGA, peer_id)
    assert actions(connection) == [
        "peer added", "peer enabled", "services changed", "policy changed", "label changed",
        "address added", "address removed", "peer removed",
    ]  # fmt: skip
    told = audit.entries(connection, subject=MOODLE)
    assert {(e.actor, e.at_unix_s) for e in told} == {("olga", NOW)}
    assert told[4].detail == {"tls": {"before": "default", "after": "none"}}


def test_what_changes_nothing_is_not_told(connection: Connection) -> None:
    peer_id = add(connection)
    changes.set_enabled(connection, OLGA, peer_id, enabled=True)
    changes.set_services(connection, OLGA, peer_id, publish=[], subscribe=[])
    changes.set_policy(connection, OLGA, peer_id, values={})
    changes.set_label(connection, OLGA, peer_id, label="production")
    assert actions(connection) == ["peer added"]


@pytest.mark.requirement("R18")
def test_a_removed_peer_is_taken_up_again_under_its_id(connection: Connection) -> None:
    peer_id = add(connection)
    changes.remove_peer(connection, OLGA, peer_id)
    with pytest.raises(changes.NotPossible, match="removed"):
        changes.set_enabled(connection, OLGA, peer_id, enabled=True)
    assert add(connection) == peer_id
    assert peer_of(connection, peer_id).state == "enabled"


def test_a_peer_moves_with_its_id_its_services_and_its_old_address(connection: Connection) -> None:
    peer_id = add(connection)
    changes.set_services(connection, OLGA, peer_id, publish=["schooltool"])
    before = peer_of(connection, peer_id).certificate()
    new = load(generate(MOVED, "x", START_UNIX_S).certificate_pem)
    changes.add_alias(connection, OLGA, peer_id, wwwroot=MOVED, our_wwwroot=OURS)
    changes.rename_peer(connection, OLGA, peer_id, wwwroot=MOVED, our_wwwroot=OURS, certificate=new)
    peer = peer_of(connection, peer_id)
    current = peer.certificate()
    assert before is not None
    assert current is not None
    assert (peer.wwwroot, peer.aliases, set(peer.published)) == (MOVED, (MOODLE,), {"schooltool"})
    assert current.fingerprint == new.fingerprint
    assert store.find(connection, MOODLE) == peer
    detail = audit.entries(connection, subject=MOVED)[0].detail
    assert detail["address before"] == MOODLE
    assert detail["fingerprint before"] == before.fingerprint
    assert detail["fingerprint after"] == new.fingerprint


def test_what_cannot_be_is_refused_and_changes_nothing(rig: Rig) -> None:
    with rig.app.database.write() as connection:
        peer_id = add(connection)
        other_id = add(connection, "http://other.example.org")
        gone_id = add(connection, "http://gone.example.org")
        changes.remove_peer(connection, OLGA, gone_id)
    before = rig.dump()
    certificate = load(generate(MOVED, "x", START_UNIX_S).certificate_pem)
    who: dict[str, Any] = {"by": OLGA}
    mine: dict[str, Any] = {**who, "peer_id": peer_id, "our_wwwroot": OURS}
    refused: list[tuple[type[Exception], Any, dict[str, Any]]] = [
        (changes.NotPossible, changes.add_alias, {**mine, "wwwroot": "http://other.example.org"}),
        (changes.NotPossible, changes.add_alias, {**mine, "wwwroot": "http://gone.example.org"}),
        (changes.NotPossible, changes.add_alias, {**mine, "wwwroot": OURS}),
        (BadWwwroot, changes.add_alias, {**mine, "wwwroot": "ftp://x.example.org"}),
        (changes.NotPossible, changes.rename_peer,
         {**mine, "wwwroot": MOODLE, "certificate": certificate}),
        (WrongSubject, changes.rename_peer,
         {**mine, "wwwroot": "https://x.example.org", "certificate": certificate}),
        (changes.NotPossible, changes.rename_peer,
         {**mine, "peer_id": 999, "wwwroot": MOVED, "certificate": certificate}),
        (changes.NotPossible, changes.remove_alias, {**who, "peer_id": peer_id, "wwwroot": MOVED}),
        (changes.NotPossible, changes.set_label, {**who, "peer_id": other_id, "label": "toy"}),
        (changes.NotPossible, changes.set_services,
         {**who, "peer_id": peer_id, "publish": ["nonsense"]}),
        (BadPolicy, changes.set_policy, {**who, "peer_id": peer_id, "values": {"colour": "red"}}),
        (changes.NotPossible, changes.accept_key, {**who, "peer_id": peer_id, "fingerprint": "00"}),
        (changes.NotPossible, changes.dismiss_pending, {**who, "wwwroot": MOODLE}),
    ]  # fmt: skip
    for problem, change, values in refused:
        with pytest.raises(problem), rig.app.database.write() as connection:
            change(connection, **values)
    for wwwroot in (MOODLE, OURS):
        with pytest.raises(changes.NotPossible), rig.app.database.write() as connection:
            add(connection, wwwroot)
    assert rig.dump() == before


def test_a_stranger_is_dismissed(connection: Connection) -> None:
    store.note_pending(connection, PendingPeer(MOODLE, "pem", "moodle", NOW))
    changes.dismiss_pending(connection, OLGA, wwwroot=MOODLE)
    assert store.pending(connection) == []
    assert actions(connection) == ["stranger dismissed"]


def test_the_trail_is_read_page_by_page_and_keeps_long_texts_short(connection: Connection) -> None:
    for number in range(7):
        audit.record(
            connection,
            actor="a" * 999,
            action="b" * 999,
            subject=f"s{number % 2}",
            detail={"n": number, "long": "x" * 9999, "set": {"b", "a"}, "none": None, "many": [1]},
            now_unix_s=number,
        )
    first = audit.entries(connection, limit=4)
    rest = audit.entries(connection, before_id=first[-1].id, limit=4)
    assert [e.detail["n"] for e in (*first, *rest)] == [6, 5, 4, 3, 2, 1, 0]
    assert [e.detail["n"] for e in audit.entries(connection, subject="s1")] == [5, 3, 1]
    assert audit.entries(connection, limit=-1) == []
    newest = first[0]
    assert (len(newest.actor), len(newest.action)) == (100, 60)
    assert newest.detail == {
        "n": 6,
        "long": "x" * 500,
        "set": ["a", "b"],
        "none": None,
        "many": [1],
    }


def test_the_commands_change_and_tell(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    for number, wwwroot in enumerate((MOODLE, MOVED)):
        pem = generate(wwwroot, "x", START_UNIX_S).certificate_pem
        (tmp_path / f"{number}.pem").write_text(pem)
    files = [str(tmp_path / "0.pem"), str(tmp_path / "1.pem")]
    site.run("peer", "add", MOODLE, "--certificate", files[0], "--yes")
    assert site.run("peer", "label", MOODLE, "test") == {"wwwroot": MOODLE, "label": "test"}
    move = ["peer", "rename", MOODLE, MOVED, "--certificate", files[1]]
    with pytest.raises(Refused, match="Nothing was changed"):
        site.run(*move, "--fingerprint", "00" * 32)
    with pytest.raises(Refused, match="Aborted"):
        site.run(*move)
    fingerprint = load(Path(files[1]).read_text()).fingerprint
    assert site.run(*move, "--fingerprint", fingerprint)["wwwroot"] == MOVED
    shown = site.run("peer", "show", MOODLE)
    assert (shown["wwwroot"], shown["label"], shown["aliases"]) == (MOVED, "test", [MOODLE])
    assert shown["fingerprint"] == fingerprint
    site.run("peer", "alias", MOVED, MOODLE, "--remove")
    with pytest.raises(Refused, match="There is no peer"):
        site.run("peer", "show", MOODLE)
    with pytest.raises(Refused, match="is not waiting"):
        site.run("peer", "pending", "--dismiss", MOODLE)
