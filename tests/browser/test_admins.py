"""Admins in the browser: the first sign-in by keyboard, accounts, the trail; every page's looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from mnet import settings
from schooltool_bridge.server.app import App
from schooltool_bridge.web.pages import frame_of
from tests.browser.conftest import ADMIN, PASSWORD, sign_in
from tests.browser.looks import DESK, Watched, looks_right, watched
from tests.helpers.site import Site

CHOSEN = "seven quiet green hills"
HOSTILE = "Zoë <script>alert(1)</script> & 'Co'"


@pytest.fixture
def stranger(chromium: Browser, school: Site) -> Iterator[Watched]:
    """A page on which nobody is signed in."""
    context = chromium.new_context(viewport={"width": DESK, "height": 800})
    context.set_default_timeout(20_000)
    opened = watched(context.new_page(), school.wwwroot)
    yield opened
    context.close()
    assert not opened.problems


def type_in(page: Page, *texts: str) -> None:
    """Type into one field after the other as somebody without a mouse, and send."""
    for number, text in enumerate(texts):
        if number:
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")


def focused(page: Page) -> str:
    name: str = page.evaluate("document.activeElement.name || ''")
    return name


def test_the_first_sign_in_needs_no_mouse(stranger: Watched, school: Site) -> None:
    made = school.run("admin", "add", "new clerk", "--role", "clerk")["one_time_password"]
    page = stranger.page
    stranger.goto("/admin")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    looks_right(page)
    page.reload()
    assert focused(page) == "username"
    type_in(page, "new clerk", made)
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    assert focused(page) == "old_password"
    type_in(page, made, CHOSEN, CHOSEN)
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    looks_right(page)
    tabs = page.get_by_role("banner")
    expect(tabs.get_by_role("link", name="Network")).to_be_visible()
    tabs.get_by_role("link", name="System").click()
    expect(tabs.get_by_role("link", name="Notices")).to_be_visible()
    expect(tabs.get_by_role("link", name="Accounts")).to_have_count(0)
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.go_back()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_password_says_so_where_it_is_heard(stranger: Watched) -> None:
    page = stranger.page
    sign_in(page, stranger.base, "nobody here", "a wrong password")
    expect(page.get_by_role("alert")).to_contain_text("That user name and password do not fit")
    assert focused(page) == "password"
    expect(page.get_by_label("User name")).to_have_value("nobody here")
    looks_right(page)
    assert any("403" in problem for problem in stranger.problems)
    stranger.problems.clear()  # that answer was a 403, as it should be


def test_a_manager_looks_after_accounts(page: Watched, chromium: Browser, school: Site) -> None:
    browser = page.page
    page.goto("/admin/accounts")
    browser.get_by_label("User name").fill(HOSTILE)
    browser.get_by_label("Role", exact=True).select_option("clerk")
    browser.get_by_role("button", name="Add and show a password").click()
    card = browser.get_by_role("status").filter(has_text=f"A password for {HOSTILE}")
    made = card.locator("code").text_content() or ""
    assert len(made) == 23
    looks_right(browser)

    other = chromium.new_context()
    others = watched(other.new_page(), school.wwwroot)
    sign_in(others.page, school.wwwroot, HOSTILE, made)
    expect(others.page.get_by_role("heading", name="Choose your own password")).to_be_visible()

    role = browser.get_by_label(f"Role of {HOSTILE}")
    role.select_option("manager")
    row = browser.get_by_role("row").filter(has=role)
    row.get_by_role("button", name="Set").click()
    expect(browser.get_by_text("has another role now.")).to_be_visible()
    assert {a["name"]: a["role"] for a in school.run("admin", "list")}[HOSTILE] == "manager"
    row.get_by_role("button", name="New password").click()
    expect(card.locator("code")).not_to_have_text(made)
    others.goto("/admin/password")
    expect(others.page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.close()
    row.get_by_role("button", name="Remove").click()
    expect(browser.get_by_text("is removed.")).to_be_visible()
    assert HOSTILE not in {a["name"] for a in school.run("admin", "list")}

    browser.get_by_role("link", name="Audit").click()
    browser.get_by_label("About").fill(HOSTILE)
    browser.get_by_role("button", name="Show").click()
    deeds = browser.locator("tbody tr td:nth-child(3)").all_text_contents()
    assert deeds == [
        "account removed",
        "password reset",
        "role changed",
        "signed in",
        "account added",
    ]
    expect(browser.locator("tbody tr").first).to_contain_text(ADMIN)
    looks_right(browser)


def test_a_question_that_is_answered_no_changes_nothing(page: Watched, school: Site) -> None:
    school.run("admin", "add", "stays", "--role", "clerk")
    browser = page.page.context.new_page()
    asked: list[str] = []

    def say_no(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    browser.on("dialog", say_no)
    browser.goto(page.base + "/admin/accounts")
    row = browser.get_by_role("row").filter(has=browser.get_by_label("Role of stays"))
    row.get_by_role("button", name="Remove").click()
    assert asked == ["Remove the account stays?"]
    assert "stays" in {a["name"] for a in school.run("admin", "list")}


def test_everything_works_without_scripts(chromium: Browser, school: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, school.wwwroot)
    page.goto(school.wwwroot + "/admin/accounts")
    page.get_by_label("User name").fill("no script")
    page.get_by_label("Role", exact=True).select_option("clerk")
    page.get_by_role("button", name="Add and show a password").click()
    expect(page.get_by_role("heading", name="A password for no script")).to_be_visible()
    page.get_by_role("row").filter(has=page.get_by_label("Role of no script")).get_by_role(
        "button", name="Remove"
    ).click()
    expect(page.get_by_text("no script is removed.")).to_be_visible()
    context.close()


def pages_of(home: Path) -> list[str]:
    """Every page that is shown without further words, also those that are added later."""
    with App(settings.read(home)) as app:
        routes = frame_of(app).routes
    return sorted(r.rule for r in routes if "GET" in r.methods and "<" not in r.rule)


def test_every_page_is_quiet_and_usable_by_everybody(page: Watched, school: Site) -> None:
    looked_at = 0
    for path in pages_of(school.home):
        answer = page.page.request.get(page.base + path, max_redirects=0)
        # A download or a redirect has no looks; 404 needs to be asked about something.
        if answer.status != 200 or "attachment" in answer.headers.get("content-disposition", ""):
            continue
        page.goto(path)
        assert page.path == path
        looks_right(page.page)
        assert page.problems == [], path
        looked_at += 1
    assert looked_at >= 8


def test_what_is_not_there_and_not_allowed_looks_right_too(stranger: Watched, school: Site) -> None:
    made = school.run("admin", "add", "tina", "--role", "clerk")["one_time_password"]
    page = stranger.page
    sign_in(page, stranger.base, "tina", made)
    type_in(page, made, PASSWORD + "!", PASSWORD + "!")
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    for path, heading in (("/nothing", "Nothing here"), ("/admin/accounts", "Not for you")):
        stranger.goto(path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        looks_right(page)
    assert len(stranger.problems) == 2
    stranger.problems.clear()  # a 404 and a 403, as they should be
