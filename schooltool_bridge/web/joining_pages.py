"""Joining two assessments in the browser: what would count, a yes, and taking them apart again.

Source: RULES 1.5, R65, R66.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from mnet.folding import folded
from mnet.language import _, ngettext
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import adoption
from schooltool_bridge.gradebook import grid, marks
from schooltool_bridge.gradebook.marks import Mark
from schooltool_bridge.hand import joining
from schooltool_bridge.history.author import MAX_NOTE_CHARS, Author
from schooltool_bridge.history.averages import ScoreSystem
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filters
from schooltool_bridge.web.gradebook_pages import SECTION

JOIN = SECTION + "/assessments/<int:assessment_id>/join"


@dataclass(frozen=True, slots=True)
class _Line:
    """A student with an entry by hand: what stands in both, and which of them counts then."""

    name: str
    by_hand: str
    theirs: str
    goes_over: bool


class JoiningPages:
    """The pages that join assessments."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [Route(JOIN, self.look, CLERK), Route(JOIN, self.do, CLERK, ("POST",))]

    def tabs(self) -> list[Tab]:
        """Return no entry of the navigation: an assessment leads here."""
        return []

    def look(self, view: View, section_id: int, assessment_id: int) -> Reply:
        """Show what joining would do."""
        other_id = filters.row_id(view.query.get("with", ""))
        if other_id is None:
            return go(f"/admin/sections/{section_id}/assessments/{assessment_id}", "")
        return self._look(section_id, assessment_id, other_id)

    def do(self, view: View, section_id: int, assessment_id: int) -> Reply:
        """Join, or take apart."""
        other_id = filters.row_id(view.text("with")) or 0
        author = Author(view.who, view.now_unix_s, view.text("why", limit=2 * MAX_NOTE_CHARS))
        try:
            with self._parts.database.write() as connection:
                snapshot = _known(connection, section_id)
                if view.text("do") == "apart":
                    released = joining.take_apart(
                        connection, author, section_id, other_id, assessment_id
                    )
                    note = _apart(released)
                else:
                    ours_id, theirs_id = _in_order(snapshot, assessment_id, other_id)
                    shown = view.text("shown")
                    done = joining.join(
                        connection, author, section_id, ours_id, theirs_id, shown=shown
                    )
                    names = {"ours": done.ours.name, "theirs": done.theirs.name}
                    note = _("“%(ours)s” and “%(theirs)s” are one now.", **names)
        except Refused as problem:
            if view.text("do") == "apart":
                raise PageError(str(problem)) from None
            return self._look(section_id, assessment_id, other_id, view.text("why"), str(problem))
        return go(f"/admin/sections/{section_id}/gradebook", note)

    def _look(
        self, section_id: int, assessment_id: int, other_id: int, why: str = "", problem: str = ""
    ) -> Reply:
        with self._parts.database.read() as connection:
            snapshot = _known(connection, section_id)
            try:
                plan = joining.plan(snapshot, *_in_order(snapshot, assessment_id, other_id))
            except Refused as refused:
                raise PageError(str(refused), 404) from None
            systems = grid.systems_of(connection)
            lines = _lines(connection, plan, systems)
        return page(
            "gradebook_join.html",
            status=409 if problem else 200,
            section=snapshot,
            plan=plan,
            lines=lines,
            back=f"/admin/sections/{section_id}/assessments/{assessment_id}",
            other=other_id,
            why=why,
            problem=problem,
        )


def others(snapshot: SectionSnapshot, item: Item) -> Mapping[str, str]:
    """Return what an assessment could be joined with, by id; names that are nearly its first."""
    found = [i for i in snapshot.items if (i.peer is None) != (item.peer is None)]
    wanted = adoption.bare(item.name)
    found.sort(key=lambda i: (adoption.bare(i.name) != wanted, i.name.casefold(), i.id))
    return {str(i.id): i.name for i in found}


def _in_order(snapshot: SectionSnapshot, one_id: int, other_id: int) -> tuple[int, int]:
    """The one made by hand first."""
    own = {i.id for i in snapshot.items if i.peer is None}
    return (one_id, other_id) if one_id in own else (other_id, one_id)


def _lines(
    connection: Connection, plan: joining.Plan, systems: Mapping[int, ScoreSystem]
) -> Sequence[_Line]:
    names = grid.names_of(connection, [cell.person_id for cell in plan.cells])
    # As the Moodle's is marked from then on.
    marked = plan.ours if plan.with_detail else plan.theirs
    theirs = replace(plan.theirs, score_system_id=marked.score_system_id)

    def entry_text(entry: Entry | None, item: Item) -> str:
        system = systems.get(item.score_system_id) if item.score_system_id else None
        nothing = entry is None or (entry.points is None and not entry.excepted)
        return "" if nothing or entry is None else marks.written(_mark(entry), item, system)

    return sorted(
        (
            _Line(
                grid.full_name(names[cell.person_id]),
                entry_text(cell.by_hand, plan.ours),
                entry_text(cell.theirs, theirs),
                cell.goes_over,
            )
            for cell in plan.cells
        ),
        key=lambda line: folded(line.name),
    )


def _mark(entry: Entry) -> Mark:
    return Mark(entry.points, is_excused=entry.excepted)


def _apart(released: int) -> str:
    return ngettext(
        "They are two again; %(num)s entry by hand went back.",
        "They are two again; %(num)s entries by hand went back.",
        released,
    )


def _known(connection: Connection, section_id: int) -> SectionSnapshot:
    return grid.section_of(connection, section_id)
