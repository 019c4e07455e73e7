"""How much each category of assessments counts in a section, in the browser.

The rules stand in schooltool_bridge/school/marking.py. Source: RULES R63, A.4.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from mnet import language
from mnet.language import _
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import Reply, Route, View, go, page
from schooltool_bridge.gradebook import grid
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import marking
from schooltool_bridge.school.written import number
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web.gradebook_pages import SECTION, section_path

WEIGHTS = SECTION + "/weights"


class WeightsPages:
    """The page of a section's weights."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [Route(WEIGHTS, self.show, CLERK), Route(WEIGHTS, self.save, CLERK, ("POST",))]

    def show(self, _view: View, section_id: int) -> Reply:
        """Show the weights."""
        return self._page(section_id)

    def save(self, view: View, section_id: int) -> Reply:
        """Set them from now on."""
        try:
            with self._parts.database.write() as connection:
                grid.section_of(connection, section_id)
                note = weigh(connection, view, section_id)
        except NotPossible as problem:
            return self._page(section_id, str(problem))
        return go(f"{section_path(view, section_id)}/weights", note)

    def _page(self, section_id: int, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            return page(
                "gradebook_weights.html",
                status=400 if problem else 200,
                section=grid.section_of(connection, section_id),
                categories=marking.categories(connection),
                weights=shown(connection, section_id),
                problem=problem,
            )


def shown(connection: Connection, section_id: int) -> dict[int, str]:
    """Return each category's weight as a field shows it."""
    weights = marking.weights(connection, section_id)
    return {
        c.id: language.number(str(weights.get(c.id, ""))) for c in marking.categories(connection)
    }


def weigh(connection: Connection, view: View, section_id: int) -> str:
    """Set the weights that a form says; raises NotPossible."""
    wanted = {}
    for each in marking.categories(connection):
        text = view.text(f"weight-{each.id}")
        wanted[each.id] = (
            number(text, _("The weight of %(category)s", category=each.title)) if text else None
        )
    changed = marking.set_weights(
        connection, Author(view.who, view.now_unix_s, view.text("why")), section_id, wanted
    )
    return _("The weights hold from now on.") if changed else _("The weights are as they were.")
