"""What needs a hand: the banner on every page, the list of notices, and where their links lead.

Which notices stand is decided in rules.py, anew for each page. Source: manual/notices.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet.language import _, translated
from peers import store
from peers.accounts import CLERK, MANAGER
from peers.web.roles import allows
from peers.web.view import PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.notices import notices
from schooltool_bridge.notices.facts import gather
from schooltool_bridge.notices.rules import Notice, standing
from schooltool_bridge.server.parts import Parts

LIST = "/admin/notices"


class NoticesPages:
    """The notices in the browser."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(LIST, self.all, CLERK),
            # Where notices and mails point to, which know a peer by its address.
            Route("/admin/peer", self.peer, CLERK),
            Route("/admin/strangers", lambda _view: go("/admin/peers/add#waiting"), MANAGER),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab("Notices", LIST, CLERK)]

    def banner(self, view: View) -> Mapping[str, str] | None:
        """Say the worst on top of every page."""
        if not allows(view.role, CLERK) or view.path == LIST:
            return None
        worst = [n for n in self._standing(view) if n.severity != "info"]
        if not worst:
            return None
        more = _("and %(count)s more", count=len(worst) - 1) if len(worst) > 1 else _("What to do")
        # What has a page of its own, where it is done, is one click away.
        is_alone = len(worst) == 1 and worst[0].key.startswith("sync-waits")
        return {
            "severity": worst[0].severity,
            "title": translated(worst[0].text),
            "path": worst[0].link_path if is_alone else LIST,
            "link": more,
        }

    def all(self, view: View) -> Reply:
        """List what stands and what is over."""
        with self._parts.database.read() as connection:
            stored = notices.latest_notices(connection)
        over = [k for k in stored if k.ended_unix_s is not None]
        since = {k.notice.key: k.since_unix_s for k in stored if k.ended_unix_s is None}
        return page("notices.html", standing=self._standing(view), since=since, over=over[:50])

    def peer(self, view: View) -> Reply:
        """Go to the page of a peer that is known by its address."""
        wwwroot = view.query.get("wwwroot", "")
        if not wwwroot:
            return go("/admin")
        with self._parts.database.read() as connection:
            found = store.find(connection, wwwroot)
        if found is None or found.state == store.DELETED:
            raise PageError(_("There is no such peer; perhaps it was removed."), 404)
        return go(f"/admin/peers/{found.id}")

    def _standing(self, view: View) -> list[Notice]:
        limits = notices.limits_of(self._parts.settings_now())
        with self._parts.database.read() as connection:
            return standing(gather(connection, view.now_unix_s), view.now_unix_s, limits)
