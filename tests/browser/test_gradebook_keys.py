"""The gradebook in Chromium: grades typed by keyboard, at a desk and on a phone; an upload."""

from __future__ import annotations

import io
import re
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, expect

from peers.accounts import admin_session
from tests.browser.conftest import ADMIN, PASSWORD, sign_in
from tests.browser.looks import PHONE, Watched, looks_right
from tests.helpers.gradebooks import Book, make_book
from tests.helpers.pushing import push, register
from tests.helpers.roaming import app_of
from tests.helpers.site import Site

STUDENTS = tuple(f"S{n}" for n in range(6))
LONG = "An assessment with a name that nobody would ever type by hand, " * 3
# Whether the page would ask before it is left.
LEAVING = "() => !window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"


@pytest.fixture(scope="module")
def book(school: Site) -> Book:
    """A class by hand with a dozen items."""
    names = {"Quiz": 20, LONG: 50, **{f"Item {n}": 10 for n in range(8)}}
    with app_of(school) as app, app.database.write() as connection:
        return make_book(connection, int(app.clock()) - 60, names, students=STUDENTS)


def path(book: Book, rest: str = "gradebook") -> str:
    return f"/admin/sections/{book.section_id}/{rest}"


def cell(page: Watched, who: str, what: str) -> Locator:
    return page.page.get_by_role("textbox", name=f"{who} L{who} {what}", exact=True)


def focused(page: Watched) -> str:
    return str(page.page.evaluate("document.activeElement.id"))


def test_grades_are_typed_by_keyboard_alone(page: Watched, book: Book) -> None:
    page.goto(path(book))
    cell(page, "S0", "Quiz").focus()
    for text in ("18", "17,5", "EX"):
        page.page.keyboard.type(text)
        page.page.keyboard.press("Enter")
    page.page.keyboard.press("ArrowUp")
    page.page.keyboard.press("ArrowUp")
    expect(cell(page, "S1", "Quiz")).to_be_focused()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    expect(cell(page, "S1", "Item 0")).to_be_focused()
    page.page.keyboard.type("9")
    page.page.keyboard.press("Shift+Enter")
    expect(cell(page, "S0", "Item 0")).to_be_focused()
    page.page.keyboard.type("7")
    page.page.keyboard.press("Escape")
    expect(cell(page, "S0", "Item 0")).to_have_value("")
    expect(page.page.get_by_text("4 not saved yet")).to_be_visible()
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("4 grades are saved.")).to_be_visible()
    expect(cell(page, "S1", "Quiz")).to_have_value("17.5")
    looks_right(page.page)


