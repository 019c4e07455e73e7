"""What the lists show: people, sections, enrolments, grades, the inbox; now or as of a moment.

Plain dicts in the shape that scripts rely on. Where a row names a section, person or
assessment it is the shared idnumber, ours where there is none. Source: RULES 1.8.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import FoldedColumn
from peers.model import peer
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.hiding import SHOWN
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.common.rows import Row
from schooltool_bridge.common.segments import segment_order
from schooltool_bridge.history import as_of, identity, joined, linked, meaning, past, present
from schooltool_bridge.history.finding import people_names, shared_ids
from schooltool_bridge.history.fold import EnrolmentState
from schooltool_bridge.store.model import enrolment, inbox, person, person_link, section
from schooltool_bridge.store.model import enrolment_state as state_table


def people(connection: Connection) -> list[Row]:
    """List the school's people by name."""
    links: dict[int, list[Row]] = {}
    allowed: set[int] = set()
    roots = identity.roots(connection)
    joined = person_link.join(peer, peer.c.id == person_link.c.peer_id)
    for row in connection.execute(
        sa.select(
            person_link.c.person_id, peer.c.wwwroot, person_link.c.username, person_link.c.can_login
        )
        .select_from(joined)
        .order_by(peer.c.wwwroot, person_link.c.id)
    ):
        who = roots.get(row.person_id, row.person_id)
        links.setdefault(who, []).append({"peer": row.wwwroot, "username": row.username})
        allowed |= {who} if row.can_login else set()
    followed = person.outerjoin(peer, peer.c.id == person.c.follows_peer_id)
    rows = connection.execute(
        sa.select(person, peer.c.wwwroot)
        .select_from(followed)
        .order_by(FoldedColumn(person.c.lastname), FoldedColumn(person.c.firstname), person.c.id)
    ).all()
    shared = shared_ids(connection)
    found = linked.of_people(connection, [r.id for r in rows if r.id not in roots])
    merged: dict[int, list[Row]] = {}
    for r in rows:
        if r.id in roots:
            merged.setdefault(roots[r.id], []).append(_merged(r))
    return [
        {
            "id": str(r.id),
            "username": r.username,
            "idnumber": shared.get(r.id),
            "firstname": r.firstname,
            "lastname": r.lastname,
            "email": r.email,
            "can_login": r.can_login or r.id in allowed,
            "origin": r.wwwroot or "manual",
            "links": links.get(r.id, []),
            **_linked(found[r.id]),
            **({"merged": merged[r.id]} if r.id in merged else {}),
        }
        for r in rows
        if r.id not in roots
    ]


def _merged(row: sa.Row[Any]) -> Row:
    """A record under which somebody stood here before it was merged."""
    names = ("username", "idnumber", "firstname", "lastname")
    return {"id": str(row.id), **{name: getattr(row, name) for name in names}}


def all_sections(connection: Connection) -> list[Row]:
    """List the sections with those who teach them now."""
    names = people_names(connection)
    teachers: dict[int, list[str]] = {}
    now = present.enrolments(connection)
    teaching = sa.and_(
        now.c.role == TEACHER,
        meaning.IS_ACTIVE,
        now.c.person_id.not_in(identity.MERGED),
    )
    in_state = sa.select(now).join(state_table, state_table.c.code == now.c.code)
    for row in connection.execute(in_state.where(teaching).order_by(now.c.id)):
        teachers.setdefault(row.section_id, []).append(names[row.person_id])
    rows = connection.execute(
        sa.select(section, peer.c.wwwroot)
        .select_from(section.outerjoin(peer, peer.c.id == section.c.peer_id))
        .where(joined.is_shown(section.c.id))
        .order_by(peer.c.wwwroot, section.c.idnumber)
    ).all()
    found = linked.of_sections(connection, [r.id for r in rows])
    first = past.first_day(connection)
    return [
        {
            "id": str(r.id),
            "idnumber": r.idnumber,
            "name": r.name,
            "segment": r.segment,
            "peer": r.wwwroot,
            "teachers": teachers.get(r.id, []),
            "status": r.status,
            # Older than the school's first year, and not filed.
            "before_first_year": past.is_past(
                r.starts_day,
                r.ends_day,
                is_filed=(r.term_id, r.course_id) != (None, None),
                first=first,
            ),
            **_linked(found[r.id]),
        }
        for r in sorted(
            rows,
            key=lambda r: (
                r.wwwroot or "",
                r.idnumber or "",
                segment_order(r.segment),
                r.id,
            ),
        )
    ]


