"""An admin connects a Moodle in the browser, breaks it in eight ways and reads what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from keys.keypair import generate
from peers.typed import as_openssl_prints
from tests.browser.looks import Watched, looks_right
from tests.helpers.moodle import TICKED, Moodle
from tests.helpers.site import Site
from tests.php_peer.runner import PhpPeer

DAY_S = 24 * 3600


@pytest.fixture
def moodle(school: Site) -> Iterator[Moodle]:
    with Moodle(school.wwwroot, school.certificate()) as moodle:
        yield moodle


def add(
    page: Watched, wwwroot: str, fingerprint: str, name: str, *, check_looks: bool = False
) -> None:
    """Go through the first three steps."""
    browser = page.page
    page.goto("/admin")
    browser.get_by_role("link", name="Add a peer").first.click()
    browser.get_by_label("Address of the other site").fill(wwwroot)
    if check_looks:
        looks_right(browser)
    browser.get_by_role("button", name="Look there").first.click()
    expect(browser.get_by_role("heading", name="Is it the right one?")).to_be_visible()
    expect(browser.get_by_role("definition").filter(has_text=name).first).to_be_visible()
    shown = browser.locator(".fingerprint").first.text_content() or ""
    assert shown.strip() == as_openssl_prints(fingerprint)
    if check_looks:
        looks_right(browser)
    if check_looks:
        browser.get_by_label("What the other site shows").fill("SHA256 Fingerprint=" + shown)
    else:
        browser.get_by_label("I compared it; it is the right one.").check()
    browser.get_by_role("button", name="Register it").click()
    expect(browser.get_by_role("heading", name=f"Services of {name}")).to_be_visible()
    if check_looks:
        looks_right(browser)


def only_data(page: Watched) -> None:
    """Choose the SIS's own service, by single boxes."""
    browser = page.page
    browser.get_by_label("Both ways", exact=False).first.check()
    jumping = browser.get_by_label("Publish SSO (Identity Provider)")
    expect(jumping).to_be_checked()  # a preset ticks what it means
    boxes = browser.get_by_role("checkbox")
    for each in boxes.all():
        each.uncheck()
    expect(browser.get_by_label("Custom")).to_be_checked()
    for box in ("Publish schooltool (SchoolTool)", "Subscribe to schooltool (SchoolTool)"):
        browser.get_by_label(box).check()
    browser.get_by_role("button", name="Go on").click()
    expect(browser.get_by_role("heading", name="What the other side has to do")).to_be_visible()


def verify(page: Watched) -> str:
    """Verify and return the heading of the result."""
    browser = page.page
    browser.get_by_role("button", name="Verify").click()
    expect(browser.get_by_text("Verified.")).to_be_visible()
    return browser.locator("#result").text_content() or ""


def remedy(page: Watched, step: str) -> str:
    """What a failed step advises."""
    row = page.page.locator(".checks li.bad").filter(has_text=step)
    return row.locator(".remedy").first.text_content() or ""


def test_a_second_site_of_ours_is_added_verified_and_switched_on(
    page: Watched, school: Site, tmp_path: Path
) -> None:
    browser = page.page
    with Site(tmp_path / "other", name="Other <b>School</b>") as other:
        key = other.run("key", "show")["fingerprint"]
        add(page, other.wwwroot, key, "Other <b>School</b>", check_looks=True)
        browser.get_by_label("Users come from Moodle").check()
        browser.get_by_role("button", name="Go on").click()
        boxes = browser.get_by_role("region", name="Boxes to tick there")
        expect(boxes.get_by_role("row").filter(has_text="SSO (Identity Provider)")).to_contain_text(
            "tick"
        )
        expect(browser.get_by_role("main")).to_contain_text(school.wwwroot)
        assert verify(page) == "Something needs a hand"
        assert f"add exactly {school.wwwroot} " in remedy(page, "Sealed round trip")
        looks_right(browser)
        other.run("peer", "add", school.wwwroot, "--yes")
        other.run("peer", "services", school.wwwroot, "--publish", "schooltool,sso_idp",
                  "--subscribe", "schooltool,sso_sp")  # fmt: skip
        assert verify(page) == "All is well"
        browser.get_by_role("button", name="Switch on").click()
        expect(browser.get_by_text("is switched on.")).to_be_visible()
        looks_right(browser)
        listed = {p["wwwroot"]: p for p in school.run("peer", "list")}[other.wwwroot]
        assert listed["state"] == "enabled"
        assert listed["published"] == ["schooltool", "sso_sp"]
        page.goto("/admin")
        card = browser.get_by_role("region", name="Other <b>School</b>")
        expect(card).to_contain_text("switched on")
        looks_right(browser)
    # It has ended: nobody listens at its port any more.
    browser.get_by_role("link", name="Other <b>School</b>").click()
    browser.get_by_role("link", name="Verify").first.click()
    assert verify(page) == "Something needs a hand"
    assert "port" in remedy(page, "TCP")


