"""Lists: sorted by each column, columns chosen, paged, taken away as files and printed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from openpyxl import load_workbook

from mnet.xmlrpc import Value
from peers import audit
from peers.web.lists import ListOf
from schooltool_bridge.web import people_pages, sections_list
from tests.helpers.admins import browser, site_with_admins
from tests.helpers.rig import SIS, Rig
from tests.helpers.visitor import Page, Visitor

PEOPLE, SECTIONS = "/admin/people", "/admin/sections"
LISTS: dict[str, ListOf[object]] = {
    PEOPLE: people_pages.LIST,  # type: ignore[dict-item] # of one kind of row each
    SECTIONS: sections_list.LIST,  # type: ignore[dict-item] # of another kind
}
FORMULA = "=1+1"
# Last name, first name, user name, id number, mail; ä stands beside a.
NAMES = (
    ("Zander", "Ann", "zed", "n3", "c@example.org"),
    ("Äpfel", "Bo", "bo", "n1", ""),
    ("Bauer", "Cy", FORMULA, "n2", "a@example.org"),
)
ROLES = (
    ("n3", "5", "teacher"),
    ("n1", "5", "student"),
    ("n2", "5", "student"),
    ("n1", "6", "student"),
)


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    with site_with_admins(tmp_path, database_url) as made:
        moodle = made.add("http://moodle.example.org")
        for last, first, username, idnumber, email in NAMES:
            person: Value = {
                "lastname": last, "firstname": first, "username": username, "idnumber": idnumber,
                "email": email,
            }  # fmt: skip
            made.call(moodle, SIS + "fetch_user", person)
        for number, name in (("5", "Biology"), ("6", "Ärzte"), ("7", "Chemistry")):
            made.call(moodle, SIS + "new_section", {"idnumber": number, "name": name})
        for who, section, role in ROLES:
            data: Value = {"sectionid": section, "userid": who, "role": role}
            made.call(moodle, SIS + "new_enrolment", data)
        yield made


def first_column(page: Page) -> list[str]:
    return [str(a.text).split()[-1] for a in page.tree.xpath("//tbody//th/a")]


def heads(page: Page) -> list[str]:
    return [str(e.text_content()) for e in page.tree.xpath("//thead//th[not(@class='tick')]")]


@pytest.mark.usefixtures("rig")
def test_lists_on_each_database(rig: Rig) -> None:
    """Of one site, since each takes a second to make."""
    carl = browser(rig, "carl")
    is_sorted_by_each_column_either_way(carl)
    is_the_same_in_files(rig, carl)
    shows_the_columns_that_were_chosen(carl)
    shows_a_roster_in_the_order_of_lists(carl)


def is_sorted_by_each_column_either_way(carl: Visitor) -> None:
    for path, column, expected in (
        (PEOPLE, "", "Äpfel Bauer Zander"), (PEOPLE, "-name", "Zander Bauer Äpfel"),
        (PEOPLE, "idnumber", "Äpfel Bauer Zander"), (PEOPLE, "-idnumber", "Zander Bauer Äpfel"),
        # Who has none comes last either way.
        (PEOPLE, "email", "Bauer Zander Äpfel"), (PEOPLE, "-email", "Zander Bauer Äpfel"),
        (PEOPLE, "role", "Äpfel Bauer Zander"), (PEOPLE, "-role", "Zander Äpfel Bauer"),
        # All alike: by name.
        (PEOPLE, "linked", "Äpfel Bauer Zander"), (PEOPLE, "-linked", "Äpfel Bauer Zander"),
        (PEOPLE, "-right", "Äpfel Bauer Zander"), (PEOPLE, "no-such", "Äpfel Bauer Zander"),
        (SECTIONS, "", "Ärzte Biology Chemistry"), (SECTIONS, "-name", "Chemistry Biology Ärzte"),
        (SECTIONS, "-idnumber", "Chemistry Ärzte Biology"),
        (SECTIONS, "teachers", "Biology Ärzte Chemistry"),
        (SECTIONS, "students", "Chemistry Ärzte Biology"),
        (SECTIONS, "-students", "Biology Ärzte Chemistry"),
        (SECTIONS, "-filed", "Ärzte Biology Chemistry"), (SECTIONS, "linked", "Ärzte Biology Chemistry"),
    ):  # fmt: skip
        page = carl.get(f"{path}?sort={column}" if column else path)
        assert first_column(page) == expected.split(), (path, column)
    for path, kind in LISTS.items():
        for usual in (c for c in kind.columns if c.is_usual):
            page = carl.get(f"{path}?sort={usual.name}")
            (at,) = page.tree.xpath("//th[@aria-sort='ascending']/a")
            asked = parse_qs(urlsplit(at.get("href")).query)
            assert (page.status, asked["sort"]) == (200, ["-" + usual.name])
            assert carl.get(f"{path}?sort=-{usual.name}").tree.xpath(
                "//th[@aria-sort='descending']"
            )


def shows_a_roster_in_the_order_of_lists(carl: Visitor) -> None:
    path = carl.get(SECTIONS).tree.xpath("//tbody//th/a[.='Biology']/@href")[0]
    rows = carl.get(path).tree.xpath("//h2[.='Students']/following::table[1]/tbody//th/a/text()")
    assert rows == ["Äpfel, Bo", "Bauer, Cy"]


def is_the_same_in_files(rig: Rig, carl: Visitor) -> None:
    asked = "sort=-name&role=student"
    made = carl.get(f"{PEOPLE}.csv?{asked}")
    rows = list(csv.reader(io.StringIO(made.body.decode("utf-8-sig"), newline="")))
    assert rows[0][:3] == ["Person", "User name", "ID number"]
    assert [row[:3] for row in rows[1:]] == [
        ["Cy Bauer", "'" + FORMULA, "n2"],
        ["Bo Äpfel", "bo", "n1"],
    ]
    assert 'filename="people.csv"' in made.header("Content-Disposition").replace("'", '"')
    book = load_workbook(io.BytesIO(carl.get(f"{PEOPLE}.xlsx?{asked}").body))
    cells = [[cell.value for cell in row[:2]] for row in book.worksheets[0].iter_rows()]
    assert cells[1:] == [["Cy Bauer", FORMULA], ["Bo Äpfel", "bo"]]
    assert book.worksheets[0]["B2"].data_type == "s"
    printed = carl.get(f"{PEOPLE}/print?{asked}")
    assert [e.text_content() for e in printed.tree.xpath("//tbody//th")] == ["Cy Bauer", "Bo Äpfel"]
    assert printed.tree.xpath("//article//a/@href") == [f"{PEOPLE}?{asked}"]
    sections = carl.get(f"{SECTIONS}.csv?sort=-students").body.decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in sections] == ["Section", "Biology", "Ärzte", "Chemistry"]
    assert sections[1].endswith(',"Zander, Ann",2')
    with rig.app.database.read() as connection:
        entries = [e for e in audit.entries(connection) if e.action == "list downloaded"]
    assert [(e.actor, e.subject, e.detail["rows"]) for e in entries] == [
        ("carl", f"{SECTIONS}.csv", 3), ("carl", f"{PEOPLE}.xlsx", 2), ("carl", f"{PEOPLE}.csv", 2),
    ]  # fmt: skip


def shows_the_columns_that_were_chosen(carl: Visitor) -> None:
    usual = ["Person", "User name", "ID number", "Is now", "Linked with", "May sign in"]
    assert heads(carl.get(PEOPLE)) == usual
    kept = carl.get(
        f"{PEOPLE}?columns=chosen&show.email=on&show.nonsense=on&role=student&sort=-name"
    )
    assert (kept.status, kept.location) == (303, f"{PEOPLE}?role=student&sort=-name")
    assert heads(carl.get(PEOPLE)) == ["Person", "Email"]
    assert carl.get(f"{PEOPLE}.csv").body.decode("utf-8-sig").splitlines()[0] == "Person,Email"
    assert heads(carl.get(SECTIONS))[1] == "ID number", "each list has its own"


@pytest.mark.usefixtures("rig")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pages_are_turned_and_too_many_rows_are_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    carl = browser(rig, "carl")
    monkeypatch.setattr(
        people_pages, "LIST", ListOf("people", "People", PEOPLE, people_pages.LIST.columns, people_pages.LIST.order, rows=1)
    )  # fmt: skip
    second = carl.get(f"{PEOPLE}?page=2&sort=-name")
    assert first_column(second) == ["Bauer"]
    turns = {str(a.text): a.get("href") for a in second.tree.xpath("//nav//form//a")}
    assert turns["Page before"] == f"{PEOPLE}?sort=-name"
    assert turns["Next page"] == f"{PEOPLE}?sort=-name&page=3"
    for number in ("99", "9" * 30, "-1", "x", "0"):
        assert len(first_column(carl.get(f"{PEOPLE}?page={number}"))) == 1, number
    monkeypatch.setattr("peers.web.list_files.MAX_ROWS", 2)
    monkeypatch.setattr("peers.web.list_files.ROWS_AT_ONCE", 2)
    refused = carl.get(f"{PEOPLE}.csv")
    assert refused.status == 400
    assert "3 rows are found, and at most 2 go in one file" in refused.text
    monkeypatch.setattr("peers.web.list_files.MAX_ROWS", 3)
    assert len(carl.get(f"{PEOPLE}.csv").body.splitlines()) == 4, "read two and then one"
