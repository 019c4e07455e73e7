"""Signing in and out, choosing a password, guessing one, and when a session ends."""

from __future__ import annotations

import hashlib
import itertools
import re
import time
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from peers import accounts, audit
from peers.accounts import CLERK, MANAGER
from peers.web import sessions, throttle, tokens
from peers.web.frame import FORM_COOKIE
from peers.web.sessions import COOKIE
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.signing_in import FIRST, OWN, actions, add, browser, is_in
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor, in_memory, over_http


@pytest.fixture
def rig(rig: Rig) -> Rig:
    add(rig, "anna", MANAGER)
    return rig


@pytest.fixture
def visitor(rig: Rig) -> Visitor:
    return browser(rig)


# Signing in.


def test_the_first_sign_in_leads_to_an_own_password_and_nowhere_else(tmp_path: Path) -> None:
    with Site(tmp_path / "home") as site:
        first = site.made["one_time_password"]
        visitor = Visitor(over_http(site.port))
        answer = visitor.sign_in("Admin", first)  # a name's case does not matter
        assert answer.status == 303
        for path in ("/admin/accounts", "/admin/audit"):
            assert visitor.get(path).location == "/admin/password"
        page = visitor.get("/admin/password")
        assert "one-time password" in page.text
        assert not page.tree.xpath("//nav")
        for fields, said in (
            ({"old_password": "wrong", "new_password": OWN, "new_again": OWN}, "not right"),
            ({"old_password": first, "new_password": "short", "new_again": "short"}, "at least 10"),
            ({"old_password": first, "new_password": OWN, "new_again": OWN + "x"}, "not the same"),
            ({"old_password": first, "new_password": first, "new_again": first}, "not the old one"),
        ):
            refused = visitor.send("/admin/password", **fields)
            assert refused.status == 400
            assert said in refused.message()
            assert OWN not in refused.text
        before = visitor.cookies[COOKIE]
        answer = visitor.send(
            "/admin/password", old_password=first, new_password=OWN, new_again=OWN
        )
        assert answer.status == 303
        assert visitor.cookies[COOKIE] != before
        assert visitor.get("/admin/accounts").status == 200
        assert Visitor(visitor.ask, {COOKIE: before}).get("/admin/accounts").status == 303
        again = Visitor(visitor.ask)
        assert "do not fit" in again.sign_in("admin", first).message()
        assert again.sign_in("admin", OWN).status == 303
        for secret in (first, OWN, visitor.cookies[COOKIE], again.cookies[COOKIE]):
            assert secret not in site.log()


def test_whoever_has_a_one_time_password_can_sign_out_instead(rig: Rig, visitor: Visitor) -> None:
    add(rig, "new", CLERK, FIRST, one_time=True)
    visitor.sign_in("new", FIRST)
    answer = visitor.send("/admin/sign-out", page="/admin/password")
    assert answer.location == "/"
    assert not is_in(visitor)


def test_nobody_learns_which_names_there_are(rig: Rig, visitor: Visitor) -> None:
    answers = [visitor.sign_in(name, "wrong password") for name in ("anna", "nobody")]
    plain = [re.sub(r'value="[^"]*"', "", a.text) for a in answers]
    assert plain[0] == plain[1]
    assert answers[0].status == answers[1].status == 403
    assert answers[0].set_cookies.keys() == answers[1].set_cookies.keys()
    # Only the trail tells: both names, the address, and no password.
    assert actions(rig) == [("server", "sign-in failed", n) for n in ("anna", "nobody")]
    with rig.app.database.read() as connection:
        assert [dict(e.detail) for e in audit.entries(connection)] == [
            {"address": "198.51.100.7"}
        ] * 2


def test_a_name_that_is_not_there_takes_as_long(rig: Rig) -> None:
    tried = itertools.count()  # each time another password, which nothing can remember

    def spent_s(name: str) -> float:
        wrong = f"wrong password {next(tried)}"
        before_s = time.process_time()
        with rig.app.database.read() as connection:
            assert accounts.check_sign_in(connection, name, wrong) is None
        return time.process_time() - before_s

    spent_s("nobody")  # the first time makes what is compared with
    there_s = min(spent_s("anna") for _ in range(3))
    assert min(spent_s("nobody") for _ in range(3)) > there_s / 3


