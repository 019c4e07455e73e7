"""Categories, score systems and enrolment states in the browser.

The rules stand in schooltool_bridge/school. Source: RULES R54, R63, A.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import marking, scores, states
from schooltool_bridge.school.usual_scales import USUAL
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store.shipped_titles import local_title
from schooltool_bridge.web.filters import row_id

MARKING = "/admin/school/marking"
# Room for the scores of a system, one on a line.
MAX_SCORES_CHARS = 5000
KINDS = {"points": N_("Points"), "percent": N_("Percent"), "values": N_("Values")}


class MarkingPages:
    """The page of what marks are made of."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(MARKING, self.show, CLERK),
            Route(MARKING, self.change, CLERK, ("POST",)),
        ]

    def show(self, _view: View) -> Reply:
        """Show categories, score systems and states."""
        return self._page({})

    def change(self, view: View) -> Reply:
        """Add, rename, hide or remove one of them."""
        step = _STEPS.get(view.text("action"))
        if step is None:
            raise PageError(_("This form is not known here."))
        try:
            with self._parts.database.write() as connection:
                note = step(connection, view)
        except NotPossible as problem:
            names = ("action", "title", "scores", "code", "meaning")
            typed = {name: view.text(name, limit=MAX_SCORES_CHARS) for name in names}
            return self._page(typed, problem=str(problem))
        return go(MARKING, note)

    def _page(self, typed: Mapping[str, str], *, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            systems = scores.all_systems(connection)
            known = {s.system.title for s in systems}
            return page(
                "marking.html",
                status=400 if problem else 200,
                categories=marking.categories(connection),
                systems=systems,
                usual=[(title, local_title(title)) for title in USUAL if title not in known],
                states=states.all_states(connection),
                kinds=KINDS,
                meanings=states.MEANINGS,
                typed=typed,
                problem=problem,
            )


def _add_category(connection: Connection, view: View) -> str:
    title = view.text("title")
    marking.add_category(connection, Author(view.who, view.now_unix_s), title=title)
    return _("The category %(title)s is there.", title=title)


def _rename_category(connection: Connection, view: View) -> str:
    marking.rename_category(
        connection,
        Author(view.who, view.now_unix_s),
        row_id(view.text("id")) or 0,
        title=view.text("title"),
    )
    return _("The category is renamed.")


def _remove_category(connection: Connection, view: View) -> str:
    category_id = row_id(view.text("id")) or 0
    marking.remove_category(connection, Author(view.who, view.now_unix_s), category_id)
    return _("The category is removed.")


def _add_system(connection: Connection, view: View) -> str:
    read = scores.read_scores(view.text("scores", limit=MAX_SCORES_CHARS))
    title = view.text("title")
    scores.add(connection, Author(view.who, view.now_unix_s), title=title, scores=read)
    return _("The score system %(title)s is there.", title=title)


def _add_usual(connection: Connection, view: View) -> str:
    title = view.text("title")
    scores.add_usual(connection, Author(view.who, view.now_unix_s), title)
    return _("The score system %(title)s is there.", title=local_title(title))


def _hide_system(connection: Connection, view: View) -> str:
    _set_hidden(connection, view, hidden=True)
    return _("It is offered no longer; what was marked by it stays.")


def _show_system(connection: Connection, view: View) -> str:
    _set_hidden(connection, view, hidden=False)
    return _("It is offered again.")


def _set_hidden(connection: Connection, view: View, *, hidden: bool) -> None:
    system_id = row_id(view.text("id")) or 0
    scores.set_hidden(connection, Author(view.who, view.now_unix_s), system_id, hidden=hidden)


def _add_state(connection: Connection, view: View) -> str:
    title = view.text("title")
    states.add(
        connection,
        Author(view.who, view.now_unix_s),
        code=view.text("code"),
        meaning=view.text("meaning"),
        title=title,
    )
    return _("The state %(title)s is there.", title=title)


def _rename_state(connection: Connection, view: View) -> str:
    code, title = view.text("code"), view.text("title")
    states.rename(connection, Author(view.who, view.now_unix_s), code, title=title)
    return _("The state is renamed.")


_STEPS: Mapping[str, Callable[[Connection, View], str]] = {
    "add-category": _add_category,
    "rename-category": _rename_category,
    "remove-category": _remove_category,
    "add-system": _add_system,
    "add-usual": _add_usual,
    "hide-system": _hide_system,
    "show-system": _show_system,
    "add-state": _add_state,
    "rename-state": _rename_state,
}
