"""Enrolments by hand in the browser, and sections of our own: what a Moodle does not say.

A withdrawal gets its code and note here, somebody is put into a section, a section is made that
no Moodle has. The rules stand in schooltool_bridge/hand. Source: RULES 1.6, R47, R53, R60.
"""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.common.days import first_moment
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.hand import enrolments, sections
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.history import identity, joined, roster, school_roles
from schooltool_bridge.history.author import MAX_NOTE_CHARS, Author
from schooltool_bridge.history.meaning import ACTIVE
from schooltool_bridge.people import people_list
from schooltool_bridge.school import states
from schooltool_bridge.school.written import day
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.store.model import section
from schooltool_bridge.web import filters
from schooltool_bridge.web.own_pages import STUDENTS
from schooltool_bridge.web.people_pages import PEOPLE
from schooltool_bridge.web.sections_list import SECTIONS
from schooltool_bridge.web.words import came_too

NEW = SECTIONS + "/new"
PLACE = SECTIONS + "/<int:section_id>/people/<int:person_id>"
# What the address of an enrolment's form says when a student's page leads there.
BACK_TO_PERSON = "person"
# As what somebody is in a section.
ROLES = {STUDENT: N_("student"), TEACHER: N_("teacher")}


class EnrolmentPages:
    """The forms of enrolments and sections by hand."""

    def __init__(self, parts: Parts, resolving: Resolving) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._resolving = resolving

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(NEW, self.new, CLERK),
            Route(NEW, self.add, CLERK, ("POST",)),
            Route(PLACE, self.show, CLERK),
            Route(PLACE, self.save, CLERK, ("POST",)),
        ]

    def new(self, _view: View) -> Reply:
        """Show the form of a section of our own."""
        return page("section_new.html", given={"name": "", "idnumber": ""}, problem="")

    def add(self, view: View) -> Reply:
        """Make a section."""
        given = {"name": view.text("name"), "idnumber": view.text("idnumber")}
        try:
            with self._parts.database.write() as connection:
                author = Author(view.who, view.now_unix_s)
                made = sections.add(connection, author, given["name"], idnumber=given["idnumber"])
        except Refused as refused:
            return page("section_new.html", status=400, given=given, problem=str(refused))
        name = given["name"].strip()
        note = _("%(section)s is there; now put people into it.", section=name)
        return go(_after(view, made), note)

    def show(self, view: View, section_id: int, person_id: int) -> Reply:
        """Show what somebody is in a section, to be changed."""
        given = {"role": view.query.get("role", STUDENT), "back": view.query.get("back", "")}
        return self._form(section_id, person_id, given, view)

    def save(self, view: View, section_id: int, person_id: int) -> Reply:
        """Write what somebody is in a section."""
        names = ("role", "code", "day", "why", "back")
        membership = filters.known_id(section_id), filters.known_id(person_id)
        given = {name: view.text(name) for name in names}
        given["note"] = view.text("note", limit=MAX_NOTE_CHARS + 1)
        if view.desk and given["role"] != STUDENT:
            raise PageError(_("Who teaches a section is for the office to say."), 403)
        try:
            effective_unix_s = began(given["day"], self._parts.settings.zone)
            with self._parts.database.write() as connection:
                _must_be_theirs(connection, view, membership[1])
                enrolments.set_state(
                    connection,
                    Author(view.who, view.now_unix_s, given["why"]),
                    *membership,
                    given["role"],
                    given["code"],
                    text=given["note"],
                    effective_unix_s=effective_unix_s,
                )
        except (Refused, NotPossible) as refused:
            return self._form(section_id, person_id, given, view, problem=str(refused))
        released = self._resolving.brought_by_hand(memberships=[membership])
        note = _("The enrolment is written.") + came_too(released)
        return go(_back(view, section_id, person_id, given), note)

    def _form(
        self,
        section_id: int,
        person_id: int,
        given: dict[str, str],
        view: View,
        *,
        problem: str = "",
    ) -> Reply:
        with self._parts.database.read() as connection:
            name = section_name(connection, section_id)
            _must_be_theirs(connection, view, filters.known_id(person_id))
            who = people_list.one(connection, filters.known_id(person_id))
            if who is None:
                raise _nobody()
            now = roster.current(connection, section_id, who.id)
            known = states.all_states(connection)
        titles = {state.code: state.local_title for state in known}
        role = given.get("role") or STUDENT
        return page(
            "section_place.html",
            status=400 if problem else 200,
            section_id=section_id,
            name=name,
            who=who,
            now=[(r, titles[what.code], what) for r, what in now.items()],
            roles=ROLES,
            states=known,
            given={
                "role": role,
                "code": given.get("code") or (now[role].code if role in now else ACTIVE),
                "day": given.get("day", ""),
                "note": given.get("note", ""),
                "why": given.get("why", ""),
                "back": given["back"],
            },
            back=_back(view, section_id, who.id, given),
            problem=problem,
        )


def _after(view: View, section_id: int) -> str:
    """Return where one goes on: a counselor's desk has no page of the section itself."""
    if view.desk:
        return f"{view.desk.base}/{section_id}/enrol"
    return f"{SECTIONS}/{section_id}"


def _back(view: View, section_id: int, person_id: int, given: Mapping[str, str]) -> str:
    """Return the page that an enrolment's form was opened on: the student's, or the section's."""
    if given["back"] != BACK_TO_PERSON:
        return _after(view, section_id)
    return f"{STUDENTS if view.desk else PEOPLE}/{person_id}"


def _must_be_theirs(connection: Connection, view: View, person_id: int) -> None:
    """Raise PageError (404) for a counselor's form of who only teaches: no student's record."""
    if not view.desk or own_access.was_student(connection, person_id):
        return
    root = identity.root(connection, person_id)
    teaches = school_roles.are(connection, [TEACHER], sa.literal(root))
    if connection.execute(sa.select(teaches)).scalar():
        raise _nobody()


def _nobody() -> PageError:
    return PageError(_("There is nobody with this number."), 404)


def section_name(connection: Connection, section_id: int) -> str:
    """Return what a section is called; raises PageError (404)."""
    wanted = sa.select(section.c.name).where(
        section.c.id == filters.known_id(section_id), joined.is_shown(section.c.id)
    )
    name: str | None = connection.execute(wanted).scalar()
    if name is None:
        raise PageError(_("There is no section with this number."), 404)
    return name


def began(text: str, zone: ZoneInfo) -> int | None:
    """Return the first moment of a day by the school's clock; none for now. Raises NotPossible."""
    if not text.strip():
        return None
    return first_moment(day(text, _("The day")), zone)
