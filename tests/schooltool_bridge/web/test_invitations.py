"""Links by which people choose a password: made by the office, opened once, forgotten, changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from peers import accounts, audit
from peers.account_links import FORGOTTEN, INVITATION, LIFETIME_S
from peers.accounts import CLERK
from schooltool_bridge.hand import people as by_hand
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import erasing
from schooltool_bridge.sign_on import invitations, rights
from schooltool_bridge.sign_on.person_sessions import COOKIE
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import person
from schooltool_bridge.store.model_people import password_link, person_password
from tests.helpers.cast import Cast, cast_in
from tests.helpers.framed import assert_safe, signed_in
from tests.helpers.mail_server import MailServer
from tests.helpers.rig import START_UNIX_S
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor, in_memory

NEW, OTHER = "correct horse battery", "another horse battery"
CHANGE = Change("anna", START_UNIX_S)
pytestmark = pytest.mark.requirement("R28", "R29")


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        yield made


@pytest.fixture
def mail(cast: Cast) -> Iterator[MailServer]:
    with MailServer() as server:
        settings = cast.app.settings
        for name, value in (
            ("mail_to", "office@example.org"), ("smtp_url", f"smtp://127.0.0.1:{server.port}"),
        ):  # fmt: skip
            object.__setattr__(settings, name, value)  # as if they had been read so
        yield server


def desk(cast: Cast, name: str) -> tuple[Visitor, str]:
    """A clerk's browser, and the address of somebody's page about a password."""
    return signed_in(cast.rig, CLERK), f"/admin/people/{cast.people[name]}/password"


def shown_link(page: Page) -> str:
    """The path of the link that a page shows."""
    address: str = page.tree.xpath("//code[@class='big long']/text()")[0]
    return address.removeprefix("http://sis.example.org")


def choose(visitor: Visitor, path: str, password: str = NEW, again: str = "") -> Page:
    return visitor.send(path, new_password=password, new_again=again or password)


def trail(cast: Cast, name: str) -> list[tuple[str, str]]:
    subject = f"person {cast.people[name]}"
    with cast.app.database.read() as connection:
        found = audit.entries(connection, subject=subject)
    return [(e.actor, e.action) for e in reversed(found)]


def may_sign_in(cast: Cast, name: str) -> bool:
    with cast.app.database.read() as connection:
        mine = sa.select(person.c.can_login).where(person.c.id == cast.people[name])
        return bool(connection.execute(mine).scalar_one())


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/me").status == 200


def stands_for_both(cast: Cast) -> str:
    """An invitation of Tess, made now."""
    clerk, page = desk(cast, "tess")
    return shown_link(clerk.send(page, do="link"))


# Inviting.


def test_an_invitation_gives_right_and_password_once_and_the_trail_tells(cast: Cast) -> None:
    clerk, page = desk(cast, "tess")
    made = clerk.send(page, do="link")
    assert_safe(made)
    assert made.header("Cache-Control") == "no-store"
    link = shown_link(made)
    assert link.rpartition("/")[2] not in clerk.get(page).text, "it is shown this once"
    assert link.rpartition("/")[2] not in repr(cast.rig.dump())
    assert not may_sign_in(cast, "tess")

    visitor = cast.browser()
    for _ in range(2):  # a mail program looks, too
        assert visitor.get(link).status == 200
    for password, again, said in (
        ("short", "", "at least 10"), (NEW, OTHER, "not the same"), ("password123", "", "first"),
    ):  # fmt: skip
        refused = choose(visitor, link, password, again)
        assert (refused.status, said in refused.message()) == (400, True)
        assert password not in refused.text
        assert not may_sign_in(cast, "tess")
    choose(visitor, link)
    assert is_in(visitor)
    assert may_sign_in(cast, "tess")
    me = f"person {cast.people['tess']}"
    assert trail(cast, "tess") == [
        ("a clerk", "invitation made"),
        (me, "password set"),
        (me, "invitation used"),
        (me, "sign-on allowed"),
    ]
    late = cast.browser()
    gone = late.get(link)
    assert gone.status == 404
    assert gone.message() or "opens nothing any more" in gone.text
    token = late.get("/").form_token
    fields = {"form_token": token, "new_password": OTHER, "new_again": OTHER}
    assert late.post(link, fields).status == 404
    assert not is_in(late)
    assert "/me" in cast.browser().sign_in("tess", NEW).text


def test_a_hash_from_a_moodle_opens_nothing_before_nor_after(cast: Cast) -> None:
    from hashlib import md5

    digest = md5(OTHER.encode(), usedforsecurity=False).hexdigest()
    cast.push(
        "fetch_user", idnumber="id-tess", username="tess", firstname="T", lastname="J",
        password_hash=digest, password_hash_algorithm="md5",
    )  # fmt: skip
    assert cast.browser().sign_in("tess", OTHER).status == 403
    choose(cast.browser(), stands_for_both(cast))
    assert cast.browser().sign_in("tess", OTHER).status == 403


def test_a_link_ends_by_time_by_a_new_one_and_by_being_taken_back(cast: Cast) -> None:
    clerk, page = desk(cast, "tess")
    first = shown_link(clerk.send(page, do="link"))
    second = shown_link(clerk.send(page, do="link"))
    visitor = cast.browser()
    assert [visitor.get(link).status for link in (first, second)] == [404, 200]
    clerk.send(page, do="take-back")
    assert visitor.get(second).status == 404
    third = shown_link(clerk.send(page, do="link"))
    cast.rig.clock.now += LIFETIME_S[INVITATION] - 1
    assert visitor.get(third).status == 200
    cast.rig.clock.now += 1
    assert visitor.get(third).status == 404
    assert ("a clerk", "invitation taken back") in trail(cast, "tess")


@pytest.mark.parametrize("by", ["deny", "password", "merge", "erase"])
def test_what_the_office_does_meanwhile_closes_a_link(cast: Cast, by: str) -> None:
    link = stands_for_both(cast)
    with cast.app.database.write() as connection:
        tess = cast.people["tess"]
        if by == "deny":
            rights.set_own(connection, [tess], allowed=False)
        elif by == "password":
            rights.set_password(connection, CHANGE, tess, OTHER)
        elif by == "erase":
            erasing.erase(connection, Author("anna", START_UNIX_S, "asked"), tess)
    if by == "merge":
        cast.merge("tess", "fred")
    assert cast.browser().get(link).status == 404


def test_of_two_who_use_a_link_at_once_one_chooses(cast: Cast) -> None:
    token = stands_for_both(cast).rpartition("/")[2]
    with cast.app.database.write() as connection:
        assert invitations.use(connection, token, NEW, START_UNIX_S) is not None
        assert invitations.use(connection, token, OTHER, START_UNIX_S) is None


def test_no_token_is_guessed_or_breaks_anything(cast: Cast) -> None:
    stands_for_both(cast)
    for token in ("x", "%00", "x" * 5000, "..", "%ff", "'; --"):
        assert cast.browser().get(f"/invitation/{token}").status in {400, 404}


def test_whoever_uses_a_link_ends_what_was_signed_in_in_that_browser(cast: Cast) -> None:
    link = stands_for_both(cast)
    visitor = cast.browser("pam")
    visitor.cookies |= signed_in(cast.rig, CLERK, "carl").cookies
    before = dict(visitor.cookies)
    choose(visitor, link)
    assert visitor.cookies[COOKIE] != before[COOKIE]
    assert visitor.get("/admin").status == 303
    assert "Tess" in visitor.get("/me").text
    old = Visitor(visitor.ask, before)
    assert (is_in(old), old.get("/admin").status) == (False, 303)


def test_an_invitation_goes_by_mail_and_is_shown_to_nobody(cast: Cast, mail: MailServer) -> None:
    clerk, page = desk(cast, "tess")
    answer = clerk.send(page, do="mail")
    assert answer.status == 303
    assert mail.to == [["tess@tessjq.example"]]
    text = mail.mails[0].get_content()
    link = re.search(r"http://sis\.example\.org(/invitation/\S+)", text)
    assert link is not None
    assert "tess" in text
    assert link[1] not in clerk.get(page).text
    assert "tess@tessjq.example" in clerk.get(page).text
    choose(cast.browser(), link[1])
    assert may_sign_in(cast, "tess")


def test_a_mail_server_that_is_down_is_told(cast: Cast, mail: MailServer) -> None:
    mail.is_down = True
    clerk, page = desk(cast, "tess")
    refused = clerk.send(page, do="mail")
    assert refused.status == 502
    assert "mail server" in refused.message()


def test_only_the_office_invites_and_by_our_own_forms(cast: Cast) -> None:
    page = f"/admin/people/{cast.people['tess']}/password"
    for visitor in (cast.browser(), cast.browser("tess"), cast.browser("carol")):
        assert visitor.get(page).location.startswith("/?next=")
        assert visitor.post(page, {"do": "link"}).location == "/"
    clerk = signed_in(cast.rig, CLERK)
    fields = {"form_token": clerk.get(page).form_token, "do": "link"}
    assert clerk.post(page, fields, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert trail(cast, "tess") == []
    assert clerk.send("/admin/people/999/password", page=page, do="link").status == 404


def test_the_office_sets_a_password(cast: Cast) -> None:
    clerk, page = desk(cast, "tess")
    assert clerk.send(page, do="set", new_password=NEW, new_again=OTHER).status == 400
    assert clerk.send(page, do="set", new_password="x", new_again="x").status == 400
    assert clerk.send(page, do="set", new_password=NEW, new_again=NEW).status == 303
    assert trail(cast, "tess") == [("a clerk", "password set")]
    assert cast.browser().sign_in("tess", NEW).status == 403, "the right is another thing"


# Forgotten.


def has_password(cast: Cast, *names: str) -> None:
    with cast.app.database.write() as connection:
        for name in names:
            rights.set_password(connection, CHANGE, cast.people[name], OTHER)
            rights.set_own(connection, [cast.people[name]], allowed=True)


def ask_for(cast: Cast, who: str, sender: str = "198.51.100.7") -> Page:
    return Visitor(in_memory(cast.frame, sender, waits=True)).send("/forgotten", who=who)


def test_a_forgotten_password_is_chosen_anew_by_mail(cast: Cast, mail: MailServer) -> None:
    has_password(cast, "tess")
    still_in = cast.browser("tess")
    ask_for(cast, "TESS@tessjq.example")
    text = mail.mails[0].get_content()
    link = re.search(r"http://sis\.example\.org(/invitation/\S+)", text)
    assert link is not None
    assert is_in(still_in), "asking alone changes nothing"
    choose(cast.browser(), link[1])
    assert not is_in(still_in)
    assert cast.browser().sign_in("tess", OTHER).status == 403
    assert "/me" in cast.browser().sign_in("tess", NEW).text
    assert cast.browser().get(link[1]).status == 404


def test_a_forgotten_passwords_link_opens_for_an_hour(cast: Cast, mail: MailServer) -> None:
    has_password(cast, "tess")
    ask_for(cast, "tess")
    link = re.search(r"(/invitation/\S+)", mail.mails[0].get_content())
    assert link is not None
    cast.rig.clock.now += LIFETIME_S[FORGOTTEN]
    assert cast.browser().get(link[1]).status == 404


def test_the_answer_is_the_same_whoever_is_asked_about(cast: Cast, mail: MailServer) -> None:
    has_password(cast, "tess", "pam")
    with cast.app.database.write() as connection:
        rights.set_own(connection, [cast.people["pam"]], allowed=False)
        accounts.add(connection, "anna", NEW, one_time=False, now_unix_s=START_UNIX_S)
    asked = ("tess", "tess@tessjq.example", "pam", "pete", "anna", "nobody", "x@y.example")
    answers = [ask_for(cast, who) for who in asked]
    plain = {re.sub(r'name="form_token" value="[^"]*"', "", a.text) for a in answers}
    assert len(plain) == 1
    assert {a.status for a in answers} == {200}
    assert {to for some in mail.to for to in some} == {"tess@tessjq.example"}


def test_asking_is_throttled_and_keeps_nobody_from_signing_in(cast: Cast, mail: MailServer) -> None:
    has_password(cast, "tess")
    said = {
        who: [ask_for(cast, who, f"203.0.113.{n}").status for n in range(6)]
        for who in ("tess", "nobody")
    }
    assert said == {who: [200] * 5 + [429] for who in said}
    assert len(mail.mails) == 5
    assert "/me" in cast.browser().sign_in("tess", OTHER).text
    from_one = [ask_for(cast, f"name {n}").status for n in range(21)]
    assert from_one == [200] * 20 + [429]
    assert "/me" in cast.browser().sign_in("tess", OTHER).text


def test_a_peer_that_changes_an_address_gets_no_mail_to_it(cast: Cast, mail: MailServer) -> None:
    has_password(cast, "tess")
    cast.push(
        "fetch_user", idnumber="id-tess", username="tess", firstname="T", lastname="J",
        email="mallory@evil.example", timemodified=START_UNIX_S,
    )  # fmt: skip
    for who in ("mallory@evil.example", "tess"):
        ask_for(cast, who)
    assert mail.to == [["tess@tessjq.example"]]
    with cast.app.database.write() as connection:
        names = by_hand.names_of(connection, cast.people["tess"])
        assert names.email == "mallory@evil.example"
        new = by_hand.Names(names.username, "T", "J", names.idnumber, "own@tess.example")
        by_hand.change(connection, Author("anna", START_UNIX_S), cast.people["tess"], new)
    ask_for(cast, "tess")
    assert mail.to[1:] == [["own@tess.example"]]


def test_without_mail_the_page_says_whom_to_ask(cast: Cast) -> None:
    page = cast.browser().get("/forgotten")
    assert "ask the school's office" in page.text
    assert not page.tree.xpath("//form[@action='/forgotten']")
    with cast.app.database.read() as connection:
        assert connection.execute(sa.select(password_link)).all() == []


# Changed by its owner.


def test_its_owner_changes_a_password_and_other_sessions_end(cast: Cast) -> None:
    has_password(cast, "tess")
    mine, other = cast.browser("tess"), cast.browser("tess")
    page = "/me/password"
    for old, new, again, said in (
        ("wrong password", NEW, NEW, "not right"), (OTHER, NEW, OTHER, "not the same"),
        (OTHER, "x", "x", "at least 10"), (OTHER, OTHER, OTHER, "not the old one"),
    ):  # fmt: skip
        refused = mine.send(page, old_password=old, new_password=new, new_again=again)
        assert (refused.status, said in refused.message()) == (400, True), said
    before = mine.cookies[COOKIE]
    done = mine.send(page, old_password=OTHER, new_password=NEW, new_again=NEW)
    assert (done.status, done.location) == (303, "/me")
    assert (is_in(mine), is_in(other), mine.cookies[COOKIE] != before) == (True, False, True)
    assert "/me" in cast.browser().sign_in("tess", NEW).text
    with cast.app.database.read() as connection:
        kept = sa.select(person_password.c.email)
        assert connection.execute(kept).scalar() == "tess@tessjq.example"


def test_guessing_the_old_password_is_slowed_down(cast: Cast) -> None:
    has_password(cast, "tess")
    mine = cast.browser("tess")
    fields = {"old_password": "wrong password", "new_password": NEW, "new_again": NEW}
    said = [mine.send("/me/password", **fields).message() for _ in range(6)]
    assert "Too many tries" in said[-1]
    assert "/?next=" in cast.browser().get("/me/password").location


# By command.


def test_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    made = site.run("person", "add", "--username", "zoe", "--firstname", "Zoe", "--lastname", "Z")
    shown = site.run("person", "invite", str(made["id"]))
    assert shown.keys() == {"id", "username", "ends", "mailed_to", "link"}
    assert shown["link"].startswith(site.wwwroot + "/invitation/")
    assert shown["mailed_to"] is None
    assert "shown only now" in site.text("person", "invite", str(made["id"]))
