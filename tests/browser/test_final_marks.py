"""Closing a term and issuing a transcript in the browser: how it looks, and done by hand."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import push, register
from tests.helpers.site import Site

EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "Lovelace"}),
    ("fetch_user", {"idnumber": "2", "username": "bob", "firstname": "Bob", "lastname": "W" * 60}),
    ("new_section", {"idnumber": "5", "name": "Biology " + "W" * 90}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
    ("new_enrolment", {"sectionid": "5", "userid": "2", "role": "student"}),
    ("new_assessment", {"sectionid": "5", "idnumber": "q", "name": "Quiz", "pointval": 10}),
    ("new_grade", {"assessmentid": "q", "userid": "1", "points_earned": 9}),
)  # fmt: skip


def test_a_term_is_closed_and_a_transcript_issued(page: Watched, school: Site) -> None:
    peer = register(school)
    for event, data in EVENTS:
        push(school, peer, event, data)
    school.run("year", "add", "2026/27", "--first", "2026-09-01", "--last", "2027-07-02")
    school.run("term", "add", "Autumn", "--year", "2026/27", "--first", "2026-09-01", "--last", "2026-12-20")  # fmt: skip
    school.run("course", "add", "BIO-1", "Biology")
    school.run("section", "file", "5", "--course", "BIO-1", "--term", "Autumn")

    seen = page.page
    page.goto("/admin/school/terms/1")
    looks_right(seen)
    seen.get_by_label("The marks are written by").select_option(label="Letter grades")
    seen.get_by_role("button", name="Close it …").click()
    expect(seen.get_by_text("2 final marks of 2 students in 1 section")).to_be_visible()
    looks_right(seen)
    seen.get_by_role("button", name="Yes, close it").click()
    expect(seen.get_by_text("2 final marks stored.")).to_be_visible()

    push(school, peer, "new_grade", {"assessmentid": "q", "userid": "1", "points_earned": 5})
    page.goto("/admin/school/terms/1/final")
    looks_right(seen)
    page.goto("/admin/sections/1/final")
    looks_right(seen)
    seen.get_by_label("Accept F (50 %) for Lovelace, Ada").check()
    seen.get_by_label("Why (it stays in the records)").first.fill("the first was a slip")
    seen.get_by_role("button", name="Accept the ticked").click()
    expect(seen.get_by_text("1 final mark changed.")).to_be_visible()

    push(school, peer, "fetch_user", {"idnumber": "3", "username": "cem", "firstname": "Cem", "lastname": "C"})  # fmt: skip
    push(school, peer, "new_enrolment", {"sectionid": "5", "userid": "3", "role": "student"})
    page.goto("/admin/school/terms/1/final")
    looks_right(seen)
    page.goto("/admin/sections/1/final")
    expect(seen.get_by_role("heading", name="1 student joined since it was closed")).to_be_visible()
    looks_right(seen)
    seen.get_by_role("button", name="Store their marks …").click()
    looks_right(seen)
    seen.get_by_role("button", name="Yes, store them").click()
    expect(seen.get_by_text("1 final mark stored.")).to_be_visible()

    page.goto("/admin/people/1/transcript")
    looks_right(seen)
    seen.get_by_role("button", name="Issue …").click()
    looks_right(seen)
    seen.get_by_role("button", name="Yes, issue it").click()
    with seen.expect_download() as printed:
        seen.get_by_role("link", name="Print again").click()
    looks_right(seen)
    page.goto("/admin/reports/issued")
    looks_right(seen)
    seen.get_by_label("The PDF").set_input_files(printed.value.path())
    seen.get_by_role("button", name="Check").click()
    expect(seen.get_by_role("heading", name="Issued here, and unchanged")).to_be_visible()
    looks_right(seen)
