"""Reports in the browser: found, chosen for a day, read, printed, or kept as CSV or PDF.

Shows students' grades, to the school's clerks and managers; a file that is kept is written into
the audit trail. What a report says is decided in schooltool_bridge/reports. Source: RULES R58,
R69-R73, R78.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.engine import Connection

from mnet import folding
from mnet.folding import MAX_SEARCH_CHARS, FoldedColumn
from mnet.language import N_, _
from peers import audit
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, Tab, View, download, long_pages, page
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history import identity, joined
from schooltool_bridge.history.people_search import by_name, found_by
from schooltool_bridge.reports import (
    failing,
    history_lines,
    over_time,
    progress,
    section_history,
    section_report,
    transcript,
)
from schooltool_bridge.reports.paper import Paper, csv_bytes, text
from schooltool_bridge.reports.pdf import SIZES, PdfError, make_pdf
from schooltool_bridge.school import labels
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store.model import person, section
from schooltool_bridge.web import filters

REPORTS = "/admin/reports"
PERSON, SECTION = "/admin/people/<int:person_id>/", "/admin/sections/<int:section_id>/"
MAX_FOUND = 30
HISTORY_ROWS = 100
CSV, PDF = "csv", "pdf"
TYPES = {CSV: "text/csv; charset=utf-8", PDF: "application/pdf"}
KIND_TITLES = {
    "section": N_("The section"),
    "filing": N_("Filings"),
    "teacher": N_("Teachers"),
    "enrolment": N_("Enrolments"),
    "assessment": N_("Assessments"),
    "weight": N_("Weights"),
    "grade": N_("Grades"),
}
Maker = Callable[[Connection, View, int], Paper]


class ReportsPages:
    """The pages of the reports."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts
        self._zone = parts.settings.zone

    def routes(self) -> list[Route]:
        """Return the pages' addresses: each report as a page, a CSV and a PDF."""
        routes = [Route(REPORTS, self.find, CLERK)]
        makers: tuple[tuple[str, Maker], ...] = (
            (PERSON + "progress", self._progress),
            (PERSON + "transcript", self._transcript),
            (SECTION + "report", partial(self._section, section_report.report_of)),
            (SECTION + "roster", partial(self._section, section_report.roster_of)),
            (SECTION + "gradebook-print", partial(self._section, section_report.gradebook_of)),
            (SECTION + "history", self._history),
            (REPORTS + "/failing", self._failing),
        )
        for rule, make in makers:
            for ending in ("", CSV, PDF):
                handler = partial(self._answer, make, ending)
                waits_for = long_pages if ending == PDF or make == self._failing else None
                address = f"{rule}.{ending}" if ending else rule
                routes.append(Route(address, handler, CLERK, waits_for=waits_for))
        return routes

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Reports"), REPORTS, CLERK)]

    def find(self, view: View) -> Reply:
        """Find a student or a section, and choose a report of it."""
        wanted = view.query.get("q", "").strip()[:MAX_SEARCH_CHARS]
        at = _day(view)
        with self._parts.database.read() as connection:
            found = _people(connection, wanted) if wanted else []
            sections = _sections(connection, wanted) if wanted else []
            terms = labels.School(connection).terms.values()
        return page(
            "reports.html",
            wanted=wanted,
            at=at,
            query=filters.query(at=at),
            people=found[:MAX_FOUND],
            sections=sections[:MAX_FOUND],
            has_more=len(found) > MAX_FOUND or len(sections) > MAX_FOUND,
            terms=sorted(terms, key=lambda t: t.first_day, reverse=True),
            below=failing.DEFAULT_BELOW,
        )

    def _answer(
        self, make: Maker, ending: str, view: View, person_id: int = 0, section_id: int = 0
    ) -> Reply:
        """Answer with a report in one of its forms."""
        with self._parts.database.read() as connection:
            paper = make(connection, view, person_id or section_id)
        if not ending:
            return self._page(view, paper)
        size = view.query.get("size", "a4")
        if size not in SIZES:
            raise PageError(_("The paper's size is one of: %(sizes)s.", sizes=", ".join(SIZES)))
        try:
            body = (
                csv_bytes(paper.flat)
                if ending == CSV
                else make_pdf(paper, school=self._parts.settings.name, size=size)
            )
        except PdfError as problem:
            raise PageError(str(problem)) from None
        with self._parts.database.write() as connection:
            audit.record(
                connection,
                actor=view.who,
                action=N_("report downloaded"),
                subject=view.path,
                detail={"report": paper.kind, "form": ending, "as of": paper.as_of},
                now_unix_s=view.now_unix_s,
            )
        return download(body, TYPES[ending], paper.filename(ending))

    def _page(self, view: View, paper: Paper) -> Reply:
        options = {n: view.query.get(n, "") for n in _KEPT}
        files = [
            ("CSV", f"{view.path}.csv{filters.query(**options)}"),
            (_("PDF, A4"), f"{view.path}.pdf{filters.query(**options)}"),
            (_("PDF, Letter"), f"{view.path}.pdf{filters.query(**options, size='letter')}"),
        ]
        is_history = paper.kind == "history"
        last = paper.next_page if len(paper.flat.rows) == HISTORY_ROWS else ""
        return page(
            "report.html",
            paper=paper,
            text=text,
            files=files,
            pictures=[(p.title, Markup(p.svg)) for p in paper.pictures],  # noqa: S704 - our drawing
            at=_day(view),
            may_choose_day=not is_history and paper.kind != "transcript",
            options=options,
            kinds=KIND_TITLES if is_history else {},
            kind=view.query.get("kind", ""),
            older=filters.query(**{**options, "after": last}) if last else "",
        )

    def _progress(self, connection: Connection, view: View, person_id: int) -> Paper:
        known = _known_person(connection, person_id)
        at = self._at(view)
        now = view.now_unix_s
        found = progress.read(connection, known, at, now, self._zone)
        return over_time.progress_paper(connection, found, self._zone)

    def _transcript(self, connection: Connection, view: View, person_id: int) -> Paper:
        known = _known_person(connection, person_id)
        found = transcript.read(connection, known, view.now_unix_s, self._at(view))
        return transcript.paper_of(found, self._zone)

    def _section(
        self,
        written: Callable[..., Paper],
        connection: Connection,
        view: View,
        section_id: int,
    ) -> Paper:
        labels.section_names(connection, section_id)
        found = section_report.read(
            connection, section_id, self._at(view), view.now_unix_s, self._zone
        )
        return written(found, self._zone)

    def _history(self, connection: Connection, view: View, section_id: int) -> Paper:
        short, name = labels.section_names(connection, section_id)
        who = filters.row_id(view.query.get("person", ""))
        kind = view.query.get("kind", "")
        found = section_history.line_keys(
            connection,
            section_id,
            person_id=who,
            kinds=[kind] if kind in section_history.KINDS else section_history.KINDS,
            after=section_history.line_key_from(view.query.get("after", "")),
            newest_first=True,
            limit=HISTORY_ROWS if "." not in view.path else section_history.MAX_LINES,
        )
        lines = history_lines.read(connection, section_id, found)
        return history_lines.paper_of(
            lines, name=name, short=short, now_unix_s=view.now_unix_s, zone=self._zone
        )

    def _failing(self, connection: Connection, view: View, _id: int) -> Paper:
        try:
            written = view.query.get("below", "").strip().replace(",", ".")
            below = Decimal(written or failing.DEFAULT_BELOW)
        except InvalidOperation:
            below = Decimal("NaN")
        if not below.is_finite() or not 0 <= below <= 1000:  # noqa: PLR2004 - with extra credit there is more than 100
            raise PageError(_("The percentage to stay below is a number from 0 to 1000."))
        term_id = filters.row_id(view.query.get("term", ""))
        if term_id is not None and term_id not in labels.School(connection).terms:
            raise PageError(_("There is no such term."), 404)
        found = failing.read(
            connection,
            below=below,
            term_id=term_id,
            at_unix_s=self._at(view),
            now_unix_s=view.now_unix_s,
        )
        return failing.paper_of(found, self._zone)

    def _at(self, view: View) -> int | None:
        """The end of the chosen day by the school's clock; None for now."""
        wanted = view.query.get("at", "")
        if not wanted:
            return None
        ends = filters.day_start(wanted, self._zone, days_later=1)
        if ends is None:
            raise PageError(_("The day is written like 2026-10-31."))
        return ends - 1


