"""Which new keys are believed, as a table; and each way through the registry, with its trail."""

from __future__ import annotations

from collections.abc import Iterator
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
