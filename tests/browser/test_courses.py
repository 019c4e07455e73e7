"""A Moodle's courses in a real browser: how the pages look, and people enrolled and taken out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from schooltool_bridge.store.model import person
from tests.browser.looks import Watched, looks_right
from tests.helpers import roaming
from tests.helpers.course_host import CourseHost, course
from tests.helpers.moodle import Moodle
from tests.helpers.site import Site

LONG = "W" * 90


@pytest.fixture(scope="module")
def host() -> CourseHost:
    host = CourseHost()
    host.courses += [course(9, LONG, LONG, 3, cat_name=LONG, idnumber=LONG)]
    host.enrolled = {2: [("ada", "mnet"), (LONG, "manual")], 9: [("ada", "self")]}
    return host


@pytest.fixture(scope="module")
def courses(school: Site, host: CourseHost) -> Iterator[str]:
    """Where the courses stand."""
    with roaming.app_of(school) as app, app.database.write() as connection:
        for name, email in (("ada", "a@x.org"), ("bob", "b@x.org"), ("cy", ""), (LONG, "l@x.org")):
            connection.execute(
                sa.insert(person).values(
                    username=name, username_key=name.casefold(), firstname=name.capitalize(),
                    lastname="Byron", email=email, can_login=False, created_unix_s=1,
                )
            )  # fmt: skip
    with Moodle(school.wwwroot, school.certificate()) as moodle:
        moodle.scripted = host.scripted
        peer_id = roaming.befriend(school, moodle)
        roaming.set_services(school, peer_id, (), ("mnet_enrol",))
        yield f"/admin/peers/{peer_id}/courses"


@pytest.mark.parametrize("path", ["", "?q=geo", "?q=none", "/2?q=", "/3", "/9?q=nobody"])
def test_pages_about_courses_look_right(page: Watched, courses: str, path: str) -> None:
    page.goto(courses + path)
    expect(page.page.get_by_role("heading", level=1)).not_to_have_text("")
    looks_right(page.page)


def test_an_admin_enrols_two_and_takes_one_out(
    page: Watched, courses: str, host: CourseHost
) -> None:
    browser = page.page
    host.refuses["bob"] = 5019
    page.goto(courses.removesuffix("/courses") + "/enrolment")
    browser.get_by_role("link", name="Courses of Hill Moodle").click()
    browser.get_by_role("link", name="History").click()
    expect(browser.get_by_text("Nobody of ours is in this course.")).to_be_visible()
    browser.get_by_label("Name, user name or ID number").fill("byron")
    browser.get_by_role("button", name="Search").click()
    expect(browser.get_by_label("Cy Byron")).to_be_disabled()
    browser.get_by_label("Ada Byron").check()
    browser.get_by_label("Bob Byron").check()
    browser.get_by_role("button", name="Enrol the chosen").click()
    expect(browser.get_by_role("heading", name="Enrolled: 1 of 2")).to_be_visible()
    looks_right(browser)
    browser.get_by_role("link", name="Back to the course").click()
    browser.get_by_label("Choose Ada Byron").check()
    browser.get_by_role("button", name="Take the chosen out").click()
    expect(browser.get_by_text("Ada Byron: Taken out.")).to_be_visible()
    expect(browser.get_by_text("Nobody of ours is in this course.")).to_be_visible()
    assert host.enrolled[3] == []


def test_a_moodle_that_offers_nothing_says_what_to_tick(
    page: Watched, courses: str, host: CourseHost
) -> None:
    kept, host.courses = host.courses, []
    page.goto(courses)
    expect(page.page.get_by_text("It offers no courses to this site yet")).to_be_visible()
    looks_right(page.page)
    host.courses = kept
