"""What was verified is shown only as long as the peer is as it was then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from keys.certificate import load
from keys.keypair import generate
from mnet.protocol import KeyCame
from peers import accounts, changes, checks, store
from peers.audit import By
from peers.verify_rules import SWITCH, Report, Step
from schooltool_bridge.server.app import App
from tests.helpers.framed import signed_in
from tests.helpers.moodle import TICKED, Moodle
from tests.helpers.rig import OURS, START_UNIX_S, Rig
from tests.helpers.verifying import register

WHERE = "http://moodle.example.org"
MOVED = "http://moved.example.org"
GREEN = Report(True, (Step("DNS", ok=True, detail="192.0.2.1"),), 0.0, "4.5", {}, None)
OLGA = By("olga", START_UNIX_S + 1)
CERTIFICATE = load(generate(WHERE, "x", START_UNIX_S).certificate_pem)
NEXT = load(generate(WHERE, "x", START_UNIX_S + 1).certificate_pem)
Change = Callable[[Connection, int], object]


def add(connection: Connection) -> int:
    return changes.add_peer(
        connection, OLGA, wwwroot=WHERE, our_wwwroot=OURS, name="m45", application="moodle",
        certificate=CERTIFICATE, origin="file",
    )  # fmt: skip


def move(connection: Connection, peer_id: int) -> None:
    certificate = load(generate(MOVED, "x", START_UNIX_S).certificate_pem)
    changes.rename_peer(
        connection, OLGA, peer_id,
        wwwroot=MOVED, our_wwwroot=OURS, certificate=certificate,
    )  # fmt: skip


def accept(connection: Connection, peer_id: int) -> None:
    store.set_certificate(
        connection, peer_id, pem=NEXT.pem, fingerprint=NEXT.fingerprint, origin="keyswap",
        now_unix_s=START_UNIX_S, state=store.OFFERED,
    )  # fmt: skip
    changes.accept_key(connection, OLGA, peer_id, fingerprint=NEXT.fingerprint)


def services(**ticked: list[str]) -> Change:
    return lambda c, peer_id: changes.set_services(c, OLGA, peer_id, **ticked)


def policy(**values: str) -> Change:
    return lambda c, peer_id: changes.set_policy(c, OLGA, peer_id, values=values)


DROPS: dict[str, Change] = {
    "more is published": services(publish=["schooltool", "sso_sp"]),
    "less is published": services(publish=[]),
    "something is subscribed": services(subscribe=["sso_idp"]),
    "removed": lambda c, peer_id: changes.remove_peer(c, OLGA, peer_id),
    "moved": move,
    "an admin took a new key": accept,
    "TLS is judged in another way": policy(tls="none"),
}
KEEPS: dict[str, Change] = {
    "the same services once more": services(publish=["schooltool"], subscribe=[]),
    "switched off": lambda c, peer_id: changes.set_enabled(c, OLGA, peer_id, enabled=False),
    "labelled": lambda c, peer_id: changes.set_label(c, OLGA, peer_id, label="test"),
    "another policy": policy(match_username="yes"),
    "TLS as it was by default": policy(tls="verify"),
}  # fmt: skip


@pytest.fixture
def green(rig: Rig) -> tuple[Rig, int]:
    with rig.app.database.write() as connection:
        peer_id = add(connection)
        services(publish=["schooltool"])(connection, peer_id)
        checks.save_check(connection, peer_id, GREEN, START_UNIX_S)
    return rig, peer_id


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("what", [*DROPS, *KEEPS])
def test_a_change_of_what_was_verified_drops_the_check(green: tuple[Rig, int], what: str) -> None:
    rig, peer_id = green
    with rig.app.database.write() as connection:
        (DROPS | KEEPS)[what](connection, peer_id)
        assert (checks.last_check(connection, peer_id) is None) is (what in DROPS)


def test_a_check_that_a_removed_peer_still_has_is_not_taken_up_again(
    green: tuple[Rig, int],
) -> None:
    rig, peer_id = green
    with rig.app.database.write() as connection:
        store.set_state(connection, peer_id, store.DELETED)  # as the rows of former versions are
        assert add(connection) == peer_id
        assert checks.last_check(connection, peer_id) is None


def test_the_last_step_of_adding_shows_no_green_from_before(green: tuple[Rig, int]) -> None:
    rig, peer_id = green
    manager = signed_in(rig, accounts.MANAGER)
    page = f"/admin/peers/{peer_id}"
    assert "All is well" in manager.get(f"{page}/verify?step=4").text
    with rig.app.database.write() as connection:
        changes.remove_peer(connection, OLGA, peer_id)
        add(connection)
        changes.set_enabled(connection, OLGA, peer_id, enabled=False)
    sent = manager.send(f"{page}/services", preset="both-ways", step="3")
    assert sent.status == 303
    shown = manager.get(sent.location).text
    assert "All is well" not in shown
    assert "Verify now" in shown
    assert "Switch on anyway" in shown
    assert "not yet" in manager.get(page).text


def test_what_is_only_switched_off_is_switched_on_without_a_warning(
    green: tuple[Rig, int],
) -> None:
    rig, peer_id = green
    manager = signed_in(rig, accounts.MANAGER)
    page = f"/admin/peers/{peer_id}/verify"

    def keep(*steps: Step) -> None:
        with rig.app.database.write() as connection:
            report = Report(False, steps, None, None, {}, None)
            checks.save_check(connection, peer_id, report, int(rig.app.clock()))

    with rig.app.database.write() as connection:
        changes.set_enabled(connection, OLGA, peer_id, enabled=False)
    off = Step(SWITCH, ok=False, detail="The peer is disabled here.")
    keep(off)
    assert "Switch on anyway" not in manager.get(page).text
    keep(off, Step("key", ok=False, detail="Another one."))
    assert "Switch on anyway" in manager.get(page).text


@pytest.fixture
def moodle(app: App) -> Iterator[Moodle]:
    with Moodle(app.settings.wwwroot, app.custody.keyring().certificate_pem) as moodle:
        yield moodle


@pytest.mark.parametrize(
    ("what", "is_kept"),
    [("more is published", False), ("moved", False), ("removed", False), ("labelled", True)],
)
def test_what_changes_during_a_verification_was_not_verified(
    app: App, moodle: Moodle, what: str, is_kept: bool
) -> None:
    peer_id = register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)

    def meanwhile(*_params: Any) -> Any:
        with app.database.write() as connection:
            (DROPS | KEEPS)[what](connection, peer_id)
        return TICKED

    moodle.scripted["listServices"] = meanwhile
    peer = app.registry.by_id(peer_id)
    assert peer is not None
    assert app.verify(peer).ok
    with app.database.write() as connection:
        assert (checks.last_check(connection, peer_id) is not None) is is_kept
        if what == "moved":  # its port may be another test's next
            store.remove_alias(connection, peer_id, moodle.wwwroot)


def test_a_key_that_a_peer_proves_while_it_is_verified_keeps_the_check(
    app: App, moodle: Moodle
) -> None:
    moodle.old = moodle.fake.pair
    peer_id = register(app, moodle.wwwroot, moodle.old.certificate_pem)
    moodle.fake.pair = generate(moodle.wwwroot, "Moodle", int(app.clock()))
    peer = app.registry.by_id(peer_id)
    assert peer is not None
    assert app.verify(peer).ok
    with app.database.read() as connection:
        kept, stored = checks.last_check(connection, peer_id), store.by_id(connection, peer_id)
    assert kept is not None
    assert stored is not None
    current = stored.certificate()
    assert current is not None
    assert (current.fingerprint, current.origin) == (
        moodle.fake.pair.fingerprint, KeyCame.PROVEN.value,
    )  # fmt: skip
