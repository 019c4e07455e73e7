"""A report is one file, found by being there; the honor roll and enrolments by week are two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.accounts import CLERK
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.reports import registry
from schooltool_bridge.reports.report import Asked
from schooltool_bridge.web import manual
from tests.helpers.framed import signed_in
from tests.helpers.report_story import (
    ADA,
    BOB,
    CLEO,
    ZONE,
    enrol,
    file_under_a_term,
    final,
    graded,
    on,
)
from tests.helpers.rig import SIS, START_UNIX_S, Rig, make_rig
from tests.helpers.school import School
from tests.helpers.site import Refused as SiteRefused
from tests.helpers.site import Site


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A Moodle with one section, in which there are two."""
    made = make_rig(tmp_path)
    with made.app:
        moodle = made.add("http://moodle.example.org")
        made.call(moodle, SIS + "new_section", {"idnumber": "algebra", "name": "Algebra", "timemodified": START_UNIX_S})  # fmt: skip
        for who in (ADA, BOB):
            made.call(moodle, SIS + "fetch_user", {"idnumber": who, "username": who, "firstname": "A", "lastname": "B", "timemodified": START_UNIX_S})  # fmt: skip
            made.call(moodle, SIS + "new_enrolment", {"sectionid": "algebra", "userid": who, "role": "student", "timemodified": START_UNIX_S})  # fmt: skip
        yield made


def rows(school: School, name: str, day: float | None = None, **given: str) -> list[dict[str, Any]]:
    """What --json prints of one of the school's reports."""
    report = registry.find(None, name)
    with school.database.read() as connection:
        at = None if day is None else on(day)
        chosen = report.chosen(connection, given)
        asked = Asked(connection, 0, at, school.now, ZONE, chosen)
        value = report.value(report.read(asked), asked)
    assert isinstance(value, list)
    return value


@pytest.mark.requirement("R78", "R4")
def test_the_honor_roll_goes_by_the_average_as_of_a_day(school: School) -> None:
    for who, quiz, essay, day in ((ADA, 19, 78, 12), (BOB, 20, 40, 12)):
        graded(school, "quiz", who, quiz, day)
        graded(school, "essay", who, essay, day + 8)
    assert [(r["student"], r["average"]) for r in rows(school, "honor-roll")] == [
        ("Lovelace, Ada", 97)
    ]
    assert [r["student"] for r in rows(school, "honor-roll", 13)] == ["Boole, Bob", "Lovelace, Ada"]
    assert rows(school, "honor-roll", 11) == []
    assert len(rows(school, "honor-roll", average="60")) == 2
    assert rows(school, "honor-roll", average="97.01") == []


def test_who_failed_a_section_or_stands_too_low_in_one_is_on_no_honor_roll(school: School) -> None:
    graded(school, "quiz", ADA, 20, 12)
    enrol(school, "fall", ADA, 1)
    school.push("new_assessment", sectionid="fall", idnumber="play", name="Play", pointval=10, timemodified=on(2))  # fmt: skip
    graded(school, "play", ADA, 8, 13)
    assert [(r["sections"], r["average"], r["lowest"]) for r in rows(school, "honor-roll")] == [
        (2, 90, 80)
    ]
    assert rows(school, "honor-roll", lowest="80.5") == []
    school.now = on(40)
    final(school, ADA, "F", "96", day=30)
    assert rows(school, "honor-roll") == [], "a mark that does not pass, whatever its percentage"
    assert len(rows(school, "honor-roll", 29)) == 1


def test_an_honor_roll_of_a_term_counts_its_sections_alone(school: School) -> None:
    file_under_a_term(school)
    enrol(school, "fall", ADA, 1)
    graded(school, "quiz", ADA, 20, 12)
    graded(school, "essay", ADA, 80, 12)
    assert [r["sections"] for r in rows(school, "honor-roll", term="Autumn")] == [1]
    with pytest.raises(NotThere, match="there are: "):
        rows(school, "honor-roll", term="Summer")
    with pytest.raises(Refused, match="Average at least, percent"):
        rows(school, "honor-roll", average="much")


