"""Printing a report of many students in the browser: begun, watched, cancelled, taken as one PDF.

The rules stand in reports/print_runs.py; what is taken is written into the audit trail.
Source: RULES R70, R78.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers import audit
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, View, download, go, long_pages, page
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import print_runs, registry, report
from schooltool_bridge.reports.pdf import SIZES
from schooltool_bridge.reports.print_runs import Run, Wanted
from schooltool_bridge.school import labels
from schooltool_bridge.school.labels import School
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.server.prints import Prints
from schooltool_bridge.web import filters
from schooltool_bridge.web.issued_pages import SIZE_WORDS
from schooltool_bridge.web.reports_pages import REPORTS

PRINTS = REPORTS + "/prints"
ONE = PRINTS + "/<int:run_id>"
STATES = {
    print_runs.RUNNING: N_("under way"),
    print_runs.DONE: N_("done"),
    print_runs.CANCELLED: N_("cancelled"),
}
PILLS = {print_runs.RUNNING: "info", print_runs.DONE: "good", print_runs.CANCELLED: "quiet"}


class PrintPages:
    """The pages of printing for many."""

    def __init__(self, parts: Parts, prints: Prints) -> None:
        """Take the server's parts, and what prints in the background."""
        self._parts = parts
        self._prints = prints
        self._reports = {
            named.name: named.report
            for named in registry.all_reports(parts.settings.home)
            if named.report.subject == report.PERSON
        }

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(PRINTS, self.show, CLERK),
            Route(PRINTS, self.start, CLERK, ("POST",), waits_for=long_pages),
            Route(ONE, self.one, CLERK),
            Route(ONE + "/cancel", self.cancel, CLERK, ("POST",)),
            Route(PRINTS + "/<int:run_id>.pdf", self.pdf, CLERK, waits_for=long_pages),
        ]

    def show(self, view: View) -> Reply:
        """Ask what to print of whom, and list what was printed."""
        typed = dict.fromkeys(_FIELDS, "")
        return self._form({**typed, "place": view.query.get("place", "")})

    def start(self, view: View) -> Reply:
        """Begin to print."""
        typed = {name: view.text(name) for name in _FIELDS}
        typed["issued"] = "on" if view.ticked("issued") else ""
        size = typed["size"] or "a4"
        if typed["report"] not in self._reports or size not in SIZES:
            raise PageError(_("This form is not known here."))
        try:
            place, place_id = _place(typed["place"])
            at_unix_s = self._moment(typed["at"])
            is_issued = view.ticked("issued")
            wanted = Wanted(typed["report"], place, place_id, at_unix_s, is_issued, size)
            run = self._prints.start(Author(view.who, view.now_unix_s), wanted)
        except Refused as problem:
            return self._form(typed, problem=str(problem))
        return go(f"{PRINTS}/{run.id}", "")

    def one(self, _view: View, run_id: int) -> Reply:
        """Show how far it is, and whom it could not print."""
        with self._parts.database.read() as connection:
            run = print_runs.get(connection, filters.known_id(run_id))
            failed = print_runs.sheets(connection, run.id, print_runs.FAILED)
        return page("print_run.html", run=run, failed=failed, title=self._title(run), **_WORDS)

    def cancel(self, _view: View, run_id: int) -> Reply:
        """Print no further student of it."""
        run = self._prints.printing.cancel(filters.known_id(run_id))
        return go(f"{PRINTS}/{run.id}", _("It is cancelled; what was printed stays."))

    def pdf(self, view: View, run_id: int) -> Reply:
        """Answer with everything that was printed as one file."""
        run, made = self._prints.printing.pdf(filters.known_id(run_id))
        with self._parts.database.write() as connection:
            audit.record(
                connection,
                actor=view.who,
                action=N_("report downloaded"),
                subject=view.path,
                detail={"report": self._reports_title(run), "form": "pdf"},
                now_unix_s=view.now_unix_s,
            )
        return download(made, "application/pdf", f"{run.wanted.report}-{run.id}.pdf")

    def _form(self, typed: dict[str, str], *, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            places = [*_places(connection, typed["place"])]
            runs = [(run, self._title(run)) for run in print_runs.list_runs(connection)]
        return page(
            "prints.html",
            status=400 if problem else 200,
            typed=typed,
            problem=problem,
            places=places,
            reports=[(name, _(one.title)) for name, one in self._reports.items()],
            issued=[name for name, one in self._reports.items() if one.is_issued],
            sizes=SIZE_WORDS,
            runs=runs,
            **_WORDS,
        )

    def _moment(self, day: str) -> int | None:
        """The end of a day by the school's clock; None for now."""
        if not day:
            return None
        ends = filters.day_start(day, self._parts.settings.zone, days_later=1)
        if ends is None:
            raise Refused("at", _("The day is written like 2026-10-31."))
        return ends - 1

    def _reports_title(self, run: Run) -> str:
        """What the report is called in this program's own language; its name when it is gone."""
        known = self._reports.get(run.wanted.report)
        return known.title if known else run.wanted.report

    def _title(self, run: Run) -> str:
        return _("%(report)s: %(place)s", report=_(self._reports_title(run)), place=run.subject)


def _place(text: str) -> tuple[str, int | None]:
    """Read "section:12", "term:3" or "school"; raises Refused."""
    place, _colon, number = text.partition(":")
    place_id = filters.row_id(number)
    if place == print_runs.SCHOOL:
        return place, None
    if place not in print_runs.PLACES or place_id is None:
        raise Refused("place", _("Choose of whom to print."))
    return place, place_id


def _places(connection: Connection, chosen: str) -> list[tuple[str, str]]:
    """Return of whom one may print: the section one comes from, the terms, the school."""
    found = []
    place, _colon, number = chosen.partition(":")
    if place == print_runs.SECTION:
        try:
            found.append((chosen, labels.section_names(connection, filters.row_id(number) or 0)[1]))
        except NotThere as problem:
            raise PageError(str(problem), 404) from None
    school = School(connection)
    terms = sorted(school.terms.values(), key=lambda t: t.first_day, reverse=True)
    found += [(f"term:{t.id}", f"{t.year}, {t.title}") for t in terms]
    return [*found, (print_runs.SCHOOL, _("the whole school"))]


_FIELDS = ("place", "report", "at", "size", "issued")
_WORDS: dict[str, Any] = {"states": STATES, "pills": PILLS}
