"""Two servers of ours, each the other's Moodle: over and back, signing off at both ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from keys.certificate import load
from mnet.database import REVISION_AGE_S
from mnet.outbound import RemoteFault
from mnet.protocol import AUTH_PATH
from mnet.xmlrpc import Value
from peers import store
from schooltool_bridge import rights
from schooltool_bridge.rights import Change
from tests.schooltool_bridge.roaming import (
    AGENT,
    app_of,
    browser,
    code_of,
    person_id,
    set_right,
    set_state,
    sha1,
    shown,
    soon,
)
from tests.site import Site
from tests.visitor import Page, Visitor

BOTH = ("sso_idp", "sso_sp")
PASSWORD = "correct horse battery"
NAME = {"User-Agent": AGENT}
COOKIE = "mnet_peer_person"


@dataclass
class Pair:
    """A school that vouches for its people, and a site that lets them in."""

    home: Site
    away: Site
    # Our ids of the other.
    away_id: int
    home_id: int

    def ask(self, method: str, *params: Value) -> Value:
        """Call as the site away does."""
        return call(self.away, self.home, method, *params)


def call(caller: Site, callee: Site, method: str, *params: Value) -> Value:
    app = app_of(caller)
    with app:
        peer = app.registry.find(callee.wwwroot)
        assert peer is not None
        app.outbound.post = lambda url, body, **_how: callee.post(body)  # type: ignore[misc]
        return app.outbound.call(peer, AUTH_PATH + method, list(params))


@pytest.fixture(scope="module", params=["moodle", "mahara"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    home, away = (Site(folder / name, name=name) for name in ("Home", "Away"))
    with home, away:
        ids = [register(at, of, str(request.param)) for at, of in ((home, away), (away, home))]
        yield Pair(home, away, *ids)


def register(at: Site, of: Site, application: str) -> int:
    with app_of(of) as other:
        certificate = load(other.custody.keyring().certificate_pem)
    with app_of(at) as app, app.database.write() as connection:
        peer_id = store.add(
            connection, wwwroot=of.wwwroot, name="Other", application=application,
            state=store.ENABLED, now_unix_s=1,
        )  # fmt: skip
        store.set_certificate(
            connection, peer_id, pem=certificate.pem, fingerprint=certificate.fingerprint,
            origin="file", now_unix_s=1,
        )  # fmt: skip
        store.set_services(connection, peer_id, publish=BOTH, subscribe=BOTH)
    time.sleep(2 * REVISION_AGE_S)
    return peer_id
