"""One address has its share of the pages that wait for other sites, and no cap on calls."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest

from mnet.connection_shares import MAX_SLOW_PAGES_EACH
from tests.helpers.moodle import Moodle
from tests.helpers.pushing import answered
from tests.helpers.rig import SIS
from tests.helpers.roaming import (
    AGENT,
    LAND,
    befriend,
    browser,
    code_of,
    fresh,
    pem_of,
    site_in,
    soon,
    user,
    visit,
)
from tests.helpers.site import Site
from tests.helpers.visitor import Page
from tests.test_stopping import silent

SCHOOL, HOME = "192.0.2.1", "192.0.2.2"
CALLS = 40


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_in(tmp_path)
    with (made.home / "settings.toml").open("a") as file:
        file.write('trusted_proxies = "127.0.0.1"\n')
    with made:
        yield made


def come(site: Site, moodle: Moodle, sender: str) -> Page:
    headers = {"User-Agent": AGENT, "X-Forwarded-For": sender}
    return browser(site).get(f"{LAND}?{urlencode(visit(moodle, user(fresh())))}", **headers)


def begin_landing(site: Site, idp: str, number: int) -> socket.socket:
    """Ask for a landing as the proxy does, and wait for nothing."""
    query = urlencode({"token": f"{number:040x}", "idp": idp, "wantsurl": "/me"})
    head = f"GET {LAND}?{query} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {SCHOOL}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", site.port), timeout=60)
    connection.sendall(head.encode())
    return connection


def call(site: Site, moodle: Moodle, pem: str) -> str:
    """Call from the school's own address."""
    body = moodle.fake.request(pem, SIS + "server_info", [])
    address = f"{site.wwwroot}/mnet/xmlrpc/server.php"
    headers = {"Content-Type": "text/xml", "X-Forwarded-For": SCHOOL}
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60) as sent:
        return str(answered(moodle.fake, sent.read())["name"])


def test_a_hundred_and_twenty_landings_at_once_from_one_address(site: Site) -> None:
    pem = pem_of(site)
    with ExitStack() as stack:
        lively = stack.enter_context(Moodle(site.wwwroot, pem))
        befriend(site, lively)
        idps, asked = [], []
        for _number in range(3):  # no one site has as much room as an address
            port, taken = stack.enter_context(silent())
            sleepy = stack.enter_context(Moodle(site.wwwroot, pem))
            sleepy.wwwroot = sleepy.fake.wwwroot = f"http://127.0.0.1:{port}"
            befriend(site, sleepy)
            idps.append(sleepy.wwwroot)
            asked.append(taken)
        landings = [
            stack.enter_context(begin_landing(site, idps[number % 3], number))
            for number in range(MAX_SLOW_PAGES_EACH)
        ]
        soon(lambda: all(asked))
        assert (page := come(site, lively, SCHOOL)).status == 503
        assert code_of(page) == "idp-busy"
        # From elsewhere somebody lands at once, and the silent sites have room for more.
        assert code_of(come(site, lively, HOME)) == "no-right"
        with ThreadPoolExecutor(CALLS) as pool:
            calls = [pool.submit(call, site, lively, pem) for _number in range(CALLS)]
            assert {c.result(60) for c in calls} == {"Test SIS"}
        with urllib.request.urlopen(f"{site.wwwroot}/healthz", timeout=20) as health:
            assert health.status == 200
        for landing in landings:
            landing.setblocking(False)
            with pytest.raises(BlockingIOError):
                landing.recv(1)
            landing.close()
        # Whoever hangs up gives the place back.
        soon(lambda: code_of(come(site, lively, SCHOOL)) == "no-right")