@pytest.mark.parametrize(
    ("next_page", "goes_to"),
    [
        ("/admin/audit", "/admin/audit"),
        ("/admin/audit?subject=x%26y", "/admin/audit?subject=x%26y"),
        ("", "/admin"),
        ("//evil.example.org", "/admin"),
        ("/\\evil.example.org", "/admin"),
        ("https://evil.example.org/", "/admin"),
        ("javascript:alert(1)", "/admin"),
        ("/%2e%2e/moodle", "/admin"),
        ("/a\r\nSet-Cookie: x=1", "/admin"),
    ],
)
def test_where_one_goes_after_signing_in_is_never_outside(
    visitor: Visitor, next_page: str, goes_to: str
) -> None:
    answer = visitor.sign_in("anna", OWN, next=next_page)
    assert (answer.status, answer.location) == (303, goes_to)


def test_a_page_that_asked_for_signing_in_is_shown_afterwards(visitor: Visitor) -> None:
    away = visitor.get("/admin/audit")
    assert away.location == "/?next=/admin/audit"
    assert visitor.get(away.location).tree.xpath("//input[@name='next']/@value") == ["/admin/audit"]


@pytest.mark.parametrize("name", ["", " ", "anna\0", "\0", "x" * 100, "ﬀ" * 100, "'; --", "\ud7ff"])
def test_names_that_cannot_be_are_refused_like_others(rig: Rig, name: str) -> None:
    answer = browser(rig).sign_in(name, "x" * 2000)
    assert answer.status == (400 if "\0" in name else 403)
    assert COOKIE not in answer.set_cookies


# The cookie and the session.


@pytest.mark.parametrize("wwwroot", ["http://sis.example.org", "https://sis.example.org/school"])
def test_the_cookies_are_out_of_reach_of_scripts_and_other_sites(rig: Rig, wwwroot: str) -> None:
    frame = frame_of(rig.app)
    frame.wwwroot, frame.prefix = wwwroot, wwwroot.removeprefix("https://sis.example.org")
    if wwwroot.startswith("http:"):
        frame.prefix = ""
    frame._is_https = wwwroot.startswith("https:")
    visitor = Visitor(in_memory(frame))
    lines = visitor.get("/").set_cookies | visitor.sign_in("anna", OWN).set_cookies
    assert lines.keys() == {COOKIE, FORM_COOKIE}
    for line in lines.values():
        morsel = next(iter(SimpleCookie(line).values()))
        assert morsel["httponly"] is True
        assert morsel["samesite"] in {"Lax", "Strict"}
        assert morsel["domain"] == ""
        assert bool(morsel["secure"]) is wwwroot.startswith("https:")
        assert morsel["path"] == ("/school" if "school" in wwwroot else "/")
        assert 0 < int(morsel["max-age"]) <= 86400


def test_only_a_digest_of_the_cookie_is_stored(rig: Rig, visitor: Visitor) -> None:
    visitor.sign_in("anna", OWN)
    token = visitor.cookies[COOKIE]
    assert len(token) >= 40
    rows = repr(rig.dump())
    assert token not in rows
    assert repr(hashlib.sha256(token.encode()).digest()) in rows
    assert OWN not in rows


def test_signing_in_gives_a_new_token_and_ends_the_one_before(visitor: Visitor) -> None:
    chosen = "a-token-that-somebody-planted-here-000000000"
    visitor.cookies[COOKIE] = chosen
    visitor.sign_in("anna", OWN)
    first = visitor.cookies[COOKIE]
    assert first != chosen
    token = visitor.get("/admin/password").form_token
    visitor.post("/", {"form_token": token, "username": "anna", "password": OWN})
    assert visitor.cookies[COOKIE] != first
    assert is_in(visitor)
    assert not is_in(Visitor(visitor.ask, {COOKIE: first}))


def test_a_session_ends_after_a_time_without_use(rig: Rig, visitor: Visitor) -> None:
    visitor.sign_in("anna", OWN)
    rig.clock.now += tokens.IDLE_S - 1
    assert is_in(visitor)  # this counts as use
    rig.clock.now += tokens.IDLE_S - 1
    assert is_in(visitor)
    rig.clock.now += tokens.IDLE_S
    assert not is_in(visitor)


