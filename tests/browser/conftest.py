"""A real Chromium, a served site with an admin, and a signed-in page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.looks import Watched, watched
from tests.helpers.site import Site

CHROMIUM = "/usr/bin/chromium-headless-shell"  # Debian's; `make test` installs it
ADMIN, PASSWORD = "head", "correct horse battery"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served site whose admin has chosen a password."""
    folder = tmp_path_factory.mktemp("school")
    with school_in(folder, "Hill School") as site:
        yield site


def school_in(folder: Path, name: str) -> Site:
    file = folder / "password"
    file.write_text(PASSWORD)
    return Site(folder / "home", "--admin", ADMIN, "--admin-password-file", str(file), name=name)


@pytest.fixture
def page(chromium: Browser, school: Site) -> Iterator[Watched]:
    """A page on which the admin is signed in; it fails the test on any error in its console."""
    context = chromium.new_context(viewport={"width": 1100, "height": 800})
    context.set_default_timeout(20_000)
    opened = watched(context.new_page(), school.wwwroot)
    sign_in(opened.page, school.wwwroot)
    yield opened
    context.close()
    assert not opened.problems


def sign_in(page: Page, wwwroot: str, name: str = ADMIN, password: str = PASSWORD) -> None:
    page.goto(wwwroot + "/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():  # whoever types on types into the page that comes
        page.get_by_role("button", name="Sign in").click()
