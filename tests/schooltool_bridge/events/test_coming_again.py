"""Going over to a peer again: what a stock Moodle still has of the visit before is ended first."""

from __future__ import annotations

import threading

import pytest

from mnet.envelope import SignedMessage
from mnet.protocol import AUTH_PATH
from mnet.xmlrpc import FaultResponse
from tests.helpers.moodle import Moodle
from tests.helpers.roaming import AGENT, browser, fresh, pem_of, set_services, sha1, soon
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor
from tests.schooltool_bridge.sign_on.test_roaming import COOKIE, PASSWORD, pupil, token_of

OTHER = "Mozilla/5.0 (iPad)"
SSO = ("sso_idp", "sso_sp")


@pytest.fixture
def there(site: Site, broken: tuple[Moodle, int]) -> tuple[Moodle, int]:
    moodle, peer_id = broken
    moodle.scripted["kill_child"] = lambda *_params: True
    set_services(site, peer_id, SSO, SSO)
    return moodle, peer_id


def signed_in(site: Site, name: str, agent: str = AGENT) -> Visitor:
    visitor, headers = browser(site), {"User-Agent": agent, "Sec-Fetch-Site": "same-origin"}
    token = visitor.get("/", **{"User-Agent": agent}).form_token
    fields = {"form_token": token, "username": name, "password": PASSWORD, "next": "/me"}
    visitor.post("/", fields, headers)
    assert COOKIE in visitor.cookies
    return visitor


def jump(visitor: Visitor, peer_id: int, agent: str = AGENT) -> Page:
    page = visitor.get(f"/auth/mnet/jump.php?hostid={peer_id}", **{"User-Agent": agent})
    assert page.status == 303
    return page


def arrive(site: Site, moodle: Moodle, page: Page, agent: str = AGENT) -> None:
    """Bring a jump's token to the Moodle, which asks us who that is."""
    params = [token_of(page), sha1(agent)]
    body = moodle.fake.request(pem_of(site), AUTH_PATH + "user_authorise", [*params])
    assert isinstance(moodle.fake.open(site.post(body)), SignedMessage)


def killed(moodle: Moodle) -> list[list[object]]:
    return [[*params] for method, params in moodle.calls if method == "kill_child"]


@pytest.mark.requirement("R31", "R32")
def test_a_second_visit_ends_the_first_over_there_before_it_begins(
    site: Site, there: tuple[Moodle, int]
) -> None:
    moodle, peer_id = there
    name = fresh()
    pupil(site, name)
    home = signed_in(site, name)
    arrive(site, moodle, jump(home, peer_id))
    assert killed(moodle) == []
    again = jump(home, peer_id)
    assert killed(moodle) == [[name, sha1(AGENT)]]  # before the browser was sent on
    arrive(site, moodle, again)
    home.send("/sign-out", page="/me", **{"User-Agent": AGENT})
    soon(lambda: killed(moodle) == [[name, sha1(AGENT)]] * 2)


def test_a_visit_of_an_earlier_session_is_ended_too_and_no_other(
    site: Site, there: tuple[Moodle, int]
) -> None:
    moodle, peer_id = there
    name, other = fresh(), fresh()
    for somebody in (name, other):
        pupil(site, somebody)
        arrive(site, moodle, jump(signed_in(site, somebody), peer_id))
    arrive(site, moodle, jump(signed_in(site, name, OTHER), peer_id, OTHER), OTHER)
    assert killed(moodle) == []
    jump(signed_in(site, name), peer_id)
    assert killed(moodle) == [[name, sha1(AGENT)]]


def test_a_jump_that_never_arrived_is_no_visit(site: Site, there: tuple[Moodle, int]) -> None:
    moodle, peer_id = there
    name = fresh()
    pupil(site, name)
    home = signed_in(site, name)
    for _number in range(3):
        jump(home, peer_id)
    assert killed(moodle) == []


@pytest.mark.parametrize("how", ["fault", "page", "silent"])
def test_whatever_comes_of_it_the_jump_goes_on(
    how: str, site: Site, there: tuple[Moodle, int]
) -> None:
    moodle, peer_id = there
    name, over = fresh(), threading.Event()
    pupil(site, name)
    home = signed_in(site, name)
    arrive(site, moodle, jump(home, peer_id))
    if how == "fault":
        moodle.scripted["kill_child"] = lambda *_params: FaultResponse(1, "x", None)
    elif how == "page":
        moodle.server = (500, "")
    else:
        moodle.scripted["kill_child"] = lambda *_params: over.wait(60)
    try:
        jump(home, peer_id)
        assert not over.is_set()
    finally:
        over.set()
    moodle.server = (200, "")
    moodle.scripted["kill_child"] = lambda *_params: True
    before = len(killed(moodle))
    home.send("/sign-out", page="/me", **{"User-Agent": AGENT})
    soon(lambda: len(killed(moodle)) == before + 1)
