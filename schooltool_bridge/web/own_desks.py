"""The office's pages at somebody's own desk: narrowed to what is theirs, asked anew each time.

No page is made here: each is the office's, below another address, signed by the person. To
everybody else it is not there. Who may what: manual/pages.md. Source: RULES 1.7, R63, R77.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from mnet.language import _
from peers.web.view import Desk, PageError, Reply, Route, View
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.web.door_pages import DoorPages
from schooltool_bridge.web.gradebook_pages import TEACHING, ShownDesk
from schooltool_bridge.web.own_pages import not_there, sign_in_first, whose
from schooltool_bridge.web.sign_on_pages import ME, SignOnPages

OFFICE = "/admin/sections"
ONE = "/<int:section_id>/"
# What a teacher has of a section: who is in it, what it is graded by, and what is printed of it.
TEACHERS = (
    "assessments/new", "assessments/<int:assessment_id>", "worksheets", "weights",
    "upload", "upload/assessments.xlsx", "upload/grades.xlsx",
    *(f"{name}{ending}" for name in ("roster", "section-report", "gradebook-print")
      for ending in ("", ".csv", ".pdf")),
)  # fmt: skip

# What a counselor has of all sections: making them, and who is in them as a student.
SECTIONS = ME + "/sections"
COUNSELORS = ("new", "<int:section_id>/enrol", "<int:section_id>/people/<int:person_id>")

# What a principal has of the whole school.
OWN_SCHOOL, REPORTS = ME + "/school", "/admin/reports"
PRINCIPALS = tuple(
    f"/{name}{ending}"
    for name in ("failing", "honor-roll", "enrolments-by-week")
    for ending in ("", ".csv", ".pdf")
)

May = Callable[[Connection, PersonSession, int], bool]


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
            *self._narrowed(TEACHING, own_access.may_grade, [ONE + name for name in TEACHERS]),
            *self._narrowed(SECTIONS, own_access.may_enrol, ["/" + name for name in COUNSELORS]),
            *self._narrowed(OWN_SCHOOL, own_access.leads, PRINCIPALS, REPORTS),
        ]

    def _narrowed(
        self, base: str, may: May, names: Iterable[str], office: str = OFFICE
    ) -> list[Route]:
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
            if not may(connection, found, parts.get("section_id", 0)):
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