PASTE = """(input, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    input.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def test_many_cells_are_pasted_filled_down_taken_back_and_saved_by_a_key(
    page: Watched, book: Book
) -> None:
    page.goto(path(book))
    start = cell(page, "S3", "Item 3")
    start.focus()
    # Beyond the last student and beyond the last column: named, and not lost silently.
    start.evaluate(PASTE, '1\t2\r\n3\t"4"\r\n5\t6\r\n7\t8\r\n')
    assert [cell(page, f"S{n}", "Item 4").input_value() for n in (3, 4, 5)] == ["2", "4", "6"]
    expect(page.page.get_by_text("Cells filled: 6.")).to_contain_text("left out: 2.")
    expect(page.page.get_by_text("6 not saved yet")).to_be_visible()
    page.page.keyboard.press("Control+z")
    expect(start).to_have_value("")
    start.evaluate(PASTE, "1\t2\n")
    cell(page, "S0", "Item 3").fill("9")
    page.page.keyboard.press("Control+d")
    assert [cell(page, f"S{n}", "Item 3").input_value() for n in range(6)] == list("999199")
    page.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.page.get_by_role("button", name="Save")).to_be_in_viewport()
    page.page.keyboard.press("Control+s")
    expect(page.page.get_by_text("7 grades are saved.")).to_be_visible()
    # 9 five times and 1 once.
    for title, figure in (("Average", "7.67"), ("Median", "9")):
        row = page.page.get_by_role("row", name=title)
        expect(row.get_by_role("cell", name=figure, exact=True).first).to_be_visible()
    looks_right(page.page)


def test_what_is_wrong_is_named_and_one_goes_on_there(page: Watched, book: Book) -> None:
    page.goto(path(book))
    cell(page, "S3", "Item 1").fill("-1")
    cell(page, "S3", "Item 2").fill("8")
    # What the browser itself says of a page with status 400 is no problem here.
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_role("alert")).to_contain_text("S3 LS3, Item 1: “-1” is below zero.")
    expect(cell(page, "S3", "Item 1")).to_be_focused()
    expect(cell(page, "S3", "Item 2")).to_have_value("8")
    page.problems[:] = [p for p in page.problems if "400" not in p]
    looks_right(page.page)
    # What is not saved is still counted, asked about before it is left, and can be taken back.
    expect(page.page.get_by_text("2 not saved yet")).to_be_visible()
    assert page.page.evaluate(LEAVING)
    cell(page, "S3", "Item 2").focus()
    page.page.keyboard.press("Escape")
    expect(cell(page, "S3", "Item 2")).to_have_value("")
    expect(page.page.get_by_text("1 not saved yet")).to_be_visible()
    page.page.keyboard.type("8")
    cell(page, "S3", "Item 1").fill("1")
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("2 grades are saved.")).to_be_visible()


def test_on_a_phone_names_stay_while_the_sheet_scrolls_inside(page: Watched, book: Book) -> None:
    page.page.set_viewport_size({"width": PHONE, "height": 740})
    page.goto(path(book))
    cell(page, "S5", "Item 7").focus()
    page.page.keyboard.type("6")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= PHONE
    boxes = [
        (page.page.get_by_role("rowheader", name="S5 LS5")).bounding_box(),
        cell(page, "S5", "Item 7").bounding_box(),
        page.page.get_by_role("columnheader", name=re.compile("^Item 7")).bounding_box(),
    ]
    name, field, head = (box for box in boxes if box is not None)
    assert name["x"] >= 0
    assert name["x"] + name["width"] <= field["x"]
    assert field["x"] + field["width"] <= PHONE
    assert head["y"] + head["height"] <= field["y"]
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("1 grade is saved.")).to_be_visible()


def test_a_peers_value_is_released(page: Watched, school: Site) -> None:
    peer = register(school)
    user = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "LAda", "email": ""}
    for event, data in (
        ("fetch_user", user),
        ("new_section", {"idnumber": "5", "name": "Biology"}),
        ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
        ("new_assessment", {"sectionid": "5", "idnumber": "7", "name": "Lab", "pointval": 68}),
        ("new_grade", {"assessmentid": "7", "userid": "1", "points_earned": 62}),
    ):
        push(school, peer, event, data)
    section = next(s for s in school.run("section", "list") if s["name"] == "Biology")
    page.goto(f"/admin/sections/{section['id']}/gradebook")
    cell(page, "Ada", "Lab").fill("50")
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("Moodle: 62")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_role("button", name="Release Ada LAda, Lab").click()
    expect(cell(page, "Ada", "Lab")).to_have_value("62")


def test_a_spreadsheet_is_looked_at_and_taken(page: Watched, book: Book, tmp_path: Path) -> None:
    for rest in ("upload", "worksheets", "assessments/new", f"assessments/{book.items['Quiz']}"):
        page.goto(path(book, rest))
        looks_right(page.page)
    good, huge = tmp_path / "good.csv", tmp_path / "huge.csv"
    good.write_text("username,Item 3,Item 4\ns0,5,6\ns1,7,\n")
    huge.write_bytes(b"x" * (6 * 1024 * 1024))
    page.goto(path(book, "upload"))
    page.page.get_by_label("Grades").check()
    chooser = page.page.get_by_label("File (.xlsx or .csv")
    chooser.set_input_files(huge)
    assert "larger than 5 MB" in chooser.evaluate("e => e.validationMessage")
    chooser.set_input_files(good)
    page.page.get_by_role("button", name="Look what would change").click()
    expect(page.page.get_by_text("S0 LS0, Item 3")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_role("button", name="Yes, do all of it").click()
    expect(page.page.get_by_text("3 grades taken from the file")).to_be_visible()
    expect(cell(page, "S1", "Item 3")).to_have_value("7")


def test_a_moodles_export_and_a_template_go_in(page: Watched, book: Book, tmp_path: Path) -> None:
    page.goto(path(book, "upload"))
    with page.page.expect_download() as kept:
        page.page.get_by_role("link", name="a spreadsheet for grades").click()
    template = openpyxl.load_workbook(io.BytesIO(kept.value.path().read_bytes()))
    assert template.active is not None
    rows = [list(row) for row in template.active.iter_rows(values_only=True)]
    assert rows[0][:4] == ["idnumber", "username", "Name", "Quiz"]
    assert [row[0] for row in rows[1:]] == [f"n-{name}" for name in STUDENTS]
    export = tmp_path / "Algebra Grades.csv"
    export.write_text(
        '"First name","Last name","ID number","Quiz: Item 5 (Real)","Quiz: Item 5 (Percentage)",'
        '"Course total (Real)","Last downloaded from this course"\n'
        "S2,LS2,n-S2,8.50,85.00 %,8.50,1764400000\nS3,LS3,n-S3,-,-,-,1764400000\n"
    )
    page.page.get_by_label("Grades").check()
    page.page.get_by_label("File (.xlsx or .csv").set_input_files(export)
    page.page.get_by_role("button", name="Look what would change").click()
    expect(
        page.page.get_by_text("Columns that are not read: First name, Last name,")
    ).to_be_visible()
    looks_right(page.page)
    page.page.get_by_role("button", name="Yes, do all of it").click()
    expect(page.page.get_by_text("1 grade taken from the file")).to_be_visible()
    expect(cell(page, "S2", "Item 5")).to_have_value("8.5")


def test_a_session_that_ended_goes_on_with_what_was_typed(
    page: Watched, school: Site, book: Book
) -> None:
    page.goto(path(book))
    cell(page, "S4", "Item 5").fill("6")
    with app_of(school) as app, app.database.write() as connection:
        connection.execute(sa.delete(admin_session))
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("What you typed is kept and not saved yet")).to_be_visible()
    looks_right(page.page)
    page.page.get_by_label("User name").fill(ADMIN)
    page.page.get_by_label("Password").fill(PASSWORD)
    page.page.get_by_role("button", name="Sign in").click()
    looks_right(page.page)
    page.page.get_by_role("button", name="Go on with what I typed").click()
    expect(cell(page, "S4", "Item 5")).to_have_value("6")
    expect(page.page.get_by_text("1 not saved yet")).to_be_visible()
    assert page.page.evaluate(LEAVING)
    looks_right(page.page)
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("1 grade is saved.")).to_be_visible()
    # A page of an earlier session of the same account is too old, and loses nothing either.
    cell(page, "S4", "Item 5").fill("7")
    other = page.page.context.new_page()
    other.goto(page.base + "/admin")
    other.get_by_role("button", name="Sign out").click()
    sign_in(other, page.base)
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("What you typed is still here")).to_be_visible()
    expect(page.page.get_by_text("1 not saved yet")).to_be_visible()
    page.page.get_by_role("button", name="Save").click()
    expect(page.page.get_by_text("1 grade is saved.")).to_be_visible()
    # What the browser itself says of pages with status 403 is no problem here.
    page.problems[:] = [p for p in page.problems if "403" not in p]