def _linked(one: linked.Linked) -> Row:
    """The peers with which something is linked, and why with none."""
    if not one.reason:
        return {"linked": [*one.peers], "not_linked": None}
    why = {
        "reason": one.reason,
        "peer": one.peer or None,
        "since": None if one.since_unix_s is None else iso(one.since_unix_s),
        "by": one.by_actor or None,
    }
    return {"linked": [], "not_linked": why}


def assessments(connection: Connection, section_id: int) -> list[Row]:
    """List the assessments of one part of a section, and whether each is linked."""
    snapshot = as_of.of_section(connection, section_id)
    found = linked.of_assessments(connection, [item.id for item in snapshot.items])
    return [
        {
            "id": str(item.id),
            "assessment": item.name_for_scripts,
            "segment": snapshot.segment,
            "name": item.name,
            "max": _number(item.points),
            **_linked(found[item.id]),
        }
        for item in snapshot.items
    ]


def enrolments(
    connection: Connection,
    *,
    section_id: int | None = None,
    person_id: int | None = None,
    at_unix_s: int | None = None,
) -> list[Row]:
    """List enrolments, one row for each section, person and role."""
    if person_id is not None:
        person_id = identity.root(connection, person_id)
    found: list[tuple[int, int, str, EnrolmentState]] = []
    if at_unix_s is None:
        now = present.enrolments(connection)
        mine = _where(now, section_id=section_id, person_id=person_id)
        rows = connection.execute(
            sa.select(now).where(*mine, now.c.person_id.not_in(identity.MERGED))
        )
        found = [
            (r.section_id, r.person_id, r.role, EnrolmentState(r.code, r.since_unix_s, r.note))
            for r in rows
        ]
    else:
        wanted = _where(enrolment, section_id=section_id, person_id=person_id)
        ever = joined.or_ours(sa.select(enrolment.c.section_id).where(*wanted), section)
        if section_id is not None:
            ever = sa.select(section.c.id).where(section.c.id == section_id)
        snapshots = as_of.of_sections(connection, ever, at_unix_s)
        found = [
            (snapshot.id, who, role, state)
            for snapshot in snapshots
            for (who, role), state in snapshot.enrolments.items()
            if person_id in (None, who)
        ]
    named, section_names = people_names(connection), _section_names(connection)
    segments = dict(connection.execute(sa.select(section.c.id, section.c.segment)).all())
    meanings = {r.code: r.meaning for r in connection.execute(sa.select(state_table))}
    listed: list[Row] = [
        {
            "section": section_names[in_section],
            "segment": segments[in_section],
            "person": named[who],
            "role": role,
            "code": state.code,
            "meaning": meanings[state.code],
            "since": iso(state.since_unix_s),
            "note": state.note,
        }
        for in_section, who, role, state in found
    ]
    return sorted(listed, key=_enrolment_order)


def _enrolment_order(row: Row) -> tuple[object, ...]:
    segment = segment_order(str(row["segment"]))
    return str(row["section"]), segment, row["role"] != TEACHER, str(row["person"])


def grades(connection: Connection, section_id: int, at_unix_s: int | None = None) -> list[Row]:
    """List the grades of one part of a section."""
    names = people_names(connection)
    snapshot = as_of.of_section(connection, section_id, at_unix_s)
    return [
        {
            "assessment": item.name_for_scripts,
            "segment": snapshot.segment,
            "name": item.name,
            "person": names[person_id],
            "points": _number(entry.points),
            "max": _number(item.points),
            "excepted": entry.excepted,
            "attempt": entry.attempt,
            "authority": entry.authority,
            "recorded_at": iso(entry.recorded_unix_s),
            "hidden": snapshot.hidden(item, person_id) != SHOWN,
        }
        for item in snapshot.items
        for (of, person_id), entry in sorted(snapshot.entries.items())
        if of == item.id
    ]


def inbox_list(connection: Connection, statuses: Iterable[str]) -> list[Row]:
    """List the inbox's events in these states, oldest first."""
    joined = inbox.join(peer, peer.c.id == inbox.c.peer_id)
    rows = connection.execute(
        sa.select(inbox, peer.c.wwwroot)
        .select_from(joined)
        .where(inbox.c.status.in_(list(statuses)))
        .order_by(inbox.c.id)
    )
    return [
        {
            "id": str(r.id),
            "peer": r.wwwroot,
            "event": r.event,
            "status": r.status,
            "waiting_for": r.waiting_for,
            "reason": r.reason,
            "received_at": iso(r.received_unix_s),
        }
        for r in rows
    ]


def _where(table: sa.FromClause, **wanted: int | None) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in wanted.items() if value is not None]


def _section_names(connection: Connection) -> dict[int, str]:
    rows = connection.execute(sa.select(section.c.id, section.c.idnumber))
    return {r.id: r.idnumber or str(r.id) for r in rows}


def _number(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
