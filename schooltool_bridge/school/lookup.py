"""Sections as pages show them: found by where they are filed, and one with everything around it.

Only reads, in a number of questions that does not grow with the data; a roster on an earlier day
is reports/as_of.py's business. Source: RULES R41-R47, R54.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import folding
from mnet.database import now_unix_s
from mnet.folding import FoldedColumn
from peers.model import peer
from schooltool_bridge.common import hiding
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import identity, joined, linked, meaning, past, present
from schooltool_bridge.school import section_order, years
from schooltool_bridge.store import shipped_titles
from schooltool_bridge.store.model import ACTIVE, assessment, enrolment_state, person, section
from schooltool_bridge.store.model_school import category, course, section_filing


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sections to find; None and empty: all."""

    term_id: int | None = None
    course_id: int | None = None
    ongoing: bool = False
    peer_id: int | None = None
    text: str = ""
    # Only those that are linked with no peer now.
    not_linked: bool = False
    # Only those older than the school's first year (history/past.py), which are not ongoing.
    past: bool = False


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A section in a list."""

    id: int
    idnumber: str | None
    segment: str
    name: str
    is_deleted: bool
    # The peer that brought it; empty: made here.
    peer_name: str
    peer_wwwroot: str
    course_id: int | None
    course_code: str
    term_id: int | None
    term_title: str
    # Older than the school's first year.
    is_past: bool = False
    # It is this school's own, and was removed here.
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a section, or who was."""

    person_id: int
    name: str
    idnumber: str | None
    code: str
    state: str
    is_active: bool
    since_unix_s: int
    # When it begins, while that is still to come.
    starts_unix_s: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Item:
    """An assessment of a section."""

    id: int
    name: str
    points: str
    category: str
    due_day: date | None
    is_deleted: bool
    by_hand: bool
    # Students do not see it now.
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Filing:
    """A line of a section's filing history."""

    recorded_unix_s: int
    by_actor: str
    why: str
    course_id: int | None
    term_id: int | None
    previous_id: int | None


def find(connection: Connection, wanted: Wanted, *, limit: int) -> tuple[list[SectionRow], int]:
    """Return the first of the sections that are wanted, by name, and how many there are in all."""
    found = ids(connection, wanted)
    return by_ids(connection, found[:limit]), len(found)


def ids(
    connection: Connection,
    wanted: Wanted,
    by: str = section_order.NAME,
    *,
    is_down: bool = False,
) -> list[int]:
    """Return all sections that are wanted, in an order (section_order.py)."""
    query = sa.select(section.c.id).where(joined.is_shown(section.c.id))
    for column, value in (
        (section.c.term_id, wanted.term_id),
        (section.c.course_id, wanted.course_id),
    ):
        query = query if value is None else query.where(column == value)
    if wanted.peer_id is not None:
        query = query.where(joined.is_of_peer(section, wanted.peer_id))
    if wanted.ongoing:
        query = query.where(section.c.term_id.is_(None), section.c.course_id.is_(None))
        query = query.where(sa.not_(past.past_sections(connection)))
    if wanted.past:
        query = query.where(past.past_sections(connection))
    if wanted.not_linked:
        query = query.where(linked.without_sections())
    for word in folding.words(wanted.text):
        names = (FoldedColumn(section.c.name), FoldedColumn(section.c.idnumber))
        query = query.where(sa.or_(*(name.contains(word, autoescape=True) for name in names)))
    in_order = section_order.sorted_by(connection, query, by, is_down=is_down)
    return list(connection.execute(in_order).scalars())


def by_ids(connection: Connection, ids: Sequence[int]) -> list[SectionRow]:
    """Return these sections, in this order; unknown ones are left out."""
    terms = {t.id: t.full_title for t in years.all_terms(connection)}
    homes = joined.homes(connection, ids)
    gone = sa.select(section.c.id).where(section.c.id.in_(homes), section.c.status != ACTIVE)
    deleted_there = {homes[i] for i in connection.execute(gone).scalars()} if homes else set()
    first = past.first_day(connection)
    rows = connection.execute(
        sa.select(section, peer.c.name.label("peer_name"), peer.c.wwwroot, course.c.code)
        .select_from(
            section.outerjoin(peer, peer.c.id == section.c.peer_id).outerjoin(
                course, course.c.id == section.c.course_id
            )
        )
        .where(section.c.id.in_(ids))
    )
    found = {
        r.id: SectionRow(
            r.id,
            r.idnumber,
            r.segment,
            r.name,
            r.status != ACTIVE or r.id in deleted_there,
            r.peer_name or r.wwwroot or "",
            r.wwwroot or "",
            r.course_id,
            r.code or "",
            r.term_id,
            terms.get(r.term_id, ""),
            past.is_past(
                r.starts_day,
                r.ends_day,
                is_filed=(r.term_id, r.course_id) != (None, None),
                first=first,
            ),
            r.status != ACTIVE and (r.peer_id is None or r.unlinked),
        )
        for r in rows
    }
    return [found[i] for i in ids if i in found]


