"""Many people put into a section on one page: by a list, a roster, a search, with boxes to tick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.accounts import CLERK
from schooltool_bridge.cli import lists
from schooltool_bridge.hand import enrolments, people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from tests.helpers.cast import Cast, cast_in
from tests.helpers.framed import assert_safe, signed_in
from tests.helpers.rig import START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Page, Visitor

pytestmark = pytest.mark.requirement("R60")
AUTHOR = Author("anna", START_UNIX_S)
# Our ids are as they stand here, from 1.
PEOPLE = ("Ada Lovelace", "Bo King", "Cy King", "Dee Dee", "Eve Moore")
CHOIR, BAND = 1, 2
Given = dict[str, Any]
OF_BAND: Given = {"from": str(BAND)}
ENROL = f"/admin/sections/{CHOIR}/enrol"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        with made.app.database.write() as connection:
            for number, name in enumerate(PEOPLE, 1):
                first, last = name.split()
                people.add(connection, AUTHOR, Names(f"u{number}", first, last, f"N{number}"))
            for name in ("Choir", "Band"):
                sections.add(connection, AUTHOR, name)
            for who, state in ((3, "a"), (4, "a"), (5, "w")):
                enrolments.set_state(connection, AUTHOR, BAND, who, "student", state)
            enrolments.set_state(connection, AUTHOR, CHOIR, 4, "student", "a")
        yield made


@pytest.fixture
def clerk(rig: Rig) -> Visitor:
    return signed_in(rig, CLERK)


def choir(rig: Rig) -> set[tuple[object, object]]:
    with rig.app.database.read() as connection:
        rows = lists.enrolments(connection, section_id=CHOIR)
    return {(r["person"], r["role"]) for r in rows if r["code"] == "a"}


def ticked(answer: Page) -> list[str]:
    return [str(i) for i in answer.tree.xpath("//input[@name='person'][@checked]/@value")]


def test_a_list_is_shown_line_by_line_and_then_done(rig: Rig, clerk: Visitor) -> None:
    text = "N1\nKing\nu4\nxyz zzz"
    shown = clerk.send(ENROL, action="look", list=text)
    assert_safe(shown)
    assert ticked(shown) == ["1"]
    assert "is in it already" in shown.text
    assert shown.tree.xpath("//section[@aria-labelledby='unknown']//li/text()") == ["xyz zzz"]
    offered = shown.tree.xpath("//select[@name='person']/option/@value")
    assert offered == ["", "2", "3"]
    assert shown.tree.xpath("//textarea/text()")[0].strip() == text
    assert choir(rig) == {("N4", "student")}
    done = clerk.send(ENROL, action="enrol", list=text, person=["1", "", "3"])
    assert (done.status, done.location) == (303, f"/admin/sections/{CHOIR}")
    assert choir(rig) == {("N4", "student"), ("N1", "student"), ("N3", "student")}
    twice = clerk.send(ENROL, action="enrol", list=text, person=["1", "", "3"])
    assert twice.status == 303
    note = clerk.get(twice.location).message("said")
    assert "0 people are put in. 2 were in it already." in note


def test_what_was_ticked_and_chosen_stays_when_looking_again(clerk: Visitor) -> None:
    given: Given = {
        "action": "look",
        "list": "N1\nN2\nKing",
        "boxes": "1,2",
        "person": ["2", "3", "5"],
    }
    shown = clerk.send(ENROL, **given)
    # Ada's tick was taken away; Eve was ticked in a search before.
    assert ticked(shown) == ["2", "5"]
    assert shown.tree.xpath("//select[@name='person']/option[@selected]/@value") == ["3"]


def test_another_sections_roster_is_taken_over(rig: Rig, clerk: Visitor) -> None:
    page = clerk.get(ENROL)
    options = page.tree.xpath("//select[@name='from']/option/@value")
    assert options == ["", str(BAND)]
    shown = clerk.send(ENROL, action="look", **OF_BAND)
    # Dee is in the choir already, Eve is in the band no more.
    assert ticked(shown) == ["3"]
    clerk.send(ENROL, action="enrol", person=ticked(shown), **OF_BAND)
    assert choir(rig) == {("N4", "student"), ("N3", "student")}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"person": []}, "Tick whom to put in"),
        ({"day": "2999-01-01"}, "still to come"),
        ({"day": "soon"}, "is no day"),
        ({"person": ["1", "99"]}, "nobody with id 99"),
        ({"list": "N1\n" * 500}, "at most 400 lines"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    rig: Rig, clerk: Visitor, wrong: Given, sentence: str
) -> None:
    action = "look" if "list" in wrong else "enrol"
    given: Given = {
        "action": action, "list": "N1\nN2", "search": "eve", "role": "teacher", "why": "new term",
        "boxes": "1,2,5", "person": ["1", "5"], "from": str(BAND),
    } | wrong  # fmt: skip
    answer = clerk.send(ENROL, **given)
    assert answer.status == 400
    assert sentence in answer.message()
    assert choir(rig) == {("N4", "student")}
    assert answer.tree.xpath("//textarea/text()")[0].strip() == str(given["list"]).strip()
    assert answer.tree.xpath("//input[@name='search']/@value") == ["eve"]
    selected = answer.tree.xpath("//select[@name='role']/option[@selected]/@value")
    assert selected == ["teacher"]
    assert answer.tree.xpath("//select[@name='from']/option[@selected]/@value") == [str(BAND)]
    assert answer.tree.xpath("//input[@name='why']/@value") == ["new term"]
    if given["person"]:
        assert "1" in ticked(answer)


def test_of_a_section_that_was_removed_nobody_is_put_in(rig: Rig, clerk: Visitor) -> None:
    with rig.app.database.write() as connection:
        sections.remove(connection, AUTHOR, CHOIR)
    answer = clerk.send(ENROL, action="enrol", person=["1"])
    assert answer.status == 400
    assert "was removed" in answer.message()
    assert clerk.send(ENROL, page="/admin/sections/new", action="x", role="owner").status == 400


def test_a_counselor_enrols_a_list_of_students_and_nobody_who_teaches(tmp_path: Path) -> None:
    with cast_in(tmp_path) as cast:
        _counselor(cast)


def _counselor(cast: Cast) -> None:
    carol = cast.browser("carol")
    enrol = f"/me/sections/{cast.sections['biology']}/enrol"
    shown = carol.send(enrol, action="look", list="id-pam\nid-tess", search="tess")
    assert_safe(shown)
    assert ticked(shown) == [str(cast.people["pam"])]
    assert shown.tree.xpath("//section[@aria-labelledby='unknown']//li/text()") == ["id-tess"]
    assert "/admin" not in "".join(shown.tree.xpath("//main//@href | //main//@action"))
    done = carol.send(enrol, action="enrol", person=ticked(shown))
    assert done.location == f"/me/sections/{cast.sections['biology']}"
    assert "Pamxq" in carol.get(done.location).text
    assert carol.send(enrol, action="look", role="teacher").status == 403
