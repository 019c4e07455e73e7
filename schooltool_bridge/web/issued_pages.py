"""Issued reports in the browser: issued to a person, found by number, printed again, checked.

What is printed again is the very file that was handed out; a print is written into the audit
trail. The rules stand in schooltool_bridge/reports/issuing.py. Source: RULES R70, R71.
"""

from __future__ import annotations

import hashlib

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers import audit
from peers.accounts import CLERK
from peers.web.view import FormLimits, PageError, Reply, Route, View, download, go, long_pages, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import issuing, registry
from schooltool_bridge.reports.issuing import MAX_PDF_BYTES, Office
from schooltool_bridge.reports.pdf import SIZES, PdfError
from schooltool_bridge.school import labels
from schooltool_bridge.school.labels import Person
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filters
from schooltool_bridge.web.people_pages import PEOPLE
from schooltool_bridge.web.reports_pages import REPORTS

ISSUED = REPORTS + "/issued"
OF_PERSON = PEOPLE + "/<int:person_id>/issued"
ROWS = 50
MAX_PAGE = 10_000
MAX_NUMBER_CHARS = 40
# Room for the fields beside a file of the greatest size.
FORM = FormLimits(max_bytes=MAX_PDF_BYTES + 64 * 1024, max_fields=10, takes_files=True)
SIZE_WORDS = {"a4": "A4", "letter": N_("Letter")}


class IssuedPages:
    """The pages of issued reports."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts
        self._zone = parts.settings.zone
        self._kinds = registry.issued(parts.settings.home)

    def routes(self) -> list[Route]:
        """Return the pages' addresses; a PDF takes a moment to make."""
        return [
            Route(OF_PERSON, self.of_person, CLERK),
            Route(OF_PERSON, self.issue, CLERK, ("POST",), waits_for=long_pages),
            Route(ISSUED, self.found, CLERK),
            Route(ISSUED, self.check, CLERK, ("POST",), form=FORM),
            Route(ISSUED + "/<number>.pdf", self.print_again, CLERK),
        ]

    def of_person(self, _view: View, person_id: int) -> Reply:
        """Show what was issued to a person, and what can be."""
        return self._person(person_id)

    def issue(self, view: View, person_id: int) -> Reply:
        """Say what issuing means, or issue when that was confirmed."""
        kind, size, day = view.text("kind"), view.text("size") or "a4", view.text("at")
        if kind not in self._kinds or size not in SIZES:
            raise PageError(_("This form is not known here."))
        settings = self._parts.settings
        office = Office(settings.name, self._zone, size, settings.home)
        author = Author(view.who, view.now_unix_s)
        try:
            at_unix_s = self._moment(day, view.now_unix_s)
            if not view.ticked("confirmed"):
                return self._ask(author, person_id, kind, day, at_unix_s, office)
            with self._parts.database.read() as connection:
                who = _known(connection, person_id)
            made = issuing.issue_to(self._parts.database, author, kind, who.id, at_unix_s, office)
        except (Refused, PdfError) as problem:
            return self._person(person_id, problem=str(problem))
        note = _(
            "%(report)s issued as %(number)s.", report=_(self._kinds[kind]), number=made.number
        )
        return go(f"{PEOPLE}/{who.id}/issued", note)

    def found(self, view: View) -> Reply:
        """Show everything that was issued, or what has a number."""
        return self._list(view)

    def check(self, view: View) -> Reply:
        """Tell whether a file, or the digest of one, is a report of ours and unchanged."""
        file = view.files.get("file")
        try:
            sha256 = (
                hashlib.sha256(file.data).hexdigest()
                if file is not None and file.data
                else issuing.digest_in(view.text("sha256"))
            )
        except Refused as problem:
            what = _("Choose a file, or paste its digest.")
            return self._list(view, problem=f"{what} {problem}")
        with self._parts.database.read() as connection:
            ours = issuing.by_digest(connection, sha256)
        return page("issued_check.html", ours=ours, sha256=sha256)

    def print_again(self, view: View, number: str) -> Reply:
        """Answer with the very file that was handed out."""
        try:
            with self._parts.database.write() as connection:
                found, made = issuing.pdf_of(connection, number)
                audit.record(
                    connection,
                    actor=view.who,
                    action=N_("report printed again"),
                    subject=f"report {found.number}",
                    detail={"kind": found.kind, "person": found.person_id},
                    now_unix_s=view.now_unix_s,
                )
        except Refused as problem:
            raise PageError(str(problem), 500) from None
        return download(made, "application/pdf", found.filename)

    def _ask(
        self,
        author: Author,
        person_id: int,
        kind: str,
        day: str,
        at_unix_s: int | None,
        office: Office,
    ) -> Reply:
        with self._parts.database.read() as connection:
            who = _known(connection, person_id)
            hidden = issuing.counts_hidden(connection, author, kind, who.id, at_unix_s, office)
        return page(
            "issue_confirm.html",
            who=who,
            kind=kind,
            words=self._kinds[kind],
            sizes=SIZE_WORDS,
            size=office.size,
            day=day if at_unix_s is not None else "",
            hidden=hidden,
        )

    def _person(self, person_id: int, *, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            who = _known(connection, person_id)
            rows, total = issuing.listed(connection, person_id=who.id, limit=issuing.MAX_LISTED)
        return page(
            "issued_of_person.html",
            status=400 if problem else 200,
            who=who,
            rows=rows,
            total=total,
            kinds=self._kinds,
            problem=problem,
        )

    def _list(self, view: View, *, problem: str = "") -> Reply:
        number = view.query.get("number", "").strip()[:MAX_NUMBER_CHARS]
        at_page = min(max(filters.row_id(view.query.get("page", "")) or 1, 1), MAX_PAGE)
        skip = (at_page - 1) * ROWS
        with self._parts.database.read() as connection:
            rows, total = issuing.listed(connection, number=number, limit=ROWS, skip=skip)
        return page(
            "issued.html",
            status=400 if problem else 200,
            rows=rows,
            total=total,
            number=number,
            earlier=filters.query(number=number, page=at_page - 1) if at_page > 1 else "",
            later=filters.query(number=number, page=at_page + 1) if skip + ROWS < total else "",
            problem=problem,
        )

    def _moment(self, day: str, now_unix_s: int) -> int | None:
        """The end of a day by the school's clock; None for now and for today."""
        if not day:
            return None
        ends = filters.day_start(day, self._zone, days_later=1)
        if ends is None:
            raise Refused("at", _("The day is written like 2026-10-31."))
        return issuing.past(ends - 1, now_unix_s, self._zone)


def _known(connection: Connection, person_id: int) -> Person:
    root = identity.root(connection, filters.known_id(person_id))
    found = labels.people(connection, [root])
    if root not in found:
        raise PageError(_("There is no such person."), 404)
    return found[root]
