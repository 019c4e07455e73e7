"""What people are at the school now - student, teacher, other - and whether a rule lists that.

Somebody is what they are in a section that is there, as an active enrolment says, whichever peer
brought it; in none: other. Who is both counts as both, and one of them is enough for a rule.
Source: RULES 1.6, 1.7, R30; the policies land_roles and jump_roles (peers/policy.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.policy import OTHER, SCHOOL_ROLES, STUDENT, TEACHER
from schooltool_bridge.history import meaning, present
from schooltool_bridge.store.model import ACTIVE, enrolment_state, person, section


def of_person(connection: Connection, person_id: int) -> tuple[str, ...]:
    """Return what a person is now, one or both of student and teacher, or other."""
    return of_people(connection, [person_id])[person_id]


def of_people(connection: Connection, ids: Collection[int]) -> Mapping[int, tuple[str, ...]]:
    """Return what some people are now, by their ids; at most a page of them."""
    found: dict[int, set[str]] = {person_id: set() for person_id in ids}
    now = present.enrolments(connection)
    rows = sa.select(now.c.person_id, now.c.role).distinct()
    for row in connection.execute(_active(rows, now).where(now.c.person_id.in_(ids))):
        found[row.person_id].add(row.role)
    return {
        person_id: tuple(role for role in SCHOOL_ROLES if role in roles) or (OTHER,)
        for person_id, roles in found.items()
    }


def are(
    connection: Connection, wanted: Iterable[str], person_id: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    """Return the condition that whoever a column names has one of these roles now."""
    listed = set(wanted)
    held = [role for role in (STUDENT, TEACHER) if role in listed]
    now = present.enrolments(connection)
    conditions = [_holds(now, person_id, held)] if held else []
    if OTHER in listed:
        conditions.append(sa.not_(_holds(now, person_id, [STUDENT, TEACHER])))
    return sa.or_(sa.false(), *conditions)


def ranked(connection: Connection) -> sa.Subquery:
    """Return `who` is a student (`value` 0) or only a teacher (1) now; the others are not in it."""
    now = present.enrolments(connection)
    value = sa.func.min(sa.case((now.c.role == STUDENT, 0), else_=1)).label("value")
    rows = sa.select(now.c.person_id.label("who"), value).group_by(now.c.person_id)
    return _active(rows, now).subquery("roles_now")


def may(connection: Connection, person_id: int, listed: Collection[str]) -> bool:
    """Tell whether a rule that lists these roles lets a person through."""
    if set(listed) == set(SCHOOL_ROLES):
        return True
    is_listed = are(connection, listed, person.c.id)
    known = sa.select(person.c.id).where(person.c.id == person_id, is_listed)
    return connection.execute(known).first() is not None


def _holds(
    now: sa.Subquery, person_id: sa.ColumnElement[int], roles: list[str]
) -> sa.ColumnElement[bool]:
    held = _active(sa.select(now.c.id), now).where(
        now.c.person_id == person_id, now.c.role.in_(roles)
    )
    return held.correlate_except(now, enrolment_state, section).exists()


def _active(rows: sa.Select[Any], now: sa.Subquery) -> sa.Select[Any]:
    joined = now.join(section, section.c.id == now.c.section_id).join(
        enrolment_state, enrolment_state.c.code == now.c.code
    )
    return rows.select_from(joined).where(meaning.IS_ACTIVE, section.c.status == ACTIVE)
