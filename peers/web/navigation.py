"""Where somebody is among the pages, and where they can go from there. Pure.

Two rows: the groups, and the pages of the group that is shown; then the way back from a page below
those. Whose pages there are, stands with the pages themselves. Source: RULES R11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnet.language import _, translated
from peers.web.view import ALONE, GROUPS, Tab

# Where accounts look for anything.
SEARCH = "/admin/search"


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody can go, in words of the language spoken."""

    title: str
    path: str
    # It is shown, or a page below it.
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Navigation:
    """What stands around a page for whoever is signed in."""

    who: str
    # Where they choose another password; empty: they have none here.
    password: str
    home: str
    sign_out: str
    top: Sequence[Place] = ()
    # The second row, and what it is called to whoever does not see it.
    below: Sequence[Place] = ()
    below_title: str = ""
    # From the page that the navigation names down to the one that is shown, without that one.
    trail: Sequence[Place] = ()
    help: str = ""
    # Where everything can be looked for; empty: nowhere.
    search: str = ""
    # Address and name of the site that they came from.
    came_from: tuple[str, str] | None = None


def among(around: Navigation, tabs: Sequence[Tab], path: str) -> Navigation:
    """Add both rows and the way back for the page at `path`; `tabs` are those somebody may see.

    A page that none of them names has the first group's row.
    """
    groups = [g for g in GROUPS if any(t.group == g for t in tabs)]
    if not groups:
        return around
    here = max((t for t in tabs if t.begins(path)), key=lambda t: t.begins(path), default=None)
    shown = here.group if here and here.group else groups[0]
    firsts = {g: next(t.path for t in tabs if t.group == g) for g in groups}
    top = [Place(_(t.title), t.path, t.path == path) for t in tabs if t.group == ALONE]
    top += [Place(translated(g), firsts[g], bool(here and here.group == g)) for g in groups]
    below = [Place(_(t.title), t.path, t is here) for t in tabs if t.group == shown]
    trail = [Place(_(here.title), here.path)] if here and here.path != path else []
    return replace(
        around, search=SEARCH, top=top, below=below, below_title=translated(shown), trail=trail
    )
