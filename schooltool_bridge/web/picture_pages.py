"""Where people's pictures are served: to the person, the office, and counselors and principals.

These see students' alone; nobody else sees any.
What a picture is stands in pictures.py. Source: RULES 1.7; PROTOCOL.md section 11.
"""

from __future__ import annotations

from mnet.language import _
from peers.accounts import CLERK
from peers.web.roles import allows
from peers.web.view import PageError, Reply, Route, View
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access, pictures
from schooltool_bridge.web.sign_on_pages import SignOnPages

# A page with a class on it should not load each picture again; a changed one has another address.
KEPT_S = 300


class PicturePages:
    """The pictures' addresses."""

    def __init__(self, parts: Parts, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [Route("/picture/<int:person_id>", self.picture, None)]

    def picture(self, view: View, person_id: int) -> Reply:
        """Serve a picture; whoever may not see it learns not even whether there is one."""
        if self._may_see(view, person_id):
            with self._parts.database.read() as connection:
                found = pictures.shown(connection, person_id)
            if found is not None:
                return Reply(body=found.png, content_type="image/png", private_s=KEPT_S)
        raise PageError(_("There is no picture at this address."), 404)

    def _may_see(self, view: View, person_id: int) -> bool:
        # An admin who has to choose a password first sees nothing else either (peers/web/frame.py).
        if view.session and not view.session.account.one_time and allows(view.role, CLERK):
            return True
        own = self._people.session(view)
        if own is None or own.person_id == person_id:
            return own is not None
        with self._parts.database.read() as connection:
            return own_access.student_seen(connection, own, person_id) is not None