BREAKS: list[tuple[str, Callable[[Moodle], None], str, str]] = [
    # what is broken, how, the step that says so, what it advises
    ("an HTML answer", lambda m: setattr(m, "body", b"<!DOCTYPE html><html>"), "XML-RPC", "tick Networking"),
    ("a wrong certificate",
     lambda m: setattr(m, "keyswap", generate(m.wwwroot, "x", int(time.time())).certificate_pem),
     "Key", "still proves itself"),
    ("one service unticked", lambda m: setattr(m, "services", [{**TICKED[0], "subscribe": "0"}]),
     "Services", "tick Subscribe for schooltool"),
    ("its clock off", lambda m: setattr(m, "clock_ahead_s", 40), "Clock", "NTP"),
    ("our address wrong there", lambda m: setattr(m, "knows_us", False), "Sealed round trip", "add exactly"),
]  # fmt: skip


@pytest.mark.requirement("R11", "R12")
def test_a_moodle_is_broken_in_many_ways_configured_removed_and_taken_up_again(
    page: Watched, school: Site, moodle: Moodle
) -> None:
    browser = page.page
    add(page, moodle.wwwroot, moodle.fake.pair.fingerprint, "Moodle")
    only_data(page)
    assert verify(page) == "All is well"
    browser.get_by_role("button", name="Switch on").click()
    here = page.path
    whole = {
        name: getattr(moodle, name)
        for name in ("body", "keyswap", "services", "clock_ahead_s", "knows_us")
    }
    for what, change, step, advice in BREAKS:
        change(moodle)
        page.goto(f"{here}/verify")
        assert verify(page) == "Something needs a hand", what
        assert advice in remedy(page, step), what
        for name, value in whole.items():
            setattr(moodle, name, value)
    page.goto("/admin/notices")
    expect(browser.get_by_role("main")).to_contain_text(moodle.wwwroot)
    page.goto(here)
    browser.get_by_role("button", name="Switch off").click()
    expect(browser.get_by_text("Its events are refused").first).to_be_visible()
    page.goto(f"{here}/verify")
    assert verify(page) == "Something needs a hand"
    assert "peer enable" in remedy(page, "Switched on here")
    page.goto(here)
    browser.get_by_role("button", name="Switch on").click()

    configure(page, here)
    policy = school.run("peer", "policy", moodle.wwwroot)
    assert policy["match_username"] is True
    assert policy["roles"] == {"editingteacher": "teacher", "nonediting": "teacher"}
    assert policy["out_of_range"] == "clamp"
    assert policy["accept_people"] is True

    for last in ("addresses", "remove"):
        page.goto(f"{here}/{last}")
        looks_right(browser)
    browser.get_by_label("To be sure, type its address").fill("no")
    browser.get_by_role("button", name="Remove it").click()
    expect(browser.get_by_role("alert")).to_contain_text("type the address exactly")
    page.problems.clear()  # that answer was a 400, as it should be
    browser.get_by_label("To be sure, type its address").fill(moodle.wwwroot)
    browser.get_by_role("button", name="Remove it").click()
    expect(browser.get_by_text("is removed.")).to_be_visible()
    assert moodle.wwwroot not in [p["wwwroot"] for p in school.run("peer", "list")]

    browser.get_by_role("link", name="Add a peer").first.click()
    browser.get_by_label("Address of the other site").fill(moodle.wwwroot)
    browser.get_by_role("button", name="Look there").first.click()
    expect(browser.get_by_text("This site was a peer before.")).to_be_visible()
    browser.get_by_label("I compared it; it is the right one.").check()
    browser.get_by_role("button", name="Register it").click()
    expect(browser.get_by_role("heading", name="Services of Moodle")).to_be_visible()
    assert page.path.split("/")[3] == here.split("/")[3], "it comes back under its old id"


