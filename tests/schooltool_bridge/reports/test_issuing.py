"""Reports are issued: numbered, kept as they were handed out, and told again to the byte."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from peers import audit
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import issuing, over_time, progress, transcript
from schooltool_bridge.reports.issuing import Issued, Office
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.reports.pdf import make_pdf
from schooltool_bridge.school import closing
from schooltool_bridge.store.model_reports import issued_report
from tests.helpers.school import GRADE, NOW, A, School
from tests.schooltool_bridge.hand.test_by_hand import ids, write
from tests.schooltool_bridge.school.test_closing import filed_under, system_called

ZONE = ZoneInfo("Europe/Berlin")
OFFICE = Office("Hill School", ZONE)
# The last second of 2026 by the school's clock.
NEW_YEAR_UNIX_S = 1_798_757_999
DAY_S = 86_400


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    school.begin_term()
    school.push("new_grade", **GRADE)
    yield school
    school.database.close()


def issue(school: School, kind: str, at_unix_s: int | None = None) -> Issued:
    anna, _algebra, _quiz = ids(school)
    school.now += 1
    author = Author("account head", school.now)
    return issuing.issue_to(school.database, author, kind, anna, at_unix_s, OFFICE)


def marks(school: School) -> list[str]:
    anna, _algebra, _quiz = ids(school)
    found = school.read(lambda c: transcript.read(c, anna, school.now))
    return [t.mark for t in found.taken]


def test_what_was_issued_prints_again_whatever_is_pushed_afterwards(school: School) -> None:
    anna, algebra, _quiz = ids(school)
    autumn, letters = filed_under(school), system_called(school, "Letter grades")
    write(school, closing.close_term, autumn, letters)
    issued = issue(school, "transcript")
    handed_out = school.read(lambda c: issuing.pdf_of(c, issued.number))[1]
    school.push("new_grade", **GRADE | {"points_earned": 10})
    again = school.read(lambda c: issuing.pdf_of(c, issued.number))
    assert again == (issued, handed_out)
    assert hashlib.sha256(handed_out).hexdigest() == issued.sha256
    assert marks(school) == ["A"], "nobody accepted the new mark"
    write(school, closing.accept, algebra, anna, why="the first was a slip")
    assert marks(school) == ["F"]
    assert school.read(lambda c: issuing.pdf_of(c, issued.number))[1] == handed_out
    assert issue(school, "transcript").sha256 != issued.sha256


def test_number_and_day_stand_on_the_paper(school: School) -> None:
    anna, _algebra, _quiz = ids(school)
    issued = issue(school, "progress")
    at = issued.issued_unix_s
    bare = school.read(
        lambda c: over_time.progress_paper(c, progress.read(c, anna, None, at, ZONE), ZONE)
    )
    assert bare.pictures, "what is issued is what was seen"
    with_number = issuing.numbered(bare, issued.number, at, ZONE)
    assert with_number.as_of.endswith(". No. 2026-000001, issued 18 Nov 2026")
    assert with_number.facts[-2:] == [("Number", "2026-000001"), ("Issued", "18 Nov 2026")]
    made = school.read(lambda c: issuing.pdf_of(c, issued.number))[1]
    assert made == make_pdf(with_number, school="Hill School")
    assert made != make_pdf(bare, school="Hill School")
    assert issued.title == "Progress report: Anna Ōquist – Ünï"


def printed(made: Paper, **_office: str) -> bytes:
    """Stands for a PDF where it does not matter how it looks."""
    return repr(made).encode()


def test_numbers_run_on_and_begin_anew_with_the_schools_year(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "make_pdf", printed)
    anna, _algebra, _quiz = ids(school)

    def number(now_unix_s: int) -> str:
        author = Author("head", now_unix_s)
        return issuing.issue_to(school.database, author, "progress", anna, None, OFFICE).number

    found = [number(NEW_YEAR_UNIX_S + after) for after in (-DAY_S, 0, 1, 2, -DAY_S)]
    assert found == ["2026-000001", "2026-000002", "2027-000001", "2027-000002", "2026-000003"]


def test_two_at_once_get_two_numbers(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "make_pdf", printed)
    anna, _algebra, _quiz = ids(school)
    together = Barrier(4)

    def issue_one(_turn: int) -> str:
        together.wait()
        author = Author("head", school.now)
        return issuing.issue_to(school.database, author, "progress", anna, None, OFFICE).number

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(issue_one, range(4)))
    assert sorted(found) == [f"2026-00000{n}" for n in (1, 2, 3, 4)]


def test_a_push_does_not_wait_for_the_typesetting_and_stands_in_the_report(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_set, is_pushed = Event(), Event()
    papers: list[Paper] = []

    def set_slowly(made: Paper, **office: str) -> bytes:
        papers.append(made)
        is_set.set()
        assert is_pushed.wait(20), "the push waits for the typesetting"
        return printed(made, **office)

    monkeypatch.setattr(issuing, "make_pdf", set_slowly)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(issue, school, "transcript")
        assert is_set.wait(20)
        school.push("new_grade", **GRADE | {"points_earned": 17})
        is_pushed.set()
        issued = running.result()
    before, after = papers
    assert (before.tables[0].rows[0][2], after.tables[0].rows[0][2]) == ("91.18 %", "25 %")
    assert school.read(lambda c: issuing.pdf_of(c, issued.number))[1] == printed(after)


def test_a_number_that_is_taken_meanwhile_is_not_given_again(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Issued] = []

    def overtaken(made: Paper, **office: str) -> bytes:
        monkeypatch.setattr(issuing, "make_pdf", printed)
        others.append(issue(school, "progress"))
        return printed(made, **office)

    monkeypatch.setattr(issuing, "make_pdf", overtaken)
    issued = issue(school, "transcript")
    assert (others[0].number, issued.number) == ("2026-000001", "2026-000002")
    assert b"2026-000002" in school.read(lambda c: issuing.pdf_of(c, issued.number))[1]


def test_a_report_of_records_that_always_change_is_issued_while_the_others_wait(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers: list[Paper] = []

    def unsettled(made: Paper, **office: str) -> bytes:
        papers.append(made)
        if len(papers) <= issuing.TRIES:
            school.push("new_grade", **GRADE | {"points_earned": len(papers)})
        return printed(made, **office)

    monkeypatch.setattr(issuing, "make_pdf", unsettled)
    issued = issue(school, "progress")
    assert len(papers) == issuing.TRIES + 1
    assert school.read(lambda c: issuing.pdf_of(c, issued.number))[1] == printed(papers[-1])
    anna, _algebra, _quiz = ids(school)
    at = issued.issued_unix_s
    now = school.read(
        lambda c: over_time.progress_paper(c, progress.read(c, anna, None, at, ZONE), ZONE)
    )
    assert papers[-1] == issuing.numbered(now, issued.number, at, ZONE)
    assert len({repr(p) for p in papers}) == issuing.TRIES + 1, "each is of other records"


def test_what_fails_takes_no_number(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, _algebra, _quiz = ids(school)

    def broken(_made: bytes) -> None:
        raise OSError("no ink")

    author = Author("head", school.now)
    with pytest.raises(OSError, match="no ink"):
        issuing.issue_to(school.database, author, "progress", anna, None, OFFICE, broken)
    with monkeypatch.context() as patched:
        patched.setattr(issuing, "make_pdf", lambda *_, **__: bytes(issuing.MAX_PDF_BYTES + 1))
        with pytest.raises(Refused, match="too large"):
            issue(school, "progress")
    for kind, at_unix_s, says in (
        ("diploma", None, "progress, transcript"),
        ("transcript", NOW + 3 * DAY_S, "as of today or a day before"),
        ("progress", 10**15, "as of today or a day before"),
    ):
        with pytest.raises(Refused, match=says):
            issue(school, kind, at_unix_s)
    assert school.read(issuing.listed) == ([], 0)
    assert issue(school, "progress").number == "2026-000001"


def test_what_was_issued_is_found_and_cannot_be_changed(school: School) -> None:
    anna, _algebra, _quiz = ids(school)
    first, second = issue(school, "progress", NOW - DAY_S), issue(school, "transcript")
    # The end of this very day is now.
    third = issue(school, "progress", school.now + 60)
    assert (first.at_unix_s, third.at_unix_s) == (NOW - DAY_S, third.issued_unix_s)
    everything = school.read(issuing.listed)
    assert everything == ([third, second, first], 3)
    assert school.read(lambda c: issuing.listed(c, person_id=anna, limit=1, skip=1)) == (
        [second],
        3,
    )
    assert school.read(lambda c: issuing.listed(c, number="00002")) == ([second], 1)
    assert school.read(lambda c: issuing.listed(c, number="%")) == ([], 0)
    assert school.read(lambda c: issuing.listed(c, person_id=anna + 1)) == ([], 0)
    spaced = re.sub("(..)", r"\1:", second.sha256.upper())
    assert school.read(lambda c: issuing.by_digest(c, issuing.digest_in(spaced))) == second
    assert school.read(lambda c: issuing.by_digest(c, "0" * 64)) is None
    for wrong in ("", "abc", "g" * 64, "é" * 64):
        with pytest.raises(Refused, match="64 characters"):
            issuing.digest_in(wrong)
    for unknown in ("2026-000009", "", "2026-1", "x\0"):
        with pytest.raises(NotThere, match="was issued here"), school.database.read() as c:
            issuing.one(c, unknown)
    for change in (sa.update(issued_report).values(title="x"), sa.delete(issued_report)):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), school.database.write() as c:
            c.execute(change)
    with school.database.read() as connection:
        told = [e for e in audit.entries(connection) if e.action == "report issued"]
    assert (told[0].subject, told[0].actor, told[0].detail["sha256"]) == (
        f"report {third.number}", "account head", third.sha256,
    )  # fmt: skip
