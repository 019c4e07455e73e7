"""A counselor's way to the sections: found by name, to enrol students, or made anew.

What is done there are the office's pages (own_desks.py). Source: RULES R47, R53, R60.
"""

from __future__ import annotations

from mnet.folding import MAX_SEARCH_CHARS
from peers.web.view import Reply, Route, View, page
from schooltool_bridge.school import lookup
from schooltool_bridge.school.lookup import Wanted
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.web.own_desks import SECTIONS
from schooltool_bridge.web.own_pages import not_there, sign_in_first
from schooltool_bridge.web.sign_on_pages import SignOnPages

MAX_FOUND = 50


class OwnSectionsPages:
    """The list of sections for counselors."""

    def __init__(self, parts: Parts, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._people = people

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [Route(SECTIONS, self.found, None)]

    def found(self, view: View) -> Reply:
        """Show sections by name."""
        person = self._people.session(view)
        if person is None:
            return sign_in_first(view)
        search = view.query.get("search", "").strip()[:MAX_SEARCH_CHARS]
        with self._parts.database.read() as connection:
            if not own_access.may_enrol(connection, person):
                raise not_there()
            rows, total = lookup.find(connection, Wanted(text=search), limit=MAX_FOUND)
            bar = own_access.bar_of(connection, person)
        return page(
            "own_sections.html",
            person=person,
            bar=bar,
            path=SECTIONS,
            search=search,
            rows=rows,
            total=total,
        )
