"""A section or an assessment is cut from its peer, or linked again, in the browser.

Source: RULES 1.12.
"""

from __future__ import annotations

from dataclasses import replace

from mnet.faults import Fault
from mnet.language import _
from mnet.stored_sentences import localized
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, View, go
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import unlinking
from schooltool_bridge.hand.new_sections import Admitting
from schooltool_bridge.history.author import Author
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import filters

SECTION = "/admin/sections/<int:section_id>"
CUT, AGAIN = "cut", "again"


class UnlinkingPages:
    """What the forms on the pages of a section and an assessment lead to."""

    def __init__(self, parts: Parts, admitting: Admitting, signing_off: SigningOff) -> None:
        """Use the server's parts; `admitting` applies what was kept out meanwhile."""
        self._parts = parts
        self._signing_off = signing_off
        self._admitting = admitting

    def routes(self) -> list[Route]:
        """Return the addresses of the forms."""
        item = SECTION + "/assessments/<int:assessment_id>/peer"
        return [
            Route(SECTION + "/peer", self.section, CLERK, ("POST",)),
            Route(item, self.assessment, CLERK, ("POST",)),
            Route("/admin/people/<int:person_id>/peer", self.person, CLERK, ("POST",)),
        ]

    def section(self, view: View, section_id: int) -> Reply:
        """Cut a section from its peer, or link it again."""
        section_id, back = filters.known_id(section_id), f"/admin/sections/{section_id}"
        author = Author(view.who, view.now_unix_s, view.text("why"))
        try:
            if _action(view) == AGAIN:
                self._admitting.link_again(section_id, author)
                return go(back, _("It is linked again; a full sync brings what was left out."))
            with self._parts.database.write() as connection:
                unlinking.unlink_section(connection, author, section_id)
        except (Fault, Refused) as problem:
            return go(back, localized(str(problem)))
        return go(back, _("It is linked with its peer no more, and this school's own now."))

    def assessment(self, view: View, section_id: int, assessment_id: int) -> Reply:
        """Cut an assessment from its peer, or link it again."""
        back = f"/admin/sections/{section_id}/gradebook"
        author = Author(view.who, view.now_unix_s, view.text("why"))
        is_again = _action(view) == AGAIN
        do = unlinking.link_assessment_again if is_again else unlinking.unlink_assessment
        try:
            with self._parts.database.write() as connection:
                do(connection, author, filters.known_id(assessment_id))
        except Refused as problem:
            return go(back, str(problem))
        if is_again:
            return go(back, _("It is linked again; a full sync brings what was left out."))
        return go(back, _("It is linked with its peer no more, and this school's own now."))

    def person(self, view: View, person_id: int) -> Reply:
        """Cut somebody from a peer's user, or link them again."""
        person_id, back = filters.known_id(person_id), f"/admin/people/{person_id}"
        peer_id = filters.row_id(view.text("peer")) or 0
        author = Author(view.who, view.now_unix_s)
        try:
            if _action(view) == AGAIN:
                self._admitting.link_person_again(person_id, peer_id, author)
                return go(back, _("They are linked again, without the right to sign in."))
            with self._parts.database.write() as connection:
                visits = unlinking.unlink_person(connection, author, person_id, peer_id)
        except (Fault, Refused) as problem:
            return go(back, localized(str(problem)))
        note = _("They are linked with that peer no more.")
        return replace(go(back, note), afterwards=tuple(self._signing_off.ending(visits)))


def _action(view: View) -> str:
    action = view.text("action")
    if action not in (CUT, AGAIN):
        raise PageError(_("This form is not known here."))
    return action
