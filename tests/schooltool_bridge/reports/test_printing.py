"""Printing of many students: one PDF, notes, numbers given once whatever happens, cancelling."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mnet.settings import Settings
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import issuing, print_runs, printing
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.reports.pdf import PdfError, make_pdf
from schooltool_bridge.reports.print_runs import Run, Wanted
from schooltool_bridge.reports.printing import Printing
from schooltool_bridge.server.prints import Prints
from schooltool_bridge.store.model_reports import issued_report, print_sheet
from tests.helpers.report_story import (
    ADA,
    BOB,
    CLEO,
    begin,
    enrol,
    file_under_a_term,
    graded,
    on,
    person_id,
    section_id,
)
from tests.helpers.school import School

CLERK = "carl"


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """Ada and Bob in algebra, Cleo in drama, and one who left."""
    school = begin(database_url)
    enrol(school, "fall", CLEO, 1)
    graded(school, "quiz", ADA, 18, 12)
    file_under_a_term(school)
    school.now = on(40)
    yield school
    school.database.close()


def printer(school: School, home: Path, holder: str = "one") -> Printing:
    settings = Settings(home=home, wwwroot="http://sis.example.org", name="X School")
    return Printing(school.database, settings, lambda: float(school.now), holder)


def of_algebra(school: School, *, is_issued: bool = False) -> Wanted:
    return Wanted("progress", "section", section_id(school), is_issued=is_issued)


def start(made: Printing, school: School, wanted: Wanted) -> Run:
    return made.begin(Author(CLERK, school.now), wanted)


def numbers(school: School) -> list[tuple[str, int]]:
    query = sa.select(issued_report.c.number, issued_report.c.person_id)
    with school.database.read() as connection:
        rows = connection.execute(query.order_by(issued_report.c.id)).all()
    return [(row.number, row.person_id) for row in rows]


def states(school: School) -> list[str]:
    with school.database.read() as connection:
        query = sa.select(print_sheet.c.state).order_by(print_sheet.c.id)
        return list(connection.execute(query).scalars())


def text_of(pdf: bytes, tmp_path: Path) -> str:
    file = tmp_path / "all.pdf"
    file.write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True).stdout.decode()  # fmt: skip


@pytest.mark.system
@pytest.mark.requirement("R70", "R78")
def test_a_section_is_one_pdf_by_name(school: School, tmp_path: Path) -> None:
    made = printer(school, tmp_path)
    told: list[int] = []
    run = made.finish(start(made, school, of_algebra(school)), lambda r: told.append(r.percent))
    assert (run.state, run.total, run.printed, run.failed) == ("done", 2, 2, 0)
    assert told == [50, 100, 100]
    text = text_of(made.pdf(run.id)[1], tmp_path)
    assert text.index("Progress report: Bob Boole") < text.index("Progress report: Ada Lovelace")
    assert text.count("\f") == 2
    assert numbers(school) == []


def test_a_term_and_the_school_have_their_students(school: School, tmp_path: Path) -> None:
    made = printer(school, tmp_path)
    with school.database.read() as connection:
        term_id = connection.execute(sa.text("select id from term")).scalar_one()
    for wanted, names in (
        (Wanted("progress", "term", term_id), ["Boole, Bob", "Lovelace, Ada"]),
        (Wanted("transcript", "school"), ["Boole, Bob", "Cantor, Cleo", "Lovelace, Ada"]),
        (Wanted("progress", "term", term_id, at_unix_s=on(5)), ["Lovelace, Ada"]),
    ):
        run = start(made, school, wanted)
        with school.database.read() as connection:
            found = print_runs.sheets(connection, run.id, print_runs.WAITING)
        assert [sheet.name for sheet in found] == names


def test_who_left_is_not_printed_and_nobody_at_all_is_refused(
    school: School, tmp_path: Path
) -> None:
    made = printer(school, tmp_path)
    school.push("end_enrolment", sectionid="algebra", userid=BOB, timemodified=on(30))
    assert start(made, school, of_algebra(school)).total == 1
    with pytest.raises(Refused, match="no student"):
        start(made, school, Wanted("progress", "school", at_unix_s=on(-9)))
    for wanted in (Wanted("progress", "section", 999), Wanted("progress", "term", 999), Wanted("nothing", "school")):  # fmt: skip
        with pytest.raises(NotThere):
            start(made, school, wanted)
    for wanted in (Wanted("roster", "school"), Wanted("progress", "school", at_unix_s=on(99))):
        with pytest.raises(Refused):
            start(made, school, wanted)


def test_who_cannot_be_printed_is_noted_and_the_others_go_on(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = printer(school, tmp_path)

    def broken(paper: Paper, *, school: str, size: str) -> bytes:
        if "Bob" in paper.subject:
            raise PdfError("no ink")
        return make_pdf(paper, school=school, size=size)

    monkeypatch.setattr(printing, "make_pdf", broken)
    run = made.finish(start(made, school, of_algebra(school)))
    assert (run.state, run.printed, run.failed) == ("done", 1, 1)
    with school.database.read() as connection:
        found = print_runs.sheets(connection, run.id, print_runs.FAILED)
    assert [(sheet.name, sheet.reason) for sheet in found] == [("Boole, Bob", "no ink")]
    monkeypatch.setattr(printing, "make_pdf", lambda *_, **__: 1 // 0)
    run = made.finish(start(made, school, of_algebra(school)))
    assert (run.state, run.printed, run.failed) == ("done", 0, 2)
    with pytest.raises(Refused, match="Nothing is printed"):
        made.pdf(run.id)


@pytest.mark.requirement("R70")
def test_issued_ones_are_the_very_files_that_are_kept(school: School, tmp_path: Path) -> None:
    made = printer(school, tmp_path)
    run = made.finish(start(made, school, of_algebra(school, is_issued=True)))
    assert numbers(school) == [("2026-000001", person_id(school, BOB)), ("2026-000002", person_id(school, ADA))]  # fmt: skip
    first = made.pdf(run.id)[1]
    graded(school, "essay", ADA, 80, 41)
    assert made.pdf(run.id)[1] == first
    with school.database.read() as connection:
        assert issuing.one(connection, "2026-000002").at_unix_s == run.started_unix_s


@pytest.mark.requirement("R70")
def test_a_killed_run_is_gone_on_with_and_gives_no_number_twice(
    school: School, tmp_path: Path
) -> None:
    made, other = printer(school, tmp_path), printer(school, tmp_path, "other")
    run = made.step(start(made, school, of_algebra(school, is_issued=True)))
    assert run.done == 1
    assert (other.left(), other.take_up(run.id)) == ([], None), "somebody is at it"
    school.now += print_runs.LEASE_S
    assert other.left() == [run.id]
    taken = other.take_up(run.id)
    assert taken is not None
    # Whoever was only slow prints nothing of it any more.
    assert made.step(run).done == 1
    assert other.finish(taken).state == "done"
    assert [number for number, _who in numbers(school)] == ["2026-000001", "2026-000002"]
    assert states(school) == ["printed", "printed"]


def test_what_dies_before_its_commit_leaves_no_number(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = printer(school, tmp_path)
    run = start(made, school, of_algebra(school, is_issued=True))

    class Killed(BaseException):
        pass

    def killed(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(print_runs, "note_printed", killed)
        with pytest.raises(Killed):
            made.step(run)
    assert (numbers(school), states(school)) == ([], ["waiting", "waiting"])
    made.finish(run)
    assert len(numbers(school)) == 2


def test_a_cancelled_run_keeps_what_it_printed(school: School, tmp_path: Path) -> None:
    made = printer(school, tmp_path)
    run = made.step(start(made, school, of_algebra(school)))
    assert made.cancel(run.id).state == "cancelled"
    after = made.finish(run)
    assert (after.state, after.done, after.printed) == ("cancelled", 1, 1)
    assert made.pdf(run.id)[1].startswith(b"%PDF-")


def test_what_was_not_issued_is_let_go_after_a_time(school: School, tmp_path: Path) -> None:
    made = printer(school, tmp_path)
    old = made.finish(start(made, school, of_algebra(school)))
    issued = made.finish(start(made, school, of_algebra(school, is_issued=True)))
    school.now += print_runs.KEEP_S + 1
    start(made, school, of_algebra(school))
    with pytest.raises(Refused, match="print it anew"):
        made.pdf(old.id)
    assert made.pdf(issued.id)[1].startswith(b"%PDF-")


def test_a_server_prints_in_turns_and_goes_on_with_what_was_left(
    school: School, tmp_path: Path
) -> None:
    made = printer(school, tmp_path)
    left = made.step(start(made, school, of_algebra(school)))
    made.let_go()
    prints = Prints(printer(school, tmp_path, "server"))
    prints.go_on()
    begun = prints.start(Author(CLERK, school.now), of_algebra(school))
    for _attempt in range(600):
        with school.database.read() as connection:
            found = [print_runs.get(connection, run_id) for run_id in (left.id, begun.id)]
        if all(run.state == "done" for run in found):
            break
        time.sleep(0.05)
    prints.close(5)
    assert [(run.state, run.printed) for run in found] == [("done", 2), ("done", 2)]