def test_a_session_ends_after_a_working_day_however_much_it_is_used(
    rig: Rig, visitor: Visitor
) -> None:
    visitor.sign_in("anna", OWN)
    for _ in range(11):
        rig.clock.now += 3600
        assert is_in(visitor)
    rig.clock.now += 3599
    assert is_in(visitor)
    rig.clock.now += 1
    assert not is_in(visitor)


def test_reading_writes_only_once_a_minute(rig: Rig, visitor: Visitor) -> None:
    visitor.sign_in("anna", OWN)

    def seen() -> int:
        with rig.app.database.read() as connection:
            found = sessions.find(connection, visitor.cookies[COOKIE], int(rig.clock.now))
        assert found
        return found.seen_unix_s

    rig.clock.now += tokens.SEEN_STEP_S - 1
    assert is_in(visitor)
    assert seen() == START_UNIX_S
    rig.clock.now += 1
    assert is_in(visitor)
    assert seen() == START_UNIX_S + tokens.SEEN_STEP_S


def test_signing_out_ends_the_session_and_takes_the_cookie(visitor: Visitor) -> None:
    visitor.sign_in("anna", OWN)
    token = visitor.cookies[COOKIE]
    answer = visitor.send("/admin/sign-out", page="/admin/accounts")
    assert (answer.status, answer.location) == (303, "/")
    assert "Max-Age=0" in answer.set_cookies[COOKIE]
    assert not is_in(Visitor(visitor.ask, {COOKIE: token}))
    assert "signed out" in visitor.get("/").message("said")


def test_what_happens_to_an_account_reaches_its_sessions_at_once(
    rig: Rig, visitor: Visitor
) -> None:
    visitor.sign_in("anna", OWN)
    for action, still_in in (("role", True), ("reset", False), ("remove", False)):
        other_id = add(rig, f"eve {action}", MANAGER)
        other = browser(rig)
        other.sign_in(f"eve {action}", OWN)
        assert is_in(other, "/admin/audit")
        path = f"/admin/accounts/{other_id}"
        answer = visitor.send(path, page="/admin/accounts", action=action, role=CLERK)
        assert answer.status in {200, 303}
        assert is_in(other) is still_in
        if still_in:
            assert other.get("/admin/audit").status == 403


def test_changing_the_own_password_ends_the_other_sessions(rig: Rig, visitor: Visitor) -> None:
    visitor.sign_in("anna", OWN)
    other = browser(rig)
    other.sign_in("anna", OWN)
    new = OWN + " staple"
    visitor.send("/admin/password", old_password=OWN, new_password=new, new_again=new)
    assert is_in(visitor)
    assert not is_in(other)


# Guessing.


def fail(visitor: Visitor, name: str, times: int) -> Page:
    answers = [visitor.sign_in(name, "wrong password") for _ in range(times)]
    assert {a.status for a in answers[:-1]} <= {403}
    return answers[-1]


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_guessing_for_one_name_is_slowed_whether_it_exists_or_not(rig: Rig, name: str) -> None:
    assert fail(browser(rig), name, throttle.FREE_BY_NAME).status == 403
    elsewhere = browser(rig, "203.0.113.5")
    answer = elsewhere.sign_in(name.upper(), OWN)  # even with the right password
    assert answer.status == 429
    assert answer.message() == "Too many tries. Please wait 15 seconds."
    rig.clock.now += throttle.FIRST_WAIT_S
    assert elsewhere.sign_in(name, "wrong password").status == 403
    rig.clock.now += throttle.FIRST_WAIT_S
    assert elsewhere.sign_in(name, OWN).status == 429  # the second wait is twice as long
    rig.clock.now += throttle.FIRST_WAIT_S
    assert elsewhere.sign_in(name, OWN).status == (303 if name == "anna" else 403)


