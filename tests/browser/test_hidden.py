"""What a Moodle hides, in Chromium: a pupil's page without it, a teacher's with a mark on it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from tests.browser.looks import looks_right, watched
from tests.helpers.pushing import push, register
from tests.helpers.rig import FakePeer
from tests.helpers.roaming import app_of, person_id
from tests.helpers.site import Site

PASSWORD = "correct horse battery"
DAY_S = 86400


@pytest.fixture(scope="module")
def peer(school: Site) -> FakePeer:
    """Pam's quiz is shown, her lab hidden until tomorrow, the whole essay hidden."""
    peer, now = register(school), int(time.time())
    for name, first, role in (("pam", "Pam", "student"), ("tess", "Tess", "teacher")):
        push(school, peer, "fetch_user", {
            "idnumber": f"n-{name}", "username": name, "firstname": first, "lastname": "Hill",
        })  # fmt: skip
        push(school, peer, "new_section", {"idnumber": "5", "name": "Biology"})
        push(school, peer, "new_enrolment", {
            "sectionid": "5", "userid": f"n-{name}", "role": role, "timemodified": now - 9 * DAY_S,
        })  # fmt: skip
    for item, points, hidden, own in (
        ("Quiz", 18, 0, 0), ("Lab", 6, 0, now + DAY_S), ("Essay", 9, 1, 0),
    ):  # fmt: skip
        push(school, peer, "new_assessment", {
            "sectionid": "5", "idnumber": item, "name": item, "pointval": 20, "hidden": hidden,
            "timemodified": now - 8 * DAY_S,
        })  # fmt: skip
        push(school, peer, "new_grade", {
            "assessmentid": item, "userid": "n-pam", "points_earned": points, "hidden": own,
            "timemodified": now - 7 * DAY_S,
        })  # fmt: skip
    with app_of(school) as app, app.database.write() as connection:
        for name in ("pam", "tess"):
            found = int(person_id(school, name))
            rights.set_password(connection, Change("test", now), found, PASSWORD)
            rights.set_own(connection, [found], allowed=True)
    return peer


@pytest.fixture
def page(chromium: Browser, school: Site, peer: FakePeer) -> Iterator[Page]:
    assert peer
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    opened = watched(context.new_page(), school.wwwroot)
    yield opened.page
    context.close()
    assert not opened.problems


def come(page: Page, site: Site, name: str) -> None:
    page.goto(site.wwwroot + "/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")


@pytest.mark.requirement("R67", "E45")
def test_the_teacher_sees_what_the_pupil_does_not(page: Page, school: Site, peer: FakePeer) -> None:
    come(page, school, "tess")
    page.get_by_role("main").get_by_role("listitem").get_by_role(
        "link", name="Biology"
    ).last.click()
    expect(page.get_by_role("row", name="Pam Hill")).to_contain_text("55 %")
    page.get_by_role("link", name="Gradebook", exact=True).click()
    lab = page.get_by_role("textbox", name="Pam Hill Lab")
    expect(lab).to_have_value("6")
    expect(lab).to_have_accessible_description(re.compile("hidden from students until"))
    mark = page.get_by_role("cell").filter(has=lab).get_by_title("hidden from students until")
    expect(mark).to_be_visible()
    expect(
        page.get_by_role("columnheader", name="Essay").get_by_title("hidden from students")
    ).to_be_visible()
    expect(page.get_by_role("columnheader", name="Quiz").get_by_title("hidden")).to_have_count(0)
    looks_right(page)
    page.get_by_text("How to enter").click()
    expect(page.get_by_text("counted here, and not on their own pages")).to_be_visible()
    page.context.clear_cookies()

    come(page, school, "pam")
    page.get_by_role("link", name="All marks, as of any day").click()
    expect(page.get_by_text("90 %")).to_be_visible()
    expect(page.get_by_role("row", name="Lab")).to_contain_text("none yet")
    expect(page.get_by_text("Essay")).to_have_count(0)
    looks_right(page)
    now = int(time.time())
    push(school, peer, "new_grade", {
        "assessmentid": "Lab", "userid": "n-pam", "points_earned": 6, "hidden": 0, "timemodified": now,
    })  # fmt: skip
    push(school, peer, "new_assessment", {
        "sectionid": "5", "idnumber": "Essay", "name": "Essay", "pointval": 20, "hidden": 0,
        "timemodified": now,
    })  # fmt: skip
    page.reload()
    expect(page.get_by_text("55 %")).to_be_visible()
    expect(page.get_by_role("row", name="Essay")).to_contain_text("9 of 20")
