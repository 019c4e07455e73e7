"""Sections that may be the same: suggested, looked at, joined and taken apart, in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from peers.accounts import CLERK
from schooltool_bridge.hand import assessments, grades, sections
from schooltool_bridge.history.author import Author
from tests.helpers.framed import HOSTILE, signed_in
from tests.helpers.rig import SIS, START_UNIX_S, Rig, make_rig

MOODLE = "http://moodle.example.org"
SAME = "/admin/sections/same"
THEIRS_ONLY = "Zebras over there"


BROUGHT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}),
    ("new_section", {"idnumber": "Z1", "name": THEIRS_ONLY}),
    ("new_enrolment", {"sectionid": "Z1", "userid": "1", "role": "student"}),
    ("new_assessment", {"sectionid": "Z1", "idnumber": "q", "name": "Quiz", "pointval": 20}),
    ("new_grade", {"assessmentid": "q", "userid": "1", "points_earned": 12}),
)


def made_here(connection: sa.Connection, now_unix_s: int) -> int:
    """Zoology by hand, under the number of the Moodle's Zebras; our id."""
    author = Author("head", now_unix_s)
    section_id = sections.add(connection, author, "Zoology", idnumber="z1", segment="1")
    assessments.add(connection, author, section_id, "Quiz", Decimal(10))
    return section_id


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Zoology by hand, and Zebras, which a Moodle brought under the same number."""
    made = make_rig(tmp_path)
    with made.app:
        peer = made.add(MOODLE)
        for event, data in BROUGHT:
            made.call(peer, SIS + event, data)
        with made.app.database.write() as connection:
            assert made_here(connection, START_UNIX_S) == 2
        yield made


@pytest.mark.requirement("1.4", "R10")
def test_a_pair_is_suggested_looked_at_joined_and_taken_apart(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    assert "1 pair of sections may be the same" in clerk.get("/admin/sections").text
    assert "1 other section" in clerk.get("/admin/sections/2").text
    assert "1 other section" in clerk.get("/admin/sections/1").text
    shown = clerk.get(SAME)
    assert shown.tree.xpath("//input[@name='pair']/@value") == ["2-1"]
    assert "the same ID number" in shown.text
    assert clerk.send(SAME, action="look").status == 400
    look = clerk.send(SAME, action="look", pair="2-1")
    assert look.status == 200
    assert "It is worth 10 points here and 20 there" in look.text
    assert "Ada L" in look.text
    digest = look.tree.xpath("//input[@name='shown']/@value")[0]
    assert clerk.get(SAME).tree.xpath("//input[@name='pair']"), "nothing was done yet"
    stale = clerk.send(SAME, action="join", pair="2-1", shown="old")
    assert stale.status == 409
    assert "Somebody changed this meanwhile" in stale.text
    done = clerk.send(SAME, action="join", pair="2-1", shown=digest, why="one class")
    assert done.status == 303
    page = clerk.get("/admin/sections/2")
    assert f"{THEIRS_ONLY} of" in page.text
    assert "Ada" in page.text
    assert clerk.get("/admin/sections/1").status == 303
    apart = clerk.send(SAME, action="take-apart", section="2")
    assert apart.status == 303
    assert clerk.get("/admin/sections/1").status == 200
    assert clerk.send(SAME, action="take-apart", section="2").status == 400


def test_not_the_same_is_remembered(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    assert clerk.send(SAME, action="not-same", pair="2-1").status == 303
    assert "No two sections look like the same." in clerk.get(SAME).text
    assert "may be the same" not in clerk.get("/admin/sections").text
    # Whoever knows better types it.
    typed = clerk.send(SAME, action="look", ours="2", other="Z1")
    assert "Yes, make them one" in typed.text
    assert "There is no section" in clerk.send(SAME, action="look", ours="2", other="none").text


def test_forms_that_fit_nothing_are_refused(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    for pair in (HOSTILE, "1-2", "2-99", "-", "2-1-3"):
        assert clerk.send(SAME, action="look", pair=pair).status == 400
        assert clerk.send(SAME, action="join", pair=pair, shown="").status in (400, 409)
    assert clerk.send(SAME, action="other", pair="2-1").status == 400
    assert clerk.send(SAME, action="take-apart", section=HOSTILE).status == 400


def test_what_is_joined_stands_on_no_page_by_itself(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    pages = (
        "/admin/sections", "/admin/people/1", "/admin/people/1/progress",
        "/admin/people/1/transcript", "/admin/reports?q=Zebra", "/admin/sections/2/gradebook",
        "/admin/sections/2/roster", "/admin/sections/2/report", "/admin/school", SAME,
        "/admin/sections?q=Zebra", "/admin/people/1/erase",
    )  # fmt: skip
    before = [THEIRS_ONLY in clerk.get(path).text for path in pages]
    assert sum(before) > 4, "else this would see nothing"
    digest = clerk.send(SAME, action="look", pair="2-1").tree.xpath("//input[@name='shown']/@value")
    assert clerk.send(SAME, action="join", pair="2-1", shown=digest[0]).status == 303
    assert [path for path in pages if THEIRS_ONLY in clerk.get(path).text] == []
    assert "Zoology" in clerk.get("/admin/people/1/progress").text
    assert clerk.get("/admin/sections/1/gradebook").status == 404
    assert clerk.get("/admin/sections/1/enrol").status == 404
    with rig.app.database.write() as connection:
        assert grades.enter(connection, Author("head", START_UNIX_S + 9), 1, 1, Decimal(5))
    assert "5" in clerk.get("/admin/sections/2/gradebook").text
