"""Calls and inbox in the browser, with events in them: how they look, and settled by hand."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import PEER, push, register
from tests.helpers.rig import FakePeer
from tests.helpers.site import Site

LONG = "W" * 90
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("new_section", {"idnumber": "5", "name": "Biology"}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
    ("new_enrolment", {"sectionid": LONG, "userid": LONG, "role": "student"}),
    ("new_grade", {"assessmentid": "q", "userid": "1"}),
    ("fetch_user", {"idnumber": "7", "firstname": "<b>Ada</b>", "odd": {"a": [1, 2]}}),
)


@pytest.fixture(scope="module")
def peer(school: Site) -> FakePeer:
    peer = register(school)
    for event, data in EVENTS:
        push(school, peer, event, data)
    return peer


@pytest.mark.usefixtures("peer")
@pytest.mark.parametrize(
    "path",
    [
        "/admin/calls", "/admin/calls?outcome=failed", "/admin/calls/1", "/admin/calls/4",
        "/admin/inbox", f"/admin/inbox?peer={PEER}", "/admin/inbox/1", "/admin/inbox/2",
        "/admin/inbox/3", "/admin/sharing", "/admin/support",
    ],
)  # fmt: skip
def test_pages_full_of_what_came_look_right(page: Watched, path: str) -> None:
    page.goto(path)
    looks_right(page.page)


@pytest.mark.usefixtures("peer")
def test_a_clerk_looks_at_an_event_retries_and_dismisses_it(page: Watched) -> None:
    page.goto("/admin/inbox?status=held")
    row = page.page.get_by_role("row").filter(has_text="person 1 in section Biology (5)")
    row.get_by_role("button", name="Retry").click()
    expect(page.page.get_by_text("is still held: person 1 is not known")).to_be_visible()
    assert page.path == "/admin/inbox?status=held"
    row.get_by_role("link", name="Enrolment").click()
    expect(page.page.get_by_role("heading", name="What was sent")).to_be_visible()
    page.page.get_by_role("button", name="Dismiss").click()
    expect(page.page.get_by_text("is dismissed.")).to_be_visible()
    expect(page.page.get_by_text("person 1 in section Biology (5)", exact=True)).to_have_count(0)


@pytest.mark.usefixtures("peer")
def test_the_bundle_comes_as_a_file(page: Watched) -> None:
    page.goto("/admin/support")
    with page.page.expect_download() as coming:
        page.page.get_by_role("button", name="Download the support bundle").click()
    assert coming.value.suggested_filename.startswith("mnet-peer-")
    assert coming.value.suggested_filename.endswith(".zip")
