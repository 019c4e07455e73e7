"""Closing in the browser: a term with all its sections, or one section; then what came since.

Closing is shown in words first, and done only while it is about as many marks; so is closing once
more, for who joined since. The rules stand in schooltool_bridge/school/closing.py. Source: RULES
R70, R71.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import folded
from mnet.language import _, ngettext
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.view import PageError, Reply, Route, View, go, long_pages, page
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import shown_mark
from schooltool_bridge.reports import paper
from schooltool_bridge.school import closing, final_marks, labels, lookup, scores, years
from schooltool_bridge.school.closing import Preview
from schooltool_bridge.school.filing import MAX_WHY_CHARS
from schooltool_bridge.school.final_marks import Final, Proposal, Standing
from schooltool_bridge.school.lookup import SectionRow, Wanted
from schooltool_bridge.school.written import several_lines
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filters
from schooltool_bridge.web.school_pages import SCHOOL
from schooltool_bridge.web.sections_list import SECTIONS

# A screenful or two of boxes to tick; what is left shows when these are settled.
PROPOSALS_SHOWN = 100
# All sections of a term on one page; a school's term has fewer.
SECTIONS_SHOWN = 400


@dataclass(frozen=True, slots=True)
class ClosingTarget:
    """What is closed: a term, or a section alone."""

    title: str
    path: str
    wanted: sa.Select[tuple[int]]
    term_id: int | None
    section_id: int | None
    # When the term was closed; None for one that is open, and for a section.
    closed_unix_s: int | None

    def is_closed(self, stored: int) -> bool:
        """Tell whether it was closed already, with so many marks stored."""
        return self.closed_unix_s is not None or (self.section_id is not None and stored > 0)

    @property
    def back(self) -> str:
        """The page that leads here."""
        return self.path.removesuffix("/final")


@dataclass(frozen=True, slots=True)
class Line:
    """A final mark in the list, with what the records say now where that differs."""

    final: Final
    student: str
    section: str
    stored: str
    state: str
    proposal: Proposal | None
    proposed: str
    proposed_state: str

    @property
    def box(self) -> str:
        """What the box to tick sends: whose mark, and what is proposed."""
        seen = final_marks.digest([self.proposal]) if self.proposal else ""
        return f"{self.final.section_id}-{self.final.person_id}-{seen}"


class ClosingPages:
    """The pages of final marks."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses; they read whole terms, so that they may take a while."""
        found = []
        for rule, show, change in (
            (SCHOOL + "/terms/<int:term_id>/final", self.term, self.change_term),
            (SECTIONS + "/<int:section_id>/final", self.section, self.change_section),
        ):
            found.append(Route(rule, show, CLERK, waits_for=long_pages))
            found.append(Route(rule, change, CLERK, ("POST",), waits_for=long_pages))
        return found

    def term(self, _view: View, term_id: int) -> Reply:
        """Show the final marks of a term."""
        return self._show(_term, term_id)

    def section(self, _view: View, section_id: int) -> Reply:
        """Show the final marks of a section."""
        return self._show(_section, section_id)

    def change_term(self, view: View, term_id: int) -> Reply:
        """Close a term, open it again, or accept what is proposed."""
        return self._change(view, _term, term_id)

    def change_section(self, view: View, section_id: int) -> Reply:
        """Close a section, or accept what is proposed."""
        return self._change(view, _section, section_id)

    def _change(
        self, view: View, find: Callable[[Connection, int], ClosingTarget], number: int
    ) -> Reply:
        steps = {
            "close": _close,
            "reopen": _reopen,
            "accept": _accept_ticked,
            "accept-all": _accept_all,
        }
        action = view.text("action")
        if action not in steps:
            raise PageError(_("This form is not known here."))
        try:
            if action == "close" and not view.text("seen"):
                return self._ask(view, find, number)
            with self._parts.database.write() as connection:
                target = _known(connection, find, number)
                note = steps[action](connection, view, target)
        except _OtherThanSeen as problem:
            return self._ask(view, find, number, problem=str(problem))
        except (Refused, NotPossible) as problem:
            return self._show(find, number, problem=str(problem), why=view.text("why"))
        return go(target.path, note)

    def _ask(
        self,
        view: View,
        find: Callable[[Connection, int], ClosingTarget],
        number: int,
        problem: str = "",
    ) -> Reply:
        """Say in words what closing means, before anything is done."""
        with self._parts.database.read() as connection:
            target = _known(connection, find, number)
            system = closing.score_system_of(connection, _system_id(view))
            stored = final_marks.counts(connection, target.wanted).total()
            again = target.is_closed(stored)
            seen = closing.preview(connection, target.wanted, only_joined=again)
        if again and not seen.marks:
            raise Refused("term", _("%(term)s is closed already.", term=target.title))
        if not seen.marks:
            raise Refused("term", _("There is no student whose mark could be stored here."))
        return page(
            "closing_confirm.html",
            status=400 if problem else 200,
            target=target,
            system=system,
            words=in_words(seen),
            empty=seen.without,
            hidden=seen.hidden,
            uncoded=seen.uncoded,
            waiting=seen.waiting,
            seen=seen.marks,
            stored=stored,
            again=again,
            problem=problem,
        )

    def _show(
        self,
        find: Callable[[Connection, int], ClosingTarget],
        number: int,
        *,
        problem: str = "",
        why: str = "",
    ) -> Reply:
        with self._parts.database.read() as connection:
            target = _known(connection, find, number)
            marks = final_marks.counts(connection, target.wanted)
            since = final_marks.since(connection, target.wanted)
            proposed = since.proposals
            finals = (
                [p.final for p in proposed]
                if target.section_id is None
                else final_marks.finals(connection, wanted=target.wanted)
            )
            lines = _lines(connection, finals, proposed)
            sections = _sections(connection, target)
            systems = scores.all_systems(connection, hidden_too=False)
            joined = since.joined if target.is_closed(marks.total()) else ()
            names = _names(connection, joined) if target.section_id is not None else []
            latest = final_marks.latest_system(connection, target.wanted) if joined else None
        return page(
            "final_marks.html",
            status=400 if problem else 200,
            target=target,
            lines=lines if target.section_id is not None else lines[:PROPOSALS_SHOWN],
            count=len(proposed),
            digest=final_marks.digest(proposed),
            marks=marks,
            total=marks.total(),
            sections=sections,
            waiting=Counter(p.final.section_id for p in proposed),
            systems=[s.system for s in systems],
            joined=len({s.person_id for s in joined}),
            joined_names=names,
            joined_by_section=Counter(s.section_id for s in since.joined),
            latest_system=latest,
            problem=problem,
            why=why,
            max_why=MAX_WHY_CHARS,
        )


