"""Reports in the browser: found, chosen for a day, read, printed, or kept as CSV or PDF.

Shows students' grades, to the school's clerks and managers; a file that is kept is written into
the audit trail. What a report says is decided in schooltool_bridge/reports. Source: RULES R58,
R69-R73, R78.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.engine import Connection

from mnet import folding
from mnet.folding import MAX_SEARCH_CHARS, FoldedColumn
from mnet.language import N_, _
from mnet.table_files import CSV, XLSX
from mnet.table_files import TYPES as TABLE_TYPES
from peers import audit
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, Tab, View, download, long_pages, page
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history import identity, joined
from schooltool_bridge.history.people_search import by_name, found_by
from schooltool_bridge.reports import registry, report
from schooltool_bridge.reports.paper import Paper, csv_bytes, text, xlsx_bytes
from schooltool_bridge.reports.pdf import SIZES, PdfError, make_pdf
from schooltool_bridge.reports.registry import Named
from schooltool_bridge.reports.report import Asked
from schooltool_bridge.school import labels
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store.model import person, section
from schooltool_bridge.web import filters

REPORTS = "/admin/reports"
PLACES = {
    report.PERSON: "/admin/people/<int:person_id>/",
    report.SECTION: "/admin/sections/<int:section_id>/",
    report.SCHOOL: REPORTS + "/",
}
MAX_FOUND = 30
ROWS_A_PAGE = 100
PDF = "pdf"
TYPES = {**TABLE_TYPES, PDF: "application/pdf"}


class ReportsPages:
    """The pages of the reports."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts, and look which reports there are."""
        self._parts = parts
        self._zone = parts.settings.zone
        self._reports = registry.all_reports(parts.settings.home)

    def routes(self) -> list[Route]:
        """Return the pages' addresses: each report as a page, a CSV, a workbook and a PDF."""
        routes = [Route(REPORTS, self.find, CLERK)]
        for named in self._reports:
            for ending in ("", *TYPES):
                handler = partial(self._answer, named, ending)
                waits_for = long_pages if ending == PDF or named.report.is_long else None
                rule = PLACES[named.report.subject] + named.name
                address = f"{rule}.{ending}" if ending else rule
                routes.append(Route(address, handler, CLERK, waits_for=waits_for))
        return routes

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Reports"), REPORTS, CLERK)]

    def find(self, view: View) -> Reply:
        """Find a student or a section, and choose a report of it, or one of the school."""
        wanted = view.query.get("q", "").strip()[:MAX_SEARCH_CHARS]
        at = _day(view)
        with self._parts.database.read() as connection:
            found = _people(connection, wanted) if wanted else []
            sections = _sections(connection, wanted) if wanted else []
            of_school = [
                (named, list(_fields(connection, named, {}))) for named in self._of(report.SCHOOL)
            ]
        return page(
            "reports.html",
            wanted=wanted,
            at=at,
            query=filters.query(at=at),
            people=found[:MAX_FOUND],
            sections=sections[:MAX_FOUND],
            has_more=len(found) > MAX_FOUND or len(sections) > MAX_FOUND,
            of_person=list(self._of(report.PERSON)),
            of_section=list(self._of(report.SECTION)),
            of_school=of_school,
        )

    def _of(self, subject: str) -> Iterator[Named]:
        return (named for named in self._reports if named.report.subject == subject)

    def _answer(
        self, named: Named, ending: str, view: View, person_id: int = 0, section_id: int = 0
    ) -> Reply:
        """Answer with a report in one of its forms."""
        given = {c.name: view.query.get(c.name, "") for c in named.report.choices}
        with self._parts.database.read() as connection:
            asked = self._asked(connection, named, view, given, person_id or section_id)
            paper = named.report.made(asked)
            if not ending:
                fields = list(_fields(connection, named, given))
                return self._page(view, named, paper, fields, section_id)
        size = view.query.get("size", "a4")
        if size not in SIZES:
            raise PageError(_("The paper's size is one of: %(sizes)s.", sizes=", ".join(SIZES)))
        try:
            body = (
                csv_bytes(paper.flat)
                if ending == CSV
                else xlsx_bytes(paper.flat, paper.title)
                if ending == XLSX
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
                detail={"report": named.report.title, "form": ending, "as of": paper.as_of},
                now_unix_s=view.now_unix_s,
            )
        return download(body, TYPES[ending], paper.filename(ending))

    def _asked(
        self,
        connection: Connection,
        named: Named,
        view: View,
        given: dict[str, str],
        about_id: int,
    ) -> Asked:
        if named.report.subject == report.PERSON:
            about_id = _known_person(connection, about_id)
        elif named.report.subject == report.SECTION:
            labels.section_names(connection, about_id)
        return Asked(
            connection,
            about_id,
            self._at(view) if named.report.has_day else None,
            view.now_unix_s,
            self._zone,
            named.report.chosen(connection, given),
            rows=ROWS_A_PAGE if "." not in view.path else None,
            after=view.query.get("after", ""),
        )

    def _page(
        self,
        view: View,
        named: Named,
        paper: Paper,
        fields: list[dict[str, Any]],
        section_id: int,
    ) -> Reply:
        options = {
            n: view.query.get(n, "") for n in ("at", *(c.name for c in named.report.choices))
        }
        files = [
            ("CSV", f"{view.path}.csv{filters.query(**options)}"),
            (_("Excel"), f"{view.path}.xlsx{filters.query(**options)}"),
            (_("PDF, A4"), f"{view.path}.pdf{filters.query(**options)}"),
            (_("PDF, Letter"), f"{view.path}.pdf{filters.query(**options, size='letter')}"),
        ]
        last = paper.next_page if len(paper.flat.rows) == ROWS_A_PAGE else ""
        return page(
            "report.html",
            paper=paper,
            named=named,
            text=text,
            files=files,
            pictures=[(p.title, Markup(p.svg)) for p in paper.pictures],  # noqa: S704 - our drawing
            at=_day(view),
            fields=fields,
            section_id=section_id,
            older=filters.query(**{**options, "after": last}) if last else "",
        )

    def _at(self, view: View) -> int | None:
        """The end of the chosen day by the school's clock; None for now."""
        wanted = view.query.get("at", "")
        if not wanted:
            return None
        ends = filters.day_start(wanted, self._zone, days_later=1)
        if ends is None:
            raise PageError(_("The day is written like 2026-10-31."))
        return ends - 1


def _fields(
    connection: Connection, named: Named, given: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield what can be chosen for a report, as fields of a form with what was chosen."""
    for choice in named.report.choices:
        yield {
            "name": choice.name,
            "title": _(choice.title),
            "value": given.get(choice.name, "") or choice.default,
            "options": choice.options(connection) if choice.options else None,
            "is_hidden": choice.is_hidden,
        }


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
