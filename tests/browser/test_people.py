"""The school's people in Chromium: found, given rights by ticking, and one looked at."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Watched, looks_right
from tests.helpers.pushing import PEER, push, register
from tests.helpers.rig import FakePeer
from tests.helpers.roaming import app_of, person_id, set_services
from tests.helpers.site import Site

LONG = "W" * 90
BOTH = ("schooltool", "sso_idp", "sso_sp")


@pytest.fixture(scope="module")
def peer(school: Site) -> FakePeer:
    peer = register(school)
    with app_of(school) as app:
        found = app.registry.find(PEER)
        assert found is not None
    set_services(school, found.id, BOTH, BOTH)
    push(school, peer, "new_section", {"idnumber": "5", "name": "Biology"})
    for n, (first, role) in enumerate((("Ada", "teacher"), ("<b>Bo</b>", "student"), (LONG, ""))):
        user = {
            "idnumber": f"n{n}",
            "username": f"user{n}",
            "firstname": first,
            "lastname": LONG[:n],
        }
        push(school, peer, "fetch_user", {**user, "email": ""})
        if role:
            data = {"sectionid": "5", "userid": f"n{n}", "role": role}
            push(school, peer, "new_enrolment", data)
    return peer


@pytest.mark.usefixtures("peer")
def test_the_pages_about_people_look_right(page: Watched, school: Site) -> None:
    for path in (
        "/admin/people", "/admin/people?search=nobody", "/admin/peers/1/signing-on",
        f"/admin/people/{person_id(school, 'user1')}", f"/admin/people/{person_id(school, 'user2')}",
    ):  # fmt: skip
        page.goto(path)
        looks_right(page.page)


@pytest.mark.usefixtures("peer")
def test_a_list_is_sorted_by_a_press_its_columns_chosen_and_printed(page: Watched) -> None:
    window = page.page
    page.goto("/admin/people")
    window.get_by_role("link", name="Person", exact=True).click()
    head = window.get_by_role("columnheader", name="Person")
    expect(head).to_have_attribute("aria-sort", "descending")
    window.get_by_text("Columns", exact=True).press("Enter")
    looks_right(window)  # the menu open
    window.get_by_text("Columns", exact=True).focus()
    window.keyboard.press("Escape")
    expect(window.get_by_role("checkbox", name="Email")).to_be_hidden()
    window.get_by_text("Columns", exact=True).press("Enter")
    window.get_by_role("checkbox", name="Email").check()
    window.get_by_role("button", name="Show these columns").click()
    expect(window.get_by_role("columnheader", name="Email")).to_be_visible()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert is_on_one_line(window, "thead th"), "at 1280 no head wraps"
    with window.expect_download() as kept:
        window.get_by_role("link", name="Excel").click()
    assert kept.value.suggested_filename == "people.xlsx"
    window.add_init_script("window.print = () => { document.title = 'printed'; }")
    window.get_by_role("link", name="Print", exact=True).click()
    expect(window).to_have_title("printed")
    looks_right(window)


def is_on_one_line(window: Page, selector: str) -> bool:
    window.set_viewport_size({"width": 1280, "height": 800})
    script = """(all) => all.every((e) => {
        const text = document.createRange();
        text.selectNodeContents(e);
        return e.className === "tick" || text.getBoundingClientRect().height < 30;
    })"""
    found: bool = window.eval_on_selector_all(selector, script)
    return found


@pytest.mark.usefixtures("peer")
def test_a_role_gets_the_right_after_a_question_and_one_of_them_loses_it(page: Watched) -> None:
    page.goto("/admin/people")
    page.page.get_by_role("combobox", name="Is now").select_option(label="Students")
    page.page.get_by_role("button", name="Show").click()
    expect(page.page.get_by_text("1 person found")).to_be_visible()
    page.page.get_by_label("All that the filter finds").check()
    page.page.get_by_label("What").select_option("link+")
    page.page.get_by_role("button", name="Go on").click()
    expect(page.page.get_by_role("heading", name="Is that right?")).to_be_visible()
    expect(page.page.get_by_text("1 person and 1 link", exact=False)).to_be_visible()
    looks_right(page.page)
    page.page.get_by_role("button", name="Yes, do it").click()
    expect(page.page.get_by_text("Done for 1 person")).to_be_visible()
    page.page.get_by_role("link", name="<b>Bo</b>").click()
    page.page.get_by_role("button", name="Take the right to sign in from").click()
    expect(page.page.get_by_text("may not sign in from")).to_be_visible()
    page.page.get_by_role("button", name="Deny going over to").click()
    expect(page.page.get_by_text("may not go over to")).to_be_visible()
    looks_right(page.page)


def test_who_is_who_looks_right_and_is_decided(page: Watched, school: Site, peer: FakePeer) -> None:
    twin = {"username": "user1", "firstname": "Bo", "lastname": LONG[:40], "idnumber": "n9"}
    push(school, peer, "fetch_user", {**twin, "username": "bo", "idnumber": "n8"})
    push(school, peer, "fetch_user", {**twin, "idnumber": "n8"})
    one, two = person_id(school, "user1"), person_id(school, "bo")
    (conflict,) = school.run("inbox", "list", "--status", "conflict")
    for path in (
        "/admin/people/add", f"/admin/people/{one}/edit", f"/admin/people/{one}/merge?other={two}",
        f"/admin/inbox/{conflict['id']}",
    ):  # fmt: skip
        page.goto(path)
        looks_right(page.page)
    page.page.get_by_role("button", name="They are one person").click()
    expect(page.page.get_by_role("heading", name="Is that right?")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_role("button", name="Yes, do it").click()
    expect(page.page.get_by_text("Decided, and applied.")).to_be_visible()
    page.goto(f"/admin/people/{two}")
    looks_right(page.page)
    page.page.get_by_role("button", name="Take apart").click()
    expect(page.page.get_by_text("somebody of their own again")).to_be_visible()
