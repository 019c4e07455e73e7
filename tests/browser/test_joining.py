"""Two assessments of nearly one name are joined in Chromium, by keyboard alone, and taken apart."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import push, register
from tests.helpers.roaming import app_of
from tests.helpers.site import Site
from tests.schooltool_bridge.web.test_joining_pages import FROM_MOODLE, ITEM, PUSHED, by_hand


def test_joined_by_keyboard_and_taken_apart(page: Watched, school: Site) -> None:
    moodle = register(school)
    for event, data in PUSHED[:3]:
        push(school, moodle, event, data)
    with app_of(school) as app, app.database.write() as connection:
        by_hand(connection, int(app.clock()) - 60)
    for event, data in PUSHED[3:]:
        push(school, moodle, event, data)
    page.goto(f"{ITEM}/{FROM_MOODLE}")
    looks_right(page.page)
    page.page.get_by_label("Made by hand").focus()
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("heading", name="Are these the same?")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_label("Why (for the audit trail)").focus()
    page.page.keyboard.type("the same test")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_text("are one now")).to_be_visible()
    page.goto(f"{ITEM}/{FROM_MOODLE}")
    looks_right(page.page)
    page.page.get_by_role("button", name="Take apart again").click()
    expect(page.page.get_by_text("They are two again")).to_be_visible()
