"""Printing for a whole section, in the browser, by few clicks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import push, register
from tests.helpers.site import Site

EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "Lovelace"}),
    ("fetch_user", {"idnumber": "2", "username": "bob", "firstname": "Bob", "lastname": "Boole"}),
    ("new_section", {"idnumber": "5", "name": "Biology"}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
    ("new_enrolment", {"sectionid": "5", "userid": "2", "role": "student"}),
    ("new_assessment", {"sectionid": "5", "idnumber": "q", "name": "Quiz", "pointval": 10}),
    ("new_grade", {"assessmentid": "q", "userid": "1", "points_earned": 9}),
)  # fmt: skip


@pytest.mark.requirement("R70", "R78")
def test_a_sections_report_cards_are_printed_by_four_clicks(
    page: Watched, school: Site, tmp_path: Path
) -> None:
    peer = register(school)
    for event, data in EVENTS:
        push(school, peer, event, data)
    seen = page.page
    page.goto("/admin")
    seen.get_by_role("link", name="Sections", exact=True).first.click()
    seen.get_by_role("link", name="Biology").first.click()
    looks_right(seen)
    seen.get_by_role("button", name="Print all progress reports").click()
    expect(seen.get_by_text("2 of 2 students")).to_be_visible()
    looks_right(seen)
    with seen.expect_download() as download:
        seen.get_by_role("link", name="The PDF, of 2 students").click()
    file = tmp_path / "all.pdf"
    download.value.save_as(file)
    text = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, check=True).stdout.decode()  # fmt: skip
    assert [text.count(f"Hill School\n\nProgress report: {name}\n") for name in ("Bob Boole", "Ada Lovelace")] == [1, 1]  # fmt: skip


def test_other_reports_are_chosen_and_issued(page: Watched, school: Site) -> None:
    seen = page.page
    page.goto("/admin/sections/1")
    seen.get_by_role("link", name="Print other reports …").click()
    expect(seen.get_by_label("Of whom")).to_have_value("section:1")
    looks_right(seen)
    seen.get_by_label("Report").select_option(label="Transcript")
    seen.get_by_label("Issue each with a number").check()
    seen.get_by_role("button", name="Print", exact=True).click()
    expect(seen.get_by_role("link", name="The PDF, of 2 students")).to_be_visible()
    looks_right(seen)
    assert [row["number"][4:] for row in school.run("report", "issued")] == ["-000002", "-000001"]
