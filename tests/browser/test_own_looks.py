"""People's own pages in Chromium, by day and night, on a phone and by keyboard; and erasing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from tests.browser.looks import Watched, looks_right, watched
from tests.helpers.pushing import push, register
from tests.helpers.roaming import app_of, person_id
from tests.helpers.site import Site

PASSWORD = "correct horse battery"
LONG = "W" * 70
DAY_S = 86400


@pytest.fixture(scope="module")
def filled(school: Site) -> Site:
    """A pupil with long and hostile names, a teacher and a principal, who may all sign in."""
    peer, now = register(school), int(time.time())
    for name, first, last in (
        ("pam", "Pam", "<i>Ōquist</i>"), ("wim", LONG, LONG), ("tess", "Tess", "Teach"),
        ("prue", "Prue", "Principal"),
    ):  # fmt: skip
        push(school, peer, "fetch_user", {
            "idnumber": f"n-{name}", "username": name, "firstname": first, "lastname": last,
            "email": "", "timemodified": now - 9 * DAY_S,
        })  # fmt: skip
    for number, name in (("5", "Biology"), ("6", f"{LONG} & <b>Chemistry</b>"), ("7", "Fall")):
        push(school, peer, "new_section", {"idnumber": number, "name": name})
        for item in (f"Quiz {number}", f"{LONG} essay"):
            push(school, peer, "new_assessment", {
                "idnumber": f"{item[-5:]}{number}", "sectionid": number, "name": item, "pointval": 20,
                "timemodified": now - 8 * DAY_S,
            })  # fmt: skip
    for who, number, role in (
        ("pam", "5", "student"), ("pam", "6", "student"), ("wim", "5", "student"),
        ("tess", "5", "teacher"), ("tess", "6", "teacher"),
    ):  # fmt: skip
        push(school, peer, "new_enrolment", {
            "sectionid": number, "userid": f"n-{who}", "role": role, "timemodified": now - 7 * DAY_S
        })  # fmt: skip
    push(school, peer, "new_enrolment", {
        "sectionid": "7", "userid": "n-pam", "role": "student", "timestart": now + 30 * DAY_S
    })  # fmt: skip
    push(school, peer, "new_grade", {
        "assessmentid": "uiz 55", "userid": "n-pam", "points_earned": 17.5
    })  # fmt: skip
    push(school, peer, "new_grade", {
        "assessmentid": "uiz 66", "userid": "n-pam", "points_earned": 3, "excepted": True
    })  # fmt: skip
    push(school, peer, "end_enrolment", {"sectionid": "6", "userid": "n-tess", "role": "teacher"})
    school.run("person", "staff", "n-prue", "--role", "principal")
    with app_of(school) as app, app.database.write() as connection:
        for name in ("pam", "tess", "prue"):
            found = int(person_id(school, name))
            rights.set_password(connection, Change("test", now), found, PASSWORD)
            rights.set_own(connection, [found], allowed=True)
    return school


@pytest.fixture
def visitor(chromium: Browser, filled: Site) -> Iterator[Watched]:
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    opened = watched(context.new_page(), filled.wwwroot)
    yield opened
    context.close()
    assert not opened.problems


def come(page: Page, site: Site, name: str) -> None:
    page.goto(site.wwwroot + "/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")


def test_a_pupils_pages_look_right(visitor: Watched, filled: Site) -> None:
    page = visitor.page
    come(page, filled, "pam")
    expect(page.get_by_role("heading", name="My sections")).to_be_visible()
    looks_right(page)
    page.get_by_role("link", name="All marks, as of any day").click()
    expect(page.get_by_role("heading", name="My marks", level=1)).to_be_visible()
    expect(page.get_by_text("87.5 %")).to_be_visible()
    expect(page.get_by_text("excused")).to_be_visible()
    expect(page.get_by_text("starts").first).to_be_visible()
    looks_right(page)
    page.get_by_label("As of the end of").fill("2001-01-01")
    page.keyboard.press("Enter")
    expect(page.get_by_text("in no section as a student by then")).to_be_visible()
    looks_right(page)
    page.get_by_role("link", name="Show how it is now").click()
    expect(page.get_by_text("87.5 %")).to_be_visible()


def test_a_teachers_pages_look_right(visitor: Watched, filled: Site) -> None:
    page = visitor.page
    come(page, filled, "tess")
    looks_right(page)
    expect(page.get_by_role("heading", name="I taught")).to_be_visible()
    page.get_by_role("main").get_by_role("listitem").get_by_role(
        "link", name="Biology", exact=True
    ).last.click()
    expect(page.get_by_role("row", name="Pam <i>Ōquist</i> Active")).to_contain_text("87.5 %")
    looks_right(page)
    page.goto(filled.wwwroot + "/me")
    page.get_by_role("link", name="Chemistry").click()
    expect(page.get_by_text("You taught this section until")).to_be_visible()
    looks_right(page)


def test_a_principal_finds_a_student_by_keyboard(visitor: Watched, filled: Site) -> None:
    page = visitor.page
    come(page, filled, "prue")
    page.get_by_label("Name, user name or ID number").focus()
    page.keyboard.type("pam")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 found")).to_be_visible()
    looks_right(page)
    page.get_by_role("link", name="Pam <i>Ōquist</i>").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="To come")).to_be_visible()
    looks_right(page)
    page.goto(filled.wwwroot + "/me/students?search=nobody")
    looks_right(page)


def test_a_manager_erases_a_person_after_reading_what_goes(page: Watched, filled: Site) -> None:
    wim = person_id(filled, "wim")
    page.goto(f"/admin/people/{wim}")
    looks_right(page.page)
    with page.page.expect_download() as packed:
        page.page.get_by_role("button", name="Hand out everything held").click()
    assert packed.value.suggested_filename == f"person-{wim}.zip"
    page.page.get_by_role("link", name="Erase …").click()
    expect(page.page.get_by_role("heading", name="This stays")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_label("Write the user name").fill("wim")
    page.page.get_by_role("button", name="Erase for good").click()
    expect(page.page.get_by_role("heading", name=f"Erased person {wim}")).to_be_visible()
    expect(page.page.get_by_text("Older backups still hold it all")).to_be_visible()
    looks_right(page.page)
