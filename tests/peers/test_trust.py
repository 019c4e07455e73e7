"""Which new keys are believed, as a table; and each way through the registry, with its trail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys.keypair import generate
from mnet.protocol import KeyCame
from peers import audit, changes, store
from peers.audit import By
from peers.registry import Peer
from peers.trust import Trust, judge
from tests.helpers.rig import START_UNIX_S, Rig, make_rig

MOODLE = "http://moodle.example.org"

# how the key came | the policy takes verified TLS for proof | what becomes of it
RULES = """
fault 7025           | yes | believe
fault 7025           | no  | believe
fault 7025, unproven | yes | wait
fault 7025, unproven | no  | wait
verified TLS         | yes | believe
verified TLS         | no  | wait
keyswap              | yes | wait
keyswap              | no  | wait
sent by a stranger   | yes | ignore
sent by a stranger   | no  | ignore
admin                | yes | believe
admin                | no  | believe
"""
TABLE = [tuple(cell.strip() for cell in line.split("|")) for line in RULES.strip().splitlines()]


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(("came", "policy", "becomes"), TABLE)
def test_a_new_key_is_judged_by_how_it_came(came: str, policy: str, becomes: str) -> None:
    assert judge(KeyCame(came), trusts_tls=policy == "yes") is Trust(becomes)


def test_the_table_says_every_way() -> None:
    assert {row[0] for row in TABLE} == {came.value for came in KeyCame}
    assert len(TABLE) == 2 * len(KeyCame)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    yield rig
    rig.app.database.close()


def peer_of(rig: Rig) -> Peer:
    found = rig.app.registry.find(MOODLE)
    assert found is not None
    return found


@pytest.mark.parametrize(("came", "policy", "becomes"), TABLE)
def test_the_registry_does_what_the_table_says_and_the_trail_tells(
    rig: Rig, came: str, policy: str, becomes: str
) -> None:
    before = peer_of(rig)
    with rig.app.database.write() as connection:
        changes.set_policy(connection, By("olga", 1), before.id, values={"trust_tls_key": policy})
    new = generate(MOODLE, "x", START_UNIX_S + 1)
    after = rig.app.registry.take_key(peer_of(rig), new.certificate_pem, came=KeyCame(came))
    assert after is not None
    assert (after.certificate.fingerprint == new.fingerprint) is (becomes == "believe")
    with rig.app.database.read() as connection:
        stored = store.by_id(connection, before.id)
        told = [e for e in audit.entries(connection, subject=MOODLE) if e.actor == audit.SERVER]
    assert stored is not None
    offered = stored.certificate(store.OFFERED)
    assert (offered is not None) is (becomes == "wait")
    if becomes == "ignore":
        assert told == []
        return
    assert [e.detail for e in told] == [
        {"came by": came, "before": before.certificate.fingerprint, "after": new.fingerprint}
    ]


def certificates_of(rig: Rig) -> tuple[list[tuple[str, str]], list[str]]:
    """Return a peer's certificates with their states, and what the server noted, oldest first."""
    with rig.app.database.read() as connection:
        stored = store.find(connection, MOODLE)
        told = [e.action for e in audit.entries(connection) if e.actor == audit.SERVER]
    assert stored is not None
    return [(c.fingerprint, c.state) for c in stored.certificates], told[::-1]


@pytest.mark.parametrize("threads", [2, 6])
@pytest.mark.parametrize(
    ("came", "state", "action"),
    [
        (KeyCame.PROVEN, store.CURRENT, "key changed"),
        (KeyCame.KEYSWAP, store.OFFERED, "key waits for an admin"),
    ],
)
def test_a_key_that_many_learn_at_once_is_taken_in_once(
    rig: Rig, came: KeyCame, state: str, action: str, threads: int
) -> None:
    before = peer_of(rig)
    new = generate(MOODLE, "x", START_UNIX_S + 1)
    together = threading.Barrier(threads)

    def learn(_number: int) -> str:
        together.wait(10)
        after = rig.app.registry.take_key(before, new.certificate_pem, came=came)
        assert after is not None
        return after.certificate.fingerprint

    with ThreadPoolExecutor(threads) as pool:
        learnt = set(pool.map(learn, range(threads)))
    old = before.certificate.fingerprint
    was = store.RETIRED if state == store.CURRENT else store.CURRENT
    assert learnt == {new.fingerprint if state == store.CURRENT else old}
    assert certificates_of(rig) == ([(old, was), (new.fingerprint, state)], [action])


@pytest.mark.parametrize("came", [c for c in KeyCame if c is not KeyCame.STRANGER])
def test_a_late_answer_puts_no_older_key_back(rig: Rig, came: KeyCame) -> None:
    first = peer_of(rig)
    second, third = (generate(MOODLE, "x", START_UNIX_S + n) for n in (1, 2))
    for new in (second, third):
        rig.app.registry.take_key(peer_of(rig), new.certificate_pem, came=KeyCame.PROVEN)
    before = certificates_of(rig)
    late = rig.app.registry.take_key(first, second.certificate_pem, came=came)
    assert late is not None
    assert late.certificate.fingerprint == third.fingerprint
    assert certificates_of(rig) == before


def test_a_late_answer_brings_a_removed_peer_no_key(rig: Rig) -> None:
    peer, new = peer_of(rig), generate(MOODLE, "x", START_UNIX_S + 1)
    with rig.app.database.write() as connection:
        changes.remove_peer(connection, By("olga", 1), peer.id)
    before = certificates_of(rig)
    assert rig.app.registry.take_key(peer, new.certificate_pem, came=KeyCame.PROVEN) is None
    assert certificates_of(rig) == before


def test_a_key_for_another_site_is_never_taken_in(rig: Rig) -> None:
    other = generate("http://other.example.org", "x", START_UNIX_S)
    for came in KeyCame:
        assert rig.app.registry.take_key(peer_of(rig), other.certificate_pem, came=came) is None
    with rig.app.database.read() as connection:
        assert audit.entries(connection) == []


def test_an_admin_accepts_the_key_on_offer_and_no_other(rig: Rig) -> None:
    peer, new = peer_of(rig), generate(MOODLE, "x", START_UNIX_S + 1)
    rig.app.registry.take_key(peer, new.certificate_pem, came=KeyCame.KEYSWAP)
    with (
        rig.app.database.write() as connection,
        pytest.raises(changes.NotPossible, match=new.fingerprint),
    ):
        changes.accept_key(connection, By("olga", 2), peer.id, fingerprint="00")
    with rig.app.database.write() as connection:
        changes.accept_key(connection, By("olga", 3), peer.id, fingerprint=new.fingerprint)
    assert peer_of(rig).certificate.fingerprint == new.fingerprint
    with rig.app.database.read() as connection:
        newest = audit.entries(connection, limit=1)[0]
    assert (newest.actor, newest.action, newest.at_unix_s) == ("olga", "key accepted", 3)
    assert newest.detail["before"] == peer.certificate.fingerprint
    assert newest.detail["after"] == new.fingerprint
