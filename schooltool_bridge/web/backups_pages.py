"""Backups in the browser: when the last one was made, making one, taking one away.

A backup holds everything, so that only a manager gets one, who says the password again; the audit
trail keeps it. Source: RULES 1.8, R14; manual/operating.md.
"""

from __future__ import annotations

from pathlib import Path

from mnet.language import N_, _
from peers import audit
from peers.accounts import MANAGER
from peers.web import password_again
from peers.web.view import PageError, Reply, Route, Tab, View, download, go, long_pages, page
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store import backups

BACKUPS = "/admin/settings/backups"
ONE = BACKUPS + "/<name>"
SQLITE = "application/vnd.sqlite3"
# A page is in memory as a whole.
MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024


class BackupsPages:
    """The pages of the backups."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(BACKUPS, self.show, MANAGER),
            Route(BACKUPS, self.make, MANAGER, ("POST",), waits_for=long_pages),
            Route(ONE, self.ask, MANAGER),
            Route(ONE, self.give, MANAGER, ("POST",), waits_for=long_pages),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entry of the navigation."""
        return []

    def show(self, _view: View) -> Reply:
        """List what there is."""
        with self._parts.database.read() as connection:
            last_unix_s = backups.last_unix_s(connection)
        home = self._parts.settings.home
        return page(
            "backups.html",
            last_unix_s=last_unix_s,
            backups=backups.listed(home),
            folder=home / backups.FOLDER,
            kept=self._parts.settings_now().backups_kept,
        )

    def make(self, view: View) -> Reply:
        """Make one now."""
        settings = self._parts.settings_now()
        made = backups.make(
            self._parts.database, settings.home, view.now_unix_s, settings.backups_kept
        )
        self._note(view, N_("backup made"), made.name)
        return go(BACKUPS, _("Made %(name)s.", name=made.name))

    def ask(self, _view: View, name: str) -> Reply:
        """Ask for the password before one is given out."""
        return self._form(name)

    def give(self, view: View, name: str) -> Reply:
        """Give one out to whoever said their password again."""
        file = self._file(name)
        problem = password_again.why_not(self._parts.database, view)
        if problem:
            return self._form(name, problem)
        if file.stat().st_size > MAX_DOWNLOAD_BYTES:
            return self._form(
                name,
                _(
                    "It is too large to be downloaded here; copy the file %(file)s on the server.",
                    file=file,
                ),
            )
        body = file.read_bytes()
        self._note(view, N_("backup downloaded"), name)
        return download(body, SQLITE, name)

    def _file(self, name: str) -> Path:
        found = backups.file_of(self._parts.settings.home, name)
        if found is None:
            raise PageError(_("There is no such backup any more."), 404)
        return found

    def _form(self, name: str, problem: str = "") -> Reply:
        self._file(name)
        status = 400 if problem else 200
        return page("backup.html", status=status, name=name, problem=problem)

    def _note(self, view: View, action: str, name: str) -> None:
        with self._parts.database.write() as connection:
            audit.By(view.who, view.now_unix_s).note(connection, action, name, {})
