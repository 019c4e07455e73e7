"""The gradebook at a teacher's own desk: the office's page, for who is active in that section.

Who may is asked anew with each request (own_access.py); to everybody else the page is not there.
Source: RULES 1.5, R77.
"""

from __future__ import annotations

from mnet.language import _
from peers.web.view import PageError, Reply, Route, View
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.web.door_pages import DoorPages
from schooltool_bridge.web.gradebook_pages import FORM, TEACHING, Desk, GradebookPages, ShownDesk
from schooltool_bridge.web.own_pages import not_there, sign_in_first, whose
from schooltool_bridge.web.sign_on_pages import SignOnPages

OWN_GRADEBOOK = TEACHING + "/<int:section_id>/gradebook"


class OwnGradebookPages:
    """The gradebook for teachers."""

    def __init__(
        self, parts: Parts, people: SignOnPages, door: DoorPages, gradebook: GradebookPages
    ) -> None:
        """Use the server's parts, what knows who is signed in, and the office's page."""
        self._parts = parts
        self._people = people
        self._door = door
        self._gradebook = gradebook

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(OWN_GRADEBOOK, self.show, None),
            Route(OWN_GRADEBOOK, self.save, None, ("POST",), form=FORM, again=self.again),
        ]

    def show(self, view: View, section_id: int) -> Reply:
        """Show the gradebook."""
        desk = self._desk(view, section_id)
        if desk is None:
            return sign_in_first(view)
        return self._gradebook.shown(desk, view.query, section_id)

    def save(self, view: View, section_id: int) -> Reply:
        """Write what was typed."""
        desk = self._desk(view, section_id)
        if desk is None:
            return self._door.ask_person_first(view)
        return self._gradebook.saved(desk, view, section_id)

    def again(self, view: View, section_id: int) -> Reply:
        """Show the gradebook with what was typed; nothing is saved."""
        desk = self._desk(view, section_id)
        if desk is None:
            return self._door.ask_person_first(view)
        return self._gradebook.shown_again(desk, view, section_id)

    def _desk(self, view: View, section_id: int) -> Desk | None:
        """Return where a teacher writes; None when nobody is signed in."""
        found = self._people.session(view)
        if found is None:
            return None
        with self._parts.database.read() as connection:
            if not own_access.may_grade(connection, found, section_id):
                raise not_there()
            bar = own_access.bar_of(connection, found)
        filled_in_by = whose(view.form)
        if filled_in_by not in (None, found.person_id):
            raise PageError(
                _("Somebody else is signed in now than on the page that this came from."), 403
            )
        path = OWN_GRADEBOOK.replace("<int:section_id>", str(section_id))
        return Desk(path, own_access.actor_of(found), ShownDesk(TEACHING, found, bar))
