"""Prints a report of many students, one after the other, and joins what came of it.

Each student is read, typeset and kept by itself, so that nobody else waits for it; whoever cannot
be printed is noted with why, and the others go on. Blocking: for worker threads and commands.
Source: RULES R70, R78; print_runs.py has the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from mnet.database import Database
from mnet.language import _, speaking
from mnet.logs import log_failure
from mnet.refusal import Refusal
from mnet.settings import Settings
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import issuing, joining, print_runs, registry
from schooltool_bridge.reports.issuing import MAX_PDF_BYTES, Office
from schooltool_bridge.reports.pdf import make_pdf
from schooltool_bridge.reports.print_runs import Lost, Run, Sheet, Wanted
from schooltool_bridge.reports.report import PERSON, Asked
from schooltool_bridge.store.model_reports import issued_report, print_sheet

# Of a report card in a heap of them: drawings of every week take most of the time.
IN_A_HEAP = {"drawings": "no"}
PDFS_AT_ONCE = 50

log = structlog.get_logger("printing")


@dataclass(slots=True)
class Printing:
    """Prints; one for the whole process, used by one thread for each run."""

    database: Database
    settings: Settings
    clock: Callable[[], float]
    # Names this process among all that serve this store.
    holder: str

    def begin(self, author: Author, wanted: Wanted) -> Run:
        """Begin a run, which is this process's until it ends; raises Refused and NotThere."""
        report = registry.find(self._home, wanted.report)
        if report.subject != PERSON:
            raise Refused("report", _("This report is not about a student."))
        if wanted.is_issued:
            issuing.issued_report_of(self._office(wanted.size), wanted.report)
        at_unix_s = issuing.past(wanted.at_unix_s, author.now_unix_s, self.settings.zone)
        choices = {c.name: IN_A_HEAP[c.name] for c in report.choices if c.name in IN_A_HEAP}
        if wanted.place == print_runs.TERM and "term" in {c.name for c in report.choices}:
            choices["term"] = str(wanted.place_id)
        whole = Wanted(
            wanted.report, wanted.place, wanted.place_id, at_unix_s, wanted.is_issued, wanted.size,
            {**choices, **wanted.choices},
        )  # fmt: skip
        with self.database.write() as connection:
            report.chosen(connection, whole.choices)
            return print_runs.begin(connection, author, whole, self.holder)

    def take_up(self, run_id: int) -> Run | None:
        """Go on with a run that somebody left; None when somebody is at it, or it is over."""
        with self.database.write() as connection:
            if not print_runs.take(connection, run_id, self.holder, self._now()):
                return None
            return print_runs.get(connection, run_id)

    def step(self, run: Run) -> Run:
        """Print the next student of a run of this process, or end it; returns how far it is."""
        with self.database.read() as connection:
            sheet = print_runs.next_sheet(connection, run.id)
        try:
            if sheet is None:
                with self.database.write() as connection:
                    print_runs.hold(connection, run.id, self.holder, self._now())
                    print_runs.end(connection, run.id, print_runs.DONE, self._now())
            else:
                with speaking(self.settings.language):
                    self._print(run, sheet)
        except Lost:
            log.info("not ours any more", print=run.id)
        with self.database.read() as connection:
            return print_runs.get(connection, run.id)

    def finish(self, run: Run, progress: Callable[[Run], None] = lambda _run: None) -> Run:
        """Print all of a run here and now."""
        while run.state == print_runs.RUNNING:
            run = self.step(run)
            progress(run)
        return run

    def cancel(self, run_id: int) -> Run:
        """End a run; what it printed stays."""
        with self.database.write() as connection:
            print_runs.end(connection, run_id, print_runs.CANCELLED, self._now())
            return print_runs.get(connection, run_id)

    def let_go(self) -> None:
        """Let other processes take up what this one is at."""
        with self.database.write() as connection:
            print_runs.let_go(connection, self.holder)

    def left(self) -> list[int]:
        """Return the runs that nobody is at any more."""
        with self.database.read() as connection:
            return print_runs.left(connection, self._now())

    def pdf(self, run_id: int) -> tuple[Run, bytes]:
        """Return everything that a run printed as one PDF; raises NotThere and Refused."""
        with self.database.read() as connection:
            run = print_runs.get(connection, run_id)
            if not run.printed:
                raise Refused("pdf", _("Nothing is printed of this yet."))
            return run, joining.join(_papers(connection, run))

    def _print(self, run: Run, sheet: Sheet) -> None:
        """Print one student, or note why not; raises Lost, and what the store says."""

        def keep(connection: Connection, number: str, pdf: bytes) -> None:
            print_runs.hold(connection, run.id, self.holder, self._now())
            print_runs.note_printed(connection, sheet.id, number, pdf)

        try:
            if run.wanted.is_issued:
                issuing.issue_to(
                    self.database,
                    Author(run.by_actor, self._now()),
                    run.wanted.report,
                    sheet.person_id,
                    run.wanted.at_unix_s,
                    self._office(run.wanted.size),
                    choices=run.wanted.choices,
                    keep=lambda connection, issued: keep(connection, issued.number, b""),
                )
                return
            made = self._made(run, sheet)
        except (Lost, DBAPIError):
            raise
        except Refusal as problem:
            self._note(run, sheet, str(problem))
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others are printed
            log_failure(log, problem, at=f"print {run.id}")
            self._note(run, sheet, _("It could not be made; the log says why."))
        else:
            with self.database.write() as connection:
                keep(connection, "", made)

    def _made(self, run: Run, sheet: Sheet) -> bytes:
        wanted = run.wanted
        report = registry.find(self._home, wanted.report)
        with self.database.read() as connection:
            root = identity.root(connection, sheet.person_id)
            chosen = report.chosen(connection, wanted.choices)
            when = (wanted.at_unix_s, self._now(), self.settings.zone)
            paper = report.made(Asked(connection, root, *when, chosen))
        made = make_pdf(paper, school=self.settings.name, size=wanted.size)
        if len(made) > MAX_PDF_BYTES:
            raise Refused("pdf", _("This report is too large to be kept; choose an earlier day."))
        return made

    def _note(self, run: Run, sheet: Sheet, reason: str) -> None:
        with self.database.write() as connection:
            print_runs.hold(connection, run.id, self.holder, self._now())
            print_runs.note_failed(connection, sheet.id, reason)

    def _office(self, size: str) -> Office:
        return Office(self.settings.name, self.settings.zone, size, self._home)

    @property
    def _home(self) -> Path:
        return self.settings.home

    def _now(self) -> int:
        return int(self.clock())


def _papers(connection: Connection, run: Run) -> Iterator[tuple[str, bytes]]:
    """Yield each student's name and PDF; raises Refused for what is no longer kept."""
    found = print_runs.sheets(connection, run.id, print_runs.PRINTED)
    for first in range(0, len(found), PDFS_AT_ONCE):
        some = found[first : first + PDFS_AT_ONCE]
        pdfs = _bytes_of(connection, some)
        for sheet in some:
            pdf = pdfs.get(sheet.id, b"")
            if pdf:
                yield sheet.name, pdf
            elif not sheet.number:
                raise Refused("pdf", _("This was printed long ago and is not kept; print it anew."))


def _bytes_of(connection: Connection, sheets: list[Sheet]) -> dict[int, bytes]:
    pdf: sa.ColumnElement[Any] = sa.case(
        (print_sheet.c.number == "", print_sheet.c.pdf), else_=issued_report.c.pdf
    )
    query = (
        sa.select(print_sheet.c.id, pdf)
        .select_from(
            print_sheet.outerjoin(issued_report, issued_report.c.number == print_sheet.c.number)
        )
        .where(print_sheet.c.id.in_([s.id for s in sheets]))
    )
    return {row[0]: row[1] for row in connection.execute(query)}
