"""For those who help, and for data protection: is all well here, the bundle, who gets which data.

Source: RULES R14, R38.
"""

from __future__ import annotations

from mnet.language import N_
from peers import store
from peers.accounts import CLERK, MANAGER
from peers.policy import PeerPolicy
from peers.web.view import NETWORK_GROUP, Reply, Route, Tab, View, download, page
from schooltool_bridge.common.days import local
from schooltool_bridge.people.sharing import sharing
from schooltool_bridge.server import health
from schooltool_bridge.server.bundle import make_bundle
from schooltool_bridge.server.parts import Parts

ZIP = "application/zip"


class SupportPages:
    """The pages that say how this server itself is, and what it shares."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route("/admin/sharing", self.sharing, CLERK),
            Route("/admin/support", self.support, MANAGER),
            Route("/admin/support/bundle", self.bundle, MANAGER, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [
            Tab(N_("Personal data"), "/admin/sharing", CLERK, NETWORK_GROUP),
            Tab("Support", "/admin/support", MANAGER),
        ]

    def sharing(self, _view: View) -> Reply:
        """Show which personal data goes to which peer, and comes from it."""
        with self._parts.database.read() as connection:
            stored = [p for p in store.all_peers(connection) if p.state != store.DELETED]
        rows = []
        for peer in stored:
            known = self._parts.registry.by_id(peer.id)
            if known is not None:
                policy = PeerPolicy.from_stored(peer.policy)
                enabled = peer.state == store.ENABLED
                rows.append((peer, sharing(known.services, policy, enabled=enabled)))
        return page("sharing.html", rows=rows)

    def support(self, _view: View) -> Reply:
        """Show whether all is well on this server."""
        return page("support.html", steps=list(health.steps(self._parts)), version=self._version)

    def bundle(self, view: View) -> Reply:
        """Give out the support bundle."""
        day = local(view.now_unix_s, self._parts.settings.zone)
        return download(make_bundle(self._parts), ZIP, f"mnet-peer-{day:%Y%m%d-%H%M}.zip")

    @property
    def _version(self) -> str:
        return self._parts.site.version
