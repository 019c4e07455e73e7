"""New sections that wait for a person, in the browser: taken in, or kept out, many at once.

Source: RULES 1.12.
"""

from __future__ import annotations

from collections.abc import Collection

from mnet.faults import Fault
from mnet.language import _, ngettext
from mnet.stored_sentences import localized
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import new_sections
from schooltool_bridge.hand.new_sections import Admitting
from schooltool_bridge.history.author import Author
from schooltool_bridge.server.parts import Parts

WAITING = "/admin/sections/waiting"
# As many boxes as a form may have, with room for its other fields.
ROWS = 400
APPROVE, DECLINE = "approve", "decline"


class NewSectionsPages:
    """The page of sections about which somebody decides."""

    def __init__(self, parts: Parts, admitting: Admitting) -> None:
        """Use the server's parts; `admitting` decides."""
        self._parts = parts
        self._admitting = admitting

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [
            Route(WAITING, self.show, CLERK),
            Route(WAITING, self.decide, CLERK, ("POST",)),
        ]

    def show(self, view: View) -> Reply:
        """Show what waits, and what is kept out."""
        return self._page(ticks_all=view.query.get("ticked") == "all")

    def decide(self, view: View) -> Reply:
        """Take the ticked sections in, or keep them out."""
        action, ticked = view.text("action"), view.all("section")
        if action not in (APPROVE, DECLINE):
            raise PageError(_("This form is not known here."))
        with self._parts.database.read() as connection:
            found = [*new_sections.waiting(connection), *new_sections.declined(connection)]
        chosen = [one for one in found if one.tick in ticked]
        author = Author(view.who, view.now_unix_s, view.text("why"))
        try:
            done = self._admitting.decide(chosen, author, approve=action == APPROVE)
        except (Fault, Refused) as problem:
            return self._page(problem=localized(str(problem)), ticked=ticked)
        count = len(done.sections)
        if action == DECLINE:
            note = ngettext("%(num)s section is kept out.", "%(num)s sections are kept out.", count)
            return go(WAITING, note)
        note = ngettext("%(num)s section is taken in.", "%(num)s sections are taken in.", count)
        if done.released:
            came = ngettext(
                "%(num)s event that waited came in.",
                "%(num)s events that waited came in.",
                done.released,
            )
            note = f"{note} {came}"
        return go(WAITING, note)

    def _page(
        self, *, problem: str = "", ticked: Collection[str] = (), ticks_all: bool = False
    ) -> Reply:
        with self._parts.database.read() as connection:
            waiting = new_sections.waiting(connection)
            declined = new_sections.declined(connection)
        shown = waiting[:ROWS]
        return page(
            "sections_waiting.html",
            status=400 if problem else 200,
            waiting=shown,
            more=len(waiting) - len(shown),
            declined=declined,
            problem=problem,
            ticked=[one.tick for one in shown] if ticks_all else ticked,
        )
