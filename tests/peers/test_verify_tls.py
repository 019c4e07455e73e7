"""Verifying a peer behind TLS: whose authority is believed, and what a checked name proves."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from keys.keypair import generate
from peers import store
from schooltool_bridge.server.app import App
from tests.helpers.moodle import Moodle
from tests.helpers.site import Site
from tests.helpers.tls import Authority
from tests.helpers.verifying import broken, only, register, step, verify


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_peer_that_moved_is_found_where_it_is_now(site: Site, app: App, secure: Moodle) -> None:
    """From http to https: it keeps its id, and its certificate is looked at anew."""
    old = "http://moodle.example.org"
    pem = generate(old, "x", int(time.time())).certificate_pem
    peer_id = register(app, old, pem)
    site.run("peer", "policy", old, "--set", "tls=none")
    fingerprint = secure.fake.pair.fingerprint
    site.run("peer", "rename", old, secure.wwwroot, "--fingerprint", fingerprint)
    assert verify(site, secure.wwwroot)["ok"]
    with app.database.read() as connection:
        stored = store.find(connection, old)
    assert stored is not None
    assert (stored.id, stored.wwwroot) == (peer_id, secure.wwwroot)


@pytest.fixture
def secure(app: App, authority: Authority) -> Iterator[Moodle]:
    """A Moodle behind TLS that an authority of the test's own vouches for."""
    pem = app.custody.keyring().certificate_pem
    tls = authority.server(authority.certificate("localhost"))
    with Moodle(app.settings.wwwroot, pem, tls=tls) as moodle:
        yield moodle


def test_an_authority_that_nobody_knows_is_told_and_tls_none_is_a_way(
    site: Site, app: App, secure: Moodle
) -> None:
    register(app, secure.wwwroot, secure.fake.pair.certificate_pem)
    detail, remedy = only(site, secure.wwwroot, "TLS")
    assert "authority" in detail
    site.text("peer", "policy", secure.wwwroot, "--set", "tls=none")
    assert f"peer policy {secure.wwwroot} --set tls=none" in remedy
    report = verify(site, secure.wwwroot)
    assert report["ok"], broken(report)
    assert "not checked" in step(report, "TLS")["detail"]


@pytest.mark.parametrize(("policy", "believed"), [("yes", True), ("no", False)])
def test_verified_tls_proves_a_new_key_where_the_policy_says_so(
    site: Site,
    app: App,
    secure: Moodle,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    believed: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    register(app, secure.wwwroot, secure.fake.pair.certificate_pem)
    site.run("peer", "policy", secure.wwwroot, "--set", f"trust_tls_key={policy}")
    report = verify(site, secure.wwwroot)
    assert report["ok"], broken(report)
    assert "valid until" in step(report, "TLS")["detail"]
    secure.fake.pair = generate(secure.wwwroot, "Moodle", int(time.time()))
    report = verify(site, secure.wwwroot)
    assert report["ok"] is believed
    assert step(report, "key")["ok"] is believed
