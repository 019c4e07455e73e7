"""Whom a section's peer means when it names a teacher, for many people by few statements.

Source: RULES 1.3, 1.4, R46.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.history import identity, links
from schooltool_bridge.history.fold import TeacherRow
from schooltool_bridge.store.model import (
    person,
    person_history,
    person_link,
    section,
    section_history,
)


def names(
    connection: Connection, peer_id: int | None, everybody: Iterable[Collection[int]]
) -> list[set[str]]:
    """Return what a peer may call each of some people, given by all their rows.

    In the form compared. None: nobody's section, where only the school's own numbers count.
    """
    people = [*everybody]
    owner = {row: number for number, rows in enumerate(people) for row in rows}
    found: list[set[str]] = [set() for _person in people]
    # With our ids of people, the peer's and the former number.
    once: list[tuple[int, int, str]] = []
    for part in in_parts(sorted(owner)):
        values = {"peer": peer_id, "people": part}
        for link in connection.execute(_LINKS, values):
            theirs = (link.idnumber_key, OWN_ID + link.moodle_id if link.moodle_id else None)
            found[owner[link.person_id]].update(filter(None, theirs))
            former = link.former_number
            if former is not None and key(former) != link.idnumber_key:
                once.append((link.person_id, link.peer_id, former))
        own: dict[int, tuple[str, set[int | None]]] = {}
        for row in connection.execute(_OWN, values):
            _number, apart = own.setdefault(row.id, (row.idnumber_key, set()))
            if row.apart_id is not None:
                apart.add(owner.get(row.apart_id))
        for row_id, (number, apart) in own.items():
            # The peer may call somebody else so, who was kept apart.
            if not apart - {owner[row_id]}:
                found[owner[row_id]].add(number)
    if once:
        for row_id, _peer_id, name in links.former(connection, once, identity.roots(connection)):
            found[owner[row_id]].add(name)
    return found


def teacher_rows(
    connection: Connection,
    memberships: Collection[tuple[int, int]],
    rows_of: Mapping[int, Collection[int]],
) -> dict[tuple[int, int], list[TeacherRow]]:
    """Return of memberships the sections' rows that name a teacher, and whether it is that person.

    `memberships` are sections and people, `rows_of` gives all rows of a person.
    """
    history = section_history
    named: dict[int, list[sa.Row[Any, Any, Any, Any, Any, Any, Any]]] = defaultdict(list)
    of_peer: dict[int | None, list[tuple[int, int]]] = defaultdict(list)
    peers: dict[int, int | None] = {}
    for part in in_parts(sorted({section_id for section_id, _who in memberships})):
        for row in connection.execute(_NAMING.where(history.c.section_id.in_(part))):
            named[row.section_id].append(row)
            peers[row.section_id] = row.peer_id
    for membership in memberships:
        if membership[0] in named:
            of_peer[peers[membership[0]]].append(membership)
    found: dict[tuple[int, int], list[TeacherRow]] = {}
    for peer_id, places in of_peer.items():
        people = list(dict.fromkeys(who for _section_id, who in places))
        called = dict(
            zip(people, names(connection, peer_id, map(rows_of.__getitem__, people)), strict=True)
        )
        for section_id, who in places:
            found[section_id, who] = [
                TeacherRow(
                    r.id,
                    r.effective_unix_s,
                    r.seq,
                    r.recorded_unix_s,
                    key(r.teacheridnumber) in called[who],
                )
                for r in named[section_id]
            ]
    return found


_FORMER = links.FORMER_NUMBER.element
# With numbers that they had before; what differs only in how it is written is sorted out after.
_LINKS = (
    sa.select(
        person_link.c.person_id,
        person_link.c.peer_id,
        person_link.c.idnumber_key,
        person_link.c.moodle_id,
        links.FORMER_NUMBER,
    )
    .select_from(
        person_link.outerjoin(
            person_history,
            sa.and_(
                person_history.c.link_id == person_link.c.id,
                _FORMER.is_not(None),
                _FORMER.is_distinct_from(person_link.c.idnumber_key),
            ),
        )
    )
    .where(
        person_link.c.peer_id == sa.bindparam("peer"),
        person_link.c.person_id.in_(sa.bindparam("people", expanding=True)),
    )
)
_APART = person_link.alias("apart")
_OWN = (
    sa.select(person.c.id, person.c.idnumber_key, _APART.c.person_id.label("apart_id"))
    .select_from(
        person.outerjoin(
            _APART,
            sa.and_(
                _APART.c.idnumber_key == person.c.idnumber_key,
                _APART.c.peer_id == sa.bindparam("peer"),
                _APART.c.kept_apart,
            ),
        )
    )
    .where(
        person.c.id.in_(sa.bindparam("people", expanding=True)),
        person.c.idnumber_key.is_not(None),
    )
)
_NAMING = (
    sa.select(
        section_history.c.id,
        section_history.c.section_id,
        section_history.c.effective_unix_s,
        section_history.c.seq,
        section_history.c.recorded_unix_s,
        section_history.c.teacheridnumber,
        section.c.peer_id,
    )
    .join_from(section_history, section, section.c.id == section_history.c.section_id)
    .where(section_history.c.teacheridnumber != "")
)
