"""The scenarios of everyday work in Chromium, each by the person whom it names and nobody else.

By keyboard alone, on a page as wide as a phone; what counts as a click says hands.py.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from peers import accounts
from peers.accounts import CLERK
from schooltool_bridge.hand import people, sections
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, years
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import person
from tests.browser.conftest import PASSWORD, sign_in
from tests.browser.hands import PHONE, Hands
from tests.browser.looks import watched
from tests.helpers.pushing import push, register
from tests.helpers.rig import FakePeer
from tests.helpers.roaming import app_of
from tests.helpers.site import Site

DAY_S = 86_400
NOW = int(time.time())
BEGAN, CAME = NOW - 60 * DAY_S, NOW - 20 * DAY_S
PEOPLE = ("pam", "newman", "tess", "theo", "carol", "prue")
ENTER = {"principal": "prue", "counselor": "carol", "teacher": "tess", "clerk": "clara"}


@dataclass
class Story:
    """A school, and the Moodle that tells of it."""

    site: Site
    moodle: FakePeer

    def push(self, event: str, data: dict[str, Any]) -> None:
        push(self.site, self.moodle, event, data)


@pytest.fixture(scope="module")
def story(school: Site) -> Story:
    """A Moodle told of the school; some of its people have passwords of their own."""
    story = Story(school, register(school))
    for name in PEOPLE:
        story.push("fetch_user", {
            "idnumber": f"n-{name}", "username": name, "firstname": name.title(),
            "lastname": "Person", "timemodified": BEGAN,
        })  # fmt: skip
    for number, name in (("1", "Biology"), ("2", "Chemistry"), ("3", "Fall course")):
        story.push("new_section", {"idnumber": number, "name": name, "timemodified": BEGAN})
        story.push("new_enrolment", {
            "sectionid": number, "userid": "n-tess", "role": "teacher", "timemodified": BEGAN,
        })  # fmt: skip
    for number in ("1", "2"):
        story.push("new_enrolment", {
            "sectionid": number, "userid": "n-pam", "role": "student", "timemodified": BEGAN,
        })  # fmt: skip
    with app_of(school) as app, app.database.write() as connection:
        author = Author("test", NOW)
        ids = {r.username: r.id for r in connection.execute(sa.select(person))}
        for name, role in (("carol", "counselor"), ("prue", "principal")):
            people.set_staff_role(connection, author, ids[name], role)
        for who in (ids["tess"], ids["carol"], ids["prue"]):
            rights.set_password(connection, Change("test", NOW), who, PASSWORD)
            rights.set_own(connection, [who], allowed=True)
        accounts.add(connection, "clara", PASSWORD, one_time=False, now_unix_s=NOW, role=CLERK)
    return story


@pytest.fixture
def come(chromium: Browser, story: Story) -> Iterator[Callable[[str], Hands]]:
    """Somebody at a phone, signed in by a role; what they clicked for that is not counted."""
    with ExitStack() as left:

        def come(role: str) -> Hands:
            context = chromium.new_context(viewport=PHONE)
            left.callback(context.close)
            context.set_default_timeout(20_000)
            opened = watched(context.new_page(), story.site.wwwroot)
            left.callback(lambda: opened.problems and pytest.fail(str(opened.problems)))
            if role:
                sign_in(opened.page, story.site.wwwroot, ENTER[role])
            return Hands(opened.page)

        yield come


@pytest.mark.requirement("R58", "R88")
def test_1_a_principal_sees_in_july_what_a_student_takes_in_fall(
    come: Callable[[str], Hands], story: Story
) -> None:
    story.push("new_enrolment", {
        "sectionid": "3", "userid": "n-pam", "role": "student", "timestart": NOW + 50 * DAY_S,
    })  # fmt: skip
    hands = come("principal")
    hands.type("Name, user name or ID number", "pam", enter=True)
    hands.press("link", "Pam Person")
    expect(hands.page.get_by_role("heading", name="Sections to come")).to_be_visible()
    expect(hands.page.get_by_role("heading", name="Fall course")).to_be_visible()
    assert hands.clicks <= 3


@pytest.mark.requirement("R59", "R69", "R88")
def test_2_of_a_new_student_there_is_a_progress_report_of_any_day(
    come: Callable[[str], Hands], story: Story
) -> None:
    # As they come: no order is kept among separate calls.
    for number, item in (("2", "11"), ("1", "10")):
        story.push("new_grade", {
            "assessmentid": item, "userid": "n-newman", "points_earned": 7, "timemodified": CAME,
        })  # fmt: skip
        story.push("new_assessment", {
            "idnumber": item, "sectionid": number, "name": f"Test {item}", "pointval": 10,
            "timemodified": BEGAN,
        })  # fmt: skip
        story.push("new_enrolment", {
            "sectionid": number, "userid": "n-newman", "role": "student", "timemodified": CAME,
        })  # fmt: skip
    hands = come("counselor")
    hands.type("Name, user name or ID number", "newman", enter=True)
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
    come: Callable[[str], Hands], story: Story
) -> None:
    story.push("end_enrolment", {
        "sectionid": "2", "userid": "n-pam", "role": "student", "timemodified": NOW - DAY_S,
    })  # fmt: skip
    hands = come("counselor")
    hands.type("Name, user name or ID number", "pam", enter=True)
    hands.press("link", "Pam Person")
    hands.press("link", "Chemistry")
    hands.choose("State", "Withdrawn - Passing")
    hands.type("Note", "Moved to another town")
    hands.press("button", "Save")
    assert hands.clicks <= 5
    hands.look()
    chemistry = hands.page.get_by_role("region", name="Chemistry")
    expect(chemistry).to_contain_text("Withdrawn - Passing")
    expect(chemistry).to_contain_text("Moved to another town")
    hands.press("link", "Transcript")
    expect(hands.page.get_by_text("Withdrawn - Passing").first).to_be_visible()


@pytest.mark.requirement("R61", "R62", "R67", "R88")
def test_4_what_a_teacher_adds_in_moodle_is_in_her_gradebook(
    come: Callable[[str], Hands], story: Story
) -> None:
    hands = come("teacher")
    story.push("new_assessment", {
        "idnumber": "20", "sectionid": "1", "name": "Herbarium", "pointval": 20,
        "timemodified": NOW - DAY_S,
    })  # fmt: skip
    story.push("new_grade", {
        "assessmentid": "20", "userid": "n-pam", "points_earned": 17, "timemodified": NOW - DAY_S,
    })  # fmt: skip
    hands.press("link", "Biology", within=hands.page.get_by_role("main"))
    if "gradebook" not in hands.page.url:
        hands.press("link", "Gradebook")
    cell = hands.page.get_by_role("textbox", name="Pam Person Herbarium")
    expect(cell).to_have_value("17")
    assert hands.clicks <= 2


@pytest.mark.requirement("R47", "R60", "R63", "R70", "R77", "R88")
def test_5_a_class_that_no_moodle_has_stands_beside_the_others(
    come: Callable[[str], Hands],
) -> None:
    counselor = come("counselor")
    counselor.press("link", "Sections")
    counselor.press("link", "Make a section")
    counselor.type("Name", "Choir", enter=True)
    counselor.type("Name, user name or ID number", "pam", enter=True)
    counselor.press("link", "Pam Person")
    counselor.press("button", "Save")
    assert counselor.clicks <= 6
    clerk = come("clerk")
    clerk.press("link", "Sections")
    clerk.press("link", "Choir")
    clerk.press("link", "Put people in")
    clerk.type("Name, user name or ID number", "tess", enter=True)
    clerk.press("link", "teacher")
    clerk.press("button", "Save")
    assert clerk.clicks <= 6
    teacher = come("teacher")
    teacher.press("link", "Choir", within=teacher.page.get_by_role("main"))
    if "gradebook" not in teacher.page.url:
        teacher.press("link", "Gradebook")
    teacher.press("link", "New assessment")
    teacher.type("Name", "Solo")
    teacher.type("Points", "10", enter=True)
    teacher.tab_to(teacher.page.get_by_role("textbox", name="Pam Person Solo"))
    teacher.page.keyboard.type("9")
    teacher.press("button", "Save")
    assert teacher.clicks <= 5
    counselor.press("link", "Students")
    counselor.type("Name, user name or ID number", "pam", enter=True)
    counselor.press("link", "Pam Person")
    expect(counselor.page.get_by_role("region", name="Choir")).to_contain_text("90 %")
    counselor.press("link", "Sections")
    counselor.press("link", "Choir")
    counselor.look()


@pytest.mark.requirement("R63", "R64", "R66", "R77", "R88")
def test_6_a_manual_assessment_becomes_moodles_with_what_was_entered(
    come: Callable[[str], Hands], story: Story
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
    chooser = hands.page.get_by_label("File (.xlsx or .csv")
    hands.tab_to(chooser)
    # The browser's own window of files: opened, and a file taken.
    hands.clicks += 2
    chooser.set_input_files(
        {"name": "items.xlsx", "mimeType": "application/octet-stream", "buffer": file.getvalue()}
    )
    hands.press("button", "Look what would change")
    hands.press("button", "Yes, do all of it")
    cell = hands.page.get_by_role("textbox", name="Pam Person Essay on moss")
    hands.tab_to(cell)
    hands.page.keyboard.type("25")
    hands.press("button", "Save")
    expect(hands.page.get_by_text("1 grade is saved")).to_be_visible()
    story.push("new_assessment", {
        "idnumber": "30", "sectionid": "1", "name": "Essay on moss", "pointval": 30,
    })  # fmt: skip
    for who, points in (("pam", 3), ("newman", 21)):
        story.push("new_grade", {
            "assessmentid": "30", "userid": f"n-{who}", "points_earned": points,
        })  # fmt: skip
    hands.page.reload()
    expect(cell).to_have_count(1)
    expect(cell).to_have_value("25")


@pytest.mark.requirement("R70", "R88")
def test_a_clerk_prints_a_sections_report_cards(come: Callable[[str], Hands]) -> None:
    hands = come("clerk")
    hands.press("link", "Sections")
    hands.press("link", "Chemistry")
    hands.press("button", "Print all progress reports")
    printed = hands.page.get_by_role("link", name="The PDF, of")
    expect(printed).to_be_visible()
    hands.tab_to(printed)
    hands.clicks += 1
    with hands.page.expect_download() as taken:
        hands.page.keyboard.press("Enter")
    assert taken.value.path().read_bytes().startswith(b"%PDF")
    assert hands.clicks <= 4


@pytest.mark.requirement("R77", "R88")
def test_a_new_teacher_is_invited_and_at_her_gradebook(
    come: Callable[[str], Hands], story: Story
) -> None:
    story.push("new_enrolment", {"sectionid": "2", "userid": "n-theo", "role": "teacher"})
    clerk = come("clerk")
    clerk.press("link", "People")
    clerk.type("Name, user name or ID number", "theo", enter=True)
    clerk.press("link", "Theo Person")
    clerk.press("link", "Invite, or set a password")
    clerk.press("button", "Show a link to print")
    link = clerk.page.locator("code.big").inner_text()
    theo = come("")
    theo.page.goto(link)
    clicks = clerk.clicks + 1
    theo.type("New password", "four words in a row")
    theo.type("New password once more", "four words in a row", enter=True, until="**/me")
    theo.press("link", "Chemistry", within=theo.page.get_by_role("main"))
    if "gradebook" not in theo.page.url:
        theo.press("link", "Gradebook")
    expect(theo.page.get_by_role("region", name="Grades")).to_be_visible()
    assert clicks + theo.clicks <= 10


@pytest.mark.requirement("R43", "R79", "R88")
def test_7_a_clerk_files_forty_sections(come: Callable[[str], Hands], story: Story) -> None:
    author, day = Author("test", NOW), datetime.fromtimestamp(NOW, UTC).date()
    first, last = day - timedelta(100), day + timedelta(100)
    with app_of(story.site) as app, app.database.write() as connection:
        year = years.add_year(connection, author, title="Now", first_day=first, last_day=last)
        years.add_term(
            connection, author, year_id=year, title="Fall", first_day=first, last_day=last
        )
        for number in range(10):
            courses.add(connection, author, code=f"C{number}", title=f"Subject {number}")
        names = [(f"Subject {n % 10} group {n // 10}", f"C{n % 10}-{n}") for n in range(40)]
        sections.add_all(connection, author, names)
    hands = come("clerk")
    hands.press("link", "Sections to file under a term")
    hands.press("checkbox", "All on this page")
    hands.press("button", "Suggest each one's course …")
    hands.press("button", "File them")
    expect(hands.page.get_by_text("40 sections filed in Fall, Now.")).to_be_visible()
    assert hands.clicks <= 12
