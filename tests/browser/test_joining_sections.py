"""A section made here and a Moodle's are looked at, made one and taken apart, in Chromium."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import push, register
from tests.helpers.roaming import app_of
from tests.helpers.site import Site
from tests.schooltool_bridge.web.test_same_sections_pages import BROUGHT, SAME, made_here


def test_made_one_and_two_again(page: Watched, school: Site) -> None:
    moodle = register(school)
    for event, data in BROUGHT:
        push(school, moodle, event, data)
    with app_of(school) as app, app.database.write() as connection:
        section_id = made_here(connection, int(app.clock()) - 60)
    page.goto(SAME)
    looks_right(page.page)
    page.page.get_by_role("checkbox").first.check()
    page.page.get_by_role("button", name="See what it would do").click()
    expect(page.page.get_by_text("It is worth 10 points here and 20 there")).to_be_visible()
    page.page.get_by_role("button", name="Yes, make them one").click()
    expect(page.page.get_by_text("1 section is one with the Moodle's now.")).to_be_visible()
    page.goto(f"/admin/sections/{section_id}/settings")
    looks_right(page.page)
    page.page.get_by_text("Take it apart").click()
    page.page.get_by_role("button", name="Take them apart").click()
    expect(page.page.get_by_text("They are two again.")).to_be_visible()
