"""Uploading and looking after assessments in the pages: previewed, agreed to, done as shown."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from peers import audit
from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history.author import Author
from tests.helpers.admins import browser, site_with_admins
from tests.helpers.gradebooks import Book, make_book, system_id
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.visitor import SAME, Page, Visitor

BOUNDARY = "----form"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with site_with_admins(tmp_path) as made:
        yield made


@pytest.fixture
def book(rig: Rig) -> Book:
    with rig.app.database.write() as connection:
        letters = Detail(score_system_id=system_id(connection, "Letter grades"))
        return make_book(connection, START_UNIX_S, {"Quiz": 20, "Essay": (50, letters)})


def path(book: Book, rest: str) -> str:
    return f"/admin/sections/{book.section_id}/{rest}"


def send(visitor: Visitor, book: Book, what: str, data: bytes, name: str = "x.csv") -> Page:
    """Upload a file as a browser does."""
    token = visitor.get(path(book, "upload")).form_token
    parts = b""
    for field, value in (("form_token", token), ("what", what)):
        parts += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body = parts + head.encode() + b"Content-Type: text/csv\r\n\r\n" + data
    kind = {**SAME, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return visitor.post(path(book, "upload"), body + f"\r\n--{BOUNDARY}--\r\n".encode(), kind)


def agreed(page: Page) -> dict[str, str]:
    fields = page.tree.xpath("//main//input[@type='hidden']")
    return {f.get("name"): f.get("value") for f in fields}


def counts(page: Page) -> str:
    return words(page.tree.xpath("//ul[@class='counts']")[0])


def words(element: Any) -> str:
    return " ".join(text for part in element.itertext() for text in part.split())


def marks(rig: Rig, book: Book) -> dict[tuple[str, str], str]:
    with rig.app.database.read() as connection:
        found = grid.read(connection, book.section_id, rig.app.settings.zone)
    titles = {c.item.id: c.item.name for c in found.columns}
    return {(r.name, titles[c.item_id]): c.text for r in found.rows for c in r.cells if c.text}


@pytest.mark.requirement("R77")
def test_grades_are_shown_first_and_written_as_shown(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    data = "Name;idnumber;Quiz;Essay\nAda;n-Ada;18,5;A\nBo;N-BO;;EX\n".encode("utf-16")
    seen = send(visitor, book, "grades", data, "marks <1>.csv")
    assert seen.status == 200, seen.message()
    assert counts(seen) == "3 new 0 changed 0 unchanged 0 failed"
    assert "What marks &lt;1&gt;.csv would change" in seen.text
    assert "Columns that are not read: Name." in seen.text
    assert marks(rig, book) == {}, "nothing happens before the yes"
    done = visitor.post(path(book, "upload"), agreed(seen))
    assert done.location == path(book, "gradebook")
    assert "3 grades taken from the file" in visitor.get(done.location).message("said")
    assert marks(rig, book) == {
        ("Ada LAda", "Quiz"): "18.5", ("Ada LAda", "Essay"): "A", ("Bo LBo", "Essay"): "EX",
    }  # fmt: skip
    again = send(visitor, book, "grades", data)
    assert counts(again) == "0 new 0 changed 3 unchanged 0 failed"
    assert "there is nothing to change" in again.text
    with rig.app.database.read() as connection:
        (last,) = audit.entries(connection, limit=1)
    assert (last.actor, last.action, last.detail["new"]) == ("carl", "grades uploaded", 3)


@pytest.mark.requirement("E44")
def test_every_wrong_place_is_named_and_nothing_is_written(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    data = b"username,Quiz,Essay,Tset\nada,-2,G,1\nnobody,3,,\n,4,,\nbo,5,B,\nbo,6,,\n"
    page = send(visitor, book, "grades", data)
    assert page.status == 400
    rows = page.tree.xpath("//tbody/tr")
    assert [words(r) for r in rows] == [
        "Row 1, column D There is no assessment “Tset” in this section.",
        "Row 2, column B Ada LAda, Quiz: “-2” is below zero.",
        "Row 2, column C Ada LAda, Essay: “G” is none of A, B, C, D, F, EX.",
        "Row 3, column A No student of this section has the username “nobody”.",
        "Row 4 This row names no student.",
        "Row 6, column B Bo LBo, Quiz: stands in row 5 already.",
    ]
    assert "rows" not in agreed(page), "there is nothing to agree to"
    assert marks(rig, book) == {}


def test_what_changed_meanwhile_is_shown_again(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    seen = send(visitor, book, "grades", b"username,Quiz,Essay\nada,18,A\n")
    place = book.items["Essay"], book.students["Ada"]
    with rig.app.database.write() as connection:
        grades.enter(connection, Author("head", START_UNIX_S), *place, Decimal(41))
    again = visitor.post(path(book, "upload"), agreed(seen))
    assert "Meanwhile something changed here" in again.message()
    assert counts(again) == "1 new 1 changed 0 unchanged 0 failed"
    assert marks(rig, book) == {("Ada LAda", "Essay"): "B"}
    assert visitor.post(path(book, "upload"), agreed(again)).status == 303
    assert marks(rig, book)["Ada LAda", "Essay"] == "A"


@pytest.mark.requirement("R63")
def test_assessments_are_uploaded_and_a_peers_points_are_left_to_it(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    data = b"title,points,worksheet\nQuiz,25,Term 1\nTalk,5,term 1\n"
    seen = send(visitor, book, "assessments", data)
    assert counts(seen) == "1 new 1 changed 0 unchanged 0 failed"
    assert "points 20 → 25; worksheet none → Term 1" in seen.text
    assert visitor.post(path(book, "upload"), agreed(seen)).status == 303
    sheets = visitor.get(path(book, "worksheets"))
    assert "2 assessments" in sheets.text
    assert "0 new 0 changed 2 unchanged" in counts(send(visitor, book, "assessments", data))


@pytest.mark.parametrize(
    ("what", "data", "said"),
    [
        ("grades", b"", "The file holds no rows"),
        ("grades", b"PK\x03\x04 nonsense", "damaged or locked"),
        ("grades", b"\xd0\xcf\x11\xe0", "old Excel file"),
        ("nothing", b"a,b", "Choose what the file holds"),
        ("grades", b"y" * (5 * 1024 * 1024 + 1), "at most 5 MB"),
        ("assessments", b"z" * (7 * 1024 * 1024), "more than this page takes"),
    ],
)
def test_what_is_no_spreadsheet_is_refused_in_words(
    rig: Rig, book: Book, what: str, data: bytes, said: str
) -> None:
    page = send(browser(rig, "carl"), book, what, data)
    assert page.status == 400
    assert said in page.text


def test_a_forged_or_strangers_upload_does_nothing(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    seen = send(visitor, book, "grades", b"username,Quiz\nada,18\n")
    for rows in ("!", "AAAA", "eJw" * 1000):
        page = visitor.post(path(book, "upload"), agreed(seen) | {"rows": rows})
        assert page.status == 400, rows
        assert "upload the file again" in page.text
    forged = agreed(seen) | {"digest": "0" * 64}
    assert "Meanwhile something changed" in visitor.post(path(book, "upload"), forged).message()
    no_token = agreed(seen) | {"form_token": "x"}
    assert visitor.post(path(book, "upload"), no_token).status == 403
    assert visitor.get("/admin/sections/99/upload").status == 404
    visitor.cookies.clear()
    assert visitor.get(path(book, "upload")).status == 303
    assert visitor.post(path(book, "upload"), agreed(seen)).status in {303, 403}
    assert marks(rig, book) == {}


def test_an_everyday_form_takes_no_files(rig: Rig, book: Book) -> None:
    kind = {**SAME, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    page = browser(rig, "carl").post(path(book, "worksheets"), b"--", kind)
    assert (page.status, "Only forms are taken here" in page.text) == (400, True)


def filled(page: Page) -> dict[str, Any]:
    """An assessment's form as a browser would send it."""
    (form,) = page.tree.xpath("//form[.//input[@name='label']]")
    return {name: value or "" for name, value in form.fields.items()}


