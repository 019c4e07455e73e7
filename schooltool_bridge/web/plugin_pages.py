"""The page that gives out the Moodle plugins, with what to do with them over there.

Source: RULES 1.8, R14.
"""

from __future__ import annotations

from mnet.language import N_, _
from peers.accounts import CLERK
from peers.web.view import NETWORK_GROUP, PageError, Reply, Route, Tab, View, download, page
from schooltool_bridge.server import moodle_plugins
from schooltool_bridge.server.parts import Parts

PLUGINS = "/admin/moodle-plugin"
ZIP = "application/zip"


class PluginPages:
    """The plugins as files to keep."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._ours = parts.site.wwwroot

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(PLUGINS, self.all, CLERK),
            Route(PLUGINS + "/<component>.zip", self.file, CLERK),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Moodle plugin"), PLUGINS, CLERK, NETWORK_GROUP)]

    def all(self, _view: View) -> Reply:
        """Show each plugin with its version and SHA-256."""
        return page(
            "moodle_plugin.html",
            ours=self._ours,
            events=moodle_plugins.pack(moodle_plugins.SIS),
            sign_on=moodle_plugins.pack(moodle_plugins.SIGN_ON),
        )

    def file(self, _view: View, component: str) -> Reply:
        """Give out a plugin's zip."""
        if component not in moodle_plugins.ROOTS:
            raise PageError(_("There is no such file."), 404)
        packed = moodle_plugins.pack(component)
        return download(packed.data, ZIP, packed.name)
