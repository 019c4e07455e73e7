"""The school's order and its sections in the browser: how they look, and filed by hand."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import push, register
from tests.helpers.rig import FakePeer
from tests.helpers.site import Site

EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "Lovelace"}),
    ("fetch_user", {"idnumber": "2", "username": "bob", "firstname": "Bob", "lastname": "W" * 60}),
    ("new_section", {"idnumber": "5", "name": "Biology A", "teacheridnumber": "2"}),
    ("new_section", {"idnumber": "5", "name": "Biology A", "segment": "2"}),
    ("new_section", {"idnumber": "6", "name": "W" * 120}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student", "segment": "1"}),
    ("new_assessment", {"sectionid": "5", "idnumber": "q", "name": "Quiz", "pointval": 10, "segment": "1"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def peer(school: Site) -> FakePeer:
    peer = register(school)
    for event, data in EVENTS:
        push(school, peer, event, data)
    school.run("year", "add", "2026/27", "--first", "2026-09-01", "--last", "2027-07-02")
    for title, first, last in (("Autumn", "2026-09-01", "2026-12-20"), ("Spring", "2027-01-07", "2027-07-02")):  # fmt: skip
        school.run("term", "add", title, "--year", "2026/27", "--first", first, "--last", last)
    school.run("course", "add", "BIO-1", "Biology", "--credits", "0.5")
    school.run(
        "section", "file", "2", "--course", "BIO-1", "--term", "Spring", "--why", "as planned"
    )
    return peer


@pytest.mark.usefixtures("peer")
@pytest.mark.parametrize(
    "path",
    [
        "/admin/school", "/admin/school/years/1", "/admin/school/terms/1",
        "/admin/school/courses/1", "/admin/school/marking", "/admin/sections",
        "/admin/sections?term=1", "/admin/sections/1", "/admin/sections/2", "/admin/sections/3", "/admin/sections/3/settings",
    ],
)  # fmt: skip
def test_pages_of_the_schools_order_look_right(page: Watched, path: str) -> None:
    page.goto(path)
    looks_right(page.page)


@pytest.mark.usefixtures("peer")
def test_a_waiting_section_is_ticked_and_filed(page: Watched) -> None:
    page.goto("/admin/school")
    page.page.get_by_role("link", name="File them").click()
    page.page.get_by_label("Tick Biology A, segment 1").check()
    filing = page.page.get_by_role("group", name="File the ticked sections")
    filing.get_by_label("Course").fill("BIO-1 Biology")
    filing.get_by_label("Term").select_option(label="Autumn, 2026/27")
    filing.get_by_role("button", name="File them").click()
    expect(page.page.get_by_text("1 section moved to BIO-1, Autumn, 2026/27.")).to_be_visible()
    assert page.path == "/admin/sections?place=ongoing"
    page.goto("/admin/sections/1")
    expect(page.page.get_by_text("BIO-1, Autumn, 2026/27").first).to_be_visible()
    expect(page.page.get_by_role("link", name="Biology A, segment 2")).to_be_visible()