def teachers_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return who teaches these sections now, by section."""
    found: dict[int, list[str]] = {}
    for section_id, member in _members(connection, ids, TEACHER):
        if member.is_active:
            found.setdefault(section_id, []).append(member.name)
    return found


def people_of(connection: Connection, section_id: int, role: str = STUDENT) -> list[Member]:
    """Return everybody who is or was in a section in a role; who is there now comes first."""
    found = [member for _section, member in _members(connection, [section_id], role)]
    return sorted(found, key=lambda p: (not p.is_active, folding.folded(p.name), p.person_id))


def student_counts(connection: Connection, ids: Sequence[int]) -> Counter[int]:
    """Count who is in these sections now, by section."""
    now = present.enrolments(connection)
    rows = connection.execute(
        sa.select(now.c.section_id, sa.func.count())
        .join_from(now, enrolment_state, enrolment_state.c.code == now.c.code)
        .where(
            now.c.section_id.in_(ids),
            now.c.role == STUDENT,
            meaning.IS_ACTIVE,
            now.c.person_id.not_in(identity.MERGED),
        )
        .group_by(now.c.section_id)
    )
    return Counter({row[0]: row[1] for row in rows})


def items_of(connection: Connection, section_id: int) -> list[Item]:
    """Return a section's assessments in the order in which they came."""
    now = now_unix_s(connection)
    rows = connection.execute(
        sa.select(assessment, category.c.title.label("category"))
        .select_from(assessment.outerjoin(category, category.c.id == assessment.c.category_id))
        .where(assessment.c.section_id == section_id)
        .order_by(assessment.c.id)
    )
    return [
        Item(
            r.id,
            r.name,
            r.points,
            r.category or "",
            r.due_day,
            r.status != ACTIVE,
            r.peer_id is None or r.unlinked,
            hiding.at(r.hidden, now) != hiding.SHOWN,
        )
        for r in rows
    ]


def filings_of(connection: Connection, section_id: int, *, limit: int) -> list[Filing]:
    """Return where a section was filed and linked, the latest first."""
    history = section_filing
    rows = connection.execute(
        sa.select(
            history.c.recorded_unix_s,
            history.c.by_actor,
            history.c.why,
            history.c.course_id,
            history.c.term_id,
            history.c.previous_id,
        )
        .where(history.c.section_id == section_id)
        .order_by(history.c.id.desc())
        .limit(limit)
    )
    return [Filing(*row) for row in rows]


def counts(connection: Connection, column: sa.Column[int]) -> Counter[int | None]:
    """Count sections by their term or course; None: ongoing."""
    rows = connection.execute(
        sa.select(column, sa.func.count()).where(joined.is_shown(section.c.id)).group_by(column)
    )
    return Counter({row[0]: row[1] for row in rows})


def _members(connection: Connection, ids: Sequence[int], role: str) -> list[tuple[int, Member]]:
    now = present.enrolments(connection)
    rows = connection.execute(
        sa.select(
            now.c.section_id,
            now.c.person_id,
            now.c.code,
            now.c.since_unix_s,
            now.c.next_unix_s,
            now.c.note,
            person.c.firstname,
            person.c.lastname,
            person.c.username,
            person.c.idnumber,
            meaning.IS_ACTIVE.label("is_active"),
            enrolment_state.c.title,
        )
        .select_from(
            now.join(person, person.c.id == now.c.person_id).join(
                enrolment_state, enrolment_state.c.code == now.c.code
            )
        )
        .where(
            now.c.section_id.in_(ids),
            now.c.role == role,
            now.c.person_id.not_in(identity.MERGED),
        )
        .order_by(now.c.id)
    )
    return [
        (
            r.section_id,
            Member(
                r.person_id,
                f"{r.lastname}, {r.firstname}".strip(", ") or r.username,
                r.idnumber,
                r.code,
                shipped_titles.local_title(r.title),
                bool(r.is_active),
                r.since_unix_s,
                r.next_unix_s if meaning.is_coming(r.code) else None,
                r.note,
            ),
        )
        for r in rows
    ]
