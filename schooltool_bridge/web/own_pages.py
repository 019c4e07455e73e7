"""People's own pages: a student's marks, a teacher's sections, any student for the school's staff.

Nothing here is an admin page. What is not theirs is not there: 404, whatever the number, so that
nothing is told. Source: RULES 1.7, R58, R70, R77.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from mnet.folding import MAX_SEARCH_CHARS
from mnet.language import N_, _
from peers.web.carried_form import WHOSE
from peers.web.frame import DOOR
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.history import identity
from schooltool_bridge.people import people_list
from schooltool_bridge.reports import own_progress
from schooltool_bridge.reports.own_progress import STANDS
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.web import filters, student_record
from schooltool_bridge.web.gradebook_pages import TEACHING
from schooltool_bridge.web.sign_on_pages import ME, SignOnPages
from schooltool_bridge.web.student_record import Asked, asked

MARKS, STUDENTS = ME + "/marks", ME + "/students"
ROWS = 50
STAND_WORDS = {"now": N_("Now"), "later": N_("To come"), "past": N_("Before")}


class OwnPages:
    """What people see of the school's records."""

    def __init__(self, parts: Parts, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(MARKS, self.marks, None),
            Route(TEACHING + "/<int:section_id>", self.section, None),
            Route(STUDENTS, self.students, None),
            Route(STUDENTS + "/<int:person_id>", self.student, None),
        ]

    def marks(self, view: View) -> Reply:
        """Show somebody their own sections, with what they reached."""
        found = self._people.session(view)
        if found is None:
            return sign_in_first(view)
        when = self._asked(view)
        with self._parts.database.read() as connection:
            sections = own_progress.of_student(
                connection, found.person_id, when.moment, is_own=True
            )
            bar = own_access.bar_of(connection, found)
        words = {**STAND_WORDS, "now": N_("On that day")} if when.day else STAND_WORDS
        groups = [(_(words[s]), [x for x in sections if x.stands == s]) for s in STANDS]
        return page(
            "own_marks.html",
            person=found,
            bar=bar,
            asked=when,
            groups=[(title, some) for title, some in groups if some],
            path=MARKS,
        )

    def section(self, view: View, section_id: int) -> Reply:
        """Show a teacher who is in a section, and how they stand."""
        found = self._people.session(view)
        if found is None:
            return sign_in_first(view)
        with self._parts.database.read() as connection:
            theirs = own_access.teaching(connection, found).get(section_id)
            if theirs is None:
                raise not_there()
            when = self._asked(view, theirs.until_unix_s)
            snapshot, rows = own_progress.roster(connection, section_id, when.moment)
            bar = own_access.bar_of(connection, found)
        return page(
            "own_section.html",
            person=found,
            bar=bar,
            asked=when,
            snapshot=snapshot,
            rows=rows,
            until_unix_s=theirs.until_unix_s,
            is_closed=not theirs.is_current,
            base=TEACHING if theirs.is_current else "",
            enrols=False,
            path=f"{TEACHING}/{section_id}",
        )

    def students(self, view: View) -> Reply:
        """Let a counselor or principal find a student."""
        found = self._people.session(view)
        if found is None:
            return sign_in_first(view)
        search = view.query.get("search", "").strip()[:MAX_SEARCH_CHARS]
        number = filters.row_id(view.query.get("page", "")) or 1
        with self._parts.database.read() as connection:
            bar = own_access.bar_of(connection, found)
            if not bar.staff_role:
                raise not_there()
            wanted = people_list.PeopleFilter(search=search, was_student=True)
            total = people_list.count(connection, wanted)
            pages = max(1, -(-total // ROWS))
            number = max(1, min(number, pages))
            rows = people_list.page(connection, wanted, offset=(number - 1) * ROWS, limit=ROWS)
        beside = [
            STUDENTS + filters.query(search=search, page=n) if 1 <= n <= pages else ""
            for n in (number - 1, number + 1)
        ]
        return page(
            "own_students.html",
            person=found,
            bar=bar,
            rows=rows,
            search=search,
            total=total,
            number=number,
            pages=pages,
            earlier=beside[0],
            later=beside[1],
            path=STUDENTS,
        )

    def student(self, view: View, person_id: int) -> Reply:
        """Show a counselor or principal how a student stands and stood."""
        found = self._people.session(view)
        if found is None:
            return sign_in_first(view)
        zone = self._parts.settings.zone
        with self._parts.database.read() as connection:
            who = own_access.student_seen(connection, found, person_id)
            row = people_list.one(connection, who) if who is not None else None
            if row is None:
                raise not_there()
            # Whoever is a student too is one also here.
            is_own = row.id == identity.root(connection, found.person_id)
            when = asked(view, zone)
            values = student_record.record(connection, view, row, when, zone, is_own=is_own)
            bar = own_access.bar_of(connection, found)
        return page("student.html", person=found, bar=bar, path=f"{STUDENTS}/{row.id}", **values)

    def _asked(self, view: View, until_unix_s: int | None = None) -> Asked:
        return asked(view, self._parts.settings.zone, until_unix_s)


def sign_in_first(view: View) -> Reply:
    """Send a visitor to the form: the same for every number, which so stays unknown."""
    here = f"{view.path}?{view.raw_query}" if view.raw_query else view.path
    return go(f"{DOOR}?next={quote(here, safe='')}")


def whose(form: Mapping[str, list[str]]) -> int | None:
    """Return the id of the person on whose own page a form was filled in; None: it does not say."""
    return filters.row_id((form.get(WHOSE) or [""])[-1])


def not_there() -> PageError:
    """Say the same of what is not theirs as of what never was."""
    return PageError(_("There is no page at this address."), 404)