# What a report's address may say, and its links keep.
_KEPT = ("at", "kind", "person", "below", "term")


def _day(view: View) -> str:
    return view.query.get("at", "")[:10]


def _known_person(connection: Connection, person_id: int) -> int:
    known = connection.execute(sa.select(person.c.id).where(person.c.id == person_id)).scalar()
    if known is None:
        raise NotThere(_("There is no such person."))
    return identity.root(connection, known)


def _people(connection: Connection, wanted: str) -> list[labels.Person]:
    """Find people by names, user name or idnumber; whoever was merged shows once."""
    ids = sa.select(person.c.id).where(person.c.merged_into_id.is_(None))
    ids = ids.where(*found_by(wanted))
    some = connection.execute(ids.order_by(*by_name()).limit(MAX_FOUND + 1))
    known = labels.people(connection, some.scalars())
    return sorted(known.values(), key=lambda p: p.list_order)


def _sections(connection: Connection, wanted: str) -> list[sa.Row[tuple[int, str, str | None]]]:
    query = sa.select(section.c.id, section.c.name, section.c.idnumber)
    query = query.where(joined.is_shown(section.c.id))
    name, number = FoldedColumn(section.c.name), FoldedColumn(section.c.idnumber)
    for word in folding.words(wanted):
        query = query.where(sa.or_(name.contains(word, autoescape=True), number == word))
    return list(connection.execute(query.order_by(name, section.c.id).limit(MAX_FOUND + 1)))
