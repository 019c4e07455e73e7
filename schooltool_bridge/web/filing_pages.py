"""Many sections filed at once, each under the course that its number or name tells of.

First it is shown what each would be filed under, to be changed or left out. Source: RULES R43.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from mnet.language import _, ngettext
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import FormLimits, PageError, Reply, Route, View, go, page
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, filing, lookup, suggested_courses, years
from schooltool_bridge.school.filing import MAX_AT_ONCE
from schooltool_bridge.school.suggested_courses import Catalogue
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filing_form, filters

FILE_EACH = "/admin/sections/file"
# Before the number of the section whose course a field has.
COURSE_OF = "course-"
MAX_KEPT_CHARS = 4000


class FilingPages:
    """The page of many sections and the course of each."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's address."""
        limits = FormLimits(max_fields=MAX_AT_ONCE + 10)
        return [Route(FILE_EACH, self.file, CLERK, ("POST",), form=limits)]

    def file(self, view: View) -> Reply:
        """File each section under its course; those without one stay where they are."""
        given = _given(view)
        if len(given) > MAX_AT_ONCE:
            raise PageError(_("At most %(count)s sections at once, please.", count=MAX_AT_ONCE))
        form = filing_form.typed(view)
        kept = view.text("kept", limit=MAX_KEPT_CHARS)
        try:
            with self._parts.database.write() as connection:
                moved = file_each(connection, view, given)
                title = years.one_term(connection, form.term_id or 0).full_title
        except (NotPossible, NotThere) as problem:
            with self._parts.database.read() as connection:
                return shown(connection, list(given), given, view, kept, problem=str(problem))
        left = len(given) - moved
        note = ngettext(
            "%(num)s section filed in %(term)s.", "%(num)s sections filed in %(term)s.", moved,
            term=title,
        )  # fmt: skip
        if left:
            as_it_was = ngettext(
                "%(num)s stayed where it was.", "%(num)s stayed where they were.", left
            )
            note += " " + as_it_was
        back = kept if kept.startswith("?") else ""
        return go("/admin/sections" + back, note)


def suggested(connection: Connection, chosen: Sequence[int], view: View, kept: str) -> Reply:
    """Show what each of these sections would be filed under; raises NotPossible."""
    if not chosen:
        raise NotPossible(_("Choose a section first."))
    if len(chosen) > MAX_AT_ONCE:
        raise NotPossible(_("At most %(count)s sections at once, please.", count=MAX_AT_ONCE))
    known = courses.all_courses(connection)
    catalogue = Catalogue.of(known)
    given = {}
    for row in lookup.by_ids(connection, chosen):
        found = next((c for c in known if c.id == row.course_id), None)
        found = found or catalogue.suggest(row.name, row.idnumber)
        given[row.id] = suggested_courses.shown(found) if found else ""
    return shown(connection, chosen, given, view, kept)


def shown(
    connection: Connection,
    chosen: Sequence[int],
    given: Mapping[int, str],
    view: View,
    kept: str,
    *,
    problem: str = "",
) -> Reply:
    """Show the sections with the course of each, as it is suggested or was typed."""
    form = filing_form.typed(view)
    return page(
        "sections_file.html",
        status=400 if problem else 200,
        rows=lookup.by_ids(connection, chosen),
        given=given,
        without=sum(not text for text in given.values()),
        terms=years.all_terms(connection),
        courses=courses.all_courses(connection),
        form=form,
        kept=kept,
        problem=problem,
    )


def file_each(connection: Connection, view: View, given: Mapping[int, str]) -> int:
    """File sections under the courses that were typed for them; return how many moved.

    All of them or none. Raises NotPossible and NotThere.
    """
    form = filing_form.typed(view)
    if form.term_id is None:
        raise NotPossible(_("Choose a term."))
    catalogue = Catalogue.of(courses.all_courses(connection))
    names = {row.id: row.name for row in lookup.by_ids(connection, list(given))}
    by_course: dict[int, list[int]] = defaultdict(list)
    for section_id, text in given.items():
        try:
            course = catalogue.named(text)
        except NotPossible as problem:
            raise NotPossible(f"{names.get(section_id, section_id)}: {problem}") from None
        if course is not None:
            by_course[course.id].append(section_id)
    if not by_course:
        raise NotPossible(_("Give at least one section its course."))
    author = Author(view.who, view.now_unix_s, form.why)
    return sum(
        filing.file(connection, author, some, course_id=course_id, term_id=form.term_id)
        for course_id, some in by_course.items()
    )


def _given(view: View) -> dict[int, str]:
    """What was typed as the course of each section, by its number."""
    found = {}
    for name in view.form:
        section_id = filters.row_id(name.removeprefix(COURSE_OF))
        if name.startswith(COURSE_OF) and section_id is not None:
            found[section_id] = view.text(name)
    return found
