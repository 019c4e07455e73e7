"""The school's order in the browser: years with their terms, the catalogue, what waits to be filed.

What is refused comes back with what was typed and a sentence that says why. The rules stand in
schooltool_bridge/school. Source: RULES R41-R43.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from mnet import language
from mnet.language import N_, _
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import SCHOOL_GROUP, PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.common.days import day_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, lookup, scores, spans, years
from schooltool_bridge.school.courses import MAX_DESCRIPTION_CHARS, Course
from schooltool_bridge.school.lookup import Wanted
from schooltool_bridge.school.written import day
from schooltool_bridge.school.years import Term, Year
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store.model import section
from schooltool_bridge.web.filters import known_id

SCHOOL = "/admin/school"
# So many of the sections that wait are named; the list of sections has them all.
WAITING_SHOWN = 10
# Refused: nothing changed, the form comes back.
REFUSED = 400
T = TypeVar("T")
# A form before anything is typed.
BLANK = dict.fromkeys(("title", "first", "last", "code", "description", "credits"), "")


class SchoolPages:
    """The pages of years, terms and courses."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(SCHOOL, self.show, CLERK),
            Route(SCHOOL, self.add, CLERK, ("POST",)),
            Route(SCHOOL + "/years/<int:year_id>", self.year, CLERK),
            Route(SCHOOL + "/years/<int:year_id>", self.change_year, CLERK, ("POST",)),
            Route(SCHOOL + "/terms/<int:term_id>", self.term, CLERK),
            Route(SCHOOL + "/terms/<int:term_id>", self.change_term, CLERK, ("POST",)),
            Route(SCHOOL + "/courses/<int:course_id>", self.course, CLERK),
            Route(SCHOOL + "/courses/<int:course_id>", self.change_course, CLERK, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Terms and courses"), SCHOOL, CLERK, SCHOOL_GROUP)]

    def show(self, view: View) -> Reply:
        """Show the whole order."""
        return self._school(view)

    def add(self, view: View) -> Reply:
        """Add a year or a course."""
        action = view.text("action")

        def work(connection: Connection) -> str:
            if action == "add-year":
                years.add_year(connection, Author(view.who, view.now_unix_s), **_span(view))
                return _("The year %(year)s is there; now give it terms.", year=view.text("title"))
            if action == "add-course":
                courses.add(connection, Author(view.who, view.now_unix_s), **_course(view))
                return _("The course %(course)s is in the catalogue.", course=view.text("code"))
            raise PageError(_("This form is not known here."))

        return self._do(
            work, SCHOOL, lambda problem: self._school(view, problem=problem, failed=action)
        )

    def year(self, view: View, year_id: int) -> Reply:
        """Show a year to change, with its terms."""
        return self._year(view, year_id)

    def change_year(self, view: View, year_id: int) -> Reply:
        """Change or remove a year, or add a term to it."""
        action, year_id = view.text("action"), known_id(year_id)
        here = f"{SCHOOL}/years/{year_id}"

        def work(connection: Connection) -> str:
            who, now = view.who, view.now_unix_s
            if action == "save":
                years.change_year(connection, Author(who, now), year_id, **_span(view))
                return _("The year is changed.")
            if action == "remove":
                years.remove_year(connection, Author(who, now), year_id)
                return _("The year is removed.")
            if action == "add-term":
                years.add_term(connection, Author(who, now), year_id=year_id, **_span(view))
                return _("The term %(term)s is there.", term=view.text("title"))
            raise PageError(_("This form is not known here."))

        return self._do(
            work,
            SCHOOL if action == "remove" else here,
            lambda problem: self._year(view, year_id, problem=problem, failed=action),
        )

    def term(self, view: View, term_id: int) -> Reply:
        """Show a term to change."""
        return self._term(view, term_id)

    def change_term(self, view: View, term_id: int) -> Reply:
        """Change or remove a term."""
        action, term_id = view.text("action"), known_id(term_id)

        def work(connection: Connection) -> str:
            who, now = view.who, view.now_unix_s
            if action == "save":
                years.change_term(connection, Author(who, now), term_id, **_span(view))
                return _("The term is changed.")
            if action == "remove":
                years.remove_term(connection, Author(who, now), term_id)
                return _("The term is removed.")
            raise PageError(_("This form is not known here."))

        return self._do(
            work,
            SCHOOL,
            lambda problem: self._term(view, term_id, problem=problem, failed=action),
        )

    def course(self, view: View, course_id: int) -> Reply:
        """Show a course to change."""
        return self._course(view, course_id)

    def change_course(self, view: View, course_id: int) -> Reply:
        """Change or remove a course."""
        action, course_id = view.text("action"), known_id(course_id)

        def work(connection: Connection) -> str:
            who, now = view.who, view.now_unix_s
            if action == "save":
                courses.change(connection, Author(who, now), course_id, **_course(view))
                return _("The course is changed.")
            if action == "remove":
                courses.remove(connection, Author(who, now), course_id)
                return _("The course is removed.")
            raise PageError(_("This form is not known here."))

        return self._do(
            work,
            SCHOOL,
            lambda problem: self._course(view, course_id, problem=problem, failed=action),
        )

    def _do(
        self,
        work: Callable[[Connection], str],
        location: str,
        again: Callable[[str], Reply],
    ) -> Reply:
        """Change something and go on, or come back with what is wrong."""
        try:
            with self._parts.database.write() as connection:
                note = work(connection)
        except NotPossible as problem:
            return again(str(problem))
        return go(location, note)

    def _school(self, view: View, *, problem: str = "", failed: str = "") -> Reply:
        today = self._today(view)
        with self._parts.database.read() as connection:
            waiting, ongoing = lookup.find(connection, Wanted(ongoing=True), limit=WAITING_SHOWN)
            _past, older = lookup.find(connection, Wanted(past=True), limit=0)
            in_terms = lookup.counts(connection, section.c.term_id)
            in_courses = lookup.counts(connection, section.c.course_id)
            terms = years.all_terms(connection)
            now = years.current_term(connection, today)
            return page(
                "school.html",
                status=REFUSED if problem else 200,
                years=[
                    (y, [t for t in terms if t.year_id == y.id]) for y in _latest_first(connection)
                ],
                courses=courses.all_courses(connection),
                in_terms=in_terms,
                in_courses=in_courses,
                total=in_terms.total(),
                ongoing=ongoing,
                waiting=waiting,
                older=older,
                current=now,
                days=spans.days,
                problem=problem,
                failed=failed,
                typed=_typed(view, problem),
                blank=BLANK,
            )

    def _year(self, view: View, year_id: int, *, problem: str = "", failed: str = "") -> Reply:
        with self._parts.database.read() as connection:
            year = _known(lambda: years.one_year(connection, known_id(year_id)))
            of_year = [t for t in years.all_terms(connection) if t.year_id == year.id]
            in_terms = lookup.counts(connection, section.c.term_id)
        return page(
            "school_year.html",
            status=REFUSED if problem else 200,
            year=year,
            terms=of_year,
            in_terms=in_terms,
            days=spans.days,
            shown=_typed(view, problem) if failed == "save" else _shown(year),
            typed=_typed(view, problem) if failed == "add-term" else BLANK,
            problem=problem,
        )

    def _term(self, view: View, term_id: int, *, problem: str = "", failed: str = "") -> Reply:
        with self._parts.database.read() as connection:
            term = _known(lambda: years.one_term(connection, known_id(term_id)))
            filed = lookup.counts(connection, section.c.term_id)[term.id]
            systems = scores.all_systems(connection, hidden_too=False)
        return page(
            "school_term.html",
            status=REFUSED if problem else 200,
            term=term,
            filed=filed,
            systems=[s.system for s in systems],
            shown=_typed(view, problem) if failed == "save" else _shown(term),
            problem=problem,
        )

    def _course(self, view: View, course_id: int, *, problem: str = "", failed: str = "") -> Reply:
        with self._parts.database.read() as connection:
            course = _known(lambda: courses.one(connection, known_id(course_id)))
            filed = lookup.counts(connection, section.c.course_id)[course.id]
        return page(
            "school_course.html",
            status=REFUSED if problem else 200,
            course=course,
            filed=filed,
            shown=_typed(view, problem) if failed == "save" else _shown(course),
            problem=problem,
            max_description=MAX_DESCRIPTION_CHARS,
        )

    def _today(self, view: View) -> date:
        return day_of(view.now_unix_s, self._parts.settings.zone)


def _latest_first(connection: Connection) -> Iterable[Year]:
    return reversed(years.all_years(connection))


def _known(read: Callable[[], T]) -> T:
    return read()


def _span(view: View) -> dict[str, Any]:
    return {
        "title": view.text("title"),
        "first_day": day(view.text("first"), _("The first day")),
        "last_day": day(view.text("last"), _("The last day")),
    }


def _course(view: View) -> dict[str, str]:
    return {
        "code": view.text("code"),
        "title": view.text("title"),
        # Room for more, so that the rule itself says what is too long.
        "description": view.text("description", limit=2 * MAX_DESCRIPTION_CHARS),
        "credits_text": view.text("credits"),
    }


def _typed(view: View, problem: str) -> dict[str, str]:
    """What stood in a form that was refused."""
    if not problem:
        return BLANK
    return {name: view.text(name, limit=2 * MAX_DESCRIPTION_CHARS) for name in BLANK}


def _shown(one: Year | Term | Course) -> dict[str, str]:
    if isinstance(one, Course):
        return {
            "code": one.code,
            "title": one.title,
            "description": one.description,
            "credits": language.number(one.credits),
        }
    return {
        "title": one.title,
        "first": one.first_day.isoformat(),
        "last": one.last_day.isoformat(),
    }
