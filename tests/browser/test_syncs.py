"""Full syncs and the Moodle plugin in a real browser: the first transfer, a look, a confirmation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Watched, looks_right
from tests.helpers import roaming
from tests.helpers.listing import Lister
from tests.helpers.moodle import Moodle
from tests.helpers.site import Site

PEOPLE = 30
LONG = "W" * 90
# What came is judged only by a walk that begins later.
A_MOMENT_S = 1.1


@pytest.fixture(scope="module")
def lister() -> Lister:
    lister = Lister(time.time)
    lister.small_school(PEOPLE)
    lister.data["users"][0]["lastname"] = LONG
    return lister


@pytest.fixture(scope="module")
def syncs(school: Site, lister: Lister) -> Iterator[str]:
    """The address of a Moodle's page about full syncs."""
    with Moodle(school.wwwroot, school.certificate()) as moodle:
        moodle.scripted = lister.scripted
        peer_id = roaming.befriend(school, moodle)
        roaming.set_services(school, peer_id, ("schooltool",), ("schooltool",))
        yield f"/admin/peers/{peer_id}/sync"


@pytest.mark.requirement("R80", "R83")
def test_a_transfer_begins_with_one_button_and_what_is_missing_waits_for_a_tick(
    page: Watched, syncs: str, lister: Lister
) -> None:
    browser = page.page
    page.goto(syncs)
    looks_right(browser)
    browser.get_by_role("button", name="Begin the first transfer").click()
    expect(browser.get_by_text("done", exact=True)).to_be_visible(timeout=60_000)
    expect(browser.get_by_text("First2 Last2").first).to_be_visible()
    looks_right(browser)
    time.sleep(A_MOMENT_S)
    for number in range(2, 12):
        lister.drop("enrolments", userid=f"u{number}", sectionid="s1")
    page.goto(syncs)
    browser.get_by_role("button", name="Run one now").click()
    expect(browser.get_by_text("It waits for you")).to_be_visible(timeout=60_000)
    looks_right(browser)
    browser.get_by_label("I looked at it: 10 withdrawn").check()
    browser.get_by_role("button", name="Confirm").click()
    expect(browser.get_by_text("done", exact=True)).to_be_visible(timeout=60_000)
    page.goto(syncs)
    expect(browser.get_by_text("10 withdrawn").first).to_be_visible()
    looks_right(browser)
    page.goto("/admin")
    expect(browser.get_by_text("Full sync")).to_be_visible()
    looks_right(browser)


def test_the_plugin_is_downloaded_and_is_what_the_page_says(page: Watched, tmp_path: Path) -> None:
    browser = page.page
    page.goto("/admin/help")
    browser.get_by_role("link", name="Download the Moodle plugin").click()
    looks_right(browser)
    with browser.expect_download() as download:
        browser.get_by_role("link", name="Download local_schooltool").click()
    file = tmp_path / "plugin.zip"
    download.value.save_as(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest in "".join(browser.locator("main").inner_text().split())
