"""The office's pages at somebody's own desk: narrowed to what is theirs, asked anew each time.

No page is made here: each is the office's, below another address, signed by the person. To
everybody else it is not there. Who may what: manual/pages.md. Source: RULES 1.7, R63, R69-R71, R77.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from mnet.language import _
from peers.web.view import Desk, PageError, Reply, Route, View
from schooltool_bridge.history import identity
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.sign_on.own_access import Bar
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.web.door_pages import DoorPages
from schooltool_bridge.web.gradebook_pages import TEACHING
from schooltool_bridge.web.own_pages import STUDENTS, not_there, sign_in_first, whose
from schooltool_bridge.web.sign_on_pages import ME, SignOnPages

OFFICE, OFFICE_PEOPLE = "/admin/sections", "/admin/people"
FORMS = ("", ".csv", ".xlsx", ".pdf")
ONE = "/<int:section_id>/"
# What a teacher has of a section: who is in it, what it is graded by, and what is printed of it.
TEACHERS = (
    "assessments/new", "assessments/<int:assessment_id>", "worksheets", "weights",
    "upload", "upload/assessments.xlsx", "upload/grades.xlsx",
    *(f"{name}{ending}" for name in ("roster", "section-report", "gradebook-print")
      for ending in FORMS),
)  # fmt: skip

# What a counselor has of all sections: making them, and who is in them as a student.
SECTIONS = ME + "/sections"
COUNSELORS = ("new", "<int:section_id>/enrol", "<int:section_id>/people/<int:person_id>")

# What a counselor or principal has of a student, beside the student's page.
REPORTS = tuple(f"/<int:person_id>/{name}{ending}" for name in ("progress", "transcript")
                for ending in FORMS)  # fmt: skip

# Whether somebody may see a page, by the numbers in its address.
May = Callable[[Connection, PersonSession, Mapping[str, int]], bool]


@dataclass(frozen=True, slots=True)
class ShownDesk:
    """A desk as its pages show it."""

    base: str
    person: PersonSession
    bar: Bar


class OwnDesks:
    """Pages of the office, for teachers of their own sections, and for counselors."""

    def __init__(
        self, parts: Parts, people: SignOnPages, door: DoorPages, office: Iterable[Route]
    ) -> None:
        """Use the server's parts, what knows who is signed in, and all routes of the office."""
        self._parts = parts
        self._people = people
        self._door = door
        self._office = tuple(office)

    def routes(self) -> list[Route]:
        """Return the narrowed pages' addresses."""
        return [
            *self._narrowed(OFFICE, TEACHING, _may_grade, [ONE + name for name in TEACHERS]),
            *self._narrowed(OFFICE, SECTIONS, _may_enrol, ["/" + name for name in COUNSELORS]),
            *self._narrowed(OFFICE_PEOPLE, STUDENTS, _may_report, REPORTS),
        ]

    def _narrowed(self, office: str, base: str, may: May, names: Iterable[str]) -> list[Route]:
        theirs = {office + name for name in names}
        return [
            replace(
                route,
                rule=base + route.rule.removeprefix(office),
                handler=partial(self._open, route.handler, base, may),
                role=None,
                again=None,
            )
            for route in self._office
            if route.rule in theirs
        ]

    def _open(
        self, handler: Callable[..., Reply], base: str, may: May, view: View, **parts: Any
    ) -> Reply:
        """Answer as the office would, to whom this is theirs."""
        found = self._people.session(view)
        if found is None:
            posted = view.method == "POST"
            return self._door.ask_person_first(view) if posted else sign_in_first(view)
        with self._parts.database.read() as connection:
            if not may(connection, found, parts):
                raise not_there()
            bar = own_access.bar_of(connection, found)
        if whose(view.form) not in (None, found.person_id):
            raise PageError(
                _("Somebody else is signed in now than on the page that this came from."), 403
            )
        desk = Desk(base, own_access.actor_of(found))
        reply = handler(replace(view, desk=desk), **parts)
        if not reply.template:
            return reply
        return replace(reply, values={**reply.values, "desk": ShownDesk(base, found, bar)})


def _may_grade(connection: Connection, session: PersonSession, parts: Mapping[str, int]) -> bool:
    return own_access.may_grade(connection, session, parts["section_id"])


def _may_enrol(connection: Connection, session: PersonSession, _parts: Mapping[str, int]) -> bool:
    return own_access.may_enrol(connection, session)


def _may_report(connection: Connection, session: PersonSession, parts: Mapping[str, int]) -> bool:
    """Reports show what is hidden from students: nobody's own."""
    seen = own_access.student_seen(connection, session, parts["person_id"])
    return seen is not None and seen != identity.root(connection, session.person_id)
