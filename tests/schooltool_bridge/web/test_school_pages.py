"""The pages of the school's order and of sections: filled, refused, escaped, entered in the trail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from peers import accounts, audit
from peers.accounts import CLERK
from schooltool_bridge.hand import sections
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import section
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.visitor import Visitor, in_memory

MOODLE = "http://moodle.example.org"
PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>"
SCHOOL, SECTIONS, MARKING = "/admin/school", "/admin/sections", "/admin/school/marking"
YEAR = {"title": "2026/27", "first": "2026-09-01", "last": "2027-07-02", "action": "add-year"}
AUTUMN = {"title": "Autumn", "first": "2026-09-01", "last": "2026-12-20", "action": "add-term"}
SPRING = {"title": "Spring", "first": "2027-01-07", "last": "2027-07-02", "action": "add-term"}
BIOLOGY = {"code": "BIO-1", "title": "Biology", "credits": "0.5", "description": "", "action": "add-course"}  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        with made.app.database.write() as connection:
            for name, role in (("carl", CLERK),):
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
        moodle = made.add(MOODLE)
        for number, name in (("5", "Biology A"), ("6", "Ökologie"), ("7", HOSTILE)):
            push(made, moodle, "new_section", idnumber=number, name=name)
        yield made


@pytest.fixture
def carl(rig: Rig) -> Visitor:
    return browser(rig, "carl")


@pytest.fixture
def ordered(carl: Visitor) -> Visitor:
    """Carl has made a year of two terms and a course."""
    for path, form in (
        (SCHOOL, YEAR), (SCHOOL + "/years/1", AUTUMN), (SCHOOL + "/years/1", SPRING), (SCHOOL, BIOLOGY),
    ):  # fmt: skip
        assert carl.send(path, **form).status == 303
    return carl


def browser(rig: Rig, name: str) -> Visitor:
    visitor = Visitor(in_memory(frame_of(rig.app)))
    assert visitor.sign_in(name, PASSWORD).status == 303
    return visitor


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> None:
    answer = rig.call(peer, SIS + event, data)
    assert isinstance(answer, dict)
    assert answer["status"] in ("created", "updated")


def filings(rig: Rig) -> list[tuple[Any, ...]]:
    with rig.app.database.read() as connection:
        columns = (section.c.course_id, section.c.term_id, section.c.previous_id)
        return [tuple(r) for r in connection.execute(sa.select(*columns).order_by(section.c.id))]


@pytest.mark.requirement("R41", "R42")
def test_years_terms_and_courses_are_made_changed_and_removed(rig: Rig, ordered: Visitor) -> None:
    shown = ordered.get(SCHOOL)
    assert "1 Sep - 20 Dec 2026" in shown.text
    assert "Now: Autumn, 2026/27" in " ".join(shown.tree.text_content().split())
    assert "BIO-1" in shown.text
    late = {**AUTUMN, "title": "Late", "first": "2026-12-20", "last": "2026-12-24"}
    refused = ordered.send(SCHOOL + "/years/1", **late)
    assert refused.status == 400
    assert "overlaps Autumn (1 Sep - 20 Dec 2026)" in refused.message()
    assert refused.tree.xpath("//input[@id='term-title']/@value") == ["Late"], (
        "what was typed stays"
    )
    assert ordered.send(SCHOOL, **{**BIOLOGY, "code": "bio-1"}).status == 400
    assert ordered.send(SCHOOL, **{**YEAR, "first": "1.9.2026"}).status == 400
    saved = ordered.send(
        SCHOOL + "/courses/1", action="save", code="BIO-2", title="Biology", credits="1", description="More."
    )  # fmt: skip
    assert saved.status == 303
    assert "More." in ordered.get(SCHOOL + "/courses/1").text
    term = SCHOOL + "/terms/2"
    assert ordered.send(term, **{**SPRING, "title": "Summer", "action": "save"}).status == 303
    assert "Summer" in ordered.get(term).text
    assert ordered.send(SCHOOL + "/years/1", action="remove").status == 400
    for path in (term, SCHOOL + "/terms/1", SCHOOL + "/years/1", SCHOOL + "/courses/1"):
        assert ordered.send(path, action="remove").status == 303
        assert ordered.get(path).status == 404
    assert ordered.get(SCHOOL + "/years/99999999999").status == 404
    assert ordered.send(SCHOOL, action="burn").status == 400
    with rig.app.database.read() as connection:
        done = {(e.actor, e.action) for e in audit.entries(connection)}
    assert {("carl", f"{what} {how}") for what in ("year", "term", "course") for how in ("added", "removed")} <= done  # fmt: skip


@pytest.mark.requirement("R43")
def test_sections_are_found_and_filed_many_at_once(rig: Rig, ordered: Visitor) -> None:
    everything = ordered.get(SECTIONS)
    assert HOSTILE not in everything.text
    assert len(everything.tree.xpath("//tbody/tr")) == 3
    for query, count in (
        ("?q=ökologie", 1), ("?q=5", 1), ("?q=nothing", 0), ("?place=ongoing", 3),
        ("?term=1", 0), ("?course=1&page=3", 0), ("?term=x&page=-1&place=z", 3),
        (f"?peer={MOODLE}", 3),
    ):  # fmt: skip
        assert len(ordered.get(SECTIONS + query).tree.xpath("//tbody/tr")) == count, query
    filed = ordered.send(
        SECTIONS, section=["1", "2"], course="bio-1", term="1", why="", kept="?place=ongoing&q=o"
    )
    assert filed.location.endswith(SECTIONS + "?place=ongoing&q=o")
    assert "2 sections moved to BIO-1, Autumn, 2026/27." in ordered.get(SECTIONS).message("said")
    assert filings(rig) == [(1, 1, None), (1, 1, None), (None, None, None)]
    refused = ordered.send(SECTIONS, section=["3"], course="Biology", term="", kept="")
    assert refused.status == 400
    assert "Choose a term too" in refused.message()
    assert refused.tree.xpath("//input[@name='section'][@checked]/@value") == ["3"]
    assert ordered.send(SECTIONS, course="BIO-1", term="1", kept="").status == 400
    assert filings(rig)[2] == (None, None, None)


@pytest.mark.requirement("R46")
def test_a_section_shows_what_is_around_it_and_is_filed_linked_and_weighed(
    rig: Rig, ordered: Visitor
) -> None:
    moodle = rig.peers[MOODLE]
    for number, name in (("1", "Ada"), ("2", "Bob"), ("3", "Cem")):
        push(
            rig, moodle, "fetch_user", idnumber=number, username=name, firstname=name, lastname="X"
        )
    push(rig, moodle, "new_enrolment", sectionid="5", userid="1", role="student")
    for when, teacher in ((START_UNIX_S - 50, "2"), (START_UNIX_S - 10, "3")):
        push(rig, moodle, "new_enrolment", sectionid="5", userid=teacher, role="teacher", timemodified=when)  # fmt: skip
    push(rig, moodle, "end_enrolment", sectionid="5", userid="2", timemodified=START_UNIX_S - 5)
    push(rig, moodle, "new_assessment", sectionid="5", idnumber="q", name=HOSTILE, pointval=10)
    path = SECTIONS + "/1"
    shown = ordered.get(path)
    facts = " ".join(shown.tree.find_class("facts")[0].text_content().split())
    assert "FiledOngoing" in facts
    assert "Teachers nowX, Cem Teachers beforeX, Bob" in facts
    assert "Active" in shown.text
    assert HOSTILE not in shown.text
    assert shown.tree.xpath(f"//a[contains(@href, '{path}/section-history')]")
    settings, other = path + "/settings", SECTIONS + "/2/settings"
    shown = ordered.get(settings)
    assert ", 6, " in shown.tree.xpath("string(//select[@id='previous'])")
    assert ordered.send(settings, action="file", course="BIO-1", term="2").status == 303
    assert ordered.send(other, action="file", course="BIO-1", term="1").status == 303
    refused = ordered.send(other, action="link", previous="1")
    assert refused.status == 400
    assert "is not right after Spring" in refused.message()
    assert ordered.send(settings, action="link", previous="2", why="goes on").status == 303
    assert "Ökologie" in ordered.get(path).tree.find_class("facts")[0].text_content()
    assert filings(rig)[:2] == [(1, 2, 2), (1, 1, None)]
    assert ordered.send(settings, action="unlink").status == 303
    assert filings(rig)[0] == (1, 2, None)
    assert (
        ordered.send(settings, action="weights", **{"weight-1": "60", "weight-2": "40"}).status
        == 303
    )
    assert ordered.get(settings).tree.xpath("//input[@id='weight-1']/@value") == ["60"]
    assert ordered.send(settings, action="weights", **{"weight-1": "-1"}).status == 400
    assert ordered.send(settings, action="burn").status == 400
    assert ordered.get(SECTIONS + "/99").status == 404
    assert ordered.send(SECTIONS + "/99/settings", page=path, action="file").status == 404


@pytest.mark.requirement("R47")
def test_a_section_of_our_own_is_filed_like_any_other(rig: Rig, ordered: Visitor) -> None:
    with rig.app.database.write() as connection:
        sections.add(connection, Author("carl", START_UNIX_S), "Choir")
    assert (
        ordered.send(SECTIONS + "/4/settings", action="file", course="BIO-1", term="1").status
        == 303
    )
    facts = ordered.get(SECTIONS + "/4").tree.find_class("facts")[0].text_content()
    assert "made here" in facts
    assert "BIO-1, Autumn, 2026/27" in facts
    assert "Choir" in ordered.get(SECTIONS + "?term=1").text


def test_pages_ask_no_more_questions_for_more_sections(rig: Rig, ordered: Visitor) -> None:
    def questions(path: str) -> int:
        asked: list[str] = []

        def note(*event: Any) -> None:
            asked.append(event[2])

        sa.event.listen(rig.app.database.engine, "before_cursor_execute", note)
        assert ordered.get(path).status == 200
        sa.event.remove(rig.app.database.engine, "before_cursor_execute", note)
        return len(asked)

    paths = (SCHOOL, SECTIONS, SECTIONS + "/1")
    before = [questions(path) for path in paths]
    moodle = rig.peers[MOODLE]
    for number in range(20):
        push(rig, moodle, "new_section", idnumber=f"n{number}", name=f"More {number}")
        push(rig, moodle, "new_section", idnumber="5", name="Part", segment=str(number + 2))
        push(rig, moodle, "fetch_user", idnumber=f"p{number}", username=f"p{number}", lastname="X", firstname="Y")  # fmt: skip
        push(rig, moodle, "new_enrolment", sectionid="5", userid=f"p{number}", role="student", segment="1")  # fmt: skip
    assert [questions(path) for path in paths] == before


def test_categories_score_systems_and_states_are_kept(carl: Visitor) -> None:
    for form, status, says in (
        ({"action": "add-category", "title": "Field trip"}, 303, "Field trip"),
        ({"action": "add-category", "title": "field TRIP"}, 400, "There is a category 'Field trip' already"),
        ({"action": "rename-category", "id": "9", "title": "Excursion"}, 303, "Excursion"),
        ({"action": "remove-category", "id": "9"}, 303, "removed"),
        ({"action": "remove-category", "id": "9"}, 404, "no such category"),
        ({"action": "add-system", "title": "Effort", "scores": "Good; 90; 50; pass\nPoor; 20; 0; fail"}, 303, "Effort"),
        ({"action": "add-system", "title": "E2", "scores": "Good"}, 400, "Line 1 must be"),
        ({"action": "hide-system", "id": "1"}, 303, "Offer again"),
        ({"action": "show-system", "id": "1"}, 303, "offered again"),
        ({"action": "add-state", "code": "H", "meaning": "inactive", "title": "On leave"}, 303, "On leave"),
        ({"action": "add-state", "code": "a", "meaning": "inactive", "title": "X"}, 400, "already"),
        ({"action": "rename-state", "code": "a", "title": "Enrolled"}, 303, "Enrolled"),
        ({"action": "burn"}, 400, "not known"),
    ):  # fmt: skip
        answer = carl.send(MARKING, **form)
        assert answer.status == status, form
        shown = answer if status != 303 else carl.get(MARKING)
        assert says in f"{shown.text} {shown.message()}", form
