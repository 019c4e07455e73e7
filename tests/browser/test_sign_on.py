"""In Chromium: a Moodle's user is refused, let in, goes back, signs out; one of ours goes over."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from peers import store
from tests.browser.looks import looks_right
from tests.helpers.moodle import Moodle
from tests.helpers.roaming import TERESA, app_of, befriend, person_id, set_right, sha1, soon
from tests.helpers.site import Site
from tests.schooltool_bridge.sign_on.test_roaming import PASSWORD, pupil

BOTH = ("schooltool", "sso_idp", "sso_sp")


@pytest.fixture(scope="module")
def moodle(school: Site) -> Iterator[Moodle]:
    with app_of(school) as app:
        pem = app.custody.keyring().certificate_pem
    with Moodle(school.wwwroot, pem) as moodle:
        peer_id = befriend(school, moodle)
        with app_of(school) as app, app.database.write() as connection:
            store.set_services(connection, peer_id, publish=BOTH, subscribe=BOTH)
        school.wait_until_seen()
        yield moodle


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def come(page: Page, school: Site, moodle: Moodle, name: str) -> None:
    """Follow the Moodle's link, in the browser's own name."""
    agent = page.evaluate("navigator.userAgent")
    token = secrets.token_hex(20)
    user = {**TERESA, "username": name, "firstname": f"<i>{name}</i>"}
    moodle.visits[token] = (sha1(agent), user)
    query = urlencode({"token": token, "idp": moodle.wwwroot, "wantsurl": "/me"})
    page.goto(f"{school.wwwroot}/auth/mnet/land.php?{query}")


def test_a_moodles_user_is_refused_let_in_goes_back_and_signs_out(
    school: Site, moodle: Moodle, visitor: Page
) -> None:
    come(visitor, school, moodle, "teresa")
    expect(visitor.get_by_role("heading", name="Hello <i>teresa</i> Ōquist")).to_be_visible()
    expect(visitor.get_by_text("Please ask the school office")).to_be_visible()
    looks_right(visitor)
    set_right(school, person_id(school, "teresa"))
    come(visitor, school, moodle, "teresa")
    expect(visitor).to_have_url(school.wwwroot + "/me")
    expect(visitor.get_by_text("You have logged in from Hill Moodle")).to_be_visible()
    looks_right(visitor)
    back = visitor.get_by_role("link", name="Hill Moodle")
    assert back.get_attribute("href") == moodle.wwwroot
    # Somebody else comes in the same browser: a question first.
    come(visitor, school, moodle, "tom")
    set_right(school, person_id(school, "tom"))
    come(visitor, school, moodle, "tom")
    expect(visitor.get_by_role("heading", name="Who is there?")).to_be_visible()
    looks_right(visitor)
    visitor.get_by_role("button", name="Go on as <i>tom</i> Ōquist").click()
    expect(visitor.get_by_role("heading", name="<i>tom</i> Ōquist")).to_be_visible()
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_text("You are signed out here and at Hill Moodle.")).to_be_visible()
    agent = visitor.evaluate("navigator.userAgent")
    soon(lambda: ("kill_children", ["tom", sha1(agent)]) in moodle.calls)
    visitor.goto(school.wwwroot + "/me")
    expect(visitor.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    looks_right(visitor)


def test_one_of_ours_signs_in_on_the_way_to_the_moodle(
    school: Site, moodle: Moodle, visitor: Page
) -> None:
    pupil(school, "ursula")
    visitor.goto(f"{school.wwwroot}/auth/mnet/jump.php?hostwwwroot={moodle.wwwroot}&wantsurl=/my/")
    expect(visitor.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    looks_right(visitor)
    visitor.get_by_label("User name").fill("ursula")
    visitor.get_by_label("Password").fill("wrong")
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.get_by_role("alert")).to_contain_text("do not fit")
    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.get_by_role("button", name="Sign in").click()
    # Over the page between, without a click: a form alone may not lead to another site.
    visitor.wait_for_url(moodle.wwwroot + "/**")
    brought = parse_qs(urlsplit(visitor.url).query)
    assert urlsplit(visitor.url).path == "/auth/mnet/land.php"
    assert (brought["idp"], brought["wantsurl"]) == ([school.wwwroot], ["/my/"])
    visitor.goto(school.wwwroot + "/me")
    expect(visitor.get_by_role("heading", name="Network servers")).to_be_visible()
    looks_right(visitor)
    visitor.get_by_role("link", name="Hill Moodle").click()
    visitor.wait_for_url(moodle.wwwroot + "/**")
