"""One peer's slowness is its own: others are answered while it is silent, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.certificate import load
from mnet.breakers import REST_S, TIME_OUTS
from mnet.call_errors import CannotReach
from mnet.connection_shares import MAX_SLOW_PAGES_EACH
from mnet.protocol import KeyCame
from mnet.slow_work import SHARE, WAITING_EACH
from mnet.xmlrpc import FaultResponse, Value
from peers.registry import Peer
from schooltool_bridge.server.app import PAGE_THREADS
from tests.helpers.rig import FakePeer
from tests.helpers.slow_site import WAIT_S, Request, SlowSite
from tests.helpers.vouching import Voucher, landing_site

SLEEPY, LIVELY = "http://sleepy.example.org", "http://lively.example.org"
GET_USER = "local/schooltool/lib.php/get_user"


def offer_get_user(voucher: Voucher) -> None:
    voucher.scripted["listMethods"] = lambda: [GET_USER]
    voucher.scripted["get_user"] = lambda wanted: {
        "idnumber": wanted["idnumber"],
        "username": f"u{wanted['idnumber']}",
        "firstname": "Ada",
        "lastname": "Byron",
    }


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[tuple[SlowSite, Voucher, Voucher]]:
    made = landing_site(tmp_path, SLEEPY, LIVELY)
    sleepy, lively = made.vouchers
    for voucher in made.vouchers:
        offer_get_user(voucher)
    with SlowSite(made) as site:
        site.silent.add(SLEEPY)
        yield site, sleepy, lively


def ended(futures: list[Future[Any]]) -> list[Future[Any]]:
    return [future for future in futures if future.done()]


def peer_of(site: SlowSite, wwwroot: str) -> Peer:
    peer = site.app.registry.find(wwwroot)
    assert peer is not None
    return peer


def assert_lively(site: SlowSite, lively: Voucher) -> None:
    """Another Moodle's calls and landings are answered, also those for which it is asked back."""
    assert site.call(lively, "server_info")["name"] == "Test SIS"
    assert site.call(lively, "fetch_user", {"idnumber": "77"})["status"] in {"created", "unchanged"}
    request, page = site.land(lively.visit())
    page.result(WAIT_S)
    assert request.status in {303, 403}
    assert not site.go.is_set()


