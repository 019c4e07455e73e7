"""The list of first steps: what is done and what is next; and the same as a box on the first page.

What counts as done is decided in server/first_steps.py. Source: RULES R14.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet.language import _
from peers import audit
from peers.accounts import MANAGER
from peers.web.view import Reply, Route, View, go, page
from schooltool_bridge.server import first_steps
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store import backups

FIRST_STEPS = "/admin/first-steps"


class FirstStepsPages:
    """The first steps in the browser."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(FIRST_STEPS, self.show, MANAGER),
            Route(FIRST_STEPS, self.put_away, MANAGER, ("POST",)),
        ]

    def show(self, _view: View) -> Reply:
        """Show all steps, also when they are put away."""
        return page("first_steps.html", first=self._state())

    def put_away(self, view: View) -> Reply:
        """Put them away, or bring them back to the first page."""
        away = view.text("do") != "bring-back"
        with self._parts.database.write() as connection:
            first_steps.put_away(connection, audit.By(view.who, view.now_unix_s), away=away)
        if not away:
            return go("/admin")
        return go("/admin", _("The first steps are put away. Help leads to them again."))

    def box(self, view: View) -> Mapping[str, object] | None:
        """Return what stands on a manager's first page: the steps, and the last backup."""
        return self._state() if view.role == MANAGER else None

    def _state(self) -> Mapping[str, object]:
        with self._parts.database.read() as connection:
            steps = first_steps.steps(connection)
            done = first_steps.done(connection)
            away = first_steps.is_put_away(connection)
            backup_unix_s = backups.last_unix_s(connection)
        following = next((s.key for s in steps if not done[s.key]), "")
        return {
            "steps": steps,
            "done": done,
            "count": sum(done.values()),
            "next": following,
            "put_away": away,
            "backup_unix_s": backup_unix_s,
        }
