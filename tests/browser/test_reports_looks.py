"""Reports in a browser: how they look on the screen, at night, on a phone and on paper."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import push, register
from tests.helpers.site import Site

LONG = "Extraordinarily" * 6
DAY_S = 86_400
FIRST = 1_788_732_000
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("fetch_user", {"idnumber": "1001", "username": "ada", "firstname": "Ada", "lastname": "Lovelace"}),
    ("fetch_user", {"idnumber": "1002", "username": "bob", "firstname": LONG, "lastname": "Boole"}),
    ("new_section", {"idnumber": "algebra", "name": "Algebra"}),
    ("new_section", {"idnumber": "drama", "name": f"Drama {LONG}"}),
    *(
        ("new_enrolment", {"sectionid": where, "userid": who, "role": "student", "timemodified": FIRST})
        for where in ("algebra", "drama")
        for who in ("1001", "1002")
    ),
    *(
        ("new_assessment", {"sectionid": "algebra", "idnumber": f"q{n}", "name": f"Quiz {n} on chapter {n}", "pointval": 20, "timemodified": FIRST})
        for n in range(14)
    ),
    *(
        ("new_grade", {"assessmentid": f"q{n}", "userid": "1001", "points_earned": 8 + n % 12, "timemodified": FIRST + n * 5 * DAY_S})
        for n in range(14)
    ),
    ("end_enrolment", {"sectionid": "drama", "userid": "1001", "timemodified": FIRST + 30 * DAY_S}),
]  # fmt: skip


@pytest.fixture(scope="module")
def full(school: Site) -> Site:
    peer = register(school)
    for event, data in EVENTS:
        push(school, peer, event, data)
    return school


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    "path",
    [
        "/admin/reports?q=a", "/admin/people/1/progress", "/admin/people/1/transcript",
        "/admin/sections/1/section-report", "/admin/sections/1/roster", "/admin/sections/1/gradebook-print",
        "/admin/sections/1/section-history", "/admin/reports/failing?below=90",
        "/admin/reports/honor-roll?average=0", "/admin/reports/enrolments-by-week",
        "/admin/school/letterhead",
    ],
)  # fmt: skip
def test_reports_look_right(page: Watched, path: str) -> None:
    page.goto(path)
    looks_right(page.page)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("path", ["/admin/people/1/progress", "/admin/sections/1/section-report"])
def test_on_paper_there_is_the_report_and_nothing_to_press(page: Watched, path: str) -> None:
    page.goto(path)
    page.page.emulate_media(media="print", color_scheme="dark")
    for hidden in ("header.top", "footer", ".unprinted", "form"):
        expect(page.page.locator(hidden).first).to_be_hidden()
    expect(page.page.locator(".school")).to_have_text("Hill School")
    heads = page.page.locator("thead").first
    assert heads.evaluate("e => getComputedStyle(e).display") == "table-header-group"
    assert page.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.page.set_viewport_size({"width": 690, "height": 1000})  # what A4 leaves between margins
    row = page.page.get_by_role("row").filter(has_text="Active" if "people" in path else "Lovelace")
    box = row.first.bounding_box()
    assert box is not None
    assert box["height"] < 60, "a column is too narrow for its words"
    for size in ("A4", "Letter"):
        assert page.page.pdf(format=size, prefer_css_page_size=False)[:5] == b"%PDF-"


@pytest.mark.usefixtures("full")
def test_a_clerk_goes_from_a_name_to_a_report_of_a_day_and_keeps_it(page: Watched) -> None:
    page.goto("/admin/reports")
    page.page.get_by_label("Name or ID number").fill("love")
    page.page.get_by_role("button", name="Find", exact=True).click()
    page.page.get_by_role("link", name="Progress report of Ada Lovelace").click()
    page.page.get_by_label("As of the end of").fill("2026-09-08")
    page.page.get_by_role("button", name="Show").click()
    expect(page.page.get_by_text("As of 8 Sep 2026")).to_be_visible()
    expect(page.page.get_by_role("row").filter(has_text="Quiz 0 on")).to_contain_text("40 %")
    with page.page.expect_download() as coming:
        page.page.get_by_role("link", name="PDF, A4").click()
    assert coming.value.suggested_filename == "progress-1001.pdf"
