"""Where sections are filed (a course and a term, or ongoing) and which one continues which.

Enrolments, assessments and grades are never touched by it. Every change is kept in
section_filing with who, when and why; works in the caller's transaction with its entry in the
audit trail; what is refused raises NotPossible, with nothing half done.
Source: RULES R41-R45, A.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, SOURCE, _, speaking
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history import joined
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, years
from schooltool_bridge.school.chains import Links, Part, check_link, check_order, links_of
from schooltool_bridge.school.courses import Course
from schooltool_bridge.school.written import several_lines
from schooltool_bridge.school.years import OWN_ORDER, Term
from schooltool_bridge.store.model import section
from schooltool_bridge.store.model_school import section_filing

ONGOING = N_("Ongoing")
# A school's whole year of sections at once; a longer list is filed in two goes.
MAX_AT_ONCE = 400
MAX_WHY_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Filed:
    """A section and where it is filed; course and term None: ongoing."""

    id: int
    name: str
    course_id: int | None
    term_id: int | None
    linked_id: int | None


def links(connection: Connection) -> Links:
    """Return what continues what, over all sections; one question."""
    rows = connection.execute(
        sa.select(
            section.c.id,
            section.c.peer_id,
            section.c.idnumber,
            section.c.segment,
            section.c.previous_id,
        )
    )
    found = [Part(*row) for row in rows]
    return links_of(found, joined.homes_now(connection))


def file(
    connection: Connection,
    author: Author,
    section_ids: Sequence[int],
    *,
    course_id: int | None,
    term_id: int | None,
) -> int:
    """File sections under a course in a term, or with neither back to ongoing.

    Returns how many were moved; those that are there already are left alone. Raises NotPossible
    and NotThere.
    """
    one_at_a_time(connection, OWN_ORDER)
    why = several_lines(author.why, _("The reason"), limit=MAX_WHY_CHARS)
    ids = list(dict.fromkeys(section_ids))
    if not ids:
        raise NotPossible(_("Choose a section first."))
    if len(ids) > MAX_AT_ONCE:
        raise NotPossible(_("At most %(count)s sections at once, please.", count=MAX_AT_ONCE))
    if (course_id is None) != (term_id is None):
        if term_id is None:
            raise NotPossible(_("Choose a term too, or neither for Ongoing."))
        raise NotPossible(_("Choose a course too, or neither for Ongoing."))
    to_course = courses.one(connection, course_id) if course_id is not None else None
    to_term = years.one_term(connection, term_id) if term_id is not None else None
    known = _sections(connection, ids)
    moving = [s for s in known if (s.course_id, s.term_id) != (course_id, term_id)]
    connected = _with_neighbours(connection, ids)
    term_by_section = {s.id: term_id if s.id in ids else s.term_id for s in connected.values()}
    _check_all(connection, connected, term_by_section, ids)
    course_of = {c.id: c for c in courses.all_courses(connection)}
    term_of = {t.id: t for t in years.all_terms(connection)}
    for each in moving:
        now = Filed(each.id, each.name, course_id, term_id, each.linked_id)
        _write(connection, author, now, why)
        with speaking(SOURCE):  # as everything that is stored
            before = filed_text(course_of.get(each.course_id or 0), term_of.get(each.term_id or 0))
            detail = {"before": before, "after": filed_text(to_course, to_term)}
        author.note(connection, N_("section filed"), f"section {each.id}", detail)
    return len(moving)


def link(connection: Connection, author: Author, section_id: int, previous_id: int | None) -> bool:
    """Say which section another one continues; None: none. Tells whether that is new.

    Raises NotPossible and NotThere.
    """
    one_at_a_time(connection, OWN_ORDER)
    why = several_lines(author.why, _("The reason"), limit=MAX_WHY_CHARS)
    wanted = [section_id] if previous_id is None else [section_id, previous_id]
    known = {s.id: s for s in _sections(connection, list(dict.fromkeys(wanted)))}
    this = known[section_id]
    if previous_id is not None:
        check_link(links(connection), section_id, previous_id)
        terms = {t.id: t for t in years.all_terms(connection)}
        check_order(
            terms.values(),
            terms.get(known[previous_id].term_id or 0),
            terms.get(this.term_id or 0),
            by_hand=True,
        )
    if this.linked_id == previous_id:
        return False
    now = Filed(this.id, this.name, this.course_id, this.term_id, previous_id)
    _write(connection, author, now, why)
    detail = {"before": this.linked_id, "after": previous_id}
    author.note(connection, N_("section linked"), f"section {section_id}", detail)
    return True


def filed_text(in_course: Course | None, in_term: Term | None) -> str:
    """Say where a section is filed."""
    codes = [in_course.code] if in_course else []
    return ", ".join([*codes, in_term.full_title] if in_term else codes) or _(ONGOING)


def _sections(connection: Connection, ids: Sequence[int]) -> list[Filed]:
    rows = connection.execute(_FILED.where(section.c.id.in_(ids)))
    found = {row.id: Filed(*row) for row in rows}
    missing = [str(i) for i in ids if i not in found]
    if missing:
        raise NotThere(_("There is no section %(id)s (any more).", id=missing[0]))
    return [found[i] for i in ids]


def _with_neighbours(connection: Connection, ids: Sequence[int]) -> dict[int, Filed]:
    """These sections and whatever is linked with them by one step."""
    all_links = links(connection)
    near = set(ids)
    for each in ids:
        before = all_links.previous(each)
        near |= {before} if before is not None else set()
    near |= {s for s, p in (*all_links.by_hand.items(), *all_links.by_segment.items()) if p in near}
    return {s.id: s for s in _sections(connection, sorted(near))}


def _check_all(
    connection: Connection,
    known: Mapping[int, Filed],
    term_by_section: Mapping[int, int | None],
    moved: Sequence[int],
) -> None:
    """Look at every link of a section that moves, as it would be afterwards."""
    all_links = links(connection)
    terms = {t.id: t for t in years.all_terms(connection)}
    for each in known.values():
        before_id = all_links.previous(each.id)
        if before_id not in known or not {each.id, before_id} & set(moved):
            continue
        assert before_id is not None
        by_hand = each.id not in all_links.by_segment
        try:
            check_order(
                terms.values(),
                terms.get(term_by_section[before_id] or 0),
                terms.get(term_by_section[each.id] or 0),
                by_hand=by_hand,
            )
        except NotPossible as problem:
            message = _(
                "%(section)s continues %(before)s.",
                section=repr(each.name),
                before=repr(known[before_id].name),
            )
            remedy = _("Unlink them first, or file one of them as ongoing.") if by_hand else ""
            raise NotPossible(f"{message} {problem} {remedy}".strip()) from None


def _write(connection: Connection, author: Author, now: Filed, why: str) -> None:
    """Write where a section is filed now, into its history and its row."""
    columns: dict[str, Any] = {
        "course_id": now.course_id,
        "term_id": now.term_id,
        "previous_id": now.linked_id,
    }
    connection.execute(
        sa.insert(section_filing).values(
            section_id=now.id,
            effective_unix_s=author.now_unix_s,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=why,
            **columns,
        )
    )
    connection.execute(sa.update(section).where(section.c.id == now.id).values(columns))


_FILED = sa.select(
    section.c.id, section.c.name, section.c.course_id, section.c.term_id, section.c.previous_id
)