def configure(page: Watched, here: str) -> None:
    """Set something on each of the three screens."""
    browser = page.page
    page.goto(f"{here}/signing-on")
    looks_right(browser)
    browser.get_by_label("Match by user name").check()
    browser.get_by_role("button", name="Save").click()
    expect(browser.get_by_text("Saved for")).to_be_visible()
    page.goto(f"{here}/enrolment")
    looks_right(browser)
    browser.get_by_label("Roles").fill("editingteacher=teacher\nnonediting=teacher")
    browser.get_by_role("button", name="Save").click()
    expect(browser.get_by_text("Saved for")).to_be_visible()
    page.goto(f"{here}/grades")
    looks_right(browser)
    browser.get_by_label("Cut to the range").check()
    browser.get_by_role("button", name="Save").click()
    expect(browser.get_by_text("Saved for")).to_be_visible()


def test_an_expired_key_and_a_pasted_certificate(
    page: Watched, school: Site, moodle: Moodle
) -> None:
    browser = page.page
    moodle.fake.pair = generate(moodle.wwwroot, "Moodle", int(time.time()) - 400 * DAY_S)
    page.goto("/admin/peers/add")
    browser.get_by_label("Address of the other site").fill(moodle.wwwroot)
    browser.get_by_text("It cannot be asked, or is no Moodle").click()
    browser.get_by_label("Its certificate, when fetching").fill(moodle.fake.pair.certificate_pem)
    browser.get_by_role("button", name="Look there").first.click()
    expect(browser.get_by_text("Its certificate has ended.")).to_be_visible()
    browser.get_by_label("I compared it; it is the right one.").check()
    browser.get_by_role("button", name="Register it").click()
    only_data(page)
    assert verify(page) == "Something needs a hand"
    assert "Delete key" in remedy(page, "Certificate")
    browser.get_by_role("button", name="Switch on anyway").click()
    expect(browser.get_by_text("is switched on.")).to_be_visible()
    new = moodle.fake.pair = generate(moodle.wwwroot, "Moodle", int(time.time()))
    browser.get_by_role("link", name="Verify").first.click()
    verify(page)
    browser.get_by_role("link", name="Overview").click()
    expect(browser.get_by_role("heading", name="A new key waits")).to_be_visible()
    looks_right(browser)
    browser.get_by_label("I compared it; the new key is really theirs.").check()
    browser.get_by_role("button", name="Believe the new key").click()
    expect(browser.get_by_text("is now known by its new key.")).to_be_visible()
    listed = {p["wwwroot"]: p for p in school.run("peer", "list")}[moodle.wwwroot]
    assert listed["fingerprint"] == new.fingerprint


def test_a_php_peer_is_added_and_verified(page: Watched, school: Site, tmp_path: Path) -> None:
    with PhpPeer(tmp_path / "php", "moodle-new") as php:
        php.do("add", school.wwwroot)
        page.goto("/admin/peers/add")
        expect(page.page.locator("#waiting")).to_contain_text(php.wwwroot)
        looks_right(page.page)
        add(page, php.wwwroot, php.do("fingerprint"), "PHP & peer")
        only_data(page)
        assert verify(page) == "All is well"
        page.page.get_by_role("button", name="Switch on").click()
        answer: Any = php.do(
            "call",
            school.wwwroot,
            "schooltool/sis.php/new_section",
            [{"name": "Biology", "idnumber": "77"}],
            {},
        )
        assert answer["status"] == "created"


def test_where_nobody_answers_nothing_is_added(page: Watched, school: Site) -> None:
    browser = page.page
    page.goto("/admin/peers/add")
    browser.get_by_label("Address of the other site").fill("http://127.0.0.1:1")
    browser.get_by_role("button", name="Look there").first.click()
    expect(browser.get_by_role("alert")).to_contain_text("No connection")
    page.problems.clear()  # that answer was a 400, as it should be
    assert "http://127.0.0.1:1" not in [p["wwwroot"] for p in school.run("peer", "list")]
