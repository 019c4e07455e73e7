"""The search on every page: for accounts everything, for people what they see anyway.

An exact hit leads straight to its page. Source: RULES 1.7, 1.8, R60.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import MAX_SEARCH_CHARS
from mnet.language import N_, _
from peers.accounts import CLERK
from peers.web.navigation import SEARCH
from peers.web.view import Reply, Route, View, go
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import meaning, present
from schooltool_bridge.people import people_list, searching
from schooltool_bridge.people.people_list import PeopleFilter
from schooltool_bridge.people.searching import COURSES, ISSUED, ITEMS, PEOPLE, SECTIONS, Hit, Scope
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.sign_on.own_access import Bar
from schooltool_bridge.store.model import enrolment_state, person, section
from schooltool_bridge.web import filters
from schooltool_bridge.web.gradebook_pages import TEACHING
from schooltool_bridge.web.own_desks import SECTIONS as OWN_SECTIONS
from schooltool_bridge.web.own_navigation import OWN_SEARCH
from schooltool_bridge.web.own_pages import STUDENTS, not_there, sign_in_first
from schooltool_bridge.web.sign_on_pages import SignOnPages

TITLES = {
    PEOPLE: N_("People"), SECTIONS: N_("Sections"), COURSES: N_("Courses"),
    ITEMS: N_("Assessments"), ISSUED: N_("Issued reports"),
}  # fmt: skip
# Where the whole list of a kind is searched.
LISTS = {
    PEOPLE: ("/admin/people", "search"),
    SECTIONS: ("/admin/sections", "q"),
    ISSUED: ("/admin/reports/issued", "number"),
}
PathOf = Callable[[Hit], str]


class SearchPages:
    """What is found, grouped by kind."""

    def __init__(self, parts: Parts, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [Route(SEARCH, self.everything, CLERK), Route(OWN_SEARCH, self.own, None)]

    def everything(self, view: View) -> Reply:
        """Search all that accounts see."""
        with self._parts.database.read() as connection:
            return _found(connection, view, searching.EVERYTHING, _office, LISTS)

    def own(self, view: View) -> Reply:
        """Search what somebody sees anyway: their sections and students."""
        who = self._people.session(view)
        if who is None:
            return sign_in_first(view)
        with self._parts.database.read() as connection:
            bar = own_access.bar_of(connection, who)
            if not bar.searches:
                raise not_there()
            lists = {PEOPLE: (STUDENTS, "search")} if bar.staff_role else {}
            shared = {} if bar.staff_role else _students(connection, bar)
            scope, path_of = _scope(connection, bar, shared), _own_path(bar, shared)
            values = {"person": who, "bar": bar}
            return _found(connection, view, scope, path_of, lists, values)


def _found(
    connection: Connection,
    view: View,
    scope: Scope,
    path_of: PathOf,
    lists: Mapping[str, tuple[str, str]],
    around: Mapping[str, object] | None = None,
) -> Reply:
    wanted = view.query.get("q", "").strip()[:MAX_SEARCH_CHARS]
    results = searching.search(connection, wanted, scope)
    exact = results.exact(wanted)
    if exact is not None:
        return go(path_of(exact))
    groups = []
    for kind in searching.KINDS:
        hits = [(hit, path_of(hit)) for hit in results.of(kind)]
        if hits:
            groups.append((_(TITLES[kind]), hits, _more(kind, lists, wanted, results)))
    values = {"wanted": wanted, "groups": groups, **(around or {})}
    return Reply(template="search.html", values=values)


def _more(
    kind: str, lists: Mapping[str, tuple[str, str]], wanted: str, results: searching.Results
) -> str | None:
    """Return where there is more of a kind: empty where no list has it, None when that is all."""
    if kind not in results.more:
        return None
    path, name = lists.get(kind, ("", ""))
    return path + filters.query(**{name: wanted}) if path else ""


def _office(hit: Hit) -> str:
    if hit.kind == ITEMS:
        return f"/admin/sections/{hit.section_id}/assessments/{hit.id}"
    if hit.kind == ISSUED:
        return "/admin/reports/issued" + filters.query(number=hit.title)
    places = {PEOPLE: "people", SECTIONS: "sections", COURSES: "school/courses"}
    return f"/admin/{places[hit.kind]}/{hit.id}"


def _scope(connection: Connection, bar: Bar, shared: Mapping[int, int]) -> Scope:
    """Return what somebody sees on their own pages anyway; `shared` are a teacher's students."""
    teaches = [t.section_id for t in bar.teaches]
    theirs = section.c.id.in_([t.section_id for t in bar.teaching])
    return Scope(
        people=people_list.condition(connection, PeopleFilter(was_student=True))
        if bar.staff_role
        else person.c.id.in_(shared),
        sections=sa.true() if bar.enrols else theirs,
        items=section.c.id.in_(teaches) if teaches else None,
    )


def _students(connection: Connection, bar: Bar) -> dict[int, int]:
    """Return whom somebody teaches now, and in which section; of several the first."""
    names = {t.section_id: n for n, t in enumerate(bar.teaches)}
    now = present.enrolments(connection)
    rows = connection.execute(
        sa.select(now.c.person_id, now.c.section_id)
        .join_from(now, enrolment_state, enrolment_state.c.code == now.c.code)
        .where(now.c.section_id.in_(names), now.c.role == STUDENT, meaning.IS_ACTIVE)
    )
    ordered = sorted(rows, key=lambda r: -names[r.section_id])
    return {r.person_id: r.section_id for r in ordered}


def _own_path(bar: Bar, shared: Mapping[int, int]) -> PathOf:
    """Return where each hit stands on somebody's own pages."""
    teaching = {t.section_id for t in bar.teaching}

    def path_of(hit: Hit) -> str:
        if hit.kind == PEOPLE:
            return f"{STUDENTS}/{hit.id}" if bar.staff_role else f"{TEACHING}/{shared[hit.id]}"
        if hit.kind == ITEMS:
            rest = f"assessments/{hit.id}" if hit.is_ours else "gradebook"
            return f"{TEACHING}/{hit.section_id}/{rest}"
        if hit.id in teaching:
            return f"{TEACHING}/{hit.id}"
        return f"{OWN_SECTIONS}/{hit.id}/enrol"

    return path_of
