"""The school's letterhead in the browser: its logo, address, and lines to sign on.

The rules stand in reports/letterheads.py. Source: RULES R70.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet.language import _
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import FormLimits, PageError, Reply, Route, View, go, page
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import letterheads
from schooltool_bridge.reports.paper import Letterhead
from schooltool_bridge.server.parts import Parts

LETTERHEAD = "/admin/school/letterhead"
LOGO = LETTERHEAD + "/logo"
FORM = FormLimits(max_bytes=letterheads.MAX_FILE_BYTES + 64 * 1024, max_fields=10, takes_files=True)
MAX_CHARS = 2_000


class LetterheadPages:
    """The page of the letterhead."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(LETTERHEAD, self.show, CLERK),
            Route(LETTERHEAD, self.change, CLERK, ("POST",), form=FORM),
            Route(LOGO, self.logo, CLERK),
        ]

    def show(self, _view: View) -> Reply:
        """Show what it is, to be changed."""
        return self._page(None)

    def change(self, view: View) -> Reply:
        """Write down another."""
        typed = {name: view.text(name, limit=MAX_CHARS) for name in ("address", "signatures")}
        file = view.files.get("logo")
        logo = file.data if file is not None and file.data else None
        if view.ticked("no_logo"):
            logo = b""
        author = Author(view.who, view.now_unix_s)
        try:
            with self._parts.database.write() as connection:
                letterheads.change(connection, author, **typed, logo=logo)
        except NotPossible as problem:
            return self._page(typed, problem=str(problem))
        return go(LETTERHEAD, _("Saved."))

    def logo(self, _view: View) -> Reply:
        """Answer with the logo."""
        found = self._current()
        if not found.logo:
            raise PageError(_("There is no logo."), 404)
        return Reply(body=found.logo, content_type="image/png")

    def _page(self, typed: Mapping[str, str] | None, *, problem: str = "") -> Reply:
        found = self._current()
        stored = {"address": "\n".join(found.address), "signatures": "\n".join(found.signatures)}
        return page(
            "letterhead.html",
            status=400 if problem else 200,
            shown=typed or stored,
            has_logo=bool(found.logo),
            most=letterheads.MAX_SIGNATURES,
            problem=problem,
        )

    def _current(self) -> Letterhead:
        with self._parts.database.read() as connection:
            return letterheads.current(connection) or Letterhead()
