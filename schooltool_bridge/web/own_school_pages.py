"""A principal's school in figures, as of any day; each leads to the list behind it.

Source: RULES 1.7, R58, R70, A.4.
"""

from __future__ import annotations

import threading

from markupsafe import Markup

from mnet import language
from peers import store
from peers.web.view import Reply, Route, View, long_pages, page
from schooltool_bridge.reports import charts, school_figures
from schooltool_bridge.reports.school_figures import Figures
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.web import filters, peer_facts
from schooltool_bridge.web.own_desks import OWN_SCHOOL
from schooltool_bridge.web.own_pages import not_there, sign_in_first
from schooltool_bridge.web.sign_on_pages import SignOnPages

# A large school takes seconds to count; so long the same figures are shown, with their moment.
KEPT_S = 300


class OwnSchoolPages:
    """The school in figures."""

    def __init__(self, parts: Parts, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._people = people
        self._lock = threading.Lock()
        # By the day that was asked about; empty for now.
        self._kept: dict[str, Figures] = {}

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [Route(OWN_SCHOOL, self.show, None, waits_for=long_pages)]

    def show(self, view: View) -> Reply:
        """Show the figures as of a day, or now."""
        found = self._people.session(view)
        if found is None:
            return sign_in_first(view)
        zone = self._parts.settings.zone
        with self._parts.database.read() as connection:
            if not own_access.leads(connection, found):
                raise not_there()
            bar = own_access.bar_of(connection, found)
            peers = [p for p in store.all_peers(connection) if p.state == store.ENABLED]
            facts = peer_facts.of_peers(zone, connection, peers, view.now_unix_s)
        end = filters.day_start(view.query.get("at", ""), zone, days_later=1)
        day = "" if end is None else view.query["at"]
        figures = self._figures(day, None if end is None else end - 1, view.now_unix_s)
        weeks = [
            (language.day_in_its_year(w.until), w.enrolled, w.came, w.left) for w in figures.weeks
        ]
        return page(
            "own_school.html",
            person=found,
            bar=bar,
            path=OWN_SCHOOL,
            day=day,
            query=filters.query(at=day),
            figures=figures,
            by_week=Markup(charts.by_week(weeks)),  # noqa: S704 - our own SVG, escaped there
            spread=Markup(charts.distribution(figures.percents)),  # noqa: S704 - as above
            peers=[(peer, facts[peer.id]) for peer in peers],
        )

    def _figures(self, day: str, at_unix_s: int | None, now_unix_s: int) -> Figures:
        with self._lock:
            kept = self._kept.get(day)
            if kept is not None and 0 <= now_unix_s - kept.counted_unix_s < KEPT_S:
                return kept
            with self._parts.database.read() as connection:
                found = school_figures.read(
                    connection, at_unix_s, now_unix_s, self._parts.settings.zone
                )
            if len(self._kept) > 30:  # noqa: PLR2004 - days, so that they do not pile up
                self._kept.clear()
            self._kept[day] = found
            return found
