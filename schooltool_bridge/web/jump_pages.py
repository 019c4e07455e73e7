"""The pages by which our own people go over to a peer.

What going over means stands in jumping.py. Source: RULES 1.7, R26, R31, R36.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from mnet.language import _
from mnet.protocol import APPLICATIONS
from peers.registry import Peer
from peers.web.origin import within
from peers.web.view import PageError, Reply, Route, View
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import jumping
from schooltool_bridge.sign_on.jumping import CannotJump
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import own_pages
from schooltool_bridge.web.sign_on_pages import SignOnPages

MAX_PATH_CHARS = 2000


class JumpPages:
    """Going over."""

    def __init__(self, parts: Parts, signing_off: SigningOff, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._signing_off = signing_off
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            *(
                Route(application.jump, self.jump, None, waits_for=self._asked_first)
                for application in APPLICATIONS.values()
            ),
        ]

    def jump(self, view: View) -> Reply:
        """Send a signed-in person over to a peer with a token."""
        session = self._people.session(view)
        if session is None:
            return own_pages.sign_in_first(view)
        wanted = self._wanted(view)
        if wanted is None:
            raise PageError(_("The site that this link leads to is not known here."), 403)
        path = within(view.query.get("wantsurl", "") or "/", wanted.wwwroot)
        if path is None or len(path) > MAX_PATH_CHARS:
            raise PageError(_("That link leads to no page of the other site."))
        try:
            with self._parts.database.read() as connection:
                before = jumping.visit_before(connection, session, wanted, view.agent_sha1)
            if before is not None:
                self._signing_off.end_before_jump(before)
            with self._parts.database.write() as connection:
                url = jumping.start(
                    connection,
                    session,
                    wanted,
                    site=self._parts.site,
                    wantsurl=path,
                    agent_sha1=view.agent_sha1,
                    # The peer may have been asked meanwhile, and the token lives half a minute.
                    now_unix_s=int(self._parts.clock()),
                )
        except CannotJump as problem:
            raise PageError(str(problem), 403) from None
        return Reply(status=303, outside=url)

    def _asked_first(self, view: View, _parts: Mapping[str, Any]) -> Hashable:
        """Return the id of the peer that is asked before somebody goes there again; else None."""
        session, wanted = self._people.session(view), self._wanted(view)
        if session is None or wanted is None:
            return None
        try:
            with self._parts.database.read() as connection:
                before = jumping.visit_before(connection, session, wanted, view.agent_sha1)
        except CannotJump:
            return None  # which the page then says
        return wanted.id if before is not None else None

    def _wanted(self, view: View) -> Peer | None:
        """Return the peer that a link names: by our id of it, or by its address."""
        number = view.query.get("hostid", "")
        if number not in ("", "0"):
            is_number = number.isascii() and number.isdigit() and len(number) <= 9  # noqa: PLR2004
            return self._parts.registry.by_id(int(number)) if is_number else None
        # A Mahara's links say wr; other sites' end with a slash sometimes.
        address = view.query.get("hostwwwroot", "") or view.query.get("wr", "")
        return self._parts.registry.find(address.strip().rstrip("/"))
