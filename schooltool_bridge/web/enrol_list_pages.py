"""Many people put into a section at once: a list is typed, a roster taken over, somebody searched.

Whom that means is shown first, each with a box to tick; the rules stand in hand/enrol_lists.py.
Source: RULES 1.6, R47, R60.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.folding import MAX_SEARCH_CHARS
from mnet.language import _, ngettext
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import FormLimits, PageError, Reply, Route, View, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.hand import enrol_lists
from schooltool_bridge.hand.enrol_lists import Candidate, Enrolled, Line
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import people_list
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filters
from schooltool_bridge.web.enrolment_pages import ROLES, began, section_name
from schooltool_bridge.web.sections_list import SECTIONS
from schooltool_bridge.web.words import came_too

ENROL = SECTIONS + "/<int:section_id>/enrol"
# More than these are found by more letters.
MAX_FOUND = 30
MAX_LIST_CHARS = 60_000
# A box for each line of the longest list, and whoever was ticked before.
FORM = FormLimits(max_fields=2000)


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed and ticked."""

    text: str = ""
    search: str = ""
    from_id: int | None = None
    role: str = STUDENT
    day: str = ""
    why: str = ""
    ticked: frozenset[int] = frozenset()
    # Who had a box of their own on the page that this came from.
    boxes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody with a box to tick."""

    who: Candidate
    is_ticked: bool


class EnrolListPages:
    """The page from which people are put into a section."""

    def __init__(self, parts: Parts, resolving: Resolving) -> None:
        """Use the server's parts; `resolving` applies what waited for these enrolments."""
        self._parts = parts
        self._resolving = resolving

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [
            Route(ENROL, self.show, CLERK),
            Route(ENROL, self.save, CLERK, ("POST",), form=FORM),
        ]

    def show(self, view: View, section_id: int) -> Reply:
        """Let people be named who shall be in a section."""
        search = view.query.get("search", "").strip()[:MAX_SEARCH_CHARS]
        return self._page(view, section_id, Typed(search=search))

    def save(self, view: View, section_id: int) -> Reply:
        """Put the ticked people into a section, or show first who they are."""
        typed = _typed(view)
        if view.desk and typed.role != STUDENT:
            raise PageError(_("Who teaches a section is for the office to say."), 403)
        if view.text("action") != "enrol":
            return self._page(view, section_id, typed)
        if not typed.ticked:
            return self._page(view, section_id, typed, problem=_("Tick whom to put in."))
        section_id = filters.known_id(section_id)
        try:
            since_unix_s = began(typed.day, self._parts.settings.zone)
            author = Author(view.who, view.now_unix_s, typed.why)
            with self._parts.database.write() as connection:
                section_name(connection, section_id)
                done = enrol_lists.enrol(
                    connection,
                    author,
                    section_id,
                    sorted(typed.ticked),
                    typed.role,
                    effective_unix_s=since_unix_s,
                    no_teachers=bool(view.desk),
                )
        except (Refused, NotPossible) as problem:
            return self._page(view, section_id, typed, problem=str(problem))
        released = self._resolving.brought_by_hand(
            memberships=[(section_id, who) for who in done.put_in]
        )
        base = view.desk.base if view.desk else SECTIONS
        return go(f"{base}/{section_id}", told(done) + came_too(released))

    def _page(self, view: View, section_id: int, typed: Typed, *, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            name = section_name(connection, section_id)
            try:
                lines = enrol_lists.read_list(
                    connection, section_id, typed.text, typed.role, no_teachers=bool(view.desk)
                )
            except Refused as refused:
                lines, problem = [], problem or str(refused)
            found, total = _found(connection, view, section_id, typed)
            rows = _rows(connection, view, section_id, typed, lines, found)
            rosters = enrol_lists.rosters(connection, section_id)
        return page(
            "section_enrol.html",
            status=400 if problem else 200,
            section_id=section_id,
            name=name,
            typed=typed,
            roles=ROLES,
            rosters=rosters,
            found=found,
            total=total,
            rows=rows,
            # With no box of their own: chosen for a line that fits several.
            picked=typed.ticked - {row.who.id for row in rows},
            unclear=[line for line in lines if line.people and not line.is_clear],
            unknown=[line.text for line in lines if not line.people],
            boxes=",".join(str(row.who.id) for row in rows),
            problem=problem,
        )


def told(done: Enrolled) -> str:
    """Say what enrolling many did."""
    count, before = len(done.put_in), len(done.already)
    note = ngettext("%(num)s person is put in.", "%(num)s people are put in.", count)
    if before:
        there = ngettext("%(num)s was in it already.", "%(num)s were in it already.", before)
        note += f" {there}"
    return note


def _typed(view: View) -> Typed:
    role = view.text("role") or STUDENT
    if role not in ROLES:
        raise PageError(_("This form is not known here."))
    return Typed(
        text=view.text("list", limit=MAX_LIST_CHARS),
        search=view.text("search")[:MAX_SEARCH_CHARS],
        from_id=filters.row_id(view.text("from")),
        role=role,
        day=view.text("day"),
        why=view.text("why"),
        ticked=_ids(view.all("person")),
        boxes=_ids(view.text("boxes", limit=MAX_LIST_CHARS).split(",")),
    )


def _ids(texts: Iterable[str]) -> frozenset[int]:
    return frozenset(i for i in map(filters.row_id, texts) if i is not None)


def _found(
    connection: Connection, view: View, section_id: int, typed: Typed
) -> tuple[list[Candidate], int]:
    """Return who is found by a search, by name, and how many there are in all."""
    if not typed.search:
        return [], 0
    wanted = people_list.PeopleFilter(search=typed.search)
    total = people_list.count(connection, wanted)
    ids = [r.id for r in people_list.page(connection, wanted, offset=0, limit=MAX_FOUND)]
    found = _candidates(connection, view, section_id, typed, ids)
    return found, total - (len(ids) - len(found))


def _candidates(
    connection: Connection, view: View, section_id: int, typed: Typed, ids: Iterable[int]
) -> list[Candidate]:
    # A counselor enrols students, and who could become one.
    return enrol_lists.of_people(
        connection, section_id, [*ids], typed.role, no_teachers=bool(view.desk)
    )


def _rows(
    connection: Connection,
    view: View,
    section_id: int,
    typed: Typed,
    lines: list[Line],
    found: list[Candidate],
) -> list[Row]:
    """Return everybody who has a box: of the list, the roster and the search, and ticked before."""
    rows = {}
    offered = {who.id for line in lines if not line.is_clear for who in line.people}
    wanted = [who for line in lines if line.is_clear for who in line.people]
    if typed.from_id is not None:
        roster = enrol_lists.roster_of(connection, typed.from_id)
        wanted += _candidates(connection, view, section_id, typed, roster)
    for who in wanted:
        is_new = who.id not in typed.boxes
        rows[who.id] = Row(who, not who.is_there and (is_new or who.id in typed.ticked))
    rest = typed.ticked - rows.keys() - offered - {who.id for who in found}
    for who in [*found, *_candidates(connection, view, section_id, typed, rest)]:
        rows.setdefault(who.id, Row(who, not who.is_there and who.id in typed.ticked))
    return list(rows.values())
