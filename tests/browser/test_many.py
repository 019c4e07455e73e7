"""Everyday work on many at once, as a clerk does it: in how many clicks, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from schooltool_bridge.hand import people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, years
from tests.browser.looks import Watched, looks_right
from tests.helpers.rig import START_UNIX_S
from tests.helpers.roaming import app_of
from tests.helpers.site import Site

AUTHOR = Author("anna", START_UNIX_S)
SECTIONS, PUPILS = 40, 25


@dataclass
class Clicks:
    """Clicks on a page, counted; typing is none."""

    page: Page
    count: int = 0

    def on(self, what: Locator) -> None:
        what.click()
        self.count += 1

    def link(self, name: str) -> None:
        self.on(self.page.get_by_role("link", name=name, exact=True))

    def button(self, name: str) -> None:
        self.on(self.page.get_by_role("button", name=name))


@pytest.fixture(scope="module", autouse=True)
def filled(school: Site) -> None:
    """Forty sections of ten courses wait to be filed; a class of pupils is in none."""
    with app_of(school) as app, app.database.write() as connection:
        for number in range(10):
            courses.add(connection, AUTHOR, code=f"C{number}", title=f"Subject {number}")
        names = [(f"Subject {n % 10} – group {n // 10}", f"C{n % 10}-{n}") for n in range(SECTIONS)]
        sections.add_all(connection, AUTHOR, names)
        today = datetime.fromtimestamp(app.clock(), UTC).date()
        first, last = today - timedelta(100), today + timedelta(100)
        year = years.add_year(connection, AUTHOR, title="Now", first_day=first, last_day=last)
        years.add_term(
            connection, AUTHOR, year_id=year, title="This term", first_day=first, last_day=last
        )
        people.add_all(
            connection,
            AUTHOR,
            [Names(f"pupil{n}", f"Pia{n}", "Pupil", f"P-{n}") for n in range(PUPILS)],
        )


@pytest.mark.requirement("R43")
def test_forty_sections_are_filed_in_a_few_clicks(page: Watched) -> None:
    page.goto("/admin")
    clicks = Clicks(page.page)
    clicks.link("Sections to file under a term")
    looks_right(page.page)
    clicks.on(page.page.get_by_label("All on this page"))
    expect(page.page.get_by_label("Tick Subject 3 – group 2, segment 1")).to_be_checked()
    clicks.button("Suggest each one's course …")
    looks_right(page.page)
    clicks.button("File them")
    expect(page.page.get_by_text(f"{SECTIONS} sections filed in This term, Now.")).to_be_visible()
    assert clicks.count <= 12


@pytest.mark.requirement("R60")
def test_a_class_is_enrolled_from_a_pasted_list_in_a_few_clicks(
    page: Watched, school: Site
) -> None:
    with app_of(school) as app, app.database.write() as connection:
        sections.add(connection, AUTHOR, "Choir")
        for name in ("choirmaster", "choirboy"):
            people.add(connection, AUTHOR, Names(name, "Sam", "Singer", name))
    page.goto("/admin")
    clicks = Clicks(page.page)
    clicks.link("Sections")
    page.page.get_by_label("Name or ID number").fill("choir")
    clicks.button("Show")
    clicks.link("Choir")
    clicks.link("Put people in")
    lines = [f"P-{n}" for n in range(PUPILS)]
    page.page.get_by_label("A list: one person a line").fill(
        "\n".join([*lines, "Sam Singer", "W" * 90])
    )
    clicks.button("Show who that is")
    expect(page.page.get_by_role("heading", name="1 line fits nobody")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_label("Sam Singer").select_option(label="Sam Singer, choirboy, choirboy")
    clicks.button("Put the ticked people in")
    expect(page.page.get_by_text(f"{PUPILS + 1} people are put in.")).to_be_visible()
    expect(page.page.get_by_role("row")).to_have_count(PUPILS + 2)
    assert clicks.count <= 8