@pytest.mark.requirement("R63")
def test_an_assessment_is_added_changed_and_deleted(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    new = path(book, "assessments/new")
    form = filled(visitor.get(new))
    wrong = visitor.post(new, form | {"name": "Talk", "points": "-1"})
    assert "Points are a number from 0 on" in wrong.message()
    assert filled(wrong)["name"] == "Talk", "what was typed is still there"
    made = visitor.post(
        new, form | {"name": "Talk", "points": "12,5", "due_day": "2026-12-01", "label": "T"}
    )
    assert made.location == path(book, "gradebook")
    with rig.app.database.read() as connection:
        talk = grid.section_of(connection, book.section_id).items[-1]
    assert (talk.name, str(talk.points), talk.label) == ("Talk", "12.5", "T")
    one = path(book, f"assessments/{talk.id}")
    changed = visitor.post(one, filled(visitor.get(one)) | {"name": "Speech", "extra_credit": "on"})
    assert changed.status == 303
    with rig.app.database.read() as connection:
        speech = grid.section_of(connection, book.section_id).items[-1]
    assert (speech.name, speech.extra_credit, speech.due_day) == ("Speech", True, talk.due_day)
    assert visitor.send(one, do="delete").status == 303
    assert visitor.get(one).status == 404
    other = path(book, f"assessments/{book.items['Quiz']}").replace("/1/", "/2/", 1)
    assert visitor.get(other).status == 404


def test_of_a_peers_assessment_only_the_schools_fields_change(rig: Rig) -> None:
    peer = rig.add("http://moodle.example.org")
    rig.call(peer, "schooltool/sis.php/new_section", {"idnumber": "5", "name": "Biology"})
    data: Any = {"sectionid": "5", "idnumber": "7", "name": "Quiz", "pointval": 68}
    rig.call(peer, "schooltool/sis.php/new_assessment", data)
    book = Book(1, {"Quiz": 1}, {})
    visitor = browser(rig, "carl")
    one = path(book, "assessments/1")
    page = visitor.get(one)
    assert "its name and points are changed there" in page.text
    form = filled(page) | {"name": "Mine", "points": "1", "label": "Q", "description": "a\r\nb"}
    assert visitor.post(one, form).status == 303
    with rig.app.database.read() as connection:
        (quiz,) = grid.section_of(connection, 1).items
    assert (quiz.name, str(quiz.points), quiz.label, quiz.description) == (
        "Quiz",
        "68",
        "Q",
        "a\nb",
    )
    assert "comes from a Moodle" in visitor.send(one, do="delete").message()
    page = send(visitor, book, "assessments", b"name,points\nQuiz,70\n")
    assert "comes from a Moodle, where it is worth 68" in page.text


def test_worksheets_are_added_renamed_and_put_in_order(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    sheets = path(book, "worksheets")
    for title in ("Term 1", "Term 2"):
        assert visitor.send(sheets, do="add", title=title).status == 303
    assert visitor.send(sheets, do="later", sheet="1", title="").status == 303
    assert visitor.send(sheets, do="rename", sheet="1", title="Exams").status == 303
    titles = visitor.get(sheets).tree.xpath("//input[@name='title']/@value")
    assert titles == ["Term 2", "Exams"]
    assert "already" in visitor.send(sheets, do="add", title="exams").message()
    assert "must not be empty" in visitor.send(sheets, do="add", title=" ").message()
    assert visitor.send(sheets, do="rename", sheet="99", title="x").status == 400
    with rig.app.database.write() as connection:
        other = make_book(connection, START_UNIX_S, {}, students=("Cy",))
        assessments.add(connection, Author("head", START_UNIX_S), other.section_id, "T", Decimal(1))
    assert visitor.send(path(other, "worksheets"), do="rename", sheet="1", title="x").status == 400


def test_the_preview_asks_about_more_than_an_assessment_is_worth(rig: Rig, book: Book) -> None:
    visitor = browser(rig, "carl")
    page = send(visitor, book, "grades", b"username,Quiz\nada,25\nbo,20\n")
    assert "1 grade is above what its assessment is worth. Is that meant?" in page.text
    assert "25; more than the 20 points that it is worth" in page.text
    assert visitor.post(path(book, "upload"), agreed(page)).status == 303
    assert "above what" not in send(visitor, book, "grades", b"username,Quiz\nada,25\n").text
