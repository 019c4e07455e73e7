"""The one sign-in of admins and the school's people: who gets in, where to, and what is told."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from peers import accounts, audit, password_hashes, store
from peers.accounts import CLERK, MANAGER
from peers.web import sessions, throttle
from schooltool_bridge.sign_on import door, person_sessions, rights
from schooltool_bridge.sign_on.person_sessions import COOKIE
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import person
from tests.helpers.cast import MOODLE, Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page, Visitor

PASSWORD, OTHER = "correct horse battery", "another horse battery"
pytestmark = pytest.mark.requirement("R28", "R29")


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        with made.app.database.write() as connection:
            for name, role in (("anna", MANAGER), ("carl", CLERK)):
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
            change = Change("anna", START_UNIX_S)
            for name in ("tess", "pam"):
                rights.set_password(connection, change, made.people[name], OTHER)
            rights.set_own(connection, [made.people["tess"]], allowed=True)
        yield made


def is_in(visitor: Visitor) -> tuple[bool, bool]:
    """Whether an account is signed in, and whether a person is."""
    return visitor.get("/admin").status == 200, visitor.get("/me").status == 200


def plain(page: Page) -> str:
    """A page without what is anew in each."""
    return re.sub(r'name="(form_token|username)" value="[^"]*"', "", page.text)


def test_everybody_signs_in_at_one_place(cast: Cast) -> None:
    for name, password, where, signed in (
        ("anna", PASSWORD, "/admin", (True, False)),
        ("CARL", PASSWORD, "/admin", (True, False)),
        ("Tess", OTHER, "/me", (False, True)),
    ):
        visitor = cast.browser()
        answer = visitor.sign_in(name, password)
        assert (answer.location or answer.tree.xpath("//main//a/@href")[0]) == where
        assert is_in(visitor) == signed, name
        assert visitor.get("/").location == where


@pytest.mark.requirement("R28")
def test_no_failure_tells_which_names_there_are_and_whose(cast: Cast) -> None:
    # An account's, a person's with the right, one's without, one's without a password, nobody's.
    names = ("anna", "tess", "pam", "pete", "nobody")
    answers = [cast.browser().sign_in(name, "wrong password") for name in names]
    right_but_not_allowed = cast.browser().sign_in("pam", OTHER)
    assert {plain(a) for a in (*answers, right_but_not_allowed)} == {plain(answers[0])}
    assert {a.status for a in answers} == {403}
    assert len({frozenset(a.set_cookies) for a in answers}) == 1


def test_every_name_waits_alike(cast: Cast) -> None:
    for name in ("anna", "tess", "nobody"):
        said = []
        for number in range(throttle.FREE_BY_NAME + 1):
            visitor = Visitor(cast.browser().ask)
            cast.rig.clock.now += 24 * 3600 if number == 0 else 0
            said.append(visitor.sign_in(name, "wrong password"))
        assert [a.status for a in said] == [403] * throttle.FREE_BY_NAME + [429], name
        assert "15 seconds" in said[-1].message()


def test_every_refusal_takes_as_long(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = itertools.count()
    # Not what the tests remember of it.
    fits = getattr(password_hashes.fits, "__wrapped__", password_hashes.fits)
    monkeypatch.setattr(password_hashes, "fits", fits)

    def spent_s(name: str) -> float:
        wrong = f"wrong password {next(tried)}"
        before_s = time.process_time()
        with cast.app.database.read() as connection:
            assert door.check(connection, name, wrong) is None
        return time.process_time() - before_s

    spent_s("nobody")  # the first time makes what is compared with
    rounds = [[spent_s(n) for n in ("anna", "tess", "pete", "nobody")] for _ in range(4)]
    each = [min(times) for times in zip(*rounds, strict=True)]
    assert max(each) < 1.6 * min(each), each


@pytest.mark.parametrize("before", ["/admin/sign-in", "/sign-in"])
def test_the_old_addresses_lead_there_and_keep_where_one_wanted_to_go(
    cast: Cast, before: str
) -> None:
    visitor = cast.browser()
    assert visitor.get(before).location == "/"
    wanted = "/me/marks?at=2026-10-31&x=1"
    led = visitor.get(f"{before}?next={quote(wanted, safe='')}")
    assert led.status == 303
    shown = visitor.get(led.location)
    assert shown.tree.xpath("//input[@name='next']/@value") == [wanted]
    # A page that was open there since before.
    token = shown.form_token
    fields = {"form_token": token, "username": "anna", "password": PASSWORD}
    assert visitor.post(before, fields).location == "/admin"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "/../x"]
)
def test_nothing_leads_outside(cast: Cast, wanted: str) -> None:
    for name, password in (("anna", PASSWORD), ("tess", OTHER)):
        answer = cast.browser().sign_in(name, password, next=wanted)
        assert "evil" not in answer.location + answer.text
    shown = cast.browser().get("/?next=" + quote(wanted, safe=""))
    assert shown.tree.xpath("//input[@name='next']/@value") == [""]


def test_one_goes_where_one_wanted_to_if_that_is_for_them(cast: Cast) -> None:
    for name, password, wanted, goes in (
        ("anna", PASSWORD, "/admin/audit", "/admin/audit"),
        ("anna", PASSWORD, "/me/marks", "/admin"),
        ("tess", OTHER, "/me/marks", "/me/marks"),
        ("tess", OTHER, "/admin/audit", "/me"),
        ("tess", OTHER, "/administration", "/administration"),
    ):
        answer = cast.browser().sign_in(name, password, next=wanted)
        led = answer.location or answer.tree.xpath("//main//a/@href")[0]
        assert led == goes, (name, wanted)


def test_whoever_is_signed_in_goes_on_and_for_the_other_pages_is_asked(cast: Cast) -> None:
    anna, tess = signed_in(cast.rig, MANAGER, "anna"), cast.browser("tess")
    assert anna.get("/?next=/admin/audit").location == "/admin/audit"
    assert anna.get("/?next=/me/marks").status == 200
    assert tess.get("/?next=/me/marks").location == "/me/marks"
    assert tess.get("/?next=/admin/audit").status == 200


@pytest.mark.requirement("R29")
def test_signing_in_ends_whatever_was_signed_in_before(cast: Cast) -> None:
    visitor = cast.browser()
    planted = "a-token-that-somebody-planted-here-000000000"
    visitor.cookies |= {COOKIE: planted, sessions.COOKIE: planted}
    visitor.sign_in("anna", PASSWORD)
    first = dict(visitor.cookies)
    assert planted not in first.values()
    token = visitor.get("/admin/password").form_token

    onward = visitor.post("/", {"form_token": token, "username": "tess", "password": OTHER})
    assert "anna" not in onward.text
    assert is_in(visitor) == (False, True)
    assert is_in(Visitor(visitor.ask, first)) == (False, False)

    second = dict(visitor.cookies)
    token = visitor.get("/me").form_token
    visitor.post("/", {"form_token": token, "username": "carl", "password": PASSWORD})
    assert is_in(visitor) == (True, False)
    assert is_in(Visitor(visitor.ask, second)) == (False, False)


def test_a_form_from_elsewhere_signs_nobody_in(cast: Cast) -> None:
    visitor = cast.browser()
    token = visitor.get("/").form_token
    fields = {"form_token": token, "username": "anna", "password": PASSWORD}
    for wrong, headers in (
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({"form_token": "made up"}, {"Sec-Fetch-Site": "same-origin"}),
    ):
        assert visitor.post("/", fields | wrong, headers).status == 403
    assert is_in(visitor) == (False, False)


@pytest.mark.requirement("R31")
def test_the_moodles_that_one_can_come_from_are_there(cast: Cast) -> None:
    assert MOODLE not in cast.browser().get("/").text
    with cast.app.database.write() as connection:
        peer = store.find(connection, MOODLE)
        assert peer is not None
        store.set_services(connection, peer.id, publish=("sso_sp",), subscribe=("sso_idp",))
    shown = cast.browser().get("/?next=/me/marks")
    links = shown.tree.xpath("//main//ul//a/@href")
    assert [link.startswith(MOODLE + "/auth/mnet/jump.php") for link in links] == [True]
    assert "wantsurl=%2Fme%2Fmarks" in links[0]
    assert shown.tree.findtext(".//title") == "Test SIS"  # a Moodle takes it for our name


# Names.


def test_an_account_gets_no_name_that_one_of_the_people_has(cast: Cast) -> None:
    anna = signed_in(cast.rig, MANAGER, "anna")
    answer = anna.send("/admin/accounts", username=" TESS ", role=CLERK)
    assert answer.status == 400
    assert "One of the school's people has the user name 'TESS'" in answer.message()
    with cast.app.database.read() as connection:
        assert [a.username for a in accounts.all_accounts(connection)] == ["anna", "carl"]


def test_a_pushed_name_that_is_an_accounts_gets_its_suffix(cast: Cast) -> None:
    cast.push("fetch_user", idnumber="9", username="Anna", firstname="A", lastname="B")
    with cast.app.database.read() as connection:
        named = sa.select(person.c.username).where(person.c.firstname == "A")
        assert connection.execute(named).scalar_one() == "Anna.moodle.example.org"


def test_two_of_one_name_from_before_stay_who_they_are(cast: Cast) -> None:
    """A store of an earlier version: nobody is renamed, and each password opens its own."""
    with cast.app.database.write() as connection:
        accounts.add(
            connection, "tess", PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=CLERK
        )
    account, owner = cast.browser(), cast.browser()
    account.sign_in("tess", PASSWORD)
    owner.sign_in("tess", OTHER)
    assert is_in(account) == (True, False)
    assert is_in(owner) == (False, True)


# The role that is no more.


def test_an_account_of_the_role_that_is_no_more_signs_in_nowhere_and_is_kept(cast: Cast) -> None:
    visitor = signed_in(cast.rig, CLERK, "tina")
    with cast.app.database.write() as connection:
        tina = accounts.account.c.username == "tina"
        connection.execute(sa.update(accounts.account).where(tina).values(role="teacher"))
        tina_id = accounts.by_name(connection, "tina").id
    assert is_in(visitor) == (False, False)
    refused = cast.browser().sign_in("tina", PASSWORD)
    nobody = cast.browser().sign_in("nobody", PASSWORD)
    assert plain(refused) == plain(nobody)
    anna = signed_in(cast.rig, MANAGER, "anna")
    assert "no role any more" in anna.get("/admin/accounts").text
    anna.send(f"/admin/accounts/{tina_id}", page="/admin/accounts", action="role", role=CLERK)
    assert cast.browser().sign_in("tina", PASSWORD).location == "/admin"


def test_the_trail_names_whom_a_failure_was_about(cast: Cast) -> None:
    for name in ("anna", "Tess", "nobody"):
        cast.browser().sign_in(name, "wrong password")
    with cast.app.database.read() as connection:
        told = [e.subject for e in audit.entries(connection) if e.action == "sign-in failed"]
        assert told == ["nobody", "user Tess", "anna"]
        found = person_sessions.live_of(connection, cast.people["tess"], START_UNIX_S)
    assert found == []
