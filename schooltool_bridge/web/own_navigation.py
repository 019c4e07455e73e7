"""What stands around people's own pages: where each of them can go, by what they have pages about.

Source: RULES 1.7, R70, R77; manual/signing-on.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from mnet.language import _
from peers.web.navigation import Navigation, Place
from peers.web.view import View
from schooltool_bridge.sign_on.own_access import Bar
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.web import help_pages
from schooltool_bridge.web.gradebook_pages import TEACHING, ShownDesk
from schooltool_bridge.web.own_desks import OWN_SCHOOL, SECTIONS
from schooltool_bridge.web.own_pages import MARKS, STUDENTS
from schooltool_bridge.web.own_password_pages import PASSWORD
from schooltool_bridge.web.sign_on_pages import ME

OWN_SEARCH = ME + "/search"


def of_person(view: View, values: Mapping[str, object]) -> Navigation | None:
    """Return what stands around a person's own page; None for what is shown to anybody.

    `values` are the page's: its `person` and `bar`, or the `desk` that has both.
    """
    person, bar, desk = (values.get(name) for name in ("person", "bar", "desk"))
    if isinstance(desk, ShownDesk):
        person, bar = desk.person, desk.bar
    if not isinstance(person, PersonSession) or not isinstance(bar, Bar):
        return None
    top = [_place(view, title, path) for title, path in _pages(bar)]
    of_section = view.path.startswith(TEACHING + "/")
    here = next((p for p in top if p.is_here), None)
    return Navigation(
        who=person.name,
        # Whoever came from another site has the password there.
        password="" if person.peer_wwwroot else PASSWORD,
        home=ME,
        sign_out="/sign-out",
        top=top,
        below=[
            _place(view, t.name, f"{TEACHING}/{t.section_id}")
            for t in bar.teaches
            if of_section or view.path == ME
        ],
        below_title=_("I teach"),
        trail=[here] if here and here.path != view.path else [],
        search=OWN_SEARCH if bar.searches else "",
        help=help_pages.own_address(view.path),
        came_from=(person.peer_wwwroot, person.peer_name) if person.peer_wwwroot else None,
    )


def _pages(bar: Bar) -> list[tuple[str, str]]:
    """Everybody's own page, and what else they have."""
    found = [
        (_("My page"), ME, True),
        (_("The school"), OWN_SCHOOL, bar.leads),
        (_("My marks"), MARKS, bar.is_student),
        (_("Students"), STUDENTS, bool(bar.staff_role)),
        (_("Sections"), SECTIONS, bar.enrols),
    ]
    return [(title, path) for title, path, is_theirs in found if is_theirs]


def _place(view: View, title: str, path: str) -> Place:
    is_below = path != ME and view.path.startswith(f"{path}/")
    return Place(title, path, view.path == path or is_below)
