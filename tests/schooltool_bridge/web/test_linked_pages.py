"""What is linked with a peer and what is not, in the lists; unlinking in the browser and by command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from peers.accounts import CLERK
from schooltool_bridge.hand import people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import section
from tests.helpers.framed import signed_in
from tests.helpers.pushing import PEER, push, register
from tests.helpers.rig import SIS, START_UNIX_S, Rig, make_rig
from tests.helpers.site import Refused, Site

MOODLE = "http://moodle.example.org"
TOLD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}),
    ("new_section", {"idnumber": "5", "name": "Algebra"}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
    ("new_assessment", {"sectionid": "5", "idnumber": "7", "name": "Quiz", "pointval": 10}),
    ("new_grade", {"assessmentid": "7", "userid": "1", "points_earned": 6}),
)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """One section of a Moodle, one made by hand, and somebody in neither."""
    made = make_rig(tmp_path)
    with made.app:
        peer = made.add(MOODLE)
        for event, data in TOLD:
            made.call(peer, SIS + event, data)
        with made.app.database.write() as connection:
            author = Author("head", START_UNIX_S)
            sections.add(connection, author, "Woodwork")
            people.add(connection, author, Names("bob", "Bob", "Builder"))
        yield made


def column(page: Any) -> list[str]:
    """The texts of the column that says what is linked."""
    (heads,) = page.tree.xpath("//main//thead/tr[th[.='Linked with']]")[:1]
    at = [" ".join(th.itertext()) for th in heads].index("Linked with")
    rows = heads.xpath("../../tbody/tr")
    return [" ".join(" ".join(row[at].itertext()).split()) for row in rows]


@pytest.mark.requirement("R11", "R43")
def test_lists_say_what_is_linked_and_why_not(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    assert column(clerk.get("/admin/sections")) == [MOODLE, "no: made by hand"]
    assert column(clerk.get("/admin/sections?linked=no")) == ["no: made by hand"]
    assert column(clerk.get("/admin/people")) == ["no: made by hand", MOODLE]
    assert column(clerk.get("/admin/people?linked=no")) == ["no: made by hand"]
    assert column(clerk.get("/admin/sections/1")) == [MOODLE]


def test_a_section_is_unlinked_and_linked_again(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    done = clerk.send("/admin/sections/1/peer", page="/admin/sections/1", action="cut", why="ours")
    assert done.status == 303
    shown = clerk.get("/admin/sections/1")
    assert "no: unlinked from http://moodle.example.org on" in " ".join(shown.text.split())
    assert "by a clerk" in " ".join(shown.text.split())
    assert column(clerk.get("/admin/sections?linked=no"))[0].startswith("no: unlinked")
    assert "Unlink it from its peer" not in clerk.get("/admin/sections/1/settings").text
    assert "unlinked" in clerk.get("/admin/sections/waiting").text
    clerk.send("/admin/sections/1/peer", page="/admin/sections/1", action="again")
    assert column(clerk.get("/admin/sections"))[0] == MOODLE
    again = clerk.send("/admin/sections/1/peer", page="/admin/sections/1", action="again")
    assert "was not unlinked" in clerk.get(again.location).message("said")


def test_one_assessment_is_unlinked_from_its_own_page(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    item = "/admin/sections/1/assessments/1"
    assert "Unlink it" in clerk.get(item).text
    clerk.send(item + "/peer", page=item, action="cut")
    assert column(clerk.get("/admin/sections/1"))[0].startswith("no: unlinked")
    assert clerk.get(item).tree.xpath("//input[@name='name']"), "it is changed here now"
    clerk.send(item + "/peer", page=item, action="again")
    assert column(clerk.get("/admin/sections/1")) == [MOODLE]
    with rig.app.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(section)).scalar() == 2


def test_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with site:
        moodle = register(site)
        for event, data in TOLD:
            push(site, moodle, event, data)
        (listed,) = site.run("section", "list")
        assert (listed["linked"], listed["not_linked"]) == ([PEER], None)
        assert site.run("person", "list", "--not-linked") == []
        assert "Everybody is linked with a peer." in site.text("person", "list", "--not-linked")
        assert "Every section is linked" in site.text("section", "list", "--not-linked")
        assert site.run("section", "unlink-peer", "5", "--assessment", "7", "--why", "ours") == {
            "section": "1", "assessment": "1", "linked": False,
        }  # fmt: skip
        (item,) = site.run("section", "show", "5")["assessments"]
        assert (item["linked"], item["not_linked"]["reason"]) == ([], "unlinked")
        again = site.text("section", "unlink-peer", "5", "--assessment", "7", "--again")
        assert f"mnet-peer sync run {PEER}" in again
        site.run("section", "unlink-peer", "5")
        (listed,) = site.run("section", "list", "--not-linked")
        why = listed["not_linked"]
        assert (why["reason"], why["peer"], why["by"]) == ("unlinked", PEER, "command line")
        assert push(site, moodle, *TOLD[4])["status"] == "skipped"
        with pytest.raises(Refused, match="not linked with a peer"):
            site.run("section", "unlink-peer", "5")
        assert site.run("section", "unlink-peer", "5", "--again")["linked"] is True
        assert push(site, moodle, *TOLD[4])["status"] == "unchanged"
