"""Sections in the browser: found, filed many at once, and one with its people and assessments.

The rules of filing and linking stand in schooltool_bridge/school. Source: RULES R41-R47.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from urllib.parse import parse_qsl

from sqlalchemy.engine import Connection

from mnet.language import N_, _, ngettext
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.web.list_files import ListFiles
from peers.web.view import SCHOOL_GROUP, PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.common.days import day_of
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.full_sync import marks, walking
from schooltool_bridge.hand import new_sections, section_suggestions
from schooltool_bridge.history import joined, linked
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, filing, lookup, marking, years
from schooltool_bridge.school.lookup import SectionRow, Wanted
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import (
    filing_form,
    filing_pages,
    filters,
    own_section_steps,
    weights_pages,
)
from schooltool_bridge.web.filing_form import Typed
from schooltool_bridge.web.sections_list import (
    LIST,
    MAX_TEXT_CHARS,
    PLACES,
    SECTIONS,
    Choice,
    found_by,
)

SETTINGS = SECTIONS + "/<int:section_id>/settings"
# A list's choice as an address has it: a text of that length in UTF-8, percent by percent.
MAX_KEPT_CHARS = 4000
# More filings than this of one section nobody reads here; the audit trail has them all.
FILINGS_SHOWN = 20
# A longer list to choose from helps nobody; the command links any two.
MAX_TO_LINK = 300
NOT_LINKED = {"no": N_("Not linked")}


class SectionsPages:
    """The pages of sections."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts
        self._files = ListFiles(
            parts.database, LIST, CLERK, lambda c, view: found_by(c, view, view.query)
        )

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(SECTIONS, self.found, CLERK),
            Route(SECTIONS, self.file_many, CLERK, ("POST",)),
            *self._files.routes(),
            Route(SECTIONS + "/<int:section_id>", self.one, CLERK),
            Route(SETTINGS, self.settings, CLERK),
            Route(SETTINGS, self.change, CLERK, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Sections"), SECTIONS, CLERK, SCHOOL_GROUP)]

    def found(self, view: View) -> Reply:
        """Show sections, chosen by term, course, peer and text."""
        return LIST.chosen(view) or self._list(view, view.query)

    def file_many(self, view: View) -> Reply:
        """File the chosen sections, or show the course of each; the list comes back as it was."""
        kept = view.text("kept", limit=MAX_KEPT_CHARS)
        choices, form = dict(parse_qsl(kept.removeprefix("?"))), filing_form.typed(view)
        try:
            with self._parts.database.write() as connection:
                wanted = Choice.read(choices).wanted(connection)
                chosen = filing_form.chosen(view, form, lookup.ids(connection, wanted))
                if view.text("action") == "suggest":
                    return filing_pages.suggested(connection, chosen, view, kept)
                moved, filed_under = filing_form.file(connection, view, chosen)
        except (NotPossible, NotThere) as problem:
            return self._list(view, choices, problem=str(problem), form=form)
        there = len(set(chosen)) - moved
        note = ngettext(
            "%(num)s section moved to %(place)s.",
            "%(num)s sections moved to %(place)s.",
            moved,
            place=filed_under,
        )
        if there:
            stood = ngettext("%(num)s stood there already.", "%(num)s stood there already.", there)
            note += f" {stood}"
        listed = LIST.asked(view, choices, **Choice.read(choices).in_address)
        return go(listed.address(page=listed.page), note)

    def one(self, view: View, section_id: int) -> Reply:
        """Show a section: where it stands, who is in it, what it is graded by."""
        return self._section(view, section_id, "section.html")

    def settings(self, view: View, section_id: int) -> Reply:
        """Show what can be changed of a section itself."""
        return self._section(view, section_id, "section_settings.html")

    def change(self, view: View, section_id: int) -> Reply:
        """File a section, link it, or weigh its categories."""
        section_id = filters.known_id(section_id)
        action = view.text("action")
        steps: dict[str, Callable[[Connection, View, int], str]] = {
            "file": _file_one,
            "link": _link,
            "unlink": _unlink,
            "weights": weights_pages.weigh,
            "whose": _choose_weights,
            **own_section_steps.STEPS,
        }
        if action not in steps:
            raise PageError(_("This form is not known here."))
        try:
            with self._parts.database.write() as connection:
                note = steps[action](connection, view, section_id)
        except (NotPossible, Refused) as problem:
            template = "section_settings.html"
            return self._section(view, section_id, template, problem=str(problem))
        return go(f"{SECTIONS}/{section_id}/settings", note)

    def _list(
        self,
        view: View,
        asked: Mapping[str, str],
        *,
        problem: str = "",
        form: Typed | None = None,
    ) -> Reply:
        choice = Choice.read(asked)
        with self._parts.database.read() as connection:
            peers = filters.peer_choices(connection)
            listed, found = found_by(connection, view, asked)
            shown = listed.shown(found.total)
            lines = list(found.rows(shown.offset, shown.limit))
            ids = [line.row.id for line in lines]
            seen = filing_form.digest(lookup.ids(connection, choice.wanted(connection)))
            missing_since = marks.missing_since(connection, walking.SECTIONS, ids)
            same = section_suggestions.count(connection)
            links = {line.row.id: line.linked for line in lines}
            terms, catalogue = years.all_terms(connection), courses.all_courses(connection)
            waiting = sum(new_sections.count_waiting(connection, p.id) for p in peers)
            form = form or self._blank(connection, view, choice.term_id, choice.course_id)
        return page(
            "sections.html",
            status=400 if problem else 200,
            rows=lines,
            list=shown,
            total=shown.total,
            waiting=waiting,
            same=same,
            missing_since={i: t for i, t in missing_since.items() if not links[i].reason},
            linked_choices={name: _(title) for name, title in NOT_LINKED.items()},
            peers=peers,
            places={name: _(title) for name, title in PLACES.items()},
            terms=terms,
            courses=catalogue,
            term_choices={str(t.id): t.full_title for t in reversed(terms)},
            course_choices={str(c.id): f"{c.code} {c.title}"[:MAX_TEXT_CHARS] for c in catalogue},
            choice=choice,
            is_filtered=any(choice.in_address.values()),
            list_query=shown.address.removeprefix(SECTIONS),
            problem=problem,
            form=form,
            seen=seen,
            most=filing.MAX_AT_ONCE,
        )

    def _blank(
        self, connection: Connection, view: View, term_id: int | None, course_id: int | None
    ) -> Typed:
        """The form for filing before anything is typed."""
        today = day_of(view.now_unix_s, self._parts.settings.zone)
        return filing_form.blank(connection, today, term_id, course_id)

    def _section(self, view: View, section_id: int, template: str, *, problem: str = "") -> Reply:
        section_id = filters.known_id(section_id)
        with self._parts.database.read() as connection:
            whole = joined.whole(connection, section_id)
            if whole.home_id != section_id:
                return go(f"{SECTIONS}/{whole.home_id}", "")
            links = filing.links(connection)
            chain = links.chain(section_id)
            shown = {row.id: row for row in lookup.by_ids(connection, chain)}
            if section_id not in shown:
                raise PageError(_("There is no such section."), 404)
            this = shown[section_id]
            categories = marking.categories(connection)
            whose = marking.whose_weights(connection, section_id)
            terms, catalogue = years.all_terms(connection), courses.all_courses(connection)
            items = lookup.items_of(connection, section_id)
            taken = {*links.by_hand.values(), *links.by_segment.values()}
            return page(
                template,
                status=400 if problem else 200,
                this=this,
                chain=[shown[i] for i in chain if i in shown],
                linked_id=links.by_hand.get(section_id),
                is_by_segment=section_id in links.by_segment,
                may_follow=_may_follow(connection, this, {*chain, *taken}),
                teachers=lookup.people_of(connection, section_id, TEACHER),
                students=lookup.people_of(connection, section_id),
                items=items,
                linked=linked.of_sections(connection, [section_id])[section_id],
                linked_items=linked.of_assessments(connection, [item.id for item in items]),
                missing_items=marks.missing_since(
                    connection, walking.ASSESSMENTS, [item.id for item in items]
                ),
                missing_since=marks.missing_since(connection, walking.SECTIONS, [section_id]),
                filings=lookup.filings_of(connection, section_id, limit=FILINGS_SHOWN),
                terms=terms,
                courses=catalogue,
                filing=filing_form.typed(view)
                if view.text("action") == "file"
                else self._blank(connection, view, this.term_id, this.course_id),
                term_titles={t.id: t.full_title for t in terms},
                course_codes={c.id: c.code for c in catalogue},
                categories=categories,
                whose=whose,
                weights=weights_pages.shown(connection, section_id),
                one_with=lookup.by_ids(connection, whole.parts[1:]),
                same=len(section_suggestions.suggestions(connection, section_id)),
                problem=problem,
                typed=own_section_steps.typed(view),
            )


def _may_follow(
    connection: Connection, this: SectionRow, taken: Collection[int]
) -> list[SectionRow]:
    """Sections that this one could continue: of the same course first, then all by name."""
    found: dict[int, SectionRow] = {}
    wanted = [Wanted(course_id=this.course_id)] if this.course_id is not None else []
    for each in (*wanted, Wanted()):
        rows, _total = lookup.find(connection, each, limit=MAX_TO_LINK)
        found |= {r.id: r for r in rows if r.id not in taken and r.id not in found}
    return list(found.values())[:MAX_TO_LINK]


def _file_one(connection: Connection, view: View, section_id: int) -> str:
    moved, filed_under = filing_form.file(connection, view, [section_id])
    if moved:
        return _("The section is filed: %(place)s.", place=filed_under)
    return _("It stands there already: %(place)s.", place=filed_under)


def _link(connection: Connection, view: View, section_id: int) -> str:
    previous_id = filters.row_id(view.text("previous"))
    if previous_id is None:
        raise NotPossible(_("Choose the section that this one continues."))
    why, now = view.text("why"), view.now_unix_s
    filing.link(connection, Author(view.who, now, why), section_id, previous_id)
    return _("The sections are linked.")


def _unlink(connection: Connection, view: View, section_id: int) -> str:
    filing.link(connection, Author(view.who, view.now_unix_s), section_id, None)
    return _("The sections are linked no more.")


def _choose_weights(connection: Connection, view: View, section_id: int) -> str:
    whose = view.text("whose")
    if whose not in marking.WHOSE:
        raise PageError(_("This form is not known here."))
    author = Author(view.who, view.now_unix_s, view.text("why"))
    is_new = marking.choose_weights(connection, author, section_id, whose)
    return _("This holds from now on.") if is_new else _("The weights are as they were.")
