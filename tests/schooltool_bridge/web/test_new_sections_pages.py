"""New sections that wait, in the browser and by command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers import changes, store
from peers.accounts import CLERK, MANAGER
from peers.audit import By
from tests.helpers.framed import HOSTILE, signed_in
from tests.helpers.pushing import PEER, push, register
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.site import Refused, Site

MOODLE = "http://moodle.example.org"
WAITING = "/admin/sections/waiting"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


def brought(rig: Rig, count: int, name: str = "Course") -> FakePeer:
    """A peer whose new sections wait, and so many of them with one pupil each."""
    peer = rig.add(MOODLE)
    with rig.app.database.write() as connection:
        stored = store.find(connection, MOODLE)
        assert stored is not None
        values = {"new_sections": "approve"}
        changes.set_policy(connection, By("anna", START_UNIX_S), stored.id, values=values)
    ada: dict[str, Any] = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}
    rig.call(peer, SIS + "fetch_user", ada)
    for number in range(1, count + 1):
        told: dict[str, Any] = {"idnumber": f"c{number}", "name": f"{name} {number}"}
        rig.call(peer, SIS + "new_section", told)
        pupil: dict[str, Any] = {"sectionid": f"c{number}", "userid": "1", "role": "student"}
        rig.call(peer, SIS + "new_enrolment", pupil)
    return peer


@pytest.mark.requirement("R11", "R40")
def test_many_are_taken_in_or_kept_out_at_once(rig: Rig) -> None:
    brought(rig, 3)
    clerk = signed_in(rig, CLERK)
    assert "3 new sections wait for a decision" in clerk.get("/admin/sections").text
    assert "No section of that kind" not in clerk.get("/admin/sections").text
    shown = clerk.get(WAITING)
    boxes = shown.tree.xpath("//input[@name='section']/@value")
    assert len(boxes) == 3
    assert not shown.tree.xpath("//input[@name='section'][@checked]")
    assert len(clerk.get(WAITING + "?ticked=all").tree.xpath("//input[@checked]")) == 3
    # Each section and its pupil: as many as come in below.
    assert shown.tree.xpath("//td[@class='number']/text()") == ["2", "2", "2"]
    assert clerk.send(WAITING, action="approve").status == 400
    after = clerk.send(WAITING, action="decline", section=boxes[0], why="a playground")
    assert after.status == 303
    assert "a playground" in clerk.get(WAITING).text
    came = clerk.send(WAITING, action="approve", section=boxes[1:])
    assert "4 events that waited came in." in clerk.get(WAITING).text, came
    listed = clerk.get("/admin/sections").text
    assert ("Course 1" in listed, "Course 2" in listed, "Course 3" in listed) == (False, True, True)
    clerk.send(WAITING, action="approve", section=boxes[0])
    assert "Course 1" in clerk.get("/admin/sections").text
    assert "No section waits for a decision." in clerk.get(WAITING).text


def test_the_inbox_leads_there_and_names_what_is_kept_out(rig: Rig) -> None:
    brought(rig, 1, HOSTILE)
    clerk = signed_in(rig, CLERK)
    inbox = clerk.get("/admin/inbox").text
    assert "Waits for a decision whether section c1 comes in" in inbox
    event = next(iter(clerk.get("/admin/inbox").tree.xpath("//th/a/@href")[1:]))
    assert WAITING in clerk.get(event.partition("example.org")[2] or event).text
    box = clerk.get(WAITING).tree.xpath("//input[@name='section']/@value")
    clerk.send(WAITING, action="decline", section=box)
    assert "Kept out (2)" in clerk.get("/admin/inbox").text
    kept = clerk.get("/admin/inbox?status=declined")
    assert not kept.tree.xpath("//button[@value='retry']")
    assert HOSTILE not in kept.text


def test_the_peers_page_has_the_choice(rig: Rig) -> None:
    brought(rig, 0)
    stored = rig.app.registry.find(MOODLE)
    assert stored is not None
    page = signed_in(rig, MANAGER).get(f"/admin/peers/{stored.id}/enrolment")
    chosen = page.tree.xpath("//input[@name='new_sections'][@checked]/@value")
    assert chosen == ["approve"]


def test_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with site:
        moodle = register(site)
        site.run("peer", "policy", PEER, "--set", "new_sections=approve")
        for number in ("5", "6", "7"):
            told = {"idnumber": number, "name": f"Course {number}"}
            assert push(site, moodle, "new_section", told)["status"] == "held"
        found = site.run("section", "waiting")
        assert [(w["section"], w["decision"]) for w in found] == [
            ("5", "waiting"), ("6", "waiting"), ("7", "waiting"),
        ]  # fmt: skip
        declined = site.run("section", "decline", "7", "--why", "a playground")
        assert declined == {"declined": ["7"], "released": 1}
        assert site.run("section", "approve", "5") == {"approved": ["5"], "released": 1}
        assert site.run("section", "approve", "--all")["approved"] == ["6"]
        (out,) = site.run("section", "waiting", "--peer", PEER)
        assert (out["section"], out["decision"], out["by"]) == ("7", "declined", "command line")
        (kept,) = site.run("inbox", "list", "--status", "declined")
        assert kept["event"] == "new_section"
        with pytest.raises(Refused, match="No section '9' waits"):
            site.run("section", "approve", "9")
        with pytest.raises(Refused, match="or --all"):
            site.run("section", "decline")
        assert "sync run http" in site.text("section", "approve", "7")
        assert sorted(s["idnumber"] for s in site.run("section", "list")) == ["5", "6", "7"]