class _OtherThanSeen(Exception):
    """Closing would now store another number of marks than the confirmation showed."""


def in_words(seen: Preview) -> str:
    """Write what closing is about: 180 final marks of 71 students in 3 sections."""
    return _(
        "%(marks)s of %(students)s in %(sections)s",
        marks=ngettext("%(num)s final mark", "%(num)s final marks", seen.marks),
        students=ngettext("%(num)s student", "%(num)s students", seen.students),
        sections=ngettext("%(num)s section", "%(num)s sections", seen.sections),
    )


def _term(connection: Connection, term_id: int) -> ClosingTarget:
    found = years.one_term(connection, term_id)
    path = f"{SCHOOL}/terms/{found.id}/final"
    wanted = final_marks.of_term(found.id)
    return ClosingTarget(found.full_title, path, wanted, found.id, None, found.closed_unix_s)


def _section(connection: Connection, section_id: int) -> ClosingTarget:
    rows = lookup.by_ids(connection, [section_id])
    if not rows:
        raise NotThere(_("There is no such section."))
    title = rows[0].name or _("Section %(id)s", id=section_id)
    path = f"{SECTIONS}/{section_id}/final"
    return ClosingTarget(title, path, final_marks.of_section(section_id), None, section_id, None)


def _known(
    connection: Connection, find: Callable[[Connection, int], ClosingTarget], number: int
) -> ClosingTarget:
    return find(connection, filters.known_id(number))


def _sections(connection: Connection, target: ClosingTarget) -> list[SectionRow]:
    if target.term_id is None:
        return []
    wanted = Wanted(term_id=target.term_id)
    return lookup.find(connection, wanted, limit=SECTIONS_SHOWN)[0]


