"""The school's people in the admin pages: found, looked at, given and denied what they may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from mnet.xmlrpc import Value
from peers import accounts, audit, store
from peers.accounts import CLERK, MANAGER
from peers.sign_on import jump_session
from peers.web import tokens
from schooltool_bridge.sign_on import person_sessions, rights
from schooltool_bridge.sign_on.person_sessions import Start
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import peer_course, person
from schooltool_bridge.store.model_errands import errand
from schooltool_bridge.web.pages import frame_of
from tests.helpers.admins import browser as admins_browser
from tests.helpers.admins import site_with_admins
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.visitor import Page, Visitor, in_memory

MOODLE = "http://moodle.example.org"
PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>"
PEOPLE = "/admin/people"
BOTH = ("schooltool", "sso_idp", "sso_sp")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        with made.app.database.write() as connection:
            for name, role in (("anna", MANAGER), ("carl", CLERK)):
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
        yield made


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    peer = rig.add(MOODLE)
    with rig.app.database.write() as connection:
        store.set_services(connection, 1, publish=BOTH, subscribe=BOTH)
    bring(rig, peer, 60)
    rig.call(peer, SIS + "new_section", {"idnumber": "5", "name": "Biology"})
    for number, role in ((1, "teacher"), (2, "student"), (3, "student")):
        data: Value = {"sectionid": "5", "userid": f"n{number}", "role": role}
        rig.call(peer, SIS + "new_enrolment", data)
    return peer


def bring(rig: Rig, peer: FakePeer, last: int, first: int = 1) -> None:
    for n in range(first, last + 1):
        rig.call(
            peer, SIS + "fetch_user",
            {
                "idnumber": f"n{n}", "username": f"u{n}", "firstname": f"First{n}",
                "lastname": f"L{n:03}", "email": "",
            },
        )  # fmt: skip


def browser(rig: Rig, name: str = "carl") -> Visitor:
    visitor = Visitor(in_memory(frame_of(rig.app)))
    assert visitor.sign_in(name, PASSWORD).status == 303
    return visitor


def names(page: Page) -> list[str]:
    return [str(a.text) for a in page.tree.xpath("//tbody//th/a")]


def hidden(page: Page) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in page.tree.xpath("//main//input[@type='hidden']"):
        found.setdefault(field.get("name"), []).append(field.get("value"))
    return found


def allowed(rig: Rig) -> set[str]:
    with rig.app.database.read() as connection:
        rows = connection.execute(sa.select(person.c.id, person.c.username)).all()
        return {
            r.username
            for r in rows
            if any(x["can_login"] for x in rights.rights_of(connection, r.id))
        }


def actions(rig: Rig) -> list[tuple[str, str, str]]:
    with rig.app.database.read() as connection:
        return [(e.actor, e.action, e.subject) for e in audit.entries(connection)]


@pytest.mark.usefixtures("moodle")
def test_people_are_listed_page_by_page_and_found(rig: Rig) -> None:
    visitor = browser(rig)
    first = visitor.get(PEOPLE)
    assert (first.status, len(names(first))) == (200, 50)
    assert "60 people found, page 1 of 2" in first.text
    second = visitor.get(f"{PEOPLE}?page=2")
    assert names(second) == [f"First{n} L{n:03}" for n in range(51, 61)]
    assert names(visitor.get(f"{PEOPLE}?page=99")) == names(second)
    assert names(visitor.get(f"{PEOPLE}?search=first7+L")) == ["First7 L007"]
    assert names(visitor.get(f"{PEOPLE}?role=teacher&peer={MOODLE}")) == ["First1 L001"]
    assert names(visitor.get(f"{PEOPLE}?role=student&right=may-not")) == [
        "First2 L002",
        "First3 L003",
    ]
    assert "Nobody was found" in visitor.get(f"{PEOPLE}?right=waits").text
    assert visitor.get(f"{PEOPLE}?role=x&right=y&page=z&search=%00").status == 200
    assert visitor.get(f"{PEOPLE}?peer=nobody").status == 404


ODD_NAMES = (
    ("José", "García"), ("Jürgen", "Müller"), ("Sean", "O’Brien"), ("Henry", "Nguyễn"), ("Zoë", "Ángel"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("garcia", "José García"), ("GARCÍA jose", "José García"), ("muller", "Jürgen Müller"),
        ("müller", "Jürgen Müller"), ("obrien", "Sean O’Brien"), ("O'Brien", "Sean O’Brien"),
        ("Nguyen, Henry", "Henry Nguyễn"), ("henry nguyen", "Henry Nguyễn"), ("%", None),
    ],
)  # fmt: skip
def test_people_are_found_however_their_names_are_typed_in_every_search(
    tmp_path: Path, search: str, found: str | None
) -> None:
    with site_with_admins(tmp_path) as rig:
        moodle = rig.add(MOODLE)
        for number, (first, last) in enumerate(ODD_NAMES):
            rig.call(moodle, SIS + "fetch_user", {"idnumber": f"7{number}", "username": f"u{number}", "firstname": first, "lastname": last})  # fmt: skip
        rig.call(moodle, SIS + "new_section", {"idnumber": "s", "name": "Français à l’école"})
        visitor = admins_browser(rig, "carl")
        wanted = urlencode({"search": search, "q": search})
        assert names(visitor.get(f"{PEOPLE}?{wanted}")) == ([found] if found else [])
        in_reports = visitor.get(f"/admin/reports?{wanted}").text
        enrolling = visitor.get(f"/admin/sections/1/enrol?{wanted}").text
        for page in (in_reports, enrolling):
            assert (found in page) if found else not any(last in page for _f, last in ODD_NAMES)
        assert ("Add a person" in enrolling) is (found is None)
        # In the order of a telephone book: an accent sends nobody to the end.
        assert [n.split()[-1] for n in names(visitor.get(PEOPLE))] == [
            "Ángel", "García", "Müller", "Nguyễn", "O’Brien",
        ]  # fmt: skip
        sections = visitor.get("/admin/sections?q=francais+lecole")
        assert "Français à l’école" in sections.text


@pytest.mark.requirement("R29")
@pytest.mark.usefixtures("moodle")
def test_a_right_for_many_is_asked_about_in_words_first(rig: Rig) -> None:
    visitor = browser(rig)
    wanted = {"role": "student", "everybody": "on", "do": "link+1"}
    question = visitor.send(PEOPLE, **wanted)
    text = " ".join(question.tree.text_content().split())
    assert "Give the right to sign in from Fake: this is about 2 people and 2 links." in text
    assert "First2 L002" in text
    assert "First4" not in text
    assert allowed(rig) == set(), "nothing happens before the yes"
    done = visitor.post(PEOPLE, hidden(question))
    assert (done.status, done.location) == (303, f"{PEOPLE}?role=student")
    assert "Done for 2 people" in visitor.get(done.location).message("said")
    assert allowed(rig) == {"u2", "u3"}
    assert ("carl", "sign-on allowed", "2 people") in actions(rig)
    with rig.app.database.read() as connection:
        assert audit.entries(connection)[0].detail["filter"] == "role Students"


def test_who_came_between_question_and_yes_is_asked_about_again(rig: Rig, moodle: FakePeer) -> None:
    visitor = browser(rig)
    question = visitor.send(PEOPLE, everybody="on", do="link+1")
    assert "about 60 people" in " ".join(question.tree.text_content().split())
    bring(rig, moodle, 61, 61)
    again = visitor.post(PEOPLE, hidden(question))
    assert again.status == 200
    assert "about others than before" in again.message()
    assert "61 people" in again.text
    assert allowed(rig) == set()
    forged = {**hidden(question), "confirmed": ["0" * 32]}
    assert visitor.post(PEOPLE, forged).status == 200
    assert allowed(rig) == set()
    assert visitor.post(PEOPLE, hidden(again)).status == 303
    assert len(allowed(rig)) == 61


@pytest.mark.usefixtures("moodle")
def test_people_are_ticked_and_only_they_are_changed(rig: Rig) -> None:
    visitor = browser(rig)
    question = visitor.send(PEOPLE, person=["3", "5", "999", "x"], do="link+")
    assert hidden(question)["person"] == ["3", "5"]
    assert visitor.post(PEOPLE, hidden(question)).status == 303
    assert allowed(rig) == {"u3", "u5"}
    for fields, said in (
        ({"do": "link+"}, "Tick the people first"),
        ({"person": "3", "do": ""}, "Choose what to do"),
        ({"person": "3", "do": "go+"}, "Choose the peer"),
        ({"person": "3", "do": "link+77"}, "not there any more"),
    ):
        answer = visitor.send(PEOPLE, **fields)
        assert (answer.status, said in answer.message()) == (400, True), said
    question = visitor.send(PEOPLE, person="3", do="go-1")
    assert "keep them from going to Fake" in question.text.lower().replace("fake", "Fake")
    assert visitor.post(PEOPLE, hidden(question)).status == 303
    assert ("carl", "going over denied", "1 people") in actions(rig)


@pytest.mark.usefixtures("moodle")
def test_only_who_looks_after_people_gets_there_and_only_by_our_own_forms(rig: Rig) -> None:
    for path in (PEOPLE, f"{PEOPLE}/1"):
        assert Visitor(in_memory(frame_of(rig.app))).get(path).location.startswith("/?next=")
    clerk = browser(rig)
    fields = {"form_token": clerk.get(PEOPLE).form_token, "do": "link+1"}
    assert clerk.post(f"{PEOPLE}/1", fields, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert allowed(rig) == set()


@pytest.mark.usefixtures("moodle")
def test_one_persons_page_gives_and_takes_each_right(rig: Rig) -> None:
    visitor, path = browser(rig), f"{PEOPLE}/2"
    with rig.app.database.write() as connection:
        connection.execute(sa.update(person).where(person.c.id == 2).values(firstname=HOSTILE))
        connection.execute(
            sa.insert(peer_course).values(
                peer_id=1, person_id=2, course_id="7", fullname=f"Greek {HOSTILE}", shortname="G",
                told_unix_s=1,
            )
        )  # fmt: skip
    shown = visitor.get(path)
    assert (shown.status, HOSTILE in shown.text) == (200, False)
    assert "Greek" in shown.text
    assert "student" in shown.text
    for order, said in (
        ("link+1", "may sign in from Fake now"), ("link-1", "may not sign in from Fake now"),
        ("own+", "may sign in by password now"), ("own-", "may not sign in by password now"),
        ("go-1", "may not go over to Fake now"), ("go+1", "may go over to Fake now"),
        ("sign-out", "is signed out here"),
    ):  # fmt: skip
        assert visitor.send(path, do=order).status == 303
        assert said in visitor.get(path).message("said"), order
    assert [a for a in actions(rig) if a[2] == "person 2"] == [
        ("carl", action, "person 2")
        for action in (
            "signed out everywhere", "going over allowed", "going over denied", "sign-on denied",
            "sign-on allowed", "sign-on denied", "sign-on allowed",
        )
    ]  # fmt: skip
    for order in ("", "link+99", "go+99", "both+", "x"):
        assert visitor.send(path, do=order).status == 400
    assert visitor.get(f"{PEOPLE}/9999").status == 404


@pytest.mark.usefixtures("moodle")
def test_who_is_signed_in_is_seen_and_signed_out_in_both_directions(rig: Rig) -> None:
    now, agent = int(rig.clock()), "a" * 40
    with rig.app.database.write() as connection:
        change = Change("test", now)
        rights.set_right(connection, change, 2, None, allowed=True)
        own = person_sessions.start(connection, Start(2, agent, "u2"), now - 600)
        landed = person_sessions.start(connection, Start(2, agent, "u2", 1, 2), now)
        connection.execute(
            sa.insert(jump_session).values(
                token_digest=b"1" * 32, person_id=2, peer_id=1, username="u2", agent_sha1=agent,
                session_digest=tokens.digest_of(own), created_unix_s=now,
                used_unix_s=now,
            )
        )  # fmt: skip
    visitor, path = browser(rig), f"{PEOPLE}/2"
    text = re.sub(r"\s+", " ", visitor.get(path).text)
    assert all(words in text for words in ("here, from Fake", "here, by password", "over at Fake"))
    with rig.app.database.write() as connection:
        works = rig.app.signing_off.sign_out_everywhere(connection, 2)
        assert len(works) == 1, "one peer"
        kinds = sa.select(errand.c.kind).where(errand.c.until_unix_s.is_not(None))
        left = sorted(connection.execute(kinds).scalars())
        assert left == ["kill_child", "kill_children"], "the session there, the one vouched for"
        assert all(person_sessions.find(connection, t, now) is None for t in (own, landed))
    assert "Nowhere." in visitor.get(path).text


@pytest.mark.usefixtures("moodle")
def test_a_peers_rule_about_roles_is_set_on_its_page_and_shown_at_the_person(rig: Rig) -> None:
    with rig.app.database.write() as connection:
        rights.set_right(connection, Change("test", 1), 2, None, allowed=True)
        landed = person_sessions.start(connection, Start(2, "a" * 40, "u2", 1, 2), int(rig.clock()))
    visitor = browser(rig, "anna")
    path = "/admin/peers/1/signing-on"
    ticked = visitor.get(path).tree.xpath("//input[@name='land_roles' and @checked]/@value")
    assert ticked == ["student", "teacher", "other"]
    fields: dict[str, Any] = {"tls": "verify", "jump_roles": "teacher"}
    fields["land_roles"] = ["teacher", "other"]
    assert visitor.send(path, **fields).status == 303
    with rig.app.database.read() as connection:
        policy = store.all_peers(connection)[0].policy
        assert (policy["land_roles"], policy["jump_roles"]) == ("teacher,other", "teacher")
        assert person_sessions.find(connection, landed, int(rig.clock())) is None
    shown = visitor.get(f"{PEOPLE}/2").text
    assert "keeps them out all the same" in shown
    assert "keeps them from it" in shown
    assert visitor.send(path, tls="verify", land_roles="boss").status == 400
