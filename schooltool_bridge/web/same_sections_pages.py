"""Sections that may be the same, in the browser: suggested, looked at, joined, taken apart.

Source: RULES 1.4, R45, R47.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.language import _, ngettext, translated
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import joining_sections, section_suggestions
from schooltool_bridge.hand.joining_plan import Plan
from schooltool_bridge.history.author import MAX_NOTE_CHARS, Author
from schooltool_bridge.history.finding import find_origin
from schooltool_bridge.school.labels import ROLES, School
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filters

SAME = "/admin/sections/same"
# More than that nobody reads through before saying yes.
MAX_AT_ONCE = 50
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A plan with its people by name."""

    plan: Plan
    # Name, role, state before (empty: not there) and after.
    people: Sequence[tuple[str, str, str, str]]


class SameSectionsPages:
    """The pages of sections that may be the same."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [Route(SAME, self.show, CLERK), Route(SAME, self.decide, CLERK, ("POST",))]

    def show(self, view: View) -> Reply:
        """Show what may be the same; `of` chooses one section."""
        return self._list(view.number("of"))

    def decide(self, view: View) -> Reply:
        """Look at the ticked pairs, join them, say that they are not the same; or take apart."""
        steps = {
            "look": self._look_at,
            "join": self._join,
            "not-same": self._keep_apart,
            "take-apart": self._take_apart,
        }
        action = view.text("action")
        if action not in steps:
            raise PageError(_("This form is not known here."))
        return steps[action](view)

    def _list(self, section_id: int | None = None, *, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            found = section_suggestions.suggestions(connection, section_id)
            teachers = {who for s in found for side in (s.ours, s.theirs) for who in side.teachers}
            names = _names(connection, teachers)
        return page(
            "sections_same.html",
            status=400 if problem else 200,
            found=found,
            names=names,
            words={name: _(text) for name, text in section_suggestions.WORDS.items()},
            is_cut=len(found) == section_suggestions.MAX_SHOWN,
            problem=problem,
        )

    def _look_at(self, view: View) -> Reply:
        try:
            pairs = self._pairs(view)
            return self._look(pairs, view.text("why", limit=2 * MAX_NOTE_CHARS))
        except (Refused, NotThere) as problem:
            return self._list(problem=str(problem))

    def _look(self, pairs: Sequence[Pair], why: str, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            plans = joining_sections.plans_of_many(connection, pairs)
            shown = [_Shown(plan, _people(connection, plan)) for plan in plans]
        return page(
            "sections_join.html",
            status=409 if problem else 200,
            shown=shown,
            pairs=[f"{ours}-{theirs}" for ours, theirs in pairs],
            digest=joining_sections.digest_of(plans),
            why=why,
            problem=problem,
        )

    def _join(self, view: View) -> Reply:
        why = view.text("why", limit=2 * MAX_NOTE_CHARS)
        author = Author(view.who, view.now_unix_s, why)
        pairs: list[Pair] = []
        try:
            pairs = self._pairs(view)
            with self._parts.database.write() as connection:
                done = joining_sections.join_many(
                    connection, author, pairs, shown=view.text("shown", limit=10_000)
                )
        except Refused as problem:
            try:
                return self._look(pairs, why, str(problem))
            except Refused as refused:
                return self._list(problem=str(refused))
        note = ngettext(
            "%(num)s section is one with the Moodle's now.",
            "%(num)s sections are one with the Moodle's now.",
            len(done),
        )
        return go(f"/admin/sections/{done[0].ours_id}" if len(done) == 1 else SAME, note)

    def _keep_apart(self, view: View) -> Reply:
        author = Author(view.who, view.now_unix_s)
        try:
            pairs = self._pairs(view)
            with self._parts.database.write() as connection:
                for pair in pairs:
                    joining_sections.keep_apart(connection, author, *pair)
        except Refused as problem:
            return self._list(problem=str(problem))
        return go(SAME, _("They are suggested no more."))

    def _take_apart(self, view: View) -> Reply:
        section_id = filters.row_id(view.text("section")) or 0
        author = Author(view.who, view.now_unix_s, view.text("why", limit=2 * MAX_NOTE_CHARS))
        try:
            with self._parts.database.write() as connection:
                done = joining_sections.take_apart(connection, author, section_id)
        except Refused as problem:
            raise PageError(str(problem)) from None
        return go(f"/admin/sections/{done.ours_id}", _("They are two again."))

    def _pairs(self, view: View) -> list[Pair]:
        """Return the ticked pairs, or the one that was typed. Raises Refused and NotThere."""
        other = view.text("other")
        if other:
            ours_id = filters.row_id(view.text("ours")) or 0
            with self._parts.database.read() as connection:
                return [(ours_id, find_origin(connection, other, is_ours=False, wwwroot=None))]
        pairs: list[Pair] = []
        for text in view.all("pair"):
            ours, _dash, theirs = text.partition("-")
            pairs.append((filters.row_id(ours) or 0, filters.row_id(theirs) or 0))
        if not pairs:
            raise Refused("section", _("Tick a pair first."))
        if len(pairs) > MAX_AT_ONCE:
            raise Refused(
                "section", _("At most %(count)s pairs at once, please.", count=MAX_AT_ONCE)
            )
        return pairs


def _people(connection: Connection, plan: Plan) -> list[tuple[str, str, str, str]]:
    names = _names(connection, {c.person_id for c in plan.changes})
    states = School(connection).states

    def called(code: str | None) -> str:
        return translated(states.get(code, code)) if code else ""

    return sorted(
        (names[c.person_id], _(ROLES[c.role]), called(c.before), called(c.after))
        for c in plan.changes
    )


def _names(connection: Connection, people: set[int]) -> Mapping[int, str]:
    rows = grid.names_of(connection, people)
    return {who: grid.full_name(row) for who, row in rows.items()}
