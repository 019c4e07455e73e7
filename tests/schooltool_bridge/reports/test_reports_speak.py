"""Reports speak the school's language: on paper, as CSV, and once they are issued."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mnet.language import speaking
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import ScoreSystem, shown_mark
from schooltool_bridge.reports import issuing, section_report, transcript
from schooltool_bridge.reports.issuing import Office
from schooltool_bridge.reports.paper import Paper, csv_bytes
from schooltool_bridge.school import closing, final_marks
from tests.helpers.school import GRADE, A, School
from tests.schooltool_bridge.hand.test_by_hand import ids, write
from tests.schooltool_bridge.school.test_closing import filed_under, system_called

ZONE = ZoneInfo("Europe/Berlin")
PERCENT = Decimal("85.5")


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    school.begin_term()
    school.push("new_grade", **GRADE | {"points_earned": 17.1})
    yield school
    school.database.close()


def transcript_of(school: School) -> Paper:
    anna, _algebra, _quiz = ids(school)
    found = school.read(lambda c: transcript.read(c, anna, school.now))
    return transcript.paper_of(found, ZONE)


def test_a_mark_is_stored_alike_in_every_language_and_shown_in_the_readers(school: School) -> None:
    autumn, percent = filed_under(school), system_called(school, "Percent")
    with speaking("de"):
        write(school, closing.close_term, autumn, percent)
    (final,) = school.read(final_marks.finals)
    assert final.mark == f"{final.percent} %"
    assert "." in final.mark
    with speaking("de"):
        (row,) = transcript_of(school).tables[0].rows
    assert row[2] == final.mark.replace(".", ",")
    (row,) = transcript_of(school).tables[0].rows
    assert row[2] == final.mark


def test_a_mark_that_is_no_percentage_is_shown_as_it_is_stored() -> None:
    assert ScoreSystem(1, "Percent", "percent").mark(PERCENT) == "85.5 %"
    with speaking("de"):
        assert shown_mark("85.5 %", PERCENT) == "85,5 %"
        assert shown_mark("B.1", PERCENT) == "B.1"


def test_heads_and_states_are_translated(school: School) -> None:
    with speaking("de"):
        made = transcript_of(school)
    assert made.title == "Leistungsübersicht"
    assert [c.title for c in made.tables[0].columns][:4] == ["Lerngruppe", "Kurs", "Note", "Status"]
    assert made.tables[0].rows[0][3] == "Aktiv"
    assert made.tables[0].title == "Laufend"


def test_numbers_in_a_csv_keep_their_point_under_translated_heads(school: School) -> None:
    _anna, algebra, _quiz = ids(school)
    report = school.read(lambda c: section_report.read(c, algebra, None, school.now, ZONE))
    with speaking("de"):
        data = csv_bytes(section_report.report_of(report, ZONE).flat).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(data, newline=""))
    assert row["Status"] == "Aktiv"
    assert row["Prozent"] == str(report.students[0].percent)


def test_an_issued_report_is_set_in_the_schools_language(school: School) -> None:
    anna, _algebra, _quiz = ids(school)
    with speaking("de"):
        issued = issuing.issue_to(
            school.database, Author("head", school.now), "transcript", anna, None,
            Office("Bergschule", ZONE),
        )  # fmt: skip
    assert issued.title.startswith("Leistungsübersicht: ")
    pdf = school.read(lambda c: issuing.pdf_of(c, issued.number))[1]
    assert re.search(rb"/Lang ?\(de\)", pdf)
