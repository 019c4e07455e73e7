"""In which order a list of sections stands: by name, or by any other of its columns.

What has nothing there comes last, also from the last to the first; among equals the order is that
of names, then of segments. Source: RULES 1.4, 1.8.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import FoldedColumn
from peers.model import peer
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import identity, meaning, present
from schooltool_bridge.store.model import enrolment_state, person, section
from schooltool_bridge.store.model_school import course, term

NAME, IDNUMBER, FILED, LINKED, TEACHERS, STUDENTS = SORTS = (
    "name", "idnumber", "filed", "linked", "teachers", "students",
)  # fmt: skip
Key = sa.ColumnElement[Any]
# The sections, joined with what they are sorted by, and that.
Keyed = tuple[sa.Select[Any], list[Key]]


def sorted_by(
    connection: Connection, sections: sa.Select[Any], by: str, *, is_down: bool
) -> sa.Select[Any]:
    """Return a select of sections (`section`) in an order; `by` is one of SORTS."""
    name, *others = _by_name()
    if by == NAME:
        return sections.order_by(name.desc() if is_down else name, *others)
    sections, keys = _KEYS[by](connection, sections)
    empty_last = sa.case((keys[0].is_(None), 1), else_=0)
    in_order = [key.desc() if is_down else key for key in keys]
    return sections.order_by(empty_last, *in_order, name, *others)


def _by_name() -> list[Key]:
    """By name; segments that are numbers by value, then words (common/segments.py)."""
    segment = section.c.segment
    is_number = sa.func.ltrim(segment, "0123456789") == ""
    digits = sa.case((is_number, sa.func.length(sa.func.ltrim(segment, "0"))), else_=0)
    words_last = sa.case((is_number, 0), else_=1)
    return [FoldedColumn(section.c.name), words_last, digits, segment, section.c.id]


def _idnumber(_connection: Connection, sections: sa.Select[Any]) -> Keyed:
    return sections, [sa.func.nullif(FoldedColumn(section.c.idnumber), "")]


def _filed(_connection: Connection, sections: sa.Select[Any]) -> Keyed:
    sections = sections.outerjoin(course, course.c.id == section.c.course_id)
    sections = sections.outerjoin(term, term.c.id == section.c.term_id)
    code = FoldedColumn(course.c.code)
    return sections, [
        sa.func.coalesce(code, sa.case((term.c.id.is_not(None), ""))),
        term.c.first_day,
    ]


def _linked(_connection: Connection, sections: sa.Select[Any]) -> Keyed:
    is_linked = sa.not_(section.c.unlinked)
    brought = sections.outerjoin(peer, sa.and_(peer.c.id == section.c.peer_id, is_linked))
    return brought, [peer.c.wwwroot]


def _teachers(connection: Connection, sections: sa.Select[Any]) -> Keyed:
    who = FoldedColumn(person.c.lastname)
    return _by_members(connection, sections, TEACHER, sa.func.min(who))


def _students(connection: Connection, sections: sa.Select[Any]) -> Keyed:
    sections, (count,) = _by_members(connection, sections, STUDENT, sa.func.count())
    return sections, [sa.func.coalesce(count, 0)]


def _by_members(connection: Connection, sections: sa.Select[Any], role: str, value: Key) -> Keyed:
    """Join what the people who are in a section now make of it together."""
    now = present.enrolments(connection)
    members = (
        sa.select(now.c.section_id, value.label("value"))
        .select_from(
            now.join(person, person.c.id == now.c.person_id).join(
                enrolment_state, enrolment_state.c.code == now.c.code
            )
        )
        .where(now.c.role == role, meaning.IS_ACTIVE, now.c.person_id.not_in(identity.MERGED))
        .group_by(now.c.section_id)
        .subquery("members")
    )
    return sections.outerjoin(members, members.c.section_id == section.c.id), [members.c.value]


_KEYS = {
    IDNUMBER: _idnumber,
    FILED: _filed,
    LINKED: _linked,
    TEACHERS: _teachers,
    STUDENTS: _students,
}