@pytest.mark.requirement("R78", "R73")
def test_enrolments_are_counted_at_every_weeks_end(school: School) -> None:
    # Sundays of the story are its days 6, 13, 20; Ada came on day 0, Bob on day 10.
    enrol(school, "algebra", CLEO, 11)
    school.push("end_enrolment", sectionid="algebra", userid=CLEO, timemodified=on(15))
    school.now = on(40)
    found = rows(school, "enrolments-by-week", 22, weeks="4")
    of_algebra = [tuple(r.values())[2:] for r in found if r["section"] == "algebra"]
    assert of_algebra == [
        ("2026-09-13", 1, 1, 0), ("2026-09-20", 3, 2, 0), ("2026-09-27", 2, 0, 1),
        ("2026-09-29", 2, 0, 0),
    ]  # fmt: skip
    assert [r for r in found if r["section"] == "fall"] == [], "nobody was ever in it"


def test_a_long_time_of_weeks_goes_on_in_further_tables(school: School) -> None:
    report = registry.find(None, "enrolments-by-week")
    with school.database.read() as connection:
        chosen = report.chosen(connection, {"weeks": "30"})
        made = report.made(Asked(connection, 0, on(200), on(201), ZONE, chosen))
    assert [len(table.columns) for table in made.tables] == [13, 13, 7]
    assert [row[0] for row in made.tables[0].rows] == ["Algebra", "Together"]
    assert len(made.flat.rows) == 30


def example() -> str:
    """The report that the manual shows."""
    text = (manual.FOLDER / "reports.md").read_text("utf-8")
    return text.partition("```python\n")[2].partition("```")[0]


@pytest.mark.requirement("R78")
def test_the_manuals_example_is_a_page_a_csv_and_a_pdf_by_being_there(rig: Rig) -> None:
    folder = rig.app.settings.home / registry.FOLDER
    folder.mkdir()
    (folder / "busy_sections.py").write_text(example())
    (folder / "broken.py").write_text("no python")
    (folder / "empty.py").write_text("")
    (folder / "Not a name.py").write_text(example())
    clerk = signed_in(rig, CLERK)
    found = clerk.get("/admin/reports")
    titles = [title.text for title in found.tree.iter("h3")]
    assert titles == ["Busy sections", "Enrolments by week", "Failing list", "Honor roll"]
    page = clerk.get("/admin/reports/busy-sections?at_least=2")
    rows = [["".join(c.itertext()) for c in row] for row in page.tree.xpath("//article//tbody/tr")]
    assert rows == [["Algebra", "2"]]
    assert clerk.get("/admin/reports/busy-sections.csv").text.splitlines()[1:] == ["Algebra,2"]
    assert clerk.get("/admin/reports/busy-sections.pdf").body.startswith(b"%PDF-")
    assert clerk.get("/admin/reports/busy-sections?at_least=3").message("empty") == "Nothing."
    assert clerk.get("/admin/reports/busy-sections?at_least=x").status == 400
    assert clerk.get("/admin/reports/broken").status == 404


def test_a_schools_own_report_is_a_command_too(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    folder = site.home / registry.FOLDER
    folder.mkdir()
    (folder / "busy_sections.py").write_text(example())
    (folder / "broken.py").write_text("no python")
    (folder / "failing.py").write_text(example())
    assert site.run("report", "busy-sections", "--at-least", "0") == []
    pdf, csv = tmp_path / "b.pdf", tmp_path / "b.csv"
    shown = site.text("report", "busy-sections", "--pdf", str(pdf), "--csv", str(csv))
    assert "Busy sections: School" in shown
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert csv.read_text("utf-8-sig").splitlines() == ["Section,Students"]
    with pytest.raises(SiteRefused, match=r"broken\.py cannot be read: SyntaxError"):
        site.text("report", "broken")
    assert "Failing list" in site.text("report", "failing"), "none takes the name of one of ours"


def test_reports_of_the_school_are_commands_with_their_choices(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    for name in ("failing", "honor-roll", "enrolments-by-week"):
        assert site.run("report", name) == []
    with pytest.raises(SiteRefused, match="Weeks: a number from 1 to 53"):
        site.run("report", "enrolments-by-week", "--weeks", "0")
