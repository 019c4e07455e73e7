"""Joining assessments in the browser and by command: from an assessment's page to the gradebook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.history.author import Author
from tests.helpers.admins import browser, site_with_admins
from tests.helpers.pushing import push, register
from tests.helpers.rig import SIS, START_UNIX_S, Rig
from tests.helpers.roaming import app_of
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Visitor

MOODLE = "http://moodle.example.org"
ADA: dict[str, Any] = {
    "idnumber": "n1",
    "username": "ada",
    "firstname": "Ada",
    "lastname": "Lovelace",
}
SECTION: dict[str, Any] = {"idnumber": "5", "name": "Algebra"}
PUPIL: dict[str, Any] = {"sectionid": "5", "userid": "n1", "role": "student"}
QUIZ: dict[str, Any] = {"sectionid": "5", "idnumber": "7", "name": "Quiz 1", "pointval": 50}
GRADE: dict[str, Any] = {"assessmentid": "7", "userid": "n1", "points_earned": 40}
PUSHED = (
    ("fetch_user", ADA),
    ("new_section", SECTION),
    ("new_enrolment", PUPIL),
    ("new_assessment", QUIZ),
    ("new_grade", GRADE),
)
BY_HAND, FROM_MOODLE, OTHER = 1, 3, 2
ITEM = "/admin/sections/1/assessments"


def by_hand(connection: Any, now_unix_s: int) -> None:
    author = Author("head", now_unix_s)
    for name in ("quiz  1", "Essay"):
        assessments.add(connection, author, 1, name, Decimal(20))
    grades.enter(connection, author, BY_HAND, 1, Decimal(15))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with site_with_admins(tmp_path) as made:
        fake = made.add(MOODLE)
        for event, data in PUSHED[:3]:
            made.call(fake, SIS + event, data)
        with made.app.database.write() as connection:
            by_hand(connection, START_UNIX_S)
        for event, data in PUSHED[3:]:
            made.call(fake, SIS + event, data)
        yield made


def items(rig: Rig) -> dict[str, str]:
    """Ada's mark in each item."""
    with rig.app.database.read() as connection:
        found = grid.read(connection, 1, rig.app.settings.zone)
    return {c.item.name: found.rows[0].cells[n].text for n, c in enumerate(found.columns)}


def confirmed(visitor: Visitor, where: str) -> Any:
    """Look at what would be, and say yes."""
    seen = visitor.get(where)
    assert seen.status == 200
    form = {f.get("name"): f.get("value", "") for f in seen.tree.xpath("//main//form//input")}
    return seen, form


@pytest.mark.parametrize(
    ("page", "with_", "offered"),
    [(BY_HAND, FROM_MOODLE, ["Quiz 1"]), (FROM_MOODLE, BY_HAND, ["quiz  1", "Essay"])],
)
def test_either_page_leads_to_the_joining_and_back(
    rig: Rig, page: int, with_: int, offered: list[str]
) -> None:
    visitor = browser(rig, "carl")
    item = visitor.get(f"{ITEM}/{page}")
    assert item.tree.xpath("//select[@name='with']/option/text()") == offered, (
        "nearly its name first"
    )
    seen, form = confirmed(visitor, f"{ITEM}/{page}/join?with={with_}")
    assert [" ".join(td.itertext()) for td in seen.tree.xpath("//main//tbody/tr/*")] == [
        "Ada Lovelace", "15", "40", "by hand",
    ]  # fmt: skip
    assert "not worth the same" in seen.text
    assert items(rig) == {"quiz  1": "15", "Essay": "", "Quiz 1": "40"}, "nothing is done yet"
    done = visitor.post(f"{ITEM}/{page}/join", form | {"why": "the same"})
    assert (done.status, done.location) == (303, "/admin/sections/1/gradebook")
    assert "are one now" in visitor.get(done.location).message("said")
    assert items(rig) == {"Essay": "", "Quiz 1": "15"}
    again = visitor.get(f"{ITEM}/{FROM_MOODLE}")
    assert "Joined with “quiz  1”" in again.text
    (token,) = set(again.tree.xpath("//input[@name='form_token']/@value"))
    back = {"form_token": token, "do": "apart", "with": str(BY_HAND)}
    apart = visitor.post(f"{ITEM}/{FROM_MOODLE}/join", back)
    assert "1 entry by hand went back" in visitor.get(apart.location).message("said")
    assert items(rig) == {"quiz  1": "15", "Essay": "", "Quiz 1": "40"}
    late = visitor.post(f"{ITEM}/{FROM_MOODLE}/join", back)
    assert (late.status, "not joined" in late.text) == (400, True)


def test_a_grade_that_came_meanwhile_is_shown_before_anything_is_done(rig: Rig) -> None:
    visitor = browser(rig, "carl")
    _seen, form = confirmed(visitor, f"{ITEM}/{BY_HAND}/join?with={FROM_MOODLE}")
    rig.call(rig.peers[MOODLE], SIS + "new_grade", GRADE | {"points_earned": 44, "attempt_num": 2})
    page = visitor.post(f"{ITEM}/{BY_HAND}/join", form | {"why": "the same"})
    assert page.status == 409
    assert "look at it again" in page.message()
    assert page.tree.xpath("//input[@name='why']/@value") == ["the same"]
    assert items(rig) == {"quiz  1": "15", "Essay": "", "Quiz 1": "44"}


def test_what_cannot_be_joined_has_no_page(rig: Rig) -> None:
    visitor = browser(rig, "carl")
    assert visitor.get(f"{ITEM}/{BY_HAND}/join?with={OTHER}").status == 404
    assert visitor.get(f"{ITEM}/{BY_HAND}/join?with=99").status == 404
    assert visitor.get(f"{ITEM}/{BY_HAND}/join").location == f"{ITEM}/{BY_HAND}"


def test_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with site:
        moodle = register(site)
        for event, data in PUSHED[:3]:
            push(site, moodle, event, data)
        with app_of(site) as app, app.database.write() as connection:
            by_hand(connection, int(app.clock()) - 60)
        for event, data in PUSHED[3:]:
            push(site, moodle, event, data)
    command = ("section", "join-assessments", "5", "1", "7")
    seen = site.run(*command, "--preview")
    assert (seen["applied"], seen["hand"]["name"], seen["moodle"]["assessment"]) == (
        False, "quiz  1", "7",
    )  # fmt: skip
    assert seen["grades"] == [
        {"person_id": "1", "by_hand": "15", "excepted": False, "moodle": "40", "goes_over": True}
    ]
    assert points(site) == {"7": 40, "1": 15}
    assert "1 grades entered by hand count there" in site.text(*command)
    assert points(site) == {"7": 15}
    assert site.run(*command, "--apart") == {"applied": True, "released": 1}
    assert points(site) == {"7": 40, "1": 15}
    for wrong, said in (
        ((*command, "--apart"), "not joined"),
        (("section", "join-assessments", "5", "1", "99"), "no assessment '99'"),
        (("section", "join-assessments", "5", "1", "2"), "one from a Moodle"),
    ):
        with pytest.raises(Refused, match=said) as refused:
            site.text(*wrong)
        assert refused.value.status == 1
    with pytest.raises(Refused) as usage:
        site.text(*command, "--apart", "--preview")
    assert usage.value.status == 2


def points(site: Site) -> dict[str, int]:
    rows = json.loads(site.text("grade", "list", "--section", "5", "--json"))
    return {r["assessment"]: r["points"] for r in rows}
