"""The gradebook's pages: who sees them, what they show, what a form changes and what it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from mnet.xmlrpc import Value
from peers.web import tokens
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import entering, grid
from schooltool_bridge.gradebook.grid import Cell
from schooltool_bridge.hand import assessments, enrolments, grades
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history.author import Author
from tests.helpers.admins import PASSWORD, browser, site_with_admins
from tests.helpers.gradebooks import Book, make_book, system_id
from tests.helpers.rig import SIS, START_UNIX_S, Rig
from tests.helpers.visitor import Page, Visitor

MOODLE = "http://moodle.example.org"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with site_with_admins(tmp_path) as made:
        yield made


@pytest.fixture
def book(rig: Rig) -> Book:
    with rig.app.database.write() as connection:
        return make_book(connection, START_UNIX_S, {"Quiz": 20, "Essay": 50})


def path(book: Book, rest: str = "gradebook") -> str:
    return f"/admin/sections/{book.section_id}/{rest}"


def cell(rig: Rig, book: Book, who: str, what: str) -> Cell:
    with rig.app.database.read() as connection:
        found = grid.read(connection, book.section_id, rig.app.settings.zone, everybody=True)
    place = book.items[what], book.students[who]
    return next(c for c in found.cells if (c.item_id, c.person_id) == place)


def name(book: Book, who: str, what: str) -> str:
    return f"c.{book.items[what]}.{book.students[who]}"


def shown(page: Page) -> dict[str, str]:
    """The form as a browser would send it."""
    fields = page.tree.xpath("//form[@id='gradebook']//input")
    return {f.get("name"): f.get("value", "") for f in fields}


def fill(visitor: Visitor, book: Book, **typed: str) -> Page:
    """Type into cells, called who_what, and save."""
    form = shown(visitor.get(path(book)))
    for place, text in typed.items():
        who, what = place.split("_")
        form[name(book, who, what)] = text
    return visitor.post(path(book), form)


@pytest.mark.requirement("R77")
def test_grades_are_typed_and_saved(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    done = fill(visitor, book, Ada_Quiz="18", Ada_Essay="EX", Bo_Quiz="0", Bo_Essay=" ")
    assert (done.status, done.location) == (303, path(book))
    page = visitor.get(path(book))
    assert "3 grades are saved." in page.message("said")
    form = shown(page)
    assert [form[name(book, *p)] for p in (("Ada", "Quiz"), ("Ada", "Essay"), ("Bo", "Quiz"))] == [
        "18", "EX", "0",
    ]  # fmt: skip
    assert [td.text for td in page.tree.xpath("//tbody//td[contains(@class, 'percent')]")] == [
        "90 %", "0 %",
    ]  # fmt: skip
    assert "Nothing was changed" in visitor.get(visitor.post(path(book), form).location).text
    fill(visitor, book, Ada_Quiz="")
    assert cell(rig, book, "Ada", "Quiz").text == ""


def test_one_bad_cell_is_named_and_nothing_of_the_page_is_saved(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    page = fill(visitor, book, Ada_Quiz="18", Bo_Quiz="-3", Bo_Essay="<b>")
    assert page.status == 400
    assert "Bo LBo, Quiz: “-3” is below zero." in page.message()
    assert "Bo LBo, Essay: “<b>” is no number" in page.message()
    assert cell(rig, book, "Ada", "Quiz").text == ""
    kept = shown(page)
    assert kept[name(book, "Ada", "Quiz")] == "18", "what was typed is still there"
    again = visitor.post(
        path(book), kept | {name(book, "Bo", "Quiz"): "3", name(book, "Bo", "Essay"): ""}
    )
    assert again.status == 303
    assert cell(rig, book, "Ada", "Quiz").text == "18"


@pytest.mark.requirement("R77")
def test_what_somebody_else_changed_meanwhile_stays_and_is_named(rig: Rig, book: Book) -> None:
    carl, anna = browser(rig, "carl"), browser(rig, "anna")
    form = shown(carl.get(path(book)))
    fill(anna, book, Ada_Quiz="15", Bo_Quiz="7")
    form |= {
        name(book, "Ada", "Quiz"): "18",
        name(book, "Ada", "Essay"): "40",
        name(book, "Bo", "Quiz"): "7.0",
    }
    page = carl.post(path(book), form)
    assert page.status == 200
    assert "Ada LAda, Quiz: somebody else changed it meanwhile, it is 15 now; “18” was not" in (
        page.message()
    )
    assert "Bo" not in page.message(), "both typed the same"
    assert "1 grade is saved." in page.text
    texts = [cell(rig, book, "Ada", what).text for what in ("Quiz", "Essay")]
    assert texts == ["15", "40"]
    (kept,) = page.tree.xpath("//input[@data-shown]")
    assert (kept.value, kept.get("data-shown")) == ("18", "15"), "neither is lost"
    assert page.tree.xpath("string(//*[@id='unsaved'])") == "1 not saved yet"
    assert carl.post(path(book), shown(page)).status == 303
    assert cell(rig, book, "Ada", "Quiz").text == "18"


@pytest.mark.requirement("R77")
def test_more_than_an_assessment_is_worth_is_asked_about_once(rig: Rig) -> None:
    with rig.app.database.write() as connection:
        letters = Detail(score_system_id=system_id(connection, "Letter grades"))
        book = make_book(connection, START_UNIX_S, {"Quiz": 20, "Essay": (50, letters)})
        book.items["Extra"] = assessments.add(
            connection,
            Author("head", START_UNIX_S),
            book.section_id,
            "Extra",
            Decimal(20),
            extra_credit=True,
        )
    visitor = browser(rig, "carl")
    page = fill(visitor, book, Ada_Quiz="200", Ada_Extra="30", Bo_Essay="130%", Bo_Quiz="20")
    assert page.status == 400
    assert "Ada LAda, Quiz: “200” is more than the 20 points that it is worth." in page.message()
    assert "Bo LBo, Essay: “130%” is more than the 50 points" in page.message()
    assert "Extra" not in page.message()
    assert page.tree.xpath("string(//*[@id='unsaved'])") == "4 not saved yet"
    assert cell(rig, book, "Bo", "Quiz").text == ""
    # Another text is another question; what was asked about is not asked about again.
    form = shown(page) | {name(book, "Ada", "Quiz"): "201"}
    page = visitor.post(path(book), form)
    assert "“201” is more" in page.message()
    assert "Essay" not in page.message()
    assert visitor.post(path(book), shown(page)).status == 303
    assert cell(rig, book, "Ada", "Quiz").text == "201"
    form = shown(visitor.get(path(book))) | {name(book, "Bo", "Quiz"): "19"}
    assert visitor.post(path(book), form).status == 303, "what stands there is no question"
    for above in ("{", "[]", '"', "[" * 100_000):
        assert visitor.post(path(book), form | {"above": above}).status == 400, above


def test_what_was_typed_for_somebody_who_left_meanwhile_is_still_shown(
    rig: Rig, book: Book
) -> None:
    visitor = browser(rig, "carl")
    form = shown(visitor.get(path(book)))
    with rig.app.database.write() as connection:
        author = Author("head", START_UNIX_S + 5)
        bo = book.students["Bo"]
        enrolments.set_state(connection, author, book.section_id, bo, "student", "wp")
    page = visitor.post(path(book), form | {name(book, "Bo", "Quiz"): "x"})
    assert page.status == 400
    assert shown(page)[name(book, "Bo", "Quiz")] == "x"


@pytest.mark.requirement("R66", "E45")
def test_a_peers_value_stands_beside_an_entry_and_counts_again_when_released(rig: Rig) -> None:
    peer = rig.add(MOODLE)
    user: Value = {
        "idnumber": "1",
        "username": "ada",
        "firstname": "Ada",
        "lastname": "L",
        "email": "",
    }
    pushed: list[tuple[str, Value]] = [
        ("fetch_user", user),
        ("new_section", {"idnumber": "5", "name": "Biology"}),
        ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
        ("new_assessment", {"sectionid": "5", "idnumber": "7", "name": "Quiz", "pointval": 68}),
        ("new_grade", {"assessmentid": "7", "userid": "1", "points_earned": 62}),
    ]
    for event, data in pushed:
        rig.call(peer, SIS + event, data)
    book = Book(1, {"Quiz": 1}, {"Ada": 1})
    visitor = browser(rig, "carl")
    assert "from Moodle" in visitor.get(path(book)).tree.xpath("string(//tbody//td[2])")
    fill(visitor, book, Ada_Quiz="50")
    page = visitor.get(path(book))
    text = " ".join(page.tree.xpath("string(//tbody//td[2])").split())
    assert "by hand, Moodle says 62" in text
    assert "release" in text
    form = shown(page)
    rig.clock.now += 5
    done = visitor.post(path(book), form | {"release": "1.1"})
    assert done.status == 303
    found = cell(rig, book, "Ada", "Quiz")
    assert (found.text, found.authority) == ("62", "peer")
    late = visitor.post(path(book), form | {"release": "1.1"})
    assert "somebody else changed it meanwhile, it is 62 now" in late.message()


def test_who_left_is_shown_apart_when_asked_for(rig: Rig, book: Book) -> None:
    with rig.app.database.write() as connection:
        author = Author("head", START_UNIX_S + 5)
        grades.enter(connection, author, book.items["Quiz"], book.students["Bo"], None)
        enrolments.set_state(
            connection, author, book.section_id, book.students["Bo"], "student", "wp"
        )
    visitor = browser(rig, "carl")
    page = visitor.get(path(book))
    assert "Bo LBo" not in page.text
    assert "1 more is not enrolled now" in page.text
    everybody = visitor.get(path(book) + "?mode=all")
    assert "Withdrawn - Passing" in everybody.tree.xpath("string(//tbody[@class='apart'])")
    form = shown(everybody)
    form[name(book, "Bo", "Essay")] = "33"
    assert visitor.post(path(book), form).location == path(book) + "?mode=all"
    assert cell(rig, book, "Bo", "Essay").text == "33"


def test_teachers_and_strangers_do_not_get_in_and_nonsense_changes_nothing(
    rig: Rig, book: Book
) -> None:
    visitor = browser(rig, "carl")
    assert visitor.get("/admin/sections/99/gradebook").status == 404
    form = shown(visitor.get(path(book)))
    for seen in ("{", "[]", '{"1.1": 3}', "null", "[" * 100_000):
        page = visitor.post(path(book), form | {"seen": seen})
        assert page.status == 400, seen
    hostile = {"c.x.y": "1", "c.99.1": "5", f"c.{book.items['Quiz']}.999": "5", "c.": "5"}
    page = visitor.post(path(book), form | hostile)
    assert "there is no such cell any more" in page.message()
    unseen = {**form, "seen": "{}", name(book, "Ada", "Quiz"): "5"}
    assert "somebody else changed it" in visitor.post(path(book), unseen).message()
    assert cell(rig, book, "Ada", "Quiz").text == ""


def test_a_class_of_thirty_with_sixty_items_is_one_form(rig: Rig) -> None:
    students = tuple(f"S{n}" for n in range(30))
    with rig.app.database.write() as connection:
        book = make_book(
            connection, START_UNIX_S, {f"Item {n}": 10 for n in range(60)}, students=students
        )
    visitor = browser(rig, "carl")
    page = visitor.get(path(book))
    form = shown(page)
    assert len(json.loads(form["seen"])) == 1800
    for n in range(30):
        form[name(book, f"S{n}", "Item 7")] = str(n % 10)
    assert visitor.post(path(book), form).status == 303
    assert cell(rig, book, "S29", "Item 7").text == "9"


def test_a_form_that_is_too_old_comes_back_filled_in(rig: Rig, book: Book) -> None:
    carl = browser(rig, "carl")
    form = shown(carl.get(path(book))) | {name(book, "Ada", "Quiz"): "18"}
    carl.cookies.update(browser(rig, "carl").cookies)  # signed in anew in another tab
    page = carl.post(path(book), form)
    assert page.status == 403
    assert "What you typed is still here" in page.message("said")
    assert page.tree.xpath("string(//*[@id='unsaved'])") == "1 not saved yet"
    assert cell(rig, book, "Ada", "Quiz").text == ""
    assert carl.post(path(book), shown(page)).status == 303
    assert cell(rig, book, "Ada", "Quiz").text == "18"


@pytest.mark.requirement("R77")
def test_a_session_that_ended_asks_for_the_password_and_the_sheet_comes_back(
    rig: Rig, book: Book
) -> None:
    carl = browser(rig, "carl")
    form = shown(carl.get(path(book))) | {name(book, "Ada", "Quiz"): "18"}
    rig.clock.now += tokens.IDLE_S + 1
    asked = carl.post(path(book), form)
    assert "What you typed is kept" in asked.message("said")
    fields = hidden(asked) | {"username": "carl", "password": PASSWORD}
    fill(browser(rig, "anna"), book, Ada_Essay="7", Ada_Quiz="3")
    onward = carl.post("/", fields)
    page = carl.post(path(book), hidden(onward))
    assert page.status == 200
    assert page.tree.xpath("string(//*[@id='unsaved'])") == "1 not saved yet"
    assert cell(rig, book, "Ada", "Quiz").text == "3"
    # What was seen then is remembered: somebody else was faster, and is not overwritten unseen.
    conflict = carl.post(path(book), shown(page))
    assert "somebody else changed it meanwhile, it is 3 now" in conflict.message()
    assert "Essay" not in conflict.message()


def hidden(page: Page) -> dict[str, str]:
    """The first form of the page itself."""
    fields = page.tree.xpath("(//main//form)[1]//input")
    return {f.get("name"): f.get("value") or "" for f in fields}


def test_a_refused_gradebook_comes_back_with_what_was_typed_and_why(
    rig: Rig, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    carl = browser(rig, "carl")
    form = shown(carl.get(path(book))) | {name(book, "Ada", "Quiz"): "18"}

    def refuse(*_args: object) -> None:
        raise Refused("points", "The term is closed since a minute ago.")

    with monkeypatch.context() as refusing:
        refusing.setattr(entering, "save", refuse)
        page = carl.post(path(book), form)
    assert page.status == 400
    assert page.message() == "The term is closed since a minute ago."
    assert page.tree.xpath("string(//*[@id='unsaved'])") == "1 not saved yet"
    assert carl.post(path(book), shown(page)).status == 303
    assert cell(rig, book, "Ada", "Quiz").text == "18"
