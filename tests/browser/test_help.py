"""The manual in Chromium: on a phone, at night, by keyboard; from a page to its chapter and on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from schooltool_bridge.web import manual
from tests.browser.looks import Watched, looks_right


# A plain one, tables, long code, and long lines of code.
@pytest.mark.parametrize("path", ["", "/people", "/commands", "/signing-on", "/operating"])
def test_the_manual_looks_right(page: Watched, path: str) -> None:
    page.goto(f"/admin/help{path}")
    looks_right(page.page)


@pytest.mark.parametrize("name", manual.CHAPTERS)
def test_no_chapter_is_wider_than_a_phone(page: Watched, name: str) -> None:
    page.page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/admin/help/{name}")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_help_leads_to_the_chapter_of_a_page_and_on_to_its_parts(page: Watched) -> None:
    page.goto("/admin/key")
    page.page.get_by_role("link", name="Help").click()
    expect(page.page.get_by_role("heading", name="Our own key")).to_be_in_viewport()
    page.page.get_by_role("navigation", name="Contents").get_by_role(
        "link", name="A Mahara"
    ).click()
    expect(page.page.get_by_role("heading", name="A Mahara", exact=True)).to_be_in_viewport()
    page.page.get_by_role("link", name="who is who", exact=True).click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text("Who is who")
