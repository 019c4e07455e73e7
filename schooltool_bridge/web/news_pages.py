"""What is new in the version that runs: CHANGELOG.md as a page.

Source: RULES R14.
"""

from __future__ import annotations

from pathlib import Path

from peers.accounts import MANAGER
from peers.web.view import Reply, Route, View, page
from schooltool_bridge.server.parts import VERSION
from schooltool_bridge.web import manual

NEWS = "/admin/settings/news"
FILE = Path(__file__).parents[1] / "CHANGELOG.md"


class NewsPages:
    """The page of what is new."""

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [Route(NEWS, self.show, MANAGER)]

    def show(self, _view: View) -> Reply:
        """Show the changes, newest first."""
        return page("news.html", body=manual.html_of(FILE.read_text("utf-8")), version=VERSION)
