"""Who is who in the admin pages and by command: added, corrected, merged, decided; with a history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mnet import settings
from peers import accounts, audit
from peers.accounts import CLERK
from schooltool_bridge.cli.main import main
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Page, Visitor, in_memory

A, B = "http://moodle.example.org", "http://other.example.org"
PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>"
PEOPLE = "/admin/people"
ANNA = {"idnumber": "1", "username": "anna", "firstname": "Anna", "lastname": HOSTILE}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        with made.app.database.write() as connection:
            for name, role in (("carl", CLERK),):
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
        yield made


@pytest.fixture
def peers(rig: Rig) -> list[FakePeer]:
    both = [rig.add(A), rig.add(B)]
    push(rig, both[0], "fetch_user", **ANNA)
    push(rig, both[0], "new_section", idnumber="5", name="Biology")
    push(rig, both[0], "new_enrolment", sectionid="5", userid="1", role="student")
    push(
        rig,
        both[1],
        "fetch_user",
        **{**ANNA, "idnumber": "#3", "username": "annab", "lastname": "B"},
    )
    return both


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> Any:
    return rig.call(peer, SIS + event, data)


def browser(rig: Rig, name: str = "carl") -> Visitor:
    visitor = Visitor(in_memory(frame_of(rig.app)))
    assert visitor.sign_in(name, PASSWORD).status == 303
    return visitor


def send(visitor: Visitor, page: Page, path: str, **form: str) -> Page:
    return visitor.post(path, {"form_token": page.form_token, **form})


def story(page: Page) -> list[str]:
    return [str(row.text_content()).strip() for row in page.tree.xpath("//tbody/tr/td[2]")]


def actions(rig: Rig) -> list[str]:
    with rig.app.database.read() as connection:
        return [e.action for e in audit.entries(connection)]


@pytest.mark.usefixtures("peers")
def test_two_people_are_looked_at_merged_and_taken_apart(rig: Rig) -> None:
    visitor = browser(rig)
    both = visitor.get(f"{PEOPLE}/1/merge?other=2")
    assert both.status == 200
    assert [str(h.text_content()) for h in both.tree.xpath("//h2")][:2] == [
        f"Anna {HOSTILE}",
        "Anna B",
    ]
    assert HOSTILE not in both.text
    assert send(visitor, both, f"{PEOPLE}/1/merge", merged="2", why="twins? no").location.endswith(
        "/1"
    )
    page = visitor.get(f"{PEOPLE}/1")
    assert "annab, id 2" in " ".join(page.tree.text_content().split())
    assert "Why: twins? no" in story(page)[0]
    assert visitor.get(f"{PEOPLE}/2").location.endswith(f"{PEOPLE}/1")
    listed = visitor.get(PEOPLE)
    assert "1 person found" in listed.text
    assert "also annab" in listed.text
    assert "1 person found" in visitor.get(f"{PEOPLE}?search=annab").text
    assert send(visitor, page, f"{PEOPLE}/1/unmerge", merged="2").location.endswith("/2")
    assert "taken apart from" in story(visitor.get(f"{PEOPLE}/2"))[0]
    assert actions(rig)[:2] == ["merge of people undone", "people merged"]
    refused = send(visitor, page, f"{PEOPLE}/1/merge", merged="1")
    assert "itself" in visitor.get(refused.location).text


@pytest.mark.requirement("E1")
@pytest.mark.usefixtures("peers")
def test_whoever_has_no_number_is_found_by_a_filter(rig: Rig) -> None:
    visitor = browser(rig)
    page = visitor.get(f"{PEOPLE}?number=none")
    assert [str(a.text) for a in page.tree.xpath("//tbody//th/a")] == ["Anna B"]


@pytest.mark.requirement("R39e")
@pytest.mark.usefixtures("peers")
def test_a_person_is_added_and_corrected_with_a_history(rig: Rig) -> None:
    visitor = browser(rig)
    form = visitor.get(PEOPLE + "/add")
    otto = {"username": "otto", "firstname": "Otto", "lastname": "O", "idnumber": "", "email": ""}
    taken = send(visitor, form, PEOPLE + "/add", **{**otto, "username": "Anna"})
    assert (taken.status, "belongs to Anna" in taken.text) == (400, True)
    assert taken.tree.xpath("//input[@aria-invalid='true']/@name") == ["username"]
    made = send(visitor, form, PEOPLE + "/add", **otto, why="new here").location
    edit = visitor.get(made + "/edit")
    assert edit.tree.xpath("//input[@name='firstname']/@value") == ["Otto"]
    send(visitor, edit, made + "/edit", **{**otto, "lastname": "Oh"})
    lines = " ".join(story(visitor.get(made)))
    assert "Last name “O” became “Oh”." in lines
    assert "Why: new here" in lines
    assert actions(rig)[:2] == ["person corrected", "person added"]


def the_conflict(rig: Rig, peers: list[FakePeer]) -> str:
    """B says that Anna B. has the number of Anna."""
    given = {**ANNA, "username": "annab", "moodleid": 3}
    answer = push(rig, peers[1], "fetch_user", **given)
    assert answer.code == 8409
    return "/admin/inbox/1"


@pytest.mark.requirement("R39b")
def test_a_conflict_is_shown_side_by_side_and_decided_after_a_question(
    rig: Rig, peers: list[FakePeer]
) -> None:
    visitor, path = browser(rig), the_conflict(rig, peers)
    page = visitor.get(path)
    cards = [str(h.text_content()) for h in page.tree.xpath("//h2/a")]
    assert set(cards) == {f"Anna {HOSTILE}", "Anna B"}
    assert "Biology: student, active" in page.text
    asked = send(visitor, page, path + "/decide", decision="one-person", kept="1", why="asked her")
    assert (asked.status, "Is that right?" in asked.text) == (200, True)
    assert "2 people found" in visitor.get(PEOPLE).text
    done = send(
        visitor,
        asked,
        path + "/decide",
        decision="one-person",
        kept="1",
        why="asked her",
        confirmed="on",
    )
    assert done.location.endswith("/admin/inbox")
    assert "1 person found" in visitor.get(PEOPLE).text
    assert (
        "decided: whom http://other.example.org names is this person"
        in visitor.get(f"{PEOPLE}/1").text.lower()
    )
    again = send(visitor, page, path + "/decide", decision="keep-apart")
    assert again.location.endswith("/admin/inbox")
    assert actions(rig)[0] == "conflict decided"


def test_a_conflict_is_kept_apart_or_settled_by_correcting_a_name(
    rig: Rig, peers: list[FakePeer]
) -> None:
    visitor, path = browser(rig), the_conflict(rig, peers)
    page = visitor.get(path)
    assert (
        "somebody of their own" in send(visitor, page, path + "/decide", decision="keep-apart").text
    )
    nobody = send(visitor, page, path + "/decide", decision="one-person", kept="99")
    assert "Choose first whose record" in visitor.get(nobody.location).text
    edit = visitor.get(f"{PEOPLE}/1/edit?event=1")
    names = {**ANNA, "idnumber": "10", "email": "", "event": "1"}
    send(visitor, edit, f"{PEOPLE}/1/edit", **names)
    assert "10" in visitor.get(f"{PEOPLE}/1").tree.xpath("//dd/text()")
    assert "1" in visitor.get(f"{PEOPLE}/2").tree.xpath("//dd/text()")
    assert "keep-apart" not in visitor.get(path).text


def test_a_command_that_needs_to_know_who_stands_for_all_says_how_to_tell_it(
    rig: Rig, peers: list[FakePeer]
) -> None:
    the_conflict(rig, peers)
    settings.write(rig.app.settings)
    arguments = ["--home", str(rig.app.settings.home), "inbox", "resolve", "1", "--one-person"]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 1
    assert "is one of 2, 1. That is: --keep ID." in refused.stderr
    done = CliRunner().invoke(main, [*arguments, "--keep", "1"])
    assert (done.exit_code, done.stderr) == (0, "")


def test_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    names = ("--firstname", "Anna", "--lastname", "L")
    one = site.run("person", "add", "--username", "anna", "--idnumber", "1", *names)["id"]
    two = site.run("person", "add", "--username", "annab", *names, "--why", "twice")["id"]
    assert site.run("person", "change", two, "--idnumber", "2")["changed"]
    assert not site.run("person", "change", two, "--idnumber", "2")["changed"]
    said = site.text("person", "allow-login", two)
    assert said.strip() == f"Person {two} may sign in here by their own password."
    said = site.text("person", "deny-login", two)
    assert said.strip() == f"Person {two} may no longer sign in here by their own password."
    assert site.run("person", "merge", one, "2", "--why", "one") == {"id": one, "merged": two}
    (row,) = site.run("person", "list")
    assert [m["username"] for m in row["merged"]] == ["annab"]
    assert site.run("person", "show", "2")["id"] == one
    with pytest.raises(Refused, match="use that"):
        site.run("person", "merge", one, two)
    site.run("person", "unmerge", "2")
    assert len(site.run("person", "list")) == 2
    with pytest.raises(Refused, match="--one-person or --keep-apart"):
        site.run("inbox", "resolve", "1")
    with pytest.raises(Refused, match="no open event 1"):
        site.run("inbox", "resolve", "1", "--keep-apart")
