"""What becomes of a session that a landing began: who ends it, who is asked, who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mnet import xmlrpc
from mnet.envelope import SignedMessage
from mnet.xmlrpc import Value
from peers import store
from schooltool_bridge.server.background import KEPT_ALIVE, LEASE
from schooltool_bridge.store.site_memory import forget
from tests.helpers.moodle import Moodle
from tests.helpers.roaming import (
    AGENT,
    COOKIE,
    SERVICES,
    allowed,
    app_of,
    browser,
    fresh,
    is_in,
    land,
    pem_of,
    set_right,
    set_services,
    set_state,
    sha1,
    soon,
    user,
    visit,
)
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor


def answer(visitor: Visitor, ticket: str) -> Page:
    token = visitor.get("/me").form_token
    fields = {"form_token": token, "ticket": ticket, "path": "/me"}
    return visitor.post("/sign-on/change", fields)


@pytest.mark.requirement("R29")
@pytest.mark.parametrize("how", ["deny", "deny one", "disable", "remove", "services"])
def test_a_session_ends_at_once_with_the_right_or_the_peer(
    how: str, site: Site, broken: tuple[Moodle, int]
) -> None:
    name, visitor, (moodle, peer_id) = fresh(), browser(site), broken
    found = allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(name))))
    assert visitor.get("/me").status == 200
    take: dict[str, Callable[[], object]] = {
        "deny": lambda: site.run("person", "deny-login", found),
        "deny one": lambda: set_right(site, found, allowed=False, peer=moodle.wwwroot),
        "disable": lambda: set_state(site, peer_id, store.DISABLED),
        "remove": lambda: set_state(site, peer_id, store.DELETED),
        "services": lambda: set_services(site, peer_id, ("sso_sp",), ("schooltool",)),
    }
    take[how]()
    assert visitor.get("/me").status == 303
    # And it does not come back with the right.
    set_right(site, found)
    set_state(site, peer_id, store.ENABLED)
    set_services(site, peer_id, *SERVICES)
    assert visitor.get("/me").status == 303
    assert is_in(land(visitor, visit(moodle, user(name))))


def test_somebody_else_who_is_signed_in_is_asked_first(site: Site, moodle: Moodle) -> None:
    one, other, visitor = fresh(), fresh(), browser(site)
    for name in (one, other):
        allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(one))))
    before = visitor.cookies[COOKIE]
    # The same person again: at once, under a new session id.
    assert is_in(land(visitor, visit(moodle, user(one))))
    same = visitor.cookies[COOKIE]
    assert same != before
    question = land(visitor, visit(moodle, user(other)))
    assert (question.status, visitor.cookies[COOKIE]) == (200, same)
    ticket = question.tree.xpath("//input[@name='ticket']/@value")[0]
    assert one.title() in visitor.get("/me").text
    fields = {"form_token": question.form_token, "ticket": ticket, "path": "/me"}
    # Nobody else can answer the question, and no other site, and it leads nowhere else.
    thief = browser(site)
    assert is_in(land(thief, visit(moodle, user(one))))
    assert answer(thief, ticket).status == 400
    cross = visitor.post("/sign-on/change", fields, {"Sec-Fetch-Site": "cross-site"})
    assert cross.status == 403
    away = visitor.post("/sign-on/change", {**fields, "path": "//evil.example.org"})
    assert away.status == 400
    stolen = browser(site)
    stolen.cookies[COOKIE] = ticket
    assert stolen.get("/me").status == 303
    done = visitor.post("/sign-on/change", fields)
    assert (done.status, done.location) == (303, "/me")
    assert other.title() in visitor.get("/me").text
    assert visitor.cookies[COOKIE] not in (same, ticket)
    visitor.cookies[COOKIE] = same
    assert visitor.get("/me").status == 303


def test_signing_out_here_ends_the_session_at_the_moodle_too(site: Site, moodle: Moodle) -> None:
    name, visitor = fresh(), browser(site)
    allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(name))))
    kept = visitor.cookies[COOKIE]
    page = visitor.send("/sign-out", page="/me")
    assert (page.status, COOKIE in visitor.cookies) == (303, False)
    soon(lambda: ("kill_children", [name, sha1(AGENT)]) in moodle.calls)
    visitor.cookies[COOKIE] = kept
    assert visitor.get("/me").status == 303


def test_the_moodle_that_vouched_ends_the_session_and_no_other(
    site: Site, moodles: list[Moodle]
) -> None:
    name, visitor, (first, second) = fresh(), browser(site), moodles
    allowed(site, first, name)
    assert is_in(land(visitor, visit(first, user(name))))

    def kill(moodle: Moodle, username: str, agent: str) -> Value:
        params: list[Value] = [username, sha1(agent)]
        method = "auth/mnet/auth.php/kill_child"
        body = moodle.fake.request(pem_of(site), method, params)
        answered = moodle.fake.open(site.post(body))
        assert isinstance(answered, SignedMessage)
        response = xmlrpc.read_response(answered.payload)
        assert isinstance(response, xmlrpc.MethodResponse)
        return response.value

    for moodle, username, agent in (
        (second, name, AGENT),
        (first, "other", AGENT),
        (first, name, "x"),
    ):
        assert kill(moodle, username, agent) is False
        assert visitor.get("/me").status == 200
    assert kill(first, name, AGENT) is True
    assert visitor.get("/me").status == 303


def test_the_moodle_hears_on_a_timer_who_is_busy_here(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    name, (moodle, _id) = fresh(), broken
    allowed(site, moodle, name)
    assert is_in(land(browser(site), visit(moodle, user(name))))
    with app_of(site) as app:
        posted: list[str] = []

        def post(url: str, body: bytes, **_how: object) -> bytes:
            posted.append(url)
            return moodle.answer(body)

        app.signing_off = replace(app.signing_off, outbound=replace(app.outbound, post=post))
        watch = app.background()
        with app.database.write() as connection:
            for memory in (LEASE, KEPT_ALIVE):
                forget(connection, memory)
        watch.tick()
        watch.tick()
    told = [params for method, params in moodle.calls if method == "keepalive_server"]
    assert told == [[[name]]]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
    ],
)
def test_another_sites_form_neither_signs_in_nor_out_nor_changes_over(
    headers: dict[str, str], site: Site, moodle: Moodle
) -> None:
    one, other, visitor = fresh(), fresh(), browser(site)
    for name in (one, other):
        found = allowed(site, moodle, name)
    set_right(site, found)
    password = site.run("person", "set-password", found)["password"]
    assert is_in(land(visitor, visit(moodle, user(one))))
    question = land(visitor, visit(moodle, user(other)))
    ticket = question.tree.xpath("//input[@name='ticket']/@value")[0]
    # Even one that got hold of the form's token.
    forms = {
        "/": {"username": other, "password": password, "next": "/me"},
        "/sign-on/change": {"ticket": ticket, "path": "/me"},
        "/sign-out": {},
    }
    for path, fields in forms.items():
        for token in (question.form_token, "", "x"):
            page = visitor.post(path, {**fields, "form_token": token}, headers)
            assert (page.status, COOKIE in page.set_cookies) == (403, False)
    assert one.title() in visitor.get("/me").text
    # The same forms from our own pages do it, so that it was not for another reason.
    fields = {**forms["/"], "form_token": question.form_token}
    assert COOKIE in browser_with(visitor, site).post("/", fields).set_cookies


def browser_with(visitor: Visitor, site: Site) -> Visitor:
    """Another browser with the same cookies."""
    other = browser(site)
    other.cookies |= visitor.cookies
    return other


def test_the_sessions_cookie_stays_out_of_other_sites_pages(site: Site, moodle: Moodle) -> None:
    """Browsers send and keep a cookie that is SameSite=Lax only with a page of its own."""
    name, visitor = fresh(), browser(site)
    allowed(site, moodle, name)
    page = land(visitor, visit(moodle, user(name)))
    assert "SameSite=Lax" in page.set_cookies[COOKIE]
    assert page.header("X-Frame-Options") == "DENY"
    assert "frame-ancestors 'none'" in page.header("Content-Security-Policy")


def test_whoever_is_signed_in_by_a_link_sees_as_whom_and_from_where(
    site: Site, moodle: Moodle
) -> None:
    name, visitor = fresh(), browser(site)
    allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(name))))
    mine = visitor.get("/me")
    assert mine.tree.xpath("//h1")[0].text == f"{name.title()} Ōquist"
    assert "You have logged in from" in mine.text