def test_nobody_elsewhere_keeps_out_who_signed_in_here_before(rig: Rig) -> None:
    at_home = browser(rig)
    at_home.sign_in("anna", OWN)
    fail(browser(rig, "203.0.113.5"), "anna", throttle.FREE_BY_NAME)
    assert browser(rig, "203.0.113.6").sign_in("anna", OWN).status == 429
    assert browser(rig).sign_in("anna", OWN).status == 303
    # Nor do the wrong names of others at the same address.
    with rig.app.database.write() as connection:
        for number in range(throttle.FREE_BY_ADDRESS):
            throttle.failed(connection, f"name {number}", "198.51.100.7", START_UNIX_S)
    assert browser(rig).sign_in("nobody", OWN).status == 429
    assert browser(rig).sign_in("anna", OWN).status == 303
    # Guessing right there is slowed all the same.
    fail(browser(rig), "anna", throttle.FREE_BY_NAME)
    assert browser(rig).sign_in("anna", OWN).status == 429
    rig.clock.now += throttle.FIRST_WAIT_S
    assert browser(rig).sign_in("anna", OWN).status == 303
    rig.clock.now += throttle.ADDRESS_MEMORY_S + 1
    fail(browser(rig, "203.0.113.5"), "anna", throttle.FREE_BY_NAME)
    assert browser(rig).sign_in("anna", OWN).status == 429


@pytest.mark.parametrize("common", ["password123", "QWERTY12345", "1q2w3e4r5t6y"])
def test_a_password_that_everybody_tries_first_is_not_taken(visitor: Visitor, common: str) -> None:
    visitor.sign_in("anna", OWN)
    fields = {"old_password": OWN, "new_password": common, "new_again": common}
    assert "tried first" in visitor.send("/admin/password", **fields).message()
    assert visitor.send("/admin/password", **{**fields, "old_password": "x"}).status == 400


def test_guessing_from_one_address_is_slowed_whatever_the_name(rig: Rig) -> None:
    with rig.app.database.write() as connection:
        for number in range(throttle.FREE_BY_ADDRESS - 1):
            throttle.failed(connection, f"name {number}", "203.0.113.5", START_UNIX_S)
    guesser = browser(rig, "203.0.113.5")
    assert guesser.sign_in("yet another", "wrong password").status == 403
    assert guesser.sign_in("anna", OWN).status == 429
    assert browser(rig, "203.0.113.6").sign_in("anna", OWN).status == 303
    rig.clock.now += throttle.FIRST_WAIT_S
    assert guesser.sign_in("anna", OWN).status == 303
    # A right password clears the name, never the address: else one account would open the gate.
    again = browser(rig, "203.0.113.5")
    assert again.sign_in("somebody", "wrong password").status == 403
    assert again.sign_in("somebody", "wrong password").status == 429


def test_the_old_password_cannot_be_guessed_in_a_session_that_was_left_open(
    visitor: Visitor,
) -> None:
    visitor.sign_in("anna", OWN)
    wrong = {"old_password": "wrong password", "new_password": FIRST, "new_again": FIRST}
    for _ in range(throttle.FREE_BY_NAME):
        assert "not right" in visitor.send("/admin/password", **wrong).message()
    assert (
        "Too many tries"
        in visitor.send("/admin/password", **{**wrong, "old_password": OWN}).message()
    )


def test_failures_are_forgotten_after_a_day(rig: Rig, visitor: Visitor) -> None:
    fail(visitor, "anna", throttle.FREE_BY_NAME)
    rig.clock.now += throttle.MEMORY_S + 1
    assert fail(visitor, "nobody", 1).status == 403
    with rig.app.database.read() as connection:
        rows = connection.execute(accounts.sign_in_failure.select()).all()
    assert sorted(row.key for row in rows) == ["address 198.51.100.7", "name nobody"]


def test_a_new_password_by_a_manager_ends_the_waiting(rig: Rig, visitor: Visitor) -> None:
    eve_id = add(rig, "eve", CLERK)
    visitor.sign_in("anna", OWN)
    eve = browser(rig, "203.0.113.5")
    fail(eve, "eve", throttle.FREE_BY_NAME)
    answer = visitor.send(f"/admin/accounts/{eve_id}", page="/admin/accounts", action="reset")
    made = answer.tree.xpath("//code[@class='big']/text()")[0]
    assert eve.sign_in("eve", made).status == 303


# Accounts and the trail.
