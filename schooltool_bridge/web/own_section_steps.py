"""What a section's settings change of one that was made here: its name, and whether it is a former.

The rules stand in hand/sections.py. Source: RULES R47, R60.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.engine import Connection

from mnet.language import _
from peers.web.view import View
from schooltool_bridge.hand import sections
from schooltool_bridge.history.author import Author


def _author(view: View) -> Author:
    return Author(view.who, view.now_unix_s, view.text("why"))


def _rename(connection: Connection, view: View, section_id: int) -> str:
    if sections.rename(connection, _author(view), section_id, view.text("name")):
        return _("The section is renamed.")
    return _("The section is called so already.")


def _remove(connection: Connection, view: View, section_id: int) -> str:
    if sections.remove(connection, _author(view), section_id):
        return _("The section is removed.")
    return _("The section was removed already.")


def _bring_back(connection: Connection, view: View, section_id: int) -> str:
    if sections.bring_back(connection, _author(view), section_id):
        return _("The section is back.")
    return _("The section was not removed.")


# By the button that was pressed; each writes in the caller's transaction and says what was done.
# Each raises Refused.
STEPS: Mapping[str, Callable[[Connection, View, int], str]] = {
    "rename": _rename,
    "remove": _remove,
    "bring-back": _bring_back,
}


def typed(view: View) -> dict[str, str]:
    """Return what a refused form is filled in with."""
    return {name: view.text(name) for name in ("action", "name", "why")}
