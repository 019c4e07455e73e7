"""The watch: one process of several keeps it, another takes over, nothing due is left out."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mnet.database import Database
from peers import store
from peers.audit import COMMAND_LINE, By
from peers.registry import Peer
from schooltool_bridge.events.inbox_lists import count_by_status
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices.notices import open_notices
from schooltool_bridge.notices.tls_dates import NoDate, tls_not_after
from schooltool_bridge.server.app import App
from schooltool_bridge.server.background import (
    LEASE,
    LEASE_S,
    LOOK_INTERVAL_S,
    REFRESH_INTERVAL_S,
    REFRESHED,
    TICK_S,
    Background,
)
from schooltool_bridge.store import backups, stored_settings
from schooltool_bridge.store.site_memory import recall
from tests.helpers.mail_server import MailServer
from tests.helpers.rig import SIS, Clock, Rig, make_rig
from tests.helpers.site import Site
from tests.helpers.tls import localhost_certificate

DAY = 24 * 3600
PEER = "http://moodle.example.org"


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    yield made
    made.app.database.close()


Watches = Callable[[int], tuple[list[Background], list[list[str]]]]


@pytest.fixture
def watches(rig: Rig) -> Iterator[Watches]:
    """Makes watches of several processes on one store and clock, and says whom each verified."""
    apps: list[App] = []

    def make(count: int) -> tuple[list[Background], list[list[str]]]:
        checked: list[list[str]] = [[] for _ in range(count)]

        def check(number: int) -> Callable[[Peer], None]:
            return lambda peer: checked[number].append(peer.wwwroot)

        apps.extend(App(rig.app.settings, clock=rig.clock) for _ in range(count))
        return [app.background(check(number)) for number, app in enumerate(apps)], checked

    yield make
    for app in apps:
        app.database.close()


def test_one_of_several_keeps_watch_and_another_takes_over(rig: Rig, watches: Watches) -> None:
    rig.add(PEER)
    (first, other), checked = watches(2)
    for _hour in range(3):
        first.tick()
        other.tick()
        rig.clock.now += TICK_S
        other.tick()
        first.tick()
        rig.clock.now += TICK_S
    assert checked == [[PEER], []]
    rig.clock.now += LOOK_INTERVAL_S  # kill -9: the first says nothing any more
    other.tick()
    assert checked == [[PEER], [PEER]]


def test_a_leader_that_is_gone_is_replaced_within_four_minutes(rig: Rig, watches: Watches) -> None:
    (first, other), _checked = watches(2)
    first.tick()
    with rig.app.database.read() as connection:
        assert recall(connection, REFRESHED) == {"at_unix_s": rig.clock.now}
    gone_at = rig.clock.now
    while other_is_out := not holds(rig, other):
        rig.clock.now += TICK_S
        other.tick()
    assert not other_is_out
    assert rig.clock.now - gone_at <= LEASE_S + TICK_S


def holds(rig: Rig, watch: Background) -> bool:
    with rig.app.database.read() as connection:
        lease = recall(connection, LEASE)
    return lease is not None and lease["holder"] == watch._holder


def test_a_clock_that_is_set_back_stops_no_watch(rig: Rig, watches: Watches) -> None:
    rig.add(PEER)
    (first, other), checked = watches(2)
    first.tick()
    rig.clock.now -= 30 * DAY
    other.tick()
    assert holds(rig, other)
    assert checked == [[PEER], [PEER]]


def test_many_watches_at_the_same_moment_are_one(rig: Rig, watches: Watches) -> None:
    rig.add(PEER)
    found, checked = watches(6)
    start = threading.Barrier(6)

    def tick(watch: Background) -> None:
        start.wait()
        watch.tick()

    threads = [threading.Thread(target=tick, args=(w,)) for w in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, checked)) == 1


def test_peers_that_take_long_do_not_hold_up_the_telling(rig: Rig) -> None:
    for number in range(3):
        rig.add(f"{PEER}/{number}")
    looked: list[float] = []

    def slow(_peer: Peer) -> None:
        rig.clock.now += REFRESH_INTERVAL_S
        looked.append(refreshed(rig.app.database))

    rig.app.background(slow).tick()
    assert looked == sorted(set(looked))  # looked anew before each
    assert len(looked) == 3


def refreshed(database: Database) -> float:
    with database.read() as connection:
        return float((recall(connection, REFRESHED) or {})["at_unix_s"])


def test_a_peer_that_cannot_be_verified_keeps_nobody_else_from_it(rig: Rig) -> None:
    checked = []
    for number in range(3):
        rig.add(f"{PEER}/{number}")

    def broken(peer: Peer) -> None:
        checked.append(peer.wwwroot[-1])
        raise RuntimeError("bug")

    watch = rig.app.background(broken)
    watch.tick()
    watch.tick()
    assert checked == ["0", "1", "2"]
    rig.clock.now += LOOK_INTERVAL_S
    watch.tick()
    assert checked == ["0", "1", "2"] * 2


def test_peers_that_are_switched_off_are_left_alone(rig: Rig, watches: Watches) -> None:
    rig.add(PEER)
    with rig.app.database.write() as connection:
        store.set_state(connection, 1, store.DISABLED)
    (watch,), checked = watches(1)
    watch.tick()
    assert checked == [[]]
    with rig.app.database.read() as connection:
        assert [k.notice.key for k in open_notices(connection)] == [f"switched-off {PEER}"]


@contextmanager
def https(folder: Path, days: int) -> Iterator[str]:
    """An https site whose certificate ends in so many days."""
    certificate, key = localhost_certificate(days)
    chain = folder / "https.pem"
    chain.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with listening() as server:

        def serve() -> None:
            while True:
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as wrapped:
                        wrapped.recv(1)
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"https://localhost:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize(("days", "kind"), [(30, ""), (13, "tls-expiry-14"), (-1, "tls-expired")])
def test_the_end_of_a_tls_certificate_is_seen_trusted_or_not(
    tmp_path: Path, days: int, kind: str
) -> None:
    rig = make_rig(tmp_path)
    rig.clock.now = time.time()
    with https(tmp_path, days) as wwwroot:
        rig.add(wwwroot)
        with rig.app.database.write() as connection:
            store.set_columns(connection, 1, added_unix_s=int(rig.clock.now))
        watch = rig.app.background()
        watch.tick()
        rig.clock.now += REFRESH_INTERVAL_S
        watch.tick()
    with rig.app.database.read() as connection:
        (facts,) = notices_facts.gather(connection, int(rig.clock.now)).peers
        keys = [k.notice.key for k in open_notices(connection)]
    assert facts.tls_not_after_unix_s is not None
    assert abs(facts.tls_not_after_unix_s - (time.time() + days * DAY)) < 60
    assert [k for k in keys if k.startswith("tls")] == ([f"{kind} {wwwroot}"] if kind else [])
    rig.app.database.close()


def test_a_site_that_drips_or_says_nothing_or_is_no_https_has_no_date() -> None:
    def drip(server: socket.socket) -> None:
        connection, _address = server.accept()
        with connection:
            connection.sendall(b"\x16\x03\x03\x40\x00")  # a long record is announced ...
            try:
                while True:  # ... and comes byte by byte
                    connection.sendall(b"\x02")
                    time.sleep(0.02)
            except OSError:
                return

    def plain(server: socket.socket) -> None:
        connection, _address = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    for behave in (drip, plain, lambda _server: None):
        with listening() as server:
            threading.Thread(target=behave, args=(server,), daemon=True).start()
            began = time.monotonic()
            with pytest.raises(NoDate):
                tls_not_after(f"https://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.5)
            assert time.monotonic() - began < 2
    with pytest.raises(NoDate, match=r"127\.0\.0\.1:1"):
        tls_not_after("https://127.0.0.1:1")


def wait(until: Callable[[], Any], seconds: float = 20) -> None:
    for _attempt in range(int(seconds * 20)):
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_server_tells_by_itself_and_once_however_many_workers(
    tmp_path: Path, workers: str
) -> None:
    with MailServer() as server:
        site = Site(tmp_path / "home")
        with (site.home / "settings.toml").open("a") as file:
            file.write(f'mail_to = "a@b.example"\nsmtp_url = "smtp://127.0.0.1:{server.port}"\n')
            file.write("summary_hour = -1\n")
        with app_of(site) as app:
            Rig(app, Clock(time.time())).add(PEER)  # since years, and never heard of
            backups.note(app.database, int(time.time()))
        site.serve("--workers", workers)
        wait(lambda: server.mails)
        time.sleep(1)
        assert len(server.mails) == 1
        assert "Nothing was ever heard" in str(server.mails[0]["Subject"])
        began = time.monotonic()
        site.stop()
        assert time.monotonic() - began < 10
        assert "bug" not in site.log()


def test_a_killed_server_leaves_a_lease_that_lapses(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve()
    with app_of(site) as app:
        wait(lambda: lease(app))
        assert site._server is not None
        os.kill(site._server.pid, signal.SIGKILL)
        site._server.wait()
        with App(app.settings) as other:
            watch = other.background()
            watch.tick()
        before = lease(app)
        with App(app.settings, clock=Clock(time.time() + LEASE_S)) as other:
            later = other.background()
            later.tick()
        assert (before["holder"] == watch._holder, lease(app)["holder"]) == (False, later._holder)


def waits_for_ada(rig: Rig) -> None:
    """One peer's enrolment waits for her; another brings her to a process that is killed then."""
    moodle, other = rig.add(PEER), rig.add(PEER + "/other")
    rig.call(moodle, SIS + "new_section", {"idnumber": "5", "name": "Biology"})
    pupil: dict[str, Any] = {"sectionid": "5", "userid": "1", "role": "student"}
    rig.call(moodle, SIS + "new_enrolment", pupil)
    ada: dict[str, Any] = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}
    rig.call(other, SIS + "fetch_user", ada)
    assert held(rig.app) == 1


