"""A counselor's way to the sections: found by name, to enrol students, or made anew.

What is done there are the office's pages (own_desks.py). Source: RULES R47, R53, R60.
"""

from __future__ import annotations

from mnet.folding import MAX_SEARCH_CHARS
from peers.web.view import Reply, Route, View, go, page
from schooltool_bridge.history import joined
from schooltool_bridge.reports import own_progress
from schooltool_bridge.school import lookup
from schooltool_bridge.school.lookup import Wanted
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.web.own_desks import SECTIONS
from schooltool_bridge.web.own_pages import not_there, sign_in_first
from schooltool_bridge.web.sign_on_pages import SignOnPages
from schooltool_bridge.web.student_record import asked

MAX_FOUND = 50


class OwnSectionsPages:
    """The list of sections for counselors, and each one's page."""

    def __init__(self, parts: Parts, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._people = people

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [
            Route(SECTIONS, self.found, None),
            Route(SECTIONS + "/<int:section_id>", self.one, None),
        ]

    def one(self, view: View, section_id: int) -> Reply:
        """Show who is in a section, to be enrolled or changed."""
        person = self._people.session(view)
        if person is None:
            return sign_in_first(view)
        when = asked(view, self._parts.settings.zone)
        with self._parts.database.read() as connection:
            may = own_access.may_enrol(connection, person)
            if not may or not lookup.by_ids(connection, [section_id]):
                raise not_there()
            if (home_id := joined.home(connection, section_id)) != section_id:
                return go(f"{SECTIONS}/{home_id}")
            snapshot, rows = own_progress.roster(connection, section_id, when.moment)
            bar = own_access.bar_of(connection, person)
        return page(
            "own_section.html",
            person=person,
            bar=bar,
            asked=when,
            snapshot=snapshot,
            rows=rows,
            until_unix_s=None,
            is_closed=snapshot.deleted,
            base=SECTIONS,
            enrols=True,
            path=f"{SECTIONS}/{section_id}",
        )

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
