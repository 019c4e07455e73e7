"""Many sections filed at once: all of a page, all that were found, each under its own course."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from peers.web.lists import ROWS
from schooltool_bridge.hand import sections
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, years
from schooltool_bridge.store.model import section
from tests.helpers.admins import browser, site_with_admins
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.visitor import Page, Visitor

SECTIONS, EACH = "/admin/sections", "/admin/sections/file"
COUNT = ROWS + 5
AUTHOR = Author("anna", START_UNIX_S)
pytestmark = pytest.mark.requirement("R43")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """More ongoing sections than a page shows, two courses, and a term at hand with one after."""
    with site_with_admins(tmp_path) as made, made.app.database.write() as connection:
        names = [(f"Biology {n:02}", f"BIO-{n}") for n in range(COUNT - 2)]
        sections.add_all(connection, AUTHOR, [*names, ("Choir", None), ("Field trip", "MATH 3b")])
        for code, title in (("BIO", "Biology"), ("MATH", "Mathematics")):
            courses.add(connection, AUTHOR, code=code, title=title)
        first, last = date(2026, 8, 1), date(2027, 7, 31)
        year = years.add_year(connection, AUTHOR, title="2026/27", first_day=first, last_day=last)
        for title, begins, ends in (
            ("Autumn", first, date(2027, 1, 31)), ("Spring", date(2027, 2, 1), last),
        ):  # fmt: skip
            years.add_term(
                connection, AUTHOR, year_id=year, title=title, first_day=begins, last_day=ends
            )
    with made.app:
        yield made


@pytest.fixture
def carl(rig: Rig) -> Visitor:
    return browser(rig, "carl")


def filed(rig: Rig) -> int:
    with rig.app.database.read() as connection:
        of_term = sa.select(section.c.id).where(section.c.term_id == 1, section.c.course_id == 1)
        return len(connection.execute(of_term).all())


def hidden(page: Page, name: str) -> str:
    (value,) = page.tree.xpath(f"//input[@name='{name}']/@value")
    return str(value)


def test_the_term_at_hand_is_chosen_and_a_page_is_filed_whole(rig: Rig, carl: Visitor) -> None:
    shown = carl.get(SECTIONS + "?place=ongoing")
    assert shown.tree.xpath("//select[@id='to-term']/option[@selected]/@value") == ["1"]
    assert "BIO Biology" in shown.tree.xpath("//datalist[@id='courses']/option/@value")
    done = carl.send(
        SECTIONS, which="page", shown=hidden(shown, "shown"), kept="?place=ongoing",
        course="biology", term="1",
    )  # fmt: skip
    assert (done.status, filed(rig)) == (303, ROWS)


def test_all_that_were_found_are_those_that_were_seen(rig: Rig, carl: Visitor) -> None:
    form = {"which": "found", "course": "BIO", "term": "1", "kept": "?q=biology"}
    seen = hidden(carl.get(SECTIONS + "?q=biology"), "seen")
    with rig.app.database.write() as connection:
        sections.add(connection, AUTHOR, "Biology, another one")
    stale = carl.send(SECTIONS, **form, seen=seen)
    assert (stale.status, filed(rig)) == (400, 0)
    assert "has changed meanwhile" in stale.message()
    assert stale.tree.xpath("//input[@name='course']/@value") == ["BIO"], "what was typed stays"
    assert stale.tree.xpath("//input[@name='which'][@checked]/@value") == ["found"]
    assert carl.send(SECTIONS, **form, seen=hidden(stale, "seen")).status == 303
    assert filed(rig) == COUNT - 2 + 1


def test_each_is_filed_under_its_own_course_after_a_look(rig: Rig, carl: Visitor) -> None:
    seen = hidden(carl.get(SECTIONS), "seen")
    look = carl.send(SECTIONS, action="suggest", which="found", seen=seen, kept="?q=o", term="1")
    seen = hidden(carl.get(SECTIONS + "?q=o"), "seen")
    assert look.status == 400, "another list than the one that was seen"
    look = carl.send(SECTIONS, action="suggest", which="found", seen=seen, kept="?q=o", term="1")
    fields = look.tree.xpath("//input[starts-with(@name, 'course-')]")
    given = {str(f.get("name")): str(f.get("value")) for f in fields}
    assert len(given) == COUNT - 1
    assert given["course-1"] == "BIO Biology"
    choir = f"course-{COUNT - 1}"
    assert given[choir] == ""
    assert "For 1 section no course is sure." in look.text
    refused = carl.send(
        EACH, page=SECTIONS, **{**given, choir: "music"}, term="1", why="as planned", kept="?q=o"
    )
    assert (refused.status, filed(rig)) == (400, 0)
    assert "Choir: No course is called 'music'." in refused.message()
    assert refused.tree.xpath(f"//input[@name='{choir}']/@value") == ["music"]
    assert refused.tree.xpath("//input[@name='why']/@value") == ["as planned"]
    assert carl.send(EACH, page=SECTIONS, **given, term="", kept="").status == 400
    done = carl.send(EACH, page=SECTIONS, **given, term="1", kept="?q=o")
    assert (done.status, done.location, filed(rig)) == (303, SECTIONS + "?q=o", COUNT - 2)
    said = carl.get(SECTIONS).message("said")
    assert f"{COUNT - 2} sections filed in Autumn, 2026/27. 1 stayed where it was." in said


def test_nothing_chosen_is_said_and_changes_nothing(rig: Rig, carl: Visitor) -> None:
    for form in ({"action": "suggest"}, {"action": "file", "course": "BIO"}, {"which": "page"}):
        answer = carl.send(SECTIONS, **form, term="1", kept="")
        assert (answer.status, "Choose a section first." in answer.message()) == (400, True), form
    assert carl.send(EACH, page=SECTIONS, **{"course-1": ""}, term="1", kept="").status == 400
    assert filed(rig) == 0