def held(app: App) -> int:
    with app.database.read() as connection:
        return sum(count_by_status(connection).values())


def test_a_server_begins_with_what_a_killed_one_left_waiting(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve()
    with app_of(site) as app:
        wait(lambda: lease(app))
        site.stop(kill=True)
        waits_for_ada(Rig(app, Clock(time.time())))
        site.serve()
        wait(lambda: held(app) == 0)
        site.stop()


def test_the_watch_looks_every_hour_for_what_was_left_waiting(rig: Rig) -> None:
    watch = rig.app.background()
    watch.tick()
    waits_for_ada(rig)
    watch.tick()
    assert held(rig.app) == 1
    rig.clock.now += LOOK_INTERVAL_S
    watch.tick()
    assert held(rig.app) == 0


def lease(app: App) -> dict[str, Any]:
    with app.database.read() as connection:
        return recall(connection, LEASE) or {}


def app_of(site: Site) -> App:
    from mnet.settings import read

    return App(read(site.home, {}))


def test_a_backup_is_made_once_a_night_and_one_that_is_old_needs_a_hand(
    rig: Rig, watches: Watches
) -> None:
    (watch,), _checked = watches(1)
    rig.add(PEER)
    home, by = rig.app.settings.home, By(COMMAND_LINE, int(rig.clock()))
    rig.clock.now += 9 * DAY
    watch.tick()
    assert backups.listed(home) == []
    with rig.app.database.write() as connection:
        found = [n.notice.key for n in open_notices(connection)]
        assert "backup-old this site" in found
        stored_settings.change(connection, by, rig.app.settings, {"backup_hour": "0"})
    for _hour in range(2):
        rig.clock.now += LOOK_INTERVAL_S
        watch.tick()
    assert len(backups.listed(home)) == 1
    rig.clock.now += DAY
    watch.tick()
    assert len(backups.listed(home)) == 2
    with rig.app.database.read() as connection:
        assert "backup-old this site" not in [n.notice.key for n in open_notices(connection)]
