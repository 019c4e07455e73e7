"""The first page of accounts: what waits for a decision, who came last; for managers the network.

Source: RULES 1.8, R11, R16, R54.
"""

from __future__ import annotations

from dataclasses import replace

from mnet.language import N_
from peers.accounts import CLERK, MANAGER
from peers.web.peer_pages import HOME, PeerPages
from peers.web.view import ALONE, Reply, Route, Tab, View
from schooltool_bridge.common.days import day_of
from schooltool_bridge.people import today
from schooltool_bridge.server.parts import Parts


class TodayPages:
    """What an account sees first."""

    def __init__(self, parts: Parts, network: PeerPages) -> None:
        """Use the server's parts, and the pages that know the peers."""
        self._parts = parts
        self._network = network

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [Route(HOME, self.show, CLERK)]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Today"), HOME, CLERK, ALONE)]

    def show(self, view: View) -> Reply:
        """Show what there is to do."""
        day = day_of(view.now_unix_s, self._parts.settings.zone)
        with self._parts.database.read() as connection:
            values = {
                "waits": today.to_decide(connection, day),
                "recent": today.recent_people(connection),
            }
        network = self._network.dashboard(view) if view.role == MANAGER else Reply()
        return replace(
            network,
            template="today.html",
            values={"rows": None, "first": None, **network.values, **values},
        )