def _names(connection: Connection, joined: Sequence[Standing]) -> list[str]:
    """Return who joined, with what they have reached so far."""
    people = labels.people(connection, (s.person_id for s in joined))
    in_order = sorted(joined, key=lambda s: people[s.person_id].list_order)
    return [f"{people[s.person_id].sorted_name} ({paper.percent(s.percent)})" for s in in_order]


def _lines(
    connection: Connection, finals: Sequence[Final], proposed: Sequence[Proposal]
) -> list[Line]:
    states = labels.School(connection).states
    people = labels.people(connection, (f.person_id for f in finals))
    ids = sorted({f.section_id for f in finals})
    names = {s.id: s.name for s in lookup.by_ids(connection, ids)}
    of = {(p.final.section_id, p.final.person_id): p for p in proposed}
    found = []
    for final in finals:
        new = of.get((final.section_id, final.person_id))
        found.append(
            Line(
                final,
                people[final.person_id].sorted_name,
                names[final.section_id],
                _mark(final),
                states.get(final.code, final.code),
                new,
                _mark(new) if new else "",
                states.get(new.code, new.code) if new else "",
            )
        )
    return sorted(
        found,
        key=lambda line: (
            line.proposal is None,
            folded(line.section),
            line.final.section_id,
            folded(line.student),
        ),
    )


def _mark(one: Final | Proposal) -> str:
    """Write a mark with its percentage, where the mark is not the percentage itself."""
    percent = paper.percent(one.percent)
    mark = shown_mark(one.mark, one.percent)
    return percent if mark in ("", percent) else f"{mark} ({percent})"


def _author(view: View) -> Author:
    why = several_lines(view.text("why"), _("The reason"), limit=MAX_WHY_CHARS)
    return Author(view.who, view.now_unix_s, why)


def _system_id(view: View) -> int:
    system_id = filters.row_id(view.text("system"))
    if system_id is None:
        raise Refused("system", _("Choose a score system, by which the marks are written."))
    return system_id


def _close(connection: Connection, view: View, target: ClosingTarget) -> str:
    author, system_id = _author(view), _system_id(view)
    if target.term_id is not None:
        stored = closing.close_term(connection, author, target.term_id, system_id)
    else:
        stored = closing.close_section(connection, author, target.section_id or 0, system_id)
    if view.text("seen") != str(stored):
        raise _OtherThanSeen(
            _(
                "Meanwhile it is about other students or sections; please look again. "
                "Nothing was changed."
            )
        )
    return ngettext(
        "%(title)s is closed: %(num)s final mark stored.",
        "%(title)s is closed: %(num)s final marks stored.",
        stored,
        title=target.title,
    )


def _reopen(connection: Connection, view: View, target: ClosingTarget) -> str:
    if target.term_id is None:
        raise PageError(_("This form is not known here."))
    closing.reopen_term(connection, _author(view), target.term_id)
    return _(
        "%(term)s is open again; its final marks stand until you close it anew.", term=target.title
    )


def _accept_ticked(connection: Connection, view: View, target: ClosingTarget) -> str:
    ticked = set(view.all("mark"))
    if not ticked:
        raise Refused("mark", _("Tick the marks to accept first."))
    author = _author(view)

    def is_chosen(proposal: Proposal) -> bool:
        final = proposal.final
        seen = final_marks.digest([proposal])
        return f"{final.section_id}-{final.person_id}-{seen}" in ticked

    accepted = closing.accept_where(connection, author, target.wanted, is_chosen)
    left = len(ticked) - accepted
    note = _changed(accepted)
    if left:
        message = ngettext(
            "%(num)s of those ticked changed meanwhile and were left; look again.",
            "%(num)s of those ticked changed meanwhile and were left; look again.",
            left,
        )
        note += f" {message}"
    return note


def _accept_all(connection: Connection, view: View, target: ClosingTarget) -> str:
    seen = view.text("digest")
    if not seen:
        raise PageError(_("This form is not known here."))
    accepted = closing.accept_where(connection, _author(view), target.wanted, seen=seen)
    return _changed(accepted)


def _changed(count: int) -> str:
    return ngettext("%(num)s final mark changed.", "%(num)s final marks changed.", count)
