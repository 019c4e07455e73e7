"""Enrolments by hand and sections of our own, in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers import accounts
from peers.accounts import CLERK
from schooltool_bridge.cli import lists
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import SIS, START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Visitor, in_memory

PASSWORD = "correct horse battery"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        with made.app.database.write() as connection:
            accounts.add(
                connection, "carl", PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=CLERK
            )
        moodle = made.add("http://moodle.example.org")
        person = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "<b>L"}
        enrolled = {"sectionid": "5", "userid": "1", "role": "student"}
        told: tuple[tuple[str, Any], ...] = (
            ("fetch_user", person),
            ("new_section", {"idnumber": "5", "name": "Algebra"}),
            ("new_enrolment", enrolled),
            ("end_enrolment", enrolled),
        )
        for event, data in told:
            made.call(moodle, SIS + event, data)
        yield made


@pytest.fixture
def carl(rig: Rig) -> Visitor:
    visitor = Visitor(in_memory(frame_of(rig.app)))
    assert visitor.sign_in("carl", PASSWORD).status == 303
    return visitor


def enrolments(rig: Rig) -> list[tuple[object, ...]]:
    with rig.app.database.read() as connection:
        rows = lists.enrolments(connection)
    return [(r["section"], r["person"], r["role"], r["code"], r["note"]) for r in rows]


PLACE = "/admin/sections/1/people/1"


@pytest.mark.requirement("R53")
def test_a_withdrawal_gets_its_code_and_note(rig: Rig, carl: Visitor) -> None:
    section = carl.get("/admin/sections/1")
    assert section.tree.xpath(f"//a[@href='{PLACE}']")
    form = carl.get(PLACE)
    assert "Withdrawn - No Grade" in form.text
    assert "<b>L" not in form.text
    done = carl.send(
        PLACE, role="student", code="wp", note="moved\r\naway", day="", why="told by phone"
    )
    assert (done.status, done.location) == (303, "/admin/sections/1")
    assert enrolments(rig) == [("5", "1", "student", "wp", "moved\naway")]
    assert "told by phone" in carl.get("/admin/sections/1/section-history").text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"code": "xx"}, "no enrolment state"),
        ({"role": "owner"}, "The role is student or teacher"),
        ({"day": "2999-01-01"}, "still to come"),
        ({"day": "soon"}, "is no day"),
        ({"note": "n" * 2001}, "at most 2000 characters"),
    ],
)
def test_what_cannot_be_comes_back_with_a_sentence_and_changes_nothing(
    rig: Rig, carl: Visitor, wrong: dict[str, str], sentence: str
) -> None:
    before = enrolments(rig)
    given = {"role": "student", "code": "wf", "note": "kept", "day": "", "why": ""} | wrong
    page = carl.send(PLACE, **given)
    assert page.status == 400
    assert sentence in page.message()
    assert enrolments(rig) == before


@pytest.mark.requirement("R59", "R60")
def test_a_section_of_our_own_is_made_and_filled(rig: Rig, carl: Visitor) -> None:
    made = carl.send("/admin/sections/new", name="Drama", idnumber="D1")
    assert (made.status, made.location) == (303, "/admin/sections/2")
    again = carl.send("/admin/sections/new", name="Other", idnumber="D1")
    assert again.status == 400
    assert "already" in again.message()
    found = carl.get("/admin/sections/2/enrol?search=ada")
    there = found.tree.xpath("//a[contains(@href, 'role=teacher')]/@href")
    assert there == ["/admin/sections/2/people/1?role=teacher"]
    form = carl.get(there[0])
    assert form.tree.xpath("//select[@name='role']/option[@selected]/text()") == ["teacher"]
    carl.send("/admin/sections/2/people/1", role="teacher", code="a", note="", day="", why="")
    assert ("D1", "1", "teacher", "a", "") in enrolments(rig)
    assert "Nobody is called so" in carl.get("/admin/sections/2/enrol?search=zzz").text


@pytest.mark.parametrize(
    "path",
    [
        "/admin/sections/99/enrol",
        "/admin/sections/1/people/99",
        "/admin/sections/99/people/1",
        "/admin/sections/1/people/99999999999",
    ],
)  # fmt: skip - addresses
def test_what_is_not_there_is_not_found(carl: Visitor, path: str) -> None:
    assert carl.get(path).status == 404


@pytest.mark.requirement("R60")
def test_a_section_of_our_own_is_renamed_removed_and_brought_back(carl: Visitor) -> None:
    carl.send("/admin/sections/new", name="Drama", idnumber="")
    settings, history = "/admin/sections/2/settings", "/admin/sections/2/section-history"
    refused = carl.send(settings, action="rename", name="Dra\tma")
    assert refused.status == 400
    assert "cannot be shown" in refused.message()
    assert refused.tree.xpath("//input[@name='name']/@value") == ["Dra\tma"]
    assert carl.send(settings, action="rename", name="Theatre").status == 303
    assert carl.send(settings, action="remove", why="no teacher").status == 303
    former = carl.get("/admin/sections/2")
    assert "removed" in former.tree.xpath("//*[contains(@class, 'pill')]/text()")
    assert "deleted there" not in former.text
    told = carl.get(history).text
    for what in ("Theatre", "no teacher", "carl"):
        assert what in told
    page = carl.get(settings)
    assert page.tree.xpath("//button[@name='action']/@value").count("bring-back") == 1
    assert not page.tree.xpath("//button[@value='remove' or @value='rename']")
    assert carl.send(settings, action="bring-back").status == 303
    back = carl.get("/admin/sections/2")
    assert "removed" not in back.tree.xpath("//*[contains(@class, 'pill')]/text()")
    # A Moodle's is changed there.
    theirs = "/admin/sections/1/settings"
    assert not carl.get(theirs).tree.xpath("//button[@value='remove' or @value='rename']")
    for action in ("rename", "remove", "bring-back"):
        answer = carl.send(theirs, action=action, name="Mine")
        assert answer.status == 400
        assert "change it there" in answer.message()
