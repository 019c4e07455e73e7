"""People by hand in the browser: added, corrected, merged, and taken apart again.

What follows from it stands in hand/people.py and hand/merging.py. Source: RULES 1.4, R39b.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields

from sqlalchemy.engine import Connection

from mnet.faults import Fault
from mnet.language import N_, _
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.hand import merging, people
from schooltool_bridge.hand.people import Names
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.people import people_list, person_story
from schooltool_bridge.people.people_list import PersonRow
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import filters
from schooltool_bridge.web.people_pages import PEOPLE
from schooltool_bridge.web.words import came_too

PERSON = PEOPLE + "/<int:person_id>"
NAMES = tuple(f.name for f in fields(Names))
TITLES = {
    "username": N_("User name"),
    "firstname": N_("First name"),
    "lastname": N_("Last name"),
    "idnumber": N_("ID number"),
    "email": N_("Email"),
}


class PersonEditPages:
    """Forms about one person's names, and about two who are one."""

    def __init__(self, parts: Parts, resolving: Resolving, signing_off: SigningOff) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._resolving = resolving
        self._signing_off = signing_off

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(PEOPLE + "/add", self.new, CLERK),
            Route(PEOPLE + "/add", self.add, CLERK, ("POST",)),
            Route(PERSON + "/edit", self.edit, CLERK),
            Route(PERSON + "/edit", self.change, CLERK, ("POST",)),
            Route(PERSON + "/merge", self.look, CLERK),
            Route(PERSON + "/merge", self.merge, CLERK, ("POST",)),
            Route(PERSON + "/unmerge", self.unmerge, CLERK, ("POST",)),
        ]

    def new(self, _view: View) -> Reply:
        """Show the form for somebody new."""
        return _form(dict.fromkeys(NAMES, ""))

    def add(self, view: View) -> Reply:
        """Make a person."""
        given = _given(view)
        try:
            with self._parts.database.write() as connection:
                names, author = Names(**given), _author(view)
                made = people.add(connection, author, names)
                people.note_in_trail(connection, author, made, N_("person added"))
        except Refused as problem:
            return _form(given, why=view.text("why"), problem=problem)
        released = self._resolving.brought_by_hand([names])
        note = _("%(whom)s is added.", whom=_full(names)) + came_too(released)
        return go(f"{PEOPLE}/{made}", note)

    def edit(self, view: View, person_id: int) -> Reply:
        """Show the form for correcting somebody."""
        with self._parts.database.read() as connection:
            found = _known(connection, person_id)
            given = asdict(people.names_of(connection, found.id))
        return _form(given, person=found, event=view.number("event"))

    def change(self, view: View, person_id: int) -> Reply:
        """Correct somebody's names; then apply what waited, a conflict first of all."""
        given, event = _given(view), filters.row_id(view.text("event"))
        with self._parts.database.read() as connection:
            found = _known(connection, person_id)
        try:
            with self._parts.database.write() as connection:
                before, names, author = (
                    people.names_of(connection, found.id),
                    Names(**given),
                    _author(view),
                )  # fmt: skip - three of a kind
                is_changed = people.change(connection, author, found.id, names)
                if is_changed:
                    people.note_in_trail(connection, author, found.id, N_("person corrected"))
        except Refused as problem:
            return _form(given, person=found, event=event, why=view.text("why"), problem=problem)
        released = self._resolving.brought_by_hand([names, before] if is_changed else [])
        note = _("%(whom)s is corrected.", whom=_full(names)) + came_too(released)
        if event is None:
            return go(f"{PEOPLE}/{found.id}", note)
        try:
            self._resolving.retry(event, author=Author(view.who, view.now_unix_s))
        except Fault:  # it came in with the new name already
            return go("/admin/inbox", note)
        return go(f"/admin/inbox/{event}", note)

    def look(self, view: View, person_id: int) -> Reply:
        """Show two people side by side before they are merged."""
        with self._parts.database.read() as connection:
            found = _known(connection, person_id)
            try:
                other = find_person(connection, view.query.get("other", "").strip())
            except NotThere as problem:
                return go(f"{PEOPLE}/{found.id}", str(problem))
            second = _known(connection, other)
            both = [(row, person_story.sections_of(connection, row.id)) for row in (found, second)]
        if found.id == second.id:
            return go(f"{PEOPLE}/{found.id}", _("That is the same person; give another one."))
        return page("person_merge.html", both=both, kept=found, merged=second)

    def merge(self, view: View, person_id: int) -> Reply:
        """Let this person stand for the other one, too."""
        merged = filters.row_id(view.text("merged")) or 0
        try:
            with self._parts.database.write() as connection:
                found, other = _known(connection, person_id), _known(connection, merged)
                visits = merging.merge(connection, _author(view), found.id, other.id)
        except Refused as problem:
            return go(f"{PEOPLE}/{person_id}", str(problem))
        return Reply(
            status=303,
            location=f"{PEOPLE}/{found.id}",
            note=_("%(whom)s stands for both now; below is how to undo it.", whom=found.name),
            afterwards=tuple(self._signing_off.ending(visits)),
        )

    def unmerge(self, view: View, person_id: int) -> Reply:
        """Let a record that was merged stand for itself again."""
        merged = filters.row_id(view.text("merged")) or 0
        try:
            with self._parts.database.write() as connection:
                visits = merging.undo(connection, _author(view), merged)
        except Refused as problem:
            return go(f"{PEOPLE}/{filters.known_id(person_id)}", str(problem))
        return Reply(
            status=303,
            location=f"{PEOPLE}/{merged}",
            note=_("This is somebody of their own again."),
            afterwards=tuple(self._signing_off.ending(visits)),
        )


def _form(
    given: Mapping[str, str],
    *,
    person: PersonRow | None = None,
    event: int | None = None,
    why: str = "",
    problem: Refused | None = None,
) -> Reply:
    return page(
        "person_edit.html",
        status=400 if problem else 200,
        given=given,
        titles=TITLES,
        person=person,
        event=event or "",
        why=why,
        problem=str(problem) if problem else "",
        field=problem.field if problem else "",
    )


def _given(view: View) -> dict[str, str]:
    return {name: view.text(name) for name in NAMES}


def _author(view: View) -> Author:
    return Author(view.who, view.now_unix_s, view.text("why"))


def _full(names: Names) -> str:
    return f"{names.firstname} {names.lastname}".strip()


def _known(connection: Connection, person_id: int) -> PersonRow:
    found = people_list.one(connection, filters.known_id(person_id))
    if found is None:
        raise PageError(_("There is no such person."), 404)
    return found