def test_made_up_landings_for_a_silent_peer_shut_nobody_out(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, lively = peers
    landed = [site.land(sleepy.visit()) for _ in range(256)]
    pages = [page for _request, page in landed]
    # Beyond its share and its queue everybody has an answer at once.
    while len(ended(pages)) < 256 - SHARE - WAITING_EACH:
        wait([p for p in pages if not p.done()], WAIT_S, "FIRST_COMPLETED")
    assert_lively(site, lively)
    refused = [(request, page) for request, page in landed if page.done()]
    assert len(refused) == 256 - SHARE - WAITING_EACH
    for request, page in refused:
        assert request.status == 503
        assert b"idp-busy" in page.result()
        assert b"Please wait a minute." in page.result()
    site.go.set()
    for request, page in landed:
        page.result(WAIT_S)
        assert request.status in {403, 503}


def test_landings_that_have_yet_to_begin_take_no_share_of_their_address(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, lively = peers
    busy, go = threading.Barrier(PAGE_THREADS + 1), threading.Event()

    def keep_busy() -> None:
        busy.wait(WAIT_S)
        assert go.wait(WAIT_S)

    for _ in range(PAGE_THREADS):
        site.page_workers.submit(keep_busy)
    busy.wait(WAIT_S)
    for _ in range(2 * MAX_SLOW_PAGES_EACH):
        site.land(sleepy.visit())
    request, page = site.land(lively.visit())
    go.set()
    page.result(WAIT_S)
    assert request.status in {303, 403}


def test_eighty_people_named_only_by_number_keep_no_other_moodle_waiting(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, lively = peers
    calls = [site.submit(sleepy, "fetch_user", {"idnumber": str(n)}) for n in range(80)]
    while len(ended(calls)) < 80 - SHARE - WAITING_EACH:
        wait([c for c in calls if not c.done()], WAIT_S, "FIRST_COMPLETED")
    assert_lively(site, lively)
    # What asks nothing back is answered for the silent one, too.
    assert site.call(sleepy, "server_info")["name"] == "Test SIS"
    refused = [site.value(sleepy, call) for call in ended(calls)]
    assert [fault.code for fault in refused] == [8503] * (80 - SHARE - WAITING_EACH)
    site.go.set()
    answers = [site.value(sleepy, call) for call in calls]
    assert sum(not isinstance(a, FaultResponse) for a in answers) == SHARE + WAITING_EACH
    # Its list of methods was asked for once, whoever needed it.
    assert [method for method, _params in sleepy.calls].count("listMethods") == 1


@pytest.mark.requirement("R50")
def test_a_thousand_new_people_keep_no_other_moodle_waiting(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, lively = peers
    people: list[Value] = [
        {
            "event": "fetch_user",
            "data": {
                "idnumber": f"n{n}", "username": f"n{n}", "firstname": "A", "lastname": str(n),
            },
        }
        for n in range(1000)
    ]  # fmt: skip
    results = site.call(sleepy, "push_events", people)
    assert [r["status"] for r in results] == ["created"] * 1000
    assert site.asked.acquire(timeout=WAIT_S), "it is asked after them"
    assert_lively(site, lively)


def test_two_calls_at_once_that_need_a_peers_methods_ask_once_and_both_get_them(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, _lively = peers
    first = site.submit(sleepy, "fetch_user", {"idnumber": "1"})
    assert site.asked.acquire(timeout=WAIT_S)
    second = site.submit(sleepy, "fetch_user", {"idnumber": "2"})
    # Before it was refused for good at this very moment (8400: offers no get_user).
    wait([second], 0.5)
    site.go.set()
    assert [site.value(sleepy, call)["status"] for call in (first, second)] == ["created"] * 2
    assert [method for method, _params in sleepy.calls].count("listMethods") == 1


def test_an_answer_that_proves_nothing_does_not_count_as_told(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, _sleepy, lively = peers
    lively.forged = b"<methodResponse><fault><value>networking is off</value></fault>"
    assert site.call(lively, "fetch_user", {"idnumber": "1"}).code == 8503
    lively.forged = None
    assert site.call(lively, "fetch_user", {"idnumber": "1"})["status"] == "created"


def test_a_look_for_a_new_key_is_waited_for_by_a_second_call(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site = peers[0]
    registry, peer = site.app.registry, peer_of(site, LIVELY)
    begun, go, looks = threading.Event(), threading.Event(), []

    def look(_peer: object) -> None:
        looks.append(1)
        begun.set()
        assert go.wait(WAIT_S)
        registry.take_key(peer, fresh.pair.certificate_pem, came=KeyCame.PROVEN)

    fresh = FakePeer(LIVELY)
    registry.ask_for_key = look
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(registry.refresh_key, peer)
        assert begun.wait(WAIT_S)
        second = pool.submit(registry.refresh_key, peer)
        wait([second], 0.5)
        go.set()
        found = [future.result(WAIT_S) for future in (first, second)]
    wanted = load(fresh.pair.certificate_pem).fingerprint
    assert [p.certificate.fingerprint for p in found if p] == [wanted] * 2
    # Whoever looked the peer up before, and comes a moment later, finds the new key as well.
    assert registry.refresh_key(peer) is not None
    assert looks == [1]


def test_whoever_hung_up_is_served_nothing_that_had_not_begun(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, _lively = peers
    first = [site.land(sleepy.visit()) for _ in range(SHARE)]
    for _ in first:  # they fill the share, each with a question of its own
        assert site.asked.acquire(timeout=WAIT_S)
    late = [site.submit(sleepy, "fetch_user", {"idnumber": f"late{n}"}) for n in range(5)]
    landed: list[tuple[Request, Future[bytes]]] = [site.land(sleepy.visit()) for _ in range(5)]
    site.gone.update(late)
    for request, _page in landed:
        request.is_gone = True
    site.go.set()
    for _request, page in first:
        page.result(WAIT_S)
    assert site.call(sleepy, "fetch_user", {"idnumber": "last"})["status"] == "created"
    asked = [method for method, _params in sleepy.calls]
    assert asked.count("user_authorise") == SHARE
    assert asked.count("get_user") == 1


def test_a_peer_that_times_out_rests_and_is_tried_again_by_itself(
    peers: tuple[SlowSite, Voucher, Voucher],
) -> None:
    site, sleepy, lively = peers
    site.silent.clear()
    now_s = [1000.0]

    def silence(url: str, body: bytes, **how: Any) -> bytes:
        if url.startswith(SLEEPY):
            raise CannotReach("it did not answer within 15 s.", reason="time")
        return post(url, body, **how)

    post = site.app.outbound.post
    site.goes_out_by(replace(site.app.outbound, post=silence, seconds=lambda: now_s[0]))
    site.app.peer_client.outbound = site.app.outbound

    def code(voucher: Voucher) -> str:
        _request, page = site.land(voucher.visit())
        text = page.result(WAIT_S).decode()
        return text.rpartition("<code>")[2].split(maxsplit=1)[0]

    codes = [code(sleepy) for _ in range(TIME_OUTS + 2)]
    assert codes == ["idp-unreachable"] * TIME_OUTS + ["idp-rests"] * 2
    assert site.call(sleepy, "fetch_user", {"idnumber": "1"}).code == 8503
    assert code(lively) == "no-right"
    now_s[0] += REST_S
    assert [code(sleepy) for _ in range(2)] == ["idp-unreachable", "idp-rests"]
    # A person who verifies it wants to know how it is now.
    site.app.outbound.breakers.forget(peer_of(site, SLEEPY).id)
    assert code(sleepy) == "idp-unreachable"
