"""/metrics and /healthz on real servers: what they count, that workers add up, who may see them."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from keys.store import key_pair
from mnet.database import Database, bump_revision
from mnet.metrics import Metrics, Readings
from tests.helpers.pushing import PEER, register
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer
from tests.helpers.site import HASTY, Site
from tests.schooltool_bridge.server.test_bundle import SECRETS, plant

PERSON: dict[str, Any] = {"idnumber": "1", "username": "a", "firstname": "Ā", "lastname": "B"}


def ask(site: Site, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, body and content type."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers=named)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, answer.headers["Content-Type"]


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """Samples by name and label values."""
    return {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def peer(site: Site) -> FakePeer:
    return register(site)


def test_calls_are_counted_by_method_and_outcome(site: Site, peer: FakePeer) -> None:
    pem = site.certificate()
    held = {"sectionid": "later", "userid": "1", "role": "student"}
    pushed: tuple[tuple[str, Any], ...] = (
        ("fetch_user", PERSON),
        ("fetch_user", {"username": ""}),
        ("new_enrolment", held),
        ("Ada_4711", {}),
    )
    for method, data in pushed:
        site.post(peer.request(pem, SIS + method, [data]))
    site.post(peer.request(pem, "system.listMethods", []))
    site.post(b"junk")
    status, text, kind = ask(site, "/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    found = numbers(text)
    calls = {k[1:]: v for k, v in found.items() if k[0] == "mnet_peer_calls_total"}
    assert calls == {
        ("in", "fetch_user", "ok"): 1,
        ("in", "fetch_user", "8400"): 1,
        ("in", "new_enrolment", "ok"): 1,
        ("in", "other", "7012"): 1,
        ("in", "listMethods", "ok"): 1,
        ("in", "other", "7000"): 1,
    }
    assert found["mnet_peer_call_duration_seconds_count", "in"] == 6
    assert 0 < found["mnet_peer_call_duration_seconds_sum", "in"] < 60
    assert found["mnet_peer_inbox_events", "held"] == 1
    assert found["mnet_peer_inbox_events", "conflict"] == 0
    assert found["mnet_peer_inbox_events", "rejected"] == 1
    assert found["mnet_peer_last_contact_timestamp_seconds", PEER] > START_UNIX_S - 10**8
    expiry = peer.pair.not_after_unix_s
    assert found["mnet_peer_key_expires_timestamp_seconds", PEER] == expiry
    assert found["mnet_peer_own_key_expires_timestamp_seconds",] > START_UNIX_S - 10**8
    assert "Ada" not in text


def test_only_this_machine_may_see_them(site: Site) -> None:
    for path in ("/metrics", "/healthz"):
        assert ask(site, path)[0] == 200
        for through in (
            {"X_Forwarded_For": "203.0.113.5"},
            {"X_Forwarded_For": "127.0.0.1"},
            {"X_Real_IP": "127.0.0.1"},
            {"Forwarded": "for=127.0.0.1"},
        ):
            status, text, _kind = ask(site, path, **through)
            assert status == 403, through
            assert "signed-in admins" in text
    # The first page is for everybody.
    assert ask(site, "/", X_Forwarded_For="203.0.113.5")[0] == 200


def test_a_trusted_proxy_speaks_for_others(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    settings = site.home / "settings.toml"
    settings.write_text(settings.read_text() + 'trusted_proxies = "127.0.0.1"\n')
    with site:
        for said, status in (
            ("203.0.113.5", 403), ("127.0.0.1, 203.0.113.5", 403), ("203.0.113.5, 127.0.0.1", 403),
            ("", 403), ("nonsense", 403), ("127.0.0.1", 200), ("::1", 200),
            ("::ffff:127.0.0.1", 200), ("::ffff:203.0.113.5", 403),
        ):  # fmt: skip
            assert ask(site, "/metrics", X_Forwarded_For=said)[0] == status, said
        assert ask(site, "/metrics")[0] == 200


def test_several_workers_add_up_to_one_number(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve("--workers", "2")
    try:
        peer = register(site)
        pem = site.certificate()
        sent = 24
        for _call in range(sent):
            site.post(peer.request(pem, SIS + "fetch_user", [PERSON]))
        pages = [numbers(ask(site, "/metrics")[1]) for _scrape in range(8)]
        key = ("mnet_peer_calls_total", "in", "fetch_user", "ok")
        assert {page[key] for page in pages} == {sent}
        assert {page["mnet_peer_call_duration_seconds_count", "in"] for page in pages} == {sent}
        processes = _environment(site)
        assert len({p["PROMETHEUS_MULTIPROC_DIR"] for p in processes}) == 1
        folder = Path(processes[0]["PROMETHEUS_MULTIPROC_DIR"])
        assert folder.is_dir()
        assert len({re.sub(r"\D", "", f.name) for f in folder.iterdir()}) == 2, "both took calls"
    finally:
        site.stop()
    assert not folder.exists()


def _environment(site: Site) -> list[dict[str, str]]:
    """The environments of the server's workers."""
    assert site._server is not None
    children = Path(f"/proc/{site._server.pid}/task/{site._server.pid}/children").read_text()
    return [
        dict(
            line.split("=", 1)
            for line in Path(f"/proc/{child}/environ").read_text().split("\0")
            if "=" in line
        )
        for child in children.split()
    ]


def test_a_server_without_its_key_is_not_healthy_and_still_measured(tmp_path: Path) -> None:
    with Site(tmp_path / "home", first=HASTY) as site:
        assert ask(site, "/healthz")[1].startswith("ok ")
        database = Database(f"sqlite:///{site.home / 'mnet-peer.sqlite'}")
        with database.write() as connection:
            connection.execute(sa.delete(key_pair))
            bump_revision(connection)
        database.close()
        site.wait_until_seen()
        until_s = time.monotonic() + 40  # its own look comes every second
        while (well := ask(site, "/healthz")[0] == 200) and time.monotonic() < until_s:
            time.sleep(0.2)
        assert not well
        status, text, _kind = ask(site, "/metrics")
        assert status == 200
        assert "mnet_peer_own_key_expires" not in text


def test_the_metrics_are_in_a_registry_of_their_own() -> None:
    metrics = Metrics(["new_grade"], lambda: Readings({"held": 2}), "1.2")
    metrics.count("out", "local/x.php/new_grade", "unreachable", 0.2)
    metrics.count("out", "whatever", "fault 123456", 0.2)
    metrics.count("in", "new_grade", "bad answer", 0.2)
    found = numbers(metrics.page().decode())
    assert found["mnet_peer_calls_total", "out", "new_grade", "unreachable"] == 1
    assert found["mnet_peer_calls_total", "out", "other", "other"] == 1
    assert found["mnet_peer_calls_total", "in", "new_grade", "bad answer"] == 1
    assert found["mnet_peer_build_info", "1.2"] == 1
    assert "mnet_peer_own_key_expires_timestamp_seconds" not in {name for name, *_ in found}
    assert not [m for m in REGISTRY.collect() if m.name.startswith("mnet_peer")]
    # Another's counts are its own.
    assert ("mnet_peer_calls_total", "in", "new_grade", "bad answer") not in numbers(
        Metrics().page().decode()
    )


def test_the_metrics_carry_no_secret_and_nobodys_data(tmp_path: Path) -> None:
    app = plant(tmp_path)
    text = app.metrics.page().decode()
    assert PEER not in text
    assert "mnet_peer_inbox_events" in text
    for secret in SECRETS:
        assert secret not in text
    app.database.close()
