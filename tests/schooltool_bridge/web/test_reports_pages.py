"""Reports in the browser and by commands: every form, who may, what is written down; over HTTP too."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from peers import accounts, audit
from peers.accounts import CLERK
from schooltool_bridge.web import reports_pages
from schooltool_bridge.web.pages import frame_of
from tests.helpers.pushing import push, register
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Page, Visitor, filled, in_memory, over_http

MOODLE = "http://moodle.example.org"
PASSWORD = "correct horse battery"
HOSTILE = '"><script>alert(1)</script>'
DAY_S = 86_400
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1001", "username": "ada", "firstname": "Ada", "lastname": "Lovelace"}),
    ("fetch_user", {"idnumber": "1002", "username": "bob", "firstname": "=Bob", "lastname": HOSTILE}),
    ("new_section", {"idnumber": "algebra", "name": f"Algebra {HOSTILE}"}),
    ("new_enrolment", {"sectionid": "algebra", "userid": "1001", "role": "student"}),
    ("new_enrolment", {"sectionid": "algebra", "userid": "1002", "role": "student"}),
    ("new_assessment", {"sectionid": "algebra", "idnumber": "quiz", "name": "Quiz", "pointval": 20}),
    ("new_grade", {"assessmentid": "quiz", "userid": "1001", "points_earned": 11}),
)  # fmt: skip
THREE = ("", ".csv", ".pdf")
REPORTS = [
    "/admin/people/1/progress", "/admin/people/1/transcript", "/admin/sections/1/section-report",
    "/admin/sections/1/roster", "/admin/sections/1/gradebook-print", "/admin/sections/1/section-history",
    "/admin/reports/failing", "/admin/reports/honor-roll", "/admin/reports/enrolments-by-week",
]  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        moodle = made.add(MOODLE)
        for event, data in EVENTS:
            made.call(moodle, SIS + event, {**data, "timemodified": START_UNIX_S - 2 * DAY_S})
        with made.app.database.write() as connection:
            for name, role in (("carl", CLERK),):
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
        yield made


@pytest.fixture
def visitor(rig: Rig) -> Visitor:
    found = Visitor(in_memory(frame_of(rig.app)))
    assert found.sign_in("carl", PASSWORD).status == 303
    return found


def downloads(rig: Rig) -> list[tuple[str, Any]]:
    with rig.app.database.read() as connection:
        found = audit.entries(connection)
    return [(e.subject, e.detail["form"]) for e in found if e.action == "report downloaded"]


def table(page: Page) -> list[list[str]]:
    assert page.status == 200
    rows = page.tree.xpath("//article//tbody/tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


@pytest.mark.requirement("R4", "R78")
@pytest.mark.parametrize("path", REPORTS)
def test_every_report_is_a_page_a_csv_and_a_pdf(rig: Rig, visitor: Visitor, path: str) -> None:
    shown = visitor.get(path)
    assert shown.status == 200
    assert "<script>alert" not in shown.text
    assert downloads(rig) == []
    as_csv = visitor.get(path + ".csv")
    assert as_csv.header("Content-Type") == "text/csv; charset=utf-8"
    assert as_csv.header("Content-Disposition").startswith('attachment; filename="')
    assert not any(line.startswith(("=", "@")) for line in as_csv.text.splitlines())
    as_pdf = visitor.get(path + ".pdf?size=letter")
    assert as_pdf.body.startswith(b"%PDF-")
    assert b"/MediaBox[0 0 612 792]" in as_pdf.body or b"/MediaBox[0 0 792 612]" in as_pdf.body
    book = load_workbook(io.BytesIO(visitor.get(path + ".xlsx").body))
    cells = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    assert len(cells) == len(list(csv.reader(io.StringIO(as_csv.text, newline=""))))
    assert not any(cell.data_type == "f" for row in book.worksheets[0].iter_rows() for cell in row)
    assert downloads(rig) == [(f"{path}.{ending}", ending) for ending in ("xlsx", "pdf", "csv")]


def test_a_progress_report_is_of_the_day_that_was_chosen(visitor: Visitor) -> None:
    now = table(visitor.get("/admin/people/1/progress"))
    assert ["Quiz", "11", "20", "55 %", ""] in now
    then = visitor.get("/admin/people/1/progress?at=2020-01-01")
    assert then.message("empty").startswith("No section is known")
    links = then.tree.xpath("//article//a[contains(@href, '.pdf')]/@href")
    assert links[0].endswith("/admin/people/1/progress.pdf?at=2020-01-01")
    assert visitor.get("/admin/people/1/progress?at=yesterday").status == 400


def test_what_is_not_there_or_makes_no_sense_is_said(visitor: Visitor) -> None:
    for path in (
        "people/99/progress",
        "sections/99/section-report",
        "sections/99/section-history",
        f"people/{2**31}/transcript.csv",
    ):
        assert visitor.get("/admin/" + path).status == 404, path
    for query in ("below=x", "below=NaN", "below=-1", "below=1e9999999"):
        assert visitor.get("/admin/reports/failing?" + query).status == 400, query
    assert visitor.get("/admin/reports/failing?term=7").status == 404
    assert visitor.get("/admin/people/1/progress.pdf?size=a0").status == 400


def test_the_failing_list_goes_below_what_was_asked(visitor: Visitor) -> None:
    assert [row[4] for row in table(visitor.get("/admin/reports/failing"))] == ["55 %"]
    assert table(visitor.get("/admin/reports/failing?below=55")) == []


def test_students_and_sections_are_found_by_name_and_number(visitor: Visitor) -> None:
    for words, wanted in {
        "love": ["/admin/people/1/progress", "/admin/people/1/transcript"],
        "1001": ["/admin/people/1/progress", "/admin/people/1/transcript"],
        "ada xyz": [],
        "%": [],
        "ALGEB": [
            f"/admin/sections/1/{r}"
            for r in ("gradebook-print", "roster", "section-history", "section-report")
        ],
    }.items():
        page = visitor.get(f"/admin/reports?q={words.replace('%', '%25').replace(' ', '+')}")
        found = page.tree.xpath("//main//a[@class='fact']/@href")
        assert [link.removeprefix("http://sis.example.org") for link in found] == wanted, words


def test_a_history_is_chosen_by_kind_and_person_and_goes_on(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {
        row[2] for row in table(visitor.get("/admin/sections/1/section-history?kind=grade"))
    } == {"grade"}
    of_bob = table(visitor.get("/admin/sections/1/section-history?person=2"))
    assert [row[2] for row in of_bob] == ["enrolment"]
    whole = table(visitor.get("/admin/sections/1/section-history"))
    monkeypatch.setattr(reports_pages, "ROWS_A_PAGE", 2)
    met, path = [], "/admin/sections/1/section-history"
    while path:
        page = visitor.get(path)
        met += table(page)
        links = page.tree.xpath("//article//a[text()='Earlier']/@href")
        path = links[0].removeprefix("http://sis.example.org") if links else ""
    assert met == whole
    assert len(whole) == 5


def test_only_clerks_and_managers_see_reports(rig: Rig) -> None:
    routes = [filled(r.rule) for r in reports_pages.ReportsPages(rig.app.parts).routes()]
    assert len(routes) == 1 + 4 * len(REPORTS)
    stranger = Visitor(in_memory(frame_of(rig.app)))
    for path in routes:
        assert stranger.get(path).location.startswith("/?next="), path
    assert downloads(rig) == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "password").write_text(PASSWORD)
    made = Site(
        folder / "home", "--admin", "head", "--admin-password-file", str(folder / "password")
    )
    with made:
        peer: FakePeer = register(made)
        for event, data in EVENTS:
            push(made, peer, event, {**data, "timemodified": int(time.time()) - 2 * DAY_S})
        yield made


def test_a_real_server_gives_out_a_report(site: Site) -> None:
    visitor = Visitor(over_http(site.port))
    visitor.sign_in("head", PASSWORD)
    assert ["Quiz", "11", "20", "55 %", ""] in table(visitor.get("/admin/people/1/progress"))
    made = visitor.get("/admin/people/1/progress.pdf")
    assert (made.header("Content-Type"), made.body[:5]) == ("application/pdf", b"%PDF-")


def test_a_report_of_a_day_is_one_file_by_page_and_by_command(site: Site, tmp_path: Path) -> None:
    visitor, pdf = Visitor(over_http(site.port)), tmp_path / "p.pdf"
    visitor.sign_in("head", PASSWORD)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - DAY_S))
    site.run("report", "progress", "1001", "--at", day, "--pdf", str(pdf))
    assert pdf.read_bytes() == visitor.get(f"/admin/people/1/progress.pdf?at={day}").body


def test_the_commands_print_what_scripts_and_people_read(site: Site, tmp_path: Path) -> None:
    found = site.run("report", "progress", "1001")
    assert found["sections"][0]["assessments"][0]["points"] == 11
    assert set(found) == {"person", "at", "sections"}
    assert site.run("report", "progress", "1001", "--at", "2020-01-01") == {
        "person": "1001", "at": "2020-01-01T23:59:59Z", "sections": [],
    }  # fmt: skip
    assert site.run("report", "transcript", "1001")["sections"][0]["percent"] == 55
    history = site.run("report", "section-history", "algebra", "--kind", "grade")
    assert [line["after"] for line in history] == ["11"]
    text = site.text("report", "progress", "1001")
    assert "Progress report: Ada Lovelace" in text
    assert "55 %" in text
    pdf, csv = tmp_path / "p.pdf", tmp_path / "p.csv"
    assert json.loads(
        site.text(
            "report",
            "progress",
            "1001",
            "--pdf",
            str(pdf),
            "--csv",
            str(csv),
            "--paper",
            "letter",
            "--json",
        )
    )
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert "'=Bob" not in csv.read_text("utf-8-sig")
    with pytest.raises(Refused, match="cannot be written"):
        site.text("report", "transcript", "1001", "--pdf", str(tmp_path / "no" / "p.pdf"))
    with pytest.raises(Refused, match="no person 'nobody'"):
        site.text("report", "transcript", "nobody")
