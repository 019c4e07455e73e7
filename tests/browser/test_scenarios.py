"""The scenarios of everyday work in Chromium, each by the person whom it names and nobody else.

By keyboard alone, on a page as wide as a phone; what counts as a click says hands.py.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import openpyxl
import pytest
from playwright.sync_api import Browser, expect

from peers import accounts
from peers.accounts import CLERK
from schooltool_bridge.hand import enrolments, people, sections
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from tests.browser.conftest import PASSWORD, sign_in
from tests.browser.hands import PHONE, Hands
from tests.browser.looks import watched
from tests.helpers.pushing import push, register
from tests.helpers.rig import FakePeer
from tests.helpers.roaming import app_of, person_id
from tests.helpers.site import Site

DAY_S = 86_400
NOW = int(time.time())
BEGAN, CAME = NOW - 60 * DAY_S, NOW - 20 * DAY_S
PEOPLE = ("pam", "newman", "tess", "theo", "carol", "prue")
ENTER = {"principal": "prue", "counselor": "carol", "teacher": "tess", "clerk": "clara"}


@pytest.fixture(scope="module")
def moodle(school: Site) -> FakePeer:
    """A Moodle that told of a school; its people have passwords of their own."""
    peer = register(school)
    for name in PEOPLE:
        push(school, peer, "fetch_user", {
            "idnumber": f"n-{name}", "username": name, "firstname": name.title(),
            "lastname": "Person", "timemodified": BEGAN,
        })  # fmt: skip
    for number, name in (("1", "Biology"), ("2", "Chemistry"), ("3", "Fall course")):
        push(school, peer, "new_section", {"idnumber": number, "name": name, "timemodified": BEGAN})
        push(school, peer, "new_enrolment", {
            "sectionid": number, "userid": "n-tess", "role": "teacher", "timemodified": BEGAN,
        })  # fmt: skip
    for number in ("1", "2"):
        push(school, peer, "new_enrolment", {
            "sectionid": number, "userid": "n-pam", "role": "student", "timemodified": BEGAN,
        })  # fmt: skip
    with app_of(school) as app, app.database.write() as connection:
        author = Author("test", NOW)
        for name, role in (("carol", "counselor"), ("prue", "principal")):
            people.set_staff_role(connection, author, int(person_id(school, name)), role)
        for name in ("tess", "carol", "prue"):
            who = int(person_id(school, name))
            rights.set_password(connection, Change("test", NOW), who, PASSWORD)
            rights.set_own(connection, [who], allowed=True)
        accounts.add(connection, "clara", PASSWORD, one_time=False, now_unix_s=NOW, role=CLERK)
    return peer


@pytest.fixture
def come(chromium: Browser, school: Site, moodle: FakePeer) -> Iterator[Callable[[str], Hands]]:
    """Somebody signs in at a phone; what they clicked for that is not counted."""
    with ExitStack() as left:

        def come(role: str) -> Hands:
            context = chromium.new_context(viewport=PHONE)
            left.callback(context.close)
            context.set_default_timeout(20_000)
            opened = watched(context.new_page(), school.wwwroot)
            left.callback(lambda: opened.problems and pytest.fail(str(opened.problems)))
            sign_in(opened.page, school.wwwroot, ENTER[role])
            return Hands(opened.page)

        yield come


@pytest.mark.requirement("R58", "R88")
def test_1_a_principal_sees_in_july_what_a_student_takes_in_fall(
    come: Callable[[str], Hands], school: Site, moodle: FakePeer
) -> None:
    push(school, moodle, "new_enrolment", {
        "sectionid": "3", "userid": "n-pam", "role": "student", "timestart": NOW + 50 * DAY_S,
    })  # fmt: skip
    hands = come("principal")
    hands.type("Name, user name or idnumber", "pam", enter=True)
    hands.press("link", "Pam Person")
    expect(hands.page.get_by_role("heading", name="Sections to come")).to_be_visible()
    expect(hands.page.get_by_role("heading", name="Fall course")).to_be_visible()
    assert hands.clicks <= 3


@pytest.mark.requirement("R59", "R69", "R88")
def test_2_of_a_new_student_there_is_a_progress_report_of_any_day(
    come: Callable[[str], Hands], school: Site, moodle: FakePeer
) -> None:
    # As they come: no order is kept among separate calls.
    for number, item in (("2", "11"), ("1", "10")):
        push(school, moodle, "new_grade", {
            "assessmentid": item, "userid": "n-newman", "points_earned": 7, "timemodified": CAME,
        })  # fmt: skip
        push(school, moodle, "new_assessment", {
            "idnumber": item, "sectionid": number, "name": f"Test {item}", "pointval": 10,
            "timemodified": BEGAN,
        })  # fmt: skip
        push(school, moodle, "new_enrolment", {
            "sectionid": number, "userid": "n-newman", "role": "student", "timemodified": CAME,
        })  # fmt: skip
    hands = come("counselor")
    hands.type("Name, user name or idnumber", "newman", enter=True)
    hands.press("link", "Newman Person")
    hands.press("link", "Progress report")
    expect(hands.page.get_by_text("Test 10")).to_be_visible()
    expect(hands.page.get_by_text("Test 11")).to_be_visible()
    hands.tab_to(hands.page.get_by_label("As of the end of"))
    day = datetime.fromtimestamp(CAME - 2 * DAY_S, UTC)
    hands.page.keyboard.type(day.strftime("%m%d%Y"))
    hands.press("button", "Show")
    expect(hands.page.get_by_role("heading", name="Progress report")).to_be_visible()
    expect(hands.page.get_by_text("Test 10")).not_to_be_visible()
    assert hands.clicks <= 5


@pytest.mark.requirement("R51", "R53", "R71", "R88")
def test_3_a_counselor_gives_a_withdrawal_its_code_and_note(
    come: Callable[[str], Hands], school: Site, moodle: FakePeer
) -> None:
    push(school, moodle, "end_enrolment", {
        "sectionid": "2", "userid": "n-pam", "role": "student", "timemodified": NOW - DAY_S,
    })  # fmt: skip
    hands = come("counselor")
    hands.type("Name, user name or idnumber", "pam", enter=True)
    hands.press("link", "Pam Person")
    hands.press("link", "Withdraw or change: Chemistry")
    hands.choose("State", "Withdrawn - Passing")
    hands.type("Note", "Moved to another town")
    hands.press("button", "Save")
    assert hands.clicks <= 5
    chemistry = hands.page.get_by_role("region", name="Chemistry")
    expect(chemistry).to_contain_text("Withdrawn - Passing")
    expect(chemistry).to_contain_text("Moved to another town")
    hands.press("link", "Transcript")
    expect(hands.page.get_by_text("Withdrawn - Passing").first).to_be_visible()


@pytest.mark.requirement("R61", "R62", "R67", "R88")
def test_4_what_a_teacher_adds_in_moodle_is_in_her_gradebook(
    come: Callable[[str], Hands], school: Site, moodle: FakePeer
) -> None:
    hands = come("teacher")
    push(school, moodle, "new_assessment", {
        "idnumber": "20", "sectionid": "1", "name": "Herbarium", "pointval": 20,
        "timemodified": NOW - DAY_S,
    })  # fmt: skip
    push(school, moodle, "new_grade", {
        "assessmentid": "20", "userid": "n-pam", "points_earned": 17, "timemodified": NOW - DAY_S,
    })  # fmt: skip
    hands.press("link", "Biology", within=hands.page.get_by_role("main"))
    if "gradebook" not in hands.page.url:
        hands.press("link", "Gradebook")
    cell = hands.page.get_by_role("textbox", name="Pam Person Herbarium")
    expect(cell).to_have_value("17")
    assert hands.clicks <= 2


@pytest.mark.requirement("R63", "R64", "R66", "R77", "R88")
def test_6_a_manual_assessment_becomes_moodles_with_what_was_entered(
    come: Callable[[str], Hands], school: Site, moodle: FakePeer
) -> None:
    hands = come("teacher")
    hands.press("link", "Biology", within=hands.page.get_by_role("main"))
    if "gradebook" not in hands.page.url:
        hands.press("link", "Gradebook")
    hands.press("link", "Upload")
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (("name", "points"), ("Essay on moss", 30), ("Dissection", 12)):
        sheet.append(row)
    file = io.BytesIO()
    workbook.save(file)
    hands.tab_to(hands.page.get_by_label("File (.xlsx or .csv"))
    with hands.page.expect_file_chooser() as chosen:
        hands.page.keyboard.press("Enter")
    hands.clicks += 1
    chosen.value.set_files(
        {"name": "items.xlsx", "mimeType": "application/octet-stream", "buffer": file.getvalue()}
    )
    hands.press("button", "Look what would change")
    hands.press("button", "Yes, do all of it")
    cell = hands.page.get_by_role("textbox", name="Pam Person Essay on moss")
    hands.tab_to(cell)
    hands.page.keyboard.type("25")
    hands.press("button", "Save")
    expect(hands.page.get_by_text("1 grade is saved")).to_be_visible()
    push(school, moodle, "new_assessment", {
        "idnumber": "30", "sectionid": "1", "name": "Essay on moss", "pointval": 30,
    })  # fmt: skip
    for who, points in (("pam", 3), ("newman", 21)):
        push(school, moodle, "new_grade", {
            "assessmentid": "30", "userid": f"n-{who}", "points_earned": points,
        })  # fmt: skip
    hands.page.reload()
    expect(cell).to_have_count(1)
    expect(cell).to_have_value("25")
