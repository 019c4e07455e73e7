"""Our own key: its fingerprint for other sites' admins, its end, and making a new one.

Source: RULES R20, 1.8 (key).
"""

from __future__ import annotations

from collections.abc import Callable

from keys.certificate import load
from mnet.language import N_, _
from peers.accounts import CLERK, MANAGER
from peers.web.view import NETWORK_GROUP, Reply, Route, Tab, View, go, page
from schooltool_bridge.server.parts import Parts

KEY = "/admin/key"


class KeyPages:
    """Our key in the browser."""

    def __init__(self, parts: Parts, rotate_key: Callable[[str], None]) -> None:
        """Take the server's parts."""
        self._parts = parts
        self._rotate_key = rotate_key

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(KEY, self.show, CLERK),
            Route(KEY + "/rotate", self.rotate, MANAGER, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Our key"), KEY, CLERK, NETWORK_GROUP)]

    def show(self, view: View) -> Reply:
        """Show the certificate that other sites know us by."""
        certificate = load(self._parts.custody.keyring().certificate_pem)
        return page(
            "own_key.html",
            certificate=certificate,
            wwwroot=self._parts.settings.wwwroot,
            days=self._parts.settings.key_days,
            is_manager=view.role == MANAGER,
        )

    def rotate(self, view: View) -> Reply:
        """Make a new key; peers learn it with their next call."""
        self._rotate_key(view.who)
        return go(KEY, _("There is a new key. Peers learn it by themselves with their next call."))
